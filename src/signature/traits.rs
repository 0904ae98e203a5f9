//! What the condition of a rule refers to, read from its text. It tells where bounds and windows change
//! what a rule can say.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::collect::Source;
use super::compile::imports;

/// Modules that look at nothing of the object.
const DETACHED: &[&str] = &["console", "string", "time"];

/// Terms of a condition, its own or those of rules it refers to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RuleTraits {
    /// Counts, offsets, lengths or places of matches: a list cut at the bound can change its truth.
    pub places: bool,
    /// `filesize`: unknown to a rule that sees a part.
    pub filesize: bool,
    /// `filesize`, bytes at an offset, the entry point or a module: undefined where the object is seen in
    /// windows. Places of matches and the externals hold there.
    pub whole: bool,
}

impl RuleTraits {
    fn or(self, other: Self) -> Self {
        Self { places: self.places || other.places, filesize: self.filesize || other.filesize, whole: self.whole || other.whole }
    }
}

/// Terms of all rules.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Terms {
    /// By namespace and rule; rules without any are left out.
    rules: BTreeMap<String, BTreeMap<String, RuleTraits>>,
    /// Whether any condition uses the external variable `md5`.
    pub md5: bool,
}

impl Terms {
    pub(super) fn of(&self, namespace: &str, rule: &str) -> RuleTraits {
        self.rules.get(namespace).and_then(|rules| rules.get(rule)).copied().unwrap_or_default()
    }
}

/// Terms of everything that is to be compiled.
pub(super) fn of_sources(sources: &[Source]) -> Terms {
    let mut terms = Terms::default();
    for source in sources {
        let (rules, md5) = of_text(&source.text);
        terms.md5 |= md5;
        terms.rules.insert(source.name.clone(), rules);
    }
    terms
}

struct Words {
    rule: Option<Regex>,
    condition: Option<Regex>,
    places: Option<Regex>,
    /// A name that reads the object's bytes.
    bytes: Option<Regex>,
    name: Option<Regex>,
}

fn words() -> &'static Words {
    static WORDS: OnceLock<Words> = OnceLock::new();
    WORDS.get_or_init(|| Words {
        rule: Regex::new(r"(?:^|[\s}])rule\s+([A-Za-z_][A-Za-z0-9_]*)").ok(),
        condition: Regex::new(r"(?:^|[^$#@!.\w])condition\s*:").ok(),
        places: Regex::new(r"[#@!]\w|#\s*in\b|\b(?:at|in)\b").ok(),
        bytes: Regex::new(r"^(?:entrypoint|(?:u?int|float)(?:8|16|32|64)(?:be)?)$").ok(),
        name: Regex::new(r"\b[A-Za-z_][A-Za-z0-9_]*").ok(),
    })
}

fn matches(re: &Option<Regex>, text: &str) -> bool {
    re.as_ref().is_some_and(|r| r.is_match(text))
}

/// Traits of every rule of a source, and whether the external `md5` is used.
fn of_text(text: &str) -> (BTreeMap<String, RuleTraits>, bool) {
    let modules: BTreeSet<&str> = imports(text).filter(|m| !DETACHED.contains(m)).collect();
    let code = bare(text);
    let Some(re) = &words().rule else { return Default::default() };
    let heads: Vec<(usize, &str)> = re.captures_iter(&code).filter_map(|c| Some((c.get(0)?.end(), c.get(1)?.as_str()))).collect();
    let mut traits: BTreeMap<String, RuleTraits> = BTreeMap::new();
    let mut used: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut md5 = false;
    for (i, &(start, name)) in heads.iter().enumerate() {
        let end = heads.get(i.saturating_add(1)).map_or(code.len(), |h| h.0);
        let condition = condition(code.get(start..end).unwrap_or_default());
        let mut own = RuleTraits { places: matches(&words().places, condition), ..RuleTraits::default() };
        let names = used.entry(name).or_default();
        for (word, has_members) in free_names(condition) {
            own.filesize |= word == "filesize";
            own.whole |= word == "filesize" || matches(&words().bytes, word) || has_members && modules.contains(word);
            md5 |= word == "md5" && !has_members;
            names.insert(word);
        }
        let known = traits.entry(name.to_owned()).or_default();
        *known = known.or(own);
    }
    inherit(&used, &mut traits);
    traits.retain(|_, t| *t != RuleTraits::default());
    (traits, md5)
}

/// Names that are neither a pattern's (`$x`, `#x`) nor a member's (`y.x`), each with whether members of it are
/// asked for. Two dots are a range.
fn free_names(condition: &str) -> impl Iterator<Item = (&str, bool)> {
    words().name.iter().flat_map(|n| n.find_iter(condition)).filter_map(|m| {
        let before = condition.get(..m.start()).unwrap_or_default().trim_end();
        let after = condition.get(m.end()..).unwrap_or_default().trim_start();
        let is_member = before.ends_with('.') && !before.ends_with("..");
        let is_pattern = condition.get(..m.start()).unwrap_or_default().ends_with(['$', '#', '@', '!']);
        let has_members = after.starts_with('.') && !after.starts_with("..");
        (!is_member && !is_pattern).then_some((m.as_str(), has_members))
    })
}

/// From behind `condition:` to the brace that ends the rule.
fn condition(body: &str) -> &str {
    let from = words().condition.as_ref().and_then(|c| c.find_iter(body).last()).map_or(0, |m| m.end());
    let condition = body.get(from..).unwrap_or_default();
    condition.split_once('}').map_or(condition, |(condition, _)| condition)
}

