//! From segments to patients.

use std::borrow::Cow;

use smol_str::StrExt;

use super::Encoding;
use crate::phi::carried::{Carried, MAX_CARRIED};
use crate::phi::collect::{Collector, Draft};
use crate::phi::{Outcome, dates, identifiers, names};

/// The messages of one stream.
pub(in crate::phi) struct Messages<'k> {
    out: Collector<'k>,
    encoding: Option<Encoding>,
    /// MSH-4: who assigns numbers where PID-3 doesn't say.
    facility: String,
    patient: Option<Draft>,
    messages: u64,
    tests: u64,
    related: u64,
    merges: u64,
    carried: Carried,
}

/// One segment's fields, numbered as in the standard (PID-3 is field 3).
struct Fields<'a> {
    encoding: Encoding,
    fields: Vec<&'a [u8]>,
}

impl<'a> Fields<'a> {
    fn raw(&self, n: usize) -> &'a [u8] {
        self.fields.get(n).copied().unwrap_or_default()
    }

    /// The repetitions of a field, each as its components (component 1 is element 0).
    fn repeats(&self, n: usize) -> impl Iterator<Item = Vec<Cow<'a, str>>> + use<'a> {
        let Encoding { repetition, component, .. } = self.encoding;
        let parts = self.raw(n).split(move |b| *b == repetition).filter(|r| !r.is_empty());
        parts.take(64).map(move |r| r.split(|b| *b == component).map(clean).collect())
    }

    fn first(&self, n: usize) -> Vec<Cow<'a, str>> {
        self.repeats(n).next().unwrap_or_default()
    }

    /// The first subcomponent of a component.
    fn main<'t>(&self, text: &'t str) -> &'t str {
        text.split(char::from(self.encoding.sub)).next().unwrap_or_default().trim()
    }
}

/// `""` is HL7's explicit null.
fn clean(bytes: &[u8]) -> Cow<'_, str> {
    let text = match names::decode(bytes) {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    };
    if text == "\"\"" { Cow::default() } else { text }
}

