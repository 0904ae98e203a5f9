//! `report.html`: the report for people. One file without script or external load; every value is escaped.

use std::collections::BTreeMap;
use std::io::{self, Write};

use askama::Template;

use super::rows::{FindingRow, PhiBlock, ReasonRow};
use super::summary::{bytes, cell, plural};
use super::types::{CoverageVerdict, Report, TargetKind};
use super::{Levels, ReportWriter};
use crate::model::Input;
use crate::model::text::thousands;
use crate::model::{Axis, Level};

mod coverage;
mod orders;
mod timeline;

use coverage::{Bar, Reason, bars, reasons};
use orders::{Order, orders};
use timeline::Timeline;

pub struct Html;

/// Findings of one level that are shown in full.
const CARDS: usize = 200;
/// Findings of level info that are shown as table rows.
const INFO_ROWS: usize = 1000;

impl ReportWriter for Html {
    fn id(&self) -> &'static str {
        "html"
    }

    fn file_name(&self) -> &'static str {
        "report.html"
    }

    fn write(&self, report: &Report, out: &mut dyn Write) -> io::Result<()> {
        Page::new(report).write_into(out)
    }
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'r> {
    r: &'r Report,
    levels: Levels,
    /// CSS class and words of the verdict.
    tone: &'static str,
    verdict: String,
    timeline: Option<Timeline>,
    orders: Vec<Order<'r>>,
    sections: Vec<Section<'r>>,
    info: Vec<&'r FindingRow>,
    info_more: u64,
    reasons: Vec<Reason<'r>>,
    bars: Vec<Bar>,
    phi_objects: u64,
}

/// Findings of one level.
struct Section<'r> {
    level: Level,
    count: u64,
    /// With their places in the report.
    findings: Vec<(usize, &'r FindingRow)>,
    more: u64,
}

impl<'r> Page<'r> {
    fn new(r: &'r Report) -> Self {
        let levels = r.levels();
        let sections = [Level::Alert, Level::Warning, Level::Notice]
            .into_iter()
            .map(|level| {
                let all: Vec<(usize, &FindingRow)> = r.findings.iter().enumerate().filter(|(_, f)| f.level == level).collect();
                let count = all.len() as u64;
                let more = all.len().saturating_sub(CARDS) as u64;
                Section { level, count, findings: all.into_iter().take(CARDS).collect(), more }
            })
            .filter(|s| s.count > 0)
            .collect();
        let complete = r.coverage.verdict == CoverageVerdict::Complete;
        let tone = match (levels.alert, levels.warning, levels.notice, complete) {
            (1.., ..) => "alert",
            (0, 1.., ..) => "warning",
            (0, 0, 1.., _) => "notice",
            (0, 0, 0, false) => "open",
            (0, 0, 0, true) => "calm",
        };
        Self {
            r,
            levels,
            tone,
            verdict: r.verdict(),
            timeline: Timeline::new(r),
            orders: orders(r),
            sections,
            info: r.findings.iter().filter(|f| f.level == Level::Info).take(INFO_ROWS).collect(),
            info_more: levels.info.saturating_sub(INFO_ROWS as u64),
            reasons: reasons(r),
            bars: bars(r),
            phi_objects: r.phi.formats.values().fold(0, |sum, n| sum.saturating_add(*n)),
        }
    }

    /// A figure with separators.
    fn n(&self, n: &u64) -> String {
        thousands(*n)
    }

    fn bytes(&self, n: &u64) -> String {
        bytes(*n)
    }

    fn plural(&self, n: &u64, one: &str) -> String {
        plural(*n, one)
    }

    /// Whether a finding of this place is shown in full.
    fn has_card(&self, n: &usize) -> bool {
        self.sections.iter().any(|s| s.findings.iter().any(|(at, _)| at == n))
    }

    /// A count of people in one state; small cells are suppressed.
    fn cell(&self, n: &u64) -> String {
        cell(*n)
    }

    /// Length of a bar in a list, 0 to 200, against the largest of the list.
    fn share(&self, n: &u64, all: &BTreeMap<String, u64>) -> u64 {
        let largest = all.values().copied().max().unwrap_or(0).max(1);
        scaled(*n, largest, 200)
    }

    /// `2026-11-24T02:00:00Z` as `2026-11-24 02:00:00 UTC`; anything else stays as it is.
    fn time(&self, t: &str) -> String {
        match (t.get(..10), t.get(10..11), t.get(11..19), t.strip_suffix('Z')) {
            (Some(day), Some("T"), Some(hour), Some(_)) => format!("{day} {hour} UTC"),
            _ => t.to_owned(),
        }
    }

