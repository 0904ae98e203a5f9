//! Where pages come from: a database's bytes, or the newest image of each page in a write-ahead log (section 4).

use std::collections::{BTreeMap, HashSet};
use std::io;

use super::Unread;
use crate::sqlite::{MAGIC, ReadAt, SqliteError};

/// Bytes in front of the first frame of a log, and of each page in it (section 4.1).
const LOG_HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
/// How often a page may be read on average. A table is read once, and once more for each column with documents.
const TIMES: u64 = 24;

/// Whether it is a write-ahead log, of either order of bytes in its checksums.
pub(super) fn is_log(head: &[u8]) -> bool {
    head.starts_with(&[0x37, 0x7f, 0x06, 0x82]) || head.starts_with(&[0x37, 0x7f, 0x06, 0x83])
}

/// Pages at their places in a database.
pub(super) struct Pages<'a> {
    body: &'a [u8],
    /// Of a log: its pages' size and, for each page, where its newest image stands.
    log: Option<(usize, BTreeMap<u32, usize>)>,
    /// Pages of the log that were read.
    seen: HashSet<u32>,
    /// Bytes that may still be read.
    left: u64,
}

impl<'a> Pages<'a> {
    pub fn database(body: &'a [u8]) -> Self {
        Self { body, log: None, seen: HashSet::new(), left: (body.len() as u64).saturating_mul(TIMES) }
    }

    /// Takes the frames that carry the salts of the header; others are left over from before. Checksums are not
    /// asked: a page that was written is data.
    pub fn log(body: &'a [u8]) -> Result<Self, Unread> {
        let size = word(body, 8).filter(|n| n.is_power_of_two() && (512..=65_536).contains(n));
        let size = size.ok_or_else(|| Unread::malformed("its page size is impossible"))? as usize;
        let salts = body.get(16..24);
        let mut images = BTreeMap::new();
        let mut at = LOG_HEADER;
        while let Some(header) = body.get(at..at.saturating_add(FRAME_HEADER)) {
            let image = at.saturating_add(FRAME_HEADER);
            let page = word(header, 0).filter(|p| *p > 0 && header.get(8..16) == salts);
            if let Some(page) = page.filter(|_| body.len() >= image.saturating_add(size)) {
                images.insert(page, image);
            }
            at = image.saturating_add(size);
        }
        let left = (body.len() as u64).saturating_mul(TIMES);
        Ok(Self { body, log: Some((size, images)), seen: HashSet::new(), left })
    }

    /// Pages of rows in a log that were not read yet.
    pub fn strays(&self) -> Vec<u32> {
        let Some((_, images)) = &self.log else { return Vec::new() };
        let leaf = |at: usize| self.body.get(at) == Some(&0x0d);
        images.iter().filter(|(page, at)| !self.seen.contains(page) && leaf(**at)).map(|(page, _)| *page).collect()
    }
}

impl ReadAt for Pages<'_> {
    fn read_exact_at(&mut self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        self.left = self.left.checked_sub(buf.len() as u64).ok_or(io::ErrorKind::QuotaExceeded)?;
        let start = usize::try_from(offset).map_err(|_| io::ErrorKind::UnexpectedEof)?;
        let start = match &self.log {
            None => start,
            Some((size, images)) => {
                let page = u32::try_from(start / size).unwrap_or(u32::MAX).saturating_add(1);
                match images.get(&page) {
                    Some(at) => {
                        self.seen.insert(page);
                        at.saturating_add(start % size)
                    }
                    // The log need not hold the first page: a header and an empty schema take its place.
                    None if page == 1 => return first_page(*size, start, buf),
                    None => return Err(io::ErrorKind::UnexpectedEof.into()),
                }
            }
        };
        let from = self.body.get(start..start.saturating_add(buf.len())).ok_or(io::ErrorKind::UnexpectedEof)?;
        buf.copy_from_slice(from);
        Ok(())
    }

    fn len(&mut self) -> io::Result<u64> {
        Ok(match &self.log {
            None => self.body.len() as u64,
            Some((size, images)) => {
                let last = images.last_key_value().map_or(1, |(page, _)| *page);
                u64::from(last).saturating_mul(*size as u64)
            }
        })
    }
}

fn first_page(size: usize, start: usize, buf: &mut [u8]) -> io::Result<()> {
    let mut page = vec![0; size];
    let stored = u16::try_from(size).unwrap_or(1).to_be_bytes();
    for (to, from) in page.iter_mut().zip(MAGIC.iter().chain(&stored)) {
        *to = *from;
    }
    if let Some(kind) = page.get_mut(100) {
        *kind = 0x0d;
    }
    let from = page.get(start..start.saturating_add(buf.len())).ok_or(io::ErrorKind::UnexpectedEof)?;
    buf.copy_from_slice(from);
    Ok(())
}

/// Whether reading ended because pages were read too often.
pub(super) fn is_exhausted(e: &SqliteError) -> bool {
    matches!(e, SqliteError::Io(e) if e.kind() == io::ErrorKind::QuotaExceeded)
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}
