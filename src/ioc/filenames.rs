//! All file-name patterns in one set: one pass over a path tells which of thousands match.

use std::sync::OnceLock;

use regex::{Regex, RegexSet, RegexSetBuilder};

use super::pattern::{compile, expand_folders, without_drive};
use super::subjects::Subject;

/// Memory for one compiled set; larger ones are split.
const SET_LIMIT: usize = 32 << 20;
/// Memory for a set's table of states, per thread that uses it.
const STATES_LIMIT: usize = 8 << 20;

#[derive(Debug)]
struct Pattern {
    indicator: u32,
    text: String,
    /// For trees whose drive isn't known; only where the pattern demands a drive.
    variant: Option<String>,
    /// Explanations that clear this line, and only this line.
    cleared_by: Vec<Regex>,
    /// Compiled when a match must be located.
    located: [OnceLock<Option<Regex>>; 2],
}

#[derive(Debug)]
struct Part {
    set: RegexSet,
    /// Index into the patterns for every member of the set.
    patterns: Vec<usize>,
}

/// Compiled patterns.
#[derive(Debug, Default)]
pub struct FilenameSet {
    patterns: Vec<Pattern>,
    plain: Vec<Part>,
    driveless: Vec<Part>,
}

impl FilenameSet {
    /// Checks and adds one pattern with its false-positive pattern. The error says what is wrong.
    pub fn add(&mut self, pattern: &str, clearing: Option<&str>, indicator: u32) -> Result<(), String> {
        let text = expand_folders(pattern);
        let regex = compile(&text)?;
        if regex.is_match("") {
            return Err("it matches every path".into());
        }
        let variant = without_drive(&text).filter(|v| compile(v).is_ok_and(|r| !r.is_match("")));
        let mut cleared_by = Vec::new();
        if let Some(clearing) = clearing {
            let clearing = expand_folders(clearing);
            let regex = compile(&clearing).map_err(|e| format!("the false-positive pattern: {e}"))?;
            if regex.is_match("") {
                return Err("the false-positive pattern matches every path".into());
            }
            cleared_by.push(regex);
            cleared_by.extend(without_drive(&clearing).and_then(|v| compile(&v).ok()));
        }
        self.patterns.push(Pattern { indicator, text, variant, cleared_by, located: Default::default() });
        Ok(())
    }

    /// Compiles the sets. The error names patterns that can't be compiled together with any other.
    pub fn build(&mut self) -> Result<(), String> {
        let all: Vec<usize> = (0..self.patterns.len()).collect();
        let varied = all.iter().copied().filter(|i| self.patterns.get(*i).is_some_and(|p| p.variant.is_some())).collect();
        self.plain = self.parts(all, false)?;
        self.driveless = self.parts(varied, true)?;
        Ok(())
    }

