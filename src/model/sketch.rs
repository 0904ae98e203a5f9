//! Distinct people where there are too many to keep: HyperLogLog registers over their tokens.
//!
//! Source: Flajolet, Fusy, Gandouet, Meunier, "HyperLogLog" (2007); estimator of Ertl, "New cardinality
//! estimation algorithms for HyperLogLog sketches" (2017), algorithm 6, which needs no table of corrections.

use super::{Individuals, Person, Token, TokenKind};
use borsh::{BorshDeserialize, BorshSerialize};

/// Bits of a hash that choose the register: 16,384 of them, one byte each.
const PRECISION: u32 = 14;
const REGISTERS: usize = 1 << PRECISION;
/// Bits left to count zeros in.
const TAIL: u32 = 64 - PRECISION;
/// Relative standard error in thousandths, rounded up: 1.04 / sqrt(16,384).
pub const ERROR_PER_MILLE: u64 = 9;

/// Registers of one set. They tell how many, and hold none of the values.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Registers(Vec<u8>);

impl Default for Registers {
    fn default() -> Self {
        Self(vec![0; REGISTERS])
    }
}

impl Registers {
    /// Takes in a hash whose 64 bits are equally likely.
    pub fn add(&mut self, hash: u64) {
        let at = (hash >> TAIL) as usize;
        let rank = (hash << PRECISION).leading_zeros().min(TAIL) as u8 + 1;
        if let Some(register) = self.0.get_mut(at) {
            *register = rank.max(*register);
        }
    }

    /// Afterwards it stands for everything that is in either.
    pub fn union(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine = (*mine).max(*theirs);
        }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// `None` where the bytes are no registers.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        (bytes.len() == REGISTERS && bytes.iter().all(|r| u32::from(*r) <= TAIL + 1)).then(|| Self(bytes.to_vec()))
    }

    /// Distinct hashes, estimated.
    pub fn estimate(&self) -> u64 {
        let mut counts = [0_u32; TAIL as usize + 2];
        for register in &self.0 {
            if let Some(n) = counts.get_mut(usize::from(*register)) {
                *n += 1;
            }
        }
        let m = REGISTERS as f64;
        let (zero, full) = (f64::from(counts[0]), f64::from(counts[TAIL as usize + 1]));
        let mut z = m * tau(1.0 - full / m);
        for n in counts[1..=TAIL as usize].iter().rev() {
            z = 0.5 * (z + f64::from(*n));
        }
        z += m * sigma(zero / m);
        let alpha = 0.5 / std::f64::consts::LN_2;
        (alpha * m * m / z).round() as u64
    }
}

fn sigma(mut x: f64) -> f64 {
    if x >= 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let last = z;
        z += x * y;
        y += y;
        if z == last {
            return z;
        }
    }
}

fn tau(mut x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let last = z;
        y *= 0.5;
        z -= (1.0 - x).powi(2) * y;
        if z == last {
            return z / 3.0;
        }
    }
}

/// What people are told by, strongest first: the order in which a person's key is chosen.
pub const KINDS: [TokenKind; 7] =
    [TokenKind::Mrn, TokenKind::Member, TokenKind::Ssn, TokenKind::Mbi, TokenKind::Local, TokenKind::NameBirth, TokenKind::Name];

/// Registers for a set of people: by the key of each, and by every kind of token.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Sketch {
    /// Each person by the first of [`KINDS`] that it has.
    pub keys: Registers,
    /// In the order of [`KINDS`].
    pub kinds: [Registers; 7],
}

impl Sketch {
    pub fn add(&mut self, tokens: &[Token]) {
        // The lower half is the hash of the whole value, also where the upper is that of the authority.
        let lower = |token: &Token| token.hash as u64;
        for (kind, registers) in KINDS.iter().zip(&mut self.kinds) {
            tokens.iter().filter(|t| t.kind == *kind).for_each(|t| registers.add(lower(t)));
        }
        if let Some(token) = key(tokens) {
            self.keys.add(lower(token));
        }
    }

    pub fn union(&mut self, other: &Self) {
        self.keys.union(&other.keys);
        self.kinds.iter_mut().zip(&other.kinds).for_each(|(mine, theirs)| mine.union(theirs));
    }
}

/// The token that a person is told by.
fn key(tokens: &[Token]) -> Option<&Token> {
    KINDS.iter().find_map(|kind| tokens.iter().filter(|t| t.kind == *kind).min())
}

/// Records that carry a kind of token, in hundreds of a percent, from which on it is taken for everybody's.
const EVERYBODY: u64 = 9_950;

/// All people of a set of which only some are kept: how many carry what, and registers.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Census {
    pub sketch: Sketch,
    records: u64,
    /// Records with each of [`KINDS`].
    with: [u64; 7],
}

impl Census {
    /// Of people that are kept.
    pub fn of(people: &[Person]) -> Self {
        let mut census = Self::default();
        people.iter().for_each(|p| census.add(&p.tokens));
        census
    }

    pub fn add(&mut self, tokens: &[Token]) {
        self.records = self.records.saturating_add(1);
        for (kind, n) in KINDS.iter().zip(&mut self.with) {
            *n = n.saturating_add(u64::from(tokens.iter().any(|t| t.kind == *kind)));
        }
        self.sketch.add(tokens);
    }

