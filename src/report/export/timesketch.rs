//! Events for Timesketch: JSON lines with `message`, `datetime` (ISO 8601), `timestamp` (microseconds) and
//! `timestamp_desc`, one event for each time of an object that a finding is about. The file must be called `.jsonl`.

use std::io::Write;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::view::{finished, inert, micros, people, reasons, started, time};
use super::{Export, ExportError, line};
use crate::report::{FindingRow, OldCase, Report};

pub struct Timesketch;

impl Export for Timesketch {
    fn id(&self) -> &'static str {
        "timesketch"
    }

    fn about(&self) -> &'static str {
        "events of findings for a timeline, one for each time of an object"
    }

    fn extension(&self) -> &'static str {
        "jsonl"
    }

    fn write(&self, case: &OldCase, out: &mut dyn Write) -> Result<(), ExportError> {
        let r = &case.report;
        let mut events = vec![
            event(r, started(r)?, "Start Time", "wardround:run", format!("Examination of {} began", inert(&r.host.name))),
            event(
                r,
                finished(r)?,
                "End Time",
                "wardround:run",
                format!("Examination of {} ended: {}", inert(&r.host.name), r.verdict()),
            ),
        ];
        let end = finished(r)?;
        r.findings.iter().for_each(|f| events.extend(of(r, f, end)));
        // A stable sort: events of one time stay in the order of the findings.
        events.sort_by_key(|(t, _)| *t);
        events.iter().try_for_each(|(_, event)| line(event, out))
    }
}

type Event = (Timestamp, Value);

fn event(r: &Report, at: Timestamp, what: &str, kind: &str, message: String) -> Event {
    let value = json!({
        "message": message, "datetime": micros(at), "timestamp": at.as_microsecond(), "timestamp_desc": what,
        "data_type": kind, "source_name": "wardround", "hostname": inert(&r.host.name), "run_id": inert(&r.run.id),
    });
    (at, value)
}

/// Words for the four times are those that plaso uses, so that one search finds both.
fn of(r: &Report, f: &FindingRow, end: Timestamp) -> Vec<Event> {
    let message = format!("{} {}: {} ({})", f.level.word(), f.score, inert(&f.title), inert(&f.path));
    let mut times: Vec<(Timestamp, &str)> = Vec::new();
    if let Some(o) = &f.object {
        let all = [
            (&o.times.mtime, "Content Modification Time"),
            (&o.times.ctime, "Metadata Modification Time"),
            (&o.times.btime, "Creation Time"),
            (&o.times.atime, "Last Access Time"),
        ];
        times.extend(all.into_iter().filter_map(|(t, what)| Some((time(t.as_deref()?)?, what))));
    }
    if times.is_empty() {
        times.push((end, "Detection Time"));
    }
    let fields = fields(f);
    let with = |(at, what)| {
        let (at, mut value) = event(r, at, what, "wardround:finding", message.clone());
        if let Value::Object(map) = &mut value {
            map.extend(fields.clone());
        }
        (at, value)
    };
    times.into_iter().map(with).collect()
}

fn fields(f: &FindingRow) -> Map<String, Value> {
    let mut map = Map::new();
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            map.insert(key.to_owned(), value);
        }
    };
    let o = f.object.as_ref();
    put("tag", Some(json!([f.level.word(), f.category.id()])));
    put("finding_id", Some(json!(inert(&f.id))));
    put("score", Some(json!(f.score)));
    put("filename", Some(json!(inert(&f.path))));
    put("reasons", Some(json!(reasons(f))));
    put("people", people(f).map(Value::from));
    put("file_size", o.map(|o| json!(o.size)));
    put("sha256_hash", o.and_then(|o| o.sha256.as_deref()).map(Value::from));
    put("sha1_hash", o.and_then(|o| o.sha1.as_deref()).map(Value::from));
    put("md5_hash", o.and_then(|o| o.md5.as_deref()).map(Value::from));
    put("attack_technique", (!f.techniques.is_empty()).then(|| json!(f.techniques)));
    map
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::export::tests::{report, text_of};

    #[test]
    fn every_time_is_an_event_in_order() {
        let mut report = report();
        let object = report.findings[0].object.as_mut().unwrap();
        object.times.btime = Some("2026-09-20T01:00:00Z".into());
        object.times.atime = Some("2026-11-23T01:00:00Z".into());
        let text = text_of(&Timesketch, report);
        let events: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        // Two of the run; three, one and none (so one) times of three findings.
        assert_eq!(events.len(), 2 + 3 + 1 + 1);
        let times: Vec<i64> = events.iter().map(|e| e["timestamp"].as_i64().unwrap()).collect();
        assert!(times.is_sorted());
        for key in ["message", "datetime", "timestamp_desc"] {
            assert!(events.iter().all(|e| e[key].is_string()), "{key}");
        }
        assert_eq!(events[0]["timestamp_desc"], "Creation Time");
        assert!(events.iter().any(|e| e["timestamp_desc"] == "Detection Time"));
    }
}
