//! Trees on Windows, by handles.
//!
//! A folder is listed through its handle, with times, attributes, reparse tags and file numbers in one answer. Everything
//! is opened as itself: a reparse point is never followed, and what lies with another machine is never fetched. Whoever
//! puts a link in the place of a folder is found out by the file number. Paths go to the system in their `\\?\` form,
//! which knows no length limit and no names with a meaning; people see them without.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::windows::ffi::OsStringExt;
use std::os::windows::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::links::HardLinks;
use super::opened::{OpenFile, Seen};
use super::reparse::{self, Treatment};
use super::{Content, Found, FsKind, OpenError, PathMap, Session, Source, TargetFacts, WalkSink, hardly_stored, io_reason};
use crate::model::{Disposition, Entry, Gap, GapReason, Kind, Locator, Meta, Name, Stage, Time, Times, wtf8};
use crate::sys::ntinfo::{self, Basic, Listed, Standard};
use crate::sys::windows::{self, Info};

/// Folders nested deeper than this are a gap.
const MAX_LEVELS: usize = 20_000;
/// 16-bit units of a path that the system takes (32,767 with the NUL), less the prefix.
const MAX_PATH: usize = 32_700;
/// Room for one part of a folder's names, in 64-bit words.
const NAMES: usize = 8 << 10;

const READ_DATA: u32 = 0x1;
const READ_ATTRIBUTES: u32 = 0x80;
const READ_CONTROL: u32 = 0x2_0000;
const SYNCHRONIZE: u32 = 0x10_0000;

const BACKUP_SEMANTICS: u32 = 0x0200_0000;
const OPEN_REPARSE_POINT: u32 = 0x0020_0000;
const OPEN_NO_RECALL: u32 = 0x0010_0000;
const SEQUENTIAL_SCAN: u32 = 0x0800_0000;

/// A folder, file or volume.
pub struct WindowsTree {
    root: PathBuf,
    target: usize,
    map: PathMap,
    include_network: bool,
    /// The case folder: our own output is never scanned.
    own: Option<PathBuf>,
}

impl WindowsTree {
    /// `root` is absolute, exists, and is without the `\\?\` prefix. `own` is left out of the walk.
    pub fn new(root: PathBuf, target: usize, map: PathMap, include_network: bool, own: Option<&Path>) -> Self {
        Self { root, target, map, include_network, own: own.map(Path::to_owned) }
    }

    fn entry(&self, path: &[u8], kind: Kind, meta: Meta) -> Entry {
        Entry {
            locator: Locator::os(path),
            kind,
            meta,
            other_names: Vec::new(),
            origin: self.map.origin(path),
            target: self.target,
        }
    }

    fn settled(&self, entry: Entry, how: Disposition, reason: GapReason, detail: impl Into<String>) -> Found {
        let gap = Gap::new(&entry.locator, Stage::Walk, reason, detail.into());
        Found { entry, settled: Some((how, Some(gap))) }
    }

    fn failed(&self, entry: Entry, e: &io::Error) -> Found {
        self.settled(entry, Disposition::Failed, io_reason(e), e.to_string())
    }
}

/// Opens without following, fetching or getting into anybody's way.
fn open(path: &[u8], access: u32, flags: u32) -> io::Result<File> {
    const SHARE_ALL: u32 = 7;
    let flags = BACKUP_SEMANTICS | OPEN_NO_RECALL | flags;
    OpenOptions::new().access_mode(access).share_mode(SHARE_ALL).custom_flags(flags).open(verbatim(path)?)
}

/// Opens to ask about it; without the right to know its owner where that is refused.
fn open_to_ask(path: &[u8], more: u32) -> io::Result<File> {
    let access = READ_ATTRIBUTES | SYNCHRONIZE | more;
    match open(path, access | READ_CONTROL, OPEN_REPARSE_POINT) {
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => open(path, access, OPEN_REPARSE_POINT),
        other => other,
    }
}

