//! `wardround diff`: what appeared, vanished or changed between two cases.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use clap::Args;

use super::args::Format;
use super::exit::Exit;
use crate::model::text::{escape, thousands};
use crate::model::{GapReason, Level};
use crate::report::{
    Change, Comparison, CoverageVerdict, DIFF_SCHEMA, FileChanges, FindingChange, ObjectChange, ObjectCounts, OldCase,
    RereadError, compare_objects,
};

const AFTER: &str = "\
EXAMPLE
  What is new on a host since last week's scan:
      wardround diff case-17 case-18

Findings are compared by id, objects by their place: size, digests, type, times (not access times,
which reading changes), owner, mode, and how far they were examined. Objects whose names are
masked are compared by their shapes. Rules, indicators, options and targets that differ are said
first: with them findings come and go without any change of the host. Both case folders are only
read.

EXIT CODES
  0 no new finding at notice or above · 1 new findings, or old ones of a higher level, none at
  alert · 2 a new alert · 3 no new finding, but the coverage was complete and is no more · 64
  usage error · 73 the output cannot be written";

#[derive(Args, Debug)]
#[command(after_help = AFTER)]
pub struct DiffArgs {
    /// Case folder of the earlier scan; only read
    #[arg(value_name = "OLD")]
    pub old: PathBuf,
    /// Case folder of the later scan; only read
    #[arg(value_name = "NEW")]
    pub new: PathBuf,
    /// How the difference is told: in words, or as one JSON object with every changed object
    #[arg(long, value_enum, default_value = "human")]
    pub format: Format,
    /// Show every changed object, not the first ones of each kind
    #[arg(long)]
    pub all: bool,
}

/// Lines of one kind that are shown.
const SHOWN: usize = 30;

