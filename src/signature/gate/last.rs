//! What is looked for last of all, in objects for which a rule would be run that can't be told by the literals of the index: its
//! parts are too common or too short for that, but looked for one by one they take less time than the rule.

use super::condition::Condition;
use super::literal::Literal;
use super::needle::Needle;
use super::required::Literals;

/// More of them take longer than the rule.
const MOST: usize = 6;

/// What must be so where one set of rules matches.
#[derive(Debug, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct Late {
    pub set: u32,
    condition: Condition,
    literals: Vec<Literal>,
}

impl Late {
    /// Of a set of one rule with this condition; none where that is of no help.
    pub fn new(set: u32, condition: &Condition, all: &Literals) -> Option<Self> {
        let literal = |n: u32| all.list.get(n as usize);
        let unknown = |n: u32| literal(n).is_none_or(|literal| literal.nocase || literal.needle().is_none());
        let mut condition = condition.clone().without(&unknown);
        let mut numbers: Vec<u32> = condition.literals_mut().into_iter().map(|n| *n).collect();
        numbers.sort_unstable();
        numbers.dedup();
        if numbers.len() > MOST || !condition.needs_one_of(&numbers) {
            return None;
        }
        for n in condition.literals_mut() {
            *n = u32::try_from(numbers.binary_search(n).ok()?).ok()?;
        }
        let literals = numbers.into_iter().filter_map(literal).cloned().collect();
        Some(Self { set, condition, literals })
    }

    pub fn prepared(self) -> Prepared {
        let needles = self.literals.iter().map(Needle::of).collect();
        Prepared { late: self, needles }
    }
}

/// The same, ready to be looked for.
pub struct Prepared {
    late: Late,
    needles: Vec<Option<Needle>>,
}

impl Prepared {
    pub fn set(&self) -> u32 {
        self.late.set
    }

    pub fn can_match(&self, data: &[u8]) -> bool {
        let parts = |n: u32| Some((self.late.literals.get(n as usize)?, self.needles.get(n as usize)?.as_ref()?));
        self.late.condition.can_hold(data, &|n| parts(n).is_none_or(|(literal, needle)| needle.is_in(literal, data)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_looked_for_one_by_one() {
        let mut all = Literals::default();
        let mut number =
            |bytes: &[u8]| all.number(Literal::masked(&bytes.iter().map(|b| (*b, 0xff)).collect::<Vec<_>>()).unwrap()).unwrap();
        let (a, b) = (number(b"\x00\x04\x00\x00\x7f"), number(b"\x00\x02\x00\x00\x7f"));
        let nocase = all.number(Literal::new(b"abcdefgh", true).unwrap()).unwrap();
        let both = Condition::All(vec![Condition::OneOf(vec![b]), Condition::OneOf(vec![a])]);
        let late = Late::new(7, &both, &all).unwrap().prepared();
        assert_eq!(late.set(), 7);
        assert!(late.can_match(b"..\x00\x04\x00\x00\x7f\x00\x02\x00\x00\x7f"));
        assert!(!late.can_match(b"..\x00\x04\x00\x00\x7f\x00\x02\x00\x00\x7e") && !late.can_match(b""));
        let either = Condition::Any(vec![both, Condition::OneOf(vec![nocase])]);
        assert!(Late::new(7, &either, &all).is_none(), "letters of either case aren't looked for");
    }
}
