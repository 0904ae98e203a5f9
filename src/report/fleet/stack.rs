//! Stacking: on how many hosts a value was seen, the rarest first. Values are rules, indicators, signs of staging, and the
//! objects themselves by SHA-256; only findings at notice or above bring any.

use std::collections::HashMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::STACK_ROWS;
use crate::model::{Category, Level};
use crate::report::FindingRow;

/// Hosts that a row names.
const HOSTS: usize = 50;

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StackKind {
    /// SHA-256 of an object.
    Object,
    /// A YARA rule.
    Rule,
    /// An entry of a list of indicators, by file and place.
    Indicator,
    /// A sign that a program or a set of files shows.
    Sign,
}

/// One value over the fleet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StackRow {
    pub kind: StackKind,
    pub value: String,
    /// Distinct hosts.
    pub hosts: u64,
    /// Findings that rest on it.
    pub findings: u64,
    /// The highest level and score among them.
    pub level: Level,
    pub score: u8,
    /// The title of that finding, and the path of the object on the host that saw it first.
    pub title: String,
    pub path: String,
    /// When the earliest scan that saw it began, and on which host.
    pub first_seen: String,
    pub first_host: String,
    pub last_seen: String,
    /// Earliest time at which such an object was last written. A clock can be wrong or set.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub earliest_mtime: Option<String>,
    /// Names of the hosts, the first fifty.
    pub names: Vec<String>,
}

/// A value as one case has it.
pub struct Seen {
    kind: StackKind,
    value: Box<str>,
    findings: u64,
    level: Level,
    score: u8,
    title: Box<str>,
    path: Box<str>,
    mtime: Option<Timestamp>,
}

/// The values of one case, each once.
pub fn of(findings: &[FindingRow]) -> Vec<Seen> {
    let mut seen: HashMap<(StackKind, &str), Seen> = HashMap::new();
    for f in findings.iter().filter(|f| f.level >= Level::Notice) {
        let object = f.object.as_ref();
        let mtime = object.and_then(|o| o.times.mtime.as_deref()).and_then(|t| t.parse().ok());
        let sha256 = object.and_then(|o| o.sha256.as_deref()).map(|s| (StackKind::Object, s));
        // A reason that speaks against the finding, or says nothing, is no value.
        let reasons = f.reasons.iter().filter(|r| r.weight > 0).map(|r| match f.category {
            Category::Yara => (StackKind::Rule, r.id.as_str()),
            Category::Ioc => (StackKind::Indicator, r.source.as_str()),
            _ => (StackKind::Sign, r.id.as_str()),
        });
        let mut values: Vec<(StackKind, &str)> = sha256.into_iter().chain(reasons).collect();
        values.sort_unstable();
        values.dedup();
        for (kind, value) in values {
            let one = || Seen {
                kind,
                value: value.into(),
                findings: 1,
                level: f.level,
                score: f.score,
                title: f.title.as_str().into(),
                path: f.path.as_str().into(),
                mtime,
            };
            // Findings come strongest first, so the first one's words stand.
            seen.entry((kind, value))
                .and_modify(|s| {
                    s.findings += 1;
                    (s.level, s.score) = (s.level, s.score).max((f.level, f.score));
                    s.mtime = [s.mtime, mtime].into_iter().flatten().min();
                })
                .or_insert_with(one);
        }
    }
    seen.into_values().collect()
}

struct Entry {
    hosts: Vec<u32>,
    findings: u64,
    level: Level,
    score: u8,
    title: Box<str>,
    first: (Timestamp, Box<str>, Box<str>),
    last: Timestamp,
    mtime: Option<Timestamp>,
}

/// The values of all cases.
#[derive(Default)]
pub struct Stack(HashMap<(StackKind, Box<str>), Entry>);

