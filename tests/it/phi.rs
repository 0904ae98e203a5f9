//! The PHI layer on files of other projects, against counts made by other programs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use wardround::model::PhiFacts;
use wardround::phi::{CaseKey, PeopleIndex, PhiScan, document, mask_path};

struct Row {
    path: String,
    category: String,
    expect: BTreeMap<String, String>,
}

fn corpus() -> Option<PathBuf> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpus"));
    if !root.join("MANIFEST.tsv").exists() {
        println!("skipped: no corpus at {}", root.display());
        return None;
    }
    Some(root.to_owned())
}

fn manifest(root: &Path) -> Vec<Row> {
    let text = std::fs::read_to_string(root.join("MANIFEST.tsv")).unwrap();
    text.lines()
        .skip(1)
        .map(|line| {
            let cells: Vec<&str> = line.split('\t').collect();
            let pairs = cells[9].split(';').filter_map(|p| p.split_once('='));
            Row {
                path: cells[0].to_owned(),
                category: cells[3].to_owned(),
                expect: pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).collect(),
            }
        })
        .collect()
}

fn scan(bytes: &[u8]) -> Option<PhiFacts> {
    let key = CaseKey::new(&[9; 32]);
    let head = &bytes[..bytes.len().min(65_536)];
    if let Some(document) = document::detect(head) {
        return document::read(document, bytes, &key).facts;
    }
    let mut scan = PhiScan::start(head, &key);
    bytes.chunks(4096).for_each(|c| scan.feed(c));
    scan.finish().facts
}

/// Where we count otherwise than the manifest, on purpose: path, our count, why.
const EXPLAINED: &[(&str, u64, &str)] = &[
    ("health/dicom/pydicom/test_files/image_dfl.dcm", 0, "the name is `^^^^`, the number empty"),
    ("health/fhir/FHIR-Converter/FHIR/ExamplePatient.json", 1, PLAIN),
    ("health/fhir/FHIR-Converter/Json/ExamplePatient.json", 1, PLAIN),
    ("health/fhir/FHIR-Converter/Json/Stu3ChargeItem.json", 1, REFERRED),
    ("health/fhir/sample-bulk-fhir-datasets/AllergyIntolerance.000.ndjson", 2, REFERRED),
    ("health/fhir/sample-bulk-fhir-datasets/Condition.000.ndjson", 13, REFERRED),
    ("health/fhir/sample-bulk-fhir-datasets/Device.000.ndjson", 9, REFERRED),
    ("health/fhir/sample-bulk-fhir-datasets/Immunization.000.ndjson", 13, REFERRED),
];
const PLAIN: &str = "no FHIR, but JSON that names a patient with MRN, name and date of birth by labels";
const REFERRED: &str = "the manifest counts Patient resources; these are the distinct patients that the resources refer to";

/// Scans every file of a category; returns how many agree, and fails on an unexplained difference.
fn agree(category: &str, expected: impl Fn(&Row) -> u64, format: &str) {
    let Some(root) = corpus() else { return };
    let mut wrong = Vec::new();
    let (mut files, mut exact, mut found) = (0, 0, 0);
    for row in manifest(&root).iter().filter(|r| r.category == category) {
        files += 1;
        let want = expected(row);
        let facts = scan(&std::fs::read(root.join(&row.path)).unwrap());
        let got = facts.as_ref().map_or(0, |f| f.individuals.best);
        found += usize::from(facts.is_some());
        if let Some(f) = &facts {
            let i = f.individuals;
            assert!(i.low <= i.best && i.best <= i.high && f.records > 0, "{}: {i:?}", row.path);
            let plain = EXPLAINED.iter().any(|e| e.0 == row.path && e.2 == PLAIN);
            assert!(f.format.starts_with(if plain { "text" } else { format }), "{}: {}", row.path, f.format);
        }
        if got == want {
            exact += 1;
        } else if !EXPLAINED.iter().any(|(path, ours, _)| *path == row.path && *ours == got) {
            wrong.push(format!("{}: {got} people, manifest {want}", row.path));
        }
    }
    println!("{category}: {files} files, {found} with people, {exact} exact");
    assert!(files > 0 && wrong.is_empty(), "{}", wrong.join("\n"));
}

fn number(row: &Row, key: &str) -> u64 {
    row.expect.get(key).and_then(|v| v.parse().ok()).unwrap_or(0)
}

#[test]
fn x12_persons() {
    agree("health/x12", |r| number(r, "persons"), "x12-");
}

#[test]
fn hl7v2_patients() {
    agree("health/hl7v2", |r| number(r, "patients"), "hl7v2");
}

#[test]
fn fhir_patients() {
    agree("health/fhir", |r| number(r, "patients"), "fhir");
}

