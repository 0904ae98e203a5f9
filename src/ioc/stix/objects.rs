//! Object paths (STIX 2.1 part 6) as questions to a scanned object.
//!
//! | object | answered |
//! |---|---|
//! | `file`, `artifact` | hashes, name, path, folder, size, times, media type, PE extension |
//! | `directory` | path |
//! | `x509-certificate` | issuer, subject, serial number, hashes: of a file's signer |
//! | `windows-registry-key` | key, names and data of values |
//! | `ipv4-addr`, `ipv6-addr`, `domain-name`, `url`, `email-addr`, ends of `network-traffic`, senders of `email-message` | mentioned in content |
//!
//! Everything else (processes, mutexes, accounts, services, apps, …) is unknown: no file can show it.

use super::network;
use super::parser::{Literal, ObjectPath, Op, Step, Test};
use super::registry;
use super::tree::{all, any, some};
use super::values::{self, Asked};
use crate::ioc::expr::{Case, Field, Node, Part, Question, Term, Test as Fact};
use crate::ioc::hash::{HashKind, HashValue, why_not};
use crate::model::text;

/// What kind of object a path is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    File,
    Directory,
    Network,
    Registry,
    Other,
}

/// What is asked for beside a comparison, in an AND around it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Beside {
    /// Something else than addresses.
    pub not_network: bool,
    /// Something of a file.
    pub file: bool,
}

impl Beside {
    pub fn or(self, other: Self) -> Self {
        Self { not_network: self.not_network || other.not_network, file: self.file || other.file }
    }
}

pub fn family(path: &ObjectPath) -> Family {
    match path.object.to_ascii_lowercase().as_str() {
        "file" | "artifact" | "x509-certificate" => Family::File,
        "directory" => Family::Directory,
        "windows-registry-key" | "win-registry-key" => Family::Registry,
        _ if network::Kind::of(path, &keys(path)).is_some() => Family::Network,
        _ => Family::Other,
    }
}

/// Whether a comparison asks for nothing but the type of what another one compares.
pub fn is_type_of(typed: &Test, valued: &Test) -> bool {
    let reference = |t: &Test, last: &str| {
        let mut keys = keys(&t.path);
        (keys.pop().as_deref() == Some(last) && network::Kind::of(&valued.path, &self::keys(&valued.path)).is_some())
            .then_some(keys)
    };
    let (a, b) = (reference(typed, "type"), reference(valued, "value"));
    let network_type =
        |v: &Literal| matches!(v, Literal::Text(t) if ["ipv4-addr", "ipv6-addr", "domain-name"].contains(&t.as_str()));
    typed.op == Op::Equal
        && !typed.negated
        && !valued.negated
        && typed.path.object.eq_ignore_ascii_case(&valued.path.object)
        && a.is_some_and(|a| Some(a) == b)
        && typed.values.iter().all(network_type)
}

/// Properties in lower case; `*` for every element of a list, `#` for a certain one.
pub fn keys(path: &ObjectPath) -> Vec<String> {
    let key = |step: &Step| match step {
        Step::Property(p) => p.to_lowercase(),
        Step::Every => "*".into(),
        Step::Index(_) => "#".into(),
    };
    path.steps.iter().map(key).collect()
}

/// One comparison. The error says what is wrong with its value.
pub fn node(test: &Test, beside: Beside, left_out: &mut Vec<String>) -> Result<Node, String> {
    let keys = keys(&test.path);
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let object = test.path.object.to_ascii_lowercase();
    let asked = match (object.as_str(), keys.as_slice()) {
        ("file" | "artifact", ["hashes", kind]) | ("file", ["content_ref", "hashes", kind]) => hash(test, kind),
        ("file", ["name"]) => Asked::path(Part::Name),
        ("file", ["path"]) => Asked::path(Part::Full),
        ("file", ["parent_directory_ref", "path"]) => Asked::path(Part::Folder),
        // A folder is an object of its own here; what lies in it is asked for where a file is named, too.
        ("directory", ["path"]) => Asked::path(if beside.file { Part::Folder } else { Part::Full }),
        ("file", ["size"]) => Asked::always(Field::Size, values::number),
        ("file", ["created" | "ctime"]) => Asked::always(Field::Created, values::time),
        ("file", ["modified" | "mtime"]) => Asked::always(Field::Modified, values::time),
        ("file", ["accessed" | "atime"]) => Asked::always(Field::Accessed, values::time),
        ("file" | "artifact", ["mime_type"]) => Asked::fact(Field::MediaType, values::folded),
        ("file", ["extensions", "windows-pebinary-ext", rest @ ..]) => executable(test, rest),
        ("x509-certificate", ["issuer"]) => Asked::fact(Field::SignerIssuer, values::folded),
        ("x509-certificate", ["subject"]) => Asked::fact(Field::SignerSubject, values::folded),
        ("x509-certificate", ["serial_number"]) => Asked::fact(Field::SignerSerial, values::hexadecimal),
        ("x509-certificate", ["hashes", _]) => Asked::fact(Field::SignerThumbprint, values::hexadecimal),
        ("windows-registry-key" | "win-registry-key", keys) if registry::known(keys) => {
            Asked { is_there: None, one: Box::new(registry::one) }
        }
        _ => match network::Kind::of(&test.path, &keys) {
            Some(kind) => return network::node(test, kind, beside, left_out),
            None => return Ok(Node::Unknown(test.path.words())),
        },
    };
    comparison(test, asked, left_out)
}

