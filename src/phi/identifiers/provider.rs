//! Numbers of providers, facilities and employers: they never count as patients.
//!
//! Sources: CMS, NPI check digit (Luhn with the prefix 80840); DEA check digit; CMS, CLIA number; NUCC, Health Care
//! Provider Taxonomy (ten characters); IRS, prefixes of employer identification numbers; ABA routing number.

use super::luhn_sum;

/// National provider identifier: ten digits from 1 or 2, Luhn with the prefix 80840 (which adds 24).
pub fn npi(text: &str) -> bool {
    let b = text.trim().as_bytes();
    b.len() == 10
        && matches!(b[0], b'1' | b'2')
        && luhn_sum(b, 24) == Some(0)
        && !b.iter().skip(1).take(8).all(|c| *c == b[1] && *c == b[0])
}

/// DEA registration number, with an optional `-suffix`.
pub fn dea(text: &str) -> bool {
    let b = text.trim().split('-').next().unwrap_or_default().as_bytes();
    if b.len() != 9 || !b"ABCDEFGHJKLMPRSTUX".contains(&b[0]) || !(b[1].is_ascii_uppercase() || b[1] == b'9') {
        return false;
    }
    if !b[2..].iter().all(u8::is_ascii_digit) {
        return false;
    }
    let d: Vec<u32> = b[2..].iter().map(|c| u32::from(c - b'0')).collect();
    ((d[0] + d[2] + d[4]) + 2 * (d[1] + d[3] + d[5])) % 10 == d[6]
}

/// CLIA number of a laboratory: two digits, `D`, seven digits.
pub fn clia(text: &str) -> bool {
    let b = text.trim().as_bytes();
    b.len() == 10 && b.iter().enumerate().all(|(i, c)| if i == 2 { *c == b'D' } else { c.is_ascii_digit() })
}

/// Provider taxonomy code: three digits, six digits or letters, `X`.
pub fn taxonomy(text: &str) -> bool {
    let b = text.trim().as_bytes();
    b.len() == 10
        && b.iter().enumerate().all(|(i, c)| match i {
            0..=2 => c.is_ascii_digit(),
            9 => *c == b'X',
            _ => c.is_ascii_digit() || c.is_ascii_uppercase(),
        })
        && matches!(
            b.first_chunk(),
            Some(
                b"101"
                    | b"102"
                    | b"103"
                    | b"104"
                    | b"106"
                    | b"111"
                    | b"122"
                    | b"124"
                    | b"125"
                    | b"126"
                    | b"132"
                    | b"133"
                    | b"136"
                    | b"146"
                    | b"152"
                    | b"156"
                    | b"163"
                    | b"164"
                    | b"167"
                    | b"170"
                    | b"171"
                    | b"172"
                    | b"173"
                    | b"174"
                    | b"175"
                    | b"176"
                    | b"177"
                    | b"183"
                    | b"193"
                    | b"202"
                    | b"204"
                    | b"207"
                    | b"208"
                    | b"209"
                    | b"211"
                    | b"213"
                    | b"221"
                    | b"222"
                    | b"224"
                    | b"225"
                    | b"226"
                    | b"227"
                    | b"229"
                    | b"231"
                    | b"235"
                    | b"237"
                    | b"242"
                    | b"243"
                    | b"246"
                    | b"247"
                    | b"251"
                    | b"252"
                    | b"253"
                    | b"261"
                    | b"273"
                    | b"275"
                    | b"276"
                    | b"281"
                    | b"282"
                    | b"283"
                    | b"284"
                    | b"286"
                    | b"287"
                    | b"291"
                    | b"292"
                    | b"293"
                    | b"302"
                    | b"305"
                    | b"310"
                    | b"311"
                    | b"313"
                    | b"314"
                    | b"315"
                    | b"317"
                    | b"320"
                    | b"322"
                    | b"323"
                    | b"324"
                    | b"331"
                    | b"332"
                    | b"333"
                    | b"335"
                    | b"341"
                    | b"342"
                    | b"343"
                    | b"344"
                    | b"347"
                    | b"363"
                    | b"364"
                    | b"367"
                    | b"372"
                    | b"373"
                    | b"374"
                    | b"376"
                    | b"385"
                    | b"390"
            )
        )
}

/// Employer identification number `NN-NNNNNNN` with a prefix that a campus or the internet service uses.
pub fn ein(text: &str) -> bool {
    let b = text.trim().as_bytes();
    let shaped = b.len() == 10 && b.iter().enumerate().all(|(i, c)| if i == 2 { *c == b'-' } else { c.is_ascii_digit() });
    let prefix =
        b.first_chunk().map_or(0, |p: &[u8; 2]| u32::from(p[0].wrapping_sub(b'0')) * 10 + u32::from(p[1].wrapping_sub(b'0')));
    shaped && !matches!(prefix, 0 | 7..=9 | 17..=19 | 28 | 29 | 49 | 69 | 70 | 78 | 79 | 89 | 96 | 97)
}

/// ABA routing number: nine digits, Federal Reserve prefix, weights 3-7-1.
pub fn aba(text: &str) -> bool {
    let b = text.trim().as_bytes();
    if b.len() != 9 || !b.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let d = |i: usize| u32::from(b[i] - b'0');
    let prefix = d(0) * 10 + d(1);
    let sum = 3 * (d(0) + d(3) + d(6)) + 7 * (d(1) + d(4) + d(7)) + d(2) + d(5) + d(8);
    matches!(prefix, 0..=12 | 21..=32 | 61..=72 | 80) && sum.is_multiple_of(10) && sum > 0
}
