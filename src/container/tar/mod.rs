//! tar: v7, ustar, pax, GNU (long names, sparse), several archives one behind the other.
//!
//! Read forward only. Header data (long names, pax records) are bounded; a damaged header is told and the walk
//! goes on at the next header whose checksum agrees.

use std::io::{self, Read};

use super::meter::{Fault, Input};
use super::walk::{Walk, named};
use super::{Budget, Container, Expanded, MemberSink, Probe, ReadSeek};
use crate::model::{GapReason, MemberFacts};

mod header;
mod pax;
mod sparse;
#[cfg(test)]
mod tests;

use header::{BLOCK, Header};
use pax::Overrides;
use sparse::{Map, SEGMENTS_MAX, Sparse};

/// Bytes kept of a long name or of one extended header.
const HEADER_DATA_MAX: u64 = 1 << 20;

pub struct Tar;

impl Container for Tar {
    fn id(&self) -> &'static str {
        "tar"
    }

    fn probe(&self, probe: &Probe<'_>) -> bool {
        probe.head.first_chunk::<BLOCK>().is_some_and(|block| Header::parse(block).is_some())
    }

    fn forward_only(&self) -> bool {
        true
    }

    fn expand(&self, _: &Probe<'_>, input: &mut dyn ReadSeek, budget: &mut Budget, sink: &mut dyn MemberSink) -> Expanded {
        let mut walk = Walk::new(self.id(), budget, sink);
        let mut reader: &mut dyn ReadSeek = input;
        let mut tape = Tape::new(Input::new(&mut reader));
        if let Err(e) = members(&mut tape, &mut walk) {
            walk.failed(&e);
        }
        walk.finish()
    }
}

/// The archive as a sequence of blocks, one of which can be looked at before it is taken.
struct Tape<'a> {
    input: Input<'a>,
    ahead: Option<Box<[u8; BLOCK]>>,
    /// Bytes of `ahead` that are taken already.
    taken: usize,
}

impl<'a> Tape<'a> {
    fn new(input: Input<'a>) -> Self {
        Self { input, ahead: None, taken: 0 }
    }

    /// The next block; none at the end. A piece of a block is an error.
    fn block(&mut self) -> io::Result<Option<Box<[u8; BLOCK]>>> {
        let mut block = Box::new([0; BLOCK]);
        let mut have = 0;
        while have < BLOCK {
            match self.read(&mut block[have..])? {
                0 if have == 0 => return Ok(None),
                0 => return Err(Fault::malformed("the archive ends inside a block")),
                n => have += n,
            }
        }
        Ok(Some(block))
    }

    fn look(&mut self) -> io::Result<Option<&[u8; BLOCK]>> {
        self.ahead = self.block()?;
        self.taken = 0;
        Ok(self.ahead.as_deref())
    }

    /// Takes the data of a header extension, bounded, with its padding.
    fn text(&mut self, size: u64) -> io::Result<Option<Vec<u8>>> {
        let mut data = Data { tape: self, left: size, padding: padding(size) };
        let mut kept = Vec::new();
        data.by_ref().take(HEADER_DATA_MAX).read_to_end(&mut kept)?;
        data.finish()?;
        Ok((size <= HEADER_DATA_MAX).then_some(kept))
    }
}

impl Read for Tape<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let Some(block) = &self.ahead else { return self.input.read(buf) };
        let held = block.get(self.taken..).unwrap_or_default();
        let n = held.len().min(buf.len());
        buf[..n].copy_from_slice(&held[..n]);
        self.taken += n;
        if self.taken >= BLOCK {
            self.ahead = None;
        }
        Ok(n)
    }
}

fn padding(size: u64) -> u64 {
    (BLOCK as u64 - size % BLOCK as u64) % BLOCK as u64
}

/// The data of one member: exactly that many bytes, or an error.
struct Data<'t, 'a> {
    tape: &'t mut Tape<'a>,
    left: u64,
    padding: u64,
}