/// A rule that refers to another has its traits too.
fn inherit(used: &BTreeMap<&str, BTreeSet<&str>>, traits: &mut BTreeMap<String, RuleTraits>) {
    let refers: Vec<(&str, Vec<&str>)> = used
        .iter()
        .map(|(name, words)| (*name, words.iter().copied().filter(|w| w != name && used.contains_key(w)).collect()))
        .filter(|(_, words): &(&str, Vec<&str>)| !words.is_empty())
        .collect();
    // Rules refer to earlier ones only, so the chain is finite; it is walked until nothing changes.
    loop {
        let mut changed = false;
        for (name, words) in &refers {
            let old = traits.get(*name).copied().unwrap_or_default();
            let new = words.iter().filter_map(|w| traits.get(*w)).fold(old, |a, b| a.or(*b));
            if new != old {
                traits.insert((*name).to_owned(), new);
                changed = true;
            }
        }
        if !changed {
            return;
        }
    }
}

/// The text without comments and without the content of strings and regular expressions. (Division is
/// written `\` in YARA, so a `/` that begins no comment begins an expression.)
fn bare(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['"', '/']) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        rest = if from.starts_with("//") {
            from.find('\n').and_then(|n| from.get(n..)).unwrap_or_default()
        } else if from.starts_with("/*") {
            out.push(' ');
            from.get(2..).and_then(|f| f.split_once("*/")).map_or("", |(_, after)| after)
        } else {
            out.push_str("\"\"");
            after_quoted(from)
        };
    }
    out.push_str(rest);
    out
}

/// What follows the string or expression that `from` begins with; neither goes over a line's end.
fn after_quoted(from: &str) -> &str {
    let mut chars = from.char_indices();
    let quote = chars.next().map(|(_, c)| c);
    let mut escaped = false;
    for (i, c) in chars {
        match c {
            '\n' => return from.get(i..).unwrap_or_default(),
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if Some(c) == quote => return from.get(i.saturating_add(1)..).unwrap_or_default(),
            _ => {}
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACES: RuleTraits = RuleTraits { places: true, filesize: false, whole: false };
    const SIZE: RuleTraits = RuleTraits { places: false, filesize: true, whole: true };
    const WHOLE: RuleTraits = RuleTraits { places: false, filesize: false, whole: true };

    #[test]
    fn terms_of_conditions() {
        let text = "private rule size { condition: filesize < 10 }\n\
            rule a { strings: $x = \"a\" condition: $x }\n\
            rule b { strings: $x = \"a\" condition: #x > 3 }\n\
            rule c { condition: size and a }\n\
            rule d { condition: c }\n";
        let t = of_text(text).0;
        assert_eq!(t.get("a"), None);
        assert_eq!(t["b"], PLACES);
        assert_eq!(t["c"], SIZE);
        assert_eq!(t["d"], SIZE);
    }

    #[test]
    fn terms_that_need_the_whole() {
        let text = r#"
            import "pe" import "string"
            rule bytes { condition: uint16be (0) == 0x4d5a }
            rule entry { strings: $a = "x" condition: $a at entrypoint }
            rule module { condition: pe.is_dll() } rule user { condition: not module }
            rule text { strings: $a = "x" condition: $a and string.length("x") == 1 }
            rule range { strings: $a = "x" condition: $a in (0..filesize) }
            rule at { strings: $a = "x" condition: $a at 0x4000 }"#;
        let t = of_text(text).0;
        assert_eq!((t["bytes"], t["module"], t["user"]), (WHOLE, WHOLE, WHOLE));
        assert!(t["entry"].whole && t["entry"].places);
        assert_eq!(t["range"], RuleTraits { places: true, filesize: true, whole: true });
        assert_eq!(t.get("text"), None);
        assert_eq!(t["at"], PLACES);
    }

    #[test]
    fn words_in_strings_and_comments_are_no_terms() {
        let text = r#"
            import "pe"
            rule quiet {
                meta: x = "condition: filesize \" pe.x"
                strings: $filesize = "rule x { condition: uint16(0) }" $b = /a\/\/filesize[" ]/ $c = { 41 // filesize
                    42 /* uint8(0) */ }
                condition: // filesize pe.is_pe
                    $filesize and /* uint16(0) */ filename matches /pe\.filesize/ and $b and $c
            }
            // rule other { condition: filesize }
            rule loud { strings: $u = "http://x" condition: $u and filesize > 1 }"#;
        let t = of_text(text).0;
        assert_eq!(t.len(), 1, "{t:?}");
        assert_eq!(t["loud"], SIZE);
    }

    #[test]
    fn uses_of_md5() {
        let uses = |condition: &str| of_text(&format!("import \"hash\" rule a {{ {condition} }}")).1;
        assert!(uses("condition: md5 == \"aa\""));
        assert!(uses("condition: true and md5"));
        assert!(uses("condition: \"aa\" == md5"));
        assert!(uses("condition: md5 matches /a/"));
        assert!(!uses("meta: md5 = \"aa\" condition: true"));
        assert!(!uses("condition: hash.md5(0, filesize) == \"aa\""));
        assert!(!uses("strings: $md5 = \"md5 == 1\" condition: #md5 == 1"));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text in "(rule|condition:|import \"pe\"|filesize|md5|[a/*\\\\\"{}$\n .é]){0,40}") {
            of_text(&text);
        }
    }
}
