//! Delivery of a published case: a copy to a folder, or sent by the system's own tools, so that the scanner has no code for
//! networks.

mod folder;
mod http;
mod place;
mod sftp;
mod tool;

use std::fs::{self, File};
use std::io;
use std::path::Path;

pub use place::Place;

use super::cases::Cases;
use super::policy::Policy;
use crate::report::{CaseFolder, ManifestFile, sha256_of};

/// What the manifest can't name; the manifest itself is the last, since a case that has one is whole.
const SEALING: [&str; 4] = ["manifest.json.sig", "manifest.tsq", "manifest.tsr", "manifest.json"];

/// Why a case was not delivered.
#[derive(Debug, thiserror::Error)]
pub enum DeliverError {
    #[error("the folder is not there: mount it, or name another under `deliver`")]
    NoFolder,
    #[error("{0}")]
    Local(String),
    #[error("of {0} not all has arrived")]
    NotWhole(String),
    #[error("{0} is no name for a file of a case")]
    BadName(String),
    #[error(transparent)]
    Tool(#[from] tool::ToolError),
}

/// Brings a case to its place. It is whole there, or it has another name.
///
/// # Errors
/// In one sentence.
pub fn deliver(cases: &Cases, name: &str, place: &Place, policy: &Policy) -> Result<(), String> {
    let case = cases.path(name);
    let sent = files(&case).and_then(|files| match place {
        Place::Folder(to) => folder::deliver(&case, name, &files, to),
        Place::Sftp(to) => plain(name, &files).and_then(|()| sftp::deliver(&case, name, &files, to, policy)),
        Place::Http(to) => {
            plain(name, &files).and_then(|()| http::deliver(cases, name, &files, (to, &place.to_string()), policy))
        }
    });
    let noted =
        sent.and_then(|()| cases.note_delivered(name, &place.to_string()).map_err(|e| DeliverError::Local(e.to_string())));
    noted.map_err(|why| {
        format!("delivering {name} to {place} failed ({why}): the case stays here, and the next sweep goes on with it")
    })
}

/// Everything that a case is.
fn files(case: &Path) -> Result<Vec<ManifestFile>, DeliverError> {
    let files = CaseFolder::open(case).and_then(|folder| folder.files()).map_err(|e| DeliverError::Local(e.to_string()))?;
    let sealing = SEALING.iter().filter(|n| case.join(n).is_file()).map(|n| seal(case, n)).collect::<io::Result<Vec<_>>>();
    Ok(files.into_iter().chain(sealing.map_err(|e| DeliverError::Local(e.to_string()))?).collect())
}

fn seal(case: &Path, name: &str) -> io::Result<ManifestFile> {
    let path = case.join(name);
    Ok(ManifestFile { path: name.to_owned(), size: fs::metadata(&path)?.len(), sha256: sha256_of(&mut File::open(&path)?)? })
}

/// A case's files have names of our own. Whoever can put others beside them gets no word into a batch by that.
fn plain(name: &str, files: &[ManifestFile]) -> Result<(), DeliverError> {
    let names = files.iter().map(|f| f.path.as_str()).chain([name]);
    match names.into_iter().find(|n| !n.split('/').all(place::is_plain)) {
        None => Ok(()),
        Some(other) => Err(DeliverError::BadName(crate::model::text::escape(other.as_bytes()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_planted_name_is_refused() {
        let file = |path: &str| [ManifestFile { path: path.to_owned(), size: 1, sha256: String::new() }];
        assert!(plain("host-20261129T010000Z", &file("journal/journal.jsonl")).is_ok());
        for path in ["a\"\n!sh", "../x", "journal/-f", "a b", "a*", ""] {
            assert!(plain("host-20261129T010000Z", &file(path)).is_err(), "{path:?}");
        }
        assert!(plain("-host", &file("a")).is_err());
    }
}
