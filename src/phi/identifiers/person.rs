//! Numbers of persons and plan members.
//!
//! Sources: SSA number randomisation (2011-06-25); IRS, ITIN ranges (middle digits 50 to 65, 70 to 88, 90 to 92, 94 to 99);
//! CMS, MBI format; SSA POMS GN 01050.005 and RS 01101.005 (claim number suffixes and railroad prefixes).

/// What a nine-digit number is, read as a social security number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SsnClass {
    /// Could have been issued.
    Valid,
    /// Area 000, 666 or 9xx, group 00 or serial 0000: never issued.
    NeverIssued,
    /// Well known from advertising, cards sold with wallets, and manuals.
    Published,
    /// One digit nine times: a filler for "unknown".
    Filler,
}

/// Reads `NNNNNNNNN`, `NNN-NN-NNNN`, `NNN NN NNNN` or `NNN.NN.NNNN` (both separators equal).
pub fn ssn(text: &str) -> Option<([u8; 9], SsnClass)> {
    let b = text.trim().as_bytes();
    let digits: [u8; 9] = match b.len() {
        9 => b.try_into().ok()?,
        11 => {
            let (s1, s2) = (*b.get(3)?, *b.get(6)?);
            if s1 != s2 || !matches!(s1, b'-' | b' ' | b'.') {
                return None;
            }
            let mut out = [0; 9];
            out[..3].copy_from_slice(b.get(..3)?);
            out[3..5].copy_from_slice(b.get(4..6)?);
            out[5..].copy_from_slice(b.get(7..)?);
            out
        }
        _ => return None,
    };
    digits.iter().all(u8::is_ascii_digit).then(|| (digits, ssn_class(&digits)))
}

/// Numbers printed in public material; they mark invented data.
const PUBLISHED: &[&[u8; 9]] = &[b"078051120", b"219099999", b"457555462", b"123456789", b"987654321"];

fn ssn_class(d: &[u8; 9]) -> SsnClass {
    if d.iter().all(|c| *c == d[0]) {
        return SsnClass::Filler;
    }
    if PUBLISHED.contains(&d) || (&d[..8] == b"98765432") {
        return SsnClass::Published;
    }
    let (area, group, serial) = (&d[..3], &d[3..5], &d[5..]);
    if area == b"000" || area == b"666" || area[0] == b'9' || group == b"00" || serial == b"0000" {
        return SsnClass::NeverIssued;
    }
    SsnClass::Valid
}

/// Whether the text is written as `NNN-NN-NNNN`.
pub fn ssn_dashed(text: &str) -> bool {
    let b = text.trim().as_bytes();
    b.len() == 11 && b.iter().enumerate().all(|(i, c)| if i == 3 || i == 6 { *c == b'-' } else { c.is_ascii_digit() })
}

/// Medicare beneficiary identifier, 11 characters (dashes of the displayed 4-3-4 form are dropped).
pub fn mbi(text: &str) -> Option<[u8; 11]> {
    let t = text.trim().as_bytes();
    let mut out = [0; 11];
    match t.len() {
        11 => out.copy_from_slice(t),
        13 if t.get(4) == Some(&b'-') && t.get(8) == Some(&b'-') => {
            out[..4].copy_from_slice(t.get(..4)?);
            out[4..7].copy_from_slice(t.get(5..8)?);
            out[7..].copy_from_slice(t.get(9..)?);
        }
        _ => return None,
    }
    let letter = |c: u8| c.is_ascii_uppercase() && !b"SLOIBZ".contains(&c);
    let ok = out.iter().enumerate().all(|(i, &c)| match i {
        0 => (b'1'..=b'9').contains(&c),
        1 | 4 | 7 | 8 => letter(c),
        2 | 5 => letter(c) || c.is_ascii_digit(),
        _ => c.is_ascii_digit(),
    });
    ok.then_some(out)
}

/// Individual taxpayer identification number: `9NN`, a group that was opened, `NNNN`; separators as in [`ssn`].
pub fn itin(text: &str) -> bool {
    let Some((digits, _)) = ssn(text) else { return false };
    let group = u32::from(digits[3] - b'0') * 10 + u32::from(digits[4] - b'0');
    digits[0] == b'9' && matches!(group, 50..=65 | 70..=88 | 90..=92 | 94..=99)
}

/// Health insurance claim number of the time before the MBI: an SSN and the suffix of a beneficiary, or the
/// prefix of the railroad board and six or nine digits.
pub fn hicn(text: &str) -> bool {
    let b = text.trim().as_bytes();
    let digits = |s: &[u8]| s.iter().all(u8::is_ascii_digit);
    let letters = b.iter().take_while(|c| c.is_ascii_uppercase()).count();
    if letters > 0 {
        let (prefix, number) = b.split_at(letters);
        let known: [&[u8]; 14] =
            [b"A", b"MA", b"PA", b"WA", b"CA", b"WD", b"WCA", b"WCD", b"PD", b"JA", b"H", b"MH", b"PH", b"WH"];
        return known.contains(&prefix)
            && digits(number)
            && match number.len() {
                6 => true,
                9 => number.first_chunk().is_some_and(could_be_issued),
                _ => false,
            };
    }
    let (Some(number), Some(suffix)) = (b.first_chunk::<9>(), b.get(9..)) else { return false };
    digits(number)
        && could_be_issued(number)
        && match suffix {
            [first] => b"ABCDEFJKMTW".contains(first),
            [first, second] => b"ABCDEFJKMTW".contains(first) && second.is_ascii_alphanumeric() && !second.is_ascii_lowercase(),
            _ => false,
        }
}

fn could_be_issued(digits: &[u8; 9]) -> bool {
    !matches!(ssn_class(digits), SsnClass::NeverIssued | SsnClass::Filler)
}

/// Payment card: 13 to 19 digits, in groups or not, of a range that is issued, with a right check digit
/// (ISO/IEC 7812-1).
pub fn card(text: &str) -> bool {
    let t = text.trim().as_bytes();
    let mark = t.iter().copied().find(|c| !c.is_ascii_digit());
    if mark.is_some_and(|m| !matches!(m, b' ' | b'-')) || !t.iter().all(|c| c.is_ascii_digit() || Some(*c) == mark) {
        return false;
    }
    let groups: Vec<&[u8]> = t.split(|c| Some(*c) == mark).collect();
    let grouped = match groups.as_slice() {
        [_] => true,
        [first, middle @ .., last] => {
            first.len() == 4 && (1..=6).contains(&last.len()) && middle.iter().all(|g| (4..=6).contains(&g.len()))
        }
        [] => false,
    };
    let digits: Vec<u8> = t.iter().copied().filter(u8::is_ascii_digit).collect();
    let lead =
        |n: usize| digits.get(..n).and_then(|d| std::str::from_utf8(d).ok()).and_then(|d| d.parse::<u32>().ok()).unwrap_or(0);
    let issued = match digits.len() {
        13 | 19 => lead(1) == 4,
        14 => matches!(lead(2), 36 | 38 | 39) || matches!(lead(3), 300..=305),
        15 => matches!(lead(2), 34 | 37),
        16 => {
            lead(1) == 4
                || matches!(lead(2), 51..=55 | 65)
                || matches!(lead(4), 2221..=2720 | 3528..=3589 | 6011)
                || matches!(lead(3), 644..=649)
                || lead(2) == 62
        }
        _ => false,
    };
    grouped && issued && super::luhn(&digits) && !digits.windows(2).all(|w| w[0] == w[1])
}
