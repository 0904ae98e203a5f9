//! Programs built here, inert: their facts, known tools under every name, damage, and other tools' opinion.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use proptest::prelude::*;
use wardround::binary::{Facts, Inspected, SignatureState, Subject, Tools, detail, inspect, judge};

use crate::support::{Scene, has_tool};

const RVA: u32 = 0x1000;
const START: usize = 0x400;

fn put(at: &mut [u8], offset: usize, bytes: &[u8]) {
    at[offset..offset + bytes.len()].copy_from_slice(bytes);
}

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
}

fn pad(bytes: &mut Vec<u8>, to: usize) {
    bytes.resize(bytes.len().next_multiple_of(to), 0);
}

/// A node of `VS_VERSIONINFO`: its value's length is in characters where it is text.
fn node(key: &str, text: bool, value: &[u8], children: &[Vec<u8>]) -> Vec<u8> {
    let length = if text { value.len() / 2 } else { value.len() };
    let mut out =
        [0u16, u16::try_from(length).unwrap(), u16::from(text)].into_iter().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    out.extend(wide(key));
    pad(&mut out, 4);
    out.extend(value);
    for child in children {
        pad(&mut out, 4);
        out.extend(child);
    }
    let all = u16::try_from(out.len()).unwrap();
    put(&mut out, 0, &all.to_le_bytes());
    out
}

fn version_info(strings: &[(&str, &str)]) -> Vec<u8> {
    let strings: Vec<Vec<u8>> = strings.iter().map(|(k, v)| node(k, true, &wide(v), &[])).collect();
    let table = node("040904b0", true, &[], &strings);
    let mut fixed = vec![0u8; 52];
    put(&mut fixed, 0, &0xfeef_04bd_u32.to_le_bytes());
    put(&mut fixed, 4, &0x1_0000_u32.to_le_bytes());
    node("VS_VERSION_INFO", false, &fixed, &[node("StringFileInfo", true, &[], &[table])])
}

/// The section's content, and the directories that lead into it.
struct Content {
    data: Vec<u8>,
    /// (number, address, size).
    directories: Vec<(usize, u32, u32)>,
}

impl Content {
    fn new() -> Self {
        Self { data: vec![0xc3; 16], directories: Vec::new() }
    }

    fn add(&mut self, bytes: &[u8]) -> u32 {
        pad(&mut self.data, 16);
        let at = RVA + u32::try_from(self.data.len()).unwrap();
        self.data.extend(bytes);
        at
    }

    fn directory(&mut self, number: usize, bytes: &[u8]) {
        let at = self.add(bytes);
        self.directories.push((number, at, u32::try_from(bytes.len()).unwrap()));
    }

    /// Type 16 (version), resource 1, language 1033; beside it a type with a name.
    fn version(&mut self, strings: &[(&str, &str)]) {
        let info = version_info(strings);
        let at = self.add(&info);
        let words = |w: &[u32]| w.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>();
        const HIGH: u32 = 1 << 31;
        // A directory is 16 bytes and 8 for each entry: root 0..32, type 32..56, resource 56..80, data 80..96.
        let mut dir = words(&[0, 0, 0, 0x0001_0001, HIGH | 96, HIGH | 110, 16, HIGH | 32]);
        dir.extend(words(&[0, 0, 0, 0x0001_0000, 1, HIGH | 56, 0, 0, 0, 0x0001_0000, 1033, 80]));
        dir.extend(words(&[at, u32::try_from(info.len()).unwrap(), 0, 0]));
        dir.extend(6u16.to_le_bytes());
        dir.extend(&wide("SECRET")[..12]);
        dir.resize(160, 0);
        self.directory(2, &dir);
    }

    fn pdb(&mut self, path: &str) {
        let record = [b"RSDS".as_slice(), &[7; 20], path.as_bytes(), &[0]].concat();
        let at = self.add(&record);
        let mut entry = vec![0u8; 28];
        put(&mut entry, 12, &2u32.to_le_bytes());
        put(&mut entry, 16, &u32::try_from(record.len()).unwrap().to_le_bytes());
        put(&mut entry, 20, &at.to_le_bytes());
        put(&mut entry, 24, &(at - RVA + START as u32).to_le_bytes());
        self.directory(6, &entry);
    }

