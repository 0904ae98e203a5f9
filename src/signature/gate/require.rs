//! What must be true of an object before a rule can match it, read from the rule's syntax tree.
//!
//! Every answer is a necessary condition: where a part of a rule says nothing certain, nothing is required for it. What is
//! undefined counts as false in YARA, so that a comparison that holds was defined.

use std::collections::{BTreeMap, HashMap};

use yara_x_parser::ast::{BinaryExpr, Expr, Of, OfItems, PatternSet, Quantifier, Rule};

use super::literal::{self, Literal};

/// Bytes that stand at an offset.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct Head {
    pub offset: u32,
    pub bytes: Vec<u8>,
}

/// What an object must be like. All parts hold together.
#[derive(Clone, Debug, PartialEq, Eq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct Required {
    /// One of these heads.
    pub heads: Option<Vec<Head>>,
    /// Least and most bytes.
    pub size: (u64, u64),
    /// One of these literals, by their number.
    pub literals: Option<Vec<u32>>,
}

/// An alternative of more is none.
const MOST: usize = 256;

impl Required {
    pub const NOTHING: Self = Self { heads: None, size: (0, u64::MAX), literals: None };
    const NEVER: Self = Self { heads: None, size: (1, 0), literals: None };

    fn size(least: u64, most: u64) -> Self {
        Self { size: (least, most), ..Self::NOTHING }
    }

    fn and(self, other: Self, all: &Literals) -> Self {
        Self {
            heads: pick(self.heads, other.heads, |heads| heads.len()),
            size: (self.size.0.max(other.size.0), self.size.1.min(other.size.1)),
            literals: pick(self.literals, other.literals, |list| all.commonness(list)),
        }
    }

    fn or(self, other: Self) -> Self {
        // What never holds adds nothing.
        if self.size.0 > self.size.1 {
            return other;
        } else if other.size.0 > other.size.1 {
            return self;
        }
        Self {
            heads: both(self.heads, other.heads),
            size: (self.size.0.min(other.size.0), self.size.1.max(other.size.1)),
            literals: both(self.literals, other.literals).map(|mut list| {
                list.sort_unstable();
                list.dedup();
                list
            }),
        }
    }

    /// Whether an object's size and first bytes allow the rule.
    pub fn allows(&self, data: &[u8]) -> bool {
        let size = data.len() as u64;
        let stands = |head: &Head| data.get(head.offset as usize..).is_some_and(|rest| rest.starts_with(&head.bytes));
        self.size.0 <= size && size <= self.size.1 && self.heads.as_ref().is_none_or(|heads| heads.iter().any(stands))
    }
}

/// The one that says more, by the lower cost.
fn pick<T, C: Ord>(a: Option<T>, b: Option<T>, cost: impl Fn(&T) -> C) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if cost(&b) < cost(&a) { b } else { a }),
        (a, b) => a.or(b),
    }
}

fn both<T>(a: Option<Vec<T>>, b: Option<Vec<T>>) -> Option<Vec<T>> {
    let (mut a, b) = (a?, b?);
    a.extend(b);
    (a.len() <= MOST).then_some(a)
}

/// All literals of all rules, each once.
#[derive(Default)]
pub struct Literals {
    pub list: Vec<Literal>,
    numbers: HashMap<Literal, u32>,
}

impl Literals {
    fn number(&mut self, literal: Literal) -> Option<u32> {
        if let Some(known) = self.numbers.get(&literal) {
            return Some(*known);
        }
        let next = u32::try_from(self.list.len()).ok()?;
        self.list.push(literal.clone());
        self.numbers.insert(literal, next);
        Some(next)
    }

    /// Of one of several: as the most common of them, and more of them are more common.
    pub fn commonness(&self, list: &[u32]) -> u32 {
        let each = list.iter().filter_map(|n| self.list.get(*n as usize)).map(Literal::commonness);
        each.max().unwrap_or(0).saturating_add(u32::try_from(list.len()).unwrap_or(u32::MAX))
    }
}

