//! From arguments to one validated, immutable plan: targets exist, rules and indicators are loaded, the case
//! folder has a lawful place. Nothing has been read from a target and nothing written when it is made.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::analyze::{Analyzer, BinaryAnalyzer, ClueAnalyzer, IocAnalyzer, PhiAnalyzer, YaraAnalyzer};
use crate::binary::Tools;
use crate::container::{self, Limits};
use crate::correlate::staging::Window;
use crate::correlate::{self, Correlator};
use crate::engine::{self, Brake, Care, Counters, Job, Recovery};
use crate::hashset::KnownGood;
use crate::ioc::IndicatorSet;
use crate::model::{Digests, Input, Priors, text::hex};
use crate::phi::CaseKey;
use crate::reader::Want;
use crate::report::Inputs;
use crate::signature::RuleSet;
use crate::source::{PathMap, Source};

mod against;
mod baseline;
mod host;
mod key;
mod needs;
mod packs;
mod passwords;
mod place;
mod recheck;
mod targets;
mod window;

pub use baseline::{Incremental, PlannedBaseline};
pub use host::{host, tool};
pub use needs::needs;
pub use packs::{Pack, newer, verify_packs};
pub use place::{default_case, plain};
pub use recheck::{RecheckOptions, RecheckPlan};
pub use targets::{PlannedTarget, open as open_targets};
pub use window::parse as parse_window;

/// What the user asked for, parsed but not yet checked.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Empty means every local fixed volume.
    pub targets: Vec<PathBuf>,
    pub case: Option<PathBuf>,
    /// The folder of cases that it lies in, none of which is scanned.
    pub cases: Option<PathBuf>,
    /// Instead of a random key.
    pub case_key: Option<PathBuf>,
    pub iocs: Vec<PathBuf>,
    pub rules: Vec<PathBuf>,
    /// The key that rules and indicators are signed with.
    pub pack_key: Option<PathBuf>,
    pub allow_expired: bool,
    pub known_good: Vec<PathBuf>,
    pub tools: Vec<PathBuf>,
    pub no_default_iocs: bool,
    pub no_default_rules: bool,
    /// Every rule is run on every object.
    pub no_gate: bool,
    pub rules_cache: Option<PathBuf>,
    /// MD5 and SHA-1 too, whether or not an indicator needs them.
    pub all_digests: bool,
    /// (mount prefix, drive).
    pub maps: Vec<(PathBuf, String)>,
    /// The examiner's known passwords of archives.
    pub passwords: Option<PathBuf>,
    pub include_network: bool,
    pub allow_same_volume: bool,
    /// 0 means one for every core.
    pub threads: usize,
    /// Bytes.
    pub max_body: u64,
    pub limits: Limits,
    /// The suspected intrusion.
    pub window: Option<Window>,
    /// Other cases whose files may lie in locked archives.
    pub match_against: Vec<PathBuf>,
    /// An earlier case whose files need not be read again.
    pub baseline: Option<Incremental>,
    /// What may be taken from the machine.
    pub care: Care,
    /// The random key that an earlier process of this scan has drawn.
    pub kept_key: Option<[u8; 32]>,
}

/// Why a scan can't begin. The sentence names the thing and the way out.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// Exit code 64.
    #[error("{0}")]
    Usage(String),
    /// Exit code 73.
    #[error("{0}")]
    CaseFolder(String),
}

/// Everything a scan needs.
pub struct Plan {
    pub case: PathBuf,
    pub job: Job,
    pub correlators: Vec<Box<dyn Correlator>>,
    pub targets: Vec<PlannedTarget>,
    pub inputs: Inputs,
    /// The case folder lies on the volume of a target.
    pub same_volume: bool,
    /// The only other folder that is written to.
    pub rules_cache: Option<PathBuf>,
    /// Identifies the case key that the operator gave, where one was.
    pub shared_key: Option<String>,
    pub baseline: Option<PlannedBaseline>,
}

