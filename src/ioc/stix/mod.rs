//! `stix2`: bundles of STIX 2.0 and 2.1 (OASIS), also a bare object, an array of objects, one object a line, and
//! the envelopes of TAXII.
//!
//! Every `indicator` counts as one. Its pattern is evaluated as a tree; names come from what it `indicates` and from the
//! reports that refer to it, and a missing link drops nothing.

mod objects;
mod syntax;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::decode::lines;
use super::expr::Pattern;
use super::loader::About;
use super::marks::Marks;
use super::set::Place;
use super::{IocFormat, Loader};
use crate::model::text;

/// Characters kept of a name.
const MAX_NAME: usize = 120;
/// Names, labels and references kept of one indicator.
const MAX_LIST: usize = 20;

/// See the module.
pub struct Stix2;

impl IocFormat for Stix2 {
    fn id(&self) -> &'static str {
        "stix2"
    }

    fn looks_like(&self) -> &'static str {
        "a STIX 2.0 or 2.1 bundle"
    }

    fn sniff(&self, _name: &[u8], head: &[u8]) -> bool {
        let head = String::from_utf8_lossy(head);
        let body = head.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
        let json = body.starts_with('{') || body.strip_prefix('[').is_some_and(|r| r.trim_start().starts_with('{'));
        json && ["\"bundle\"", "\"spec_version\"", "\"indicator--", "\"bundle--", "\"pattern_type\""]
            .iter()
            .any(|w| head.contains(w))
    }

    fn parse(&self, text: &str, loader: &mut Loader<'_>) {
        let text = text.trim_start_matches('\u{feff}');
        let mut objects = Vec::new();
        match serde_json::from_str(text) {
            Ok(value) => collect(value, &mut objects, 0),
            // One object a line, of which a bad one costs itself.
            Err(whole) => {
                let mut bad = Vec::new();
                for (n, line) in lines(text).filter(|(_, l)| !l.is_empty()) {
                    match serde_json::from_str::<Value>(line) {
                        Ok(value @ Value::Object(_)) => collect(value, &mut objects, 0),
                        _ => bad.push(n),
                    }
                }
                if objects.is_empty() {
                    return loader
                        .reject(whole.line() as u64, format!("no JSON: {}", text::escape(whole.to_string().as_bytes())));
                }
                bad.into_iter().for_each(|n| loader.reject(n, "no JSON object"));
            }
        }
        Bundle::new(objects).load(loader);
    }
}

/// One pattern by itself, as other formats carry it. The error says what is wrong with it.
pub fn pattern(text: &str) -> Result<Pattern, String> {
    objects::pattern(&syntax::parse(text)?)
}

/// Objects of a bundle, an envelope or an array.
fn collect(value: Value, out: &mut Vec<Map<String, Value>>, depth: usize) {
    match value {
        Value::Array(list) if depth < 3 => list.into_iter().for_each(|v| collect(v, out, depth + 1)),
        Value::Object(mut map) => match map.remove("objects") {
            Some(Value::Array(list)) if depth < 3 => list.into_iter().for_each(|v| collect(v, out, depth + 1)),
            _ => out.push(map),
        },
        _ => {}
    }
}

/// What indicators refer to, by identifier.
struct Bundle {
    indicators: Vec<Map<String, Value>>,
    others: usize,
    /// Names of malware, tools, actors, campaigns, techniques, reports.
    names: BTreeMap<String, String>,
    techniques: BTreeMap<String, String>,
    tlp: BTreeMap<String, String>,
    /// From an indicator to what it indicates or what refers to it.
    links: BTreeMap<String, Vec<String>>,
}

impl Bundle {
    fn new(objects: Vec<Map<String, Value>>) -> Self {
        let mut bundle = Self {
            indicators: Vec::new(),
            others: 0,
            names: BTreeMap::new(),
            techniques: BTreeMap::new(),
            tlp: BTreeMap::new(),
            links: BTreeMap::new(),
        };
        for object in objects {
            let kind = string(&object, "type").unwrap_or_default();
            if kind == "indicator" {
                bundle.indicators.push(object);
                continue;
            }
            bundle.others = bundle.others.saturating_add(1);
            let Some(id) = string(&object, "id").map(str::to_owned) else { continue };
            match kind {
                "relationship" => {
                    if let (Some("indicates"), Some(from), Some(to)) =
                        (string(&object, "relationship_type"), string(&object, "source_ref"), string(&object, "target_ref"))
                    {
                        bundle.links.entry(from.to_owned()).or_default().push(to.to_owned());
                    }
                }
                "marking-definition" => {
                    if let Some(tlp) = tlp_of(&object) {
                        bundle.tlp.insert(id, tlp);
                    }
                }
                _ => {
                    if kind == "report" || kind == "grouping" {
                        for member in strings(&object, "object_refs") {
                            bundle.links.entry(member).or_default().push(id.clone());
                        }
                    }
                    for reference in object.get("external_references").and_then(Value::as_array).into_iter().flatten() {
                        if let (Some("mitre-attack"), Some(technique)) = (
                            reference.get("source_name").and_then(Value::as_str),
                            reference.get("external_id").and_then(Value::as_str),
                        ) {
                            bundle.techniques.insert(id.clone(), shown(technique));
                        }
                    }
                    if let Some(name) = string(&object, "name") {
                        bundle.names.insert(id, shown(name));
                    }
                }
            }
        }
        bundle
    }

