//! What every detector gathers while bytes go by: people as tokens, distinct values as counts.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, Hash, Hasher};
use std::ops::Range;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashMap};
use smol_str::SmolStr;

use super::distinct::Distinct;
use super::identifiers::{self, SsnClass};
use super::people::{resolve, scaled, scoped};
use super::words::Gather;
use super::{CaseKey, names};
use crate::model::{Census, Person, PhiFacts, Token, TokenKind, Words};

/// Bound on distinct values counted for one kind; beyond it the count is a lower bound.
const MAX_DISTINCT: usize = 8_000_000;
/// Bound on tokens of one person.
const MAX_TOKENS: usize = 32;

/// The fields of one record that say who it is about, as written. It never outlives its record.
#[derive(Clone, Default)]
pub(super) struct Draft {
    pub family: SmolStr,
    pub given: SmolStr,
    pub suffix: SmolStr,
    /// `YYYYMMDD`.
    pub birth: Option<u32>,
    pub ssn: Vec<[u8; 9]>,
    pub mbi: Vec<[u8; 11]>,
    pub members: Vec<SmolStr>,
    /// Assigning authority and number.
    pub mrns: Vec<(SmolStr, SmolStr)>,
    /// Keys of the system's own: name space and value.
    pub locals: Vec<(SmolStr, SmolStr)>,
    pub state: Option<[u8; 2]>,
}

impl Draft {
    pub fn is_empty(&self) -> bool {
        let mut numbers = self.mrns.iter().chain(&self.locals).map(|(_, id)| id).chain(&self.members);
        let named = || !self.family.is_empty() && !names::family(&self.family).is_empty();
        self.ssn.is_empty() && self.mbi.is_empty() && !numbers.any(|id| tells(id)) && !named()
    }

    fn clear(&mut self) {
        (self.family, self.given, self.suffix) = (SmolStr::default(), SmolStr::default(), SmolStr::default());
        (self.birth, self.state) = (None, None);
        self.ssn.clear();
        self.mbi.clear();
        self.members.clear();
        self.mrns.clear();
        self.locals.clear();
    }
}

/// Whether a number tells its person from others. Rows of zeros or nines are fillers in every system.
fn tells(id: &str) -> bool {
    let id = id.trim();
    let filler = id.len() > 3 && (id.bytes().all(|c| c == b'0') || id.bytes().all(|c| c == b'9'));
    !id.is_empty() && !filler
}

/// What each token of a person is made of: kind, scope and value, in one text that is used again for the next.
#[derive(Default)]
struct Parts {
    text: String,
    items: Vec<(TokenKind, Range<usize>, Range<usize>)>,
    /// Folded, as in what follows.
    family: String,
    given: String,
    /// Both.
    name: String,
    /// Eight digits, or nothing.
    birth: String,
}

impl Parts {
    fn fill(&mut self, draft: &Draft) {
        self.text.clear();
        self.items.clear();
        self.family.clear();
        names::family_into(&draft.family, &mut self.family);
        self.given.clear();
        names::given_into(&draft.given, &mut self.given);
        self.name.clear();
        self.name.extend([self.family.as_str(), " ", self.given.as_str()]);
        self.birth.clear();
        self.birth.extend(draft.birth.into_iter().flat_map(digits));
        for (authority, id) in &draft.mrns {
            self.number(TokenKind::Mrn, authority, id);
        }
        for (space, id) in &draft.locals {
            self.number(TokenKind::Local, space, id);
        }
        let text = |bytes| std::str::from_utf8(bytes).unwrap_or_default();
        for ssn in &draft.ssn {
            self.number(TokenKind::Ssn, "", text(ssn));
        }
        for mbi in &draft.mbi {
            self.number(TokenKind::Mbi, "", text(mbi));
        }
        if !draft.members.is_empty() {
            // A plan number is the family's: what tells its members apart goes with it.
            let apart =
                if self.given.is_empty() { self.birth.clone() } else { format!("{} {}", self.given, names::fold(&draft.suffix)) };
            for member in &draft.members {
                self.number(TokenKind::Member, &apart, member);
            }
        }
        let name = self.text.len();
        match (self.family.is_empty(), self.given.is_empty()) {
            (false, false) => {
                self.text.push_str(&self.name);
                let name = name..self.text.len();
                if draft.birth.is_some() {
                    let scope = self.add_birth();
                    self.items.push((TokenKind::NameBirth, scope, name.clone()));
                }
                self.items.push((TokenKind::Name, 0..0, name));
            }
            (false, true) => {
                self.text.push_str(&self.family);
                let name = name..self.text.len();
                let scope = self.add_birth();
                self.items.push((TokenKind::Name, scope, name));
            }
            (true, _) => {}
        }
        let text = &self.text;
        let of = |r: &Range<usize>| text.get(r.clone()).unwrap_or_default();
        self.items.sort_by(|a, b| (a.0, of(&a.1), of(&a.2)).cmp(&(b.0, of(&b.1), of(&b.2))));
        self.items.dedup_by(|a, b| (a.0, of(&a.1), of(&a.2)) == (b.0, of(&b.1), of(&b.2)));
        self.items.truncate(MAX_TOKENS);
    }

