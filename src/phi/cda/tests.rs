use super::*;
use crate::phi::testing::run;
use crate::phi::{PeopleIndex, PhiScan};

const OPEN: &str = r#"<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:sdtc="urn:hl7-org:sdtc"><templateId root="2.16.840.1.113883.10.20.22.1.1"/><templateId root="2.16.840.1.113883.10.20.22.1.2"/>"#;
const CLOSE: &str = "<component><structuredBody><component><section><id root='2.16.840.1.113883.4.1' extension='536228849'/>\
    <text>a &lt; b</text></section></component></structuredBody></component></ClinicalDocument>\n";
const JANE: &str = r#"<recordTarget><patientRole>
  <id root="2.16.840.1.113883.4.1" extension="536-22-8841"/>
  <id root='1.2.3.4' extension='M100'/>
  <addr use="HP"><streetAddressLine>2 Elm St</streetAddressLine><city>Albany</city><state>NY</state><postalCode>12207</postalCode></addr>
  <telecom value="tel:+1(518)462-1234" use="HP"/><telecom value="mailto:jane@example.org"/>
  <patient>
    <name use="P"><given>Jay</given><family>Dee</family></name>
    <name use="L"><given qualifier="CL">JJ</given><given>Jane</given><given>Q</given><family qualifier="BR">Roe</family><family>D&#111;e</family></name>
    <administrativeGenderCode code="F"/><birthTime value="196001020830-0500"/>
    <guardian><id root="1.2.3.4" extension="M999"/><guardianPerson><name><given>Gus</given><family>Ward</family></name></guardianPerson></guardian>
  </patient>
  <providerOrganization><id root="2.16.840.1.113883.4.6" extension="1234567893"/><name>Clinic</name></providerOrganization>
</patientRole></recordTarget>"#;

fn document(header: &str) -> String {
    format!("{OPEN}{header}{CLOSE}")
}

fn second() -> String {
    JANE.replace("M100", "M200").replace("536-22-8841", "536-22-9002").replace("Jane", "Joan")
}

fn best(text: &str) -> Option<u64> {
    run(&Cda, text.as_bytes()).map(|f| f.individuals.best)
}

#[test]
fn one_document_one_patient() {
    let facts = run(&Cda, document(JANE).as_bytes()).unwrap();
    assert_eq!((facts.format.as_str(), facts.individuals.best, facts.records), ("cda-ccd", 1, 1));
    for (kind, count) in [("ssn", 1), ("mrn", 1), ("name", 1), ("dob", 1), ("phone", 1), ("email", 1), ("zip", 1), ("npi", 1)] {
        assert_eq!(facts.identifiers.get(kind), Some(&count), "{kind}");
    }
    assert_eq!(facts.states.get("NY"), Some(&1));
    assert!(facts.clinical && !facts.synthetic);
    assert!(facts.notes.iter().any(|n| n.starts_with("1 related")), "{:?}", facts.notes);
}

#[test]
fn the_legal_name_and_the_day_of_birth_make_the_same_person_as_elsewhere() {
    let key = CaseKey::new(&[7; 32]);
    let scan = |text: &str| {
        let mut scan = PhiScan::start(text.as_bytes(), &key);
        scan.feed(text.as_bytes());
        scan.finish().facts.unwrap()
    };
    let mut index = PeopleIndex::new();
    index.add(&scan(&document(JANE)));
    index.add(&scan("mrn,last name,first name,dob\nA1,DOE,JANE,1960-01-02\nA2,DOE,JANE,1960-01-02\n"));
    assert_eq!(index.totals().0.best, 3);
    let mut index = PeopleIndex::new();
    index.add(&scan(&document(JANE)));
    index.add(&scan("MSH|^~\\&|A|B|C|D|20240102||ADT^A01|1|P|2.5\rPID|1||Z1^^^O^MR||DOE^JANE||19600102\r"));
    assert_eq!(index.totals().0.best, 1);
}