    fn load(&self, loader: &mut Loader<'_>) {
        if self.indicators.is_empty() {
            return loader.reject(Place::Whole, format!("a STIX bundle without indicators ({} other objects)", self.others));
        }
        for object in &self.indicators {
            self.indicator(object, loader);
        }
    }

    fn indicator(&self, object: &Map<String, Value>, loader: &mut Loader<'_>) {
        let id = string(object, "id").unwrap_or("indicator without id");
        let Some(pattern) = string(object, "pattern") else {
            return loader.reject(id, "an indicator without a pattern");
        };
        match string(object, "pattern_type").unwrap_or("stix") {
            "stix" => {}
            "yara" => return loader.yara(id, pattern),
            other => {
                let why = format!("a pattern in the language {}, which is not read", shown(other));
                return loader.unanswered(id, why);
            }
        }
        let marks = self.marks(object, id);
        let description = string(object, "name")
            .or_else(|| string(object, "description"))
            .map(str::to_owned)
            .or_else(|| marks.indicates.first().cloned())
            .unwrap_or_default();
        let score = marks.confidence.filter(|c| *c > 0).map(i64::from);
        match self::pattern(pattern) {
            Ok(pattern) => {
                loader
                    .pattern(About { place: id.into(), score, description: &description, marks: Some(Arc::new(marks)) }, pattern);
            }
            Err(why) => loader.reject(id, why),
        }
    }

    fn marks(&self, object: &Map<String, Value>, id: &str) -> Marks {
        let linked = self.links.get(id).map_or(&[][..], Vec::as_slice);
        let named = |names: &BTreeMap<String, String>| bounded(linked.iter().filter_map(|l| names.get(l).cloned()));
        let labels = strings(object, "indicator_types").into_iter().chain(strings(object, "labels")).map(|l| shown(&l));
        let references = object.get("external_references").and_then(Value::as_array).into_iter().flatten();
        let marked = strings(object, "object_marking_refs");
        Marks {
            id: Some(shown(id)),
            author: string(object, "created_by_ref").and_then(|a| self.names.get(a).cloned()),
            created: string(object, "created").map(shown),
            indicates: named(&self.names),
            labels: bounded(labels.chain(named(&self.techniques))),
            valid_from: string(object, "valid_from").map(shown),
            valid_until: string(object, "valid_until").map(shown),
            revoked: object.get("revoked").and_then(Value::as_bool).unwrap_or(false),
            tlp: marked.iter().filter_map(|m| self.tlp.get(m).cloned().or_else(|| known_tlp(m).map(str::to_owned))).max(),
            confidence: object.get("confidence").and_then(Value::as_u64).and_then(|c| u8::try_from(c.min(100)).ok()),
            references: bounded(references.filter_map(|r| r.get("url").and_then(Value::as_str)).map(shown)),
        }
    }
}

/// The marking definitions that the standard itself defines (STIX 2.1 part 7.2.1.4; FIRST TLP 2.0 extension).
fn known_tlp(id: &str) -> Option<&'static str> {
    Some(match id.strip_prefix("marking-definition--")? {
        "613f2e26-407d-48c7-9eca-b8e91df99dc9" | "94868c89-83c2-464b-929b-a1a8aa3c8487" => "clear",
        "34098fce-860f-48ae-8e50-ebd3cc5e41da" | "bab4a63c-aed9-4cf5-a766-dfca5abac2bb" => "green",
        "f88d31f6-486f-44da-b317-01333bde0b82" | "55d920b0-5e8b-4f79-9ee9-91f868d9b421" => "amber",
        "939a9414-2ddd-4d32-a0cd-375ea402b003" => "amber+strict",
        "5e57c739-391a-4eb3-b6be-7d15ca92d5ed" | "e828b379-4e03-4974-9ac4-e53a884c97c1" => "red",
        _ => return None,
    })
}

fn tlp_of(object: &Map<String, Value>) -> Option<String> {
    let definition = object.get("definition").and_then(|d| d.get("tlp")).and_then(Value::as_str);
    let name = string(object, "name").filter(|n| n.to_ascii_uppercase().starts_with("TLP:"));
    let word = definition.or(name)?.trim_start_matches("TLP:").trim_start_matches("tlp:").to_ascii_lowercase();
    Some(if word == "white" { "clear".to_owned() } else { shown(&word) })
}

fn string<'a>(object: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    object.get(key).and_then(Value::as_str)
}

fn strings(object: &Map<String, Value>, key: &str) -> Vec<String> {
    object.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn shown(word: &str) -> String {
    text::shorten(&text::escape(word.as_bytes()), MAX_NAME)
}

/// Each once, in order, bounded.
fn bounded(words: impl Iterator<Item = String>) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for word in words {
        if !out.contains(&word) && out.len() < MAX_LIST {
            out.push(word);
        }
    }
    out
}
