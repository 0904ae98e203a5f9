//! From arguments to one validated, immutable plan: targets exist, rules and indicators are loaded, the case
//! folder has a lawful place. Nothing has been read from a target and nothing written when it is made.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::analyze::{Analyzer, BinaryAnalyzer, IocAnalyzer, PhiAnalyzer, YaraAnalyzer};
use crate::container::{self, Limits};
use crate::correlate::{self, Correlator};
use crate::engine::{Counters, Job};
use crate::ioc::IndicatorSet;
use crate::model::{Input, Priors, text::hex};
use crate::phi::CaseKey;
use crate::reader::Want;
use crate::report::Inputs;
use crate::signature::RuleSet;
use crate::source::{PathMap, Source};

mod host;
mod place;
mod targets;

pub use host::{host, tool};
pub use place::default_case;
pub use targets::PlannedTarget;

/// What the user asked for, parsed but not yet checked.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Empty means every local fixed volume.
    pub targets: Vec<PathBuf>,
    pub case: Option<PathBuf>,
    pub iocs: Vec<PathBuf>,
    pub rules: Vec<PathBuf>,
    pub no_default_iocs: bool,
    pub no_default_rules: bool,
    pub rules_cache: Option<PathBuf>,
    /// (mount prefix, drive).
    pub maps: Vec<(PathBuf, String)>,
    pub include_network: bool,
    pub allow_same_volume: bool,
    /// 0 means one for every core.
    pub threads: usize,
    /// Bytes.
    pub max_body: u64,
    pub limits: Limits,
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
}

impl Plan {
    /// Checks everything and loads rules and indicators. `stop` is set to end the run early.
    pub fn new(options: &Options, stop: Arc<AtomicBool>) -> Result<Self, PlanError> {
        let targets = targets::resolve(options)?;
        let case = place::case_folder(options, &targets)?;
        let same_volume = place::on_a_targets_volume(&case, &targets);
        if let Some(cache) = &options.rules_cache {
            place::outside(cache, "--rules-cache", &targets)?;
        }
        let usage = |e: &dyn std::fmt::Display| PlanError::Usage(e.to_string());
        let (indicators, ioc_inputs) = IndicatorSet::load(&options.iocs, !options.no_default_iocs).map_err(|e| usage(&e))?;
        Priors::install(indicators.profiles()).map_err(PlanError::Usage)?;
        let (rules, rule_inputs) =
            RuleSet::load(&options.rules, !options.no_default_rules, options.rules_cache.as_deref()).map_err(|e| usage(&e))?;
        let want = Want { sha1: indicators.needs_sha1(), md5: indicators.needs_md5() || rules.needs_md5() };
        let options_sha256 = digest(options, &rule_inputs, &ioc_inputs);

        let mut map = PathMap::default();
        for (prefix, drive) in &options.maps {
            map.insert(prefix.as_os_str().as_encoded_bytes(), drive.as_bytes());
        }
        let threads = match options.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            n => n,
        };
        let sources: Vec<Box<dyn Source>> =
            targets.iter().enumerate().map(|(i, t)| t.source(i, &map, options.include_network, &case)).collect();
        let mut key = [0; 32];
        getrandom::fill(&mut key)
            .map_err(|e| PlanError::Usage(format!("the system gives no random numbers for the case key: {e}")))?;
        let analyzers: Vec<Box<dyn Analyzer>> = vec![
            Box::new(IocAnalyzer::new(Arc::new(indicators))),
            Box::new(YaraAnalyzer::new(rules)),
            Box::new(BinaryAnalyzer),
            Box::new(PhiAnalyzer::new(Arc::new(CaseKey::new(&key)))),
        ];
        let job = Job {
            sources,
            analyzers,
            open: container::expand,
            detect: |probe| container::detect(probe).map(|format| format.id()),
            limits: options.limits,
            want,
            max_body: options.max_body,
            threads,
            counters: Arc::new(Counters::new(threads)),
            stop,
        };
        let inputs = Inputs { rules: rule_inputs, indicators: ioc_inputs, known_good: Vec::new(), options_sha256 };
        Ok(Self {
            case,
            job,
            correlators: correlate::all(),
            targets,
            inputs,
            same_volume,
            rules_cache: options.rules_cache.clone(),
        })
    }
}

fn digest(options: &Options, rules: &[Input], indicators: &[Input]) -> String {
    let decisive = Decisive {
        max_body: options.max_body,
        limits: options.limits,
        include_network: options.include_network,
        maps: options.maps.iter().map(|(p, d)| (p.to_string_lossy().into_owned(), d.as_str())).collect(),
        rules: rules.iter().filter_map(|i| i.sha256.as_deref()).collect(),
        indicators: indicators.iter().filter_map(|i| i.sha256.as_deref()).collect(),
    };
    // Plain numbers and strings always serialise.
    hex(&Sha256::digest(serde_json::to_vec(&decisive).unwrap_or_default()))
}