/// The form of a path that the system takes as it is.
fn verbatim(path: &[u8]) -> io::Result<PathBuf> {
    let units = wtf8::decode(path).ok_or(io::ErrorKind::InvalidFilename)?;
    let prefix = match path {
        [b'\\', b'\\', b'?' | b'.', b'\\', ..] => "",
        [b'\\', b'\\', ..] => r"\\?\UNC",
        _ => r"\\?\",
    };
    let rest = if prefix.ends_with('C') { units.get(1..).unwrap_or_default() } else { &units };
    Ok(std::ffi::OsString::from_wide(&prefix.encode_utf16().chain(rest.iter().copied()).collect::<Vec<u16>>()).into())
}

/// Serial number of the volume that a path lies on; none where there is no such path.
pub fn volume_serial(path: &Path) -> Option<u64> {
    Some(id(&open_to_ask(Name::from(path).bytes(), 0).ok()?).ok()?.0)
}

fn basic(file: &File) -> io::Result<Basic> {
    parsed(file, Info::Basic, Basic::parse)
}

fn standard(file: &File) -> io::Result<Standard> {
    parsed(file, Info::Standard, Standard::parse)
}

fn id(file: &File) -> io::Result<(u64, u64)> {
    parsed(file, Info::Id, ntinfo::file_id)
}

/// Attributes and reparse tag.
fn tag(file: &File) -> io::Result<(u32, u32)> {
    parsed(file, Info::AttributeTag, ntinfo::tag)
}

