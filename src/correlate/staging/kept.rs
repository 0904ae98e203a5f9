//! A bounded set of what lies around loot, which says what it had no room for.

use std::collections::BTreeSet;

use crate::model::{Gap, GapReason, Locator, Stage};

/// Scripts that are kept, and tools: the first in canonical order.
const MAX_KEPT: usize = 10_000;

/// What has a place.
pub(super) trait Placed {
    fn locator(&self) -> &Locator;
}

/// The first members in their order. Which ones stay, and which is the first of the others, doesn't depend on the order
/// in which they came.
#[derive(Debug)]
pub(super) struct Kept<T> {
    bound: usize,
    set: BTreeSet<T>,
    beyond: u64,
    /// The first that was dropped.
    first: Option<Locator>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self { bound: MAX_KEPT, set: BTreeSet::new(), beyond: 0, first: None }
    }
}

impl<T: Ord + Placed> Kept<T> {
    pub fn add(&mut self, one: T) {
        self.set.insert(one);
        if self.set.len() > self.bound
            && let Some(last) = self.set.pop_last()
        {
            self.beyond = self.beyond.saturating_add(1);
            let place = last.locator();
            if self.first.as_ref().is_none_or(|first| place < first) {
                self.first = Some(place.clone());
            }
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &T> + Clone {
        self.set.iter()
    }

    /// What was not looked at, by its first place.
    pub fn gap(&self, what: &str) -> Option<Gap> {
        let detail = format!("{} of the {what} of this host are not weighed; {} are", self.beyond, self.bound);
        self.first.as_ref().map(|first| Gap::new(first, Stage::Run, GapReason::LimitMemory, detail))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
    struct Script(Locator);

    impl Placed for Script {
        fn locator(&self) -> &Locator {
            &self.0
        }
    }

    #[test]
    fn what_finds_no_room_is_told_whatever_the_order() {
        let told = |numbers: &mut dyn Iterator<Item = u32>| {
            let mut kept = Kept { bound: 3, ..Kept::default() };
            numbers.for_each(|n| kept.add(Script(Locator::os(format!("/{n}").as_str()))));
            assert!(kept.iter().count() <= 3);
            kept.gap("scripts").map(|gap| (gap.locator.shown(), gap.detail))
        };
        let gap = Some(("/4".to_owned(), "2 of the scripts of this host are not weighed; 3 are".to_owned()));
        assert_eq!(told(&mut (1..=5)), gap);
        assert_eq!(told(&mut (1..=5).rev()), gap);
        assert_eq!(told(&mut [3, 5, 1, 4, 2].into_iter()), gap);
        assert_eq!(told(&mut (1..=3)), None);
    }
}
