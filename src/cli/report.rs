//! `wardround report`: a finished case in the form that another program, a ticket or a printer takes.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser};

use super::exit::Exit;
use super::output::{Output, OutputError};
use crate::report::{EXPORTS, ExportError, OldCase};

const AFTER: &str = "\
EXAMPLES
  The summary for a ticket on standard output; a page to print; evidence for the lab's own tools:
      wardround report case-17 --format markdown
      wardround report case-17 --format html --out case-17.html
      wardround report case-17 --format dfxml --out case-17.dfxml.xml

The case folder is only read. The same case gives the same bytes each time. Names of people are
masked as they are in report.json; treat every export as confidential all the same. Timesketch
takes files called .jsonl.

EXIT CODES
  0 written · 64 no such case, a report of another version, or a damaged one · 73 the output
  cannot be written";

#[derive(Args, Debug)]
#[command(after_help = AFTER)]
pub struct ReportArgs {
    /// Case folder; only read
    #[arg(value_name = "CASE")]
    pub case: PathBuf,
    /// The form to write
    #[arg(long, value_name = "FORMAT", value_parser = formats())]
    pub format: String,
    /// File to write, whole or not at all; it replaces one of that name [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

fn formats() -> PossibleValuesParser {
    PossibleValuesParser::new(EXPORTS.iter().map(|e| PossibleValue::new(e.id()).help(e.about())))
}

/// Exports a case from its arguments to its exit code.
pub fn run(args: &ReportArgs) -> Exit {
    let Some(export) = EXPORTS.iter().find(|e| e.id() == args.format) else { return Exit::Usage };
    let case = match OldCase::open(&args.case) {
        Ok(case) => case,
        Err(e) => return fail(&e, Exit::Usage),
    };
    let mut out = match Output::open(args.out.as_deref(), &[&args.case]) {
        Ok(out) => out,
        Err(e) => return unwritten(&e),
    };
    match export.write(&case, &mut out) {
        Ok(()) => match out.finish() {
            Ok(()) => Exit::Clean,
            Err(e) => unwritten(&e),
        },
        Err(ExportError::Output(e)) => unwritten(&out.failed(e)),
        Err(e) => fail(&e, Exit::Usage),
    }
}

fn unwritten(e: &OutputError) -> Exit {
    match e {
        OutputError::InsideCase(_) => fail(e, Exit::Usage),
        e if e.is_closed_pipe() => Exit::Clean,
        e => fail(e, Exit::CaseFolder),
    }
}

fn fail(e: &dyn std::fmt::Display, exit: Exit) -> Exit {
    eprintln!("wardround: {e}");
    exit
}
