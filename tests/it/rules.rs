//! `wardround rules` and packs of rules, through the real program.

use std::io::{Cursor, Write};
use std::path::Path;

use serde_json::Value;
use zip::write::SimpleFileOptions;

use crate::support::{Scene, corpus, program};

const MARK: &str = "RULES-FIXTURE-MARK";

fn rule(name: &str) -> String {
    format!(
        "rule {name} {{ meta: author = \"a\" date = \"2026-01-01\" description = \"d of {name}\" reference = \"r\" score = 80 \
         strings: $a = \"{MARK}\" condition: $a }}\n"
    )
}

/// A member with a password, where there is one.
fn pack(members: &[(&str, &str, Option<&str>)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content, password) in members {
        let plain = SimpleFileOptions::default();
        match password {
            Some(p) => zip.start_file(*name, plain.with_aes_encryption(zip::AesMode::Aes256, p)).unwrap(),
            None => zip.start_file(*name, plain).unwrap(),
        }
        zip.write_all(content.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn rules(command: &str, paths: &[&Path], flags: &[&str]) -> (i32, String, String) {
    let out = program().args(["rules", command]).args(paths).args(flags).output().unwrap();
    let text = |b: Vec<u8>| String::from_utf8(b).unwrap();
    (out.status.code().unwrap(), text(out.stdout), text(out.stderr))
}

fn check_json(paths: &[&Path]) -> (i32, Value) {
    let (code, out, err) = rules("check", paths, &["--format", "json"]);
    (code, serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out} {err}")))
}

fn written(scene: &Scene, name: &str, bytes: impl AsRef<[u8]>) -> std::path::PathBuf {
    let path = scene.beside(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, bytes).unwrap();
    path
}

/// Names of rules that a scan of one marked file reports.
fn matched(scene: &Scene, flags: &[&str]) -> Vec<String> {
    scene.file("marked.txt", MARK);
    let case = scene.scan(&[flags, &["--no-default-rules", "--no-default-iocs"]].concat());
    case.assert_adds_up();
    let text = serde_json::to_string(&case.report["findings"]).unwrap();
    ["Packed", "Plain", "Locked"].into_iter().filter(|n| text.contains(n)).map(str::to_owned).collect()
}

#[test]
fn a_pack_matches_as_files_do_wherever_it_comes_from() {
    let members = pack(&[("inner/packed.yar", &rule("Packed"), None), ("notes.txt", &rule("Plain"), None)]);
    let scene = Scene::new();
    let zip = written(&scene, "rules/pack.zip", &members);
    let path = zip.to_str().unwrap();
    assert_eq!(matched(&scene, &["--rules", path]), ["Packed"]);
    // In a folder, and among indicators.
    assert_eq!(matched(&scene, &["--rules", scene.beside("rules").to_str().unwrap()]), ["Packed"]);
    assert_eq!(matched(&scene, &["--ioc", path]), ["Packed"]);
    let plain =
        written(&scene, "intel/plain.yar", rule("Plain").replace(" meta:", "\nmeta:").replace(" condition:", "\ncondition:"));
    assert_eq!(matched(&scene, &["--ioc", plain.to_str().unwrap()]), ["Plain"]);
    // Without the pack nothing is said of the file.
    assert!(matched(&scene, &[]).is_empty());
    let (code, checked) = check_json(&[&zip]);
    assert_eq!(code, 0, "{checked}");
    assert_eq!(checked["files"][0]["name"], "pack.zip/inner/packed.yar");
}

#[test]
fn an_encrypted_member_is_named_and_its_neighbours_load() {
    let scene = Scene::new();
    let members = pack(&[("locked.yar", &rule("Locked"), Some("infected")), ("plain.yar", &rule("Plain"), None)]);
    let zip = written(&scene, "pack.zip", members);
    let (code, checked) = check_json(&[&zip]);
    assert_eq!(code, 1);
    assert_eq!(checked["files"][0]["rejected"][0]["where"], "pack.zip/locked.yar");
    assert!(checked["files"][0]["rejected"][0]["why"].as_str().unwrap().contains("encrypted"));
    assert_eq!(checked["total"]["loaded"], 1);
    assert_eq!(matched(&scene, &["--rules", zip.to_str().unwrap()]), ["Plain"]);
}

#[test]
fn a_pack_without_rules_is_one_rejection() {
    let scene = Scene::new();
    let zip = written(&scene, "pack.zip", pack(&[("a.txt", "x", None), ("b.txt", "y", None)]));
    let (code, checked) = check_json(&[&zip]);
    assert_eq!((code, checked["total"]["rejected"].as_u64()), (1, Some(1)));
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    let scene = Scene::new();
    let broken = format!("{}rule Broken {{ condition: $nothing }}\n{}", rule("A"), rule("B"));
    let broken = written(&scene, "broken.yar", broken);
    let (code, out, _) = rules("check", &[&broken], &[]);
    assert_eq!(code, 1);
    assert!(out.contains("broken.yar  2 loaded") && out.contains("rejected  2: "), "{out}");

    let module = "import \"cuckoo\"\nrule Needs { condition: cuckoo.sync.mutex(/a/) }\nrule Too { condition: Needs }\n";
    let module = written(&scene, "module.yar", format!("{module}{}", rule("C")));
    let (code, out, _) = rules("check", &[&module], &[]);
    assert_eq!(code, 1);
    assert!(out.contains("rule Needs needs the module cuckoo") && out.contains("rule Too needs the rule Needs"), "{out}");
    assert!(out.contains("1 loaded"), "{out}");

    let sound = written(&scene, "sound.yar", rule("D"));
    let (code, out, _) = rules("check", &[&sound], &["--all"]);
    assert_eq!(code, 0, "{out}");
    assert!(!out.contains("rejected") && !out.contains("warning") && !out.contains("metadata"), "{out}");
}

#[test]
fn slow_rules_are_warned_of_and_stay_in_force() {
    let scene = Scene::new();
    let slow = written(&scene, "slow.yar", "rule Slow {\n  strings:\n    $a = /.{0,1000}x/\n  condition: $a }\n");
    let (code, checked) = check_json(&[&slow]);
    assert_eq!(code, 1, "{checked}");
    let warning = &checked["files"][0]["warnings"][0];
    assert_eq!(warning["where"], "slow.yar:3");
    assert!(warning["why"].as_str().unwrap().starts_with("slow_pattern: "), "{warning}");
    assert_eq!(checked["total"]["loaded"], 1);
}

#[test]
fn absent_metadata_is_a_note_for_who_asks() {
    let scene = Scene::new();
    let bare = written(
        &scene,
        "bare.yar",
        "private rule P { condition: filesize > 0 }\nrule Bare { meta: author = \"a\" condition: P }\n",
    );
    let (code, out, _) = rules("check", &[&bare], &["--all"]);
    assert!(out.contains("metadata  2: no date, description, reference, score"), "{out}");
    assert!(!out.contains("no author"), "{out}");
    assert_eq!(code, 0);
    let (_, out, _) = rules("check", &[&bare], &[]);
    assert!(!out.contains("no date"), "{out}");
}

#[test]
fn a_missing_path_is_a_usage_error() {
    for command in ["check", "list"] {
        let (code, out, err) = rules(command, &[Path::new("/no/such/rules")], &[]);
        assert_eq!((code, out.as_str()), (64, ""));
        assert!(err.contains("/no/such/rules"), "{err}");
    }
}

#[test]
fn the_embedded_pack_is_what_no_path_means() {
    let (code, out, _) = rules("check", &[], &[]);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("embedded/demo/eicar.yar"));
    let (code, out, _) = rules("list", &[], &["--format", "json"]);
    assert_eq!(code, 0);
    let listed: Value = serde_json::from_str(&out).unwrap();
    let web = listed["rules"].as_array().unwrap().iter().find(|r| r["techniques"][0] == "T1505.003").unwrap();
    assert!(web["file"].as_str().is_some_and(|f| f.starts_with("embedded/webshells/")), "{web}");
    assert!(web["description"].as_str().is_some() && web["score"].as_i64().is_some());
}

#[test]
fn a_line_for_each_rule() {
    let scene = Scene::new();
    let two = written(&scene, "two.yar", format!("{}{}", rule("A"), rule("B")));
    let (code, out, _) = rules("list", &[&two], &[]);
    assert_eq!(code, 0);
    assert_eq!(out, "two.yar\tA\t80\t-\td of A\ntwo.yar\tB\t80\t-\td of B\n");
}

#[test]
fn published_packs_load_whole() {
    let Some(corpus) = corpus() else { return };
    let (_, checked) = check_json(&[&corpus.join("ioc/yara")]);
    assert_eq!(checked["total"]["files"], 24);
    assert_eq!(checked["total"]["rejected"], 0, "{checked}");
    assert!(checked["files"].as_array().unwrap().iter().all(|f| f["loaded"].as_u64() >= Some(1)));
}

#[test]
fn costs_are_measured_for_each_rule_that_loads() {
    let scene = Scene::new();
    let rules = scene.beside("costs.yar");
    let text = "private rule Small { condition: filesize < 1MB }\nrule A { strings: $a = \"abcdefgh\" condition: $a and Small }
        rule Slow { strings: $a = /a.{0,20}b/ condition: $a }\nrule Broken { condition: $no }";
    std::fs::write(&rules, text).unwrap();
    let sample = scene.file("sample.bin", b"abcdefgh, and not much else".repeat(4000));
    let run = |flags: &[&std::ffi::OsStr]| program().args(["rules", "check"]).arg(&rules).args(flags).output().unwrap();
    let output = run(&["--format".as_ref(), "json".as_ref(), "--profile-rules".as_ref(), sample.as_os_str()]);
    let all: Value = serde_json::from_slice(&output.stdout).unwrap();
    let costs = all["costs"].as_array().unwrap();
    let mut measured: Vec<_> = costs.iter().map(|c| c["rule"].as_str().unwrap()).collect();
    measured.sort_unstable();
    assert_eq!(measured, ["A", "Slow", "Small"]);
    let dear: Vec<f64> =
        costs.iter().map(|c| c["us_per_mib"].as_f64().unwrap() + c["us_per_small_file"].as_f64().unwrap()).collect();
    assert!(dear.is_sorted_by(|a, b| a >= b), "{dear:?}");
    assert!(!String::from_utf8_lossy(&run(&[]).stdout).contains("µs per MiB"));
    let missing = run(&["--profile-rules".as_ref(), "/no/such/sample".as_ref()]);
    assert_eq!(missing.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("/no/such/sample"));
}