    fn exports(&mut self, dll: &str, names: &[&str]) {
        let text = |c: &mut Self, s: &str| c.add(&[s.as_bytes(), &[0]].concat());
        let own = text(self, dll);
        let pointers: Vec<u8> =
            names.iter().map(|n| text(self, n)).collect::<Vec<_>>().into_iter().flat_map(u32::to_le_bytes).collect();
        let functions = self.add(&vec![1; names.len() * 4]);
        let ordinals: Vec<u8> = (0..names.len() as u16).flat_map(u16::to_le_bytes).collect();
        let (names_at, ordinals_at) = (self.add(&pointers), self.add(&ordinals));
        let count = u32::try_from(names.len()).unwrap();
        let words = [0, 0, 0, own, 1, count, count, functions, names_at, ordinals_at];
        self.directory(0, &words.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<u8>>());
    }

    /// A 64-bit console program with a Rich header.
    fn build(mut self) -> Vec<u8> {
        pad(&mut self.data, 0x200);
        let mut b = vec![0u8; START];
        put(&mut b, 0, b"MZ");
        let key = 0x5a5a_1234_u32;
        let rich = [0x536e_6144, 0, 0, 0, 0x0104_7809, 3, 0x0102_7809, 9];
        let rich: Vec<u8> = rich.iter().flat_map(|w: &u32| (w ^ key).to_le_bytes()).collect();
        put(&mut b, 0x80, &[rich.as_slice(), b"Rich", &key.to_le_bytes()].concat());
        const PE: usize = 0xc0;
        b[0x3c] = PE as u8;
        put(&mut b, PE, b"PE\0\0");
        put(&mut b, PE + 4, &0x8664u16.to_le_bytes());
        b[PE + 6] = 1;
        put(&mut b, PE + 8, &1_700_000_000u32.to_le_bytes());
        put(&mut b, PE + 20, &240u16.to_le_bytes());
        put(&mut b, PE + 22, &0x22u16.to_le_bytes());
        let optional = PE + 24;
        put(&mut b, optional, &0x20bu16.to_le_bytes());
        put(&mut b, optional + 16, &RVA.to_le_bytes());
        put(&mut b, optional + 24, &0x1_4000_0000u64.to_le_bytes());
        put(&mut b, optional + 32, &0x1000u32.to_le_bytes());
        put(&mut b, optional + 36, &0x200u32.to_le_bytes());
        put(&mut b, optional + 56, &0x10_0000u32.to_le_bytes());
        put(&mut b, optional + 60, &(START as u32).to_le_bytes());
        put(&mut b, optional + 68, &3u16.to_le_bytes());
        b[optional + 108] = 16;
        for (number, at, size) in &self.directories {
            put(&mut b, optional + 112 + number * 8, &at.to_le_bytes());
            put(&mut b, optional + 116 + number * 8, &size.to_le_bytes());
        }
        let section = optional + 240;
        put(&mut b, section, b".rdata");
        let size = u32::try_from(self.data.len()).unwrap().to_le_bytes();
        put(&mut b, section + 8, &size);
        put(&mut b, section + 12, &RVA.to_le_bytes());
        put(&mut b, section + 16, &size);
        put(&mut b, section + 20, &(START as u32).to_le_bytes());
        put(&mut b, section + 36, &0x4000_0040u32.to_le_bytes());
        b.extend(&self.data);
        b
    }
}

/// A Windows program that says these things of itself.
pub fn pe(strings: &[(&str, &str)]) -> Vec<u8> {
    let mut content = Content::new();
    content.version(strings);
    content.pdb(r"C:\Users\annmiller\Desktop\tool\Release\tool.pdb");
    content.exports("inner.dll", &["Alpha", "Beta"]);
    content.build()
}

