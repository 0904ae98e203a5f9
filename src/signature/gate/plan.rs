//! How rules are put into sets.

use std::collections::{BTreeMap, BTreeSet};

use yara_x::Rules;
use yara_x_parser::ast::{AST, Pattern, Rule};

use super::literal::Literal;
use super::require::{Head, Literals, Reader, Required};
use super::{Gated, Part, Plan, Set};
use crate::signature::collect::Source;
use crate::signature::cut::{Cut, cut, join};

/// Rules of a small set.
const SMALL_SET: usize = 4;
/// What is more common than this doesn't tell objects apart: eight frequent letters do, just.
const COMMON: u32 = 150;
/// A rule that needs more others is run always, so that they aren't compiled again and again.
const MOST_NEEDED: usize = 16;
/// Rules that a set by first bytes has at least, and how many such sets there are.
const HEAD_SET: usize = 30;
const MOST_HEADS: usize = 8;

/// One file of rules, taken apart.
struct File<'s> {
    source: &'s Source,
    rules: Vec<Cut<'s>>,
}

/// Rules of a set as (file, rule), in the order of both.
type Members = BTreeSet<(usize, usize)>;

/// Works out the sets for the rules in force. It recurses with the depth of conditions, as the compiler does.
pub(in crate::signature) fn plan(sources: &[Source], in_force: &Rules) -> Plan {
    let mut names: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for rule in crate::signature::compile::in_force(in_force) {
        names.entry(rule.namespace()).or_default().insert(rule.identifier());
    }
    let mut literals = Literals::default();
    let mut files = Vec::new();
    let mut always = Members::new();
    let mut whole: Vec<(&Source, u64)> = Vec::new();
    let mut by_heads: BTreeMap<Vec<Head>, Members> = BTreeMap::new();
    let odd = Odd::of(sources);
    let mut small: Vec<((usize, usize), Required)> = Vec::new();
    for source in sources {
        let Some(names) = names.get(source.name.as_str()) else { continue };
        let ast = AST::from(source.text.as_str());
        let Some(rules) = cut(&source.text, &ast, names) else {
            whole.push((source, names.len() as u64));
            continue;
        };
        let mut reader = Reader { literals: &mut literals, known: BTreeMap::new() };
        // How many rules each one stands for, with those that it names.
        let mut weights: Vec<usize> = Vec::new();
        for (at, rule) in ast.rules().filter(|rule| names.contains(rule.identifier.name)).enumerate() {
            let required = reader.rule(rule);
            let place = (files.len(), at);
            let needs = rules.get(at).map(|rule| rule.needs.as_slice()).unwrap_or_default();
            let weight = needs.iter().filter_map(|n| weights.get(*n)).fold(1_usize, |sum, n| sum.saturating_add(*n));
            weights.push(weight);
            let tells = required.literals.as_ref().is_some_and(|list| reader.literals.commonness(list) <= COMMON);
            match required.heads.clone() {
                _ if weight > MOST_NEEDED || odd.is_odd(rule) => _ = always.insert(place),
                _ if tells => small.push((place, required)),
                Some(heads) => _ = by_heads.entry(heads).or_default().insert(place),
                None => _ = always.insert(place),
            }
        }
        files.push(File { source, rules });
    }
    // A set of its own is worth it for many rules only, and each is one more run.
    let mut heads: Vec<(Vec<Head>, Members)> = by_heads.into_iter().collect();
    heads.sort_by_key(|(_, members)| std::cmp::Reverse(members.len()));
    let few = heads.iter().take(MOST_HEADS).take_while(|(_, members)| members.len() >= HEAD_SET).count();
    always.extend(heads.split_off(few).into_iter().flat_map(|(_, members)| members));
    let mut first = set(&files, always);
    for (source, rules) in whole {
        first.parts.push(Part { namespace: source.name.clone(), text: source.text.clone() });
        first.rules += rules;
    }
    let mut plan = Plan { sets: vec![first], ..Plan::default() };
    for (heads, members) in heads {
        let required = Required { heads: Some(heads), ..Required::NOTHING };
        plan.gated.push(Gated { required, set: number(plan.sets.len()) });
        plan.sets.push(set(&files, members));
    }
    plan.large = number(plan.sets.len());
    // Neighbours in a file are often of one family, and found together.
    for chunk in small.chunk_by(|a, b| a.0.0 == b.0.0).flat_map(|file| file.chunks(SMALL_SET)) {
        let at = number(plan.sets.len());
        plan.gated.extend(chunk.iter().map(|(_, required)| Gated { required: required.clone(), set: at }));
        plan.sets.push(set(&files, chunk.iter().map(|(place, _)| *place).collect()));
    }
    plan.literals = only_used(&literals.list, &mut plan.gated);
    plan
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

/// The text of a set, each rule behind those that it names.
fn set(files: &[File<'_>], mut members: Members) -> Set {
    let mut waiting: Vec<(usize, usize)> = members.iter().copied().collect();
    while let Some((file, rule)) = waiting.pop() {
        let needs = files.get(file).and_then(|f| f.rules.get(rule)).map(|r| r.needs.as_slice()).unwrap_or_default();
        waiting.extend(needs.iter().map(|need| (file, *need)).filter(|place| members.insert(*place)));
    }
    let mut set = Set { rules: members.len() as u64, ..Set::default() };
    let members: Vec<_> = members.into_iter().collect();
    for of_file in members.chunk_by(|a, b| a.0 == b.0) {
        let Some(file) = of_file.first().and_then(|(file, _)| files.get(*file)) else { continue };
        let text = join(of_file.iter().filter_map(|(_, rule)| file.rules.get(*rule)));
        set.parts.push(Part { namespace: file.source.name.clone(), text });
    }
    set
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
