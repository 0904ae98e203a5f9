//! Which rules can match an object at all, found out in one pass over its bytes.
//!
//! From each rule's syntax tree comes what an object must be like before the rule can match: its size, its first bytes,
//! and literals of which one must stand in it. Rules that require rare literals are compiled a few at a time, when one of
//! them is first asked for; rules for one kind of file by its first bytes form a set of their own; those that require
//! nothing that helps are always run. Where many could match, and on large objects, all rules run as one set, which is what
//! would run without a gate. A rule that is left out could not have matched, so that the matches are the same.

mod index;
mod literal;
mod plan;
mod probe;
mod require;
mod required;

use std::collections::BTreeSet;
use std::sync::OnceLock;

use yara_x::{Rules, SourceCode};

use index::{Index, Seen};
use literal::Literal;
use required::{Head, Required};

use super::compile::{compiler_for, imports, in_force, on_a_deep_stack, pad};

pub(super) use self::plan::plan;

/// Larger objects are searched for all patterns at once: the sets that are always run hold the slowest patterns, so that with
/// one more each byte costs as much as with all. Programs, whose structure each set with a module reads anew, sooner.
const LARGEST: usize = 1 << 20;
const LARGEST_PROGRAM: usize = 64 << 10;
/// When more small sets could match, one large one takes less time.
const MOST_SETS: usize = 8;
/// A set that names a module counts for as many on a file of the module's kind, whose structure it reads once more.
const WITH_MODULE: usize = 4;
/// Fewer rules are not worth two passes: 230 take less time all at once, 4,000 about half with a gate.
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
}

/// A rule and the set that it is in.
#[derive(Clone, Debug, borsh::BorshSerialize, borsh::BorshDeserialize)]
struct Gated {
    required: Required,
    rule: u32,
    set: u32,
}

/// A weaker rule of the first set, which has the name of the one that it stands for.
#[derive(Debug, borsh::BorshSerialize, borsh::BorshDeserialize)]
struct StandIn {
    namespace: u32,
    rule: String,
    /// Holds the rule itself.
    set: u32,
}

/// What is worked out once for a set of rules, and kept in the cache.
#[derive(Debug, Default, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub(super) struct Plan {
    literals: Vec<Literal>,
    gated: Vec<Gated>,
    namespaces: Vec<String>,
    /// All rules, each behind those that it names.
    rules: Vec<Text>,
    /// The first is always run, but for objects whose first bytes ask for one of those that follow, which hold its rules as well.
    sets: Vec<Vec<u32>>,
    /// How many those are, the first among them. They are kept compiled.
    large: u32,
    /// First bytes, and the set that they ask for.
    heads: Vec<(Vec<Head>, u32)>,
    /// The set of the rules that can match an object that is seen in parts.
    in_parts: u32,
    stand_ins: Vec<StandIn>,
}

/// The gate in front of a set of rules.
pub(super) struct Gate {
    plan: Plan,
    index: Index,
    /// By literal, the rules that ask for it.
    users: Vec<Vec<u32>>,
    /// By set, where it was compiled: none where it can't be.
    compiled: Vec<OnceLock<Option<Rules>>>,
    /// By set, whether it names a module.
    modules: Vec<bool>,
}

/// What a worker keeps from one object to the next.
#[derive(Default)]
pub(super) struct Scratch {
    seen: Seen,
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
        Self { plan, index, users, compiled, modules }
    }

    /// The sets that have to be run on an object; none where that is all rules.
    pub fn choose<'s>(&self, data: &[u8], scratch: &'s mut Scratch) -> Option<&'s [u32]> {
        let (largest, with_module) = if require::is_of_a_module(data) { (LARGEST_PROGRAM, WITH_MODULE) } else { (LARGEST, 1) };
        if data.len() > largest {
            return None;
        }
        let Scratch { seen, sets } = scratch;
        sets.clear();
        let mut left = MOST_SETS;
        let mut few = true;
        self.index.search(data, seen, |literal| {
            let users = self.users.get(literal as usize).into_iter().flatten();
            for rule in users.filter_map(|n| self.plan.gated.get(*n as usize)) {
                if sets.contains(&rule.set) || !rule.required.allows(data) {
                    continue;
                }
                sets.push(rule.set);
                let names_one = self.modules.get(rule.set as usize) == Some(&true);
                match left.checked_sub(if names_one { with_module } else { 1 }) {
                    Some(rest) => left = rest,
                    None => few = false,
                }
            }
            few
        });
        if !few {
            return None;
        }
        let heads = self.plan.heads.iter().filter(|(heads, _)| heads.iter().any(|head| head.stands_in(data)));
        let of_heads = sets.len();
        sets.extend(heads.map(|(_, set)| *set));
        if !sets.iter().skip(of_heads).any(|set| *set < self.plan.large) {
            sets.push(0);
        }
        sets.retain(|set| self.plan.sets.get(*set as usize).is_some_and(|rules| !rules.is_empty()));
        sets.sort_unstable();
        Some(sets)
    }

    /// The rules of a set; none where it can't be compiled by itself, so that all rules have to be run. Sets stay compiled:
    /// which of them an object gets depends on its bytes alone.
    pub fn rules(&self, set: u32) -> Option<&Rules> {
        let at = set as usize;
        self.compiled.get(at)?.get_or_init(|| self.plan.compile(self.plan.sets.get(at)?)).as_ref()
    }

    /// The rules that can match an object that is seen in parts: others ask for its size, its first bytes or a module.
    pub fn in_parts(&self) -> Option<&Rules> {
        self.rules(self.plan.in_parts)
    }

    /// The set that has to be run where a rule of the first set matches: the rule was a weaker one.
    pub fn stands_for(&self, namespace: &str, rule: &str) -> Option<u32> {
        let named = |n: u32| self.plan.namespaces.get(n as usize).is_some_and(|name| name == namespace);
        self.plan.stand_ins.iter().find(|one| one.rule == rule && named(one.namespace)).map(|one| one.set)
    }
}

impl Plan {
    /// The sets that are worth keeping compiled.
    pub fn compile_large(&self) -> Option<Vec<Rules>> {
        self.sets.iter().take(usize::try_from(self.large).ok()?).map(|set| self.compile(set)).collect()
    }

    /// Rules with those that they name, in the order of their files.
    fn compile(&self, rules: &[u32]) -> Option<Rules> {
        let text = |n: &u32| self.rules.get(*n as usize);
        let mut members: BTreeSet<u32> = rules.iter().copied().collect();
        let mut waiting: Vec<u32> = rules.to_vec();
        while let Some(n) = waiting.pop() {
            waiting.extend(text(&n)?.needs.iter().filter(|need| members.insert(**need)));
        }
        let texts: Vec<&Text> = members.iter().map(text).collect::<Option<_>>()?;
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
            pad(&mut c);
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
