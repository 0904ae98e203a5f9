//! How rules are put into sets.

use std::collections::{BTreeMap, BTreeSet};

use yara_x::Rules;
use yara_x_parser::ast::{AST, Expr, Pattern, Rule, RuleFlags};

use super::condition::Condition;
use super::last::Late;
use super::literal::Literal;
use super::probe::weaker;
use super::require::Reader;
use super::required::{Alternatives, Head, Literals, Required};
use super::screen::{MOST_ATOMS, Search};
use super::structure::without_patterns;
use super::{Gated, HeadSet, Plan, StandIn, Text};
use crate::signature::collect::Source;
use crate::signature::cut::{Cut, cut};

/// Rules of a small set.
const SMALL_SET: usize = 4;
/// What is more common than this doesn't tell objects apart.
const COMMON: u32 = 205;
/// Of rules whose literals are more common than this, all that they ask for is looked for at once.
const FREQUENT: u32 = 150;
/// Deeper conditions require nothing: they are gone through on a worker's stack.
const DEEPEST: usize = 200;
/// Most literals that are looked for one by one.
const MOST_NEEDLES: usize = 8;
/// A rule that needs more others is run always, so that they aren't compiled again and again.
const MOST_NEEDED: usize = 16;
/// Rules by first bytes that make a set together with those that are always run, at least, and how many such sets there are.
const HEAD_SET: usize = 30;
const MOST_HEADS: usize = 8;

/// One file of rules, taken apart.
struct File<'s> {
    source: &'s Source,
    rules: Vec<Cut<'s>>,
    /// By rule, how it and those that it names are searched for.
    searches: Vec<Search>,
    /// The number of its first rule among all.
    first: u32,
}

