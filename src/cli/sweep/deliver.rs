//! Delivery of a published case to another folder: a share, a drive, a place that the system's own tools send from.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::model::text::escape;
use crate::report::{CaseFolder, ManifestFile, sha256_of};

/// What is not whole yet, in the folder and in each of its files.
const INCOMING: &str = ".incoming-";
const PART: &str = ".part";

/// Copies a case; what an earlier try has brought over isn't copied again. The case gets its name in the folder when
/// every file there has the digest that it has here. Gives where it is.
///
/// # Errors
/// In one sentence.
pub fn deliver(case: &Path, name: &str, to: &Path) -> Result<PathBuf, String> {
    let shown = escape(to.as_os_str().as_encoded_bytes());
    if !to.is_dir() {
        return Err(format!("the folder {shown} to deliver to is not there: mount it, or name another under `deliver`"));
    }
    let fail = |e: &dyn std::fmt::Display| {
        format!("delivering {name} to {shown} failed ({e}): the case stays here, and the next sweep goes on with it")
    };
    let files = CaseFolder::open(case).and_then(|folder| folder.files()).map_err(|e| fail(&e))?;
    let (done, incoming) = (to.join(name), to.join(format!("{INCOMING}{name}")));
    let sealing = ["manifest.json", "manifest.json.sig", "manifest.tsq", "manifest.tsr"];
    let sealing = sealing.iter().filter(|n| case.join(n).is_file()).map(|n| seal(case, n)).collect::<io::Result<Vec<_>>>();
    let files: Vec<ManifestFile> = files.into_iter().chain(sealing.map_err(|e| fail(&e))?).collect();
    if done.is_dir() && files.iter().all(|f| holds(&done.join(&f.path), f)) {
        return Ok(done);
    }
    for file in &files {
        copy(case, &incoming, file).map_err(|e| fail(&format!("{}: {e}", escape(file.path.as_bytes()))))?;
    }
    fs::rename(&incoming, &done).map_err(|e| fail(&e))?;
    Ok(done)
}

/// The manifest itself and what is made from it.
fn seal(case: &Path, name: &str) -> io::Result<ManifestFile> {
    let path = case.join(name);
    Ok(ManifestFile { path: name.to_owned(), size: fs::metadata(&path)?.len(), sha256: sha256_of(&mut File::open(&path)?)? })
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
        assert!(deliver(&case, "a", &to).unwrap_err().contains("not there"));
        fs::create_dir(&to).unwrap();
        // Left by a try that was cut off: one file whole, one half, one other.
        fs::create_dir_all(to.join(".incoming-a/journal")).unwrap();
        fs::write(to.join(".incoming-a/report.json"), "{}").unwrap();
        fs::write(to.join(".incoming-a/manifest.json.part"), "sea").unwrap();
        fs::write(to.join(".incoming-a/journal/journal.jsonl"), "l1ne").unwrap();
        let before = fs::metadata(to.join(".incoming-a/report.json")).unwrap().modified().unwrap();
        let done = deliver(&case, "a", &to).unwrap();
        assert_eq!(fs::metadata(done.join("report.json")).unwrap().modified().unwrap(), before);
        assert_eq!(fs::read_to_string(done.join("journal/journal.jsonl")).unwrap(), "line");
        assert_eq!(fs::read_to_string(done.join("manifest.json")).unwrap(), "sealed");
        assert!(!to.join(".incoming-a").exists() && !done.join("manifest.json.part").exists());
        assert_eq!(deliver(&case, "a", &to).unwrap(), done);
    }
}
