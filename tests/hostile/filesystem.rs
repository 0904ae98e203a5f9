//! What a file system can hold that isn't a plain file of plain size, and trees without end.

use std::os::unix::fs::{MetadataExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{CWD, FileType, Mode, OFlags, makedev, mkdirat, mknodat, openat};

use super::{Input, classes, figure};
use crate::support::{Case, Scene, has_tool, is_root, program};

pub fn all() -> Vec<Input> {
    let link = |name, make| Input::at(name, make, "examined", &[]);
    let special = |name, make| Input::at(name, make, "skipped", &["special_file"]);
    let mut devices = vec![
        special("pipe", |p| node(p, FileType::Fifo, 0)),
        special("socket", |p| drop(UnixListener::bind(p).expect("a socket"))),
    ];
    if is_root() {
        devices.extend([
            special("zeros", |p| node(p, FileType::CharacterDevice, makedev(1, 5))),
            special("kernel-log", |p| node(p, FileType::CharacterDevice, makedev(1, 11))),
            special("console", |p| node(p, FileType::CharacterDevice, makedev(5, 0))),
            special("disk", |p| node(p, FileType::BlockDevice, makedev(7, 250))),
        ]);
    }
    classes([
        (
            "links",
            vec![
                link("loop", |p| symlink(".", p).expect("a link")),
                link("self", |p| symlink("self", p).expect("a link")),
                link("up", |p| symlink("../../../../../..", p).expect("a link")),
                link("to-zero", |p| symlink("/dev/zero", p).expect("a link")),
                link("to-kernel", |p| symlink("/proc/kmsg", p).expect("a link")),
                link("nowhere", |p| symlink("/no/such/place", p).expect("a link")),
                link("long", |p| symlink("x/".repeat(2000), p).expect("a link")),
                link("escapes", |p| symlink("\x1b[2J\n\u{202e}", p).expect("a link")),
            ],
        ),
        ("devices, pipes and sockets", devices),
        (
            "folders without end",
            vec![
                Input { rows: Some(1000), ..Input::at("a-thousand-deep", |p| deep(p, 1000, b"ten-bytes"), "examined", &[]) },
                // A path of 51,000 bytes: beyond the bound of 16 KiB it is a gap that says so.
                Input::at("a-path-of-51000-bytes", |p| deep(p, 1000, &[b'd'; 50]), "examined", &["path_limit"]),
                Input { rows: Some(1000), ..Input::at("a-thousand-empty", |p| wide(p, 1000), "examined", &[]) },
            ],
        ),
        (
            "sizes that are lies",
            vec![
                Input::at("sparse-1tib", |p| sparse(p, 1 << 40), "failed", &["sparse_not_read"]),
                Input::at("sparse-15tib", |p| sparse(p, 15 << 40), "failed", &["sparse_not_read"]),
                Input::at("sparse-64mib", |p| sparse(p, 64 << 20), "examined", &[]),
            ],
        ),
        ("one file of many names", vec![Input { rows: Some(1000), ..Input::at("linked", linked, "examined", &[]) }]),
    ])
}

fn node(path: &Path, kind: FileType, device: u64) {
    mknodat(CWD, path, kind, Mode::from_raw_mode(0o600), device).expect("a node");
}

fn sparse(path: &Path, size: u64) {
    std::fs::File::create(path).expect("a file").set_len(size).expect("a size");
}

/// Folders in folders, made from descriptors since no path of theirs is short enough.
fn deep(path: &Path, levels: usize, name: &[u8]) {
    std::fs::create_dir(path).expect("a folder");
    let open = OFlags::PATH | OFlags::DIRECTORY;
    let mut at = openat(CWD, path, open, Mode::empty()).expect("a folder");
    for _ in 0..levels {
        mkdirat(&at, name, Mode::from_raw_mode(0o755)).expect("a folder");
        at = openat(&at, name, open, Mode::empty()).expect("a folder");
    }
}

fn wide(path: &Path, files: usize) {
    std::fs::create_dir(path).expect("a folder");
    (0..files).for_each(|n| drop(std::fs::File::create(path.join(format!("{n}"))).expect("a file")));
}

fn linked(path: &Path) {
    std::fs::create_dir(path).expect("a folder");
    std::fs::write(path.join("0"), "one").expect("a file");
    (1..1000).for_each(|n| std::fs::hard_link(path.join("0"), path.join(n.to_string())).expect("a link"));
}

/// Takes away what std, which opens a folder for each level, does not.
pub fn clear(folder: &Path) {
    let _ = Command::new("rm").arg("-rf").arg(folder).status();
}

/// Files in one folder: WARDROUND_FILES=100000 for the full figure.
#[test]
fn a_folder_of_very_many_files() {
    let scene = Scene::new();
    let files = figure("WARDROUND_FILES", 5_000);
    let folder = scene.target().join("many");
    std::fs::create_dir(&folder).expect("a folder");
    (0..files).for_each(|n| std::fs::write(folder.join(format!("{n:x}")), n.to_string()).expect("a file"));
    let case = scene.scan(&["--no-default-rules", "--no-default-iocs"]);
    case.assert_adds_up();
    assert_eq!((case.exit(), &case.report["coverage"]["examined"]), (0, &serde_json::json!(files + 2)), "{}", case.stderr());
    clear(&scene.target());
}

/// Windows into the kernel hold no files: as targets they are skipped, and reading them would never end.
#[test]
fn the_kernels_own_file_systems_as_targets() {
    let scene = Scene::new();
    for (target, reason) in
        [("/proc", "pseudo_fs"), ("/sys", "pseudo_fs"), ("/proc/self/fd", "pseudo_fs"), ("/dev/pts", "pseudo_fs")]
    {
        let case = scene.scan_of(&[Path::new(target)], &["--no-default-rules", "--no-default-iocs"]);
        case.assert_adds_up();
        assert_eq!(case.report["coverage"]["by_reason"][reason], 1, "{target}: {}", case.stderr());
        assert_eq!(case.report["coverage"]["discovered"], 1, "{target}");
    }
    // One file of them, and a device, each named as a target.
    for target in ["/proc/kmsg", "/proc/self/mem", "/dev/zero", "/dev/mem", "/dev/tty"] {
        if !Path::new(target).exists() {
            continue;
        }
        let case = scene.scan_of(&[Path::new(target)], &["--no-default-rules", "--no-default-iocs", "--object-deadline", "0.2"]);
        case.assert_adds_up();
        assert_eq!(case.report["coverage"]["discovered"], 1, "{target}");
        assert_eq!(case.report["coverage"]["examined"], 0, "{target}: {}", case.report["coverage"]);
    }
}

/// A folder that is mounted on itself below is listed once.
#[test]
fn a_mount_that_goes_in_circles() {
    if !is_root() || !has_tool("unshare") {
        eprintln!("skipped: needs root and unshare");
        return;
    }
    let scene = Scene::new();
    scene.file("a/b/file.txt", "x");
    std::fs::create_dir(scene.target().join("a/loop")).expect("a folder");
    std::fs::create_dir(scene.target().join("a/kernel")).expect("a folder");
    scene.file("a/of-kernel", "covered by the mount");
    let case = scene.beside("case");
    let script = r#"mount --make-rprivate / && mount --bind "$1" "$1/a/loop" && mount -t proc proc "$1/a/kernel" && mount --bind "$1/a/kernel/version" "$1/a/of-kernel" && exec "$2" scan -q "$1" --case "$3""#;
    let target = scene.target();
    let (tool, place): (PathBuf, PathBuf) = (program().get_program().into(), case.clone());
    let output =
        Command::new("unshare").args(["-m", "sh", "-c", script, "sh"]).args([&target, &tool, &place]).output().expect("unshare");
    if !case.join("report.json").exists() {
        eprintln!("skipped: can't mount here: {}", String::from_utf8_lossy(&output.stderr));
        return;
    }
    let case = Case::read(case, output);
    case.assert_adds_up();
    assert_eq!(case.exit(), 0, "{}", case.stderr());
    assert_eq!(case.row(&target.join("a/loop"))["reason"], "seen_elsewhere");
    assert_eq!(case.row(&target.join("a/kernel"))["reason"], "pseudo_fs");
    assert_eq!(case.row(&target.join("a/of-kernel"))["reason"], "pseudo_fs");
    assert_eq!(case.report["coverage"]["discovered"], 7);
}

/// Files that grow, shrink or are written to while they are read are told, and none is read without end.
#[test]
fn files_that_change_while_they_are_read() {
    use std::io::Write;
    let scene = Scene::new();
    let growing = scene.file("growing.bin", vec![7; 48 << 20]);
    let shrinking = scene.file("shrinking.bin", vec![7; 48 << 20]);
    let over = std::sync::atomic::AtomicBool::new(false);
    let case = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut file = std::fs::File::options().append(true).open(&growing).expect("a file");
            let cut = std::fs::File::options().write(true).open(&shrinking).expect("a file");
            let mut left = 48_u64 << 20;
            while !over.load(std::sync::atomic::Ordering::Relaxed) {
                file.write_all(&[7; 4096]).expect("a write");
                left = left.saturating_sub(1 << 16);
                cut.set_len(left).expect("a cut");
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
        });
        let case = scene.scan(&["--no-default-rules", "--no-default-iocs"]);
        over.store(true, std::sync::atomic::Ordering::Relaxed);
        case
    });
    case.assert_adds_up();
    assert_eq!(case.exit(), 3, "{}", case.stderr());
    for path in [&growing, &shrinking] {
        let row = case.row(path);
        assert_eq!((&row["reason"], &row["sha256"]), (&"changed_during_read".into(), &serde_json::Value::Null), "{row}");
    }
    assert!(std::fs::metadata(&growing).expect("a file").size() > 48 << 20);
}
