//! What a column's values say it holds: statistics over a sample, where single values prove nothing.
//!
//! One in ten random ten-digit numbers is a valid NPI and eight in nine random nine-digit numbers could be
//! an SSN; of fifty or a hundred distinct ones all fitting, neither is chance.

use std::collections::{BTreeSet, HashSet};

use super::codes::System;
use crate::phi::identifiers::{self, SsnClass};
use crate::phi::{dates, names};

/// Statistics of one column.
#[derive(Default)]
pub(super) struct Column {
    pub filled: usize,
    distinct: HashSet<Vec<u8>>,
    /// Written `NNN-NN-NNNN`.
    dashed: usize,
    nine: usize,
    nine_invalid: usize,
    aba: usize,
    masked: usize,
    dates: usize,
    serials: usize,
    years: Option<(u32, u32)>,
    /// Dates in row order never fell, never rose.
    rising: bool,
    falling: bool,
    last_date: Option<u32>,
    mbi: usize,
    icd: usize,
    chapters: BTreeSet<u8>,
    loinc: usize,
    snomed: usize,
    npi: usize,
    /// Written as codes of each system, in the order of [`System::ALL`].
    codes: [usize; System::ALL.len()],
    ndc: usize,
    dea: usize,
    clia: usize,
    taxonomy: usize,
    ein: usize,
    cards: usize,
    itins: usize,
    zips: usize,
    pub phones: usize,
    uuids: usize,
    words: usize,
    with_digit: usize,
    last_number: Option<u64>,
    steps: usize,
}

impl Column {
    pub fn new() -> Self {
        Self { rising: true, falling: true, ..Self::default() }
    }

    pub fn add(&mut self, raw: &[u8]) {
        let text = names::decode(raw);
        let t = text.trim();
        if t.is_empty() || t.eq_ignore_ascii_case("null") {
            return;
        }
        self.filled += 1;
        self.distinct.insert(t.as_bytes().to_vec());
        let digits = t.bytes().filter(u8::is_ascii_digit).count();
        self.with_digit += usize::from(digits > 0);
        if digits == 0 {
            // Letters, blanks and the marks of names.
            let name = t.len() <= 40 && t.chars().all(|c| c.is_alphabetic() || " '-.,".contains(c));
            self.words += usize::from(name && t.split_whitespace().count() <= 3);
            return;
        }
        self.numbers(t, digits);
    }

    fn numbers(&mut self, t: &str, digits: usize) {
        if let Some((_, class)) = identifiers::ssn(t) {
            self.nine += 1;
            self.nine_invalid += usize::from(class != SsnClass::Valid);
            self.dashed += usize::from(identifiers::ssn_dashed(t));
        }
        self.masked += usize::from(digits == 4 && t.len() >= 9 && t.contains(['X', 'x', '*', '#']));
        self.aba += usize::from(identifiers::aba(t));
        if let Some(date) = dates::date(t) {
            self.dates += 1;
            let year = date / 10_000;
            self.years = Some(self.years.map_or((year, year), |(lo, hi)| (lo.min(year), hi.max(year))));
            if let Some(last) = self.last_date {
                self.rising &= date >= last;
                self.falling &= date <= last;
            }
            self.last_date = Some(date);
        }
        self.serials += usize::from(dates::serial(t).is_some());
        self.mbi += usize::from(identifiers::mbi(t).is_some());
        if let Some(form) = identifiers::icd10cm(t)
            && form.dotted
        {
            self.icd += 1;
            self.chapters.insert(form.chapter);
        }
        self.loinc += usize::from(identifiers::loinc(t));
        self.snomed += usize::from(identifiers::snomed(t));
        self.npi += usize::from(identifiers::npi(t));
        self.provider_and_codes(t);
        self.phones += usize::from(identifiers::phone(t).is_some());
        self.uuids += usize::from(identifiers::uuid(t));
        let number = t.parse::<u64>().ok();
        if let (Some(last), Some(now)) = (self.last_number, number) {
            self.steps += usize::from(last.checked_add(1) == Some(now));
        }
        self.last_number = number;
    }

