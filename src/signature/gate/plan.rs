//! How rules are put into sets.

use std::collections::{BTreeMap, BTreeSet};

use yara_x::Rules;
use yara_x_parser::ast::{AST, Pattern, Rule, RuleFlags};

use super::literal::Literal;
use super::probe::weaker;
use super::require::Reader;
use super::required::{Alternatives, Head, Literals};
use super::{Gated, Plan, StandIn, Text};
use crate::signature::collect::Source;
use crate::signature::cut::{Cut, cut};

/// Rules of a small set.
const SMALL_SET: usize = 4;
/// What is more common than this doesn't tell objects apart: eight frequent letters do, just.
const COMMON: u32 = 150;
/// A rule that needs more others is run always, so that they aren't compiled again and again.
const MOST_NEEDED: usize = 16;
/// Rules by first bytes that make a set together with those that are always run, at least, and how many such sets there are.
const HEAD_SET: usize = 30;
const MOST_HEADS: usize = 8;

/// One file of rules, taken apart.
struct File<'s> {
    source: &'s Source,
    rules: Vec<Cut<'s>>,
    /// The number of its first rule among all.
    first: u32,
}

/// Works out the sets for the rules in force. It recurses with the depth of conditions, as the compiler does.
pub(in crate::signature) fn plan(sources: &[Source], in_force: &Rules) -> Plan {
    let mut names: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for rule in crate::signature::compile::in_force(in_force) {
        names.entry(rule.namespace()).or_default().insert(rule.identifier());
    }
    let mut plan = Plan::default();
    let mut literals = Literals::default();
    let mut always: Vec<u32> = Vec::new();
    let mut by_heads: BTreeMap<Vec<Head>, Vec<u32>> = BTreeMap::new();
    let odd = Odd::of(sources);
    let mut in_parts: Vec<u32> = Vec::new();
    let mut small: Vec<(u32, Gated)> = Vec::new();
    let mut weaker: Vec<(u32, String, String)> = Vec::new();
    for source in sources {
        let Some(names) = names.get(source.name.as_str()) else { continue };
        let ast = AST::from(source.text.as_str());
        let first = number(plan.rules.len());
        let namespace = number(plan.namespaces.len());
        plan.namespaces.push(source.name.clone());
        let Some(cut) = cut(&source.text, &ast, names) else {
            let rules = names.len() as u64;
            plan.rules.push(Text { namespace, text: source.text.clone(), rules, ..Text::default() });
            always.push(first);
            in_parts.push(first);
            continue;
        };
        let file = File { source, rules: cut, first };
        let mut reader = Reader { literals: &mut literals, known: BTreeMap::new() };
        // How many rules each one stands for, with those that it names.
        let mut weights: Vec<usize> = Vec::new();
        for (at, rule) in ast.rules().filter(|rule| names.contains(rule.identifier.name)).enumerate() {
            let required = reader.rule(rule);
            let n = first.saturating_add(number(at));
            let is_odd = odd.is_odd(rule);
            in_parts.extend((is_odd || required.allow_parts()).then_some(n));
            let needs = file.rules.get(at).map(|rule| rule.needs.as_slice()).unwrap_or_default();
            let weight = needs.iter().filter_map(|n| weights.get(*n)).fold(1_usize, |sum, n| sum.saturating_add(*n));
            weights.push(weight);
            let list = required.with_literals.as_ref().and_then(|with| with.literals.as_ref());
            let tells = list.is_some_and(|list| reader.literals.commonness(list) <= COMMON);
            if weight > MOST_NEEDED || is_odd {
                always.push(n);
                continue;
            }
            let Alternatives { with_literals, without } = if tells { required } else { required.but_literals() };
            match without.map(|without| without.heads) {
                Some(Some(heads)) => by_heads.entry(heads).or_default().push(n),
                Some(None) => {
                    weaker.extend(file.weaker(at, rule).map(|text| (n, rule.identifier.name.to_owned(), text)));
                    always.push(n);
                    continue;
                }
                None => {}
            }
            small.extend(with_literals.map(|required| (namespace, Gated { required, rule: n, set: 0 })));
        }
        plan.rules.extend(file.texts(namespace));
    }
    plan.sets.push(always.clone());
    let mut heads: Vec<(Vec<Head>, Vec<u32>)> = by_heads.into_iter().collect();
    heads.sort_by_key(|(_, members)| std::cmp::Reverse(members.len()));
    let many = heads.iter().take(MOST_HEADS).take_while(|(_, members)| members.len() >= HEAD_SET).count();
    let few = heads.split_off(many);
    for (heads, members) in heads {
        plan.heads.push((heads, number(plan.sets.len())));
        plan.sets.push([always.as_slice(), &members].concat());
    }
    plan.large = number(plan.sets.len());
    for (heads, members) in few {
        plan.heads.push((heads, number(plan.sets.len())));
        plan.sets.push(members);
    }
    plan.in_parts = number(plan.sets.len());
    plan.sets.push(in_parts);
    plan.stand_in(weaker);
    // Neighbours in a file are often of one family, and found together.
    for chunk in small.chunk_by(|a, b| a.0 == b.0).flat_map(|file| file.chunks(SMALL_SET)) {
        let set = number(plan.sets.len());
        plan.gated.extend(chunk.iter().map(|(_, gated)| Gated { set, ..gated.clone() }));
        plan.sets.push(chunk.iter().map(|(_, gated)| gated.rule).collect());
    }
    plan.literals = only_used(&literals.list, &mut plan.gated);
    plan
}