    fn parts(&self, patterns: Vec<usize>, variants: bool) -> Result<Vec<Part>, String> {
        let mut out = Vec::new();
        let mut open = vec![patterns];
        while let Some(mut patterns) = open.pop() {
            if patterns.is_empty() {
                continue;
            }
            let texts = patterns.iter().filter_map(|i| self.patterns.get(*i)).filter_map(|p| p.spelled(variants));
            match RegexSetBuilder::new(texts).size_limit(SET_LIMIT).dfa_size_limit(STATES_LIMIT).build() {
                Ok(set) => out.push(Part { set, patterns }),
                Err(e) if patterns.len() == 1 => return Err(e.to_string()),
                Err(_) => {
                    let second = patterns.split_off(patterns.len() / 2);
                    open.push(second);
                    open.push(patterns);
                }
            }
        }
        Ok(out)
    }

    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Indicators whose pattern matches one of the spellings and whose false-positive pattern matches none.
    pub fn find(&self, subjects: &[Subject]) -> Vec<u32> {
        let mut found: Vec<usize> = Vec::new();
        for subject in subjects {
            let sets = [(&self.plain, false, true), (&self.driveless, true, subject.driveless)];
            for (parts, variants, _) in sets.into_iter().filter(|(.., wanted)| *wanted) {
                for part in parts {
                    let matched = part.set.matches(&subject.text);
                    let matched = matched.iter().filter_map(|m| part.patterns.get(m).copied());
                    found.extend(
                        matched.filter(|i| {
                            subject.own == 0 || self.patterns.get(*i).is_some_and(|p| p.reaches_own(subject, variants))
                        }),
                    );
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        let cleared = |p: &&Pattern| !p.cleared_by.iter().any(|r| subjects.iter().any(|s| r.is_match(&s.text)));
        found.into_iter().filter_map(|i| self.patterns.get(i)).filter(cleared).map(|p| p.indicator).collect()
    }
}

impl Pattern {
    fn spelled(&self, variant: bool) -> Option<&str> {
        if variant { self.variant.as_deref() } else { Some(&self.text) }
    }

    /// Whether a match goes into the object's own part of the path.
    fn reaches_own(&self, subject: &Subject, variant: bool) -> bool {
        let [plain, varied] = &self.located;
        let cell = if variant { varied } else { plain };
        let regex = cell.get_or_init(|| self.spelled(variant).and_then(|t| compile(t).ok()));
        regex.as_ref().is_some_and(|r| r.find_iter(&subject.text).any(|m| m.end() > subject.own))
    }
}

#[cfg(test)]
mod tests {
    use super::super::subjects::subjects;
    use super::*;
    use crate::model::{Locator, Name};

    fn set(patterns: &[(&str, Option<&str>)]) -> FilenameSet {
        let mut set = FilenameSet::default();
        for (i, (p, fp)) in patterns.iter().enumerate() {
            set.add(p, *fp, i as u32).unwrap();
        }
        set.build().unwrap();
        set
    }

    fn find(set: &FilenameSet, path: &str, origin: Option<&str>) -> Vec<u32> {
        let origin = origin.map(Name::from);
        set.find(&subjects(&Locator::os(path), origin.as_ref(), false))
    }

    #[test]
    fn windows_patterns_match_on_every_kind_of_tree() {
        let set = set(&[
            (r"C:\\PerfLogs\\[^\\]+\.7z$", None),
            (r"\\Users\\Public\\x\.exe", None),
            (r"^[A-Z]:\\y\.exe$", None),
            (r"/dev/shm/z$", None),
        ]);
        assert_eq!(find(&set, "/mnt/e/PerfLogs/a.7z", Some(r"C:\PerfLogs\a.7z")), [0]);
        assert_eq!(find(&set, "/mnt/e/PerfLogs/a.7z", None), [0]);
        assert_eq!(find(&set, "/mnt/e/PerfLogs/a.7z", Some(r"D:\PerfLogs\a.7z")), [] as [u32; 0]);
        assert_eq!(find(&set, r"C:\PerfLogs\a.7z", None), [0]);
        assert_eq!(find(&set, "/x/Users/Public/x.exe", None), [1]);
        assert_eq!(find(&set, "/mnt/e/y.exe", None), [2]);
        assert_eq!(find(&set, "/mnt/e/d/y.exe", Some(r"C:\d\y.exe")), [] as [u32; 0]);
        assert_eq!(find(&set, "/dev/shm/z", None), [3]);
        assert_eq!(find(&set, "/usr/bin/env", None), [] as [u32; 0]);
    }

    #[test]
    fn a_false_positive_pattern_clears_its_own_line_only() {
        let set = set(&[(r"evil\.exe", Some(r"\\Program Files\\")), (r"evil\.exe$", None), (r"vil\.exe", Some(r"C:\\Safe\\"))]);
        assert_eq!(find(&set, "/m/Program Files/evil.exe", None), [1, 2]);
        assert_eq!(find(&set, "/m/Safe/evil.exe", None), [0, 1]);
        assert_eq!(find(&set, "/m/evil.exe", None), [0, 1, 2]);
    }

    #[test]
    fn a_containers_name_does_not_accuse_its_members() {
        let set = set(&[(r"\\Temp\\[^\\]+\.zip", None), (r"\\rclone\.exe$", None), (r"\.zip\\.*\.exe", None)]);
        let zip = Locator::os("/Temp/a.zip");
        assert_eq!(set.find(&subjects(&zip, None, false)), [0]);
        assert_eq!(set.find(&subjects(&zip.member("readme.txt", 0), None, false)), [] as [u32; 0]);
        assert_eq!(set.find(&subjects(&zip.member("t/rclone.exe", 1), None, false)), [1, 2]);
    }

    #[test]
    fn folders_match_patterns_that_end_in_a_separator() {
        let set = set(&[(r"\\9i86vdi3l1zi1v\\", None), (r"\\PolicyManager$", None)]);
        assert_eq!(set.find(&subjects(&Locator::os("/a/9i86vdi3l1zi1v"), None, true)), [0]);
        assert_eq!(set.find(&subjects(&Locator::os("/a/PolicyManager"), None, true)), [1]);
    }

    #[test]
    fn large_sets_are_split() {
        let mut set = FilenameSet::default();
        for i in 0..60 {
            set.add(&format!(r"\\x{i}-[\w]{{20,40}}\.exe$"), None, i).unwrap();
        }
        set.build().unwrap();
        assert!(set.plain.len() > 1);
        assert_eq!(find(&set, "/a/x59-abcdefghijklmnopqrstuvwxyz.exe", None), [59]);
    }

    #[test]
    fn patterns_that_match_everything_are_refused() {
        let mut set = FilenameSet::default();
        for p in [".*", "x?", "", "a|"] {
            assert!(set.add(p, None, 0).is_err(), "{p}");
        }
        assert!(set.add("x", Some(".*"), 0).is_err());
    }
}