    fn provider_and_codes(&mut self, t: &str) {
        self.dea += usize::from(identifiers::dea(t));
        self.clia += usize::from(identifiers::clia(t));
        self.taxonomy += usize::from(identifiers::taxonomy(t));
        self.ein += usize::from(identifiers::ein(t));
        self.cards += usize::from(identifiers::card(t));
        self.itins += usize::from(identifiers::itin(t));
        self.zips += usize::from(identifiers::zip5(t).is_some());
        self.ndc += usize::from(identifiers::ndc(t));
        for (n, system) in self.codes.iter_mut().zip(System::ALL) {
            *n += usize::from(system.fits(t));
        }
    }

    /// At least `percent` of the filled cells.
    fn share(&self, n: usize, percent: usize) -> bool {
        n > 0 && n.saturating_mul(100) >= self.filled.saturating_mul(percent)
    }

    pub fn distinct(&self) -> usize {
        self.distinct.len()
    }

    /// A series that counts up by one: a surrogate key, or made-up numbers.
    pub fn sequential(&self) -> bool {
        self.filled >= 20 && self.steps.saturating_add(1).saturating_mul(100) >= self.filled.saturating_mul(98)
    }

    /// Fits a header that says SSN.
    pub fn may_be_ssn(&self) -> bool {
        self.filled == 0 || self.share(self.nine, 50)
    }

    pub fn is_masked(&self) -> bool {
        self.share(self.masked, 50)
    }

    /// Holds SSNs whatever its header says: the dashed form is nothing else's.
    pub fn is_dashed_ssn(&self) -> bool {
        self.share(self.dashed, 90) && self.distinct() >= 3
    }

    /// A hundred distinct nine-digit numbers without an invalid one, that are no routing numbers and no series.
    pub fn is_bare_ssn(&self) -> bool {
        self.share(self.nine, 98)
            && self.distinct() >= 100
            && self.nine_invalid.saturating_mul(200) <= self.nine
            && !self.share(self.aba, 95)
            && !self.sequential()
    }

    /// Fits a header that says date of birth.
    pub fn may_be_birth(&self) -> bool {
        self.filled == 0 || self.share(self.dates, 50) || (self.serials > 0 && self.share(self.serials, 90))
    }

    pub fn has_dates(&self) -> bool {
        self.share(self.dates, 50)
    }

    /// Dates of birth by their spread: 40 years and more, in no order, not a few repeated ones.
    pub fn is_birth(&self) -> bool {
        self.share(self.dates, 90)
            && self.dates >= 5
            && self.years.is_some_and(|(lo, hi)| hi.saturating_sub(lo) >= 40 && hi <= 2027)
            && !self.rising
            && !self.falling
            && self.distinct().saturating_mul(5) >= self.filled
    }

    pub fn is_mbi(&self) -> bool {
        self.share(self.mbi, 90) && self.distinct() >= 3
    }

    /// ICD-10, LOINC or SNOMED CT codes.
    pub fn is_clinical(&self) -> bool {
        (self.share(self.icd, 80) && self.distinct() >= 5 && self.chapters.len() >= 2)
            || (self.distinct() >= 20 && (self.share(self.loinc, 95) || self.share(self.snomed, 95) || self.share(self.ndc, 95)))
    }

    /// Nine in ten values are written as codes of the system that its header names.
    pub fn is_coded(&self, system: System) -> bool {
        self.share(self.fits(system), 90)
    }

    /// Under a header that names codes stand other numbers.
    pub fn is_other_than(&self, system: System) -> bool {
        self.filled >= 5 && self.share(self.with_digit, 50) && !self.share(self.fits(system), 20)
    }

    fn fits(&self, system: System) -> usize {
        System::ALL.iter().position(|s| *s == system).and_then(|i| self.codes.get(i)).copied().unwrap_or(0)
    }

    /// Fits a header that says DEA number, CLIA number, taxonomy, tax number of an employer: one in ten of any other
    /// numbers would be a DEA number.
    pub fn may_be_dea(&self) -> bool {
        self.filled == 0 || self.share(self.dea, 50)
    }

    pub fn may_be_clia(&self) -> bool {
        self.filled == 0 || self.share(self.clia, 50)
    }

    pub fn may_be_taxonomy(&self) -> bool {
        self.filled == 0 || self.share(self.taxonomy, 50)
    }

    pub fn may_be_ein(&self) -> bool {
        self.filled == 0 || self.share(self.ein.saturating_add(self.nine), 50)
    }

