//! Tars from the `tar` crate and by hand.

use proptest::prelude::*;

use super::super::testing::{Tree, open, open_with, opened, truncations};
use super::*;
use crate::container::Limits;
use crate::model::Time;

/// A header block with a correct checksum.
fn header(name: &str, kind: u8, size: u64) -> [u8; 512] {
    let mut block = [0; 512];
    block[..name.len()].copy_from_slice(name.as_bytes());
    block[100..107].copy_from_slice(b"0000640");
    block[108..115].copy_from_slice(b"0001750");
    block[116..123].copy_from_slice(b"0001751");
    block[124..135].copy_from_slice(format!("{size:011o}").as_bytes());
    block[136..147].copy_from_slice(b"14544524500");
    block[156] = kind;
    block[257..265].copy_from_slice(b"ustar\x0000");
    seal(block)
}

fn seal(mut block: [u8; 512]) -> [u8; 512] {
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|b| u32::from(*b)).sum();
    block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    block
}

fn padded(data: &[u8]) -> Vec<u8> {
    let mut out = data.to_vec();
    out.resize(data.len().next_multiple_of(512), 0);
    out
}

fn entry(name: &str, kind: u8, data: &[u8]) -> Vec<u8> {
    [&header(name, kind, data.len() as u64)[..], &padded(data)].concat()
}

fn tar(parts: &[Vec<u8>]) -> Vec<u8> {
    [parts.concat(), vec![0; 1024]].concat()
}

/// An extended header's data.
fn records(pairs: &[(&str, &str)]) -> Vec<u8> {
    let mut out = String::new();
    for (key, value) in pairs {
        let rest = key.len() + value.len() + 3;
        let length = (1..4).map(|digits| rest + digits).find(|length| length.to_string().len() + rest == *length);
        out += &format!("{} {key}={value}\n", length.unwrap());
    }
    out.into_bytes()
}

#[test]
fn plain_members() {
    let bytes = tar(&[entry("d/", b'5', b""), entry("d/a.txt", b'0', b"hello"), entry("old", 0, &[7; 513])]);
    let tree = open(&bytes, "x.tar");
    assert_eq!(tree.names(), ["d/", "d/a.txt", "old"]);
    assert_eq!(tree.content("d/a.txt"), Some(&b"hello"[..]));
    assert_eq!(tree.content("old"), Some(&[7; 513][..]));
    assert_eq!(tree.gaps(), []);
    let facts = &tree.seen[1].facts;
    assert_eq!((facts.owner.as_deref(), facts.mode.as_deref()), (Some("1000:1001"), Some("0640")));
    assert_eq!(facts.mtime.and_then(Time::rfc3339).as_deref(), Some("2024-01-01T12:00:00Z"));
    assert!(tree.seen[0].facts.is_dir && !facts.is_dir);
}

#[test]
fn long_names_of_both_kinds() {
    let long = "l".repeat(300);
    let mut builder = ::tar::Builder::new(Vec::new());
    let mut head = ::tar::Header::new_gnu();
    head.set_size(2);
    builder.append_data(&mut head, &long, &b"ab"[..]).unwrap();
    let tree = open(&builder.into_inner().unwrap(), "x.tar");
    assert_eq!((tree.content(&long), tree.gaps()), (Some(&b"ab"[..]), vec![]));
    let pax = tar(&[entry("x", b'x', b"17 path=pax name\n20 mtime=12.5000000\n"), entry("short", b'0', b"p")]);
    let tree = open(&pax, "x.tar");
    assert_eq!((tree.content("pax name"), tree.gaps()), (Some(&b"p"[..]), vec![]));
    assert_eq!(tree.seen[0].facts.mtime, Some(Time(12_500_000_000)));
    let mut split = header("name", b'0', 0);
    split[345..351].copy_from_slice(b"prefix");
    assert_eq!(open(&tar(&[seal(split).to_vec()]), "x.tar").names(), ["prefix/name"]);
}

