//! What is kept of STIX objects: indicators, and what is said about them elsewhere in the same file.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::ioc::Place;
use crate::ioc::marks::Marks;
use crate::model::text;

/// Characters kept of a name, label or reference.
const MAX_TEXT: usize = 200;
/// Names, labels or references kept of one indicator.
const MAX_LIST: usize = 20;

/// Objects whose names say what an indicator is about, or who published it.
const NAMED: &[&str] = &[
    "malware",
    "tool",
    "campaign",
    "threat-actor",
    "intrusion-set",
    "attack-pattern",
    "infrastructure",
    "vulnerability",
    "identity",
];

/// Markings of the Traffic Light Protocol that the standard defines by their ids: version 1 (STIX 2.1 part
/// 7.2.1.4), and version 2 (the OASIS extension definition of FIRST's TLP 2.0).
const TLP_IDS: &[(&str, Tlp)] = &[
    ("marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9", Tlp::Clear),
    ("marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da", Tlp::Green),
    ("marking-definition--f88d31f6-486f-44da-b317-01333bde0b82", Tlp::Amber),
    ("marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed", Tlp::Red),
    ("marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487", Tlp::Clear),
    ("marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb", Tlp::Green),
    ("marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421", Tlp::Amber),
    ("marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003", Tlp::AmberStrict),
    ("marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1", Tlp::Red),
];

/// From the least to the most restricted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Tlp {
    Clear,
    Green,
    Amber,
    AmberStrict,
    Red,
}

impl Tlp {
    /// `TLP:AMBER+STRICT`, `white`
    fn named(name: &str) -> Option<Self> {
        let name = name.trim().to_ascii_lowercase();
        Some(match name.strip_prefix("tlp").unwrap_or(&name).trim_start_matches([':', '-', ' ']) {
            "clear" | "white" => Tlp::Clear,
            "green" => Tlp::Green,
            "amber" => Tlp::Amber,
            "amber+strict" => Tlp::AmberStrict,
            "red" => Tlp::Red,
            _ => return None,
        })
    }

    fn words(self) -> &'static str {
        match self {
            Tlp::Clear => "clear",
            Tlp::Green => "green",
            Tlp::Amber => "amber",
            Tlp::AmberStrict => "amber+strict",
            Tlp::Red => "red",
        }
    }
}

/// In which language a pattern is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Language {
    Stix,
    Yara,
    Other(String),
}

/// One indicator, with what its own object says.
#[derive(Debug)]
pub struct Indicator {
    pub place: Place,
    pub language: Language,
    pub pattern: String,
    pub description: String,
    pub marks: Marks,
    /// From its confidence; negative where it marks what is benign.
    pub score: Option<i64>,
    /// What had to be changed.
    pub notes: Vec<&'static str>,
    /// Why it can't be used.
    pub refused: Option<&'static str>,
    id: String,
    modified: Option<Timestamp>,
    markings: Vec<String>,
    created_by: Option<String>,
}

/// A named object that indicators may point to.
#[derive(Debug, Default)]
struct Named {
    name: String,
    /// ATT&CK technique ids.
    techniques: Vec<String>,
}

/// Everything of one file.
#[derive(Debug, Default)]
pub struct Collected {
    pub indicators: Vec<Indicator>,
    /// Objects in all.
    pub objects: u64,
    named: BTreeMap<String, Named>,
    tlp: BTreeMap<String, Tlp>,
    /// For the ids of indicators, what they are said to indicate.
    links: BTreeMap<String, Vec<String>>,
}

impl Collected {
    /// Keeps of an object what is needed.
    pub fn object(&mut self, object: Map<String, Value>) {
        self.objects = self.objects.saturating_add(1);
        match string(&object, "type").unwrap_or_default() {
            "indicator" => {
                let indicator = self.indicator(&object);
                self.indicators.push(indicator);
            }
            "relationship" if string(&object, "relationship_type") == Some("indicates") => {
                if let (Some(from), Some(to)) = (string(&object, "source_ref"), string(&object, "target_ref")) {
                    self.link(from, to);
                }
            }
            "report" | "grouping" => {
                let Some(id) = string(&object, "id") else { return };
                for from in strings(&object, "object_refs").filter(|r| r.starts_with("indicator--")) {
                    self.link(from, id);
                }
                self.name(&object);
            }
            "marking-definition" => {
                if let (Some(id), Some(tlp)) = (string(&object, "id"), tlp(&object)) {
                    self.tlp.insert(id.to_owned(), tlp);
                }
            }
            kind if NAMED.contains(&kind) => self.name(&object),
            _ => {}
        }
    }

    fn link(&mut self, from: &str, to: &str) {
        let links = self.links.entry(from.to_owned()).or_default();
        if links.len() < MAX_LIST {
            links.push(to.to_owned());
        }
    }

    fn name(&mut self, object: &Map<String, Value>) {
        let (Some(id), Some(name)) = (string(object, "id"), string(object, "name")) else { return };
        let technique = |r: &&Value| string_of(r, "source_name").is_some_and(|s| s.starts_with("mitre"));
        let external = list(object, "external_references").iter().filter(technique);
        let techniques = external.filter_map(|r| string_of(r, "external_id")).filter(|id| id.starts_with('T')).map(shown);
        self.named.insert(id.to_owned(), Named { name: shown(name), techniques: techniques.take(MAX_LIST).collect() });
    }

