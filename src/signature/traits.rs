//! What the condition of a rule refers to, read from its text. It tells where bounds and windows change
//! what a rule can say. Comments and strings are not told apart from code: a term too many only makes the
//! ledger more careful.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use regex::Regex;

use super::collect::Source;

/// Terms of a condition, its own or those of rules it refers to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct RuleTraits {
    /// Counts, offsets, lengths or places of matches: a list cut at the bound can change its truth.
    pub places: bool,
    /// `filesize`: unknown to a rule that sees a part.
    pub filesize: bool,
}

struct Terms {
    rule: Option<Regex>,
    places: Option<Regex>,
    filesize: Option<Regex>,
    word: Option<Regex>,
    md5: Option<Regex>,
}

fn terms() -> &'static Terms {
    static TERMS: OnceLock<Terms> = OnceLock::new();
    TERMS.get_or_init(|| Terms {
        rule: Regex::new(r"(?m)^[ \t]*(?:(?:private|global)\s+)*rule\s+([A-Za-z_][A-Za-z0-9_]*)").ok(),
        places: Regex::new(r"[#@!]\w|#\s*in\b|\b(?:at|in)\b").ok(),
        filesize: Regex::new(r"\bfilesize\b").ok(),
        word: Regex::new(r"[A-Za-z_][A-Za-z0-9_]*").ok(),
        // A comparison or a bare use; not `hash.md5(…)` and not `md5 = "…"` of a meta section.
        md5: Regex::new(
            r"(?:^|[^.\w$])md5\s*(?:==|!=|<|>|\b(?:matches|i?contains|i?startswith|i?endswith|iequals|in)\b)|(?:==|!=|\b(?:not|and|or|defined)\b)\s*\(?\s*md5\b",
        )
        .ok(),
    })
}

fn matches(re: &Option<Regex>, text: &str) -> bool {
    re.as_ref().is_some_and(|r| r.is_match(text))
}

/// Traits of every rule of a source, by rule; rules without any are left out.
pub(super) fn of_text(text: &str) -> BTreeMap<String, RuleTraits> {
    let terms = terms();
    let Some(re) = &terms.rule else { return BTreeMap::new() };
    let heads: Vec<(usize, &str)> =
        re.captures_iter(text).filter_map(|c| Some((c.get(0)?.start(), c.get(1)?.as_str()))).collect();
    let mut conditions: BTreeMap<&str, &str> = BTreeMap::new();
    for (i, &(start, name)) in heads.iter().enumerate() {
        let end = heads.get(i.saturating_add(1)).map_or(text.len(), |h| h.0);
        let body = text.get(start..end).unwrap_or_default();
        let condition = body.rfind("condition").and_then(|at| body.get(at..)).unwrap_or(body);
        conditions.insert(name, condition);
    }
    let mut traits: BTreeMap<String, RuleTraits> = conditions
        .iter()
        .map(|(name, c)| {
            ((*name).to_owned(), RuleTraits { places: matches(&terms.places, c), filesize: matches(&terms.filesize, c) })
        })
        .filter(|(_, t)| *t != RuleTraits::default())
        .collect();
    inherit(&conditions, &mut traits);
    traits
}

/// A rule that refers to another has its traits too.
fn inherit(conditions: &BTreeMap<&str, &str>, traits: &mut BTreeMap<String, RuleTraits>) {
    let Some(word) = &terms().word else { return };
    let refers: Vec<(&str, BTreeSet<&str>)> = conditions
        .iter()
        .map(|(name, c)| {
            let words = word.find_iter(c).map(|m| m.as_str()).filter(|w| w != name && conditions.contains_key(w)).collect();
            (*name, words)
        })
        .filter(|(_, words): &(&str, BTreeSet<&str>)| !words.is_empty())
        .collect();
    // Rules refer to earlier ones only, so the chain is finite; it is walked until nothing changes.
    loop {
        let mut changed = false;
        for (name, words) in &refers {
            let old = traits.get(*name).copied().unwrap_or_default();
            let new = words
                .iter()
                .filter_map(|w| traits.get(*w))
                .fold(old, |a, b| RuleTraits { places: a.places || b.places, filesize: a.filesize || b.filesize });
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

/// Whether any condition uses the external variable `md5`.
pub(super) fn refers_to_md5(source: &Source) -> bool {
    matches(&terms().md5, &source.text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_of_conditions() {
        let text = "private rule size { condition: filesize < 10 }\n\
            rule a { strings: $x = \"a\" condition: $x }\n\
            rule b { strings: $x = \"a\" condition: #x > 3 }\n\
            rule c { condition: size and a }\n\
            rule d { condition: c }\n";
        let t = of_text(text);
        assert_eq!(t.get("a"), None);
        assert_eq!(t["b"], RuleTraits { places: true, filesize: false });
        assert_eq!(t["c"], RuleTraits { places: false, filesize: true });
        assert_eq!(t["d"], RuleTraits { places: false, filesize: true });
    }

    #[test]
    fn uses_of_md5() {
        let uses = |t: &str| matches(&terms().md5, t);
        assert!(uses("condition: md5 == \"aa\""));
        assert!(uses("condition: true and md5"));
        assert!(uses("\"aa\" == md5"));
        assert!(uses("md5 matches /a/"));
        assert!(!uses("meta: md5 = \"aa\""));
        assert!(!uses("hash.md5(0, filesize) == \"aa\""));
        assert!(!uses("$md5 == 1"));
    }
}
