//! Arguments as clap reads them: each value is only checked for itself.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

use crate::container::Limits;
use crate::correlate::staging::Window;
use crate::engine::Care;
use crate::model::text::escape;
use crate::plan::{Incremental, Options, parse_window, plain};
use crate::report::Recipient;

const AFTER: &str = "\
EXIT CODES
  0  complete, nothing at notice or above      3  no finding, but coverage incomplete or interrupted
  1  findings, none at alert                  64  usage or configuration error
  2  at least one alert                       73  the case folder cannot be written
                                             130  second Ctrl-C
A finding outranks incompleteness; the report states both.";

const SCAN_AFTER: &str = "\
EXAMPLES
  A live Linux host, everything but network mounts; the case folder on a USB drive:
      wardround scan --case /media/usb/case-17
  A mounted Windows volume, with a firm's own intelligence:
      wardround scan /mnt/evidence --map /mnt/evidence=C: --ioc intel/ --rules yara/ --case case-17
  One suspicious file:
      wardround scan upload.zip

WHAT IT WRITES
  A new case folder (default ./wardround-HOST-TIME) with report.json, report.html, findings.jsonl,
  inventory.jsonl.zst, journal/ and manifest.json. It never lies inside a target. Nothing else is written,
  nothing on a target is changed, nothing is executed, no network is used.

EXIT CODES
  0 complete, nothing at notice or above · 1 findings, none at alert · 2 at least one alert ·
  3 no finding, but coverage incomplete or interrupted · 64 usage error · 73 case folder cannot be written";

/// Compromise assessment for clinics and hospitals: is the intruder's material here, has patient data been
/// staged to be stolen, whose, and what was not examined?
#[derive(Parser, Debug)]
#[command(name = "wardround", version, after_help = AFTER, max_term_width = 110)]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand, Debug)]
pub enum Command {
    /// Scan live paths, mounted images, single files and archives into a new case folder
    Scan(Box<ScanArgs>),
    /// Scan from a policy file for a scheduler: only what changed, one at a time, published whole
    Sweep(super::sweep::SweepArgs),
    /// Match new indicators against an old case's inventory, without the disk
    Recheck(Box<super::recheck::RecheckArgs>),
    /// Check that a case folder is what it was when it was sealed
    Verify(super::verify::VerifyArgs),
    /// Hand a finished case on: a page, a table, STIX, CASE, Timesketch, ECS, OCSF, DFXML, syslog, CEF
    Report(super::report::ReportArgs),
    /// What appeared, vanished or changed between two cases
    Diff(super::diff::DiffArgs),
    /// Many hosts' cases as one fleet: rarest findings first, hosts that never reported, distinct people
    Merge(super::merge::MergeArgs),
    /// Explain a finding in words, with the arithmetic of its score
    Explain(super::explain::ExplainArgs),
    /// Check indicator files, or compile huge hash lists
    Ioc(super::ioc::IocArgs),
    /// Check or list YARA rules
    Rules(super::rules::RulesArgs),
    /// Known answers on this machine, and what a scan must never do, tried from inside its confinement
    Selftest(super::selftest::SelftestArgs),
    /// Whether a target answers; what a scan starts for itself
    #[command(hide = true)]
    Reach(super::reach::ReachArgs),
}

/// How the end of a scan is told on standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A short summary in words.
    Human,
    /// One JSON object: exit code, case folder, verdict, counts.
    Json,
}

/// Which digests are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DigestChoice {
    All,
    Needed,
}

#[derive(ClapArgs, Clone, Debug)]
#[command(after_help = SCAN_AFTER)]
pub struct ScanArgs {
    /// Folders, mount points or files; none means every local fixed volume
    #[arg(value_name = "TARGET")]
    pub targets: Vec<PathBuf>,

    /// Case folder to create [default: ./wardround-HOST-TIME]
    #[arg(long, value_name = "DIR", help_heading = "Case")]
    pub case: Option<PathBuf>,
    /// Case number for the report
    #[arg(long, value_name = "TEXT", help_heading = "Case")]
    pub case_id: Option<String>,
    /// Who runs the scan
    #[arg(long, value_name = "NAME", help_heading = "Case")]
    pub examiner: Option<String>,
    /// On whose authority
    #[arg(long, value_name = "TEXT", help_heading = "Case")]
    pub authority: Option<String>,
    /// The number under which what is examined is kept
    #[arg(long, value_name = "TEXT", help_heading = "Case")]
    pub evidence_id: Option<String>,
    /// From whom it was received, and when
    #[arg(long, value_name = "TEXT", help_heading = "Case")]
    pub received_from: Option<String>,
    /// A note for the report
    #[arg(long, value_name = "TEXT", help_heading = "Case")]
    pub note: Option<String>,
    /// Go on with the scan that was begun in the case folder of --case; it remembers all other arguments
    #[arg(long, requires = "case", help_heading = "Case")]
    pub resume: bool,
    /// The folder of earlier cases that the case folder lies in: it is our own output, left out of the scan and recorded
    #[arg(long, value_name = "DIR", help_heading = "Case")]
    pub cases: Option<PathBuf>,
    /// Allow the case folder on a volume that is scanned whole (recorded in the footprint)
    #[arg(long, help_heading = "Case")]
    pub allow_same_volume: bool,

