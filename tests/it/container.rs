//! Containers against the corpus: what other unpackers got out of each archive must come out here as well.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use wardround::container::{
    Budget, Expanded, Limits, MemberSink, Passwords, Probe, ReadSeek, Shortfall, Volumes, detect, expand, gap_of,
};
use wardround::model::text::hex;
use wardround::model::{Encrypted, MemberFacts};

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpus");

/// Formats that are opened, by what the corpus calls them.
const OPENED: &[&str] = &[
    "zip", "tar", "gz", "bz2", "xz", "lzma", "lzip", "zst", "7z", "rar", "lz4", "compress", "cpio", "ar", "deb", "rpm", "cab",
    "xar", "lzh", "arj", "ace", "iso", "eml", "mbox", "ole",
];

#[derive(Default)]
struct Hashes {
    found: BTreeSet<String>,
    /// Name, size and SHA-256 of members of the outermost container.
    named: BTreeSet<(String, u64, String)>,
    short: Vec<String>,
    /// Members of the outermost container that are no folders.
    files: u64,
}

/// What lies beside a file of the corpus.
struct Folder<'a>(&'a Path);

impl Folder<'_> {
    fn path(&self, name: &[u8]) -> PathBuf {
        self.0.join(String::from_utf8_lossy(name).as_ref())
    }
}

impl Volumes for Folder<'_> {
    fn size(&self, name: &[u8]) -> Option<u64> {
        std::fs::metadata(self.path(name)).ok().filter(|meta| meta.is_file()).map(|meta| meta.len())
    }

    fn open(&self, name: &[u8]) -> std::io::Result<Box<dyn ReadSeek>> {
        Ok(Box::new(File::open(self.path(name))?))
    }
}

impl Hashes {
    /// A file of the corpus with what lies beside it.
    fn open_file(&mut self, path: &str, budget: &mut Budget) -> Option<Expanded> {
        let path = Path::new(CORPUS).join(path);
        let bytes = std::fs::read(&path).expect("a file of the corpus");
        let folder = Folder(path.parent().expect("a folder"));
        let name = path.file_name().expect("a name").as_encoded_bytes();
        self.open(&bytes, name, Some(&folder), budget)
    }

    fn open(&mut self, bytes: &[u8], name: &[u8], volumes: Option<&dyn Volumes>, budget: &mut Budget) -> Option<Expanded> {
        let window = 64 << 10;
        let probe = Probe {
            head: &bytes[..bytes.len().min(window)],
            tail: &bytes[bytes.len().saturating_sub(window)..],
            body: bytes,
            size: bytes.len() as u64,
            name,
            volumes,
        };
        let expanded = expand(&probe, &mut Cursor::new(bytes), budget, self)?;
        self.short.extend(expanded.shortfalls.iter().map(|s| s.reason.id().to_owned()));
        Some(expanded)
    }
}

impl MemberSink for Hashes {
    fn member(&mut self, facts: &MemberFacts, content: &mut dyn Read, budget: &mut Budget) {
        self.files += u64::from(budget.depth() == 1 && !facts.is_dir);
        let mut bytes = Vec::new();
        if let Err(e) = content.take(64 << 20).read_to_end(&mut bytes) {
            self.short.push(gap_of(&e).map_or("io_error", |reason| reason.id()).to_owned());
            return;
        }
        let digest = hex(&Sha256::digest(&bytes));
        if budget.depth() == 1 {
            self.named.insert((facts.name.lossy().into_owned(), bytes.len() as u64, digest.clone()));
        }
        self.found.insert(digest);
        self.open(&bytes, facts.name.bytes(), None, budget);
    }

    fn unread(&mut self, _: &MemberFacts, why: Shortfall) {
        self.files += 1;
        self.short.push(why.reason.id().to_owned());
    }
}

fn rows(name: &str) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(Path::new(CORPUS).join(name)).expect("the corpus has its tables");
    text.lines().skip(1).map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

fn corpus() -> bool {
    let there = Path::new(CORPUS).is_dir();
    if !there {
        println!("skipped: no corpus at {CORPUS}");
    }
    there
}

