//! The overview of findings in several orders. A page without script can't sort, so each order is there, and which one is
//! seen is up to radio buttons and CSS.

use crate::model::Level;
use crate::report::{FindingRow, Report};

/// Rows of each order.
const ROWS: usize = 300;

/// The findings at notice or above in one order.
pub struct Order<'r> {
    pub id: &'static str,
    pub words: &'static str,
    pub rows: Vec<Row<'r>>,
    /// Rows that are left out.
    pub more: u64,
}

/// One finding, with its place in the report.
pub struct Row<'r> {
    pub n: usize,
    pub f: &'r FindingRow,
    /// When its object was last written.
    pub time: Option<&'r str>,
    pub people: u64,
}

/// Puts rows into an order.
type Sort = fn(&mut Vec<Row<'_>>);

/// Every order; none where there is nothing to order.
pub fn orders<'r>(r: &'r Report) -> Vec<Order<'r>> {
    let rows = || -> Vec<Row<'r>> {
        let raised = r.findings.iter().enumerate().filter(|(_, f)| f.level >= Level::Notice);
        let row = |(n, f): (usize, &'r FindingRow)| {
            let time = f.object.as_ref().and_then(|o| o.times.mtime.as_deref());
            Row { n, f, time, people: f.phi.as_ref().map_or(0, |p| p.individuals.best) }
        };
        raised.map(row).collect()
    };
    if rows().len() < 2 {
        return Vec::new();
    }
    let all: [(&'static str, &'static str, Sort); 4] = [
        ("strength", "strongest first", |_| {}),
        ("place", "by place", |rows| rows.sort_by(|a, b| a.f.path.cmp(&b.f.path))),
        ("time", "last written first", |rows| rows.sort_by(|a, b| b.time.cmp(&a.time))),
        ("people", "most people first", |rows| rows.sort_by_key(|x| std::cmp::Reverse(x.people))),
    ];
    all.into_iter()
        .map(|(id, words, sort)| {
            let mut rows = rows();
            // Stable: what is equal stays in the order of the report.
            sort(&mut rows);
            let more = rows.len().saturating_sub(ROWS) as u64;
            rows.truncate(ROWS);
            Order { id, words, rows, more }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Masker, sample};

    #[test]
    fn each_order_is_one() {
        let mut report = sample::report();
        report.seal(&Masker::OFF).unwrap();
        let all = orders(&report);
        let first = |id: &str| all.iter().find(|o| o.id == id).unwrap().rows[0].f.id.as_str();
        assert_eq!(all.iter().map(|o| o.rows.len()).collect::<Vec<_>>(), [2; 4]);
        assert_eq!((first("strength"), first("place"), first("people")), ("f-0001", "f-0002", "f-0001"));
        report.findings.truncate(1);
        assert!(orders(&report).is_empty());
        let one = report.findings[0].clone();
        report.findings = vec![one; ROWS + 7];
        assert_eq!(orders(&report)[2].more, 7);
    }
}
