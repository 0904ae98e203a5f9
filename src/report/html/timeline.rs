//! The timeline picture: when the objects of findings were last written or created, as a histogram by level.

use jiff::Timestamp;

use crate::model::Level;
use crate::report::{FindingRow, Report};

/// Bars at most.
const BARS: i64 = 60;
/// Bars at least, so that one hour doesn't fill the picture; the axis goes on behind the last time then.
const LEAST: i64 = 24;
/// Height of the picture, in its own units.
const HEIGHT: u64 = 100;
/// What a bar can stand for, in seconds and in words.
const UNITS: [(i64, &str); 10] = [
    (60, "a minute"),
    (600, "ten minutes"),
    (3_600, "an hour"),
    (6 * 3_600, "six hours"),
    (86_400, "a day"),
    (7 * 86_400, "seven days"),
    (30 * 86_400, "thirty days"),
    (91 * 86_400, "91 days"),
    (365 * 86_400, "365 days"),
    (3_650 * 86_400, "3,650 days"),
];

/// One bar, in thousandths of the picture's width.
#[derive(Debug, PartialEq, Eq)]
pub struct Part {
    pub class: &'static str,
    pub x: u64,
    pub width: u64,
    pub y: u64,
    pub height: u64,
    /// `2026-11-03: 2 alert`.
    pub words: String,
}

/// The whole picture.
#[derive(Debug, PartialEq, Eq)]
pub struct Timeline {
    pub parts: Vec<Part>,
    pub first: String,
    pub last: String,
    /// What one bar stands for.
    pub unit: &'static str,
    pub times: u64,
    /// Times in the highest bar.
    pub highest: u64,
}

impl Timeline {
    /// `None` where no finding at notice or above has a time.
    pub fn new(r: &Report) -> Option<Self> {
        let mut times: Vec<(i64, Level)> = r.findings.iter().filter(|f| f.level >= Level::Notice).flat_map(of).collect();
        times.sort_unstable();
        let (first, last) = (times.first()?.0, times.last()?.0);
        let span = last.checked_sub(first)?;
        let (length, unit) = UNITS.into_iter().find(|(length, _)| span / length < BARS).or(UNITS.last().copied())?;
        // Bars begin at whole units, so that a day is a day (in UTC).
        let start = first.div_euclid(length);
        let bars = last.div_euclid(length).checked_sub(start)?.checked_add(1)?.max(LEAST);
        let levels = [Level::Notice, Level::Warning, Level::Alert];
        let mut counts: std::collections::BTreeMap<i64, [u64; 3]> = std::collections::BTreeMap::new();
        for (at, level) in &times {
            let count = counts.entry(at.div_euclid(length) - start).or_default();
            for (n, l) in count.iter_mut().zip(levels) {
                *n += u64::from(l == *level);
            }
        }
        let highest = counts.values().map(|c| c.iter().sum::<u64>()).max()?.max(1);
        let mut parts = Vec::new();
        for (bar, count) in counts {
            let place = |bar: i64| u64::try_from(bar.saturating_mul(1000) / bars.max(1)).unwrap_or(0);
            let (x, end) = (place(bar), place(bar + 1));
            let at = (bar + start).checked_mul(length).and_then(|s| Timestamp::from_second(s).ok())?;
            let mut y = HEIGHT;
            for (n, level) in count.into_iter().zip(levels).filter(|(n, _)| *n > 0) {
                let height = (n * HEIGHT / highest).max(2).min(y);
                y -= height;
                let words = format!("{}: {n} {}", shown(at, length), level.word());
                // A gap between bars where there is room for one.
                let width = end.saturating_sub(x).max(2);
                let width = if width > 4 { width - 1 } else { width };
                parts.push(Part { class: level.word(), x, width, y, height, words });
            }
        }
        let label = |s: i64| Timestamp::from_second(s).ok().map(|t| shown(t, length));
        let end = start.checked_add(bars)?.checked_mul(length)?.checked_sub(1)?;
        Some(Self {
            parts,
            first: label(start.checked_mul(length)?)?,
            last: label(end).or_else(|| label(last))?,
            unit,
            times: times.len() as u64,
            highest,
        })
    }
}

/// Seconds of the times of a finding's object; access times are left out, since reading changes them.
fn of(f: &FindingRow) -> impl Iterator<Item = (i64, Level)> {
    let times = f.object.as_ref().map(|o| [&o.times.mtime, &o.times.btime]).into_iter().flatten().flatten();
    times.filter_map(|t| t.parse::<Timestamp>().ok()).map(|t| (t.as_second(), f.level))
}

fn shown(t: Timestamp, unit: i64) -> String {
    t.strftime(if unit < 86_400 { "%Y-%m-%d %H:%M" } else { "%Y-%m-%d" }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn with(times: &[&str]) -> Option<Timeline> {
        let mut report = sample::report();
        let one = report.findings[0].clone();
        report.findings = times
            .iter()
            .map(|t| {
                let mut f = one.clone();
                f.object.as_mut().unwrap().times.mtime = Some((*t).to_owned());
                f
            })
            .collect();
        Timeline::new(&report)
    }

    #[test]
    fn bars_stand_where_their_times_are() {
        let t = with(&["2026-11-01T05:00:00Z", "2026-11-01T06:00:00Z", "2026-11-30T23:00:00Z"]).unwrap();
        assert_eq!((t.first.as_str(), t.last.as_str(), t.unit, t.highest), ("2026-11-01", "2026-11-30", "a day", 2));
        assert_eq!(t.parts.len(), 2);
        assert_eq!((t.parts[0].x, t.parts[0].height, t.parts[1].height), (0, 100, 50));
        assert!(t.parts[1].x > 900 && t.parts[1].x + t.parts[1].width <= 1000);
        assert!(t.parts[0].words.starts_with("2026-11-01: 2 "));
    }

    #[test]
    fn any_span_has_a_unit() {
        assert!(with(&[]).is_none());
        assert!(with(&["no time"]).is_none());
        for times in [&["2026-11-01T05:00:00Z"][..], &["1601-01-01T00:00:00Z", "2026-11-01T05:00:00Z", "9000-01-01T00:00:00Z"]] {
            let t = with(times).unwrap();
            assert!(t.parts.iter().all(|p| p.x + p.width <= 1002 && p.y + p.height <= 100), "{t:?}");
            assert_eq!(t.times, times.len() as u64);
        }
    }
}
