//! Distinct people over the hosts, from the registers that cases under one key kept.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{FleetError, Unusable};
use crate::model::Census;
use crate::report::rows::People;

/// People over the fleet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FleetPeople {
    /// Distinct people of the hosts with registers, each counted once; absent where no case kept registers.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub distinct: Option<People>,
    /// Hosts that `distinct` covers.
    pub hosts_with_registers: u64,
    /// What these hosts say each for itself, added up: somebody on three hosts is in it three times.
    pub sum_with_registers: u64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub key_id: Option<String>,
    /// Hosts with patient data whose people are not in `distinct`, because their cases kept no registers.
    pub without_registers: Vec<String>,
    /// What these say each for itself, added up.
    pub sum_without_registers: u64,
    /// Cases whose registers could not be used; the rest of them is counted.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub damaged_registers: Vec<Unusable>,
}

/// Registers of the cases, joined.
#[derive(Default)]
pub struct Joined {
    census: Option<Census>,
    /// Cases of each key, and the first of their folders.
    keys: BTreeMap<String, String>,
    /// The most that one case says, and what all say together.
    largest: u64,
    sum: u64,
}

impl Joined {
    pub fn add(&mut self, key_id: String, census: &Census, best: u64, folder: &str) {
        let first = self.keys.entry(key_id).or_insert_with(|| folder.to_owned());
        if folder < first.as_str() {
            folder.clone_into(first);
        }
        self.largest = self.largest.max(best);
        self.sum = self.sum.saturating_add(best);
        self.census.get_or_insert_with(Census::default).union(census);
    }

    /// The one key and the estimate, where there are registers.
    pub fn finish(&self) -> Result<Option<(String, People)>, FleetError> {
        let mut keys = self.keys.iter();
        let (Some((key, first)), second) = (keys.next(), keys.next()) else { return Ok(None) };
        if let Some((_, other)) = second {
            let (a, b) = if first < other { (first, other) } else { (other, first) };
            return Err(FleetError::Keys(a.clone(), b.clone()));
        }
        let Some(census) = &self.census else { return Ok(None) };
        let estimate = census.estimate(&[], 0);
        // An estimate can err; the hosts' own counts bound it.
        let best = estimate.best.min(self.sum).max(self.largest);
        let people = People { low: estimate.low.min(best).max(self.largest.min(best)), best, high: estimate.high.max(best) };
        Ok(Some((key.clone(), people)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Person, Token, TokenKind};

    fn census(people: std::ops::Range<u64>) -> Census {
        // A bijection that spreads (splitmix64).
        let hash = |i: u64| {
            let mut z = i.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            u128::from(z ^ (z >> 31))
        };
        let person = |i| Person { tokens: vec![Token { kind: TokenKind::Mrn, hash: hash(i) }], state: None };
        Census::of(&people.map(person).collect::<Vec<_>>())
    }

    #[test]
    fn somebody_on_two_hosts_counts_once() {
        let mut joined = Joined::default();
        joined.add("k".into(), &census(0..6_000), 6_000, "/b");
        joined.add("k".into(), &census(4_000..10_000), 6_000, "/a");
        let (key, people) = joined.finish().unwrap().unwrap();
        assert_eq!(key, "k");
        assert!(people.best.abs_diff(10_000) < 300, "{people:?}");
        assert!(people.low <= people.best && people.best <= people.high);
    }

    #[test]
    fn keys_are_not_mixed() {
        let mut joined = Joined::default();
        assert!(joined.finish().unwrap().is_none());
        joined.add("k".into(), &census(0..5), 5, "/b");
        joined.add("l".into(), &census(0..5), 5, "/a");
        assert!(matches!(joined.finish(), Err(FleetError::Keys(a, b)) if a == "/a" && b == "/b"));
    }
}
