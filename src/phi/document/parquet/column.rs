//! A column in a group of rows: pages one after another, unpacked, and the cells of its rows.

use std::io::Read;

use super::super::le::{u32_at, u64_at};
use super::super::values::{day, decimal, second};
use super::decode::{Dictionary, Hybrid, Values};
use super::meta::{Chunk, Column, Head, Meaning, head};
use super::{GapReason, Unread};

/// Bytes of an unpacked page, of all that are held at once, and of all.
const MAX_PAGE: usize = 128 << 20;
const MAX_HELD: usize = 512 << 20;
const MAX_TOTAL: usize = 2 << 30;
/// Values of a file, and cells of its rows.
const MAX_VALUES: u64 = 400_000_000;
/// Bytes of a cell.
const MAX_CELL: usize = 1 << 20;

/// What reading a file may cost.
pub(super) struct Budget {
    total: usize,
    held: usize,
    values: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self { total: MAX_TOTAL, held: MAX_HELD, values: MAX_VALUES }
    }
}

impl Budget {
    /// Pays for values.
    pub fn pay(&mut self, values: usize) -> Result<(), Unread> {
        self.values = self
            .values
            .checked_sub(values as u64)
            .ok_or_else(|| Unread::new(GapReason::LimitCount, "it has more than 200 million values"))?;
        Ok(())
    }
}

/// See the module.
pub(super) struct Cursor<'a> {
    body: &'a [u8],
    column: &'a Column,
    codec: i64,
    at: usize,
    end: usize,
    /// Values of pages that are still to come.
    left: u64,
    page: Vec<u8>,
    in_page: u64,
    repeated: Option<Hybrid>,
    defined: Option<Hybrid>,
    values: Option<Values>,
    dictionary: Dictionary,
    /// Levels of the value that was looked at and belongs to the next row.
    next: Option<(u64, u64)>,
    scratch: Vec<u8>,
    /// Whether a cell was cut.
    pub cut: bool,
}

impl<'a> Cursor<'a> {
    pub fn new(body: &'a [u8], column: &'a Column, chunk: &Chunk) -> Self {
        Self {
            body,
            column,
            codec: chunk.codec,
            at: chunk.start,
            end: chunk.start.saturating_add(chunk.size).min(body.len()),
            left: chunk.values,
            page: Vec::new(),
            in_page: 0,
            repeated: None,
            defined: None,
            values: None,
            dictionary: Dictionary::default(),
            next: None,
            scratch: Vec::new(),
            cut: false,
        }
    }

    /// Gives back what it holds.
    pub fn close(&mut self, budget: &mut Budget) {
        budget.held = budget.held.saturating_add(self.page.len()).saturating_add(self.dictionary.size());
        self.page = Vec::new();
        self.dictionary = Dictionary::default();
        (self.left, self.in_page, self.next) = (0, 0, None);
    }

    /// The next row's cell. `false` behind the last.
    pub fn row(&mut self, budget: &mut Budget, cell: &mut Vec<u8>) -> Result<bool, Unread> {
        cell.clear();
        let Some(mut levels) = self.levels(budget)? else { return Ok(false) };
        loop {
            if levels.1 == u64::from(self.column.defined) {
                let values = self.values.as_mut().ok_or_else(damaged)?;
                values.next(&self.page, self.column, &self.dictionary, &mut self.scratch).ok_or_else(damaged)?;
                if cell.len().saturating_add(self.scratch.len()) > MAX_CELL {
                    self.cut = true;
                } else {
                    if !cell.is_empty() {
                        cell.push(b' ');
                    }
                    text(self.column, &self.scratch, cell);
                }
            }
            if self.column.repeated == 0 {
                return Ok(true);
            }
            match self.levels(budget)? {
                Some(next) if next.0 > 0 => levels = next,
                next => {
                    self.next = next;
                    return Ok(true);
                }
            }
        }
    }

    /// The levels of the next value: how it repeats, and how much of it is there.
    fn levels(&mut self, budget: &mut Budget) -> Result<Option<(u64, u64)>, Unread> {
        if let Some(next) = self.next.take() {
            return Ok(Some(next));
        }
        while self.in_page == 0 {
            if self.left == 0 {
                return Ok(None);
            }
            self.open(budget)?;
        }
        self.in_page = self.in_page.saturating_sub(1);
        budget.pay(1)?;
        let level = |runs: &mut Option<Hybrid>, most: u32| match runs {
            None => Ok(u64::from(most)),
            Some(runs) => runs.next(&self.page).ok_or_else(damaged),
        };
        let repeated = if self.column.repeated == 0 { 0 } else { level(&mut self.repeated, 0)? };
        Ok(Some((repeated, level(&mut self.defined, self.column.defined)?)))
    }

