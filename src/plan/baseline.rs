//! Whether an earlier case may stand for files that have not changed, and if not, why.

use std::path::PathBuf;

use jiff::{SpanTotal, Timestamp, Unit};

use super::PlanError;
use crate::engine::{Baseline as Proved, Draw, Job};
use crate::model::{Input, text};
use crate::report::{Baseline, CaseFolder, Inputs, OldCase, PROVED, Report};

/// What was asked of an earlier case.
#[derive(Clone, Debug)]
pub struct Incremental {
    pub case: PathBuf,
    pub reread_percent: f64,
    pub max_age_days: f64,
    /// It isn't used after all.
    pub full: bool,
}

/// An earlier case, opened and judged.
pub struct PlannedBaseline {
    old: OldCase,
    use_of: Baseline,
}

/// Opens the earlier case and judges whether it may be used.
///
/// # Errors
/// Where it is no case folder, or not as its scan left it.
pub(super) fn plan(asked: &Incremental, inputs: &Inputs) -> Result<PlannedBaseline, PlanError> {
    let old = OldCase::open(&asked.case).map_err(|e| PlanError::Usage(format!("--baseline: {e}")))?;
    let report = &old.report;
    let why_not = unfit(asked, report, inputs, Timestamp::now());
    let use_of = Baseline {
        case_folder: text::escape(old.root().as_os_str().as_encoded_bytes()),
        run_id: report.run.id.clone(),
        started: report.run.started.clone(),
        report_sha256: old.report_sha256.clone(),
        inventory_sha256: report.integrity.inventory_sha256.clone(),
        used: why_not.is_none(),
        full_read: why_not.is_none().then(|| full_read(report).to_owned()),
        why_not,
        reread_percent: asked.reread_percent,
        ..Baseline::default()
    };
    Ok(PlannedBaseline { old, use_of })
}

/// When the last scan began that read every file, in the chain of cases that ends with this one.
pub fn full_read(report: &Report) -> &str {
    let chain = report.run.baseline.as_ref().filter(|b| b.used).and_then(|b| b.full_read.as_deref());
    chain.unwrap_or(&report.run.started)
}

/// Why an earlier case can't stand for anything.
fn unfit(asked: &Incremental, old: &Report, inputs: &Inputs, now: Timestamp) -> Option<String> {
    let digests = |list: &[Input]| list.iter().map(|i| i.sha256.clone()).collect::<Vec<_>>();
    let differ = |a: &[Input], b: &[Input]| digests(a) != digests(b);
    let tool = super::tool();
    let days = |since: &str| {
        let since: Timestamp = since.parse().ok()?;
        now.since(since).ok()?.total(SpanTotal::from(Unit::Day).days_are_24_hours()).ok()
    };
    let why = if asked.full {
        "a full scan was asked for".to_owned()
    } else if old.parent.is_some() {
        "the earlier case is a recheck, which read nothing".to_owned()
    } else if old.run.interrupted {
        "the earlier scan was interrupted".to_owned()
    } else if (&old.tool.version, &old.tool.sha256) != (&tool.version, &tool.sha256) || tool.sha256.is_none() {
        format!("the earlier case was made with another program (version {})", text::shorten(&old.tool.version, 40))
    } else if old.host.machine_id_sha256 != super::host().machine_id_sha256 {
        "the earlier case was made on another machine".to_owned()
    } else if differ(&old.inputs.rules, &inputs.rules) {
        "the rules are others than in the earlier case".to_owned()
    } else if differ(&old.inputs.indicators, &inputs.indicators) {
        "the indicators are others than in the earlier case".to_owned()
    } else if old.inputs.options_sha256 != inputs.options_sha256 {
        "the options are others than in the earlier case".to_owned()
    } else {
        return match days(full_read(old)) {
            Some(age) if age <= asked.max_age_days && age >= 0.0 => None,
            Some(age) if age < 0.0 => Some("the earlier case lies in the future by this machine's clock".to_owned()),
            Some(age) => {
                Some(format!("its files were last read in full {age:.1} days ago, and --max-age allows {}", asked.max_age_days))
            }
            None => Some("the earlier case doesn't say when it was made".to_owned()),
        };
    };
    Some(why)
}

