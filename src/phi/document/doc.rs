//! Word 97 to 2003 (MS-DOC), and Word 6 and 95: the pieces of the text, which hold the body and then footnotes, headers,
//! comments and text boxes.

use encoding_rs::WINDOWS_1252;

use super::flow::Flow;
use super::ole::{self, Kind, Streams};
use super::{Document, Parts, Unread};
use crate::model::GapReason;

/// A `WordDocument` in a compound file.
pub(super) struct Doc;

impl Document for Doc {
    fn id(&self) -> &'static str {
        "doc"
    }

    fn recognise(&self, head: &[u8]) -> bool {
        ole::kind(head) == Some(Kind::Doc)
    }

    fn read(&self, body: &[u8], parts: &mut Parts<'_>) -> Result<(), Unread> {
        let mut streams = Streams::open(body)?;
        let stream = streams.root("WordDocument")?;
        // The base of the file information block (2.5.2).
        let flags = u16_at(&stream, 10).unwrap_or(0);
        if flags & 0x0100 != 0 {
            return Err(Unread::new(GapReason::Encrypted, "the document is encrypted"));
        }
        let mut text = Text::default();
        let whole = match u16_at(&stream, 0) {
            Some(0xa5ec) => {
                let table = streams.root(if flags & 0x0200 == 0 { "0Table" } else { "1Table" })?;
                pieces(&stream, &table, &mut text, parts)?
            }
            // Before Word 97 text lies in one piece, unless the file was saved quickly.
            Some(_) if flags & 0x0004 == 0 => {
                let range = u32_at(&stream, 24).zip(u32_at(&stream, 28)).and_then(|(from, to)| stream.get(from..to));
                text.take(&WINDOWS_1252.decode_without_bom_handling(range.unwrap_or_default()).0, parts)?;
                range.is_some()
            }
            _ => return Err(Unread::new(GapReason::PhiFormat, "doc before Word 97, in pieces")),
        };
        text.end();
        text.flow.finish(parts)?;
        if whole { streams.check() } else { Err(Unread::malformed("the table of its text is damaged")) }
    }
}

/// Text by the piece table (2.4.1, 2.9.38, 2.8.35). Returns whether all of it was there.
fn pieces(stream: &[u8], table: &[u8], text: &mut Text, parts: &mut Parts<'_>) -> Result<bool, Unread> {
    let place = u32_at(stream, 0x1a2).zip(u32_at(stream, 0x1a6));
    let Some(mut clx) = place.and_then(|(at, length)| table.get(at..at.checked_add(length)?)) else { return Ok(false) };
    // Properties come first.
    while let [1, rest @ ..] = clx {
        let length = u16_at(rest, 0).map_or(0, usize::from);
        clx = rest.get(length.saturating_add(2)..).unwrap_or_default();
    }
    let Some(list) = clx.strip_prefix(&[2]).and_then(|c| c.get(4..)) else { return Ok(false) };
    let count = list.len().saturating_sub(4) / 12;
    let mut whole = true;
    // Pieces may overlap only in files that lie.
    let mut left = stream.len().saturating_mul(2);
    for i in 0..count {
        let at = |n: usize| u32_at(list, n.saturating_mul(4));
        let length = at(i).zip(at(i.saturating_add(1))).and_then(|(from, to)| to.checked_sub(from)).unwrap_or(0);
        let entry = count.saturating_add(1).saturating_mul(4).saturating_add(i.saturating_mul(8));
        let place = u32_at(list, entry.saturating_add(2)).unwrap_or(0);
        let narrow = place & 0x4000_0000 != 0;
        let place = place & 0x3fff_ffff;
        let (start, bytes) = if narrow { (place / 2, length) } else { (place, length.saturating_mul(2)) };
        let Some(piece) = stream.get(start..start.saturating_add(bytes)).filter(|p| p.len() <= left) else {
            whole = false;
            continue;
        };
        left = left.saturating_sub(piece.len());
        let encoding = if narrow { WINDOWS_1252 } else { encoding_rs::UTF_16LE };
        text.take(&encoding.decode_without_bom_handling(piece).0, parts)?;
    }
    Ok(whole)
}

/// Characters on their way (2.4.1): paragraphs, marks of cells and rows, codes of fields.
#[derive(Default)]
struct Text {
    flow: Flow,
    line: String,
    row: Vec<String>,
    rows: Vec<Vec<String>>,
    /// Fields whose code, not whose result, is read.
    codes: u32,
}

impl Text {
    fn take(&mut self, text: &str, parts: &mut Parts<'_>) -> Result<(), Unread> {
        for c in text.chars() {
            match c {
                '\u{13}' => self.codes = self.codes.saturating_add(1),
                '\u{14}' | '\u{15}' => self.codes = self.codes.saturating_sub(1),
                _ if self.codes > 0 => {}
                '\u{7}' => self.mark(),
                '\r' | '\u{b}' | '\u{c}' | '\u{e}' => self.paragraph(),
                '\u{1e}' => self.line.push('-'),
                '\t' => self.line.push('\t'),
                c if c < ' ' || c == '\u{1f}' => {}
                c => self.line.push(c),
            }
        }
        self.flow.pass(parts)
    }

    /// The end of a cell, or, standing alone, of a row.
    fn mark(&mut self) {
        let width = self.rows.first().map_or(1, Vec::len);
        if self.line.is_empty() && self.row.len() >= width {
            self.rows.push(std::mem::take(&mut self.row));
        } else {
            self.row.push(std::mem::take(&mut self.line));
        }
        if self.rows.len() > 10_000 {
            self.flow.table(std::mem::take(&mut self.rows));
        }
    }

    fn paragraph(&mut self) {
        if self.row.is_empty() && !self.rows.is_empty() {
            self.flow.table(std::mem::take(&mut self.rows));
        }
        self.flow.text(&self.line);
        self.flow.line();
        self.line.clear();
    }

    fn end(&mut self) {
        let row = std::mem::take(&mut self.row);
        if !row.is_empty() {
            self.rows.push(row);
        }
        self.paragraph();
    }
}

fn u16_at(data: &[u8], at: usize) -> Option<u16> {
    data.get(at..)?.first_chunk().map(|b| u16::from_le_bytes(*b))
}

fn u32_at(data: &[u8], at: usize) -> Option<usize> {
    data.get(at..)?.first_chunk().map(|b| u32::from_le_bytes(*b) as usize)
}
