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
    /// `meta.score`, 0 to 100, by default 75; below 0 the rule speaks for the object (a negative score, or
    /// `falsepositive` as a tag or a true meta value).
    pub score: i32,
    /// The first 20 places, by offset; fewer where `meta.limit` is a smaller number.
    pub hits: Vec<Hit>,
    /// Places in all, up to the bound of matches a pattern.
    pub hit_count: u64,
    /// The object is seen in windows, and the first of them alone decided this rule.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub first_window: bool,
}

impl RuleMatch {
    pub(super) fn new(namespace: &str, rule: &str, tags: Vec<String>, meta: Map<String, Value>, hits: Vec<Hit>) -> Self {
        let score = score(&meta, &tags);
        let mut found = Self {
            namespace: namespace.to_owned(),
            rule: rule.to_owned(),
            tags,
            meta,
            score,
            hits,
            hit_count: 0,
            first_window: false,
        };
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
        self.hits.truncate(limit(&self.meta).unwrap_or(MAX_HITS).min(MAX_HITS));
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
    let innocent = tags.iter().any(|t| t.eq_ignore_ascii_case("falsepositive")) || meta.get("falsepositive").is_some_and(truth);
    if innocent { -score.abs() } else { score }
}

/// `true`, `1`, `"true"`, `"yes"`; of a repeated key the last.
fn truth(value: &Value) -> bool {
    match value {
        Value::Bool(b) => *b,
        Value::Number(n) => n.as_f64().is_some_and(|n| n != 0.0),
        Value::String(s) => ["1", "true", "yes"].iter().any(|t| s.trim().eq_ignore_ascii_case(t)),
        Value::Array(list) => list.last().is_some_and(truth),
        _ => false,
    }
}

/// What `type` names beside files (THOR's and Loki's words). Other words are the author's own, as `APT`.
const ELSEWHERE: &[&str] = &[
    "memory", "process", "registry", "log", "logs", "eventlog", "keyword", "keywords", "mutex", "pipe", "handle", "network",
    "dns",
];

/// Whether a rule may accuse a file: not where its `type` is a list of other things only.
pub(super) fn for_files(meta: &Map<String, Value>) -> bool {
    let Some(value) = meta.get("type") else { return true };
    let texts: Vec<&str> = match value {
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        other => other.as_str().into_iter().collect(),
    };
    let mut words = texts.iter().flat_map(|t| t.split([',', ';', '|'])).map(str::trim).filter(|w| !w.is_empty()).peekable();
    words.peek().is_none() || words.any(|w| !ELSEWHERE.iter().any(|e| w.eq_ignore_ascii_case(e)))
}

/// `meta.limit` as a number: places of the rule that its author wants to see in one object. THOR's other use
/// of the key, the name of a module, bounds nothing here.
fn limit(meta: &Map<String, Value>) -> Option<usize> {
    let value = meta.get("limit").map(|v| v.as_array().and_then(|a| a.last()).unwrap_or(v))?;
    let number = value.as_u64().or_else(|| value.as_str().and_then(|s| s.trim().parse().ok()))?;
    usize::try_from(number).ok().filter(|n| *n > 0)
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
        for yes in [json!(true), json!(1), json!("1"), json!("True"), json!([0, 1])] {
            assert_eq!(scored(json!({"score": 40, "falsepositive": yes}), &[]), -40);
        }
        for no in [json!(false), json!(0), json!("no"), json!("")] {
            assert_eq!(scored(json!({"score": 40, "falsepositive": no}), &[]), 40);
        }
    }

    #[test]
    fn types_of_things_that_are_no_files() {
        let may = |v: Value| for_files(json!({ "type": v }).as_object().unwrap());
        for yes in [
            json!("file"),
            json!("memory, file"),
            json!("APT"),
            json!("Win32 DLL"),
            json!(1),
            json!(""),
            json!(["memory", "file"]),
        ] {
            assert!(may(yes.clone()), "{yes}");
        }
        for no in [json!("memory"), json!("Registry"), json!("memory,registry ; logs"), json!(["memory", "logs"])] {
            assert!(!may(no.clone()), "{no}");
        }
        assert!(for_files(&Map::new()));
    }

    #[test]
    fn limits_that_are_numbers() {
        let of = |v: Value| limit(json!({ "limit": v }).as_object().unwrap());
        assert_eq!((of(json!(3)), of(json!("7")), of(json!("Logscan")), of(json!(0))), (Some(3), Some(7), None, None));
    }
}
