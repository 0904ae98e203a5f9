//! Metadata of documents that are handed on (IHE XDM and XDS.b: `METADATA.XML`, `SubmitObjectsRequest`): whose they are.
//!
//! Source: IHE ITI TF-3, 4.2.3.2.22 (`sourcePatientId`) and 4.2.3.2.23 (`sourcePatientInfo`: fields of an HL7 v2 PID
//! segment, as `PID-5|Doe^Jane`). Each document's slots become the segment that they are fields of.

use std::collections::BTreeMap;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::collect::Collector;
use super::held::Held;
use super::hl7v2::Messages;
use super::{CaseKey, Outcome, PhiDetector, PhiStream, Unread};
use crate::model::PhiFacts;

/// Bytes of metadata that are kept.
const MAX_DOCUMENT: usize = 64 << 20;
/// Bytes of one value.
const MAX_VALUE: usize = 4096;
/// The header of the message that the segments stand in.
const HEADER: &[u8] = b"MSH|^~\\&|XDM||||||ADT^A04|1|P|2.5";

/// See the module.
pub struct Xdm;

impl PhiDetector for Xdm {
    fn id(&self) -> &'static str {
        "xdm"
    }

    fn start<'k>(&self, head: &[u8], key: &'k CaseKey) -> Option<Box<dyn PhiStream + 'k>> {
        let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
        let early = text.get(..text.len().min(16 * 1024)).unwrap_or_default();
        let has = |word: &[u8]| memchr::memmem::find(early, word).is_some();
        let named = has(b"SubmitObjectsRequest") || has(b"ProvideAndRegisterDocumentSetRequest") || has(b"ExtrinsicObject");
        (text.first() == Some(&b'<') && named && has(b"ebxml-regrep")).then(|| {
            Box::new(Stream { document: Held::new(MAX_DOCUMENT), messages: Messages::new(Collector::new(key)) }) as Box<_>
        })
    }
}

struct Stream<'k> {
    document: Held,
    messages: Messages<'k>,
}

impl PhiStream for Stream<'_> {
    fn feed(&mut self, chunk: &[u8]) {
        self.document.feed(chunk);
    }

    fn finish(self: Box<Self>) -> Outcome {
        let Self { document, mut messages } = *self;
        let (text, cut) = document.text();
        messages.segment(HEADER);
        let whole = read(&text, &mut messages);
        let broken = (cut || !whole).then(|| Unread::malformed("metadata of documents that breaks off or is damaged"));
        let Outcome { facts, unread, part2 } = messages.finish();
        Outcome { facts: facts.map(|f| PhiFacts { format: "xdm".to_owned(), ..f }), unread: broken.or(unread), part2 }
    }
}

/// The document that is open.
#[derive(Default)]
struct Object {
    slot: String,
    value: Option<String>,
    source: String,
    fields: BTreeMap<usize, String>,
}

impl Object {
    fn take(&mut self) {
        let Some(value) = self.value.take() else { return };
        match self.slot.as_str() {
            "sourcePatientId" => self.source = value,
            "sourcePatientInfo" => {
                let Some((field, value)) = value.split_once('|') else { return };
                let number = field.trim().strip_prefix("PID-").and_then(|n| n.parse::<usize>().ok());
                if let Some(n) = number.filter(|n| (1..=39).contains(n)) {
                    let field = self.fields.entry(n).or_default();
                    if !field.is_empty() {
                        field.push('~');
                    }
                    field.push_str(value);
                }
            }
            _ => {}
        }
    }

    /// As the segment that it stands for. An authority that is only an object identifier goes by it.
    fn segment(mut self) -> Option<String> {
        if !self.source.is_empty() {
            self.fields.entry(3).or_insert(self.source);
        }
        let last = *self.fields.keys().next_back()?;
        let clean = |text: &str| text.replace(['|', '\r', '\n'], " ").replace("^&", "^");
        Some(
            (1..=last).fold("PID".to_owned(), |line, n| line + "|" + &self.fields.get(&n).map_or_else(String::new, |f| clean(f))),
        )
    }
}

