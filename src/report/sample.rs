//! A report with everything in it, for tests. All people and machines are invented.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::model::{
    Axis, Category, ContainerFacts, Digests, Disposition, Encrypted, Finding, Gap, GapReason, Individuals, Input, Kind, Level,
    Locator, Meta, Name, Object, PhiFacts, Reason, Rejected, Stage, Time, Times,
};

pub fn object(path: &str) -> Object {
    Object {
        locator: Locator::os(path),
        kind: Kind::File,
        meta: Meta {
            size: 4096,
            times: Times { mtime: Some(Time::from_seconds(1_790_000_000)), ..Times::default() },
            owner: Some("1000:1000".into()),
            mode: Some("0644".into()),
            id: Some((1, 2)),
        },
        origin: Some(Name::from("C:\\ProgramData\\x.zip")),
        hard_link_to: Some(Locator::os("/srv/data/first")),
        digests: Digests { sha256: Some([0xab; 32]), sha1: Some([1; 20]), md5: Some([2; 16]), crc32: Some(0xbeef) },
        file_type: Some("zip".into()),
        entropy_milli: Some(7998),
        read: 0,
        disposition: Disposition::Partial,
        reason: Some(GapReason::Encrypted),
        container: Some(ContainerFacts {
            format: "zip".into(),
            members: 3,
            encrypted: Encrypted::Some,
            made_by: Some("Unix, version 3.0 (as Info-ZIP writes)".into()),
            missing_volumes: vec!["x.z01".into()],
            limits: vec!["limit_ratio".into()],
            notes: vec!["duplicate_name".into(), "opened_with_password".into()],
            passwords: 3,
        }),
        inert: false,
        proved_by: None,
        reread: false,
        known_good: true,
    }
}

fn finding(id: &str, level: Level, category: Category, locator: Locator, title: &str) -> Finding {
    Finding {
        id: id.into(),
        level,
        score: 88,
        object_score: 91,
        category,
        title: title.into(),
        locator,
        reasons: vec![
            Reason::new("location.strong", "location", 60, "it lies in a folder that attackers use", "staging").on(Axis::Staging),
            Reason::new("archive.encrypted", "archive", 45, "the archive is encrypted", "staging")
                .on(Axis::Staging)
                .with(serde_json::json!({"members": 3, "kind": "aes"})),
            Reason::new("backup.name", "benign", -20, "its name is that of a backup", "staging").on(Axis::Benign),
        ],
        phi: None,
        techniques: vec!["T1560.001".into(), "T1074.001".into()],
    }
}

