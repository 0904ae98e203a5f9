//! ACE, by its headers (the format's description in the ACE archiver's `technote.txt`): names, sizes, times, checksums.
//! Stored members are read; the compression is told.

use std::io;

use super::forward::{self, Piece, Sum};
use super::meter::Fault;
use super::stream::Shared;
use super::times::dos_time;
use super::walk::{Walk, named};
use super::{Budget, Container, Expanded, MemberSink, Probe, ReadSeek};
use crate::model::{GapReason, MemberFacts};

/// Flags of a header.
const MORE_DATA: u16 = 1;
const FROM_PREVIOUS: u16 = 0x1000;
const TO_NEXT: u16 = 0x2000;
const PASSWORD: u16 = 0x4000;
/// Of the archive's header: one of several volumes.
const VOLUME: u16 = 0x0800;
/// `FILE_ATTRIBUTE_DIRECTORY`.
const FOLDER: u32 = 0x10;

pub struct Ace;

impl Container for Ace {
    fn id(&self) -> &'static str {
        "ace"
    }

    fn probe(&self, probe: &Probe<'_>) -> bool {
        probe.head.get(7..14) == Some(b"**ACE**".as_slice())
    }

    fn forward_only(&self) -> bool {
        true
    }

    fn expand(&self, _: &Probe<'_>, input: &mut dyn ReadSeek, budget: &mut Budget, sink: &mut dyn MemberSink) -> Expanded {
        let mut walk = Walk::new(self.id(), budget, sink);
        if let Err(e) = members(&Shared::new(input), &mut walk) {
            walk.failed(&e);
        }
        walk.finish()
    }
}

fn damaged() -> io::Error {
    Fault::malformed("a header is damaged; what follows is not listed")
}

fn u16_at(bytes: &[u8], at: usize) -> io::Result<u16> {
    bytes.get(at..).and_then(|b| b.first_chunk()).map(|b| u16::from_le_bytes(*b)).ok_or_else(damaged)
}

fn u32_at(bytes: &[u8], at: usize) -> io::Result<u32> {
    bytes.get(at..).and_then(|b| b.first_chunk()).map(|b| u32::from_le_bytes(*b)).ok_or_else(damaged)
}

/// CRC-32 without the last inversion.
fn crc(bytes: &[u8]) -> u32 {
    !crc32fast::hash(bytes)
}

/// A header from its type on; none at the end.
fn header(tape: &Shared<'_>) -> io::Result<Option<Vec<u8>>> {
    if tape.peek(1)?.is_empty() {
        return Ok(None);
    }
    let [sum0, sum1, low, high] = tape.take::<4>()?;
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut Piece::new(tape, u64::from(u16::from_le_bytes([low, high]))), &mut bytes)?;
    if crc(&bytes) & 0xffff != u32::from(u16::from_le_bytes([sum0, sum1])) {
        return Err(damaged());
    }
    Ok(Some(bytes))
}

fn members(tape: &Shared<'_>, walk: &mut Walk<'_>) -> io::Result<()> {
    let main = header(tape)?.ok_or_else(damaged)?;
    if u16_at(&main, 1)? & VOLUME != 0 {
        walk.shortfall(GapReason::MissingVolume, "it is a volume of a set");
    }
    while let Some(header) = header(tape)? {
        let flags = u16_at(&header, 1)?;
        let more = if flags & MORE_DATA != 0 { u64::from(u32_at(&header, 3)?) } else { 0 };
        if header.first() == Some(&1) {
            member(tape, walk, &header, flags, more)?;
        } else {
            tape.skip(more)?;
        }
        if forward::over(walk) {
            return Ok(());
        }
    }
    Ok(())
}

