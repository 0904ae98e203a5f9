//! Programs and shortcuts whose headers lie: counts of 2^32 - 1, trees in circles, parts over each other.

use super::{Input, classes};
use crate::programs::{elf, go_blob, macho, pe};

/// Where `programs::pe` puts its headers.
const PE: usize = 0xc0;
const OPTIONAL: usize = PE + 24;
const SECTION: usize = OPTIONAL + 240;
/// Where its one section lies in the file and in memory.
const START: usize = 0x400;
const ADDRESS: u32 = 0x1000;

/// A file with some of its bytes written over.
fn patched(mut bytes: Vec<u8>, patches: &[(usize, &[u8])]) -> Vec<u8> {
    for (at, patch) in patches {
        let end = (at + patch.len()).min(bytes.len());
        bytes[*at..end].copy_from_slice(&patch[..end - at]);
    }
    bytes
}

pub fn windows_program() -> Vec<u8> {
    pe(&[("OriginalFilename", "tool.exe"), ("ProductName", "Tool")])
}

pub fn linux_program() -> Vec<u8> {
    elf(&go_blob("example.org/tool"))
}

pub fn mac_program() -> Vec<u8> {
    macho("com.example.tool")
}

/// A shortcut (MS-SHLLINK) with an id list, link information, strings and an extra block.
pub fn shortcut() -> Vec<u8> {
    let mut link =
        [&[0x4c, 0, 0, 0][..], &[1, 0x14, 2, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46], &0xff_u32.to_le_bytes()].concat();
    link.resize(76, 0);
    link.extend([6, 0, 4, 0, 0x1f, 0x50, 0, 0]);
    let path = b"C:\\tool.exe\0\0";
    let info = [28 + path.len() as u32, 28, 1, 0, 28, 0, 28].map(u32::to_le_bytes).concat();
    link.extend([&info[..], path].concat());
    for text in ["name", "..\\tool.exe", "C:\\", "-arguments", "icon.ico"] {
        link.extend((text.len() as u16).to_le_bytes());
        link.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    }
    link.extend([&0x14_u32.to_le_bytes()[..], &0xa000_0009_u32.to_le_bytes(), &[1; 12], &[0; 4]].concat());
    link
}

const FULL: [u8; 4] = [0xff; 4];
const WIDE: [u8; 8] = [0xff; 8];

/// A directory's address and size.
fn directory(number: usize, address: u32, size: u32) -> Vec<(usize, Vec<u8>)> {
    vec![
        (OPTIONAL + 112 + number * 8, address.to_le_bytes().to_vec()),
        (OPTIONAL + 116 + number * 8, size.to_le_bytes().to_vec()),
    ]
}

fn with_directories(patches: &[Vec<(usize, Vec<u8>)>]) -> Vec<u8> {
    let flat: Vec<(usize, &[u8])> = patches.iter().flatten().map(|(at, bytes)| (*at, bytes.as_slice())).collect();
    patched(windows_program(), &flat)
}

/// Where a directory of `programs::pe` lies in the file.
fn place_of(program: &[u8], number: usize) -> usize {
    let at = OPTIONAL + 112 + number * 8;
    let address = u32::from_le_bytes(program[at..at + 4].try_into().expect("four bytes"));
    (address - ADDRESS) as usize + START
}

pub fn all() -> Vec<Input> {
    classes([
        ("PE with counts that lie", pe_counts()),
        ("PE in circles", pe_circles()),
        ("PE with parts over each other", pe_overlaps()),
        ("ELF with counts that lie", elf_counts()),
        ("Mach-O with counts that lie", macho_counts()),
        ("shortcuts with lengths that lie", shortcuts()),
        ("programs that are cut", cut()),
    ])
}