#[test]
fn prolog_and_prefixes_do_not_matter() {
    let plain = document(JANE);
    let expected = run(&Cda, plain.as_bytes());
    let prolog = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<?xml-stylesheet type='text/xsl' href=\"CDA.xsl\"?>\n\
                  <!-- <ClinicalDocument xmlns='urn:hl7-org:v3'> don't > -->\n<!DOCTYPE ClinicalDocument [ <!ENTITY x '>'> ]>\n";
    let prefixed = plain.replace("xmlns=", "xmlns:n1=").replace("</", "</n1:");
    let prefixed = regex::Regex::new("<([A-Za-z])").unwrap().replace_all(&prefixed, "<n1:$1").into_owned();
    let wrapped = format!("<soap:Envelope xmlns:soap='s'><soap:Body>{plain}</soap:Body></soap:Envelope>");
    let outer = format!("<batch xmlns=\"urn:hl7-org:v3\">{}</batch>", plain.replace(" xmlns=\"urn:hl7-org:v3\"", ""));
    let long = format!("<!-- {} -->{plain}", "x".repeat(70_000));
    let cdata = plain.replace("<given>Jane</given>", "<given><![CDATA[Jane]]></given>");
    for text in [format!("\u{feff}{prolog}{plain}"), format!("\n {plain}"), prefixed, wrapped, outer, long, cdata] {
        assert_eq!(run(&Cda, text.as_bytes()), expected, "{}", text.get(..200).unwrap_or_default());
    }
}

#[test]
fn utf_16_and_every_chunk_size_agree() {
    let key = CaseKey::new(&[7; 32]);
    let scan = |bytes: &[u8], size: usize| {
        let mut scan = PhiScan::start(&bytes[..bytes.len().min(65_536)], &key);
        bytes.chunks(size).for_each(|c| scan.feed(c));
        scan.finish().facts
    };
    let text = format!("<?xml version='1.0'?>{}{}", document(JANE), document(&second()));
    let wide: Vec<u8> = format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let whole = scan(text.as_bytes(), text.len());
    assert_eq!(whole.as_ref().map(|f| f.individuals.best), Some(2));
    for size in [1, 7, 64, wide.len()] {
        assert_eq!(scan(text.as_bytes(), size), whole);
        assert_eq!(scan(&wide, size), whole);
    }
}

#[test]
fn several_patients_and_several_documents() {
    assert_eq!(best(&document(&format!("{JANE}{}", second()))), Some(2));
    assert_eq!(best(&format!("{}<?xml version='1.0'?>{}", document(JANE), document(&second()))), Some(2));
    let twice = run(&Cda, document(JANE).repeat(2).as_bytes()).unwrap();
    assert_eq!((twice.records, twice.individuals.best), (2, 1));
    // The first breaks off within its header, or its body.
    for cut in ["</patientRole>", "<section>"] {
        let first = document(JANE);
        let first = &first[..first.find(cut).unwrap()];
        assert_eq!(best(&format!("{first}{}", document(&second()))), Some(2), "{cut}");
    }
    let mixed = format!("{}{}", document(JANE), document(&second()).replace("10.20.22.1.2", "9"));
    assert_eq!(run(&Cda, mixed.as_bytes()).unwrap().format, "cda");
}

#[test]
fn what_breaks_off_counts_as_far_as_it_is_whole() {
    let text = document(JANE);
    for at in (0..text.len()).filter(|at| text.is_char_boundary(*at)) {
        assert!(best(&text[..at]).unwrap_or(1) == 1, "{at}");
    }
    let facts = run(&Cda, &text.as_bytes()[..text.find("e</family></name>\n    <admin").unwrap()]).unwrap();
    assert_eq!((facts.individuals.best, facts.identifiers.get("ssn")), (1, Some(&1)));
    assert!(facts.notes.iter().any(|n| n.contains("break off")), "{:?}", facts.notes);
    // Half a name is nobody's.
    let half = document(JANE).replace("<id ", "<no ");
    assert_eq!(best(&half[..half.find("e</family></name>\n    <admin").unwrap()]), Some(1));
}