impl PlannedBaseline {
    /// Hands what the earlier case proved to the job; gives what the report says of it.
    ///
    /// # Errors
    /// Where its inventory can't be read, or the case folder not be written.
    pub fn load(mut self, folder: &CaseFolder, job: &mut Job, seed: [u8; 16]) -> Result<Baseline, PlanError> {
        self.use_of.reread_seed = text::hex(&seed);
        if self.use_of.used {
            let case_folder = |e: &dyn std::fmt::Display| PlanError::CaseFolder(e.to_string());
            folder.forget(PROVED);
            let rows = folder.open_file(PROVED).map_err(|e| case_folder(&e))?;
            let draw = Draw { seed, percent: self.use_of.reread_percent };
            let proved = Proved::load(&self.old, rows, draw).map_err(|e| match e {
                crate::engine::LoadError::Old(e) => PlanError::Usage(format!("--baseline: {e}")),
                e => case_folder(&e),
            })?;
            job.baseline = Some(proved);
        }
        Ok(self.use_of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn old(now: &str) -> Report {
        let mut report = bare();
        report.run.started = now.into();
        report
    }

    fn bare() -> Report {
        let json = serde_json::json!({
            "schema": "wardround/report/1", "tool": super::super::tool(), "case": {}, "host": super::super::host(),
            "run": {"id": "r", "command": [], "started": "", "finished": "", "duration_ms": 0, "threads": 1,
                    "resumed": false, "interrupted": false},
            "inputs": {"rules": [], "indicators": [], "known_good": [], "options_sha256": "aa"}, "targets": [],
            "coverage": {"discovered": 0, "examined": 0, "partial": 0, "skipped": 0, "failed": 0, "bytes_discovered": 0,
                         "bytes_examined": 0, "verdict": "complete", "by_reason": {}},
            "gaps": [], "findings": [], "phi": crate::report::PhiTotals::default(), "limitations": [],
            "footprint": {"same_volume": false, "statements": []},
            "integrity": crate::report::Integrity::default(),
        });
        serde_json::from_value(json).unwrap()
    }

    fn inputs() -> Inputs {
        Inputs { options_sha256: "aa".into(), ..Inputs::default() }
    }

    #[test]
    fn each_difference_is_named() {
        let now: Timestamp = "2026-11-29T00:00:00Z".parse().unwrap();
        let asked = Incremental { case: PathBuf::new(), reread_percent: 1.0, max_age_days: 30.0, full: false };
        let why = |change: &dyn Fn(&mut Report), asked: &Incremental| {
            let mut report = old("2026-11-28T00:00:00Z");
            change(&mut report);
            unfit(asked, &report, &inputs(), now)
        };
        assert_eq!(why(&|_| (), &asked), None);
        let told = |change: &dyn Fn(&mut Report), words: &str| {
            let why = why(change, &asked).unwrap();
            assert!(why.contains(words), "{why}");
        };
        told(&|r| r.tool.sha256 = Some("0".into()), "another program");
        told(&|r| r.inputs.options_sha256 = "bb".into(), "options");
        told(&|r| r.inputs.rules.push(Input { sha256: Some("1".into()), ..Input::default() }), "rules");
        told(&|r| r.inputs.indicators.push(Input::default()), "indicators");
        told(&|r| r.run.interrupted = true, "interrupted");
        told(&|r| r.host.machine_id_sha256 = Some("0".into()), "another machine");
        told(&|r| r.run.started = "2026-10-01T00:00:00Z".into(), "59.0 days ago");
        told(&|r| r.run.started = "2026-12-01T00:00:00Z".into(), "future");
        let chained = Baseline { used: true, full_read: Some("2026-10-20T00:00:00Z".into()), ..Baseline::default() };
        told(&|r| r.run.baseline = Some(chained.clone()), "40.0 days ago");
        assert_eq!(why(&|r| r.run.baseline = Some(Baseline { used: false, ..chained.clone() }), &asked), None);
        assert!(why(&|_| (), &Incremental { full: true, ..asked.clone() }).unwrap().contains("full scan"));
    }
}
