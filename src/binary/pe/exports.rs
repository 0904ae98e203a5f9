//! The export directory (PE Format, `.edata`): the name a DLL gave itself and the names it offers.

use super::super::facts::{Listed, shown_up_to};
use super::map::{Map, u32_at, until_nul};

/// Bytes of a name that are read; names of C++ functions are long.
const MAX_NAME: usize = 1024;
/// Pointers to names that are followed: the table has no more than ordinals can tell apart.
const MAX_POINTERS: usize = 1 << 16;

/// The DLL's own name and its exported names in the order of the table.
pub(super) fn exports(map: &Map<'_>, directory: u32) -> Option<(Option<String>, Listed)> {
    let table = map.at(directory)?;
    let text = |rva: u32| {
        let name = until_nul(map.at(rva)?, MAX_NAME);
        (!name.is_empty()).then(|| shown_up_to(&String::from_utf8_lossy(name), MAX_NAME))
    };
    let own = u32_at(table, 12).filter(|&rva| rva != 0).and_then(text);
    let (count, names) = (u32_at(table, 24)?, u32_at(table, 32)?);
    let mut listed = Listed::default();
    // The count is the file's word: the table ends where its bytes do.
    let pointers =
        map.at(names).unwrap_or_default().chunks_exact(4).take(usize::try_from(count).unwrap_or(usize::MAX).min(MAX_POINTERS));
    for pointer in pointers {
        if listed.full() {
            listed.total = u64::from(count);
            break;
        }
        let Some(name) = u32_at(pointer, 0).and_then(text) else { continue };
        listed.push(name);
    }
    Some((own, listed))
}

#[cfg(test)]
mod tests {
    use goblin::pe::section_table::SectionTable;

    use super::*;

    #[test]
    fn counts_are_not_believed() {
        let mut bytes = vec![1u8; 1 << 20];
        // Before the first section an address is an offset.
        let sections = [SectionTable { virtual_address: 1 << 31, ..SectionTable::default() }];
        let of = |bytes: &[u8], at| exports(&Map { bytes, sections: &sections, file_alignment: 0, section_alignment: 0 }, at);
        // The names' table lies at 0x01010101, beyond the end.
        assert_eq!(of(&bytes, 0), Some((None, Listed::default())));
        bytes[24..28].copy_from_slice(&u32::MAX.to_le_bytes());
        bytes[32..36].copy_from_slice(&64u32.to_le_bytes());
        bytes[64..].fill(0);
        bytes[65..70].copy_from_slice(b"Alpha");
        let (_, listed) = of(&bytes, 0).unwrap();
        assert!(listed.names.len() <= 4096);
        assert_eq!(of(&bytes, u32::MAX), None);
    }
}
