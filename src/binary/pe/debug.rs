//! The debug directory (PE Format, `.debug`; CodeView records `RSDS` and `NB10`): where the symbol file lay when
//! the program was built.

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::model::text;

use super::super::facts::shown_up_to;
use super::map::{Map, u32_at, until_nul};

/// `IMAGE_DEBUG_TYPE_CODEVIEW`.
const CODEVIEW: u32 = 2;
/// Size of one directory entry, and how many are looked at.
const ENTRY: usize = 28;
const MAX_ENTRIES: usize = 32;
/// Longest path that is read; Windows itself ends at 260 characters.
const MAX_PATH: usize = 1024;

/// The path of the symbol file. Its folders often name the person who built the program, so a report gets the
/// file's name, and of the folder a hash that tells whether two programs come from the same one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pdb {
    /// The whole path, escaped: for matching, never for a report.
    #[serde(skip)]
    pub path: String,
    pub file: String,
    /// SHA-256, hexadecimal, of the folder in lower case without its last separator; `None` where there is no folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder_sha256: Option<String>,
    /// Folders in the path.
    pub folders: u32,
}

/// The first CodeView record with a path.
pub(super) fn pdb(map: &Map<'_>, directory: u32, size: u32) -> Option<Pdb> {
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let table = map.at(directory)?;
    table.get(..size).unwrap_or(table).chunks_exact(ENTRY).take(MAX_ENTRIES).find_map(|entry| {
        if u32_at(entry, 12) != Some(CODEVIEW) {
            return None;
        }
        let (rva, pointer) = (u32_at(entry, 20)?, u32_at(entry, 24)?);
        let at_pointer = || map.bytes.get(usize::try_from(pointer).ok()?..);
        record(at_pointer().filter(|_| pointer != 0).or_else(|| map.at(rva))?)
    })
}

fn record(data: &[u8]) -> Option<Pdb> {
    let path = match data.get(..4)? {
        // GUID and age.
        b"RSDS" => data.get(24..)?,
        // Offset, time stamp and age.
        b"NB10" => data.get(16..)?,
        _ => return None,
    };
    let path = until_nul(path, MAX_PATH);
    (!path.is_empty()).then(|| split(&String::from_utf8_lossy(path)))
}

fn split(path: &str) -> Pdb {
    let (folder, file) = match path.rfind(['\\', '/']) {
        Some(at) => (Some(&path[..at]), &path[at + 1..]),
        None => (None, path),
    };
    let parts = folder.map_or(0, |f| f.split(['\\', '/']).filter(|p| !p.is_empty() && !p.ends_with(':')).count());
    Pdb {
        path: shown_up_to(path, MAX_PATH),
        file: shown_up_to(file, 128),
        folder_sha256: folder.map(|f| text::hex(&Sha256::digest(f.to_lowercase()))),
        folders: u32::try_from(parts).unwrap_or(u32::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_stay_inside() {
        let found = split(r"C:\Users\annmiller\src\tool\x64\Release\tool.pdb");
        assert_eq!((found.file.as_str(), found.folders), ("tool.pdb", 6));
        let shown = serde_json::to_string(&found).unwrap();
        assert!(!shown.contains("annmiller") && shown.contains("tool.pdb"));
        assert_eq!(found.folder_sha256, split(r"c:\users\ANNMILLER\src\tool\x64\release\other.pdb").folder_sha256);
        assert_eq!(split("tool.pdb").folder_sha256, None);
        assert_eq!((split("/a/b\\c.pdb").file.as_str(), split("/a/b\\c.pdb").folders), ("c.pdb", 2));
    }

    #[test]
    fn both_records() {
        let rsds = [b"RSDS".as_slice(), &[7; 20], b"a.pdb\0rest"].concat();
        let nb10 = [b"NB10".as_slice(), &[7; 12], b"D:\\b.pdb\0"].concat();
        assert_eq!(record(&rsds).unwrap().path, "a.pdb");
        assert_eq!(record(&nb10).unwrap().file, "b.pdb");
        assert_eq!(record(b"RSDS"), None);
        assert_eq!(record(b"NB09 and so on and so on"), None);
    }
}
