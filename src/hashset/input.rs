//! What sets are made from: recognised by content, read as a stream.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use sha2::{Digest as _, Sha256};

use super::HashSetError;
use super::compile::Compiler;
use super::digest::{Digest, Kind, Row};
use super::format::{MAGIC, Source};
use super::set::DigestSet;
use super::text::Layout;
use crate::model::text;
use crate::sqlite::{self, Database, SqliteError, Value};

/// Bytes that are read at once.
const BLOCK: usize = 1 << 20;
/// Longest line that is looked at, in bytes.
const MAX_LINE: usize = 64 << 10;
/// Examples of rejected lines that are kept.
const MAX_EXAMPLES: usize = 5;
/// Rows of a database between two looks at whether to stop.
const PAUSE: u64 = 1 << 16;

/// What became of one input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    pub source: Source,
    /// The first rejected lines: where and why.
    pub examples: Vec<(String, String)>,
}

/// Reads an input into `compiler`, as a source of its own.
///
/// # Errors
/// [`HashSetError::Unreadable`]; [`HashSetError::Unusable`] where no digest is in it or its format is another;
/// those of [`Compiler::row`].
pub fn read(path: &Path, compiler: &mut Compiler<'_>) -> Result<Reading, HashSetError> {
    let shown = text::escape(path.as_os_str().as_encoded_bytes());
    let name = path.file_name().map_or_else(|| shown.clone(), |n| text::escape(n.as_encoded_bytes()));
    let mut input = Input { path, shown, compiler, reading: Reading::default() };
    input.reading.source.name = name;
    input.read()?;
    let Input { shown, reading, compiler, .. } = input;
    if reading.source.rows == 0 {
        return Err(HashSetError::Unusable { path: shown, why: "holds no MD5, SHA-1 or SHA-256 that can be read".into() });
    }
    compiler.source(reading.source.clone());
    Ok(reading)
}

struct Input<'a, 's> {
    path: &'a Path,
    shown: String,
    compiler: &'a mut Compiler<'s>,
    reading: Reading,
}

impl Input<'_, '_> {
    fn unreadable(&self, source: io::Error) -> HashSetError {
        HashSetError::Unreadable { path: self.shown.clone(), source }
    }

    fn unusable(&self, why: impl Into<String>) -> HashSetError {
        HashSetError::Unusable { path: self.shown.clone(), why: why.into() }
    }

    fn read(&mut self) -> Result<(), HashSetError> {
        let mut file = File::open(self.path).map_err(|e| self.unreadable(e))?;
        if file.metadata().is_ok_and(|m| m.is_dir()) {
            return Err(self.unusable("is a folder: name the files in it"));
        }
        let mut head = Vec::new();
        file.by_ref().take(64).read_to_end(&mut head).and_then(|_| file.rewind()).map_err(|e| self.unreadable(e))?;
        if head.starts_with(MAGIC) {
            self.compiled()
        } else if head.starts_with(sqlite::MAGIC) {
            self.reading.source.sha256 = self.digest(&mut file)?;
            self.database(file)
        } else if head.starts_with(b"PK\x03\x04") {
            self.reading.source.sha256 = self.digest(&mut file)?;
            self.zip(file)
        } else {
            let mut hashed = HashedReader { file, hasher: Sha256::new() };
            if head.starts_with(&[0x1f, 0x8b]) {
                self.reading.source.format = "gzip text".into();
                self.text(&mut MultiGzDecoder::new(&mut hashed), "")?;
            } else {
                self.reading.source.format = "text".into();
                self.text(&mut hashed, "")?;
            }
            // What a decoder left unread belongs to the file too.
            io::copy(&mut hashed, &mut io::sink()).map_err(|e| self.unreadable(e))?;
            self.reading.source.sha256 = text::hex(&hashed.hasher.finalize());
            Ok(())
        }
    }

