//! From trees of items to patterns: which items are about the same object.
//!
//! Items of one document type (`FileItem`, …) under one AND are about one and the same item, however deeply
//! they are nested, and items of different types are joined over the host. So a tree is brought into the form
//! "one of these, each a set of statements about single objects"; choices among items of one type stay whole
//! within their statement, which keeps that form small.

use std::collections::{BTreeMap, BTreeSet};

use super::super::expr::{Case, Node, Pattern, Text, TextOp, Truth};
use super::super::loader::Fault;
use super::super::observables::{registry, rooted, shown};
use super::document::{Group, Item, Tree};
use super::terms::{Meaning, RegistryPart, RegistryTest, meaning};

/// Ways in which one tree can hold; trees with more are refused.
const MAX_WAYS: usize = 1000;

/// One way in which a tree can hold: all of this together.
#[derive(Clone, Debug, Default)]
struct Way {
    objects: BTreeMap<String, Vec<Node>>,
    registry: Vec<RegistryTest>,
    mentions: Vec<Node>,
    /// What can't be answered, in words.
    unknown: Vec<String>,
    /// Numbers of the items it needs.
    items: BTreeSet<usize>,
}

/// One item of a tree, and whether it could be used.
pub type Judged<'a> = (&'a Item, Result<(), Fault>);

/// What a tree says, and for each of its items whether it is a part of that.
pub struct Reading<'a> {
    pub pattern: Result<Pattern, Fault>,
    pub items: Vec<Judged<'a>>,
}

/// The ways in which a definition can hold that stand for themselves: choices at the top are taken apart, so
/// that each is an indicator of its own.
pub fn alternatives(tree: &Tree) -> Vec<&Tree> {
    match tree {
        Tree::Group(g) if !g.all && !g.negate => g.children.iter().flat_map(alternatives).collect(),
        Tree::Group(g) if g.children.len() == 1 && !g.negate && g.broken.is_none() => {
            g.children.iter().flat_map(alternatives).collect()
        }
        other => vec![other],
    }
}

/// The identifier of the outermost item or, if it has one, the first within.
pub fn first_item(tree: &Tree) -> Option<&Item> {
    match tree {
        Tree::Item(item) => Some(item),
        Tree::Group(group) => group.children.iter().find_map(first_item),
    }
}

/// Reads one alternative.
pub fn read(tree: &Tree) -> Reading<'_> {
    let mut items = Vec::new();
    let ways = ways(tree, false, &mut items);
    let Ok(ways) = ways else {
        count(tree, &mut items);
        let why = Fault::Wrong(format!("its group can hold in more than {MAX_WAYS} ways"));
        return Reading { pattern: Err(why), items };
    };
    let mut needed = BTreeSet::new();
    let mut patterns = Vec::new();
    let mut faults = Vec::new();
    for way in ways {
        let items = way.items.clone();
        match way.pattern() {
            Ok(pattern) if pattern.best() == Truth::True => {
                needed.extend(items);
                patterns.push(pattern);
            }
            Ok(pattern) => faults.extend(pattern.unknowns().into_iter().map(str::to_owned)),
            Err(words) => faults.push(words),
        }
    }
    faults.sort();
    faults.dedup();
    let alone = Fault::Unanswered(format!("it only counts together with what can't be decided here: {}", listed(&faults)));
    for (n, (_, own)) in items.iter_mut().enumerate() {
        if own.is_ok() && !needed.contains(&n) {
            *own = Err(alone.clone());
        }
    }
    let pattern = match patterns.len() {
        0 => Err(alone),
        1 => patterns.pop().ok_or(alone),
        _ => Ok(Pattern::Any(patterns)),
    };
    Reading { pattern, items }
}

fn listed(words: &[String]) -> String {
    let more = words.len().saturating_sub(3);
    let first = words.iter().take(3).map(String::as_str).collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{first} and {more} more") } else { first }
}

/// All items of a tree that weren't reached.
fn count<'a>(tree: &'a Tree, items: &mut Vec<Judged<'a>>) {
    match tree {
        Tree::Item(item) => {
            if !items.iter().any(|(known, _)| std::ptr::eq(*known, item)) {
                items.push((item, Ok(())));
            }
        }
        Tree::Group(group) => group.children.iter().for_each(|c| count(c, items)),
    }
}

struct TooMany;

fn ways<'a>(tree: &'a Tree, negated: bool, items: &mut Vec<Judged<'a>>) -> Result<Vec<Way>, TooMany> {
    match tree {
        Tree::Item(item) => {
            let number = items.len();
            let (meaning, own) = meaning(item);
            let (way, judged) = way_of(item, meaning, own != negated, number);
            items.push((item, judged));
            Ok(vec![way])
        }
        Tree::Group(group) => {
            let negated = negated != group.negate;
            // The other of De Morgan's pair where a group is negated.
            if group.all != negated { all(group, negated, items) } else { any(group, negated, items) }
        }
    }
}

