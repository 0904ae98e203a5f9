//! Manifests of bulk exports (Bulk Data Access IG 2.0, "Response - Complete Status"): they name files that lie elsewhere.

use serde_json::Value;

use crate::model::GapReason;
use crate::phi::{Outcome, PhiStream, Unread};

/// Bytes of a manifest that are kept.
const MAX_MANIFEST: usize = 4 << 20;

/// Whether JSON may be a manifest, by the names that every one has.
pub(super) fn begins(head: &[u8]) -> bool {
    let has = |name: &str| memchr::memmem::find(head, name.as_bytes()).is_some();
    head.first() == Some(&b'{') && has("\"transactionTime\"") && has("\"output\"") && has("\"url\"")
}

/// A manifest, kept up to a bound.
#[derive(Default)]
pub(super) struct Stream {
    text: Vec<u8>,
}

impl PhiStream for Stream {
    fn feed(&mut self, chunk: &[u8]) {
        let room = MAX_MANIFEST.saturating_sub(self.text.len());
        self.text.extend_from_slice(chunk.get(..room.min(chunk.len())).unwrap_or_default());
    }

    fn finish(self: Box<Self>) -> Outcome {
        let unread = match serde_json::from_slice(&self.text) {
            Ok(manifest) => files(&manifest).map(|(files, patients)| {
                let counted = patients.map(|n| format!(" and counts {n} patients in them")).unwrap_or_default();
                let detail = format!("a manifest of a FHIR bulk export names {files} files that lie elsewhere{counted}");
                Unread::new(GapReason::PhiFormat, detail)
            }),
            Err(_) => Some(Unread::malformed("a manifest of a FHIR bulk export that is damaged")),
        };
        Outcome { facts: None, unread, ..Outcome::default() }
    }
}

/// How many files it names, and how many patients it says are in them.
fn files(manifest: &Value) -> Option<(usize, Option<u64>)> {
    let output = manifest.get("output")?.as_array()?;
    let files = output.iter().filter(|f| f.get("url").is_some_and(Value::is_string)).count();
    let patients = output.iter().filter(|f| f.get("type").is_some_and(|t| t == "Patient"));
    let counts: Vec<u64> = patients.filter_map(|f| f.get("count")?.as_u64()).collect();
    let sum = counts.iter().fold(0_u64, |sum, n| sum.saturating_add(*n));
    (files > 0).then_some((files, (!counts.is_empty()).then_some(sum)))
}
