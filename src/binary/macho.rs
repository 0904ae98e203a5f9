//! Mach-O, thin and universal (Apple, `mach-o/loader.h`, `mach-o/fat.h`).

use goblin::mach::constants::cputype;
use goblin::mach::header::{MH_BUNDLE, MH_DYLIB, MH_EXECUTE, MH_KEXT_BUNDLE, MH_OBJECT};
use goblin::mach::load_command::CommandVariant;
use goblin::mach::{Mach, MachO};
use serde::Serialize;

use super::codesign::{self, CodeSignature};
use super::facts::{Facts, Format, push_section, shown};
use super::{go, rust};

/// `S_ATTR_PURE_INSTRUCTIONS` and `S_ATTR_SOME_INSTRUCTIONS`.
const INSTRUCTIONS: u32 = 0x8000_0400;
/// Architectures of a universal file that are looked at.
const MAX_ARCHES: usize = 16;

/// What only Mach-O has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MachoFacts {
    /// Of the first architecture that has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code_signature: Option<CodeSignature>,
}

/// `None` where the headers can't be read.
pub(super) fn parse(bytes: &[u8]) -> Option<Facts> {
    match Mach::parse_lossy(bytes).ok()? {
        Mach::Binary(one) => {
            let mut facts = Facts::new(Format::Macho);
            thin(&mut facts, bytes, &one);
            Some(facts)
        }
        Mach::Fat(all) => {
            let mut facts = Facts::new(Format::Macho);
            let mut machines = Vec::new();
            for arch in all.iter_arches().take(MAX_ARCHES) {
                let Ok(arch) = arch else {
                    facts.note("architectures_malformed");
                    break;
                };
                let start = usize::try_from(arch.offset).unwrap_or(usize::MAX);
                let end = start.saturating_add(usize::try_from(arch.size).unwrap_or(usize::MAX)).min(bytes.len());
                match bytes.get(start..end).and_then(|part| Some((part, MachO::parse_lossy(part, 0).ok()?))) {
                    Some((part, one)) => {
                        let before = facts.sections.len();
                        thin(&mut facts, part, &one);
                        for section in facts.sections.iter_mut().skip(before) {
                            section.offset = section.offset.saturating_add(start as u64);
                        }
                    }
                    // Static libraries are universal too; they are archives, not programs.
                    None => facts.note("architecture_not_a_program"),
                }
                machines.push(std::mem::take(&mut facts.machine));
            }
            machines.retain(|m| !m.is_empty());
            facts.machine = machines.join("+");
            facts.kind = "universal".to_owned();
            Some(facts)
        }
    }
}

fn thin(facts: &mut Facts, bytes: &[u8], one: &MachO<'_>) {
    facts.machine = machine(one.header.cputype());
    facts.kind = match one.header.filetype {
        MH_EXECUTE => "executable",
        MH_DYLIB | MH_BUNDLE => "library",
        MH_OBJECT => "object",
        MH_KEXT_BUNDLE => "driver",
        _ => "other",
    }
    .to_owned();
    let signed = one.load_commands.iter().any(|c| matches!(c.command, CommandVariant::CodeSignature(_)));
    // A universal file is signed where each of its programs is.
    facts.signed = Some(facts.signed.unwrap_or(true) && signed);
    let stripped = one.symbols.as_ref().is_none_or(|s| s.iter().next().is_none());
    facts.stripped = Some(facts.stripped.unwrap_or(true) && stripped);
    for segment in one.segments.iter() {
        let Ok(sections) = segment.sections() else {
            facts.note("sections_malformed");
            continue;
        };
        for (section, data) in sections {
            let name = format!("{},{}", section.segname().unwrap_or("?"), section.name().unwrap_or("?"));
            let offset = u64::from(section.offset);
            let size = if data.is_empty() { 0 } else { section.size };
            push_section(facts, bytes, shown(&name), offset, size, section.flags & INSTRUCTIONS != 0);
        }
    }
    let signature = one.load_commands.iter().find_map(|c| match c.command {
        CommandVariant::CodeSignature(at) => {
            let start = usize::try_from(at.dataoff).ok()?;
            let end = start.checked_add(usize::try_from(at.datasize).ok()?)?;
            codesign::read(bytes.get(start..end.min(bytes.len()))?)
        }
        _ => None,
    });
    let own = facts.macho.get_or_insert_default();
    own.code_signature = own.code_signature.take().or(signature);
    if facts.go.is_none() {
        facts.go = go::go(bytes, &|address| offset(one, address));
    }
    if facts.rust.is_none() {
        facts.rust = rust::rust(bytes, &facts.sections);
    }
    facts.upx |= facts.sections.iter().any(|s| s.name.contains("upxTEXT") || s.name.starts_with("UPX_"));
}

/// Where in the program the byte at a virtual address lies.
fn offset(one: &MachO<'_>, address: u64) -> Option<usize> {
    one.segments.iter().find_map(|s| {
        let within = address.checked_sub(s.vmaddr).filter(|w| *w < s.filesize)?;
        usize::try_from(within.checked_add(s.fileoff)?).ok()
    })
}

fn machine(cpu: u32) -> String {
    match cpu {
        cputype::CPU_TYPE_X86 => "i386".to_owned(),
        cputype::CPU_TYPE_X86_64 => "x86_64".to_owned(),
        cputype::CPU_TYPE_ARM => "arm".to_owned(),
        cputype::CPU_TYPE_ARM64 => "arm64".to_owned(),
        cputype::CPU_TYPE_POWERPC => "powerpc".to_owned(),
        cputype::CPU_TYPE_POWERPC64 => "powerpc64".to_owned(),
        other => format!("0x{other:08x}"),
    }
}
