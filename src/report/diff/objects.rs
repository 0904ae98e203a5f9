//! Two inventories side by side. Both are in canonical order, so that one row of each is enough at a time. Rows whose
//! names are masked are the exception: their order follows from bytes that the rows no longer have. They are few, are
//! kept until the end, and are compared by what is shown of them.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::{Disposition, GapReason};
use crate::report::reread::{OldCase, Remembered, RereadError, Rows};
use crate::report::rows::word;
use crate::report::{InventoryRow, StepRow};

/// What became of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    Appeared,
    Vanished,
    Changed,
}

/// One property before and after; absent where the object had none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FieldChange {
    pub field: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
}

/// One object that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ObjectChange {
    pub change: Change,
    pub path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_raw: Option<String>,
    pub kind: String,
    /// Bytes; of the newer one where there are two.
    pub size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// What differs, for an object that is in both.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldChange>,
}

/// How many objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ObjectCounts {
    pub appeared: u64,
    pub vanished: u64,
    pub changed: u64,
    pub unchanged: u64,
    /// Rows with masked names, which are compared by their shapes.
    pub masked: u64,
}

/// Hands over every object that differs, in canonical order, those with masked names last.
///
/// # Errors
/// Where an inventory can't be read to its end or isn't in canonical order, and as `each`.
pub fn objects<E: From<RereadError>>(
    old: &OldCase,
    new: &OldCase,
    each: &mut dyn FnMut(ObjectChange) -> Result<(), E>,
) -> Result<ObjectCounts, E> {
    let mut tell = Teller { counts: ObjectCounts::default(), each };
    let (mut was, mut is) = (Side::open(old)?, Side::open(new)?);
    loop {
        let order = match (&was.next, &is.next) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((a, _)), Some((b, _))) => a.cmp(b),
        };
        let before = if order.is_le() { was.take()? } else { None };
        let after = if order.is_ge() { is.take()? } else { None };
        tell.pair(before.as_ref(), after.as_ref())?;
    }
    tell.counts.masked = was.count.max(is.count);
    let mut masked = was.masked;
    for (shown, mut after) in is.masked {
        let mut before = masked.remove(&shown).unwrap_or_default();
        // Several objects can have one shape. Those that didn't change are told apart by being the same.
        after.retain(|row| match before.iter().position(|b| differences(b, row).is_empty()) {
            Some(at) => {
                before.remove(at);
                tell.counts.unchanged += 1;
                false
            }
            None => true,
        });
        let mut before = before.into_iter();
        for row in &after {
            tell.pair(before.next().as_ref(), Some(row))?;
        }
        before.try_for_each(|row| tell.pair(Some(&row), None))?;
    }
    masked.into_values().flatten().try_for_each(|row| tell.pair(Some(&row), None))?;
    Ok(tell.counts)
}

/// One inventory on the way.
struct Side {
    rows: Rows,
    path: String,
    /// The next row whose name is whole, with its key.
    next: Option<(Vec<u8>, InventoryRow)>,
    masked: BTreeMap<Vec<String>, Vec<InventoryRow>>,
    count: u64,
}

impl Side {
    fn open(case: &OldCase) -> Result<Self, RereadError> {
        let mut side =
            Self { rows: case.inventory()?, path: case.inventory_shown(), next: None, masked: BTreeMap::new(), count: 0 };
        side.advance()?;
        Ok(side)
    }

    fn take(&mut self) -> Result<Option<InventoryRow>, RereadError> {
        let row = self.next.take();
        let Some((key, row)) = row else { return Ok(None) };
        self.advance()?;
        if self.next.as_ref().is_some_and(|(next, _)| *next <= key) {
            let why = format!("its rows are not in canonical order at {}", row.path);
            return Err(RereadError::Malformed { path: self.path.clone(), why });
        }
        Ok(Some(row))
    }

    fn advance(&mut self) -> Result<(), RereadError> {
        for row in self.rows.by_ref() {
            let row = row?;
            let whole = Remembered::new(&row).filter(|r| !r.masked);
            match whole {
                Some(remembered) => {
                    self.next = Some((remembered.object.locator.sort_key(), row));
                    return Ok(());
                }
                None => {
                    self.count += 1;
                    self.masked.entry(shape(&row)).or_default().push(row);
                }
            }
        }
        Ok(())
    }
}

/// What is shown of an address, without positions in archives: a member may have moved.
fn shape(row: &InventoryRow) -> Vec<String> {
    let step = |s: &StepRow| match s {
        StepRow::Os { os } => os.clone(),
        StepRow::Member { member, .. } => member.clone(),
    };
    row.locator.iter().map(step).collect()
}

struct Teller<'e, E> {
    counts: ObjectCounts,
    each: &'e mut dyn FnMut(ObjectChange) -> Result<(), E>,
}

impl<E> Teller<'_, E> {
    fn pair(&mut self, old: Option<&InventoryRow>, new: Option<&InventoryRow>) -> Result<(), E> {
        let (change, fields) = match (old, new) {
            (Some(old), Some(new)) => {
                let fields = differences(old, new);
                if fields.is_empty() {
                    self.counts.unchanged += 1;
                    return Ok(());
                }
                self.counts.changed += 1;
                (Change::Changed, fields)
            }
            (None, Some(_)) => {
                self.counts.appeared += 1;
                (Change::Appeared, Vec::new())
            }
            (Some(_), None) => {
                self.counts.vanished += 1;
                (Change::Vanished, Vec::new())
            }
            (None, None) => return Ok(()),
        };
        let Some(row) = new.or(old) else { return Ok(()) };
        (self.each)(ObjectChange {
            change,
            path: row.path.clone(),
            path_raw: row.path_raw.clone(),
            kind: row.kind.clone(),
            size: row.size,
            sha256: row.sha256.clone(),
            fields,
        })
    }
}

