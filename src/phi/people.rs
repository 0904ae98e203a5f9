//! How many distinct people: union-find over tokens, the same whatever the order of the records.
//!
//! Strong tokens (record number, member number, SSN, MBI, a system's own key) always join. Name with date
//! of birth joins unless two of those it would join carry different numbers of one authority: then they are
//! different people, as the authority says. A bare name joins only where nothing tells them apart.

use std::collections::BTreeMap;
use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashSet};

use crate::model::{Census, Individuals, Person, PhiFacts, Token, TokenKind};

/// Bits of a token that stand for the authority which assigned the number.
const SCOPE: u128 = (u64::MAX as u128) << 64;

/// A number's hash under its authority's.
pub(super) fn scoped(authority: u128, number: u128) -> u128 {
    (authority << 64) | (number & !SCOPE)
}

/// Distinct people among records. `low` counts those with the one strong kind of key that most have;
/// `high` is `records` unless every person carries a strong key.
pub fn individuals(people: &[Person], records: u64) -> Individuals {
    resolve(people, records).0
}

/// Distinct people and their states; `high` is at most `upper` where keys leave room for doubt.
pub(crate) fn resolve(people: &[Person], upper: u64) -> (Individuals, BTreeMap<String, u64>) {
    let mut groups = Groups::new(people.len());
    for kind in [TokenKind::Mrn, TokenKind::Member, TokenKind::Ssn, TokenKind::Mbi, TokenKind::Local] {
        let tokens = by_token(people, kind);
        for (a, b) in tokens.iter().zip(tokens.iter().skip(1)) {
            if a.0 == b.0 {
                groups.join(a.1, b.1);
            }
        }
    }
    let strong_only = groups.count();
    let keyless = people.iter().any(|p| !p.tokens.iter().any(|t| is_strong(t.kind)));
    let absorbed_birth = join_weak(people, &mut groups, TokenKind::NameBirth);
    let absorbed_name = join_weak(people, &mut groups, TokenKind::Name);
    let best = distinct(people, &mut groups, &[absorbed_birth, absorbed_name]);
    let count = best.iter().filter(|c| c.counts()).count() as u64;
    let low = [TokenKind::Mrn, TokenKind::Member, TokenKind::Ssn, TokenKind::Mbi, TokenKind::Local, TokenKind::NameBirth]
        .into_iter()
        .map(|kind| best.iter().filter(|c| c.counts() && c.kinds & bit(kind) != 0).count())
        .max()
        .unwrap_or(0);
    let low = if low == 0 { u64::from(count > 0) } else { low as u64 };
    let high = if keyless {
        upper.max(count)
    } else {
        (strong_only as u64).max(count).saturating_add(namesakes(people, &mut groups, &best))
    };
    (Individuals { low, best: count, high }, states(people, &mut groups, &best))
}

/// The figures of a set of which only these people are kept; their states stand for those of all.
pub(crate) fn scaled(census: &Census, kept: &[Person], exact: Individuals, states: &mut BTreeMap<String, u64>) -> Individuals {
    let all = census.estimate(kept, exact.best);
    let by = |n: u64| (u128::from(n) * u128::from(all.best) / u128::from(exact.best.max(1))) as u64;
    states.values_mut().for_each(|n| *n = by(*n));
    all
}

/// People by state: of each person's states the one most records say, of equals the first in the alphabet.
fn states(people: &[Person], groups: &mut Groups, best: &[Component]) -> BTreeMap<String, u64> {
    let mut said: Vec<(usize, [u8; 2])> =
        people.iter().enumerate().filter_map(|(i, p)| Some((groups.root(i), p.state?))).collect();
    said.sort_unstable();
    let mut out = BTreeMap::new();
    for person in said.chunk_by(|a, b| a.0 == b.0).filter(|run| best.get(run[0].0).is_some_and(Component::counts)) {
        let runs = person.chunk_by(|a, b| a.1 == b.1);
        let Some(most) = runs.max_by_key(|run| (run.len(), std::cmp::Reverse(run[0].1))) else { continue };
        let n: &mut u64 = out.entry(String::from_utf8_lossy(&most[0].1).into_owned()).or_default();
        *n = n.saturating_add(1);
    }
    out
}

