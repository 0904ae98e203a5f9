use super::*;
use crate::model::GapReason;

/// Rows, text, a nested table, and an end that depends on the first byte.
struct Sample;

impl Document for Sample {
    fn id(&self) -> &'static str {
        "sample"
    }

    fn recognise(&self, head: &[u8]) -> bool {
        head.starts_with(b"SAMPLE")
    }

    fn read(&self, body: &[u8], parts: &mut Parts<'_>) -> Result<(), Unread> {
        parts.begin()?;
        parts.row(["mrn", "patient name", "dob"])?;
        parts.row(["M1", "Doe, \"Jane\"", "1960-01-02"])?;
        parts.row(["M2", "Roe, Rick\nJr.", "1971-05-06"])?;
        parts.nested(b"mrn,patient name,dob\nM2,\"Roe, Rick\",1971-05-06\nM3,\"Poe, Ann\",1981-05-06\n")?;
        match body.last() {
            Some(b'!') => Err(Unread::malformed("it ends badly")),
            Some(b'?') => panic!("a reader's own fault"),
            _ => Ok(()),
        }
    }
}

#[test]
fn parts_are_counted_as_one() {
    let key = CaseKey::new(&[7; 32]);
    let outcome = read(&Sample, b"SAMPLE", &key);
    let facts = outcome.facts.expect("people");
    assert_eq!((facts.format.as_str(), facts.records, facts.individuals.best, facts.people.len()), ("sample", 4, 3, 4));
    assert_eq!(outcome.unread, None);
}

#[test]
fn what_was_read_before_a_fault_stays() {
    let key = CaseKey::new(&[7; 32]);
    for (body, reason) in [(&b"SAMPLE!"[..], GapReason::Malformed), (b"SAMPLE?", GapReason::ParserFailed)] {
        let outcome = read(&Sample, body, &key);
        assert_eq!(outcome.facts.map(|f| f.individuals.best), Some(3));
        assert_eq!(outcome.unread.map(|u| u.reason), Some(reason));
    }
}

/// The fixtures of documents, each with two people.
fn fixtures() -> Vec<(String, Vec<u8>)> {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/phi");
    let mut files: Vec<_> = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let read = |p: std::path::PathBuf| (p.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&p).unwrap());
    files.into_iter().map(read).filter(|(name, _)| REGISTRY.iter().any(|d| name.split('-').next() == Some(d.id()))).collect()
}

fn outcome(bytes: &[u8]) -> Outcome {
    let Some(document) = detect(&bytes[..bytes.len().min(65_536)]) else { return Outcome::default() };
    read(document, bytes, &CaseKey::new(&[7; 32]))
}

