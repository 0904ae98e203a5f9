//! `fleet.html`: the fleet for people. One file without script or external load; every value is escaped.

use std::collections::BTreeMap;
use std::io::{self, Write};

use askama::Template;

use super::mix::Set;
use super::stack::{StackKind, StackRow};
use super::{Fleet, HostRow};
use crate::model::GapReason;
use crate::model::text::thousands;
use crate::report::CoverageVerdict;
use crate::report::summary::plural;

/// Rows of the stack that the page shows.
const STACK: usize = 300;
/// Names that a list shows.
const NAMES: usize = 1000;

/// Writes the page.
///
/// # Errors
/// As the writer that is given.
pub fn page(fleet: &Fleet, out: &mut dyn Write) -> io::Result<()> {
    let stack = fleet.stack.get(..STACK).unwrap_or(&fleet.stack);
    Page { f: fleet, stack, bars: bars(fleet), differs: fleet.mix.differs().join(", ") }.write_into(out)
}

#[derive(Template)]
#[template(path = "fleet.html")]
struct Page<'f> {
    f: &'f Fleet,
    stack: &'f [StackRow],
    bars: Vec<Bar>,
    /// What the cases were not all made with alike.
    differs: String,
}

/// A part of the picture of hosts, in thousandths of its length.
struct Bar {
    class: &'static str,
    word: &'static str,
    count: u64,
    x: u64,
    width: u64,
}

fn bars(f: &Fleet) -> Vec<Bar> {
    let t = &f.totals;
    let parts = [
        ("examined", "covered whole", t.hosts.saturating_sub(t.incomplete)),
        ("partial", "covered in part", t.incomplete),
        ("failed", "never reported", t.never_reported),
        ("skipped", "case not usable", t.unusable),
    ];
    let all = parts.iter().map(|(_, _, n)| *n).fold(0, u64::saturating_add).max(1);
    let mut x = 0;
    let bar = |(class, word, count): (&'static str, &'static str, u64)| {
        let width = u64::try_from(u128::from(count) * 1000 / u128::from(all)).unwrap_or(1000);
        // What is there is seen.
        let width = if count > 0 { width.max(4) } else { 0 };
        let bar = Bar { class, word, count, x, width };
        x += width;
        bar
    };
    parts.into_iter().map(bar).collect()
}

impl Page<'_> {
    /// A figure with separators.
    fn n(&self, n: &u64) -> String {
        thousands(*n)
    }

    /// How many more than `shown`.
    fn rest(&self, n: &u64, shown: usize) -> String {
        thousands(n.saturating_sub(shown as u64))
    }

    fn plural(&self, n: &u64, one: &str) -> String {
        plural(*n, one)
    }

    /// `1 host`, `2 hosts`.
    fn hosts(&self, list: &[String]) -> String {
        let n = list.len() as u64;
        format!("{} {}", thousands(n), plural(n, "host"))
    }

    fn sets(&self) -> [(&'static str, &BTreeMap<String, Set>); 3] {
        let m = &self.f.mix;
        [("rules", &m.rules), ("indicators", &m.indicators), ("known good", &m.known_good)]
    }

    fn kind(&self, kind: &StackKind) -> &'static str {
        match kind {
            StackKind::Object => "object (SHA-256)",
            StackKind::Rule => "rule",
            StackKind::Indicator => "indicator",
            StackKind::Sign => "sign",
        }
    }

    /// `2026-11-24T02:00:00Z` as `2026-11-24 02:00`.
    fn time(&self, t: &str) -> String {
        match (t.get(..10), t.get(11..16)) {
            (Some(day), Some(hour)) => format!("{day} {hour}"),
            _ => t.to_owned(),
        }
    }

    fn names<'n>(&self, all: &'n [String]) -> &'n [String] {
        all.get(..NAMES).unwrap_or(all)
    }

    /// What a list of names leaves out, where it does.
    fn more(&self, all: &[String]) -> Option<String> {
        all.len().checked_sub(NAMES).filter(|n| *n > 0).map(|n| thousands(n as u64))
    }

    fn level(&self, h: &HostRow) -> &'static str {
        h.findings.highest().map_or("info", |l| l.word())
    }

    /// The three reasons that left most unexamined; those that leave coverage complete are none.
    fn gaps(&self, h: &HostRow) -> String {
        let harmless = |id: &str| GapReason::ALL.iter().any(|r| r.id() == id && !r.incomplete());
        let mut list: Vec<(&String, &u64)> = h.coverage.by_reason.iter().filter(|(id, _)| !harmless(id)).collect();
        list.sort_by_key(|(id, n)| (std::cmp::Reverse(**n), *id));
        let words: Vec<String> = list.iter().take(3).map(|(id, n)| format!("{} {id}", thousands(**n))).collect();
        words.join(", ")
    }

    fn verdict(&self, h: &HostRow) -> &'static str {
        match (h.interrupted, h.coverage.verdict) {
            (true, _) => "interrupted",
            (false, CoverageVerdict::Complete) => "complete",
            (false, CoverageVerdict::Incomplete) => "incomplete",
        }
    }
}