    fn add(&mut self, text: &str) -> Range<usize> {
        let start = self.text.len();
        self.text.push_str(text);
        start..self.text.len()
    }

    fn add_birth(&mut self) -> Range<usize> {
        let start = self.text.len();
        self.text.push_str(&self.birth);
        start..self.text.len()
    }

    fn number(&mut self, kind: TokenKind, scope: &str, id: &str) {
        if !tells(id) {
            return;
        }
        let id = id.trim();
        let scope = self.add(scope);
        let id = self.add(id);
        if let Some(text) = self.text.get_mut(id.clone()) {
            text.make_ascii_uppercase();
        }
        self.items.push((kind, scope, id));
    }

    fn iter(&self) -> impl Iterator<Item = (TokenKind, &str, &str)> {
        let of = |r: &Range<usize>| self.text.get(r.clone()).unwrap_or_default();
        self.items.iter().map(move |(kind, scope, id)| (*kind, of(scope), of(id)))
    }

    /// Equal for records that say the same of their person.
    fn hash(&self, with: &DefaultHashBuilder) -> u64 {
        let mut hasher = with.build_hasher();
        self.iter().for_each(|part| part.hash(&mut hasher));
        hasher.finish()
    }
}

/// A date as its eight digits.
fn digits(date: u32) -> impl Iterator<Item = char> {
    (0..8).rev().map(move |place| char::from_digit(date / 10_u32.pow(place) % 10, 10).unwrap_or('0'))
}

/// The letter of 45 CFR 164.514(b)(2)(i) that a kind of identifier stands under.
fn class_of(kind: &str) -> Option<char> {
    Some(match kind {
        "name" => 'A',
        "zip" | "street" | "city" => 'B',
        "dob" | "date" => 'C',
        "phone" => 'D',
        "email" => 'F',
        "ssn" => 'G',
        "mrn" => 'H',
        "mbi" | "member_id" | "hicn" => 'I',
        "account" => 'J',
        "licence" => 'K',
        "device" => 'M',
        "record_id" | "accession" | "study" => 'R',
        _ => return None,
    })
}

/// The bit of a letter of 45 CFR 164.514(b)(2)(i).
fn class_bit(letter: char) -> u32 {
    1 << (u32::from(letter).saturating_sub(u32::from('A')) % 32)
}

/// Gathers one object's facts.
pub(super) struct Collector<'k> {
    key: &'k CaseKey,
    hasher: DefaultHashBuilder,
    people: Vec<Person>,
    seen: HashMap<u64, usize>,
    /// Tokens' upper bits by authority, so that an authority is hashed once.
    scopes: BTreeMap<String, u128>,
    /// Few kinds, asked for with every value; some are not counted.
    distinct: Vec<(&'static str, Option<Distinct>)>,
    /// Letters as bits.
    classes: u32,
    notes: BTreeSet<String>,
    words: Distinct,
    parts: Parts,
    /// Used again for the next record.
    draft: Draft,
    folded: String,
    pub records: u64,
    pub clinical: bool,
    /// The data's own mark of being a test.
    pub marked_test: bool,
    /// All people, once they are more than are kept.
    census: Option<Census>,
}

