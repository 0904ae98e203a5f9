//! Windows cabinets (MS-CAB; the blocks of MSZIP in MS-MCI): our own walk through headers, folders and files, since a
//! cabinet is one of a set and damaged ones must still be listed. LZX comes from the crate `lzxd`; Quantum is told.

use std::io::{self, Read};

use super::meter::{Fault, Input};
use super::read::read_at;
use super::walk::{Walk, named};
use super::{Budget, Container, Expanded, MemberSink, Probe, ReadSeek};
use crate::container::times::dos_time;
use crate::model::{GapReason, MemberFacts, Name};

mod folder;

use folder::{Folder, Folders};

const PREVIOUS: u16 = 1;
const NEXT: u16 = 2;
const RESERVED: u16 = 4;
/// Folder numbers of files that lie in several cabinets too (MS-CAB 2.4, `iFolder`).
const FROM_PREVIOUS: u16 = 0xfffd;
const TO_NEXT: u16 = 0xfffe;
const BOTH: u16 = 0xffff;
/// The name is UTF-8 (`_A_NAME_IS_UTF`).
const TEXTS: usize = 257;

pub struct Cab;

impl Container for Cab {
    fn id(&self) -> &'static str {
        "cab"
    }

    fn probe(&self, probe: &Probe<'_>) -> bool {
        probe.head.starts_with(b"MSCF\0\0\0\0")
    }

    fn expand(&self, _: &Probe<'_>, input: &mut dyn ReadSeek, budget: &mut Budget, sink: &mut dyn MemberSink) -> Expanded {
        let mut walk = Walk::new(self.id(), budget, sink);
        open(input, 0, &mut walk);
        walk.finish()
    }
}

/// A cabinet that begins at `base`.
pub(super) fn open(input: &mut dyn ReadSeek, base: u64, walk: &mut Walk<'_>) {
    let outcome = Header::read(input, base).and_then(|header| {
        for name in header.neighbours.iter().filter(|name| !name.is_empty()) {
            walk.missing([Name::from(name.as_slice()).shown()]);
        }
        files(input, &header, walk)
    });
    if let Err(e) = outcome {
        walk.failed(&e);
    }
}

fn damaged() -> io::Error {
    Fault::malformed("a header is damaged")
}

fn u16_at(bytes: &[u8], at: usize) -> io::Result<u16> {
    bytes.get(at..).and_then(|b| b.first_chunk()).map(|b| u16::from_le_bytes(*b)).ok_or_else(damaged)
}

fn u32_at(bytes: &[u8], at: usize) -> io::Result<u32> {
    bytes.get(at..).and_then(|b| b.first_chunk()).map(|b| u32::from_le_bytes(*b)).ok_or_else(damaged)
}

/// `CFHEADER` and the `CFFOLDER`s.
struct Header {
    base: u64,
    size: u64,
    files_at: u64,
    files: u16,
    folders: Vec<Folder>,
    /// Bytes in front of the data of each block.
    data_reserve: u8,
    neighbours: Vec<Vec<u8>>,
}

impl Header {
    fn read(input: &mut dyn ReadSeek, base: u64) -> io::Result<Self> {
        let fixed = read_at(input, base, 36)?;
        let flags = u16_at(&fixed, 30)?;
        let mut at = base.saturating_add(36);
        let (mut header_reserve, mut folder_reserve, mut data_reserve) = (0, 0, 0);
        if flags & RESERVED != 0 {
            let sizes = read_at(input, at, 4)?;
            header_reserve = u16_at(&sizes, 0)?;
            let last = u16_at(&sizes, 2)?.to_le_bytes();
            (folder_reserve, data_reserve) = (last[0], last[1]);
            at = at.saturating_add(4).saturating_add(u64::from(header_reserve));
        }
        let _ = header_reserve;
        let mut neighbours = Vec::new();
        for flag in [PREVIOUS, NEXT] {
            if flags & flag != 0 {
                let (name, after) = text(input, at)?;
                // The disk's label.
                (_, at) = text(input, after)?;
                neighbours.push(name);
            }
        }
        let count = u16_at(&fixed, 26)?;
        let length = 8 + usize::from(folder_reserve);
        let bytes = read_at(input, at, usize::from(count) * length)?;
        let folder = |bytes: &[u8]| -> io::Result<Folder> {
            Ok(Folder {
                start: base.saturating_add(u64::from(u32_at(bytes, 0)?)),
                blocks: u16_at(bytes, 4)?,
                method: u16_at(bytes, 6)?,
            })
        };
        Ok(Self {
            base,
            size: u64::from(u32_at(&fixed, 8)?),
            files_at: base.saturating_add(u64::from(u32_at(&fixed, 16)?)),
            files: u16_at(&fixed, 28)?,
            folders: bytes.chunks_exact(length).map(folder).collect::<io::Result<_>>()?,
            data_reserve,
            neighbours,
        })
    }
}