#[test]
fn flavours_of_null_and_what_is_left_without_numbers() {
    let none = "<recordTarget><patientRole><id nullFlavor='UNK' root='1.2' extension='X1'/><patient nullFlavor=\"NI\"/></patientRole></recordTarget>";
    assert_eq!(best(&document(none)), None);
    let bare = "<recordTarget><patientRole><id nullFlavor='NI'/><id root='1.2.3'/><patient><name>Jane Doe</name>\
                <birthTime value='19600102'/></patient></patientRole></recordTarget>";
    let facts = run(&Cda, document(bare).as_bytes()).unwrap();
    assert_eq!((facts.individuals.best, facts.identifiers.len()), (1, 2), "{:?}", facts.identifiers);
    let key = "<recordTarget><patientRole><id root='9d188916-8390-282b-3ec2-73fce6e08649'/></patientRole></recordTarget>";
    assert_eq!(run(&Cda, document(key).as_bytes()).unwrap().identifiers["record_id"], 1);
    let medicare =
        "<recordTarget><patientRole><id root='2.16.840.1.113883.4.572' extension='1EG4-TE5-MK73'/></patientRole></recordTarget>";
    assert_eq!(run(&Cda, document(medicare).as_bytes()).unwrap().identifiers["mbi"], 1);
}

#[test]
fn only_record_targets_hold_patients() {
    let name = "<name><given>Al</given><family>Ley</family></name>";
    let others = format!(
        "<author><assignedAuthor><id root='2.16.840.1.113883.4.6' extension='1234567893'/><assignedPerson>{name}</assignedPerson></assignedAuthor></author>\
         <informant><relatedEntity><relatedPerson>{name}</relatedPerson></relatedEntity></informant>\
         <participant><associatedEntity><id root='1.2.3.4' extension='M7'/><associatedPerson>{name}</associatedPerson></associatedEntity></participant>"
    );
    assert_eq!(best(&document(&others)), None);
    let facts = run(&Cda, document(&format!("{JANE}{others}")).as_bytes()).unwrap();
    assert_eq!((facts.individuals.best, facts.identifiers["npi"], facts.identifiers["mrn"]), (1, 1, 1));
    assert!(facts.notes.iter().any(|n| n.starts_with("3 related")), "{:?}", facts.notes);
}

#[test]
fn never_issued_numbers_mark_invented_data() {
    let facts = run(&Cda, document(&JANE.replace("536-22-8841", "999-12-3456")).as_bytes()).unwrap();
    assert!(facts.synthetic && !facts.identifiers.contains_key("ssn"));
}

#[test]
fn other_markup_is_none() {
    let key = CaseKey::new(&[1; 32]);
    for text in [
        "",
        "<",
        "<html><body>ClinicalDocument</body></html>",
        "say <ClinicalDocument xmlns='urn:hl7-org:v3'>",
        "<?xml version='1.0'?><a/>",
    ] {
        assert!(Cda.start(text.as_bytes(), &key).is_none(), "{text}");
    }
    let foreign = document(JANE).replace("urn:hl7-org:v3", "urn:hl7-org:v2");
    assert_eq!(best(&foreign), None);
    assert_eq!(best(&document(JANE).replace("<recordTarget>", "<recordTarget xmlns='urn:other'>")), None);
    assert_eq!(
        best(&format!("<xsl:template match='/n1:ClinicalDocument' xmlns:n1='urn:hl7-org:v3'>{JANE}</xsl:template>")),
        None
    );
}