impl<'k> Collector<'k> {
    pub fn new(key: &'k CaseKey) -> Self {
        Self {
            key,
            hasher: DefaultHashBuilder::default(),
            people: Vec::new(),
            seen: HashMap::new(),
            scopes: BTreeMap::new(),
            distinct: Vec::new(),
            classes: 0,
            notes: BTreeSet::new(),
            words: Distinct::default(),
            parts: Parts::default(),
            draft: Draft::default(),
            folded: String::new(),
            records: 0,
            clinical: false,
            marked_test: false,
            census: None,
        }
    }

    pub fn has_people(&self) -> bool {
        !self.people.is_empty()
    }

    /// Reads one record into an empty draft and takes its person over, where there is one.
    pub fn record(&mut self, read: impl FnOnce(&mut Draft, &mut Self)) {
        let mut draft = std::mem::take(&mut self.draft);
        read(&mut draft, self);
        if !draft.is_empty() {
            self.records = self.records.saturating_add(1);
            self.person(&draft);
        }
        draft.clear();
        self.draft = draft;
    }

    /// Takes a record's person over as tokens, and counts the identifiers it is made of.
    pub fn person(&mut self, draft: &Draft) {
        let mut parts = std::mem::take(&mut self.parts);
        parts.fill(draft);
        if !parts.items.is_empty() {
            self.known_or_new(draft, &parts);
        }
        self.parts = parts;
    }

    fn known_or_new(&mut self, draft: &Draft, parts: &Parts) {
        if !draft.family.trim().is_empty() {
            self.value("name", &parts.name);
        }
        self.value("dob", &parts.birth);
        let known = parts.hash(&self.hasher);
        if let Some(&at) = self.seen.get(&known) {
            if let (Some(person), Some(_)) = (self.people.get_mut(at), draft.state) {
                person.state = person.state.or(draft.state);
            }
            return;
        }
        self.words(draft, &parts.birth);
        let tokens: Vec<Token> = parts.iter().map(|(kind, scope, id)| self.token(kind, scope, id)).collect();
        if self.people.len() >= self.key.keep() {
            self.census.get_or_insert_with(|| Census::of(&self.people)).add(&tokens);
            return;
        }
        self.seen.insert(known, self.people.len());
        self.people.push(Person { tokens, state: draft.state });
    }

    /// What the object's own path may hold of the person.
    fn words(&mut self, draft: &Draft, birth: &str) {
        let mut words = Gather(&mut self.words);
        words.name(&draft.family);
        words.name(&draft.given);
        if !birth.is_empty() {
            words.birth(birth);
        }
        let numbers = draft.mrns.iter().chain(&draft.locals).map(|(_, id)| id).chain(&draft.members);
        numbers.for_each(|id| words.number(id));
        let text = |bytes| std::str::from_utf8(bytes).unwrap_or_default();
        draft.ssn.iter().for_each(|n| words.number(text(n)));
        draft.mbi.iter().for_each(|n| words.number(text(n)));
    }

    /// Numbers of an authority carry it in their upper half, so that two of one authority can be told from
    /// numbers of two.
    fn token(&mut self, kind: TokenKind, scope: &str, id: &str) -> Token {
        let token = self.key.token(kind, &[scope.as_bytes(), id.as_bytes()]);
        if !matches!(kind, TokenKind::Mrn | TokenKind::Local) {
            return token;
        }
        let upper = match self.scopes.get(scope) {
            Some(known) => *known,
            None => {
                let upper = self.key.token(kind, &[b"authority", scope.as_bytes()]).hash;
                if self.scopes.len() < 1024 {
                    self.scopes.insert(scope.to_owned(), upper);
                }
                upper
            }
        };
        Token { kind, hash: scoped(upper, token.hash) }
    }

    /// Counts a value of a kind by its normalised text.
    pub fn value(&mut self, kind: &'static str, text: &str) {
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        let at = match self.distinct.iter().position(|(k, _)| std::ptr::eq(*k, kind)) {
            Some(known) => known,
            None => self.first_of(kind),
        };
        let hash = self.hasher.hash_one(text);
        if let Some((_, Some(set))) = self.distinct.get_mut(at)
            && set.at_most() < MAX_DISTINCT
        {
            set.insert(hash);
        }
    }

