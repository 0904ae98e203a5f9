//! Which files of the host lie in a locked archive: members whose size and CRC-32 stand in clear, joined with the
//! files that were read. A size and a CRC-32 together are the same content but for one pair in four thousand million;
//! the base name, where it is the same, leaves no doubt.

use std::collections::{BTreeMap, BTreeSet};

use super::index::{FileIndex, Known};
use super::others::{OtherFile, Others};
use crate::model::{GapReason, Locator, Object};

/// A member that can't be read, as its archive describes it.
#[derive(Clone, Debug)]
struct Locked {
    size: u64,
    crc: u32,
    /// Base name, lower case.
    name: String,
}

/// Members of locked archives, by archive.
#[derive(Debug, Default)]
pub struct LockedMembers {
    by_archive: BTreeMap<Locator, Vec<Locked>>,
}

/// What became of the locked members of one archive.
#[derive(Clone, Debug, Default)]
pub struct Matches {
    /// Locked members that say size and CRC-32.
    pub comparable: u64,
    /// Of those, how many are content of this host or of another case.
    pub matched: u64,
    /// How many with the same base name, too.
    pub named: u64,
    /// How many could be one of several files of other names.
    pub several: u64,
    /// The files, in canonical order: where several have the content, those with the member's name, or else all.
    pub files: BTreeSet<Known>,
    /// Files of other cases.
    pub others: BTreeSet<OtherFile>,
}

impl LockedMembers {
    /// Takes in a member of an archive.
    pub fn add(&mut self, object: &Object) {
        let (Some(GapReason::Encrypted), Some(crc)) = (object.reason, object.digests.crc32) else { return };
        let Some(archive) = object.locator.container().filter(|_| object.meta.size > 0) else { return };
        let name = String::from_utf8_lossy(object.locator.base_name()).to_lowercase();
        self.by_archive.entry(archive).or_default().push(Locked { size: object.meta.size, crc, name });
    }

    /// Joins with the files of the host and of other cases.
    pub fn join(self, index: &FileIndex, others: &Others) -> BTreeMap<Locator, Matches> {
        let mut found = BTreeMap::new();
        for (archive, members) in self.by_archive {
            let mut all = Matches::default();
            for member in &members {
                all.comparable += 1;
                one(member, index, others, &mut all);
            }
            if all.matched > 0 {
                found.insert(archive, all);
            }
        }
        found
    }
}

fn one(member: &Locked, index: &FileIndex, others: &Others, all: &mut Matches) {
    let known: Vec<Known> = index.of(member.size, member.crc).collect();
    let foreign: Vec<&OtherFile> = others.of(member.size, member.crc).collect();
    if known.is_empty() && foreign.is_empty() {
        return;
    }
    all.matched += 1;
    let same = |name: &[u8]| String::from_utf8_lossy(name).to_lowercase() == member.name;
    let (named, unnamed): (Vec<Known>, Vec<Known>) = known.into_iter().partition(|k| same(k.locator.base_name()));
    let named_elsewhere = foreign.iter().any(|f| f.base_name() == member.name);
    all.named += u64::from(!named.is_empty() || named_elsewhere);
    all.several += u64::from(named.is_empty() && !named_elsewhere && unnamed.len() + foreign.len() > 1);
    all.files.extend(if named.is_empty() { unnamed } else { named });
    all.others.extend(foreign.into_iter().cloned());
}

impl Matches {
    /// How sure it is, in words.
    pub fn certainty(&self) -> String {
        let only = self.matched.saturating_sub(self.named).saturating_sub(self.several);
        let mut parts = Vec::new();
        for (n, words) in [
            (self.named, "with the same name"),
            (only, "one file of that content"),
            (self.several, "several files of that content"),
        ] {
            if n > 0 {
                parts.push(format!("{n} {words}"));
            }
        }
        parts.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Kind, Meta};

    fn object(locator: Locator, size: u64, crc: u32) -> Object {
        let kind = if locator.depth() > 0 { Kind::Member } else { Kind::File };
        let mut o = Object::new(locator, kind, Meta { size, ..Meta::default() });
        o.digests.crc32 = Some(crc);
        if kind == Kind::Member {
            o.reason = Some(GapReason::Encrypted);
        }
        o
    }

    #[test]
    fn archived_files_are_named_and_no_others() {
        let mut index = FileIndex::default();
        for (path, size, crc) in [
            ("/x/a.csv", 10, 1),
            ("/y/a.csv", 10, 1),
            ("/y/copy.csv", 10, 1),
            ("/y/b", 20, 2),
            ("/y/c", 20, 3),
            ("/y/d", 9, 9),
            ("/z/d", 9, 9),
        ] {
            index.add(&object(Locator::os(path), size, crc));
        }
        index.settle();
        let archive = Locator::os("/t/1.zip");
        let mut locked = LockedMembers::default();
        for (i, (name, size, crc)) in
            [("p/A.CSV", 10, 1), ("renamed", 20, 2), ("q", 9, 9), ("new", 77, 7), ("dir", 0, 0)].into_iter().enumerate()
        {
            locked.add(&object(archive.member(name, i as u32), size, crc));
        }
        let joined = locked.join(&index, &Others::default());
        let all = &joined[&archive];
        assert_eq!((all.comparable, all.matched, all.named, all.several), (4, 3, 1, 1));
        let files: Vec<_> = all.files.iter().map(|k| k.locator.shown()).collect();
        assert_eq!(files, ["/x/a.csv", "/y/a.csv", "/y/b", "/y/d", "/z/d"]);
        assert_eq!(all.certainty(), "1 with the same name, 1 one file of that content, 1 several files of that content");
    }

    #[test]
    fn what_stores_no_checksum_is_never_matched() {
        let mut index = FileIndex::default();
        index.add(&object(Locator::os("/x/a"), 10, 0));
        index.settle();
        let mut locked = LockedMembers::default();
        let mut member = object(Locator::os("/t/1.zip").member("a", 0), 10, 0);
        member.digests.crc32 = None;
        locked.add(&member);
        assert!(locked.join(&index, &Others::default()).is_empty());
    }
}
