//! HL7 version 2 in XML (HL7 v2.xml, release 2): elements become the segments that they stand for.
//!
//! `<PID><PID.3><CX.1>M1</CX.1></PID.3></PID>` is `PID|||M1`. Values keep no character that delimits.

use quick_xml::Reader;
use quick_xml::events::Event;

use super::message::Messages;
use crate::phi::held::Held;
use crate::phi::{Outcome, PhiStream, Unread};

/// The name space.
const NAMESPACE: &[u8] = b"urn:hl7-org:v2xml";
/// Bytes of a document that are kept.
const MAX_DOCUMENT: usize = 64 << 20;
/// Bytes of one segment; embedded documents are read over.
const MAX_SEGMENT: usize = 64 * 1024;
/// Elements inside each other; messages need about a dozen.
const MAX_DEPTH: usize = 64;
/// Fields of a segment, and components of a field.
const MAX_PLACES: usize = 128;

/// Whether text is XML that declares the name space early.
pub(super) fn begins(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let early = head.get(..head.len().min(16 * 1024)).unwrap_or_default();
    head.first() == Some(&b'<') && memchr::memmem::find(early, NAMESPACE).is_some()
}

/// See the module.
pub(super) struct Stream<'k> {
    document: Held,
    messages: Messages<'k>,
}

impl<'k> Stream<'k> {
    pub fn new(messages: Messages<'k>) -> Self {
        Self { document: Held::new(MAX_DOCUMENT), messages }
    }
}

impl PhiStream for Stream<'_> {
    fn feed(&mut self, chunk: &[u8]) {
        self.document.feed(chunk);
    }

    fn finish(self: Box<Self>) -> Outcome {
        let Self { document, mut messages } = *self;
        let (text, cut) = document.text();
        let whole = read(&text, &mut messages);
        let broken = (cut || !whole).then(|| Unread::malformed("HL7 messages in XML that break off or are damaged"));
        let Outcome { facts, unread, part2 } = messages.finish();
        Outcome { facts, unread: broken.or(unread), part2 }
    }
}

/// Hands every segment to `out`. Returns whether the document ends well.
fn read(text: &str, out: &mut Messages<'_>) -> bool {
    let mut segment = Segment::default();
    let whole = events(text, &mut segment, out);
    // What a document that breaks off still told.
    out.segment(segment.line().as_bytes());
    whole
}

fn events(text: &str, segment: &mut Segment, out: &mut Messages<'_>) -> bool {
    let mut reader = Reader::from_str(text);
    let mut open: Vec<String> = Vec::new();
    loop {
        match reader.read_event() {
            Ok(Event::Start(tag)) if open.len() < MAX_DEPTH => {
                let name = tag.local_name().as_ref().to_owned();
                segment.begin(&name);
                open.push(name);
            }
            Ok(Event::End(_)) => match open.pop() {
                Some(name) => segment.end(&name, out),
                None => return false,
            },
            Ok(Event::Text(text)) => segment.value(&text),
            Ok(Event::CData(text)) => segment.value(&text),
            Ok(Event::Eof) => return open.is_empty(),
            Ok(Event::Start(_)) | Err(_) => return false,
            Ok(_) => {}
        }
    }
}

/// The segment that is open, as its fields.
#[derive(Default)]
struct Segment {
    tag: String,
    fields: Vec<String>,
    /// The field that a value belongs to; 0 where there is none.
    field: usize,
    /// The element that is a component of it; empty where none is open.
    component: String,
    /// Bytes of all fields.
    size: usize,
}

impl Segment {
    fn begin(&mut self, name: &str) {
        let place = name.rsplit_once('.').and_then(|(tag, n)| Some((tag, n.parse::<usize>().ok()?)));
        match place.filter(|(_, n)| (1..=MAX_PLACES).contains(n)) {
            None if is_tag(name) => *self = Self { tag: name.to_owned(), ..Self::default() },
            Some((tag, n)) if tag == self.tag => {
                self.field = n;
                self.component.clear();
                if self.fields.len() <= n {
                    self.fields.resize(n.saturating_add(1), String::new());
                }
                // The same field again is its next repetition.
                if self.fields.get(n).is_some_and(|f| !f.is_empty()) {
                    self.push('~');
                }
            }
            Some((_, n)) if self.component.is_empty() && self.field > 0 => {
                let done = self.fields.get(self.field).map_or(0, |f| f.rsplit('~').next().unwrap_or(f).matches('^').count());
                for _ in done.saturating_add(1)..n {
                    self.push('^');
                }
                name.clone_into(&mut self.component);
            }
            // Components of a component.
            Some((_, 2..)) if self.field > 0 => self.push('&'),
            _ => {}
        }
    }

    fn push(&mut self, c: char) {
        if let Some(field) = self.fields.get_mut(self.field) {
            field.push(c);
        }
    }

    fn value(&mut self, text: &str) {
        if self.field == 0 {
            return;
        }
        for c in text.trim().chars().take(MAX_SEGMENT.saturating_sub(self.size)) {
            self.size = self.size.saturating_add(1);
            self.push(if matches!(c, '|' | '^' | '~' | '\\' | '&' | '\r' | '\n') { ' ' } else { c });
        }
    }

    fn end(&mut self, name: &str, out: &mut Messages<'_>) {
        let place = name.rsplit_once('.').and_then(|(tag, n)| Some((tag, n.parse::<usize>().ok()?)));
        match place {
            Some((tag, _)) if tag == self.tag => self.field = 0,
            Some(_) if name == self.component => self.component.clear(),
            None if !self.tag.is_empty() && name == self.tag => {
                out.segment(self.line().as_bytes());
                *self = Self::default();
            }
            _ => {}
        }
    }

    /// In the encoding with bars, whose header's first two fields are the delimiters.
    fn line(&self) -> String {
        let header = self.tag == "MSH";
        let fields = self.fields.get(if header { 3 } else { 1 }..).unwrap_or_default();
        let start = if header { "MSH|^~\\&" } else { &self.tag };
        std::iter::once(start).chain(fields.iter().map(String::as_str)).collect::<Vec<_>>().join("|")
    }
}

fn is_tag(name: &str) -> bool {
    name.len() == 3 && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}