/// Reads rules one after the other, those in force alone; later ones refer to earlier ones.
pub struct Reader<'l> {
    pub literals: &'l mut Literals,
    /// Rules of the same file so far.
    pub known: BTreeMap<String, Required>,
}

/// The patterns of a rule by name, and of which literals one must be there.
type Patterns = Vec<(String, Option<Vec<u32>>)>;

impl Reader<'_> {
    /// What a rule requires.
    pub fn rule(&mut self, rule: &Rule<'_>) -> Required {
        let mut patterns = Patterns::new();
        for pattern in rule.patterns.iter().flatten() {
            let literals = literal::of(pattern).and_then(|all| all.into_iter().map(|l| self.literals.number(l)).collect());
            patterns.push((pattern.identifier().name.to_owned(), literals));
        }
        let required = self.expr(&rule.condition, &patterns);
        self.known.insert(rule.identifier.name.to_owned(), required.clone());
        required
    }

    fn expr(&self, expr: &Expr<'_>, patterns: &Patterns) -> Required {
        let all = |operands: &[Expr<'_>]| {
            operands.iter().fold(Required::NOTHING, |so_far, e| so_far.and(self.expr(e, patterns), self.literals))
        };
        match expr {
            Expr::False { .. } => Required::NEVER,
            Expr::And(and) => all(&and.operands),
            Expr::Or(or) => or.operands.iter().map(|e| self.expr(e, patterns)).fold(Required::NEVER, Required::or),
            Expr::PatternMatch(m) => self.one(m.identifier.name, patterns),
            Expr::Ident(name) => self.known.get(name.name).cloned().unwrap_or(Required::NOTHING),
            Expr::Of(of) => self.of(of, patterns),
            Expr::Eq(e) => self.equal(e, patterns),
            Expr::Lt(e) => self.order(e, patterns, true, 1),
            Expr::Le(e) => self.order(e, patterns, true, 0),
            Expr::Gt(e) => self.order(e, patterns, false, 1),
            Expr::Ge(e) => self.order(e, patterns, false, 0),
            _ => Required::NOTHING,
        }
    }

    fn one(&self, name: &str, patterns: &Patterns) -> Required {
        // Behind the first character, which tells whether a match, a count or a place of it is meant.
        let same = |known: &str| known.get(1..).is_some_and(|known| Some(known) == name.get(1..));
        let literals = patterns.iter().find(|(known, _)| same(known)).and_then(|(_, literals)| literals.clone());
        Required { literals, ..Required::NOTHING }
    }

    /// `less` where the left side is the smaller one, by `more` at least.
    fn order(&self, e: &BinaryExpr<'_>, patterns: &Patterns, less: bool, more: u64) -> Required {
        let (subject, bound, less) = match (integer(&e.lhs), integer(&e.rhs)) {
            (None, Some(n)) => (&e.lhs, n, less),
            (Some(n), None) => (&e.rhs, n, !less),
            _ => return Required::NOTHING,
        };
        match (subject, less) {
            (Expr::Filesize { .. }, true) => bound.checked_sub(more).map_or(Required::NEVER, |most| Required::size(0, most)),
            (Expr::Filesize { .. }, false) => Required::size(bound.saturating_add(more), u64::MAX),
            // More than none.
            (Expr::PatternCount(count), false) if bound.saturating_add(more) > 0 => self.one(count.identifier.name, patterns),
            _ => Required::NOTHING,
        }
    }

    fn equal(&self, e: &BinaryExpr<'_>, patterns: &Patterns) -> Required {
        let (subject, value) = match (integer(&e.lhs), integer(&e.rhs)) {
            (None, Some(n)) => (&e.lhs, n),
            (Some(n), None) => (&e.rhs, n),
            _ => return Required::NOTHING,
        };
        match subject {
            Expr::Filesize { .. } => Required::size(value, value),
            Expr::PatternCount(count) if value > 0 => self.one(count.identifier.name, patterns),
            Expr::FuncCall(call) if call.object.is_none() => {
                let offset = call.args.first().and_then(integer).and_then(|n| u32::try_from(n).ok());
                let head = offset.and_then(|offset| Some(Head { offset, bytes: number(call.identifier.name, value)? }));
                Required { heads: head.map(|head| vec![head]), ..Required::NOTHING }
            }
            _ => Required::NOTHING,
        }
    }

    fn of(&self, of: &Of<'_>, patterns: &Patterns) -> Required {
        let items: Vec<Option<Vec<u32>>> = match &of.items {
            OfItems::PatternSet(PatternSet::Them { .. }) => patterns.iter().map(|(_, literals)| literals.clone()).collect(),
            OfItems::PatternSet(PatternSet::Set(set)) => {
                let is_in = |name: &str| {
                    set.iter().any(|item| if item.wildcard { name.starts_with(item.identifier) } else { name == item.identifier })
                };
                patterns.iter().filter(|(name, _)| is_in(name)).map(|(_, literals)| literals.clone()).collect()
            }
            OfItems::BoolExprTuple(_) => return Required::NOTHING,
        };
        let count = match &of.quantifier {
            Quantifier::All { .. } => items.len(),
            Quantifier::Any { .. } => 1,
            Quantifier::Percentage(share) if integer(share).is_some_and(|n| n > 0) => 1,
            Quantifier::Expr(n) => integer(n).and_then(|n| usize::try_from(n).ok()).unwrap_or(0),
            _ => 0,
        };
        if count == 0 || items.is_empty() || count > items.len() {
            return Required::NOTHING;
        }
        // Of any so many one has to match: the rarest are taken.
        let enough = items.len() - count + 1;
        let mut lists: Vec<Vec<u32>> = items.into_iter().flatten().collect();
        lists.sort_by_key(|list| self.literals.commonness(list));
        lists.truncate(enough);
        if lists.len() < enough {
            return Required::NOTHING;
        }
        let mut literals = lists.concat();
        literals.sort_unstable();
        literals.dedup();
        Required { literals: (literals.len() <= MOST).then_some(literals), ..Required::NOTHING }
    }
}

