//! All indicators of a run, ready to be matched.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use super::compiled::CompiledSets;
use super::content::ContentScan;
use super::expr::{Compiled, Facts, Joined, Seen, Truth, Verdict, judge};
use super::filenames::FilenameSet;
use super::hash::{HashKind, HashSets};
use super::hosts::AddressSet;
use super::input::{IocError, Reader};
use super::likeness::{Likeness, Near};
use super::marks::Marks;
use super::misp::{self, Warninglist};
use super::ordinary::Breadth;
use super::paths::PathTerms;
use super::registry_terms::{RegistryTerms, RegistryValue};
use super::subjects::Subject;
use crate::hashset::Kind;
use crate::model::{Digests, Input, Profile, Rejected, text};

/// Numbers from here on are terms of expressions, smaller ones whole indicators.
pub(super) const TERM: u32 = 1 << 31;

/// Where an indicator stands in its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Counted from 1.
    Line(u64),
    /// The identifier of an object or attribute.
    Id(Arc<str>),
    /// The file itself, where it has no lines.
    Whole,
    /// The line that an identified item begins on.
    Item(u64, Arc<str>),
}

impl Place {
    pub fn item(line: u64, id: &str) -> Self {
        match Place::from(id) {
            Place::Id(id) if !id.is_empty() => Place::Item(line, id),
            _ => Place::Line(line),
        }
    }
}

impl From<u64> for Place {
    fn from(line: u64) -> Self {
        Place::Line(line)
    }
}

impl From<&str> for Place {
    fn from(id: &str) -> Self {
        Place::Id(text::shorten(&text::escape(id.as_bytes()), 120).into())
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Place::Line(n) => write!(f, ":{n}"),
            Place::Id(id) => write!(f, "#{id}"),
            Place::Whole => Ok(()),
            Place::Item(n, id) => write!(f, ":{n}#{id}"),
        }
    }
}

/// One indicator: a line of a list, an object of a bundle, an item of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Indicator {
    /// −100 to 100; negative ones clear.
    pub score: i32,
    /// What the list says of it, safe to show; may be empty.
    pub description: Arc<str>,
    pub(super) file: Arc<str>,
    pub(super) place: Place,
    /// The address, text or registry key as it is matched; `None` for hashes and patterns.
    pub value: Option<Arc<str>>,
    /// It asks for nothing but names and paths.
    pub(super) names_only: bool,
    /// What is matched is any text, no address.
    pub text: bool,
    /// What its author says about it, where the format has room for that.
    pub marks: Option<Arc<Marks>>,
}

impl Indicator {
    /// `file:line` or `file#id`
    pub fn source(&self) -> String {
        format!("{}{}", self.file, self.place)
    }

    /// ATT&CK technique ids (`T1567.002`) in the description and the author's labels, in their order.
    pub fn techniques(&self) -> Vec<String> {
        let labels = self.marks.iter().flat_map(|m| m.labels.iter().chain(&m.indicates));
        std::iter::once(&*self.description).chain(labels.map(String::as_str)).flat_map(techniques).collect()
    }

    /// The description, or where it is listed.
    pub fn words(&self) -> String {
        if self.description.is_empty() { format!("listed in {}", self.file) } else { self.description.to_string() }
    }
}

/// ATT&CK technique ids (`T1567.002`) in a description.
fn techniques(description: &str) -> Vec<String> {
    description
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '.')
        .map(|w| w.trim_end_matches('.'))
        .filter(|w| {
            let (main, sub) = w.split_once('.').map_or((*w, None), |(m, s)| (m, Some(s)));
            let digits = |s: &str, n: usize| s.len() == n && s.bytes().all(|b| b.is_ascii_digit());
            main.strip_prefix('T').is_some_and(|d| digits(d, 4)) && sub.is_none_or(|s| digits(s, 3))
        })
        .map(str::to_owned)
        .collect()
}

/// What an expression about one object is a part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It is the whole of this indicator.
    Whole(u32),
    /// One statement of a pattern about several objects.
    Part { pattern: u32, part: u32 },
}

#[derive(Debug)]
pub(super) struct Tree {
    pub node: Compiled,
    pub role: Role,
}

