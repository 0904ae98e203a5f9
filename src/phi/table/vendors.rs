//! Which record system a table was exported from, and what its own column headers mean there.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::headers::Concept;

#[derive(Default, serde::Deserialize)]
struct File {
    vendors: Vec<Vendor>,
}

/// One system's exports.
#[derive(serde::Deserialize)]
pub(super) struct Vendor {
    pub name: String,
    /// Headers that other tables hardly have together.
    telling: Vec<String>,
    /// How many of them must be there.
    least: usize,
    pub columns: HashMap<String, Concept>,
}

/// The system whose export has these normalised headers: of several the one with most of its own.
pub(super) fn of(headers: &[String]) -> Option<&'static Vendor> {
    static VENDORS: OnceLock<Vec<Vendor>> = OnceLock::new();
    let vendors = VENDORS.get_or_init(|| {
        // The file is part of the program and a test reads it; a broken one knows no system.
        let file: File = serde_json::from_str(include_str!("../../../signatures/phi/vendors.json")).unwrap_or_default();
        file.vendors
    });
    let told = |v: &Vendor| v.telling.iter().filter(|t| headers.contains(t)).count();
    let fitting = vendors.iter().filter(|v| told(v) >= v.least);
    // Equally many: the first of the file.
    fitting.rev().max_by_key(|v| told(v))
}

#[cfg(test)]
mod tests {
    use super::super::headers::normalise;
    use super::*;

    #[test]
    fn the_data_file_is_sound() {
        let file: File = serde_json::from_str(include_str!("../../../signatures/phi/vendors.json")).unwrap();
        assert!(file.vendors.len() >= 8);
        for vendor in &file.vendors {
            assert!(vendor.least >= 2 && vendor.telling.len() >= vendor.least, "{}", vendor.name);
            for word in vendor.telling.iter().chain(vendor.columns.keys()) {
                assert_eq!(*word, normalise(word), "{}", vendor.name);
            }
        }
    }

    #[test]
    fn exports_are_told_by_their_columns() {
        let named = |headers: &str| {
            let all: Vec<String> = headers.split(',').map(normalise).collect();
            of(&all).map(|v| v.name.as_str())
        };
        assert_eq!(named("PAT_ID,PAT_ENC_CSN_ID,CONTACT_DATE,LINE"), Some("Epic EHI export"));
        assert_eq!(named("id,fname,lname,DOB,ss,phone_home,pubpid,pid"), Some("OpenEMR"));
        assert_eq!(named("PatNum,LName,FName,Birthdate,SSN,HmPhone"), Some("Open Dental"));
        assert_eq!(named("PERSON_ID,NAME_LAST_KEY,NAME_FIRST_KEY,BIRTH_DT_TM"), Some("Oracle Health (Cerner) Millennium"));
        assert_eq!(named("person_id,person_nbr,last_name,med_rec_nbr"), Some("NextGen"));
        assert_eq!(named("order_id,sku,qty"), None);
        assert_eq!(named("pid,ppid,command"), None);
    }
}
