use super::*;
use crate::phi::testing::run;

const MSH: &str = r"MSH|^~\&|APP|CLINIC|EHR|HOSP|20240102120000||ADT^A01^ADT_A01|1|P|2.5";

fn adt(pid: &str) -> String {
    format!("{MSH}\rEVN|A01|20240102\r{pid}\rPV1|1|I\rDG1|1||E11.9^Diabetes^I10\r")
}

const JANE: &str =
    "PID|1||M100^^^CLINIC^MR~536228841^^^SSA^SS||DOE^JANE^Q||19600102|F|||2 ELM ST^^ALBANY^NY^12207||(518)462-1234|||||ACC1";

#[test]
fn one_message_one_patient() {
    let facts = run(&Hl7v2, adt(JANE).as_bytes()).unwrap();
    assert_eq!((facts.format.as_str(), facts.individuals.best, facts.records), ("hl7v2", 1, 1));
    assert_eq!(facts.identifiers["mrn"], 1);
    assert_eq!(facts.identifiers["ssn"], 1);
    assert_eq!(facts.identifiers["phone"], 1);
    assert_eq!(facts.states.get("NY"), Some(&1));
    assert!(facts.clinical && !facts.synthetic);
}

#[test]
fn framing_does_not_matter() {
    let plain = adt(JANE);
    let second = adt(&JANE.replace("M100", "M200").replace("536228841", "536229002").replace("JANE", "JOAN"));
    let lf = plain.replace('\r', "\n");
    let crlf = plain.replace('\r', "\r\n");
    let mllp = format!("\x0b{plain}\x1c\r\x0b{second}\x1c\r");
    let batch = format!("FHS|^~\\&|A\rBHS|^~\\&|A\r{plain}{second}BTS|2\rFTS|1\r");
    let bom = format!("\u{feff}{plain}");
    let log = format!("2024-01-02 interface started\n{}\n{lf}", "noise ".repeat(500));
    let other = plain.replace('|', "#").replace('^', "!");
    for (text, patients) in [(lf, 1), (crlf, 1), (mllp, 2), (batch, 2), (bom, 1), (log, 1), (other, 1)] {
        assert_eq!(run(&Hl7v2, text.as_bytes()).map(|f| f.individuals.best), Some(patients), "{text}");
    }
}

#[test]
fn a_merge_adds_nobody() {
    let first = adt(JANE);
    let old = adt(&JANE.replace("M100", "M050").replace("~536228841^^^SSA^SS", ""));
    let merge = format!("{MSH}\r{JANE}\rMRG|M050^^^CLINIC^MR\r");
    assert_eq!(run(&Hl7v2, format!("{first}{old}").as_bytes()).unwrap().individuals.best, 2);
    let merged = run(&Hl7v2, format!("{first}{old}{merge}").as_bytes()).unwrap();
    assert_eq!(merged.individuals.best, 1);
    assert!(merged.notes.iter().any(|n| n.contains("merged")));
}

#[test]
fn relatives_are_noted_not_counted() {
    let text = format!("{}NK1|1|DOE^JOHN|SPO\rGT1|1||DOE^JOHN||||||||SPO\rIN1|1|P|1|INS||||||||||||DOE^JANE|SEL\r", adt(JANE));
    let facts = run(&Hl7v2, text.as_bytes()).unwrap();
    assert_eq!(facts.individuals.best, 1);
    assert!(facts.notes.iter().any(|n| n.starts_with("2 related")));
}

#[test]
fn test_modes_and_continued_lines() {
    let test = adt(JANE).replace("|1|P|2.5", "|1|T|2.5");
    assert!(run(&Hl7v2, test.as_bytes()).unwrap().synthetic);
    let multiline = format!("{}OBX|1|TX|X||line one\nline two\nMSH is a word\nOBX|2|NM|Y||5\r", adt(JANE));
    assert_eq!(run(&Hl7v2, multiline.as_bytes()).unwrap().individuals.best, 1);
}

#[test]
fn what_is_no_message_does_not_start() {
    let key = CaseKey::new(&[1; 32]);
    for text in [
        r#"let m = "MSH|^~\\&|A|B|C|D|2024||ADT^A01|1|P|2.5";"#,
        "MSH|not a message\n",
        "MSH stands for message header\n",
        "MSH|^~\\&|||||||xyz|1|P|2.5\r",
        "MSH|^~\\&|||||||ADT^A01|1|P|3.0\r",
        "",
    ] {
        assert!(Hl7v2.start(text.as_bytes(), &key).is_none(), "{text}");
    }
    // A message without a patient holds nobody.
    assert!(run(&Hl7v2, format!("{MSH}\rMSA|AA|1\r").as_bytes()).is_none());
}

