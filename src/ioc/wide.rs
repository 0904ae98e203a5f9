//! UTF-16 in content, as UTF-8 for the search.
//!
//! A text that is UTF-16 as a whole is transcoded. Elsewhere (programs, registry hives, databases, event logs)
//! runs of ASCII letters with a zero byte beside each are taken out, at even and odd offsets. The debug log of
//! Windows' DNS server, which writes `(4)evil(3)com(0)`, is read as the names it means.

use memchr::{memchr, memmem};

use super::content::Lane;

/// Shortest run that is looked at: no address is shorter.
const MIN_RUN: usize = 4;
/// A run is handed on in parts of this length.
const MAX_RUN: usize = 16 * 1024;

/// Where one object's UTF-16 is read.
pub(super) enum Wide {
    Runs(Runs),
    Text(Text),
    Labels(Labels),
}

impl Default for Wide {
    fn default() -> Self {
        Wide::Runs(Runs::default())
    }
}

impl Wide {
    pub fn new(head: &[u8]) -> Self {
        match order(head) {
            Some(high_first) => Wide::Text(Text { high_first, ..Text::default() }),
            None if memmem::find(head, b"PACKET  ").is_some() && memmem::find(head, b"(0)").is_some() => {
                Wide::Labels(Labels::default())
            }
            None => Wide::default(),
        }
    }

    pub fn feed(&mut self, offset: u64, piece: &[u8], lane: &mut Lane) {
        match self {
            Wide::Runs(runs) => runs.feed(offset, piece, lane),
            Wide::Text(text) => text.feed(offset, piece, lane),
            Wide::Labels(labels) => labels.feed(offset, piece, lane),
        }
    }

    pub fn finish(&mut self, lane: &mut Lane) {
        if let Wide::Runs(runs) = self {
            runs.end(lane);
        }
    }
}

/// Whether content is UTF-16 as a whole, and if so whether the high byte comes first.
fn order(head: &[u8]) -> Option<bool> {
    match head {
        [0xff, 0xfe, 0, 0, ..] => return None,
        [0xff, 0xfe, ..] => return Some(false),
        [0xfe, 0xff, ..] => return Some(true),
        _ => {}
    }
    let sample = head.get(..head.len().min(4096))?;
    let text = |b: u8| matches!(b, b'\t' | b'\n' | b'\r' | 0x20..=0x7e);
    let fits = |p: &[u8], low: usize| p.get(low).is_some_and(|b| text(*b)) && p.get(1 - low).is_some_and(|b| *b == 0);
    let count = |low: usize| sample.chunks_exact(2).filter(|p| fits(p, low)).count();
    // Text begins with text; a string at an odd offset of something else would lose its first letter.
    let begins = |low: usize| sample.chunks_exact(2).next().is_some_and(|p| fits(p, low));
    let pairs = sample.len() / 2;
    if pairs < 8 {
        return None;
    }
    [(0, false), (1, true)]
        .into_iter()
        .find(|(low, _)| begins(*low) && count(*low).saturating_mul(2) > pairs)
        .map(|(_, order)| order)
}

/// Transcodes. Units start at even offsets of the object; a piece may begin within one.
#[derive(Default)]
pub(super) struct Text {
    high_first: bool,
    /// First byte of a unit whose second byte is in the next piece.
    half: Option<u8>,
    /// First unit of a pair of surrogates.
    high: Option<u16>,
    marked: bool,
}

impl Text {
    fn feed(&mut self, offset: u64, piece: &[u8], lane: &mut Lane) {
        let mut at = offset;
        for byte in piece {
            at = at.saturating_add(1);
            match self.half.take() {
                None => self.half = Some(*byte),
                Some(first) => {
                    let pair = [first, *byte];
                    let unit = if self.high_first { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) };
                    self.unit(unit, at.saturating_sub(2), lane);
                }
            }
        }
    }

    fn unit(&mut self, unit: u16, offset: u64, lane: &mut Lane) {
        if let Ok(byte @ 0..0x80) = u8::try_from(unit) {
            self.high = None;
            if !self.marked {
                lane.mark(offset, 2);
                self.marked = true;
            }
            return lane.push(&[byte]);
        }
        let first = self.high.take();
        let units = first.into_iter().chain([unit]);
        match char::decode_utf16(units).last() {
            Some(Ok(c)) => {
                let start = if first.is_some() && u32::from(c) > 0xffff { offset.saturating_sub(2) } else { offset };
                lane.mark(start, 0);
                lane.push(c.encode_utf8(&mut [0; 4]).as_bytes());
                self.marked = false;
            }
            _ if (0xd800..0xdc00).contains(&unit) => self.high = Some(unit),
            _ => {
                lane.mark(offset, 0);
                lane.push("\u{fffd}".as_bytes());
                self.marked = false;
            }
        }
    }
}

