//! The export directory (PE Format, `.edata`): the name a DLL gave itself and the names it offers.

use super::super::facts::{Listed, shown};
use super::map::{Map, u32_at, until_nul};

/// Length of a name that is still read.
const MAX_NAME: usize = 512;

/// The DLL's own name and its exported names in the order of the table.
pub(super) fn exports(map: &Map<'_>, directory: u32) -> Option<(Option<String>, Listed)> {
    let table = map.at(directory)?;
    let text = |rva: u32| {
        let name = until_nul(map.at(rva)?, MAX_NAME);
        (!name.is_empty()).then(|| shown(&String::from_utf8_lossy(name)))
    };
    let own = u32_at(table, 12).filter(|&rva| rva != 0).and_then(text);
    let (count, names) = (u32_at(table, 24)?, u32_at(table, 32)?);
    let mut listed = Listed::default();
    // The count is the file's word: the table ends where its bytes do.
    let pointers = map.at(names).unwrap_or_default().chunks_exact(4).take(usize::try_from(count).unwrap_or(usize::MAX));
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
