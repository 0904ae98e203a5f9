//! One record (section 2.1): types first, then the values.

use std::borrow::Cow;

use super::Encoding;
use super::page::varint;

/// Columns of one record that are looked at; SQLite itself allows 32,767.
const MAX_COLUMNS: usize = 32_767;

/// One stored value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    Null,
    Integer(i64),
    Real(f64),
    Text(Cow<'a, str>),
    Blob(&'a [u8]),
    /// It lies beyond the bytes of a row that are held.
    Unread,
}

/// Where the values of a record are.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// Serial type and first byte of each value, counted from the beginning of the record.
    values: Vec<(u64, usize)>,
}

impl Layout {
    /// Reads a record's header.
    pub fn read(&mut self, record: &[u8]) -> Result<(), &'static str> {
        const CUT: &str = "the header of a record is cut off";
        self.values.clear();
        let (length, mut at) = varint(record).ok_or(CUT)?;
        let end = usize::try_from(length).ok().filter(|l| *l <= record.len() && *l >= at).ok_or(CUT)?;
        let mut body = end;
        while at < end {
            if self.values.len() >= MAX_COLUMNS {
                return Err("a record has too many columns");
            }
            let (serial, n) = varint(record.get(at..end).unwrap_or_default()).ok_or(CUT)?;
            at += n;
            self.values.push((serial, body));
            body = body.saturating_add(width(serial));
        }
        Ok(())
    }
}

/// Bytes of a value (section 2.1, the table of serial types).
fn width(serial: u64) -> usize {
    match serial {
        1..=4 => usize::try_from(serial).unwrap_or(0),
        5 => 6,
        6 | 7 => 8,
        n if n >= 12 => usize::try_from((n - 12) / 2).unwrap_or(usize::MAX),
        _ => 0,
    }
}

/// A row while the walk stands on it.
#[derive(Debug)]
pub struct Row<'a> {
    pub(super) record: &'a [u8],
    pub(super) layout: &'a Layout,
    /// For each declared column its place in the record; `None` where it isn't stored.
    pub(super) places: &'a [Option<usize>],
    pub(super) rowid_column: Option<usize>,
    pub(super) rowid: Option<i64>,
    pub(super) encoding: Encoding,
}

impl<'a> Row<'a> {
    /// The key of an ordinary table's row; tables `WITHOUT ROWID` have none.
    pub fn rowid(&self) -> Option<i64> {
        self.rowid
    }

    /// Values in the record. A table altered later can declare more columns.
    pub fn stored(&self) -> usize {
        self.layout.values.len()
    }

    /// The value of a declared column, by its position in [`super::Table::columns`]. Columns that were added
    /// after the row was written are [`Value::Null`] here, whatever their default is.
    pub fn get(&self, column: usize) -> Value<'a> {
        if self.rowid_column == Some(column) {
            return self.rowid.map_or(Value::Null, Value::Integer);
        }
        self.places.get(column).copied().flatten().map_or(Value::Null, |place| self.value(place))
    }

    /// The value at a place of the record.
    pub fn value(&self, place: usize) -> Value<'a> {
        let Some((serial, at)) = self.layout.values.get(place).copied() else { return Value::Null };
        let Some(bytes) = at.checked_add(width(serial)).and_then(|end| self.record.get(at..end)) else { return Value::Unread };
        match serial {
            0 => Value::Null,
            1..=6 => Value::Integer(integer(bytes)),
            7 => Value::Real(f64::from_bits(integer(bytes).cast_unsigned())),
            8 => Value::Integer(0),
            9 => Value::Integer(1),
            10 | 11 => Value::Null,
            n if n % 2 == 0 => Value::Blob(bytes),
            _ => Value::Text(self.text(bytes)),
        }
    }

    fn text(&self, bytes: &'a [u8]) -> Cow<'a, str> {
        match self.encoding {
            Encoding::Utf8 => String::from_utf8_lossy(bytes),
            Encoding::Utf16Le => encoding_rs::UTF_16LE.decode_without_bom_handling(bytes).0,
            Encoding::Utf16Be => encoding_rs::UTF_16BE.decode_without_bom_handling(bytes).0,
        }
    }
}

/// A big-endian two's-complement number of one to eight bytes.
fn integer(bytes: &[u8]) -> i64 {
    let negative = bytes.first().is_some_and(|b| b & 0x80 != 0);
    bytes.iter().fold(if negative { -1 } else { 0 }, |n: i64, b| n << 8 | i64::from(*b))
}
