//! The case folder on disk: made once, private to its owner, every file whole or absent.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Seek, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::inventory::{InventoryRow, InventoryWriter};
use super::manifest::{ManifestFile, OUTSIDE};
use super::{REGISTRY, Report};
use crate::model::{Name, text};

const INVENTORY: &str = "inventory.jsonl.zst";
const RESERVE: &str = "journal/reserve";
/// Bytes kept free for the report when the disk runs full.
const RESERVE_BYTES: usize = 4 << 20;
/// Ends the name of a file that is not whole yet.
const UNFINISHED: &str = ".unfinished";

/// Why the case folder can't be made or written. The text is for people and names the way out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaseError {
    #[error("the case folder {0} already holds files: name another with --case, or move this one away")]
    Exists(String),
    #[error("the case folder {0} is a link or not a folder: name a folder of its own with --case")]
    NotAFolder(String),
    #[error("cannot write to {path}: {source}; name a folder with --case that this account may write to")]
    NotWritable { path: String, source: io::Error },
    #[error("the disk of {path} is full: free some space, or name a case folder on another disk with --case")]
    DiskFull { path: String, source: io::Error },
    #[error("writing {path} failed: {source}; the disk may be failing, so name a case folder on another with --case")]
    Io { path: String, source: io::Error },
    #[error("{0} is not a name for a file of the case folder")]
    BadName(String),
    #[error("{0} holds no case: check the path")]
    NoCase(String),
    #[error("another wardround process writes the case folder {0}: wait for it, or stop it first")]
    InUse(String),
}

impl CaseError {
    pub(super) fn new(path: &Path, source: io::Error) -> Self {
        use io::ErrorKind as K;
        let path = shown(path);
        match source.kind() {
            K::StorageFull | K::QuotaExceeded | K::FileTooLarge => Self::DiskFull { path, source },
            K::PermissionDenied
            | K::ReadOnlyFilesystem
            | K::NotFound
            | K::NotADirectory
            | K::InvalidFilename
            | K::AlreadyExists => Self::NotWritable { path, source },
            _ => Self::Io { path, source },
        }
    }

    pub fn is_disk_full(&self) -> bool {
        matches!(self, Self::DiskFull { .. })
    }
}

pub(super) fn shown(path: &Path) -> String {
    Name::from(path).shown()
}

/// A file that was written whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Name inside the case folder, with `/`.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Hexadecimal.
    pub sha256: String,
}

/// A case folder that this run made or goes on with.
#[derive(Debug)]
pub struct CaseFolder {
    root: PathBuf,
    /// What was handed over for each file that was written whole: the disk is believed only after a second look.
    written: Mutex<BTreeMap<String, String>>,
}

impl CaseFolder {
    /// Makes the folder, or takes an empty one, with `journal/` and a reserve of real bytes for the report.
    ///
    /// # Errors
    /// When it holds anything, is a link, or can't be written.
    pub fn create(path: &Path) -> Result<Self, CaseError> {
        let case = Self::begin(path)?;
        if let Err(e) = case.fill_reserve() {
            case.release_reserve();
            let _ = fs::remove_dir(case.journal_dir());
            let _ = fs::remove_dir(path);
            return Err(CaseError::new(path, e));
        }
        Ok(case)
    }