    /// Pass over files that this earlier case proved and that are unchanged: same path, device and inode, size, mtime and
    /// ctime, with the same program, rules, indicators and options; otherwise everything is read, and the report says why
    #[arg(long, value_name = "CASE", help_heading = "Baseline")]
    pub baseline: Option<PathBuf>,
    /// Share of the unchanged files that is drawn anew in every run and read all the same, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 1.0, value_parser = share, help_heading = "Baseline")]
    pub reread: f64,
    /// Read everything where the last scan in the baseline's chain that did so is older than this
    #[arg(long, value_name = "DAYS", default_value_t = 30.0, value_parser = above_zero, help_heading = "Baseline")]
    pub max_age: f64,
    /// Read everything, whatever --baseline says
    #[arg(long, help_heading = "Baseline")]
    pub full: bool,

    /// Sign the case with this Ed25519 key (PKCS#8 PEM, as openssl genpkey -algorithm ed25519 makes it) instead of one
    /// that is drawn for this run and forgotten
    #[arg(long, value_name = "FILE", help_heading = "Case")]
    pub sign_key: Option<PathBuf>,
    /// Write a request for a time stamp over the manifest (RFC 3161), to be sent to an authority from elsewhere
    #[arg(long, help_heading = "Case")]
    pub timestamp_request: bool,
    /// Keep the full names that the report masks in a file that only this age recipient can read
    #[arg(long, visible_alias = "encrypt-to", value_name = "age1…", help_heading = "Case")]
    pub sealed_annex: Option<Recipient>,
    /// Count people under the key in this file (32 bytes, or 64 hexadecimal digits) instead of a random one, and
    /// keep registers from which people of several hosts can be counted once
    #[arg(long, value_name = "FILE", help_heading = "Case")]
    pub case_key: Option<PathBuf>,

    /// Indicators: a file, or a folder of files (repeatable; adds to the embedded ones)
    #[arg(long, value_name = "PATH", help_heading = "Intelligence")]
    pub ioc: Vec<PathBuf>,
    /// YARA rules: a file, a zip pack, or a folder of them (repeatable; adds to the embedded ones)
    #[arg(long, value_name = "PATH", help_heading = "Intelligence")]
    pub rules: Vec<PathBuf>,
    /// Public key of minisign: every file of --ioc and --rules has to be signed with it (FILE.minisig beside it); the trusted
    /// comment may hold version:N and expires:YYYY-MM-DD
    #[arg(long, value_name = "FILE", help_heading = "Intelligence")]
    pub pack_key: Option<PathBuf>,
    /// Use signed packs although they are past their expiry
    #[arg(long, requires = "pack_key", help_heading = "Intelligence")]
    pub allow_expired: bool,
    /// Known-good hashes: objects listed here skip YARA, unless their hash is listed as bad too (repeatable; a
    /// list, NSRL text or a set made by ioc compile)
    #[arg(long, value_name = "PATH", help_heading = "Intelligence")]
    pub known_good: Vec<PathBuf>,
    /// Known tools (wardround/tools/1) that are looked for under other names (repeatable; adds to the embedded ones)
    #[arg(long, value_name = "FILE", help_heading = "Intelligence")]
    pub tools: Vec<PathBuf>,
    /// When the intruder is suspected to have been there: dates or RFC 3339 times, either end may be left out
    #[arg(long, value_name = "FROM..TO", value_parser = parse_window, help_heading = "Intelligence")]
    pub window: Option<Window>,
    /// Another case folder whose files may lie in locked archives here (repeatable; only read)
    #[arg(long, value_name = "CASE", help_heading = "Intelligence")]
    pub match_against: Vec<PathBuf>,
    /// Leave out the embedded indicators
    #[arg(long, help_heading = "Intelligence")]
    pub no_default_iocs: bool,
    /// Leave out the embedded YARA rules
    #[arg(long, help_heading = "Intelligence")]
    pub no_default_rules: bool,
    /// Run every rule on every object, also where it can't match: the same matches, later
    #[arg(long, help_heading = "Intelligence")]
    pub no_gate: bool,
    /// Digests of every object beside SHA-256 and CRC-32: all (MD5 and SHA-1, so that later indicators can be
    /// matched with `recheck`), or only those that the given indicators need
    #[arg(long, value_enum, default_value = "all", value_name = "WHICH", help_heading = "Intelligence")]
    pub digests: DigestChoice,
    /// Keep compiled rules in this folder and use them again while rules and program are the same
    #[arg(long, value_name = "DIR", help_heading = "Intelligence")]
    pub rules_cache: Option<PathBuf>,

