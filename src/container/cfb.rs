//! Compound files (MS-CFB): storages, and streams in long and short sectors. Installer packages and the documents of old
//! Office are made of them.

use std::io::{self, Read};

use super::meter::{Fault, Input};
use super::read::read_at;
use super::walk::{Walk, named};
use super::{Budget, Expanded, MemberSink, Probe, ReadSeek};
use crate::model::{GapReason, MemberFacts};

pub(super) const MAGIC: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";
/// Sectors from here on are marks (MS-CFB 2.1).
const MARKS: u32 = 0xffff_fffa;
/// Bytes of the directory.
const DIRECTORY: u64 = 8 << 20;
const SHORT: u64 = 64;
/// Streams below this size lie in short sectors.
const CUTOFF: u64 = 4096;
/// The root in the directory.
pub(super) const ROOT: usize = 0;

pub(super) fn damaged() -> io::Error {
    Fault::malformed("the structure of the compound file is damaged")
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|b| u32::from_le_bytes(*b))
}

pub(super) fn sector_size(head: &[u8]) -> Option<u64> {
    match head.get(30)? {
        9 => Some(512),
        12 => Some(4096),
        _ => None,
    }
}

/// The first byte of a sector; the header takes the place of one.
pub(super) fn place(id: u32, sector: u64) -> Option<u64> {
    (id < MARKS).then(|| (u64::from(id) + 1) * sector)
}

fn words(bytes: &[u8]) -> impl Iterator<Item = u32> + '_ {
    bytes.chunks_exact(4).map(|c| c.iter().rev().fold(0, |n, b| n << 8 | u32::from(*b)))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Storage,
    Stream,
    Other,
}

pub(super) struct Entry {
    /// UTF-16.
    pub name: Vec<u16>,
    pub kind: Kind,
    /// Left and right sibling, first child.
    links: [u32; 3],
    start: u32,
    pub size: u64,
}

pub(super) struct File<'a> {
    input: &'a mut dyn ReadSeek,
    sector: u64,
    fat: Vec<u32>,
    short_fat: Vec<u32>,
    /// Sectors that hold the short ones.
    short: Vec<u32>,
    pub entries: Vec<Entry>,
    /// Bytes that streams may still state: they may share their sectors.
    left: u64,
}

/// Lets `members` hand over what lies in a compound file.
pub fn expand(
    id: &'static str,
    probe: &Probe<'_>,
    input: &mut dyn ReadSeek,
    budget: &mut Budget,
    sink: &mut dyn MemberSink,
    members: fn(&mut File<'_>, &mut Walk<'_>) -> io::Result<()>,
) -> Expanded {
    let mut walk = Walk::new(id, budget, sink);
    let memory = walk.budget().limits.decoder_memory;
    if let Err(e) = File::open(input, probe.size, memory).and_then(|mut file| members(&mut file, &mut walk)) {
        walk.failed(&e);
    }
    walk.finish()
}

impl<'a> File<'a> {
    pub(super) fn open(input: &'a mut dyn ReadSeek, size: u64, memory: u64) -> io::Result<Self> {
        let header = read_at(input, 0, 512)?;
        let sector = sector_size(&header).ok_or_else(damaged)?;
        let field = |at: usize| u32_at(&header, at).ok_or_else(damaged);
        // Four bytes for each sector.
        let sectors = size / sector;
        if sectors.saturating_mul(4) > memory {
            return Err(Fault::new(GapReason::LimitMemory, "the table of sectors is larger than it may be").into());
        }
        let mut file = Self {
            input,
            sector,
            fat: Vec::new(),
            short_fat: Vec::new(),
            short: Vec::new(),
            entries: Vec::new(),
            left: size.saturating_mul(4),
        };
        // The first 109 sectors of the table are named in the header, others in a chain (2.5).
        let tables = sectors.saturating_mul(4) / sector + 1;
        let mut named: Vec<u32> = words(header.get(76..).unwrap_or_default()).filter(|id| *id < MARKS).collect();
        let mut more = field(68)?;
        for _ in 0..tables {
            let Some(at) = place(more, sector) else { break };
            let mut list: Vec<u32> = words(&read_at(file.input, at, sector as usize)?).collect();
            more = list.pop().unwrap_or(u32::MAX);
            named.extend(list.into_iter().filter(|id| *id < MARKS));
        }
        for id in named.into_iter().take(usize::try_from(tables).unwrap_or(usize::MAX)) {
            let at = place(id, sector).ok_or_else(damaged)?;
            file.fat.extend(words(&read_at(file.input, at, sector as usize)?));
        }
        let directory = file.whole(field(48)?, DIRECTORY)?;
        file.entries = directory.chunks_exact(128).map(entry).collect();
        let root = file.entries.first().ok_or_else(damaged)?;
        file.short = chain(&file.fat, root.start);
        let short_fat = file.whole(field(60)?, memory)?;
        file.short_fat = words(&short_fat).collect();
        Ok(file)
    }

