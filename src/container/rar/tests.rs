use crate::container::testing::*;
use crate::container::{Limits, Passwords};
use crate::model::{Encrypted, GapReason};

/// Two pictures in a solid archive of RAR 5 and of RAR 4 (ssokolow/rar-test-files, CC0).
const FIVE: &[u8] = include_bytes!("../../../tests/fixtures/container/rar.rar");
const FOUR: &[u8] = include_bytes!("../../../tests/fixtures/container/rar-4.rar");

fn vint(mut n: u64) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let byte = (n & 0x7f) as u8;
        n >>= 7;
        out.push(if n == 0 { byte } else { byte | 0x80 });
        if n == 0 {
            return out;
        }
    }
}

/// A header of RAR 5 around its body.
fn five(body: &[u8]) -> Vec<u8> {
    let sized = [vint(body.len() as u64), body.to_vec()].concat();
    [crc32fast::hash(&sized).to_le_bytes().to_vec(), sized].concat()
}

/// A stored file or service of RAR 5.
fn five_file(kind: u8, flags: u8, name: &str, extra: &[u8], data: &[u8]) -> Vec<u8> {
    let crc = crc32fast::hash(data).to_le_bytes();
    let fields = [&[4][..], &vint(data.len() as u64), &[0], &crc, &[0, 1], &vint(name.len() as u64), name.as_bytes()].concat();
    let with = if extra.is_empty() { Vec::new() } else { vint(extra.len() as u64) };
    let flags = flags | 2 | u8::from(!extra.is_empty());
    let body = [&[kind, flags][..], &with, &vint(data.len() as u64), &fields, extra].concat();
    [five(&body), data.to_vec()].concat()
}

fn five_archive(main: &[u8], blocks: &[Vec<u8>], end: u8) -> Vec<u8> {
    [b"Rar!\x1a\x07\x01\0".to_vec(), five(&[&[1, 0][..], main].concat()), blocks.concat(), five(&[5, 0, end])].concat()
}

/// A header of RAR 4: type, flags, fields.
fn four(kind: u8, flags: u16, fields: &[u8]) -> Vec<u8> {
    let size = (7 + fields.len()) as u16;
    let covered = [&[kind][..], &flags.to_le_bytes(), &size.to_le_bytes(), fields].concat();
    [(crc32fast::hash(&covered) as u16).to_le_bytes().to_vec(), covered].concat()
}

fn four_file(flags: u16, name: &[u8], data: &[u8]) -> Vec<u8> {
    let size = (data.len() as u32).to_le_bytes();
    let fields = [
        &size[..],
        &size,
        &[3],
        &crc32fast::hash(data).to_le_bytes(),
        &[0, 0x60, 0x21, 0x58],
        &[29, 0x30],
        &(name.len() as u16).to_le_bytes(),
        &0o100_644_u32.to_le_bytes(),
        name,
    ]
    .concat();
    [four(0x74, 0x8000 | flags, &fields), data.to_vec()].concat()
}

fn four_archive(flags: u16, blocks: &[Vec<u8>]) -> Vec<u8> {
    [b"Rar!\x1a\x07\0".to_vec(), four(0x73, flags, &[0; 6]), blocks.concat(), four(0x7b, 0x4000, &[])].concat()
}

#[test]
fn archives_of_real_programs() {
    for (bytes, name, method) in [(FIVE, "five.rar", "rar5 m5"), (FOUR, "four.rar", "rar2.9 m5")] {
        let tree = open(bytes, name);
        assert_eq!(tree.gaps(), [], "{name}");
        assert_eq!(tree.content("testfile.jpg").map(<[u8]>::len), Some(220), "{name}");
        assert_eq!(tree.content("testfile.png").map(<[u8]>::len), Some(87), "{name}");
        assert!(tree.seen.iter().all(|seen| seen.facts.mtime.is_some()), "{name}");
        assert!(tree.seen.iter().any(|seen| seen.facts.method.as_deref() == Some(method)), "{:?}", tree.seen);
        for seen in &tree.seen {
            assert_eq!(seen.facts.crc32, seen.content.as_deref().map(crc32fast::hash));
        }
    }
}

