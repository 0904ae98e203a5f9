//! Values of a database's row as cells of a table; those that are documents of their own are found for a second look.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::{Parts, Unread, detect};
use crate::model::GapReason;
use crate::sqlite::Value;

/// Bytes looked at to tell what a value is.
const HEAD: usize = 512;

/// What the rows of a table showed.
#[derive(Default)]
pub(super) struct Cells {
    documents: BTreeSet<usize>,
    compressed: bool,
    unread: bool,
}

impl Cells {
    /// A row's cells as text; what is no text is empty.
    pub fn row<'a>(&mut self, width: usize, value: impl Fn(usize) -> Value<'a>) -> Vec<Cow<'a, str>> {
        let mut cells = Vec::with_capacity(width);
        for column in 0..width {
            let value = value(column);
            self.look(column, &value);
            cells.push(match value {
                Value::Integer(n) => Cow::Owned(n.to_string()),
                Value::Real(x) => Cow::Owned(x.to_string()),
                Value::Text(text) => text,
                Value::Blob(bytes) if is_text(bytes) => String::from_utf8_lossy(bytes),
                Value::Null | Value::Blob(_) | Value::Unread => Cow::Borrowed(""),
            });
        }
        cells
    }

    fn look(&mut self, column: usize, value: &Value<'_>) {
        self.unread |= matches!(value, Value::Unread);
        let bytes = match value {
            Value::Text(text) => text.as_bytes(),
            Value::Blob(bytes) => bytes,
            _ => return,
        };
        if is_document(bytes) {
            self.documents.insert(column);
        }
        self.compressed |= matches!(value, Value::Blob(_)) && is_compressed(bytes);
    }

    /// Columns in which documents stand.
    pub fn documents(&self) -> impl Iterator<Item = usize> {
        self.documents.iter().copied()
    }

    /// What of the rows was not read.
    pub fn say(&self, parts: &mut Parts<'_>) {
        if self.unread {
            parts.unread(too_long());
        }
        if self.compressed {
            parts.unread(Unread::new(GapReason::PhiFormat, "compressed values in its tables"));
        }
    }
}

/// Hands a value in where it is a document. Those that are text go on in the part that is open, one below the other,
/// as lists of resources and batches of messages do.
pub(super) fn document(value: &Value<'_>, parts: &mut Parts<'_>) -> Result<(), Unread> {
    let bytes = match value {
        Value::Text(text) => text.as_bytes(),
        Value::Blob(bytes) => bytes,
        _ => return Ok(()),
    };
    if !is_document(bytes) {
        return Ok(());
    }
    if !is_text(bytes) || detect(bytes).is_some() {
        return parts.nested(bytes);
    }
    parts.text(&String::from_utf8_lossy(bytes))?;
    parts.text("\n")
}

/// Formats of health records begin so, as every other text in JSON and XML does; or it is a format of documents.
fn is_document(bytes: &[u8]) -> bool {
    const BEGINNINGS: [&[u8]; 7] = [b"{", b"[", b"<", b"MSH", b"FHS", b"BHS", b"ISA"];
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    let structured = bytes.len() >= 16 && BEGINNINGS.iter().any(|b| text.starts_with(b)) && is_text(bytes);
    structured || detect(bytes).is_some() || bytes.get(128..132) == Some(b"DICM")
}

fn is_text(bytes: &[u8]) -> bool {
    let head = bytes.get(..HEAD).unwrap_or(bytes);
    !head.iter().any(|b| *b < 0x20 && !matches!(b, 0x08..=0x0d | 0x1a..=0x1f))
}

/// Streams of gzip, zlib, zstd.
fn is_compressed(bytes: &[u8]) -> bool {
    bytes.len() > 16
        && match bytes {
            [0x1f, 0x8b, 0x08, ..] | [0x28, 0xb5, 0x2f, 0xfd, ..] => true,
            [0x78, flags @ (0x01 | 0x5e | 0x9c | 0xda), ..] => (0x7800 | u16::from(*flags)).is_multiple_of(31),
            _ => false,
        }
}

/// A row is longer than what is held.
fn too_long() -> Unread {
    Unread::new(GapReason::LimitMemory, "a row is longer than 64 MiB")
}

/// A day, counted from the first of 1970, in ISO 8601.
pub(super) fn day(days: i64) -> Option<String> {
    let span = jiff::Span::new().try_days(days).ok()?;
    Some(jiff::civil::date(1970, 1, 1).checked_add(span).ok()?.to_string())
}

/// A second, counted from the beginning of 1970. Midnight is the day alone.
pub(super) fn second(seconds: i64) -> Option<String> {
    let date = day(seconds.div_euclid(86_400))?;
    let rest = seconds.rem_euclid(86_400);
    Some(if rest == 0 { date } else { format!("{date} {:02}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60) })
}

/// A whole number with so many digits behind the point.
pub(super) fn decimal(value: i128, scale: usize) -> String {
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale.saturating_add(1));
    let (whole, part) = digits.split_at(digits.len().saturating_sub(scale));
    let sign = if value < 0 { "-" } else { "" };
    if part.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_decimals() {
        assert_eq!(day(-3652).as_deref(), Some("1960-01-02"));
        assert_eq!(second(-3652 * 86_400 + 61).as_deref(), Some("1960-01-02 00:01:01"));
        assert_eq!((day(i64::MAX), second(i64::MIN)), (None, None));
        assert_eq!((decimal(-12_345, 2), decimal(5, 3), decimal(7, 0)), ("-123.45".into(), "0.005".into(), "7".into()));
    }
}
