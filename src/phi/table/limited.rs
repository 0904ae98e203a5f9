//! Tables of health data that name nobody: codes with dates or places, as a limited data set has them (45 CFR 164.514(e)).
//!
//! Price lists and vocabularies have codes as well: a column of codes must be written as its header says, a second column
//! be about health, and the dates be those of care, or the places and ages those of people.

use super::codes::System;
use super::columns::Column;
use super::headers::Concept;
use crate::phi::identifiers;

/// Rows below which codes prove nothing.
const MIN_ROWS: usize = 5;
/// From so many rows on, codes that never repeat are a list of codes.
const MANY_ROWS: usize = 20;
/// Headers of dates that price lists have, too.
const ANY_DATE: [&str; 6] = ["start", "stop", "startdate", "enddate", "date", "orderdate"];
/// What describes a person and tells nobody apart.
const DEMOGRAPHIC: [&str; 16] = [
    "sex",
    "gender",
    "age",
    "ageyears",
    "ageinyears",
    "ageatvisit",
    "ageatadmission",
    "agegroup",
    "patientage",
    "patientsex",
    "patientgender",
    "birthyear",
    "yearofbirth",
    "yob",
    "race",
    "ethnicity",
];

/// One column as its header has it.
pub(super) struct Titled<'a> {
    pub space: &'a str,
    pub concept: Option<Concept>,
    pub system: Option<System>,
    pub column: &'a Column,
}

/// Whether rows are about people whom nothing in them names.
pub(super) fn is_limited(columns: &[Titled<'_>]) -> bool {
    use Concept::{
        Card, City, Clinical, ClinicalWeak, Dob, Email, Family, FullName, Given, Insurance, Itin, Licence, Mbi, Member, Npi,
        PatientKey, PatientName, Phone, RelatedSsn, ServiceDate, Ssn, Street, Taxonomy, Zip,
    };
    let direct = [
        Card,
        Email,
        Family,
        FullName,
        Given,
        Itin,
        Licence,
        Mbi,
        Member,
        PatientKey,
        PatientName,
        Phone,
        RelatedSsn,
        Ssn,
        Street,
    ];
    let has = |list: &[Concept]| columns.iter().any(|c| c.concept.is_some_and(|c| list.contains(&c)));
    if has(&direct) || !columns.iter().any(is_coded) {
        return false;
    }
    let person = columns.iter().any(|c| DEMOGRAPHIC.contains(&c.space) && c.column.filled > 0);
    let (dates, codes): (Vec<_>, Vec<_>) =
        columns.iter().filter(|c| c.concept == Some(Clinical)).partition(|c| c.column.has_dates());
    // Admission and discharge together are as good as a second column of health.
    if codes.len() < 2 && dates.len() < 2 && !(person || has(&[ClinicalWeak, Insurance])) {
        return false;
    }
    let provider = has(&[Npi, Taxonomy]);
    columns.iter().any(|c| match c.concept {
        Some(Dob) => c.column.has_dates(),
        Some(ServiceDate | Clinical) => c.column.has_dates() && (person || !ANY_DATE.contains(&c.space)),
        Some(Zip) => c.column.is_zip() && (person || !provider),
        Some(City) => person && c.column.filled >= MIN_ROWS,
        _ => false,
    })
}

/// Codes as the header says, and not each once.
fn is_coded(c: &Titled<'_>) -> bool {
    let column = c.column;
    let list = column.filled >= MANY_ROWS && column.distinct() == column.filled;
    c.concept == Some(Concept::Clinical)
        && c.system.is_some_and(|s| s.tells() && column.is_coded(s))
        && column.filled >= MIN_ROWS
        && column.distinct() >= 2
        && !list
}

/// Whether a row of it is one: some cell says something of health.
pub(super) fn counts(concept: Concept, text: &str) -> bool {
    match concept {
        Concept::Clinical | Concept::ClinicalWeak => !text.is_empty(),
        Concept::Zip => identifiers::zip5(text).is_some(),
        _ => false,
    }
}
