//! Messages as documents and containers at once: attachments are members, and nobody is counted twice.

use base64::Engine as _;
use serde_json::Value;
use sha2::{Digest, Sha256};
use wardround::model::text::hex;

use crate::office::{docx, zip};
use crate::support::{Case, Scene};

/// A letter with files attached.
fn letter(body: &str, attached: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut out = format!(
        "From: a@clinic.example\r\nTo: b@clinic.example\r\nSubject: lists\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=BOUND\r\n\r\n--BOUND\r\nContent-Type: text/plain\r\n\r\n{body}\r\n"
    );
    for (name, bytes) in attached {
        let (kind, encoded) = match name.ends_with(".eml") {
            true => ("message/rfc822\r\nContent-Transfer-Encoding: 8bit", String::from_utf8(bytes.clone()).unwrap()),
            false => {
                let packed = base64::engine::general_purpose::STANDARD.encode(bytes);
                let lines: Vec<&str> = packed.as_bytes().chunks(76).map(|c| std::str::from_utf8(c).unwrap()).collect();
                ("application/octet-stream\r\nContent-Transfer-Encoding: base64", lines.join("\r\n"))
            }
        };
        out += &format!(
            "--BOUND\r\nContent-Type: {kind}\r\nContent-Disposition: attachment; filename=\"{name}\"\r\n\r\n{encoded}\r\n"
        );
    }
    (out + "--BOUND--\r\n").into_bytes()
}

fn table(people: &[(&str, &str)]) -> Vec<u8> {
    let row =
        |(n, (family, given)): (usize, &(&str, &str))| format!("MR-77{n:04},{family},{given},19{}-03-0{},E11.9\n", 50 + n, n + 1);
    let rows: String = people.iter().enumerate().map(row).collect();
    format!("mrn,last_name,first_name,dob,dx\n{rows}").into_bytes()
}

/// Path below the target and people of every finding about patients.
fn held(scene: &Scene, case: &Case) -> Vec<(String, u64)> {
    let target = format!("{}/", scene.target().display());
    let of = |finding: &&Value| {
        let path = finding["path"].as_str().unwrap_or_default();
        (path.strip_prefix(&target).unwrap_or(path).to_owned(), finding["phi"]["individuals"]["best"].as_u64().unwrap_or(0))
    };
    let mut all: Vec<_> = case.of("phi_at_rest").iter().map(of).collect();
    all.sort();
    all
}

const BODY: &str = "Patient Name: Araminta Zweigenthal\r\nMRN: QX7734219\r\nDOB: 08/13/1947\r\n";

fn chart() -> Vec<u8> {
    docx(&["Patient Name: Osbert Quillfeather".into(), "MRN: QX7734220".into(), "DOB: 05/06/1971".into()])
}

#[test]
fn people_of_a_letter_are_counted_once() {
    let scene = Scene::new();
    let list = table(&[("Nettlefold", "Ida"), ("Oakapple", "Tom"), ("Pennyworth", "Lil")]);
    let packed = zip(&[("list.csv".to_owned(), list)]);
    let inner = letter(BODY, &[("chart.docx", chart())]);
    let all = letter(BODY, &[("chart.docx", chart()), ("lists.zip", packed), ("forwarded.eml", inner.clone())]);
    scene.file("letter.eml", &all);
    let case = scene.scan(&[]);
    case.assert_adds_up();
    // The letter and the chart, and those of the archive, which only its members tell.
    assert_eq!(held(&scene, &case), [("letter.eml".to_owned(), 2), ("letter.eml!lists.zip!list.csv".to_owned(), 3)]);
    assert_eq!(case.report["phi"]["individuals"]["best"], 5);
    assert_eq!(case.report["coverage"]["verdict"], "complete", "{}", case.report["gaps"]);
    let names: Vec<String> = case.inventory().iter().filter(|r| r["kind"] == "member").map(|r| r["path"].to_string()).collect();
    assert!(names.iter().any(|name| name.contains("forwarded.eml!chart.docx!word/document.xml")), "{names:?}");
    // Control: the same files beside each other are counted each for itself.
    let scene = Scene::new();
    scene.file("chart.docx", chart());
    scene.file("forwarded.eml", inner);
    let case = scene.scan(&[]);
    assert_eq!(held(&scene, &case), [("chart.docx".to_owned(), 1), ("forwarded.eml".to_owned(), 2)]);
}

