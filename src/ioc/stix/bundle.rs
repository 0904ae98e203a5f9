//! From JSON to STIX objects, one after the other: a document may be a bundle, an envelope of TAXII
//! (`{"objects": […]}`), a list, a single object, or one object a line.
//!
//! Only one object is held as JSON at a time. Where the JSON breaks off, what stands before it counts.

use std::fmt;

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::collect::Collected;
use crate::ioc::decode::lines;

/// Hands every object to `out`. Returns what could not be read: the line, and the reason.
pub fn read(text: &str, out: &mut Collected) -> Vec<(u64, String)> {
    if has_a_document_a_line(text) {
        let mut broken = Vec::new();
        for (n, line) in lines(text).filter(|(_, l)| !l.is_empty()) {
            if let Err(e) = document(line, out) {
                broken.push((n, format!("no JSON at column {}: {}", e.column(), bare(&e))));
            }
        }
        return broken;
    }
    match document(text, out) {
        Ok(()) => Vec::new(),
        Err(e) => {
            let line = u64::try_from(e.line()).unwrap_or(u64::MAX).max(1);
            let before = crate::model::text::thousands(out.objects);
            vec![(line, format!("no JSON at column {}: {}; {before} objects before it are read", e.column(), bare(&e)))]
        }
    }
}

/// Whether the first line is a JSON object by itself, and more follow.
fn has_a_document_a_line(text: &str) -> bool {
    let mut filled = lines(text).filter(|(_, l)| !l.is_empty());
    let Some((_, first)) = filled.next() else { return false };
    filled.next().is_some() && first.ends_with('}') && serde_json::from_str::<serde::de::IgnoredAny>(first).is_ok()
}

/// The error without its own place.
fn bare(e: &serde_json::Error) -> String {
    let text = e.to_string();
    text.split(" at line ").next().unwrap_or_default().to_owned()
}

fn document(text: &str, out: &mut Collected) -> Result<(), serde_json::Error> {
    let mut json = serde_json::Deserializer::from_str(text);
    Objects { out }.deserialize(&mut json)?;
    json.end()
}

/// A document or a list in it.
struct Objects<'a> {
    out: &'a mut Collected,
}

impl<'de> DeserializeSeed<'de> for Objects<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Objects<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or a list of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(value) = list.next_element::<Value>()? {
            take(value, self.out);
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut own = Map::new();
        let mut holds_objects = false;
        while let Some(key) = map.next_key::<String>()? {
            if key == "objects" {
                holds_objects = true;
                map.next_value_seed(Objects { out: &mut *self.out })?;
            } else {
                own.insert(key, map.next_value()?);
            }
        }
        if !holds_objects {
            self.out.object(own);
        }
        Ok(())
    }
}

/// An element of a list; bundles in bundles are opened.
fn take(value: Value, out: &mut Collected) {
    match value {
        Value::Object(mut object) => match object.remove("objects") {
            Some(Value::Array(list)) => list.into_iter().for_each(|v| take(v, out)),
            _ => out.object(object),
        },
        Value::Array(list) => list.into_iter().for_each(|v| take(v, out)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(text: &str) -> (usize, u64, Vec<(u64, String)>) {
        let mut out = Collected::default();
        let broken = read(text, &mut out);
        (out.indicators.len(), out.objects, broken)
    }

    const ONE: &str = r#"{"type":"indicator","id":"indicator--1","pattern":"[file:name='x']"}"#;

    #[test]
    fn every_wrapping() {
        for text in [
            format!(r#"{{"type":"bundle","id":"bundle--1","objects":[{ONE}]}}"#),
            format!(r#"{{"more":false,"objects":[{ONE}]}}"#),
            format!(r#"{{"objects":[{ONE}],"type":"bundle"}}"#),
            format!("[{ONE}]"),
            format!("[[{ONE}]]"),
            format!(r#"[{{"type":"bundle","objects":[{ONE}]}}]"#),
            ONE.to_owned(),
        ] {
            assert_eq!(read_all(&text), (1, 1, vec![]), "{text}");
        }
        assert_eq!(read_all(&format!("{ONE}\n{ONE}\r\n\n{ONE}\n")), (3, 3, vec![]));
    }

    #[test]
    fn what_is_broken_costs_what_follows_or_its_line() {
        let (n, _, broken) = read_all(&format!("{{\"objects\":[\n{ONE},\n{{\"type\": oops}}]}}"));
        assert_eq!((n, broken.len(), broken[0].0), (1, 1, 3));
        assert!(broken[0].1.contains("column 10") && broken[0].1.contains("1 objects before"), "{broken:?}");
        let (n, _, broken) = read_all(&format!("{ONE}\n{{oops\n{ONE}"));
        assert_eq!((n, broken.len(), broken[0].0), (2, 1, 2));
        let deep = format!("{{\"objects\":[{}{}]}}", "[".repeat(10_000), "]".repeat(10_000));
        assert_eq!(read_all(&deep).2.len(), 1);
        assert_eq!(read_all("\"text\"").2.len(), 1);
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text: String) {
            let _ = read_all(&text);
        }
    }
}