/// A rule that holds wherever another does, whose name it has.
struct Weaker {
    /// The other one.
    rule: u32,
    name: String,
    text: String,
    imports: Vec<String>,
    patterns: bool,
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
    // Of those, the ones that mustn't be run apart from each other.
    let mut together: Vec<u32> = Vec::new();
    // By rule.
    let mut atoms: Vec<usize> = Vec::new();
    let mut by_heads: BTreeMap<Vec<Head>, Vec<u32>> = BTreeMap::new();
    let odd = Odd::of(sources);
    let mut in_parts: Vec<u32> = Vec::new();
    let mut small: Vec<Gated> = Vec::new();
    let mut needles: BTreeSet<u32> = BTreeSet::new();
    let mut late: BTreeMap<u32, Condition> = BTreeMap::new();
    let mut weaker: Vec<Weaker> = Vec::new();
    let mut structural: Vec<Weaker> = Vec::new();
    for source in sources {
        let Some(names) = names.get(source.name.as_str()) else { continue };
        let ast = AST::from(source.text.as_str());
        let first = number(plan.rules.len());
        let namespace = number(plan.namespaces.len());
        plan.namespaces.push(source.name.clone());
        let Some(cut) = cut(&source.text, &ast, names) else {
            let rules = names.len() as u64;
            plan.rules.push(Text { namespace, text: source.text.clone(), rules, patterns: true, ..Text::default() });
            atoms.push(usize::MAX);
            always.push(first);
            in_parts.push(first);
            continue;
        };
        let mut file = File { source, rules: cut, searches: Vec::new(), first };
        let mut reader = Reader { literals: &mut literals, known: BTreeMap::new() };
        // How many rules each one stands for, with those that it names.
        let mut weights: Vec<usize> = Vec::new();
        for (at, rule) in ast.rules().filter(|rule| names.contains(rule.identifier.name)).enumerate() {
            let condition = reader.rule(rule);
            let unsettled = condition.in_short(reader.literals);
            let required = unsettled.clone().settled();
            let n = file.number(at);
            let needs = file.rules.get(at).map(|rule| rule.needs.as_slice()).unwrap_or_default();
            let weight = needs.iter().filter_map(|n| weights.get(*n)).fold(1_usize, |sum, n| sum.saturating_add(*n));
            weights.push(weight);
            let search = needs.iter().filter_map(|n| file.searches.get(*n)).fold(Search::of(rule), |all, one| all.with(*one));
            file.searches.push(search);
            atoms.push(search.atoms);
            let is_odd = odd.is_odd(rule);
            together.extend(is_odd.then_some(n));
            in_parts.extend((is_odd || required.allow_parts()).then_some(n));
            if weight > MOST_NEEDED || is_odd {
                always.push(n);
                continue;
            }
            if let Some((heads, with, stand_in)) = file.of_structure(names, at, rule, unsettled, &mut reader) {
                late.extend((condition.depth() <= DEEPEST).then(|| (n, condition)));
                small.extend(with.map(|required| Gated { required, condition: None, rule: n, set: 0 }));
                by_heads.entry(heads).or_default().push(n);
                structural.push(stand_in);
                continue;
            }
            let common = commonness(&required, reader.literals, &mut needles);
            let Alternatives { with_literals, without } = if common <= COMMON { required } else { required.but_literals() };
            let is_whole = without.is_none() && common > FREQUENT && condition.depth() <= DEEPEST;
            match without.map(|without| without.heads) {
                Some(Some(heads)) => {
                    by_heads.entry(heads).or_default().push(n);
                    late.extend((condition.depth() <= DEEPEST).then(|| (n, condition.clone())));
                }
                Some(None) => {
                    weaker.extend(file.without_modules(at, rule));
                    always.push(n);
                    continue;
                }
                None => {}
            }
            let unknown = |n: u32| reader.literals.is_shortest(n) || reader.literals.is_alone(n) && !needles.contains(&n);
            let condition = is_whole.then(|| condition.without(&unknown));
            small.extend(with_literals.map(|required| Gated { required, condition, rule: n, set: 0 }));
        }
        plan.rules.extend(file.texts(namespace));
    }
    let atoms = |n: &u32| atoms.get(*n as usize).copied().unwrap_or(usize::MAX);
    let mut heads: Vec<(Vec<Head>, Vec<u32>)> = by_heads.into_iter().collect();
    heads.sort_by_key(|(_, members)| std::cmp::Reverse(members.len()));
    let many = heads.iter().take(MOST_HEADS).take_while(|(_, members)| members.len() >= HEAD_SET).count();
    plan.sets.push(always.clone());
    let stand_in = |n: &u32| structural.iter().any(|weaker| weaker.rule == *n);
    // Those that search for nothing, those that search in programs, and others.
    let kind = |n: &u32| match plan.rules.get(*n as usize) {
        Some(rule) if stand_in(n) || !rule.patterns => 0,
        Some(rule) if !rule.imports.is_empty() => 1,
        _ => 2,
    };
    let kinds: Vec<[Vec<u32>; 3]> = heads
        .iter()
        .map(|(_, members)| std::array::from_fn(|k| members.iter().copied().filter(|n| kind(n) == k).collect()))
        .collect();
    for (at, ((heads, members), kinds)) in heads.iter().zip(&kinds).enumerate() {
        let with_always = (at < many).then(|| plan.add_set([always.as_slice(), members].concat()));
        let alone = kinds.iter().take(2).map(|rules| plan.add_set(rules.clone())).collect();
        plan.heads.push(HeadSet { heads: heads.clone(), with_always, alone });
    }
    plan.large = number(plan.sets.len());
    for (at, [_, _, others]) in kinds.iter().enumerate() {
        let mut apart_from: Vec<u32> = Vec::new();
        let mut left: Vec<u32> = Vec::new();
        for n in others {
            let set = number(plan.sets.len());
            match late.get(n).and_then(|condition| Late::new(set, condition, &literals)) {
                Some(late) => {
                    plan.late.push(late);
                    apart_from.push(plan.add_set(vec![*n]));
                }
                None => left.push(*n),
            }
        }
        let left = apart(&left, &together, atoms).into_iter().map(|rules| plan.add_set(rules));
        let apart: Vec<u32> = apart_from.into_iter().chain(left.collect::<Vec<_>>()).collect();
        if let Some(set) = plan.heads.get_mut(at) {
            set.alone.extend(apart);
        }
    }
    plan.in_parts = plan.add_set(in_parts);
    plan.apart = apart(&always, &together, atoms).into_iter().map(|rules| plan.add_set(rules)).collect();
    let of_heads: Vec<u32> = plan.heads.iter().flat_map(|set| set.with_always.iter().chain(&set.alone)).copied().collect();
    plan.stand_in(structural, &of_heads, &late, &literals);
    let always = [&[0], plan.apart.as_slice()].concat();
    plan.stand_in(weaker, &always, &late, &literals);
    // Neighbours in a file are often of one family, and found together.
    let namespace = |gated: &Gated| plan.rules.get(gated.rule as usize).map(|rule| rule.namespace);
    let files: Vec<&[Gated]> = small.chunk_by(|a, b| namespace(a) == namespace(b)).collect();
    // One that can't be asked first is alone.
    let steady = |gated: &Gated| plan.rules.get(gated.rule as usize).is_some_and(|rule| rule.steady);
    let atoms = |gated: &Gated| if steady(gated) { atoms(&gated.rule) } else { usize::MAX };
    let chunks: Vec<&[Gated]> = files.into_iter().flat_map(|file| chunks(file, atoms)).collect();
    for chunk in chunks {
        let set = plan.add_set(chunk.iter().map(|gated| gated.rule).collect());
        plan.gated.extend(chunk.iter().map(|gated| Gated { set, ..gated.clone() }));
    }
    plan.literals = only_used(&literals.list, &mut plan.gated);
    plan
}

