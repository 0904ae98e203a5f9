//! Sources: live folders, mounted trees and single files. Read-only, and nothing is followed.
//!
//! A source announces what exists ([`Source::walk`]) and opens it again by locator in any worker
//! ([`Source::session`]). The next kind of source (a raw image) is a file of its own.

use std::io::{Read, Seek};

use serde::Serialize;

use crate::model::{Disposition, Entry, Gap, GapReason, Locator, Name};

mod clone;
mod fstype;
mod links;
#[cfg(target_os = "linux")]
mod linux;
mod map;
mod opened;
mod portable;
#[cfg(any(windows, test))]
mod reparse;
#[cfg(windows)]
mod windows;

pub use clone::MountClone;
pub use fstype::{FsKind, FsType, fs_type, others_answer};
#[cfg(target_os = "linux")]
pub use linux::LinuxTree;
pub use map::PathMap;
pub use portable::PortableTree;
#[cfg(windows)]
pub use windows::{WindowsTree, volume_serial};

/// Something a source found. With a gap, the object is already settled and isn't opened.
#[derive(Debug)]
pub struct Found {
    pub entry: Entry,
    pub settled: Option<(Disposition, Option<Gap>)>,
}

/// What receives a walk.
pub trait WalkSink {
    /// Before a folder is listed, or what is mounted somewhere is looked at: what hung earlier is not tried again.
    ///
    /// # Errors
    /// Why it must be left out.
    fn enters(&mut self, folder: &Locator) -> Result<(), (GapReason, String)> {
        let _ = folder;
        Ok(())
    }

    /// Blocks while the workers are behind.
    fn found(&mut self, found: Found);

    /// Whether to stop at once.
    fn stopped(&self) -> bool;
}

/// A target of the scan.
pub trait Source: Send + Sync {
    /// Announces every object once; every error becomes a settled object or a gap. A folder is announced
    /// after it was listed, since only then its disposition is known.
    fn walk(&self, sink: &mut dyn WalkSink);

    /// Where a path lay on the system the evidence came from, if it was mapped.
    fn origin(&self, path: &[u8]) -> Option<Name>;

    /// Whether a path lies in this target, so that it may be asked for by [`Session::find`].
    fn holds(&self, path: &[u8]) -> bool {
        let _ = path;
        false
    }

    /// One worker's way to contents.
    fn session(&self) -> Box<dyn Session + '_>;

    /// For the report, after the run.
    fn facts(&self) -> TargetFacts;
}

/// One worker's handle on a source. Never crosses a thread.
pub trait Session {
    fn open(&mut self, entry: &Entry) -> Result<Box<dyn Content>, OpenError>;

    /// Tells the system that an object will be read soon, where it can be told. What is wrong with it is for
    /// [`open`](Session::open) to say.
    fn announce(&mut self, entry: &Entry) {
        let _ = entry;
    }

    /// The object at a path that the source holds, as the walk announces it; none where there is none, or a link stands
    /// on the way. Nothing is opened for reading.
    fn find(&mut self, path: &Name) -> Option<Entry> {
        let _ = path;
        None
    }
}

/// An open object: its bytes, and whether they stood still.
pub trait Content: Read + Seek {
    /// Bytes at the time of opening; reading goes no further.
    fn size(&self) -> u64;

    /// What changed since it was opened, in words; `None` when nothing did.
    fn changed(&mut self) -> Option<String>;
}

/// Why an object could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("{detail}")]
pub struct OpenError {
    pub reason: GapReason,
    pub detail: String,
}

/// What the report says of a target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TargetFacts {
    pub fs_type: Option<String>,
    pub volume_id: Option<String>,
    /// How access times were protected, in one word and, where it wasn't everywhere, why.
    pub atime_protection: String,
    /// They were, everywhere.
    pub atimes_kept: bool,
}

/// Whether a path is `root` or lies below it.
fn is_within(root: &[u8], path: &[u8]) -> bool {
    let separator = |b: &u8| *b == b'/' || (cfg!(windows) && *b == b'\\');
    path.strip_prefix(root)
        .is_some_and(|rest| rest.is_empty() || rest.first().is_some_and(separator) || root.last().is_some_and(separator))
}

/// Files from this size on are not read when almost nothing of them is stored.
const SPARSE_FROM: u64 = 64 << 30;

/// Why a file of `size` bytes, `stored` of them on the disk, is not read.
fn hardly_stored(size: u64, stored: u64) -> Option<OpenError> {
    (size >= SPARSE_FROM && stored < size / 16)
        .then(|| OpenError { reason: GapReason::SparseFile, detail: format!("{size} bytes long, {stored} bytes stored") })
}

/// Errors of Windows (winerror.h) that say more than their kind: sharing and lock violations, and those of cloud files.
fn windows_reason(code: i32) -> Option<GapReason> {
    match code {
        32 | 33 => Some(GapReason::Locked),
        // What a provider of cloud files has to answer for: not there, terminated, offline, too late, refused.
        362 | 386..=389 | 393 | 395 | 398 | 404 | 426 => Some(GapReason::Placeholder),
        _ => None,
    }
}

/// The gap reason for an I/O error.
fn io_reason(err: &std::io::Error) -> GapReason {
    use std::io::ErrorKind;
    if let Some(reason) = err.raw_os_error().filter(|_| cfg!(windows)).and_then(windows_reason) {
        return reason;
    }
    match err.kind() {
        ErrorKind::PermissionDenied => GapReason::Permission,
        ErrorKind::NotFound => GapReason::NotFound,
        ErrorKind::InvalidFilename => GapReason::PathLimit,
        _ => GapReason::IoError,
    }
}

#[cfg(test)]
mod tests {
    use super::is_within;

    #[test]
    fn what_lies_in_a_target() {
        for (root, path) in [(&b"/a"[..], &b"/a"[..]), (b"/a", b"/a/b"), (b"/", b"/b"), (b"/a/b.7z.001", b"/a/b.7z.001")] {
            assert!(is_within(root, path));
        }
        for (root, path) in [(&b"/a"[..], &b"/ab"[..]), (b"/a/b.7z.001", b"/a/b.7z.002"), (b"/a/b", b"/a")] {
            assert!(!is_within(root, path));
        }
    }
}
