//! Forbidden actions on Windows.

use std::process::Command;

use super::Attempt;
use crate::sys::windows::{Privilege, enable};

/// Name and action of each attempt.
pub const ATTEMPTS: &[Attempt] = &[
    ("run another program", |_| Command::new("cmd.exe").args(["/C", "exit"]).status().map(drop)),
    ("start itself again", |_| Command::new(std::env::current_exe()?).arg("--version").output().map(drop)),
    ("take the right to write any file", |_| enable(Privilege::Restore)),
    ("take the right to own any file", |_| enable(Privilege::TakeOwnership)),
    ("take the right to debug other processes", |_| enable(Privilege::Debug)),
    ("take the right to load drivers", |_| enable(Privilege::LoadDriver)),
    ("take the right to clear the security log", |_| enable(Privilege::Security)),
    ("take the right to act as another user", |_| enable(Privilege::Impersonate)),
    ("take the right to make tokens", |_| enable(Privilege::CreateToken)),
    ("take the right to start processes as another", |_| enable(Privilege::AssignPrimaryToken)),
    ("take the right to act as the system", |_| enable(Privilege::Tcb)),
    ("take the right to shut the machine down", |_| enable(Privilege::Shutdown)),
];
