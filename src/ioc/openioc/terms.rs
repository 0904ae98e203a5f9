//! What the search terms of OpenIOC ask for, in terms of this scanner.
//!
//! Terms and their meaning are those of Mandiant's MIR audit items (`FileItem`, `RegistryItem`, …). What only
//! a running system knows (processes, ports, handles) is unknown here, never assumed.

use super::super::expr::{Case, Cmp, Field, Node, Part, Question, Term, Test, Text, TextOp};
use super::super::hash::{HashKind, HashValue, why_not};
use super::super::loader::Fault;
use super::super::observables::{mention, shown};
use super::dates;
use super::document::Item;

/// What one item asks.
#[derive(Debug)]
pub enum Meaning {
    /// Of one object: items of the same name are about the same one.
    Object(String, Node),
    /// Of a registry value.
    Registry(RegistryTest),
    /// Of any content.
    Mention(Node),
    /// Nothing that is answered here, or wrong.
    No(Fault),
}

/// Which part of a registry value a test is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegistryPart {
    /// Key and name of the value, joined by a backslash.
    Path,
    Key,
    Name,
    Data,
}

/// A condition on one part of a registry value.
#[derive(Clone, Debug)]
pub struct RegistryTest {
    pub part: RegistryPart,
    pub op: TextOp,
    pub value: String,
    pub case: Case,
}

/// How an item compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition {
    Text(TextOp),
    Greater,
    Less,
}

/// What an item asks, its own negation included.
pub fn meaning(item: &Item) -> (Meaning, bool) {
    let (condition, negated) = match item.condition.to_ascii_lowercase().as_str() {
        "is" => (Condition::Text(TextOp::Is), false),
        "isnot" => (Condition::Text(TextOp::Is), true),
        "contains" => (Condition::Text(TextOp::Contains), false),
        "containsnot" => (Condition::Text(TextOp::Contains), true),
        "matches" => (Condition::Text(TextOp::Matches), false),
        "starts-with" => (Condition::Text(TextOp::StartsWith), false),
        "ends-with" => (Condition::Text(TextOp::EndsWith), false),
        "greater-than" => (Condition::Greater, false),
        "less-than" => (Condition::Less, false),
        other => return (wrong(format!("the condition \"{}\" isn't one of OpenIOC's", shown(other))), false),
    };
    let negate = item.negate != negated;
    if let Some(why) = &item.fault {
        return (wrong(why.clone()), negate);
    }
    if item.content.is_empty() {
        return (wrong("it has no content".into()), negate);
    }
    (positive(item, condition).unwrap_or_else(Meaning::No), negate)
}

fn wrong(why: String) -> Meaning {
    Meaning::No(Fault::Wrong(why))
}

/// The search term, as people know it.
fn unknown(item: &Item) -> Fault {
    let words = if item.search.is_empty() { "an item without a search term".to_owned() } else { shown(&item.search) };
    Fault::Unanswered(words)
}

fn positive(item: &Item, condition: Condition) -> Result<Meaning, Fault> {
    let search = item.search.to_ascii_lowercase();
    let (document, rest) = search.split_once('/').unwrap_or((&search, ""));
    match document {
        "fileitem" => file(item, rest, condition).map(|node| Meaning::Object("fileitem".into(), node)),
        "registryitem" => registry(item, rest, condition),
        _ => {
            if let Some(owner) = digest_of(&search) {
                return hash(item, condition).map(|node| Meaning::Object(owner.to_owned(), node));
            }
            if search == "serviceitem/servicedll" {
                return service_dll(item, condition);
            }
            if is_address(document, rest) {
                return address(item, condition).map(Meaning::Mention);
            }
            Err(unknown(item))
        }
    }
}

/// Of a term such as `ServiceItem/pathmd5sum`, the file whose digest it is.
fn digest_of(search: &str) -> Option<&str> {
    let owner = ["md5sum", "sha1sum", "sha256sum"].iter().find_map(|s| search.strip_suffix(s))?;
    // Digests of parts of a process' memory are digests of no file.
    (!owner.contains("memorysection") && !owner.contains("stream")).then_some(owner)
}

