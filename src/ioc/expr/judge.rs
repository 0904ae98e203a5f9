//! Evaluating expressions for one object, and joining statements about several.

use std::collections::BTreeSet;

use super::compile::{Compiled, Domain, Leaf};
use super::{Field, Question, Test, Truth};

/// What is known of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Not known here: not read, not held, or damaged.
    Unknown,
    /// All values; none where the object has no such thing.
    Texts(Vec<String>),
    Numbers(Vec<f64>),
}

/// What can be asked about an object.
pub trait Facts {
    fn ask(&self, question: &Question) -> Answer;

    /// Whether the object was looked at for terms of a domain: if not, a term that wasn't found is unknown.
    fn covers(&self, domain: Domain) -> bool;

    /// Whether the object's source doesn't tell upper from lower case.
    fn folds_case(&self) -> bool;
}

/// Numbers of the indexed terms that were found in one object.
#[derive(Clone, Debug, Default)]
pub struct Seen(pub(in crate::ioc) BTreeSet<u32>);

/// What an expression came to for one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub truth: Truth,
    /// Whether a listed digest is among what was found.
    pub by_digest: bool,
    /// Whether anything but mentions in content is among what was found.
    pub beyond_mentions: bool,
    /// What could not be answered and might have changed the value, each once.
    pub undecided: Vec<String>,
}

/// Evaluates without shortcuts, so that `undecided` is complete.
pub fn judge(node: &Compiled, seen: &Seen, facts: &dyn Facts) -> Verdict {
    let mut verdict = Verdict { truth: Truth::False, by_digest: false, beyond_mentions: false, undecided: Vec::new() };
    verdict.truth = value(node, seen, facts, &mut verdict);
    if verdict.truth != Truth::Unknown {
        verdict.undecided.clear();
    }
    verdict
}

fn value(node: &Compiled, seen: &Seen, facts: &dyn Facts, out: &mut Verdict) -> Truth {
    match node {
        Compiled::Leaf(Leaf::Indexed { slot, domain }) => {
            if seen.0.contains(slot) {
                out.by_digest |= matches!(domain, Domain::Digest(_));
                out.beyond_mentions |= *domain != Domain::Content;
                Truth::True
            } else if facts.covers(*domain) {
                Truth::False
            } else {
                note(out, domain.words());
                Truth::Unknown
            }
        }
        Compiled::Leaf(Leaf::Ask(question)) => {
            let truth = answer(question, facts);
            match truth {
                Truth::Unknown => note(out, question.field.words()),
                Truth::True => out.beyond_mentions = true,
                Truth::False => {}
            }
            truth
        }
        Compiled::Leaf(Leaf::Unknown(words)) => {
            note(out, words);
            Truth::Unknown
        }
        Compiled::Not(n) => !value(n, seen, facts, out),
        Compiled::All(list) => list.iter().fold(Truth::True, |t, n| t.and(value(n, seen, facts, out))),
        Compiled::Any(list) => list.iter().fold(Truth::False, |t, n| t.or(value(n, seen, facts, out))),
    }
}

fn note(out: &mut Verdict, words: &str) {
    if !out.undecided.iter().any(|w| w == words) {
        out.undecided.push(words.to_owned());
    }
}

fn answer(question: &Question, facts: &dyn Facts) -> Truth {
    let folds = facts.folds_case();
    match (facts.ask(question), &question.test) {
        (Answer::Unknown, _) => Truth::Unknown,
        (Answer::Texts(t), Test::Exists) => (!t.is_empty()).into(),
        (Answer::Numbers(n), Test::Exists) => (!n.is_empty()).into(),
        (Answer::Texts(t), Test::Text(text)) => t.iter().any(|v| text.holds(v, folds)).into(),
        (Answer::Numbers(n), Test::Number(cmp, bound)) => n.iter().any(|v| cmp.holds(*v, *bound)).into(),
        (Answer::Texts(t), Test::Number(cmp, bound)) => {
            t.iter().filter_map(|v| v.trim().parse::<f64>().ok()).any(|v| cmp.holds(v, *bound)).into()
        }
        (Answer::Numbers(n), Test::Text(text)) => n.iter().any(|v| text.holds(&v.to_string(), folds)).into(),
    }
}

impl Domain {
    fn words(self) -> &'static str {
        match self {
            Domain::Digest(_) => "its digest",
            Domain::Imphash => "its import hash",
            Domain::Tlsh => "its TLSH",
            Domain::Path => "its path",
            Domain::Content => "its content",
            Domain::Registry => "the registry",
        }
    }
}

