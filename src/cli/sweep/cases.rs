//! The folder in which a host's sweeps are kept.
//!
//! ```text
//! .lock                   held by the sweep that runs
//! .unfinished-HOST-TIME/  a case that is not done: it is gone on with next time
//! aside-HOST-TIME/        one that could not be gone on with, as it was left
//! HOST-TIME/              published cases
//! .delivered-HOST-TIME    where that case was delivered
//! .delivering-HOST-TIME   which of its files were sent, and where, while it is not delivered
//! last-good               the case that the next sweep compares with
//! packs.json              the highest version seen of each signed pack
//! .rules-cache/           compiled rules
//! ```

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::model::text::escape;
use crate::report::{OldCase, Report};

pub const RULES_CACHE: &str = ".rules-cache";
const LOCK: &str = ".lock";
const LAST_GOOD: &str = "last-good";
const UNFINISHED: &str = ".unfinished-";
const ASIDE: &str = "aside-";
const DELIVERED: &str = ".delivered-";
const DELIVERING: &str = ".delivering-";
/// A name ends with its time, as `20261129T020000Z`.
const TIME: usize = 16;

/// Why there is no folder to work in.
pub enum Unusable {
    /// Another sweep runs.
    Busy(String),
    Failed(String),
}

/// What `last-good` holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastGood {
    pub schema: String,
    /// Name of the case's folder.
    pub case: String,
    pub run_id: String,
    pub finished: String,
    pub report_sha256: String,
}

impl LastGood {
    const SCHEMA: &str = "wardround/last-good/1";

    pub fn of(name: &str, report: &Report, report_sha256: &str) -> Self {
        Self {
            schema: Self::SCHEMA.to_owned(),
            case: name.to_owned(),
            run_id: report.run.id.clone(),
            finished: report.run.finished.clone(),
            report_sha256: report_sha256.to_owned(),
        }
    }
}

/// The folder, while this sweep alone works in it.
pub struct Cases {
    root: PathBuf,
    _lock: File,
}

