//! PE: the Windows format (Microsoft, "PE Format"). Each part is read on its own, so that a damaged part
//! costs that part only.

mod authenticode;
mod debug;
mod exports;
mod imports;
mod map;
mod resources;
mod rich;

use goblin::pe::data_directories::DataDirectory;
use goblin::pe::header::Header;
use goblin::pe::optional_header::MAGIC_64;
use goblin::pe::section_table::SectionTable;
use serde::Serialize;

use super::facts::{Facts, Format, Listed, MAX_SECTIONS, Overlay, push_section, shown};
use super::{go, rust};
use map::Map;

pub use authenticode::{Signature, Signer, State as SignatureState};
pub use debug::Pdb;
pub use rich::Rich;

/// What only PE has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pe {
    /// Relative virtual address.
    pub entry_point: u32,
    /// `IMAGE_SUBSYSTEM_*`: 1 native, 2 windows, 3 console.
    pub subsystem: u16,
    /// Added to relative virtual addresses once loaded.
    #[serde(skip)]
    pub image_base: u64,
    /// The header of the common language runtime is there.
    pub dotnet: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rich: Option<Rich>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pdb: Option<Pdb>,
    pub signature: Signature,
    /// The name that the export directory gives the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub export_name: Option<String>,
    pub exports: Listed,
    /// Imported DLLs, as the table writes them.
    pub imports: Listed,
    /// Resource types and resources with a name instead of a number.
    pub resources: Listed,
}

/// `IMAGE_SCN_CNT_CODE` and `IMAGE_SCN_MEM_EXECUTE`.
const CODE: u32 = 0x2000_0020;
/// `IMAGE_FILE_DLL`.
const DLL: u16 = 0x2000;
/// Subsystem `IMAGE_SUBSYSTEM_NATIVE`: drivers and what runs before Windows.
const NATIVE: u16 = 1;
/// Size of `PE\0\0` and the COFF header.
const COFF_END: usize = 24;

/// The offset of `PE\0\0`, from `e_lfanew`.
fn pe_offset(bytes: &[u8]) -> Option<usize> {
    let field: [u8; 4] = bytes.get(0x3c..0x40)?.try_into().ok()?;
    usize::try_from(u32::from_le_bytes(field)).ok()
}

/// Whether the DOS header leads to a PE signature.
pub(super) fn has_signature(bytes: &[u8]) -> bool {
    pe_offset(bytes).and_then(|at| bytes.get(at..at.checked_add(4)?)) == Some(b"PE\0\0")
}

