//! Many hosts' cases as one view: what is rare, who saw it first, which hosts never reported or were not covered, and
//! how many people there are in all. Cases are read one at a time on every core; only sums stay in memory.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rows::People;
use super::types::Coverage;
use crate::model::Level;

mod expected;
mod find;
mod gather;
mod html;
mod mix;
mod people;
mod stack;

pub use expected::Expected;
pub use find::{Found, find};
pub use html::page;
pub use people::FleetPeople;

use gather::{Gather, OneCase};
pub use mix::{Mix, Set};
pub use stack::{StackKind, StackRow};

/// The value of [`Fleet::schema`].
pub const FLEET_SCHEMA: &str = "wardround/fleet/1";

/// Values of the stack that are written out; how many there are is told.
pub const STACK_ROWS: usize = 10_000;

/// Why there is no fleet view. The sentence names the way out.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    #[error("{0} is no folder: give case folders, or folders that hold them")]
    NoFolder(String),
    #[error("{path} can't be read: {source}; check its permissions")]
    Unreadable { path: String, source: std::io::Error },
    #[error("there is no case in what was given: a case folder holds a report.json")]
    NoCase,
    #[error(
        "{0} and {1} were counted under different case keys, so that one person would count as two: merge the cases of each --case-key by themselves"
    )]
    Keys(String, String),
}

/// `fleet.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fleet {
    /// `wardround/fleet/1`.
    pub schema: String,
    /// The version that merged.
    pub tool_version: String,
    pub totals: Totals,
    /// Values that findings at notice or above rest on, those of the fewest hosts first, then the strongest.
    pub stack: Vec<StackRow>,
    /// Hosts with a case, the strongest findings first.
    pub hosts: Vec<HostRow>,
    /// Expected hosts without a case. What is on them is unknown.
    pub never_reported: Vec<String>,
    /// Hosts with a case that were not expected, where a list of expected ones was given.
    pub unexpected: Vec<String>,
    /// Case folders whose report could not be used: nothing of them is in any count.
    pub unusable: Vec<Unusable>,
    pub people: FleetPeople,
    pub mix: Mix,
    /// What this view does not say: fixed sentences.
    pub limitations: Vec<String>,
}

/// Sums over the hosts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Totals {
    pub cases: u64,
    pub hosts: u64,
    /// Hosts by the highest level of their findings.
    pub alert: u64,
    pub warning: u64,
    pub notice: u64,
    /// Hosts without a finding at notice or above, whatever was not examined on them.
    pub none: u64,
    /// Hosts whose newest scan doesn't cover everything, or was interrupted.
    pub incomplete: u64,
    pub never_reported: u64,
    pub unusable: u64,
    /// Distinct values of the stack, written out or not.
    pub stack_values: u64,
    /// Values of the stack by how many hosts have them: 1, 2, 3 to 5, 6 to 20, more.
    pub spread: [u64; 5],
}

/// Findings of one case by level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LevelCounts {
    pub alert: u64,
    pub warning: u64,
    pub notice: u64,
    pub info: u64,
}

impl LevelCounts {
    pub fn highest(&self) -> Option<Level> {
        match (self.alert, self.warning, self.notice) {
            (1.., ..) => Some(Level::Alert),
            (0, 1.., _) => Some(Level::Warning),
            (0, 0, 1..) => Some(Level::Notice),
            (0, 0, 0) => None,
        }
    }
}

/// One host by its newest scan; what rechecks of that scan found counts with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HostRow {
    pub host: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub machine_id_sha256: Option<String>,
    pub os: String,
    /// How many cases of it there are.
    pub cases: u64,
    /// Of the newest scan.
    pub folder: String,
    pub run_id: String,
    pub finished: String,
    pub interrupted: bool,
    pub findings: LevelCounts,
    pub coverage: Coverage,
    pub individuals: People,
    /// It kept registers, so that its people are in the distinct count.
    pub registers: bool,
    pub tool_version: String,
}

impl HostRow {
    pub fn is_incomplete(&self) -> bool {
        self.interrupted || self.coverage.verdict != super::CoverageVerdict::Complete
    }
}

/// A case folder that could not be used, and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Unusable {
    pub folder: String,
    pub why: String,
}

const LIMITATIONS: [&str; 4] = [
    "A host without a finding is as clean as its coverage says: what was not examined may hold evidence.",
    "Hosts that never reported are in no count. Whether they were off, unreachable or kept from reporting is not known here.",
    "That a value is rare is a reason to look at it, no proof against the host; that it is common clears nobody.",
    "People over several hosts are an estimate by HyperLogLog registers (standard error about 1 %), and only of hosts whose cases were counted under one case key.",
];

/// Merges cases into one view.
///
/// # Errors
/// Where there is no case, or people were counted under different keys.
pub fn merge(found: &Found, expected: Option<&Expected>, tool_version: &str) -> Result<Fleet, FleetError> {
    let gather = Mutex::new(Gather::default());
    found.cases.par_iter().for_each(|folder| {
        let one = OneCase::read(folder);
        let mut all = gather.lock().unwrap_or_else(PoisonError::into_inner);
        match one {
            Ok(one) => all.add(one),
            Err(why) => all.unusable.push(Unusable { folder: shown(folder), why: why.to_string() }),
        }
    });
    let mut all = gather.into_inner().unwrap_or_else(PoisonError::into_inner);
    let unfinished = "it has a journal and no report: the scan died and was not resumed";
    all.unusable.extend(found.unfinished.iter().map(|f| Unusable { folder: shown(f), why: unfinished.to_owned() }));
    if all.cases == 0 && all.unusable.is_empty() {
        return Err(FleetError::NoCase);
    }
    all.finish(expected, tool_version)
}

fn shown(path: &Path) -> String {
    crate::model::text::escape(path.as_os_str().as_encoded_bytes())
}

/// Folders that were found, for messages.
pub fn folders(found: &Found) -> Vec<&Path> {
    found.cases.iter().chain(&found.unfinished).map(PathBuf::as_path).collect()
}