/// How many more people there may be where a plan number and given name joined records with different dates of birth:
/// one person with a wrong date, or father and son.
fn namesakes(people: &[Person], groups: &mut Groups, best: &[Component]) -> u64 {
    let only_plan = bit(TokenKind::Member) | bit(TokenKind::NameBirth) | bit(TokenKind::Name);
    let mut births: Vec<(usize, u128)> = Vec::new();
    for (i, person) in people.iter().enumerate() {
        let root = groups.root(i);
        if best.get(root).is_some_and(|c| c.counts() && c.kinds & bit(TokenKind::Member) != 0 && c.kinds & !only_plan == 0) {
            births.extend(person.tokens.iter().filter(|t| t.kind == TokenKind::NameBirth).map(|t| (root, t.hash)));
        }
    }
    births.sort_unstable();
    births.dedup();
    let more = births.chunk_by(|a, b| a.0 == b.0).map(|run| run.len().saturating_sub(1));
    more.fold(0, |sum, n| sum.saturating_add(n as u64))
}

fn is_strong(kind: TokenKind) -> bool {
    !matches!(kind, TokenKind::NameBirth | TokenKind::Name)
}

fn bit(kind: TokenKind) -> u8 {
    1 << (kind as u8)
}

/// What two people can't both have differently, and its value.
type Mark = (TokenKind, u128);

/// What two people can't both have differently: `None` where two values prove nothing.
fn discriminator(token: &Token, joining: TokenKind) -> Option<Mark> {
    match token.kind {
        TokenKind::Mrn | TokenKind::Local => Some((token.kind, token.hash & SCOPE)),
        TokenKind::Ssn => Some((token.kind, 0)),
        // The same name and birth with two plans or a reissued MBI is one person; the same bare name isn't.
        TokenKind::Member | TokenKind::Mbi | TokenKind::NameBirth if joining == TokenKind::Name => Some((token.kind, 0)),
        _ => None,
    }
}

/// Tokens of one kind with the record they stand in, sorted. A number's own hash is over its authority too, so the
/// lower half tells it.
fn by_token(people: &[Person], kind: TokenKind) -> Vec<(u64, usize)> {
    let mut out: Vec<(u64, usize)> = people
        .iter()
        .enumerate()
        .flat_map(|(i, p)| p.tokens.iter().filter(|t| t.kind == kind).map(move |t| (t.hash as u64, i)))
        .collect();
    out.sort_unstable();
    out
}

/// Joins by a weak kind wherever nothing contradicts it. Where something does, those with a key of their
/// own stay apart, and those without one are returned: each is one of the others, only not known which.
fn join_weak(people: &[Person], groups: &mut Groups, kind: TokenKind) -> Vec<bool> {
    let mut absorbed = vec![false; people.len()];
    let tokens = by_token(people, kind);
    // Roots before this step: what is joined below must not change what the next group sees.
    let roots: Vec<usize> = (0..people.len()).map(|i| groups.root(i)).collect();
    let mut shared = vec![false; people.len()];
    for run in tokens.chunk_by(|a, b| a.0 == b.0).filter(|run| run.len() > 1) {
        run.iter().for_each(|(_, i)| shared[roots[*i]] = true);
    }
    // What tells the people of each root apart from others, by root.
    let mut marks: Vec<(usize, Mark)> = Vec::new();
    for (person, root) in people.iter().zip(&roots).filter(|(_, root)| shared[**root]) {
        marks.extend(person.tokens.iter().filter_map(|t| discriminator(t, kind)).map(|mark| (*root, mark)));
    }
    marks.sort_unstable();
    marks.dedup();
    let marks_of = |root: usize| {
        let from = marks.partition_point(|(other, _)| *other < root);
        let rest = marks.get(from..).unwrap_or_default();
        rest.get(..rest.partition_point(|(other, _)| *other == root)).unwrap_or_default()
    };
    for run in tokens.chunk_by(|a, b| a.0 == b.0).filter(|run| run.len() > 1) {
        let mut members: Vec<usize> = run.iter().map(|(_, i)| roots[*i]).collect();
        members.sort_unstable();
        members.dedup();
        if members.len() < 2 {
            continue;
        }
        // The largest set of marks is only asked, never walked: one person in many runs must not cost a walk each.
        let largest = members.iter().copied().max_by_key(|m| (marks_of(*m).len(), *m)).unwrap_or_default();
        let in_largest = |mark: &Mark| marks_of(largest).binary_search(&(largest, *mark)).is_ok();
        let others = members.iter().filter(|m| **m != largest).flat_map(|m| marks_of(*m));
        let mut others: Vec<Mark> = others.map(|(_, mark)| *mark).collect();
        others.sort_unstable();
        let conflict = others.iter().any(in_largest) || others.windows(2).any(|pair| pair[0] == pair[1]);
        if conflict {
            let unmarked = members.into_iter().filter(|m| marks_of(*m).is_empty());
            unmarked.for_each(|m| absorbed[m] = true);
        } else {
            for pair in members.windows(2) {
                groups.join(pair[0], pair[1]);
            }
        }
    }
    absorbed
}

