//! What an object must be like for a rule, as a value: parts that hold together, and alternatives of which one must hold.

use std::collections::HashMap;

use super::literal::Literal;

/// Bytes that stand at an offset.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct Head {
    pub offset: u32,
    pub bytes: Vec<u8>,
}

impl Head {
    pub fn stands_in(&self, data: &[u8]) -> bool {
        data.get(self.offset as usize..).is_some_and(|rest| rest.starts_with(&self.bytes))
    }
}

/// What an object must be like. All parts hold together.
#[derive(Clone, Debug, PartialEq, Eq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct Required {
    /// One of these heads.
    pub heads: Option<Vec<Head>>,
    /// Least and most bytes.
    pub size: (u64, u64),
    /// One of these literals, by their number.
    pub literals: Option<Vec<u32>>,
}

/// An alternative of more is none.
pub const MOST: usize = 1_024;

impl Required {
    pub const NOTHING: Self = Self { heads: None, size: (0, u64::MAX), literals: None };

    pub fn size(least: u64, most: u64) -> Self {
        Self { size: (least, most), ..Self::NOTHING }
    }

    pub fn head(head: Head) -> Self {
        Self { heads: Some(vec![head]), ..Self::NOTHING }
    }

    pub fn literals(literals: Option<Vec<u32>>) -> Self {
        Self { literals, ..Self::NOTHING }
    }

    pub fn and(&self, other: &Self, all: &Literals) -> Self {
        Self {
            heads: pick(&self.heads, &other.heads, |heads| heads.len()),
            size: (self.size.0.max(other.size.0), self.size.1.min(other.size.1)),
            literals: pick(&self.literals, &other.literals, |list| all.commonness(list)),
        }
    }

    pub fn or(self, other: Self) -> Self {
        Self {
            heads: both(self.heads, other.heads),
            size: (self.size.0.min(other.size.0), self.size.1.max(other.size.1)),
            literals: both(self.literals, other.literals),
        }
    }

    /// Whether what meets the other meets this, too.
    pub fn follows_from(&self, other: &Self) -> bool {
        let heads = match (&self.heads, &other.heads) {
            (None, _) => true,
            (Some(own), Some(heads)) => heads.iter().all(|head| own.contains(head)),
            _ => false,
        };
        heads && self.literals.is_none() && self.size.0 <= other.size.0 && other.size.1 <= self.size.1
    }

    /// Whether it asks for the size or the first bytes of an object, which are unknown where it is seen in parts.
    fn asks_for_the_whole(&self) -> bool {
        self.heads.is_some() || self.size != Self::NOTHING.size
    }

    /// Whether an object's size and first bytes allow the rule.
    pub fn allows(&self, data: &[u8]) -> bool {
        let size = data.len() as u64;
        let stand = |heads: &Vec<Head>| heads.iter().any(|head| head.stands_in(data));
        self.size.0 <= size && size <= self.size.1 && self.heads.as_ref().is_none_or(stand)
    }
}

/// The one that says more, by the lower cost.
fn pick<T: Clone, C: Ord>(a: &Option<T>, b: &Option<T>, cost: impl Fn(&T) -> C) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if cost(b) < cost(a) { b } else { a }.clone()),
        (a, b) => a.as_ref().or(b.as_ref()).cloned(),
    }
}

fn both<T: Ord>(a: Option<Vec<T>>, b: Option<Vec<T>>) -> Option<Vec<T>> {
    let (mut a, b) = (a?, b?);
    a.extend(b);
    a.sort_unstable();
    a.dedup();
    (a.len() <= MOST).then_some(a)
}

/// What a rule requires: one of these. Neither, and it never matches. They are kept apart because a literal tells objects
/// apart well, and together with what asks for none nothing would be left of it.
#[derive(Clone, Debug, Default)]
pub struct Alternatives {
    pub with_literals: Option<Required>,
    pub without: Option<Required>,
}

impl From<Required> for Alternatives {
    fn from(required: Required) -> Self {
        let mut all = Self::default();
        all.add(required);
        all
    }
}

impl Alternatives {
    pub fn add(&mut self, required: Required) {
        if required.size.0 > required.size.1 {
            return;
        }
        let place = if required.literals.is_some() { &mut self.with_literals } else { &mut self.without };
        let merged = match place.take() {
            Some(one) => one.or(required),
            None => required,
        };
        // Of too many literals nothing is asked.
        match merged.literals.is_some() {
            true => self.with_literals = Some(merged),
            false if self.without.is_some() => self.add(merged),
            false => self.without = Some(merged),
        }
    }

    pub fn each(self) -> impl Iterator<Item = Required> {
        self.with_literals.into_iter().chain(self.without)
    }

    /// Whether an object can match that is seen in parts. What is compared with something unknown isn't true.
    pub fn allow_parts(&self) -> bool {
        [&self.with_literals, &self.without].into_iter().flatten().any(|one| !one.asks_for_the_whole())
    }

    pub fn or(mut self, other: Self) -> Self {
        other.each().for_each(|required| self.add(required));
        self
    }

    pub fn and(&self, other: &Self, literals: &Literals) -> Self {
        let mut all = Self::default();
        for a in self.clone().each() {
            other.clone().each().for_each(|b| all.add(a.and(&b, literals)));
        }
        all
    }

    /// Without literals where the others allow as much.
    pub fn settled(mut self) -> Self {
        if let (Some(with), Some(without)) = (&self.with_literals, &self.without)
            && without.follows_from(with)
        {
            self.with_literals = None;
        }
        self
    }

    /// The literals, where that is the only alternative.
    pub fn without_others(self) -> Option<Vec<u32>> {
        self.with_literals.filter(|_| self.without.is_none())?.literals
    }

    /// The same without asking for literals.
    pub fn but_literals(self) -> Self {
        let mut all = Self { without: self.without, ..Self::default() };
        self.with_literals.into_iter().for_each(|with| all.add(Required { literals: None, ..with }));
        all
    }
}

/// All literals of all rules, each once.
#[derive(Default)]
pub struct Literals {
    pub list: Vec<Literal>,
    /// How common each is taken to be.
    commonness: Vec<u32>,
    numbers: HashMap<Literal, u32>,
}

impl Literals {
    pub fn number(&mut self, literal: Literal) -> Option<u32> {
        if let Some(known) = self.numbers.get(&literal) {
            return Some(*known);
        }
        let next = u32::try_from(self.list.len()).ok()?;
        self.commonness.push(literal.commonness());
        self.list.push(literal.clone());
        self.numbers.insert(literal, next);
        Some(next)
    }

    /// Whether a literal can be looked for only by itself.
    pub fn is_alone(&self, n: u32) -> bool {
        self.list.get(n as usize).is_some_and(Literal::is_alone)
    }

    /// Whether it can be looked for only last of all.
    pub fn is_shortest(&self, n: u32) -> bool {
        self.list.get(n as usize).is_some_and(Literal::is_shortest)
    }

    /// Of one of several: twice as many, or one that is found twice as often, make ten more.
    pub fn commonness(&self, list: &[u32]) -> u32 {
        let each = list.iter().filter_map(|n| self.commonness.get(*n as usize));
        let most = each.clone().copied().max().unwrap_or(0);
        let share: f64 = each.map(|one| (-f64::from(most.saturating_sub(*one)) / 10.0).exp2()).sum();
        // Shares are 1 to MOST, so the cast is exact.
        most.saturating_add((10.0 * share.max(1.0).log2()) as u32)
    }
}
