//! How the engine searches for the patterns of a rule, which decides how fast a set of rules is.
//!
//! Up to 64 atoms (parts of patterns of at most four bytes) it looks for with a packed search (Teddy), in a fifth of the time
//! or less that any more take (yara-x 1.22, `src/compiler/rules.rs`). It then finds the same matches in another order, so that
//! lengths can differ of which one is kept. A set is therefore searched in that way only for whether any of its rules matches;
//! where one does, it is run once more among more atoms, as all rules are.

use yara_x_parser::ast::dfs::{DFSEvent, DFSIter};
use yara_x_parser::ast::{Expr, HexToken, Pattern, PatternModifier, PatternModifiers, Rule};

use super::expression::{self, LARGEST_GAP};

/// Most atoms that are searched for with a packed search.
pub const MOST_ATOMS: usize = 64;
/// Bytes of an atom where it can have them.
const ATOM: usize = 4;

/// How a rule is searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Search {
    /// About how many atoms its patterns have; more than [`MOST_ATOMS`] where that is unknown.
    pub atoms: usize,
    /// Whether it holds or not whatever the lengths of matches.
    pub steady: bool,
}

impl Search {
    pub fn of(rule: &Rule<'_>) -> Self {
        let patterns = || rule.patterns.iter().flatten();
        Self {
            atoms: patterns().map(atoms).fold(0, usize::saturating_add),
            steady: patterns().all(|pattern| !has_large_gaps(pattern)) && !asks_for_lengths(&rule.condition),
        }
    }

    /// Of two rules together.
    pub fn with(self, other: Self) -> Self {
        Self { atoms: self.atoms.saturating_add(other.atoms), steady: self.steady && other.steady }
    }
}

fn asks_for_lengths(condition: &Expr<'_>) -> bool {
    DFSIter::new(condition).any(|event| matches!(event, DFSEvent::Enter(Expr::PatternLength(_) | Expr::ForOf(_))))
}

fn atoms(pattern: &Pattern<'_>) -> usize {
    let modifiers = pattern.modifiers();
    let nocase = modifiers.nocase().is_some();
    match pattern {
        Pattern::Text(_) => forms(modifiers, nocase).saturating_mul(keys(modifiers)).saturating_mul(encodings(modifiers)),
        Pattern::Hex(hex) => {
            let exact = |token: &HexToken| matches!(token, HexToken::Byte(byte) if byte.mask == 0xff);
            let longest = hex.sub_patterns.0.split(|token| !exact(token)).map(<[HexToken]>::len).max();
            // Without such a run each byte that isn't fixed may be searched for as all that it can be.
            if longest >= Some(ATOM) { 1 } else { MOST_ATOMS + 1 }
        }
        Pattern::Regexp(re) => {
            let long_enough = |list: &Vec<Vec<u8>>| list.iter().all(|text| text.len() >= ATOM);
            let fewest = expression::required(re.regexp.src).into_iter().filter(long_enough).map(|list| list.len()).min();
            let each = forms(modifiers, nocase || re.regexp.case_insensitive);
            fewest.map_or(MOST_ATOMS + 1, |texts| texts.saturating_mul(each))
        }
    }
}

/// How many forms of a text there are: as it is and wide, each in capitals and small letters.
fn forms(modifiers: &PatternModifiers<'_>, nocase: bool) -> usize {
    let wide = modifiers.wide().is_some();
    let plain = modifiers.ascii().is_some() || !wide;
    let (cases, wide_cases) = if nocase { (1 << ATOM, 1 << (ATOM / 2)) } else { (1, 1) };
    usize::from(plain) * cases + usize::from(wide) * wide_cases
}

fn keys(modifiers: &PatternModifiers<'_>) -> usize {
    match modifiers.xor() {
        Some(PatternModifier::Xor { start, end, .. }) => usize::from(end.saturating_sub(*start)) + 1,
        _ => 1,
    }
}

/// Of base64: one for each place among three bytes.
fn encodings(modifiers: &PatternModifiers<'_>) -> usize {
    let kinds = usize::from(modifiers.base64().is_some()) + usize::from(modifiers.base64wide().is_some());
    if kinds == 0 { 1 } else { 3 * kinds }
}

fn has_large_gaps(pattern: &Pattern<'_>) -> bool {
    let longest = |token: &HexToken| match token {
        HexToken::Jump(jump) => jump.end.unwrap_or(u32::MAX),
        _ => 0,
    };
    match pattern {
        Pattern::Text(_) => false,
        // The engine makes one jump of several in a row: all of them are taken together.
        Pattern::Hex(hex) => hex.sub_patterns.0.iter().map(longest).fold(0, u32::saturating_add) >= LARGEST_GAP,
        Pattern::Regexp(re) => expression::may_have_large_gaps(re.regexp.src, re.regexp.dot_matches_new_line),
    }
}

#[cfg(test)]
mod tests {
    use yara_x_parser::ast::AST;

    use super::*;

    fn of(strings: &str, condition: &str) -> Search {
        let text = format!("rule r {{ strings: {strings} condition: {condition} }}");
        Search::of(AST::from(text.as_str()).rules().next().unwrap())
    }

    #[test]
    fn atoms_are_counted() {
        let atoms = |strings: &str| of(strings, "any of them").atoms;
        assert_eq!(atoms(r#"$a = "abcdef" $b = { 01 02 03 04 ?? 05 }"#), 2);
        assert_eq!(atoms(r#"$a = "abcdef" wide ascii"#), 2);
        assert_eq!(atoms(r#"$a = "abcdef" nocase wide ascii"#), 20);
        assert_eq!(atoms(r#"$a = "abcdef" xor"#), 256);
        assert_eq!(atoms(r#"$a = "abcdef" base64 base64wide"#), 6);
        assert_eq!(atoms("$a = /(evil|good) one[0-9]+/"), 2);
        assert!(atoms("$a = /[a-z]+/") > MOST_ATOMS && atoms("$a = { 01 ?? 02 ?? 03 }") > MOST_ATOMS);
    }

    #[test]
    fn what_may_depend_on_lengths_is_not_steady() {
        let steady = |strings: &str, condition: &str| of(strings, condition).steady;
        assert!(steady("$a = /ab+c/ $b = { 01 [2-9] 02 }", "all of them or #a > 3"));
        assert!(!steady("$a = /ab+c/", "!a[1] > 3"));
        assert!(!steady("$a = /ab+c/", "for any of them : (@ > 3)"));
        assert!(!steady("$a = { 01 [2-] 02 }", "$a") && !steady("$a = { 01 [2-200] 02 }", "$a"));
        assert!(!steady("$a = { 01 02 [0-150] [0-150] 03 04 }", "$a"), "jumps in a row are one");
        assert!(!steady("$a = /ab.*c/s", "$a"));
    }
}