    fn indicator(&self, object: &Map<String, Value>) -> Indicator {
        let mut notes = Vec::new();
        let id = string(object, "id").unwrap_or_default().to_owned();
        let place = if id.is_empty() { format!("object {}", self.objects) } else { id.clone() };
        let types: Vec<&str> = strings(object, "indicator_types").collect();
        let mut labels: Vec<String> = Vec::new();
        for label in strings(object, "labels").chain(types.iter().copied()).map(shown).take(MAX_LIST) {
            if !labels.contains(&label) {
                labels.push(label);
            }
        }
        let confidence = object.get("confidence").and_then(|c| {
            let confidence = c.as_u64().and_then(|n| u8::try_from(n).ok()).filter(|n| *n <= 100);
            if confidence.is_none() {
                notes.push("its confidence is no whole number from 0 to 100 and is left out");
            }
            confidence
        });
        let mut score = confidence.filter(|c| *c > 0).map(i64::from);
        if types == ["benign"] {
            score = Some(-score.unwrap_or(100));
        }
        let mut time = |key, note| {
            let text = string(object, key)?;
            if text.parse::<Timestamp>().is_err() {
                notes.push(note);
                return None;
            }
            Some(shown(text))
        };
        let marks = Marks {
            id: (!id.is_empty()).then(|| shown(&id)),
            author: None,
            created: string(object, "created").map(shown),
            indicates: Vec::new(),
            labels,
            valid_from: time("valid_from", "its valid_from is no time and is left out"),
            valid_until: time("valid_until", "its valid_until is no time and is left out"),
            revoked: object.get("revoked") == Some(&Value::Bool(true)),
            tlp: None,
            confidence,
            references: list(object, "external_references")
                .iter()
                .filter_map(|r| string_of(r, "url"))
                .map(shown)
                .take(MAX_LIST)
                .collect(),
        };
        let language = match string(object, "pattern_type").map(str::to_ascii_lowercase).as_deref() {
            None | Some("stix" | "") => Language::Stix,
            Some("yara") => Language::Yara,
            Some(other) => Language::Other(shown(other)),
        };
        let pattern = string(object, "pattern").map(str::to_owned);
        let description =
            [string(object, "name"), string(object, "description")].into_iter().flatten().find(|t| !t.trim().is_empty());
        Indicator {
            place: Place::from(place.as_str()),
            language,
            refused: match (&pattern, object.get("pattern")) {
                (Some(p), _) if p.trim().is_empty() => Some("its pattern is empty"),
                (Some(_), _) => None,
                (None, None) => Some("it has no pattern"),
                (None, Some(_)) => Some("its pattern is no string"),
            },
            pattern: pattern.unwrap_or_default(),
            description: description.unwrap_or_default().to_owned(),
            marks,
            score,
            notes,
            modified: string(object, "modified").and_then(|t| t.parse().ok()),
            markings: strings(object, "object_marking_refs").take(MAX_LIST).map(str::to_owned).collect(),
            created_by: string(object, "created_by_ref").map(str::to_owned),
            id,
        }
    }

    /// The indicators in their order, with what the other objects say about them. Of several versions of one
    /// indicator only the newest is kept (STIX 2.1 part 3.6).
    pub fn take(mut self) -> Vec<Indicator> {
        let mut newest: BTreeMap<String, usize> = BTreeMap::new();
        let mut indicators = std::mem::take(&mut self.indicators);
        for (i, indicator) in indicators.iter().enumerate().filter(|(_, i)| !i.id.is_empty()) {
            let entry = newest.entry(indicator.id.clone()).or_insert(i);
            if indicators.get(*entry).is_some_and(|e| indicator.modified > e.modified) {
                *entry = i;
            }
        }
        for (i, indicator) in indicators.iter_mut().enumerate() {
            self.complete(indicator);
            if newest.get(&indicator.id).is_some_and(|n| *n != i) {
                indicator.refused = Some("another version of the same indicator is in this file and is used");
            }
        }
        indicators
    }

    fn complete(&self, indicator: &mut Indicator) {
        let marks = &mut indicator.marks;
        for named in self.links.get(&indicator.id).into_iter().flatten().filter_map(|id| self.named.get(id)) {
            if !marks.indicates.contains(&named.name) {
                marks.indicates.push(named.name.clone());
            }
            let new: Vec<String> = named.techniques.iter().filter(|t| !marks.labels.contains(t)).cloned().collect();
            marks.labels.extend(new);
        }
        let known = |id: &String| TLP_IDS.iter().find(|(known, _)| known == id).map(|(_, tlp)| *tlp);
        marks.author = indicator.created_by.as_ref().and_then(|a| self.named.get(a)).map(|n| n.name.clone());
        let tlp = indicator.markings.iter().filter_map(|id| known(id).or_else(|| self.tlp.get(id).copied())).max();
        marks.tlp = tlp.map(|t| t.words().to_owned());
        if indicator.description.is_empty() {
            indicator.description = marks.indicates.join(", ");
        }
    }
}

/// Of a marking definition: by its extension, its definition or its name.
fn tlp(object: &Map<String, Value>) -> Option<Tlp> {
    let extension = object.get("extensions").and_then(Value::as_object).into_iter().flat_map(Map::values);
    let extended = extension.filter_map(|e| string_of(e, "tlp_2_0")).find_map(Tlp::named);
    let defined = || object.get("definition").and_then(|d| string_of(d, "tlp")).and_then(Tlp::named);
    let by_name = || string(object, "name").filter(|n| n.to_ascii_lowercase().starts_with("tlp")).and_then(Tlp::named);
    extended.or_else(defined).or_else(by_name)
}

fn string<'a>(object: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    object.get(key).and_then(Value::as_str)
}

fn string_of<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

fn list<'a>(object: &'a Map<String, Value>, key: &str) -> &'a [Value] {
    object.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn strings<'a>(object: &'a Map<String, Value>, key: &str) -> impl Iterator<Item = &'a str> {
    list(object, key).iter().filter_map(Value::as_str)
}

fn shown(value: &str) -> String {
    text::shorten(&text::escape(value.trim().as_bytes()), MAX_TEXT)
}
