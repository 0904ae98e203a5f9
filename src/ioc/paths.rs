//! Comparisons with parts of a path, as expressions ask for them.
//!
//! Equal names, folders, extensions and whole paths are found by one look into a table; the other comparisons
//! are tried one after the other. Windows knows both separators and doesn't tell upper from lower case; a
//! value that can only be a Windows path (a drive, a backslash, a `%VARIABLE%`) is compared so everywhere.
//! A whole path may also lie behind the place where its volume is mounted.

use std::collections::HashMap;

use regex::Regex;

use super::expr::{Part, Text, TextOp};
use super::pattern::{compile, expand_folders, without_drive};
use super::subjects::Subject;

#[derive(Debug)]
enum How {
    Text(Text),
    /// On the whole path: of values with folder variables.
    Regex(Regex),
}

#[derive(Debug)]
struct Entry {
    slot: u32,
    part: Part,
    how: How,
    windows: bool,
    /// For trees whose drive isn't known, of a regular expression that demands one.
    driveless: Option<Regex>,
}

/// All path terms of a run.
#[derive(Debug, Default)]
pub struct PathTerms {
    entries: Vec<Entry>,
    /// Entries that ask for equality, by the last name of their value in lower case.
    equal: HashMap<(Last, String), Vec<usize>>,
    others: Vec<usize>,
}

/// Which name of a path a table is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Last {
    Name,
    Folder,
    Extension,
}

impl PathTerms {
    /// Adds one comparison. The error says what is wrong with its value.
    pub fn add(&mut self, part: Part, text: Text, slot: u32) -> Result<(), String> {
        if text.is_empty() || (text.op() == TextOp::Is && text.value().is_empty()) {
            return Err("it fits every path".into());
        }
        let index = self.entries.len();
        let value = text.value().to_owned();
        let windows = is_windows(&value, text.op());
        let expanded = match text.op() {
            TextOp::Matches | TextOp::Like => None,
            op => with_folders(op, &value)?,
        };
        if let Some(regex) = expanded {
            self.others.push(index);
            self.entries.push(Entry { slot, part: Part::Full, how: How::Regex(regex), windows: true, driveless: None });
            return Ok(());
        }
        if text.op() == TextOp::Is {
            let last = match part {
                Part::Name | Part::Full => Last::Name,
                Part::Folder => Last::Folder,
                Part::Extension => Last::Extension,
            };
            let trimmed = value.trim_end_matches(['/', '\\']);
            let name = trimmed.rsplit(['/', '\\']).next().unwrap_or_default();
            let name = if part == Part::Extension { name.trim_start_matches('.') } else { name };
            self.equal.entry((last, name.to_lowercase())).or_default().push(index);
        } else {
            self.others.push(index);
        }
        let demands_drive = text.op() == TextOp::Matches && part == Part::Full;
        let driveless = demands_drive.then(|| without_drive(&value)).flatten().and_then(|v| compile(&format!("(?i:{v})")).ok());
        self.entries.push(Entry { slot, part, how: How::Text(text), windows, driveless });
        Ok(())
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Slots of the comparisons that hold for one of the spellings, unsorted.
    pub fn find(&self, subjects: &[Subject], mut hit: impl FnMut(u32)) {
        if self.entries.is_empty() {
            return;
        }
        for subject in subjects {
            // What fits the container's own path accuses the container, not each of its members.
            let container = subject.text.get(..subject.own).filter(|c| !c.is_empty());
            let container = container.map(|c| Subject { text: c.to_owned(), own: 0, ..subject.clone() });
            let container = container.as_ref().map(Parts::of);
            let of_container =
                |e: &Entry| matches!(e.part, Part::Folder | Part::Full) && container.as_ref().is_some_and(|c| c.fit(e));
            let parts = Parts::of(subject);
            for (last, key) in [(Last::Name, parts.name), (Last::Folder, parts.last_folder()), (Last::Extension, parts.extension)]
            {
                let listed = self.equal.get(&(last, key.to_lowercase())).map_or(&[][..], Vec::as_slice);
                let fits = |e: &&Entry| parts.fit(e) && !of_container(e);
                listed.iter().filter_map(|i| self.entries.get(*i)).filter(fits).for_each(|e| hit(e.slot));
            }
            let fits = |e: &&Entry| parts.fit(e) && !of_container(e);
            self.others.iter().filter_map(|i| self.entries.get(*i)).filter(fits).for_each(|e| hit(e.slot));
        }
    }
}
/// One spelling of a path, taken apart.
struct Parts<'a> {
    path: &'a str,
    folder: &'a str,
    name: &'a str,
    extension: &'a str,
    subject: &'a Subject,
}

impl<'a> Parts<'a> {
    fn of(subject: &'a Subject) -> Self {
        let path = subject.text.trim_end_matches(['/', '\\']);
        let (folder, name) = match path.rfind(separators(subject)) {
            Some(at) => (path.get(..at).unwrap_or_default(), path.get(at.saturating_add(1)..).unwrap_or_default()),
            None => ("", path),
        };
        let extension = name.rsplit_once('.').map_or("", |(_, e)| e);
        Self { path, folder, name, extension, subject }
    }

