//! What became of one file of rules or indicators: a part of the report as it stands.

use serde::{Deserialize, Serialize};

/// One file of rules, indicators or known-good hashes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The file's name; with its folder's, where a folder was given.
    pub name: String,
    /// Of the file's bytes, hexadecimal; absent where it could not be read. Of a compiled hash set it is the
    /// seal at its end, which stands for all of it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sha256: Option<String>,
    /// The format it was read as.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub kind: Option<String>,
    /// Rules or indicators in force from it.
    pub loaded: u64,
    pub rejected: Vec<Rejected>,
    /// Indicators that nothing this program reads can decide; they are not in force.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub unanswered: Vec<Rejected>,
    /// Indicators in force of which a part can't be decided; that part never makes them true.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub partly: Vec<Rejected>,
    /// Indicators in force that fit what lies on every sound machine.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub broad: Vec<Rejected>,
    /// Indicators that an earlier line or file lists too, where that was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub duplicates: Vec<Rejected>,
    /// Rules in force that need an object whole: of one above `--max-body` they see the first window at most.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub not_in_windows: Vec<String>,
    /// Rules that compile but by their `type` are meant for memory, the registry or logs: they accuse no file.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub not_for_files: Vec<String>,
    /// What stands beside the indicators, so that all of the file is accounted for.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub context: Vec<Context>,
    /// Lines in force that had to be changed.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub adjusted: Vec<Rejected>,
}

/// A line or rule that is not in force, or was changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rejected {
    /// `file:line`, or the file alone.
    #[serde(rename = "where")]
    pub place: String,
    /// In words, one line.
    pub why: String,
}

/// Entries that are no indicators by their author's word.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Context {
    pub count: u64,
    /// In words, one line.
    pub why: String,
}
