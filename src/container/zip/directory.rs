//! The end of a zip: end-of-central-directory record, its zip64 form, and where the directory really lies.

use std::io;

use super::entry::{u16_at, u32_at, u64_at};
use crate::container::read::read_at;
use crate::container::{ReadSeek, gap_of};
use crate::model::GapReason;

/// Bytes that are searched from the end; the second only where the first gave nothing.
const TAILS: [u64; 2] = [(64 << 10) + 22, 1 << 20];

/// End records that are tried; a file can be filled with them.
const CANDIDATES: usize = 64;

/// Where a directory is and what it says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct End {
    /// First byte of the directory in this file.
    pub start: u64,
    /// The record behind the directory.
    pub limit: u64,
    /// First byte behind the whole end record with its comment.
    pub end: u64,
    /// To be added to every stored offset: bytes before the archive; below 0 where a front part is missing.
    pub shift: i128,
    pub entries: u64,
    /// Whether `entries` is exact; the 16-bit count only tells the remainder.
    pub exact: bool,
    /// Number of this volume.
    pub disk: u32,
    /// Directory encryption was used: not even names can be read.
    pub hidden: bool,
    /// An earlier valid end record counts this one as its comment.
    pub ambiguous: bool,
}

/// Whether bytes from the end of a file of `size` bytes hold an end record with a directory before it, as far
/// as these bytes show.
pub(super) fn in_tail(tail: &[u8], size: u64) -> bool {
    let first = size.saturating_sub(tail.len() as u64);
    memchr::memmem::rfind_iter(tail, b"PK\x05\x06").take(CANDIDATES).any(|at| {
        let record = &tail[at..];
        let (Some(entries), Some(length), Some(comment)) = (u16_at(record, 10), u32_at(record, 12), u16_at(record, 20)) else {
            return false;
        };
        // A comment that is cut off hides nothing from others; then the directory itself must be seen.
        let whole = record.len() >= 22 + usize::from(comment);
        if at.checked_sub(20).is_some_and(|locator| tail[locator..].starts_with(b"PK\x06\x07")) {
            return true;
        }
        let length = u64::from(length);
        let Some(start) = first.saturating_add(at as u64).checked_sub(length) else { return false };
        let signed = match start.checked_sub(first).and_then(|start| tail.get(usize::try_from(start).ok()?..)) {
            Some(directory) => directory.starts_with(b"PK\x01\x02"),
            None => whole,
        };
        entries > 0 && length >= u64::from(entries) * 46 && signed
    })
}

/// The number of the volume, where the last end record says that it is not the only one. Its directory may begin in
/// another one (APPNOTE §4.4.19; the number in the zip64 record where the field is full).
pub(super) fn disk(input: &mut dyn ReadSeek, size: u64) -> io::Result<Option<u32>> {
    let start = size.saturating_sub(TAILS[0]);
    let bytes = read_at(input, start, usize::try_from(size - start).unwrap_or(usize::MAX))?;
    let whole = |at: &usize| u16_at(&bytes, at.saturating_add(20)).is_some_and(|n| *at + 22 + usize::from(n) <= bytes.len());
    let Some(at) = memchr::memmem::rfind_iter(&bytes, b"PK\x05\x06").take(CANDIDATES).find(whole) else { return Ok(None) };
    let narrow = u16_at(&bytes, at + 4).map(u32::from);
    // The locator counts volumes, this one included.
    let locator = at.checked_sub(20).and_then(|at| bytes.get(at..)).filter(|b| b.starts_with(b"PK\x06\x07"));
    let wide = locator.and_then(|b| u32_at(b, 16)).and_then(|count| count.checked_sub(1));
    Ok(match narrow {
        Some(0xffff) => wide,
        narrow => narrow,
    }
    .filter(|disk| *disk > 0))
}

/// Finds the last end record that leads to a directory, in what lies from `floor` on.
pub(super) fn find(input: &mut dyn ReadSeek, floor: u64, size: u64) -> io::Result<Option<End>> {
    for tail in TAILS {
        let start = size.saturating_sub(tail).max(floor);
        let bytes = read_at(input, start, usize::try_from(size - start).unwrap_or(usize::MAX))?;
        let mut found: Option<(u64, End)> = None;
        for at in memchr::memmem::rfind_iter(&bytes, b"PK\x05\x06").take(CANDIDATES) {
            let position = start.saturating_add(at as u64);
            let Some(end) = check(input, &bytes[at..], position, size)? else { continue };
            match &mut found {
                None => found = Some((position, end)),
                // One whose comment covers the chosen one: two readers can see two archives.
                Some((chosen, first)) => first.ambiguous |= end.end > *chosen && end.start != first.start,
            }
        }
        if found.is_some() || start == floor {
            return Ok(found.map(|(_, end)| end));
        }
    }
    Ok(None)
}