/// One item as a way by itself, and whether it is answerable.
fn way_of(item: &Item, meaning: Meaning, negated: bool, number: usize) -> (Way, Result<(), Fault>) {
    let mut way = Way { items: BTreeSet::from([number]), ..Way::default() };
    let absent = || format!("the absence of {}", shown(&item.search));
    let mut judged = Ok(());
    match meaning {
        Meaning::Object(name, node) => {
            let node = if negated { Node::Not(Box::new(node)) } else { node };
            way.objects.insert(name, vec![node]);
        }
        // That nothing of the host is so, a scan can't say.
        Meaning::Registry(_) | Meaning::Mention(_) if negated => {
            way.unknown.push(absent());
            judged = Err(Fault::Unanswered(format!("it needs {}", absent())));
        }
        Meaning::Registry(test) => way.registry.push(test),
        Meaning::Mention(node) => way.mentions.push(node),
        Meaning::No(Fault::Wrong(why)) => {
            way.unknown.push("an item that was refused".to_owned());
            judged = Err(Fault::Wrong(why));
        }
        Meaning::No(Fault::Unanswered(words)) => {
            judged = Err(Fault::Unanswered(format!("nothing here can answer {words}")));
            way.unknown.push(words);
        }
    }
    (way, judged)
}

fn any<'a>(group: &'a Group, negated: bool, items: &mut Vec<Judged<'a>>) -> Result<Vec<Way>, TooMany> {
    let mut out: Vec<Way> = Vec::new();
    let mut choices: BTreeMap<String, (Vec<Node>, BTreeSet<usize>)> = BTreeMap::new();
    for child in &group.children {
        for way in ways(child, negated, items)? {
            match way.single() {
                Ok((name, node, numbers)) => {
                    let choice = choices.entry(name).or_default();
                    choice.0.push(node);
                    choice.1.extend(numbers);
                }
                Err(way) => out.push(*way),
            }
            if out.len() > MAX_WAYS {
                return Err(TooMany);
            }
        }
    }
    for (name, (mut nodes, numbers)) in choices {
        let node = if nodes.len() == 1 { nodes.pop() } else { Some(Node::Any(nodes)) };
        out.push(Way { objects: BTreeMap::from([(name, node.into_iter().collect())]), items: numbers, ..Way::default() });
    }
    Ok(out)
}

fn all<'a>(group: &'a Group, negated: bool, items: &mut Vec<Judged<'a>>) -> Result<Vec<Way>, TooMany> {
    let mut out = vec![Way { unknown: group.broken.iter().cloned().collect(), ..Way::default() }];
    let mut failed = false;
    for child in &group.children {
        // Every child is read, so that every item is judged.
        let Ok(choices) = ways(child, negated, items) else {
            failed = true;
            continue;
        };
        if failed || out.len().saturating_mul(choices.len()) > MAX_WAYS {
            failed = true;
            continue;
        }
        out = out.iter().flat_map(|way| choices.iter().map(|choice| way.and(choice))).collect();
    }
    if failed { Err(TooMany) } else { Ok(out) }
}

impl Way {
    /// The statement, where the way is a statement about one object that can hold; otherwise the way again.
    fn single(self) -> Result<(String, Node, BTreeSet<usize>), Box<Self>> {
        let lone = self.objects.len() == 1 && self.registry.is_empty() && self.mentions.is_empty() && self.unknown.is_empty();
        match self.objects.first_key_value() {
            Some((name, nodes)) if lone => {
                let node = together(nodes.clone());
                if node.best() == Truth::True { Ok((name.clone(), node, self.items)) } else { Err(Box::new(self)) }
            }
            _ => Err(Box::new(self)),
        }
    }

    fn and(&self, other: &Self) -> Self {
        let mut out = self.clone();
        for (name, nodes) in &other.objects {
            out.objects.entry(name.clone()).or_default().extend(nodes.iter().cloned());
        }
        out.registry.extend(other.registry.iter().cloned());
        out.mentions.extend(other.mentions.iter().cloned());
        out.unknown.extend(other.unknown.iter().cloned());
        out.items.extend(&other.items);
        out
    }

