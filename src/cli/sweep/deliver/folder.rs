//! Delivery to another folder: a share, a drive.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::DeliverError;
use crate::model::text::escape;
use crate::report::{ManifestFile, sha256_of};

/// What is not whole yet, in the folder and in each of its files.
const INCOMING: &str = ".incoming-";
const PART: &str = ".part";

/// Copies a case; what an earlier try has brought over isn't copied again. The case gets its name in the folder when
/// every file there has the digest that it has here.
///
/// # Errors
/// Where the folder is not there, or a file can't be copied.
pub fn deliver(case: &Path, name: &str, files: &[ManifestFile], to: &Path) -> Result<(), DeliverError> {
    if !to.is_dir() {
        return Err(DeliverError::NoFolder);
    }
    let (done, incoming) = (to.join(name), to.join(format!("{INCOMING}{name}")));
    if done.is_dir() && files.iter().all(|f| holds(&done.join(&f.path), f)) {
        return Ok(());
    }
    for file in files {
        copy(case, &incoming, file).map_err(|e| DeliverError::Local(format!("{}: {e}", escape(file.path.as_bytes()))))?;
    }
    fs::rename(&incoming, &done).map_err(|e| DeliverError::Local(e.to_string()))
}

fn holds(path: &Path, file: &ManifestFile) -> bool {
    let same =
        |mut at: File| at.metadata().is_ok_and(|m| m.len() == file.size) && sha256_of(&mut at).is_ok_and(|d| d == file.sha256);
    File::open(path).is_ok_and(same)
}

fn copy(case: &Path, incoming: &Path, file: &ManifestFile) -> io::Result<()> {
    let to = incoming.join(&file.path);
    if holds(&to, file) {
        return Ok(());
    }
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut part = to.clone().into_os_string();
    part.push(PART);
    let part = PathBuf::from(part);
    let mut out = File::create(&part)?;
    io::copy(&mut File::open(case.join(&file.path))?, &mut out)?;
    out.sync_all()?;
    drop(out);
    if !holds(&part, file) {
        return Err(io::Error::other("what arrived is not what was sent"));
    }
    fs::rename(&part, &to)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(dir: &Path) -> PathBuf {
        let case = dir.join("case");
        fs::create_dir_all(case.join("journal")).unwrap();
        for (name, text) in [("report.json", "{}"), ("journal/journal.jsonl", "line"), ("manifest.json", "sealed")] {
            fs::write(case.join(name), text).unwrap();
        }
        case
    }

    #[test]
    fn it_arrives_whole_and_only_once() {
        let dir = tempfile::tempdir().unwrap();
        let (case, to) = (case(dir.path()), dir.path().join("to"));
        let files = super::super::files(&case).unwrap();
        assert!(deliver(&case, "a", &files, &to).unwrap_err().to_string().contains("not there"));
        fs::create_dir(&to).unwrap();
        // Left by a try that was cut off: one file whole, one half, one other.
        fs::create_dir_all(to.join(".incoming-a/journal")).unwrap();
        fs::write(to.join(".incoming-a/report.json"), "{}").unwrap();
        fs::write(to.join(".incoming-a/manifest.json.part"), "sea").unwrap();
        fs::write(to.join(".incoming-a/journal/journal.jsonl"), "l1ne").unwrap();
        let before = fs::metadata(to.join(".incoming-a/report.json")).unwrap().modified().unwrap();
        deliver(&case, "a", &files, &to).unwrap();
        let done = to.join("a");
        assert_eq!(fs::metadata(done.join("report.json")).unwrap().modified().unwrap(), before);
        assert_eq!(fs::read_to_string(done.join("journal/journal.jsonl")).unwrap(), "line");
        assert_eq!(fs::read_to_string(done.join("manifest.json")).unwrap(), "sealed");
        assert!(!to.join(".incoming-a").exists() && !done.join("manifest.json.part").exists());
        deliver(&case, "a", &files, &to).unwrap();
    }
}
