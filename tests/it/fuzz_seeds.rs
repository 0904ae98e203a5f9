//! Every seed of `fuzz/seeds`, through the function that its fuzz target calls: inputs that reach far into a parser stay
//! inputs that end well.

use std::panic::catch_unwind;
use std::path::Path;

#[path = "../../fuzz/src/lib.rs"]
mod wardround_fuzz;

/// Calls what the target with this source calls.
fn run(source: &str, bytes: &[u8]) -> bool {
    let call = source.split("wardround_fuzz::").nth(1).expect("a call");
    let (function, arguments) = call.split_once('(').expect("arguments");
    let id = arguments.split('"').nth(1).unwrap_or_default();
    catch_unwind(|| match function {
        "detector" => wardround_fuzz::detector(id, bytes),
        "document" => wardround_fuzz::document(id, bytes),
        "container" => wardround_fuzz::container(id, bytes),
        "executable" => wardround_fuzz::executable(bytes),
        "registry" => wardround_fuzz::registry(bytes),
        "clues" => wardround_fuzz::clues(bytes),
        "volumes" => wardround_fuzz::volumes(bytes),
        other => panic!("no function {other}"),
    })
    .is_ok()
}

#[test]
fn every_seed_ends_well() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let mut seen = 0;
    let mut bad = Vec::new();
    for folder in std::fs::read_dir(fuzz.join("seeds")).expect("seeds").flatten() {
        let target = folder.file_name().to_string_lossy().into_owned();
        let source = std::fs::read_to_string(fuzz.join(format!("fuzz_targets/{target}.rs"))).expect("its target");
        for seed in std::fs::read_dir(folder.path()).expect("a folder").flatten() {
            seen += 1;
            if !run(&source, &std::fs::read(seed.path()).expect("a seed")) {
                bad.push(seed.path());
            }
        }
    }
    assert!(seen > 100, "{seen} seeds");
    assert!(bad.is_empty(), "{bad:?}");
}

#[test]
fn a_seed_that_fails_is_seen() {
    assert!(!run("wardround_fuzz::detector(\"no such format\", data)", b""));
}
