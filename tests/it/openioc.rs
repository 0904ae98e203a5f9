//! OpenIOC: trees over real scans, and every item of the corpus accounted for.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::Value;
use wardround::ioc::IndicatorSet;
use wardround::model::{Input, text};

use crate::support::{Case, Scene, corpus};

fn one(name: &str, content: &str) -> (IndicatorSet, Input) {
    let (set, mut reports) = IndicatorSet::from_contents(&[(name, content.as_bytes())]).expect("compiles");
    (set, reports.remove(0))
}

/// A document of version 1.0 with this definition.
fn v10(definition: &str) -> String {
    format!(
        "\u{feff}<?xml version='1.0' encoding='us-ascii'?>\n<ioc xmlns='http://schemas.mandiant.com/2010/ioc' id='doc-1'>\n\
         <short_description>TOOL X (REPORT)</short_description><authored_by>Lab</authored_by>\n\
         <links><link rel='family'>TOOLX</link><link rel='category'>Backdoor</link></links>\n\
         <definition>{definition}</definition></ioc>"
    )
}

/// A document of version 1.1.
fn v11(definition: &str) -> String {
    format!(
        "<OpenIOC xmlns='http://openioc.org/schemas/OpenIOC_1.1' id='doc-1'><metadata><short_description>TOOL Y</short_description>\
         </metadata><criteria>{definition}</criteria><parameters/></OpenIOC>"
    )
}

fn item_with(extra: &str, condition: &str, search: &str, content: &str) -> String {
    let document = search.split('/').next().unwrap_or_default();
    let id = format!("{search}-{condition}");
    format!(
        "\n<IndicatorItem id='{id}' condition='{condition}' {extra}><Context document='{document}' search='{search}' type='mir'/>\
         <Content type='string'>{content}</Content></IndicatorItem>"
    )
}

fn item(condition: &str, search: &str, content: &str) -> String {
    item_with("", condition, search, content)
}

fn group(operator: &str, children: &[String]) -> String {
    format!("\n<Indicator id='g' operator='{operator}'>{}</Indicator>", children.concat())
}

fn md5(content: &str) -> String {
    text::hex(&md5::Md5::digest(content))
}

use md5::Digest as _;

/// Paths of the findings of indicators, below the target.
fn found(case: &Case, scene: &Scene) -> Vec<String> {
    case.assert_adds_up();
    let target = scene.target();
    let below = |f: &&Value| {
        let path = f["path"].as_str().unwrap_or_default().to_owned();
        path.strip_prefix(target.to_str().unwrap_or_default()).map_or(path.clone(), |p| p.trim_start_matches('/').to_owned())
    };
    let mut out: Vec<String> = case.of("ioc").iter().map(below).collect();
    out.sort();
    out
}

fn scan(scene: &Scene, document: &str) -> Case {
    let list = scene.beside("list.ioc");
    std::fs::write(&list, document).expect("a list");
    scene.scan(&["--no-default-iocs", "--ioc", list.to_str().expect("UTF-8")])
}

fn total(report: &Input) -> u64 {
    report.loaded + (report.unanswered.len() + report.rejected.len()) as u64
}

#[test]
fn a_hash_with_a_size_is_no_bare_hash() {
    let scene = Scene::new();
    scene.file("a.bin", "the content of a");
    scene.file("b.bin", "the content of b");
    let pair = |content: &str, size: usize| {
        group("AND", &[item("is", "FileItem/Md5sum", &md5(content)), item("is", "FileItem/SizeInBytes", &size.to_string())])
    };
    let case = scan(&scene, &v10(&group("OR", &[pair("the content of a", 16), pair("the content of b", 17)])));
    assert_eq!(found(&case, &scene), ["a.bin"]);
    let finding = case.of("ioc")[0].clone();
    assert_eq!(finding["level"], "alert");
    let reason = &finding["reasons"][0];
    assert!(reason["text"].as_str().is_some_and(|t| t.contains("TOOL X")), "{reason}");
    assert!(
        reason["source"].as_str().is_some_and(|s| s.starts_with("list.ioc:") && s.contains("#FileItem/Md5sum-is")),
        "{reason}"
    );
    let shown = serde_json::to_string(reason).expect("JSON");
    assert!(shown.contains("doc-1") && shown.contains("TOOLX") && shown.contains("Backdoor") && shown.contains("Lab"), "{shown}");
}

