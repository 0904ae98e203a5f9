//! The strings that file-name patterns are tried on.
//!
//! Most public patterns are written for Windows paths. So every path is also shown with backslashes: as the
//! mapped original (`C:\Users\…`) where that is known, otherwise as it lies (`\mnt\disk\Users\…`), where
//! patterns that demand a drive are tried without it.

use std::borrow::Cow;

use crate::model::{Locator, Name};

/// One spelling of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Bytes that are no UTF-8 are U+FFFD here; no pattern can ask for them.
    pub text: String,
    /// Where the object's own part begins: 0 for files, behind the container's path for members. A match
    /// that ends before it belongs to the container.
    pub own: usize,
    /// A Windows spelling whose drive isn't known.
    pub driveless: bool,
    /// A spelling with backslashes.
    pub windows: bool,
    /// It comes from Windows for certain, where upper and lower case are the same.
    pub folds: bool,
}

/// Every spelling of an object's path. `origin` is the original path of the outermost object; folders are
/// tried with a separator at the end, too, as patterns for folders have it.
pub fn subjects(locator: &Locator, origin: Option<&Name>, is_dir: bool) -> Vec<Subject> {
    let outer = locator.os_name().lossy();
    let mut out: Vec<Subject> = Vec::with_capacity(if is_dir { 4 } else { 2 });
    let mut add = |subject: Subject| {
        if !out.iter().any(|s| s.text == subject.text) {
            out.push(subject);
        }
    };
    let separator = if has_drive(&outer) { '\\' } else { '/' };
    let mut native = spell(locator, outer.clone(), separator, |name| name);
    native.windows = separator == '\\';
    native.folds = native.windows;
    let windows = |name: Cow<'_, str>| Cow::Owned(name.replace('/', "\\"));
    let (text, driveless) = match origin {
        Some(origin) => (origin.lossy(), false),
        None => (outer.clone(), !has_drive(&outer) && !outer.starts_with("\\\\")),
    };
    let mut view = spell(locator, windows(text), '\\', windows);
    view.driveless = driveless && !has_drive(&view.text);
    view.windows = true;
    view.folds = !view.driveless;
    for subject in [native, view] {
        if is_dir && !subject.text.ends_with(['/', '\\']) {
            let end = if subject.text.contains('\\') && !subject.text.starts_with('/') { '\\' } else { '/' };
            add(Subject { text: format!("{}{end}", subject.text), ..subject.clone() });
        }
        add(subject);
    }
    out
}

fn spell<'a>(locator: &'a Locator, outer: Cow<'a, str>, separator: char, view: impl Fn(Cow<'a, str>) -> Cow<'a, str>) -> Subject {
    let mut text = outer.into_owned();
    let mut own = 0;
    for step in locator.steps().iter().skip(1) {
        own = text.len();
        text.push(separator);
        text.push_str(&view(step.name().lossy()));
    }
    Subject { text, own, driveless: false, windows: false, folds: false }
}

/// `C:\` or `C:/`, also behind `\\?\`.
fn has_drive(path: &str) -> bool {
    let path = path.strip_prefix(r"\\?\").unwrap_or(path);
    matches!(path.as_bytes(), [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(locator: &Locator, origin: Option<&str>, dir: bool) -> Vec<String> {
        let origin = origin.map(Name::from);
        subjects(locator, origin.as_ref(), dir).into_iter().map(|s| s.text).collect()
    }

    #[test]
    fn files_have_a_native_and_a_windows_spelling() {
        let file = Locator::os("/mnt/e/Users/a/x.exe");
        assert_eq!(texts(&file, None, false), ["/mnt/e/Users/a/x.exe", r"\mnt\e\Users\a\x.exe"]);
        assert_eq!(texts(&file, Some(r"C:\Users\a\x.exe"), false), ["/mnt/e/Users/a/x.exe", r"C:\Users\a\x.exe"]);
        let views = subjects(&file, None, false);
        assert!(!views[0].driveless && views[1].driveless);
        assert!(subjects(&file, Some(&Name::from(r"C:\x")), false).iter().all(|s| !s.driveless));
        let windows = Locator::os(r"C:\Temp\x.exe");
        assert_eq!(texts(&windows, None, false), [r"C:\Temp\x.exe"]);
        assert!(!subjects(&windows, None, false)[0].driveless);
    }

    #[test]
    fn members_follow_their_container() {
        let member = Locator::os("/t/a.zip").member("d/e.exe", 0);
        let views = subjects(&member, None, false);
        assert_eq!(views[1].text, r"\t\a.zip\d\e.exe");
        assert_eq!(&views[1].text[views[1].own..], r"\d\e.exe");
        assert_eq!(texts(&member, Some(r"C:\a.zip"), false)[1], r"C:\a.zip\d\e.exe");
        let deep = member.member("f.txt", 1);
        assert_eq!(&subjects(&deep, None, false)[0].text[subjects(&deep, None, false)[0].own..], "/f.txt");
    }

    #[test]
    fn folders_are_tried_with_a_separator() {
        assert_eq!(texts(&Locator::os("/a/b"), None, true), ["/a/b/", "/a/b", r"\a\b\", r"\a\b"]);
    }

    #[test]
    fn bad_bytes_are_replaced() {
        assert_eq!(texts(&Locator::os(&b"/a\xff/b"[..]), None, false)[0], "/a\u{fffd}/b");
    }
}
