//! Patient data gathered to be taken: archives and folders weighed on the two axes of the staging score.
//!
//! Every archive of the file system is judged as a whole, with all that lies in it at any depth; an archive
//! inside another one only where it is encrypted or disguised itself. Files that hold patient data are judged
//! by folder, in places that intruders use. An intruder's encryption is a sign of staging, never protection.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rayon::prelude::*;

use super::Correlator;
use super::names::{Disguise, archive_disguise, extension, numbered, volume_head};
use super::people::People;
use super::place::{folder_end, is_recycle_index, normal, place};
use super::tally::Tally;
use crate::model::{Clue, Encrypted, Evidence, Gap, GapReason, Locator, Object, PhiFacts, Priors};

mod around;
mod index;
mod judge;
mod kept;
mod matching;
mod others;
mod signs;
#[cfg(test)]
mod tests;
mod tree;

use around::Around;
pub use around::Window;
use index::{FileIndex, Known};
use judge::{Subject, judge};
use matching::{LockedMembers, Matches};
pub use others::{OtherFile, Others};

/// An archive, opened or not.
#[derive(Clone, Debug)]
struct Archive {
    /// The registered format, or the type of the bytes where the format is not opened.
    format: String,
    encrypted: Encrypted,
    missing_volumes: bool,
    /// The listing may lack members.
    partial: bool,
    opened: bool,
    /// Normalised path on the system the evidence came from.
    origin: Option<String>,
    /// Seconds since 1970 of the last write.
    written: Option<i64>,
    owner: Option<String>,
}

/// What bytes without any format's marks are called.
const HEADERLESS: &str = "headerless";

/// Files of one folder whose names differ in a number only: the number and the bytes of each.
type Family = BTreeMap<u64, u64>;

/// Finds staging. See the module.
#[derive(Debug, Default)]
pub struct Staging {
    people: People,
    archives: BTreeMap<Locator, Archive>,
    tallies: BTreeMap<Locator, Tally>,
    /// By folder and family name.
    volumes: BTreeMap<(Vec<u8>, String), Family>,
    series: BTreeMap<(Vec<u8>, String), Family>,
    /// Families of which an archive could be the unnumbered volume.
    heads: BTreeSet<(Vec<u8>, String)>,
    /// Normalised origin of files whose place only the origin tells.
    origins: BTreeMap<Locator, String>,
    recycle_indexes: BTreeSet<String>,
    /// Folders with a backup product's catalog.
    catalogs: BTreeSet<Vec<u8>>,
    around: Around,
    index: FileIndex,
    locked: LockedMembers,
    others: Others,
    /// What the files with patient data are known as; filled at the end.
    held: BTreeMap<Locator, Known>,
    /// Patient data by file of the file system, with all that lies in it; filled at the end.
    phi: BTreeMap<Locator, Vec<Arc<PhiFacts>>>,
    /// Locked members that are files of this host; filled at the end.
    matches: BTreeMap<Locator, Matches>,
}

impl Staging {
    pub fn new() -> Self {
        Self::default()
    }

    /// With the time of the suspected intrusion, and files of other cases.
    pub fn with(window: Option<Window>, others: Others) -> Self {
        Self { around: Around::with(window), others, ..Self::default() }
    }

    fn note_archive(&mut self, object: &Object) -> bool {
        let types = &Priors::get().types;
        let archive = match (&object.container, &object.file_type) {
            (Some(facts), _) if facts.is_document() => return false,
            (Some(facts), _) => Archive {
                format: facts.format.clone(),
                encrypted: facts.encrypted,
                missing_volumes: !facts.missing_volumes.is_empty(),
                partial: !facts.limits.is_empty() || facts.encrypted == Encrypted::Headers,
                opened: match object.reason {
                    Some(GapReason::UnsupportedContainer) => false,
                    // The first part of a set whose list of members stands in the last.
                    Some(GapReason::MissingVolume) => facts.members > 0,
                    _ => true,
                },
                origin: None,
                written: None,
                owner: None,
            },
            (None, Some(kind)) if types.archives.contains_key(kind) => Archive {
                format: kind.clone(),
                encrypted: if object.reason == Some(GapReason::Encrypted) { Encrypted::All } else { Encrypted::No },
                missing_volumes: object.reason == Some(GapReason::MissingVolume),
                partial: true,
                opened: false,
                origin: None,
                written: None,
                owner: None,
            },
            _ => return false,
        };
        let origin = object.origin.as_ref().map(normal);
        let written = index::latest(object.meta.times.mtime, object.meta.times.btime);
        let owner = object.meta.owner.clone();
        self.archives.insert(object.locator.clone(), Archive { origin, written, owner, ..archive });
        true
    }

