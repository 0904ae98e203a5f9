//! By what each rule is told: what decides which sets it is put into.

use std::collections::{BTreeMap, BTreeSet};

use yara_x::Rules;
use yara_x_parser::ast::{AST, Expr, Pattern, Rule, RuleFlags};

use super::condition::Condition;
use super::probe::weaker;
use super::require::Reader;
use super::required::{Alternatives, Head, Literals, Required};
use super::screen::{MOST_ATOMS, Search};
use super::structure::without_patterns;
use super::{Gated, Text};
use crate::signature::collect::Source;
use crate::signature::cut::{Cut, cut};

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

/// All rules, and by what they are told.
#[derive(Default)]
pub struct Told {
    pub namespaces: Vec<String>,
    /// All rules, each behind those that it names.
    pub rules: Vec<Text>,
    /// By rule, about how many atoms it is searched for by.
    pub atoms: Vec<usize>,
    pub literals: Literals,
    /// By nothing: they are always run.
    pub always: Vec<u32>,
    /// Of those, the ones that mustn't be run apart from each other.
    pub together: Vec<u32>,
    /// By first bytes.
    pub by_heads: BTreeMap<Vec<Head>, Vec<u32>>,
    /// By literals.
    pub gated: Vec<Gated>,
    /// What is known besides of those that are told by first bytes.
    pub late: BTreeMap<u32, Condition>,
    /// What stands in for rules that are always run.
    pub without_modules: Vec<Weaker>,
    /// What stands in for rules that are told by first bytes.
    pub of_structure: Vec<Weaker>,
    /// Those that can match an object that is seen in parts.
    pub in_parts: Vec<u32>,
    /// Literals that are looked for one by one.
    needles: BTreeSet<u32>,
}

/// A rule that holds wherever another does, whose name it has.
pub struct Weaker {
    /// The other one.
    pub rule: u32,
    pub name: String,
    pub text: String,
    pub imports: Vec<String>,
    pub patterns: bool,
}

/// One file of rules, taken apart.
struct File<'s> {
    source: &'s Source,
    rules: Vec<Cut<'s>>,
    /// By rule, how it and those that it names are searched for.
    searches: Vec<Search>,
    /// The number of its first rule among all.
    first: u32,
}

impl Told {
    /// Of the rules in force. It recurses with the depth of conditions, as the compiler does.
    pub fn of(sources: &[Source], in_force: &Rules) -> Self {
        let mut names: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for rule in crate::signature::compile::in_force(in_force) {
            names.entry(rule.namespace()).or_default().insert(rule.identifier());
        }
        let odd = Odd::of(sources);
        let mut told = Self::default();
        for source in sources {
            if let Some(names) = names.get(source.name.as_str()) {
                told.file(source, names, &odd);
            }
        }
        told
    }

    fn file(&mut self, source: &Source, names: &BTreeSet<&str>, odd: &Odd) {
        let ast = AST::from(source.text.as_str());
        let first = number(self.rules.len());
        let namespace = number(self.namespaces.len());
        self.namespaces.push(source.name.clone());
        let Some(cut) = cut(&source.text, &ast, names) else {
            let rules = names.len() as u64;
            self.rules.push(Text { namespace, text: source.text.clone(), rules, patterns: true, ..Text::default() });
            self.atoms.push(usize::MAX);
            self.always.push(first);
            self.in_parts.push(first);
            return;
        };
        let mut file = File { source, rules: cut, searches: Vec::new(), first };
        let mut known = BTreeMap::new();
        // How many rules each one stands for, with those that it names.
        let mut weights: Vec<usize> = Vec::new();
        for (at, rule) in ast.rules().filter(|rule| names.contains(rule.identifier.name)).enumerate() {
            let needs = file.rules.get(at).map(|rule| rule.needs.as_slice()).unwrap_or_default();
            let weight = needs.iter().filter_map(|n| weights.get(*n)).fold(1_usize, |sum, n| sum.saturating_add(*n));
            weights.push(weight);
            let search = needs.iter().filter_map(|n| file.searches.get(*n)).fold(Search::of(rule), |all, one| all.with(*one));
            file.searches.push(search);
            self.atoms.push(search.atoms);
            let mut reader = Reader { literals: &mut self.literals, known: std::mem::take(&mut known) };
            let condition = reader.rule(rule);
            let in_short = condition.in_short(reader.literals);
            let required = in_short.clone().settled();
            let is_odd = odd.is_odd(rule);
            let is_alone = weight > MOST_NEEDED || is_odd;
            let of_structure = if is_alone { None } else { file.of_structure(names, at, rule, in_short, &mut reader) };
            known = reader.known;
            let n = file.number(at);
            self.in_parts.extend((is_odd || required.allow_parts()).then_some(n));
            if is_alone {
                self.together.extend(is_odd.then_some(n));
                self.always.push(n);
            } else if let Some((heads, with, stand_in)) = of_structure {
                self.late.extend((condition.depth() <= DEEPEST).then_some((n, condition)));
                self.gated.extend(with.map(|required| Gated { required, condition: None, rule: n, set: 0 }));
                self.by_heads.entry(heads).or_default().push(n);
                self.of_structure.push(stand_in);
            } else {
                self.rule(n, condition, required, || file.without_modules(at, rule));
            }
        }
        self.rules.extend(file.texts(namespace));
    }

    /// A rule that is told by what its condition requires.
    fn rule(&mut self, n: u32, condition: Condition, required: Alternatives, without_modules: impl FnOnce() -> Option<Weaker>) {
        let common = self.commonness(&required);
        let Alternatives { with_literals, without } = if common <= COMMON { required } else { required.but_literals() };
        let is_whole = without.is_none() && common > FREQUENT && condition.depth() <= DEEPEST;
        match without.map(|without| without.heads) {
            Some(Some(heads)) => {
                self.by_heads.entry(heads).or_default().push(n);
                self.late.extend((condition.depth() <= DEEPEST).then(|| (n, condition.clone())));
            }
            Some(None) => {
                self.without_modules.extend(without_modules());
                self.always.push(n);
                return;
            }
            None => {}
        }
        let looked_for = |n: u32| !self.literals.is_alone(n) || self.needles.contains(&n);
        let unknown = |n: u32| self.literals.is_shortest(n) || !looked_for(n);
        let condition = is_whole.then(|| condition.without(&unknown));
        self.gated.extend(with_literals.map(|required| Gated { required, condition, rule: n, set: 0 }));
    }

    /// How common the literals are of which a rule requires one; more than any where they aren't looked for. Those that are
    /// looked for one by one are kept for rules that would have to be run always.
    fn commonness(&mut self, required: &Alternatives) -> u32 {
        let Some(list) = required.with_literals.as_ref().and_then(|with| with.literals.as_ref()) else { return u32::MAX };
        let alone: BTreeSet<u32> = list.iter().copied().filter(|n| self.literals.is_alone(*n)).collect();
        if !alone.is_empty() {
            let others = required.clone().but_literals().without;
            let always = required.without.is_none() && others.is_some_and(|others| others.heads.is_none());
            if !always || self.needles.union(&alone).count() > MOST_NEEDLES {
                return u32::MAX;
            }
            self.needles.extend(alone);
        }
        self.literals.commonness(list)
    }
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