/// A budget, with the passwords that the corpus publishes where they are wanted.
fn budget(limits: Limits, published: bool) -> Budget {
    let mut list: BTreeSet<String> = rows("ARCHIVE-MEMBERS.tsv").into_iter().filter_map(|row| row.into_iter().nth(5)).collect();
    let manifest = rows("MANIFEST.tsv");
    list.extend(manifest.iter().filter_map(|row| Some(row[9].split(';').find_map(|p| p.strip_prefix("password="))?.to_owned())));
    let list = list.into_iter().filter(|password| !password.is_empty()).collect::<Vec<_>>().join("\r\n");
    let budget = Budget::new(limits);
    if published { budget.with_passwords(&Passwords::parse(list.as_bytes()).expect("a list")) } else { budget }
}

#[test]
fn members_agree_with_other_unpackers() {
    if !corpus() {
        return;
    }
    let mut expected: BTreeMap<String, Vec<Vec<String>>> = BTreeMap::new();
    for row in rows("ARCHIVE-MEMBERS.tsv") {
        expected.entry(row[0].clone()).or_default().push(row);
    }
    let (mut members, mut matched, mut archives, mut whole) = (0, 0, 0, 0);
    let mut wrong = Vec::new();
    for (archive, listed) in &expected {
        let mut hashes = Hashes::default();
        let Some(expanded) = hashes.open_file(archive, &mut budget(Limits::default(), true)) else {
            wrong.push(format!("{archive} is not recognised"));
            continue;
        };
        let format = expanded.facts.format.as_str();
        if !OPENED.contains(&format) {
            assert!(!hashes.short.is_empty(), "{archive} keeps silent about not being opened");
            continue;
        }
        let missing = listed.iter().filter(|row| !hashes.found.contains(&row[3])).count();
        // Names and sizes too, where other unpackers don't add a name of their own.
        let differs = |row: &&Vec<String>| {
            let size = row[2].parse().unwrap_or(u64::MAX);
            !hashes.named.contains(&(row[1].clone(), size, row[3].clone()))
        };
        let named = if ["7z", "rar", "cpio"].contains(&format) { listed.iter().filter(differs).count() } else { missing };
        archives += 1;
        members += listed.len();
        matched += listed.len() - missing;
        whole += usize::from(missing == 0);
        assert!(missing == 0 || !hashes.short.is_empty(), "{archive} keeps silent about what it doesn't give");
        if missing > 0 || named > 0 {
            wrong.push(format!("{archive}: {missing} missing, {named} otherwise named, {:?} {:?}", hashes.short, hashes.named));
        }
    }
    println!("{matched} of {members} members, {whole} of {archives} archives whole");
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!((matched, whole), (members, archives), "nothing that others unpack is missing");
    assert!((members, archives) >= (152, 52), "{members} members of {archives} archives");
}

/// Opened archives that fall short of what the corpus lists: files we find, what is said, and why that is right.
const SHORT: &[(&str, u64, &[&str], &str)] = &[
    ("cpython-testsuite/recursion.tar", 0, &["malformed"], "one global pax header, cut off in its data: no file follows"),
    (
        "cpython-testsuite/testtar.tar",
        36,
        &["link_member", "special_file"],
        "all files are read; 7 links and 3 devices hold no bytes",
    ),
    ("dfvfs/corrupt1.gz", 1, &["malformed"], "damaged on purpose; read up to the damage"),
    ("rarfile/rar202-comment-psw.rar", 2, &["encrypted"], "without the password: listed, not read"),
    ("rarfile/rar3-comment-hpsw.rar", 0, &["encrypted"], "hidden names without the password"),
    ("rarfile/rar3-comment-psw.rar", 2, &["encrypted"], "without the password: listed, not read"),
    ("rarfile/rar3-old.rar", 2, &[], "the corpus counts the members that begin in this volume"),
    ("rarfile/rar3-versions.rar", 3, &[], "two older versions are files, too; the corpus counts names"),
    ("rarfile/rar3-vols.part1.rar", 2, &[], "the corpus counts the members that begin in this volume"),
    ("rarfile/rar5-dups.rar", 9, &["link_member"], "eight members refer to the first"),
    ("rarfile/rar5-evil-symlink-traversal.rar", 2, &["link_member"], "both are links"),
    ("rarfile/rar5-hlink.rar", 3, &["link_member"], "two hard links to the first"),
    ("rarfile/rar5-hpsw.rar", 0, &["encrypted"], "hidden names without the password"),
    ("rarfile/rar5-psw-blake.rar", 2, &["encrypted"], "without the password: listed, not read"),
    ("rarfile/rar5-psw.rar", 2, &["encrypted"], "without the password: listed, not read"),
    ("rarfile/rar5-symlink-unix.rar", 3, &["link_member"], "two links, whose targets stand in the headers"),
    ("rarfile/rar5-symlink-win.rar", 5, &["link_member"], "four links, two of them to folders"),
    ("rarfile/rar5-versions.rar", 3, &[], "two older versions are files, too; the corpus counts names"),
    ("rarfile/rar5-vols.part1.rar", 2, &[], "the corpus counts the members that begin in this volume"),
    ("sevenz-rust2/aes_small_test.7z", 1, &["encrypted"], "without the password: listed, not read"),
    ("sevenz-rust2/encrypted.7z", 2, &["encrypted"], "without the password: listed, not read"),
    ("zip2/aes_archive.zip", 4, &["encrypted"], "AES without the password: listed, not read"),
    ("zip2/invalid_offset.zip", 2, &["malformed"], "the end record points nowhere; both files come by their local headers"),
];

