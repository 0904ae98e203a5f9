//! `wardround ioc`: what became of indicator files, and huge lists made small.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::args::Format;
use super::exit::Exit;
use super::table::grouped;
use crate::ioc::IndicatorSet;
use crate::model::{Input, Rejected, text};

const CHECK_AFTER: &str = "\
EXAMPLE
      wardround ioc check intel/

WHAT THE WORDS MEAN
  rejected     not in force: wrong, or so wide that it would accuse everybody
  unanswered   not in force: it asks for what no file, name or content of a host can tell
  partly       in force, but a part of it can't be answered here and never counts as true
  context      no indicators by their author's word; counted, so that the file is accounted for
  broad        in force, though it fits what lies on every sound machine
  duplicate    listed before, in this file or an earlier one
  adjusted     in force, with a changed value

EXIT CODES
  0 everything is in force as it stands · 1 something is not · 64 a path is missing or unreadable";

#[derive(Args, Debug)]
pub struct IocArgs {
    #[command(subcommand)]
    pub command: IocCommand,
}

#[derive(Subcommand, Debug)]
pub enum IocCommand {
    /// Say for each file what loads, what is rejected and why, what can never match here
    Check(CheckArgs),
    /// Make one sorted file of huge hash lists (NSRL, vendor sets) that scans search without loading it
    Compile(super::compile::CompileArgs),
}

#[derive(Args, Debug)]
#[command(after_help = CHECK_AFTER)]
pub struct CheckArgs {
    /// Indicator files or folders
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,
    /// Show every line, not the first ones of each kind
    #[arg(long)]
    pub all: bool,
    /// How it is told: in words, or one JSON object
    #[arg(long, value_enum, default_value = "human")]
    pub format: Format,
}

pub fn run(args: IocArgs) -> Exit {
    match args.command {
        IocCommand::Check(args) => check(&args),
        IocCommand::Compile(args) => super::compile::run(&args),
    }
}

fn check(args: &CheckArgs) -> Exit {
    let reports = match IndicatorSet::check(&args.paths, false) {
        Ok((_, reports)) => reports,
        Err(e) => {
            eprintln!("wardround: {e}");
            return Exit::Usage;
        }
    };
    let out = match args.format {
        Format::Human => told(&reports, args.all),
        Format::Json => format!("{}\n", json!({ "files": reports, "total": Total::of(&reports).json() })),
    };
    use std::io::Write;
    // A closed pipe is the reader's choice.
    let _ = std::io::stdout().lock().write_all(out.as_bytes());
    if reports.iter().all(|r| kinds(r).iter().all(|(_, list)| list.is_empty())) { Exit::Clean } else { Exit::Findings }
}

/// The lists of a report, by the word they are shown under.
fn kinds(report: &Input) -> [(&'static str, &[Rejected]); 6] {
    [
        ("rejected", &report.rejected),
        ("unanswered", &report.unanswered),
        ("partly", &report.partly),
        ("broad", &report.broad),
        ("duplicate", &report.duplicates),
        ("adjusted", &report.adjusted),
    ]
}

#[derive(Default)]
struct Total {
    files: usize,
    loaded: u64,
    kinds: [usize; 6],
}

impl Total {
    fn of(reports: &[Input]) -> Self {
        let mut total = Self { files: reports.len(), ..Self::default() };
        for report in reports {
            total.loaded = total.loaded.saturating_add(report.loaded);
            for (sum, (_, list)) in total.kinds.iter_mut().zip(kinds(report)) {
                *sum = sum.saturating_add(list.len());
            }
        }
        total
    }

    fn json(&self) -> serde_json::Value {
        let mut value = json!({ "files": self.files, "loaded": self.loaded });
        for (n, (word, _)) in self.kinds.iter().zip(kinds(&Input::default())) {
            value[word] = json!(n);
        }
        value
    }
}

/// `1 file`, `2 files`.
fn counted(n: u64, one: &str) -> String {
    format!("{} {one}{}", text::thousands(n), if n == 1 { "" } else { "s" })
}

fn told(reports: &[Input], all: bool) -> String {
    let mut out = String::new();
    let width = reports.iter().map(|r| r.name.chars().count()).max().unwrap_or(0).min(60);
    for report in reports {
        let kind = report.kind.as_deref().unwrap_or("not read");
        let name = text::shorten(&text::escape(report.name.as_bytes()), 60);
        let loaded = match (report.kind.as_deref(), report.loaded) {
            (Some("yara"), 0) => "see `wardround rules check`".to_owned(),
            (_, n) => format!("{} loaded", text::thousands(n)),
        };
        out.push_str(&format!("{name:<width$}  {kind:<15}  {loaded}\n"));
        for c in &report.context {
            out.push_str(&format!("    {:<10}  {} {}\n", "context", text::thousands(c.count), text::escape(c.why.as_bytes())));
        }
        for (word, list) in kinds(report).into_iter().filter(|(_, list)| !list.is_empty()) {
            for (why, places) in grouped(&report.name, list, all) {
                out.push_str(&format!("    {word:<10}  {places}{}\n", text::escape(why.as_bytes())));
            }
        }
    }
    if reports.iter().any(|r| r.kind.is_none()) {
        out.push_str(&format!(
            "\nFormats that are read: {}\n",
            crate::ioc::REGISTRY.iter().map(|f| f.id()).collect::<Vec<_>>().join(", ")
        ));
    }
    let total = Total::of(reports);
    out.push_str(&format!("\n{}, {} in force", counted(total.files as u64, "file"), counted(total.loaded, "indicator")));
    for (n, (word, _)) in total.kinds.iter().zip(kinds(&Input::default())).filter(|(n, _)| **n > 0) {
        out.push_str(&format!(", {} {word}", text::thousands(*n as u64)));
    }
    out.push('\n');
    out
}
