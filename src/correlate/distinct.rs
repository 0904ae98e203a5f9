//! Patient data of several objects as that of one set, with people counted once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::{Person, PhiFacts, Token, TokenKind};
use crate::phi::PeopleIndex;

/// Distinct tokens by kind.
pub fn tokens<'a>(people: impl IntoIterator<Item = &'a Person>) -> BTreeMap<TokenKind, u64> {
    let all: BTreeSet<Token> = people.into_iter().flat_map(|p| p.tokens.iter().copied()).collect();
    let mut counts = BTreeMap::new();
    for token in all {
        *counts.entry(token.kind).or_insert(0_u64) += 1;
    }
    counts
}

/// The facts of several objects as those of one set, with people counted once. Their tokens stay with the
/// objects and aren't copied.
pub fn merge(facts: &[Arc<PhiFacts>]) -> PhiFacts {
    let mut index = PeopleIndex::new();
    let formats: BTreeSet<&str> = facts.iter().map(|f| f.format.as_str()).collect();
    let mut out = PhiFacts { format: formats.into_iter().collect::<Vec<_>>().join("+"), ..PhiFacts::default() };
    let (mut largest, mut largest_low) = (0, 0);
    let (mut classes, mut notes, mut summed) = (BTreeSet::new(), BTreeSet::new(), BTreeMap::new());
    for f in facts {
        out.records = out.records.saturating_add(f.records);
        index.add(f);
        largest = largest.max(f.individuals.best);
        largest_low = largest_low.max(f.individuals.low);
        for (kind, n) in &f.identifiers {
            let sum = out.identifiers.entry(kind.clone()).or_insert(0);
            *sum = sum.saturating_add(*n);
        }
        for (state, n) in &f.states {
            let sum = summed.entry(state.clone()).or_insert(0_u64);
            *sum = sum.saturating_add(*n);
        }
        classes.extend(&f.classes);
        notes.extend(f.notes.iter().cloned());
        out.clinical |= f.clinical;
    }
    let (mut individuals, states) = index.totals();
    // An object that kept no tokens still has its own count.
    individuals.best = individuals.best.max(largest);
    individuals.low = individuals.low.max(largest_low).min(individuals.best);
    individuals.high = individuals.high.max(individuals.best);
    out.individuals = individuals;
    out.states = if states.is_empty() { summed } else { states };
    out.classes = classes.into_iter().collect();
    out.notes = notes.into_iter().collect();
    let total: u64 = facts.iter().map(|f| f.individuals.best).fold(0, u64::saturating_add);
    let mostly = |marked: fn(&PhiFacts) -> bool| {
        let n = facts.iter().filter(|f| marked(f)).map(|f| f.individuals.best).fold(0, u64::saturating_add);
        n > total / 2
    };
    out.synthetic = mostly(|f| f.synthetic);
    out.deidentified = mostly(|f| f.deidentified);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Individuals, Token};

    fn person(tokens: &[(TokenKind, u128)], state: Option<&[u8; 2]>) -> Person {
        let tokens = tokens.iter().map(|&(kind, hash)| Token { kind, hash }).collect();
        Person { tokens, state: state.copied() }
    }

    #[test]
    fn tokens_are_counted_by_kind() {
        use TokenKind::*;
        // The same number of another kind is another identifier.
        let all = [person(&[(Mrn, 1), (Ssn, 5)], None), person(&[(Ssn, 5)], None), person(&[(Mrn, 5)], None)];
        assert_eq!(tokens(&all), BTreeMap::from([(Mrn, 2), (Ssn, 1)]));
    }

    #[test]
    fn the_same_people_in_two_files_count_once() {
        let one = |n: std::ops::Range<u64>| {
            Arc::new(PhiFacts {
                format: "csv".into(),
                records: n.end - n.start,
                individuals: Individuals { low: n.end - n.start, best: n.end - n.start, high: n.end - n.start },
                people: n.map(|i| person(&[(TokenKind::Mrn, i.into())], None)).collect(),
                ..PhiFacts::default()
            })
        };
        let all = merge(&[one(0..10), one(5..15)]);
        assert_eq!(all.individuals, Individuals { low: 15, best: 15, high: 15 });
        assert_eq!((all.records, all.format.as_str()), (20, "csv"));
        assert!(!all.synthetic);
    }

    #[test]
    fn test_data_is_the_verdict_only_of_most_people() {
        let one = |best, synthetic| {
            Arc::new(PhiFacts { individuals: Individuals { low: 0, best, high: best }, synthetic, ..PhiFacts::default() })
        };
        assert!(merge(&[one(10, false), one(11, true)]).synthetic);
        assert!(!merge(&[one(10, false), one(10, true)]).synthetic);
        assert!(!merge(&[]).synthetic);
    }
}
