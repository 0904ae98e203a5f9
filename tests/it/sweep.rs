//! Sweeps: what is unchanged isn't read again, findings stay those of a full scan, and cases are published whole.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::support::{Case, Scene, has_tool, program};

/// Files of the tree: WARDROUND_SWEEP_FILES=50000 for the full figures.
fn files() -> usize {
    std::env::var("WARDROUND_SWEEP_FILES").ok().and_then(|n| n.parse().ok()).unwrap_or(3000)
}

/// A host with findings, archives, patients, hard links, and many files of no account.
fn host(scene: &Scene, files: usize) {
    let samples = Path::new("samples");
    for entry in walkdir::WalkDir::new(samples).into_iter().flatten().filter(|e| e.file_type().is_file()) {
        let name = entry.path().strip_prefix(samples).expect("below it");
        scene.file(&format!("samples/{}", name.display()), std::fs::read(entry.path()).expect("a sample"));
    }
    many(scene, files);
    // An archive of no account is passed over with its members.
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(b"harmless and packed\n").expect("gzip");
    scene.file("packed/plain.txt.gz", packed.finish().expect("gzip"));
    for name in ["many/1/again.txt", "many/2/once more.txt"] {
        std::fs::hard_link(scene.target().join("many/0/0.txt"), scene.target().join(name)).expect("a hard link");
    }
    settle();
}

pub fn many(scene: &Scene, files: usize) {
    for i in 0..files {
        scene.file(&format!("many/{}/{i}.txt", i % 7), format!("line {i} of nothing much\n").repeat(1 + i % 300));
    }
}

/// Until a scan that begins now would see any later change in the change time.
pub fn settle() {
    std::thread::sleep(Duration::from_millis(120));
}

fn count(case: &Case, key: &str) -> u64 {
    case.report["coverage"][key].as_u64().unwrap_or_else(|| panic!("coverage.{key}"))
}

fn unchanged(case: &Case) -> u64 {
    case.report["coverage"]["by_reason"]["unchanged"].as_u64().unwrap_or(0)
}

/// Rows by path, without what passing over a file changes.
fn rows(case: &Case) -> BTreeMap<String, Value> {
    let mut rows = BTreeMap::new();
    for mut row in case.inventory() {
        if row["reason"] == "unchanged" {
            let row = row.as_object_mut().expect("a row");
            row.insert("disposition".into(), "examined".into());
            row.remove("reason");
        }
        row.as_object_mut().expect("a row").retain(|key, _| key != "proved_by" && key != "reread");
        rows.insert(row["path"].as_str().expect("a path").to_owned(), row);
    }
    rows
}

/// A scan with a baseline says what a full one says.
fn says_the_same(swept: &Case, full: &Case) {
    assert_eq!(swept.report["findings"], full.report["findings"]);
    assert_eq!(swept.report["phi"], full.report["phi"]);
    assert_eq!(rows(swept), rows(full));
    let others = |case: &Case| {
        let gaps = case.report["gaps"].as_array().expect("gaps").clone();
        gaps.into_iter().filter(|g| g["reason"] != "unchanged").collect::<Vec<_>>()
    };
    assert_eq!(others(swept), others(full));
    assert_eq!(swept.report["coverage"]["verdict"], full.report["coverage"]["verdict"]);
    assert_eq!(count(swept, "examined") + unchanged(swept), count(full, "examined"));
    assert_eq!(swept.exit(), full.exit());
    swept.assert_adds_up();
}

fn against<'a>(cache: &'a str, baseline: &'a Case, more: &[&'a str]) -> Vec<&'a str> {
    let mut flags = vec!["-q", "--rules-cache", cache, "--baseline", baseline.dir.to_str().expect("text")];
    flags.extend_from_slice(more);
    flags
}

/// Processor time of a run, where it is asked for: a test must not depend on it.
fn told(what: &str, begun: &Instant, case: &Case) {
    eprintln!(
        "{what}: {:.1} s, {} examined of {}",
        begun.elapsed().as_secs_f64(),
        count(case, "examined"),
        count(case, "discovered")
    );
}

