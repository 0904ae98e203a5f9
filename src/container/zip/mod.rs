//! zip, by our own walk through the central directory and a look at each local header.
//!
//! Readers that trust one of the two can be shown different archives; so both are compared, what only one of
//! them lists is delivered as well, and disagreements are noted: `duplicate_name`, `header_mismatch`,
//! `overlapping_entries`, `hidden_member`, `count_mismatch`, `ambiguous_end`, `prefix_data`, `trailing_data`,
//! `false_encryption_flag`, `read_with_set` (its members are those of another volume), `opened_with_password`, `passwords_not_all_tried`.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read, SeekFrom};
use std::rc::Rc;

use super::meter::Input;
use super::parts::{numbered, part, shown, stem, with_ending};
use super::passwords::Keyring;
use super::read::read_at;
use super::set::Joined;
use super::walk::Walk;
use super::{Budget, Container, Expanded, MemberSink, Probe, ReadSeek, gap_of};
use crate::model::{GapReason, MemberFacts};

mod carve;
mod crypt;
mod decode;
mod directory;
mod entry;
#[cfg(test)]
mod hostile;
mod locked;
mod maker;
#[cfg(test)]
mod tests;
mod volumes;

use carve::Carver;
use crypt::Plain;
use directory::End;
use entry::{Entry, MASKED};
use maker::maker;
use volumes::{Plan, Set, plan};

/// Bytes of the directory read at a time.
const WINDOW: usize = 256 << 10;

pub struct Zip;

impl Container for Zip {
    fn id(&self) -> &'static str {
        "zip"
    }

    fn probe(&self, probe: &Probe<'_>) -> bool {
        starts(probe.head) || directory::in_tail(probe.tail, probe.size)
    }

    fn weak(&self, probe: &Probe<'_>) -> bool {
        !starts(probe.head)
    }

    fn expand(&self, probe: &Probe<'_>, input: &mut dyn ReadSeek, budget: &mut Budget, sink: &mut dyn MemberSink) -> Expanded {
        let mut walk = Walk::new(self.id(), budget, sink);
        let outcome = input.seek(SeekFrom::End(0)).and_then(|size| match plan(probe, input, size)? {
            Plan::Alone => Archive::new(input, size, walk.budget().limits.ratio).all(probe, &mut walk),
            Plan::Elsewhere => {
                walk.note("read_with_set");
                Ok(())
            }
            Plan::Joined(set) => {
                let mut joined = Joined::new(input, probe.volumes, set.parts.iter().cloned());
                let (size, holes, starts) =
                    (joined.size(), joined.holes().collect(), joined.ranges().map(|(start, _)| start).collect());
                let mut archive = Archive::new(&mut joined, size, walk.budget().limits.ratio);
                archive.volumes = Some(Volumes { set, starts, holes });
                archive.all(probe, &mut walk)
            }
        });
        if let Err(e) = outcome {
            walk.failed(&e);
        }
        walk.finish()
    }
}

/// A local header, the mark of a split or of a formerly split archive, or an empty archive's end.
fn starts(head: &[u8]) -> bool {
    let marks = [&b"PK\x03\x04"[..], b"PK\x07\x08PK\x03\x04", b"PK00PK\x03\x04", b"PK\x05\x06", b"PK\x06\x06"];
    marks.iter().any(|mark| head.starts_with(mark))
}

struct Archive<'a> {
    input: &'a mut dyn ReadSeek,
    size: u64,
    /// Parts of the file that entries account for: first byte, first byte behind.
    taken: BTreeMap<u64, u64>,
    names: BTreeSet<u64>,
    /// Output left to entries that share stored bytes with others.
    allowance: Rc<Cell<u64>>,
    /// First bytes of the directory, the bound of entries' data.
    bound: u64,
    keyring: Keyring,
    volumes: Option<Volumes>,
}

/// Where the volumes of a set begin in the whole, and what is missing of it.
struct Volumes {
    set: Set,
    starts: Vec<u64>,
    holes: Vec<(u64, u64)>,
}

impl Volumes {
    fn is_missing(&self, disk: usize) -> bool {
        self.starts.get(disk).is_none_or(|start| self.holes.iter().any(|(hole, _)| hole == start))
    }
}

