//! Which rules can match an object at all, found out in one pass over its bytes.
//!
//! From each rule's syntax tree comes what an object must be like before the rule can match: its size, its first bytes,
//! and literals of which one must stand in it. Rules that require rare literals are compiled a few at a time, when one of
//! them is first asked for; rules for one kind of file by its first bytes form a set of their own; those that require
//! nothing that helps are always run. What such rules ask for besides (structure, a name, parts that are too common) is asked
//! before they are: by rules without patterns that stand in for them, and by looking for single parts last of all. A small set is first asked whether any of its rules matches at all, which takes the engine
//! little time. Where many could match, all rules run as one set, which is what would run without a gate. A rule that is left out
//! could not have matched, so that the matches are the same.

mod condition;
mod expression;
mod index;
mod last;
mod literal;
mod needle;
mod pattern;
mod plan;
mod probe;
mod require;
mod required;
mod screen;
mod structure;
mod told;

use std::collections::BTreeSet;
use std::sync::OnceLock;

use yara_x::{Rules, SourceCode};

use condition::Condition;
use index::{Index, Seen};
use last::{Late, Prepared};
use literal::Literal;
use required::{Head, Required};

use super::collect::Source;
use super::compile::{compiler_for, imports, in_force, on_a_deep_stack, pad};

/// Works out the sets for the rules in force. It recurses with the depth of conditions, as the compiler does.
pub(super) fn plan(sources: &[Source], in_force: &Rules) -> Plan {
    plan::plan(told::Told::of(sources, in_force))
}

/// On larger objects the rules that are always run are run in several sets, each of which is searched for fast; on smaller ones
/// what it takes to begin with a set counts for more.
const LARGE: usize = 64 << 10;
/// When more rules could match, all are run.
const MOST_RULES: usize = 64;
/// When more small sets could match, one large one takes less time.
const MOST_SETS: usize = 24;
/// A set that names a module counts for as many on a file of the module's kind, whose structure it reads once more.
const WITH_MODULE: usize = 4;
/// Fewer rules are not worth two passes: 230 take less time all at once, 4,000 a fifth with a gate.
pub(super) const FEWEST_RULES: usize = 1_000;

/// The text of a rule, or of a file of rules that can't be taken apart.
#[derive(Debug, Default, borsh::BorshSerialize, borsh::BorshDeserialize)]
struct Text {
    namespace: u32,
    /// Modules that it names, where the text doesn't import them.
    imports: Vec<String>,
    text: String,
    /// Rules that it names.
    needs: Vec<u32>,
    /// How many rules that has to give.
    rules: u64,
    /// Whether it searches for any patterns.
    patterns: bool,
    /// Whether it and those that it names hold or not however they are searched for.
    steady: bool,
}

/// A rule and the set that it is in.
#[derive(Clone, Debug, borsh::BorshSerialize, borsh::BorshDeserialize)]
struct Gated {
    required: Required,
    /// All that it requires, where that is looked for at once.
    condition: Option<Condition>,
    rule: u32,
    set: u32,
}

impl Gated {
    /// The numbers of the literals that it asks for.
    fn literals_mut(&mut self) -> impl Iterator<Item = &mut u32> {
        let whole = self.condition.iter_mut().flat_map(Condition::literals_mut);
        self.required.literals.iter_mut().flatten().chain(whole)
    }
}

/// A weaker rule that is run in the place of the one whose name it has.
#[derive(Debug, borsh::BorshSerialize, borsh::BorshDeserialize)]
struct StandIn {
    namespace: u32,
    rule: String,
    /// The weaker one.
    by: u32,
    /// Holds the rule itself.
    set: u32,
}

/// Rules for one kind of file.
#[derive(Debug, borsh::BorshSerialize, borsh::BorshDeserialize)]
struct HeadSet {
    /// First bytes, of which it has one.
    heads: Vec<Head>,
    /// The set of them together with those that are always run, where they are many.
    with_always: Option<u32>,
    /// The sets that hold them apart from those.
    alone: Vec<u32>,
}

