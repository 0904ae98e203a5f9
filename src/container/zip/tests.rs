//! Builders for zips of every shape, and what must come out of them.

use super::super::testing::{Shelf, Tree, mutations, open, open_known, open_with, opened, truncations};
use super::*;
use crate::container::{Limits, Passwords};
use crate::model::{Encrypted, Time};

/// One entry to be written.
#[derive(Clone)]
pub(super) struct Part {
    pub name: &'static str,
    pub stored: Vec<u8>,
    pub method: u16,
    pub flags: u16,
    pub crc: u32,
    pub size: u64,
    pub extra: Vec<u8>,
    pub local_name: Option<&'static str>,
    pub local_method: Option<u16>,
    pub local_flags: Option<u16>,
    /// Not in the directory.
    pub hidden: bool,
    pub attributes: u32,
}

pub(super) fn stored(name: &'static str, content: &[u8]) -> Part {
    Part {
        name,
        stored: content.to_vec(),
        method: 0,
        flags: 0,
        crc: crc32fast::hash(content),
        size: content.len() as u64,
        extra: Vec::new(),
        local_name: None,
        local_method: None,
        local_flags: None,
        hidden: false,
        attributes: 0,
    }
}

pub(super) fn deflate(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::read::DeflateEncoder::new(content, flate2::Compression::best());
    let mut out = Vec::new();
    encoder.read_to_end(&mut out).unwrap();
    out
}

pub(super) fn deflated(name: &'static str, content: &[u8]) -> Part {
    Part { method: 8, stored: deflate(content), ..stored(name, content) }
}

pub(super) fn local(part: &Part) -> Vec<u8> {
    let name = part.local_name.unwrap_or(part.name);
    let flags = part.local_flags.unwrap_or(part.flags);
    let streamed = flags & entry::DESCRIPTOR != 0;
    let mut out = b"PK\x03\x04\x14\0".to_vec();
    out.extend(flags.to_le_bytes());
    out.extend(part.local_method.unwrap_or(part.method).to_le_bytes());
    out.extend([0, 0x60, 0x21, 0x58]);
    for value in [u64::from(part.crc), part.stored.len() as u64, part.size] {
        out.extend((if streamed { 0 } else { value.min(u64::from(u32::MAX)) } as u32).to_le_bytes());
    }
    out.extend((name.len() as u16).to_le_bytes());
    out.extend([0, 0]);
    out.extend(name.as_bytes());
    out.extend(&part.stored);
    if streamed {
        out.extend(b"PK\x07\x08");
        for value in [part.crc, part.stored.len() as u32, part.size as u32] {
            out.extend(value.to_le_bytes());
        }
    }
    out
}

pub(super) fn central(part: &Part, offset: u32) -> Vec<u8> {
    let mut out = b"PK\x01\x02\x14\x03\x14\0".to_vec();
    out.extend(part.flags.to_le_bytes());
    out.extend(part.method.to_le_bytes());
    out.extend([0, 0x60, 0x21, 0x58]);
    for value in [u64::from(part.crc), part.stored.len() as u64, part.size] {
        out.extend((value.min(u64::from(u32::MAX)) as u32).to_le_bytes());
    }
    out.extend((part.name.len() as u16).to_le_bytes());
    out.extend((part.extra.len() as u16).to_le_bytes());
    out.extend([0; 6]);
    out.extend(part.attributes.to_le_bytes());
    out.extend(offset.to_le_bytes());
    out.extend(part.name.as_bytes());
    out.extend(&part.extra);
    out
}

pub(super) fn end(entries: u16, length: u32, offset: u32, comment: &[u8]) -> Vec<u8> {
    let mut out = b"PK\x05\x06\0\0\0\0".to_vec();
    out.extend(entries.to_le_bytes());
    out.extend(entries.to_le_bytes());
    out.extend(length.to_le_bytes());
    out.extend(offset.to_le_bytes());
    out.extend((comment.len() as u16).to_le_bytes());
    out.extend(comment);
    out
}

pub(super) fn zip(parts: &[Part]) -> Vec<u8> {
    let (mut out, mut directory, mut count) = (Vec::new(), Vec::new(), 0);
    for part in parts {
        if !part.hidden {
            directory.extend(central(part, out.len() as u32));
            count += 1;
        }
        out.extend(local(part));
    }
    let offset = out.len() as u32;
    out.extend(&directory);
    out.extend(end(count, directory.len() as u32, offset, b""));
    out
}

