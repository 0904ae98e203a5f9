//! What is listed is something else when it is opened: files, links to outside, pipes, folders and nothing take each other's
//! place while scans run. Nothing outside of the target is read, nothing waits, everything is accounted for.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rustix::fs::{CWD, FileType, Mode, mknodat, renameat};
use sha2::{Digest, Sha256};
use wardround::model::text::hex;

use super::figure;
use crate::support::{Case, Scene, program};

const CANARY: &str = "what lies outside of the target";

/// Puts another kind of thing at `path`, whatever is there; what takes its place is made beside and moved over it.
fn swap(path: &Path, kind: usize, outside: &Path) {
    let new = path.with_extension("new");
    let _ = std::fs::remove_file(&new);
    let clear = || {
        let _ = std::fs::remove_file(path);
        let _ = std::fs::remove_dir_all(path);
    };
    match kind % 6 {
        0 => std::fs::write(&new, "a file of the target").expect("a file"),
        1 => symlink(outside.join("canary.txt"), &new).expect("a link"),
        2 => mknodat(CWD, &new, FileType::Fifo, Mode::from_raw_mode(0o600), 0).expect("a pipe"),
        3 => return clear(),
        4 => {
            clear();
            let _ = std::fs::create_dir(path);
            let _ = std::fs::write(path.join("canary.txt"), "inside");
            return;
        }
        // A link where a folder was, in which a file of the same name lies.
        _ => symlink(outside, &new).expect("a link"),
    }
    if renameat(CWD, &new, CWD, path).is_err() {
        clear();
        let _ = renameat(CWD, &new, CWD, path);
    }
}

fn scan(scene: &Scene, n: usize, target: &Path, list: &Path) -> Case {
    let case = scene.beside(&format!("case-{n}"));
    let mut command = program();
    command.arg("scan").arg(target).arg("--case").arg(&case).arg("--ioc").arg(list);
    command.args(["-q", "--no-default-rules", "--no-default-iocs", "--object-deadline", "0.5"]);
    let output = command.output().expect("the program runs");
    Case::read(case, output)
}

/// Swaps while scans run: WARDROUND_SWAPS=10000 for the full figure.
#[test]
fn nothing_outside_is_read_whatever_takes_a_files_place() {
    let scene = Scene::new();
    let outside = scene.beside("outside");
    std::fs::create_dir(&outside).expect("a folder");
    std::fs::write(outside.join("canary.txt"), CANARY).expect("a file");
    let list = scene.beside("hashes.txt");
    std::fs::write(&list, format!("{};100;the canary\n", hex(&Sha256::digest(CANARY)))).expect("a list");
    // Control: where the canary may be read it is found.
    let control = scan(&scene, 0, &outside, &list);
    assert_eq!((control.exit(), control.of("ioc").len()), (2, 1), "{}", control.stderr());

    let wanted = figure("WARDROUND_SWAPS", 2_000);
    let (swaps, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let places: Vec<_> = (0..40).map(|n| scene.target().join(format!("{n}"))).collect();
    let cases = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut state = 1_usize;
            while !over.load(Ordering::Relaxed) {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                swap(&places[(state >> 33) % places.len()], state >> 45, &outside);
                swaps.fetch_add(1, Ordering::Relaxed);
            }
        });
        let mut cases = Vec::new();
        while swaps.load(Ordering::Relaxed) < wanted || cases.len() < 5 {
            cases.push(scan(&scene, cases.len() + 1, &scene.target(), &list));
        }
        over.store(true, Ordering::Relaxed);
        cases
    });
    let mut caught = 0;
    let target = scene.target();
    for case in &cases {
        assert!(!case.report.is_null(), "{}", case.stderr());
        case.assert_adds_up();
        assert_eq!(case.of("ioc").len(), 0, "something outside of the target was read");
        assert!([0, 3].contains(&case.exit()), "{}: {}", case.exit(), case.stderr());
        for row in case.inventory() {
            assert!(Path::new(row["path"].as_str().expect("a path")).starts_with(&target), "{row}");
        }
        let reasons = &case.report["coverage"]["by_reason"];
        caught += ["changed_during_read", "vanished"].iter().filter_map(|r| reasons[*r].as_u64()).sum::<u64>();
        assert!(reasons["hung"].is_null() && reasons["crashed"].is_null(), "{reasons}");
    }
    println!("{} swaps during {} scans, {caught} of them between listing and reading", swaps.into_inner(), cases.len());
    assert!(caught > 0, "no swap came between listing and reading: nothing was tried");
}
