//! How levels and values are encoded ("Parquet encoding definitions", `Encodings.md`). Decoders keep places, not bytes:
//! every value is taken from the page when it is asked for, so that a run of a billion costs nothing.

use super::meta::{Column, count};
use super::thrift::{varint, zigzag};

/// Runs of one value, and values in few bits each.
#[derive(Debug)]
pub(super) struct Hybrid {
    at: usize,
    width: u32,
    run: u64,
    value: u64,
    packed: u64,
    bit: usize,
}

impl Hybrid {
    pub fn new(at: usize, width: u32) -> Option<Self> {
        (width <= 32).then_some(Self { at, width, run: 0, value: 0, packed: 0, bit: 0 })
    }

    pub fn next(&mut self, data: &[u8]) -> Option<u64> {
        loop {
            if self.run > 0 {
                self.run = self.run.checked_sub(1)?;
                return Some(self.value);
            }
            if self.packed > 0 {
                self.packed = self.packed.checked_sub(1)?;
                let value = bits(data, self.bit, self.width);
                self.bit = self.bit.checked_add(self.width as usize)?;
                // The last group may be cut off where its values end.
                return value;
            }
            let head = varint(data, &mut self.at)?;
            if head & 1 == 0 {
                self.run = head >> 1;
                let bytes = (self.width as usize).div_ceil(8);
                let end = self.at.checked_add(bytes)?;
                self.value = data.get(self.at..end)?.iter().rev().fold(0, |n, b| n << 8 | u64::from(*b));
                self.at = end;
            } else {
                self.packed = (head >> 1).checked_mul(8)?;
                self.bit = self.at.checked_mul(8)?;
                let groups = usize::try_from(head >> 1).ok()?;
                self.at = self.at.checked_add(groups.checked_mul(self.width as usize)?)?;
            }
        }
    }
}

/// Up to 64 bits, the lowest first.
fn bits(data: &[u8], at: usize, width: u32) -> Option<u64> {
    let bytes = data.get(at / 8..).unwrap_or_default();
    let shift = u32::try_from(at % 8).ok()?;
    let mut word = 0_u128;
    let needed = (shift.checked_add(width)? as usize).div_ceil(8);
    for (i, byte) in bytes.get(..needed)?.iter().enumerate() {
        word |= u128::from(*byte) << (8 * i);
    }
    u64::try_from((word >> shift) & ((1_u128 << width) - 1)).ok()
}

/// Differences in blocks (`DELTA_BINARY_PACKED`).
#[derive(Debug)]
pub(super) struct Delta {
    at: usize,
    /// Pieces of a block, and values of a piece.
    pieces: usize,
    piece: u64,
    left: u64,
    first: bool,
    value: i64,
    least: i64,
    /// Where the widths of the block's pieces stand, and the piece that is read.
    widths: usize,
    index: usize,
    width: u32,
    bit: usize,
    in_piece: u64,
}

impl Delta {
    pub fn new(data: &[u8], mut at: usize) -> Option<Self> {
        let block = varint(data, &mut at)?;
        let pieces = count(data, &mut at)?;
        let left = varint(data, &mut at)?;
        let value = zigzag(varint(data, &mut at)?);
        let piece = block.checked_div(pieces as u64)?;
        if piece == 0 || !piece.is_multiple_of(8) || pieces > data.len() {
            return None;
        }
        Some(Self {
            at,
            pieces,
            piece,
            left,
            first: true,
            value,
            least: 0,
            widths: 0,
            index: pieces,
            width: 0,
            bit: 0,
            in_piece: 0,
        })
    }

    pub fn next(&mut self, data: &[u8]) -> Option<i64> {
        self.left = self.left.checked_sub(1)?;
        if std::mem::take(&mut self.first) {
            return Some(self.value);
        }
        if self.in_piece == 0 {
            self.open(data)?;
        }
        self.in_piece = self.in_piece.checked_sub(1)?;
        let delta = bits(data, self.bit, self.width)?.cast_signed();
        self.bit = self.bit.checked_add(self.width as usize)?;
        self.value = self.value.wrapping_add(self.least).wrapping_add(delta);
        Some(self.value)
    }

