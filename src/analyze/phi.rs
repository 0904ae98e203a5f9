//! Patient data at rest: every object's bytes through the PHI detectors, once.

use std::sync::Arc;

use super::{Analyzer, Examine, Findings, Head, Whole};
use crate::clue::is_volume;
use crate::model::{Category, Evidence, Gap, GapReason, Locator, NameMark, PhiFacts, Stage, Words};
use crate::phi::document::{self, Document, is_mail};
use crate::phi::{CaseKey, Outcome, PhiScan, Unread, dicom, named_in, named_in_path};

/// Runs the PHI detectors over every object.
pub struct PhiAnalyzer {
    key: Arc<CaseKey>,
}

impl PhiAnalyzer {
    pub fn new(key: Arc<CaseKey>) -> Self {
        Self { key }
    }
}

impl Analyzer for PhiAnalyzer {
    fn id(&self) -> &'static str {
        "phi"
    }

    fn worker(&self) -> Box<dyn Examine + '_> {
        Box::new(Worker { key: &self.key, scan: None, document: None, unread: None, covered: false, read: Vec::new() })
    }
}

struct Worker<'a> {
    key: &'a CaseKey,
    scan: Option<PhiScan<'a>>,
    /// Read from the whole body at the end; nothing else looks at its bytes then.
    document: Option<&'static dyn Document>,
    /// A format that holds text which no detector reads.
    unread: Option<&'static str>,
    /// The object was read with the document around it.
    covered: bool,
    /// Documents around the object that were read: their parts come again as members of containers.
    read: Vec<Read>,
}

struct Read {
    locator: Locator,
    /// A message: all that is attached was read with it, not only its markup.
    whole: bool,
    /// Names and numbers of its people.
    words: Arc<Words>,
}

impl Examine for Worker<'_> {
    fn begin(&mut self, head: &Head<'_>) {
        self.covered = false;
        self.read.retain(|read| head.locator.steps().starts_with(read.locator.steps()));
        if let Some(read) = self.read.last().filter(|read| head.locator.container().as_ref() == Some(&read.locator)) {
            let start = head.bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head.bytes).trim_ascii_start().first();
            if read.whole || start == Some(&b'<') {
                // A format that no reader knows is none that was read.
                (self.document, self.scan) = (None, None);
                self.unread = unread_format(head.bytes).filter(|_| read.whole);
                self.covered = true;
                // What is attached has parts of its own, which were read as well.
                if let Some(document) = document::detect(head.bytes).filter(|_| read.whole) {
                    let words = read.words.clone();
                    self.read.push(Read { locator: head.locator.clone(), whole: is_mail(document.id()), words });
                }
                return;
            }
        }
        self.document = document::detect(head.bytes);
        self.unread = if self.document.is_some() { None } else { unread_format(head.bytes) };
        // Of a document that isn't held whole, what is plain text in it can still be looked at.
        let streamed = self.document.is_none() || !head.held;
        let start = if is_volume(head.locator.base_name()) { PhiScan::volume } else { PhiScan::start };
        self.scan = streamed.then(|| start(head.bytes, self.key)).filter(|s| !s.is_idle());
    }

    fn feed(&mut self, _offset: u64, chunk: &[u8]) {
        if let Some(scan) = &mut self.scan {
            scan.feed(chunk);
        }
    }

    fn finish(&mut self, whole: &Whole<'_>, out: &mut Findings) {
        let locator = whole.head.locator;
        if self.covered {
            // Its people are told with what it is attached to; its name may name them all the same.
            let around = self.read.iter().rev().find(|read| read.locator != *locator);
            out.marks.extend(around.iter().flat_map(|read| marks(&read.words, &whole.head)));
            let gap = |format| Gap::new(locator, Stage::Phi, GapReason::PhiFormat, format).bytes(whole.size);
            out.gaps.extend(self.unread.take().map(gap));
            return;
        }
        let streamed = self.scan.take().map(PhiScan::finish).unwrap_or_default();
        let outcome = match (self.document.take(), whole.body) {
            (Some(document), Some(body)) => {
                let outcome = document::read(document, body, self.key);
                let whole = is_mail(document.id());
                let words = outcome.facts.as_ref().filter(|_| whole).map(|facts| facts.words.clone()).unwrap_or_default();
                self.read.push(Read { locator: locator.clone(), whole, words: Arc::new(words) });
                outcome
            }
            (Some(document), None) => {
                let detail = format!("{} documents above --max-body are not read whole for patient data", document.id());
                Outcome { unread: Some(Unread::new(GapReason::LimitMemory, detail)), ..streamed }
            }
            (None, _) => streamed,
        };
        let recognised = outcome.facts.is_some() || outcome.unread.is_some();
        if let Some(Unread { reason, detail }) = outcome.unread {
            out.gaps.push(Gap::new(locator, Stage::Phi, reason, detail).bytes(whole.size));
        }
        if let Some(mut facts) = outcome.facts {
            let words = std::mem::take(&mut facts.words);
            out.marks.extend(marks(&words, &whole.head));
            out.evidence.push(Evidence {
                locator: locator.clone(),
                category: Category::PhiAtRest,
                title: title(&facts),
                // Weighed from the facts, like those of a whole archive: see `correlate::content`.
                reasons: Vec::new(),
                phi: Some(Arc::new(facts)),
                techniques: Vec::new(),
            });
        }
        if let Some(format) = self.unread.take().filter(|_| !recognised) {
            out.gaps.push(Gap::new(locator, Stage::Phi, GapReason::PhiFormat, format).bytes(whole.size));
        }
    }

    fn abort(&mut self) {
        self.scan = None;
        self.document = None;
        self.unread = None;
    }
}

