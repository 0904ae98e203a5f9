//! Times as archive formats store them.

use crate::model::Time;

/// DOS date and time are local time of an unknown zone; they are shown as if they were UTC.
pub(super) fn dos_time(date: u16, time: u16) -> Option<Time> {
    let part = |word: u16, shift: u16, mask: u16| i8::try_from(word >> shift & mask).ok();
    let year = i16::try_from(1980 + (date >> 9)).ok()?;
    let civil = jiff::civil::DateTime::new(
        year,
        part(date, 5, 0xf)?,
        part(date, 0, 0x1f)?,
        part(time, 11, 0x1f)?,
        part(time, 5, 0x3f)?,
        part(time, 0, 0x1f)?.checked_mul(2)?,
        0,
    );
    let stamp = jiff::tz::TimeZone::UTC.to_timestamp(civil.ok()?).ok()?;
    Some(Time(stamp.as_nanosecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dos_times() {
        assert_eq!(dos_time(0x5821, 0x6000).and_then(Time::rfc3339).as_deref(), Some("2024-01-01T12:00:00Z"));
        assert_eq!(dos_time(0, 0), None, "month 0");
        assert_eq!(dos_time(0xffff, 0xffff), None);
    }
}
