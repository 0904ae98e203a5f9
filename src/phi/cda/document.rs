//! From tags to patients.

use quick_xml::events::BytesStart;
use smol_str::StrExt;

use super::ROOT;
use super::element::{Kind, Open, V3, attribute, declared, unescape};
use crate::model::GapReason;
use crate::phi::carried::{Carried, MAX_CARRIED};
use crate::phi::collect::{Collector, Draft};
use crate::phi::{Outcome, Unread, dates, identifiers, names};

/// Elements of a header that are open at a time; what lies deeper is passed over.
const MAX_DEPTH: usize = 128;
/// Numbers of one patient.
const MAX_IDS: usize = 64;
/// Prefixes that stand for version 3 at a time.
const MAX_PREFIXES: usize = 32;

/// Object identifiers of those who assign numbers (HL7 OID registry).
const SSN: &str = "2.16.840.1.113883.4.1";
const MEDICARE: [&str; 2] = ["2.16.840.1.113883.4.572", "2.16.840.1.113883.4.927"];
const NPI: &str = "2.16.840.1.113883.4.6";
const DRIVERS_LICENCE: &str = "2.16.840.1.113883.4.3.";
const EXAMPLES: &str = "2.16.840.1.113883.19";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Outside,
    Header,
    Body,
    /// Within `nonXMLBody`: a document of another format.
    Other,
}

#[derive(Default)]
struct Name {
    family: String,
    given: String,
    suffix: String,
    /// Given and family come from a call-me or birth name.
    minor: (bool, bool),
    /// The legal name goes before others.
    legal: bool,
}

#[derive(Default)]
struct Address {
    street: String,
    city: String,
    state: String,
    zip: String,
    country: String,
}

/// The documents of one stream.
pub(super) struct Documents<'k> {
    out: Collector<'k>,
    place: Place,
    open: Vec<Open>,
    /// Elements open beyond [`MAX_DEPTH`].
    beyond: u64,
    /// Prefixes that stand for version 3 around the documents, and in the one that is open.
    outer: Vec<String>,
    prefixes: Vec<String>,
    patient: Option<Draft>,
    chosen: Option<Name>,
    name: Name,
    address: Address,
    /// The rank of the document type, and what it adds to the format's name.
    document: (u8, &'static str),
    format: Option<&'static str>,
    related: u64,
    examples: u64,
    cut: u64,
    /// The text of the other document that is open, and whether it is base64.
    body: Option<(Vec<u8>, bool)>,
    carried: Carried,
}

impl<'k> Documents<'k> {
    pub fn new(out: Collector<'k>) -> Self {
        Self {
            out,
            place: Place::Outside,
            open: Vec::new(),
            beyond: 0,
            outer: Vec::new(),
            prefixes: Vec::new(),
            patient: None,
            chosen: None,
            name: Name::default(),
            address: Address::default(),
            document: (0, "cda"),
            format: None,
            related: 0,
            examples: 0,
            cut: 0,
            body: None,
            carried: Carried::default(),
        }
    }

    pub fn text(&mut self, bytes: &[u8]) {
        if let Some((body, _)) = &mut self.body {
            // One byte more tells that it was too long.
            let room = MAX_CARRIED.saturating_add(1).saturating_sub(body.len());
            body.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
        }
        if let (Place::Header, 0, Some(open)) = (self.place, self.beyond, self.open.last_mut()) {
            open.push(bytes);
        }
    }

    /// A CDATA section has ended; its terminator came as text.
    pub fn end_data(&mut self) {
        if let Some((body, _)) = &mut self.body {
            body.truncate(body.len().saturating_sub(3));
        }
        if let (0, Some(open)) = (self.beyond, self.open.last_mut()) {
            open.take_back(3);
        }
    }

