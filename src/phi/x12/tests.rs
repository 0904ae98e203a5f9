use super::*;
use crate::phi::testing::run;

const ISA: &str = "ISA*00*          *00*          *ZZ*SENDER         *ZZ*RECEIVER       *240102*1200*^*00501*000000001*0*P*:~";

fn claim(patient: &str) -> String {
    format!(
        "{ISA}GS*HC*S*R*20240102*1200*1*X*005010X222A1~ST*837*0001*005010X222A1~HL*1**20*1~\
         NM1*85*1*MILLER*ANN****XX*1234567893~N3*1 MAIN ST~N4*BOSTON*MA*02101~REF*SY*536228841~\
         HL*2*1*22*1~SBR*P**G1******CI~NM1*IL*1*DOE*JANE****MI*W123456789~N3*2 ELM ST~N4*ALBANY*NY*12207~\
         DMG*D8*19600102*F~REF*SY*536-22-9001~HL*3*2*23*0~PAT*19~{patient}CLM*ACC1*100***11:B:1*Y*A*Y*Y~\
         REF*EA*MRN77~HI*ABK:E119~NM1*82*1*HOUSE*GREG****XX*1999999992~LX*1~SV1*HC:99213*100*UN*1***1~SE*20*0001~GE*1*1~IEA*1*000000001~"
    )
}

const CHILD: &str = "NM1*QC*1*DOE*TIM~N4*NEWARK*NJ*07101~DMG*D8*20110203*M~";

#[test]
fn a_claim_names_its_people_and_no_provider() {
    let facts = run(&X12, claim(CHILD).as_bytes()).unwrap();
    assert_eq!(facts.format, "x12-837");
    assert_eq!(facts.individuals.best, 2);
    assert_eq!(facts.records, 1);
    // The billing physician's own SSN (REF*SY in 2010AA) is not a patient's.
    assert_eq!(facts.identifiers["ssn"], 1);
    assert_eq!(facts.identifiers["mrn"], 1);
    assert_eq!(facts.identifiers["npi"], 2);
    assert_eq!(facts.identifiers["account"], 1);
    assert_eq!(facts.states.get("NY"), Some(&1));
    assert_eq!(facts.states.get("NJ"), Some(&1));
    assert!(!facts.states.contains_key("MA"));
    assert!(facts.clinical && !facts.synthetic);
    assert_eq!(facts.classes.iter().collect::<String>(), "ABCGHIJ");
}

#[test]
fn same_name_with_another_birth_date_is_another_person() {
    let father_and_son = "NM1*QC*1*DOE*JANE~DMG*D8*20110203*F~";
    assert_eq!(run(&X12, claim(father_and_son).as_bytes()).unwrap().individuals.best, 2);
}

#[test]
fn layout_does_not_matter() {
    let plain = claim(CHILD);
    let expected = run(&X12, plain.as_bytes()).unwrap();
    let lines = plain.replace('~', "~\r\n");
    let wrapped: String = plain.as_bytes().chunks(80).map(|c| format!("{}\r\n", String::from_utf8_lossy(c))).collect();
    let newline_ended = plain.replace('~', "\n");
    let other = plain.replace('*', "|").replace('~', "\u{1c}").replace(':', ">");
    let bom = format!("\u{feff}\r\n  {plain}");
    let twice = format!("{plain}\r\n{plain}").replacen("ISA*", "ISA*", 2);
    let mixed = format!("{plain}\n{}", plain.replace('*', "|").replace('~', "!"));
    let from_gs = plain[ISA.len()..].to_owned();
    let from_st = from_gs[from_gs.find("ST*").unwrap()..].to_owned();
    let cut = plain[..plain.find("SE*20").unwrap()].to_owned();
    for text in [lines, wrapped, newline_ended, other, bom, twice, mixed, from_gs, from_st, cut] {
        let facts = run(&X12, text.as_bytes()).unwrap_or_else(|| panic!("{text}"));
        assert_eq!(facts.individuals.best, expected.individuals.best, "{text}");
        assert_eq!(facts.identifiers["mrn"], 1, "{text}");
    }
}

