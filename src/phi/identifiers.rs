//! Validators of identifiers and codes: structure, check digits, lists of values that were never issued.
//!
//! Sources: SSA number randomisation (2011-06-25), CMS MBI format, CMS NPI check digit (Luhn, prefix
//! 80840), DEA check digit, ISO/IEC 7812-1 (Luhn), Verhoeff (SNOMED CT SCTID), ABA routing weights 3-7-1,
//! NANP reserved range 555-0100 to 555-0199, ICD-10-CM code structure.

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

/// Health insurance claim number of the time before the MBI: nine digits of an SSN and a suffix.
pub fn hicn(text: &str) -> bool {
    let b = text.trim().as_bytes();
    (10..=11).contains(&b.len())
        && b.get(..9).is_some_and(|d| d.iter().all(u8::is_ascii_digit))
        && b.get(9).is_some_and(u8::is_ascii_uppercase)
        && b.get(10).is_none_or(u8::is_ascii_alphanumeric)
}

/// Luhn mod 10 over a string of digits (ISO/IEC 7812-1).
pub fn luhn(digits: &[u8]) -> bool {
    luhn_sum(digits, 0) == Some(0)
}

fn luhn_sum(digits: &[u8], start: u32) -> Option<u32> {
    let mut sum = start;
    for (i, c) in digits.iter().rev().enumerate() {
        let d = u32::from(c.checked_sub(b'0').filter(|d| *d < 10)?);
        sum += match (i % 2, d) {
            (0, d) => d,
            (_, d) if d > 4 => d * 2 - 9,
            (_, d) => d * 2,
        };
        sum %= 10;
    }
    Some(sum % 10)
}

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

