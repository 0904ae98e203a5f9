//! From sources to a compiled set.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

use regex::Regex;
use yara_x::{Compiler, IgnoredRuleReason, Rule, Rules, SourceCode};
use yara_x_parser::Parser;
use yara_x_parser::ast::AST;
use yara_x_parser::cst::{CSTStream, Event, SyntaxKind};

use crate::model::text;

use super::SignatureError;
use super::collect::Source;
use super::cut;
use super::gate::{self, FEWEST_RULES, Plan};
use super::result::for_files;
use super::scan::meta;
use super::traits::{self, Terms};
use crate::model::{Input, Rejected};

/// The variables that public rule packs expect beside the file's bytes, where they are text. `timezone` and
/// `language` are of the scanned system, which need not be this one: they stay empty.
pub(super) const TEXTS: [&str; 12] = [
    "filename",
    "filepath",
    "extension",
    "filetype",
    "owner",
    "group",
    "permissions",
    "unpack_parent",
    "unpack_source",
    "timezone",
    "language",
    "md5",
];
/// Those that are numbers; `osversion` stays 0.
pub(super) const NUMBERS: [&str; 2] = ["filemode", "osversion"];
/// Raised whenever options or externals below change what the same sources compile to.
pub(super) const OPTIONS_VERSION: u32 = 7;
/// Deeply nested conditions recurse in the compiler.
pub(super) const STACK: usize = 64 << 20;
/// Rejections listed for one file; more are counted.
const MAX_REJECTED: usize = 200;
/// Characters of a rejection's text.
const MAX_WHY: usize = 300;

/// What compiling gives, and what the cache keeps.
pub(super) struct Compiled {
    pub rules: Rules,
    /// In the order of the sources.
    pub reports: Vec<Input>,
    pub terms: Terms,
    /// Which rules can match what, and the sets of them that are compiled already.
    pub gate: Option<(Plan, Vec<Rules>)>,
}

pub(super) fn compile(sources: &[Source]) -> Result<Compiled, SignatureError> {
    on_a_deep_stack(|| {
        let mut compiled = survey(sources, without_faulty(sources, twice(sources)));
        if are_many(sources) && in_force(&compiled.rules).count() >= FEWEST_RULES {
            // A gate that can't be made costs time only.
            let made = catch_unwind(AssertUnwindSafe(|| {
                let plan = gate::plan(sources, &compiled.rules);
                plan.compile_large().map(|large| (plan, large))
            }));
            compiled.gate = made.ok().flatten();
        }
        compiled
    })
}

/// Whether there are enough rules for a gate, roughly: what decides it has to be known before they are compiled.
fn are_many(sources: &[Source]) -> bool {
    sources.iter().map(|source| source.text.matches("rule ").count()).sum::<usize>() >= FEWEST_RULES
}

/// The namespace of [`PAD`]; no file has such a name.
const PAD_NAMESPACE: &str = "//pad";
/// In every set that stands in for another. What the engine says must not depend on which other rules are in a set: with
/// up to 64 atoms it searches in another way, which reports other lengths of matches, and it doesn't search at all where
/// no condition gets as far as a pattern, so that matching rules have no places.
const PAD: &str = "private rule pad { strings: $a = \"qzxjqzxj\" xor(1-65) condition: $a }";

/// Adds it as the last rule.
pub(super) fn pad(c: &mut Compiler<'_>) {
    c.new_namespace(PAD_NAMESPACE);
    let _ = c.add_source(PAD);
}

/// Rules of the files.
pub(super) fn in_force(rules: &Rules) -> impl Iterator<Item = Rule<'_, '_>> {
    rules.iter().filter(|rule| rule.namespace() != PAD_NAMESPACE)
}

/// The rules in force compiled by themselves, where others were rejected: yara-x 1.22 keeps a trace of some rejected rules
/// (patterns at fixed offsets), and then fails on every object.
fn without_faulty(sources: &[Source], compiled: Compiled) -> Compiled {
    // A file that was refused as a whole was never compiled.
    let is_faulty = |source: &Source, report: &Input| source.refused.is_none() && !report.rejected.is_empty();
    if !sources.iter().zip(&compiled.reports).any(|(source, report)| is_faulty(source, report)) {
        return compiled;
    }
    let mut names: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for rule in in_force(&compiled.rules) {
        names.entry(rule.namespace().to_owned()).or_default().insert(rule.identifier());
    }
    let clean = |source: &Source| match names.get(&source.name) {
        None => Source { text: String::new(), ..source.clone() },
        Some(names) => {
            let rules = cut::cut(&source.text, &AST::from(source.text.as_str()), names);
            let text = rules.map_or_else(|| source.text.clone(), |rules| cut::join(rules.iter()));
            Source { text, ..source.clone() }
        }
    };
    let each = sources.iter().zip(&compiled.reports);
    let cleaned: Vec<Source> =
        each.map(|(source, report)| if is_faulty(source, report) { clean(source) } else { source.clone() }).collect();
    let (again, _) = once(&cleaned, &BTreeSet::new(), are_many(sources));
    match again.rules.iter().len() == compiled.rules.iter().len() {
        true => Compiled { rules: again.rules, ..compiled },
        false => compiled,
    }
}

