//! `wardround merge`: a generated fleet with a rare finding planted in it, hosts that never reported, and people who are
//! on several hosts. `WARDROUND_FLEET_HOSTS=10000` makes it as large as the promise (see `tests/tools/fleet.sh`).

use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Instant;

use rayon::prelude::*;
use serde_json::Value;
use wardround::model::{
    Category, Census, Digests, Finding, Kind, Level, Locator, Meta, Object, Person, Reason, Token, TokenKind,
};
use wardround::report::*;

use super::support::program;

/// Findings that every host has of a pool that many hosts share, and of one that few do.
const FINDINGS: u64 = 40;
const LOCAL: u64 = 60;
/// People on every host; neighbours share half of them.
const PEOPLE: u64 = 400;

/// A bijection that spreads (splitmix64), so that everything here is the same on every machine.
fn spread(i: u64) -> u64 {
    let mut z = i.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn finding(path: &str, level: Level, digest: [u8; 32], reason: Reason, category: Category) -> FindingRow {
    let locator = Locator::os(path);
    let object = Object {
        digests: Digests { sha256: Some(digest), ..Digests::default() },
        file_type: Some("pe".into()),
        ..Object::new(locator.clone(), Kind::File, Meta { size: 4096, ..Meta::default() })
    };
    let finding = Finding {
        id: wardround::model::text::hex(&digest[..8]),
        level,
        score: if level == Level::Alert { 90 } else { 50 },
        object_score: 90,
        category,
        title: reason.text.clone(),
        locator,
        reasons: vec![reason],
        phi: None,
        techniques: vec!["T1560.001".into()],
    };
    FindingRow::new(&finding, Some(&object), &Masker::OFF)
}

fn background(n: u64) -> FindingRow {
    let mut digest = [0; 32];
    digest[..8].copy_from_slice(&spread(n).to_be_bytes());
    let id = format!("yara.Common_Tool_{n:04}");
    let reason = Reason::new(id.clone(), id, 50, format!("matches the rule Common_Tool_{n:04}"), "pack.yar");
    finding(&format!("/usr/lib/vendor/tool-{n:04}.bin"), Level::Notice, digest, reason, Category::Yara)
}

fn planted() -> FindingRow {
    let reason = Reason::new("hash.sha256", "hash", 100, "its SHA-256 is listed <b>", "intel/breach.csv:7");
    finding("/tmp/.x/<script>rclone</script>", Level::Alert, [0xab; 32], reason, Category::Ioc)
}

/// Which hosts have the planted finding.
fn is_planted(host: u64, hosts: u64) -> bool {
    host == hosts / 3 || host == hosts / 2
}

fn is_incomplete(host: u64) -> bool {
    host.is_multiple_of(50)
}

fn case_of(host: u64, hosts: u64) -> (Report, Census) {
    let mut findings: Vec<FindingRow> = (0..FINDINGS).map(|n| background((host * 7 + n * 13) % (FINDINGS * 10))).collect();
    // Each on three hosts or a few more.
    let group = host % (hosts / 3).max(1);
    findings.extend((0..LOCAL).map(|n| background(1_000_000 + group * LOCAL + n)));
    if is_planted(host, hosts) {
        findings.push(planted());
    }
    let people: Vec<Person> = (0..PEOPLE)
        .map(|n| host * PEOPLE / 2 + n)
        .map(|p| Person {
            tokens: [(TokenKind::Mrn, 1), (TokenKind::NameBirth, 2)]
                .map(|(kind, salt)| Token { kind, hash: u128::from(spread(p ^ salt << 60)) })
                .into(),
            state: None,
        })
        .collect();
    let incomplete = u64::from(is_incomplete(host));
    let mut report = Report {
        schema: REPORT_SCHEMA.into(),
        tool: Tool { name: "wardround".into(), version: "0.1.0".into(), ..Tool::default() },
        case: Case::default(),
        parent: None,
        host: Host { name: format!("host-{host:05}"), os: "windows".into(), ..Host::default() },
        run: Run {
            id: format!("run-{host}"),
            // The one who saw the planted file first is the later in the alphabet.
            started: format!("2026-11-{:02}T02:00:00Z", if host == hosts / 2 { 2 } else { 3 + host % 20 }),
            finished: format!("2026-11-{:02}T03:00:00.5Z", 3 + host % 20),
            ..Run::default()
        },
        inputs: Inputs::default(),
        targets: vec![Target { path: "/".into(), ..Target::default() }],
        coverage: Coverage {
            discovered: 1000,
            examined: 1000 - incomplete,
            failed: incomplete,
            verdict: if incomplete > 0 { CoverageVerdict::Incomplete } else { CoverageVerdict::Complete },
            by_reason: (incomplete > 0).then(|| ("permission".to_owned(), 1)).into_iter().collect(),
            ..Coverage::default()
        },
        gaps: vec![],
        findings,
        phi: PhiTotals { individuals: People { low: PEOPLE, best: PEOPLE, high: PEOPLE }, ..PhiTotals::default() },
        limitations: vec![],
        footprint: Footprint::default(),
        integrity: Integrity::default(),
    };
    report.seal(&Masker::OFF).unwrap();
    (report, Census::of(&people))
}

/// Writes a fleet of `hosts` cases; gives how many people there are.
fn generate(root: &Path, hosts: u64, key_of: impl Fn(u64) -> Option<&'static str> + Sync) -> u64 {
    (0..hosts).into_par_iter().for_each(|host| {
        let dir = root.join(format!("{:02}/host-{host:05}", host % 100));
        std::fs::create_dir_all(&dir).unwrap();
        let (report, census) = case_of(host, hosts);
        std::fs::write(dir.join("report.json"), serde_json::to_vec(&report).unwrap()).unwrap();
        if let Some(key) = key_of(host) {
            let registers = RegistersFile::new(key.into(), &census);
            std::fs::write(dir.join(REGISTERS), serde_json::to_vec(&registers).unwrap()).unwrap();
        }
    });
    (hosts - 1) * PEOPLE / 2 + PEOPLE
}

fn merge(cases: &[&Path], out: &Path, flags: &[&str]) -> Output {
    program().arg("merge").args(cases).arg("--out").arg(out).args(flags).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn fleet(out: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(out.join("fleet.json")).unwrap()).unwrap()
}

/// A scratch folder; a large one can be given so that it is kept.
fn scratch() -> (Option<tempfile::TempDir>, PathBuf) {
    match std::env::var_os("WARDROUND_FLEET_DIR") {
        Some(dir) => (None, PathBuf::from(dir)),
        None => {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().to_owned();
            (Some(dir), path)
        }
    }
}

#[test]
fn a_fleet_is_merged_and_what_is_rare_comes_first() {
    let hosts: u64 = std::env::var("WARDROUND_FLEET_HOSTS").ok().and_then(|n| n.parse().ok()).unwrap_or(200);
    let (_keep, dir) = scratch();
    let cases = dir.join("cases");
    let clock = Instant::now();
    let truth = generate(&cases, hosts, |_| Some("key-1"));
    eprintln!("generated {hosts} cases in {:.1} s", clock.elapsed().as_secs_f64());
    let expected = dir.join("expected.txt");
    let names: String = (0..hosts).map(|n| format!("HOST-{n:05}.clinic.test\n")).collect();
    std::fs::write(&expected, format!("# all desks\n{names}frontdesk-9\nxray-2\n")).unwrap();

    let out = dir.join("fleet");
    let clock = Instant::now();
    let output = merge(&[&cases], &out, &["--expected", expected.to_str().unwrap()]);
    let seconds = clock.elapsed().as_secs_f64();
    eprintln!("merged in {seconds:.1} s\n{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));

    let fleet = fleet(&out);
    assert_eq!(fleet["totals"]["hosts"], hosts);
    assert_eq!(fleet["totals"]["alert"], 2);
    assert_eq!(fleet["totals"]["incomplete"], hosts.div_ceil(50));
    assert_eq!(fleet["never_reported"], serde_json::json!(["frontdesk-9", "xray-2"]));
    assert_eq!(fleet["unexpected"], serde_json::json!([]));
    // The planted object and the indicator that lists it, on two hosts; everything else is on more.
    let first: Vec<&Value> = fleet["stack"].as_array().unwrap().iter().take(2).collect();
    assert_eq!(first[0]["value"], "ab".repeat(32));
    assert_eq!(first[1]["value"], "intel/breach.csv:7");
    for row in &first {
        assert_eq!((row["hosts"].as_u64(), row["level"].as_str()), (Some(2), Some("alert")));
        assert_eq!(row["first_host"], format!("host-{:05}", hosts / 2));
        assert_eq!(row["first_seen"], "2026-11-02T02:00:00Z");
    }
    assert!(fleet["stack"][2]["hosts"].as_u64() > Some(2));
    // The hosts with alerts come first, then by name, the incomplete ones before the others.
    assert_eq!(fleet["hosts"][0]["findings"]["alert"], 1);
    assert_eq!(fleet["hosts"].as_array().unwrap().len() as u64, hosts);
    let best = fleet["people"]["distinct"]["best"].as_u64().unwrap();
    eprintln!("people: {best}, in truth {truth}, off by {:.2} %", best.abs_diff(truth) as f64 * 100.0 / truth as f64);
    assert!(best.abs_diff(truth) * 100 <= truth * 2, "{best}, in truth {truth}");
    assert!(fleet["people"]["sum_with_registers"].as_u64().unwrap() == hosts * PEOPLE);

    let html = std::fs::read_to_string(out.join("fleet.html")).unwrap();
    assert!(html.contains("default-src 'none'") && !html.contains("<script") && html.contains("xray-2"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |p: &Path| std::fs::metadata(p).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&out), mode(&out.join("fleet.json")), mode(&out.join("fleet.html"))), (0o700, 0o600, 0o600));
    }
    // The same again, the schema, and the page.
    if hosts <= 1000 {
        super::exports::page_is_valid("fleet", &html);
        let again = dir.join("again");
        merge(&[&cases, &cases.join("00")], &again, &["--expected", expected.to_str().unwrap(), "--quiet"]);
        assert!(std::fs::read(again.join("fleet.json")).unwrap() == std::fs::read(out.join("fleet.json")).unwrap());
        let validator = jsonschema::validator_for(&schema::fleet_schema()).unwrap();
        let errors: Vec<String> = validator.iter_errors(&fleet).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}");
        let mut broken = fleet.clone();
        broken["totals"]["hosts"] = "many".into();
        assert!(!validator.is_valid(&broken));
        assert_eq!(merge(&[&cases], &out, &[]).status.code(), Some(73), "the folder holds files");
    }
}

