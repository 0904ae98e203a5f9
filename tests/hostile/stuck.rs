//! Storage that doesn't answer, or answers with errors: a file system of our own (`stuck.py`) whose reads never end, in a way
//! that even a killed process waits in the kernel.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant, SystemTime};

use super::figure;
use crate::support::{Case, Scene, has_tool, is_root, program};

/// The file system while it is mounted.
struct Stuck {
    server: Child,
    _out: BufReader<ChildStdout>,
    point: PathBuf,
}

impl Stuck {
    /// None where this machine can't: then the test is skipped, and says so.
    fn mount(point: &Path, kind: &str, hangs: usize, flags: &[&str]) -> Option<Self> {
        if !is_root() || !Path::new("/dev/fuse").exists() || !has_tool("python3") || !has_tool("umount") {
            eprintln!("skipped: needs root, /dev/fuse, python3 and umount");
            return None;
        }
        std::fs::create_dir_all(point).expect("a folder");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile/stuck.py");
        let mut command = Command::new("python3");
        command.arg(script).arg(point).arg(kind).arg(hangs.to_string()).args(flags);
        let mut server = command.stdout(Stdio::piped()).spawn().expect("python3");
        let mut out = BufReader::new(server.stdout.take().expect("its output"));
        let mut line = String::new();
        let _ = out.read_line(&mut line);
        if line.trim() != "ready" {
            eprintln!("skipped: FUSE can't be mounted here");
            let _ = server.wait();
            return None;
        }
        Some(Self { server, _out: out, point: point.to_owned() })
    }
}

impl Drop for Stuck {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.point).status();
        // The kernel then fails whatever still waits.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Scans within a time; a process that is stuck in the kernel would keep a pipe open, so its output goes to files.
fn scan(scene: &Scene, flags: &[&str], longest: Duration) -> Case {
    let (case, output) = run(scene, &[&scene.target()], flags, longest);
    Case::read(case, output)
}

/// The case folder, and how the scan of `targets` ended.
fn run(scene: &Scene, targets: &[&Path], flags: &[&str], longest: Duration) -> (PathBuf, Output) {
    let case = scene.beside("case");
    let file = |name: &str| File::create(scene.beside(name)).expect("a file");
    let mut command = program();
    command.arg("scan").args(targets).arg("--case").arg(&case).args(["--no-default-rules", "--no-default-iocs"]).args(flags);
    let mut child = command.stdout(file("out")).stderr(file("err")).spawn().expect("the program");
    let begin = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child") {
            break status;
        }
        if begin.elapsed() > longest {
            child.kill().expect("a child that can be killed");
            panic!("the scan doesn't end: {}", std::fs::read_to_string(scene.beside("err")).unwrap_or_default());
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let read = |name: &str| std::fs::read(scene.beside(name)).expect("a file");
    (case, Output { status, stdout: read("out"), stderr: read("err") })
}

/// Files whose reads never end: WARDROUND_STUCK=20 for the full figure.
#[test]
fn reads_that_never_end_are_given_up_and_told() {
    let hangs = figure("WARDROUND_STUCK", 3);
    let scene = Scene::new();
    scene.file("beside.txt", "x");
    // To the program a local file system, so that it is read.
    let point = scene.target().join("stuck");
    let Some(_stuck) = Stuck::mount(&point, "fuse.ntfs-3g", hangs, &[]) else { return };
    let begin = Instant::now();
    let case = scan(&scene, &["--object-deadline", "0.02", "--threads", "2"], Duration::from_secs(60 + 20 * hangs as u64));
    let sealed = std::fs::metadata(case.dir.join("manifest.json")).expect("a sealed case").modified().expect("a time");
    let late = SystemTime::now().duration_since(sealed).unwrap_or_default();
    println!("{hangs} files that hang: {:.1?} in all, over {late:.1?} after the case was sealed", begin.elapsed());
    assert!(late < Duration::from_secs(10), "{late:?}");
    case.assert_adds_up();
    assert_eq!(case.exit(), 3, "{}", case.stderr());
    let of = |name: &str| case.row(&point.join(name));
    for n in 0..hangs {
        let row = of(&format!("hang-{n:02}.bin"));
        assert_eq!((&row["disposition"], &row["reason"]), (&"failed".into(), &"hung".into()), "{row}");
    }
    for n in 0..5 {
        let row = of(&format!("eio-{n}.bin"));
        assert_eq!((&row["disposition"], &row["reason"]), (&"partial".into(), &"io_error".into()), "{row}");
        assert!(row["sha256"].is_null(), "a digest of a part: {row}");
        assert_eq!(of(&format!("good-{n}.txt"))["disposition"], "examined");
    }
    assert_eq!(of("shut")["reason"], "io_error");
    assert_eq!(case.row(&scene.target().join("beside.txt"))["disposition"], "examined");
    assert_eq!(case.report["coverage"]["by_reason"]["hung"], hangs);
}

/// A network whose server is gone answers not even what it is: it is passed over without being asked.
#[test]
fn a_dead_network_mount_is_passed_over() {
    let scene = Scene::new();
    scene.file("beside.txt", "x");
    let point = scene.target().join("far away");
    let Some(_stuck) = Stuck::mount(&point, "fuse.sshfs", 0, &["mute"]) else { return };
    let case = scan(&scene, &[], Duration::from_secs(60));
    case.assert_adds_up();
    assert_eq!(case.exit(), 3, "{}", case.stderr());
    let row = case.row(&point);
    assert_eq!((&row["disposition"], &row["reason"]), (&"skipped".into(), &"network_fs".into()), "{row}");
    assert_eq!(case.row(&scene.target().join("beside.txt"))["disposition"], "examined");
}

/// Nor does a disk that died: to the program it is a local one, so it looks, is stuck with the walk, and goes on without it.
#[test]
fn a_dead_local_mount_is_given_up() {
    let scene = Scene::new();
    let beside: Vec<_> = ["a/1.txt", "z/2.txt", "zz.txt"].iter().map(|name| scene.file(name, "x")).collect();
    let point = scene.target().join("dead");
    let Some(_stuck) = Stuck::mount(&point, "fuse.ntfs-3g", 0, &["mute"]) else { return };
    let case = scan(&scene, &["--object-deadline", "0.03"], Duration::from_secs(120));
    case.assert_adds_up();
    assert_eq!(case.exit(), 3, "{}", case.stderr());
    let row = case.row(&point);
    assert_eq!((&row["disposition"], &row["reason"]), (&"failed".into(), &"hung".into()), "{row}");
    // What lies around it is looked at all the same.
    assert!(beside.iter().all(|path| case.row(path)["disposition"] == "examined"));
    assert_eq!(case.report["run"]["deaths"].as_array().map(Vec::len), Some(2));
}

/// A target that is itself dead is refused by its name, before anything of the scan could be stuck in it.
#[test]
fn a_dead_target_is_refused() {
    let scene = Scene::new();
    let beside = scene.target();
    let point = scene.beside("dead");
    let Some(_stuck) = Stuck::mount(&point, "fuse.ntfs-3g", 0, &["mute"]) else { return };
    let (case, output) = run(&scene, &[&beside, &point], &[], Duration::from_secs(60));
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(64), "{told}");
    assert!(told.contains(&*point.to_string_lossy()) && told.contains("has not answered for 30 s"), "{told}");
    assert!(!told.contains("panicked") && !case.exists(), "{told}");
}
