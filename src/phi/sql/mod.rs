//! Dumps of databases as SQL: mysqldump and its kin, pg_dump (plain), SQLite's `.dump`, scripts of SQL Server and Oracle.
//!
//! Rows are read from `INSERT` and `COPY` and go to the detector of tables, whose columns are those that the statement
//! lists or that `CREATE TABLE` declared. Nothing else of the language is understood. Whatever the size of a dump,
//! one row and the first rows of a few tables are held.
//!
//! Source: the manuals of MySQL 8.0 (9.1.1, String Literals; 13.2.6, INSERT), PostgreSQL 17 (COPY; 4.1.2, Constants),
//! SQL Server (Transact-SQL, INSERT; Constants) and Oracle 19c (INSERT).

mod copy;
mod head;
mod tables;
#[cfg(test)]
mod tests;
mod values;
mod words;

use copy::Copy;
use head::{Head, Kind, Step};
pub(super) use tables::Tables;
use values::Values;
pub(super) use words::Named;

use super::collect::Collector;
use super::table::Schema;
use super::{CaseKey, Outcome, PhiDetector, PhiStream, Unread};
use crate::model::GapReason;

/// See the module.
pub struct Sql;

impl PhiDetector for Sql {
    fn id(&self) -> &'static str {
        "sql"
    }

    fn start<'k>(&self, head: &[u8], key: &'k CaseKey) -> Option<Box<dyn PhiStream + 'k>> {
        let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
        if !is_dump(text) {
            return None;
        }
        Some(Box::new(Stream {
            state: State::Start,
            backslash: is_mysql(text),
            word: Vec::new(),
            values: Values::new(is_mysql(text)),
            copy: Copy::new(),
            table: None,
            last: None,
            rows: false,
            tables: Tables::new(Collector::new(key)),
        }))
    }
}

/// Whether a line begins a statement that defines or fills a table, or the first lines say that it is a dump.
fn is_dump(text: &[u8]) -> bool {
    let first = text.get(..text.len().min(512)).unwrap_or_default();
    if memchr::memchr(0, first).is_some() {
        return false;
    }
    let titled = |title: &str| memchr::memmem::find(first, title.as_bytes()).is_some();
    if first.starts_with(b"-") && (titled("PostgreSQL database dump") || titled("MySQL dump") || titled("MariaDB dump")) {
        return true;
    }
    text.split(|b| *b == b'\n').map(<[u8]>::trim_ascii_start).any(|line| {
        let begins = |words: &str| line.get(..words.len()).is_some_and(|l| l.eq_ignore_ascii_case(words.as_bytes()));
        match line.first() {
            Some(b'i' | b'I') => begins("insert into ") || begins("insert [") || begins("insert or ") || begins("insert all"),
            Some(b'r' | b'R') => begins("replace into "),
            Some(b'c' | b'C') => begins("create table ") || (begins("copy ") && line.trim_ascii_end().ends_with(b"FROM stdin;")),
            _ => false,
        }
    })
}

/// Whether backslashes escape in every string.
fn is_mysql(text: &[u8]) -> bool {
    const MARKS: [&str; 6] = ["MySQL", "MariaDB", "ENGINE=", "INSERT INTO `", "CREATE TABLE `", "CREATE TABLE IF NOT EXISTS `"];
    let has = |mark: &str| memchr::memmem::find(text, mark.as_bytes()).is_some();
    !text.starts_with(b"PRAGMA foreign_keys") && !has("PostgreSQL database dump") && MARKS.iter().any(|m| has(m))
}

/// What the tables that statements define say of their rows, where those can't be read.
pub(in crate::phi) fn schema(statements: &str) -> Schema {
    let mut schema = Schema::default();
    let mut rest = statements.as_bytes();
    while let Some(at) = memchr::memmem::find(rest, b"CREATE ") {
        rest = rest.get(at..).unwrap_or_default();
        let next = rest.get(1..).and_then(|r| memchr::memmem::find(r, b"CREATE ")).map_or(rest.len(), |n| n.saturating_add(1));
        let (one, behind) = rest.split_at_checked(next).unwrap_or((rest, &[]));
        define(one, &mut schema);
        rest = behind;
    }
    schema
}

/// Adds what one `CREATE TABLE` defines.
pub(in crate::phi) fn define(statement: &[u8], schema: &mut Schema) {
    if let Some(named) = words::create(statement) {
        schema.add(&named.table, &named.columns.unwrap_or_default());
    }
}

enum State {
    /// Where a statement may begin.
    Start,
    /// A statement or line of no interest.
    Skip,
    Head(Head),
    Values,
    Copy,
}