    fn note_file(&mut self, object: &Object, is_archive: bool) {
        let path = normal(object.locator.os_name());
        if is_recycle_index(&path) {
            self.recycle_indexes.insert(path.clone());
        }
        if let Some(origin) = object.origin.as_ref().map(normal) {
            if is_recycle_index(&origin) {
                self.recycle_indexes.insert(origin.clone());
            }
            let told = place(&origin);
            if told.is_some() && told != place(&path) {
                self.origins.insert(object.locator.clone(), origin);
            }
        }
        let name = base(&path);
        let folder = folder_of(&object.locator);
        if extension(name).is_some_and(|e| Priors::get().profile.backup_catalogs.iter().any(|c| c == e)) {
            self.catalogs.insert(folder.clone());
        }
        if let Some(family) = volume_head(name).filter(|_| is_archive) {
            self.heads.insert((folder.clone(), family));
        }
        if let Some(n) = numbered(name) {
            let map = match (n.volume, is_archive) {
                (true, _) => &mut self.volumes,
                (false, true) => &mut self.series,
                (false, false) => return,
            };
            map.entry((folder, n.family)).or_default().insert(n.number, object.meta.size);
        }
    }

    fn note_member(&mut self, object: &Object) {
        self.locked.add(object);
        let mut direct = true;
        let mut outer = object.locator.container();
        while let Some(locator) = outer {
            outer = locator.container();
            self.tallies.entry(locator).or_default().add(object, direct);
            direct = false;
        }
    }

    /// A further volume is judged with the first one.
    fn is_later_volume(&self, locator: &Locator) -> bool {
        let path = normal(locator.os_name());
        let Some(n) = numbered(base(&path)).filter(|n| n.volume) else { return false };
        let folder = folder_of(locator);
        let first = self.volumes.get(&(folder.clone(), n.family.clone())).and_then(|f| f.keys().next());
        let headed = self.heads.contains(&(folder, n.family));
        headed || first.is_some_and(|first| *first < n.number)
    }

    /// How an archive's name hides it, and whether it deserves a look of its own.
    fn disguise(&self, locator: &Locator, archive: &Archive) -> Option<Disguise> {
        let name = String::from_utf8_lossy(locator.base_name()).to_lowercase();
        let complete = archive.opened && !archive.partial;
        let markers = complete.then(|| self.tallies.get(locator).map_or(0, |t| t.markers));
        archive_disguise(&name, &archive.format, markers)
    }

    /// What only the whole tells: before anything is judged.
    fn settle(&mut self) {
        self.index.settle();
        self.around.settle();
        self.matches = std::mem::take(&mut self.locked).join(&self.index, &self.others);
        for (locator, facts) in self.people.facts() {
            self.phi.entry(locator.outer()).or_default().push(Arc::clone(facts));
        }
        let known = self.index.all().filter(|k| self.phi.contains_key(&k.locator)).map(|k| (k.locator.clone(), k));
        self.held = known.collect();
        self.headerless();
        self.locked_sets();
    }

    /// The last volume of a set tells whether its names are encrypted, the first one stands for the set.
    fn locked_sets(&mut self) {
        let locked: BTreeSet<_> = self.around.locked_ends.iter().filter_map(set_of).collect();
        for (locator, archive) in self.archives.iter_mut().filter(|(l, _)| l.depth() == 0) {
            if set_of(locator).is_some_and(|set| locked.contains(&set)) {
                archive.encrypted = Encrypted::Headers;
            }
        }
    }

    /// Files that look encrypted and lie where intruders put things stand beside archives. Further volumes of a set
    /// belong to it, and what was encrypted for ransom is nobody's loot.
    fn headerless(&mut self) {
        if self.around.uniform.is_empty() {
            return;
        }
        let ransomed = self.around.ransomed();
        let of_interest = |k: &Known| {
            let placed = || place(&normal(k.locator.os_name())).is_some() || self.origins.contains_key(&k.locator);
            self.around.uniform.contains(&k.locator)
                && !ransomed.contains(&k.locator)
                && !self.archives.contains_key(&k.locator)
                && placed()
        };
        let found: Vec<Known> = self.index.all().filter(of_interest).collect();
        for k in found {
            let archive = Archive {
                format: HEADERLESS.to_owned(),
                encrypted: Encrypted::No,
                missing_volumes: false,
                partial: true,
                opened: false,
                origin: self.origins.get(&k.locator).cloned(),
                written: k.written,
                owner: k.owner,
            };
            self.archives.insert(k.locator, archive);
        }
    }

