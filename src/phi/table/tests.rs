use super::*;
use crate::phi::testing::run;

fn best(text: &str) -> Option<u64> {
    run(&Table, text.as_bytes()).map(|f| f.individuals.best)
}

#[test]
fn a_patient_table() {
    let text = "PatNum,LName,FName,Birthdate,SSN,HmPhone,State,Zip\n\
        1,Doe,Jane,1960-01-02,536-22-8841,(518) 462-1234,NY,12207\n\
        2,\"Roe, Jr.\",Rick,1/5/1971,536-22-9001,518-462-9999,NJ,07101\n\
        2,Roe,Rick,1971-01-05,536229001,518-462-9999,NJ,07101\n";
    let facts = run(&Table, text.as_bytes()).unwrap();
    assert_eq!(facts.format, "table-csv");
    assert_eq!((facts.individuals.best, facts.records), (2, 3));
    assert_eq!(facts.identifiers["ssn"], 2);
    assert_eq!(facts.identifiers["dob"], 2);
    assert_eq!(facts.states.get("NY"), Some(&1));
    assert!(facts.clinical && !facts.synthetic && !facts.deidentified);
    for (from, to) in [(",", "|"), (",", "\t")] {
        let other = text.replace("\"Roe, Jr.\"", "Roe").replace(from, to);
        assert_eq!(best(&other), Some(2), "{to}");
    }
    assert_eq!(best(&format!("\u{feff}{}", text.replace('\n', "\r\n"))), Some(2));
}

#[test]
fn kinds_of_export() {
    let claims = "CLM_ID;BENE_ID;CLM_FROM_DT;ICD_DGNS_CD1\n1;A1;20200101;E119\n2;A1;20200105;I10\n3;B2;20200109;J45\n";
    assert_eq!(best(claims), Some(2));
    let omop = "condition_occurrence_id,person_id,condition_concept_id,condition_start_date\n1,17,4023,2020-01-01\n2,17,4024,2020-01-03\n3,18,1,2020-01-04\n";
    assert_eq!(best(omop), Some(2));
    let schedule = "Patient Name,Appt Date,Provider\n\"Doe, Jane\",2024-01-02,Dr. House\n\"Roe, Rick\",2024-01-02,Dr. House\n";
    assert_eq!(best(schedule), Some(2));
    let aging =
        "Acct #,Patient,DOB,Insurance,0-30,31-60\n1,\"Doe, Jane\",1/2/1960,Acme,10,0\n2,\"Roe, Rick\",3/4/1970,Acme,0,5\n";
    assert_eq!(best(aging), Some(2));
    let titled = "Daily census\nPrinted Monday\n\nMRN,Room,Admit Date\n100,4A,2024-01-02\n101,4B,2024-01-02\n";
    assert_eq!(best(titled), Some(2));
    let mbi = "a,b\n1EG4TE5MK73,E11.9\n1EG4TE5MK74,I10.1\n1EG4TE5MK75,J45.9\n2EG4TE5MK75,M54.5\n3EG4TE5MK75,Z00.0\n";
    assert_eq!(best(mbi), Some(5));
}

#[test]
fn tables_about_nobody() {
    for text in [
        "npi,provider last name,provider first name,specialty,phone\n1234567893,House,Greg,Nephrology,617-495-1000\n1999999992,Wilson,James,Oncology,617-495-1001\n",
        "name,phone,email\nJane Doe,617-495-1000,j@example.org\nRick Roe,617-495-1001,r@example.org\n",
        "code,description,diagnosis\nE11.9,Diabetes,yes\nI10,Hypertension,no\n",
        "PID,USER,COMMAND\n1,root,init\n22,root,sshd\n",
        "id,name,price\n1,apple,2\n2,pear,3\n",
        "Id,NAME,ADDRESS,CITY,STATE,ZIP,PHONE\na1,GENERAL HOSPITAL,1 ST,BOSTON,MA,02101,6174951000\na2,CLINIC,2 ST,BOSTON,MA,02101,6174951001\n",
        "last_name,first_name,birthday,club\nDoe,Jane,1960-01-02,chess\nRoe,Rick,1971-01-05,go\n",
        "member_id,name,email\n1,Jane Doe,j@example.org\n2,Rick Roe,r@example.org\n",
        "routing,zip4\n021000021,021390001\n011401533,021390002\n",
    ] {
        assert_eq!(best(text), None, "{text}");
    }
}

#[test]
fn headers_that_lie_and_headers_that_are_missing() {
    // SSN header over something else; SSNs under another header.
    assert_eq!(best("ssn,dob,name\nyes,1960-01-02,x\nno,1960-01-02,y\n"), None);
    let hidden = "ref,dob\n536-22-8841,1960-01-02\n536-22-9001,1971-05-06\n536-22-9002,1982-07-08\n";
    let facts = run(&Table, hidden.as_bytes()).unwrap();
    assert_eq!(facts.individuals.best, 3);
    assert!(facts.notes.iter().any(|n| n.contains("under another header")));
    let mut bare = String::new();
    for i in 0..120u32 {
        bare += &format!(
            "Fam{},Giv,{}-0{}-1{},536-{:02}-{:04}\n",
            "abcdefghij".chars().nth(i as usize % 10).unwrap(),
            1930 + i * 37 % 80,
            1 + i % 9,
            i % 9,
            10 + i % 80,
            1000 + i
        );
    }
    assert_eq!(best(&bare), Some(120));
}

