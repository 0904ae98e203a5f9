//! Excel 97 to 2003 (MS-XLS), and Excel 95: the records of the `Workbook` stream, in order. Nothing that a record
//! declares is believed beyond the record, and a sheet is never held.

use super::biff::{Records, decode, strings};
use super::cells::{Strings, Styles, rk};
use super::flow::Flow;
use super::ole::{self, Kind, Streams};
use super::sheet::{Sheet, put};
use super::{Document, Parts, Unread};
use crate::model::GapReason;

/// A `Workbook` in a compound file. It is asked last of its kin, for those of which the head doesn't tell the kind.
pub(super) struct Xls;

impl Document for Xls {
    fn id(&self) -> &'static str {
        "xls"
    }

    fn recognise(&self, head: &[u8]) -> bool {
        ole::kind(head).is_some()
    }

    fn closer(&self, body: &[u8]) -> Option<&'static dyn Document> {
        match Streams::open(body).ok()?.kind() {
            Kind::Doc => Some(&super::doc::Doc),
            Kind::Msg => Some(&super::msg::Msg),
            Kind::Ppt => Some(&super::ppt::Ppt),
            _ => None,
        }
    }

    fn read(&self, body: &[u8], parts: &mut Parts<'_>) -> Result<(), Unread> {
        let mut streams = Streams::open(body)?;
        match streams.kind() {
            Kind::Encrypted => return Err(Unread::new(GapReason::Encrypted, "the office document is encrypted")),
            Kind::Xls => {}
            _ => return Err(Unread::new(GapReason::PhiFormat, "ole2 of another kind")),
        }
        let mut stream = streams.root("Workbook")?;
        if stream.is_empty() {
            stream = streams.root("Book")?;
        }
        let mut reader = Reader::default();
        let read = reader.stream(&stream, parts);
        reader.end_sheet(parts)?;
        reader.notes.finish(parts)?;
        read.and(streams.check())
    }
}

#[derive(Default)]
struct Reader {
    /// Whether text is Unicode (BIFF8).
    unicode: bool,
    code_page: u16,
    styles: Styles,
    strings: Strings,
    sheet: Sheet,
    row: Vec<String>,
    at: u16,
    /// The cell whose formula gives a text, which follows.
    formula: Option<u16>,
    /// Text boxes and comments.
    notes: Flow,
    /// Whether the next continuation is the text of a box, and how long.
    boxed: Option<usize>,
    /// Streams inside streams: charts on sheets.
    depth: u32,
}

impl Reader {
    /// Record numbers: MS-XLS 2.3.
    fn stream(&mut self, stream: &[u8], parts: &mut Parts<'_>) -> Result<(), Unread> {
        let mut records = Records::new(stream);
        while let Some((kind, data)) = records.next() {
            let boxed = self.boxed.take();
            match kind {
                0x0809 => {
                    self.depth = self.depth.saturating_add(1);
                    self.unicode = u16_at(data, 0) == Some(0x0600);
                    // A worksheet or macro sheet.
                    if self.depth == 1 && matches!(u16_at(data, 2), Some(0x10 | 0x40)) {
                        self.end_sheet(parts)?;
                        parts.begin()?;
                    }
                }
                0x000a => self.depth = self.depth.saturating_sub(1),
                0x002f if u16_at(data, 0).is_some() => {
                    return Err(Unread::new(GapReason::Encrypted, "the workbook is encrypted"));
                }
                0x0042 => self.code_page = u16_at(data, 0).unwrap_or(1252),
                0x0022 => self.styles.since_1904 = u16_at(data, 0) == Some(1),
                0x041e => self.format(data),
                0x00e0 => self.styles.style(u32::from(u16_at(data, 2).unwrap_or(0))),
                0x00fc => {
                    let pieces = records.with_continuations(data);
                    self.strings = strings(&pieces)?;
                }
                0x01b6 => self.boxed = u16_at(data, 10).map(usize::from),
                0x003c => {
                    if let Some(length) = boxed {
                        let text = decode(data, length);
                        self.notes.text(&text);
                        self.notes.line();
                        self.notes.pass(parts)?;
                    }
                }
                _ if self.depth <= 1 => self.cell(kind, data, parts)?,
                _ => {}
            }
        }
        if records.is_cut() { Err(Unread::malformed("the workbook breaks off")) } else { Ok(()) }
    }

