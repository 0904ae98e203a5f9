use crate::container::testing::*;
use crate::container::{Limits, Passwords};
use crate::model::{Encrypted, GapReason};

/// `7zz a -t7z`, two texts and an empty file in a solid block, and a folder; then the same with `-p`, with `-mhe`.
const PLAIN: &[u8] = include_bytes!("../../../tests/fixtures/container/7z.7z");
const LOCKED: &[u8] = include_bytes!("../../../tests/fixtures/container/7z-locked.7z");
const HIDDEN: &[u8] = include_bytes!("../../../tests/fixtures/container/7z-hidden.7z");

fn with_passwords(bytes: &[u8], list: &str) -> Tree {
    open_known(bytes, "x.7z", &Passwords::parse(list.as_bytes()).unwrap())
}

#[test]
fn members_with_and_without_content() {
    let tree = open(PLAIN, "x.7z");
    assert_eq!(tree.gaps(), []);
    assert!(tree.seen.iter().any(|seen| seen.facts.is_dir));
    let text = tree.seen.iter().find(|seen| seen.name() == "folder/one.txt").unwrap();
    assert_eq!(text.content.as_deref(), Some(&b"the first of two\n"[..]));
    assert_eq!(text.facts.crc32, Some(crc32fast::hash(b"the first of two\n")));
    assert_eq!(text.facts.method.as_deref(), Some("LZMA2"));
    assert!(text.facts.mtime.is_some() && text.facts.mode.is_some());
    assert_eq!(tree.content("folder/two.txt"), Some(&b"the second of two\n"[..]));
    assert_eq!(tree.content("folder/empty.txt"), Some(&b""[..]));
    assert_eq!(opened(&tree).facts.members, tree.seen.len() as u64);
}

#[test]
fn encrypted_members_are_listed_and_opened() {
    let tree = open(LOCKED, "x.7z");
    let text = tree.seen.iter().find(|seen| seen.name() == "folder/one.txt").unwrap();
    assert_eq!((text.gap, text.facts.crc32), (Some(GapReason::Encrypted), Some(crc32fast::hash(b"the first of two\n"))));
    assert_eq!(opened(&tree).facts.encrypted, Encrypted::Some, "the empty file can't be encrypted");
    let tree = with_passwords(LOCKED, "wrong\nclinic-17\nother\n");
    assert_eq!(tree.content("folder/two.txt"), Some(&b"the second of two\n"[..]));
    assert_eq!((tree.gaps(), opened(&tree).facts.passwords), (vec![], 3));
    assert_eq!(opened(&tree).facts.notes, ["opened_with_password"]);
    let tree = with_passwords(LOCKED, "wrong\n");
    assert_eq!((tree.gaps().len(), opened(&tree).facts.passwords), (2, 0));
}

#[test]
fn hidden_names() {
    let tree = open(HIDDEN, "x.7z");
    assert_eq!((tree.seen.len(), tree.gaps()), (0, vec![GapReason::Encrypted]));
    assert_eq!(opened(&tree).facts.encrypted, Encrypted::Headers);
    let tree = with_passwords(HIDDEN, "wrong\r\nclinic-17\r\n");
    assert_eq!(tree.content("folder/one.txt"), Some(&b"the first of two\n"[..]));
    assert_eq!((tree.gaps(), opened(&tree).facts.encrypted), (vec![], Encrypted::Headers));
}

#[test]
fn behind_a_program_and_with_more_behind_it() {
    let tree = open(&[b"MZ a program", PLAIN, b"more"].concat(), "x.exe");
    assert_eq!(tree.content("folder/one.txt"), Some(&b"the first of two\n"[..]));
    assert_eq!(opened(&tree).facts.notes, ["appended", "prefix_data", "trailing_data"]);
}

#[test]
fn a_first_part_names_the_next() {
    let tree = open(&PLAIN[..PLAIN.len() / 2], "x.7z.001");
    assert_eq!(tree.gaps(), [GapReason::MissingVolume]);
    assert_eq!(opened(&tree).facts.missing_volumes, ["x.7z.002"]);
    assert_eq!(open(&PLAIN[..PLAIN.len() / 2], "x.7z").gaps(), [GapReason::Malformed]);
}

#[test]
fn limits_hold() {
    let tree = open_with(PLAIN, "x.7z", Limits { total_bytes: 20, ..Limits::default() }, Tree::default());
    assert!(tree.gaps().contains(&GapReason::LimitSize), "{:?}", tree.gaps());
    assert_eq!(tree.seen.len() as u64, opened(&tree).facts.members);
    let tree = open_with(PLAIN, "x.7z", Limits { members: 2, ..Limits::default() }, Tree::default());
    assert!(tree.gaps().contains(&GapReason::LimitCount) && tree.seen.len() == 2);
    let tree = open_with(PLAIN, "x.7z", Limits { decoder_memory: 1 << 10, ..Limits::default() }, Tree::default());
    assert!(tree.gaps().contains(&GapReason::LimitMemory), "{:?}", tree.gaps());
    let tree = open_with(PLAIN, "x.7z", Limits::default(), Tree { stop_after: Some(1), ..Tree::default() });
    assert!(tree.gaps().contains(&GapReason::Interrupted));
}

#[test]
fn damage_is_told() {
    truncations(PLAIN, "x.7z");
    mutations(PLAIN, "x.7z");
    mutations(LOCKED, "x.7z");
}

#[test]
fn parts_are_joined() {
    let cut = |at: [usize; 2]| {
        Shelf::of([("x.7z.001", &PLAIN[..at[0]]), ("x.7z.002", &PLAIN[at[0]..at[1]]), ("x.7z.003", &PLAIN[at[1]..])])
    };
    for at in [[40, 60], [100, 120], [PLAIN.len() - 2, PLAIN.len() - 1]] {
        let mut set = cut(at);
        let tree = set.open("x.7z.001");
        let whole = open(PLAIN, "x.7z");
        assert_eq!((tree.names(), tree.gaps()), (whole.names(), vec![]));
        assert_eq!(tree.content("folder/two.txt"), Some(&b"the second of two\n"[..]));
        assert!(opened(&tree).facts.missing_volumes.is_empty() && opened(&tree).facts.notes.is_empty());
        let other = set.0.remove(&b"x.7z.002"[..]).unwrap();
        let tree = set.open("x.7z.001");
        assert_eq!(
            (tree.gaps(), &opened(&tree).facts.missing_volumes[..]),
            (vec![GapReason::MissingVolume], &["x.7z.002".to_owned()][..])
        );
        // Parts in each other's place.
        let same = set.0[&b"x.7z.003"[..]] == other;
        let last = set.0.insert(b"x.7z.003".to_vec(), other).unwrap();
        set.0.insert(b"x.7z.002".to_vec(), last);
        assert_eq!(set.open("x.7z.001").gaps().is_empty(), same);
    }
    // What is whole needs nothing beside it.
    let set = Shelf::of([("x.7z.001", PLAIN), ("x.7z.002", b"other")]);
    assert_eq!((set.open("x.7z.001").gaps(), &opened(&set.open("x.7z.001")).facts.notes[..]), (vec![], &[][..]));
}