/// Build information as Go 1.18 and later write it.
pub fn go_blob(module: &str) -> Vec<u8> {
    let mut out = b"\xff Go buildinf:\x08\x02".to_vec();
    out.resize(32, 0);
    let text = format!("path\t{module}\nmod\t{module}\tv1.0.0\th1:x=\nbuild\tvcs.revision=0123\n");
    for part in [b"go1.22.1".to_vec(), [&[0x30; 16], text.as_bytes(), &[0x30; 16]].concat()] {
        let mut n = part.len();
        while n > 0x7f {
            out.push((n & 0x7f) as u8 | 0x80);
            n >>= 7;
        }
        out.push(n as u8);
        out.extend(part);
    }
    out
}

/// A 64-bit Linux program: one segment over all of it, notes of GNU and Go, an interpreter, and `data` at 0x400.
pub fn elf(data: &[u8]) -> Vec<u8> {
    let mut b = vec![0u8; 0x400];
    put(&mut b, 0, b"\x7fELF\x02\x01\x01");
    for (at, value) in [(16, 2), (18, 62), (20, 1), (32, 64), (52, 64), (54, 56), (56, 3)] {
        b[at] = value;
    }
    let size = (0x400 + data.len()) as u64;
    let interpreter = b"/home/annmiller/lib/ld.so\0";
    let word = |n: u32| n.to_le_bytes();
    let notes =
        [&word(4)[..], &word(4), &word(3), b"GNU\0", &[0xab, 1, 2, 3], &word(4), &word(4), &word(4), b"Go\0\0", b"idGo"].concat();
    for (i, (kind, offset, length)) in
        [(1u32, 0u64, size), (3, 0x200, interpreter.len() as u64), (4, 0x300, notes.len() as u64)].into_iter().enumerate()
    {
        let at = 64 + i * 56;
        put(&mut b, at, &kind.to_le_bytes());
        b[at + 4] = 5;
        for field in [8, 16, 24] {
            put(&mut b, at + field, &(offset + if field == 8 { 0 } else { 0x40_0000 }).to_le_bytes());
        }
        put(&mut b, at + 32, &length.to_le_bytes());
    }
    put(&mut b, 0x200, interpreter);
    put(&mut b, 0x300, &notes);
    b.extend(data);
    b
}

/// A 64-bit macOS program with a code signature.
pub fn macho(identifier: &str) -> Vec<u8> {
    let mut directory = vec![0u8; 52];
    let be = |n: u32| n.to_be_bytes();
    put(&mut directory, 0, &be(0xfade_0c02));
    put(&mut directory, 8, &be(0x2_0400));
    put(&mut directory, 20, &be(52));
    put(&mut directory, 48, &be(53 + identifier.len() as u32));
    directory.extend([identifier.as_bytes(), b"\0TEAM123456\0"].concat());
    let blob = [&be(0xfade_0cc0)[..], &be(0), &be(1), &be(0), &be(20), &directory].concat();
    let mut out: Vec<u8> = [0xfeed_facf_u32, 0x0100_000c, 0, 2, 1, 16, 0, 0, 0x1d, 16, 48, blob.len() as u32]
        .iter()
        .flat_map(|w| w.to_le_bytes())
        .collect();
    out.extend(blob);
    out
}

fn facts(bytes: &[u8]) -> Box<Facts> {
    match inspect(bytes) {
        Inspected::Facts(facts) => facts,
        other => panic!("{other:?}"),
    }
}

fn weight(name: &str, path: &str, bytes: &[u8]) -> i32 {
    let facts = facts(bytes);
    let subject = Subject { name: name.as_bytes(), path, head: bytes, facts: Some(&facts) };
    judge(&subject, &Tools::embedded()).reasons.iter().map(|r| r.weight).max().unwrap_or(0)
}

