//! RAR: the headers of RAR 4 and 5 are read here, stored members are copied, compressed ones go through the
//! decoders of the `rars` crate.
//!
//! Notes: `prefix_data`, `trailing_data`, `comment`, `recovery_record`, `ntfs_stream`, `volume`,
//! `opened_with_password`, `passwords_not_all_tried`.

use std::io::{self, SeekFrom};
use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::passwords::Keyring;
use super::read::read_at;
use super::walk::Walk;
use super::{Budget, Container, Expanded, MemberSink, Probe, ReadSeek, overlay};
use crate::model::GapReason;

mod crypt;
mod decode;
mod entry;
mod members;
mod names;
mod pump;
mod rar14;
mod rar4;
mod rar5;
#[cfg(test)]
mod tests;
mod volumes;

use entry::{Block, Main};
use members::Members;

static FINDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"Rar!\x1a\x07"));

/// Bytes searched for the next header that can be believed, behind all damaged ones of an archive together.
const SEARCH: u64 = 16 << 20;
/// Bytes of a window of that search, and what the test of a place may look at.
const WINDOW: usize = 256 << 10;
const HEADER: usize = 8 << 10;
/// Damaged headers before the rest of an archive is given up.
const DAMAGED: u32 = 100;

pub struct Rar;

impl Rar {
    /// Where the archive starts: a mark with a sound header behind it.
    pub(super) fn start(probe: &Probe<'_>) -> Option<u64> {
        overlay::find(probe, &FINDER, |bytes| rar4::starts(bytes) || rar5::starts(bytes))
    }
}

impl Container for Rar {
    fn id(&self) -> &'static str {
        "rar"
    }

    fn probe(&self, probe: &Probe<'_>) -> bool {
        [rar4::MARK, rar5::MARK, rar14::MARK].iter().any(|mark| probe.head.starts_with(mark))
    }

    fn expand(&self, probe: &Probe<'_>, input: &mut dyn ReadSeek, budget: &mut Budget, sink: &mut dyn MemberSink) -> Expanded {
        let mut walk = Walk::new(self.id(), budget, sink);
        let base = if self.probe(probe) { 0 } else { Self::start(probe).unwrap_or(0) };
        if base > 0 {
            walk.note("prefix_data");
        }
        let mut keyring = Keyring::default();
        let outcome = input.seek(SeekFrom::End(0)).and_then(|end| {
            if probe.head.starts_with(rar14::MARK) {
                walk.made_by("RAR before version 1.5".to_owned());
                return rar14::list(input, end, &mut walk);
            }
            let mark = read_at(input, base, 8)?;
            // RAR 5.0 brought the second format; later versions can still write the first.
            let newer = mark.starts_with(rar5::MARK);
            walk.made_by(if newer { "RAR 5 or later" } else { "RAR 1.5 to 4, or later in its old format" }.to_owned());
            let mut headers = match mark.starts_with(rar5::MARK) {
                true => Headers::Rar5(rar5::Headers::new(base, end)),
                false => Headers::Rar4(Box::new(rar4::Headers::new(base, end))),
            };
            blocks(&mut headers, probe, input, end, &mut keyring, &mut walk)
        });
        if let Err(e) = outcome {
            walk.failed(&e);
        }
        if keyring.cut() {
            walk.note("passwords_not_all_tried");
        }
        walk.finish()
    }
}

/// Headers are encrypted, and no password opens them.
struct Hidden;

enum Headers {
    Rar4(Box<rar4::Headers>),
    Rar5(rar5::Headers),
}

impl Headers {
    fn next(
        &mut self,
        input: &mut dyn ReadSeek,
        keyring: &mut Keyring,
        budget: &Budget,
    ) -> io::Result<Option<Result<Block, Hidden>>> {
        match self {
            Self::Rar4(headers) => headers.next(input, keyring, budget),
            Self::Rar5(headers) => headers.next(input, keyring, budget),
        }
    }

    fn position(&self) -> u64 {
        match self {
            Self::Rar4(headers) => headers.position(),
            Self::Rar5(headers) => headers.position(),
        }
    }

    fn opened(&self) -> bool {
        match self {
            Self::Rar4(headers) => headers.opened(),
            Self::Rar5(headers) => headers.opened(),
        }
    }
}

