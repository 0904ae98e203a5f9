//! The last steps before a report is written: canonical order, a scan of the report by our own detectors that
//! fails closed, the limitations, and the digest over the findings.

use rayon::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::canonical::{AT_ONCE, CANONICAL, FindingsDigest, line, sort_findings};
use super::mask::Masker;
use super::types::{Report, SelfScan};
use super::{REPORT_SCHEMA, limitations};

/// Stands in for a text that could not be freed of patient data.
pub const WITHHELD: &str = "(withheld: patient data)";

/// Values that are digests, identifiers of ours, times or fixed text: digits in them are no one's number.
const NOT_SCANNED: &[&str] = &[
    "id",
    "sha256",
    "sha1",
    "md5",
    "image_digest",
    "options_sha256",
    "machine_id_sha256",
    "findings_sha256",
    "journal_head",
    "inventory_sha256",
    "canonical",
    "schema",
    "mtime",
    "atime",
    "ctime",
    "btime",
    "boot_time",
    "started",
    "finished",
    "limitations",
    "examiner",
    "authority",
    "evidence_id",
    "received_from",
    "version",
    "techniques",
    "path_raw",
];

/// Redacted fields that are named.
const MAX_FIELDS: usize = 100;

/// The report could not be taken apart and put together again; nothing may be written.
#[derive(Debug, thiserror::Error)]
#[error("the report could not be checked for patient data, so it was not written: {0}")]
pub struct SealError(#[from] serde_json::Error);

impl Report {
    /// Finishes the report: sorts the findings, redacts what our own detectors find in any text, adds the
    /// limitations and computes `integrity.findings_sha256`. Everything else must be in place before.
    ///
    /// # Errors
    /// When the report doesn't survive being read again. The caller must not write it then.
    pub fn seal(&mut self, masker: &Masker) -> Result<(), SealError> {
        self.schema = REPORT_SCHEMA.to_owned();
        sort_findings(&mut self.findings);
        let mut scan = Scan::new(masker);
        let mut digest = FindingsDigest::default();
        for some in self.findings.chunks_mut(AT_ONCE) {
            let scanned = some.par_iter_mut().map(|finding| {
                let mut scan = Scan::new(masker);
                scan.clean("findings", finding).map(|value| (scan, line(&value)))
            });
            for (one, line) in scanned.collect::<Result<Vec<_>, _>>()? {
                scan.add(one);
                digest.add(&line);
            }
        }
        for gap in &mut self.gaps {
            scan.clean("gaps", gap)?;
        }
        scan.clean("inputs", &mut self.inputs)?;
        scan.clean("targets", &mut self.targets)?;
        scan.clean("phi", &mut self.phi)?;
        scan.clean("footprint", &mut self.footprint)?;
        scan.fields.sort_unstable();
        self.phi.self_scan = SelfScan { passed: scan.left == 0, redacted: scan.redacted, fields: scan.fields };
        // What runs may differ in must not reach the counts above.
        let mut scan = Scan::new(masker);
        scan.clean("case", &mut self.case)?;
        scan.clean("host", &mut self.host)?;
        scan.clean("run", &mut self.run)?;
        self.limitations = limitations::of(self);
        self.integrity.findings_sha256 = digest.finish();
        self.integrity.canonical = CANONICAL.to_owned();
        Ok(())
    }
}

struct Scan<'m> {
    masker: &'m Masker,
    redacted: u64,
    /// Texts in which something is found even after they were replaced.
    left: u64,
    /// Keys on the way to the text that is looked at, and the ways to those that were redacted.
    way: Vec<String>,
    fields: Vec<String>,
}

impl<'m> Scan<'m> {
    fn new(masker: &'m Masker) -> Self {
        Self { masker, redacted: 0, left: 0, way: Vec::new(), fields: Vec::new() }
    }

    /// Cleans a part, and gives it as what is written of it.
    fn clean<T: Serialize + DeserializeOwned>(&mut self, name: &str, part: &mut T) -> Result<Value, SealError> {
        let mut value = serde_json::to_value(&*part)?;
        self.way = vec![name.to_owned()];
        if self.value(&mut value) {
            *part = serde_json::from_value(value)?;
            value = serde_json::to_value(&*part)?;
        }
        Ok(value)
    }

    /// What was found in another part.
    fn add(&mut self, other: Self) {
        self.redacted = self.redacted.saturating_add(other.redacted);
        self.left = self.left.saturating_add(other.left);
        other.fields.into_iter().for_each(|field| self.field(field));
    }

    fn field(&mut self, field: String) {
        if self.fields.len() < MAX_FIELDS && !self.fields.contains(&field) {
            self.fields.push(field);
        }
    }

