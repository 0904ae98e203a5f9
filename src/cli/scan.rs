//! `wardround scan`: plan, run, write the case folder, tell the end.

use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use jiff::Timestamp;

use super::args::{Format, ScanArgs};
use super::exit::Exit;
use super::progress::{self, Progress};
use crate::engine::{self, Collected, Collector, Phase};
use crate::model::{Input, Level, text::escape};
use crate::phi::mask;
use crate::plan::{self, Plan, PlanError};
use crate::report::{
    self, Case, CaseError, CaseFolder, CoverageVerdict, Footprint, Integrity, Masker, Report, Run, SealError, Target,
};

/// Names of people are kept out of everything that is written.
const MASKER: Masker = Masker { mask_path: mask::mask_path, self_scan: mask::self_scan, redact: mask::redact };

/// Runs a scan from its arguments to its exit code.
pub fn run(args: ScanArgs) -> Exit {
    let (started, clock) = (Timestamp::now(), Instant::now());
    let stop = Arc::new(AtomicBool::new(false));
    stop_on_signal(&stop, args.quiet);
    let mut plan = match Plan::new(&args.options(), stop.clone()) {
        Ok(plan) => plan,
        Err(e) => {
            eprintln!("wardround: {e}");
            return match e {
                PlanError::Usage(_) => Exit::Usage,
                PlanError::CaseFolder(_) => Exit::CaseFolder,
            };
        }
    };
    if !args.quiet {
        plan.inputs.rules.iter().chain(&plan.inputs.indicators).chain(&plan.inputs.known_good).for_each(warn_rejected);
    }
    let case_dir = escape(plan.case.as_os_str().as_encoded_bytes());
    let collector = match CaseFolder::create(&plan.case).map_err(Into::into).and_then(|f| Collector::new(f, MASKER)) {
        Ok(collector) => collector,
        Err(e) => return no_case(&e),
    };
    let display = Progress::start(plan.job.counters.clone(), stop.clone(), args.quiet);
    let collected = engine::run(&plan.job, &mut plan.correlators, collector);
    plan.job.counters.enter(Phase::Writing);
    let collected = match collected {
        Ok(collected) => collected,
        Err(e) => {
            drop(display);
            return no_case(&e);
        }
    };
    let interrupted = stop.load(Ordering::Relaxed);
    let run = Run {
        id: format!("{}-{}", started.strftime("%Y%m%dT%H%M%SZ"), process::id()),
        command: std::env::args_os().map(|a| escape(a.as_encoded_bytes())).collect(),
        started: started.to_string(),
        finished: Timestamp::now().to_string(),
        duration_ms: u64::try_from(clock.elapsed().as_millis()).unwrap_or(u64::MAX),
        threads: plan.job.threads as u64,
        resumed: false,
        interrupted,
        case_folder: Some(case_dir.clone()),
        peak_memory: peak_memory(),
    };
    let Collected { findings, coverage, gaps, phi, journal_head, inventory_sha256, folder, failed } = collected;
    let mut report = Report {
        schema: String::new(),
        tool: plan::tool(),
        case: Case {
            id: args.case_id.clone(),
            examiner: args.examiner.clone(),
            note: args.note.clone(),
            authority: args.authority.clone(),
        },
        host: plan::host(),
        run,
        targets: targets(&plan),
        footprint: footprint(&plan, &case_dir),
        inputs: plan.inputs,
        coverage,
        gaps,
        findings,
        phi,
        limitations: Vec::new(),
        integrity: Integrity { journal_head, inventory_sha256, ..Integrity::default() },
    };
    let written = seal_and_write(&mut report, &folder);
    drop(display);
    let exit = if written.is_err() || failed.is_some() { Exit::CaseFolder } else { exit_of(&report) };
    match &written {
        // Nothing of a report that could not be freed of patient data is shown.
        Err(WriteError::Seal(_) | WriteError::Leak) => {}
        _ => tell(&args, &report, &case_dir, exit),
    }
    if let Err(e) = written {
        eprintln!("wardround: {e}");
    } else if let Some(e) = failed {
        eprintln!(
            "wardround: {e}; what was found up to then is in {case_dir}/report.json, which says where the inventory ends: \
             make room and scan again into a new case folder"
        );
    }
    exit
}

/// Why the case folder lacks its documents.
#[derive(Debug, thiserror::Error)]
enum WriteError {
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error(transparent)]
    Case(#[from] CaseError),
    #[error(
        "the report still held something that looks like patient data after redaction, so it was not written; the journal in the case folder is complete"
    )]
    Leak,
}

fn seal_and_write(report: &mut Report, folder: &CaseFolder) -> Result<(), WriteError> {
    report.seal(&MASKER)?;
    if !report.phi.self_scan.passed {
        return Err(WriteError::Leak);
    }
    folder.write_report(report)?;
    folder.write_manifest(
        Some(report.run.finished.clone()),
        &report.integrity.journal_head,
        &report.integrity.findings_sha256,
    )?;
    Ok(())
}

