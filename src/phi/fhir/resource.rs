//! From resources to patients.
//!
//! Patients are told by `Patient` resources (R4 section 8.1), and by the references of other resources to one
//! (`subject`, `patient`, `beneficiary`, `individual`; R4 section 2.3 on references).

use serde_json::{Map, Value};
use smol_str::{SmolStr, StrExt};

use crate::model::{GapReason, PhiFacts};
use crate::phi::collect::{Collector, Draft};
use crate::phi::{Outcome, Unread, dates, identifiers};

/// Nested resources (`contained`, parameters, bundles in bundles) that are followed.
const MAX_DEPTH: u32 = 8;
/// Fields that refer to the patient.
const SUBJECTS: [&str; 5] = ["subject", "patient", "beneficiary", "individual", "for"];
/// Resources that say nothing of a patient's health or its payment.
const ADMINISTRATIVE: [&str; 8] =
    ["Patient", "Person", "Practitioner", "PractitionerRole", "Organization", "Location", "Bundle", "RelatedPerson"];
/// Codes of `meta.security` for data that was made anonymous (HL7 v3 ObservationValue).
const DEIDENTIFIED: [&str; 4] = ["ANONYED", "PSEUDED", "MASKED", "REDACTED"];

type Object = Map<String, Value>;

/// The resources of one stream.
pub(super) struct Resources<'k> {
    out: Collector<'k>,
    /// Where the last resource with an address lies; references without one are relative to it (R4 section 2.3.0.1).
    server: String,
    patients: u64,
    tests: u64,
    deidentified: u64,
    related: u64,
    too_large: u64,
    broken: u64,
    cut_short: bool,
}

impl<'k> Resources<'k> {
    pub fn new(out: Collector<'k>) -> Self {
        Self {
            out,
            server: String::new(),
            patients: 0,
            tests: 0,
            deidentified: 0,
            related: 0,
            too_large: 0,
            broken: 0,
            cut_short: false,
        }
    }

    /// A document; what is no JSON costs itself.
    pub fn document(&mut self, bytes: &[u8]) {
        match serde_json::from_slice(bytes) {
            Ok(Value::Object(object)) => self.resource(&object, "", 0),
            Ok(_) => {}
            Err(_) => self.broken = self.broken.saturating_add(1),
        }
    }

    /// An element of a bundle's list.
    pub fn entry(&mut self, bytes: &[u8]) {
        match serde_json::from_slice(bytes) {
            Ok(Value::Object(entry)) => self.element(&entry, 0),
            Ok(_) => {}
            Err(_) => self.broken = self.broken.saturating_add(1),
        }
    }

    /// An element of a bundle's list, read.
    pub fn element(&mut self, entry: &Object, depth: u32) {
        if let Some(Value::Object(resource)) = entry.get("resource") {
            let url = text(entry, "fullUrl");
            if let Some(server) = server(url) {
                server.clone_into(&mut self.server);
            }
            self.resource(resource, url, depth);
        }
    }

    pub fn too_large(&mut self) {
        self.too_large = self.too_large.saturating_add(1);
    }

    pub fn cut_short(&mut self) {
        self.cut_short = true;
    }

    /// One resource and those in it; `url` is where it lies.
    pub fn resource(&mut self, object: &Object, url: &str, depth: u32) {
        let kind = text(object, "resourceType");
        if depth > MAX_DEPTH || !kind.starts_with(|c: char| c.is_ascii_uppercase()) {
            return;
        }
        let deeper = depth.saturating_add(1);
        for inner in items(object, "contained") {
            self.resource(inner, "", deeper);
        }
        for entry in items(object, "entry").chain(items(object, "parameter")) {
            self.element(entry, deeper);
        }
        match kind {
            "Patient" => self.patient(object, url),
            "RelatedPerson" => self.related = self.related.saturating_add(1),
            _ => {}
        }
        if !ADMINISTRATIVE.contains(&kind) {
            self.subject(object);
        }
        if kind == "Condition" {
            for code in object.get("code").and_then(Value::as_object).into_iter().flat_map(|c| items(c, "coding")) {
                self.out.value("diagnosis_code", text(code, "code"));
            }
        }
    }