    /// Sets of volumes, and the archive that stands for each.
    fn sets(&self) -> BTreeMap<(Vec<u8>, String), &Locator> {
        let first = |locator: &&Locator| locator.depth() == 0 && !self.is_later_volume(locator);
        self.archives.keys().filter(first).filter_map(|l| Some((set_of(l)?, l))).collect()
    }

    fn subjects(&self) -> Vec<Subject<'_>> {
        let mut of_archive: BTreeMap<Locator, Vec<(&Locator, &Arc<PhiFacts>)>> = BTreeMap::new();
        let mut of_folder: BTreeMap<Vec<u8>, Vec<(&Locator, &Arc<PhiFacts>)>> = BTreeMap::new();
        let mut folders: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
        let sets = self.sets();
        for (locator, facts) in self.people.facts() {
            let mut inside = Some(locator.clone()).filter(|l| self.archives.contains_key(l)).or_else(|| locator.container());
            // What lies open in a further volume belongs to the set.
            let set = if inside.is_none() { set_of(locator).and_then(|set| sets.get(&set)) } else { None };
            inside = inside.or_else(|| set.map(|first| (*first).clone()));
            // So is what lies in a letter's attachments.
            if inside.is_none() || (locator.depth() > 0 && !self.archives.contains_key(&locator.outer())) {
                let folder = folder_of(locator);
                let top = folders.entry(folder).or_insert_with_key(|folder| tree::top(folder)).clone();
                of_folder.entry(top).or_default().push((locator, facts));
            }
            while let Some(archive) = inside {
                inside = archive.container();
                of_archive.entry(archive).or_default().push((locator, facts));
            }
        }
        let mut subjects = Vec::new();
        for (locator, archive) in &self.archives {
            let disguise = self.disguise(locator, archive);
            let own_signs = archive.encrypted != Encrypted::No || disguise.is_some();
            if (locator.depth() > 0 && !own_signs) || (locator.depth() == 0 && self.is_later_volume(locator)) {
                continue;
            }
            let held = of_archive.remove(locator).unwrap_or_default();
            subjects.push(Subject { locator: locator.clone(), archive: Some((archive, disguise)), held });
        }
        for (folder, held) in of_folder {
            let locator = match held.as_slice() {
                [] => continue,
                [(first, _), rest @ ..] if rest.iter().all(|(l, _)| l.outer() == first.outer()) => first.outer(),
                _ => Locator::os(tree::shared(held.iter().map(|(l, _)| folder_of(l)), folder)),
            };
            subjects.push(Subject { locator, archive: None, held });
        }
        subjects
    }
}

impl Correlator for Staging {
    fn id(&self) -> &'static str {
        "staging"
    }

    fn object(&mut self, object: &Object) {
        if object.locator.depth() > 0 {
            self.note_member(object);
            self.note_archive(object);
        } else if object.kind.is_stored() {
            self.index.add(object);
            let is_archive = self.note_archive(object);
            self.note_file(object, is_archive);
        }
    }

    fn evidence(&mut self, evidence: &Evidence) {
        self.people.note(evidence);
    }

    fn clue(&mut self, clue: &Clue) {
        self.around.note(clue);
    }

    fn finish(&mut self) -> Vec<Evidence> {
        self.settle();
        let all: &Self = self;
        all.subjects().par_iter().filter_map(|subject| judge(all, subject)).collect()
    }

    fn gaps(&self) -> Vec<Gap> {
        self.around.gaps().collect()
    }
}

/// The set that a file belongs to by its name: folder and family.
fn set_of(locator: &Locator) -> Option<(Vec<u8>, String)> {
    let path = normal(locator.os_name());
    let name = base(&path);
    let family = numbered(name).filter(|n| n.volume).map(|n| n.family).or_else(|| volume_head(name))?;
    Some((folder_of(locator), family))
}

/// The folder of a file of the file system, as the evidence spells it; empty for a bare name.
fn folder_of(locator: &Locator) -> Vec<u8> {
    let path = locator.os_name().bytes();
    match folder_end(path) {
        Some(0) => path.get(..1).unwrap_or_default().to_vec(),
        Some(end) => path.get(..end).unwrap_or_default().to_vec(),
        None => Vec::new(),
    }
}

/// Base name of a normalised path.
fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