fn notes(tree: &Tree) -> &[String] {
    &opened(tree).facts.notes
}

#[test]
fn a_plain_archive() {
    let bytes = zip(&[stored("a/", b""), stored("a/one.txt", b"one"), deflated("two.txt", &[b'2'; 500])]);
    let tree = open(&bytes, "x.zip");
    assert_eq!(tree.names(), ["a/", "a/one.txt", "two.txt"]);
    assert_eq!(tree.content("a/one.txt"), Some(&b"one"[..]));
    assert_eq!(tree.content("two.txt"), Some(&[b'2'; 500][..]));
    assert_eq!(tree.gaps(), []);
    assert!(notes(&tree).is_empty());
    let facts = &tree.seen[2].facts;
    assert_eq!(facts.method.as_deref(), Some("deflate"));
    assert_eq!(facts.crc32, Some(crc32fast::hash(&[b'2'; 500])));
    assert_eq!(facts.mtime.and_then(Time::rfc3339).as_deref(), Some("2024-01-01T12:00:00Z"));
    assert!(tree.seen[0].facts.is_dir);
    assert_eq!((opened(&tree).facts.members, opened(&tree).facts.encrypted), (3, Encrypted::No));
}

#[test]
fn every_method_of_the_crate_that_writes_them() {
    let text = b"Nobody in this text is real. ".repeat(40);
    let methods = [::zip::CompressionMethod::BZIP2, ::zip::CompressionMethod::XZ];
    let writable = methods.into_iter().chain([::zip::CompressionMethod::PPMD, ::zip::CompressionMethod::STORE]);
    for method in writable {
        let mut writer = ::zip::ZipWriter::new(io::Cursor::new(Vec::new()));
        let options = ::zip::write::SimpleFileOptions::default().compression_method(method);
        writer.start_file("a.txt", options).unwrap();
        io::Write::write_all(&mut writer, &text).unwrap();
        let bytes = writer.finish().unwrap().into_inner();
        let tree = open(&bytes, "x.zip");
        assert_eq!((tree.content("a.txt"), tree.gaps()), (Some(&text[..]), vec![]), "{method:?}");
    }
}

#[test]
fn methods_that_need_their_own_framing() {
    let text = b"Nobody in this text is real, and nobody was asked.";
    let deflate64 = Part { method: 9, ..deflated("a", text) };
    let mut writer = lzma_rust2::LzmaWriter::new_use_header(Vec::new(), &lzma_rust2::LzmaOptions::with_preset(1), None).unwrap();
    io::Write::write_all(&mut writer, text).unwrap();
    let alone = writer.finish().unwrap();
    let packed = [&[9, 20, 5, 0][..], &alone[..5], &alone[13..]].concat();
    let lzma = Part { method: 14, flags: 2, stored: packed, ..stored("a", text) };
    for part in [deflate64, lzma] {
        let tree = open(&zip(std::slice::from_ref(&part)), "x.zip");
        assert_eq!((tree.content("a"), tree.gaps()), (Some(&text[..]), vec![]), "{}", part.method);
    }
}

#[test]
fn zstd_in_a_zip() {
    let content = b"zstd ".repeat(99);
    let packed = ruzstd::encoding::compress_to_vec(&content[..], ruzstd::encoding::CompressionLevel::Fastest);
    let tree = open(&zip(&[Part { method: 93, stored: packed, ..stored("z", &content) }]), "x.zip");
    assert_eq!((tree.content("z"), tree.gaps()), (Some(&content[..]), vec![]));
}

#[test]
fn an_unknown_method_is_listed_unread() {
    let tree = open(&zip(&[Part { method: 97, ..stored("song", b"x") }, stored("b", b"b")]), "x.zip");
    assert_eq!(tree.seen[0].gap, Some(GapReason::UnsupportedMethod));
    assert_eq!(tree.seen[0].facts.method.as_deref(), Some("wavpack"));
    assert_eq!(tree.content("b"), Some(&b"b"[..]));
}

