//! What a pattern asks for, as terms that a scan answers.

use super::syntax::{Comparison, Expression, Join, ObjectPath, Operator, Value};
use crate::ioc::address::{self, Address};
use crate::ioc::expr::{Case, Cmp, Field, Node, Part, Pattern, Question, Registry, Term, Test, Text, TextOp};
use crate::ioc::hash::{HashKind, HashValue, why_not};
use crate::ioc::hash_list::tlsh;

/// The meaning of a pattern. The error says which value is wrong.
pub fn pattern(expression: &Expression) -> Result<Pattern, String> {
    Ok(match expression {
        Expression::Observation(comparison) => Pattern::Object(node(comparison)?),
        Expression::Join(join, list) => {
            let mut list: Vec<Pattern> = list.iter().map(pattern).collect::<Result<_, _>>()?;
            match join {
                Join::Or => Pattern::Any(list),
                Join::And => Pattern::All(list),
                Join::FollowedBy => {
                    list.push(Pattern::Unknown("an order in time (FOLLOWEDBY)".into()));
                    Pattern::All(list)
                }
            }
        }
        Expression::Qualified(inner, word) => {
            Pattern::All(vec![pattern(inner)?, Pattern::Unknown(format!("the qualifier {word}"))])
        }
    })
}

fn node(comparison: &Comparison) -> Result<Node, String> {
    let list = |list: &[Comparison]| list.iter().map(node).collect::<Result<Vec<_>, _>>();
    Ok(match comparison {
        Comparison::Or(any) => Node::Any(list(any)?),
        Comparison::And(all) => Node::All(merged(list(all)?)),
        Comparison::Test { path, negated, operator, values } => {
            let (operator, negated) = match operator {
                Operator::Ne => (Operator::Eq, !negated),
                other => (*other, *negated),
            };
            let mut tests = values.iter().map(|v| test(path, operator, v)).collect::<Result<Vec<_>, _>>()?;
            let test = if tests.len() == 1 { tests.remove(0) } else { Node::Any(tests) };
            if negated { Node::Not(Box::new(test)) } else { test }
        }
        Comparison::Exists { path, negated } => {
            let node = exists(path);
            if *negated { Node::Not(Box::new(node)) } else { node }
        }
    })
}

/// Statements about a registry key, its values and their data under one AND are about the same value.
fn merged(nodes: Vec<Node>) -> Vec<Node> {
    let mut out: Vec<Node> = Vec::new();
    let mut together: Option<Registry> = None;
    for node in nodes {
        match node {
            Node::Term(Term::Registry(r)) => {
                let into = together.get_or_insert_with(Registry::default);
                // Two statements about the same part are two keys or values.
                let clash = (into.key.is_some() && r.key.is_some())
                    || (into.value_name.is_some() && r.value_name.is_some())
                    || (into.data.is_some() && r.data.is_some());
                if clash {
                    out.push(Node::Term(Term::Registry(r)));
                } else {
                    into.key = into.key.take().or(r.key);
                    into.value_name = into.value_name.take().or(r.value_name);
                    into.data = into.data.take().or(r.data);
                }
            }
            other => out.push(other),
        }
    }
    out.extend(together.map(|r| Node::Term(Term::Registry(r))));
    out
}

fn unknown(path: &ObjectPath) -> Node {
    Node::Unknown(path.to_string())
}

fn exists(path: &ObjectPath) -> Node {
    let steps: Vec<String> = path.steps.iter().map(|s| plain(s)).collect();
    let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
    match (path.object.as_str(), steps.as_slice()) {
        ("file", steps) => match field(steps) {
            Some(field) => Node::Term(Term::Ask(Question { field, test: Test::Exists })),
            None => unknown(path),
        },
        _ => unknown(path),
    }
}

/// A property without quotes, hyphens and underscores, in lower case: `'SHA-256'`, `SHA256` and `sha256` are all
/// found in the wild.
fn plain(step: &str) -> String {
    step.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
}

