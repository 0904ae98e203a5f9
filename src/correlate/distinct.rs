//! Patient data of several objects as that of one set, with people counted once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::{Person, PhiFacts, Token, TokenKind};
use crate::phi;

/// Distinct tokens by kind.
pub fn tokens<'a>(people: impl IntoIterator<Item = &'a Person>) -> BTreeMap<TokenKind, u64> {
    let all: BTreeSet<Token> = people.into_iter().flat_map(|p| p.tokens.iter().copied()).collect();
    let mut counts = BTreeMap::new();
    for token in all {
        *counts.entry(token.kind).or_insert(0_u64) += 1;
    }
    counts
}

/// The facts of several objects as those of one set, with people counted once.
pub fn merge(facts: &[Arc<PhiFacts>]) -> PhiFacts {
    match facts {
        [one] if one.census.is_none() => phi::of_one(one),
        _ => phi::summary(facts.iter().map(Arc::as_ref)),
    }
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