impl Plan {
    /// Puts weaker rules, by the number of each one's rule with its name, in the place of rules that are always run.
    fn stand_in(&mut self, weaker: Vec<(u32, String, String)>) {
        let needed: BTreeSet<u32> = self.rules.iter().flat_map(|rule| rule.needs.iter().copied()).collect();
        for (n, rule, text) in weaker.into_iter().filter(|(n, ..)| !needed.contains(n)) {
            let Some(namespace) = self.rules.get(n as usize).map(|rule| rule.namespace) else { continue };
            let stand_in = number(self.rules.len());
            self.rules.push(Text { namespace, text, rules: 1, ..Text::default() });
            self.sets.first_mut().into_iter().flatten().filter(|rule| **rule == n).for_each(|rule| *rule = stand_in);
            self.stand_ins.push(StandIn { namespace, rule, set: number(self.sets.len()) });
            self.sets.push(vec![n]);
        }
    }
}

impl File<'_> {
    /// A rule without modules that holds wherever this one does, if it names any and is one that is told of.
    fn weaker(&self, at: usize, rule: &Rule<'_>) -> Option<String> {
        let cut = self.rules.get(at).filter(|cut| !cut.imports.is_empty() && !rule.flags.contains(RuleFlags::Private))?;
        weaker(&self.source.text, cut.text, rule)
    }

    fn texts(&self, namespace: u32) -> impl Iterator<Item = Text> {
        self.rules.iter().map(move |rule| Text {
            namespace,
            imports: rule.imports.iter().map(|module| (*module).to_owned()).collect(),
            text: rule.text.to_owned(),
            needs: rule.needs.iter().map(|need| self.first.saturating_add(number(*need))).collect(),
            rules: 1,
        })
    }
}

/// The literals that are asked for, numbered anew.
fn only_used(all: &[Literal], gated: &mut [Gated]) -> Vec<Literal> {
    let mut numbers: BTreeMap<u32, u32> = BTreeMap::new();
    let mut kept: Vec<Literal> = Vec::new();
    for n in gated.iter_mut().flat_map(|rule| rule.required.literals.iter_mut().flatten()) {
        let next = number(kept.len());
        let new = *numbers.entry(*n).or_insert(next);
        if new == next {
            kept.extend(all.get(*n as usize).cloned());
        }
        *n = new;
    }
    kept
}

fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// Expressions that the engine takes for the same although they differ in a repetition that comes to nothing, as `a{1}`: it
/// then searches for the one that came first, whose matches may be longer or shorter. Rules with such are kept together.
struct Odd(BTreeSet<String>);

impl Odd {
    fn of(sources: &[Source]) -> Self {
        let spelt = sources.iter().filter(|source| NOTHING.iter().any(|n| source.text.contains(n)));
        let mut found = BTreeSet::new();
        for source in spelt {
            for rule in AST::from(source.text.as_str()).rules() {
                found.extend(expressions(rule).filter(|src| plain(src) != *src).map(plain));
            }
        }
        Self(found)
    }

    fn is_odd(&self, rule: &Rule<'_>) -> bool {
        !self.0.is_empty() && expressions(rule).any(|src| self.0.contains(&plain(src)))
    }
}

const NOTHING: &[&str] = &["{1}", "{1,1}", "{0}", "{0,0}", "{,0}"];

fn plain(src: &str) -> String {
    NOTHING.iter().fold(src.to_owned(), |src, nothing| src.replace(nothing, ""))
}

fn expressions<'r>(rule: &'r Rule<'_>) -> impl Iterator<Item = &'r str> {
    rule.patterns.iter().flatten().filter_map(|pattern| match pattern {
        Pattern::Regexp(re) => Some(re.regexp.src),
        _ => None,
    })
}