/// A number that isn't negative.
fn integer(expr: &Expr<'_>) -> Option<u64> {
    match expr {
        Expr::LiteralInteger(n) => u64::try_from(n.value).ok(),
        _ => None,
    }
}

/// The bytes that a function reads where it gives this value.
fn number(function: &str, value: u64) -> Option<Vec<u8>> {
    let (big, name) = match function.strip_suffix("be") {
        Some(name) => (true, name),
        None => (false, function),
    };
    let (width, signed) = match name {
        "uint8" => (1, false),
        "uint16" => (2, false),
        "uint32" => (4, false),
        "int8" => (1, true),
        "int16" => (2, true),
        "int32" => (4, true),
        _ => return None,
    };
    let bits = width * 8 - u32::from(signed);
    // A value that doesn't fit is never read.
    if value >> bits != 0 {
        return None;
    }
    let width = usize::try_from(width).ok()?;
    Some(if big { value.to_be_bytes()[8 - width..].to_vec() } else { value.to_le_bytes()[..width].to_vec() })
}

#[cfg(test)]
mod tests {
    use yara_x_parser::ast::AST;

    use super::*;

    /// Heads, sizes, literals.
    type Told = (Option<Vec<(u32, String)>>, (u64, u64), Option<Vec<String>>);

    /// What the last rule requires.
    fn required(text: &str) -> Told {
        let ast = AST::from(text);
        let mut literals = Literals::default();
        let mut reader = Reader { literals: &mut literals, known: BTreeMap::new() };
        let last = ast.rules().map(|rule| reader.rule(rule)).last().unwrap();
        let heads = last.heads.map(|h| h.iter().map(|h| (h.offset, h.bytes.escape_ascii().to_string())).collect());
        let texts = last.literals.map(|list| {
            let mut texts: Vec<String> =
                list.iter().map(|n| literals.list[*n as usize].bytes.escape_ascii().to_string()).collect();
            texts.sort();
            texts
        });
        (heads, last.size, texts)
    }