#[test]
fn facts_of_built_programs() {
    let bytes =
        pe(&[("OriginalFilename", "rclone.exe"), ("FileDescription", "Rsync for cloud storage"), ("FileVersion", "1.66")]);
    let found = facts(&bytes);
    assert_eq!(found.notes, Vec::<String>::new());
    let version = found.version.as_ref().unwrap();
    assert_eq!(version.original_filename.as_deref(), Some("rclone.exe"));
    assert_eq!(
        (version.file_description.as_deref(), version.file_version.as_deref()),
        (Some("Rsync for cloud storage"), Some("1.66"))
    );
    let own = found.pe.as_ref().unwrap();
    assert_eq!((own.entry_point, own.subsystem, own.dotnet), (RVA, 3, false));
    assert_eq!(
        (own.export_name.as_deref(), own.exports.names.as_slice()),
        (Some("inner.dll"), &["Alpha".to_owned(), "Beta".to_owned()][..])
    );
    assert_eq!(own.resources.names, ["SECRET"]);
    assert_eq!(own.rich.as_ref().map(|r| (r.tools, r.checksum_valid)), Some((2, false)));
    assert_eq!(own.signature.state, SignatureState::Absent);
    assert!(own.pdb.as_ref().unwrap().path.contains("annmiller"));

    let found = facts(&elf(&go_blob("github.com/restic/restic")));
    let own = found.elf.as_ref().unwrap();
    assert_eq!((own.build_id.as_deref(), own.interpreter.as_deref()), (Some("ab010203"), Some("/home/annmiller/lib/ld.so")));
    let go = found.go.as_ref().unwrap();
    assert_eq!((go.module.as_deref(), go.build_id.as_deref()), (Some("github.com/restic/restic"), Some("idGo")));

    let found = facts(&macho("com.example.tool"));
    let signature = found.macho.as_ref().unwrap().code_signature.as_ref().unwrap();
    assert_eq!((signature.identifier.as_deref(), signature.team_id.as_deref()), (Some("com.example.tool"), Some("TEAM123456")));
}

/// What goes into a report holds no folder, no list and no free text.
#[test]
fn reports_hold_no_strings() {
    let strings = [("OriginalFilename", "rclone.exe"), ("Comments", "for annmiller"), ("CompanyName", "x\u{202e}y\u{1b}[2J")];
    for bytes in [pe(&strings), elf(&go_blob("github.com/restic/restic")), macho("com.example.tool")] {
        let shown = detail(&facts(&bytes), Some(&bytes)).to_string();
        for word in ["annmiller", "SECRET", "Alpha", "\u{202e}", "\\u001b"] {
            assert!(!shown.contains(word), "{word} in {shown}");
        }
        assert!(shown.len() < 8000, "{}", shown.len());
    }
    let bytes = pe(&strings);
    let shown = detail(&facts(&bytes), Some(&bytes));
    assert_eq!(shown["pe"]["exports"]["total"], 2);
    assert_eq!(shown["pe"]["pdb"]["file"], "tool.pdb");
    use sha2::Digest as _;
    let expected: String = sha2::Sha256::digest(&bytes[START..]).iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(shown["sections"][0]["sha256"], expected);
}

/// Every embedded tool is recognised by each of its marks under a strange name, and left alone under its own.
#[test]
fn every_known_tool_under_two_names() {
    let tools = Tools::embedded();
    let plain = |v: &str| v.trim_end_matches('*').to_owned();
    let mut marks = 0;
    for tool in tools.iter() {
        for mark in &tool.identify {
            let fields = [
                ("OriginalFilename", &mark.original_filename),
                ("InternalName", &mark.internal_name),
                ("ProductName", &mark.product_name),
                ("FileDescription", &mark.file_description),
                ("CompanyName", &mark.company_name),
            ];
            let strings: Vec<(&str, String)> = fields.iter().filter_map(|(k, v)| Some((*k, plain(v.first()?)))).collect();
            let strings: Vec<(&str, &str)> = strings.iter().map(|(k, v)| (*k, v.as_str())).collect();
            let mut programs = mark.go_module.iter().map(|m| elf(&go_blob(&plain(m)))).collect::<Vec<_>>();
            programs.extend(mark.signing_id.iter().map(|id| macho(id)));
            if !strings.is_empty() {
                programs.push(pe(&strings));
            }
            assert!(!programs.is_empty(), "{}: a mark that no program here has", tool.id);
            for bytes in programs {
                marks += 1;
                let at = |name: &str, path: &str| weight(name, path, &bytes);
                assert!(at("winupdate.exe", r"C:\Windows\System32\winupdate.exe") >= 85, "{}", tool.id);
                let strange = at("qqq.exe", r"C:\Users\a\qqq.exe");
                let least = if tool.class == wardround::binary::Class::Archiver { 45 } else { 60 };
                assert!(strange >= least, "{}: {strange}", tool.id);
                for name in &tool.names {
                    let own = format!("{name}.exe");
                    let found = at(&own, r"C:\Users\a\x\y.exe");
                    assert_eq!(found >= 40, tool.hostile, "{}: {own}: {found}", tool.id);
                }
            }
        }
    }
    println!("{marks} marks of {} tools", tools.iter().count());
}

