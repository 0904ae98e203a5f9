//! What an earlier case proved of files that have not changed since.
//!
//! A file is unchanged where its path and further names, device, inode, size, mtime and ctime are those of the earlier
//! inventory. Only files that are of no account to anything else are passed over: what had a finding, held patient
//! data or a clue, itself or in a member, is read again, so that findings are those of a full scan. Per file 24 bytes stay in
//! memory; what the inventory said of it lies in a working file of the case folder.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};
use sha2::{Digest, Sha256};

use crate::model::text::hex;
use crate::model::{
    Category, ContainerFacts, Digests, Disposition, Entry, Evidence, GapReason, Kind, Locator, Meta, Object, Reason, Time,
};
use crate::reader::Want;
use crate::report::{InventoryRow, OldCase, Remembered, RereadError};

/// A file may have been written to after it was read without its times moving on: for as long as the clock of its
/// file system stands still. The kernel's ticks are 10 ms at most; file systems with whole seconds may count in twos.
const TICK: i128 = 50_000_000;
const COARSE_TICK: i128 = 2_000_000_000;
const SECOND: i128 = 1_000_000_000;

/// A file with more members is read again.
const MAX_MEMBERS: usize = 20_000;

/// A warning: strong by itself, and there are harmless ways to it, as a disk that fails.
const WEIGHT: i32 = 75;

type Key = [u8; 16];

/// Which unchanged files are read all the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Draw {
    pub seed: [u8; 16],
    pub percent: f64,
}

impl Draw {
    /// Whether a file is drawn; anyone who knows the seed can tell.
    pub fn takes(&self, path: &[u8]) -> bool {
        let digest = Sha256::new().chain_update(self.seed).chain_update(path).finalize();
        let mut first = [0; 8];
        first.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
        // 2^64; a number just below it rounds up to it.
        self.percent >= 100.0 || (u64::from_be_bytes(first) as f64) < self.percent / 100.0 * 18_446_744_073_709_551_616.0
    }
}

/// Files of an earlier case that may be passed over.
pub struct Baseline {
    /// Sorted: what a file is known by, and where its row lies in `rows`.
    index: Vec<(Key, Place)>,
    rows: File,
    /// Runs that read them.
    runs: Vec<Arc<str>>,
    draw: Draw,
}

/// What is kept of a row.
#[derive(Debug, BorshSerialize, BorshDeserialize)]
struct Kept {
    run: u32,
    digests: Digests,
    file_type: Option<String>,
    entropy_milli: Option<u32>,
    known_good: bool,
    container: Option<ContainerFacts>,
    members: Vec<Object>,
}

/// An unchanged file.
#[derive(Debug)]
pub struct Proof {
    kept: Kept,
    run: Arc<str>,
    /// It is to be read all the same.
    pub drawn: bool,
}

impl Baseline {
    /// Reads the inventory of an earlier case; what it says of files goes to `rows`, an empty file.
    ///
    /// # Errors
    /// Where the inventory can't be read to its end, or the file not be written.
    pub fn load(old: &OldCase, rows: File, draw: Draw) -> Result<Self, LoadError> {
        let run: Arc<str> = old.report.run.id.as_str().into();
        let began = old.report.run.started.parse::<jiff::Timestamp>().map_or(i128::MIN, |t| t.as_nanosecond());
        let mut loading =
            Loading { index: Vec::new(), runs: Vec::new(), numbers: HashMap::new(), at: 0, out: BufWriter::new(rows) };
        let mut pending: Option<Pending> = None;
        for row in old.inventory()? {
            let row = row?;
            // Members follow the file that they lie in.
            if row.locator.len() > 1 {
                pending = pending.and_then(|file| file.with(&row));
                continue;
            }
            pending.take().map_or(Ok(()), |file| loading.add(file))?;
            pending = proved(&row, &run, began);
        }
        pending.map_or(Ok(()), |file| loading.add(file))?;
        loading.index.sort_unstable();
        let Loading { mut index, runs, out, .. } = loading;
        index.shrink_to_fit();
        let rows = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok(Self { index, rows, runs, draw })
    }

    /// How many files may be passed over, further names counted.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// What was proved of a file, where it is unchanged and every digest that is wanted was taken.
    pub fn find(&self, entry: &Entry, want: Want) -> Option<Proof> {
        let at = self.place(&entry.locator, &entry.meta, false)?;
        // A further name that was not there is a change, whatever the times say.
        entry.other_names.iter().try_for_each(|name| self.place(name, &entry.meta, true).map(|_| ()))?;
        let kept = self.row(at).ok()?;
        let digests = &kept.digests;
        if digests.sha256.is_none() || (want.sha1 && digests.sha1.is_none()) || (want.md5 && digests.md5.is_none()) {
            return None;
        }
        let run = self.runs.get(usize::try_from(kept.run).ok()?)?.clone();
        Some(Proof { run, drawn: self.draw.takes(entry.locator.os_name().bytes()), kept })
    }

