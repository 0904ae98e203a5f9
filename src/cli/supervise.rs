//! The supervisor: starts the process that scans, and when that dies or hangs, another that goes on.
//!
//! It reads nothing of a target and parses nothing, so that what kills the scan can't reach it.

use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::args::{Format, ScanArgs};
use super::exit::Exit;
use super::signals::{asked_to_stop, pass_on_questions};
use crate::engine::{Death, Frame, HUNG, StateReader, Step, read_in_flight};
use crate::report::{CaseFolder, IN_FLIGHT, STATE};

/// Between two looks at the process, in its first second and after that: a short scan isn't kept waiting.
const LOOKS: [Duration; 2] = [Duration::from_millis(2), Duration::from_millis(20)];
/// Between two looks at the table of what is in flight.
const PULSE: Duration = Duration::from_millis(500);
/// Minutes without progress after which an object is given up.
const PATIENCE: f64 = 15.0;
/// A killed process that is still there after this is waited for no longer.
const CORPSE: Duration = Duration::from_secs(2);
/// Deaths in a row without any object done in between, after which it is given up.
const HOPELESS: u32 = 5;

/// Runs the scan in `case` to its end, whatever happens to the processes that do the work.
pub fn supervise(case: &Path, args: &ScanArgs) -> Exit {
    let stop = asked_to_stop();
    let question = pass_on_questions();
    let Ok(folder) = CaseFolder::open(case) else { return Exit::CaseFolder };
    let mut death = String::new();
    let (mut in_vain, mut reached) = (0, 0);
    let begun = Instant::now();
    loop {
        let child = match command(case, args, &death, begun.elapsed()).spawn() {
            Ok(child) => child,
            Err(e) => {
                eprintln!("wardround: the scan process can't be started ({e}): try again with --unsupervised");
                return Exit::Incomplete;
            }
        };
        match watch(child, &folder, args, &stop, &question) {
            End::Exit(code) => return code,
            End::Death(how) => death = how,
        }
        if stop.load(Ordering::Relaxed) {
            eprintln!("wardround: the scan process died ({death}) while it was ending; go on with --resume");
            return Exit::Incomplete;
        }
        let done = got_through(&folder);
        in_vain = if done > reached { 0 } else { in_vain + 1 };
        reached = done;
        if in_vain >= HOPELESS {
            eprintln!(
                "wardround: the scan process died {HOPELESS} times ({death}) without getting further; what was found is kept: \
                 go on with --resume --case {}, or report the fault",
                crate::model::text::escape(case.as_os_str().as_encoded_bytes())
            );
            return Exit::Incomplete;
        }
        if !args.quiet {
            eprintln!(
                "wardround: the scan process died ({death}); another goes on, and what it died on is tried once more, alone"
            );
        }
    }
}

/// Objects that are done or given up.
fn got_through(folder: &CaseFolder) -> u64 {
    let Some(mut log) = folder.read_file(STATE).ok().and_then(|file| StateReader::new(file).ok()) else { return 0 };
    let mut n = 0;
    while let Some(step) = log.step() {
        n += u64::from(matches!(step, Step::Frame(Frame::Done { .. } | Frame::Death(Death { culprit: Some(_), .. }))));
    }
    n
}

/// How a scan process ended.
enum End {
    Exit(Exit),
    Death(String),
}

/// What the scan process is told of the environment: how to draw on the terminal, the time zone for the report, and what
/// Windows programs don't start without.
const KEPT: &[&str] = &["TERM", "NO_COLOR", "COLUMNS", "LINES", "TZ", "COMPUTERNAME", "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR"];

fn command(case: &Path, args: &ScanArgs, death: &str, spent: Duration) -> Command {
    let mut command = Command::new(program());
    command.args(["scan", "--resume", "--scan-process", death, "--spent", &spent.as_secs_f64().to_string(), "--case"]).arg(case);
    if args.quiet {
        command.arg("--quiet");
    }
    match args.unconfined {
        true => _ = command.arg("--unconfined"),
        // What steers libraries: loaders, allocators, thread pools, backtraces.
        false => _ = command.env_clear().envs(KEPT.iter().filter_map(|name| Some((name, std::env::var_os(name)?)))),
    }
    command.stdin(Stdio::null());
    if args.format == Format::Json {
        command.args(["--format", "json"]);
    }
    if let Some(threads) = args.threads {
        command.args(["--threads", &threads.to_string()]);
    }
    command
}

/// This very program, also where its file was replaced meanwhile.
pub fn program() -> std::path::PathBuf {
    if cfg!(target_os = "linux") && Path::new("/proc/self/exe").exists() {
        return "/proc/self/exe".into();
    }
    std::env::current_exe().unwrap_or_else(|_| "wardround".into())
}

