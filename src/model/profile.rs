//! Profiles: what places and names mean, as data. `iocs/README.md` documents the format `wardround/profile/1`.
//!
//! The embedded ones lie in `iocs/profiles/`; a clinic adds its own beside its indicators. A bad entry costs
//! itself only.

use std::collections::BTreeMap;

use regex::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};
use serde_json::{Map, Value};

use super::{Rejected, text};

/// The `format` of a profile.
pub const FORMAT: &str = "wardround/profile/1";
/// What the `format` of every version begins with.
const FAMILY: &str = "wardround/profile/";
/// Entries of one file.
const MAX_ENTRIES: usize = 1_000;
/// Bytes of one pattern, as text and compiled.
const MAX_PATTERN: usize = 2_000;
const MAX_COMPILED: usize = 256 << 10;
/// Bytes of all patterns of a list, compiled together.
const MAX_SET: usize = 256 << 20;
/// Rejections listed for one file; more are counted.
const MAX_REJECTED: usize = 200;
/// Paths of which a pattern for special places may not match all.
const ORDINARY: [&str; 4] = ["c:/users/ann/documents/letter.docx", "/usr/lib/libc.so", "d:/x/y.zip", "a"];

/// A pattern on a normalised path, and how to speak of what it matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    pub pattern: String,
    pub words: String,
}

/// Lists of a profile by their place in the file, as `staging_folders.strong`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// Patterns with words; see [`LOCATIONS`].
    locations: BTreeMap<&'static str, Vec<Location>>,
    /// Patterns; see [`PATTERNS`].
    patterns: BTreeMap<&'static str, Vec<String>>,
    /// Extensions of backup catalogs, without dot.
    pub backup_catalogs: Vec<String>,
}

/// Lists of patterns on lower-case paths with `/`, with the words that findings use.
pub const LOCATIONS: [&str; 5] =
    ["staging_folders.webroot", "staging_folders.recycle", "staging_folders.strong", "staging_folders.medium", "benign_places"];
/// Lists of patterns on lower-case names or paths.
pub const PATTERNS: [&str; 5] =
    ["archive_names.habit", "archive_names.masquerade", "member_names.strong", "member_names.weak", "own_documents"];
const CATALOGS: &str = "backup_catalogs";

impl Profile {
    /// Reads a profile; `None` where the text is something else. `name` is for the places of rejections.
    pub fn read(name: &str, source: &str) -> Option<(Profile, Vec<Rejected>)> {
        if !source.trim_start().starts_with('{') || !source.contains(FAMILY) {
            return None;
        }
        let mut reader = Reader { name, profile: Profile::default(), rejected: Vec::new(), more: 0 };
        match serde_json::from_str::<Value>(source) {
            Ok(Value::Object(map)) => {
                let format = map.get("format").and_then(Value::as_str).filter(|f| f.starts_with(FAMILY))?;
                if format == FORMAT {
                    reader.object("", &map);
                } else {
                    reader.reject("/format", &format!("this version reads {FORMAT} alone"));
                }
            }
            Ok(_) => return None,
            // Only what says it is a profile near its beginning is taken for a broken one.
            Err(_) if !source.get(..500).unwrap_or(source).contains(FAMILY) => return None,
            Err(e) => reader.rejected.push(Rejected { place: format!("{name}:{}", e.line()), why: "no JSON".into() }),
        }
        if reader.more > 0 {
            let why = format!("{} further entries were rejected", reader.more);
            reader.rejected.push(Rejected { place: name.to_owned(), why });
        }
        Some((reader.profile, reader.rejected))
    }

    /// One of [`LOCATIONS`].
    pub fn locations(&self, list: &str) -> &[Location] {
        self.locations.get(list).map_or(&[], Vec::as_slice)
    }

    /// One of [`PATTERNS`].
    pub fn patterns(&self, list: &str) -> &[String] {
        self.patterns.get(list).map_or(&[], Vec::as_slice)
    }

    /// Appends the entries of another profile. What is there already stays first.
    pub fn merge(&mut self, other: &Profile) {
        for (list, entries) in &other.locations {
            self.locations.entry(list).or_default().extend_from_slice(entries);
        }
        for (list, entries) in &other.patterns {
            self.patterns.entry(list).or_default().extend_from_slice(entries);
        }
        self.backup_catalogs.extend_from_slice(&other.backup_catalogs);
    }

    /// Entries in force.
    pub fn len(&self) -> u64 {
        let lists = self.locations.values().map(Vec::len).chain(self.patterns.values().map(Vec::len));
        lists.chain([self.backup_catalogs.len()]).map(|n| n as u64).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether every list compiles as a whole.
    pub(super) fn compiles(&self) -> Result<(), regex::Error> {
        for list in self.locations.values() {
            regex_set(list.iter().map(|l| &l.pattern))?;
        }
        for list in self.patterns.values() {
            regex_set(list)?;
        }
        Ok(())
    }
}

/// A set of patterns of one list.
///
/// # Errors
/// Where they are too many to be compiled together; each alone was compiled when it was read.
pub fn regex_set<'a>(patterns: impl IntoIterator<Item = &'a String>) -> Result<RegexSet, regex::Error> {
    RegexSetBuilder::new(patterns).size_limit(MAX_SET).build()
}

