//! Headers of RAR 1.5 to 4.x (`technote.txt` of WinRAR 4, and the layout that the `rarfile` library documents).
//!
//! Every header: CRC (the lower half of a CRC-32 over what follows), type, flags, size; then fields. With `-hp` each
//! header stands behind its own salt, encrypted in blocks of 16 bytes.

use std::io;

use rars::crypto::rar30::Rar30Cipher;

use super::entry::{Block, Entry, Lock, Main, Method};
use super::{Cursor, Hidden, names};
use crate::container::passwords::Keyring;
use crate::container::read::read_at;
use crate::container::times::dos_time;
use crate::container::walk::named;
use crate::container::{Budget, ReadSeek};
use crate::model::{MemberFacts, Time};

pub(super) const MARK: &[u8] = b"Rar!\x1a\x07\0";

const MAIN: u8 = 0x73;
const FILE: u8 = 0x74;
const SERVICE: u8 = 0x7a;
const END: u8 = 0x7b;
/// The data behind a header have a size field.
const LONG: u16 = 0x8000;
/// Main header: headers are encrypted.
const LOCKED: u16 = 0x80;

/// Whether a main header that can be believed stands behind the mark.
pub(super) fn starts(bytes: &[u8]) -> bool {
    let Some(header) = bytes.strip_prefix(MARK) else { return false };
    let size = header.get(5..7).and_then(|b| b.try_into().ok()).map_or(0, u16::from_le_bytes);
    header.get(2) == Some(&MAIN) && header.get(..usize::from(size)).is_some_and(sound)
}

/// The headers of one archive, in their order.
pub(super) struct Headers {
    at: u64,
    end: u64,
    hidden: bool,
    password: Option<String>,
    cipher: Option<([u8; 8], Rar30Cipher)>,
}

impl Headers {
    pub(super) fn new(base: u64, end: u64) -> Self {
        Self { at: base.saturating_add(MARK.len() as u64), end, hidden: false, password: None, cipher: None }
    }

    pub(super) fn position(&self) -> u64 {
        self.at
    }

    /// The next block; none at the end of the object.
    pub(super) fn next(
        &mut self,
        input: &mut dyn ReadSeek,
        keyring: &mut Keyring,
        budget: &Budget,
    ) -> io::Result<Option<Result<Block, Hidden>>> {
        if self.at >= self.end {
            return Ok(None);
        }
        let read = if self.hidden { self.decrypted(input, keyring, budget)? } else { plain(input, self.at)? };
        let (header, behind) = match read {
            Read::Header(header, behind) => (header, behind),
            Read::Hidden(why) => return Ok(Some(Err(why))),
            Read::Damaged => {
                self.seek_plausible(input)?;
                return Ok(Some(Ok(Block::Damaged)));
            }
        };
        let (block, data) = parse(&header, behind);
        if matches!(block, Block::Main(_)) {
            self.hidden = flags(&header) & LOCKED != 0;
        }
        self.at = behind.saturating_add(data);
        Ok(Some(Ok(block)))
    }

    /// Steps to the next header that can be believed; to the end where there is none.
    fn seek_plausible(&mut self, input: &mut dyn ReadSeek) -> io::Result<()> {
        let from = self.at.saturating_add(1);
        self.at = self.end;
        if !self.hidden {
            let found = super::scan(input, from, self.end, &|bytes| {
                let size = usize::from(u16::from_le_bytes([*bytes.get(5)?, *bytes.get(6)?]));
                let kind = *bytes.get(2)?;
                let plausible = matches!((kind, size), (FILE | SERVICE, 32..=4096) | (END, 7..=64));
                (plausible && sound(bytes.get(..size)?)).then_some(())
            })?;
            self.at = found.unwrap_or(self.end);
        }
        Ok(())
    }