/// `None` where even the COFF header can't be read.
pub(super) fn parse(bytes: &[u8]) -> Option<Facts> {
    let at = pe_offset(bytes)?;
    let header = Header::parse_without_dos(bytes.get(at..)?).ok()?;
    let coff = &header.coff_header;
    let mut facts = Facts::new(Format::Pe);
    facts.machine = machine(coff.machine);
    facts.timestamp = Some(coff.time_date_stamp);
    let optional = header.optional_header.as_ref();
    let native = optional.is_some_and(|o| o.windows_fields.subsystem == NATIVE);
    facts.kind = match (coff.characteristics & DLL != 0, native) {
        (_, true) => "driver",
        (true, false) => "library",
        (false, false) => "executable",
    }
    .to_owned();

    let mut table = at.checked_add(COFF_END)?.checked_add(usize::from(coff.size_of_optional_header))?;
    let sections = coff.sections(bytes, &mut table).unwrap_or_else(|_| {
        facts.note("sections_malformed");
        Vec::new()
    });
    for s in &sections {
        let name = s.real_name.clone().unwrap_or_else(|| String::from_utf8_lossy(&s.name).into_owned());
        let (offset, size) = (u64::from(s.pointer_to_raw_data), u64::from(s.size_of_raw_data));
        push_section(&mut facts, bytes, shown(&name), offset, size, s.characteristics & CODE != 0);
    }
    // UPX names its sections so; that they can be renamed is why entropy counts too.
    facts.upx = facts.sections.iter().any(|s| matches!(s.name.as_str(), "UPX0" | "UPX1" | "UPX2"));

    let Some(optional) = optional else {
        facts.note("no_optional_header");
        return Some(facts);
    };
    let directories = &optional.data_directories;
    let fields = &optional.windows_fields;
    let is_64 = optional.standard_fields.magic == MAGIC_64;
    let map = Map {
        bytes,
        // As many as Windows loads, and as YARA looks at.
        sections: sections.get(..MAX_SECTIONS).unwrap_or(&sections),
        file_alignment: fields.file_alignment,
        section_alignment: fields.section_alignment,
    };
    let at_all = |d: Option<&DataDirectory>| d.copied().filter(|d| d.virtual_address != 0);

    let certificates = directories.get_certificate_table().copied().filter(|d| d.size > 0);
    // The certificate table's address is a file offset, the only one that is.
    let attached = certificates.filter(|d| u64::from(d.virtual_address).saturating_add(8) <= bytes.len() as u64);
    if certificates.is_some() && attached.is_none() {
        facts.note("certificate_beyond_end");
    }
    facts.signed = Some(attached.is_some());
    facts.overlay = overlay(bytes, &sections, attached);

    let mut imported = Listed::default();
    if let Some(dir) = at_all(directories.get_import_table()) {
        (facts.imphash, imported) = imports::imports(&map, dir.virtual_address, is_64);
    }
    let mut resources = Listed::default();
    if let Some(dir) = at_all(directories.get_resource_table()) {
        match resources::version(&map, dir) {
            Ok(found) => facts.version = found,
            Err(()) => facts.note("resources_malformed"),
        }
        resources = resources::names(&map, dir);
    }
    let exported = at_all(directories.get_export_table()).and_then(|d| exports::exports(&map, d.virtual_address));
    let (export_name, exports) = exported.unwrap_or_default();
    let debug = at_all(directories.get_debug_table());
    let layout = certificates.and_then(|d| layout(at, is_64, d));
    facts.pe = Some(Pe {
        entry_point: optional.standard_fields.address_of_entry_point,
        subsystem: fields.subsystem,
        image_base: fields.image_base,
        dotnet: at_all(directories.get_clr_runtime_header()).is_some(),
        rich: rich::rich(bytes, at),
        pdb: debug.and_then(|d| debug::pdb(&map, d.virtual_address, d.size)),
        signature: authenticode::signature(bytes, layout.as_ref()),
        export_name,
        exports,
        imports: imported,
        resources,
    });
    let base = fields.image_base;
    let address = |a: u64| usize::try_from(map.offset(u32::try_from(a.checked_sub(base)?).ok()?)?).ok();
    facts.go = go::go(bytes, &address);
    facts.rust = rust::rust(bytes, &facts.sections);
    Some(facts)
}

/// Offsets in the optional header (PE Format): the checksum is the same in both, the directories aren't.
fn layout(pe: usize, is_64: bool, table: DataDirectory) -> Option<authenticode::Layout> {
    let optional = pe.checked_add(COFF_END)?;
    let directories = if is_64 { 112 } else { 96 };
    Some(authenticode::Layout {
        checksum: optional.checked_add(64)?,
        entry: optional.checked_add(directories + 4 * 8)?,
        table: usize::try_from(table.virtual_address).ok()?,
        table_size: usize::try_from(table.size).ok()?,
    })
}

/// What lies behind the last section and isn't the certificate table.
fn overlay(bytes: &[u8], sections: &[SectionTable], certificates: Option<DataDirectory>) -> Option<Overlay> {
    let ends = sections.iter().filter(|s| s.size_of_raw_data > 0);
    let start = ends.map(|s| u64::from(s.pointer_to_raw_data).saturating_add(u64::from(s.size_of_raw_data))).max()?;
    let mut end = bytes.len() as u64;
    if let Some(c) = certificates
        && u64::from(c.virtual_address).saturating_add(u64::from(c.size)) >= end
    {
        end = u64::from(c.virtual_address);
    }
    (start < end).then(|| Overlay { offset: start, size: end - start })
}

