//! NCPDP Telecommunication D.0: claims, reversals and eligibility checks of pharmacies, alone or in batches (1.2).
//!
//! Source: NCPDP Telecommunication Standard D.0 (header of 56 bytes, of 31 in answers; segments behind 1E, fields behind
//! 1C, claims behind 1D), segments 01 (patient), 04 (insurance) and 07 (claim); NCPDP Batch Standard 1.2, which puts each
//! transmission between 02 and 03.

use smol_str::SmolStr;

use super::collect::{Collector, Draft};
use super::{CaseKey, Outcome, PhiDetector, PhiStream, dates, identifiers};

/// Bytes of one field that are kept.
const MAX_FIELD: usize = 256;

/// See the module.
pub struct Ncpdp;

impl PhiDetector for Ncpdp {
    fn id(&self) -> &'static str {
        "ncpdp"
    }

    fn start<'k>(&self, head: &[u8], key: &'k CaseKey) -> Option<Box<dyn PhiStream + 'k>> {
        let batch = head.first() == Some(&0x02) && memchr::memmem::find(head, b"\x1e\x1cAM").is_some();
        (batch || is_header(head.trim_ascii_start())).then(|| {
            Box::new(Stream {
                field: Vec::new(),
                behind: 0,
                segment: [0; 2],
                patient: Draft::default(),
                holder: Draft::default(),
                out: Collector::new(key),
            }) as Box<_>
        })
    }
}

/// Bank number, version, code and the first segment's separator at their places; an answer begins with the version.
fn is_header(head: &[u8]) -> bool {
    let coded = |at: usize| match head.get(at..at.saturating_add(4)) {
        Some([b'D', b'0', a, b]) => a.is_ascii_uppercase() && b.is_ascii_digit(),
        _ => false,
    };
    let request = head.get(..6).is_some_and(|bank| bank.iter().all(u8::is_ascii_digit)) && coded(6);
    let first = if request { 56 } else { 31 };
    (request || coded(0)) && head.get(first..).is_some_and(|rest| rest.starts_with(b"\x1e\x1cAM"))
}

struct Stream<'k> {
    field: Vec<u8>,
    /// The separator in front of the field.
    behind: u8,
    /// The segment that the field belongs to.
    segment: [u8; 2],
    patient: Draft,
    /// Who holds the insurance, where that is the patient.
    holder: Draft,
    out: Collector<'k>,
}

impl PhiStream for Stream<'_> {
    fn feed(&mut self, chunk: &[u8]) {
        for b in chunk {
            match b {
                0x02 | 0x03 | b'\r' | b'\n' => {
                    self.end_field(*b);
                    self.leave();
                }
                0x1c..=0x1e => self.end_field(*b),
                _ if self.field.len() < MAX_FIELD => self.field.push(*b),
                _ => {}
            }
        }
    }

    fn finish(mut self: Box<Self>) -> Outcome {
        self.end_field(0);
        self.leave();
        self.out.clinical |= self.out.has_people();
        self.out.finish("ncpdp".to_owned()).into()
    }
}

