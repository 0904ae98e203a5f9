//! What the process that scans gives up before it looks at a target: it parses what an intruder wrote, with the highest
//! rights of the machine.
//!
//! Each measure is taken as far as the kernel has it, and says how far that was: the report repeats it. All of it
//! happens before the process has a second thread, since most measures bind only the thread that takes them and what
//! that starts.

use std::path::PathBuf;

#[cfg(target_os = "linux")]
mod landlock;
#[cfg(target_os = "linux")]
mod privileges;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod seccomp;

#[cfg(windows)]
mod windows;

#[cfg(any(target_os = "linux", windows))]
pub mod attempts;

/// What the process still has to do.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    /// Files and folders that it reads.
    pub read: Vec<PathBuf>,
    /// Folders that it writes to.
    pub write: Vec<PathBuf>,
    /// Whether it reads files of others by `O_NOATIME`, which needs CAP_FOWNER.
    pub owner: bool,
}

/// How far a measure goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Degree {
    Full,
    Partial,
    None,
}

impl Degree {
    pub fn id(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Partial => "partial",
            Self::None => "none",
        }
    }
}

/// One measure, and how far it goes here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measure {
    pub name: &'static str,
    pub degree: Degree,
    pub detail: String,
}

impl Measure {
    #[cfg(any(target_os = "linux", windows))]
    fn new(name: &'static str, degree: Degree, detail: impl Into<String>) -> Self {
        Self { name, degree, detail: detail.into() }
    }
}

/// Gives up what isn't needed. To be called while the process has one thread.
#[cfg(target_os = "linux")]
pub fn enter(needs: &Needs) -> Vec<Measure> {
    let mut taken =
        vec![privileges::limits(), privileges::no_new(), privileges::capabilities(needs.owner), landlock::enter(needs)];
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    taken.push(seccomp::enter());
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    taken.push(Measure::new("seccomp", Degree::None, "there is no filter for this processor"));
    taken
}

/// Gives up what isn't needed.
#[cfg(windows)]
pub fn enter(_: &Needs) -> Vec<Measure> {
    vec![windows::job(), windows::no_children(), windows::libraries(), windows::privileges(), windows::network()]
}

#[cfg(not(any(target_os = "linux", windows)))]
pub fn enter(_: &Needs) -> Vec<Measure> {
    Vec::new()
}

/// What `--unconfined` comes to.
pub fn left_out() -> Vec<Measure> {
    vec![Measure { name: "all", degree: Degree::None, detail: "left out, as --unconfined asked".into() }]
}
