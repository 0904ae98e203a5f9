//! What appeared, vanished or changed between two cases of one host.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use super::rows::{FindingRow, People};
use super::types::{Coverage, CoverageVerdict, Report};
use crate::model::{Category, Input, Level};

mod objects;

pub use objects::{Change, ObjectChange, ObjectCounts, objects};

/// The value of `schema` in the output for programs.
pub const DIFF_SCHEMA: &str = "wardround/diff/1";

/// Which case a side is.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Side {
    pub host: String,
    pub run_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case_id: Option<String>,
    pub started: String,
    pub finished: String,
    pub tool_version: String,
    pub verdict: String,
    pub coverage: Coverage,
    pub people: People,
}

impl Side {
    fn new(r: &Report) -> Self {
        Self {
            host: r.host.name.clone(),
            run_id: r.run.id.clone(),
            case_id: r.case.id.clone(),
            started: r.run.started.clone(),
            finished: r.run.finished.clone(),
            tool_version: r.tool.version.clone(),
            verdict: r.verdict(),
            coverage: r.coverage.clone(),
            people: r.phi.individuals,
        }
    }
}

/// A finding that is in one case only, or in both with another level or score.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FindingChange {
    pub id: String,
    pub category: Category,
    pub title: String,
    pub path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<Weight>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<Weight>,
}

/// How much a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Weight {
    pub level: Level,
    pub score: u8,
}

impl Weight {
    fn of(f: &FindingRow) -> Self {
        Self { level: f.level, score: f.score }
    }
}

impl FindingChange {
    fn new(f: &FindingRow, old: Option<Weight>, new: Option<Weight>) -> Self {
        Self { id: f.id.clone(), category: f.category, title: f.title.clone(), path: f.path.clone(), old, new }
    }

    /// It is new, or of a higher level than before.
    pub fn rose(&self) -> Option<Level> {
        let new = self.new?.level;
        self.old.is_none_or(|old| old.level < new).then_some(new)
    }
}

/// Findings by id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FindingChanges {
    pub appeared: Vec<FindingChange>,
    pub vanished: Vec<FindingChange>,
    /// The same finding with another level or score.
    pub changed: Vec<FindingChange>,
}

/// What the scans looked for, where that differs: then a finding may have come or gone without any change of the host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct InputChanges {
    pub rules: FileChanges,
    pub indicators: FileChanges,
    pub known_good: FileChanges,
    /// Options that can change a finding.
    pub options: bool,
    /// Old and new version of the program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<(String, String)>,
    /// Targets of one case only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub targets_added: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub targets_removed: Vec<String>,
}

impl InputChanges {
    pub fn any(&self) -> bool {
        *self != Self::default()
    }
}

/// Files of one kind, by name and SHA-256.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FileChanges {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<String>,
}

impl FileChanges {
    fn new(old: &[Input], new: &[Input]) -> Self {
        let by_name = |list: &[Input]| -> BTreeMap<String, BTreeSet<Option<String>>> {
            let mut map: BTreeMap<String, BTreeSet<Option<String>>> = BTreeMap::new();
            for input in list {
                map.entry(input.name.clone()).or_default().insert(input.sha256.clone());
            }
            map
        };
        let (old, new) = (by_name(old), by_name(new));
        Self {
            added: new.keys().filter(|k| !old.contains_key(*k)).cloned().collect(),
            removed: old.keys().filter(|k| !new.contains_key(*k)).cloned().collect(),
            changed: new.iter().filter(|(k, v)| old.get(*k).is_some_and(|o| o != *v)).map(|(k, _)| k.clone()).collect(),
        }
    }

    pub fn any(&self) -> bool {
        *self != Self::default()
    }
}

/// All but the objects, which are compared as they are read: [`objects`].
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Comparison {
    pub old: Side,
    pub new: Side,
    /// The cases are of one machine, as far as their names and ids tell.
    pub same_host: bool,
    pub inputs: InputChanges,
    pub findings: FindingChanges,
}

