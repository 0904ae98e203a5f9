//! What an earlier process of a scan has done, and what it died on.
//!
//! Resuming is the crash handler: whatever ended the process (a signal, a parser that overflowed its stack, the
//! power), the next one reads the private log, hands its records to the collector again and goes on with the rest.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, Seek, SeekFrom};

use super::inflight::Slot;
use super::journal::Position;
use super::state::{Death, Frame, ObjectKey, StateReader, Step};
use super::{Record, Span};
use crate::model::GapReason;

/// How a death is told that was no death: no progress for too long.
pub const HUNG: &str = "hung";

/// Decides what is done again, alone, or not at all.
#[derive(Clone, Debug, Default)]
pub struct Recovery {
    pub done: HashSet<ObjectKey>,
    /// In flight when a process died: each is tried once more, alone.
    pub suspects: HashSet<ObjectKey>,
    /// Died on again, alone: not tried any more.
    pub quarantined: HashMap<ObjectKey, (GapReason, String)>,
    /// How earlier processes died, in order.
    pub deaths: Vec<String>,
}

impl Recovery {
    /// Whether nothing was done before.
    pub fn is_new(&self) -> bool {
        self.done.is_empty() && self.deaths.is_empty()
    }

    /// What a death says of the objects that were in flight.
    fn learn(&mut self, death: Death) {
        let reason = if death.how == HUNG { GapReason::Hung } else { GapReason::Crashed };
        if let Some(key) = death.culprit {
            self.suspects.remove(&key);
            self.quarantined.insert(key, (reason, death.how.clone()));
        }
        self.suspects.extend(death.suspects);
        self.deaths.push(death.how);
    }
}

/// A log read back to the last point at which it and the journal agree.
#[derive(Debug, Default)]
pub struct Resumed {
    pub recovery: Recovery,
    /// The options' digest and the program's name, where the first process came as far as its plan.
    pub plan: Option<(String, String)>,
    /// Bytes behind the last whole frame, cut off.
    pub torn: u64,
}

impl Resumed {
    /// Reads the log, hands over the records of everything done (with the places of their rows), cuts what is torn.
    ///
    /// # Errors
    /// When it can't be read or cut.
    pub fn read(file: &mut File, journal: Position, records: &mut dyn FnMut(Vec<Record>, Vec<Span>)) -> io::Result<Self> {
        let mut resumed = Self::default();
        let mut reader = StateReader::new(file.try_clone()?)?;
        let (mut parts, mut places) = (Vec::new(), Vec::new());
        let mut agreed = 0;
        while let Some(step) = reader.step() {
            match step {
                Step::Part(part, spans) => {
                    parts.extend(part);
                    places.extend(spans);
                    continue;
                }
                // After a power cut the journal can be shorter than this log believes.
                Step::Frame(Frame::Done { journal: needed, .. }) if needed.at > journal.at => break,
                Step::Frame(Frame::Done { key, .. }) => {
                    resumed.recovery.done.insert(key);
                    resumed.recovery.suspects.remove(&key);
                    records(std::mem::take(&mut parts), std::mem::take(&mut places));
                }
                Step::Frame(Frame::Plan { options_sha256, tool }) => resumed.plan = Some((options_sha256, tool)),
                Step::Frame(Frame::Death(death)) => resumed.recovery.learn(death),
                Step::Frame(Frame::Start(_) | Frame::Part | Frame::Sealed) => {}
            }
            agreed = reader.whole();
        }
        resumed.torn = file.seek(SeekFrom::End(0))?.saturating_sub(agreed);
        if resumed.torn > 0 {
            file.set_len(agreed)?;
        }
        file.seek(SeekFrom::Start(agreed))?;
        Ok(resumed)
    }

    /// The last process died with this in the table: what that means for the next.
    pub fn died(&mut self, how: &str, table: impl IntoIterator<Item = Slot>) -> Death {
        let (mut suspects, mut culprit) = (Vec::new(), None);
        for slot in table {
            // The walk can hang on a folder, but it parses nothing that it could die on.
            if self.recovery.done.contains(&slot.key) || (slot.walk && how != HUNG) {
                continue;
            }
            match slot.alone {
                true => culprit = culprit.or(Some(slot.key)),
                false => suspects.push(slot.key),
            }
        }
        // While one is tried alone, what else stands in the table is left from before.
        if culprit.is_some() {
            suspects.clear();
        }
        let death = Death { how: how.to_owned(), suspects, culprit };
        self.recovery.learn(death.clone());
        death
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::state::{StateLog, key_of};
    use crate::model::Locator;

    fn slot(path: &str, alone: bool) -> Slot {
        Slot { key: key_of(&Locator::os(path)), alone, walk: false }
    }

    #[test]
    fn twice_is_quarantine() {
        let mut resumed = Resumed::default();
        let (a, b) = (slot("/a", false), slot("/b", false));
        resumed.recovery.done.insert(b.key);
        let death = resumed.died("SIGSEGV", [a.clone(), b]);
        assert_eq!(death.suspects, [a.key]);
        assert!(resumed.recovery.quarantined.is_empty());
        resumed.died("SIGSEGV", [slot("/c", false), slot("/a", true)]);
        assert_eq!(resumed.recovery.quarantined.get(&a.key), Some(&(GapReason::Crashed, "SIGSEGV".into())));
        assert!(resumed.recovery.suspects.is_empty());
        assert_eq!(resumed.recovery.deaths.len(), 2);
    }

    #[test]
    fn the_walk_hangs_but_never_crashes() {
        let walk = |alone| Slot { walk: true, ..slot("/folder", alone) };
        let mut resumed = Resumed::default();
        assert!(resumed.died("SIGSEGV", [walk(true)]).culprit.is_none());
        assert_eq!(resumed.died(HUNG, [walk(false)]).suspects, [walk(false).key]);
        // A worker that was tried alone comes before it.
        assert_eq!(resumed.died(HUNG, [slot("/a", true), walk(true)]).culprit, Some(slot("/a", true).key));
        assert_eq!(resumed.died(HUNG, [walk(true)]).culprit, Some(walk(true).key));
        assert_eq!(resumed.recovery.quarantined[&walk(true).key].0, GapReason::Hung);
    }

    #[test]
    fn a_log_ahead_of_its_journal_is_cut() {
        let mut file = tempfile::tempfile().unwrap();
        let mut log = StateLog::new(file.try_clone().unwrap());
        let keys = [key_of(&Locator::os("/a")), key_of(&Locator::os("/b"))];
        for (key, at) in keys.iter().zip([100, 200]) {
            log.batch(*key, &Vec::new(), &[], Position { at, ..Position::START }).unwrap();
        }
        log.sync().unwrap();
        let resumed = Resumed::read(&mut file, Position { at: 150, ..Position::START }, &mut |_, _| {}).unwrap();
        assert_eq!(resumed.recovery.done, HashSet::from([keys[0]]));
        assert!(resumed.torn > 0);
        let again = Resumed::read(&mut file, Position { at: 500, ..Position::START }, &mut |_, _| {}).unwrap();
        assert_eq!((again.recovery.done.len(), again.torn), (1, 0));
    }
}
