//! ISO 9660 (ECMA-119) with Rock Ridge (IEEE P1282 on SUSP, P1281) and Joliet.
//!
//! An image may hold two trees over the same files. The one with the better names is walked first (Rock Ridge, then
//! Joliet), then the others for files that only they list. UDF is told, not read.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, SeekFrom};
use std::rc::Rc;

use super::meter::{Fault, Input};
use super::read::read_at;
use super::walk::{Walk, named};
use super::{Budget, Container, Expanded, MemberSink, Probe, ReadSeek};
use crate::model::{GapReason, MemberFacts, Time};

mod record;
mod rock;

use record::Record;

const SECTOR: u64 = 2048;
/// Volume descriptors that are looked at.
const DESCRIPTORS: u64 = 64;
/// Folders inside folders, and bytes of a path.
const DEPTH: usize = 256;
const PATH: usize = 16 << 10;

pub struct Iso;

impl Container for Iso {
    fn id(&self) -> &'static str {
        "iso"
    }

    fn probe(&self, probe: &Probe<'_>) -> bool {
        (16..19_usize).any(|sector| {
            let id = probe.head.get(sector * 2048 + 1..sector * 2048 + 6);
            matches!(id, Some(b"CD001" | b"BEA01"))
        })
    }

    fn expand(&self, _: &Probe<'_>, input: &mut dyn ReadSeek, budget: &mut Budget, sink: &mut dyn MemberSink) -> Expanded {
        let mut walk = Walk::new(self.id(), budget, sink);
        let outcome = input.seek(SeekFrom::End(0)).and_then(|size| {
            let ratio = walk.budget().limits.ratio;
            let allowance = Rc::new(Cell::new(size.saturating_mul(ratio).max(1 << 20)));
            Image { input, size, folders: size.saturating_mul(2), seen: BTreeMap::new(), allowance }.expand(&mut walk)
        });
        if let Err(e) = outcome {
            walk.failed(&e);
        }
        walk.finish()
    }
}

/// How the names of a tree are stored.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    Plain,
    Joliet,
    /// With the bytes to skip in each system use area.
    RockRidge(usize),
}

struct Tree {
    root: Record,
    names: Names,
}

struct Image<'a> {
    input: &'a mut dyn ReadSeek,
    size: u64,
    /// Bytes of folders that may still be read: they may share their sectors.
    folders: u64,
    /// Extents that were handed over: first byte and length.
    seen: BTreeMap<u64, u64>,
    /// Output left to files that share their sectors with others.
    allowance: Rc<Cell<u64>>,
}

struct Folder {
    extents: Vec<(u64, u64)>,
    path: Vec<u8>,
    depth: usize,
}

