//! What has to stand in the bytes where a pattern matches.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use yara_x_parser::ast::{HexPattern, HexSubPattern, HexToken, Pattern, PatternModifiers, RegexpPattern, TextPattern};

use super::expression;
use super::literal::Literal;

/// Longest jump of a fixed length that is gone over.
const LONGEST_JUMP: u32 = 24;

/// Lists of literals: of each, one must stand where the pattern matches. Nothing is known where there are none.
pub fn of(pattern: &Pattern<'_>) -> Vec<Vec<Literal>> {
    match pattern {
        Pattern::Text(text) => of_text(text).into_iter().collect(),
        Pattern::Hex(hex) => of_hex(hex),
        Pattern::Regexp(re) => of_expression(re),
    }
}

/// Which forms are searched for: as it stands, and with a zero behind each byte.
fn forms(modifiers: &PatternModifiers<'_>) -> (bool, bool) {
    let wide = modifiers.wide().is_some();
    (modifiers.ascii().is_some() || !wide, wide)
}

fn of_text(text: &TextPattern<'_>) -> Option<Vec<Literal>> {
    let modifiers = &text.modifiers;
    let (plain, wide) = forms(modifiers);
    let bytes: &[u8] = &text.text.value;
    let mut all: Vec<Vec<u8>> = Vec::new();
    all.extend(plain.then(|| bytes.to_vec()));
    all.extend(wide.then(|| widened(bytes)));
    if let Some(xor) = modifiers.xor() {
        let yara_x_parser::ast::PatternModifier::Xor { start, end, .. } = xor else { return None };
        let keys = (*start..=*end).flat_map(|key| all.iter().map(move |form| form.iter().map(|b| b ^ key).collect()));
        all = keys.collect();
    }
    let (narrow, broad) = (modifiers.base64(), modifiers.base64wide());
    if narrow.is_some() || broad.is_some() {
        let standard = [narrow, broad].into_iter().flatten().all(|one| {
            use yara_x_parser::ast::PatternModifier::{Base64, Base64Wide};
            matches!(one, Base64 { alphabet: None, .. } | Base64Wide { alphabet: None, .. })
        });
        // With letters of its own, what it becomes is another.
        if !standard {
            return None;
        }
        let encoded: Vec<Vec<u8>> = all.iter().flat_map(|form| encodings(form)).collect();
        let as_they_are = encoded.iter().filter(|_| narrow.is_some()).cloned();
        all = as_they_are.chain(encoded.iter().filter(|_| broad.is_some()).map(|form| widened(form))).collect();
    }
    let nocase = modifiers.nocase().is_some();
    all.iter().map(|form| Literal::new(form, nocase)).collect()
}

fn widened(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().flat_map(|b| [*b, 0]).collect()
}

/// What stands for these bytes in base64 (RFC 4648, section 4), by where among three bytes they begin: without the characters
/// that what is around them decides, too.
fn encodings(bytes: &[u8]) -> [Vec<u8>; 3] {
    [0, 1, 2].map(|before| {
        let text = STANDARD_NO_PAD.encode([&[0; 2][..before], bytes].concat());
        let whole = (before + bytes.len()) / 3 * 4 + (before + bytes.len()) % 3 * 8 / 6;
        text.into_bytes().get((before * 8).div_ceil(6)..whole).unwrap_or_default().to_vec()
    })
}

fn of_hex(hex: &HexPattern<'_>) -> Vec<Vec<Literal>> {
    let mut runs: Vec<Vec<(u8, u8)>> = Vec::new();
    pieces(&hex.sub_patterns, &mut runs);
    runs.iter().filter_map(|run| Literal::masked(run)).map(|one| vec![one]).collect()
}

/// Parts of a fixed length.
fn pieces(tokens: &HexSubPattern, runs: &mut Vec<Vec<(u8, u8)>>) {
    runs.push(Vec::new());
    for token in &tokens.0 {
        let Some(run) = runs.last_mut() else { return };
        match token {
            HexToken::Byte(byte) => run.push((byte.value, byte.mask)),
            HexToken::NotByte(_) => run.push((0, 0)),
            HexToken::Jump(jump) => match (jump.start, jump.end) {
                (Some(least), Some(most)) if least == most && least <= LONGEST_JUMP => {
                    run.extend((0..least).map(|_| (0, 0)));
                }
                _ => runs.push(Vec::new()),
            },
            HexToken::Alternative(either) => {
                let bytes = either.alternatives.iter().map(bytes).collect::<Option<Vec<_>>>();
                match bytes.and_then(|all| in_common(&all)) {
                    Some(common) => run.extend(common),
                    None => runs.push(Vec::new()),
                }
            }
        }
    }
}

fn bytes(tokens: &HexSubPattern) -> Option<Vec<(u8, u8)>> {
    let one = |token: &HexToken| match token {
        HexToken::Byte(byte) => Some((byte.value & byte.mask, byte.mask)),
        _ => None,
    };
    tokens.0.iter().map(one).collect()
}

/// The bits that parts of the same length share.
fn in_common(all: &[Vec<(u8, u8)>]) -> Option<Vec<(u8, u8)>> {
    let (first, others) = all.split_first()?;
    others.iter().try_fold(first.clone(), |common, other| {
        let both = |((a, bits_a), (b, bits_b)): (&(u8, u8), &(u8, u8))| {
            let bits = bits_a & bits_b & !(a ^ b);
            (a & bits, bits)
        };
        (common.len() == other.len()).then(|| common.iter().zip(other).map(both).collect())
    })
}

