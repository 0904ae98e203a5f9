//! Codes of diagnoses, procedures, tests and drugs: they say that data is about health, never whose it is.
//!
//! Sources: ICD-9-CM, ICD-10-CM and ICD-10-PCS code structures (NCHS, CMS); HCPCS level II (CMS); LOINC check digit;
//! SNOMED CT identifiers (Verhoeff, partition); FDA, National Drug Code (and 91 FR 10749 for the 6-4-2 form).

/// LOINC code: `N-N` to `NNNNNNN-N`, Luhn over the digits without the hyphen.
pub fn loinc(text: &str) -> bool {
    let Some((body, check)) = text.trim().split_once('-') else { return false };
    if body.is_empty() || body.len() > 7 || check.len() != 1 {
        return false;
    }
    super::luhn(format!("{body}{check}").as_bytes())
}

/// SNOMED CT identifier: 6 to 18 digits, partition, Verhoeff check digit.
pub fn snomed(text: &str) -> bool {
    let b = text.trim().as_bytes();
    if !(6..=18).contains(&b.len()) || b[0] == b'0' || !b.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let partition = &b[b.len() - 3..b.len() - 1];
    matches!(partition, b"00" | b"01" | b"02" | b"10" | b"11" | b"12") && verhoeff(b)
}

/// Verhoeff check over the dihedral group D5.
fn verhoeff(digits: &[u8]) -> bool {
    const P: [[u8; 10]; 8] = [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        [1, 5, 7, 6, 2, 8, 3, 0, 9, 4],
        [5, 8, 0, 3, 7, 9, 6, 1, 4, 2],
        [8, 9, 1, 6, 0, 4, 3, 5, 2, 7],
        [9, 4, 5, 3, 1, 2, 6, 8, 7, 0],
        [4, 2, 8, 6, 5, 7, 3, 9, 0, 1],
        [2, 7, 9, 3, 8, 0, 6, 4, 1, 5],
        [7, 0, 4, 6, 9, 1, 3, 2, 5, 8],
    ];
    // Multiplication of D5: rotations 0 to 4, reflections 5 to 9.
    let mul = |a: u8, b: u8| match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => 5 + (a + b - 5) % 5,
        (false, true) => 5 + (a - 5 + 5 - b) % 5,
        (false, false) => (a - 5 + 5 - (b - 5)) % 5,
    };
    let mut c = 0;
    for (i, d) in digits.iter().rev().enumerate() {
        let Some(d) = d.checked_sub(b'0').filter(|d| *d < 10) else { return false };
        c = mul(c, P[i % 8][usize::from(d)]);
    }
    c == 0
}

/// ICD-10-CM by structure; `dotted` tells a code with the dot from a bare one, which `B12` also is.
pub fn icd10cm(text: &str) -> Option<IcdForm> {
    let b = text.trim().as_bytes();
    if !(3..=8).contains(&b.len()) || !b[0].is_ascii_uppercase() || !b[1].is_ascii_digit() {
        return None;
    }
    if !(b[2].is_ascii_digit() || matches!(b[2], b'A' | b'B')) {
        return None;
    }
    let (dotted, rest) = match b.get(3) {
        Some(b'.') => (true, b.get(4..)?),
        _ => (false, b.get(3..)?),
    };
    let ok = rest.len() <= 4 && !(dotted && rest.is_empty()) && rest.iter().all(|c| c.is_ascii_digit() || c.is_ascii_uppercase());
    ok.then_some(IcdForm { dotted, chapter: b[0] })
}

/// How an ICD-10-CM code is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IcdForm {
    pub dotted: bool,
    /// First letter: a stand-in for the chapter.
    pub chapter: u8,
}

/// ICD-10-PCS: seven characters, without I and O, the first that of a section.
pub fn icd10pcs(text: &str) -> bool {
    let b = text.trim().as_bytes();
    b.len() == 7
        && b.iter().all(|c| c.is_ascii_digit() || (c.is_ascii_uppercase() && !matches!(c, b'I' | b'O')))
        && matches!(b.first(), Some(b'0'..=b'9' | b'B' | b'C' | b'D' | b'F' | b'G' | b'H' | b'X'))
}

/// ICD-9-CM with its dot: `NNN.N`, `NNN.NN`, `VNN.N`, `VNN.NN`, `ENNN.N`. Without the dot it is any number.
pub fn icd9cm(text: &str) -> bool {
    let Some((main, rest)) = text.trim().split_once('.') else { return false };
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|c| c.is_ascii_digit());
    let (main, lengths) = match main.strip_prefix('V') {
        Some(rest) => (rest, (2, 1..=2)),
        None => main.strip_prefix('E').map_or((main, (3, 1..=2)), |rest| (rest, (3, 1..=1))),
    };
    digits(main) && main.len() == lengths.0 && digits(rest) && lengths.1.contains(&rest.len())
}

/// ICD-9-CM without its dot: three to five digits, `V` and two to four, `E` and three or four. A header must say it.
pub fn icd9cm_bare(text: &str) -> bool {
    let t = text.trim();
    let (digits, lengths) = match t.strip_prefix('V') {
        Some(rest) => (rest, 2..=4),
        None => t.strip_prefix('E').map_or((t, 3..=5), |rest| (rest, 3..=4)),
    };
    lengths.contains(&digits.len()) && digits.bytes().all(|c| c.is_ascii_digit())
}

/// CPT by structure: five digits, or four and the letter of a category, with an optional `-NN` modifier. The list is the
/// AMA's; a header must say it.
pub fn cpt(text: &str) -> bool {
    let (code, modifier) = text.trim().split_once('-').map_or((text.trim(), None), |(c, m)| (c, Some(m)));
    let b = code.as_bytes();
    let modified = modifier.is_none_or(|m| m.len() == 2 && m.bytes().all(|c| c.is_ascii_digit() || c.is_ascii_uppercase()));
    modified
        && b.len() == 5
        && b[..4].iter().all(u8::is_ascii_digit)
        && (b[4].is_ascii_digit() || matches!(b[4], b'F' | b'T' | b'U' | b'A' | b'M'))
}

/// HCPCS level II: a letter from A to V and four digits. Which letters are in use is CMS's list.
pub fn hcpcs(text: &str) -> bool {
    let b = text.trim().as_bytes();
    b.len() == 5 && matches!(b[0], b'A'..=b'C' | b'E' | b'G'..=b'M' | b'P'..=b'V') && b[1..].iter().all(u8::is_ascii_digit)
}

/// NDC with hyphens: 4-4-2, 5-3-2, 5-4-1, 5-4-2 or 6-4-2.
pub fn ndc(text: &str) -> bool {
    let mut lens = [0usize; 3];
    let mut n = 0;
    for part in text.trim().split('-') {
        if n == 3 || part.is_empty() || !part.bytes().all(|c| c.is_ascii_digit()) {
            return false;
        }
        lens[n] = part.len();
        n += 1;
    }
    matches!((n, lens), (3, [4, 4, 2] | [5, 3, 2] | [5, 4, 1] | [5, 4, 2] | [6, 4, 2]))
}

/// NDC without hyphens: ten digits, eleven of bills (5-4-2), twelve of the coming form (6-4-2). A header must say it.
pub fn ndc_bare(text: &str) -> bool {
    let t = text.trim();
    (10..=12).contains(&t.len()) && t.bytes().all(|c| c.is_ascii_digit())
}