#[test]
fn what_can_not_be_merged_is_said_and_what_is_damaged_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    let (mixed, some) = (root.join("mixed"), root.join("some"));
    generate(&mixed, 6, |host| Some(if host == 4 { "other" } else { "key-1" }));
    let refused = merge(&[&mixed], &root.join("f1"), &[]);
    assert_eq!(refused.status.code(), Some(64));
    assert!(stderr(&refused).contains("different case keys") && stderr(&refused).lines().count() == 1, "{}", stderr(&refused));
    assert!(!root.join("f1").exists());

    generate(&some, 8, |host| (host != 5).then_some("key-1"));
    let case = |n: u64| some.join(format!("{n:02}/host-{n:05}"));
    std::fs::write(case(1).join("report.json"), "{}").unwrap();
    let text = std::fs::read_to_string(case(2).join("report.json")).unwrap();
    std::fs::write(case(2).join("report.json"), text.replacen("Common_Tool", "Uncommon_Tool", 1)).unwrap();
    std::fs::write(case(3).join(REGISTERS), "{").unwrap();
    std::fs::remove_file(case(6).join("report.json")).unwrap();
    std::fs::create_dir(case(6).join("journal")).unwrap();
    let out = root.join("f2");
    let output = merge(&[&some], &out, &["--format", "json"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    let fleet = fleet(&out);
    assert_eq!(fleet["totals"]["hosts"], 5);
    let unusable: Vec<&str> = fleet["unusable"].as_array().unwrap().iter().map(|u| u["why"].as_str().unwrap()).collect();
    assert_eq!(unusable.len(), 3, "{unusable:?}");
    assert!(
        unusable[0].contains("is not what wardround writes")
            && unusable[1].contains("changed")
            && unusable[2].contains("journal")
    );
    assert_eq!(fleet["people"]["damaged_registers"].as_array().unwrap().len(), 1);
    assert_eq!(fleet["people"]["without_registers"], serde_json::json!(["host-00003", "host-00005"]));
    assert_eq!(fleet["people"]["hosts_with_registers"], 3);

    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["exit"], 2);
    let code = |cases: &[&Path], out: &Path, flags: &[&str]| merge(cases, out, flags).status.code();
    assert_eq!(code(&[&root.join("none")], &root.join("f3"), &[]), Some(64));
    std::fs::create_dir(root.join("empty")).unwrap();
    assert_eq!(code(&[&root.join("empty")], &root.join("f3"), &[]), Some(64));
    assert_eq!(code(&[&some], &case(0).join("fleet"), &[]), Some(64), "inside a case");
    assert_eq!(code(&[&some], &root.join("f3"), &["--expected", root.join("none").to_str().unwrap()]), Some(64));
    assert!(!root.join("f3").exists());
}
