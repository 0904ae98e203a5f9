//! The coverage picture and the gaps by reason.

use std::collections::BTreeMap;

use super::scaled;
use crate::model::GapReason;
use crate::report::{GapRow, Report};

/// Gaps of one reason that are shown.
const GAPS: usize = 25;

/// Gaps of one reason.
pub struct Reason<'r> {
    pub id: &'r str,
    pub words: &'static str,
    pub incomplete: bool,
    pub count: u64,
    pub rows: Vec<&'r GapRow>,
    pub more: u64,
    /// Length of its bar against the longest, 1 to 200.
    pub share: u64,
}

/// One part of the coverage bar, in thousandths of its length.
pub struct Bar {
    pub class: &'static str,
    pub word: &'static str,
    pub count: u64,
    pub x: u64,
    pub width: u64,
}

pub fn reasons(r: &Report) -> Vec<Reason<'_>> {
    let mut of: BTreeMap<&str, Vec<&GapRow>> = BTreeMap::new();
    for gap in &r.gaps {
        of.entry(gap.reason.as_str()).or_default().push(gap);
    }
    let mut list: Vec<Reason> = of
        .into_iter()
        .map(|(id, all)| {
            let known = GapReason::ALL.iter().find(|k| k.id() == id);
            let count = all.iter().map(|g| g.stands_for()).fold(0, u64::saturating_add);
            let rows: Vec<&GapRow> = all.into_iter().filter(|g| g.path.is_some()).take(GAPS).collect();
            let shown = rows.iter().map(|g| g.stands_for()).fold(0, u64::saturating_add);
            Reason {
                id,
                words: known.map_or("", |k| k.words()),
                incomplete: known.is_none_or(|k| k.incomplete()),
                count,
                rows,
                more: count.saturating_sub(shown),
                share: 0,
            }
        })
        .collect();
    let longest = list.iter().map(|x| x.count).max().unwrap_or(1);
    for reason in &mut list {
        reason.share = scaled(reason.count, longest, 200).max(1);
    }
    list.sort_by_key(|x| (!x.incomplete, std::cmp::Reverse(x.count), x.id));
    list
}

pub fn bars(r: &Report) -> Vec<Bar> {
    let c = &r.coverage;
    let parts = [
        ("examined", "examined", c.examined),
        ("partial", "partly examined", c.partial),
        ("skipped", "skipped", c.skipped),
        ("failed", "failed", c.failed),
    ];
    // What is there is seen, however small its share: at least 6 thousandths, which the largest part gives up.
    let mut widths = parts.map(|(_, _, n)| if n == 0 { 0 } else { scaled(n, c.discovered.max(1), 1000).max(6) });
    let over = widths.iter().sum::<u64>().saturating_sub(1000);
    if let Some(largest) = widths.iter_mut().max() {
        *largest = largest.saturating_sub(over);
    }
    let mut x = 0;
    let bar = |((class, word, count), width)| {
        let bar = Bar { class, word, count, x, width };
        x += width;
        bar
    };
    parts.into_iter().zip(widths).map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Coverage, sample};

    #[test]
    fn the_bar_is_as_long_as_the_whole() {
        let mut report = sample::report();
        assert_eq!(bars(&report).iter().map(|b| b.width).sum::<u64>() / 10, 100);
        report.coverage = Coverage::default();
        assert_eq!(bars(&report).iter().map(|b| b.width).sum::<u64>(), 0);
        report.coverage.discovered = u64::MAX;
        report.coverage.failed = u64::MAX;
        assert_eq!(bars(&report)[3].width, 1000);
    }
}