/// The options that can change a finding, in the form that is hashed into the report.
#[derive(Serialize)]
struct Decisive<'a> {
    max_body: u64,
    limits: Limits,
    include_network: bool,
    maps: Vec<(String, &'a str)>,
    rules: Vec<&'a str>,
    indicators: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    known_good: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<(i64, i64)>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    match_against: Vec<&'a str>,
    /// How many; nothing that is derived from them.
    #[serde(skip_serializing_if = "is_zero")]
    passwords: usize,
}

fn is_zero(n: &usize) -> bool {
    *n == 0
}

/// The case folder of a scan, where it has a lawful place. Quick: neither rules nor indicators are loaded.
///
/// # Errors
/// When a target can't be reached or the case folder may not lie there.
pub fn place(options: &Options) -> Result<PathBuf, PlanError> {
    place::case_folder(options, &targets::resolve(options)?)
}

/// Makes the folder of compiled rules, where one is asked for and has a lawful place. A folder that can't be made is no
/// cache, and nothing else is lost.
///
/// # Errors
/// When it lies inside a target.
pub fn make_cache(options: &Options, targets: &[PlannedTarget]) -> Result<(), PlanError> {
    let Some(cache) = &options.rules_cache else { return Ok(()) };
    place::outside(cache, "--rules-cache", targets)?;
    let _ = std::fs::create_dir_all(cache);
    Ok(())
}

/// A random case key; none where the operator gives one.
///
/// # Errors
/// When the system gives no random numbers.
pub fn random_key(options: &Options) -> Result<Option<[u8; 32]>, PlanError> {
    options.case_key.is_none().then(|| key::bytes(None)).transpose()
}

/// Decides which unchanged files are read again.
///
/// # Errors
/// When the system gives no random numbers.
pub fn random_seed() -> Result<[u8; 16], PlanError> {
    let mut seed = [0; 16];
    let drawn = getrandom::fill(&mut seed).map(|()| seed);
    drawn.map_err(|e| PlanError::Usage(format!("the system gives no random numbers: {e}")))
}

impl Plan {
    /// Checks everything and loads rules and indicators. `stop` is set to end the run early.
    pub fn new(options: &Options, stop: Arc<AtomicBool>) -> Result<Self, PlanError> {
        let targets = targets::resolve(options)?;
        make_cache(options, &targets)?;
        Self::with(options, targets, stop)
    }

