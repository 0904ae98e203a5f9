//! What the process that scans can't do any more, shown on this kernel.
#![cfg(target_os = "linux")]

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{Scene, has_tool, program};

fn outcomes(tried: &Value) -> Vec<(&str, &str)> {
    let attempts = tried["attempts"].as_array().expect("attempts");
    attempts.iter().map(|a| (a["action"].as_str().unwrap_or(""), a["outcome"].as_str().unwrap_or(""))).collect()
}

#[test]
fn known_answers_are_right_and_forbidden_actions_are_denied() {
    let scene = Scene::new();
    let output = program().args(["selftest", "--format", "json", "--dir"]).arg(scene.target()).output().unwrap();
    let result: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let weaker: Vec<_> = result["confinement"].as_array().into_iter().flatten().filter(|m| m["degree"] != "full").collect();
    if !weaker.is_empty() {
        eprintln!("skipped: this kernel offers less: {weaker:?}");
        return;
    }
    let allowed: Vec<_> = outcomes(&result).into_iter().filter(|(_, outcome)| *outcome != "denied").collect();
    assert!(allowed.is_empty(), "{allowed:?}");
    assert!(outcomes(&result).len() >= 25);
    assert_eq!((output.status.code(), &result["passed"]), (Some(0), &Value::Bool(true)), "{result:#}");
    assert!(result["checks"].as_array().is_some_and(|checks| checks.len() >= 10));
    assert_eq!(std::fs::read_dir(scene.target()).unwrap().count(), 0, "it cleans up behind itself");
}

/// Without confinement most of the same attempts go through: their being denied is no accident.
#[test]
fn unconfined_the_same_actions_go_through() {
    let scene = Scene::new();
    let mut other = Command::new("sleep").arg("60").stdout(Stdio::null()).spawn().unwrap();
    let pid = other.id().to_string();
    let output = program().args(["selftest", "--unconfined", "--attempts"]).arg(scene.target()).arg(&pid).output().unwrap();
    let _ = other.kill();
    let _ = other.wait();
    let result: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let outcomes = outcomes(&result);
    let allowed = |action: &str| outcomes.iter().any(|(a, outcome)| *a == action && *outcome == "allowed");
    for action in [
        "write to a file of the target",
        "cut a file of the target",
        "make a file in the target",
        "rename a file of the target",
        "change the rights of a file",
        "change the times of a file",
        "read a file that was not asked for",
        "write a file elsewhere",
        "send by UDP",
        "listen by TCP",
        "run another program",
        "start another process",
        "signal another process",
    ] {
        assert!(allowed(action), "{action}: {outcomes:?}");
    }
}

#[test]
fn the_report_says_how_far_it_went() {
    let scene = Scene::new();
    scene.file("a.txt", "hello");
    let rows = |flags: &[&str]| scene.scan(flags).report["footprint"]["confinement"].clone();
    let names = |rows: &Value| -> Vec<String> {
        let rows = rows.as_array().expect("rows");
        rows.iter().map(|r| format!("{} {}", r["measure"].as_str().unwrap_or(""), r["degree"].as_str().unwrap_or(""))).collect()
    };
    let confined = names(&rows(&[]));
    for measure in ["limits", "no_new_privileges", "capabilities", "landlock", "seccomp"] {
        assert!(confined.iter().any(|row| row.starts_with(measure)), "{measure} in {confined:?}");
    }
    assert_eq!(names(&rows(&["--unconfined"])), ["all none"]);
    assert_eq!(names(&rows(&["--unsupervised"])), confined);
}

/// What is in the environment steers loaders, allocators and thread pools: the scan process gets next to nothing of it.
#[test]
fn the_environment_stays_outside() {
    if !has_tool("strace") {
        return;
    }
    let scene = Scene::new();
    scene.file("a.txt", "hello");
    let starts = |flag: Option<&str>| -> usize {
        let log = scene.beside("strace.log");
        let mut command = Command::new("strace");
        command.args(["-f", "-v", "-s", "200", "-e", "trace=execve", "-o"]).arg(&log);
        command.arg(env!("CARGO_BIN_EXE_wardround")).arg("scan").arg(scene.target()).args(flag);
        command.arg("--case").arg(scene.beside(if flag.is_some() { "open" } else { "shut" }));
        let output = command.env("GLIBC_TUNABLES", "glibc.malloc.perturb=1").output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let log = std::fs::read_to_string(log).unwrap();
        assert_eq!(log.matches("execve(").count(), 2, "{log}");
        log.lines().filter(|line| line.contains("execve(") && line.contains("GLIBC_TUNABLES")).count()
    };
    assert_eq!(starts(None), 1, "only the first process has it");
    assert_eq!(starts(Some("--unconfined")), 2);
}
