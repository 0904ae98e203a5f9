//! The last lines of a scan on the terminal: verdict, strongest findings, people, what was not covered.

use std::fmt::Write as _;

use super::rows::{FindingRow, SMALL_CELL};
use super::types::{CoverageVerdict, Report};
use crate::model::text::{escape, shorten, thousands};
use crate::model::{GapReason, Level};

/// Columns that fit every terminal.
const WIDTH: usize = 80;
/// Findings that are shown.
const SHOWN: usize = 8;
/// Column at which text starts.
const INDENT: usize = 12;

/// A short summary for people, at most 80 columns where words allow. `color` adds ANSI colours; `case_dir` is
/// where the case folder lies.
pub fn summary(report: &Report, color: bool, case_dir: &str) -> String {
    let paint = Paint(color);
    let mut out = String::new();
    let strongest = report.findings.iter().map(|f| f.level).max().unwrap_or(Level::Info);
    let _ = writeln!(out, "\n{}\n", paint.level(strongest, &wrap(&report.verdict(), WIDTH, 0)));
    findings(&mut out, report, &paint);
    people(&mut out, report, &paint);
    coverage(&mut out, report, &paint);
    inputs(&mut out, report, &paint);
    let case_dir = case_dir.trim_end_matches(['/', '\\']);
    let _ = writeln!(out, "{}{}", paint.label("Report"), escape(format!("{case_dir}/report.html").as_bytes()));
    out
}

fn findings(out: &mut String, report: &Report, paint: &Paint) {
    let raised: Vec<&FindingRow> = report.findings.iter().filter(|f| f.level >= Level::Notice).collect();
    for finding in raised.iter().take(SHOWN) {
        let word = format!("{:<8}{:>3} ", finding.level.word().to_uppercase(), finding.score);
        let _ = writeln!(out, "{}{}", paint.level(finding.level, &word), wrap(&finding.title, WIDTH, INDENT));
        let _ = writeln!(out, "{:INDENT$}{}", "", paint.strong(&shorten(&finding.path, WIDTH - INDENT)));
        let mut reasons: Vec<_> = finding.reasons.iter().collect();
        reasons.sort_by_key(|r| std::cmp::Reverse(r.weight));
        let mut words: Vec<String> =
            reasons.iter().take(3).map(|r| format!("{} ({:+})", r.text.trim_end_matches('.'), r.weight)).collect();
        if reasons.len() > 3 {
            words.push(format!("{} more in the report", reasons.len() - 3));
        }
        let _ = writeln!(out, "{:INDENT$}{}\n", "", wrap(&words.join("; "), WIDTH, INDENT));
    }
    if raised.len() > SHOWN {
        let more = thousands((raised.len() - SHOWN) as u64);
        let _ = writeln!(out, "{:INDENT$}and {more} more findings in the report\n", "");
    }
}

fn people(out: &mut String, report: &Report, paint: &Paint) {
    let phi = &report.phi;
    let objects = phi.formats.values().fold(0u64, |sum, n| sum.saturating_add(*n));
    let mut text = if objects == 0 {
        "no patient data was recognised in what was examined".to_owned()
    } else {
        let p = phi.individuals;
        let mut text = format!(
            "about {} distinct (at least {}, at most {}) in {} {} with patient data",
            thousands(p.best),
            thousands(p.low),
            thousands(p.high),
            thousands(objects),
            plural(objects, "object"),
        );
        if !phi.by_state.is_empty() {
            let mut states: Vec<_> = phi.by_state.iter().collect();
            states.sort_by_key(|(state, n)| (std::cmp::Reverse(**n), *state));
            let shown: Vec<String> = states.iter().take(6).map(|(s, n)| format!("{s} {}", cell(**n))).collect();
            let _ = write!(text, "; {}", shown.join(", "));
            if states.len() > 6 {
                let _ = write!(text, ", {} more states", states.len() - 6);
            }
        }
        text
    };
    if phi.opaque_bytes > 0 {
        let _ = write!(text, "; {} could not be looked into and are in no count", bytes(phi.opaque_bytes));
    }
    let _ = writeln!(out, "{}{}", paint.label("People"), wrap(&text, WIDTH, INDENT));
}

