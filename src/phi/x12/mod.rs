//! ASC X12 health transactions: claims (837), remittances (835), enrolment (834), eligibility (270/271),
//! status (276/277), authorisation (278), premium payment (820).
//!
//! Source: X12 005010 and 004010 implementation guides as far as segment positions go; ISA and GS control
//! structure from X12.5 and X12.6.

mod loops;
mod separators;

use loops::Loops;
use separators::Separators;

use super::collect::Collector;
use super::{CaseKey, Outcome, PhiDetector, PhiStream};

/// Bytes of one segment that are kept; what lies beyond (binary segments) is read over.
const MAX_SEGMENT: usize = 16 * 1024;
/// Bytes of noise between interchanges before the rest is no longer taken for X12.
const MAX_NOISE: usize = 64 * 1024;

/// See the module.
pub struct X12;

impl PhiDetector for X12 {
    fn id(&self) -> &'static str {
        "x12"
    }

    fn start<'k>(&self, head: &[u8], key: &'k CaseKey) -> Option<Box<dyn PhiStream + 'k>> {
        let blank_first = Separators::read(separators::skip_blank(head)).is_some();
        if !blank_first && !begins_a_line(head) {
            return None;
        }
        Some(Box::new(Stream {
            separators: None,
            pending: Vec::new(),
            noise: 0,
            skipping: false,
            loops: Loops::new(Collector::new(key)),
        }))
    }
}

/// Bytes at the start in which an interchange may begin after other lines (mail headers, comments).
const LEAD: usize = 16 * 1024;

/// Whether an interchange header stands at the start of a line.
fn begins_a_line(head: &[u8]) -> bool {
    let lead = head.get(..head.len().min(LEAD)).unwrap_or_default();
    memchr::memmem::find_iter(lead, b"ISA").take(64).any(|at| {
        let before = at.checked_sub(1).and_then(|i| head.get(i));
        before.is_none_or(|b| matches!(b, b'\n' | b'\r')) && head.get(at..).and_then(Separators::read).is_some()
    })
}

/// Padding between interchanges is none.
fn is_noise(b: &u8) -> bool {
    !b.is_ascii_whitespace() && *b != 0
}

struct Stream<'k> {
    /// Known once an interchange header was read; gone again between interchanges.
    separators: Option<Separators>,
    /// The start of a segment, or what may become a header.
    pending: Vec<u8>,
    noise: usize,
    /// The current segment is longer than what is kept.
    skipping: bool,
    loops: Loops<'k>,
}

impl PhiStream for Stream<'_> {
    fn feed(&mut self, mut chunk: &[u8]) {
        while !chunk.is_empty() && self.noise <= MAX_NOISE {
            let used = match self.separators {
                Some(separators) => self.segment(separators, chunk),
                None => self.header(chunk),
            };
            chunk = chunk.get(used.max(1)..).unwrap_or_default();
        }
    }

    fn finish(mut self: Box<Self>) -> Outcome {
        if self.separators.is_none() && !self.pending.is_empty() {
            // An interchange shorter than a whole header window.
            let rest = std::mem::take(&mut self.pending);
            if let Some(start) = separators::find(&rest)
                && let Some(separators) = rest.get(start..).and_then(Separators::read)
            {
                self.separators = Some(separators);
                self.feed(rest.get(start..).unwrap_or_default());
            }
        }
        if let Some(separators) = self.separators {
            let last = std::mem::take(&mut self.pending);
            self.take(separators, &last);
        }
        self.loops.finish().into()
    }
}

impl Stream<'_> {
    /// Takes bytes up to the next terminator; returns how many.
    fn segment(&mut self, separators: Separators, chunk: &[u8]) -> usize {
        let end = memchr::memchr(separators.terminator, chunk);
        let body = chunk.get(..end.unwrap_or(chunk.len())).unwrap_or_default();
        if !self.skipping {
            let room = MAX_SEGMENT.saturating_sub(self.pending.len());
            self.skipping = body.len() > room;
            self.pending.extend_from_slice(body.get(..room.min(body.len())).unwrap_or_default());
        }
        let Some(end) = end else { return chunk.len() };
        let whole = std::mem::take(&mut self.pending);
        self.skipping = false;
        if self.take(separators, &whole) {
            self.separators = None;
        }
        self.pending = whole;
        self.pending.clear();
        end.saturating_add(1)
    }

    /// One segment; `true` where it ended an interchange.
    fn take(&mut self, separators: Separators, raw: &[u8]) -> bool {
        let clean: Vec<u8> = raw.iter().copied().filter(|b| !matches!(b, b'\r' | b'\n' | 0)).collect();
        let text = super::names::decode(&clean);
        let fields: Vec<&str> = text.trim_start_matches(['\u{feff}', ' ']).split(char::from(separators.element)).collect();
        let Some(tag) = fields.first().copied() else { return false };
        self.loops.segment(tag, &fields, &separators);
        tag == "IEA"
    }

    /// Gathers bytes until an interchange header is whole; returns how many were taken.
    fn header(&mut self, chunk: &[u8]) -> usize {
        let room = separators::WINDOW.saturating_sub(self.pending.len()).min(chunk.len());
        self.pending.extend_from_slice(chunk.get(..room).unwrap_or_default());
        let Some(start) = separators::find(&self.pending) else {
            // Keep a tail: the header's first bytes may already be there.
            let cut = self.pending.len().saturating_sub(2);
            self.noise = self.noise.saturating_add(self.pending.drain(..cut).filter(is_noise).count());
            return room;
        };
        self.noise = self.noise.saturating_add(self.pending.drain(..start).filter(is_noise).count());
        match Separators::read(&self.pending) {
            Some(separators) => {
                self.noise = 0;
                self.separators = Some(separators);
                let held = std::mem::take(&mut self.pending);
                self.feed(&held);
            }
            None if self.pending.len() >= separators::WINDOW => {
                self.pending.drain(..1);
            }
            None => {}
        }
        room
    }
}

#[cfg(test)]
mod tests;
