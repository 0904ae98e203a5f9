//! What a scan says: rules, offsets and lengths, never a byte that matched.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::model::{GapReason, text};

/// Score of a rule whose author gave none (the convention of THOR and Loki).
const DEFAULT_SCORE: i64 = 75;
/// Places listed for one rule; more are counted.
const MAX_HITS: usize = 20;

/// One place where a pattern of a rule was found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Hit {
    /// From the start of the object, in bytes.
    pub offset: u64,
    /// The pattern's identifier, as `$a`.
    pub id: String,
    /// Bytes.
    pub length: u64,
}

/// One rule that matched an object.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RuleMatch {
    /// The rule file, as in [`crate::model::Input::name`].
    pub namespace: String,
    pub rule: String,
    /// Sorted.
    pub tags: Vec<String>,
    /// What the author wrote about the rule. A key that occurs twice holds a list.
    pub meta: Map<String, Value>,
    /// `meta.score`, 0 to 100, by default 75; below 0 the rule speaks for the object (a negative score, or the
    /// tag `falsepositive`).
    pub score: i32,
    /// The first 20 places, by offset.
    pub hits: Vec<Hit>,
    /// Places in all, up to the bound of matches a pattern.
    pub hit_count: u64,
}

impl RuleMatch {
    pub(super) fn new(namespace: &str, rule: &str, tags: Vec<String>, meta: Map<String, Value>, hits: Vec<Hit>) -> Self {
        let score = score(&meta, &tags);
        let mut found = Self { namespace: namespace.to_owned(), rule: rule.to_owned(), tags, meta, score, hits, hit_count: 0 };
        found.tags.sort();
        found
    }

    /// A text value of the author's, escaped.
    pub fn meta_text(&self, key: &str) -> Option<String> {
        let value = self.meta.get(key)?;
        let value = value.as_array().and_then(|a| a.first()).unwrap_or(value);
        value.as_str().map(|s| text::escape(s.trim().as_bytes()))
    }

    /// Sorts, drops what was seen twice (overlapping windows), counts, cuts.
    pub(super) fn settle(&mut self) {
        // Of equal places the longest stays.
        self.hits.sort_by(|a, b| (a.offset, &a.id).cmp(&(b.offset, &b.id)).then(b.length.cmp(&a.length)));
        self.hits.dedup_by(|a, b| a.offset == b.offset && a.id == b.id);
        self.hit_count = self.hits.len() as u64;
        self.hits.truncate(MAX_HITS);
    }
}

/// Scores are written as numbers, as text, and with fractions.
fn score(meta: &Map<String, Value>, tags: &[String]) -> i32 {
    let value = meta.get("score").map(|v| v.as_array().and_then(|a| a.last()).unwrap_or(v));
    let given = value.and_then(|v| match v {
        Value::Number(n) => n.as_i64().or_else(|| n.as_f64().map(|f| f as i64)),
        Value::String(s) => s.trim().parse::<i64>().ok(),
        _ => None,
    });
    let score = i32::try_from(given.unwrap_or(DEFAULT_SCORE).clamp(-100, 100)).unwrap_or(0);
    if tags.iter().any(|t| t.eq_ignore_ascii_case("falsepositive")) { -score.abs() } else { score }
}

/// Why the rules did not see all of an object, or not as meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScanGap {
    pub reason: GapReason,
    /// Without content of the evidence.
    pub detail: String,
}

impl ScanGap {
    pub(super) fn new(reason: GapReason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }
}

/// What the rules said of one object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Sorted by namespace and rule.
    pub matches: Vec<RuleMatch>,
    /// Set where a bound was reached although the scan came to its end.
    pub gap: Option<ScanGap>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn scored(meta: Value, tags: &[&str]) -> i32 {
        let tags: Vec<String> = tags.iter().map(|t| (*t).to_owned()).collect();
        score(meta.as_object().unwrap(), &tags)
    }

    #[test]
    fn scores_as_authors_write_them() {
        assert_eq!(scored(json!({}), &[]), 75);
        assert_eq!(scored(json!({"score": 40}), &[]), 40);
        assert_eq!(scored(json!({"score": "60"}), &[]), 60);
        assert_eq!(scored(json!({"score": "high"}), &[]), 75);
        assert_eq!(scored(json!({"score": 400}), &[]), 100);
        assert_eq!(scored(json!({"score": -30}), &[]), -30);
        assert_eq!(scored(json!({"score": i64::MIN}), &[]), -100);
        assert_eq!(scored(json!({"score": 60}), &["FALSEPOSITIVE"]), -60);
        assert_eq!(scored(json!({}), &["FalsePositive", "x"]), -75);
    }
}
