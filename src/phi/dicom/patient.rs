//! From the values of a data set, or of a directory's records, to patients.

use smol_str::StrExt;

use super::element::Tag;
use crate::model::PhiFacts;
use crate::phi::collect::{Collector, Draft};
use crate::phi::{dates, identifiers, names};

/// Further numbers of one patient that are kept.
const MAX_OTHERS: usize = 24;

/// What the elements at hand speak of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// The data set itself.
    Main,
    /// The directory record sequence (PS3.3 section F.3).
    Directory,
    /// Other patient IDs sequence.
    OtherIds,
    Other,
}

impl Scope {
    /// What an element would speak of were it a sequence.
    pub fn within(outer: Self, tag: Tag) -> Self {
        match (outer, tag) {
            (Self::Main, Tag(4, 0x1220)) => Self::Directory,
            (Self::Main | Self::Directory, Tag(0x10, 0x1002)) => Self::OtherIds,
            _ => Self::Other,
        }
    }
}

/// Whether the value is one that is looked at.
pub(super) fn wanted(scope: Scope, tag: Tag) -> bool {
    match (scope, tag) {
        (Scope::Other, _) => false,
        (Scope::OtherIds, Tag(group, element)) => group == 0x10 && matches!(element, 0x20 | 0x21),
        (_, Tag(2, element)) => matches!(element, 0 | 0x10),
        (_, Tag(4, element)) => element == 0x1430,
        (_, Tag(8, element)) => matches!(element, 0x16 | 0x20 | 0x50 | 0x60),
        (_, Tag(0x10, element)) => matches!(element, 0x10 | 0x20 | 0x21 | 0x30 | 0x1000 | 0x1040 | 0x2154),
        (_, Tag(0x12, element)) => matches!(element, 0x62 | 0x63),
        (_, Tag(0x20, element)) => element == 0xd,
        (_, Tag(0x28, element)) => element == 0x301,
        _ => false,
    }
}

/// The fields of one data set or directory record. The order of tags is the data's, so that the patient is
/// put together at its end.
#[derive(Default)]
struct Record {
    kind: String,
    class: String,
    modality: String,
    name: String,
    id: String,
    issuer: String,
    birth: String,
    others: Vec<(String, String)>,
    address: String,
    phones: String,
    removed: String,
    method: bool,
    burned: Option<bool>,
}

/// Gathers the patients of one object.
pub(super) struct Records<'k> {
    out: Collector<'k>,
    main: Record,
    /// The directory record that is being read.
    entry: Option<Record>,
    /// Issuer and number of the item that is being read.
    other: (String, String),
    directory: bool,
}

impl<'k> Records<'k> {
    pub fn new(out: Collector<'k>) -> Self {
        Self { out, main: Record::default(), entry: None, other: Default::default(), directory: false }
    }

    /// An item begins.
    pub fn enter(&mut self, scope: Scope) {
        match scope {
            Scope::Directory => {
                self.directory = true;
                self.entry = Some(Record::default());
            }
            Scope::OtherIds => self.other = Default::default(),
            Scope::Main | Scope::Other => {}
        }
    }

    /// An item, or the sequence around items, is over.
    pub fn leave(&mut self, item: bool, scope: Scope) {
        match scope {
            Scope::Directory if item => {
                if let Some(entry) = self.entry.take().filter(|e| e.kind == "PATIENT") {
                    entry.person(&mut self.out);
                }
            }
            Scope::OtherIds if item => {
                let other = std::mem::take(&mut self.other);
                self.entry.as_mut().unwrap_or(&mut self.main).other(other);
            }
            _ => {}
        }
    }

    pub fn value(&mut self, scope: Scope, tag: Tag, value: &[u8]) {
        let text = names::decode(value).trim_matches([' ', '\0']).to_owned();
        if scope == Scope::OtherIds {
            if tag.1 == 0x20 {
                self.other.1 = text
            } else {
                self.other.0 = text
            }
            return;
        }
        let record = self.entry.as_mut().unwrap_or(&mut self.main);
        match tag {
            Tag(4, _) => record.kind = text,
            Tag(8, 0x16) => record.class = text,
            Tag(8, 0x20) => self.out.value("date", &text),
            Tag(8, 0x50) => self.out.value("accession", &text),
            Tag(8, 0x60) => record.modality = text,
            Tag(0x10, 0x10) => record.name = text,
            Tag(0x10, 0x20) => record.id = text,
            Tag(0x10, 0x21) => record.issuer = text,
            Tag(0x10, 0x30) => record.birth = text,
            Tag(0x10, 0x1000) => text.split('\\').for_each(|id| record.other((String::new(), id.to_owned()))),
            Tag(0x10, 0x1040) => record.address = text,
            Tag(0x10, 0x2154) => record.phones = text,
            Tag(0x12, 0x62) => record.removed = text,
            Tag(0x12, 0x63) => record.method = !text.is_empty(),
            Tag(0x20, 0xd) => self.out.value("study", &text),
            Tag(0x28, 0x301) => record.burned = Some(text == "YES"),
            _ => {}
        }
    }

