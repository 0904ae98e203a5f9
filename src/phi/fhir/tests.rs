use serde_json::{Value, json};

use super::Fhir;
use crate::model::{GapReason, PhiFacts};
use crate::phi::testing::run;

fn scan(text: impl AsRef<[u8]>) -> Option<PhiFacts> {
    run(&Fhir, text.as_ref())
}

fn patient(n: u32) -> Value {
    json!({"resourceType": "Patient", "id": format!("p{n}"),
        "identifier": [{"system": "urn:oid:1.2.3", "value": format!("M{n}"), "type": {"coding": [{"code": "MR"}]}},
                       {"system": "http://hl7.org/fhir/sid/us-ssn", "value": format!("212-45-{:04}", 1000 + n)}],
        "name": [{"use": "old", "family": "Before"}, {"use": "official", "family": "Doe", "given": ["Jane", "Q"]}],
        "birthDate": "1961-02-03", "telecom": [{"system": "phone", "value": "415-555-2671"}],
        "address": [{"line": ["1 Main St"], "city": "Springfield", "state": "IL", "postalCode": "62701"}],
        "contact": [{"name": {"family": "Doe"}}]})
}

fn observation(n: u32) -> Value {
    json!({"resourceType": "Observation", "id": "o", "subject": {"reference": format!("Patient/p{n}")}, "valueString": "a \"{[ b"})
}

fn best(facts: &Option<PhiFacts>) -> u64 {
    facts.as_ref().map_or(0, |f| f.individuals.best)
}

#[test]
fn one_patient_with_its_identifiers() {
    let facts = scan(patient(1).to_string()).unwrap();
    assert_eq!((facts.individuals.best, facts.records, facts.format.as_str()), (1, 1, "fhir"));
    assert_eq!((facts.identifiers["ssn"], facts.identifiers["mrn"], facts.states["IL"]), (1, 1, 1));
    assert!(facts.clinical && !facts.synthetic && !facts.deidentified);
    assert!(facts.notes.iter().any(|n| n.contains("1 related")));
    let indented = serde_json::to_string_pretty(&patient(1)).unwrap();
    assert_eq!(best(&scan(format!("\u{feff}\r\n{indented}"))), 1);
}

#[test]
fn bundles_lines_and_lists() {
    let entry = |r: Value| json!({"fullUrl": "http://h/x", "resource": r, "search": {"mode": "match"}});
    let bundle = json!({"resourceType": "Bundle", "type": "searchset",
        "entry": [entry(patient(1)), entry(observation(1)), entry(patient(2)), entry(observation(3))], "link": [{"a": [1]}]});
    assert_eq!(best(&scan(bundle.to_string())), 3);
    assert_eq!(best(&scan(serde_json::to_string_pretty(&bundle).unwrap())), 3);
    // The type may stand behind the entries.
    let late = format!("{{\"entry\":{},\"resourceType\":\"Bundle\"}}", bundle["entry"]);
    assert_eq!(best(&scan(late)), 3);
    let lines = |end: &str| (1..=20).map(|n| format!("{}{end}", patient(n))).collect::<String>();
    assert_eq!((best(&scan(lines("\n"))), best(&scan(lines("\r\n"))), best(&scan(lines("")))), (20, 20, 20));
    assert_eq!(best(&scan(json!([patient(1), patient(2)]).to_string())), 2);
    assert_eq!(best(&scan(json!({"resourceType": "Bundle", "entry": [entry(bundle)]}).to_string())), 3);
}

#[test]
fn clinical_resources_alone_tell_their_patients() {
    let lines = (0..50u32).map(|n| format!("{}\n", observation(n % 7))).collect::<String>();
    let facts = scan(lines).unwrap();
    assert_eq!((facts.individuals.best, facts.records), (7, 50));
    let many: Vec<Value> = (0..600).map(patient).collect();
    assert_eq!(best(&scan(json!({"resourceType": "List", "contained": many}).to_string())), 600);
    let contained = json!({"resourceType": "Claim", "patient": {"reference": "#p1"}, "contained": [patient(1)]});
    assert_eq!(best(&scan(contained.to_string())), 1);
    let uuid = "0b7e3c7e-0c9e-4f52-8d5a-0d5c3f1f6a11";
    let urn = json!({"resourceType": "Bundle", "entry": [
        {"fullUrl": format!("urn:uuid:{uuid}"), "resource": {"resourceType": "Patient", "name": [{"family": "Roe", "given": ["Al"]}]}},
        {"resource": {"resourceType": "Encounter", "subject": {"reference": format!("urn:uuid:{uuid}")}}}]});
    assert_eq!(best(&scan(urn.to_string())), 1);
}