#[test]
fn encrypted_members_are_listed_with_their_checksums() {
    let secret = Part { flags: 1, size: 4, crc: 0x1234_5678, ..stored("p.csv", &[0; 16]) };
    let aes = Part { method: 99, extra: vec![1, 0x99, 7, 0, 2, 0, b'A', b'E', 3, 8, 0], ..secret.clone() };
    let tree = open(&zip(&[secret.clone(), stored("open", b"x"), aes]), "x.zip");
    assert_eq!(opened(&tree).facts.encrypted, Encrypted::Some);
    let seen = &tree.seen[0];
    assert_eq!((seen.gap, seen.facts.crc32, seen.facts.size), (Some(GapReason::Encrypted), Some(0x1234_5678), Some(4)));
    assert_eq!(seen.facts.method.as_deref(), Some("ZipCrypto stored"));
    assert_eq!(tree.seen[2].facts.method.as_deref(), Some("AES-256 deflate"));
    assert_eq!(tree.seen[2].facts.crc32, None, "AE-2 stores none");
    let all = open(&zip(&[stored("d/", b""), secret]), "x.zip");
    assert_eq!(opened(&all).facts.encrypted, Encrypted::All);
}

#[test]
fn a_false_encryption_flag_hides_nothing() {
    let tree = open(&zip(&[Part { flags: 1, ..stored("a", b"plain") }]), "x.zip");
    assert_eq!(tree.content("a"), Some(&b"plain"[..]));
    assert_eq!(notes(&tree), ["false_encryption_flag"]);
    assert_eq!(tree.gaps(), []);
}

#[test]
fn duplicate_names_are_both_delivered() {
    let tree = open(&zip(&[stored("a", b"first"), stored("a", b"second")]), "x.zip");
    let contents: Vec<_> = tree.seen.iter().map(|seen| seen.content.clone().unwrap()).collect();
    assert_eq!(contents, [b"first".to_vec(), b"second".to_vec()]);
    assert_eq!((tree.seen[0].facts.index, tree.seen[1].facts.index), (0, 1));
    assert_eq!(notes(&tree), ["duplicate_name"]);
}

#[test]
fn headers_that_disagree_are_noted_and_read_both_ways() {
    let named = open(&zip(&[Part { local_name: Some("b"), ..stored("a", b"x") }]), "x.zip");
    assert_eq!((notes(&named), named.gaps()), (&["header_mismatch".to_owned()][..], vec![]));
    let packed = deflated("a", &[b'a'; 300]);
    let other = open(&zip(&[Part { method: 0, local_method: Some(8), ..packed.clone() }]), "x.zip");
    assert!(other.seen.iter().any(|seen| seen.content.as_deref() == Some(&[b'a'; 300][..])), "the local view");
    assert!(notes(&other).contains(&"header_mismatch".to_owned()));
    let locked = open(&zip(&[Part { flags: 1, local_flags: Some(0), ..packed }]), "x.zip");
    assert_eq!(locked.seen[0].gap, Some(GapReason::Encrypted));
    assert_eq!(locked.seen[1].content.as_deref(), Some(&[b'a'; 300][..]));
}

#[test]
fn members_outside_the_directory_are_found() {
    let parts = [stored("a", b"a"), Part { hidden: true, ..stored("h", b"hid") }, deflated("b", b"bbb")];
    let tree = open(&zip(&parts), "x.zip");
    assert_eq!(tree.names(), ["a", "b", "h"]);
    assert_eq!(tree.content("h"), Some(&b"hid"[..]));
    assert_eq!(notes(&tree), ["hidden_member"]);
    let streamed = Part { hidden: true, flags: entry::DESCRIPTOR, ..stored("h", b"hidden") };
    let tree = open(&zip(&[stored("a", b"a"), streamed]), "x.zip");
    assert_eq!((tree.content("h"), tree.gaps()), (Some(&b"hidden"[..]), vec![]));
}

#[test]
fn descriptors() {
    let parts = [Part { flags: entry::DESCRIPTOR, ..deflated("a", &[b'a'; 99]) }, stored("b", b"b")];
    let tree = open(&zip(&parts), "x.zip");
    assert_eq!((tree.names(), tree.gaps()), (vec!["a".to_owned(), "b".to_owned()], vec![]));
    assert!(notes(&tree).is_empty());
}

#[test]
fn an_archive_behind_a_program_and_before_garbage() {
    let inner = zip(&[stored("a", b"a")]);
    let bytes = [&b"#!/bin/sh\nexit 0\n"[..], &inner, b"garbage"].concat();
    let tree = open(&bytes, "run.sh");
    assert_eq!((tree.content("a"), tree.gaps()), (Some(&b"a"[..]), vec![]));
    assert_eq!(notes(&tree), ["prefix_data", "trailing_data"]);
    let without = b"#!/bin/sh\necho PK\x05\x06 is the end of a zip, and this is text, not one\n";
    assert!(open(without, "run.sh").opened.is_empty());
}

