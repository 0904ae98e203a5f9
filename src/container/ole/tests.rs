use super::*;
use crate::container::Limits;
use crate::container::testing::*;

/// A storage or a stream, by name.
#[derive(Clone)]
pub(super) enum Node {
    Storage(&'static str, Vec<Node>),
    Stream(&'static str, Vec<u8>),
}
use Node::{Storage, Stream};

const END: u32 = 0xffff_fffe;
const FREE: u32 = 0xffff_ffff;

/// Builds a compound file of sectors of 512 bytes; the table of sectors has one sector.
#[derive(Default)]
struct Maker {
    entries: Vec<[u8; 128]>,
    sectors: Vec<u8>,
    fat: Vec<u32>,
    short: Vec<u8>,
    short_fat: Vec<u32>,
}

impl Maker {
    fn entry(&mut self, name: &str, kind: u8) -> usize {
        let mut entry = [0; 128];
        let units: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        entry[..units.len()].copy_from_slice(&units);
        entry[64] = units.len() as u8 + 2;
        entry[66] = kind;
        entry[68..80].fill(0xff);
        self.entries.push(entry);
        self.entries.len() - 1
    }

    fn set(&mut self, entry: usize, at: usize, value: u32) {
        self.entries[entry][at..at + 4].copy_from_slice(&value.to_le_bytes());
    }

    fn chain(fat: &mut Vec<u32>, store: &mut Vec<u8>, size: usize, bytes: &[u8]) -> u32 {
        let first = fat.len() as u32;
        let count = bytes.len().div_ceil(size).max(1);
        fat.extend((1..count as u32).map(|n| first + n).chain([END]));
        store.extend(bytes);
        store.resize(fat.len() * size, 0);
        first
    }

    fn add(&mut self, parent: usize, nodes: &[Node]) {
        let mut before: Option<usize> = None;
        for node in nodes {
            let entry = match node {
                Storage(name, inner) => {
                    let entry = self.entry(name, 1);
                    self.add(entry, inner);
                    entry
                }
                Stream(name, bytes) => {
                    let entry = self.entry(name, 2);
                    let start = if bytes.len() < 4096 {
                        Self::chain(&mut self.short_fat, &mut self.short, 64, bytes)
                    } else {
                        Self::chain(&mut self.fat, &mut self.sectors, 512, bytes)
                    };
                    self.set(entry, 116, start);
                    self.set(entry, 120, bytes.len() as u32);
                    entry
                }
            };
            match before {
                Some(before) => self.set(before, 72, entry as u32),
                None => self.set(parent, 76, entry as u32),
            }
            before = Some(entry);
        }
    }
}

/// A compound file of these.
fn compound(nodes: &[Node]) -> Vec<u8> {
    let mut maker = Maker::default();
    let root = maker.entry("Root Entry", 5);
    maker.add(root, nodes);
    let short = std::mem::take(&mut maker.short);
    let start = if short.is_empty() { END } else { Maker::chain(&mut maker.fat, &mut maker.sectors, 512, &short) };
    maker.set(root, 116, start);
    maker.set(root, 120, short.len() as u32);
    let words = |words: &[u32]| words.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>();
    let mut short_fat = maker.short_fat.clone();
    short_fat.resize(short_fat.len().next_multiple_of(128).max(128), FREE);
    let short_at = Maker::chain(&mut maker.fat, &mut maker.sectors, 512, &words(&short_fat));
    let mut entries = maker.entries.concat();
    entries.resize(entries.len().next_multiple_of(512), 0);
    let directory_at = Maker::chain(&mut maker.fat, &mut maker.sectors, 512, &entries);
    let fat_at = maker.fat.len() as u32;
    maker.fat.push(0xffff_fffd);
    assert!(maker.fat.len() <= 128, "one sector");
    maker.fat.resize(128, FREE);
    let mut header = vec![0; 76];
    header[..8].copy_from_slice(MAGIC);
    header[26] = 3;
    header[30] = 9;
    for (at, value) in [(48, directory_at), (60, short_at), (68, END)] {
        header[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }
    header.extend(fat_at.to_le_bytes());
    header.resize(512, 0xff);
    [header, maker.sectors, words(&maker.fat)].concat()
}

fn units(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// What the packager writes.
fn native(label: &str, bytes: &[u8]) -> Vec<u8> {
    let text = |text: &str| [text.as_bytes(), b"\0"].concat();
    let copy = text("C:\\Users\\x\\AppData\\Local\\Temp\\a");
    let inner = [
        &[2, 0][..],
        &text(label),
        &text("C:\\x"),
        &[0, 0, 3, 0],
        &(copy.len() as u32).to_le_bytes(),
        &copy,
        &(bytes.len() as u32).to_le_bytes(),
        bytes,
        &[0, 0],
    ]
    .concat();
    [(inner.len() as u32).to_le_bytes().to_vec(), inner].concat()
}

fn attached(number: &'static str, name: &str, bytes: &[u8]) -> Node {
    let name = Stream("__substg1.0_3707001F", units(name));
    Storage(number, vec![name, Stream("__substg1.0_37010102", bytes.to_vec())])
}

#[test]
fn files_attached_to_a_message() {
    let zip = include_bytes!("../../../tests/fixtures/container/zip.zip");
    let inner = vec![
        Stream("__properties_version1.0", vec![0; 24]),
        attached("__attach_version1.0_#00000000", "deep.bin", b"in a message inside"),
    ];
    let message = compound(&[
        Stream("__properties_version1.0", vec![0; 32]),
        Stream("__substg1.0_1000001F", units("the text")),
        attached("__attach_version1.0_#00000000", "f\u{fc}r Sie.zip", zip),
        attached("__attach_version1.0_#00000001", "", &vec![7; 5000]),
        Storage(
            "__attach_version1.0_#00000002",
            vec![Stream("__substg1.0_3001001E", b"forwarded\0".to_vec()), Storage("__substg1.0_3701000D", inner)],
        ),
    ]);
    let tree = open(&message, "x.msg");
    assert_eq!(tree.names(), ["f\u{fc}r Sie.zip", "attachment#00000001", "forwarded/deep.bin"]);
    assert_eq!((tree.gaps(), opened(&tree).facts.format.as_str()), (vec![], "ole"));
    assert_eq!(tree.content("f\u{fc}r Sie.zip"), Some(&zip[..]));
    assert_eq!(tree.content("attachment#00000001"), Some(&[7; 5000][..]));
    assert_eq!(tree.content("forwarded/deep.bin"), Some(&b"in a message inside"[..]));
}

#[test]
fn files_inside_documents() {
    let document = compound(&[
        Stream("WordDocument", vec![1; 5000]),
        Storage(
            "ObjectPool",
            vec![
                Storage(
                    "_1",
                    vec![Stream("\u{1}CompObj", vec![0; 30]), Stream("\u{1}Ole10Native", native("a.exe", b"MZ a program"))],
                ),
                Storage("_2", vec![Stream("Package", b"PK\x03\x04 a workbook".to_vec())]),
                Storage("_3", vec![Stream("CONTENTS", b"%PDF-1.4".to_vec())]),
                Storage("_4", vec![Stream("\u{1}Ole10Native", b"\x03\0\0\0abc".to_vec())]),
            ],
        ),
    ]);
    let tree = open(&document, "x.doc");
    let names = ["ObjectPool/_1/a.exe", "ObjectPool/_2/Package", "ObjectPool/_3/CONTENTS", "ObjectPool/_4/Ole10Native"];
    assert_eq!((tree.names(), tree.gaps()), (names.map(str::to_owned).to_vec(), vec![]));
    assert_eq!(tree.content(names[0]), Some(&b"MZ a program"[..]));
    assert_eq!(tree.content(names[3]), Some(&b"\x03\0\0\0abc"[..]), "what isn't understood is read as it stands");
    // A document that carries nothing is no container.
    assert!(open(&compound(&[Stream("WordDocument", vec![1; 5000])]), "x.doc").opened.is_empty());
}

#[test]
fn hostile_documents() {
    let lying = |size: u32| {
        let mut stream = native("a.exe", b"short");
        let at = stream.len() - 5 - 2 - 4;
        stream[at..at + 4].copy_from_slice(&size.to_le_bytes());
        compound(&[Stream("\u{1}Ole10Native", stream)])
    };
    assert_eq!(open(&lying(u32::MAX), "x.doc").names(), ["Ole10Native"], "a size is believed as far as the stream goes");
    let good = compound(&[
        Stream("\u{1}Ole10Native", native("a.exe", &vec![5; 4500])),
        attached("__attach_version1.0_#00000000", "a", b"b"),
    ]);
    for at in (0..good.len()).step_by(3) {
        for value in [0, 0xff, good[at] ^ 1] {
            let mut bad = good.clone();
            bad[at] = value;
            let tree = open_with(&bad, "x.doc", Limits { total_bytes: 1 << 20, ..Limits::default() }, Tree::default());
            assert!(tree.seen.len() < 50);
        }
    }
    for cut in (0..good.len()).step_by(64) {
        let tree = open(&good[..cut], "x.doc");
        assert!(tree.opened.is_empty() || !tree.gaps().is_empty() || tree.seen.iter().all(|s| s.gap.is_none()));
    }
    // Storages without an end.
    let mut deep = vec![Stream("Package", b"x".to_vec())];
    for _ in 0..20 {
        deep = vec![Storage("s", deep)];
    }
    assert_eq!(open(&compound(&deep), "x.doc").gaps(), [GapReason::LimitDepth]);
}

/// Writes the fixture anew: `UPDATE_FIXTURES=1`.
#[test]
fn the_fixture_is_what_this_makes() {
    let made = compound(&[
        Stream("WordDocument", vec![1; 5000]),
        Storage(
            "ObjectPool",
            vec![Storage("_1", vec![Stream("\u{1}Ole10Native", native("note.txt", b"packed into a document\n"))])],
        ),
    ]);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/container/ole.doc");
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        std::fs::write(path, &made).unwrap();
    }
    assert_eq!(std::fs::read(path).unwrap(), made);
}
