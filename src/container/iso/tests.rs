//! Images that genisoimage made, and damaged ones.

use std::io::Read;

use super::super::testing::{Tree as Opened, open, open_with, opened};
use crate::container::Limits;
use crate::model::{GapReason, Time};

const LIST: &[u8] = b"Nobody in this list is real.\n";
const ROCK_RIDGE: &[u8] = include_bytes!("../../../tests/fixtures/container/iso.iso.gz");
const JOLIET: &[u8] = include_bytes!("../../../tests/fixtures/container/iso-joliet.iso.gz");
const PLAIN: &[u8] = include_bytes!("../../../tests/fixtures/container/iso-plain.iso.gz");
const UDF: &[u8] = include_bytes!("../../../tests/fixtures/container/iso-udf.iso.gz");

fn image(packed: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    flate2::read::GzDecoder::new(packed).read_to_end(&mut out).unwrap();
    out
}

#[test]
fn rock_ridge() {
    let tree = open(&image(ROCK_RIDGE), "x.iso");
    let long = "dir/a rather long name that no plain image could hold, with more than sixty-four letters.txt";
    assert_eq!(tree.content("dir/list.txt"), Some(LIST));
    assert_eq!(tree.content(long), Some(LIST));
    assert_eq!(tree.gaps(), [GapReason::LinkMember], "{:?}", tree.names());
    let facts = &tree.seen.iter().find(|seen| seen.name() == "dir/list.txt").unwrap().facts;
    assert_eq!((facts.mode.as_deref(), facts.size), (Some("0444"), Some(29)));
    assert_eq!(facts.mtime.and_then(Time::rfc3339).as_deref(), Some("2024-01-01T12:00:00Z"));
}

#[test]
fn joliet_and_plain_names() {
    let tree = open(&image(JOLIET), "x.iso");
    assert_eq!(tree.content("dir/Größe.txt"), Some(LIST), "{:?}", tree.names());
    assert_eq!(tree.gaps(), []);
    assert!(opened(&tree).facts.notes.is_empty(), "the plain tree lists nothing else");
    let tree = open(&image(PLAIN), "x.iso");
    assert_eq!(tree.content("DIR/LIST.TXT"), Some(LIST), "{:?}", tree.names());
}

#[test]
fn a_file_that_only_the_other_tree_lists_is_found() {
    let mut bytes = image(JOLIET);
    // The name in the Joliet tree begins with a zero byte, so this is its record; a length of 0 ends the sector.
    let at = memchr::memmem::find(&bytes, b"\0G\0r\0\xf6").unwrap() - 33;
    bytes[at] = 0;
    let tree = open(&bytes, "x.iso");
    assert_eq!(opened(&tree).facts.notes, ["hidden_member"]);
    assert!(tree.seen.iter().any(|seen| seen.content.as_deref() == Some(LIST)));
}

#[test]
fn udf_is_told() {
    let tree = open(&image(UDF), "x.iso");
    assert_eq!(tree.gaps(), [GapReason::UnsupportedContainer]);
    assert_eq!(opened(&tree).facts.notes, ["udf"]);
}

#[test]
fn folders_that_hold_themselves_end() {
    let mut bytes = image(PLAIN);
    // `DIR` leads to the root.
    let root = bytes[16 * 2048 + 158..16 * 2048 + 166].to_vec();
    let at = memchr::memmem::find(&bytes, b"\x03DIR").unwrap() - 32;
    bytes[at + 2..at + 10].copy_from_slice(&root);
    let tree = open(&bytes, "x.iso");
    assert_eq!(tree.gaps(), [GapReason::Malformed]);
    assert!(tree.seen.len() < 5);
}

#[test]
fn damage() {
    for packed in [ROCK_RIDGE, JOLIET] {
        let whole = image(packed);
        let mut bad = whole.clone();
        let limits = Limits { total_bytes: 1 << 20, ..Limits::default() };
        // Descriptors and folders: everything behind the zeros in front that isn't zero.
        for at in (32 << 10..whole.len()).filter(|at| whole[*at] != 0).step_by(5) {
            for value in [0, 0xff, whole[at] ^ 1] {
                bad[at] = value;
                let tree = open_with(&bad, "x.iso", limits, Opened::default());
                assert!(tree.seen.len() < 1000);
            }
            bad[at] = whole[at];
        }
        for cut in (17 * 2048..whole.len()).step_by(2048) {
            let _ = open(&whole[..cut], "x.iso");
        }
    }
}
