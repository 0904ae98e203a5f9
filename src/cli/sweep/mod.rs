//! `wardround sweep`: a scan from a policy file, for schedulers. One at a time, compared with the last one, published
//! whole, delivered, and the old ones cleared away.

mod args_of;
mod cases;
mod deliver;
mod notify;
mod policy;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::{Args as ClapArgs, Parser};
use sha2::{Digest, Sha256};

use super::args::{Args, Command, Format, ScanArgs};
use super::begin::{self, begin};
use super::exit::Exit;
use super::scan::seal_key;
use super::signals::asked_to_stop;
use super::supervise::supervise;
use crate::model::text::escape;
use crate::plan;
use crate::report::{CaseFolder, read_report};
use cases::{Cases, LastGood, Unusable};
use policy::Policy;

/// The highest version seen of each signed pack.
const PACKS: &str = "packs.json";

const AFTER: &str = "\
EXAMPLE
  What a scheduler runs every night (deploy/ has units for systemd, launchd, Task Scheduler and Ansible):
      wardround sweep --policy /etc/wardround/policy.toml

A sweep is a scan with the policy's options, compared with the last complete one: unchanged files are not read again
(see scan --baseline). It scans into CASES/.unfinished-HOST-TIME and renames that to CASES/HOST-TIME when it is sealed; a
sweep that was killed or interrupted is gone on with next time. Cases are delivered to the policy's folder, SFTP server
or HTTPS endpoint; connections are opened by the system's own tools (sftp, curl), and only for that.

EXIT CODES
  0 complete, nothing at notice or above · 1 findings, none at alert · 2 at least one alert ·
  3 no finding, but coverage incomplete, interrupted, not delivered, or another sweep runs · 64 the policy, a pack or
  an option is wrong · 73 the folder of cases cannot be written";

#[derive(ClapArgs, Debug)]
#[command(after_help = AFTER)]
pub struct SweepArgs {
    /// What to scan, how, and what becomes of the cases (TOML; deploy/policy.toml shows every key)
    #[arg(long, value_name = "FILE")]
    pub policy: PathBuf,
    /// Read the policy, show the scan that it stands for, and end
    #[arg(long)]
    pub check: bool,
    /// Begin at once, whatever jitter_minutes says
    #[arg(long)]
    pub now: bool,
    /// Read everything, also what is unchanged
    #[arg(long)]
    pub full: bool,
    /// How the end is told on standard output
    #[arg(long, value_enum, default_value = "human")]
    pub format: Format,
    /// No progress display and no summary
    #[arg(long, short)]
    pub quiet: bool,
}

/// Runs a sweep from its arguments to its exit code.
pub fn run(args: &SweepArgs) -> Exit {
    let policy = match Policy::read(&args.policy) {
        Ok(policy) => policy,
        Err(e) => return usage(&e),
    };
    let mut command = policy.scan();
    let scan = match parsed(&command) {
        Ok(scan) => scan,
        Err(e) => return usage(&format!("the policy {}: {e}", escape(args.policy.as_os_str().as_encoded_bytes()))),
    };
    if args.check {
        println!("{}", command.iter().map(|a| escape(a.as_encoded_bytes())).collect::<Vec<_>>().join(" "));
        return Exit::Clean;
    }
    let cases = match Cases::open(&policy.cases) {
        Ok(cases) => cases,
        Err(Unusable::Busy(why)) => {
            eprintln!("wardround: {why}");
            return Exit::Incomplete;
        }
        Err(Unusable::Failed(why)) => return no_folder(&why),
    };
    if !args.now && wait(jitter(policy.jitter_minutes)) {
        eprintln!("wardround: the sweep was ended before it began; nothing was scanned");
        return Exit::Incomplete;
    }
    if let Err(e) = ratchet(&scan, &cases) {
        return usage(&e);
    }
    command.splice(2..2, telling(args));
    let (exit, name) = scan_once(args, &policy, &cases, command);
    let mut ends = Ends { exit, policy: &policy, cases: &cases };
    if let Some(name) = name {
        ends.publish(&name);
    }
    ends.deliver();
    ends.exit
}

fn usage(e: &str) -> Exit {
    eprintln!("wardround: {e}");
    Exit::Usage
}

fn no_folder(e: &str) -> Exit {
    eprintln!("wardround: {e}");
    Exit::CaseFolder
}