    /// The same without the reserve, which takes time: what a scan was asked is kept before.
    ///
    /// # Errors
    /// When it holds anything, is a link, or can't be written.
    pub fn begin(path: &Path) -> Result<Self, CaseError> {
        let fail = |e| CaseError::new(path, e);
        match fs::symlink_metadata(path) {
            Ok(meta) if !meta.is_dir() => return Err(CaseError::NotAFolder(shown(path))),
            Ok(_) => {
                if fs::read_dir(path).map_err(fail)?.next().is_some() {
                    return Err(CaseError::Exists(shown(path)));
                }
                // Someone else's empty folder can't be narrowed; the files in it are private all the same.
                let _ = private(path);
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                if let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
                    fs::create_dir_all(parent).map_err(fail)?;
                }
                private_dir(path).map_err(|e| match e.kind() {
                    io::ErrorKind::AlreadyExists => CaseError::Exists(shown(path)),
                    _ => fail(e),
                })?;
            }
            Err(e) => return Err(fail(e)),
        }
        let case = Self::at(path);
        // Two scans that take the same empty folder meet here: only one can make the journal.
        private_dir(&case.journal_dir()).map_err(|e| match e.kind() {
            io::ErrorKind::AlreadyExists => CaseError::Exists(shown(path)),
            _ => fail(e),
        })?;
        Ok(case)
    }

    /// Of a folder that is there.
    pub(super) fn at(path: &Path) -> Self {
        Self { root: path.to_owned(), written: Mutex::default() }
    }

    /// Notes the digest that a file has to have when the case is sealed.
    pub fn expect(&self, name: &str, sha256: &str) {
        self.written.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), sha256.to_owned());
    }

    /// Whether such a digest is noted.
    pub(super) fn expects(&self, name: &str) -> bool {
        self.written.lock().unwrap_or_else(PoisonError::into_inner).contains_key(name)
    }

    /// The first file that is not what was written.
    pub(super) fn lost(&self, files: &[ManifestFile]) -> Option<String> {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = |name: &str, sha256: &str| files.iter().any(|f| f.path == name && f.sha256 == sha256);
        written
            .iter()
            .find(|(name, sha256)| !OUTSIDE.contains(&name.as_str()) && !kept(name, sha256))
            .map(|(name, _)| name.clone())
    }

    /// What to say of a file of it that could not be read or written.
    pub fn failed(&self, name: &str, source: io::Error) -> CaseError {
        CaseError::new(&self.root.join(name), source)
    }

    pub fn path(&self) -> &Path {
        &self.root
    }

    /// Where the journal is kept.
    pub fn journal_dir(&self) -> PathBuf {
        self.root.join("journal")
    }

    /// A new file for appending, private to its owner. It must not exist yet, and no link is followed.
    pub fn create_file(&self, name: &str) -> Result<File, CaseError> {
        let path = self.place(name)?;
        new_file(&path).map_err(|e| CaseError::new(&path, e))
    }

    /// Writes a file whole: under another name first, flushed to the disk, then renamed. `fill` is called a
    /// second time when the disk was full and giving up the reserve may have made room.
    pub fn write_file(&self, name: &str, fill: &dyn Fn(&mut dyn Write) -> io::Result<()>) -> Result<Written, CaseError> {
        match self.try_write(name, fill) {
            Err(e) if e.is_disk_full() && self.release_reserve() => self.try_write(name, fill),
            done => done,
        }
    }

    /// Writes every document of [`REGISTRY`] from a sealed report: one after the other, since the reserve can be given up once.
    pub fn write_report(&self, report: &Report) -> Result<Vec<Written>, CaseError> {
        REGISTRY.iter().map(|w| self.write_file(w.file_name(), &|out| w.write(report, out))).collect()
    }

    /// Starts `inventory.jsonl.zst`.
    pub fn inventory(&self) -> Result<InventoryFile, CaseError> {
        let end = self.place(INVENTORY)?;
        let unfinished = self.place(&format!("{INVENTORY}{UNFINISHED}"))?;
        // Left by a run that died here; the name is ours alone.
        let _ = fs::remove_file(&unfinished);
        let file = new_file(&unfinished).map_err(|e| CaseError::new(&unfinished, e))?;
        Ok(InventoryFile { rows: InventoryWriter::new(FrameFile { file, hash: Sha256::new(), len: 0 }), unfinished, end })
    }

    /// Gives up the reserve, so that the report finds room on a full disk. True when there was one.
    pub fn release_reserve(&self) -> bool {
        fs::remove_file(self.root.join(RESERVE)).is_ok()
    }

    /// Keeps bytes free again where a run before gave them up. Without room there is none.
    pub fn renew_reserve(&self) {
        if !self.root.join(RESERVE).exists() && self.fill_reserve().is_err() {
            self.release_reserve();
        }
    }

    fn fill_reserve(&self) -> io::Result<()> {
        let mut file = new_file(&self.root.join(RESERVE))?;
        // Not zeros and not a pattern: a file system that compresses or leaves holes would reserve nothing.
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut block = Vec::with_capacity(1 << 16);
        for _ in 0..RESERVE_BYTES >> 16 {
            block.clear();
            for _ in 0..(1 << 16) / 8 {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                block.extend_from_slice(&state.to_le_bytes());
            }
            file.write_all(&block)?;
        }
        file.sync_all()
    }

    fn try_write(&self, name: &str, fill: &dyn Fn(&mut dyn Write) -> io::Result<()>) -> Result<Written, CaseError> {
        let end = self.place(name)?;
        let unfinished = self.place(&format!("{name}{UNFINISHED}"))?;
        // Left by a run that died here; the name is ours alone.
        let _ = fs::remove_file(&unfinished);
        let write = || -> io::Result<(u64, String)> {
            let mut out = Hashing { file: BufWriter::new(new_file(&unfinished)?), hash: Sha256::new(), len: 0 };
            fill(&mut out)?;
            let Hashing { file, hash, len } = out;
            let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
            settle(&file, &unfinished, &end)?;
            Ok((len, text::hex(&hash.finalize())))
        };
        match write() {
            Ok((size, sha256)) => {
                self.expect(name, &sha256);
                Ok(Written { name: name.to_owned(), size, sha256 })
            }
            Err(e) => {
                let _ = fs::remove_file(&unfinished);
                Err(CaseError::new(&end, e))
            }
        }
    }

    /// The path of a file of the case folder; `name` can't lead out of it.
    pub(super) fn place(&self, name: &str) -> Result<PathBuf, CaseError> {
        let inside = !name.is_empty() && Path::new(name).components().all(|c| matches!(c, Component::Normal(_)));
        if inside { Ok(self.root.join(name)) } else { Err(CaseError::BadName(text::escape(name.as_bytes()))) }
    }
}

