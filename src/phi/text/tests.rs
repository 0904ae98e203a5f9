use super::*;
use crate::model::{Individuals, PhiFacts};
use crate::phi::testing::run;

fn facts(text: &str) -> Option<PhiFacts> {
    run(&Text, text.as_bytes())
}

fn best(text: &str) -> u64 {
    facts(text).map_or(0, |f| f.individuals.best)
}

const LETTER: &str = "Mercy Clinic\nRE: Patient Name: DOE, JANE Q.   DOB: 01/02/1960\nMRN 00412345\n\nDear Dr. Roe,\n\
    the patient was seen for hypertension. Social Security No: 536-22-8841.\n";

#[test]
fn a_letter_names_one_patient() {
    let facts = facts(LETTER).expect("a person");
    assert_eq!(facts.individuals, Individuals { low: 1, best: 1, high: 1 });
    for kind in ["mrn", "dob", "name", "ssn"] {
        assert_eq!(facts.identifiers.get(kind), Some(&1), "{kind}");
    }
    assert_eq!(facts.classes, ['A', 'C', 'G', 'H']);
    assert!(facts.clinical && !facts.synthetic);
    assert!(facts.notes.iter().any(|n| n.contains("minimum")));
}

#[test]
fn one_person_on_every_page_is_one() {
    let page = format!("{LETTER}{}", "The history was reviewed at length.\n".repeat(200));
    assert_eq!(best(&page.repeat(5)), 1);
    let other = LETTER.replace("JANE", "JOHN").replace("412345", "777777").replace("01/02", "03/04").replace("8841", "8842");
    assert_eq!(best(&format!("{page}{other}{page}")), 2);
}

#[test]
fn spellings_of_labels() {
    for (text, people) in [
        ("{\"mrn\": \"A12345\", \"birthDate\": \"1960-01-02\"}\n{\"mrn\":\"A12346\",\"birthDate\":\"1961-01-02\"}", 2),
        ("<Row><PatientID>12345</PatientID><DateOfBirth>1960-01-02T00:00:00</DateOfBirth></Row>", 1),
        ("patient_id=12345 dob=1960-01-02 something else", 1),
        ("Medical Record Number: 12345\nDate of Birth: Jan 2, 1960", 1),
        ("Medical Record No.  0012345   Born 1960   D.O.B. 2-Jan-1960", 1),
        ("Patient: Jane Doe\nDate of birth (mm/dd/yyyy): 01/02/1960", 1),
        ("Medicare Number: 1EG4-TE5-MK73\nDOB 01/02/1960", 1),
        ("Member ID: XYZ123456789\nDate of Birth: 01/02/1960\n", 1),
        ("lastName: Doe, firstName: Jane, dob: 1960-01-02, mrn: 55512", 1),
        ("SSN 536-22-8841 DOB 1960-01-02 and nothing of health", 1),
        ("MRN0012345 DOB 1960-01-02, and MRN AB-100201 DOB 1961-01-02", 2),
        ("MRN: 100201 ok\nMRN: 100202 ok\nMRN: 100203 ok\n", 3),
    ] {
        assert_eq!(best(text), people, "{text}");
    }
}

#[test]
fn what_proves_nobody() {
    for text in [
        "The MRN is a number, as in MRN: 12345, that a clinic gives.",
        "dob = input(\"date of birth: \"); ssn = None; patient_id = get(patient)",
        "Guarantor DOB: 01/02/1960 Guarantor SSN: 536-22-8841 for the account",
        "the patient: a person. Patient Name: First Name Last Name DOB: 01/02/1960",
        "SSN: 123-45-6789, DOB: 1960-01-02 (an example)",
        "Patient Number 12 of 500 was lost to follow-up on 2020-01-02",
        "class Patient { string firstName: String; dateOfBirth: Date; mrn: String }",
        "member id is required, member number 1; subscriber id: none given here",
        "mrnxk-4321,5 mrnab-4322,6 mrn-4323,7 mrncd99321,8",
        "Born 1960-01-02, John Smith is an author of novels and a citizen.",
    ] {
        assert_eq!(best(text), 0, "{text}");
    }
}

#[test]
fn a_label_at_every_place_of_a_window() {
    for pad in (65_300..65_700).step_by(7) {
        let text = format!("{}\n{LETTER}", "x".repeat(pad));
        assert_eq!(best(&text), 1, "{pad}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_panics(text in ".{0,300}") {
        let _ = run(&Text, format!("MRN: {text} DOB: {text} Patient: {text} SSN: {text} medicare {text}").as_bytes());
    }
}