#[test]
fn a_mailbox_is_no_other() {
    let scene = Scene::new();
    let packed = zip(&[("list.csv".to_owned(), table(&[("Nettlefold", "Ida"), ("Oakapple", "Tom"), ("Pennyworth", "Lil")]))]);
    let box_of = |letters: &[Vec<u8>]| {
        let one = |letter: &Vec<u8>| [b"From a@clinic.example Mon Jan  1 10:00:00 2024\r\n", &letter[..], b"\r\n"].concat();
        letters.iter().flat_map(one).collect::<Vec<u8>>()
    };
    scene.file("inbox", box_of(&[letter("Nothing.", &[]), letter(BODY, &[("chart.docx", chart()), ("lists.zip", packed)])]));
    let case = scene.scan(&[]);
    case.assert_adds_up();
    assert_eq!(held(&scene, &case), [("inbox".to_owned(), 2), ("inbox!2/lists.zip!list.csv".to_owned(), 3)]);
    assert_eq!(case.report["coverage"]["verdict"], "complete", "{}", case.report["gaps"]);
}

#[test]
fn attachments_are_hashed_matched_and_scanned() {
    let scene = Scene::new();
    let tool = b"MZ a tool that says NEEDLE-55120 and nothing else".to_vec();
    let packed = zip(&[("tool.exe".to_owned(), tool.clone())]);
    scene.file("letter.eml", letter("See the attached.", &[("tool.exe", tool.clone()), ("tool.zip", packed)]));
    let (rules, list) = (scene.beside("needle.yar"), scene.beside("hash-iocs.txt"));
    std::fs::write(&rules, "rule needle { strings: $a = \"NEEDLE-55120\" condition: $a }").unwrap();
    std::fs::write(&list, format!("{};a known tool\n", hex(&Sha256::digest(&tool)))).unwrap();
    let case = scene.scan(&["--rules", rules.to_str().unwrap(), "--ioc", list.to_str().unwrap()]);
    case.assert_adds_up();
    let outer = scene.target().join("letter.eml").display().to_string();
    for category in ["yara", "ioc"] {
        for path in ["tool.exe", "tool.zip!tool.exe"] {
            let path = format!("{outer}!{path}");
            assert!(case.of(category).iter().any(|finding| finding["path"] == path), "{category} {path}");
        }
        // Encoded, nothing of it is in the letter itself.
        assert!(!case.of(category).iter().any(|finding| finding["path"] == outer));
    }
}

#[test]
fn names_of_attachments_are_held_against_the_people_of_the_letter() {
    let scene = Scene::new();
    let scan = b"\x89PNG\r\n\x1a\n a picture that nobody reads".to_vec();
    let name = "Zweigenthal Araminta QX7734219.png";
    scene.file("letter.eml", letter(BODY, &[(name, scan.clone())]));
    let case = scene.scan(&[]);
    let rows = case.inventory();
    let digest = hex(&Sha256::digest(&scan));
    let row = rows.iter().find(|row| row["sha256"] == digest).expect("the attachment");
    assert!(!row.to_string().contains("Zweigenthal") && !row.to_string().contains("QX7734219"), "{row}");
    // Control: a letter about nobody hides no names.
    let scene = Scene::new();
    scene.file("letter.eml", letter("See the attached.", &[(name, scan)]));
    let rows = scene.scan(&[]).inventory();
    assert!(rows.iter().any(|row| row["sha256"] == digest && row["path"].to_string().contains("Zweigenthal")));
}

#[test]
fn a_letter_is_no_loot_by_itself() {
    // The same letter as a file in a folder of the user: what was attached makes no archive of it.
    let scene = Scene::new();
    let packed = zip(&[("list.csv".to_owned(), table(&[("Nettlefold", "Ida"), ("Oakapple", "Tom"), ("Pennyworth", "Lil")]))]);
    scene.file("home/ann/mail/letter.eml", letter(BODY, &[("lists.zip", packed)]));
    let case = scene.scan(&[]);
    assert!(case.of("staging").iter().all(|finding| finding["level"] == "info"), "{:?}", case.of("staging"));
}

#[test]
fn messages_of_outlook_are_no_others() {
    let scene = Scene::new();
    let fixture = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/phi/msg-referral.msg");
    scene.file("referral.msg", std::fs::read(fixture).unwrap());
    let case = scene.scan(&[]);
    case.assert_adds_up();
    assert_eq!(held(&scene, &case), [("referral.msg".to_owned(), 2)]);
    let row = case.row(&scene.target().join("referral.msg"));
    assert_eq!((row["container"]["format"].as_str(), row["disposition"].as_str()), (Some("ole"), Some("examined")), "{row}");
    assert!(case.inventory().iter().any(|row| row["kind"] == "member" && row["sha256"].is_string()));
}
