//! What Windows lets a process give up: rights of its token, further processes, and libraries from elsewhere.
//!
//! Dynamic code stays allowed, since rules are compiled to it. The account's right to write stays too: to lower the
//! token's integrity would need a case folder that every process of low integrity of that account could write to.

use windows_sys::Win32::System::Threading::{
    ProcessChildProcessPolicy, ProcessExtensionPointDisablePolicy, ProcessImageLoadPolicy,
};

use super::{Degree, Measure};
use crate::sys::windows::{Privilege, enable, enter_job, keep_only, mitigate};

/// A job that holds one process, in which a crash asks nobody.
pub fn job() -> Measure {
    measure("job_object", enter_job(), "one process, and nobody is asked when it crashes")
}

/// No further process, also not by a way around the job.
pub fn no_children() -> Measure {
    const NO_CHILD_PROCESS_CREATION: u32 = 1;
    measure("child_processes", mitigate(ProcessChildProcessPolicy, NO_CHILD_PROCESS_CREATION), "none can be started")
}

/// Libraries come from this machine, from where not everybody may write, and from System32 first.
pub fn libraries() -> Measure {
    const NO_REMOTE_LOW_AND_SYSTEM_FIRST: u32 = 1 | 2 | 4;
    const DISABLE_EXTENSION_POINTS: u32 = 1;
    let done = mitigate(ProcessImageLoadPolicy, NO_REMOTE_LOW_AND_SYSTEM_FIRST)
        .and_then(|()| mitigate(ProcessExtensionPointDisablePolicy, DISABLE_EXTENSION_POINTS));
    measure("libraries", done, "none from other machines or of low integrity, none injected by old extension points")
}

/// Of the token's rights only those stay by which everything can be read.
pub fn privileges() -> Measure {
    let held = enable(Privilege::Backup).is_ok();
    let kept = if held { "kept SeBackupPrivilege, SeChangeNotifyPrivilege" } else { "kept SeChangeNotifyPrivilege" };
    measure("privileges", keep_only(&[Privilege::Backup, Privilege::ChangeNotify]).map(|_| ()), kept)
}

/// Only a process in an AppContainer has no network, and that can't read the targets.
pub fn network() -> Measure {
    Measure::new("network", Degree::None, "Windows takes it from no process that reads as this account does")
}

fn measure(name: &'static str, done: std::io::Result<()>, detail: &str) -> Measure {
    match done {
        Ok(()) => Measure::new(name, Degree::Full, detail),
        Err(e) => Measure::new(name, Degree::None, e.to_string()),
    }
}
