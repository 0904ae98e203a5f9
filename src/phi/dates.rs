//! Dates as health records write them, read to `YYYYMMDD`.

/// Years of birth that are taken for one. The upper end is fixed so that results don't depend on the clock.
const YEARS: std::ops::RangeInclusive<u32> = 1900..=2035;

/// A calendar-valid date from 1900 on, in any of the usual forms: `YYYYMMDD`, `YYYY-MM-DD`, `YYYY/MM/DD`,
/// `M/D/YYYY`, `M-D-YYYY`, `MM/DD/YY`, `DD-Mon-YYYY`, `DD-MON-YY`, `Mon D, YYYY`, each with or without a
/// time of day behind it. A day above 12 in the first place is read as a day.
pub fn date(text: &str) -> Option<u32> {
    let t = text.trim();
    if t.len() < 6 || t.len() > 40 || !t.is_ascii() {
        return None;
    }
    let bytes = t.as_bytes();
    if let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = bytes {
        // The usual form of exports, read without taking it apart first.
        let number = |digits: &[u8]| digits.iter().try_fold(0, |n, c| c.is_ascii_digit().then(|| n * 10 + u32::from(c - b'0')));
        return make(number(&[*y1, *y2, *y3, *y4])?, number(&[*m1, *m2])?, number(&[*d1, *d2])?);
    }
    let digits = bytes.iter().take_while(|c| c.is_ascii_digit()).count();
    if matches!(digits, 8 | 12 | 14) {
        // HL7 and X12 timestamps run on without separators.
        let tail = bytes.get(digits).copied();
        if tail.is_some_and(|c| !matches!(c, b'.' | b'+' | b'-' | b' ' | b'T')) {
            return None;
        }
        return make(num(t.get(..4)?)?, num(t.get(4..6)?)?, num(t.get(6..8)?)?);
    }
    let head = if digits == 4 || t.as_bytes().first().is_some_and(u8::is_ascii_digit) { t.split(['T', ' ']).next()? } else { t };
    let spaced = head.len() < 8 && t.len() > head.len();
    let body = if spaced { t } else { head };
    let mut parts = body.split(['-', '/', '.', ' ', ',']).filter(|p| !p.is_empty());
    let (a, b, c) = (parts.next()?, parts.next()?, parts.next()?);
    if a.len() == 4 {
        return make(num(a)?, month(b)?, num(c)?);
    }
    let year = year(c)?;
    if let Some(m) = month_name(a) {
        return make(year, m, num(b)?);
    }
    match month_name(b) {
        Some(m) => make(year, m, num(a)?),
        None => {
            let (m, d) = (num(a)?, num(b)?);
            if m > 12 { make(year, d, m) } else { make(year, m, d) }
        }
    }
}

/// A spreadsheet's day number (1900 system), 1 to 50,000.
pub fn serial(text: &str) -> Option<u32> {
    let days: u32 = text.trim().parse().ok().filter(|n| (1..=50_000).contains(n))?;
    // Civil date from days (Howard Hinnant's algorithm); day 0 of the 1900 system is 1899-12-30.
    let z = u64::from(days) + 693_899;
    let era = z / 146_097;
    let doe = z % 146_097;
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + u64::from(month <= 2);
    make(u32::try_from(year).ok()?, u32::try_from(month).ok()?, u32::try_from(day).ok()?)
}

fn num(t: &str) -> Option<u32> {
    (!t.is_empty() && t.len() <= 4 && t.bytes().all(|c| c.is_ascii_digit())).then(|| t.parse().ok()).flatten()
}

fn month(t: &str) -> Option<u32> {
    num(t).or_else(|| month_name(t))
}

fn month_name(t: &str) -> Option<u32> {
    const NAMES: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let lower = t.to_ascii_lowercase();
    let at = NAMES.iter().position(|n| lower.len() >= 3 && n.starts_with(&lower))?;
    u32::try_from(at).ok().map(|m| m + 1)
}

/// Two digits up to 27 belong to this century.
fn year(t: &str) -> Option<u32> {
    match (t.len(), num(t)?) {
        (4, y) => Some(y),
        (2, y) if y <= 27 => Some(2000 + y),
        (2, y) => Some(1900 + y),
        _ => None,
    }
}

fn make(y: u32, m: u32, d: u32) -> Option<u32> {
    let leap = (y.is_multiple_of(4) && !y.is_multiple_of(100)) || y.is_multiple_of(400);
    let days = match m {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(leap),
        _ => return None,
    };
    (YEARS.contains(&y) && (1..=days).contains(&d)).then(|| y * 10_000 + m * 100 + d)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_form() {
        for form in [
            "19600102",
            "1960-01-02",
            "1/2/1960",
            "01/02/1960",
            "01/02/60",
            "02-Jan-1960",
            "02-JAN-60",
            "1960/01/02",
            "1960-01-02 00:00:00.000",
            "1960-01-02T08:30:00Z",
            "196001020830",
            "19600102083000-0500",
            "January 2, 1960",
            "Jan 2 1960",
            "1/2/1960 12:00:00 AM",
            "1960-Jan-02",
        ] {
            assert_eq!(date(form), Some(19_600_102), "{form}");
        }
        assert_eq!(date("25/12/1960"), Some(19_601_225));
        assert_eq!(date("02/29/2000"), Some(20_000_229));
    }

    #[test]
    fn what_is_no_date() {
        for no in [
            "",
            "19601302",
            "1960-02-30",
            "2/29/1900",
            "18991231",
            "20990101",
            "hello",
            "1960",
            "192.168.1.10.5",
            "123-45-6789",
            "1.2.3",
            "19600102x",
            "601-555-0142",
        ] {
            assert_eq!(date(no), None, "{no}");
        }
    }

    #[test]
    fn spreadsheet_days() {
        assert_eq!(serial("21917"), Some(19_600_102));
        assert_eq!(serial("36526"), Some(20_000_101));
        assert_eq!(serial("0"), None);
        assert_eq!(serial("50001"), None);
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in ".{0,48}") {
            let _ = (date(&text), serial(&text));
        }
    }
}