/// A pattern about several objects of one host.
#[derive(Debug)]
pub struct HostPattern {
    pub indicator: u32,
    /// Statements about single objects.
    pub parts: u32,
    pub(super) joined: Joined,
}

impl HostPattern {
    /// Whether objects that fit these statements fulfil the pattern.
    pub fn value(&self, held: &BTreeSet<u32>) -> Truth {
        self.joined.value(held)
    }
}

/// Everything that indicator files say. Immutable once loaded; shared by all workers.
#[derive(Debug, Default)]
pub struct IndicatorSet {
    pub(super) indicators: Vec<Indicator>,
    pub(super) hashes: HashSets,
    pub(super) filenames: FilenameSet,
    pub(super) addresses: AddressSet,
    pub(super) paths: PathTerms,
    pub(super) likeness: Likeness,
    pub(super) registry: RegistryTerms,
    pub(super) trees: Vec<Tree>,
    /// For every term of an expression, its tree.
    pub(super) terms: Vec<u32>,
    /// Trees that no indexed term leads to.
    pub(super) standing: Vec<u32>,
    pub(super) patterns: Vec<HostPattern>,
    /// YARA rules, and zip packs of them, that came among indicator files: where from, and their bytes.
    pub(super) rules: Vec<(String, Vec<u8>)>,
    /// Indicators whose names fit what lies everywhere: names say nothing about them.
    muted: BTreeSet<u32>,
    pub(super) compiled: CompiledSets,
    /// What the folder of indicators says of this clinic's own places and names.
    pub(super) profiles: Vec<Profile>,
    pub(super) warninglists: Vec<Warninglist>,
    /// Indicators that a warninglist takes out of force.
    pub(super) silenced: BTreeSet<u32>,
}

impl IndicatorSet {
    /// Reads files and folders (all files below, sorted by name; names that begin with a dot are left out),
    /// after the embedded lists where `embedded` says so. One report for every file, also for those of which
    /// nothing could be used.
    ///
    /// # Errors
    /// [`IocError`] where a path can't be read. Bad lines and unknown formats are no error; they are in the
    /// reports.
    pub fn load(paths: &[PathBuf], embedded: bool) -> Result<(IndicatorSet, Vec<Input>), IocError> {
        Self::load_with(paths, embedded, &[])
    }

    /// As [`IndicatorSet::load`], with further lists that are in memory: name and content.
    ///
    /// # Errors
    /// As there.
    pub fn load_with(
        paths: &[PathBuf],
        embedded: bool,
        lists: &[(String, String)],
    ) -> Result<(IndicatorSet, Vec<Input>), IocError> {
        Self::read(paths, embedded, lists, None)
    }

    /// As [`IndicatorSet::load`], and the reports name what is listed more than once.
    ///
    /// # Errors
    /// As there.
    pub fn check(paths: &[PathBuf], embedded: bool) -> Result<(IndicatorSet, Vec<Input>), IocError> {
        Self::read(paths, embedded, &[], Some(&mut BTreeMap::new()))
    }

    fn read(
        paths: &[PathBuf],
        embedded: bool,
        lists: &[(String, String)],
        known: Option<&mut BTreeMap<String, String>>,
    ) -> Result<(IndicatorSet, Vec<Input>), IocError> {
        let mut reader = Reader { set: IndicatorSet::default(), reports: Vec::new(), known };
        if embedded {
            for (name, content) in super::EMBEDDED.iter() {
                reader.content(&format!("embedded/{name}"), content.as_bytes());
            }
        }
        for path in paths {
            reader.path(path)?;
        }
        lists.iter().for_each(|(name, content)| reader.content(name, content.as_bytes()));
        let Reader { mut set, mut reports, .. } = reader;
        misp::apply(&mut set, &mut reports);
        set.build(&mut reports)?;
        Ok((set, reports))
    }