/// Every block, in its order.
fn blocks(
    headers: &mut Headers,
    probe: &Probe<'_>,
    input: &mut dyn ReadSeek,
    end: u64,
    keyring: &mut Keyring,
    walk: &mut Walk<'_>,
) -> io::Result<()> {
    let budget = walk.budget().clone();
    let mut members = Members::default();
    members.newer = matches!(headers, Headers::Rar5(_));
    let mut volume = Volume::default();
    let mut damaged = 0;
    let mut searched = 0;
    let mut ended = false;
    let mut opened = false;
    while !walk.ended() {
        let at = headers.position();
        let Some(block) = headers.next(input, keyring, &budget)? else { break };
        if headers.opened() && !opened {
            opened = true;
            walk.names_hidden();
            walk.opened_with_password();
        }
        match block {
            Err(Hidden) => {
                walk.names_hidden();
                walk.shortfall(GapReason::Encrypted, "names and content are encrypted");
                return Ok(());
            }
            Ok(Block::Main(main)) => {
                main_notes(main, walk);
                members.solid = main.solid;
                volume.set = main.volume;
            }
            Ok(Block::File(entry)) => {
                volume.before |= entry.before;
                volume.behind |= entry.after;
                members.member(*entry, input, keyring, walk)?;
            }
            Ok(Block::Service(entry)) => members.service(*entry, input, keyring, walk)?,
            Ok(Block::End { more }) => {
                volume.behind |= more;
                ended = true;
                break;
            }
            Ok(Block::Note(note)) => walk.note(note),
            Ok(Block::Other) => {}
            Ok(Block::Damaged) => {
                walk.shortfall(GapReason::Malformed, "a header is damaged");
                damaged += 1;
                searched += headers.position().saturating_sub(at);
                members.lost();
                if damaged >= DAMAGED || searched >= SEARCH {
                    walk.shortfall(GapReason::Malformed, "too many damaged headers; the rest is not listed");
                    return Ok(());
                }
            }
        }
    }
    if walk.ended() {
        return Ok(());
    }
    let behind = headers.position();
    if behind > end {
        walk.shortfall(GapReason::Malformed, "the archive is cut off");
    } else if ended && behind < end {
        walk.note("trailing_data");
    } else if !ended && (members.newer || !members.any()) {
        // RAR 2.9 and later write a record at the end, and none makes an archive of nothing.
        walk.shortfall(GapReason::Malformed, "the archive has no end record; it may be cut off");
    }
    volume.tell(probe.name, walk);
    Ok(())
}

fn main_notes(main: Main, walk: &mut Walk<'_>) {
    for (is, note) in [(main.recovery, "recovery_record"), (main.comment, "comment"), (main.volume, "volume")] {
        if is {
            walk.note(note);
        }
    }
}

/// Which other volumes hold a part of what this one holds.
#[derive(Default)]
struct Volume {
    set: bool,
    before: bool,
    behind: bool,
}

impl Volume {
    fn tell(&self, name: &[u8], walk: &mut Walk<'_>) {
        if !self.set {
            return;
        }
        let (before, behind) = volumes::beside(name);
        walk.missing(before.filter(|_| self.before).into_iter().chain(behind.filter(|_| self.behind)));
    }
}

/// The first place from `from` on that `is` confirms.
fn scan(input: &mut dyn ReadSeek, from: u64, end: u64, is: &dyn Fn(&[u8]) -> Option<()>) -> io::Result<Option<u64>> {
    let mut at = from;
    let last = end.min(from.saturating_add(SEARCH));
    while at < last {
        let window = read_at(input, at, WINDOW + HEADER)?;
        let places = window.len().min(WINDOW);
        if let Some(found) = (0..places).find(|i| window.get(*i..).is_some_and(|bytes| is(bytes).is_some())) {
            return Ok(Some(at.saturating_add(found as u64)));
        }
        if window.len() < WINDOW {
            return Ok(None);
        }
        at = at.saturating_add(places as u64);
    }
    Ok(None)
}

/// Fields one behind the other.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2)?.try_into().ok().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take(8)?.try_into().ok().map(u64::from_le_bytes)
    }

    /// Seven bits a byte, the lowest first; at most 64 bits in ten bytes.
    fn vint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for i in 0..10_u32 {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            let shifted = bits.checked_shl(7 * i)?;
            if shifted >> (7 * i) != bits {
                return None;
            }
            value |= shifted;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
}