/// Where the names of the object and of the containers around it name its people.
fn marks(words: &Words, head: &Head<'_>) -> Vec<NameMark> {
    let names = head.locator.lineage().chain(head.other_names.iter().cloned());
    let marks = names.map(|locator| {
        let shown = locator.last().shown();
        let ranges = if locator.depth() == 0 { named_in_path(words, &shown) } else { named_in(words, &shown) };
        NameMark { locator, ranges }
    });
    marks.filter(|mark| !mark.ranges.is_empty()).collect()
}

fn title(facts: &PhiFacts) -> String {
    let n = facts.individuals.best;
    if n == 0 {
        let rows = crate::model::text::thousands(facts.records);
        return format!("Patient data at rest: {rows} rows like a limited data set, naming nobody, in {}", facts.format);
    }
    let people = if n == 1 { "person" } else { "people" };
    format!("Patient data at rest: {} {people} in {}", crate::model::text::thousands(n), facts.format)
}

/// Formats of documents, databases and health records whose text isn't read, by their first bytes.
pub fn unread_format(head: &[u8]) -> Option<&'static str> {
    let at = |offset: usize, magic: &[u8]| head.get(offset..).is_some_and(|b| b.starts_with(magic));
    match head.first()? {
        // Other kinds than text, sheets and slides: formulas, charts, databases.
        b'P' if at(30, b"mimetypeapplication/vnd.oasis") => Some("opendocument"),
        b'M' => at(0, b"MSSQLBAK").then_some("mssql backup (compressed or encrypted)"),
        b'O' => at(0, b"Obj\x01").then_some("avro"),
        _ if at(128, b"DICM") && !dicom::looks_like(head) => Some("dicom"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Digests, Kind, Locator, Meta};

    fn examine(bytes: &[u8]) -> Findings {
        let analyzer = PhiAnalyzer::new(Arc::new(CaseKey::new(&[5; 32])));
        let (locator, meta, digests) = (Locator::os("/x"), Meta::default(), Digests::default());
        let head = || Head {
            locator: &locator,
            kind: Kind::File,
            meta: &meta,
            origin: None,
            other_names: &[],
            bytes: &bytes[..bytes.len().min(65_536)],
            file_type: "data",
            containers: &[],
            held: false,
        };
        let mut worker = analyzer.worker();
        let mut out = Findings::default();
        worker.begin(&head());
        bytes.chunks(1000).enumerate().for_each(|(i, c)| worker.feed(i as u64 * 1000, c));
        let whole = Whole::new(head(), bytes.len() as u64, &digests, 0, None);
        worker.finish(&whole, &mut out);
        out
    }

    #[test]
    fn a_patient_table_is_evidence() {
        let out = examine(b"mrn,dob,ssn,dx\n1,1960-01-02,536-22-8841,E11.9\n2,1961-01-02,536-22-9001,I10\n");
        let [evidence] = out.evidence.as_slice() else { panic!("one finding") };
        assert_eq!(evidence.title, "Patient data at rest: 2 people in table-csv");
        assert_eq!(evidence.category, Category::PhiAtRest);
        assert!(out.gaps.is_empty());
    }

    #[test]
    fn invented_people_are_marked() {
        let out = examine(b"mrn,dob,ssn,dx\n1,1960-01-02,900-22-8841,E11.9\n2,1961-01-02,000-22-9001,I10\n");
        assert!(out.evidence[0].phi.as_ref().unwrap().synthetic);
    }

    #[test]
    fn unread_formats_are_gaps() {
        for (bytes, name) in [
            (&b"\x03\0\x01EXPORT:V11.02.00"[..], "oracle export"),
            (b"\0\x01\x02\0 \"EHR\".\"SYS_EXPORT_SCHEMA_01\"", "oracle data pump"),
        ] {
            let out = examine(bytes);
            assert_eq!(out.gaps.len(), 1, "{name}");
            assert_eq!(out.gaps[0].detail, name);
            assert_eq!((out.gaps[0].stage, out.gaps[0].reason), (Stage::Phi, GapReason::PhiFormat));
            assert_eq!(out.gaps[0].bytes, Some(bytes.len() as u64));
        }
        // What a detector has read and found nobody in is no gap.
        assert!(examine(b"{\"resourceType\":\"Organization\",\"id\":\"1\"}").gaps.is_empty());
        // Without a first element it can't be read; with one it is, and nobody is in it.
        let mut dicom = vec![0; 128];
        dicom.extend_from_slice(b"DICM");
        assert_eq!(examine(&dicom).gaps.len(), 1);
        dicom.extend_from_slice(b"\x08\0\x18\0UI\x0c\x001.2.840.1.1\0");
        assert!(examine(&dicom).gaps.is_empty());
        for none in [&b""[..], b"hello", b"PK\x03\x04plain zip without a marker, long enough here", b"{}"] {
            assert!(examine(none).gaps.is_empty());
        }
    }
}
