//! The blocks behind the table of contents (`pg_backup_custom.c`): a table's rows each, in pieces, compressed or not.

use super::toc::{Toc, int};
use super::unpack::Unpack;
use crate::phi::Unread;

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Kind,
    Number,
    /// A large object's number, or 0 behind the last.
    Object,
    Length,
    /// So many bytes of rows.
    Bytes(u64),
}

/// See the module.
pub(super) struct Rows {
    toc: Toc,
    state: State,
    /// Bytes of a number so far.
    number: Vec<u8>,
    /// The block holds large objects, which are not looked at.
    objects: bool,
    pub skipped: bool,
    /// Unpacks the block that is open.
    unpack: Unpack,
}

impl Rows {
    pub fn new(toc: Toc) -> Self {
        Self { toc, state: State::Kind, number: Vec::new(), objects: false, skipped: false, unpack: Unpack::Stored }
    }

    /// Whether no block is open.
    pub fn is_between(&self) -> bool {
        self.state == State::Kind
    }

    /// Hands the SQL of the next bytes to `out`. After an error nothing more can be read.
    pub fn feed(&mut self, mut chunk: &[u8], out: &mut dyn FnMut(&[u8])) -> Result<(), Unread> {
        while let Some((&b, tail)) = chunk.split_first() {
            match self.state {
                State::Kind => {
                    self.objects = b == 3;
                    if !matches!(b, 1 | 3) {
                        return Err(Unread::malformed("it holds a block of an unknown kind"));
                    }
                    self.state = State::Number;
                }
                State::Bytes(left) => {
                    let n = usize::try_from(left).unwrap_or(usize::MAX).min(chunk.len());
                    let (now, rest) = chunk.split_at_checked(n).unwrap_or((chunk, &[]));
                    if self.objects {
                        self.skipped = true;
                    } else {
                        self.unpack.feed(now, out)?;
                    }
                    let left = left.saturating_sub(n as u64);
                    self.state = if left == 0 { State::Length } else { State::Bytes(left) };
                    chunk = rest;
                    continue;
                }
                State::Number | State::Object | State::Length => {
                    self.number.push(b);
                    if self.number.len() > self.toc.int_size {
                        let number = int(&self.number).filter(|n| *n >= 0);
                        self.number.clear();
                        self.number(number.ok_or_else(|| Unread::malformed("it holds an impossible number"))?, out);
                    }
                }
            }
            chunk = tail;
        }
        Ok(())
    }

    fn number(&mut self, n: i64, out: &mut dyn FnMut(&[u8])) {
        self.state = match self.state {
            State::Number if self.objects => State::Object,
            State::Number => {
                self.unpack = Unpack::new(self.toc.compression);
                if let Some(copy) = self.toc.copies.get(&n) {
                    out(b"\n");
                    out(copy.as_bytes());
                }
                State::Length
            }
            State::Object if n == 0 => State::Kind,
            State::Object => State::Length,
            _ => match u64::try_from(n) {
                Ok(0) | Err(_) if self.objects => State::Object,
                Ok(0) | Err(_) => State::Kind,
                Ok(n) => State::Bytes(n),
            },
        };
    }
}
