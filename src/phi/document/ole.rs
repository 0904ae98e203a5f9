//! Compound files (MS-CFB): which document of old Office one holds, and its streams.

use encoding_rs::Encoding;

use super::Unread;
use crate::model::GapReason;

/// Sectors of the directory that are followed in the first bytes.
const MAX_SECTORS: usize = 64;

/// What a compound file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Xls,
    Doc,
    Ppt,
    Msg,
    /// An Office document of today, encrypted (MS-OFFCRYPTO 2.3.1).
    Encrypted,
    /// Another, or the directory lies further on.
    Undecided,
}

fn of_name(name: &str) -> Option<Kind> {
    match name {
        "Workbook" | "Book" => Some(Kind::Xls),
        "WordDocument" => Some(Kind::Doc),
        "PowerPoint Document" => Some(Kind::Ppt),
        "__properties_version1.0" | "__nameid_version1.0" => Some(Kind::Msg),
        "EncryptedPackage" => Some(Kind::Encrypted),
        _ => None,
    }
}

/// The kind, as far as these first bytes tell it; `None` where it is no compound file.
pub(super) fn kind(head: &[u8]) -> Option<Kind> {
    if !head.starts_with(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") {
        return None;
    }
    let u32_at = |at: usize| head.get(at..).and_then(|b| b.first_chunk()).map(|b| u32::from_le_bytes(*b));
    // Sector shift at 30, first sector of the directory at 48, of the FAT at 76 (2.2).
    let size: usize = if head.get(30) == Some(&12) { 4096 } else { 512 };
    let start = |sector: u32| (sector as usize).saturating_add(1).saturating_mul(size);
    let mut sector = u32_at(48)?;
    for _ in 0..MAX_SECTORS {
        let Some(entries) = head.get(start(sector)..start(sector).saturating_add(size)) else { break };
        for entry in entries.chunks_exact(128) {
            let name = entry_name(entry);
            if let Some(kind) = of_name(&name) {
                return Some(kind);
            }
        }
        let per = size / 4;
        let Some(fat) = u32_at(76_usize.saturating_add((sector as usize / per).min(108).saturating_mul(4))) else { break };
        match u32_at(start(fat).saturating_add(sector as usize % per * 4)) {
            Some(next) if next < 0xffff_fffa => sector = next,
            _ => break,
        }
    }
    Some(Kind::Undecided)
}

/// An entry of the directory (2.6).
struct Entry {
    name: String,
    /// Left and right sibling, first child.
    links: [u32; 3],
    start: u32,
    size: usize,
}

/// Storages and streams. Chains of sectors that come back or lead nowhere end there, and so does what they hold: files of
/// many writers don't keep the rules, and broken ones still hold people.
pub(super) struct Streams<'a> {
    body: &'a [u8],
    sector: usize,
    fat: Vec<u32>,
    short_fat: Vec<u32>,
    short: Vec<u8>,
    entries: Vec<Entry>,
    /// Bytes that may still be read: streams may share sectors.
    left: usize,
    damaged: bool,
}

/// The root in the directory.
pub(super) const ROOT: usize = 0;
const MAX_ENTRIES: usize = 65_536;
const SHORT: usize = 64;
/// Streams below this size lie in short sectors.
const CUTOFF: usize = 4096;

impl<'a> Streams<'a> {
    pub fn open(body: &'a [u8]) -> Result<Self, Unread> {
        let u32_at = |at: usize| body.get(at..).and_then(|b| b.first_chunk()).map(|b| u32::from_le_bytes(*b));
        let sector = if body.get(30) == Some(&12) { 4096 } else { 512 };
        let mut out = Self {
            body,
            sector,
            fat: Vec::new(),
            short_fat: Vec::new(),
            short: Vec::new(),
            entries: Vec::new(),
            left: body.len().saturating_mul(4),
            damaged: false,
        };
        // The first 109 sectors of the FAT are named in the header, others in a chain (2.5).
        let mut named: Vec<u32> = (0..109_usize).filter_map(|i| u32_at(76_usize.saturating_add(i * 4))).collect();
        let mut more = u32_at(68).unwrap_or(u32::MAX);
        let most = body.len() / sector;
        for _ in 0..most {
            let Some(list) = out.at(more) else { break };
            let mut list: Vec<u32> = words(list).collect();
            more = list.pop().unwrap_or(u32::MAX);
            named.extend(list);
        }
        for id in named.into_iter().take(most) {
            match out.at(id) {
                Some(list) => out.fat.extend(words(list)),
                // Free places in the list.
                None if id >= 0xffff_fffa => {}
                None => out.damaged = true,
            }
        }
        let directory = out.chain(u32_at(48).unwrap_or(u32::MAX), usize::MAX);
        out.entries = directory.chunks_exact(128).map(entry).collect();
        if out.entries.len() > MAX_ENTRIES {
            return Err(Unread::new(GapReason::LimitCount, "its directory has more than 65,536 entries"));
        }
        let Some(root) = out.entries.get(ROOT).map(|e| (e.start, e.size)) else {
            return Err(Unread::malformed("its compound file structure is damaged"));
        };
        let short_fat = out.chain(u32_at(60).unwrap_or(u32::MAX), usize::MAX);
        out.short_fat = words(&short_fat).collect();
        out.short = out.chain(root.0, root.1);
        Ok(out)
    }