#[test]
fn fixtures_are_read_whole() {
    let mut wrong = Vec::new();
    for (name, bytes) in fixtures() {
        let outcome = outcome(&bytes);
        let facts = outcome.facts.clone().unwrap_or_default();
        let id = name.split('-').next().unwrap();
        // Its memos lie in a file beside it.
        let whole = outcome.unread.is_none() || name == "dbf-memo.dbf";
        if facts.individuals.best != 2 || !facts.format.starts_with(id) || !whole {
            wrong.push(format!("{name}: {} {:?} {:?} {:?}", facts.format, facts.individuals, facts.identifiers, outcome.unread));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Files that break off, and files with wrong bytes in them: a gap perhaps, but no panic of a reader of ours.
#[test]
fn broken_files() {
    let mut state = 9_u64;
    let mut random = |n: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as usize % n
    };
    let mut failed = std::collections::BTreeSet::new();
    for (name, bytes) in fixtures() {
        for round in 0..60 {
            let mut broken = bytes.clone();
            if round % 3 == 0 {
                broken.truncate(random(bytes.len()));
            } else {
                for _ in 0..=round % 7 {
                    broken[random(bytes.len())] = random(256) as u8;
                }
            }
            let outcome = outcome(&broken);
            if outcome.unread.is_some_and(|u| u.reason == GapReason::ParserFailed) {
                failed.insert(name.clone());
            }
        }
    }
    assert!(failed.is_empty(), "{failed:?}");
}

#[test]
fn what_is_not_read_is_told() {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/phi-unread/");
    for (name, people, reason, detail) in [
        ("locked.xlsx", 0, GapReason::Encrypted, "the office document is encrypted"),
        ("locked.pdf", 0, GapReason::Encrypted, "the document is encrypted"),
        ("scan.pdf", 0, GapReason::PhiFormat, "pdf: 2 pages are images without text"),
        ("mixed.pdf", 2, GapReason::PhiFormat, "pdf: 1 of 3 pages are images without text"),
        ("fax.tif", 0, GapReason::PhiFormat, "tiff: 2 pages are images without text"),
    ] {
        let outcome = outcome(&std::fs::read(format!("{dir}{name}")).unwrap());
        assert_eq!(outcome.facts.map_or(0, |f| f.individuals.best), people, "{name}");
        assert_eq!(outcome.unread, Some(Unread::new(reason, detail)), "{name}");
    }
    let photo = std::fs::read(format!("{dir}photo.tif")).unwrap();
    assert_eq!(outcome(&photo), Outcome::default());
}

/// Invoices, staff and orders, in every format of text.
#[test]
fn business_documents_have_no_patients() {
    let rows = "<tr><td>Employee</td><td>First Name</td><td>Last Name</td><td>Phone</td><td>Hire Date</td></tr>\
        <tr><td>1001</td><td>Ann</td><td>Poe</td><td>518-462-8123</td><td>2001-02-03</td></tr>\
        <tr><td>1002</td><td>Bob</td><td>Roe</td><td>518-462-8124</td><td>2003-02-03</td></tr>";
    let letter = "Invoice 20240102-17<br>Customer: Roe Supplies<br>Order No: 4711<br>Total: 1,200.00 USD<br>Due 02/03/2024";
    let page = format!("<html><body><p>{letter}</p><table>{rows}</table></body></html>");
    let rtf = r"{\rtf1\ansi Invoice 4711\par Customer: Roe Supplies\par Contact: Ann Poe, 518-462-8123\par}";
    let mail = format!(
        "From: a@b.example\r\nTo: c@d.example\r\nSubject: order\r\nMIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n{page}"
    );
    for text in [page.as_str(), rtf, &mail] {
        assert!(detect(text.as_bytes()).is_some());
        assert_eq!(outcome(text.as_bytes()), Outcome::default(), "{text}");
    }
}

#[test]
fn only_documents_are_taken() {
    for none in [
        &b"<?xml version='1.0'?><ClinicalDocument xmlns='urn:hl7-org:v3'/>"[..],
        b"<Patient xmlns=\"http://hl7.org/fhir\"><text><div xmlns=\"http://www.w3.org/1999/xhtml\"/></text></Patient>",
        b"<?xml version='1.0'?><Row><PatientID>123</PatientID></Row>",
        b"From here on, a text.\nSubject: none\n",
        b"Date: today\nPatient: nobody\n\nFrom: x",
        b"PK\x03\x04 a zip of something else",
    ] {
        assert!(detect(none).is_none(), "{}", String::from_utf8_lossy(none));
    }
}

#[test]
fn xml_with_labels_is_text() {
    let key = CaseKey::new(&[7; 32]);
    let xml =
        b"<?xml version=\"1.0\"?>\n<Rows><Row><PatientID>12345</PatientID><DateOfBirth>1960-01-02</DateOfBirth></Row></Rows>";
    let mut scan = crate::phi::PhiScan::start(xml, &key);
    scan.feed(xml);
    assert_eq!(scan.finish().facts.map(|f| f.individuals.best), Some(1));
}

proptest::proptest! {
    /// Behind the first bytes of every format.
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..600)) {
        for head in [&b"%PDF-1.4\n1 0 obj<</Type/Page/Contents 1 0 R/Filter/LZWDecode>>stream\n"[..], b"{\\rtf1 ", b"<html><table>", b"II*\0\x08\0\0\0",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"From: a\nTo: b\nSubject: c\nMIME-Version: 1.0\n"] {
            let outcome = outcome(&[head, &bytes].concat());
            proptest::prop_assert!(outcome.unread.is_none_or(|u| u.reason != GapReason::ParserFailed));
        }
    }
}
