//! Lines of syslog (RFC 5424), one a finding. The message holds no line feed, structured values are escaped as section
//! 6.3.3 says, and the name of the host is reduced to what section 6.2.4 allows.

use std::fmt::Write as _;
use std::io::Write;

use super::view::{escaped, finished, inert, micros, reasons};
use super::{Export, ExportError};
use crate::model::Level;
use crate::report::{FindingRow, OldCase, Report};

pub struct Syslog;

/// Facility 13, log audit (section 6.2.1).
const FACILITY: u8 = 13;
/// The number that RFC 5612 keeps for documentation: the project has none of its own.
const SD_ID: &str = "wardround@32473";

impl Export for Syslog {
    fn id(&self) -> &'static str {
        "syslog"
    }

    fn about(&self) -> &'static str {
        "findings as lines of syslog (RFC 5424)"
    }

    fn extension(&self) -> &'static str {
        "log"
    }

    fn write(&self, case: &OldCase, out: &mut dyn Write) -> Result<(), ExportError> {
        let r = &case.report;
        let time = micros(finished(r)?);
        r.findings.iter().try_for_each(|f| Ok(writeln!(out, "{}", entry(r, f, &time))?))
    }
}

fn entry(r: &Report, f: &FindingRow, time: &str) -> String {
    let priority = FACILITY * 8 + severity(f.level);
    let mut data = format!("[{SD_ID}");
    let o = f.object.as_ref();
    let score = f.score.to_string();
    let fields = [
        ("id", Some(f.id.as_str())),
        ("level", Some(f.level.word())),
        ("category", Some(f.category.id())),
        ("score", Some(&score)),
        ("run", Some(&r.run.id)),
        ("case", r.case.id.as_deref()),
        ("path", Some(&f.path)),
        ("sha256", o.and_then(|o| o.sha256.as_deref())),
    ];
    for (key, value) in fields.into_iter().filter_map(|(k, v)| Some((k, v?))) {
        let _ = write!(data, " {key}=\"{}\"", quoted(value));
    }
    data.push(']');
    let message = format!("{} in {}: {}", inert(&f.title), inert(&f.path), reasons(f));
    // Section 6.4: a message that is UTF-8 beyond ASCII says so with a byte order mark.
    let mark = if message.is_ascii() { "" } else { "\u{feff}" };
    format!(
        "<{priority}>1 {time} {} wardround - {} {data} {mark}{message}",
        header(&r.host.name, 255),
        header(f.category.id(), 32)
    )
}

/// Section 6.2.1, table 2.
fn severity(level: Level) -> u8 {
    match level {
        Level::Alert => 1,
        Level::Warning => 4,
        Level::Notice => 5,
        Level::Info => 6,
    }
}

/// A field of the header: printable ASCII without spaces, or `-` where nothing is left.
fn header(text: &str, longest: usize) -> String {
    let kept: String = text.chars().filter(char::is_ascii_graphic).take(longest).collect();
    if kept.is_empty() { "-".to_owned() } else { kept }
}

/// A parameter's value: `"`, `\` and `]` are escaped.
fn quoted(text: &str) -> String {
    escaped(text, &['"', '\\', ']'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::export::tests::{report, text_of};

    #[test]
    fn an_alert_is_an_alert() {
        let text = text_of(&Syslog, report());
        let first = text.lines().next().unwrap();
        assert!(
            first
                .starts_with("<105>1 2026-11-24T02:03:20.000000Z frontdesk-2 wardround - staging [wardround@32473 id=\"f-0001\""),
            "{first}"
        );
    }

    #[test]
    fn values_end_where_they_end() {
        assert_eq!(quoted(r#"a"b]c\d"#), r#"a\"b\]c\\d"#);
        assert_eq!(header("a b\nç", 255), "ab");
        assert_eq!(header("ç", 255), "-");
        assert_eq!(header(&"x".repeat(300), 255).len(), 255);
    }
}
