//! Rules and indicators made to hurt: each is in force and bounded, or rejected by itself with a sentence; those beside it,
//! and the scan, go on.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::figure;
use crate::support::Scene;

/// One file of intelligence.
struct Intel {
    class: &'static str,
    name: &'static str,
    text: Vec<u8>,
    /// Rules or indicators in force from it.
    loaded: u64,
    /// Whether something in it is rejected.
    rejected: bool,
}

fn intel(class: &'static str, name: &'static str, text: impl Into<Vec<u8>>, loaded: u64, rejected: bool) -> Intel {
    Intel { class, name, text: text.into(), loaded, rejected }
}

fn rule(strings: &str, condition: &str) -> String {
    let strings = if strings.is_empty() { String::new() } else { format!("strings: {strings} ") };
    format!("rule Hostile {{ {strings}condition: {condition} }}")
}

fn rules() -> Vec<Intel> {
    let slow = |name, pattern: &str, loaded| {
        intel("patterns without an end", name, rule(&format!("$a = {pattern}"), "$a"), loaded, loaded == 0)
    };
    let nested = |name, text: String, loaded| intel("conditions that nest", name, text, loaded, loaded == 0);
    let wide = |name, text: String, loaded| intel("rules without number", name, text, loaded, loaded == 0);
    let many: String = (0..figure("WARDROUND_RULES", 2_000)).fold(String::new(), |mut s, n| {
        let _ = writeln!(s, "rule R{n} {{ strings: $a = \"needle-{n:08}\" condition: $a }}");
        s
    });
    let alternatives: Vec<String> = (0..5_000).map(|n| format!("{:02x} {:02x} {:02x}", n % 256, n / 256, 7)).collect();
    let escapes = "rule Escapes { meta: description = \"\u{1b}[2J\u{202e}\" strings: $a = \"x\" condition: $a and false }";
    vec![
        slow("dots.yar", "/.*.*.*.*.*x/", 1),
        slow("stacked.yar", "/(a+)+$/", 1),
        slow("stacked-10.yar", "/((((((((((a+)+)+)+)+)+)+)+)+)+)b/", 1),
        slow("repeat-2^31.yar", "/a{2147483647}/", 1),
        slow("repeat-of-repeat.yar", "/((a{1,1000}){1,1000}){1,1000}/", 1),
        slow("jump-of-1000000.yar", "{ 61 61 [0-1000000] 62 62 }", 1),
        slow("jump-alone.yar", "{ ?? [0-1000000] ?? }", 1),
        slow("one-byte.yar", "\"a\"", 1),
        slow("one-byte-xor.yar", "\"a\" xor", 1),
        slow("one-byte-base64.yar", "\"a\" base64", 0),
        slow("nothing.yar", "\"\"", 0),
        slow("alternatives.yar", &format!("{{ ( {} ) }}", alternatives.join(" | ")), 1),
        slow("text-of-1mib.yar", &format!("\"{}\"", "z".repeat(1 << 20)), 1),
        slow("open-class.yar", "/[a-/", 0),
        nested("parentheses.yar", rule("", &format!("{}true{}", "(".repeat(10_000), ")".repeat(10_000))), 0),
        nested("nots.yar", rule("", &format!("{}true", "not ".repeat(10_000))), 0),
        nested("pluses.yar", rule("", &format!("{}1 > 0", "1 + ".repeat(100_000))), 1),
        nested(
            "loops.yar",
            rule("", "for any i in (0..filesize) : ( for any j in (0..filesize) : ( uint8(i) + uint8(j) > 1000 ) )"),
            1,
        ),
        intel(
            "conditions that nest",
            "includes.yar",
            "include \"includes.yar\"\ninclude \"/etc/passwd\"\nrule I { condition: false }",
            1,
            true,
        ),
        nested("of-itself.yar", "rule A { condition: B } rule B { condition: A }".to_owned(), 0),
        nested("open.yar", format!("rule Open {{ condition: {}", "{".repeat(100_000)), 0),
        wide("many.yar", many.clone(), many.lines().count() as u64),
        intel("rules without number", "one-name.yar", rule("", "false").repeat(1000), 1, true),
        wide("escapes.yar", escapes.to_owned(), 1),
        intel("rules that are none", "zeros.yar", vec![0; 1 << 16], 0, true),
        intel("rules that are none", "utf-16.yar", [&b"\xff\xfe"[..], b"r\0u\0l\0e\0"].concat(), 0, true),
        intel(
            "rules that are none",
            "global.yar",
            "global rule G { condition: false } rule Broken { condition: nonsense }",
            0,
            true,
        ),
        intel(
            "rules that are none",
            "module.yar",
            "import \"cuckoo\" rule C { condition: cuckoo.network.http_get(/x/) }",
            0,
            true,
        ),
        intel("rules that are none", "timeless.yar", "import \"time\" rule T { condition: time.now() > 0 and false }", 1, false),
    ]
}

