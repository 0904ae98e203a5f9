//! Rows as `COPY … FROM stdin` lists them (PostgreSQL, COPY, "Text Format"): a line each, cells parted by tabs,
//! `\N` for null, up to a line `\.`.

use super::values::unescaped;
use crate::phi::table::Record;

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Line,
    /// Behind a backslash at the beginning of a line.
    LineEscape,
    Cell,
    Escape,
    /// On the line of the statement, and on the line that ends the rows.
    Before,
    End,
}

/// Where in the rows the bytes seen so far end.
pub(super) struct Copy {
    row: Record,
    state: State,
}

impl Copy {
    pub fn new() -> Self {
        Self { row: Record::default(), state: State::Before }
    }

    /// For the rows behind a statement: they begin on the next line.
    pub fn start(&mut self) {
        self.row.clear();
        self.state = State::Before;
    }

    /// Whether the line that ends the rows was seen.
    pub fn is_over(&self) -> bool {
        self.state == State::End
    }

    /// As [`super::values::Values::feed`].
    pub fn feed<'c>(
        &mut self,
        mut chunk: &'c [u8],
        wanted: &mut bool,
        mut take: impl FnMut(&Record) -> bool,
    ) -> Option<&'c [u8]> {
        while let Some((&b, tail)) = chunk.split_first() {
            match self.state {
                State::Line if b == b'\\' => self.state = State::LineEscape,
                State::LineEscape if b == b'.' => self.state = State::End,
                State::Line => {
                    self.state = State::Cell;
                    continue;
                }
                State::LineEscape => {
                    self.state = State::Escape;
                    continue;
                }
                State::Escape => {
                    if *wanted && b != b'N' {
                        self.row.push(&[unescaped(b)]);
                    }
                    self.state = State::Cell;
                }
                State::Before => {
                    let end = memchr::memchr(b'\n', chunk)?;
                    self.state = State::Line;
                    chunk = chunk.get(end.saturating_add(1)..).unwrap_or_default();
                    continue;
                }
                State::End => {
                    let end = memchr::memchr(b'\n', chunk)?;
                    return chunk.get(end..);
                }
                State::Cell if !*wanted => {
                    let end = memchr::memchr(b'\n', chunk)?;
                    self.state = State::Line;
                    chunk = chunk.get(end.saturating_add(1)..).unwrap_or_default();
                    continue;
                }
                State::Cell => {
                    let stop = memchr::memchr3(b'\t', b'\n', b'\\', chunk);
                    self.row.push(chunk.get(..stop.unwrap_or(chunk.len())).unwrap_or_default());
                    let stop = stop?;
                    match chunk.get(stop) {
                        Some(b'\\') => self.state = State::Escape,
                        Some(b'\t') => self.row.end_field(),
                        _ => {
                            self.row.end_field();
                            *wanted = take(&self.row);
                            self.row.clear();
                            self.state = State::Line;
                        }
                    }
                    chunk = chunk.get(stop.saturating_add(1)..).unwrap_or_default();
                    continue;
                }
            }
            chunk = tail;
        }
        None
    }
}
