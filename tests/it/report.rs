//! The case folder as others see it: checked with ordinary tools, where they are installed.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use wardround::model::{Category, Digests, Finding, Kind, Level, Locator, Meta, Object, Reason};
use wardround::report::*;

fn object(n: u64) -> Object {
    Object {
        digests: Digests { sha256: Some([7; 32]), ..Digests::default() },
        file_type: Some("text".into()),
        entropy_milli: Some(4210),
        ..Object::new(Locator::os(format!("/srv/clinic/file-{n}.txt").as_str()), Kind::File, Meta { size: n, ..Meta::default() })
    }
}

fn finding(n: u64) -> FindingRow {
    let object = object(n);
    let finding = Finding {
        id: format!("{n:016x}"),
        level: if n == 0 { Level::Alert } else { Level::Notice },
        score: 80,
        object_score: 80,
        category: Category::Ioc,
        title: "A hash of the intruder's tools — “é”".into(),
        locator: object.locator.clone(),
        reasons: vec![
            Reason::new("hash.sha256", "hash", 100, "its SHA-256 is listed", "hashes.txt:4")
                .with(serde_json::json!({"z": 1, "a": ["\u{1}", 0.5]})),
        ],
        phi: None,
        techniques: vec![],
    };
    FindingRow::new(&finding, Some(&object), &Masker::OFF)
}

/// A report with no more than it must have.
fn report() -> Report {
    Report {
        schema: REPORT_SCHEMA.into(),
        tool: Tool { name: "wardround".into(), ..Tool::default() },
        case: Case::default(),
        parent: None,
        host: Host { name: "h".into(), ..Host::default() },
        run: Run::default(),
        inputs: Inputs::default(),
        targets: vec![Target { path: "/srv".into(), ..Target::default() }],
        coverage: Coverage { discovered: 3, examined: 3, verdict: CoverageVerdict::Complete, ..Coverage::default() },
        gaps: vec![],
        findings: (0..3).map(finding).collect(),
        phi: PhiTotals::default(),
        limitations: vec![],
        footprint: Footprint::default(),
        integrity: Integrity::default(),
    }
}

/// The output of a shell command in the case folder; `None` where a tool is not installed.
fn shell(dir: &Path, tools: &[&str], command: &str) -> Option<(bool, Vec<u8>)> {
    for tool in tools {
        let there = Command::new(tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if there.is_err() {
            println!("skipped: {tool} is not installed");
            return None;
        }
    }
    let out = Command::new("sh").args(["-c", command]).current_dir(dir).output().ok()?;
    Some((out.status.success(), out.stdout))
}

#[test]
fn a_case_folder_verifies_with_ordinary_tools() {
    let dir = tempfile::tempdir().unwrap();
    let case = CaseFolder::create(&dir.path().join("case")).unwrap();
    let mut inventory = case.inventory().unwrap();
    for n in 0..30_000 {
        inventory.push(&InventoryRow::from(&object(n))).unwrap();
    }
    let inventory = inventory.finish().unwrap();
    case.create_file("journal/0001.jsonl").unwrap().write_all(b"{}\n").unwrap();

    let mut report = report();
    report.integrity.inventory_sha256 = inventory.sha256;
    report.seal(&Masker::OFF).unwrap();
    let written = case.write_report(&report).unwrap();
    assert_eq!(written.iter().map(|w| w.name.as_str()).collect::<Vec<_>>(), ["report.json", "report.html", "findings.jsonl"]);
    case.write_manifest(None, "00", &report.integrity.findings_sha256, &SealKey::ephemeral().unwrap(), false).unwrap();

    let check = r#"jq -r '.files[] | "\(.sha256)  \(.path)"' manifest.json | sha256sum -c --quiet"#;
    if let Some((good, _)) = shell(case.path(), &["jq", "sha256sum"], check) {
        assert!(good, "the manifest does not verify");
        std::fs::write(case.path().join("findings.jsonl"), "{}\n").unwrap();
        assert!(!shell(case.path(), &[], check).unwrap().0, "a changed file was not noticed");
    }
    if let Some((_, out)) = shell(case.path(), &["jq", "sha256sum"], "jq -cS '.findings[]' report.json | sha256sum") {
        let digest = String::from_utf8(out).unwrap();
        assert!(digest.starts_with(&report.integrity.findings_sha256), "{digest}");
    }
    if let Some((good, out)) = shell(case.path(), &["zstd"], "zstd -dcq inventory.jsonl.zst") {
        assert!(good);
        let rows: Vec<InventoryRow> =
            out.split(|b| *b == b'\n').filter(|l| !l.is_empty()).map(|l| serde_json::from_slice(l).unwrap()).collect();
        assert_eq!(rows.len(), 30_000);
        assert_eq!(rows[29_999], InventoryRow::from(&object(29_999)));
    }
}

#[test]
fn two_reports_of_the_same_findings_are_byte_identical() {
    let mut one = report();
    let mut two = report();
    two.findings.reverse();
    one.seal(&Masker::OFF).unwrap();
    two.seal(&Masker::OFF).unwrap();
    for writer in REGISTRY {
        let bytes = |report: &Report| {
            let mut out = Vec::new();
            writer.write(report, &mut out).unwrap();
            out
        };
        assert!(bytes(&one) == bytes(&two), "{}", writer.id());
    }
}
