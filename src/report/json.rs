//! `report.json`: the evidence report for programs, and the one all other documents are made from.

use std::io::{self, Write};

use super::{Report, ReportWriter};

pub struct Json;

impl ReportWriter for Json {
    fn id(&self) -> &'static str {
        "json"
    }

    fn file_name(&self) -> &'static str {
        "report.json"
    }

    fn write(&self, report: &Report, out: &mut dyn Write) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut *out, report)?;
        out.write_all(b"\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Masker, sample};

    #[test]
    fn it_reads_back_and_keeps_the_order_of_the_contract() {
        let mut report = sample::report();
        report.seal(&Masker::OFF).unwrap();
        let mut out = Vec::new();
        Json.write(&report, &mut out).unwrap();
        assert_eq!(serde_json::from_slice::<Report>(&out).unwrap(), report);
        let text = String::from_utf8(out).unwrap();
        let at = |key: &str| text.find(&format!("\n  \"{key}\":")).unwrap();
        let keys = [
            "schema",
            "tool",
            "case",
            "host",
            "run",
            "inputs",
            "targets",
            "coverage",
            "gaps",
            "findings",
            "phi",
            "limitations",
            "footprint",
            "integrity",
        ];
        assert!(keys.is_sorted_by_key(|k| at(k)));
        assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'));
    }
}
