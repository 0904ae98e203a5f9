//! Executables of the corpus: facts against YARA-X's own modules, and damaged copies.

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use wardround::binary::{Format, Inspected, Subject, Tools, inspect, judge};

fn corpus() -> Vec<(PathBuf, Vec<u8>)> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpus/binaries");
    let files: Vec<_> = walkdir::WalkDir::new(root)
        .sort_by_file_name()
        .into_iter()
        .flatten()
        .filter(|e| e.file_type().is_file())
        .map(|e| (e.path().to_owned(), fs::read(e.path()).unwrap()))
        .collect();
    if files.is_empty() {
        println!("skipped: no corpus");
    }
    files
}

/// What `pe.imphash()` gives where nothing is imported: MD5 of nothing.
const NOTHING: &str = "d41d8cd98f00b204e9800998ecf8427e";

fn yara_imphash(bytes: &[u8]) -> Option<String> {
    use std::cell::RefCell;
    use std::rc::Rc;
    let rules =
        yara_x::compile("import \"pe\"\nimport \"console\"\nrule r { condition: pe.is_pe and console.log(pe.imphash()) }")
            .unwrap();
    let said = Rc::new(RefCell::new(None));
    let mut scanner = yara_x::Scanner::new(&rules);
    let into = Rc::clone(&said);
    scanner.console_log(move |s| *into.borrow_mut() = Some(s));
    scanner.scan(bytes).unwrap();
    drop(scanner);
    let hash: Option<String> = said.borrow().clone();
    hash.filter(|h| h != NOTHING)
}

#[test]
fn import_hashes_equal_those_of_yara() {
    let mut checked = 0;
    for (path, bytes) in corpus() {
        if Format::sniff(&bytes) != Some(Format::Pe) {
            continue;
        }
        let ours = match inspect(&bytes) {
            Inspected::Facts(facts) => facts.imphash,
            other => {
                println!("{}: {other:?}", path.display());
                continue;
            }
        };
        assert_eq!(ours, yara_imphash(&bytes), "{}", path.display());
        checked += usize::from(ours.is_some());
    }
    println!("{checked} import hashes compared");
}

/// An import table with names, known and unknown ordinals, built by hand.
#[test]
fn import_hash_of_a_built_table() {
    let bytes = pe_with_imports();
    let Inspected::Facts(facts) = inspect(&bytes) else { panic!("no facts") };
    let ours = facts.imphash.expect("imports");
    assert_eq!(Some(&ours), yara_imphash(&bytes).as_ref());
    use md5::Digest as _;
    let text = "ws2_32.wsastartup,ws2_32.ord60000,oleaut32.sysallocstring,other.createfilew,other.ord7";
    let expected: String = md5::Md5::digest(text).iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(ours, expected);
}

fn pe_with_imports() -> Vec<u8> {
    const RVA: u32 = 0x1000;
    let mut data = vec![0u8; 0x400];
    let mut free = 0x100usize;
    let mut put = |data: &mut Vec<u8>, bytes: &[u8]| {
        let at = free;
        data[at..at + bytes.len()].copy_from_slice(bytes);
        free = (free + bytes.len() + 8) & !7;
        RVA + u32::try_from(at).unwrap()
    };
    let hint = put(&mut data, b"\0\0CreateFileW\0");
    let ordinal = |n: u64| (1u64 << 63) | n;
    let libraries: [(&[u8], Vec<u64>); 3] = [
        (b"WS2_32.dll\0", vec![ordinal(115), ordinal(60_000)]),
        (b"OLEAUT32.DLL\0", vec![ordinal(2)]),
        (b"Other.ocx\0", vec![u64::from(hint), ordinal(7)]),
    ];
    for (i, (name, thunks)) in libraries.iter().enumerate() {
        let mut table: Vec<u8> = thunks.iter().flat_map(|t| t.to_le_bytes()).collect();
        table.extend_from_slice(&[0; 8]);
        let (name, table) = (put(&mut data, name), put(&mut data, &table));
        let d = i * 20;
        data[d..d + 4].copy_from_slice(&table.to_le_bytes());
        data[d + 12..d + 16].copy_from_slice(&name.to_le_bytes());
        data[d + 16..d + 20].copy_from_slice(&table.to_le_bytes());
    }
    let mut b = vec![0u8; 0x200];
    b[..2].copy_from_slice(b"MZ");
    b[0x3c] = 0x40;
    b[0x40..0x44].copy_from_slice(b"PE\0\0");
    b[0x44..0x46].copy_from_slice(&0x8664u16.to_le_bytes());
    b[0x46] = 1;
    b[0x54..0x56].copy_from_slice(&240u16.to_le_bytes());
    b[0x56] = 0x22;
    b[0x58..0x5a].copy_from_slice(&0x20bu16.to_le_bytes());
    b[0x78..0x7c].copy_from_slice(&0x1000u32.to_le_bytes());
    b[0x7c..0x80].copy_from_slice(&0x200u32.to_le_bytes());
    b[0xc4] = 16;
    b[0xd0..0xd4].copy_from_slice(&RVA.to_le_bytes());
    b[0xd4..0xd8].copy_from_slice(&60u32.to_le_bytes());
    let s = 0x58 + 240;
    b[s..s + 6].copy_from_slice(b".rdata");
    b[s + 8..s + 12].copy_from_slice(&0x400u32.to_le_bytes());
    b[s + 12..s + 16].copy_from_slice(&RVA.to_le_bytes());
    b[s + 16..s + 20].copy_from_slice(&0x400u32.to_le_bytes());
    b[s + 20..s + 24].copy_from_slice(&0x200u32.to_le_bytes());
    b.extend_from_slice(&data);
    b
}

