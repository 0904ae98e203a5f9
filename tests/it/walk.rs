//! What exists is found, nothing is followed, everything is accounted for.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

use crate::support::{Scene, is_root};

#[test]
fn links_special_files_and_odd_names_are_rows() {
    let scene = Scene::new();
    let file = scene.file("a/plain.txt", "hello");
    std::fs::hard_link(&file, scene.target().join("a/other.txt")).unwrap();
    std::os::unix::fs::symlink("..", scene.target().join("a/loop")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", scene.target().join("a/zero")).unwrap();
    assert!(Command::new("mkfifo").arg(scene.target().join("pipe")).status().unwrap().success());
    let raw = scene.target().join(std::ffi::OsStr::from_bytes(b"bad\xff\x1b[2Jname"));
    std::fs::write(&raw, "x").unwrap();
    let case = scene.scan(&[]);
    case.assert_adds_up();
    assert_eq!(case.exit(), 0, "{}", case.stderr());
    let kinds: BTreeMap<String, String> = case
        .inventory()
        .iter()
        .map(|r| (r["path"].as_str().unwrap().to_owned(), r["kind"].as_str().unwrap().to_owned()))
        .collect();
    let at = |name: &str| kinds.get(&scene.target().join(name).to_string_lossy().into_owned()).map(String::as_str);
    assert_eq!(at("a/loop"), Some("symlink"));
    assert_eq!(at("a/zero"), Some("symlink"));
    assert_eq!(at("pipe"), Some("special"));
    // Both names have a row with the same digest; the content was read once.
    let (first, second) = (case.row(&scene.target().join("a/other.txt")), case.row(&file));
    assert_eq!(first["sha256"], second["sha256"]);
    assert!(first["sha256"].is_string() && second["hard_link_to"].is_string());
    assert_eq!(case.report["coverage"]["bytes_examined"], 6);
    let odd = case.inventory().into_iter().find(|r| r["path"].as_str().unwrap().contains("bad")).unwrap();
    assert!(odd["path"].as_str().unwrap().ends_with("bad\\xff\\u{1b}[2Jname"));
    let bytes = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, odd["path_raw"].as_str().unwrap()).unwrap();
    assert_eq!(bytes, raw.as_os_str().as_bytes());
}

#[test]
fn folders_beyond_path_max_are_reached() {
    let scene = Scene::new();
    // 120 folders of 50 characters: 6,000 bytes of path.
    let script = r#"
import os, sys
os.chdir(sys.argv[1])
for i in range(120):
    os.mkdir("d" * 50); os.chdir("d" * 50)
open("deep.txt", "w").write("here")
"#;
    assert!(Command::new("python3").args(["-c", script]).arg(scene.target()).status().unwrap().success());
    let case = scene.scan(&[]);
    case.assert_adds_up();
    assert_eq!(case.exit(), 0, "{}", case.stderr());
    let deep = case.inventory().into_iter().find(|r| r["path"].as_str().unwrap().ends_with("/deep.txt")).expect("the deep file");
    assert!(deep["path"].as_str().unwrap().len() > 4096 && deep["sha256"].is_string());
    // So that the temporary folder can be removed.
    let _ = Command::new("rm").arg("-rf").arg(scene.target()).status();
}

#[test]
fn the_inventory_agrees_with_an_independent_walk() {
    let scene = Scene::new();
    for i in 0..300 {
        scene.file(&format!("d{}/f{i}.txt", i % 17), vec![b'x'; i]);
    }
    let case = scene.scan(&[]);
    let mut ours: Vec<(String, u64)> = case
        .inventory()
        .iter()
        .filter(|r| r["kind"] == "file")
        .map(|r| (r["path"].as_str().unwrap().into(), r["size"].as_u64().unwrap()))
        .collect();
    let mut theirs: Vec<(String, u64)> = walkdir::WalkDir::new(scene.target())
        .into_iter()
        .map(|e| e.unwrap())
        .filter(|e| e.file_type().is_file())
        .map(|e| (e.path().to_string_lossy().into_owned(), e.metadata().unwrap().len()))
        .collect();
    ours.sort();
    theirs.sort();
    assert_eq!(ours, theirs);
}

