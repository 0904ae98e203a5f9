//! FHIR (R4, R5 and what came before) in JSON and XML: single resources, bundles, lists, and NDJSON of bulk exports.
//!
//! Source: HL7 FHIR R4 and R5, sections 2.6.1 (XML) and 2.6.2 (JSON) of R4, and the resources named in [`resource`];
//! Bulk Data Access IG for NDJSON.

mod manifest;
mod resource;
mod slice;
#[cfg(test)]
mod tests;
mod xml;

use resource::Resources;
use slice::{Slice, Slicer};

use super::collect::Collector;
use super::{CaseKey, Outcome, PhiDetector, PhiStream};

/// See the module.
pub struct Fhir;

impl PhiDetector for Fhir {
    fn id(&self) -> &'static str {
        "fhir"
    }

    fn start<'k>(&self, head: &[u8], key: &'k CaseKey) -> Option<Box<dyn PhiStream + 'k>> {
        let body = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
        let resources = || Resources::new(Collector::new(key));
        if xml::begins(body) {
            return Some(Box::new(xml::Stream::new(resources())));
        }
        let json = matches!(body.first(), Some(b'{' | b'[')) && names_a_resource(body);
        if !json && manifest::begins(body) {
            return Some(Box::new(manifest::Stream::default()));
        }
        json.then(|| Box::new(Stream { slicer: Slicer::default(), resources: resources() }) as Box<_>)
    }
}

/// Whether `"resourceType": "Name"` stands anywhere.
fn names_a_resource(head: &[u8]) -> bool {
    memchr::memmem::find_iter(head, b"\"resourceType\"").any(|at| {
        let rest = head.get(at.saturating_add(14)..).unwrap_or_default().trim_ascii_start();
        let value = rest.strip_prefix(b":").map(<[u8]>::trim_ascii_start).and_then(|v| v.strip_prefix(b"\""));
        value.and_then(|v| v.first()).is_some_and(u8::is_ascii_uppercase)
    })
}

struct Stream<'k> {
    slicer: Slicer,
    resources: Resources<'k>,
}

impl PhiStream for Stream<'_> {
    fn feed(&mut self, chunk: &[u8]) {
        let Self { slicer, resources } = self;
        slicer.feed(chunk, &mut |slice| match slice {
            Slice::Document(bytes) => resources.document(bytes),
            Slice::Entry(bytes) => resources.entry(bytes),
            Slice::TooLarge => resources.too_large(),
        });
    }

    fn finish(mut self: Box<Self>) -> Outcome {
        if self.slicer.is_open() {
            self.resources.cut_short();
        }
        self.resources.finish()
    }
}
