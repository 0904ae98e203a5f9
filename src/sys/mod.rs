//! What the system can do and no crate offers without `unsafe`: one small module per platform.

use std::fs::File;
use std::io;

#[cfg(target_os = "linux")]
pub mod linux;
#[cfg(any(windows, test))]
pub mod ntinfo;
#[cfg(windows)]
pub mod windows;

/// Fills a buffer from a place in a file, whoever else reads the file. The file's own position may move.
///
/// # Errors
/// As reading; `UnexpectedEof` where the file ends before.
pub fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    #[cfg(unix)]
    return std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset);
    #[cfg(windows)]
    {
        let (mut rest, mut at) = (buffer, offset);
        while !rest.is_empty() {
            let read = std::os::windows::fs::FileExt::seek_read(file, rest, at)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            rest = rest.get_mut(read..).unwrap_or_default();
            at += read as u64;
        }
        Ok(())
    }
}

/// Everybody else goes first, for the processor and where the system lets us for the disk.
pub fn yield_to_others() {
    #[cfg(unix)]
    let _ = rustix::process::nice(19);
    #[cfg(target_os = "linux")]
    let _ = ioprio::set_priority(ioprio::Target::Process(ioprio::Pid::from_raw(0)), ioprio::Priority::new(ioprio::Class::Idle));
    #[cfg(windows)]
    windows::yield_processor();
}

/// Puts the calling thread behind everybody else's at the disk, where [`yield_to_others`] doesn't do that for all.
pub fn yield_disk() {
    #[cfg(windows)]
    windows::yield_disk();
}
