//! What is of Windows alone, as far as this system has it: Wine knows no streams and no rights of files, Windows does.

use std::fs;
use std::os::windows::ffi::OsStringExt;
use std::os::windows::fs::OpenOptionsExt;
use std::path::PathBuf;

use serde_json::Value;

use crate::support::{Case, Scene};

/// A path that the system takes as it is.
fn verbatim(scene: &Scene) -> PathBuf {
    PathBuf::from(format!(r"\\?\{}", scene.target().display()))
}

/// The row of the object with this name.
fn row_of(case: &Case, name: &str) -> Value {
    let end = format!(r"\{name}");
    let row = case.inventory().into_iter().find(|row| row["path"].as_str().is_some_and(|p| p.ends_with(&end)));
    row.unwrap_or_else(|| panic!("no row of {name}: {}", case.stderr()))
}

#[test]
fn paths_are_shown_as_people_write_them() {
    let scene = Scene::new();
    scene.file("a/b.txt", "x");
    let case = scene.scan(&["--no-default-rules"]);
    case.assert_adds_up();
    let path = row_of(&case, "b.txt")["path"].as_str().unwrap().to_owned();
    assert!(path.get(1..3) == Some(":\\") && path.ends_with(r"\target\a\b.txt"), "{path}");
    assert!(!case.report["targets"][0]["path"].as_str().unwrap().contains('?'));
}

#[test]
fn long_paths_reserved_names_and_lone_surrogates_are_read() {
    let scene = Scene::new();
    let mut deep = verbatim(&scene);
    for n in 0..40 {
        deep.push(format!("folder-{n:02}-with-a-long-name"));
        fs::create_dir(&deep).unwrap();
    }
    assert!(deep.as_os_str().len() > 900);
    fs::write(deep.join("deep.txt"), "deep content").unwrap();
    let lone = std::ffi::OsString::from_wide(&[0x61, 0xd800, 0x62]);
    let lone_made = fs::write(verbatim(&scene).join(&lone), "lone content").is_ok();
    let odd = ["CON", "ends with a dot.", "ends with a space "];
    let made: Vec<&str> =
        odd.into_iter().filter(|n| fs::write(verbatim(&scene).join(n), format!("content of {n}")).is_ok()).collect();
    let case = scene.scan(&["--no-default-rules"]);
    case.assert_adds_up();
    let read = |name: &str| row_of(&case, name)["disposition"] == "examined" && row_of(&case, name)["sha256"].is_string();
    assert!(read("deep.txt"));
    for name in made {
        assert!(read(name), "{name}");
    }
    if lone_made {
        let row =
            case.inventory().into_iter().find(|r| r["path"].as_str().unwrap().contains(r"a\xed\xa0\x80b")).expect("its row");
        assert_eq!(row["disposition"], "examined");
        assert!(row["path_raw"].is_string());
    }
}

#[test]
fn what_others_hold_is_named_and_nobody_is_disturbed() {
    let scene = Scene::new();
    let held = scene.file("held.bin", "held content");
    let open = fs::OpenOptions::new().read(true).write(true).share_mode(0).open(&held).unwrap();
    let case = scene.scan(&["--no-default-rules"]);
    case.assert_adds_up();
    assert_eq!(row_of(&case, "held.bin")["reason"], "locked");
    drop(open);
    let shared = fs::OpenOptions::new().read(true).write(true).open(&held).unwrap();
    let case = scene.scan(&["--no-default-rules"]);
    assert_eq!(row_of(&case, "held.bin")["disposition"], "examined");
    drop(shared);
}

#[test]
fn hard_links_are_read_once() {
    let scene = Scene::new();
    let first = scene.file("a/first.txt", "linked content");
    if fs::hard_link(&first, scene.target().join("second.txt")).is_err() {
        return eprintln!("skipped: no hard links here");
    }
    let case = scene.scan(&["--no-default-rules"]);
    case.assert_adds_up();
    assert_eq!(row_of(&case, "second.txt")["hard_link_to"], row_of(&case, "first.txt")["path"]);
}

#[test]
fn times_are_exact() {
    let scene = Scene::new();
    let path = scene.file("a.txt", "x");
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_nanos(1_500_000_000_123_456_700);
    fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
    let case = scene.scan(&["--no-default-rules"]);
    let times = &row_of(&case, "a.txt")["times"];
    assert_eq!(times["mtime"], "2017-07-14T02:40:00.1234567Z");
    for other in ["atime", "ctime", "btime"] {
        assert!(times[other].is_string(), "{other}: {times}");
    }
}

#[test]
fn streams_are_objects() {
    let scene = Scene::new();
    scene.file("report.txt", "plain");
    let written = fs::write(scene.target().join("report.txt:evil.ps1"), "hidden content");
    // Wine makes a file with a colon in its name.
    if written.is_err() || fs::read_dir(scene.target()).unwrap().count() > 1 {
        return eprintln!("skipped: no streams here");
    }
    let case = scene.scan(&["--no-default-rules"]);
    case.assert_adds_up();
    let row = row_of(&case, "report.txt:evil.ps1");
    assert_eq!((row["kind"].as_str(), row["disposition"].as_str()), (Some("stream"), Some("examined")));
    assert_eq!(row["size"], 14);
}

#[test]
fn links_are_recorded_and_not_followed() {
    let scene = Scene::new();
    fs::create_dir(scene.beside("outside")).unwrap();
    fs::write(scene.beside("outside/secret.txt"), "not in the target").unwrap();
    let link = scene.target().join("link");
    let made = std::os::windows::fs::symlink_dir(scene.beside("outside"), &link);
    if made.is_err() || !fs::symlink_metadata(&link).is_ok_and(|m| m.is_symlink()) {
        return eprintln!("skipped: no links here");
    }
    let case = scene.scan(&["--no-default-rules"]);
    case.assert_adds_up();
    assert_eq!(row_of(&case, "link")["kind"], "symlink");
    assert!(case.inventory().iter().all(|r| !r["path"].as_str().unwrap().contains("secret.txt")));
}

#[test]
fn what_was_given_up_is_in_the_report() {
    let scene = Scene::new();
    scene.file("a.txt", "x");
    let case = scene.scan(&["--no-default-rules"]);
    let rows = case.report["footprint"]["confinement"].as_array().unwrap();
    let names: Vec<&str> = rows.iter().map(|r| r["measure"].as_str().unwrap()).collect();
    assert_eq!(names, ["job_object", "child_processes", "libraries", "privileges", "network"]);
}
