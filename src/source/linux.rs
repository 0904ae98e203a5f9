//! Trees on Linux, by directory descriptors.
//!
//! walkdir hands full paths to the kernel: it can't go deeper than `PATH_MAX`, resolves every path anew
//! (an intruder can swap a folder for a link in between), and listing through it changes the access times
//! of folders. Here every folder and file is opened relative to the target's own descriptor, links are
//! refused on the way, and `O_NOATIME` keeps access times where the kernel allows it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{CStr, CString, OsStr};
use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, RawDir, ResolveFlags, Statx, StatxFlags, makedev, openat, openat2, statx,
};
use rustix::io::Errno;

use super::fstype::{Mount, fs_type_of, mounts};
use super::links::HardLinks;
use super::opened::{OpenFile, Seen};
use super::{
    Content, Found, FsKind, MountClone, OpenError, PathMap, Session, Source, TargetFacts, WalkSink, hardly_stored, io_reason,
};
use crate::model::{Disposition, Entry, Gap, GapReason, Kind, Locator, Meta, Name, Stage, Time, Times};

/// The kernel takes paths shorter than this (`PATH_MAX` is 4096 with the NUL); longer ones go in hops.
const HOP: usize = 3800;
/// Folders kept open during a walk; deeper ones are reached again from an open ancestor.
const OPEN_DIRS: usize = 128;
/// Folders nested deeper than this are a gap; each level costs a hop for what lies below.
const MAX_LEVELS: usize = 20_000;
/// Bytes of a folder's path, four times `PATH_MAX`: every object below carries it.
const MAX_PATH: usize = 16 << 10;

/// A folder or file of a live or mounted file system.
pub struct LinuxTree {
    root: PathBuf,
    target: usize,
    map: PathMap,
    include_network: bool,
    /// The case folder, absolute and free of links: our own output is never scanned.
    own: Option<PathBuf>,
    /// Through which everything is read, where there is one: of the target, or of the folder that a file lies in.
    clone: Option<MountClone>,
    atime_open: Arc<AtomicBool>,
}

impl LinuxTree {
    /// `root` is absolute and exists. `own` is the case folder, left out of the walk.
    pub fn new(root: PathBuf, target: usize, map: PathMap, include_network: bool, own: Option<&Path>) -> Self {
        let own = own.map(Path::to_owned);
        Self { root, target, map, include_network, own, clone: None, atime_open: Arc::new(AtomicBool::new(false)) }
    }

    /// Reads through a clone of the mounts at and below the target's folder, which is the target or holds it.
    pub fn through(self, clone: Option<MountClone>) -> Self {
        Self { clone, ..self }
    }

    /// The folder that everything is opened from.
    fn folder(&self) -> io::Result<Arc<OwnedFd>> {
        if let Some(clone) = &self.clone {
            return Ok(clone.folder());
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Arc::new(openat(CWD, &self.root, flags, Mode::empty())?))
    }

    fn entry(&self, path: &[u8], st: &Statx) -> Entry {
        let kind = match FileType::from_raw_mode(st.stx_mode.into()) {
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Dir,
            FileType::Symlink => Kind::Symlink,
            _ => Kind::Special,
        };
        Entry {
            locator: Locator::os(path),
            kind,
            meta: meta_of(st),
            other_names: Vec::new(),
            origin: self.map.origin(path),
            target: self.target,
        }
    }

    fn unlisted(&self, path: &[u8], err: &io::Error) -> Found {
        let entry = Entry {
            locator: Locator::os(path),
            kind: Kind::Special,
            meta: Meta::default(),
            other_names: Vec::new(),
            origin: self.map.origin(path),
            target: self.target,
        };
        let gap = Gap::new(&entry.locator, Stage::Walk, io_reason(err), err.to_string());
        Found { entry, settled: Some((Disposition::Failed, Some(gap))) }
    }