    fn place(&self, name: &Locator, meta: &Meta, further: bool) -> Option<Place> {
        let key = key(name, meta, further)?;
        let at = self.index.binary_search_by(|(known, _)| known.cmp(&key)).ok()?;
        self.index.get(at).map(|(_, place)| *place)
    }

    fn row(&self, at: Place) -> io::Result<Kept> {
        let mut bytes = vec![0; at.length()];
        crate::sys::read_exact_at(&self.rows, &mut bytes, at.offset())?;
        Kept::try_from_slice(&bytes)
    }
}

/// Where a row lies in a file, and how long it is: 38 bits of an offset and 26 of a length, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place(u64);

impl Place {
    const LENGTH_BITS: u32 = 26;
    const LONGEST: u64 = (1 << Self::LENGTH_BITS) - 1;

    /// None where a number is too large.
    fn new(offset: u64, length: usize) -> Option<Self> {
        let length = u64::try_from(length).ok().filter(|l| *l <= Self::LONGEST)?;
        let high = offset.checked_mul(1 << Self::LENGTH_BITS)?;
        Some(Self(high | length))
    }

    fn offset(self) -> u64 {
        self.0 >> Self::LENGTH_BITS
    }

    fn length(self) -> usize {
        usize::try_from(self.0 & Self::LONGEST).unwrap_or(usize::MAX)
    }
}

