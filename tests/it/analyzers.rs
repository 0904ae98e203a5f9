//! The analyzers of rules and executables, through the seam that the engine uses.

use std::fs;
use std::path::Path;

use wardround::analyze::{Analyzer, BinaryAnalyzer, Findings, Head, Whole, YaraAnalyzer};
use wardround::model::{Category, Digests, Disposition, GapReason, Kind, Locator, Meta, Name, Object, Stage};
use wardround::signature::RuleSet;

/// What an analyzer says of one object.
struct Case<'a> {
    locator: Locator,
    origin: Option<Name>,
    bytes: &'a [u8],
    held: bool,
    md5: Option<[u8; 16]>,
}

impl<'a> Case<'a> {
    fn new(path: &str, bytes: &'a [u8]) -> Self {
        Self { locator: Locator::os(path), origin: None, bytes, held: true, md5: None }
    }

    fn run(&self, analyzer: &dyn Analyzer) -> Findings {
        let meta = Meta { size: self.bytes.len() as u64, owner: Some("0:0".to_owned()), ..Meta::default() };
        let head = || Head {
            locator: &self.locator,
            kind: Kind::File,
            meta: &meta,
            origin: self.origin.as_ref(),
            other_names: &[],
            bytes: &self.bytes[..self.bytes.len().min(64 << 10)],
            file_type: "exe",
            held: self.held,
        };
        let digests = Digests { md5: self.md5, ..Digests::default() };
        let mut worker = analyzer.worker();
        worker.begin(&head());
        let mut offset = 0;
        for chunk in self.bytes.chunks(256 << 10) {
            worker.feed(offset, chunk);
            offset += chunk.len() as u64;
        }
        let mut out = Findings::default();
        let body = self.held.then_some(self.bytes);
        worker.finish(&Whole::new(head(), meta.size, &digests, 0, body), &mut out);
        out
    }
}

fn yara(text: &str) -> YaraAnalyzer {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.yar");
    fs::write(&path, text).unwrap();
    let (set, reports) = RuleSet::load(&[path], false, None).unwrap();
    assert!(reports[0].rejected.is_empty(), "{reports:?}");
    YaraAnalyzer::new(set)
}