#[test]
fn two_archives_in_a_row_give_both() {
    let bytes = [zip(&[stored("first", b"1")]), zip(&[stored("second", b"2")])].concat();
    let tree = open(&bytes, "x.zip");
    assert_eq!(tree.names(), ["second", "first"]);
    assert_eq!(notes(&tree), ["hidden_member", "prefix_data"]);
}

#[test]
fn a_stored_archive_inside_is_a_member_and_nothing_more() {
    let inner = Box::leak(zip(&[stored("deep", b"x")]).into_boxed_slice());
    let bytes = zip(&[stored("in.zip", inner)]);
    let tree = open(&bytes, "x.zip");
    assert_eq!((tree.names(), notes(&tree)), (vec!["in.zip".to_owned()], &[][..]));
    let both = open_with(&bytes, "x.zip", Limits::default(), Tree { recurse: true, ..Tree::default() });
    assert_eq!(both.names(), ["in.zip", "deep"]);
}

#[test]
fn zip64_ends() {
    let part = stored("a", b"a");
    let mut bytes = local(&part);
    let (offset, directory) = (bytes.len() as u64, central(&part, 0));
    bytes.extend(&directory);
    let record = bytes.len() as u64;
    bytes.extend(b"PK\x06\x06");
    bytes.extend(44_u64.to_le_bytes());
    bytes.extend([45, 0, 45, 0]);
    bytes.extend([0; 8]);
    for value in [1, 1, directory.len() as u64, offset] {
        bytes.extend(value.to_le_bytes());
    }
    bytes.extend(b"PK\x06\x07\0\0\0\0");
    bytes.extend(record.to_le_bytes());
    bytes.extend([1, 0, 0, 0]);
    for comment in [end(u16::MAX, u32::MAX, u32::MAX, b""), end(1, directory.len() as u32, offset as u32, b"")] {
        for prefix in [&b""[..], b"#!/bin/sh\n"] {
            let whole = [prefix, &bytes, &comment].concat();
            let tree = open(&whole, "x.zip");
            assert_eq!((tree.content("a"), tree.gaps()), (Some(&b"a"[..]), vec![]), "{prefix:?}");
        }
    }
}

#[test]
fn split_sets_name_what_is_missing() {
    let bytes = zip(&[stored("first", &[b'1'; 300]), stored("last", b"2")]);
    let cut = bytes.len() - 250;
    let last = open(&bytes[cut..], "set.zip.003");
    assert!(last.gaps().contains(&GapReason::MissingVolume));
    assert_eq!(last.content("last"), Some(&b"2"[..]), "what lies in this part is read");
    assert_eq!(opened(&last).facts.missing_volumes, ["set.zip.001", "set.zip.002"]);
    let first = open(&bytes[..cut], "set.zip.001");
    assert_eq!(opened(&first).facts.missing_volumes, ["set.zip.002"]);
    assert!(first.gaps().contains(&GapReason::MissingVolume));
    let mut spanned = b"PK\x07\x08".to_vec();
    spanned.extend(&bytes[..cut]);
    assert_eq!(opened(&open(&spanned, "set.z01")).facts.missing_volumes, ["set.zip"]);
}

/// A zip cut into three, each name with its bytes.
fn cut() -> Shelf {
    let bytes = zip(&[stored("first", &[b'1'; 300]), stored("second", &[b'2'; 300]), stored("last", b"3")]);
    Shelf::of([("x.zip.001", &bytes[..200]), ("x.zip.002", &bytes[200..450]), ("x.zip.003", &bytes[450..])])
}

