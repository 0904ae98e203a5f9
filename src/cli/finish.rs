//! The end that scans and rechecks have in common: seal, write, tell, exit.

use std::path::Path;

use super::args::Format;
use super::exit::Exit;
use crate::engine::{CollectError, Frame, StateLog, Workers};
use crate::model::{Input, Level, text::escape};
use crate::phi::mask;
use crate::plan::PlanError;
use crate::report::{self, CaseError, CaseFolder, CoverageVerdict, Masker, Report, SealError, SealKey};

/// Names of people are kept out of everything that is written.
pub const MASKER: Masker = Masker {
    mask_path: mask::mask_path,
    self_scan: mask::self_scan,
    redact: mask::redact,
    hide: mask::hide,
    marks: std::collections::BTreeMap::new(),
};

/// How the end is told on standard output.
#[derive(Clone, Copy)]
pub struct Telling {
    pub format: Format,
    pub quiet: bool,
}

/// Where a run has come to its end.
pub struct Ended<'a> {
    pub folder: &'a CaseFolder,
    /// Why not everything found is in the journal.
    pub failed: Option<&'a CollectError>,
    /// What the case is signed with.
    pub key: &'a SealKey,
    /// Whether a request for a time stamp is written.
    pub timestamp_request: bool,
    /// The log that resuming needs, where the run is over and nothing will go on from it.
    pub state: Option<StateLog>,
    /// Who the work is shared among.
    pub workers: &'a Workers,
}

/// Seals and writes the report, tells the end. `written` is called before anything is told.
pub fn finish(mut report: Report, ended: Ended<'_>, case_dir: &str, telling: Telling, written: impl FnOnce()) -> Exit {
    let result = ended.workers.run(|| seal_and_write(&mut report, &ended));
    let Ended { folder, failed, state, key, .. } = ended;
    if let (Ok(()), None, Some(mut state)) = (&result, failed, state) {
        // Should the process die here, the next one knows that only this was left.
        let _ = state.append(&Frame::Sealed).and_then(|()| state.sync());
        folder.end();
    }
    written();
    let exit = if result.is_err() || failed.is_some() { Exit::CaseFolder } else { exit_of(&report) };
    match &result {
        // Nothing of a report that could not be freed of patient data is shown.
        Err(WriteError::Seal(_) | WriteError::Leak) => {}
        _ => tell(telling, &report, case_dir, exit, result.is_ok().then_some(key)),
    }
    if let Err(e) = result {
        eprintln!("wardround: {e}");
    } else if let Some(e) = failed {
        eprintln!(
            "wardround: {e}; what was found up to then is in {case_dir}/report.json, which says where the inventory ends: \
             make room and go on with --resume --case {case_dir}"
        );
    }
    exit
}

/// Tells the end of a case that was sealed earlier.
pub fn tell_again(report: &Report, case: &Path, telling: Telling) -> Exit {
    let exit = exit_of(report);
    tell(telling, report, &escape(case.as_os_str().as_encoded_bytes()), exit, None);
    exit
}

/// Why the case folder lacks its documents.
#[derive(Debug, thiserror::Error)]
enum WriteError {
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error(transparent)]
    Case(#[from] CaseError),
    #[error(
        "the report still held something that looks like patient data after redaction, so it was not written; the journal in the case folder is complete"
    )]
    Leak,
}

fn seal_and_write(report: &mut Report, ended: &Ended<'_>) -> Result<(), WriteError> {
    let folder = ended.folder;
    report.seal(&MASKER)?;
    if !report.phi.self_scan.passed {
        return Err(WriteError::Leak);
    }
    folder.write_report(report)?;
    folder.write_manifest(
        Some(report.run.finished.clone()),
        &report.integrity.journal_head,
        &report.integrity.findings_sha256,
        ended.key,
        ended.timestamp_request,
    )?;
    Ok(())
}

/// One line on standard error for an input with rejected parts; all of them are in the report.
pub fn warn_rejected(input: &Input) {
    if let Some(first) = input.rejected.first() {
        let rest = match input.rejected.len() {
            1 => String::new(),
            n => format!(" (and {} more, listed in the report)", n - 1),
        };
        eprintln!(
            "wardround: {}: {} rejected: {}{rest}",
            escape(input.name.as_bytes()),
            escape(first.place.as_bytes()),
            escape(first.why.as_bytes())
        );
    }
}

pub fn no_case(e: &dyn std::fmt::Display) -> Exit {
    eprintln!("wardround: {e}");
    Exit::CaseFolder
}

/// Says why there is no plan.
pub fn no_plan(e: &PlanError) -> Exit {
    eprintln!("wardround: {e}");
    match e {
        PlanError::Usage(_) => Exit::Usage,
        PlanError::CaseFolder(_) => Exit::CaseFolder,
    }
}

/// The end of the scan on standard output.
fn tell(telling: Telling, report: &Report, case_dir: &str, exit: Exit, key: Option<&SealKey>) {
    use std::io::{IsTerminal, Write};
    if telling.quiet {
        return;
    }
    let mut out = std::io::stdout().lock();
    let text = match telling.format {
        Format::Human => {
            let color = out.is_terminal() && std::env::var_os("NO_COLOR").is_none();
            let mut text = report::summary(report, color, case_dir);
            if let Some(key) = key {
                text.push_str(&sealed(key));
            }
            text
        }
        Format::Json => {
            let levels = report.levels();
            let line = serde_json::json!({
                "key_sha256": key.map(SealKey::fingerprint),
                "exit": exit as u8, "case_folder": case_dir,
                "coverage": report.coverage, "interrupted": report.run.interrupted,
                "findings": {"alert": levels.alert, "warning": levels.warning, "notice": levels.notice, "info": levels.info},
                "individuals": report.phi.individuals,
            });
            format!("{line}\n")
        }
    };
    // A closed pipe is the reader's choice; the case folder is complete.
    let _ = out.write_all(text.as_bytes());
}

/// The seal, for the examiner's notes.
fn sealed(key: &SealKey) -> String {
    let what = match key.lasting {
        true => "signed with the key given",
        false => {
            "signed with a key of this run alone: write its fingerprint down,\n            the case is checked against it (wardround verify --key)"
        }
    };
    let fingerprint = key.fingerprint();
    let (first, second) = fingerprint.split_at(fingerprint.len() / 2);
    format!("Seal        {what}\n            {first}\n            {second}\n")
}

fn exit_of(report: &Report) -> Exit {
    let highest = report.findings.iter().map(|f| f.level).max();
    let complete = report.coverage.verdict == CoverageVerdict::Complete && !report.run.interrupted;
    Exit::of(highest.filter(|l| *l > Level::Info), complete)
}

/// Peak resident memory in bytes (`VmHWM` of proc(5)).
pub fn peak_memory() -> Option<u64> {
    #[cfg(windows)]
    return crate::sys::windows::peak_memory();
    #[cfg(not(windows))]
    of_proc()
}

#[cfg(not(windows))]
fn of_proc() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kib: u64 = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?.trim().trim_end_matches(" kB").parse().ok()?;
    kib.checked_mul(1024)
}
