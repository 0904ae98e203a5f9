//! LHA and LZH: headers of the levels 0 to 3 (the "LHA header" notes that LHa for UNIX comes with), members of the
//! methods lh0, lh1, lh4 to lh7, lhx, lz4, lz5 and lzs; pm0 to pm2 are told.

use std::io::{self, Read};

use delharc::decode::{Decoder, DecoderAny};
use delharc::header::CompressionMethod;

use super::forward::{self, Checked, Piece, Sum};
use super::meter::{Fault, Input, fault_of};
use super::stream::Shared;
use super::times::dos_time;
use super::walk::{Walk, named};
use super::{Budget, Container, Expanded, MemberSink, Probe, ReadSeek};
use crate::model::{GapReason, MemberFacts, Time};

/// Bytes of all extended headers of a member.
const EXTENDED: u64 = 1 << 20;

pub struct Lzh;

impl Container for Lzh {
    fn id(&self) -> &'static str {
        "lzh"
    }

    fn probe(&self, probe: &Probe<'_>) -> bool {
        let head = probe.head;
        head.get(2..4) == Some(b"-l".as_slice())
            && head.get(6) == Some(&b'-')
            && head.get(4..6).is_some_and(|m| b"hz".contains(&m[0]) && m[1].is_ascii_alphanumeric())
            && head.get(20).is_some_and(|level| *level <= 3)
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

struct Header {
    method: [u8; 5],
    packed: u64,
    size: u64,
    crc: u16,
    folder: Vec<u8>,
    name: Vec<u8>,
    mtime: Option<Time>,
    mode: Option<u16>,
    owner: Option<String>,
}

fn damaged() -> io::Error {
    Fault::malformed("a header is damaged; what follows is not listed")
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> io::Result<u64> {
    let field: &[u8; N] = bytes.get(at..).and_then(|b| b.first_chunk()).ok_or_else(damaged)?;
    Ok(field.iter().rev().fold(0, |n, b| n << 8 | u64::from(*b)))
}

/// Reads as much as is there, up to `size`.
fn bytes(tape: &Shared<'_>, size: u64) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    Piece::new(tape, size).read_to_end(&mut out)?;
    Ok(out)
}

/// The next header; none at the end.
fn header(tape: &Shared<'_>) -> io::Result<Option<Header>> {
    let head = tape.peek(22)?;
    let Some(first) = head.first().filter(|first| **first != 0) else {
        // Level 2 may have a header whose size is a multiple of 256.
        if head.get(20) != Some(&2) || head.get(2..4) != Some(b"-l".as_slice()) {
            return Ok(None);
        }
        return parse(tape, 0, 2).map(Some);
    };
    let level = *head.get(20).ok_or_else(damaged)?;
    parse(tape, *first, level).map(Some)
}

fn parse(tape: &Shared<'_>, first: u8, level: u8) -> io::Result<Header> {
    let basic = match level {
        0 | 1 => bytes(tape, u64::from(first) + 2)?,
        2 => bytes(tape, 26)?,
        3 => bytes(tape, 32)?,
        _ => return Err(damaged()),
    };
    let method: [u8; 5] = basic.get(2..).and_then(|b| b.first_chunk()).copied().ok_or_else(damaged)?;
    if !(method.starts_with(b"-l") || method.starts_with(b"-p")) || method[4] != b'-' {
        return Err(damaged());
    }
    let dos = |basic: &[u8]| -> io::Result<Option<Time>> {
        let (time, date) = (number::<2>(basic, 15)?, number::<2>(basic, 17)?);
        Ok(dos_time(u16::try_from(date).unwrap_or(0), u16::try_from(time).unwrap_or(0)))
    };
    let unix =
        |basic: &[u8]| -> io::Result<Option<Time>> { Ok(i64::try_from(number::<4>(basic, 15)?).ok().map(Time::from_seconds)) };
    let mut header = Header {
        method,
        packed: number::<4>(&basic, 7)?,
        size: number::<4>(&basic, 11)?,
        crc: 0,
        folder: Vec::new(),
        name: Vec::new(),
        mtime: if level < 2 { dos(&basic)? } else { unix(&basic)? },
        mode: None,
        owner: None,
    };
    let crc_at = if level < 2 {
        let sum = basic.iter().skip(2).fold(0_u8, |sum, b| sum.wrapping_add(*b));
        if Some(&sum) != basic.get(1) {
            return Err(damaged());
        }
        let length = usize::try_from(number::<1>(&basic, 21)?).unwrap_or(usize::MAX);
        header.name = basic.get(22..22 + length).ok_or_else(damaged)?.to_vec();
        22 + length
    } else {
        21
    };
    // Very old archives leave the checksum away.
    header.crc = u16::try_from(number::<2>(&basic, crc_at)?).unwrap_or(0);
    let next = match level {
        0 => 0,
        1 => number::<2>(&basic, basic.len().saturating_sub(2))?,
        2 => number::<2>(&basic, 24)?,
        _ => number::<4>(&basic, 28)?,
    };
    let extended = extended(tape, &mut header, next, if level == 3 { 4 } else { 2 })?;
    if level == 1 {
        header.packed = header.packed.checked_sub(extended).ok_or_else(damaged)?;
    }
    if level == 2 {
        // One byte of filling, where the size says so.
        let total = number::<2>(&basic, 0)?;
        tape.skip(total.checked_sub(26 + extended).filter(|rest| *rest <= 1).ok_or_else(damaged)?)?;
    }
    Ok(header)
}

/// Extended headers: each ends with the size of the next.
fn extended(tape: &Shared<'_>, header: &mut Header, mut next: u64, width: u64) -> io::Result<u64> {
    let mut total = 0_u64;
    while next != 0 {
        total = total.saturating_add(next);
        if total > EXTENDED || next <= width {
            return Err(damaged());
        }
        let extension = bytes(tape, next)?;
        let end = usize::try_from(next - width).unwrap_or(usize::MAX);
        let data = extension.get(1..end).unwrap_or_default();
        match extension.first() {
            Some(1) => header.name = data.to_vec(),
            Some(2) => header.folder = data.iter().map(|b| if *b == 0xff { b'/' } else { *b }).collect(),
            Some(0x41) => header.mtime = number::<8>(data, 8).ok().and_then(Time::from_filetime).or(header.mtime),
            Some(0x42) => {
                (header.packed, header.size) = (number::<8>(data, 0)?, number::<8>(data, 8)?);
            }
            Some(0x50) => header.mode = number::<2>(data, 0).ok().and_then(|mode| u16::try_from(mode).ok()),
            Some(0x51) => {
                let ids = number::<2>(data, 2).ok().zip(number::<2>(data, 0).ok());
                header.owner = ids.map(|(uid, gid)| format!("{uid}:{gid}"));
            }
            Some(0x54) => {
                header.mtime = number::<4>(data, 0).ok().and_then(|s| i64::try_from(s).ok()).map(Time::from_seconds);
            }
            _ => {}
        }
        next = if width == 4 { number::<4>(&extension, end)? } else { number::<2>(&extension, end)? };
    }
    Ok(total)
}

fn members(tape: &Shared<'_>, walk: &mut Walk<'_>) -> io::Result<()> {
    let mut any = false;
    while let Some(header) = header(tape)? {
        any = true;
        member(tape, walk, header)?;
        if forward::over(walk) {
            return Ok(());
        }
    }
    if tape.peek(1)?.is_empty() {
        walk.shortfall(GapReason::Malformed, "the archive has no end mark; it may be cut off");
    } else {
        tape.skip_zeros()?;
        if !tape.peek(1)?.is_empty() {
            walk.note("trailing_data");
        }
    }
    if any { Ok(()) } else { Err(damaged()) }
}

fn member(tape: &Shared<'_>, walk: &mut Walk<'_>, header: Header) -> io::Result<()> {
    let mut name = header.folder;
    if !name.is_empty() && !name.ends_with(b"/") {
        name.push(b'/');
    }
    name.extend(header.name.iter().map(|b| if *b == b'\\' || *b == 0xff { b'/' } else { *b }));
    let kind = header.mode.map_or(0, |mode| mode & 0o170_000);
    // LHa for UNIX keeps the target of a link behind a bar.
    let link = kind == 0o120_000;
    if link && let Some(bar) = memchr::memchr(b'|', &name) {
        name.truncate(bar);
    }
    let method = header.method;
    let mut facts = MemberFacts {
        is_dir: &method == b"-lhd-" && !link,
        is_link: link,
        size: Some(header.size),
        packed: Some(header.packed),
        mtime: header.mtime,
        method: std::str::from_utf8(&method[1..4]).ok().map(str::to_owned),
        owner: header.owner,
        mode: header.mode.map(|mode| format!("{:04o}", mode & 0o7777)),
        ..named(name)
    };
    if !walk.admit(&mut facts) {
        return Ok(());
    }
    let mut piece = Piece::new(tape, header.packed);
    if link {
        walk.unread(&facts, GapReason::LinkMember, "a link; its target is not followed");
    } else if facts.is_dir && header.packed == 0 {
        walk.empty(&facts);
    } else {
        let method = CompressionMethod::try_from(&method).ok().filter(|_| method[1] == b'l');
        let mut input = Input::new(&mut piece);
        let fed = input.fed();
        match method {
            Some(method) => {
                let plain = Decoded::new(method, &mut input, header.size);
                let sum = Box::new(Crc16 { sum: 0, want: header.crc });
                match plain {
                    Some(plain) => walk.deliver(&facts, &mut Checked::new(plain, Some(sum)), fed, None),
                    None => walk.unread(&facts, GapReason::UnsupportedMethod, "the compression method is not supported"),
                }
            }
            None => walk.unread(&facts, GapReason::UnsupportedMethod, "the compression method is not supported"),
        }
    }
    piece.finish()
}

/// CRC-16 with the polynomial 0xA001 (ARC).
pub(super) struct Crc16 {
    sum: u16,
    want: u16,
}

impl Sum for Crc16 {
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.sum ^= u16::from(*byte);
            for _ in 0..8 {
                self.sum = if self.sum & 1 == 1 { self.sum >> 1 ^ 0xa001 } else { self.sum >> 1 };
            }
        }
    }

    fn agrees(&self) -> bool {
        self.sum == self.want
    }
}