impl Field {
    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Field::Size => "its size",
            Field::Created => "the time it was created",
            Field::Modified => "the time it was modified",
            Field::Accessed => "the time it was read",
            Field::Changed => "the time its metadata changed",
            Field::Owner => "its owner",
            Field::MediaType => "its media type",
            Field::Entropy => "its entropy",
            Field::ContentText => "a text in its content",
            Field::Signed | Field::SignatureDigestOk => "its signature",
            Field::SignerSubject | Field::SignerIssuer | Field::SignerSerial | Field::SignerThumbprint => "its signer",
            Field::PdbPath => "its debug path",
            Field::OriginalFilename
            | Field::InternalName
            | Field::ProductName
            | Field::CompanyName
            | Field::FileDescription
            | Field::FileVersion
            | Field::LegalCopyright => "its version information",
            Field::PeTimestamp
            | Field::PeSectionName
            | Field::PeExportName
            | Field::PeExportDll
            | Field::PeImportDll
            | Field::PeImportName
            | Field::PeResourceName
            | Field::PeSubsystem
            | Field::PeIsDll
            | Field::PeEntryPoint => "its executable headers",
        }
    }
}

/// A [`super::Pattern`] with its statements about single objects as numbers.
#[derive(Clone, Debug)]
pub enum Joined {
    Part(u32),
    Unknown,
    Not(Box<Joined>),
    All(Vec<Joined>),
    Any(Vec<Joined>),
}

impl Joined {
    /// Whether the objects of a host, of which those numbered in `held` fit a statement, fulfil it. That no
    /// object fits is only known of what was scanned, so a negation is never more than unknown.
    pub fn value(&self, held: &BTreeSet<u32>) -> Truth {
        match self {
            Joined::Part(n) => held.contains(n).into(),
            Joined::Unknown => Truth::Unknown,
            Joined::Not(p) => match p.value(held) {
                Truth::True => Truth::False,
                Truth::False | Truth::Unknown => Truth::Unknown,
            },
            Joined::All(list) => list.iter().fold(Truth::True, |t, p| t.and(p.value(held))),
            Joined::Any(list) => list.iter().fold(Truth::False, |t, p| t.or(p.value(held))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Case, Cmp, Node, Term, Text, TextOp};
    use super::*;
    use crate::ioc::HashValue;

    struct Known {
        size: Option<f64>,
        covers: bool,
    }

    impl Facts for Known {
        fn ask(&self, question: &Question) -> Answer {
            match question.field {
                Field::Size => self.size.map_or(Answer::Unknown, |n| Answer::Numbers(vec![n])),
                Field::PeSectionName => Answer::Texts(vec![".text".into(), ".evil".into()]),
                _ => Answer::Texts(vec![]),
            }
        }

        fn covers(&self, _: Domain) -> bool {
            self.covers
        }

        fn folds_case(&self) -> bool {
            true
        }
    }

    fn verdict(node: Node, seen: &[u32], size: Option<f64>, covers: bool) -> Verdict {
        let mut n = 0;
        let compiled = Compiled::new(node, &mut |_| {
            n += 1;
            Ok(n - 1)
        });
        judge(&compiled.unwrap(), &Seen(seen.iter().copied().collect()), &Known { size, covers })
    }

    fn hash() -> Node {
        Node::Term(Term::Hash(HashValue::Md5([1; 16])))
    }

    fn size(cmp: Cmp, n: f64) -> Node {
        Node::Term(Term::Ask(Question { field: Field::Size, test: Test::Number(cmp, n) }))
    }

    #[test]
    fn a_hash_with_a_size() {
        let node = || Node::All(vec![hash(), size(Cmp::Eq, 5.0)]);
        assert_eq!(verdict(node(), &[0], Some(5.0), true).truth, Truth::True);
        assert!(verdict(node(), &[0], Some(5.0), true).by_digest);
        assert_eq!(verdict(node(), &[0], Some(6.0), true).truth, Truth::False);
        let open = verdict(node(), &[0], None, true);
        assert_eq!((open.truth, open.undecided), (Truth::Unknown, vec!["its size".to_owned()]));
        assert_eq!(verdict(node(), &[], Some(5.0), false).truth, Truth::Unknown);
        assert_eq!(verdict(node(), &[], Some(6.0), false).truth, Truth::False);
    }

    #[test]
    fn one_of_several_values_is_enough() {
        let test = Test::Text(Text::new(TextOp::Is, ".EVIL", Case::Source).unwrap());
        let node = |field| Node::Term(Term::Ask(Question { field, test: test.clone() }));
        assert_eq!(verdict(node(Field::PeSectionName), &[], None, true).truth, Truth::True);
        assert_eq!(verdict(node(Field::PeExportName), &[], None, true).truth, Truth::False);
        assert_eq!(verdict(Node::Not(Box::new(node(Field::PeExportName))), &[], None, true).truth, Truth::True);
    }

    #[test]
    fn objects_of_a_host_are_joined() {
        let both = Joined::All(vec![Joined::Part(0), Joined::Any(vec![Joined::Part(1), Joined::Unknown])]);
        assert_eq!(both.value(&BTreeSet::from([0, 1])), Truth::True);
        assert_eq!(both.value(&BTreeSet::from([0])), Truth::Unknown);
        assert_eq!(both.value(&BTreeSet::from([1])), Truth::False);
        let not = Joined::All(vec![Joined::Part(0), Joined::Not(Box::new(Joined::Part(1)))]);
        assert_eq!(not.value(&BTreeSet::from([0])), Truth::Unknown);
        assert_eq!(not.value(&BTreeSet::from([0, 1])), Truth::False);
    }
}
