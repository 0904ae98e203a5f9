//! Facts that the report draws from its own findings: how many of which level, and what a risk assessment asks.

use std::collections::BTreeSet;

use super::rows::FindingRow;
use super::types::{AcquiredOrViewed, FourFactorInputs, Mitigation, NatureAndExtent, Report, UnauthorizedPerson};
use crate::model::{Category, GapReason, Level};

/// Findings of each level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Levels {
    pub alert: u64,
    pub warning: u64,
    pub notice: u64,
    pub info: u64,
}

impl Levels {
    pub fn of(findings: &[FindingRow]) -> Self {
        let mut n = Self::default();
        for finding in findings {
            *match finding.level {
                Level::Alert => &mut n.alert,
                Level::Warning => &mut n.warning,
                Level::Notice => &mut n.notice,
                Level::Info => &mut n.info,
            } += 1;
        }
        n
    }

    /// Findings that ask for attention: notice or above.
    pub fn raised(&self) -> u64 {
        self.alert.saturating_add(self.warning).saturating_add(self.notice)
    }
}

/// Findings that are named as a basis.
const MAX_BASIS: usize = 100;

/// The facts of `phi.four_factor_inputs`, from the findings.
pub fn four_factor(findings: &[FindingRow]) -> FourFactorInputs {
    let mut extent = NatureAndExtent::default();
    let mut staged = AcquiredOrViewed::default();
    let mut intruder = UnauthorizedPerson::default();
    let mut mitigation = Mitigation::default();
    let (mut kinds, mut classes, mut written) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for finding in findings {
        match finding.category {
            Category::PhiAtRest => {
                let Some(phi) = &finding.phi else { continue };
                extent.objects += 1;
                extent.records = extent.records.saturating_add(phi.records);
                extent.clinical_objects += u64::from(phi.clinical);
                extent.part2_objects += u64::from(phi.part2 > 0);
                extent.synthetic_objects += u64::from(phi.synthetic);
                extent.deidentified_objects += u64::from(phi.deidentified);
                mitigation.secured_objects += u64::from(phi.secured);
                if let Some(time) = finding.object.as_ref().and_then(|o| o.times.mtime.clone()) {
                    written.insert(time);
                }
                kinds.extend(phi.identifiers.iter().filter(|(_, n)| **n > 0).map(|(kind, _)| kind.clone()));
                classes.extend(phi.classes.iter().cloned());
            }
            Category::Staging if finding.level >= Level::Notice => {
                staged.staging_findings += 1;
                if staged.basis.len() < MAX_BASIS {
                    staged.basis.push(finding.id.clone());
                }
                staged.staging_alerts += u64::from(finding.level == Level::Alert);
                let people = finding.phi.as_ref().map_or(0, |p| p.individuals.best);
                staged.largest_staged_individuals = staged.largest_staged_individuals.max(people);
            }
            Category::Ioc | Category::Yara | Category::Binary | Category::Host if finding.level >= Level::Warning => {
                intruder.intruder_findings += 1;
            }
            _ => {}
        }
    }
    extent.identifier_kinds = kinds.into_iter().collect();
    extent.classes = classes.into_iter().collect();
    // RFC 3339 in UTC sorts as time does.
    extent.first_written = written.first().cloned();
    extent.last_written = written.last().cloned();
    staged.evidence = if staged.staging_findings > 0 { "possible" } else { "none" }.to_owned();
    FourFactorInputs { nature_and_extent: extent, unauthorized_person: intruder, acquired_or_viewed: staged, mitigation }
}

impl Report {
    pub fn levels(&self) -> Levels {
        Levels::of(&self.findings)
    }

    /// The verdict in one sentence. It never says "clean".
    pub fn verdict(&self) -> String {
        let levels = self.levels();
        let complete = self.coverage.verdict == super::types::CoverageVerdict::Complete;
        let mut coverage = match (complete, self.run.interrupted) {
            (_, true) => "the scan was interrupted, so coverage is incomplete",
            (true, _) => "coverage is complete",
            (false, _) => "coverage is incomplete",
        }
        .to_owned();
        if let Some(n) = self.coverage.by_reason.get(GapReason::Unchanged.id()) {
            let n = crate::model::text::thousands(*n);
            coverage = format!("{coverage}, with {n} files that are unchanged since an earlier scan and were not read again");
        }
        if levels.raised() == 0 {
            return format!("Nothing was found at notice or above, and {coverage}.");
        }
        let count = |n: u64, one: &str| match n {
            0 => None,
            1 => Some(format!("1 {one}")),
            n => Some(format!("{} {one}s", crate::model::text::thousands(n))),
        };
        let parts: Vec<String> = [count(levels.alert, "alert"), count(levels.warning, "warning"), count(levels.notice, "notice")]
            .into_iter()
            .flatten()
            .collect();
        let list = match parts.as_slice() {
            [head @ .., last] if !head.is_empty() => format!("{} and {last}", head.join(", ")),
            all => all.join(""),
        };
        format!("{list}; {coverage}.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn facts_are_counted_from_the_findings() {
        let report = sample::report();
        let facts = four_factor(&report.findings);
        assert_eq!(facts.nature_and_extent.objects, 1);
        assert_eq!(facts.nature_and_extent.identifier_kinds, ["member_id", "name"]);
        assert_eq!(facts.acquired_or_viewed.staging_alerts, 1);
        assert_eq!(facts.unauthorized_person.intruder_findings, 1);
        assert!(!facts.acquired_or_viewed.transfer_examined);
        assert_eq!((facts.acquired_or_viewed.evidence.as_str(), facts.acquired_or_viewed.basis.len()), ("possible", 1));
        assert_eq!(four_factor(&[]).acquired_or_viewed.evidence, "none");
    }

    #[test]
    fn the_verdict_names_findings_and_coverage() {
        let mut report = sample::report();
        assert_eq!(report.verdict(), "1 alert and 1 warning; coverage is incomplete.");
        report.findings.clear();
        assert_eq!(report.verdict(), "Nothing was found at notice or above, and coverage is incomplete.");
        report.run.interrupted = true;
        assert!(report.verdict().contains("interrupted"));
    }
}
