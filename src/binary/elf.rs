//! ELF (System V gABI). Header, program headers and section headers only: no symbol or relocation is read.

use goblin::container::{Container, Ctx, Endian};
use goblin::elf::header::{EI_CLASS, EI_DATA, ELFCLASS64, ELFDATA2MSB};
use goblin::elf::program_header::{PF_X, PT_DYNAMIC, PT_INTERP, PT_LOAD};
use goblin::elf::section_header::{SHT_NOBITS, SHT_SYMTAB};
use goblin::elf::{Elf, ProgramHeader, SectionHeader};

use super::facts::{Facts, Format, push_section, shown};

/// Characters of a section name.
const MAX_NAME: usize = 64;

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
    Some(facts)
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
