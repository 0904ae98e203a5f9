//! What a report does not say, in fixed sentences. They state facts of the method; none draws a conclusion of
//! law.

use super::types::{CoverageVerdict, Report, TargetKind};
use crate::model::GapReason;

/// True of every scan.
const ALWAYS: &[&str] = &[
    "The absence of a finding speaks only for the objects that this report lists as examined. What was not examined, and why, is listed under coverage and gaps.",
    "Staging is not proof of exfiltration: a finding of category \"staging\" says that data was prepared in a way that is consistent with theft. It does not say that the data left the machine.",
    "The absence of staging is not proof that nothing was taken: data can be copied without being gathered first, and traces can be removed.",
    "No network traffic, firewall log or cloud log was examined. Whether data was transferred must be established from other sources.",
    "Scores and weights are expert priors, not probabilities. They have not been calibrated against a population of cases. Every weight that enters a score is shown with its reason.",
    "Counts of people are estimates from identifiers found in the data: at least (low), most likely (best), at most (high). Different identifiers of one person can be counted as several people, and people who share an identifier as one.",
    "Encrypted, damaged or unsupported content is not counted as zero people: it is in no count. Its size is given as opaque bytes.",
    "Names, relatives, guarantors and providers in records can make counts larger; patient data in formats that are not read makes them smaller.",
    "Text inside pictures, scans, photographs and recordings is not read. Documents whose text is not read are listed under gaps.",
    "Memory, running processes and their connections were not examined, and neither were deleted files, unallocated space, file slack and volume shadow copies.",
    "Times are those that the file system or archive states. They can be wrong or forged, and the clock of the machine was not verified.",
    "Reading a symbolic link, and reading under a file system or account that does not allow access times to be kept, can change the access time of that link or object. The protection in force is stated for each target.",
    "An indicator, rule or hash that matches shows a resemblance to known material. Whether an object is malicious needs an examiner's judgement.",
    "Rules and indicators find what their authors knew. Those in force, and those that were rejected, are listed with their SHA-256.",
    "A password-protected archive that an intruder made is not thereby secured: whoever made it holds the password.",
    "This report is reduced to what is needed: it shows shapes and counts instead of patient data, and masks identifiers and names in paths where the object's own content names the same person, not everywhere: a file or folder named after a person can keep that name. It is not de-identified in the sense of 45 CFR 164.514, because digests, paths and counts derive from the data.",
    "This report states facts for the assessment under 45 CFR 164.402 and draws no conclusion of law.",
];

const LIVE: &str = "A running system was examined. Files can change while they are read, files in use can be locked, and software of an intruder with the rights of the system can hide files. An image of the disk, examined on another machine, does not have these limits.";
const RECHECK: &str = "This report matches indicators against the inventory of an earlier case. The evidence itself was not read again: digests, names, paths, sizes and times are those of the earlier scan, contents were not searched, rules were not run and patient data was not counted.";
const INCOMPLETE: &str = "Coverage is incomplete: some objects that could hold evidence were not examined, or not wholly. This report does not support the statement that the machine is clean.";
const KNOWN_GOOD: &str = "Objects on the lists of known-good files that were given were not checked with rules; indicators, names and patient data in them were. Their number is under coverage, and each is marked in the inventory. Such a list says that a file was published, not that it is harmless where it lies.";
const UNCHANGED: &str = "Files that are unchanged since an earlier scan by their place, identity, size and times were not read again; each is marked in the inventory with the run that read it. A sample that is drawn anew in every run was read all the same. Whoever can set back a file's change time, or write to the disk beside the file system, can change a file that is not in the sample without being seen by this scan.";
const INTERRUPTED: &str = "The scan was interrupted. Objects that had not been reached are not in any count, and correlations over several objects can be missing. Until it is resumed, or the files journal/resume.log and journal/case.key are removed, the key and the tokens from which people are counted are still in the case folder, readable by its owner alone.";
const SAME_VOLUME: &str = "The case folder lies on a volume that was examined. Writing it took up space on that volume that can have held deleted data.";
const TIMES_NOT_KEPT: &str = "For at least one target, access times were not protected. They must not be used as evidence of use after the start of this scan.";
const TIME_LIMIT: &str =
    "A limit of time ended the work on at least one object. Unlike all other limits it can fall differently in another run.";
const SMALL_CELLS: &str =
    "Some states count fewer than 11 people. Suppress these counts before the report is given to a wider circle.";
const SELF_SCAN: &str = "The check of this report by its own detectors of patient data did not pass. Treat the report itself as holding patient data.";

/// The sentences that hold for this report.
pub(super) fn of(report: &Report) -> Vec<String> {
    let has_gap = |reason: GapReason| report.gaps.iter().any(|g| g.reason == reason.id());
    let unprotected = |t: &super::types::Target| matches!(t.atime_protection.as_str(), "" | "none");
    let sometimes = [
        (report.parent.is_some(), RECHECK),
        (report.coverage.verdict == CoverageVerdict::Incomplete, INCOMPLETE),
        (report.run.interrupted, INTERRUPTED),
        (report.coverage.known_good > 0, KNOWN_GOOD),
        (report.coverage.by_reason.contains_key(GapReason::Unchanged.id()), UNCHANGED),
        (report.targets.iter().any(|t| t.kind == TargetKind::Live), LIVE),
        (report.footprint.same_volume, SAME_VOLUME),
        (report.targets.iter().any(unprotected), TIMES_NOT_KEPT),
        (has_gap(GapReason::LimitTime), TIME_LIMIT),
        (report.phi.small_cells, SMALL_CELLS),
        (!report.phi.self_scan.passed, SELF_SCAN),
    ];
    sometimes.iter().filter(|(holds, _)| *holds).map(|(_, s)| *s).chain(ALWAYS.iter().copied()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn sentences_follow_the_facts() {
        let mut report = sample::report();
        report.coverage.verdict = CoverageVerdict::Complete;
        report.run.interrupted = false;
        let calm = of(&report);
        assert!(!calm.iter().any(|s| s == INCOMPLETE || s == INTERRUPTED));
        assert!(calm.iter().any(|s| s.contains("Staging is not proof of exfiltration")));
        report.coverage.verdict = CoverageVerdict::Incomplete;
        report.run.interrupted = true;
        assert_eq!(of(&report).len(), calm.len() + 2);
        assert_eq!(of(&report)[0], INCOMPLETE);
    }

    #[test]
    fn every_sentence_is_whole() {
        assert!(of(&sample::report()).iter().all(|s| s.ends_with('.') && s.len() > 40));
    }
}
