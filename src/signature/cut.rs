//! Rules cut out of the text of their file, each with what it needs to compile by itself.

use std::collections::{BTreeMap, BTreeSet};

use yara_x_parser::Parser;
use yara_x_parser::ast::dfs::{DFSEvent, DFSIter};
use yara_x_parser::ast::{AST, Expr, Rule, RuleFlags, WithSpan};
use yara_x_parser::cst::{CSTStream, Event, SyntaxKind};

/// A rule in force.
pub(super) struct Cut<'s> {
    pub text: &'s str,
    /// Modules that it names.
    pub imports: Vec<&'s str>,
    /// Rules before it that it names, by their place among those in force.
    pub needs: Vec<usize>,
    /// Whether it searches for any patterns.
    pub patterns: bool,
}

/// The rules in force of a file, in its order; none where they hang together so that they can't be taken apart: by a
/// global rule, by names that occur twice, or by what the syntax tree doesn't show.
pub(super) fn cut<'s>(text: &'s str, ast: &AST<'s>, in_force: &BTreeSet<&str>) -> Option<Vec<Cut<'s>>> {
    let texts = texts(text);
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    let mut rules: Vec<Cut<'s>> = Vec::new();
    for rule in ast.rules() {
        let name = rule.identifier.name;
        if rule.flags.contains(RuleFlags::Global) || places.contains_key(name) {
            return None;
        } else if !in_force.contains(name) {
            continue;
        }
        let text = text_of(&texts, rule)?;
        let named: BTreeSet<&str> = refers(rule).collect();
        let needs = named.iter().filter_map(|name| places.get(name).copied()).collect();
        let imports = ast.imports().map(|i| i.module_name).filter(|module| named.contains(module)).collect();
        places.insert(name, rules.len());
        rules.push(Cut { text, imports, needs, patterns: rule.patterns.is_some() });
    }
    (rules.len() == in_force.len()).then_some(rules)
}

/// A text of these rules.
pub(super) fn join<'c, 's: 'c>(rules: impl Iterator<Item = &'c Cut<'s>> + Clone) -> String {
    let imports: BTreeSet<&str> = rules.clone().flat_map(|rule| rule.imports.iter().copied()).collect();
    let mut text: String = imports.iter().map(|module| format!("import \"{module}\"\n")).collect();
    for rule in rules {
        text.push_str(rule.text);
        text.push('\n');
    }
    text
}

/// Names that a condition refers to: rules, modules, variables.
pub(super) fn refers<'r>(rule: &'r Rule<'_>) -> impl Iterator<Item = &'r str> {
    DFSIter::new(&rule.condition).filter_map(|event| match event {
        DFSEvent::Enter(Expr::Ident(ident)) => Some(ident.name),
        _ => None,
    })
}

/// The text of each rule, by where it begins.
pub(super) fn texts(source: &str) -> BTreeMap<usize, &str> {
    CSTStream::from(Parser::new(source.as_bytes()))
        .filter_map(|event| match event {
            Event::Begin { kind: SyntaxKind::RULE_DECL, span } => Some((span.start(), source.get(span.start()..span.end())?)),
            _ => None,
        })
        .collect()
}

/// The text of a rule among those of its file.
pub(super) fn text_of<'s>(texts: &BTreeMap<usize, &'s str>, rule: &Rule<'_>) -> Option<&'s str> {
    texts.range(..=rule.identifier.span().start()).next_back().map(|(_, text)| *text)
}