#[test]
fn pax_sizes_override() {
    let bytes = tar(&[entry("x", b'x', b"10 size=3\n"), [&header("a", b'0', 0)[..], &padded(b"abc")].concat()]);
    assert_eq!(open(&bytes, "x.tar").content("a"), Some(&b"abc"[..]));
    let global = tar(&[entry("g", b'g', b"10 uid=77\n"), entry("a", b'0', b"a"), entry("b", b'0', b"b")]);
    let tree = open(&global, "x.tar");
    assert_eq!(tree.seen[1].facts.owner.as_deref(), Some("77:1001"));
}

#[test]
fn what_holds_no_bytes_is_recorded() {
    let links = [header("hard", b'1', 0).to_vec(), header("soft", b'2', 0).to_vec(), header("dev", b'3', 0).to_vec()];
    let tree = open(&tar(&links), "x.tar");
    assert_eq!(tree.gaps(), [GapReason::LinkMember, GapReason::LinkMember, GapReason::SpecialFile]);
    assert!(tree.seen[0].facts.is_link);
    // Old tars state the size of the linked file; pax allows data behind a hard link.
    let stated = tar(&[header("hard", b'1', 999).to_vec(), entry("next", b'0', b"n")]);
    assert_eq!(open(&stated, "x.tar").content("next"), Some(&b"n"[..]));
    let with_data = tar(&[entry("hard", b'1', b"data of a link"), entry("next", b'0', b"n")]);
    let tree = open(&with_data, "x.tar");
    assert_eq!((tree.content("hard"), tree.content("next")), (Some(&b"data of a link"[..]), Some(&b"n"[..])));
}