/// Hands a segment out for every document. Returns whether the metadata ends well.
fn read(text: &str, out: &mut Messages<'_>) -> bool {
    let mut reader = Reader::from_str(text);
    let mut object: Option<Object> = None;
    let mut depth = 0_u64;
    loop {
        let event = reader.read_event();
        match event {
            Ok(Event::Start(tag)) => {
                depth = depth.saturating_add(1);
                match (tag.local_name().as_ref(), &mut object) {
                    ("ExtrinsicObject", _) => object = Some(Object::default()),
                    ("Slot", Some(object)) => object.slot = name(&tag),
                    ("Value", Some(object)) => object.value = Some(String::new()),
                    _ => {}
                }
            }
            Ok(Event::End(tag)) => {
                depth = depth.saturating_sub(1);
                match tag.local_name().as_ref() {
                    "Value" => object.iter_mut().for_each(Object::take),
                    "Slot" => object.iter_mut().for_each(|o| o.slot.clear()),
                    "ExtrinsicObject" => {
                        if let Some(line) = object.take().and_then(Object::segment) {
                            out.segment(line.as_bytes());
                        }
                    }
                    _ => {}
                }
            }
            Ok(Event::Text(text)) => add(&mut object, &text),
            Ok(Event::CData(text)) => add(&mut object, &text),
            Ok(Event::GeneralRef(entity)) => add(&mut object, resolved(&entity)),
            Ok(Event::Eof) => return depth == 0,
            Err(_) => return false,
            Ok(_) => {}
        }
    }
}

fn add(object: &mut Option<Object>, text: &str) {
    if let Some(value) = object.as_mut().and_then(|o| o.value.as_mut())
        && value.len().saturating_add(text.len()) <= MAX_VALUE
    {
        value.push_str(text);
    }
}

/// The marks that XML itself has no other way to write; `&` parts an authority's names.
fn resolved(entity: &str) -> &'static str {
    match entity {
        "amp" | "#38" | "#x26" => "&",
        "apos" | "#39" => "'",
        "quot" | "#34" => "\"",
        _ => " ",
    }
}

fn name(tag: &BytesStart<'_>) -> String {
    let mut attributes = tag.attributes();
    let found = attributes.with_checks(false).flatten().find(|a| a.key.as_ref() == "name");
    found.filter(|a| a.value.len() <= 128).map(|a| a.value.clone().into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phi::testing::{outcome, run};

    const METADATA: &[u8] = include_bytes!("../../tests/fixtures/phi/xdm-metadata.xml");

    #[test]
    fn documents_say_whose_they_are() {
        let Outcome { facts, unread, .. } = outcome(&Xdm, METADATA);
        let facts = facts.expect("people");
        // Two documents of one patient, and one of another.
        assert_eq!((facts.individuals.best, facts.records, facts.format.as_str(), unread), (2, 3, "xdm", None));
        assert_eq!((facts.identifiers["mrn"], facts.identifiers["dob"], facts.states.get("MA")), (2, 2, Some(&1)));
    }

    #[test]
    fn what_is_no_metadata_or_breaks_off() {
        assert!(run(&Xdm, b"<ExtrinsicObject><Slot name=\"sourcePatientId\"/></ExtrinsicObject>").is_none());
        assert!(run(&Xdm, b"<x xmlns='urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0'><SubmitObjectsRequest/></x>").is_none());
        assert!(outcome(&Xdm, &METADATA[..METADATA.len() - 30]).unread.is_some());
        for at in (0..METADATA.len()).step_by(11) {
            let mut other = METADATA.to_vec();
            other[at] = b"<>/&|\"^"[at % 7];
            let _ = run(&Xdm, &other);
        }
    }
}