    /// What stood between `<` and `>`.
    pub fn tag(&mut self, tag: &[u8]) {
        if let Some(name) = tag.strip_prefix(b"/") {
            return self.end_tag(local(name.trim_ascii_end()));
        }
        let (tag, empty) = tag.strip_suffix(b"/").map_or((tag, false), |t| (t, true));
        let len = tag.iter().position(u8::is_ascii_whitespace).unwrap_or(tag.len());
        let is_root = local(tag.get(..len).unwrap_or_default()) == ROOT;
        if self.place == Place::Other && !is_root {
            if local(tag.get(..len).unwrap_or_default()) == b"text" && !empty {
                let text = names::decode(tag);
                let encoding = attribute(&BytesStart::from_content(&*text, len.min(text.len())), "representation");
                self.body = Some((Vec::new(), encoding == "B64"));
            }
            return;
        }
        let binds = || memchr::memmem::find(tag, V3.as_bytes()).is_some();
        // Most of a document is its body, of which nothing is read.
        if !is_root && (self.place == Place::Body || (self.place == Place::Outside && !binds())) {
            return;
        }
        let text = names::decode(tag);
        let len = text.find(|c: char| c.is_ascii_whitespace()).unwrap_or(text.len());
        let element = BytesStart::from_content(&*text, len);
        let bound = declared(&element);
        let prefix = element.name().prefix().map(|p| p.as_ref().to_owned()).unwrap_or_default();
        if is_root {
            return self.root(&prefix, &bound, empty);
        }
        let scope = if self.place == Place::Outside { &mut self.outer } else { &mut self.prefixes };
        bind(scope, &bound);
        if self.place == Place::Header {
            let own = bound.iter().rev().find(|b| b.0 == prefix).map(|b| b.1);
            let v3 = own.unwrap_or_else(|| self.prefixes.contains(&prefix));
            self.start(&element, v3, empty);
        }
    }

    fn root(&mut self, prefix: &str, bound: &[(String, bool)], empty: bool) {
        let own = bound.iter().rev().find(|b| b.0 == prefix).map(|b| b.1);
        if !own.unwrap_or_else(|| self.outer.iter().any(|p| p == prefix)) {
            return;
        }
        self.leave_header(true);
        self.prefixes = self.outer.clone();
        bind(&mut self.prefixes, bound);
        self.document = (0, "cda");
        if !empty {
            self.place = Place::Header;
            self.open = vec![Open::new(Kind::Root, "ClinicalDocument", false)];
        }
    }

    fn start(&mut self, element: &BytesStart<'_>, v3: bool, empty: bool) {
        let local = element.local_name();
        let local: &str = local.as_ref();
        if v3 && matches!(local, "structuredBody" | "nonXMLBody") {
            self.leave_header(false);
            self.place = if local == "nonXMLBody" { Place::Other } else { Place::Body };
            return;
        }
        let Some(parent) = self.open.last().map(|o| o.kind) else { return };
        if self.beyond > 0 || self.open.len() >= MAX_DEPTH {
            self.beyond = self.beyond.saturating_add(u64::from(!empty));
            return;
        }
        let mut kind = if v3 { Kind::of(parent, local) } else { Kind::Other };
        if !attribute(element, "nullFlavor").is_empty() {
            kind = Kind::Other;
        } else if v3 {
            self.enter(element, parent, kind, local);
        }
        let qualifier = attribute(element, "qualifier");
        let minor = qualifier.split_whitespace().any(|q| matches!(q, "CL" | "BR"));
        self.open.push(Open::new(kind, local, minor));
        if empty {
            self.close();
        }
    }

    /// What an element says by its attributes.
    fn enter(&mut self, element: &BytesStart<'_>, parent: Kind, kind: Kind, local: &str) {
        match (parent, kind, local) {
            (_, Kind::PatientRole, _) => {
                self.flush();
                self.patient = Some(Draft::default());
            }
            (Kind::PatientRole, _, "id") => self.identifier(&attribute(element, "root"), &attribute(element, "extension")),
            (Kind::PatientRole, _, "telecom") => self.telecom(&attribute(element, "value")),
            (Kind::Patient, _, "birthTime") => {
                let value = attribute(element, "value");
                // The day, whatever the precision of the time behind it (TS, `YYYYMMDDHHMMSS.UUUU[+|-ZZzz]`).
                let day = value.get(..8).filter(|d| d.bytes().all(|c| c.is_ascii_digit()));
                if let Some(draft) = &mut self.patient {
                    draft.birth = draft.birth.or_else(|| dates::date(day.unwrap_or(&value)));
                }
            }
            (_, Kind::Address, _) => self.address = Address::default(),
            (_, Kind::Name, _) => {
                let legal = attribute(element, "use").split_whitespace().any(|u| u == "L");
                self.name = Name { legal, ..Name::default() };
            }
            (Kind::Root, _, "templateId") => {
                let of = document_type(&attribute(element, "root"));
                self.document = self.document.max(of);
            }
            (_, _, "guardianPerson" | "associatedPerson" | "relatedPerson") => {
                self.related = self.related.saturating_add(1);
            }
            (_, _, "id") if attribute(element, "root") == NPI => {
                let number = attribute(element, "extension");
                if identifiers::npi(&number) {
                    self.out.value("npi", &number);
                }
            }
            _ => {}
        }
    }

