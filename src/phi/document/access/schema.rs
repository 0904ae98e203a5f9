//! Definitions of tables: their columns in the order of the file.

use encoding_rs::UTF_16LE;

use super::super::le::{u16_at, u32_at};
use super::super::ole::code_page;
use super::Unread;
use super::pages::Pages;

/// Pages of one definition.
const MAX_PAGES: usize = 1000;
/// Columns of a table: Access allows 255.
const MAX_COLUMNS: usize = 1000;

#[derive(Debug)]
pub(super) struct Column {
    pub name: String,
    pub kind: u8,
    /// Its bit in a row's mask of what is there.
    pub number: u16,
    /// Where it stands among those of variable length, or its place.
    pub variable: Option<u16>,
    pub place: u16,
    pub size: u16,
    /// Digits behind the point of a decimal number.
    pub scale: u8,
}

#[derive(Debug)]
pub(super) struct Table {
    pub page: u32,
    pub columns: Vec<Column>,
    /// Whether rows end with a list of what is of variable length.
    pub variable: bool,
}

/// Where things stand in a definition: of Jet 3, and of Jet 4 and ACE.
struct Layout {
    counts: usize,
    indexes: usize,
    index: usize,
    column: usize,
    number: usize,
    variable: usize,
    scale: usize,
    flags: usize,
    place: usize,
    size: usize,
}

const OLD: Layout =
    Layout { counts: 23, indexes: 31, index: 8, column: 18, number: 1, variable: 3, scale: 10, flags: 13, place: 14, size: 16 };
const NEW: Layout =
    Layout { counts: 43, indexes: 51, index: 12, column: 25, number: 5, variable: 7, scale: 12, flags: 15, place: 21, size: 23 };

impl Table {
    pub fn read(pages: &mut Pages<'_>, number: u32) -> Result<Self, Unread> {
        let bytes = definition(pages, number)?;
        Self::parse(&bytes, pages, number).ok_or_else(damaged)
    }

    fn parse(bytes: &[u8], pages: &Pages<'_>, page: u32) -> Option<Self> {
        let layout = if pages.old { OLD } else { NEW };
        let variable = u16_at(bytes, layout.counts)? > 0;
        let count = usize::from(u16_at(bytes, layout.counts.checked_add(2)?)?);
        if count > MAX_COLUMNS {
            return None;
        }
        let real = u32_at(bytes, layout.indexes)? as usize;
        let start = layout.indexes.checked_add(12)?.checked_add(real.checked_mul(layout.index)?)?;
        let mut names = start.checked_add(count.checked_mul(layout.column)?)?;
        let mut columns = Vec::new();
        for entry in bytes.get(start..names)?.chunks_exact(layout.column) {
            let (length, skip) =
                if pages.old { (usize::from(*bytes.get(names)?), 1) } else { (usize::from(u16_at(bytes, names)?), 2) };
            names = names.checked_add(skip)?;
            let end = names.checked_add(length)?;
            let encoding = if pages.old { code_page(pages.code_page) } else { UTF_16LE };
            let name = encoding.decode_without_bom_handling(bytes.get(names..end)?).0.into_owned();
            names = end;
            let fixed = entry.get(layout.flags)? & 1 != 0;
            columns.push(Column {
                name,
                kind: *entry.first()?,
                number: u16_at(entry, layout.number)?,
                variable: if fixed { None } else { Some(u16_at(entry, layout.variable)?) },
                place: u16_at(entry, layout.place)?,
                size: u16_at(entry, layout.size)?,
                scale: *entry.get(layout.scale)?,
            });
        }
        Some(Self { page, columns, variable })
    }
}

/// The bytes of a definition, of all its pages.
fn definition(pages: &mut Pages<'_>, number: u32) -> Result<Vec<u8>, Unread> {
    let mut bytes = Vec::new();
    let mut next = number;
    for i in 0..MAX_PAGES {
        let page = pages.get(next).filter(|p| p.starts_with(&[2])).ok_or_else(damaged)?;
        bytes.extend_from_slice(if i == 0 { page } else { page.get(8..).unwrap_or_default() });
        next = u32_at(page, 4).unwrap_or(0);
        if next == 0 {
            return Ok(bytes);
        }
    }
    Err(damaged())
}

fn damaged() -> Unread {
    Unread::malformed("the definition of a table is damaged")
}
