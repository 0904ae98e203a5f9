//! The flat rows of `findings.jsonl`, made anew by this version.

use std::io::Write;

use super::{Export, ExportError};
use crate::report::{OldCase, ReportWriter, jsonl};

pub struct Jsonl;

impl Export for Jsonl {
    fn id(&self) -> &'static str {
        "jsonl"
    }

    fn about(&self) -> &'static str {
        "one flat row a finding with constant keys, for DuckDB and the like"
    }

    fn extension(&self) -> &'static str {
        "jsonl"
    }

    fn write(&self, case: &OldCase, out: &mut dyn Write) -> Result<(), ExportError> {
        Ok(jsonl::Jsonl.write(&case.report, out)?)
    }
}
