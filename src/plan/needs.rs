//! What a scan reads and writes, for the process that gives up everything else.

use std::path::{Path, PathBuf};

use super::packs::SIGNATURE;
use super::{Options, PlannedTarget};
use crate::confine::Needs;

/// Everything that the options name, and where links among the rules and indicators lead.
pub fn needs(options: &Options, targets: &[PlannedTarget], case: &Path) -> Needs {
    let mut read: Vec<PathBuf> = targets.iter().map(|t| t.path.clone()).collect();
    read.extend(options.iocs.iter().chain(&options.rules).flat_map(|path| with_links(path)));
    read.extend(options.known_good.iter().chain(&options.tools).chain(&options.match_against).cloned());
    read.extend([&options.pack_key, &options.case_key, &options.passwords].into_iter().flatten().cloned());
    read.extend(options.baseline.iter().map(|b| b.case.clone()));
    let write = std::iter::once(case.to_owned()).chain(options.rules_cache.clone()).collect();
    Needs { read, write, owner: targets.iter().any(|t| t.clone.is_none()) }
}

/// A file and its signature, or a folder and what links in it lead to.
fn with_links(path: &Path) -> Vec<PathBuf> {
    let mut signature = path.as_os_str().to_owned();
    signature.push(SIGNATURE);
    let walk = walkdir::WalkDir::new(path).follow_links(true).min_depth(1);
    let links =
        walk.into_iter().flatten().filter(walkdir::DirEntry::path_is_symlink).filter_map(|e| e.path().canonicalize().ok());
    [path.to_owned(), signature.into()].into_iter().chain(links).collect()
}
