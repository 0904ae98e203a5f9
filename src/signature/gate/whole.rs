//! The whole conditions of rules, for objects on which more than the shortest of what each requires is worth looking for.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use yara_x_parser::ast::AST;

use super::condition::Condition;
use super::index::{Index, Seen};
use super::literal::Literal;
use super::require::Reader;
use super::required::Literals;
use super::{Plan, join};
use crate::signature::compile::on_a_deep_stack;

/// Deeper ones require nothing: they are gone through on a worker's stack.
pub const DEEPEST: usize = 200;

/// The conditions of rules by their number, each read when it is first asked for.
pub struct Conditions(Vec<OnceLock<Whole>>);

/// A condition with literals of its own.
struct Whole {
    condition: Condition,
    literals: Vec<Literal>,
}

/// What a worker keeps from one object to the next.
#[derive(Default)]
pub struct Scratch {
    seen: Seen,
    /// The rules that were asked for last, and their literals: neighbours are often alike.
    last: Option<(Vec<u32>, Index)>,
}

impl Conditions {
    pub fn of(plan: &Plan) -> Self {
        Self(plan.rules.iter().map(|_| OnceLock::new()).collect())
    }

    /// Leaves out the rules that can't match an object.
    pub fn retain(&self, plan: &Plan, data: &[u8], rules: &mut Vec<u32>, scratch: &mut Scratch) {
        // What an object's size and first bytes rule out need not be looked for.
        rules.retain(|n| self.whole(plan, *n).is_some_and(|whole| whole.condition.can_hold(data, &|_| true)));
        let wholes: Vec<(u32, &Whole)> = rules.iter().filter_map(|n| Some((*n, self.whole(plan, *n)?))).collect();
        let Scratch { seen, last } = scratch;
        let index = match last.take().filter(|(known, _)| known == rules) {
            Some((_, index)) => index,
            None => Index::new(wholes.iter().flat_map(|(_, whole)| whole.literals.iter().cloned()).collect()),
        };
        index.search(data, seen, |_| true);
        *last = Some((rules.clone(), index));
        let mut first = 0_u32;
        rules.clear();
        for (n, whole) in wholes {
            if whole.condition.can_hold(data, &|literal| seen.is(first.saturating_add(literal))) {
                rules.push(n);
            }
            first = first.saturating_add(u32::try_from(whole.literals.len()).unwrap_or(u32::MAX));
        }
    }

    fn whole(&self, plan: &Plan, rule: u32) -> Option<&Whole> {
        Some(self.0.get(rule as usize)?.get_or_init(|| Whole::read(plan, rule).unwrap_or(Whole::NOTHING)))
    }
}

impl Whole {
    const NOTHING: Self = Self { condition: Condition::Nothing, literals: Vec::new() };

    fn read(plan: &Plan, rule: u32) -> Option<Self> {
        let texts = plan.with_needed(&[rule])?;
        // What can't be taken apart is a whole file.
        texts.iter().all(|text| text.rules == 1).then_some(())?;
        let text = join(&texts);
        let read = on_a_deep_stack(|| {
            let mut literals = Literals::default();
            let mut reader = Reader { literals: &mut literals, weak: true, known: BTreeMap::new() };
            let condition = AST::from(text.as_str()).rules().map(|rule| reader.rule(rule)).last()?;
            (condition.depth() <= DEEPEST).then_some(Self { condition, literals: literals.list })
        });
        read.ok().flatten()
    }
}
