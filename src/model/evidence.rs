//! What speaks for or against an object, before and after it is weighed.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use super::{Locator, PhiFacts};

/// How urgent a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Info,
    Notice,
    Warning,
    Alert,
}

impl Level {
    pub fn word(self) -> &'static str {
        match self {
            Level::Info => "info",
            Level::Notice => "notice",
            Level::Warning => "warning",
            Level::Alert => "alert",
        }
    }
}

/// What a finding is about.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
    BorshSerialize,
    BorshDeserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    Ioc,
    Yara,
    Binary,
    Staging,
    PhiAtRest,
    Host,
    Integrity,
}

impl Category {
    pub fn id(self) -> &'static str {
        match self {
            Category::Ioc => "ioc",
            Category::Yara => "yara",
            Category::Binary => "binary",
            Category::Staging => "staging",
            Category::PhiAtRest => "phi_at_rest",
            Category::Host => "host",
            Category::Integrity => "integrity",
        }
    }
}

/// The two axes of the staging score, and the two that discount them.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
    BorshSerialize,
    BorshDeserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Axis {
    /// What the object holds.
    Content,
    /// How it was prepared to leave.
    Staging,
    /// A harmless explanation.
    Benign,
    /// Synthetic, test or de-identified.
    NotReal,
}

/// One observation with its weight. Every number in a score comes from one of these.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema, BorshSerialize, BorshDeserialize)]
pub struct Reason {
    /// What was observed, as `hash.sha256` or `location.strong`.
    pub id: String,
    /// Within a group only the strongest reason counts.
    pub group: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub axis: Option<Axis>,
    /// −100 to 100; expert prior, not a probability. Negative weights reduce.
    pub weight: i32,
    /// In words, without content of the evidence.
    pub text: String,
    /// Where it comes from: rule, indicator file and line, detector.
    pub source: String,
    /// Further facts for machines (rule tags, pattern offsets), never matched bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[borsh(serialize_with = "detail_out", deserialize_with = "detail_in")]
    pub detail: Option<serde_json::Value>,
    /// Other objects that it rests on, in canonical order; shown with names of people masked.
    #[serde(skip)]
    pub objects: Vec<Locator>,
}

/// A detail is kept as its JSON text.
fn detail_out<W: borsh::io::Write>(detail: &Option<serde_json::Value>, out: &mut W) -> borsh::io::Result<()> {
    BorshSerialize::serialize(&detail.as_ref().map(serde_json::Value::to_string), out)
}

fn detail_in<R: borsh::io::Read>(from: &mut R) -> borsh::io::Result<Option<serde_json::Value>> {
    let text = <Option<String> as BorshDeserialize>::deserialize_reader(from)?;
    text.map(|text| serde_json::from_str(&text).map_err(borsh::io::Error::from)).transpose()
}

impl Reason {
    /// Objects that one reason names at most.
    pub const MAX_OBJECTS: usize = 100;

    pub fn new(
        id: impl Into<String>,
        group: impl Into<String>,
        weight: i32,
        text: impl Into<String>,
        source: impl Into<String>,
    ) -> Self {
        Self {
            id: id.into(),
            group: group.into(),
            axis: None,
            weight,
            text: text.into(),
            source: source.into(),
            detail: None,
            objects: Vec::new(),
        }
    }

    /// Names the objects that it rests on, the first of them.
    pub fn about(mut self, objects: impl IntoIterator<Item = Locator>) -> Self {
        self.objects = objects.into_iter().take(Self::MAX_OBJECTS).collect();
        self
    }

    pub fn on(mut self, axis: Axis) -> Self {
        self.axis = Some(axis);
        self
    }

    pub fn with(mut self, detail: serde_json::Value) -> Self {
        self.detail = Some(detail);
        self
    }
}

/// An object that fits one statement of a pattern about several objects: no evidence until the others are
/// found, too.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Sighting {
    pub locator: Locator,
    /// Number of the pattern, and of the statement within it.
    pub pattern: u32,
    pub part: u32,
}

/// Parts of an object's name that name a person who is in its own content.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct NameMark {
    /// The object, or a container around it.
    pub locator: Locator,
    /// Byte ranges of the last step's name, as it is shown.
    pub ranges: Vec<std::ops::Range<usize>>,
}

/// What analyzers and correlators hand over to be weighed: one object, one category, its reasons.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub struct Evidence {
    pub locator: Locator,
    pub category: Category,
    /// One line for people, without content of the evidence.
    pub title: String,
    pub reasons: Vec<Reason>,
    /// Patient data held by the object.
    pub phi: Option<std::sync::Arc<PhiFacts>>,
    /// MITRE ATT&CK technique ids.
    pub techniques: Vec<String>,
}