pub fn report() -> Report {
    let masker = Masker::OFF;
    let phi = Arc::new(PhiFacts {
        format: "x12-837".into(),
        records: 1200,
        individuals: Individuals { low: 980, best: 1004, high: 1200 },
        identifiers: BTreeMap::from([("member_id".into(), 1004), ("name".into(), 998), ("ssn".into(), 0)]),
        classes: vec!['A', 'B', 'C'],
        states: BTreeMap::from([("TX".into(), 996), ("NM".into(), 8)]),
        clinical: true,
        notes: vec!["claims of 2025 and 2026".into()],
        ..PhiFacts::default()
    });
    let zip = Locator::os("/srv/data/perflogs/a.zip");
    let mut staged =
        finding("f-0001", Level::Alert, Category::Staging, zip.clone(), "Encrypted archive of patient data in a staging folder");
    staged.phi = Some(phi.clone());
    let mut held =
        finding("f-0003", Level::Info, Category::PhiAtRest, zip.member("claims\u{202e}.837", 0), "Patient data: x12-837");
    held.phi = Some(phi);
    let tool = finding(
        "f-0002",
        Level::Warning,
        Category::Yara,
        Locator::os("/srv/<script>alert(1)</script>\u{1b}[2J.exe"),
        "Rule <b>tool</b> matched",
    );
    let zipped = object("/srv/data/perflogs/a.zip");
    let findings = vec![
        FindingRow::new(&tool, Some(&object("/srv/x.exe")), &masker),
        FindingRow::new(&staged, Some(&zipped), &masker).with_names(&[Locator::os("/srv/data/b.zip")], &masker),
        FindingRow::new(&held, None, &masker),
    ];
    let mut gaps = GapTable::new(2);
    for n in 0..5 {
        let at = Locator::os(format!("/root/closed{n}").as_str());
        gaps.push(Gap::new(&at, Stage::Walk, GapReason::Permission, "the folder could not be listed"));
    }
    gaps.push(
        Gap::new(&zip.member("b.pdf", 2), Stage::Container, GapReason::Encrypted, "1 member is encrypted").bytes(123_456_789),
    );
    let by_reason = gaps.by_reason();
    Report {
        schema: REPORT_SCHEMA.into(),
        tool: Tool {
            name: "wardround".into(),
            version: "0.1.0".into(),
            sha256: Some("cd".repeat(32)),
            target: "x86_64-unknown-linux-gnu".into(),
        },
        case: Case {
            id: Some("2026-014".into()),
            examiner: Some("R. Example".into()),
            note: Some("Front desk PC".into()),
            authority: Some("Engagement letter of 1 Nov 2026".into()),
            evidence_id: Some("E-7".into()),
            received_from: Some("B. Clerk, 1 Nov 2026".into()),
        },
        parent: None,
        host: Host {
            name: "frontdesk-2".into(),
            os: "linux".into(),
            os_version: Some("Debian 12".into()),
            machine_id_sha256: Some("ef".repeat(32)),
            timezone: Some("America/Chicago".into()),
            boot_time: Some("2026-11-01T06:00:00Z".into()),
            privileges: Some("root".into()),
        },
        run: Run {
            id: "r-1".into(),
            command: vec!["wardround".into(), "scan".into(), "/srv".into()],
            started: "2026-11-24T02:00:00Z".into(),
            finished: "2026-11-24T02:03:20Z".into(),
            duration_ms: 200_000,
            threads: 2,
            resumed: false,
            deaths: Vec::new(),
            interrupted: false,
            ended_for: None,
            baseline: None,
            case_folder: Some("/cases/1".into()),
            peak_memory: Some(300 << 20),
        },
        inputs: Inputs {
            rules: vec![Input {
                name: "pack.yar".into(),
                sha256: Some("11".repeat(32)),
                kind: Some("yara".into()),
                loaded: 120,
                rejected: vec![Rejected { place: "bad.yar:7".into(), why: "syntax error: unexpected `}`".into() }],
                ..Input::default()
            }],
            indicators: vec![Input {
                name: "hashes.txt".into(),
                sha256: Some("22".repeat(32)),
                kind: Some("hash-list".into()),
                loaded: 900,
                rejected: vec![],
                ..Input::default()
            }],
            known_good: vec![],
            options_sha256: "33".repeat(32),
        },
        targets: vec![Target {
            path: "/srv".into(),
            kind: TargetKind::Mounted,
            fs_type: Some("ext4".into()),
            volume_id: Some("0a1b".into()),
            atime_protection: "O_NOATIME".into(),
            image_digest: None,
            notes: vec!["mapped to C:".into()],
        }],
        coverage: Coverage {
            discovered: 41_234,
            examined: 41_200,
            partial: 20,
            skipped: 9,
            failed: 5,
            bytes_discovered: 9_876_543_210,
            bytes_examined: 9_753_086_421,
            known_good: 31_000,
            bytes_known_good: 4_000_000_000,
            verdict: CoverageVerdict::Incomplete,
            by_reason,
        },
        gaps: gaps.rows(&masker),
        phi: PhiTotals {
            individuals: People { low: 980, best: 1004, high: 1200 },
            method: "union_find".into(),
            by_state: BTreeMap::from([("TX".into(), 996), ("NM".into(), 8)]),
            by_identifier: BTreeMap::from([("member_id".into(), 1004), ("name".into(), 998)]),
            formats: BTreeMap::from([("x12-837".into(), 1)]),
            opaque_bytes: 123_456_789,
            four_factor_inputs: four_factor(&findings),
            self_scan: SelfScan { passed: true, ..SelfScan::default() },
            small_cells: true,
        },
        findings,
        limitations: vec![],
        footprint: Footprint {
            same_volume: false,
            statements: vec!["Only the case folder was written.".into()],
            ..Footprint::default()
        },
        integrity: Integrity { inventory_sha256: "44".repeat(32), journal_head: "55".repeat(32), ..Integrity::default() },
    }
}
