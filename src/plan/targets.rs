//! Targets: they exist, are absolute, and none lies inside another.

use std::path::{Path, PathBuf};

use super::place::plain;
use super::{Options, PlanError};
use crate::model::text;
use crate::report::TargetKind;
use crate::source::{MountClone, PathMap, Source};

/// One target, resolved.
#[derive(Clone, Debug)]
pub struct PlannedTarget {
    /// As the user wrote it, made absolute; a link that the user named is followed here, once.
    pub path: PathBuf,
    pub kind: TargetKind,
    /// A mount point, a drive, or everything.
    pub whole_volume: bool,
    pub notes: Vec<String>,
    /// What it is read through, once it was opened.
    pub clone: Option<MountClone>,
}

impl PlannedTarget {
    /// Whether a machine that people work with is scanned as a whole.
    pub fn is_live_volume(&self) -> bool {
        self.whole_volume && self.kind == TargetKind::Live
    }

    /// Takes a clone of its mount to read through, where the system gives one.
    fn open(&mut self) {
        let folder = if self.kind == TargetKind::File { self.path.parent() } else { Some(self.path.as_path()) };
        self.clone = folder.and_then(|folder| MountClone::new(folder).ok());
    }

    /// The source that reads it. `own` is the case folder, which is never scanned.
    pub fn source(&self, index: usize, map: &PathMap, include_network: bool, own: &Path) -> Box<dyn Source> {
        #[cfg(target_os = "linux")]
        {
            let tree = crate::source::LinuxTree::new(self.path.clone(), index, map.clone(), include_network, Some(own));
            Box::new(tree.through(self.clone.clone()))
        }
        #[cfg(windows)]
        {
            Box::new(crate::source::WindowsTree::new(self.path.clone(), index, map.clone(), include_network, Some(own)))
        }
        #[cfg(not(any(target_os = "linux", windows)))]
        {
            let _ = include_network;
            Box::new(crate::source::PortableTree::new(self.path.clone(), index, map.clone(), Some(own.to_owned())))
        }
    }
}

/// Checks the targets of the command line.
pub fn resolve(options: &Options) -> Result<Vec<PlannedTarget>, PlanError> {
    let asked = if options.targets.is_empty() { everything() } else { options.targets.clone() };
    let mut targets: Vec<PlannedTarget> = Vec::new();
    for path in asked {
        let shown = text::escape(path.as_os_str().as_encoded_bytes());
        let meta = std::fs::symlink_metadata(&path).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => {
                PlanError::Usage(format!("target {shown} does not exist: check the path; nothing was scanned"))
            }
            _ => PlanError::Usage(format!("target {shown} can't be reached ({e}): check its rights; nothing was scanned")),
        })?;
        let absolute = path
            .canonicalize()
            .map(plain)
            .map_err(|e| PlanError::Usage(format!("target {shown} can't be followed to its place ({e}); nothing was scanned")))?;
        let mut notes = Vec::new();
        if meta.is_symlink() {
            notes.push(format!("named as {shown}, a link; its target is what was scanned"));
        }
        let is_file = std::fs::metadata(&absolute).is_ok_and(|m| m.is_file());
        let whole_volume = !is_file && is_mount_point(&absolute);
        let mapped = options.maps.iter().any(|(prefix, _)| absolute.starts_with(prefix));
        let kind = match (is_file, mapped || (whole_volume && cfg!(unix) && absolute != Path::new("/"))) {
            (true, _) => TargetKind::File,
            (_, true) => TargetKind::Mounted,
            _ => TargetKind::Live,
        };
        targets.push(PlannedTarget { path: absolute, kind, whole_volume, notes, clone: None });
    }
    targets.sort_by(|a, b| a.path.cmp(&b.path));
    let mut kept: Vec<PlannedTarget> = Vec::new();
    for target in targets {
        match kept.iter_mut().find(|k| target.path.starts_with(&k.path)) {
            Some(outer) if target.path != outer.path => {
                outer
                    .notes
                    .push(format!("{} lies inside and was named too", text::escape(target.path.as_os_str().as_encoded_bytes())));
            }
            Some(_) => {}
            None => kept.push(target),
        }
    }
    Ok(kept)
}

/// The root, or every fixed drive.
fn everything() -> Vec<PathBuf> {
    #[cfg(windows)]
    return crate::sys::windows::fixed_drives();
    #[cfg(not(windows))]
    vec![PathBuf::from("/")]
}

/// Resolves the targets and opens the way to them, which needs rights that a confined process doesn't have.
///
/// # Errors
/// As [`resolve`].
pub fn open(options: &Options) -> Result<Vec<PlannedTarget>, PlanError> {
    let mut targets = resolve(options)?;
    targets.iter_mut().for_each(PlannedTarget::open);
    Ok(targets)
}

/// Whether a folder is the root of a mounted volume.
fn is_mount_point(path: &Path) -> bool {
    let Some(parent) = path.parent() else { return true };
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        match (std::fs::metadata(path), std::fs::metadata(parent)) {
            (Ok(a), Ok(b)) => a.dev() != b.dev() || a.ino() == b.ino(),
            _ => false,
        }
    }
    #[cfg(not(unix))]
    {
        let _ = parent;
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(targets: &[&Path]) -> Options {
        Options { targets: targets.iter().map(|p| p.to_path_buf()).collect(), ..Options::default() }
    }

    #[test]
    fn a_missing_target_is_one_sentence() {
        let err = resolve(&options(&[Path::new("/no/such/place")])).unwrap_err().to_string();
        assert!(err.contains("/no/such/place does not exist"), "{err}");
    }

    #[test]
    fn nested_targets_are_walked_once() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("a");
        std::fs::create_dir(&inner).unwrap();
        let targets = resolve(&options(&[&inner, dir.path(), dir.path()])).unwrap();
        assert_eq!(targets.len(), 1);
        assert_eq!(targets[0].notes.len(), 1);
    }

    #[test]
    fn no_target_means_everything() {
        let targets = resolve(&options(&[])).unwrap();
        assert!(targets[0].whole_volume);
    }
}