#[test]
fn one_evidence_an_object_one_reason_a_rule() {
    let analyzer = yara(
        "rule C : T1048 { meta: description = \"third \\x1b[2J\" score = 50 condition: true }
         rule A { meta: mitre_attack = \"T1567.002, x\" score = 90 strings: $a = \"hidden\" condition: $a }
         rule B { condition: true }
         rule D : falsepositive { meta: score = 30 condition: true }",
    );
    let out = Case::new("/x/a.bin", b"..hidden..").run(&analyzer);
    assert!(out.gaps.is_empty());
    let [e] = out.evidence.as_slice() else { panic!("{:?}", out.evidence) };
    assert_eq!((e.category, e.title.as_str()), (Category::Yara, "YARA: A, B, C (+1)"));
    assert_eq!(e.techniques, ["T1048", "T1567.002"]);
    let said: Vec<_> = e.reasons.iter().map(|r| (r.id.as_str(), r.group.as_str(), r.weight, r.source.as_str())).collect();
    assert_eq!(
        said,
        [
            ("yara.A", "yara.A", 90, "t.yar:A"),
            ("yara.B", "yara.B", 75, "t.yar:B"),
            ("yara.C", "yara.C", 50, "t.yar:C"),
            ("yara.D", "yara.D", -30, "t.yar:D"),
        ]
    );
    let detail = e.reasons[0].detail.as_ref().unwrap();
    assert_eq!(detail["patterns"], serde_json::json!([{"id": "$a", "offset": 2, "length": 6}]));
    assert_eq!(e.reasons[2].text, "third \\u{1b}[2J");
    assert!(!format!("{out:?}", out = e).contains("hidden"));
    assert!(Case::new("/x/b", b"").run(&yara("rule N { condition: false }")).evidence.is_empty());
}

#[test]
fn externals_come_from_the_place_of_the_object() {
    let rules = |c: &str| yara(&format!("rule R {{ condition: {c} }}"));
    let holds = |case: &Case<'_>, c: &str| !case.run(&rules(c)).evidence.is_empty();
    let plain = Case::new("/srv/Data/A.b.EXE", b"x");
    let all = r#"filename == "A.b.EXE" and filepath == "/srv/Data" and extension == ".exe" and filetype == "EXE" and owner == "0:0" and md5 == """#;
    assert!(holds(&plain, all));
    let mapped = Case { origin: Some(Name::from(r"C:\Users\x\n.txt")), ..Case::new("/mnt/e/Users/x/n.txt", b"x") };
    assert!(holds(&mapped, r#"filepath == "C:\\Users\\x" and filename == "n.txt""#));
    let member = Case { locator: Locator::os("/a/b.zip").member("d/.profile", 0), ..Case::new("", b"x") };
    assert!(holds(&member, r#"filepath == "/a/b.zip/d" and filename == ".profile" and extension == """#));
    let digest = Case { md5: Some([0xab; 16]), ..Case::new("/x", b"x") };
    assert!(holds(&digest, "md5 == \"abababababababababababababababab\""));
    assert!(!holds(&digest, "md5 == \"\""));
}

#[test]
fn objects_above_the_body_limit_are_seen_in_windows_and_partial() {
    let analyzer = yara("rule R { strings: $a = \"needle\" condition: $a }\nrule H { condition: uint16(0) == 0x5a4d }");
    let mut bytes = vec![0u8; 40 << 20];
    bytes[..2].copy_from_slice(b"MZ");
    bytes[(39 << 20)..(39 << 20) + 6].copy_from_slice(b"needle");
    let out = Case { held: false, ..Case::new("/x", &bytes) }.run(&analyzer);
    assert_eq!(out.evidence[0].title, "YARA: H, R");
    let [gap] = out.gaps.as_slice() else { panic!("{:?}", out.gaps) };
    assert_eq!((gap.stage, gap.reason), (Stage::Yara, GapReason::LimitBody));
    // An object that ended early leaves nothing behind for the next one.
    let mut worker = analyzer.worker();
    let locator = Locator::os("/x");
    let meta = Meta::default();
    let head = |held| Head {
        locator: &locator,
        kind: Kind::File,
        meta: &meta,
        origin: None,
        other_names: &[],
        bytes: b"",
        file_type: "data",
        held,
    };
    worker.begin(&head(false));
    worker.feed(0, b"needle");
    worker.abort();
    worker.begin(&head(true));
    let mut out = Findings::default();
    let digests = Digests::default();
    worker.finish(&Whole::new(head(true), 1, &digests, 0, Some(b"x")), &mut out);
    assert!(out.evidence.is_empty() && out.gaps.is_empty());
}

#[test]
fn programs_of_the_embedded_pack() {
    let (set, _) = RuleSet::load(&[], true, None).unwrap();
    let analyzer = YaraAnalyzer::new(set);
    let wide = |s: &str| s.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let program = |parts: &[Vec<u8>], size: usize| {
        let mut b = b"MZ\0\0".to_vec();
        for p in parts {
            b.extend_from_slice(p);
            b.extend_from_slice(&[0, 0]);
        }
        b.resize(b.len().max(size), 0);
        b
    };
    let title = |path: &str, bytes: &[u8]| Case::new(path, bytes).run(&analyzer).evidence.first().map(|e| e.title.clone());
    let psexec = program(&[wide("Software\\Sysinternals"), wide("PSEXESVC")], 0);
    assert_eq!(title("/x/svc.exe", &psexec).as_deref(), Some("YARA: PsExec_Renamed"));
    assert_eq!(title("/x/PsExec64.exe", &psexec), None);
    let module = |s: &str| ["github.com/rclone", s].join("/").into_bytes();
    let rclone = program(&[module("rclone/cmd"), module("rclone/fs/sync"), b"rclone.conf".to_vec()], 5 << 20);
    assert_eq!(title("/x/svchost.exe", &rclone).as_deref(), Some("YARA: Rclone_Program_Renamed, Rclone_Program"));
    assert_eq!(title("/x/rclone.exe", &rclone).as_deref(), Some("YARA: Rclone_Program"));
    let thief = program(&[wide("kuhl_m_sekurlsa"), wide("lsadump"), wide("mimidrv.sys")], 0);
    assert_eq!(title("/x/a.exe", &thief).as_deref(), Some("YARA: Mimikatz_Program"));
    let mut dump = b"MDMP\x93\xa7".to_vec();
    dump.extend(wide("C:\\Windows\\System32\\lsass.exe"));
    dump.extend(wide("C:\\Windows\\System32\\lsasrv.dll"));
    assert_eq!(title("/x/a.dmp", &dump).as_deref(), Some("YARA: Lsass_Memory_Dump"));
    dump[0] = b'X';
    assert_eq!(title("/x/a.dmp", &dump), None);
}

#[test]
fn executables_and_names() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/binary/pe_version.bin");
    let program = fs::read(path).unwrap();
    let run = |case: Case<'_>| case.run(&BinaryAnalyzer).evidence;
    assert!(run(Case::new("/opt/rclone.exe", &program)).is_empty());
    let found = run(Case::new("/opt/svchost.exe", &program));
    let [e] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((e.category, e.techniques.as_slice()), (Category::Binary, ["T1036.003".to_owned()].as_slice()));
    assert_eq!((e.reasons[0].id.as_str(), e.reasons[0].weight), ("binary.renamed_tool", 70));
    let facts = &e.reasons[0].detail.as_ref().unwrap()["binary"];
    assert_eq!((&facts["version"]["original_filename"], &facts["signed"]), (&"rclone.exe".into(), &false.into()));
    let found = run(Case::new("/home/a/scan.pdf.exe", &program));
    let ids: Vec<_> = found[0].reasons.iter().map(|r| r.id.as_str()).collect();
    assert_eq!(ids, ["name.double_extension", "binary.renamed_tool"]);
    // Of what isn't held whole, name and magic still count.
    let found = run(Case { held: false, ..Case::new("/home/a/scan.pdf", &program) });
    assert_eq!(found[0].reasons[0].id, "binary.disguised");
    assert!(run(Case::new("/home/a/notes.txt", b"MZ is how it starts")).is_empty());
    assert!(run(Case::new("/home/a/empty.exe", b"")).is_empty());
    let out = Case::new("/home/a/cut.exe", &program[..0x60]).run(&BinaryAnalyzer);
    assert!(out.evidence.is_empty() && out.gaps.is_empty());
}

#[test]
fn names_without_content() {
    let analyzer = BinaryAnalyzer;
    let said = |name: &str, kind: Kind| {
        let object = Object { disposition: Disposition::Skipped, ..Object::new(Locator::os(name), kind, Meta::default()) };
        let mut out = Findings::default();
        analyzer.worker().name_only(&object, &mut out);
        out.evidence.into_iter().map(|e| e.reasons[0].id.clone()).collect::<Vec<_>>()
    };
    assert_eq!(said("/x/bill.pdf.exe", Kind::Member), ["name.double_extension"]);
    assert!(said("/x/bill.pdf.exe", Kind::Symlink).is_empty());
    assert_eq!(said("/x/\u{202e}fdp.exe", Kind::Dir), ["name.bidi_override"]);
    assert!(said("/x/report.pdf", Kind::Member).is_empty());
}

/// Public rule files load whole.
#[test]
fn rules_of_the_corpus() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpus/ioc/yara"));
    if !folder.exists() {
        println!("skipped: no corpus");
        return;
    }
    let (set, reports) = RuleSet::load(&[folder.to_owned()], false, None).unwrap();
    for report in &reports {
        assert!(report.loaded > 0 && report.rejected.is_empty(), "{report:?}");
    }
    assert!(reports.len() > 10 && set.len() >= reports.len());
}
