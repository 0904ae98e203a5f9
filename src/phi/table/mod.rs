//! Delimited tables (CSV, TSV, `|`, `;`, `^`, `~`) and those of fixed width under a ruler: by what their headers say and what their values are.
//!
//! A table is reported where rows name a person (record number, SSN, MBI, member number, or name with date
//! of birth) and it is about care: clinical or insurance columns, or a header that says patient; or where
//! SSN and date of birth stand together. Provider lists, vocabularies and phone lists are not.

mod cells;
mod codes;
mod columns;
mod fixed;
mod headers;
mod limited;
mod reader;
mod rows;
mod schema;
mod sniff;
mod vendors;

pub(in crate::phi) use cells::Cells;
use columns::Column;
pub(in crate::phi) use headers::titles;
use reader::Reader;
pub(in crate::phi) use reader::Record;
use rows::Roles;
pub(in crate::phi) use schema::Schema;

use super::collect::Collector;
use super::{CaseKey, Outcome, PhiDetector, PhiStream, dates, identifiers, names};
use crate::model::PhiFacts;

/// Columns looked at; wider tables are read as far as this.
const MAX_COLUMNS: usize = 512;

/// See the module.
pub struct Table;

impl PhiDetector for Table {
    fn id(&self) -> &'static str {
        "table"
    }

    fn start<'k>(&self, head: &[u8], key: &'k CaseKey) -> Option<Box<dyn PhiStream + 'k>> {
        let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
        delimited(head, key).or_else(|| fixed::start(head, key))
    }
}

fn delimited<'k>(head: &[u8], key: &'k CaseKey) -> Option<Box<dyn PhiStream + 'k>> {
    if !sniff::is_text(head) {
        return None;
    }
    let shape = sniff::shape(head)?;
    let (header, columns) = sample(head, shape);
    let roles = Roles::decide(header.as_deref(), &columns)?;
    Some(Box::new(Stream {
        reader: Reader::new(shape.delimiter),
        delimiter: shape.delimiter,
        columns: shape.columns,
        skip: shape.skip + usize::from(header.is_some()),
        roles,
        out: Collector::new(key),
        bom: 0,
        ragged: 0,
    }))
}

/// Whether a cell says what stands under or beside it, in the words of health records.
pub(super) fn is_title(cell: &str) -> bool {
    cell.len() <= 80 && headers::meaning(&headers::normalise(cell)).is_some()
}

/// The header, where the first row is one, and statistics of the rows in the head.
fn sample(head: &[u8], shape: sniff::Shape) -> (Option<Vec<String>>, Vec<Column>) {
    let mut whole = head;
    if head.len() >= 65_000 {
        let end = memchr::memrchr2(b'\r', b'\n', head).unwrap_or(head.len());
        whole = head.get(..end).unwrap_or_default();
    }
    let width = shape.columns.min(MAX_COLUMNS);
    let mut columns: Vec<Column> = (0..width).map(|_| Column::new()).collect();
    let mut header = None;
    let mut n = 0;
    let mut reader = Reader::new(shape.delimiter);
    let mut take = |r: &Record| {
        n += 1;
        if n == shape.skip + 1 {
            let cells: Vec<String> = (0..width).map(|i| names::decode(r.get(i).unwrap_or_default()).trim().to_owned()).collect();
            if is_header(&cells) {
                header = Some(cells);
                return;
            }
        }
        if n > shape.skip && r.len() == shape.columns {
            for (i, column) in columns.iter_mut().enumerate() {
                column.add(r.get(i).unwrap_or_default());
            }
        }
    };
    reader.feed(whole, &mut take);
    reader.finish(&mut take);
    (header, columns)
}

/// A header is words, none of which is a value; with two known ones among them, some may be figures.
fn is_header(cells: &[String]) -> bool {
    let value = |c: &str| {
        identifiers::ssn(c).is_some()
            || dates::date(c).is_some()
            || identifiers::uuid(c)
            || identifiers::mbi(c).is_some()
            || identifiers::icd10cm(c).is_some_and(|f| f.dotted)
    };
    let word = |c: &str| c.chars().any(char::is_alphabetic) && c.parse::<f64>().is_err();
    let filled: Vec<&str> = cells.iter().map(String::as_str).filter(|c| !c.is_empty()).collect();
    let known = filled.iter().filter(|c| headers::meaning(&headers::normalise(c)).is_some()).count();
    !filled.is_empty() && filled.iter().all(|c| c.len() <= 80 && !value(c)) && (known >= 2 || filled.iter().all(|c| word(c)))
}

struct Stream<'k> {
    reader: Reader,
    delimiter: u8,
    columns: usize,
    /// Records before the first row: title lines and the header.
    skip: usize,
    roles: Roles,
    out: Collector<'k>,
    /// Bytes of the byte-order mark read over so far; more than three once it can't come any more.
    bom: usize,
    ragged: u64,
}

impl PhiStream for Stream<'_> {
    fn feed(&mut self, mut chunk: &[u8]) {
        while self.bom < 3 && !chunk.is_empty() {
            if chunk.first() == b"\xef\xbb\xbf".get(self.bom) {
                self.bom += 1;
                chunk = chunk.get(1..).unwrap_or_default();
            } else {
                self.bom = 4;
            }
        }
        let Self { reader, roles, out, skip, columns, ragged, .. } = self;
        reader.feed(chunk, |r| row(r, roles, out, skip, *columns, ragged));
    }

    fn finish(mut self: Box<Self>) -> Outcome {
        let Self { reader, roles, out, skip, columns, ragged, .. } = &mut *self;
        reader.finish(|r| row(r, roles, out, skip, *columns, ragged));
        let deidentified = self.roles.describe(&mut self.out);
        if self.ragged > 0 {
            self.out.note(format!("{} rows of another width were read as far as they go", self.ragged));
        }
        let kind = match self.delimiter {
            b',' => "csv",
            b'\t' => "tsv",
            b'|' => "psv",
            _ => "delimited",
        };
        let facts = self.out.finish(format!("table-{kind}"));
        facts.map(|facts| PhiFacts { deidentified, ..facts }).into()
    }
}

fn row(r: &Record, roles: &Roles, out: &mut Collector<'_>, skip: &mut usize, columns: usize, ragged: &mut u64) {
    if *skip > 0 {
        *skip -= 1;
        return;
    }
    if r.len() != columns {
        *ragged = ragged.saturating_add(1);
    }
    roles.row(|i| r.get(i), out);
}

#[cfg(test)]
mod tests;
