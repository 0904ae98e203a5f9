//! `report.json` as types: the names are a contract that other programs read. Add, don't rename.
//!
//! Every absent value is omitted, never `null`. Two runs over the same evidence may differ in [`Run`] only;
//! `findings`, `coverage` and `phi` are byte-identical.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::Input;

use super::rows::{FindingRow, GapRow, People};

/// The value of [`Report::schema`].
pub const REPORT_SCHEMA: &str = "wardround/report/1";

/// The evidence report of one scan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// `wardround/report/1`.
    pub schema: String,
    pub tool: Tool,
    pub case: Case,
    /// The earlier case whose inventory was matched; absent where the evidence itself was read.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub parent: Option<Parent>,
    /// The machine that the evidence was read on.
    pub host: Host,
    pub run: Run,
    pub inputs: Inputs,
    pub targets: Vec<Target>,
    pub coverage: Coverage,
    pub gaps: Vec<GapRow>,
    pub findings: Vec<FindingRow>,
    pub phi: PhiTotals,
    /// What this report does not say: fixed sentences.
    pub limitations: Vec<String>,
    pub footprint: Footprint,
    pub integrity: Integrity,
}

/// The program that made the report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    pub name: String,
    pub version: String,
    /// SHA-256 of the running binary, hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sha256: Option<String>,
    /// Target triple, as `x86_64-unknown-linux-gnu`.
    pub target: String,
}

/// What the examiner says of the case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Case {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub examiner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub note: Option<String>,
    /// On whose authority the examination took place.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub authority: Option<String>,
    /// The number under which what was examined is kept.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub evidence_id: Option<String>,
    /// From whom it was received.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub received_from: Option<String>,
}

/// An earlier case that this one is drawn from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Parent {
    /// Where it was read from.
    pub case_folder: String,
    /// Its own [`Run::id`], start and end.
    pub run_id: String,
    pub started: String,
    pub finished: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub case_id: Option<String>,
    pub tool_version: String,
    /// SHA-256 of its `report.json`, hexadecimal.
    pub report_sha256: String,
    /// Of its `inventory.jsonl.zst`, checked before it was read.
    pub inventory_sha256: String,
    pub findings_sha256: String,
}

/// The machine on which the scan ran.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Host {
    pub name: String,
    /// As `linux`, `windows`, `macos`.
    pub os: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub os_version: Option<String>,
    /// SHA-256 of the machine's own identifier, hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub machine_id_sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub timezone: Option<String>,
    /// RFC 3339, UTC.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub boot_time: Option<String>,
    /// What the scan was allowed to do, as `root` or `uid 1000`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub privileges: Option<String>,
}

/// This run. The only part in which two runs over the same evidence may differ.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Run {
    pub id: String,
    /// The command line; values that are secrets are masked.
    pub command: Vec<String>,
    /// RFC 3339, UTC.
    pub started: String,
    /// RFC 3339, UTC.
    pub finished: String,
    pub duration_ms: u64,
    pub threads: u64,
    /// It went on from an earlier, interrupted run.
    pub resumed: bool,
    /// How processes of this scan died before the one that ended it, in order: `SIGSEGV`, `hung`.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub deaths: Vec<String>,
    /// It was stopped before everything had been looked at.
    pub interrupted: bool,
    /// The reason of gaps for which it was stopped, where nobody asked for it: `deadline`, `low_memory`, `low_disk`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ended_for: Option<String>,
    /// The earlier case of `--baseline`, and what became of it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub baseline: Option<Baseline>,
    /// Where the case folder was written.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub case_folder: Option<String>,
    /// Peak resident memory, bytes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub peak_memory: Option<u64>,
}

/// An earlier case whose files are passed over while they are unchanged.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    pub case_folder: String,
    /// Its own [`Run::id`] and start.
    pub run_id: String,
    pub started: String,
    /// SHA-256 of its `report.json`, hexadecimal.
    pub report_sha256: String,
    /// Of its `inventory.jsonl.zst`, checked before it was read.
    pub inventory_sha256: String,
    pub used: bool,
    /// Why everything was read instead.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub why_not: Option<String>,
    /// When the last scan began that read every file, in the chain of cases that lead here. RFC 3339, UTC.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub full_read: Option<String>,
    /// Share of the unchanged files that is drawn to be read again.
    pub reread_percent: f64,
    /// What decides the draw, hexadecimal: a file is drawn where the first eight bytes of SHA-256(these bytes, then
    /// the bytes of its path), read as a big-endian number, are below that share of 2^64.
    pub reread_seed: String,
    /// Files that were drawn.
    pub reread: u64,
}

/// What the scan looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Inputs {
    pub rules: Vec<Input>,
    pub indicators: Vec<Input>,
    pub known_good: Vec<Input>,
    /// SHA-256 of every option that can change a finding, hexadecimal.
    pub options_sha256: String,
}

/// What sort of evidence a target is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TargetKind {
    /// Part of the running system.
    #[default]
    Live,
    Mounted,
    Image,
    Archive,
    File,
}

/// One target of the scan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Target {
    pub path: String,
    pub kind: TargetKind,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub fs_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub volume_id: Option<String>,
    /// How access times were kept from changing, as `O_NOATIME`, `read-only mount`, `none`.
    pub atime_protection: String,
    /// SHA-256 of a disk image, hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub image_digest: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub notes: Vec<String>,
}

/// Whether everything that could hold evidence was examined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CoverageVerdict {
    Complete,
    #[default]
    Incomplete,
}