    /// A folder on which something is mounted that isn't even looked at.
    fn passed_over(&self, path: &[u8], how: Disposition, reason: GapReason, detail: String) -> Found {
        let entry = Entry { kind: Kind::Dir, ..self.unlisted(path, &io::ErrorKind::Other.into()).entry };
        let gap = Gap::new(&entry.locator, Stage::Walk, reason, detail);
        Found { entry, settled: Some((how, Some(gap))) }
    }

    /// Opens a folder for listing, without leaving a trace where possible.
    fn open_dir(&self, anchor: BorrowedFd<'_>, rel: &[u8]) -> io::Result<OwnedFd> {
        self.open_quiet(anchor, rel, OFlags::DIRECTORY)
    }

    /// Opens for reading without waiting (pipes), following links, or touching the access time. Where there is no clone to
    /// see to that and the kernel refuses `O_NOATIME` (neither owner nor CAP_FOWNER), it opens without and notes so.
    fn open_quiet(&self, anchor: BorrowedFd<'_>, rel: &[u8], extra: OFlags) -> io::Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | extra;
        if self.clone.is_some() {
            return hop(anchor, rel, flags);
        }
        match hop(anchor, rel, flags | OFlags::NOATIME) {
            Err(e) if e.raw_os_error() == Some(Errno::PERM.raw_os_error()) => {
                let fd = hop(anchor, rel, flags)?;
                self.atime_open.store(true, Ordering::Relaxed);
                Ok(fd)
            }
            other => other,
        }
    }
}

/// A folder that waits to be listed: `rel` below `anchor`.
struct Pending {
    anchor: Arc<OwnedFd>,
    rel: Vec<u8>,
    path: Vec<u8>,
    entry: Entry,
    dev: u64,
    level: usize,
}

impl Source for LinuxTree {
    fn walk(&self, sink: &mut dyn WalkSink) {
        let path = self.root.as_os_str().as_bytes().to_vec();
        let st = match statx(CWD, &self.root, AtFlags::NO_AUTOMOUNT, WANTED) {
            Ok(st) => st,
            Err(e) => return sink.found(self.unlisted(&path, &e.into())),
        };
        let entry = self.entry(&path, &st);
        if entry.kind != Kind::Dir {
            let settled = match entry.kind {
                Kind::Special => Some(special(&entry)),
                // The kernel says that its own files are empty.
                Kind::File => pseudo(&entry, &self.root),
                _ => None,
            };
            return sink.found(Found { entry, settled });
        }
        let root = match self.folder() {
            Ok(fd) => fd,
            Err(e) => return sink.found(self.unlisted(&path, &e)),
        };
        let own =
            self.own.as_ref().and_then(|p| statx(CWD, p, AtFlags::empty(), StatxFlags::BASIC_STATS).ok()).map(|st| id_of(&st));
        let mounts = mounts();
        let mut walk = Walk {
            tree: self,
            seen: BTreeSet::new(),
            links: HardLinks::default(),
            stack: Vec::new(),
            own,
            open: Vec::new(),
            mounts,
        };
        // No device is 0 for a real file system, so that the root's own type is checked too.
        walk.stack.push(Pending { anchor: root, rel: b".".to_vec(), path, entry, dev: 0, level: 0 });
        while let Some(dir) = walk.stack.pop() {
            if sink.stopped() {
                let gap = Gap::new(&dir.entry.locator, Stage::Walk, GapReason::Interrupted, "not listed");
                sink.found(Found { entry: dir.entry, settled: Some((Disposition::Skipped, Some(gap))) });
                continue;
            }
            walk.list(dir, sink);
        }
        for entry in walk.links.rest() {
            sink.found(Found { entry, settled: None });
        }
    }

    fn origin(&self, path: &[u8]) -> Option<Name> {
        self.map.origin(path)
    }

    fn holds(&self, path: &[u8]) -> bool {
        super::is_within(self.root.as_os_str().as_bytes(), path)
    }

