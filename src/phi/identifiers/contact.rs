//! Where people live and how they are reached.
//!
//! Sources: NANPA (numbering plan; 555-0100 to 555-0199 is kept for fiction), USPS Publication 28.

/// A North American number as ten digits; the flag says it lies in the range kept for fiction.
pub fn phone(text: &str) -> Option<([u8; 10], bool)> {
    let t = text.trim();
    if t.len() > 24 || !t.bytes().all(|c| c.is_ascii_digit() || b"()-. +xX".contains(&c)) {
        return None;
    }
    let main = t.split(['x', 'X']).next()?;
    let mut digits = [0; 11];
    let mut n = 0;
    for digit in main.bytes().filter(u8::is_ascii_digit) {
        *digits.get_mut(n)? = digit;
        n += 1;
    }
    let ten: [u8; 10] = match n {
        10 => *digits.first_chunk()?,
        11 if digits[0] == b'1' => *digits.last_chunk()?,
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
    // Nearly all tables write the code.
    if let [a, b] = t.as_bytes() {
        let code = [a.to_ascii_uppercase(), b.to_ascii_uppercase()];
        return STATES.as_bytes().split(|c| *c == b' ').any(|s| s.starts_with(&code)).then_some(code);
    }
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
