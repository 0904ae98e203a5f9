//! Indicators that are expressions: STIX patterns, OpenIOC trees, rows that name a file and its hash.
//!
//! A [`Node`] is about one object; a [`Pattern`] joins statements about several objects of one host. Both are
//! evaluated in three values (Kleene's strong logic of indeterminacy): what can't be answered here is unknown,
//! and an indicator that depends on it is never reported as true.
//!
//! Terms that one pass over an object finds (digests, paths, mentions, registry keys) are kept in the indexes
//! of the [`super::IndicatorSet`]; an expression is only looked at where one of them was found, or where it has
//! no such term at all.

mod compile;
mod judge;
mod term;
mod text;

pub use compile::Domain;
pub use judge::{Answer, Facts, Seen, Verdict};
pub use term::{Cmp, Field, Part, Question, Registry, Term, Test};
pub use text::{Case, Text, TextOp};

pub(super) use compile::Compiled;
pub(super) use judge::{Joined, judge};

/// Nesting that is taken in an expression; deeper ones are refused when they are loaded.
pub const MAX_DEPTH: usize = 64;

/// The three values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Truth {
    False,
    Unknown,
    True,
}

impl Truth {
    /// The weaker of two.
    pub fn and(self, other: Self) -> Self {
        self.min(other)
    }

    /// The stronger of two.
    pub fn or(self, other: Self) -> Self {
        self.max(other)
    }
}

impl std::ops::Not for Truth {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Truth::True => Truth::False,
            Truth::False => Truth::True,
            Truth::Unknown => Truth::Unknown,
        }
    }
}

impl From<bool> for Truth {
    fn from(b: bool) -> Self {
        if b { Truth::True } else { Truth::False }
    }
}

/// A statement about one object.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    Term(Term),
    /// What nothing here can answer, in words, as `process:name`.
    Unknown(String),
    Not(Box<Node>),
    All(Vec<Node>),
    Any(Vec<Node>),
}

/// A statement about the objects of one host.
#[derive(Clone, Debug, PartialEq)]
pub enum Pattern {
    /// Some object of the host.
    Object(Node),
    /// Not decidable by a scan (a qualifier, an order in time), in words.
    Unknown(String),
    Not(Box<Pattern>),
    All(Vec<Pattern>),
    Any(Vec<Pattern>),
}

impl Node {
    /// Levels of nesting; 1 for a term.
    pub fn depth(&self) -> usize {
        match self {
            Node::Term(_) | Node::Unknown(_) => 1,
            Node::Not(n) => n.depth().saturating_add(1),
            Node::All(list) | Node::Any(list) => list.iter().map(Node::depth).max().unwrap_or(0).saturating_add(1),
        }
    }

    /// The same statement where terms of one kind never hold.
    pub fn without(self, never: &impl Fn(&Term) -> bool) -> Self {
        let each = |list: Vec<Node>| list.into_iter().map(|n| n.without(never)).collect();
        match self {
            Node::Term(t) if never(&t) => Node::Any(Vec::new()),
            Node::Not(n) => Node::Not(Box::new(n.without(never))),
            Node::All(list) => Node::All(each(list)),
            Node::Any(list) => Node::Any(each(list)),
            other => other,
        }
    }

    /// What can't be answered here, in the order of the expression, each once.
    pub fn unknowns(&self) -> Vec<&str> {
        let mut out = Vec::new();
        self.walk(&mut |n| {
            if let Node::Unknown(words) = n
                && !out.contains(&words.as_str())
            {
                out.push(words.as_str());
            }
        });
        out
    }

    fn walk<'a>(&'a self, each: &mut impl FnMut(&'a Node)) {
        each(self);
        match self {
            Node::Term(_) | Node::Unknown(_) => {}
            Node::Not(n) => n.walk(each),
            Node::All(list) | Node::Any(list) => list.iter().for_each(|n| n.walk(each)),
        }
    }

    /// The value where every term that could be answered is as helpful as it can be: unknown here means that
    /// nothing this program sees can ever make the expression true.
    pub fn best(&self) -> Truth {
        self.bound(true)
    }

    /// [`Truth::True`] where even the least helpful answers leave it true: it holds for every object.
    pub fn worst(&self) -> Truth {
        self.bound(false)
    }

    /// Whether it holds for an object that has nothing of what is asked for: it only says what is not there,
    /// and so accuses nearly everything.
    pub fn holds_for_nothing(&self) -> bool {
        self.with_terms_false() == Truth::True
    }