    fn session(&self) -> Box<dyn Session + '_> {
        Box::new(LinuxSession { tree: self, folder: None })
    }

    fn facts(&self) -> TargetFacts {
        let st = statx(CWD, &self.root, AtFlags::empty(), StatxFlags::BASIC_STATS).ok();
        let refused = self.atime_open.load(Ordering::Relaxed);
        let atime_protection = match (&self.clone, refused) {
            (Some(_), _) => "read-only clone of the mount without access times",
            (None, false) => "O_NOATIME",
            (None, true) => "partial: O_NOATIME was refused for some objects (not owner, no CAP_FOWNER)",
        };
        TargetFacts {
            fs_type: super::fs_type(&self.root).ok().map(|t| t.name.to_owned()),
            volume_id: st.map(|s| format!("dev {}:{}", s.stx_dev_major, s.stx_dev_minor)),
            atime_protection: atime_protection.into(),
            atimes_kept: self.clone.is_some() || !refused,
        }
    }
}

struct Walk<'t> {
    tree: &'t LinuxTree,
    /// Folders listed, by device and inode: a bind mount must not send us round in circles.
    seen: BTreeSet<(u64, u64)>,
    links: HardLinks,
    stack: Vec<Pending>,
    /// The case folder by device and inode, so that no other path to it is taken for evidence.
    own: Option<(u64, u64)>,
    open: Vec<std::sync::Weak<OwnedFd>>,
    /// Where something is mounted, by path.
    mounts: BTreeMap<Vec<u8>, Mount>,
}

