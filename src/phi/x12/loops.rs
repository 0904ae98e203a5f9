//! Which person a segment speaks of.

use std::collections::BTreeSet;

use super::separators::Separators;
use crate::model::PhiFacts;
use crate::phi::collect::{Collector, Draft};
use crate::phi::{dates, identifiers};

/// One interchange after another, read segment by segment.
pub(super) struct Loops<'k> {
    out: Collector<'k>,
    /// Transaction set (ST01) now, and the first one with a person.
    set: String,
    first: Option<String>,
    others: BTreeSet<String>,
    interchanges: u64,
    tests: u64,
    /// People of the current level of the hierarchy, claim or member; taken over when it ends.
    scope: Vec<Draft>,
    /// The person the next N3, N4, DMG and REF speak of.
    current: Option<usize>,
    /// The person the claim is for.
    patient: Option<usize>,
    /// What came before the person's own NM1 (834 REF, 276 DMG).
    early: Draft,
    /// Inside an entity that is not a person of ours (provider, payer, employer).
    foreign: bool,
    /// After SVC or LX, references speak of a service line or its provider.
    in_line: bool,
    /// The other subscriber is the patient (SBR02 = 18).
    same_as_patient: bool,
    /// Who assigns record numbers here: the billing provider or payee.
    authority: String,
    related: u64,
}

impl<'k> Loops<'k> {
    pub fn new(out: Collector<'k>) -> Self {
        Self {
            out,
            set: String::new(),
            first: None,
            others: BTreeSet::new(),
            interchanges: 0,
            tests: 0,
            scope: Vec::new(),
            current: None,
            patient: None,
            early: Draft::default(),
            foreign: true,
            in_line: false,
            same_as_patient: false,
            authority: String::new(),
            related: 0,
        }
    }

    pub fn segment(&mut self, tag: &str, f: &[&str], separators: &Separators) {
        let at = |i: usize| f.get(i).copied().unwrap_or_default().trim();
        match tag {
            "ISA" => {
                self.leave();
                self.interchanges = self.interchanges.saturating_add(1);
                self.tests = self.tests.saturating_add(u64::from(at(15) == "T"));
            }
            "ST" => {
                self.leave();
                self.set = at(1).chars().filter(char::is_ascii_digit).take(3).collect();
                self.authority.clear();
            }
            "SE" | "GE" | "IEA" => self.leave(),
            "HL" | "INS" if tag == "HL" || self.set == "834" => {
                self.leave();
                if tag == "INS" {
                    self.count_record();
                }
            }
            "CLP" => {
                self.leave();
                self.count_record();
                self.out.value("account", at(1));
            }
            "CLM" => {
                self.count_record();
                self.out.value("account", at(1));
                self.settle();
            }
            "SBR" => {
                self.settle();
                self.same_as_patient = at(2) == "18" && self.patient.is_some();
            }
            "LX" | "SVC" | "ENT" | "RMR" => {
                self.settle();
                self.in_line = true;
            }
            "NM1" => self.name(f),
            "N1" => {
                self.settle();
                if at(1) == "PE" {
                    self.authority = at(4).to_owned();
                }
            }
            "N3" => self.with_current(|out, _| out.address(at(1), "", "")),
            "N4" => self.with_current(|out, draft| {
                out.address("", at(1), at(3));
                draft.state = draft.state.or_else(|| identifiers::state(at(2)).filter(|_| at(2).len() == 2));
            }),
            "DMG" => {
                let birth = (at(1) == "D8").then(|| dates::date(at(2))).flatten();
                match self.current {
                    Some(_) => self.with_current(|_, draft| draft.birth = draft.birth.or(birth)),
                    None => self.early.birth = self.early.birth.or(birth),
                }
            }
            "PER" => self.contact(f),
            "REF" => self.reference(at(1), at(2)),
            "DTP" | "DTM" => self.out.value("date", at(3).get(..8).unwrap_or(at(2))),
            "HI" => self.codes(f, separators),
            "SV1" | "SV2" | "SV3" | "EB" | "HD" | "EQ" | "STC" => self.out.clinical = true,
            _ => {}
        }
    }