    fn decrypted(&mut self, input: &mut dyn ReadSeek, keyring: &mut Keyring, budget: &Budget) -> io::Result<Read> {
        let start = read_at(input, self.at, 24)?;
        let Some(salt) = start.first_chunk::<8>().copied().filter(|_| start.len() == 24) else { return Ok(Read::Damaged) };
        if self.cipher.as_ref().is_none_or(|(known, _)| *known != salt) {
            self.cipher = None;
            let sealed = read_at(input, self.at.saturating_add(8), (4 << 10) & !15)?;
            let opens = |password: &str| {
                let cipher = Rar30Cipher::new(password.as_bytes(), Some(salt)).ok()?;
                let mut sealed = sealed.clone();
                sealed.truncate(sealed.len() & !15);
                cipher.clone().decrypt_in_place(&mut sealed).ok()?;
                let size = usize::from(u16::from_le_bytes([*sealed.get(5)?, *sealed.get(6)?]));
                sound(sealed.get(..size)?).then(|| (password.to_owned(), cipher))
            };
            let known = self.password.clone();
            let found = match known {
                Some(password) if budget.rounds(1 << 18) => opens(&password),
                Some(_) => None,
                None => keyring.unlock(budget, 1 << 18, opens),
            };
            match found {
                Some((password, cipher)) => (self.password, self.cipher) = (Some(password), Some((salt, cipher))),
                None if self.password.is_none() => return Ok(Read::Hidden(Hidden)),
                None => return Ok(Read::Damaged),
            }
        }
        let Some((_, cipher)) = &self.cipher else { return Ok(Read::Damaged) };
        let mut first = start.get(8..24).unwrap_or_default().to_vec();
        let known = cipher.clone().decrypt_in_place(&mut first).is_ok();
        let size = first.get(5..7).and_then(|b| b.try_into().ok()).map_or(0, u16::from_le_bytes);
        let sealed = u64::from(size).next_multiple_of(16);
        let mut header = read_at(input, self.at.saturating_add(8), usize::try_from(sealed).unwrap_or(0))?;
        if !known || size < 7 || (header.len() as u64) < sealed || cipher.clone().decrypt_in_place(&mut header).is_err() {
            return Ok(Read::Damaged);
        }
        header.truncate(usize::from(size));
        let behind = self.at.saturating_add(8).saturating_add(sealed);
        Ok(if sound(&header) { Read::Header(header, behind) } else { Read::Damaged })
    }

    pub(super) fn opened(&self) -> bool {
        self.password.is_some()
    }
}

enum Read {
    /// A header and where its data begin.
    Header(Vec<u8>, u64),
    Hidden(Hidden),
    Damaged,
}

fn plain(input: &mut dyn ReadSeek, at: u64) -> io::Result<Read> {
    let mut header = read_at(input, at, 512)?;
    let size = header.get(5..7).and_then(|b| b.try_into().ok()).map_or(0, u16::from_le_bytes);
    if usize::from(size) > header.len() {
        header = read_at(input, at, usize::from(size))?;
    }
    header.truncate(usize::from(size));
    if header.len() < usize::from(size) || !sound(&header) {
        return Ok(Read::Damaged);
    }
    Ok(Read::Header(header, at.saturating_add(u64::from(size))))
}

fn flags(header: &[u8]) -> u16 {
    header.get(3..5).and_then(|b| b.try_into().ok()).map_or(0, u16::from_le_bytes)
}

/// Whether the CRC agrees. Old main and file headers may have a comment in them that the CRC leaves out, and
/// signatures (0x79) and other records of RAR 2 have their own rules.
fn sound(header: &[u8]) -> bool {
    let Some(want) = header.get(..2).and_then(|b| b.try_into().ok()).map(u16::from_le_bytes) else { return false };
    let agrees = |end: usize| header.get(2..end).is_some_and(|covered| crc32fast::hash(covered) as u16 == want);
    let kind = header.get(2).copied().unwrap_or(0);
    if header.len() < 7 || !(0x73..=0x7b).contains(&kind) {
        return false;
    }
    agrees(header.len())
        || match kind {
            MAIN => header.len() > 13 && agrees(13),
            // The comment stands behind name and salt.
            FILE => {
                let name = header.get(26..28).and_then(|b| b.try_into().ok()).map_or(0, u16::from_le_bytes);
                let wide = if flags(header) & 0x100 != 0 { 8 } else { 0 };
                flags(header) & 8 != 0 && agrees(32 + wide + usize::from(name))
            }
            0x75..=0x79 => true,
            _ => false,
        }
}

/// What a header says, and how many bytes of data follow it.
fn parse(header: &[u8], behind: u64) -> (Block, u64) {
    let flags = flags(header);
    let data = |at: usize| header.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_le_bytes);
    let follows = if flags & LONG != 0 { u64::from(data(7)) } else { 0 };
    match header.get(2) {
        Some(&MAIN) => {
            let main = Main {
                solid: flags & 8 != 0,
                volume: flags & 1 != 0,
                recovery: flags & 0x40 != 0,
                comment: flags & 2 != 0,
                number: None,
            };
            (Block::Main(main), 0)
        }
        Some(&kind @ (FILE | SERVICE)) => match file(header, behind, kind == SERVICE) {
            Some(entry) => {
                let packed = entry.packed;
                (if kind == FILE { Block::File(Box::new(entry)) } else { Block::Service(Box::new(entry)) }, packed)
            }
            None => (Block::Damaged, follows),
        },
        Some(&END) => (Block::End { more: flags & 1 != 0 }, 0),
        Some(0x75) => (Block::Note("comment"), follows),
        Some(0x78) => (Block::Note("recovery_record"), follows),
        _ => (Block::Other, follows),
    }
}

