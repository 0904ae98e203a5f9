//! Walks a data set as its bytes arrive: wanted values are kept, everything else is read over.

use flate2::{Decompress, FlushDecompress, Status};

use super::element::{Element, ITEM_GROUP, MAX_HEADER, Syntax, Tag};
use super::patient::{Records, Scope, wanted};
use crate::model::GapReason;
use crate::phi::collect::Collector;
use crate::phi::{Outcome, PhiStream, Unread};

/// Bytes of one value that are kept.
const MAX_VALUE: usize = 1024;
/// How deep sequences are followed.
const MAX_DEPTH: usize = 32;
/// Bytes of a deflated data set that are read; pixel data ends it before that.
const MAX_INFLATED: u64 = 64 << 20;
const PIXELS: u16 = 0x7fe0;
const PATIENT: u16 = 0x0010;
const DEFLATED: &[u8] = b"1.2.840.10008.1.2.1.99";

/// A sequence, or an item of one.
struct Level {
    item: bool,
    scope: Scope,
    /// Position behind its last byte, where that is told.
    end: Option<u64>,
    syntax: Syntax,
}

enum State {
    /// Bytes before the first element.
    Lead(usize),
    Header,
    /// A kept value: tag, bytes to come, of which the first are kept.
    Value(Tag, u64),
    Skip(u64),
    /// Nothing more is of interest, or it can't be read.
    Done,
}

/// A data set's elements, as plain bytes.
struct Walk<'k> {
    state: State,
    header: Vec<u8>,
    value: Vec<u8>,
    at: u64,
    /// In the file meta group, which is written apart from the rest (PS3.10 section 7.1).
    meta: bool,
    meta_end: Option<u64>,
    deflated: bool,
    /// Of the data set, told from its first bytes.
    syntax: Option<Syntax>,
    levels: Vec<Level>,
    records: Records<'k>,
    /// Of the outermost element that came last.
    group: u16,
    /// What follows can't be told from noise.
    broken: bool,
}

/// One object on its way.
pub(super) struct Stream<'k> {
    walk: Walk<'k>,
    inflate: Option<Decompress>,
}

impl<'k> Stream<'k> {
    pub fn new(lead: usize, out: Collector<'k>) -> Self {
        let walk = Walk {
            state: State::Lead(lead),
            header: Vec::with_capacity(MAX_HEADER),
            value: Vec::new(),
            at: 0,
            meta: true,
            meta_end: None,
            deflated: false,
            syntax: None,
            levels: Vec::new(),
            records: Records::new(out),
            group: 0,
            broken: false,
        };
        Self { walk, inflate: None }
    }

    fn inflate(&mut self, mut chunk: &[u8]) {
        let Some(inflate) = &mut self.inflate else { return };
        let mut piece = [0; 16 * 1024];
        while !matches!(self.walk.state, State::Done) {
            let (read, written) = (inflate.total_in(), inflate.total_out());
            let status = inflate.decompress(chunk, &mut piece, FlushDecompress::None);
            let (read, written) = (inflate.total_in().saturating_sub(read), inflate.total_out().saturating_sub(written));
            let got = usize::try_from(written).unwrap_or_default();
            self.walk.feed(piece.get(..got).unwrap_or_default());
            chunk = usize::try_from(read).ok().and_then(|n| chunk.get(n..)).unwrap_or_default();
            match status {
                // Nothing behind its end matters.
                _ if matches!(self.walk.state, State::Done) => return,
                Ok(Status::Ok | Status::BufError) if inflate.total_out() <= MAX_INFLATED => {}
                Ok(Status::StreamEnd) => {
                    let whole = self.walk.header.is_empty();
                    self.walk.broken |= !whole;
                    self.walk.stop();
                }
                _ => self.walk.give_up(),
            }
            if (read, written) == (0, 0) || (chunk.is_empty() && got < piece.len()) {
                return;
            }
        }
    }
}

impl PhiStream for Stream<'_> {
    fn feed(&mut self, chunk: &[u8]) {
        if self.inflate.is_some() {
            return self.inflate(chunk);
        }
        let rest = self.walk.feed(chunk);
        if self.walk.deflated && !self.walk.meta {
            self.walk.deflated = false;
            self.inflate = Some(Decompress::new(false));
            let pending = std::mem::take(&mut self.walk.header);
            self.inflate(&pending);
            self.inflate(rest);
        }
    }

    fn finish(mut self: Box<Self>) -> Outcome {
        // Behind the patient's group no other names one, and images are broken off more often than not.
        let walk = &mut self.walk;
        let inside = matches!(walk.state, State::Value(..) | State::Skip(_))
            || !walk.header.is_empty()
            || walk.levels.iter().any(|l| l.end.is_none_or(|end| end > walk.at));
        let unread = ((walk.broken || inside) && walk.group <= PATIENT)
            .then(|| Unread::new(GapReason::Malformed, "the DICOM data set breaks off before its patient is told"));
        while !walk.levels.is_empty() {
            walk.pop();
        }
        Outcome { facts: self.walk.records.finish(), unread, ..Outcome::default() }
    }
}

