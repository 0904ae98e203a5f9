//! STIX patterns, from the bundle to the finding.

use std::path::Path;
use std::sync::Arc;

use serde_json::json;
use wardround::analyze::{Analyzer, Findings, Head, IocAnalyzer, Whole};
use wardround::ioc::IndicatorSet;
use wardround::model::{Input, Kind, Locator, Meta, Name, Time, Times};
use wardround::reader::{Hasher, Want};

use crate::support::{Scene, corpus};

fn bundle(indicators: &[serde_json::Value]) -> String {
    json!({"type": "bundle", "id": "bundle--1", "objects": indicators}).to_string()
}

fn indicator(id: &str, pattern: &str) -> serde_json::Value {
    json!({"type": "indicator", "id": format!("indicator--{id}"), "pattern_type": "stix", "pattern": pattern, "name": "known thing"})
}

fn load(text: &str) -> (IndicatorSet, Input) {
    let (set, mut reports) = IndicatorSet::from_contents(&[("bundle.json", text.as_bytes())]).expect("loads");
    (set, reports.remove(0))
}

/// Weights of what the indicators say of the object of the table.
fn weights(set: IndicatorSet) -> Vec<i32> {
    let content = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/stix/object.txt")).expect("an object");
    let analyzer = IocAnalyzer::new(Arc::new(set));
    let mut worker = analyzer.worker();
    let locator = Locator::os("/mnt/e/Users/clerk/AppData/Roaming/Svc/Evil-Agent.exe");
    let origin = Name::from(r"C:\Users\clerk\AppData\Roaming\Svc\Evil-Agent.exe");
    let mtime: jiff::Timestamp = "2026-10-01T12:00:00Z".parse().expect("a time");
    let meta = Meta {
        size: content.len() as u64,
        times: Times { mtime: Some(Time(mtime.as_nanosecond())), ..Times::default() },
        ..Meta::default()
    };
    let head = || Head {
        locator: &locator,
        kind: Kind::File,
        meta: &meta,
        origin: Some(&origin),
        other_names: &[],
        containers: &[],
        bytes: &content,
        file_type: "text",
        held: true,
    };
    let (digests, entropy) = Hasher::of(&content, Want::ALL);
    let mut out = Findings::default();
    worker.begin(&head());
    worker.feed(0, &content);
    worker.finish(&Whole::new(head(), content.len() as u64, &digests, entropy, Some(&content)), &mut out);
    out.evidence.iter().flat_map(|e| e.reasons.iter().map(|r| r.weight)).collect()
}

