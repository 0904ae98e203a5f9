//! What an expression holds for certain: lists of texts, of each of which one stands in whatever it matches.
//!
//! It is parsed by the library that the engine parses it with, under the same options; where the engine mends an expression
//! first, nothing is known of it.

use regex_syntax::ast::parse::ParserBuilder;
use regex_syntax::hir::translate::TranslatorBuilder;
use regex_syntax::hir::{Class, Hir, HirKind};

/// Texts that are followed side by side.
const MOST: usize = 32;
/// Bytes of a text that is followed.
const LONGEST: usize = 64;
/// Times that one byte or text is followed where it is repeated.
const MOST_TIMES: u32 = 32;
/// Bytes of a class that are followed.
const FEW: usize = 4;
/// Levels of an expression that are gone into.
const DEEPEST: u32 = 50;

/// Larger gaps of any bytes make two patterns of one, where the length of a match decides whether it is one (yara-x 1.22).
pub const LARGEST_GAP: u32 = 200;

fn parsed(src: &str, dot_all: bool) -> Option<Hir> {
    let ast = ParserBuilder::new().empty_min_range(true).nest_limit(DEEPEST).build().parse(src).ok()?;
    let mut translator = TranslatorBuilder::new();
    translator.unicode(false).utf8(false).dot_matches_new_line(dot_all).build().translate(src, &ast).ok()
}

/// Whether it may have gaps of that size; `dot_all` where a dot stands for the end of a line, too.
pub fn may_have_large_gaps(src: &str, dot_all: bool) -> bool {
    fn any(hir: &Hir) -> bool {
        match hir.kind() {
            HirKind::Repetition(repeated) => {
                let large = repeated.max.is_none_or(|most| most >= LARGEST_GAP);
                (large && is_any_byte(&repeated.sub)) || any(&repeated.sub)
            }
            HirKind::Capture(group) => any(&group.sub),
            HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().any(any),
            HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => false,
        }
    }
    parsed(src, dot_all).is_none_or(|hir| any(&hir))
}

fn is_any_byte(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Class(Class::Bytes(class)) => class.ranges().iter().any(|range| range.start() == 0 && range.end() == u8::MAX),
        HirKind::Capture(group) => is_any_byte(&group.sub),
        _ => false,
    }
}

pub fn required(src: &str) -> Vec<Vec<Vec<u8>>> {
    let Some(hir) = parsed(src, false) else { return Vec::new() };
    let mut texts = Texts::new();
    texts.follow(&hir);
    texts.end();
    texts.done
}

struct Texts {
    /// All that can stand here, each as it is.
    here: Vec<Vec<u8>>,
    /// Whether that is all there is.
    whole: bool,
    done: Vec<Vec<Vec<u8>>>,
}

impl Texts {
    fn new() -> Self {
        Self { here: vec![Vec::new()], whole: true, done: Vec::new() }
    }

    /// What comes next can be anything.
    fn end(&mut self) {
        let here = std::mem::replace(&mut self.here, vec![Vec::new()]);
        self.whole = false;
        if here.iter().all(|text| !text.is_empty()) {
            self.done.push(here);
        }
    }

    /// One of these comes next.
    fn one_of(&mut self, next: &[Vec<u8>]) {
        let longest = |texts: &[Vec<u8>]| texts.iter().map(Vec::len).max().unwrap_or(0);
        if self.here.len().saturating_mul(next.len()) > MOST || longest(&self.here) + longest(next) > LONGEST {
            self.end();
        }
        if next.len() > MOST {
            self.whole = false;
            return self.done.push(next.to_vec());
        }
        self.here = self.here.iter().flat_map(|text| next.iter().map(move |more| [text.as_slice(), more].concat())).collect();
    }