    /// All of a chain of sectors.
    fn whole(&mut self, start: u32, bound: u64) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        for id in chain(&self.fat, start) {
            let at = place(id, self.sector).ok_or_else(damaged)?;
            out.extend(read_at(self.input, at, self.sector as usize)?);
            if out.len() as u64 > bound {
                return Err(Fault::new(GapReason::LimitMemory, "the directory is larger than it may be").into());
            }
        }
        Ok(out)
    }

    /// Entries directly in a storage, in the order of the tree that they make.
    pub(super) fn children(&self, storage: usize) -> Vec<usize> {
        let mut found = Vec::new();
        let mut seen = vec![false; self.entries.len()];
        // A node comes between those on its left and those on its right.
        let mut open = vec![(self.entries.get(storage).map_or(u32::MAX, |entry| entry.links[2]), false)];
        while let Some((id, passed)) = open.pop() {
            let index = id as usize;
            let (Some(entry), Some(seen)) = (self.entries.get(index), seen.get_mut(index)) else { continue };
            if passed {
                found.push(index);
            } else if !std::mem::replace(seen, true) {
                open.extend([(entry.links[1], false), (id, true), (entry.links[0], false)]);
            }
        }
        found
    }

    /// Hands a stream over as a member: `size` bytes from `skip` on.
    pub(super) fn member(&mut self, index: usize, name: Vec<u8>, skip: u64, size: u64, walk: &mut Walk<'_>) -> io::Result<()> {
        let mut facts = MemberFacts { size: Some(size), packed: Some(size), ..named(name) };
        if !walk.admit(&mut facts) {
            return Ok(());
        }
        if size == 0 {
            walk.empty(&facts);
            return Ok(());
        }
        let Some(left) = self.left.checked_sub(skip.saturating_add(size)) else {
            walk.unread(&facts, GapReason::Malformed, "streams share their sectors, or are longer than the file");
            return Ok(());
        };
        self.left = left;
        if walk.spent() {
            walk.unread(&facts, GapReason::LimitSize, "the limit of bytes out of one archive was reached");
            return Ok(());
        }
        let mut content = self.stream(index);
        content.left = content.left.min(skip.saturating_add(size));
        // What fails here fails again when it is read.
        let _ = io::copy(&mut Read::by_ref(&mut content).take(skip), &mut io::sink());
        let mut input = Input::new(&mut content);
        let fed = input.fed();
        walk.deliver(&facts, &mut input, fed, None);
        Ok(())
    }

    /// The first bytes of a stream.
    pub(super) fn head(&mut self, index: usize, most: u64) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        self.stream(index).take(most).read_to_end(&mut out)?;
        Ok(out)
    }

    fn stream(&mut self, index: usize) -> Stream<'_, 'a> {
        let (start, size) = self.entries.get(index).map_or((u32::MAX, 0), |entry| (entry.start, entry.size));
        let short = size < CUTOFF;
        let ids = chain(if short { &self.short_fat } else { &self.fat }, start);
        Stream { file: self, ids: ids.into_iter(), short, held: Vec::new(), at: 0, left: size }
    }
}

/// The sectors of a chain, which ends where it comes back.
fn chain(fat: &[u32], start: u32) -> Vec<u32> {
    let mut out = Vec::new();
    let mut id = start;
    while id < MARKS && out.len() < fat.len() {
        out.push(id);
        id = fat.get(id as usize).copied().unwrap_or(u32::MAX);
    }
    out
}

fn entry(bytes: &[u8]) -> Entry {
    let word = |at: usize| u32_at(bytes, at).unwrap_or(u32::MAX);
    let units = bytes.chunks_exact(2).take(32).map(|c| u16::from_le_bytes([c[0], c[1]])).take_while(|unit| *unit != 0);
    Entry {
        name: units.collect(),
        kind: match bytes.get(66) {
            Some(1) => Kind::Storage,
            Some(2) => Kind::Stream,
            _ => Kind::Other,
        },
        links: [word(68), word(72), word(76)],
        start: word(116),
        size: u64::from(word(120)),
    }
}

/// The content of a stream.
struct Stream<'f, 'a> {
    file: &'f mut File<'a>,
    ids: std::vec::IntoIter<u32>,
    short: bool,
    held: Vec<u8>,
    at: usize,
    left: u64,
}

impl Stream<'_, '_> {
    fn next(&mut self) -> io::Result<()> {
        let id = self.ids.next().ok_or_else(damaged)?;
        let (at, size) = if self.short {
            let offset = u64::from(id) * SHORT;
            let sector = self.file.short.get(usize::try_from(offset / self.file.sector).unwrap_or(usize::MAX));
            let start = sector.and_then(|id| place(*id, self.file.sector)).ok_or_else(damaged)?;
            (start + offset % self.file.sector, SHORT)
        } else {
            (place(id, self.file.sector).ok_or_else(damaged)?, self.file.sector)
        };
        self.held = read_at(self.file.input, at, size as usize)?;
        self.at = 0;
        if self.held.is_empty() { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }
}

impl Read for Stream<'_, '_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(buf.len());
        if wanted == 0 {
            return Ok(0);
        }
        if self.at >= self.held.len() {
            self.next()?;
        }
        let held = self.held.get(self.at..).unwrap_or_default();
        let n = held.len().min(wanted);
        buf[..n].copy_from_slice(&held[..n]);
        self.at += n;
        self.left -= n as u64;
        Ok(n)
    }
}
