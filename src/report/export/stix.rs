//! A STIX 2.1 bundle: the host as an identity, what was seen as observed data with files, the intruder's material as
//! indicators with sightings, everything else as notes, and one report around it.
//!
//! Only findings at notice or above are handed on, and an indicator is made of the object itself (its SHA-256, or its
//! name where that is all there is): the rules and lists that found it belong to others.

use std::collections::BTreeMap;
use std::io::Write;

use serde_json::{Map, Value, json};

use super::uuids::{own, sco};
use super::view::{
    base_name, base_of, coverage, digests, finished, folder, inert, millis, of_intruder, people, raised, reasons, started, time,
};
use super::{Export, ExportError};
use crate::report::{FindingRow, OldCase, Report, StepRow};

pub struct Stix;

impl Export for Stix {
    fn id(&self) -> &'static str {
        "stix"
    }

    fn about(&self) -> &'static str {
        "a STIX 2.1 bundle: observed data, sightings, indicators, notes, report"
    }

    fn extension(&self) -> &'static str {
        "json"
    }

    fn write(&self, case: &OldCase, out: &mut dyn Write) -> Result<(), ExportError> {
        let bundle = Bundle::new(&case.report)?.build();
        serde_json::to_writer_pretty(&mut *out, &bundle)?;
        Ok(out.write_all(b"\n")?)
    }
}

struct Bundle<'r> {
    r: &'r Report,
    start: String,
    end: String,
    tool: String,
    host: String,
    /// By id, so that what two findings share stands once and the order is fixed.
    observables: BTreeMap<String, Map<String, Value>>,
    objects: Vec<Value>,
}

impl<'r> Bundle<'r> {
    fn new(r: &'r Report) -> Result<Self, ExportError> {
        let machine = r.host.machine_id_sha256.as_deref().unwrap_or_default();
        Ok(Self {
            r,
            start: millis(started(r)?),
            end: millis(finished(r)?),
            tool: format!("identity--{}", own(&["tool", &r.tool.name])),
            host: format!("identity--{}", own(&["host", &r.host.name, machine])),
            observables: BTreeMap::new(),
            objects: Vec::new(),
        })
    }

    /// An id of this run: the same thing seen by another run is another object, with other times.
    fn id(&self, kind: &str, of: &str) -> String {
        format!("{kind}--{}", own(&[kind, &self.host, &self.r.run.id, of]))
    }

    /// The properties that every object of the domain has.
    fn object(&self, kind: &str, id: &str, own: Value) -> Value {
        let mut map = Map::new();
        map.insert("type".into(), kind.into());
        map.insert("spec_version".into(), "2.1".into());
        map.insert("id".into(), id.into());
        map.insert("created_by_ref".into(), self.tool.clone().into());
        map.insert("created".into(), self.end.clone().into());
        map.insert("modified".into(), self.end.clone().into());
        if let Value::Object(own) = own {
            map.extend(own.into_iter().filter(|(_, v)| !v.is_null()));
        }
        Value::Object(map)
    }

    fn build(mut self) -> Value {
        let r = self.r;
        let tool = json!({ "name": inert(&r.tool.name), "identity_class": "system", "description": format!("Compromise assessment scanner, version {}", inert(&r.tool.version)) });
        let host = json!({ "name": inert(&r.host.name), "identity_class": "system", "description": inert(&r.host.os) });
        let identities = [self.object("identity", &self.tool, tool), self.object("identity", &self.host, host)];
        self.objects.extend(identities);
        for f in r.findings.iter().filter(|f| raised(f)) {
            self.finding(f);
        }
        self.report();
        let id = format!("bundle--{}", own(&["bundle", &self.host, &r.run.id, &r.integrity.findings_sha256]));
        let observables = self.observables.into_values().map(Value::Object);
        json!({ "type": "bundle", "id": id, "objects": observables.chain(self.objects).collect::<Vec<_>>() })
    }

    fn finding(&mut self, f: &FindingRow) {
        let refs = self.seen(f);
        let observed = self.id("observed-data", &f.id);
        let data = json!({
            "first_observed": self.start, "last_observed": self.end, "number_observed": 1, "object_refs": refs,
            "confidence": f.score, "labels": [f.level.word(), f.category.id()],
        });
        self.objects.push(self.object("observed-data", &observed, data));
        match of_intruder(f).then(|| pattern(f)).flatten() {
            Some(pattern) => self.sighted(f, &pattern, &observed),
            None => self.noted(f, &observed),
        }
    }