/// Terms whose value is an address that files may mention.
fn is_address(document: &str, rest: &str) -> bool {
    match document {
        "dnsentryitem" => matches!(rest, "host" | "recordname" | "recorddata/host" | "recorddata/ipv4address"),
        "portitem" => rest == "remoteip",
        "network" => matches!(rest, "dns" | "uri" | "host" | "ip" | "url"),
        "urlhistoryitem" => matches!(rest, "url" | "hostname"),
        "cookiehistoryitem" => rest == "hostname",
        "filedownloadhistoryitem" => rest == "sourceurl",
        "email" | "emailitem" => matches!(rest, "from" | "to" | "cc" | "bcc" | "replyto" | "receivedfromip" | "receivedfromhost"),
        _ => false,
    }
}

fn address(item: &Item, condition: Condition) -> Result<Node, Fault> {
    match (mention(&item.content), condition) {
        (_, Condition::Greater | Condition::Less | Condition::Text(TextOp::Matches)) => Err(unknown(item)),
        // A part of an address is no address that could be looked for.
        (Err(Fault::Wrong(_)), Condition::Text(op)) if op != TextOp::Is => {
            let why = format!("{} with a part of an address", shown(&item.search));
            Err(Fault::Unanswered(why))
        }
        (result, _) => result,
    }
}

fn hash(item: &Item, condition: Condition) -> Result<Node, Fault> {
    let value = item.content.as_str();
    let search = item.search.to_ascii_lowercase();
    let meant = [("md5", HashKind::Md5), ("sha1", HashKind::Sha1), ("sha256", HashKind::Sha256)];
    let meant = meant.into_iter().find(|(w, _)| search.contains(w)).map(|(_, k)| k);
    match (HashValue::parse(value), condition) {
        (_, Condition::Greater | Condition::Less) => Err(Fault::Wrong("a hash is neither greater nor less".into())),
        (Some(hash), _) if meant.is_some_and(|k| k != hash.kind()) => {
            Err(Fault::Wrong(format!("a {} where another hash belongs", hash.kind().words())))
        }
        (Some(hash), _) => Ok(Node::Term(Term::Hash(hash))),
        (None, Condition::Text(TextOp::Is)) => Err(Fault::Wrong(why_not(value))),
        (None, _) => Err(Fault::Unanswered(format!("{} with a part of a hash", shown(&item.search)))),
    }
}

/// A term about a file; `rest` is what follows `FileItem/`, in lower case.
fn file(item: &Item, rest: &str, condition: Condition) -> Result<Node, Fault> {
    let path = |part| {
        let test = text(item, condition)?;
        Ok(Node::Term(Term::Path { part, test }))
    };
    match rest {
        "md5sum" | "sha1sum" | "sha256sum" | "md5" | "sha1" | "sha256" => hash(item, condition),
        "filename" => path(Part::Name),
        "fullpath" => path(Part::Full),
        "filepath" => path(Part::Folder),
        "fileextension" => path(Part::Extension),
        "sizeinbytes" => number(item, Field::Size, condition),
        "created" => date(item, Field::Created, condition),
        "modified" => date(item, Field::Modified, condition),
        "accessed" => date(item, Field::Accessed, condition),
        "changed" => date(item, Field::Changed, condition),
        "username" | "owner" => ask_text(item, Field::Owner, condition),
        "stringlist/string" => ask_text(item, Field::ContentText, condition),
        _ => match rest.strip_prefix("peinfo/") {
            Some(rest) => executable(item, rest, condition),
            None => Err(unknown(item)),
        },
    }
}

