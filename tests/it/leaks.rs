//! Nothing of a patient leaves the program: thousands of planted names and numbers are looked for, in every usual
//! spelling, in everything that a scan writes.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use sha2::{Digest, Sha256};
use wardround::engine::{self, Collector};
use wardround::plan::{Options, Plan};
use wardround::report::{CaseFolder, Masker};

use crate::office::{self, zip};
use crate::support::{Case, Scene, program};

/// People planted; each with a family name, a given name, a record number, an SSN and a plan number.
const PEOPLE: usize = 2_200;
/// People of one file.
const TOGETHER: usize = 20;

/// A made-up patient whose every value is unlike anything that a report says of itself.
#[derive(Clone)]
struct Patient {
    family: String,
    given: String,
    mrn: String,
    ssn: String,
    member: String,
    birth: String,
}

fn word(start: &str, mut n: usize) -> String {
    const SYLLABLES: [&str; 15] =
        ["zo", "ku", "vix", "wa", "jel", "qui", "ny", "gro", "thu", "pex", "bo", "ryl", "maz", "ude", "fim"];
    let mut out = start.to_owned();
    for _ in 0..4 {
        out.push_str(SYLLABLES[n % 15]);
        n /= 15;
    }
    out
}

fn patient(i: usize) -> Patient {
    Patient {
        family: word("Kw", i * 7 + 3),
        given: word("Yl", i * 11 + 5),
        mrn: format!("QX{:08}", 73_400_000 + i * 97),
        ssn: format!("{:03}-{:02}-{:04}", 501 + i % 80, 11 + i % 87, 1001 + i * 3),
        member: format!("W{:09}", 990_000_000 + i * 13),
        birth: format!("19{:02}-{:02}-{:02}", 20 + i % 79, 1 + i % 12, 1 + i % 28),
    }
}

impl Patient {
    fn values(&self) -> [&str; 5] {
        [&self.family, &self.given, &self.mrn, &self.ssn, &self.member]
    }
}

fn csv(people: &[Patient]) -> Vec<u8> {
    let mut out = "mrn,last name,first name,dob,ssn,member id,diagnosis\n".to_owned();
    for p in people {
        let _ = writeln!(out, "{},{},{},{},{},{},E11.9", p.mrn, p.family, p.given, p.birth, p.ssn, p.member);
    }
    out.into_bytes()
}

