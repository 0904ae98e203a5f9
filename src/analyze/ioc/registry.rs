//! Listed keys and values in registry hives and exports.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use crate::analyze::Whole;
use crate::ioc::{IndicatorSet, RegistryValue};
use crate::model::{Gap, GapReason, Stage, Time, text};
use crate::registry::{Kind, Value, Walk, recognise, walk};

/// What was found for one number of the set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub count: u64,
    /// Last change of the first key, in the order of the hive.
    pub written: Option<Time>,
}

struct Shown<'a>(&'a Value<'a>);

impl RegistryValue for Shown<'_> {
    fn name(&self) -> &str {
        &self.0.name
    }

    fn data(&self) -> Vec<String> {
        self.0.texts()
    }
}

/// Looks through a hive or an export; `None` where the object is neither or could not be read to its end. What
/// stood in the way is a gap, because it was asked for.
pub(super) fn search(set: &IndicatorSet, whole: &Whole<'_>, gaps: &mut Vec<Gap>) -> (BTreeMap<u32, Found>, bool) {
    let mut found = BTreeMap::new();
    let Some(kind) = recognise(whole.head.bytes).filter(|_| set.has_registry()) else { return (found, false) };
    let mut gap = |reason, detail: String| gaps.push(Gap::new(whole.head.locator, Stage::Registry, reason, detail));
    let Some(body) = whole.body else {
        gap(GapReason::LimitBody, "its keys were not compared with those that are listed: it is not held whole".into());
        return (found, false);
    };
    let result = walk(kind, body, whole.head.locator.base_name(), &mut |key| {
        let values: Vec<Shown<'_>> = key.values.iter().map(Shown).collect();
        set.by_registry(key.path, &values, |id| {
            let entry = found.entry(id).or_insert(Found { count: 0, written: key.written });
            entry.count = entry.count.saturating_add(1);
        });
        ControlFlow::Continue(())
    });
    match result {
        Ok(walk) => {
            if let Some(detail) = shortfall(kind, &walk) {
                gap(if walk.limited { GapReason::LimitCount } else { GapReason::Malformed }, detail);
            }
            (found, walk.whole())
        }
        Err(why) => {
            gap(GapReason::Malformed, format!("as a registry hive: {why}"));
            (found, false)
        }
    }
}

fn shortfall(kind: Kind, walk: &Walk) -> Option<String> {
    let mut parts = Vec::new();
    if walk.unapplied {
        parts.push("changes in its transaction logs are not applied".to_owned());
    }
    if walk.damaged > 0 {
        let what = if kind == Kind::Hive { "cells of the hive" } else { "entries of the export" };
        parts.push(format!("{} {what} could not be read", text::thousands(walk.damaged)));
    }
    if walk.limited {
        parts.push("it has more keys or values than are looked at".to_owned());
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}
