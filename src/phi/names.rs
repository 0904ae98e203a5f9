//! Names made comparable, and text in whatever 8-bit encoding the evidence uses.

use std::borrow::Cow;

/// UTF-8 where it is, else each byte as its ISO 8859-1 character.
pub fn decode(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(bytes.iter().map(|b| char::from(*b)).collect()),
    }
}

/// Upper case, accents and punctuation gone: what is compared between records.
pub fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    fold_into(text, &mut out);
    out
}

/// [`fold`], behind what is in `out` already.
pub(super) fn fold_into(text: &str, out: &mut String) {
    if text.bytes().all(|b| b.is_ascii_alphanumeric()) {
        let start = out.len();
        out.push_str(text);
        if let Some(added) = out.get_mut(start..) {
            added.make_ascii_uppercase();
        }
        return;
    }
    if text.is_ascii() {
        out.extend(text.bytes().filter(u8::is_ascii_alphanumeric).map(|b| char::from(b.to_ascii_uppercase())));
        return;
    }
    for c in text.chars() {
        match c {
            'a'..='z' => out.push(c.to_ascii_uppercase()),
            'A'..='Z' | '0'..='9' => out.push(c),
            c if c.is_ascii() => {}
            // Combining marks, as decomposed forms carry them.
            '\u{300}'..='\u{36f}' => {}
            c if c.is_alphanumeric() => out.extend(plain(c)),
            _ => {}
        }
    }
}

/// Base letters of the Latin letters that Western names use; other scripts only lose their case.
fn plain(c: char) -> impl Iterator<Item = char> {
    let text = match c {
        'À'..='Å' | 'à'..='å' | 'Ā'..='ą' => "A",
        'Æ' | 'æ' => "AE",
        'Ç' | 'ç' | 'Ć'..='č' => "C",
        'Ď'..='đ' | 'Ð' | 'ð' => "D",
        'È'..='Ë' | 'è'..='ë' | 'Ē'..='ě' => "E",
        'Ĝ'..='ģ' => "G",
        'Ì'..='Ï' | 'ì'..='ï' | 'Ĩ'..='ı' => "I",
        'Ł' | 'ł' | 'Ĺ'..='ŀ' => "L",
        'Ñ' | 'ñ' | 'Ń'..='ň' => "N",
        'Ò'..='Ö' | 'Ø' | 'ò'..='ö' | 'ø' | 'Ō'..='ő' => "O",
        'Œ' | 'œ' => "OE",
        'Ŕ'..='ř' => "R",
        'Ś'..='š' => "S",
        'ß' => "SS",
        'Ţ'..='ŧ' => "T",
        'Ù'..='Ü' | 'ù'..='ü' | 'Ũ'..='ų' => "U",
        'Ý' | 'ý' | 'ÿ' | 'Ŷ'..='Ÿ' => "Y",
        'Ź'..='ž' => "Z",
        _ => "",
    };
    let other = text.is_empty().then(|| c.to_uppercase()).into_iter().flatten();
    text.chars().chain(other)
}

/// Generational suffixes and titles, folded.
pub(super) fn is_suffix(word: &str) -> bool {
    matches!(word, "JR" | "SR" | "II" | "III" | "IV" | "MD" | "PHD" | "DR" | "MR" | "MRS" | "MS")
}

/// The family name without a suffix.
pub fn family(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    family_into(text, &mut out);
    out
}

/// [`family`], behind what is in `out` already.
pub(super) fn family_into(text: &str, out: &mut String) {
    if text.bytes().all(|b| b.is_ascii_alphabetic()) {
        return fold_into(text, out);
    }
    let words: Vec<String> = text.split([' ', ',']).map(fold).filter(|w| !w.is_empty()).collect();
    out.extend(words.iter().filter(|w| words.len() == 1 || !is_suffix(w)).map(String::as_str));
}

/// The first given name.
pub fn given(text: &str) -> String {
    let mut out = String::new();
    given_into(text, &mut out);
    out
}

/// [`given`], behind what is in `out` already.
pub(super) fn given_into(text: &str, out: &mut String) {
    let start = out.len();
    for word in text.split([' ', ',']) {
        fold_into(word, out);
        match out.get(start..) {
            None | Some("") => {}
            Some(word) if is_suffix(word) => out.truncate(start),
            Some(_) => return,
        }
    }
}

/// `Family, Given …` or `Given … Family` as (family, given).
pub fn split_full(text: &str) -> (String, String) {
    if let Some((last, rest)) = text.split_once(',') {
        let (last, rest) = (family(last), given(rest));
        if !rest.is_empty() {
            return (last, rest);
        }
    }
    let words: Vec<String> = text.split([' ', ',']).map(fold).filter(|w| !w.is_empty() && !is_suffix(w)).collect();
    match words.as_slice() {
        [] => (String::new(), String::new()),
        [one] => (one.clone(), String::new()),
        [first, .., last] => (last.clone(), first.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_name_agree() {
        assert_eq!(family("O'Néill, Jr."), "ONEILL");
        assert_eq!(family("o neill"), "ONEILL");
        assert_eq!(family("SmITH III"), "SMITH");
        assert_eq!(given(" Mary Ann"), "MARY");
        assert_eq!(split_full("García, José M."), ("GARCIA".into(), "JOSE".into()));
        assert_eq!(split_full("Dr. Jose M. Garcia"), ("GARCIA".into(), "JOSE".into()));
        assert_eq!(split_full("Madonna"), ("MADONNA".into(), String::new()));
        assert_ne!(family("Ван"), "");
        assert_eq!(decode(b"Jos\xe9"), "José");
    }
}