/// What is worked out once for a set of rules, and kept in the cache.
#[derive(Debug, Default, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub(super) struct Plan {
    literals: Vec<Literal>,
    gated: Vec<Gated>,
    namespaces: Vec<String>,
    /// All rules, each behind those that it names.
    rules: Vec<Text>,
    /// The first is always run, but for objects whose first bytes ask for one that holds its rules as well.
    sets: Vec<Vec<u32>>,
    /// How many of them are kept compiled, the first among them.
    large: u32,
    heads: Vec<HeadSet>,
    /// The sets that hold the rules of the first one apart.
    apart: Vec<u32>,
    /// The set of the rules that can match an object that is seen in parts.
    in_parts: u32,
    stand_ins: Vec<StandIn>,
    late: Vec<Late>,
}

/// The gate in front of a set of rules.
pub(super) struct Gate {
    plan: Plan,
    index: Index,
    /// By literal, the rules that ask for it.
    users: Vec<Vec<u32>>,
    /// By set, where it was compiled: none where it can't be.
    compiled: Vec<OnceLock<Option<Rules>>>,
    /// The same for whether any of them matches, where they are searched for faster for that.
    screens: Vec<OnceLock<Option<Rules>>>,
    /// By set, whether it names a module.
    modules: Vec<bool>,
    /// By set, whether rules of it stand for others.
    stand_ins: Vec<bool>,
    /// What is looked for before some sets are run.
    late: Vec<Prepared>,
}

/// Among what the patterns of a set are searched for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Among {
    /// As they are among those of all rules.
    More,
    Themselves,
}

/// What a worker keeps from one object to the next.
#[derive(Default)]
pub(super) struct Scratch {
    seen: Seen,
    /// Of the plan's gated rules, those that could match.
    gated: Vec<u32>,
    sets: Vec<u32>,
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
        let names_one = |n: &u32| plan.rules.get(*n as usize).is_some_and(|rule| !rule.imports.is_empty());
        let modules = plan.sets.iter().map(|set| set.iter().any(names_one)).collect();
        let screens = plan.sets.iter().map(|_| OnceLock::new()).collect();
        let weaker: BTreeSet<u32> = plan.stand_ins.iter().map(|one| one.by).collect();
        let stand_ins = plan.sets.iter().map(|set| set.iter().any(|n| weaker.contains(n))).collect();
        let late = std::mem::take(&mut plan.late).into_iter().map(Late::prepared).collect();
        Self { plan, index, users, compiled, screens, modules, stand_ins, late }
    }

    /// The sets that have to be run on an object; none where that is all rules.
    pub fn choose<'s>(&self, data: &[u8], scratch: &'s mut Scratch) -> Option<&'s [u32]> {
        let Scratch { seen, gated, sets } = scratch;
        let gated_rule = |n: &u32| self.plan.gated.get(*n as usize);
        gated.clear();
        sets.clear();
        let of_a_module = require::is_of_a_module(data);
        let heads = self.plan.heads.iter().filter(|set| set.heads.iter().any(|head| head.stands_in(data)));
        self.index.search(data, seen, |literal| {
            let users = self.users.get(literal as usize).into_iter().flatten();
            for n in users {
                if gated_rule(n).is_some_and(|rule| rule.required.allows(data)) && !gated.contains(n) {
                    gated.push(*n);
                }
            }
            gated.len() <= MOST_RULES
        });
        if gated.len() > MOST_RULES {
            return None;
        }
        let stands = |literal| seen.is(literal);
        let can_match = |rule: &Gated| rule.condition.as_ref().is_none_or(|condition| condition.can_hold(data, &stands));
        gated.retain(|n| gated_rule(n).is_some_and(can_match));
        if data.len() > LARGE {
            sets.extend(heads.flat_map(|set| &set.alone));
            sets.extend(&self.plan.apart);
        } else {
            let mut always = false;
            for HeadSet { with_always, alone, .. } in heads {
                always |= with_always.is_some();
                match with_always {
                    Some(set) => sets.push(*set),
                    None => sets.extend(alone),
                }
            }
            sets.extend((!always).then_some(0));
        }
        let mut left = MOST_SETS;
        for set in gated.iter().filter_map(gated_rule).map(|gated| gated.set) {
            if !sets.contains(&set) {
                sets.push(set);
                let once_more = of_a_module && self.names_a_module(set);
                left = left.checked_sub(if once_more { WITH_MODULE } else { 1 })?;
            }
        }
        sets.retain(|set| self.plan.sets.get(*set as usize).is_some_and(|rules| !rules.is_empty()));
        sets.sort_unstable();
        Some(sets)
    }

    /// Whether a set that was chosen can match, as far as is known only now.
    pub fn can_match(&self, set: u32, data: &[u8]) -> bool {
        self.late.iter().find(|late| late.set() == set).is_none_or(|late| late.can_match(data))
    }

    fn names_a_module(&self, set: u32) -> bool {
        self.modules.get(set as usize) == Some(&true)
    }

    /// The rules of a set; none where it can't be compiled by itself, so that all rules have to be run. Sets stay compiled:
    /// which of them an object gets depends on its bytes alone.
    pub fn rules(&self, set: u32) -> Option<&Rules> {
        let at = set as usize;
        self.compiled.get(at)?.get_or_init(|| self.plan.compile(self.plan.sets.get(at)?, Among::More)).as_ref()
    }

    /// The same rules for whether any of them matches: where none does, [`Gate::rules`] have nothing to say. None where that
    /// can't be told, or takes as long.
    pub fn screen(&self, set: u32) -> Option<&Rules> {
        let at = set as usize;
        let screened = || {
            let rules = self.plan.sets.get(at).filter(|_| set >= self.plan.large)?;
            let texts = self.plan.with_needed(rules)?;
            let useful = texts.iter().any(|rule| rule.patterns) && texts.iter().all(|rule| rule.steady);
            useful.then(|| self.plan.compile(rules, Among::Themselves)).flatten()
        };
        self.screens.get(at)?.get_or_init(screened).as_ref()
    }

    /// The rules that can match an object that is seen in parts: others ask for its size, its first bytes or a module.
    pub fn in_parts(&self) -> Option<&Rules> {
        self.rules(self.plan.in_parts)
    }

    /// Whether rules of a set stand for others.
    pub fn holds_stand_ins(&self, set: u32) -> bool {
        self.stand_ins.get(set as usize) == Some(&true)
    }

    /// The set that has to be run where a rule of a set that holds stand-ins matches, if it was a weaker one.
    pub fn stands_for(&self, namespace: &str, rule: &str) -> Option<u32> {
        let named = |n: u32| self.plan.namespaces.get(n as usize).is_some_and(|name| name == namespace);
        self.plan.stand_ins.iter().find(|one| one.rule == rule && named(one.namespace)).map(|one| one.set)
    }
}

