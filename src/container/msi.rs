//! Windows Installer packages, transforms and patches: compound files (MS-CFB) whose streams are members, so that
//! cabinets in them are opened. Documents are compound files too and are read as such; these are told by the class of
//! their root.

use std::io::{self, Read};

use super::meter::{Fault, Input};
use super::read::read_at;
use super::walk::{Walk, named};
use super::{Budget, Container, Expanded, MemberSink, Probe, ReadSeek};
use crate::model::{GapReason, MemberFacts};

/// `{000C1084-0000-0000-C000-000000000046}` with 84 for packages, 82 for transforms, 86 for patches.
const CLASS: [u8; 15] = [0x10, 0x0c, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46];
/// Sectors from here on are marks (MS-CFB 2.1).
const MARKS: u32 = 0xffff_fffa;
/// Bytes of the directory.
const DIRECTORY: u64 = 8 << 20;
const SHORT: u64 = 64;
/// Streams below this size lie in short sectors.
const CUTOFF: u64 = 4096;
const DEPTH: usize = 16;

pub struct Msi;

impl Container for Msi {
    fn id(&self) -> &'static str {
        "msi"
    }

    fn probe(&self, probe: &Probe<'_>) -> bool {
        let class = || {
            let sector = sector_size(probe.head)?;
            let root = place(u32_at(probe.head, 48)?, sector)?;
            let at = usize::try_from(root).ok()?.checked_add(80)?;
            probe.body.get(at..at.checked_add(16)?)
        };
        probe.head.starts_with(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
            && class().is_some_and(|class| matches!(class[0], 0x82 | 0x84 | 0x86) && class[1..] == CLASS)
    }

    fn expand(&self, probe: &Probe<'_>, input: &mut dyn ReadSeek, budget: &mut Budget, sink: &mut dyn MemberSink) -> Expanded {
        let mut walk = Walk::new(self.id(), budget, sink);
        let memory = walk.budget().limits.decoder_memory;
        let outcome = File::open(input, probe.size, memory).and_then(|mut file| file.members(&mut walk));
        if let Err(e) = outcome {
            walk.failed(&e);
        }
        walk.finish()
    }
}

fn damaged() -> io::Error {
    Fault::malformed("the structure of the compound file is damaged")
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|b| u32::from_le_bytes(*b))
}

fn sector_size(head: &[u8]) -> Option<u64> {
    match head.get(30)? {
        9 => Some(512),
        12 => Some(4096),
        _ => None,
    }
}

/// The first byte of a sector; the header takes the place of one.
fn place(id: u32, sector: u64) -> Option<u64> {
    (id < MARKS).then(|| (u64::from(id) + 1) * sector)
}

fn words(bytes: &[u8]) -> impl Iterator<Item = u32> + '_ {
    bytes.chunks_exact(4).map(|c| c.iter().rev().fold(0, |n, b| n << 8 | u32::from(*b)))
}

struct Entry {
    name: Vec<u8>,
    kind: u8,
    /// Left and right sibling, first child.
    links: [u32; 3],
    start: u32,
    size: u64,
}

struct File<'a> {
    input: &'a mut dyn ReadSeek,
    sector: u64,
    fat: Vec<u32>,
    short_fat: Vec<u32>,
    /// Sectors that hold the short ones.
    short: Vec<u32>,
    entries: Vec<Entry>,
    /// Bytes that streams may still state: they may share their sectors.
    left: u64,
}

