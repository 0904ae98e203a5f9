//! A scan that was killed goes on to the same findings, and one that keeps dying says on what.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Case, Scene, program, same};

/// A tree with something of everything: findings, archives, patients, hard links, folders.
fn tree(scene: &Scene, files: usize) {
    let samples = Path::new("samples");
    for entry in walkdir::WalkDir::new(samples).into_iter().flatten().filter(|e| e.file_type().is_file()) {
        let name = entry.path().strip_prefix(samples).expect("below it");
        scene.file(&format!("samples/{}", name.display()), std::fs::read(entry.path()).expect("a sample"));
    }
    for i in 0..files {
        scene.file(&format!("many/{}/{i}.txt", i % 7), format!("file {i} ").repeat(1 + i % 300));
    }
    std::fs::hard_link(scene.target().join("many/0/0.txt"), scene.target().join("many/1/again.txt")).expect("a hard link");
}

fn start(scene: &Scene, name: &str, flags: &[&str]) -> Child {
    let mut command = program();
    command.args(["scan", "-q", "--case"]).arg(scene.beside(name)).arg(scene.target()).args(flags);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("the program")
}

/// Begins a scan and ends it as soon as its journal has some bytes on the disk. Gives the name of its case folder.
fn begun(scene: &Scene, name: &str, flags: &[&str]) -> String {
    for attempt in 0..20 {
        let name = format!("{name}-{attempt}");
        let mut child = start(scene, &name, &[&["--unsupervised"], flags].concat());
        let journal = scene.beside(&name).join("journal/journal.jsonl");
        while std::fs::metadata(&journal).map_or(0, |m| m.len()) < 200 << 10 && child.try_wait().expect("a child").is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        let _ = child.kill();
        let _ = child.wait();
        if scene.beside(&name).join("journal/resume.log").exists() {
            return name;
        }
    }
    panic!("every scan was done before it could be killed");
}

fn resume(scene: &Scene, name: &str) -> Case {
    Case::resumed(&scene.beside(name))
}

/// Every line holds the hash of the one before; gives the kinds.
fn chained(case: &Case) -> Vec<String> {
    use sha2::{Digest, Sha256};
    let text = std::fs::read_to_string(case.dir.join("journal/journal.jsonl")).expect("the journal");
    let mut prev = "0".repeat(64);
    text.split_inclusive('\n')
        .map(|line| {
            let row: Value = serde_json::from_str(line).expect("a line");
            assert_eq!(row["prev"], prev);
            prev = Sha256::digest(line).iter().map(|b| format!("{b:02x}")).collect();
            row["kind"].as_str().expect("a kind").to_owned()
        })
        .collect()
}