/// What is known of the person whose records have this root.
#[derive(Clone, Copy, Default)]
struct Component {
    kinds: u8,
    /// Holds a record that tells its person apart by itself.
    anchored: bool,
    absorbed: bool,
}

impl Component {
    fn counts(&self) -> bool {
        self.kinds != 0 && (self.anchored || !self.absorbed)
    }
}

/// By root; entries that are no root stay empty.
fn distinct(people: &[Person], groups: &mut Groups, absorbed: &[Vec<bool>; 2]) -> Vec<Component> {
    let mut out = vec![Component::default(); people.len()];
    for (i, person) in people.iter().enumerate() {
        let c = &mut out[groups.root(i)];
        for token in &person.tokens {
            c.kinds |= bit(token.kind);
            c.anchored |= discriminator(token, TokenKind::NameBirth).is_some();
        }
        c.absorbed |= absorbed.iter().any(|a| a[i]);
    }
    out
}

/// Disjoint sets with path halving; the smallest index is the root.
struct Groups(Vec<usize>);

impl Groups {
    fn new(n: usize) -> Self {
        Self((0..n).collect())
    }

    fn root(&mut self, mut i: usize) -> usize {
        while self.0[i] != i {
            self.0[i] = self.0[self.0[i]];
            i = self.0[i];
        }
        i
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        self.0[a.max(b)] = a.min(b);
    }

    fn count(&self) -> usize {
        self.0.iter().enumerate().filter(|(i, p)| i == *p).count()
    }
}

/// Distinct people across many objects. The result doesn't depend on the order of [`PeopleIndex::add`].
#[derive(Default)]
pub struct PeopleIndex {
    people: Vec<Person>,
    /// Hashes, under a key of this process, of the records that are in.
    seen: HashSet<u64>,
    hasher: DefaultHashBuilder,
    upper: u64,
    /// All people, once they are more than are kept.
    census: Option<Census>,
}

impl PeopleIndex {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn add(&mut self, facts: &PhiFacts) {
        self.upper = self.upper.saturating_add(facts.individuals.high);
        for person in &facts.people {
            if self.people.len() >= PhiFacts::MAX_PEOPLE {
                self.census.get_or_insert_with(|| Census::of(&self.people)).add(&person.tokens);
                continue;
            }
            // Exact repeats say nothing new about who is distinct; one with a state says where.
            let mut tokens: Vec<&Token> = person.tokens.iter().collect();
            tokens.sort_unstable();
            if self.seen.insert(self.hasher.hash_one((tokens, person.state))) {
                // An earlier object may have had more people than it kept.
                if let Some(census) = &mut self.census {
                    census.add(&person.tokens);
                }
                self.people.push(person.clone());
            }
        }
        if let Some(more) = &facts.census {
            self.census.get_or_insert_with(|| Census::of(&self.people)).union(more);
        }
    }

    /// Distinct people, and how many of them by state.
    pub fn totals(&self) -> (Individuals, BTreeMap<String, u64>) {
        let (exact, mut states) = resolve(&self.people, self.upper);
        match &self.census {
            None => (exact, states),
            Some(census) => (scaled(census, &self.people, exact, &mut states), states),
        }
    }

    /// Whether more people came than are counted one by one: then the figures are estimates.
    pub fn estimated(&self) -> bool {
        self.census.is_some()
    }