    /// NM1: NM101 entity, NM102 person or not, NM103 to 107 name, NM108/109 identifier.
    fn name(&mut self, f: &[&str]) {
        let at = |i: usize| f.get(i).copied().unwrap_or_default().trim();
        self.settle();
        self.foreign = true;
        if at(8) == "XX" && identifiers::npi(at(9)) {
            self.out.value("npi", at(9));
        }
        let code = at(1);
        match code {
            "85" | "BP" => self.authority = at(9).to_owned(),
            // Guardians, responsible parties, custodial parents, other relatives.
            "QD" | "GD" | "S1" | "S3" | "E1" | "EXS" | "LR" if at(2) == "1" && !at(3).is_empty() => {
                self.related = self.related.saturating_add(1);
            }
            _ => {}
        }
        let person = matches!(code, "IL" | "QC" | "74" | "03") && at(2) != "2";
        if !person || !self.carries_people() {
            return;
        }
        self.foreign = false;
        let draft = Draft { family: at(3).into(), given: at(4).into(), suffix: at(7).into(), ..Draft::default() };
        // A corrected name is the same person's; so is the "other subscriber" who is the patient.
        let same = match (code, self.set.as_str()) {
            ("74", "835") => self.patient,
            ("IL", _) if self.same_as_patient => self.patient,
            _ => None,
        };
        self.same_as_patient = false;
        let index = match same {
            Some(known) => {
                if code == "74" {
                    self.rename(known, &draft);
                }
                known
            }
            None => {
                let mut draft = draft;
                draft.birth = self.early.birth.take();
                draft.ssn.append(&mut self.early.ssn);
                draft.mrns.append(&mut self.early.mrns);
                self.scope.push(draft);
                self.scope.len().saturating_sub(1)
            }
        };
        self.current = Some(index);
        let first_of_claim = self.patient.is_none();
        if code == "QC" || code == "03" || (first_of_claim && same.is_none()) {
            self.patient = Some(index);
        }
        if self.set != "834" && self.set != "835" && self.set != "837" {
            self.out.records = self.out.records.saturating_add(1);
        }
        self.identify(index, at(8), at(9));
    }

    /// The corrected name replaces the one given; each part only where it is there.
    fn rename(&mut self, index: usize, corrected: &Draft) {
        let Some(draft) = self.scope.get_mut(index) else { return };
        for (old, new) in [(&mut draft.family, &corrected.family), (&mut draft.given, &corrected.given)] {
            if !new.is_empty() {
                old.clone_from(new);
            }
        }
    }

    /// NM108 and NM109.
    fn identify(&mut self, index: usize, qualifier: &str, id: &str) {
        let Some(draft) = self.scope.get_mut(index).filter(|_| !id.is_empty()) else { return };
        match qualifier {
            "34" => draft.ssn.extend(self.out.ssn(id)),
            _ => {
                if let Some(mbi) = identifiers::mbi(id) {
                    self.out.value("mbi", &String::from_utf8_lossy(&mbi));
                    draft.mbi.push(mbi);
                } else {
                    let kind = if qualifier == "HN" && identifiers::hicn(id) { "hicn" } else { "member_id" };
                    self.out.value(kind, id);
                    draft.members.push(id.into());
                }
            }
        }
    }