fn file(header: &[u8], data: u64, service: bool) -> Option<Entry> {
    let flags = flags(header);
    let mut fields = Cursor(header.get(7..)?);
    let mut packed = u64::from(fields.u32()?);
    let mut size = u64::from(fields.u32()?);
    let host = fields.byte()?;
    let crc = fields.u32()?;
    let time = fields.u32()?;
    let version = fields.byte()?;
    let level = fields.byte()?;
    let name_size = usize::from(fields.u16()?);
    let attributes = fields.u32()?;
    if flags & 0x100 != 0 {
        packed |= u64::from(fields.u32()?) << 32;
        size |= u64::from(fields.u32()?) << 32;
    }
    // The unknown size of a file that was packed from a pipe.
    let unknown = size == u64::from(u32::MAX) && flags & 0x100 == 0 || size == u64::MAX;
    let name = fields.take(name_size)?;
    let salted = flags & 0x400 != 0;
    // A service's own data stand before the salt: of a stream, its name.
    let own = if service { fields.0.len().saturating_sub(if salted { 8 } else { 0 }) } else { 0 };
    let own = fields.take(own)?;
    let salt = if salted { Some(fields.take(8)?.try_into().ok()?) } else { None };
    let stream = (service && name == b"STM").then(|| names::utf16(own));
    let base = dos_time((time >> 16) as u16, time as u16);
    let mtime = if flags & 0x1000 != 0 { refined(base, fields.0) } else { base };
    let unix = matches!(host, 3 | 4);
    let is_dir =
        !service && (flags & 0xe0 == 0xe0 || if unix { attributes & 0o170_000 == 0o040_000 } else { attributes & 0x10 != 0 });
    let locked = flags & 4 != 0;
    let (before, after) = (flags & 1 != 0, flags & 2 != 0);
    let method = match (level, version) {
        (0x30, _) => Method::Stored,
        (0x31..=0x35, 15) => Method::Rar15,
        (0x31..=0x35, 20 | 26) => Method::Rar20,
        (0x31..=0x35, 29..=40) => Method::Rar29,
        _ => Method::Unknown,
    };
    let lock = locked.then_some(match version {
        15 => Lock::Rar15,
        20 | 26 => Lock::Rar20,
        29..=40 => Lock::Rar30 { salt },
        _ => Lock::Unknown,
    });
    let facts = MemberFacts {
        is_dir,
        is_link: unix && attributes & 0o170_000 == 0o120_000,
        size: (!unknown).then_some(size),
        packed: Some(packed),
        mtime,
        // Of a part the CRC-32 covers what is packed in this volume.
        crc32: (!after && !is_dir).then_some(crc),
        encrypted: locked,
        method: Some(described(level, version)),
        mode: unix.then(|| format!("{:04o}", attributes & 0o7777)),
        ..named(names::rar4(name, flags & 0x200 != 0))
    };
    Some(Entry {
        facts,
        data,
        packed,
        pieces: Vec::new(),
        size: (!unknown).then_some(size),
        crc: (!after).then_some(crc),
        method,
        solid: flags & 0x10 != 0 || version < 20,
        lock,
        before,
        after,
        linked: false,
        newer: version >= 29,
        stream,
    })
}

fn described(level: u8, version: u8) -> String {
    match level {
        0x30 => "stored".to_owned(),
        _ => format!("rar{}.{} m{}", version / 10, version % 10, level.wrapping_sub(0x30)),
    }
}

/// The extended time of the last change: bits 12 to 15 of the flags say that it is there, that a second is to be
/// added, and how many bytes of 100 ns follow, the highest last.
fn refined(base: Option<Time>, field: &[u8]) -> Option<Time> {
    let mut field = Cursor(field);
    let Some(flags) = field.u16() else { return base };
    let bits = flags >> 12;
    if bits & 8 == 0 {
        return base;
    }
    let mut ticks = 0_u32;
    for _ in 0..bits & 3 {
        ticks = ticks >> 8 | u32::from(field.byte()?) << 16;
    }
    let more = if bits & 4 != 0 { 1_000_000_000 } else { 0 };
    base.map(|time| Time(time.0 + more + i128::from(ticks) * 100))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_of_a_second() {
        let base = Some(Time(0));
        assert_eq!(refined(base, &[]), base);
        assert_eq!(refined(base, &[0, 0x80]), base);
        assert_eq!(refined(base, &[0, 0xc0]), Some(Time(1_000_000_000)));
        // Three bytes, the lowest first; one byte stands for the highest.
        assert_eq!(refined(base, &[0, 0xb0, 1, 2, 3]), Some(Time(0x03_0201 * 100)));
        assert_eq!(refined(base, &[0, 0x90, 3]), Some(Time(0x03_0000 * 100)));
    }
}