    fn patient(&mut self, object: &Object, url: &str) {
        let mut draft = Draft::default();
        let id = text(object, "id");
        let id = if id.is_empty() { last(url) } else { id };
        if !id.is_empty() {
            draft.locals.push(self.local(url, id));
        }
        for identifier in items(object, "identifier") {
            self.identifier(identifier, &mut draft);
        }
        let name = items(object, "name").find(|n| text(n, "use") == "official").or_else(|| items(object, "name").next());
        if let Some(name) = name {
            draft.family = first_text(name, "family").into();
            draft.given = first_text(name, "given").into();
            draft.suffix = first_text(name, "suffix").into();
            if draft.family.is_empty() {
                let (family, given) = crate::phi::names::split_full(text(name, "text"));
                (draft.family, draft.given) = (family.into(), given.into());
            }
        }
        draft.birth = dates::date(text(object, "birthDate"));
        for contact in items(object, "telecom") {
            match text(contact, "system") {
                "email" => self.out.value("email", text(contact, "value")),
                "phone" | "fax" | "sms" => self.out.phone(text(contact, "value")),
                _ => {}
            }
        }
        for address in items(object, "address") {
            self.out.address(first_text(address, "line"), text(address, "city"), text(address, "postalCode"));
            draft.state = draft.state.or_else(|| identifiers::state(text(address, "state")));
        }
        // Emergency contacts and the like are other people.
        let contacts = items(object, "contact").filter(|c| c.contains_key("name")).count();
        self.related = self.related.saturating_add(u64::try_from(contacts).unwrap_or(u64::MAX));
        if draft.is_empty() {
            return;
        }
        self.patients = self.patients.saturating_add(1);
        self.tests = self.tests.saturating_add(u64::from(is_test(object)));
        self.deidentified = self.deidentified.saturating_add(u64::from(has_security(object, &DEIDENTIFIED)));
        self.out.records = self.out.records.saturating_add(1);
        self.out.person(&draft);
    }

    /// By the system that the number belongs to, and by its type (HL7 v2 table 0203).
    fn identifier(&mut self, object: &Object, draft: &mut Draft) {
        let (system, value) = (text(object, "system"), text(object, "value").trim());
        if value.is_empty() {
            return;
        }
        let coded = |code: &str| {
            let kind = object.get("type").and_then(Value::as_object);
            kind.into_iter().flat_map(|t| items(t, "coding")).any(|c| text(c, "code") == code)
        };
        if system.ends_with("us-ssn") || system.ends_with("2.16.840.1.113883.4.1") || coded("SS") || coded("SB") {
            let ssn = self.out.ssn(value);
            draft.ssn.extend(ssn);
        } else if system.ends_with("us-mbi") || system.ends_with("us-medicare") || coded("MC") {
            match identifiers::mbi(value) {
                Some(mbi) => {
                    self.out.value("mbi", value);
                    draft.mbi.push(mbi);
                }
                None => {
                    self.out.value("member_id", value);
                    draft.members.push(value.into());
                }
            }
        } else if coded("MB") || coded("MA") || coded("NIIP") {
            self.out.value("member_id", value);
            draft.members.push(value.into());
        } else if coded("DL") || coded("PPN") {
            self.out.value("licence", value);
        } else if coded("AN") {
            self.out.value("account", value);
        } else {
            self.out.value("mrn", value);
            draft.mrns.push((system.to_ascii_uppercase_smolstr(), value.into()));
        }
    }

    /// The patient that a resource is about.
    fn subject(&mut self, object: &Object) {
        let mut about = Draft::default();
        for subject in SUBJECTS.iter().filter_map(|key| object.get(*key)?.as_object()) {
            let reference = text(subject, "reference");
            let id = match reference.strip_prefix("urn:uuid:") {
                Some(uuid) if text(subject, "type") == "Patient" || subject.len() <= 2 => uuid,
                _ => match reference.rsplit_once("Patient/") {
                    Some((_, id)) => id.split('/').next().unwrap_or_default(),
                    None => "",
                },
            };
            if !id.is_empty() {
                about.locals.push(self.local(reference, id));
            } else if text(subject, "type") == "Patient"
                && let Some(identifier) = subject.get("identifier").and_then(Value::as_object)
            {
                self.identifier(identifier, &mut about);
            }
        }
        if !about.is_empty() {
            self.out.clinical = true;
            self.out.records = self.out.records.saturating_add(1);
            self.out.person(&about);
        }
    }