    fn sighted(&mut self, f: &FindingRow, pattern: &str, observed: &str) {
        let indicator = self.id("indicator", pattern);
        // Two findings on one object share its indicator.
        if !self.objects.iter().any(|o| o["id"] == *indicator) {
            let data = json!({
                "name": inert(&f.title), "description": reasons(f), "indicator_types": ["compromised"],
                "pattern": pattern, "pattern_type": "stix", "valid_from": self.end, "confidence": f.object_score,
                "external_references": techniques(f),
            });
            self.objects.push(self.object("indicator", &indicator, data));
        }
        let sighting = self.id("sighting", &f.id);
        let data = json!({
            "first_seen": self.start, "last_seen": self.end, "count": 1, "sighting_of_ref": indicator,
            "observed_data_refs": [observed], "where_sighted_refs": [self.host], "description": reasons(f), "confidence": f.score,
        });
        self.objects.push(self.object("sighting", &sighting, data));
    }

    fn noted(&mut self, f: &FindingRow, observed: &str) {
        let note = self.id("note", &f.id);
        let holds = people(f).map(|p| format!(" It holds {p}.")).unwrap_or_default();
        let data = json!({
            "abstract": inert(&f.title),
            "content": format!("{} (score {} of 100) at {}: {}.{holds}", f.level.word(), f.score, inert(&f.path), reasons(f)),
            "object_refs": [observed], "confidence": f.score, "external_references": techniques(f),
        });
        self.objects.push(self.object("note", &note, data));
    }

    fn report(&mut self) {
        let refs: Vec<Value> =
            self.observables.keys().cloned().map(Value::from).chain(self.objects.iter().map(|o| o["id"].clone())).collect();
        let r = self.r;
        let id = self.id("report", &r.integrity.findings_sha256);
        let data = json!({
            "name": format!("Compromise assessment of {}", inert(&r.host.name)), "report_types": ["observed-data"],
            "description": format!("{} {}. Findings digest (SHA-256): {}", r.verdict(), coverage(r), inert(&r.integrity.findings_sha256)),
            "published": self.end, "object_refs": refs,
        });
        self.objects.push(self.object("report", &id, data));
    }

    /// The observables of a finding: its folder, its file, and the file that it lies in.
    fn seen(&mut self, f: &FindingRow) -> Vec<String> {
        let Some(StepRow::Os { os: path }) = f.locator.first() else { return vec![self.directory("/")] };
        let directory = folder(path).map(|path| self.directory(path));
        let mut refs: Vec<String> = directory.iter().cloned().collect();
        let member = f.locator.len() > 1;
        let outer_name = base_of(path);
        let name = if member { base_name(f) } else { outer_name };
        if name.is_empty() && f.object.as_ref().is_none_or(|o| o.sha256.is_none()) {
            // A folder, or nothing that has a name.
            return if refs.is_empty() { vec![self.directory(path)] } else { refs };
        }
        let own = self.file(name, f, if member { None } else { directory.as_deref() });
        if member && !outer_name.is_empty() {
            let outer = self.plain_file(outer_name, directory.as_deref());
            if let Some(Value::Array(held)) =
                self.observables.get_mut(&outer).map(|o| o.entry("contains_refs").or_insert_with(|| json!([])))
                && !held.contains(&json!(own))
            {
                held.push(json!(own));
            }
            refs.push(outer);
        }
        refs.push(own);
        refs
    }

    fn directory(&mut self, path: &str) -> String {
        let path = inert(path);
        let id = sco("directory", &BTreeMap::from([("path", path.clone().into())]));
        self.observable("directory", &id, json!({ "path": path }))
    }

    /// The archive around a member: its digests are told by its own finding, where it has one.
    fn plain_file(&mut self, name: &str, directory: Option<&str>) -> String {
        let name = inert(name);
        let mut contributing = BTreeMap::from([("name", Value::from(name.clone()))]);
        if let Some(directory) = directory {
            contributing.insert("parent_directory_ref", directory.into());
        }
        let id = sco("file", &contributing);
        self.observable("file", &id, json!({ "name": name, "parent_directory_ref": directory }))
    }

