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

/// The fixtures of documents, each with two people.
fn fixtures() -> Vec<(String, Vec<u8>)> {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/phi");
    let mut files: Vec<_> = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let read = |p: std::path::PathBuf| (p.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&p).unwrap());
    files.into_iter().map(read).filter(|(_, bytes)| detect(bytes).is_some()).collect()
}

fn outcome(bytes: &[u8]) -> Outcome {
    let Some(document) = detect(&bytes[..bytes.len().min(65_536)]) else { return Outcome::default() };
    read(document, bytes, &CaseKey::new(&[7; 32]))
}

#[test]
fn fixtures_are_read_whole() {
    let mut wrong = Vec::new();
    for (name, bytes) in fixtures() {
        let outcome = outcome(&bytes);
        let facts = outcome.facts.clone().unwrap_or_default();
        let id = name.split('-').next().unwrap();
        if facts.individuals.best != 2 || !facts.format.starts_with(id) || outcome.unread.is_some() {
            wrong.push(format!("{name}: {} {:?} {:?} {:?}", facts.format, facts.individuals, facts.identifiers, outcome.unread));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Files that break off, and files with wrong bytes in them: a gap perhaps, but no panic of a reader of ours.
#[test]
fn broken_files() {
    let mut state = 9_u64;
    let mut random = |n: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as usize % n
    };
    let mut failed = std::collections::BTreeSet::new();
    for (name, bytes) in fixtures() {
        for round in 0..60 {
            let mut broken = bytes.clone();
            if round % 3 == 0 {
                broken.truncate(random(bytes.len()));
            } else {
                for _ in 0..=round % 7 {
                    broken[random(bytes.len())] = random(256) as u8;
                }
            }
            let outcome = outcome(&broken);
            if outcome.unread.is_some_and(|u| u.reason == GapReason::ParserFailed) {
                failed.insert(name.clone());
            }
        }
    }
    assert!(failed.is_empty(), "{failed:?}");
}
