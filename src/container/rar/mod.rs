//! RAR: the headers of RAR 4 and 5 are read here, stored members are copied, compressed ones go through the
//! decoders of the `rars` crate.
//!
//! Volumes that lie beside the first one are read with it. Notes: `prefix_data`, `trailing_data`, `comment`,
//! `recovery_record`, `ntfs_stream`, `volume`, `read_with_set` (its members are those of the volume before),
//! `opened_with_password`, `passwords_not_all_tried`.

use std::io::{self, SeekFrom};
use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::parts::shown;
use super::passwords::Keyring;
use super::read::read_at;
use super::set::{Joined, Part};
use super::walk::Walk;
use super::{Budget, Container, Expanded, MemberSink, Probe, ReadSeek, overlay};
use crate::model::GapReason;

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
#[cfg(test)]
mod tests;
mod volumes;

use chain::{Chain, Next};
use entry::{Block, Entry, Main};
use members::Members;
use volumes::beside;

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

/// Reading all blocks, in their order.
struct Reading<'a> {
    chain: Chain<'a>,
    members: Members,
    /// A member that goes on in the next volume.
    open: Option<Box<Entry>>,
    /// The first member begins in a volume before.
    before: bool,
    /// The first volume that is there isn't the first of the set.
    later: bool,
    /// The last volume says that another one follows.
    behind: bool,
    /// Volumes that should lie where none does, or another.
    missing: Vec<Vec<u8>>,
    damaged: u32,
    searched: u64,
}

/// How a volume ended.
enum Ended {
    /// With a record, or with its bytes.
    Here { record: bool },
    /// All is said.
    Done,
}

impl<'a> Reading<'a> {
    fn new(chain: Chain<'a>) -> Self {
        let mut members = Members::default();
        members.newer = chain.headers.newer();
        Self {
            chain,
            members,
            open: None,
            before: false,
            later: false,
            behind: false,
            missing: Vec::new(),
            damaged: 0,
            searched: 0,
        }
    }

    fn blocks(&mut self, joined: &mut Joined<'a>, keyring: &mut Keyring, walk: &mut Walk<'_>) -> io::Result<()> {
        let first = beside(&self.chain.name).before.into_iter().next();
        loop {
            self.behind = false;
            let Ended::Here { record } = self.volume(joined, keyring, walk)? else { break };
            self.end(record, walk);
            if !self.chain.main.volume || !(self.behind || self.open.is_some() || !record) {
                break;
            }
            match self.chain.advance(joined, keyring, walk)? {
                Next::Volume { fits } => {
                    main_notes(self.chain.main, walk);
                    self.members.solid = self.chain.main.solid;
                    if !fits {
                        self.missing.push(self.chain.name.clone());
                        self.give_up(joined, keyring, walk)?;
                    }
                }
                Next::Missing(name) => {
                    // Old versions close no volume with a record: then nothing may be missing.
                    if self.behind || self.open.is_some() {
                        self.missing.push(name);
                    }
                    if self.behind && self.open.is_none() {
                        walk.shortfall(GapReason::MissingVolume, "a volume that follows is missing");
                    }
                    break;
                }
                Next::Unnamed => break,
            }
        }
        self.give_up(joined, keyring, walk)?;
        if self.later && !self.before {
            self.before = true;
            walk.shortfall(GapReason::MissingVolume, "the volumes before this one are missing");
        }
        walk.missing(first.filter(|_| self.before).into_iter().chain(std::mem::take(&mut self.missing)).map(|name| shown(&name)));
        Ok(())
    }