/// A term about a PE; `rest` is what follows `FileItem/PEInfo/`, in lower case.
fn executable(item: &Item, rest: &str, condition: Condition) -> Result<Node, Fault> {
    let field = match rest {
        "petimestamp" => return date(item, Field::PeTimestamp, condition),
        "type" => return kind(item, condition),
        "digitalsignature/signatureexists" => return flag(item, Field::Signed, condition),
        "digitalsignature/signatureverified" => return verified(item, condition),
        "digitalsignature/certificatesubject" => Field::SignerSubject,
        "digitalsignature/certificateissuer" => Field::SignerIssuer,
        "exports/dllname" => Field::PeExportDll,
        "exports/exportedfunctions/string" => Field::PeExportName,
        "importedmodules/module/name" => Field::PeImportDll,
        "importedmodules/module/importedfunctions/string" => Field::PeImportName,
        "sections/section/name" => Field::PeSectionName,
        "resourceinfolist/resourceinfoitem/name" => Field::PeResourceName,
        _ if rest.ends_with("imphash") || rest.ends_with("importhash") => return import_hash(item, condition),
        _ => match rest.strip_prefix("versioninfolist/versioninfoitem/") {
            Some("originalfilename") => Field::OriginalFilename,
            Some("internalname") => Field::InternalName,
            Some("productname") => Field::ProductName,
            Some("companyname") => Field::CompanyName,
            Some("filedescription") => Field::FileDescription,
            Some("fileversion") => Field::FileVersion,
            Some("legalcopyright") => Field::LegalCopyright,
            _ => return Err(unknown(item)),
        },
    };
    ask_text(item, field, condition)
}

fn text(item: &Item, condition: Condition) -> Result<Text, Fault> {
    let Condition::Text(op) = condition else {
        return Err(Fault::Wrong("a text is neither greater nor less".into()));
    };
    Text::new(op, &item.content, case(item)).map_err(Fault::Wrong)
}

fn case(item: &Item) -> Case {
    if item.preserve_case { Case::Exact } else { Case::Fold }
}

fn ask(field: Field, test: Test) -> Node {
    Node::Term(Term::Ask(Question { field, test }))
}

fn ask_text(item: &Item, field: Field, condition: Condition) -> Result<Node, Fault> {
    let text = text(item, condition)?;
    if text.is_empty() {
        return Err(Fault::Wrong("it fits everything".into()));
    }
    Ok(ask(field, Test::Text(text)))
}

/// From the first to below the second.
fn between(field: Field, from: f64, below: f64) -> Node {
    Node::All(vec![ask(field, Test::Number(Cmp::Ge, from)), ask(field, Test::Number(Cmp::Lt, below))])
}

/// A number, or a range `a TO b` (OpenIOC 1.0), both ends included.
fn number(item: &Item, field: Field, condition: Condition) -> Result<Node, Fault> {
    let parse = |s: &str| s.trim().replace(',', "").parse::<f64>().ok().filter(|n| n.is_finite());
    let bad = || Fault::Wrong(format!("\"{}\" is no number", shown(&item.content)));
    let cmp = match condition {
        Condition::Greater => Cmp::Gt,
        Condition::Less => Cmp::Lt,
        Condition::Text(TextOp::Is) => Cmp::Eq,
        Condition::Text(_) => return Err(unknown(item)),
    };
    match (dates::range(&item.content), cmp) {
        (Some((from, to)), Cmp::Eq) => {
            let (from, to) = (parse(from).ok_or_else(bad)?, parse(to).ok_or_else(bad)?);
            let ends = [(Cmp::Ge, from), (Cmp::Le, to)];
            Ok(Node::All(ends.into_iter().map(|(c, n)| ask(field, Test::Number(c, n))).collect()))
        }
        (Some(_), _) => Err(bad()),
        (None, cmp) => Ok(ask(field, Test::Number(cmp, parse(&item.content).ok_or_else(bad)?))),
    }
}

/// A time to the second, a day, or a range of them. Times without a zone are UTC, as MIR writes them.
fn date(item: &Item, field: Field, condition: Condition) -> Result<Node, Fault> {
    let span = dates::span(&item.content).ok_or_else(|| Fault::Wrong(format!("\"{}\" is no time", shown(&item.content))))?;
    match condition {
        Condition::Greater => Ok(ask(field, Test::Number(Cmp::Ge, span.1))),
        Condition::Less => Ok(ask(field, Test::Number(Cmp::Lt, span.0))),
        // A time contains the day that it begins with.
        Condition::Text(TextOp::Is | TextOp::Contains | TextOp::StartsWith) => Ok(between(field, span.0, span.1)),
        Condition::Text(_) => Err(unknown(item)),
    }
}

