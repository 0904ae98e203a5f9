//! From the tree of a pattern to what is evaluated for the objects of a host.
//!
//! A choice of which a part can't be taken keeps its other parts; what is left out is told. Whatever is needed
//! for an AND and can't be taken costs the whole AND.

use super::objects::{self, Beside, Family};
use super::parser::{Comparison, Observed, Test};
use super::registry;
use crate::ioc::expr::{Node, Pattern, Term, Truth};

/// A pattern that can be loaded.
#[derive(Debug)]
pub struct Built {
    pub pattern: Pattern,
    /// Parts of choices that are left out, and why.
    pub left_out: Vec<String>,
}

/// The error says what is wrong with the part on which everything depends.
pub fn build(observed: &Observed) -> Result<Built, String> {
    let mut left_out = Vec::new();
    let pattern = pattern(observed, &mut left_out)?;
    left_out.dedup();
    Ok(Built { pattern, left_out })
}

fn pattern(observed: &Observed, left_out: &mut Vec<String>) -> Result<Pattern, String> {
    Ok(match observed {
        Observed::One(comparison) => observation(comparison, left_out)?,
        Observed::All(list) => Pattern::All(list.iter().map(|o| pattern(o, left_out)).collect::<Result<_, _>>()?),
        Observed::Any(list) => {
            let parts = list.iter().map(|o| pattern(o, left_out)).collect();
            Pattern::Any(some(parts, left_out)?)
        }
        Observed::Followed(list) => {
            let mut parts: Vec<Pattern> = list.iter().map(|o| pattern(o, left_out)).collect::<Result<_, _>>()?;
            parts.push(Pattern::Unknown("the order in time that FOLLOWEDBY asks for".into()));
            Pattern::All(parts)
        }
        Observed::Qualified(inner, keyword) => {
            Pattern::All(vec![pattern(inner, left_out)?, Pattern::Unknown(format!("the qualifier {keyword}"))])
        }
    })
}

/// One observation is about one object of the scan. Registry keys never lie in the file that they are observed
/// with: such an observation also holds for two objects of one host.
fn observation(comparison: &Comparison, left_out: &mut Vec<String>) -> Result<Pattern, String> {
    let whole = statement(comparison, left_out)?;
    let Comparison::All(list) = comparison else { return Ok(whole) };
    let (keys, rest): (Vec<_>, Vec<_>) = list.iter().cloned().partition(|c| families(c) == [Family::Registry]);
    if keys.is_empty() || rest.is_empty() {
        return Ok(whole);
    }
    // What these leave out was told with the whole.
    let mut told = Vec::new();
    let apart = [keys, rest].into_iter().map(|part| statement(&Comparison::All(part), &mut told)).collect::<Result<_, _>>();
    Ok(match apart {
        Ok(parts) => Pattern::Any(vec![whole, Pattern::All(parts)]),
        Err(_) => whole,
    })
}

fn statement(comparison: &Comparison, left_out: &mut Vec<String>) -> Result<Pattern, String> {
    let node = node(comparison, Beside::default(), left_out)?;
    if without_terms(&node) == Truth::True {
        return Err("it holds wherever its terms are not found, which is nearly everywhere".into());
    }
    Ok(Pattern::Object(node))
}

fn node(comparison: &Comparison, beside: Beside, left_out: &mut Vec<String>) -> Result<Node, String> {
    match comparison {
        Comparison::Test(test) => objects::node(test, beside, left_out),
        Comparison::Any(list) => {
            let parts = list.iter().map(|c| node(c, beside, left_out)).collect();
            Ok(any(some(parts, left_out)?))
        }
        Comparison::All(list) => {
            let list: Vec<&Comparison> = list.iter().filter(|c| !says_nothing(c, list)).collect();
            let families = distinct(list.iter().flat_map(|c| families(c)).collect());
            let beside = beside.or(Beside {
                not_network: families.iter().any(|f| *f != Family::Network),
                file: families.contains(&Family::File),
            });
            let (keys, rest): (Vec<&Comparison>, Vec<&Comparison>) = list.into_iter().partition(|c| single_key(c).is_some());
            let keys: Vec<&Test> = keys.into_iter().filter_map(single_key).collect();
            let mut parts: Vec<Node> = registry::merged(&keys)?.into_iter().map(|r| Node::Term(Term::Registry(r))).collect();
            for c in rest {
                parts.push(node(c, beside, left_out)?);
            }
            Ok(all(parts))
        }
    }
}

/// A comparison of the registry that can be joined with others of the same key.
fn single_key(comparison: &Comparison) -> Option<&Test> {
    match comparison {
        Comparison::Test(t) if objects::family(&t.path) == Family::Registry && registry::joins(t) => Some(t),
        _ => None,
    }
}

/// `dst_ref.type = 'ipv4-addr'` beside `dst_ref.value = '…'`, whose value has its type in itself.
fn says_nothing(comparison: &Comparison, beside: &[Comparison]) -> bool {
    let Comparison::Test(typed) = comparison else { return false };
    beside.iter().any(|c| matches!(c, Comparison::Test(valued) if objects::is_type_of(typed, valued)))
}

/// Kinds of objects that are asked for, each once, sorted.
fn families(comparison: &Comparison) -> Vec<Family> {
    distinct(match comparison {
        Comparison::Test(t) => vec![objects::family(&t.path)],
        Comparison::All(list) | Comparison::Any(list) => list.iter().flat_map(families).collect(),
    })
}

fn distinct(mut families: Vec<Family>) -> Vec<Family> {
    families.sort_unstable();
    families.dedup();
    families
}

/// The parts of a choice that can be taken; an error where there is none.
pub fn some<T>(parts: Vec<Result<T, String>>, left_out: &mut Vec<String>) -> Result<Vec<T>, String> {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for part in parts {
        match part {
            Ok(p) => good.push(p),
            Err(why) => bad.push(why),
        }
    }
    if good.is_empty() && !bad.is_empty() {
        bad.dedup();
        return Err(bad.join("; "));
    }
    left_out.append(&mut bad);
    Ok(good)
}

/// Flat, and without a list of one.
pub fn all(nodes: Vec<Node>) -> Node {
    let flat = |n| if let Node::All(list) = n { list } else { vec![n] };
    let mut list: Vec<Node> = nodes.into_iter().flat_map(flat).collect();
    if list.len() == 1 { list.pop().unwrap_or(Node::All(Vec::new())) } else { Node::All(list) }
}

/// Flat, and without a list of one.
pub fn any(nodes: Vec<Node>) -> Node {
    let flat = |n| if let Node::Any(list) = n { list } else { vec![n] };
    let mut list: Vec<Node> = nodes.into_iter().flat_map(flat).collect();
    if list.len() == 1 { list.pop().unwrap_or(Node::Any(Vec::new())) } else { Node::Any(list) }
}

/// The value for an object in which no term is found.
fn without_terms(node: &Node) -> Truth {
    match node {
        Node::Term(_) => Truth::False,
        Node::Unknown(_) => Truth::Unknown,
        Node::Not(n) => !without_terms(n),
        Node::All(list) => list.iter().fold(Truth::True, |t, n| t.and(without_terms(n))),
        Node::Any(list) => list.iter().fold(Truth::False, |t, n| t.or(without_terms(n))),
    }
}
