use super::*;
use crate::model::PhiFacts;
use crate::phi::testing::run;
use crate::phi::transcode::PhiScan;

type Out = Vec<u8>;

const EXPLICIT: Syntax = Syntax { implicit: false, big: false };
const IMPLICIT: Syntax = Syntax { implicit: true, big: false };
const BIG: Syntax = Syntax { implicit: false, big: true };

fn u16s(s: Syntax, n: u16) -> [u8; 2] {
    if s.big { n.to_be_bytes() } else { n.to_le_bytes() }
}

fn u32s(s: Syntax, n: u32) -> [u8; 4] {
    if s.big { n.to_be_bytes() } else { n.to_le_bytes() }
}

fn header(s: Syntax, (group, element): (u16, u16), vr: &str, length: u32) -> Out {
    let mut out = [u16s(s, group), u16s(s, element)].concat();
    if s.implicit || group == 0xfffe {
        out.extend(u32s(s, length));
    } else if matches!(vr, "OB" | "OW" | "SQ" | "UN" | "UT") {
        out.extend([vr.as_bytes(), b"\0\0", &u32s(s, length)].concat());
    } else {
        out.extend([vr.as_bytes(), &u16s(s, length as u16)].concat());
    }
    out
}

fn el(s: Syntax, tag: (u16, u16), vr: &str, value: &[u8]) -> Out {
    let mut value = value.to_vec();
    if value.len() % 2 == 1 {
        value.push(if vr == "UI" { 0 } else { b' ' });
    }
    [header(s, tag, vr, value.len() as u32), value].concat()
}

/// A sequence of one item, with and without lengths.
fn sequence(s: Syntax, tag: (u16, u16), inner: &[u8], lengths: bool) -> Out {
    if lengths {
        let item = [header(s, (0xfffe, 0xe000), "", inner.len() as u32), inner.to_vec()].concat();
        return [header(s, tag, "SQ", item.len() as u32), item].concat();
    }
    let open = [header(s, tag, "SQ", u32::MAX), header(s, (0xfffe, 0xe000), "", u32::MAX)].concat();
    let close = [header(s, (0xfffe, 0xe00d), "", 0), header(s, (0xfffe, 0xe0dd), "", 0)].concat();
    [open, inner.to_vec(), close].concat()
}

fn data_set(s: Syntax, name: &str, id: &str, extra: &[u8]) -> Out {
    let someone = el(s, (0x10, 0x10), "PN", b"Nobody^Else");
    [
        el(s, (8, 5), "CS", b"ISO_IR 100"),
        el(s, (8, 0x16), "UI", b"1.2.840.10008.5.1.4.1.1.2"),
        el(s, (8, 0x20), "DA", b"20240102"),
        el(s, (8, 0x50), "SH", b"ACC77"),
        el(s, (8, 0x60), "CS", b"CT"),
        sequence(s, (8, 0x1110), &[someone.clone(), sequence(s, (8, 0x1111), &someone, false)].concat(), false),
        sequence(s, (8, 0x1115), &someone, true),
        el(s, (9, 0x10), "LO", b"PRIVATE"),
        el(s, (9, 0x1001), "UN", &[0xfe; 301]),
        el(s, (0x10, 0x10), "PN", name.as_bytes()),
        el(s, (0x10, 0x20), "LO", id.as_bytes()),
        el(s, (0x10, 0x21), "LO", b"CLINIC"),
        el(s, (0x10, 0x30), "DA", b"19600102"),
        el(s, (0x10, 0x40), "CS", b"F"),
        el(s, (0x10, 0x1000), "LO", b"OLD9\\536-22-8841"),
        sequence(s, (0x10, 0x1002), &[el(s, (0x10, 0x20), "LO", b"B5"), el(s, (0x10, 0x21), "LO", b"LAB")].concat(), false),
        el(s, (0x10, 0x1040), "LO", b"2 ELM ST, ALBANY, NY 12207"),
        el(s, (0x10, 0x2154), "SH", b"(518)462-1234"),
        extra.to_vec(),
        el(s, (0x20, 0xd), "UI", b"1.2.3.4.5.6"),
        header(s, (0x7fe0, 0x10), "OW", u32::MAX),
        // Never looked at.
        el(s, (0x10, 0x10), "PN", b"Pixel^Data"),
    ]
    .concat()
}

fn meta(uid: &str) -> Out {
    let rest = [el(EXPLICIT, (2, 1), "OB", &[0, 1]), el(EXPLICIT, (2, 0x10), "UI", uid.as_bytes())].concat();
    let length = el(EXPLICIT, (2, 0), "UL", &(rest.len() as u32).to_le_bytes());
    [vec![0; 128], b"DICM".to_vec(), length, rest].concat()
}

fn file(uid: &str, data: &[u8]) -> Out {
    [meta(uid), data.to_vec()].concat()
}

fn deflate(data: &[u8]) -> Out {
    use std::io::Read;
    let mut out = Vec::new();
    flate2::read::DeflateEncoder::new(data, flate2::Compression::best()).read_to_end(&mut out).unwrap();
    out
}

