//! YARA rules: loading them, and scanning our own buffers.
//!
//! Rules come from files, folders and the embedded pack, one namespace a file. The compiled set is kept in a
//! cache; a scanner belongs to one worker. The engine never opens a file by itself: it is given bytes.

mod cache;
mod check;
mod collect;
mod compile;
mod cost;
mod cut;
mod embedded;
mod gate;
mod listed;
mod pack;
mod result;
mod scan;
mod traits;
mod unbounded;

use std::path::{Path, PathBuf};

use crate::model::{Input, text::escape};

pub use check::{FileCheck, RuleInfo};
pub use cost::{Cost, Sample, costs};
pub use listed::listed_digests;
pub use result::{Hit, Outcome, RuleMatch, ScanGap};
pub use scan::{RuleScanner, ScanVars, WINDOW, WINDOW_OVERLAP};

use collect::Source;
use gate::Gate;
use traits::{RuleTraits, Terms};

fn shown(path: &Path) -> String {
    escape(path.as_os_str().as_encoded_bytes())
}

/// Why no rules could be loaded at all. What is wrong with single rules is in [`Input::rejected`].
#[derive(Debug, thiserror::Error)]
pub enum SignatureError {
    #[error("the rules path {} does not exist; check --rules", shown(.0))]
    Missing(PathBuf),
    #[error("the rules path {} can't be read: {source}; check its permissions", shown(.path))]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("the rules path {} is neither a file nor a folder; give a rule file, a zip pack or a folder of them", shown(.0))]
    NotAFile(PathBuf),
    #[error("the rule compiler failed: {0}; leave out the last added rule file and report it")]
    Compiler(String),
}

/// A compiled set of rules, shared by all workers.
pub struct RuleSet {
    rules: yara_x::Rules,
    /// What conditions refer to.
    terms: Terms,
    not_in_windows: Vec<String>,
    from_cache: bool,
    /// Tells which rules can match an object at all, where there are enough of them.
    gate: Option<Gate>,
}

impl std::fmt::Debug for RuleSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RuleSet").field("rules", &self.len()).finish_non_exhaustive()
    }
}

impl RuleSet {
    /// [`RuleSet::load_with`] without content of other origin.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn load(paths: &[PathBuf], embedded: bool, cache: Option<&Path>) -> Result<(RuleSet, Vec<Input>), SignatureError> {
        Self::load_with(paths, embedded, cache, &[])
    }

    /// Loads rules from `paths` (files of any name; folders are searched for `.yar`, `.yara`, `.rule` and
    /// `.zip`, sorted), from `extra` (name and bytes of what came by another way) and, where `embedded`, the
    /// pack inside the program. A zip archive is a pack: its rule files are read. One namespace a file.
    ///
    /// A rule that doesn't compile is rejected with its line and reason; the other rules of the file stay,
    /// unless the file has a global rule, which may restrict the others: then a fault rejects the whole file.
    /// `include` is refused, since it would read files that nobody named.
    ///
    /// With `cache` the compiled set is kept in that folder under a key of everything that decides it. The
    /// folder must belong to us: compiled rules are trusted, though checked for damage. A cache that can't
    /// be read or written costs time only.
    ///
    /// # Errors
    ///
    /// Where a named path is missing, unreadable or no file; or the compiler itself breaks.
    pub fn load_with(
        paths: &[PathBuf],
        embedded: bool,
        cache: Option<&Path>,
        extra: &[(String, Vec<u8>)],
    ) -> Result<(RuleSet, Vec<Input>), SignatureError> {
        let sources = gather(paths, embedded, extra)?;
        let key = cache::key(&sources);
        if let Some(dir) = cache
            && let Some(stored) = cache::read(dir, &key)
        {
            return Ok(Self::assemble(stored, true));
        }
        let compiled = compile::compile(&sources)?;
        if let Some(dir) = cache {
            cache::write(dir, &key, &compiled);
        }
        Ok(Self::assemble(compiled, false))
    }

    fn assemble(compiled: compile::Compiled, from_cache: bool) -> (RuleSet, Vec<Input>) {
        let compile::Compiled { rules, reports, terms, gate } = compiled;
        let gate = gate.map(|(plan, large)| Gate::new(plan, large));
        let not_in_windows = reports.iter().flat_map(|r| r.not_in_windows.iter().cloned()).collect();
        (RuleSet { rules, terms, not_in_windows, from_cache, gate }, reports)
    }

    /// The same rules, of which every one is run on every object.
    pub fn without_gate(self) -> Self {
        Self { gate: None, ..self }
    }

    /// Whether rules that can't match an object are left out.
    pub fn is_gated(&self) -> bool {
        self.gate.is_some()
    }

    fn traits_of(&self, namespace: &str, rule: &str) -> RuleTraits {
        self.terms.of(namespace, rule)
    }

    /// Rules in use, private ones included.
    pub fn len(&self) -> usize {
        compile::in_force(&self.rules).count()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether any rule refers to the external `md5`, so that computing it is worth the time.
    pub fn needs_md5(&self) -> bool {
        self.terms.md5
    }

    /// Rules that need an object whole (its size, structure or bytes at an offset), in the order of the files.
    pub fn not_in_windows(&self) -> &[String] {
        &self.not_in_windows
    }

    /// Whether the compiled set came from the cache.
    pub fn from_cache(&self) -> bool {
        self.from_cache
    }
}

/// All sources, in the order in which they are compiled: embedded, named, extra.
fn gather(paths: &[PathBuf], embedded: bool, extra: &[(String, Vec<u8>)]) -> Result<Vec<Source>, SignatureError> {
    let mut sources = Vec::new();
    if embedded {
        sources.extend(embedded::pack().map(|(name, text)| Source::embedded(name, text)));
    }
    for path in paths {
        collect::collect(path, &mut sources)?;
    }
    for (name, bytes) in extra {
        collect::content(name.clone(), bytes.clone(), &mut sources);
    }
    collect::name_apart(&mut sources);
    Ok(sources)
}
