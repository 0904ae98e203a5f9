//! Free text, and everything else that names its values: notes, letters, reports, forms, generic JSON and XML.
//!
//! A person is told by labels: `MRN: 0012345`, `"dob": "1960-01-02"`, `Patient Name  DOE, JANE`. What stands without a
//! label is not looked for, so the counts are minimum counts, and say so.

mod drafts;
mod labels;
mod part2;
#[cfg(test)]
mod tests;

use drafts::Drafts;

use super::collect::Collector;
use super::{CaseKey, Outcome, PhiDetector, PhiStream};

/// Bytes in front of a label that are looked at.
const BEFORE: usize = 32;
/// Bytes behind a label's beginning that label and value may take.
const AFTER: usize = 192;

/// See the module.
pub struct Text;

impl PhiDetector for Text {
    fn id(&self) -> &'static str {
        "text"
    }

    fn start<'k>(&self, head: &[u8], key: &'k CaseKey) -> Option<Box<dyn PhiStream + 'k>> {
        is_text(head).then(|| {
            Box::new(Stream { window: Vec::new(), done: 0, part2: 0, drafts: Drafts::new(Collector::new(key)) }) as Box<_>
        })
    }
}

/// Without control characters but those of lines, pages, and the frames of messages.
fn is_text(head: &[u8]) -> bool {
    let sample = head.get(..head.len().min(4096)).unwrap_or_default();
    sample.len() >= 16 && !sample.iter().any(|b| *b == 0x7f || (*b < 0x20 && !matches!(b, 0x08..=0x0d | 0x1a..=0x1f)))
}

/// Bytes go by in a window that always holds what belongs to a label in the middle.
struct Stream<'k> {
    window: Vec<u8>,
    /// Labels that begin before this place in the window were looked at.
    done: usize,
    /// Codes and words of substance use treatment.
    part2: u64,
    drafts: Drafts<'k>,
}

impl Stream<'_> {
    fn scan(&mut self, until: usize) {
        let Self { window, done, part2, drafts } = self;
        let mut at = *done;
        let Some(searched) = window.get(..window.len().min(until.saturating_add(labels::LONGEST))) else { return };
        while let Some(start) = labels::find(searched, at).filter(|start| *start < until) {
            let from = start.saturating_sub(BEFORE);
            let to = start.saturating_add(AFTER).min(window.len());
            let before = window.get(from..start).unwrap_or_default();
            let behind = window.get(start..to).unwrap_or_default();
            if let Some(taken) = part2::read(before, behind) {
                *part2 = part2.saturating_add(1);
                at = start.saturating_add(taken);
                continue;
            }
            let taken = labels::read(before, behind).map_or(0, |(field, taken)| {
                drafts.take(field, start);
                taken
            });
            at = start.saturating_add(taken.max(1));
        }
        // A value that was read may hold the next label's beginning.
        *done = at.max(until).min(window.len());
    }
}

impl PhiStream for Stream<'_> {
    fn feed(&mut self, chunk: &[u8]) {
        for piece in chunk.chunks(64 * 1024) {
            self.window.extend_from_slice(piece);
            let until = self.window.len().saturating_sub(AFTER);
            if until <= self.done {
                continue;
            }
            self.scan(until);
            let drop = self.done.saturating_sub(BEFORE);
            self.window.drain(..drop);
            self.done -= drop;
            self.drafts.passed(drop);
        }
    }

    fn finish(mut self: Box<Self>) -> Outcome {
        self.scan(self.window.len());
        Outcome { facts: self.drafts.finish(), unread: None, part2: self.part2 }
    }
}