impl Comparison {
    pub fn new(old: &Report, new: &Report) -> Self {
        let same_host = match (&old.host.machine_id_sha256, &new.host.machine_id_sha256) {
            (Some(a), Some(b)) => a == b,
            _ => old.host.name == new.host.name,
        };
        Self { old: Side::new(old), new: Side::new(new), same_host, inputs: inputs(old, new), findings: findings(old, new) }
    }

    /// The highest level to which a finding rose or in which it appeared.
    pub fn highest(&self) -> Option<Level> {
        self.findings.appeared.iter().chain(&self.findings.changed).filter_map(FindingChange::rose).max()
    }

    /// Coverage was complete and is no more.
    pub fn lost_coverage(&self) -> bool {
        self.old.coverage.verdict == CoverageVerdict::Complete && self.new.coverage.verdict == CoverageVerdict::Incomplete
    }
}

fn inputs(old: &Report, new: &Report) -> InputChanges {
    let targets = |r: &Report| r.targets.iter().map(|t| t.path.clone()).collect::<BTreeSet<_>>();
    let (was, is) = (targets(old), targets(new));
    let (version, before) = (&new.tool.version, &old.tool.version);
    InputChanges {
        rules: FileChanges::new(&old.inputs.rules, &new.inputs.rules),
        indicators: FileChanges::new(&old.inputs.indicators, &new.inputs.indicators),
        known_good: FileChanges::new(&old.inputs.known_good, &new.inputs.known_good),
        options: old.inputs.options_sha256 != new.inputs.options_sha256,
        version: (version != before).then(|| (before.clone(), version.clone())),
        targets_added: is.difference(&was).cloned().collect(),
        targets_removed: was.difference(&is).cloned().collect(),
    }
}

fn findings(old: &Report, new: &Report) -> FindingChanges {
    let by_id = |r: &Report| -> BTreeMap<String, Weight> { r.findings.iter().map(|f| (f.id.clone(), Weight::of(f))).collect() };
    let (was, is) = (by_id(old), by_id(new));
    let mut out = FindingChanges::default();
    // In the order of the reports: the strongest first.
    for f in &new.findings {
        match was.get(&f.id) {
            None => out.appeared.push(FindingChange::new(f, None, Some(Weight::of(f)))),
            Some(before) if *before != Weight::of(f) => {
                out.changed.push(FindingChange::new(f, Some(*before), Some(Weight::of(f))));
            }
            Some(_) => {}
        }
    }
    let gone = old.findings.iter().filter(|f| !is.contains_key(&f.id));
    out.vanished.extend(gone.map(|f| FindingChange::new(f, Some(Weight::of(f)), None)));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn nothing_changed_is_nothing() {
        let report = sample::report();
        let same = Comparison::new(&report, &report);
        assert!(same.same_host && !same.inputs.any() && same.findings == FindingChanges::default());
        assert_eq!(same.highest(), None);
    }

    #[test]
    fn findings_appear_vanish_and_rise() {
        let mut old = sample::report();
        let mut new = old.clone();
        let mut fresh = new.findings[0].clone();
        fresh.id = "f-new".into();
        fresh.level = Level::Warning;
        new.findings.push(fresh);
        old.findings[1].level = Level::Notice;
        new.findings.remove(2);
        new.tool.version = "9".into();
        new.inputs.rules[0].sha256 = Some("ff".repeat(32));
        new.inputs.indicators.clear();
        let diff = Comparison::new(&old, &new);
        assert_eq!(diff.findings.appeared.len(), 1);
        assert_eq!(diff.findings.vanished[0].id, old.findings[2].id);
        assert_eq!(diff.findings.changed[0].old.unwrap().level, Level::Notice);
        assert_eq!(diff.highest(), Some(old.findings[1].level.max(new.findings[1].level)));
        assert_eq!(diff.inputs.rules.changed, ["pack.yar"]);
        assert_eq!(diff.inputs.indicators.removed, ["hashes.txt"]);
        assert!(diff.inputs.version.is_some() && !diff.inputs.options);
    }
}
