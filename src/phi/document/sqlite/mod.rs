//! SQLite databases, and the page images of their write-ahead logs: each table a part, and the documents that stand
//! in its cells.
//!
//! Source: <https://www.sqlite.org/fileformat2.html>; the b-trees are read by [`crate::sqlite`]. What was deleted
//! (free pages, free room on pages) is not looked at. A database encrypted as a whole has no magic and is none here.

mod source;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use super::values::{self, Cells};
use super::{Document, Parts, Unread};
use crate::phi::table::titles;
use crate::sqlite::{Database, MAGIC, SqliteError, Table};
use source::Pages;

/// Bytes of one row that are held.
const MAX_ROW: usize = 64 << 20;

/// See the module.
pub struct Sqlite;

impl Document for Sqlite {
    fn id(&self) -> &'static str {
        "sqlite"
    }

    fn recognise(&self, head: &[u8]) -> bool {
        head.starts_with(MAGIC) || source::is_log(head)
    }

    fn read(&self, body: &[u8], parts: &mut Parts<'_>) -> Result<(), Unread> {
        let pages = if body.starts_with(MAGIC) { Pages::database(body) } else { Pages::log(body)? };
        let mut database = Database::open(pages).map_err(|e| Unread::malformed(e.to_string()))?;
        database.max_row(MAX_ROW);
        if let Some(problem) = database.problems().iter().find(|e| is_damage(e)) {
            parts.unread(Unread::malformed(problem.to_string()));
        }
        let mut roots = HashSet::new();
        for table in database.tables().to_vec() {
            // Two tables never share a root but in files made to be read forever.
            if roots.insert(table.root()) {
                self::table(&mut database, &table, parts)?;
            }
        }
        strays(&mut database, parts)
    }
}

/// A table's rows, then the documents in its cells, column by column.
fn table(database: &mut Database<Pages<'_>>, table: &Table, parts: &mut Parts<'_>) -> Result<(), Unread> {
    let mut cells = Cells::default();
    parts.begin()?;
    parts.row(titles(&table.name, table.columns.iter().map(String::as_str)))?;
    each(database, table, parts, |row, parts| parts.row(cells.row(table.columns.len(), |i| row.get(i))))?;
    cells.say(parts);
    for column in cells.documents() {
        parts.begin()?;
        each(database, table, parts, |row, parts| values::document(&row.get(column), parts))?;
    }
    Ok(())
}

/// Pages of rows in a log that no table there leads to: their table is named in the database only.
fn strays(database: &mut Database<Pages<'_>>, parts: &mut Parts<'_>) -> Result<(), Unread> {
    let mut pages = Vec::new();
    for page in database.source().strays() {
        let table = Table::page(page);
        let width = database.rows(&table).next().and_then(Result::ok).map(|row| row.stored());
        pages.extend(width.map(|w| (w, table)));
    }
    pages.sort_by_key(|(width, _)| *width);
    for same in pages.chunk_by(|a, b| a.0 == b.0) {
        let mut cells = Cells::default();
        parts.begin()?;
        for (width, table) in same {
            each(database, table, parts, |row, parts| parts.row(cells.row(*width, |i| row.value(i))))?;
        }
        cells.say(parts);
        for column in cells.documents() {
            parts.begin()?;
            for (_, table) in same {
                each(database, table, parts, |row, parts| values::document(&row.value(column), parts))?;
            }
        }
    }
    Ok(())
}

/// Every row of a table. What is damaged is said, and the walk goes on.
fn each(
    database: &mut Database<Pages<'_>>,
    table: &Table,
    parts: &mut Parts<'_>,
    mut take: impl FnMut(&crate::sqlite::Row<'_>, &mut Parts<'_>) -> Result<(), Unread>,
) -> Result<(), Unread> {
    let mut rows = database.rows(table);
    while let Some(row) = rows.next() {
        match row {
            Ok(row) => take(&row, parts)?,
            Err(e) if source::is_exhausted(&e) => return Err(Unread::malformed("its pages are used over and over")),
            Err(e) if is_damage(&e) => parts.unread(Unread::malformed(e.to_string())),
            Err(_) => {}
        }
    }
    Ok(())
}

/// A page that a log doesn't hold is none: it stands in the database.
fn is_damage(e: &SqliteError) -> bool {
    !matches!(e, SqliteError::Io(_))
}