#[test]
fn facts_of_the_corpus() {
    let mut kinds = [0usize; 3];
    let tools = Tools::embedded();
    for (path, bytes) in corpus() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        match inspect(&bytes) {
            Inspected::Facts(facts) => {
                kinds[facts.format as usize] += 1;
                assert!(!facts.kind.is_empty(), "{name}");
                if name == "has_res_full_version_and_manifest.exe.bin" {
                    let version = facts.version.as_ref().expect("version information");
                    assert!(version.original_filename.is_some() && version.company_name.is_some(), "{version:?}");
                }
                if name == "hello_world_fat_binaries" {
                    assert_eq!((facts.kind.as_str(), facts.machine.as_str()), ("universal", "x86_64+arm64"));
                }
                println!("{name}: {} {} {} {:?}", facts.machine, facts.kind, facts.sections.len(), facts.notes);
            }
            Inspected::Panicked(format) => panic!("{name}: {format:?}"),
            other => println!("{name}: {other:?}"),
        }
        // Test programs of a parser's project are no finding.
        let facts = match inspect(&bytes) {
            Inspected::Facts(f) => Some(f),
            _ => None,
        };
        let subject = Subject { name: name.as_bytes(), path: "/x", head: &bytes, facts: facts.as_deref() };
        assert!(judge(&subject, &tools).reasons.iter().all(|r| r.weight < 40), "{name}");
    }
    println!("PE {} ELF {} Mach-O {}", kinds[0], kinds[1], kinds[2]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Damaged copies of real programs: bytes changed, runs set, ends cut.
    #[test]
    fn damaged_programs_never_panic(
        pick in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0usize..5), 1..12),
        keep in 0.05f64..1.0,
        in_headers in any::<bool>(),
    ) {
        let files = CORPUS.get_or_init(corpus);
        if files.is_empty() {
            return Ok(());
        }
        let mut bytes = files[pick.index(files.len())].1.clone();
        let reach = if in_headers { bytes.len().min(1024) } else { bytes.len() };
        for (at, value, run) in changes {
            let at = at.index(reach.max(1));
            for b in bytes.iter_mut().skip(at).take(1 << run) {
                *b = value;
            }
        }
        let length = (bytes.len() as f64 * keep) as usize;
        if !in_headers {
            bytes.truncate(length);
        }
        prop_assert!(!matches!(inspect(&bytes), Inspected::Panicked(_)));
    }
}

static CORPUS: std::sync::OnceLock<Vec<(PathBuf, Vec<u8>)>> = std::sync::OnceLock::new();

/// Programs and libraries of this system give no reason that would be a warning.
#[test]
fn ordinary_system_files_stay_quiet() {
    let most: u64 = std::env::var("WARDROUND_BENIGN_MIB").ok().and_then(|v| v.parse().ok()).unwrap_or(64) << 20;
    let mut seen = 0;
    let tools = Tools::embedded();
    for entry in walkdir::WalkDir::new("/usr").sort_by_file_name().into_iter().flatten() {
        if seen >= most || !entry.file_type().is_file() || entry.metadata().is_ok_and(|m| m.len() > 256 << 20) {
            continue;
        }
        let Ok(bytes) = fs::read(entry.path()) else { continue };
        seen += bytes.len() as u64;
        let facts = match inspect(&bytes) {
            Inspected::Facts(facts) => Some(facts),
            Inspected::Panicked(format) => panic!("{}: {format:?}", entry.path().display()),
            _ => None,
        };
        let path = entry.path().to_string_lossy();
        let name = entry.file_name().as_encoded_bytes();
        for r in judge(&Subject { name, path: &path, head: &bytes, facts: facts.as_deref() }, &tools).reasons {
            assert!(r.weight < 40, "{path}: {}", r.id);
            println!("{} {} {path}", r.weight, r.id);
        }
    }
    println!("{} MiB", seen >> 20);
}