impl<'a> Archive<'a> {
    fn new(input: &'a mut dyn ReadSeek, size: u64, ratio: u64) -> Self {
        let allowance = Rc::new(Cell::new(size.saturating_mul(ratio).max(1 << 20)));
        Self {
            input,
            size,
            taken: BTreeMap::new(),
            names: BTreeSet::new(),
            allowance,
            bound: size,
            keyring: Keyring::default(),
            volumes: None,
        }
    }

    fn all(&mut self, probe: &Probe<'_>, walk: &mut Walk<'_>) -> io::Result<()> {
        let outcome = self.expand(probe, walk);
        if self.keyring.cut() {
            walk.note("passwords_not_all_tried");
        }
        outcome
    }

    fn expand(&mut self, probe: &Probe<'_>, walk: &mut Walk<'_>) -> io::Result<()> {
        // What is missing hides nothing behind it.
        let floor = self.volumes.iter().flat_map(|volumes| &volumes.holes).map(|(_, end)| *end).max().unwrap_or(0);
        let Some(end) = directory::find(self.input, floor, self.size)? else {
            if let Some(volumes) = &self.volumes {
                walk.missing(volumes.set.shown());
                walk.shortfall(GapReason::MissingVolume, "the volume with the directory is missing");
            } else if probe.head.starts_with(b"PK\x07\x08") {
                walk.missing([shown(&with_ending(stem(probe.name), "zip"))]);
                walk.shortfall(GapReason::MissingVolume, "the last part with the directory is missing");
            } else if let Some(number) = part(probe.name) {
                walk.missing([shown(&numbered(probe.name, number.saturating_add(1)))]);
                walk.shortfall(GapReason::MissingVolume, "the parts that follow are missing");
            } else {
                walk.shortfall(GapReason::Malformed, "the archive has no directory; entries were found by their own headers");
            }
            return self.rest(false, walk);
        };
        self.bound = end.start;
        self.remarks(&end, probe, walk);
        if end.hidden {
            walk.names_hidden();
            walk.shortfall(GapReason::Encrypted, "the directory is encrypted");
            return Ok(());
        }
        self.directory(&end, walk)?;
        self.taken.insert(end.start, end.end);
        self.rest(true, walk)
    }

    /// What the end record tells by itself.
    fn remarks(&self, end: &End, probe: &Probe<'_>, walk: &mut Walk<'_>) {
        if end.shift > 0 && !self.volumes.as_ref().is_some_and(|volumes| volumes.set.split) {
            walk.note("prefix_data");
        }
        if end.end < self.size {
            walk.note("trailing_data");
        }
        if end.ambiguous {
            walk.note("ambiguous_end");
        }
        if let Some(volumes) = &self.volumes {
            // Offsets below 0 show that the first part that is there isn't the first; what follows a directory is none.
            if volumes.set.split && !volumes.holes.is_empty() || !volumes.set.split && end.shift < 0 {
                walk.missing(volumes.set.shown());
                walk.shortfall(GapReason::MissingVolume, "some of the volumes are missing");
            }
        } else if end.disk > 0 && end.disk < u32::from(u16::MAX) {
            let stem = stem(probe.name);
            walk.missing((1..=end.disk.min(99)).map(|n| shown(&with_ending(stem, &format!("z{n:02}")))));
            walk.shortfall(GapReason::MissingVolume, "the parts before this one are missing");
        } else if end.shift < 0 {
            if let Some(number) = part(probe.name) {
                walk.missing((1..number.min(1000)).map(|n| shown(&numbered(probe.name, n))));
            }
            walk.shortfall(GapReason::MissingVolume, "bytes before the present ones are missing");
        }
    }

    /// Every entry that the directory lists.
    fn directory(&mut self, end: &End, walk: &mut Walk<'_>) -> io::Result<()> {
        let (mut at, mut count) = (end.start, 0_u64);
        let (mut window, mut base) = (Vec::new(), 0_u64);
        while at < end.limit && !walk.ended() {
            let held = |window: &[u8], base: u64, length: usize| -> Option<Vec<u8>> {
                let from = usize::try_from(at.checked_sub(base)?).ok()?;
                window.get(from..from.checked_add(length)?).map(<[u8]>::to_vec)
            };
            let mut get = |input: &mut dyn ReadSeek, length: usize| -> io::Result<Vec<u8>> {
                if let Some(bytes) = held(&window, base, length) {
                    return Ok(bytes);
                }
                (window, base) = (read_at(input, at, WINDOW)?, at);
                Ok(held(&window, base, length.min(window.len())).unwrap_or_default())
            };
            let fixed = get(self.input, Entry::CENTRAL)?;
            let Some(length) = Entry::central_length(&fixed) else { break };
            let header = get(self.input, length)?;
            if count == 0
                && let Some(maker) = maker(&header)
            {
                walk.made_by(maker);
            }
            let Some(entry) = Entry::central(&header) else {
                walk.shortfall(GapReason::Malformed, "the directory is cut off");
                return Ok(());
            };
            at = at.saturating_add(length as u64);
            count = count.saturating_add(1);
            self.listed(entry, end, walk)?;
        }
        if walk.ended() {
            return Ok(());
        }
        let agrees = if end.exact { count == end.entries } else { count & 0xffff == end.entries };
        if !agrees {
            walk.note("count_mismatch");
            let fewer = count < end.entries;
            walk.shortfall(
                GapReason::Malformed,
                if fewer {
                    "the directory lists fewer entries than it says"
                } else {
                    "the directory lists more entries than it says"
                },
            );
        }
        Ok(())
    }

