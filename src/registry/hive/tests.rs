//! Hives made by hand, and what damage does to the walk.

use super::*;

/// Writes cells one after the other.
#[derive(Default)]
struct Maker {
    cells: Vec<u8>,
}

impl Maker {
    fn cell(&mut self, content: &[u8]) -> u32 {
        // The first 32 bytes are the header of the bin.
        if self.cells.is_empty() {
            self.cells.extend([b"hbin".as_slice(), &[0; 28]].concat());
        }
        let at = self.cells.len() as u32;
        let size = (content.len() + 4).next_multiple_of(8);
        self.cells.extend((-(size as i32)).to_le_bytes());
        self.cells.extend(content);
        self.cells.resize(at as usize + size, 0);
        at
    }

    fn list(&mut self, tag: &[u8; 2], items: &[u32]) -> u32 {
        let hash: &[u8] = if tag == b"lf" || tag == b"lh" { &[0; 4] } else { &[] };
        let items: Vec<u8> = items.iter().flat_map(|i| [&i.to_le_bytes(), hash].concat()).collect();
        let count = (items.len() / (4 + hash.len())) as u16;
        self.cell(&[tag.as_slice(), &count.to_le_bytes(), &items].concat())
    }

    fn key(&mut self, name: &str, subkeys: (u32, u32), values: (u32, u32)) -> u32 {
        let latin1 = name.chars().all(|c| u32::from(c) < 256);
        let bytes: Vec<u8> = if latin1 {
            name.chars().map(|c| c as u8).collect()
        } else {
            name.encode_utf16().flat_map(u16::to_le_bytes).collect()
        };
        let mut cell = vec![0; 76];
        cell[..2].copy_from_slice(b"nk");
        cell[2..4].copy_from_slice(&(if latin1 { 0x20u16 } else { 0 }).to_le_bytes());
        cell[4..12].copy_from_slice(&133_485_408_000_000_000u64.to_le_bytes());
        for (at, n) in [(20, subkeys.0), (28, subkeys.1), (36, values.0), (40, values.1)] {
            cell[at..at + 4].copy_from_slice(&n.to_le_bytes());
        }
        cell[72..74].copy_from_slice(&(bytes.len() as u16).to_le_bytes());
        cell.extend(bytes);
        self.cell(&cell)
    }

    fn value(&mut self, name: &str, kind: u32, size: u32, data: u32) -> u32 {
        let mut cell = vec![0; 20];
        cell[..2].copy_from_slice(b"vk");
        cell[2..4].copy_from_slice(&(name.len() as u16).to_le_bytes());
        for (at, n) in [(4, size), (8, data), (12, kind)] {
            cell[at..at + 4].copy_from_slice(&n.to_le_bytes());
        }
        cell[16] = 1;
        cell.extend(name.bytes());
        self.cell(&cell)
    }

    fn hive(mut self, root: u32) -> Vec<u8> {
        let mut base = vec![0; 4096];
        base[..4].copy_from_slice(b"regf");
        for (at, n) in [(4, 7u32), (8, 7), (20, 1), (24, 5), (36, root), (40, self.cells.len() as u32)] {
            base[at..at + 4].copy_from_slice(&n.to_le_bytes());
        }
        for (i, unit) in r"\config\SOFTWARE".encode_utf16().enumerate() {
            base[48 + 2 * i..50 + 2 * i].copy_from_slice(&unit.to_le_bytes());
        }
        let sum = checksum(&base).unwrap();
        base[508..512].copy_from_slice(&sum.to_le_bytes());
        base.append(&mut self.cells);
        base
    }
}

fn wide_bytes(text: &str) -> Vec<u8> {
    text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
}

