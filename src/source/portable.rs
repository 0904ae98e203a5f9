//! Trees on any system, by walkdir: the walker where directory descriptors aren't to be had, and the
//! independent oracle for the one that uses them.

use std::fs::{File, Metadata};
use std::io;
use std::path::PathBuf;
use std::time::SystemTime;

use walkdir::WalkDir;

use super::opened::{OpenFile, Seen};
use super::{Content, Found, OpenError, PathMap, Session, Source, TargetFacts, WalkSink, io_reason};
use crate::model::{Disposition, Entry, Gap, GapReason, Kind, Locator, Meta, Name, Stage, Time, Times};

/// A folder or file, through the standard library.
pub struct PortableTree {
    root: PathBuf,
    target: usize,
    map: PathMap,
    /// Our own output is never scanned.
    own: Option<PathBuf>,
}

impl PortableTree {
    /// `root` is absolute and exists.
    pub fn new(root: PathBuf, target: usize, map: PathMap, own: Option<PathBuf>) -> Self {
        Self { root, target, map, own }
    }

    fn entry(&self, path: &std::path::Path, meta: Option<&Metadata>) -> Entry {
        let name: Name = path.into();
        let kind = match meta.map(Metadata::file_type) {
            Some(t) if t.is_file() => Kind::File,
            Some(t) if t.is_dir() => Kind::Dir,
            Some(t) if t.is_symlink() => Kind::Symlink,
            _ => Kind::Special,
        };
        Entry {
            origin: self.map.origin(name.bytes()),
            locator: Locator::os(name),
            kind,
            meta: meta.map(meta_of).unwrap_or_default(),
            other_names: Vec::new(),
            target: self.target,
        }
    }
}

impl Source for PortableTree {
    fn walk(&self, sink: &mut dyn WalkSink) {
        let walk = WalkDir::new(&self.root).follow_links(false).max_open(16).sort_by_file_name();
        let own = self.own.clone();
        for item in walk.into_iter().filter_entry(move |e| own.as_deref() != Some(e.path())) {
            if sink.stopped() {
                let entry = self.entry(&self.root, None);
                let gap = Gap::new(&entry.locator, Stage::Walk, GapReason::Interrupted, "the walk was not finished");
                return sink.found(Found { entry, settled: Some((Disposition::Skipped, Some(gap))) });
            }
            let found = match item {
                Ok(item) => match item.metadata() {
                    Ok(meta) => {
                        let entry = self.entry(item.path(), Some(&meta));
                        let settled = (entry.kind == Kind::Special).then(|| {
                            let gap = Gap::new(&entry.locator, Stage::Open, GapReason::SpecialFile, "");
                            (Disposition::Skipped, Some(gap))
                        });
                        Found { entry, settled }
                    }
                    Err(e) => self.error(&e),
                },
                Err(e) => self.error(&e),
            };
            sink.found(found);
        }
    }

    fn origin(&self, path: &[u8]) -> Option<Name> {
        self.map.origin(path)
    }

    fn holds(&self, path: &[u8]) -> bool {
        super::is_within(Name::from(self.root.as_path()).bytes(), path)
    }

    fn session(&self) -> Box<dyn Session + '_> {
        Box::new(PortableSession { tree: self })
    }

    fn facts(&self) -> TargetFacts {
        TargetFacts { fs_type: None, volume_id: None, atime_protection: "none".into(), atimes_kept: false }
    }
}

impl PortableTree {
    /// Every error of walkdir is an object that was not listed.
    fn error(&self, err: &walkdir::Error) -> Found {
        let entry = self.entry(err.path().unwrap_or(&self.root), None);
        let reason = err.io_error().map_or(GapReason::IoError, io_reason);
        let detail = err.io_error().map_or_else(|| "a loop of links".to_owned(), ToString::to_string);
        let gap = Gap::new(&entry.locator, Stage::Walk, reason, detail);
        Found { entry, settled: Some((Disposition::Failed, Some(gap))) }
    }
}

struct PortableSession<'t> {
    tree: &'t PortableTree,
}

impl Session for PortableSession<'_> {
    fn find(&mut self, path: &Name) -> Option<Entry> {
        let path = path.to_path();
        let meta = std::fs::symlink_metadata(&path).ok()?;
        Some(self.tree.entry(&path, Some(&meta)))
    }

    fn open(&mut self, entry: &Entry) -> Result<Box<dyn Content>, OpenError> {
        let fail = |e: io::Error| OpenError { reason: io_reason(&e), detail: e.to_string() };
        let file = File::open(entry.locator.os_name().to_path()).map_err(fail)?;
        let meta = file.metadata().map_err(fail)?;
        if !meta.is_file() {
            return Err(OpenError {
                reason: GapReason::Changed,
                detail: "another object took its place after it was listed".into(),
            });
        }
        Ok(Box::new(OpenFile::new(file, seen).map_err(fail)?))
    }
}

fn seen(file: &File) -> io::Result<Seen> {
    let meta = file.metadata()?;
    Ok((meta.len(), meta_of(&meta).times.mtime))
}

fn meta_of(meta: &Metadata) -> Meta {
    let time = |t: io::Result<SystemTime>| {
        let t = t.ok()?;
        Some(Time(match t.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(d) => i128::try_from(d.as_nanos()).ok()?,
            Err(e) => -i128::try_from(e.duration().as_nanos()).ok()?,
        }))
    };
    Meta {
        size: if meta.is_symlink() { 0 } else { meta.len() },
        times: Times { mtime: time(meta.modified()), atime: time(meta.accessed()), ctime: None, btime: time(meta.created()) },
        ..Meta::default()
    }
}
