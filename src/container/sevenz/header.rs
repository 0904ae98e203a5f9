//! The list of members: decoded under our own bounds before the crate parses it.
//!
//! The list usually is a compressed stream itself ("encoded header"), described like the archive's own streams. The
//! crate reads it whole up to the limit that also holds for dictionaries, and makes an entry for each member that
//! it declares. So the stream is read here first, as the one member of an archive made up for it, and the declared
//! members are compared with the budget.

use std::io::{self, Cursor, Read, Seek, SeekFrom};

use sevenz_rust2::{Archive, ArchiveEntry, BlockDecoder, EncoderMethod, Error, Password};

use super::{MAGIC, START, Source, Start, fault};
use crate::container::Limits;
use crate::container::meter::{Fault, fault_of};
use crate::model::GapReason;

/// Bytes of a decoded list.
const LIST: usize = 64 << 20;
/// A list up to this size can't declare so many members that counting them before matters.
const SMALL: usize = 1 << 20;
/// Encoded headers inside encoded headers.
const NESTED: usize = 4;

/// Why there is no list.
pub(super) enum Locked {
    /// A password is missing or wrong. `rounds` is the price of a try.
    Encrypted {
        rounds: u64,
    },
    Fault(Fault),
}

impl From<Fault> for Locked {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

fn damaged() -> Fault {
    Fault::new(GapReason::Malformed, "the list of members is damaged")
}

fn too_large() -> Fault {
    Fault::new(GapReason::LimitMemory, "the list of members is larger than it may be")
}

/// The plain list.
pub(super) fn decoded(source: &mut Source<'_>, start: &Start, limits: &Limits, password: &Password) -> Result<Vec<u8>, Locked> {
    if start.size > LIST as u64 {
        return Err(too_large().into());
    }
    let mut list = Vec::new();
    let at = START.saturating_add(start.offset);
    source.seek(SeekFrom::Start(at)).map_err(|e| fault_of(&e))?;
    source.by_ref().take(start.size).read_to_end(&mut list).map_err(|e| fault_of(&e))?;
    if crc32fast::hash(&list) != start.crc {
        return Err(damaged().into());
    }
    for _ in 0..NESTED {
        match list.first() {
            Some(1) => return Ok(list),
            Some(0x17) => list = unpacked(source, &list, limits, password)?,
            _ => return Err(damaged().into()),
        }
    }
    Err(damaged().into())
}

/// The stream that an encoded header describes.
fn unpacked(source: &mut Source<'_>, encoded: &[u8], limits: &Limits, password: &Password) -> Result<Vec<u8>, Locked> {
    // kHeader, kMainStreamsInfo; the description without its end; no kSubStreamsInfo but its end; one file "h".
    let streams = encoded.get(1..).and_then(|rest| rest.strip_suffix(&[0])).ok_or_else(damaged)?;
    let list = [&[1, 4], streams, &[8, 0, 0], &[5, 1, 0x11, 5, 0, b'h', 0, 0, 0, 0, 0]].concat();
    let archive = parse(source, &list)?;
    let rounds = rounds(&archive, 0);
    let kib = usize::try_from(limits.decoder_memory >> 10).unwrap_or(usize::MAX);
    let mut list = Vec::new();
    let decoder = BlockDecoder::new_with_memory_limit(1, kib, 0, &archive, password, source);
    let outcome = decoder.for_each_entries(&mut |_: &ArchiveEntry, content: &mut dyn Read| {
        content.take(LIST as u64 + 1).read_to_end(&mut list)?;
        Ok(list.len() <= LIST)
    });
    match outcome {
        _ if list.len() > LIST => Err(too_large().into()),
        Ok(_) => Ok(list),
        Err(Error::PasswordRequired) => Err(Locked::Encrypted { rounds }),
        Err(e) => Err(fault(&e).into()),
    }
}

/// What deriving the key of this block costs; 0 where nothing is encrypted (7zFormat.txt; `NumCyclesPower` of the
/// sources' 7zAes.cpp).
pub(super) fn rounds(archive: &Archive, block: usize) -> u64 {
    let coders = archive.blocks.get(block).map(|block| &block.coders[..]).unwrap_or_default();
    let aes = coders.iter().find(|coder| coder.encoder_method_id() == EncoderMethod::ID_AES256_SHA256);
    match aes.and_then(|coder| coder.properties().first()).map(|first| first & 0x3f) {
        None => u64::from(aes.is_some()),
        Some(0x3f) => 1,
        Some(power) => 1_u64 << power.min(62),
    }
}

/// The archive that this plain list describes.
pub(super) fn archive(source: &mut Source<'_>, list: &[u8], members: u64) -> Result<Archive, Fault> {
    if list.len() > SMALL && count(list).is_none_or(|declared| declared > members) {
        return Err(Fault::new(GapReason::LimitCount, "more members are declared than the limit allows"));
    }
    parse(source, list)
}

fn parse(source: &mut Source<'_>, list: &[u8]) -> Result<Archive, Fault> {
    let mut whole = Shown::new(source, list);
    Archive::read_with_memory_limit(&mut whole, &Password::empty(), LIST >> 10).map_err(|e| fault(&e))
}

/// The archive with another list behind its end, which its start header points at.
struct Shown<'a, 'b> {
    start: Cursor<Vec<u8>>,
    source: &'a mut Source<'b>,
    list: Cursor<&'a [u8]>,
    at: u64,
}

impl<'a, 'b> Shown<'a, 'b> {
    fn new(source: &'a mut Source<'b>, list: &'a [u8]) -> Self {
        let mut place = source.length.saturating_sub(START).to_le_bytes().to_vec();
        place.extend((list.len() as u64).to_le_bytes());
        place.extend(crc32fast::hash(list).to_le_bytes());
        let start = [MAGIC, &[0, 4], &crc32fast::hash(&place).to_le_bytes(), &place].concat();
        Self { start: Cursor::new(start), source, list: Cursor::new(list), at: 0 }
    }
}

impl Read for Shown<'_, '_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let length = self.source.length;
        let n = if self.at < START {
            self.start.set_position(self.at);
            self.start.read(buf)?
        } else if self.at < length {
            let most = usize::try_from(length.saturating_sub(self.at)).unwrap_or(usize::MAX).min(buf.len());
            self.source.seek(SeekFrom::Start(self.at))?;
            self.source.read(&mut buf[..most])?
        } else {
            self.list.set_position(self.at.saturating_sub(length));
            self.list.read(buf)?
        };
        self.at = self.at.saturating_add(n as u64);
        Ok(n)
    }
}

