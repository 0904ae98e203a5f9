//! Where an object lies, as text for matching: never shown, never reported.

use crate::model::{Locator, Name};

/// The whole path: the origin (or the scanning system's path) of the outermost object, then the members'
/// names, all joined by `/`. Bytes that aren't UTF-8 are replaced.
pub(super) fn place(locator: &Locator, origin: Option<&Name>) -> String {
    let mut path = origin.unwrap_or_else(|| locator.os_name()).lossy().into_owned();
    for step in locator.steps().iter().skip(1) {
        path.push('/');
        path.push_str(&step.name().lossy());
    }
    path
}

/// Folder and base name of a path, split at the last `/` or `\`. A backslash separates only where the path
/// is a Windows path or an archive's.
pub(super) fn split(path: &str, windows: bool) -> (&str, &str) {
    let at = if windows { path.rfind(['/', '\\']) } else { path.rfind('/') };
    match at {
        Some(0) => (&path[..1], &path[1..]),
        Some(at) => (&path[..at], &path[at + 1..]),
        None => ("", path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_files_and_members() {
        let outer = Locator::os("/mnt/e/b.zip");
        let inner = outer.member("c/d.txt", 0);
        assert_eq!(place(&inner, None), "/mnt/e/b.zip/c/d.txt");
        assert_eq!(place(&inner, Some(&Name::from(r"C:\e\b.zip"))), r"C:\e\b.zip/c/d.txt");
        assert_eq!(split("/a/b/c.txt", false), ("/a/b", "c.txt"));
        assert_eq!(split(r"C:\a\c.txt", true), (r"C:\a", "c.txt"));
        assert_eq!(split(r"/a/x\y", false), ("/a", r"x\y"));
        assert_eq!(split("/x", false), ("/", "x"));
        assert_eq!(split("x", true), ("", "x"));
    }
}