/// The command of a scan as its arguments, or what is wrong with it in one line.
fn parsed(command: &[OsString]) -> Result<ScanArgs, String> {
    match Args::try_parse_from(command).map(|args| args.command) {
        Ok(Command::Scan(scan)) => Ok(*scan),
        Ok(_) => Err("it stands for no scan".to_owned()),
        Err(e) => {
            let text = e.to_string();
            Err(text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned())
        }
    }
}

/// How a scan tells its end.
fn telling(args: &SweepArgs) -> Vec<OsString> {
    let mut flags = Vec::new();
    if args.quiet {
        flags.push("--quiet".into());
    }
    if args.format == Format::Json {
        flags.extend(["--format".into(), "json".into()]);
    }
    flags
}

/// A delay that is this machine's own, so that a thousand hosts don't begin at once.
fn jitter(minutes: f64) -> Duration {
    let host = plan::host();
    let id = host.machine_id_sha256.unwrap_or(host.name);
    share(&id, minutes)
}

fn share(id: &str, minutes: f64) -> Duration {
    let digest = Sha256::digest(id.as_bytes());
    let first = digest.iter().take(4).fold(0_u32, |n, byte| n << 8 | u32::from(*byte));
    Duration::from_secs_f64(minutes * 60.0 * f64::from(first) / 4_294_967_296.0)
}

/// Waits; true where it is asked to end meanwhile.
fn wait(delay: Duration) -> bool {
    use std::sync::atomic::Ordering::Relaxed;
    let (stop, begun) = (asked_to_stop(), Instant::now());
    while begun.elapsed() < delay && !stop.load(Relaxed) {
        std::thread::sleep(Duration::from_millis(100).min(delay.saturating_sub(begun.elapsed())));
    }
    stop.load(Relaxed)
}

/// Refuses signed packs that are older than those of an earlier sweep, and remembers the versions.
fn ratchet(scan: &ScanArgs, cases: &Cases) -> Result<(), String> {
    let packs = plan::verify_packs(&scan.options()).map_err(|e| e.to_string())?;
    if packs.is_empty() {
        return Ok(());
    }
    let path = cases.path(PACKS);
    let seen = std::fs::read(&path).ok();
    let seen =
        plan::newer(seen.as_deref(), &packs).map_err(|why| format!("{why} ({})", escape(path.as_os_str().as_encoded_bytes())))?;
    cases.write(PACKS, &seen).map_err(|e| format!("{} can't be written: {e}", escape(path.as_os_str().as_encoded_bytes())))
}

/// Goes on with what was not finished, or scans anew. Gives the case's name where there is a case.
fn scan_once(args: &SweepArgs, policy: &Policy, cases: &Cases, command: Vec<OsString>) -> (Exit, Option<String>) {
    let scan = match parsed(&command) {
        Ok(scan) => scan,
        Err(e) => return (usage(&e), None),
    };
    for name in cases.unfinished() {
        let case = cases.unfinished_path(&name);
        if is_same(&case, &command) {
            let exit = supervise(&case, &scan);
            // Rules that changed meanwhile, a baseline that is gone.
            if exit != Exit::Usage {
                return (exit, Some(name));
            }
        }
        match cases.set_aside(&name) {
            Ok(place) => eprintln!(
                "wardround: an unfinished sweep can't be gone on with and was left as {}",
                escape(place.as_os_str().as_encoded_bytes())
            ),
            Err(e) => return (no_folder(&format!("an unfinished sweep can't be set aside: {e}")), None),
        }
    }
    let mut command = command;
    if policy.baseline {
        match cases.last_good() {
            Ok(Some(case)) => {
                let mut flags: Vec<OsString> = vec!["--baseline".into(), case.into()];
                flags.extend(["--reread".into(), policy.reread_percent.to_string().into()]);
                flags.extend(["--max-age".into(), policy.full_every_days.max(1e-6).to_string().into()]);
                flags.extend(args.full.then(|| "--full".into()));
                command.splice(2..2, flags);
            }
            Ok(None) => {}
            Err(why) => eprintln!("wardround: everything is read again: {why}"),
        }
    }
    let name = plan::default_case(&plan::host().name, jiff::Timestamp::now());
    let name = name.to_string_lossy().trim_start_matches("wardround-").to_owned();
    let case = cases.unfinished_path(&name);
    command.splice(2..2, ["--case".into(), case.into_os_string()]);
    let scan = match parsed(&command) {
        Ok(scan) => scan,
        Err(e) => return (usage(&e), None),
    };
    if let Err(exit) = seal_key(scan.sign_key.as_deref()) {
        return (exit, None);
    }
    match begin(&scan, command.into_iter()) {
        Ok(case) => (supervise(&case, &scan), Some(name)),
        Err(exit) => (exit, None),
    }
}