/// One candidate at `position`.
fn check(input: &mut dyn ReadSeek, record: &[u8], position: u64, size: u64) -> io::Result<Option<End>> {
    let field = |at| u32_at(record, at).map(u64::from);
    let (Some(disk), Some(count), Some(length), Some(offset), Some(comment)) =
        (u16_at(record, 4), u16_at(record, 10), field(12), field(16), u16_at(record, 20))
    else {
        return Ok(None);
    };
    let comment_end = position.saturating_add(22).saturating_add(u64::from(comment)).min(size);
    let plain = Claim { position, entries: u64::from(count), disk: u32::from(disk), length, offset, exact: false, hidden: false };
    // A reader may go by either record, so an archive whose two records differ is ambiguous.
    let wide = match zip64(input, position)? {
        Some(claim) => claim.place(input, comment_end)?,
        None => None,
    };
    let narrow = plain.place(input, comment_end)?;
    Ok(match (wide, narrow) {
        (Some(mut wide), Some(narrow)) if narrow.entries > 0 => {
            wide.ambiguous = wide.start != narrow.start;
            Some(wide)
        }
        (wide, narrow) => wide.or(narrow),
    })
}

/// What an end record says of the directory.
struct Claim {
    position: u64,
    entries: u64,
    disk: u32,
    length: u64,
    offset: u64,
    exact: bool,
    hidden: bool,
}

impl Claim {
    /// Looks for the directory where this says it is.
    fn place(&self, input: &mut dyn ReadSeek, end: u64) -> io::Result<Option<End>> {
        let found = |start: u64, shift: i128| End {
            start,
            limit: self.position,
            end,
            shift,
            entries: self.entries,
            exact: self.exact,
            disk: self.disk,
            hidden: self.hidden,
            ambiguous: false,
        };
        if self.entries == 0 && self.length == 0 {
            return Ok(Some(found(self.position, 0)));
        }
        // Directly before the end record, wherever the stored offset points (bytes in front of the archive).
        if let Some(start) = self.position.checked_sub(self.length)
            && (self.hidden || starts_directory(input, start)?)
        {
            return Ok(Some(found(start, i128::from(start) - i128::from(self.offset))));
        }
        // Where the offset points (bytes between directory and end record).
        if self.offset < self.position && starts_directory(input, self.offset)? {
            return Ok(Some(found(self.offset, 0)));
        }
        Ok(None)
    }
}

/// The same as `read_at`; nothing where a volume is missing.
fn present(input: &mut dyn ReadSeek, at: u64, length: usize) -> io::Result<Vec<u8>> {
    match read_at(input, at, length) {
        Err(e) if gap_of(&e) == Some(GapReason::MissingVolume) => Ok(Vec::new()),
        read => read,
    }
}

fn starts_directory(input: &mut dyn ReadSeek, at: u64) -> io::Result<bool> {
    Ok(present(input, at, 4)? == b"PK\x01\x02")
}

/// The zip64 record that the locator before `position` leads to (APPNOTE §4.3.14, §4.3.15).
fn zip64(input: &mut dyn ReadSeek, position: u64) -> io::Result<Option<Claim>> {
    let Some(at) = position.checked_sub(20) else { return Ok(None) };
    let locator = present(input, at, 20)?;
    if !locator.starts_with(b"PK\x06\x07") {
        return Ok(None);
    }
    // Stored offset first; directly before the locator where bytes stand in front of the archive.
    for at in [u64_at(&locator, 8), at.checked_sub(56)].into_iter().flatten().filter(|record| *record < at) {
        let record = present(input, at, 84)?;
        if !record.starts_with(b"PK\x06\x06") {
            continue;
        }
        let fields = || {
            Some(Claim {
                position: at,
                exact: true,
                disk: u32_at(&record, 16)?,
                entries: u64_at(&record, 32)?,
                length: u64_at(&record, 40)?,
                offset: u64_at(&record, 48)?,
                // Version 2 carries the algorithm that encrypts the directory.
                hidden: u64_at(&record, 4)? > 44 && u16_at(&record, 14)? >= 62 && u16_at(&record, 72).is_some_and(|id| id != 0),
            })
        };
        return Ok(fields());
    }
    Ok(None)
}
