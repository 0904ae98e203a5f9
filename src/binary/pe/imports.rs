//! Imported DLLs and the import hash: MD5 over `dll.function` of every import, lower case, in the order of the table
//! (Mandiant, 2014; the same rules as `pe.imphash()` of YARA, so that published hashes match).

use std::collections::BTreeMap;
use std::sync::OnceLock;

use md5::{Digest, Md5};

use crate::model::text;

use super::super::facts::{Listed, shown};
use super::map::{Map, u32_at, until_nul};

/// Bound on DLLs, on functions of one DLL, and on functions in all.
const MAX_IMPORTS: usize = 16_384;
/// Table entries that are read in all, named or not: tables of a hostile file overlap.
const MAX_THUNKS: usize = 8 * MAX_IMPORTS;
const MAX_FUNCTION_NAME: usize = 1024;
const MAX_DLL_NAME: usize = 512;

static ORDINALS: &str = include_str!("ordinals.tsv");

/// The import hash, and the DLLs in the order of the table. No hash where nothing is imported.
pub(super) fn imports(map: &Map<'_>, directory: u32, is_64: bool) -> (Option<String>, Listed) {
    let mut libraries = Listed::default();
    let hash = imphash(map, directory, is_64, &mut libraries);
    (hash, libraries)
}

fn imphash(map: &Map<'_>, directory: u32, is_64: bool, libraries: &mut Listed) -> Option<String> {
    let mut hash = Md5::new();
    let mut functions = 0usize;
    let mut left = MAX_THUNKS;
    for d in map.at(directory)?.chunks_exact(20).take(MAX_IMPORTS) {
        let (lookup, name, address) = (word(d, 0), word(d, 12), word(d, 16));
        if name == 0 || (lookup == 0 && address == 0) {
            break;
        }
        let Some(dll) = map.at(name).and_then(dll_name) else { continue };
        libraries.push(shown(dll));
        // The lookup table is what the linker wrote; without one the address table holds the same.
        let thunks = (lookup > 0).then(|| map.at(lookup)).flatten().or_else(|| map.at(address));
        let Some(thunks) = thunks else { continue };
        let before = functions;
        each_thunk(thunks, is_64, &mut left, |thunk| {
            let function = match thunk {
                Thunk::Ordinal(n) => ordinal_name(dll, n),
                Thunk::Name(rva) => map.at(rva).and_then(function_name)?.to_owned(),
            };
            if functions > 0 {
                hash.update(b",");
            }
            hash.update(stem(dll).to_ascii_lowercase().as_bytes());
            hash.update(b".");
            hash.update(function.to_ascii_lowercase().as_bytes());
            functions = functions.checked_add(1)?;
            Some(())
        });
        if functions > before && functions >= MAX_IMPORTS {
            break;
        }
    }
    (functions > 0).then(|| text::hex(&hash.finalize()))
}

fn word(descriptor: &[u8], at: usize) -> u32 {
    u32_at(descriptor, at).unwrap_or(0)
}

enum Thunk {
    Ordinal(u16),
    Name(u32),
}

/// Walks an import lookup table to its null entry. Values that are neither an ordinal nor an address are passed over.
fn each_thunk(table: &[u8], is_64: bool, left: &mut usize, mut take: impl FnMut(Thunk) -> Option<()>) {
    let (width, flag) = if is_64 { (8, 1u64 << 63) } else { (4, 1u64 << 31) };
    for entry in table.chunks_exact(width).take(MAX_IMPORTS.min(*left)) {
        *left -= 1;
        let value = entry.iter().rev().fold(0u64, |v, &b| (v << 8) | u64::from(b));
        if value == 0 {
            return;
        }
        if value > flag | 0xffff {
            continue;
        }
        let thunk = if value & flag != 0 {
            Thunk::Ordinal((value & 0xffff) as u16)
        } else {
            match u32::try_from(value) {
                Ok(rva) => Thunk::Name(rva),
                Err(_) => continue,
            }
        };
        let _ = take(thunk);
    }
}

fn dll_name(bytes: &[u8]) -> Option<&str> {
    let name = std::str::from_utf8(until_nul(bytes, MAX_DLL_NAME)).ok()?;
    let bad = |c: char| c.is_ascii_control() || matches!(c, ' ' | '"' | '*' | '<' | '>' | '?' | '|');
    (!name.contains(bad)).then_some(name)
}

/// Behind the two-byte hint.
fn function_name(bytes: &[u8]) -> Option<&str> {
    let name = until_nul(bytes.get(2..)?, MAX_FUNCTION_NAME);
    let fine = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
    fine.then(|| std::str::from_utf8(name).ok()).flatten()
}

/// Without `.dll`, `.sys` or `.ocx`.
fn stem(dll: &str) -> &str {
    let cut = dll.len().saturating_sub(4);
    match dll.get(cut..) {
        Some(end) if [".dll", ".sys", ".ocx"].iter().any(|x| end.eq_ignore_ascii_case(x)) => &dll[..cut],
        _ => dll,
    }
}

/// The name behind an ordinal of the three DLLs that are usually imported by ordinal, else `ordN`.
fn ordinal_name(dll: &str, ordinal: u16) -> String {
    static TABLE: OnceLock<BTreeMap<(&str, u16), &str>> = OnceLock::new();
    let table = TABLE.get_or_init(|| {
        let rows = ORDINALS.lines().filter(|l| !l.starts_with('#'));
        rows.filter_map(|l| {
            let mut f = l.split('\t');
            Some(((f.next()?, f.next()?.parse().ok()?), f.next()?))
        })
        .collect()
    });
    let known = match dll.to_ascii_lowercase().as_str() {
        "ws2_32.dll" | "wsock32.dll" => table.get(&("ws2_32", ordinal)),
        "oleaut32.dll" => table.get(&("oleaut32", ordinal)),
        _ => None,
    };
    known.map_or_else(|| format!("ord{ordinal}"), |n| (*n).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinals_of_the_three_tables() {
        assert_eq!(ordinal_name("WS2_32.dll", 115), "WSAStartup");
        assert_eq!(ordinal_name("wsock32.dll", 1), "accept");
        assert_eq!(ordinal_name("OLEAUT32.dll", 2), "SysAllocString");
        assert_eq!(ordinal_name("mfc42.dll", 2), "ord2");
        assert_eq!(ordinal_name("ws2_32.dll", 60_000), "ord60000");
    }

    #[test]
    fn library_extensions() {
        assert_eq!(stem("KERNEL32.dll"), "KERNEL32");
        assert_eq!(stem("a.OCX"), "a");
        assert_eq!(stem("mod.drv"), "mod.drv");
        assert_eq!(stem("dll"), "dll");
    }

    #[test]
    fn endless_tables_end() {
        let bytes = vec![1u8; 1 << 20];
        let map = Map { bytes: &bytes, sections: &[], file_alignment: 0, section_alignment: 0 };
        let _ = imports(&map, 0, true);
        let _ = imports(&map, u32::MAX, false);
    }
}