impl Cases {
    /// Makes the folder where there is none, and locks it.
    pub fn open(root: &Path) -> Result<Self, Unusable> {
        let name = escape(root.as_os_str().as_encoded_bytes());
        let fail = |e: io::Error| {
            Unusable::Failed(format!(
                "the folder of cases {name} can't be written ({e}): name another under `cases` in the policy"
            ))
        };
        private(root).map_err(fail)?;
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(root.join(LOCK)).map_err(fail)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::Error(e)) if e.kind() == io::ErrorKind::Unsupported => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Unusable::Busy(format!(
                    "another sweep works in {name}: this one ends, since one at a time is enough"
                )));
            }
            Err(TryLockError::Error(e)) => return Err(fail(e)),
        }
        Ok(Self { root: root.to_owned(), _lock: lock })
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// A case that is begun.
    pub fn unfinished_path(&self, name: &str) -> PathBuf {
        self.root.join(format!("{UNFINISHED}{name}"))
    }

    /// Cases that were begun and not ended, the latest first.
    pub fn unfinished(&self) -> Vec<String> {
        let mut names: Vec<String> = self.folders().filter_map(|n| n.strip_prefix(UNFINISHED).map(str::to_owned)).collect();
        names.sort_by(|a, b| time(b).cmp(time(a)));
        names
    }

    /// Leaves an unfinished case as it is, under a name that says so.
    pub fn set_aside(&self, name: &str) -> io::Result<PathBuf> {
        let to = (0..).map(|n: u32| if n == 0 { format!("{ASIDE}{name}") } else { format!("{ASIDE}{name}.{n}") });
        let to = to.map(|n| self.path(&n)).find(|p| fs::symlink_metadata(p).is_err()).unwrap_or_default();
        fs::rename(self.unfinished_path(name), &to)?;
        Ok(to)
    }

    /// Gives a case that is done its name, at one stroke.
    pub fn publish(&self, name: &str) -> io::Result<()> {
        fs::rename(self.unfinished_path(name), self.path(name))?;
        self.settle()
    }

    /// Published cases, the oldest first.
    pub fn published(&self) -> Vec<String> {
        let mut names: Vec<String> =
            self.folders().filter(|n| is_published(n) && self.path(n).join("manifest.json").is_file()).collect();
        names.sort_by(|a, b| (time(a), a).cmp(&(time(b), b)));
        names
    }

    fn folders(&self) -> impl Iterator<Item = String> {
        let entries = fs::read_dir(&self.root).into_iter().flatten().flatten();
        entries.filter(|e| e.file_type().is_ok_and(|t| t.is_dir())).filter_map(|e| e.file_name().into_string().ok())
    }

    pub fn write_last_good(&self, last: &LastGood) -> io::Result<()> {
        self.write(LAST_GOOD, &serde_json::to_vec_pretty(last)?)
    }

    /// The last complete case, where it is still what it was.
    ///
    /// # Errors
    /// Why it can't be relied on.
    pub fn last_good(&self) -> Result<Option<PathBuf>, String> {
        let Ok(bytes) = fs::read(self.path(LAST_GOOD)) else { return Ok(None) };
        let last: LastGood = match serde_json::from_slice(&bytes) {
            Ok(last) => last,
            Err(_) => return Err("last-good is damaged".to_owned()),
        };
        if !is_published(&last.case) || last.case.contains(['/', '\\']) {
            return Err("last-good names no case".to_owned());
        }
        let case = self.path(&last.case);
        match OldCase::open(&case) {
            Ok(old) if old.report_sha256 == last.report_sha256 => Ok(Some(case)),
            Ok(_) => Err("the report of the last good case was changed after it was written".to_owned()),
            Err(e) => Err(e.to_string()),
        }
    }

    pub fn is_delivered(&self, name: &str) -> bool {
        self.path(&format!("{DELIVERED}{name}")).exists()
    }

    pub fn note_delivered(&self, name: &str, to: &str) -> io::Result<()> {
        self.write(&format!("{DELIVERED}{name}"), to.as_bytes())?;
        let _ = fs::remove_file(self.path(&format!("{DELIVERING}{name}")));
        Ok(())
    }

    /// The files of a case that were sent to a place; what was sent elsewhere doesn't count.
    pub fn sent(&self, name: &str, to: &str) -> BTreeSet<String> {
        let noted = fs::read_to_string(self.path(&format!("{DELIVERING}{name}"))).unwrap_or_default();
        let mut lines = noted.lines().map(str::to_owned);
        if lines.next().as_deref() == Some(to) { lines.collect() } else { BTreeSet::new() }
    }

    pub fn note_sent(&self, name: &str, to: &str, files: &BTreeSet<String>) -> io::Result<()> {
        let lines = files.iter().fold(to.to_owned(), |text, file| text + "\n" + file);
        self.write(&format!("{DELIVERING}{name}"), lines.as_bytes())
    }

    /// Removes the oldest published cases beyond `keep`, and beyond so many bytes; never the one that the next sweep
    /// compares with, nor one that `waits`. Gives those that were removed.
    pub fn retain(&self, keep: usize, bytes: Option<u64>, waits: &dyn Fn(&str) -> bool) -> io::Result<Vec<String>> {
        let kept = self.last_good().ok().flatten();
        let mut left = self.published();
        let mut sizes: Vec<u64> = left.iter().map(|name| size(&self.path(name))).collect();
        let mut removed = Vec::new();
        let mut at = 0;
        while at < left.len() && (left.len() > keep || bytes.is_some_and(|most| sizes.iter().sum::<u64>() > most)) {
            let name = left[at].clone();
            if kept.as_ref() == Some(&self.path(&name)) || waits(&name) || left.len() == 1 {
                at += 1;
                continue;
            }
            fs::remove_dir_all(self.path(&name))?;
            let _ = fs::remove_file(self.path(&format!("{DELIVERED}{name}")));
            left.remove(at);
            sizes.remove(at);
            removed.push(name);
        }
        Ok(removed)
    }

    /// Writes a file whole or not at all.
    pub fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(&self.root)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(self.path(name)).map_err(|e| e.error)?;
        self.settle()
    }

    /// Names in the folder reach the disk.
    fn settle(&self) -> io::Result<()> {
        #[cfg(unix)]
        File::open(&self.root)?.sync_all()?;
        Ok(())
    }
}

