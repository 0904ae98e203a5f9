use super::*;
use crate::phi::testing::outcome;

const CUSTOM: &[u8] = include_bytes!("../../../tests/fixtures/phi/pgdump-custom.dump");
const STORED: &[u8] = include_bytes!("../../../tests/fixtures/phi/pgdump-stored.dump");

fn reason(bytes: &[u8]) -> Option<GapReason> {
    outcome(&PgDump, bytes).unread.map(|u| u.reason)
}

#[test]
fn archives_are_read_as_the_sql_they_stand_for() {
    for bytes in [CUSTOM, STORED] {
        let Outcome { facts, unread, .. } = outcome(&PgDump, bytes);
        let facts = facts.expect("people");
        // Two patients and their three visits.
        assert_eq!((facts.individuals.best, facts.records, facts.format.as_str()), (2, 5, "pgdump"));
        assert_eq!(unread, None);
    }
}

#[test]
fn what_is_not_read_is_told() {
    let with = |at: usize, byte: u8| {
        let mut bytes = CUSTOM.to_vec();
        bytes[at] = byte;
        reason(&bytes)
    };
    assert_eq!(with(6, 99), Some(GapReason::PhiFormat));
    assert_eq!(reason(&CUSTOM[..3000]), Some(GapReason::Malformed));
    assert_eq!(reason(&CUSTOM[..CUSTOM.len() - 9]), Some(GapReason::Malformed));
    assert_eq!(reason(&CUSTOM[..11]), Some(GapReason::Malformed));
    let (toc, size) = Toc::read(CUSTOM).expect("a table of contents");
    assert_eq!((toc.copies.len(), toc.compression), (3, Compression::Zlib));
    assert_eq!(with(size, 7), Some(GapReason::Malformed));
    let lone = outcome(&PgDump, include_bytes!("../../../tests/fixtures/phi/toc-of-pgdump.dat"));
    assert!(lone.unread.is_some_and(|u| u.detail.contains("files of their own")));
    let objects = outcome(&PgDump, include_bytes!("../../../tests/fixtures/phi/pgdump-objects.dump"));
    assert!(objects.unread.is_some_and(|u| u.detail.contains("large objects")));
    assert_eq!(objects.facts.map(|f| f.records), Some(5));
}

#[test]
fn mutations_do_not_panic() {
    for bytes in [CUSTOM, STORED] {
        for at in (0..bytes.len()).step_by(19) {
            let mut other = bytes.to_vec();
            other[at] = other[at].wrapping_add(u8::try_from(at % 255).unwrap());
            let _ = outcome(&PgDump, &other);
            let _ = outcome(&PgDump, &bytes[..at]);
        }
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_panic(tail in proptest::collection::vec(proptest::num::u8::ANY, 0..300), version in 9..18_u8) {
        let head = [b"PGDMP\x01".as_slice(), &[version, 0, 4, 8, 1]].concat();
        let _ = outcome(&PgDump, &[head, tail].concat());
    }
}
