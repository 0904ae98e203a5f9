//! `wardround rules`: what became of rule files, and what is in them.

use std::fs::File;
use std::io::{Read, Write};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::args::Format;
use super::exit::Exit;
use super::table::grouped;
use crate::model::{Rejected, text};
use crate::signature::{Cost, FileCheck, RuleInfo, RuleSet, Sample, costs};

/// Bytes of a sample that rules are measured on.
const SAMPLE: u64 = 8 << 20;
/// Rules in the table of costs; --all and the JSON have them all.
const DEAREST: usize = 40;

const CHECK_AFTER: &str = "\
EXAMPLE
      wardround rules check yara/ vendor-pack.zip

WHAT THE WORDS MEAN
  rejected  not in force: it does not compile, needs a module that is not built in, or can't be read
  warning   in force, but slow, or its condition can't say what it seems to
  metadata  (with --all) in force, but a finding would lack what a reader asks first

EXIT CODES
  0 everything is in force and without warning · 1 something is not · 64 a path is missing or unreadable";

#[derive(Args, Debug)]
pub struct RulesArgs {
    #[command(subcommand)]
    pub command: RulesCommand,
}

#[derive(Subcommand, Debug)]
pub enum RulesCommand {
    /// Say for each file which rules load, which are left out and why, which are slow
    Check(CheckArgs),
    /// Name every rule in force: file, rule, score, techniques, description
    List(ListArgs),
}

#[derive(Args, Debug)]
#[command(after_help = CHECK_AFTER)]
pub struct CheckArgs {
    /// Rule files, folders or zip packs; none means the embedded pack
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Show every line, not the first ones of each kind, and rules without the usual metadata
    #[arg(long)]
    pub all: bool,
    /// Measure what each rule costs, on these files (the first 8 MiB of each) or, without any, on this program
    #[arg(long, value_name = "FILE", num_args = 0..)]
    pub profile_rules: Option<Vec<PathBuf>>,
    /// How it is told: in words, or one JSON object
    #[arg(long, value_enum, default_value = "human")]
    pub format: Format,
}

#[derive(Args, Debug)]
pub struct ListArgs {
    /// Rule files, folders or zip packs; none means the embedded pack
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// How it is told: a line for each rule, or one JSON object
    #[arg(long, value_enum, default_value = "human")]
    pub format: Format,
}

pub fn run(args: RulesArgs) -> Exit {
    match args.command {
        RulesCommand::Check(args) => check(&args),
        RulesCommand::List(args) => list(&args),
    }
}

fn check(args: &CheckArgs) -> Exit {
    let files = match RuleSet::check(&args.paths, args.paths.is_empty()) {
        Ok((_, files)) => files,
        Err(e) => return usage(&e),
    };
    let measured = match args.profile_rules.as_deref().map(|paths| measure(args, paths)).transpose() {
        Ok(measured) => measured,
        Err(e) => return usage(&e),
    };
    print(&match (args.format, measured) {
        (Format::Human, None) => told(&files, args.all),
        (Format::Human, Some(costs)) => format!("{}{}", told(&files, args.all), table(&costs, args.all)),
        (Format::Json, None) => format!("{}\n", json!({ "files": files, "total": Total::of(&files).json() })),
        (Format::Json, Some(costs)) => {
            format!("{}\n", json!({ "files": files, "total": Total::of(&files).json(), "costs": costs }))
        }
    });
    if files.iter().all(|f| f.input.rejected.is_empty() && f.warnings.is_empty()) { Exit::Clean } else { Exit::Findings }
}

/// What each rule costs on the beginnings of files.
fn measure(args: &CheckArgs, paths: &[PathBuf]) -> Result<Vec<Cost>, String> {
    let own = || std::env::current_exe().into_iter().collect();
    let paths: Vec<PathBuf> = if paths.is_empty() { own() } else { paths.to_vec() };
    let read = |path: PathBuf| {
        let mut bytes = Vec::new();
        match File::open(&path).and_then(|f| f.take(SAMPLE).read_to_end(&mut bytes)) {
            Ok(_) => Ok(Sample { name: text::escape(path.as_os_str().as_encoded_bytes()), bytes }),
            Err(e) => Err(format!("the sample {} can't be read: {e}", text::escape(path.as_os_str().as_encoded_bytes()))),
        }
    };
    let samples = paths.into_iter().map(read).collect::<Result<Vec<Sample>, String>>()?;
    costs(&args.paths, args.paths.is_empty(), &samples).map_err(|e| e.to_string())
}