#[test]
fn a_scan_names_the_renamed_tool() {
    let scene = Scene::new();
    scene.file("PerfLogs/svhost.exe", pe(&[("OriginalFilename", "rclone.exe")]));
    scene.file("tools/rclone.exe", pe(&[("OriginalFilename", "rclone.exe")]));
    scene.file("var/dbus", elf(&go_blob("github.com/jpillora/chisel")));
    scene.file("own/helper.exe", pe(&[("ProductName", "Exporter Pro")]));
    let own = r#"{"format": "wardround/tools/1", "tools": [
        {"id": "exporter", "name": "the export tool of the clinic", "class": "exfiltration", "identify": [{"product_name": ["exporter*"]}],
         "names": ["exporter"], "techniques": ["T1048"], "sources": ["own list"]},
        {"id": "broken"}]}"#;
    let path = scene.beside("tools.json");
    fs::write(&path, own).unwrap();
    let flags = ["--no-default-rules", "--no-default-iocs"];
    let case = scene.scan(&[flags[0], flags[1], "--tools", path.to_str().unwrap()]);
    let found = |end: &str| case.of("binary").into_iter().find(|f| f["path"].as_str().is_some_and(|p| p.ends_with(end)));
    let f = found("svhost.exe").expect("a finding");
    assert_eq!((&f["level"], &f["reasons"][0]["id"]), (&"alert".into(), &"binary.renamed_tool".into()));
    assert!(found("var/dbus").is_some_and(|f| f["title"].as_str().unwrap().contains("chisel")));
    assert!(found("own/helper.exe").is_some_and(|f| f["reasons"][0]["detail"]["tool"]["id"] == "exporter"));
    assert!(found("tools/rclone.exe").is_none(), "its own name is no finding here");
    let inputs = case.report["inputs"]["indicators"].as_array().unwrap();
    let listed = inputs.iter().find(|i| i["name"] == "tools.json").expect("the file is listed");
    assert_eq!((&listed["loaded"], listed["rejected"].as_array().unwrap().len()), (&1.into(), 1));

    fs::write(&path, "{}").unwrap();
    let case = scene.scan(&["--tools", path.to_str().unwrap()]);
    assert_eq!(case.exit(), 64, "{}", case.stderr());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn damaged_programs_never_panic(
        which in 0usize..4,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0usize..4), 1..10),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = match which {
            0 => pe(&[("OriginalFilename", "a.exe"), ("ProductName", "b")]),
            1 => elf(&go_blob("example.org/x")),
            2 => macho("org.example"),
            _ => signed_fixture(),
        };
        for (at, value, run) in changes {
            let at = at.index(bytes.len());
            bytes.iter_mut().skip(at).take(1 << run).for_each(|b| *b = value);
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let found = inspect(&bytes);
        prop_assert!(!matches!(found, Inspected::Panicked(_)));
        if let Inspected::Facts(facts) = found {
            let _ = detail(&facts, Some(&bytes));
        }
    }
}

/// A program with a certificate table whose signature block is cut short.
fn signed_fixture() -> Vec<u8> {
    let mut bytes = pe(&[("OriginalFilename", "a.exe")]);
    let entry = 0xc0 + 24 + 112 + 4 * 8;
    let at = u32::try_from(bytes.len()).unwrap();
    put(&mut bytes, entry, &at.to_le_bytes());
    put(&mut bytes, entry + 4, &48u32.to_le_bytes());
    bytes.extend([48, 0, 0, 0, 0, 2, 2, 0]);
    bytes.extend(b"\x30\x26\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x19\x30\x17\x02\x01\x01\x31\x00\x30\x10\x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x02\x01\x04\xa0\x02\x30\x00");
    bytes
}

