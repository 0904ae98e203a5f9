//! Times and ranges as OpenIOC writes them.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

/// Both ends of `a TO b`.
pub fn range(value: &str) -> Option<(&str, &str)> {
    let at = value.to_ascii_uppercase().find(" TO ")?;
    let (from, to) = (value.get(..at)?, value.get(at.checked_add(4)?..)?);
    Some((from.trim(), to.trim()))
}

/// Seconds since 1970 in which a written time (or range) lies: the first, and the first after it. Times without a
/// zone are UTC.
pub fn span(value: &str) -> Option<(f64, f64)> {
    if let Some((from, to)) = range(value) {
        let span = (single(from)?.0, single(to)?.1);
        return (span.0 < span.1).then_some(span);
    }
    single(value)
}

fn single(value: &str) -> Option<(f64, f64)> {
    let value = value.trim();
    let (second, length) = if let Ok(time) = value.parse::<Timestamp>() {
        (time.as_second(), 1)
    } else if value.contains(':') {
        (utc(value.parse::<DateTime>().ok()?)?, 1)
    } else {
        (utc(value.parse::<Date>().ok()?.to_datetime(jiff::civil::Time::midnight()))?, 86_400)
    };
    // Seconds of any year that jiff knows are exact in 53 bits.
    Some((second as f64, second.checked_add(length)? as f64))
}

fn utc(time: DateTime) -> Option<i64> {
    Some(TimeZone::UTC.to_timestamp(time).ok()?.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_days_and_ranges() {
        assert_eq!(span("1970-01-01T00:00:10Z"), Some((10.0, 11.0)));
        assert_eq!(span("1970-01-01T00:00:10"), Some((10.0, 11.0)));
        assert_eq!(span("1970-01-01 01:00:10+01:00"), Some((10.0, 11.0)));
        assert_eq!(span("1970-01-02"), Some((86_400.0, 172_800.0)));
        assert_eq!(span("1970-01-01T00:00:00Z TO 1970-01-02"), Some((0.0, 172_800.0)));
        assert_eq!(span("1970-01-02 TO 1970-01-01"), None);
        assert_eq!(span("yesterday"), None);
        assert_eq!(range("1 to 20"), Some(("1", "20")));
        assert_eq!(range("TO"), None);
    }
}
