//! `misp-event`: events and attributes as JSON, in every wrapper that MISP and its tools write.
//!
//! `{"Event": …}`, `{"response": [{"Event": …}]}`, `{"response": {"Attribute": […]}}`, an event or object without
//! its wrapper, a list, a single attribute, several documents one after the other. Attributes stand below events
//! and below their objects. Only what is needed is kept while the text is read; where it breaks off, what was
//! complete before remains.

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::super::observables::shown;
use super::attribute::is_type;
use super::{DELETED, Details, NO_TO_IDS, PROPOSALS, load, truthy};
use crate::ioc::{IocFormat, Loader, Place};

/// See the module.
pub struct MispEvent;

impl IocFormat for MispEvent {
    fn id(&self) -> &'static str {
        "misp-event"
    }

    fn looks_like(&self) -> &'static str {
        "MISP event JSON"
    }

    fn sniff(&self, _: &[u8], head: &[u8]) -> bool {
        is_event(std::str::from_utf8(head).unwrap_or_default())
    }

    fn parse(&self, text: &str, loader: &mut Loader<'_>) {
        let mut roots = Vec::new();
        let mut reader = serde_json::Deserializer::from_str(text.trim_start_matches('\u{feff}'));
        let end = loop {
            match Items(&mut roots).deserialize(&mut reader) {
                Err(e) => break Err(e),
                Ok(()) if reader.end().is_ok() => break Ok(()),
                Ok(()) => {}
            }
        };
        let mut reading = Reading { loader, number: 0, unsaid: 0 };
        roots.iter().for_each(|root| reading.root(root, &Context::default()));
        let (number, unsaid) = (reading.number, reading.unsaid);
        if unsaid > 0 {
            loader.adjust(&Place::Line(1), format!("{unsaid} attributes don't say to_ids; they are in force"));
        }
        match end {
            Err(e) => loader.reject(
                u64::try_from(e.line()).unwrap_or(u64::MAX),
                format!("no JSON from here on ({}); {number} attributes before it are read", shown(&e.to_string())),
            ),
            Ok(()) if number == 0 => loader.reject(1, "an event without attributes"),
            Ok(()) => {}
        }
    }
}

/// Whether a text is an event or an attribute. STIX, feeds, galaxies and templates of objects share words with it.
pub fn is_event(text: &str) -> bool {
    let body = text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    let has = |words: &[&str]| words.iter().any(|w| body.contains(w));
    body.starts_with(['{', '['])
        && !has(&["\"spec_version\"", "\"misp-attribute\"", "\"matching_attributes\"", "\"pattern_type\""])
        && !super::feed::is_manifest(body)
        && has(&["\"Event\"", "\"Attribute\"", "\"to_ids\"", "\"threat_level_id\"", "\"object_relation\""])
}

/// One JSON object: an event, an object, an attribute, or a wrapper.
#[derive(Debug, Default)]
struct Bag {
    /// It was read to its end.
    complete: bool,
    kind: Option<String>,
    value: Option<String>,
    comment: Option<String>,
    uuid: Option<String>,
    name: Option<String>,
    info: Option<String>,
    to_ids: Option<String>,
    deleted: Option<String>,
    category: Option<String>,
    tags: Vec<Bag>,
    orgs: Vec<Bag>,
    attributes: Vec<Bag>,
    objects: Vec<Bag>,
    /// `Event` and `response`.
    inner: Vec<Bag>,
    proposals: Vec<Bag>,
}

/// An object or a list of objects, put into a list.
struct Items<'a>(&'a mut Vec<Bag>);

/// A text, number or truth value; anything else is `None`.
struct Scalar<'a>(&'a mut Option<String>);

macro_rules! ignored_scalars {
    () => {
        fn visit_bool<E>(self, _: bool) -> Result<(), E> {
            Ok(())
        }
        fn visit_i64<E>(self, _: i64) -> Result<(), E> {
            Ok(())
        }
        fn visit_u64<E>(self, _: u64) -> Result<(), E> {
            Ok(())
        }
        fn visit_f64<E>(self, _: f64) -> Result<(), E> {
            Ok(())
        }
        fn visit_str<E>(self, _: &str) -> Result<(), E> {
            Ok(())
        }
    };
}