struct Reader<'a> {
    name: &'a str,
    profile: Profile,
    rejected: Vec<Rejected>,
    more: usize,
}

impl Reader<'_> {
    /// `place` is a JSON pointer (RFC 6901).
    fn reject(&mut self, place: &str, why: &str) {
        if self.rejected.len() < MAX_REJECTED {
            let place = text::escape(format!("{}:{place}", self.name).as_bytes());
            let why = why.split_whitespace().collect::<Vec<_>>().join(" ");
            self.rejected.push(Rejected { place, why: text::shorten(&text::escape(why.as_bytes()), 200) });
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    fn object(&mut self, prefix: &str, map: &Map<String, Value>) {
        for (key, value) in map {
            let list = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
            let place = format!("/{}", list.replace('.', "/"));
            let known = |lists: &[&'static str]| lists.iter().copied().find(|l| *l == list);
            let is_group = prefix.is_empty() && LOCATIONS.iter().chain(&PATTERNS).any(|l| l.starts_with(&format!("{key}.")));
            if prefix.is_empty() && matches!(key.as_str(), "format" | "name" | "about") {
                continue;
            }
            match value {
                Value::Object(inner) if is_group => self.object(key, inner),
                Value::Array(entries) => {
                    if let Some(list) = known(&LOCATIONS) {
                        self.entries(&place, entries, |reader, place, entry| reader.location(list, place, entry));
                    } else if let Some(list) = known(&PATTERNS) {
                        self.entries(&place, entries, |reader, place, entry| reader.pattern(list, place, entry));
                    } else if list == CATALOGS {
                        self.entries(&place, entries, Self::catalog);
                    } else {
                        self.reject(&place, "not a key of a profile");
                    }
                }
                _ => self.reject(&place, "not a key of a profile, or not of its type"),
            }
        }
    }

    fn entries(&mut self, place: &str, entries: &[Value], mut take: impl FnMut(&mut Self, &str, &Value)) {
        for (i, entry) in entries.iter().enumerate() {
            let place = format!("{place}/{i}");
            if self.profile.len() >= MAX_ENTRIES as u64 {
                self.reject(&place, "more entries than one profile may have; split it");
            } else {
                take(self, &place, entry);
            }
        }
    }

    fn location(&mut self, list: &'static str, place: &str, entry: &Value) {
        let part = |key: &str| entry.get(key).and_then(Value::as_str);
        let (Some(pattern), Some(words)) = (part("pattern"), part("words")) else {
            return self.reject(place, "an entry here is an object with the texts pattern and words");
        };
        if let Some(pattern) = self.checked(place, pattern) {
            let words = text::shorten(&text::escape(words.trim().as_bytes()), 120);
            self.profile.locations.entry(list).or_default().push(Location { pattern, words });
        }
    }

    fn pattern(&mut self, list: &'static str, place: &str, entry: &Value) {
        let Some(pattern) = entry.as_str() else { return self.reject(place, "an entry here is a text") };
        if let Some(pattern) = self.checked(place, pattern) {
            self.profile.patterns.entry(list).or_default().push(pattern);
        }
    }

    fn catalog(&mut self, place: &str, entry: &Value) {
        match entry.as_str() {
            Some(e) if !e.is_empty() && e.len() <= 16 && e.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()) => {
                self.profile.backup_catalogs.push(e.to_owned());
            }
            _ => self.reject(place, "an extension is lower-case letters and digits, without dot"),
        }
    }

    /// A pattern that compiles, can match and does not match everything.
    fn checked(&mut self, place: &str, pattern: &str) -> Option<String> {
        let compiled = (pattern.len() <= MAX_PATTERN).then(|| compile(pattern));
        let why = match compiled {
            None => format!("longer than {MAX_PATTERN} bytes"),
            Some(Err(e)) => match e {
                regex::Error::CompiledTooBig(_) => "too large once it is compiled".into(),
                e => e.to_string().lines().last().unwrap_or("not a regular expression").trim_start_matches("error: ").into(),
            },
            Some(Ok(_)) if has_upper_case(pattern) => "it can never match: paths are compared in lower case".into(),
            Some(Ok(_)) if pattern.contains(r"\\") => "it can never match: paths are compared with / between names".into(),
            Some(Ok(re)) if re.is_match("") || ORDINARY.iter().all(|path| re.is_match(path)) => "it matches everything".into(),
            Some(Ok(_)) => return Some(pattern.to_owned()),
        };
        self.reject(place, &why);
        None
    }
}

fn compile(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).size_limit(MAX_COMPILED).build()
}

