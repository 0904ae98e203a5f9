//! The walk over a table: depth first, one page of each level in memory.

use super::page::{Cell, PageHeader, u32_at};
use super::record::{Layout, Row};
use super::{Database, ReadAt, SqliteError, Table};

/// Levels of a b-tree. Four billion pages with at least two children each have fewer.
const MAX_DEPTH: usize = 40;

/// A page on the way from the root to the current row.
struct Level {
    page: u32,
    header: PageHeader,
    bytes: Vec<u8>,
    /// The next cell; on interior pages its left child comes first.
    cell: u16,
    /// Of the cell `cell` the child was visited, so that its own row comes next (index b-trees).
    below: bool,
    /// Bytes of records taken from the page; cells that overlap could make it yield without end.
    content: usize,
}

enum Step {
    Down(u32),
    Row(Cell),
    Up,
}

/// The rows of one table. See [`Database::rows`].
pub struct Rows<'d, R> {
    database: &'d mut Database<R>,
    table: Table,
    levels: Vec<Level>,
    /// Buffers of levels that were left.
    spare: Vec<Vec<u8>>,
    root: Option<u32>,
    /// Pages that the walk may still visit: no more than there are.
    budget: u32,
    record: Vec<u8>,
    layout: Layout,
}

impl<'d, R: ReadAt> Rows<'d, R> {
    pub(super) fn new(database: &'d mut Database<R>, table: Table) -> Self {
        let budget = database.pages;
        let root = Some(table.root);
        let (levels, spare, record) = (Vec::new(), Vec::new(), Vec::new());
        Self { database, table, levels, spare, root, budget, record, layout: Layout::default() }
    }

    /// The next row; an error where a part of the table can't be read, after which the walk goes on. `None` at
    /// the end.
    #[expect(clippy::should_implement_trait, reason = "a row borrows from the walk")]
    pub fn next(&mut self) -> Option<Result<Row<'_>, SqliteError>> {
        if let Some(root) = self.root.take()
            && let Err(e) = self.enter(root)
        {
            return Some(Err(e));
        }
        loop {
            let level = self.levels.last_mut()?;
            match step(level, self.database.usable as usize) {
                Err(why) => return Some(Err(SqliteError::Damaged { page: level.page, why })),
                Ok(Step::Up) => {
                    let left = self.levels.pop()?;
                    self.spare.push(left.bytes);
                }
                Ok(Step::Down(page)) => {
                    if let Err(e) = self.enter(page) {
                        return Some(Err(e));
                    }
                }
                Ok(Step::Row(cell)) => {
                    if let Err(e) = self.load(&cell) {
                        return Some(Err(e));
                    }
                    let rowid = self.levels.last()?.header.kind.is_table().then_some(cell.rowid);
                    return Some(Ok(Row {
                        record: &self.record,
                        layout: &self.layout,
                        places: &self.table.places,
                        rowid_column: self.table.rowid_column,
                        rowid,
                        encoding: self.database.encoding,
                    }));
                }
            }
        }
    }

    /// Takes a page from the budget.
    fn spend(&mut self, page: u32) -> Result<(), SqliteError> {
        match self.budget.checked_sub(1) {
            Some(left) => {
                self.budget = left;
                Ok(())
            }
            None => {
                // Whatever is still open would only lead around again.
                self.levels.clear();
                Err(SqliteError::Damaged { page, why: "pages lead back to each other" })
            }
        }
    }

    fn enter(&mut self, page: u32) -> Result<(), SqliteError> {
        self.spend(page)?;
        if self.levels.len() >= MAX_DEPTH || self.levels.iter().any(|l| l.page == page) {
            return Err(SqliteError::Damaged { page, why: "pages lead back to each other" });
        }
        let mut bytes = self.spare.pop().unwrap_or_default();
        self.database.read_page(page, &mut bytes)?;
        let header = PageHeader::parse(&bytes, page == 1).map_err(|why| SqliteError::Damaged { page, why })?;
        if self.levels.last().is_some_and(|above| above.header.kind.is_table() != header.kind.is_table()) {
            return Err(SqliteError::Damaged { page, why: "it belongs to another kind of b-tree" });
        }
        self.levels.push(Level { page, header, bytes, cell: 0, below: false, content: 0 });
        Ok(())
    }

    /// Gathers a record from its page and the pages it overflows to (section 1.7).
    fn load(&mut self, cell: &Cell) -> Result<(), SqliteError> {
        self.record.clear();
        let Some(level) = self.levels.last() else { return Ok(()) };
        let page = level.page;
        self.record.extend_from_slice(level.bytes.get(cell.local.0..cell.local.1).unwrap_or_default());
        let wanted = usize::try_from(cell.payload).unwrap_or(usize::MAX).min(self.database.max_row);
        let mut next = cell.overflow;
        let mut buffer = self.spare.pop().unwrap_or_default();
        let mut result = Ok(());
        while next != 0 && self.record.len() < wanted {
            result = self.spend(next).and_then(|()| self.database.read_page(next, &mut buffer));
            if result.is_err() {
                break;
            }
            let content = buffer.get(4..self.database.usable as usize).unwrap_or_default();
            let take = content.len().min(usize::try_from(cell.payload).unwrap_or(usize::MAX).saturating_sub(self.record.len()));
            self.record.extend_from_slice(content.get(..take).unwrap_or_default());
            next = u32_at(&buffer, 0).unwrap_or(0);
        }
        self.spare.push(buffer);
        result?;
        if self.record.len() < wanted {
            return Err(SqliteError::Damaged { page, why: "a row ends before its declared length" });
        }
        self.layout.read(&self.record).map_err(|why| SqliteError::Damaged { page, why })
    }
}

/// What comes next on a page. Moves on before it reads a cell, so that an error doesn't stop the walk.
fn step(level: &mut Level, usable: usize) -> Result<Step, &'static str> {
    let header = level.header;
    let interior = header.kind.is_interior();
    let i = level.cell;
    if i >= header.cells {
        level.cell = i.saturating_add(1);
        return Ok(if interior && i == header.cells { Step::Down(header.right) } else { Step::Up });
    }
    // A cell of an interior page of an index is a child and then a row; all others are one of the two.
    let down = interior && !level.below;
    level.below = down && !header.kind.is_table();
    if !level.below {
        level.cell = i.saturating_add(1);
    }
    let cell = header.cell(&level.bytes, i, usable).inspect_err(|_| {
        level.below = false;
        level.cell = i.saturating_add(1);
    })?;
    if down {
        return Ok(Step::Down(cell.left));
    }
    level.content = level.content.saturating_add(cell.local.1.saturating_sub(cell.local.0));
    if level.content > usable {
        level.cell = header.cells.saturating_add(1);
        return Err("its cells overlap");
    }
    Ok(Step::Row(cell))
}
