//! What the types of MISP attributes mean for a scan of files.
//!
//! Types are those of the MISP core format. A composite type holds two values around a bar.

use super::super::expr::{Case, Field, Node, Part, Pattern, Question, Term, Test, Text, TextOp};
use super::super::hash::{HashKind, HashValue, why_not};
use super::super::loader::Fault;
use super::super::observables::{file, key_is, mention, registry, rooted, shown};
use super::super::stix;

/// What one attribute asks.
#[derive(Debug)]
pub enum Meaning<'a> {
    /// With the score that its kind is worth at most, where that isn't the usual one.
    Pattern(Pattern, Option<i64>),
    Yara(&'a str),
    No(Fault),
}

/// Largest distance of two TLSH that still counts, and what such a likeness weighs: it is no identity.
const TLSH_DISTANCE: u32 = 30;
const TLSH_SCORE: i64 = 60;
/// Characters of a text that is looked for in contents, at least.
const MIN_TEXT: usize = 6;

/// Keys that every Windows has: alone they are no trace, whatever is below them.
const COMMON_KEYS: &[&str] = &[
    r"\currentversion\run",
    r"\currentversion\runonce",
    r"\currentversion\runservices",
    r"\currentversion\policies\explorer\run",
    r"\currentversion\winlogon",
    r"\currentversion\windows",
    r"\currentversion\image file execution options",
    r"\currentcontrolset\services",
    r"\currentcontrolset\control\lsa",
];

/// What an attribute asks for.
pub fn meaning<'a>(kind: &str, value: &'a str) -> Meaning<'a> {
    let value = value.trim();
    if value.is_empty() {
        return Meaning::No(Fault::Wrong("it has no value".into()));
    }
    if kind == "yara" {
        return Meaning::Yara(value);
    }
    match pattern(kind, value) {
        Ok(pattern) => Meaning::Pattern(pattern, kind.ends_with("tlsh").then_some(TLSH_SCORE)),
        Err(fault) => Meaning::No(fault),
    }
}

fn object(node: Node) -> Pattern {
    Pattern::Object(node)
}

fn pattern(kind: &str, value: &str) -> Result<Pattern, Fault> {
    match kind {
        "md5" => hash(HashKind::Md5, value),
        "sha1" => hash(HashKind::Sha1, value),
        "sha256" => hash(HashKind::Sha256, value),
        "imphash" => match HashValue::parse(value) {
            Some(HashValue::Md5(digest)) => Ok(object(Node::Term(Term::Imphash(digest)))),
            _ => Err(Fault::Wrong("no import hash, which has 32 hexadecimal digits".into())),
        },
        "tlsh" => tlsh(value),
        "malware-sample" => named("md5", value),
        _ if kind.starts_with("filename|") => named(kind.get("filename|".len()..).unwrap_or_default(), value),
        "filename" | "email-attachment" => file(value, Case::Source).map(object).map_err(Fault::Wrong),
        "filename-pattern" => {
            let part = if value.contains('/') || value.contains(r"\\") { Part::Full } else { Part::Name };
            let test = Text::new(TextOp::Matches, value, Case::Source).map_err(Fault::Wrong)?;
            Ok(object(Node::Term(Term::Path { part, test })))
        }
        "pattern-in-file" => text_in_file(value),
        "stix2-pattern" => stix::pattern(value).map_err(Fault::Wrong),
        "ip-src" | "ip-dst" | "domain" | "hostname" | "url" | "uri" | "link" => address(value),
        "ip-src|port" | "ip-dst|port" | "hostname|port" => address(value.split('|').next().unwrap_or_default()),
        "domain|ip" => {
            // Each of the two is listed by MISP's own exports.
            let halves = value.split('|').map(address).collect::<Result<Vec<_>, _>>()?;
            Ok(Pattern::Any(halves))
        }
        "email" | "email-src" | "email-dst" | "email-reply-to" => address(value),
        "regkey" => key(value),
        "regkey|value" => match value.split_once('|') {
            Some((key, data)) if !data.trim().is_empty() => key_and_value(key.trim(), data.trim()),
            _ => Err(Fault::Wrong("no value after the key; the type is KEY|VALUE".into())),
        },
        "windows-service-name" => {
            let key = Text::new(TextOp::EndsWith, &format!(r"\Services\{value}"), Case::Fold).map_err(Fault::Wrong)?;
            Ok(object(registry(Some(key), None, None)))
        }
        "x509-fingerprint-sha1" => {
            let digits: String = value.chars().filter(char::is_ascii_hexdigit).collect::<String>().to_ascii_lowercase();
            let question = Question { field: Field::SignerThumbprint, test: Test::Text(Text::is(&digits)) };
            Ok(object(Node::Term(Term::Ask(question))))
        }
        _ => Err(unanswered(kind)),
    }
}

