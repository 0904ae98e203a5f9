//! Dumps of Oracle's `exp` and Data Pump: rows are in forms of the product's own and aren't read. Statements and metadata
//! that define tables stand there as text, and say whether their rows are patients'.
//!
//! Source: Oracle Database Utilities 19c (Original Export; Data Pump Export). Data Pump compresses its metadata where the
//! edition allows it; then there is nothing to read.

use super::table::Schema;
use super::{CaseKey, Outcome, PhiDetector, PhiStream, Unread, sql};
use crate::model::GapReason;

/// Bytes of one line: a statement.
const MAX_LINE: usize = 256 * 1024;
/// Bytes of an element with a name.
const MAX_NAME: usize = 512;
/// Names of one table.
const MAX_NAMES: usize = 4096;

/// See the module.
pub struct Oracle;

impl PhiDetector for Oracle {
    fn id(&self) -> &'static str {
        "oracle"
    }

    fn start<'k>(&self, head: &[u8], _key: &'k CaseKey) -> Option<Box<dyn PhiStream + 'k>> {
        let has = |n: usize, word: &[u8]| memchr::memmem::find(head.get(..n.min(head.len())).unwrap_or_default(), word).is_some();
        if head.first() == Some(&3) && has(16, b"EXPORT:V") {
            return Some(Box::new(Export { line: Vec::new(), long: false, schema: Schema::default() }));
        }
        let pump = matches!(head.first(), Some(0 | 1)) && has(4096, b"\"SYS_EXPORT_");
        pump.then(|| Box::new(Pump { window: Vec::new(), names: Vec::new(), schema: Schema::default() }) as Box<_>)
    }
}

fn told(what: &str, schema: &Schema) -> Outcome {
    let detail = schema.describe().map_or_else(|| what.to_owned(), |s| format!("{what}: its rows are not read; {s}"));
    Outcome { unread: Some(Unread::new(GapReason::PhiFormat, detail)), ..Outcome::default() }
}

/// Statements a line each, between rows.
struct Export {
    line: Vec<u8>,
    long: bool,
    schema: Schema,
}

impl PhiStream for Export {
    fn feed(&mut self, chunk: &[u8]) {
        for (i, piece) in chunk.split(|b| *b == b'\n').enumerate() {
            if i > 0 {
                self.end();
            }
            let room = MAX_LINE.saturating_sub(self.line.len());
            self.long |= piece.len() > room;
            self.line.extend_from_slice(piece.get(..room.min(piece.len())).unwrap_or_default());
        }
    }

    fn finish(mut self: Box<Self>) -> Outcome {
        self.end();
        told("oracle export", &self.schema)
    }
}

impl Export {
    fn end(&mut self) {
        if !std::mem::take(&mut self.long) && self.line.starts_with(b"CREATE TABLE ") {
            sql::define(&self.line, &mut self.schema);
        }
        self.line.clear();
    }
}

/// Names of a table and of its columns, as elements `NAME` within `TABLE_T`.
struct Pump {
    window: Vec<u8>,
    names: Vec<String>,
    schema: Schema,
}

impl PhiStream for Pump {
    fn feed(&mut self, chunk: &[u8]) {
        for piece in chunk.chunks(64 * 1024) {
            self.window.extend_from_slice(piece);
            let window = std::mem::take(&mut self.window);
            let done = self.scan(&window);
            self.window = window;
            self.window.drain(..done.min(self.window.len()));
        }
    }

    fn finish(mut self: Box<Self>) -> Outcome {
        self.table();
        told("oracle data pump", &self.schema)
    }
}

impl Pump {
    /// Returns how far it was read.
    fn scan(&mut self, window: &[u8]) -> usize {
        let mut done = 0;
        for at in memchr::memchr_iter(b'<', window) {
            let rest = window.get(at..).unwrap_or_default();
            if rest.len() < MAX_NAME {
                // What follows decides; it is read again with more.
                return at;
            }
            done = at.saturating_add(1);
            if rest.starts_with(b"<TABLE_T>") || rest.starts_with(b"</TABLE_T>") {
                self.table();
            } else if let Some(name) = rest.strip_prefix(b"<NAME>") {
                let name = name.get(..128).and_then(|n| n.split(|b| *b == b'<').next()).unwrap_or_default();
                if self.names.len() < MAX_NAMES && !name.is_empty() {
                    self.names.push(String::from_utf8_lossy(name).into_owned());
                }
            }
        }
        window.len().max(done)
    }

    /// The table's own name comes first.
    fn table(&mut self) {
        let names = std::mem::take(&mut self.names);
        if let Some((table, columns)) = names.split_first().filter(|(_, columns)| !columns.is_empty()) {
            self.schema.add(table, columns);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phi::testing::outcome;

    const EXPORT: &[u8] = include_bytes!("../../tests/fixtures/phi/oracle-export.dmp");

    fn detail(bytes: &[u8]) -> String {
        outcome(&Oracle, bytes).unread.map(|u| u.detail.into_owned()).unwrap_or_default()
    }

    #[test]
    fn statements_say_what_the_rows_are() {
        assert_eq!(
            detail(EXPORT),
            "oracle export: its rows are not read; by its schema 1 of 2 tables hold patients (SSNs, dates of birth, names, record numbers)"
        );
        assert_eq!(detail(b"\x03\0\x01EXPORT:V11.02.00\nUSCOTT\n"), "oracle export");
    }

    #[test]
    fn metadata_says_what_the_rows_are() {
        let table = |name: &str, columns: &str| {
            let items: String = columns
                .split(' ')
                .map(|c| format!("<COL_LIST_ITEM><NAME>{c}</NAME><TYPE_NUM>1</TYPE_NUM></COL_LIST_ITEM>"))
                .collect();
            format!("<TABLE_T><SCHEMA_OBJ><NAME>{name}</NAME></SCHEMA_OBJ><COL_LIST>{items}</COL_LIST></TABLE_T>")
        };
        let text = format!(
            "\0\x01\x02\0 \"EHR\".\"SYS_EXPORT_SCHEMA_01\" {}{}{}",
            table("PATIENTS", "MRN LAST_NAME FIRST_NAME DOB"),
            table("ORDERS", "ID TOTAL"),
            " ".repeat(600)
        );
        let told = "oracle data pump: its rows are not read; by its schema 1 of 2 tables hold patients (dates of birth, names, record numbers)";
        assert_eq!(detail(text.as_bytes()), told);
        assert_eq!(detail(b"\0\x01\x02\0 \"EHR\".\"SYS_EXPORT_SCHEMA_01\""), "oracle data pump");
    }

    #[test]
    fn other_bytes_are_none() {
        for bytes in [&b"EXPORT:V1"[..], b"CREATE TABLE x (mrn int)\n", b""] {
            assert!(Oracle.start(bytes, &CaseKey::new(&[7; 32])).is_none());
        }
    }
}