#[test]
fn invented_numbers_mark_invented_people() {
    let text = "patient_id,dob,ssn\n1,1960-01-02,900-12-3456\n2,1961-01-02,000-12-3456\n3,1962-01-02,078-05-1120\n4,1963-01-02,536-22-8841\n";
    let facts = run(&Table, text.as_bytes()).unwrap();
    assert!(facts.synthetic);
    assert_eq!(facts.individuals.best, 4);
    assert_eq!(facts.identifiers["ssn"], 1);
}

#[test]
fn degrees_of_identification() {
    let limited = run(&Table, b"patient_id,dx,visit_date\n1,E11.9,2020-01-02\n2,I10,2020-01-03\n").unwrap();
    assert!(!limited.deidentified && limited.notes.iter().any(|n| n.contains("limited data set")));
    let bare = run(&Table, b"patient_id,dx,age\n1,E11.9,44\n2,I10,51\n").unwrap();
    assert!(bare.deidentified);
}

proptest::proptest! {
    #[test]
    fn hostile_bytes_never_panic(tail in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
        let _ = run(&Table, &tail);
        let _ = run(&Table, &[b"mrn,dob,ssn,name\n1,1960-01-02,536-22-8841,x\n".as_slice(), &tail].concat());
    }

    #[test]
    fn hostile_tables_never_panic(cells in proptest::collection::vec("[ -~é]{0,12}", 4..40)) {
        let mut text = String::from("mrn,dob,ssn,name\n");
        for row in cells.chunks(4) {
            text += &row.join(",");
            text.push('\n');
        }
        let _ = run(&Table, text.as_bytes());
    }
}

#[test]
fn exports_of_record_systems() {
    let openemr = run(
        &Table,
        b"id,fname,lname,DOB,ss,phone_home,pubpid,pid\n1,Jane,Doe,1960-01-02,,,7001,7001\n2,Rick,Roe,1971-03-04,,,7002,7002\n",
    )
    .expect("patients");
    assert_eq!(openemr.individuals.best, 2);
    assert!(openemr.notes.iter().any(|n| n == "columns as in exports of OpenEMR"), "{:?}", openemr.notes);
    let visits = run(&Table, b"pid,encounter,date,reason,provider_id,phone_home,fname\n7001,1,2024-01-02,cough,3,,Jane\n7002,2,2024-01-03,fever,3,,Rick\n").expect("patients");
    assert_eq!(visits.individuals.best, 2);
}

fn rows(header: &str, n: u32, row: impl Fn(u32) -> String) -> String {
    (0..n).fold(format!("{header}\n"), |s, i| s + &row(i) + "\n")
}

#[test]
fn numbers_of_providers_are_counted_and_are_no_people() {
    let text = rows("mrn,dob,prescriber dea,lab clia,taxonomy,tin,npi", 30, |i| {
        format!("M{},19{}-01-02,AB1234563,12D456{:04},207Q00000X,12-345{:04},1234567893", 1000 + i, 30 + i, 1000 + i, i)
    });
    let facts = run(&Table, text.as_bytes()).expect("patients");
    assert_eq!((facts.individuals.best, facts.individuals.high), (30, 30));
    for (kind, n) in [("dea", 1), ("clia", 30), ("taxonomy", 1), ("ein", 30), ("npi", 1)] {
        assert_eq!(facts.identifiers.get(kind), Some(&n), "{kind}");
    }
    // A roster of providers has no patient, whatever it holds, and neither has one whose tax numbers are SSNs.
    let roster = rows("npi,tin,dea,last name,first name,specialty", 30, |i| {
        format!("1234567893,536-22-{:04},AB1234563,Doe{i},Jane,oncology", 1000 + i)
    });
    assert_eq!(best(&roster), None);
    // Nine digits under a tax number are no SSNs.
    let plain = rows("mrn,dob,ein", 150, |i| format!("M{},1960-01-02,{}", 1000 + i, 123_450_000 + i * 7));
    assert!(!run(&Table, plain.as_bytes()).expect("patients").identifiers.contains_key("ssn"));
}