fn hash(kind: HashKind, value: &str) -> Result<Pattern, Fault> {
    match HashValue::parse(value) {
        Some(hash) if hash.kind() == kind => Ok(object(Node::Term(Term::Hash(hash)))),
        Some(hash) => Err(Fault::Wrong(format!("a {} where the type says {}", hash.kind().words(), kind.words()))),
        None => Err(Fault::Wrong(why_not(value))),
    }
}

/// A file name and a hash of the same file. The hash says which file it is, under whatever name; the name
/// alone says nothing.
fn named(kind: &str, value: &str) -> Result<Pattern, Fault> {
    match value.rsplit_once('|') {
        Some((_, hash)) => match pattern(kind, hash.trim()) {
            Err(Fault::Unanswered(why)) => {
                Err(Fault::Unanswered(format!("{why}; the file name beside it counts for nothing alone")))
            }
            other => other,
        },
        None => Err(Fault::Wrong(format!("no {} after the file name", shown(kind)))),
    }
}

/// 70 hexadecimal digits, since 2020 behind `T1`.
fn tlsh(value: &str) -> Result<Pattern, Fault> {
    let digits = value.strip_prefix("T1").or_else(|| value.strip_prefix("t1")).unwrap_or(value);
    if digits.len() != 70 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(Fault::Wrong("no TLSH, which has 70 hexadecimal digits".into()));
    }
    Ok(object(Node::Term(Term::Tlsh { digest: format!("T1{}", digits.to_ascii_uppercase()), distance: TLSH_DISTANCE })))
}

fn address(value: &str) -> Result<Pattern, Fault> {
    mention(value.trim()).map(object)
}

/// MISP doesn't say in which language such a pattern is; only what can't be anything but plain text is taken.
fn text_in_file(value: &str) -> Result<Pattern, Fault> {
    if value.contains(['*', '[', ']', '{', '}', '(', ')', '^', '$', '|', '?', '+']) {
        return Err(Fault::Unanswered("a pattern whose language the attribute doesn't say".into()));
    }
    if value.chars().count() < MIN_TEXT {
        return Err(Fault::Wrong(format!("a text of less than {MIN_TEXT} characters, which is found everywhere")));
    }
    let test = Test::Text(Text::new(TextOp::Contains, value, Case::Exact).map_err(Fault::Wrong)?);
    Ok(object(Node::Term(Term::Ask(Question { field: Field::ContentText, test }))))
}

/// A key, or a key with the name of a value at its end.
fn key(value: &str) -> Result<Pattern, Fault> {
    let value = value.trim_end_matches('\\');
    let folded = format!("\\{}", value.to_lowercase());
    if !value.contains('\\') || COMMON_KEYS.iter().any(|k| folded.ends_with(k)) {
        return Err(Fault::Wrong("a key that every Windows has".into()));
    }
    let mut ways = vec![registry(Some(key_is(value).map_err(Fault::Wrong)?), None, None)];
    if let Some((head, tail)) = value.rsplit_once('\\').filter(|(h, _)| h.contains('\\') || rooted(h).is_none()) {
        ways.push(registry(Some(key_is(head).map_err(Fault::Wrong)?), Some(Text::is(tail)), None));
    }
    Ok(object(Node::Any(ways)))
}

