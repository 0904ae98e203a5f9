//! Zips made to hurt.

use proptest::prelude::*;

use super::super::testing::{Tree, open, open_with, opened};
use super::tests::{Part, central, deflate, deflated, end, local, stored, zip};
use super::*;
use crate::container::Limits;

#[test]
fn many_names_for_one_entry() {
    let content = vec![0; 4 << 20];
    let part = deflated("kernel", &content);
    let mut bytes = local(&part);
    let offset = bytes.len() as u32;
    for n in 0..500 {
        let name: &'static str = Box::leak(format!("n{n}").into_boxed_str());
        bytes.extend(central(&Part { name, ..part.clone() }, 0));
    }
    let length = bytes.len() as u32 - offset;
    bytes.extend(end(500, length, offset, b""));
    let tree = open_with(&bytes, "x.zip", Limits { ratio: 2_000, ..Limits::default() }, Tree::default());
    let out: usize = tree.seen.iter().map(|seen| seen.content.as_ref().map_or(0, Vec::len)).sum();
    assert_eq!(tree.seen.len(), 500, "all are listed");
    assert_eq!(tree.seen[0].content.as_ref().map(Vec::len), Some(content.len()), "the first is read whole");
    assert!((out as u64) <= content.len() as u64 + 2_000 * bytes.len() as u64);
    let facts = &opened(&tree).facts;
    assert_eq!(facts.notes, ["header_mismatch", "overlapping_entries"]);
    assert_eq!(facts.limits, ["limit_ratio"]);
}

#[test]
fn expansion_stops_at_the_ratio() {
    let bytes = zip(&[deflated("zeros", &vec![0; 80 << 20]), stored("after", b"x")]);
    let tree = open_with(&bytes, "x.zip", Limits { ratio: 100, ..Limits::default() }, Tree::default());
    assert_eq!(tree.seen[0].gap, Some(GapReason::LimitRatio));
    assert_eq!(tree.content("after"), Some(&b"x"[..]));
    assert_eq!(opened(&tree).facts.limits, ["limit_ratio"]);
    assert_eq!(open(&zip(&[deflated("zeros", &vec![0; 1 << 20])]), "x.zip").gaps(), [], "small ones are no bombs");
}

#[test]
fn declared_sizes_mean_nothing() {
    for size in [0xffff_fffe, 1 << 63, u64::MAX - 1] {
        let mut extra = vec![1, 0, 8, 0];
        extra.extend(size.to_le_bytes());
        let extra = if size > u64::from(u32::MAX) { extra } else { Vec::new() };
        for method in [0, 8] {
            let packed = if method == 8 { deflate(b"x") } else { b"x".to_vec() };
            let part = Part { size, method, stored: packed, extra: extra.clone(), ..stored("a", b"x") };
            let tree = open(&zip(&[part]), "x.zip");
            assert_eq!(tree.content("a"), Some(&b"x"[..]));
            assert_eq!(tree.gaps(), [GapReason::Malformed], "{size:x}");
        }
        for method in [1, 2, 6] {
            let part = Part { size, method, extra: extra.clone(), ..stored("a", b"x") };
            assert_eq!(open(&zip(&[part]), "x.zip").gaps(), [GapReason::LimitMemory]);
        }
    }
}

#[test]
fn archives_in_archives_end_at_the_depth() {
    let mut bytes = zip(&[stored("core", b"x")]);
    for _ in 0..20 {
        bytes = zip(&[deflated("in.zip", &bytes)]);
    }
    let tree = open_with(&bytes, "x.zip", Limits::default(), Tree { recurse: true, ..Tree::default() });
    assert_eq!(tree.gaps(), [GapReason::LimitDepth]);
    assert_eq!(tree.seen.len(), Limits::default().depth as usize);
}