/// Runs what recurses with the depth of conditions on a thread with room for it; a panic there is an error.
pub(super) fn on_a_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, SignatureError> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("rules".to_owned()).stack_size(STACK);
        let work = thread.spawn_scoped(scope, || catch_unwind(AssertUnwindSafe(work)));
        let work = work.map_err(|e| SignatureError::Compiler(format!("no thread for it ({e})")))?;
        match work.join() {
            Ok(Ok(done)) => Ok(done),
            _ => Err(SignatureError::Compiler("it stopped unexpectedly".to_owned())),
        }
    })
}

/// A faulty file with a global rule is left out whole, which takes a second pass: rules that were added
/// can't be taken back.
fn twice(sources: &[Source]) -> Compiled {
    let padded = are_many(sources);
    let (compiled, leave_out) = once(sources, &BTreeSet::new(), padded);
    if leave_out.is_empty() {
        return compiled;
    }
    let (mut again, _) = once(sources, &leave_out, padded);
    for (i, report) in again.reports.iter_mut().enumerate().filter(|(i, _)| leave_out.contains(i)) {
        report.rejected = compiled.reports.get(i).map(|r| r.rejected.clone()).unwrap_or_default();
        let why = "the whole file is left out: it has a global rule, and a fault beside one may widen the others";
        report.rejected.push(Rejected { place: report.name.clone(), why: why.to_owned() });
    }
    again
}

pub(super) fn compiler(sources: &[Source]) -> Compiler<'_> {
    compiler_for(sources.iter().flat_map(|s| imports(&s.text)))
}

/// For rules that import these modules.
pub(super) fn compiler_for<'m>(modules: impl Iterator<Item = &'m str>) -> Compiler<'m> {
    let mut c = Compiler::new();
    c.relaxed_re_syntax(true).enable_includes(false).colorize_errors(false);
    // The names are identifiers and defined once, so this can't fail.
    for name in TEXTS {
        let _ = c.define_global(name, "");
    }
    for name in NUMBERS {
        let _ = c.define_global(name, 0i64);
    }
    let built_in: BTreeSet<&str> = yara_x::mods::module_names().collect();
    for module in modules {
        if !built_in.contains(module) {
            c.ignore_module(module);
        }
    }
    c
}

fn once(sources: &[Source], leave_out: &BTreeSet<usize>, padded: bool) -> (Compiled, BTreeSet<usize>) {
    let mut c = compiler(sources);
    let mut reports = Vec::with_capacity(sources.len());
    let mut faulty = BTreeSet::new();
    for (i, source) in sources.iter().enumerate() {
        let sha256 = source.read.then(|| text::hex(&source.sha256));
        let mut report = Input { name: source.name.clone(), sha256, kind: Some("yara".to_owned()), ..Input::default() };
        if let Some(refused) = &source.refused {
            report.rejected.push(refused.clone());
        } else if !leave_out.contains(&i) {
            let (errors, ignored) = (c.errors().len(), c.ignored_rules().len());
            c.new_namespace(&source.name);
            let _ = c.add_source(SourceCode::from(source.text.as_str()).with_origin(source.name.as_str()));
            report.rejected = rejections(&c, source, errors, ignored);
            if c.errors().len() > errors && has_global_rule(&source.text) {
                faulty.insert(i);
            }
        }
        reports.push(report);
    }
    if padded {
        pad(&mut c);
    }
    (Compiled { rules: c.build(), reports, terms: Terms::default(), gate: None }, faulty)
}

