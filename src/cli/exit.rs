//! Exit codes: what schedulers and monitoring already understand. A finding outranks incompleteness.

use std::process::{ExitCode, Termination};

use crate::model::Level;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Complete, nothing at notice or above.
    Clean = 0,
    /// Findings, none at alert.
    Findings = 1,
    /// At least one alert.
    Alert = 2,
    /// No finding, but coverage incomplete or the scan interrupted.
    Incomplete = 3,
    /// Usage or configuration error (`EX_USAGE` of sysexits.h).
    Usage = 64,
    /// The case folder cannot be written (`EX_CANTCREAT`).
    CaseFolder = 73,
    /// A second Ctrl-C.
    Killed = 130,
}

impl Exit {
    /// The exit that a code stands for; none where a process died otherwise.
    pub fn from_code(code: i32) -> Option<Self> {
        [Self::Clean, Self::Findings, Self::Alert, Self::Incomplete, Self::Usage, Self::CaseFolder, Self::Killed]
            .into_iter()
            .find(|exit| *exit as i32 == code)
    }

    /// The exit code of a finished scan.
    pub fn of(highest: Option<Level>, complete: bool) -> Self {
        match highest {
            Some(Level::Alert) => Exit::Alert,
            Some(Level::Warning | Level::Notice) => Exit::Findings,
            Some(Level::Info) | None if complete => Exit::Clean,
            Some(Level::Info) | None => Exit::Incomplete,
        }
    }
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        ExitCode::from(self as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_outranks_incompleteness() {
        assert_eq!(Exit::of(Some(Level::Alert), false), Exit::Alert);
        assert_eq!(Exit::of(Some(Level::Notice), false), Exit::Findings);
        assert_eq!(Exit::of(Some(Level::Info), true), Exit::Clean);
        assert_eq!(Exit::of(Some(Level::Info), false), Exit::Incomplete);
        assert_eq!(Exit::of(None, true), Exit::Clean);
    }
}
