//! `--window FROM..TO`: the time of the suspected intrusion.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::correlate::staging::Window;

/// Reads `FROM..TO`: dates (`2026-11-01`, whole days in UTC) or times (RFC 3339); either end may be left out.
///
/// # Errors
/// In words.
pub fn parse(text: &str) -> Result<Window, String> {
    const HOW: &str = "write it as FROM..TO with dates or RFC 3339 times, as 2026-11-01..2026-11-20T06:00:00Z";
    let (from, to) = text.split_once("..").ok_or(HOW)?;
    let from = if from.trim().is_empty() { i64::MIN } else { at(from, false).ok_or(HOW)? };
    let to = if to.trim().is_empty() { i64::MAX } else { at(to, true).ok_or(HOW)? };
    if from == i64::MIN && to == i64::MAX {
        return Err(HOW.into());
    }
    if from > to { Err("it ends before it begins".into()) } else { Ok(Window { from, to }) }
}

/// Seconds since 1970; a date alone is its first second, or its last.
fn at(text: &str, end: bool) -> Option<i64> {
    let text = text.trim();
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time.as_second());
    }
    let date: Date = text.parse().ok()?;
    let day = TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()?.as_second();
    Some(if end { day.saturating_add(86_399) } else { day })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_times_and_open_ends() {
        let w = parse("2026-11-01..2026-11-02").unwrap();
        assert_eq!(w.to - w.from, 2 * 86_400 - 1);
        assert!(w.holds(w.from) && w.holds(w.to) && !w.holds(w.from - 1));
        assert_eq!(parse("2026-11-01T06:00:00Z..").unwrap().to, i64::MAX);
        assert!(parse("..2026-11-01").unwrap().holds(0));
        for bad in ["", "..", "2026-11-01", "x..y", "2026-11-02..2026-11-01", "2026-13-01.."] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
