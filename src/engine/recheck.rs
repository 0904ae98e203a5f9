//! Matching an earlier case's inventory: the same collector, correlators and documents as a scan, fed with rows
//! instead of bytes.

use std::collections::BTreeMap;

use super::collect::{Collected, Collector};
use super::{Batch, Counters, Record, Workers};
use crate::analyze::{Analyzer, Findings};
use crate::correlate::Correlator;
use crate::model::{Disposition, Gap, GapReason, Locator, Object, Stage};
use crate::report::{OldCase, Remembered, RereadError};

/// What the indicators ask for, so that the ledger says what the inventory could not answer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asks {
    pub names: bool,
    pub md5: bool,
    pub sha1: bool,
    pub content: bool,
}

/// Matches every row. Counts of the old ledger carry over: what that scan didn't examine can't be matched now.
///
/// # Errors
/// Where the inventory can't be read to its end.
pub fn recheck(
    old: &OldCase,
    analyzers: &[Box<dyn Analyzer>],
    asks: Asks,
    correlators: &mut [Box<dyn Correlator>],
    mut collector: Collector,
) -> Result<Collected, RereadError> {
    let counters = Counters::new(1);
    // Further names of hard-linked files are matched together with the file, as in a scan.
    let mut aliases: BTreeMap<String, Vec<Locator>> = BTreeMap::new();
    old.rows(&mut |row| {
        if let (Some(first), Some(alias)) = (&row.hard_link_to, Remembered::new(&row))
            && read(&alias.object)
        {
            aliases.entry(first.clone()).or_default().push(alias.object.locator);
        }
    })?;
    let mut examiners: Vec<_> = analyzers.iter().map(|a| a.worker()).collect();
    let mut writable = true;
    old.rows(&mut |row| {
        let Some(Remembered { mut object, masked }) = Remembered::new(&row) else { return };
        let mut batch = Batch::new();
        if let Some(reason) = object.reason {
            shortfall(&mut object, reason, "as in the earlier case", &mut batch);
        }
        if masked && asks.names {
            shortfall(&mut object, GapReason::NameMasked, "", &mut batch);
        }
        if (asks.md5 && object.digests.md5.is_none() || asks.sha1 && object.digests.sha1.is_none())
            && object.digests.sha256.is_some()
        {
            shortfall(&mut object, GapReason::DigestNotKept, "", &mut batch);
        }
        let first = object.hard_link_to.is_none();
        if first || !read(&object) {
            let others = if first { aliases.get(&row.path).map_or(&[][..], Vec::as_slice) } else { &[] };
            let mut found = Findings::default();
            examiners.iter_mut().for_each(|e| e.remembered(&object, others, &mut found));
            if !found.evidence.is_empty() && !others.is_empty() {
                collector.also_named(&object.locator, others);
            }
            batch.extend(found.evidence.into_iter().map(Record::Evidence));
            batch.extend(found.sightings.into_iter().map(Record::Sighting));
        }
        batch.push(Record::Object(Box::new(object)));
        writable = writable && collector.take(batch, correlators, &counters);
    })?;
    if asks.content {
        let place = Locator::os(old.root());
        let gap = Gap::new(&place, Stage::Run, GapReason::ContentNotKept, "no content was searched for mentions");
        collector.take(vec![Record::Gap(gap)], correlators, &counters);
    }
    let workers = Workers::one();
    let collected = workers.run(|| collector.finish(correlators));
    Ok(Collected { workers, ..collected })
}

/// Whether the content was read, so that all names of the file were matched at its first one.
fn read(object: &Object) -> bool {
    object.kind.is_stored()
        && (matches!(object.disposition, Disposition::Examined | Disposition::Partial)
            || object.reason == Some(GapReason::Unchanged))
}

fn shortfall(object: &mut Object, reason: GapReason, detail: &str, batch: &mut Batch) {
    batch.push(Record::Gap(Gap::new(&object.locator, Stage::Run, reason, detail)));
    object.reason.get_or_insert(reason);
    if reason.incomplete() && object.disposition == Disposition::Examined {
        object.disposition = Disposition::Partial;
    }
}
