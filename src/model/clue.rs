//! What an object says of others: no evidence by itself, but correlators weigh it together with them.

use borsh::{BorshDeserialize, BorshSerialize};
use std::sync::Arc;

use super::{Locator, Times};

/// One observation about an object that may speak for what lies beside it.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub struct Clue {
    pub locator: Locator,
    pub times: Times,
    pub kind: ClueKind,
}

/// What was observed. Paths are as the correlators compare them: lower case, `/` between names. They are never written.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum ClueKind {
    /// A program that copies data away, by its own marks; the name is the tool's, not the file's.
    Transfer { tool: String },
    /// A program that packs data.
    Archiver { tool: String },
    /// A script or configuration of such a tool, with the paths that it names.
    Script { tool: String, transfer: bool, paths: Arc<[String]> },
    /// A list of files or shares: how many paths, and how many of them speak of patient data.
    Listing { paths: u64, patients: u64 },
    /// A description that a vendor's export of health information comes with.
    ExportNotes,
    /// A note of those who encrypt for ransom.
    RansomNote,
    /// Bytes that nothing tells from random ones, without any format's marks.
    Uniform,
    /// The end of a 7-Zip archive whose names are encrypted: the last volume of a set.
    LockedEnd,
}

impl ClueKind {
    /// Short name in the journal.
    pub fn id(&self) -> &'static str {
        match self {
            ClueKind::Transfer { .. } => "transfer_tool",
            ClueKind::Archiver { .. } => "archiver",
            ClueKind::Script { .. } => "script",
            ClueKind::Listing { .. } => "listing",
            ClueKind::ExportNotes => "export_notes",
            ClueKind::RansomNote => "ransom_note",
            ClueKind::Uniform => "uniform",
            ClueKind::LockedEnd => "locked_end",
        }
    }
}
