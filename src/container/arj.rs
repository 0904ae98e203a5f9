//! ARJ (its `TECHNOTE.TXT`): headers with their own checksum, members stored or packed. The methods 1 to 3 are those of
//! lh6 and go through the same decoder; method 4 is told.

use std::io;

use delharc::header::CompressionMethod;

use super::forward::{self, Checked, Crc32, Piece, Sum};
use super::lzh::Decoded;
use super::meter::{Fault, Input};
use super::stream::Shared;
use super::times::dos_time;
use super::walk::{Walk, named};
use super::{Budget, Container, Expanded, MemberSink, Probe, ReadSeek};
use crate::model::{GapReason, MemberFacts, Name, Time};

/// Flags of a header.
const GARBLED: u8 = 1;
const VOLUME: u8 = 4;
const CONTINUED: u8 = 8;
/// Largest header.
const HEADER: u16 = 2600;

pub struct Arj;

impl Container for Arj {
    fn id(&self) -> &'static str {
        "arj"
    }

    fn probe(&self, probe: &Probe<'_>) -> bool {
        is_arj(probe.head)
    }

    fn forward_only(&self) -> bool {
        true
    }

    fn expand(&self, probe: &Probe<'_>, input: &mut dyn ReadSeek, budget: &mut Budget, sink: &mut dyn MemberSink) -> Expanded {
        let mut walk = Walk::new(self.id(), budget, sink);
        if let Err(e) = members(&Shared::new(input), probe, &mut walk) {
            walk.failed(&e);
        }
        walk.finish()
    }
}

/// `60 EA`, a header size within the format's bound, and the header's own CRC-32.
fn is_arj(head: &[u8]) -> bool {
    let Some(size) = head.get(2..).and_then(|b| b.first_chunk()).map(|b| u16::from_le_bytes(*b)) else { return false };
    let end = usize::from(size).saturating_add(4);
    let sum = head.get(end..).and_then(|b| b.first_chunk()).map(|b| u32::from_le_bytes(*b));
    head.starts_with(&[0x60, 0xea])
        && (1..=HEADER).contains(&size)
        && head.get(4..end).is_some_and(|header| sum == Some(crc32fast::hash(header)))
}

fn damaged() -> io::Error {
    Fault::malformed("a header is damaged; what follows is not listed")
}

/// The next header with its extensions passed over; none at the end mark.
fn header(tape: &Shared<'_>) -> io::Result<Option<Vec<u8>>> {
    let [0x60, 0xea, low, high] = tape.take::<4>()? else { return Err(damaged()) };
    let size = u16::from_le_bytes([low, high]);
    if size == 0 {
        return Ok(None);
    }
    if size > HEADER {
        return Err(damaged());
    }
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut Piece::new(tape, u64::from(size)), &mut bytes)?;
    if u32::from_le_bytes(tape.take()?) != crc32fast::hash(&bytes) {
        return Err(damaged());
    }
    loop {
        let extension = u16::from_le_bytes(tape.take()?);
        if extension == 0 {
            return Ok(Some(bytes));
        }
        // With a CRC-32 of its own.
        tape.skip(u64::from(extension) + 4)?;
    }
}

fn members(tape: &Shared<'_>, probe: &Probe<'_>, walk: &mut Walk<'_>) -> io::Result<()> {
    let main = header(tape)?.ok_or_else(damaged)?;
    let flags = main.get(4).copied().unwrap_or(0);
    if flags & VOLUME != 0 {
        // `NAME.ARJ`, `NAME.A01`, `NAME.A02`, …
        walk.missing(next(probe.name));
        walk.shortfall(GapReason::MissingVolume, "the set goes on in another volume");
    }
    loop {
        let Some(header) = header(tape)? else {
            if !tape.peek(1)?.is_empty() {
                walk.note("trailing_data");
            }
            return Ok(());
        };
        member(tape, walk, &header)?;
        if forward::over(walk) {
            return Ok(());
        }
    }
}

/// The name of the volume behind this one.
fn next(name: &[u8]) -> Option<String> {
    let dot = name.iter().rposition(|b| *b == b'.')?;
    let (stem, ending) = (name.get(..dot)?, name.get(dot + 1..)?);
    let number = match ending {
        [b'a' | b'A', digits @ ..] if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) => {
            std::str::from_utf8(digits).ok()?.parse::<u32>().ok()?
        }
        _ => 0,
    };
    Some(format!("{}.a{:02}", Name::from(stem).shown(), number.saturating_add(1)))
}

