//! The walk's end of the channel to the workers, and its own place in the table of who is on what: a folder can hang as well as
//! a file.

use std::sync::atomic::Ordering;

use crossbeam_channel::{Sender, TrySendError};

use super::ahead::{Large, TOGETHER, TOGETHER_BYTES};
use super::{Job, key_of, worker};
use crate::model::{Disposition, Gap, GapReason, Locator, Stage};
use crate::source::{Found, WalkSink};

pub(super) struct ToWorkers<'j> {
    job: &'j Job,
    out: Sender<Vec<Found>>,
    large: &'j Large,
    /// What isn't handed over yet, and its bytes.
    found: Vec<Found>,
    bytes: u64,
    /// The folder that it is on.
    at: Option<Locator>,
}

impl<'j> ToWorkers<'j> {
    pub fn new(job: &'j Job, out: Sender<Vec<Found>>, large: &'j Large) -> Self {
        Self { job, out, large, found: Vec::new(), bytes: 0, at: None }
    }

    /// It is done.
    pub fn end(mut self) {
        self.hand_over();
        self.rest();
    }

    /// It waits for others, or is done: nothing it does can hang.
    fn rest(&self) {
        let walker = self.job.threads;
        self.job.counters.set_current(walker, None);
        if let Some(table) = &self.job.in_flight {
            table.leave(walker);
        }
    }

    fn hand_over(&mut self) {
        if self.found.is_empty() {
            return;
        }
        self.bytes = 0;
        // Workers outlive the walk, so this can't fail before they are told to stop.
        if let Err(TrySendError::Full(found)) = self.out.try_send(std::mem::take(&mut self.found)) {
            self.rest();
            let _ = self.out.send(found);
            self.go_on();
        }
    }

    fn go_on(&self) {
        let Some(at) = &self.at else { return };
        let walker = self.job.threads;
        if let Some(table) = &self.job.in_flight {
            table.walk(walker, at, self.job.recovery.suspects.contains(&key_of(at)));
        }
        self.job.counters.set_current(walker, Some(at));
    }
}

impl WalkSink for ToWorkers<'_> {
    fn enters(&mut self, folder: &Locator) -> Result<(), (GapReason, String)> {
        if let Some(why) = self.job.recovery.quarantined.get(&key_of(folder)) {
            return Err(why.clone());
        }
        // The folder may keep the walk for long.
        if self.out.is_empty() {
            self.hand_over();
        }
        self.at = Some(folder.clone());
        self.go_on();
        Ok(())
    }

    fn found(&mut self, mut found: Found) {
        let c = &self.job.counters;
        c.step(self.job.threads);
        let recovery = &self.job.recovery;
        if !recovery.is_new() {
            let key = key_of(&found.entry.locator);
            if recovery.done.contains(&key) {
                return;
            }
            if let Some((reason, how)) = recovery.quarantined.get(&key) {
                let bytes = worker::bytes_of(&found.entry);
                let gap = Gap::new(&found.entry.locator, Stage::Read, *reason, how.as_str()).bytes(bytes);
                found.settled = Some((Disposition::Failed, Some(gap)));
            }
        }
        c.discovered.fetch_add(1, Ordering::Relaxed);
        let bytes = worker::bytes_of(&found.entry);
        c.bytes_discovered.fetch_add(bytes, Ordering::Relaxed);
        let Some(found) = self.large.keep(self.job, found) else {
            // Whoever has nothing to do looks for it.
            let _ = self.out.try_send(Vec::new());
            return;
        };
        self.bytes = self.bytes.saturating_add(bytes);
        self.found.push(found);
        if self.found.len() >= TOGETHER || self.bytes >= TOGETHER_BYTES {
            self.hand_over();
        }
    }

    fn stopped(&self) -> bool {
        self.job.stopped()
    }
}
