//! What lies around loot and speaks of it: tools and their scripts, lists of files, the time it was written.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::folder_of;
use super::index::latest;
use super::kept::{Kept, Placed};
use crate::clue::paths;
use crate::correlate::place::{is_system, normal, place};
use crate::model::{Clue, ClueKind, Gap, Locator, Priors, Reason};

/// Seconds between a tool's arrival and the loot's last write that count as the same time.
const SAME_TIME: u64 = 24 * 3600;
/// Paths of patient data in a list from which the list says what the loot is.
const SPEAKING: u64 = 3;

/// A program that moves or packs data.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Tool {
    locator: Locator,
    folder: Vec<u8>,
    name: String,
    transfer: bool,
    written: Option<i64>,
    /// It lies where intruders put things.
    dropped: bool,
    /// It lies where installers put programs: any day may be that of an update.
    installed: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Script {
    locator: Locator,
    folder: Vec<u8>,
    tool: String,
    transfer: bool,
    paths: Arc<[String]>,
}

impl Placed for Tool {
    fn locator(&self) -> &Locator {
        &self.locator
    }
}

impl Placed for Script {
    fn locator(&self) -> &Locator {
        &self.locator
    }
}

/// The suspected intrusion, seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub from: i64,
    pub to: i64,
}

impl Window {
    pub fn holds(&self, at: i64) -> bool {
        (self.from..=self.to).contains(&at)
    }
}

/// See the module.
#[derive(Debug, Default)]
pub struct Around {
    pub window: Option<Window>,
    tools: Kept<Tool>,
    scripts: Kept<Script>,
    /// Numbers of scripts by the keys of what they name; filled at the end.
    naming: HashMap<String, Vec<usize>>,
    /// By folder: paths that lists name, and those that speak of patient data.
    listings: BTreeMap<Vec<u8>, (u64, u64)>,
    /// Folders and archives with the notes of a vendor's export.
    export_notes: BTreeSet<Locator>,
    ransom_notes: BTreeSet<Vec<u8>>,
    /// Last volumes of sets whose names are encrypted.
    pub locked_ends: BTreeSet<Locator>,
    /// Files of the file system that look random from their first byte on.
    pub uniform: BTreeSet<Locator>,
}

/// A subject as what lies around it sees it.
pub struct Seen<'a> {
    /// Normalised paths; for a folder that of a file in it.
    pub paths: &'a [String],
    pub folder: Vec<u8>,
    /// Seconds of the last writes.
    pub written: &'a [i64],
    pub locator: &'a Locator,
}

impl Around {
    pub fn with(window: Option<Window>) -> Self {
        Self { window, ..Self::default() }
    }

    /// Takes in a clue.
    pub fn note(&mut self, clue: &Clue) {
        let outside = clue.locator.depth() == 0;
        let folder = folder_of(&clue.locator);
        let written = latest(clue.times.mtime, clue.times.btime);
        match &clue.kind {
            ClueKind::Transfer { tool } | ClueKind::Archiver { tool } if outside => {
                let path = normal(clue.locator.os_name());
                if !is_system(&path) {
                    let transfer = matches!(clue.kind, ClueKind::Transfer { .. });
                    let dropped = place(&path).is_some();
                    let installed = path.contains("/program files");
                    let (locator, name) = (clue.locator.clone(), tool.clone());
                    self.tools.add(Tool { locator, folder, name, transfer, written, dropped, installed });
                }
            }
            ClueKind::Script { tool, transfer, paths } => {
                let (locator, tool, paths) = (clue.locator.clone(), tool.clone(), paths.clone());
                self.scripts.add(Script { locator, folder, tool, transfer: *transfer, paths });
            }
            ClueKind::Listing { paths, patients } if outside => {
                let sums = self.listings.entry(folder).or_default();
                *sums = (sums.0.saturating_add(*paths), sums.1.saturating_add(*patients));
            }
            ClueKind::ExportNotes => {
                self.export_notes.insert(clue.locator.container().unwrap_or_else(|| Locator::os(folder)));
            }
            ClueKind::RansomNote if outside => {
                self.ransom_notes.insert(folder);
            }
            ClueKind::LockedEnd if outside => {
                self.locked_ends.insert(clue.locator.clone());
            }
            ClueKind::Uniform if outside => {
                self.uniform.insert(clue.locator.clone());
            }
            _ => {}
        }
    }

