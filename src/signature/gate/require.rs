//! What must be true of an object before a rule can match it, read from the rule's syntax tree.
//!
//! Every answer is a necessary condition: where a part of a rule says nothing certain, nothing is required for it. What is
//! undefined counts as false in YARA, so that a comparison that holds was defined.

use std::collections::BTreeMap;

use yara_x_parser::ast::{BinaryExpr, Expr, FuncCall, Iterable, Of, OfItems, PatternSet, Quantifier, Rule};

use super::condition::Condition;
use super::literal::Literal;
use super::pattern;
use super::required::{Head, Literals};

/// Reads rules one after the other, those in force alone; later ones refer to earlier ones.
pub struct Reader<'l> {
    pub literals: &'l mut Literals,
    /// Rules of the same file so far.
    pub known: BTreeMap<String, Condition>,
}

/// Of a rule that others name more parts aren't copied into them.
const MOST_PARTS: usize = 1_000;

/// The patterns of a rule by name, and what has to be so where each matches.
pub type Patterns = Vec<(String, Condition)>;

impl Reader<'_> {
    /// What a rule requires.
    pub fn rule(&mut self, rule: &Rule<'_>) -> Condition {
        let patterns = self.patterns(rule);
        let required = self.expr(&rule.condition, &patterns);
        let kept = if required.parts() > MOST_PARTS { Condition::Nothing } else { required.clone() };
        self.known.insert(rule.identifier.name.to_owned(), kept);
        required
    }

    pub fn patterns(&mut self, rule: &Rule<'_>) -> Patterns {
        let mut patterns = Patterns::new();
        for pattern in rule.patterns.iter().flatten() {
            let lists = pattern::of(pattern).into_iter();
            let numbers = lists.filter_map(|list| list.into_iter().map(|l| self.literals.number(l)).collect());
            let condition = Condition::All(numbers.map(Condition::OneOf).collect());
            patterns.push((pattern.identifier().name.to_owned(), condition));
        }
        patterns
    }

    /// What has to be so where an expression is true.
    pub fn expr(&mut self, expr: &Expr<'_>, patterns: &Patterns) -> Condition {
        match expr {
            Expr::False { .. } => Condition::Never,
            Expr::And(and) => Condition::All(self.each(&and.operands, patterns)),
            Expr::Or(or) => Condition::Any(self.each(&or.operands, patterns)),
            Expr::Ident(name) => self.known.get(name.name).cloned().unwrap_or(Condition::Nothing),
            Expr::Of(of) => self.of(of, patterns),
            Expr::FuncCall(call) => self.call(call),
            Expr::PatternMatch(m) => one(m.identifier.name, patterns),
            Expr::Eq(e) => equal(e, patterns),
            Expr::Lt(e) => order(e, patterns, true, 1),
            Expr::Le(e) => order(e, patterns, true, 0),
            Expr::Gt(e) => order(e, patterns, false, 1),
            Expr::Ge(e) => order(e, patterns, false, 0),
            Expr::ForIn(each) => match &each.iterable {
                // Nothing is gone through where a bound is undefined, and that counts as false.
                Iterable::Range(range) => defined(&[&range.lower_bound, &range.upper_bound], patterns),
                _ => Condition::Nothing,
            },
            Expr::FieldAccess(_) | Expr::Lookup(_) => of_module(expr),
            Expr::Ne(e)
            | Expr::Contains(e)
            | Expr::IContains(e)
            | Expr::StartsWith(e)
            | Expr::IStartsWith(e)
            | Expr::EndsWith(e)
            | Expr::IEndsWith(e)
            | Expr::IEquals(e)
            | Expr::Matches(e) => defined(&[&e.lhs, &e.rhs], patterns),
            _ => Condition::Nothing,
        }
    }

    fn each(&mut self, operands: &[Expr<'_>], patterns: &Patterns) -> Vec<Condition> {
        operands.iter().map(|e| self.expr(e, patterns)).collect()
    }

    /// A call that gives true, or a number that isn't zero: those of modules for another kind of file don't.
    fn call(&mut self, call: &FuncCall<'_>) -> Condition {
        let Some(head) = call.object.as_ref().and_then(module) else { return Condition::Nothing };
        let name = match (&call.object, call.identifier.name, call.args.as_slice()) {
            // The name stands in the file as it is told, up to the case of its letters.
            (Some(Expr::Ident(module)), "exports", [Expr::LiteralString(name)]) if module.name == "pe" => {
                Literal::new(&name.value, true).and_then(|name| self.literals.number(name))
            }
            _ => None,
        };
        let name = name.map(|name| Condition::OneOf(vec![name]));
        Condition::All([Condition::Head(head)].into_iter().chain(name).collect())
    }

    fn of(&mut self, of: &Of<'_>, patterns: &Patterns) -> Condition {
        let items: Vec<Condition> = match &of.items {
            OfItems::PatternSet(PatternSet::Them { .. }) => patterns.iter().map(|(_, condition)| condition.clone()).collect(),
            OfItems::PatternSet(PatternSet::Set(set)) => {
                let is_in = |name: &str| {
                    set.iter().any(|item| if item.wildcard { name.starts_with(item.identifier) } else { name == item.identifier })
                };
                patterns.iter().filter(|(name, _)| is_in(name)).map(|(_, condition)| condition.clone()).collect()
            }
            OfItems::BoolExprTuple(items) => self.each(items, patterns),
        };
        let count = match &of.quantifier {
            Quantifier::All { .. } => items.len(),
            Quantifier::Any { .. } => 1,
            Quantifier::Percentage(share) if integer(share).is_some_and(|n| n > 0) => 1,
            Quantifier::Expr(n) => integer(n).and_then(|n| usize::try_from(n).ok()).unwrap_or(0),
            _ => 0,
        };
        match count {
            0 => Condition::Nothing,
            _ if count > items.len() => Condition::Nothing,
            1 => Condition::Any(items),
            _ if count == items.len() => Condition::All(items),
            _ => Condition::Least(count, items),
        }
    }
}

