//! Forbidden actions on Linux.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;

use rustix::fs::{AtFlags, CWD, FileType, Mode, Timespec, Timestamps, XattrFlags};
use rustix::mount::MountFlags;
use rustix::process::{Pid, Signal};

use super::{Attempt, Ground, refused};
use crate::sys::linux::{Call, ask};

impl Ground {
    fn file(&self) -> PathBuf {
        self.target.join("file")
    }

    fn other(&self) -> i32 {
        i32::try_from(self.other).unwrap_or(i32::MAX)
    }
}

/// Name and action of each attempt.
pub const ATTEMPTS: &[Attempt] = &[
    ("write to a file of the target", |g| OpenOptions::new().append(true).open(g.file()).map(drop)),
    ("cut a file of the target", |g| OpenOptions::new().write(true).open(g.file())?.set_len(13)),
    ("make a file in the target", |g| File::create_new(g.target.join("new")).map(drop)),
    ("make a folder in the target", |g| fs::create_dir(g.target.join("folder"))),
    ("remove a folder of the target", |g| fs::remove_dir(g.target.join("empty"))),
    ("rename a file of the target", |g| fs::rename(g.file(), g.target.join("renamed"))),
    ("link a file of the target", |g| fs::hard_link(g.file(), g.target.join("link"))),
    ("make a symbolic link in the target", |g| symlink("file", g.target.join("symlink"))),
    ("make a pipe in the target", |g| Ok(rustix::fs::mknodat(CWD, g.target.join("pipe"), FileType::Fifo, Mode::RUSR, 0)?)),
    ("remove a file of the target", |g| fs::remove_file(g.file())),
    ("change the rights of a file", |g| fs::set_permissions(&g.target, fs::Permissions::from_mode(0o755))),
    ("change the owner of a file", |g| std::os::unix::fs::chown(&g.target, Some(rustix::process::getuid().as_raw()), None)),
    ("change the times of a file", |g| {
        let time = Timespec { tv_sec: 1_000_000_000, tv_nsec: 0 };
        let times = Timestamps { last_access: time, last_modification: time };
        Ok(rustix::fs::utimensat(CWD, &g.target, &times, AtFlags::empty())?)
    }),
    ("set an attribute of a file", |g| Ok(rustix::fs::setxattr(&g.target, "user.wardround", b"1", XattrFlags::empty())?)),
    ("set a flag of a file", |g| {
        let folder = File::open(&g.target)?;
        // Not every file system has flags.
        through(rustix::fs::ioctl_setflags(&folder, rustix::fs::IFlags::empty()).map_err(Into::into))
    }),
    ("read a file that was not asked for", |g| File::open(g.beside.join("file")).map(drop)),
    ("write a file elsewhere", |g| fs::write(g.beside.join("new"), "")),
    ("connect by TCP", |_| {
        match TcpStream::connect((Ipv4Addr::LOCALHOST, 9)) {
            // Nobody listens there: the call itself went through.
            Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
            done => done.map(drop),
        }
    }),
    ("listen by TCP", |_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map(drop)),
    ("send by UDP", |_| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?.send_to(b"x", (Ipv4Addr::LOCALHOST, 9)).map(drop)),
    ("open a local socket", |_| UnixDatagram::unbound().map(drop)),
    ("run another program", |_| std::process::Command::new("/bin/true").status().map(drop)),
    ("start another process", |_| ask(Call::Fork)),
    ("signal another process", |g| {
        // A continued process that was not stopped notices nothing.
        Pid::from_raw(g.other()).map_or(Ok(()), |pid| Ok(rustix::process::kill_process(pid, Signal::CONT)?))
    }),
    ("trace another process", |g| through(ask(Call::PtraceAttach(g.other())))),
    ("read the memory of another process", |g| through(ask(Call::ReadMemory(g.other())))),
    ("mount", |g| {
        // No kernel has a file system of this name.
        through(rustix::mount::mount("none", &g.target, "wardround-none", MountFlags::empty(), None).map_err(Into::into))
    }),
    ("enter a new name space", |_| ask(Call::Unshare)),
    ("change the root", |_| Ok(rustix::process::chroot("/")?)),
    ("open a file by its handle", |_| through(ask(Call::OpenByHandle))),
    ("load a kernel module", |_| through(rustix::system::init_module(b"", c"").map_err(Into::into))),
    ("load a program into the kernel", |_| through(ask(Call::Bpf))),
    ("load another kernel", |_| through(ask(Call::KexecLoad))),
    ("set up io_uring", |_| through(ask(Call::IoUring))),
    ("count events of the processor", |_| through(ask(Call::PerfEvents))),
    ("handle page faults of its own", |_| through(ask(Call::UserFaultFd))),
];

/// Refused for its arguments, so not for what it is.
fn through(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(e) if !refused(&e) => Ok(()),
        done => done,
    }
}