    /// From what was kept of it: registers, how many records there were, and how many carried each of [`KINDS`].
    pub fn from_parts(sketch: Sketch, records: u64, with: [u64; 7]) -> Self {
        Self { sketch, records, with }
    }

    pub fn records(&self) -> u64 {
        self.records
    }

    /// Records with each of [`KINDS`].
    pub fn with(&self) -> [u64; 7] {
        self.with
    }

    pub fn union(&mut self, other: &Self) {
        self.records = self.records.saturating_add(other.records);
        self.with.iter_mut().zip(other.with).for_each(|(mine, theirs)| *mine = mine.saturating_add(theirs));
        self.sketch.union(&other.sketch);
    }

    /// Distinct people of the set, where `best` is what the kept ones come to.
    ///
    /// A kind of key that everybody carries is counted, and corrected by how many people stood behind one value among
    /// those kept. Of several kinds the one that gives the fewest decides, since nobody has less than one of each: where
    /// two systems number the same people, that is name and birth. The most that any of them gives is the upper bound.
    /// Without such a kind, everybody's first key is counted.
    pub fn estimate(&self, kept: &[Person], best: u64) -> Individuals {
        let corrected = |estimate: u64, keys: u64| {
            let ratio = if keys == 0 { 1.0 } else { best as f64 / keys as f64 };
            ((estimate as f64 * ratio).round() as u64).max(best)
        };
        let margin = |n: u64| n.saturating_mul(3 * ERROR_PER_MILLE) / 1000;
        let everybody = |with: &u64| with.saturating_mul(10_000) >= self.records.saturating_mul(EVERYBODY);
        // The more people, the more of them share a bare name.
        let telling = |kind: &TokenKind| *kind != TokenKind::Name;
        let kinds = KINDS.iter().zip(&self.sketch.kinds).zip(&self.with);
        let full = kinds.filter(|((kind, _), with)| telling(kind) && everybody(with));
        let counts: Vec<u64> = full
            .map(|((kind, registers), _)| {
                let tokens = kept.iter().filter_map(|p| p.tokens.iter().filter(|t| t.kind == *kind).min());
                corrected(registers.estimate(), distinct(tokens))
            })
            .collect();
        let (low, all, high) = match (counts.iter().min(), counts.iter().max()) {
            (Some(least), Some(most)) => {
                // What differs by no more than its error says the same: together they err less.
                let near = counts.iter().filter(|n| n.saturating_sub(margin(**n)) <= least.saturating_add(margin(*least)));
                let (sum, n) = near.fold((0_u64, 0_u64), |(sum, n), count| (sum.saturating_add(*count), n + 1));
                (*least, sum / n.max(1), *most)
            }
            _ => {
                let keys = self.sketch.keys.estimate();
                let all = corrected(keys, distinct(kept.iter().filter_map(|p| key(&p.tokens))));
                let one_kind = self.sketch.kinds.iter().map(Registers::estimate).max().unwrap_or(0);
                (one_kind.min(all), all, keys.max(all))
            }
        };
        let low = low.saturating_sub(margin(low)).max(best.min(all));
        Individuals { low, best: all, high: high.saturating_add(margin(high)) }
    }
}

fn distinct<'t>(tokens: impl Iterator<Item = &'t Token>) -> u64 {
    let mut all: Vec<&Token> = tokens.collect();
    all.sort_unstable();
    all.dedup();
    all.len() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A bijection of 64 bits that spreads counters evenly (splitmix64).
    fn spread(i: u64) -> u64 {
        let mut z = i.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    #[test]
    fn estimates_stay_within_their_error() {
        let mut registers = Registers::default();
        assert_eq!(registers.estimate(), 0);
        let mut n = 0_u64;
        for wanted in [1, 10, 1_000, 20_000, 100_000, 1_000_000, 3_000_000] {
            while n < wanted {
                n += 1;
                registers.add(spread(n));
                registers.add(spread(n));
            }
            let off = registers.estimate().abs_diff(n);
            assert!(off * 1000 <= n * 3 * ERROR_PER_MILLE, "{n}: {}", registers.estimate());
        }
    }

    #[test]
    fn a_union_is_the_set_of_both() {
        let [mut a, mut b, mut both] = [0; 3].map(|_| Registers::default());
        (0..60_000).for_each(|i| a.add(spread(i)));
        (40_000..90_000).for_each(|i| b.add(spread(i)));
        (0..90_000).for_each(|i| both.add(spread(i)));
        a.union(&b);
        assert_eq!(a, both);
        assert_eq!(Registers::from_bytes(a.bytes()), Some(a));
        assert_eq!(Registers::from_bytes(&[0; 10]), None);
        assert_eq!(Registers::from_bytes(&[99; REGISTERS]), None);
    }

    #[test]
    fn full_and_extreme_registers_end() {
        let mut registers = Registers::default();
        registers.add(0);
        registers.add(u64::MAX);
        assert_eq!(registers.estimate(), 2);
        let full = Registers::from_bytes(&[51; REGISTERS]).expect("registers");
        assert!(full.estimate() > 1 << 50);
    }
}
