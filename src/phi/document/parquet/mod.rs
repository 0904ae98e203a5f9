//! Parquet files: all their columns as one table, and the documents that stand in its cells.
//!
//! Source: the `parquet-format` project of Apache (`parquet.thrift`, `Encodings.md`, `Compression.md`). Groups of columns
//! are flattened: their names are joined by points, and values that repeat in a row stand in one cell.

mod column;
mod decode;
mod meta;
#[cfg(test)]
mod tests;
mod thrift;

use std::borrow::Cow;

use super::le::u32_at;
use super::values::{self, Cells};
use super::{Document, Parts, Unread};
use crate::model::GapReason;
use crate::sqlite::Value;
use column::{Budget, Cursor};
use meta::{Chunk, Meta};

/// Bytes of a footer.
const MAX_FOOTER: usize = 32 << 20;

/// `PAR1`; `PARE` where the footer is encrypted.
pub(super) struct Parquet;

impl Document for Parquet {
    fn id(&self) -> &'static str {
        "parquet"
    }

    fn recognise(&self, head: &[u8]) -> bool {
        // No text begins so: headers of pages have bytes that no text has.
        let magic = head.starts_with(b"PAR1") || head.starts_with(b"PARE");
        magic && head.iter().take(64).any(|b| *b < 9)
    }

    fn read(&self, body: &[u8], parts: &mut Parts<'_>) -> Result<(), Unread> {
        if body.starts_with(b"PARE") || body.ends_with(b"PARE") {
            return Err(Unread::new(GapReason::Encrypted, "the file is encrypted"));
        }
        let cut = || Unread::malformed("its footer is missing");
        let rest = body.strip_suffix(b"PAR1").ok_or_else(cut)?;
        let at = rest.len().checked_sub(4).ok_or_else(cut)?;
        let length = u32_at(rest, at).ok_or_else(cut)? as usize;
        let footer = at.checked_sub(length).and_then(|start| rest.get(start..at)).ok_or_else(cut)?;
        if length > MAX_FOOTER {
            return Err(Unread::new(GapReason::LimitMemory, "its footer is longer than 32 MiB"));
        }
        let meta = meta::meta(footer).ok_or_else(|| Unread::malformed("its footer is damaged"))?;
        let mut budget = Budget::default();
        let mut cells = Cells::default();
        parts.begin()?;
        parts.row(meta.columns.iter().map(|c| &c.name))?;
        let every: Vec<usize> = (0..meta.columns.len()).collect();
        rows(body, &meta, &every, &mut budget, parts, &mut |row, parts| {
            let cells = cells.row(row.len(), |i| row.get(i).map_or(Value::Null, |bytes| value(bytes)));
            if cells.iter().all(|c| c.is_empty()) { Ok(()) } else { parts.row(cells) }
        })?;
        cells.say(parts);
        for column in cells.documents() {
            parts.begin()?;
            rows(body, &meta, &[column], &mut budget, parts, &mut |row, parts| {
                row.first().map_or(Ok(()), |bytes| values::document(&value(bytes), parts))
            })?;
        }
        Ok(())
    }
}

fn value(bytes: &[u8]) -> Value<'_> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Value::Text(Cow::Borrowed(text)),
        Err(_) => Value::Blob(bytes),
    }
}

/// Takes the cells of a row.
type Take<'t> = &'t mut dyn FnMut(&[Vec<u8>], &mut Parts<'_>) -> Result<(), Unread>;

/// Every row of some columns. A column that can't be read is told, and is empty from there on in its group of rows.
fn rows(
    body: &[u8],
    meta: &Meta,
    wanted: &[usize],
    budget: &mut Budget,
    parts: &mut Parts<'_>,
    take: Take<'_>,
) -> Result<(), Unread> {
    for group in &meta.groups {
        let mut cursors: Vec<Option<Cursor<'_>>> = Vec::with_capacity(wanted.len());
        for index in wanted {
            let found = meta.columns.get(*index).zip(group.get(*index));
            if found.is_some_and(|(_, chunk)| chunk.encrypted) {
                parts.unread(Unread::new(GapReason::Encrypted, "columns of the file are encrypted"));
            }
            cursors.push(found.filter(|(_, chunk)| is_here(chunk)).map(|(column, chunk)| Cursor::new(body, column, chunk)));
        }
        let mut row = vec![Vec::new(); wanted.len()];
        loop {
            budget.pay(wanted.len())?;
            let mut any = false;
            for (cursor, cell) in cursors.iter_mut().zip(&mut row) {
                let Some(open) = cursor else { continue };
                match open.row(budget, cell) {
                    Ok(true) => any = true,
                    Ok(false) => cell.clear(),
                    Err(why) if is_own(&why) => {
                        parts.unread(why);
                        cell.clear();
                        open.close(budget);
                        *cursor = None;
                    }
                    Err(why) => return Err(why),
                }
            }
            if !any {
                break;
            }
            take(&row, parts)?;
        }
        for mut cursor in cursors.into_iter().flatten() {
            if cursor.cut {
                parts.unread(Unread::new(GapReason::LimitMemory, "a cell is longer than 1 MiB"));
            }
            cursor.close(budget);
        }
    }
    Ok(())
}

fn is_here(chunk: &Chunk) -> bool {
    !chunk.encrypted && !chunk.elsewhere
}

/// Whether it concerns one column only.
fn is_own(why: &Unread) -> bool {
    matches!(why.reason, GapReason::Malformed | GapReason::UnsupportedMethod | GapReason::LimitMemory)
}
