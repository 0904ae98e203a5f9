//! `indicator-list`: one indicator a line, of any kind: digests, addresses, URLs, e-mail addresses, paths, file
//! names, registry keys, TLSH, plain or defanged.
//!
//! `ENTRY [";" SCORE] [";" TEXT]`; a line that begins with `#` describes the lines up to the next blank line or
//! comment. `*` and `?` in a path or name stand for any characters but separators, and for one. What a word
//! without any mark of its kind is (`svc.exe`, `Agent`) only the file's name can tell, as [`Tag`] reads it.

use super::address::{self, Address, application_like};
use super::decode::{MAX_LINE, comment, convinces, entries, lines, speaks};
use super::expr::{Case, Part, Registry, Term, Text, TextOp};
use super::hash::HashValue;
use super::hash_list::{integer, tlsh};
use super::loader::About;
use super::set::Place;
use super::{IocFormat, Loader};

/// See the module.
pub struct IndicatorList;

impl IocFormat for IndicatorList {
    fn id(&self) -> &'static str {
        "indicator-list"
    }

    fn looks_like(&self) -> &'static str {
        "one indicator of any kind a line: hash, address, URL, path, file name, registry key"
    }

    fn sniff(&self, name: &[u8], head: &[u8]) -> bool {
        let tag = Tag::of(name);
        let lines = entries(head);
        let good = lines.iter().filter(|l| term(split(l).0, tag).is_ok()).count();
        convinces(good, lines.len(), tag.is_some())
    }

    fn parse(&self, text: &str, loader: &mut Loader<'_>) {
        let tag = loader.tag();
        let mut description = "";
        for (n, line) in lines(text) {
            if line.len() > MAX_LINE {
                loader.reject(n, format!("a line of more than {MAX_LINE} bytes"));
            } else if let Some(text) = comment(line) {
                if speaks(text) {
                    description = text;
                }
            } else if line.is_empty() {
                description = "";
            } else {
                let (entry, score, words) = split(line);
                let about = About { place: Place::Line(n), score, description: words.unwrap_or(description), marks: None };
                match term(entry, tag) {
                    Ok(Entry::Term(term)) => loader.term(about, term),
                    Ok(Entry::Unanswered(words)) => loader.unanswered(n, words),
                    Err(why) => loader.reject(n, why),
                }
            }
        }
    }
}

/// What a file's name says of the words in it (the tags of THOR, and the habits of published lists).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    FileNames,
    Paths,
    Keywords,
    /// MD5 of import tables, which look like those of files.
    Imphashes,
    /// Digests of certificates, which look like those of files.
    Certificates,
    /// Words that files can't answer, and what they are.
    Unanswered(&'static str),
}

impl Tag {
    /// From the last part of a name.
    pub fn of(name: &[u8]) -> Option<Self> {
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        let base = name.rsplit('/').next().unwrap_or_default();
        let words: Vec<&str> = base.split(|c: char| !c.is_ascii_alphanumeric()).collect();
        let has = |list: &[&str]| words.iter().any(|w| list.contains(w));
        Some(if has(&["cert", "certs", "certificate", "certificates", "thumbprints"]) {
            Tag::Certificates
        } else if has(&["imphash", "imphashes"]) {
            Tag::Imphashes
        } else if has(&["process", "processes", "procs"]) {
            Tag::Unanswered("the name of a running process")
        } else if has(&["package", "packages", "app", "apps", "bundle", "bundles"]) {
            Tag::Unanswered("the identifier of an application")
        } else if has(&["profile", "profiles"]) {
            Tag::Unanswered("the identifier of a configuration profile")
        } else if has(&["handle", "handles", "mutex", "mutexes"]) {
            Tag::Unanswered("the name of a handle or mutex")
        } else if has(&["pipe", "pipes"]) {
            Tag::Unanswered("the name of a pipe")
        } else if has(&["service", "services"]) {
            Tag::Unanswered("the name of a service")
        } else if has(&["keyword", "keywords"]) {
            Tag::Keywords
        } else if has(&["filename", "filenames"]) || (has(&["file"]) && has(&["name", "names"])) {
            Tag::FileNames
        } else if has(&["path", "paths", "filepath", "filepaths"]) {
            Tag::Paths
        } else {
            return None;
        })
    }
}

