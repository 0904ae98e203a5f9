//! The tables of a dump: their columns, and their rows on the way to the detector of tables.

use std::collections::HashMap;

use super::words::Named;
use crate::model::GapReason;
use crate::phi::collect::Collector;
use crate::phi::table::{Cells, Record};
use crate::phi::{Outcome, Unread};

/// Tables of one dump.
const MAX_TABLES: usize = 5_000;
/// Bytes that the names of columns may take together.
const MAX_NAMES: usize = 16 << 20;
/// Tables of which rows are held back at the same time.
const MAX_SAMPLES: usize = 64;

/// See the module.
pub(in crate::phi) struct Tables<'k> {
    out: Collector<'k>,
    /// Columns by `CREATE TABLE`.
    created: HashMap<String, Vec<String>>,
    names: usize,
    /// Tables by name and by the columns that a statement lists.
    known: HashMap<Named, usize>,
    tables: Vec<Cells>,
    samples: usize,
    unread: Option<Unread>,
}

impl<'k> Tables<'k> {
    pub fn new(out: Collector<'k>) -> Self {
        let (created, known, tables) = (HashMap::new(), HashMap::new(), Vec::new());
        Self { out, created, names: 0, known, tables, samples: 0, unread: None }
    }

    pub fn create(&mut self, named: Named) {
        if self.has_room(&named, self.created.len()) {
            self.created.insert(named.table, named.columns.unwrap_or_default());
        }
    }

    fn has_room(&mut self, named: &Named, tables: usize) -> bool {
        self.names = self.names.saturating_add(named.size());
        let room = self.names <= MAX_NAMES && tables < MAX_TABLES;
        if !room {
            self.unread(Unread::new(GapReason::LimitCount, "it has more tables than are kept"));
        }
        room
    }

    /// The table that rows follow of; `None` where nobody is in it.
    pub fn open(&mut self, named: Named) -> Option<usize> {
        if let Some(known) = self.known.get(&named) {
            return Some(*known).filter(|n| self.wants(*n));
        }
        if !self.has_room(&named, self.tables.len()) {
            return None;
        }
        if self.samples >= MAX_SAMPLES {
            self.tables.iter_mut().filter(|t| t.is_sample()).for_each(|t| t.decide(&mut self.out));
            self.samples = 0;
        }
        let columns = named.columns.as_ref().or_else(|| self.created.get(&named.table)).filter(|c| !c.is_empty());
        self.tables.push(Cells::new(&named.table, columns.map(Vec::as_slice)));
        self.samples = self.samples.saturating_add(1);
        let n = self.tables.len().saturating_sub(1);
        self.known.insert(named, n);
        Some(n)
    }

    /// Whether rows of the table are still of interest.
    pub fn wants(&self, table: usize) -> bool {
        self.tables.get(table).is_some_and(|t| !t.is_nobody())
    }

    pub fn row(&mut self, table: usize, row: &Record) {
        let Some(cells) = self.tables.get_mut(table) else { return };
        let sample = cells.is_sample();
        cells.row(row, &mut self.out);
        if sample && !cells.is_sample() {
            self.samples = self.samples.saturating_sub(1);
        }
    }

    /// The first reason is kept.
    pub fn unread(&mut self, why: Unread) {
        self.unread.get_or_insert(why);
    }

    pub fn finish(self) -> Outcome {
        let Self { mut out, tables, unread, .. } = self;
        let kinds: Vec<bool> = tables.into_iter().filter_map(|t| t.finish(&mut out)).collect();
        let deidentified = !kinds.is_empty() && kinds.iter().all(|d| *d);
        let facts = out.finish("sql".to_owned());
        Outcome { facts: facts.map(|f| crate::model::PhiFacts { deidentified, ..f }), unread, ..Outcome::default() }
    }
}
