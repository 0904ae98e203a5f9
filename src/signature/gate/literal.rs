//! What has to stand in the bytes where a pattern matches: runs of fixed bytes.

use yara_x_parser::ast::{HexToken, Pattern};

/// Bytes of a window, by which a literal is looked for.
pub const WINDOW: usize = 4;
/// Of the windows of an object every so manieth is looked at.
pub const STRIDE: usize = 4;
/// Least bytes of a literal: it holds such a window wherever it stands.
pub const LEAST: usize = WINDOW + STRIDE - 1;
/// Most bytes of a literal that are compared.
const MOST: usize = 32;

/// A run of fixed bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct Literal {
    /// In lower case where `nocase`.
    pub bytes: Vec<u8>,
    pub nocase: bool,
}

impl Literal {
    /// None where it is too short to be looked for.
    pub fn new(bytes: &[u8], nocase: bool) -> Option<Self> {
        if bytes.len() < LEAST {
            return None;
        }
        let folded: Vec<u8> = bytes.iter().map(u8::to_ascii_lowercase).collect();
        let costs = folded.windows(WINDOW).map(cost);
        let (at, _) = costs.enumerate().min_by_key(|(at, cost)| (*cost, *at))?;
        let from = at.saturating_sub((MOST - WINDOW) / 2);
        let to = bytes.len().min(from + MOST);
        let kept = if nocase { folded.get(from..to)? } else { bytes.get(from..to)? };
        Some(Self { bytes: kept.to_vec(), nocase })
    }

    /// How common it is taken to be: the higher, the more often it stands somewhere by chance.
    pub fn commonness(&self) -> u32 {
        let folded: Vec<u8> = self.bytes.iter().map(u8::to_ascii_lowercase).collect();
        let rarest = folded.windows(WINDOW).map(cost).min().unwrap_or(u32::MAX);
        let more = u32::try_from(self.bytes.len().saturating_sub(WINDOW)).unwrap_or(0);
        rarest.saturating_sub(more.saturating_mul(5))
    }
}

/// How common a window is in what machines hold, roughly: ten times the sum of its bytes' share in powers of two.
pub fn cost(window: &[u8]) -> u32 {
    let alike = window.windows(2).all(|pair| pair.first() == pair.last());
    window.iter().map(|b| common(b.to_ascii_lowercase())).sum::<u32>() + if alike { 60 } else { 0 }
}

fn common(byte: u8) -> u32 {
    match byte {
        0 => 60,
        b' ' => 46,
        b'a' | b'e' | b'i' | b'n' | b'o' | b'r' | b's' | b't' => 42,
        b'a'..=b'z' => 36,
        0xff => 40,
        b'\n' | b'.' | b'/' | b'_' | b'-' | b':' | b'=' | b',' | b'"' | b'(' | b')' | b'0'..=b'9' => 32,
        1..=8 => 32,
        0x21..=0x7e => 26,
        _ => 22,
    }
}

/// Of which literals one must stand in the bytes where the pattern matches; none where nothing is known.
pub fn of(pattern: &Pattern<'_>) -> Option<Vec<Literal>> {
    let modifiers = pattern.modifiers();
    if modifiers.xor().is_some() || modifiers.base64().is_some() || modifiers.base64wide().is_some() {
        return None;
    }
    let wide = modifiers.wide().is_some();
    let plain = modifiers.ascii().is_some() || !wide;
    let (runs, nocase) = match pattern {
        Pattern::Text(text) => (vec![text.text.value.to_vec()], modifiers.nocase().is_some()),
        Pattern::Hex(hex) => return best(runs_of_hex(&hex.sub_patterns.0), false).map(|one| vec![one]),
        Pattern::Regexp(re) => (runs_of_regex(re.regexp.src)?, modifiers.nocase().is_some() || re.regexp.case_insensitive),
    };
    let mut forms = Vec::new();
    if plain {
        forms.push(best(runs.clone(), nocase)?);
    }
    if wide {
        // Only of ASCII is it plain what becomes of it.
        let widened = runs.into_iter().filter(|run| run.is_ascii()).map(|run| run.into_iter().flat_map(|b| [b, 0]).collect());
        forms.push(best(widened.collect(), nocase)?);
    }
    Some(forms)
}

