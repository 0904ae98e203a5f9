//! Prose and tables of one document: prose goes out as one text, tables of records as parts of their own.
//!
//! Tables that are forms (a label beside its value) or serve for the layout are prose: their cells stand in one
//! line, parted by tabs, where labels find their values.

use super::{Parts, Unread};
use crate::phi::table::is_title;

/// Prose is handed on in pieces of about this size.
const PIECE: usize = 16 * 1024;
/// Bytes of tables held back until the prose is out.
const MAX_HELD: usize = 16 << 20;
/// Tables inside tables that are kept apart; deeper ones are text of the cell around.
const MAX_NESTED: usize = 16;
/// Rows in front of a table's titles.
const MAX_CAPTION: usize = 3;

type Rows = Vec<Vec<String>>;

/// See the module.
#[derive(Default)]
pub(super) struct Flow {
    prose: String,
    begun: bool,
    /// Tables that are open, outermost first.
    open: Vec<Rows>,
    /// Tables opened beyond the bound.
    beyond: usize,
    held: Vec<Rows>,
    bytes: usize,
}

impl Flow {
    /// Adds text where it stands: to the cell that is open, or to the prose.
    pub fn text(&mut self, text: &str) {
        match self.open.last_mut().and_then(|t| t.last_mut()).and_then(|r| r.last_mut()) {
            Some(cell) => {
                cell.push_str(text);
                self.bytes = self.bytes.saturating_add(text.len());
            }
            None => self.prose.push_str(text),
        }
    }

    /// Ends a line, a paragraph, or a block; a blank line never comes.
    pub fn line(&mut self) {
        let text = self.open.last_mut().and_then(|t| t.last_mut()).and_then(|r| r.last_mut()).unwrap_or(&mut self.prose);
        if text.chars().last().is_some_and(|c| c != '\n') {
            text.push('\n');
        }
    }

    pub fn open_table(&mut self) {
        if self.open.len() < MAX_NESTED {
            self.open.push(Vec::new());
        } else {
            self.beyond = self.beyond.saturating_add(1);
        }
    }

    pub fn open_row(&mut self) {
        if self.beyond > 0 {
            self.line();
        } else if let Some(table) = self.open.last_mut() {
            table.push(Vec::new());
            self.bytes = self.bytes.saturating_add(size_of::<Vec<String>>());
        }
    }

    pub fn open_cell(&mut self) {
        if self.beyond > 0 {
            self.text("\t");
        } else if let Some(table) = self.open.last_mut() {
            if table.is_empty() {
                table.push(Vec::new());
            }
            if let Some(row) = table.last_mut() {
                row.push(String::new());
            }
            self.bytes = self.bytes.saturating_add(size_of::<String>());
        }
    }

    pub fn close_table(&mut self) {
        if self.beyond > 0 {
            self.beyond -= 1;
            return;
        }
        let Some(rows) = self.open.pop() else { return };
        self.table(rows);
    }

    /// Adds a whole table.
    pub fn table(&mut self, mut rows: Rows) {
        for cell in rows.iter_mut().flatten() {
            let trimmed = cell.trim();
            if trimmed.len() < cell.len() {
                *cell = trimmed.to_owned();
            }
        }
        rows.retain(|r| r.iter().any(|c| !c.is_empty()));
        if let Some(titles) = titles(&rows) {
            let records = rows.split_off(titles);
            self.lines(&rows);
            self.held.push(records);
        } else {
            self.lines(&rows);
        }
    }

    fn lines(&mut self, rows: &Rows) {
        self.line();
        for row in rows {
            let filled = row.iter().map(String::as_str).filter(|c| !c.is_empty());
            let line = filled.collect::<Vec<_>>().join("\t");
            self.text(&line);
            self.line();
        }
    }

    /// Hands on what is ready. To be called now and then.
    pub fn pass(&mut self, parts: &mut Parts<'_>) -> Result<(), Unread> {
        if self.bytes > MAX_HELD {
            self.bytes = 0;
            // Whatever is open goes on as text and as a new table.
            let open: Vec<Rows> = self.open.iter_mut().map(std::mem::take).collect();
            open.into_iter().for_each(|rows| self.held.push(rows));
            self.prose(parts)?;
            self.records(parts)?;
        } else if self.prose.len() > PIECE {
            self.prose(parts)?;
        }
        Ok(())
    }

    pub fn finish(mut self, parts: &mut Parts<'_>) -> Result<(), Unread> {
        self.beyond = 0;
        while !self.open.is_empty() {
            self.close_table();
        }
        self.prose(parts)?;
        self.records(parts)
    }

    fn prose(&mut self, parts: &mut Parts<'_>) -> Result<(), Unread> {
        if self.prose.is_empty() {
            return Ok(());
        }
        if !self.begun {
            parts.begin()?;
            self.begun = true;
        }
        parts.text(&self.prose)?;
        self.prose.clear();
        Ok(())
    }

    fn records(&mut self, parts: &mut Parts<'_>) -> Result<(), Unread> {
        for rows in self.held.drain(..) {
            self.begun = false;
            parts.begin()?;
            let width = rows.iter().map(Vec::len).max().unwrap_or(0);
            for row in &rows {
                let missing = std::iter::repeat_n("", width.saturating_sub(row.len()));
                parts.row(row.iter().map(String::as_str).chain(missing))?;
            }
        }
        Ok(())
    }
}

/// The row of titles of a table of records; `None` for a form or a layout.
fn titles(rows: &[Vec<String>]) -> Option<usize> {
    let at = rows.iter().take(MAX_CAPTION).position(|row| {
        let filled = || row.iter().filter(|c| !c.is_empty());
        filled().filter(|c| is_title(c)).count() >= 2 && !filled().any(|c| c.bytes().filter(u8::is_ascii_digit).count() > 2)
    })?;
    let behind = rows.get(at.saturating_add(1)..)?;
    let form = behind.iter().filter_map(|r| r.first()).any(|c| c.ends_with(':') || is_title(c));
    (!behind.is_empty() && !form).then_some(at)
}