impl<'de> DeserializeSeed<'de> for Items<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Items<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    ignored_scalars!();

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Items(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.0.push(Bag::default());
        // Filled where it lies: what was read remains where the text breaks off.
        let Some(bag) = self.0.last_mut() else { return Ok(()) };
        while let Some(key) = map.next_key::<std::borrow::Cow<'_, str>>()? {
            match key.as_ref() {
                "type" => map.next_value_seed(Scalar(&mut bag.kind))?,
                "value" => map.next_value_seed(Scalar(&mut bag.value))?,
                "comment" => map.next_value_seed(Scalar(&mut bag.comment))?,
                "uuid" => map.next_value_seed(Scalar(&mut bag.uuid))?,
                "name" => map.next_value_seed(Scalar(&mut bag.name))?,
                "info" => map.next_value_seed(Scalar(&mut bag.info))?,
                "to_ids" => map.next_value_seed(Scalar(&mut bag.to_ids))?,
                "deleted" => map.next_value_seed(Scalar(&mut bag.deleted))?,
                "category" => map.next_value_seed(Scalar(&mut bag.category))?,
                "Tag" => map.next_value_seed(Items(&mut bag.tags))?,
                "Orgc" => map.next_value_seed(Items(&mut bag.orgs))?,
                "Attribute" => map.next_value_seed(Items(&mut bag.attributes))?,
                "Object" => map.next_value_seed(Items(&mut bag.objects))?,
                "Event" | "response" => map.next_value_seed(Items(&mut bag.inner))?,
                "ShadowAttribute" => map.next_value_seed(Items(&mut bag.proposals))?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        bag.complete = true;
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Scalar<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Scalar<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        *self.0 = Some(value.to_string());
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        *self.0 = Some(value.to_string());
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        *self.0 = Some(value.to_string());
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        *self.0 = Some(value.to_string());
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        *self.0 = Some(value.to_owned());
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

/// What events and objects say about the attributes below them.
#[derive(Clone, Default)]
struct Context<'a> {
    info: &'a str,
    author: &'a str,
    tags: Vec<&'a str>,
    deleted: bool,
    beside_hash: bool,
}

impl<'a> Context<'a> {
    fn below(&self, bag: &'a Bag) -> Self {
        let mut out = self.clone();
        out.info = bag.info.as_deref().unwrap_or(out.info);
        out.author = bag.orgs.first().and_then(|o| o.name.as_deref()).unwrap_or(out.author);
        out.tags.extend(bag.tags.iter().filter_map(|t| t.name.as_deref()));
        out.deleted |= text(&bag.deleted).is_some_and(truthy);
        out
    }
}

fn text(field: &Option<String>) -> Option<&str> {
    field.as_deref().map(str::trim)
}

struct Reading<'a, 'b> {
    loader: &'a mut Loader<'b>,
    /// Attributes so far, proposals too.
    number: u64,
    /// Attributes that don't say whether they are for detection.
    unsaid: u64,
}

impl Reading<'_, '_> {
    /// An event, an object, an attribute or a wrapper.
    fn root(&mut self, bag: &Bag, above: &Context<'_>) {
        let says = bag.to_ids.is_some() || bag.category.is_some() || bag.uuid.is_some();
        if says && bag.value.is_some() && text(&bag.kind).is_some_and(|k| is_type(k) || bag.to_ids.is_some()) {
            return self.attribute(bag, above);
        }
        let context = above.below(bag);
        bag.inner.iter().for_each(|inner| self.root(inner, &context));
        self.group(bag, &context);
        for object in &bag.objects {
            let mut context = context.below(object);
            // What `info` an object has is not that of the event.
            context.info = if context.info.is_empty() { text(&object.name).unwrap_or_default() } else { context.info };
            self.group(object, &context);
        }
        self.proposals(bag);
    }

    fn group(&mut self, bag: &Bag, context: &Context<'_>) {
        let in_force = |a: &Bag| a.to_ids.as_deref().is_none_or(truthy) && !a.deleted.as_deref().is_some_and(truthy);
        let hashed = |a: &Bag| matches!(text(&a.kind), Some("md5" | "sha1" | "sha256" | "malware-sample")) && in_force(a);
        let one_file = text(&bag.name) == Some("file");
        let context = Context { beside_hash: one_file && bag.attributes.iter().any(hashed), ..context.clone() };
        bag.attributes.iter().for_each(|a| self.attribute(a, &context));
    }

    fn attribute(&mut self, bag: &Bag, above: &Context<'_>) {
        self.proposals(bag);
        self.number = self.number.saturating_add(1);
        let place = match text(&bag.uuid) {
            Some(uuid) if !uuid.is_empty() => Place::from(uuid),
            _ => Place::from(format!("attribute {}", self.number).as_str()),
        };
        if !bag.complete {
            return self.loader.reject(place, "the text breaks off within it");
        }
        let context = above.below(bag);
        if context.deleted {
            return self.loader.context(1, DELETED);
        }
        match text(&bag.to_ids) {
            Some(to_ids) if !truthy(to_ids) => return self.loader.context(1, NO_TO_IDS),
            Some(_) => {}
            None => self.unsaid = self.unsaid.saturating_add(1),
        }
        let (Some(kind), Some(value)) = (text(&bag.kind), text(&bag.value)) else {
            return self.loader.reject(place, "an attribute without type or value");
        };
        // Searches for attributes give each its event.
        let event = bag.inner.first().and_then(|e| e.info.as_deref());
        let details = Details {
            uuid: text(&bag.uuid).unwrap_or_default(),
            comment: text(&bag.comment).unwrap_or_default(),
            info: event.unwrap_or(context.info),
            author: context.author,
            tags: context.tags.clone(),
            beside_hash: above.beside_hash,
        };
        load(self.loader, place, kind, value, &details);
    }

    fn proposals(&mut self, bag: &Bag) {
        let n = bag.proposals.len() as u64;
        self.number = self.number.saturating_add(n);
        self.loader.context(n, PROPOSALS);
    }
}