impl Data<'_, '_> {
    /// Reads what the sink left, and the padding.
    fn finish(&mut self) -> io::Result<()> {
        let mut scratch = vec![0; 32 << 10];
        while self.read(&mut scratch)? > 0 {}
        let padding = std::mem::take(&mut self.padding);
        let n = io::copy(&mut self.tape.by_ref().take(padding), &mut io::sink())?;
        if n < padding { Err(Fault::malformed("the archive ends inside a member")) } else { Ok(()) }
    }
}

impl Read for Data<'_, '_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(buf.len());
        if wanted == 0 {
            return Ok(0);
        }
        let n = self.tape.read(&mut buf[..wanted])?;
        if n == 0 {
            return Err(Fault::malformed("the archive ends inside a member"));
        }
        self.left = self.left.saturating_sub(n as u64);
        Ok(n)
    }
}

fn members(tape: &mut Tape<'_>, walk: &mut Walk<'_>) -> io::Result<()> {
    let mut long_name = None;
    let mut global = Overrides::default();
    let mut local: Option<Overrides> = None;
    let mut ended = false;
    while let Some(block) = tape.block()? {
        if block.iter().all(|b| *b == 0) {
            ended = true;
            continue;
        }
        let Some(header) = Header::parse(&block) else {
            if ended {
                walk.note("trailing_data");
            } else {
                walk.shortfall(GapReason::Malformed, "a header is damaged; what belongs to it is not listed");
            }
            continue;
        };
        ended = false;
        let Some(stored) = header.size() else {
            walk.shortfall(GapReason::Malformed, "a header is damaged; what belongs to it is not listed");
            continue;
        };
        match header.kind() {
            b'L' => {
                long_name = tape.text(stored)?.map(|mut name| {
                    name.truncate(memchr::memchr(0, &name).unwrap_or(name.len()));
                    name
                });
                if long_name.is_none() {
                    walk.shortfall(GapReason::LimitMemory, "a long name is larger than the limit");
                }
            }
            b'K' => drop(tape.text(stored)?),
            kind @ (b'x' | b'X' | b'g') => {
                let Some(records) = tape.text(stored)? else {
                    walk.shortfall(GapReason::LimitMemory, "an extended header is larger than the limit");
                    continue;
                };
                let target = if kind == b'g' { &mut global } else { local.insert(global.clone()) };
                target.add(&records);
                // A map belongs to one file; copied for all it would only cost time.
                if kind == b'g' && target.map.take().is_some() {
                    target.damaged = true;
                }
                if std::mem::take(&mut target.damaged) {
                    walk.shortfall(GapReason::Malformed, "an extended header is damaged");
                }
            }
            b'V' => drop(tape.text(stored)?),
            _ => {
                let overrides = local.take().unwrap_or_else(|| global.clone());
                member(tape, walk, &header, stored, long_name.take(), overrides)?;
            }
        }
        if walk.ended() {
            return Ok(());
        }
        if walk.spent() {
            walk.shortfall(GapReason::LimitSize, "the limit of bytes out of one archive was reached; the rest is not listed");
            return Ok(());
        }
    }
    if !ended {
        walk.shortfall(GapReason::Malformed, "the archive has no end mark; it may be cut off");
    }
    Ok(())
}

fn facts(header: &Header, long_name: Option<Vec<u8>>, overrides: &mut Overrides) -> MemberFacts {
    let path = overrides.path.take();
    let name = overrides.real_name.take().or(path).or(long_name).unwrap_or_else(|| header.name());
    let owner = overrides.uid.or_else(|| header.uid()).zip(overrides.gid.or_else(|| header.gid()));
    let kind = header.kind();
    let is_dir = matches!(kind, b'5' | b'D') || (matches!(kind, b'0' | 0) && name.ends_with(b"/"));
    MemberFacts {
        is_dir,
        is_link: matches!(kind, b'1' | b'2'),
        mtime: overrides.mtime.or_else(|| header.mtime()),
        owner: owner.map(|(uid, gid)| format!("{uid}:{gid}")),
        mode: header.mode().map(|mode| format!("{:04o}", mode & 0o7777)),
        ..named(name)
    }
}

