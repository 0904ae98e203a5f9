//! Rows of tables and their values.

use std::borrow::Cow;

use encoding_rs::{UTF_16LE, WINDOWS_1252};

use super::super::le::{inflate, u16_at, u32_at, u64_at};
use super::super::ole::code_page;
use super::super::values::{decimal, second};
use super::pages::{Pages, place, places};
use super::schema::{Column, Table};
use super::{GapReason, Unread, Value};

/// Bytes of one long value that are held.
const MAX_LONG: usize = 64 << 20;

/// Cells of all rows, however often they are read.
const MAX_CELLS: usize = 1_000_000_000;

/// Takes a row.
type Take<'t> = &'t mut dyn FnMut(&[Value<'_>]) -> Result<(), Unread>;

/// Reads rows, and keeps what was wrong with them.
pub(super) struct Reader {
    /// Bytes of long values that may still be read: rows may share them.
    left: usize,
    /// Cells that may still be read.
    cells: usize,
    damaged: bool,
}

/// A value before it is borrowed as one.
enum Cell {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
    Bytes(Vec<u8>),
    TooLong,
}

impl Reader {
    pub fn new(size: usize) -> Self {
        Self { left: size.saturating_mul(8), cells: MAX_CELLS, damaged: false }
    }

    /// Told after all was read.
    pub fn check(&self, pages: &Pages<'_>) -> Result<(), Unread> {
        if pages.cut() {
            return Err(Unread::malformed("its last page is cut off"));
        }
        if self.damaged { Err(Unread::malformed("rows of its tables are damaged")) } else { Ok(()) }
    }

    /// Every row of a table.
    pub fn rows(&mut self, pages: &mut Pages<'_>, table: &Table, take: Take<'_>) -> Result<(), Unread> {
        for number in pages.of(table.page) {
            // Long values are fetched from other pages meanwhile.
            let Some(page) = pages.get(number).map(<[u8]>::to_vec) else { continue };
            for row in 0..places(&page, pages.old) {
                let Some((start, end, flags)) = place(&page, pages.old, row) else {
                    self.damaged = true;
                    break;
                };
                // Deleted, or only the place where it was before it grew.
                if flags & 0x4000 != 0 {
                    continue;
                }
                let Some(layout) = page.get(start..end).and_then(|bytes| Layout::read(bytes, pages.old, table.variable)) else {
                    self.damaged = true;
                    continue;
                };
                self.cells = self
                    .cells
                    .checked_sub(table.columns.len())
                    .ok_or_else(|| Unread::new(GapReason::LimitCount, "its tables have more than a billion cells"))?;
                let mut cells = Vec::with_capacity(table.columns.len());
                for column in &table.columns {
                    cells.push(self.cell(pages, column, &layout)?);
                }
                let values: Vec<Value<'_>> = cells.iter().map(Cell::value).collect();
                take(&values)?;
            }
        }
        Ok(())
    }

    fn cell(&mut self, pages: &mut Pages<'_>, column: &Column, row: &Layout<'_>) -> Result<Cell, Unread> {
        let there = row.there(column.number);
        if column.kind == 1 {
            return Ok(if row.columns > column.number { Cell::Integer(i64::from(there)) } else { Cell::Null });
        }
        if !there {
            return Ok(Cell::Null);
        }
        let Some(bytes) = row.bytes(column) else {
            self.damaged = true;
            return Ok(Cell::Null);
        };
        let cell = match column.kind {
            10 => Some(Cell::Text(text(bytes, pages))),
            11 | 12 => match self.long(pages, bytes)? {
                None => Some(Cell::TooLong),
                Some(long) if column.kind == 12 => Some(Cell::Text(text(&long, pages))),
                Some(long) => Some(Cell::Bytes(attachment(&long).unwrap_or(long))),
            },
            9 => Some(Cell::Bytes(bytes.to_vec())),
            kind => number(kind, bytes, column.scale),
        };
        self.damaged |= cell.is_none();
        Ok(cell.unwrap_or(Cell::Null))
    }

    /// A long value: here, in a row of another page, or in a chain of such rows. `None` where it is too long.
    fn long(&mut self, pages: &mut Pages<'_>, bytes: &[u8]) -> Result<Option<Vec<u8>>, Unread> {
        let (Some(head), Some(mut next)) = (u32_at(bytes, 0), u32_at(bytes, 4)) else {
            self.damaged = true;
            return Ok(Some(Vec::new()));
        };
        let length = (head & 0x3fff_ffff) as usize;
        let mut out = Vec::new();
        if head & 0x8000_0000 != 0 {
            out.extend_from_slice(bytes.get(12..).unwrap_or_default());
        } else if length > MAX_LONG {
            return Ok(None);
        } else {
            let chained = head & 0x4000_0000 == 0;
            while next >> 8 != 0 && out.len() < length {
                let (old, fee) = (pages.old, if pages.is_encoded() { 1024 } else { 64 });
                let piece = pages.get(next >> 8).and_then(|page| {
                    let (start, end, _) = place(page, old, u16::try_from(next & 0xff).ok()?)?;
                    page.get(start..end)
                });
                let head = if chained { 4 } else { 0 };
                let Some(piece) = piece.filter(|p| p.len() > head) else { break };
                out.extend_from_slice(piece.get(head..).unwrap_or_default());
                self.left = self.left.checked_sub(piece.len().saturating_add(fee)).ok_or_else(shared)?;
                next = if chained { u32_at(piece, 0).unwrap_or(0) } else { 0 };
            }
        }
        self.damaged |= out.len() < length;
        out.truncate(length);
        Ok(Some(out))
    }
}

fn shared() -> Unread {
    Unread::new(GapReason::LimitSize, "its rows share their long values")
}

/// Where the values of a row are.
struct Layout<'r> {
    row: &'r [u8],
    columns: u16,
    mask: &'r [u8],
    /// Beginnings of values of variable length, and the end of the last.
    ends: Vec<usize>,
    /// Behind the count of columns.
    start: usize,
}

impl<'r> Layout<'r> {
    fn read(row: &'r [u8], old: bool, variable: bool) -> Option<Self> {
        let columns = if old { u16::from(*row.first()?) } else { u16_at(row, 0)? };
        let mask_size = usize::from(columns).div_ceil(8);
        let (rest, mask) = row.split_at_checked(row.len().checked_sub(mask_size)?)?;
        let mut ends = Vec::new();
        if variable {
            ends = if old { ends_old(rest, row.len())? } else { ends_new(rest)? };
        }
        Some(Self { row: rest, columns, mask, ends, start: if old { 1 } else { 2 } })
    }

    fn there(&self, number: u16) -> bool {
        number < self.columns && self.mask.get(usize::from(number / 8)).is_some_and(|b| b >> (number % 8) & 1 == 1)
    }

    fn bytes(&self, column: &Column) -> Option<&'r [u8]> {
        let Some(i) = column.variable.map(usize::from) else {
            let at = usize::from(column.place).checked_add(self.start)?;
            return self.row.get(at..at.checked_add(width(column)?)?);
        };
        // Columns that are younger than the row.
        let (Some(start), Some(end)) = (self.ends.get(i), self.ends.get(i.checked_add(1)?)) else { return Some(&[]) };
        self.row.get(*start..*end)
    }
}