fn table(costs: &[Cost], all: bool) -> String {
    let mut out = format!("\n{:>12} {:>14}  rule\n", "µs per MiB", "µs per 4 KiB");
    let shown = if all { costs.len() } else { costs.len().min(DEAREST) };
    for c in costs.iter().take(shown) {
        out.push_str(&format!(
            "{:>12.1} {:>14.2}  {}:{}\n",
            c.us_per_mib,
            c.us_per_small_file,
            text::escape(c.namespace.as_bytes()),
            c.rule
        ));
    }
    if costs.len() > shown {
        out.push_str(&format!("and {} cheaper ones (--all)\n", text::thousands((costs.len() - shown) as u64)));
    }
    out
}

fn list(args: &ListArgs) -> Exit {
    let (set, inputs) = match RuleSet::load(&args.paths, args.paths.is_empty(), None) {
        Ok(loaded) => loaded,
        Err(e) => return usage(&e),
    };
    let rules = set.infos();
    print(&match args.format {
        Format::Human => rules.iter().map(line).collect(),
        Format::Json => format!("{}\n", json!({ "rules": rules })),
    });
    let rejected: usize = inputs.iter().map(|i| i.rejected.len()).sum();
    if rejected == 0 {
        return Exit::Clean;
    }
    eprintln!("wardround: {} left out; see `wardround rules check`", text::thousands(rejected as u64));
    Exit::Findings
}

/// File, rule, score, techniques, description, with tabs between them: for `cut` and `awk`.
fn line(rule: &RuleInfo) -> String {
    let techniques = if rule.techniques.is_empty() { "-".to_owned() } else { rule.techniques.join(",") };
    let description = match (&rule.description, rule.private) {
        (Some(d), _) => d,
        (None, true) => "(private)",
        (None, false) => "-",
    };
    format!("{}\t{}\t{}\t{techniques}\t{description}\n", text::escape(rule.file.as_bytes()), rule.rule, rule.score)
}

fn usage(e: &dyn std::fmt::Display) -> Exit {
    eprintln!("wardround: {e}");
    Exit::Usage
}

fn print(out: &str) {
    // A closed pipe is the reader's choice.
    let _ = std::io::stdout().lock().write_all(out.as_bytes());
}

/// The lists of a file, by the word they are shown under.
fn kinds(file: &FileCheck) -> [(&'static str, &[Rejected]); 3] {
    [("rejected", &file.input.rejected), ("warning", &file.warnings), ("metadata", &file.metadata)]
}

#[derive(Default)]
struct Total {
    files: usize,
    loaded: u64,
    rejected: usize,
    warnings: usize,
    metadata: usize,
}

impl Total {
    fn of(files: &[FileCheck]) -> Self {
        let mut total = Self { files: files.len(), ..Self::default() };
        for f in files {
            total.loaded = total.loaded.saturating_add(f.input.loaded);
            total.rejected = total.rejected.saturating_add(f.input.rejected.len());
            total.warnings = total.warnings.saturating_add(f.warnings.len());
            total.metadata = total.metadata.saturating_add(f.metadata.len());
        }
        total
    }

    fn json(&self) -> Value {
        json!({
            "files": self.files, "loaded": self.loaded, "rejected": self.rejected,
            "warnings": self.warnings, "metadata": self.metadata,
        })
    }
}

fn told(files: &[FileCheck], all: bool) -> String {
    let mut out = String::new();
    let width = files.iter().map(|f| f.input.name.chars().count()).max().unwrap_or(0).min(60);
    for file in files {
        let name = text::shorten(&text::escape(file.input.name.as_bytes()), 60);
        out.push_str(&format!("{name:<width$}  {} loaded\n", text::thousands(file.input.loaded)));
        for (word, list) in kinds(file).into_iter().filter(|(word, _)| all || *word != "metadata") {
            for (why, places) in grouped(&file.input.name, list, all) {
                out.push_str(&format!("    {word:<8}  {places}{}\n", text::escape(why.as_bytes())));
            }
        }
    }
    let total = Total::of(files);
    out.push_str(&format!("\n{} files, {} rules in force", total.files, text::thousands(total.loaded)));
    for (n, words) in [(total.rejected, "rejected"), (total.warnings, "warnings"), (total.metadata, "without all metadata")] {
        if n > 0 {
            out.push_str(&format!(", {} {words}", text::thousands(n as u64)));
        }
    }
    out.push('\n');
    out
}
