//! Layers import only downwards. Reads the `crate::` paths of the sources.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// From the bottom to the top; modules of one layer don't know each other.
const LAYERS: &[&[&str]] = &[
    &["model", "sys"],
    &["sqlite", "mail", "confine"],
    &["hashset"],
    &["source", "reader", "container", "ioc", "signature", "binary", "clue", "phi", "registry"],
    &["analyze", "correlate"],
    &["score", "report"],
    &["engine"],
    &["plan"],
    &["cli"],
];

fn rank(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

fn sources(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).expect("source folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
}

/// `crate::a::…` and `crate::{a::…, b::…}` in code, without comments.
fn edges(text: &str) -> Vec<String> {
    let code: String = text.lines().map(|l| l.split("//").next().unwrap_or("")).collect::<Vec<_>>().join("\n");
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let (mut depth, mut start) = (1, true);
            let mut word = String::new();
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 1 => start = true,
                    c if depth == 1 && start && (c.is_alphanumeric() || c == '_') => {
                        word.push(c);
                        continue;
                    }
                    c if c.is_whitespace() => continue,
                    _ => start = false,
                }
                if !word.is_empty() {
                    found.push(std::mem::take(&mut word));
                    start = c == ',';
                }
                if depth == 0 {
                    break;
                }
            }
        } else {
            found.push(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
        }
    }
    found
}

/// Edges that go up or sideways.
fn wrong(module: &str, text: &str) -> Vec<String> {
    let own = rank(module).unwrap_or_else(|| panic!("module {module} has no layer"));
    edges(text).into_iter().filter(|to| to != module && rank(to).is_none_or(|r| r >= own)).collect()
}

#[test]
fn imports_go_down() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    assert!(files.len() > 20, "the sources were not found");
    let mut bad: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in files {
        let rel = file.strip_prefix(&src).expect("below src");
        let Some(module) = rel.components().next().and_then(|c| c.as_os_str().to_str()).filter(|m| !m.ends_with(".rs")) else {
            continue;
        };
        let text = std::fs::read_to_string(&file).expect("readable source");
        let up = wrong(module, &text);
        if !up.is_empty() {
            bad.insert(rel.display().to_string(), up);
        }
    }
    assert!(bad.is_empty(), "imports that don't go down: {bad:#?}");
}

#[test]
fn an_upward_import_is_seen() {
    assert_eq!(wrong("model", "use crate::engine::Job;"), ["engine"]);
    assert_eq!(wrong("ioc", "use crate::{model::Name, phi::CaseKey};"), ["phi"]);
    assert!(wrong("cli", "use crate::plan::Plan; // crate::unknown").is_empty());
    assert!(wrong("plan", "use crate::{ioc::{A, B}, model};").is_empty());
}
