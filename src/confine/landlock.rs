//! Landlock (landlock(7), Linux 5.13): reading where it is needed, writing to the case folder, nothing else of the file
//! system; no TCP, no abstract sockets and no signals out of this process.

use std::path::PathBuf;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, LandlockStatus, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope, path_beneath_rules,
};

use super::{Degree, Measure, Needs};

/// The newest that this was written for; older kernels do less, and say so.
const WRITTEN_FOR: ABI = ABI::V6;

/// Where the system says what it is: for the report's host, its clock and the memory that is left.
const SYSTEM: &[&str] = &[
    "/proc",
    "/sys/devices/system/cpu",
    "/sys/fs/cgroup",
    "/sys/class/dmi/id",
    "/etc/machine-id",
    "/etc/hostname",
    "/etc/os-release",
    "/usr/lib/os-release",
    "/etc/localtime",
    "/etc/timezone",
    "/usr/share/zoneinfo",
    "/var/lib/dbus/machine-id",
    "/dev/null",
    "/dev/urandom",
];

pub fn enter(needs: &Needs) -> Measure {
    const NAME: &str = "landlock";
    match restrict(needs) {
        Ok((status, kernel)) => {
            let (degree, how) = match status {
                RulesetStatus::FullyEnforced => (Degree::Full, "reads targets and inputs, writes the case folder"),
                RulesetStatus::PartiallyEnforced => (Degree::Partial, "this kernel knows a part of it"),
                RulesetStatus::NotEnforced => (Degree::None, "this kernel doesn't have it"),
            };
            let version = match kernel {
                LandlockStatus::Available { effective_abi, kernel_abi } => {
                    format!("version {}", kernel_abi.unwrap_or(effective_abi as i32))
                }
                LandlockStatus::NotEnabled => "not enabled".to_owned(),
                LandlockStatus::NotImplemented => "not implemented".to_owned(),
            };
            Measure::new(NAME, degree, format!("{how} ({version})"))
        }
        Err(e) => Measure::new(NAME, Degree::None, e.to_string()),
    }
}

fn restrict(needs: &Needs) -> Result<(RulesetStatus, LandlockStatus), RulesetError> {
    let read: BitFlags<AccessFs> = AccessFs::ReadFile | AccessFs::ReadDir;
    let system = SYSTEM.iter().map(PathBuf::from);
    let reads: Vec<PathBuf> = needs.read.iter().cloned().chain(system).chain(std::env::current_exe()).collect();
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(WRITTEN_FOR))?
        .handle_access(AccessNet::from_all(WRITTEN_FOR))?
        .scope(Scope::from_all(WRITTEN_FOR))?
        .create()?
        // Paths that don't exist are passed over: who reads them is told so anyway.
        .add_rules(path_beneath_rules(&reads, read))?
        .add_rules(path_beneath_rules(&needs.write, AccessFs::from_all(WRITTEN_FOR)))?
        .restrict_self()?;
    Ok((status.ruleset, status.landlock))
}