const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const SOME: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn indicators() -> Vec<Intel> {
    let hashes = |name, text: String, loaded, rejected| intel("lists of hashes", name, text, loaded, rejected);
    let names = |name, text: String, loaded, rejected| intel("patterns of names", name, text, loaded, rejected);
    let trees = |name, text: String, loaded, rejected| intel("trees of indicators", name, text, loaded, rejected);
    let wide = |text: &str| [&b"\xff\xfe"[..], &text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>()].concat();
    let pattern = |text: &str| {
        format!(
            r#"{{"type":"bundle","id":"bundle--1","objects":[{{"type":"indicator","spec_version":"2.1","id":"indicator--00000000-0000-4000-8000-000000000001","created":"2026-01-01T00:00:00Z","modified":"2026-01-01T00:00:00Z","valid_from":"2026-01-01T00:00:00Z","pattern_type":"stix","pattern":"{text}"}}]}}"#
        )
    };
    let laughs = "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]>";
    let openioc = |body: &str| {
        format!(
            "<?xml version=\"1.0\"?>{laughs}<ioc xmlns=\"http://schemas.mandiant.com/2010/ioc\" id=\"x\"><short_description>&b;</short_description><definition>{body}</definition></ioc>"
        )
    };
    let deep = "<Indicator operator=\"OR\" id=\"x\">".repeat(100_000);
    vec![
        hashes("crlf-hash-iocs.txt", format!("\u{feff}{SOME};90;with a mark\r\n{SOME};90;again\r\n"), 2, false),
        intel("lists of hashes", "wide-hash-iocs.txt", wide(&format!("{SOME};90;sixteen bits\n")), 1, false),
        hashes(
            "lengths-hash-iocs.txt",
            format!("{};80;too short\n{}0;80;too long\n{SOME};80;right\n", &SOME[1..], SOME),
            1,
            true,
        ),
        hashes("case-hash-iocs.txt", format!("{};80;mixed\n", SOME.replace('a', "A")), 1, false),
        hashes("empty-file-hash-iocs.txt", format!("{EMPTY};100;every empty file\n"), 0, true),
        hashes("line-of-8mib-hash-iocs.txt", format!("{SOME};80;{}\n", "x".repeat(8 << 20)), 0, true),
        hashes("no-line-of-8mib-hash-iocs.txt", "0".repeat(8 << 20), 0, true),
        hashes("scores-hash-iocs.txt", format!("{SOME};99999999999999999999;x\n{};-1e9;x\n", SOME.replace('0', "f")), 2, false),
        hashes("controls-hash-iocs.txt", format!("{SOME};80;\u{1b}[2J\u{202e}\u{0}x\n"), 0, true),
        names("stacked-filename-iocs.txt", "(a+)+$;80\n((((a*)*)*)*)*b;80\n".to_owned(), 1, true),
        names("everything-filename-iocs.txt", ".*;80\n(?:);80\n\\\\;80\n".to_owned(), 0, true),
        names("repeat-filename-iocs.txt", "x{1000}{1000}{1000};80\ny{99999};80\n".to_owned(), 0, true),
        names("open-filename-iocs.txt", format!("{};80\n[a-;80\n(?<=x)y;80\n", "(".repeat(50_000)), 0, true),
        names(
            "everywhere-c2-iocs.txt",
            "10.0.0.1;80\n127.0.0.1;80\nmicrosoft.com;80\ncom;80\n0.0.0.0/0;80\n".to_owned(),
            2,
            true,
        ),
        names(
            "lookalike-c2-iocs.txt",
            "g\u{43e}\u{43e}gle.example;80\nhxxp://evil[.]example/x;80\nxn--a-ecp.ru;80\n".to_owned(),
            3,
            false,
        ),
        trees("parentheses.json", pattern(&format!("{}file:size = 1{}", "(".repeat(100_000), ")".repeat(100_000))), 0, true),
        trees("ors.json", pattern(&format!("[file:size = 1{}]", " OR file:size = 2".repeat(20_000))), 1, false),
        trees("matches.json", pattern("[file:name MATCHES '(a+)+$']"), 1, false),
        trees("broken.json", pattern("[file:name = 'x"), 0, true),
        trees(
            "arrays.json",
            format!("{{\"type\":\"bundle\",\"id\":\"bundle--1\",\"objects\":{}", "[".repeat(1_000_000)),
            0,
            true,
        ),
        trees("event.json", format!("{{\"Event\":{{\"info\":\"x\",\"Attribute\":{}", "[".repeat(1_000_000)), 0, true),
        trees("laughs.ioc", openioc(""), 0, true),
        trees("deep.ioc", openioc(&deep), 0, true),
        trees("columns.csv", format!("indicator,type{}\n{SOME},sha256\n", ",x".repeat(1_000_000)), 0, true),
    ]
}