#[derive(Debug, thiserror::Error)]
enum DiffError {
    #[error(transparent)]
    Case(#[from] RereadError),
    #[error("cannot write to standard output: {0}")]
    Output(#[from] io::Error),
}

/// Compares two cases from its arguments to its exit code.
pub fn run(args: &DiffArgs) -> Exit {
    match compare(args) {
        Ok(exit) => exit,
        // A closed pipe is the reader's choice, but then nobody was told: no verdict.
        Err(DiffError::Output(e)) => {
            if e.kind() != io::ErrorKind::BrokenPipe {
                eprintln!("wardround: cannot write to standard output: {e}");
            }
            Exit::CaseFolder
        }
        Err(e) => {
            eprintln!("wardround: {e}");
            Exit::Usage
        }
    }
}

fn compare(args: &DiffArgs) -> Result<Exit, DiffError> {
    let (old, new) = (OldCase::open(&args.old)?, OldCase::open(&args.new)?);
    let comparison = Comparison::new(&old.report, &new.report);
    // Nothing is incomplete about a comparison but coverage that was lost.
    let exit = Exit::of(comparison.highest(), !comparison.lost_coverage());
    let mut out = BufWriter::new(io::stdout().lock());
    match args.format {
        Format::Json => json(&old, &new, &comparison, exit, &mut out)?,
        Format::Human => human(&old, &new, &comparison, args.all, &mut out)?,
    }
    out.flush()?;
    Ok(exit)
}

/// One JSON object. Changed objects are written as they are found, so that their number doesn't matter.
fn json(old: &OldCase, new: &OldCase, c: &Comparison, exit: Exit, out: &mut dyn Write) -> Result<(), DiffError> {
    let head = serde_json::to_string(c).map_err(io::Error::from)?;
    let body = head.strip_prefix('{').and_then(|h| h.strip_suffix('}')).unwrap_or_default();
    write!(out, "{{\"schema\":\"{DIFF_SCHEMA}\",\"exit\":{},{body},\"objects\":{{\"changes\":[", exit as u8)?;
    let mut first = true;
    let counts = compare_objects(old, new, &mut |change: ObjectChange| -> Result<(), DiffError> {
        out.write_all(if std::mem::take(&mut first) { b"\n" } else { b",\n" })?;
        serde_json::to_writer(&mut *out, &change).map_err(io::Error::from)?;
        Ok(())
    })?;
    let counts = serde_json::to_string(&counts).map_err(io::Error::from)?;
    writeln!(out, "],\"counts\":{counts}}}}}")?;
    Ok(())
}

/// Lines of one kind, the first ones and how many there are.
#[derive(Default)]
struct Lines {
    shown: Vec<String>,
    more: u64,
}

impl Lines {
    fn push(&mut self, line: String, all: bool) {
        if all || self.shown.len() < SHOWN {
            self.shown.push(line);
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        for line in &self.shown {
            // Names can come from anybody.
            writeln!(out, "  {}", escape(line.as_bytes()))?;
        }
        if self.more > 0 {
            writeln!(out, "    … {} more (--all shows them)", thousands(self.more))?;
        }
        Ok(())
    }
}

fn human(old: &OldCase, new: &OldCase, c: &Comparison, all: bool, out: &mut dyn Write) -> Result<(), DiffError> {
    sides(c, out)?;
    inputs(c, out)?;
    findings(c, all, out)?;
    let (mut appeared, mut vanished, mut changed) = (Lines::default(), Lines::default(), Lines::default());
    let counts = compare_objects(old, new, &mut |o: ObjectChange| -> Result<(), DiffError> {
        match o.change {
            Change::Appeared => appeared.push(format!("+ {} ({}, {} bytes)", o.path, o.kind, thousands(o.size)), all),
            Change::Vanished => vanished.push(format!("- {} ({}, {} bytes)", o.path, o.kind, thousands(o.size)), all),
            Change::Changed => changed.push(object(&o), all),
        }
        Ok(())
    })?;
    objects(&counts, &[appeared, vanished, changed], out)?;
    people_and_coverage(c, out)?;
    Ok(())
}

fn sides(c: &Comparison, out: &mut dyn Write) -> io::Result<()> {
    for (word, side) in [("old", &c.old), ("new", &c.new)] {
        let line = format!("{word}  {}  {}  run {}: {}", side.host, side.finished, side.run_id, side.verdict);
        writeln!(out, "{}", escape(line.as_bytes()))?;
    }
    if !c.same_host {
        writeln!(out, "The cases are of different hosts.")?;
    }
    if c.new.started < c.old.started {
        writeln!(out, "The new case is older than the old one.")?;
    }
    Ok(())
}

fn inputs(c: &Comparison, out: &mut dyn Write) -> io::Result<()> {
    let i = &c.inputs;
    if !i.any() {
        return writeln!(out, "\nThe same rules, indicators, options and targets.");
    }
    writeln!(out, "\nNot the same was looked for, so findings may have come or gone without any change of the host:")?;
    let mut lines = Lines::default();
    if let Some((old, new)) = &i.version {
        lines.push(format!("version {old} → {new}"), true);
    }
    let files: [(&str, &FileChanges); 3] = [("rules", &i.rules), ("indicators", &i.indicators), ("known good", &i.known_good)];
    for (word, f) in files {
        for (sign, names) in [("+", &f.added), ("-", &f.removed), ("~", &f.changed)] {
            names.iter().for_each(|n| lines.push(format!("{sign} {word}: {n}"), false));
        }
    }
    i.targets_added.iter().for_each(|t| lines.push(format!("+ target: {t}"), false));
    i.targets_removed.iter().for_each(|t| lines.push(format!("- target: {t}"), false));
    if i.options {
        lines.push("options that can change a finding".into(), true);
    }
    lines.write(out)
}

fn findings(c: &Comparison, all: bool, out: &mut dyn Write) -> io::Result<()> {
    let f = &c.findings;
    writeln!(out, "\nFindings: {} appeared, {} vanished, {} changed", f.appeared.len(), f.vanished.len(), f.changed.len())?;
    for (sign, list) in [("+", &f.appeared), ("-", &f.vanished), ("~", &f.changed)] {
        let mut lines = Lines::default();
        list.iter().for_each(|x| lines.push(finding(sign, x), all));
        lines.write(out)?;
    }
    Ok(())
}

fn finding(sign: &str, f: &FindingChange) -> String {
    let weight = match (f.old, f.new) {
        (Some(old), Some(new)) => format!("{} {} → {} {}", old.level.word(), old.score, new.level.word(), new.score),
        (Some(one), None) | (None, Some(one)) => format!("{} {}", one.level.word(), one.score),
        (None, None) => Level::Info.word().to_owned(),
    };
    format!("{sign} {weight}  {}  ({})", f.title, f.path)
}

fn object(o: &ObjectChange) -> String {
    let short = |v: &Option<String>| v.as_deref().map_or("none".to_owned(), |v| v.chars().take(35).collect());
    let fields: Vec<String> = o
        .fields
        .iter()
        // Where SHA-256 tells that the content changed, the other digests say no more.
        .filter(|f| !["sha1", "md5", "crc32"].contains(&f.field) || o.fields.iter().all(|g| g.field != "sha256"))
        .map(|f| match f.field {
            "sha256" => "content".to_owned(),
            field => format!("{field} {} → {}", short(&f.old), short(&f.new)),
        })
        .collect();
    format!("~ {}: {}", o.path, fields.join(", "))
}

fn objects(n: &ObjectCounts, lists: &[Lines], out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "\nObjects: {} appeared, {} vanished, {} changed, {} unchanged",
        thousands(n.appeared),
        thousands(n.vanished),
        thousands(n.changed),
        thousands(n.unchanged)
    )?;
    lists.iter().try_for_each(|l| l.write(out))
}

fn verdict(v: CoverageVerdict) -> &'static str {
    match v {
        CoverageVerdict::Complete => "complete",
        CoverageVerdict::Incomplete => "incomplete",
    }
}

fn people_and_coverage(c: &Comparison, out: &mut dyn Write) -> io::Result<()> {
    let (p, q) = (c.old.people, c.new.people);
    writeln!(
        out,
        "\nPeople in patient data: about {} → {} (at least {} → {}, at most {} → {})",
        thousands(p.best),
        thousands(q.best),
        thousands(p.low),
        thousands(q.low),
        thousands(p.high),
        thousands(q.high)
    )?;
    let (a, b) = (&c.old.coverage, &c.new.coverage);
    writeln!(
        out,
        "Coverage: {} → {}; {} of {} → {} of {} objects fully examined",
        verdict(a.verdict),
        verdict(b.verdict),
        thousands(a.examined),
        thousands(a.discovered),
        thousands(b.examined),
        thousands(b.discovered)
    )?;
    let reasons: std::collections::BTreeSet<&String> = a.by_reason.keys().chain(b.by_reason.keys()).collect();
    for id in reasons {
        let n = |c: &crate::report::Coverage| c.by_reason.get(id).copied().unwrap_or(0);
        if n(a) != n(b) {
            let words = GapReason::ALL.iter().find(|r| r.id() == id).map_or(id.as_str(), |r| r.words());
            writeln!(out, "  {} → {}  {}", thousands(n(a)), thousands(n(b)), escape(words.as_bytes()))?;
        }
    }
    Ok(())
}