#[test]
fn items_of_one_type_are_about_one_object() {
    let scene = Scene::new();
    scene.file("one/evil.exe", "first");
    scene.file("two/other.exe", "second");
    scene.file("three/evil.exe", "second");
    // The name and the digest lie on different files as well as on one.
    let tree = group("AND", &[item("is", "FileItem/FileName", "EVIL.EXE"), item("is", "FileItem/Md5sum", &md5("second"))]);
    assert_eq!(found(&scan(&scene, &v10(&tree)), &scene), ["three/evil.exe"]);
    let choice = group("OR", &[item("is", "FileItem/Md5sum", &md5("x")), item("is", "FileItem/Md5sum", &md5("first"))]);
    let nested = group("AND", &[item("is", "FileItem/FileName", "evil.exe"), choice]);
    assert_eq!(found(&scan(&scene, &v10(&nested)), &scene), ["one/evil.exe"]);
}

#[test]
fn items_of_several_types_are_joined_over_the_host() {
    let scene = Scene::new();
    scene.file("tool.exe", "the tool");
    scene.file("notes.txt", "connects to drop.evil-host.example.net at night");
    let tree = |host: &str| {
        group("AND", &[item("is", "FileItem/FileName", "tool.exe"), item("contains", "DnsEntryItem/RecordName", host)])
    };
    let case = scan(&scene, &v10(&tree("evil-host.example.net")));
    assert_eq!(found(&case, &scene), ["notes.txt", "tool.exe"]);
    assert!(found(&scan(&scene, &v10(&tree("other-host.example.net"))), &scene).is_empty());
}

#[test]
fn a_choice_of_types_within_an_and_keeps_its_object() {
    let scene = Scene::new();
    scene.file("a/evil.exe", "not it");
    scene.file("b/good.exe", "the content");
    scene.file("c/log.txt", "see www.evil-host.example.net");
    // The name and the digest are on different files; the host is mentioned.
    let choice = group(
        "OR",
        &[item("is", "FileItem/Md5sum", &md5("the content")), item("is", "DnsEntryItem/Host", "evil-host.example.net")],
    );
    let tree = group("AND", &[item("is", "FileItem/FileName", "evil.exe"), choice]);
    assert_eq!(found(&scan(&scene, &v10(&tree)), &scene), ["a/evil.exe", "c/log.txt"]);
    std::fs::remove_file(scene.target().join("c/log.txt")).expect("removed");
    assert!(found(&scan(&scene, &v10(&tree)), &scene).is_empty());
}

#[test]
fn negated_terms() {
    let scene = Scene::new();
    scene.file("Windows/System32/svchost.exe", "a");
    scene.file("Users/a/svchost.exe", "b");
    let named = item("is", "FileItem/FileName", "svchost.exe");
    let old = group("AND", &[named.clone(), item("containsnot", "FileItem/FilePath", r"Windows\System32")]);
    assert_eq!(found(&scan(&scene, &v10(&old)), &scene), ["Users/a/svchost.exe"]);
    let new = group("AND", &[named.clone(), item_with("negate='true'", "contains", "FileItem/FilePath", r"windows\system32")]);
    assert_eq!(found(&scan(&scene, &v11(&new)), &scene), ["Users/a/svchost.exe"]);
    // A negation alone would accuse every other file.
    let (set, report) = one("a.ioc", &v10(&group("OR", &[item("isnot", "FileItem/FileName", "good.exe"), named])));
    assert_eq!((set.len(), report.loaded, report.rejected.len()), (1, 1, 1));
    assert!(report.rejected[0].why.contains("not"), "{report:?}");
}

