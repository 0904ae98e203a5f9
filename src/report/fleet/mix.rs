//! What the hosts were scanned with: where that is not one and the same, their findings don't compare.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::model::{Input, text};
use crate::report::Report;

/// Files that a set names.
const FILES: usize = 20;

/// Versions, and sets of rules, indicators and options, each with the number of its cases.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mix {
    pub versions: BTreeMap<String, u64>,
    /// By a digest over the names and SHA-256 of the files.
    pub rules: BTreeMap<String, Set>,
    pub indicators: BTreeMap<String, Set>,
    pub known_good: BTreeMap<String, Set>,
    /// By the digest of the options that can change a finding, which covers targets' kinds and limits.
    pub options: BTreeMap<String, u64>,
}

/// Cases that were scanned with one set of files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Set {
    pub cases: u64,
    /// Names of the files, the first twenty.
    pub files: Vec<String>,
    /// Files in all.
    pub count: u64,
}

impl Mix {
    pub fn add(&mut self, one: Mix) {
        let sum = |all: &mut BTreeMap<String, u64>, one: BTreeMap<String, u64>| {
            one.into_iter().for_each(|(k, n)| *all.entry(k).or_default() += n);
        };
        sum(&mut self.versions, one.versions);
        sum(&mut self.options, one.options);
        let sets = [(&mut self.rules, one.rules), (&mut self.indicators, one.indicators), (&mut self.known_good, one.known_good)];
        for (all, one) in sets {
            for (digest, set) in one {
                all.entry(digest).and_modify(|s| s.cases += set.cases).or_insert(set);
            }
        }
    }

    /// The mix of one case.
    pub fn of(r: &Report) -> Self {
        let one = |inputs: &[Input]| BTreeMap::from([set(inputs)]);
        Self {
            versions: BTreeMap::from([(r.tool.version.clone(), 1)]),
            rules: one(&r.inputs.rules),
            indicators: one(&r.inputs.indicators),
            known_good: one(&r.inputs.known_good),
            options: BTreeMap::from([(r.inputs.options_sha256.clone(), 1)]),
        }
    }

    /// What differs between cases, in words.
    pub fn differs(&self) -> Vec<&'static str> {
        let all = [
            (self.versions.len(), "versions of the program"),
            (self.rules.len(), "rules"),
            (self.indicators.len(), "indicators"),
            (self.known_good.len(), "lists of known-good files"),
            (self.options.len(), "options"),
        ];
        all.into_iter().filter(|(n, _)| *n > 1).map(|(_, word)| word).collect()
    }
}

fn set(inputs: &[Input]) -> (String, Set) {
    let mut files: Vec<(&str, &str)> =
        inputs.iter().map(|i| (i.name.as_str(), i.sha256.as_deref().unwrap_or_default())).collect();
    files.sort_unstable();
    let mut hash = Sha256::new();
    for (name, digest) in &files {
        hash.update(name.as_bytes());
        hash.update([0]);
        hash.update(digest.as_bytes());
        hash.update([0]);
    }
    let names = files.iter().take(FILES).map(|(name, _)| (*name).to_owned()).collect();
    (text::hex(&hash.finalize()), Set { cases: 1, files: names, count: files.len() as u64 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn sets_are_told_apart_by_what_is_in_them() {
        let one = sample::report();
        let mut two = one.clone();
        two.inputs.rules[0].sha256 = Some("00".repeat(32));
        two.tool.version = "0.2.0".into();
        let mut mix = Mix::default();
        [&one, &two, &one].into_iter().for_each(|r| mix.add(Mix::of(r)));
        assert_eq!(mix.versions["0.1.0"], 2);
        assert_eq!(mix.rules.len(), 2);
        assert_eq!(mix.rules.values().map(|s| s.cases).sum::<u64>(), 3);
        assert_eq!(mix.differs(), ["versions of the program", "rules"]);
    }
}