impl Walk<'_> {
    /// Returns what is left where the meta group ends and something deflated begins.
    fn feed<'c>(&mut self, mut chunk: &'c [u8]) -> &'c [u8] {
        loop {
            match &mut self.state {
                State::Done => return &[],
                State::Lead(n) => {
                    let (taken, rest) = chunk.split_at((*n).min(chunk.len()));
                    *n -= taken.len();
                    chunk = rest;
                    if *n > 0 {
                        return &[];
                    }
                    self.state = State::Header;
                }
                State::Skip(n) => {
                    let (taken, rest) = chunk.split_at(usize::try_from(*n).unwrap_or(usize::MAX).min(chunk.len()));
                    *n = n.saturating_sub(taken.len() as u64);
                    self.at = self.at.saturating_add(taken.len() as u64);
                    chunk = rest;
                    if *n > 0 {
                        return &[];
                    }
                    self.state = State::Header;
                }
                State::Value(tag, n) => {
                    let (taken, rest) = chunk.split_at(usize::try_from(*n).unwrap_or(usize::MAX).min(chunk.len()));
                    *n = n.saturating_sub(taken.len() as u64);
                    self.at = self.at.saturating_add(taken.len() as u64);
                    let room = MAX_VALUE.saturating_sub(self.value.len());
                    self.value.extend(taken.iter().take(room));
                    chunk = rest;
                    if *n > 0 {
                        return &[];
                    }
                    let tag = *tag;
                    self.state = State::Header;
                    self.kept(tag);
                }
                State::Header => {
                    let Some((first, rest)) = chunk.split_first() else { return &[] };
                    self.header.push(*first);
                    chunk = rest;
                    self.header();
                    if self.deflated && !self.meta {
                        return chunk;
                    }
                }
            }
        }
    }

    /// Looks at the header that has come so far.
    fn header(&mut self) {
        if self.header.len() < 8 {
            return;
        }
        self.close();
        if self.meta {
            let group = self.header.first_chunk().map(|b| u16::from_le_bytes(*b));
            let past = self.deflated && self.meta_end.is_some_and(|end| self.at >= end);
            if group != Some(2) || past {
                self.meta = false;
                if self.deflated {
                    return;
                }
            }
        }
        let own = if self.meta { None } else { self.syntax };
        let Some(own) = own.or_else(|| Syntax::peek(&self.header)) else { return self.give_up() };
        if !self.meta {
            self.syntax = Some(own);
        }
        let syntax = self.levels.last().map_or(own, |l| l.syntax);
        match syntax.element(&self.header) {
            Some(element) => {
                self.header.clear();
                self.at = self.at.saturating_add(element.size as u64);
                self.element(element, syntax);
            }
            None if self.header.len() >= MAX_HEADER => self.give_up(),
            None => {}
        }
    }

    fn stop(&mut self) {
        self.header.clear();
        self.state = State::Done;
    }

    fn give_up(&mut self) {
        self.broken = true;
        self.stop();
    }

    /// Leaves what has come to its end.
    fn close(&mut self) {
        while self.levels.last().and_then(|l| l.end).is_some_and(|end| end <= self.at) {
            self.pop();
        }
    }

    fn pop(&mut self) {
        if let Some(level) = self.levels.pop() {
            self.records.leave(level.item, level.scope);
        }
    }

    fn element(&mut self, element: Element, syntax: Syntax) {
        if self.levels.is_empty() && !self.meta && element.known {
            self.group = element.tag.0;
        }
        let in_sequence = self.levels.last().is_some_and(|l| !l.item);
        match (element.tag, in_sequence) {
            (Tag(ITEM_GROUP, 0xe000), true) => self.item(element),
            (Tag(ITEM_GROUP, 0xe0dd), true) => self.pop(),
            (Tag(ITEM_GROUP, 0xe00d), false) if !self.levels.is_empty() => self.pop(),
            (Tag(ITEM_GROUP, _), _) | (_, true) => self.give_up(),
            (Tag(PIXELS.., _), _) if self.levels.is_empty() && element.known => self.stop(),
            (tag, _) => {
                let outer = self.levels.last().map_or(Scope::Main, |l| l.scope);
                let inner = Scope::within(outer, tag);
                match element.length {
                    // Only what names patients is looked into; but without a length there is no way around it.
                    length if length.is_none() || inner != Scope::Other => self.enter(element, inner, syntax),
                    Some(length) if wanted(outer, tag) => {
                        self.value.clear();
                        self.state = State::Value(tag, length);
                    }
                    length => self.state = State::Skip(length.unwrap_or_default()),
                }
            }
        }
    }

    fn enter(&mut self, element: Element, scope: Scope, syntax: Syntax) {
        // PS3.5 section 6.2.2: unknown elements without a length are written implicitly.
        let syntax = if element.vr == *b"UN" { Syntax { implicit: true, big: false } } else { syntax };
        self.push(Level { item: false, scope, end: element.length.map(|l| self.at.saturating_add(l)), syntax });
    }

    fn item(&mut self, element: Element) {
        let Some((scope, syntax)) = self.levels.last().map(|l| (l.scope, l.syntax)) else { return };
        match element.length {
            Some(length) if scope == Scope::Other => self.state = State::Skip(length),
            length => {
                self.records.enter(scope);
                self.push(Level { item: true, scope, end: length.map(|l| self.at.saturating_add(l)), syntax });
            }
        }
    }

    fn push(&mut self, level: Level) {
        if self.levels.len() >= MAX_DEPTH {
            return self.give_up();
        }
        self.levels.push(level);
    }

    fn kept(&mut self, tag: Tag) {
        let value = std::mem::take(&mut self.value);
        match tag {
            Tag(2, 0) if self.meta => {
                let length = value.first_chunk().map(|b| u32::from_le_bytes(*b));
                self.meta_end = length.map(|l| self.at.saturating_add(u64::from(l)));
            }
            Tag(2, _) if self.meta => {
                self.deflated = value.strip_suffix(b"\0").unwrap_or(&value) == DEFLATED;
            }
            _ => {
                let scope = self.levels.last().map_or(Scope::Main, |l| l.scope);
                self.records.value(scope, tag, &value);
            }
        }
        self.value = value;
    }
}