    /// An id of a patient: UUIDs are everywhere the same, others belong to their server where it is known.
    fn local(&self, reference: &str, id: &str) -> (SmolStr, SmolStr) {
        let named = reference.rsplit_once("Patient/").map(|(server, _)| server).filter(|s| s.starts_with("http"));
        let space = if identifiers::uuid(id) { "" } else { named.unwrap_or(&self.server) };
        (format!("FHIR {space}").into(), id.into())
    }

    pub fn finish(mut self) -> Outcome {
        self.out.marked_test = self.tests > 0 && self.tests == self.patients;
        if self.tests > 0 && self.tests < self.patients {
            self.out.note(format!("{} of {} patients are marked as test data", self.tests, self.patients));
        }
        if self.related > 0 {
            self.out.note(format!("{} related persons (contacts, relatives) beside the patients", self.related));
        }
        let unread = self.unread();
        if let Some(unread) = &unread {
            self.out.note(format!("{}: counts are lower bounds", unread.detail));
        }
        self.out.clinical |= self.out.has_people();
        let deidentified = self.deidentified > 0 && self.deidentified == self.patients;
        let facts = self.out.finish("fhir".to_owned()).map(|facts| PhiFacts { deidentified, ..facts });
        Outcome { facts, unread, ..Outcome::default() }
    }

    fn unread(&self) -> Option<Unread> {
        let said = |n: u64, what: &str| (n > 0).then(|| format!("{n} FHIR resources {what}"));
        let parts = [
            said(self.too_large, "above 8 MiB were not read"),
            said(self.broken, "are no JSON and were not read"),
            self.cut_short.then(|| "the FHIR document breaks off or is too long".to_owned()),
        ];
        let reason = if self.too_large > 0 { GapReason::LimitMemory } else { GapReason::Malformed };
        let said: Vec<String> = parts.into_iter().flatten().collect();
        (!said.is_empty()).then(|| Unread::new(reason, said.join("; ")))
    }
}

/// `https://host/base/` of `https://host/base/Patient/1`
fn server(url: &str) -> Option<&str> {
    let (before, _) = url.rsplit_once('/').filter(|_| url.starts_with("http"))?;
    let end = before.rfind('/')?.saturating_add(1);
    before.get(..end)
}

/// The last part of an address of a resource.
fn last(url: &str) -> &str {
    url.rsplit(['/', ':']).next().unwrap_or_default()
}

/// Marked as test data (HTEST, HL7 v3 ActReason), or made by Synthea, by the name space of its identifiers.
fn is_test(object: &Object) -> bool {
    has_security(object, &["HTEST"]) || items(object, "identifier").any(|i| text(i, "system").contains("synthetichealth/synthea"))
}

/// Whether `meta.security` or `meta.tag` has one of these codes.
fn has_security(object: &Object, codes: &[&str]) -> bool {
    let meta = object.get("meta").and_then(Value::as_object);
    meta.into_iter().flat_map(|m| items(m, "security").chain(items(m, "tag"))).any(|c| codes.contains(&text(c, "code")))
}

fn text<'a>(object: &'a Object, key: &str) -> &'a str {
    object.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// A text, or the first of a list of texts.
fn first_text<'a>(object: &'a Object, key: &str) -> &'a str {
    match object.get(key) {
        Some(Value::Array(list)) => list.iter().find_map(Value::as_str).unwrap_or_default(),
        Some(Value::String(text)) => text,
        _ => "",
    }
}

/// The objects of a list; a single object counts as a list of one.
fn items<'a>(object: &'a Object, key: &str) -> impl Iterator<Item = &'a Object> + use<'a> {
    let (list, one) = match object.get(key) {
        Some(Value::Array(list)) => (list.as_slice(), None),
        Some(Value::Object(one)) => (&[][..], Some(one)),
        _ => (&[][..], None),
    };
    list.iter().filter_map(Value::as_object).chain(one)
}
