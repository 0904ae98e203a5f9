//! Whether targets answer at all. A mount whose server or driver is gone keeps whoever asks it anything in the kernel, where no
//! signal reaches; so a child asks first, and is left behind where it doesn't come back.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use clap::Args as ClapArgs;

use super::exit::Exit;
use super::supervise::program;
use crate::model::text::escape;
use crate::plan::PlanError;
use crate::source::others_answer;

/// Longer than a disk takes to spin up and a server to come back from a restart of its service.
const LONGEST: Duration = Duration::from_secs(30);

#[derive(ClapArgs, Clone, Debug)]
pub struct ReachArgs {
    #[arg(value_name = "TARGET")]
    target: PathBuf,
}

/// The child: asks what planning asks, and ends. Whatever the answer is, planning tells it better.
pub fn run(args: &ReachArgs) -> Exit {
    if let Ok(path) = args.target.canonicalize() {
        let _ = path.metadata();
    }
    Exit::Clean
}

/// Asks every target for a sign of life, where something is mounted that others answer for; elsewhere it costs nothing.
///
/// # Errors
/// Names the first that gives none.
pub fn all(targets: &[PathBuf]) -> Result<(), PlanError> {
    if !others_answer() {
        return Ok(());
    }
    let asked: Vec<_> = targets.iter().filter_map(|target| Some((target, ask(target)?))).collect();
    let begun = Instant::now();
    for (target, mut child) in asked {
        if !answers(&mut child, begun) {
            let shown = escape(target.as_os_str().as_encoded_bytes());
            return Err(PlanError::Usage(format!(
                "target {shown} has not answered for {} s: its server, driver or device is gone; unmount it or leave it out; \
                 nothing was scanned",
                LONGEST.as_secs()
            )));
        }
    }
    Ok(())
}

/// A child that asks; none where none can be started, and then planning asks itself.
fn ask(target: &Path) -> Option<Child> {
    let mut command = Command::new(program());
    command.arg("reach").arg("--").arg(target).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().ok()
}

/// A process that the kernel holds can be killed, but not waited for.
fn answers(child: &mut Child, begun: Instant) -> bool {
    let mut pause = Duration::from_micros(500);
    loop {
        match child.try_wait() {
            Ok(None) if begun.elapsed() < LONGEST => std::thread::sleep(pause),
            Ok(None) => {
                let _ = child.kill();
                return false;
            }
            _ => return true,
        }
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}