fn test(path: &ObjectPath, operator: Operator, value: &Value) -> Result<Node, String> {
    let steps: Vec<String> = path.steps.iter().map(|s| plain(s)).collect();
    let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
    let part = |part| match text(operator, value, Case::Source)? {
        Some(test) => Ok(Node::Term(Term::Path { part, test })),
        None => Ok::<Node, String>(unknown(path)),
    };
    match (path.object.as_str(), steps.as_slice()) {
        ("file" | "artifact", ["hashes", kind]) => hash(path, kind, operator, value),
        ("file", ["name"]) => part(Part::Name),
        ("file", ["path" | "fullpath" | "filepath"]) => part(Part::Full),
        ("file", ["parentdirectoryref", "path"] | ["parentdirectorystr"]) => part(Part::Folder),
        // A folder is an object of its own; what lies in it speaks for it, too.
        ("directory", ["path"]) => Ok(Node::Any(vec![part(Part::Full)?, part(Part::Folder)?])),
        ("file", ["extensions", "windowspebinaryext", "imphash"]) => match (operator, value) {
            (Operator::Eq | Operator::In, Value::Text(t)) => match HashValue::parse(t) {
                Some(HashValue::Md5(digest)) => Ok(Node::Term(Term::Imphash(digest))),
                _ => Err("an import hash has 32 hexadecimal digits".into()),
            },
            _ => Ok(unknown(path)),
        },
        ("file", steps) => match field(steps) {
            Some(field) => asked(path, field, operator, value),
            None => Ok(unknown(path)),
        },
        ("domainname" | "domain-name", ["value"]) => host(path, operator, value),
        ("ipv4-addr" | "ipv6-addr" | "url", ["value"]) => mention(path, operator, value),
        ("email-addr", ["value"]) => mention(path, operator, value),
        ("email-message", ["fromref" | "senderref" | "torefs" | "ccrefs" | "bccrefs", "value"]) => mention(path, operator, value),
        // What kind of address it is, the address beside it says itself.
        ("network-traffic", ["dstref" | "srcref", "type"]) if operator == Operator::Eq => Ok(Node::All(Vec::new())),
        ("network-traffic", ["dstref" | "srcref", "value"]) => mention(path, operator, value),
        ("windows-registry-key" | "win-registry-key", steps) => registry(path, steps, operator, value),
        ("x509-certificate", steps) => {
            let field = match steps {
                ["issuer"] => Field::SignerIssuer,
                ["subject"] => Field::SignerSubject,
                ["serialnumber"] => Field::SignerSerial,
                ["hashes", "sha1"] => Field::SignerThumbprint,
                _ => return Ok(unknown(path)),
            };
            match (field, value) {
                // Serial numbers and thumbprints are written with and without colons.
                (Field::SignerSerial | Field::SignerThumbprint, Value::Text(t)) => {
                    asked(path, field, operator, &Value::Text(plain(t)))
                }
                _ => asked(path, field, operator, value),
            }
        }
        _ => Ok(unknown(path)),
    }
}

fn field(steps: &[&str]) -> Option<Field> {
    Some(match steps {
        ["size"] => Field::Size,
        ["ctime"] | ["created"] => Field::Created,
        ["mtime"] | ["modified"] => Field::Modified,
        ["atime"] | ["accessed"] => Field::Accessed,
        ["mimetype"] => Field::MediaType,
        ["extensions", "windowspebinaryext", "timedatestamp"] => Field::PeTimestamp,
        ["extensions", "windowspebinaryext", "sections", "name"] => Field::PeSectionName,
        ["extensions", "windowspebinaryext", "optionalheader", "subsystemhex"] => Field::PeSubsystem,
        ["extensions", "windowspebinaryext", "optionalheader", "addressofentrypoint"] => Field::PeEntryPoint,
        _ => return None,
    })
}

