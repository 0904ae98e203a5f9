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
    let told = lone.unread.map(|u| u.detail.into_owned()).unwrap_or_default();
    assert!(told.contains("files of their own") && told.contains("by its schema 2 of 3 tables hold patients"), "{told}");
    let objects = outcome(&PgDump, include_bytes!("../../../tests/fixtures/phi/pgdump-objects.dump"));
    assert!(objects.unread.is_some_and(|u| u.detail.contains("large objects")));
    assert_eq!(objects.facts.map(|f| f.records), Some(5));
}

/// The stored fixture as a version writes it that names its compression, with rows packed by `pack`.
fn packed(kind: u8, pack: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let (toc, size) = Toc::read(STORED).expect("a table of contents");
    let int = toc.int_size;
    // Magic, version 1.15.0, sizes and format, one byte of compression for the number that was there.
    let mut out = [&STORED[..6], &[15, STORED[7]], &STORED[8..11], &[kind], &STORED[11 + 1 + int..size]].concat();
    let number = |at: usize| toc::int(&STORED[at..=at + int]).and_then(|n| usize::try_from(n).ok()).expect("a number");
    let mut at = size;
    while at < STORED.len() {
        let head = at + 1 + 1 + int;
        out.extend_from_slice(&STORED[at..head]);
        at = head;
        let mut rows = Vec::new();
        while number(at) > 0 {
            let (from, n) = (at + 1 + int, number(at));
            rows.extend_from_slice(&STORED[from..from + n]);
            at = from + n;
        }
        let zero = &STORED[at..=at + int];
        // Pieces that have nothing to do with blocks.
        for piece in pack(&rows).chunks(5) {
            let mut length = zero.to_vec();
            length[1] = u8::try_from(piece.len()).expect("a few bytes");
            out.extend_from_slice(&length);
            out.extend_from_slice(piece);
        }
        out.extend_from_slice(zero);
        at += 1 + int;
    }
    out
}

fn zstd(rows: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(rows, ruzstd::encoding::CompressionLevel::Fastest)
}

fn lz4(rows: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let info = lz4_flex::frame::FrameInfo::new().block_mode(lz4_flex::frame::BlockMode::Linked).content_checksum(true);
    let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
    encoder.write_all(rows).expect("memory");
    encoder.finish().expect("memory")
}

#[test]
fn every_compression_gives_the_same() {
    let stored = outcome(&PgDump, STORED);
    for (kind, bytes) in [(2, packed(2, lz4)), (3, packed(3, zstd)), (0, packed(0, <[u8]>::to_vec))] {
        assert_eq!(outcome(&PgDump, &bytes), stored, "{kind}");
        for at in (0..bytes.len()).step_by(31) {
            let mut other = bytes.clone();
            other[at] = other[at].wrapping_add(u8::try_from(at % 255).unwrap());
            let _ = outcome(&PgDump, &other);
        }
    }
    assert_eq!(reason(&packed(2, zstd)), Some(GapReason::Malformed));
    assert_eq!(reason(&packed(9, zstd)), Some(GapReason::PhiFormat));
}

/// Longer than a block, so that later ones look back.
#[test]
fn long_rows_are_unpacked_whole() {
    let text: Vec<u8> = (0..400_000_u32).flat_map(|i| (i % 977).to_string().into_bytes()).collect();
    for (compression, bytes) in [(Compression::Lz4, lz4(&text)), (Compression::Zstd, zstd(&text))] {
        for size in [1000, 70_000, bytes.len()] {
            let (mut unpack, mut out) = (unpack::Unpack::new(compression), Vec::new());
            bytes.chunks(size).for_each(|c| unpack.feed(c, &mut |t| out.extend_from_slice(t)).expect("sound frames"));
            assert!(out == text, "{compression:?} {size}");
        }
    }
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