/// Waits for the process to end; ends it when one of its workers makes no progress for too long.
fn watch(mut child: Child, folder: &CaseFolder, args: &ScanArgs, stop: &AtomicBool, question: &AtomicBool) -> End {
    let patience = Duration::from_secs_f64(args.object_deadline.unwrap_or(PATIENCE) * 60.0);
    let mut pulses = Pulses::default();
    let begun = Instant::now();
    let (mut looked, mut told) = (begun, false);
    loop {
        match child.try_wait() {
            Ok(Some(status)) => {
                return match end(status) {
                    // Whoever ends a process from outside gives it this code there.
                    End::Exit(Exit::Findings) if cfg!(windows) && !folder.has_report() => {
                        End::Death("ended from outside".to_owned())
                    }
                    end => end,
                };
            }
            Ok(None) => {}
            Err(e) => return End::Death(format!("lost: {e}")),
        }
        if stop.load(Ordering::Relaxed) && !std::mem::replace(&mut told, true) {
            signal(&child, TERM);
        }
        // It answers once it has begun; a question before that would end it.
        let settled = begun.elapsed() > Duration::from_secs(1);
        if settled && question.swap(false, Ordering::Relaxed) {
            signal(&child, USR1);
        }
        if looked.elapsed() >= PULSE {
            looked = Instant::now();
            let table = folder.read_file(IN_FLIGHT).ok().and_then(|mut file| read_in_flight(&mut file).ok());
            if pulses.silent(table.unwrap_or_default()) > patience {
                let _ = child.kill();
                if !is_gone(&mut child) {
                    folder.forsake_lock();
                }
                return End::Death(HUNG.to_owned());
            }
        }
        std::thread::sleep(LOOKS[usize::from(settled)]);
    }
}

/// Waits for a killed process, but not for ever: storage that doesn't answer can keep it in the kernel, and what is held there.
fn is_gone(child: &mut Child) -> bool {
    let killed = Instant::now();
    while matches!(child.try_wait(), Ok(None)) {
        if killed.elapsed() > CORPSE {
            return false;
        }
        std::thread::sleep(LOOKS[1]);
    }
    true
}

/// Since when each worker has not moved.
#[derive(Default)]
struct Pulses(Vec<Option<(u64, [u8; 16], Instant)>>);

impl Pulses {
    /// How long the worker that is silent longest has been.
    fn silent(&mut self, table: Vec<(u64, Option<crate::engine::Slot>)>) -> Duration {
        self.0.resize(table.len(), None);
        let now = Instant::now();
        let waits = table.into_iter().zip(&mut self.0).map(|((progress, slot), last)| {
            let Some(slot) = slot else {
                *last = None;
                return Duration::ZERO;
            };
            match last {
                Some((n, key, since)) if *n == progress && *key == slot.key => now.duration_since(*since),
                _ => {
                    *last = Some((progress, slot.key, now));
                    Duration::ZERO
                }
            }
        });
        waits.max().unwrap_or_default()
    }
}

fn end(status: ExitStatus) -> End {
    match status.code().map(|code| (code, Exit::from_code(code))) {
        Some((_, Some(exit))) => End::Exit(exit),
        Some((code, None)) => {
            let status = STATUSES.iter().find(|(status, _)| cfg!(windows) && *status == code.cast_unsigned());
            End::Death(status.map_or_else(|| format!("exit code {code}"), |(_, name)| (*name).to_owned()))
        }
        None => End::Death(death(status)),
    }
}

#[cfg(unix)]
fn death(status: ExitStatus) -> String {
    let number = std::os::unix::process::ExitStatusExt::signal(&status).unwrap_or(0);
    SIGNALS.iter().find(|(n, _)| *n == number).map_or_else(|| format!("signal {number}"), |(_, name)| (*name).to_owned())
}

/// Numbers of Linux (signal(7)); SIGBUS has another elsewhere.
#[cfg(unix)]
const SIGNALS: &[(i32, &str)] = &[
    (4, "SIGILL"),
    (5, "SIGTRAP"),
    (6, "SIGABRT"),
    (7, "SIGBUS"),
    (8, "SIGFPE"),
    (9, "SIGKILL"),
    (11, "SIGSEGV"),
    (15, "SIGTERM"),
];

#[cfg(not(unix))]
fn death(_: ExitStatus) -> String {
    "ended".to_owned()
}

/// Exit codes with which Windows ends a process (ntstatus.h).
const STATUSES: &[(u32, &str)] = &[
    (0xc000_0005, "access violation"),
    (0xc000_0006, "in-page error"),
    (0xc000_0017, "no memory"),
    (0xc000_001d, "illegal instruction"),
    (0xc000_0094, "division by zero"),
    (0xc000_00fd, "stack overflow"),
    (0xc000_0374, "damaged heap"),
    (0xc000_0409, "abort"),
];

#[cfg(unix)]
use rustix::process::Signal;

#[cfg(unix)]
const TERM: Signal = Signal::TERM;
#[cfg(unix)]
const USR1: Signal = Signal::USR1;

/// Passes on what only the supervisor was told.
#[cfg(unix)]
fn signal(child: &Child, signal: Signal) {
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process(pid, signal);
    }
}

#[cfg(not(unix))]
const TERM: () = ();
#[cfg(not(unix))]
const USR1: () = ();

#[cfg(not(unix))]
fn signal(_: &Child, (): ()) {}