#[test]
fn the_column_decides_what_numbers_from_900_on_are() {
    let text = |ssn: &dyn Fn(u32) -> String| {
        rows("dob,ssn,last,first,dx", 40, |i| format!("19{}-01-02,{},Doe,Jane,I10", 30 + i, ssn(i)))
    };
    // Among issued ones they are ITINs, which tell people apart.
    let mixed = text(&|i| if i % 8 == 0 { format!("912-70-{:04}", 1000 + i) } else { format!("536-22-{:04}", 1000 + i) });
    let facts = run(&Table, mixed.as_bytes()).expect("patients");
    assert!(!facts.synthetic && !facts.identifiers.contains_key("ssn_never_issued"), "{:?}", facts.identifiers);
    assert_eq!((facts.identifiers["itin"], facts.identifiers["ssn"], facts.individuals.best), (5, 35, 40));
    assert!(!facts.identifiers.keys().any(|k| k.contains("or_itin")));
    // A column of nothing else is test data, of which groups half fit an ITIN.
    let synthea = text(&|i| format!("999-{}-{:04}", 10 + i * 2, 1000 + i));
    let facts = run(&Table, synthea.as_bytes()).expect("patients");
    assert!(facts.synthetic && !facts.identifiers.contains_key("itin"));
    assert_eq!(facts.identifiers["ssn_never_issued"], 40);
    let all = text(&|i| format!("912-70-{:04}", 1000 + i));
    assert!(run(&Table, all.as_bytes()).expect("patients").synthetic);
    // Under its own header it is what it says.
    let own = run(&Table, all.replace(",ssn,", ",itin,").as_bytes()).expect("patients");
    assert_eq!((own.identifiers["itin"], own.synthetic, own.individuals.best), (40, false, 40));
}

#[test]
fn cards_are_identifiers() {
    let cards = ["4111111111111111", "5500-0055-5555-5559", "340000000000009"];
    let text = rows("mrn,dob,card number,copay", 9, |i| format!("M{},1960-01-02,{},20", 1000 + i, cards[i as usize % 3]));
    let facts = run(&Table, text.as_bytes()).expect("patients");
    assert_eq!((facts.identifiers["card"], facts.classes.contains(&'J')), (3, true));
    let other = text.replace("4111111111111111", "4111111111111112").replace("5559", "5558").replace("009", "008");
    assert!(!run(&Table, other.as_bytes()).expect("patients").identifiers.contains_key("card"));
}

#[test]
fn codes_are_context_and_no_people() {
    let text = rows("patient_id,ndc,cpt,icd9,loinc", 9, |i| {
        format!("P{i},{},9921{i},250.0{},2345-7", ["0002-1433-80", "00002143380", "123456123412"][i as usize % 3], i % 4)
    });
    let facts = run(&Table, text.as_bytes()).expect("patients");
    assert_eq!(facts.individuals.best, 9);
    for name in ["NDC", "CPT or HCPCS", "ICD-9-CM", "LOINC"] {
        assert!(facts.notes.contains(&format!("a column of codes: {name}")), "{:?}", facts.notes);
    }
    // Other numbers under a header of codes say nothing of health.
    let prices = rows("account,ndc,cpt", 9, |i| format!("{},{i}.50,{i}.25", 70_000 + i * 13));
    assert_eq!(best(&prices), None);
}

#[test]
fn health_data_without_any_key_is_a_limited_data_set() {
    let claims = |header: &str| {
        rows(header, 40, |i| {
            format!(
                "{},9921{},2024-0{}-1{},0{}139,{}",
                ["E11.9", "I10", "J45.909", "M54.5"][i as usize % 4],
                i % 5,
                1 + i % 9,
                i % 9,
                i % 8,
                i % 90
            )
        })
    };
    let facts = run(&Table, claims("icd10,cpt,dos,zip,age").as_bytes()).expect("rows");
    assert_eq!((facts.individuals.low, facts.individuals.best, facts.individuals.high, facts.records), (0, 0, 40, 40));
    assert_eq!((facts.data_class(), facts.clinical, facts.people.len()), ("limited_dataset_like", true, 0));
    assert_eq!(facts.classes, ['B', 'C']);
    // With a key it is one of people, and without dates and places it is none.
    assert_eq!(best(&claims("mrn,cpt,dos,zip,age")), Some(4));
    for header in ["icd10,cpt,count,total,x", "sku,model,dos,zip,age", "icd10,x,dos,zip,y", "name,cpt,dos,zip,age"] {
        assert_eq!(best(&claims(header)), None, "{header}");
    }
}

#[test]
fn lists_of_codes_and_prices_are_no_limited_data_set() {
    let fees = rows("hcpcs,modifier,description,price,effective_date", 40, |i| {
        format!("J11{:02},TC,injection,{i}.20,2024-01-01", i % 20)
    });
    let terms = rows("icd10,diagnosis,start_date,end_date", 60, |i| {
        format!("E{}.{},diabetes,2015-10-01,2099-12-31", 10 + i / 10, i % 10)
    });
    let drugs =
        rows("ndc,drug name,labeler,start,stop", 60, |i| format!("0002-14{i:02}-80,pill,Acme,20{:02}-01-01,", 1 + i % 20));
    let use_of =
        rows("npi,hcpcs,place of service,zip,charges", 60, |i| format!("1234567893,J11{:02},O,0213{},{i}", i % 20, i % 9));
    for text in [fees, terms, drugs, use_of] {
        assert_eq!(best(&text), None, "{text}");
    }
}