impl Plan {
    /// The sets that are worth keeping compiled.
    pub fn compile_large(&self) -> Option<Vec<Rules>> {
        self.sets.iter().take(usize::try_from(self.large).ok()?).map(|set| self.compile(set, Among::More)).collect()
    }

    /// Rules with those that they name, in the order of their files.
    fn with_needed(&self, rules: &[u32]) -> Option<Vec<&Text>> {
        let text = |n: &u32| self.rules.get(*n as usize);
        let mut members: BTreeSet<u32> = rules.iter().copied().collect();
        let mut waiting: Vec<u32> = rules.to_vec();
        while let Some(n) = waiting.pop() {
            waiting.extend(text(&n)?.needs.iter().filter(|need| members.insert(**need)));
        }
        members.iter().map(text).collect()
    }

    fn compile(&self, rules: &[u32], among: Among) -> Option<Rules> {
        let texts = self.with_needed(rules)?;
        let files: Vec<(&String, String)> = texts
            .chunk_by(|a, b| a.namespace == b.namespace)
            .map(|file| Some((self.namespaces.get(file.first()?.namespace as usize)?, join(file))))
            .collect::<Option<_>>()?;
        let built = on_a_deep_stack(|| {
            let mut c = compiler_for(files.iter().flat_map(|(_, text)| imports(text)));
            for (namespace, text) in &files {
                c.new_namespace(namespace);
                let _ = c.add_source(SourceCode::from(text.as_str()));
            }
            // Where nothing is searched for, a pass over the object would be for nothing.
            if among == Among::More && texts.iter().any(|text| text.patterns) {
                pad(&mut c);
            }
            c.build()
        });
        let expected: u64 = texts.iter().map(|text| text.rules).sum();
        built.ok().filter(|rules| in_force(rules).count() as u64 == expected)
    }
}

/// A text of rules of one file.
fn join(rules: &[&Text]) -> String {
    let modules: BTreeSet<&str> = rules.iter().flat_map(|rule| &rule.imports).map(String::as_str).collect();
    let imports = modules.iter().map(|module| format!("import \"{module}\"\n"));
    imports.chain(rules.iter().map(|rule| format!("{}\n", rule.text))).collect()
}
