//! What the author of an indicator says about the indicator itself, carried to the finding.

use serde::Serialize;

/// All fields as the source gives them, escaped and shortened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Marks {
    /// Identifier of the indicator or attribute (`indicator--…`, a UUID).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Who published it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// When it was written, as the source gives it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// Names of what it indicates: malware, tool, campaign, actor, event, report.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub indicates: Vec<String>,
    /// Labels, types and tags.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// RFC 3339. Matches outside of this window count all the same: when a file came to lie where it lies is
    /// another question than when the indicator was published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<String>,
    /// The author withdrew it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub revoked: bool,
    /// Traffic Light Protocol: `clear`, `green`, `amber`, `amber+strict`, `red`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tlp: Option<String>,
    /// 0 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<u8>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<String>,
}