    /// What there was no room for.
    pub fn gaps(&self) -> impl Iterator<Item = Gap> {
        [self.tools.gap("tools"), self.scripts.gap("scripts")].into_iter().flatten()
    }

    /// Makes what scripts name findable: once, when all are known.
    pub fn settle(&mut self) {
        for (number, script) in self.scripts.iter().enumerate() {
            for key in script.paths.iter().filter_map(|mention| paths::key(mention)) {
                self.naming.entry(key.to_owned()).or_default().push(number);
            }
        }
    }

    /// Scripts that name one of these paths, in canonical order.
    fn naming(&self, seen: &Seen<'_>) -> Vec<&Script> {
        let keys = seen.paths.iter().flat_map(|path| paths::keys(path));
        let numbers: BTreeSet<usize> = keys.filter_map(|key| self.naming.get(key)).flatten().copied().collect();
        if numbers.is_empty() {
            return Vec::new();
        }
        let named = self.scripts.iter().enumerate().filter(|(n, _)| numbers.contains(n)).map(|(_, script)| script);
        named.filter(|script| &script.locator != seen.locator).collect()
    }

    /// Files that were encrypted for ransom, as their owners' losses and nobody's loot: ten or more that look random,
    /// under one added extension and in several folders, or beside a note that says so.
    pub fn ransomed(&self) -> BTreeSet<Locator> {
        let mut by_extension: BTreeMap<Vec<u8>, Vec<&Locator>> = BTreeMap::new();
        for locator in &self.uniform {
            let name = locator.base_name();
            if let Some(dot) = name.iter().rposition(|b| *b == b'.').filter(|dot| *dot > 0) {
                by_extension.entry(name.get(dot..).unwrap_or_default().to_ascii_lowercase()).or_default().push(locator);
            }
        }
        let mut out = BTreeSet::new();
        for (extension, files) in by_extension {
            let volume = extension.get(1..).is_some_and(|e| e.iter().all(u8::is_ascii_digit));
            let folders: BTreeSet<_> = files.iter().map(|l| folder_of(l)).collect();
            let noted = folders.iter().any(|f| self.ransom_notes.contains(f));
            if !volume && (noted || (files.len() >= 10 && folders.len() >= 2)) {
                out.extend(files.into_iter().cloned());
            }
        }
        out
    }

    /// Signs of staging from what lies around.
    pub fn staging(&self, seen: &Seen<'_>) -> Vec<Reason> {
        let p = Priors::get();
        let mut reasons = Vec::new();
        let (away, within): (Vec<&Script>, Vec<&Script>) = self.naming(seen).into_iter().partition(|s| s.transfer);
        let objects = |scripts: &[&Script]| scripts.iter().map(|s| s.locator.clone()).collect::<Vec<_>>();
        if let Some(script) = away.first() {
            let text = format!("a script or configuration of {} names this path", script.tool);
            reasons.push(p.reason("staging.cfg_refs_path", text).about(objects(&away)));
        }
        reasons.extend(self.tools(seen, true).or_else(|| self.beside(seen)));
        if let Some(script) = within.first() {
            let text = format!("a script that packs or copies with {} names this path", script.tool);
            reasons.push(p.reason("staging.archiver", text).about(objects(&within)));
        } else {
            reasons.extend(self.tools(seen, false));
        }
        let near = |folder: &Vec<u8>| is_near(folder, &seen.folder);
        let listed = self.listings.iter().filter(|(folder, _)| near(folder)).fold(0_u64, |n, (_, sums)| n.saturating_add(sums.0));
        if listed > 0 {
            reasons.push(p.reason("staging.manifest", format!("a list of {listed} files or folders lies beside it")));
        }
        if let Some(window) = self.window
            && seen.written.iter().any(|at| window.holds(*at))
        {
            reasons.push(p.reason("staging.burst", "it was written in the time of the suspected intrusion"));
        }
        reasons
    }

