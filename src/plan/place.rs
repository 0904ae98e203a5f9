//! Where the case folder may lie: never inside a target, and not on a volume that is scanned whole.

use std::path::{Component, Path, PathBuf};

use super::targets::PlannedTarget;
use super::{Options, PlanError};
use crate::model::text;

/// `./wardround-HOST-TIME`.
pub fn default_case(host: &str, now: jiff::Timestamp) -> PathBuf {
    let safe: String = host.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
    PathBuf::from(format!("wardround-{safe}-{}", now.strftime("%Y%m%dT%H%M%SZ")))
}

/// The absolute path of the case folder, checked against the targets. It isn't created yet.
pub fn case_folder(options: &Options, targets: &[PlannedTarget]) -> Result<PathBuf, PlanError> {
    let asked = options.case.clone().unwrap_or_else(|| default_case(&super::host::host_name(), jiff::Timestamp::now()));
    let shown = text::escape(asked.as_os_str().as_encoded_bytes());
    let case = absolute(&asked)
        .map_err(|e| PlanError::CaseFolder(format!("the case folder {shown} can't be placed ({e}): name another with --case")))?;
    for target in targets {
        let name = text::escape(target.path.as_os_str().as_encoded_bytes());
        if target.whole_volume {
            if !options.allow_same_volume && same_volume(&case, &target.path) {
                return Err(PlanError::CaseFolder(format!(
                    "the case folder {shown} lies on the volume of target {name}, which is scanned whole: name a folder on another \
                     volume with --case, or accept the writes there with --allow-same-volume"
                )));
            }
        } else if case.starts_with(&target.path) {
            return Err(PlanError::CaseFolder(format!(
                "the case folder {shown} lies inside target {name}: name a folder elsewhere with --case"
            )));
        }
    }
    Ok(case)
}

/// What of ours is left out of the scan: the case folder, or the folder of cases that it lies in.
pub fn own_output(options: &Options, case: &Path) -> Result<PathBuf, PlanError> {
    let Some(cases) = &options.cases else { return Ok(case.to_owned()) };
    let real = absolute(cases).unwrap_or_else(|_| cases.clone());
    match case.parent() == Some(&real) {
        true => Ok(real),
        false => Err(PlanError::Usage(format!(
            "the case folder doesn't lie in {}, the folder of --cases: name the folder that it lies in, or leave out --cases",
            text::escape(cases.as_os_str().as_encoded_bytes())
        ))),
    }
}

/// The absolute path of a case folder that is drawn from an earlier one, which isn't written to.
pub fn beside(asked: Option<&Path>, old: &Path) -> Result<PathBuf, PlanError> {
    let asked = asked.map_or_else(|| default_case(&super::host::host_name(), jiff::Timestamp::now()), Path::to_owned);
    let shown = text::escape(asked.as_os_str().as_encoded_bytes());
    let placed = absolute(&asked).and_then(|case| Ok((case, absolute(old)?)));
    let (case, old) = placed
        .map_err(|e| PlanError::CaseFolder(format!("the case folder {shown} can't be placed ({e}): name another with --case")))?;
    if case.starts_with(&old) {
        return Err(PlanError::CaseFolder(format!(
            "the case folder {shown} lies inside the earlier case: name a folder elsewhere with --case"
        )));
    }
    Ok(case)
}

/// Refuses another folder that is written to, where it lies inside a target.
pub fn outside(folder: &Path, flag: &str, targets: &[PlannedTarget]) -> Result<(), PlanError> {
    let shown = text::escape(folder.as_os_str().as_encoded_bytes());
    let real = absolute(folder).map_err(|e| PlanError::Usage(format!("the folder {shown} of {flag} can't be placed ({e})")))?;
    match targets.iter().find(|t| real.starts_with(&t.path) && !(t.whole_volume && t.path == Path::new("/"))) {
        Some(t) => {
            let name = text::escape(t.path.as_os_str().as_encoded_bytes());
            Err(PlanError::Usage(format!("the folder {shown} of {flag} lies inside target {name}: name one elsewhere")))
        }
        None => Ok(()),
    }
}