fn parsed<T>(file: &File, info: Info, parse: fn(&[u8]) -> Option<T>) -> io::Result<T> {
    let mut buffer = [0; 8];
    windows::ask(file, info, &mut buffer)?;
    parse(&windows::bytes(&buffer)).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn seen(file: &File) -> io::Result<Seen> {
    Ok((standard(file)?.size, times(&basic(file)?).mtime))
}

fn times(basic: &Basic) -> Times {
    let time = |t| u64::try_from(t).ok().and_then(Time::from_filetime);
    Times { mtime: time(basic.written), atime: time(basic.accessed), ctime: time(basic.changed), btime: time(basic.created) }
}

fn meta(basic: &Basic, size: u64, id: Option<(u64, u64)>) -> Meta {
    Meta { size, times: times(basic), owner: None, mode: Some(format!("{:#x}", basic.attributes)), id }
}

fn kind(attributes: u32, tag: u32) -> Kind {
    let treatment = if attributes & ntinfo::REPARSE_POINT != 0 { reparse::treatment(tag) } else { Treatment::Plain };
    match treatment {
        Treatment::Link => Kind::Symlink,
        Treatment::NoData => Kind::Special,
        _ if attributes & ntinfo::DIRECTORY != 0 => Kind::Dir,
        _ if attributes & ntinfo::DEVICE != 0 => Kind::Special,
        _ => Kind::File,
    }
}

/// What an open handle says of itself.
fn look(file: &File) -> io::Result<(Kind, Meta, Standard)> {
    let (basic, standard, (attributes, tag)) = (basic(file)?, standard(file)?, tag(file)?);
    let mut meta = meta(&basic, standard.size, id(file).ok());
    meta.owner = windows::security(file).ok().and_then(|d| ntinfo::owner(&d));
    let kind = kind(attributes, tag);
    if kind != Kind::File {
        meta.size = 0;
    }
    Ok((kind, meta, standard))
}

/// A folder that waits to be listed.
struct Pending {
    path: Vec<u8>,
    entry: Entry,
    level: usize,
}

impl Source for WindowsTree {
    fn walk(&self, sink: &mut dyn WalkSink) {
        let path = Name::from(self.root.as_path()).bytes().to_vec();
        let unknown = || self.entry(&path, Kind::Special, Meta::default());
        let (kind, meta, standard) = match open_to_ask(&path, 0).and_then(|root| look(&root)) {
            Ok(found) => found,
            Err(e) => return sink.found(self.failed(unknown(), &e)),
        };
        let entry = self.entry(&path, kind, meta);
        if let Some(fs) = super::fs_type(&self.root).ok().filter(|fs| fs.kind == FsKind::Network && !self.include_network) {
            return sink.found(self.settled(entry, Disposition::Skipped, GapReason::NetworkFs, fs.name));
        }
        let own = self.own.as_ref().map(|own| Name::from(own.as_path()));
        let own = own.and_then(|own| id(&open_to_ask(own.bytes(), 0).ok()?).ok());
        let mut walk = Walk { tree: self, own, seen: BTreeSet::new(), links: HardLinks::default(), stack: Vec::new() };
        match kind {
            Kind::Dir => walk.stack.push(Pending { path, entry, level: 0 }),
            Kind::File => walk.file(&path, entry, sink, &standard),
            _ => sink.found(self.settled(entry, Disposition::Skipped, GapReason::SpecialFile, "")),
        }
        while let Some(dir) = walk.stack.pop() {
            if sink.stopped() {
                sink.found(self.settled(dir.entry, Disposition::Skipped, GapReason::Interrupted, "not listed"));
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
        super::is_within(Name::from(self.root.as_path()).bytes(), path)
    }

    fn session(&self) -> Box<dyn Session + '_> {
        Box::new(WindowsSession { tree: self })
    }

    fn facts(&self) -> TargetFacts {
        const KEY: &str = r"SYSTEM\CurrentControlSet\Control\FileSystem";
        const VALUE: &str = "NtfsDisableLastAccessUpdate";
        let root = open_to_ask(Name::from(self.root.as_path()).bytes(), 0);
        let volume = root.and_then(|root| windows::volume(&root)).ok();
        let kept = volume.as_ref().filter(|(fs, _)| fs == "NTFS").and_then(|_| windows::registry_number(KEY, VALUE));
        let atime_protection = match kept {
            // The lowest bit switches them off; the others say who decided that.
            Some(n) if n & 1 == 1 => format!("the system keeps no access times ({VALUE} is {n:#x})"),
            Some(n) => format!("none: the system keeps access times ({VALUE} is {n:#x})"),
            None => "none".to_owned(),
        };
        TargetFacts {
            fs_type: volume.as_ref().map(|(fs, _)| fs.clone()),
            volume_id: volume.map(|(_, serial)| format!("serial {:04X}-{:04X}", serial >> 16, serial & 0xffff)),
            atime_protection,
            atimes_kept: kept.is_some_and(|n| n & 1 == 1),
        }
    }
}

struct Walk<'t> {
    tree: &'t WindowsTree,
    /// The case folder, so that no other path to it is taken for evidence.
    own: Option<(u64, u64)>,
    /// Folders listed.
    seen: BTreeSet<(u64, u64)>,
    links: HardLinks,
    stack: Vec<Pending>,
}

impl Walk<'_> {
    fn list(&mut self, dir: Pending, sink: &mut dyn WalkSink) {
        let tree = self.tree;
        let skip = |entry, reason| tree.settled(entry, Disposition::Skipped, reason, "");
        if dir.entry.meta.id.is_some() && self.own == dir.entry.meta.id {
            return sink.found(skip(dir.entry, GapReason::OwnOutput));
        }
        if dir.entry.meta.id.is_some_and(|id| !self.seen.insert(id)) {
            return sink.found(skip(dir.entry, GapReason::SeenElsewhere));
        }
        // One byte of WTF-8 at least stands for each unit.
        if dir.level > MAX_LEVELS || dir.path.len() > MAX_PATH {
            let detail = format!("more than {MAX_LEVELS} folders deep, or a path of more than {MAX_PATH} units");
            return sink.found(tree.settled(dir.entry, Disposition::Failed, GapReason::PathLimit, detail));
        }
        if let Err((reason, how)) = sink.enters(&dir.entry.locator) {
            return sink.found(tree.settled(dir.entry, Disposition::Failed, reason, how));
        }
        let folder = match open_to_ask(&dir.path, READ_DATA) {
            Ok(folder) => folder,
            Err(e) => return sink.found(tree.failed(dir.entry, &e)),
        };
        let here = id(&folder).ok();
        let (attributes, tag) = tag(&folder).unwrap_or_default();
        if kind(attributes, tag) != Kind::Dir || (dir.entry.meta.id.is_some() && here != dir.entry.meta.id) {
            let detail = "another object took its place after it was listed";
            return sink.found(tree.settled(dir.entry, Disposition::Failed, GapReason::Changed, detail));
        }
        let mut names = Vec::new();
        let failed = read_names(&folder, &mut names).err();
        names.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let serial = here.map(|(serial, _)| serial);
        let mut subdirs = Vec::new();
        let mut cut_short = false;
        for (name, listed) in names {
            if sink.stopped() {
                cut_short = true;
                break;
            }
            let mut path = dir.path.clone();
            if path.last() != Some(&b'\\') {
                path.push(b'\\');
            }
            path.extend_from_slice(&name);
            let kind = kind(listed.basic.attributes, listed.tag);
            let size = if kind == Kind::File { listed.size } else { 0 };
            // Some file systems number nothing.
            let id = serial.filter(|_| listed.id != 0 && listed.id != u64::MAX).map(|serial| (serial, listed.id));
            let entry = tree.entry(&path, kind, meta(&listed.basic, size, id));
            if let Some(found) = self.untouched(&entry, &listed) {
                sink.found(found);
                continue;
            }
            match kind {
                Kind::Dir => subdirs.push(Pending { path, entry, level: dir.level + 1 }),
                Kind::File => self.ask(&path, entry, sink),
                _ => sink.found(Found { entry, settled: None }),
            }
        }
        // Last in, first out: the first name is walked first.
        self.stack.extend(subdirs.into_iter().rev());
        self.streams(&dir.path, &dir.entry, &folder, sink);
        let mut entry = dir.entry;
        entry.meta.owner = windows::security(&folder).ok().and_then(|d| ntinfo::owner(&d));
        let settled = match failed {
            Some(e) => {
                let gap = Gap::new(&entry.locator, Stage::Walk, io_reason(&e), format!("listing broke off: {e}"));
                Some((Disposition::Partial, Some(gap)))
            }
            None if cut_short => {
                let gap = Gap::new(&entry.locator, Stage::Walk, GapReason::Interrupted, "not walked to its end");
                Some((Disposition::Partial, Some(gap)))
            }
            None => None,
        };
        sink.found(Found { entry, settled });
    }

    /// What is recorded without so much as being opened.
    fn untouched(&self, entry: &Entry, listed: &Listed) -> Option<Found> {
        let (attributes, tag) = (listed.basic.attributes, listed.tag);
        let detail = if attributes & ntinfo::REPARSE_POINT != 0 { reparse::name(tag) } else { String::new() };
        let skip = |reason| Some(self.tree.settled(entry.clone(), Disposition::Skipped, reason, detail.clone()));
        match entry.kind {
            Kind::Special => skip(GapReason::SpecialFile),
            Kind::Symlink => None,
            _ if attributes & ntinfo::RECALLED != 0 => skip(GapReason::Placeholder),
            _ if attributes & ntinfo::REPARSE_POINT != 0 && reparse::treatment(tag) == Treatment::Unknown => {
                skip(GapReason::ReparsePoint)
            }
            _ => None,
        }
    }

    /// Asks a file for its owner, its further names and its streams, and announces all of it.
    fn ask(&mut self, path: &[u8], mut entry: Entry, sink: &mut dyn WalkSink) {
        match open_to_ask(path, 0).and_then(|file| Ok((look(&file)?, file))) {
            Ok(((Kind::File, meta, standard), file)) if entry.meta.id.is_none_or(|id| Some(id) == meta.id) => {
                entry.meta = meta;
                self.streams(path, &entry, &file, sink);
                self.announce(entry, standard.links, sink);
            }
            Ok(_) => {
                let detail = "another object took its place after it was listed";
                sink.found(self.tree.settled(entry, Disposition::Failed, GapReason::Changed, detail));
            }
            Err(e) => sink.found(self.tree.failed(entry, &e)),
        }
    }

    /// A file that is the target itself.
    fn file(&mut self, path: &[u8], entry: Entry, sink: &mut dyn WalkSink, standard: &Standard) {
        if let Ok(file) = open_to_ask(path, 0) {
            self.streams(path, &entry, &file, sink);
        }
        self.announce(entry, standard.links, sink);
    }

    fn announce(&mut self, entry: Entry, links: u32, sink: &mut dyn WalkSink) {
        let entry = match entry.meta.id {
            Some(id) if links > 1 => self.links.meet(id, u64::from(links), entry),
            _ => Some(entry),
        };
        if let Some(entry) = entry {
            sink.found(Found { entry, settled: None });
        }
    }

    /// Announces the named streams, each an object of its own: `C:\a.txt:evil.exe`, which is also how it is opened.
    fn streams(&self, path: &[u8], of: &Entry, file: &File, sink: &mut dyn WalkSink) {
        let stream = |name: &[u8], size| {
            let path = [path, b":", name].concat();
            self.tree.entry(&path, Kind::Stream, Meta { size, ..of.meta.clone() })
        };
        match windows::streams(file) {
            Ok(streams) => {
                for (name, size) in streams {
                    sink.found(Found { entry: stream(&wtf8::encode(&name), size), settled: None });
                }
            }
            // No name holds a question mark.
            Err(e) => sink.found(self.tree.failed(stream(b"?", 0), &e)),
        }
    }
}