fn member(
    tape: &mut Tape<'_>,
    walk: &mut Walk<'_>,
    header: &Header,
    stored: u64,
    long_name: Option<Vec<u8>>,
    mut overrides: Overrides,
) -> io::Result<()> {
    let mut facts = facts(header, long_name, &mut overrides);
    let kind = header.kind();
    // A map of an old sparse file goes on in blocks between header and data.
    let old_sparse = if kind == b'S' { Some(old_map(tape, header)?) } else { None };
    let mut size = overrides.size.unwrap_or(stored);
    // Links, folders and devices may state a size without having data (POSIX and old tars differ).
    let plain = !matches!(kind, b'1'..=b'6');
    if !plain && size > 0 {
        let bare = tape.look()?.is_none_or(|next| next.iter().all(|b| *b == 0) || Header::parse(next).is_some());
        size = if bare { 0 } else { size };
    }
    facts.size = Some(size);
    facts.packed = Some(size);
    if !walk.admit(&mut facts) {
        return Ok(());
    }
    let mut data = Data { tape, left: size, padding: padding(size) };
    content(&mut Input::new(&mut data), walk, facts, kind, old_sparse, overrides);
    data.finish()
}

/// Hands over what an admitted member holds.
fn content(
    data: &mut Input<'_>,
    walk: &mut Walk<'_>,
    mut facts: MemberFacts,
    kind: u8,
    old_sparse: Option<io::Result<Map>>,
    mut overrides: Overrides,
) {
    let fed = data.fed();
    let bare = facts.packed == Some(0);
    match kind {
        b'1' | b'2' if bare => {
            walk.unread(&facts, GapReason::LinkMember, "a link; its target is not followed");
        }
        b'3' | b'4' | b'6' if bare => {
            walk.unread(&facts, GapReason::SpecialFile, "a device or pipe; it holds no bytes");
        }
        b'M' => {
            walk.shortfall(GapReason::MissingVolume, "the archive goes on from an earlier volume");
            walk.deliver(&facts, data, fed, None);
        }
        _ if facts.is_dir && bare => walk.empty(&facts),
        _ => {
            let map = match (old_sparse, overrides.map.take(), overrides.sparse_in_data) {
                (Some(map), _, _) => Some(map),
                (None, Some(segments), _) => Some(Map::new(segments, overrides.real_size).map_err(io::Error::from)),
                (None, None, true) => Some(Map::read(data, overrides.real_size)),
                (None, None, false) => None,
            };
            match map {
                None => walk.deliver(&facts, data, fed, None),
                Some(Ok(map)) => {
                    facts.size = Some(map.real_size());
                    facts.method = Some("sparse".to_owned());
                    walk.deliver(&facts, &mut Sparse::new(data, map), fed, None);
                }
                Some(Err(e)) => {
                    let why = super::shortfall_of(&e);
                    walk.unread(&facts, why.reason, &why.detail);
                }
            }
        }
    }
}

/// The map of an old GNU sparse file. A damaged map is the member's trouble, a damaged tape the archive's.
fn old_map(tape: &mut Tape<'_>, header: &Header) -> io::Result<io::Result<Map>> {
    let (mut segments, mut more, real_size) = header.sparse();
    let mut too_many = false;
    while more {
        let Some(block) = tape.block()? else { return Err(Fault::malformed("the archive ends inside a sparse map")) };
        if segments.len() < SEGMENTS_MAX {
            segments.extend(header::segments(&block[..504]));
        } else {
            too_many = true;
        }
        more = block[504] != 0;
    }
    if too_many {
        return Ok(Err(Fault::new(GapReason::LimitMemory, "the sparse map is larger than the limit").into()));
    }
    Ok(Map::new(segments, real_size).map_err(io::Error::from))
}