/// `IN`, `EXISTS` and negation are the same for every property.
fn comparison(test: &Test, asked: Asked, left_out: &mut Vec<String>) -> Result<Node, String> {
    if test.op == Op::Exists {
        let is_there = asked.is_there.unwrap_or_else(|| Node::Unknown(test.path.words()));
        return Ok(if test.negated { Node::Not(Box::new(is_there)) } else { is_there });
    }
    let parts: Vec<Result<Node, String>> = test.values.iter().map(|v| (asked.one)(test, v)).collect();
    if !test.negated {
        return Ok(any(some(parts, left_out)?));
    }
    let node = any(parts.into_iter().collect::<Result<_, _>>()?);
    // What isn't there is not unlike something either.
    Ok(all(asked.is_there.into_iter().chain([Node::Not(Box::new(node))]).collect()))
}

/// Every file has digests, but not every kind is computed.
fn hash(test: &Test, kind: &str) -> Asked {
    let kind: String = kind.chars().filter(char::is_ascii_alphanumeric).collect();
    match kind.as_str() {
        "imphash" => imphash(),
        "tlsh" => Asked { is_there: None, one: Box::new(tlsh) },
        _ => match HashKind::named(&kind) {
            Some(kind) => Asked { is_there: Some(all(Vec::new())), one: Box::new(move |test, value| digest(test, value, kind)) },
            None => Asked::unknown(test.path.words()),
        },
    }
}

fn digest(test: &Test, value: &Literal, kind: HashKind) -> Result<Node, String> {
    let value = match (test.op, value) {
        (Op::Equal | Op::In, Literal::Text(t)) => t.trim().to_owned(),
        (Op::Equal | Op::In, Literal::Bytes(b)) => text::hex(b),
        (Op::Equal | Op::In, _) => return Err(values::wrong(test, "a string")),
        _ => return Ok(values::unknown(test)),
    };
    match HashValue::parse(&value) {
        Some(hash) if hash.kind() == kind => Ok(Node::Term(Term::Hash(hash))),
        Some(hash) => Err(values::wrong(test, &format!("a {}, and this is a {}", kind.words(), hash.kind().words()))),
        None => Err(format!("{}: {}", test.path.words(), why_not(&value))),
    }
}

/// The digest alone, not what is near it.
fn tlsh(test: &Test, value: &Literal) -> Result<Node, String> {
    let (Op::Equal | Op::In, Literal::Text(value)) = (test.op, value) else { return Ok(values::unknown(test)) };
    let digest = value.trim();
    let digits = digest.strip_prefix("T1").unwrap_or(digest);
    if digits.len() != 70 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(values::wrong(test, "a TLSH of 70 hexadecimal digits"));
    }
    Ok(Node::Term(Term::Tlsh { digest: digest.to_owned(), distance: 0 }))
}

fn is_executable() -> Node {
    Node::Term(Term::Ask(Question { field: Field::PeSectionName, test: Fact::Exists }))
}

fn imphash() -> Asked {
    let one = |test: &Test, value: &Literal| match (test.op, value) {
        (Op::Equal | Op::In, Literal::Text(t)) => match HashValue::parse(t.trim()) {
            Some(HashValue::Md5(digest)) => Ok(Node::Term(Term::Imphash(digest))),
            _ => Err(values::wrong(test, "an import hash of 32 hexadecimal digits")),
        },
        _ => Ok(values::unknown(test)),
    };
    Asked { is_there: Some(is_executable()), one: Box::new(one) }
}

/// The extension for Windows executables (STIX 2.1 part 6.7.5).
fn executable(test: &Test, keys: &[&str]) -> Asked {
    match keys {
        [] => Asked { is_there: Some(is_executable()), one: Box::new(|test, _| Ok(values::unknown(test))) },
        ["imphash"] => imphash(),
        ["time_date_stamp"] => Asked::fact(Field::PeTimestamp, values::time),
        ["sections", "*", "name"] => {
            Asked::fact(Field::PeSectionName, |test, value, field| values::text(test, value, field, Case::Exact))
        }
        ["optional_header", "address_of_entry_point"] => Asked::fact(Field::PeEntryPoint, values::number),
        ["pe_type"] => Asked { is_there: Some(is_executable()), one: Box::new(pe_type) },
        _ => Asked::unknown(test.path.words()),
    }
}

/// The headers tell a DLL; what else is a driver and what a program is not answered.
fn pe_type(test: &Test, value: &Literal) -> Result<Node, String> {
    match (test.op, value) {
        (Op::Equal | Op::In, Literal::Text(t)) if t.eq_ignore_ascii_case("dll") => {
            values::number(test, &Literal::Number(1.0), Field::PeIsDll)
        }
        _ => Ok(Node::Unknown(test.path.words())),
    }
}
