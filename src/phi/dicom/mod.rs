//! DICOM data sets: files with and without the preamble, and the directory of a medium (DICOMDIR).
//!
//! Source: DICOM PS3.5 (encoding), PS3.10 section 7 (file format), PS3.3 section F.5 (directory records) and
//! C.7.1 (patient), PS3.6 (tags).

mod element;
mod patient;
mod stream;

use element::{Syntax, Tag};

use super::collect::Collector;
use super::{CaseKey, PhiDetector, PhiStream};

/// Where `DICM` stands in a file with preamble (PS3.10 section 7.1).
const PREAMBLE: usize = 128;
/// Elements that are looked at before bytes without a preamble are taken for a data set, or left.
const MAX_SNIFFED: usize = 16;

/// See the module.
pub struct Dicom;

impl PhiDetector for Dicom {
    fn id(&self) -> &'static str {
        "dicom"
    }

    fn start<'k>(&self, head: &[u8], key: &'k CaseKey) -> Option<Box<dyn PhiStream + 'k>> {
        let at = begins(head)?;
        Some(Box::new(stream::Stream::new(at, Collector::new(key))))
    }
}

/// Whether the bytes begin as DICOM does. Such bytes are never text, however many zeros are among them.
pub fn looks_like(head: &[u8]) -> bool {
    begins(head).is_some()
}

/// Where the first element stands.
fn begins(head: &[u8]) -> Option<usize> {
    let at = PREAMBLE + 4;
    if head.get(PREAMBLE..at) == Some(b"DICM") {
        // Whatever follows must be an early group, in either byte order.
        let group = head.get(at..at + 2)?;
        return matches!(group, [1..=0x28, 0] | [0, 1..=0x28]).then_some(at);
    }
    is_data_set(head).then_some(0)
}

/// A data set that stands alone: ascending tags from group 0002 or 0008 on, known representations, lengths
/// that fit, and among the first elements the UID of a class or instance, or ACR-NEMA's recognition code.
fn is_data_set(head: &[u8]) -> bool {
    let Some(syntax) = Syntax::peek(head) else { return false };
    let mut rest = head;
    let mut last = None;
    for _ in 0..MAX_SNIFFED {
        let Some(element) = syntax.element(rest).filter(|e| e.known) else { return false };
        let Tag(group, number) = element.tag;
        let early = matches!(group, 2 | 8) && number <= 0x1000;
        if !early || last.is_some_and(|last| element.tag <= last) {
            return false;
        }
        last = Some(element.tag);
        let Some(length) = element.length.and_then(|l| usize::try_from(l).ok()) else { return false };
        let Some(value) = rest.get(element.size..).and_then(|r| r.get(..length)) else { return false };
        let uid = matches!((group, number), (2, 2 | 3 | 0x10) | (8, 0x16 | 0x18));
        if uid && (syntax.implicit || element.vr == *b"UI") {
            return is_uid(value);
        }
        if (group, number) == (8, 0x10) && value.starts_with(b"ACR-NEMA") {
            return true;
        }
        rest = rest.get(element.size.saturating_add(length)..).unwrap_or_default();
    }
    false
}

/// PS3.5 section 9.1: digits and dots, at most 64, padded with a zero byte to even length.
fn is_uid(value: &[u8]) -> bool {
    let uid = value.strip_suffix(b"\0").unwrap_or(value);
    (8..=64).contains(&uid.len())
        && matches!(uid, [b'0'..=b'2', b'.', ..])
        && uid.iter().all(|b| b.is_ascii_digit() || *b == b'.')
        && !uid.windows(2).any(|w| w == b"..")
        && uid.last() != Some(&b'.')
}

#[cfg(test)]
mod tests;