/// Whether a capital letter stands for itself, not for a class as in `\S`.
fn has_upper_case(pattern: &str) -> bool {
    let mut escaped = false;
    for c in pattern.chars() {
        if !escaped && c.is_uppercase() && !pattern.contains("(?i") {
            return true;
        }
        escaped = !escaped && c == '\\';
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Profile, Vec<(String, String)>) {
        let (profile, rejected) = Profile::read("p.json", text).expect("a profile");
        (profile, rejected.into_iter().map(|r| (r.place, r.why)).collect())
    }

    #[test]
    fn what_is_no_profile_is_left_to_others() {
        for text in
            ["", "[]", "{\"type\": \"bundle\"}", "{\"about\": \"wardround/profile/1\"}", "wardround/profile/1", "{ wardround"]
        {
            assert!(Profile::read("x.json", text).is_none(), "{text}");
        }
        let (profile, rejected) = read("{\"format\": \"wardround/profile/1\",\n \"own_documents\": [,] }");
        assert!(profile.is_empty());
        assert_eq!(rejected, [("p.json:2".into(), "no JSON".into())]);
        let (profile, rejected) = read("{\"format\": \"wardround/profile/2\", \"own_documents\": [\"x\"]}");
        assert!(profile.is_empty() && rejected[0].1.contains(FORMAT));
    }

    #[test]
    fn a_bad_entry_costs_itself() {
        let (profile, rejected) = read(
            r#"{ "format": "wardround/profile/1", "name": "x", "colour": 1, "staging_folders": {
                "strong": [{"pattern": "(?:^|/)a/", "words": "A"}, {"pattern": "(b", "words": "B"}, {"pattern": "c"}, "d"], "weird": [] },
              "archive_names": { "habit": ["^x\\.zip$", "^X\\.zip$", ".*", "a\\\\b", "^\\S+\\.q$"] },
              "backup_catalogs": ["vbm", ".vbk", 7] }"#,
        );
        assert_eq!(profile.locations("staging_folders.strong"), [Location { pattern: "(?:^|/)a/".into(), words: "A".into() }]);
        assert_eq!(profile.patterns("archive_names.habit"), ["^x\\.zip$", "^\\S+\\.q$"]);
        assert_eq!(profile.backup_catalogs, ["vbm"]);
        assert_eq!(profile.len(), 4);
        // In the order of the document; sorted for the comparison.
        let mut places: Vec<_> = rejected.iter().map(|r| r.0.trim_start_matches("p.json:")).collect();
        places.sort_unstable();
        let expected = [
            "/archive_names/habit/1",
            "/archive_names/habit/2",
            "/archive_names/habit/3",
            "/backup_catalogs/1",
            "/backup_catalogs/2",
            "/colour",
            "/staging_folders/strong/1",
            "/staging_folders/strong/2",
            "/staging_folders/strong/3",
            "/staging_folders/weird",
        ];
        assert_eq!(places, expected, "{rejected:?}");
        assert!(rejected.iter().any(|r| r.0.ends_with("/strong/1") && r.1.contains("unclosed group")), "{rejected:?}");
    }

    #[test]
    fn entries_and_rejections_are_bounded() {
        let many = vec!["\"^a$\""; MAX_ENTRIES + 500].join(",");
        let (profile, rejected) = read(&format!("{{\"format\": \"{FORMAT}\", \"own_documents\": [{many}]}}"));
        assert_eq!(profile.len(), MAX_ENTRIES as u64);
        assert_eq!(rejected.len(), MAX_REJECTED + 1);
        assert!(rejected.last().is_some_and(|r| r.1.starts_with("300 further")));
        let (profile, rejected) = read(&format!("{{\"format\": \"{FORMAT}\", \"own_documents\": [\"(?:a{{200}}){{200}}\"]}}"));
        assert!(profile.is_empty() && rejected[0].1.contains("too large"), "{rejected:?}");
    }

    #[test]
    fn merging_keeps_the_order() {
        let one = |p: &str| read(&format!("{{\"format\": \"{FORMAT}\", \"own_documents\": [\"{p}\"]}}")).0;
        let mut all = one("^a$");
        all.merge(&one("^b$"));
        assert_eq!(all.patterns("own_documents"), ["^a$", "^b$"]);
        assert!(all.compiles().is_ok());
    }

    proptest::proptest! {
        #[test]
        fn never_panics(cut in 0_usize..400, with in "\\PC{0,8}") {
            let text = r#"{ "format": "wardround/profile/1", "staging_folders": { "strong": [{"pattern": "(?:^|/)a/", "words": "A"}] },
              "archive_names": { "habit": ["^x\\.zip$"] }, "benign_places": [{"pattern": "x", "words": "y"}] }"#;
            let at = cut.min(text.len());
            let _ = Profile::read("p", &format!("{}{with}{}", &text[..at], &text[at..]));
        }
    }
}