/// The crate's decoders fill buffers that must not be larger than what is left.
pub(super) struct Decoded<'a> {
    inner: DecoderAny<Source<'a>>,
    left: u64,
}

impl<'a> Decoded<'a> {
    pub(super) fn new(method: CompressionMethod, input: &'a mut dyn Read, size: u64) -> Option<Self> {
        let inner = DecoderAny::new_from_compression(method, Source(input));
        let known = !matches!(inner, DecoderAny::UnsupportedDecoder(_));
        known.then_some(Self { inner, left: size })
    }
}

impl Read for Decoded<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = usize::try_from(self.left).unwrap_or(usize::MAX).min(buf.len());
        if n == 0 {
            return Ok(0);
        }
        self.inner.fill_buffer(&mut buf[..n]).map_err(|e| match e {
            delharc::error::LhaError::Io(Failed(fault)) => fault.into(),
            _ => Fault::malformed("the data are damaged"),
        })?;
        self.left = self.left.saturating_sub(n as u64);
        Ok(n)
    }
}

/// An input's error, as the crate wants it.
#[derive(Debug, thiserror::Error)]
#[error("reading failed")]
pub(super) struct Failed(Fault);

pub(super) struct Source<'a>(&'a mut dyn Read);

impl delharc::stub_io::Read for Source<'_> {
    type Error = Failed;

    fn unexpected_eof() -> Failed {
        Failed(Fault::new(GapReason::Malformed, "the data end too early"))
    }

    fn read_all(&mut self, buf: &mut [u8]) -> Result<usize, Failed> {
        let mut have = 0;
        while have < buf.len() {
            match self.0.read(&mut buf[have..]) {
                Ok(0) => break,
                Ok(n) => have += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(Failed(fault_of(&e))),
            }
        }
        Ok(have)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{mutations, open};
    use super::*;

    const LEVELS: [(&str, &[u8]); 3] = [
        ("level 0", include_bytes!("../../tests/fixtures/container/lzh-0.lzh")),
        ("level 1", include_bytes!("../../tests/fixtures/container/lzh-1.lzh")),
        ("level 2", include_bytes!("../../tests/fixtures/container/lzh.lzh")),
    ];
    const METHODS: [(&str, &[u8]); 3] = [
        ("lh0", include_bytes!("../../tests/fixtures/container/lzh-lh0.lzh")),
        ("lh6", include_bytes!("../../tests/fixtures/container/lzh-lh6.lzh")),
        ("lh7", include_bytes!("../../tests/fixtures/container/lzh-lh7.lzh")),
    ];

    fn lines() -> Vec<u8> {
        (0..300_u32).flat_map(|n| format!("{n} nobody\n").into_bytes()).collect()
    }

    #[test]
    fn headers_of_every_level() {
        for (what, bytes) in LEVELS {
            let tree = open(bytes, "x.lzh");
            assert_eq!(tree.gaps(), [], "{what}: {:?}", tree.names());
            assert_eq!(tree.content("dir/lines.txt"), Some(&lines()[..]), "{what}");
            assert_eq!(tree.seen.last().unwrap().facts.method.as_deref(), Some("lh5"));
            let time = tree.seen.last().unwrap().facts.mtime.and_then(Time::rfc3339);
            assert_eq!(time.as_deref(), Some("2024-01-01T12:00:00Z"), "{what}");
        }
    }

    #[test]
    fn methods() {
        for (method, bytes) in METHODS {
            let tree = open(bytes, "x.lzh");
            assert_eq!((tree.content("dir/lines.txt"), tree.gaps()), (Some(&lines()[..]), vec![]), "{method}");
            assert_eq!(tree.seen.last().unwrap().facts.method.as_deref(), Some(method));
        }
        // A method that is told.
        let mut other = LEVELS[2].1.to_vec();
        let at = memchr::memmem::rfind(&other, b"-lh5-").unwrap();
        other[at + 3] = b'9';
        assert!(open(&other, "x.lzh").gaps().contains(&GapReason::UnsupportedMethod));
    }

    #[test]
    fn damage() {
        for (what, bytes) in LEVELS {
            mutations(&bytes[..bytes.len().min(300)], what);
            for cut in (22..bytes.len()).step_by(5) {
                assert!(open(&bytes[..cut], "x").gaps().contains(&GapReason::Malformed), "{what} cut at {cut}");
            }
        }
        let mut bad = METHODS[0].1.to_vec();
        let at = memchr::memmem::find(&bad, b"nobody").unwrap();
        bad[at] ^= 1;
        assert_eq!(open(&bad, "x.lzh").gaps(), [GapReason::Malformed]);
    }
}