    fn cell(&mut self, kind: u16, data: &[u8], parts: &mut Parts<'_>) -> Result<(), Unread> {
        let Some((row, column, style)) = place(data) else { return Ok(()) };
        let rest = data.get(6..).unwrap_or_default();
        let text = match kind {
            0x0203 => f64_at(rest, 0).map(|n| self.styles.number(n, usize::from(style))),
            0x027e => u32_at(rest, 0).map(|n| self.styles.number(rk(n), usize::from(style))),
            0x00fd => u32_at(rest, 0).and_then(|n| self.strings.get(n as usize)).map(str::to_owned),
            0x0204 | 0x00d6 => Some(self.string(rest)),
            0x0205 => rest.first().filter(|_| rest.get(1) == Some(&0)).map(|b| (*b != 0).to_string()),
            0x0006 => {
                self.formula = None;
                match rest.get(..8) {
                    Some([0, .., 0xff, 0xff]) => {
                        self.formula = Some(column);
                        None
                    }
                    Some([1, _, truth, .., 0xff, 0xff]) => Some((*truth != 0).to_string()),
                    Some([_, .., 0xff, 0xff]) | None => None,
                    Some(_) => f64_at(rest, 0).map(|n| self.styles.number(n, usize::from(style))),
                }
            }
            // The text of the formula before.
            0x0207 => {
                if let Some(column) = self.formula.take() {
                    let text = self.string(data);
                    put(&mut self.row, usize::from(column), text);
                }
                return Ok(());
            }
            0x00bd => {
                self.go(row, parts)?;
                for (i, cell) in data.get(4..).unwrap_or_default().chunks_exact(6).enumerate() {
                    let (style, n) = (u16_at(cell, 0).unwrap_or(0), u32_at(cell, 2).unwrap_or(0));
                    let text = self.styles.number(rk(n), usize::from(style));
                    put(&mut self.row, usize::from(column).saturating_add(i), text);
                }
                return Ok(());
            }
            _ => return Ok(()),
        };
        self.go(row, parts)?;
        put(&mut self.row, usize::from(column), text.unwrap_or_default());
        Ok(())
    }

    fn go(&mut self, row: u16, parts: &mut Parts<'_>) -> Result<(), Unread> {
        if row != self.at {
            self.sheet.row(std::mem::take(&mut self.row), parts)?;
            self.at = row;
        }
        Ok(())
    }

    fn end_sheet(&mut self, parts: &mut Parts<'_>) -> Result<(), Unread> {
        self.sheet.row(std::mem::take(&mut self.row), parts)?;
        self.sheet.finish(parts)
    }

    /// Length, and characters in the way of the version.
    fn string(&self, data: &[u8]) -> String {
        let length = u16_at(data, 0).map_or(0, usize::from);
        let rest = data.get(2..).unwrap_or_default();
        if self.unicode {
            return decode(rest, length);
        }
        let bytes = rest.get(..length.min(rest.len())).unwrap_or_default();
        ole::code_page(self.code_page).decode_without_bom_handling(bytes).0.into_owned()
    }

    fn format(&mut self, data: &[u8]) {
        let text = if self.unicode {
            self.string(data.get(2..).unwrap_or_default())
        } else {
            String::from_utf8_lossy(data.get(3..).unwrap_or_default()).into_owned()
        };
        self.styles.format(u16_at(data, 0).map_or(0, u32::from), &text);
    }
}

/// Row, column and style, with which every cell begins.
fn place(data: &[u8]) -> Option<(u16, u16, u16)> {
    Some((u16_at(data, 0)?, u16_at(data, 2).unwrap_or(0), u16_at(data, 4).unwrap_or(0)))
}

fn u16_at(data: &[u8], at: usize) -> Option<u16> {
    data.get(at..)?.first_chunk().map(|b| u16::from_le_bytes(*b))
}

fn u32_at(data: &[u8], at: usize) -> Option<u32> {
    data.get(at..)?.first_chunk().map(|b| u32::from_le_bytes(*b))
}

fn f64_at(data: &[u8], at: usize) -> Option<f64> {
    data.get(at..)?.first_chunk().map(|b| f64::from_le_bytes(*b))
}