fn member(tape: &Shared<'_>, walk: &mut Walk<'_>, header: &[u8], flags: u16, packed: u64) -> io::Result<()> {
    let size = u64::from(u32_at(header, 7)?);
    let (stamp, attributes, want) = (u32_at(header, 11)?, u32_at(header, 15)?, u32_at(header, 19)?);
    let method = header.get(23).copied().ok_or_else(damaged)?;
    let length = usize::from(u16_at(header, 29)?);
    let name = header.get(31..31 + length).ok_or_else(damaged)?;
    let is_dir = attributes & FOLDER != 0;
    let mut facts = MemberFacts {
        is_dir,
        size: Some(size),
        packed: Some(packed),
        mtime: dos_time((stamp >> 16) as u16, (stamp & 0xffff) as u16),
        // As zip keeps it.
        crc32: Some(!want),
        encrypted: flags & PASSWORD != 0,
        method: Some(if method == 0 { "stored".to_owned() } else { method.to_string() }),
        ..named(name.iter().map(|b| if *b == b'\\' { b'/' } else { *b }).collect::<Vec<u8>>())
    };
    if !walk.admit(&mut facts) {
        return Ok(());
    }
    let split = flags & (FROM_PREVIOUS | TO_NEXT) != 0;
    if is_dir && packed == 0 {
        walk.empty(&facts);
    } else if facts.encrypted {
        walk.unread(&facts, GapReason::Encrypted, "the member is encrypted");
    } else if split {
        walk.unread(&facts, GapReason::MissingVolume, "the member is split over volumes");
    } else if method != 0 {
        walk.unread(&facts, GapReason::UnsupportedMethod, "the compression method is not supported");
    } else {
        return forward::stored(walk, &facts, tape, packed, Some(Box::new(forward::Crc32::new(!want)) as Box<dyn Sum>));
    }
    tape.skip(packed)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{mutations, open, opened};
    use super::*;
    use crate::model::{Encrypted, Time};

    /// There is no free program that writes ACE: this follows the description.
    fn block(body: &[u8]) -> Vec<u8> {
        [&(crc(body) as u16).to_le_bytes()[..], &(body.len() as u16).to_le_bytes(), body].concat()
    }

    fn file(name: &str, flags: u16, method: u8, data: &[u8]) -> Vec<u8> {
        let mut body = vec![1];
        body.extend((flags | MORE_DATA).to_le_bytes());
        body.extend((data.len() as u32).to_le_bytes());
        body.extend((data.len() as u32).to_le_bytes());
        body.extend(0x5821_6000_u32.to_le_bytes());
        body.extend(0x20_u32.to_le_bytes());
        body.extend(crc(data).to_le_bytes());
        body.extend([method, 3, 10, 0, 0, 0]);
        body.extend((name.len() as u16).to_le_bytes());
        body.extend(name.as_bytes());
        [block(&body), data.to_vec()].concat()
    }

    fn archive(files: &[Vec<u8>]) -> Vec<u8> {
        let mut main = vec![0, 0, 0];
        main.extend(b"**ACE**");
        main.extend([20, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        [block(&main), files.concat()].concat()
    }

    #[test]
    fn members_are_listed() {
        let bytes = archive(&[
            file("dir\\list.txt", 0, 0, b"Nobody"),
            file("packed.txt", 0, 1, b"\x01\x02"),
            file("locked.txt", PASSWORD, 1, b"\x01"),
            file("split.txt", TO_NEXT, 0, b"a"),
        ]);
        let tree = open(&bytes, "x.ace");
        assert_eq!(tree.names(), ["dir/list.txt", "packed.txt", "locked.txt", "split.txt"]);
        assert_eq!(tree.content("dir/list.txt"), Some(&b"Nobody"[..]));
        assert_eq!(tree.gaps(), [GapReason::UnsupportedMethod, GapReason::Encrypted, GapReason::MissingVolume]);
        assert_eq!(tree.seen[0].facts.mtime.and_then(Time::rfc3339).as_deref(), Some("2024-01-01T12:00:00Z"));
        assert_eq!(tree.seen[0].facts.crc32, Some(crc32fast::hash(b"Nobody")));
        assert_eq!(opened(&tree).facts.encrypted, Encrypted::Some);
        mutations(&bytes, "x.ace");
        let mut bad = bytes;
        let at = memchr::memmem::find(&bad, b"Nobody").unwrap();
        bad[at] ^= 1;
        assert!(open(&bad, "x.ace").gaps().contains(&GapReason::Malformed));
    }
}
