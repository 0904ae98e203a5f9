//! What several exports say of a finding, in one place.

use jiff::Timestamp;

use super::ExportError;
use crate::model::text::{escape, shorten};
use crate::model::{Category, Level};
use crate::report::{FindingRow, ReasonRow, Report, StepRow};

/// Longest text of one field, in characters. Timesketch loses exact search above 32,766 bytes of one field, and a
/// character has at most four.
const LONGEST: usize = 8_000;

/// When the run ended: the time at which everything in the report was known.
pub fn finished(report: &Report) -> Result<Timestamp, ExportError> {
    time(&report.run.finished).ok_or_else(|| ExportError::Report("run.finished is no time".into()))
}

/// When the run began.
pub fn started(report: &Report) -> Result<Timestamp, ExportError> {
    time(&report.run.started).ok_or_else(|| ExportError::Report("run.started is no time".into()))
}

/// A time of the report.
pub fn time(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

/// RFC 3339 in UTC with exactly three decimals.
pub fn millis(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// RFC 3339 in UTC with exactly six decimals.
pub fn micros(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

/// One line that nothing in it can break or steer, of bounded length.
pub fn inert(text: &str) -> String {
    shorten(&escape(text.as_bytes()), LONGEST)
}

/// The same with a backslash before every character that `special` names.
pub fn escaped(text: &str, special: &[char]) -> String {
    let mut out = String::new();
    for c in inert(text).chars() {
        if special.contains(&c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// The last step of an address: a path, or a member's stored name.
fn last(f: &FindingRow) -> &str {
    match f.locator.last() {
        Some(StepRow::Os { os } | StepRow::Member { member: os, .. }) => os,
        None => &f.path,
    }
}

/// Where the last separator of a shown path stands. In a path with `/` a backslash is part of a name; elsewhere it
/// separates, unless an escape begins there.
fn separator(path: &str) -> Option<usize> {
    if path.contains('/') {
        return path.rfind('/');
    }
    path.rmatch_indices('\\').map(|(at, _)| at).find(|at| path.get(at + 1..).is_some_and(|rest| !rest.starts_with("u{")))
}

/// The last part of a shown path; empty for a root folder.
pub fn base_of(path: &str) -> &str {
    let path = path.strip_suffix(['/', '\\']).unwrap_or(path);
    separator(path).map_or(path, |at| path.get(at + 1..).unwrap_or_default())
}

/// The file's name without its folders; empty for a root folder.
pub fn base_name(f: &FindingRow) -> &str {
    base_of(last(f))
}

/// The folder that holds a file, where its path has one.
pub fn folder(path: &str) -> Option<&str> {
    match separator(path)? {
        // The root stays what it is.
        0 => path.get(..1),
        at => path.get(..at),
    }
}

/// Reasons in words, strongest first, joined by `; `.
pub fn reasons(f: &FindingRow) -> String {
    let mut sorted: Vec<&ReasonRow> = f.reasons.iter().collect();
    sorted.sort_by_key(|r| std::cmp::Reverse(r.weight));
    let words: Vec<String> = sorted.iter().map(|r| format!("{} ({:+})", r.text.trim_end_matches('.'), r.weight)).collect();
    inert(&words.join("; "))
}

/// The reason with the most weight.
pub fn strongest(f: &FindingRow) -> Option<&ReasonRow> {
    // The first of several, so that the order of the report decides.
    f.reasons.iter().rev().max_by_key(|r| r.weight)
}

/// What it says of people, where it does.
pub fn people(f: &FindingRow) -> Option<String> {
    let phi = f.phi.as_ref()?;
    let p = phi.individuals;
    Some(format!("patient data ({}): about {} distinct people, {} to {}", phi.format, p.best, p.low, p.high))
}

/// Whether it asks for attention.
pub fn raised(f: &FindingRow) -> bool {
    f.level >= Level::Notice
}

/// Whether it speaks of the intruder's own material.
pub fn of_intruder(f: &FindingRow) -> bool {
    matches!(f.category, Category::Ioc | Category::Yara | Category::Binary)
}

/// Digests that are there, with the names that `words` gives MD5, SHA-1 and SHA-256.
pub fn digests<'f>(f: &'f FindingRow, words: [&'static str; 3]) -> Vec<(&'static str, &'f str)> {
    let Some(o) = &f.object else { return Vec::new() };
    let all = words.into_iter().zip([&o.md5, &o.sha1, &o.sha256]);
    all.filter_map(|(word, digest)| Some((word, digest.as_deref()?))).collect()
}

/// What the report says of what was not looked at.
pub fn coverage(report: &Report) -> String {
    let c = &report.coverage;
    format!(
        "{} of {} objects fully examined, {} partly, {} skipped, {} failed",
        c.examined, c.discovered, c.partial, c.skipped, c.failed
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn names_and_folders() {
        let report = sample::report();
        let names: Vec<&str> = report.findings.iter().map(base_name).collect();
        assert_eq!(names[1], "a.zip");
        assert!(names[2].starts_with("claims"));
        assert_eq!(folder("/srv/a.zip"), Some("/srv"));
        assert_eq!(folder("/a"), Some("/"));
        assert_eq!(folder("C:\\a\\b"), Some("C:\\a"));
        assert_eq!(folder("a"), None);
        assert_eq!(base_of("/a/x\\u{202e}gpj.exe"), "x\\u{202e}gpj.exe");
        assert_eq!(base_of("C:\\a\\x\\u{202e}gpj.exe"), "x\\u{202e}gpj.exe");
        assert_eq!(base_of("/"), "");
    }

    #[test]
    fn times_have_a_fixed_form() {
        let t = time("2026-11-24T02:03:20.5Z").unwrap();
        assert_eq!(millis(t), "2026-11-24T02:03:20.500Z");
        assert_eq!(micros(t), "2026-11-24T02:03:20.500000Z");
        assert!(time("yesterday").is_none());
    }

    #[test]
    fn the_strongest_reason_comes_first() {
        let report = sample::report();
        assert!(reasons(&report.findings[0]).starts_with("it lies in a folder that attackers use (+60); "));
        assert_eq!(strongest(&report.findings[0]).unwrap().id, "location.strong");
    }
}
