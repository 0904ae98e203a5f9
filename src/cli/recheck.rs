//! `wardround recheck`: tomorrow's indicators against yesterday's inventory.

use std::path::PathBuf;
use std::process;
use std::time::Instant;

use clap::Args;
use jiff::Timestamp;

use super::args::Format;
use super::exit::Exit;
use super::finish::{Ended, MASKER, Telling, finish, no_case, no_plan, peak_memory, warn_rejected};
use super::scan::seal_key;
use crate::engine::{self, Collected, Collector};
use crate::model::text::escape;
use crate::plan::{self, RecheckOptions, RecheckPlan};
use crate::report::{Case, CaseFolder, Footprint, Integrity, Report, Run};

const AFTER: &str = "\
EXAMPLE
  New indicators for a host that was scanned last week; the disk isn't needed:
      wardround recheck case-17 --ioc new-hashes.txt --case case-17-recheck

Digests, names, paths, sizes and times are matched as the earlier scan recorded them. Contents are not in an
inventory: indicators that ask about them make the coverage incomplete, and the report says so. The earlier
case folder is only read; its inventory must be the one that its report names.

EXIT CODES
  0 complete, nothing at notice or above · 1 findings, none at alert · 2 at least one alert ·
  3 no finding, but coverage incomplete · 64 usage error · 73 case folder cannot be written";

#[derive(Args, Debug)]
#[command(after_help = AFTER)]
pub struct RecheckArgs {
    /// Case folder of the earlier scan; only read
    #[arg(value_name = "CASE")]
    pub old: PathBuf,
    /// Indicators: a file, or a folder of files (repeatable; adds to the embedded ones)
    #[arg(long, value_name = "PATH")]
    pub ioc: Vec<PathBuf>,
    /// YARA rules, whose conditions need contents: the digests of samples in their metadata are matched (repeatable)
    #[arg(long, value_name = "PATH")]
    pub rules: Vec<PathBuf>,
    /// Leave out the embedded indicators
    #[arg(long)]
    pub no_default_iocs: bool,
    /// Case folder to create [default: ./wardround-HOST-TIME]
    #[arg(long, value_name = "DIR")]
    pub case: Option<PathBuf>,
    /// Case number for the report
    #[arg(long, value_name = "TEXT")]
    pub case_id: Option<String>,
    /// Who runs the recheck
    #[arg(long, value_name = "NAME")]
    pub examiner: Option<String>,
    /// On whose authority
    #[arg(long, value_name = "TEXT")]
    pub authority: Option<String>,
    /// A note for the report
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
    /// Sign the case with this Ed25519 key (PKCS#8 PEM) instead of one that is drawn for this run and forgotten
    #[arg(long, value_name = "FILE")]
    pub sign_key: Option<PathBuf>,
    /// Write a request for a time stamp over the manifest (RFC 3161), to be sent to an authority from elsewhere
    #[arg(long)]
    pub timestamp_request: bool,
    /// How the end is told on standard output
    #[arg(long, value_enum, default_value = "human")]
    pub format: Format,
    /// No summary
    #[arg(long, short)]
    pub quiet: bool,
}

/// Runs a recheck from its arguments to its exit code.
pub fn run(args: RecheckArgs) -> Exit {
    let (started, clock) = (Timestamp::now(), Instant::now());
    let options = RecheckOptions {
        old: args.old.clone(),
        case: args.case.clone(),
        iocs: args.ioc.clone(),
        rules: args.rules.clone(),
        no_default_iocs: args.no_default_iocs,
    };
    let key = match seal_key(args.sign_key.as_deref()) {
        Ok(key) => key,
        Err(exit) => return exit,
    };
    let mut plan = match RecheckPlan::new(&options) {
        Ok(plan) => plan,
        Err(e) => return no_plan(&e),
    };
    if !args.quiet {
        plan.inputs.indicators.iter().for_each(warn_rejected);
    }
    let case_dir = escape(plan.case.as_os_str().as_encoded_bytes());
    let collector = match CaseFolder::create(&plan.case).map_err(Into::into).and_then(|f| Collector::new(f, MASKER)) {
        Ok(collector) => collector,
        Err(e) => return no_case(&e),
    };
    let collected = match engine::recheck(&plan.old, &plan.analyzers, plan.asks, &mut plan.correlators, collector) {
        Ok(collected) => collected,
        Err(e) => {
            eprintln!("wardround: {e}");
            return Exit::Usage;
        }
    };
    let Collected { findings, coverage, gaps, phi, journal_head, inventory_sha256, folder, failed, workers, .. } = collected;
    let old = plan.old.report;
    let report = Report {
        schema: String::new(),
        tool: plan::tool(),
        case: Case {
            id: args.case_id.or(old.case.id),
            examiner: args.examiner,
            note: args.note,
            authority: args.authority,
            evidence_id: old.case.evidence_id,
            received_from: old.case.received_from,
        },
        footprint: Footprint {
            same_volume: false,
            statements: vec![
                format!("Read the earlier case folder {}; it was not changed.", plan.parent.case_folder),
                format!("Created the case folder {case_dir} and files in it; nothing else was written."),
                "The evidence itself was not touched.".to_owned(),
            ],
            confinement: Vec::new(),
        },
        parent: Some(plan.parent),
        host: old.host,
        run: Run {
            id: format!("{}-{}", started.strftime("%Y%m%dT%H%M%SZ"), process::id()),
            command: std::env::args_os().map(|a| escape(a.as_encoded_bytes())).collect(),
            started: started.to_string(),
            finished: Timestamp::now().to_string(),
            duration_ms: u64::try_from(clock.elapsed().as_millis()).unwrap_or(u64::MAX),
            threads: 1,
            resumed: false,
            deaths: Vec::new(),
            interrupted: false,
            ended_for: None,
            baseline: None,
            case_folder: Some(case_dir.clone()),
            peak_memory: peak_memory(),
        },
        targets: old.targets,
        inputs: plan.inputs,
        coverage,
        gaps,
        findings,
        phi,
        limitations: Vec::new(),
        integrity: Integrity { journal_head, inventory_sha256, ..Integrity::default() },
    };
    let ended = Ended {
        folder: &folder,
        failed: failed.as_ref(),
        key: &key,
        timestamp_request: args.timestamp_request,
        state: None,
        workers: &workers,
    };
    finish(report, ended, &case_dir, Telling { format: args.format, quiet: args.quiet }, || ())
}
