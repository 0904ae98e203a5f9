//! Archives of `pg_dump` in its custom format; of its directory and tar formats the table of contents.
//!
//! An archive is turned back into the SQL that it stands for, piece by piece, and read as such, so that its size doesn't
//! matter. In the other two formats the rows lie in files of their own without the names of columns: what those files
//! hold is told from values alone, which is said, together with what the tables' columns say of them.
//!
//! Source: `pg_backup_archiver.c`, `pg_backup_custom.c` and `compress_io.c` of PostgreSQL 10 to 18.

mod lz4;
mod rows;
#[cfg(test)]
mod tests;
mod toc;
mod unpack;
mod zstd;

use rows::Rows;
use toc::{Compression, Missing, Toc};

use super::{CaseKey, Outcome, PhiDetector, PhiStream, Unread, sql};
use crate::model::{GapReason, PhiFacts};

/// Bytes that the table of contents may take.
const MAX_TOC: usize = 64 << 20;
/// It is first looked for in so many bytes, then in twice as many, and so on.
const FIRST_TOC: usize = 64 * 1024;

/// See the module.
pub struct PgDump;

impl PhiDetector for PgDump {
    fn id(&self) -> &'static str {
        "pgdump"
    }

    fn start<'k>(&self, head: &[u8], key: &'k CaseKey) -> Option<Box<dyn PhiStream + 'k>> {
        if !head.starts_with(b"PGDMP\x01") {
            return None;
        }
        let sql = sql::Sql.start(b"-- PostgreSQL database dump\n", key)?;
        Some(Box::new(Stream { state: State::Toc(Vec::new(), FIRST_TOC), sql, unread: None }))
    }
}

enum State {
    /// Bytes so far, and how many there must be for the next look.
    Toc(Vec<u8>, usize),
    Rows(Box<Rows>),
    /// Nothing more can be read.
    Over,
}

struct Stream<'k> {
    state: State,
    sql: Box<dyn PhiStream + 'k>,
    unread: Option<Unread>,
}

impl PhiStream for Stream<'_> {
    fn feed(&mut self, chunk: &[u8]) {
        match &mut self.state {
            State::Over => {}
            State::Rows(rows) => {
                if let Err(why) = rows.feed(chunk, &mut |text| self.sql.feed(text)) {
                    self.stop(why);
                }
            }
            State::Toc(bytes, wanted) => {
                bytes.extend_from_slice(chunk);
                if bytes.len() >= *wanted {
                    *wanted = bytes.len().saturating_mul(2);
                    self.toc(false);
                }
            }
        }
    }

    fn finish(mut self: Box<Self>) -> Outcome {
        self.toc(true);
        if matches!(&self.state, State::Rows(rows) if !rows.is_between()) {
            self.stop(Unread::malformed("it breaks off within the rows of a table"));
        }
        if matches!(&self.state, State::Rows(rows) if rows.skipped) {
            self.stop(Unread::new(GapReason::PhiFormat, "large objects in an archive of pg_dump"));
        }
        let Outcome { facts, unread, .. } = self.sql.finish();
        let facts = facts.map(|f| PhiFacts { format: "pgdump".to_owned(), ..f });
        Outcome { facts, unread: self.unread.or(unread), ..Outcome::default() }
    }
}

impl Stream<'_> {
    fn stop(&mut self, why: Unread) {
        self.unread.get_or_insert(why);
        self.state = State::Over;
    }

    /// Looks whether the table of contents is whole.
    fn toc(&mut self, last: bool) {
        let State::Toc(bytes, _) = &mut self.state else { return };
        let bytes = std::mem::take(bytes);
        match Toc::read(&bytes) {
            Ok((toc, size)) => {
                self.sql.feed(toc.tables.as_bytes());
                let rest = bytes.get(size..).unwrap_or_default();
                match self.begin(toc) {
                    Ok(()) => self.feed(rest),
                    Err(why) => self.stop(why),
                }
            }
            Err(Missing::Version) => self.stop(Unread::new(GapReason::PhiFormat, "an archive of pg_dump of an unknown version")),
            Err(Missing::More) if last => self.stop(Unread::malformed("its table of contents is damaged or cut off")),
            Err(Missing::More) if bytes.len() > MAX_TOC => {
                self.stop(Unread::new(GapReason::LimitMemory, "its table of contents is longer than 64 MiB"));
            }
            Err(Missing::More) => {
                let wanted = bytes.len().saturating_mul(2);
                self.state = State::Toc(bytes, wanted);
            }
        }
    }

    fn begin(&mut self, toc: Toc) -> Result<(), Unread> {
        if !toc.copies.is_empty() && !toc.custom {
            let why = "rows of its tables lie in files of their own, without the names of their columns";
            let schema = sql::schema(&toc.tables).describe().map(|s| format!("; {s}")).unwrap_or_default();
            return Err(Unread::new(GapReason::PhiFormat, format!("{why}{schema}")));
        }
        if !toc.copies.is_empty() && toc.compression == Compression::Other {
            return Err(Unread::new(GapReason::PhiFormat, "an archive of pg_dump compressed in an unknown way"));
        }
        self.state = State::Rows(Box::new(Rows::new(toc)));
        Ok(())
    }
}