#[test]
fn stored_members_and_streams() {
    let stream = [vint(17), vec![7], b":Zone.Identifier".to_vec()].concat();
    let blocks = [
        five_file(2, 0, "a/one.txt", &[], b"one"),
        five_file(3, 0x20, "STM", &stream, b"[ZoneTransfer]"),
        five_file(3, 0, "CMT", &[], b"a comment"),
    ];
    let tree = open(&[five_archive(&[0], &blocks, 0), b"behind".to_vec()].concat(), "x.rar");
    assert_eq!(tree.gaps(), []);
    assert_eq!(tree.names(), ["a/one.txt", "a/one.txt:Zone.Identifier"]);
    assert_eq!(tree.content("a/one.txt:Zone.Identifier"), Some(&b"[ZoneTransfer]"[..]));
    assert_eq!(opened(&tree).facts.notes, ["comment", "ntfs_stream", "trailing_data"]);
    let tree = open(&four_archive(0, &[four_file(0, b"a\\one.txt", b"one")]), "x.rar");
    assert_eq!((tree.gaps(), tree.content("a/one.txt")), (vec![], Some(&b"one"[..])));
    assert_eq!(tree.seen[0].facts.mode.as_deref(), Some("0644"));
    assert_eq!(tree.seen[0].facts.mtime.and_then(|t| t.rfc3339()).as_deref(), Some("2024-01-01T12:00:00Z"));
}

#[test]
fn parts_of_a_set() {
    // The second of three volumes: one member comes from the first, one goes on in the third.
    let blocks = [five_file(2, 8, "one.txt", &[], b"its end"), five_file(2, 16, "two.txt", &[], b"its beginning")];
    let tree = open(&five_archive(&[3, 1], &blocks, 1), "set.part2.rar");
    assert_eq!(tree.gaps(), [GapReason::MissingVolume; 2]);
    assert_eq!(tree.content("two.txt"), Some(&b"its beginning"[..]), "what is there is read");
    assert_eq!(tree.seen[1].facts.crc32, None, "of a part");
    assert_eq!(opened(&tree).facts.missing_volumes, ["set.part1.rar", "set.part3.rar"]);
    let tree = open(&four_archive(1, &[four_file(2, b"two.txt", b"its beginning")]), "set.rar");
    assert_eq!(
        (tree.gaps(), &opened(&tree).facts.missing_volumes[..]),
        (vec![GapReason::MissingVolume], &["set.r00".to_owned()][..])
    );
}

/// Three volumes of RAR 5: `one` lies in the first, `two` in all, `three` in the last.
fn set_of_five() -> Shelf {
    let whole = b"the first piece, the second, the third";
    let piece = |flags: u8, bytes: &[u8]| {
        // Of a piece that goes on the checksum is that of its packed bytes; the last has that of the whole.
        let crc = crc32fast::hash(if flags & 16 != 0 { bytes } else { whole }).to_le_bytes();
        let fields = [&[4][..], &vint(whole.len() as u64), &[0], &crc, &[0, 1, 3], b"two"].concat();
        let body = [&[2, flags | 2][..], &vint(bytes.len() as u64), &fields].concat();
        [five(&body), bytes.to_vec()].concat()
    };
    let first = [five_file(2, 0, "one", &[], b"1"), piece(16, &whole[..17])];
    let last = [piece(8, &whole[29..]), five_file(2, 0, "three", &[], b"3")];
    Shelf::of([
        ("x.part1.rar", five_archive(&[1], &first, 1)),
        ("x.part2.rar", five_archive(&[3, 1], &[piece(24, &whole[17..29])], 1)),
        ("x.part3.rar", five_archive(&[3, 2], &last, 0)),
    ])
}

