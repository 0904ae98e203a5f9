//! The journal: append-only JSON lines, each holding the SHA-256 of the line before it.
//!
//! It is written while the scan runs and synced in batches, so that nothing found is lost whatever ends the
//! process. The inventory is made from it. Resuming reads the same lines.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::time::{Duration, Instant};

use borsh::{BorshDeserialize, BorshSerialize};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::model::text::hex;
use crate::report::{Chain, chain, hash_all};

/// Before the first line.
const GENESIS: [u8; 32] = [0; 32];
/// Between two syncs to the disk, at most.
const SYNC_EVERY: Duration = Duration::from_secs(2);

/// Where a line's data lies in the journal file, and its CRC-32 (IEEE 802.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct Span {
    pub offset: u64,
    pub len: u32,
    pub crc32: u32,
}

/// A point between two lines of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Position {
    /// Bytes before it.
    pub at: u64,
    /// Lines before it.
    pub seq: u64,
    /// SHA-256 of the line before it.
    pub prev: [u8; 32],
}

impl Position {
    pub const START: Self = Self { at: 0, seq: 0, prev: GENESIS };
}

/// The open journal of a run.
pub struct Journal {
    out: BufWriter<File>,
    at: u64,
    seq: u64,
    prev: [u8; 32],
    /// Of the whole file.
    whole: Sha256,
    synced: Instant,
    line: Vec<u8>,
}

impl Journal {
    pub fn new(file: File) -> Self {
        Self {
            out: BufWriter::with_capacity(256 << 10, file),
            at: 0,
            seq: 0,
            prev: GENESIS,
            whole: Sha256::new(),
            synced: Instant::now(),
            line: Vec::new(),
        }
    }

    /// Goes on behind the last line that is whole and chained. Gives what stands behind that, to be set aside.
    ///
    /// # Errors
    /// When the file can't be read or cut.
    pub fn continued(mut file: File) -> io::Result<(Self, Vec<u8>)> {
        file.seek(SeekFrom::Start(0))?;
        let Chain { lines, bytes, head, .. } = chain(&file)?;
        let end = Position { at: bytes, seq: lines, prev: head };
        let mut torn = Vec::new();
        file.seek(SeekFrom::Start(end.at))?;
        (&mut file).take(MAX_TORN).read_to_end(&mut torn)?;
        if !torn.is_empty() {
            file.set_len(end.at)?;
        }
        file.seek(SeekFrom::Start(0))?;
        let mut whole = Sha256::new();
        hash_all(&mut (&mut file).take(end.at), &mut whole)?;
        Ok((Self { at: end.at, seq: end.seq, prev: end.prev, whole, ..Self::new(file) }, torn))
    }

    /// Behind the last line that was appended.
    pub fn position(&self) -> Position {
        Position { at: self.at, seq: self.seq, prev: self.prev }
    }

    /// Appends one record; gives where its `data` lies.
    pub fn append(&mut self, kind: &str, data: &impl Serialize) -> io::Result<Span> {
        self.line.clear();
        write!(self.line, r#"{{"seq":{},"prev":"{}","kind":"{kind}","data":"#, self.seq, hex(&self.prev))?;
        let start = self.line.len();
        serde_json::to_writer(&mut self.line, data)?;
        let written = self.line.get(start..).unwrap_or_default();
        let span = Span {
            offset: self.at + start as u64,
            len: u32::try_from(written.len()).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?,
            crc32: crc32fast::hash(written),
        };
        self.line.extend_from_slice(b"}\n");
        self.out.write_all(&self.line)?;
        self.prev = Sha256::digest(&self.line).into();
        self.whole.update(&self.line);
        self.at += self.line.len() as u64;
        self.seq += 1;
        Ok(span)
    }

    /// Called between batches: syncs when it is time, and says whether it was.
    pub fn tick(&mut self) -> io::Result<bool> {
        let due = self.synced.elapsed() >= SYNC_EVERY;
        if due {
            self.sync()?;
        }
        Ok(due)
    }

    /// Everything appended is on the disk.
    pub fn sync(&mut self) -> io::Result<()> {
        self.out.flush()?;
        self.out.get_ref().sync_data()?;
        self.synced = Instant::now();
        Ok(())
    }

    /// SHA-256 of the last line.
    pub fn head(&self) -> String {
        hex(&self.prev)
    }

    /// SHA-256 of all lines together, hexadecimal: what the file has to hold in the end.
    pub fn sha256(&self) -> String {
        hex(&self.whole.clone().finalize())
    }
}

/// Bytes of a torn tail that are kept; one line is far shorter.
const MAX_TORN: u64 = 16 << 20;

/// Reads data of lines back, by span.
pub struct JournalReader {
    file: BufReader<File>,
    at: u64,
    data: Vec<u8>,
}

impl JournalReader {
    pub fn new(file: File) -> Self {
        Self { file: BufReader::with_capacity(64 << 10, file), at: 0, data: Vec::new() }
    }

    /// The data's JSON bytes.
    ///
    /// # Errors
    /// When they can't be read, or are not what was written.
    pub fn get(&mut self, span: Span) -> io::Result<&[u8]> {
        let step = i64::try_from(span.offset).unwrap_or(i64::MAX) - i64::try_from(self.at).unwrap_or(i64::MAX);
        // Within the buffer where rows lie close together, as they mostly do.
        self.file.seek_relative(step)?;
        self.at = span.offset;
        self.data.resize(span.len as usize, 0);
        if let Err(e) = self.file.read_exact(&mut self.data) {
            self.at = self.file.stream_position()?;
            return Err(e);
        }
        self.at = span.offset + u64::from(span.len);
        if crc32fast::hash(&self.data) != span.crc32 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a line of the journal is not what was written"));
        }
        Ok(&self.data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_chained_and_spans_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("j");
        let mut journal = Journal::new(File::create(&path).unwrap());
        let a = journal.append("x", &serde_json::json!({"n": 1})).unwrap();
        let b = journal.append("x", &serde_json::json!("two")).unwrap();
        journal.sync().unwrap();
        let text = std::fs::read(&path).unwrap();
        let mut prev = hex(&GENESIS);
        for line in text.split_inclusive(|c| *c == b'\n') {
            let value: serde_json::Value = serde_json::from_slice(line).unwrap();
            assert_eq!(value["prev"], prev);
            prev = hex(&Sha256::digest(line));
        }
        assert_eq!(journal.head(), prev);
        assert_eq!(journal.sha256(), hex(&Sha256::digest(&text)));
        let file = File::options().read(true).append(true).open(&path).unwrap();
        (&file).write_all(br#"{"seq":2,"prev":"torn"#).unwrap();
        let (continued, torn) = Journal::continued(file).unwrap();
        assert_eq!((continued.position(), continued.sha256()), (journal.position(), journal.sha256()));
        assert_eq!(torn, br#"{"seq":2,"prev":"torn"#);
        assert_eq!(std::fs::metadata(&path).unwrap().len(), continued.position().at);
        let mut reader = JournalReader::new(File::open(&path).unwrap());
        assert_eq!(reader.get(b).unwrap(), b"\"two\"");
        assert_eq!(reader.get(a).unwrap(), b"{\"n\":1}");
        assert!(reader.get(Span { crc32: a.crc32 ^ 1, ..a }).is_err());
    }
}
