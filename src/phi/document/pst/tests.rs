use super::build::{ANSI, LARGE, Object, UNICODE, Value, store};
use super::cipher::Cipher;
use super::*;
use crate::phi::document::read;
use crate::phi::{CaseKey, Outcome};

const CLINIC: &[u8] = include_bytes!("../../../../tests/fixtures/phi/pst-clinic.pst");

fn outcome(bytes: &[u8]) -> Outcome {
    read(&Pst, bytes, &CaseKey::new(&[7; 32]))
}

fn people(bytes: &[u8]) -> (u64, Option<GapReason>) {
    let Outcome { facts, unread, .. } = outcome(bytes);
    (facts.map_or(0, |f| f.individuals.best), unread.map(|u| u.reason))
}

fn object(properties: Vec<(u16, Value)>, inside: Vec<Object>) -> Object {
    Object { properties, inside }
}

/// A referral, an appointment in HTML with a table attached and a message attached, and one that names nobody.
fn messages(narrow: bool) -> Vec<Object> {
    let table: String = std::iter::once("mrn,last name,first name,dob,ssn\n".to_owned())
        .chain((0..400).map(|_| "A1002,Samplecase,Rick,1971-05-06,536-22-9001\n".to_owned()))
        .collect();
    let inner = object(
        vec![
            (0x37, Value::Text("\u{1}\u{4}FW: labs")),
            (0x1000, Value::Text("MRN: A1001\r\nPatient Name: Jane Testpatient\r\n")),
        ],
        vec![],
    );
    let body = "Patient Name: Jane Testpatient\r\nMRN: A1001\r\nDOB: 01/02/1960\r\nSSN: 536-22-8841\r\n";
    let plain = if narrow { Value::Narrow(body.as_bytes()) } else { Value::Text(body) };
    vec![
        object(vec![(0x37, Value::Text("Referral")), (0x1000, plain), (0x3ffd, Value::Number(1252))], vec![]),
        object(
            vec![(0x37, Value::Text("List")), (0x1013, Value::Bytes(b"<html><body><p>See attached.</p></body></html>".to_vec()))],
            vec![
                object(vec![(0x3701, Value::Bytes(table.into_bytes())), (0x3705, Value::Number(1))], vec![]),
                object(vec![(0x3701, Value::Inside), (0x3705, Value::Number(5))], vec![inner]),
            ],
        ),
        object(vec![(0x37, Value::Text("Lunch")), (0x1000, Value::Text("At noon?"))], vec![]),
    ]
}

#[test]
fn every_form_and_cipher() {
    for version in [ANSI, UNICODE, LARGE] {
        for cipher in [Cipher::None, Cipher::Permute, Cipher::Cyclic] {
            let bytes = store(version, cipher, &messages(version == ANSI));
            assert_eq!(people(&bytes), (2, None), "{version} {cipher:?}");
        }
    }
    assert!(store(UNICODE, Cipher::Permute, &messages(false)) == CLINIC, "the fixture is made so");
}

#[test]
fn what_is_in_a_message_is_named() {
    let facts = outcome(CLINIC).facts.unwrap();
    assert_eq!((facts.format.as_str(), facts.records, facts.identifiers["ssn"]), ("pst", 402, 2));
}

#[test]
fn one_damaged_message_costs_itself() {
    let mut bytes = store(UNICODE, Cipher::None, &messages(false));
    // The signature of the first message's heap.
    let at = memchr::memmem::find(&bytes, &[0xec, 0xbc]).unwrap();
    bytes[at] = 0;
    let Outcome { facts, unread, .. } = outcome(&bytes);
    assert_eq!(facts.map(|f| f.individuals.best), Some(2));
    assert_eq!(unread, Some(Unread::malformed("1 of its messages are damaged")));
}

#[test]
fn what_cannot_be_read_is_told() {
    let mut locked = CLINIC.to_vec();
    locked[513] = 0x10;
    assert_eq!(people(&locked), (0, Some(GapReason::Encrypted)));
    assert_eq!(people(&CLINIC[..CLINIC.len() / 2]), (0, Some(GapReason::Malformed)));
    assert_eq!(people(&CLINIC[..100]), (0, Some(GapReason::Malformed)));
    // A tree whose page is its own child.
    let mut circle = CLINIC.to_vec();
    let root = usize::try_from(u64::from_le_bytes(circle[224..232].try_into().unwrap())).unwrap();
    for at in [root + 16, root + 40] {
        circle[at..at + 8].copy_from_slice(&(root as u64).to_le_bytes());
    }
    assert_eq!(people(&circle), (0, Some(GapReason::Malformed)));
}

#[test]
fn lists_that_hold_themselves_end() {
    // Every block that leads to others leads to the same one.
    let mut bytes = store(UNICODE, Cipher::None, &messages(false));
    for at in memchr::memmem::find_iter(&bytes.clone(), &[2, 0, 2, 0, 0, 0, 0, 0]).collect::<Vec<_>>() {
        let under = bytes[at + 24..at + 32].to_vec();
        bytes[at + 48..at + 56].copy_from_slice(&under);
    }
    assert_ne!(people(&bytes).1, Some(GapReason::ParserFailed));
}

#[test]
fn other_bytes_are_none() {
    for bytes in [&b"!BDN"[..], b"!BDN\0\0\0\0XX\x17\0", b"", &[0; 600]] {
        assert!(!Pst.recognise(bytes));
    }
    assert_eq!(people(b"!BDN\0\0\0\0SM\x17\0"), (0, Some(GapReason::Malformed)));
}

#[test]
fn mutations_do_not_panic() {
    let bytes = store(LARGE, Cipher::None, &messages(false));
    for (i, at) in (0..bytes.len()).filter(|at| bytes[*at] != 0).enumerate().filter(|(i, _)| i % 5 == 0) {
        let mut other = bytes.clone();
        other[at] = other[at].wrapping_add(u8::try_from(i % 255).unwrap());
        assert_ne!(people(&other).1, Some(GapReason::ParserFailed), "{at}");
    }
}