/// LOINC code: `N-N` to `NNNNNNN-N`, Luhn over the digits without the hyphen.
pub fn loinc(text: &str) -> bool {
    let Some((body, check)) = text.trim().split_once('-') else { return false };
    if body.is_empty() || body.len() > 7 || check.len() != 1 {
        return false;
    }
    luhn(format!("{body}{check}").as_bytes())
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

/// A North American number as ten digits; the flag says it lies in the range kept for fiction.
pub fn phone(text: &str) -> Option<([u8; 10], bool)> {
    let t = text.trim();
    if t.len() > 24 || !t.bytes().all(|c| c.is_ascii_digit() || b"()-. +xX".contains(&c)) {
        return None;
    }
    let main = t.split(['x', 'X']).next()?;
    let digits: Vec<u8> = main.bytes().filter(u8::is_ascii_digit).collect();
    let ten: [u8; 10] = match digits.len() {
        10 => digits.try_into().ok()?,
        11 if digits.first() == Some(&b'1') => digits.get(1..)?.try_into().ok()?,
        _ => return None,
    };
    let ok = ten[0] >= b'2' && ten[3] >= b'2' && &ten[1..3] != b"11";
    ok.then(|| (ten, &ten[3..8] == b"55501"))
}

/// Five digits, optionally `-NNNN` or nine digits: the five-digit part.
pub fn zip5(text: &str) -> Option<[u8; 5]> {
    let b = text.trim().as_bytes();
    let digits = |s: &[u8]| s.iter().all(u8::is_ascii_digit);
    let ok = match b.len() {
        5 | 9 => digits(b),
        10 => b[5] == b'-' && digits(&b[..5]) && digits(&b[6..]),
        _ => false,
    };
    ok.then(|| b.get(..5)?.try_into().ok()).flatten()
}

pub fn email(text: &str) -> bool {
    let t = text.trim();
    t.len() <= 254
        && !t.contains(char::is_whitespace)
        && t.split_once('@')
            .is_some_and(|(local, domain)| !local.is_empty() && domain.len() > 3 && domain.contains('.') && !domain.contains('@'))
}

/// Two-letter postal code of a state, district or territory, from the code or the name.
pub fn state(text: &str) -> Option<[u8; 2]> {
    let t = text.trim();
    let upper = t.to_ascii_uppercase();
    let code = STATES
        .split(' ')
        .filter_map(|s| s.split_once(':'))
        .find(|(code, name)| *code == upper || (t.len() > 2 && *name == upper.replace(' ', "_")))
        .map(|(code, _)| code)?;
    code.as_bytes().try_into().ok()
}

/// USPS Publication 28, appendix B.
const STATES: &str = "AL:ALABAMA AK:ALASKA AZ:ARIZONA AR:ARKANSAS CA:CALIFORNIA CO:COLORADO CT:CONNECTICUT DE:DELAWARE \
DC:DISTRICT_OF_COLUMBIA FL:FLORIDA GA:GEORGIA HI:HAWAII ID:IDAHO IL:ILLINOIS IN:INDIANA IA:IOWA KS:KANSAS KY:KENTUCKY \
LA:LOUISIANA ME:MAINE MD:MARYLAND MA:MASSACHUSETTS MI:MICHIGAN MN:MINNESOTA MS:MISSISSIPPI MO:MISSOURI MT:MONTANA \
NE:NEBRASKA NV:NEVADA NH:NEW_HAMPSHIRE NJ:NEW_JERSEY NM:NEW_MEXICO NY:NEW_YORK NC:NORTH_CAROLINA ND:NORTH_DAKOTA \
OH:OHIO OK:OKLAHOMA OR:OREGON PA:PENNSYLVANIA RI:RHODE_ISLAND SC:SOUTH_CAROLINA SD:SOUTH_DAKOTA TN:TENNESSEE TX:TEXAS \
UT:UTAH VT:VERMONT VA:VIRGINIA WA:WASHINGTON WV:WEST_VIRGINIA WI:WISCONSIN WY:WYOMING AS:AMERICAN_SAMOA GU:GUAM \
MP:NORTHERN_MARIANA_ISLANDS PR:PUERTO_RICO VI:VIRGIN_ISLANDS";

/// Version 1 to 8 or nil UUID in its canonical text form.
pub fn uuid(text: &str) -> bool {
    let b = text.trim().as_bytes();
    b.len() == 36
        && b.iter().enumerate().all(|(i, c)| match i {
            8 | 13 | 18 | 23 => *c == b'-',
            _ => c.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ssn_structure_and_lists() {
        let class = |t| ssn(t).map(|s| s.1);
        assert_eq!(class("536-22-8841"), Some(SsnClass::Valid));
        assert_eq!(class("536228841"), Some(SsnClass::Valid));
        assert_eq!(class("536 22 8841"), Some(SsnClass::Valid));
        assert_eq!(class("536.22.8841"), Some(SsnClass::Valid));
        assert_eq!(class("899-99-9998"), Some(SsnClass::Valid));
        for never in ["000-12-3456", "666-12-3456", "900-12-3456", "999-17-5017", "536-00-8841", "536-22-0000"] {
            assert_eq!(class(never), Some(SsnClass::NeverIssued), "{never}");
        }
        for known in ["078-05-1120", "219-09-9999", "457-55-5462", "987-65-4320", "987-65-4329", "123-45-6789"] {
            assert_eq!(class(known), Some(SsnClass::Published), "{known}");
        }
        assert_eq!(class("111-11-1111"), Some(SsnClass::Filler));
        for no in ["536-22 8841", "536-228841", "53-622-8841", "5362288411", "", "XXX-XX-8841", "536-22-884a"] {
            assert_eq!(class(no), None, "{no}");
        }
    }

    #[test]
    fn medicare_ids() {
        assert!(mbi("1EG4TE5MK73").is_some());
        assert_eq!(mbi("1EG4-TE5-MK73"), mbi("1EG4TE5MK73"));
        for no in ["0EG4TE5MK73", "1SG4TE5MK73", "1EG4TE5MK7", "1eg4te5mk73", "1EG4-TE5MK-73", "1EG4TE5MK7S"] {
            assert!(mbi(no).is_none(), "{no}");
        }
        assert!(hicn("123456789A") && hicn("012345678A") && hicn("102200221B1"));
        assert!(!hicn("123456789") && !hicn("12345678AA"));
    }

    #[test]
    fn provider_ids() {
        assert!(npi("1234567893") && npi("1999999992"));
        assert!(!npi("1234567890") && !npi("2999999998") && !npi("3234567893") && !npi("1111111111") && !npi("123456789"));
        assert!(dea("AB1234563") && dea("F91234563") && dea("AB1234563-012"));
        assert!(!dea("AB1234567") && !dea("AB123456") && !dea("12AB34563"));
    }

    #[test]
    fn clinical_codes() {
        for yes in ["2345-7", "718-7", "4548-4", "8480-6", "2160-0", "33914-3"] {
            assert!(loinc(yes), "{yes}");
        }
        assert!(!loinc("2345-6") && !loinc("2345") && !loinc("-7"));
        for yes in ["73211009", "22298006", "38341003", "900000000000207008"] {
            assert!(snomed(yes), "{yes}");
        }
        assert!(!snomed("73211008") && !snomed("12345"));
        assert!(icd10cm("E11.9").is_some_and(|f| f.dotted));
        assert!(icd10cm("U07.1").is_some() && icd10cm("S72.001A").is_some() && icd10cm("C7A.00").is_some());
        for bare in ["B12", "F150", "T20"] {
            assert!(icd10cm(bare).is_some_and(|f| !f.dotted), "{bare}");
        }
        assert!(icd10cm("E11.").is_none() && icd10cm("11.9").is_none() && icd10cm("EE1.9").is_none());
        assert!(ndc("0002-1433-80") && ndc("00021-433-80") && ndc("123456-1234-12"));
        assert!(!ndc("123-45-6789") && !ndc("2024-01-02"));
    }

    #[test]
    fn confusables_and_contact() {
        assert!(aba("021000021") && aba("011401533") && !aba("021000022") && !aba("000000000"));
        assert_eq!(phone("(617) 555-0142").map(|p| p.1), Some(true));
        assert_eq!(phone("617-555-0199").map(|p| p.1), Some(true));
        assert_eq!(phone("+1 617.495.1000 x12").map(|p| p.1), Some(false));
        assert!(phone("117-495-1000").is_none() && phone("617-095-1000").is_none() && phone("911-495-1000").is_none());
        assert_eq!(zip5("02139-1234"), Some(*b"02139"));
        assert!(zip5("0213").is_none());
        assert_eq!(state("ma"), Some(*b"MA"));
        assert_eq!(state("New York"), Some(*b"NY"));
        assert!(state("ZZ").is_none() && state("").is_none());
        assert!(email("a.b@example.org") && !email("a@b") && !email("a b@example.org"));
        assert!(uuid("9d188916-8390-282b-3ec2-73fce6e08649") && !uuid("9d188916-8390-282b-3ec2-73fce6e0864"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = (ssn(&text), mbi(&text), hicn(&text), npi(&text), dea(&text), loinc(&text), snomed(&text));
            let _ = (icd10cm(&text), aba(&text), ndc(&text), phone(&text), zip5(&text), email(&text), state(&text));
            let _ = (ssn_dashed(&text), uuid(&text));
        }
    }
}
