//! From arguments to a plan for matching an earlier case's inventory.

use std::path::PathBuf;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::{PlanError, place};
use crate::analyze::{Analyzer, IocAnalyzer};
use crate::correlate::{Correlator, patterns::Patterns};
use crate::engine::Asks;
use crate::ioc::IndicatorSet;
use crate::model::text;
use crate::report::{Inputs, OldCase, Parent};
use crate::signature::listed_digests;

/// What the user asked for.
#[derive(Clone, Debug, Default)]
pub struct RecheckOptions {
    pub old: PathBuf,
    pub case: Option<PathBuf>,
    pub iocs: Vec<PathBuf>,
    /// YARA files and folders, for the digests of samples in their metadata.
    pub rules: Vec<PathBuf>,
    pub no_default_iocs: bool,
}

/// Everything that a recheck needs. Nothing has been written when it is made.
pub struct RecheckPlan {
    pub case: PathBuf,
    pub old: OldCase,
    pub analyzers: Vec<Box<dyn Analyzer>>,
    pub correlators: Vec<Box<dyn Correlator>>,
    pub asks: Asks,
    pub inputs: Inputs,
    pub parent: Parent,
}

impl RecheckPlan {
    pub fn new(options: &RecheckOptions) -> Result<Self, PlanError> {
        let usage = |e: &dyn std::fmt::Display| PlanError::Usage(e.to_string());
        let old = OldCase::open(&options.old).map_err(|e| usage(&e))?;
        let case = place::beside(options.case.as_deref(), old.root())?;
        let embedded = !options.no_default_iocs;
        let (mut indicators, mut inputs) = IndicatorSet::load(&options.iocs, embedded).map_err(|e| usage(&e))?;
        let samples = listed_digests(&options.rules, false, indicators.rules()).map_err(|e| usage(&e))?;
        if !samples.is_empty() {
            (indicators, inputs) = IndicatorSet::load_with(&options.iocs, embedded, &samples).map_err(|e| usage(&e))?;
        }
        let asks = Asks {
            names: indicators.has_names(),
            md5: indicators.needs_md5(),
            sha1: indicators.needs_sha1(),
            content: indicators.has_addresses(),
        };
        let digests: Vec<&str> = inputs.iter().filter_map(|i| i.sha256.as_deref()).collect();
        let options_sha256 = text::hex(&Sha256::digest(digests.join("\n")));
        let r = &old.report;
        let parent = Parent {
            case_folder: text::escape(old.root().as_os_str().as_encoded_bytes()),
            run_id: r.run.id.clone(),
            started: r.run.started.clone(),
            finished: r.run.finished.clone(),
            case_id: r.case.id.clone(),
            tool_version: r.tool.version.clone(),
            report_sha256: old.report_sha256.clone(),
            inventory_sha256: r.integrity.inventory_sha256.clone(),
            findings_sha256: r.integrity.findings_sha256.clone(),
        };
        let indicators = Arc::new(indicators);
        Ok(Self {
            case,
            old,
            analyzers: vec![Box::new(IocAnalyzer::new(indicators.clone()))],
            correlators: vec![Box::new(Patterns::new(indicators))],
            asks,
            inputs: Inputs { indicators: inputs, options_sha256, ..Inputs::default() },
            parent,
        })
    }
}