impl Stream<'_> {
    fn end_field(&mut self, separator: u8) {
        let field = std::mem::take(&mut self.field);
        if std::mem::replace(&mut self.behind, separator) == 0x1c
            && let Some((id, value)) = field.split_at_checked(2)
        {
            self.take([id.first().copied().unwrap_or(0), id.last().copied().unwrap_or(0)], value);
        }
        self.field = field;
        self.field.clear();
    }

    fn take(&mut self, id: [u8; 2], value: &[u8]) {
        let text = super::names::decode(value).trim().to_owned();
        if text.is_empty() {
            return;
        }
        let Self { segment, patient, holder, out, .. } = self;
        match (&*segment, &id) {
            (_, b"AM") => {
                *segment = [value.first().copied().unwrap_or(0), value.get(1).copied().unwrap_or(0)];
                out.clinical |= segment == b"07";
            }
            // The answer's patient segment is 29.
            (b"01" | b"29", b"CA") => patient.given = text.into(),
            (b"01" | b"29", b"CB") => patient.family = text.into(),
            (b"01" | b"29", b"C4") => patient.birth = dates::date(&text),
            (b"01", b"CX") => patient.suffix = text.into(),
            (b"01", b"CY") => patient.mrns.push((SmolStr::default(), text.into())),
            (b"01", b"CM") => out.address(&text, "", ""),
            (b"01", b"CN") => out.address("", &text, ""),
            (b"01", b"CO") => patient.state = identifiers::state(&text),
            (b"01", b"CP") => out.address("", "", &text),
            (b"01", b"CQ") => out.phone(&text),
            (b"01", b"HN") if identifiers::email(&text) => out.value("email", &text.to_ascii_lowercase()),
            (b"04", b"C2") => holder.members.push(text.into()),
            (b"04", b"CC") => holder.given = text.into(),
            (b"04", b"CD") => holder.family = text.into(),
            (b"04", b"C6") => holder.suffix = text.into(),
            (b"07", b"D2") => out.value("prescription", &text),
            _ => {}
        }
        patient.mrns.truncate(4);
        holder.members.truncate(4);
    }

    /// The transmission is over.
    fn leave(&mut self) {
        self.segment = [0; 2];
        let (mut draft, holder) = (std::mem::take(&mut self.patient), std::mem::take(&mut self.holder));
        // Until here the qualifier of the patient's number, and the holder's relation, stood in the place of a suffix.
        let qualifier = std::mem::take(&mut draft.suffix);
        let own = matches!(holder.suffix.as_str(), "" | "0" | "1");
        if draft.family.is_empty() && own {
            (draft.family, draft.given) = (holder.family, holder.given);
        }
        for (_, id) in std::mem::take(&mut draft.mrns) {
            match qualifier.as_str() {
                "01" => draft.ssn.extend(self.out.ssn(&id)),
                _ => {
                    self.out.value("mrn", &id);
                    draft.mrns.push((SmolStr::default(), id));
                }
            }
        }
        for id in holder.members {
            match identifiers::mbi(&id) {
                Some(mbi) => {
                    self.out.value("mbi", &id);
                    draft.mbi.push(mbi);
                }
                None => {
                    self.out.value("member_id", &id);
                    draft.members.push(id);
                }
            }
        }
        if !draft.is_empty() {
            self.out.records = self.out.records.saturating_add(1);
            self.out.person(&draft);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phi::testing::run;

    const CLAIMS: &[u8] = include_bytes!("../../tests/fixtures/phi/ncpdp-claims.txt");
    const BATCH: &[u8] = include_bytes!("../../tests/fixtures/phi/ncpdp-batch.dat");

    #[test]
    fn claims_alone_and_in_batches() {
        let facts = run(&Ncpdp, CLAIMS).expect("people");
        assert_eq!((facts.individuals.best, facts.records, facts.states.get("NY")), (2, 3, Some(&1)));
        assert_eq!((facts.identifiers["member_id"], facts.identifiers["prescription"], facts.identifiers["dob"]), (2, 3, 2));
        assert!(facts.clinical);
        assert_eq!(run(&Ncpdp, BATCH).map(|f| (f.individuals.best, f.records)), Some((2, 2)));
    }

    #[test]
    fn headers_are_strict() {
        assert!(is_header(CLAIMS));
        for other in
            [&b""[..], b"610014D0B1", b"\x02hello", b"610014D0B1 once upon a time there was a text of the same length\x1e"]
        {
            assert!(run(&Ncpdp, other).is_none());
        }
        let answer = format!("D0B11A01{:<15}20240102\x1e\x1cAM29\x1cCAJANE\x1cCBDOE\x1cC419600102", "1234567893");
        assert_eq!(run(&Ncpdp, answer.as_bytes()).map(|f| f.individuals.best), Some(1));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(tail in proptest::collection::vec(proptest::num::u8::ANY, 0..400), at in 56..300_usize) {
            let _ = run(&Ncpdp, &[&CLAIMS[..at], &tail].concat());
        }
    }
}
