//! Comparisons with registry keys: those of one AND are about the same key and value.

use super::parser::{Literal, Op, Test};
use super::values::{checked, text_op, unknown, wrong};
use crate::ioc::expr::{Case, Node, Registry, Term, Text, TextOp};

/// Roots as they are abbreviated.
const ROOTS: &[(&str, &str)] = &[
    ("HKLM", "HKEY_LOCAL_MACHINE"),
    ("HKCU", "HKEY_CURRENT_USER"),
    ("HKU", "HKEY_USERS"),
    ("HKCR", "HKEY_CLASSES_ROOT"),
    ("HKCC", "HKEY_CURRENT_CONFIG"),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Key,
    Name,
    Data,
}

/// The values of a key have no order, so that an index says no more than `*`.
fn column(keys: &[&str]) -> Option<Column> {
    match keys {
        ["key"] => Some(Column::Key),
        ["values", "*" | "#", "name"] => Some(Column::Name),
        ["values", "*" | "#", "data"] => Some(Column::Data),
        _ => None,
    }
}

/// Whether a property can be compared.
pub fn known(keys: &[&str]) -> bool {
    column(keys).is_some()
}

fn column_of(test: &Test) -> Option<Column> {
    let keys = super::objects::keys(&test.path);
    column(&keys.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Whether it is a plain comparison, so that it can be joined with others.
pub fn joins(test: &Test) -> bool {
    !test.negated && matches!(test.op, Op::Equal | Op::Like | Op::Matches) && column_of(test).is_some()
}

fn compared(test: &Test, value: &Literal) -> Result<Option<(Column, Text)>, String> {
    let (Some(column), Some(op)) = (column_of(test), text_op(test.op)) else { return Ok(None) };
    let value = match value {
        Literal::Text(t) => t.clone(),
        Literal::Number(n) if column == Column::Data => n.to_string(),
        Literal::Bytes(b) if column == Column::Data => crate::model::text::hex(b),
        _ => return Err(wrong(test, "a string")),
    };
    let value = if column == Column::Key && op != TextOp::Matches { spelled_out(&value) } else { value };
    Ok(Some((column, checked(test, op, &value, Case::Fold)?)))
}

/// `HKLM\…` as `HKEY_LOCAL_MACHINE\…`, without a separator at the end.
fn spelled_out(key: &str) -> String {
    let key = key.strip_suffix('\\').unwrap_or(key);
    let (root, rest) = key.split_once('\\').map_or((key, None), |(root, rest)| (root, Some(rest)));
    let full = ROOTS.iter().find(|(short, _)| root.eq_ignore_ascii_case(short)).map(|(_, full)| *full);
    match (full, rest) {
        (None, _) => key.to_owned(),
        (Some(full), None) => full.to_owned(),
        (Some(full), Some(rest)) => format!("{full}\\{rest}"),
    }
}

/// One comparison alone.
pub fn one(test: &Test, value: &Literal) -> Result<Node, String> {
    Ok(match compared(test, value)? {
        None => unknown(test),
        Some((column, text)) => {
            let mut out = Registry::default();
            *out.column(column) = Some(text);
            Node::Term(Term::Registry(out))
        }
    })
}

/// Comparisons of one AND: the first name of a value goes with the first data, and all with the key. Where
/// several keys are asked for, nothing tells which value belongs to which, and each stands alone.
pub fn merged(tests: &[&Test]) -> Result<Vec<Registry>, String> {
    let mut all: Vec<(Column, Text)> = Vec::new();
    for test in tests {
        for value in &test.values {
            all.extend(compared(test, value)?);
        }
    }
    let of = |c: Column| all.iter().filter(move |(column, _)| *column == c).map(|(_, t)| t.clone());
    if of(Column::Key).count() > 1 {
        let alone = |(column, text): (Column, Text)| {
            let mut out = Registry::default();
            *out.column(column) = Some(text);
            out
        };
        return Ok(all.into_iter().map(alone).collect());
    }
    let key = of(Column::Key).next();
    let (mut names, mut data) = (of(Column::Name), of(Column::Data));
    let mut out = Vec::new();
    loop {
        let (value_name, data) = (names.next(), data.next());
        if value_name.is_none() && data.is_none() && !(out.is_empty() && key.is_some()) {
            return Ok(out);
        }
        out.push(Registry { key: key.clone(), value_name, data });
    }
}

impl Registry {
    fn column(&mut self, column: Column) -> &mut Option<Text> {
        match column {
            Column::Key => &mut self.key,
            Column::Name => &mut self.value_name,
            Column::Data => &mut self.data,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parser::parse;
    use super::super::tree::build;
    use super::*;
    use crate::ioc::expr::Pattern;

    fn registries(pattern: &str) -> Vec<[Option<String>; 3]> {
        fn walk(node: &Node, out: &mut Vec<[Option<String>; 3]>) {
            let value = |t: &Option<Text>| t.as_ref().map(|t| t.value().to_owned());
            match node {
                Node::Term(Term::Registry(r)) => out.push([value(&r.key), value(&r.value_name), value(&r.data)]),
                Node::All(list) | Node::Any(list) => list.iter().for_each(|n| walk(n, out)),
                Node::Not(n) => walk(n, out),
                _ => {}
            }
        }
        let mut out = Vec::new();
        let built = build(&parse(pattern).unwrap().tree).unwrap();
        let Pattern::Object(node) = built.pattern else { panic!("{built:?}") };
        walk(&node, &mut out);
        out
    }

    #[test]
    fn one_term_for_a_key_and_its_value() {
        let s = |t: &str| Some(t.to_owned());
        let key = s(r"HKEY_LOCAL_MACHINE\Software\Run");
        assert_eq!(
            registries(
                r"[windows-registry-key:key = 'HKLM\\Software\\Run' AND windows-registry-key:values[*].name = 'x' AND win-registry-key:values[0].data = 'y']"
            ),
            [[key.clone(), s("x"), s("y")]]
        );
        assert_eq!(
            registries(
                r"[windows-registry-key:key = 'HKLM\\Software\\Run' AND windows-registry-key:values[*].name = 'x' AND windows-registry-key:values[*].name = 'z']"
            ),
            [[key.clone(), s("x"), None], [key.clone(), s("z"), None]]
        );
        assert_eq!(registries(r"[windows-registry-key:key = 'hklm\\Software\\Run\\']"), [[key.clone(), None, None]]);
        assert_eq!(
            registries(r"[windows-registry-key:key = 'HKLM\\Software\\Run' AND (windows-registry-key:values[*].name = 'x' OR windows-registry-key:values[*].name = 'z')]").len(),
            3
        );
        assert_eq!(registries(r"[windows-registry-key:key LIKE 'a%' AND windows-registry-key:key LIKE '%b' AND windows-registry-key:values[*].data = 5]").len(), 3);
    }
}
