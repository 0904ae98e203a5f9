//! An open file, read no further than its size at opening, and told when it didn't stand still.

use std::cmp::Ordering;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use super::Content;
use crate::model::Time;

/// Bytes, and when it was last written to.
pub(super) type Seen = (u64, Option<Time>);

pub(super) struct OpenFile {
    file: File,
    at: u64,
    seen: Seen,
    look: fn(&File) -> io::Result<Seen>,
}

impl OpenFile {
    /// `look` is how the system tells size and time of an open file.
    ///
    /// # Errors
    /// As of `look`.
    pub fn new(file: File, look: fn(&File) -> io::Result<Seen>) -> io::Result<Self> {
        let seen = look(&file)?;
        Ok(Self::seen(file, seen, look))
    }

    /// The same for a file that was just looked at.
    pub fn seen(file: File, seen: Seen, look: fn(&File) -> io::Result<Seen>) -> Self {
        Self { file, at: 0, seen, look }
    }
}

impl Read for OpenFile {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let left = self.seen.0.saturating_sub(self.at);
        let want = buf.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        if want == 0 {
            return Ok(0);
        }
        let n = self.file.read(&mut buf[..want])?;
        self.at += n as u64;
        Ok(n)
    }
}

impl Seek for OpenFile {
    fn seek(&mut self, pos: SeekFrom) -> io::Result<u64> {
        let pos = match pos {
            SeekFrom::End(n) => {
                SeekFrom::Start(self.seen.0.checked_add_signed(n).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?)
            }
            other => other,
        };
        self.at = self.file.seek(pos)?;
        Ok(self.at)
    }
}

impl Content for OpenFile {
    fn size(&self) -> u64 {
        self.seen.0
    }

    fn changed(&mut self) -> Option<String> {
        let before = self.seen;
        match (self.look)(&self.file) {
            Ok(now) => match now.0.cmp(&before.0) {
                Ordering::Greater => Some(format!("it grew from {} to {} bytes", before.0, now.0)),
                Ordering::Less => Some(format!("it shrank from {} to {} bytes", before.0, now.0)),
                Ordering::Equal => (now.1 != before.1).then(|| "it was written to".into()),
            },
            Err(e) => Some(e.to_string()),
        }
    }
}
