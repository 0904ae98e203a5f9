use super::*;
use crate::model::GapReason;

/// Rows, text, a nested table, and an end that depends on the first byte.
struct Sample;

impl Document for Sample {
    fn id(&self) -> &'static str {
        "sample"
    }

    fn recognise(&self, head: &[u8]) -> bool {
        head.starts_with(b"SAMPLE")
    }

    fn read(&self, body: &[u8], parts: &mut Parts<'_>) -> Result<(), Unread> {
        parts.begin()?;
        parts.row(["mrn", "patient name", "dob"])?;
        parts.row(["M1", "Doe, \"Jane\"", "1960-01-02"])?;
        parts.row(["M2", "Roe, Rick\nJr.", "1971-05-06"])?;
        parts.nested(b"mrn,patient name,dob\nM2,\"Roe, Rick\",1971-05-06\nM3,\"Poe, Ann\",1981-05-06\n")?;
        match body.last() {
            Some(b'!') => Err(Unread::malformed("it ends badly")),
            Some(b'?') => panic!("a reader's own fault"),
            _ => Ok(()),
        }
    }
}

#[test]
fn parts_are_counted_as_one() {
    let key = CaseKey::new(&[7; 32]);
    let outcome = read(&Sample, b"SAMPLE", &key);
    let facts = outcome.facts.expect("people");
    assert_eq!((facts.format.as_str(), facts.records, facts.individuals.best, facts.people.len()), ("sample", 4, 3, 4));
    assert_eq!(outcome.unread, None);
}

#[test]
fn what_was_read_before_a_fault_stays() {
    let key = CaseKey::new(&[7; 32]);
    for (body, reason) in [(&b"SAMPLE!"[..], GapReason::Malformed), (b"SAMPLE?", GapReason::ParserFailed)] {
        let outcome = read(&Sample, body, &key);
        assert_eq!(outcome.facts.map(|f| f.individuals.best), Some(3));
        assert_eq!(outcome.unread.map(|u| u.reason), Some(reason));
    }
}
