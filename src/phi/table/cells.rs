//! A table whose columns are known and whose rows come one by one, as those of databases do.

use super::columns::Column;
use super::reader::Record;
use super::rows::Roles;
use super::{MAX_COLUMNS, headers};
use crate::phi::collect::Collector;

/// Rows, and their bytes, that are looked at before it is decided what the columns are.
const SAMPLE_ROWS: usize = 400;
const SAMPLE_BYTES: usize = 64 * 1024;

/// See the module. The people go to a collector that other tables share.
pub(in crate::phi) struct Cells {
    titles: Option<Vec<String>>,
    state: State,
}

enum State {
    /// Rows so far, and their bytes.
    Sample(Vec<Record>, usize),
    Patients(Roles),
    Nobody,
}

impl Cells {
    /// A table of this name, with the names of its columns where they are known.
    pub fn new(name: &str, columns: Option<&[String]>) -> Self {
        let titles = columns.map(|c| headers::titles(name, c.iter().map(String::as_str)));
        Self { titles, state: State::Sample(Vec::new(), 0) }
    }

    /// Whether its rows are of no interest: no patient is in it.
    pub fn is_nobody(&self) -> bool {
        matches!(self.state, State::Nobody)
    }

    /// Whether rows are held back.
    pub fn is_sample(&self) -> bool {
        matches!(self.state, State::Sample(..))
    }

    pub fn row(&mut self, row: &Record, out: &mut Collector<'_>) {
        match &mut self.state {
            State::Nobody => {}
            State::Patients(roles) => roles.row(|i| row.get(i), out),
            State::Sample(rows, bytes) => {
                *bytes = bytes.saturating_add(row.bytes());
                rows.push(row.clone());
                if rows.len() >= SAMPLE_ROWS || *bytes >= SAMPLE_BYTES {
                    self.decide(out);
                }
            }
        }
    }

    /// Decides from the rows so far, and takes them over.
    pub fn decide(&mut self, out: &mut Collector<'_>) {
        let State::Sample(rows, _) = std::mem::replace(&mut self.state, State::Nobody) else { return };
        let width = self.titles.as_ref().map_or_else(|| rows.iter().map(Record::len).max().unwrap_or(0), Vec::len);
        let mut columns: Vec<Column> = (0..width.min(MAX_COLUMNS)).map(|_| Column::new()).collect();
        for row in &rows {
            for (i, column) in columns.iter_mut().enumerate() {
                column.add(row.get(i).unwrap_or_default());
            }
        }
        if let Some(roles) = Roles::decide(self.titles.as_deref(), &columns).filter(|_| !rows.is_empty()) {
            rows.iter().for_each(|row| roles.row(|i| row.get(i), out));
            self.state = State::Patients(roles);
        }
    }

    /// Says what the table is, where patients are in it: whether it is like de-identified data.
    pub fn finish(mut self, out: &mut Collector<'_>) -> Option<bool> {
        if self.is_sample() {
            self.decide(out);
        }
        match self.state {
            State::Patients(roles) => Some(roles.describe(out)),
            _ => None,
        }
    }
}
