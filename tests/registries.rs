//! Everything that is registered has a fixture and a row in the README.

use std::path::Path;

use wardround::{container, correlate, ioc, phi, report};

fn readme() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("README.md")
}

/// A table row that begins with the id in code style.
fn has_row(text: &str, id: &str) -> bool {
    text.lines().any(|line| line.trim_start().starts_with(&format!("| `{id}` |")))
}

fn has_fixture(kind: &str, id: &str) -> bool {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(kind);
    std::fs::read_dir(dir).into_iter().flatten().flatten().any(|e| {
        let name = e.file_name();
        let name = name.to_string_lossy();
        // `zip.zip`, `7z.bin`, or a folder `zip/`, but not `zipx` for `zip`.
        name.strip_prefix(id).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '_', '-']))
    })
}

fn missing(kind: &str, ids: &[&str], fixtures: bool) -> Vec<String> {
    let text = readme();
    let mut out = Vec::new();
    for id in ids {
        if !has_row(&text, id) {
            out.push(format!("{kind} {id}: no row in README.md"));
        }
        if fixtures && !has_fixture(kind, id) {
            out.push(format!("{kind} {id}: no fixture in tests/fixtures/{kind}"));
        }
    }
    out
}

/// Exports without a test of their own, whose name begins with theirs.
fn untested(ids: &[&str]) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/exports.rs");
    let tests = std::fs::read_to_string(path).expect("tests/it/exports.rs");
    let missing = ids.iter().filter(|id| !tests.contains(&format!("#[test]\nfn {id}_")));
    missing.map(|id| format!("export {id}: no test in tests/it/exports.rs")).collect()
}

#[test]
fn registered_items_are_documented_and_have_fixtures() {
    let mut all = Vec::new();
    all.extend(missing("container", &container::formats().map(|c| c.id()).collect::<Vec<_>>(), true));
    all.extend(missing("ioc", &ioc::REGISTRY.iter().map(|f| f.id()).collect::<Vec<_>>(), true));
    all.extend(missing("phi", &phi::REGISTRY.iter().map(|d| d.id()).collect::<Vec<_>>(), true));
    all.extend(missing("phi", &phi::document::REGISTRY.iter().map(|d| d.id()).collect::<Vec<_>>(), true));
    all.extend(missing("report", &report::REGISTRY.iter().map(|w| w.id()).collect::<Vec<_>>(), false));
    all.extend(missing("export", &report::EXPORTS.iter().map(|e| e.id()).collect::<Vec<_>>(), false));
    all.extend(untested(&report::EXPORTS.iter().map(|e| e.id()).collect::<Vec<_>>()));
    all.extend(missing(
        "correlate",
        &correlate::all(&Default::default(), None, Default::default()).iter().map(|c| c.id()).collect::<Vec<_>>(),
        false,
    ));
    all.extend(missing("reason", &wardround::model::GapReason::ALL.iter().map(|r| r.id()).collect::<Vec<_>>(), false));
    assert!(all.is_empty(), "{all:#?}");
}

#[test]
fn what_is_missing_is_seen() {
    assert_eq!(missing("container", &["no-such-format"], true).len(), 2);
    assert_eq!(untested(&["no-such-export"]).len(), 1);
}