#[test]
fn killed_scans_go_on_to_the_same_end() {
    let scene = Scene::new();
    tree(&scene, 3000);
    let clock = Instant::now();
    let whole = scene.scan(&["--threads", "2"]);
    let took = u64::try_from(clock.elapsed().as_millis()).expect("a short scan");
    let mut resumed = 0;
    // WARDROUND_KILLS=200 for the full figure; a few are enough to notice.
    let kills: u32 = std::env::var("WARDROUND_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(8);
    for i in 0..kills {
        let name = format!("killed-{i}");
        let mut child = start(&scene, &name, &["--threads", "2", "--unsupervised"]);
        // Spread over a scan's length.
        let wait = 5 + u64::from(i) * took / u64::from(kills);
        std::thread::sleep(Duration::from_millis(wait));
        let _ = child.kill();
        let _ = child.wait();
        if !scene.beside(&name).join("journal/resume.log").exists() {
            // Killed before it had begun, or when it was done.
            continue;
        }
        let case = resume(&scene, &name);
        same(&whole, &case, &format!("after {wait} ms"));
        let kinds = chained(&case);
        assert!(kinds.iter().filter(|k| *k == "resumed").count() <= 1);
        assert!(!case.dir.join("journal/case.key").exists() && !case.dir.join("journal/resume.log").exists());
        resumed += u32::from(case.report["run"]["resumed"] == true);
    }
    eprintln!("{kills} kills over {took} ms, {resumed} of them after the plan was made");
    if resumed == 0 {
        same(&whole, &resume(&scene, &begun(&scene, "late", &["--threads", "2"])), "after a late kill");
    }
}

/// What was passed over as unchanged is not in the log that is gone on with.
#[test]
fn a_killed_sweep_passes_over_the_same_again() {
    let scene = Scene::new();
    tree(&scene, 3000);
    // A file is settled when the scan that proves it began later than it changed.
    std::thread::sleep(Duration::from_millis(100));
    let first = scene.scan(&["--threads", "2"]);
    let flags = ["--threads", "2", "--reread", "0", "--baseline", first.dir.to_str().expect("text")];
    let whole = scene.scan(&flags);
    let unchanged = whole.report["coverage"]["by_reason"]["unchanged"].as_u64();
    assert!(unchanged.is_some_and(|n| n >= 3000), "{unchanged:?}");
    let case = resume(&scene, &begun(&scene, "swept", &flags));
    assert_eq!(case.report["run"]["resumed"], true);
    same(&whole, &case, "after a kill");
    chained(&case);
    assert_eq!(program().arg("verify").arg(&case.dir).output().expect("the program").status.code(), Some(0));
}

#[test]
fn a_killed_supervisor_takes_its_scan_with_it() {
    let scene = Scene::new();
    tree(&scene, 1500);
    let whole = scene.scan(&[]);
    let mut child = start(&scene, "killed", &[]);
    while !scene.beside("killed").join("journal/journal.jsonl").exists() {
        std::thread::sleep(Duration::from_millis(2));
    }
    let _ = child.kill();
    let _ = child.wait();
    same(&whole, &resume(&scene, "killed"), "");
}

#[test]
fn what_was_torn_is_set_aside() {
    let scene = Scene::new();
    tree(&scene, 2000);
    let whole = scene.scan(&[]);
    let begun = begun(&scene, "torn", &[]);
    for (name, junk) in [("journal.jsonl", &br#"{"seq":9,"pre"#[..]), ("resume.log", &[200, 0, 0, 0, 1, 2])] {
        let path = scene.beside(&begun).join("journal").join(name);
        if path.exists() {
            let mut bytes = std::fs::read(&path).expect("a file");
            bytes.extend_from_slice(junk);
            std::fs::write(&path, bytes).expect("a file");
        }
    }
    let case = resume(&scene, &begun);
    same(&whole, &case, "");
    assert!(case.report["run"]["resumed"] == true, "it was killed while it scanned");
    let torn = std::fs::read(case.dir.join("journal/torn-1")).expect("the torn line");
    assert!(torn.ends_with(br#"{"seq":9,"pre"#));
    assert!(chained(&case).contains(&"resumed".to_owned()));
}

#[test]
fn resuming_needs_no_arguments_and_takes_no_others() {
    let scene = Scene::new();
    tree(&scene, 2000);
    let done = scene.scan(&["--case-id", "17"]);
    // Complete: told again, with the same exit code, and nothing changes.
    let before = std::fs::read(done.dir.join("report.json")).expect("a report");
    let again = program().args(["scan", "--resume", "--case"]).arg(&done.dir).output().expect("the program");
    assert_eq!(again.status.code(), Some(done.exit()));
    assert!(String::from_utf8_lossy(&again.stderr).contains("complete"));
    assert_eq!(std::fs::read(done.dir.join("report.json")).expect("a report"), before);
    let refused = |case: &Path, flags: &[&str], words: &str| {
        let output = program().args(["scan", "--resume", "--case"]).arg(case).args(flags).output().expect("the program");
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(64), "{err}");
        assert!(err.contains(words) && err.lines().count() == 1, "{err}");
    };
    refused(&scene.beside("none"), &[], "holds no case");
    // Begun, with rules that change before it goes on.
    let rules = scene.beside("own.yar");
    std::fs::write(&rules, "rule Own { strings: $a = \"file 3 \" condition: $a }").expect("rules");
    let name = begun(&scene, "begun", &["--rules", rules.to_str().expect("text")]);
    let begun = scene.beside(&name);
    let unsealed = program().arg("verify").arg(&begun).output().expect("the program");
    assert_eq!(unsealed.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&unsealed.stdout).starts_with("UNSEALED"));
    refused(&begun, &["--max-depth", "1"], "other arguments");
    std::fs::write(&rules, "rule Other { condition: true }").expect("rules");
    refused(&begun, &[], "other rules");
    std::fs::write(&rules, "rule Own { strings: $a = \"file 3 \" condition: $a }").expect("rules");
    assert!(!resume(&scene, &name).findings().is_empty());
}

#[test]
fn two_scans_do_not_write_one_case() {
    let scene = Scene::new();
    tree(&scene, 3000);
    let mut child = start(&scene, "busy", &[]);
    while !scene.beside("busy").join("journal/journal.jsonl").exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
    let mut second = program();
    second.args(["scan", "-q", "--case"]).arg(scene.beside("busy")).arg(scene.target());
    let output = second.output().expect("the program");
    assert_eq!(output.status.code(), Some(73));
    assert!(child.wait().expect("a child").code().is_some());
}