    /// Reads the next page.
    fn open(&mut self, budget: &mut Budget) -> Result<(), Unread> {
        let rest = self.body.get(self.at..self.end).filter(|r| !r.is_empty()).ok_or_else(damaged)?;
        let (head, start) = head(rest).ok_or_else(damaged)?;
        let packed = rest.get(start..start.saturating_add(head.packed)).ok_or_else(damaged)?;
        self.at = self.at.saturating_add(start).saturating_add(head.packed);
        match head.kind {
            2 => {
                let page = self.unpack(packed, head.plain, budget)?;
                budget.held = budget.held.saturating_add(self.dictionary.size());
                self.dictionary = Dictionary::new(page, self.column);
                hold(budget, self.dictionary.size())
            }
            0 | 3 => {
                budget.held = budget.held.saturating_add(self.page.len());
                self.page = Vec::new();
                self.values = None;
                let second = head.kind == 3;
                if second {
                    // Levels come first and are never packed.
                    let levels = head.defined.saturating_add(head.repeated);
                    let (levels, values) = packed.split_at_checked(levels).ok_or_else(damaged)?;
                    self.page = levels.to_vec();
                    let plain = head.plain.saturating_sub(levels.len());
                    if head.stored {
                        self.page.extend_from_slice(values);
                    } else if !values.is_empty() {
                        let values = self.unpack(values, plain, budget)?;
                        self.page.extend_from_slice(&values);
                    }
                } else {
                    self.page = self.unpack(packed, head.plain, budget)?;
                }
                hold(budget, self.page.len())?;
                self.begin(&head).ok_or_else(damaged)?;
                self.in_page = head.values.min(self.left);
                self.left = self.left.saturating_sub(self.in_page);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Where levels and values of a page begin.
    fn begin(&mut self, head: &Head) -> Option<()> {
        let second = head.kind == 3;
        let mut at = 0_usize;
        let mut runs = |most: u32, old: bool, length: usize| -> Option<Option<Hybrid>> {
            let width = u32::BITS.checked_sub(most.leading_zeros())?;
            let start = at;
            if second {
                at = at.checked_add(length)?;
                return if most == 0 { Some(None) } else { Hybrid::new(start, width).map(Some) };
            }
            if most == 0 {
                return Some(None);
            }
            if old {
                return None;
            }
            at = at.checked_add(4)?.checked_add(u32_at(&self.page, at)? as usize)?;
            Hybrid::new(start.checked_add(4)?, width).map(Some)
        };
        let [old_defined, old_repeated] = head.old;
        self.repeated = runs(self.column.repeated, old_repeated, head.repeated)?;
        self.defined = runs(self.column.defined, old_defined, head.defined)?;
        // Nothing but missing values needs no bytes.
        self.values = if at >= self.page.len() { None } else { Some(Values::new(head.encoding, &self.page, at, self.column)?) };
        Some(())
    }

    fn unpack(&self, packed: &[u8], plain: usize, budget: &mut Budget) -> Result<Vec<u8>, Unread> {
        if plain > MAX_PAGE {
            return Err(Unread::new(GapReason::LimitMemory, "a page is longer than 128 MiB"));
        }
        let page = unpack(self.codec, packed, plain)?;
        budget.total = budget
            .total
            .checked_sub(page.len())
            .ok_or_else(|| Unread::new(GapReason::LimitSize, "its pages unpack to more than 2 GiB"))?;
        Ok(page)
    }
}

fn hold(budget: &mut Budget, bytes: usize) -> Result<(), Unread> {
    budget.held = budget
        .held
        .checked_sub(bytes)
        .ok_or_else(|| Unread::new(GapReason::LimitMemory, "its columns hold more than 512 MiB at a time"))?;
    Ok(())
}

pub(super) fn damaged() -> Unread {
    Unread::malformed("a column is damaged, or encoded in a way that is not read")
}

/// By the codec's number. What a page is said to unpack to is only a bound.
fn unpack(codec: i64, packed: &[u8], plain: usize) -> Result<Vec<u8>, Unread> {
    let mut out = Vec::new();
    let most = plain as u64;
    // Both can't make more of a byte than this.
    let room = |length: usize| {
        (length <= packed.len().saturating_mul(256).saturating_add(64) && length <= plain).then(|| vec![0; length])
    };
    match codec {
        0 => out.extend_from_slice(packed.get(..plain).unwrap_or(packed)),
        1 => {
            out = snap::raw::decompress_len(packed).ok().and_then(room).ok_or_else(damaged)?;
            snap::raw::Decoder::new().decompress(packed, &mut out).map_err(|_| damaged())?;
        }
        2 => drop(flate2::read::MultiGzDecoder::new(packed).take(most).read_to_end(&mut out).map_err(|_| damaged())?),
        4 => {
            let reader = brotli_decompressor::Decompressor::new(packed, 4096);
            reader.take(most).read_to_end(&mut out).map_err(|_| damaged())?;
        }
        5 => out = hadoop(packed, plain).or_else(|| block(packed, room(plain)?)).ok_or_else(damaged)?,
        6 => {
            let reader = ruzstd::decoding::StreamingDecoder::new(packed).map_err(|_| damaged())?;
            reader.take(most).read_to_end(&mut out).map_err(|_| damaged())?;
        }
        7 => out = room(plain).and_then(|room| block(packed, room)).ok_or_else(damaged)?,
        _ => return Err(Unread::new(GapReason::UnsupportedMethod, "parquet: columns packed with LZO are not read")),
    }
    Ok(out)
}

/// One block of LZ4.
fn block(packed: &[u8], mut room: Vec<u8>) -> Option<Vec<u8>> {
    let length = lz4_flex::block::decompress_into(packed, &mut room).ok()?;
    room.truncate(length);
    Some(room)
}

/// Blocks of LZ4 as Hadoop writes them, each behind its two lengths, highest byte first.
fn hadoop(mut packed: &[u8], plain: usize) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    while !packed.is_empty() {
        let (lengths, rest) = packed.split_first_chunk::<8>()?;
        let [a, b, c, d, e, f, g, h] = *lengths;
        let (length, stored) = (u32::from_be_bytes([a, b, c, d]) as usize, u32::from_be_bytes([e, f, g, h]) as usize);
        let (one, rest) = rest.split_at_checked(stored)?;
        if length > one.len().saturating_mul(256) || out.len().checked_add(length)? > plain {
            return None;
        }
        out.extend(block(one, vec![0; length])?);
        packed = rest;
    }
    Some(out)
}

/// A value as text; what is bytes stays so.
fn text(column: &Column, bytes: &[u8], out: &mut Vec<u8>) {
    let shown = match (column.kind, column.meaning) {
        (6 | 7, Meaning::Decimal(scale)) => {
            // Highest byte first, the sign in front.
            let negative = bytes.first().is_some_and(|b| *b >= 0x80);
            (bytes.len() <= 16)
                .then(|| bytes.iter().fold(if negative { -1_i128 } else { 0 }, |n, b| n << 8 | i128::from(*b)))
                .map(|n| decimal(n, scale.min(38)))
        }
        (7, Meaning::Uuid) => Some(bytes.iter().map(|b| format!("{b:02x}")).collect()),
        (6 | 7, _) => {
            out.extend_from_slice(bytes);
            return;
        }
        (0, _) => Some((bytes != [0]).to_string()),
        (1, meaning) => u32_at(bytes, 0).and_then(|n| integer(i64::from(n.cast_signed()), u64::from(n), meaning)),
        (2, meaning) => u64_at(bytes, 0).and_then(|n| integer(n.cast_signed(), n, meaning)),
        // Nanoseconds of a day, and the day of the Julian calendar.
        (3, _) => u64_at(bytes, 0).zip(u32_at(bytes, 8)).and_then(|(part, n)| {
            let days = i64::from(n).checked_sub(2_440_588)?.checked_mul(86_400)?;
            second(days.checked_add((part / 1_000_000_000).try_into().ok()?)?)
        }),
        (4, _) => u32_at(bytes, 0).map(|n| f32::from_bits(n).to_string()),
        (5, _) => u64_at(bytes, 0).map(|n| f64::from_bits(n).to_string()),
        _ => None,
    };
    out.extend_from_slice(shown.unwrap_or_default().as_bytes());
}

fn integer(value: i64, unsigned: u64, meaning: Meaning) -> Option<String> {
    match meaning {
        Meaning::Date => day(value),
        Meaning::Moment(unit) => second(value.checked_div_euclid(unit)?),
        Meaning::Decimal(scale) => Some(decimal(i128::from(value), scale.min(38))),
        Meaning::Unsigned => Some(unsigned.to_string()),
        _ => Some(value.to_string()),
    }
}