#[test]
fn conditions_of_the_second_version() {
    let scene = Scene::new();
    scene.file("Stage-2.DAT", "0123456789");
    for (condition, search, content, extra, hit) in [
        ("starts-with", "FileItem/FileName", "stage-", "", true),
        ("starts-with", "FileItem/FileName", "stage-", "preserve-case='true'", false),
        ("ends-with", "FileItem/FileName", ".dat", "", true),
        ("matches", "FileItem/FileName", "^stage-[0-9]\\.dat$", "", true),
        ("matches", "FileItem/FileName", "^stage-[0-9]\\.dat$", "preserve-case='true'", false),
        ("is", "FileItem/FileExtension", "dat", "", true),
        ("greater-than", "FileItem/SizeInBytes", "9", "", true),
        ("greater-than", "FileItem/SizeInBytes", "10", "", false),
        ("less-than", "FileItem/SizeInBytes", "11", "", true),
        ("is", "FileItem/SizeInBytes", "5 TO 10", "", true),
        ("is", "FileItem/SizeInBytes", "11 TO 20", "", false),
        ("greater-than", "FileItem/Modified", "2001-01-01", "", true),
        ("less-than", "FileItem/Modified", "2001-01-01T00:00:00Z", "", false),
        ("is", "FileItem/FileName", "STAGE-2.dat", "", true),
    ] {
        let document = v11(&group("OR", &[item_with(extra, condition, search, content)]));
        let case = scan(&scene, &document);
        assert_eq!(!found(&case, &scene).is_empty(), hit, "{condition} {search} {content} {extra}");
    }
}

#[test]
fn every_item_is_accounted_for() {
    let tree = group(
        "OR",
        &[
            item("is", "FileItem/Md5sum", &md5("x1")),
            item("is", "FileItem/Md5sum", "zz"),
            item("is", "FileItem/Md5sum", &md5("")),
            item("is", "ProcessItem/HandleList/Handle/Name", "mutex"),
            item("around", "FileItem/FileName", "x"),
            item("is", "FileItem/FileName", ""),
            item("contains", "Network/URI", "msg="),
            item("is", "PortItem/remoteIP", "127.0.0.1"),
            item("matches", "FileItem/FileName", "("),
            // The name counts only together with the process, the digest also by itself.
            group("AND", &[item("is", "FileItem/FileName", "y"), item("is", "ProcessItem/name", "p")]),
            group(
                "AND",
                &[
                    item("is", "FileItem/Md5sum", &md5("x2")),
                    group("OR", &[item("is", "FileItem/FileName", "z"), item("is", "ProcessItem/name", "q")]),
                ],
            ),
        ],
    );
    let (_, report) = one("a.ioc", &v10(&tree));
    assert_eq!(report.kind.as_deref(), Some("openioc"));
    let unanswered: Vec<&str> = report.unanswered.iter().map(|r| r.why.as_str()).collect();
    assert_eq!((report.loaded, report.rejected.len(), unanswered.len()), (3, 6, 5), "{report:#?}");
    assert_eq!(total(&report), 14);
    assert!(unanswered.iter().any(|w| w.contains("ProcessItem/HandleList/Handle/Name")), "{unanswered:?}");
    assert!(unanswered.iter().any(|w| w.contains("only counts together") && w.contains("ProcessItem/name")), "{unanswered:?}");
    for place in report.rejected.iter().chain(&report.unanswered).map(|r| &r.place) {
        assert!(place.starts_with("a.ioc:") && place.contains('#'), "{place}");
    }
}

#[test]
fn what_breaks_off_keeps_whole_groups_only() {
    let and = group("AND", &[item("is", "FileItem/Md5sum", &md5("x1")), item("is", "FileItem/FileName", "x")]);
    let whole = v10(&group("OR", &[item("is", "FileItem/Md5sum", &md5("x0")), and]));
    let (_, report) = one("a.ioc", &whole);
    assert_eq!((report.loaded, report.adjusted.len()), (3, 0));
    // Without its second item the pair would be a bare hash.
    let cut = whole.find("search='FileItem/FileName'").expect("there");
    let (set, report) = one("a.ioc", &whole[..cut]);
    assert_eq!((set.len(), report.loaded), (1, 1), "{report:#?}");
    assert_eq!((total(&report), report.adjusted.len()), (3, 1));
}

