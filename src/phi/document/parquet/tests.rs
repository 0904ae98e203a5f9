use super::*;
use crate::phi::document::read;
use crate::phi::{CaseKey, Outcome};

const FLAT: &[u8] = include_bytes!("../../../../tests/fixtures/phi/parquet-flat.parquet");
const NESTED: &[u8] = include_bytes!("../../../../tests/fixtures/phi/parquet-nested.parquet");
/// Data pages of the second form, delta encodings, split bytes.
const DELTAS: &[u8] = include_bytes!("../../../../tests/fixtures/phi/parquet-deltas.parquet");

fn outcome(bytes: &[u8]) -> Outcome {
    read(&Parquet, bytes, &CaseKey::new(&[7; 32]))
}

fn reason(bytes: &[u8]) -> Option<GapReason> {
    outcome(bytes).unread.map(|u| u.reason)
}

#[test]
fn columns_are_one_table() {
    for bytes in [FLAT, DELTAS] {
        let Outcome { facts, unread, .. } = outcome(bytes);
        let facts = facts.expect("people");
        assert_eq!((facts.individuals.best, facts.records, unread), (2, 2, None));
        assert_eq!((facts.identifiers["ssn"], facts.identifiers["dob"], facts.format.as_str()), (2, 2, "parquet"));
    }
}

#[test]
fn groups_lists_and_resources_in_cells() {
    let facts = outcome(NESTED).facts.expect("people");
    assert_eq!((facts.individuals.best, facts.format.as_str()), (2, "parquet+parquet/fhir"));
}

#[test]
fn what_is_encrypted_is_named() {
    let mut locked = FLAT.to_vec();
    let end = locked.len() - 1;
    locked[end] = b'E';
    assert_eq!(reason(&locked), Some(GapReason::Encrypted));
    locked[3] = b'E';
    assert!(Parquet.recognise(&locked));
}

#[test]
fn damage_is_told() {
    assert_eq!(reason(&FLAT[..FLAT.len() - 10]), Some(GapReason::Malformed));
    assert_eq!(reason(b"PAR1PAR1"), Some(GapReason::Malformed));
    assert_eq!(reason(b"PAR1\x15\xff\xff\xff\x7fPAR1"), Some(GapReason::Malformed));
    // The first column's page; the others are still read.
    let mut broken = FLAT.to_vec();
    broken[4..12].fill(0xff);
    let Outcome { facts, unread, .. } = outcome(&broken);
    assert_eq!((facts.map(|f| f.individuals.best), unread.map(|u| u.reason)), (Some(2), Some(GapReason::Malformed)));
}

/// A number as a field of a structure, `step` behind the one before.
fn field(step: u8, n: u64) -> Vec<u8> {
    let mut out = vec![step << 4 | 5];
    let mut n = n << 1;
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
    out
}

/// One column of numbers that may be missing, and a page of it whose levels are given.
fn file(levels: &[u8], values: u64) -> Vec<u8> {
    let size = levels.len() as u64;
    let mut out = b"PAR1".to_vec();
    out.extend([field(1, 3), field(1, size), field(1, size), vec![0x5c]].concat());
    out.extend(
        [field(1, values), field(1, values), field(1, values), field(1, 0), field(1, size), field(1, 0), vec![0, 0]].concat(),
    );
    out.extend(levels);
    let (start, end) = (4, out.len() as u64);
    let mut footer = [field(1, 1), vec![0x19, 0x2c]].concat();
    footer.extend([&[0x48, 1, b'r'][..], &field(1, 1), &[0]].concat());
    footer.extend([field(1, 1), field(2, 1), vec![0x18, 1, b'a', 0]].concat());
    footer.extend([field(1, values), vec![0x19, 0x1c, 0x19, 0x1c, 0x3c]].concat());
    footer
        .extend([field(1, 1), field(3, 0), field(1, values), field(2, end - start), field(2, start), vec![0, 0, 0, 0]].concat());
    out.extend(&footer);
    out.extend((footer.len() as u32).to_le_bytes());
    out.extend(b"PAR1");
    out
}

#[test]
fn runs_without_end_end() {
    // A run of three million that are missing, in four bytes.
    let run = [0x80, 0x9b, 0xee, 0x02, 0];
    assert_eq!(outcome(&file(&run, 3_000_000)), Outcome::default());
    // It says that there are more.
    assert_eq!(reason(&file(&run, 3_000_001)), Some(GapReason::Malformed));
    // All are there, but no value is.
    assert_eq!(reason(&file(&[0x80, 0x9b, 0xee, 0x02, 1], 3_000_000)), Some(GapReason::Malformed));
}

#[test]
fn other_bytes_are_none() {
    for bytes in [&b"PAR1"[..], b"PAR1 of the manual: how to begin", b"", b"PAR2\x15\0"] {
        assert!(!Parquet.recognise(bytes));
    }
}

#[test]
fn mutations_do_not_panic() {
    for bytes in [FLAT, NESTED, DELTAS] {
        for at in 0..bytes.len() {
            let mut other = bytes.to_vec();
            other[at] = other[at].wrapping_add(u8::try_from(at % 255).unwrap());
            assert_ne!(reason(&other), Some(GapReason::ParserFailed), "{at}");
        }
    }
}
