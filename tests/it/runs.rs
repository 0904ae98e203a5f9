//! How runs end: bad input, interruption, full disks, any number of threads.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Case, Scene, corpus, is_root, program};

fn fails(args: &[&str], code: i32, words: &[&str]) {
    let out = program().args(args).output().unwrap();
    let text = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(code), "{args:?}: {text}");
    for word in words {
        assert!(text.contains(word), "{args:?} should say {word:?}: {text}");
    }
}

#[test]
fn usage_errors_are_64_and_name_the_thing() {
    let scene = Scene::new();
    let (target, case) = (scene.target().display().to_string(), scene.beside("c").display().to_string());
    fails(&["scan", "/no/such/place", "--case", &case], 64, &["/no/such/place", "does not exist"]);
    fails(&["scan", &target, "--case", &case, "--ioc", "/no/such.txt"], 64, &["/no/such.txt"]);
    fails(&["scan", &target, "--case", &case, "--rules", "/no/such.yar"], 64, &["/no/such.yar"]);
    fails(&["scan", &target, "--case", &case, "--map", "nonsense"], 64, &["/mnt/evidence=C:"]);
    fails(&["scan", &target, "--max-body", "many"], 64, &["256M"]);
    fails(&["nonsense"], 64, &["nonsense"]);
    assert!(!Path::new(&case).exists(), "nothing is written before the plan stands");
}

#[test]
fn case_folders_in_the_wrong_place_are_73() {
    let scene = Scene::new();
    scene.file("a.txt", "a");
    let target = scene.target().display().to_string();
    let inside = format!("{target}/case");
    fails(&["scan", &target, "--case", &inside], 73, &[&inside, "inside target", "--case"]);
    let taken = scene.beside("taken");
    std::fs::create_dir(&taken).unwrap();
    std::fs::write(taken.join("x"), "x").unwrap();
    fails(&["scan", &target, "--case", taken.to_str().unwrap()], 73, &[taken.to_str().unwrap()]);
    let nowhere = "/proc/nowhere/case";
    fails(&["scan", &target, "--case", nowhere], 73, &[nowhere]);
    // The root volume is scanned whole.
    let here = std::env::current_dir().unwrap().join("target/never-written");
    fails(&["scan", "/", "--case", here.to_str().unwrap()], 73, &["--allow-same-volume"]);
    assert!(!here.exists());
}

#[test]
fn broken_rules_and_lines_cost_themselves_only() {
    let scene = Scene::new();
    scene.file("bad.bin", "NEEDLE-7731");
    std::fs::write(scene.beside("broken.yar"), "rule broken { condition: nothing_like_this }").unwrap();
    std::fs::write(scene.beside("good.yar"), "rule good { meta: score = 80 strings: $a = \"NEEDLE-7731\" condition: $a }")
        .unwrap();
    std::fs::write(
        scene.beside("hash-iocs.txt"),
        "# c\nzz;bad line\n3ccd2dd5cb07b1ac86a5ab44b6cf4dda5e5e0f2fbff2f8ef9d3bbcbd8a6f2a10;55;x\n",
    )
    .unwrap();
    let (broken, good, iocs) = (scene.beside("broken.yar"), scene.beside("good.yar"), scene.beside("hash-iocs.txt"));
    let case =
        scene.scan(&["--rules", broken.to_str().unwrap(), "--rules", good.to_str().unwrap(), "--ioc", iocs.to_str().unwrap()]);
    assert!(case.stderr().contains("broken.yar"), "{}", case.stderr());
    assert_eq!(case.of("yara").len(), 1);
    assert_eq!(case.exit(), 2, "{}", case.stderr());
    let rejected = |inputs: &str, name: &str| {
        let list = case.report["inputs"][inputs].as_array().unwrap();
        let input = list.iter().find(|i| i["name"] == name).unwrap();
        (input["loaded"].as_u64().unwrap(), input["rejected"].as_array().unwrap().len())
    };
    assert_eq!(rejected("rules", "broken.yar"), (0, 1));
    assert_eq!(rejected("rules", "good.yar"), (1, 0));
    assert_eq!(rejected("indicators", "hash-iocs.txt"), (1, 1));
}

#[test]
fn findings_do_not_depend_on_threads() {
    let Some(corpus) = corpus() else { return };
    let scene = Scene::new();
    let targets = [corpus.join("health/x12"), corpus.join("archives"), corpus.join("binaries")];
    let targets: Vec<&Path> = targets.iter().map(AsRef::as_ref).collect();
    let pick = |case: &Case| ["findings", "coverage", "phi", "gaps"].map(|k| case.report[k].to_string());
    let one = scene.scan_of(&targets, &["--threads", "1"]);
    one.assert_adds_up();
    assert!(!one.findings().is_empty());
    for threads in ["2", "8"] {
        let other = scene.scan_of(&targets, &["--threads", threads]);
        assert_eq!(pick(&one), pick(&other), "{threads} threads");
        assert_eq!(one.inventory(), other.inventory());
    }
}

/// A value without what the file system stamps on a file when it is made, and what follows from that.
fn timeless(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let stamped = ["times", "mtime", "ctime", "btime", "first_write", "last_write"];
            map.iter().filter(|(k, _)| !stamped.contains(&k.as_str())).map(|(k, v)| (k.clone(), timeless(v))).collect()
        }
        Value::Array(items) => items.iter().map(timeless).collect(),
        other => other.clone(),
    }
}