fn asked(path: &ObjectPath, field: Field, operator: Operator, value: &Value) -> Result<Node, String> {
    let cmp = match operator {
        Operator::Eq | Operator::In => Some(Cmp::Eq),
        Operator::Lt => Some(Cmp::Lt),
        Operator::Le => Some(Cmp::Le),
        Operator::Gt => Some(Cmp::Gt),
        Operator::Ge => Some(Cmp::Ge),
        _ => None,
    };
    let test = match (value, cmp) {
        (Value::Number(n) | Value::Time(n), Some(cmp)) => Test::Number(cmp, *n),
        (Value::Text(t), Some(cmp)) if t.parse::<jiff::Timestamp>().is_ok() => {
            let seconds = t.parse::<jiff::Timestamp>().map(|t| t.as_nanosecond() as f64 / 1e9).unwrap_or_default();
            Test::Number(cmp, seconds)
        }
        _ => match text(operator, value, Case::Fold)? {
            Some(text) => Test::Text(text),
            None => return Ok(unknown(path)),
        },
    };
    Ok(Node::Term(Term::Ask(Question { field, test })))
}

/// A comparison of texts; `None` for operators that order texts or ask for networks.
fn text(operator: Operator, value: &Value, case: Case) -> Result<Option<Text>, String> {
    let op = match operator {
        Operator::Eq | Operator::In => TextOp::Is,
        Operator::Like => TextOp::Like,
        Operator::Matches => TextOp::Matches,
        _ => return Ok(None),
    };
    let value = match value {
        Value::Text(t) => t.clone(),
        Value::Number(n) => n.to_string(),
        Value::Bool(b) => u8::from(*b).to_string(),
        Value::Time(_) | Value::Bytes(_) => return Ok(None),
    };
    Text::new(op, &value, case).map(Some)
}

fn hash(path: &ObjectPath, kind: &str, operator: Operator, value: &Value) -> Result<Node, String> {
    let Value::Text(word) = value else { return Err("a digest that is no text".into()) };
    if !matches!(operator, Operator::Eq | Operator::In) {
        return Ok(unknown(path));
    }
    let word = word.trim();
    if kind == "tlsh" {
        return tlsh(word).map(|t| Node::Term(exactly(t))).ok_or_else(|| "a TLSH has 70 hexadecimal digits".into());
    }
    match (HashKind::named(kind), HashValue::parse(word)) {
        (Some(kind), Some(value)) if kind == value.kind() => Ok(Node::Term(Term::Hash(value))),
        (Some(kind), _) => Err(format!("no {}: {}", kind.words(), why_not(word))),
        (None, _) => Ok(unknown(path)),
    }
}

/// `=` asks for the same TLSH, not a near one.
fn exactly(term: Term) -> Term {
    match term {
        Term::Tlsh { digest, .. } => Term::Tlsh { digest, distance: 0 },
        other => other,
    }
}

fn mention(path: &ObjectPath, operator: Operator, value: &Value) -> Result<Node, String> {
    let Value::Text(word) = value else { return Err("an address that is no text".into()) };
    match operator {
        Operator::Eq | Operator::In | Operator::IsSubset => {
            let address = address::parse(word)?;
            Ok(Node::Term(Term::Mention(address)))
        }
        // Content holds addresses, not networks that hold this one.
        _ => Ok(unknown(path)),
    }
}

/// Domains also by a wildcard for their subdomains, which a mention finds anyway.
fn host(path: &ObjectPath, operator: Operator, value: &Value) -> Result<Node, String> {
    match (operator, value) {
        (Operator::Like, Value::Text(word)) => {
            let rest = word.strip_prefix("%.").or_else(|| word.strip_prefix('%'));
            match rest.filter(|r| !r.contains(['%', '_'])).map(address::parse) {
                Some(Ok(domain @ Address::Domain(..))) => Ok(Node::Term(Term::Mention(domain))),
                _ => Ok(Node::Unknown(format!("a wildcard in {path}"))),
            }
        }
        _ => mention(path, operator, value),
    }
}

fn registry(path: &ObjectPath, steps: &[&str], operator: Operator, value: &Value) -> Result<Node, String> {
    let Some(test) = text(operator, value, Case::Fold)? else { return Ok(unknown(path)) };
    let registry = match steps {
        ["key"] => Registry { key: Some(test), ..Registry::default() },
        ["values", "name"] => Registry { value_name: Some(test), ..Registry::default() },
        ["values", "data"] => Registry { data: Some(test), ..Registry::default() },
        _ => return Ok(unknown(path)),
    };
    Ok(Node::Term(Term::Registry(registry)))
}