    /// Reads lists that are already in memory: name and content.
    ///
    /// # Errors
    /// [`IocError::TooLarge`]
    pub fn from_contents(lists: &[(&str, &[u8])]) -> Result<(IndicatorSet, Vec<Input>), IocError> {
        let mut reader = Reader { set: IndicatorSet::default(), reports: Vec::new(), known: None };
        lists.iter().for_each(|(name, content)| reader.content(name, content));
        let Reader { mut set, mut reports, .. } = reader;
        misp::apply(&mut set, &mut reports);
        set.build(&mut reports)?;
        Ok((set, reports))
    }

    fn build(&mut self, reports: &mut [Input]) -> Result<(), IocError> {
        self.hashes.sort();
        self.filenames.build().map_err(IocError::TooLarge)?;
        self.addresses.build().map_err(IocError::TooLarge)?;
        self.judge_breadth(reports);
        Ok(())
    }

    /// Names what fits ordinary paths, and takes those out of force that fit half of them.
    fn judge_breadth(&mut self, reports: &mut [Input]) {
        if !self.has_names() {
            return;
        }
        let find = |subjects: &[Subject]| {
            let mut ids = self.filenames.find(subjects);
            self.paths.find(subjects, |id| ids.push(id));
            ids.retain(|id| *id < TERM);
            ids.sort_unstable();
            ids.dedup();
            ids
        };
        let mut muted = BTreeSet::new();
        for (id, breadth) in Breadth::of_all(find) {
            let Some(indicator) = self.get(id).filter(|i| i.score > 0) else { continue };
            let Some(report) = reports.iter_mut().find(|r| r.name == *indicator.file) else { continue };
            let place = indicator.source();
            match (breadth.is_useless(), indicator.names_only) {
                (false, _) => report.broad.push(Rejected { place, why: breadth.words() }),
                (true, true) => {
                    report.loaded = report.loaded.saturating_sub(1);
                    report.rejected.push(Rejected { place, why: breadth.words() });
                }
                (true, false) => {
                    report.adjusted.push(Rejected { place, why: format!("its name is left out: {}", breadth.words()) })
                }
            }
            if breadth.is_useless() {
                muted.insert(id);
            }
        }
        self.muted = muted;
    }

    /// Indicators in all.
    pub fn len(&self) -> usize {
        self.indicators.len()
    }

    pub fn is_empty(&self) -> bool {
        self.indicators.is_empty()
    }

    /// Profiles found among the files, in their order.
    pub fn profiles(&self) -> &[Profile] {
        &self.profiles
    }

    /// Whether an MD5 is listed, so that objects must be digested with it.
    pub fn needs_md5(&self) -> bool {
        self.hashes.has_md5() || self.compiled.has(Kind::Md5)
    }

    /// Whether a SHA-1 is listed.
    pub fn needs_sha1(&self) -> bool {
        self.hashes.has_sha1() || self.compiled.has(Kind::Sha1)
    }

    /// Whether there are patterns or terms for names and paths.
    pub fn has_names(&self) -> bool {
        !self.filenames.is_empty() || !self.paths.is_empty()
    }

    /// Whether content must be searched.
    pub fn has_addresses(&self) -> bool {
        !self.addresses.is_empty()
    }

    /// Whether there are expressions at all.
    pub fn has_expressions(&self) -> bool {
        !self.trees.is_empty()
    }

    /// Indicators that list one of these digests, by kind. Terms of expressions go to `seen`.
    pub fn by_digest(&self, digests: &Digests, seen: &mut Seen) -> Vec<(HashKind, Vec<&Indicator>)> {
        let mut found = self.hashes.find(digests);
        for (kind, id) in self.compiled.find(digests) {
            match found.iter_mut().find(|(k, _)| *k == kind) {
                Some((_, ids)) => ids.push(id),
                None => found.push((kind, vec![id])),
            }
        }
        let mut out = Vec::new();
        for (kind, ids) in found {
            let indicators = self.whole(ids, seen);
            if !indicators.is_empty() {
                out.push((kind, indicators));
            }
        }
        out
    }

    /// Whether one of these digests by itself is listed as bad.
    pub fn accuses(&self, digests: &Digests) -> bool {
        self.by_digest(digests, &mut Seen::default()).iter().any(|(_, indicators)| indicators.iter().any(|i| i.score > 0))
    }

