//! Validators of identifiers and codes: structure, check digits, lists of values that were never issued.

mod codes;
mod contact;
mod person;
mod provider;

pub use codes::{IcdForm, cpt, hcpcs, icd9cm, icd9cm_bare, icd10cm, icd10pcs, loinc, ndc, ndc_bare, snomed};
pub use contact::{email, phone, state, uuid, zip5};
pub use person::{SsnClass, card, hicn, itin, mbi, ssn, ssn_dashed};
pub use provider::{aba, clia, dea, ein, npi, taxonomy};

/// Luhn mod 10 over a string of digits (ISO/IEC 7812-1).
pub fn luhn(digits: &[u8]) -> bool {
    luhn_sum(digits, 0) == Some(0)
}

fn luhn_sum(digits: &[u8], start: u32) -> Option<u32> {
    let mut sum = start;
    for (i, c) in digits.iter().rev().enumerate() {
        let d = u32::from(c.checked_sub(b'0').filter(|d| *d < 10)?);
        sum += match (i % 2, d) {
            (0, d) => d,
            (_, d) if d > 4 => d * 2 - 9,
            (_, d) => d * 2,
        };
        sum %= 10;
    }
    Some(sum % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ssn_structure_and_lists() {
        let class = |t| ssn(t).map(|s| s.1);
        assert_eq!(class("536-22-8841"), Some(SsnClass::Valid));
        assert_eq!(class("536228841"), Some(SsnClass::Valid));
        assert_eq!(class("536 22 8841"), Some(SsnClass::Valid));
        assert_eq!(class("536.22.8841"), Some(SsnClass::Valid));
        assert_eq!(class("899-99-9998"), Some(SsnClass::Valid));
        for never in ["000-12-3456", "666-12-3456", "900-12-3456", "999-17-5017", "536-00-8841", "536-22-0000"] {
            assert_eq!(class(never), Some(SsnClass::NeverIssued), "{never}");
        }
        for known in ["078-05-1120", "219-09-9999", "457-55-5462", "987-65-4320", "987-65-4329", "123-45-6789"] {
            assert_eq!(class(known), Some(SsnClass::Published), "{known}");
        }
        assert_eq!(class("111-11-1111"), Some(SsnClass::Filler));
        for no in ["536-22 8841", "536-228841", "53-622-8841", "5362288411", "", "XXX-XX-8841", "536-22-884a"] {
            assert_eq!(class(no), None, "{no}");
        }
    }

    #[test]
    fn medicare_ids() {
        assert!(mbi("1EG4TE5MK73").is_some());
        assert_eq!(mbi("1EG4-TE5-MK73"), mbi("1EG4TE5MK73"));
        for no in ["0EG4TE5MK73", "1SG4TE5MK73", "1EG4TE5MK7", "1eg4te5mk73", "1EG4-TE5MK-73", "1EG4TE5MK7S"] {
            assert!(mbi(no).is_none(), "{no}");
        }
        assert!(hicn("123456789A") && hicn("012345678A") && hicn("102200221B1") && hicn("WCA536228841") && hicn("A123456"));
        assert!(!hicn("123456789") && !hicn("12345678AA") && !hicn("000228841A") && !hicn("536228841Z") && !hicn("XY123456"));
    }

    #[test]
    fn provider_ids() {
        assert!(npi("1234567893") && npi("1999999992"));
        assert!(!npi("1234567890") && !npi("2999999998") && !npi("3234567893") && !npi("1111111111") && !npi("123456789"));
        assert!(dea("AB1234563") && dea("F91234563") && dea("AB1234563-012"));
        assert!(!dea("AB1234567") && !dea("AB123456") && !dea("12AB34563"));
    }

    #[test]
    fn clinical_codes() {
        for yes in ["2345-7", "718-7", "4548-4", "8480-6", "2160-0", "33914-3"] {
            assert!(loinc(yes), "{yes}");
        }
        assert!(!loinc("2345-6") && !loinc("2345") && !loinc("-7"));
        for yes in ["73211009", "22298006", "38341003", "900000000000207008"] {
            assert!(snomed(yes), "{yes}");
        }
        assert!(!snomed("73211008") && !snomed("12345"));
        assert!(icd10cm("E11.9").is_some_and(|f| f.dotted));
        assert!(icd10cm("U07.1").is_some() && icd10cm("S72.001A").is_some() && icd10cm("C7A.00").is_some());
        for bare in ["B12", "F150", "T20"] {
            assert!(icd10cm(bare).is_some_and(|f| !f.dotted), "{bare}");
        }
        assert!(icd10cm("E11.").is_none() && icd10cm("11.9").is_none() && icd10cm("EE1.9").is_none());
        assert!(ndc("0002-1433-80") && ndc("00021-433-80") && ndc("123456-1234-12"));
        assert!(!ndc("123-45-6789") && !ndc("2024-01-02"));
    }

    #[test]
    fn confusables_and_contact() {
        assert!(aba("021000021") && aba("011401533") && !aba("021000022") && !aba("000000000"));
        assert_eq!(phone("(617) 555-0142").map(|p| p.1), Some(true));
        assert_eq!(phone("617-555-0199").map(|p| p.1), Some(true));
        assert_eq!(phone("+1 617.495.1000 x12").map(|p| p.1), Some(false));
        assert!(phone("117-495-1000").is_none() && phone("617-095-1000").is_none() && phone("911-495-1000").is_none());
        assert_eq!(zip5("02139-1234"), Some(*b"02139"));
        assert!(zip5("0213").is_none());
        assert_eq!(state("ma"), Some(*b"MA"));
        assert_eq!(state("New York"), Some(*b"NY"));
        assert!(state("ZZ").is_none() && state("").is_none());
        assert!(email("a.b@example.org") && !email("a@b") && !email("a b@example.org"));
        assert!(uuid("9d188916-8390-282b-3ec2-73fce6e08649") && !uuid("9d188916-8390-282b-3ec2-73fce6e0864"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = (ssn(&text), mbi(&text), hicn(&text), npi(&text), dea(&text), loinc(&text), snomed(&text));
            let _ = (icd10cm(&text), aba(&text), ndc(&text), phone(&text), zip5(&text), email(&text), state(&text));
            let _ = (ssn_dashed(&text), uuid(&text), itin(&text), card(&text), clia(&text), taxonomy(&text));
            let _ = (ein(&text), icd9cm(&text), icd10pcs(&text), hcpcs(&text));
            let _ = (icd9cm_bare(&text), cpt(&text), ndc_bare(&text));
        }
    }
}