fn pe_counts() -> Vec<Input> {
    let base = windows_program;
    let exports = place_of(&base(), 0);
    let debug = place_of(&base(), 6);
    let one = |name: &'static str, patches: &[(usize, &[u8])]| Input::new(name, patched(base(), patches), &[]);
    vec![
        one("sections-65535.exe", &[(PE + 6, &[0xff, 0xff])]),
        one("directories-2^32.exe", &[(OPTIONAL + 108, &FULL)]),
        one("optional-header-65535.exe", &[(PE + 20, &[0xff, 0xff])]),
        one("symbols-2^32.exe", &[(PE + 12, &FULL), (PE + 16, &FULL)]),
        one("header-at-2^32.exe", &[(0x3c, &FULL)]),
        one("header-in-itself.exe", &[(0x3c, &[0, 0, 0, 0])]),
        one("exports-2^32.exe", &[(exports + 20, &FULL), (exports + 24, &FULL)]),
        one("export-names-anywhere.exe", &[(exports + 28, &FULL), (exports + 32, &FULL), (exports + 36, &FULL)]),
        one("debug-2^32.exe", &[(debug + 16, &FULL), (debug + 20, &FULL), (debug + 24, &FULL)]),
        one("image-size-2^32.exe", &[(OPTIONAL + 56, &FULL), (OPTIONAL + 60, &FULL)]),
        one("alignment-0.exe", &[(OPTIONAL + 32, &[0; 8])]),
        one("alignment-2^32.exe", &[(OPTIONAL + 32, &WIDE)]),
        Input::new(
            "every-directory-2^32.exe",
            with_directories(&(0..16).map(|n| directory(n, ADDRESS, u32::MAX)).collect::<Vec<_>>()),
            &[],
        ),
        Input::new("certificates-2^32.exe", with_directories(&[directory(4, START as u32, u32::MAX)]), &[]),
        Input::new("dotnet-2^32.exe", with_directories(&[directory(14, ADDRESS, u32::MAX)]), &[]),
    ]
}

fn pe_circles() -> Vec<Input> {
    let base = windows_program();
    let resources = place_of(&base, 2);
    let high = 1_u32 << 31;
    let tree = |entries: &[u32]| -> Vec<u8> {
        let count = (entries.len() as u32 / 2) << 16;
        [&[0, 0, 0, count][..], entries].concat().iter().flat_map(|n| n.to_le_bytes()).collect()
    };
    let one = |name: &'static str, root: Vec<u8>| Input::new(name, patched(base.clone(), &[(resources, &root)]), &[]);
    vec![
        one("resources-of-themselves.exe", tree(&[16, high, 3, high])),
        one("resources-65535.exe", [&[0; 12][..], &FULL].concat()),
        one("version-of-2^32.exe", tree(&[16, 80])),
        one("resource-names-nowhere.exe", tree(&[u32::MAX, u32::MAX, u32::MAX, high | 8])),
        Input::new("imports-of-themselves.exe", with_directories(&[directory(1, ADDRESS, 40), directory(13, ADDRESS, 64)]), &[]),
        Input::new(
            "relocations-of-length-0.exe",
            with_directories(&[directory(5, ADDRESS + 16, 1 << 30), directory(9, ADDRESS, 40)]),
            &[],
        ),
    ]
}

fn pe_overlaps() -> Vec<Input> {
    let section = |virtual_size: u32, address: u32, raw: u32, at: u32| -> Vec<u8> {
        [&b".x\0\0\0\0\0\0"[..], &[virtual_size, address, raw, at, 0, 0, 0, 0xe000_0020].map(u32::to_le_bytes).concat()].concat()
    };
    // Room for three headers more lies between the first and the section's content.
    let with = |sections: &[Vec<u8>]| {
        let all = sections.concat();
        patched(windows_program(), &[(PE + 6, &[sections.len() as u8, 0]), (SECTION, &all)])
    };
    let same = section(0x1000, ADDRESS, 0x200, START as u32);
    vec![
        Input::new("three-times-one.exe", with(&[same.clone(), same.clone(), same]), &[]),
        Input::new(
            "each-over-the-next.exe",
            with(&[section(0x2000, ADDRESS, 0x400, 0x200), section(0x2000, 0x1800, 0x400, 0x300)]),
            &[],
        ),
        Input::new("over-the-headers.exe", with(&[section(0x1000, 0, 0x400, 0)]), &[]),
        Input::new("section-of-2^32.exe", with(&[section(u32::MAX, ADDRESS, u32::MAX, START as u32)]), &[]),
        Input::new("section-at-2^32.exe", with(&[section(u32::MAX, u32::MAX, 0x200, u32::MAX)]), &[]),
        Input::new("no-section.exe", with(&[]), &[]),
    ]
}