/// Takes out names whose labels have their length in brackets before them.
#[derive(Default)]
pub(super) struct Labels {
    /// Digits since an opening bracket.
    digits: Option<u8>,
    /// Within a name.
    open: bool,
}

impl Labels {
    fn feed(&mut self, offset: u64, piece: &[u8], lane: &mut Lane) {
        for (byte, at) in piece.iter().zip(offset..) {
            match (self.digits, byte) {
                (_, b'(') => self.digits = Some(0),
                (Some(n), b'0'..=b'9') if n < 2 => self.digits = Some(n.saturating_add(1)),
                (Some(1..), b')') => {
                    self.digits = None;
                    self.open = true;
                    lane.push(b".");
                    lane.mark(at.saturating_add(1), 1);
                }
                (None, b) if self.open && (b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')) => lane.push(&[*b]),
                _ => {
                    self.digits = None;
                    if std::mem::take(&mut self.open) {
                        lane.push(b"\n");
                    }
                }
            }
        }
    }
}

/// Takes out runs.
#[derive(Default)]
pub(super) struct Runs {
    run: Vec<u8>,
    /// Offset of the run's first unit.
    start: u64,
    /// The run goes on with a zero, else with a letter.
    zero_next: bool,
    /// The byte before, where no run is open.
    last: Option<u8>,
}

impl Runs {
    fn feed(&mut self, offset: u64, piece: &[u8], lane: &mut Lane) {
        let mut i = 0;
        while i < piece.len() {
            if self.run.is_empty() && piece.get(i) != Some(&0) && self.last != Some(0) {
                // Nothing begins before the next zero.
                let Some(skip) = piece.get(i..).and_then(|rest| memchr(0, rest)) else { break };
                if skip > 0 {
                    i = i.saturating_add(skip);
                    self.last = piece.get(i.saturating_sub(1)).copied();
                }
            }
            let Some(byte) = piece.get(i).copied() else { break };
            self.step(byte, offset.saturating_add(i as u64), lane);
            i = i.saturating_add(1);
        }
        if self.run.is_empty() {
            self.last = piece.last().copied().or(self.last);
        }
    }

    fn step(&mut self, byte: u8, at: u64, lane: &mut Lane) {
        if !self.run.is_empty() {
            match (self.zero_next, byte) {
                (true, 0) => {
                    self.zero_next = false;
                    return;
                }
                (false, b) if is_text(b) => {
                    self.run.push(b);
                    self.zero_next = true;
                    if self.run.len() >= MAX_RUN {
                        self.part(lane);
                    }
                    return;
                }
                // The byte that ends a run may begin the next one, whose order of bytes is another.
                (zero_next, _) => {
                    let last = if zero_next { self.run.last().copied() } else { Some(0) };
                    self.end(lane);
                    self.last = last;
                }
            }
        }
        match (self.last, byte) {
            (Some(letter), 0) if is_text(letter) => {
                self.open(letter, at.saturating_sub(1), false);
            }
            (Some(0), letter) if is_text(letter) => self.open(letter, at.saturating_sub(1), true),
            _ => {}
        }
        self.last = Some(byte);
    }

    fn open(&mut self, letter: u8, start: u64, zero_next: bool) {
        self.run.push(letter);
        self.start = start;
        self.zero_next = zero_next;
    }

    /// Hands on what there is of a run that may go on.
    fn part(&mut self, lane: &mut Lane) {
        lane.mark(self.start, 2);
        let keep = self.run.pop();
        lane.push(&self.run);
        self.start = self.start.saturating_add(2 * self.run.len() as u64);
        self.run.clear();
        self.run.extend(keep);
    }

    fn end(&mut self, lane: &mut Lane) {
        if self.run.len() >= MIN_RUN {
            lane.mark(self.start, 2);
            lane.push(&self.run);
            lane.push(b"\n");
        }
        self.run.clear();
    }
}

fn is_text(b: u8) -> bool {
    matches!(b, b'\t' | b'\n' | b'\r' | 0x20..=0x7e)
}