    /// SHA-256 of a file that isn't read from its beginning to its end.
    fn digest(&self, file: &mut File) -> Result<String, HashSetError> {
        let mut hasher = Sha256::new();
        let mut block = vec![0; BLOCK];
        loop {
            self.compiler.check()?;
            match file.read(&mut block).map_err(|e| self.unreadable(e))? {
                0 => break,
                n => hasher.update(block.get(..n).unwrap_or_default()),
            }
        }
        file.rewind().map_err(|e| self.unreadable(e))?;
        Ok(text::hex(&hasher.finalize()))
    }

    fn row(&mut self, row: &Row) -> Result<(), HashSetError> {
        self.reading.source.rows += 1;
        self.compiler.row(row)
    }

    fn reject(&mut self, place: impl FnOnce() -> String, why: &str) {
        self.reading.source.rejected += 1;
        if self.reading.examples.len() < MAX_EXAMPLES {
            self.reading.examples.push((place(), why.to_owned()));
        }
    }

    /// Another compiled file: its digests are taken over as they are.
    fn compiled(&mut self) -> Result<(), HashSetError> {
        let set = DigestSet::open(self.path)?;
        set.verify()?;
        self.reading.source.format = "compiled".into();
        self.reading.source.sha256 = set.info().seal.clone();
        set.digests().try_for_each(|d| self.row(&Row::from(d)))
    }

    /// The texts in a zip, as NIST gives RDS 2: `NSRLFile.txt`, or where there is none every list.
    fn zip(&mut self, file: File) -> Result<(), HashSetError> {
        let bad = |e: zip::result::ZipError| format!("is a zip archive that can't be read ({e}): unpack it first");
        let mut archive = zip::ZipArchive::new(BufReader::new(file)).map_err(|e| self.unusable(bad(e)))?;
        let names: Vec<String> = archive.file_names().filter_map(Result::ok).map(std::borrow::Cow::into_owned).collect();
        let ends = |name: &str, words: &[&str]| words.iter().any(|w| name.to_ascii_lowercase().ends_with(w));
        let mut chosen: Vec<&String> = names.iter().filter(|n| ends(n, &["nsrlfile.txt"])).collect();
        if chosen.is_empty() {
            chosen = names.iter().filter(|n| ends(n, &[".txt", ".csv", ".tsv", ".md5", ".sha1", ".sha256"])).collect();
        }
        if chosen.is_empty() {
            return Err(self.unusable("is a zip archive without a list in text: unpack it first and name what is in it"));
        }
        self.reading.source.format = "zipped text".into();
        for name in chosen {
            let mut member = archive.by_name(name).map_err(|e| self.unusable(bad(e)))?;
            let at = format!("{}!", text::escape(name.as_bytes()));
            self.text(&mut member, &at)?;
        }
        Ok(())
    }

    /// A list or table. `at` stands before line numbers.
    fn text(&mut self, source: &mut dyn Read, at: &str) -> Result<(), HashSetError> {
        let mut lines = Lines::new(source).map_err(|e| self.unreadable(e))?;
        let mut layout: Option<Layout> = None;
        loop {
            let number = lines.number + 1;
            let line = match lines.next() {
                Err(e) => return Err(self.unreadable(e)),
                Ok(None) => return Ok(()),
                Ok(Some(line)) => line,
            };
            if number.is_multiple_of(PAUSE) {
                self.compiler.check()?;
            }
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            let place = || format!("{at}{number}");
            if line.len() >= MAX_LINE {
                self.reject(place, "the line is too long");
                continue;
            }
            let layout = match &layout {
                Some(layout) => layout,
                None => {
                    if is_sql(line) {
                        return Err(self.unusable(
                            "is an SQL script, as NSRL publishes changes: apply it to the full set with the sqlite3 program, then name that",
                        ));
                    }
                    let found = Layout::of(line);
                    let titled = matches!(found, Layout::Table { titled: true, .. });
                    let layout = layout.insert(found);
                    if titled {
                        continue;
                    }
                    layout
                }
            };
            match layout.read(line) {
                Some(row) => self.row(&row)?,
                None => self.reject(place, "no MD5, SHA-1 or SHA-256 where it should be"),
            }
        }
    }