fn of_expression(pattern: &RegexpPattern<'_>) -> Vec<Vec<Literal>> {
    let (plain, wide) = forms(&pattern.modifiers);
    let nocase = pattern.modifiers.nocase().is_some() || pattern.regexp.case_insensitive;
    let lists = expression::required(pattern.regexp.src);
    let literals = |form: fn(&[u8]) -> Option<Vec<u8>>| {
        let of =
            move |list: &Vec<Vec<u8>>| list.iter().map(|text| Literal::new(&form(text)?, nocase)).collect::<Option<Vec<_>>>();
        lists.iter().filter_map(of).collect::<Vec<_>>()
    };
    let as_it_is = |text: &[u8]| Some(text.to_vec());
    // Only of ASCII is it plain what becomes of it.
    let with_zeros = |text: &[u8]| text.is_ascii().then(|| widened(text));
    match (plain, wide) {
        (true, false) => literals(as_it_is),
        (false, _) => literals(with_zeros),
        (true, true) => {
            let best = |lists: Vec<Vec<Literal>>| lists.into_iter().min_by_key(|list| list.iter().map(Literal::commonness).max());
            let both = best(literals(as_it_is)).zip(best(literals(with_zeros)));
            both.map(|(plain, wide)| [plain, wide].concat()).into_iter().collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use yara_x_parser::ast::AST;

    use super::*;

    /// Bytes with a dot for each that isn't fixed.
    fn shown(literal: &Literal) -> String {
        let fixed = |n: usize| literal.mask.get(n).is_none_or(|mask| *mask == 0xff);
        let each = literal.bytes.iter().enumerate();
        each.map(|(n, b)| if fixed(n) { b.escape_ascii().to_string() } else { "·".to_owned() }).collect()
    }

    fn lists(strings: &str) -> Vec<Vec<String>> {
        let text = format!("rule r {{ strings: $a = {strings} condition: $a }}");
        let ast = AST::from(text.as_str());
        let rule = ast.rules().next().unwrap();
        of(&rule.patterns.as_ref().unwrap()[0]).iter().map(|list| list.iter().map(shown).collect()).collect()
    }

    #[test]
    fn texts_give_their_forms() {
        assert_eq!(lists(r#""MimiKatz""#), [["MimiKatz"]]);
        assert_eq!(lists(r#""MimiKatz" nocase fullword"#), [["mimikatz"]]);
        assert_eq!(lists(r#""abcd" wide"#), [["a\\x00b\\x00c\\x00d\\x00"]]);
        assert_eq!(lists(r#""abcd" ascii wide"#), [["abcd", "a\\x00b\\x00c\\x00d\\x00"]]);
        assert!(lists(r#""abc""#).is_empty(), "too short");
    }

    #[test]
    fn texts_under_a_key_give_one_for_each() {
        assert_eq!(lists(r#""abcd" xor(1-2)"#), [["`cbe", "c`af"]]);
        assert_eq!(lists(r#""abcd" xor ascii wide"#)[0].len(), 512);
    }

    #[test]
    fn texts_in_base64_give_one_for_each_place() {
        assert_eq!(lists(r#""ipsum" base64"#), [["aXBzdW", "lwc3Vt", "pcHN1b"]]);
        assert_eq!(lists(r#""dolor" base64"#)[0].len(), 3);
        assert_eq!(lists(r#""dolor" base64 base64wide ascii wide"#)[0].len(), 12);
        assert!(lists(r#""ab" base64"#).is_empty(), "too short in one place");
        let own = "ZYXWVUTSRQPONMLKJIHGFEDCBAzyxwvutsrqponmlkjihgfedcba9876543210+/";
        assert!(lists(&format!(r#""ipsumdolor" base64("{own}")"#)).is_empty());
        for (n, before) in ["", "x", "xy"].into_iter().enumerate() {
            let whole = STANDARD_NO_PAD.encode(format!("abc{before}SetEnvironment!?"));
            assert!(whole.contains(&lists(r#""SetEnvironment" base64"#)[0][n]), "{whole}");
        }
    }

    #[test]
    fn hex_gives_its_pieces() {
        assert_eq!(lists("{ 8B ?? FC 33 46 47 [2-4] 01 02 03 04 }"), [["\\x8b·\\xfc3FG"], ["\\x01\\x02\\x03\\x04"]]);
        assert_eq!(lists("{ 8B 4? FC 33 01 46 [2] 02 }"), [["\\x8b·\\xfc3\\x01F··\\x02"]]);
        assert_eq!(lists("{ 01 02 03 06 (45|4D) 04 (1? 02|13 ??) 05 }"), [["\\x01\\x02\\x03\\x06·\\x04··\\x05"]]);
        let both = [["\\x01\\x02\\x03\\x07"], ["\\x04\\x05\\x06\\x08"]];
        assert_eq!(lists("{ 01 02 03 07 (45|4D 01) 04 05 06 08 }"), both);
        assert_eq!(lists("{ 01 02 03 07 ~00 33 }"), [["\\x01\\x02\\x03\\x07·3"]]);
        assert!(lists("{ 8B ?? FC [4-8] 01 02 }").is_empty());
    }

    #[test]
    fn expressions_give_their_texts() {
        assert_eq!(lists(r"/abc\.exe/i"), [["abc.exe"]]);
        assert_eq!(lists(r"/abcdef/ wide"), [["a\\x00b\\x00c\\x00d\\x00e\\x00f\\x00"]]);
        assert_eq!(lists(r"/(evil|good)[0-9]+one/ ascii wide")[0].len(), 4);
        assert_eq!(lists(r"/[0-9]+/"), Vec::<Vec<String>>::new());
    }
}
