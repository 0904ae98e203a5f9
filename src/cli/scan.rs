//! `wardround scan`: plan, run, write the case folder, tell the end.

use std::ffi::OsStr;
use std::path::Path;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use jiff::Timestamp;

use super::args::ScanArgs;
use super::exit::Exit;
use super::finish::{MASKER, Telling, finish, no_case, no_plan, peak_memory, warn_rejected};
use super::progress::{self, Progress};
use crate::engine::{self, Collected, Collector, Phase};
use crate::model::{Locator, text::escape};
use crate::plan::{self, Plan};
use crate::report::{Case, CaseFolder, Footprint, Integrity, Masker, Report, Run, Shown, Target};

/// Runs a scan from its arguments to its exit code.
pub fn run(args: ScanArgs) -> Exit {
    let (started, clock) = (Timestamp::now(), Instant::now());
    let stop = Arc::new(AtomicBool::new(false));
    stop_on_signal(&stop, args.quiet);
    let mut plan = match Plan::new(&args.options(), stop.clone()) {
        Ok(plan) => plan,
        Err(e) => return no_plan(&e),
    };
    if !args.quiet {
        plan.inputs.rules.iter().chain(&plan.inputs.indicators).chain(&plan.inputs.known_good).for_each(warn_rejected);
    }
    let case_dir = escape(plan.case.as_os_str().as_encoded_bytes());
    let collector = CaseFolder::create(&plan.case)
        .map_err(Into::into)
        .and_then(|folder| Collector::new(folder, MASKER))
        .and_then(|collector| collector.with_annex(args.sealed_annex.as_ref()))
        .map(|collector| collector.with_registers(plan.shared_key.clone()));
    let collector = match collector {
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
    let Collected { findings, coverage, gaps, phi, journal_head, inventory_sha256, folder, masker, failed } = collected;
    let interrupted = stop.load(Ordering::Relaxed);
    let run = Run {
        id: format!("{}-{}", started.strftime("%Y%m%dT%H%M%SZ"), process::id()),
        command: std::env::args_os().map(|a| argument(&a, &masker)).collect(),
        started: started.to_string(),
        finished: Timestamp::now().to_string(),
        duration_ms: u64::try_from(clock.elapsed().as_millis()).unwrap_or(u64::MAX),
        threads: plan.job.threads as u64,
        resumed: false,
        interrupted,
        case_folder: Some(case_dir.clone()),
        peak_memory: peak_memory(),
    };
    let report = Report {
        schema: String::new(),
        tool: plan::tool(),
        case: Case {
            id: args.case_id.clone(),
            examiner: args.examiner.clone(),
            note: args.note.clone(),
            authority: args.authority.clone(),
        },
        parent: None,
        host: plan::host(),
        run,
        targets: targets(&plan, &masker),
        footprint: footprint(&plan, &case_dir),
        inputs: plan.inputs,
        coverage,
        gaps,
        findings,
        phi,
        limitations: Vec::new(),
        integrity: Integrity { journal_head, inventory_sha256, ..Integrity::default() },
    };
    finish(report, &folder, failed.as_ref(), &case_dir, Telling { format: args.format, quiet: args.quiet }, || drop(display))
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

/// An argument as it was written, but for what names people where it is a path.
fn argument(text: &OsStr, masker: &Masker) -> String {
    let shown = escape(text.as_encoded_bytes());
    match Path::new(text).canonicalize() {
        Ok(path) => masker.repeated(&Locator::os(path.as_path()), &shown),
        Err(_) => shown,
    }
}

fn targets(plan: &Plan, masker: &Masker) -> Vec<Target> {
    plan.targets
        .iter()
        .zip(&plan.job.sources)
        .map(|(target, source)| {
            let facts = source.facts();
            Target {
                path: Shown::new(&Locator::os(target.path.as_path()), masker).path,
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