impl Walk<'_> {
    fn settle(&self, dir: Entry, how: Disposition, reason: GapReason, detail: String, sink: &mut dyn WalkSink) {
        let gap = Gap::new(&dir.locator, Stage::Walk, reason, detail);
        sink.found(Found { entry: dir, settled: Some((how, Some(gap))) });
    }

    fn list(&mut self, dir: Pending, sink: &mut dyn WalkSink) {
        let Some(id) = dir.entry.meta.id else { return };
        if self.own == Some(id) {
            return self.settle(dir.entry, Disposition::Skipped, GapReason::OwnOutput, String::new(), sink);
        }
        if !self.seen.insert(id) {
            return self.settle(dir.entry, Disposition::Skipped, GapReason::SeenElsewhere, String::new(), sink);
        }
        if dir.level > MAX_LEVELS || dir.path.len() > MAX_PATH {
            let detail = format!("more than {MAX_LEVELS} folders deep, or a path of more than {MAX_PATH} bytes");
            return self.settle(dir.entry, Disposition::Failed, GapReason::PathLimit, detail, sink);
        }
        if let Err((reason, how)) = sink.enters(&dir.entry.locator) {
            return self.settle(dir.entry, Disposition::Failed, reason, how, sink);
        }
        if id.0 != dir.dev
            && let Some((reason, name)) = self.other_fs(&dir, id.0)
        {
            return self.settle(dir.entry, Disposition::Skipped, reason, name.to_owned(), sink);
        }
        let fd = match self.tree.open_dir(dir.anchor.as_fd(), &dir.rel) {
            Ok(fd) => fd,
            Err(e) => return self.settle(dir.entry, Disposition::Failed, io_reason(&e), e.to_string(), sink),
        };
        let mut names = Vec::new();
        let failed = read_names(&fd, &mut names).err();
        names.sort_unstable();
        let fd = Arc::new(fd);
        let (anchor, prefix) = self.anchor(&dir, &fd);
        let mut subdirs = Vec::new();
        let mut cut_short = false;
        let mut on_mount = false;
        for name in names {
            if sink.stopped() {
                cut_short = true;
                break;
            }
            let mut path = dir.path.clone();
            if path.last() != Some(&b'/') {
                path.push(b'/');
            }
            path.extend_from_slice(name.as_bytes());
            let mut kernel = None;
            if let Some(mount) = self.mounts.get(&path) {
                if mount.network && !self.tree.include_network {
                    sink.found(self.tree.passed_over(&path, Disposition::Skipped, GapReason::NetworkFs, mount.name.clone()));
                    continue;
                }
                // What is mounted there may be dead.
                if let Err((reason, how)) = sink.enters(&Locator::os(path.as_slice())) {
                    sink.found(self.tree.passed_over(&path, Disposition::Failed, reason, how));
                    continue;
                }
                on_mount = true;
                kernel = Some(mount.name.clone()).filter(|_| mount.is_pseudo());
            } else if std::mem::take(&mut on_mount) {
                let _ = sink.enters(&dir.entry.locator);
            }
            let st = match statx(&fd, &name, AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT, WANTED) {
                Ok(st) => st,
                Err(e) => {
                    sink.found(self.tree.unlisted(&path, &e.into()));
                    continue;
                }
            };
            let entry = self.tree.entry(&path, &st);
            match entry.kind {
                Kind::Dir => {
                    let mut rel = prefix.clone();
                    rel.extend_from_slice(name.as_bytes());
                    subdirs.push(Pending { anchor: anchor.clone(), rel, path, entry, dev: id.0, level: dir.level + 1 });
                }
                // The kernel says that its own files are empty.
                Kind::File if kernel.is_some() => {
                    let gap = Gap::new(&entry.locator, Stage::Walk, GapReason::PseudoFs, kernel.unwrap_or_default());
                    sink.found(Found { entry, settled: Some((Disposition::Skipped, Some(gap))) });
                }
                Kind::File if st.stx_nlink > 1 => {
                    if let Some(entry) = self.links.meet(id_of(&st), u64::from(st.stx_nlink), entry) {
                        sink.found(Found { entry, settled: None });
                    }
                }
                Kind::Special => {
                    let settled = Some(special(&entry));
                    sink.found(Found { entry, settled });
                }
                _ => sink.found(Found { entry, settled: None }),
            }
        }
        // Last in, first out: the first name is walked first.
        self.stack.extend(subdirs.into_iter().rev());
        let settled = match failed {
            Some(e) => {
                let gap = Gap::new(&dir.entry.locator, Stage::Walk, io_reason(&e), format!("listing broke off: {e}"));
                Some((Disposition::Partial, Some(gap)))
            }
            None if cut_short => {
                let gap = Gap::new(&dir.entry.locator, Stage::Walk, GapReason::Interrupted, "not walked to its end");
                Some((Disposition::Partial, Some(gap)))
            }
            None => None,
        };
        sink.found(Found { entry: dir.entry, settled });
    }

    /// From where the children of `dir` are opened: its own descriptor while few are open, else its anchor.
    fn anchor(&mut self, dir: &Pending, fd: &Arc<OwnedFd>) -> (Arc<OwnedFd>, Vec<u8>) {
        self.open.retain(|w| w.strong_count() > 0);
        if self.open.len() < OPEN_DIRS {
            self.open.push(Arc::downgrade(fd));
            return (fd.clone(), Vec::new());
        }
        let mut prefix = dir.rel.clone();
        prefix.push(b'/');
        (dir.anchor.clone(), prefix)
    }

    /// Why a folder on another device isn't entered.
    fn other_fs(&self, dir: &Pending, dev: u64) -> Option<(GapReason, &'static str)> {
        // O_PATH doesn't trigger an automount and needs no right to read.
        let fd = hop(dir.anchor.as_fd(), &dir.rel, OFlags::PATH | OFlags::DIRECTORY).ok()?;
        let fs = fs_type_of(&fd, dev).ok()?;
        match fs.kind {
            FsKind::Pseudo => Some((GapReason::PseudoFs, fs.name)),
            FsKind::Network if !self.tree.include_network => Some((GapReason::NetworkFs, fs.name)),
            _ => None,
        }
    }
}

/// One worker's access: everything is opened relative to the target's folder.
struct LinuxSession<'t> {
    tree: &'t LinuxTree,
    folder: Option<Arc<OwnedFd>>,
}

impl LinuxSession<'_> {
    /// The descriptor that a path is opened from, and the path from there.
    fn anchored<'p>(&mut self, path: &'p [u8]) -> io::Result<(BorrowedFd<'_>, &'p [u8])> {
        let root = self.tree.root.as_os_str().as_bytes();
        let rel = match path == root {
            true if self.tree.clone.is_none() => return Ok((CWD, path)),
            // A file: its folder is what was cloned.
            true => path.rsplit(|b| *b == b'/').next().unwrap_or(path),
            false => path.strip_prefix(root).unwrap_or(path),
        };
        let rel = rel.strip_prefix(b"/").unwrap_or(rel);
        if self.folder.is_none() {
            self.folder = Some(self.tree.folder()?);
        }
        Ok((self.folder.as_ref().map_or(CWD, |fd| fd.as_fd()), rel))
    }
}

