//! The case folder: what people, programs and courts read.
//!
//! The engine fills a [`Report`], seals it ([`Report::seal`]) and lets every writer of [`REGISTRY`] write it
//! into a [`CaseFolder`]. The next format is a file of its own, a line in [`REGISTRY`] and a row in the README.

use std::io::{self, Write};

mod annex;
mod canonical;
mod casefolder;
mod chain;
mod diff;
mod digest;
mod export;
mod facts;
pub mod fleet;
mod gaps;
mod html;
mod inventory;
mod json;
mod jsonl;
mod limitations;
mod manifest;
mod mask;
mod matcher;
mod registers;
mod reread;
mod rows;
#[cfg(test)]
mod sample;
pub mod schema;
mod seal;
mod signature;
mod summary;
mod timestamp;
mod types;
mod verify;
mod working;

pub use annex::{ANNEX, Annex, Recipient};
pub use canonical::{CANONICAL, findings_sha256, sort_findings};
pub(crate) use casefolder::private_dir;
pub use casefolder::{CaseError, CaseFolder, Written};
pub use chain::{Chain, chain};
pub use diff::{
    Change, Comparison, DIFF_SCHEMA, FileChanges, FindingChange, ObjectChange, ObjectCounts, objects as compare_objects,
};
pub use digest::{hash_all, sha256_of};
pub use export::{EXPORTS, Export, ExportError};
pub use facts::{Levels, four_factor};
pub use gaps::{GAP_ROWS, GapTable};
pub use inventory::{ContainerRow, InventoryRow, InventoryWriter};
pub use manifest::{MANIFEST_SCHEMA, Manifest, ManifestFile, TIME_QUERY};
pub use mask::Masker;
pub use registers::{REGISTERS, RegistersFile};
pub use reread::{OldCase, Remembered, RereadError, Rows, read_report};
pub use rows::*;
pub use seal::{SealError, WITHHELD};
pub use signature::{KeyError, SealKey};
pub use summary::summary;
pub use types::*;
pub use verify::{Difference, Verified, verify};
pub use working::{CaseLock, IN_FLIGHT, JOURNAL, PROVED, STATE};

/// Writes one document of the case folder from a sealed report.
pub trait ReportWriter: Sync {
    /// Short name in options and documentation, as `json`.
    fn id(&self) -> &'static str;

    /// The file's name in the case folder.
    fn file_name(&self) -> &'static str;

    /// Writes the whole document. The same report gives the same bytes.
    ///
    /// # Errors
    /// As the writer that is given.
    fn write(&self, report: &Report, out: &mut dyn Write) -> io::Result<()>;
}

/// Every document that a scan writes from its report.
pub static REGISTRY: &[&dyn ReportWriter] = &[&json::Json, &html::Html, &jsonl::Jsonl];
