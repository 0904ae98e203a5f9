//! What resuming reads: a private log beside the journal, removed when the case is sealed.
//!
//! The journal is for people and for a court: names of patients are masked in it and tokens are never in it, so a
//! run can't be continued from it. This log holds the records themselves. Each frame is `length, CRC-32, payload`
//! (both little endian, CRC-32 of IEEE 802.3); whatever follows the last whole frame is torn and set aside. An
//! outermost object is done when its `Done` frame is there and the journal reaches as far as that frame says.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};

use borsh::{BorshDeserialize, BorshSerialize};

use super::journal::{Position, Span};
use super::{Batch, Record};
use crate::model::{Kind, Locator, Object};

/// Bytes of records after which a frame ends: batches of archives can be larger than memory should hold twice.
const PART: usize = 256 << 10;
/// A frame is never larger than this; a length above it is damage.
const MAX_FRAME: u32 = 1 << 30;

/// How a scan was asked for. `--resume` needs nothing else.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Start {
    /// The command line, as the operating system encodes it (WTF-8 on Windows).
    pub arguments: Vec<Vec<u8>>,
    /// The folder it was given in.
    pub folder: Vec<u8>,
    pub run_id: String,
    /// RFC 3339, UTC.
    pub started: String,
    /// Decides which unchanged files are read again.
    pub seed: [u8; 16],
    /// Whether the case folder was made for this scan, rather than found empty.
    pub made: bool,
}

/// An outermost object's name in this log and in the table of what is in flight.
pub type ObjectKey = [u8; 16];

/// The first half of the SHA-256 of a locator's bytes.
pub fn key_of(locator: &Locator) -> ObjectKey {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(locator.sort_key());
    let mut key = ObjectKey::default();
    key.copy_from_slice(&digest[..16]);
    key
}

/// A process that died while it was on something.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Death {
    /// `SIGSEGV`, `exit code 101`, `hung`.
    pub how: String,
    /// What was in flight.
    pub suspects: Vec<ObjectKey>,
    /// It was alone when the process died: it is not tried again.
    pub culprit: Option<ObjectKey>,
}

/// One frame, but for the records of objects, which come in parts before their `Done`.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Frame {
    Start(Start),
    /// What the findings depend on: another plan can't continue this scan.
    Plan {
        options_sha256: String,
        tool: String,
    },
    /// Records of the object that the next `Done` names; `Part` bytes follow in the same frame.
    Part,
    Done {
        key: ObjectKey,
        journal: Position,
    },
    Death(Death),
    /// Everything is written; what is left is to remove this log.
    Sealed,
}

/// Whether a log ends with [`Frame::Sealed`].
pub fn ends_sealed(file: &mut File) -> bool {
    let mut sealed = StateLog { out: BufWriter::new(Vec::new()), frame: Vec::new() };
    let mut tail = Vec::new();
    let read = || -> io::Result<bool> {
        sealed.append(&Frame::Sealed)?;
        let frame = sealed.out.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.seek(SeekFrom::End(-(frame.len() as i64)))?;
        file.read_to_end(&mut tail)?;
        Ok(tail == frame)
    };
    read().unwrap_or(false)
}

/// The log of a run that can be continued.
pub struct StateLog<W: Write = File> {
    out: BufWriter<W>,
    frame: Vec<u8>,
}

impl StateLog {
    /// Everything appended survives this process.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Everything appended is on the disk.
    pub fn sync(&mut self) -> io::Result<()> {
        self.out.flush()?;
        self.out.get_ref().sync_data()
    }
}

impl<W: Write> StateLog<W> {
    /// Appends to `file`, which stands at its end.
    pub fn new(file: W) -> Self {
        Self { out: BufWriter::with_capacity(256 << 10, file), frame: Vec::new() }
    }

    pub fn append(&mut self, frame: &Frame) -> io::Result<()> {
        self.frame.clear();
        frame.serialize(&mut self.frame)?;
        self.write()
    }

    /// Appends all records of an outermost object. `spans` are the places of its inventory rows in the journal, in
    /// the order of the records that have one.
    pub fn batch(&mut self, key: ObjectKey, batch: &Batch, spans: &[Span], journal: Position) -> io::Result<()> {
        let mut spans = spans.iter();
        let (mut own, mut records, mut count) = (Vec::new(), Vec::new(), 0_u32);
        for (n, record) in batch.iter().enumerate() {
            record.serialize(&mut records)?;
            count += 1;
            if has_row(record) {
                own.extend(spans.next().copied());
            }
            if records.len() >= PART || n + 1 == batch.len() {
                self.frame.clear();
                Frame::Part.serialize(&mut self.frame)?;
                own.serialize(&mut self.frame)?;
                count.serialize(&mut self.frame)?;
                self.frame.extend_from_slice(&records);
                self.write()?;
                own.clear();
                records.clear();
                count = 0;
            }
        }
        self.append(&Frame::Done { key, journal })
    }

    fn write(&mut self) -> io::Result<()> {
        let len = u32::try_from(self.frame.len()).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
        self.out.write_all(&len.to_le_bytes())?;
        self.out.write_all(&crc32fast::hash(&self.frame).to_le_bytes())?;
        self.out.write_all(&self.frame)
    }
}

/// Whether a record's inventory row is written as soon as it comes.
pub fn has_row(record: &Record) -> bool {
    matches!(record, Record::Object(object) if !waits(object))
}

