use super::*;
use crate::phi::document::read;
use crate::phi::{CaseKey, Outcome};

const NEW: &[u8] = include_bytes!("../../../../tests/fixtures/phi/access-jet4.mdb");
const OLD: &[u8] = include_bytes!("../../../../tests/fixtures/phi/access-jet3.mdb");

fn outcome(bytes: &[u8]) -> Outcome {
    read(&Access, bytes, &CaseKey::new(&[7; 32]))
}

fn reason(bytes: &[u8]) -> Option<GapReason> {
    outcome(bytes).unread.map(|u| u.reason)
}

#[test]
fn tables_and_messages_in_cells() {
    for bytes in [NEW, OLD] {
        let Outcome { facts, unread, .. } = outcome(bytes);
        let facts = facts.expect("people");
        // Two patients, two visits, one message; a patient that was deleted is none.
        assert_eq!((facts.individuals.best, facts.identifiers["ssn"], unread), (2, 2, None));
        assert_eq!((facts.records, facts.format.as_str()), (5, "access+access/hl7v2"));
    }
}

#[test]
fn what_is_encrypted_is_named() {
    let mut locked = NEW.to_vec();
    locked[4..20].copy_from_slice(b"Standard ACE DB\0");
    locked[20] = 3;
    assert_eq!(outcome(&locked).facts.map(|f| f.individuals.best), Some(2));
    locked[0x299] = 200;
    assert_eq!(outcome(&locked).unread, Some(Unread::new(GapReason::Encrypted, "the database is encrypted")));
}

#[test]
fn damage_costs_its_table_and_is_told() {
    // The definition of the second table.
    let mut broken = NEW.to_vec();
    broken[8 * 4096] = 9;
    let Outcome { facts, unread, .. } = outcome(&broken);
    assert_eq!((facts.map(|f| f.individuals.best), unread.map(|u| u.reason)), (Some(2), Some(GapReason::Malformed)));
    assert_eq!(reason(&NEW[..NEW.len() - 100]), Some(GapReason::Malformed));
    assert_eq!(reason(&NEW[..5000]), Some(GapReason::Malformed));
    assert_eq!(reason(&NEW[..500]), Some(GapReason::Malformed));
}

#[test]
fn long_values_that_turn_in_a_circle_end() {
    // The second piece of the long text leads back to the first.
    let mut circle = NEW.to_vec();
    let page = &mut circle[6 * 4096..7 * 4096];
    let second = usize::from(u16::from_le_bytes([page[18], page[19]]));
    page[second..second + 4].copy_from_slice(&[1, 6, 0, 0]);
    assert_eq!(outcome(&circle).facts.map(|f| f.individuals.best), Some(2));
}

#[test]
fn other_bytes_are_none() {
    for bytes in [&b"\0\x01\0\0Standard Jet"[..], b"\0\x01\0\0MSISAM Database\0", b"", &[0; 4096]] {
        assert!(!Access.recognise(bytes));
    }
    assert_eq!(reason(b"\0\x01\0\0Standard Jet DB\0"), Some(GapReason::Malformed));
}

#[test]
fn mutations_do_not_panic() {
    for bytes in [NEW, OLD] {
        for (i, at) in (0..bytes.len()).filter(|at| bytes[*at] != 0).enumerate().filter(|(i, _)| i % 3 == 0) {
            let mut other = bytes.to_vec();
            other[at] = other[at].wrapping_add(u8::try_from(i % 255).unwrap());
            assert_ne!(reason(&other), Some(GapReason::ParserFailed), "{at}");
        }
    }
}