/// The coverage ledger: `discovered = examined + partial + skipped + failed` holds exactly.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Coverage {
    /// Objects: files, links, special files, members of archives.
    pub discovered: u64,
    pub examined: u64,
    pub partial: u64,
    pub skipped: u64,
    pub failed: u64,
    /// Bytes of discovered objects, members of archives included.
    pub bytes_discovered: u64,
    pub bytes_examined: u64,
    /// Objects on lists of known-good files, among those above: rules passed over them, all else looked at them.
    #[serde(default)]
    pub known_good: u64,
    /// Bytes of these objects, members of archives included.
    #[serde(default)]
    pub bytes_known_good: u64,
    pub verdict: CoverageVerdict,
    /// Gaps by reason.
    pub by_reason: BTreeMap<String, u64>,
}

impl Coverage {
    /// Whether every discovered object has exactly one disposition.
    pub fn adds_up(&self) -> bool {
        [self.partial, self.skipped, self.failed].iter().try_fold(self.examined, |sum, n| sum.checked_add(*n))
            == Some(self.discovered)
    }
}

/// Patient data over all objects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PhiTotals {
    /// Distinct people over all objects.
    pub individuals: People,
    /// How they were counted: `union_find` (one by one) or `hyperloglog` (estimated, from two million on).
    #[serde(default)]
    pub method: String,
    /// People by two-letter state.
    pub by_state: BTreeMap<String, u64>,
    /// Distinct values of each kind of identifier.
    pub by_identifier: BTreeMap<String, u64>,
    /// Objects by format.
    pub formats: BTreeMap<String, u64>,
    /// Bytes that could not be looked into (encrypted or unreadable) and are in no count.
    pub opaque_bytes: u64,
    pub four_factor_inputs: FourFactorInputs,
    pub self_scan: SelfScan,
    /// A state counts 1 to 10 people: such counts are suppressed before a wider distribution.
    #[serde(default)]
    pub small_cells: bool,
}

/// Facts for the risk assessment of 45 CFR 164.402(2), ordered by its four factors. No conclusion is drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FourFactorInputs {
    pub nature_and_extent: NatureAndExtent,
    pub unauthorized_person: UnauthorizedPerson,
    pub acquired_or_viewed: AcquiredOrViewed,
    pub mitigation: Mitigation,
}

/// Factor (i): nature and extent, with the types of identifiers and the likelihood of re-identification.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NatureAndExtent {
    /// Objects that hold patient data.
    pub objects: u64,
    /// Records over all objects; one person can have many, and copies count again.
    pub records: u64,
    /// Kinds of identifiers seen.
    pub identifier_kinds: Vec<String>,
    /// Letters of 45 CFR 164.514(b)(2)(i) seen.
    pub classes: Vec<String>,
    /// Objects with health or payment context beside the identifiers.
    pub clinical_objects: u64,
    /// Objects with possible content under 42 CFR Part 2, which is reported apart.
    #[serde(default)]
    pub part2_objects: u64,
    pub synthetic_objects: u64,
    pub deidentified_objects: u64,
    /// Earliest and latest time at which one of these objects was last written, RFC 3339. A clock can be wrong or set.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub first_written: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_written: Option<String>,
}

/// Factor (ii): who used the data or received it. Only traces of an intruder are visible to a scan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnauthorizedPerson {
    /// Findings at warning or above from indicators, rules, programs and host traces.
    pub intruder_findings: u64,
}

/// Factor (iii): whether the data was acquired or viewed. A scan sees preparation, not transfer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AcquiredOrViewed {
    /// Staging findings at notice or above.
    pub staging_findings: u64,
    /// Of these, alerts.
    pub staging_alerts: u64,
    /// Highest estimate of people in any one staged object.
    pub largest_staged_individuals: u64,
    /// Transfers over a network leave no trace that this scan reads.
    pub transfer_examined: bool,
    /// `none` seen, or `possible` with the findings that say so. Neither proves the other.
    #[serde(default)]
    pub evidence: String,
    /// Ids of those findings, the first hundred.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub basis: Vec<String>,
}

/// Factor (iv): how far the risk was mitigated.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mitigation {
    /// Objects with patient data that their owner had encrypted.
    pub secured_objects: u64,
}

/// The finished report was read again by our own detectors of patient data.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SelfScan {
    /// Nothing was left after redaction.
    pub passed: bool,
    /// Passages that were redacted.
    pub redacted: u64,
    /// Fields in which that was, without their values.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub fields: Vec<String>,
}

/// What the scan changed on the machine it ran on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Footprint {
    /// The case folder lies on the volume of a target.
    pub same_volume: bool,
    /// What was written, started or left, one sentence each.
    pub statements: Vec<String>,
    /// What the scan process gave up before it read a target.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub confinement: Vec<Confinement>,
}

/// A measure by which a process gives up rights, and how far it goes on this system.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Confinement {
    /// As `landlock` or `seccomp`.
    pub measure: String,
    /// `full`, `partial` or `none`.
    pub degree: String,
    pub detail: String,
}

/// What binds the files of the case folder together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Integrity {
    /// SHA-256 over `findings` in the form that `canonical` describes, hexadecimal.
    pub findings_sha256: String,
    /// Last hash of the journal's chain, hexadecimal.
    pub journal_head: String,
    /// SHA-256 of `inventory.jsonl.zst`, hexadecimal.
    pub inventory_sha256: String,
    /// How `findings_sha256` is computed.
    pub canonical: String,
}
