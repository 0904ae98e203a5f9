//! RAR: the headers of RAR 4 and 5 are read here, stored members are copied, compressed ones go through the
//! decoders of the `rars` crate.
//!
//! Volumes that lie beside the first one are read with it. Notes: `prefix_data`, `trailing_data`, `comment`,
//! `recovery_record`, `ntfs_stream`, `volume`, `read_with_set` (its members are those of the volume before),
//! `volume_behind_last` (more volumes than the set has),
//! `opened_with_password`, `passwords_not_all_tried`.

use std::io::{self, SeekFrom};
use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::passwords::Keyring;
use super::read::read_at;
use super::set::{Joined, Part};
use super::walk::Walk;
use super::{Budget, Container, Expanded, MemberSink, Probe, ReadSeek, overlay};

mod chain;
mod crypt;
mod decode;
mod entry;
mod members;
mod names;
mod pump;
mod rar14;
mod rar4;
mod rar5;
mod reading;
#[cfg(test)]
mod tests;
mod volumes;

use chain::Chain;
use entry::Block;
use reading::Reading;

static FINDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"Rar!\x1a\x07"));

/// Bytes searched for the next header that can be believed, behind all damaged ones of an archive together.
const SEARCH: u64 = 16 << 20;
/// Bytes of a window of that search, and what the test of a place may look at.
const WINDOW: usize = 256 << 10;
const HEADER: usize = 8 << 10;

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
            let chain = Chain::new(Headers::new(&mark, base, end), end, probe);
            let mut joined = Joined::new(input, probe.volumes, [Part::own(end)]);
            Reading::new(chain).blocks(&mut joined, &mut keyring, &mut walk)
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
    fn new(mark: &[u8], base: u64, end: u64) -> Self {
        match mark.starts_with(rar5::MARK) {
            true => Self::Rar5(rar5::Headers::new(base, end)),
            false => Self::Rar4(Box::new(rar4::Headers::new(base, end))),
        }
    }

    /// Of RAR 5 or later.
    fn newer(&self) -> bool {
        matches!(self, Self::Rar5(_))
    }

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