    /// Every table that has columns named after digests, as `METADATA` and `FILE` of NSRL RDS 3.
    fn database(&mut self, file: File) -> Result<(), HashSetError> {
        self.reading.source.format = "sqlite".into();
        let mut log = self.path.as_os_str().to_owned();
        log.push("-wal");
        if std::fs::metadata(&log).is_ok_and(|m| m.len() > 0) {
            return Err(self.unusable("has a write-ahead log beside it whose rows would be missed: close it in sqlite3 first"));
        }
        let mut database = Database::open(file).map_err(|e| self.unusable(format!("can't be read as a database: {e}")))?;
        // Digests stand in front; what a row holds beyond isn't needed.
        database.max_row(BLOCK);
        for problem in database.problems() {
            self.reading.source.rejected += 1;
            self.reading.examples.push(("its schema".into(), problem.to_string()));
        }
        let tables: Vec<_> = database.tables().to_vec();
        for table in tables {
            let columns: Vec<(usize, Kind)> =
                table.columns.iter().enumerate().filter_map(|(i, c)| Some((i, Kind::named(c)?))).collect();
            if columns.is_empty() || table.name.starts_with("sqlite_") {
                continue;
            }
            let name = text::escape(table.name.as_bytes());
            let mut rows = database.rows(&table);
            let mut n = 0u64;
            while let Some(next) = rows.next() {
                n += 1;
                if n.is_multiple_of(PAUSE) {
                    self.compiler.check()?;
                }
                match next {
                    Err(SqliteError::Io(e)) if e.kind() != io::ErrorKind::UnexpectedEof => return Err(self.unreadable(e)),
                    Err(e) => self.reject(|| format!("table {name}"), &e.to_string()),
                    Ok(record) => {
                        let mut row = Row::default();
                        for (column, kind) in &columns {
                            let digest = match record.get(*column) {
                                Value::Text(t) => Digest::of_hex(t.trim().as_bytes()),
                                Value::Blob(b) => Digest::of_bytes(b),
                                _ => None,
                            };
                            digest.filter(|d| d.kind() == *kind).into_iter().for_each(|d| row.add(d));
                        }
                        match row.is_empty() {
                            true => {
                                self.reject(|| format!("table {name}, row {n}"), "no digest in the columns named after digests")
                            }
                            false => self.row(&row)?,
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

/// Whether a text begins as a script for a database.
fn is_sql(line: &[u8]) -> bool {
    let starts = |word: &[u8]| line.get(..word.len()).is_some_and(|l| l.eq_ignore_ascii_case(word));
    [&b"INSERT INTO"[..], b"CREATE TABLE", b"BEGIN TRANSACTION", b"BEGIN;", b"PRAGMA ", b"DELETE FROM", b"DROP ", b"UPDATE "]
        .iter()
        .any(|w| starts(w))
}

/// Digests what passes.
struct HashedReader {
    file: File,
    hasher: Sha256,
}

impl Read for HashedReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read(buf)?;
        self.hasher.update(buf.get(..n).unwrap_or_default());
        Ok(n)
    }
}

/// Lines of a text in UTF-8 or any encoding that holds ASCII, or in UTF-16 with its mark. No line takes more
/// than [`MAX_LINE`]: the rest of it is dropped.
struct Lines<'r> {
    source: &'r mut dyn Read,
    block: Vec<u8>,
    from: usize,
    end: usize,
    line: Vec<u8>,
    number: u64,
    /// Offset in a pair of the byte that carries ASCII.
    utf16: Option<usize>,
    odd: Option<u8>,
    /// The last line ended with CR; a LF behind it belongs to that end.
    cr: bool,
}

impl<'r> Lines<'r> {
    fn new(source: &'r mut dyn Read) -> io::Result<Self> {
        let mut lines = Self {
            source,
            block: vec![0; BLOCK],
            from: 0,
            end: 0,
            line: Vec::new(),
            number: 0,
            utf16: None,
            odd: None,
            cr: false,
        };
        lines.fill()?;
        let (mark, utf16) = match lines.block.get(..lines.end).unwrap_or_default() {
            [0xef, 0xbb, 0xbf, ..] => (3, None),
            [0xff, 0xfe, ..] => (2, Some(0)),
            [0xfe, 0xff, ..] => (2, Some(1)),
            _ => (0, None),
        };
        lines.from = mark;
        if utf16.is_some() {
            lines.utf16 = utf16;
            lines.narrow();
        }
        Ok(lines)
    }

    /// Reads the next block; `false` at the end.
    fn fill(&mut self) -> io::Result<bool> {
        self.from = 0;
        self.end = loop {
            match self.source.read(&mut self.block) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        let more = self.end > 0;
        if self.utf16.is_some() {
            self.narrow();
        }
        Ok(more)
    }

    /// Turns UTF-16 into bytes in place: ASCII as it is, all others into a question mark.
    fn narrow(&mut self) {
        let Some(carrier) = self.utf16 else { return };
        let taken: Vec<u8> =
            self.odd.take().into_iter().chain(self.block.get(self.from..self.end).unwrap_or_default().iter().copied()).collect();
        let (pairs, rest) = taken.as_chunks::<2>();
        self.odd = rest.first().copied();
        self.from = 0;
        self.end = pairs.len();
        for (out, pair) in self.block.iter_mut().zip(pairs) {
            let (low, high) = if carrier == 0 { (pair[0], pair[1]) } else { (pair[1], pair[0]) };
            *out = if high == 0 && low.is_ascii() { low } else { b'?' };
        }
    }

    /// The next line without its end and outer blanks. The borrow ends before the next call.
    fn next(&mut self) -> io::Result<Option<&[u8]>> {
        self.line.clear();
        self.number += 1;
        loop {
            let block = self.block.get(self.from..self.end).unwrap_or_default();
            if block.is_empty() {
                if !self.fill()? {
                    let last = self.line.trim_ascii();
                    return Ok((!self.line.is_empty()).then_some(last));
                }
                continue;
            }
            if std::mem::take(&mut self.cr) && block.first() == Some(&b'\n') {
                self.from += 1;
                continue;
            }
            let at = memchr::memchr2(b'\n', b'\r', block);
            self.cr = at.is_some_and(|at| block.get(at) == Some(&b'\r'));
            let part = block.get(..at.unwrap_or(block.len())).unwrap_or_default();
            match at {
                // The usual case: the line lies in the block.
                Some(at) if self.line.is_empty() => {
                    let from = self.from;
                    self.from += at + 1;
                    let line = self.block.get(from..from + at.min(MAX_LINE)).unwrap_or_default();
                    return Ok(Some(line.trim_ascii()));
                }
                _ => {
                    let room = MAX_LINE.saturating_sub(self.line.len());
                    self.line.extend_from_slice(part.get(..part.len().min(room)).unwrap_or_default());
                    self.from += part.len() + usize::from(at.is_some());
                    if at.is_some() {
                        return Ok(Some(self.line.trim_ascii()));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[u8]) -> Vec<String> {
        let mut source = text;
        let mut lines = Lines::new(&mut source).unwrap();
        let mut out = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            out.push(String::from_utf8_lossy(line).into_owned());
        }
        out
    }

    #[test]
    fn ends_and_encodings() {
        assert_eq!(lines(b"a\nb \n\n c"), ["a", "b", "", "c"]);
        assert_eq!(lines(b"\xef\xbb\xbfa\r\n\r\nb\rc\r\n"), ["a", "", "b", "c"]);
        let wide = |big: bool| -> Vec<u8> {
            "\u{feff}ab\ncé".encode_utf16().flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() }).collect()
        };
        assert_eq!(lines(&wide(false)), ["ab", "c?"]);
        assert_eq!(lines(&wide(true)), ["ab", "c?"]);
        assert!(lines(b"").is_empty());
    }

    #[test]
    fn a_long_line_is_cut_and_does_not_hide_the_next() {
        let text = [vec![b'x'; 3 * BLOCK], b"\nnext".to_vec()].concat();
        let got = lines(&text);
        assert_eq!(got.iter().map(String::len).collect::<Vec<_>>(), [MAX_LINE, 4]);
    }
}
