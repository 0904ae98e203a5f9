//! Reading SQLite databases from bytes, without an engine: a scanner over the b-trees of tables.
//!
//! For hash sets that come as databases of more than a hundred gigabytes, and for evidence that nothing may open
//! for writing. It reads one page at a time at its position, executes no SQL, needs no index and trusts
//! nothing: page numbers, lengths and offsets are checked, a walk visits no more pages than the file has (so a
//! loop ends), its depth is bounded, and a damaged page costs its own rows, with one located error.
//!
//! The format is that of <https://www.sqlite.org/fileformat2.html>; section numbers in comments are of that
//! page. What is not seen: rows that are only in a write-ahead log or that a hot rollback journal would take
//! back, and views and virtual tables, which store no rows.

mod page;
mod record;
mod rows;
mod schema;

pub use record::{Row, Value};
pub use rows::Rows;
pub use schema::Table;

use std::io::{self, Read, Seek, SeekFrom};

/// The first bytes of every database.
pub const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Tables that are listed; a schema has no more in practice.
const MAX_TABLES: usize = 10_000;
/// Bytes of one row that are held unless [`Database::max_row`] says otherwise.
const MAX_ROW: usize = 1 << 20;

/// Why a database, or a part of it, can't be read.
#[derive(Debug, thiserror::Error)]
pub enum SqliteError {
    #[error("no SQLite database: {0}")]
    Header(&'static str),
    /// One page and what hangs below it. The walk goes on with the next.
    #[error("page {page} is damaged: {why}")]
    Damaged { page: u32, why: &'static str },
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Bytes at positions: files, slices in a `Cursor`, members of images.
pub trait ReadAt {
    /// Fills `buf` from `offset`.
    ///
    /// # Errors
    /// `UnexpectedEof` where the source ends before.
    fn read_exact_at(&mut self, offset: u64, buf: &mut [u8]) -> io::Result<()>;

    /// Bytes in all.
    fn len(&mut self) -> io::Result<u64>;

    fn is_empty(&mut self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
}

impl<T: Read + Seek> ReadAt for T {
    fn read_exact_at(&mut self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        self.seek(SeekFrom::Start(offset))?;
        self.read_exact(buf)
    }

    fn len(&mut self) -> io::Result<u64> {
        self.seek(SeekFrom::End(0))
    }
}

/// How text is stored (section 1.3.13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Utf8,
    Utf16Le,
    Utf16Be,
}

/// An open database.
pub struct Database<R> {
    source: R,
    page_size: u32,
    /// Bytes of a page that hold content (section 1.3.4).
    usable: u32,
    pages: u32,
    encoding: Encoding,
    wal: bool,
    max_row: usize,
    tables: Vec<Table>,
    problems: Vec<SqliteError>,
}

impl<R: ReadAt> Database<R> {
    /// Reads header and schema.
    ///
    /// # Errors
    /// Where the header is none, or can't be read. A schema that is damaged in part is no error: see
    /// [`Database::problems`].
    pub fn open(mut source: R) -> Result<Self, SqliteError> {
        let size = source.len()?;
        let mut head = [0; 100];
        if size < 512 {
            return Err(SqliteError::Header("it is shorter than a page"));
        }
        source.read_exact_at(0, &mut head)?;
        if !head.starts_with(MAGIC) {
            return Err(SqliteError::Header("its first bytes are others"));
        }
        let page_size = match u16::from_be_bytes([head[16], head[17]]) {
            1 => 65_536,
            n if n >= 512 && n.is_power_of_two() => u32::from(n),
            _ => return Err(SqliteError::Header("its page size is impossible")),
        };
        let usable = page_size - u32::from(head[20]);
        if usable < 480 {
            return Err(SqliteError::Header("its pages have no room for content"));
        }
        let encoding = match u32::from_be_bytes([head[56], head[57], head[58], head[59]]) {
            0 | 1 => Encoding::Utf8,
            2 => Encoding::Utf16Le,
            3 => Encoding::Utf16Be,
            _ => return Err(SqliteError::Header("its text encoding is unknown")),
        };
        // The count in the header may be stale (section 1.3.7); what is there can be read.
        let pages = u32::try_from(size / u64::from(page_size)).unwrap_or(u32::MAX);
        if pages == 0 {
            return Err(SqliteError::Header("it is shorter than its first page"));
        }
        let mut database = Self {
            source,
            page_size,
            usable,
            pages,
            encoding,
            wal: head[18] == 2 || head[19] == 2,
            max_row: MAX_ROW,
            tables: Vec::new(),
            problems: Vec::new(),
        };
        database.read_schema();
        Ok(database)
    }

    /// Where the pages come from.
    pub fn source(&self) -> &R {
        &self.source
    }

    /// The ordinary tables, in the order of the schema. SQLite's own (`sqlite_…`) are among them.
    pub fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// What of the schema could not be read.
    pub fn problems(&self) -> &[SqliteError] {
        &self.problems
    }

    /// Whether the newest rows may be in a write-ahead log beside the file.
    pub fn uses_wal(&self) -> bool {
        self.wal
    }

    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Bytes of one row that are held; values beyond are [`Value::Unread`].
    pub fn max_row(&mut self, bytes: usize) {
        self.max_row = bytes;
    }

    /// Walks over the rows of a table in the order of its key.
    pub fn rows(&mut self, table: &Table) -> Rows<'_, R> {
        Rows::new(self, table.clone())
    }

    fn read_schema(&mut self) {
        let mut tables = Vec::new();
        let mut problems = Vec::new();
        let mut rows = Rows::new(self, Table::schema());
        while let Some(row) = rows.next() {
            match row {
                Err(e) => problems.push(e),
                Ok(row) => {
                    if tables.len() >= MAX_TABLES {
                        problems.push(SqliteError::Damaged { page: 1, why: "the schema lists too many tables" });
                        break;
                    }
                    tables.extend(Table::from_schema(&row));
                }
            }
        }
        self.tables = tables;
        self.problems = problems;
    }

    /// Reads a page; `page` counts from 1.
    fn read_page(&mut self, page: u32, buf: &mut Vec<u8>) -> Result<(), SqliteError> {
        if page == 0 || page > self.pages {
            return Err(SqliteError::Damaged { page, why: "there is no such page" });
        }
        buf.resize(self.page_size as usize, 0);
        self.source.read_exact_at(u64::from(page - 1) * u64::from(self.page_size), buf)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
