//! What a column's header says it holds.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::codes::System;

/// What a column is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Concept {
    /// A patient's number in a record system.
    PatientKey,
    /// A key that may be a person's: decides only together with health data.
    WeakKey,
    Family,
    Given,
    /// A name, of whatever.
    FullName,
    /// A name that the header says is a patient's.
    PatientName,
    Dob,
    Ssn,
    /// A guarantor's or relative's number: counted, no patient.
    RelatedSsn,
    Mbi,
    Member,
    Insurance,
    /// Says health by itself.
    Clinical,
    /// Says health together with another.
    ClinicalWeak,
    ServiceDate,
    Npi,
    /// Registration of a prescriber, laboratory, or provider's specialty; an employer's or provider's tax number.
    Dea,
    Clia,
    Taxonomy,
    Ein,
    Phone,
    Email,
    Street,
    City,
    State,
    Zip,
    /// A person's tax number, where there is no SSN.
    Itin,
    /// A payment card.
    Card,
    Licence,
    Device,
    /// Belongs to a provider, payer or employer.
    #[serde(skip)]
    Foreign,
}

/// A header's meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Meaning {
    pub concept: Concept,
    /// The header itself names a patient or plan member.
    pub patient: bool,
}

#[derive(Default, serde::Deserialize)]
struct File {
    concepts: HashMap<Concept, Vec<String>>,
    codes: HashMap<System, Vec<String>>,
    patient_prefixes: Vec<String>,
    member_prefixes: Vec<String>,
    other_prefixes: Vec<String>,
}

struct Dictionary {
    words: HashMap<String, Concept>,
    systems: HashMap<String, System>,
    patient_prefixes: Vec<String>,
    member_prefixes: Vec<String>,
    other_prefixes: Vec<String>,
}

fn dictionary() -> &'static Dictionary {
    static DICTIONARY: OnceLock<Dictionary> = OnceLock::new();
    DICTIONARY.get_or_init(|| {
        // The file is part of the program and a test reads it; a broken one recognises nothing.
        let file = serde_json::from_str(include_str!("../../../signatures/phi/headers.json"));
        let File { concepts, codes, patient_prefixes, member_prefixes, other_prefixes } = file.unwrap_or_default();
        let words = concepts.into_iter().flat_map(|(c, list)| list.into_iter().map(move |w| (w, c))).collect();
        let systems = codes.into_iter().flat_map(|(s, list)| list.into_iter().map(move |w| (w, s))).collect();
        Dictionary { words, systems, patient_prefixes, member_prefixes, other_prefixes }
    })
}

/// Lower case, letters and digits only.
pub(super) fn normalise(header: &str) -> String {
    header.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// The meaning of a normalised header.
pub(super) fn meaning(header: &str) -> Option<Meaning> {
    let d = dictionary();
    let look = |word: &str| {
        let bare = word.trim_end_matches(|c: char| c.is_ascii_digit());
        d.words.get(word).or_else(|| d.words.get(bare)).copied()
    };
    let behind = |prefixes: &[String]| prefixes.iter().filter_map(|p| header.strip_prefix(p.as_str())).find_map(look);
    if let Some(concept) = look(header) {
        let patient = matches!(concept, Concept::PatientKey | Concept::PatientName) || header.starts_with("pat");
        return Some(Meaning { concept, patient });
    }
    if behind(&d.other_prefixes).is_some() {
        return Some(Meaning { concept: Concept::Foreign, patient: false });
    }
    if let Some(concept) = behind(&d.member_prefixes) {
        let concept = if concept == Concept::WeakKey { Concept::Member } else { concept };
        return Some(Meaning { concept, patient: false });
    }
    let concept = match behind(&d.patient_prefixes)? {
        Concept::FullName => Concept::PatientName,
        Concept::WeakKey => Concept::PatientKey,
        other => other,
    };
    Some(Meaning { concept, patient: true })
}

/// The system of codes that a normalised header names.
pub(super) fn system(header: &str) -> Option<System> {
    let d = dictionary();
    let bare = header.trim_end_matches(|c: char| c.is_ascii_digit());
    d.systems.get(header).or_else(|| d.systems.get(bare)).copied()
}

/// The titles of a database's columns as its table's name has them meant: `id` and `last_name` of a table `patients`
/// are a patient's.
pub(in crate::phi) fn titles<'a>(table: &str, columns: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let of_patients = lists_patients(table);
    let title = |column: &str| {
        let owner = meaning(&normalise(column)).map(|m| m.patient || m.concept == Concept::Foreign);
        if of_patients && owner == Some(false) { format!("patient_{column}") } else { column.to_owned() }
    };
    columns.into_iter().map(title).collect()
}

