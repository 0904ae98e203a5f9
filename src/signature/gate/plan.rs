//! How rules are put into sets.

use std::collections::{BTreeMap, BTreeSet};

use super::last::Late;
use super::literal::Literal;
use super::required::Head;
use super::screen::MOST_ATOMS;
use super::told::{Told, Weaker};
use super::{Gated, HeadSet, Plan, StandIn, Text};

/// Rules of a small set.
const SMALL_SET: usize = 4;
/// Rules by first bytes that make a set together with those that are always run, at least, and how many such sets there are.
const HEAD_SET: usize = 30;
const MOST_HEADS: usize = 8;

/// Works out the sets for rules that are told so.
pub(in crate::signature) fn plan(mut told: Told) -> Plan {
    let namespaces = std::mem::take(&mut told.namespaces);
    let mut plan = Plan { namespaces, rules: std::mem::take(&mut told.rules), ..Plan::default() };
    plan.sets.push(told.always.clone());
    plan.of_heads(&told);
    plan.in_parts = plan.add_set(std::mem::take(&mut told.in_parts));
    plan.apart = plan.add_apart(&told.always, &told);
    let of_heads: Vec<u32> = plan.heads.iter().flat_map(|set| set.with_always.iter().chain(&set.alone)).copied().collect();
    plan.stand_in(&told.of_structure, &of_heads, &told);
    let always = [&[0], plan.apart.as_slice()].concat();
    plan.stand_in(&told.without_modules, &always, &told);
    plan.small_sets(&told);
    plan.literals = only_used(&told.literals.list, &mut plan.gated);
    plan
}

impl Told {
    fn atoms_of(&self, n: u32) -> usize {
        self.atoms.get(n as usize).copied().unwrap_or(usize::MAX)
    }
}

impl Plan {
    fn add_set(&mut self, rules: Vec<u32>) -> u32 {
        self.sets.push(rules);
        number(self.sets.len() - 1)
    }

    fn add_apart(&mut self, rules: &[u32], told: &Told) -> Vec<u32> {
        let sets = apart(rules, &told.together, |n| told.atoms_of(*n));
        sets.into_iter().map(|rules| self.add_set(rules)).collect()
    }

    /// The sets of rules that are told by first bytes; those that are kept compiled before all others.
    fn of_heads(&mut self, told: &Told) {
        let mut heads: Vec<(&Vec<Head>, &Vec<u32>)> = told.by_heads.iter().collect();
        heads.sort_by_key(|(_, members)| std::cmp::Reverse(members.len()));
        let many = heads.iter().take(MOST_HEADS).take_while(|(_, members)| members.len() >= HEAD_SET).count();
        let mut others: Vec<Vec<u32>> = Vec::new();
        for (at, (heads, members)) in heads.into_iter().enumerate() {
            let with_always = (at < many).then(|| self.add_set([told.always.as_slice(), members].concat()));
            // The structure of a program is made once for all that search for nothing, and once for those that do.
            let of_kind = |kind| members.iter().copied().filter(|n| self.kind(*n, told) == kind).collect();
            let (asks, in_programs) = (of_kind(Kind::Asks), of_kind(Kind::InPrograms));
            others.push(of_kind(Kind::Searches));
            let alone = vec![self.add_set(asks), self.add_set(in_programs)];
            self.heads.push(HeadSet { heads: heads.clone(), with_always, alone });
        }
        self.large = number(self.sets.len());
        for (at, members) in others.into_iter().enumerate() {
            let mut sets: Vec<u32> = Vec::new();
            let mut left: Vec<u32> = Vec::new();
            for n in members {
                let set = number(self.sets.len());
                match told.late.get(&n).and_then(|condition| Late::new(set, condition, &told.literals)) {
                    Some(late) => {
                        self.late.push(late);
                        sets.push(self.add_set(vec![n]));
                    }
                    None => left.push(n),
                }
            }
            sets.extend(self.add_apart(&left, told));
            if let Some(set) = self.heads.get_mut(at) {
                set.alone.extend(sets);
            }
        }
    }

    fn kind(&self, n: u32, told: &Told) -> Kind {
        match self.rules.get(n as usize) {
            Some(rule) if !rule.patterns || told.of_structure.iter().any(|weaker| weaker.rule == n) => Kind::Asks,
            Some(rule) if !rule.imports.is_empty() => Kind::InPrograms,
            _ => Kind::Searches,
        }
    }

    /// Puts weaker rules in the place of those that they hold for, in some sets.
    fn stand_in(&mut self, weaker: &[Weaker], sets: &[u32], told: &Told) {
        let needed: BTreeSet<u32> = self.rules.iter().flat_map(|rule| rule.needs.iter().copied()).collect();
        for Weaker { rule: own, name, text, imports, patterns } in weaker.iter().filter(|w| !needed.contains(&w.rule)) {
            let Some((namespace, steady)) = self.rules.get(*own as usize).map(|rule| (rule.namespace, rule.steady)) else {
                continue;
            };
            let by = number(self.rules.len());
            let (imports, text) = (imports.clone(), text.clone());
            self.rules.push(Text { namespace, imports, text, rules: 1, patterns: *patterns, steady, ..Text::default() });
            for set in sets {
                let rules = self.sets.get_mut(*set as usize).into_iter().flatten();
                rules.filter(|rule| **rule == *own).for_each(|rule| *rule = by);
            }
            let set = self.add_set(vec![*own]);
            self.late.extend(told.late.get(own).and_then(|condition| Late::new(set, condition, &told.literals)));
            self.stand_ins.push(StandIn { namespace, rule: name.clone(), by, set });
        }
    }

    /// The sets of rules that are told by literals: neighbours in a file are often of one family, and found together.
    fn small_sets(&mut self, told: &Told) {
        let rule = |gated: &Gated| self.rules.get(gated.rule as usize);
        let namespace = |gated: &Gated| rule(gated).map(|rule| rule.namespace);
        // One that can't be asked first is alone.
        let steady = |gated: &Gated| rule(gated).is_some_and(|rule| rule.steady);
        let atoms = |gated: &Gated| if steady(gated) { told.atoms_of(gated.rule) } else { usize::MAX };
        let files = told.gated.chunk_by(|a, b| namespace(a) == namespace(b));
        let chunks: Vec<&[Gated]> = files.flat_map(|file| chunks(file, atoms)).collect();
        for chunk in chunks {
            let set = self.add_set(chunk.iter().map(|gated| gated.rule).collect());
            self.gated.extend(chunk.iter().map(|gated| Gated { set, ..gated.clone() }));
        }
    }
}

/// How a rule that is told by first bytes is run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It searches for nothing, or what stands in for it does.
    Asks,
    /// It searches, and names a module.
    InPrograms,
    Searches,
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
