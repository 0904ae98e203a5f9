//! The scan process dies on some objects in every way that can't be caught; the scan ends all the same, and names them.
//!
//! The program is `examples/faulty.rs`, which is wardround with one more analyzer.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::support::{Case, Scene};

/// Built by `cargo test` beside the program under test.
fn faulty() -> PathBuf {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_wardround"));
    program.with_file_name("examples").join(format!("faulty{}", std::env::consts::EXE_SUFFIX))
}

fn scan(scene: &Scene, flags: &[&str]) -> Case {
    let dir = scene.beside("case");
    let mut command = Command::new(faulty());
    command.args(["scan", "-q", "--case"]).arg(&dir).arg(scene.target()).args(flags).stdin(Stdio::null());
    let output = command.output().expect("examples/faulty.rs is built");
    Case::read(dir, output)
}

const WAYS: [(&str, &[&str]); 5] = [
    ("abort", &["SIGABRT"]),
    // Whether its handler ends the process or the kernel does.
    ("stack", &["SIGABRT", "SIGSEGV"]),
    ("memory", &["SIGABRT"]),
    ("segv", &["SIGSEGV"]),
    ("bus", &["SIGBUS"]),
];

/// How often each way is tried: WARDROUND_DEATHS=100 for the full figure.
fn times() -> usize {
    std::env::var("WARDROUND_DEATHS").ok().and_then(|n| n.parse().ok()).unwrap_or(1)
}

#[test]
fn the_culprit_is_a_gap_and_its_neighbours_are_examined() {
    let scene = Scene::new();
    for i in 0..60 {
        scene.file(&format!("d/{i:02}.txt"), format!("neighbour {i}"));
    }
    for (way, _) in WAYS {
        for i in 0..times() {
            scene.file(&format!("d/{way}-{i}.bin"), format!("FAULT {way}"));
        }
    }
    let case = scan(&scene, &["--threads", "3"]);
    case.assert_adds_up();
    assert_eq!(case.exit(), 3, "{}", case.stderr());
    for (way, signals) in WAYS {
        for i in 0..times() {
            let row = case.row(&scene.target().join(format!("d/{way}-{i}.bin")));
            assert_eq!((&row["disposition"], &row["reason"]), (&"failed".into(), &"crashed".into()), "{way} {row}");
            let gaps = case.report["gaps"].as_array().expect("gaps");
            let name = format!("{way}-{i}.bin");
            let gap = gaps.iter().find(|g| g["path"].as_str().is_some_and(|p| p.ends_with(&name)));
            let gap = gap.or_else(|| gaps.iter().find(|g| g["locator"].to_string().contains(&name)));
            let detail = gap.expect("a gap")["detail"].as_str().expect("how it died");
            assert!(signals.contains(&detail), "{way}: {detail}");
        }
    }
    for i in 0..60 {
        assert_eq!(case.row(&scene.target().join(format!("d/{i:02}.txt")))["disposition"], "examined");
    }
    assert_eq!(case.report["coverage"]["by_reason"]["crashed"], (WAYS.len() * times()) as u64);
    assert!(case.report["run"]["deaths"].as_array().expect("deaths").len() > WAYS.len() * times());
}

#[test]
fn what_dies_once_is_examined_after_all() {
    let scene = Scene::new();
    let mark = scene.beside("mark");
    scene.file("once.bin", format!("FAULT once segv {}", mark.display()));
    scene.file("other.txt", "x");
    // The mark lies where a confined process can't write.
    let case = scan(&scene, &["--unconfined"]);
    assert_eq!(case.exit(), 0, "{}", case.stderr());
    assert_eq!(case.row(&scene.target().join("once.bin"))["disposition"], "examined");
    assert_eq!(case.report["run"]["deaths"], serde_json::json!(["SIGSEGV"]));
    assert_eq!(case.report["run"]["resumed"], true);
}

#[test]
fn an_endless_loop_is_given_up() {
    let scene = Scene::new();
    for i in 0..times() {
        scene.file(&format!("loop-{i}.bin"), "FAULT loop");
    }
    scene.file("other.txt", "x");
    let case = scan(&scene, &["--object-deadline", "0.05", "--threads", "2"]);
    case.assert_adds_up();
    assert_eq!(case.exit(), 3, "{}", case.stderr());
    assert_eq!(case.report["coverage"]["by_reason"]["hung"], times() as u64);
    assert_eq!(case.row(&scene.target().join("loop-0.bin"))["reason"], "hung");
    assert_eq!(case.row(&scene.target().join("other.txt"))["disposition"], "examined");
}

#[test]
fn without_a_supervisor_a_death_ends_the_scan_and_resume_takes_it_up() {
    let scene = Scene::new();
    let mark = scene.beside("mark");
    scene.file("once.bin", format!("FAULT once abort {}", mark.display()));
    let first = scan(&scene, &["--unsupervised", "--unconfined"]);
    assert_eq!(first.output.status.code(), None, "it died");
    let output = Command::new(faulty()).args(["scan", "-q", "--resume", "--case"]).arg(&first.dir).output().expect("the program");
    let case = Case::read(first.dir, output);
    assert_eq!(case.exit(), 0, "{}", case.stderr());
    assert_eq!(case.row(&scene.target().join("once.bin"))["disposition"], "examined");
}

#[test]
fn a_scan_that_gets_nowhere_is_given_up_and_can_go_on_later() {
    let scene = Scene::new();
    scene.file("a.txt", "x");
    let dir = scene.beside("case");
    let mut command = Command::new(faulty());
    // Only then the environment reaches the scan process.
    command.args(["scan", "--unconfined", "--case"]).arg(&dir).arg(scene.target()).env("FAULT_ALWAYS", "1").stdin(Stdio::null());
    let output = command.output().expect("the program");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{told}");
    assert!(told.contains("died 5 times (SIGABRT) without getting further") && told.contains("--resume"), "{told}");
    let output = Command::new(faulty()).args(["scan", "-q", "--resume", "--case"]).arg(&dir).output().expect("the program");
    let case = Case::read(dir, output);
    assert_eq!((case.exit(), case.report["run"]["deaths"].as_array().map(Vec::len)), (0, Some(4)), "{}", case.stderr());
}
