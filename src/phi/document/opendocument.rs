//! OpenDocument (ISO/IEC 26300, OASIS ODF 1.3): text documents, spreadsheets and presentations.

use quick_xml::events::BytesStart;

use super::flow::Flow;
use super::markup::{Piece, attribute, member};
use super::members::{Members, local_names};
use super::sheet::{Sheet, number, put};
use super::{Document, Parts, Unread};
use crate::model::GapReason;

/// Cells that one repeated cell with a value stands for at most; real ones repeat blanks.
const MAX_REPEAT: usize = 256;

/// The zip's first member says the kind (part 2, 3.3): 30 bytes of header, `mimetype`, the type.
fn is(head: &[u8], kind: &str) -> bool {
    let rest = head.get(30..).and_then(|h| h.strip_prefix(b"mimetypeapplication/vnd.oasis.opendocument."));
    head.starts_with(b"PK\x03\x04") && rest.is_some_and(|r| r.starts_with(kind.as_bytes()))
}

/// The same where a writer put the type elsewhere, or packed it.
fn is_undecided(head: &[u8]) -> bool {
    let has = |wanted: &[u8]| local_names(head).any(|name| name == wanted);
    let first: &[u8] = local_names(head).next().unwrap_or_default();
    let known =
        matches!(first, b"META-INF/manifest.xml" | b"meta.xml" | b"mimetype" | b"content.xml" | b"styles.xml" | b"manifest.rdf");
    head.starts_with(b"PK\x03\x04") && known && has(b"content.xml") && !has(b"META-INF/MANIFEST.MF")
}

/// Asked last of its kin, for those of which the first bytes don't tell the kind.
pub(super) struct Odt;
pub(super) struct Odp;
pub(super) struct Ods;

impl Document for Odt {
    fn id(&self) -> &'static str {
        "odt"
    }

    fn recognise(&self, head: &[u8]) -> bool {
        is(head, "text") || (is_undecided(head) && !is(head, ""))
    }

    fn closer(&self, body: &[u8]) -> Option<&'static dyn Document> {
        let kind = Members::open(body).ok()?.bytes("mimetype").ok()?;
        match kind.strip_prefix(b"application/vnd.oasis.opendocument.")? {
            [b's', b'p', ..] => Some(&Ods),
            [b'p', ..] | [b'g', ..] => Some(&Odp),
            _ => None,
        }
    }

    fn read(&self, body: &[u8], parts: &mut Parts<'_>) -> Result<(), Unread> {
        prose(body, parts)
    }
}

impl Document for Odp {
    fn id(&self) -> &'static str {
        "odp"
    }

    fn recognise(&self, head: &[u8]) -> bool {
        is(head, "presentation") || is(head, "graphics")
    }

    fn read(&self, body: &[u8], parts: &mut Parts<'_>) -> Result<(), Unread> {
        prose(body, parts)
    }
}

impl Document for Ods {
    fn id(&self) -> &'static str {
        "ods"
    }

    fn recognise(&self, head: &[u8]) -> bool {
        is(head, "spreadsheet")
    }

    fn read(&self, body: &[u8], parts: &mut Parts<'_>) -> Result<(), Unread> {
        let mut members = open(body)?;
        let mut reader = Cells::default();
        member(&mut members, "content.xml", &mut |piece| reader.take(piece, parts))?;
        reader.sheet.finish(parts)?;
        reader.flow.finish(parts)?;
        embedded(&mut members, parts)
    }
}

fn open(body: &[u8]) -> Result<Members<'_>, Unread> {
    let mut members = Members::open(body)?;
    if members.has("META-INF/manifest.xml") {
        let manifest = members.bytes("META-INF/manifest.xml")?;
        if memchr::memmem::find(&manifest, b"encryption-data").is_some() {
            return Err(Unread::new(GapReason::Encrypted, "the document is encrypted"));
        }
    }
    Ok(members)
}

fn prose(body: &[u8], parts: &mut Parts<'_>) -> Result<(), Unread> {
    let mut members = open(body)?;
    let mut flow = Flow::default();
    // Headers and footers stand in the styles.
    for name in ["styles.xml", "content.xml"] {
        if name == "content.xml" || members.has(name) {
            let mut depth = 0_u32;
            member(&mut members, name, &mut |piece| {
                match piece {
                    Piece::Open(tag) => match tag.local_name().as_ref() {
                        "table" => flow.open_table(),
                        "table-row" => flow.open_row(),
                        "table-cell" | "covered-table-cell" => flow.open_cell(),
                        name => depth = depth.saturating_add(u32::from(inline(name, &mut flow))),
                    },
                    Piece::Text(t) if depth > 0 => flow.text(t),
                    Piece::Text(_) => {}
                    Piece::Close("table") => flow.close_table(),
                    Piece::Close(tag) if is_paragraph(tag) => {
                        depth = depth.saturating_sub(1);
                        flow.line();
                    }
                    Piece::Close(_) => {}
                }
                flow.pass(parts)
            })?;
        }
    }
    flow.finish(parts)?;
    embedded(&mut members, parts)
}

