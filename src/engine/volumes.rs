//! What lies beside a file: the other volumes of a set, for the container formats that join them.

use std::cell::{Cell, RefCell};
use std::io;

use super::Job;
use crate::container::{Fault, ReadSeek, Volumes};
use crate::model::{Entry, Kind, Name};
use crate::source::Session;

/// The files of the targets in the folder of one file. Sessions of its own, opened when first asked: those of the
/// worker are in use while a container is open.
pub(super) struct Beside<'j> {
    job: &'j Job,
    /// The folder with its separator.
    folder: Vec<u8>,
    target: usize,
    sessions: RefCell<Vec<Option<Box<dyn Session + 'j>>>>,
    asked: Cell<bool>,
}

impl<'j> Beside<'j> {
    pub fn new(job: &'j Job, entry: &Entry) -> Self {
        let path = entry.locator.os_name().bytes();
        let end = path.iter().rposition(|b| is_separator(*b)).map_or(0, |at| at.saturating_add(1));
        let sessions = RefCell::new(job.sources.iter().map(|_| None).collect());
        Self { job, folder: path[..end].to_vec(), target: entry.target, sessions, asked: Cell::new(false) }
    }

    /// Whether what lies beside the file had a part in what was found in it.
    pub fn was_asked(&self) -> bool {
        self.asked.get()
    }

    /// What `with` gives of the first target that has this file; its own is asked first, and others may have been named
    /// file by file.
    fn find<T>(&self, name: &[u8], with: impl Fn(&mut dyn Session, &Entry) -> T) -> Option<T> {
        self.asked.set(true);
        // A name with a folder in it doesn't lie beside.
        if self.folder.is_empty() || name.is_empty() || name.iter().any(|b| is_separator(*b) || *b == 0) {
            return None;
        }
        let path = Name::from([&self.folder[..], name].concat());
        let targets = (0..self.job.sources.len()).filter(|n| *n != self.target);
        let mut sessions = self.sessions.borrow_mut();
        std::iter::once(self.target).chain(targets).find_map(|target| {
            let source = self.job.sources.get(target).filter(|source| source.holds(path.bytes()))?;
            let session = sessions.get_mut(target)?.get_or_insert_with(|| source.session());
            let entry = session.find(&path).filter(|entry| entry.kind == Kind::File)?;
            Some(with(session.as_mut(), &entry))
        })
    }
}

impl Volumes for Beside<'_> {
    fn size(&self, name: &[u8]) -> Option<u64> {
        self.find(name, |_, entry| entry.meta.size)
    }

    fn open(&self, name: &[u8]) -> io::Result<Box<dyn ReadSeek>> {
        match self.find(name, |session, entry| session.open(entry)) {
            Some(Ok(content)) => Ok(Box::new(content)),
            Some(Err(e)) => Err(Fault { reason: e.reason, detail: "a volume of the set can't be opened" }.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

fn is_separator(byte: u8) -> bool {
    byte == b'/' || (cfg!(windows) && byte == b'\\')
}