    fn last_folder(&self) -> &'a str {
        self.folder.rsplit(separators(self.subject)).next().unwrap_or_default()
    }

    fn fit(&self, entry: &Entry) -> bool {
        let folds = self.subject.folds || entry.windows;
        let text = match &entry.how {
            How::Regex(regex) => return regex.is_match(self.path),
            How::Text(text) => text,
        };
        match (entry.part, text.op()) {
            (Part::Name, _) => text.holds(self.name, folds),
            (Part::Extension, TextOp::Is) => {
                text.holds(self.extension, folds)
                    || text.value().strip_prefix('.').is_some_and(|e| same(e, self.extension, folds))
            }
            (Part::Extension, _) => text.holds(self.extension, folds),
            (Part::Folder, TextOp::Is) => ends_at(self.folder, text.value(), folds, self.subject),
            (Part::Full, TextOp::Is) => ends_at(self.path, text.value(), folds, self.subject),
            // Folders are asked for with and without a separator at their end.
            (Part::Folder, _) => {
                let ended = format!("{}{}", self.folder, if self.subject.windows { '\\' } else { '/' });
                text.holds(self.folder, folds) || text.holds(&ended, folds) || behind_mount(&ended, text, folds)
            }
            (Part::Full, _) => {
                let driveless = entry.driveless.as_ref().filter(|_| self.subject.driveless);
                text.holds(self.path, folds)
                    || behind_mount(self.path, text, folds)
                    || driveless.is_some_and(|r| r.is_match(self.path))
            }
        }
    }
}

fn separators(subject: &Subject) -> &'static [char] {
    if subject.windows { &['\\', '/'] } else { &['/'] }
}

/// `%`-variables of Windows folders as a pattern for the whole path; `None` where the value has none.
fn with_folders(op: TextOp, value: &str) -> Result<Option<Regex>, String> {
    if !value.contains('%') {
        return Ok(None);
    }
    let quoted = regex::escape(value);
    let expanded = expand_folders(&quoted);
    if expanded == quoted {
        return Ok(None);
    }
    let (start, end) = match op {
        TextOp::Is => ("", r"\\?$"),
        TextOp::EndsWith => ("", "$"),
        _ => ("", ""),
    };
    // The drive of such a path is any.
    compile(&format!("(?i:{start}{expanded}{end})")).map(Some)
}

/// Whether a value can only be meant for Windows.
fn is_windows(value: &str, op: TextOp) -> bool {
    let drive = matches!(value.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic());
    match op {
        TextOp::Matches => value.contains(r"\\") || without_drive(value).is_some(),
        _ => drive || value.contains('\\'),
    }
}

fn same(a: &str, b: &str, folds: bool) -> bool {
    if folds { a.to_lowercase() == b.to_lowercase() } else { a == b }
}

