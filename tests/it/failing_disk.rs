//! The case folder's disk fails at any write: a clear sentence, exit code 73, nothing acknowledged is lost, never
//! "clean". And a kill at any write of the journal costs nothing that resuming doesn't bring back.
//!
//! strace injects the failure at exactly the n-th call on the case folder's files.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::support::{Case, Scene, has_tool, program, same};

/// Points at which each failure is tried: WARDROUND_POINTS=50 for the full figure.
fn points() -> u32 {
    std::env::var("WARDROUND_POINTS").ok().and_then(|n| n.parse().ok()).unwrap_or(4)
}

fn tree(scene: &Scene) {
    for i in 0..400 {
        scene.file(&format!("d{}/{i}.txt", i % 5), format!("file {i} ").repeat(40));
    }
    scene.file("d0/eicar.txt", "X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*");
}

/// Runs a scan under strace, which does `inject` to the calls on files of the case folder.
fn injected(scene: &Scene, case: &Path, inject: &str) -> Option<Output> {
    let program = program();
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("inject={inject}")]);
    for name in ["journal/journal.jsonl", "journal/resume.log", "report.json.unfinished", "inventory.jsonl.zst.unfinished"] {
        command.arg("-P").arg(case.join(name));
    }
    command.arg(program.get_program()).args(["scan", "--unsupervised", "-q", "--threads", "1", "--case"]);
    command.arg(case).arg(scene.target()).stdin(Stdio::null());
    let output = command.output().ok()?;
    let blocked = String::from_utf8_lossy(&output.stderr).contains("ptrace");
    (!blocked).then_some(output)
}

#[test]
fn failing_writes_are_told_and_lose_nothing() {
    if !has_tool("strace") {
        eprintln!("skipped: strace is missing");
        return;
    }
    let scene = Scene::new();
    tree(&scene);
    let whole = scene.scan(&["--threads", "1"]);
    let (mut failed, mut n) = (0, 0);
    for (calls, failure) in [
        ("write", "error=ENOSPC"),
        ("write", "error=EDQUOT"),
        ("write", "error=EIO"),
        ("fdatasync,fsync", "error=EIO"),
        ("write", "retval=3"),
    ] {
        for point in 1..=points() {
            n += 1;
            let case = scene.beside(&format!("failed-{n}"));
            // A disk that is full stays full. The short write is a lie: three bytes are said to be written, and none are.
            let when = if failure.starts_with("retval") { format!("{point}") } else { format!("{point}+") };
            let what = format!("{calls} {failure} at {when}");
            let Some(output) = injected(&scene, &case, &format!("{calls}:{failure}:when={when}")) else {
                eprintln!("skipped: strace can't trace here");
                return;
            };
            let err = String::from_utf8_lossy(&output.stderr).into_owned();
            if output.status.code() == Some(whole.exit()) {
                // The point lies behind the last such call of this scan: then everything has to be right.
                let verified = program().arg("verify").arg(&case).output().expect("the program");
                assert_eq!(verified.status.code(), Some(0), "{what}: {}", String::from_utf8_lossy(&verified.stdout));
                same(&whole, &Case::read(case, output), &what);
                continue;
            }
            failed += 1;
            assert_eq!(output.status.code(), Some(73), "{what}: {err}");
            assert!(err.starts_with("wardround: ") && err.trim_end().lines().count() <= 2, "{what}: {err}");
            if failure.starts_with("retval") {
                continue;
            }
            if case.join("journal/resume.log").exists() {
                let again = Case::resumed(&case);
                same(&whole, &again, &what);
            } else {
                assert!(!case.join("manifest.json").exists(), "{what}: {err}");
            }
        }
    }
    assert!(failed > 4, "no failure came through");
}

#[test]
fn a_kill_at_every_write_of_the_journal_loses_nothing() {
    if !has_tool("strace") {
        eprintln!("skipped: strace is missing");
        return;
    }
    let scene = Scene::new();
    tree(&scene);
    let whole = scene.scan(&["--threads", "1"]);
    let mut killed = 0;
    for point in 1..=points() * 2 {
        let case = scene.beside(&format!("killed-{point}"));
        let Some(output) = injected(&scene, &case, &format!("write:signal=SIGKILL:when={point}")) else {
            eprintln!("skipped: strace can't trace here");
            return;
        };
        if output.status.code().is_some_and(|code| code < 64) {
            // Fewer writes than that.
            break;
        }
        killed += 1;
        if !case.join("journal/resume.log").exists() {
            continue;
        }
        let again = Case::resumed(&case);
        if again.exit() == 64 {
            // Killed before it had kept what it was asked.
            assert!(again.stderr().contains("holds no scan"), "{point}: {}", again.stderr());
            continue;
        }
        same(&whole, &again, &format!("at write {point}"));
        let torn = std::fs::read_dir(case.join("journal")).expect("it").flatten();
        assert!(torn.filter(|e| e.file_name().to_string_lossy().starts_with("torn")).count() <= 1);
    }
    assert!(killed > 1, "no kill came through");
}
