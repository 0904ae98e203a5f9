//! Zip packs of rules, as vendors publish them. Each rule file inside is a source of its own.

use std::io::{Cursor, Read};

use zip::ZipArchive;

use crate::model::text;

use super::collect::{MAX_SOURCE, Source, is_rule_file};

/// Entries that a pack's directory may list.
const MAX_ENTRIES: usize = 100_000;
/// Rule files of one pack.
const MAX_MEMBERS: usize = 20_000;
/// Bytes out of one pack, all members together.
const MAX_EXPANDED: u64 = 256 << 20;
/// Output to input, after the first [`FREE`] bytes; text packs to a tenth, rarely to a fiftieth.
const MAX_RATIO: u64 = 200;
/// Bytes out of a pack that are not held against its size.
const FREE: u64 = 16 << 20;

/// Whether bytes are a zip archive (APPNOTE 4.3.7 and, of an empty one, 4.3.16).
pub(super) fn is_zip(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06")
}

/// Reads the rule files of a pack, in the order of their names. Nothing else in it is looked at, nor packs
/// within it. What can't be read is refused by name.
pub(super) fn unpack(pack: &str, bytes: &[u8], sources: &mut Vec<Source>) {
    let mut archive = match ZipArchive::new(Cursor::new(bytes)) {
        Ok(archive) => archive,
        Err(e) => return sources.push(Source::refused(pack.to_owned(), format!("not a whole zip pack: {}", harmless(&e)))),
    };
    if archive.len() > MAX_ENTRIES {
        let why = format!("a pack of more than {} entries", text::thousands(MAX_ENTRIES as u64));
        return sources.push(Source::refused(pack.to_owned(), why));
    }
    let mut members: Vec<(String, usize, bool)> = Vec::new();
    for i in 0..archive.len() {
        // Raw, because only the header is asked for: it is there for encrypted members too.
        match archive.by_index_raw(i) {
            Ok(member) if member.is_file() && wanted(member.name_raw()) => {
                members.push((format!("{pack}/{}", text::escape(member.name_raw())), i, member.encrypted()));
            }
            Ok(_) => {}
            Err(e) => sources.push(Source::refused(format!("{pack}#{i}"), harmless(&e))),
        }
    }
    if members.is_empty() {
        return sources.push(Source::refused(pack.to_owned(), "no rule file (.yar, .yara, .rule) is in this pack"));
    }
    members.sort();
    if members.len() > MAX_MEMBERS {
        let why = format!("only its first {} rule files are read", text::thousands(MAX_MEMBERS as u64));
        sources.push(Source::refused(pack.to_owned(), why));
        members.truncate(MAX_MEMBERS);
    }
    let mut left = (bytes.len() as u64).saturating_mul(MAX_RATIO).clamp(FREE, MAX_EXPANDED);
    for (name, i, encrypted) in members {
        if encrypted {
            sources.push(Source::refused(name, "encrypted; unpack it first or give a pack without password"));
            continue;
        }
        match member(&mut archive, i, left.min(MAX_SOURCE)) {
            Ok(Some(bytes)) => {
                left = left.saturating_sub(bytes.len() as u64);
                sources.push(Source::of(name, bytes));
            }
            Ok(None) => sources.push(Source::refused(name, "the pack expands to more than is read of one pack")),
            Err(why) => sources.push(Source::refused(name, why)),
        }
    }
}

/// `None` where the member is longer than `bound`. The declared size is not asked.
fn member(archive: &mut ZipArchive<Cursor<&[u8]>>, i: usize, bound: u64) -> Result<Option<Vec<u8>>, String> {
    let file = archive.by_index(i).map_err(|e| harmless(&e))?;
    let mut bytes = Vec::new();
    // To its end, where the checksum is compared.
    file.take(bound.saturating_add(1)).read_to_end(&mut bytes).map_err(|e| harmless(&e))?;
    Ok((bytes.len() as u64 <= bound).then_some(bytes))
}

fn wanted(name: &[u8]) -> bool {
    // Resource forks that macOS adds carry the extension of the file they belong to.
    let name = String::from_utf8_lossy(name);
    let base = name.rsplit(['/', '\\']).next().unwrap_or_default();
    !name.starts_with("__MACOSX/") && !base.starts_with("._") && is_rule_file(base)
}

fn harmless(e: &dyn std::fmt::Display) -> String {
    text::escape(text::shorten(&e.to_string(), 200).as_bytes())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    fn pack(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in members {
            zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            zip.write_all(bytes).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    fn unpacked(bytes: &[u8]) -> Vec<Source> {
        let mut sources = Vec::new();
        unpack("p.zip", bytes, &mut sources);
        sources
    }

    #[test]
    fn rule_files_only_and_in_order() {
        let bytes = pack(&[
            ("z/b.YAR", b"rule b { condition: true }"),
            ("readme.md", b"rule no { condition: true }"),
            ("__MACOSX/z/b.yar", b"\0\x05\x16\x07"),
            ("z/._b.yar", b"\0\x05\x16\x07"),
            ("a.rule", b"rule a { condition: true }"),
        ]);
        let names: Vec<String> = unpacked(&bytes).into_iter().map(|s| s.name).collect();
        assert_eq!(names, ["p.zip/a.rule", "p.zip/z/b.YAR"]);
    }

    #[test]
    fn a_bomb_is_refused_and_its_neighbours_stay() {
        let bytes = pack(&[
            ("a.yar", b"rule a { condition: true }".as_slice()),
            ("bomb.yar", &vec![b' '; (FREE + 1) as usize]),
            ("c.yar", b"rule c { condition: true }"),
        ]);
        let sources = unpacked(&bytes);
        assert!(sources[0].read && sources[2].read);
        assert!(sources[1].refused.as_ref().unwrap().why.contains("expands"));
    }

    #[test]
    fn damage_is_told() {
        let mut bytes = pack(&[("a.yar", b"rule a { condition: true }")]);
        assert!(unpacked(&bytes[..bytes.len() / 2])[0].refused.as_ref().unwrap().why.contains("zip"));
        // The first byte of the data: its checksum fails.
        let at = 30 + "a.yar".len();
        bytes[at] ^= 0xff;
        assert!(unpacked(&bytes)[0].refused.is_some());
        let none = pack(&[("readme", b"x")]);
        assert_eq!(unpacked(&none).len(), 1);
        assert!(unpacked(&none)[0].refused.as_ref().unwrap().why.contains("no rule file"));
    }

    proptest! {
        #[test]
        fn never_panics(at in 0usize..400, value: u8, cut in 0usize..400) {
            let mut bytes = pack(&[("a.yar", b"rule a { condition: true }"), ("b.yar", b"rule b { condition: true }")]);
            let n = bytes.len();
            bytes[at % n] = value;
            bytes.truncate(n - cut % n);
            prop_assert!(!unpacked(&bytes).is_empty());
        }
    }
}