impl Session for LinuxSession<'_> {
    fn find(&mut self, path: &Name) -> Option<Entry> {
        let tree = self.tree;
        // O_PATH opens nothing: no pipe's writer wakes up, no device notices.
        let (anchor, rel) = self.anchored(path.bytes()).ok()?;
        let st = stat_fd(hop(anchor, rel, OFlags::PATH).ok()?).ok()?;
        Some(tree.entry(path.bytes(), &st))
    }

    fn announce(&mut self, entry: &Entry) {
        let Ok((fd, st)) = self.opened(entry) else { return };
        let soon = std::num::NonZeroU64::new(st.stx_size.min(ANNOUNCED));
        let _ = rustix::fs::fadvise(&fd, 0, soon, rustix::fs::Advice::WillNeed);
    }

    fn open(&mut self, entry: &Entry) -> Result<Box<dyn Content>, OpenError> {
        let (fd, st) = self.opened(entry)?;
        if st.stx_size > READ_AT_ONCE {
            let _ = rustix::fs::fadvise(&fd, 0, None, rustix::fs::Advice::Sequential);
        }
        Ok(Box::new(OpenFile::seen(File::from(fd), seen(&st), look)))
    }
}

impl LinuxSession<'_> {
    /// The open file that an entry stands for.
    fn opened(&mut self, entry: &Entry) -> Result<(OwnedFd, Statx), OpenError> {
        let fail = |e: io::Error| OpenError { reason: io_reason(&e), detail: e.to_string() };
        let tree = self.tree;
        let (anchor, rel) = self.anchored(entry.locator.os_name().bytes()).map_err(fail)?;
        let fd = tree.open_quiet(anchor, rel, OFlags::empty()).map_err(fail)?;
        let st = stat_fd(&fd).map_err(fail)?;
        let swapped = FileType::from_raw_mode(st.stx_mode.into()) != FileType::RegularFile
            || entry.meta.id.is_some_and(|id| id != id_of(&st));
        if swapped {
            return Err(OpenError {
                reason: GapReason::Changed,
                detail: "another object took its place after it was listed".into(),
            });
        }
        let stored = st.stx_blocks.saturating_mul(512);
        if let Some(sparse) = hardly_stored(st.stx_size, stored) {
            return Err(sparse);
        }
        Ok((fd, st))
    }
}

/// Bytes up to which the kernel reads a file at once anyway.
const READ_AT_ONCE: u64 = 128 << 10;
/// Bytes of an announced file that the system reads ahead; by then it sees that more is read in order.
const ANNOUNCED: u64 = 4 << 20;

const WANTED: StatxFlags = StatxFlags::BASIC_STATS.union(StatxFlags::BTIME);

fn stat_fd(fd: impl AsFd) -> io::Result<Statx> {
    Ok(statx(fd, c"", AtFlags::EMPTY_PATH, WANTED)?)
}

fn look(file: &File) -> io::Result<Seen> {
    Ok(seen(&stat_fd(file)?))
}

fn seen(st: &Statx) -> Seen {
    (st.stx_size, meta_of(st).times.mtime)
}

fn id_of(st: &Statx) -> (u64, u64) {
    (makedev(st.stx_dev_major, st.stx_dev_minor), st.stx_ino)
}