    /// The blocks of the present volume.
    fn volume(&mut self, joined: &mut Joined<'a>, keyring: &mut Keyring, walk: &mut Walk<'_>) -> io::Result<Ended> {
        let budget = walk.budget().clone();
        let mut opened = false;
        let mut first = true;
        while !walk.ended() {
            let at = self.chain.headers.position();
            let Some(block) = self.chain.headers.next(joined, keyring, &budget)? else {
                return Ok(Ended::Here { record: false });
            };
            if self.chain.headers.opened() && !opened {
                opened = true;
                walk.names_hidden();
                walk.opened_with_password();
            }
            match block {
                Err(Hidden) => {
                    walk.names_hidden();
                    walk.shortfall(GapReason::Encrypted, "names and content are encrypted");
                    return Ok(Ended::Done);
                }
                Ok(Block::Main(main)) => {
                    main_notes(main, walk);
                    self.members.solid = main.solid;
                    self.chain.main = main;
                    if main.volume && self.chain.continues(keyring, &budget) {
                        walk.note("read_with_set");
                        return Ok(Ended::Done);
                    }
                    self.later = main.number.is_some_and(|number| number > 0);
                }
                Ok(Block::File(entry)) => {
                    self.file(entry, std::mem::take(&mut first), joined, keyring, walk)?;
                }
                Ok(Block::Service(entry)) => self.members.service(*entry, joined, keyring, walk)?,
                Ok(Block::End { more }) => {
                    self.behind |= more;
                    return Ok(Ended::Here { record: true });
                }
                Ok(Block::Note(note)) => walk.note(note),
                Ok(Block::Other) => {}
                Ok(Block::Damaged) => {
                    walk.shortfall(GapReason::Malformed, "a header is damaged");
                    self.damaged = self.damaged.saturating_add(1);
                    self.searched = self.searched.saturating_add(self.chain.headers.position().saturating_sub(at));
                    self.members.lost();
                    if self.damaged >= DAMAGED || self.searched >= SEARCH {
                        walk.shortfall(GapReason::Malformed, "too many damaged headers; the rest is not listed");
                        return Ok(Ended::Done);
                    }
                }
            }
        }
        Ok(Ended::Done)
    }

    /// A member, or a piece of one.
    fn file(
        &mut self,
        mut entry: Box<Entry>,
        first: bool,
        joined: &mut Joined<'a>,
        keyring: &mut Keyring,
        walk: &mut Walk<'_>,
    ) -> io::Result<()> {
        // What lies behind the end of the volume is another one's.
        entry.pieces = vec![(entry.data, entry.packed.min(self.chain.end.saturating_sub(entry.data)))];
        if let Some(mut open) = self.open.take() {
            if entry.before && open.goes_on_as(&entry) {
                open.extend(&entry);
                if open.after {
                    self.open = Some(open);
                    return Ok(());
                }
                return self.members.member(*open, joined, keyring, walk);
            }
            // Another volume took the place of the right one.
            self.missing.push(self.chain.name.clone());
            self.members.member(*open, joined, keyring, walk)?;
        } else {
            self.before |= first && entry.before && self.missing.is_empty();
        }
        if entry.after && self.chain.main.volume {
            self.open = Some(entry);
            return Ok(());
        }
        self.members.member(*entry, joined, keyring, walk)
    }

    /// The rest of a member doesn't come any more.
    fn give_up(&mut self, joined: &mut Joined<'a>, keyring: &mut Keyring, walk: &mut Walk<'_>) -> io::Result<()> {
        self.open.take().map_or(Ok(()), |open| self.members.member(*open, joined, keyring, walk))
    }

    /// What the end of the present volume says.
    fn end(&self, record: bool, walk: &mut Walk<'_>) {
        let (behind, end) = (self.chain.headers.position(), self.chain.end);
        if behind > end {
            walk.shortfall(GapReason::Malformed, "the archive is cut off");
        } else if record && behind < end {
            walk.note("trailing_data");
        } else if !record && (self.members.newer || !(self.members.any() || self.open.is_some())) {
            // RAR 2.9 and later write a record at the end, and none makes an archive of nothing.
            walk.shortfall(GapReason::Malformed, "the archive has no end record; it may be cut off");
        }
    }
}

fn main_notes(main: Main, walk: &mut Walk<'_>) {
    for (is, note) in [(main.recovery, "recovery_record"), (main.comment, "comment"), (main.volume, "volume")] {
        if is {
            walk.note(note);
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