fn is_paragraph(tag: &str) -> bool {
    matches!(tag, "p" | "h")
}

/// Returns whether a paragraph begins.
fn inline(tag: &str, flow: &mut Flow) -> bool {
    match tag {
        "tab" => flow.text("\t"),
        "s" => flow.text(" "),
        "line-break" => flow.line(),
        tag => return is_paragraph(tag),
    }
    false
}

/// Files and documents that are embedded: packages in binary members, or again as folders with content of their own.
fn embedded(members: &mut Members<'_>, parts: &mut Parts<'_>) -> Result<(), Unread> {
    for name in members.names().to_vec() {
        if name.ends_with("/content.xml") {
            let mut flow = Flow::default();
            let mut paragraphs = 0_u32;
            member(members, &name, &mut |piece| {
                match piece {
                    Piece::Open(tag) => {
                        paragraphs = paragraphs.saturating_add(u32::from(inline(tag.local_name().as_ref(), &mut flow)))
                    }
                    Piece::Text(t) if paragraphs > 0 => flow.text(t),
                    Piece::Close(tag) if is_paragraph(tag) => {
                        paragraphs = paragraphs.saturating_sub(1);
                        flow.line();
                    }
                    _ => {}
                }
                flow.pass(parts)
            })?;
            flow.finish(parts)?;
        } else if name.starts_with("Object ") && !name.contains('/') {
            let bytes = members.bytes(&name)?;
            parts.nested(&bytes)?;
        }
    }
    Ok(())
}

/// Rows of the tables of a spreadsheet (part 3, 9.1), and the prose beside them.
#[derive(Default)]
struct Cells {
    sheet: Sheet,
    /// Text boxes and notes.
    flow: Flow,
    row: Vec<String>,
    column: usize,
    cell: Option<Cell>,
    /// Paragraphs that are open.
    depth: u32,
    /// Notes and shapes that are open inside cells.
    beside: u32,
}

struct Cell {
    /// What the attributes say the value is.
    value: Option<String>,
    text: String,
    repeat: usize,
}

impl Cells {
    fn take(&mut self, piece: Piece<'_>, parts: &mut Parts<'_>) -> Result<(), Unread> {
        match piece {
            Piece::Open(tag) => match tag.local_name().as_ref() {
                "table" => {
                    self.sheet.finish(parts)?;
                    parts.begin()?;
                }
                "table-row" => self.column = 0,
                "table-cell" | "covered-table-cell" => self.cell = Some(cell(tag)),
                "annotation" | "shapes" | "frame" => self.beside = self.beside.saturating_add(1),
                name => {
                    let begins = self.place(
                        |text| {
                            if name == "tab" || name == "s" {
                                text.push(' ')
                            }
                        },
                        name,
                    );
                    self.depth = self.depth.saturating_add(u32::from(begins));
                }
            },
            Piece::Text(t) if self.depth > 0 => {
                self.place(|text| text.push_str(t), "");
            }
            Piece::Text(_) => {}
            Piece::Close(tag) => match tag {
                "table-cell" | "covered-table-cell" => self.end_cell(),
                "table-row" => self.sheet.row(std::mem::take(&mut self.row), parts)?,
                "annotation" | "shapes" | "frame" => self.beside = self.beside.saturating_sub(1),
                tag if is_paragraph(tag) => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.beside > 0 || self.cell.is_none() {
                        self.flow.line();
                    } else {
                        self.place(|text| text.push(' '), "");
                    }
                }
                _ => {}
            },
        }
        Ok(())
    }

    /// Adds to the cell that is open, or to the prose beside.
    fn place(&mut self, add: impl FnOnce(&mut String), tag: &str) -> bool {
        let mut text = String::new();
        match &mut self.cell {
            Some(cell) if self.beside == 0 => add(&mut cell.text),
            _ => add(&mut text),
        }
        if !text.is_empty() {
            self.flow.text(&text);
        }
        is_paragraph(tag)
    }

    fn end_cell(&mut self) {
        let Some(Cell { value, text, repeat }) = self.cell.take() else { return };
        let text = value.unwrap_or_else(|| text.trim().to_owned());
        if !text.is_empty() {
            for i in 0..repeat.min(MAX_REPEAT) {
                put(&mut self.row, self.column.saturating_add(i), text.clone());
            }
        }
        self.column = self.column.saturating_add(repeat);
    }
}

fn cell(tag: &BytesStart<'_>) -> Cell {
    let value = match attribute(tag, "value-type").as_deref() {
        Some("date") => attribute(tag, "date-value").map(|d| d.trim_end_matches("T00:00:00").to_owned()),
        Some("float") => attribute(tag, "value").map(|v| v.parse().map_or(v, number)),
        _ => None,
    };
    let repeat = attribute(tag, "number-columns-repeated").and_then(|n| n.parse().ok()).unwrap_or(1);
    Cell { value: value.filter(|v| !v.is_empty()), text: String::new(), repeat }
}