#[test]
fn documents_in_observations_are_read_with_their_patient() {
    use base64::Engine;
    let cda = |name: &str, born: &str| {
        format!(
            "<ClinicalDocument xmlns=\"urn:hl7-org:v3\"><recordTarget><patientRole><id root=\"1.2.3\" extension=\"Q1\"/><patient><name>\
             <given>{name}</given><family>Doe</family></name><birthTime value=\"{born}\"/></patient></patientRole></recordTarget></ClinicalDocument>"
        )
    };
    let message = |obx: &str| format!("{}{obx}\r", adt("PID|1||M100^^^CLINIC^MR||DOE^JANE||19600102|F"));
    let base64 = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    // Longer than a segment that carries nothing may be.
    let long = format!("<!--{}-->", "x".repeat(90_000));
    for (name, born, people) in [("Jane", "19600102", 1), ("Ann", "19810506", 2)] {
        let text = cda(name, born);
        let escaped = text.replace('&', r"\T\").replace('^', r"\S\");
        for obx in [
            format!("OBX|1|ED|34133-9||^text^xml^Base64^{}", base64(&text)),
            format!("OBX|1|ED|34133-9||^text^xml^Base64^{}", base64(&(long.clone() + &text))),
            format!("OBX|1|ED|34133-9||^text^xml^A^{escaped}"),
            format!("OBX|1|TX|34133-9||{escaped}"),
            format!("OBX|1|ED|34133-9||^text^xml^Hex^{}", text.bytes().fold(String::new(), |s, b| s + &format!("{b:02X}"))),
            format!("OBX|1|ED|34133-9||^text^xml^Base64^{}", base64(&text).replacen('P', "P\\.br\\", 1)),
        ] {
            let facts = run(&Hl7v2, message(&obx).as_bytes()).expect("people");
            assert_eq!((facts.individuals.best, facts.format.as_str()), (people, "hl7v2"), "{}", &obx[..40]);
        }
    }
    let batch: String = (0..600)
        .map(|i| {
            let obx = format!("OBX|1|TX|x||{}", cda("Jane", "19600102").replace("Q1", &format!("Q{}", i % 300)));
            message(&obx)
                .replace("M100", &format!("M{}", i % 300))
                .replace("DOE^JANE||19600102", &format!("DOE^JANE||{}0101", 1700 + i % 300))
        })
        .collect();
    // Three hundred patients, and those of the documents: one name and birth under three hundred numbers.
    assert_eq!(run(&Hl7v2, batch.as_bytes()).expect("people").individuals.best, 600);
    let damaged = crate::phi::testing::outcome(&Hl7v2, message("OBX|1|ED|x||^a^b^Base64^!!!").as_bytes());
    assert!(damaged.unread.is_some() && damaged.facts.is_some());
    assert_eq!(crate::phi::testing::outcome(&Hl7v2, message("OBX|1|NM|x||5").as_bytes()).unread, None);
}

const XML: &[u8] = include_bytes!("../../../tests/fixtures/phi/hl7v2-xml.xml");

#[test]
fn messages_in_xml_count_as_their_segments() {
    let xml = run(&Hl7v2, XML).expect("people");
    assert_eq!((xml.individuals.best, xml.records, xml.states.get("NY")), (2, 2, Some(&1)));
    let er7 = "MSH|^~\\&|A|CLINIC|||20240102||ADT^A01|1|P|2.5\r\
        PID|1||M100^^^CLINIC&1.2.3&ISO^MR~536228841^^^SSA^SS||ABERNATHY^LUCILLE^Q||19490312|F|||2 ELM ST^^ALBANY^NY^12207||(518)462-1234\r\
        DG1|1||E11.9\r\
        MSH|^~\\&|A|CLINIC|||20240102||ADT^A01|2|P|2.5\rPID|1||M101^^^CLINIC&1.2.3&ISO^MR||BIRKENSTOCK^ORLANDO||19621130|M\r";
    assert_eq!(run(&Hl7v2, er7.as_bytes()), Some(xml));
    let cut = crate::phi::testing::outcome(&Hl7v2, &XML[..XML.len() - 30]);
    assert_eq!((cut.facts.map(|f| f.records), cut.unread.is_some()), (Some(2), true));
    for at in (0..XML.len()).step_by(7) {
        let mut other = XML.to_vec();
        other[at] = b"<>/&.9\"P"[at % 8];
        let _ = run(&Hl7v2, &other);
    }
}

proptest::proptest! {
    #[test]
    fn no_xml_panics(tail in "[<>/PIDCX.0-9a-z \"&;|^~]{0,200}") {
        let _ = run(&Hl7v2, format!("<A xmlns='urn:hl7-org:v2xml'><PID>{tail}").as_bytes());
    }

    #[test]
    fn hostile_bytes_never_panic(tail in proptest::collection::vec(proptest::num::u8::ANY, 0..400), cut in 0usize..400) {
        let mut bytes = adt(JANE).into_bytes();
        bytes.truncate(cut.min(bytes.len()));
        bytes.extend(&tail);
        let _ = run(&Hl7v2, &bytes);
        let _ = run(&Hl7v2, &[b"MSH|^~\\&|||||||ADT^A01|1|P|2.5\rPID|".as_slice(), &tail].concat());
    }
}
