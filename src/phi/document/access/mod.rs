//! Microsoft Access databases (Jet 3 and 4, ACE 12 to 17): every table of its users a part, and the documents that stand
//! in its cells.
//!
//! Source: the description of the format in mdbtools (`HACKING.md`). The pages of a table are those that carry its
//! number, whatever its map of pages says; deleted rows are not looked at. A password alone locks nothing here.

mod pages;
mod row;
mod schema;
#[cfg(test)]
mod tests;

use super::values::{self, Cells};
use super::{Document, Parts, Unread};
use crate::model::GapReason;
use crate::phi::table::titles;
use crate::sqlite::Value;
use pages::Pages;
use row::Reader;
use schema::Table;

/// Tables of one database.
const MAX_TABLES: usize = 10_000;
/// The page of the catalogue's definition.
const CATALOGUE: u32 = 2;

/// `Standard Jet DB`, `Standard ACE DB`.
pub(super) struct Access;

impl Document for Access {
    fn id(&self) -> &'static str {
        "access"
    }

    fn recognise(&self, head: &[u8]) -> bool {
        head.starts_with(b"\0\x01\0\0Standard Jet DB\0") || head.starts_with(b"\0\x01\0\0Standard ACE DB\0")
    }

    fn read(&self, body: &[u8], parts: &mut Parts<'_>) -> Result<(), Unread> {
        let mut pages = Pages::open(body)?;
        let catalogue = Table::read(&mut pages, CATALOGUE)?;
        let mut reader = Reader::new(body.len());
        let mut tables: Vec<(u32, String)> = Vec::new();
        reader.rows(&mut pages, &catalogue, &mut |row| {
            let text = |name| catalogue.columns.iter().position(|c| c.name == name).and_then(|i| row.get(i));
            // Type 1 is a table with rows of its own, not one linked from elsewhere.
            if let (Some(Value::Integer(id)), Some(Value::Integer(1)), Some(Value::Text(name))) =
                (text("Id"), text("Type"), text("Name"))
                && !name.starts_with("MSys")
            {
                tables.push(((id & 0x00ff_ffff).try_into().unwrap_or(0), name.clone().into_owned()));
            }
            Ok(())
        })?;
        if tables.len() > MAX_TABLES {
            parts.unread(Unread::new(GapReason::LimitCount, format!("it has more than {MAX_TABLES} tables")));
            tables.truncate(MAX_TABLES);
        }
        // Two tables never share a page but in files made to be read forever.
        tables.sort();
        tables.dedup_by_key(|(page, _)| *page);
        for (page, name) in tables {
            match Table::read(&mut pages, page) {
                Ok(table) => self::table(&mut reader, &mut pages, &table, &name, parts)?,
                Err(why) => parts.unread(why),
            }
        }
        reader.check(&pages)
    }
}

/// A table's rows, then the documents in its cells, column by column.
fn table(reader: &mut Reader, pages: &mut Pages<'_>, table: &Table, name: &str, parts: &mut Parts<'_>) -> Result<(), Unread> {
    let mut cells = Cells::default();
    parts.begin()?;
    parts.row(titles(name, table.columns.iter().map(|c| c.name.as_str())))?;
    reader.rows(pages, table, &mut |row| parts.row(cells.row(table.columns.len(), |i| get(row, i))))?;
    cells.say(parts);
    for column in cells.documents() {
        parts.begin()?;
        reader.rows(pages, table, &mut |row| values::document(&get(row, column), parts))?;
    }
    Ok(())
}

fn get<'v>(row: &[Value<'v>], column: usize) -> Value<'v> {
    row.get(column).cloned().unwrap_or(Value::Null)
}
