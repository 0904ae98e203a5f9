//! Tables of fixed width under a ruler, as sqlcmd and SQL*Plus print them: a line of titles, a line of dashes, rows.
//!
//! The ruler says where columns are. Without one, code, logs and listings of folders look the same, and none is read.

use super::cells::Cells;
use super::reader::Record;
use super::sniff;
use crate::model::PhiFacts;
use crate::phi::collect::Collector;
use crate::phi::{CaseKey, Outcome, PhiStream, names};

/// Lines in which the ruler must stand.
const MAX_LEAD: usize = 64;
/// Characters of a line that are read.
const MAX_LINE: usize = 64 * 1024;
const MAX_COLUMNS: usize = 512;

/// Where columns begin and end, in characters.
type Ruler = Vec<(usize, usize)>;

/// A stream where a ruler stands early, with titles above it.
pub(super) fn start<'k>(head: &[u8], key: &'k CaseKey) -> Option<Box<dyn PhiStream + 'k>> {
    if !sniff::is_text(head) {
        return None;
    }
    let lines: Vec<&[u8]> = head.split(|b| *b == b'\n').take(MAX_LEAD).collect();
    lines.iter().find_map(|line| ruler(line))?;
    Some(Box::new(Stream { line: Vec::new(), above: Vec::new(), table: None, deidentified: true, out: Collector::new(key) }))
}

/// Runs of dashes parted by blanks, two at least.
fn ruler(line: &[u8]) -> Option<Ruler> {
    let line = line.trim_ascii_end();
    if !line.starts_with(b"-") || line.len() < 5 || line.len() > MAX_LINE || !line.iter().all(|b| matches!(b, b'-' | b' ')) {
        return None;
    }
    let mut columns = Vec::new();
    let mut at = 0_usize;
    for run in line.split(|b| *b == b' ') {
        let end = at.saturating_add(run.len());
        if !run.is_empty() {
            columns.push((at, end));
        }
        at = end.saturating_add(1);
    }
    (2..=MAX_COLUMNS).contains(&columns.len()).then_some(columns)
}

/// A line's cells; `None` where something stands between the columns.
fn cut(line: &[u8], ruler: &Ruler) -> Option<Vec<String>> {
    let text = names::decode(line);
    let chars: Vec<char> = text.trim_end().chars().collect();
    let second = ruler.get(1)?.0;
    let gaps = ruler.windows(2).all(|w| match w {
        [(_, end), (next, _)] => (*end..*next).all(|at| chars.get(at).is_none_or(|c| *c == ' ')),
        _ => true,
    });
    if chars.len() <= second || !gaps {
        return None;
    }
    let last = ruler.len().saturating_sub(1);
    let cell = |(i, (start, end)): (usize, &(usize, usize))| {
        let end = if i == last { chars.len() } else { (*end).min(chars.len()) };
        let cell = chars.get(*start..end).unwrap_or_default();
        cell.iter().collect::<String>().trim().to_owned()
    };
    Some(ruler.iter().enumerate().map(cell).collect())
}

struct Stream<'k> {
    line: Vec<u8>,
    /// The line before.
    above: Vec<u8>,
    table: Option<(Ruler, Vec<String>, Cells)>,
    deidentified: bool,
    out: Collector<'k>,
}

impl PhiStream for Stream<'_> {
    fn feed(&mut self, mut chunk: &[u8]) {
        while !chunk.is_empty() {
            let end = memchr::memchr(b'\n', chunk);
            let piece = chunk.get(..end.unwrap_or(chunk.len())).unwrap_or_default();
            let room = MAX_LINE.saturating_sub(self.line.len());
            self.line.extend_from_slice(piece.get(..room.min(piece.len())).unwrap_or_default());
            let Some(end) = end else { return };
            self.take();
            chunk = chunk.get(end.saturating_add(1)..).unwrap_or_default();
        }
    }

    fn finish(mut self: Box<Self>) -> Outcome {
        self.take();
        self.end();
        let Self { deidentified, out, .. } = *self;
        out.finish("table-fixed".to_owned()).map(|f| PhiFacts { deidentified, ..f }).into()
    }
}

impl Stream<'_> {
    fn take(&mut self) {
        let line = std::mem::take(&mut self.line);
        match ruler(&line) {
            Some(ruler) => self.begin(ruler),
            None => self.row(&line),
        }
        self.above = line;
        self.line = Vec::new();
    }

    /// A ruler begins a table, or a further page of the same.
    fn begin(&mut self, ruler: Ruler) {
        let Some(titles) = cut(&self.above, &ruler).filter(|t| t.iter().any(|t| !t.is_empty())) else { return };
        if self.table.as_ref().is_none_or(|(_, known, _)| *known != titles) {
            self.end();
            let cells = Cells::new("", Some(&titles));
            self.table = Some((ruler, titles, cells));
        }
    }

    fn row(&mut self, line: &[u8]) {
        let Some((ruler, titles, cells)) = &mut self.table else { return };
        if cells.is_nobody() || line.first() == Some(&b'(') {
            return;
        }
        let Some(row) = cut(line, ruler).filter(|row| row != titles) else { return };
        let mut record = Record::default();
        for cell in &row {
            record.push(cell.as_bytes());
            record.end_field();
        }
        cells.row(&record, &mut self.out);
    }

    fn end(&mut self) {
        if let Some((_, _, cells)) = self.table.take()
            && let Some(deidentified) = cells.finish(&mut self.out)
        {
            self.deidentified &= deidentified;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Table;
    use crate::phi::testing::run;

    const SQLCMD: &str = include_str!("../../../tests/fixtures/phi/table-fixed.txt");

    #[test]
    fn rows_under_a_ruler() {
        let facts = run(&Table, SQLCMD.as_bytes()).expect("people");
        assert_eq!((facts.format.as_str(), facts.individuals.best, facts.records), ("table-fixed", 2, 2));
        assert_eq!(facts.identifiers["ssn"], 2);
    }

    #[test]
    fn listings_and_code_are_none() {
        for text in [
            "Mode                LastWriteTime         Length Name\n----                -------------         ------ ----\n\
             -a----        1/02/2024  10:00 AM           1234 patients.csv\n",
            "id   name     price\n---- -------- -----\n1    apple    2\n2    pear     3\n",
            "A title\n-------\nmrn dob\n--- ---\n",
            "mrn  dob        ssn\n1    1960-01-02 536-22-8841\n2    1961-01-02 536-22-9001\n3    1961-01-02 536-22-9001\n",
        ] {
            assert!(run(&Table, text.as_bytes()).is_none(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(tail in "[-a0é \n(]{0,300}") {
            let _ = run(&Table, format!("mrn dob\n--- ----------\n{tail}").as_bytes());
        }
    }
}