impl Plan {
    fn add_set(&mut self, rules: Vec<u32>) -> u32 {
        self.sets.push(rules);
        number(self.sets.len() - 1)
    }

    /// Puts weaker rules in the place of those that they hold for, in some sets.
    fn stand_in(&mut self, weaker: Vec<Weaker>, sets: &[u32], late: &BTreeMap<u32, Condition>, literals: &Literals) {
        let needed: BTreeSet<u32> = self.rules.iter().flat_map(|rule| rule.needs.iter().copied()).collect();
        for Weaker { rule: own, name, text, imports, patterns } in weaker.into_iter().filter(|w| !needed.contains(&w.rule)) {
            let Some((namespace, steady)) = self.rules.get(own as usize).map(|rule| (rule.namespace, rule.steady)) else {
                continue;
            };
            let by = number(self.rules.len());
            self.rules.push(Text { namespace, imports, text, rules: 1, patterns, steady, ..Text::default() });
            for set in sets {
                let rules = self.sets.get_mut(*set as usize).into_iter().flatten();
                rules.filter(|rule| **rule == own).for_each(|rule| *rule = by);
            }
            let set = self.add_set(vec![own]);
            self.late.extend(late.get(&own).and_then(|condition| Late::new(set, condition, literals)));
            self.stand_ins.push(StandIn { namespace, rule: name, by, set });
        }
    }
}

/// How common the literals are of which a rule requires one; more than any where they aren't looked for. Those that are looked
/// for one by one (`needles`) are kept for rules that would have to be run always.
fn commonness(required: &Alternatives, literals: &Literals, needles: &mut BTreeSet<u32>) -> u32 {
    let Some(list) = required.with_literals.as_ref().and_then(|with| with.literals.as_ref()) else { return u32::MAX };
    let alone: BTreeSet<u32> = list.iter().copied().filter(|n| literals.is_alone(*n)).collect();
    if !alone.is_empty() {
        let others = required.clone().but_literals().without;
        let always = required.without.is_none() && others.is_some_and(|others| others.heads.is_none());
        if !always || needles.union(&alone).count() > MOST_NEEDLES {
            return u32::MAX;
        }
        needles.extend(alone);
    }
    literals.commonness(list)
}

/// Sets of rules that are always run, each of so few atoms that it is searched for fast: several such passes over an object take
/// less time than one for all of them. Those of more atoms, or of which that isn't known, are alone, and those that have to stay
/// together are one set.
fn apart(always: &[u32], together: &[u32], atoms: impl Fn(&u32) -> usize) -> Vec<Vec<u32>> {
    let others = always.iter().copied().filter(|n| !together.contains(n));
    let (mut few, many): (Vec<u32>, Vec<u32>) = others.partition(|n| atoms(n) <= MOST_ATOMS);
    few.sort_by_key(|n| std::cmp::Reverse(atoms(n)));
    let mut sets: Vec<(usize, Vec<u32>)> = Vec::new();
    for n in few {
        match sets.iter_mut().find(|(sum, _)| sum.saturating_add(atoms(&n)) <= MOST_ATOMS) {
            Some((sum, set)) => {
                *sum = sum.saturating_add(atoms(&n));
                set.push(n);
            }
            None => sets.push((atoms(&n), vec![n])),
        }
    }
    let alone = many.into_iter().map(|n| vec![n]);
    let together = (!together.is_empty()).then(|| together.to_vec());
    sets.into_iter().map(|(_, set)| set).chain(alone).chain(together).collect()
}

/// Neighbours that make a small set together.
fn chunks<T>(mut file: &[T], atoms: impl Fn(&T) -> usize) -> Vec<&[T]> {
    let mut all = Vec::new();
    while !file.is_empty() {
        let sums = file.iter().scan(0_usize, |sum, one| {
            *sum = sum.saturating_add(atoms(one));
            Some(*sum)
        });
        let few = sums.take(SMALL_SET).take_while(|sum| *sum <= MOST_ATOMS).count();
        let (chunk, rest) = file.split_at(few.max(1));
        all.push(chunk);
        file = rest;
    }
    all
}