fn elf_counts() -> Vec<Input> {
    let one = |name: &'static str, patches: &[(usize, &[u8])]| Input::new(name, patched(linux_program(), patches), &[]);
    vec![
        one("segments-65535.elf", &[(56, &[0xff, 0xff])]),
        one("segments-at-2^64.elf", &[(32, &WIDE)]),
        one("sections-at-2^64.elf", &[(40, &WIDE), (58, &[64, 0, 0xff, 0xff, 0xff, 0xff])]),
        one("sections-of-size-0.elf", &[(40, &[64]), (58, &[0, 0, 0xff, 0xff])]),
        one("sections-65535.elf", &[(40, &[64]), (58, &[64, 0, 0xff, 0xff, 1, 0])]),
        one("note-name-2^32.elf", &[(0x300, &FULL)]),
        one("note-value-2^32.elf", &[(0x304, &FULL)]),
        one("notes-of-length-0.elf", &[(0x300, &[0; 40])]),
        one("interpreter-2^64.elf", &[(64 + 56 + 32, &WIDE)]),
        one("segment-2^64.elf", &[(64 + 8, &WIDE), (64 + 32, &WIDE)]),
        one("go-length-2^64.elf", &[(0x400 + 32, &[0xff; 12])]),
        one("header-of-32-bits.elf", &[(4, &[1])]),
        one("other-byte-order.elf", &[(5, &[2])]),
        one("dynamic-without-end.elf", &[(64, &[2, 0, 0, 0])]),
    ]
}

fn macho_counts() -> Vec<Input> {
    let one = |name: &'static str, patches: &[(usize, &[u8])]| Input::new(name, patched(mac_program(), patches), &[]);
    let fat = |archs: u32, offset: u32, size: u32| {
        let head = [0xcafe_babe, archs, 0x0100_000c, 0, offset, size, 0].map(u32::to_be_bytes).concat();
        [&head[..], &mac_program()].concat()
    };
    let blob = 48;
    vec![
        one("commands-2^32.macho", &[(16, &FULL)]),
        one("commands-size-2^32.macho", &[(20, &FULL)]),
        one("command-of-size-0.macho", &[(36, &[0; 4]), (16, &FULL)]),
        one("command-of-size-2^32.macho", &[(36, &FULL)]),
        one("signature-anywhere.macho", &[(40, &WIDE)]),
        one("signature-2^32-blobs.macho", &[(blob + 8, &FULL)]),
        one("signature-of-itself.macho", &[(blob + 16, &[0; 4])]),
        one("identifier-anywhere.macho", &[(blob + 20 + 20, &FULL), (blob + 20 + 48, &FULL)]),
        Input::new("fat-2^32.macho", fat(u32::MAX, 28, 100), &[]),
        Input::new("fat-of-itself.macho", fat(1, 0, u32::MAX), &[]),
        Input::new("fat-anywhere.macho", fat(1, u32::MAX, u32::MAX), &[]),
    ]
}

fn shortcuts() -> Vec<Input> {
    let one = |name: &'static str, patches: &[(usize, &[u8])]| Input::new(name, patched(shortcut(), patches), &[]);
    let strings = 76 + 8 + 41;
    vec![
        one("as-it-should-be.lnk", &[]),
        one("every-flag.lnk", &[(20, &FULL)]),
        one("id-list-65535.lnk", &[(76, &[0xff, 0xff])]),
        one("item-of-length-0.lnk", &[(78, &[0, 0]), (76, &[0xff, 0x7f])]),
        one("information-2^32.lnk", &[(84, &FULL)]),
        one("information-anywhere.lnk", &[(92, &FULL), (96, &WIDE), (104, &WIDE)]),
        one("string-65535.lnk", &[(strings, &[0xff, 0xff])]),
        Input::new("block-2^32.lnk", [&shortcut()[..shortcut().len() - 24], &FULL, &FULL].concat(), &[]),
        Input::new(
            "blocks-without-end.lnk",
            [&shortcut()[..shortcut().len() - 4], &[8, 0, 0, 0, 9, 0, 0, 0xa0].repeat(200_000)].concat(),
            &[],
        ),
    ]
}

/// Each at places where one header ends and the next begins, and one byte before.
fn cut() -> Vec<Input> {
    let programs = [("exe", windows_program()), ("elf", linux_program()), ("macho", mac_program()), ("lnk", shortcut())];
    programs
        .iter()
        .flat_map(|(ending, bytes)| {
            [4, 20, 63, 64, 77, OPTIONAL, SECTION, bytes.len() - 1]
                .into_iter()
                .filter(move |n| *n < bytes.len())
                .map(move |n| Input::new(format!("{n}.{ending}"), &bytes[..n], &[]))
        })
        .collect()
}