#[test]
fn pseudo_file_systems_are_skipped_and_said() {
    let scene = Scene::new();
    let case = scene.scan_of(&[Path::new("/proc")], &[]);
    case.assert_adds_up();
    assert_eq!(case.report["coverage"]["by_reason"]["pseudo_fs"], 1);
    // Shared memory is an ordinary file system.
    let shm = Path::new("/dev/shm").join(format!("wardround-test-{}", std::process::id()));
    if std::fs::create_dir(&shm).is_ok() {
        std::fs::write(shm.join("x"), "hello").unwrap();
        let case = scene.scan_of(&[&shm], &[]);
        assert!(case.row(&shm.join("x"))["sha256"].is_string());
        std::fs::remove_dir_all(&shm).unwrap();
    }
}

#[test]
fn an_unreadable_folder_is_a_gap() {
    let scene = Scene::new();
    scene.file("open/a.txt", "a");
    scene.file("shut/b.txt", "b");
    assert!(Command::new("chmod").args(["000"]).arg(scene.target().join("shut")).status().unwrap().success());
    let mut command = crate::support::program();
    let case = scene.beside("case-x");
    if is_root() {
        // Root reads everything; another user doesn't.
        std::fs::create_dir(scene.beside("out")).unwrap();
        let copy = scene.beside("wardround");
        std::fs::copy(command.get_program(), &copy).unwrap();
        let all = Command::new("chmod").args(["-R", "a+rX"]).arg(scene.beside("")).status().unwrap();
        assert!(all.success());
        assert!(Command::new("chmod").args(["000"]).arg(scene.target().join("shut")).status().unwrap().success());
        assert!(Command::new("chmod").args(["777"]).arg(scene.beside("out")).status().unwrap().success());
        command = Command::new("setpriv");
        command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(copy);
    }
    let case = if is_root() { scene.beside("out/case") } else { case };
    let output = command.arg("scan").arg(scene.target()).arg("--case").arg(&case).output().unwrap();
    let case = crate::support::Case::read(case, output);
    assert_eq!(case.exit(), 3, "{}", case.stderr());
    case.assert_adds_up();
    assert_eq!(case.report["coverage"]["by_reason"]["permission"], 1);
    assert_eq!(case.row(&scene.target().join("shut"))["disposition"], "failed");
    assert!(case.row(&scene.target().join("open/a.txt"))["sha256"].is_string());
    let _ = Command::new("chmod").args(["755"]).arg(scene.target().join("shut")).status();
}

#[test]
fn aged_access_times_stay() {
    let scene = Scene::new();
    let file = scene.file("sub/a.txt", "hello");
    std::os::unix::fs::symlink("nowhere", scene.target().join("sub/link")).unwrap();
    let script = r#"
import os, sys, time
t = time.time() - 10 * 86400
for d, dd, ff in os.walk(sys.argv[1], topdown=False):
    for n in ff + dd: os.utime(os.path.join(d, n), (t, t - 9 * 86400), follow_symlinks=False)
os.utime(sys.argv[1], (t, t - 9 * 86400))
"#;
    assert!(Command::new("python3").args(["-c", script]).arg(scene.target()).status().unwrap().success());
    let lstat = || {
        ["", "sub", "sub/a.txt", "sub/link"].map(|n| {
            use std::os::unix::fs::MetadataExt;
            let m = std::fs::symlink_metadata(scene.target().join(n)).unwrap();
            (m.atime(), m.atime_nsec(), m.mtime(), m.ctime(), m.mode())
        })
    };
    let before = lstat();
    assert_eq!(scene.scan(&[]).exit(), 0);
    assert_eq!(lstat(), before);
    // Negative control: a plain reader changes it, unless the file system never does.
    std::fs::read(&file).unwrap();
    if lstat() == before {
        eprintln!("note: this file system keeps access times from every reader, so the test shows little here");
    }
}