fn meta_of(st: &Statx) -> Meta {
    let has = |flag: StatxFlags| st.stx_mask & flag.bits() != 0;
    let time = |t: &rustix::fs::StatxTimestamp| Time(i128::from(t.tv_sec) * 1_000_000_000 + i128::from(t.tv_nsec));
    let is_link = FileType::from_raw_mode(st.stx_mode.into()) == FileType::Symlink;
    Meta {
        size: if is_link { 0 } else { st.stx_size },
        times: Times {
            mtime: has(StatxFlags::MTIME).then(|| time(&st.stx_mtime)),
            atime: has(StatxFlags::ATIME).then(|| time(&st.stx_atime)),
            ctime: has(StatxFlags::CTIME).then(|| time(&st.stx_ctime)),
            btime: has(StatxFlags::BTIME).then(|| time(&st.stx_btime)),
        },
        owner: Some(format!("{}:{}", st.stx_uid, st.stx_gid)),
        mode: Some(format!("{:04o}", st.stx_mode & 0o7777)),
        id: Some(id_of(st)),
    }
}

fn special(entry: &Entry) -> (Disposition, Option<Gap>) {
    (Disposition::Skipped, Some(Gap::new(&entry.locator, Stage::Open, GapReason::SpecialFile, "")))
}

/// A file named as a target that is a window into the kernel.
fn pseudo(entry: &Entry, path: &Path) -> Option<(Disposition, Option<Gap>)> {
    let fs = super::fs_type(path).ok().filter(|fs| fs.kind == FsKind::Pseudo)?;
    Some((Disposition::Skipped, Some(Gap::new(&entry.locator, Stage::Walk, GapReason::PseudoFs, fs.name))))
}

/// Reads a folder's names (getdents64), without `.` and `..`.
fn read_names(fd: &OwnedFd, names: &mut Vec<CString>) -> io::Result<()> {
    let mut buf = [MaybeUninit::uninit(); 32 << 10];
    let mut dir = RawDir::new(fd, &mut buf);
    while let Some(item) = dir.next() {
        match item {
            Ok(item) if item.file_name() == c"." || item.file_name() == c".." => {}
            Ok(item) => names.push(CStr::to_owned(item.file_name())),
            Err(Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
    }
    Ok(())
}

/// Opens `rel` below `anchor` in hops that the kernel takes, refusing links on the way.
fn hop(anchor: BorrowedFd<'_>, rel: &[u8], flags: OFlags) -> io::Result<OwnedFd> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut held: Option<OwnedFd> = None;
    let mut rest = rel;
    loop {
        let cut = if rest.len() <= HOP {
            rest.len()
        } else {
            rest[..HOP].iter().rposition(|b| *b == b'/').ok_or(io::Error::from(io::ErrorKind::InvalidFilename))?
        };
        let at = held.as_ref().map_or(anchor, |fd| fd.as_fd());
        if cut == rest.len() {
            return open_beneath(at, rest, flags);
        }
        held = Some(open_beneath(at, &rest[..cut], OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC)?);
        rest = &rest[cut + 1..];
    }
}

/// One hop. `openat2` (Linux 5.6) refuses links at every component; older kernels go component by component.
fn open_beneath(at: BorrowedFd<'_>, rel: &[u8], flags: OFlags) -> io::Result<OwnedFd> {
    if rel.starts_with(b"/") {
        // The target itself, named by the user: links in its own path are the user's.
        return Ok(openat(CWD, OsStr::from_bytes(rel), flags, Mode::empty())?);
    }
    match openat2(at, OsStr::from_bytes(rel), flags, Mode::empty(), ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS) {
        // Filters of some containers answer EPERM to calls they don't know.
        Err(Errno::NOSYS | Errno::PERM) => {}
        Err(Errno::LOOP) => return Err(io::Error::new(io::ErrorKind::NotFound, "a link took the place of a folder on its path")),
        other => return Ok(other?),
    }
    let mut held: Option<OwnedFd> = None;
    let mut parts = rel.split(|b| *b == b'/').filter(|p| !p.is_empty()).peekable();
    while let Some(part) = parts.next() {
        let at = held.as_ref().map_or(at, |fd| fd.as_fd());
        let last = parts.peek().is_none();
        let how = if last { flags } else { OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC };
        let fd = openat(at, OsStr::from_bytes(part), how, Mode::empty())?;
        if last {
            return Ok(fd);
        }
        held = Some(fd);
    }
    Err(io::Error::from(io::ErrorKind::NotFound))
}
