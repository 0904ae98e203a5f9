//! The rows of the report: findings, gaps and their parts, made from the model with names of people masked.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::mask::Masker;
use crate::model::{
    Axis, Category, Finding, Gap, GapReason, Individuals, Level, Locator, Object, PhiFacts, Reason, Stage, Step, Times, text,
};

/// One hop of an address; names are shown escaped and masked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged, deny_unknown_fields)]
pub enum StepRow {
    /// A path of the scanning system.
    Os { os: String },
    /// A member of the container before it, with its position in the archive's own order.
    Member { member: String, index: u32 },
}

impl<'de> Deserialize<'de> for StepRow {
    /// Straight from the fields: an untagged enum would keep every value and try each variant, for every row of an inventory.
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Fields {
            os: Option<String>,
            member: Option<String>,
            index: Option<u32>,
        }
        match Fields::deserialize(from)? {
            Fields { os: Some(os), member: None, index: None } => Ok(Self::Os { os }),
            Fields { os: None, member: Some(member), index: Some(index) } => Ok(Self::Member { member, index }),
            _ => Err(D::Error::custom("a step is `os`, or `member` with its `index`")),
        }
    }
}

/// An address, masked: `locator`, `path` and where it may be given `path_raw`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    pub locator: Vec<StepRow>,
    /// Steps joined by `!`.
    pub path: String,
    /// The exact bytes in base64, where `path` doesn't carry them. Never for a masked path: the bytes would
    /// say what the mask hides.
    pub path_raw: Option<String>,
    /// A part of the path is the shape of what is there.
    pub masked: bool,
}

impl Shown {
    pub fn new(locator: &Locator, masker: &Masker) -> Self {
        let mut masked = false;
        let mut names = Vec::with_capacity(locator.steps().len());
        let mut steps = Vec::with_capacity(locator.steps().len());
        for (depth, step) in locator.steps().iter().enumerate() {
            let shown = step.name().shown();
            let name = masker.name(locator, depth, &shown).into_owned();
            masked |= name != shown;
            names.push(name.clone());
            steps.push(match step {
                Step::Os(_) => StepRow::Os { os: name },
                Step::Member { index, .. } => StepRow::Member { member: name, index: *index },
            });
        }
        let path_raw = if masked { None } else { locator.raw_base64() };
        Self { locator: steps, path: names.join("!"), path_raw, masked }
    }
}

/// The four times of an object, RFC 3339 in UTC, each where its source has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TimesRow {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mtime: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub atime: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ctime: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub btime: Option<String>,
}

impl From<&Times> for TimesRow {
    fn from(t: &Times) -> Self {
        let show = |time: Option<crate::model::Time>| time.and_then(crate::model::Time::rfc3339);
        Self { mtime: show(t.mtime), atime: show(t.atime), ctime: show(t.ctime), btime: show(t.btime) }
    }
}

/// Distinct people: at least, most likely, at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct People {
    pub low: u64,
    pub best: u64,
    pub high: u64,
}

impl From<Individuals> for People {
    fn from(i: Individuals) -> Self {
        Self { low: i.low, best: i.best, high: i.high }
    }
}

/// What is known of the object of a finding. Digests are of the whole object or absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ObjectRow {
    /// Bytes.
    pub size: u64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sha1: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub md5: Option<String>,
    /// From the bytes, never from the name.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none", default)]
    pub file_type: Option<String>,
    pub times: TimesRow,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub owner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mode: Option<String>,
}

impl From<&Object> for ObjectRow {
    fn from(o: &Object) -> Self {
        Self {
            size: o.meta.size,
            sha256: o.digests.sha256.map(|d| text::hex(&d)),
            sha1: o.digests.sha1.map(|d| text::hex(&d)),
            md5: o.digests.md5.map(|d| text::hex(&d)),
            file_type: o.file_type.clone(),
            times: TimesRow::from(&o.meta.times),
            owner: o.meta.owner.as_deref().map(inert),
            mode: o.meta.mode.clone(),
        }
    }
}

/// One observation with its weight.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReasonRow {
    pub id: String,
    /// Within a group only the strongest reason counts.
    pub group: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub axis: Option<Axis>,
    /// −100 to 100; expert prior, not a probability.
    pub weight: i32,
    pub text: String,
    pub source: String,
    /// Further facts for machines, never matched bytes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub detail: Option<serde_json::Value>,
    /// Paths of other objects that it rests on, the first hundred, names of people masked.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub objects: Vec<String>,
}

impl ReasonRow {
    pub fn new(r: &Reason, masker: &Masker) -> Self {
        Self {
            id: r.id.clone(),
            group: r.group.clone(),
            axis: r.axis,
            weight: r.weight,
            text: inert(&r.text),
            source: inert(&r.source),
            detail: r.detail.clone(),
            objects: r.objects.iter().map(|o| Shown::new(o, masker).path).collect(),
        }
    }
}