/// `inventory.jsonl.zst` on its way. Dropping it without [`InventoryFile::finish`] leaves an unfinished file.
pub struct InventoryFile {
    rows: InventoryWriter<FrameFile>,
    unfinished: PathBuf,
    end: PathBuf,
}

impl InventoryFile {
    /// Adds one row. Rows reach the disk in batches.
    ///
    /// # Errors
    /// The batch that could not be written is lost and [`InventoryFile::rows`] no longer counts it; what was
    /// written before stays readable, and later rows may be added.
    pub fn push(&mut self, row: &InventoryRow) -> Result<(), CaseError> {
        self.rows.push(row).map_err(|e| CaseError::new(&self.end, e))
    }

    /// Adds one row that is JSON already.
    ///
    /// # Errors
    /// As [`InventoryFile::push`].
    pub fn push_json(&mut self, row: &[u8]) -> Result<(), CaseError> {
        self.rows.push_json(row).map_err(|e| CaseError::new(&self.end, e))
    }

    /// Rows written or waiting to be written.
    pub fn rows(&self) -> u64 {
        self.rows.rows()
    }

    /// Writes what is left and gives the file its name.
    ///
    /// # Errors
    /// The last batch is lost; the rows before it are kept under the file's name where that can be done.
    pub fn finish(mut self) -> Result<Written, CaseError> {
        let last = self.rows.flush();
        let FrameFile { file, hash, len } = self.rows.into_inner();
        let settled = settle(&file, &self.unfinished, &self.end);
        last.and(settled).map_err(|e| CaseError::new(&self.end, e))?;
        Ok(Written { name: INVENTORY.to_owned(), size: len, sha256: text::hex(&hash.finalize()) })
    }
}

/// A file that takes each frame whole or not at all.
struct FrameFile {
    file: File,
    hash: Sha256,
    len: u64,
}

impl Write for FrameFile {
    fn write(&mut self, frame: &[u8]) -> io::Result<usize> {
        if let Err(e) = self.file.write_all(frame) {
            // Half a frame would make every later row unreadable.
            self.file.set_len(self.len)?;
            self.file.seek(io::SeekFrom::Start(self.len))?;
            return Err(e);
        }
        self.hash.update(frame);
        self.len = self.len.saturating_add(frame.len() as u64);
        Ok(frame.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

struct Hashing<W> {
    file: W,
    hash: Sha256,
    len: u64,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.file.write(bytes)?;
        self.hash.update(bytes.get(..n).unwrap_or(bytes));
        self.len = self.len.saturating_add(n as u64);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Makes a written file durable under its final name.
fn settle(file: &File, unfinished: &Path, end: &Path) -> io::Result<()> {
    file.sync_all()?;
    fs::rename(unfinished, end)?;
    #[cfg(unix)]
    if let Some(parent) = end.parent() {
        File::open(parent)?.sync_all()?;
    }
    Ok(())
}

fn new_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    no_follow(&mut options);
    options.open(path)
}

#[cfg(unix)]
pub(super) fn no_follow(options: &mut OpenOptions) {
    let flags = rustix::fs::OFlags::NOFOLLOW.bits();
    std::os::unix::fs::OpenOptionsExt::custom_flags(options, flags.cast_signed());
}

#[cfg(not(unix))]
pub(super) fn no_follow(_: &mut OpenOptions) {}

/// Makes a folder that only its owner may enter.
pub(crate) fn private_dir(path: &Path) -> io::Result<()> {
    #[cfg(windows)]
    return crate::sys::windows::private_dir(path);
    #[cfg(not(windows))]
    {
        #[allow(unused_mut, reason = "the mode is set on Unix only")]
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(path)
    }
}

#[cfg(unix)]
fn private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
fn private(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::report::sample;

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn it_is_made_once_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new/case");
        let case = CaseFolder::create(&path).unwrap();
        assert_eq!(fs::metadata(path.join(RESERVE)).unwrap().len(), RESERVE_BYTES as u64);
        let again = CaseFolder::create(&path).unwrap_err();
        assert!(matches!(&again, CaseError::Exists(p) if p.ends_with("new/case")));
        assert!(again.to_string().contains("--case"));
        case.write_file("a.txt", &|out| out.write_all(b"abc")).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |p: &Path| fs::metadata(p).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(&path), 0o700);
            assert_eq!(mode(&path.join("journal")), 0o700);
            assert_eq!(mode(&path.join("a.txt")), 0o600);
        }
    }

