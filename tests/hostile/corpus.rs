//! The table: every input against what must be said of it, in one scan for all that ask for the same limits. With
//! WARDROUND_HOSTILE=alone each is scanned by itself and its time and memory are measured, with `raised` all limits are ten
//! times what they are, with `off` there are none.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{HARMLESS, Input, archives, documents, executables, filesystem, names};
use crate::support::{Case, Scene, program};

/// Resident memory above that of a scan of one small file, bytes: of each worker.
const MEMORY: u64 = 512 << 20;
/// Workers of a scan of many.
const THREADS: u64 = 2;
/// No object may take longer.
const OBJECT: Duration = Duration::from_secs(30);
/// A scan of many that takes longer hangs.
const HANG: Duration = Duration::from_secs(600);

fn all() -> Vec<Input> {
    [archives::all(), filesystem::all(), names::all(), documents::all(), executables::all()].into_iter().flatten().collect()
}

/// Scans without rules and indicators: they are not what is tried here.
fn scan(scene: &Scene, flags: &[&str], longest: Duration) -> (Case, Duration) {
    let case = scene.beside("case");
    let mut child = program()
        .arg("scan")
        .arg(scene.target())
        .arg("--case")
        .arg(&case)
        // An object that makes no progress for as long is a gap that no table expects.
        .args(["--no-default-rules", "--no-default-iocs", "--quiet", "--object-deadline", "0.5"])
        .args(flags)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let begin = Instant::now();
    while child.try_wait().expect("a child").is_none() {
        if begin.elapsed() > longest {
            child.kill().expect("a child that can be killed");
            panic!("the scan doesn't end");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let took = begin.elapsed();
    (Case::read(case, child.wait_with_output().expect("its output")), took)
}

fn peak(case: &Case) -> u64 {
    case.report["run"]["peak_memory"].as_u64().unwrap_or(0)
}

/// Peak memory of a scan that has next to nothing to do.
fn base() -> u64 {
    let scene = Scene::new();
    scene.file("a.txt", "a");
    let (case, _) = scan(&scene, &[], OBJECT);
    assert_eq!(case.exit(), 0, "{}", case.stderr());
    // A little less, since two runs are never the same.
    peak(&case) * 9 / 10
}

/// What was said of the objects below one path.
#[derive(Default)]
struct Said {
    row: Value,
    below: usize,
    reasons: BTreeSet<String>,
}

/// By the path of the file that they are or lie in. Gaps are taken from the journal: the report's table of them has bounds.
fn said(case: &Case) -> BTreeMap<Vec<u8>, Said> {
    let mut by_path: BTreeMap<Vec<u8>, Said> = BTreeMap::new();
    let outermost = |row: &Value| row["locator"][0]["os"].as_str().unwrap_or_default().as_bytes().to_vec();
    for row in case.inventory() {
        let said = by_path.entry(outermost(&row)).or_default();
        match row["kind"].as_str() {
            Some("member" | "stream") => said.below += 1,
            _ => said.row = row,
        }
    }
    let journal = std::fs::read_to_string(case.dir.join("journal/journal.jsonl")).expect("a journal");
    for line in journal.lines().filter(|line| line.contains(r#""kind":"gap""#)) {
        let line: Value = serde_json::from_str(line).expect("a line of the journal");
        let reason = line["data"]["reason"].as_str().expect("a reason").to_owned();
        by_path.entry(outermost(&line["data"])).or_default().reasons.insert(reason);
    }
    by_path
}

/// What was said of an object and all that lies in it.
fn of(all: &BTreeMap<Vec<u8>, Said>, path: &[u8]) -> Option<Said> {
    let own = all.get(path)?;
    let mut said = Said { row: own.row.clone(), below: own.below, reasons: own.reasons.clone() };
    let inside = |p: &[u8]| p.strip_prefix(path).is_some_and(|rest| rest.first() == Some(&b'/'));
    for (_, other) in all.iter().filter(|(p, _)| inside(p)) {
        said.below += 1 + other.below;
        said.reasons.extend(other.reasons.iter().cloned());
    }
    Some(said)
}

/// What is wrong with a scan as a whole.
fn unsound(case: &Case, base: u64, most: u64) -> Vec<String> {
    if case.report.is_null() {
        return vec![format!("no report, {:?}: {}", case.output.status, case.stderr())];
    }
    case.assert_adds_up();
    let mut wrong = Vec::new();
    let mut check = |is: bool, what: String| {
        if !is {
            wrong.push(what)
        }
    };
    let levels: BTreeSet<&str> = case.findings().iter().filter_map(|finding| finding["level"].as_str()).collect();
    let exit = match case.report["coverage"]["verdict"].as_str() {
        _ if levels.contains("alert") => 2,
        _ if levels.iter().any(|level| *level != "info") => 1,
        Some("complete") => 0,
        _ => 3,
    };
    check(case.exit() == exit, format!("exit code {} and not {exit}, {levels:?}", case.exit()));
    check(
        case.report["run"]["deaths"].is_null() || case.report["run"]["deaths"] == serde_json::json!([]),
        case.report["run"]["deaths"].to_string(),
    );
    for never in ["crashed", "hung", "parser_failed", "limit_time"] {
        let n = &case.report["coverage"]["by_reason"][never];
        check(n.is_null(), format!("{n} objects: {never}"));
    }
    let used = peak(case).saturating_sub(base);
    check(peak(case) > 0, "no peak of memory".to_owned());
    check(used <= most, format!("{} MiB", used >> 20));
    wrong
}

/// What is wrong with one input.
fn judged(input: &Input, said: &Said) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut check = |is: bool, what: String| {
        if !is {
            wrong.push(what)
        }
    };
    let reasons: BTreeSet<&str> = said.reasons.iter().map(String::as_str).filter(|r| *r != "members_not_examined").collect();
    let fits = reasons.len() == input.says.len() && input.says.iter().all(|s| s.split('|').any(|one| reasons.contains(one)));
    check(fits, format!("says {reasons:?}, not {:?}", input.says));
    let disposition = &said.row["disposition"];
    check(disposition == input.disposition, format!("is {disposition}, not {:?}", input.disposition));
    if let Some(rows) = input.rows {
        check(said.below == rows, format!("{} members, not {rows}", said.below));
    }
    if let Some(expected) = input.notes {
        let notes: Vec<&str> =
            said.row["container"]["notes"].as_array().into_iter().flatten().filter_map(|n| n.as_str()).collect();
        check(notes == expected, format!("notes {notes:?}, not {expected:?}"));
        check(said.row["container"]["format"].is_string(), "is no container".to_owned());
    }
    let name = String::from_utf8_lossy(&input.name).into_owned();
    wrong.into_iter().map(|what| format!("{} / {name}: {what}", input.class)).collect()
}

/// Where an input lies: each in a folder of its own, so that none is taken for a part of another.
fn place(scene: &Scene, n: usize, input: &Input) -> PathBuf {
    let folder = scene.target().join(n.to_string());
    std::fs::create_dir(&folder).expect("a folder");
    folder.join(std::ffi::OsStr::from_bytes(&input.name))
}

/// A path as the report shows it.
fn shown(path: &Path) -> Vec<u8> {
    wardround::model::text::escape(path.as_os_str().as_bytes()).into_bytes()
}

/// Every name below.
fn tree(scene: &Scene) -> Vec<PathBuf> {
    walkdir::WalkDir::new(scene.target()).sort_by_file_name().into_iter().flatten().map(|e| e.into_path()).collect()
}

/// Scans all that ask for the same limits at once.
fn together(inputs: &[Input], base: u64) -> Vec<String> {
    let mut by_flags: BTreeMap<&[&str], Vec<&Input>> = BTreeMap::new();
    for input in inputs {
        by_flags.entry(input.flags).or_default().push(input);
    }
    let mut wrong = Vec::new();
    for (flags, inputs) in by_flags {
        let scene = Scene::new();
        let placed: Vec<_> = inputs.iter().enumerate().map(|(n, input)| (place(&scene, n, input), *input)).collect();
        placed.iter().for_each(|(path, input)| input.put(path));
        let before = tree(&scene);
        let (case, took) = scan(&scene, &[flags, &["--threads", "2"]].concat(), HANG);
        wrong.extend(unsound(&case, base, MEMORY * THREADS));
        if !case.report.is_null() {
            let said = said(&case);
            for (path, input) in &placed {
                match of(&said, &shown(path)) {
                    Some(said) => wrong.extend(judged(input, &said)),
                    None => wrong.push(format!("{}: not in the report", path.display())),
                }
            }
        }
        // Nothing was unpacked beside what was there.
        assert_eq!(tree(&scene), before);
        filesystem::clear(&scene.target());
        println!(
            "{} inputs {flags:?}: {took:.1?}, {} MiB above {} MiB",
            inputs.len(),
            peak(&case).saturating_sub(base) >> 20,
            base >> 20
        );
    }
    wrong
}

/// Scans each by itself and measures it.
fn alone(inputs: &[Input], base: u64, flags: &[&str], mode: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    // Whoever asks for larger bodies gets them.
    let most = if mode == "alone" { MEMORY } else { MEMORY + BODY };
    let mut figures: Vec<(Duration, u64, String)> = Vec::new();
    for (n, input) in inputs.iter().enumerate() {
        let scene = Scene::new();
        let path = place(&scene, n, input);
        input.put(&path);
        let flags = if mode == "alone" { input.flags } else { flags };
        let (case, took) = scan(&scene, flags, HANG);
        let name = format!("{} / {}", input.class, String::from_utf8_lossy(&input.name));
        wrong.extend(unsound(&case, base, most).into_iter().map(|what| format!("{name}: {what}")));
        if !case.report.is_null() {
            match of(&said(&case), &shown(&path)) {
                Some(said) if mode == "alone" => wrong.extend(judged(input, &said)),
                Some(said) => {
                    // Higher limits let more be examined, never less: what stops it is declared.
                    let known = |r: &str| HARMLESS.contains(&r) || input.says.iter().any(|s| s.contains(r));
                    let other =
                        said.reasons.iter().filter(|r| !known(r) && !r.starts_with("limit_") && *r != "members_not_examined");
                    let other: Vec<_> = other.filter(|r| *r != "deadline").collect();
                    if !other.is_empty() || said.row["disposition"].is_null() {
                        wrong.push(format!("{name}: {} for {other:?}", said.row["disposition"]));
                    }
                }
                None => wrong.push(format!("{name}: not in the report")),
            }
        }
        if took > OBJECT {
            wrong.push(format!("{name}: {took:?}"));
        }
        filesystem::clear(&scene.target());
        figures.push((took, peak(&case).saturating_sub(base), name));
    }
    figures.sort_by_key(|f| std::cmp::Reverse(f.0));
    println!("{mode}: {} inputs; slowest {:?}", figures.len(), figures.iter().take(5).collect::<Vec<_>>());
    figures.sort_by_key(|f| std::cmp::Reverse(f.1));
    println!("{mode}: largest {:?}", figures.iter().take(5).map(|f| (f.1 >> 20, &f.2)).collect::<Vec<_>>());
    wrong
}

/// What `--max-body` is raised to, and no further: it is memory that is asked for.
const BODY: u64 = 2560 << 20;
/// Ten times the defaults, and as good as none; a scan that isn't done in time says so.
const RAISED: [&str; 12] = [
    "--max-depth",
    "80",
    "--max-members",
    "10000000",
    "--max-expand",
    "640G",
    "--max-ratio",
    "10000",
    "--max-body",
    "2560M",
    "--deadline",
    "0.4",
];
const OFF: [&str; 12] = [
    "--max-depth",
    "4294967295",
    "--max-members",
    "18446744073709551615",
    "--max-expand",
    "18446744073709551615",
    "--max-ratio",
    "18446744073709551615",
    "--max-body",
    "2560M",
    "--deadline",
    "0.4",
];

#[test]
fn every_input_has_the_disposition_of_the_table() {
    let inputs = all();
    let classes: BTreeSet<&str> = inputs.iter().map(|i| i.class).collect();
    println!("{} inputs in {} classes", inputs.len(), classes.len());
    assert!(inputs.len() >= 200 && classes.len() >= 40, "{} inputs in {} classes", inputs.len(), classes.len());
    let base = base();
    let mode = std::env::var("WARDROUND_HOSTILE").unwrap_or_default();
    let wrong = match mode.as_str() {
        "alone" => alone(&inputs, base, &[], &mode),
        "raised" => alone(&inputs, base, &RAISED, &mode),
        "off" => alone(&inputs, base, &OFF, &mode),
        _ => together(&inputs, base),
    };
    assert!(wrong.is_empty(), "{} wrong: {wrong:#?}", wrong.len());
}

#[test]
fn what_a_deadline_cuts_short_says_so() {
    let scene = Scene::new();
    let input = all().into_iter().find(|input| input.name == b"levels-bytes.zip").expect("an archive without an end");
    let path = place(&scene, 0, &input);
    input.put(&path);
    let (flags, _) = RAISED.split_at(RAISED.len() - 2);
    let (case, took) = scan(&scene, &[flags, &["--deadline", "0.02"]].concat(), HANG);
    case.assert_adds_up();
    assert!(took < OBJECT, "{took:?}");
    let reasons = of(&said(&case), &shown(&path)).expect("a row").reasons;
    assert!(reasons.contains("deadline") && !reasons.contains("interrupted"), "{reasons:?}");
    assert_eq!(case.report["coverage"]["by_reason"]["interrupted"], Value::Null);
    assert_eq!(case.report["run"]["ended_for"], "deadline");
}

/// The table can fail: an expectation that is wrong is told.
#[test]
fn a_wrong_expectation_is_told() {
    let zip = super::make::zip::zip(&[super::make::zip::stored("a", b"x")]);
    let right = || Input { class: "control", rows: Some(1), notes: Some(&[]), ..Input::new("a.zip", zip.clone(), &[]) };
    let wrong = [
        Input { rows: Some(2), ..right() },
        Input { notes: Some(&["twins"]), ..right() },
        Input { disposition: "failed", ..right() },
        Input { says: &["malformed"], ..right() },
    ];
    let base = base();
    assert_eq!(together(&[right()], base), Vec::<String>::new());
    for input in wrong {
        let told = together(&[input], base);
        assert_eq!(told.len(), 1, "{told:?}");
    }
}
