//! HL7 Clinical Document Architecture, release 2: C-CDA, CCD, C32 and every other `ClinicalDocument`.
//!
//! Source: HL7 CDA R2 (ANSI/HL7 CDA, R2-2005, ISO/HL7 27932), 4.2 (header: `recordTarget`, `patientRole`)
//! and 4.3 (body); Consolidated CDA 2.1, 1.1 (US Realm Header).
//!
//! Patients stand in the header, which comes first; of a structured body only the end is looked for. A body of another
//! format (`nonXMLBody`: PDF, RTF, text) is read as a document. Documents one after another, or wrapped in another element, each count.

mod document;
mod element;
mod markup;

use document::Documents;
use markup::Markup;

use super::collect::Collector;
use super::{CaseKey, Outcome, PhiDetector, PhiStream};

/// The root element's name.
const ROOT: &[u8] = b"ClinicalDocument";

/// See the module.
pub struct Cda;

impl PhiDetector for Cda {
    fn id(&self) -> &'static str {
        "cda"
    }

    fn start<'k>(&self, head: &[u8], key: &'k CaseKey) -> Option<Box<dyn PhiStream + 'k>> {
        let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
        if text.first() != Some(&b'<') {
            return None;
        }
        let named = memchr::memmem::find_iter(text, ROOT).any(|at| opens_tag(text, at));
        (named || is_all_prolog(text))
            .then(|| Box::new(Stream { markup: Markup::new(), documents: Documents::new(Collector::new(key)) }) as Box<_>)
    }
}

/// Whether the name begins a start tag, with or without a namespace prefix. The namespace is looked at later.
fn opens_tag(text: &[u8], at: usize) -> bool {
    let before = text.get(..at).unwrap_or_default();
    let prefix = match before.strip_suffix(b":") {
        None => return before.last() == Some(&b'<'),
        Some(rest) => rest,
    };
    let name = |b: &&u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.') || !b.is_ascii();
    let len = prefix.iter().rev().take(128).take_while(name).count();
    len > 0 && prefix.len().checked_sub(len).and_then(|n| prefix.get(..n)).and_then(<[u8]>::last) == Some(&b'<')
}

/// Whether comments, instructions or a document type declaration reach to the end: the root may follow.
fn is_all_prolog(mut text: &[u8]) -> bool {
    loop {
        let (start, end): (&[u8], &[u8]) = match text {
            [b'<', b'!', b'-', b'-', ..] => (b"<!--", b"-->"),
            [b'<', b'?', ..] => (b"<?", b"?>"),
            [b'<', b'!', b'D', ..] => (b"<!D", b">"),
            rest => return rest.is_empty(),
        };
        let rest = text.get(start.len()..).unwrap_or_default();
        let Some(at) = memchr::memmem::find(rest, end) else { return true };
        text = rest.get(at.saturating_add(end.len())..).unwrap_or_default().trim_ascii_start();
    }
}

struct Stream<'k> {
    markup: Markup,
    documents: Documents<'k>,
}

impl PhiStream for Stream<'_> {
    fn feed(&mut self, chunk: &[u8]) {
        self.markup.feed(chunk, &mut self.documents);
    }

    fn finish(self: Box<Self>) -> Outcome {
        self.documents.finish()
    }
}

#[cfg(test)]
mod tests;