fn read_names(folder: &File, names: &mut Vec<(Vec<u8>, Listed)>) -> io::Result<()> {
    let mut buffer = vec![0; NAMES];
    let mut first = true;
    while let Some(part) = windows::names(folder, first, &mut buffer)? {
        names.extend(part.into_iter().map(|listed| (wtf8::encode(&listed.name), listed)));
        first = false;
    }
    Ok(())
}

struct WindowsSession<'t> {
    tree: &'t WindowsTree,
}

impl Session for WindowsSession<'_> {
    fn find(&mut self, path: &Name) -> Option<Entry> {
        let tree = self.tree;
        let root = Name::from(tree.root.as_path());
        let below = path.bytes().get(root.bytes().len()..)?;
        // No folder on the way may be a link.
        for (at, _) in below.iter().enumerate().filter(|(at, b)| **b == b'\\' && *at > 0) {
            let folder = open_to_ask(path.bytes().get(..root.bytes().len() + at)?, 0).ok()?;
            let (attributes, tag) = tag(&folder).ok()?;
            (kind(attributes, tag) == Kind::Dir).then_some(())?;
        }
        let (kind, meta, _) = look(&open_to_ask(path.bytes(), 0).ok()?).ok()?;
        Some(tree.entry(path.bytes(), kind, meta))
    }

    fn open(&mut self, entry: &Entry) -> Result<Box<dyn Content>, OpenError> {
        let fail = |e: io::Error| OpenError { reason: io_reason(&e), detail: e.to_string() };
        let path = entry.locator.os_name().bytes();
        let access = READ_DATA | READ_ATTRIBUTES | SYNCHRONIZE;
        let mut file = open(path, access, OPEN_REPARSE_POINT | SEQUENTIAL_SCAN).map_err(fail)?;
        let (mut attributes, mut tag_of) = tag(&file).map_err(fail)?;
        if attributes & ntinfo::REPARSE_POINT != 0 && reparse::treatment(tag_of) == Treatment::ByFilter {
            // As itself it would be what the filter made of it.
            file = open(path, access, SEQUENTIAL_SCAN).map_err(fail)?;
            (attributes, tag_of) = tag(&file).map_err(fail)?;
        }
        if attributes & ntinfo::RECALLED != 0 {
            return Err(OpenError { reason: GapReason::Placeholder, detail: String::new() });
        }
        let swapped = (entry.kind != Kind::Stream && kind(attributes, tag_of) != Kind::File)
            || entry.meta.id.is_some_and(|known| id(&file).ok() != Some(known));
        if swapped {
            return Err(OpenError {
                reason: GapReason::Changed,
                detail: "another object took its place after it was listed".into(),
            });
        }
        let standard = standard(&file).map_err(fail)?;
        if let Some(sparse) = hardly_stored(standard.size, standard.stored) {
            return Err(sparse);
        }
        Ok(Box::new(OpenFile::new(file, seen).map_err(fail)?))
    }
}
