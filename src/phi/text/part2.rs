//! Possible content under 42 CFR Part 2 (records of substance use treatment): codes F10 to F19 of ICD-10-CM chapter 5 and
//! words of such programs. A count for counsel, no classification: whose records they are, only the clinic knows.

/// Beginnings of codes, in any case.
pub(super) const CODES: [&str; 10] = ["f10", "f11", "f12", "f13", "f14", "f15", "f16", "f17", "f18", "f19"];
/// Words that stand in records of programs, and hardly elsewhere.
pub(super) const WORDS: [&str; 9] = [
    "methadone",
    "buprenorphine",
    "suboxone",
    "opioid treatment",
    "opioid use disorder",
    "alcohol use disorder",
    "substance use disorder",
    "detoxification",
    "42 cfr part 2",
];

/// Bytes of the code or word that `behind` begins with, where it is one by itself.
pub(super) fn read(before: &[u8], behind: &[u8]) -> Option<usize> {
    if before.last().is_some_and(u8::is_ascii_alphanumeric) {
        return None;
    }
    match behind.first()? {
        b'f' | b'F' => code(behind).filter(|_| behind.get(1) == Some(&b'1')),
        _ => WORDS
            .iter()
            .map(|w| w.as_bytes())
            .find(|w| behind.get(..w.len()).is_some_and(|b| b.eq_ignore_ascii_case(w)))
            .map(<[u8]>::len),
    }
}

/// With its dot, or long enough to be no key, car or part: `F10.20`, `F1020`.
fn code(behind: &[u8]) -> Option<usize> {
    let length = behind.iter().take(9).take_while(|b| b.is_ascii_alphanumeric() || **b == b'.').count();
    let code = behind.get(..length)?;
    let code = code.strip_suffix(b".").unwrap_or(code);
    let text = std::str::from_utf8(code).ok()?;
    let form = crate::phi::identifiers::icd10cm(text)?;
    (form.dotted || code.len() >= 5).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_words_of_programs() {
        for yes in ["F10.20", "F1120,", "F11.20^", "F19.10.", "Methadone", "42 CFR Part 2 notice", "F10.9 "] {
            assert!(read(b" ", yes.as_bytes()).is_some(), "{yes}");
        }
        for no in ["F150 truck", "F10", "F12 key", "f1020", "F20.9", "F1x.20", "F10.202020202", "methane"] {
            assert!(read(b",", no.as_bytes()).is_none(), "{no}");
        }
        assert!(read(b"A", b"F10.20").is_none() && read(b"", b"").is_none());
    }
}
