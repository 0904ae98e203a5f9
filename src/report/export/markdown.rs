//! A summary for a ticket, in CommonMark. Everything that comes from the evidence is escaped, so that a name is no
//! link, picture, mention or markup.

use std::fmt::Write as _;
use std::io::Write;

use super::view::{base_name, coverage, inert, people, raised, reasons};
use super::{Export, ExportError};
use crate::model::GapReason;
use crate::model::text::{shorten, thousands};
use crate::report::{CoverageVerdict, OldCase, Report};

pub struct Markdown;

/// Findings that are told; a ticket is no report.
const SHOWN: usize = 20;
/// Longest text of one cell, in characters.
const CELL: usize = 400;

impl Export for Markdown {
    fn id(&self) -> &'static str {
        "markdown"
    }

    fn about(&self) -> &'static str {
        "a summary for a ticket: verdict, strongest findings, people, coverage"
    }

    fn extension(&self) -> &'static str {
        "md"
    }

    fn write(&self, case: &OldCase, out: &mut dyn Write) -> Result<(), ExportError> {
        Ok(out.write_all(page(&case.report).as_bytes())?)
    }
}

fn page(r: &Report) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "# Compromise assessment of {}\n\n**{}**\n", plain(&r.host.name), r.verdict());
    if r.coverage.verdict == CoverageVerdict::Incomplete {
        out.push_str("What was not examined may hold evidence: this is no statement that the machine is clean.\n\n");
    }
    let mut fact = |name: &str, value: &str| {
        let _ = writeln!(out, "- {name}: {}", plain(value));
    };
    if let Some(id) = &r.case.id {
        fact("Case", id);
    }
    fact("Examined", &format!("{} to {}", r.run.started, r.run.finished));
    fact("Run", &r.run.id);
    fact("Program", &format!("{} {}", r.tool.name, r.tool.version));
    let targets: Vec<&str> = r.targets.iter().map(|t| t.path.as_str()).collect();
    fact("Targets", &targets.join(", "));

    let findings: Vec<_> = r.findings.iter().filter(|f| raised(f)).collect();
    if findings.is_empty() {
        out.push_str("\nThere is no finding at notice or above in what was examined.\n");
    } else {
        out.push_str("\n| level | score | what | where | id |\n|---|---:|---|---|---|\n");
        for f in findings.iter().take(SHOWN) {
            let id = f.id.get(..12).unwrap_or(&f.id);
            let _ =
                writeln!(out, "| {} | {} | {} | {} | {} |", f.level.word(), f.score, plain(&f.title), plain(&f.path), plain(id));
        }
        if let Some(more @ 1..) = findings.len().checked_sub(SHOWN) {
            let _ = writeln!(out, "\nAnd {} more, in the report.", thousands(more as u64));
        }
        out.push_str("\n## Why\n\n");
        for f in findings.iter().take(SHOWN) {
            let holds = people(f).map(|p| format!("; {p}")).unwrap_or_default();
            let _ = writeln!(out, "- **{}**: {}{}", plain(base_name(f)), plain(&reasons(f)), plain(&holds));
        }
    }

    let p = r.phi.individuals;
    let _ = writeln!(
        out,
        "\n## People and coverage\n\nAbout {} distinct people in patient data (at least {}, at most {}), staged or not.",
        thousands(p.best),
        thousands(p.low),
        thousands(p.high)
    );
    let _ = writeln!(out, "\n{}.", capital(&coverage(r)));
    if !r.coverage.by_reason.is_empty() {
        out.push_str("\n| gaps | reason |\n|---:|---|\n");
        for (id, n) in &r.coverage.by_reason {
            let words = GapReason::ALL.iter().find(|k| k.id() == id).map_or(id.as_str(), |k| k.words());
            let _ = writeln!(out, "| {} | {} |", thousands(*n), plain(words));
        }
    }
    let _ = writeln!(out, "\nFindings digest (SHA-256): {}", plain(&r.integrity.findings_sha256));
    out
}

fn capital(s: &str) -> String {
    let mut chars = s.chars();
    chars.next().map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
}

/// Text that is text: CommonMark 0.31.2 section 2.4 lets a backslash take the meaning from any ASCII punctuation. What
/// trackers look for after that is broken up, too: mentions, numbers of tickets, and addresses without any markup.
fn plain(text: &str) -> String {
    let text = shorten(&inert(text), CELL);
    let mut out = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '@' => out.push_str("&#64;"),
            '#' => out.push_str("&#35;"),
            ':' => out.push_str("&#58;"),
            // `www.example.com`, but not `0.1.0`.
            '.' if chars.peek().is_some_and(|next| next.is_alphabetic()) => out.push_str("\\."),
            '.' | ',' | '-' | '(' | ')' | '/' | ';' | '\'' | '%' | '?' if !out.is_empty() => out.push(c),
            c if c.is_ascii_punctuation() => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::export::tests::{report, text_of};

    #[test]
    fn it_tells_the_verdict_and_why() {
        let text = text_of(&Markdown, report());
        for part in [
            "# Compromise assessment of frontdesk-2",
            "1 alert and 1 warning; coverage is incomplete.",
            "no statement",
            "| alert | 88 |",
            "access was denied",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }

    #[test]
    fn names_are_no_markup() {
        let mut report = report();
        let hostile = "![x](http://e.test/a) <script> | `code` **b** @admin #1 [l](javascript:1) www.e.test\n# head";
        report.findings[0].title = hostile.into();
        report.findings[0].path = hostile.into();
        report.host.name = hostile.into();
        let text = text_of(&Markdown, report);
        for bad in ["![", " <", " `code", " **b", "@admin", "http:", "\n# head", "#1", "javascript:", "www.", "e.test"] {
            assert!(!text.contains(bad), "{bad}\n{text}");
        }
        let rows = text.lines().filter(|l| l.starts_with("| alert") || l.starts_with("| warning"));
        for row in rows {
            assert_eq!(row.replace("\\|", "").matches('|').count(), 6, "{row}");
        }
    }
}
