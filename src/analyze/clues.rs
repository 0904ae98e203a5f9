//! What texts and bytes say of other objects; correlators weigh it.

use super::{Analyzer, Examine, Findings, Head, Whole};
use crate::clue::{locked_end, read, starts_uniform};
use crate::model::{Clue, ClueKind};

/// Looks for clues in what is held whole, and at what looks random.
pub struct ClueAnalyzer;

impl Analyzer for ClueAnalyzer {
    fn id(&self) -> &'static str {
        "clues"
    }

    fn worker(&self) -> Box<dyn Examine + '_> {
        Box::new(Self)
    }
}

impl Examine for ClueAnalyzer {
    fn begin(&mut self, _head: &Head<'_>) {}

    fn finish(&mut self, whole: &Whole<'_>, out: &mut Findings) {
        let head = &whole.head;
        let mut add = |kind| out.clues.push(Clue { locator: head.locator.clone(), times: head.meta.times, kind });
        if whole.body.is_some_and(locked_end) {
            add(ClueKind::LockedEnd);
        }
        if whole.looks_random {
            if head.file_type == "data" && starts_uniform(head.bytes) {
                add(ClueKind::Uniform);
            }
        } else if let Some(body) = whole.body.filter(|_| !whole.known_good) {
            read(body).into_iter().for_each(add);
        }
    }
}