/// What an entry is.
pub enum Entry {
    Term(Term),
    Unanswered(String),
}

/// Entry, score and text of a line.
fn split(line: &str) -> (&str, Option<i64>, Option<&str>) {
    let Some((entry, rest)) = line.split_once(';') else { return (line, None, None) };
    let (second, third) = rest.split_once(';').map_or((rest, None), |(s, t)| (s, Some(t.trim())));
    let said = |t: &str| !t.is_empty();
    match integer(second) {
        Some(score) => (entry.trim(), Some(score), third.filter(|t| said(t))),
        None => (entry.trim(), None, Some(rest.trim()).filter(|t| said(t))),
    }
}

/// Reads one entry; the error says why it is none.
pub fn term(entry: &str, tag: Option<Tag>) -> Result<Entry, String> {
    match tag {
        Some(Tag::Unanswered(words)) => {
            return Ok(Entry::Unanswered(format!("{words}, which a scan of files can't answer")));
        }
        Some(Tag::Keywords) => return Ok(Entry::Term(Term::Mention(Address::text(entry)?))),
        Some(Tag::FileNames) if !entry.contains(['/', '\\']) => return path(Part::Name, entry),
        _ => {}
    }
    if let Some(value) = HashValue::parse(entry) {
        return Ok(Entry::Term(Term::Hash(value)));
    }
    if let Some(term) = tlsh(entry) {
        return Ok(Entry::Term(term));
    }
    if is_registry_key(entry) {
        let key = Text::new(TextOp::Is, entry, Case::Fold)?;
        return Ok(Entry::Term(Term::Registry(Registry { key: Some(key), ..Registry::default() })));
    }
    let drive = matches!(entry.as_bytes(), [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic());
    let rooted = entry.starts_with(['/', '\\', '%', '~']);
    if drive || rooted || (entry.contains('\\') && !entry.contains("://")) {
        return path(Part::Full, entry.strip_prefix('~').unwrap_or(entry));
    }
    if entry.chars().any(char::is_whitespace) && tag.is_none() {
        return Err("no hash, address, path or registry key".into());
    }
    match address::parse(entry) {
        Ok(_) if application_like(entry) => {
            Ok(Entry::Unanswered("the identifier of an application, which a scan of files can't answer".into()))
        }
        Ok(address) => Ok(Entry::Term(Term::Mention(address))),
        Err(_) if tag == Some(Tag::Paths) => path(Part::Full, entry),
        Err(_) if is_file_name(entry) => path(Part::Name, entry),
        Err(why) => Err(format!("no hash, path or registry key, and as an address: {why}")),
    }
}

/// Equality, or a pattern where wildcards ask for one.
fn path(part: Part, entry: &str) -> Result<Entry, String> {
    let test = match entry.contains(['*', '?']) {
        true => Text::new(TextOp::Matches, &glob(entry), Case::Source)?,
        false => Text::new(TextOp::Is, entry, Case::Source)?,
    };
    Ok(Entry::Term(Term::Path { part, test }))
}

/// Wildcards as a regular expression; both separators stand for each other.
fn glob(entry: &str) -> String {
    let rooted = entry.starts_with(['/', '\\', '*']);
    let mut out = String::from(if rooted || entry.as_bytes().get(1) == Some(&b':') { "" } else { r"(?:^|[\\/])" });
    let mut chars = entry.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '*' if chars.peek() == Some(&'*') => {
                chars.next();
                out.push_str(".*");
            }
            '*' => out.push_str(r"[^\\/]*"),
            '?' => out.push_str(r"[^\\/]"),
            '/' | '\\' => out.push_str(r"[\\/]"),
            c => out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    out.push('$');
    out
}

fn is_registry_key(entry: &str) -> bool {
    let upper = entry.to_ascii_uppercase();
    ["HKEY_", r"HKLM\", r"HKCU\", r"HKU\", r"HKCR\", r"\REGISTRY\"].iter().any(|root| upper.starts_with(root))
}

/// A word with an extension that programs, scripts and archives have.
fn is_file_name(entry: &str) -> bool {
    const EXTENSIONS: &[&str] = &[
        "exe", "dll", "sys", "scr", "bat", "cmd", "ps1", "vbs", "js", "hta", "lnk", "msi", "jar", "php", "aspx", "asp", "jsp",
        "sh", "py", "dat", "bin", "tmp", "log", "txt", "zip", "rar", "7z", "cab", "iso", "img", "doc", "docx", "docm", "xls",
        "xlsx", "xlsm", "pdf", "rtf", "html", "htm", "chm", "cpl", "ocx", "so", "dylib", "plist", "db", "conf", "cfg", "ini",
    ];
    let Some((stem, extension)) = entry.rsplit_once('.') else { return false };
    !stem.is_empty() && !entry.contains(char::is_whitespace) && EXTENSIONS.contains(&extension.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(entry: &str, tag: Option<Tag>) -> String {
        match term(entry, tag) {
            Ok(Entry::Term(Term::Hash(h))) => h.kind().id().into(),
            Ok(Entry::Term(Term::Tlsh { .. })) => "tlsh".into(),
            Ok(Entry::Term(Term::Registry(_))) => "registry".into(),
            Ok(Entry::Term(Term::Mention(_))) => "mention".into(),
            Ok(Entry::Term(Term::Path { part, test })) => format!("{part:?} {:?}", test.op()),
            Ok(Entry::Term(_)) => "other".into(),
            Ok(Entry::Unanswered(_)) => "unanswered".into(),
            Err(_) => "none".into(),
        }
    }

    #[test]
    fn each_kind_is_told_by_its_shape() {
        for (entry, want) in [
            ("d41d8cd98f00b204e9800998ecf8427a", "md5"),
            ("evil[.]com", "mention"),
            ("hxxps://evil.com/gate.php", "mention"),
            ("10.0.0.0/8", "mention"),
            ("2001:db8::1", "mention"),
            (r"HKLM\Software\Microsoft\Windows\CurrentVersion\Run\x", "registry"),
            (r"C:\Windows\Temp\x.exe", "Full Is"),
            (r"%AppData%\x\y.dll", "Full Is"),
            ("/private/var/tmp/x", "Full Is"),
            (r"C:\Users\*\AppData\*.scr", "Full Matches"),
            ("svc.exe", "Name Is"),
            ("com.vendor.product", "unanswered"),
            ("Agent", "none"),
            ("some words of a text", "none"),
        ] {
            assert_eq!(kind(entry, None), want, "{entry}");
        }
        assert_eq!(kind("Agent", Some(Tag::FileNames)), "Name Is");
        assert_eq!(kind("Agent", Tag::of(b"x/processes.txt")), "unanswered");
        assert_eq!(kind("odd words of a note", Tag::of(b"keywords.txt")), "mention");
    }

    #[test]
    fn names_of_lists_say_what_their_words_are() {
        for (name, tag) in [
            ("2023/file_names.txt", Some(Tag::FileNames)),
            ("file_paths.txt", Some(Tag::Paths)),
            ("package_cert_hashes.txt", Some(Tag::Certificates)),
            ("my-imphashes.txt", Some(Tag::Imphashes)),
            ("keywords.txt", Some(Tag::Keywords)),
            ("config_profiles.txt", Some(Tag::Unanswered("the identifier of a configuration profile"))),
            ("processes/domains.txt", None),
            ("hash-iocs.txt", None),
        ] {
            assert_eq!(Tag::of(name.as_bytes()), tag, "{name}");
        }
    }

    #[test]
    fn wildcards_stop_at_separators() {
        let re = regex::Regex::new(&glob(r"C:\Users\*\a?.exe")).unwrap();
        assert!(re.is_match(r"C:\Users\x\ab.exe"));
        assert!(!re.is_match(r"C:\Users\x\y\ab.exe"));
        assert!(regex::Regex::new(&glob("/tmp/**/x")).unwrap().is_match("/tmp/a/b/x"));
    }

    proptest::proptest! {
        #[test]
        fn never_panics(entry: String) {
            for tag in [None, Some(Tag::FileNames), Some(Tag::Paths), Some(Tag::Keywords)] {
                let _ = term(&entry, tag);
            }
        }
    }
}