#[test]
fn cda_patients() {
    // `recordTarget` is what the manifest counts; each of the files holds one.
    agree("health/ccda", |r| number(r, "recordTarget"), "cda");
}

#[test]
fn csv_patients() {
    agree("health/csv", |r| number(r, "distinct_PATIENT").max(number(r, "distinct_patients")), "table-csv");
}

#[test]
fn csv_without_patients() {
    agree("health/csv-negative", |_| 0, "none");
}

/// The manifest says of each file whether pydicom finds a name or number in it, and of directories how many patients.
#[test]
fn dicom_patients() {
    let yes = |row: &Row, key: &str| row.expect.get(key).is_some_and(|v| v == "yes");
    let expected = |row: &Row| match row.expect.get("kind").map(String::as_str) {
        Some("dicom") if yes(row, "dicomdir") => number(row, "patients"),
        Some("dicom") => u64::from(yes(row, "has_patient_name") || yes(row, "has_patient_id")),
        _ => 0,
    };
    agree("health/dicom", expected, "dicom");
}

#[test]
fn one_practice_is_counted_once_across_its_tables() {
    let Some(root) = corpus() else { return };
    let mut index = PeopleIndex::new();
    let mut synthetic = false;
    for row in manifest(&root).iter().filter(|r| r.category == "health/csv") {
        if let Some(facts) = scan(&std::fs::read(root.join(&row.path)).unwrap()) {
            index.add(&facts);
            synthetic |= facts.synthetic;
        }
    }
    let (people, states) = index.totals();
    assert_eq!(people.best, 27);
    assert_eq!(states.get("MA"), Some(&27));
    assert!(synthetic, "Synthea's numbers of area 999 were never issued");
}

