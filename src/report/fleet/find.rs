//! Case folders in what was given: a case itself, or a folder that holds them, some levels deep.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{FleetError, shown};

/// Levels below a given folder that are looked into, as `sweeps/2026-11-24/host/case`.
const DEPTH: u32 = 4;

/// What lies in the given folders, in the order of the names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// With a report.
    pub cases: Vec<PathBuf>,
    /// With a journal and without a report.
    pub unfinished: Vec<PathBuf>,
}

/// Looks for case folders. Links are followed where they are given, not below.
///
/// # Errors
/// Where something given is no folder or can't be listed.
pub fn find(given: &[PathBuf]) -> Result<Found, FleetError> {
    let mut found = Found::default();
    for path in given {
        if !path.is_dir() {
            return Err(FleetError::NoFolder(shown(path)));
        }
        // The same folder given twice, or a case beside the folder that it lies in, is one.
        let real = path.canonicalize().map_err(|source| FleetError::Unreadable { path: shown(path), source })?;
        look(&real, DEPTH, &mut found)?;
    }
    for list in [&mut found.cases, &mut found.unfinished] {
        list.sort();
        list.dedup();
    }
    Ok(found)
}

fn look(dir: &Path, depth: u32, found: &mut Found) -> Result<(), FleetError> {
    let fail = |source: io::Error| FleetError::Unreadable { path: shown(dir), source };
    if dir.join("report.json").is_file() {
        found.cases.push(dir.to_owned());
        return Ok(());
    }
    if dir.join("journal").is_dir() {
        found.unfinished.push(dir.to_owned());
        return Ok(());
    }
    if depth == 0 {
        return Ok(());
    }
    for entry in fs::read_dir(dir).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        if entry.file_type().map_err(fail)?.is_dir() {
            look(&entry.path(), depth - 1, found)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_found_once_wherever_they_lie() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        for case in ["b/x/case", "a", "c/1"] {
            fs::create_dir_all(root.join(case)).unwrap();
            fs::write(root.join(case).join("report.json"), "{}").unwrap();
        }
        fs::create_dir_all(root.join("a/journal")).unwrap();
        fs::create_dir_all(root.join("dead/journal")).unwrap();
        fs::create_dir_all(root.join("empty/1/2/3/4/5/6")).unwrap();
        let found = find(&[root.clone(), root.join("a"), root.join("b/x")]).unwrap();
        assert_eq!(found.cases, [root.join("a"), root.join("b/x/case"), root.join("c/1")]);
        assert_eq!(found.unfinished, [root.join("dead")]);
        assert!(matches!(find(&[root.join("a/report.json")]), Err(FleetError::NoFolder(_))));
        assert!(matches!(find(&[root.join("none")]), Err(FleetError::NoFolder(_))));
    }
}