/// Programs of the corpus, of Python's and Cargo's packages where there are some, and below `WARDROUND_PROGRAMS`.
fn real_programs() -> Vec<std::path::PathBuf> {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpus/binaries");
    let home = std::env::var("HOME").unwrap_or_default();
    let extra = std::env::var("WARDROUND_PROGRAMS").unwrap_or_default();
    let roots = [corpus.to_owned(), extra, format!("{home}/.pyenv/versions"), format!("{home}/.cargo/registry/src")];
    let walk = roots.iter().flat_map(|r| walkdir::WalkDir::new(r).sort_by_file_name()).flatten();
    walk.filter(|e| e.file_type().is_file())
        .map(|e| e.into_path())
        .filter(|p| p.starts_with(corpus) || p.extension().is_some_and(|x| ["exe", "dll", "pyd"].iter().any(|k| x == *k)))
        .collect()
}

fn yara_rich(bytes: &[u8]) -> Option<String> {
    use std::cell::RefCell;
    use std::rc::Rc;
    let text = "import \"pe\"\nimport \"hash\"\nimport \"console\"\n\
                rule r { condition: pe.rich_signature.length > 0 and console.log(hash.md5(pe.rich_signature.clear_data)) }";
    let rules = yara_x::compile(text).unwrap();
    let said = Rc::new(RefCell::new(None));
    let mut scanner = yara_x::Scanner::new(&rules);
    let into = Rc::clone(&said);
    scanner.console_log(move |s| *into.borrow_mut() = Some(s));
    scanner.scan(bytes).unwrap();
    drop(scanner);
    said.take()
}

/// Our facts against those of YARA-X's own parser.
#[test]
fn yara_reads_the_same_facts() {
    let built = [pe(&[("OriginalFilename", "a.exe")]), signed_fixture()];
    let files = real_programs().into_iter().map(|p| (p.display().to_string(), fs::read(&p).unwrap()));
    let (mut seen, mut signed) = (BTreeSet::new(), 0);
    for (name, bytes) in built.into_iter().map(|b| ("built".to_owned(), b)).chain(files) {
        let Inspected::Facts(facts) = inspect(&bytes) else { continue };
        let (Some(own), Some(theirs)) = (facts.pe.as_ref(), yara_x::mods::invoke::<yara_x::mods::PE>(&bytes)) else { continue };
        assert_eq!(own.entry_point, theirs.entry_point_raw(), "{name}");
        assert_eq!(own.rich.as_ref().map(|r| r.md5.clone()), yara_rich(&bytes), "{name}");
        let pdb = own.pdb.as_ref().map(|p| p.path.clone());
        assert_eq!(pdb.unwrap_or_default(), String::from_utf8_lossy(theirs.pdb_path()), "{name}");
        assert_eq!(own.export_name.as_deref().unwrap_or_default(), theirs.dll_name(), "{name}");
        let exports: BTreeSet<&str> =
            theirs.export_details.iter().filter_map(|e| e.name.as_deref()).filter(|n| !n.is_empty()).collect();
        let names: BTreeSet<&str> = own.exports.names.iter().map(String::as_str).collect();
        let differ: Vec<_> = names.symmetric_difference(&exports).take(3).collect();
        assert!(differ.is_empty(), "{name}: {differ:?}");
        let libraries: Vec<&str> = theirs.import_details.iter().map(|i| i.library_name()).collect();
        assert_eq!(own.imports.names, libraries, "{name}");
        if let Some(signature) = theirs.signatures.first() {
            signed += 1;
            assert_eq!(own.signature.stated_digest.as_deref(), signature.digest.as_deref(), "{name}");
            assert_eq!(own.signature.authentihash.as_deref(), signature.file_digest.as_deref(), "{name}");
            let theirs = signature.signer_info.chain.first().and_then(|c| c.thumbprint.clone());
            assert_eq!(own.signature.signer.as_ref().map(|s| s.sha1.clone()), theirs, "{name}");
        }
        seen.insert(name);
    }
    assert!(!seen.is_empty());
    println!("{} programs compared, {signed} of them signed", seen.len());
}