#[test]
fn references_are_relative_to_the_server() {
    let at = |server: &str| {
        let entry = |kind: &str, r: Value| json!({"fullUrl": format!("https://{server}/fhir/{kind}/1"), "resource": r});
        let anyone = json!({"resourceType": "Patient", "id": "1"});
        let seen = json!({"resourceType": "Encounter", "id": "1", "subject": {"reference": "Patient/1"}});
        let absolute =
            json!({"resourceType": "Claim", "patient": {"reference": format!("https://{server}/fhir/Patient/1/_history/2")}});
        json!({"resourceType": "Bundle", "entry": [entry("Encounter", seen), entry("Patient", anyone), {"resource": absolute}]})
            .to_string()
    };
    assert_eq!(best(&scan(at("a"))), 1);
    assert_eq!(best(&scan(format!("{}\n{}", at("a"), at("b")))), 2);
}

#[test]
fn a_broken_line_costs_itself() {
    let text = format!("{}\n{{\"resourceType\":\"Patient\",\"id\":\"x\n{}\n{}", patient(1), patient(2), patient(3));
    assert_eq!(best(&scan(text)), 3);
    let whole = json!({"resourceType": "Bundle", "entry": [{"resource": patient(1)}, {"resource": patient(2)}]}).to_string();
    let one = scan(format!("{}\n{{\"resourceType\":\"Patient\",}}\n", patient(1))).unwrap();
    assert!(one.notes.iter().any(|n| n.contains("1 FHIR resources are no JSON")), "{one:?}");
    let cut = scan(&whole[..whole.len() - 30]).unwrap();
    assert!(cut.individuals.best == 1 && cut.notes.iter().any(|n| n.contains("breaks off")), "{cut:?}");
}

#[test]
fn what_is_not_read_is_told_where_nobody_is_found() {
    let long = json!({"resourceType": "Patient", "id": "1", "text": "x".repeat(9 << 20)}).to_string();
    for (text, reason) in [
        (long.as_str(), GapReason::LimitMemory),
        ("{\"resourceType\":\"Patient\",}", GapReason::Malformed),
        ("<Patient xmlns=\"http://hl7.org/fhir\"><id value=\"1\"/>", GapReason::Malformed),
    ] {
        let outcome = crate::phi::testing::outcome(&Fhir, text.as_bytes());
        assert_eq!((outcome.facts, outcome.unread.map(|u| u.reason)), (None, Some(reason)), "{}", &text[..25]);
    }
}

#[test]
fn marks_of_tests_and_of_removed_identities() {
    let mut test = patient(1);
    test["meta"] = json!({"security": [{"code": "HTEST"}]});
    assert!(scan(test.to_string()).unwrap().synthetic);
    let mut synthea = patient(1);
    synthea["identifier"][0]["system"] = json!("https://github.com/synthetichealth/synthea");
    assert!(scan(synthea.to_string()).unwrap().synthetic);
    assert!(!scan(format!("{synthea}\n{}", patient(2))).unwrap().synthetic);
    let mut masked = patient(1);
    masked["meta"] = json!({"security": {"code": "PSEUDED"}});
    assert!(scan(masked.to_string()).unwrap().deidentified);
}

#[test]
fn what_names_no_patient_is_none() {
    for text in [
        json!({"resourceType": "Organization", "id": "1", "name": "Clinic"}).to_string(),
        json!({"resourceType": "Practitioner", "id": "1", "name": [{"family": "Doe", "given": ["A"]}], "birthDate": "1960-01-01"}).to_string(),
        json!({"resourceType": "Microsoft.Storage", "subject": {"reference": "x"}}).to_string(),
        json!({"resourceType": "Device", "patient": {"reference": "Group/1"}}).to_string(),
        json!({"resource": "Patient", "id": "1"}).to_string(),
        json!({"resourceType": "Patient"}).to_string(),
        "[".repeat(100_000),
        "{\"resourceType\":\"Patient\",\"a\":".repeat(10_000),
    ] {
        assert_eq!(scan(&text), None, "{}", &text[..text.len().min(80)]);
    }
}

