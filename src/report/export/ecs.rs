//! Documents of the Elastic Common Schema, one JSON line a finding. `ecs.version` and `@timestamp` are required of every
//! document (ECS 8.17, "Guidelines"); what the schema has no field for is under `wardround.`, as it asks.

use std::io::Write;

use serde_json::{Map, Value, json};

use super::view::{base_name, digests, finished, folder, inert, millis, raised, reasons, started, strongest, time};
use super::{Export, ExportError, line};
use crate::model::{Category, Level};
use crate::report::{FindingRow, OldCase, Report};

pub struct Ecs;

/// The version whose fields are used.
const VERSION: &str = "8.17.0";

impl Export for Ecs {
    fn id(&self) -> &'static str {
        "ecs"
    }

    fn about(&self) -> &'static str {
        "findings as documents of the Elastic Common Schema"
    }

    fn extension(&self) -> &'static str {
        "ndjson"
    }

    fn write(&self, case: &OldCase, out: &mut dyn Write) -> Result<(), ExportError> {
        let r = &case.report;
        let (start, end) = (millis(started(r)?), millis(finished(r)?));
        r.findings.iter().try_for_each(|f| line(&document(r, f, &start, &end), out))
    }
}

fn document(r: &Report, f: &FindingRow, start: &str, end: &str) -> Value {
    let mut doc = json!({
        "@timestamp": end,
        "ecs": { "version": VERSION },
        "message": format!("{}: {}", inert(&f.title), reasons(f)),
        "event": event(f, start, end),
        "host": host(r),
        "observer": { "product": "wardround", "vendor": "wardround", "type": "scanner", "version": inert(&r.tool.version) },
        "file": file(f),
        "related": { "hosts": [inert(&r.host.name)], "hash": digests(f, ["md5", "sha1", "sha256"]).iter().map(|(_, d)| *d).collect::<Vec<_>>() },
        "tags": [f.level.word(), f.category.id()],
        "wardround": wardround(r, f),
    });
    let mut put = |key: &str, value: Option<Value>| {
        if let (Some(value), Value::Object(map)) = (value, &mut doc) {
            map.insert(key.to_owned(), value);
        }
    };
    put("rule", strongest(f).map(|s| json!({ "id": inert(&s.id), "name": inert(&s.text), "reference": inert(&s.source) })));
    put("threat", (!f.techniques.is_empty()).then(|| threat(f)));
    doc
}

/// Categories and types are the allowed values of ECS and go together as it says.
fn event(f: &FindingRow, start: &str, end: &str) -> Value {
    let category = match f.category {
        Category::Ioc | Category::Yara | Category::Binary => json!(["malware", "file"]),
        Category::Staging | Category::PhiAtRest => json!(["file"]),
        Category::Host => json!(["host"]),
        Category::Integrity => json!(["configuration"]),
    };
    json!({
        "id": inert(&f.id), "kind": if raised(f) { "alert" } else { "event" }, "category": category, "type": ["info"],
        "module": "wardround", "dataset": "wardround.finding", "provider": "wardround", "action": f.category.id(),
        "severity": severity(f.level), "risk_score": f64::from(f.score), "start": start, "end": end,
        "reason": reasons(f), "created": end,
    })
}

/// As the numbers of syslog (RFC 5424 table 2) turned round, so that more is worse.
fn severity(level: Level) -> u8 {
    match level {
        Level::Info => 1,
        Level::Notice => 2,
        Level::Warning => 3,
        Level::Alert => 4,
    }
}

fn host(r: &Report) -> Value {
    let mut host = json!({ "name": inert(&r.host.name), "hostname": inert(&r.host.name), "os": { "name": inert(&r.host.os) } });
    // Allowed values of host.os.type.
    if ["linux", "macos", "windows"].contains(&r.host.os.as_str()) {
        host["os"]["type"] = json!(r.host.os);
    }
    if let Some(version) = &r.host.os_version {
        host["os"]["full"] = json!(inert(version));
    }
    if let Some(id) = &r.host.machine_id_sha256 {
        host["id"] = json!(inert(id));
    }
    host
}

fn file(f: &FindingRow) -> Value {
    let mut map = Map::new();
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            map.insert(key.to_owned(), value);
        }
    };
    let text = |s: &str| Value::from(inert(s));
    put("path", Some(text(&f.path)));
    put("name", Some(base_name(f)).filter(|n| !n.is_empty()).map(text));
    put("directory", f.locator.len().eq(&1).then(|| folder(&f.path)).flatten().map(text));
    put("type", Some("file".into()));
    if let Some(o) = &f.object {
        let when = |t: &Option<String>| t.as_deref().and_then(time).map(|t| Value::from(millis(t)));
        put("size", Some(o.size.into()));
        put("mtime", when(&o.times.mtime));
        put("ctime", when(&o.times.ctime));
        put("accessed", when(&o.times.atime));
        put("created", when(&o.times.btime));
        put("owner", o.owner.as_deref().map(text));
        put("mode", o.mode.as_deref().map(text));
        let hash: Map<String, Value> =
            digests(f, ["md5", "sha1", "sha256"]).into_iter().map(|(k, v)| (k.to_owned(), v.into())).collect();
        put("hash", (!hash.is_empty()).then_some(Value::Object(hash)));
    }
    Value::Object(map)
}

fn threat(f: &FindingRow) -> Value {
    // A technique with a dot is a subtechnique; both fields hold keywords.
    let (sub, whole): (Vec<&String>, Vec<&String>) = f.techniques.iter().partition(|t| t.contains('.'));
    let mut ids: Vec<&str> = whole.iter().map(|t| t.as_str()).chain(sub.iter().filter_map(|t| t.split('.').next())).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut technique = json!({ "id": ids });
    if !sub.is_empty() {
        technique["subtechnique"] = json!({ "id": sub });
    }
    json!({ "framework": "MITRE ATT&CK", "technique": technique })
}

fn wardround(r: &Report, f: &FindingRow) -> Value {
    let mut own = json!({
        "level": f.level.word(), "category": f.category.id(), "object_score": f.object_score, "run_id": inert(&r.run.id),
        "coverage": { "verdict": r.coverage.verdict, "discovered": r.coverage.discovered, "examined": r.coverage.examined },
        "reasons": f.reasons.iter().map(|x| json!({ "id": inert(&x.id), "weight": x.weight })).collect::<Vec<_>>(),
    });
    if let Some(id) = &r.case.id {
        own["case_id"] = json!(inert(id));
    }
    if let Some(phi) = &f.phi {
        let p = phi.individuals;
        own["phi"] = json!({
            "format": inert(&phi.format), "records": phi.records,
            "individuals": { "low": p.low, "best": p.best, "high": p.high },
        });
    }
    own
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::export::tests::{report, text_of};

    #[test]
    fn documents_have_what_ecs_requires() {
        let text = text_of(&Ecs, report());
        let docs: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        assert_eq!(docs.len(), 3);
        assert!(docs.iter().all(|d| d["@timestamp"] == "2026-11-24T02:03:20.000Z" && d["ecs"]["version"] == VERSION));
        assert_eq!(docs[0]["event"]["kind"], "alert");
        assert_eq!(docs[2]["event"]["kind"], "event");
        assert_eq!(docs[0]["threat"]["technique"]["subtechnique"]["id"][0], "T1560.001");
        assert_eq!(docs[0]["file"]["hash"]["sha256"].as_str().unwrap().len(), 64);
        assert!(!text.contains("null"));
    }
}
