//! HL7 version 2: single messages, MLLP frames, batches and interface-engine logs (ER7), and messages in XML.
//!
//! Source: HL7 v2.3 to v2.8, chapter 2 (encoding, MSH, FHS, BHS), 3 (PID, MRG, NK1) and 6 (GT1, IN1).

mod message;
mod xml;

pub(super) use message::Messages;

use super::carried::MAX_CARRIED;
use super::collect::Collector;
use super::{CaseKey, Outcome, PhiDetector, PhiStream};

/// Bytes of one segment that are kept, except of those that carry documents (OBX-5).
const MAX_LINE: usize = 64 * 1024;
/// How far into the head the first message may begin.
const MAX_LEAD: usize = 16 * 1024;

/// See the module.
pub struct Hl7v2;

impl PhiDetector for Hl7v2 {
    fn id(&self) -> &'static str {
        "hl7v2"
    }

    fn start<'k>(&self, head: &[u8], key: &'k CaseKey) -> Option<Box<dyn PhiStream + 'k>> {
        if xml::begins(head) {
            return Some(Box::new(xml::Stream::new(Messages::new(Collector::new(key)))));
        }
        // The message must begin early, though the line it begins with may be long.
        memchr::memmem::find_iter(head, b"MSH").take_while(|at| *at < MAX_LEAD).filter(|at| begins_line(head, *at)).find_map(
            |at| {
                let rest = head.get(at..)?;
                let end = memchr::memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
                Encoding::read(rest.get(..end)?)
            },
        )?;
        Some(Box::new(Stream { line: Vec::new(), skipping: false, messages: Messages::new(Collector::new(key)) }))
    }
}

/// Segments begin a line, or follow a frame's start byte or a byte-order mark.
fn begins_line(head: &[u8], at: usize) -> bool {
    let before = head.get(..at).unwrap_or_default();
    let before = before.strip_suffix(b"\xef\xbb\xbf").unwrap_or(before);
    let trimmed = before.len() - before.iter().rev().take_while(|b| matches!(b, b' ' | b'\t')).count();
    matches!(before.get(..trimmed).and_then(|b| b.last()), None | Some(b'\r' | b'\n' | 0x0b | 0x02))
}

/// The delimiters a message declares in MSH-1 and MSH-2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Encoding {
    field: u8,
    component: u8,
    repetition: u8,
    sub: u8,
}

impl Encoding {
    /// From an MSH, FHS or BHS segment; `None` where it only looks like one.
    fn read(line: &[u8]) -> Option<Self> {
        let field = *line.get(3).filter(|b| is_delimiter(**b))?;
        let rest = line.get(4..)?;
        let end = rest.iter().position(|b| *b == field)?;
        let chars = rest.get(..end).filter(|c| (2..=6).contains(&c.len()) && c.iter().all(|b| is_delimiter(*b)))?;
        let encoding = Self {
            field,
            component: *chars.first()?,
            repetition: *chars.get(1)?,
            sub: chars.get(3).copied().filter(|c| *c != b'\\').or(chars.last().copied())?,
        };
        if !line.starts_with(b"MSH") {
            return Some(encoding);
        }
        let mut fields = line.split(|b| *b == field);
        let kind = fields.nth(8)?;
        // MSH-9 is `ADT`, `ADT^A01` or `ADT^A01^ADT_A01`; MSH-12 a version of the 2 series.
        let named = kind.len() >= 3
            && kind.iter().take(3).all(u8::is_ascii_uppercase)
            && kind.get(3).is_none_or(|b| *b == encoding.component);
        let version = fields.nth(2).unwrap_or_default();
        (named && (version.is_empty() || version.starts_with(b"2"))).then_some(encoding)
    }
}

fn is_delimiter(b: u8) -> bool {
    b.is_ascii_punctuation() && !matches!(b, b'"' | b'\'' | b'(' | b')')
}

struct Stream<'k> {
    line: Vec<u8>,
    skipping: bool,
    messages: Messages<'k>,
}

impl PhiStream for Stream<'_> {
    fn feed(&mut self, mut chunk: &[u8]) {
        while !chunk.is_empty() {
            let end = memchr::memchr2(b'\r', b'\n', chunk);
            let body = chunk.get(..end.unwrap_or(chunk.len())).unwrap_or_default();
            if !self.skipping {
                self.keep(body);
            }
            let Some(end) = end else { return };
            self.take();
            chunk = chunk.get(end.saturating_add(1)..).unwrap_or_default();
        }
    }

    fn finish(mut self: Box<Self>) -> Outcome {
        self.take();
        self.messages.finish()
    }
}

impl Stream<'_> {
    fn keep(&mut self, body: &[u8]) {
        let (near, far) = body.split_at_checked(MAX_LINE.saturating_sub(self.line.len())).unwrap_or((body, &[]));
        self.line.extend_from_slice(near);
        if far.is_empty() {
            return;
        }
        let carries = self.line.trim_ascii_start().starts_with(b"OBX");
        let room = if carries { MAX_CARRIED.saturating_sub(self.line.len()) } else { 0 };
        self.skipping = far.len() > room;
        self.line.extend_from_slice(far.get(..room.min(far.len())).unwrap_or_default());
        if self.skipping && carries {
            // Half a document is none.
            self.line.clear();
            self.messages.cut();
        }
    }

    fn take(&mut self) {
        self.skipping = false;
        let line = std::mem::take(&mut self.line);
        let frame = |b: &u8| matches!(b, 0x0b | 0x1c | 0x02 | 0x03 | b' ' | b'\t');
        let start = line.iter().take_while(|b| frame(b)).count();
        let body = line.get(start..).unwrap_or_default();
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        self.messages.segment(body);
        self.line = line;
        self.line.clear();
    }
}

#[cfg(test)]
mod tests;