fn jane(s: Syntax) -> Out {
    data_set(s, "Doe^Jane^Q=Other^Script", "M100", b"")
}

/// Every way to write the same patient.
fn written() -> Vec<Out> {
    vec![
        file("1.2.840.10008.1.2.1", &jane(EXPLICIT)),
        file("1.2.840.10008.1.2", &jane(IMPLICIT)),
        file("1.2.840.10008.1.2.2", &jane(BIG)),
        file("1.2.840.10008.1.2.4.91", &jane(EXPLICIT)),
        file("1.2.840.10008.1.2.1.99", &deflate(&jane(EXPLICIT))),
        // What is declared isn't what is written.
        file("1.2.840.10008.1.2.1", &jane(IMPLICIT)),
        [&[0; 128][..], b"DICM", &jane(EXPLICIT)].concat(),
        jane(EXPLICIT),
        jane(IMPLICIT),
        jane(BIG),
    ]
}

fn cut(bytes: &[u8], size: usize) -> Option<PhiFacts> {
    let key = CaseKey::new(&[7; 32]);
    let mut scan = PhiScan::start(&bytes[..bytes.len().min(65_536)], &key);
    bytes.chunks(size).for_each(|c| scan.feed(c));
    scan.finish().facts
}

#[test]
fn every_transfer_syntax_gives_the_same() {
    let first = run(&Dicom, &written()[0]).unwrap();
    assert_eq!((first.format.as_str(), first.individuals.best, first.records), ("dicom", 1, 1));
    for (kind, n) in [("name", 1), ("mrn", 3), ("ssn", 1), ("dob", 1), ("phone", 1), ("accession", 1), ("study", 1), ("zip", 1)] {
        assert_eq!(first.identifiers.get(kind), Some(&n), "{kind}");
    }
    assert_eq!(first.states.get("NY"), Some(&1));
    assert!(first.clinical && !first.synthetic && !first.deidentified);
    assert!(first.notes.contains(&"modality CT".to_owned()));
    for (i, bytes) in written().iter().enumerate() {
        assert_eq!(run(&Dicom, bytes).as_ref(), Some(&first), "{i}");
        for size in [1, 7, 1000, bytes.len()] {
            assert_eq!(cut(bytes, size).as_ref(), Some(&first), "{i} by {size}");
        }
    }
}

#[test]
fn a_directory_lists_its_patients() {
    for s in [EXPLICIT, IMPLICIT, BIG] {
        for lengths in [false, true] {
            let record = |kind: &str, name: &str, id: &str| {
                let inner = [
                    el(s, (4, 0x1430), "CS", kind.as_bytes()),
                    el(s, (0x10, 0x10), "PN", name.as_bytes()),
                    el(s, (0x10, 0x20), "LO", id.as_bytes()),
                ]
                .concat();
                if lengths {
                    return [header(s, (0xfffe, 0xe000), "", inner.len() as u32), inner].concat();
                }
                [header(s, (0xfffe, 0xe000), "", u32::MAX), inner, header(s, (0xfffe, 0xe00d), "", 0)].concat()
            };
            let items =
                [record("PATIENT", "Doe^Jane", "M1"), record("STUDY", "Not^Counted", "S1"), record("PATIENT", "Roe^Rick", "M2")];
            let items = items.concat();
            let length = if lengths { items.len() as u32 } else { u32::MAX };
            let mut data = [el(s, (4, 0x1130), "CS", b"DISC"), header(s, (4, 0x1220), "SQ", length), items].concat();
            if !lengths {
                data.extend(header(s, (0xfffe, 0xe0dd), "", 0));
            }
            let facts = run(&Dicom, &file("1.2.840.10008.1.2.1", &data)).unwrap();
            assert_eq!((facts.format.as_str(), facts.individuals.best, facts.records), ("dicomdir", 2, 2));
        }
    }
}

#[test]
fn marks_are_told() {
    let with = |extra: &[Out]| run(&Dicom, &data_set(EXPLICIT, "Doe^Jane", "M1", &extra.concat())).unwrap();
    let yes = el(EXPLICIT, (0x12, 0x62), "CS", b"YES");
    let no = el(EXPLICIT, (0x12, 0x62), "CS", b"NO");
    let method = el(EXPLICIT, (0x12, 0x63), "LO", b"Basic profile");
    assert!(with(&[yes]).deidentified);
    assert!(with(std::slice::from_ref(&method)).deidentified);
    assert!(!with(&[no, method]).deidentified);
    let burned = with(&[el(EXPLICIT, (0x28, 0x301), "CS", b"YES")]);
    assert!(burned.notes.iter().any(|n| n.contains("BurnedIn")));
}

