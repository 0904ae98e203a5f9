//! The command line: dumb arguments in, one plan, one exit code out.

mod args;
mod begin;
mod compile;
mod confine;
mod diff;
mod exit;
mod explain;
mod finish;
mod ioc;
mod merge;
mod output;
mod progress;
mod reach;
mod recheck;
mod report;
mod rules;
mod scan;
mod selftest;
mod signals;
mod supervise;
mod sweep;
mod table;
mod verify;

pub use exit::Exit;

use clap::Parser;

/// Analyzers that a scan uses beside its own.
pub type MoreAnalyzers = fn() -> Vec<Box<dyn crate::analyze::Analyzer>>;

/// Runs the program; gives the process's exit code.
pub fn run() -> Exit {
    run_with(Vec::new)
}

/// The same program with further analyzers.
pub fn run_with(more: MoreAnalyzers) -> Exit {
    if let Some(stack) = small_stack() {
        eprintln!("wardround: the limit of {} KiB for the stack is too small: raise it (ulimit -s 8192)", stack >> 10);
        return Exit::Usage;
    }
    quiet_panics();
    no_core();
    full_files_are_errors();
    let args = match args::Args::try_parse() {
        Ok(args) => args,
        Err(e) => {
            let _ = e.print();
            return if e.use_stderr() { Exit::Usage } else { Exit::Clean };
        }
    };
    match args.command {
        args::Command::Scan(scan) => scan::run(*scan, more),
        args::Command::Sweep(args) => sweep::run(&args),
        args::Command::Recheck(args) => recheck::run(*args),
        args::Command::Verify(args) => verify::run(&args),
        args::Command::Report(args) => report::run(&args),
        args::Command::Diff(args) => diff::run(&args),
        args::Command::Merge(args) => merge::run(&args),
        args::Command::Explain(args) => explain::run(&args),
        args::Command::Ioc(args) => ioc::run(args),
        args::Command::Rules(args) => rules::run(args),
        args::Command::Selftest(args) => selftest::run(&args),
        args::Command::Reach(args) => reach::run(&args),
    }
}

/// Bytes of stack, where there are too few to begin with.
fn small_stack() -> Option<u64> {
    #[cfg(unix)]
    {
        const LEAST: u64 = 512 << 10;
        rustix::process::getrlimit(rustix::process::Resource::Stack).current.filter(|bytes| *bytes < LEAST)
    }
    #[cfg(not(unix))]
    None
}

/// A core file would hold patients' data.
fn no_core() {
    #[cfg(unix)]
    let _ = rustix::process::setrlimit(
        rustix::process::Resource::Core,
        rustix::process::Rlimit { current: Some(0), maximum: Some(0) },
    );
}

/// A limit on the size of files is an error of the write that meets it, as a full disk is, and not the end of the process.
fn full_files_are_errors() {
    #[cfg(unix)]
    let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, std::sync::Arc::default());
}

/// A panic inside a fence is recorded as a gap. Its text may hold content of the evidence, so it is not
/// printed; the place in our code is.
fn quiet_panics() {
    std::panic::set_hook(Box::new(|info| {
        if std::thread::current().name() == Some("main")
            && let Some(at) = info.location()
        {
            eprintln!("wardround: internal error at {}:{}; please report it", at.file(), at.line());
        }
    }));
}
