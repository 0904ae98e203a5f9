//! The samples say what `samples/EXPECTED.md` promises, and nothing more.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::Scene;

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").canonicalize().expect("samples")
}

/// Rows of the table under a heading: cells without backticks.
fn table(text: &str, heading: &str) -> Vec<Vec<String>> {
    let section = text.split(&format!("## {heading}\n")).nth(1).expect("the heading").split("\n## ").next().unwrap_or("");
    let rows: Vec<Vec<String>> = section
        .lines()
        .filter(|l| l.contains(" | ") && !l.starts_with("Path |") && !l.starts_with("---"))
        .map(|l| l.split(" | ").map(|c| c.trim().replace('`', "")).collect())
        .collect();
    assert!(!rows.is_empty(), "no rows under {heading}");
    rows
}

#[test]
fn the_scan_says_what_is_expected() {
    let samples = samples();
    let text = std::fs::read_to_string(samples.join("EXPECTED.md")).unwrap();
    let drive = samples.join("workstation/C");
    let scene = Scene::new();
    let case = scene.scan_of(&[&samples], &[]);
    case.assert_adds_up();
    assert_eq!(case.exit(), 2, "{}", case.stderr());
    let rank = |level: &str| ["info", "notice", "warning", "alert"].iter().position(|l| *l == level).unwrap();
    let mut raised: Vec<(String, String, String)> = case
        .findings()
        .iter()
        .filter(|f| f["level"] != "info")
        .map(|f| ["path", "category", "level"].map(|k| f[k].as_str().unwrap().to_owned()).into())
        .collect();
    for row in table(&text, "Planted") {
        let path = drive.join(&row[0]).to_string_lossy().into_owned();
        let at = raised.iter().position(|(p, c, _)| *p == path && *c == row[1]);
        let (_, _, level) = raised.remove(at.unwrap_or_else(|| panic!("no finding for {row:?} in {raised:#?}")));
        match row[2].split_once(" or above") {
            Some((least, _)) => assert!(rank(&level) >= rank(least), "{row:?}: {level}"),
            None => assert_eq!(level, row[2], "{row:?}"),
        }
    }
    assert!(raised.is_empty(), "findings that EXPECTED.md doesn't name: {raised:#?}");
    let rows = case.inventory();
    for row in table(&text, "Not readable") {
        let path = drive.join(&row[0]).to_string_lossy().into_owned();
        let found = rows.iter().find(|r| r["path"] == path.as_str()).unwrap_or_else(|| panic!("no row for {path}"));
        assert_eq!(found["reason"], row[1].as_str(), "{path}");
    }
    assert_eq!(case.report["coverage"]["by_reason"]["encrypted"].as_u64().unwrap() as usize, table(&text, "Not readable").len());
}

#[test]
fn people_are_counted_once_and_nowhere_named() {
    let samples = samples();
    let scene = Scene::new();
    let case = scene.scan_of(&[&samples], &[]);
    let people = &case.report["phi"]["individuals"];
    assert!(people["low"].as_u64() > Some(0) && people["low"].as_u64() <= people["best"].as_u64(), "{people}");
    // Staged people are also in the backups: the case is smaller than the sum of its findings.
    let sum: u64 = case.findings().iter().filter_map(|f| f["phi"]["individuals"]["best"].as_u64()).sum();
    assert!(people["best"].as_u64().unwrap() < sum);
    // Every value of the staged table, in every file of the case folder.
    let table = std::fs::read_to_string(samples.join("workstation/C/Windows/Temp/svc/msvcx90.dll")).unwrap();
    let mut values: Vec<&str> = table.lines().skip(1).flat_map(|l| l.split(',')).map(str::trim).collect();
    values.retain(|v| v.len() >= 6 && v.bytes().any(|b| b.is_ascii_digit()) && v.bytes().filter(u8::is_ascii_digit).count() >= 6);
    assert!(values.len() > 100, "{}", values.len());
    let mut text = Vec::new();
    for file in walkdir::WalkDir::new(&case.dir).into_iter().flatten().filter(|e| e.file_type().is_file()) {
        text.extend(std::fs::read(file.path()).unwrap());
    }
    text.extend(&case.output.stdout);
    text.extend(&case.output.stderr);
    let text = String::from_utf8_lossy(&text);
    for value in values {
        // An SSN without its dashes too; a date without them could be a file's.
        let loose = if value.len() == 11 { value.replace('-', "") } else { value.to_owned() };
        let whole = |needle: &str| {
            text.match_indices(needle).any(|(at, _)| {
                let edge = |c: Option<char>| c.is_none_or(|c| !c.is_ascii_alphanumeric());
                edge(text[..at].chars().next_back()) && edge(text[at + needle.len()..].chars().next())
            })
        };
        assert!(!whole(value) && !whole(&loose), "a value of the evidence is in the case folder");
    }
}

#[test]
fn the_generator_writes_what_is_committed() {
    let status = Command::new("python3").arg(samples().join("generate.py")).arg("--check").status();
    match status {
        Ok(status) => assert!(status.success()),
        Err(_) => eprintln!("skipped: no python3"),
    }
}
