//! Reading an archive, or a set of volumes, block by block; a member that lies in several volumes is put together.

use std::io;

use super::chain::{Chain, Next};
use super::entry::{Block, Entry, Main};
use super::members::Members;
use super::volumes::beside;
use super::{Hidden, SEARCH};
use crate::container::parts::shown;
use crate::container::passwords::Keyring;
use crate::container::set::Joined;
use crate::container::walk::Walk;
use crate::model::GapReason;

/// Damaged headers before the rest of an archive is given up.
const DAMAGED: u32 = 100;

/// Reading all blocks, in their order.
pub(super) struct Reading<'a> {
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
    pub(super) fn new(chain: Chain<'a>) -> Self {
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

    pub(super) fn blocks(&mut self, joined: &mut Joined<'a>, keyring: &mut Keyring, walk: &mut Walk<'_>) -> io::Result<()> {
        let first = beside(&self.chain.name).before.into_iter().next();
        loop {
            self.behind = false;
            let Ended::Here { record } = self.volume(joined, keyring, walk)? else { break };
            self.end(record, walk);
            if !self.chain.main.volume {
                break;
            }
            // By name, whatever the record says: a volume left over from a larger set is read with the one before it, too.
            let last = record && !self.behind && self.open.is_none();
            match self.chain.advance(joined, keyring, walk)? {
                Next::Volume { fits } => {
                    if last {
                        walk.note("volume_behind_last");
                    }
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