#[test]
fn a_sweep_costs_what_changed_and_says_what_a_full_scan_says() {
    let scene = Scene::new();
    let many = files();
    host(&scene, many);
    let cache = scene.beside("cache");
    let cache = cache.to_str().expect("text");
    let begun = Instant::now();
    let first = scene.scan(&["-q", "--rules-cache", cache]);
    told("first", &begun, &first);
    let begun = Instant::now();
    let second = scene.scan(&against(cache, &first, &["--reread", "0"]));
    told("second", &begun, &second);
    says_the_same(&second, &first);
    // Further names of a file count, too.
    assert!(unchanged(&second) >= many as u64 + 2);
    assert!(count(&second, "bytes_examined") * 10 < count(&first, "bytes_examined") || many < 1000);
    let baseline = &second.report["run"]["baseline"];
    assert_eq!((&baseline["used"], &baseline["run_id"]), (&true.into(), &first.report["run"]["id"]));
    assert_eq!(baseline["full_read"], first.report["run"]["started"]);
    assert_eq!(baseline["reread"], 0);
    let members: Vec<Value> =
        second.inventory().into_iter().filter(|r| r["path"].to_string().contains("packed/plain.txt.gz!")).collect();
    assert_eq!((members.len(), &members[0]["reason"]), (1, &"unchanged".into()));
    assert_eq!(second.row(&scene.target().join("packed/plain.txt.gz"))["container"]["format"], "gz");
    // The gap is one row, whatever it stands for, and the report says what that means.
    let gaps: Vec<&Value> =
        second.report["gaps"].as_array().expect("gaps").iter().filter(|g| g["reason"] == "unchanged").collect();
    assert_eq!((gaps.len(), gaps[0]["count"].as_u64()), (1, Some(unchanged(&second))));
    assert!(second.report["limitations"].to_string().contains("not read again"));

    // One in a hundred changes; one appears, one goes, one gets another name.
    for i in (0..many).step_by(100) {
        scene.file(&format!("many/{}/{i}.txt", i % 7), format!("other {i}\n"));
    }
    scene.file("many/new.txt", "new");
    std::fs::remove_file(scene.target().join("many/1/1.txt")).expect("a file");
    std::fs::rename(scene.target().join("many/2/2.txt"), scene.target().join("many/2/rclone.conf")).expect("a file");
    settle();
    let begun = Instant::now();
    let third = scene.scan(&against(cache, &second, &["--reread", "0"]));
    told("third, 1 % changed", &begun, &third);
    let full = scene.scan(&["-q", "--rules-cache", cache]);
    says_the_same(&third, &full);
    let read = count(&third, "examined") - count(&second, "examined");
    assert!(read <= 2 + 3 + (many as u64).div_ceil(100) + 3, "{read}");
    // The chain names the run that really read a file.
    let row = third.row(&scene.target().join("many/3/3.txt"));
    assert_eq!((&row["disposition"], &row["reason"]), (&"skipped".into(), &"unchanged".into()));
    assert_eq!(row["proved_by"], first.report["run"]["id"]);
    assert_eq!(third.report["run"]["baseline"]["full_read"], first.report["run"]["started"]);
}

#[test]
fn a_file_whose_mtime_was_put_back_is_read_again() {
    let scene = Scene::new();
    let path = scene.file("a/report.txt", "as it was");
    many(&scene, 20);
    settle();
    let first = scene.scan(&["-q", "--no-default-rules"]);
    let before = std::fs::metadata(&path).expect("a file").modified().expect("a time");
    std::fs::write(&path, "as it is!").expect("a file");
    std::fs::File::options().write(true).open(&path).and_then(|f| f.set_modified(before)).expect("a time put back");
    settle();
    let second = scene.scan(&["-q", "--no-default-rules", "--reread", "0", "--baseline", first.dir.to_str().expect("text")]);
    let row = second.row(&path);
    assert_eq!((&row["disposition"], &row["sha256"]), (&"examined".into(), &hex(&Sha256::digest("as it is!")).into()));
    assert_eq!(unchanged(&second), 20);
    assert!(second.of("integrity").is_empty(), "an honest change is no finding");
}

/// As if the content had been another when the earlier scan read it, with every time the same: what forging the change
/// time comes to.
fn forge(case: &Case, path: &Path) {
    let mut plain = Vec::new();
    for mut row in case.inventory() {
        if row["path"] == *path.to_string_lossy() {
            row["sha256"] = "ab".repeat(32).into();
        }
        plain.extend(serde_json::to_vec(&row).expect("a row"));
        plain.push(b'\n');
    }
    let packed = ruzstd::encoding::compress_to_vec(plain.as_slice(), ruzstd::encoding::CompressionLevel::Fastest);
    std::fs::write(case.dir.join("inventory.jsonl.zst"), &packed).expect("an inventory");
    let mut report = case.report.clone();
    report["integrity"]["inventory_sha256"] = hex(&Sha256::digest(&packed)).into();
    std::fs::write(case.dir.join("report.json"), serde_json::to_vec(&report).expect("a report")).expect("a report");
}

