//! Values of cells in Excel's formats: numbers, days, and the strings that cells share.

use std::collections::HashSet;

use super::Unread;
use super::sheet::{date, number};
use crate::model::GapReason;

/// Bytes that shared strings may take.
const MAX_STRINGS: usize = 128 << 20;
/// Formats and styles that are kept.
const MAX_STYLES: usize = 65_536;

/// Which styles show a number as a day.
#[derive(Default)]
pub(super) struct Styles {
    pub since_1904: bool,
    dates: HashSet<u32>,
    formats: Vec<u32>,
}

impl Styles {
    /// A format of the workbook's own.
    pub fn format(&mut self, id: u32, text: &str) {
        if is_date(text) && self.dates.len() < MAX_STYLES {
            self.dates.insert(id);
        }
    }

    /// The next style, with its format.
    pub fn style(&mut self, format: u32) {
        if self.formats.len() < MAX_STYLES {
            self.formats.push(format);
        }
    }

    /// Styles begin anew: those before were of another kind.
    pub fn clear(&mut self) {
        self.formats.clear();
    }

    /// A number as its style shows it, days in ISO 8601. Formats below 59 are built in (ECMA-376 part 1, 18.8.30).
    pub fn number(&self, value: f64, style: usize) -> String {
        let format = self.formats.get(style).copied().unwrap_or(0);
        let is_day = matches!(format, 14..=22 | 27..=36 | 50..=58) || self.dates.contains(&format);
        is_day.then(|| serial(value, self.since_1904)).flatten().unwrap_or_else(|| number(value))
    }
}

/// A packed number (MS-XLS 2.5.217): thirty bits of an integer or of a floating point number, perhaps times a hundred.
pub(super) fn rk(n: u32) -> f64 {
    let value = if n & 2 == 0 { f64::from_bits(u64::from(n & !3) << 32) } else { f64::from(n.cast_signed() >> 2) };
    if n & 1 == 0 { value } else { value / 100.0 }
}

/// Whether a format shows days or years: such letters stand outside quotes and brackets.
fn is_date(format: &str) -> bool {
    let (mut quoted, mut bracket, mut escaped) = (false, false, false);
    format.chars().any(|c| {
        let literal = quoted || bracket || std::mem::take(&mut escaped);
        match c {
            '"' => quoted = !quoted,
            '[' => bracket = true,
            ']' => bracket = false,
            '\\' | '_' | '*' => escaped = !literal,
            _ => {}
        }
        !literal && matches!(c, 'y' | 'Y' | 'd' | 'D')
    })
}

/// Days since the end of 1899, with a 29 February 1900 that never was, or since 1904.
fn serial(value: f64, since_1904: bool) -> Option<String> {
    if !(1.0..2_958_466.0).contains(&value) {
        return None;
    }
    let base =
        if since_1904 { jiff::civil::date(1904, 1, 1) } else { jiff::civil::date(1899, 12, if value < 60.0 { 31 } else { 30 }) };
    // In range as tested above.
    #[expect(clippy::cast_possible_truncation)]
    let span = jiff::Span::new().try_seconds((value * 86_400.0).round() as i64).ok()?;
    let at = base.to_datetime(jiff::civil::Time::midnight()).checked_add(span).ok()?;
    let small = |n: i8| n.unsigned_abs();
    Some(date((
        at.year().unsigned_abs(),
        small(at.month()),
        small(at.day()),
        small(at.hour()),
        small(at.minute()),
        small(at.second()),
    )))
}

/// Strings that cells share, in one piece of memory.
#[derive(Default)]
pub(super) struct Strings {
    pub text: String,
    ends: Vec<usize>,
}

impl Strings {
    pub fn get(&self, index: usize) -> Option<&str> {
        let start = index.checked_sub(1).map_or(Some(0), |i| self.ends.get(i).copied())?;
        self.text.get(start..*self.ends.get(index)?)
    }

    /// What was added to the text is the next string.
    pub fn end(&mut self) -> Result<(), Unread> {
        self.ends.push(self.text.len());
        if self.text.len().saturating_add(self.ends.len().saturating_mul(8)) > MAX_STRINGS {
            return Err(Unread::new(GapReason::LimitMemory, "its shared strings need more than 128 MiB"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_days() {
        assert_eq!(serial(17_392.0, false).as_deref(), Some("1947-08-13"));
        assert_eq!(serial(1.0, false).as_deref(), Some("1900-01-01"));
        assert_eq!(serial(61.0, false).as_deref(), Some("1900-03-01"));
        assert_eq!(serial(15_930.5, true).as_deref(), Some("1947-08-13 12:00:00"));
        assert_eq!((serial(0.5, false), serial(f64::NAN, false), serial(1e300, true)), (None, None, None));
        assert_eq!((rk(0x01 | 123_456 << 2 | 2), rk(0x4059_0000)), (1234.56, 100.0));
        assert_eq!((number(412_345.0), number(0.25)), ("412345".to_owned(), "0.25".to_owned()));
    }

    #[test]
    fn formats_of_days() {
        for yes in ["m/d/yy", "DD.MM.YYYY", "[$-409]d-mmm-yy;@", "yyyy\\-mm"] {
            assert!(is_date(yes), "{yes}");
        }
        for no in ["General", "0.00", "\"day\" 0", "[Red]0", "h:mm", "\\d0"] {
            assert!(!is_date(no), "{no}");
        }
    }
}
