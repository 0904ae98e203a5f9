//! A set of hashes that is only ever added to and counted. Appending and sorting now and then touches memory in
//! order; a hash table of millions would miss the cache at every insertion.

/// Hashes that wait until they are worth sorting in.
const LEAST: usize = 4096;

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Distinct {
    /// Ascending, without repeats.
    sorted: Vec<u64>,
    fresh: Vec<u64>,
}

impl Distinct {
    pub fn insert(&mut self, hash: u64) {
        // What repeats from row to row (a state, a plan) never piles up.
        if self.fresh.last() == Some(&hash) {
            return;
        }
        self.fresh.push(hash);
        if self.fresh.len() >= LEAST.max(self.sorted.len()) {
            self.settle();
        }
    }

    fn settle(&mut self) {
        self.fresh.sort_unstable();
        self.fresh.dedup();
        if self.sorted.is_empty() {
            std::mem::swap(&mut self.sorted, &mut self.fresh);
            return;
        }
        // A stable sort of two runs is one merge.
        self.sorted.append(&mut self.fresh);
        self.sorted.sort();
        self.sorted.dedup();
    }

    /// How many there are: exact once settled, at most this many before.
    pub fn len(&mut self) -> usize {
        self.settle();
        self.sorted.len()
    }

    /// Some of them may still be repeats.
    pub fn at_most(&self) -> usize {
        self.sorted.len().saturating_add(self.fresh.len())
    }

    /// Ascending, without repeats.
    pub fn into_sorted(mut self) -> Vec<u64> {
        self.settle();
        self.sorted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn counts_as_a_set_does(values in proptest::collection::vec(0u64..5000, 0..20_000)) {
            let mut set = Distinct::default();
            values.iter().for_each(|v| set.insert(*v));
            let expected: std::collections::BTreeSet<u64> = values.into_iter().collect();
            proptest::prop_assert!(set.at_most() >= expected.len());
            proptest::prop_assert_eq!(set.len(), expected.len());
            proptest::prop_assert_eq!(set.into_sorted(), expected.into_iter().collect::<Vec<_>>());
        }
    }
}