#[test]
fn hostile_documents_stay_small() {
    let deep = format!("{}{}", "<a>".repeat(200_000), "</a>".repeat(200_000));
    assert_eq!(best(&document(&format!("{deep}{JANE}"))), Some(1));
    assert_eq!(best(&document(&format!("{JANE}{}", "<a>".repeat(200_000)))), Some(1));
    let endless = format!("<a b=\"{}", "x>".repeat(300_000));
    assert_eq!(best(&document(&format!("{endless}\n{JANE}"))), Some(1));
    let laughs = "<!DOCTYPE lolz [<!ENTITY lol \"lol\"><!ENTITY lol2 \"&lol;&lol;&lol;&lol;\"><!ENTITY lol3 \"&lol2;&lol2;\">]>";
    let facts = run(&Cda, format!("{laughs}{}", document(&JANE.replace("<given>Q", "<given>&lol3;"))).as_bytes()).unwrap();
    assert_eq!(facts.individuals.best, 1);
    let long = document(&JANE.replace("<family>D", &format!("<family>{}", "D".repeat(1_000_000))));
    assert_eq!(best(&long), Some(1));
}

#[test]
fn bodies_of_other_formats_are_read_with_their_patient() {
    use base64::Engine;
    let body = |text: &str| format!("{OPEN}{JANE}<component><nonXMLBody>{text}</nonXMLBody></component></ClinicalDocument>");
    let letter = "Patient: Doe, Jane\nMRN: 0012345\nDOB: 01/02/1960\n";
    let other = "Patient: Roe, Rick\nMRN: 0099999\nDOB: 05/06/1971\n";
    for (says, people) in [(letter, 1), (other, 2)] {
        let packed = base64::engine::general_purpose::STANDARD.encode(says);
        let (front, back) = packed.split_at(20);
        for text in [
            format!("<text mediaType=\"text/plain\" representation=\"B64\">{front}\n  {back}</text>"),
            format!("<text mediaType=\"text/plain\">{}</text>", says.replace('\n', "&#10;")),
            format!("<text><![CDATA[{says}]]></text>"),
        ] {
            let facts = run(&Cda, body(&text).as_bytes()).expect("people");
            assert_eq!(facts.individuals.best, people, "{text}");
            assert!(facts.format.starts_with("cda"), "{}", facts.format);
        }
    }
    let damaged = crate::phi::testing::outcome(&Cda, body("<text representation='B64'>!!!</text>").as_bytes());
    assert!(damaged.unread.is_some() && damaged.facts.is_some());
    // Documents in documents end at a bound.
    let mut deep = body("<text>x</text>");
    for _ in 0..9 {
        deep = body(&format!("<text representation='B64'>{}</text>", base64::engine::general_purpose::STANDARD.encode(&deep)));
    }
    let outcome = crate::phi::testing::outcome(&Cda, deep.as_bytes());
    assert_eq!(outcome.unread.map(|u| u.reason), Some(crate::model::GapReason::LimitDepth));
}

proptest::proptest! {
    #[test]
    fn hostile_bytes_never_panic(tail in proptest::collection::vec(proptest::num::u8::ANY, 0..400), cut in 0usize..3000) {
        let mut bytes = document(JANE).into_bytes();
        bytes.truncate(cut);
        bytes.extend(&tail);
        bytes.extend(JANE.as_bytes());
        let _ = run(&Cda, &bytes);
    }

    #[test]
    fn hostile_markup_never_panics(pieces in proptest::collection::vec(0usize..20, 0..60)) {
        let parts = ["<", ">", "</", "/>", "\"", "'", "=", "<!--", "-->", "<![CDATA[", "]]>", "<?", "?>", "<!DOCTYPE", "[", "]",
            "recordTarget", "ClinicalDocument xmlns=\"urn:hl7-org:v3\"", "patientRole", "&"];
        let text: String = pieces.iter().map(|i| parts[*i]).collect();
        let _ = run(&Cda, format!("{OPEN}{text}{JANE}").as_bytes());
    }
}