/// What is known of the rules in force beside their verdicts.
fn survey(sources: &[Source], compiled: Compiled) -> Compiled {
    let Compiled { rules, mut reports, .. } = compiled;
    let terms = traits::of_sources(sources);
    let place: BTreeMap<String, usize> = reports.iter().enumerate().map(|(i, r)| (r.name.clone(), i)).collect();
    let taken: BTreeSet<(&str, &str)> = in_force(&rules).map(|rule| (rule.namespace(), rule.identifier())).collect();
    for (source, report) in sources.iter().zip(&mut reports).filter(|(_, report)| report.rejected.is_empty()) {
        for name in declared(&source.text).filter(|name| !taken.contains(&(source.name.as_str(), *name))) {
            let why = format!("rule {name} is left out without a reason: it may be nested too deep");
            report.rejected.push(rejected(&source.name, line_of_rule(&source.text, name), &why));
        }
    }
    for rule in in_force(&rules) {
        let Some(report) = place.get(rule.namespace()).and_then(|&i| reports.get_mut(i)) else { continue };
        report.loaded = report.loaded.saturating_add(1);
        let name = || rule.identifier().to_owned();
        if rule.is_private() {
            // Never reported; those that refer to it have its traits.
        } else if !for_files(&meta(&rule)) {
            report.not_for_files.push(name());
        } else if terms.of(rule.namespace(), rule.identifier()).whole {
            report.not_in_windows.push(name());
        }
    }
    Compiled { rules, reports, terms, gate: None }
}

/// Names of the rules that a text declares. The compiler drops a rule that nests deeper than its parser goes, and says nothing.
fn declared(source: &str) -> impl Iterator<Item = &str> {
    let mut named = false;
    CSTStream::from(Parser::new(source.as_bytes())).filter_map(move |event| match event {
        Event::Token { kind: SyntaxKind::RULE_KW, .. } => {
            named = true;
            None
        }
        Event::Token { kind: SyntaxKind::IDENT, span } if std::mem::take(&mut named) => source.get(span.start()..span.end()),
        _ => None,
    })
}

/// What `add_source` added to errors and ignored rules since.
fn rejections(c: &Compiler<'_>, source: &Source, errors: usize, ignored: usize) -> Vec<Rejected> {
    let mut out: Vec<(usize, Rejected)> = Vec::new();
    for error in c.errors().iter().skip(errors) {
        let json = serde_json::to_value(error).unwrap_or_default();
        let line = json.get("line").and_then(serde_json::Value::as_u64).and_then(|l| usize::try_from(l).ok());
        let label = json.pointer("/labels/0/text").and_then(serde_json::Value::as_str).unwrap_or_default();
        let why = if label.is_empty() { error.title().to_owned() } else { format!("{}: {label}", error.title()) };
        out.push((line.unwrap_or(0), rejected(&source.name, line, &why)));
    }
    for (rule, reason) in c.ignored_rules().skip(ignored) {
        let why = match reason {
            IgnoredRuleReason::IgnoredModule(module) => format!("rule {rule} needs the module {module}, which is not built in"),
            IgnoredRuleReason::IgnoredRule(other) => format!("rule {rule} needs the rule {other}, which was left out"),
            // Listed above with its line.
            IgnoredRuleReason::CompileError(_) => continue,
        };
        let line = line_of_rule(&source.text, rule);
        out.push((line.unwrap_or(0), rejected(&source.name, line, &why)));
    }
    out.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.why.cmp(&b.1.why)));
    let more = out.len().saturating_sub(MAX_REJECTED);
    let mut out: Vec<Rejected> = out.into_iter().take(MAX_REJECTED).map(|(_, r)| r).collect();
    if more > 0 {
        out.push(rejected(&source.name, None, &format!("and {more} more")));
    }
    out
}

pub(super) fn rejected(name: &str, line: Option<usize>, why: &str) -> Rejected {
    let place = line.map_or_else(|| name.to_owned(), |l| format!("{name}:{l}"));
    let one_line = why.split_whitespace().collect::<Vec<_>>().join(" ");
    let short: String = one_line.chars().take(MAX_WHY).collect();
    Rejected { place, why: text::escape(short.as_bytes()) }
}

pub(super) fn imports(source: &str) -> impl Iterator<Item = &str> {
    static IMPORT: OnceLock<Option<Regex>> = OnceLock::new();
    let re = IMPORT.get_or_init(|| Regex::new(r#"\bimport\s+"([A-Za-z_][A-Za-z0-9_]*)""#).ok());
    re.iter().flat_map(move |r| r.captures_iter(source)).filter_map(|c| c.get(1)).map(|m| m.as_str())
}

fn has_global_rule(source: &str) -> bool {
    static GLOBAL: OnceLock<Option<Regex>> = OnceLock::new();
    let re = GLOBAL.get_or_init(|| Regex::new(r"\bglobal\s+(?:private\s+)?rule\b").ok());
    re.as_ref().is_some_and(|r| r.is_match(source))
}

/// The line that declares a rule, from 1.
pub(super) fn line_of_rule(source: &str, rule: &str) -> Option<usize> {
    let declares = |line: &str| {
        let mut words = line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).filter(|w| !w.is_empty());
        words.by_ref().any(|w| w == "rule") && words.next() == Some(rule)
    };
    source.lines().position(declares).map(|i| i.saturating_add(1))
}