/// A strace log with the calls whole that another thread's cut in two (`<unfinished ...>`, `<... rename resumed>`).
fn whole_calls(log: &str) -> String {
    let mut begun: std::collections::BTreeMap<&str, &str> = std::collections::BTreeMap::new();
    let mut whole = String::new();
    for line in log.lines() {
        let (thread, call) = line.split_once(' ').unwrap_or((line, ""));
        if let Some(start) = call.trim_end().strip_suffix("<unfinished ...>") {
            begun.insert(thread, start.trim());
        } else if let Some((_, rest)) = call.split_once(" resumed>").filter(|_| call.trim_start().starts_with("<...")) {
            whole += &format!("{thread} {}{rest}\n", begun.remove(thread).unwrap_or_default());
        } else {
            whole += &format!("{line}\n");
        }
    }
    begun.iter().for_each(|(thread, start)| whole += &format!("{thread} {start}\n"));
    whole
}

/// Calls of a strace log that would change something outside `allowed`.
fn writes_outside(log: &str, allowed: &str) -> Vec<String> {
    let changes = [
        "O_WRONLY", "O_RDWR", "O_CREAT", "mkdir", "unlink", "rename", "chmod", "utime", "truncate", "setxattr", " link(",
        " linkat(", " symlink", "mknod",
    ];
    let reaches_out = ["socket(", "connect(", "sendto("];
    whole_calls(log)
        .lines()
        .filter(|l| !l.contains(" = -1 "))
        .filter(|l| {
            let path = l.split('"').nth(1).unwrap_or("");
            let changing = changes.iter().any(|c| l.contains(c)) && !path.starts_with(allowed) && path != "/dev/null";
            changing || reaches_out.iter().any(|c| l.contains(c))
        })
        .map(str::to_owned)
        .collect()
}

#[test]
fn nothing_is_written_but_the_case_folder() {
    if !crate::support::has_tool("strace") {
        return;
    }
    let scene = Scene::new();
    scene.file("a/b.txt", "hello");
    std::os::unix::fs::symlink("b.txt", scene.target().join("a/link")).unwrap();
    let (log, case) = (scene.beside("strace.log"), scene.beside("case-s"));
    let program = crate::support::program();
    let ran = Command::new("strace")
        .args(["-f", "-qq", "-e", "signal=none", "-e", "trace=%file,%network,fchmod,fchown,ftruncate,fsetxattr", "-o"])
        .arg(&log)
        .arg(program.get_program())
        .arg("scan")
        .arg(scene.target())
        .arg("--case")
        .arg(&case)
        .output()
        .unwrap();
    if !case.join("report.json").exists() {
        eprintln!("skipped: strace can't trace here: {}", String::from_utf8_lossy(&ran.stderr));
        return;
    }
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains("report.json"), "the log shows the writes that are allowed");
    let case = case.canonicalize().unwrap().display().to_string();
    assert_eq!(writes_outside(&log, &case), Vec::<String>::new());
    // Negative control.
    assert_eq!(
        writes_outside("1 openat(AT_FDCWD, \"/etc/x\", O_WRONLY|O_CREAT, 0600) = 3\n1 socket(AF_INET, 1, 0) = 4", &case).len(),
        2
    );
    let cut = "1 rename(\"/etc/x\",  <unfinished ...>\n2 close(3) = 0\n1 <... rename resumed>\"/etc/y\") = 0";
    assert_eq!(writes_outside(cut, &case), ["1 rename(\"/etc/x\",\"/etc/y\") = 0"]);
    assert!(writes_outside(&cut.replace("/etc", &case), &case).is_empty());
}