    fn rule(condition: &str) -> String {
        format!("rule r {{ strings: $a1 = \"qzxj1\" $a2 = \"qzxj2\" $b = \"wxyv3\" $short = \"ab\" condition: {condition} }}")
    }

    fn literals(condition: &str) -> Option<Vec<String>> {
        required(&rule(condition)).2
    }

    fn some(texts: &[&str]) -> Option<Vec<String>> {
        Some(texts.iter().map(|t| (*t).to_owned()).collect())
    }

    #[test]
    fn patterns_are_required_where_they_must_match() {
        assert_eq!(literals("$a1"), some(&["qzxj1"]));
        assert_eq!(literals("$a1 at 0 and $short"), some(&["qzxj1"]));
        assert_eq!(literals("$a1 or $b"), some(&["qzxj1", "wxyv3"]));
        assert_eq!(literals("$a1 or $short"), None);
        assert_eq!(literals("not $a1"), None);
        assert_eq!(literals("#a1 > 2"), some(&["qzxj1"]));
        assert_eq!(literals("2 <= #a1"), some(&["qzxj1"]));
        assert_eq!(literals("#a1 < 2"), None);
        assert_eq!(literals("#a1 == 0"), None);
        assert_eq!(literals("#a1 >= 0"), None);
        assert_eq!(literals("for any of ($a*) : ( @ > 3 )"), None, "not looked into");
    }

    #[test]
    fn sets_require_as_many_as_can_be_missing() {
        assert_eq!(literals("any of ($a*)"), some(&["qzxj1", "qzxj2"]));
        assert_eq!(literals("all of ($a*)").unwrap().len(), 1);
        assert_eq!(literals("2 of ($a1, $a2, $b)").unwrap().len(), 2);
        assert_eq!(literals("any of them"), None, "one of them is too short");
        assert_eq!(literals("2 of them").unwrap().len(), 3);
        assert_eq!(literals("all of them").unwrap().len(), 1);
        assert_eq!(literals("none of ($a*)"), None);
        assert_eq!(literals("0 of ($a*)"), None);
        assert_eq!(literals("50% of ($a*)"), some(&["qzxj1", "qzxj2"]));
    }

    #[test]
    fn heads_and_sizes_are_required() {
        let (heads, size, _) = required(&rule("uint16(0) == 0x5a4d and filesize < 10KB and filesize > 5"));
        assert_eq!((heads, size), (Some(vec![(0, "MZ".to_owned())]), (6, 10_239)));
        let (heads, ..) = required(&rule("uint32be(4) == 0x7f454c46 or 0x5a4d == uint16(0)"));
        assert_eq!(heads, Some(vec![(4, "\\x7fELF".to_owned()), (0, "MZ".to_owned())]));
        assert_eq!(required(&rule("uint16(uint32(0x3c)) == 0x4550")).0, None);
        assert_eq!(required(&rule("uint16(0) != 0x5a4d")).0, None);
        assert_eq!(required(&rule("int8(0) == 200")).0, None);
        assert_eq!(required(&rule("filesize == 4 or filesize <= 2")).1, (0, 4));
        assert_eq!(required(&rule("100 > filesize")).1, (0, 99));
    }

    #[test]
    fn rules_that_others_name_count_for_them() {
        let text = format!("private {} rule s {{ condition: r and filesize < 9 }}", rule("$b"));
        assert_eq!((required(&text).1, required(&text).2), ((0, 8), some(&["wxyv3"])));
    }
}
