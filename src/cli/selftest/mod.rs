//! `wardround selftest`: does this binary find on this machine what it has to find, and can its scan process do what it
//! must not?

mod known;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Args as ClapArgs;
use serde::{Deserialize, Serialize};

use super::args::Format;
use super::exit::Exit;
use super::supervise::program;
use crate::model::text::escape;
use crate::report::{Confinement, private_dir};

const AFTER: &str = "\
It scans a handful of files whose answers are known, verifies the case that comes of it, and then tries
from inside a confined process what a scan must never do. All of it happens in a folder of its own, which
is removed.

EXIT CODES
  0 all answers are right and every forbidden action was denied · 1 something is not as it should be ·
  64 usage error · 73 the folder cannot be written";

#[derive(ClapArgs, Debug)]
#[command(after_help = AFTER)]
pub struct SelftestArgs {
    /// Folder in which a folder for the test is made [default: the system's for temporary files]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// How the result is told
    #[arg(long, value_enum, default_value = "human")]
    pub format: Format,
    /// This is the process that tries what is forbidden, in this folder and against this process
    #[arg(long, hide = true, num_args = 2, value_names = ["DIR", "PID"])]
    pub attempts: Option<Vec<String>>,
    /// Try without being confined, to see that the attempts can succeed
    #[arg(long, hide = true, requires = "attempts")]
    pub unconfined: bool,
}

/// One answer that was known before.
#[derive(Debug, Serialize)]
struct Check {
    what: &'static str,
    expected: String,
    found: String,
}

impl Check {
    fn new(what: &'static str, expected: impl ToString, found: impl ToString) -> Self {
        Self { what, expected: expected.to_string(), found: found.to_string() }
    }

    fn passed(&self) -> bool {
        self.expected == self.found
    }
}

/// What came of an attempt at something forbidden.
#[derive(Debug, Serialize, Deserialize)]
struct Attempt {
    action: String,
    /// `denied`, `allowed`, or why it shows nothing.
    outcome: String,
}

/// What the process that tries reports.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Tried {
    confinement: Vec<Confinement>,
    attempts: Vec<Attempt>,
}

/// Runs the test.
pub fn run(args: &SelftestArgs) -> Exit {
    if let Some(attempts) = &args.attempts {
        return attempt(attempts, args.unconfined);
    }
    let parent = args.dir.clone().unwrap_or_else(std::env::temp_dir);
    let folder = parent.join(format!("wardround-selftest-{}", std::process::id()));
    if let Err(e) = private_dir(&folder) {
        eprintln!("wardround: cannot write to {}: {e}; name a folder with --dir", escape(parent.as_os_str().as_encoded_bytes()));
        return Exit::CaseFolder;
    }
    let checks = known::check(&folder);
    let tried = try_out(&folder);
    let _ = std::fs::remove_dir_all(&folder);
    let denied = tried.attempts.iter().filter(|a| a.outcome == "denied").count();
    let passed = checks.iter().all(Check::passed) && denied == tried.attempts.len();
    match args.format {
        Format::Human => print!("{}", words(&checks, &tried, denied)),
        Format::Json => {
            let line = serde_json::json!({
                "passed": passed, "checks": checks, "confinement": tried.confinement, "attempts": tried.attempts,
            });
            println!("{line}");
        }
    }
    if passed { Exit::Clean } else { Exit::Findings }
}

/// What another process, which is confined as a scan is, gets through with.
fn try_out(folder: &Path) -> Tried {
    if !cfg!(any(target_os = "linux", windows)) {
        return Tried::default();
    }
    let mut command = Command::new(program());
    command.args(["selftest", "--attempts"]).arg(folder).arg(std::process::id().to_string()).stdin(Stdio::null());
    let unclear = |why: String| Tried {
        confinement: Vec::new(),
        attempts: vec![Attempt { action: "anything at all".to_owned(), outcome: why }],
    };
    match command.output() {
        Ok(out) => serde_json::from_slice(&out.stdout)
            .unwrap_or_else(|_| unclear(format!("the process that tries ended with {} and said nothing", out.status))),
        Err(e) => unclear(format!("the process that tries can't be started: {e}")),
    }
}

/// In the process that tries: gives up rights as a scan does, then tries.
#[cfg(any(target_os = "linux", windows))]
fn attempt(arguments: &[String], unconfined: bool) -> Exit {
    use crate::confine::{Needs, attempts, enter, left_out};
    let [folder, other] = arguments else { return Exit::Usage };
    let (Ok(other), root) = (other.parse(), Path::new(folder)) else { return Exit::Usage };
    let ground = match attempts::Ground::make(root, other) {
        Ok(ground) => ground,
        Err(e) => {
            eprintln!("wardround: cannot write to {}: {e}", escape(folder.as_bytes()));
            return Exit::CaseFolder;
        }
    };
    let needs = Needs { read: vec![ground.target.clone()], write: vec![], owner: false };
    let taken = if unconfined { left_out() } else { enter(&needs) };
    let outcome = |outcome| match outcome {
        attempts::Outcome::Denied => "denied".to_owned(),
        attempts::Outcome::Allowed => "allowed".to_owned(),
        attempts::Outcome::Unclear(why) => why,
    };
    let attempts = attempts::run(&ground)
        .into_iter()
        .map(|(action, how)| Attempt { action: action.to_owned(), outcome: outcome(how) })
        .collect();
    let tried = Tried { confinement: taken.into_iter().map(super::confine::row).collect(), attempts };
    println!("{}", serde_json::json!(tried));
    Exit::Clean
}

#[cfg(not(any(target_os = "linux", windows)))]
fn attempt(_: &[String], _: bool) -> Exit {
    Exit::Usage
}

fn words(checks: &[Check], tried: &Tried, denied: usize) -> String {
    let mut out = String::from("KNOWN ANSWERS\n");
    for check in checks {
        match check.passed() {
            true => out.push_str(&format!("  right   {}: {}\n", check.what, check.found)),
            false => out.push_str(&format!("  WRONG   {}: {} instead of {}\n", check.what, check.found, check.expected)),
        }
    }
    if tried.attempts.is_empty() {
        return out + "CONFINEMENT\n  none on this system: the scan process keeps the rights of its account\n";
    }
    out.push_str("CONFINEMENT\n");
    for measure in &tried.confinement {
        out.push_str(&format!("  {:<7} {}: {}\n", measure.degree, measure.measure, escape(measure.detail.as_bytes())));
    }
    out.push_str(&format!("FORBIDDEN ACTIONS  {denied} of {} denied\n", tried.attempts.len()));
    for attempt in &tried.attempts {
        out.push_str(&format!("  {:<7} {}\n", escape(attempt.outcome.as_bytes()), attempt.action));
    }
    out
}
