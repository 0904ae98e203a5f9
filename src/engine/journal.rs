//! The journal: append-only JSON lines, each holding the SHA-256 of the line before it.
//!
//! It is written while the scan runs and synced in batches, so that nothing found is lost whatever ends the
//! process. The inventory is made from it. Resuming reads the same lines.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::time::{Duration, Instant};

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::model::text::hex;

/// Before the first line.
const GENESIS: [u8; 32] = [0; 32];
/// Between two syncs to the disk, at most.
const SYNC_EVERY: Duration = Duration::from_secs(2);

/// Where a line's data lies in the journal file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    pub offset: u64,
    pub len: u32,
}

/// The open journal of a run.
pub struct Journal {
    out: BufWriter<File>,
    at: u64,
    seq: u64,
    prev: [u8; 32],
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
            synced: Instant::now(),
            line: Vec::new(),
        }
    }

    /// Appends one record; gives where its `data` lies.
    pub fn append(&mut self, kind: &str, data: &impl Serialize) -> io::Result<Span> {
        self.line.clear();
        write!(self.line, r#"{{"seq":{},"prev":"{}","kind":"{kind}","data":"#, self.seq, hex(&self.prev))?;
        let start = self.line.len();
        serde_json::to_writer(&mut self.line, data)?;
        let span = Span {
            offset: self.at + start as u64,
            len: u32::try_from(self.line.len() - start).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?,
        };
        self.line.extend_from_slice(b"}\n");
        self.out.write_all(&self.line)?;
        self.prev = Sha256::digest(&self.line).into();
        self.at += self.line.len() as u64;
        self.seq += 1;
        Ok(span)
    }

    /// Called between batches: syncs when it is time.
    pub fn tick(&mut self) -> io::Result<()> {
        if self.synced.elapsed() >= SYNC_EVERY {
            self.sync()?;
        }
        Ok(())
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
}

/// Reads data of lines back, by span.
pub struct JournalReader {
    file: BufReader<File>,
    at: u64,
}

impl JournalReader {
    pub fn new(file: File) -> Self {
        Self { file: BufReader::with_capacity(64 << 10, file), at: 0 }
    }

    /// The data's JSON bytes.
    pub fn get(&mut self, span: Span) -> io::Result<Vec<u8>> {
        let step = i64::try_from(span.offset).unwrap_or(i64::MAX) - i64::try_from(self.at).unwrap_or(i64::MAX);
        // Within the buffer where rows lie close together, as they mostly do.
        self.file.seek_relative(step)?;
        self.at = span.offset;
        let mut data = vec![0; span.len as usize];
        if let Err(e) = self.file.read_exact(&mut data) {
            self.at = self.file.stream_position()?;
            return Err(e);
        }
        self.at = span.offset + u64::from(span.len);
        Ok(data)
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
        let mut reader = JournalReader::new(File::open(&path).unwrap());
        assert_eq!(reader.get(b).unwrap(), b"\"two\"");
        assert_eq!(reader.get(a).unwrap(), b"{\"n\":1}");
    }
}
