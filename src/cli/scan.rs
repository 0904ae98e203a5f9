//! `wardround scan`: plan, run, write the case folder, tell the end.

use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use jiff::Timestamp;

use super::MoreAnalyzers;
use super::args::{Args, Command, ScanArgs};
use super::begin::{self, Asked, begin};
use super::confine;
use super::exit::Exit;
use super::finish::{Ended, MASKER, Telling, finish, no_case, no_plan, peak_memory, tell_again, warn_rejected};
use super::progress::Progress;
use super::reach;
use super::signals::{pass_on_questions, stop_on_signal, tell_on_signal};
use super::supervise::supervise;
use crate::engine::{self, Care, CollectError, Collected, Collector, Phase, ends_sealed};
use crate::model::{Locator, text::escape};
use crate::plan::{self, Options, Plan, PlannedTarget};
use crate::report::{
    Baseline, Case, CaseFolder, Confinement, Footprint, Integrity, Masker, OldCase, Report, Run, STATE, SealKey, Shown, Target,
};

/// Runs a scan from its arguments to its exit code.
pub fn run(args: ScanArgs, more: MoreAnalyzers) -> Exit {
    if let Some(death) = args.scan_process.clone() {
        end_with_supervisor();
        // A question that comes while the plan is made is none yet, but must not end it.
        let _ = pass_on_questions();
        return go_on(&args, Some(death.as_str()).filter(|d| !d.is_empty()), more);
    }
    let args = match args.resume {
        true => place_to_resume(&args),
        // A key that is none is told before anything is made.
        false => seal_key(args.sign_key.as_deref())
            .and_then(|_| begin(&args, std::env::args_os()))
            .map(|case| ScanArgs { case: Some(case), ..args }),
    };
    let args = match args {
        Ok(args) => args,
        Err(exit) => return exit,
    };
    let exit = match (args.unsupervised, &args.case) {
        (false, Some(case)) => supervise(case, &args),
        _ => go_on(&args, None, more),
    };
    // Nothing was scanned: the place is left as it was.
    if matches!(exit, Exit::Usage | Exit::CaseFolder) {
        args.case.iter().for_each(|case| begin::abandon(case));
    }
    exit
}

/// How to go on in a case folder: as it was asked for, unless this command says otherwise. A case that is sealed already is
/// told again.
fn place_to_resume(args: &ScanArgs) -> Result<ScanArgs, Exit> {
    // `requires` of the argument makes sure that there is one.
    let asked = args.case.clone().unwrap_or_default();
    let case = std::path::absolute(&asked).unwrap_or(asked);
    let folder = CaseFolder::open(&case).map_err(|e| usage(&e))?;
    // Killed between the seal and the end of the working files.
    if folder.is_begun() && folder.read_file(STATE).is_ok_and(|mut log| ends_sealed(&mut log)) {
        folder.end();
    }
    if !folder.is_begun()
        && let Ok(old) = OldCase::open(&case)
    {
        eprintln!("wardround: the case is complete; nothing is left to do");
        return Err(tell_again(&old.report, &case, telling(args)));
    }
    let was = begin::asked(&folder).map_err(|e| usage(&e))?;
    reach::all(&was.args.targets).map_err(|e| no_plan(&e))?;
    if given(args) && asks(args) != asks(&was.args) {
        return Err(usage(
            &"the scan in this case folder was begun with other arguments: leave them out with --resume, or scan into a new case folder",
        ));
    }
    let object_deadline = args.object_deadline.or(was.args.object_deadline);
    let (threads, unconfined) = (args.threads.or(was.args.threads), args.unconfined || was.args.unconfined);
    Ok(ScanArgs { case: Some(case), object_deadline, threads, unconfined, ..args.clone() })
}

fn telling(args: &ScanArgs) -> Telling {
    Telling { format: args.format, quiet: args.quiet }
}

fn usage(e: &dyn std::fmt::Display) -> Exit {
    eprintln!("wardround: {e}");
    Exit::Usage
}

/// Everything that decides what is found.
fn asks(args: &ScanArgs) -> String {
    let case = || {
        [&args.case_id, &args.examiner, &args.authority, &args.note, &args.evidence_id, &args.received_from].map(|t| t.clone())
    };
    format!("{:?} {:?}", Options { case: None, threads: 0, care: Care::default(), ..args.options() }, case())
}