    /// By the names in the root.
    pub fn kind(&self) -> Kind {
        // A workbook may hold a document, and a message anything.
        self.children(ROOT)
            .into_iter()
            .filter_map(|i| self.entries.get(i))
            .find_map(|e| of_name(&e.name))
            .unwrap_or(Kind::Undecided)
    }

    /// Entries directly in a storage.
    pub fn children(&self, storage: usize) -> Vec<usize> {
        let mut found = Vec::new();
        let mut seen = vec![false; self.entries.len()];
        let mut open: Vec<u32> = self.entries.get(storage).map(|e| e.links[2]).into_iter().collect();
        while let Some(id) = open.pop() {
            let id = id as usize;
            let (Some(entry), Some(seen)) = (self.entries.get(id), seen.get_mut(id)) else { continue };
            if !std::mem::replace(seen, true) {
                found.push(id);
                open.extend([entry.links[1], entry.links[0]]);
            }
        }
        found
    }

    pub fn name(&self, entry: usize) -> &str {
        self.entries.get(entry).map_or("", |e| &e.name)
    }

    /// An entry of a storage by name.
    pub fn find(&self, storage: usize, name: &str) -> Option<usize> {
        self.children(storage).into_iter().find(|e| self.name(*e).eq_ignore_ascii_case(name))
    }

    /// A stream's content, as far as it is there.
    pub fn read(&mut self, entry: usize) -> Result<Vec<u8>, Unread> {
        let Some((start, size)) = self.entries.get(entry).map(|e| (e.start, e.size)) else { return Ok(Vec::new()) };
        let mut out = if size < CUTOFF { self.short_chain(start, size) } else { self.chain(start, size) };
        self.damaged |= out.len() < size;
        out.truncate(size);
        self.left = self.left.checked_sub(out.len()).ok_or_else(|| Unread::malformed("its streams share their sectors"))?;
        Ok(out)
    }

    /// The stream of this name in the root; empty where there is none.
    pub fn root(&mut self, name: &str) -> Result<Vec<u8>, Unread> {
        self.find(ROOT, name).map_or(Ok(Vec::new()), |entry| self.read(entry))
    }

    /// Told after all was read: whether some of it was missing.
    pub fn check(&self) -> Result<(), Unread> {
        if self.damaged { Err(Unread::malformed("its compound file structure is damaged")) } else { Ok(()) }
    }

    fn at(&self, id: u32) -> Option<&'a [u8]> {
        let start = (id as usize).checked_add(1)?.checked_mul(self.sector)?;
        // The last sector may be short.
        self.body.get(start..start.saturating_add(self.sector).min(self.body.len())).filter(|s| !s.is_empty())
    }

    fn chain(&self, mut id: u32, size: usize) -> Vec<u8> {
        let mut out = Vec::new();
        for _ in 0..self.fat.len() {
            let Some(bytes) = self.at(id).filter(|_| out.len() < size) else { break };
            out.extend_from_slice(bytes);
            id = self.fat.get(id as usize).copied().unwrap_or(u32::MAX);
        }
        out
    }

    fn short_chain(&self, mut id: u32, size: usize) -> Vec<u8> {
        let mut out = Vec::new();
        while out.len() < size {
            let start = (id as usize).saturating_mul(SHORT);
            let Some(bytes) = self.short.get(start..start.saturating_add(SHORT).min(self.short.len())).filter(|b| !b.is_empty())
            else {
                break;
            };
            out.extend_from_slice(bytes);
            id = self.short_fat.get(id as usize).copied().unwrap_or(u32::MAX);
        }
        out
    }
}

fn words(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.chunks_exact(4).map(|c| c.iter().rev().fold(0, |n, b| n << 8 | u32::from(*b)))
}

fn entry(bytes: &[u8]) -> Entry {
    let word = |at: usize| bytes.get(at..).and_then(|b| b.first_chunk()).map_or(u32::MAX, |b| u32::from_le_bytes(*b));
    Entry { name: entry_name(bytes), links: [word(68), word(72), word(76)], start: word(116), size: word(120) as usize }
}

/// UTF-16, ended by a zero.
fn entry_name(entry: &[u8]) -> String {
    let units = entry.chunks_exact(2).take(32).map(|c| c.iter().rev().fold(0, |n, b| n << 8 | u16::from(*b)));
    char::decode_utf16(units).map_while(Result::ok).take_while(|c| *c != '\0').collect()
}

/// Text of a Windows code page.
pub(super) fn code_page(number: u16) -> &'static Encoding {
    let label = match number {
        932 => "shift_jis".to_owned(),
        936 => "gbk".to_owned(),
        949 => "euc-kr".to_owned(),
        950 => "big5".to_owned(),
        10000 => "macintosh".to_owned(),
        20127 | 28591 => "windows-1252".to_owned(),
        65001 => "utf-8".to_owned(),
        1200 => "utf-16le".to_owned(),
        n => format!("windows-{n}"),
    };
    Encoding::for_label(label.as_bytes()).unwrap_or(encoding_rs::WINDOWS_1252)
}