/// The rarest of several that all must be there.
fn best(runs: Vec<Vec<u8>>, nocase: bool) -> Option<Literal> {
    runs.iter().filter_map(|run| Literal::new(run, nocase)).min_by_key(Literal::commonness)
}

fn runs_of_hex(tokens: &[HexToken]) -> Vec<Vec<u8>> {
    let mut runs = vec![Vec::new()];
    for token in tokens {
        match (token, runs.last_mut()) {
            (HexToken::Byte(byte), Some(run)) if byte.mask == 0xff => run.push(byte.value),
            _ => runs.push(Vec::new()),
        }
    }
    runs
}

/// Runs of characters that stand for themselves, outside of groups and classes; none where the expression has
/// alternatives or flags of its own.
fn runs_of_regex(src: &str) -> Option<Vec<Vec<u8>>> {
    let src = src.as_bytes();
    let mut runs: Vec<Vec<u8>> = vec![Vec::new()];
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(&byte) = src.get(at) {
        let next = src.get(at + 1).copied();
        let mut literal = None;
        let mut length = 1;
        match byte {
            b'|' if depth == 0 => return None,
            b'(' if next == Some(b'?') => return None,
            b'(' => depth += 1,
            b')' => depth = depth.checked_sub(1)?,
            b'[' => length = class(src.get(at..)?)?,
            b'\\' => match next? {
                // What is escaped and no letter or digit stands for itself.
                b'x' => {
                    let digits = std::str::from_utf8(src.get(at + 2..at + 4)?).ok()?;
                    literal = Some(u8::from_str_radix(digits, 16).ok()?);
                    length = 4;
                }
                // By the number of a character, which may be none of ASCII.
                b'u' | b'U' => return None,
                b if b.is_ascii_punctuation() => (literal, length) = (Some(b), 2),
                b if b.is_ascii() => length = 2,
                _ => return None,
            },
            b'{' => {
                // How often the character before stands: perhaps never.
                length = src.get(at..)?.iter().position(|b| *b == b'}')? + 1;
                let count = src.get(at + 1..at + length - 1)?;
                if !count.iter().all(|b| b.is_ascii_digit() || *b == b',') {
                    return None;
                }
                runs.last_mut()?.pop();
            }
            b'*' | b'?' => _ = runs.last_mut()?.pop(),
            // What is repeated may itself be left out: `a+*`.
            b'+' if matches!(next, Some(b'*' | b'?' | b'+' | b'{')) => _ = runs.last_mut()?.pop(),
            b'+' | b'.' | b'^' | b'$' => {}
            b if b.is_ascii() && !b.is_ascii_control() => literal = Some(b),
            _ => {}
        }
        match literal {
            Some(b) if depth == 0 => runs.last_mut()?.push(b),
            _ if runs.last().is_some_and(|run| !run.is_empty()) => runs.push(Vec::new()),
            _ => {}
        }
        at += length;
    }
    (depth == 0).then_some(runs)
}

