//! Lines in the Common Event Format (ArcSight, "Implementing ArcSight Common Event Format", revision 25), one a finding.
//! In the header `|` and `\` are escaped, in the extension `=` and `\`; nothing holds a line feed.

use std::io::Write;

use super::view::{base_name, escaped, finished, people, reasons, strongest};
use super::{Export, ExportError};
use crate::model::Level;
use crate::report::{FindingRow, OldCase, Report};

pub struct Cef;

/// The extension's own bound for names and paths, in characters.
const NAME: usize = 1023;

impl Export for Cef {
    fn id(&self) -> &'static str {
        "cef"
    }

    fn about(&self) -> &'static str {
        "findings as lines in the Common Event Format"
    }

    fn extension(&self) -> &'static str {
        "cef"
    }

    fn write(&self, case: &OldCase, out: &mut dyn Write) -> Result<(), ExportError> {
        let r = &case.report;
        let time = finished(r)?.as_millisecond();
        r.findings.iter().try_for_each(|f| Ok(writeln!(out, "{}", entry(r, f, time))?))
    }
}

fn entry(r: &Report, f: &FindingRow, time: i64) -> String {
    let signature = strongest(f).map_or(f.category.id(), |reason| reason.id.as_str());
    let header = [r.tool.version.as_str(), signature, &f.title].map(|part| escaped(part, &['\\', '|'])).join("|");
    let o = f.object.as_ref();
    let cut = |s: &str| s.chars().take(NAME).collect::<String>();
    let fields = [
        ("rt", Some(time.to_string())),
        ("dvchost", Some(cut(&r.host.name))),
        ("cat", Some(f.category.id().to_owned())),
        ("externalId", Some(f.id.clone())),
        ("fname", Some(cut(base_name(f)))),
        ("filePath", Some(cut(&f.path))),
        ("fsize", o.map(|o| o.size.to_string())),
        ("fileHash", o.and_then(|o| o.sha256.clone())),
        ("cn1Label", Some("score".to_owned())),
        ("cn1", Some(f.score.to_string())),
        ("cs1Label", Some("run".to_owned())),
        ("cs1", Some(r.run.id.clone())),
        ("cs2Label", people(f).map(|_| "people".to_owned())),
        ("cs2", people(f)),
        ("msg", Some(cut(&reasons(f)))),
    ];
    let extension: Vec<String> = fields
        .into_iter()
        .filter_map(|(k, v)| Some((k, v.filter(|v| !v.is_empty())?)))
        .map(|(k, v)| format!("{k}={}", escaped(&v, &['\\', '='])))
        .collect();
    format!("CEF:0|wardround|wardround|{header}|{}|{}", severity(f.level), extension.join(" "))
}

/// 0 to 10; 9 and above is very high.
fn severity(level: Level) -> u8 {
    match level {
        Level::Info => 1,
        Level::Notice => 4,
        Level::Warning => 7,
        Level::Alert => 9,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::export::tests::{report, text_of};

    #[test]
    fn header_and_extension_are_escaped_each_in_its_way() {
        let mut report = report();
        report.findings[0].title = "a|b=c\\d".into();
        report.findings[0].path = "/x|y=z\\n".into();
        let text = text_of(&Cef, report);
        let first = text.lines().next().unwrap();
        assert!(first.starts_with("CEF:0|wardround|wardround|0.1.0|location.strong|a\\|b=c\\\\d|9|rt="), "{first}");
        assert!(first.contains(" filePath=/x|y\\=z\\\\n "), "{first}");
    }
}
