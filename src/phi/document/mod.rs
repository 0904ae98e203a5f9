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
mod memo;
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

pub use parts::{Parts, is_mail};

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{CaseKey, Outcome, Unread, dicom};
use crate::model::GapReason;

/// Files that streams carry inside each other.
const MAX_INSIDE: u32 = 4;

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
    &memo::Memo,
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
    let mut parts = Parts::of_object(key);
    parts.document(document, body);
    parts.finish()
}

/// Reads a file that a stream carries: a document of a message, say. Files in files in files end at a bound.
pub(super) fn inside(bytes: &[u8], key: &CaseKey) -> Outcome {
    thread_local!(static DEPTH: Cell<u32> = const { Cell::new(0) });
    let depth = DEPTH.get();
    if depth >= MAX_INSIDE {
        let unread = Some(Unread::new(GapReason::LimitDepth, "documents are nested deeper than the limit"));
        return Outcome { unread, ..Outcome::default() };
    }
    DEPTH.set(depth.saturating_add(1));
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let mut parts = Parts::new(key);
        if let Err(why) = parts.nested(bytes) {
            parts.unread(why);
        }
        parts.finish()
    }));
    DEPTH.set(depth);
    outcome.unwrap_or_else(|_| {
        let unread = Some(Unread::new(GapReason::ParserFailed, "reading a document inside failed"));
        Outcome { unread, ..Outcome::default() }
    })
}

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod tests;
