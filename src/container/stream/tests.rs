//! Compressed streams from other encoders, and damaged ones.

use std::io::{Cursor, Write};

use proptest::prelude::*;

use super::super::testing::{Tree, open, open_with, opened, truncations};
use super::*;
use crate::model::GapReason;

const TEXT: &[u8] = b"Nobody in this text is real, and nobody was asked. Nobody in this text is real.";

fn gzip(content: &[u8], name: Option<&str>) -> Vec<u8> {
    let mut builder = flate2::GzBuilder::new().mtime(1_704_110_400);
    if let Some(name) = name {
        builder = builder.filename(name).extra(vec![1, 2, 3]).comment("c");
    }
    let mut encoder = builder.write(Vec::new(), flate2::Compression::best());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn bzip2(content: &[u8]) -> Vec<u8> {
    let mut encoder = ::bzip2::write::BzEncoder::new(Vec::new(), ::bzip2::Compression::best());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn xz(content: &[u8]) -> Vec<u8> {
    let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(1)).unwrap();
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn lzma(content: &[u8]) -> Vec<u8> {
    let options = lzma_rust2::LzmaOptions::with_preset(1);
    let mut encoder = lzma_rust2::LzmaWriter::new_use_header(Vec::new(), &options, None).unwrap();
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn lzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = lzma_rust2::LzipWriter::new(Vec::new(), lzma_rust2::LzipOptions::with_preset(1));
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn zst(content: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(content, ruzstd::encoding::CompressionLevel::Fastest)
}

type Encoder = fn(&[u8]) -> Vec<u8>;

/// Suffix and encoder of every format.
const ALL: &[(&str, Encoder)] =
    &[("gz", |c| gzip(c, None)), ("bz2", bzip2), ("xz", xz), ("lzma", lzma), ("lz", lzip), ("zst", zst)];

#[test]
fn one_member_named_after_the_file() {
    for (suffix, encode) in ALL {
        let tree = open(&encode(TEXT), &format!("dir/list.txt.{suffix}"));
        assert_eq!(tree.names(), ["list.txt"]);
        assert_eq!((tree.content("list.txt"), tree.gaps()), (Some(TEXT), vec![]), "{suffix}");
        assert!(opened(&tree).facts.notes.is_empty());
        assert_eq!(open(&encode(TEXT), "unnamed").names(), ["data"]);
        let empty = open(&encode(b""), "e");
        assert_eq!(empty.gaps(), [], "{suffix}: empty");
    }
    assert_eq!(open(&gzip(TEXT, None), "A.TGZ").names(), ["A.tar"]);
    assert_eq!(open(&xz(TEXT), "a.txz").names(), ["a.tar"]);
}

#[test]
fn gzip_tells_name_and_time() {
    let tree = open(&gzip(TEXT, Some("patients.csv")), "x.gz");
    let facts = &tree.seen[0].facts;
    assert_eq!(tree.seen[0].name(), "patients.csv");
    assert_eq!(facts.mtime.and_then(Time::rfc3339).as_deref(), Some("2024-01-01T12:00:00Z"));
}

#[test]
fn streams_in_a_row_and_padding() {
    for (suffix, encode) in ALL.iter().filter(|(suffix, _)| *suffix != "lzma") {
        let name = format!("x.{suffix}");
        let bytes = [encode(b"first "), encode(b""), vec![0; 8], encode(b"second")].concat();
        let tree = open(&bytes, &name);
        assert_eq!(tree.gaps(), [], "{suffix}");
        assert_eq!(tree.seen[0].content.as_deref(), Some(&b"first second"[..]), "{suffix}");
    }
}

#[test]
fn what_follows_is_noted() {
    for (suffix, encode) in ALL {
        let bytes = [encode(TEXT), b"something else".to_vec()].concat();
        let tree = open(&bytes, &format!("x.{suffix}"));
        assert_eq!(tree.seen[0].content.as_deref(), Some(TEXT), "{suffix}");
        assert_eq!((&opened(&tree).facts.notes[..], tree.gaps()), (&["trailing_data".to_owned()][..], vec![]), "{suffix}");
    }
}

#[test]
fn cut_anywhere() {
    for (suffix, encode) in ALL {
        truncations(&encode(TEXT), &format!("x.{suffix}"));
    }
}

#[test]
fn damage_is_told() {
    for (suffix, encode) in ALL.iter().filter(|(suffix, _)| !["lzma", "zst"].contains(suffix)) {
        let mut bytes = encode(TEXT);
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x10;
        assert_eq!(open(&bytes, "x").gaps(), [GapReason::Malformed], "{suffix}");
    }
}

#[test]
fn a_dictionary_of_one_and_a_half_gibibyte_is_refused() {
    // Header of a block: LZMA2 whose dictionary is 2^30 + 2^29 bytes (property 37).
    let mut bytes = xz(TEXT);
    let block = 12;
    let at = (block..block + 12).find(|at| bytes[*at] == 0x21).unwrap() + 2;
    bytes[at] = 37;
    let size = (usize::from(bytes[block]) + 1) * 4;
    let sum = crc32fast::hash(&bytes[block..block + size - 4]).to_le_bytes();
    bytes[block + size - 4..block + size].copy_from_slice(&sum);
    let tree = open(&bytes, "x.xz");
    assert_eq!(tree.gaps(), [GapReason::LimitMemory]);
    assert_eq!(opened(&tree).facts.limits, ["limit_memory"]);
    let mut alone = lzma(TEXT);
    alone[1..5].copy_from_slice(&0x6000_0000_u32.to_le_bytes());
    assert_eq!(open(&alone, "x.lzma").gaps(), [GapReason::LimitMemory]);
    let mut member = lzip(TEXT);
    member[5] = 29;
    assert_eq!(open(&member, "x.lz").gaps(), [GapReason::LimitMemory]);
}

#[test]
fn a_long_window_is_refused() {
    // Window descriptor: exponent 21 (2 GiB), no content size, no checksum; one empty raw block, the last.
    let bytes = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3, 1, 0, 0];
    assert_eq!(open(&bytes, "x.zst").gaps(), [GapReason::LimitMemory]);
    let small = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0, 1, 0, 0];
    assert_eq!(open(&small, "x.zst").gaps(), []);
}

#[test]
fn skippable_frames_are_skipped() {
    let skip = [&[0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"abc"].concat();
    let bytes = [skip.clone(), zst(TEXT), skip.clone()].concat();
    let tree = open(&bytes, "x.zst");
    assert_eq!((tree.seen[0].content.as_deref(), tree.gaps()), (Some(TEXT), vec![]));
    assert!(open(&skip, "x.zst").opened.is_empty(), "nothing but a skippable frame is no zstd");
}

#[test]
fn empty_members_cost_their_bytes_only() {
    let bytes = gzip(b"", None).repeat(20_000);
    assert_eq!(open(&bytes, "x.gz").gaps(), []);
}

#[test]
fn expansion_is_bounded() {
    let zeros = vec![0; 80 << 20];
    for (suffix, encode) in [("gz", ALL[0].1), ("bz2", bzip2), ("xz", xz)] {
        let limits = Limits { ratio: 200, ..Limits::default() };
        let tree = open_with(&encode(&zeros), "x", limits, Tree::default());
        assert_eq!(tree.gaps(), [GapReason::LimitRatio], "{suffix}");
        assert!(tree.seen[0].content.as_ref().is_some_and(|c| c.len() < zeros.len()));
    }
}

#[test]
fn text_is_no_lzma() {
    for bytes in [&b"]\0\0\x80\0"[..], &[0; 200], b"plain text that goes on for a while, as it does", &[0x5d; 64]] {
        assert!(open(bytes, "x").opened.is_empty(), "{bytes:?}");
    }
}

#[test]
fn archives_are_reached_through_streams_without_seeking() {
    struct Forward(Cursor<Vec<u8>>);
    impl Read for Forward {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            let n = buf.len().min(7);
            self.0.read(&mut buf[..n])
        }
    }
    impl io::Seek for Forward {
        fn seek(&mut self, _: io::SeekFrom) -> io::Result<u64> {
            Err(io::ErrorKind::Unsupported.into())
        }
    }
    let mut builder = ::tar::Builder::new(Vec::new());
    let mut head = ::tar::Header::new_ustar();
    head.set_size(TEXT.len() as u64);
    builder.append_data(&mut head, "a", TEXT).unwrap();
    let tar = builder.into_inner().unwrap();
    for bytes in ALL.iter().map(|(_, encode)| encode(TEXT)).chain([tar]) {
        let probe = Probe { head: &bytes, tail: &bytes, body: &bytes, size: bytes.len() as u64, name: b"x", volumes: None };
        let format = crate::container::detect(&probe).unwrap();
        assert!(format.forward_only());
        let mut tree = Tree::default();
        let mut budget = Budget::new(Limits::default());
        let expanded = format.expand(&probe, &mut Forward(Cursor::new(bytes.clone())), &mut budget, &mut tree);
        assert_eq!((tree.seen[0].content.as_deref(), expanded.shortfalls), (Some(TEXT), vec![]), "{}", format.id());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(which in 0..6_usize, keep in 2..20_usize, bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let start = ALL[which].1(TEXT);
        let limits = Limits { total_bytes: 1 << 22, ..Limits::default() };
        open_with(&[&start[..keep.min(start.len())], &bytes].concat(), "x", limits, Tree::default());
    }

    #[test]
    fn mutated(which in 0..6_usize, edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut bytes = ALL[which].1(TEXT);
        for (at, value) in edits {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        open_with(&bytes, "x", Limits { total_bytes: 1 << 22, ..Limits::default() }, Tree::default());
    }
}
