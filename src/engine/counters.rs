//! What a running scan tells the outside: counters and who is on what. Display is the caller's.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::model::Locator;

/// The part of the work a run is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    Scanning = 0,
    Correlating = 1,
    Writing = 2,
}

/// Shared by all threads of a run.
#[derive(Default)]
pub struct Counters {
    pub discovered: AtomicU64,
    pub done: AtomicU64,
    /// Bytes of files announced by the walk, and of those done.
    pub bytes_discovered: AtomicU64,
    pub bytes_done: AtomicU64,
    /// Objects with evidence that could become a finding above info.
    pub findings: AtomicU64,
    pub walked: AtomicBool,
    phase: AtomicU8,
    slots: Vec<Mutex<Option<Locator>>>,
}

impl Counters {
    /// One slot a worker.
    pub fn new(workers: usize) -> Self {
        Self { slots: (0..workers).map(|_| Mutex::new(None)).collect(), ..Self::default() }
    }

    pub fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Relaxed) {
            0 => Phase::Scanning,
            1 => Phase::Correlating,
            _ => Phase::Writing,
        }
    }

    pub fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    /// What worker `k` is on.
    pub fn set_current(&self, k: usize, locator: Option<&Locator>) {
        if let Some(slot) = self.slots.get(k) {
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = locator.cloned();
        }
    }

    /// What the workers are on now, in the order of their numbers.
    pub fn current(&self) -> Vec<Locator> {
        self.slots.iter().filter_map(|s| s.lock().unwrap_or_else(PoisonError::into_inner).clone()).collect()
    }
}