fn part<'p>(parts: &'p [Cow<'_, str>], n: usize) -> &'p str {
    parts.get(n.saturating_sub(1)).map_or("", AsRef::as_ref)
}

impl<'k> Messages<'k> {
    pub fn new(out: Collector<'k>) -> Self {
        Self {
            out,
            encoding: None,
            facility: String::new(),
            patient: None,
            messages: 0,
            tests: 0,
            related: 0,
            merges: 0,
            carried: Carried::default(),
        }
    }

    pub fn segment(&mut self, line: &[u8]) {
        let Some(tag) = line.get(..3) else { return };
        if tag == b"MSH" {
            if let Some(encoding) = Encoding::read(line) {
                self.leave();
                self.encoding = Some(encoding);
                self.header(line, encoding);
            }
            return;
        }
        let Some(encoding) = self.encoding.filter(|e| line.get(3) == Some(&e.field)) else { return };
        let fields = Fields { encoding, fields: line.split(|b| *b == encoding.field).collect() };
        match tag {
            b"PID" => self.pid(&fields),
            b"MRG" => self.merge(&fields),
            b"NK1" => self.relative(&fields, 2, 3),
            b"GT1" => self.relative(&fields, 3, 11),
            b"IN1" => self.insurance(&fields),
            b"DG1" => {
                self.out.clinical = true;
                let code = fields.first(3);
                self.out.value("diagnosis_code", part(&code, 1));
            }
            b"OBX" => {
                self.out.clinical = true;
                self.observation(&fields);
            }
            b"OBR" | b"PV1" | b"AL1" | b"RXA" | b"RXE" | b"ORC" | b"PR1" | b"FT1" | b"TXA" | b"SCH" => {
                self.out.clinical = true;
            }
            _ => {}
        }
    }

    /// OBX: 2 the value's type, 5 the value. Encapsulated data (ED) is the application, kind, subtype, encoding and data
    /// (chapter 2.A.24); a clinical document may also stand there as text.
    fn observation(&mut self, f: &Fields<'_>) {
        let value = f.raw(5);
        if value.len() > MAX_CARRIED {
            return self.carried.too_long();
        }
        let key = self.out.key();
        if f.raw(2) == b"ED" {
            let mut parts = value.splitn(5, |b| *b == f.encoding.component);
            let (encoding, data) = (parts.nth(3).unwrap_or_default(), parts.next().unwrap_or_default());
            match encoding.to_ascii_lowercase().as_slice() {
                b"base64" => self.carried.base64(&unescaped(data, f.encoding), key),
                b"hex" => self.carried.bytes(&hex(data), key),
                _ if !data.is_empty() => self.carried.bytes(&unescaped(data, f.encoding), key),
                _ => {}
            }
        } else if memchr::memmem::find(value, b"ClinicalDocument").is_some() {
            self.carried.bytes(&unescaped(value, f.encoding), key);
        }
    }

    /// A carried document was longer than is kept.
    pub fn cut(&mut self) {
        self.carried.too_long();
    }

    fn header(&mut self, line: &[u8], encoding: Encoding) {
        // MSH-1 is the separator itself, so field n stands at n − 1.
        let at = |n: usize| line.split(|b| *b == encoding.field).nth(n - 1).map(clean).unwrap_or_default();
        self.messages = self.messages.saturating_add(1);
        let mode = at(11);
        self.tests = self.tests.saturating_add(u64::from(mode.starts_with('T') || mode.starts_with('D')));
        self.facility = at(4).split(char::from(encoding.component)).next().unwrap_or_default().to_owned();
    }

    fn pid(&mut self, f: &Fields<'_>) {
        self.leave();
        let mut draft = Draft::default();
        // PID-3; older versions kept the number in PID-2.
        let ids = if f.raw(3).is_empty() { 2 } else { 3 };
        for cx in f.repeats(ids) {
            self.identifier(f, &cx, &mut draft);
        }
        let name = f.repeats(5).find(|n| !part(n, 1).is_empty()).unwrap_or_default();
        draft.family = f.main(part(&name, 1)).into();
        draft.given = f.main(part(&name, 2)).into();
        draft.suffix = part(&name, 4).into();
        draft.birth = dates::date(&clean(f.raw(7)));
        for address in f.repeats(11) {
            self.out.address(f.main(part(&address, 1)), part(&address, 3), part(&address, 5));
            let code = Some(part(&address, 4)).filter(|s| s.len() == 2);
            draft.state = draft.state.or_else(|| code.and_then(identifiers::state));
        }
        for field in [13, 14] {
            for phone in f.repeats(field) {
                self.phone(&phone);
            }
        }
        self.out.value("account", part(&f.first(18), 1));
        let ssn = self.out.ssn(part(&f.first(19), 1));
        draft.ssn.extend(ssn);
        self.out.value("licence", part(&f.first(20), 1));
        if !draft.is_empty() {
            self.out.records = self.out.records.saturating_add(1);
            self.patient = Some(draft);
        }
    }

    /// XTN: component 1 in old versions; 4 e-mail; 6 and 7 area and number; 12 unformatted.
    fn phone(&mut self, xtn: &[Cow<'_, str>]) {
        if identifiers::email(part(xtn, 4)) {
            self.out.value("email", part(xtn, 4));
        }
        let split = format!("{}{}", part(xtn, 6), part(xtn, 7));
        match [part(xtn, 1), part(xtn, 12), &split].into_iter().find(|t| identifiers::phone(t).is_some()) {
            Some(number) => self.out.phone(number),
            // `(905)111-1111` is no North American number, but it stands where one belongs.
            None => self.out.value("phone", part(xtn, 1)),
        }
    }

    /// CX: component 1 the number, 4 who assigned it, 5 its type (table 0203).
    fn identifier(&mut self, f: &Fields<'_>, cx: &[Cow<'_, str>], draft: &mut Draft) {
        let id = f.main(part(cx, 1));
        if id.is_empty() {
            return;
        }
        let authority = part(cx, 4);
        let is_ssn = part(cx, 5) == "SS" || authority.contains("2.16.840.1.113883.4.1&") || authority.contains("USSSA");
        match part(cx, 5) {
            _ if is_ssn => {
                let ssn = self.out.ssn(id);
                draft.ssn.extend(ssn);
            }
            "MC" | "MA" | "MB" | "NI" | "HC" => match identifiers::mbi(id) {
                Some(mbi) => {
                    self.out.value("mbi", id);
                    draft.mbi.push(mbi);
                }
                None => {
                    self.out.value("member_id", id);
                    draft.members.push(id.into());
                }
            },
            "AN" | "VN" | "FI" => self.out.value("account", id),
            "DL" | "PPN" | "PRC" => self.out.value("licence", id),
            _ => {
                let authority = if authority.is_empty() { self.facility.as_str() } else { f.main(authority) };
                draft.mrns.push((authority.to_ascii_uppercase_smolstr(), id.into()));
                self.out.value("mrn", id);
            }
        }
    }

    /// MRG-1: the number that goes away is the same person's as the one that stays.
    fn merge(&mut self, f: &Fields<'_>) {
        let Some(mut draft) = self.patient.take() else { return };
        let mut old = Draft::default();
        for cx in f.repeats(1) {
            self.identifier(f, &cx, &mut old);
        }
        self.merges = self.merges.saturating_add(1);
        draft.mrns.append(&mut old.mrns);
        self.patient = Some(draft);
    }

    /// A next of kin or guarantor, unless it is the patient.
    fn relative(&mut self, f: &Fields<'_>, name: usize, relation: usize) {
        let relation = f.first(relation);
        let own = matches!(part(&relation, 1), "SEL" | "18" | "SE" | "S" | "PT");
        if !own && !part(&f.first(name), 1).is_empty() {
            self.related = self.related.saturating_add(1);
        }
    }

    /// IN1: 16 the insured's name, 17 the relation to the patient, 36 policy number, 49 insured's number.
    fn insurance(&mut self, f: &Fields<'_>) {
        self.relative(f, 16, 17);
        self.out.clinical = true;
        for field in [36, 49] {
            let Some(id) = f.repeats(field).next().map(|cx| part(&cx, 1).to_owned()).filter(|id| !id.is_empty()) else {
                continue;
            };
            match (identifiers::mbi(&id), self.patient.as_mut()) {
                (Some(mbi), Some(patient)) => {
                    patient.mbi.push(mbi);
                    self.out.value("mbi", &id);
                }
                (_, patient) => {
                    if let Some(patient) = patient.filter(|p| !p.given.is_empty()) {
                        patient.members.push(id.as_str().into());
                    }
                    self.out.value("member_id", &id);
                }
            }
        }
    }

    /// The patient's part of the message is over.
    fn leave(&mut self) {
        if let Some(draft) = self.patient.take() {
            self.out.person(&draft);
        }
    }

    pub fn finish(mut self) -> Outcome {
        self.leave();
        self.out.marked_test = self.tests > 0 && self.tests == self.messages;
        if self.tests > 0 && self.tests < self.messages {
            self.out.note(format!("{} of {} messages are marked as test or debugging", self.tests, self.messages));
        }
        if self.merges > 0 {
            self.out.note(format!("{} merged record numbers, counted with the person they were merged into", self.merges));
        }
        if self.related > 0 {
            self.out.note(format!("{} related persons (next of kin, guarantors, insured) beside the patients", self.related));
        }
        // A message about a patient is about care, payment or operations of care.
        self.out.clinical |= self.out.has_people();
        self.carried.with(self.out.finish("hl7v2".to_owned()).into(), "hl7v2")
    }
}

/// Text with the delimiters and line ends that escape sequences stand for (chapter 2.7): `\F\`, `\X0D0A\`, `\.br\`.
fn unescaped(text: &[u8], encoding: Encoding) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        out.extend_from_slice(rest.get(..at).unwrap_or_default());
        rest = rest.get(at.saturating_add(1)..).unwrap_or_default();
        let Some(end) = memchr::memchr(b'\\', rest.get(..64).unwrap_or(rest)) else {
            out.push(b'\\');
            continue;
        };
        let sequence = rest.get(..end).unwrap_or_default();
        match sequence {
            b"F" => out.push(encoding.field),
            b"S" => out.push(encoding.component),
            b"R" => out.push(encoding.repetition),
            b"T" => out.push(encoding.sub),
            b"E" => out.push(b'\\'),
            b".br" => out.push(b'\n'),
            [b'X', digits @ ..] => out.extend(hex(digits)),
            _ => {}
        }
        rest = rest.get(end.saturating_add(1)..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    out
}

/// Bytes written as two digits each; what is none is left out.
fn hex(digits: &[u8]) -> Vec<u8> {
    digits.chunks_exact(2).filter_map(|p| u8::from_str_radix(std::str::from_utf8(p).ok()?, 16).ok()).collect()
}
