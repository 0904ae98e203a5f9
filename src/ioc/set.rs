//! All indicators of a run, ready to be matched.

use std::path::PathBuf;
use std::sync::Arc;

use super::content::{AddressSet, ContentScan};
use super::filenames::FilenameSet;
use super::hash::{HashKind, HashSets};
use super::input::{self, IocError};
use super::subjects::Subject;
use crate::model::{Digests, Input, Profile};

/// One line of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Indicator {
    /// −100 to 100; negative ones clear.
    pub score: i32,
    /// What the list says of it, safe to show; may be empty.
    pub description: Arc<str>,
    pub(super) file: Arc<str>,
    pub(super) line: u64,
    /// The address as it is matched; `None` for hashes and patterns.
    pub value: Option<Arc<str>>,
}

impl Indicator {
    /// `file:line`
    pub fn source(&self) -> String {
        format!("{}:{}", self.file, self.line)
    }

    /// The description, or where it is listed.
    pub fn words(&self) -> String {
        if self.description.is_empty() { format!("listed in {}", self.file) } else { self.description.to_string() }
    }
}

/// Hashes, file-name patterns and addresses. Immutable once loaded; shared by all workers.
#[derive(Debug, Default)]
pub struct IndicatorSet {
    pub(super) indicators: Vec<Indicator>,
    pub(super) hashes: HashSets,
    pub(super) filenames: FilenameSet,
    pub(super) addresses: AddressSet,
    /// What the folder of indicators says of this clinic's own places and names.
    pub(super) profiles: Vec<Profile>,
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
            for (name, content) in super::EMBEDDED.iter() {
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

    /// Profiles found among the files, in their order.
    pub fn profiles(&self) -> &[Profile] {
        &self.profiles
    }

    /// Whether an MD5 is listed, so that objects must be digested with it.
    pub fn needs_md5(&self) -> bool {
        self.hashes.has_md5()
    }

    /// Whether a SHA-1 is listed.
    pub fn needs_sha1(&self) -> bool {
        self.hashes.has_sha1()
    }

    /// Whether there are file-name patterns.
    pub fn has_filenames(&self) -> bool {
        !self.filenames.is_empty()
    }

    /// Whether content must be searched for addresses.
    pub fn has_addresses(&self) -> bool {
        !self.addresses.is_empty()
    }

    /// Indicators that list one of these digests, by kind.
    pub fn by_digest(&self, digests: &Digests) -> Vec<(HashKind, Vec<&Indicator>)> {
        let resolve = |ids: Vec<u32>| ids.into_iter().filter_map(|i| self.get(i)).collect();
        self.hashes.find(digests).into_iter().map(|(kind, ids)| (kind, resolve(ids))).collect()
    }

    /// Indicators whose pattern matches one of the spellings of a path, in the order of the lists.
    pub fn by_name(&self, subjects: &[Subject]) -> Vec<&Indicator> {
        self.filenames.find(subjects).into_iter().filter_map(|i| self.get(i)).collect()
    }

    /// One worker's search for addresses.
    pub fn content_scan(&self) -> ContentScan<'_> {
        ContentScan::new(&self.addresses)
    }

    /// By the number that a [`ContentScan`] gives.
    pub fn get(&self, id: u32) -> Option<&Indicator> {
        self.indicators.get(usize::try_from(id).ok()?)
    }
}