/// What differs. Access times are left out: reading changes them, and a scan may be what read it. A digest that only one
/// of the scans computed says nothing.
fn differences(old: &InventoryRow, new: &InventoryRow) -> Vec<FieldChange> {
    let mut out = Vec::new();
    let mut hold = |field, old: Option<String>, new: Option<String>| {
        if old != new {
            out.push(FieldChange { field, old, new });
        }
    };
    hold("kind", Some(old.kind.clone()), Some(new.kind.clone()));
    hold("size", Some(old.size.to_string()), Some(new.size.to_string()));
    let digests = [
        ("sha256", &old.sha256, &new.sha256),
        ("sha1", &old.sha1, &new.sha1),
        ("md5", &old.md5, &new.md5),
        ("crc32", &old.crc32, &new.crc32),
    ];
    for (field, old, new) in digests {
        if old.is_some() && new.is_some() {
            hold(field, old.clone(), new.clone());
        }
    }
    hold("type", old.file_type.clone(), new.file_type.clone());
    hold("mtime", old.times.mtime.clone(), new.times.mtime.clone());
    hold("ctime", old.times.ctime.clone(), new.times.ctime.clone());
    hold("btime", old.times.btime.clone(), new.times.btime.clone());
    hold("owner", old.owner.clone(), new.owner.clone());
    hold("mode", old.mode.clone(), new.mode.clone());
    let how = |row: &InventoryRow| match &row.reason {
        // Examined by the scan that it was compared with.
        Some(reason) if reason == GapReason::Unchanged.id() => word(&Disposition::Examined),
        Some(reason) => format!("{} ({reason})", row.disposition),
        None => row.disposition.clone(),
    };
    hold("disposition", Some(how(old)), Some(how(new)));
    out
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::report::{InventoryWriter, sample};

    /// A case folder with these rows, in the order given.
    fn case(rows: &[InventoryRow]) -> (tempfile::TempDir, OldCase) {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = InventoryWriter::new(Vec::new());
        rows.iter().for_each(|r| writer.push(r).unwrap());
        writer.flush().unwrap();
        std::fs::File::create(dir.path().join("inventory.jsonl.zst")).unwrap().write_all(&writer.into_inner()).unwrap();
        let case = OldCase::at(dir.path(), sample::report());
        (dir, case)
    }

    fn row(path: &str, size: u64) -> InventoryRow {
        InventoryRow { size, ..InventoryRow::from(&sample::object(path)) }
    }

    fn masked(path: &str, size: u64) -> InventoryRow {
        InventoryRow { path_masked: true, ..row(path, size) }
    }

    fn diff(old: &[InventoryRow], new: &[InventoryRow]) -> Result<(ObjectCounts, Vec<(Change, String)>), RereadError> {
        let ((_a, old), (_b, new)) = (case(old), case(new));
        let mut seen = Vec::new();
        let counts = objects(&old, &new, &mut |c: ObjectChange| {
            seen.push((c.change, c.path));
            Ok::<(), RereadError>(())
        })?;
        Ok((counts, seen))
    }

    #[test]
    fn rows_are_joined_in_their_order() {
        let old = [row("/a", 1), row("/b", 1), row("/d", 1), row("/z", 1)];
        let new = [row("/0", 1), row("/a", 1), row("/c", 1), row("/d", 2)];
        let (counts, seen) = diff(&old, &new).unwrap();
        assert_eq!(counts, ObjectCounts { appeared: 2, vanished: 2, changed: 1, unchanged: 1, masked: 0 });
        let told: Vec<String> = seen.iter().map(|(c, p)| format!("{c:?} {p}")).collect();
        assert_eq!(told, ["Appeared /0", "Vanished /b", "Appeared /c", "Changed /d", "Vanished /z"]);
    }

    #[test]
    fn masked_rows_are_compared_by_shape_wherever_they_stand() {
        let old = [row("/a", 1), masked("/p/Aa, Aa.csv", 5), masked("/p/Aa, Aa.csv", 6), row("/q", 1)];
        let new = [masked("/p/Aa, Aa.csv", 6), row("/a", 1), row("/q", 1), masked("/p/Aa, Aa.csv", 7), masked("/p/N.csv", 1)];
        let (counts, seen) = diff(&old, &new).unwrap();
        assert_eq!(counts, ObjectCounts { appeared: 1, vanished: 0, changed: 1, unchanged: 3, masked: 3 });
        assert_eq!(seen.last().unwrap(), &(Change::Appeared, "/p/N.csv".to_owned()));
    }

    #[test]
    fn another_order_is_noticed() {
        assert!(
            matches!(diff(&[row("/b", 1), row("/a", 1)], &[]), Err(RereadError::Malformed { why, .. }) if why.contains("order"))
        );
    }

    #[test]
    fn what_only_reading_changes_is_no_change() {
        let mut b = row("/a", 1);
        b.times.atime = Some("2026-01-01T00:00:00Z".into());
        b.md5 = None;
        assert!(differences(&row("/a", 1), &b).is_empty());
        b.times.mtime = None;
        assert_eq!(differences(&row("/a", 1), &b)[0].field, "mtime");
    }
}