impl Image<'_> {
    fn expand(&mut self, walk: &mut Walk<'_>) -> io::Result<()> {
        let (mut trees, mut udf) = (Vec::new(), false);
        for sector in 16..16 + DESCRIPTORS {
            let bytes = read_at(self.input, sector * SECTOR, SECTOR as usize)?;
            let id = bytes.get(1..6).unwrap_or_default();
            udf |= matches!(id, b"NSR02" | b"NSR03");
            if !matches!(id, b"CD001" | b"BEA01" | b"NSR02" | b"NSR03" | b"TEA01" | b"BOOT2") {
                break;
            }
            // ECMA-119 8.4 and 8.5: the root's record at 156; Joliet by its escape sequences at 88.
            let root = bytes.get(156..190).and_then(Record::parse).filter(|root| root.folder);
            match (id, bytes.first()) {
                (b"CD001", Some(1)) => {
                    let root = root.ok_or_else(|| Fault::malformed("the volume descriptor is damaged"))?;
                    let names = rock::skip(self.input, &root)?.map_or(Names::Plain, Names::RockRidge);
                    trees.push(Tree { root, names });
                }
                (b"CD001", Some(2)) if matches!(bytes.get(88..91), Some(b"%/@" | b"%/C" | b"%/E")) => {
                    trees.extend(root.map(|root| Tree { root, names: Names::Joliet }));
                }
                _ => {}
            }
        }
        if udf {
            walk.note("udf");
            walk.shortfall(GapReason::UnsupportedContainer, "the image holds a UDF file system, which is not read");
        }
        if trees.is_empty() && !udf {
            return Err(Fault::malformed("the image has no volume descriptor"));
        }
        trees.sort_by_key(|tree| match tree.names {
            Names::RockRidge(_) => 0,
            Names::Joliet => 1,
            Names::Plain => 2,
        });
        for (i, tree) in trees.iter().enumerate() {
            self.tree(tree, i > 0, walk)?;
            if walk.ended() {
                break;
            }
        }
        Ok(())
    }

    /// Walks one tree; where it isn't the first, only for files that no other listed.
    fn tree(&mut self, tree: &Tree, again: bool, walk: &mut Walk<'_>) -> io::Result<()> {
        let mut visited = BTreeSet::new();
        let mut open = vec![Folder { extents: vec![tree.root.extent], path: Vec::new(), depth: 0 }];
        while let Some(folder) = open.pop() {
            let mut parts: Vec<(u64, u64)> = Vec::new();
            let mut inner = Vec::new();
            for (start, length) in folder.extents.iter().copied() {
                if !visited.insert(start) {
                    walk.shortfall(GapReason::Malformed, "a folder holds itself or is listed twice");
                    continue;
                }
                let mut at = start;
                while at < start.saturating_add(length) {
                    let sector = read_at(self.input, at, SECTOR as usize)?;
                    self.folders = self.folders.saturating_sub(SECTOR);
                    if self.folders == 0 {
                        return Err(Fault::malformed("folders share their sectors"));
                    }
                    if sector.len() < SECTOR as usize {
                        walk.shortfall(GapReason::Malformed, "the image ends inside a folder");
                        break;
                    }
                    at = at.saturating_add(SECTOR);
                    let mut rest = sector.as_slice();
                    // Records don't cross sectors; a zero ends one.
                    while let Some(size) = rest.first().copied().filter(|size| *size > 0) {
                        let Some(record) = rest.get(..usize::from(size)).and_then(Record::parse) else {
                            walk.shortfall(GapReason::Malformed, "a folder is damaged");
                            break;
                        };
                        rest = rest.get(usize::from(size)..).unwrap_or_default();
                        if record.is_dot() {
                            continue;
                        }
                        parts.push(record.extent);
                        if record.more {
                            continue;
                        }
                        let extents = std::mem::take(&mut parts);
                        self.entry(tree.names, &folder, &record, extents, again, &mut inner, walk)?;
                        if walk.ended() {
                            return Ok(());
                        }
                    }
                }
            }
            open.extend(inner.into_iter().rev());
        }
        Ok(())
    }

    /// One file or folder.
    #[expect(clippy::too_many_arguments)]
    fn entry(
        &mut self,
        names: Names,
        folder: &Folder,
        record: &Record,
        extents: Vec<(u64, u64)>,
        again: bool,
        inner: &mut Vec<Folder>,
        walk: &mut Walk<'_>,
    ) -> io::Result<()> {
        let more = match names {
            Names::RockRidge(skip) => rock::read(self.input, record, skip)?,
            _ => rock::Extra::default(),
        };
        let name = match names {
            Names::Joliet => record.joliet(),
            _ => more.name.clone().unwrap_or_else(|| record.plain()),
        };
        let path = if folder.path.is_empty() { name } else { [&folder.path[..], b"/", &name].concat() };
        if path.len() > PATH || folder.depth > DEPTH {
            walk.shortfall(GapReason::LimitDepth, "folders are nested deeper than the limit");
            return Ok(());
        }
        let size = extents.iter().fold(0_u64, |sum, (_, length)| sum.saturating_add(*length));
        let empty = size == 0 || more.link || more.special;
        let known = extents.iter().all(|(start, length)| self.seen.get(start).is_some_and(|seen| seen >= length));
        if record.folder {
            inner.push(Folder { extents: extents.clone(), path: path.clone(), depth: folder.depth + 1 });
        }
        if again && (record.folder || empty || known) {
            return Ok(());
        }
        let mut facts = MemberFacts {
            is_dir: record.folder || more.relocated,
            is_link: more.link,
            size: Some(if record.folder { 0 } else { size }),
            packed: Some(if record.folder { 0 } else { size }),
            mtime: more.mtime.or(record.mtime),
            owner: more.owner,
            mode: more.mode.map(|mode| format!("{:04o}", mode & 0o7777)),
            ..named(path)
        };
        if !walk.admit(&mut facts) {
            return Ok(());
        }
        if again {
            walk.note("hidden_member");
        }
        if more.link {
            walk.unread(&facts, GapReason::LinkMember, "a link; its target is not followed");
        } else if more.special {
            walk.unread(&facts, GapReason::SpecialFile, "a device or pipe; it holds no bytes");
        } else if facts.is_dir || empty {
            walk.empty(&facts);
        } else if record.interleaved || more.zisofs {
            walk.unread(&facts, GapReason::UnsupportedMethod, "it is interleaved or compressed, which is not supported");
        } else if walk.spent() {
            walk.unread(&facts, GapReason::LimitSize, "the limit of bytes out of one archive was reached");
        } else {
            let shared = extents.iter().any(|extent| self.take(*extent));
            let mut content = Extents { input: self.input, extents: extents.into_iter(), left: 0 };
            let mut input = Input::new(&mut content);
            let fed = input.fed();
            walk.deliver(&facts, &mut input, fed, shared.then(|| self.allowance.clone()));
        }
        Ok(())
    }

    /// Accounts for an extent; whether part of it was handed over before.
    fn take(&mut self, (start, length): (u64, u64)) -> bool {
        let end = start.saturating_add(length).min(self.size);
        let before = self.seen.range(..end).next_back();
        let shared = before.is_some_and(|(from, length)| from.saturating_add(*length) > start);
        let kept = self.seen.entry(start).or_insert(length);
        *kept = length.max(*kept);
        shared
    }
}

/// The extents of a file, one behind the other.
struct Extents<'a> {
    input: &'a mut dyn ReadSeek,
    extents: std::vec::IntoIter<(u64, u64)>,
    left: u64,
}

impl Read for Extents<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.left == 0 {
            let Some((start, length)) = self.extents.next() else { return Ok(0) };
            self.input.seek(SeekFrom::Start(start))?;
            self.left = length;
        }
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(buf.len());
        let n = self.input.read(&mut buf[..wanted])?;
        if n == 0 && wanted > 0 {
            return Err(Fault::malformed("the image ends inside a file"));
        }
        self.left = self.left.saturating_sub(n as u64);
        Ok(n)
    }
}

/// `now` of the two records of time that are used here: seven bytes (ECMA-119 9.1.5).
fn time(bytes: &[u8]) -> Option<Time> {
    let [year, month, day, hour, minute, second, zone] = *bytes.first_chunk::<7>()?;
    let part = |n: u8| i8::try_from(n).ok();
    let civil = jiff::civil::DateTime::new(
        1900 + i16::from(year),
        part(month)?,
        part(day)?,
        part(hour)?,
        part(minute)?,
        part(second)?,
        0,
    );
    let stamp = jiff::tz::TimeZone::UTC.to_timestamp(civil.ok()?).ok()?;
    // Quarters of an hour from Greenwich.
    Some(Time(stamp.as_nanosecond() - i128::from(zone as i8) * 900_000_000_000))
}

#[cfg(test)]
mod tests;