fn coverage(out: &mut String, report: &Report, paint: &Paint) {
    let c = &report.coverage;
    let mut text = format!(
        "{} of {} {} fully examined ({} of {})",
        thousands(c.examined),
        thousands(c.discovered),
        plural(c.discovered, "object"),
        bytes(c.bytes_examined),
        bytes(c.bytes_discovered)
    );
    for (n, word) in [(c.partial, "partly"), (c.skipped, "skipped"), (c.failed, "failed")] {
        if n > 0 {
            let _ = write!(text, ", {} {word}", thousands(n));
        }
    }
    if c.known_good > 0 {
        let _ = write!(text, "; rules passed over {} known-good ({})", thousands(c.known_good), bytes(c.bytes_known_good));
    }
    let _ = writeln!(out, "{}{}", paint.label("Coverage"), wrap(&text, WIDTH, INDENT));
    let mut reasons: Vec<(&String, u64)> = c.by_reason.iter().map(|(id, n)| (id, *n)).collect();
    reasons.sort_by_key(|(id, n)| (std::cmp::Reverse(*n), *id));
    let count = |n: u64| thousands(n);
    let column = reasons.iter().map(|(_, n)| count(*n).len()).max().unwrap_or(0);
    for (id, n) in reasons {
        let words = GapReason::ALL.iter().find(|r| r.id() == id).map_or(id.as_str(), |r| r.words());
        let indent = INDENT + column + 2;
        let _ = writeln!(out, "{:INDENT$}{:>column$}  {}", "", count(n), wrap(words, WIDTH, indent));
    }
    if c.verdict == CoverageVerdict::Incomplete {
        let text = "What was not examined may hold evidence: this is no statement that the machine is clean.";
        let _ = writeln!(out, "{:INDENT$}{}", "", wrap(text, WIDTH, INDENT));
    }
}

fn inputs(out: &mut String, report: &Report, paint: &Paint) {
    let i = &report.inputs;
    let all = || i.rules.iter().chain(&i.indicators).chain(&i.known_good);
    let rejected = all().map(|x| x.rejected.len() as u64).fold(0, u64::saturating_add);
    if rejected > 0 {
        let files = all().filter(|x| !x.rejected.is_empty()).count();
        let text = format!(
            "{} {} in {files} {} of rules or indicators {} rejected; the report says which and why",
            thousands(rejected),
            if rejected == 1 { "entry" } else { "entries" },
            plural(files as u64, "file"),
            if rejected == 1 { "was" } else { "were" }
        );
        let _ = writeln!(out, "{}{}", paint.label("Inputs"), wrap(&text, WIDTH, INDENT));
    }
    let unanswered = all().map(|x| x.unanswered.len() as u64).fold(0, u64::saturating_add);
    if unanswered > 0 {
        let text = format!("{} can't be answered by a scan of files; the report names them", plural(unanswered, "indicator"));
        let _ = writeln!(out, "{}{}", paint.label("Inputs"), wrap(&text, WIDTH, INDENT));
    }
    if let Some(parent) = &report.parent {
        let text = format!("the inventory of run {} in {}; the evidence was not read again", parent.run_id, parent.case_folder);
        let _ = writeln!(out, "{}{}", paint.label("Drawn from"), wrap(&text, WIDTH, INDENT));
    }
}

/// `1 object`, `2 objects`.
pub(super) fn plural(n: u64, one: &str) -> String {
    if n == 1 { one.to_owned() } else { format!("{one}s") }
}

/// A count of people, small cells suppressed.
pub(super) fn cell(n: u64) -> String {
    if (1..SMALL_CELL).contains(&n) { format!("<{SMALL_CELL}") } else { thousands(n) }
}