    fn with_terms_false(&self) -> Truth {
        match self {
            Node::Term(_) => Truth::False,
            Node::Unknown(_) => Truth::Unknown,
            Node::Not(n) => !n.with_terms_false(),
            Node::All(list) => list.iter().fold(Truth::True, |t, n| t.and(n.with_terms_false())),
            Node::Any(list) => list.iter().fold(Truth::False, |t, n| t.or(n.with_terms_false())),
        }
    }

    fn bound(&self, helpful: bool) -> Truth {
        match self {
            Node::Term(_) => helpful.into(),
            Node::Unknown(_) => Truth::Unknown,
            Node::Not(n) => !n.bound(!helpful),
            Node::All(list) => list.iter().fold(Truth::True, |t, n| t.and(n.bound(helpful))),
            Node::Any(list) => list.iter().fold(Truth::False, |t, n| t.or(n.bound(helpful))),
        }
    }
}

impl Pattern {
    /// Levels of nesting, those of the objects' statements included.
    pub fn depth(&self) -> usize {
        match self {
            Pattern::Object(n) => n.depth().saturating_add(1),
            Pattern::Unknown(_) => 1,
            Pattern::Not(p) => p.depth().saturating_add(1),
            Pattern::All(list) | Pattern::Any(list) => list.iter().map(Pattern::depth).max().unwrap_or(0).saturating_add(1),
        }
    }

    /// As [`Node::unknowns`].
    pub fn unknowns(&self) -> Vec<&str> {
        let mut out: Vec<&str> = match self {
            Pattern::Object(n) => n.unknowns(),
            Pattern::Unknown(words) => vec![words],
            Pattern::Not(p) => p.unknowns(),
            Pattern::All(list) | Pattern::Any(list) => list.iter().flat_map(Pattern::unknowns).collect(),
        };
        let mut seen = Vec::new();
        out.retain(|w| {
            !seen.contains(w) && {
                seen.push(*w);
                true
            }
        });
        out
    }

    /// As [`Node::best`].
    pub fn best(&self) -> Truth {
        self.bound(true)
    }

    /// As [`Node::worst`].
    pub fn worst(&self) -> Truth {
        self.bound(false)
    }

    fn bound(&self, helpful: bool) -> Truth {
        match self {
            Pattern::Object(n) => n.bound(helpful),
            Pattern::Unknown(_) => Truth::Unknown,
            Pattern::Not(p) => !p.bound(!helpful),
            Pattern::All(list) => list.iter().fold(Truth::True, |t, p| t.and(p.bound(helpful))),
            Pattern::Any(list) => list.iter().fold(Truth::False, |t, p| t.or(p.bound(helpful))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn term() -> Node {
        Node::Term(Term::Ask(Question { field: Field::Size, test: Test::Exists }))
    }

    fn unknown() -> Node {
        Node::Unknown("process:name".into())
    }

    #[test]
    fn kleene() {
        use Truth::{False, True, Unknown};
        assert_eq!(True.and(Unknown), Unknown);
        assert_eq!(False.and(Unknown), False);
        assert_eq!(True.or(Unknown), True);
        assert_eq!(False.or(Unknown), Unknown);
        assert_eq!(!Unknown, Unknown);
        assert_eq!(!True, False);
    }

    #[test]
    fn what_can_never_hold_and_what_always_does() {
        assert_eq!(Node::All(vec![term(), unknown()]).best(), Truth::Unknown);
        assert_eq!(Node::Any(vec![term(), unknown()]).best(), Truth::True);
        assert_eq!(Node::Not(Box::new(unknown())).best(), Truth::Unknown);
        assert_eq!(Node::Not(Box::new(term())).best(), Truth::True);
        assert_eq!(Node::Any(vec![term(), Node::Not(Box::new(unknown()))]).worst(), Truth::Unknown);
        assert_eq!(Node::All(vec![]).worst(), Truth::True);
        let not = || Node::Not(Box::new(term()));
        assert!(not().holds_for_nothing() && Node::All(vec![not(), not()]).holds_for_nothing());
        assert!(!Node::All(vec![not(), term()]).holds_for_nothing() && !term().holds_for_nothing());
        assert!(Node::Any(vec![not(), term()]).holds_for_nothing());
        assert_eq!(Pattern::All(vec![Pattern::Object(term()), Pattern::Unknown("WITHIN".into())]).best(), Truth::Unknown);
    }

    #[test]
    fn unknowns_are_told_once() {
        let node = Node::Any(vec![unknown(), Node::Not(Box::new(unknown())), term()]);
        assert_eq!(node.unknowns(), ["process:name"]);
        assert_eq!(node.depth(), 3);
        let pattern = Pattern::Any(vec![Pattern::Object(node.clone()), Pattern::Object(node), Pattern::Unknown("x".into())]);
        assert_eq!(pattern.unknowns(), ["process:name", "x"]);
    }
}
