//! The working files of a case that isn't sealed: what resuming needs and nobody else may see. They lie in `journal/`,
//! are in no manifest, and are gone when the case is sealed.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use super::casefolder::{CaseError, CaseFolder, no_follow, shown};

/// The journal itself, which stays.
pub const JOURNAL: &str = "journal/journal.jsonl";
/// The records of everything done.
pub const STATE: &str = "journal/resume.log";
/// Who is on what.
pub const IN_FLIGHT: &str = "journal/in-flight";
/// The key that tokens of people are made with, unless the operator gave one.
const KEY: &str = "journal/case.key";
/// What an earlier case proved of files.
pub const PROVED: &str = "journal/proved";
/// Held by the process that writes.
const LOCK: &str = "journal/lock";
/// All of them.
pub(super) const WORKING: [&str; 5] = [STATE, IN_FLIGHT, KEY, LOCK, PROVED];

/// A process that was killed a moment ago may take this long to be gone.
const GONE_WITHIN: Duration = Duration::from_secs(10);

/// Held while a process writes a case folder.
#[derive(Debug)]
pub struct CaseLock {
    _file: File,
}

impl CaseFolder {
    /// A case folder that was begun earlier.
    ///
    /// # Errors
    /// When there is none, or no scan to go on with.
    pub fn open(path: &Path) -> Result<Self, CaseError> {
        let is_dir = |p: &Path| fs::symlink_metadata(p).is_ok_and(|m| m.is_dir());
        if !is_dir(path) || !is_dir(&path.join("journal")) {
            return Err(CaseError::NoCase(shown(path)));
        }
        Ok(Self::at(path))
    }

    /// Whether a scan in it was begun and is not sealed.
    pub fn is_begun(&self) -> bool {
        fs::symlink_metadata(self.path().join(STATE)).is_ok_and(|m| m.is_file())
    }

    /// Whether a scan was brought to an end here, be it an early one.
    pub fn has_report(&self) -> bool {
        self.path().join("report.json").exists()
    }

    /// Whether no process has come as far as scanning.
    pub fn is_untouched(&self) -> bool {
        !self.path().join(JOURNAL).exists()
    }

    /// An interrupted run's manifest speaks of files that are going to change.
    pub fn unseal(&self) {
        ["manifest.json", "manifest.json.sig"].iter().for_each(|name| self.forget(name));
    }

