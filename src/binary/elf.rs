//! ELF (System V gABI; notes of GNU and Go). Headers, notes and the dynamic section: no symbol or relocation is read.

use goblin::container::{Container, Ctx, Endian};
use goblin::elf::header::{EI_CLASS, EI_DATA, ELFCLASS64, ELFDATA2MSB};
use goblin::elf::program_header::{PF_X, PT_DYNAMIC, PT_INTERP, PT_LOAD, PT_NOTE};
use goblin::elf::section_header::{SHT_NOBITS, SHT_NOTE, SHT_SYMTAB};
use goblin::elf::{Elf, ProgramHeader, SectionHeader};
use serde::{Serialize, Serializer};

use crate::model::text;

use super::facts::{Facts, Format, Listed, push_section, shown};
use super::{go, rust};

/// Characters of a section name.
const MAX_NAME: usize = 64;
/// Bytes of a path or library name.
const MAX_PATH: usize = 1024;
/// Notes of one segment, and entries of the dynamic section, that are looked at.
const MAX_NOTES: usize = 64;
const MAX_DYNAMIC: usize = 4096;
/// Bytes of a build id; linkers write 8 to 32.
const MAX_BUILD_ID: usize = 64;
/// `NT_GNU_BUILD_ID` under the name `GNU`, and Go's note under `Go`.
const GNU_BUILD_ID: u32 = 3;
const GO_BUILD_ID: u32 = 4;

/// What only ELF has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ElfFacts {
    /// `NT_GNU_BUILD_ID`, hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_id: Option<String>,
    /// Virtual address.
    pub entry_point: u64,
    /// Path of the dynamic linker (`PT_INTERP`). A report gets the file's name: the path can name a person's folder.
    #[serde(serialize_with = "last_part", skip_serializing_if = "Option::is_none")]
    pub interpreter: Option<String>,
    /// `DT_SONAME`: the name a library gives itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub soname: Option<String>,
    /// `DT_NEEDED`.
    pub needed: Listed,
    /// `DT_RPATH` and `DT_RUNPATH`.
    pub rpaths: Listed,
}

fn last_part<S: Serializer>(path: &Option<String>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_some(path.as_deref().and_then(|p| p.rsplit('/').next()).unwrap_or_default())
}

/// `None` where the ELF header can't be read.
pub(super) fn parse(bytes: &[u8]) -> Option<Facts> {
    let header = Elf::parse_header(bytes).ok()?;
    let container = if header.e_ident[EI_CLASS] == ELFCLASS64 { Container::Big } else { Container::Little };
    let endian = if header.e_ident[EI_DATA] == ELFDATA2MSB { Endian::Big } else { Endian::Little };
    let ctx = Ctx::new(container, endian);
    let mut facts = Facts::new(Format::Elf);
    facts.machine = machine(header.e_machine);

    let at = usize::try_from(header.e_phoff).unwrap_or(usize::MAX);
    let programs = match header.e_phnum {
        0 => Vec::new(),
        n => ProgramHeader::parse(bytes, at, usize::from(n), ctx).unwrap_or_else(|_| {
            facts.note("segments_malformed");
            Vec::new()
        }),
    };
    let has = |kind| programs.iter().any(|p| p.p_type == kind);
    let linked = has(PT_INTERP) || has(PT_DYNAMIC);
    facts.kind = match header.e_type {
        1 => "object",
        2 => "executable",
        // Position-independent programs have the type of a library and name an interpreter.
        3 if has(PT_INTERP) => "executable",
        3 => "library",
        4 => "core",
        _ => "other",
    }
    .to_owned();
    if matches!(header.e_type, 2 | 3) {
        facts.statically_linked = Some(!linked);
    }

    let at = usize::try_from(header.e_shoff).unwrap_or(usize::MAX);
    let sections = match header.e_shoff {
        0 => Vec::new(),
        _ => SectionHeader::parse(bytes, at, usize::from(header.e_shnum), ctx).unwrap_or_else(|_| {
            facts.note("sections_malformed");
            Vec::new()
        }),
    };
    facts.stripped = Some(!sections.iter().any(|s| s.sh_type == SHT_SYMTAB));
    if sections.is_empty() {
        // Packers drop the section table; the segments say as much.
        for p in programs.iter().filter(|p| p.p_type == PT_LOAD) {
            push_section(&mut facts, bytes, "LOAD".to_owned(), p.p_offset, p.p_filesz, p.p_flags & PF_X != 0);
        }
    }
    let names = sections.get(usize::from(header.e_shstrndx));
    let names = names.and_then(|s| slice(bytes, s.sh_offset, s.sh_size)).unwrap_or_default();
    // The first header is the null section.
    for s in sections.iter().skip(1).filter(|s| s.sh_type != SHT_NOBITS) {
        push_section(&mut facts, bytes, name_at(names, s.sh_name), s.sh_offset, s.sh_size, s.is_executable());
    }
    facts.upx = upx(bytes);

    let mut own = ElfFacts { entry_point: header.e_entry, ..ElfFacts::default() };
    let part = |p: &ProgramHeader| slice(bytes, p.p_offset, p.p_filesz).unwrap_or_default();
    own.interpreter = programs.iter().find(|p| p.p_type == PT_INTERP).and_then(|p| string(part(p), 0));
    let big = endian == Endian::Big;
    let of_segments = programs.iter().filter(|p| p.p_type == PT_NOTE).map(part);
    let of_sections =
        sections.iter().filter(|s| s.sh_type == SHT_NOTE).map(|s| slice(bytes, s.sh_offset, s.sh_size).unwrap_or_default());
    let mut go_id = None;
    for note in of_segments.chain(of_sections).flat_map(|data| notes(data, big)) {
        match (note.owner, note.kind) {
            (b"GNU\0", GNU_BUILD_ID) if own.build_id.is_none() => {
                own.build_id = Some(text::hex(note.data.get(..MAX_BUILD_ID).unwrap_or(note.data)));
            }
            (b"Go\0\0", GO_BUILD_ID) if go_id.is_none() => go_id = Some(shown(&String::from_utf8_lossy(note.data))),
            _ => {}
        }
    }
    let at = |address: u64| offset(&programs, address);
    if let Some(dynamic) = programs.iter().find(|p| p.p_type == PT_DYNAMIC) {
        let wide = container == Container::Big;
        linked_to(bytes, part(dynamic), wide, big, &at, &mut own);
    }
    facts.elf = Some(own);
    facts.go = go::go(bytes, &at);
    if let Some(id) = go_id {
        facts.go.get_or_insert_default().build_id = Some(id);
    }
    facts.rust = rust::rust(bytes, &facts.sections);
    Some(facts)
}