    /// The error says what can't be decided, in words.
    fn pattern(self) -> Result<Pattern, String> {
        let mut parts = Vec::new();
        let several = self.objects.len() + usize::from(!self.registry.is_empty()) + self.mentions.len() > 1;
        for (name, nodes) in self.objects {
            let node = together(nodes);
            if several && node.holds_for_nothing() {
                // Some object is not so on every host: nothing would be joined.
                return Err(format!("the absence of a {name}"));
            }
            parts.push(Pattern::Object(node));
        }
        if !self.registry.is_empty() {
            parts.push(Pattern::Object(merged(&self.registry)?));
        }
        parts.extend(self.mentions.into_iter().map(Pattern::Object));
        parts.extend(self.unknown.into_iter().map(Pattern::Unknown));
        Ok(match (parts.len(), parts.pop()) {
            (1, Some(one)) => one,
            (_, Some(last)) => {
                parts.push(last);
                Pattern::All(parts)
            }
            (_, None) => Pattern::Unknown("an empty group".into()),
        })
    }
}

fn together(mut nodes: Vec<Node>) -> Node {
    match (nodes.len(), nodes.pop()) {
        (1, Some(one)) => one,
        (_, Some(last)) => {
            nodes.push(last);
            Node::All(nodes)
        }
        (_, None) => Node::All(nodes),
    }
}

/// Conditions on one registry value as one term (or a choice, where a path may end in a key or in a value).
fn merged(tests: &[RegistryTest]) -> Result<Node, String> {
    let only = |parts: &[RegistryPart]| {
        let mut found = tests.iter().filter(|t| parts.contains(&t.part));
        match (found.next(), found.next()) {
            (_, Some(_)) => Err("several conditions on one part of a registry value".to_owned()),
            (one, None) => Ok(one),
        }
    };
    let key = only(&[RegistryPart::Path, RegistryPart::Key])?;
    let name = only(&[RegistryPart::Name])?;
    let data = only(&[RegistryPart::Data])?;
    let text = |t: &RegistryTest| Text::new(t.op, &t.value, t.case);
    let (name_text, data_text) = (name.map(text).transpose()?, data.map(text).transpose()?);
    let Some(key) = key else { return Ok(registry(None, name_text, data_text)) };
    let value = key.value.trim_end_matches('\\');
    if key.part == RegistryPart::Key {
        return Ok(registry(Some(below_root(key.op, value, key.case)?), name_text, data_text));
    }
    if let Some(name) = name {
        // The path may already end in the value's name.
        let own = value.len().checked_sub(name.value.len()).and_then(|at| value.get(at..).zip(value.get(..at)));
        let head = own.filter(|(tail, _)| name.op == TextOp::Is && tail.eq_ignore_ascii_case(&name.value));
        let key_text = match head.and_then(|(_, head)| head.strip_suffix('\\')) {
            Some(head) if key.op == TextOp::Is => path(TextOp::Is, head, key.case)?,
            Some(head) if key.op != TextOp::Matches => path(TextOp::EndsWith, head, key.case)?,
            _ => path(key.op, value, key.case)?,
        };
        return Ok(registry(Some(key_text), name_text, data_text));
    }
    let mut ways = vec![registry(Some(path(key.op, value, key.case)?), None, data_text.clone())];
    let split = value.rsplit_once('\\').filter(|(head, tail)| !head.is_empty() && !tail.is_empty());
    if let Some((head, tail)) = split {
        let ops = match key.op {
            TextOp::Is => Some((TextOp::Is, TextOp::Is)),
            TextOp::Contains => Some((TextOp::EndsWith, TextOp::StartsWith)),
            TextOp::EndsWith => Some((TextOp::EndsWith, TextOp::Is)),
            TextOp::StartsWith => Some((TextOp::Is, TextOp::StartsWith)),
            TextOp::Like | TextOp::Matches => None,
        };
        if let Some((of_key, of_name)) = ops {
            let name = Text::new(of_name, tail, key.case)?;
            ways.push(registry(Some(path(of_key, head, key.case)?), Some(name), data_text));
        }
    } else if key.op == TextOp::Contains {
        ways.push(registry(None, Some(Text::new(TextOp::Contains, value, key.case)?), data_text));
    }
    Ok(if ways.len() == 1 { together(ways) } else { Node::Any(ways) })
}

/// A comparison with a key path whose root may be abbreviated.
fn path(op: TextOp, value: &str, case: Case) -> Result<Text, String> {
    let full = matches!(op, TextOp::Is | TextOp::StartsWith | TextOp::Contains).then(|| rooted(value)).flatten();
    Text::new(op, full.as_deref().unwrap_or(value), case)
}

/// A comparison with a key path from below its root (`KeyPath` of MIR).
fn below_root(op: TextOp, value: &str, case: Case) -> Result<Text, String> {
    let value = value.trim_start_matches('\\');
    match op {
        TextOp::Is if rooted(value).is_none() => Text::new(TextOp::EndsWith, &format!("\\{value}"), case),
        TextOp::StartsWith if rooted(value).is_none() => Text::new(TextOp::Contains, &format!("\\{value}"), case),
        op => path(op, value, case),
    }
}
