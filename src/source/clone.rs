//! A target seen through a mount of its own, which is read-only and keeps no access times.
//!
//! `O_NOATIME` is refused on files of others without CAP_FOWNER and does nothing for the text of links; through the clone
//! nothing can be written, whatever the process tries (open_tree(2), mount_setattr(2)). It is attached nowhere, so
//! nobody else sees it, and it goes with the last descriptor.

use std::io;
use std::path::Path;

/// A detached clone of the mounts at and below a folder.
#[cfg(target_os = "linux")]
#[derive(Clone, Debug)]
pub struct MountClone(std::sync::Arc<rustix::fd::OwnedFd>);

#[cfg(target_os = "linux")]
impl MountClone {
    /// Of the mounts at and below `folder`.
    ///
    /// # Errors
    /// Without CAP_SYS_ADMIN, before Linux 5.12, and where a filter forbids it.
    pub fn new(folder: &Path) -> io::Result<Self> {
        use rustix::mount::OpenTreeFlags as Flags;
        let flags = Flags::OPEN_TREE_CLONE | Flags::OPEN_TREE_CLOEXEC | Flags::AT_RECURSIVE | Flags::AT_NO_AUTOMOUNT;
        let clone = rustix::mount::open_tree(rustix::fs::CWD, folder, flags)?;
        crate::sys::linux::quiet_mount(rustix::fd::AsFd::as_fd(&clone))?;
        Ok(Self(std::sync::Arc::new(clone)))
    }

    pub(super) fn folder(&self) -> std::sync::Arc<rustix::fd::OwnedFd> {
        self.0.clone()
    }
}

/// Other systems have no such thing.
#[cfg(not(target_os = "linux"))]
#[derive(Clone, Debug)]
pub enum MountClone {}

#[cfg(not(target_os = "linux"))]
impl MountClone {
    /// # Errors
    /// Always.
    pub fn new(_: &Path) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
