//! Exports of a finished case for other programs: `wardround report CASE --format F`.
//!
//! Every export is made from an existing case folder and gives the same bytes each time: no clock is read, and ids
//! are UUIDs of version 5 (RFC 9562 section 5.5) over the content. The next one is a file of its own, a test with
//! its validator, a line in [`EXPORTS`] and a row in the README.

use std::io::{self, Write};

use super::reread::{OldCase, RereadError};

mod case;
mod cef;
mod csv;
mod dfxml;
mod ecs;
mod html;
mod jsonl;
mod markdown;
mod ocsf;
mod stix;
mod syslog;
mod timesketch;
mod uuids;
mod view;

/// Why an export wasn't made.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error(transparent)]
    Case(#[from] RereadError),
    #[error("report.json is not what wardround writes: {0}; give a case folder as a scan left it")]
    Report(String),
    /// Of the writer that was given.
    #[error("{0}")]
    Output(#[from] io::Error),
}

impl From<serde_json::Error> for ExportError {
    fn from(e: serde_json::Error) -> Self {
        Self::Output(e.into())
    }
}

/// One form that a case can be handed on in.
pub trait Export: Sync {
    /// Its name on the command line.
    fn id(&self) -> &'static str;

    /// What it is, for `--help`.
    fn about(&self) -> &'static str;

    /// How the names of its files end, without the dot.
    fn extension(&self) -> &'static str;

    /// Writes the whole document. The same case gives the same bytes.
    ///
    /// # Errors
    /// As the writer that is given, or where the case can't be read to its end.
    fn write(&self, case: &OldCase, out: &mut dyn Write) -> Result<(), ExportError>;
}

/// Every export.
pub static EXPORTS: &[&dyn Export] = &[
    &html::Html,
    &csv::Csv,
    &jsonl::Jsonl,
    &markdown::Markdown,
    &stix::Stix,
    &case::CaseUco,
    &timesketch::Timesketch,
    &ecs::Ecs,
    &ocsf::Ocsf,
    &dfxml::Dfxml,
    &syslog::Syslog,
    &cef::Cef,
];

/// Writes one JSON value and a line feed.
fn line(value: &serde_json::Value, out: &mut dyn Write) -> Result<(), ExportError> {
    serde_json::to_writer(&mut *out, value)?;
    Ok(out.write_all(b"\n")?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Masker, Report, sample};

    pub fn text_of(export: &dyn Export, report: Report) -> String {
        let mut out = Vec::new();
        export.write(&OldCase::of(report), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    /// A sealed report with everything in it.
    pub fn report() -> Report {
        let mut report = sample::report();
        report.seal(&Masker::OFF).unwrap();
        report
    }

    #[test]
    fn ids_are_told_apart_and_every_export_is_the_same_twice() {
        let mut ids: Vec<&str> = EXPORTS.iter().map(|e| e.id()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), EXPORTS.len());
        // Of the inventory there is none here; a real case is exported in `tests/it/exports.rs`.
        for export in EXPORTS.iter().filter(|e| e.id() != "dfxml") {
            assert_eq!(text_of(*export, report()), text_of(*export, report()), "{}", export.id());
        }
    }

    #[test]
    fn lines_stay_lines_whatever_the_names_are() {
        let mut report = report();
        for finding in &mut report.findings {
            finding.title = "a\nb\r\u{85}\u{2028}<x> = | ] \" \\ 'q'\0".into();
            finding.path = "/x\n/=y|z]\u{1b}[2J".into();
        }
        report.host.name = "h o\nst".into();
        for export in EXPORTS.iter().filter(|e| ["syslog", "cef", "timesketch", "ecs", "ocsf", "jsonl"].contains(&e.id())) {
            let text = text_of(*export, report.clone());
            assert!(text.ends_with('\n') && !text.contains(['\r', '\0', '\u{1b}']), "{}", export.id());
            let first = text.lines().next().unwrap().chars().take(4).collect::<String>();
            assert!(text.lines().all(|l| l.chars().take(1).eq(first.chars().take(1))), "{}", export.id());
        }
    }
}