/// Whether more than the case folder was named.
fn given(args: &ScanArgs) -> bool {
    let bare = Args::try_parse_from(["wardround", "scan"]);
    !matches!(bare.map(|a| a.command), Ok(Command::Scan(bare)) if asks(&bare) == asks(args))
}

/// Scans what is left to scan in the case folder, and writes the report.
fn go_on(now: &ScanArgs, death: Option<&str>, more: MoreAnalyzers) -> Exit {
    let clock = Instant::now();
    let case = now.case.clone().unwrap_or_default();
    let folder = match CaseFolder::open(&case) {
        Ok(folder) => folder,
        Err(e) => return no_case(&e),
    };
    let _lock = match folder.lock() {
        Ok(lock) => lock,
        Err(e) => return no_case(&e),
    };
    let Asked { mut args, start, command } = match begin::asked(&folder) {
        Ok(asked) => asked,
        Err(e) => return usage(&e),
    };
    let key = match seal_key(args.sign_key.as_deref()) {
        Ok(key) => key,
        Err(exit) => return exit,
    };
    (args.quiet, args.format, args.threads) = (now.quiet, now.format, now.threads.or(args.threads));
    args.unconfined |= now.unconfined;
    let kept_key = match kept_key(&folder, &args.options()) {
        Ok(key) => key,
        Err(exit) => return exit,
    };
    let mut options = Options { case: Some(case), kept_key, ..args.options() };
    // A deadline is for all processes of this run together.
    let spent = Duration::try_from_secs_f64(now.spent).unwrap_or_default();
    options.care.deadline = options.care.deadline.map(|deadline| deadline.saturating_sub(spent));
    let (targets, confinement) = match confine::enter(&args, &options) {
        Ok(entered) => entered,
        Err(e) => return no_plan(&e),
    };
    let stop = Arc::new(AtomicBool::new(false));
    stop_on_signal(&stop, now.quiet);
    let mut plan = match Plan::with(&options, targets, stop.clone()) {
        Ok(plan) => plan,
        Err(e) => return no_plan(&e),
    };
    plan.job.analyzers.extend(more());
    let baseline = match plan.baseline.take().map(|b| b.load(&folder, &mut plan.job, start.seed)).transpose() {
        Ok(baseline) => baseline,
        Err(e) => return no_plan(&e),
    };
    if !args.quiet && death.is_none() {
        plan.inputs.rules.iter().chain(&plan.inputs.indicators).chain(&plan.inputs.known_good).for_each(warn_rejected);
    }
    folder.unseal();
    folder.renew_reserve();
    let tool = plan::tool();
    let program = format!("{} {} {}", tool.version, tool.target, tool.sha256.as_deref().unwrap_or_default());
    let case_dir = escape(plan.case.as_os_str().as_encoded_bytes());
    let resumed = Collector::resume(
        folder,
        MASKER,
        (&plan.inputs.options_sha256, &program),
        death,
        args.sealed_annex.as_ref(),
        &mut plan.correlators,
        &plan.job.counters,
    );
    let (mut collector, resumed) = match resumed {
        Ok(resumed) => resumed,
        Err(e @ CollectError::OtherPlan(_)) => return usage(&e),
        Err(e) => return no_case(&e),
    };
    plan.job.in_flight = match collector.in_flight(plan.job.threads) {
        Ok(table) => Some(table),
        Err(e) => return no_case(&e),
    };
    let before = resumed.plan.is_some();
    let host = plan::host();
    // Who had it in hand: the journal is the log of custody.
    collector.note(
        "custody",
        &serde_json::json!({
            "event": if before { "resumed" } else { "begun" }, "time": Timestamp::now().to_string(), "host": host.name,
            "account": host.privileges, "examiner": args.examiner, "evidence_id": args.evidence_id,
            "received_from": args.received_from, "tool_sha256": tool.sha256,
        }),
    );
    let deaths = resumed.recovery.deaths.clone();
    plan.job.recovery = resumed.recovery;
    if !args.full_speed && plan.targets.iter().any(PlannedTarget::is_live_volume) {
        plan.job.yields = true;
        crate::sys::yield_to_others();
    }
    tell_on_signal(&plan.job.counters);
    let display = Progress::start(plan.job.counters.clone(), stop.clone(), args.quiet);
    let collected = engine::run(&plan.job, &mut plan.correlators, collector.with_registers(plan.shared_key.clone()));
    plan.job.counters.enter(Phase::Writing);
    let collected = match collected {
        Ok(collected) => collected,
        Err(e) => {
            drop(display);
            return no_case(&e);
        }
    };
    let Collected {
        findings,
        coverage,
        gaps,
        phi,
        journal_head,
        inventory_sha256,
        folder,
        masker,
        reread,
        failed,
        state,
        workers,
    } = collected;
    let interrupted = stop.load(Ordering::Relaxed);
    let run = Run {
        id: start.run_id,
        command: command.iter().map(|a| argument(a, &masker)).collect(),
        started: start.started,
        finished: Timestamp::now().to_string(),
        duration_ms: u64::try_from(clock.elapsed().as_millis()).unwrap_or(u64::MAX),
        threads: plan.job.threads as u64,
        resumed: before,
        deaths,
        interrupted,
        baseline: baseline.map(|b| Baseline { reread, ..b }),
        ended_for: plan.job.counters.ended_for().map(|why| why.id().to_owned()),
        case_folder: Some(case_dir.clone()),
        peak_memory: peak_memory(),
    };
    let report = Report {
        schema: String::new(),
        tool,
        case: Case {
            id: args.case_id.clone(),
            examiner: args.examiner.clone(),
            note: args.note.clone(),
            authority: args.authority.clone(),
            evidence_id: args.evidence_id.clone(),
            received_from: args.received_from.clone(),
        },
        parent: None,
        host,
        run,
        targets: target_rows(&plan, &masker),
        footprint: footprint(&plan, &case_dir, args.unsupervised, confinement),
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
        state: state.filter(|_| !interrupted),
        workers: &workers,
    };
    finish(report, ended, &case_dir, telling(&args), || drop(display))
}

