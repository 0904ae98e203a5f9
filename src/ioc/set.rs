//! All indicators of a run, ready to be matched.

use std::path::PathBuf;
use std::sync::Arc;

use super::content::ContentScan;
use super::expr::{Compiled, Facts, Joined, Seen, Truth, Verdict, judge};
use super::filenames::FilenameSet;
use super::hash::{HashKind, HashSets};
use super::hosts::AddressSet;
use super::input::{self, IocError};
use super::likeness::{Likeness, Near};
use super::marks::Marks;
use super::paths::PathTerms;
use super::registry_terms::{RegistryTerms, RegistryValue};
use super::subjects::Subject;
use crate::model::{Digests, Input, text};

/// Numbers from here on are terms of expressions, smaller ones whole indicators.
pub(super) const TERM: u32 = 1 << 31;

/// Where an indicator stands in its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Counted from 1.
    Line(u64),
    /// The identifier of an object or attribute.
    Id(Arc<str>),
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
    pub fn value(&self, held: &std::collections::BTreeSet<u32>) -> Truth {
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
    /// YARA rules that came within indicator files: where from, and their text.
    pub(super) rules: Vec<(String, String)>,
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
        let mut set = IndicatorSet::default();
        let mut reports = Vec::new();
        if embedded {
            for (name, content) in super::EMBEDDED {
                reports.push(input::read(&mut set, &format!("embedded/{name}"), content.as_bytes()));
            }
        }
        for path in paths {
            input::read_path(&mut set, path, &mut reports)?;
        }
        set.build()?;
        Ok((set, reports))
    }

    /// Reads lists that are already in memory: name and content.
    ///
    /// # Errors
    /// [`IocError::TooLarge`]
    pub fn from_contents(lists: &[(&str, &[u8])]) -> Result<(IndicatorSet, Vec<Input>), IocError> {
        let mut set = IndicatorSet::default();
        let reports = lists.iter().map(|(name, content)| input::read(&mut set, name, content)).collect();
        set.build()?;
        Ok((set, reports))
    }

    fn build(&mut self) -> Result<(), IocError> {
        self.hashes.sort();
        self.filenames.build().map_err(IocError::TooLarge)?;
        self.addresses.build().map_err(IocError::TooLarge)
    }

    /// Indicators in all.
    pub fn len(&self) -> usize {
        self.indicators.len()
    }

    pub fn is_empty(&self) -> bool {
        self.indicators.is_empty()
    }

    /// Whether an MD5 is listed, so that objects must be digested with it.
    pub fn needs_md5(&self) -> bool {
        self.hashes.has_md5()
    }

    /// Whether a SHA-1 is listed.
    pub fn needs_sha1(&self) -> bool {
        self.hashes.has_sha1()
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
        let mut out = Vec::new();
        for (kind, ids) in self.hashes.find(digests) {
            let indicators = self.whole(ids, seen);
            if !indicators.is_empty() {
                out.push((kind, indicators));
            }
        }
        out
    }

    /// Indicators whose pattern matches one of the spellings of a path, in the order of the lists. Terms of
    /// expressions go to `seen`.
    pub fn by_name(&self, subjects: &[Subject], seen: &mut Seen) -> Vec<&Indicator> {
        let mut ids = self.filenames.find(subjects);
        self.paths.find(subjects, |id| ids.push(id));
        ids.sort_unstable();
        ids.dedup();
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
        self.get(id)
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

    /// YARA rules that came within indicator files: where from, and their text.
    pub fn rules(&self) -> &[(String, String)] {
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