    /// Whether something was changed.
    fn value(&mut self, value: &mut Value) -> bool {
        match value {
            Value::String(text) => match self.text(text) {
                Some(clean) => {
                    *text = clean;
                    true
                }
                None => false,
            },
            Value::Array(items) => items.iter_mut().fold(false, |changed, item| self.value(item) | changed),
            Value::Object(map) => self.object(map),
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }

    fn object(&mut self, map: &mut serde_json::Map<String, Value>) -> bool {
        let mut changed = false;
        let keys: Vec<String> = map.keys().cloned().collect();
        for key in keys {
            if NOT_SCANNED.contains(&key.as_str()) {
                continue;
            }
            // A key is said only where it is one of ours.
            let own = key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
            self.way.push(if own { key.clone() } else { "*".to_owned() });
            let touched = map.get_mut(&key).is_some_and(|inner| self.value(inner));
            self.way.pop();
            if touched && key == "path" {
                // The raw bytes would say what was redacted.
                map.remove("path_raw");
            }
            changed |= touched;
            if let Some(clean) = self.text(&key)
                && let Some(inner) = map.remove(&key)
            {
                map.insert(clean, inner);
                changed = true;
            }
        }
        changed
    }

    /// The text without patient data, where it held any.
    fn text(&mut self, text: &str) -> Option<String> {
        if (self.masker.self_scan)(text).is_empty() {
            return None;
        }
        self.field(self.way.join("."));
        let (clean, count) = (self.masker.redact)(text);
        self.redacted = self.redacted.saturating_add(u64::try_from(count.max(1)).unwrap_or(u64::MAX));
        if (self.masker.self_scan)(&clean).is_empty() {
            return Some(clean);
        }
        if !(self.masker.self_scan)(WITHHELD).is_empty() {
            self.left = self.left.saturating_add(1);
        }
        Some(WITHHELD.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::*;
    use crate::report::canonical::findings_sha256;
    use crate::report::sample;

    /// Finds the made-up secret `SECRET`; `STUBBORN` is found and can't be redacted.
    fn find(text: &str) -> Vec<Range<usize>> {
        ["SECRET", "STUBBORN"].iter().filter_map(|w| text.find(w).map(|at| at..at + w.len())).collect()
    }
    fn redact(text: &str) -> (String, usize) {
        (text.replace("SECRET", "AAAAAA"), text.matches("SECRET").count())
    }
    fn masker() -> Masker {
        Masker { self_scan: find, redact, ..Masker::OFF }
    }

    #[test]
    fn patient_data_anywhere_is_redacted_before_the_digest() {
        let mut report = sample::report();
        report.findings[0].title = "holds SECRET and SECRET".into();
        report.findings[0].reasons[0].detail = Some(serde_json::json!({"SECRET": ["x", "STUBBORN"]}));
        report.findings[0].path = "/srv/SECRET".into();
        report.findings[0].path_raw = Some("UkFXUkFX".into());
        report.gaps[0].detail = "SECRET".into();
        report.run.command = vec!["--note".into(), "SECRET".into()];
        report.seal(&masker()).unwrap();
        let json = serde_json::to_string(&report).unwrap();
        assert!(!json.contains("SECRET") && !json.contains("STUBBORN"), "{json}");
        assert!(json.contains(WITHHELD));
        assert!(!json.contains("UkFXUkFX"));
        assert_eq!(report.phi.self_scan, SelfScan { passed: true, redacted: 6, fields: report.phi.self_scan.fields.clone() });
        assert!(
            !report.phi.self_scan.fields.is_empty() && report.phi.self_scan.fields.iter().all(|f| !f.contains("SECRET")),
            "{:?}",
            report.phi.self_scan.fields
        );
        assert_eq!(report.integrity.findings_sha256, findings_sha256(&report.findings));
    }

    #[test]
    fn a_clean_report_stays_as_it_is() {
        let mut report = sample::report();
        sort_findings(&mut report.findings);
        let before = report.findings.clone();
        report.seal(&masker()).unwrap();
        assert_eq!(report.findings, before);
        assert_eq!(report.phi.self_scan, SelfScan { passed: true, ..SelfScan::default() });
    }

    #[test]
    fn what_cannot_be_cleaned_fails_the_self_scan() {
        let masker = Masker { self_scan: |t| (!t.is_empty()).then_some(0..1).into_iter().collect(), ..Masker::OFF };
        let mut report = sample::report();
        // Every text is replaced, so typed words are lost and the report must not be written.
        assert!(report.seal(&masker).is_err() || !report.phi.self_scan.passed);
    }
}