#[test]
fn twenty_four_runs_agree() {
    let scene = Scene::new();
    let mut files: Vec<_> = walkdir::WalkDir::new("samples").into_iter().flatten().filter(|e| e.file_type().is_file()).collect();
    files.sort_by_key(|e| e.path().to_owned());
    let mut by_order = Vec::new();
    for order in 0..2 {
        if order == 1 {
            std::fs::remove_dir_all(scene.target()).expect("the tree");
            std::fs::create_dir(scene.target()).expect("the tree");
            files.reverse();
        }
        for file in &files {
            let path = scene.file(&file.path().display().to_string(), std::fs::read(file.path()).expect("a sample"));
            // What is weighed by age has the same one.
            let time = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000);
            std::fs::File::options().append(true).open(path).and_then(|f| f.set_modified(time)).expect("a time");
        }
        let mut runs = Vec::new();
        for threads in ["1", "2", "8", "32"] {
            for run in 0..3 {
                let dir = scene.beside(&format!("case-{order}-{threads}-{run}"));
                let mut command = program();
                command.args(["scan", "-q", "--threads", threads, "--case"]).arg(&dir).arg(scene.target());
                let case = Case::read(dir, command.output().expect("the program"));
                runs.push(["findings", "coverage", "phi"].map(|k| case.report[k].clone()));
            }
        }
        assert!(runs[0][0].as_array().is_some_and(|f| f.len() > 5));
        assert!(runs.iter().all(|r| r.iter().map(Value::to_string).eq(runs[0].iter().map(Value::to_string))), "order {order}");
        by_order.push(runs.swap_remove(0).map(|v| timeless(&v)));
    }
    assert_eq!(by_order[0], by_order[1]);
}

#[test]
fn an_interrupted_scan_leaves_a_valid_report() {
    let scene = Scene::new();
    for i in 0..400u32 {
        let body: Vec<u8> = (0..200_000u32).map(|n| (n.wrapping_mul(i + 7) >> 3) as u8).collect();
        scene.file(&format!("d{}/{i}.bin", i % 20), body);
    }
    let dir = scene.beside("case-i");
    let child = program()
        .arg("scan")
        .arg(scene.target())
        .arg("--case")
        .arg(&dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // As soon as work has begun.
    let begun = Instant::now();
    while !dir.join("journal").exists() && begun.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(Duration::from_millis(60));
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let asked = Instant::now();
    let output = child.wait_with_output().unwrap();
    let took = asked.elapsed();
    let case = Case::read(dir, output);
    case.assert_adds_up();
    if case.report["run"]["interrupted"] == true {
        assert_eq!(case.exit(), 3, "{}", case.stderr());
        assert!(case.report["coverage"]["by_reason"]["interrupted"].as_u64().unwrap() > 0);
        assert_eq!(case.report["coverage"]["verdict"], "incomplete");
    } else {
        eprintln!("note: the scan was done before the signal came");
    }
    assert!(took < Duration::from_secs(20), "{took:?}");
}

/// Files of which one at a time is held, among others: none waits for ever, none is forgotten.
#[test]
fn large_files_are_all_examined_by_any_number_of_workers() {
    let scene = Scene::new();
    for n in 0..4 {
        scene.file(&format!("{n}/small.txt"), "small");
        let large = std::fs::File::create(scene.target().join(format!("{n}/large.img"))).unwrap();
        large.set_len((33 << 20) + n).unwrap();
    }
    let one = scene.scan(&["--threads", "1"]);
    assert_eq!(one.report["coverage"]["examined"], one.report["coverage"]["discovered"]);
    assert_eq!(one.inventory().iter().filter(|row| row["kind"] == "file" && row["sha256"].is_string()).count(), 8);
    for threads in ["2", "5"] {
        crate::support::same(&one, &scene.scan(&["--threads", threads]), &format!("with {threads} threads"));
    }
}

#[test]
fn a_full_disk_loses_nothing_already_found() {
    if !is_root() {
        eprintln!("skipped: mounting a small file system needs root");
        return;
    }
    let scene = Scene::new();
    scene.file("0/found.txt", "X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*");
    for i in 0..30_000 {
        scene.file(&format!("d{:03}/file-with-a-rather-long-name-so-that-rows-are-large-{i:08}.txt", i / 100), "x");
    }
    let small = scene.beside("small");
    std::fs::create_dir(&small).unwrap();
    if !Command::new("mount").args(["-t", "tmpfs", "-o", "size=10m", "tmpfs"]).arg(&small).status().is_ok_and(|s| s.success()) {
        eprintln!("skipped: no tmpfs can be mounted here");
        return;
    }
    let dir = small.join("case");
    let output = program().arg("scan").arg(scene.target()).arg("--case").arg(&dir).args(["--threads", "1"]).output().unwrap();
    let case = Case::read(dir, output);
    let undo = Command::new("umount").arg(&small).status();
    assert!(undo.is_ok_and(|s| s.success()));
    assert_eq!(case.exit(), 73, "{}", case.stderr());
    assert!(case.stderr().contains("make room"), "{}", case.stderr());
    assert!(
        case.report["findings"].as_array().is_some_and(|f| f.iter().any(|f| f["category"] == "ioc")),
        "the finding made before is in the report"
    );
    assert!(case.report["coverage"]["by_reason"]["disk_full"].as_u64().unwrap() >= 1);
}
