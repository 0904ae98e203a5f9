//! The host's own files by size and CRC-32, so that the members of a locked archive can be recognised as copies of
//! them: both stand in clear in ZipCrypto, AE-1, 7z with readable names, and RAR 4.
//!
//! About 32 bytes a file and its base name; folders are kept once.

use std::collections::HashMap;

use crate::correlate::place::folder_end;
use crate::model::{Locator, Object, Time};

/// Bytes of base names that are kept in all; files beyond are not recognised, and the finding says so.
const MAX_NAMES: usize = 1 << 30;

#[derive(Clone, Copy, Debug)]
struct Row {
    size: u64,
    /// Seconds since 1970, of the last write; `i64::MIN` where unknown.
    written: i64,
    crc: u32,
    folder: u32,
    name: u32,
    name_length: u16,
    owner: u16,
}

/// See the module.
#[derive(Debug, Default)]
pub struct FileIndex {
    rows: Vec<Row>,
    folders: Vec<Vec<u8>>,
    by_folder: HashMap<Vec<u8>, u32>,
    owners: Vec<String>,
    by_owner: HashMap<String, u16>,
    names: Vec<u8>,
    /// Files that found no room.
    pub left_out: u64,
}

/// A file of the index.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Known {
    pub locator: Locator,
    pub size: u64,
    pub crc: u32,
    pub written: Option<i64>,
    pub owner: Option<String>,
}

impl FileIndex {
    /// Takes in a file of the file system.
    pub fn add(&mut self, object: &Object) {
        let (folder, base) = split(object.locator.os_name().bytes());
        if self.names.len().saturating_add(base.len()) > MAX_NAMES {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        let (Ok(at), Ok(length), Ok(next)) =
            (u32::try_from(self.names.len()), u16::try_from(base.len()), u32::try_from(self.folders.len()))
        else {
            self.left_out = self.left_out.saturating_add(1);
            return;
        };
        let folder = match self.by_folder.get(folder) {
            Some(known) => *known,
            None => {
                self.folders.push(folder.to_vec());
                self.by_folder.insert(folder.to_vec(), next);
                next
            }
        };
        self.names.extend_from_slice(base);
        let owner = object.meta.owner.as_deref().map_or(u16::MAX, |o| self.owner(o));
        let written = latest(object.meta.times.mtime, object.meta.times.btime).unwrap_or(i64::MIN);
        let (size, crc) = (object.meta.size, object.digests.crc32);
        // A file whose bytes were not all read is known by name only.
        let size_known = if crc.is_some() { size } else { 0 };
        self.rows.push(Row { size: size_known, written, crc: crc.unwrap_or(0), folder, name: at, name_length: length, owner });
    }

    fn owner(&mut self, owner: &str) -> u16 {
        if let Some(known) = self.by_owner.get(owner) {
            return *known;
        }
        let next = u16::try_from(self.owners.len()).unwrap_or(u16::MAX);
        if next < u16::MAX {
            self.owners.push(owner.to_owned());
            self.by_owner.insert(owner.to_owned(), next);
        }
        next
    }

    /// Sorts by size and CRC-32, for [`FileIndex::of`].
    pub fn settle(&mut self) {
        self.rows.sort_unstable_by_key(|r| (r.size, r.crc, r.folder, r.name));
    }

    /// Files with this content, after [`FileIndex::settle`]: none for an empty one.
    pub fn of(&self, size: u64, crc: u32) -> impl Iterator<Item = Known> {
        let from = self.rows.partition_point(|r| (r.size, r.crc) < (size, crc));
        let rest = self.rows.get(from..).unwrap_or_default();
        rest.iter().take_while(move |r| size > 0 && (r.size, r.crc) == (size, crc)).map(|r| self.known(r))
    }

    /// Every file, in no certain order.
    pub fn all(&self) -> impl Iterator<Item = Known> {
        self.rows.iter().map(|r| self.known(r))
    }

    fn known(&self, row: &Row) -> Known {
        let folder = self.folders.get(row.folder as usize).map_or(&[][..], Vec::as_slice);
        let at = row.name as usize;
        let base = self.names.get(at..at.saturating_add(usize::from(row.name_length))).unwrap_or_default();
        Known {
            locator: Locator::os([folder, base].concat()),
            size: row.size,
            crc: row.crc,
            written: (row.written != i64::MIN).then_some(row.written),
            owner: self.owners.get(usize::from(row.owner)).cloned(),
        }
    }
}

/// A path as folder, with its last separator, and base name.
fn split(path: &[u8]) -> (&[u8], &[u8]) {
    path.split_at(folder_end(path).map_or(0, |end| end.saturating_add(1)))
}

/// The later of two times, in seconds.
pub fn latest(a: Option<Time>, b: Option<Time>) -> Option<i64> {
    let seconds = |t: Time| i64::try_from(t.0.div_euclid(1_000_000_000)).ok();
    a.and_then(seconds).into_iter().chain(b.and_then(seconds)).max()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Kind, Meta};

    fn file(path: &str, size: u64, crc: u32) -> Object {
        let mut o = Object::new(Locator::os(path), Kind::File, Meta { size, owner: Some("0:0".into()), ..Meta::default() });
        o.digests.crc32 = Some(crc);
        o
    }

    #[test]
    fn files_are_found_by_content() {
        let mut index = FileIndex::default();
        for (path, size, crc) in [("/a/x.csv", 10, 7), ("/b/y.csv", 10, 7), ("/b/z", 10, 8), ("/e", 0, 0), ("C:\\d\\w", 11, 7)] {
            index.add(&file(path, size, crc));
        }
        index.settle();
        let found = |size, crc| index.of(size, crc).map(|k| k.locator.shown()).collect::<Vec<_>>();
        assert_eq!(found(10, 7), ["/a/x.csv", "/b/y.csv"]);
        assert_eq!(found(11, 7).len(), 1);
        assert!(found(0, 0).is_empty() && found(12, 7).is_empty());
        assert_eq!(index.all().count(), 5);
        assert_eq!(index.of(10, 8).next().and_then(|k| k.owner).as_deref(), Some("0:0"));
    }
}
