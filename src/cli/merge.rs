//! `wardround merge`: many hosts' cases as one fleet.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use super::args::Format;
use super::exit::Exit;
use super::output::Folder;
use crate::model::Level;
use crate::model::text::{escape, shorten, thousands};
use crate::plan;
use crate::report::fleet::{self, Expected, Fleet, FleetError};

const AFTER: &str = "\
EXAMPLE
  A sweep's cases, one folder a host, against the list of hosts that should have reported:
      wardround merge sweeps/2026-11-24 --expected hosts.txt --out fleet-2026-11-24

WHAT IT WRITES
  A new folder with fleet.json and fleet.html: what findings rest on with its hosts, the rarest
  first; who saw it first; hosts that never reported, and those that were not covered whole;
  distinct people over all hosts whose cases were counted under one --case-key; rules and versions
  where they differ. Only report.json and registers.json of each case are read; the cases are not
  changed. A host with several cases is told by its newest scan and the rechecks of that.

--expected takes one name a line, # begins a comment. Names compare without case; a name with a
domain and one without are the same host where no other could be meant.

EXIT CODES
  0 every host complete, nothing at notice or above · 1 findings, none at alert · 2 at least one
  alert · 3 no finding, but a host is not covered whole, never reported, or its case can't be used
  · 64 usage error, or cases of different case keys · 73 the folder cannot be written";

#[derive(Args, Debug)]
#[command(after_help = AFTER)]
pub struct MergeArgs {
    /// Case folders, or folders that hold case folders; only read
    #[arg(value_name = "CASE", required = true)]
    pub cases: Vec<PathBuf>,
    /// Folder to create; it must not exist, or be empty
    #[arg(long, value_name = "FLEET")]
    pub out: PathBuf,
    /// Names of the hosts that should have reported, one a line
    #[arg(long, value_name = "FILE")]
    pub expected: Option<PathBuf>,
    /// How the end is told on standard output
    #[arg(long, value_enum, default_value = "human")]
    pub format: Format,
    /// No summary
    #[arg(long, short)]
    pub quiet: bool,
}

/// Largest list of expected hosts, in bytes.
const MAX_LIST: u64 = 64 << 20;

/// Merges cases from its arguments to its exit code.
pub fn run(args: &MergeArgs) -> Exit {
    let expected = match args.expected.as_deref().map(expected).transpose() {
        Ok(expected) => expected,
        Err(why) => return fail(&why, Exit::Usage),
    };
    let found = match fleet::find(&args.cases) {
        Ok(found) if found.cases.is_empty() && found.unfinished.is_empty() => return fail(&FleetError::NoCase, Exit::Usage),
        Ok(found) => found,
        Err(e) => return fail(&e, Exit::Usage),
    };
    let cases: Vec<&Path> = fleet::folders(&found);
    // Made before the work, so that an hour's reading isn't lost to a folder that can't be written.
    let folder = match Folder::create(&args.out, &cases) {
        Ok(folder) => folder,
        Err(e) => return fail(&e, if e.is_usage() { Exit::Usage } else { Exit::CaseFolder }),
    };
    let fleet = match fleet::merge(&found, expected.as_ref(), &plan::tool().version) {
        Ok(fleet) => fleet,
        Err(e) => {
            folder.abandon();
            return fail(&e, Exit::Usage);
        }
    };
    let written = folder
        .write("fleet.json", &|out| {
            serde_json::to_writer_pretty(&mut *out, &fleet)?;
            out.write_all(b"\n")
        })
        .and_then(|()| folder.write("fleet.html", &|out| fleet::page(&fleet, out)));
    if let Err(e) = written {
        return fail(&e, Exit::CaseFolder);
    }
    let exit = exit_of(&fleet);
    if !args.quiet {
        tell(&fleet, args, exit);
    }
    exit
}

fn expected(path: &Path) -> Result<Expected, String> {
    use std::io::Read;
    let shown = escape(path.as_os_str().as_encoded_bytes());
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|f| f.take(MAX_LIST).read_to_end(&mut bytes))
        .map_err(|e| format!("{shown} can't be read: {e}; --expected takes a text file with one name a line"))?;
    let text = String::from_utf8(bytes).map_err(|_| format!("{shown} is no text in UTF-8; --expected takes one name a line"))?;
    let expected = Expected::new(&text);
    if expected.is_empty() { Err(format!("{shown} names no host; --expected takes one name a line")) } else { Ok(expected) }
}

fn exit_of(fleet: &Fleet) -> Exit {
    let t = &fleet.totals;
    let highest = match (t.alert, t.warning, t.notice) {
        (1.., ..) => Some(Level::Alert),
        (0, 1.., _) => Some(Level::Warning),
        (0, 0, 1..) => Some(Level::Notice),
        (0, 0, 0) => None,
    };
    Exit::of(highest, t.incomplete == 0 && t.never_reported == 0 && t.unusable == 0)
}

fn tell(fleet: &Fleet, args: &MergeArgs, exit: Exit) {
    let dir = escape(args.out.as_os_str().as_encoded_bytes());
    let text = match args.format {
        Format::Human => human(fleet, &dir),
        Format::Json => {
            let line = serde_json::json!({
                "exit": exit as u8, "fleet_folder": dir, "totals": fleet.totals, "people": fleet.people.distinct,
            });
            format!("{line}\n")
        }
    };
    // A closed pipe is the reader's choice; the folder is complete.
    let _ = std::io::stdout().write_all(text.as_bytes());
}

fn human(fleet: &Fleet, dir: &str) -> String {
    use std::fmt::Write as _;
    let t = &fleet.totals;
    let n = |n: u64| thousands(n);
    let mut out = format!(
        "{} hosts from {} cases: {} with alerts, {} with warnings at most, {} with notices at most, {} without a finding.\n",
        n(t.hosts),
        n(t.cases),
        n(t.alert),
        n(t.warning),
        n(t.notice),
        n(t.none)
    );
    let _ = writeln!(
        out,
        "{} hosts are not covered whole, {} expected ones never reported, {} cases can't be used.",
        n(t.incomplete),
        n(t.never_reported),
        n(t.unusable)
    );
    if let Some(p) = fleet.people.distinct {
        let _ = writeln!(
            out,
            "About {} distinct people on {} hosts (at least {}, at most {}); {} hosts with patient data kept no registers.",
            n(p.best),
            n(fleet.people.hosts_with_registers),
            n(p.low),
            n(p.high),
            n(fleet.people.without_registers.len() as u64)
        );
    }
    let differs = fleet.mix.differs();
    if !differs.is_empty() {
        let _ = writeln!(out, "The cases differ in {}: hosts don't compare in all.", differs.join(", "));
    }
    if !fleet.stack.is_empty() {
        out.push_str("\nRarest first:\n");
        for s in fleet.stack.iter().take(10) {
            let text = format!("{:>7} {:<7} {:>3}  {}  {}", n(s.hosts), s.level.word(), s.score, s.title, shorten(&s.value, 40));
            let _ = writeln!(out, "{}", escape(text.as_bytes()));
        }
    }
    let _ = writeln!(out, "\nFleet   {dir}/fleet.html");
    out
}

fn fail(e: &dyn std::fmt::Display, exit: Exit) -> Exit {
    eprintln!("wardround: {e}");
    exit
}