    fn follow(&mut self, hir: &Hir) {
        match hir.kind() {
            HirKind::Empty => {}
            HirKind::Literal(bytes) => self.one_of(&[bytes.0.to_vec()]),
            HirKind::Class(class) => match few(class) {
                Some(bytes) => self.one_of(&bytes),
                None => self.end(),
            },
            HirKind::Look(_) => self.end(),
            HirKind::Repetition(repeated) if repeated.min == 0 => match self.alone(&repeated.sub) {
                Some(texts) if repeated.max == Some(1) => self.one_of(&[vec![Vec::new()], texts].concat()),
                _ => self.end(),
            },
            HirKind::Repetition(repeated) => {
                // Repetitions of repetitions would take as long as they are.
                let simple = matches!(repeated.sub.kind(), HirKind::Literal(_) | HirKind::Class(_));
                let times = if simple { repeated.min.min(MOST_TIMES) } else { 1 };
                (0..times).for_each(|_| self.follow(&repeated.sub));
                if repeated.max != Some(times) {
                    self.end();
                }
            }
            HirKind::Capture(group) => self.follow(&group.sub),
            HirKind::Concat(parts) => parts.iter().for_each(|part| self.follow(part)),
            HirKind::Alternation(parts) => self.either(parts),
        }
    }

    /// All that a part can be, where that is known.
    fn alone(&self, part: &Hir) -> Option<Vec<Vec<u8>>> {
        let mut texts = Self::new();
        texts.follow(part);
        texts.whole.then_some(texts.here)
    }

    fn either(&mut self, parts: &[Hir]) {
        if let Some(texts) = parts.iter().map(|part| self.alone(part)).collect::<Option<Vec<_>>>() {
            return self.one_of(&texts.concat());
        }
        // Each goes on from here, and of each the list counts whose shortest text is longest.
        let best = |part| {
            let mut texts = Self { here: self.here.clone(), whole: true, done: Vec::new() };
            texts.follow(part);
            texts.end();
            texts.done.into_iter().max_by_key(|list| list.iter().map(Vec::len).min())
        };
        let lists = parts.iter().map(best).collect::<Option<Vec<_>>>();
        self.end();
        self.done.extend(lists.map(|lists| lists.concat()));
    }
}

