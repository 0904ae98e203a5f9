//! `wardround recheck`: an old case, new indicators, no evidence.

use std::path::Path;

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use wardround::model::text::hex;

use crate::support::{Case, Scene, program};

fn recheck(scene: &Scene, old: &Path, name: &str, flags: &[&str]) -> Case {
    let case = scene.beside(name);
    let output = program().arg("recheck").arg(old).arg("--case").arg(&case).args(flags).output().expect("the program runs");
    Case::read(case, output)
}

/// What a finding says, without what only a scan can know.
fn told(case: &Case) -> Vec<Value> {
    let mut rows: Vec<Value> = case.of("ioc").into_iter().cloned().collect();
    rows.sort_by_key(|r| r["path"].to_string());
    rows
}

fn scene() -> Scene {
    let scene = Scene::new();
    scene.file("Users/a/evil.bin", b"planted content");
    scene.file("PerfLogs/1/loot.7z", b"not an archive");
    scene.file("a/good.txt", b"harmless");
    scene.file("b/mail.txt", b"see evil.example.net for more");
    #[cfg(unix)]
    std::fs::hard_link(scene.target().join("a/good.txt"), scene.target().join("a/rclone.conf.x")).expect("a hard link");
    scene
}

#[test]
fn a_planted_hash_is_found_without_the_disk_as_by_a_full_scan() {
    let scene = scene();
    let md5 = "f5e5f0b9f1a3c5d4e6a7b8c9d0e1f203";
    let list = scene.beside("iocs");
    std::fs::create_dir(&list).expect("a folder");
    let sha256 = hex(&Sha256::digest(b"planted content"));
    std::fs::write(list.join("hash-iocs.txt"), format!("{sha256};85;planted T1567.002\n{md5};other\n")).expect("a list");
    std::fs::write(
        list.join("filename-iocs.txt"),
        "# loot\n\\\\PerfLogs\\\\[^\\\\]+\\\\[^\\\\]+\\.7z$;70\n# a further name\n\\\\rclone\\.conf\\.x$;65\n",
    )
    .expect("a list");
    let ioc = list.to_str().expect("text");

    let old = scene.scan(&["--no-default-iocs", "--no-default-rules"]);
    assert!(told(&old).is_empty());
    let full = scene.scan(&["--ioc", ioc, "--no-default-iocs", "--no-default-rules"]);
    assert!(told(&full).len() >= 3, "{:?}", told(&full));

    // The evidence is gone.
    let away = scene.beside("away");
    std::fs::rename(scene.target(), &away).expect("renamed");
    let again = recheck(&scene, &old.dir, "again", &["--ioc", ioc, "--no-default-iocs"]);
    std::fs::rename(&away, scene.target()).expect("renamed back");

    assert_eq!(again.exit(), full.exit(), "{}", again.stderr());
    assert_eq!(told(&again), told(&full));
    again.assert_adds_up();
    for key in ["discovered", "examined", "partial", "skipped", "failed", "verdict"] {
        assert_eq!(again.report["coverage"][key], full.report["coverage"][key], "{key}");
    }
    let parent = &again.report["parent"];
    assert_eq!(parent["run_id"], old.report["run"]["id"]);
    assert_eq!(parent["inventory_sha256"], old.report["integrity"]["inventory_sha256"]);
    assert_eq!(parent["report_sha256"], hex(&Sha256::digest(std::fs::read(old.dir.join("report.json")).expect("a report"))));
    let limits = again.report["limitations"].as_array().expect("limitations");
    assert!(limits.iter().any(|l| l.as_str().is_some_and(|l| l.contains("not read again"))));
    assert_eq!(again.inventory().len(), old.inventory().len());

    // A recheck of a recheck: the inventory is still the memory of the case.
    let third = recheck(&scene, &again.dir, "third", &["--ioc", ioc, "--no-default-iocs"]);
    assert_eq!(told(&third), told(&full));
}

#[test]
fn nothing_new_is_nothing_found() {
    let scene = scene();
    let old = scene.scan(&["--no-default-iocs", "--no-default-rules"]);
    let list = scene.beside("hashes.txt");
    std::fs::write(&list, format!("{};x\n", "ab".repeat(32))).expect("a list");
    let again = recheck(&scene, &old.dir, "again", &["--ioc", list.to_str().expect("text"), "--no-default-iocs"]);
    assert_eq!(again.exit(), 0, "{}", again.stderr());
}

