//! Native backups of SQL Server that are neither compressed nor encrypted: pages of 8 KiB in a tape format.
//!
//! Pages are found by their headers. Values of variable length are cells of a table that is told by its values alone, as
//! what the other columns are stands elsewhere; names of columns, in the system's own tables, say whether there are
//! tables of patients. Counts are minimum counts, which is said.
//!
//! Source: Microsoft Tape Format 1.00a, 5 (descriptor blocks); SQL Server, "Pages and Extents Architecture Guide" and
//! "Inside the Storage Engine: Anatomy of a page / of a record" (the storage engine's team).

use std::collections::BTreeMap;

use super::collect::Collector;
use super::sql::{Named, Tables};
use super::table::{Record, Schema};
use super::{CaseKey, Outcome, PhiDetector, PhiStream, Unread};
use crate::model::{GapReason, PhiFacts};

const PAGE: usize = 8192;
/// Pages begin at multiples of it.
const SECTOR: usize = 512;
const HEADER: usize = 96;
/// Objects that hold the names of columns (`sys.syscolpars`) and of objects (`sys.sysschobjs`).
const COLUMNS: u32 = 41;
const OBJECTS: u32 = 34;
/// Names that are kept.
const MAX_NAMES: usize = 200_000;
/// Pages that look encrypted, from which on it is said.
const MANY: u64 = 16;

/// See the module.
pub struct Mssql;

impl PhiDetector for Mssql {
    fn id(&self) -> &'static str {
        "mssql"
    }

    fn start<'k>(&self, head: &[u8], key: &'k CaseKey) -> Option<Box<dyn PhiStream + 'k>> {
        head.starts_with(b"TAPE\0\0").then(|| {
            let tables = Tables::new(Collector::new(key));
            let (columns, objects) = (BTreeMap::new(), BTreeMap::new());
            Box::new(Stream { buffer: Vec::new(), tables, columns, objects, names: 0, pages: 0, opaque: 0 }) as Box<_>
        })
    }
}

struct Stream<'k> {
    buffer: Vec<u8>,
    tables: Tables<'k>,
    /// Names of columns in order, by the number of their object.
    columns: BTreeMap<u32, BTreeMap<u32, String>>,
    objects: BTreeMap<u32, String>,
    names: usize,
    pages: u64,
    /// Headers behind which nothing is as it should be.
    opaque: u64,
}

impl PhiStream for Stream<'_> {
    fn feed(&mut self, chunk: &[u8]) {
        for piece in chunk.chunks(1 << 20) {
            self.buffer.extend_from_slice(piece);
            let buffer = std::mem::take(&mut self.buffer);
            let mut at = 0_usize;
            while let Some(page) = buffer.get(at..at.saturating_add(PAGE)) {
                at = at.saturating_add(if self.page(page) { PAGE } else { SECTOR });
            }
            self.buffer = buffer;
            self.buffer.drain(..at.min(self.buffer.len()));
        }
    }

    fn finish(self: Box<Self>) -> Outcome {
        let Self { tables, columns, objects, pages, opaque, .. } = *self;
        let mut schema = Schema::default();
        for (object, names) in &columns {
            let names: Vec<String> = names.values().cloned().collect();
            schema.add(objects.get(object).map_or("", String::as_str), &names);
        }
        let Outcome { facts, unread, part2 } = tables.finish();
        let facts = facts.map(|mut f| {
            f.notes.push("rows of pages are told by their values alone: counts are minimum counts".to_owned());
            PhiFacts { format: "mssql".to_owned(), ..f }
        });
        let why = if opaque >= MANY && opaque > pages {
            Unread::new(GapReason::Encrypted, "a backup of SQL Server whose pages are encrypted")
        } else {
            let told = schema.describe().map(|s| format!("; {s}")).unwrap_or_default();
            Unread::new(
                GapReason::PhiFormat,
                format!("mssql backup: rows are read by their values alone, without the names of their columns{told}"),
            )
        };
        Outcome { facts, unread: Some(unread.unwrap_or(why)), part2 }
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<usize> {
    Some(usize::from(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?)))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

impl Stream<'_> {
    /// Reads a page; `false` where it is none.
    fn page(&mut self, page: &[u8]) -> bool {
        let &[1, kind @ 1..=20, _, level, ..] = page else { return false };
        let (Some(slots), Some(free), Some(object)) = (u16_at(page, 22), u16_at(page, 30), u32_at(page, 24)) else {
            return false;
        };
        let end = PAGE.saturating_sub(slots.saturating_mul(2));
        if !(1..=1000).contains(&slots) || !(HEADER..=end).contains(&free) {
            return false;
        }
        if kind != 1 || level != 0 {
            // Only data pages hold rows; others are passed over a sector at a time, as they may be none.
            return false;
        }
        let slot = |n: usize| u16_at(page, PAGE.saturating_sub(n.saturating_mul(2).saturating_add(2)));
        let mut places: Vec<usize> = (0..slots).filter_map(slot).filter(|at| *at > 0).collect();
        if places.iter().any(|at| *at < HEADER || *at >= free) {
            self.opaque = self.opaque.saturating_add(1);
            return false;
        }
        self.pages = self.pages.saturating_add(1);
        places.sort_unstable();
        let ends = places.iter().skip(1).copied().chain([free]);
        let mut table = None;
        for (from, to) in places.iter().zip(ends) {
            let Some(values) = page.get(*from..to).and_then(Values::read) else { continue };
            match object {
                COLUMNS | OBJECTS => self.name(object, &values),
                _ => {
                    let table = *table.get_or_insert_with(|| {
                        let named = Named { table: object.to_string(), columns: None };
                        self.tables.open(named)
                    });
                    let Some(table) = table else { return true };
                    self.tables.row(table, &values.record());
                }
            }
        }
        true
    }

    fn name(&mut self, object: u32, values: &Values<'_>) {
        let (Some(id), Some(name)) = (u32_at(values.fixed, 0), values.variable.first()) else { return };
        let Some(name) = text(name).filter(|n| n.len() <= 256) else { return };
        self.names = self.names.saturating_add(1);
        if self.names > MAX_NAMES {
            return self.tables.unread(Unread::new(GapReason::LimitCount, "it has more names of columns than are kept"));
        }
        if object == OBJECTS {
            self.objects.insert(id, name);
        } else if let Some(column) = u32_at(values.fixed, 6) {
            self.columns.entry(id).or_default().insert(column, name);
        }
    }
}