/// As FHIR's rules turn JSON into XML.
fn xml(name: &str, value: &Value, out: &mut String) {
    match value {
        Value::Array(list) => list.iter().for_each(|v| xml(name, v, out)),
        Value::Object(object) => {
            let kind = object.get("resourceType").and_then(Value::as_str);
            let open = |n: &str| if n.is_empty() { String::new() } else { format!("<{n}>") };
            out.push_str(&open(name));
            out.push_str(&kind.map(|k| format!("<{k} xmlns=\"http://hl7.org/fhir\">\n")).unwrap_or_default());
            object.iter().filter(|(k, _)| *k != "resourceType").for_each(|(k, v)| xml(k, v, out));
            out.push_str(&kind.map(|k| format!("</{k}>")).unwrap_or_default());
            out.push_str(&open(name).replace('<', "</"));
        }
        other => out.push_str(&format!("<{name} value=\"{}\"/>", other.as_str().unwrap_or_default().replace(['"', '<'], "."))),
    }
}

#[test]
fn xml_says_the_same_as_json() {
    let entry = |r: Value| json!({"fullUrl": "http://h/x", "resource": r});
    let contained = json!({"resourceType": "Claim", "patient": {"reference": "#p4"}, "contained": [patient(4)]});
    let bundle = json!({"resourceType": "Bundle", "type": "searchset",
        "entry": [entry(patient(1)), entry(observation(1)), entry(patient(2)), entry(contained)]});
    for resource in [patient(1), bundle, observation(2)] {
        let mut text = "\u{feff}<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- x -->".to_owned();
        xml("", &resource, &mut text);
        let (a, b) = (scan(&text).unwrap(), scan(resource.to_string()).unwrap());
        assert_eq!(
            (a.individuals, a.identifiers, a.states, a.records),
            (b.individuals, b.identifiers, b.states, b.records),
            "{text}"
        );
        let narrated = text.replacen("/fhir\">", "/fhir\"><text><div xmlns=\"x\"><p>a<br/></p><div>b</div></div></text>", 1);
        assert_eq!(scan(narrated).map(|f| f.individuals), Some(b.individuals));
    }
    let deep = format!("<Patient xmlns=\"http://hl7.org/fhir\">{}", "<a>".repeat(100_000));
    assert_eq!(scan(deep), None);
    assert_eq!(scan("<Patient xmlns='http://hl7.org/fhirpath'><id value='1'/></Patient>"), None);
    let entity = "<!DOCTYPE a [<!ENTITY x \"y\">]><Patient xmlns='http://hl7.org/fhir'><id value='&x;1'/></Patient>";
    assert_eq!(scan(entity).map(|f| f.individuals.best), Some(1));
}

#[test]
fn a_resource_above_the_bound_is_told() {
    let huge = json!({"resourceType": "Binary", "data": "A".repeat(9 << 20)});
    let facts = scan(format!("{}\n{huge}\n{}", patient(1), patient(2))).unwrap();
    assert!(facts.individuals.best == 2 && facts.notes.iter().any(|n| n.contains("8 MiB")), "{facts:?}");
}

#[test]
fn manifests_name_files_that_lie_elsewhere() {
    let manifest = r#"{"transactionTime":"2024-01-02T00:00:00Z","request":"https://ehr.example/$export","requiresAccessToken":true,
        "output":[{"type":"Patient","url":"https://ehr.example/1.ndjson","count":812},{"type":"Condition","url":"https://ehr.example/2.ndjson"}],"error":[]}"#;
    let unread = |text: &str| crate::phi::testing::outcome(&Fhir, text.as_bytes()).unread;
    let told = unread(manifest).expect("a gap");
    assert_eq!(told.detail, "a manifest of a FHIR bulk export names 2 files that lie elsewhere and counts 812 patients in them");
    assert_eq!(told.reason, crate::model::GapReason::PhiFormat);
    assert_eq!(unread(&manifest[..200]).map(|u| u.reason), Some(crate::model::GapReason::Malformed));
    assert_eq!(unread(r#"{"transactionTime":1,"output":"x","url":"y"}"#), None);
}

proptest::proptest! {
    #[test]
    fn never_panics(text in "(\\{\"resourceType\":\"Patient\"|\"entry\":\\[|[\\[\\]{},:\"\\\\\n]|\"id\":\"1\"){0,60}") {
        scan(text);
    }

    #[test]
    fn xml_never_panics(text in "(<Patient xmlns='http://hl7.org/fhir'>|<id value='1'/>|</?[a-z]*|[<>/'\"&;!\\[-]){0,40}") {
        scan(format!("<Patient xmlns='http://hl7.org/fhir'>{text}"));
    }
}