/// A text that ends with a zero, and what stands behind it.
fn text(input: &mut dyn ReadSeek, at: u64) -> io::Result<(Vec<u8>, u64)> {
    let mut bytes = read_at(input, at, TEXTS)?;
    let end = memchr::memchr(0, &bytes).ok_or_else(damaged)?;
    bytes.truncate(end);
    Ok((bytes, at.saturating_add(end as u64 + 1)))
}

/// `CFFILE`.
struct File {
    size: u32,
    offset: u32,
    folder: u16,
    facts: MemberFacts,
}

/// The next entry and where the one behind it stands.
fn file(input: &mut dyn ReadSeek, at: u64) -> io::Result<(File, u64)> {
    let bytes = read_at(input, at, 16 + TEXTS)?;
    let rest = bytes.get(16..).ok_or_else(damaged)?;
    let end = memchr::memchr(0, rest).ok_or_else(damaged)?;
    let name = rest.get(..end).unwrap_or_default();
    let size = u32_at(&bytes, 0)?;
    let facts = MemberFacts {
        size: Some(u64::from(size)),
        mtime: dos_time(u16_at(&bytes, 10)?, u16_at(&bytes, 12)?),
        ..named(name.iter().map(|b| if *b == b'\\' { b'/' } else { *b }).collect::<Vec<u8>>())
    };
    let file = File { size, offset: u32_at(&bytes, 4)?, folder: u16_at(&bytes, 8)?, facts };
    Ok((file, at.saturating_add(17).saturating_add(end as u64)))
}

fn files(input: &mut dyn ReadSeek, header: &Header, walk: &mut Walk<'_>) -> io::Result<()> {
    let mut at = header.files_at;
    let mut listed = Vec::new();
    let mut cut = None;
    for _ in 0..header.files {
        match file(input, at) {
            Ok((file, next)) => {
                at = next;
                listed.push(file);
            }
            Err(e) => {
                cut = Some(e);
                break;
            }
        }
    }
    // Each folder is decoded once; files stand in it in this order.
    let last = u16::try_from(header.folders.len()).unwrap_or(u16::MAX).saturating_sub(1);
    let place = |folder: u16| match folder {
        FROM_PREVIOUS | BOTH => 0,
        TO_NEXT => last,
        folder => folder,
    };
    listed.sort_by_key(|file| (place(file.folder), file.offset));
    let mut folders = Folders::new(input, header.data_reserve);
    for mut file in listed {
        let folder = header.folders.get(usize::from(place(file.folder)));
        file.facts.method = folder.map(Folder::name);
        if !walk.admit(&mut file.facts) {
            return Ok(());
        }
        let before = matches!(file.folder, FROM_PREVIOUS | BOTH);
        match folder {
            _ if before => walk.unread(&file.facts, GapReason::MissingVolume, "it begins in an earlier cabinet"),
            None => walk.unread(&file.facts, GapReason::Malformed, "its folder is missing"),
            Some(_) if walk.spent() && file.size > 0 => {
                walk.unread(&file.facts, GapReason::LimitSize, "the limit of bytes out of one archive was reached");
            }
            Some(folder) => member(&mut folders, folder, &file, walk),
        }
    }
    if let Some(e) = cut {
        return Err(e);
    }
    let end = input_end(folders.input)?;
    if end < header.base.saturating_add(header.size) {
        walk.shortfall(GapReason::Malformed, "the cabinet is cut off");
    } else if end > header.base.saturating_add(header.size) {
        walk.note("trailing_data");
    }
    Ok(())
}

fn input_end(input: &mut dyn ReadSeek) -> io::Result<u64> {
    input.seek(io::SeekFrom::End(0))
}

