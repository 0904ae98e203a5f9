//! Which rules can match an object at all, found out in one pass over its bytes.
//!
//! From each rule's syntax tree comes what an object must be like before the rule can match: its size, its first bytes,
//! and literals of which one must stand in it. Rules that require rare literals are compiled a few at a time, when one of
//! them is first asked for; rules for one kind of file by its first bytes form a set of their own; those that require
//! nothing that helps are always run. Where many could match, all rules run as one set, which is what would run without
//! a gate. A rule that is left out could not have matched, so that the matches are the same.

mod index;
mod literal;
mod plan;
mod require;

use std::sync::OnceLock;

use yara_x::{Rules, SourceCode};

use index::{Index, Seen};
use literal::Literal;
use require::Required;

use super::compile::{compiler_for, imports, in_force, on_a_deep_stack, pad};

pub(super) use self::plan::plan;

/// Larger objects are searched for all patterns at once.
const LARGEST: usize = 1 << 20;
/// When more small sets could match, one large one takes less time.
const MOST_SETS: usize = 8;
/// Fewer rules are not worth two passes: 230 take less time all at once, 4,000 about half with a gate.
pub(super) const FEWEST_RULES: usize = 1_000;

/// Rules of one namespace, as a text that compiles.
#[derive(Debug, borsh::BorshSerialize, borsh::BorshDeserialize)]
struct Part {
    namespace: String,
    text: String,
}

/// Rules that are compiled together.
#[derive(Debug, Default, borsh::BorshSerialize, borsh::BorshDeserialize)]
struct Set {
    parts: Vec<Part>,
    /// How many rules that has to give.
    rules: u64,
}

/// A rule and the set that it is in.
#[derive(Debug, borsh::BorshSerialize, borsh::BorshDeserialize)]
struct Gated {
    required: Required,
    set: u32,
}

/// What is worked out once for a set of rules, and kept in the cache.
#[derive(Debug, Default, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub(super) struct Plan {
    literals: Vec<Literal>,
    gated: Vec<Gated>,
    /// The first is always run, and as many follow that are run by an object's first bytes.
    sets: Vec<Set>,
    large: u32,
}

/// The gate in front of a set of rules.
pub(super) struct Gate {
    plan: Plan,
    index: Index,
    /// By literal, the rules that ask for it.
    users: Vec<Vec<u32>>,
    /// By set, where it was compiled: none where it can't be.
    compiled: Vec<OnceLock<Option<Rules>>>,
}

/// What a worker keeps from one object to the next.
#[derive(Default)]
pub(super) struct Scratch {
    seen: Seen,
    chosen: Vec<u32>,
}

impl Gate {
    /// `large` are the sets of the plan that are compiled already, in its order.
    pub fn new(mut plan: Plan, large: Vec<Rules>) -> Self {
        let index = Index::new(std::mem::take(&mut plan.literals));
        let mut users = vec![Vec::new(); index.len()];
        for (n, rule) in (0..).zip(&plan.gated) {
            for literal in rule.required.literals.iter().flatten() {
                if let Some(list) = users.get_mut(*literal as usize) {
                    list.push(n);
                }
            }
        }
        let compiled: Vec<_> = plan.sets.iter().map(|_| OnceLock::new()).collect();
        for (slot, rules) in compiled.iter().zip(large) {
            let _ = slot.set(Some(rules));
        }
        Self { plan, index, users, compiled }
    }

    /// The sets that have to be run on an object; none where that is all rules.
    pub fn choose<'s>(&self, data: &[u8], scratch: &'s mut Scratch) -> Option<&'s [u32]> {
        if data.len() > LARGEST {
            return None;
        }
        let Scratch { seen, chosen } = scratch;
        chosen.clear();
        let large = usize::try_from(self.plan.large).unwrap_or(0);
        let mut add = |rule: &Gated| {
            if !chosen.contains(&rule.set) && rule.required.allows(data) {
                chosen.push(rule.set);
            }
            chosen.iter().filter(|set| **set as usize >= large).count() <= MOST_SETS
        };
        let rule = |n: &u32| self.plan.gated.get(*n as usize);
        // One for each set that is run by first bytes stands before all others.
        self.plan.gated.iter().take(large.saturating_sub(1)).for_each(|rule| _ = add(rule));
        let mut few = true;
        self.index.search(data, seen, |literal| {
            few = self.users.get(literal as usize).is_none_or(|users| users.iter().filter_map(rule).all(&mut add));
            few
        });
        if !few {
            return None;
        }
        if self.plan.sets.first().is_some_and(|always| always.rules > 0) {
            chosen.push(0);
        }
        chosen.sort_unstable();
        Some(chosen)
    }

    /// The rules of a set; none where it can't be compiled by itself, so that all rules have to be run. Sets stay compiled:
    /// which of them an object gets depends on its bytes alone.
    pub fn rules(&self, set: u32) -> Option<&Rules> {
        let at = set as usize;
        self.compiled.get(at)?.get_or_init(|| compile(self.plan.sets.get(at)?)).as_ref()
    }

    /// The sets of a plan that are worth keeping compiled.
    pub fn compile_large(plan: &Plan) -> Option<Vec<Rules>> {
        plan.sets.iter().take(usize::try_from(plan.large).ok()?).map(compile).collect()
    }
}

fn compile(set: &Set) -> Option<Rules> {
    let built = on_a_deep_stack(|| {
        let mut c = compiler_for(set.parts.iter().flat_map(|part| imports(&part.text)));
        for part in &set.parts {
            c.new_namespace(&part.namespace);
            let _ = c.add_source(SourceCode::from(part.text.as_str()));
        }
        pad(&mut c);
        c.build()
    });
    built.ok().filter(|rules| in_force(rules).count() as u64 == set.rules)
}