/// `\Run` with a text, a number and a large value; `\é中` below an `ri` list; a deleted key that no list names.
fn sample() -> Vec<u8> {
    let mut m = Maker::default();
    let text = m.cell(&wide_bytes("C:\\evil.exe"));
    let large = wide_bytes(&"x".repeat(12_000));
    let segments: Vec<u32> = large.chunks(SEGMENT).map(|s| m.cell(s)).collect();
    let segments_at = m.cell(&segments.iter().flat_map(|s| s.to_le_bytes()).collect::<Vec<_>>());
    let db = m.cell(&[b"db".as_slice(), &2u16.to_le_bytes(), &segments_at.to_le_bytes()].concat());
    let values = [m.value("Evil", 1, 24, text), m.value("n", 4, 0x8000_0004, 7), m.value("big", 1, large.len() as u32, db)];
    let values_at = m.cell(&values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<_>>());
    let run = m.key("Run", (0, u32::MAX), (3, values_at));
    let other = m.key("é中", (0, u32::MAX), (0, u32::MAX));
    m.key("Deleted", (0, u32::MAX), (0, u32::MAX));
    let lists = [m.list(b"lh", &[run]), m.list(b"li", &[other])];
    let both = m.list(b"ri", &lists);
    let root = m.key("ROOT", (2, both), (0, u32::MAX));
    m.hive(root)
}

fn walked(bytes: &[u8]) -> (Vec<String>, Result<Walk, Unreadable>) {
    let mut out = Vec::new();
    let walk = walk(bytes, b"x", &mut |key| {
        out.push(key.path.to_owned());
        for value in key.values {
            let texts = value.texts();
            let shown: String = texts.first().map(|t| t.chars().take(12).collect()).unwrap_or_default();
            out.push(format!("{}={shown}:{}", value.name, texts.first().map_or(0, String::len)));
        }
        ControlFlow::Continue(())
    });
    (out, walk)
}

#[test]
fn every_kind_of_list_name_and_value() {
    let (seen, walk) = walked(&sample());
    let root = r"HKEY_LOCAL_MACHINE\SOFTWARE";
    assert_eq!(
        seen,
        [root, &format!(r"{root}\Run"), r"Evil=C:\evil.exe:11", "n=7:1", "big=xxxxxxxxxxxx:12000", &format!(r"{root}\é中"),]
    );
    assert_eq!(walk, Ok(Walk { keys: 3, values: 3, ..Walk::default() }));
}

#[test]
fn unapplied_changes_and_damage_are_told() {
    let mut bytes = sample();
    bytes[4] = 8;
    let walk = walked(&bytes).1.unwrap();
    assert!(walk.unapplied && walk.damaged == 1 && !walk.whole());
    let mut bytes = sample();
    let run = memchr::memmem::find(&bytes, b"Run").unwrap() - 76;
    bytes[run] = b'x';
    let (seen, walk) = walked(&bytes);
    assert_eq!((seen.len(), walk.unwrap().damaged), (2, 1));
    assert_eq!(walked(&sample()[..400]).1, Err(Unreadable::Short));
    assert_eq!(walked(&sample()[..4200]).1, Err(Unreadable::Root));
}

#[test]
fn a_key_below_itself_ends_the_walk() {
    let mut m = Maker::default();
    // The list names the root, whose place is known beforehand.
    let list = m.list(b"lf", &[32 + 16]);
    let root = m.key("ROOT", (1, list), (0, u32::MAX));
    assert_eq!(root, 48);
    let walk = walked(&m.hive(root)).1.unwrap();
    assert_eq!((walk.keys, walk.damaged), (1, 1));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    #[test]
    fn mutated(changes in proptest::collection::vec((4096usize..33_000, proptest::prelude::any::<u8>()), 1..40)) {
        let mut bytes = sample();
        for (at, byte) in changes {
            if let Some(b) = bytes.get_mut(at) {
                *b = byte;
            }
        }
        let _ = walked(&bytes);
    }

    #[test]
    fn headers_of_cells_mutated(change in 0usize..600, byte: u8) {
        let mut bytes = sample();
        // The large value fills most of the file; keys and lists are behind it.
        let at = bytes.len() - 1 - change;
        bytes[at] = byte;
        let _ = walked(&bytes);
    }
}