#[test]
fn every_pattern_of_the_table() {
    let table =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/stix/patterns.tsv")).expect("a table");
    let rows: Vec<(&str, &str)> = table.lines().filter(|l| !l.starts_with('#')).filter_map(|l| l.split_once('\t')).collect();
    assert!(rows.len() >= 150, "{}", rows.len());
    let mut wrong = Vec::new();
    for (expected, pattern) in &rows {
        let (set, report) = load(&bundle(&[indicator("1", pattern)]));
        let got = match (report.loaded, report.unanswered.len(), report.rejected.len()) {
            // A weight up to 30 says that it could not be decided.
            (1, 0, 0) if weights(set).iter().any(|w| *w > 30) => "match",
            (1, 0, 0) => "no_match",
            (0, 1, 0) => "unsupported",
            (0, 0, 1) => "invalid",
            _ => "miscounted",
        };
        if got != *expected {
            wrong.push(format!("{pattern}: {got}, not {expected} {:?}{:?}", report.rejected, report.unanswered));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

#[test]
fn one_bad_indicator_never_hides_another() {
    let good = |n: usize| indicator(&n.to_string(), &format!("[file:name = 'odd-name-{n}.exe']"));
    for bad in [
        json!({"type": "indicator"}),
        json!({"type": "indicator", "id": 5, "pattern": ["x"]}),
        json!({"type": "indicator", "id": "indicator--x", "pattern": "[", "confidence": "high", "labels": 5}),
        json!(null),
        json!([[[[[]]]]]),
        json!({"type": "relationship", "source_ref": null}),
        json!({"objects": {"objects": 1}}),
    ] {
        let (_, report) = load(&bundle(&[good(1), bad.clone(), good(2)]));
        assert_eq!(report.loaded, 2, "{bad}");
    }
    let lines = format!("{}\nno json\n{}\n", good(1), good(2));
    let (_, report) = load(&lines);
    assert_eq!((report.loaded, report.rejected.len()), (2, 1));
}

#[test]
fn what_the_author_says_reaches_the_finding() {
    let scene = Scene::new();
    scene.file("a/odd-agent.bin", b"x");
    scene.file("a/withdrawn-agent.bin", b"y");
    let objects = json!({"type": "bundle", "id": "bundle--1", "objects": [
        {"type": "indicator", "id": "indicator--1", "name": "agent", "pattern_type": "stix", "confidence": 85,
         "pattern": "[file:name = 'odd-agent.bin']", "valid_from": "2020-01-01T00:00:00Z", "valid_until": "2021-01-01T00:00:00Z",
         "object_marking_refs": ["marking-definition--f88d31f6-486f-44da-b317-01333bde0b82"], "labels": ["malicious-activity"]},
        {"type": "indicator", "id": "indicator--2", "pattern_type": "stix", "pattern": "[file:name = 'withdrawn-agent.bin']", "revoked": true},
        {"type": "malware", "id": "malware--1", "name": "OddRAT",
         "external_references": [{"source_name": "mitre-attack", "external_id": "T1105"}]},
        {"type": "relationship", "id": "relationship--1", "relationship_type": "indicates", "source_ref": "indicator--1", "target_ref": "malware--1"},
    ]});
    let list = scene.beside("bundle.json");
    std::fs::write(&list, objects.to_string()).expect("a bundle");
    let case = scene.scan(&["--ioc", list.to_str().expect("text"), "--no-default-iocs", "--no-default-rules"]);
    let found = case.of("ioc");
    let agent = found.iter().find(|f| f["path"].as_str().is_some_and(|p| p.ends_with("odd-agent.bin"))).expect("a finding");
    let marks = &agent["reasons"][0]["detail"]["marks"];
    assert_eq!(agent["score"], 85);
    assert_eq!(agent["techniques"], json!(["T1105"]));
    assert_eq!((&marks["tlp"], &marks["confidence"]), (&json!("amber"), &json!(85)));
    assert_eq!((&marks["valid_from"], &marks["valid_until"]), (&json!("2020-01-01T00:00:00Z"), &json!("2021-01-01T00:00:00Z")));
    assert_eq!(marks["indicates"], json!(["OddRAT"]));
    let withdrawn =
        found.iter().find(|f| f["path"].as_str().is_some_and(|p| p.ends_with("withdrawn-agent.bin"))).expect("a finding");
    assert_eq!((&withdrawn["level"], &withdrawn["reasons"][0]["detail"]["marks"]["revoked"]), (&json!("info"), &json!(true)));
}

#[test]
fn two_observations_may_be_two_files() {
    let scene = Scene::new();
    scene.file("a/first-part.bin", b"x");
    scene.file("b/second-part.bin", b"y");
    scene.file("c/third.bin", b"z");
    let pattern = "[file:name = 'first-part.bin'] AND [file:name = 'second-part.bin']";
    let list = scene.beside("bundle.json");
    let flags = ["--ioc", list.to_str().expect("text"), "--no-default-iocs", "--no-default-rules"];
    std::fs::write(&list, bundle(&[indicator("1", pattern)])).expect("a bundle");
    let case = scene.scan(&flags);
    let paths: Vec<_> = case.of("ioc").iter().filter_map(|f| f["path"].as_str().map(str::to_owned)).collect();
    assert_eq!(paths.len(), 2, "{paths:?}");
    assert!(paths[0].ends_with("first-part.bin") && paths[1].ends_with("second-part.bin"));

    let other = "[file:name = 'first-part.bin'] AND [file:name = 'not-there.bin']";
    std::fs::write(&list, bundle(&[indicator("1", other)])).expect("a bundle");
    assert!(scene.scan(&flags).of("ioc").is_empty());
}

#[test]
fn a_listed_digest_that_could_not_be_decided_is_told_as_such() {
    let scene = Scene::new();
    scene.file("a.bin", b"abc");
    // SHA-256 of "abc" (FIPS 180-4).
    let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let pattern = format!("[file:hashes.'SHA-256' = '{sha256}' AND process:name = 'x' OR file:name = 'never-there.exe']");
    let list = scene.beside("bundle.json");
    std::fs::write(&list, bundle(&[indicator("1", &pattern)])).expect("a bundle");
    let case = scene.scan(&["--ioc", list.to_str().expect("text"), "--no-default-iocs", "--no-default-rules"]);
    let found = case.of("ioc");
    assert!(found.is_empty(), "the part that nothing decides is not in force: {found:?}");
    assert_eq!(case.report["inputs"]["indicators"][0]["partly"].as_array().map(Vec::len), Some(1));
}

#[test]
fn the_corpus_is_counted_whole() {
    let Some(corpus) = corpus() else { return };
    let manifest = std::fs::read_to_string(corpus.join("MANIFEST.tsv")).expect("a manifest");
    let mut total = 0;
    for line in manifest.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let expect = fields.get(9).copied().unwrap_or_default();
        let Some(n) = expect.split(';').find_map(|p| p.strip_prefix("indicators=")).and_then(|n| n.parse::<u64>().ok()) else {
            continue;
        };
        let (_, reports) = IndicatorSet::load(&[corpus.join(fields[0])], false).expect("readable");
        let r = &reports[0];
        if n > 0 {
            assert_eq!(r.kind.as_deref(), Some("stix2"), "{}", fields[0]);
            assert_eq!(r.loaded + (r.unanswered.len() + r.rejected.len()) as u64, n, "{}: {:?}", fields[0], r.rejected);
        }
        total += n;
    }
    assert_eq!(total, 1484);
}

proptest::proptest! {
    #[test]
    fn mutated_bundles_do_not_panic(at in 0usize..900, byte: u8) {
        let mut text = bundle(&[indicator("1", "[file:name = 'a.exe' AND file:size > 5]"), indicator("2", "[ipv4-addr:value = '198.51.100.7']")]).into_bytes();
        let n = text.len();
        text[at % n] = byte;
        let _ = IndicatorSet::from_contents(&[("bundle.json", &text)]);
    }
}
