//! MISP: events, feeds, warninglists and tables, over real scans and the corpus.

use std::collections::BTreeMap;

use md5::Digest as _;
use proptest::prelude::*;
use serde_json::{Value, json};
use wardround::ioc::IndicatorSet;
use wardround::model::{Input, text};

use crate::support::{Case, Scene, corpus};

fn load(lists: &[(&str, &str)]) -> (IndicatorSet, Vec<Input>) {
    let lists: Vec<(&str, &[u8])> = lists.iter().map(|(n, c)| (*n, c.as_bytes())).collect();
    IndicatorSet::from_contents(&lists).expect("compiles")
}

fn one(name: &str, content: &str) -> (IndicatorSet, Input) {
    let (set, mut reports) = load(&[(name, content)]);
    (set, reports.remove(0))
}

fn md5(content: &str) -> String {
    text::hex(&md5::Md5::digest(content))
}

fn attribute(kind: &str, value: &str) -> Value {
    json!({ "type": kind, "value": value, "to_ids": true, "category": "Payload delivery", "uuid": uuid(kind, value) })
}

/// Always the same for the same attribute.
fn uuid(kind: &str, value: &str) -> String {
    let hex = md5(&format!("{kind} {value}"));
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

fn event(attributes: Vec<Value>) -> String {
    json!({ "Event": { "info": "Intrusion at X", "threat_level_id": "1", "Attribute": attributes } }).to_string()
}

fn context(report: &Input) -> u64 {
    report.context.iter().map(|c| c.count).sum()
}

fn total(report: &Input) -> u64 {
    report.loaded + (report.unanswered.len() + report.rejected.len()) as u64 + context(report)
}

fn scan(scene: &Scene, name: &str, content: &str) -> Case {
    let list = scene.beside(name);
    std::fs::write(&list, content).expect("a list");
    scene.scan(&["--no-default-iocs", "--ioc", list.to_str().expect("UTF-8")])
}

/// Names of files with findings of indicators.
fn found(case: &Case) -> Vec<String> {
    case.assert_adds_up();
    let name = |f: &&Value| f["path"].as_str().and_then(|p| p.rsplit('/').next()).unwrap_or_default().to_owned();
    let mut out: Vec<String> = case.of("ioc").iter().map(name).collect();
    out.sort();
    out
}

#[test]
fn the_hash_of_a_pair_finds_the_file_under_any_name() {
    let scene = Scene::new();
    scene.file("renamed.bin", "the sample");
    scene.file("tool.exe", "another file of that name");
    let list = event(vec![attribute("filename|md5", &format!("tool.exe|{}", md5("the sample")))]);
    let case = scan(&scene, "event.json", &list);
    assert_eq!(found(&case), ["renamed.bin"]);
    let reason = serde_json::to_string(&case.of("ioc")[0]["reasons"][0]).expect("JSON");
    assert!(reason.contains("Intrusion at X"), "{reason}");
    assert!(reason.contains("event.json#"), "{reason}");
}

#[test]
fn what_is_not_for_detection_is_silent() {
    let scene = Scene::new();
    scene.file("tool.exe", "mentions evil-host.example.net");
    let with = |key: &str, value: Value| {
        let mut a = attribute("domain", "evil-host.example.net");
        a[key] = value;
        event(vec![a])
    };
    for (list, hit) in [
        (with("to_ids", json!(true)), true),
        (with("to_ids", json!("1")), true),
        (with("to_ids", json!(1)), true),
        (with("to_ids", json!(false)), false),
        (with("to_ids", json!("0")), false),
        (with("to_ids", json!(0)), false),
        (with("deleted", json!(true)), false),
        (with("deleted", json!("1")), false),
        (with("deleted", json!("0")), true),
    ] {
        let case = scan(&scene, "event.json", &list);
        assert_eq!(!found(&case).is_empty(), hit, "{list}");
        let input = &case.report["inputs"]["indicators"][0];
        assert_eq!(input["loaded"], u64::from(hit), "{input}");
        assert_eq!(input["context"][0]["count"].as_u64().unwrap_or(0), u64::from(!hit), "{input}");
    }
}

#[test]
fn every_wrapper_is_read() {
    let a = attribute("md5", &md5("x1"));
    let inner = json!({ "info": "x", "Attribute": [a] });
    for document in [
        json!({ "Event": inner }),
        json!({ "response": [{ "Event": inner }] }),
        json!({ "response": [inner] }),
        json!({ "response": { "Attribute": [a] } }),
        json!({ "Attribute": [a] }),
        json!({ "Attribute": a }),
        json!([{ "Event": inner }]),
        json!([a]),
        a.clone(),
        inner.clone(),
        json!({ "Event": { "info": "x", "Object": [{ "name": "file", "Attribute": [a] }] } }),
        json!({ "Object": [{ "name": "file", "Attribute": [a] }] }),
    ] {
        let (_, report) = one("a.json", &document.to_string());
        assert_eq!((report.kind.as_deref(), report.loaded, total(&report)), (Some("misp-event"), 1, 1), "{document}: {report:?}");
    }
    let lines =
        format!("{}\n{}\n", json!({ "Event": inner }), json!({ "Event": { "Attribute": [attribute("md5", &md5("x2"))] } }));
    assert_eq!(one("a.json", &lines).1.loaded, 2);
}

#[test]
fn a_name_beside_a_hash_counts_less() {
    let object = |name: &str, with_hash: bool| {
        let mut attributes =
            vec![attribute("filename", "tool.exe"), json!({ "type": "size-in-bytes", "value": "5", "to_ids": false })];
        if with_hash {
            attributes.push(attribute("sha1", &"ab".repeat(20)));
        }
        json!({ "Event": { "info": "x", "Object": [{ "name": name, "Attribute": attributes }] } }).to_string()
    };
    let scene = Scene::new();
    scene.file("tool.exe", "x");
    let weight = |list: &str| scan(&scene, "event.json", list).of("ioc")[0]["reasons"][0]["weight"].as_i64();
    assert_eq!(weight(&object("file", false)), Some(75));
    assert_eq!(weight(&object("file", true)), Some(40));
    assert_eq!(weight(&object("other", true)), Some(75));
}

#[test]
fn types_that_nothing_here_answers_are_named() {
    let list = event(vec![
        attribute("mutex", "x"),
        attribute("sha512", &"0".repeat(128)),
        attribute("stix2-pattern", "[process:name = 'x']"),
        attribute("no-such-type", "x"),
        attribute("md5", "xyz"),
        attribute("malware-sample", "bar.exe"),
        attribute("yara", "rule x { condition: true }"),
        attribute("md5", &md5("x1")),
    ]);
    let (set, report) = one("event.json", &list);
    assert_eq!((report.loaded, report.unanswered.len(), report.rejected.len()), (2, 4, 2), "{report:#?}");
    assert_eq!(set.rules().len(), 1);
    assert!(set.rules()[0].0.starts_with("event.json#") && set.rules()[0].1.starts_with(b"rule x"));
    assert!(report.unanswered.iter().any(|r| r.why.contains("\"mutex\"")), "{report:?}");
}

#[test]
fn hashes_of_a_feed_are_no_digests_of_files() {
    let scene = Scene::new();
    // The content of the file is just the value that the feed's list digests.
    scene.file("word.txt", "evil-host.example.net");
    let feed = scene.beside("feed");
    std::fs::create_dir(&feed).expect("a folder");
    let id = uuid("event", "1");
    std::fs::write(feed.join("hashes.csv"), format!("{},{id}\n{},{id}\n", md5("evil-host.example.net"), md5("x")))
        .expect("written");
    std::fs::write(
        feed.join("manifest.json"),
        json!({ id.clone(): { "info": "x", "Orgc": {}, "date": "2020-01-01" } }).to_string(),
    )
    .expect("written");
    std::fs::write(feed.join(format!("{id}.json")), event(vec![attribute("md5", &md5("other content"))])).expect("written");
    let case = scene.scan(&["--no-default-iocs", "--ioc", feed.to_str().expect("UTF-8")]);
    assert!(found(&case).is_empty());
    let inputs = case.report["inputs"]["indicators"].as_array().expect("inputs").clone();
    let by_name =
        |n: &str| inputs.iter().find(|i| i["name"].as_str().is_some_and(|s| s.ends_with(n))).cloned().unwrap_or_default();
    let hashes = by_name("hashes.csv");
    assert_eq!((hashes["kind"].as_str(), hashes["loaded"].as_u64()), (Some("misp-feed"), Some(0)));
    assert_eq!(hashes["context"][0]["count"], 2);
    assert!(hashes["context"][0]["why"].as_str().is_some_and(|w| w.contains("digests of no files")));
    assert_eq!(by_name("manifest.json")["context"][0]["count"], 1);
    assert_eq!(by_name(&format!("{id}.json"))["loaded"], 1);
    // The same file with the digest as an indicator is found.
    let list = event(vec![attribute("md5", &md5("evil-host.example.net"))]);
    assert_eq!(found(&scan(&scene, "event.json", &list)), ["word.txt"]);
}

#[test]
fn warninglists_silence_whichever_was_read_first() {
    let list = json!({
        "name": "Public sites", "version": 1, "description": "x", "type": "hostname", "matching_attributes": ["domain"],
        "list": ["good.example.net", "192.0.2.0/24", md5("a known file")]
    })
    .to_string();
    let bad = event(vec![
        attribute("domain", "www.good.example.net"),
        attribute("domain", "evil-host.example.net"),
        attribute("ip-dst", "192.0.2.7"),
        attribute("ip-dst", "198.51.100.7"),
    ]);
    let scene = Scene::new();
    scene.file("a.txt", "www.good.example.net 192.0.2.7");
    scene.file("b.txt", "evil-host.example.net");
    for (first, second) in [("a-event.json", "b-list.json"), ("b-event.json", "a-list.json")] {
        let folder = scene.beside(first.split('.').next().expect("a stem"));
        std::fs::create_dir(&folder).expect("a folder");
        std::fs::write(folder.join(first), &bad).expect("written");
        std::fs::write(folder.join(second), &list).expect("written");
        let case = scene.scan(&["--no-default-iocs", "--ioc", folder.to_str().expect("UTF-8")]);
        assert_eq!(found(&case), ["b.txt"]);
        let inputs = case.report["inputs"]["indicators"].as_array().expect("inputs").clone();
        let event = inputs.iter().find(|i| i["kind"] == "misp-event").expect("the event");
        assert_eq!((event["loaded"].as_u64(), event["rejected"].as_array().map(Vec::len)), (Some(2), Some(2)));
        assert!(event["rejected"][0]["why"].as_str().is_some_and(|w| w.contains("Public sites")));
    }
    assert_eq!(found(&scan(&scene, "alone.json", &bad)), ["a.txt", "b.txt"]);
    let substring = list.replace("hostname", "substring");
    assert_eq!(load(&[("l.json", &substring)]).1[0].unanswered.len(), 1);
}

mod tables {
    use super::*;

    const HEADER: &str = "uuid,event_id,category,type,value,comment,to_ids,date,object_relation,attribute_tag\n";

    fn row(kind: &str, value: &str, to_ids: u8) -> String {
        format!(
            "\"{}\",1,\"Other\",\"{kind}\",\"{value}\",\"a \"\"quoted\"\"\nremark\",{to_ids},1513893957,\"\",\"tlp:red,x\"\n",
            uuid(kind, value)
        )
    }

    #[test]
    fn the_export_is_read_by_its_titles() {
        let text = format!(
            "{HEADER}{}{}{}\n",
            row("md5", &md5("x1"), 1),
            row("md5", &md5("x2"), 0),
            row("domain", "evil.example.net", 1)
        );
        let (set, report) = one("x.csv", &text);
        assert_eq!((report.kind.as_deref(), report.loaded, context(&report)), (Some("misp-csv"), 2, 1), "{report:?}");
        assert!(report.rejected.is_empty());
        let marks = set.get(0).and_then(|i| i.marks.clone()).expect("marks");
        assert_eq!((marks.tlp.as_deref(), marks.labels.as_slice()), (Some("red"), &["x".to_owned()][..]));
        // The same without header, and with other columns.
        let bare = text.strip_prefix(HEADER).expect("a header");
        let (_, report) = one("x.csv", bare);
        assert_eq!((report.kind.as_deref(), report.loaded, context(&report)), (Some("misp-csv"), 2, 1), "{report:?}");
        for subset in [
            format!("value,type\n{},md5\n", md5("x1")),
            format!("type;value\nmd5;{}\n", md5("x1")),
            format!(
                "value;category;type;comment;to_ids;first_seen;last_seen;tag\n{};Payload delivery;md5;x;1;;;tlp:red\n",
                md5("x1")
            ),
            format!("{};Payload delivery;md5;x;1;;\n", md5("x1")),
        ] {
            let (_, report) = one("x.csv", &subset);
            assert_eq!((report.kind.as_deref(), report.loaded), (Some("misp-csv"), 1), "{subset}: {report:?}");
            assert_eq!(report.adjusted.is_empty(), subset.contains(";x;1;"), "{report:?}");
        }
    }

    #[test]
    fn other_tables_are_not_taken() {
        let (_, report) = one("x.csv", "md5,sha1\nd41d8cd98f00b204e9800998ecf8427f,\n");
        assert_eq!(report.kind.as_deref(), Some("hash-csv"));
        let (_, report) = one("x.txt", &format!("{}\n", md5("x1")));
        assert_eq!(report.kind.as_deref(), Some("hash-list"));
    }

    #[test]
    fn to_ids_false_is_silent() {
        let scene = Scene::new();
        scene.file("a.bin", "content a");
        scene.file("b.bin", "content b");
        let text = format!("{HEADER}{}{}", row("md5", &md5("content a"), 1), row("md5", &md5("content b"), 0));
        assert_eq!(found(&scan(&scene, "x.csv", &text)), ["a.bin"]);
    }

    proptest! {
        #[test]
        fn a_bad_row_hides_no_other(n in 0usize..4, bad in "[a-z\"]{1,10}") {
            let mut rows: Vec<String> = (0..3).map(|i| row("md5", &md5(&format!("x{i}")), 1)).collect();
            rows.insert(n.min(3), format!("{bad}\n"));
            let (_, report) = one("x.csv", &format!("{HEADER}{}", rows.concat()));
            prop_assert_eq!(report.loaded, 3);
            prop_assert_eq!(report.rejected.len(), 1);
        }

        #[test]
        fn mutated_tables_never_panic(at in 0usize..1000, cut in 0usize..20, with in "[,;\"\\n0-9a-z]{0,6}") {
            let text = format!("{HEADER}{}{}", row("md5", &md5("x1"), 1), row("yara", "rule x", 0));
            mutate(&text, at, cut, &with, "x.csv");
        }
    }
}

fn mutate(text: &str, at: usize, cut: usize, with: &str, name: &str) {
    let mut text: Vec<char> = text.chars().collect();
    let at = at % text.len();
    text.splice(at..(at + cut).min(text.len()), with.chars());
    let text: String = text.iter().collect();
    let _ = IndicatorSet::from_contents(&[(name, text.as_bytes())]);
}

fn rich() -> String {
    let mut attributes: Vec<Value> = ["md5", "regkey", "regkey|value", "domain|ip", "filename|sha1", "url", "yara"]
        .map(|k| attribute(k, r"HKLM\x|evil.com"))
        .to_vec();
    attributes[0]["Tag"] = json!([{ "name": "tlp:red" }, 5, null]);
    attributes[0]["ShadowAttribute"] = json!([{ "type": "md5" }]);
    event(attributes)
}

proptest! {
    #[test]
    fn mutated_events_never_panic(at in 0usize..3000, cut in 0usize..30, with in "[{}\\[\\]\",:a-z0-9\\\\]{0,6}") {
        mutate(&rich(), at, cut, &with, "a.json");
    }

    #[test]
    fn mutated_lists_never_panic(at in 0usize..600, cut in 0usize..20, with in "[{}\\[\\]\",:a-z0-9/.]{0,6}") {
        mutate(include_str!("../fixtures/ioc/misp-warninglist.json"), at, cut, &with, "a.json");
        mutate(include_str!("../fixtures/ioc/misp-feed-manifest.json"), at, cut, &with, "a.json");
        mutate(include_str!("../fixtures/ioc/misp-feed-hashes.csv"), at, cut, &with, "a.csv");
    }

    /// Whatever one attribute holds, the others are in force.
    #[test]
    fn a_bad_attribute_hides_no_other(n in 0usize..4, kind: String, value: String, wrong in 0usize..5) {
        let mut attributes: Vec<Value> = (0..3).map(|i| attribute("md5", &md5(&format!("x{i}")))).collect();
        let odd = [json!({ "type": kind, "value": value, "to_ids": true }), json!({}), json!({ "type": {}, "value": [] }), json!({ "value": 5 }), json!({ "Tag": 7, "type": null })];
        attributes.insert(n.min(3), odd[wrong].clone());
        let (_, report) = one("a.json", &event(attributes));
        prop_assert!(report.loaded >= 3, "{report:?}");
        prop_assert_eq!(total(&report), 4);
    }
}

#[test]
fn what_breaks_off_keeps_what_was_complete() {
    let text = event((0..4).map(|i| attribute("md5", &md5(&format!("x{i}")))).collect());
    let last = text.rfind("\"to_ids\"").expect("there");
    let (_, report) = one("a.json", &text[..last]);
    // Three attributes, the cut one, and where the text is no JSON any more.
    assert_eq!((report.loaded, report.rejected.len()), (3, 2), "{report:?}");
}

/// Attributes of every file, as the corpus' own list counts them: proposals are counted there, too.
#[test]
fn the_corpus_is_accounted_for_attribute_by_attribute() {
    let Some(corpus) = corpus() else { return };
    let manifest = std::fs::read_to_string(corpus.join("MANIFEST.tsv")).expect("a list");
    let mut expected: BTreeMap<String, u64> = BTreeMap::new();
    for line in manifest.lines().filter(|l| l.contains("kind=misp-json")) {
        let path = line.split('\t').next().unwrap_or_default();
        let n = line.split("attributes=").nth(1).and_then(|r| r.split(';').next()).and_then(|n| n.parse().ok());
        expected.insert(path.trim_start_matches("ioc/").to_owned(), n.expect("a number"));
    }
    assert_eq!(expected.values().sum::<u64>(), 302);
    // The list counts nine stubs in each of these two, which only refer to attributes that stand elsewhere
    // (`ObjectReference.Attribute`); looked at by hand, they are no attributes of their own.
    for (name, n) in expected.iter_mut().filter(|(name, _)| name.contains("existing_event")) {
        *n = n.checked_sub(9).unwrap_or_else(|| panic!("{name}"));
    }
    let (_, reports) = IndicatorSet::load(&[corpus.join("ioc/PyMISP")], false).expect("compiles");
    for report in &reports {
        for r in report.rejected.iter().chain(&report.unanswered) {
            println!("{} {}", r.place, r.why);
        }
        match expected.remove(&report.name) {
            Some(n) => assert_eq!((report.kind.as_deref(), total(report)), (Some("misp-event"), n), "{report:#?}"),
            // Tables of hashes, events without attributes, and what is no event at all says why.
            None if report.name.ends_with(".csv") => assert_eq!(report.kind.as_deref(), Some("hash-csv")),
            None => assert_eq!((report.loaded, report.rejected.len()), (0, 1), "{report:?}"),
        }
    }
    assert!(expected.is_empty(), "{expected:?}");
    let loaded: u64 = reports.iter().map(|r| r.loaded).sum();
    let in_context: u64 = reports.iter().map(context).sum();
    println!("loaded {loaded} context {in_context}");
    assert!(loaded > 150 && in_context > 60, "{loaded} {in_context}");
}
