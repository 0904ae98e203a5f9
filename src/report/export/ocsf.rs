//! Events of the Open Cybersecurity Schema Framework: Detection Finding, class 2004 of category 2 (Findings), one JSON
//! line a finding. `type_uid` is `class_uid` × 100 + `activity_id`; times are milliseconds since 1970.

use std::io::Write;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::view::{base_name, coverage, digests, finished, inert, people, reasons, started, strongest, time};
use super::{Export, ExportError, line};
use crate::model::{Category, Level};
use crate::report::{FindingRow, OldCase, Report};

pub struct Ocsf;

/// The version of the schema whose attributes are used.
const VERSION: &str = "1.5.0";

impl Export for Ocsf {
    fn id(&self) -> &'static str {
        "ocsf"
    }

    fn about(&self) -> &'static str {
        "findings as OCSF Detection Findings"
    }

    fn extension(&self) -> &'static str {
        "jsonl"
    }

    fn write(&self, case: &OldCase, out: &mut dyn Write) -> Result<(), ExportError> {
        let r = &case.report;
        let (start, end) = (started(r)?, finished(r)?);
        r.findings.iter().try_for_each(|f| line(&event(r, f, start, end), out))
    }
}

fn event(r: &Report, f: &FindingRow, start: Timestamp, end: Timestamp) -> Value {
    let (severity_id, severity) = severity(f.level);
    let mut event = json!({
        "activity_id": 1, "activity_name": "Create",
        "category_uid": 2, "category_name": "Findings",
        "class_uid": 2004, "class_name": "Detection Finding",
        "type_uid": 200_401, "type_name": "Detection Finding: Create",
        "time": end.as_millisecond(), "start_time": start.as_millisecond(), "end_time": end.as_millisecond(),
        "severity_id": severity_id, "severity": severity,
        "status_id": 1, "status": "New",
        "is_alert": f.level == Level::Alert,
        "confidence_score": f.score,
        "message": format!("{} in {}", inert(&f.title), inert(&f.path)),
        "metadata": {
            "version": VERSION, "uid": inert(&f.id), "correlation_uid": inert(&r.run.id), "event_code": f.category.id(),
            "product": { "name": "wardround", "vendor_name": "wardround", "version": inert(&r.tool.version) },
        },
        "finding_info": finding_info(f, end),
        "resources": [{ "name": inert(&r.host.name), "type": "host", "uid": inert(r.host.machine_id_sha256.as_deref().unwrap_or(&r.host.name)) }],
        "unmapped": { "coverage": coverage(r), "case_id": r.case.id.as_deref().map(inert) },
    });
    if let Some(evidence) = evidence(f) {
        event["evidences"] = json!([evidence]);
    }
    event
}

/// Values of `severity_id`: 1 Informational, 2 Low, 3 Medium, 4 High, 5 Critical.
fn severity(level: Level) -> (u8, &'static str) {
    match level {
        Level::Info => (1, "Informational"),
        Level::Notice => (2, "Low"),
        Level::Warning => (3, "Medium"),
        Level::Alert => (4, "High"),
    }
}

fn finding_info(f: &FindingRow, end: Timestamp) -> Value {
    let mut info = json!({
        "uid": inert(&f.id), "title": inert(&f.title), "desc": reasons(f), "types": [f.category.id()],
        "created_time": end.as_millisecond(), "data_sources": ["file"],
    });
    if let Some(reason) = strongest(f) {
        // 1 Rule, 2 Behavioral, 4 Learning, 99 Other.
        let (type_id, kind) = match f.category {
            Category::Ioc | Category::Yara => (1, "Rule"),
            Category::Staging | Category::Host => (2, "Behavioral"),
            _ => (99, "Other"),
        };
        info["analytic"] = json!({ "uid": inert(&reason.id), "name": inert(&reason.text), "type_id": type_id, "type": kind });
    }
    let attacks: Vec<Value> = f
        .techniques
        .iter()
        .map(|id| {
            // Names are not in the report: the id stands for them.
            let whole = id.split('.').next().unwrap_or(id);
            let mut attack = json!({ "technique": { "uid": inert(whole), "name": inert(whole) } });
            if whole != id {
                attack["sub_technique"] = json!({ "uid": inert(id), "name": inert(id) });
            }
            attack
        })
        .collect();
    if !attacks.is_empty() {
        info["attacks"] = Value::from(attacks);
    }
    info
}

fn evidence(f: &FindingRow) -> Option<Value> {
    let o = f.object.as_ref()?;
    let millis = |t: &Option<String>| t.as_deref().and_then(time).map(Timestamp::as_millisecond);
    // Values of `algorithm_id`: 1 MD5, 2 SHA-1, 3 SHA-256.
    let id = |word: &str| match word {
        "MD5" => 1,
        "SHA-1" => 2,
        _ => 3,
    };
    let hashes: Vec<Value> = digests(f, ["MD5", "SHA-1", "SHA-256"])
        .into_iter()
        .map(|(word, digest)| json!({ "algorithm_id": id(word), "algorithm": word, "value": digest }))
        .collect();
    // 1 is a regular file.
    let mut file =
        json!({ "name": inert(base_name(f)), "path": inert(&f.path), "type_id": 1, "type": "Regular File", "size": o.size });
    let times = [
        ("modified_time", millis(&o.times.mtime)),
        ("accessed_time", millis(&o.times.atime)),
        ("created_time", millis(&o.times.btime)),
    ];
    for (key, at) in times {
        if let Some(at) = at {
            file[key] = at.into();
        }
    }
    if !hashes.is_empty() {
        file["hashes"] = Value::from(hashes);
    }
    let mut evidence = json!({ "file": file });
    if let Some(people) = people(f) {
        evidence["data"] = json!({ "people": people });
    }
    Some(evidence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::export::tests::{report, text_of};

    #[test]
    fn numbers_fit_together() {
        let text = text_of(&Ocsf, report());
        let events: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        for event in &events {
            let n = |key: &str| event[key].as_u64().unwrap();
            assert_eq!(n("type_uid"), n("class_uid") * 100 + n("activity_id"));
            assert_eq!(n("category_uid"), n("class_uid") / 1000);
            assert!(n("time") > 1_700_000_000_000);
        }
        assert_eq!(events[0]["evidences"][0]["file"]["hashes"][2]["algorithm_id"], 3);
        assert_eq!(events[0]["finding_info"]["attacks"][0]["sub_technique"]["uid"], "T1560.001");
        assert_eq!(events[0]["finding_info"]["attacks"][0]["technique"]["uid"], "T1560");
    }
}
