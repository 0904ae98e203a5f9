//! Bytes of a compiled file: mapped where that is sound enough, otherwise read into memory.
//!
//! Beside `sys` this is the only place of the program with `unsafe`. Mapping a file is unsafe because the memory changes
//! when the file does. Evidence is therefore never mapped; a compiled set is, because it is made by this program, opened
//! for reading and replaced as a whole, never written in place, and because:
//!
//! * on Unix it is mapped only if it belongs to the user who runs the scan or to root and neither group nor
//!   others may write to it: whoever could change it could also change this program's memory anyway;
//! * on Windows it is opened without sharing for writing or deletion, so that nobody can change it meanwhile.
//!
//! Its owner can still truncate it on Unix while it is used. Then the system ends the process (`SIGBUS`) as
//! any crash would; nothing on a target is changed by that. Every number in it is checked again when it is used, so that changed
//! bytes give a wrong answer, never an access out of bounds.
#![allow(unsafe_code)]

use std::fs::File;
use std::io::{self, Read};
use std::ops::Deref;
use std::path::Path;

/// Largest file that is read into memory where it can't be mapped.
const MAX_READ: u64 = 256 << 20;

/// The bytes of a set.
pub enum Bytes {
    Mapped(memmap2::Mmap),
    Read(Vec<u8>),
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Bytes::Mapped(map) => map,
            Bytes::Read(bytes) => bytes,
        }
    }
}

impl Bytes {
    /// Opens a file.
    ///
    /// # Errors
    /// As the system says; `PermissionDenied` where it is too large to be read and others may change it.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut file = open(path)?;
        if !is_safe(&file)? {
            let mut bytes = Vec::new();
            file.by_ref().take(MAX_READ + 1).read_to_end(&mut bytes)?;
            if bytes.len() as u64 > MAX_READ {
                let why = "others than its owner may change it while it is used, or it belongs to somebody else: \
                           give it to the user who scans and take others' right to write (chmod go-w)";
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
            }
            return Ok(Bytes::Read(bytes));
        }
        // SAFETY: the file can't be changed by anybody but root, the user who runs this program or, on Windows,
        // anybody at all while it is open; see the module. The map is read-only and lives as long as `Bytes`.
        unsafe { memmap2::Mmap::map(&file) }.map(Bytes::Mapped)
    }
}

#[cfg(not(windows))]
fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}

#[cfg(windows)]
fn open(path: &Path) -> io::Result<File> {
    use std::os::windows::fs::OpenOptionsExt;
    // FILE_SHARE_READ alone.
    std::fs::OpenOptions::new().read(true).share_mode(1).open(path)
}

#[cfg(unix)]
fn is_safe(file: &File) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let meta = file.metadata()?;
    let own = meta.uid() == 0 || meta.uid() == rustix::process::geteuid().as_raw();
    Ok(own && meta.mode() & 0o022 == 0 && meta.is_file() && meta.len() > 0)
}

#[cfg(not(unix))]
fn is_safe(file: &File) -> io::Result<bool> {
    let meta = file.metadata()?;
    Ok(cfg!(windows) && meta.is_file() && meta.len() > 0)
}