/// The value is what is stored, or its name: MISP's users write either.
fn key_and_value(key: &str, value: &str) -> Result<Pattern, Fault> {
    let key = || key_is(key).map_err(Fault::Wrong);
    let data = Text::new(TextOp::Contains, value, Case::Fold).map_err(Fault::Wrong)?;
    Ok(object(Node::Any(vec![registry(Some(key()?), None, Some(data)), registry(Some(key()?), Some(Text::is(value)), None)])))
}

/// What can't be answered, in words.
fn unanswered(kind: &str) -> Fault {
    let words = match kind {
        "sha224" | "sha384" | "sha512" | "sha512/224" | "sha512/256" | "sha3-224" | "sha3-256" | "sha3-384" | "sha3-512" => {
            "this scan computes MD5, SHA-1 and SHA-256"
        }
        "ssdeep" | "impfuzzy" | "authentihash" | "pehash" | "vhash" | "telfhash" | "cdhash" | "dom-hash" => {
            "such hashes aren't computed"
        }
        "sigma" | "snort" | "suricata" | "bro" | "zeek" => "rules for logs and networks, not for files",
        "mutex" | "named pipe" | "process-state" | "pattern-in-memory" => "only a running system knows it",
        "pattern-in-traffic"
        | "user-agent"
        | "http-method"
        | "ja3-fingerprint-md5"
        | "jarm-fingerprint"
        | "hassh-md5"
        | "hasshserver-md5"
        | "port"
        | "AS"
        | "mac-address"
        | "community-id" => "only network traffic knows it",
        "text" | "comment" | "other" | "size-in-bytes" | "datetime" | "mime-type" | "float" | "counter" | "integer"
        | "boolean" | "hex" | "attachment" => "alone it identifies no file",
        _ => "no file can be recognised by it",
    };
    Fault::Unanswered(format!("\"{}\": {words}", shown(kind)))
}

/// Whether a word is a type of attribute (MISP core format).
pub fn is_type(word: &str) -> bool {
    TYPES.contains(&word)
        || word.strip_prefix("filename|").is_some_and(|k| TYPES.contains(&k))
        || word.strip_suffix("|port").is_some_and(|k| TYPES.contains(&k))
}

