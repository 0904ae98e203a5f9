//! The external variables that rules of THOR and Loki ask for. Meanings: THOR manual, "Creating YARA Rules",
//! additional attributes.

use crate::model::Kind;
use crate::signature::ScanVars;

use super::Head;
use super::place::{place, split};

/// `filetype` words of the list that THOR and Loki share (signature-base, file-type-signatures), by our type
/// word. What isn't here keeps our word in upper case: `PDF`, `RAR`, `GIF`, `CAB`, `TAR`, `RTF`, ….
const WORDS: &[(&[&str], &str)] = &[
    (&["pe", "mz", "dll"], "EXE"),
    (&["jpg"], "JPEG"),
    (&["gz"], "GZIP"),
    (&["bz2"], "BZip2"),
    (&["7z"], "7Zip"),
    (&["z"], "TARZ"),
    (&["cfb", "doc", "xls", "ppt", "msi", "mpp", "pub", "vsd"], "OLE"),
    (&["docx", "xlsx", "pptx", "vsdx"], "Office"),
    (&["jar", "war", "ear"], "JAR"),
    (&["class"], "Class"),
    (&["mach"], "MACH-O"),
    (&["pcap"], "LIBPCAP"),
    (&["sh"], "UNIX SCRIPT"),
    (&["pl", "rb", "lua", "tcl"], "Script"),
    (&["py"], "Python"),
    (&["bat"], "BATCH"),
];

/// Starts that the list names and that our type word does not tell.
const STARTS: &[(&[u8], &str)] = &[
    (b"regf", "Registry Hive"),
    (b"MDMP", "MDMP"),
    (b"ElfFile\0", "EVTX"),
    (b"0\0\0\0LfLe", "EVT"),
    (b"<?php", "PHP"),
    (b"FILE0", "NTFS MFT"),
    (b"#!/", "UNIX SCRIPT"),
    (b"#!", "Script"),
];

/// What `unpack_parent` calls containers, where that isn't the `filetype` word in upper case.
const UNPACKED: &[(&[&str], &str)] = &[
    (&["docx", "xlsx", "pptx", "vsdx", "jar", "war", "ear", "apk", "xpi", "odt", "ods", "odp", "epub"], "ZIP"),
    (&["bz2"], "BZIP2"),
    (&["7z"], "7ZIP"),
];