/// `IMAGE_FILE_MACHINE_*`.
fn machine(code: u16) -> String {
    match code {
        0x014c => "i386".to_owned(),
        0x8664 => "x86_64".to_owned(),
        0x01c0 | 0x01c4 => "arm".to_owned(),
        0xaa64 => "arm64".to_owned(),
        0x0200 => "ia64".to_owned(),
        0x0ebc => "ebc".to_owned(),
        other => format!("0x{other:04x}"),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A PE32+ file with one executable section that holds `code`, at most 0x1000 bytes.
    pub(crate) fn pe_with(section: &[u8; 8], code: &[u8], characteristics: u16) -> Vec<u8> {
        let mut b = vec![0u8; 0x200];
        b[..2].copy_from_slice(b"MZ");
        b[0x3c] = 0x40;
        b[0x40..0x44].copy_from_slice(b"PE\0\0");
        b[0x44..0x46].copy_from_slice(&0x8664u16.to_le_bytes());
        b[0x46] = 1;
        b[0x54..0x56].copy_from_slice(&240u16.to_le_bytes());
        b[0x56..0x58].copy_from_slice(&characteristics.to_le_bytes());
        b[0x58..0x5a].copy_from_slice(&0x20bu16.to_le_bytes());
        b[0x58 + 32..0x58 + 36].copy_from_slice(&0x1000u32.to_le_bytes());
        b[0x58 + 36..0x58 + 40].copy_from_slice(&0x200u32.to_le_bytes());
        b[0x58 + 108] = 16;
        let s = 0x58 + 240;
        b[s..s + 8].copy_from_slice(section);
        let size = u32::try_from(code.len()).unwrap();
        b[s + 8..s + 12].copy_from_slice(&size.to_le_bytes());
        b[s + 12..s + 16].copy_from_slice(&0x1000u32.to_le_bytes());
        b[s + 16..s + 20].copy_from_slice(&size.to_le_bytes());
        b[s + 20..s + 24].copy_from_slice(&0x200u32.to_le_bytes());
        b[s + 36..s + 40].copy_from_slice(&0x6000_0020u32.to_le_bytes());
        b.extend_from_slice(code);
        b
    }

    #[test]
    fn facts_of_a_small_program() {
        let mut bytes = pe_with(b".text\0\0\0", &[0x90; 512], 0x22);
        let facts = parse(&bytes).unwrap();
        assert_eq!((facts.machine.as_str(), facts.kind.as_str()), ("x86_64", "executable"));
        assert_eq!(facts.sections.len(), 1);
        assert!(facts.sections[0].executable && facts.sections[0].name == ".text");
        assert_eq!((facts.signed, facts.overlay, facts.packed()), (Some(false), None, false));
        bytes.extend_from_slice(b"appended");
        assert_eq!(parse(&bytes).unwrap().overlay, Some(Overlay { offset: 0x400, size: 8 }));
        assert_eq!(parse(&pe_with(b".text\0\0\0", &[0x90; 512], DLL)).unwrap().kind, "library");
    }

    #[test]
    fn packers_by_name_and_by_entropy() {
        assert!(parse(&pe_with(b"UPX0\0\0\0\0", &[0; 512], 0x22)).unwrap().packed());
        let dense: Vec<u8> = (0u32..4096).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let facts = parse(&pe_with(b".text\0\0\0", &dense, 0x22)).unwrap();
        assert!(facts.packed(), "{:?}", facts.sections);
    }

    #[test]
    fn a_certificate_table_makes_it_signed() {
        let mut bytes = pe_with(b".text\0\0\0", &[0x90; 512], 0x22);
        let at = u32::try_from(bytes.len()).unwrap();
        let entry = 0x58 + 112 + 4 * 8;
        bytes[entry..entry + 4].copy_from_slice(&at.to_le_bytes());
        bytes[entry + 4..entry + 8].copy_from_slice(&16u32.to_le_bytes());
        bytes.extend_from_slice(&[1; 16]);
        let facts = parse(&bytes).unwrap();
        assert_eq!((facts.signed, facts.overlay), (Some(true), None));
        // Declared, but cut off: no signature is there.
        bytes.truncate(0x400);
        assert_eq!(parse(&bytes).unwrap().signed, Some(false));
    }

    #[test]
    fn every_prefix_and_every_flipped_header_byte_is_harmless() {
        let bytes = pe_with(b".text\0\0\0", &[0x90; 512], 0x22);
        for n in 0..bytes.len() {
            let _ = parse(&bytes[..n]);
        }
        for at in 0..0x200 {
            for value in [0, 0x7f, 0x80, 0xff] {
                let mut changed = bytes.clone();
                changed[at] = value;
                assert!(!matches!(crate::binary::inspect(&changed), crate::binary::Inspected::Panicked(_)), "{at} {value}");
            }
        }
    }
}