    /// The same without seconds.
    fn minute(&self, t: &str) -> String {
        match (t.get(..10), t.get(10..11), t.get(11..16)) {
            (Some(day), Some("T"), Some(hour)) => format!("{day} {hour}"),
            _ => t.to_owned(),
        }
    }

    fn weight(&self, reason: &ReasonRow) -> String {
        format!("{:+}", reason.weight)
    }

    fn axis(&self, reason: &ReasonRow) -> &'static str {
        match reason.axis {
            None => "",
            Some(Axis::Content) => "content",
            Some(Axis::Staging) => "staging",
            Some(Axis::Benign) => "harmless explanation",
            Some(Axis::NotReal) => "not real data",
        }
    }

    fn kind(&self, kind: &TargetKind) -> &'static str {
        match kind {
            TargetKind::Live => "live system",
            TargetKind::Mounted => "mounted volume",
            TargetKind::Image => "disk image",
            TargetKind::Archive => "archive",
            TargetKind::File => "file",
        }
    }

    fn seconds(&self) -> String {
        let ms = self.r.run.duration_ms;
        match ms / 1000 {
            0 => format!("{ms} ms"),
            s @ 1..60 => format!("{s} s"),
            s @ 60..3600 => format!("{} min {} s", s / 60, s % 60),
            s => format!("{} h {} min", thousands(s / 3600), s % 3600 / 60),
        }
    }

    fn inputs(&self) -> [(&'static str, &'r [Input]); 3] {
        let i = &self.r.inputs;
        [("Rules", &i.rules), ("Indicators", &i.indicators), ("Known good", &i.known_good)]
    }

    fn marks(&self, phi: &PhiBlock) -> Vec<&'static str> {
        let marks = [
            (phi.clinical, "with health or payment context"),
            (phi.data_class == "limited_dataset_like", "like a limited data set: no direct identifiers"),
            (phi.part2 > 0, "with possible content under 42 CFR Part 2"),
            (phi.synthetic, "marked as test or invented data"),
            (phi.deidentified, "de-identified by its own marks"),
            (phi.secured, "encrypted by its owner"),
        ];
        marks.iter().filter(|(holds, _)| *holds).map(|(_, words)| *words).collect()
    }

    fn joined(&self, list: &[String]) -> String {
        if list.is_empty() { "none".to_owned() } else { list.join(", ") }
    }

    fn yes(&self, b: &bool) -> &'static str {
        if *b { "yes" } else { "no" }
    }
}

/// `n / whole` of `length`, without overflow.
fn scaled(n: u64, whole: u64, length: u64) -> u64 {
    let part = u128::from(n) * u128::from(length) / u128::from(whole.max(1));
    u64::try_from(part).unwrap_or(length).min(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Masker, sample};

    fn page(report: &Report) -> String {
        let mut out = Vec::new();
        Html.write(report, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn hostile_values_are_inert() {
        let mut report = sample::report();
        report.host.name = "\"><img src=x onerror=alert(1)>".into();
        report.inputs.rules[0].rejected[0].why = "</td><script>1</script>".into();
        report.seal(&Masker::OFF).unwrap();
        let html = page(&report);
        assert!(!html.contains("<script") && !html.contains("<img") && !html.contains("<b>tool"));
        assert!(html.contains("&#60;script&#62;alert(1)"));
        assert!(!html.chars().any(|c| c.is_control() && c != '\n' || c == '\u{202e}'));
        assert!(html.contains("default-src 'none'"));
        assert!(!html.contains("http://") && !html.contains("https://") && !html.contains("url("));
    }

    #[test]
    fn everything_a_reader_needs_is_there() {
        let mut report = sample::report();
        report.seal(&Masker::OFF).unwrap();
        let html = page(&report);
        for part in [
            "1 alert and 1 warning; coverage is incomplete.",
            "frontdesk-2",
            "Front desk PC",
            "Encrypted archive of patient data in a staging folder",
            "+60",
            "1,004",
            "&#60;11",
            "access was denied",
            "syntax error",
            "Staging is not proof of exfiltration",
            "sha256sum",
            "O_NOATIME",
            "Only the case folder was written.",
            report.integrity.findings_sha256.as_str(),
        ] {
            assert!(html.contains(part), "{part}");
        }
        if let Some(path) = std::env::var_os("WRITE_HTML") {
            std::fs::write(path, &html).unwrap();
        }
    }

    #[test]
    fn long_lists_say_what_they_leave_out() {
        let mut report = sample::report();
        let one = report.findings[0].clone();
        report.findings = vec![one; CARDS + 5];
        assert!(page(&report).contains("5 further findings"));
    }
}
