//! The data files inside the program: rules, indicators, profiles. `build.rs` packs them compressed, so that
//! none of their texts is in the executable as it lies on a disk.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::LazyLock;

static PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/assets.bin"));

static FILES: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    let mut bytes = Vec::new();
    flate2::read::ZlibDecoder::new(PACKED).read_to_end(&mut bytes).expect("embedded and tested");
    unpack(&bytes).expect("embedded and tested")
});

/// The embedded files below a folder of the project, in the order of their paths: path below the folder, and text.
pub fn below(folder: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let files = FILES.iter();
    files.filter_map(move |(path, text)| {
        let rest = path.strip_prefix(folder)?.strip_prefix('/')?;
        Some((rest, text.as_str()))
    })
}

/// The text of one embedded file, by its path in the project.
pub fn file(path: &str) -> Option<&'static str> {
    FILES.get(path).map(String::as_str)
}

/// Name and text of each file, both with their length before them.
fn unpack(mut bytes: &[u8]) -> Option<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    let mut part = || {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let (text, rest) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
        bytes = rest;
        Some((String::from_utf8(text.to_vec()).ok()?, rest.is_empty()))
    };
    loop {
        let (name, _) = part()?;
        let (text, last) = part()?;
        files.insert(name, text);
        if last {
            return Some(files);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_by_folder_and_path() {
        let names: Vec<_> = below("signatures/yara").map(|(name, _)| name).collect();
        assert!(names.contains(&"demo/eicar.yar") && names.is_sorted());
        assert!(below("signatures/yar").next().is_none(), "a folder, not a prefix");
        assert!(file("iocs/demo-hash-iocs.txt").is_some_and(|t| t.contains("EICAR")));
        assert_eq!(file("Cargo.toml"), None);
    }

    #[test]
    fn damage_is_seen() {
        let good = [&[1, 0, 0, 0, b'a', 2, 0, 0, 0, b'h', b'i'][..], &[]].concat();
        assert_eq!(unpack(&good).and_then(|f| f.get("a").cloned()).as_deref(), Some("hi"));
        for cut in 0..good.len() {
            assert!(unpack(&good[..cut]).is_none(), "{cut}");
        }
    }
}
