//! Resources (PE Format, `.rsrc`): version information and the names that resources carry instead of numbers.

use goblin::pe::data_directories::DataDirectory;
use goblin::pe::options::ParseOptions;
use goblin::pe::resource::ResourceData;

use super::super::facts::{Listed, Version, shown};
use super::map::{Map, u16_at, u32_at};

/// Entries of all directories together that are looked at.
const MAX_ENTRIES: usize = 4096;
/// The bit of an entry that says "a name" or "a directory".
const HIGH: u32 = 1 << 31;

/// `VS_VERSIONINFO` of the first language.
pub(super) fn version(map: &Map<'_>, dir: DataDirectory) -> Result<Option<Version>, ()> {
    let options = ParseOptions::default();
    let resources = ResourceData::parse_with_opts(map.bytes, dir, map.sections, map.file_alignment, &options).map_err(|_| ())?;
    let Some(info) = resources.version_info else { return Ok(None) };
    let strings = &info.string_info;
    let text = |s: Option<String>| s.map(|s| shown(&s)).filter(|s| !s.is_empty());
    let version = Version {
        original_filename: text(strings.original_filename()),
        internal_name: text(strings.internal_name()),
        product_name: text(strings.product_name()),
        company_name: text(strings.company_name()),
        file_description: text(strings.file_description()),
        file_version: text(strings.file_version()),
        product_version: text(strings.product_version()),
        legal_copyright: text(strings.legal_copyright()),
        legal_trademarks: text(strings.legal_trademarks()),
        comments: text(strings.comments()),
    };
    Ok((version != Version::default()).then_some(version))
}

/// Names of types and of resources (the first two of the three levels), in the order of the directories.
pub(super) fn names(map: &Map<'_>, dir: DataDirectory) -> Listed {
    let mut listed = Listed::default();
    let mut left = MAX_ENTRIES;
    let Some(root) = map.at(dir.virtual_address) else { return listed };
    directory(root, 0, 0, &mut left, &mut listed);
    listed
}

fn directory(root: &[u8], at: usize, level: u32, left: &mut usize, out: &mut Listed) {
    let count = |field: usize| u16_at(root, at.saturating_add(field)).map_or(0, usize::from);
    let entries = count(12).saturating_add(count(14));
    for i in 0..entries {
        if *left == 0 || out.full() {
            return;
        }
        *left -= 1;
        let entry = at.saturating_add(16).saturating_add(i.saturating_mul(8));
        let (Some(name), Some(target)) = (u32_at(root, entry), u32_at(root, entry.saturating_add(4))) else { return };
        if name & HIGH != 0 {
            out.extend(text(root, usize::try_from(name & !HIGH).unwrap_or(usize::MAX)));
        }
        if level == 0 && target & HIGH != 0 {
            directory(root, usize::try_from(target & !HIGH).unwrap_or(usize::MAX), 1, left, out);
        }
    }
}

/// A length in characters, then UTF-16.
fn text(root: &[u8], at: usize) -> Option<String> {
    let length = usize::from(u16_at(root, at)?);
    let start = at.checked_add(2)?;
    let raw = root.get(start..start.checked_add(length.checked_mul(2)?)?)?;
    let units: Vec<u16> = raw.chunks_exact(2).filter_map(|c| u16_at(c, 0)).collect();
    (!units.is_empty()).then(|| shown(&String::from_utf16_lossy(&units)))
}