/// Where in the file the byte at a virtual address lies.
fn offset(programs: &[ProgramHeader], address: u64) -> Option<usize> {
    let inside =
        |p: &&ProgramHeader| p.p_type == PT_LOAD && address.checked_sub(p.p_vaddr).is_some_and(|within| within < p.p_filesz);
    let p = programs.iter().find(inside)?;
    usize::try_from(address.checked_sub(p.p_vaddr)?.checked_add(p.p_offset)?).ok()
}

struct Note<'a> {
    owner: &'a [u8],
    kind: u32,
    data: &'a [u8],
}

/// Notes one after the other, name and content each padded to four bytes.
fn notes(mut data: &[u8], big: bool) -> Vec<Note<'_>> {
    let mut out = Vec::new();
    while out.len() < MAX_NOTES {
        let word = |at| number(data, at, 4, big);
        let (Some(name), Some(size), Some(kind)) = (word(0), word(4), word(8)) else { break };
        let length = |n: u64| usize::try_from(n).ok();
        let next = || {
            let name_end = length(name)?.checked_add(12)?;
            let start = name_end.checked_next_multiple_of(4)?;
            let end = length(size)?.checked_add(start)?;
            let note = Note { owner: data.get(12..name_end)?, kind: u32::try_from(kind).ok()?, data: data.get(start..end)? };
            Some((note, data.get(end.checked_next_multiple_of(4)?..).unwrap_or_default()))
        };
        let Some((note, rest)) = next() else { break };
        out.push(note);
        data = rest;
    }
    out
}

fn number(bytes: &[u8], at: usize, size: usize, big: bool) -> Option<u64> {
    let raw = bytes.get(at..at.checked_add(size)?)?;
    let push = |v: u64, b: &u8| (v << 8) | u64::from(*b);
    Some(if big { raw.iter().fold(0, push) } else { raw.iter().rev().fold(0, push) })
}

/// Names in the dynamic section.
fn linked_to(bytes: &[u8], table: &[u8], wide: bool, big: bool, at: &dyn Fn(u64) -> Option<usize>, out: &mut ElfFacts) {
    const NEEDED: u64 = 1;
    const STRTAB: u64 = 5;
    const SONAME: u64 = 14;
    const RPATH: u64 = 15;
    const RUNPATH: u64 = 29;
    let size = if wide { 8 } else { 4 };
    let read = |entry: &[u8]| Some((number(entry, 0, size, big)?, number(entry, size, size, big)?));
    let entries: Vec<(u64, u64)> =
        table.chunks_exact(2 * size).take(MAX_DYNAMIC).filter_map(read).take_while(|(tag, _)| *tag != 0).collect();
    let strings = entries.iter().find(|(tag, _)| *tag == STRTAB).and_then(|(_, address)| bytes.get(at(*address)?..));
    let Some(strings) = strings else { return };
    for (tag, value) in entries {
        let name = || string(strings, usize::try_from(value).unwrap_or(usize::MAX));
        match tag {
            NEEDED => out.needed.extend(name()),
            SONAME => out.soname = name(),
            RPATH | RUNPATH => out.rpaths.extend(name()),
            _ => {}
        }
    }
}