/// Whether the case folder shares a volume with any target.
pub fn on_a_targets_volume(case: &Path, targets: &[PlannedTarget]) -> bool {
    targets.iter().any(|t| same_volume(case, &t.path))
}

/// Compares the devices of the nearest existing folders.
fn same_volume(a: &Path, b: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let dev = |p: &Path| p.ancestors().find_map(|p| std::fs::metadata(p).ok()).map(|m| m.dev());
        dev(a).is_some() && dev(a) == dev(b)
    }
    #[cfg(windows)]
    {
        let serial = |p: &Path| p.ancestors().find_map(crate::source::volume_serial);
        serial(a).is_some() && serial(a) == serial(b)
    }
    #[cfg(not(any(unix, windows)))]
    {
        a.components().next() == b.components().next()
    }
}

/// Without the prefix by which Windows takes a path as it is: people, indicators and other programs don't write it.
pub fn plain(path: PathBuf) -> PathBuf {
    match path.to_str() {
        Some(text) if cfg!(windows) => match (text.strip_prefix(r"\\?\UNC\"), text.strip_prefix(r"\\?\")) {
            (Some(share), _) => PathBuf::from(format!(r"\\{share}")),
            (None, Some(rest)) if rest.get(1..2) == Some(":") => PathBuf::from(rest),
            _ => path,
        },
        _ => path,
    }
}

/// Absolute and free of links as far as it exists, so that a link can't smuggle it into a target.
fn absolute(path: &Path) -> std::io::Result<PathBuf> {
    let full = std::path::absolute(path)?;
    let mut known = full.as_path();
    loop {
        if let Ok(real) = known.canonicalize() {
            let rest = full.strip_prefix(known).unwrap_or(Path::new(""));
            if rest.components().any(|c| matches!(c, Component::ParentDir)) {
                return Err(std::io::Error::other("it goes up from a folder that doesn't exist"));
            }
            return Ok(plain(real).join(rest));
        }
        match known.parent() {
            Some(parent) => known = parent,
            None => return Ok(full),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::TargetKind;

    fn target(path: &Path, whole_volume: bool) -> PlannedTarget {
        PlannedTarget { path: path.to_owned(), kind: TargetKind::Live, whole_volume, notes: vec![], clone: None }
    }

    fn placed(case: &Path, target: &PlannedTarget, allow: bool) -> Result<PathBuf, String> {
        let options = Options { case: Some(case.to_owned()), allow_same_volume: allow, ..Options::default() };
        case_folder(&options, std::slice::from_ref(target)).map_err(|e| e.to_string())
    }

    #[test]
    fn inside_a_target_is_refused_always() {
        let dir = tempfile::tempdir().unwrap();
        let root = plain(dir.path().canonicalize().unwrap());
        let t = target(&root, false);
        assert!(placed(&root.join("case"), &t, false).unwrap_err().contains("lies inside target"));
        assert!(placed(&root.join("x/../case"), &t, true).is_err());
        assert!(placed(&root.with_extension("case"), &t, false).is_ok());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_does_not_smuggle_it_in() {
        let dir = tempfile::tempdir().unwrap();
        let root = plain(dir.path().canonicalize().unwrap());
        std::fs::create_dir(root.join("t")).unwrap();
        std::os::unix::fs::symlink(root.join("t"), root.join("link")).unwrap();
        let t = target(&root.join("t"), false);
        assert!(placed(&root.join("link/case"), &t, false).is_err());
    }

    #[test]
    fn a_whole_volume_needs_the_flag() {
        let dir = tempfile::tempdir().unwrap();
        let root = plain(dir.path().canonicalize().unwrap());
        let t = target(Path::new("/"), true);
        // Only where the temporary folder lies on the root volume.
        if same_volume(&root, Path::new("/")) {
            assert!(placed(&root.join("case"), &t, false).unwrap_err().contains("--allow-same-volume"));
            assert!(placed(&root.join("case"), &t, true).is_ok());
        }
    }

    #[test]
    fn the_default_name_is_safe() {
        let t = jiff::Timestamp::from_second(0).unwrap();
        assert_eq!(default_case("a b/c", t), PathBuf::from("wardround-a_b_c-19700101T000000Z"));
    }
}