    pub fn finish(mut self) -> Option<PhiFacts> {
        let main = std::mem::take(&mut self.main);
        main.person(&mut self.out);
        main.pixels(&mut self.out);
        // Whoever is in it was imaged or treated.
        self.out.clinical |= self.out.has_people();
        let mut facts = self.out.finish(if self.directory { "dicomdir" } else { "dicom" }.to_owned())?;
        // The method is only named where something was done; `NO` overrules it.
        facts.deidentified = main.removed == "YES" || (main.method && main.removed.is_empty());
        Some(facts)
    }
}

impl Record {
    fn other(&mut self, (issuer, id): (String, String)) {
        if self.others.len() < MAX_OTHERS {
            self.others.push((issuer, id));
        }
    }

    /// Takes the patient over, where one is named.
    fn person(&self, out: &mut Collector<'_>) {
        let mut draft = Draft { birth: dates::date(&self.birth), ..Draft::default() };
        let (family, given, suffix) = person_name(&self.name);
        (draft.family, draft.given, draft.suffix) = (family.into(), given.into(), suffix.into());
        let first = std::iter::once((&self.issuer, &self.id));
        for (issuer, id) in first.chain(self.others.iter().map(|(issuer, id)| (issuer, id))) {
            let id = id.trim();
            if identifiers::ssn_dashed(id) {
                draft.ssn.extend(out.ssn(id));
            } else if !id.is_empty() {
                draft.mrns.push((issuer.to_ascii_uppercase_smolstr(), id.into()));
                out.value("mrn", id);
            }
        }
        if draft.is_empty() {
            return;
        }
        self.reach(&mut draft, out);
        out.records = out.records.saturating_add(1);
        out.person(&draft);
    }

    /// Address and phones; a state is one where a postal code follows it.
    fn reach(&self, draft: &mut Draft, out: &mut Collector<'_>) {
        out.value("street", &names::fold(&self.address));
        let words: Vec<&str> = self.address.split([' ', ',', '^', '\\', '\r', '\n']).filter(|w| !w.is_empty()).collect();
        for pair in words.windows(2) {
            if let [state, zip] = pair
                && let (2, Some(state), Some(_)) = (state.len(), identifiers::state(state), identifiers::zip5(zip))
            {
                draft.state = Some(state);
                out.address("", "", zip);
            }
        }
        for phone in self.phones.split('\\').map(str::trim) {
            match identifiers::phone(phone) {
                Some(_) => out.phone(phone),
                None => out.value("phone", phone),
            }
        }
    }

    /// Ultrasound and secondary captures often show the name in the picture (PS3.3 section C.7.6.1.1).
    fn pixels(&self, out: &mut Collector<'_>) {
        const CAPTURE: &str = "1.2.840.10008.5.1.4.1.1.7";
        let capture = self.class.strip_prefix(CAPTURE).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        match self.burned {
            Some(true) => out.note("images are marked as showing identifying text (BurnedInAnnotation)"),
            None if capture || matches!(self.modality.as_str(), "US" | "SC") => {
                out.note("ultrasound or captured images don't say whether they show identifying text");
            }
            _ => {}
        }
        if let Some(modality) = MODALITIES.iter().find(|m| **m == self.modality) {
            out.note(format!("modality {modality}"));
        }
    }
}

/// Common defined terms of (0008,0060), PS3.3 section C.7.3.1.1.1; others could be anything.
const MODALITIES: &[&str] = &[
    "CR", "CT", "DX", "ECG", "ES", "IO", "KO", "MG", "MR", "NM", "OP", "OPT", "OT", "PR", "PT", "PX", "RF", "RG", "RTDOSE",
    "RTIMAGE", "RTPLAN", "RTRECORD", "RTSTRUCT", "SC", "SEG", "SM", "SR", "US", "XA", "XC",
];

/// PN (PS3.5 section 6.2.1): groups by `=` for scripts, components by `^`: family, given, middle, prefix,
/// suffix. The first group with a name in it counts. Plain text is read as names are written.
fn person_name(text: &str) -> (String, String, String) {
    let filled = |group: &&str| !names::fold(group).is_empty();
    let Some(group) = text.split('=').find(filled) else { return Default::default() };
    if !group.contains('^') {
        let (family, given) = names::split_full(group);
        return (family, given, String::new());
    }
    let mut parts = group.split('^').map(|p| p.trim().to_owned());
    let mut next = || parts.next().unwrap_or_default();
    let (family, given) = (next(), next());
    let (_middle, _prefix, suffix) = (next(), next(), next());
    (family, given, suffix)
}
