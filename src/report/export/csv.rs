//! Findings as a table (RFC 4180) that a spreadsheet can't be tricked with: a cell that begins like a formula gets a `'`
//! before it (OWASP ASVS 1.2.10, CWE-1236). That changes the cell, so the row's exact values stand in base64 at its end.

use std::borrow::Cow;
use std::io::Write;

use base64::Engine as _;

use super::{Export, ExportError};
use crate::report::OldCase;
use crate::report::jsonl::Flat;
use crate::report::rows::inert;

pub struct Csv;

impl Export for Csv {
    fn id(&self) -> &'static str {
        "csv"
    }

    fn about(&self) -> &'static str {
        "findings as a table, safe to open in a spreadsheet; exact values in base64 in the last column"
    }

    fn extension(&self) -> &'static str {
        "csv"
    }

    fn write(&self, case: &OldCase, out: &mut dyn Write) -> Result<(), ExportError> {
        let mut table = ::csv::WriterBuilder::new().terminator(::csv::Terminator::CRLF).from_writer(out);
        let mut titles = Flat::keys();
        titles.push("raw");
        table.write_record(&titles).map_err(output)?;
        for finding in &case.report.findings {
            let flat = Flat::new(&case.report, finding);
            let mut plain = ::csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
            plain.serialize(&flat).map_err(output)?;
            let plain = plain.into_inner().map_err(|e| e.into_error())?;
            let mut cells = ::csv::ReaderBuilder::new().has_headers(false).from_reader(plain.as_slice());
            for record in cells.records() {
                let record = record.map_err(output)?;
                let raw = base64::engine::general_purpose::STANDARD.encode(serde_json::to_vec(&flat)?);
                table.write_record(record.iter().map(safe).chain([Cow::from(raw)]).map(Cow::into_owned)).map_err(output)?;
            }
        }
        Ok(table.flush()?)
    }
}

/// The cell as a spreadsheet may see it.
fn safe(cell: &str) -> Cow<'_, str> {
    // The report's texts are escaped when it is written; one that was changed by hand is escaped here.
    let cell = match cell {
        plain if plain.chars().any(char::is_control) => Cow::from(inert(plain)),
        plain => Cow::from(plain),
    };
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\0']) { Cow::from(format!("'{cell}")) } else { cell }
}

fn output(e: ::csv::Error) -> ExportError {
    match e.into_kind() {
        ::csv::ErrorKind::Io(e) => ExportError::Output(e),
        other => ExportError::Report(format!("{other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::export::tests::{report, text_of};

    #[test]
    fn cells_are_never_formulas_and_the_exact_values_stay() {
        let mut report = report();
        report.findings[0].title = "=HYPERLINK(\"http://x\",\"y\")".into();
        report.findings[0].path = "@SUM(1+1)*cmd|' /C calc'!A0, \"q\"\nsecond".into();
        let text = text_of(&Csv, report.clone());
        assert!(text.contains("\r\n") && !text.replace("\r\n", "").contains(['\n', '\r']));
        let mut rows = ::csv::Reader::from_reader(text.as_bytes());
        let titles = rows.headers().unwrap().clone();
        let column = |name: &str| titles.iter().position(|t| t == name).unwrap();
        let records: Vec<_> = rows.records().map(Result::unwrap).collect();
        assert_eq!(records.len(), report.findings.len());
        assert!(records.iter().flat_map(|r| r.iter()).all(|c| !c.starts_with(['=', '+', '-', '@', '\t', '\r', '\0'])));
        assert!(records[0][column("title")].starts_with("'=HYPERLINK"));
        let raw = base64::engine::general_purpose::STANDARD.decode(&records[0][column("raw")]).unwrap();
        let raw: serde_json::Value = serde_json::from_slice(&raw).unwrap();
        assert_eq!(raw["path"], report.findings[0].path);
        assert_eq!(raw["title"], report.findings[0].title);
    }

    #[test]
    fn a_case_without_findings_has_its_titles() {
        let mut report = report();
        report.findings.clear();
        let text = text_of(&Csv, report);
        assert!(text.starts_with("time,host,") && text.ends_with(",raw\r\n"), "{text}");
    }
}