    /// Where values of a kind are counted, which has just been seen for the first time.
    fn first_of(&mut self, kind: &'static str) -> usize {
        if let Some(class) = class_of(kind) {
            self.class(class);
        }
        if let Some(known) = self.distinct.iter().position(|(k, _)| *k == kind) {
            return known;
        }
        let counted = kind != "date" && kind != "city";
        self.distinct.push((kind, counted.then(Distinct::default)));
        self.distinct.len() - 1
    }

    fn class(&mut self, letter: char) {
        self.classes |= class_bit(letter);
    }

    /// A number in the place of an SSN: counted, and where it could have been issued, returned for its person.
    pub fn ssn(&mut self, text: &str) -> Option<[u8; 9]> {
        let (digits, class) = identifiers::ssn(text)?;
        let shown = String::from_utf8_lossy(&digits);
        match class {
            SsnClass::Valid => self.value("ssn", &shown),
            SsnClass::NeverIssued | SsnClass::Published => self.value("ssn_never_issued", &shown),
            SsnClass::Filler => self.value("ssn_filler", &shown),
        }
        (class == SsnClass::Valid).then_some(digits)
    }

    /// A phone number, or whatever stands in its place.
    pub fn phone(&mut self, text: &str) {
        let Some((digits, fictional)) = identifiers::phone(text) else { return };
        let shown = String::from_utf8_lossy(&digits);
        self.value("phone", &shown);
        if fictional {
            self.value("phone_fictional", &shown);
        }
    }

    /// An address line, place and postal code; the state goes to the person.
    pub fn address(&mut self, street: &str, city: &str, zip: &str) {
        let mut folded = std::mem::take(&mut self.folded);
        folded.clear();
        names::fold_into(street, &mut folded);
        self.value("street", &folded);
        self.folded = folded;
        self.value("city", city);
        if let Some(zip) = identifiers::zip5(zip) {
            self.value("zip", &String::from_utf8_lossy(&zip));
        }
    }

    pub fn note(&mut self, text: impl Into<String>) {
        if self.notes.len() < 32 {
            self.notes.insert(text.into());
        }
    }

    pub fn distinct(&mut self, kind: &str) -> u64 {
        self.distinct.iter_mut().find(|(k, _)| *k == kind).and_then(|(_, d)| d.as_mut()).map_or(0, |d| d.len() as u64)
    }

    /// One in five numbers of persons or phones was never real.
    fn invented(&mut self) -> bool {
        let fillers = self.distinct("ssn_filler");
        // One or two fillers stand for "unknown" in real data too.
        let never = self.distinct("ssn_never_issued").saturating_add(if fillers > 2 { fillers } else { 0 });
        let all = self.distinct("ssn").saturating_add(never);
        let fictional = self.distinct("phone_fictional");
        (never > 0 && never.saturating_mul(5) >= all) || (fictional > 2 && fictional.saturating_mul(5) >= self.distinct("phone"))
    }

    /// The facts, where there is a person.
    pub fn finish(mut self, format: String) -> Option<PhiFacts> {
        if self.people.is_empty() {
            return None;
        }
        let synthetic = self.marked_test || self.invented();
        let never = self.distinct("ssn_never_issued");
        if never > 0 {
            self.note(format!("{never} numbers in the place of an SSN were never issued or are published examples"));
            self.class('G');
        }
        if self.census.is_some() {
            self.note("more people than are counted one by one: estimated by HyperLogLog, error below 3 percent");
        }
        let (mut individuals, mut states) = resolve(&self.people, self.records);
        if let Some(census) = &self.census {
            individuals = scaled(census, &self.people, individuals, &mut states);
        }
        Some(PhiFacts {
            format,
            records: self.records,
            individuals,
            identifiers: self
                .distinct
                .iter_mut()
                .filter_map(|(k, d)| Some(((*k).to_owned(), d.as_mut()?.len() as u64)))
                .collect(),
            classes: ('A'..='R').filter(|c| self.classes & class_bit(*c) != 0).collect(),
            states,
            synthetic,
            deidentified: false,
            clinical: self.clinical,
            part2: 0,
            notes: self.notes.into_iter().collect(),
            census: self.census.map(Arc::new),
            words: Words(self.words.into_sorted()),
            people: self.people,
        })
    }
}