/// Bytes of a class in brackets.
fn class(from: &[u8]) -> Option<usize> {
    let mut at = 1;
    if from.get(at) == Some(&b'^') {
        at += 1;
    }
    // A bracket that comes first is one of the class.
    if from.get(at) == Some(&b']') {
        at += 1;
    }
    loop {
        match from.get(at)? {
            b'\\' => at += 2,
            // A class in a class.
            b'[' => return None,
            b']' => return Some(at + 1),
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use yara_x_parser::ast::AST;

    use super::*;

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
        ]);
        let leaf = prop_oneof![4 => letter, 1 => other.prop_map(|(re, bytes)| (re.to_owned(), bytes.to_vec()))];
        leaf.prop_recursive(5, 60, 6, |inner| {
            let repeats = prop::sample::select(vec![
                ("*", 0),
                ("+", 1),
                ("?", 0),
                ("{0,2}", 0),
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
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn what_is_required_stands_in_what_matches((re, bytes) in matched()) {
            for run in runs_of_regex(&re).into_iter().flatten().filter(|run| !run.is_empty()) {
                prop_assert!(bytes.windows(run.len()).any(|w| w == run), "{} in {} of {}", run.escape_ascii(), bytes.escape_ascii(), re);
            }
        }
    }

    fn literals(strings: &str) -> Option<Vec<(String, bool)>> {
        let text = format!("rule r {{ strings: $a = {strings} condition: $a }}");
        let ast = AST::from(text.as_str());
        let rule = ast.rules().next().unwrap();
        let found = of(&rule.patterns.as_ref().unwrap()[0])?;
        Some(found.iter().map(|l| (l.bytes.escape_ascii().to_string(), l.nocase)).collect())
    }

    #[test]
    fn texts_give_their_forms() {
        let one = |s: &str, nocase| Some(vec![(s.to_owned(), nocase)]);
        assert_eq!(literals(r#""MimiKatz""#), one("MimiKatz", false));
        assert_eq!(literals(r#""MimiKatz" nocase fullword"#), one("mimikatz", true));
        assert_eq!(literals(r#""abcd" wide"#), one("a\\x00b\\x00c\\x00d\\x00", false));
        assert_eq!(literals(r#""abcdefg" ascii wide"#).unwrap().len(), 2);
        assert_eq!(literals(r#""abcdef""#), None, "too short");
        assert_eq!(literals(r#""abcdefg" xor"#), None);
        assert_eq!(literals(r#""abcdefg" base64"#), None);
        assert_eq!(literals(r#""äbcdefg" wide"#), None);
    }

    #[test]
    fn hex_gives_its_rarest_run() {
        assert_eq!(literals("{ 00 00 00 00 00 00 00 ?? 8B 45 FC 33 46 47 48 [2-4] 01 }").unwrap()[0].0, "\\x8bE\\xfc3FGH");
        assert_eq!(literals("{ 8B 4? FC 33 01 01 02 03 (01|02) 45 01 02 03 04 05 }"), None);
        assert_eq!(literals("{ 8B 45 FC 01 02 03 ~00 33 45 01 02 03 04 }"), None);
    }

    #[test]
    fn expressions_give_what_stands_in_them_for_certain() {
        let run = |re: &str| literals(re).map(|l| l[0].0.clone());
        assert_eq!(run(r"/evil[0-9]+xyzzyxy/").as_deref(), Some("xyzzyxy"));
        assert_eq!(run(r"/abcdefg?hijklm/"), None, "six are too few");
        assert_eq!(run(r"/abcdabcx?efghijki*/").as_deref(), Some("abcdabc"));
        assert_eq!(run(r"/abcdefg{0,2}/"), None);
        assert_eq!(run(r"/a(bcdefghi)fgh/"), None, "groups are not looked into");
        assert_eq!(run(r"/abcdabc|efghefg/"), None);
        assert_eq!(run(r"/abcdabc{e|fghifgh}/"), None, "a brace that counts nothing stands for itself");
        assert_eq!(run(r"/(?i)abcdefgh/"), None);
        assert_eq!(run(r"/abc\.exe/i").as_deref(), Some("abc.exe"));
        assert_eq!(run(r"/\x41\x42cdefg/").as_deref(), Some("ABcdefg"));
        assert_eq!(run(r"/abcdefg+h/").as_deref(), Some("abcdefg"));
        assert_eq!(run(r"/abcdefgh+*1/").as_deref(), Some("abcdefg"));
        assert_eq!(run(r"/\u0041xyzqxyz/"), None);
        assert_eq!(run(r"/[^\]x]abcdefg/").as_deref(), Some("abcdefg"));
        assert_eq!(literals(r"/abcdef/ wide").unwrap()[0].0, "a\\x00b\\x00c\\x00d\\x00e\\x00f\\x00");
    }
}