/// Patient data of one object: shapes and counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PhiBlock {
    pub format: String,
    /// Records that name a person.
    pub records: u64,
    pub individuals: People,
    /// How they were counted: `union_find` (one by one) or `hyperloglog` (estimated, from two million on).
    #[serde(default)]
    pub method: String,
    /// Distinct values of each kind of identifier.
    pub identifiers: BTreeMap<String, u64>,
    /// Letters of 45 CFR 164.514(b)(2)(i).
    pub classes: Vec<String>,
    /// `identified`, `limited_dataset_like` (dates, places and codes only) or `deid_like` (by its own marks).
    #[serde(default)]
    pub data_class: String,
    /// People by two-letter state.
    pub states: BTreeMap<String, u64>,
    /// A state counts 1 to 10 people: such counts are suppressed before a wider distribution.
    #[serde(default)]
    pub small_cells: bool,
    pub synthetic: bool,
    pub deidentified: bool,
    /// Encrypted by its owner with a key that is not beside it. Data that this scan could read never is.
    pub secured: bool,
    /// Health or payment context was seen beside the identifiers.
    pub clinical: bool,
    /// Codes F10 to F19 and words of substance use treatment: possible content under 42 CFR Part 2. What it is, the
    /// clinic knows.
    #[serde(default)]
    pub part2: u64,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub notes: Vec<String>,
}

/// Below this many people a count is a small cell (CMS cell size suppression policy).
pub const SMALL_CELL: u64 = 11;

/// Whether any count is a small cell.
pub fn has_small_cells(counts: &BTreeMap<String, u64>) -> bool {
    counts.values().any(|n| (1..SMALL_CELL).contains(n))
}

impl From<&PhiFacts> for PhiBlock {
    fn from(f: &PhiFacts) -> Self {
        Self {
            format: f.format.clone(),
            records: f.records,
            individuals: f.individuals.into(),
            method: f.method().to_owned(),
            identifiers: f.identifiers.clone(),
            classes: f.classes.iter().map(char::to_string).collect(),
            data_class: f.data_class().to_owned(),
            states: f.states.clone(),
            small_cells: has_small_cells(&f.states),
            synthetic: f.synthetic,
            deidentified: f.deidentified,
            secured: false,
            clinical: f.clinical,
            part2: f.part2,
            notes: f.notes.clone(),
        }
    }
}

/// One statement of the report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FindingRow {
    /// Hash of what was found and where; the same on every run and machine.
    pub id: String,
    pub level: Level,
    /// 0 to 100, from this finding's reasons alone.
    pub score: u8,
    /// 0 to 100, from all findings on the same object.
    pub object_score: u8,
    pub category: Category,
    pub title: String,
    pub locator: Vec<StepRow>,
    /// Steps joined by `!`; control and bidi characters escaped, names of people masked.
    pub path: String,
    /// The exact bytes in base64, where `path` doesn't carry them and nothing in it is masked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub path_raw: Option<String>,
    /// Path on the system the evidence came from.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub origin_path: Option<String>,
    /// Further names of the same hard-linked file.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub names: Vec<String>,
    /// Absent for findings that are about no single object.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub object: Option<ObjectRow>,
    pub reasons: Vec<ReasonRow>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub phi: Option<PhiBlock>,
    /// MITRE ATT&CK technique ids.
    pub techniques: Vec<String>,
}

impl FindingRow {
    /// The row of a finding; `object` is what was read of it, where it is one object.
    pub fn new(finding: &Finding, object: Option<&Object>, masker: &Masker) -> Self {
        let shown = Shown::new(&finding.locator, masker);
        Self {
            id: finding.id.clone(),
            level: finding.level,
            score: finding.score,
            object_score: finding.object_score,
            category: finding.category,
            title: inert(&finding.title),
            locator: shown.locator,
            path: shown.path,
            path_raw: shown.path_raw,
            origin_path: object
                .and_then(|o| o.origin.as_ref())
                .map(|origin| masker.repeated(&finding.locator.outer(), &origin.shown())),
            names: Vec::new(),
            object: object.map(ObjectRow::from),
            reasons: finding.reasons.iter().map(|r| ReasonRow::new(r, masker)).collect(),
            phi: finding.phi.as_deref().map(PhiBlock::from),
            techniques: finding.techniques.clone(),
        }
    }

    /// Adds the further names of a hard-linked file.
    pub fn with_names(mut self, names: &[Locator], masker: &Masker) -> Self {
        self.names = names.iter().map(|n| Shown::new(n, masker).path).collect();
        self.names.sort();
        self
    }
}

/// One thing not fully examined, or (`count` without `path`) the rest of many with the same reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GapRow {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub locator: Option<Vec<StepRow>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub path_raw: Option<String>,
    #[schemars(with = "Stage")]
    pub stage: String,
    #[schemars(schema_with = "reason_schema")]
    pub reason: String,
    pub detail: String,
    /// Bytes not looked at, where known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bytes: Option<u64>,
    /// How many gaps this row stands for, where it is not one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub count: Option<u64>,
}

impl GapRow {
    pub fn new(gap: &Gap, masker: &Masker) -> Self {
        let shown = Shown::new(&gap.locator, masker);
        Self {
            locator: Some(shown.locator),
            path: Some(shown.path),
            path_raw: shown.path_raw,
            stage: word(&gap.stage),
            reason: gap.reason.id().to_owned(),
            detail: inert(&gap.detail),
            bytes: gap.bytes,
            count: None,
        }
    }

    /// How many gaps this row stands for.
    pub fn stands_for(&self) -> u64 {
        self.count.unwrap_or(1)
    }
}

/// Text in which an archive or a rule file may have had a hand, safe to show.
pub(super) fn inert(s: &str) -> String {
    text::escape(s.as_bytes())
}

/// The report's word for a value of one of the model's enumerations.
pub(super) fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(s)) => s,
        _ => String::new(),
    }
}

pub(super) fn reason_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    let ids: Vec<&str> = GapReason::ALL.iter().map(|r| r.id()).collect();
    schemars::json_schema!({"type": "string", "enum": ids})
}
