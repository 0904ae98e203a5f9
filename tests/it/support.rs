//! Running the real program and reading its case folder.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// The program under test.
pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wardround"));
    command.stdin(Stdio::null());
    command
}

/// The corpus of real files beside the checkout, where there is one.
pub fn corpus() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    match path.canonicalize() {
        Ok(path) => Some(path),
        Err(_) => {
            eprintln!("skipped: no corpus at {}", path.display());
            None
        }
    }
}

/// Whether a tool is there; the test says that it was skipped otherwise.
pub fn has_tool(name: &str) -> bool {
    let found = std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(name).is_file()));
    if !found {
        eprintln!("skipped: {name} is not installed");
    }
    found
}

/// Whether the tests run with all rights.
#[cfg(unix)]
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A folder for targets, and beside it one for case folders.
pub struct Scene {
    dir: tempfile::TempDir,
    runs: std::cell::Cell<u32>,
}

impl Scene {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(dir.path().join("target")).expect("a target folder");
        Self { dir, runs: std::cell::Cell::new(0) }
    }

    /// The same below another folder.
    pub fn below(folder: &Path) -> Self {
        std::fs::create_dir_all(folder).expect("a folder for scenes");
        let dir = tempfile::Builder::new().prefix("scene").tempdir_in(folder).expect("a temporary folder");
        std::fs::create_dir(dir.path().join("target")).expect("a target folder");
        Self { dir, runs: std::cell::Cell::new(0) }
    }

    /// The target folder.
    pub fn target(&self) -> PathBuf {
        // As reports show it.
        wardround::plan::plain(self.dir.path().canonicalize().expect("a real path")).join("target")
    }

    /// Outside the target.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file below the target.
    pub fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.target().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        std::fs::write(&path, bytes).expect("a file");
        path
    }

    /// Scans the target folder.
    pub fn scan(&self, flags: &[&str]) -> Case {
        let target = self.target();
        self.scan_of(&[&target], flags)
    }

    /// Scans any targets into a new case folder.
    pub fn scan_of(&self, targets: &[&Path], flags: &[&str]) -> Case {
        let n = self.runs.get() + 1;
        self.runs.set(n);
        let case = self.dir.path().join(format!("case-{n}"));
        let output = program().arg("scan").args(targets).arg("--case").arg(&case).args(flags).output().expect("the program runs");
        Case::read(case, output)
    }
}

/// A finished scan.
pub struct Case {
    pub dir: PathBuf,
    pub output: Output,
    /// Null where there is none.
    pub report: Value,
}

/// Everything that two scans of one tree must agree on, exactly.
pub fn same(a: &Case, b: &Case, what: &str) {
    for part in ["findings", "coverage", "phi", "gaps"] {
        assert_eq!(settled(a.report[part].clone()), settled(b.report[part].clone()), "{part} {what}: {}", b.stderr());
    }
    let rows = |case: &Case| settled(case.inventory().into());
    assert_eq!(rows(a), rows(b), "inventory {what}");
    b.assert_adds_up();
}

/// On Windows without access times: there is no way to read that leaves them, where a file system keeps any.
fn settled(mut value: Value) -> Value {
    if cfg!(windows) {
        match &mut value {
            Value::Object(map) => {
                map.remove("atime");
                map.values_mut().for_each(|inner| *inner = settled(inner.take()));
            }
            Value::Array(items) => items.iter_mut().for_each(|item| *item = settled(item.take())),
            _ => {}
        }
    }
    value
}

impl Case {
    /// Goes on with the scan in a case folder.
    pub fn resumed(dir: &Path) -> Self {
        let output = program().args(["scan", "--resume", "-q", "--case"]).arg(dir).output().expect("the program");
        Self::read(dir.to_owned(), output)
    }

    pub fn read(dir: PathBuf, output: Output) -> Self {
        let report = std::fs::read(dir.join("report.json"))
            .map_or(Value::Null, |b| serde_json::from_slice(&b).expect("report.json is JSON"));
        Self { dir, output, report }
    }

    pub fn exit(&self) -> i32 {
        self.output.status.code().unwrap_or(-1)
    }

    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    /// Rows of the inventory.
    pub fn inventory(&self) -> Vec<Value> {
        let packed = std::fs::read(self.dir.join("inventory.jsonl.zst")).expect("an inventory");
        let mut text = Vec::new();
        let mut rest = packed.as_slice();
        // One frame after the other.
        while !rest.is_empty() {
            let mut frame = ruzstd::decoding::StreamingDecoder::new(&mut rest).expect("a frame");
            std::io::Read::read_to_end(&mut frame, &mut text).expect("zstd");
        }
        text.split(|b| *b == b'\n').filter(|l| !l.is_empty()).map(|l| serde_json::from_slice(l).expect("a row")).collect()
    }

    /// The inventory row of a path.
    pub fn row(&self, path: &Path) -> Value {
        let shown = path.to_string_lossy();
        self.inventory().into_iter().find(|r| r["path"] == *shown).unwrap_or(Value::Null)
    }

    pub fn findings(&self) -> &[Value] {
        self.report["findings"].as_array().map_or(&[], Vec::as_slice)
    }

    /// Findings of a category at or above nothing: all of them.
    pub fn of(&self, category: &str) -> Vec<&Value> {
        self.findings().iter().filter(|f| f["category"] == category).collect()
    }

    /// `discovered = examined + partial + skipped + failed`, in the report and in the inventory.
    pub fn assert_adds_up(&self) {
        let c = &self.report["coverage"];
        let n = |k: &str| c[k].as_u64().unwrap_or_else(|| panic!("coverage.{k}"));
        assert_eq!(n("discovered"), n("examined") + n("partial") + n("skipped") + n("failed"));
        let rows = self.inventory();
        assert_eq!(rows.len() as u64, n("discovered"), "one row for every object");
        for how in ["examined", "partial", "skipped", "failed"] {
            assert_eq!(rows.iter().filter(|r| r["disposition"] == how).count() as u64, n(how), "{how}");
        }
    }
}