/// One file of a folder.
fn member(folders: &mut Folders<'_>, folder: &Folder, file: &File, walk: &mut Walk<'_>) {
    let mut reader = match folders.at(folder, u64::from(file.offset)) {
        Ok(reader) => reader,
        Err(e) => {
            let fault = super::meter::fault_of(&e);
            return walk.unread(&file.facts, fault.reason, fault.detail);
        }
    };
    let mut content = Exact { inner: &mut reader, left: u64::from(file.size) };
    let mut input = Input::new(&mut content);
    // What went into the decoder isn't counted by file; blocks of 32 KiB bound the expansion.
    let fed = input.fed();
    walk.deliver(&file.facts, &mut input, fed, None);
}

/// Exactly that many bytes.
struct Exact<'a> {
    inner: &'a mut dyn Read,
    left: u64,
}

impl Read for Exact<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(buf.len());
        if wanted == 0 {
            return Ok(0);
        }
        match self.inner.read(&mut buf[..wanted])? {
            0 => Err(Fault::malformed("the folder ends inside the file")),
            n => {
                self.left = self.left.saturating_sub(n as u64);
                Ok(n)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{mutations, open, opened};
    use super::*;

    const MSZIP: &[u8] = include_bytes!("../../../tests/fixtures/container/cab.cab");
    const STORED: &[u8] = include_bytes!("../../../tests/fixtures/container/cab-stored.cab");
    const LIST: &[u8] = b"Nobody in this list is real.\n";

    #[test]
    fn what_gcab_packed() {
        for (bytes, method) in [(MSZIP, "MSZIP"), (STORED, "none")] {
            let tree = open(bytes, "x.cab");
            assert_eq!(tree.gaps(), [], "{method}");
            assert_eq!(tree.content("dir/list.txt"), Some(LIST));
            assert_eq!(tree.seen[0].facts.method.as_deref(), Some(method));
        }
        let tree = open(MSZIP, "x.cab");
        assert!(tree.content("lines.txt").is_some_and(|lines| lines.len() > 70_000 && lines.ends_with(b" nobody\n")));
        assert_eq!(opened(&tree).facts.members, 2);
    }

    #[test]
    fn damage() {
        mutations(&MSZIP[..600], "x.cab");
        for cut in (36..MSZIP.len()).step_by(97) {
            assert!(open(&MSZIP[..cut], "x.cab").gaps().contains(&GapReason::Malformed), "cut at {cut}");
        }
        let mut bad = MSZIP.to_vec();
        let end = bad.len() - 50;
        bad[end] ^= 1;
        assert!(open(&bad, "x.cab").gaps().contains(&GapReason::Malformed));
    }

    #[test]
    fn cabinets_of_a_set_are_named() {
        // Flags of a cabinet with neighbours, and their names behind the header.
        let mut set = MSZIP[..36].to_vec();
        set[30] = 3;
        set.extend(b"a1.cab\0one\0a3.cab\0three\0");
        let shift = 24_u32;
        set[16..20].copy_from_slice(&(u32::from_le_bytes(MSZIP[16..20].try_into().unwrap()) + shift).to_le_bytes());
        set[8..12].copy_from_slice(&(u32::from_le_bytes(MSZIP[8..12].try_into().unwrap()) + shift).to_le_bytes());
        set.extend(&MSZIP[36..]);
        let folder = u32::from_le_bytes(set[60..64].try_into().unwrap()) + shift;
        set[60..64].copy_from_slice(&folder.to_le_bytes());
        let tree = open(&set, "a2.cab");
        assert_eq!(opened(&tree).facts.missing_volumes, ["a1.cab", "a3.cab"]);
        assert_eq!(tree.content("dir/list.txt"), Some(LIST));
        // The first file began in the cabinet before.
        let at = usize::try_from(u32::from_le_bytes(set[16..20].try_into().unwrap())).unwrap();
        set[at + 8..at + 10].copy_from_slice(&FROM_PREVIOUS.to_le_bytes());
        assert_eq!(open(&set, "a2.cab").gaps(), [GapReason::MissingVolume]);
    }

    #[test]
    fn quantum_is_told() {
        let mut bytes = MSZIP.to_vec();
        bytes[42] = 2;
        assert_eq!(open(&bytes, "x.cab").gaps(), [GapReason::UnsupportedMethod; 2]);
    }
}