/// What a record is made of.
struct Values<'p> {
    fixed: &'p [u8],
    variable: Vec<&'p [u8]>,
}

impl<'p> Values<'p> {
    /// A status, the end of the values of fixed length, the count of columns, which of them are null, and where each
    /// value of variable length ends.
    fn read(record: &'p [u8]) -> Option<Self> {
        let status = *record.first()?;
        // Rows and rows that were moved; not ghosts, indexes, or parts of other values.
        if !matches!(status >> 1 & 7, 0 | 1) || status & 0x10 == 0 {
            return None;
        }
        let end = u16_at(record, 2)?;
        let fixed = record.get(4..end)?;
        let nulls = u16_at(record, end)?.div_ceil(8);
        let at = end.checked_add(2)?.checked_add(nulls)?;
        let mut variable = Vec::new();
        if status & 0x20 != 0 {
            let count = u16_at(record, at)?;
            let mut from = at.checked_add(2)?.checked_add(count.checked_mul(2)?)?;
            for n in 0..count {
                let end = u16_at(record, at + 2 + n * 2)?;
                // The upper bit says that the value lies elsewhere.
                let (elsewhere, end) = (end & 0x8000 != 0, end & 0x7fff);
                let value = record.get(from..end)?;
                variable.push(if elsewhere { &[][..] } else { value });
                from = end;
            }
        }
        Some(Self { fixed, variable })
    }

    /// The first text among the values of fixed length, and every value of variable length.
    fn record(&self) -> Record {
        let printed = |b: &u8| (0x20..0x7f).contains(b);
        let mut runs = self.fixed.split(|b| !printed(b));
        let mut record = Record::default();
        record.push(runs.find(|run| run.len() >= 8).unwrap_or_default().trim_ascii());
        record.end_field();
        for value in &self.variable {
            record.push(text(value).unwrap_or_default().as_bytes());
            record.end_field();
        }
        record
    }
}

/// Text of one byte or of two a character.
fn text(value: &[u8]) -> Option<String> {
    let wide = value.len() >= 2 && value.len().is_multiple_of(2) && value.iter().skip(1).step_by(2).all(|b| *b == 0);
    let text =
        if wide { value.iter().step_by(2).map(|b| char::from(*b)).collect() } else { super::names::decode(value).into_owned() };
    (!text.is_empty() && !text.chars().any(char::is_control)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phi::testing::outcome;

    const BACKUP: &[u8] = include_bytes!("../../tests/fixtures/phi/mssql-clinic.bak");

    #[test]
    fn values_and_names_of_columns() {
        let Outcome { facts, unread, .. } = outcome(&Mssql, BACKUP);
        let facts = facts.expect("people");
        // One of the two has had another number before.
        assert_eq!((facts.individuals.best, facts.format.as_str(), facts.identifiers["mbi"]), (2, "mssql", 3));
        let unread = unread.expect("a gap");
        assert_eq!(unread.reason, GapReason::PhiFormat);
        assert!(
            unread.detail.ends_with("by its schema 1 of 2 tables hold patients (SSNs, dates of birth, names, record numbers)"),
            "{}",
            unread.detail
        );
    }

    #[test]
    fn encrypted_pages_are_told() {
        let mut bytes = b"TAPE\0\0\x03\0".to_vec();
        bytes.resize(4096, 0);
        for n in 0..20_u8 {
            let mut page = vec![n.wrapping_mul(37) | 0x81; PAGE];
            page[..4].copy_from_slice(&[1, 1, 0, 0]);
            page[22..24].copy_from_slice(&[40, 0]);
            page[30..32].copy_from_slice(&[0, 16]);
            bytes.extend(page);
        }
        assert_eq!(outcome(&Mssql, &bytes).unread.map(|u| u.reason), Some(GapReason::Encrypted));
    }

    #[test]
    fn mutations_do_not_panic() {
        for at in (0..BACKUP.len()).step_by(211) {
            let mut other = BACKUP.to_vec();
            other[at] = other[at].wrapping_add(u8::try_from(at % 255).unwrap());
            let _ = outcome(&Mssql, &other);
        }
        assert!(Mssql.start(b"TAPE of the meeting", &CaseKey::new(&[7; 32])).is_none());
    }

    proptest::proptest! {
        #[test]
        fn no_record_panics(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..80)) {
            if let Some(values) = Values::read(&bytes) {
                let _ = values.record();
            }
        }
    }
}