#[test]
fn sparse_members_are_whole_files() {
    let mut old = header("sparse", b'S', 5);
    old[386..398].copy_from_slice(b"00000000012\0");
    old[398..410].copy_from_slice(b"00000000005\0");
    old[483..495].copy_from_slice(b"00000000024\0");
    let expected = b"\0\0\0\0\0\0\0\0\0\0hello\0\0\0\0\0";
    let tree = open(&tar(&[seal(old).to_vec(), padded(b"hello"), entry("n", b'0', b"n")]), "x.tar");
    assert_eq!(tree.content("sparse"), Some(&expected[..]));
    assert_eq!(tree.content("n"), Some(&b"n"[..]));
    let name = ("GNU.sparse.name", "sparse");
    let pax = records(&[("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), name, ("GNU.sparse.realsize", "20")]);
    let data = [padded(b"1\n10\n5\n"), b"hello".to_vec()].concat();
    let tree = open(&tar(&[entry("x", b'x', &pax), entry("GNUSparseFile.0/sparse", b'0', &data)]), "x.tar");
    assert_eq!((tree.content("sparse"), tree.gaps()), (Some(&expected[..]), vec![]));
    let map = records(&[("GNU.sparse.size", "20"), ("GNU.sparse.map", "10,5")]);
    let tree = open(&tar(&[entry("x", b'x', &map), entry("sparse", b'0', b"hello")]), "x.tar");
    assert_eq!(tree.content("sparse"), Some(&expected[..]));
}

#[test]
fn a_hole_of_a_tebibyte_is_no_work() {
    let mut old = header("sparse", b'S', 0);
    old[483..495].copy_from_slice(&[0x80, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0]);
    let tree = open(&tar(&[seal(old).to_vec(), entry("n", b'0', b"n")]), "x.tar");
    assert_eq!(tree.seen[0].facts.size, Some(1 << 40));
    assert_eq!(tree.gaps(), [GapReason::LimitRatio]);
    assert_eq!(tree.content("n"), Some(&b"n"[..]));
}

#[test]
fn archives_in_a_row_are_read_on() {
    let bytes = [tar(&[entry("a", b'0', b"a")]), tar(&[entry("b", b'0', b"b")])].concat();
    let tree = open(&bytes, "x.tar");
    assert_eq!((tree.names(), tree.gaps()), (vec!["a".to_owned(), "b".to_owned()], vec![]));
    let trailing = [tar(&[entry("a", b'0', b"a")]), vec![b'x'; 512]].concat();
    assert_eq!(opened(&open(&trailing, "x.tar")).facts.notes, ["trailing_data"]);
}

#[test]
fn a_damaged_header_costs_its_member_only() {
    let mut bytes = tar(&[entry("a", b'0', b"a"), entry("b", b'0', b"b"), entry("c", b'0', b"c")]);
    bytes[1024] ^= 0x55;
    let tree = open(&bytes, "x.tar");
    assert_eq!((tree.names(), tree.gaps()), (vec!["a".to_owned(), "c".to_owned()], vec![GapReason::Malformed]));
}

#[test]
fn header_data_are_bounded() {
    let long = tar(&[entry("././@LongLink", b'L', &vec![b'n'; 2 << 20]), entry("short", b'0', b"s")]);
    let tree = open(&long, "x.tar");
    assert_eq!((tree.content("short"), tree.gaps()), (Some(&b"s"[..]), vec![GapReason::LimitMemory]));
    let claimed = open(&header("././@LongLink", b'L', 0o7_777_777_777), "x.tar");
    assert!(claimed.gaps().contains(&GapReason::Malformed));
}

#[test]
fn sizes_that_are_none() {
    let mut negative = header("a", b'0', 0);
    negative[124..136].fill(0xff);
    let tree = open(&tar(&[seal(negative).to_vec(), entry("b", b'0', b"b")]), "x.tar");
    assert_eq!((tree.names(), tree.gaps()), (vec!["b".to_owned()], vec![GapReason::Malformed]));
    let mut huge = header("a", b'0', 0);
    huge[124..136].copy_from_slice(&[0x80, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    assert!(open(&tar(&[seal(huge).to_vec()]), "x.tar").gaps().contains(&GapReason::Malformed));
}

#[test]
fn cut_anywhere() {
    truncations(&tar(&[entry("a", b'0', b"hello"), entry("b", b'0', b"b")]), "x.tar");
}

#[test]
fn a_spent_budget_ends_the_walk() {
    let bytes = tar(&[entry("a", b'0', &[1; 600]), entry("b", b'0', b"b")]);
    let tree = open_with(&bytes, "x.tar", Limits { total_bytes: 600, ..Limits::default() }, Tree::default());
    assert_eq!((tree.seen.len(), tree.gaps()), (1, vec![GapReason::LimitSize]));
}

#[test]
fn a_sink_that_reads_in_small_pieces_or_not_at_all() {
    let bytes = tar(&[entry("a", b'0', &[1; 2000]), entry("b", b'0', b"b")]);
    for keep in [0, 1, 513] {
        let tree = open_with(&bytes, "x.tar", Limits::default(), Tree { keep: Some(keep), ..Tree::default() });
        assert_eq!((tree.names(), tree.gaps()), (vec!["a".to_owned(), "b".to_owned()], vec![]));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        open(&[&header("a", b'0', 100)[..], &bytes].concat(), "x.tar");
    }

    #[test]
    fn mutated(edits in proptest::collection::vec((0..9_usize, 0..512_usize, any::<u8>()), 1..6)) {
        let pax = records(&[("GNU.sparse.major", "1"), ("GNU.sparse.realsize", "20")]);
        let data = [padded(b"1\n10\n5\n"), b"hello".to_vec()].concat();
        let mut old = header("sparse", b'S', 5);
        old[386..398].copy_from_slice(b"00000000012\0");
        old[398..410].copy_from_slice(b"00000000005\0");
        old[482] = 1;
        let parts = [entry("x", b'x', &pax), entry("s", b'0', &data), entry("l", b'L', b"long\0"), header("h", b'1', 9).to_vec(), seal(old).to_vec()];
        let mut bytes = tar(&parts);
        for (block, at, value) in edits {
            let start = block * 512;
            bytes[start + at] = value;
            let fixed: [u8; 512] = bytes[start..start + 512].try_into().unwrap();
            bytes[start..start + 512].copy_from_slice(&seal(fixed));
        }
        open_with(&bytes, "x.tar", Limits { total_bytes: 1 << 22, ..Limits::default() }, Tree::default());
    }
}