/// From the end: how many there are, then their places and the end of the last.
fn ends_new(rest: &[u8]) -> Option<Vec<usize>> {
    let count = usize::from(u16_at(rest, rest.len().checked_sub(2)?)?);
    let mut ends = Vec::new();
    for i in 0..=count {
        ends.push(usize::from(u16_at(rest, rest.len().checked_sub(4)?.checked_sub(i.checked_mul(2)?)?)?));
    }
    Some(ends)
}

/// The same in single bytes, where a list of jumps tells which of them lie another 256 bytes further on.
fn ends_old(rest: &[u8], length: usize) -> Option<Vec<usize>> {
    let back = |n: usize| rest.len().checked_sub(n)?.checked_sub(1).and_then(|at| rest.get(at)).copied().map(usize::from);
    let count = back(0)?;
    let mut jumps = length.checked_sub(1)? / 256;
    // Where the list of places begins, from the end; the last jump may have been the list itself.
    let place = rest.len().checked_sub(2)?.checked_sub(jumps)?;
    if place.checked_sub(count)? / 256 < jumps {
        jumps = jumps.checked_sub(1)?;
    }
    let (mut used, mut ends) = (0_usize, Vec::new());
    for i in 0..=count {
        while used < jumps && back(used.checked_add(1)?)? == i {
            used = used.checked_add(1)?;
        }
        let low = usize::from(*rest.get(place.checked_sub(i)?)?);
        ends.push(low.checked_add(used.checked_mul(256)?)?);
    }
    Some(ends)
}

/// Bytes of a value of fixed length.
fn width(column: &Column) -> Option<usize> {
    Some(match column.kind {
        2 => 1,
        3 => 2,
        4 | 6 | 18 => 4,
        5 | 7 | 8 | 19 => 8,
        15 => 16,
        16 => 17,
        20 => 42,
        9 | 10 => usize::from(column.size),
        _ => return None,
    })
}