impl Seek for Shown<'_, '_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let end = self.source.length.saturating_add(self.list.get_ref().len() as u64);
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => end.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

/// How many files a plain list declares. Only walks through what stands before that number.
fn count(list: &[u8]) -> Option<u64> {
    let mut list = Numbers(list);
    list.expect(1)?;
    let mut id = list.byte()?;
    if id == 2 {
        while list.byte()? != 0 {
            let size = list.number()?;
            list.skip(size)?;
        }
        id = list.byte()?;
    }
    if id == 4 {
        list.streams()?;
        id = list.byte()?;
    }
    match id {
        5 => list.number(),
        0 => Some(0),
        _ => None,
    }
}

struct Numbers<'a>(&'a [u8]);

impl Numbers<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn expect(&mut self, id: u8) -> Option<()> {
        (self.byte()? == id).then_some(())
    }

    fn skip(&mut self, bytes: u64) -> Option<()> {
        self.0 = self.0.get(usize::try_from(bytes).ok()?..)?;
        Some(())
    }

    /// The leading ones of the first byte tell how many bytes follow; its other bits are the highest.
    fn number(&mut self) -> Option<u64> {
        let first = self.byte()?;
        let more = first.leading_ones();
        let mut value = 0_u64;
        for i in 0..more.min(8) {
            value |= u64::from(self.byte()?) << (8 * i);
        }
        if more < 7 {
            value |= u64::from(first & (0x7f >> more)) << (8 * more);
        }
        Some(value)
    }

    fn numbers(&mut self, count: u64) -> Option<()> {
        for _ in 0..count {
            self.number()?;
        }
        Some(())
    }

    /// Which of `count` have a CRC-32.
    fn digests(&mut self, count: u64) -> Option<Vec<bool>> {
        // A bit or four bytes for each: no more than the list holds.
        let count = usize::try_from(count).ok().filter(|count| *count <= self.0.len().saturating_mul(8))?;
        let mut defined = vec![true; count];
        if self.byte()? == 0 {
            for bits in defined.chunks_mut(8) {
                let byte = self.byte()?;
                bits.iter_mut().enumerate().for_each(|(i, bit)| *bit = byte & (0x80 >> i) != 0);
            }
        }
        self.skip(4 * defined.iter().filter(|bit| **bit).count() as u64)?;
        Some(defined)
    }

    fn streams(&mut self) -> Option<()> {
        let mut id = self.byte()?;
        if id == 6 {
            self.number()?;
            let packed = self.number()?;
            id = self.byte()?;
            if id == 9 {
                self.numbers(packed)?;
                id = self.byte()?;
            }
            if id == 10 {
                self.digests(packed)?;
                id = self.byte()?;
            }
            (id == 0).then_some(())?;
            id = self.byte()?;
        }
        let mut checked = Vec::new();
        if id == 7 {
            self.expect(11)?;
            let folders = self.number()?;
            self.expect(0)?;
            let mut outputs = 0_u64;
            for _ in 0..folders {
                outputs = outputs.checked_add(self.folder()?)?;
                checked.push(false);
            }
            self.expect(12)?;
            self.numbers(outputs)?;
            id = self.byte()?;
            if id == 10 {
                checked = self.digests(folders)?;
                id = self.byte()?;
            }
            (id == 0).then_some(())?;
            id = self.byte()?;
        }
        if id == 8 {
            self.substreams(&checked)?;
            id = self.byte()?;
        }
        (id == 0).then_some(())
    }

    /// A folder; gives its outputs.
    fn folder(&mut self) -> Option<u64> {
        let (mut inputs, mut outputs) = (0_u64, 0_u64);
        for _ in 0..self.number()? {
            let flags = self.byte()?;
            self.skip(u64::from(flags & 15))?;
            let (i, o) = if flags & 0x10 == 0 { (1, 1) } else { (self.number()?, self.number()?) };
            (inputs, outputs) = (inputs.checked_add(i)?, outputs.checked_add(o)?);
            if flags & 0x20 != 0 {
                let size = self.number()?;
                self.skip(size)?;
            }
        }
        let bound = outputs.checked_sub(1)?;
        self.numbers(bound.checked_mul(2)?)?;
        let packed = inputs.checked_sub(bound)?;
        self.numbers(if packed > 1 { packed } else { 0 })?;
        Some(outputs)
    }

    fn substreams(&mut self, checked: &[bool]) -> Option<()> {
        let mut id = self.byte()?;
        let mut streams = vec![1; checked.len()];
        if id == 13 {
            for n in &mut streams {
                *n = self.number()?;
            }
            id = self.byte()?;
        }
        if id == 9 {
            for n in &streams {
                self.numbers(n.saturating_sub(1))?;
            }
            id = self.byte()?;
        }
        if id == 10 {
            let open = streams.iter().zip(checked).filter(|(n, checked)| **n != 1 || !**checked);
            let digests = open.fold(0_u64, |sum, (n, _)| sum.saturating_add(*n));
            self.digests(digests)?;
            id = self.byte()?;
        }
        (id == 0).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_members_are_counted() {
        // One copied file "a" of one byte with its CRC-32, as 7-Zip lists it.
        let list = [
            &[1, 4][..],
            &[6, 0, 1, 9, 1, 0],
            &[7, 11, 1, 0, 1, 1, 0, 12, 1, 10, 1, 1, 2, 3, 4, 0],
            &[8, 0, 0],
            &[5, 1, 0x11, 5, 0, b'a', 0, 0, 0, 0, 0],
        ]
        .concat();
        assert_eq!(count(&list), Some(1));
        for n in 0..list.len() {
            let _ = count(&list[..n]);
        }
        assert_eq!(count(&[1, 0]), Some(0));
        assert_eq!(count(&[1, 5, 0xff, 1, 2, 3, 4, 5, 6, 7, 8]), Some(0x0807_0605_0403_0201));
        assert_eq!(count(&[1, 5, 0xc1, 2, 3]), Some(0x01_0302));
    }
}