/// Bytes with a decimal unit, as `9.9 GB`.
pub(super) fn bytes(n: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if n < 1000 {
        return format!("{n} {}", plural(n, "byte"));
    }
    let mut unit = 0;
    // Tenths, rounded; integers, so that the text is the same on every machine.
    let mut tenths = (u128::from(n) * 10 + 500) / 1000;
    while tenths >= 10_000 && unit + 1 < UNITS.len() {
        tenths = (tenths + 500) / 1000;
        unit += 1;
    }
    let unit = UNITS.get(unit).copied().unwrap_or("EB");
    format!("{}.{} {unit}", thousands(u64::try_from(tenths / 10).unwrap_or(u64::MAX)), tenths % 10)
}

/// Breaks text at spaces so that lines end before `width`; lines after the first start at `indent`, where the
/// caller put the first.
fn wrap(text: &str, width: usize, indent: usize) -> String {
    let room = width.saturating_sub(indent).max(20);
    let mut out = String::new();
    let mut column = 0;
    for word in text.split_whitespace() {
        let len = word.chars().count();
        if column > 0 && column + 1 + len > room {
            let _ = write!(out, "\n{:indent$}", "");
            column = 0;
        } else if column > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += len;
    }
    out
}

/// ANSI colours, or none.
struct Paint(bool);

impl Paint {
    fn with(&self, code: &str, s: &str) -> String {
        if self.0 { format!("\x1b[{code}m{s}\x1b[0m") } else { s.to_owned() }
    }

    fn level(&self, level: Level, s: &str) -> String {
        match level {
            Level::Alert => self.with("1;31", s),
            Level::Warning => self.with("1;33", s),
            Level::Notice => self.with("1;36", s),
            Level::Info => self.with("1", s),
        }
    }

    fn strong(&self, s: &str) -> String {
        self.with("1", s)
    }

    fn label(&self, s: &str) -> String {
        self.with("1", &format!("{s:<INDENT$}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Masker, sample};

    #[test]
    fn it_says_what_counts_in_few_columns() {
        let mut report = sample::report();
        report.seal(&Masker::OFF).unwrap();
        let text = summary(&report, false, "/cases/1/");
        for part in [
            "1 alert and 1 warning; coverage is incomplete.",
            "ALERT",
            "Encrypted archive of patient data",
            "it lies in a folder that attackers use (+60)",
            "about 1,004 distinct (at least 980, at most 1,200)",
            "NM <11",
            "41,200 of 41,234 objects fully examined",
            "5  access was denied",
            "1  it is encrypted",
            "1 entry in 1 file",
            "/cases/1/report.html",
        ] {
            assert!(
                text.split_whitespace()
                    .collect::<Vec<_>>()
                    .join(" ")
                    .contains(&part.split_whitespace().collect::<Vec<_>>().join(" ")),
                "{part}\n{text}"
            );
        }
        assert!(text.lines().all(|l| l.chars().count() <= WIDTH), "{text}");
        assert!(!text.contains('\u{1b}'));
        assert!(summary(&report, true, "x").contains("\u{1b}[1;31m"));
    }

    #[test]
    fn nothing_found_is_not_called_clean() {
        let report = Report { findings: vec![], ..sample::report() };
        let text = summary(&report, false, "c");
        assert!(text.contains("Nothing was found at notice or above, and coverage is incomplete."));
        assert!(!text.contains("ALERT"));
    }

    #[test]
    fn bytes_and_lines() {
        assert_eq!(bytes(1), "1 byte");
        assert_eq!(bytes(999), "999 bytes");
        assert_eq!(bytes(1000), "1.0 kB");
        assert_eq!(bytes(999_960), "1.0 MB");
        assert_eq!(bytes(9_876_543_210), "9.9 GB");
        assert!(bytes(u64::MAX).ends_with(" EB"));
        assert_eq!(wrap("one two three four five six seven", 30, 4), "one two three four five\n    six seven");
    }
}