    /// Indicators whose pattern matches one of the spellings of a path, in the order of the lists. Terms of
    /// expressions go to `seen`.
    pub fn by_name(&self, subjects: &[Subject], seen: &mut Seen) -> Vec<&Indicator> {
        let mut ids = self.filenames.find(subjects);
        self.paths.find(subjects, |id| ids.push(id));
        ids.sort_unstable();
        ids.dedup();
        ids.retain(|id| !self.muted.contains(id));
        self.whole(ids, seen)
    }

    /// Whether import hashes are listed.
    pub fn has_imphashes(&self) -> bool {
        self.likeness.has_imphashes()
    }

    /// Whether TLSH digests are listed, so that the content of objects must be compared with them.
    pub fn has_tlsh(&self) -> bool {
        self.likeness.has_tlsh()
    }

    /// Whether keys or values of the registry are listed.
    pub fn has_registry(&self) -> bool {
        !self.registry.is_empty()
    }

    /// Indicators that list an import hash, given in hexadecimal. Terms of expressions go to `seen`.
    pub fn by_imphash(&self, hex: &str, seen: &mut Seen) -> Vec<&Indicator> {
        self.whole(self.likeness.by_imphash(hex).to_vec(), seen)
    }

    /// Indicators that list a TLSH which content is near to, with the distance. Terms of expressions go to `seen`.
    pub fn by_tlsh(&self, content: &[u8], seen: &mut Seen) -> Vec<(&Indicator, Near)> {
        let near = self.likeness.by_content(content);
        near.into_iter().filter_map(|n| Some((self.resolve(n.id, seen)?, n))).collect()
    }

    /// Numbers, for [`IndicatorSet::resolve`], of what is listed about a key (its path from the root on) or one of
    /// its values. One number may come more than once.
    pub fn by_registry<V: RegistryValue>(&self, path: &str, values: &[V], hit: impl FnMut(u32)) {
        self.registry.find(path, values, hit);
    }

    /// One worker's search in content.
    pub fn content_scan(&self) -> ContentScan<'_> {
        ContentScan::new(&self.addresses)
    }

    /// The whole indicator of a number that a search gives; a term of an expression goes to `seen`.
    pub fn resolve(&self, id: u32, seen: &mut Seen) -> Option<&Indicator> {
        if id >= TERM {
            seen.0.insert(id);
            return None;
        }
        self.get(id).filter(|_| !self.silenced.contains(&id))
    }

    fn whole(&self, ids: Vec<u32>, seen: &mut Seen) -> Vec<&Indicator> {
        ids.into_iter().filter_map(|id| self.resolve(id, seen)).collect()
    }

    pub fn get(&self, id: u32) -> Option<&Indicator> {
        self.indicators.get(usize::try_from(id).ok()?)
    }

    /// Evaluates the expressions that what was seen of an object leads to, and those that nothing leads to.
    /// Those that don't hold are left out.
    pub fn judge(&self, seen: &Seen, facts: &dyn Facts) -> Vec<(Role, Verdict)> {
        let tree_of = |slot: &u32| self.terms.get(usize::try_from(slot.saturating_sub(TERM)).ok()?).copied();
        let mut trees: Vec<u32> = seen.0.iter().filter_map(tree_of).chain(self.standing.iter().copied()).collect();
        trees.sort_unstable();
        trees.dedup();
        let tree = |n: u32| self.trees.get(usize::try_from(n).ok()?);
        let judged = trees.into_iter().filter_map(tree).map(|t| (t.role, judge(&t.node, seen, facts)));
        judged.filter(|(_, verdict)| verdict.truth != Truth::False).collect()
    }

    /// YARA rules, and zip packs of them, that came among indicator files: where from, and their bytes.
    pub fn rules(&self) -> &[(String, Vec<u8>)] {
        &self.rules
    }

    /// Patterns about several objects.
    pub fn patterns(&self) -> &[HostPattern] {
        &self.patterns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn techniques_are_ids_only() {
        assert_eq!(techniques("x T1567.002, T1048. T12 AT1048 T1030x"), ["T1567.002", "T1048"]);
    }
}