#[test]
fn a_forged_change_time_is_caught_where_the_file_is_drawn() {
    let scene = Scene::new();
    let path = scene.file("a/svchost.txt", "swapped in");
    many(&scene, 400);
    settle();
    let first = scene.scan(&["-q", "--no-default-rules"]);
    forge(&first, &path);
    let baseline = first.dir.to_str().expect("text");
    let sweep = |percent: &str| scene.scan(&["-q", "--no-default-rules", "--baseline", baseline, "--reread", percent]);
    let blind = sweep("0");
    assert!(blind.of("integrity").is_empty() && blind.row(&path)["reason"] == "unchanged");
    let all = sweep("100");
    let found = all.of("integrity");
    assert_eq!(found.len(), 1, "{:?}", all.findings());
    assert_eq!((&found[0]["level"], &found[0]["path"]), (&"warning".into(), &path.to_str().expect("text").into()));
    assert!(found[0].to_string().contains(&"ab".repeat(32)) && found[0].to_string().contains("T1070.006"));
    assert_eq!((unchanged(&all), all.exit()), (0, 1));
    assert_eq!(all.report["run"]["baseline"]["reread"], 401);
    // What was changed once is looked at again, and is no change any more.
    let after = scene.scan(&["-q", "--no-default-rules", "--baseline", all.dir.to_str().expect("text"), "--reread", "0"]);
    assert_eq!(after.row(&path)["disposition"], "examined");
    assert!(after.of("integrity").is_empty());

    // The draw can be checked from the report alone.
    let some = sweep("25");
    let seed = unhex(some.report["run"]["baseline"]["reread_seed"].as_str().expect("a seed"));
    let drawn = |path: &str| {
        let digest = Sha256::new().chain_update(&seed).chain_update(path).finalize();
        let first = digest.iter().take(8).fold(0_u128, |n, b| n << 8 | u128::from(*b));
        first * 4 < 1 << 64
    };
    let mut read = 0;
    for row in some.inventory().iter().filter(|r| r["kind"] == "file") {
        let drawn = drawn(row["path"].as_str().expect("a path"));
        assert_eq!(row["disposition"] == "examined", drawn, "{row}");
        assert_eq!(row["reread"] == true, drawn, "{row}");
        read += u64::from(drawn);
    }
    assert_eq!(some.report["run"]["baseline"]["reread"], read);
    assert!((50..150).contains(&read), "a quarter of 401, not {read}");
    let again = sweep("25");
    assert_ne!(again.report["run"]["baseline"]["reread_seed"], some.report["run"]["baseline"]["reread_seed"]);
}

#[test]
fn another_plan_reads_everything_and_says_why() {
    let scene = Scene::new();
    many(&scene, 30);
    settle();
    let first = scene.scan(&["-q", "--no-default-rules"]);
    let baseline = first.dir.to_str().expect("text");
    let rules = scene.beside("own.yar");
    std::fs::write(&rules, "rule Own { strings: $a = \"line 7 of\" condition: $a }").expect("rules");
    let ioc = scene.beside("own.txt");
    std::fs::write(&ioc, format!("{}\n", "0123456789abcdef".repeat(4))).expect("an indicator");
    for (flags, words) in [
        (vec!["--no-default-rules", "--rules", rules.to_str().expect("text")], "rules"),
        (vec!["--no-default-rules", "--ioc", ioc.to_str().expect("text")], "indicators"),
        (vec!["--no-default-rules", "--max-depth", "2"], "options"),
        (vec!["--no-default-rules", "--full"], "full scan"),
        (vec!["--no-default-rules", "--max-age", "0.000001"], "last read in full"),
    ] {
        let case = scene.scan(&[&["-q", "--baseline", baseline][..], &flags].concat());
        let told = &case.report["run"]["baseline"];
        assert_eq!(told["used"], false);
        assert!(told["why_not"].as_str().is_some_and(|w| w.contains(words)), "{told}");
        assert_eq!(unchanged(&case), 0);
    }
    // Digests that were not taken can't be carried over.
    let needed = scene.scan(&["-q", "--no-default-rules", "--no-default-iocs", "--digests", "needed"]);
    let needed = needed.dir.to_str().expect("text");
    let all = scene.scan(&["-q", "--no-default-rules", "--no-default-iocs", "--baseline", needed]);
    assert_eq!((unchanged(&all), &all.report["run"]["baseline"]["used"]), (0, &true.into()));
    // A folder that is no case is an error, and nothing is made.
    let none = scene.beside("none");
    let output = program()
        .args(["scan", "-q", "--baseline"])
        .arg(&none)
        .arg("--case")
        .arg(scene.beside("made"))
        .arg(scene.target())
        .output();
    let output = output.expect("the program");
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(64), "{err}");
    assert!(err.contains("--baseline") && err.lines().count() == 1, "{err}");
    assert!(!scene.beside("made").exists());
}

