//! Tables of dBASE III to 7, Clipper, FoxPro: rows that are marked as deleted are still there, and are read.
//!
//! Source: "Data File Header Structure for the dBASE Version 7 Table File" (dBASE Inc.), and "Table File Structure"
//! (Visual FoxPro). The count of records is not believed. Long texts (memo fields) stand in a file beside the table: see `memo`.

use std::borrow::Cow;

use super::{Document, Parts, Unread};
use crate::model::GapReason;
use crate::phi::names;

/// The day, in days of the Julian calendar, in front of day 1 of spreadsheets, which dates are read from.
const DAY_ZERO: u32 = 2_415_019;

/// See the module.
pub struct Dbf;

impl Document for Dbf {
    fn id(&self) -> &'static str {
        "dbf"
    }

    fn recognise(&self, head: &[u8]) -> bool {
        Layout::read(head).is_some()
    }

    fn read(&self, body: &[u8], parts: &mut Parts<'_>) -> Result<(), Unread> {
        let layout = Layout::read(body).ok_or_else(|| Unread::malformed("its header is damaged"))?;
        parts.begin()?;
        parts.row(layout.fields.iter().map(|f| &f.name))?;
        let (mut records, mut memos) = (0_u32, false);
        // A record begins with a blank, or a star where it is deleted; behind the last comes 1A.
        let rows = body.get(layout.header..).unwrap_or_default().chunks_exact(layout.record);
        for row in rows.take_while(|r| matches!(r.first(), Some(b' ' | b'*'))) {
            records = records.saturating_add(1);
            memos |= layout.fields.iter().any(|f| f.is_memo() && f.has_memo(row));
            parts.row(layout.fields.iter().map(|f| f.text(row)))?;
        }
        if records < layout.count {
            return Err(Unread::malformed("records that its header counts are missing"));
        }
        if memos {
            return Err(Unread::new(
                GapReason::PhiFormat,
                "texts of its memo fields lie in the file beside it, which is read by itself",
            ));
        }
        Ok(())
    }
}

struct Field {
    name: String,
    kind: u8,
    at: usize,
    length: usize,
}

struct Layout {
    header: usize,
    record: usize,
    count: u32,
    fields: Vec<Field>,
}

impl Layout {
    /// A header is taken for one where its fields fill its records exactly.
    fn read(bytes: &[u8]) -> Option<Self> {
        let version = *bytes.first()?;
        let known =
            matches!(version, 0x02..=0x05 | 0x30..=0x32 | 0x43 | 0x63 | 0x7b | 0x83 | 0x8b | 0x8c | 0xcb | 0xe5 | 0xf5 | 0xfb);
        let dated = matches!(bytes.get(2..4)?, [0..=12, 0..=31]);
        let header = usize::from(u16_at(bytes, 8)?);
        let record = usize::from(u16_at(bytes, 10)?);
        if !known || !dated || record < 2 {
            return None;
        }
        // Version 7 has longer names: where descriptors begin, their size, name's length, places of type and length.
        let seven = version & 7 == 4 && version < 0x30 || version == 0x8c;
        let (begin, size, name, kind, length) = if seven { (68, 48, 32, 32, 33) } else { (32, 32, 11, 11, 16) };
        let mut fields: Vec<Field> = Vec::new();
        let mut at = 1;
        for descriptor in bytes.get(begin..header)?.chunks_exact(size).take_while(|d| d.first() != Some(&0x0d)) {
            let kind = *descriptor.get(kind)?;
            let mut length = usize::from(*descriptor.get(length)?);
            if kind == b'C' && !seven {
                // Long character fields have their upper byte in the place of decimals.
                length = length.saturating_add(usize::from(*descriptor.get(17)?).saturating_mul(256));
            }
            fields.push(Field { name: title(descriptor.get(..name)?)?, kind, at, length });
            at = at.checked_add(length)?;
            if !b"CDFNLMBGPYTIVQWO@+0".contains(&kind) {
                return None;
            }
        }
        let count = u32::from_le_bytes(bytes.get(4..8)?.try_into().ok()?);
        (at == record && !fields.is_empty()).then_some(Self { header, record, count, fields })
    }
}