    /// II: who assigned the number and the number; a UUID may stand alone.
    fn identifier(&mut self, root: &str, id: &str) {
        let Some(draft) = self.patient.as_mut() else { return };
        let held = [draft.mrns.len(), draft.locals.len(), draft.members.len(), draft.ssn.len(), draft.mbi.len()];
        if held.iter().sum::<usize>() >= MAX_IDS || root == NPI {
            return;
        }
        match (root, id) {
            (_, "") if identifiers::uuid(root) => {
                self.out.value("record_id", &root.to_ascii_uppercase());
                draft.locals.push(("urn:uuid".into(), root.into()));
            }
            (_, "") => {}
            (SSN, _) => draft.ssn.extend(self.out.ssn(id)),
            _ if MEDICARE.contains(&root) => match identifiers::mbi(id) {
                Some(mbi) => {
                    self.out.value("mbi", &String::from_utf8_lossy(&mbi));
                    draft.mbi.push(mbi);
                }
                None => {
                    self.out.value(if identifiers::hicn(id) { "hicn" } else { "member_id" }, id);
                    draft.members.push(id.into());
                }
            },
            _ if root.starts_with(DRIVERS_LICENCE) => self.out.value("licence", id),
            _ => {
                if identifiers::email(id) {
                    self.out.value("email", id);
                }
                let example = root.strip_prefix(EXAMPLES).is_some_and(|r| r.is_empty() || r.starts_with('.'));
                self.examples = self.examples.saturating_add(u64::from(example));
                self.out.value("mrn", id);
                draft.mrns.push((root.to_ascii_uppercase_smolstr(), id.into()));
            }
        }
    }

    /// TEL: a URL of the schemes `tel`, `fax`, `mailto` and others.
    fn telecom(&mut self, url: &str) {
        let (scheme, rest) = url.split_once(':').unwrap_or(("tel", url));
        let rest = rest.trim().trim_start_matches('/');
        match scheme.to_ascii_lowercase().as_str() {
            "mailto" if identifiers::email(rest) => self.out.value("email", rest),
            "tel" if identifiers::phone(rest).is_some() => self.out.phone(rest),
            // Not North American, but it stands where a number belongs.
            "tel" if rest.bytes().filter(u8::is_ascii_digit).count() >= 6 => self.out.value("phone", rest),
            _ => {}
        }
    }

    fn end_tag(&mut self, name: &[u8]) {
        if self.place == Place::Other && (name == b"text" || name == ROOT) {
            self.end_body();
        }
        if name == ROOT {
            self.leave_header(false);
            self.place = Place::Outside;
        } else if self.place == Place::Header {
            if self.beyond > 0 {
                self.beyond = self.beyond.saturating_sub(1);
                return;
            }
            // What was left open within it ends too; an end without a beginning is passed over.
            let name = names::decode(name);
            if let Some(at) = self.open.iter().rposition(|o| o.local == *name) {
                while self.open.len() > at.max(1) {
                    self.close();
                }
            }
        }
    }

    fn close(&mut self) {
        let Some(open) = self.open.pop() else { return };
        let text = open.text();
        match open.kind {
            Kind::Given => take_name(&mut self.name.given, &mut self.name.minor.0, text, open.minor),
            Kind::Family => take_name(&mut self.name.family, &mut self.name.minor.1, text, open.minor),
            Kind::Suffix => self.name.suffix = text,
            Kind::Name => {
                let mut name = std::mem::take(&mut self.name);
                if name.family.is_empty() && name.given.is_empty() {
                    (name.family, name.given) = names::split_full(&text);
                }
                let better = self.chosen.as_ref().is_none_or(|c| name.legal && !c.legal);
                if better && !name.family.is_empty() {
                    self.chosen = Some(name);
                }
            }
            Kind::Street if self.address.street.is_empty() => self.address.street = text,
            Kind::City => self.address.city = text,
            Kind::State => self.address.state = text,
            Kind::PostalCode => self.address.zip = text,
            Kind::Country => self.address.country = text,
            Kind::Address => {
                let Address { street, city, state, zip, country } = std::mem::take(&mut self.address);
                self.out.address(&street, &city, &zip);
                let here = country.is_empty()
                    || names::fold(&country).starts_with("US")
                    || names::fold(&country).starts_with("UNITEDSTATES");
                if let Some(draft) = self.patient.as_mut().filter(|_| here) {
                    draft.state = draft.state.or_else(|| identifiers::state(&state));
                }
            }
            Kind::PatientRole => self.flush(),
            _ => {}
        }
    }