/// What has to be so for these to be defined.
fn defined(operands: &[&Expr<'_>], patterns: &Patterns) -> Condition {
    Condition::All(operands.iter().map(|operand| undefined_without(operand, patterns)).collect())
}

fn undefined_without(expr: &Expr<'_>, patterns: &Patterns) -> Condition {
    let all = |operands: &[Expr<'_>]| defined(&operands.iter().collect::<Vec<_>>(), patterns);
    match expr {
        // `pe.is_pe` and the like are false, not undefined.
        Expr::FieldAccess(fields) => {
            let says_so = |e: &Expr<'_>| matches!(e, Expr::Ident(name) if name.name.starts_with("is_"));
            if fields.operands.iter().any(says_so) { Condition::Nothing } else { of_module(expr) }
        }
        Expr::Lookup(_) => of_module(expr),
        // What doesn't match has no place and no length.
        Expr::PatternOffset(p) | Expr::PatternLength(p) => one(p.identifier.name, patterns),
        Expr::FuncCall(call) => match &call.object {
            Some(object) if call.identifier.name == "imphash" => of_module(object),
            Some(_) => Condition::Nothing,
            None => all(&call.args),
        },
        Expr::Add(sum) | Expr::Sub(sum) | Expr::Mul(sum) => all(&sum.operands),
        Expr::BitwiseXor(pair) | Expr::BitwiseAnd(pair) | Expr::BitwiseOr(pair) => defined(&[&pair.lhs, &pair.rhs], patterns),
        _ => Condition::Nothing,
    }
}

fn one(name: &str, patterns: &Patterns) -> Condition {
    // Behind the first character, which tells whether a match, a count or a place of it is meant.
    let same = |known: &str| known.get(1..).is_some_and(|known| Some(known) == name.get(1..));
    patterns.iter().find(|(known, _)| same(known)).map_or(Condition::Nothing, |(_, condition)| condition.clone())
}

/// `less` where the left side is the smaller one, by `more` at least.
fn order(e: &BinaryExpr<'_>, patterns: &Patterns, less: bool, more: u64) -> Condition {
    let (subject, bound, less) = match (integer(&e.lhs), integer(&e.rhs)) {
        (None, Some(n)) => (&e.lhs, n, less),
        (Some(n), None) => (&e.rhs, n, !less),
        _ => return more_of(e, patterns, less, more).unwrap_or_else(|| defined(&[&e.lhs, &e.rhs], patterns)),
    };
    match (subject, less) {
        // Nothing is smaller than zero.
        (Expr::Filesize { .. }, true) => bound.checked_sub(more).map_or(Condition::Never, |most| Condition::Size(0, most)),
        (Expr::Filesize { .. }, false) => Condition::Size(bound.saturating_add(more), u64::MAX),
        // More than none.
        (Expr::PatternCount(count), false) if bound.saturating_add(more) > 0 => one(count.identifier.name, patterns),
        _ => defined(&[subject], patterns),
    }
}

/// More matches than others: one at least.
fn more_of(e: &BinaryExpr<'_>, patterns: &Patterns, less: bool, more: u64) -> Option<Condition> {
    let (few, many) = if less { (&e.lhs, &e.rhs) } else { (&e.rhs, &e.lhs) };
    let (_, many) = counts(few).zip(counts(many)).filter(|_| more > 0)?;
    Some(Condition::Any(many.into_iter().map(|name| one(name, patterns)).collect()))
}

fn equal(e: &BinaryExpr<'_>, patterns: &Patterns) -> Condition {
    let (subject, value) = match (integer(&e.lhs), integer(&e.rhs)) {
        (None, Some(n)) => (&e.lhs, n),
        (Some(n), None) => (&e.rhs, n),
        _ => return defined(&[&e.lhs, &e.rhs], patterns),
    };
    match subject {
        Expr::Filesize { .. } => Condition::Size(value, value),
        Expr::PatternCount(count) if value > 0 => one(count.identifier.name, patterns),
        Expr::FuncCall(call) if call.object.is_none() => {
            let offset = call.args.first().and_then(integer).and_then(|n| u32::try_from(n).ok());
            let head = offset.and_then(|offset| Some(Head { offset, bytes: number(call.identifier.name, value)? }));
            head.map_or_else(|| defined(&[subject], patterns), Condition::Head)
        }
        _ => defined(&[subject], patterns),
    }
}

/// The first bytes without which a module says nothing: all its fields are undefined but the one that says so, its functions
/// give nothing, zero or false (yara-x 1.22, `modules/{pe,dotnet,elf}`).
const MODULES: [(&str, &[u8]); 3] = [("pe", b"MZ"), ("dotnet", b"MZ"), ("elf", b"\x7fELF")];

/// Whether a module reads the structure of such a file.
pub fn is_of_a_module(data: &[u8]) -> bool {
    MODULES.iter().any(|(_, head)| data.starts_with(head))
}

/// The head that a module asks for, where an expression is a field of it, or what it is called on. Names of constants are in
/// capitals, and those are always defined.
fn module(expr: &Expr<'_>) -> Option<Head> {
    match expr {
        Expr::Ident(name) => {
            let (_, bytes) = MODULES.iter().find(|(module, _)| *module == name.name)?;
            Some(Head { offset: 0, bytes: bytes.to_vec() })
        }
        Expr::FieldAccess(fields) => {
            let is_constant = |e: &Expr<'_>| matches!(e, Expr::Ident(name) if !name.name.contains(|c: char| c.is_lowercase()));
            fields.operands.first().filter(|_| !fields.operands.iter().any(is_constant)).and_then(module)
        }
        Expr::Lookup(lookup) => module(&lookup.primary),
        _ => None,
    }
}

/// What a module needs to say anything, where an expression is one of its fields.
fn of_module(expr: &Expr<'_>) -> Condition {
    module(expr).map_or(Condition::Nothing, Condition::Head)
}

/// The patterns whose matches a sum counts, where it is nothing else.
fn counts<'e>(expr: &'e Expr<'_>) -> Option<Vec<&'e str>> {
    match expr {
        Expr::PatternCount(count) if count.range.is_none() => Some(vec![count.identifier.name]),
        Expr::Add(sum) => sum.operands.iter().map(counts).collect::<Option<Vec<_>>>().map(|all| all.concat()),
        _ => None,
    }
}

/// A number that isn't negative.
fn integer(expr: &Expr<'_>) -> Option<u64> {
    match expr {
        Expr::LiteralInteger(n) => u64::try_from(n.value).ok(),
        _ => None,
    }
}

/// The bytes that a function reads where it gives this value.
fn number(function: &str, value: u64) -> Option<Vec<u8>> {
    let (big, name) = match function.strip_suffix("be") {
        Some(name) => (true, name),
        None => (false, function),
    };
    let (width, signed) = match name {
        "uint8" => (1, false),
        "uint16" => (2, false),
        "uint32" => (4, false),
        "int8" => (1, true),
        "int16" => (2, true),
        "int32" => (4, true),
        _ => return None,
    };
    let bits = width * 8 - u32::from(signed);
    // A value that doesn't fit is never read.
    if value >> bits != 0 {
        return None;
    }
    let width = usize::try_from(width).ok()?;
    Some(if big { value.to_be_bytes()[8 - width..].to_vec() } else { value.to_le_bytes()[..width].to_vec() })
}

#[cfg(test)]
mod tests {
    use yara_x_parser::ast::AST;

    use super::*;
    use crate::signature::gate::required::{Alternatives, Required};

    /// Heads, sizes, literals.
    type Told = (Option<Vec<(u32, String)>>, (u64, u64), Option<Vec<String>>);

    /// What the last rule requires.
    fn required(text: &str) -> Told {
        let ast = AST::from(text);
        let mut literals = Literals::default();
        let mut reader = Reader { literals: &mut literals, known: BTreeMap::new() };
        let last = ast.rules().map(|rule| reader.rule(rule)).last().unwrap();
        let last = told(last.in_short(&literals));
        let heads = last.heads.map(|h| h.iter().map(|h| (h.offset, h.bytes.escape_ascii().to_string())).collect());
        let texts = last.literals.map(|list| {
            let mut texts: Vec<String> =
                list.iter().map(|n| literals.list[*n as usize].bytes.escape_ascii().to_string()).collect();
            texts.sort();
            texts
        });
        (heads, last.size, texts)
    }

    /// What all alternatives have in common.
    fn told(all: Alternatives) -> Required {
        all.each().reduce(Required::or).unwrap_or(Required::size(1, 0))
    }

    fn rule(condition: &str) -> String {
        format!(
            "rule r {{ strings: $a1 = \"qzxjqz1\" $a2 = \"qzxjqz2\" $b = \"wxyvwx3\" $short = \"ab\" condition: {condition} }}"
        )
    }

    fn literals(condition: &str) -> Option<Vec<String>> {
        required(&rule(condition)).2
    }

    fn some(texts: &[&str]) -> Option<Vec<String>> {
        Some(texts.iter().map(|t| (*t).to_owned()).collect())
    }

    #[test]
    fn patterns_are_required_where_they_must_match() {
        assert_eq!(literals("$a1"), some(&["qzxjqz1"]));
        assert_eq!(literals("$a1 at 0 and $short"), some(&["qzxjqz1"]));
        assert_eq!(literals("$a1 or $b"), some(&["qzxjqz1", "wxyvwx3"]));
        assert_eq!(literals("$a1 or $short"), None);
        assert_eq!(literals("not $a1"), None);
        assert_eq!(literals("#a1 > 2"), some(&["qzxjqz1"]));
        assert_eq!(literals("2 <= #a1"), some(&["qzxjqz1"]));
        assert_eq!(literals("#a1 < 2"), None);
        assert_eq!(literals("#a1 == 0"), None);
        assert_eq!(literals("#a1 >= 0"), None);
        assert_eq!(literals("for any of ($a*) : ( @ > 3 )"), None, "not looked into");
        assert_eq!(literals("uint32(@a1 + 4) == 7"), some(&["qzxjqz1"]));
        assert_eq!(literals("uint8(@a1[1]) ^ uint8(3) == 7"), some(&["qzxjqz1"]));
        assert_eq!(literals("!b < 9"), some(&["wxyvwx3"]));
        assert_eq!(literals("not uint32(@a1) == 7"), None);
        assert_eq!(literals("#a1 > #short + #b"), some(&["qzxjqz1"]));
        assert_eq!(literals("#a1 + #a2 > #short"), some(&["qzxjqz1", "qzxjqz2"]));
        assert_eq!(literals("#a1 + #short > #b"), None);
        assert_eq!(literals("#a1 > #b - 3"), None);
    }

    #[test]
    fn sets_require_as_many_as_can_be_missing() {
        assert_eq!(literals("any of ($a*)"), some(&["qzxjqz1", "qzxjqz2"]));
        assert_eq!(literals("all of ($a*)").unwrap().len(), 1);
        assert_eq!(literals("2 of ($a1, $a2, $b)").unwrap().len(), 2);
        assert_eq!(literals("any of them"), None, "one of them is too short");
        assert_eq!(literals("2 of them").unwrap().len(), 3);
        assert_eq!(literals("all of them").unwrap().len(), 1);
        assert_eq!(literals("none of ($a*)"), None);
        assert_eq!(literals("0 of ($a*)"), None);
        assert_eq!(literals("50% of ($a*)"), some(&["qzxjqz1", "qzxjqz2"]));
    }

    #[test]
    fn heads_and_sizes_are_required() {
        let (heads, size, _) = required(&rule("uint16(0) == 0x5a4d and filesize < 10KB and filesize > 5"));
        assert_eq!((heads, size), (Some(vec![(0, "MZ".to_owned())]), (6, 10_239)));
        let (heads, ..) = required(&rule("uint32be(4) == 0x7f454c46 or 0x5a4d == uint16(0)"));
        assert_eq!(heads, Some(vec![(0, "MZ".to_owned()), (4, "\\x7fELF".to_owned())]));
        assert_eq!(required(&rule("uint16(uint32(0x3c)) == 0x4550")).0, None);
        assert_eq!(required(&rule("uint16(0) != 0x5a4d")).0, None);
        assert_eq!(required(&rule("int8(0) == 200")).0, None);
        assert_eq!(required(&rule("filesize == 4 or filesize <= 2")).1, (0, 4));
        assert_eq!(required(&rule("100 > filesize")).1, (0, 99));
    }

    #[test]
    fn alternatives_with_literals_are_kept_apart() {
        let ast = AST::from("rule r { strings: $a = \"qzxjqz1\" condition: (uint16(0) == 0x5a4d and filesize < 9) or $a }");
        let mut literals = Literals::default();
        let mut reader = Reader { literals: &mut literals, known: BTreeMap::new() };
        let condition = reader.rule(ast.rules().next().unwrap());
        let Alternatives { with_literals, without } = condition.in_short(reader.literals).settled();
        assert_eq!(with_literals, Some(Required::literals(Some(vec![0]))));
        let head = Head { offset: 0, bytes: b"MZ".to_vec() };
        assert_eq!(without, Some(Required { size: (0, 8), ..Required::head(head.clone()) }));
        let ast = AST::from("rule r { strings: $a = \"qzxjqz1\" $b = \"x\" condition: uint16(0) == 0x5a4d and ($a or $b) }");
        let condition = reader.rule(ast.rules().next().unwrap());
        let Alternatives { with_literals, without } = condition.in_short(reader.literals).settled();
        assert_eq!((with_literals, without), (None, Some(Required::head(head))), "the one follows from the other");
    }

    #[test]
    fn modules_ask_for_their_kind_of_file() {
        let heads = |condition: &str| required(&format!("import \"pe\" import \"elf\" {}", rule(condition))).0;
        let mz = Some(vec![(0, "MZ".to_owned())]);
        for condition in [
            "pe.is_pe",
            "pe.number_of_sections > 3",
            "pe.machine == pe.MACHINE_AMD64",
            "pe.sections[0].name == \".text\"",
            "pe.version_info[\"CompanyName\"] contains \"x\"",
            "pe.imports(\"a.dll\", \"b\")",
            "pe.rich_signature.toolid(1)",
            "pe.imphash() == \"x\"",
            "pe.imphash() != \"x\"",
            "for all i in (0..pe.number_of_sections - 1) : ( pe.sections[i].name == \"x\" )",
            "any of (pe.is_pe, pe.exports(\"x\"))",
        ] {
            assert_eq!(heads(condition), mz, "{condition}");
        }
        assert_eq!(heads("elf.type == elf.ET_EXEC"), Some(vec![(0, "\\x7fELF".to_owned())]));
        for condition in [
            "not pe.is_pe",
            "pe.imports(\"a.dll\") == 0",
            "pe.rich_signature.toolid(1) < 3",
            "filesize == pe.MACHINE_AMD64",
            "for all s in pe.sections : ( s.name == \"x\" )",
            "not defined pe.machine",
            "uint16(pe.entry_point) != 3 or filesize > 2",
        ] {
            assert_eq!(heads(condition), None, "{condition}");
        }
        assert_eq!(literals("pe.exports(\"EvilExport\")"), some(&["evilexport"]));
    }

    #[test]
    fn what_is_unknown_in_parts_of_an_object_is_not_true_of_them() {
        let allowed = |condition: &str| {
            let text = format!("import \"pe\" {}", rule(condition));
            let ast = AST::from(text.as_str());
            let mut literals = Literals::default();
            let mut reader = Reader { literals: &mut literals, known: BTreeMap::new() };
            let condition = reader.rule(ast.rules().next().unwrap());
            condition.in_short(&literals).settled().allow_parts()
        };
        for condition in
            ["$a1", "$a1 or filesize < 9", "not filesize > 9", "uint16(0) != 0x5a4d", "(pe.is_pe and $a1) or $b", "#short > 3"]
        {
            assert!(allowed(condition), "{condition}");
        }
        for condition in
            ["filesize < 9", "$a1 and filesize > 9", "uint16(0) == 0x5a4d and $a1", "pe.is_pe", "filesize == 3 or filesize > 90"]
        {
            assert!(!allowed(condition), "{condition}");
        }
    }

    #[test]
    fn rules_that_others_name_count_for_them() {
        let text = format!("private {} rule s {{ condition: r and filesize < 9 }}", rule("$b"));
        assert_eq!((required(&text).1, required(&text).2), ((0, 8), some(&["wxyvwx3"])));
    }
}
