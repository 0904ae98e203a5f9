//! What a running scan tells the outside: counters and who is on what. Display is the caller's.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::model::{GapReason, Locator};

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
    begun: OnceLock<Instant>,
    phase: AtomicU8,
    /// Why the run was ended, where nobody asked for it.
    why: OnceLock<GapReason>,
    slots: Vec<Mutex<Option<Locator>>>,
    /// Steps of any kind that each worker has made.
    steps: Vec<AtomicU64>,
}

impl Counters {
    /// One slot a worker, and behind them one for the walk.
    pub fn new(workers: usize) -> Self {
        Self {
            slots: (0..=workers).map(|_| Mutex::new(None)).collect(),
            steps: (0..=workers).map(|_| AtomicU64::new(0)).collect(),
            begun: Instant::now().into(),
            ..Self::default()
        }
    }

    /// Since the counters were made.
    pub fn elapsed(&self) -> Duration {
        self.begun.get().map_or(Duration::ZERO, Instant::elapsed)
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

    /// The run ends for this; the first reason counts.
    pub fn end_for(&self, why: GapReason) {
        let _ = self.why.set(why);
    }

    /// Why the run was ended, where nobody asked for it.
    pub fn ended_for(&self) -> Option<GapReason> {
        self.why.get().copied()
    }

    /// Worker `k` got further.
    pub fn step(&self, k: usize) {
        if let Some(steps) = self.steps.get(k) {
            steps.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A number for each worker that grows while it gets further, or has nothing to do.
    pub fn pulse(&self) -> Vec<u64> {
        for (k, slot) in self.slots.iter().enumerate() {
            if slot.lock().unwrap_or_else(PoisonError::into_inner).is_none() {
                self.step(k);
            }
        }
        self.steps.iter().map(|n| n.load(Ordering::Relaxed)).collect()
    }

    /// What the workers are on now, in the order of their numbers.
    pub fn current(&self) -> Vec<Locator> {
        self.slots.iter().filter_map(|s| s.lock().unwrap_or_else(PoisonError::into_inner).clone()).collect()
    }
}