    /// Where a mounted volume really lived, as /mnt/evidence=C: (repeatable); its paths match and are
    /// reported as C:\…
    #[arg(long, value_name = "PREFIX=DRIVE", value_parser = map, help_heading = "Reading")]
    pub map: Vec<(PathBuf, String)>,
    /// Passwords that you know, one a line (UTF-8, at most 1,000): tried in their order on encrypted members of zip,
    /// 7z and RAR archives; kept in memory only and written nowhere
    #[arg(long, value_name = "FILE", help_heading = "Reading")]
    pub passwords: Option<PathBuf>,
    /// Read network file systems too (skipped and recorded otherwise)
    #[arg(long, help_heading = "Reading")]
    pub include_network: bool,
    /// Worker threads [default: one for every core]
    #[arg(long, value_name = "N", help_heading = "Reading", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Hold objects up to this size whole for the rules; larger ones are seen in windows and count as partial
    #[arg(long, value_name = "SIZE", default_value = "256M", value_parser = size, help_heading = "Limits")]
    pub max_body: u64,
    /// Containers inside containers, 128 at most
    #[arg(long, value_name = "N", default_value_t = Limits::default().depth, help_heading = "Limits")]
    pub max_depth: u32,
    /// Members of one archive, all levels together
    #[arg(long, value_name = "N", default_value_t = Limits::default().members, help_heading = "Limits")]
    pub max_members: u64,
    /// Bytes out of one archive, all levels together
    #[arg(long, value_name = "SIZE", default_value = "64G", value_parser = size, help_heading = "Limits")]
    pub max_expand: u64,
    /// Expansion of one member (output to input, after its first 64 MiB)
    #[arg(long, value_name = "N", default_value_t = Limits::default().ratio, help_heading = "Limits")]
    pub max_ratio: u64,
    /// End after this many minutes with what was found up to then; the rest is in the report as not examined, and
    /// --resume goes on with it
    #[arg(long, value_name = "MINUTES", value_parser = above_zero, help_heading = "Care of the machine")]
    pub deadline: Option<f64>,
    /// Use at most this share of all processors, in percent
    #[arg(long, value_name = "PERCENT", value_parser = percent, help_heading = "Care of the machine")]
    pub cpu_percent: Option<f64>,
    /// Read at most this many million bytes a second
    #[arg(long, value_name = "MB", value_parser = above_zero, help_heading = "Care of the machine")]
    pub io_mbps: Option<f64>,
    /// Wait, and after half a minute end, while less memory than this is free
    #[arg(long, value_name = "SIZE", default_value = "128M", value_parser = size, help_heading = "Care of the machine")]
    pub min_free_memory: u64,
    /// End before the disk of the case folder has less free than this [default: 32M, at most a fiftieth of the disk]
    #[arg(long, value_name = "SIZE", value_parser = size, help_heading = "Care of the machine")]
    pub min_free_disk: Option<u64>,
    /// Scan a live machine at full speed: otherwise with low priority for processor and disk, and stepping back while
    /// others use most of it
    #[arg(long, help_heading = "Care of the machine")]
    pub full_speed: bool,
    /// Minutes without any progress on one object after which it is given up, as the last resort
    /// [default: 15]
    #[arg(long, value_name = "MINUTES", value_parser = above_zero, help_heading = "Limits")]
    pub object_deadline: Option<f64>,
    /// Run in one process, for debuggers: a crash then ends the scan, and --resume takes it up again
    #[arg(long, help_heading = "Limits")]
    pub unsupervised: bool,
    /// Keep all rights of the account while scanning, for systems on which giving them up makes trouble; the report says so
    #[arg(long, help_heading = "Limits")]
    pub unconfined: bool,

    /// How the end is told on standard output
    #[arg(long, value_enum, default_value = "human", help_heading = "Output")]
    pub format: Format,
    /// No progress display and no summary
    #[arg(long, short, help_heading = "Output")]
    pub quiet: bool,
    /// This is the process that scans; how the one before it died, or nothing
    #[arg(long, hide = true, value_name = "DEATH", requires = "resume")]
    pub scan_process: Option<String>,
    /// Seconds that the processes before this one took of the deadline
    #[arg(long, hide = true, value_name = "SECONDS", default_value_t = 0.0, requires = "scan_process")]
    pub spent: f64,
}