#[test]
fn parts_that_were_cut_are_joined() {
    let mut set = cut();
    let tree = set.open("x.zip.001");
    assert_eq!((tree.names(), tree.gaps()), (["first", "second", "last"].map(str::to_owned).to_vec(), vec![]));
    assert_eq!(tree.content("second"), Some(&[b'2'; 300][..]));
    assert!(opened(&tree).facts.notes.is_empty() && opened(&tree).facts.missing_volumes.is_empty());
    let last = set.open("x.zip.003");
    assert_eq!((last.seen.len(), last.gaps(), &opened(&last).facts.notes[..]), (0, vec![], &["read_with_set".to_owned()][..]));
    set.0.remove(&b"x.zip.002"[..]);
    let tree = set.open("x.zip.001");
    assert_eq!(opened(&tree).facts.missing_volumes, ["x.zip.002"]);
    assert!(tree.gaps().contains(&GapReason::MissingVolume));
    let tree = set.open("x.zip.003");
    assert_eq!(opened(&tree).facts.missing_volumes, ["x.zip.001", "x.zip.002"], "it is not read with the first");
    assert_eq!(tree.content("last"), Some(&b"3"[..]));
    let mut set = cut();
    set.0.remove(&b"x.zip.001"[..]);
    let tree = set.open("x.zip.003");
    assert_eq!((tree.content("second"), tree.content("last")), (Some(&[b'2'; 300][..]), Some(&b"3"[..])), "with the second");
    assert_eq!(opened(&tree).facts.missing_volumes, ["x.zip.001"]);
}

#[test]
fn numbers_may_count_whole_archives() {
    let (one, two) = (zip(&[stored("one", b"1")]), zip(&[stored("two", b"2")]));
    let set = Shelf::of([("x.001", one), ("x.002", two)]);
    for (name, member) in [("x.001", "one"), ("x.002", "two")] {
        let tree = set.open(name);
        assert_eq!((tree.names(), tree.gaps()), (vec![member.to_owned()], vec![]));
        assert!(opened(&tree).facts.notes.is_empty());
    }
}

/// An archive split by its own rules: offsets count from the beginning of each volume.
fn split() -> Shelf {
    let parts = [stored("first", &[b'1'; 300]), stored("second", &[b'2'; 300]), stored("last", b"3")];
    let locals: Vec<_> = parts.iter().map(local).collect();
    let first = [b"PK\x07\x08", &locals[0][..], &locals[1][..100]].concat();
    let second = [&locals[1][100..], &locals[2]].concat();
    let on = |part: &Part, disk: u8, offset: usize| {
        let mut entry = central(part, offset as u32);
        entry[34] = disk;
        entry
    };
    let directory =
        [on(&parts[0], 0, 4), on(&parts[1], 0, 4 + locals[0].len()), on(&parts[2], 1, locals[1].len() - 100)].concat();
    let mut end = vec![b'P', b'K', 5, 6, 2, 0, 2, 0, 3, 0, 3, 0];
    end.extend((directory.len() as u32).to_le_bytes());
    end.extend([0; 6]);
    Shelf::of([("X.Z01", first), ("X.Z02", second), ("X.ZIP", [directory, end].concat())])
}

#[test]
fn volumes_of_a_split_archive_are_joined() {
    let mut set = split();
    let tree = set.open("X.ZIP");
    assert_eq!((tree.names(), tree.gaps()), (["first", "second", "last"].map(str::to_owned).to_vec(), vec![]));
    assert_eq!((tree.content("second"), tree.content("last")), (Some(&[b'2'; 300][..]), Some(&b"3"[..])));
    assert!(opened(&tree).facts.notes.is_empty(), "{:?}", opened(&tree).facts.notes);
    let first = set.open("X.Z01");
    assert_eq!((first.seen.len(), first.gaps(), &opened(&first).facts.notes[..]), (0, vec![], &["read_with_set".to_owned()][..]));
    let second = set.0.remove(&b"X.Z02"[..]).unwrap();
    let tree = set.open("X.ZIP");
    assert_eq!(opened(&tree).facts.missing_volumes, ["X.Z02"]);
    assert_eq!(tree.content("first"), Some(&[b'1'; 300][..]));
    let gap = |name: &str| tree.seen.iter().find(|seen| seen.name() == name).and_then(|seen| seen.gap);
    assert_eq!(
        (gap("first"), gap("second"), gap("last")),
        (None, Some(GapReason::MissingVolume), Some(GapReason::MissingVolume))
    );
    // Without the last one the first reads what its headers tell.
    set.0.insert(b"X.Z02".to_vec(), second);
    set.0.remove(&b"X.ZIP"[..]);
    let tree = set.open("X.Z01");
    assert_eq!(
        (tree.content("second"), &opened(&tree).facts.missing_volumes[..]),
        (Some(&[b'2'; 300][..]), &["X.ZIP".to_owned()][..])
    );
    assert_eq!(set.open("X.Z02").opened.len(), 0, "it begins inside a member");
    // Another archive of that name leads nowhere.
    set.0.insert(b"X.ZIP".to_vec(), zip(&[stored("other", b"o")]));
    assert!(set.open("X.Z01").content("first").is_some());
    assert_eq!(set.open("X.ZIP").names(), ["other"]);
}