struct Stream<'k> {
    state: State,
    backslash: bool,
    /// The first word of a statement so far.
    word: Vec<u8>,
    values: Values,
    copy: Copy,
    /// Where the rows belong.
    table: Option<usize>,
    /// The statement before, and where its rows belong: most are followed by their like.
    last: Option<(Vec<u8>, Option<usize>)>,
    /// There was a row.
    rows: bool,
    tables: Tables<'k>,
}

impl PhiStream for Stream<'_> {
    fn feed(&mut self, mut chunk: &[u8]) {
        while !chunk.is_empty() {
            chunk = match self.state {
                State::Start => self.start(chunk),
                State::Skip => match memchr::memchr2(b'\n', b';', chunk) {
                    None => return,
                    Some(at) => {
                        self.state = State::Start;
                        chunk.get(at.saturating_add(1)..).unwrap_or_default()
                    }
                },
                State::Head(_) => self.head(chunk),
                State::Values | State::Copy => self.rows(chunk),
            };
        }
    }

    fn finish(mut self: Box<Self>) -> Outcome {
        let open = match self.state {
            State::Values => self.values.is_open(),
            State::Copy => !self.copy.is_over(),
            _ => false,
        };
        if open && self.rows {
            self.tables.unread(Unread::malformed("it breaks off within the rows of a table"));
        }
        self.tables.finish()
    }
}

impl Stream<'_> {
    fn start<'c>(&mut self, chunk: &'c [u8]) -> &'c [u8] {
        const LONGEST: usize = 8;
        for (i, b) in chunk.iter().enumerate() {
            match b {
                b if words::is_letter(*b) && self.word.len() < LONGEST => self.word.push(*b),
                b if self.word.is_empty() && (b.is_ascii_whitespace() || *b == b';' || *b >= 0x80) => {}
                _ => {
                    self.state = Kind::of(&self.word).map_or(State::Skip, |kind| State::Head(Head::new(kind, &self.word)));
                    self.word.clear();
                    return chunk.get(i..).unwrap_or_default();
                }
            }
        }
        &[]
    }

    fn head<'c>(&mut self, chunk: &'c [u8]) -> &'c [u8] {
        let State::Head(head) = &mut self.state else { return chunk };
        for (i, b) in chunk.iter().enumerate() {
            let rest = || chunk.get(i..).unwrap_or_default();
            match head.take(*b, self.backslash) {
                Step::More => {}
                Step::Nothing => {
                    self.state = State::Skip;
                    return rest();
                }
                Step::TooLong => {
                    self.tables.unread(Unread::new(GapReason::LimitSize, "a statement's beginning is longer than 256 KiB"));
                    self.state = State::Skip;
                    return rest();
                }
                Step::Whole => {
                    self.whole();
                    return rest();
                }
            }
        }
        &[]
    }

    /// The beginning of a statement is there.
    fn whole(&mut self) {
        let State::Head(Head { kind, bytes, .. }) = std::mem::replace(&mut self.state, State::Skip) else { return };
        match kind {
            Kind::Create => {
                if let Some(named) = words::create(&bytes) {
                    self.tables.create(named);
                    self.last = None;
                }
            }
            Kind::Copy => {
                if let Some(named) = words::copy(&bytes) {
                    self.table = self.tables.open(named);
                    self.copy.start();
                    self.state = State::Copy;
                }
            }
            Kind::Insert => {
                let known = self.last.take().filter(|(last, _)| *last == bytes);
                let table = known.map(|(_, table)| table.filter(|t| self.tables.wants(*t)));
                self.table = table.unwrap_or_else(|| words::insert(&bytes).and_then(|named| self.tables.open(named)));
                self.last = Some((bytes, self.table));
                self.values.reset();
                self.state = State::Values;
            }
        }
    }

    fn rows<'c>(&mut self, chunk: &'c [u8]) -> &'c [u8] {
        let Self { values, copy, table, rows, tables, .. } = self;
        let mut wanted = table.is_some();
        let take = |row: &super::table::Record| {
            *rows = true;
            let Some(table) = *table else { return false };
            tables.row(table, row);
            tables.wants(table)
        };
        let rest = match self.state {
            State::Copy => copy.feed(chunk, &mut wanted, take),
            _ => values.feed(chunk, &mut wanted, take),
        };
        if !wanted {
            *table = None;
        }
        match rest {
            None => &[],
            Some(rest) => {
                self.state = State::Start;
                rest
            }
        }
    }
}
