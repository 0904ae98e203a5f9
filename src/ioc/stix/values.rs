//! Literals as values of facts, texts and paths.

use super::lexer;
use super::parser::{Literal, Op, Test};
use crate::ioc::expr::{Case, Cmp, Field, Node, Part, Question, Term, Test as Fact, Text, TextOp};

/// What one comparison with one value comes to.
type One = Box<dyn Fn(&Test, &Literal) -> Result<Node, String>>;

/// A property that can be compared.
pub struct Asked {
    /// Whether the object has the property at all; `None` where that can't be told.
    pub is_there: Option<Node>,
    pub one: One,
}

impl Asked {
    /// Every object has a path.
    pub fn path(part: Part) -> Self {
        Self { is_there: Some(Node::All(Vec::new())), one: Box::new(move |test, value| path(test, value, part)) }
    }

    /// A fact that every file has.
    pub fn always(field: Field, one: fn(&Test, &Literal, Field) -> Result<Node, String>) -> Self {
        Self { is_there: Some(Node::All(Vec::new())), one: Box::new(move |test, value| one(test, value, field)) }
    }

    /// A fact that some files have.
    pub fn fact(field: Field, one: fn(&Test, &Literal, Field) -> Result<Node, String>) -> Self {
        Self { is_there: Some(ask(field, Fact::Exists)), one: Box::new(move |test, value| one(test, value, field)) }
    }

    pub fn unknown(words: String) -> Self {
        Self { is_there: None, one: Box::new(move |_, _| Ok(Node::Unknown(words.clone()))) }
    }
}

fn ask(field: Field, test: Fact) -> Node {
    Node::Term(Term::Ask(Question { field, test }))
}

/// `PATH: WHAT is expected`
pub fn wrong(test: &Test, expected: &str) -> String {
    format!("{}: the value must be {expected}", test.path.words())
}

/// The operator can't be answered for this property.
pub fn unknown(test: &Test) -> Node {
    let path = test.path.words();
    Node::Unknown(match test.op {
        Op::Like => format!("a wildcard in {path}"),
        Op::Matches => format!("a regular expression for {path}"),
        Op::Subset => format!("ISSUBSET for {path}"),
        Op::Superset => format!("ISSUPERSET for {path}"),
        Op::Less | Op::LessOrEqual | Op::Greater | Op::GreaterOrEqual => format!("an order of {path}"),
        Op::Equal | Op::In | Op::Exists => path,
    })
}

/// The comparison of texts that an operator is; `None` for the others.
pub fn text_op(op: Op) -> Option<TextOp> {
    match op {
        Op::Equal | Op::In => Some(TextOp::Is),
        Op::Like => Some(TextOp::Like),
        Op::Matches => Some(TextOp::Matches),
        _ => None,
    }
}

pub fn checked(test: &Test, op: TextOp, value: &str, case: Case) -> Result<Text, String> {
    Text::new(op, value, case).map_err(|why| format!("{}: {why}", test.path.words()))
}

pub fn text(test: &Test, value: &Literal, field: Field, case: Case) -> Result<Node, String> {
    let Some(op) = text_op(test.op) else { return Ok(unknown(test)) };
    let Literal::Text(value) = value else { return Err(wrong(test, "a string")) };
    Ok(ask(field, Fact::Text(checked(test, op, value, case)?)))
}

pub fn folded(test: &Test, value: &Literal, field: Field) -> Result<Node, String> {
    text(test, value, field, Case::Fold)
}

/// Hexadecimal digits, with or without separators.
pub fn hexadecimal(test: &Test, value: &Literal, field: Field) -> Result<Node, String> {
    if text_op(test.op) != Some(TextOp::Is) {
        return Ok(unknown(test));
    }
    let digits = match value {
        Literal::Text(t) => t.replace([':', ' ', '-'], "").to_ascii_lowercase(),
        Literal::Bytes(b) => crate::model::text::hex(b),
        _ => return Err(wrong(test, "a string")),
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(wrong(test, "hexadecimal"));
    }
    Ok(ask(field, Fact::Text(Text::is(&digits))))
}

/// Names and paths follow the case rule of the file system that they come from. A name with a separator in it is
/// a path.
fn path(test: &Test, value: &Literal, part: Part) -> Result<Node, String> {
    let Some(op) = text_op(test.op) else { return Ok(unknown(test)) };
    let Literal::Text(value) = value else { return Err(wrong(test, "a string")) };
    let separated = match op {
        TextOp::Matches => value.contains(r"\\"),
        _ => value.contains(['/', '\\']),
    };
    let part = if part == Part::Name && separated { Part::Full } else { part };
    Ok(Node::Term(Term::Path { part, test: checked(test, op, value, Case::Source)? }))
}

fn order(op: Op) -> Option<Cmp> {
    Some(match op {
        Op::Equal | Op::In => Cmp::Eq,
        Op::Less => Cmp::Lt,
        Op::LessOrEqual => Cmp::Le,
        Op::Greater => Cmp::Gt,
        Op::GreaterOrEqual => Cmp::Ge,
        Op::Like | Op::Matches | Op::Subset | Op::Superset | Op::Exists => return None,
    })
}

pub fn number(test: &Test, value: &Literal, field: Field) -> Result<Node, String> {
    let Some(cmp) = order(test.op) else { return Ok(unknown(test)) };
    let number = match value {
        Literal::Number(n) => Some(*n),
        Literal::Text(t) => t.trim().parse().ok().filter(|n: &f64| n.is_finite()),
        _ => None,
    };
    Ok(ask(field, Fact::Number(cmp, number.ok_or_else(|| wrong(test, "a number"))?)))
}

pub fn time(test: &Test, value: &Literal, field: Field) -> Result<Node, String> {
    let Some(cmp) = order(test.op) else { return Ok(unknown(test)) };
    let time = match value {
        Literal::Time(t) => Some(*t),
        Literal::Text(t) => lexer::time(t),
        _ => None,
    };
    Ok(ask(field, Fact::Number(cmp, time.ok_or_else(|| wrong(test, "a time, as t'2026-01-31T12:00:00Z'"))?)))
}
