//! The embedded pack: every rule with its metadata, what it must find and what it must not, and a program
//! that doesn't find itself. `tests/pack/README.md` says how fixtures are written.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;
use wardround::model::assets;
use wardround::signature::{RuleScanner, RuleSet, ScanVars};
use yara_x::{Compiler, MetaValue};

use crate::support::Scene;

/// Score from which a finding is a warning.
const WARNING: i64 = 60;

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Files below a folder, by name without extension.
fn files(folder: &str) -> BTreeMap<String, String> {
    let base = root(folder);
    let all = walkdir::WalkDir::new(&base).into_iter().map(Result::unwrap).filter(|e| e.file_type().is_file());
    all.filter(|e| e.path().extension().is_some_and(|x| x == "yar" || x == "txt"))
        .map(|e| {
            let name = e.path().strip_prefix(&base).unwrap().with_extension("");
            (name.to_string_lossy().replace('\\', "/"), fs::read_to_string(e.path()).unwrap().replace("\r\n", "\n"))
        })
        .collect()
}

// ---- the linter

/// What is wrong with the rules of one source.
fn lint(name: &str, source: &str) -> (Vec<String>, Vec<String>) {
    let mut wrong = Vec::new();
    let mut compiler = Compiler::new();
    for external in ["filename", "filepath", "extension", "filetype", "owner", "md5"] {
        compiler.define_global(external, "").unwrap();
    }
    if let Err(e) = compiler.add_source(source) {
        return (Vec::new(), vec![format!("{name}: {e}")]);
    }
    wrong.extend(compiler.warnings().iter().map(|w| format!("{name}: {w}")));
    let date = Regex::new(r"^20\d\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$").unwrap();
    let technique = Regex::new(r"^T1\d{3}(\.\d{3})?$").unwrap();
    let reference = Regex::new(r"^(https://[^\s]+|README\.md)$").unwrap();
    let identifier = Regex::new(r"^[A-Z][A-Za-z0-9]*(_[A-Z0-9][A-Za-z0-9]*)+$").unwrap();
    let mut names = Vec::new();
    let rules = compiler.build();
    for rule in rules.iter() {
        let id = rule.identifier().to_owned();
        let mut say = |what: &str| wrong.push(format!("{name}:{id}: {what}"));
        let meta: Vec<(&str, MetaValue<'_>)> = rule.metadata().collect();
        let text = |key: &str| match meta.iter().find(|(k, _)| *k == key) {
            Some((_, MetaValue::String(s))) => *s,
            _ => "",
        };
        let keys: BTreeSet<&str> = meta.iter().map(|(k, _)| *k).collect();
        if keys.len() != meta.len()
            || keys != BTreeSet::from(["author", "date", "description", "reference", "score", "technique"])
        {
            say("its metadata are not author, date, description, reference, score, technique, each once");
        }
        if !identifier.is_match(&id) {
            say("its name is not Words_With_Capitals");
        }
        if text("author").is_empty() {
            say("no author");
        }
        if !date.is_match(text("date")) {
            say("the date is not YYYY-MM-DD");
        }
        if !technique.is_match(text("technique")) {
            say("the technique is no ATT&CK id");
        }
        if !reference.is_match(text("reference")) {
            say("the reference is no address");
        }
        let description = text("description");
        if !(15..=140).contains(&description.len()) || description.ends_with('.') || !description.starts_with(char::is_uppercase)
        {
            say("the description is not one sentence that begins with a capital and has no full stop");
        }
        match meta.iter().find(|(k, _)| *k == "score") {
            Some((_, MetaValue::Integer(1..=100))) => {}
            _ => say("the score is not a number from 1 to 100"),
        }
        names.push(id);
    }
    (names, wrong)
}

#[test]
fn every_rule_is_described_and_compiles_without_a_warning() {
    let (mut names, mut wrong) = (Vec::new(), Vec::new());
    for (name, source) in files("signatures/yara") {
        let (rules, bad) = lint(&name, &source);
        names.extend(rules);
        wrong.extend(bad);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(names.len() >= 120, "{} rules", names.len());
    let distinct: BTreeSet<&String> = names.iter().collect();
    assert_eq!(distinct.len(), names.len(), "two rules have one name");
    let (set, reports) = RuleSet::load(&[], true, None).unwrap();
    assert_eq!(set.len(), names.len(), "what lies in the folder is what the program carries");
    assert!(reports.iter().all(|r| r.rejected.is_empty()), "{reports:?}");
}

#[test]
fn the_linter_sees_what_is_missing() {
    let good = "rule Good_Rule { meta: author = \"a\" date = \"2026-11-25\" description = \"A sentence of some length\" \
                reference = \"https://example.org/\" score = 50 technique = \"T1048.003\" condition: filesize < 10 }";
    assert_eq!(lint("x", good), (vec!["Good_Rule".to_owned()], Vec::new()));
    for (from, to) in [
        ("author = \"a\"", ""),
        ("author = \"a\"", "author = \"a\" author = \"b\""),
        ("2026-11-25", "2026-13-25"),
        ("A sentence of some length", "short"),
        ("https://example.org/", ""),
        ("score = 50", "score = 101"),
        ("score = 50", "score = \"50\""),
        ("T1048.003", "TA0010"),
        ("Good_Rule", "good_rule"),
        ("filesize < 10", "fliesize < 10"),
        ("filesize < 10", "true or false"),
    ] {
        let bad = good.replace(from, to);
        assert!(!lint("x", &bad).1.is_empty(), "{to}");
    }
}

// ---- fixtures

#[derive(Debug)]
struct Fixture {
    rule: String,
    positive: bool,
    options: BTreeMap<String, String>,
    text: String,
}

fn rot13(text: &str) -> String {
    let turn = |c: char, base: u8| char::from((c as u8 - base + 13) % 26 + base);
    text.chars()
        .map(|c| {
            if c.is_ascii_lowercase() {
                turn(c, b'a')
            } else if c.is_ascii_uppercase() {
                turn(c, b'A')
            } else {
                c
            }
        })
        .collect()
}

fn fixtures(file: &str) -> Vec<Fixture> {
    let mut out: Vec<Fixture> = Vec::new();
    let mut rule = String::new();
    for line in file.lines() {
        if let Some(name) = line.strip_prefix("== ") {
            rule = name.to_owned();
        } else if let Some(text) = line.strip_prefix('|') {
            let last = out.last_mut().expect("a fixture begins with yes or no");
            last.text.push_str(text.strip_prefix(' ').unwrap_or(text));
            last.text.push('\n');
        } else {
            let mut words = line.split_whitespace();
            let kind = words.next().expect("no empty lines");
            assert!(kind == "yes" || kind == "no", "{line}");
            let option = |w: &str| w.split_once('=').map_or((w.to_owned(), String::new()), |(k, v)| (k.to_owned(), v.to_owned()));
            out.push(Fixture {
                rule: rule.clone(),
                positive: kind == "yes",
                options: words.map(option).collect(),
                text: String::new(),
            });
        }
    }
    for fixture in &mut out {
        fixture.text.pop();
        fixture.text = expand(&rot13(&fixture.text));
    }
    out
}

/// `{{N|text %N%}}` is the text N times, a line each, with its number.
fn expand(text: &str) -> String {
    let repeat = Regex::new(r"(?s)\{\{(\d+)\|(.*?)\}\}").unwrap();
    let all = |c: &regex::Captures<'_>| {
        (1..=c[1].parse::<usize>().unwrap())
            .map(|n| format!("{}\n", c[2].trim_end().replace("%N%", &n.to_string())))
            .collect::<String>()
    };
    repeat.replace_all(text, all).into_owned()
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// Bytes without structure, always the same.
fn noise(n: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..n).map(|_| next()).collect()
}

impl Fixture {
    fn number(&self, option: &str) -> Option<usize> {
        self.options.get(option).map(|n| n.parse().unwrap())
    }

    /// The objects that this fixture stands for.
    fn bodies(&self) -> Vec<(&'static str, Vec<u8>)> {
        let has = |o: &str| self.options.contains_key(o);
        // `§hh` is a byte.
        let byte = Regex::new("§([0-9a-f]{2})").unwrap();
        let text = byte
            .replace_all(&self.text, |c: &regex::Captures<'_>| char::from(u8::from_str_radix(&c[1], 16).unwrap()).to_string());
        let mut body = if has("utf16") { utf16(&text) } else { text.as_bytes().to_vec() };
        if has("mz") {
            body.splice(0..0, *b"MZ");
        }
        if has("mdmp") {
            body.splice(0..0, *b"MDMP");
        }
        if let Some(n) = self.number("random") {
            body.splice(0..0, noise(n));
        }
        if let Some(n) = self.number("after").or(self.number("tail")) {
            body.extend(noise(n));
        }
        if let Some(n) = self.number("pad") {
            body.resize(n, 0);
        }
        let mut all = vec![("as it is", body)];
        if has("wide") {
            let lines = text.replace('\n', "\r\n");
            all.push(("with Windows line ends", lines.clone().into_bytes()));
            all.push(("as UTF-16", [vec![0xff, 0xfe], utf16(&format!("\r\n{lines}"))].concat()));
        }
        all
    }

    fn vars(&self) -> ScanVars {
        ScanVars { filename: self.options.get("name").cloned().unwrap_or_default(), ..ScanVars::default() }
    }
}

/// What is wrong with a fixture's matches.
fn judge(scanner: &mut RuleScanner<'_>, fixture: &Fixture) -> Vec<String> {
    let also: BTreeSet<&str> =
        fixture.options.get("also").map_or("", String::as_str).split(',').filter(|r| !r.is_empty()).collect();
    let mut wrong = Vec::new();
    for (how, body) in fixture.bodies() {
        let found = scanner.scan_whole(&fixture.vars(), &body).unwrap().matches;
        let mut say = |what: &str| {
            let found: Vec<_> = found.iter().map(|m| m.rule.as_str()).collect();
            wrong.push(format!(
                "{} {}, {how}: {what}; found {found:?}",
                fixture.rule,
                if fixture.positive { "yes" } else { "no" }
            ));
        };
        if fixture.positive {
            if !found.iter().any(|m| m.rule == fixture.rule) {
                say("not found");
            }
            if found.iter().any(|m| m.rule != fixture.rule && !also.contains(m.rule.as_str())) {
                say("another rule matches");
            }
        } else if found.iter().any(|m| i64::from(m.score) >= WARNING || m.rule == fixture.rule) {
            say("a near miss is found");
        }
    }
    wrong
}

#[test]
fn every_rule_finds_its_own_and_leaves_the_near_miss() {
    let (set, _) = RuleSet::load(&[], true, None).unwrap();
    let mut scanner = RuleScanner::new(&set);
    let texts = files("tests/pack");
    let mut wrong = Vec::new();
    for (name, source) in files("signatures/yara") {
        let all = fixtures(texts.get(&name).unwrap_or_else(|| panic!("no tests/pack/{name}.txt")));
        let (rules, _) = lint(&name, &source);
        for rule in &rules {
            for positive in [true, false] {
                if !all.iter().any(|f| f.rule == *rule && f.positive == positive) {
                    wrong.push(format!("{rule}: no fixture {}", if positive { "yes" } else { "no" }));
                }
            }
        }
        wrong.extend(all.iter().filter(|f| !rules.contains(&f.rule)).map(|f| format!("{}: no such rule in {name}", f.rule)));
        wrong.extend(all.iter().flat_map(|f| judge(&mut scanner, f)));
    }
    assert!(wrong.is_empty(), "{} faults\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_wrong_fixture_is_seen() {
    let (set, _) = RuleSet::load(&[], true, None).unwrap();
    let mut scanner = RuleScanner::new(&set);
    let texts = files("tests/pack");
    let good = fixtures(&texts["exfiltration/rclone"]);
    let mut faults = |change: fn(&mut Fixture)| {
        let mut fixture = fixtures(&texts["exfiltration/rclone"]).swap_remove(0);
        change(&mut fixture);
        judge(&mut scanner, &fixture).len()
    };
    assert!(good[0].positive);
    assert_eq!(faults(|_| ()), 0);
    assert_eq!(faults(|f| f.text = "nothing".into()), 1, "not found");
    assert_eq!(faults(|f| f.positive = false), 1, "found in spite of no");
    assert_eq!(faults(|f| f.options.clear()), 1, "another rule matches");
}

// ---- the program as a target

/// The pack as `build.rs` left it.
static PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/assets.bin"));

#[test]
fn the_program_does_not_carry_the_pack_in_plain_sight() {
    let program = fs::read(env!("CARGO_BIN_EXE_wardround")).unwrap();
    assert!(memchr::memmem::find(&program, PACKED).is_some(), "the pack is not in the program");
    let telling = |text: &'static str| text.lines().map(str::trim).filter(|l| l.len() >= 40 && !l.starts_with(['/', '#']));
    let lines: Vec<&str> =
        assets::below("signatures/yara").chain(assets::below("iocs")).flat_map(|(_, text)| telling(text)).collect();
    assert!(lines.len() > 800, "{}", lines.len());
    let search = aho_corasick::AhoCorasick::new(&lines).unwrap();
    let found: BTreeSet<&str> = search.find_iter(&program).map(|m| lines[m.pattern().as_usize()]).collect();
    assert!(found.is_empty(), "{found:#?}");
    // The same search finds what is there.
    let planted = [&program[..1000], lines[lines.len() / 2].as_bytes()].concat();
    assert!(search.is_match(&planted));
    // Rules are bound to small files, so the pack is also judged by itself.
    let (set, _) = RuleSet::load(&[], true, None).unwrap();
    assert!(RuleScanner::new(&set).scan_whole(&ScanVars::default(), PACKED).unwrap().matches.is_empty());
}

#[test]
fn the_program_does_not_find_itself() {
    let scene = Scene::new();
    let program = fs::read(env!("CARGO_BIN_EXE_wardround")).unwrap();
    let name = if cfg!(windows) { "wardround.exe" } else { "wardround" };
    let path = scene.file(name, &program);
    let case = scene.scan_of(&[&path], &["--max-body", "1G"]);
    assert!(case.of("yara").is_empty() && case.findings().iter().all(|f| f["level"] == "info"), "{:#?}", case.findings());
    // The same program with one line in plain sight is found.
    let all = fixtures(&files("tests/pack")["lateral_movement/remote_execution"]);
    let planted = all.iter().find(|f| f.rule == "Remote_Shell_Over_Admin_Share" && f.positive).unwrap();
    let path = scene.file("planted", [program.as_slice(), planted.text.as_bytes()].concat());
    let case = scene.scan_of(&[&path], &["--max-body", "1G"]);
    assert_eq!(case.of("yara").len(), 1, "{:#?}", case.findings());
}

// ---- profiles of a clinic

#[test]
fn a_clinic_adds_its_own_places() {
    let scene = Scene::new();
    let people: String = (0..60)
        .map(|i| {
            format!(
                "{:03}-{:02}-{:04},19{:02}-03-{:02},Person{i},Example\n",
                212 + i,
                31 + i % 60,
                4000 + i * 7,
                40 + i % 50,
                1 + i % 28
            )
        })
        .collect();
    let table = format!("ssn,dob,first_name,last_name\n{people}");
    scene.file("Depot/Q3/patients.jpg", &table);
    let profile = scene.beside("own.json");
    fs::write(
        &profile,
        r#"{ "format": "wardround/profile/1", "name": "Example clinic",
             "staging_folders": { "strong": [ { "pattern": "(?:^|/)depot/", "words": "the old depot share" } ] },
             "archive_names": { "habit": [ "(" ] } }"#,
    )
    .unwrap();
    let before = scene.scan(&[]);
    let after = scene.scan(&["--ioc", profile.to_str().unwrap()]);
    let staged = |case: &crate::support::Case| {
        let all = case.of("staging");
        let titles = all.iter().filter_map(|f| f["title"].as_str().map(str::to_owned));
        titles.filter(|t| t.contains("the old depot share")).count()
    };
    assert_eq!((staged(&before), staged(&after)), (0, 1), "{:#?}", after.findings());
    let inputs = after.report["inputs"]["indicators"].as_array().unwrap();
    let own = inputs.iter().find(|i| i["name"] == "own.json").unwrap();
    assert_eq!((own["kind"].as_str(), own["loaded"].as_u64()), (Some("profile"), Some(1)));
    assert_eq!(own["rejected"][0]["where"], "own.json:/archive_names/habit/0");
    assert_ne!(before.report["inputs"]["options_sha256"], after.report["inputs"]["options_sha256"]);
}