    fn open(&mut self, data: &[u8]) -> Option<()> {
        self.index = self.index.checked_add(1)?;
        if self.index >= self.pieces {
            self.least = zigzag(varint(data, &mut self.at)?);
            self.widths = self.at;
            self.at = self.at.checked_add(self.pieces)?;
            self.index = 0;
        }
        self.width = u32::from(*data.get(self.widths.checked_add(self.index)?)?);
        if self.width > 64 {
            return None;
        }
        self.bit = self.at.checked_mul(8)?;
        let bytes = self.piece.checked_mul(u64::from(self.width))? / 8;
        self.at = self.at.checked_add(usize::try_from(bytes).ok()?)?;
        self.in_piece = self.piece;
        Some(())
    }

    /// The place behind the last.
    fn end(mut self, data: &[u8]) -> Option<usize> {
        self.left = self.left.saturating_sub(1);
        while self.left > 0 {
            self.open(data)?;
            self.left = self.left.saturating_sub(self.in_piece);
        }
        Some(self.at)
    }
}

/// The values that others refer to.
#[derive(Debug, Default)]
pub(super) struct Dictionary {
    pub data: Vec<u8>,
    /// Beginnings of values of any length.
    places: Vec<u32>,
}

impl Dictionary {
    pub fn new(data: Vec<u8>, column: &Column) -> Self {
        let mut places = Vec::new();
        if column.kind == 6 {
            let mut at = 0;
            while let Some(length) = super::super::le::u32_at(&data, at) {
                places.push(u32::try_from(at).unwrap_or(u32::MAX));
                at = at.saturating_add(4).saturating_add(length as usize);
            }
        }
        Self { data, places }
    }

    /// Bytes that are held.
    pub fn size(&self) -> usize {
        self.data.len().saturating_add(self.places.len().saturating_mul(4))
    }

    fn get(&self, index: u64, column: &Column) -> Option<&[u8]> {
        let index = usize::try_from(index).ok()?;
        if column.kind == 6 {
            return array(&self.data, *self.places.get(index)? as usize);
        }
        let width = width(column)?;
        let start = index.checked_mul(width)?;
        self.data.get(start..start.checked_add(width)?)
    }
}

/// Bytes behind their length.
fn array(data: &[u8], at: usize) -> Option<&[u8]> {
    let length = super::super::le::u32_at(data, at)? as usize;
    let start = at.checked_add(4)?;
    data.get(start..start.checked_add(length)?)
}

/// Bytes of a value of fixed length.
fn width(column: &Column) -> Option<usize> {
    Some(match column.kind {
        1 | 4 => 4,
        2 | 5 => 8,
        3 => 12,
        7 => column.width,
        _ => return None,
    })
}

/// The values of a page, in one of the encodings.
#[derive(Debug)]
pub(super) enum Values {
    Plain(usize),
    /// Truths in bits.
    Bits(usize),
    Truths(Hybrid),
    Indices(Hybrid),
    Deltas(Delta),
    Lengths(Delta, usize),
    /// Beginnings that a value shares with the one before.
    Prefixes(Box<(Delta, Delta, Vec<u8>)>, usize),
    /// The first bytes of all, the second bytes of all, and so on.
    Split(usize, usize),
}

impl Values {
    /// Of a page from a place on. `None` is an encoding that is not known, or damage.
    pub fn new(encoding: i64, data: &[u8], at: usize, column: &Column) -> Option<Self> {
        Some(match (encoding, column.kind) {
            (0, 0) => Self::Bits(at.checked_mul(8)?),
            (0, _) => Self::Plain(at),
            (2 | 8, _) => {
                // A page without values may have nothing here.
                let width = data.get(at).copied().unwrap_or(0);
                Self::Indices(Hybrid::new(at.checked_add(1)?, u32::from(width))?)
            }
            (3, 0) => Self::Truths(Hybrid::new(at.checked_add(4)?, 1)?),
            (5, 1 | 2) => Self::Deltas(Delta::new(data, at)?),
            (6, 6) => {
                let end = Delta::new(data, at)?.end(data)?;
                Self::Lengths(Delta::new(data, at)?, end)
            }
            (7, 6 | 7) => {
                let second = Delta::new(data, at)?.end(data)?;
                let end = Delta::new(data, second)?.end(data)?;
                Self::Prefixes(Box::new((Delta::new(data, at)?, Delta::new(data, second)?, Vec::new())), end)
            }
            (9, _) => Self::Split(at, 0),
            _ => return None,
        })
    }

