//! The table of gaps, bounded: the first rows of every reason in canonical order, then one row for the rest.

use std::collections::BTreeMap;

use super::mask::Masker;
use super::rows::{GapRow, word};
use crate::model::{Gap, GapReason, Stage};

/// Rows of one reason that are written out.
pub const GAP_ROWS: usize = 1000;

/// Place, stage, detail and bytes: all that tells two gaps of one reason apart.
type Key = (Vec<u8>, Stage, String, Option<u64>);

#[derive(Default)]
struct OfReason {
    first: BTreeMap<Key, (Gap, u64)>,
    /// Count and known bytes of what is not in `first`, by stage.
    rest: BTreeMap<Stage, (u64, Option<u64>)>,
}

/// Gathers gaps in any order with bounded memory. The result depends on the gaps alone, not on their order.
pub struct GapTable {
    bound: usize,
    reasons: BTreeMap<GapReason, OfReason>,
}

impl Default for GapTable {
    fn default() -> Self {
        Self::new(GAP_ROWS)
    }
}

impl GapTable {
    /// A table with at most `bound` rows of each reason, and one more for each stage of the rest.
    pub fn new(bound: usize) -> Self {
        Self { bound: bound.max(1), reasons: BTreeMap::new() }
    }

    pub fn push(&mut self, gap: Gap) {
        let of = self.reasons.entry(gap.reason).or_default();
        let key = (gap.locator.raw(), gap.stage, gap.detail.clone(), gap.bytes);
        of.first.entry(key).or_insert_with(|| (gap, 0)).1 += 1;
        if of.first.len() > self.bound
            && let Some((_, (last, count))) = of.first.pop_last()
        {
            let (total, bytes) = of.rest.entry(last.stage).or_default();
            *total = total.saturating_add(count);
            if let Some(known) = last.bytes {
                *bytes = Some(bytes.unwrap_or(0).saturating_add(known.saturating_mul(count)));
            }
        }
    }

    /// Counts gaps that are told together: their objects' rows in the inventory say which.
    pub fn many(&mut self, stage: Stage, reason: GapReason, count: u64, bytes: u64) {
        if count == 0 {
            return;
        }
        let (total, known) = self.reasons.entry(reason).or_default().rest.entry(stage).or_default();
        *total = total.saturating_add(count);
        *known = Some(known.unwrap_or(0).saturating_add(bytes));
    }

    /// How many gaps of each reason there are.
    pub fn by_reason(&self) -> BTreeMap<String, u64> {
        self.reasons
            .iter()
            .map(|(reason, of)| {
                let shown = of.first.values().map(|(_, n)| *n);
                let rest = of.rest.values().map(|(n, _)| *n);
                (reason.id().to_owned(), shown.chain(rest).fold(0, u64::saturating_add))
            })
            .collect()
    }

    /// The rows: by reason, then by place.
    pub fn rows(&self, masker: &Masker) -> Vec<GapRow> {
        let mut rows = Vec::new();
        for (reason, of) in &self.reasons {
            for (gap, count) in of.first.values() {
                let mut row = GapRow::new(gap, masker);
                row.count = (*count > 1).then_some(*count);
                rows.push(row);
            }
            for (stage, (count, bytes)) in &of.rest {
                rows.push(GapRow {
                    locator: None,
                    path: None,
                    path_raw: None,
                    stage: word(stage),
                    reason: reason.id().to_owned(),
                    detail: match of.first.is_empty() {
                        true => reason.words().to_owned(),
                        false => format!("further gaps for the same reason: {}", reason.words()),
                    },
                    bytes: *bytes,
                    count: Some(*count),
                });
            }
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Locator;

    fn gaps() -> Vec<Gap> {
        (0..50u64)
            .map(|n| {
                let at = Locator::os(format!("/d/{n:02}").as_str());
                let reason = if n % 5 == 0 { GapReason::Encrypted } else { GapReason::Permission };
                Gap::new(&at, if n % 2 == 0 { Stage::Open } else { Stage::Walk }, reason, "denied").bytes(n)
            })
            .collect()
    }

    fn table(gaps: impl Iterator<Item = Gap>) -> GapTable {
        let mut table = GapTable::new(7);
        gaps.for_each(|g| table.push(g));
        table
    }

    #[test]
    fn nothing_is_dropped_and_order_does_not_matter() {
        let there = table(gaps().into_iter());
        let back = table(gaps().into_iter().rev());
        let rows = there.rows(&Masker::OFF);
        assert_eq!(rows, back.rows(&Masker::OFF));
        assert_eq!(rows.iter().map(GapRow::stands_for).sum::<u64>(), 50);
        assert_eq!(rows.iter().filter_map(|r| r.bytes).sum::<u64>(), (0..50).sum::<u64>());
        assert_eq!(rows.iter().filter(|r| r.path.is_some()).count(), 14);
        assert_eq!(there.by_reason()["permission"], 40);
        assert_eq!(there.by_reason()["encrypted"], 10);
    }

    #[test]
    fn the_same_gap_twice_is_one_row_that_counts_two() {
        let gap = Gap::new(&Locator::os("/x"), Stage::Read, GapReason::IoError, "sector");
        let rows = table([gap.clone(), gap].into_iter()).rows(&Masker::OFF);
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].count, Some(2));
    }
}
