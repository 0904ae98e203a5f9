//! System calls of Linux that have no safe wrapper.
//!
//! Every call here gets plain numbers, or a structure that lives until it returns; none keeps a pointer.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// What is set on a mount: nobody writes through it, and reading leaves no trace.
const QUIET: u64 = libc::MOUNT_ATTR_RDONLY
    | libc::MOUNT_ATTR_NOSUID
    | libc::MOUNT_ATTR_NODEV
    | libc::MOUNT_ATTR_NOEXEC
    | libc::MOUNT_ATTR_NOATIME
    | libc::MOUNT_ATTR_NODIRATIME;

/// Makes a detached clone of a mount, and all mounts below it, read-only, without access times, devices, set-user-ID and
/// execution (mount_setattr(2), Linux 5.12).
///
/// # Errors
/// Without CAP_SYS_ADMIN, or where the kernel doesn't know the call.
pub fn quiet_mount(clone: BorrowedFd<'_>) -> io::Result<()> {
    // The kinds of access time are one field, which is cleared first.
    let attr = libc::mount_attr { attr_set: QUIET, attr_clr: libc::MOUNT_ATTR__ATIME, propagation: 0, userns_fd: 0 };
    let flags = libc::AT_EMPTY_PATH | libc::AT_RECURSIVE;
    // SAFETY: the path is a static string, the structure outlives the call and its size is given.
    let done = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            clone.as_raw_fd(),
            c"".as_ptr(),
            flags,
            std::ptr::from_ref(&attr),
            size_of::<libc::mount_attr>(),
        )
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Asks the kernel for something that it has to refuse. All arguments are numbers, and null where a pointer is wanted, so
/// that a kernel that lets the call through fails it with EFAULT or EINVAL.
///
/// # Errors
/// What the kernel says.
pub fn ask(call: Call) -> io::Result<()> {
    let null = 0_usize;
    // SAFETY: no argument is a valid pointer, and no call here writes to this process without one.
    let done = unsafe {
        match call {
            Call::PtraceAttach(pid) => libc::syscall(libc::SYS_ptrace, libc::PTRACE_SEIZE, pid, null, null),
            Call::ReadMemory(pid) => libc::syscall(libc::SYS_process_vm_readv, pid, null, null, null, null, null),
            Call::Bpf => libc::syscall(libc::SYS_bpf, null, null, null),
            Call::KexecLoad => libc::syscall(libc::SYS_kexec_load, null, null, null, usize::MAX),
            Call::Unshare => libc::syscall(libc::SYS_unshare, libc::CLONE_NEWNS),
            Call::UserFaultFd => libc::syscall(libc::SYS_userfaultfd, null),
            Call::PerfEvents => libc::syscall(libc::SYS_perf_event_open, null, null, null, null, null),
            Call::IoUring => libc::syscall(libc::SYS_io_uring_setup, 1, null),
            Call::OpenByHandle => libc::syscall(libc::SYS_open_by_handle_at, null, null, null),
            Call::Fork => {
                // A child, where there is one, ends at once: it shares nothing but a copy.
                let child = libc::syscall(libc::SYS_clone, libc::SIGCHLD, null, null, null, null);
                if child == 0 {
                    libc::_exit(0);
                }
                child
            }
        }
    };
    if done >= 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// A call that a confined process must not get through with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    PtraceAttach(i32),
    ReadMemory(i32),
    Bpf,
    KexecLoad,
    Unshare,
    UserFaultFd,
    PerfEvents,
    IoUring,
    OpenByHandle,
    Fork,
}