    /// Everybody's registers.
    pub fn census(&self) -> Census {
        self.census.clone().unwrap_or_else(|| Census::of(&self.people))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(parts: &[(TokenKind, u128)]) -> Person {
        Person { tokens: parts.iter().map(|(kind, hash)| Token { kind: *kind, hash: *hash }).collect(), state: None }
    }

    fn best(people: &[Person]) -> u64 {
        let i = individuals(people, people.len() as u64);
        assert!(i.low <= i.best && i.best <= i.high, "{i:?}");
        i.best
    }

    use TokenKind::{Local, Member, Mrn, Name, NameBirth, Ssn};

    #[test]
    fn shared_keys_join_and_others_do_not() {
        assert_eq!(best(&[person(&[(Ssn, 1)]), person(&[(Ssn, 1), (Member, 7)]), person(&[(Member, 7)])]), 1);
        assert_eq!(best(&[person(&[(Ssn, 1)]), person(&[(Ssn, 2)])]), 2);
        assert_eq!(best(&[]), 0);
    }

    #[test]
    fn many_authorities_do_not_collide() {
        // One person known to 2,000 authorities under two random-looking hashes each.
        let key = crate::phi::CaseKey::new(&[7; 32]);
        let people: Vec<Person> = (0..2000u32)
            .map(|i| {
                let authority = key.token(Mrn, &[&i.to_le_bytes()]).hash;
                let number = key.token(Mrn, &[b"n", &i.to_le_bytes()]).hash;
                person(&[(Mrn, scoped(authority, number)), (NameBirth, 9)])
            })
            .collect();
        assert_eq!(best(&people), 1);
    }

    #[test]
    fn name_and_birth_join_plans_but_not_numbers_of_one_authority() {
        assert_eq!(best(&[person(&[(Member, 1), (NameBirth, 9)]), person(&[(Member, 2), (NameBirth, 9)])]), 1);
        assert_eq!(best(&[person(&[(Mrn, 1), (NameBirth, 9)]), person(&[(Mrn, 2), (NameBirth, 9)])]), 2);
        // Numbers of two authorities (upper 16 bits) don't contradict each other.
        assert_eq!(best(&[person(&[(Mrn, 1), (NameBirth, 9)]), person(&[(Mrn, 2 | 5 << 64), (NameBirth, 9)])]), 1);
        // One without a number is one of the two, not a third.
        let three = [person(&[(Mrn, 1), (NameBirth, 9)]), person(&[(Mrn, 2), (NameBirth, 9)]), person(&[(NameBirth, 9)])];
        assert_eq!(best(&three), 2);
    }

    #[test]
    fn a_bare_name_joins_only_without_contradiction() {
        assert_eq!(best(&[person(&[(Name, 3)]), person(&[(Name, 3), (NameBirth, 1)])]), 1);
        let two = [person(&[(NameBirth, 1), (Name, 3)]), person(&[(NameBirth, 2), (Name, 3)]), person(&[(Name, 3)])];
        assert_eq!(best(&two), 2);
        assert_eq!(best(&[person(&[(Member, 1), (Name, 3)]), person(&[(Member, 2), (Name, 3)])]), 2);
    }

    #[test]
    fn bounds() {
        let keyed = [person(&[(Local, 1), (Name, 1)]), person(&[(Local, 2), (Name, 2)])];
        assert_eq!(individuals(&keyed, 900), Individuals { low: 2, best: 2, high: 2 });
        let unkeyed = [person(&[(Name, 1)]), person(&[(Name, 2)])];
        assert_eq!(individuals(&unkeyed, 5), Individuals { low: 1, best: 2, high: 5 });
    }

    #[test]
    fn states_follow_people() {
        let people = vec![person(&[(Ssn, 1)]), person(&[(Ssn, 2)])];
        let mut facts = PhiFacts { people, ..PhiFacts::default() };
        facts.people[0].state = Some(*b"NY");
        facts.people[1].state = Some(*b"NY");
        facts.individuals = individuals(&facts.people, 2);
        let mut index = PeopleIndex::new();
        index.add(&facts);
        index.add(&facts);
        let (totals, states) = index.totals();
        assert_eq!(totals.best, 2);
        assert_eq!(states.get("NY"), Some(&2));
    }

    proptest::proptest! {
        #[test]
        fn order_never_matters(records in proptest::collection::vec(proptest::collection::vec((0u8..7, 0u64..4), 0..4), 0..12)) {
            let kinds = [Mrn, Member, Ssn, TokenKind::Mbi, NameBirth, Name, Local];
            let people: Vec<Person> = records
                .iter()
                .map(|r| person(&r.iter().map(|(k, h)| (kinds[usize::from(*k)], u128::from(*h))).collect::<Vec<_>>()))
                .collect();
            let forward = individuals(&people, 50);
            let reversed: Vec<Person> = people.into_iter().rev().collect();
            proptest::prop_assert_eq!(forward, individuals(&reversed, 50));
            proptest::prop_assert!(forward.low <= forward.best && forward.best <= forward.high);
        }
    }
}