#[test]
fn test_interchanges_are_synthetic() {
    let test = claim(CHILD).replace("*0*P*:", "*0*T*:");
    assert!(run(&X12, test.as_bytes()).unwrap().synthetic);
    let both = format!("{test}{}", claim(CHILD));
    let facts = run(&X12, both.as_bytes()).unwrap();
    assert!(!facts.synthetic);
    assert!(facts.notes.iter().any(|n| n.contains("1 of 2 interchanges")));
}

#[test]
fn a_family_number_tells_nobody_apart() {
    let text = format!(
        "{ISA}GS*BE*S*R*20240102*1200*1*X*005010X220A1~ST*834*0001*005010X220A1~\
         INS*Y*18*021*XN*A*C**FT~REF*0F*FAM1~REF*SY*536228841~NM1*IL*1*DOE*JANE~DMG*D8*19600102*F~\
         INS*N*19*021*XN*A*C**FT~REF*0F*FAM1~NM1*IL*1*DOE*TIM****34*536229001~DMG*D8*20110203*M~\
         NM1*70*1*DOE*TOM~SE*10*0001~GE*1*1~IEA*1*000000001~"
    );
    let facts = run(&X12, text.as_bytes()).unwrap();
    assert_eq!((facts.individuals.best, facts.records, facts.identifiers["ssn"]), (2, 2, 2));
}

#[test]
fn a_corrected_name_is_the_same_patient() {
    let text = format!(
        "{ISA}GS*HP*S*R*20240102*1200*1*X*005010X221A1~ST*835*0001~N1*PE*CLINIC*XX*1234567893~\
         CLP*A1*1*100*80**12*X1~NM1*QC*1*DEO*JANE****MI*W1~NM1*74*1*DOE*JANE~NM1*82*1*HOUSE*GREG~REF*EA*M1~\
         SVC*HC:99213*100*80~REF*SY*536228841~SE*9*0001~GE*1*1~IEA*1*000000001~"
    );
    let facts = run(&X12, text.as_bytes()).unwrap();
    assert_eq!(facts.individuals.best, 1);
    assert_eq!(facts.identifiers["mrn"], 1);
    // After SVC, SY is the rendering provider's.
    assert!(!facts.identifiers.contains_key("ssn"));
}

#[test]
fn acknowledgements_hold_nobody() {
    let text =
        format!("{ISA}GS*FA*S*R*20240102*1200*1*X*005010X231A1~ST*999*0001~AK1*HC*1~AK9*A*1*1*1~SE*4*0001~GE*1*1~IEA*1*1~");
    assert!(run(&X12, text.as_bytes()).is_none());
}

#[test]
fn other_text_does_not_start() {
    let key = CaseKey::new(&[1; 32]);
    for text in [
        "ISABELLA was here",
        "ISA",
        "",
        "ISA*00*",
        "GS|nothing",
        "ST*STREET*1~",
        "STATE,COUNTY\nMA,X\n",
        "ISA*1*2*3*4*5*6*7*8*9*10*11*12*13*14*15*16~",
    ] {
        assert!(X12.start(text.as_bytes(), &key).is_none(), "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn hostile_bytes_never_panic(tail in proptest::collection::vec(proptest::num::u8::ANY, 0..400), cut in 0usize..900) {
        let mut bytes = claim(CHILD).into_bytes();
        bytes.truncate(cut.min(bytes.len()));
        bytes.extend(tail);
        let _ = run(&X12, &bytes);
    }
}

#[test]
fn lines_before_and_padding_between_interchanges_hide_nothing() {
    let mailed = format!("Content-Type: application/edi-x12\r\n\r\n{}", claim(CHILD));
    assert_eq!(run(&X12, mailed.as_bytes()).unwrap().individuals.best, 2);
    let second = claim("NM1*QC*1*ROE*AMY~DMG*D8*20120304*F~").replace("MRN77", "MRN78");
    let padded = format!("{}{}{second}", claim(CHILD), " ".repeat(70_000));
    assert_eq!(run(&X12, padded.as_bytes()).unwrap().individuals.best, 3);
    // Prose that names the header in the middle of a line is none.
    assert!(run(&X12, format!("see {}", claim(CHILD)).as_bytes()).is_none());
}
