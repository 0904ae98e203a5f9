//! Containers against the corpus: what other unpackers got out of each archive must come out here as well.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use sha2::{Digest, Sha256};
use wardround::container::{Budget, Expanded, Limits, MemberSink, Probe, Shortfall, detect, expand, gap_of};
use wardround::model::text::hex;
use wardround::model::{Encrypted, MemberFacts};

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpus");

/// Formats that are opened, by what the corpus calls them.
const OPENED: &[&str] = &["zip", "tar", "gz", "bz2", "xz", "lzma", "lzip", "zst", "7z", "rar"];

/// A program with a RAR archive behind it: neither its head nor its tail shows the archive.
const UNRECOGNISED: &str = "archives/rar-test-files/testfile.rar3.wincon.sfx.exe";

#[derive(Default)]
struct Hashes {
    found: BTreeSet<String>,
    short: Vec<String>,
    /// Members of the outermost container that are no folders.
    files: u64,
}

impl Hashes {
    fn open(&mut self, bytes: &[u8], name: &[u8], budget: &mut Budget) -> Option<Expanded> {
        let window = 64 << 10;
        let probe = Probe {
            head: &bytes[..bytes.len().min(window)],
            tail: &bytes[bytes.len().saturating_sub(window)..],
            body: bytes,
            size: bytes.len() as u64,
            name,
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
        self.found.insert(hex(&Sha256::digest(&bytes)));
        self.open(&bytes, facts.name.bytes(), budget);
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

#[test]
fn members_agree_with_other_unpackers() {
    if !corpus() {
        return;
    }
    let mut expected: BTreeMap<String, Vec<Vec<String>>> = BTreeMap::new();
    for row in rows("ARCHIVE-MEMBERS.tsv") {
        if row.get(5).is_none_or(String::is_empty) {
            expected.entry(row[0].clone()).or_default().push(row);
        }
    }
    let (mut members, mut matched, mut archives, mut whole) = (0, 0, 0, 0);
    for (archive, listed) in &expected {
        let bytes = std::fs::read(Path::new(CORPUS).join(archive)).expect("a file of the corpus");
        let mut hashes = Hashes::default();
        let Some(expanded) = hashes.open(&bytes, archive.as_bytes(), &mut Budget::new(Limits::default())) else {
            assert_eq!(archive, UNRECOGNISED, "not recognised");
            continue;
        };
        if !OPENED.contains(&expanded.facts.format.as_str()) {
            assert!(!hashes.short.is_empty(), "{archive} keeps silent about not being opened");
            continue;
        }
        let missing = listed.iter().filter(|row| !hashes.found.contains(&row[3])).count();
        archives += 1;
        members += listed.len();
        matched += listed.len() - missing;
        whole += usize::from(missing == 0);
        assert!(missing == 0 || !hashes.short.is_empty(), "{archive} keeps silent about what it doesn't give");
    }
    println!("{matched} of {members} members, {whole} of {archives} archives whole");
    assert_eq!((matched, whole), (members, archives), "nothing that others unpack is missing");
    assert!((members, archives) >= (141, 44), "{members} members of {archives} archives");
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
    ("zip2/aes_archive.zip", 4, &["encrypted"], "AES without the password: listed, not read"),
    ("zip2/invalid_offset.zip", 2, &["malformed"], "the end record points nowhere; both files come by their local headers"),
];

#[test]
fn every_archive_is_opened_or_says_why_not() {
    if !corpus() {
        return;
    }
    for row in rows("MANIFEST.tsv").iter().filter(|row| row[0].starts_with("archives/")) {
        let expect: BTreeMap<&str, &str> = row[9].split(';').filter_map(|pair| pair.split_once('=')).collect();
        let Some(container) = expect.get("container") else { continue };
        let bytes = std::fs::read(Path::new(CORPUS).join(&row[0])).expect("a file of the corpus");
        let mut hashes = Hashes::default();
        let limits = Limits { total_bytes: 64 << 20, ..Limits::default() };
        let Some(expanded) = hashes.open(&bytes, row[0].as_bytes(), &mut Budget::new(limits)) else {
            assert_eq!(row[0], UNRECOGNISED, "not recognised");
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
        assert_eq!((hashes.files, said), (files, reasons.iter().copied().collect()), "{} ({container})", row[0]);
        let locked = expect.get("encrypted") == Some(&"members") && expanded.facts.notes != ["false_encryption_flag"];
        assert_eq!(expanded.facts.encrypted != Encrypted::No, locked, "{}", row[0]);
    }
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
        let probe = Probe { head: &bytes, tail: &bytes, body: &bytes, size: bytes.len() as u64, name: name.as_bytes() };
        let id = detect(&probe).map(|format| format.id());
        assert_eq!(id, name.split(['.', '-']).next(), "{name}");
    }
}