/// The time at the end of a name, by which cases are sorted.
fn time(name: &str) -> &str {
    name.get(name.len().saturating_sub(TIME)..).unwrap_or(name)
}

fn is_published(name: &str) -> bool {
    let time = time(name).as_bytes();
    let digits = |range: std::ops::Range<usize>| time.get(range).is_some_and(|d| d.iter().all(u8::is_ascii_digit));
    !name.starts_with(['.'])
        && !name.starts_with(ASIDE)
        && time.len() == TIME
        && digits(0..8)
        && digits(9..15)
        && time.ends_with(b"Z")
}

/// Bytes of everything in a folder.
fn size(folder: &Path) -> u64 {
    let files = walkdir::WalkDir::new(folder).into_iter().flatten().filter(|e| e.file_type().is_file());
    files.filter_map(|e| e.metadata().ok()).map(|m| m.len()).fold(0, u64::saturating_add)
}

fn private(root: &Path) -> io::Result<()> {
    #[allow(unused_mut, reason = "the mode is set on Unix only")]
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(root)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cases() -> (tempfile::TempDir, Cases) {
        let dir = tempfile::tempdir().unwrap();
        let Ok(cases) = Cases::open(dir.path()) else { panic!("a folder") };
        (dir, cases)
    }

    fn published(cases: &Cases, name: &str, bytes: usize) {
        fs::create_dir(cases.path(name)).unwrap();
        fs::write(cases.path(name).join("manifest.json"), vec![b' '; bytes]).unwrap();
    }

    #[test]
    fn one_at_a_time() {
        let (dir, _held) = cases();
        assert!(matches!(Cases::open(dir.path()), Err(Unusable::Busy(why)) if why.contains("another sweep")));
    }

    #[test]
    fn the_oldest_go_first_but_not_what_waits() {
        let (_dir, cases) = cases();
        for (host, day) in [("b", 2), ("a", 3), ("c", 1), ("a", 4)] {
            published(&cases, &format!("{host}-2026110{day}T020000Z"), 1000);
        }
        fs::create_dir(cases.path("aside-a-20261101T020000Z")).unwrap();
        fs::create_dir(cases.path("notes")).unwrap();
        assert_eq!(cases.published().first().map(String::as_str), Some("c-20261101T020000Z"));
        assert!(cases.retain(4, Some(4000), &|_| false).unwrap().is_empty());
        assert_eq!(cases.retain(3, None, &|n| n.starts_with('c')).unwrap(), ["b-20261102T020000Z"]);
        assert_eq!(cases.retain(9, Some(2500), &|_| false).unwrap(), ["c-20261101T020000Z"]);
        assert_eq!(cases.retain(1, Some(1), &|_| false).unwrap(), ["a-20261103T020000Z"]);
        assert_eq!(cases.published(), ["a-20261104T020000Z"], "one is always left");
    }

    #[test]
    fn what_was_sent_elsewhere_does_not_count() {
        let (_dir, cases) = cases();
        let files = BTreeSet::from(["journal/journal.jsonl".to_owned(), "report.json".to_owned()]);
        cases.note_sent("a", "https://one.example/", &files).unwrap();
        assert_eq!(cases.sent("a", "https://one.example/"), files);
        assert!(cases.sent("a", "https://two.example/").is_empty() && cases.sent("b", "https://one.example/").is_empty());
        cases.note_delivered("a", "https://one.example/").unwrap();
        assert!(cases.is_delivered("a") && cases.sent("a", "https://one.example/").is_empty());
    }

    #[test]
    fn unfinished_cases_are_published_or_set_aside() {
        let (_dir, cases) = cases();
        for day in [1, 2] {
            fs::create_dir(cases.unfinished_path(&format!("a-2026110{day}T020000Z"))).unwrap();
        }
        assert_eq!(cases.unfinished(), ["a-20261102T020000Z", "a-20261101T020000Z"]);
        cases.publish("a-20261102T020000Z").unwrap();
        assert!(cases.set_aside("a-20261101T020000Z").unwrap().ends_with("aside-a-20261101T020000Z"));
        assert!(cases.unfinished().is_empty());
        assert_eq!(cases.last_good(), Ok(None));
        cases.write(LAST_GOOD, b"{").unwrap();
        assert!(cases.last_good().is_err());
    }
}