fn word_of(table: &[(&[&str], &'static str)], file_type: &str) -> Option<&'static str> {
    table.iter().find(|(words, _)| words.iter().any(|w| w.eq_ignore_ascii_case(file_type))).map(|(_, word)| *word)
}

/// The word for what the bytes are.
fn filetype(file_type: &str, head: &[u8]) -> String {
    if let Some((_, word)) = STARTS.iter().find(|(start, _)| head.starts_with(start)) {
        return (*word).to_owned();
    }
    word_of(WORDS, file_type).map_or_else(|| file_type.to_uppercase(), str::to_owned)
}

fn unpacked(file_type: &str) -> String {
    word_of(UNPACKED, file_type).or_else(|| word_of(WORDS, file_type)).map_or_else(|| file_type.to_uppercase(), str::to_owned)
}

/// The externals of one object.
pub(super) fn vars(head: &Head<'_>, md5: Option<&str>) -> ScanVars {
    let path = place(head.locator, head.origin);
    let windows = cfg!(windows) || head.origin.is_some() || head.locator.depth() > 0;
    let (folder, name) = split(&path, windows);
    let extension = match name.rsplit_once('.') {
        Some((stem, ext)) if !stem.is_empty() && !ext.is_empty() => format!(".{}", ext.to_lowercase()),
        _ => String::new(),
    };
    let (owner, group) = owner_and_group(head.meta.owner.as_deref().unwrap_or_default());
    let mode = head.meta.mode.as_deref().and_then(|m| u32::from_str_radix(m, 8).ok()).map(|m| m & 0o7777);
    let containers: Vec<String> = head.containers.iter().map(|c| unpacked(c)).collect();
    ScanVars {
        filename: name.to_owned(),
        filepath: folder.to_owned(),
        extension,
        filetype: filetype(head.file_type, head.bytes),
        owner,
        group,
        filemode: mode.map_or(0, |m| i64::from(type_bits(head.kind) | m)),
        permissions: mode.map(|m| letters(head.kind, m)).unwrap_or_default(),
        unpack_parent: containers.last().cloned().unwrap_or_default(),
        unpack_source: containers.join(">"),
        md5: md5.unwrap_or_default().to_owned(),
    }
}

/// `uid:gid` as read from a Unix file system or an archive; a Windows account has no group. Number 0 is `root`
/// everywhere; other numbers stay, since a mounted system's names are not this system's.
fn owner_and_group(owner: &str) -> (String, String) {
    let name = |id: &str| if id == "0" { "root".to_owned() } else { id.to_owned() };
    match owner.split_once(':') {
        Some((owner, group)) => (name(owner), name(group)),
        None => (name(owner), String::new()),
    }
}

/// `S_IFMT` bits (inode(7)). Members are read because they have content.
fn type_bits(kind: Kind) -> u32 {
    match kind {
        Kind::File | Kind::Stream | Kind::Member => 0o100_000,
        Kind::Dir => 0o040_000,
        _ => 0,
    }
}

/// As `ls -l` shows it (POSIX, ls, "Long format").
fn letters(kind: Kind, mode: u32) -> String {
    let mut out = String::from(if kind == Kind::Dir { "d" } else { "-" });
    for (shift, special, set, plain) in [(6, 0o4000, 's', 'S'), (3, 0o2000, 's', 'S'), (0, 0o1000, 't', 'T')] {
        let bits = mode >> shift;
        out.push(if bits & 4 != 0 { 'r' } else { '-' });
        out.push(if bits & 2 != 0 { 'w' } else { '-' });
        out.push(match (bits & 1 != 0, mode & special != 0) {
            (true, true) => set,
            (false, true) => plain,
            (true, false) => 'x',
            (false, false) => '-',
        });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Locator, Meta, Name};

    #[test]
    fn words_of_the_shared_list() {
        let word = |t: &str| filetype(t, b"");
        for (ours, theirs) in [
            ("pe", "EXE"),
            ("mz", "EXE"),
            ("elf", "ELF"),
            ("gif", "GIF"),
            ("jpg", "JPEG"),
            ("pdf", "PDF"),
            ("zip", "ZIP"),
            ("rar", "RAR"),
            ("gz", "GZIP"),
            ("7z", "7Zip"),
            ("cab", "CAB"),
            ("cfb", "OLE"),
            ("docx", "Office"),
            ("rtf", "RTF"),
            ("mach", "MACH-O"),
            ("tar", "TAR"),
            ("lnk", "LNK"),
            ("bz2", "BZip2"),
            ("class", "Class"),
        ] {
            assert_eq!(word(ours), theirs);
        }
        assert_eq!(filetype("data", b"regf...."), "Registry Hive");
        assert_eq!(filetype("data", b"MDMP...."), "MDMP");
        assert_eq!(filetype("text", b"<?php echo 1;"), "PHP");
        assert_eq!(filetype("text", b"echo <?php"), "TEXT");
        assert_eq!((unpacked("docx"), unpacked("7z"), unpacked("gz")), ("ZIP".to_owned(), "7ZIP".to_owned(), "GZIP".to_owned()));
    }

    #[test]
    fn all_variables_of_a_member_on_a_mapped_drive() {
        let outer = Locator::os("/mnt/e/b.tar.gz");
        let locator = outer.member("b.tar", 0).member("c/D.TXT", 0);
        let meta = Meta { owner: Some("0:100".to_owned()), mode: Some("4755".to_owned()), ..Meta::default() };
        let origin = Name::from(r"C:\e\b.tar.gz");
        let containers = ["gz".to_owned(), "tar".to_owned()];
        let mut head = Head {
            locator: &locator,
            kind: Kind::Member,
            meta: &meta,
            origin: Some(&origin),
            other_names: &[],
            bytes: b"x",
            file_type: "text",
            containers: &containers,
            held: true,
        };
        let v = vars(&head, Some("00ff"));
        assert_eq!((v.filename.as_str(), v.filepath.as_str(), v.extension.as_str()), ("D.TXT", r"C:\e\b.tar.gz/b.tar/c", ".txt"));
        assert_eq!((v.owner.as_str(), v.group.as_str(), v.filemode), ("root", "100", 0o104_755));
        assert_eq!(v.permissions, "-rwsr-xr-x");
        assert_eq!((v.unpack_parent.as_str(), v.unpack_source.as_str(), v.md5.as_str()), ("TAR", "GZIP>TAR", "00ff"));
        let (file, origin, meta) = (Locator::os("/x"), Name::from(r"C:\Users\A\b.exe"), Meta::default());
        head = Head { locator: &file, kind: Kind::File, origin: Some(&origin), meta: &meta, containers: &[], ..head };
        let v = vars(&head, None);
        assert_eq!((v.filename.as_str(), v.filepath.as_str()), ("b.exe", r"C:\Users\A"));
        assert_eq!((v.filemode, v.unpack_parent.as_str(), v.unpack_source.as_str(), v.group.as_str()), (0, "", "", ""));
        assert_eq!(owner_and_group(r"BUILTIN\Administrators"), (r"BUILTIN\Administrators".to_owned(), String::new()));
    }
}
