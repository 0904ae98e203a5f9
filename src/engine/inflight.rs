//! Who is on what: a table that outlives the scan process, so that the next one knows what it died on.
//!
//! One slot a worker, written with one call when it takes an object: no lock, no sync, for the page cache
//! survives the process. Counters of progress stand before the slots and are written by one thread now and then.

use std::fs::File;
use std::io::{self, Read, Seek};

use super::state::{ObjectKey, key_of};
use crate::model::Locator;

/// Workers that the table has room for.
pub const MAX_WORKERS: usize = 1024;
/// Bytes of one slot: whether it is taken, and by what.
const SLOT: usize = 1 + 16;
/// Bytes of all counters of progress.
const COUNTERS: usize = MAX_WORKERS * 8;

/// What a worker was on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    pub key: ObjectKey,
    /// While no other worker was on anything; of the walk, for the second time.
    pub alone: bool,
    /// It is of the walk.
    pub walk: bool,
}

/// The table, open for writing.
pub struct InFlight(File);

impl InFlight {
    /// Empties the table of the workers and, behind them, the walk.
    pub fn new(file: File, workers: usize) -> io::Result<Self> {
        let len = file.metadata()?.len().max((COUNTERS + (workers + 1).min(MAX_WORKERS) * SLOT) as u64);
        write_at(&file, &vec![0; usize::try_from(len).unwrap_or(COUNTERS).min(COUNTERS + MAX_WORKERS * SLOT)], 0)?;
        Ok(Self(file))
    }

    /// Worker `k` takes an object. A table that can't be written costs knowledge after a crash, nothing else.
    pub fn enter(&self, k: usize, locator: &Locator, alone: bool) {
        self.take(k, 1 + u8::from(alone), locator);
    }

    /// The walk, which has slot `k`, comes to a folder.
    pub fn walk(&self, k: usize, locator: &Locator, again: bool) {
        self.take(k, 3 + u8::from(again), locator);
    }

    fn take(&self, k: usize, state: u8, locator: &Locator) {
        let mut slot = [state; SLOT];
        slot[1..].copy_from_slice(&key_of(locator));
        self.put(k, &slot);
    }

    /// Worker `k` is on nothing.
    pub fn leave(&self, k: usize) {
        self.put(k, &[0]);
    }

    /// How far each worker is, in any unit that grows.
    pub fn beat(&self, progress: impl Iterator<Item = u64>) {
        let counters: Vec<u8> = progress.take(MAX_WORKERS).flat_map(u64::to_le_bytes).collect();
        let _ = write_at(&self.0, &counters, 0);
    }

    fn put(&self, k: usize, slot: &[u8]) {
        if k < MAX_WORKERS {
            let _ = write_at(&self.0, slot, (COUNTERS + k * SLOT) as u64);
        }
    }
}

/// What is in the table now, with each worker's counter of progress; empty slots are `None`.
pub fn read(file: &mut (impl Read + Seek)) -> io::Result<Vec<(u64, Option<Slot>)>> {
    let mut table = Vec::new();
    file.rewind()?;
    file.take((COUNTERS + MAX_WORKERS * SLOT) as u64).read_to_end(&mut table)?;
    let (counters, slots) = table.split_at_checked(COUNTERS).unwrap_or((&[], &[]));
    Ok(counters.chunks_exact(8).zip(slots.chunks_exact(SLOT)).map(|(n, slot)| (number(n), parse(slot))).collect())
}

fn number(bytes: &[u8]) -> u64 {
    bytes.try_into().map_or(0, u64::from_le_bytes)
}

fn parse(slot: &[u8]) -> Option<Slot> {
    let (state, key) = slot.split_first()?;
    (1..=4).contains(state).then_some(Slot { key: key.try_into().ok()?, alone: state % 2 == 0, walk: *state > 2 })
}

#[cfg(unix)]
fn write_at(file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, at)
}

#[cfg(windows)]
fn write_at(file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    std::os::windows::fs::FileExt::seek_write(file, bytes, at).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_entered_is_read_back_until_it_is_left() {
        let mut file = tempfile::tempfile().unwrap();
        let table = InFlight::new(file.try_clone().unwrap(), 3).unwrap();
        let long = Locator::os("/b");
        table.enter(0, &Locator::os("/a"), false);
        table.enter(2, &long, true);
        table.beat([7, 8, 9].into_iter());
        let slots = read(&mut file).unwrap();
        assert_eq!(slots.len(), 4);
        assert_eq!(slots[0], (7, Some(Slot { key: key_of(&Locator::os("/a")), alone: false, walk: false })));
        assert_eq!(slots[1], (8, None));
        assert!(slots[2].1.as_ref().is_some_and(|s| s.alone && !s.walk && s.key == key_of(&long)));
        table.walk(3, &long, true);
        assert_eq!(read(&mut file).unwrap()[3], (0, Some(Slot { key: key_of(&long), alone: true, walk: true })));
        table.leave(2);
        assert_eq!(read(&mut file).unwrap()[2], (9, None));
    }

    #[test]
    fn no_table_is_an_empty_one() {
        assert!(read(&mut io::Cursor::new(b"short")).unwrap().is_empty());
    }
}