/// The first Ctrl-C (or SIGTERM) ends the scan with a valid report, the second at once. Where a progress
/// display is drawn, the display says so.
fn stop_on_signal(stop: &Arc<AtomicBool>, quiet: bool) {
    let stop = stop.clone();
    let set = ctrlc::set_handler(move || {
        if stop.swap(true, Ordering::Relaxed) {
            process::exit(Exit::Killed as i32);
        }
        if !progress::is_drawn(quiet) {
            eprintln!("{}", progress::STOPPING);
        }
    });
    if set.is_err() {
        eprintln!("wardround: Ctrl-C can't be caught here; it will end the scan without a report");
    }
}

/// One line on standard error for an input with rejected parts; all of them are in the report.
fn warn_rejected(input: &Input) {
    if let Some(first) = input.rejected.first() {
        let rest = match input.rejected.len() {
            1 => String::new(),
            n => format!(" (and {} more, listed in the report)", n - 1),
        };
        eprintln!(
            "wardround: {}: {} rejected: {}{rest}",
            escape(input.name.as_bytes()),
            escape(first.place.as_bytes()),
            escape(first.why.as_bytes())
        );
    }
}

fn no_case(e: &dyn std::fmt::Display) -> Exit {
    eprintln!("wardround: {e}");
    Exit::CaseFolder
}

fn targets(plan: &Plan) -> Vec<Target> {
    plan.targets
        .iter()
        .zip(&plan.job.sources)
        .map(|(target, source)| {
            let facts = source.facts();
            Target {
                path: MASKER.path(&escape(target.path.as_os_str().as_encoded_bytes())).into_owned(),
                kind: target.kind,
                fs_type: facts.fs_type,
                volume_id: facts.volume_id,
                atime_protection: facts.atime_protection,
                image_digest: None,
                notes: target.notes.clone(),
            }
        })
        .collect()
}

fn footprint(plan: &Plan, case_dir: &str) -> Footprint {
    let mut statements = vec![
        format!("Created the case folder {case_dir} and files in it; nothing else was written, but for what is named below."),
        format!(
            "Ran as one process with {} worker threads; started no other program, opened no network connection.",
            plan.job.threads
        ),
        "Read targets through the page cache, so that recently used data of other programs may have left it.".to_owned(),
        "Text of symbolic links was not read, since reading it changes their access time.".to_owned(),
    ];
    if let Some(cache) = &plan.rules_cache {
        let cache = escape(cache.as_os_str().as_encoded_bytes());
        statements.push(format!("Compiled rules are kept in {cache}, as --rules-cache asked."));
    }
    if plan.same_volume {
        statements.push("The case folder lies on the volume of a target: its blocks took free space there.".to_owned());
    }
    for (target, source) in plan.targets.iter().zip(&plan.job.sources) {
        let protection = source.facts().atime_protection;
        if protection != "O_NOATIME" {
            statements.push(format!(
                "Access times under {} may have changed: {protection}.",
                escape(target.path.as_os_str().as_encoded_bytes())
            ));
        }
    }
    Footprint { same_volume: plan.same_volume, statements }
}

/// The end of the scan on standard output.
fn tell(args: &ScanArgs, report: &Report, case_dir: &str, exit: Exit) {
    use std::io::{IsTerminal, Write};
    if args.quiet {
        return;
    }
    let mut out = std::io::stdout().lock();
    let text = match args.format {
        Format::Human => {
            let color = out.is_terminal() && std::env::var_os("NO_COLOR").is_none();
            report::summary(report, color, case_dir)
        }
        Format::Json => {
            let levels = report.levels();
            let line = serde_json::json!({
                "exit": exit as u8, "case_folder": case_dir,
                "coverage": report.coverage, "interrupted": report.run.interrupted,
                "findings": {"alert": levels.alert, "warning": levels.warning, "notice": levels.notice, "info": levels.info},
                "individuals": report.phi.individuals,
            });
            format!("{line}\n")
        }
    };
    // A closed pipe is the reader's choice; the case folder is complete.
    let _ = out.write_all(text.as_bytes());
}

fn exit_of(report: &Report) -> Exit {
    let highest = report.findings.iter().map(|f| f.level).max();
    let complete = report.coverage.verdict == CoverageVerdict::Complete && !report.run.interrupted;
    Exit::of(highest.filter(|l| *l > Level::Info), complete)
}

/// Peak resident memory in bytes (`VmHWM` of proc(5)).
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kib: u64 = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?.trim().trim_end_matches(" kB").parse().ok()?;
    kib.checked_mul(1024)
}