/// Folders and further names of files: what they hold is only known when all of it was read.
pub fn waits(object: &Object) -> bool {
    object.kind == Kind::Dir || object.hard_link_to.is_some()
}

/// One step of reading a log back.
pub enum Step {
    Frame(Frame),
    /// Records, and the places of their rows.
    Part(Vec<Record>, Vec<Span>),
}

/// Reads a log from its beginning.
pub struct StateReader {
    from: BufReader<File>,
    /// Bytes of whole frames that were read.
    at: u64,
}

impl StateReader {
    pub fn new(mut file: File) -> io::Result<Self> {
        file.seek(SeekFrom::Start(0))?;
        Ok(Self { from: BufReader::with_capacity(256 << 10, file), at: 0 })
    }

    /// Bytes up to the end of the last whole frame.
    pub fn whole(&self) -> u64 {
        self.at
    }

    /// The next frame; `None` at the end or where the log is torn.
    pub fn step(&mut self) -> Option<Step> {
        let mut head = [0; 8];
        self.from.read_exact(&mut head).ok()?;
        let (len, crc) = head.split_at(4);
        let len = u32::from_le_bytes(len.try_into().ok()?);
        let crc = u32::from_le_bytes(crc.try_into().ok()?);
        if len > MAX_FRAME {
            return None;
        }
        let mut payload = Vec::new();
        (&mut self.from).take(u64::from(len)).read_to_end(&mut payload).ok()?;
        if payload.len() != len as usize || crc32fast::hash(&payload) != crc {
            return None;
        }
        let rest = &mut payload.as_slice();
        let read = match Frame::deserialize(rest).ok()? {
            Frame::Part => {
                let spans = Vec::deserialize(rest).ok()?;
                Step::Part(Vec::deserialize(rest).ok()?, spans)
            }
            frame => Step::Frame(frame),
        };
        self.at += 8 + u64::from(len);
        Some(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Disposition, Gap, GapReason, Meta, Stage};

    fn batch(path: &str, members: u32) -> Batch {
        let outer = Locator::os(path);
        let mut batch: Batch = (0..members)
            .map(|i| Record::Object(Box::new(Object::new(outer.member("m", i), Kind::Member, Meta::default()))))
            .collect();
        batch.push(Record::Gap(Gap::new(&outer, Stage::Read, GapReason::IoError, "x")));
        let object = Object { disposition: Disposition::Partial, ..Object::new(outer, Kind::File, Meta::default()) };
        batch.push(Record::Object(Box::new(object)));
        batch
    }

    fn spans(batch: &Batch) -> Vec<Span> {
        (0..batch.iter().filter(|r| has_row(r)).count() as u64).map(|offset| Span { offset, len: 1, crc32: 0 }).collect()
    }

    fn written() -> (tempfile::NamedTempFile, u64) {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut log = StateLog::new(file.reopen().unwrap());
        for (path, members) in [("/a", 3), ("/b", 1500)] {
            let batch = batch(path, members);
            log.batch(key_of(&Locator::os(path)), &batch, &spans(&batch), Position::START).unwrap();
        }
        log.sync().unwrap();
        let len = file.as_file().metadata().unwrap().len();
        (file, len)
    }

    #[test]
    fn records_come_back_with_their_places() {
        let (file, len) = written();
        let mut reader = StateReader::new(file.reopen().unwrap()).unwrap();
        let (mut records, mut places, mut done) = (0, Vec::new(), Vec::new());
        while let Some(step) = reader.step() {
            match step {
                Step::Part(part, spans) => {
                    assert_eq!(spans.len(), part.iter().filter(|r| has_row(r)).count());
                    records += part.len();
                    places.extend(spans.iter().map(|s| s.offset));
                }
                Step::Frame(Frame::Done { key, .. }) => done.push(key),
                Step::Frame(other) => panic!("{other:?}"),
            }
        }
        assert_eq!(records, 3 + 2 + 1500 + 2);
        assert_eq!(places, (0..4).chain(0..1501).collect::<Vec<u64>>());
        assert_eq!(done, [key_of(&Locator::os("/a")), key_of(&Locator::os("/b"))]);
        assert_eq!(reader.whole(), len);
    }

    #[test]
    fn the_seal_is_seen_at_the_end() {
        let (file, _) = written();
        let mut end = file.reopen().unwrap();
        assert!(!ends_sealed(&mut end));
        end.seek(SeekFrom::End(0)).unwrap();
        let mut log = StateLog::new(end);
        log.append(&Frame::Sealed).unwrap();
        log.sync().unwrap();
        assert!(ends_sealed(&mut file.reopen().unwrap()));
    }

    #[test]
    fn a_torn_or_changed_frame_ends_the_log() {
        let (file, len) = written();
        for cut in [1, 7, 8, 9, len / 2, len - 1] {
            let copy = tempfile::NamedTempFile::new().unwrap();
            std::fs::copy(file.path(), copy.path()).unwrap();
            copy.as_file().set_len(cut).unwrap();
            let mut reader = StateReader::new(copy.reopen().unwrap()).unwrap();
            while reader.step().is_some() {}
            assert!(reader.whole() < cut.max(1), "{cut}");
        }
        let mut bytes = std::fs::read(file.path()).unwrap();
        bytes[20] ^= 1;
        std::fs::write(file.path(), bytes).unwrap();
        let mut reader = StateReader::new(file.reopen().unwrap()).unwrap();
        assert!(reader.step().is_none());
        assert_eq!(reader.whole(), 0);
    }
}
