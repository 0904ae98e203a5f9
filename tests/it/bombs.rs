//! Archives made to hurt, scanned by the real program: nothing is dropped without a word, memory stays bounded, and
//! the program ends. The list is that of the hostile inputs every scanner of archives is tried with.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::{Case, Scene, program};

mod packed;
mod quine;
mod table;
mod tar;
mod zip;

use table::Bomb;

/// Resident memory above that of a scan of one small file, bytes.
const MEMORY: u64 = 512 << 20;

/// A scan that takes longer hangs.
const HANG: Duration = Duration::from_secs(120);

/// Scans the scene's target without rules and indicators: they are not what is tried here.
fn scan(scene: &Scene, flags: &[&str]) -> Case {
    let case = scene.beside("case");
    let mut child = program()
        .arg("scan")
        .arg(scene.target())
        .arg("--case")
        .arg(&case)
        .args(["--no-default-rules", "--no-default-iocs", "--quiet"])
        .args(flags)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let begin = Instant::now();
    while child.try_wait().expect("a child").is_none() {
        if begin.elapsed() > HANG {
            child.kill().expect("a child that can be killed");
            panic!("the scan doesn't end");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Case::read(case, child.wait_with_output().expect("its output"))
}

fn peak(case: &Case) -> u64 {
    case.report["run"]["peak_memory"].as_u64().unwrap_or(0)
}

/// What is wrong with the scan of one bomb, and the peak of its memory.
fn tried(bomb: &Bomb, base: u64) -> (Vec<String>, u64) {
    let scene = Scene::new();
    let path = scene.file(bomb.name, &bomb.bytes);
    let case = scan(&scene, bomb.flags);
    let mut wrong = Vec::new();
    let mut check = |is: bool, what: String| {
        if !is {
            wrong.push(format!("{}: {what}", bomb.name));
        }
    };
    if case.report.is_null() {
        check(false, format!("no report, {:?}: {}", case.output.status, case.stderr()));
        return (wrong, 0);
    }
    case.assert_adds_up();
    let gaps = case.report["gaps"].as_array().expect("gaps");
    let reasons = || gaps.iter().filter_map(|gap| gap["reason"].as_str());
    let said: BTreeSet<&str> = reasons().filter(|reason| *reason != "members_not_examined").collect();
    let fits = said.len() == bomb.says.len() && bomb.says.iter().all(|says| says.split('|').any(|one| said.contains(one)));
    check(fits, format!("says {said:?}, not {:?}", bomb.says));

    let harmless = ["link_member", "special_file"];
    let whole = said.iter().all(|reason| harmless.contains(reason));
    let verdict = if whole { "complete" } else { "incomplete" };
    check(case.report["coverage"]["verdict"] == verdict, format!("coverage is not {verdict}"));
    // What this suite has no rules for leaves nothing at notice or above but remarks on the archive itself.
    let levels: BTreeSet<&str> = case.findings().iter().filter_map(|finding| finding["level"].as_str()).collect();
    let exit = match () {
        () if levels.contains("alert") => 2,
        () if levels.iter().any(|level| *level != "info") => 1,
        () if whole => 0,
        () => 3,
    };
    check(case.exit() == exit, format!("exit code {} and not {exit}, {levels:?}", case.exit()));

    let rows = case.inventory();
    let below = rows.iter().filter(|row| row["kind"] == "member").count();
    check(bomb.rows == usize::MAX || below == bomb.rows, format!("{below} members, not {}", bomb.rows));
    let row = case.row(&path);
    let notes: Vec<&str> = row["container"]["notes"].as_array().into_iter().flatten().filter_map(|n| n.as_str()).collect();
    check(notes == bomb.notes, format!("notes {notes:?}, not {:?}", bomb.notes));
    check(row["container"]["format"].is_string(), "is no container".to_owned());

    // Nothing may be written beside the case folder, and no folder may hold more than it should.
    let beside = std::fs::read_dir(scene.target()).expect("the target").count();
    check(beside == 1, format!("{beside} files in the target"));
    let used = peak(&case).saturating_sub(base);
    check(used > 0 || base == 0, "no peak of memory".to_owned());
    check(used <= MEMORY, format!("{} MiB", used >> 20));
    (wrong, used)
}

/// Peak memory of a scan that has next to nothing to do.
fn base() -> u64 {
    let scene = Scene::new();
    scene.file("a.txt", "a");
    let case = scan(&scene, &[]);
    assert_eq!(case.exit(), 0, "{}", case.stderr());
    // A little less, since two runs are never the same.
    peak(&case) * 9 / 10
}

fn try_all(class: &str, bombs: Vec<Bomb>) {
    let base = base();
    let mut wrong = Vec::new();
    let mut most = (0, "");
    for bomb in &bombs {
        let (found, used) = tried(bomb, base);
        wrong.extend(found);
        most = most.max((used, bomb.name));
    }
    println!("{class}: {} inputs, at most {} MiB above {} MiB ({})", bombs.len(), most.0 >> 20, base >> 20, most.1);
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn archives_in_archives_and_shared_bytes() {
    try_all("nesting", table::nesting());
}

#[test]
fn names_that_lead_elsewhere() {
    try_all("names", table::names());
}

#[test]
fn headers_that_contradict_each_other() {
    try_all("headers", table::headers());
}

#[test]
fn sizes_and_counts_that_are_lies() {
    try_all("giants", table::giants());
}

#[test]
fn windows_that_ask_for_gigabytes() {
    try_all("windows", table::windows());
}

#[test]
fn zeros_without_end() {
    try_all("ratios", table::ratios());
}

#[test]
fn members_without_number() {
    try_all("counts", table::counts());
}

#[test]
fn damage_is_told() {
    try_all("damage", table::damage());
}
