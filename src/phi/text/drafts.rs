//! Which labelled values belong to one person: those that stand near each other and don't contradict.

use super::labels::Field;
use crate::model::PhiFacts;
use crate::phi::collect::{Collector, Draft};
use crate::phi::identifiers;

/// Bytes without a label after which another record begins.
const APART: u64 = 4096;
/// Records that only give a number, held back until it is known whether the text is about patients.
const MAX_HELD: usize = 1000;
/// Numbers alone make people from so many on: one or two stand in every manual.
const MIN_NUMBERS: usize = 3;

/// See the module.
pub(super) struct Drafts<'k> {
    out: Collector<'k>,
    current: Draft,
    /// Where the current one's last value stands.
    last: u64,
    /// Bytes that went by before the window.
    base: u64,
    held: Vec<Draft>,
    sure: bool,
}

impl<'k> Drafts<'k> {
    pub fn new(out: Collector<'k>) -> Self {
        Self { out, current: Draft::default(), last: 0, base: 0, held: Vec::new(), sure: false }
    }

    /// So many bytes left the window.
    pub fn passed(&mut self, bytes: usize) {
        self.base = self.base.saturating_add(bytes as u64);
    }

    /// Takes a value that stands at this place of the window.
    pub fn take(&mut self, field: Field, at: usize) {
        let at = self.base.saturating_add(at as u64);
        if at.saturating_sub(self.last) > APART || self.contradicts(&field) {
            self.end();
        }
        self.last = at;
        let draft = &mut self.current;
        match field {
            Field::Mrn(kind, id) => {
                draft.mrns.retain(|known| known.0 != kind);
                draft.mrns.push((kind.into(), id.into()));
            }
            Field::Birth(date) => draft.birth = Some(date),
            Field::Ssn(text) => draft.ssn.extend(self.out.ssn(&text).filter(|n| !draft.ssn.contains(n))),
            Field::Mbi(id) => draft.mbi = vec![id],
            Field::Hicn(id) => {
                self.out.value("hicn", &id);
                draft.members = vec![id.into()];
            }
            Field::Member(id) => draft.members = vec![id.into()],
            Field::Name(family, given) => (draft.family, draft.given) = (family.into(), given.into()),
            Field::Family(family) => draft.family = family.into(),
            Field::Given(given) => draft.given = given.into(),
        }
    }

    /// Whether the current person already has another value of the kind.
    fn contradicts(&self, field: &Field) -> bool {
        let d = &self.current;
        let other = |known: &str, now: &str| !known.is_empty() && !known.eq_ignore_ascii_case(now);
        match field {
            Field::Mrn(kind, id) => d.mrns.iter().any(|known| known.0 == *kind && other(&known.1, id)),
            Field::Birth(date) => d.birth.is_some_and(|known| known != *date),
            Field::Ssn(text) => identifiers::ssn(text).is_some_and(|(n, _)| d.ssn.first().is_some_and(|known| *known != n)),
            Field::Mbi(id) => d.mbi.first().is_some_and(|known| known != id),
            Field::Hicn(id) | Field::Member(id) => d.members.first().is_some_and(|known| other(known, id)),
            Field::Name(family, given) => other(&d.family, family) || other(&d.given, given),
            Field::Family(family) => other(&d.family, family),
            Field::Given(given) => other(&d.given, given),
        }
    }

    fn end(&mut self) {
        let draft = std::mem::take(&mut self.current);
        let named = !draft.family.is_empty() && !draft.given.is_empty();
        let known = named || draft.birth.is_some();
        let keyed = !draft.mrns.is_empty() || !draft.mbi.is_empty();
        let numbered = keyed || !draft.ssn.is_empty() || !draft.members.is_empty();
        let person = (numbered && known) || (named && draft.birth.is_some());
        if person {
            self.sure = true;
            // A number or name that the label calls a patient's, or a plan's, is about care.
            self.out.clinical |= keyed || !draft.members.is_empty() || draft.ssn.is_empty();
            self.add(&draft);
        } else if keyed {
            if self.sure {
                self.add(&draft);
            } else if self.held.len() < MAX_HELD {
                self.held.push(draft);
            }
        }
    }

    fn add(&mut self, draft: &Draft) {
        for (_, id) in &draft.mrns {
            self.out.value("mrn", id);
        }
        for id in &draft.mbi {
            self.out.value("mbi", &String::from_utf8_lossy(id));
        }
        for id in &draft.members {
            self.out.value("member_id", id);
        }
        self.out.records = self.out.records.saturating_add(1);
        self.out.person(draft);
    }

    pub fn finish(mut self) -> Option<PhiFacts> {
        self.end();
        let held = std::mem::take(&mut self.held);
        let mut numbers: Vec<&str> = held.iter().filter_map(|d| d.mrns.first()).map(|m| m.1.as_str()).collect();
        numbers.sort_unstable();
        numbers.dedup();
        if self.sure || numbers.len() >= MIN_NUMBERS || held.iter().any(|d| !d.mbi.is_empty()) {
            self.out.clinical |= !held.is_empty();
            held.iter().for_each(|draft| self.add(draft));
        }
        self.out.note("people are told by labels in the text: counts are minimum counts");
        self.out.finish("text".to_owned())
    }
}