impl<'a> File<'a> {
    fn open(input: &'a mut dyn ReadSeek, size: u64, memory: u64) -> io::Result<Self> {
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

    fn members(&mut self, walk: &mut Walk<'_>) -> io::Result<()> {
        let mut seen = vec![false; self.entries.len()];
        let mut open = vec![(self.entries.first().map_or(u32::MAX, |root| root.links[2]), Vec::new(), 0)];
        while let Some((id, path, depth)) = open.pop() {
            let index = id as usize;
            let (Some(entry), Some(seen)) = (self.entries.get(index), seen.get_mut(index)) else { continue };
            if std::mem::replace(seen, true) {
                continue;
            }
            let name = if path.is_empty() { entry.name.clone() } else { [&path[..], b"/", &entry.name].concat() };
            open.extend([(entry.links[1], path.clone(), depth), (entry.links[0], path, depth)]);
            match entry.kind {
                1 if depth >= DEPTH => {
                    walk.shortfall(GapReason::LimitDepth, "storages are nested deeper than the limit");
                }
                1 => open.push((entry.links[2], name, depth + 1)),
                2 => self.stream(index, name, walk)?,
                _ => {}
            }
            if walk.ended() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn stream(&mut self, index: usize, name: Vec<u8>, walk: &mut Walk<'_>) -> io::Result<()> {
        let Some(entry) = self.entries.get(index) else { return Ok(()) };
        let (start, size) = (entry.start, entry.size);
        let mut facts = MemberFacts { size: Some(size), packed: Some(size), ..named(name) };
        if !walk.admit(&mut facts) {
            return Ok(());
        }
        if size == 0 {
            walk.empty(&facts);
            return Ok(());
        }
        let Some(left) = self.left.checked_sub(size) else {
            walk.unread(&facts, GapReason::Malformed, "streams share their sectors, or are longer than the file");
            return Ok(());
        };
        self.left = left;
        if walk.spent() {
            walk.unread(&facts, GapReason::LimitSize, "the limit of bytes out of one archive was reached");
            return Ok(());
        }
        let short = size < CUTOFF;
        let ids = chain(if short { &self.short_fat } else { &self.fat }, start);
        let mut content = Stream { file: self, ids: ids.into_iter(), short, held: Vec::new(), at: 0, left: size };
        let mut input = Input::new(&mut content);
        let fed = input.fed();
        walk.deliver(&facts, &mut input, fed, None);
        Ok(())
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
        name: name(units),
        kind: bytes.get(66).copied().unwrap_or(0),
        links: [word(68), word(72), word(76)],
        start: word(116),
        size: u64::from(word(120)),
    }
}

/// Installer packs two letters of a name into one unit; U+4840 in front marks a table (as `msiinfo` of msitools shows them).
fn name(units: impl Iterator<Item = u16>) -> Vec<u8> {
    const LETTERS: &[u8; 64] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._";
    let letter = |n: u16| char::from(LETTERS[usize::from(n & 0x3f)]);
    let mut out = String::new();
    let units: Vec<u16> = units.collect();
    for c in char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)) {
        match u16::try_from(u32::from(c)) {
            Ok(unit @ 0x3800..0x4800) => out.extend([letter(unit - 0x3800), letter((unit - 0x3800) >> 6)]),
            Ok(unit @ 0x4800..0x4840) => out.push(letter(unit - 0x4800)),
            Ok(0x4840) => out.push('!'),
            _ => out.push(c),
        }
    }
    out.into_bytes()
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

#[cfg(test)]
mod tests {
    use super::super::Limits;
    use super::super::testing::{Tree, mutations, open, open_with};
    use crate::model::GapReason;

    const PACKAGE: &[u8] = include_bytes!("../../tests/fixtures/container/msi.msi");

    #[test]
    fn the_cabinet_of_a_package_is_opened() {
        let tree = open_with(PACKAGE, "x.msi", Limits::default(), Tree { recurse: true, ..Tree::default() });
        assert_eq!(tree.gaps(), [], "{:?}", tree.names());
        assert_eq!(tree.content("dir/list.txt"), Some(&b"Nobody in this list is real.\n"[..]), "{:?}", tree.names());
        assert!(tree.names().contains(&"!_StringPool".to_owned()), "{:?}", tree.names());
        assert!(tree.names().contains(&"lists.cab".to_owned()), "{:?}", tree.names());
    }

    #[test]
    fn damage() {
        mutations(&PACKAGE[..PACKAGE.len().min(1536)], "x.msi");
        for cut in (2048..PACKAGE.len()).step_by(512) {
            let tree = open(&PACKAGE[..cut], "x.msi");
            assert!(
                tree.opened.is_empty() || tree.gaps().contains(&GapReason::Malformed) || tree.seen == open(PACKAGE, "x").seen
            );
        }
    }
}
