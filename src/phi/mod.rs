//! Patient data: recognising it from bytes, and counting the people without keeping one.
//!
//! The next detector is a file of its own, a line in [`REGISTRY`], a fixture and a row in the README.

use std::borrow::Cow;

use crate::model::{GapReason, PhiFacts};

mod carried;
pub mod cda;
mod collect;
mod combine;
pub mod dates;
pub mod dicom;
mod distinct;
pub mod document;
pub mod fhir;
mod held;
pub mod hl7v2;
pub mod identifiers;
mod key;
pub mod mask;
pub mod mssql;
mod names;
pub mod ncpdp;
pub mod oracle;
pub mod people;
pub mod pgdump;
pub mod sql;
pub mod table;
#[cfg(test)]
mod testing;
pub mod text;
pub mod transcode;
mod words;
pub mod x12;
pub mod xdm;

pub use combine::{of_one, summary};
pub use key::CaseKey;
pub use mask::{mask_path, redact, self_scan};
pub use people::{PeopleIndex, individuals};
pub use transcode::PhiScan;
pub use words::{named_in, named_in_path};

/// Every detector, strictest structure first: where two of them recognise one object, the earlier decides.
pub static REGISTRY: &[&dyn PhiDetector] = &[
    &dicom::Dicom,
    &pgdump::PgDump,
    &mssql::Mssql,
    &oracle::Oracle,
    &x12::X12,
    &ncpdp::Ncpdp,
    &hl7v2::Hl7v2,
    &xdm::Xdm,
    &fhir::Fhir,
    &cda::Cda,
    &sql::Sql,
    &table::Table,
    &text::Text,
];

/// Recognises one family of formats in a stream. It sees every byte of an object exactly once, in order,
/// as text (UTF-16 is transcoded before it arrives; DICOM arrives as it is).
pub trait PhiDetector: Sync {
    /// Short name in reports and documentation, as `x12`.
    fn id(&self) -> &'static str;

    /// Looks at the first bytes (up to 64 KiB) and starts a stream where they may be this format. Names
    /// decide nothing.
    fn start<'k>(&self, head: &[u8], key: &'k CaseKey) -> Option<Box<dyn PhiStream + 'k>>;
}

/// One object's bytes on their way through a detector. Memory is bounded whatever arrives.
pub trait PhiStream {
    fn feed(&mut self, chunk: &[u8]);

    /// What was found: nothing where it was not this format after all.
    fn finish(self: Box<Self>) -> Outcome;
}

/// What reading an object for patient data gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// `None` where no person is in it.
    pub facts: Option<PhiFacts>,
    /// What of it could not be read, so that people may be missing from the count.
    pub unread: Option<Unread>,
    /// Codes and words of substance use treatment: possible content under 42 CFR Part 2.
    pub part2: u64,
}

impl From<Option<PhiFacts>> for Outcome {
    fn from(facts: Option<PhiFacts>) -> Self {
        Self { facts, ..Self::default() }
    }
}

/// Why an object, or a part of it, was not read for patient data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    pub reason: GapReason,
    /// Without content of the evidence.
    pub detail: Cow<'static, str>,
}

impl Unread {
    pub fn new(reason: GapReason, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { reason, detail: detail.into() }
    }

    /// Its structure is not as it should be.
    pub fn malformed(what: impl Into<Cow<'static, str>>) -> Self {
        Self::new(GapReason::Malformed, what)
    }
}