    /// One entry of the directory.
    fn listed(&mut self, entry: Entry, end: &End, walk: &mut Walk<'_>) -> io::Result<()> {
        let mut hasher = DefaultHasher::new();
        entry.name.hash(&mut hasher);
        if !self.names.insert(hasher.finish()) {
            walk.note("duplicate_name");
        }
        let mut facts = entry.facts();
        let shifted = || u64::try_from(i128::from(entry.header).saturating_add(end.shift)).ok();
        let disk = usize::try_from(entry.disk).unwrap_or(usize::MAX);
        let (offset, elsewhere) = match &self.volumes {
            Some(volumes) if volumes.set.split => {
                (volumes.starts.get(disk).map(|start| start.saturating_add(entry.header)), volumes.is_missing(disk))
            }
            Some(_) => (shifted(), false),
            None => (shifted(), end.disk > 0 && entry.disk != end.disk),
        };
        let (Some(offset), false) = (offset, elsewhere) else {
            if walk.admit(&mut facts) {
                walk.unread(&facts, GapReason::MissingVolume, "it lies in a part that is missing");
            }
            return Ok(());
        };
        let found = match self.local(offset) {
            Ok(None) if end.shift != 0 && self.volumes.is_none() => self.local(entry.header)?.map(|found| (entry.header, found)),
            Err(e) if gap_of(&e) == Some(GapReason::MissingVolume) => {
                if walk.admit(&mut facts) {
                    walk.unread(&facts, GapReason::MissingVolume, "its header goes on in a part that is missing");
                }
                return Ok(());
            }
            found => found?.map(|found| (offset, found)),
        };
        let Some((offset, (local, data))) = found else {
            if walk.admit(&mut facts) {
                walk.unread(&facts, GapReason::Malformed, "there is no local header where the directory points");
            }
            return Ok(());
        };
        if entry.differs(&local) {
            walk.note("header_mismatch");
        }
        let both = entry.reads_otherwise(&local).then(|| local.clone());
        let shared = self.take(&entry, offset, data);
        if shared {
            walk.note("overlapping_entries");
        }
        self.deliver(entry, data, shared, walk)?;
        if let Some(mut local) = both {
            // Its sizes may be unknown; then the directory's bound it.
            local.packed = if local.packed == 0 { self.bound.saturating_sub(data) } else { local.packed };
            local.size = if local.size == 0 { u64::MAX } else { local.size };
            self.take(&local, offset, data);
            self.deliver(local, data, true, walk)?;
        }
        Ok(())
    }

    /// The local header at `offset` and where its data start.
    fn local(&mut self, offset: u64) -> io::Result<Option<(Entry, u64)>> {
        if offset >= self.size {
            return Ok(None);
        }
        let mut bytes = match read_at(self.input, offset, 512) {
            // The header may end before what is missing.
            Err(e) if gap_of(&e) == Some(GapReason::MissingVolume) => read_at(self.input, offset, Entry::LOCAL)?,
            read => read?,
        };
        let Some(length) = Entry::local_length(&bytes) else { return Ok(None) };
        if length > bytes.len() {
            bytes = read_at(self.input, offset, length)?;
        }
        let data = offset.saturating_add(length as u64);
        Ok(Entry::local(&bytes).map(|entry| (entry, data)))
    }