    /// The patient is known, as far as it goes.
    fn flush(&mut self) {
        let name = self.chosen.take().unwrap_or_default();
        self.name = Name::default();
        let Some(mut draft) = self.patient.take() else { return };
        (draft.family, draft.given, draft.suffix) = (name.family.into(), name.given.into(), name.suffix.into());
        if !draft.is_empty() {
            self.out.records = self.out.records.saturating_add(1);
            self.out.person(&draft);
            let of = self.document.1;
            self.format = Some(self.format.map_or(of, |f| if f == of { f } else { "cda" }));
        }
    }

    /// The other document is whole, as far as it goes.
    fn end_body(&mut self) {
        match self.body.take() {
            Some((body, _)) if body.len() > MAX_CARRIED => self.carried.too_long(),
            Some((body, true)) => self.carried.base64(&body, self.out.key()),
            Some((body, false)) => self.carried.bytes(unescape(&names::decode(&body)).as_bytes(), self.out.key()),
            None => {}
        }
    }

    fn leave_header(&mut self, cut: bool) {
        self.end_body();
        if self.place == Place::Header {
            self.cut = self.cut.saturating_add(u64::from(cut));
            self.flush();
        }
        self.open.clear();
        self.beyond = 0;
    }

    pub fn finish(mut self) -> Outcome {
        self.leave_header(true);
        let unread = (self.cut > 0)
            .then(|| Unread::new(GapReason::Malformed, format!("{} clinical documents break off in their header", self.cut)));
        if let Some(unread) = &unread {
            self.out.note(format!("{}: counts are lower bounds", unread.detail));
        }
        if self.related > 0 {
            self.out.note(format!("{} related persons (guardians, participants, informants) beside the patients", self.related));
        }
        if self.examples > 0 {
            // No mark of a test: guides are copied together with their authority.
            self.out.note(format!("{} record numbers stand under the authority that HL7 keeps for examples", self.examples));
        }
        // A clinical document is about care.
        self.out.clinical |= self.out.has_people();
        let facts = self.out.finish(self.format.unwrap_or("cda").to_owned());
        self.carried.with(Outcome { facts, unread, ..Outcome::default() }, "cda")
    }
}

/// The part of a name behind its prefix.
fn local(name: &[u8]) -> &[u8] {
    name.rsplit(|b| *b == b':').next().unwrap_or(name)
}

fn bind(prefixes: &mut Vec<String>, bound: &[(String, bool)]) {
    for (prefix, _) in bound.iter().filter(|b| b.1) {
        if prefixes.len() < MAX_PREFIXES && !prefixes.contains(prefix) {
            prefixes.push(prefix.clone());
        }
    }
}

/// The first of its kind counts, unless it was only a call-me or birth name.
fn take_name(held: &mut String, held_minor: &mut bool, text: String, minor: bool) {
    if !text.is_empty() && (held.is_empty() || (*held_minor && !minor)) {
        (*held, *held_minor) = (text, minor);
    }
}

/// From the header's templates: HITSP C32, CCD (1.0 and Consolidated), Consolidated CDA.
fn document_type(root: &str) -> (u8, &'static str) {
    match root {
        "2.16.840.1.113883.3.88.11.32.1" => (3, "cda-c32"),
        "2.16.840.1.113883.10.20.22.1.2" | "2.16.840.1.113883.10.20.1" => (2, "cda-ccd"),
        _ if root.starts_with("2.16.840.1.113883.10.20.22.1.") => (1, "cda-ccda"),
        _ => (0, "cda"),
    }
}
