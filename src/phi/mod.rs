//! Patient data: recognising it from bytes, and counting the people without keeping one.
//!
//! The next detector is a file of its own, a line in [`REGISTRY`], a fixture and a row in the README.

use crate::model::PhiFacts;

pub mod cda;
mod collect;
pub mod dates;
pub mod dicom;
pub mod fhir;
pub mod hl7v2;
pub mod identifiers;
mod key;
pub mod mask;
mod names;
pub mod people;
pub mod table;
#[cfg(test)]
mod testing;
pub mod transcode;
pub mod x12;

pub use key::CaseKey;
pub use mask::{mask_path, redact, self_scan};
pub use people::{PeopleIndex, individuals};
pub use transcode::PhiScan;

/// Every detector, strictest structure first: where two of them recognise one object, the earlier decides.
pub static REGISTRY: &[&dyn PhiDetector] = &[&dicom::Dicom, &x12::X12, &hl7v2::Hl7v2, &fhir::Fhir, &cda::Cda, &table::Table];

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

    /// What was found; `None` where it was not this format after all, or no person is in it.
    fn finish(self: Box<Self>) -> Option<PhiFacts>;
}