/// The same of RAR 4, by its old names.
fn set_of_four() -> Shelf {
    let whole = b"the first piece, the second, the third";
    let piece = |flags: u16, bytes: &[u8]| {
        let crc = crc32fast::hash(if flags & 2 != 0 { bytes } else { whole }).to_le_bytes();
        let fields = [
            &(bytes.len() as u32).to_le_bytes()[..],
            &(whole.len() as u32).to_le_bytes(),
            &[3],
            &crc,
            &[0, 0x60, 0x21, 0x58, 29, 0x30, 3, 0],
            &0o100_644_u32.to_le_bytes(),
            b"two",
        ];
        [four(0x74, 0x8000 | flags, &fields.concat()), bytes.to_vec()].concat()
    };
    let volume = |flags: u16, blocks: &[Vec<u8>], more: u16| {
        [b"Rar!\x1a\x07\0".to_vec(), four(0x73, flags, &[0; 6]), blocks.concat(), four(0x7b, 0x4000 | more, &[])].concat()
    };
    Shelf::of([
        ("x.rar", volume(0x101, &[four_file(0, b"one", b"1"), piece(2, &whole[..17])], 1)),
        ("x.r00", volume(1, &[piece(3, &whole[17..29])], 1)),
        ("x.r01", volume(1, &[piece(1, &whole[29..]), four_file(0, b"three", b"3")], 0)),
    ])
}

#[test]
fn volumes_are_joined() {
    for (set, names) in
        [(set_of_five(), ["x.part1.rar", "x.part2.rar", "x.part3.rar"]), (set_of_four(), ["x.rar", "x.r00", "x.r01"])]
    {
        let tree = set.open(names[0]);
        assert_eq!((tree.names(), tree.gaps()), (["one", "two", "three"].map(str::to_owned).to_vec(), vec![]), "{}", names[0]);
        assert_eq!(tree.content("two"), Some(&b"the first piece, the second, the third"[..]));
        let facts = &tree.seen[1].facts;
        assert_eq!(facts.crc32, tree.content("two").map(crc32fast::hash));
        assert_eq!((facts.size, facts.packed), (Some(38), Some(38)));
        assert!(opened(&tree).facts.missing_volumes.is_empty());
        // The others are read with it, and say so.
        for name in &names[1..] {
            let tree = set.open(name);
            assert_eq!((tree.seen.len(), tree.gaps()), (0, vec![]), "{name}");
            assert_eq!(opened(&tree).facts.notes, ["read_with_set", "volume"], "{name}");
        }
        let alone = open(&set.0[names[0].as_bytes()], names[0]);
        assert_eq!(alone.gaps(), [GapReason::MissingVolume], "nothing lies beside what is inside something else");
    }
}

#[test]
fn the_first_volume_may_be_a_program() {
    let mut set = set_of_five();
    let first = set.0.remove(&b"x.part1.rar"[..]).unwrap();
    set.0.insert(b"x.part1.exe".to_vec(), [b"MZ a program", &first[..]].concat());
    let tree = set.open("x.part1.exe");
    assert_eq!((tree.content("two").map(<[u8]>::len), tree.gaps()), (Some(38), vec![]));
    assert_eq!((set.open("x.part2.rar").seen.len(), set.open("x.part3.rar").seen.len()), (0, 0));
}

#[test]
fn a_missing_volume_is_named_and_the_others_are_read() {
    for (mut set, names) in
        [(set_of_five(), ["x.part1.rar", "x.part2.rar", "x.part3.rar"]), (set_of_four(), ["x.rar", "x.r00", "x.r01"])]
    {
        set.0.remove(names[1].as_bytes());
        let tree = set.open(names[0]);
        assert_eq!((tree.content("one"), tree.content("two")), (Some(&b"1"[..]), Some(&b"the first piece, "[..])));
        assert_eq!(
            (tree.gaps(), &opened(&tree).facts.missing_volumes[..]),
            (vec![GapReason::MissingVolume], &[names[1].to_owned()][..])
        );
        let tree = set.open(names[2]);
        assert_eq!((tree.content("three"), tree.gaps()), (Some(&b"3"[..]), vec![GapReason::MissingVolume]));
        assert_eq!(opened(&tree).facts.missing_volumes, [names[1]]);
    }
}

