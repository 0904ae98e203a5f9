//! What a document's reader hands out: text, tables and documents inside it, each through the detectors.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::super::{CaseKey, Outcome, PhiScan, Unread, combine};
use super::{Document, detect};
use crate::model::{GapReason, PhiFacts};

/// Bytes of text and rows that one object may give.
const MAX_BYTES: u64 = 1 << 30;
/// Parts of one object.
const MAX_PARTS: u32 = 100_000;
/// Documents inside documents.
const MAX_DEPTH: u32 = 4;
/// First bytes of a part that detectors look at before they decide.
const HEAD: usize = 64 * 1024;
/// Rows are passed on in pieces of about this size.
const PIECE: usize = 16 * 1024;

/// See the module. A part ends where the next begins.
pub struct Parts<'k> {
    key: &'k CaseKey,
    /// Bytes that may still come.
    bytes: u64,
    parts: u32,
    /// Ids of the documents around, outermost first.
    around: Vec<&'static str>,
    open: Option<Part<'k>>,
    /// Archives in messages are opened as members of theirs, and their patients found there.
    opened: bool,
    /// Rows not passed on yet.
    pending: Vec<u8>,
    facts: Vec<PhiFacts>,
    part2: u64,
    unread: Option<Unread>,
}

/// Text whose first bytes are held back until there are enough to decide on.
struct Part<'k> {
    head: Vec<u8>,
    scan: Option<PhiScan<'k>>,
}

impl<'k> Parts<'k> {
    pub(super) fn new(key: &'k CaseKey) -> Self {
        Self {
            key,
            bytes: MAX_BYTES,
            parts: 0,
            around: Vec::new(),
            open: None,
            opened: false,
            pending: Vec::new(),
            facts: Vec::new(),
            part2: 0,
            unread: None,
        }
    }

    /// The same for an object whose containers are opened.
    pub(super) fn of_object(key: &'k CaseKey) -> Self {
        Self { opened: true, ..Self::new(key) }
    }

    /// Begins a part: a sheet, a table, a page, a message.
    pub fn begin(&mut self) -> Result<(), Unread> {
        self.end();
        self.parts = self.parts.saturating_add(1);
        if self.parts > MAX_PARTS {
            return Err(Unread::new(GapReason::LimitCount, format!("it has more than {MAX_PARTS} parts")));
        }
        self.open = Some(Part { head: Vec::new(), scan: None });
        Ok(())
    }

    /// Adds text to the part.
    pub fn text(&mut self, text: &str) -> Result<(), Unread> {
        self.bytes(text.as_bytes())
    }

