//! `findings.jsonl`: one flat row a finding with constant keys, for SIEMs, DuckDB and Velociraptor. Here absent
//! values are `null`, so that every row has every column.

use std::io::{self, Write};

use serde::Serialize;

use super::{FindingRow, Report, ReportWriter};
use crate::model::{Category, Level};

pub struct Jsonl;

/// A finding in one flat row.
#[derive(Serialize)]
pub(super) struct Flat<'r> {
    /// RFC 3339: when the run ended.
    time: &'r str,
    host: &'r str,
    case_id: Option<&'r str>,
    run_id: &'r str,
    id: &'r str,
    level: Level,
    score: u8,
    object_score: u8,
    category: Category,
    title: &'r str,
    path: &'r str,
    origin_path: Option<&'r str>,
    size: Option<u64>,
    #[serde(rename = "type")]
    file_type: Option<&'r str>,
    mtime: Option<&'r str>,
    sha256: Option<&'r str>,
    sha1: Option<&'r str>,
    md5: Option<&'r str>,
    /// Reasons in words, joined by `; `.
    reasons: String,
    /// Sources of the reasons, joined by `; `, each once.
    sources: String,
    phi_format: Option<&'r str>,
    people_low: Option<u64>,
    people_best: Option<u64>,
    people_high: Option<u64>,
    /// Joined by a space.
    techniques: String,
}

impl<'r> Flat<'r> {
    /// The keys in their order.
    pub fn keys() -> Vec<&'static str> {
        vec![
            "time",
            "host",
            "case_id",
            "run_id",
            "id",
            "level",
            "score",
            "object_score",
            "category",
            "title",
            "path",
            "origin_path",
            "size",
            "type",
            "mtime",
            "sha256",
            "sha1",
            "md5",
            "reasons",
            "sources",
            "phi_format",
            "people_low",
            "people_best",
            "people_high",
            "techniques",
        ]
    }

    pub fn new(report: &'r Report, f: &'r FindingRow) -> Self {
        let object = f.object.as_ref();
        let text = |get: fn(&super::ObjectRow) -> &Option<String>| object.and_then(|o| get(o).as_deref());
        let people = f.phi.as_ref().map(|p| p.individuals);
        let mut sources: Vec<&str> = Vec::new();
        for reason in &f.reasons {
            if !sources.contains(&reason.source.as_str()) {
                sources.push(&reason.source);
            }
        }
        Self {
            time: &report.run.finished,
            host: &report.host.name,
            case_id: report.case.id.as_deref(),
            run_id: &report.run.id,
            id: &f.id,
            level: f.level,
            score: f.score,
            object_score: f.object_score,
            category: f.category,
            title: &f.title,
            path: &f.path,
            origin_path: f.origin_path.as_deref(),
            size: object.map(|o| o.size),
            file_type: text(|o| &o.file_type),
            mtime: text(|o| &o.times.mtime),
            sha256: text(|o| &o.sha256),
            sha1: text(|o| &o.sha1),
            md5: text(|o| &o.md5),
            reasons: f.reasons.iter().map(|r| r.text.as_str()).collect::<Vec<_>>().join("; "),
            sources: sources.join("; "),
            phi_format: f.phi.as_ref().map(|p| p.format.as_str()),
            people_low: people.map(|p| p.low),
            people_best: people.map(|p| p.best),
            people_high: people.map(|p| p.high),
            techniques: f.techniques.join(" "),
        }
    }
}

impl ReportWriter for Jsonl {
    fn id(&self) -> &'static str {
        "jsonl"
    }

    fn file_name(&self) -> &'static str {
        "findings.jsonl"
    }

    fn write(&self, report: &Report, out: &mut dyn Write) -> io::Result<()> {
        for finding in &report.findings {
            serde_json::to_writer(&mut *out, &Flat::new(report, finding))?;
            out.write_all(b"\n")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::report::sample;

    #[test]
    fn every_row_has_the_same_flat_keys() {
        let report = sample::report();
        let mut out = Vec::new();
        Jsonl.write(&report, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let rows: Vec<serde_json::Map<String, serde_json::Value>> =
            text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        assert_eq!(rows.len(), report.findings.len());
        let keys: BTreeSet<Vec<&String>> = rows.iter().map(|r| r.keys().collect()).collect();
        assert_eq!(keys.len(), 1);
        let mut written: Vec<(usize, &str)> =
            Flat::keys().into_iter().map(|k| (text.find(&format!("\"{k}\":")).unwrap(), k)).collect();
        assert_eq!(written.len(), rows[0].len());
        written.sort_unstable();
        assert_eq!(written.into_iter().map(|(_, k)| k).collect::<Vec<_>>(), Flat::keys());
        assert!(rows.iter().flat_map(|r| r.values()).all(|v| !v.is_object() && !v.is_array()));
        assert_eq!(rows[1]["people_best"], 1004);
        assert!(rows[0]["people_best"].is_null());
    }
}