impl Field {
    fn bytes<'r>(&self, row: &'r [u8]) -> &'r [u8] {
        row.get(self.at..self.at.saturating_add(self.length)).unwrap_or_default()
    }

    fn is_memo(&self) -> bool {
        matches!(self.kind, b'M' | b'G' | b'P' | b'W') || (self.kind == b'B' && self.length == 10)
    }

    /// A number of a block in the other file, in digits or four bytes.
    fn has_memo(&self, row: &[u8]) -> bool {
        self.bytes(row).iter().any(|b| !matches!(b, 0 | b' ' | b'0'))
    }

    fn text<'r>(&self, row: &'r [u8]) -> Cow<'r, str> {
        let bytes = self.bytes(row);
        let four = |at: usize| bytes.get(at..at.saturating_add(4)).and_then(|b| b.try_into().ok());
        match self.kind {
            b'C' | b'D' | b'N' | b'F' => {
                let end = memchr::memchr(0, bytes).unwrap_or(bytes.len());
                names::decode(bytes.get(..end).unwrap_or_default().trim_ascii())
            }
            b'V' => {
                // The last byte counts the others where the field isn't full.
                let used = bytes.last().map_or(0, |n| usize::from(*n)).min(bytes.len());
                names::decode(bytes.get(..used).unwrap_or_default().trim_ascii())
            }
            b'I' => four(0).map(i32::from_le_bytes).map_or_else(Cow::default, |n| Cow::Owned(n.to_string())),
            b'T' => match four(0).map(u32::from_le_bytes).and_then(|day| day.checked_sub(DAY_ZERO)) {
                Some(day) => Cow::Owned(day.to_string()),
                None => Cow::default(),
            },
            _ => Cow::default(),
        }
    }
}

/// A name of printable characters, ended by a zero.
fn title(bytes: &[u8]) -> Option<String> {
    let name = bytes.split(|b| *b == 0).next()?.trim_ascii();
    let fits = name.first()?.is_ascii_alphabetic() || matches!(name.first()?, b'_' | b'#');
    (fits && name.iter().all(|b| (0x20..0x7f).contains(b) || *b >= 0x80)).then(|| names::decode(name).into_owned())
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phi::document::read;
    use crate::phi::{CaseKey, Outcome};

    const DBASE: &[u8] = include_bytes!("../../../tests/fixtures/phi/dbf-dbase3.dbf");
    const MEMO: &[u8] = include_bytes!("../../../tests/fixtures/phi/dbf-memo.dbf");

    fn outcome(bytes: &[u8]) -> Outcome {
        read(&Dbf, bytes, &CaseKey::new(&[7; 32]))
    }

    #[test]
    fn deleted_records_count() {
        let Outcome { facts, unread, .. } = outcome(DBASE);
        let facts = facts.expect("people");
        assert_eq!((facts.individuals.best, facts.records, facts.identifiers["dob"], unread), (2, 2, 2, None));
    }

    #[test]
    fn what_is_elsewhere_or_missing_is_told() {
        let Outcome { facts, unread, .. } = outcome(MEMO);
        assert_eq!(facts.map(|f| f.identifiers["dob"]), Some(2));
        assert_eq!(unread.map(|u| u.reason), Some(GapReason::PhiFormat));
        let Outcome { facts, unread, .. } = outcome(&DBASE[..DBASE.len() - 20]);
        assert_eq!((facts.map(|f| f.records), unread.map(|u| u.reason)), (Some(1), Some(GapReason::Malformed)));
    }

    #[test]
    fn other_bytes_are_none() {
        for bytes in [&b""[..], &[3; 4096], &[0x30; 4096], b"03/05/2020,1,2\n", &DBASE[..60], b"\x03\x02\x01\x01"] {
            assert!(!Dbf.recognise(bytes));
        }
    }

    #[test]
    fn mutations_do_not_panic() {
        for bytes in [DBASE, MEMO] {
            for at in 0..bytes.len() {
                let mut other = bytes.to_vec();
                other[at] = other[at].wrapping_add(u8::try_from(at % 255).unwrap());
                assert_ne!(outcome(&other).unread.map(|u| u.reason), Some(GapReason::ParserFailed));
                assert_ne!(outcome(&bytes[..at]).unread.map(|u| u.reason), Some(GapReason::ParserFailed));
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            let _ = outcome(&[DBASE.get(..32).unwrap(), &bytes].concat());
        }
    }
}