fn truth(item: &Item, condition: Condition) -> Result<bool, Fault> {
    match (item.content.to_ascii_lowercase().as_str(), condition) {
        (_, Condition::Greater | Condition::Less) => Err(Fault::Wrong("a truth value is neither greater nor less".into())),
        ("true" | "1", _) => Ok(true),
        ("false" | "0", _) => Ok(false),
        _ => Err(Fault::Wrong(format!("\"{}\" is neither true nor false", shown(&item.content)))),
    }
}

fn bit(field: Field, is: bool) -> Node {
    ask(field, Test::Text(Text::is(if is { "1" } else { "0" })))
}

fn flag(item: &Item, field: Field, condition: Condition) -> Result<Node, Fault> {
    Ok(bit(field, truth(item, condition)?))
}

/// A signature whose digest is wrong was never verified; whether one whose digest is right was, only its chain
/// of trust could tell.
fn verified(item: &Item, condition: Condition) -> Result<Node, Fault> {
    let chain = Node::Unknown(shown(&item.search));
    Ok(match truth(item, condition)? {
        true => Node::All(vec![bit(Field::SignatureDigestOk, true), chain]),
        false => Node::Any(vec![bit(Field::SignatureDigestOk, false), chain]),
    })
}

/// `Executable`, `Dll` or `Driver`.
fn kind(item: &Item, condition: Condition) -> Result<Node, Fault> {
    match (item.content.to_ascii_lowercase().as_str(), condition) {
        ("dll", Condition::Text(_)) => Ok(bit(Field::PeIsDll, true)),
        ("executable", Condition::Text(_)) => Ok(bit(Field::PeIsDll, false)),
        _ => Err(unknown(item)),
    }
}

fn import_hash(item: &Item, condition: Condition) -> Result<Node, Fault> {
    match (HashValue::parse(&item.content), condition) {
        (Some(HashValue::Md5(digest)), Condition::Text(_)) => Ok(Node::Term(Term::Imphash(digest))),
        _ => Err(Fault::Wrong("no import hash, which has 32 hexadecimal digits".into())),
    }
}

fn registry(item: &Item, rest: &str, condition: Condition) -> Result<Meaning, Fault> {
    let part = match rest {
        "path" => RegistryPart::Path,
        "keypath" => RegistryPart::Key,
        "valuename" => RegistryPart::Name,
        "text" | "value" => RegistryPart::Data,
        _ => return Err(unknown(item)),
    };
    let Condition::Text(op) = condition else {
        return Err(Fault::Wrong("a text is neither greater nor less".into()));
    };
    // Checked here, so that a wrong pattern costs this item and is named.
    text(item, condition)?;
    Ok(Meaning::Registry(RegistryTest { part, op, value: item.content.clone(), case: case(item) }))
}

/// `ServiceItem/serviceDLL` is the value `ServiceDll` below `Parameters` of a service's key. It is stored with
/// variables (`%SystemRoot%`), MIR shows it without: only comparisons that leave its beginning open are exact.
fn service_dll(item: &Item, condition: Condition) -> Result<Meaning, Fault> {
    let test = text(item, condition)?;
    let open = match test.op() {
        TextOp::Contains | TextOp::EndsWith => !test.value().contains(':'),
        _ => false,
    };
    if !open {
        return Err(unknown(item));
    }
    let key = Text::new(TextOp::Matches, r"\\Services\\[^\\]+\\Parameters$", Case::Fold).map_err(Fault::Wrong)?;
    let node = super::super::observables::registry(Some(key), Some(Text::is("ServiceDll")), Some(test));
    Ok(Meaning::Object("serviceitem".into(), node))
}