/// A policy file; paths in it are relative to it.
pub fn policy(scene: &Scene, lines: &str) -> PathBuf {
    let path = scene.beside("policy.toml");
    let text = format!("cases = \"cases\"\ntargets = [\"target\"]\ndefault_rules = false\n{lines}\n");
    std::fs::write(&path, text).expect("a policy");
    path
}

pub fn sweep(policy: &Path, flags: &[&str]) -> Output {
    program().args(["sweep", "--quiet", "--policy"]).arg(policy).args(flags).output().expect("the program")
}

pub fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Published cases, the oldest first.
pub fn published(scene: &Scene) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(scene.beside("cases")).expect("the folder of cases").flatten();
    let visible = |p: &PathBuf| p.is_dir() && !p.file_name().is_some_and(|n| n.as_encoded_bytes().starts_with(b"."));
    let mut cases: Vec<PathBuf> = entries.map(|e| e.path()).filter(visible).collect();
    cases.sort();
    cases
}

pub fn read(case: &Path) -> Case {
    let output = program().args(["verify"]).arg(case).output().expect("the program");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    Case::read(case.to_owned(), output)
}

/// The names of cases hold seconds.
pub fn next_second() {
    std::thread::sleep(Duration::from_millis(1100));
}

#[test]
#[cfg(unix)]
fn sweeps_are_published_delivered_told_and_cleared_away() {
    let scene = Scene::new();
    many(&scene, 40);
    scene.file("Users/a/evil.bin", b"planted content");
    let ioc = scene.beside("own.txt");
    std::fs::write(&ioc, hex(&Sha256::digest(b"planted content"))).expect("an indicator");
    settle();
    std::fs::create_dir(scene.beside("share")).expect("a folder");
    let socket = std::os::unix::net::UnixDatagram::bind(scene.beside("log")).expect("a socket");
    socket.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout");
    let log = scene.beside("log");
    let lines =
        format!("ioc = [\"own.txt\"]\nreread_percent = 0\nkeep = 2\ndeliver = \"share\"\nnotify = \"syslog:{}\"", log.display());
    let policy = policy(&scene, &lines);
    let mut told = Vec::new();
    for n in 1..=3 {
        let output = sweep(&policy, &["--now"]);
        assert_eq!(output.status.code(), Some(2), "{}", words(&output));
        let newest = published(&scene).pop().expect("a case");
        let case = read(&newest);
        let mut buffer = [0; 2048];
        let length = socket.recv(&mut buffer).expect("a line");
        let line = String::from_utf8_lossy(&buffer[..length]).into_owned();
        assert!(line.starts_with("<25>1 20") && line.contains(" alert=1 ") && line.contains("exit=2"), "{line}");
        assert!(!line.contains("evil") && !line.contains("target"), "{line}");
        let report = hex(&Sha256::digest(std::fs::read(newest.join("report.json")).expect("a report")));
        assert!(line.ends_with(&format!("report_sha256={report}")), "{line}");
        let last: Value =
            serde_json::from_slice(&std::fs::read(scene.beside("cases/last-good")).expect("last-good")).expect("JSON");
        assert_eq!(last["case"], newest.file_name().expect("a name").to_string_lossy().as_ref());
        assert_eq!(unchanged(&case), if n == 1 { 0 } else { 40 });
        assert_eq!(published(&scene).len(), n.min(2));
        told.push(newest.file_name().expect("a name").to_owned());
        next_second();
    }
    // Everything was delivered, also what is not kept here.
    for name in &told {
        read(&scene.beside("share").join(name));
    }
    assert_eq!(std::fs::read_dir(scene.beside("share")).expect("a folder").count(), 3);
    // Everything is read again when that is asked for.
    let output = sweep(&policy, &["--now", "--full"]);
    assert_eq!(output.status.code(), Some(2));
    let case = read(&published(&scene).pop().expect("a case"));
    assert_eq!((unchanged(&case), &case.report["run"]["baseline"]["used"]), (0, &false.into()));
    // What can't be delivered is kept, and it is said.
    std::fs::remove_dir_all(scene.beside("share")).expect("a folder");
    for left in [2, 2, 3] {
        next_second();
        let output = sweep(&policy, &["--now"]);
        assert!(words(&output).contains("not there"), "{}", words(&output));
        assert_eq!(published(&scene).len(), left);
    }
    std::fs::create_dir(scene.beside("share")).expect("a folder");
    next_second();
    assert_eq!(words(&sweep(&policy, &["--now"])), "");
    assert_eq!(std::fs::read_dir(scene.beside("share")).expect("a folder").count(), 4);
    assert_eq!(published(&scene).len(), 2);
}