    #[test]
    fn an_empty_folder_will_do_and_a_file_or_link_will_not() {
        let dir = tempfile::tempdir().unwrap();
        let empty = dir.path().join("empty");
        fs::create_dir(&empty).unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "x").unwrap();
        assert!(matches!(CaseFolder::create(&file), Err(CaseError::NotAFolder(_))));
        assert!(matches!(CaseFolder::create(&file.join("below")), Err(CaseError::NotWritable { .. })));
        #[cfg(unix)]
        {
            let link = dir.path().join("link");
            std::os::unix::fs::symlink(&empty, &link).unwrap();
            assert!(matches!(CaseFolder::create(&link), Err(CaseError::NotAFolder(_))));
        }
        assert!(CaseFolder::create(&empty).is_ok());
    }

    #[test]
    fn names_cannot_lead_out_and_links_are_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let case = CaseFolder::create(&dir.path().join("c")).unwrap();
        for bad in ["", "..", "../x", "/etc/x", "a/../../x"] {
            assert!(matches!(case.create_file(bad), Err(CaseError::BadName(_))), "{bad}");
        }
        #[cfg(unix)]
        {
            let outside = dir.path().join("outside");
            std::os::unix::fs::symlink(&outside, case.path().join("trap")).unwrap();
            assert!(case.create_file("trap").is_err());
            case.write_file("trap", &|out| out.write_all(b"x")).unwrap();
            assert!(!outside.exists());
        }
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let case = CaseFolder::create(&dir.path().join("c")).unwrap();
        case.write_file("a", &|out| out.write_all(b"old")).unwrap();
        let failed = case.write_file("a", &|out| {
            out.write_all(b"ne")?;
            Err(io::Error::other("pulled out"))
        });
        assert!(matches!(failed, Err(CaseError::Io { .. })));
        assert_eq!(fs::read(case.path().join("a")).unwrap(), b"old");
        assert_eq!(names(case.path()), ["a", "journal"]);
    }

    #[test]
    fn a_full_disk_costs_the_reserve_and_not_the_report() {
        let dir = tempfile::tempdir().unwrap();
        let case = CaseFolder::create(&dir.path().join("c")).unwrap();
        let reserve = case.path().join(RESERVE);
        let tries = Cell::new(0);
        let written = case.write_file("report.json", &|out| {
            tries.set(tries.get() + 1);
            if reserve.exists() { Err(io::ErrorKind::StorageFull.into()) } else { out.write_all(b"abc") }
        });
        assert_eq!(tries.get(), 2);
        // FIPS 180-2, appendix B.1.
        assert_eq!(written.unwrap().sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        let full = case.write_file("b", &|_| Err(io::ErrorKind::StorageFull.into())).unwrap_err();
        assert!(full.is_disk_full() && full.to_string().contains("full"));
    }

    #[test]
    fn the_inventory_gets_its_name_when_it_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let case = CaseFolder::create(&dir.path().join("c")).unwrap();
        let mut inventory = case.inventory().unwrap();
        inventory.push(&InventoryRow::from(&sample::object("/a"))).unwrap();
        assert!(!case.path().join(INVENTORY).exists());
        assert_eq!(inventory.rows(), 1);
        let written = inventory.finish().unwrap();
        assert_eq!(super::super::manifest::digest(&case.path().join(INVENTORY)).unwrap(), (written.size, written.sha256));
        assert_eq!(names(case.path()), [INVENTORY, "journal"]);
    }
}