impl Stack {
    /// Takes in the values of one case of the host with number `id`.
    pub fn add(&mut self, values: Vec<Seen>, id: u32, host: &str, started: Timestamp) {
        for s in values {
            let first = (started, Box::from(host), s.path);
            match self.0.entry((s.kind, s.value)) {
                std::collections::hash_map::Entry::Vacant(e) => {
                    e.insert(Entry {
                        hosts: vec![id],
                        findings: s.findings,
                        level: s.level,
                        score: s.score,
                        title: s.title,
                        first,
                        last: started,
                        mtime: s.mtime,
                    });
                }
                std::collections::hash_map::Entry::Occupied(mut e) => {
                    let e = e.get_mut();
                    // Cases come in any order: every rule here gives the same whatever it was.
                    if (s.level, s.score, std::cmp::Reverse(&s.title)) > (e.level, e.score, std::cmp::Reverse(&e.title)) {
                        (e.level, e.score, e.title) = (s.level, s.score, s.title);
                    }
                    e.hosts.push(id);
                    e.findings = e.findings.saturating_add(s.findings);
                    if first < e.first {
                        e.first = first;
                    }
                    e.last = e.last.max(started);
                    e.mtime = [e.mtime, s.mtime].into_iter().flatten().min();
                }
            }
        }
    }

    /// The rarest rows, how many values there are, and how they spread. `names` are those of the hosts by number.
    pub fn rows(mut self, names: &[String]) -> (Vec<StackRow>, u64, [u64; 5]) {
        let mut spread = [0_u64; 5];
        for e in self.0.values_mut() {
            e.hosts.sort_unstable();
            e.hosts.dedup();
            spread[match e.hosts.len() {
                0 | 1 => 0,
                2 => 1,
                3..=5 => 2,
                6..=20 => 3,
                _ => 4,
            }] += 1;
        }
        let total = self.0.len() as u64;
        let mut all: Vec<((StackKind, Box<str>), Entry)> = self.0.into_iter().collect();
        let reverse = std::cmp::Reverse::<(Level, u8)>;
        all.sort_unstable_by(|((ak, av), a), ((bk, bv), b)| {
            (a.hosts.len(), reverse((a.level, a.score)), ak, av).cmp(&(b.hosts.len(), reverse((b.level, b.score)), bk, bv))
        });
        all.truncate(STACK_ROWS);
        let row = |((kind, value), e): ((StackKind, Box<str>), Entry)| {
            let mut hosts: Vec<String> = e.hosts.iter().filter_map(|id| names.get(*id as usize).cloned()).collect();
            hosts.sort();
            hosts.truncate(HOSTS);
            StackRow {
                kind,
                value: value.into(),
                hosts: e.hosts.len() as u64,
                findings: e.findings,
                level: e.level,
                score: e.score,
                title: e.title.into(),
                path: e.first.2.into(),
                first_seen: e.first.0.to_string(),
                first_host: e.first.1.into(),
                last_seen: e.last.to_string(),
                earliest_mtime: e.mtime.map(|t| t.to_string()),
                names: hosts,
            }
        };
        (all.into_iter().map(row).collect(), total, spread)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_rarest_and_strongest_come_first_whatever_the_order_of_work() {
        let findings = sample::report().findings;
        let at = |s: i64| Timestamp::from_second(s).unwrap();
        let names: Vec<String> = ["c", "a", "b"].map(str::to_owned).into();
        let mut weak = findings.clone();
        weak.iter_mut().for_each(|f| f.level = Level::Notice);
        let rows = |order: &[usize]| {
            let mut stack = Stack::default();
            for n in order {
                match n {
                    0 => stack.add(of(&findings), 0, "c", at(300)),
                    1 => stack.add(of(&weak), 1, "a", at(200)),
                    _ => stack.add(of(&weak[..1]), 2, "b", at(100)),
                }
            }
            stack.rows(&names)
        };
        let (one, total, spread) = rows(&[0, 1, 2]);
        assert_eq!((one.clone(), total, spread), rows(&[2, 0, 1]));
        assert_eq!(one.len() as u64, total);
        assert!(one.windows(2).all(|w| w[0].hosts <= w[1].hosts));
        let common = one.last().unwrap();
        assert_eq!(
            (common.hosts, common.first_host.as_str(), common.names.as_slice()),
            (3, "b", &["a".to_owned(), "b".into(), "c".into()][..])
        );
        assert!(one.iter().all(|r| r.value != "backup.name"), "what speaks against a finding is no value");
        assert_eq!(spread.iter().sum::<u64>(), total);
    }
}