    /// The next value's bytes.
    pub fn next(&mut self, data: &[u8], column: &Column, dictionary: &Dictionary, out: &mut Vec<u8>) -> Option<()> {
        out.clear();
        match self {
            Self::Plain(at) => {
                let (start, bytes) = if column.kind == 6 {
                    (at.checked_add(4)?, array(data, *at)?)
                } else {
                    (*at, data.get(*at..at.checked_add(width(column)?)?)?)
                };
                *at = start.checked_add(bytes.len())?;
                out.extend_from_slice(bytes);
            }
            Self::Bits(at) => {
                out.push(u8::try_from(bits(data, *at, 1)?).ok()?);
                *at = at.checked_add(1)?;
            }
            Self::Truths(runs) => out.push(u8::try_from(runs.next(data)? & 1).ok()?),
            Self::Indices(runs) => out.extend_from_slice(dictionary.get(runs.next(data)?, column)?),
            Self::Deltas(deltas) => {
                let bytes = deltas.next(data)?.to_le_bytes();
                out.extend_from_slice(bytes.get(..width(column)?)?);
            }
            Self::Lengths(lengths, at) => {
                let end = at.checked_add(usize::try_from(lengths.next(data)?).ok()?)?;
                out.extend_from_slice(data.get(*at..end)?);
                *at = end;
            }
            Self::Prefixes(of, at) => {
                let (prefixes, suffixes, last) = &mut **of;
                let prefix = usize::try_from(prefixes.next(data)?).ok()?;
                let end = at.checked_add(usize::try_from(suffixes.next(data)?).ok()?)?;
                if prefix > last.len() {
                    return None;
                }
                last.truncate(prefix);
                last.extend_from_slice(data.get(*at..end)?);
                *at = end;
                out.extend_from_slice(last);
            }
            Self::Split(start, index) => {
                let bytes = data.get(*start..)?;
                let count = bytes.len().checked_div(width(column)?)?;
                if *index >= count {
                    return None;
                }
                out.extend(bytes.iter().skip(*index).step_by(count.max(1)).take(width(column)?));
                *index = index.checked_add(1)?;
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_and_bits() {
        // Three times 5, then eight values of three bits: 0 to 7 (the example of the definitions).
        let data = [6, 5, 3, 0b1000_1000, 0b1100_0110, 0b1111_1010];
        let mut hybrid = Hybrid::new(0, 3).unwrap();
        let values: Vec<u64> = std::iter::from_fn(|| hybrid.next(&data)).collect();
        assert_eq!(values, [5, 5, 5, 0, 1, 2, 3, 4, 5, 6, 7]);
        assert!(Hybrid::new(0, 33).is_none());
    }

    #[test]
    fn differences() {
        // 7, 5, 3, 1, 2, 3, 4, 5: the second example of the definitions, in one block of four pieces of 32.
        let data = [128, 1, 4, 8, 14, 3, 2, 0, 0, 0, 0b1100_0000, 0b0011_1111, 0, 0, 0, 0, 0, 0, 9];
        let mut delta = Delta::new(&data, 0).unwrap();
        let values: Vec<i64> = std::iter::from_fn(|| delta.next(&data)).collect();
        assert_eq!(values, [7, 5, 3, 1, 2, 3, 4, 5]);
        assert_eq!(Delta::new(&data, 0).unwrap().end(&data), Some(18));
        assert!(Delta::new(&[128, 1, 0, 8, 14], 0).is_none());
    }
}
