//! 7z: its own start header here, everything behind it by `sevenz-rust2` (7zFormat.txt of the 7-Zip sources).
//!
//! A folder of 7z ("block" in the crate) is one compressed stream that may hold many members: it is decoded once,
//! in its order. The parts of an archive that was cut (`x.7z.001`) are read as one, from the first. Notes: `prefix_data`, `trailing_data`, `anti_item`, `opened_with_password`,
//! `passwords_not_all_tried`.

use std::io::{self, Read, Seek, SeekFrom};
use std::rc::Rc;
use std::sync::LazyLock;

use memchr::memmem::Finder;
use sevenz_rust2::{Archive, Error, Password};

use super::meter::{Fault, Fed, fault_of};
use super::parts::shown;
use super::passwords::Keyring;
use super::set::{self, Joined};
use super::walk::Walk;
use super::{Budget, Container, Expanded, MemberSink, Probe, ReadSeek, overlay};
use crate::model::GapReason;

mod block;
mod facts;
mod header;
#[cfg(test)]
mod tests;

const MAGIC: &[u8] = b"7z\xbc\xaf\x27\x1c";
static FINDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(MAGIC));
/// Signature, version, CRC-32, and offset, size and CRC-32 of the header at the end.
const START: u64 = 32;

pub struct SevenZip;

impl SevenZip {
    /// Where the archive starts: a signature whose header has the CRC-32 that it says.
    pub(super) fn start(probe: &Probe<'_>) -> Option<u64> {
        overlay::find(probe, &FINDER, |bytes| bytes.get(6) == Some(&0) && Start::parse(bytes).is_some_and(|start| start.sound))
    }
}

impl Container for SevenZip {
    fn id(&self) -> &'static str {
        "7z"
    }

    fn probe(&self, probe: &Probe<'_>) -> bool {
        probe.head.starts_with(MAGIC)
    }

    fn expand(&self, probe: &Probe<'_>, input: &mut dyn ReadSeek, budget: &mut Budget, sink: &mut dyn MemberSink) -> Expanded {
        let mut walk = Walk::new(self.id(), budget, sink);
        let base = if self.probe(probe) { 0 } else { Self::start(probe).unwrap_or(0) };
        if base > 0 {
            walk.note("prefix_data");
        }
        let mut keyring = Keyring::default();
        let outcome = cut_off(input, base).and_then(|size| {
            let set = size.and_then(|size| set::numbered(probe, size));
            let mut members = |input: &mut dyn ReadSeek, next: Option<Vec<u8>>| -> Result<(), Fault> {
                let mut source = Source::new(input, base).map_err(|e| fault_of(&e))?;
                let Some((archive, password)) = open(&mut source, next, &mut keyring, &mut walk)? else { return Ok(()) };
                block::all(&archive, password, &mut source, &mut keyring, &mut walk);
                Ok(())
            };
            match set {
                Some(set) => members(&mut Joined::new(input, probe.volumes, set.parts), Some(set.next)),
                None => members(input, None),
            }
        });
        if let Err(fault) = outcome {
            walk.shortfall(fault.reason, fault.detail);
        }
        if keyring.cut() {
            walk.note("passwords_not_all_tried");
        }
        walk.finish()
    }
}

/// What the first 32 bytes say.
struct Start {
    /// Its CRC-32 agrees.
    sound: bool,
    offset: u64,
    size: u64,
    crc: u32,
}

impl Start {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let u32_at = |at: usize| bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes);
        let u64_at = |at: usize| bytes.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes);
        let sound = bytes.starts_with(MAGIC) && u32_at(8)? == crc32fast::hash(bytes.get(12..32)?);
        Some(Self { sound, offset: u64_at(12)?, size: u64_at(20)?, crc: u32_at(28)? })
    }

    /// First byte behind the archive.
    fn end(&self) -> u64 {
        START.saturating_add(self.offset).saturating_add(self.size)
    }
}

/// The bytes that there are, where the archive is longer than they are.
fn cut_off(input: &mut dyn ReadSeek, base: u64) -> Result<Option<u64>, Fault> {
    let mut size = || {
        let mut source = Source::new(input, base)?;
        let mut bytes = Vec::new();
        source.by_ref().take(START).read_to_end(&mut bytes)?;
        let longer = Start::parse(&bytes).is_some_and(|start| start.sound && start.end() > source.length);
        Ok(longer.then_some(source.length.saturating_add(base)))
    };
    size().map_err(|e| fault_of(&e))
}

