//! Members of a zip that is held in memory, inflated under one budget.

use std::io::{self, BufReader, Cursor, Read};

use zip::ZipArchive;
use zip::read::ZipFile;
use zip::result::ZipError;

use super::Unread;
use crate::model::GapReason;

/// Members looked at; office documents have some hundreds.
const MAX_MEMBERS: usize = 20_000;
/// Inflated bytes of all members together.
const MAX_BYTES: u64 = 512 << 20;
/// Bytes of markup without a tag's beginning: readers hold them at once.
const MAX_RUN: usize = 16 << 20;
/// Bytes of a member that is held whole.
const MAX_HELD: u64 = 128 << 20;

type File<'a, 'b> = ZipFile<'b, Cursor<&'a [u8]>>;

/// See the module.
pub(super) struct Members<'a> {
    zip: ZipArchive<Cursor<&'a [u8]>>,
    names: Vec<String>,
    left: u64,
    fault: Option<Unread>,
}

impl<'a> Members<'a> {
    pub fn open(body: &'a [u8]) -> Result<Self, Unread> {
        let zip = ZipArchive::new(Cursor::new(body)).map_err(|_| Unread::malformed("its zip directory is damaged"))?;
        if zip.len() > MAX_MEMBERS {
            return Err(Unread::new(GapReason::LimitCount, format!("it has more than {MAX_MEMBERS} members")));
        }
        let names = (0..zip.len()).map(|i| zip.name_for_index(i).and_then(Result::ok).unwrap_or_default().into_owned()).collect();
        Ok(Self { zip, names, left: MAX_BYTES, fault: None })
    }

    /// Names in the order of the directory.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Names that begin and end so, in the order of their numbers: `slide2.xml` before `slide10.xml`.
    pub fn between(&self, start: &str, end: &str) -> Vec<String> {
        let fits = |n: &&String| n.starts_with(start) && n.ends_with(end);
        let mut names: Vec<String> = self.names.iter().filter(fits).cloned().collect();
        names.sort_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
        names
    }

    pub fn has(&self, name: &str) -> bool {
        self.names.iter().any(|n| n == name)
    }

    /// A member's content, in pieces. What goes wrong on the way is told by [`Members::why`].
    pub fn stream(&mut self, name: &str) -> Result<BufReader<Metered<'a, '_>>, Unread> {
        let index =
            self.names.iter().position(|n| n == name).ok_or_else(|| Unread::malformed("a member that it names is missing"))?;
        let file = self.zip.by_index(index).map_err(|e| unread(&e))?;
        Ok(BufReader::with_capacity(
            64 << 10,
            Metered { file, left: &mut self.left, fault: &mut self.fault, run: 0, markup: false },
        ))
    }

    /// The same of a member that is XML.
    pub fn markup(&mut self, name: &str) -> Result<BufReader<Metered<'a, '_>>, Unread> {
        let mut stream = self.stream(name)?;
        stream.get_mut().markup = true;
        Ok(stream)
    }

    /// A member's whole content.
    pub fn bytes(&mut self, name: &str) -> Result<Vec<u8>, Unread> {
        let mut out = Vec::new();
        let read = self.stream(name)?.take(MAX_HELD).read_to_end(&mut out);
        if read.is_err() {
            return Err(self.why());
        }
        if out.len() as u64 == MAX_HELD {
            return Err(Unread::new(GapReason::LimitMemory, "a member is longer than 128 MiB"));
        }
        Ok(out)
    }

    /// The reason of the last failure: a limit, or damage.
    pub fn why(&mut self) -> Unread {
        self.fault.take().unwrap_or_else(|| Unread::malformed("a member is damaged"))
    }
}

fn unread(error: &ZipError) -> Unread {
    match error {
        ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) => {
            Unread::new(GapReason::Encrypted, "its members are encrypted")
        }
        ZipError::UnsupportedArchive(_) => Unread::new(GapReason::UnsupportedMethod, "a member's compression is not supported"),
        _ => Unread::malformed("a member is damaged"),
    }
}

/// Counts what a member inflates to, and stops at the budget's end.
pub(super) struct Metered<'a, 'b> {
    file: File<'a, 'b>,
    left: &'b mut u64,
    fault: &'b mut Option<Unread>,
    /// Bytes since the last `<`.
    run: usize,
    markup: bool,
}

impl Read for Metered<'_, '_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read(out)?;
        let bytes = out.get(..n).unwrap_or_default();
        self.run = memchr::memrchr(b'<', bytes).map_or(self.run.saturating_add(n), |at| n.saturating_sub(at));
        let limit = if self.markup && self.run > MAX_RUN {
            Some(Unread::new(GapReason::LimitMemory, "a piece of its text is longer than 16 MiB"))
        } else if n as u64 > *self.left {
            Some(Unread::new(GapReason::LimitSize, "its members inflate to more than 512 MiB"))
        } else {
            None
        };
        *self.left = self.left.saturating_sub(n as u64);
        match limit {
            None => Ok(n),
            Some(limit) => {
                *self.fault = Some(limit);
                Err(io::Error::other("limit"))
            }
        }
    }
}

/// Names in the headers of members that stand in these bytes (APPNOTE §4.3.7: the name's length at 26, the name at 30).
pub(super) fn local_names(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    memchr::memmem::find_iter(bytes, b"PK\x03\x04").map(|at| {
        let header = bytes.get(at..).unwrap_or_default();
        let length = header.get(26..28).and_then(|n| n.first_chunk()).map_or(0, |n| u16::from_le_bytes(*n));
        header.get(30..usize::from(length).saturating_add(30)).unwrap_or_default()
    })
}
