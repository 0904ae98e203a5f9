//! Excel workbooks in XML (ECMA-376 part 1, 18). Every sheet is read, whether shown, hidden or no longer named by the
//! workbook, and comments and text boxes beside the cells.

use quick_xml::events::BytesStart;

use super::cells::{Strings, Styles};
use super::markup::{Piece, attribute, member};
use super::members::Members;
use super::sheet::{Sheet, put};
use super::{Document, Parts, Unread, office};

/// `xl/workbook.xml` in a zip.
pub(super) struct Xlsx;

impl Document for Xlsx {
    fn id(&self) -> &'static str {
        "xlsx"
    }

    fn recognise(&self, head: &[u8]) -> bool {
        office::kind(head) == Some(office::Kind::Xlsx)
    }

    fn read(&self, body: &[u8], parts: &mut Parts<'_>) -> Result<(), Unread> {
        let mut members = Members::open(body)?;
        let mut styles = Styles::default();
        let mut strings = Strings::default();
        for name in members.between("xl/", ".xml") {
            let base = name.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
            match base.as_str() {
                "styles.xml" => read_styles(&mut members, &name, &mut styles)?,
                "workbook.xml" => read_workbook(&mut members, &name, &mut styles)?,
                "sharedstrings.xml" => read_strings(&mut members, &name, &mut strings)?,
                _ => {}
            }
        }
        for name in members.between("xl/", ".xml") {
            // A sheet is told by what is in it; these can't be one, and may be large.
            if !["xl/sharedStrings", "xl/styles", "xl/pivotCache/", "xl/theme/"].iter().any(|other| name.starts_with(other)) {
                let mut reader = Reader::new(&styles, &strings);
                let read = member(&mut members, &name, &mut |piece| reader.take(piece, parts));
                reader.sheet.row(std::mem::take(&mut reader.row), parts)?;
                reader.sheet.finish(parts)?;
                read?;
            }
        }
        office::beside(&mut members, "xl/", parts)
    }
}

fn read_styles(members: &mut Members<'_>, name: &str, styles: &mut Styles) -> Result<(), Unread> {
    let mut cells = false;
    member(members, name, &mut |piece| {
        match piece {
            Piece::Open(tag) => match tag.local_name().as_ref() {
                "numFmt" => {
                    if let Some((id, text)) = whole(tag, "numFmtId").zip(attribute(tag, "formatCode")) {
                        styles.format(id, &text);
                    }
                }
                "cellXfs" => cells = true,
                "xf" if cells => styles.style(whole(tag, "numFmtId").unwrap_or(0)),
                _ => {}
            },
            Piece::Close("cellXfs") => cells = false,
            _ => {}
        }
        Ok(())
    })
}

fn read_workbook(members: &mut Members<'_>, name: &str, styles: &mut Styles) -> Result<(), Unread> {
    member(members, name, &mut |piece| {
        if let Piece::Open(tag) = piece
            && tag.local_name().as_ref() == "workbookPr"
        {
            styles.since_1904 = attribute(tag, "date1904").is_some_and(|v| v == "1" || v == "true");
        }
        Ok(())
    })
}

fn read_strings(members: &mut Members<'_>, name: &str, strings: &mut Strings) -> Result<(), Unread> {
    let (mut text, mut reading_aid) = (false, false);
    member(members, name, &mut |piece| {
        match piece {
            Piece::Open(tag) => match tag.local_name().as_ref() {
                "rPh" => reading_aid = true,
                "t" => text = !reading_aid,
                _ => {}
            },
            Piece::Text(t) if text => strings.text.push_str(t),
            Piece::Text(_) => {}
            Piece::Close("t") => text = false,
            Piece::Close("rPh") => reading_aid = false,
            Piece::Close("si") => strings.end()?,
            Piece::Close(_) => {}
        }
        Ok(())
    })
}

/// Cells of a worksheet (18.3.1): `c` in `row` in `sheetData`.
struct Reader<'s> {
    styles: &'s Styles,
    strings: &'s Strings,
    sheet: Sheet,
    row: Vec<String>,
    inside: bool,
    column: usize,
    kind: Option<String>,
    style: usize,
    /// Whether text is the cell's value.
    value: bool,
    text: String,
}

impl<'s> Reader<'s> {
    fn new(styles: &'s Styles, strings: &'s Strings) -> Self {
        let (sheet, row, text) = Default::default();
        Self { styles, strings, sheet, row, inside: false, column: 0, kind: None, style: 0, value: false, text }
    }

    fn take(&mut self, piece: Piece<'_>, parts: &mut Parts<'_>) -> Result<(), Unread> {
        match piece {
            Piece::Open(tag) => match tag.local_name().as_ref() {
                "sheetData" => {
                    self.inside = true;
                    parts.begin()?;
                }
                "row" => self.column = 0,
                "c" => {
                    if let Some(column) = attribute(tag, "r").and_then(|r| column(&r)) {
                        self.column = column;
                    }
                    self.kind = attribute(tag, "t");
                    self.style = whole(tag, "s").unwrap_or(0) as usize;
                    self.text.clear();
                }
                "v" | "t" => self.value = self.inside,
                _ => {}
            },
            Piece::Text(t) if self.value => self.text.push_str(t),
            Piece::Text(_) => {}
            Piece::Close(tag) => match tag {
                "v" | "t" => self.value = false,
                "c" if self.inside => {
                    let value = self.cell();
                    put(&mut self.row, self.column, value);
                    self.column = self.column.saturating_add(1);
                }
                "row" => self.sheet.row(std::mem::take(&mut self.row), parts)?,
                "sheetData" => self.inside = false,
                _ => {}
            },
        }
        Ok(())
    }

    /// By the cell's type (18.18.11).
    fn cell(&mut self) -> String {
        let text = std::mem::take(&mut self.text);
        match self.kind.as_deref() {
            Some("s") => text.trim().parse().ok().and_then(|n| self.strings.get(n)).unwrap_or_default().to_owned(),
            Some("e") => String::new(),
            Some("d") => text.trim_end_matches("T00:00:00").to_owned(),
            None | Some("n") => text.trim().parse().map_or(text, |n| self.styles.number(n, self.style)),
            Some(_) => text,
        }
    }
}

/// The column that a reference as `AB12` names, from 0.
fn column(reference: &str) -> Option<usize> {
    let letters = reference.bytes().take_while(u8::is_ascii_alphabetic);
    let n = letters.take(4).fold(0_usize, |n, b| n * 26 + usize::from(b.to_ascii_uppercase().saturating_sub(b'A')) + 1);
    n.checked_sub(1)
}

fn whole(tag: &BytesStart<'_>, name: &str) -> Option<u32> {
    attribute(tag, name)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::column;

    #[test]
    fn columns() {
        assert_eq!(["A1", "Z9", "AA1", "XFD1048576", "17"].map(column), [Some(0), Some(25), Some(26), Some(16_383), None]);
    }
}