#[test]
fn everything_else_in_the_corpus_has_no_patients() {
    let Some(root) = corpus() else { return };
    let mut wrong = Vec::new();
    for row in manifest(&root).iter().filter(|r| !r.category.starts_with("health/")) {
        if let Some(facts) = scan(&std::fs::read(root.join(&row.path)).unwrap()) {
            wrong.push(format!("{}: {} people in {}", row.path, facts.individuals.best, facts.format));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_ordinary_path_is_masked() {
    let Some(root) = corpus() else { return };
    let masked: Vec<String> = manifest(&root).iter().filter(|r| mask_path(&r.path) != r.path).map(|r| r.path.clone()).collect();
    assert_eq!(masked, Vec::<String>::new());
}

#[test]
fn facts_carry_no_identifier() {
    let planted =
        ["Zweigenthal", "Araminta", "536228841", "536-22-8841", "19470813", "QX7734219", "W99182736", "4628123", "1EG4TE5MK73"];
    let isa = "ISA*00*          *00*          *ZZ*SENDER         *ZZ*RECEIVER       *240102*1200*^*00501*000000001*0*P*:~";
    let x12 = format!(
        "{isa}GS*HC*S*R*20240102*1200*1*X*005010X222A1~ST*837*0001*005010X222A1~HL*1**22*0~SBR*P*18*******MB~\
         NM1*IL*1*ZWEIGENTHAL*ARAMINTA****MI*W99182736~N4*ALBANY*NY*12207~DMG*D8*19470813*F~REF*SY*536228841~\
         CLM*A*1***11:B:1*Y*A*Y*Y~REF*EA*QX7734219~SE*9*0001~GE*1*1~IEA*1*000000001~"
    );
    let hl7 = "MSH|^~\\&|A|B|C|D|20240102||ADT^A01|1|P|2.5\rPID|1||QX7734219^^^B^MR||Zweigenthal^Araminta||19470813|F|||1 ST^^X^NY||(518)462-8123||||||536-22-8841\r";
    let csv = "mrn,last name,first name,dob,ssn,mbi\nQX7734219,Zweigenthal,Araminta,1947-08-13,536-22-8841,1EG4TE5MK73\n";
    let element = |tag: &str, value: &str| format!("{tag}{}\0\0\0{value}", char::from(u8::try_from(value.len()).unwrap()));
    let dicom = [
        element("\x08\0\x18\0", "1.2.840.1.1\0"),
        element("\x10\0\x10\0", "Zweigenthal^Araminta"),
        element("\x10\0\x20\0", "QX7734219 "),
        element("\x10\0\x30\0", "19470813"),
        element("\x10\0\0\x10", "536-22-8841 "),
    ]
    .concat();
    let cda = "<ClinicalDocument xmlns='urn:hl7-org:v3'><recordTarget><patientRole><id root='1.2.3' extension='QX7734219'/>\
        <id root='2.16.840.1.113883.4.1' extension='536-22-8841'/><telecom value='tel:(518)462-8123'/><patient><name><given>Araminta</given>\
        <family>Zweigenthal</family></name><birthTime value='19470813'/></patient></patientRole></recordTarget></ClinicalDocument>";
    let fhir = r#"{"resourceType":"Patient","id":"QX7734219","name":[{"family":"Zweigenthal","given":["Araminta"]}],"birthDate":"1947-08-13",
        "identifier":[{"system":"http://hl7.org/fhir/sid/us-ssn","value":"536-22-8841"}],"telecom":[{"system":"phone","value":"(518)462-8123"}]}"#;
    let letter = "Patient Name: Zweigenthal, Araminta<br>MRN: QX7734219<br>DOB: 08/13/1947<br>SSN: 536-22-8841";
    let html = format!("<html><p>{letter}</p></html>");
    let rtf = format!("{{\\rtf1 {}}}", letter.replace("<br>", "\\par "));
    let mail = format!("From: a@b.example\nTo: c@d.example\nSubject: x\nMIME-Version: 1.0\n\n{}\n", letter.replace("<br>", "\n"));
    for text in [x12.as_str(), hl7, csv, cda, fhir, &dicom, &html, &rtf, &mail] {
        let facts = scan(text.as_bytes()).unwrap();
        assert_eq!(facts.individuals.best, 1);
        let shown = format!("{facts:?}").to_lowercase();
        for word in planted {
            assert!(!shown.contains(&word.to_lowercase()), "{word} in {shown}");
        }
    }
}

/// Every document with invented people: nothing of them in what is kept, nor in what is told as not read.
#[test]
fn documents_carry_no_identifier() {
    let dir = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/phi"));
    let planted =
        ["zweigenthal", "araminta", "quillfeather", "osbert", "5362288", "536-22", "19470813", "1947-08", "qx77342", "0041234"];
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let Some(document) = document::detect(&bytes[..bytes.len().min(65_536)]) else { continue };
        for cut in [bytes.len(), bytes.len() / 2] {
            let outcome = document::read(document, &bytes[..cut], &CaseKey::new(&[9; 32]));
            let shown = format!("{outcome:?}").to_lowercase();
            for word in planted {
                assert!(!shown.contains(word), "{word} of {} in {shown}", path.display());
            }
        }
    }
}

/// Every registered detector recognises its fixture.
#[test]
fn fixtures() {
    let dir = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/phi"));
    let detectors = wardround::phi::REGISTRY.iter().map(|d| d.id());
    let documents = wardround::phi::document::REGISTRY.iter().map(|d| d.id());
    for id in detectors.chain(documents) {
        let mut files: Vec<PathBuf> = std::fs::read_dir(dir)
            .unwrap()
            .map(|e| e.unwrap().path())
            .filter(|p| p.file_name().unwrap().to_string_lossy().starts_with(&format!("{id}-")))
            .collect();
        files.sort();
        assert!(!files.is_empty(), "no fixture for {id}");
        for file in files {
            if id == "oracle" {
                // Rows aren't read, so nobody is counted.
                assert!(scan(&std::fs::read(&file).unwrap()).is_none());
                continue;
            }
            let facts = scan(&std::fs::read(&file).unwrap()).unwrap_or_else(|| panic!("nobody in {}", file.display()));
            assert!(facts.format.starts_with(id), "{}: {}", file.display(), facts.format);
            assert_eq!(facts.individuals.best, 2, "{}", file.display());
            let shown = format!("{facts:?}").to_lowercase();
            for word in ["abernathy", "lucille", "birkenstock", "orlando", "536228841", "536-22-8841", "1949-03-12", "19490312"] {
                assert!(!shown.contains(word), "{word} of {}", file.display());
            }
        }
    }
}

/// A medium as IHE XDM lays it out: the clinical documents in it are read as files of their own.
#[test]
fn cross_enterprise_media() {
    let scene = crate::support::Scene::new();
    let document = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/phi/cda-two-documents.xml")).unwrap();
    let member = |name: &str, bytes: &[u8]| (name.to_owned(), bytes.to_vec());
    let medium = crate::office::zip(&[
        member("INDEX.HTM", b"<!DOCTYPE html><html><body>Index of a medium</body></html>"),
        member("README.TXT", b"This medium was made by a record system."),
        member("IHE_XDM/SUBSET01/METADATA.XML", b"<SubmitObjectsRequest xmlns=\"urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0\"/>"),
        member("IHE_XDM/SUBSET01/DOC0001.XML", &document),
    ]);
    scene.file("medium.zip", medium);
    let case = scene.scan(&["--no-default-rules"]);
    let held = case.of("phi_at_rest");
    assert_eq!(held.len(), 1);
    assert_eq!((held[0]["phi"]["format"].as_str(), held[0]["phi"]["individuals"]["best"].as_u64()), (Some("cda"), Some(2)));
    assert!(held[0]["path"].as_str().unwrap().ends_with("medium.zip!IHE_XDM/SUBSET01/DOC0001.XML"));
}