/// Scans with all of it, and gives what the report says of each file.
fn used(scene: &Scene, flag: &str, all: &[Intel]) -> (Vec<Value>, Duration) {
    let folder = scene.beside(flag);
    std::fs::create_dir(&folder).expect("a folder");
    all.iter().for_each(|i| std::fs::write(folder.join(i.name), &i.text).expect("a file"));
    let clock = Instant::now();
    let case = scene.scan(&[
        &format!("--{flag}"),
        folder.to_str().expect("text"),
        "--no-default-rules",
        "--no-default-iocs",
        "--object-deadline",
        "0.5",
    ]);
    let took = clock.elapsed();
    assert!((0..=3).contains(&case.exit()), "{}: {}", case.exit(), case.stderr());
    case.assert_adds_up();
    let reasons = &case.report["coverage"]["by_reason"];
    // Rules that a slow machine doesn't end in time are told as that.
    for never in ["crashed", "hung", "parser_failed"] {
        assert!(reasons[never].is_null(), "{never}: {}", case.report["gaps"]);
    }
    let field = if flag == "rules" { "rules" } else { "indicators" };
    (case.report["inputs"][field].as_array().expect("inputs").clone(), took)
}

/// What is wrong with what the report says of these files.
fn compared(all: &[Intel], told: &[Value]) -> Vec<String> {
    let mut wrong = Vec::new();
    for i in all {
        let Some(row) = told.iter().find(|row| row["name"].as_str().is_some_and(|n| n.ends_with(i.name))) else {
            wrong.push(format!("{}: not in the report", i.name));
            continue;
        };
        let rejected: Vec<&str> = row["rejected"].as_array().into_iter().flatten().filter_map(|r| r["why"].as_str()).collect();
        if row["loaded"] != i.loaded || rejected.is_empty() == i.rejected {
            wrong.push(format!("{}: {} loaded and not {}, rejected {rejected:.200?}", i.name, row["loaded"], i.loaded));
        }
        // A sentence, not a dump.
        if rejected.iter().any(|why| why.trim().len() < 8 || why.chars().count() > 1000) {
            wrong.push(format!("{}: {rejected:.300?} is no sentence", i.name));
        }
    }
    wrong
}

#[test]
fn each_is_in_force_or_rejected_by_itself() {
    let (rules, indicators) = (rules(), indicators());
    let all = || rules.iter().chain(&indicators);
    let classes: BTreeSet<&str> = all().map(|i| i.class).collect();
    println!("{} files of intelligence in {} classes", all().count(), classes.len());
    let mut wrong = Vec::new();
    for (flag, all) in [("rules", &rules), ("ioc", &indicators)] {
        let scene = Scene::new();
        scene.file("a.txt", "a".repeat(512));
        scene.file("long.txt", "a".repeat(2 << 10));
        scene.file("zeros.bin", vec![0; 2 << 10]);
        scene.file("empty", "");
        scene.file("www/goоgle.txt", "http://microsoft.com/ and 10.0.0.1 everywhere");
        let (told, took) = used(&scene, flag, all);
        println!("--{flag}: {took:.1?}");
        wrong.extend(compared(all, &told));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A loop over each byte for each byte of a megabyte would take hours. With WARDROUND_HOSTILE set, since it waits for the clock.
#[test]
fn a_rule_that_does_not_end_is_stopped() {
    if std::env::var_os("WARDROUND_HOSTILE").is_none() {
        return;
    }
    let scene = Scene::new();
    let long = scene.file("long.txt", "a".repeat(1 << 20));
    let file = scene.beside("loops.yar");
    let endless = rules().into_iter().find(|i| i.name == "loops.yar").expect("it");
    std::fs::write(&file, endless.text).expect("a file");
    let clock = Instant::now();
    let case = scene.scan(&["--rules", file.to_str().expect("text"), "--no-default-rules", "--no-default-iocs"]);
    println!("a rule that does not end: {:.1?}", clock.elapsed());
    assert!(clock.elapsed() < Duration::from_secs(32));
    assert_eq!((case.exit(), &case.row(&long)["reason"]), (3, &"limit_time".into()), "{}", case.stderr());
}

/// The comparison can fail.
#[test]
fn what_is_in_force_against_expectation_is_told() {
    let told = [serde_json::json!({"name": "x.yar", "loaded": 1, "rejected": []})];
    assert_eq!(compared(&[intel("", "x.yar", "", 1, false)], &told), Vec::<String>::new());
    for wrong in [intel("", "x.yar", "", 0, false), intel("", "x.yar", "", 1, true), intel("", "y.yar", "", 1, false)] {
        assert_eq!(compared(&[wrong], &told).len(), 1);
    }
}
