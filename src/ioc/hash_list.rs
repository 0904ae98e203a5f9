//! `hash-list`: one digest a line, alone or as `sha256sum`, `md5sum`, `shasum --tag` and `openssl` write it.

use super::decode::{MAX_LINE, convinces, entries, lines, named};
use super::expr::Term;
use super::hash::{HashKind, HashValue, why_not};
use super::{IocFormat, Loader};

/// See the module.
pub struct HashList;

impl IocFormat for HashList {
    fn id(&self) -> &'static str {
        "hash-list"
    }

    fn looks_like(&self) -> &'static str {
        "one MD5, SHA-1 or SHA-256 a line, also as sha256sum writes it"
    }

    fn sniff(&self, name: &[u8], head: &[u8]) -> bool {
        let lines = entries(head);
        let good = lines.iter().filter(|l| read(l).is_ok()).count();
        convinces(good, lines.len(), named(name, &["hash", "md5", "sha1", "sha256"]))
    }

    fn parse(&self, text: &str, loader: &mut Loader<'_>) {
        load(text, loader);
    }
}

/// A digest with what its line says of it.
#[derive(Debug, PartialEq, Eq)]
pub struct HashLine<'a> {
    pub value: HashValue,
    pub score: Option<i64>,
    pub description: &'a str,
}

/// Loads every line; shared with `hash-iocs`, as both are found mixed in one file.
pub fn load(text: &str, loader: &mut Loader<'_>) {
    for (n, line) in lines(text) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line.len() > MAX_LINE {
            loader.reject(n, format!("a line of more than {MAX_LINE} bytes"));
            continue;
        }
        match read(line) {
            Ok(l) => loader.hash(n, l.value, l.score, l.description),
            Err(why) => loader.reject(n, why),
        }
    }
}

/// Distance within which a listed TLSH counts, where its line names none.
pub const TLSH_DISTANCE: u32 = 30;

/// `T1` (or not) and 70 hexadecimal digits, with `/DISTANCE` where another than the usual one is meant.
pub fn tlsh(word: &str) -> Option<Term> {
    let (digest, distance) = match word.split_once('/') {
        Some((digest, distance)) => (digest, distance.parse().ok()?),
        None => (word, TLSH_DISTANCE),
    };
    let bare = digest.strip_prefix("T1").or_else(|| digest.strip_prefix("t1")).filter(|b| b.len() == 70).unwrap_or(digest);
    let sound = bare.len() == 70 && bare.bytes().all(|b| b.is_ascii_hexdigit());
    sound.then(|| Term::Tlsh { digest: format!("T1{}", bare.to_ascii_uppercase()), distance })
}

/// Reads `HASH`, `HASH[;SCORE];TEXT`, `HASH  NAME`, `HASH *NAME`, `KIND:HASH` and `KIND (NAME) = HASH`.
/// No quoting: a quote is a character like others.
pub fn read(line: &str) -> Result<HashLine<'_>, String> {
    if let Some(tagged) = tagged(line) {
        return tagged;
    }
    // coreutils marks lines whose file name it had to escape.
    let line = line.strip_prefix('\\').unwrap_or(line);
    let (label, line) = match line.split_once([':', '=']) {
        Some((label, rest)) if label.len() <= 12 && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') => {
            match HashKind::named(label) {
                Some(kind) => (Some(kind), rest.trim_start()),
                None if rest.len() >= 32 && label.bytes().any(|b| !b.is_ascii_digit()) => {
                    return Err(format!("{label} is not among MD5, SHA-1 and SHA-256"));
                }
                None => (None, line),
            }
        }
        _ => (None, line),
    };
    let end = line.find([';', ' ', '\t', ',', '|']).unwrap_or(line.len());
    let (word, rest) = line.split_at(end);
    let value = HashValue::parse(word).ok_or_else(|| why_not(word))?;
    if let Some(kind) = label.filter(|k| *k != value.kind()) {
        return Err(format!("{} digits can't be {}", word.len(), kind.words()));
    }
    let rest = rest.trim_start();
    let Some(text) = rest.strip_prefix(';') else {
        let name = rest.trim_start_matches([',', '|', '*', ' ', '\t']);
        return Ok(HashLine { value, score: None, description: name });
    };
    // A second field is a score only where a third one follows; otherwise it belongs to the text.
    if let Some((second, third)) = text.split_once(';')
        && let Some(score) = integer(second)
    {
        return Ok(HashLine { value, score: Some(score), description: third.trim() });
    }
    Ok(HashLine { value, score: None, description: text.trim() })
}

/// `SHA256 (name) = HASH` (BSD, `--tag`) and `SHA2-256(name)= HASH` (OpenSSL).
fn tagged(line: &str) -> Option<Result<HashLine<'_>, String>> {
    let (label, rest) = line.split_once('(')?;
    let (name, word) = rest.rsplit_once(')')?;
    let word = word.trim_start().strip_prefix('=')?.trim();
    let label = label.trim();
    if label.is_empty() || !label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'/') {
        return None;
    }
    Some(match (HashKind::named(label), HashValue::parse(word)) {
        (Some(kind), Some(value)) if kind == value.kind() => Ok(HashLine { value, score: None, description: name }),
        (Some(kind), _) => Err(format!("no {}: {}", kind.words(), why_not(word))),
        (None, _) => Err(format!("{label} is not among MD5, SHA-1 and SHA-256")),
    })
}

/// A whole number with optional sign.
pub fn integer(field: &str) -> Option<i64> {
    let field = field.trim();
    let digits = field.strip_prefix(['-', '+']).unwrap_or(field);
    (!digits.is_empty() && digits.len() <= 12 && digits.bytes().all(|b| b.is_ascii_digit())).then(|| field.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tlsh_has_seventy_digits() {
        let bare = "0".repeat(70);
        for (word, distance) in [(bare.clone(), 30), (format!("T1{bare}"), 30), (format!("T1{bare}/12"), 12)] {
            assert_eq!(tlsh(&word), Some(Term::Tlsh { digest: format!("T1{bare}"), distance }), "{word}");
        }
        for no in [format!("T2{bare}"), "0".repeat(72), format!("{bare}/x"), "T1".into()] {
            assert_eq!(tlsh(&no), None, "{no}");
        }
    }
}