#[test]
fn a_mixed_choice_with_too_many_ways_is_refused_and_counted() {
    let choice = |n: usize| {
        let hosts = format!("h{n}.example.net");
        group("OR", &[item("is", "FileItem/FileName", &format!("n{n}")), item("is", "DnsEntryItem/Host", &hosts)])
    };
    let (_, report) = one("a.ioc", &v10(&group("AND", &(0..20).map(choice).collect::<Vec<_>>())));
    assert_eq!((report.loaded, report.rejected.len()), (0, 40));
    assert!(report.rejected[0].why.contains("ways"));
}

/// Items of every file, as the corpus' own list counts them.
#[test]
fn the_corpus_is_accounted_for_item_by_item() {
    let Some(corpus) = corpus() else { return };
    let manifest = std::fs::read_to_string(corpus.join("MANIFEST.tsv")).expect("a list");
    let mut expected: BTreeMap<String, u64> = BTreeMap::new();
    for line in manifest.lines().filter(|l| l.contains("kind=openioc")) {
        let path = line.split('\t').next().unwrap_or_default();
        let items = line.split("items=").nth(1).and_then(|r| r.split(';').next()).and_then(|n| n.parse().ok());
        expected.insert(path.trim_start_matches("ioc/").to_owned(), items.expect("a number"));
    }
    let (_, reports) = IndicatorSet::load(&[corpus.join("ioc/iocs")], false).expect("compiles");
    let mut sum = (0, 0, 0);
    for report in &reports {
        assert_eq!(report.kind.as_deref(), Some("openioc"), "{report:?}");
        assert_eq!(Some(&total(report)), expected.get(&report.name), "{}", report.name);
        assert!(report.adjusted.is_empty(), "{:?}", report.adjusted);
        sum = (sum.0 + report.loaded, sum.1 + report.unanswered.len(), sum.2 + report.rejected.len());
        for rejected in &report.rejected {
            println!("{} {}", rejected.place, rejected.why);
        }
    }
    println!("loaded {} unanswered {} rejected {}", sum.0, sum.1, sum.2);
    assert_eq!(reports.len(), expected.len());
    assert_eq!(expected.values().sum::<u64>(), 799);
    // All digests but those in groups with processes, and most names, hosts and addresses.
    assert!(sum.0 > 600, "{sum:?}");
}

fn document() -> String {
    let tree = group(
        "OR",
        &[
            item("is", "FileItem/Md5sum", &md5("x1")),
            group("AND", &[item("is", "FileItem/FileName", "y&amp;z"), item("is", "FileItem/SizeInBytes", "1 TO 5")]),
            group("AND", &[item("is", "RegistryItem/Path", r"HKLM\Software\X"), item("is", "RegistryItem/ValueName", "X")]),
            item("is", "DnsEntryItem/Host", "evil.example.net"),
        ],
    );
    v10(&tree)
}

proptest! {
    #[test]
    fn mutated_documents_never_panic(at in 0usize..2000, cut in 0usize..40, with in "[<>/='\"&a-z;\\x00-\\x1f]{0,6}") {
        let mut text: Vec<char> = document().chars().collect();
        let at = at % text.len();
        text.splice(at..(at + cut).min(text.len()), with.chars());
        let _ = IndicatorSet::from_contents(&[("a.ioc", text.iter().collect::<String>().as_bytes())]);
    }

    #[test]
    fn a_bad_item_hides_no_other(n in 0usize..6, bad in "[^<>&'\\x00-\\x1f]{1,12}") {
        let mut items: Vec<String> = (0..5).map(|i| item("is", "FileItem/Md5sum", &md5(&i.to_string().repeat(3)))).collect();
        items.insert(n.min(5), item("is", "FileItem/Sha256sum", &bad));
        let (_, report) = one("a.ioc", &v10(&group("OR", &items)));
        prop_assert_eq!((report.loaded, report.rejected.len()), (5, 1));
    }
}