fn number(kind: u8, bytes: &[u8], scale: u8) -> Option<Cell> {
    Some(match kind {
        2 => Cell::Integer(i64::from(*bytes.first()?)),
        3 => Cell::Integer(i64::from(u16_at(bytes, 0)?.cast_signed())),
        4 | 18 => Cell::Integer(i64::from(u32_at(bytes, 0)?.cast_signed())),
        5 => Cell::Text(decimal(i128::from(u64_at(bytes, 0)?.cast_signed()), 4)),
        6 => Cell::Real(f64::from(f32::from_bits(u32_at(bytes, 0)?))),
        7 => Cell::Real(f64::from_bits(u64_at(bytes, 0)?)),
        8 => Cell::Text(moment(f64::from_bits(u64_at(bytes, 0)?))),
        15 => {
            let end: String = bytes.get(8..16)?.iter().map(|b| format!("{b:02x}")).collect();
            Cell::Text(format!("{:08x}-{:04x}-{:04x}-{end}", u32_at(bytes, 0)?, u16_at(bytes, 4)?, u16_at(bytes, 6)?))
        }
        16 => {
            // A sign, then four numbers, the highest first.
            let words = [1_usize, 5, 9, 13].map(|at| u32_at(bytes, at).map(u128::from));
            let value = words.into_iter().try_fold(0_u128, |n, word| Some(n << 32 | word?))?;
            let value = i128::try_from(value).ok()?;
            let negative = bytes.first()? & 0x80 != 0;
            Cell::Text(decimal(if negative { value.checked_neg()? } else { value }, usize::from(scale.min(38))))
        }
        19 => Cell::Integer(u64_at(bytes, 0)?.cast_signed()),
        // Days since the year 1 in digits, a colon, and parts of the day.
        20 => {
            let days: i64 = std::str::from_utf8(bytes.get(..19)?).ok()?.trim_start_matches('0').parse().unwrap_or(0);
            Cell::Text(second(days.checked_sub(719_162)?.checked_mul(86_400)?).unwrap_or_default())
        }
        _ => return None,
    })
}

/// Days since 30 December 1899 and parts of a day. The day counts on in both directions, its part never back.
#[expect(clippy::cast_possible_truncation)]
fn moment(value: f64) -> String {
    if !(-700_000.0..3_000_000.0).contains(&value) {
        return String::new();
    }
    let (days, part) = (value.trunc(), value.fract().abs());
    second((days as i64).saturating_sub(25_569).saturating_mul(86_400).saturating_add((part * 86_400.0).round() as i64))
        .unwrap_or_default()
}

/// Text in the code page, or UTF-16, of which runs may be single bytes: zeros change from one to the other.
fn text(bytes: &[u8], pages: &Pages<'_>) -> String {
    if pages.old {
        return code_page(pages.code_page).decode_without_bom_handling(bytes).0.into_owned();
    }
    let Some(mut rest) = bytes.strip_prefix(b"\xff\xfe") else {
        return UTF_16LE.decode_without_bom_handling(bytes).0.into_owned();
    };
    let (mut out, mut narrow) = (String::new(), true);
    while !rest.is_empty() {
        let step = if narrow { 1 } else { 2 };
        let end = rest.chunks(step).position(|c| c.first() == Some(&0)).map_or(rest.len(), |i| i.saturating_mul(step));
        let (run, behind) = rest.split_at_checked(end).unwrap_or((rest, &[]));
        let encoding = if narrow { WINDOWS_1252 } else { UTF_16LE };
        out.push_str(&encoding.decode_without_bom_handling(run).0);
        rest = behind.get(1..).unwrap_or_default();
        narrow = !narrow;
    }
    out
}

/// A file attached to a row: whether it is packed, its length, a header with its own length, the file.
fn attachment(bytes: &[u8]) -> Option<Vec<u8>> {
    let content = match (u32_at(bytes, 0)?, bytes.get(8..)?) {
        (1, packed) if packed.starts_with(b"\x78") => inflate(packed, MAX_LONG),
        (0, plain) if u32_at(bytes, 4)? as usize == plain.len() => plain.to_vec(),
        _ => return None,
    };
    let header = u32_at(&content, 0)? as usize;
    content.get(header..).filter(|_| header >= 12).map(<[u8]>::to_vec)
}

impl Cell {
    fn value(&self) -> Value<'_> {
        match self {
            Self::Null => Value::Null,
            Self::Integer(n) => Value::Integer(*n),
            Self::Real(x) => Value::Real(*x),
            Self::Text(text) => Value::Text(Cow::Borrowed(text)),
            Self::Bytes(bytes) => Value::Blob(bytes),
            Self::TooLong => Value::Unread,
        }
    }
}