/// The examiner's key, or one of this run alone.
pub(super) fn seal_key(file: Option<&Path>) -> Result<SealKey, Exit> {
    file.map_or_else(SealKey::ephemeral, SealKey::from_file).map_err(|e| usage(&e))
}

/// The random key of this scan: drawn by its first process, kept for those after it. None where the operator gives one.
fn kept_key(folder: &CaseFolder, options: &Options) -> Result<Option<[u8; 32]>, Exit> {
    if let Some(key) = folder.key() {
        return Ok(Some(key));
    }
    let key = plan::random_key(options).map_err(|e| no_plan(&e))?;
    key.map_or(Ok(()), |key| folder.keep_key(&key)).map_err(|e| no_case(&e))?;
    Ok(key)
}

/// Without its supervisor the process ends: whoever kills that means both, and nothing would watch over this one.
fn end_with_supervisor() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
}

/// An argument as it was written, but for what names people where it is a path.
fn argument(text: &OsStr, masker: &Masker) -> String {
    let shown = escape(text.as_encoded_bytes());
    match Path::new(text).canonicalize() {
        Ok(path) => masker.repeated(&Locator::os(path.as_path()), &shown),
        Err(_) => shown,
    }
}

fn target_rows(plan: &Plan, masker: &Masker) -> Vec<Target> {
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

fn footprint(plan: &Plan, case_dir: &str, alone: bool, confinement: Vec<Confinement>) -> Footprint {
    let mut statements = vec![
        format!("Created the case folder {case_dir} and files in it; nothing else was written, but for what is named below."),
        format!(
            "Ran as {} with {} worker threads; started no other program, opened no network connection.",
            if alone { "one process" } else { "two processes of this program, one that watches and one that scans," },
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
        let facts = source.facts();
        if !facts.atimes_kept {
            statements.push(format!(
                "Access times under {} may have changed: {}.",
                escape(target.path.as_os_str().as_encoded_bytes()),
                facts.atime_protection
            ));
        }
    }
    if plan.targets.iter().any(|target| target.clone.is_some()) {
        statements.push("Held detached read-only clones of the targets' mounts until the scan ended.".to_owned());
    }
    Footprint { same_volume: plan.same_volume, statements, confinement }
}