impl File<'_> {
    /// A rule without modules that holds wherever this one does, if it names any and is one that is told of.
    fn without_modules(&self, at: usize, rule: &Rule<'_>) -> Option<Weaker> {
        let cut = self.rules.get(at).filter(|cut| !cut.imports.is_empty() && !rule.flags.contains(RuleFlags::Private))?;
        let text = weaker(&self.source.text, cut.text, rule)?;
        Some(Weaker {
            rule: self.number(at),
            name: rule.identifier.name.to_owned(),
            text,
            imports: Vec::new(),
            patterns: cut.patterns,
        })
    }

    /// What tells the objects that a rule of the structure of programs can match: first bytes; the literals that it asks for
    /// where it doesn't ask for structure; and a rule for where it does, which stands in for it where none of those is found.
    fn of_structure(
        &self,
        names: &BTreeSet<&str>,
        at: usize,
        rule: &Rule<'_>,
        required: Alternatives,
        reader: &mut Reader<'_>,
    ) -> Option<(Vec<Head>, Option<Required>, Weaker)> {
        let cut = self.rules.get(at).filter(|cut| cut.patterns)?;
        let is_common =
            |list: &Vec<u32>| list.iter().any(|n| reader.literals.is_alone(*n)) || reader.literals.commonness(list) > COMMON;
        let literals = required.with_literals.as_ref().and_then(|with| with.literals.clone());
        let (required, literals) = match literals {
            Some(list) if is_common(&list) => (required.but_literals(), Vec::new()),
            list => (required, list.unwrap_or_default()),
        };
        let heads = required.without.and_then(|without| without.heads).filter(|_| !rule.flags.contains(RuleFlags::Private))?;
        let with = required.with_literals;
        let patterns = reader.patterns(rule);
        let mut lost = |expr: &Expr<'_>| reader.expr(expr, &patterns).needs_one_of(&literals);
        let (text, telling) = without_patterns(&self.source.text, names, rule, &cut.imports, &mut lost)?;
        // What is searched for alone in any case may as well be asked first.
        let Search { atoms, steady } = *self.searches.get(at)?;
        if !telling && atoms <= MOST_ATOMS && steady {
            return None;
        }
        let imports = cut.imports.iter().map(|module| (*module).to_owned()).collect();
        let name = rule.identifier.name.to_owned();
        Some((heads, with, Weaker { rule: self.number(at), name, text, imports, patterns: false }))
    }

    /// Of one of its rules among all.
    fn number(&self, at: usize) -> u32 {
        self.first.saturating_add(number(at))
    }

    fn texts(&self, namespace: u32) -> impl Iterator<Item = Text> {
        self.rules.iter().zip(&self.searches).map(move |(rule, search)| Text {
            namespace,
            imports: rule.imports.iter().map(|module| (*module).to_owned()).collect(),
            text: rule.text.to_owned(),
            needs: rule.needs.iter().map(|need| self.first.saturating_add(number(*need))).collect(),
            rules: 1,
            patterns: rule.patterns,
            steady: search.steady,
        })
    }
}

/// The literals that are asked for, numbered anew.
fn only_used(all: &[Literal], gated: &mut [Gated]) -> Vec<Literal> {
    let mut numbers: BTreeMap<u32, u32> = BTreeMap::new();
    let mut kept: Vec<Literal> = Vec::new();
    for n in gated.iter_mut().flat_map(Gated::literals_mut) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_put_together_while_their_atoms_are_few() {
        let atoms = [40, 10, 65, 30, 20, 0, usize::MAX, 5];
        let of = |n: &u32| atoms[*n as usize];
        let sets = apart(&[0, 1, 2, 3, 4, 5, 6, 7], &[7, 1], of);
        assert_eq!(sets, [vec![0, 4, 5], vec![3], vec![2], vec![6], vec![7, 1]]);
        assert!(apart(&[], &[], of).is_empty());
        let file = [40, 20, 30, 65, 1, 1, 1, 1, 1];
        let sizes: Vec<usize> = chunks(&file, |atoms| *atoms).iter().map(|chunk| chunk.len()).collect();
        assert_eq!(sizes, [2, 1, 1, 4, 1]);
    }
}