    pub fn may_be_card(&self) -> bool {
        self.filled == 0 || self.share(self.cards, 50)
    }

    pub fn may_be_itin(&self) -> bool {
        self.filled == 0 || self.share(self.itins, 50)
    }

    /// Most of its nine-digit numbers could have been issued: numbers from 900 on among them are ITINs.
    pub fn is_mostly_issued(&self) -> bool {
        self.nine_invalid.saturating_mul(2) < self.nine
    }

    pub fn is_zip(&self) -> bool {
        self.share(self.zips, 90)
    }

    /// Numbers of providers and laboratories by their values alone.
    pub fn is_dea(&self) -> bool {
        self.share(self.dea, 95) && self.distinct() >= 20
    }

    pub fn is_clia(&self) -> bool {
        self.share(self.clia, 95) && self.filled >= 5
    }

    pub fn is_taxonomy(&self) -> bool {
        self.share(self.taxonomy, 95) && self.filled >= 5
    }

    /// Payment cards by their values alone: one in ten of other numbers has the check digit.
    pub fn is_card(&self) -> bool {
        self.share(self.cards, 95) && self.distinct() >= 20
    }

    pub fn is_npi(&self) -> bool {
        self.share(self.npi, 95) && self.distinct() >= 20
    }

    pub fn is_uuid(&self) -> bool {
        self.share(self.uuids, 90)
    }

    /// Fits a header that says number of a person: short, and mostly with digits.
    pub fn may_be_key(&self) -> bool {
        self.filled == 0 || self.share(self.with_digit, 50)
    }

    /// Words that could be people's names.
    pub fn is_words(&self) -> bool {
        self.share(self.words, 80)
    }

    /// Different names in different rows, as people have and categories don't.
    pub fn is_name(&self) -> bool {
        self.is_words() && self.distinct() >= 3 && self.distinct().saturating_mul(5) >= self.filled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(values: impl IntoIterator<Item = String>) -> Column {
        let mut c = Column::new();
        values.into_iter().for_each(|v| c.add(v.as_bytes()));
        c
    }

    #[test]
    fn numbers_of_nine_digits() {
        let spread = |i: u64| 100_010_001 + (i * 7_654_321) % 500_000_000;
        let ssn = column(
            (0..400)
                .map(spread)
                .filter(|n| identifiers::ssn(&n.to_string()).is_some_and(|s| s.1 == SsnClass::Valid))
                .map(|n| n.to_string()),
        );
        assert!(ssn.is_bare_ssn());
        let random = column((0..400u64).map(|i| ((i * 987_654_321_013) % 1_000_000_000).to_string()).map(|s| format!("{s:0>9}")));
        assert!(!random.is_bare_ssn());
        assert!(!column((0..300).map(|i| (212_340_001 + i).to_string())).is_bare_ssn());
        let routing = (0..4_000_000u64)
            .map(|i| format!("{:09}", 11_000_000 + i * 7))
            .filter(|t| identifiers::aba(t) && identifiers::ssn(t).is_some_and(|s| s.1 == SsnClass::Valid));
        assert!(!column(routing.take(200)).is_bare_ssn());
        assert!(column(["536-22-8841", "536-22-9001", "536-22-9002"].map(String::from)).is_dashed_ssn());
    }

    #[test]
    fn dates_of_birth_and_of_service() {
        let born = |i: u32| format!("{}-0{}-1{}", 1930 + (i * 37) % 80, 1 + i % 9, i % 9);
        assert!(column((0..60).map(born)).is_birth());
        assert!(!column((0..60).map(|i| format!("{}-03-1{}", 2015 + (i * 7) % 9, i % 9))).is_birth());
        assert!(!column((0..60).map(|i| format!("{}-03-10", 1930 + i))).is_birth());
    }

    #[test]
    fn codes() {
        let icd = ["E11.9", "I10.1", "J45.909", "M54.5", "Z00.00"].map(String::from);
        assert!(column(icd).is_clinical());
        assert!(!column(["B12", "F150", "T20", "A10", "C44"].map(String::from)).is_clinical());
        let stamps = (0..200u64).map(|i| (1_600_000_000 + i * 86_413).to_string());
        assert!(!column(stamps).is_npi());
    }
}
