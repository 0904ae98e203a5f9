//! Documents and databases whose text and tables lie inside a structure: read whole from memory, as parts that go
//! through the detectors as if they were files of their own.
//!
//! The next format is a file of its own, a line in [`REGISTRY`], a fixture and a row in the README.

mod access;
mod biff;
mod cells;
pub mod dbf;
mod doc;
mod flow;
mod html;
mod le;
mod mail;
mod markup;
mod members;
mod msg;
mod office;
mod ole;
mod opendocument;
mod parquet;
mod parts;
mod pdf;
mod ppt;
mod pst;
mod rtf;
mod sheet;
pub mod sqlite;
mod tiff;
mod values;
mod xls;
mod xlsb;
mod xlsx;

pub use parts::Parts;

use super::{CaseKey, Outcome, Unread, dicom};

/// Every format, in the order in which they are asked.
pub static REGISTRY: &[&dyn Document] = &[
    &xlsx::Xlsx,
    &xlsb::Xlsb,
    &office::Pptx,
    &office::Docx,
    &opendocument::Odt,
    &opendocument::Ods,
    &opendocument::Odp,
    &pdf::Pdf,
    &rtf::Rtf,
    &html::Html,
    &mail::Mbox,
    &mail::Eml,
    &doc::Doc,
    &msg::Msg,
    &ppt::Ppt,
    &xls::Xls,
    &sqlite::Sqlite,
    &dbf::Dbf,
    &access::Access,
    &pst::Pst,
    &parquet::Parquet,
];

/// Formats without any text that is read: what they hold is told as a gap.
static PICTURES: &[&dyn Document] = &[&tiff::Tiff];

/// One format of documents.
pub trait Document: Sync {
    /// Short name in reports and documentation, as `xlsx`.
    fn id(&self) -> &'static str;

    /// Whether an object with these first bytes (up to 64 KiB) is of this format. Names decide nothing.
    fn recognise(&self, head: &[u8]) -> bool;

    /// The format itself, where the first bytes only showed that it is of this family and the whole tells more.
    fn closer(&self, _body: &[u8]) -> Option<&'static dyn Document> {
        None
    }

    /// Hands out text and tables. What can't be read is the error; what was handed out before it stays.
    /// Every declared size is doubted, and what a part costs is paid from the budget of `parts`.
    fn read(&self, body: &[u8], parts: &mut Parts<'_>) -> Result<(), Unread>;
}

/// The format of an object, by its first bytes. The preamble of a DICOM file may look like a TIFF (PS3.10 section 7.1).
pub fn detect(head: &[u8]) -> Option<&'static dyn Document> {
    if dicom::looks_like(head) {
        return None;
    }
    REGISTRY.iter().chain(PICTURES).copied().find(|d| d.recognise(head))
}

/// Reads a document. A reader that panics is one that could not read it.
pub fn read(document: &dyn Document, body: &[u8], key: &CaseKey) -> Outcome {
    let mut parts = Parts::new(key);
    parts.document(document, body);
    parts.finish()
}

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod tests;