impl ScanArgs {
    /// The part of the arguments that the plan is made of.
    pub fn options(&self) -> Options {
        Options {
            targets: self.targets.clone(),
            case: self.case.clone(),
            cases: self.cases.clone(),
            case_key: self.case_key.clone(),
            iocs: self.ioc.clone(),
            rules: self.rules.clone(),
            pack_key: self.pack_key.clone(),
            allow_expired: self.allow_expired,
            known_good: self.known_good.clone(),
            tools: self.tools.clone(),
            no_default_iocs: self.no_default_iocs,
            no_default_rules: self.no_default_rules,
            no_gate: self.no_gate,
            rules_cache: self.rules_cache.clone(),
            all_digests: self.digests == DigestChoice::All,
            maps: self.map.clone(),
            passwords: self.passwords.clone(),
            include_network: self.include_network,
            allow_same_volume: self.allow_same_volume,
            threads: self.threads.map_or(0, usize::from),
            max_body: self.max_body,
            limits: Limits {
                total_bytes: self.max_expand,
                ratio: self.max_ratio,
                members: self.max_members,
                depth: self.max_depth,
                ..Limits::default()
            },
            window: self.window,
            match_against: self.match_against.clone(),
            baseline: self.baseline.as_ref().map(|case| Incremental {
                case: case.clone(),
                reread_percent: self.reread,
                max_age_days: self.max_age,
                full: self.full,
            }),
            care: Care {
                deadline: self.deadline.map(|m| Duration::from_secs_f64(m * 60.0)),
                cpu: self.cpu_percent.map(|p| p / 100.0),
                io: self.io_mbps.map(|mb| mb * 1e6),
                free_memory: self.min_free_memory,
                free_disk: self.min_free_disk,
                gentle: !self.full_speed,
                ..Care::default()
            },
            kept_key: None,
        }
    }
}

/// A number above zero.
fn above_zero(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|n: &f64| (1e-6..1e9).contains(n)).ok_or_else(|| "write a number above zero, as 15 or 0.5".into())
}

/// Percent from 0 on.
fn share(text: &str) -> Result<f64, String> {
    let number = text.trim_end_matches('%').parse().ok();
    number.filter(|p: &f64| (0.0..=100.0).contains(p)).ok_or_else(|| "write percent from 0 up to 100".into())
}

fn percent(text: &str) -> Result<f64, String> {
    above_zero(text.trim_end_matches('%')).ok().filter(|p| *p <= 100.0).ok_or_else(|| "write percent above 0 up to 100".into())
}

/// `PREFIX=DRIVE`; the prefix is made real, so that it compares with what is walked.
fn map(text: &str) -> Result<(PathBuf, String), String> {
    let (prefix, drive) = text.rsplit_once('=').ok_or("write it as /mnt/evidence=C:")?;
    if prefix.is_empty() || drive.is_empty() {
        return Err("write it as /mnt/evidence=C:".into());
    }
    let prefix = PathBuf::from(prefix);
    let real =
        prefix.canonicalize().map_err(|e| format!("{} can't be reached: {e}", escape(prefix.as_os_str().as_encoded_bytes())))?;
    Ok((plain(real), drive.to_owned()))
}

/// Bytes, with K, M, G or T for powers of 1024.
fn size(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let (digits, shift) = match text.char_indices().last() {
        Some((i, c)) if c.is_ascii_alphabetic() => {
            let shift = match c.to_ascii_uppercase() {
                'K' => 10,
                'M' => 20,
                'G' => 30,
                'T' => 40,
                _ => return Err("a size is a number with K, M, G or T, as 256M".into()),
            };
            (&text[..i], shift)
        }
        _ => (text, 0),
    };
    let n: u64 = digits.parse().map_err(|_| "a size is a number with K, M, G or T, as 256M")?;
    n.checked_mul(1 << shift).filter(|n| *n > 0).ok_or_else(|| "a size is above 0 and below 16 EiB".into())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn sizes() {
        assert_eq!(size("256M"), Ok(256 << 20));
        assert_eq!(size("1k"), Ok(1024));
        assert_eq!(size("77"), Ok(77));
        for bad in ["", "M", "-1", "0", "9X", "99999999999999T"] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn maps() {
        let root = plain(Path::new("/").canonicalize().unwrap());
        assert_eq!(map("/=C:").unwrap(), (root, "C:".into()));
        assert!(map("/mnt").is_err());
        assert!(map("/no/such/place=C:").is_err());
    }
}