/// A program signed by osslsigncode: the digest it computes is ours, and every change of the file is seen.
#[test]
fn osslsigncode_agrees_on_signatures() {
    if !has_tool("osslsigncode") || !has_tool("openssl") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name).to_string_lossy().into_owned();
    let run = |program: &str, args: &[&str]| {
        let out = Command::new(program).args(args).output().unwrap();
        String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned()
    };
    let (key, cert, plain) = (file("key.pem"), file("cert.pem"), file("plain.exe"));
    let subject = "/O=Ward Round Test/CN=Inert Signer";
    run(
        "openssl",
        &["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-subj", subject, "-keyout", &key, "-out", &cert],
    );
    let mut program = pe(&[("OriginalFilename", "a.exe")]);
    program.extend_from_slice(b"odd"); // an overlay whose length is no multiple of eight
    fs::write(&plain, &program).unwrap();
    for hash in ["sha1", "sha256", "sha384"] {
        let signed = file(hash);
        let said = run("osslsigncode", &["sign", "-h", hash, "-certs", &cert, "-key", &key, "-in", &plain, "-out", &signed]);
        let bytes = fs::read(&signed).unwrap_or_else(|e| panic!("{e}: {said}"));
        let found = facts(&bytes).pe.unwrap().signature;
        assert_eq!((found.state, found.digest_algorithm), (SignatureState::PresentDigestOk, Some(hash)));
        let signer = found.signer.as_ref().unwrap();
        assert_eq!(
            (signer.common_name.as_deref(), signer.organization.as_deref()),
            (Some("Inert Signer"), Some("Ward Round Test"))
        );
        assert_eq!((found.bytes_in_table, found.bytes_behind_table), (0, 0));
        let said = run("osslsigncode", &["verify", "-in", &signed]).to_lowercase();
        let digest = said
            .lines()
            .find(|l| l.contains("calculated message digest"))
            .and_then(|l| l.split_whitespace().next_back())
            .map(str::to_owned);
        assert_eq!(found.authentihash, digest, "{said}");

        let mut changed = bytes.clone();
        changed[START] ^= 1;
        assert_eq!(facts(&changed).pe.unwrap().signature.state, SignatureState::DigestMismatch);
        assert_eq!(weight("a.exe", "/x/a.exe", &changed), 45);
        assert_eq!(weight("a.exe", "/x/a.exe", &bytes), 0);
        let longer = [bytes.as_slice(), b"appended"].concat();
        assert_eq!(facts(&longer).pe.unwrap().signature.bytes_behind_table, 8);
    }
}

/// Build ids, needed libraries and interpreters of this system's programs, as readelf prints them.
#[test]
fn readelf_agrees() {
    if !has_tool("readelf") || !Path::new("/usr/bin").exists() {
        return;
    }
    let mut compared = 0;
    let files = walkdir::WalkDir::new("/usr/bin").sort_by_file_name().into_iter().flatten().filter(|e| e.file_type().is_file());
    for entry in files.step_by(7).take(60) {
        let bytes = fs::read(entry.path()).unwrap();
        let Inspected::Facts(facts) = inspect(&bytes) else { continue };
        let Some(own) = facts.elf.as_ref() else { continue };
        let out = Command::new("readelf").env("LC_ALL", "C").args(["-n", "-d", "-l", "-W"]).arg(entry.path()).output().unwrap();
        let text = String::from_utf8_lossy(&out.stdout);
        let after = |mark: &str| {
            text.lines()
                .filter_map(|l| l.split_once(mark))
                .map(|(_, v)| v.trim_end_matches(']').trim().to_owned())
                .collect::<Vec<_>>()
        };
        let name = entry.path().display();
        assert_eq!(own.build_id, after("Build ID: ").first().cloned(), "{name}");
        assert_eq!(own.needed.names, after("Shared library: ["), "{name}");
        assert_eq!(own.interpreter, after("Requesting program interpreter: ").first().cloned(), "{name}");
        compared += 1;
    }
    println!("{compared} programs compared");
}
