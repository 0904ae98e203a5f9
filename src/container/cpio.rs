//! cpio: the old binary form in both byte orders, POSIX odc, SVR4 with and without checksums (cpio(5) of libarchive).
//!
//! Read forward only. What follows the trailer is another archive, or whatever a boot loader finds there: an early
//! initramfs stands in front of the real one, so what is left is handed on as a member.

use std::io;

use super::forward::{self, Sum};
use super::meter::{Fault, Input};
use super::stream::Shared;
use super::walk::{Walk, named};
use super::{Budget, Container, Expanded, MemberSink, Probe, ReadSeek};
use crate::model::{GapReason, MemberFacts, Time};

const TRAILER: &[u8] = b"TRAILER!!!";
/// Longest name that is kept, bytes (`PATH_MAX` of most systems is 4096).
const NAME: u64 = 64 << 10;

pub struct Cpio;

impl Container for Cpio {
    fn id(&self) -> &'static str {
        "cpio"
    }

    fn probe(&self, probe: &Probe<'_>) -> bool {
        is_cpio(probe.head)
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

/// Digits behind the magic, or in the binary forms a plausible length of the name.
fn is_cpio(head: &[u8]) -> bool {
    if head.starts_with(b"07070X") {
        return head.get(6..14).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
    }
    if let Some(digits) = head.get(6..14)
        && [&b"070701"[..], b"070702", b"070707"].iter().any(|magic| head.starts_with(magic))
    {
        return digits.iter().all(u8::is_ascii_hexdigit);
    }
    let name_size = |order: fn([u8; 2]) -> u16| head.get(20..22).and_then(|b| b.try_into().ok()).map(order);
    let plausible = |size: Option<u16>| {
        size.is_some_and(|n| {
            let end = usize::from(n).saturating_add(25);
            (2..=1024).contains(&n) && head.get(end) == Some(&0) && !head[26..end].contains(&0)
        })
    };
    (head.starts_with(&[0xc7, 0x71]) && plausible(name_size(u16::from_le_bytes)))
        || (head.starts_with(&[0x71, 0xc7]) && plausible(name_size(u16::from_be_bytes)))
}

#[derive(Default)]
struct Header {
    mode: u32,
    uid: u32,
    gid: u32,
    links: u32,
    mtime: u32,
    size: u64,
    name_size: u64,
    /// Sum of the content's bytes, where the form has it.
    sum: Option<u32>,
    /// Bytes to which header with name and data are rounded up.
    round: u64,
    length: u64,
}

impl Header {
    /// Bytes to skip behind `n` bytes.
    fn padding(&self, n: u64) -> u64 {
        n.next_multiple_of(self.round) - n
    }
}

/// The next header; none where something else stands.
fn header(tape: &Shared<'_>) -> io::Result<Option<Header>> {
    let head = tape.peek(6)?;
    let header = match head.as_slice() {
        b"070701" | b"070702" => svr4(&tape.take::<110>()?),
        b"070707" => odc(&tape.take::<76>()?),
        [0xc7, 0x71, ..] => binary(&tape.take::<26>()?, u16::from_le_bytes),
        [0x71, 0xc7, ..] => binary(&tape.take::<26>()?, u16::from_be_bytes),
        b"07070X" => return Err(Fault::new(GapReason::UnsupportedMethod, "names and sizes stand outside the archive").into()),
        _ => return Ok(None),
    };
    header.map(Some).ok_or_else(|| Fault::malformed("a header is damaged; what follows is not listed"))
}

fn digits(field: &[u8], radix: u32) -> Option<u64> {
    let plain = field.iter().all(u8::is_ascii_hexdigit);
    std::str::from_utf8(field).ok().filter(|_| plain).and_then(|text| u64::from_str_radix(text, radix).ok())
}

fn svr4(bytes: &[u8; 110]) -> Option<Header> {
    let field = |i: usize| digits(bytes.get(6 + i * 8..14 + i * 8)?, 16).and_then(|n| u32::try_from(n).ok());
    Some(Header {
        mode: field(1)?,
        uid: field(2)?,
        gid: field(3)?,
        links: field(4)?,
        mtime: field(5)?,
        size: u64::from(field(6)?),
        name_size: u64::from(field(11)?),
        sum: if bytes[5] == b'2' { Some(field(12)?) } else { None },
        round: 4,
        length: 110,
    })
}

fn odc(bytes: &[u8; 76]) -> Option<Header> {
    let field = |from: usize, to: usize| digits(bytes.get(from..to)?, 8);
    let word = |from: usize, to: usize| u32::try_from(field(from, to)?).ok();
    Some(Header {
        mode: word(18, 24)?,
        uid: word(24, 30)?,
        gid: word(30, 36)?,
        links: word(36, 42)?,
        mtime: word(48, 59).unwrap_or(0),
        name_size: field(59, 65)?,
        size: field(65, 76)?,
        sum: None,
        round: 1,
        length: 76,
    })
}

/// Numbers of 32 bits have their upper half first, whatever the byte order.
fn binary(bytes: &[u8; 26], order: fn([u8; 2]) -> u16) -> Option<Header> {
    let word = |i: usize| bytes.get(i * 2..i * 2 + 2)?.try_into().ok().map(|b| u32::from(order(b)));
    let long = |i: usize| Some(word(i)? << 16 | word(i + 1)?);
    Some(Header {
        mode: word(3)?,
        uid: word(4)?,
        gid: word(5)?,
        links: word(6)?,
        mtime: long(8)?,
        name_size: u64::from(word(10)?),
        size: u64::from(long(11)?),
        sum: None,
        round: 2,
        length: 26,
    })
}

fn members(tape: &Shared<'_>, walk: &mut Walk<'_>) -> io::Result<()> {
    loop {
        let Some(header) = header(tape)? else {
            let empty = tape.peek(1)?.is_empty();
            let what = if empty {
                "the archive has no end mark; it may be cut off"
            } else {
                "a header is damaged; what follows is not listed"
            };
            walk.shortfall(GapReason::Malformed, what);
            return Ok(());
        };
        if header.name_size > NAME {
            return Err(Fault::new(GapReason::LimitMemory, "a name is longer than the limit").into());
        }
        let mut name = Vec::new();
        for _ in 0..header.name_size {
            name.extend(tape.take::<1>()?);
        }
        name.truncate(memchr::memchr(0, &name).unwrap_or(name.len()));
        tape.skip(header.padding(header.length.saturating_add(header.name_size)))?;
        if name == TRAILER {
            tape.skip(header.size)?;
            tape.skip_zeros()?;
            match tape.peek(64 << 10)? {
                left if left.is_empty() => return Ok(()),
                left if is_cpio(&left) => continue,
                _ => return rest(tape, walk),
            }
        }
        member(tape, walk, &header, name)?;
        if forward::over(walk) {
            return Ok(());
        }
        // GNU cpio leaves the padding of the last member away where an archive is cut there.
        tape.skip(header.padding(header.size))?;
    }
}

/// What stands behind the trailer.
fn rest(tape: &Shared<'_>, walk: &mut Walk<'_>) -> io::Result<()> {
    walk.note("trailing_data");
    let mut facts = MemberFacts { method: Some("trailing data".to_owned()), ..named("trailing data") };
    if walk.admit(&mut facts) {
        let mut tape = tape.clone();
        let mut input = Input::new(&mut tape);
        let fed = input.fed();
        walk.deliver(&facts, &mut input, fed, None);
    }
    Ok(())
}

fn member(tape: &Shared<'_>, walk: &mut Walk<'_>, header: &Header, name: Vec<u8>) -> io::Result<()> {
    let kind = header.mode & 0o170_000;
    let mut facts = MemberFacts {
        is_dir: kind == 0o040_000,
        is_link: kind == 0o120_000,
        size: Some(header.size),
        packed: Some(header.size),
        mtime: Some(Time::from_seconds(i64::from(header.mtime))),
        owner: Some(format!("{}:{}", header.uid, header.gid)),
        mode: Some(format!("{:04o}", header.mode & 0o7777)),
        ..named(name)
    };
    if !walk.admit(&mut facts) {
        return Ok(());
    }
    match kind {
        0o120_000 => {
            walk.unread(&facts, GapReason::LinkMember, "a link; its target is not followed");
            tape.skip(header.size)
        }
        0o010_000 | 0o020_000 | 0o060_000 | 0o140_000 if header.size == 0 => {
            walk.unread(&facts, GapReason::SpecialFile, "a device or pipe; it holds no bytes");
            Ok(())
        }
        // SVR4 keeps the content of hard-linked files with the last of their names.
        0o100_000 if header.size == 0 && header.links > 1 && header.round == 4 => {
            walk.unread(&facts, GapReason::LinkMember, "a hard link; its content comes with another name");
            Ok(())
        }
        0o040_000 if header.size == 0 => {
            walk.empty(&facts);
            Ok(())
        }
        _ => {
            let sum = header.sum.map(|want| Box::new(Added { sum: 0, want }) as Box<dyn Sum>);
            forward::stored(walk, &facts, tape, header.size, sum)
        }
    }
}

/// The sum of all bytes, modulo 2^32.
struct Added {
    sum: u32,
    want: u32,
}

impl Sum for Added {
    fn add(&mut self, bytes: &[u8]) {
        self.sum = bytes.iter().fold(self.sum, |sum, b| sum.wrapping_add(u32::from(*b)));
    }

    fn agrees(&self) -> bool {
        self.sum == self.want
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{mutations, open, opened};
    use super::*;

    const NEWC: &[u8] = include_bytes!("../../tests/fixtures/container/cpio.cpio");
    const OTHERS: [(&str, &[u8]); 4] = [
        ("crc", include_bytes!("../../tests/fixtures/container/cpio-crc.cpio")),
        ("odc", include_bytes!("../../tests/fixtures/container/cpio-odc.cpio")),
        ("bin", include_bytes!("../../tests/fixtures/container/cpio-bin.cpio")),
        ("swapped", include_bytes!("../../tests/fixtures/container/cpio-swapped.cpio")),
    ];

    #[test]
    fn every_form_gives_the_same() {
        let whole = open(NEWC, "x.cpio");
        assert_eq!(whole.content("dir/list.txt"), Some(&b"Nobody in this list is real.\n"[..]));
        assert_eq!(whole.gaps(), [GapReason::LinkMember]);
        let facts = &whole.seen.iter().find(|s| s.name() == "dir/list.txt").unwrap().facts;
        assert_eq!(facts.mtime.and_then(Time::rfc3339).as_deref(), Some("2024-01-01T12:00:00Z"));
        assert_eq!(facts.mode.as_deref(), Some("0644"));
        for (form, bytes) in OTHERS {
            let tree = open(bytes, form);
            assert_eq!(tree.names(), whole.names(), "{form}");
            assert_eq!(tree.content("dir/list.txt"), whole.content("dir/list.txt"), "{form}");
            assert_eq!(tree.gaps(), whole.gaps(), "{form}");
        }
    }

    #[test]
    fn a_wrong_sum_is_told() {
        let mut bad = OTHERS[0].1.to_vec();
        let at = memchr::memmem::find(&bad, b"Nobody").unwrap();
        bad[at] ^= 1;
        assert!(open(&bad, "x").gaps().contains(&GapReason::Malformed));
    }

    #[test]
    fn what_follows_the_trailer_is_a_member() {
        let gz = include_bytes!("../../tests/fixtures/container/gz.gz");
        let tree = open(&[NEWC, gz].concat(), "initrd.img");
        assert_eq!(tree.content("trailing data"), Some(&gz[..]));
        assert_eq!(opened(&tree).facts.notes, ["trailing_data"]);
        let twice = open(&[NEWC, OTHERS[1].1].concat(), "x");
        assert_eq!(twice.seen.len(), 2 * open(NEWC, "x").seen.len());
    }

    #[test]
    fn damage() {
        for (form, bytes) in OTHERS.into_iter().chain([("newc", NEWC)]) {
            mutations(bytes, form);
            // Blocks of zeros fill the end up.
            let end = memchr::memmem::rfind(bytes, TRAILER).unwrap() + TRAILER.len() + 4;
            for cut in 120..end - 4 {
                let tree = open(&bytes[..cut], form);
                assert!(tree.gaps().contains(&GapReason::Malformed), "{form} cut at {cut}");
            }
        }
    }
}
