//! A worker's ends of the channels: what it takes, and what it hands on, several objects at a time where they are small, since
//! a hand-over costs more than many of them.
//!
//! And a disk that isn't idle while processors are busy: what a worker takes next is announced to the system while the worker is
//! still on something else. Only where content comes from the disk at all: of what is in the page cache, telling costs more than
//! it saves.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crossbeam_channel::{Receiver, Sender};

use super::gate::MIDDLE;
use super::worker::{Worker, bytes_of};
use super::{Batch, Job};
use crate::source::Found;

/// Objects, and bytes of them, that are handed over at once.
pub(super) const TOGETHER: usize = 64;
pub(super) const TOGETHER_BYTES: u64 = 1 << 20;
/// Records that are.
const RECORDS: usize = 256;
/// Objects that are announced. The system reads them at the same time, which disks without heads like.
const ANNOUNCED: usize = 16;

/// Objects of which only one at a time may be held: whoever may takes them first, and nobody waits for that while there is
/// anything else to do.
#[derive(Default)]
pub(super) struct Large(Mutex<VecDeque<Found>>);

impl Large {
    /// Objects that are kept back; what comes then waits in the order of the walk.
    const MOST: usize = 4_096;

    /// Keeps back an object that is one of these; gives others back.
    pub fn keep(&self, job: &Job, found: Found) -> Option<Found> {
        let bytes = bytes_of(&found.entry);
        // Where some objects are taken while all others wait, who waits must not hold what others wait for.
        if !job.recovery.suspects.is_empty() || found.settled.is_some() || bytes <= MIDDLE as u64 || bytes > job.max_body {
            return Some(found);
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= Self::MOST {
            return Some(found);
        }
        kept.push_back(found);
        None
    }

    /// One of them, where the worker may hold it. Whoever may not now can leave the others to the one who does.
    fn take(&self, worker: &mut Worker<'_>) -> Option<Found> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.is_empty() || !worker.may_hold_large() { None } else { kept.pop_front() }
    }
}

/// What a worker takes.
pub(super) struct Entries<'j> {
    job: &'j Job,
    walk: Receiver<Vec<Found>>,
    large: &'j Large,
    waiting: VecDeque<Found>,
    /// How many of those are announced.
    announced: usize,
}

impl<'j> Entries<'j> {
    pub fn new(job: &'j Job, walk: Receiver<Vec<Found>>, large: &'j Large) -> Self {
        Self { job, walk, large, waiting: VecDeque::new(), announced: 0 }
    }

    /// The next object that is there.
    pub fn next(&mut self, worker: &mut Worker<'_>) -> Option<Found> {
        if let Some(large) = self.large.take(worker) {
            return Some(large);
        }
        if self.waiting.is_empty() {
            self.waiting.extend(self.walk.try_recv().into_iter().flatten());
        }
        // What an earlier process may have died on is touched only when its turn has come.
        if self.job.brake.is_cold() && self.job.recovery.suspects.is_empty() {
            while self.waiting.len() < ANNOUNCED
                && let Ok(more) = self.walk.try_recv()
            {
                self.waiting.extend(more);
            }
            for found in self.waiting.iter().take(ANNOUNCED).skip(self.announced) {
                worker.announce(found);
            }
            self.announced = self.waiting.len().min(ANNOUNCED);
        }
        self.announced = self.announced.saturating_sub(1);
        self.waiting.pop_front()
    }

    /// Waits for more; false when the walk is over.
    pub fn wait(&mut self) -> bool {
        let more = self.walk.recv();
        let over = more.is_err();
        self.waiting.extend(more.into_iter().flatten());
        !over
    }
}

/// What a worker hands on.
pub(super) struct Done {
    collector: Sender<Vec<Batch>>,
    batches: Vec<Batch>,
    records: usize,
}

impl Done {
    pub fn new(collector: Sender<Vec<Batch>>) -> Self {
        Self { collector, batches: Vec::new(), records: 0 }
    }

    /// False when nobody takes it any more.
    pub fn add(&mut self, batch: Batch) -> bool {
        self.records += batch.len();
        self.batches.push(batch);
        (self.records < RECORDS && self.batches.len() < TOGETHER) || self.send()
    }

    /// Before what takes long, so that nothing waits for it. False when nobody takes it any more.
    pub fn before(&mut self, next: &Found) -> bool {
        bytes_of(&next.entry) < TOGETHER_BYTES || self.send()
    }

    /// Hands on what there is. False when nobody takes it any more.
    pub fn send(&mut self) -> bool {
        self.records = 0;
        self.batches.is_empty() || self.collector.send(std::mem::take(&mut self.batches)).is_ok()
    }
}