#[test]
fn what_the_inventory_cannot_answer_is_a_gap() {
    let scene = scene();
    let old = scene.scan(&["--no-default-iocs", "--no-default-rules", "--digests", "needed"]);
    assert!(old.row(&scene.target().join("a/good.txt"))["md5"].is_null());
    let list = scene.beside("md5.txt");
    std::fs::write(&list, format!("{};x\n", "ab".repeat(16))).expect("a list");
    let again = recheck(&scene, &old.dir, "again", &["--ioc", list.to_str().expect("text"), "--no-default-iocs"]);
    assert_eq!(again.exit(), 3);
    assert!(again.report["coverage"]["by_reason"]["digest_not_kept"].as_u64().is_some_and(|n| n > 0));

    let list = scene.beside("c2.txt");
    std::fs::write(&list, "evil.example.net;90\n").expect("a list");
    let mentions = recheck(&scene, &old.dir, "mentions", &["--ioc", list.to_str().expect("text"), "--no-default-iocs"]);
    assert_eq!(mentions.exit(), 3);
    assert_eq!(mentions.report["coverage"]["by_reason"]["content_not_kept"], 1);
}

#[test]
fn names_of_people_stay_shapes_and_are_a_gap() {
    let scene = Scene::new();
    scene.file("Doe_Jane_19600102.pdf", b"x");
    let old = scene.scan(&["--no-default-iocs", "--no-default-rules"]);
    let row = old.inventory().into_iter().find(|r| r["kind"] == "file").expect("a row");
    assert_eq!(row["path_masked"], true, "{row}");
    let list = scene.beside("filename-iocs.txt");
    std::fs::write(&list, "# x\nDoe_Jane;70\n").expect("a list");
    let again = recheck(&scene, &old.dir, "again", &["--ioc", list.to_str().expect("text"), "--no-default-iocs"]);
    assert_eq!(again.exit(), 3);
    assert_eq!(again.report["coverage"]["by_reason"]["name_masked"], 1);
}

#[test]
fn a_changed_or_missing_case_is_refused_in_one_sentence() {
    let scene = scene();
    let old = scene.scan(&["--no-default-iocs", "--no-default-rules"]);
    let missing = recheck(&scene, &scene.beside("nothing"), "a", &[]);
    assert_eq!(missing.exit(), 64);
    assert!(missing.stderr().contains("is no case folder"), "{}", missing.stderr());
    let inside = program().arg("recheck").arg(&old.dir).arg("--case").arg(old.dir.join("new")).output().expect("it runs");
    assert_eq!(inside.status.code(), Some(73));

    let inventory = old.dir.join("inventory.jsonl.zst");
    let mut bytes = std::fs::read(&inventory).expect("an inventory");
    *bytes.last_mut().expect("bytes") ^= 1;
    std::fs::write(&inventory, bytes).expect("changed");
    let changed = recheck(&scene, &old.dir, "b", &[]);
    assert_eq!(changed.exit(), 64);
    assert!(changed.stderr().contains("was changed after the scan"), "{}", changed.stderr());
    std::fs::write(old.dir.join("report.json"), "{").expect("changed");
    let broken = recheck(&scene, &old.dir, "c", &[]);
    assert!(broken.stderr().contains("is not what wardround writes"), "{}", broken.stderr());
}

#[test]
fn samples_that_rules_name_are_found_without_the_disk() {
    let scene = scene();
    let old = scene.scan(&["--no-default-iocs", "--no-default-rules"]);
    let rules = scene.beside("rules.yar");
    let sha256 = hex(&Sha256::digest(b"planted content"));
    let text = format!("rule Stager {{ meta: hash1 = \"{sha256}\" score = 80 condition: nosuch.module }}");
    std::fs::write(&rules, text).expect("rules");
    for flag in ["--rules", "--ioc"] {
        let name = format!("again{flag}");
        let again = recheck(&scene, &old.dir, &name, &[flag, rules.to_str().expect("text"), "--no-default-iocs"]);
        let found = told(&again);
        assert_eq!(found.len(), 1, "{flag}: {found:?}");
        assert!(found[0]["path"].as_str().is_some_and(|p| p.ends_with("evil.bin")), "{found:?}");
        assert_eq!(found[0]["score"], 80);
        assert!(found[0].to_string().contains("sample of rule Stager"), "{found:?}");
    }
}