    fn file(&mut self, name: &str, f: &FindingRow, directory: Option<&str>) -> String {
        let digests = digests(f, ["MD5", "SHA-1", "SHA-256"]);
        let mut contributing: BTreeMap<&str, Value> = BTreeMap::new();
        // Section 2.9: of several hashes only the first in the order MD5, SHA-1, SHA-256, SHA-512 contributes.
        if let Some((word, digest)) = digests.first() {
            contributing.insert("hashes", json!({ *word: digest }));
        }
        let name = inert(name);
        if !name.is_empty() {
            contributing.insert("name", name.clone().into());
        }
        if let Some(directory) = directory {
            contributing.insert("parent_directory_ref", directory.into());
        }
        let id = sco("file", &contributing);
        let o = f.object.as_ref();
        let when = |t: Option<&String>| t.and_then(|t| time(t)).map(millis);
        let hashes: Map<String, Value> = digests.into_iter().map(|(k, v)| (k.to_owned(), v.into())).collect();
        let own = json!({
            "hashes": (!hashes.is_empty()).then_some(hashes), "size": o.map(|o| o.size), "name": (!name.is_empty()).then_some(name),
            // `ctime` is the creation time there.
            "ctime": when(o.and_then(|o| o.times.btime.as_ref())), "mtime": when(o.and_then(|o| o.times.mtime.as_ref())),
            "atime": when(o.and_then(|o| o.times.atime.as_ref())), "parent_directory_ref": directory,
        });
        self.observable("file", &id, own)
    }

    fn observable(&mut self, kind: &str, id: &str, own: Value) -> String {
        let map = self.observables.entry(id.to_owned()).or_default();
        map.insert("type".into(), kind.into());
        map.insert("spec_version".into(), "2.1".into());
        map.insert("id".into(), id.into());
        if let Value::Object(own) = own {
            map.extend(own.into_iter().filter(|(_, v)| !v.is_null()));
        }
        id.to_owned()
    }
}

/// A pattern that finds the object again.
fn pattern(f: &FindingRow) -> Option<String> {
    if let Some(sha256) = f.object.as_ref().and_then(|o| o.sha256.as_ref()).filter(|s| s.bytes().all(|b| b.is_ascii_hexdigit())) {
        return Some(format!("[file:hashes.'SHA-256' = '{sha256}']"));
    }
    // A string literal: `'` and `\` are escaped (section 9.1).
    let name = inert(base_name(f)).replace('\\', "\\\\").replace('\'', "\\'");
    (!name.is_empty()).then(|| format!("[file:name = '{name}']"))
}

fn techniques(f: &FindingRow) -> Option<Value> {
    let list: Vec<Value> =
        f.techniques.iter().map(|t| json!({ "source_name": "mitre-attack", "external_id": inert(t) })).collect();
    (!list.is_empty()).then_some(Value::Array(list))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::export::tests::{report, text_of};

    #[test]
    fn every_reference_is_in_the_bundle() {
        let bundle: Value = serde_json::from_str(&text_of(&Stix, report())).unwrap();
        let objects = bundle["objects"].as_array().unwrap();
        let ids: Vec<&str> = objects.iter().map(|o| o["id"].as_str().unwrap()).collect();
        let mut once = ids.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), ids.len());
        let mut refs = Vec::new();
        for object in objects.iter().filter_map(Value::as_object) {
            for (key, value) in object {
                if key.ends_with("_ref") {
                    refs.push(value.as_str().unwrap());
                } else if key.ends_with("_refs") {
                    refs.extend(value.as_array().unwrap().iter().map(|v| v.as_str().unwrap()));
                }
            }
        }
        assert!(refs.len() > 10 && refs.iter().all(|r| ids.contains(r)));
        let kinds: Vec<&str> = objects.iter().map(|o| o["type"].as_str().unwrap()).collect();
        for kind in ["identity", "observed-data", "file", "directory", "indicator", "sighting", "note", "report"] {
            assert!(kinds.contains(&kind), "{kind}");
        }
    }

    #[test]
    fn a_name_in_a_pattern_stays_a_name() {
        let mut report = report();
        report.findings[0].object = None;
        report.findings[0].locator = vec![StepRow::Os { os: "/x/it's \\u{202e} '] OR [file:size > 0".into() }];
        let pattern = pattern(&report.findings[0]).unwrap();
        assert!(pattern.ends_with("OR [file:size > 0']") && pattern.contains("\\'] OR"), "{pattern}");
    }
}
