//! What the system can do and no crate offers without `unsafe`: one small module per platform.

#[cfg(target_os = "linux")]
pub mod linux;
#[cfg(any(windows, test))]
pub mod ntinfo;
#[cfg(windows)]
pub mod windows;

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