/// Whether the scan that was begun in a folder is this one, whatever it is compared with and however it is told.
fn is_same(case: &Path, command: &[OsString]) -> bool {
    let begun = CaseFolder::open(case).ok().and_then(|folder| begin::command(&folder).ok());
    begun.is_some_and(|(_, begun)| plain(&begun) == plain(command))
}

fn plain(command: &[OsString]) -> Vec<&OsString> {
    let mut kept = Vec::new();
    let mut arguments = command.iter();
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            Some("--case" | "--baseline" | "--reread" | "--max-age" | "--format") => drop(arguments.next()),
            Some("--full" | "--quiet") => {}
            Some("--") => {
                kept.push(argument);
                kept.extend(arguments);
                break;
            }
            _ => kept.push(argument),
        }
    }
    kept
}

/// What follows a scan.
struct Ends<'a> {
    exit: Exit,
    policy: &'a Policy,
    cases: &'a Cases,
}

impl Ends<'_> {
    /// Something after the scan went wrong: said, and no silence in the exit code.
    fn failed(&mut self, why: &str) {
        eprintln!("wardround: {why}");
        if self.exit == Exit::Clean {
            self.exit = Exit::Incomplete;
        }
    }

    /// Gives a case that is done its name and makes it the one to compare with. One that was interrupted waits.
    fn publish(&mut self, name: &str) {
        let case = self.cases.unfinished_path(name);
        let Ok((report, report_sha256)) = read_report(&case) else { return };
        if let Some(notify) = &self.policy.notify
            && let Err(why) = notify::send(notify, &notify::line(&report, &report_sha256, self.exit as u8))
        {
            self.failed(&why);
        }
        let done = !report.run.interrupted && CaseFolder::open(&case).is_ok_and(|folder| !folder.is_begun());
        if !done {
            eprintln!("wardround: the sweep was interrupted; the next one goes on with it");
            return;
        }
        let published = self.cases.publish(name);
        let last = published.and_then(|()| self.cases.write_last_good(&LastGood::of(name, &report, &report_sha256)));
        if let Err(e) = last {
            self.failed(&format!("the case {name} could not be published ({e}): check the disk of the folder of cases"));
        }
    }

    /// Brings every case that was not yet delivered to its place, then clears away old ones.
    fn deliver(&mut self) {
        if let Some(to) = &self.policy.deliver {
            for name in self.cases.published().iter().filter(|n| !self.cases.is_delivered(n)) {
                if let Err(why) = deliver::deliver(self.cases, name, to, self.policy) {
                    self.failed(&why);
                    break;
                }
            }
        }
        let waits = |name: &str| self.policy.deliver.is_some() && !self.cases.is_delivered(name);
        let bytes = self.policy.keep_mb.map(|mb| mb.saturating_mul(1_000_000));
        if let Err(e) = self.cases.retain(self.policy.keep, bytes, &waits) {
            self.failed(&format!("an old case could not be removed: {e}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_keeps_its_slot() {
        let slots: Vec<Duration> = (0..1000).map(|n| share(&format!("host {n}"), 60.0)).collect();
        assert_eq!(slots[7], share("host 7", 60.0));
        let early = slots.iter().filter(|s| s.as_secs() < 1800).count();
        assert!((400..600).contains(&early) && slots.iter().all(|s| s.as_secs() < 3600), "{early}");
        assert_eq!(share("host 7", 0.0), Duration::ZERO);
    }

    #[test]
    fn what_a_scan_is_compared_with_does_not_make_it_another() {
        let words = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
        let begun = words("wardround scan --case /c/x --baseline /c/y --reread 1 --max-age 30 --quiet --ioc a -- /srv --full");
        assert_eq!(plain(&begun), plain(&words("wardround scan --ioc a -- /srv --full")));
        assert_ne!(plain(&begun), plain(&words("wardround scan --ioc b -- /srv --full")));
    }
}
