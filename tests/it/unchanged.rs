//! Nothing changes: a file system with aged times, mounted so that readers leave traces, before and after a scan.
#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Case, Scene, has_tool, is_root, program};

/// Files of the tree; WARDROUND_UNCHANGED=10000 for the long form.
fn count() -> u32 {
    std::env::var("WARDROUND_UNCHANGED").ok().and_then(|n| n.parse().ok()).unwrap_or(1000)
}

/// Makes the tree, gives everything old times and prints one line for each object of it.
const TREE: &str = r#"
import os, sys, time
root, n = sys.argv[1], int(sys.argv[2])
for i in range(n):
    d = f"{root}/{i % 29}/{i % 7}"
    os.makedirs(d, exist_ok=True)
    with open(f"{d}/{i}.txt", "w") as f: f.write(f"file {i}\n" * (1 + i % 50))
    if i % 10 == 0: os.symlink(f"{i}.txt", f"{d}/{i}.link")
    if i % 25 == 0: os.setxattr(f"{d}/{i}.txt", "user.note", b"kept")
old = time.time() - 10 * 86400
for d, dirs, files in os.walk(root, topdown=False):
    for name in files + dirs: os.utime(os.path.join(d, name), (old, old - 9 * 86400), follow_symlinks=False)
os.utime(root, (old, old - 9 * 86400))
"#;

/// Everything that stat and xattrs say of each object, without reading contents.
const LOOK: &str = r#"
import os, stat, sys
def look(path):
    s = os.lstat(path)
    x = os.listxattr(path, follow_symlinks=False)
    print(path, s.st_atime_ns, s.st_mtime_ns, s.st_ctime_ns, s.st_mode, s.st_uid, s.st_size, x)
def walk(path):
    look(path)
    fd = os.open(path, os.O_RDONLY | os.O_NOATIME | os.O_DIRECTORY)
    names = sorted(os.listdir(fd)); os.close(fd)
    for name in names:
        child = os.path.join(path, name)
        if stat.S_ISDIR(os.lstat(child).st_mode): walk(child)
        else: look(child)
walk(sys.argv[1])
"#;

/// A plain reader, as any other program is.
const READER: &str = r#"
import os, sys
for d, dirs, files in os.walk(sys.argv[1]):
    for name in files:
        path = os.path.join(d, name)
        if os.path.islink(path): os.readlink(path)
        else: open(path, "rb").read()
"#;

fn python(script: &str, arguments: &[&str]) -> String {
    let output = Command::new("python3").args(["-c", script]).args(arguments).output().expect("python3");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Lines that are there only now.
fn changed<'n>(before: &str, now: &'n str) -> Vec<&'n str> {
    let before: std::collections::BTreeSet<&str> = before.lines().collect();
    now.lines().filter(|line| !before.contains(line)).collect()
}

/// An image with a file system, mounted for as long as this lives.
struct Mounted {
    image: PathBuf,
    at: PathBuf,
}

impl Mounted {
    /// None where this machine mounts nothing.
    fn new(scene: &Scene, options: &str) -> Option<Self> {
        let (image, at) = (scene.beside(&format!("{options}.img")), scene.beside(options));
        std::fs::create_dir(&at).unwrap();
        std::fs::File::create(&image).unwrap().set_len(192 << 20).unwrap();
        run(Command::new("mkfs.ext4").args(["-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0"]).arg(&image));
        let mounted = Command::new("mount").args(["-o", &format!("loop,{options}")]).arg(&image).arg(&at).status();
        mounted.is_ok_and(|status| status.success()).then_some(Self { image, at })
    }

    /// Everything that waits is written.
    fn digest(&self) -> String {
        run(Command::new("sync").arg("-f").arg(&self.at));
        run(&mut Command::new("sync"));
        let output = Command::new("sha256sum").arg(&self.image).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.at).status();
    }
}

fn run(command: &mut Command) {
    let output = command.output().expect("the tool runs");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn scan(scene: &Scene, target: &Path, flags: &[&str], name: &str) -> Case {
    let case = scene.beside(name);
    let output = program().arg("scan").arg(target).args(flags).arg("--case").arg(&case).output().expect("the program");
    Case::read(case, output)
}

#[test]
fn nothing_changes_on_a_mounted_file_system() {
    if !is_root() || !has_tool("mkfs.ext4") && !Path::new("/usr/sbin/mkfs.ext4").exists() {
        eprintln!("skipped: needs root and mkfs.ext4");
        return;
    }
    let scene = Scene::new();
    for options in ["relatime", "strictatime"] {
        let Some(mounted) = Mounted::new(&scene, options) else {
            eprintln!("skipped: no loop device can be mounted here");
            return;
        };
        let at = mounted.at.to_str().unwrap();
        python(TREE, &[at, &count().to_string()]);
        let (before, image) = (python(LOOK, &[at]), mounted.digest());
        assert_eq!(changed(&before, &python(LOOK, &[at])), [""; 0], "looking changes nothing");
        let case = scan(&scene, &mounted.at, &[], &format!("{options}-case"));
        assert!([0, 1].contains(&case.exit()), "{}", case.stderr());
        case.assert_adds_up();
        assert!(case.report["coverage"]["examined"].as_u64().unwrap() >= u64::from(count()));
        let method = &case.report["targets"][0]["atime_protection"];
        assert!(method.as_str().unwrap().starts_with("read-only clone"), "{method}");
        assert_eq!(changed(&before, &python(LOOK, &[at])), [""; 0], "{options}");
        assert_eq!(mounted.digest(), image, "{options}: the image");
        // Negative control: any other reader leaves a trace.
        python(READER, &[at]);
        assert!(!changed(&before, &python(LOOK, &[at])).is_empty(), "{options}: a plain reader must be seen");
        assert_ne!(mounted.digest(), image);
    }
}

/// Without the right to clone a mount, access times are kept by `O_NOATIME`, and the report says so.
#[test]
fn the_method_in_force_is_told() {
    if !is_root() || !has_tool("setpriv") {
        return;
    }
    let scene = Scene::new();
    scene.file("a/b.txt", "hello");
    let by = |capabilities: &str, name: &str| {
        let case = scene.beside(name);
        let mut command = Command::new("setpriv");
        command.args([&format!("--bounding-set={capabilities}"), "--inh-caps=-all"]);
        command.arg(env!("CARGO_BIN_EXE_wardround")).arg("scan").arg(scene.target()).arg("--case").arg(&case);
        let case = Case::read(case, command.output().unwrap());
        assert_eq!(case.exit(), 0, "{}", case.stderr());
        case.report["targets"][0]["atime_protection"].as_str().unwrap_or_default().to_owned()
    };
    assert!(by("+all", "all").starts_with("read-only clone"));
    assert_eq!(by("-sys_admin", "fewer"), "O_NOATIME");
}