    /// Adds a row to a part that is a table, in the form of RFC 4180. An empty row of one cell is nothing.
    pub fn row<C: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = C>) -> Result<(), Unread> {
        for (i, cell) in cells.into_iter().enumerate() {
            if i > 0 {
                self.pending.push(b',');
            }
            let cell = cell.as_ref();
            if cell.contains([',', '"', '\n', '\r']) {
                self.pending.push(b'"');
                self.pending.extend(cell.bytes().flat_map(|b| std::iter::repeat_n(b, 1 + usize::from(b == b'"'))));
                self.pending.push(b'"');
            } else {
                self.pending.extend_from_slice(cell.as_bytes());
            }
        }
        self.pending.push(b'\n');
        if self.pending.len() >= PIECE { self.flush() } else { Ok(()) }
    }

    /// A file inside the document: a document itself, or a part of its own.
    pub fn nested(&mut self, bytes: &[u8]) -> Result<(), Unread> {
        self.end();
        match detect(bytes.get(..HEAD).unwrap_or(bytes)) {
            Some(inner) if self.around.len() < MAX_DEPTH as usize => {
                self.document(inner, bytes);
                Ok(())
            }
            Some(_) => Err(Unread::new(GapReason::LimitDepth, "documents are nested deeper than the limit")),
            None => {
                if is_packed(bytes) && !(self.opened && self.around.iter().all(|id| is_mail(id))) {
                    self.unread(Unread::new(GapReason::PhiFormat, "an archive inside the document is not read"));
                }
                self.begin()?;
                self.bytes(bytes)?;
                self.end();
                Ok(())
            }
        }
    }

    /// Where what comes next begins.
    pub fn mark(&mut self) -> usize {
        self.end();
        self.facts.len()
    }

    /// What came since the mark is the same in several forms: it counts as the fullest of them.
    pub fn alternatives(&mut self, mark: usize) {
        self.end();
        let forms = self.facts.split_off(mark.min(self.facts.len()));
        self.facts.extend(combine::forms(forms));
    }

    /// Something of it was not read, and reading goes on. The first reason is kept.
    pub fn unread(&mut self, why: Unread) {
        self.unread.get_or_insert(why);
    }

    pub(super) fn document(&mut self, document: &dyn Document, body: &[u8]) {
        let document = document.closer(body).unwrap_or(document);
        self.around.push(document.id());
        let depth = self.around.len();
        let read = catch_unwind(AssertUnwindSafe(|| document.read(body, self)));
        self.around.truncate(depth);
        self.end();
        self.around.pop();
        match read {
            Ok(Ok(())) => {}
            Ok(Err(why)) => self.unread(why),
            Err(_) => self.unread(Unread::new(GapReason::ParserFailed, format!("reading it as {} failed", document.id()))),
        }
    }

    pub(super) fn finish(mut self) -> Outcome {
        self.end();
        Outcome { facts: combine::parts(self.facts, self.part2), unread: self.unread, part2: self.part2 }
    }

    fn flush(&mut self) -> Result<(), Unread> {
        let rows = std::mem::take(&mut self.pending);
        let added = self.bytes(&rows);
        self.pending = rows;
        self.pending.clear();
        added
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), Unread> {
        self.bytes = self
            .bytes
            .checked_sub(bytes.len() as u64)
            .ok_or_else(|| Unread::new(GapReason::LimitSize, "its text is longer than 1 GiB"))?;
        let part = self.open.get_or_insert_with(|| Part { head: Vec::new(), scan: None });
        match &mut part.scan {
            Some(scan) => scan.feed(bytes),
            None => {
                part.head.extend_from_slice(bytes);
                if part.head.len() >= HEAD {
                    part.start(self.key);
                }
            }
        }
        Ok(())
    }

    /// Ends the part that is open.
    fn end(&mut self) {
        if !self.pending.is_empty()
            && let Err(why) = self.flush()
        {
            self.unread(why);
        }
        let Some(mut part) = self.open.take() else { return };
        if part.scan.is_none() {
            part.start(self.key);
        }
        let Some(scan) = part.scan else { return };
        let Outcome { facts, unread, part2 } = scan.finish();
        self.part2 = self.part2.saturating_add(part2);
        if let Some(why) = unread {
            self.unread(why);
        }
        if let Some(mut facts) = facts {
            let mut names = self.around.clone();
            // Tables and text are what documents are made of; anything else inside is said.
            if !facts.format.starts_with("table-") && facts.format != "text" {
                names.push(&facts.format);
            }
            facts.format = names.join("/");
            self.facts.push(facts);
        }
    }
}

/// Documents that are containers as well: all that is attached to them is a member.
pub fn is_mail(id: &str) -> bool {
    matches!(id, "eml" | "mbox" | "msg")
}

/// Archives, by their first bytes.
fn is_packed(bytes: &[u8]) -> bool {
    const MAGIC: [&[u8]; 6] = [b"PK\x03\x04", b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07", b"\x1f\x8b\x08", b"BZh", b"\xfd7zXZ\0"];
    MAGIC.iter().any(|magic| bytes.starts_with(magic))
}

impl<'k> Part<'k> {
    fn start(&mut self, key: &'k CaseKey) {
        let head = std::mem::take(&mut self.head);
        let mut scan = PhiScan::start(head.get(..HEAD).unwrap_or(&head), key);
        scan.feed(&head);
        self.scan = Some(scan);
    }
}