/// Whether a row of a table of this name is a patient.
fn lists_patients(table: &str) -> bool {
    const KINDS: [&str; 9] = ["data", "info", "master", "demographic", "detail", "list", "table", "record", "file"];
    let name = normalise(table.rsplit('.').next().unwrap_or(table));
    let one = name.strip_suffix('s').unwrap_or(&name);
    let bare = KINDS.iter().find_map(|kind| one.strip_suffix(kind)).unwrap_or(one);
    bare.ends_with("patient") || bare.ends_with("patients") || matches!(name.as_str(), "demographics" | "pat" | "pt")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn concept(header: &str) -> Option<Concept> {
        meaning(&normalise(header)).map(|m| m.concept)
    }

    #[test]
    fn the_data_file_is_sound() {
        let file: File = serde_json::from_str(include_str!("../../../signatures/phi/headers.json")).unwrap();
        let mut seen = HashMap::new();
        for (concept, words) in &file.concepts {
            for word in words {
                assert_eq!(*word, normalise(word), "not normalised");
                assert_eq!(seen.insert(word.clone(), *concept), None, "{word} stands twice");
            }
        }
        assert!(seen.len() > 300);
        for word in file.codes.values().flatten() {
            assert_eq!(seen.get(word), Some(&Concept::Clinical), "{word} names codes, and is no clinical header");
        }
    }

    #[test]
    fn a_table_s_name_says_whose_its_columns_are() {
        assert_eq!(
            titles("clinic.Patients", ["id", "last_name", "provider_name", "shade"]),
            ["patient_id", "patient_last_name", "provider_name", "shade"]
        );
        for (name, want) in [("patient_data", true), ("tblPatient", true), ("staff", false), ("patient_visits", false)] {
            assert_eq!(lists_patients(name), want, "{name}");
        }
    }

    #[test]
    fn headers_of_real_exports() {
        for (header, want) in [
            ("PAT_ID", Concept::PatientKey),
            ("PatNum", Concept::PatientKey),
            ("Medical Record #", Concept::PatientKey),
            ("LName", Concept::Family),
            ("Patient First Name", Concept::Given),
            ("Birthdate", Concept::Dob),
            ("Subscriber DOB", Concept::Dob),
            ("patient_ssn", Concept::Ssn),
            ("PAT_ENC_CSN_ID", Concept::Clinical),
            ("dx12", Concept::Clinical),
            ("person_id", Concept::WeakKey),
            ("Member ID", Concept::Member),
            ("PATIENT", Concept::PatientKey),
            ("Patient Name", Concept::PatientName),
            ("Provider Last Name", Concept::Foreign),
            ("employer_name", Concept::Foreign),
            ("NPI", Concept::Npi),
            ("Prescriber DEA", Concept::Dea),
            ("Lab CLIA", Concept::Clia),
            ("Taxonomy Code 1", Concept::Taxonomy),
            ("Tax ID", Concept::Ein),
            ("ITIN", Concept::Itin),
            ("Patient Credit Card Number", Concept::Card),
        ] {
            assert_eq!(concept(header), Some(want), "{header}");
        }
        for none in ["concept_class_id", "colour", "path", "", "price", "subject"] {
            assert_eq!(concept(none), None, "{none}");
        }
    }
}
