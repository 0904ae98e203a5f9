//! Rows of a sheet: brought to one width, with the titles above its tables and the tables themselves as parts.

use super::{Parts, Unread};
use crate::phi::table::is_title;

/// Rows held back to learn the width of a table.
const SAMPLE: usize = 256;
/// Columns that keep their place; what stands further right follows without gaps.
const MAX_COLUMNS: usize = 1024;
/// Bytes held back at most.
const MAX_HELD: usize = 8 << 20;

/// See the module.
#[derive(Default)]
pub(super) struct Sheet {
    held: Vec<Vec<String>>,
    bytes: usize,
    /// First column and number of columns, once they are known.
    shape: Option<(usize, usize)>,
}

impl Sheet {
    /// Takes the next row. Blank rows are nothing.
    pub fn row(&mut self, mut cells: Vec<String>, parts: &mut Parts<'_>) -> Result<(), Unread> {
        let Some(last) = cells.iter().rposition(|c| !c.is_empty()) else { return Ok(()) };
        cells.truncate(last.saturating_add(1));
        if titles(&cells) && self.held.iter().any(|row| titles(row)) | self.shape.is_some() {
            self.finish(parts)?;
        }
        if self.shape.is_some() {
            return self.put(&cells, parts);
        }
        self.bytes = cells.iter().fold(self.bytes, |n, c| n.saturating_add(c.len()).saturating_add(size_of::<String>()));
        self.held.push(cells);
        if self.held.len() >= SAMPLE || self.bytes > MAX_HELD { self.release(parts) } else { Ok(()) }
    }

    /// Ends the sheet, or one of the tables on it.
    pub fn finish(&mut self, parts: &mut Parts<'_>) -> Result<(), Unread> {
        self.release(parts)?;
        self.shape = None;
        Ok(())
    }

    fn release(&mut self, parts: &mut Parts<'_>) -> Result<(), Unread> {
        let rows = std::mem::take(&mut self.held);
        self.bytes = 0;
        if rows.is_empty() {
            return Ok(());
        }
        let left = rows.iter().filter_map(|r| r.iter().position(|c| !c.is_empty())).min().unwrap_or(0);
        let width = rows.iter().map(Vec::len).max().unwrap_or(0).min(MAX_COLUMNS).saturating_sub(left);
        let mut counts: Vec<usize> = rows.iter().map(|r| filled(r)).collect();
        counts.sort_unstable();
        let usual = counts.get(counts.len() / 2).copied().unwrap_or(0);
        // What stands above the titles, or has much less in it than the rows have, is no row of the table.
        let first =
            rows.iter().position(|r| titles(r)).or_else(|| rows.iter().position(|r| filled(r) >= 2 && filled(r) * 2 >= usual));
        let first = first.unwrap_or(0);
        if first > 0 {
            parts.begin()?;
            for row in rows.iter().take(first) {
                parts.row(row.iter().filter(|c| !c.is_empty()))?;
            }
        }
        parts.begin()?;
        self.shape = Some((left, width));
        rows.iter().skip(first).try_for_each(|row| self.put(row, parts))
    }

    fn put(&self, row: &[String], parts: &mut Parts<'_>) -> Result<(), Unread> {
        let (left, width) = self.shape.unwrap_or_default();
        let cells = row.get(left.min(row.len())..).unwrap_or_default();
        let missing = std::iter::repeat_n("", width.saturating_sub(cells.len()));
        parts.row(cells.iter().map(String::as_str).chain(missing))
    }
}

fn filled(row: &[String]) -> usize {
    row.iter().filter(|c| !c.is_empty()).count()
}

/// Whether most cells of a row are titles of columns.
fn titles(row: &[String]) -> bool {
    let known = row.iter().filter(|c| is_title(c)).count();
    known >= 2 && known * 2 >= filled(row)
}

/// Sets a cell of a row.
pub(super) fn put(row: &mut Vec<String>, column: usize, text: String) {
    if text.is_empty() {
        return;
    }
    let column = if column < MAX_COLUMNS { column } else { row.len().max(MAX_COLUMNS) };
    if row.len() <= column {
        row.resize(column.saturating_add(1), String::new());
    }
    if let Some(cell) = row.get_mut(column) {
        *cell = text;
    }
}

/// A number as it is written: without `.0`.
pub(super) fn number(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 { format!("{value:.0}") } else { value.to_string() }
}

/// A day as ISO 8601 writes it, and the time where there is one.
pub(super) fn date((y, m, d, h, min, s): (u16, u8, u8, u8, u8, u8)) -> String {
    let day = format!("{y:04}-{m:02}-{d:02}");
    if (h, min, s) == (0, 0, 0) { day } else { format!("{day} {h:02}:{min:02}:{s:02}") }
}