#[test]
fn members_and_bytes_are_counted_over_all_levels() {
    let inner = Box::leak(zip(&[stored("1", b"11"), stored("2", b"22")]).into_boxed_slice());
    let bytes = zip(&[stored("a.zip", inner), stored("b.zip", inner)]);
    let recurse = || Tree { recurse: true, ..Tree::default() };
    let tree = open_with(&bytes, "x.zip", Limits { members: 4, ..Limits::default() }, recurse());
    assert_eq!(tree.seen.len(), 4);
    assert_eq!(tree.gaps(), [GapReason::LimitCount]);
    let total = inner.len() as u64 + 3;
    let tree = open_with(&bytes, "x.zip", Limits { total_bytes: total, ..Limits::default() }, recurse());
    assert_eq!(tree.content("2"), Some(&b"2"[..]), "to the last byte");
    assert!(tree.gaps().iter().all(|gap| *gap == GapReason::LimitSize));
    assert!(tree.names().contains(&"b.zip".to_owned()), "names go on");
}

#[test]
fn an_interrupted_walk_says_so() {
    let bytes = zip(&[stored("a", b"a"), stored("b", b"b")]);
    let tree = open_with(&bytes, "x.zip", Limits::default(), Tree { stop_after: Some(1), ..Tree::default() });
    assert_eq!((tree.seen.len(), tree.gaps()), (1, vec![GapReason::Interrupted]));
}

#[test]
fn a_directory_that_lies_about_its_length() {
    let part = stored("a", b"a");
    let body = local(&part);
    let directory = central(&part, 0);
    let offset = body.len() as u32;
    let bytes = [&body[..], &directory, &end(7, directory.len() as u32, offset, b"")].concat();
    let tree = open(&bytes, "x.zip");
    assert_eq!((tree.names(), tree.gaps()), (vec!["a".to_owned()], vec![GapReason::Malformed]));
    assert_eq!(opened(&tree).facts.notes, ["count_mismatch"]);
}

#[test]
fn a_file_full_of_end_records() {
    let bytes = [&b"PK\x03\x04"[..], &b"PK\x05\x06\x01\0\0\0".repeat(20_000)].concat();
    assert!(open(&bytes, "x.zip").gaps().contains(&GapReason::Malformed));
}

#[test]
fn a_comment_with_an_end_record_of_its_own() {
    let part = stored("a", b"a");
    let (body, directory) = (local(&part), central(&part, 0));
    let other = [local(&stored("b", b"b")), central(&stored("b", b"b"), 0)].concat();
    let fake = end(1, directory.len() as u32, body.len() as u32, b"");
    let comment = [&other[..], &fake].concat();
    let bytes = [&body[..], &directory, &end(1, directory.len() as u32, body.len() as u32, &comment)].concat();
    let tree = open(&bytes, "x.zip");
    let mut names = tree.names();
    names.sort();
    assert_eq!(names, ["a", "b"], "both views are read");
    assert!(opened(&tree).facts.notes.contains(&"ambiguous_end".to_owned()), "{:?}", opened(&tree));
}

fn sample() -> Vec<u8> {
    let streamed = Part { flags: entry::DESCRIPTOR, ..deflated("s", &[b's'; 400]) };
    let lzma = Part { method: 14, ..stored("l", &[9, 20, 5, 0, 0x5d, 0, 0, 1, 0, 0, 1, 2, 3]) };
    let ppmd = Part { method: 98, ..stored("p", &[0x77, 1, 1, 2, 3, 4, 5]) };
    let rest = [1, 2, 5, 6, 9, 12, 93, 95].map(|method| Part { method, ..stored("m", &[7, 0x31, 0x55, 1, 0, 9]) });
    zip(&[&[stored("a", b"first"), streamed, lzma, ppmd], &rest[..]].concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..400), head in 0..3_usize) {
        let head = [&b"PK\x03\x04"[..], b"PK\x05\x06", b""][head];
        let limits = Limits { total_bytes: 1 << 20, ..Limits::default() };
        open_with(&[head, &bytes, head].concat(), "x.zip", limits, Tree { recurse: true, ..Tree::default() });
    }

    #[test]
    fn mutated(edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12), cut in any::<prop::sample::Index>()) {
        let mut bytes = sample();
        for (at, value) in edits {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        bytes.truncate(bytes.len() - cut.index(40));
        let limits = Limits { total_bytes: 1 << 22, ..Limits::default() };
        open_with(&bytes, "x.zip", limits, Tree { recurse: true, ..Tree::default() });
    }
}