/// Whether a path is a value or ends in it at a separator: a value that begins at a root lies behind the place
/// where that root is mounted. A drive must be the same where the path has one, and is not asked for where the
/// path's isn't known.
fn ends_at(path: &str, value: &str, folds: bool, subject: &Subject) -> bool {
    let value = value.trim_end_matches(['/', '\\']);
    let (path, value) =
        if subject.windows { (path.replace('/', "\\"), value.replace('/', "\\")) } else { (path.to_owned(), value.to_owned()) };
    let path = path.strip_prefix(r"\\?\").unwrap_or(&path);
    let value = value.strip_prefix(r"\\?\").unwrap_or(&value);
    if same(path, value, folds) {
        return true;
    }
    let drive = matches!(value.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic());
    let rest = match (drive, subject.driveless) {
        (true, true) => value.get(2..).unwrap_or_default(),
        (true, false) => return false,
        (false, _) => value,
    };
    let separator = if subject.windows { '\\' } else { '/' };
    let rest = rest.trim_start_matches(separator);
    if rest.is_empty() {
        return false;
    }
    let Some(at) = path.len().checked_sub(rest.len()) else { return false };
    path.is_char_boundary(at)
        && path.get(..at).is_some_and(|before| before.ends_with(separator))
        && path.get(at..).is_some_and(|end| same(end, rest, folds))
}

/// A beginning that is a root may lie behind the place where that root is mounted.
fn behind_mount(path: &str, text: &Text, folds: bool) -> bool {
    if text.op() != TextOp::StartsWith {
        return false;
    }
    let value = text.value();
    let rooted = match value.as_bytes() {
        [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic() => value.get(2..).unwrap_or_default(),
        [b'/' | b'\\', ..] => value,
        _ => return false,
    };
    // A single folder would be found in too many places.
    if rooted.trim_matches(['/', '\\']).is_empty() {
        return false;
    }
    let drive_known = matches!(path.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic());
    if drive_known {
        return false;
    }
    let (path, rooted) = if folds { (path.to_lowercase(), rooted.to_lowercase()) } else { (path.to_owned(), rooted.to_owned()) };
    path.contains(&rooted)
}

#[cfg(test)]
mod tests {
    use super::super::expr::Case;
    use super::super::subjects::subjects;
    use super::*;
    use crate::model::{Locator, Name};

    fn terms(list: &[(Part, TextOp, &str)]) -> PathTerms {
        let mut terms = PathTerms::default();
        for (i, (part, op, value)) in list.iter().enumerate() {
            terms.add(*part, Text::new(*op, value, Case::Source).unwrap(), i as u32).unwrap();
        }
        terms
    }

    fn find(terms: &PathTerms, path: &str, origin: Option<&str>) -> Vec<u32> {
        let origin = origin.map(Name::from);
        let mut out = Vec::new();
        terms.find(&subjects(&Locator::os(path), origin.as_ref(), false), |s| out.push(s));
        out.sort_unstable();
        out.dedup();
        out
    }

    #[test]
    fn names_follow_the_case_rule_of_their_source() {
        let t = terms(&[
            (Part::Name, TextOp::Is, "Evil.exe"),
            (Part::Extension, TextOp::Is, ".LOCKED"),
            (Part::Name, TextOp::Like, "e%l.exe"),
        ]);
        assert_eq!(find(&t, "/home/a/evil.exe", None), [2]);
        assert_eq!(find(&t, "/home/a/Evil.exe", None), [0]);
        assert_eq!(find(&t, "/mnt/a/EVIL.EXE", Some(r"C:\a\EVIL.EXE")), [0, 2]);
        assert_eq!(find(&t, r"C:\a\x.locked", None), [1]);
        assert_eq!(find(&t, "/home/a/notevil.exe", None), [] as [u32; 0]);
    }

    #[test]
    fn whole_paths_are_found_wherever_their_volume_lies() {
        let t = terms(&[
            (Part::Full, TextOp::Is, r"C:\Windows\Temp\x.exe"),
            (Part::Full, TextOp::Is, "/private/var/tmp/agent"),
            (Part::Folder, TextOp::Is, r"C:\PerfLogs"),
            (Part::Full, TextOp::StartsWith, "/var/tmp/stage"),
        ]);
        assert_eq!(find(&t, "/mnt/e/windows/temp/X.EXE", None), [0]);
        assert_eq!(find(&t, "/mnt/e/Windows/Temp/x.exe", Some(r"c:\Windows\Temp\x.exe")), [0]);
        assert_eq!(find(&t, "/mnt/e/Windows/Temp/x.exe", Some(r"D:\Windows\Temp\x.exe")), [] as [u32; 0]);
        assert_eq!(find(&t, "/private/var/tmp/agent", None), [1]);
        assert_eq!(find(&t, "/mnt/phone/private/var/tmp/agent", None), [1]);
        assert_eq!(find(&t, "/mnt/phone/notprivate/var/tmp/agent", None), [] as [u32; 0]);
        assert_eq!(find(&t, "/mnt/e/perflogs/a.7z", None), [2]);
        assert_eq!(find(&t, "/mnt/e/var/tmp/stage1/a", None), [3]);
    }

    #[test]
    fn variables_are_sets_of_folders() {
        let t = terms(&[(Part::Full, TextOp::Is, r"%AppData%\rclone\rclone.conf"), (Part::Full, TextOp::Contains, r"%TEMP%\s\")]);
        assert_eq!(find(&t, "/mnt/e/Users/a/AppData/Roaming/rclone/rclone.conf", None), [0]);
        assert_eq!(find(&t, r"D:\Documents and Settings\a\Application Data\rclone\rclone.conf", None), [0]);
        assert_eq!(find(&t, "/mnt/e/Windows/Temp/s/x", None), [1]);
        assert_eq!(find(&t, "/mnt/e/Users/a/rclone/rclone.conf", None), [] as [u32; 0]);
    }

    #[test]
    fn what_fits_everything_is_refused() {
        let mut t = PathTerms::default();
        for (op, value) in [(TextOp::Contains, ""), (TextOp::Like, "%%"), (TextOp::Matches, ".*"), (TextOp::Is, "")] {
            assert!(t.add(Part::Full, Text::new(op, value, Case::Exact).unwrap(), 0).is_err(), "{op:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics(value: String, path: String) {
            let mut t = PathTerms::default();
            for part in [Part::Name, Part::Folder, Part::Full, Part::Extension] {
                for op in [TextOp::Is, TextOp::Contains, TextOp::StartsWith, TextOp::EndsWith, TextOp::Like, TextOp::Matches] {
                    if let Ok(text) = Text::new(op, &value, Case::Source) {
                        let _ = t.add(part, text, 0);
                    }
                }
            }
            t.find(&subjects(&Locator::os(path.as_str()), None, false), |_| {});
        }
    }
}
