//! YARA rules: loading them, and scanning our own buffers.
//!
//! Rules come from files, folders and the embedded pack, one namespace a file. The compiled set is kept in a
//! cache; a scanner belongs to one worker. The engine never opens a file by itself: it is given bytes.

mod cache;
mod collect;
mod compile;
mod embedded;
mod result;
mod scan;
mod traits;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::model::Input;

pub use result::{Hit, Outcome, RuleMatch, ScanGap};
pub use scan::{RuleScanner, ScanVars, WINDOW, WINDOW_OVERLAP};

use collect::Source;
use traits::RuleTraits;

/// Why no rules could be loaded at all. What is wrong with single rules is in [`Input::rejected`].
#[derive(Debug, thiserror::Error)]
pub enum SignatureError {
    #[error("the rules path {} does not exist; check --rules", .0.display())]
    Missing(PathBuf),
    #[error("the rules path {} can't be read: {source}; check its permissions", .path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("the rules path {} is neither a file nor a folder; give --rules a rule file or a folder of them", .0.display())]
    NotAFile(PathBuf),
    #[error("the rule compiler failed: {0}; leave out the last added rule file and report it")]
    Compiler(String),
}

/// A compiled set of rules, shared by all workers.
pub struct RuleSet {
    rules: yara_x::Rules,
    /// What conditions refer to, by namespace and rule.
    traits: BTreeMap<String, BTreeMap<String, RuleTraits>>,
    needs_md5: bool,
    from_cache: bool,
}

impl std::fmt::Debug for RuleSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RuleSet").field("rules", &self.rules.iter().len()).finish_non_exhaustive()
    }
}

impl RuleSet {
    /// Loads rules from `paths` (files of any name; folders are searched for `.yar`, `.yara` and `.rule`,
    /// sorted) and, where `embedded`, the pack inside the program. One namespace a file.
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
    pub fn load(paths: &[PathBuf], embedded: bool, cache: Option<&Path>) -> Result<(RuleSet, Vec<Input>), SignatureError> {
        let mut sources = Vec::new();
        if embedded {
            sources.extend(embedded::pack().map(|(name, text)| Source::embedded(name, text)));
        }
        for path in paths {
            collect::collect(path, &mut sources)?;
        }
        collect::name_apart(&mut sources);
        let key = cache::key(&sources);
        if let Some(dir) = cache
            && let Some(stored) = cache::read(dir, &key)
        {
            return Ok(Self::assemble(&sources, stored, true));
        }
        let compiled = compile::compile(&sources)?;
        if let Some(dir) = cache {
            cache::write(dir, &key, &compiled);
        }
        Ok(Self::assemble(&sources, compiled, false))
    }

    fn assemble(sources: &[Source], compiled: compile::Compiled, from_cache: bool) -> (RuleSet, Vec<Input>) {
        let compile::Compiled { rules, mut reports } = compiled;
        let mut loaded: BTreeMap<&str, u64> = BTreeMap::new();
        for rule in rules.iter() {
            let count = loaded.entry(rule.namespace()).or_default();
            *count = count.saturating_add(1);
        }
        for report in &mut reports {
            report.loaded = loaded.get(report.name.as_str()).copied().unwrap_or(0);
        }
        let traits = sources.iter().map(|s| (s.name.clone(), traits::of_text(&s.text))).collect();
        let needs_md5 = sources.iter().any(traits::refers_to_md5);
        (RuleSet { rules, traits, needs_md5, from_cache }, reports)
    }

    fn traits_of(&self, namespace: &str, rule: &str) -> RuleTraits {
        self.traits.get(namespace).and_then(|rules| rules.get(rule)).copied().unwrap_or_default()
    }

    /// Rules in use, private ones included.
    pub fn len(&self) -> usize {
        self.rules.iter().len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether any rule refers to the external `md5`, so that computing it is worth the time.
    pub fn needs_md5(&self) -> bool {
        self.needs_md5
    }

    /// Whether the compiled set came from the cache.
    pub fn from_cache(&self) -> bool {
        self.from_cache
    }
}