/// The text from `at` to its NUL.
fn string(bytes: &[u8], at: usize) -> Option<String> {
    let rest = bytes.get(at..)?;
    let rest = rest.get(..MAX_PATH).unwrap_or(rest);
    let text = &rest[..memchr::memchr(0, rest).unwrap_or(rest.len())];
    (!text.is_empty()).then(|| shown(&String::from_utf8_lossy(text)))
}

fn slice(bytes: &[u8], offset: u64, size: u64) -> Option<&[u8]> {
    bytes.get(usize::try_from(offset).ok()?..usize::try_from(offset.checked_add(size)?).ok()?)
}

fn name_at(names: &[u8], at: usize) -> String {
    let rest = names.get(at..).unwrap_or_default();
    let name = rest.iter().take(MAX_NAME).copied().take_while(|&b| b != 0).collect::<Vec<u8>>();
    shown(&String::from_utf8_lossy(&name))
}

/// UPX puts `UPX!` into its loader header within the first page and again near the end.
fn upx(bytes: &[u8]) -> bool {
    let mark = [b'U', b'P', b'X', b'!'];
    let head = &bytes[..bytes.len().min(1024)];
    let tail = &bytes[bytes.len().saturating_sub(128)..];
    memchr::memmem::find(head, &mark).is_some() && memchr::memmem::find(tail, &mark).is_some()
}

/// `e_machine` of the gABI.
fn machine(code: u16) -> String {
    match code {
        3 => "i386".to_owned(),
        8 => "mips".to_owned(),
        20 => "powerpc".to_owned(),
        21 => "powerpc64".to_owned(),
        22 => "s390".to_owned(),
        40 => "arm".to_owned(),
        62 => "x86_64".to_owned(),
        183 => "arm64".to_owned(),
        243 => "riscv".to_owned(),
        247 => "bpf".to_owned(),
        258 => "loongarch".to_owned(),
        other => format!("0x{other:04x}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A 64-bit executable with one loadable, executable segment over the whole file and no sections.
    pub(crate) fn elf() -> Vec<u8> {
        let mut b = vec![0u8; 0x1200];
        b[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
        b[16] = 2;
        b[18] = 62;
        b[20] = 1;
        b[32] = 64;
        b[52] = 64;
        b[54] = 56;
        b[56] = 1;
        b[64] = 1;
        b[68] = 5;
        b[96..104].copy_from_slice(&0x1200u64.to_le_bytes());
        b
    }

    #[test]
    fn facts_of_a_small_program() {
        let mut bytes = elf();
        let facts = parse(&bytes).unwrap();
        assert_eq!((facts.machine.as_str(), facts.kind.as_str()), ("x86_64", "executable"));
        assert_eq!((facts.statically_linked, facts.stripped), (Some(true), Some(true)));
        assert_eq!(facts.sections.len(), 1);
        assert!(facts.sections[0].executable && !facts.packed());
        bytes[0x100..0x104].copy_from_slice(b"UPX!");
        assert!(!parse(&bytes).unwrap().upx);
        let end = bytes.len() - 36;
        bytes[end..end + 4].copy_from_slice(b"UPX!");
        assert!(parse(&bytes).unwrap().packed());
    }

    #[test]
    fn notes_in_both_orders() {
        for big in [false, true] {
            let word = |n: u32| if big { n.to_be_bytes() } else { n.to_le_bytes() };
            let mut data = [word(4), word(5), word(GNU_BUILD_ID)].concat();
            data.extend(b"GNU\0abcde\0\0\0");
            data.extend([word(4), word(2), word(GO_BUILD_ID)].concat());
            data.extend(b"Go\0\0id");
            let found = notes(&data, big);
            let all: Vec<_> = found.iter().map(|n| (n.owner, n.kind, n.data)).collect();
            assert_eq!(all, [(&b"GNU\0"[..], 3, &b"abcde"[..]), (b"Go\0\0", 4, b"id")]);
            assert!(notes(&data[..11], big).is_empty());
            data[..4].copy_from_slice(&word(u32::MAX));
            assert!(notes(&data, big).is_empty());
        }
    }

    #[test]
    fn an_interpreter_is_reported_by_its_name() {
        let own = ElfFacts { interpreter: Some("/home/ann/lib/ld.so".to_owned()), ..ElfFacts::default() };
        let shown = serde_json::to_string(&own).unwrap();
        assert!(shown.contains(r#""interpreter":"ld.so""#) && !shown.contains("ann"), "{shown}");
    }

    #[test]
    fn every_flipped_header_byte_is_harmless() {
        for at in 0..120 {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut bytes = elf();
                bytes[at] = value;
                assert!(!matches!(super::super::inspect(&bytes), super::super::Inspected::Panicked(_)), "{at} {value}");
            }
        }
    }
}
