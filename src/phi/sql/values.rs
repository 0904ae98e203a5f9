//! Rows as `INSERT` statements list them: `(1, 'O''Neill', NULL, CAST(N'1960-01-02' AS Date)), (…)`.

use crate::phi::table::Record;

/// Bytes of a number, word or call that are kept.
const MAX_BARE: usize = 64;

/// Where in a list of rows the bytes seen so far end.
pub(super) struct Values {
    row: Record,
    /// Backslashes escape in every string, as in MySQL; in PostgreSQL only in `E'…'`.
    backslash: bool,
    /// Parentheses that are open.
    depth: usize,
    string: Option<Quote>,
    /// The cell's first string is its value, whatever is around it.
    literal: bool,
    bare: Vec<u8>,
}

#[derive(Clone, Copy)]
struct Quote {
    mark: u8,
    backslash: bool,
    kept: bool,
    /// Behind a mark: doubled, or the end. Behind a backslash: the next is an escape.
    pending: Pending,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Pending {
    Nothing,
    Mark,
    Escape,
}

impl Values {
    pub fn new(backslash: bool) -> Self {
        let (row, string, bare) = (Record::default(), None, Vec::new());
        Self { row, backslash, depth: 0, string, literal: false, bare }
    }

    /// Whether a row is open.
    pub fn is_open(&self) -> bool {
        self.depth > 0
    }

    /// For the next statement's rows.
    pub fn reset(&mut self) {
        self.row.clear();
        self.bare.clear();
        (self.depth, self.string, self.literal) = (0, None, false);
    }

    /// Reads on, and gives every whole row to `take`, which says whether it wants more; without it the rows are only read
    /// over. Returns what is behind the last row, from a byte that belongs to no row.
    pub fn feed<'c>(
        &mut self,
        mut chunk: &'c [u8],
        wanted: &mut bool,
        mut take: impl FnMut(&Record) -> bool,
    ) -> Option<&'c [u8]> {
        while let Some((&b, tail)) = chunk.split_first() {
            if self.string.is_some() {
                chunk = self.in_string(chunk, *wanted);
                continue;
            }
            match b {
                b'\'' | b'"' if self.depth > 0 => self.begin(b),
                b'(' => {
                    if self.depth > 0 {
                        self.word(b);
                    }
                    self.depth = self.depth.saturating_add(1);
                }
                b')' if self.depth > 1 => self.depth = self.depth.saturating_sub(1),
                b')' if self.depth == 1 => {
                    self.depth = 0;
                    self.end_cell(*wanted);
                    if *wanted {
                        *wanted = take(&self.row);
                        self.row.clear();
                    }
                }
                b',' if self.depth == 1 => self.end_cell(*wanted),
                // Outside of strings nothing is escaped: the statement itself stands in a string, as in a comment or the
                // text of a procedure, and where that ends isn't known.
                b'\\' if self.depth > 0 => {
                    self.reset();
                    return Some(chunk);
                }
                b',' => {}
                b if self.depth > 0 => self.word(b),
                b if b.is_ascii_whitespace() => {}
                _ => return Some(chunk),
            }
            chunk = tail;
        }
        None
    }

    fn word(&mut self, b: u8) {
        if self.bare.len() < MAX_BARE {
            self.bare.push(b);
        }
    }

    fn begin(&mut self, mark: u8) {
        let escaped = matches!(self.bare.last(), Some(b'E' | b'e'));
        let kept = !std::mem::replace(&mut self.literal, true);
        self.string = Some(Quote { mark, backslash: self.backslash || escaped, kept, pending: Pending::Nothing });
    }

    /// Reads on within a string, and returns what is behind.
    fn in_string<'c>(&mut self, chunk: &'c [u8], wanted: bool) -> &'c [u8] {
        let (Some(quote), Some((&b, tail))) = (&mut self.string, chunk.split_first()) else { return chunk };
        let keep = wanted && quote.kept;
        match std::mem::replace(&mut quote.pending, Pending::Nothing) {
            Pending::Mark if b != quote.mark => {
                self.string = None;
                return chunk;
            }
            Pending::Mark => {
                if keep {
                    self.row.push(&[b]);
                }
                return tail;
            }
            Pending::Escape => {
                if keep {
                    self.row.push(&[unescaped(b)]);
                }
                return tail;
            }
            Pending::Nothing => {}
        }
        let at = if quote.backslash { memchr::memchr2(quote.mark, b'\\', chunk) } else { memchr::memchr(quote.mark, chunk) };
        if keep {
            self.row.push(chunk.get(..at.unwrap_or(chunk.len())).unwrap_or_default());
        }
        let Some(at) = at else { return &[] };
        let mark = chunk.get(at) == Some(&quote.mark);
        quote.pending = if mark { Pending::Mark } else { Pending::Escape };
        chunk.get(at.saturating_add(1)..).unwrap_or_default()
    }

    /// Without a string the cell is a number, or a word (`NULL`, `DEFAULT`, a call), which is no value.
    fn end_cell(&mut self, wanted: bool) {
        if wanted {
            let bare = self.bare.trim_ascii();
            if !self.literal && matches!(bare.first(), Some(b'0'..=b'9' | b'-' | b'+' | b'.')) {
                self.row.push(bare);
            }
            self.row.end_field();
        }
        self.bare.clear();
        self.literal = false;
    }
}

/// What a letter behind a backslash stands for.
pub(super) fn unescaped(b: u8) -> u8 {
    match b {
        b'n' | b'r' => b'\n',
        b't' => b'\t',
        b'0' | b'b' | b'Z' | b'f' | b'v' => b' ',
        other => other,
    }
}
