//! The page for people, as the case folder holds it, made anew by this version.

use std::io::Write;

use super::{Export, ExportError};
use crate::report::{OldCase, ReportWriter, html};

pub struct Html;

impl Export for Html {
    fn id(&self) -> &'static str {
        "html"
    }

    fn about(&self) -> &'static str {
        "the page for people: one file without script, ready to print"
    }

    fn extension(&self) -> &'static str {
        "html"
    }

    fn write(&self, case: &OldCase, out: &mut dyn Write) -> Result<(), ExportError> {
        Ok(html::Html.write(&case.report, out)?)
    }
}
