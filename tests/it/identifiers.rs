//! Every family of identifiers against its table of values that are ones and values that aren't
//! (tests/tools/identifiers.py writes the tables and asks a second implementation).

use std::path::Path;

use wardround::phi::dates;
use wardround::phi::identifiers::{self as id, SsnClass};

type Validator = fn(&str) -> bool;

/// File of the table, and the validator.
const FAMILIES: &[(&str, Validator)] = &[
    ("aba", id::aba),
    ("card", id::card),
    ("clia", id::clia),
    ("dea", id::dea),
    ("dob", |t| dates::date(t).is_some()),
    ("ein", id::ein),
    ("hcpcs", id::hcpcs),
    ("hicn", id::hicn),
    ("icd10cm", |t| id::icd10cm(t).is_some()),
    ("icd10pcs", id::icd10pcs),
    ("icd9cm", id::icd9cm),
    ("itin", id::itin),
    ("loinc", id::loinc),
    ("mbi", |t| id::mbi(t).is_some()),
    ("ndc", id::ndc),
    ("npi", id::npi),
    ("phone", |t| id::phone(t).is_some()),
    ("snomed", id::snomed),
    ("ssn", |t| id::ssn(t).is_some_and(|s| s.1 == SsnClass::Valid)),
    ("taxonomy", id::taxonomy),
    ("zip", |t| id::zip5(t).is_some()),
];

/// Values on which the validator and the table disagree, and how many of each kind the table has.
fn judge(table: &str, valid: Validator) -> (Vec<String>, usize, usize) {
    let (mut wrong, mut yes, mut no) = (Vec::new(), 0, 0);
    for line in table.lines() {
        let mut cells = line.split('\t');
        let (Some(value), Some(wanted)) = (cells.next(), cells.next()) else { panic!("not a line of a table: {line}") };
        *(if wanted == "yes" { &mut yes } else { &mut no }) += 1;
        if valid(value) != (wanted == "yes") {
            wrong.push(line.to_owned());
        }
    }
    (wrong, yes, no)
}

#[test]
fn every_family_fits_its_table() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/identifiers");
    let tables = std::fs::read_dir(&dir).unwrap().count();
    assert_eq!(tables, FAMILIES.len(), "a table without a family, or a family without a table");
    for (family, valid) in FAMILIES {
        let table = std::fs::read_to_string(dir.join(format!("{family}.tsv"))).unwrap();
        let (wrong, yes, no) = judge(&table, *valid);
        assert!(wrong.is_empty(), "{family}: {wrong:#?}");
        assert!(yes >= 60 && no >= 120, "{family}: {yes} and {no}");
    }
}

#[test]
fn a_wrong_validator_is_seen() {
    let table = "536-22-8841\tyes\tdashed\n000-22-8841\tno\tarea\n";
    assert_eq!(judge(table, |_| true).0.len(), 1);
    assert_eq!(judge(table, |_| false).0.len(), 1);
}