    /// What a list beside it says of its content.
    pub fn content(&self, seen: &Seen<'_>) -> Option<Reason> {
        let near = |folder: &Vec<u8>| *folder == seen.folder || is_parent(folder, &seen.folder);
        let speaking = self.listings.iter().filter(|(folder, _)| near(folder)).fold(0_u64, |n, (_, s)| n.saturating_add(s.1));
        let text = format!("a list beside it names {speaking} paths that speak of patient data");
        (speaking >= SPEAKING).then(|| Priors::get().reason("content.manifest_phi", text))
    }

    /// Whether the notes of a vendor's export lie in it or beside it.
    pub fn is_export(&self, seen: &Seen<'_>) -> bool {
        let inside = |note: &Locator| note == seen.locator || note.steps().starts_with(seen.locator.steps());
        let near = |note: &Locator| note.depth() == 0 && is_near(note.os_name().bytes(), &seen.folder);
        self.export_notes.iter().any(|note| inside(note) || near(note))
    }

    /// Tools of a sort: in the time it was written, or dropped near it.
    fn tools(&self, seen: &Seen<'_>, transfer: bool) -> Option<Reason> {
        let p = Priors::get();
        let near = |t: &Tool| is_near(&t.folder, &seen.folder);
        let same_time = |t: &Tool| {
            t.written.is_some_and(|tool| {
                let both = |at: &i64| self.window.is_some_and(|w| w.holds(tool) && w.holds(*at));
                seen.written.iter().any(|at| (!t.installed && tool.abs_diff(*at) <= SAME_TIME) || both(at))
            })
        };
        let of = || self.tools.iter().filter(move |t| t.transfer == transfer);
        if !transfer {
            let tool = of().find(|t| near(t) || (t.dropped && same_time(t)))?;
            return Some(p.reason("staging.archiver", format!("{} was put near it", tool.name)).about([tool.locator.clone()]));
        }
        if let Some(tool) = of().find(|t| same_time(t)) {
            let text = format!("{} came to this host within a day of it", tool.name);
            return Some(p.reason("staging.tool_window", text).about([tool.locator.clone()]));
        }
        let tool = of().find(|t| near(t) || t.dropped)?;
        let text = format!("{} lies {}", tool.name, if near(tool) { "near it" } else { "where intruders put things" });
        Some(p.reason("staging.tool_present", text).about([tool.locator.clone()]))
    }

    /// A script of a tool that copies away lies in the same folder, whatever it names.
    fn beside(&self, seen: &Seen<'_>) -> Option<Reason> {
        let near = |s: &&Script| s.transfer && s.locator.depth() == 0 && &s.locator != seen.locator && s.folder == seen.folder;
        let script = self.scripts.iter().find(near)?;
        let text = format!("a script or configuration of {} lies beside it", script.tool);
        Some(Priors::get().reason("staging.tool_present", text).about([script.locator.clone()]))
    }
}

/// Whether `folder` lies somewhere in `above`.
pub(super) fn is_below(folder: &[u8], above: &[u8]) -> bool {
    let rest = folder.strip_prefix(above);
    !above.is_empty() && rest.is_some_and(|r| matches!(r.first(), Some(b'/' | b'\\')))
}

/// Whether `folder` is the one around `below`.
fn is_parent(folder: &[u8], below: &[u8]) -> bool {
    below.iter().rposition(|b| matches!(b, b'/' | b'\\')).is_some_and(|end| end > 0 && below.get(..end) == Some(folder))
}

fn is_near(folder: &[u8], other: &[u8]) -> bool {
    folder == other || is_below(folder, other) || is_parent(folder, other)
}