#[test]
fn a_policy_that_is_wrong_is_told_in_one_line() {
    let scene = Scene::new();
    for (lines, told) in [
        ("cpu_procent = 5", "line 4: unknown key `cpu_procent`"),
        ("cpu_percent = 500", "percent"),
        ("keep = 0", "keep"),
        ("targets = [\"x\"]", "line 4"),
    ] {
        let output = sweep(&policy(&scene, lines), &["--now"]);
        assert_eq!(output.status.code(), Some(64), "{lines}: {}", words(&output));
        assert!(words(&output).contains(told) && words(&output).lines().count() == 1, "{lines}: {}", words(&output));
    }
    assert_eq!(sweep(&scene.beside("none.toml"), &[]).status.code(), Some(64));
    let output = sweep(&policy(&scene, "cpu_percent = 25"), &["--check"]);
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{}", words(&output));
    assert!(shown.starts_with("wardround scan ") && shown.contains("--cpu-percent 25"), "{shown}");
    assert!(!scene.beside("cases").exists());
}

fn start(policy: &Path, flags: &[&str]) -> Child {
    let mut command = program();
    command.args(["sweep", "-q", "--policy"]).arg(policy).args(flags).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("the program")
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what} takes too long");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
#[cfg(unix)]
fn one_sweep_at_a_time_and_a_term_while_it_waits_ends_it() {
    let scene = Scene::new();
    many(&scene, 10);
    let policy = policy(&scene, "jitter_minutes = 10000");
    let mut first = start(&policy, &[]);
    until("the lock", || scene.beside("cases/.lock").exists());
    std::thread::sleep(Duration::from_millis(200));
    let second = sweep(&policy, &["--now"]);
    assert_eq!(second.status.code(), Some(3), "{}", words(&second));
    assert!(words(&second).contains("another sweep") && words(&second).lines().count() == 1);
    let pid = rustix::process::Pid::from_raw(i32::try_from(first.id()).expect("a pid")).expect("a pid");
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("a signal");
    assert_eq!(first.wait().expect("a child").code(), Some(3));
    assert!(published(&scene).is_empty());
    assert_eq!(sweep(&policy, &["--now"]).status.code(), Some(0));
    assert_eq!(published(&scene).len(), 1);
}

/// The unfinished case, with so many bytes in its journal.
fn unfinished(scene: &Scene, bytes: u64) -> Option<PathBuf> {
    let entries = std::fs::read_dir(scene.beside("cases")).ok()?.flatten();
    let mut begun = entries.map(|e| e.path()).filter(|p| p.to_string_lossy().contains(".unfinished-"));
    begun.find(|p| std::fs::metadata(p.join("journal/journal.jsonl")).is_ok_and(|m| m.len() >= bytes))
}

#[test]
fn a_killed_sweep_is_gone_on_with_or_set_aside() {
    let scene = Scene::new();
    many(&scene, 4000);
    let path = policy(&scene, "threads = 1");
    let kill = || {
        let mut child = start(&path, &["--now"]);
        until("the scan", || unfinished(&scene, 200 << 10).is_some());
        let _ = child.kill();
        let _ = child.wait();
    };
    kill();
    let begun = unfinished(&scene, 0).expect("an unfinished case");
    let output = sweep(&path, &["--now"]);
    assert_eq!(output.status.code(), Some(0), "{}", words(&output));
    let case = read(&published(&scene).pop().expect("a case"));
    assert_eq!(case.report["run"]["resumed"], true);
    assert!(begun.to_string_lossy().ends_with(case.dir.file_name().expect("a name").to_string_lossy().as_ref()));
    assert_eq!(case.inventory().len() as u64, count(&case, "discovered"));
    case.assert_adds_up();
    // With another policy it can't be gone on with, and is left as it is.
    std::fs::remove_file(scene.beside("cases/last-good")).expect("last-good");
    next_second();
    kill();
    policy(&scene, "threads = 2");
    let output = sweep(&path, &["--now"]);
    assert_eq!(output.status.code(), Some(0), "{}", words(&output));
    assert!(words(&output).contains("left as"), "{}", words(&output));
    assert!(published(&scene).iter().any(|p| p.to_string_lossy().contains("aside-")));
}