#[test]
fn a_volume_of_another_place_is_told() {
    // The third in the place of the second.
    for (mut set, [first, second, third]) in
        [(set_of_five(), ["x.part1.rar", "x.part2.rar", "x.part3.rar"]), (set_of_four(), ["x.rar", "x.r00", "x.r01"])]
    {
        let other = set.0[third.as_bytes()].clone();
        set.0.insert(second.into(), other);
        let tree = set.open(first);
        assert!(tree.seen.iter().filter(|seen| seen.name() == "two").all(|seen| seen.gap.is_some()), "{:?}", tree.seen);
        assert_eq!(tree.content("three"), Some(&b"3"[..]), "nothing is lost");
        assert!(!tree.gaps().is_empty());
    }
    // Another archive, or none, in the place of the second.
    for other in [five_archive(&[0], &[five_file(2, 0, "other", &[], b"o")], 0), b"no archive".to_vec(), FOUR.to_vec(), vec![]] {
        let mut set = set_of_five();
        set.0.insert("x.part2.rar".into(), other.clone());
        let tree = set.open("x.part1.rar");
        assert_eq!((tree.names().len(), tree.gaps()), (2, vec![GapReason::MissingVolume]));
        assert_eq!(opened(&tree).facts.missing_volumes, ["x.part2.rar"]);
        let notes = |name: &str| set.open(name).opened.first().map(|e| e.facts.notes.clone()).unwrap_or_default();
        assert!(!notes("x.part3.rar").contains(&"read_with_set".to_owned()), "it begins anew");
        assert!(!notes("x.part2.rar").contains(&"read_with_set".to_owned()));
    }
}

#[test]
fn a_volume_that_is_left_over_is_not_lost() {
    let mut set = set_of_five();
    let stray = [five_file(2, 8, "old", &[], b"its end"), five_file(2, 0, "older", &[], b"whole")];
    set.0.insert("x.part4.rar".into(), five_archive(&[3, 3], &stray, 0));
    let tree = set.open("x.part1.rar");
    assert_eq!(tree.names(), ["one", "two", "three", "old", "older"]);
    assert_eq!((tree.content("older"), tree.gaps()), (Some(&b"whole"[..]), vec![GapReason::MissingVolume]));
    assert_eq!(opened(&tree).facts.notes, ["volume", "volume_behind_last"]);
    assert_eq!(set.open("x.part4.rar").seen.len(), 0);
}

#[test]
fn damaged_sets_are_told() {
    for (set, names) in
        [(set_of_five(), ["x.part1.rar", "x.part2.rar", "x.part3.rar"]), (set_of_four(), ["x.rar", "x.r00", "x.r01"])]
    {
        for name in names {
            let whole = set.0[name.as_bytes()].clone();
            for cut in 0..whole.len() {
                let mut set = Shelf(set.0.clone());
                set.0.insert(name.into(), whole[..cut].to_vec());
                let all: Vec<_> = names.iter().map(|name| set.open(name)).collect();
                let told = all.iter().any(|tree| !tree.gaps().is_empty());
                let three = all.iter().any(|tree| tree.content("three") == Some(b"3"));
                let two = all.iter().any(|tree| tree.seen.iter().any(|s| s.name() == "two" && s.gap.is_none()));
                assert!(told || two && three, "{name} cut at {cut}");
            }
            for at in 0..whole.len() {
                for value in [whole[at] ^ 1, 0xff] {
                    let mut set = Shelf(set.0.clone());
                    let mut bytes = whole.clone();
                    bytes[at] = value;
                    set.0.insert(name.into(), bytes);
                    let seen: usize = names.iter().map(|name| set.open(name).seen.len()).sum();
                    assert!(seen <= 12, "{name}: byte {at} as {value}: {seen}");
                }
            }
        }
    }
}