/// The archive's list, with the password that opened it where that is encrypted. None where there is nothing more
/// to say. `next` is the name of the part that should follow.
fn open(
    source: &mut Source<'_>,
    next: Option<Vec<u8>>,
    keyring: &mut Keyring,
    walk: &mut Walk<'_>,
) -> Result<Option<(Archive, Option<Password>)>, Fault> {
    let mut bytes = Vec::new();
    source.by_ref().take(START).read_to_end(&mut bytes).map_err(|e| fault_of(&e))?;
    let damaged = Fault::new(GapReason::Malformed, "the start header is damaged");
    let start = Start::parse(&bytes).filter(|start| start.sound).ok_or(damaged)?;
    let end = start.end();
    if end > source.length {
        if let Some(next) = next {
            walk.missing([shown(&next)]);
            return Err(Fault::new(GapReason::MissingVolume, "the list of members lies in a part that follows"));
        }
        return Err(Fault::new(GapReason::Malformed, "the archive is cut off; its list of members is missing"));
    }
    if end < source.length {
        walk.note("trailing_data");
    }
    if start.size == 0 {
        return Ok(None);
    }
    let limits = walk.budget().limits;
    let list = match header::decoded(source, &start, &limits, &Password::empty()) {
        Ok(list) => (list, None),
        Err(header::Locked::Encrypted { rounds }) => {
            walk.names_hidden();
            let budget = walk.budget().clone();
            let opened = keyring.unlock(&budget, rounds, |text| {
                let password = Password::from(text);
                let list = header::decoded(source, &start, &limits, &password).ok()?;
                Some((list, Some(password)))
            });
            let Some(opened) = opened else {
                return Err(Fault::new(GapReason::Encrypted, "names and content are encrypted"));
            };
            walk.opened_with_password();
            opened
        }
        Err(header::Locked::Fault(fault)) => return Err(fault),
    };
    let (list, password) = list;
    Ok(Some((header::archive(source, &list, limits.members)?, password)))
}

/// The crate's error, without its words: they may quote the evidence.
fn fault(err: &Error) -> Fault {
    match err {
        Error::PasswordRequired => Fault::new(GapReason::Encrypted, "the member is encrypted"),
        Error::MaxMemLimited { .. } => Fault::new(GapReason::LimitMemory, "the decoder asks for more memory than it may take"),
        Error::UnsupportedCompressionMethod(_) | Error::Unsupported(_) => {
            Fault::new(GapReason::UnsupportedMethod, "the compression method is not supported")
        }
        Error::UnsupportedVersion { .. } | Error::ExternalUnsupported => {
            Fault::new(GapReason::UnsupportedMethod, "the archive uses a form that is not supported")
        }
        Error::Io(e, _) | Error::MaybeBadPassword(e) => match fault_of(e) {
            // What the input itself reports is remembered by it.
            Fault { reason: GapReason::IoError, .. } => Fault::new(GapReason::Malformed, "the data are damaged"),
            fault => fault,
        },
        _ => Fault::new(GapReason::Malformed, "the data are damaged"),
    }
}

/// The archive inside the object, counted as it is read.
pub(super) struct Source<'a> {
    inner: &'a mut dyn ReadSeek,
    /// First byte of the archive.
    base: u64,
    length: u64,
    fed: Rc<Fed>,
}

impl<'a> Source<'a> {
    fn new(inner: &'a mut dyn ReadSeek, base: u64) -> io::Result<Self> {
        let length = inner.seek(SeekFrom::End(0))?.saturating_sub(base);
        inner.seek(SeekFrom::Start(base))?;
        Ok(Self { inner, base, length, fed: Rc::default() })
    }
}

impl Read for Source<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.fed.read(self.inner, buf)
    }
}

impl Seek for Source<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let from = |origin: u64, by: i64| origin.checked_add_signed(by).ok_or(io::ErrorKind::InvalidInput);
        let at = match to {
            SeekFrom::Start(at) => at,
            SeekFrom::End(by) => from(self.length, by)?,
            SeekFrom::Current(by) => from(self.inner.stream_position()?.saturating_sub(self.base), by)?,
        };
        self.inner.seek(SeekFrom::Start(self.base.checked_add(at).ok_or(io::ErrorKind::InvalidInput)?))?;
        Ok(at)
    }
}