#[test]
fn the_last_part_of_a_set_that_zip_wrote() {
    let tree = open(include_bytes!("../../../tests/fixtures/container/zip-split.zip"), "split.zip");
    assert_eq!(opened(&tree).facts.missing_volumes, ["split.z01"]);
    assert_eq!(tree.names(), ["noise.bin", "list.txt"]);
    assert_eq!(tree.content("list.txt"), Some(&b"Nobody in this list is real.\n"[..]));
    assert_eq!(tree.seen[0].gap, Some(GapReason::MissingVolume));
}

#[test]
fn links_are_data() {
    let tree = open(&zip(&[Part { attributes: 0o120_777 << 16, ..stored("l", b"/etc/passwd") }]), "x.zip");
    assert!(tree.seen[0].facts.is_link);
    assert_eq!(tree.content("l"), Some(&b"/etc/passwd"[..]));
    assert_eq!(tree.seen[0].facts.mode.as_deref(), Some("0777"));
}

#[test]
fn utc_times_win_over_dos_times() {
    let ut = Part { extra: vec![0x55, 0x54, 5, 0, 1, 0xff, 0xff, 0xff, 0xff], ..stored("a", b"") };
    let tree = open(&zip(&[ut]), "x.zip");
    assert_eq!(tree.seen[0].facts.mtime, Some(Time::from_seconds(-1)));
}

#[test]
fn cut_anywhere() {
    truncations(&zip(&[stored("a", b"first"), deflated("b", &[b'b'; 200])]), "x.zip");
}

#[test]
fn without_a_directory_entries_are_found_by_their_headers() {
    let streamed = Part { flags: entry::DESCRIPTOR, ..deflated("s", &[b's'; 400]) };
    let parts = [stored("a", b"first"), streamed, stored("b", b"PK\x03\x04 in the data")];
    let bytes: Vec<u8> = parts.iter().flat_map(local).collect();
    let tree = open(&bytes, "x.zip");
    assert_eq!(tree.names(), ["a", "s", "b"]);
    assert_eq!(tree.content("s"), Some(&[b's'; 400][..]));
    assert_eq!(tree.content("b"), Some(&b"PK\x03\x04 in the data"[..]));
    assert_eq!(tree.gaps(), [GapReason::Malformed]);
}

#[test]
fn damage_is_told_by_the_checksum() {
    let mut bytes = zip(&[stored("a", b"content")]);
    bytes[32] ^= 1;
    assert_eq!(open(&bytes, "x.zip").gaps(), [GapReason::Malformed]);
}

#[test]
fn passwords_open_members() {
    // 7zz a -tzip -pclinic-17, with -mem=AES256 (AE-2) and -mem=ZipCrypto.
    let aes = &include_bytes!("../../../tests/fixtures/container/zip-aes.zip")[..];
    let traditional = &include_bytes!("../../../tests/fixtures/container/zip-crypto.zip")[..];
    let list = |text: &str| Passwords::parse(text.as_bytes()).unwrap();
    for (bytes, method) in [(aes, "AES-256 "), (traditional, "ZipCrypto ")] {
        let tree = open(bytes, "x.zip");
        assert_eq!(tree.gaps(), [GapReason::Encrypted; 2]);
        let tree = open_known(bytes, "x.zip", &list("wrong\nclinic-17\n"));
        assert_eq!(tree.gaps(), [], "{method}");
        assert_eq!(tree.content("folder/one.txt"), Some(&b"the first of two\n"[..]));
        assert!(tree.content("folder/two.txt").unwrap().starts_with(b"the second of two, which"));
        assert!(tree.seen.iter().all(|seen| seen.facts.encrypted && seen.facts.method.as_deref().unwrap().starts_with(method)));
        assert_eq!(notes(&tree), ["opened_with_password"]);
        assert_eq!(opened(&tree).facts.passwords, 2);
        // Hundreds of wrong ones: among them are some that the single check byte takes for right.
        let wrong: String = (0..300).map(|n| format!("no{n}\n")).collect();
        assert_eq!(open_known(bytes, "x.zip", &list(&wrong)).gaps(), [GapReason::Encrypted; 2]);
        mutations(bytes, "x.zip");
    }
}
