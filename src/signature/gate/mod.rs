//! Which rules can match an object at all, found out in one pass over its bytes.
//!
//! From each rule's syntax tree comes what an object must be like before the rule can match: its size, its first bytes,
//! and literals of which one must stand in it. Rules that require rare literals are compiled a few at a time, when one of
//! them is first asked for; rules for one kind of file by its first bytes form a set of their own; those that require
//! nothing that helps are always run. For a large object the rules that could match are compiled once more, for it alone. Where
//! many could match, all rules run as one set, which is what would run without a gate. A rule that is left out could not have matched, so that the matches are the same.

mod index;
mod literal;
mod plan;
mod probe;
mod require;

use std::collections::BTreeSet;
use std::sync::OnceLock;

use yara_x::{Rules, SourceCode};

use index::{Index, Seen};
use literal::Literal;
use require::Required;

use super::compile::{compiler_for, imports, in_force, on_a_deep_stack, pad};

pub(super) use self::plan::plan;

/// In larger objects each further set that is run costs as much as it saves.
const LARGEST: usize = 1 << 20;
/// When more small sets could match, one large one takes less time.
const MOST_SETS: usize = 8;
/// The same for objects above [`LARGEST`].
const MOST_SETS_LARGE: usize = 2;
/// Bytes of an object for each rule that is compiled for it alone: compiling one takes as long as searching these for all
/// patterns instead of a few.
const BYTES_A_RULE: usize = 300 << 10;
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
    /// None of them where it stands for the whole set.
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
    /// The first is always run, but for objects whose first bytes ask for one or several of those that follow, which hold its
    /// rules as well.
    sets: Vec<Vec<u32>>,
    /// How many those are.
    large: u32,
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
}

/// What a worker keeps from one object to the next.
#[derive(Default)]
pub(super) struct Scratch {
    seen: Seen,
    sets: Vec<u32>,
    rules: Vec<u32>,
}

/// What has to be run on an object.
pub(super) struct Choice<'s> {
    pub sets: &'s [u32],
    /// Rules to be compiled for this object, as one more set.
    pub rules: &'s [u32],
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

    /// What has to be run on an object; none where that is all rules.
    pub fn choose<'s>(&self, data: &[u8], scratch: &'s mut Scratch) -> Option<Choice<'s>> {
        let Scratch { seen, sets, rules } = scratch;
        sets.clear();
        rules.clear();
        let large = usize::try_from(self.plan.large).unwrap_or(0);
        // One for each set that is run by first bytes stands before all others.
        let by_heads = self.plan.gated.iter().take(large.saturating_sub(1));
        let mut by_heads: Vec<u32> = by_heads.filter(|rule| rule.required.allows(data)).map(|rule| rule.set).collect();
        let (most_sets, most_rules) = match data.len() <= LARGEST {
            true => (MOST_SETS, 0),
            false => (MOST_SETS_LARGE, data.len() / BYTES_A_RULE),
        };
        let mut few = true;
        self.index.search(data, seen, |literal| {
            for rule in self.users.get(literal as usize).into_iter().flatten().filter_map(|n| self.plan.gated.get(*n as usize)) {
                if !rules.contains(&rule.rule) && rule.required.allows(data) {
                    rules.push(rule.rule);
                    if !sets.contains(&rule.set) {
                        sets.push(rule.set);
                    }
                }
            }
            few = sets.len() <= most_sets || rules.len() <= most_rules;
            few
        });
        if !few {
            return None;
        }
        if sets.len() > most_sets {
            sets.clear();
        } else {
            rules.clear();
        }
        if by_heads.is_empty() && self.plan.sets.first().is_some_and(|always| !always.is_empty()) {
            sets.push(0);
        }
        sets.append(&mut by_heads);
        sets.sort_unstable();
        Some(Choice { sets, rules })
    }

    /// The rules of a set; none where it can't be compiled by itself, so that all rules have to be run. Sets stay compiled:
    /// which of them an object gets depends on its bytes alone.
    pub fn rules(&self, set: u32) -> Option<&Rules> {
        let at = set as usize;
        self.compiled.get(at)?.get_or_init(|| self.plan.compile(self.plan.sets.get(at)?)).as_ref()
    }

    /// The set that has to be run where a rule of the first set matches: the rule was a weaker one.
    pub fn stands_for(&self, namespace: &str, rule: &str) -> Option<u32> {
        let named = |n: u32| self.plan.namespaces.get(n as usize).is_some_and(|name| name == namespace);
        self.plan.stand_ins.iter().find(|one| one.rule == rule && named(one.namespace)).map(|one| one.set)
    }

    /// Some rules as a set of their own; none where they can't be compiled by themselves.
    pub fn compile(&self, rules: &[u32]) -> Option<Rules> {
        self.plan.compile(rules)
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
        let files: Vec<(&String, String)> = texts.chunk_by(|a, b| a.namespace == b.namespace).map(|file| {
            Some((self.namespaces.get(file.first()?.namespace as usize)?, join(file)))
        }).collect::<Option<_>>()?;
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