#[test]
fn who_it_is_follows_issuer_and_number_or_the_name() {
    let key = CaseKey::new(&[7; 32]);
    let facts = |name: &str, id: &str, issuer: &str| {
        let s = EXPLICIT;
        let data = [
            el(s, (8, 0x18), "UI", b"1.2.840.1.1"),
            el(s, (0x10, 0x10), "PN", name.as_bytes()),
            el(s, (0x10, 0x20), "LO", id.as_bytes()),
            el(s, (0x10, 0x21), "LO", issuer.as_bytes()),
            el(s, (0x10, 0x30), "DA", b"19600102"),
        ]
        .concat();
        let mut stream = Dicom.start(&data, &key).unwrap();
        stream.feed(&data);
        stream.finish()
    };
    let people = |all: &[(&str, &str, &str)]| {
        let mut index = crate::phi::PeopleIndex::new();
        all.iter().filter_map(|(n, i, o)| facts(n, i, o).facts).for_each(|f| index.add(&f));
        index.totals().0.best
    };
    assert_eq!(people(&[("Doe^Jane", "M1", "A"), ("Doe^J", "M1", "a")]), 1);
    assert_eq!(people(&[("Doe^Jane", "M1", "A"), ("Roe^Rick", "M1", "B")]), 2);
    assert_eq!(people(&[("Doe^Jane", "", ""), ("DOE^JANE^Q", "", "")]), 1);
    assert!(facts("", "", "A").facts.is_none());
    assert!(facts("^^^^", " ", "A").facts.is_none());
}

#[test]
fn damage_and_lies_are_survived() {
    let whole = file("1.2.840.10008.1.2.1", &jane(EXPLICIT));
    for n in 0..whole.len() {
        let _ = run(&Dicom, &whole[..n]);
    }
    // Cut behind the identifiers: they count.
    let name = memchr::memmem::find(&whole, b"CLINIC").unwrap();
    assert_eq!(run(&Dicom, &whole[..name + 6]).unwrap().individuals.best, 1);
    let s = IMPLICIT;
    let uid = el(s, (8, 0x18), "UI", b"1.2.840.1.1");
    let huge = [uid.clone(), header(s, (0x10, 0x10), "PN", u32::MAX - 1), vec![b'A'; 5000]].concat();
    assert!(run(&Dicom, &huge).is_none());
    let deep: Out = (0..5000)
        .flat_map(|_| [header(s, (8, 0x1110), "SQ", u32::MAX), header(s, (0xfffe, 0xe000), "", u32::MAX)].concat())
        .collect();
    assert!(run(&Dicom, &[uid, deep].concat()).is_none());
}

#[test]
fn what_is_no_data_set_does_not_start() {
    let key = CaseKey::new(&[1; 32]);
    let riff = [b"RIFF\x24\0\0\0WAVE".as_slice(), &[0; 200]].concat();
    let mut wrong = vec![0; 128];
    wrong.extend_from_slice(b"DICMxxxxxxxxxxxxxxxxx");
    let not_uid = [el(IMPLICIT, (8, 5), "CS", b"ISO_IR 100"), el(IMPLICIT, (8, 0x16), "UI", b"hello world, hello")].concat();
    let down = [el(EXPLICIT, (8, 0x20), "DA", b"20240102"), el(EXPLICIT, (8, 0x18), "UI", b"1.2.840.1.1")].concat();
    for bytes in
        [b"".as_slice(), &[0; 400], &[8, 0, 0, 0, 0, 0, 0, 0], b"\x08\0\x05\0CS\x0a\0ISO", &riff, &wrong, &not_uid, &down]
    {
        assert!(Dicom.start(bytes, &key).is_none(), "{bytes:?}");
    }
}

proptest::proptest! {
    #[test]
    fn random_bytes_are_no_data_set(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..600), group in 0usize..3) {
        let lead: &[u8] = [&b""[..], b"\x08\0", b"\0\x08"][group];
        proptest::prop_assert!(!looks_like(&[lead, &bytes].concat()));
    }

    #[test]
    fn hostile_bytes_never_panic(which in 0usize..10, at in 0usize..2000, tail in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
        let mut bytes = written().swap_remove(which);
        bytes.truncate(at.min(bytes.len()));
        bytes.extend(&tail);
        let _ = run(&Dicom, &bytes);
        let _ = run(&Dicom, &[meta("1.2.840.10008.1.2.1.99"), tail].concat());
    }
}

#[test]
fn a_data_set_that_breaks_off_is_told() {
    let s = EXPLICIT;
    let uid = el(s, (8, 0x18), "UI", b"1.2.840.1.1");
    let name = el(s, (0x10, 0x10), "PN", b"Doe^Jane");
    let later = el(s, (0x28, 0x10), "US", &[1, 0]);
    let unread = |parts: &[&[u8]]| crate::phi::testing::outcome(&Dicom, &parts.concat()).unread.is_some();
    assert!(!unread(&[&uid, &name, &later]) && !unread(&[&uid]));
    assert!(unread(&[&uid, &name[..name.len() - 3]]) && unread(&[&uid, b"\xff\xff\xff\xff\xff\xff\xff\xff"]));
    // What follows the patient names nobody.
    assert!(!unread(&[&uid, &name, &later[..later.len() - 1]]));
}
