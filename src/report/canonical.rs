//! The canonical form of the findings, over which their digest is taken, so that anyone can check it:
//! `jq -cS '.findings[]' report.json | sha256sum`.

use std::io::{self, Write};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::rows::FindingRow;
use crate::model::{Level, text};

/// What `integrity.canonical` says.
pub const CANONICAL: &str = "SHA-256 over findings[] in the order of this report, each as JSON with keys sorted, no spaces, UTF-8, \
     followed by a line feed: jq -cS '.findings[]' report.json | sha256sum";

/// Findings that are brought into that form side by side.
pub const AT_ONCE: usize = 1_024;

/// SHA-256 of the findings in canonical form, hexadecimal.
pub fn findings_sha256(findings: &[FindingRow]) -> String {
    let mut digest = FindingsDigest::default();
    for finding in findings {
        // Serialising plain data can't fail.
        digest.add(&line(&serde_json::to_value(finding).unwrap_or(Value::Null)));
    }
    digest.finish()
}

/// The same, line by line.
#[derive(Default)]
pub struct FindingsDigest(Sha256);

impl FindingsDigest {
    pub fn add(&mut self, line: &[u8]) {
        self.0.update(line);
    }

    pub fn finish(self) -> String {
        text::hex(&self.0.finalize())
    }
}

/// A finding as a line of that form.
pub fn line(finding: &Value) -> Vec<u8> {
    let mut line = Vec::new();
    // Writing to memory can't fail.
    let _ = canonical(finding, &mut line);
    line.push(b'\n');
    line
}

/// Canonical order: strongest level first, then object score, then place, then id; none of them depends on
/// the order of the work.
pub fn sort_findings(findings: &mut [FindingRow]) {
    let rank = |level: Level| std::cmp::Reverse(level);
    findings.sort_by(|a, b| {
        (rank(a.level), std::cmp::Reverse(a.object_score), &a.path, &a.id).cmp(&(
            rank(b.level),
            std::cmp::Reverse(b.object_score),
            &b.path,
            &b.id,
        ))
    });
}

/// Writes a value with its keys sorted and without spaces.
fn canonical(value: &Value, out: &mut dyn Write) -> io::Result<()> {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            out.write_all(b"{")?;
            for (n, key) in keys.into_iter().enumerate() {
                if n > 0 {
                    out.write_all(b",")?;
                }
                serde_json::to_writer(&mut *out, key)?;
                out.write_all(b":")?;
                canonical(map.get(key).unwrap_or(&Value::Null), out)?;
            }
            out.write_all(b"}")
        }
        Value::Array(items) => {
            out.write_all(b"[")?;
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    out.write_all(b",")?;
                }
                canonical(item, out)?;
            }
            out.write_all(b"]")
        }
        plain => Ok(serde_json::to_writer(out, plain)?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn keys_are_sorted_and_spaces_gone() {
        let value: Value = serde_json::from_str(r#"{"b": [1, {"z": null, "a": "é\u001b"}], "a": true}"#).unwrap();
        let mut out = Vec::new();
        canonical(&value, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "{\"a\":true,\"b\":[1,{\"a\":\"é\\u001b\",\"z\":null}]}");
    }

    #[test]
    fn any_change_changes_the_digest_and_order_is_canonical() {
        let mut findings = sample::report().findings;
        sort_findings(&mut findings);
        let digest = findings_sha256(&findings);
        let mut turned = findings.clone();
        turned.reverse();
        assert_ne!(findings_sha256(&turned), digest);
        sort_findings(&mut turned);
        assert_eq!(findings_sha256(&turned), digest);
        turned[0].score -= 1;
        assert_ne!(findings_sha256(&turned), digest);
        assert_eq!(findings[0].level, Level::Alert);
    }
}