/// Types that attributes have in practice, without composites that begin with `filename|` or end in `|port`.
const TYPES: &[&str] = &[
    "AS",
    "aba-rtn",
    "anonymised",
    "attachment",
    "authentihash",
    "azure-application-id",
    "bank-account-nr",
    "bic",
    "bin",
    "boolean",
    "bro",
    "btc",
    "campaign-id",
    "campaign-name",
    "cc-number",
    "cdhash",
    "chrome-extension-id",
    "comment",
    "community-id",
    "cookie",
    "counter",
    "cpe",
    "dash",
    "datetime",
    "dkim",
    "dkim-signature",
    "dns-soa-email",
    "dom-hash",
    "domain",
    "domain|ip",
    "email",
    "email-attachment",
    "email-body",
    "email-dst",
    "email-dst-display-name",
    "email-header",
    "email-message-id",
    "email-mime-boundary",
    "email-reply-to",
    "email-src",
    "email-src-display-name",
    "email-subject",
    "email-thread-index",
    "email-x-mailer",
    "eppn",
    "favicon-mmh3",
    "filename",
    "filename-pattern",
    "first-name",
    "float",
    "full-name",
    "git-commit-id",
    "github-organisation",
    "github-repository",
    "github-username",
    "hassh-md5",
    "hasshserver-md5",
    "hex",
    "hostname",
    "http-method",
    "iban",
    "identity-card-number",
    "impfuzzy",
    "imphash",
    "integer",
    "ip-dst",
    "ip-src",
    "issue-date-of-the-visa",
    "ja3-fingerprint-md5",
    "jabber-id",
    "jarm-fingerprint",
    "kusto-query",
    "last-name",
    "link",
    "mac-address",
    "mac-eui-64",
    "malware-sample",
    "malware-type",
    "md5",
    "middle-name",
    "mime-type",
    "mobile-application-id",
    "mutex",
    "named pipe",
    "nationality",
    "other",
    "passport-number",
    "pattern-in-file",
    "pattern-in-memory",
    "pattern-in-traffic",
    "pdb",
    "pehash",
    "pgp-private-key",
    "pgp-public-key",
    "phone-number",
    "port",
    "process-state",
    "prtn",
    "regkey",
    "regkey|value",
    "sha1",
    "sha224",
    "sha256",
    "sha3-224",
    "sha3-256",
    "sha3-384",
    "sha3-512",
    "sha384",
    "sha512",
    "sha512/224",
    "sha512/256",
    "sigma",
    "size-in-bytes",
    "snort",
    "ssdeep",
    "ssh-fingerprint",
    "stix2-pattern",
    "suricata",
    "target-email",
    "target-external",
    "target-location",
    "target-machine",
    "target-org",
    "target-user",
    "telfhash",
    "text",
    "threat-actor",
    "tlsh",
    "twitter-id",
    "uri",
    "url",
    "user-agent",
    "vhash",
    "vulnerability",
    "weakness",
    "whois-creation-date",
    "whois-registrant-email",
    "whois-registrant-name",
    "whois-registrant-org",
    "whois-registrant-phone",
    "whois-registrar",
    "windows-scheduled-task",
    "windows-service-displayname",
    "windows-service-name",
    "x509-fingerprint-md5",
    "x509-fingerprint-sha1",
    "x509-fingerprint-sha256",
    "xmr",
    "yara",
    "zeek",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(kind: &str, value: &str) -> Option<Fault> {
        match meaning(kind, value) {
            Meaning::No(fault) => Some(fault),
            _ => None,
        }
    }

    #[test]
    fn the_hash_of_a_pair_decides() {
        let md5 = "0749bae92ca336a02c83d126e04ec628";
        for (kind, value) in
            [("md5", md5.to_owned()), ("filename|md5", format!("a|b.exe|{md5}")), ("malware-sample", format!("x|{md5}"))]
        {
            let Meaning::Pattern(Pattern::Object(Node::Term(Term::Hash(hash))), None) = meaning(kind, &value) else {
                panic!("{kind}")
            };
            assert_eq!(hash.kind(), HashKind::Md5);
        }
        assert!(matches!(fault("malware-sample", "bar.exe"), Some(Fault::Wrong(_))));
        assert!(matches!(fault("sha1", md5), Some(Fault::Wrong(_))));
        assert!(matches!(fault("filename|ssdeep", "a|3:abc:def"), Some(Fault::Unanswered(w)) if w.contains("file name")));
    }

    #[test]
    fn what_would_accuse_everybody_is_refused() {
        for (kind, value) in [
            ("pattern-in-file", "baz"),
            ("regkey", r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Run"),
            ("ip-dst", "127.0.0.1"),
            ("filename-pattern", "("),
            ("md5", ""),
        ] {
            assert!(matches!(fault(kind, value), Some(Fault::Wrong(_))), "{kind} {value}");
        }
        assert!(pattern("stix2-pattern", "[file:name = 'a' AND file:size > 5]").is_ok());
        assert!(matches!(fault("stix2-pattern", "[file:name"), Some(Fault::Wrong(_))));
        for kind in ["mutex", "sha512", "sigma", "text", "a-type-of-tomorrow"] {
            assert!(matches!(fault(kind, "value"), Some(Fault::Unanswered(_))), "{kind}");
        }
        assert!(matches!(fault("pattern-in-file", "^abc.*def"), Some(Fault::Unanswered(_))));
    }

    #[test]
    fn types_are_known() {
        for kind in ["md5", "filename|sha3-256", "ip-dst|port", "named pipe"] {
            assert!(is_type(kind), "{kind}");
        }
        assert!(!is_type("bar") && !is_type(""));
    }

    proptest::proptest! {
        #[test]
        fn never_panics(n in 0..TYPES.len(), value: String, pair: bool) {
            let kind = TYPES.get(n).copied().unwrap_or_default();
            let kind = if pair { format!("filename|{kind}") } else { kind.to_owned() };
            let _ = meaning(&kind, &value);
        }
    }
}