fn member(tape: &Shared<'_>, walk: &mut Walk<'_>, header: &[u8]) -> io::Result<()> {
    let byte = |at: usize| header.get(at).copied().ok_or_else(damaged);
    let long = |at: usize| header.get(at..).and_then(|b| b.first_chunk()).map(|b| u32::from_le_bytes(*b)).ok_or_else(damaged);
    let (flags, method, kind) = (byte(4)?, byte(5)?, byte(6)?);
    let (stamp, packed, size, crc) = (long(8)?, long(12)?, long(16)?, long(20)?);
    let names = header.get(usize::from(byte(0)?)..).ok_or_else(damaged)?;
    let name = names.get(..memchr::memchr(0, names).ok_or_else(damaged)?).unwrap_or_default();
    // Labels of volumes and chapter marks are no files.
    if kind > 3 {
        return tape.skip(u64::from(packed));
    }
    let encrypted = flags & GARBLED != 0;
    let mut facts = MemberFacts {
        is_dir: kind == 3,
        size: Some(u64::from(size)),
        packed: Some(u64::from(packed)),
        // Times are those of the system that packed it; Unix and NeXT count seconds.
        mtime: match byte(3)? {
            2 | 8 => Some(Time::from_seconds(i64::from(stamp))),
            _ => dos_time((stamp >> 16) as u16, (stamp & 0xffff) as u16),
        },
        crc32: Some(crc),
        encrypted,
        method: Some(method.to_string()),
        ..named(name.iter().map(|b| if *b == b'\\' { b'/' } else { *b }).collect::<Vec<u8>>())
    };
    if !walk.admit(&mut facts) {
        return Ok(());
    }
    let mut piece = Piece::new(tape, u64::from(packed));
    if facts.is_dir && packed == 0 {
        walk.empty(&facts);
    } else if encrypted {
        walk.unread(&facts, GapReason::Encrypted, "the member is encrypted");
    } else if method > 3 {
        walk.unread(&facts, GapReason::UnsupportedMethod, "the compression method is not supported");
    } else {
        let mut input = Input::new(&mut piece);
        let fed = input.fed();
        let sum = Box::new(Crc32::new(crc)) as Box<dyn Sum>;
        let reason = if method == 0 {
            walk.delivered(&facts, &mut Checked::new(&mut input, Some(sum)), fed, None)
        } else {
            match Decoded::new(CompressionMethod::Lh6, &mut input, u64::from(size)) {
                Some(plain) => walk.delivered(&facts, &mut Checked::new(plain, Some(sum)), fed, None),
                None => None,
            }
        };
        if reason.is_none() && flags & (VOLUME | CONTINUED) != 0 {
            walk.shortfall(GapReason::MissingVolume, "a member is split over volumes");
        }
    }
    piece.finish()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{mutations, open, opened, truncations};
    use super::*;
    use crate::model::Encrypted;

    const PACKED: &[u8] = include_bytes!("../../tests/fixtures/container/arj.arj");
    const STORED: &[u8] = include_bytes!("../../tests/fixtures/container/arj-stored.arj");
    const FASTEST: &[u8] = include_bytes!("../../tests/fixtures/container/arj-fastest.arj");
    const LOCKED: &[u8] = include_bytes!("../../tests/fixtures/container/arj-locked.arj");

    fn lines() -> Vec<u8> {
        (0..300_u32).flat_map(|n| format!("{n} nobody\n").into_bytes()).collect()
    }

    #[test]
    fn what_arj_packed() {
        for (what, bytes) in [("packed", PACKED), ("stored", STORED)] {
            let tree = open(bytes, "x.arj");
            assert_eq!(tree.content("dir/lines.txt"), Some(&lines()[..]), "{what}: {:?}", tree.names());
            assert_eq!(tree.gaps(), [], "{what}");
            let seen = tree.seen.iter().find(|seen| seen.name() == "dir/lines.txt").unwrap();
            assert_eq!(seen.facts.mtime.and_then(Time::rfc3339).as_deref(), Some("2024-01-01T12:00:00Z"));
            assert_eq!(seen.facts.crc32, Some(crc32fast::hash(&lines())));
        }
        assert_eq!(open(FASTEST, "x.arj").gaps(), [GapReason::UnsupportedMethod]);
    }

    #[test]
    fn garbled_members_are_told() {
        let tree = open(LOCKED, "x.arj");
        assert_eq!(tree.gaps(), [GapReason::Encrypted]);
        assert_eq!(opened(&tree).facts.encrypted, Encrypted::All);
    }

    #[test]
    fn volumes() {
        assert_eq!(next(b"x.arj").as_deref(), Some("x.a01"));
        assert_eq!(next(b"x.a09").as_deref(), Some("x.a10"));
        assert_eq!(next(b"x"), None);
    }

    #[test]
    fn damage() {
        mutations(PACKED, "x.arj");
        truncations(PACKED, "x.arj");
        let mut bad = STORED.to_vec();
        let at = memchr::memmem::find(&bad, b"nobody").unwrap();
        bad[at] ^= 1;
        assert_eq!(open(&bad, "x.arj").gaps(), [GapReason::Malformed]);
    }
}
