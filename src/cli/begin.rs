//! How a scan begins: in a new case folder, or in one where an earlier process was. What it was asked is kept
//! there, so that every process after the first needs nothing but the folder.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process;

use clap::Parser;
use jiff::Timestamp;

use super::args::{Args, Command, ScanArgs};
use super::exit::Exit;
use super::finish::{no_case, no_plan};
use super::reach;
use crate::engine::{Frame, Start, StateLog, StateReader, Step};
use crate::model::text::escape;
use crate::plan;
use crate::report::{CaseError, CaseFolder, STATE};

/// Makes the case folder and keeps there what was asked, and with which command. Gives the folder's path.
pub fn begin(args: &ScanArgs, command: impl Iterator<Item = OsString>) -> Result<PathBuf, Exit> {
    let options = args.options();
    reach::all(&options.targets).map_err(|e| no_plan(&e))?;
    let case = plan::place(&options).map_err(|e| no_plan(&e))?;
    let seed = plan::random_seed().map_err(|e| no_plan(&e))?;
    let made = std::fs::symlink_metadata(&case).is_err();
    let folder = CaseFolder::begin(&case).map_err(|e| no_case(&e))?;
    let now = Timestamp::now();
    let start = Start {
        arguments: command.map(encode).collect(),
        folder: std::env::current_dir().map(|d| encode(d.into_os_string())).unwrap_or_default(),
        run_id: format!("{}-{}", now.strftime("%Y%m%dT%H%M%SZ"), process::id()),
        started: now.to_string(),
        seed,
        made,
    };
    keep(&folder, start).map(|()| case).map_err(|e| {
        folder.abandon(made);
        no_case(&e)
    })
}

/// Takes back a folder in which nothing was scanned, unless another process has it: whoever is refused because of that must
/// not take it away.
pub fn abandon(case: &Path) {
    let Ok(folder) = CaseFolder::open(case) else { return };
    let Ok(lock) = folder.lock() else { return };
    // Not every Windows takes away a folder in which a file is open.
    let _held = (!cfg!(windows)).then_some(lock);
    if let (true, Ok((start, _))) = (folder.is_untouched(), command(&folder)) {
        folder.abandon(start.made);
    }
}

fn keep(folder: &CaseFolder, start: Start) -> Result<(), CaseError> {
    let mut log = StateLog::new(folder.open_file(STATE)?);
    log.append(&Frame::Start(start.clone())).and_then(|()| log.flush()).map_err(|e| folder.failed(STATE, e))?;
    // Everything that follows depends on it.
    match begun(folder)? {
        Some(kept) if kept == start => Ok(()),
        _ => Err(folder.failed(STATE, std::io::Error::other("it does not hold what was written to it"))),
    }
}

/// What a scan in the folder was asked, where that can be read.
fn begun(folder: &CaseFolder) -> Result<Option<Start>, CaseError> {
    let log = folder.read_file(STATE)?;
    match StateReader::new(log).ok().and_then(|mut log| log.step()) {
        Some(Step::Frame(Frame::Start(start))) => Ok(Some(start)),
        _ => Ok(None),
    }
}

/// What the scan in a case folder was asked, and with which command.
///
/// # Errors
/// Where there is none, or it can't be read.
pub fn command(folder: &CaseFolder) -> Result<(Start, Vec<OsString>), NothingToResume> {
    let start = if folder.is_begun() { begun(folder)? } else { None };
    let start = start.ok_or_else(|| not_begun(folder))?;
    let command = start.arguments.iter().map(|a| decode(a)).collect();
    Ok((start, command))
}

fn not_begun(folder: &CaseFolder) -> NothingToResume {
    NothingToResume::NotBegun(escape(folder.path().as_os_str().as_encoded_bytes()))
}

/// A scan as it was asked for.
pub struct Asked {
    pub args: ScanArgs,
    pub start: Start,
    pub command: Vec<OsString>,
}

/// Why there is nothing to go on with.
#[derive(Debug, thiserror::Error)]
pub enum NothingToResume {
    #[error(transparent)]
    Case(#[from] CaseError),
    #[error("{0} holds no scan that could go on: it was ended and sealed, or is damaged; scan again into a new case folder")]
    NotBegun(String),
}

/// The scan in a case folder, in the folder it was asked in, which becomes this process's: paths among its arguments are
/// relative to that.
///
/// # Errors
/// Where there is none, or it can't be read.
pub fn asked(folder: &CaseFolder) -> Result<Asked, NothingToResume> {
    let (start, command) = command(folder)?;
    let _ = std::env::set_current_dir(Path::new(&decode(&start.folder)));
    match Args::try_parse_from(&command).map(|args| args.command) {
        Ok(Command::Scan(args)) => Ok(Asked { args: *args, start, command }),
        _ => Err(not_begun(folder)),
    }
}

#[cfg(unix)]
fn encode(text: OsString) -> Vec<u8> {
    std::os::unix::ffi::OsStringExt::into_vec(text)
}

#[cfg(unix)]
fn decode(bytes: &[u8]) -> OsString {
    std::os::unix::ffi::OsStringExt::from_vec(bytes.to_vec())
}

/// UTF-16, as the system has it.
#[cfg(windows)]
fn encode(text: OsString) -> Vec<u8> {
    std::os::windows::ffi::OsStrExt::encode_wide(text.as_os_str()).flat_map(u16::to_le_bytes).collect()
}

#[cfg(windows)]
fn decode(bytes: &[u8]) -> OsString {
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    std::os::windows::ffi::OsStringExt::from_wide(&units)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_another_process_has_is_not_taken_away() {
        let dir = tempfile::tempdir().unwrap();
        let case = dir.path().join("case");
        let folder = CaseFolder::begin(&case).unwrap();
        let start =
            Start { arguments: vec![], folder: vec![], run_id: String::new(), started: String::new(), seed: [0; 16], made: true };
        keep(&folder, start).unwrap();
        let lock = folder.lock().unwrap();
        abandon(&case);
        assert!(case.exists());
        drop(lock);
        abandon(&case);
        assert!(!case.exists());
    }
}