/// Signs a file; gives the key's file.
fn sign(dir: &Path, file: &Path, comment: &str) -> PathBuf {
    let (public, secret) = (dir.join("minisign.pub"), dir.join("minisign.key"));
    if !secret.exists() {
        let made = Command::new("minisign").args(["-G", "-W", "-f", "-p"]).arg(&public).arg("-s").arg(&secret).output();
        assert!(made.expect("minisign").status.success());
    }
    let mut sign = Command::new("minisign");
    sign.args(["-S", "-s"]).arg(&secret).arg("-m").arg(file).args(["-t", comment]).stdin(Stdio::piped());
    let mut child = sign.stdout(Stdio::null()).spawn().expect("minisign");
    let _ = child.stdin.take().map(|mut i| i.write_all(b"\n"));
    assert!(child.wait().expect("minisign").success());
    public
}

#[test]
fn signed_packs_are_checked() {
    if !has_tool("minisign") {
        return;
    }
    let scene = Scene::new();
    scene.file("Users/a/evil.bin", b"planted content");
    std::fs::create_dir(scene.beside("packs")).expect("a folder");
    let pack = scene.beside("packs/iocs.txt");
    std::fs::write(&pack, format!("{}\n", hex(&Sha256::digest(b"planted content")))).expect("a pack");
    let key = sign(scene.beside("").as_path(), &pack, "version:7 expires:2999-01-01");
    let packs = scene.beside("packs");
    let scan = |flags: &[&str]| {
        let flags = [
            &["-q", "--no-default-rules", "--ioc", packs.to_str().expect("text"), "--pack-key", key.to_str().expect("text")],
            flags,
        ];
        scene.scan(&flags.concat())
    };
    let refused = |case: &Case, words: &str| {
        assert_eq!(case.exit(), 64, "{}", case.stderr());
        assert!(case.stderr().contains(words) && case.stderr().lines().count() == 1, "{}", case.stderr());
        assert!(!case.dir.exists());
    };
    let sound = scan(&[]);
    assert_eq!(sound.exit(), 2, "{}", sound.stderr());
    assert!(!sound.report["inputs"].to_string().contains("minisig"));
    // Not signed, signed with another key, changed, expired.
    let other = scene.beside("packs/more.txt");
    std::fs::write(&other, "evil.example.net\n").expect("a pack");
    refused(&scan(&[]), "is not signed");
    let elsewhere = scene.beside("elsewhere");
    std::fs::create_dir(&elsewhere).expect("a folder");
    sign(&elsewhere, &other, "version:1");
    refused(&scan(&[]), "another key");
    std::fs::remove_file(&other).expect("a file");
    std::fs::write(&pack, "evil.example.net\n").expect("a pack");
    std::fs::remove_file(scene.beside("packs/more.txt.minisig")).expect("a file");
    refused(&scan(&[]), "not what was signed");
    sign(scene.beside("").as_path(), &pack, "version:8 expires:2020-01-01");
    refused(&scan(&[]), "expired on 2020-01-01");
    assert_eq!(scan(&["--allow-expired"]).exit(), 0);
    // A sweep remembers the versions.
    let policy = policy(&scene, "ioc = [\"packs\"]\npack_key = \"minisign.pub\"\ndefault_iocs = false");
    let swept = |comment: &str| {
        sign(scene.beside("").as_path(), &pack, comment);
        let output = sweep(&policy, &["--now"]);
        next_second();
        (output.status.code(), words(&output))
    };
    assert_eq!(swept("version:9").0, Some(0));
    let (code, err) = swept("version:8");
    assert_eq!(code, Some(64), "{err}");
    assert!(err.contains("version 9 was seen") && err.lines().count() == 1, "{err}");
    assert_eq!(swept("version:9").0, Some(0));
    assert_eq!(swept("version:10").0, Some(0));
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).expect("hexadecimal")).collect()
}