#[test]
fn every_archive_is_opened_or_says_why_not() {
    if !corpus() {
        return;
    }
    let mut wrong = Vec::new();
    for row in rows("MANIFEST.tsv").iter().filter(|row| row[0].starts_with("archives/")) {
        let expect: BTreeMap<&str, &str> = row[9].split(';').filter_map(|pair| pair.split_once('=')).collect();
        let Some(container) = expect.get("container") else { continue };
        let mut hashes = Hashes::default();
        let limits = Limits { total_bytes: 64 << 20, ..Limits::default() };
        let Some(expanded) = hashes.open_file(&row[0], &mut Budget::new(limits)) else {
            wrong.push(format!("{} is not recognised", row[0]));
            continue;
        };
        let entries: u64 = expect.get("entries").and_then(|n| n.parse().ok()).unwrap_or(0);
        if !OPENED.contains(&expanded.facts.format.as_str()) {
            assert!(!hashes.short.is_empty(), "{} keeps silent about not being opened", row[0]);
            continue;
        }
        let known = SHORT.iter().find(|(name, ..)| row[0].strip_prefix("archives/") == Some(name));
        let (files, reasons) = known.map_or((entries, &[][..]), |(_, files, reasons, _)| (*files, reasons));
        let said: BTreeSet<&str> = hashes.short.iter().map(String::as_str).collect();
        if (hashes.files, &said) != (files, &reasons.iter().copied().collect()) {
            wrong.push(format!("{} ({container}): {} of {files} files, {said:?}", row[0], hashes.files));
        }
        let locked = match expect.get("encrypted") {
            Some(&"members") if expanded.facts.notes != ["false_encryption_flag"] => "members",
            Some(&"headers") => "headers",
            _ => "no",
        };
        let told = match expanded.facts.encrypted {
            Encrypted::No => "no",
            Encrypted::Headers => "headers",
            _ => "members",
        };
        if told != locked {
            wrong.push(format!("{}: encrypted {told}, not {locked}", row[0]));
        }
        if expect.contains_key("password") {
            let mut opened = Hashes::default();
            let expanded = opened.open_file(&row[0], &mut budget(limits, true)).expect("it was recognised");
            let noted = expanded.facts.notes.contains(&"opened_with_password".to_owned()) && expanded.facts.passwords > 0;
            if !opened.short.is_empty() || opened.files != entries || !noted {
                wrong.push(format!("{} with its password: {} of {entries}, {:?}", row[0], opened.files, opened.short));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn fixtures_are_detected_by_their_ids() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/container"));
    for entry in std::fs::read_dir(folder).expect("fixtures") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|n| n.to_str()).expect("a plain name").to_owned();
        let mut bytes = Vec::new();
        let mut file = File::open(&path).expect("a readable fixture");
        // The marks of an ISO image stand behind 32 KiB of zeros.
        let read = if name.ends_with(".iso.gz") {
            flate2::read::GzDecoder::new(file).read_to_end(&mut bytes)
        } else {
            file.read_to_end(&mut bytes)
        };
        read.expect("a readable fixture");
        let probe =
            Probe { head: &bytes, tail: &bytes, body: &bytes, size: bytes.len() as u64, name: name.as_bytes(), volumes: None };
        let id = detect(&probe).map(|format| format.id());
        assert_eq!(id, name.split(['.', '-']).next(), "{name}");
    }
}
