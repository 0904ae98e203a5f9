//! Entries found by their local headers, where no directory lists them.

use std::io;

use super::entry::{DESCRIPTOR, Entry, u32_at, u64_at};
use crate::container::ReadSeek;
use crate::container::read::read_at;

/// Bytes searched at a time; neighbours overlap by [`OVERLAP`].
const WINDOW: usize = 256 << 10;
const OVERLAP: usize = 32;

/// An entry with the offset of its data in the file.
pub(super) struct Carved {
    pub entry: Entry,
    pub header: u64,
    pub data: u64,
}

/// Signatures that turn out to be none, in one container: beyond it the file is made of them.
const FALSE_HEADERS: u32 = 1 << 20;

/// Walks local headers in `[at, end)`.
pub(super) struct Carver {
    at: u64,
    end: u64,
    window: Window,
    false_headers: u32,
}

impl Carver {
    pub(super) fn new(at: u64, end: u64) -> Self {
        Self { at, end, window: Window::default(), false_headers: 0 }
    }

    /// Whether the search was given up.
    pub(super) fn gave_up(&self) -> bool {
        self.false_headers >= FALSE_HEADERS
    }

    /// The next entry; its data end at `end` at the latest.
    pub(super) fn next(&mut self, input: &mut dyn ReadSeek) -> io::Result<Option<Carved>> {
        while !self.gave_up()
            && let Some(header) = self.window.search(input, self.at, self.end, |bytes| bytes.starts_with(b"PK\x03\x04"))?
        {
            self.at = header.saturating_add(4);
            self.false_headers += 1;
            let fixed = read_at(input, header, Entry::LOCAL)?;
            let Some(length) = Entry::local_length(&fixed).filter(|_| plausible(&fixed)) else { continue };
            let data = header.saturating_add(length as u64);
            let Some(mut entry) = Entry::local(&read_at(input, header, length)?).filter(|_| data <= self.end) else { continue };
            self.false_headers -= 1;
            if entry.flags & DESCRIPTOR != 0 && entry.packed == 0 {
                self.at = streamed(&mut self.window, input, &mut entry, data, self.end)?;
            } else {
                self.at = data.saturating_add(entry.packed).min(self.end);
            }
            return Ok(Some(Carved { entry, header, data }));
        }
        Ok(None)
    }
}

/// A version and method that exist, and a name.
fn plausible(fixed: &[u8]) -> bool {
    let version = fixed.get(4).copied().unwrap_or(u8::MAX);
    let method = fixed.get(8..10).and_then(|b| b.try_into().ok()).map_or(u16::MAX, u16::from_le_bytes);
    let name = fixed.get(26..28).and_then(|b| b.try_into().ok()).map_or(0, u16::from_le_bytes);
    version <= 63 && matches!(method, 0..=20 | 93..=99) && (1..=4096).contains(&name)
}

/// Completes an entry whose sizes stand behind its data, and says where the search goes on.
fn streamed(window: &mut Window, input: &mut dyn ReadSeek, entry: &mut Entry, data: u64, end: u64) -> io::Result<u64> {
    let mut from = data;
    while let Some(mark) = window
        .search(input, from, end, |b| [&b"PK\x07\x08"[..], b"PK\x03\x04", b"PK\x01\x02"].iter().any(|sign| b.starts_with(sign)))?
    {
        let distance = mark - data;
        let bytes = read_at(input, mark, 24)?;
        if bytes.starts_with(b"PK\x07\x08") {
            let sizes = match (u32_at(&bytes, 8), u64_at(&bytes, 8), u64_at(&bytes, 16)) {
                (_, Some(packed), Some(size)) if packed == distance => Some((size, 24)),
                (Some(packed), _, _) if u64::from(packed) == distance => u32_at(&bytes, 12).map(|size| (u64::from(size), 16)),
                _ => None,
            };
            if let (Some((size, length)), Some(crc)) = (sizes, u32_at(&bytes, 4)) {
                (entry.packed, entry.size, entry.crc) = (distance, size, crc);
                return Ok(mark.saturating_add(length).min(end));
            }
        } else if !bytes.starts_with(b"PK\x03\x04") || plausible(&read_at(input, mark, Entry::LOCAL)?) {
            // A descriptor without signature ends just before the next header.
            let before = mark.saturating_sub(12).max(data);
            let bytes = read_at(input, before, 12)?;
            if u32_at(&bytes, 4).map(u64::from) == before.checked_sub(data)
                && let (Some(crc), Some(size)) = (u32_at(&bytes, 0), u32_at(&bytes, 8))
            {
                (entry.packed, entry.size, entry.crc) = (before - data, u64::from(size), crc);
                return Ok(mark);
            }
            if entry.method == 8 {
                unknown(entry, distance);
                return Ok(mark);
            }
        }
        from = mark.saturating_add(4);
    }
    unknown(entry, end.saturating_sub(data));
    Ok(end)
}

/// Only the decoder can tell where the content ends.
fn unknown(entry: &mut Entry, packed: u64) {
    entry.packed = packed;
    entry.size = u64::MAX;
}

/// The part of the file that is searched, kept between searches: hits lie close together in hostile files.
#[derive(Default)]
struct Window {
    base: u64,
    bytes: Vec<u8>,
}

impl Window {
    /// First offset in `[at, end)` with a `PK` that `is` accepts.
    fn search(&mut self, input: &mut dyn ReadSeek, at: u64, end: u64, is: impl Fn(&[u8]) -> bool) -> io::Result<Option<u64>> {
        let mut at = at;
        while at < end {
            let held = self.base.saturating_add(self.bytes.len() as u64);
            if at < self.base || (held < end && at.saturating_add(OVERLAP as u64) > held) || at >= held {
                let length = usize::try_from(end - at).unwrap_or(usize::MAX).min(WINDOW);
                self.bytes = read_at(input, at, length)?;
                self.base = at;
            }
            let skip = usize::try_from(at - self.base).unwrap_or(usize::MAX);
            let Some(bytes) = self.bytes.get(skip..).filter(|b| !b.is_empty()) else { return Ok(None) };
            if let Some(hit) = memchr::memmem::find_iter(bytes, b"PK").find(|hit| is(&bytes[*hit..])) {
                return Ok(Some(at.saturating_add(hit as u64)).filter(|hit| *hit < end));
            }
            if bytes.len() <= OVERLAP || self.base.saturating_add(self.bytes.len() as u64) >= end {
                return Ok(None);
            }
            at = at.saturating_add((bytes.len() - OVERLAP) as u64);
        }
        Ok(None)
    }
}