/// Why an earlier case can't be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error(transparent)]
    Old(#[from] RereadError),
    #[error("what the earlier case proved could not be kept in the case folder: {0}")]
    Kept(#[from] io::Error),
}

struct Loading {
    index: Vec<(Key, Place)>,
    runs: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32>,
    at: u64,
    out: BufWriter<File>,
}

impl Loading {
    fn add(&mut self, pending: Pending) -> io::Result<()> {
        let Pending { object, read_by, members, .. } = pending;
        let further = object.hard_link_to.is_some();
        let Some(key) = key(&object.locator, &object.meta, further) else { return Ok(()) };
        if further {
            // That it was there is all that is asked of it.
            self.index.push((key, Place(0)));
            return Ok(());
        }
        let run = match self.numbers.get(&read_by) {
            Some(known) => *known,
            None => {
                let next = u32::try_from(self.runs.len()).unwrap_or(u32::MAX);
                self.runs.push(read_by.clone());
                self.numbers.insert(read_by, next);
                next
            }
        };
        let Object { digests, file_type, entropy_milli, known_good, container, .. } = object;
        let bytes = borsh::to_vec(&Kept { run, digests, file_type, entropy_milli, known_good, container, members })?;
        // What is too much to be kept is read again.
        if let Some(place) = Place::new(self.at, bytes.len()) {
            self.out.write_all(&bytes)?;
            self.at += bytes.len() as u64;
            self.index.push((key, place));
        }
        Ok(())
    }
}

/// A file that may be passed over, while its members are read.
struct Pending {
    object: Object,
    read_by: Arc<str>,
    members: Vec<Object>,
}

impl Pending {
    /// With a member; none where the member doesn't allow it.
    fn with(mut self, row: &InventoryRow) -> Option<Self> {
        let object = remembered(row)?;
        let examined = object.disposition == Disposition::Examined || object.reason == Some(GapReason::Unchanged);
        if !examined || self.members.len() >= MAX_MEMBERS || object.locator.outer() != self.object.locator {
            return None;
        }
        self.members.push(object);
        Some(self)
    }
}

/// The file of a row that may be passed over, and the run that read it.
fn proved(row: &InventoryRow, run: &Arc<str>, began: i128) -> Option<Pending> {
    let object = if row.inert { remembered(row)? } else { return None };
    let read_by = match (object.disposition, object.reason, &object.proved_by) {
        _ if object.kind != Kind::File => return None,
        (Disposition::Examined, _, _) if settled(object.meta.times.ctime?, began) => run.clone(),
        // Whoever passed over it has looked at its times.
        (Disposition::Skipped, Some(GapReason::Unchanged), Some(by)) => by.clone(),
        _ => return None,
    };
    Some(Pending { object, read_by, members: Vec::new() })
}

/// The object of a row, where nothing of it is hidden.
fn remembered(row: &InventoryRow) -> Option<Object> {
    let Remembered { mut object, masked } = Remembered::new(row)?;
    object.known_good = row.known.is_some();
    object.container = row.container.as_ref().map(Into::into);
    (!masked).then_some(object)
}

/// Whether a change after the scan began would show in the change time.
fn settled(ctime: Time, began: i128) -> bool {
    let tick = if ctime.0 % SECOND == 0 { COARSE_TICK } else { TICK };
    ctime.0.saturating_add(tick) < began
}

/// All that tells whether a file is the same; none where the source doesn't say enough.
fn key(name: &Locator, meta: &Meta, further: bool) -> Option<Key> {
    let (device, inode) = meta.id?;
    let (mtime, ctime) = (meta.times.mtime?, meta.times.ctime?);
    let mut hash = Sha256::new();
    hash.update([u8::from(further)]);
    for number in [device, inode, meta.size] {
        hash.update(number.to_le_bytes());
    }
    for time in [mtime, ctime] {
        hash.update(time.0.to_le_bytes());
    }
    hash.update(name.os_name().bytes());
    let mut key = Key::default();
    key.iter_mut().zip(hash.finalize()).for_each(|(to, from)| *to = from);
    Some(key)
}

/// Whether two looks at a file show the same.
pub(super) fn same(a: &Meta, b: &Meta) -> bool {
    (a.id, a.size, a.times.mtime, a.times.ctime) == (b.id, b.size, b.times.mtime, b.times.ctime)
}

impl Proof {
    /// The object as it was, under what is known of it now.
    pub(super) fn object(&self, now: Object) -> Object {
        Object {
            digests: self.kept.digests.clone(),
            file_type: self.kept.file_type.clone(),
            entropy_milli: self.kept.entropy_milli,
            known_good: self.kept.known_good,
            container: self.kept.container.clone(),
            disposition: Disposition::Skipped,
            reason: Some(GapReason::Unchanged),
            inert: true,
            proved_by: Some(self.run.clone()),
            ..now
        }
    }

    /// What lies in it.
    pub(super) fn members(&self, file: &Object) -> impl Iterator<Item = Object> {
        self.kept.members.iter().map(|member| Object {
            origin: file.origin.clone(),
            read: 0,
            disposition: Disposition::Skipped,
            reason: Some(GapReason::Unchanged),
            proved_by: Some(self.run.clone()),
            reread: false,
            ..member.clone()
        })
    }

    /// What there is to say where the content is another. `stands` is whether the file is still as it was found.
    pub(super) fn refuted(&self, object: &Object, stands: bool) -> Option<Evidence> {
        let (then, now) = (self.kept.digests.sha256?, object.digests.sha256?);
        if then == now || !stands {
            return None;
        }
        let text = format!(
            "Its SHA-256 was {} when run {} read it, and path, device, inode, size, mtime and ctime are the same: its times were \
             set back, the disk was written to beside the file system, or it is failing",
            hex(&then),
            self.run
        );
        Some(Evidence {
            locator: object.locator.clone(),
            category: Category::Integrity,
            title: "Content changed although nothing else about the file did".to_owned(),
            reasons: vec![Reason::new("integrity.content_changed", "integrity", WEIGHT, text, "baseline")],
            phi: None,
            techniques: vec!["T1070.006".to_owned()],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Times;

    fn meta(ctime: i128) -> Meta {
        let times = Times { mtime: Some(Time(1)), ctime: Some(Time(ctime)), ..Times::default() };
        Meta { size: 3, times, id: Some((1, 2)), ..Meta::default() }
    }

    #[test]
    fn the_draw_is_a_share() {
        let draw = |percent| Draw { seed: [7; 16], percent };
        let taken = |percent| (0..20_000).filter(|i| draw(percent).takes(format!("/srv/{i}").as_bytes())).count();
        assert_eq!((taken(0.0), taken(100.0)), (0, 20_000));
        assert!((150..250).contains(&taken(1.0)), "{}", taken(1.0));
        assert_ne!(
            (0..500).filter(|i| draw(50.0).takes(&[*i as u8])).collect::<Vec<u32>>(),
            (0..500).filter(|i| Draw { seed: [8; 16], percent: 50.0 }.takes(&[*i as u8])).collect::<Vec<u32>>()
        );
    }

    #[test]
    fn every_part_of_a_key_counts() {
        let a = Locator::os("/a");
        let known = key(&a, &meta(5), false);
        assert!(known.is_some());
        let others = [
            key(&Locator::os("/b"), &meta(5), false),
            key(&a, &meta(6), false),
            key(&a, &meta(5), true),
            key(&a, &Meta { size: 4, ..meta(5) }, false),
            key(&a, &Meta { id: Some((1, 3)), ..meta(5) }, false),
            key(&a, &Meta { id: Some((2, 2)), ..meta(5) }, false),
            key(&a, &Meta { times: Times { mtime: Some(Time(2)), ..meta(5).times }, ..meta(5) }, false),
        ];
        assert!(others.iter().all(|other| other.is_some() && *other != known));
        assert_eq!(key(&a, &Meta { id: None, ..meta(5) }, false), None);
        assert_eq!(key(&a, &Meta { times: Times::default(), ..meta(5) }, false), None);
    }

    #[test]
    fn places_hold_what_fits_and_nothing_else() {
        for (offset, length) in [(0, 0), (7, 1), ((1 << 38) - 1, Place::LONGEST as usize)] {
            let place = Place::new(offset, length).unwrap();
            assert_eq!((place.offset(), place.length()), (offset, length));
        }
        assert!(Place::new(1 << 38, 0).is_none() && Place::new(0, Place::LONGEST as usize + 1).is_none());
    }

    #[test]
    fn what_was_written_as_the_scan_began_is_not_settled() {
        let began = 100 * SECOND;
        assert!(settled(Time(began - TICK - 1), began));
        assert!(!settled(Time(began - TICK), began));
        assert!(!settled(Time(98 * SECOND), began), "it may count in twos");
        assert!(settled(Time(97 * SECOND), began));
    }
}
