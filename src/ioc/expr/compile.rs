//! From what an indicator says to what is evaluated for an object: indexed terms become numbers.

use std::sync::Arc;

use super::{Node, Pattern, Question, Term, Truth};
use crate::ioc::hash::HashKind;

/// Where an indexed term is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    Digest(HashKind),
    Imphash,
    Tlsh,
    Path,
    Content,
    Registry,
}

impl Domain {
    /// `None` for terms that are answered on demand.
    pub fn of(term: &Term) -> Option<Self> {
        Some(match term {
            Term::Hash(h) => Domain::Digest(h.kind()),
            Term::Imphash(_) => Domain::Imphash,
            Term::Tlsh { .. } => Domain::Tlsh,
            Term::Path { .. } => Domain::Path,
            Term::Mention(_) => Domain::Content,
            Term::Registry(_) => Domain::Registry,
            Term::Ask(_) => return None,
        })
    }
}

/// The end of a branch.
#[derive(Clone, Debug)]
pub enum Leaf {
    /// Found by its number in the indexes.
    Indexed {
        slot: u32,
        domain: Domain,
    },
    Ask(Question),
    Unknown(Arc<str>),
}

/// A [`Node`] with its indexed terms as numbers.
#[derive(Clone, Debug)]
pub enum Compiled {
    Leaf(Leaf),
    Not(Box<Compiled>),
    All(Vec<Compiled>),
    Any(Vec<Compiled>),
}

impl Compiled {
    /// `index` puts a term into its index and gives its number; its error says what is wrong with the term.
    pub fn new(node: Node, index: &mut impl FnMut(Term) -> Result<u32, String>) -> Result<Self, String> {
        let list = |nodes: Vec<Node>, index: &mut _| nodes.into_iter().map(|n| Self::new(n, index)).collect::<Result<_, _>>();
        Ok(match node {
            Node::Term(Term::Ask(q)) => Compiled::Leaf(Leaf::Ask(q)),
            Node::Term(term) => match Domain::of(&term) {
                Some(domain) => Compiled::Leaf(Leaf::Indexed { slot: index(term)?, domain }),
                None => return Err("a term that is neither indexed nor asked for".into()),
            },
            Node::Unknown(words) => Compiled::Leaf(Leaf::Unknown(words.into())),
            Node::Not(n) => Compiled::Not(Box::new(Self::new(*n, index)?)),
            Node::All(nodes) => Compiled::All(list(nodes, index)?),
            Node::Any(nodes) => Compiled::Any(list(nodes, index)?),
        })
    }

    /// Whether it can hold where no indexed term was found: then it must be looked at for every object.
    pub fn stands_alone(&self) -> bool {
        self.without_indexed(true) == Truth::True
    }

    fn without_indexed(&self, helpful: bool) -> Truth {
        match self {
            Compiled::Leaf(Leaf::Indexed { .. }) => Truth::False,
            Compiled::Leaf(Leaf::Ask(_)) => helpful.into(),
            Compiled::Leaf(Leaf::Unknown(_)) => Truth::Unknown,
            Compiled::Not(n) => !n.without_indexed(!helpful),
            Compiled::All(list) => list.iter().fold(Truth::True, |t, n| t.and(n.without_indexed(helpful))),
            Compiled::Any(list) => list.iter().fold(Truth::False, |t, n| t.or(n.without_indexed(helpful))),
        }
    }
}

impl Pattern {
    /// The ways in which it can hold, each of which is enough: a choice at the top is taken apart, so that
    /// most indicators become single terms.
    pub fn alternatives(self) -> Vec<Pattern> {
        match self {
            Pattern::Any(list) => list.into_iter().flat_map(Pattern::alternatives).collect(),
            Pattern::All(mut list) if list.len() == 1 => list.pop().map(Pattern::alternatives).unwrap_or_default(),
            Pattern::Object(node) => node.alternatives().into_iter().map(Pattern::Object).collect(),
            other => vec![other],
        }
    }
}

impl Node {
    fn alternatives(self) -> Vec<Node> {
        match self {
            Node::Any(list) => list.into_iter().flat_map(Node::alternatives).collect(),
            Node::All(mut list) if list.len() == 1 => list.pop().map(Node::alternatives).unwrap_or_default(),
            other => vec![other],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Field, Test};
    use super::*;
    use crate::ioc::HashValue;

    fn ask() -> Node {
        Node::Term(Term::Ask(Question { field: Field::Size, test: Test::Exists }))
    }

    fn hash(n: u8) -> Node {
        Node::Term(Term::Hash(HashValue::Md5([n; 16])))
    }

    fn compiled(node: Node) -> Compiled {
        let mut n = 0;
        Compiled::new(node, &mut |_| {
            n += 1;
            Ok(n)
        })
        .unwrap()
    }

    #[test]
    fn only_what_no_index_leads_to_stands_alone() {
        assert!(!compiled(Node::All(vec![hash(1), ask()])).stands_alone());
        assert!(compiled(ask()).stands_alone());
        assert!(compiled(Node::Any(vec![hash(1), ask()])).stands_alone());
        assert!(compiled(Node::All(vec![Node::Not(Box::new(hash(1))), ask()])).stands_alone());
        assert!(!compiled(Node::All(vec![ask(), Node::Unknown("x".into())])).stands_alone());
    }

    #[test]
    fn choices_are_taken_apart() {
        let pattern = Pattern::Any(vec![
            Pattern::Object(Node::Any(vec![hash(1), Node::Any(vec![hash(2), Node::All(vec![hash(3)])])])),
            Pattern::Object(Node::All(vec![hash(4), ask()])),
        ]);
        assert_eq!(pattern.alternatives().len(), 4);
    }
}