    /// Reads one entry whose data start at `data`; `shared` says that others were read from the same bytes.
    fn deliver(&mut self, mut entry: Entry, data: u64, shared: bool, walk: &mut Walk<'_>) -> io::Result<()> {
        if entry.falsely_encrypted() {
            walk.note("false_encryption_flag");
            entry.flags &= !entry::ENCRYPTED;
        }
        let mut facts = entry.facts();
        if entry.size == u64::MAX {
            (facts.size, facts.crc32) = (None, None);
        }
        if !walk.admit(&mut facts) {
            return Ok(());
        }
        if facts.is_dir && entry.packed == 0 {
            walk.empty(&facts);
        } else if walk.spent() && entry.packed > 0 {
            let spent = "the limit of bytes out of one archive was reached";
            let locked = entry.encrypted();
            let why = if locked { (GapReason::Encrypted, "the member is encrypted") } else { (GapReason::LimitSize, spent) };
            walk.unread(&facts, why.0, why.1);
        } else if entry.encrypted() {
            match self.unlock(&entry, data, walk)? {
                Some(opened) => {
                    self.input.seek(SeekFrom::Start(opened.data))?;
                    let mut reader: &mut dyn ReadSeek = self.input;
                    let mut stored = Read::by_ref(&mut reader).take(opened.entry.packed);
                    let mut plain = Plain::new(&mut stored, opened.key);
                    let allowance = shared.then(|| self.allowance.clone());
                    content(&opened.entry, &mut plain, &facts, allowance, walk);
                }
                None => walk.unread(&facts, GapReason::Encrypted, "the member is encrypted"),
            }
        } else {
            self.input.seek(SeekFrom::Start(data))?;
            let mut reader: &mut dyn ReadSeek = self.input;
            let mut stored = Read::by_ref(&mut reader).take(entry.packed);
            let allowance = shared.then(|| self.allowance.clone());
            content(&entry, &mut stored, &facts, allowance, walk);
        }
        Ok(())
    }

    /// Accounts for an entry's bytes; tells whether part of them was accounted for already.
    fn take(&mut self, entry: &Entry, from: u64, data: u64) -> bool {
        let to = data.saturating_add(entry.packed).min(self.size);
        let before = self.taken.range(..to).next_back();
        let shared = before.is_some_and(|(_, end)| *end > from) || to > self.bound.max(from) && from < self.bound;
        let end = self.taken.entry(from).or_insert(to);
        *end = to.max(*end);
        shared
    }

    /// Looks for entries in the parts of the file that nothing accounts for; `hidden` says that a directory doesn't list
    /// them.
    fn rest(&mut self, hidden: bool, walk: &mut Walk<'_>) -> io::Result<()> {
        // Nothing can be looked for in what is missing.
        self.taken.extend(self.volumes.iter().flat_map(|volumes| volumes.holes.iter().copied()));
        let mut at = 0;
        let mut gaps = Vec::new();
        for (from, to) in &self.taken {
            if from.saturating_sub(at) >= Entry::LOCAL as u64 {
                gaps.push((at, *from));
            }
            at = at.max(*to);
        }
        gaps.push((at, self.size));
        gaps.into_iter().try_for_each(|(from, to)| self.carve(from, to, hidden, walk))
    }

    /// Delivers what has a local header in `[from, to)`.
    fn carve(&mut self, from: u64, to: u64, hidden: bool, walk: &mut Walk<'_>) -> io::Result<()> {
        let mut carver = Carver::new(from, to);
        while !walk.ended()
            && let Some(found) = carver.next(self.input)?
        {
            if hidden {
                walk.note("hidden_member");
            }
            // What goes with an encrypted directory: the local headers hold no names either.
            if found.entry.flags & MASKED != 0 && found.entry.encrypted() {
                walk.names_hidden();
            }
            let shared = self.take(&found.entry, found.header, found.data);
            self.deliver(found.entry, found.data, shared, walk)?;
        }
        if carver.gave_up() {
            walk.shortfall(GapReason::Malformed, "too many false headers to search all of it");
        }
        Ok(())
    }
}

/// Hands over what these stored bytes hold.
fn content(entry: &Entry, stored: &mut dyn Read, facts: &MemberFacts, allowance: Option<Rc<Cell<u64>>>, walk: &mut Walk<'_>) {
    let limits = walk.budget().limits;
    let input = Input::new(stored);
    let fed = input.fed();
    let outcome = decode::content(entry, input, &limits, &mut |content| {
        walk.deliver(facts, content, fed.clone(), allowance.clone());
    });
    if let Err(fault) = outcome {
        walk.unread(facts, fault.reason, fault.detail);
    }
}