/// The bytes of a class of few.
fn few(class: &Class) -> Option<Vec<Vec<u8>>> {
    let Class::Bytes(class) = class else { return None };
    let bytes = class.ranges().iter().flat_map(|range| range.start()..=range.end()).map(|byte| vec![byte]);
    let few: Vec<Vec<u8>> = bytes.take(FEW + 1).collect();
    (few.len() <= FEW).then_some(few)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(src: &str) -> Vec<Vec<String>> {
        let text = |text: &Vec<u8>| text.escape_ascii().to_string();
        required(src).iter().map(|list| list.iter().map(text).collect()).collect()
    }

    #[test]
    fn what_stands_in_every_match_is_told() {
        assert_eq!(shown("evil[0-9]+xyzzy"), [["evil"], ["xyzzy"]]);
        assert_eq!(shown("abcdefg?hij"), [["abcdefhij", "abcdefghij"]]);
        assert_eq!(shown("abcd{0,2}"), [["abc"]]);
        assert_eq!(shown("a(bc|d?)e"), [["abce", "ae", "ade"]]);
        assert_eq!(shown("x(one[0-9]|two?)"), [vec!["x"], vec!["xone", "xtw", "xtwo"]]);
        assert_eq!(shown("abcd+efg"), [["abcd"], ["efg"]]);
        assert_eq!(shown("ab{3}c"), [["abbbc"]]);
        assert_eq!(shown("(ab){3}c"), [["ab"], ["c"]]);
        assert_eq!(shown("(ldap|rmi)://[a-z]+"), [["ldap://", "rmi://"]]);
        assert_eq!(shown("(one[0-9]|two.*|three)x"), [vec!["one", "two", "three"], vec!["x"]]);
        assert_eq!(shown("abc|defg"), [["abc", "defg"]]);
        assert_eq!(shown("a[bc]d"), [["abd", "acd"]]);
        assert_eq!(shown(r"\x41\x42\.exe"), [["AB.exe"]]);
        assert_eq!(shown(r"ab\bcd"), [["ab"], ["cd"]]);
        assert_eq!(shown("(abc)?def"), [["def", "abcdef"]]);
        assert_eq!(shown("(abc)*def"), [["def"]]);
        assert_eq!(shown("^abc$"), [["abc"]]);
        for nothing in ["[a-z]+", "(abc|[0-9])", "a|", "", "ab{e|f", "(((((a{9}){9}){9}){9}){9}"] {
            assert!(required(nothing).is_empty() || nothing.starts_with("(((((a"), "{nothing}");
        }
    }

    #[test]
    fn large_gaps_are_seen() {
        for large in [r"a[\s\S]*b", r"a(x|[\x00-\xff]+)b", r"a[\d\D]{3,200}b", "ab{e|f"] {
            assert!(may_have_large_gaps(large, false), "{large}");
        }
        for small in ["a.*b", r"a[\s\S]{3,199}b", "a[^x]*b", "a{300}"] {
            assert!(!may_have_large_gaps(small, false), "{small}");
        }
        assert!(may_have_large_gaps("a.*b", true) && !may_have_large_gaps("a.{3}b", true));
    }

    #[test]
    fn long_ones_are_cut() {
        assert!(required(&"[ab]".repeat(500)).iter().flatten().all(|text| text.len() <= LONGEST));
        assert!(required(&"(a|bc)".repeat(500)).iter().all(|list| list.len() <= MOST));
        assert_eq!(required(&"(".repeat(500)).len(), 0);
        let nested = format!("{}abc{}", "(".repeat(20), "){200}".repeat(20));
        assert_eq!(shown(&nested), [["abc"]]);
    }

    /// An expression and something that it matches.
    type Matched = (String, Vec<u8>);

    fn matched() -> impl Strategy<Value = Matched> {
        let letter = "[a-d]".prop_map(|c| (c.clone(), c.into_bytes()));
        let other = prop::sample::select(vec![
            ("\\.", &b"."[..]),
            ("\\x41", b"A"),
            ("[bc]", b"c"),
            (".", b"d"),
            ("\\d", b"7"),
            ("[^]x]", b"a"),
            ("[a-d]", b"c"),
            ("(?:)", b""),
        ]);
        let leaf = prop_oneof![4 => letter, 1 => other.prop_map(|(re, bytes)| (re.to_owned(), bytes.to_vec()))];
        leaf.prop_recursive(5, 60, 6, |inner| {
            let repeats = prop::sample::select(vec![
                ("*", 0),
                ("+", 1),
                ("?", 0),
                ("{0,2}", 0),
                ("{,2}", 0),
                ("{2}", 2),
                ("{1,3}", 1),
                ("+*", 0),
                ("+?", 1),
                ("*?", 0),
                ("+{0,2}", 0),
                ("{2}?", 2),
            ]);
            let repeated = (inner.clone(), repeats, 0..2_usize).prop_map(|((re, bytes), (quantifier, least), more)| {
                let re = if re.len() == 1 { re } else { format!("({re})") };
                // Two times exactly is no more than that.
                let times = if quantifier.starts_with("{2}") { 2 } else { least + more };
                (format!("{re}{quantifier}"), bytes.repeat(times))
            });
            let one_of = (inner.clone(), inner.clone(), any::<bool>())
                .prop_map(|(a, b, first)| (format!("({}|{})", a.0, b.0), if first { a.1 } else { b.1 }));
            let joined = prop::collection::vec(inner, 1..6)
                .prop_map(|all| (all.iter().map(|m| m.0.as_str()).collect(), all.iter().flat_map(|m| m.1.clone()).collect()));
            prop_oneof![2 => repeated, 1 => one_of, 3 => joined]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]
        #[test]
        fn what_is_required_stands_in_what_matches((re, bytes) in matched()) {
            for list in required(&re) {
                let stands = |text: &Vec<u8>| bytes.windows(text.len()).any(|w| w == text);
                prop_assert!(list.iter().any(stands), "{:?} in {} of {}", list, bytes.escape_ascii(), re);
            }
        }
    }
}