    /// Nobody else writes while this is held.
    ///
    /// # Errors
    /// When another process does, or the lock can't be made.
    pub fn lock(&self) -> Result<CaseLock, CaseError> {
        let file = self.open_file(LOCK)?;
        let asked = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(CaseLock { _file: file }),
                Err(TryLockError::WouldBlock) if asked.elapsed() < GONE_WITHIN => std::thread::sleep(Duration::from_millis(50)),
                Err(TryLockError::WouldBlock) => return Err(CaseError::InUse(shown(self.path()))),
                // A file system without locks: two processes at once are the operator's risk.
                Err(TryLockError::Error(e)) if e.kind() == io::ErrorKind::Unsupported => return Ok(CaseLock { _file: file }),
                Err(TryLockError::Error(e)) => return Err(CaseError::new(&self.path().join(LOCK), e)),
            }
        }
    }

    /// Lets another process lock the folder although the one that did can't end: it was killed, and will write no more.
    pub fn forsake_lock(&self) {
        let _ = fs::remove_file(self.path().join(LOCK));
    }

    /// A file for reading and writing, private to its owner, made where it is missing. No link is followed.
    ///
    /// # Errors
    /// When the case folder can't take it.
    pub fn open_file(&self, name: &str) -> Result<File, CaseError> {
        let path = self.place(name)?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        no_follow(&mut options);
        options.open(&path).map_err(|e| CaseError::new(&path, e))
    }

    /// A file that is there, for reading. No link is followed.
    ///
    /// # Errors
    /// When it is not there or can't be read.
    pub fn read_file(&self, name: &str) -> Result<File, CaseError> {
        let path = self.place(name)?;
        let mut options = OpenOptions::new();
        options.read(true);
        no_follow(&mut options);
        options.open(&path).map_err(|e| CaseError::new(&path, e))
    }

    /// Keeps the case key until the case is sealed.
    ///
    /// # Errors
    /// When the case folder can't take it.
    pub fn keep_key(&self, key: &[u8; 32]) -> Result<(), CaseError> {
        // A process that died while it wrote one has counted nobody yet.
        self.forget(KEY);
        let mut file = self.create_file(KEY)?;
        file.write_all(key).and_then(|()| file.sync_all()).map_err(|e| CaseError::new(&self.path().join(KEY), e))
    }

    /// The kept case key.
    pub fn key(&self) -> Option<[u8; 32]> {
        let mut key = [0; 32];
        self.read_file(KEY).ok()?.read_exact(&mut key).ok()?;
        Some(key)
    }

    /// Keeps what stood behind the journal's last whole line.
    ///
    /// # Errors
    /// When the case folder can't take it.
    pub fn set_aside(&self, torn: &[u8]) -> Result<(), CaseError> {
        let taken = |n: &u32| fs::symlink_metadata(self.path().join(format!("journal/torn-{n}"))).is_ok();
        let n = (1..).find(|n| !taken(n)).unwrap_or(u32::MAX);
        self.write_file(&format!("journal/torn-{n}"), &|out| out.write_all(torn)).map(|_| ())
    }

    /// Removes a file of an earlier process, if it is there.
    pub fn forget(&self, name: &str) {
        if let Ok(path) = self.place(name) {
            let _ = fs::remove_file(path);
        }
    }

    /// The case is sealed: overwrites the key, without which tokens mean nothing, and removes the working files.
    pub fn end(&self) {
        if self.key().is_some()
            && let Ok(mut file) = self.open_file(KEY)
        {
            let _ = file.seek(SeekFrom::Start(0)).and_then(|_| file.write_all(&[0; 32])).and_then(|()| file.sync_all());
        }
        // The log last: while it is there, the rest is known to be left over.
        [KEY, IN_FLIGHT, PROVED, LOCK, STATE].iter().for_each(|name| self.forget(name));
    }

    /// Nothing was scanned: leaves the place as it was found. `made` is whether the folder was made for this scan.
    pub fn abandon(&self, made: bool) {
        self.release_reserve();
        self.end();
        self.forget(JOURNAL);
        let _ = fs::remove_dir(self.journal_dir());
        if made {
            let _ = fs::remove_dir(self.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_kept_until_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("case");
        let folder = CaseFolder::create(&path).unwrap();
        folder.keep_key(&[7; 32]).unwrap();
        let lock = folder.lock().unwrap();
        folder.open_file(STATE).unwrap();
        let again = CaseFolder::open(&path).unwrap();
        assert!(again.is_begun());
        assert_eq!(again.key(), Some([7; 32]));
        drop(lock);
        again.lock().unwrap();
        again.set_aside(b"half").unwrap();
        again.set_aside(b"line").unwrap();
        assert_eq!(fs::read(path.join("journal/torn-2")).unwrap(), b"line");
        again.end();
        assert!(!again.is_begun());
        // Who looks at a sealed case leaves nothing in it.
        assert!(again.read_file(IN_FLIGHT).is_err() && again.read_file(STATE).is_err() && again.key().is_none());
        assert!(WORKING.iter().all(|name| !path.join(name).exists()));
    }

    #[test]
    fn abandoning_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("case");
        let folder = CaseFolder::create(&path).unwrap();
        folder.keep_key(&[7; 32]).unwrap();
        folder.open_file(STATE).unwrap();
        folder.abandon(true);
        assert!(!path.exists());
        assert!(matches!(CaseFolder::open(&path), Err(CaseError::NoCase(_))));
    }
}
