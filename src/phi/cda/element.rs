//! The elements of the header that say who it is about, and how one is told from its namesakes.

use quick_xml::events::BytesStart;

/// The namespace of HL7 version 3.
pub(super) const V3: &str = "urn:hl7-org:v3";
/// Bytes kept of one text; longer ones name nobody.
const MAX_TEXT: usize = 1024;

/// What an element is by its place: a `name` outside of `patient` is somebody else's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Root,
    RecordTarget,
    PatientRole,
    Address,
    Street,
    City,
    State,
    PostalCode,
    Country,
    Patient,
    Name,
    Given,
    Family,
    Suffix,
    Other,
}

impl Kind {
    pub fn of(parent: Kind, local: &str) -> Self {
        match (parent, local) {
            (Kind::Root, "recordTarget") => Kind::RecordTarget,
            (Kind::RecordTarget, "patientRole") => Kind::PatientRole,
            (Kind::PatientRole, "addr") => Kind::Address,
            (Kind::Address, "streetAddressLine") => Kind::Street,
            (Kind::Address, "city") => Kind::City,
            (Kind::Address, "state") => Kind::State,
            (Kind::Address, "postalCode") => Kind::PostalCode,
            (Kind::Address, "country") => Kind::Country,
            (Kind::PatientRole, "patient") => Kind::Patient,
            (Kind::Patient, "name") => Kind::Name,
            (Kind::Name, "given") => Kind::Given,
            (Kind::Name, "family") => Kind::Family,
            (Kind::Name, "suffix") => Kind::Suffix,
            _ => Kind::Other,
        }
    }

    fn has_text(self) -> bool {
        use Kind::{City, Country, Family, Given, Name, PostalCode, State, Street, Suffix};
        matches!(self, City | Country | Family | Given | Name | PostalCode | State | Street | Suffix)
    }
}

/// An element that is open.
pub(super) struct Open {
    pub kind: Kind,
    pub local: String,
    /// A call-me or birth name, which gives way to another of its kind.
    pub minor: bool,
    text: Vec<u8>,
    long: bool,
}

impl Open {
    pub fn new(kind: Kind, local: &str, minor: bool) -> Self {
        Self { kind, local: local.to_owned(), minor, text: Vec::new(), long: false }
    }

    pub fn push(&mut self, bytes: &[u8]) {
        if self.kind.has_text() && !self.long {
            self.long = self.text.len().saturating_add(bytes.len()) > MAX_TEXT;
            if !self.long {
                self.text.extend_from_slice(bytes);
            }
        }
    }

    /// Takes back the last bytes, which were the end of a CDATA section.
    pub fn take_back(&mut self, count: usize) {
        self.text.truncate(self.text.len().saturating_sub(count));
    }

    pub fn text(&self) -> String {
        if self.long { String::new() } else { unescape(&crate::phi::names::decode(&self.text)) }
    }
}

/// Only the five entities of XML and character references; a text with any other stays as written.
pub(super) fn unescape(raw: &str) -> String {
    let text = quick_xml::escape::unescape(raw).map_or_else(|_| raw.to_owned(), |v| v.into_owned());
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// An attribute's value; empty where it isn't there.
pub(super) fn attribute(element: &BytesStart<'_>, name: &str) -> String {
    let mut attributes = element.attributes();
    let found = attributes.with_checks(false).flatten().find(|a| a.key.as_ref() == name);
    found.filter(|a| a.value.len() <= MAX_TEXT).map(|a| unescape(&a.value)).unwrap_or_default()
}

/// The prefixes an element declares (the default one is empty), and whether each stands for version 3.
pub(super) fn declared(element: &BytesStart<'_>) -> Vec<(String, bool)> {
    let mut attributes = element.attributes();
    let all = attributes.with_checks(false).flatten().take(256);
    all.filter_map(|a| {
        let prefix = match a.key.as_ref().split_once(':') {
            None if a.key.as_ref() == "xmlns" => "",
            Some(("xmlns", prefix)) => prefix,
            _ => return None,
        };
        Some((prefix.to_owned(), unescape(&a.value) == V3))
    })
    .collect()
}