    /// The same for targets that were opened before, and with them the folder of compiled rules ([`make_cache`]).
    ///
    /// # Errors
    /// As [`Plan::new`].
    pub fn with(options: &Options, targets: Vec<PlannedTarget>, stop: Arc<AtomicBool>) -> Result<Self, PlanError> {
        let case = place::case_folder(options, &targets)?;
        let same_volume = place::on_a_targets_volume(&case, &targets);
        let usage = |e: &dyn std::fmt::Display| PlanError::Usage(e.to_string());
        let packs = packs::verify_packs(options)?;
        let (indicators, mut ioc_inputs) = IndicatorSet::load(&options.iocs, !options.no_default_iocs).map_err(|e| usage(&e))?;
        Priors::install(indicators.profiles()).map_err(PlanError::Usage)?;
        let (tools, tool_inputs) = Tools::load(&options.tools).map_err(|e| usage(&e))?;
        ioc_inputs.extend(tool_inputs);
        let (rules, rule_inputs) =
            RuleSet::load_with(&options.rules, !options.no_default_rules, options.rules_cache.as_deref(), indicators.rules())
                .map_err(|e| usage(&e))?;
        let rules = if options.no_gate { rules.without_gate() } else { rules };
        // What was loaded has to be what was verified.
        if packs != packs::verify_packs(options)? {
            return Err(PlanError::Usage(
                "a signed pack was changed while it was read: see who writes there, and run again".into(),
            ));
        }
        let (known_good, good_inputs) = KnownGood::load(&options.known_good).map_err(|e| usage(&e))?;
        let want = match options.all_digests {
            true => Want::ALL,
            false => Want {
                sha1: indicators.needs_sha1() || known_good.needs_sha1(),
                md5: indicators.needs_md5() || rules.needs_md5(),
            },
        };
        let (others, other_inputs) = against::load(&options.match_against)?;
        let passwords = passwords::load(options.passwords.as_deref())?;
        let options_sha256 = digest(options, &rule_inputs, &ioc_inputs, &good_inputs, &other_inputs, passwords.len());
        ioc_inputs.extend(other_inputs);

        let mut map = PathMap::default();
        for (prefix, drive) in &options.maps {
            map.insert(prefix.as_os_str().as_encoded_bytes(), drive.as_bytes());
        }
        let threads = match options.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            n => n,
        };
        let own = place::own_output(options, &case)?;
        let sources: Vec<Box<dyn Source>> =
            targets.iter().enumerate().map(|(i, t)| t.source(i, &map, options.include_network, &own)).collect();
        let key = match options.kept_key {
            Some(kept) => CaseKey::new(&kept),
            None => CaseKey::new(&key::bytes(options.case_key.as_deref())?),
        };
        let shared_key = options.case_key.is_some().then(|| key.id());
        let indicators = Arc::new(indicators);
        let accused = indicators.clone();
        // What is accused by a hash is accused, whoever calls it good.
        let known_good = (!known_good.is_empty())
            .then(|| Box::new(move |d: &Digests| known_good.contains(d) && !accused.accuses(d)) as engine::KnownGood);
        let analyzers: Vec<Box<dyn Analyzer>> = vec![
            Box::new(IocAnalyzer::new(indicators.clone())),
            Box::new(YaraAnalyzer::new(rules)),
            Box::new(BinaryAnalyzer::new(tools)),
            Box::new(PhiAnalyzer::new(Arc::new(key))),
            Box::new(ClueAnalyzer),
        ];
        let live = targets.iter().any(PlannedTarget::is_live_volume);
        let job = Job {
            sources,
            analyzers,
            open: container::expand,
            detect: |probe| container::detect(probe).map(|format| format.id()),
            limits: options.limits,
            passwords,
            known_good,
            want,
            max_body: options.max_body,
            threads,
            counters: Arc::new(Counters::new(threads)),
            recovery: Recovery::default(),
            baseline: None,
            in_flight: None,
            care: Care { case: case.clone(), gentle: options.care.gentle && live, ..options.care.clone() },
            brake: Brake::default(),
            yields: false,
            stop,
        };
        let inputs = Inputs { rules: rule_inputs, indicators: ioc_inputs, known_good: good_inputs, options_sha256 };
        let baseline = options.baseline.as_ref().map(|asked| baseline::plan(asked, &inputs)).transpose()?;
        Ok(Self {
            case,
            job,
            correlators: correlate::all(&indicators, options.window, others),
            targets,
            inputs,
            same_volume,
            rules_cache: options.rules_cache.clone(),
            shared_key,
            baseline,
        })
    }
}

fn digest(
    options: &Options,
    rules: &[Input],
    indicators: &[Input],
    known_good: &[Input],
    cases: &[Input],
    passwords: usize,
) -> String {
    let decisive = Decisive {
        max_body: options.max_body,
        limits: options.limits,
        include_network: options.include_network,
        maps: options.maps.iter().map(|(p, d)| (p.to_string_lossy().into_owned(), d.as_str())).collect(),
        rules: rules.iter().filter_map(|i| i.sha256.as_deref()).collect(),
        indicators: indicators.iter().filter_map(|i| i.sha256.as_deref()).collect(),
        known_good: known_good.iter().filter_map(|i| i.sha256.as_deref()).collect(),
        window: options.window.map(|w| (w.from, w.to)),
        match_against: cases.iter().filter_map(|i| i.sha256.as_deref()).collect(),
        passwords,
    };
    // Plain numbers and strings always serialise.
    hex(&Sha256::digest(serde_json::to_vec(&decisive).unwrap_or_default()))
}
