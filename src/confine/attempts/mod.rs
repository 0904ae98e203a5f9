//! What a confined process must not get through with, tried for real: the proof that the confinement holds on this system.
//!
//! Where nothing confines it, each attempt is harmless: it touches only the ground it is given, or asks the system for
//! something that is wrong in another way.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

#[cfg(target_os = "linux")]
mod linux;
#[cfg(windows)]
mod windows;

#[cfg(target_os = "linux")]
pub use linux::ATTEMPTS;
#[cfg(windows)]
pub use windows::ATTEMPTS;

/// Where the attempts are made.
#[derive(Clone, Debug)]
pub struct Ground {
    /// A folder that may be read, with a file `file` and a folder `empty`.
    pub target: PathBuf,
    /// A folder that may not even be read, with a file `file`.
    pub beside: PathBuf,
    /// Another process of the same user, which must come to no harm.
    pub other: u32,
}

impl Ground {
    /// Makes the two folders in `root`.
    ///
    /// # Errors
    /// When they can't be written.
    pub fn make(root: &Path, other: u32) -> io::Result<Self> {
        let ground = Self { target: root.join("target"), beside: root.join("beside"), other };
        for folder in [&ground.target, &ground.beside] {
            fs::create_dir_all(folder)?;
            fs::write(folder.join("file"), "known content")?;
        }
        fs::create_dir_all(ground.target.join("empty"))?;
        Ok(ground)
    }
}

/// Name and action of an attempt.
type Attempt = (&'static str, fn(&Ground) -> io::Result<()>);

/// Whether the system forbids it, as opposed to an attempt that failed otherwise.
fn refused(e: &io::Error) -> bool {
    // Not all rights assigned; not enough quota, which is how a job refuses a process.
    let windows = cfg!(windows) && matches!(e.raw_os_error(), Some(1300 | 1816));
    windows || matches!(e.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Denied,
    /// It went through.
    Allowed,
    /// It failed for another reason, so that it shows nothing.
    Unclear(String),
}

/// Makes every attempt.
pub fn run(ground: &Ground) -> Vec<(&'static str, Outcome)> {
    let outcome = |done: io::Result<()>| match done {
        Ok(()) => Outcome::Allowed,
        Err(e) if refused(&e) => Outcome::Denied,
        Err(e) => Outcome::Unclear(e.to_string()),
    };
    ATTEMPTS.iter().map(|(name, attempt)| (*name, outcome(attempt(ground)))).collect()
}