#[test]
fn a_damaged_header_hides_no_more_than_its_member() {
    for (make, at) in [
        (five_archive(&[0], &["one", "two", "three"].map(|n| five_file(2, 0, n, &[], n.as_bytes())), 0), 30),
        (four_archive(0, &["one", "two", "three"].map(|n| four_file(0, n.as_bytes(), n.as_bytes()))), 30),
    ] {
        let mut bytes = make;
        bytes[at] ^= 0x55;
        let tree = open(&bytes, "x.rar");
        assert_eq!(tree.names(), ["two", "three"]);
        assert_eq!(tree.gaps(), [GapReason::Malformed]);
    }
}

#[test]
fn hidden_names_and_old_archives() {
    let crypt = [&[4, 0, 0, 0, 15][..], &[7; 16]].concat();
    let sealed = [b"Rar!\x1a\x07\x01\0".to_vec(), five(&crypt), vec![9; 64]].concat();
    let tree = open(&sealed, "x.rar");
    assert_eq!((tree.gaps(), opened(&tree).facts.encrypted), (vec![GapReason::Encrypted], Encrypted::Headers));
    let tree = open_known(&sealed, "x.rar", &Passwords::parse(b"a\nb").unwrap());
    assert_eq!((tree.gaps(), opened(&tree).facts.passwords), (vec![GapReason::Encrypted], 0));
    let sealed = [b"Rar!\x1a\x07\0".to_vec(), four(0x73, 0x80, &[0; 6]), vec![9; 64]].concat();
    let tree = open(&sealed, "x.rar");
    assert_eq!((tree.gaps(), opened(&tree).facts.encrypted), (vec![GapReason::Encrypted], Encrypted::Headers));
    let file = [&[2, 0, 0, 0, 9, 0, 0, 0, 0, 0, 26, 0][..], &[0, 0x60, 0x21, 0x58, 0x20, 0, 2, 5, 3], b"a.txt", b"xx"].concat();
    let tree = open(&[b"RE\x7e\x5e\x07\0\0".to_vec(), file].concat(), "x.rar");
    assert_eq!((tree.names(), tree.gaps()), (vec!["a.txt".to_owned()], vec![GapReason::UnsupportedMethod]));
}

#[test]
fn tweaked_and_missing_checksums_are_not_told() {
    // Encryption with mixed checksums: version 0, flags 3, 2^15 rounds, salt, IV, check value.
    let lock = [&[1, 0, 3, 15][..], &[1; 16], &[2; 16], &[3; 12]].concat();
    let lock = [vint(lock.len() as u64), lock].concat();
    let tree = open(&five_archive(&[0], &[five_file(2, 0, "x", &lock, &[0; 16])], 0), "x.rar");
    assert_eq!((tree.gaps(), tree.seen[0].facts.crc32), (vec![GapReason::Encrypted], None));
    assert!(tree.seen[0].facts.encrypted);
}

#[test]
fn limits_hold() {
    let tree = open_with(FIVE, "x.rar", Limits { decoder_memory: 100, ..Limits::default() }, Tree::default());
    assert!(tree.gaps().contains(&GapReason::LimitMemory), "{:?}", tree.gaps());
    let tree = open_with(FOUR, "x.rar", Limits { members: 1, ..Limits::default() }, Tree::default());
    assert_eq!(tree.gaps(), [GapReason::LimitCount]);
    let tree = open_with(FOUR, "x.rar", Limits { total_bytes: 100, ..Limits::default() }, Tree::default());
    assert_eq!((tree.gaps()[0], tree.seen.len()), (GapReason::LimitSize, 2));
}

#[test]
fn damage_is_told() {
    let stored = five_archive(&[0], &[five_file(2, 0, "one", &[], b"content")], 0);
    let old = four_archive(0, &[four_file(0, b"one", b"content")]);
    for bytes in [FIVE, FOUR, &stored, &old] {
        truncations(bytes, "x.rar");
        mutations(bytes, "x.rar");
    }
}