fn utf16(people: &[Patient]) -> Vec<u8> {
    let text = String::from_utf8(csv(people)).unwrap().replace(',', "\t");
    [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

fn hl7(people: &[Patient]) -> Vec<u8> {
    let mut out = String::new();
    for p in people {
        let _ = write!(
            out,
            "MSH|^~\\&|A|B|C|D|20240102||ADT^A01|1|P|2.5\rPID|1||{}^^^B^MR||{}^{}||{}|F|||1 ST^^X^NY||||||||{}\rIN1|1|P|I|||||||||||||||||||||||||||||||||{}\r",
            p.mrn,
            p.family,
            p.given,
            p.birth.replace('-', ""),
            p.ssn,
            p.member
        );
    }
    out.into_bytes()
}

fn x12(people: &[Patient]) -> Vec<u8> {
    let mut out = "ISA*00*          *00*          *ZZ*SENDER         *ZZ*RECEIVER       *240102*1200*^*00501*000000001*0*P*:~\
                   GS*HC*S*R*20240102*1200*1*X*005010X222A1~ST*837*0001*005010X222A1~"
        .to_owned();
    for (n, p) in people.iter().enumerate() {
        let _ = write!(
            out,
            "HL*{}**22*0~SBR*P*18*******MB~NM1*IL*1*{}*{}****MI*{}~N4*ALBANY*NY*12207~DMG*D8*{}*F~REF*SY*{}~CLM*A*1***11:B:1*Y*A*Y*Y~REF*EA*{}~",
            n + 1,
            p.family.to_uppercase(),
            p.given.to_uppercase(),
            p.member,
            p.birth.replace('-', ""),
            p.ssn.replace('-', ""),
            p.mrn
        );
    }
    out.push_str("SE*9*0001~GE*1*1~IEA*1*000000001~");
    out.into_bytes()
}

fn fhir(people: &[Patient]) -> Vec<u8> {
    let mut out = String::new();
    for p in people {
        let _ = writeln!(
            out,
            r#"{{"resourceType":"Patient","id":"{}","identifier":[{{"type":{{"coding":[{{"code":"MR"}}]}},"system":"urn:x","value":"{}"}},{{"system":"http://hl7.org/fhir/sid/us-ssn","value":"{}"}}],"name":[{{"family":"{}","given":["{}"]}}],"birthDate":"{}"}}"#,
            p.member, p.mrn, p.ssn, p.family, p.given, p.birth
        );
    }
    out.into_bytes()
}

fn cda(people: &[Patient]) -> Vec<u8> {
    let mut out = String::new();
    for p in people {
        let _ = writeln!(
            out,
            "<ClinicalDocument xmlns='urn:hl7-org:v3'><recordTarget><patientRole><id root='1.2.3' extension='{}'/>\
             <id root='2.16.840.1.113883.4.1' extension='{}'/><patient><name><given>{}</given><family>{}</family></name>\
             <birthTime value='{}'/></patient></patientRole></recordTarget></ClinicalDocument>",
            p.mrn,
            p.ssn,
            p.given,
            p.family,
            p.birth.replace('-', "")
        );
    }
    out.into_bytes()
}

fn letters(people: &[Patient]) -> Vec<u8> {
    let mut out = String::new();
    for p in people {
        let _ = writeln!(
            out,
            "Patient Name: {}, {}   DOB: {}\nMRN: {}   SSN: {}   Member ID: {}\nSeen today, sent to {}@evil-collector.example, see http://evil-collector.example/{}\n",
            p.family,
            p.given,
            p.birth,
            p.mrn,
            p.ssn,
            p.member,
            p.family.to_lowercase(),
            p.mrn
        );
    }
    out.into_bytes()
}

fn lines(people: &[Patient]) -> Vec<String> {
    String::from_utf8(letters(people)).unwrap().lines().map(str::to_owned).collect()
}

fn html(people: &[Patient]) -> Vec<u8> {
    let rows = people.iter().fold(String::new(), |s, p| {
        s + &format!(
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            p.mrn, p.family, p.given, p.birth, p.ssn, p.member
        )
    });
    format!(
        "<!DOCTYPE html><html><body><table><tr><th>MRN</th><th>Last Name</th><th>First Name</th><th>DOB</th><th>SSN</th><th>Member ID</th></tr>{rows}</table></body></html>"
    )
    .into_bytes()
}

fn rtf(people: &[Patient]) -> Vec<u8> {
    office::rtf(&lines(people))
}

fn eml(people: &[Patient]) -> Vec<u8> {
    office::eml("charts", &letters(people))
}

fn sql(people: &[Patient]) -> Vec<u8> {
    let mut out = "-- MySQL dump 10.13\nCREATE TABLE `patients` (`mrn` varchar(20), `last_name` text, `first_name` text, `dob` date, `ssn` text, `member_id` text, `diagnosis` text);\n".to_owned();
    for p in people {
        let _ = writeln!(
            out,
            "INSERT INTO `patients` VALUES ('{}','{}','{}','{}','{}','{}','E11.9');",
            p.mrn, p.family, p.given, p.birth, p.ssn, p.member
        );
    }
    out.into_bytes()
}

fn docx(people: &[Patient]) -> Vec<u8> {
    office::docx(&lines(people))
}

fn xlsx(people: &[Patient]) -> Vec<u8> {
    office::xlsx(&String::from_utf8(csv(people)).unwrap())
}

fn pdf(people: &[Patient]) -> Vec<u8> {
    office::pdf(&lines(people))
}

type Make = fn(&[Patient]) -> Vec<u8>;
const FORMATS: &[(&str, Make)] = &[
    ("csv", csv),
    ("txt", utf16),
    ("hl7", hl7),
    ("x12", x12),
    ("ndjson", fhir),
    ("xml", cda),
    ("doc", letters),
    ("html", html),
    ("rtf", rtf),
    ("eml", eml),
    ("sql", sql),
    ("docx", docx),
    ("xlsx", xlsx),
    ("pdf", pdf),
];

/// Plants everybody, in files whose names name the people in them; gives the people.
fn plant(scene: &Scene) -> Vec<Patient> {
    let people: Vec<Patient> = (0..PEOPLE).map(patient).collect();
    for (n, group) in people.chunks(TOGETHER).enumerate() {
        let (ext, make) = FORMATS[n % FORMATS.len()];
        let p = &group[0];
        let name = match n % 5 {
            0 => format!("{} {}/{}.{ext}", p.family, p.given, p.mrn),
            1 => format!("{}_{}_{}.{ext}", p.family.to_uppercase(), p.given.to_uppercase(), p.mrn),
            2 => format!("{} {}/{}{}-chart.{ext}", p.family, p.mrn, p.family, p.given),
            3 => format!("{}, {} {}.{ext}", p.family, p.given, p.ssn),
            // A clinical document holds no plan number here.
            _ if ext == "xml" => format!("{}.{ext}", p.mrn),
            _ => format!("{}.{ext}", p.member),
        };
        let bytes = make(group);
        if n % 3 == 0 {
            let second = format!("{}/{}", group[1].family, group[1].mrn);
            let packed = zip(&[(name.replace('/', "-"), bytes), (format!("{second}.csv"), csv(&group[1..2]))]);
            scene.file(&format!("{n}/{} {}.zip", p.family, p.given), packed);
        } else {
            scene.file(&format!("{n}/{name}"), bytes);
        }
    }
    people
}

/// The spellings in which a value may come out, and which value each is of.
struct Needles {
    search: AhoCorasick,
    of: Vec<String>,
    bounded: Vec<bool>,
    spellings: Vec<Vec<u8>>,
}

impl Needles {
    fn new(people: &[Patient]) -> Self {
        let values: BTreeSet<String> = people
            .iter()
            .flat_map(|p| p.values().map(str::to_owned))
            .chain(people.iter().map(|p| p.ssn.replace('-', "")))
            .collect();
        assert!(values.len() >= 10_000, "{} values are planted", values.len());
        let (mut of, mut bounded, mut spellings) = (Vec::new(), Vec::new(), Vec::new());
        for value in values {
            // Nine digits stand in digests by chance: alone they must stand alone.
            let digits = value.bytes().all(|b| b.is_ascii_digit());
            for spelling in spelled(&value) {
                of.push(value.clone());
                bounded.push(digits && spelling == value.as_bytes());
                spellings.push(spelling);
            }
        }
        let search = AhoCorasick::builder().ascii_case_insensitive(true).build(&spellings).unwrap();
        Self { search, of, bounded, spellings }
    }

    /// Values that stand in the text.
    fn found(&self, bytes: &[u8]) -> BTreeSet<&str> {
        let word = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_alphanumeric);
        self.search
            .find_overlapping_iter(bytes)
            .filter(|m| !self.bounded[m.pattern()] || !(word(m.start().checked_sub(1)) || word(Some(m.end()))))
            .map(|m| self.of[m.pattern()].as_str())
            .collect()
    }
}

fn hex(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().fold(String::new(), |s, b| s + &format!("{b:02x}")).into_bytes()
}

fn spelled(value: &str) -> Vec<Vec<u8>> {
    let raw = value.as_bytes();
    let mut out = vec![raw.to_vec(), value.encode_utf16().flat_map(u16::to_le_bytes).collect(), hex(raw)];
    out.push(raw.iter().fold(String::new(), |s, b| s + &format!("%{b:02X}")).into_bytes());
    for form in [value.to_owned(), value.to_uppercase(), value.to_lowercase()] {
        out.push(hex(&Sha256::digest(form.as_bytes())));
        out.push(hex(&sha1::Sha1::digest(form.as_bytes())));
        out.push(hex(&md5::Md5::digest(form.as_bytes())));
        // In base64 a text looks otherwise at each of three places, and its ends depend on what is beside it.
        for shift in 0..3 {
            let padded = [&b"\0\0\0"[..shift], form.as_bytes()].concat();
            let text = base64::engine::general_purpose::STANDARD_NO_PAD.encode(&padded);
            let from = [0, 2, 3][shift];
            let whole = padded.len() / 3 * 4;
            if let Some(middle) = text.get(from..whole).filter(|m| m.len() >= 8) {
                out.push(middle.as_bytes().to_vec());
            }
        }
    }
    out.sort();
    out.dedup();
    out
}

/// Every file below, packed ones unpacked.
fn everything(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut out = Vec::new();
    for entry in walkdir::WalkDir::new(dir).into_iter().flatten().filter(|e| e.file_type().is_file()) {
        out.push((entry.path().display().to_string(), std::fs::read(entry.path()).unwrap()));
    }
    out
}

#[test]
fn nothing_of_a_patient_comes_out() {
    let scene = Scene::new();
    let people = plant(&scene);
    let needles = Needles::new(&people);
    // What matches inside the records must not show them: rules and indicators that hit beside every name.
    let rules = scene.beside("rules.yar");
    std::fs::write(&rules, "rule records { meta: description = \"records\" score = 70 strings: $a = /MRN: [A-Z0-9]+/ $b = /SSN: [0-9-]+/ $c = \"E11.9\" condition: any of them }").unwrap();
    let iocs = scene.beside("c2-iocs.txt");
    std::fs::write(&iocs, "evil-collector.example;80\n").unwrap();
    let temporary = scene.beside("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let dir = scene.beside("case");
    let output = program()
        .env("TMPDIR", &temporary)
        .env("RUST_BACKTRACE", "full")
        .env("RUST_LOG", "trace")
        .arg("scan")
        .arg(scene.target())
        .args(["--ioc".as_ref(), iocs.as_os_str(), "--rules".as_ref(), rules.as_os_str()])
        .arg("--case")
        .arg(&dir)
        .output()
        .expect("the program runs");
    let case = Case::read(dir.clone(), output);
    case.assert_adds_up();
    let best = case.report["phi"]["individuals"]["best"].as_u64();
    assert_eq!(best, Some(PEOPLE as u64), "everybody is counted");
    for category in ["ioc", "yara", "phi_at_rest"] {
        assert!(!case.of(category).is_empty(), "no {category} finding, so nothing was tried");
    }
    let rows = case.inventory().iter().fold(String::new(), |s, row| s + &row.to_string() + "\n");
    let mut outputs = everything(&dir);
    outputs.push(("inventory, unpacked".to_owned(), rows.into_bytes()));
    outputs.push(("standard output".to_owned(), case.output.stdout.clone()));
    outputs.push(("standard error".to_owned(), case.output.stderr.clone()));
    // What is made of the case afterwards. Base64 in tables is taken apart, too.
    let mut later = |name: &str, args: &[&str]| {
        let output = program().env("TMPDIR", &temporary).args(args).output().expect("the program runs");
        assert!(!output.stdout.is_empty() && output.stderr.is_empty(), "{name}");
        let packed = |cell: &str| base64::engine::general_purpose::STANDARD.decode(cell.trim()).ok();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let unpacked: Vec<u8> = text.split([',', '\n']).filter(|c| c.len() > 40).filter_map(packed).flatten().collect();
        outputs.push((format!("{name}, unpacked"), unpacked));
        outputs.push((name.to_owned(), output.stdout));
    };
    let at = dir.to_str().expect("a path in UTF-8");
    for export in wardround::report::EXPORTS {
        later(export.id(), &["report", at, "--format", export.id()]);
    }
    later("diff", &["diff", at, at, "--format", "json"]);
    let fleet = scene.beside("fleet");
    later("merge", &["merge", at, "--out", fleet.to_str().expect("a path in UTF-8")]);
    outputs.extend(everything(&fleet));
    assert_eq!(everything(&temporary).len(), 0, "temporary files");
    let names = |s: &str| outputs.iter().any(|o| o.0.ends_with(s));
    assert!(names("report.json") && names("report.html") && names("findings.jsonl") && names("journal.jsonl"));
    for (name, bytes) in &outputs {
        let leaked = needles.found(bytes);
        let context = leaked
            .iter()
            .next()
            .and_then(|v| show(bytes, needles.spellings.iter().zip(&needles.of).filter(|(_, of)| of == v).map(|(s, _)| s)));
        assert!(
            leaked.is_empty(),
            "{name} shows {} of the planted values, as {:?} in {context:?}",
            leaked.len(),
            leaked.iter().next()
        );
    }
}

/// Some text around the first of these.
fn show<'s>(bytes: &[u8], mut spellings: impl Iterator<Item = &'s Vec<u8>>) -> Option<String> {
    let text = String::from_utf8_lossy(bytes).to_lowercase();
    let at = spellings.find_map(|s| text.find(&String::from_utf8_lossy(s).to_lowercase()))?;
    text.get(at.saturating_sub(200)..(at + 200).min(text.len())).map(str::to_owned)
}

/// The same scan without masking does show them: the search above can fail.
#[test]
fn without_masks_they_are_seen() {
    let scene = Scene::new();
    let people = plant(&scene);
    let needles = Needles::new(&people);
    let dir = scene.beside("case");
    let options = Options {
        targets: vec![scene.target()],
        case: Some(dir.clone()),
        no_default_rules: true,
        no_default_iocs: true,
        max_body: 1 << 28,
        ..Options::default()
    };
    let mut plan = Plan::new(&options, Default::default()).expect("a plan");
    let collector = Collector::new(CaseFolder::create(&plan.case).expect("a case folder"), Masker::OFF).expect("a journal");
    let collected = engine::run(&plan.job, &mut plan.correlators, collector).expect("a run");
    assert!(collected.failed.is_none() && !collected.findings.is_empty());
    let journal = std::fs::read(dir.join("journal/journal.jsonl")).unwrap();
    assert!(needles.found(&journal).len() > 200, "{}", needles.found(&journal).len());
    for spelling in spelled(&people[7].family) {
        assert!(!needles.found(&spelling).is_empty());
    }
}
