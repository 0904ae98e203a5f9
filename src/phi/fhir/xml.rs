//! FHIR in XML (R4 section 2.6.1): every element becomes what it would be in JSON, and the rest is shared.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde_json::{Map, Value};

use super::resource::Resources;
use crate::phi::held::Held;
use crate::phi::{Outcome, PhiStream};

/// Bytes of a document that are kept.
const MAX_DOCUMENT: usize = 64 << 20;
/// Elements inside each other; resources need about a dozen.
const MAX_DEPTH: usize = 64;
/// The name space of FHIR.
const NAMESPACE: &[u8] = b"http://hl7.org/fhir";

/// Whether text is XML that declares FHIR's name space early.
pub(super) fn begins(head: &[u8]) -> bool {
    let declares = |at: usize| {
        let quote = at.checked_sub(1).and_then(|q| head.get(q));
        matches!(quote, Some(b'"' | b'\'')) && head.get(at.saturating_add(NAMESPACE.len())) == quote
    };
    head.first() == Some(&b'<') && memchr::memmem::find_iter(head, NAMESPACE).any(declares)
}

/// See the module.
pub(super) struct Stream<'k> {
    document: Held,
    resources: Resources<'k>,
}

impl<'k> Stream<'k> {
    pub fn new(resources: Resources<'k>) -> Self {
        Self { document: Held::new(MAX_DOCUMENT), resources }
    }
}

impl PhiStream for Stream<'_> {
    fn feed(&mut self, chunk: &[u8]) {
        self.document.feed(chunk);
    }

    fn finish(self: Box<Self>) -> Outcome {
        let Self { document, mut resources } = *self;
        let (text, cut) = document.text();
        let whole = read(&text, &mut resources);
        if cut || !whole {
            resources.cut_short();
        }
        resources.finish()
    }
}

/// An element that is open.
struct Open {
    name: String,
    value: Option<String>,
    children: Map<String, Value>,
    /// A resource that stands in the place of the element.
    resource: Option<Value>,
}

/// Hands every outermost resource, and every entry of a bundle, to `out`. Returns whether the document ends well.
fn read(text: &str, out: &mut Resources<'_>) -> bool {
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Open> = Vec::new();
    loop {
        match reader.read_event() {
            Ok(Event::Start(tag)) if skipped(&tag) => {
                let end = tag.to_end().into_owned();
                if reader.read_to_end(end.name()).is_err() {
                    return false;
                }
            }
            Ok(Event::Start(tag)) if open.len() < MAX_DEPTH => open.push(element(&tag)),
            Ok(Event::Empty(tag)) if !skipped(&tag) => close(element(&tag), &mut open, out),
            Ok(Event::End(_)) => match open.pop() {
                Some(done) => close(done, &mut open, out),
                None => return false,
            },
            Ok(Event::Start(_)) | Err(_) => return false,
            Ok(Event::Eof) => return open.is_empty(),
            Ok(_) => {}
        }
    }
}

/// Narrative is XHTML.
fn skipped(tag: &BytesStart<'_>) -> bool {
    tag.local_name().as_ref() == "div"
}

fn element(tag: &BytesStart<'_>) -> Open {
    let attribute = tag.try_get_attribute("value").ok().flatten();
    let value = attribute.map(|a| {
        // Only the five predefined entities and character references exist; what else stands there stays.
        quick_xml::escape::unescape(&a.value).map_or_else(|_| a.value.to_string(), |v| v.into_owned())
    });
    let name = tag.local_name().as_ref().to_owned();
    Open { name, value, children: Map::new(), resource: None }
}

fn close(done: Open, open: &mut [Open], out: &mut Resources<'_>) {
    let Open { name, value, mut children, resource } = done;
    let is_resource = name.starts_with(|c: char| c.is_ascii_uppercase());
    if is_resource {
        children.insert("resourceType".to_owned(), name.as_str().into());
    }
    let node = match (resource, value) {
        (Some(resource), _) => resource,
        (None, Some(value)) if children.is_empty() => Value::String(value),
        _ => Value::Object(children),
    };
    let of_bundle = open.len() == 1 && name == "entry";
    match open.last_mut() {
        None => {
            if let Value::Object(resource) = &node {
                out.resource(resource, "", 0);
            }
        }
        // Entries are taken one by one, so that a bundle is never held as a tree.
        Some(_) if of_bundle => {
            if let Value::Object(entry) = &node {
                out.element(entry, 0);
            }
        }
        Some(parent) if is_resource => parent.resource = Some(node),
        Some(parent) => match parent.children.get_mut(&name) {
            None => {
                parent.children.insert(name, node);
            }
            Some(Value::Array(list)) => list.push(node),
            Some(one) => *one = Value::Array(vec![one.take(), node]),
        },
    }
}
