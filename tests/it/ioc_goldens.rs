//! What every indicator format makes of its fixtures, against goldens found by glob: good files, malformed ones,
//! huge ones. `UPDATE_GOLDENS=1` writes them anew.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use wardround::ioc::IndicatorSet;
use wardround::model::Input;

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

/// What became of a file, a line an entry.
fn told(report: &Input) -> String {
    let mut out = format!("{}: {} loaded\n", report.kind.as_deref().unwrap_or("not read"), report.loaded);
    for (word, list) in [
        ("rejected", &report.rejected),
        ("unanswered", &report.unanswered),
        ("partly", &report.partly),
        ("broad", &report.broad),
        ("duplicate", &report.duplicates),
        ("adjusted", &report.adjusted),
    ] {
        for r in list {
            // The list of formats grows.
            let why = r.why.split("; accepted are ").next().unwrap_or_default();
            let _ = writeln!(out, "{word} {}: {why}", r.place);
        }
    }
    out
}

#[test]
fn every_fixture_is_read_as_its_golden_says() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for folder in ["ioc", "ioc-malformed"] {
        let mut files: Vec<PathBuf> =
            std::fs::read_dir(tests().join("fixtures").join(folder)).expect("fixtures").flatten().map(|e| e.path()).collect();
        files.sort();
        for file in files.iter().filter(|f| f.is_file()) {
            let (_, reports) = IndicatorSet::check(std::slice::from_ref(file), false).expect("readable");
            let got = told(&reports[0]);
            let name = file.file_name().and_then(|n| n.to_str()).expect("a name");
            let golden = tests().join("goldens").join(folder).join(format!("{name}.txt"));
            if std::env::var_os("UPDATE_GOLDENS").is_some() {
                std::fs::create_dir_all(golden.parent().expect("a folder")).expect("a folder");
                std::fs::write(&golden, &got).expect("written");
            }
            let want = std::fs::read_to_string(&golden).unwrap_or_else(|_| "no golden".into()).replace("\r\n", "\n");
            if got != want {
                wrong.push(format!("{folder}/{name}\n--- golden\n{want}--- got\n{got}"));
            }
            seen += 1;
        }
    }
    assert!(seen > 12, "the fixtures were not found");
    assert!(wrong.is_empty(), "run with UPDATE_GOLDENS=1 and look at the difference:\n{}", wrong.join("\n"));
}

#[test]
fn huge_lists_load_whole() {
    let n = 200_000u64;
    let mut hashes = String::from("# many\n");
    let mut mixed = String::new();
    let mut table = String::from("type,indicator,description\n");
    for i in 0..n {
        let _ = writeln!(hashes, "{i:064x};60;line {i}");
        let _ = writeln!(mixed, "c:\\temp\\agent-{i}.exe");
        let _ = writeln!(table, "sha1,{i:040x},row {i}");
    }
    let lists: [(&str, &[u8]); 3] =
        [("hash-iocs.txt", hashes.as_bytes()), ("mixed.txt", mixed.as_bytes()), ("table.csv", table.as_bytes())];
    let (set, reports) = IndicatorSet::from_contents(&lists).expect("loads");
    assert_eq!(set.len() as u64, 3 * n);
    for report in &reports {
        assert_eq!((report.loaded, report.rejected.len()), (n, 0), "{}", report.name);
    }
}