    /// REF: only where it speaks of a person, never of a provider (whose SSN may stand under `SY` too).
    /// 834 `REF*0F` is the family's number and tells nobody apart.
    fn reference(&mut self, qualifier: &str, id: &str) {
        let target = match (qualifier, self.current) {
            _ if id.is_empty() => return,
            // 834 gives the member's references before the member's name.
            ("SY" | "EA", None) if self.set == "834" && self.scope.is_empty() => None,
            // Record numbers and remittance references speak of the claim's patient, wherever they stand.
            ("EA", None) => self.patient,
            ("SY", None) if self.set == "835" && !self.in_line => self.patient,
            (_, Some(current)) => Some(current),
            _ => return,
        };
        let authority = self.authority.clone();
        let early = target.is_none();
        let ssn = if qualifier == "SY" { self.out.ssn(id) } else { None };
        let draft = match target {
            Some(index) => self.scope.get_mut(index),
            None => Some(&mut self.early),
        };
        let Some(draft) = draft else { return };
        match qualifier {
            "SY" => draft.ssn.extend(ssn),
            "EA" if !early || self.set == "834" => {
                self.out.value("mrn", id);
                draft.mrns.push((authority.into(), id.into()));
            }
            "EJ" => self.out.value("account", id),
            _ => {}
        }
    }

    /// PER: pairs of qualifier and number behind the contact's name.
    fn contact(&mut self, f: &[&str]) {
        if self.current.is_none() {
            return;
        }
        for pair in f.get(3..).unwrap_or_default().chunks(2) {
            match pair {
                [q, number] if matches!(*q, "TE" | "HP" | "WP" | "CP" | "FX") => self.out.phone(number),
                ["EM", address] if identifiers::email(address) => self.out.value("email", address),
                _ => {}
            }
        }
    }

    /// HI: qualifier and code as components.
    fn codes(&mut self, f: &[&str], separators: &Separators) {
        self.out.clinical = true;
        for element in f.iter().skip(1) {
            let mut parts = element.split(char::from(separators.component));
            if let (Some("ABK" | "ABF" | "BK" | "BF" | "ABJ" | "BJ" | "APR" | "PR"), Some(code)) = (parts.next(), parts.next()) {
                self.out.value("diagnosis_code", code);
            }
        }
    }

    fn with_current(&mut self, act: impl FnOnce(&mut Collector<'k>, &mut Draft)) {
        if let Some(draft) = self.current.and_then(|i| self.scope.get_mut(i)) {
            act(&mut self.out, draft);
        }
    }

    fn count_record(&mut self) {
        self.out.records = self.out.records.saturating_add(1);
    }

    /// Acknowledgements carry control numbers only.
    fn carries_people(&self) -> bool {
        !matches!(self.set.as_str(), "997" | "999" | "824")
    }

    /// What follows no longer speaks of the last person.
    fn settle(&mut self) {
        self.current = None;
        self.foreign = false;
    }

    /// Ends the level: its people are complete.
    fn leave(&mut self) {
        self.settle();
        self.patient = None;
        self.in_line = false;
        self.same_as_patient = false;
        self.early = Draft::default();
        let people = std::mem::take(&mut self.scope);
        if people.is_empty() {
            return;
        }
        if self.first.as_ref().is_none_or(|first| *first != self.set) {
            match &self.first {
                None => self.first = Some(self.set.clone()),
                Some(_) => {
                    if self.others.len() < 16 {
                        self.others.insert(self.set.clone());
                    }
                }
            }
        }
        for draft in &people {
            self.out.person(draft);
        }
    }

    pub fn finish(mut self) -> Option<PhiFacts> {
        self.leave();
        // Every set that carries people carries coverage, claims or payments of care.
        self.out.clinical |= self.out.has_people();
        self.out.marked_test = self.tests > 0 && self.tests == self.interchanges;
        if self.tests > 0 && self.tests < self.interchanges {
            self.out.note(format!("{} of {} interchanges are marked as test", self.tests, self.interchanges));
        }
        for other in std::mem::take(&mut self.others) {
            self.out.note(format!("also holds X12 {other}"));
        }
        if self.related > 0 {
            self.out.note(format!("{} related persons (guardians, responsible parties) beside the patients", self.related));
        }
        let set = self.first.take().unwrap_or_default();
        self.out.finish(format!("x12-{set}"))
    }
}
