use super::*;
use crate::model::GapReason;
use crate::phi::document::read;
use crate::phi::{CaseKey, Outcome};

const CLINIC: &[u8] = include_bytes!("../../../../tests/fixtures/phi/sqlite-clinic.db");
const LOG: &[u8] = include_bytes!("../../../../tests/fixtures/phi/sqlite-log.wal");
const LOG_PAGE: usize = 512;

fn outcome(bytes: &[u8]) -> Outcome {
    read(&Sqlite, bytes, &CaseKey::new(&[7; 32]))
}

#[test]
fn tables_and_messages_in_cells() {
    let Outcome { facts, unread, .. } = outcome(CLINIC);
    let facts = facts.expect("people");
    assert_eq!((facts.individuals.best, facts.identifiers["ssn"], unread), (2, 3, None));
    // Two patients, their three visits, one message.
    assert_eq!((facts.records, facts.format.as_str()), (6, "sqlite+sqlite/hl7v2"));
    assert!(facts.clinical);
}

#[test]
fn a_log_is_read_without_its_database() {
    let Outcome { facts, unread, .. } = outcome(LOG);
    assert_eq!((facts.map(|f| f.individuals.best), unread), (Some(2), None));
    // Frames of the first page, which names the tables, are marked as left over: rows are told by
    // their values alone, which two rows are too few for; the message stands for itself.
    let mut strays = LOG.to_vec();
    for frame in strays[32..].chunks_mut(24 + LOG_PAGE).filter(|f| f[..4] == [0, 0, 0, 1]) {
        frame[8] ^= 1;
    }
    let Outcome { facts, unread, .. } = outcome(&strays);
    assert_eq!((facts.map(|f| f.individuals.best), unread), (Some(1), None));
}

#[test]
fn damage_costs_its_rows_and_is_said() {
    let page = usize::from(u16::from_be_bytes([CLINIC[16], CLINIC[17]]));
    let mut broken = CLINIC.to_vec();
    broken[page] = 0xee;
    let Outcome { facts, unread, .. } = outcome(&broken);
    // Of the patients' page nothing is left but what visits and messages say.
    assert_eq!(facts.map(|f| f.individuals.best), Some(3));
    assert_eq!(unread.map(|u| u.reason), Some(GapReason::Malformed));
    assert_eq!(outcome(&CLINIC[..700]).unread.map(|u| u.reason), Some(GapReason::Malformed));
}

#[test]
fn mutations_neither_panic_nor_hang() {
    for bytes in [CLINIC, LOG] {
        for at in (0..bytes.len()).step_by(61) {
            let mut other = bytes.to_vec();
            other[at] = other[at].wrapping_add(1 + u8::try_from(at % 200).unwrap());
            let reason = outcome(&other).unread.map(|u| u.reason);
            assert_ne!(reason, Some(GapReason::ParserFailed));
        }
        for cut in (0..bytes.len()).step_by(509) {
            assert_ne!(outcome(&bytes[..cut]).unread.map(|u| u.reason), Some(GapReason::ParserFailed));
        }
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..2000)) {
        let header = CLINIC[..100].to_vec();
        for start in [header, LOG[..32].to_vec()] {
            let reason = outcome(&[start, bytes.clone()].concat()).unread.map(|u| u.reason);
            proptest::prop_assert_ne!(reason, Some(GapReason::ParserFailed));
        }
    }
}
