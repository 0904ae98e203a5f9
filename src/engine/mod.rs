//! Threads, journal and the order of work. Names no format: what is walked, opened, detected and joined comes
//! in as traits.
//!
//! ```text
//! walker ── Found ──> bounded channel ──> worker k: open, read once, analyze, expand ── Batch ──> collector
//! ```

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use borsh::{BorshDeserialize, BorshSerialize};

use crate::analyze::Analyzer;
use crate::container::{Budget, Expanded, Limits, MemberSink, Passwords, Probe, ReadSeek};
use crate::correlate::Correlator;
use crate::model::{Clue, Digests, Evidence, Gap, NameMark, Object, Sighting};
use crate::reader::Want;
use crate::source::{Found, Source};

mod ahead;
mod baseline;
mod care;
mod collect;
mod counters;
mod gate;
mod inflight;
mod journal;
mod load;
mod members;
mod recheck;
mod recovery;
mod state;
mod volumes;
mod walk;
mod worker;

pub use baseline::{Baseline, Draw, LoadError};
pub use care::{Brake, Care};
pub use collect::{CollectError, Collected, Collector};
pub use counters::{Counters, Phase};
pub use inflight::{InFlight, MAX_WORKERS, Slot, read as read_in_flight};
pub use journal::{Journal, JournalReader, Position, Span};
pub use recheck::{Asks, recheck};
pub use recovery::{HUNG, Recovery, Resumed};
pub use state::{Death, Frame, Start, StateLog, StateReader, Step, ends_sealed, key_of};

use ahead::{Done, Entries, Large};
use care::{LOOK, Steward};
use gate::Gate;
use walk::ToWorkers;
use worker::Worker;

/// Hand-overs that the walk may be ahead of the workers, and these of the collector.
const AHEAD: usize = 512;
const BATCHES: usize = 64;
/// A worker's stack: parsers of hostile input recurse.
const STACK: usize = 16 << 20;

/// Detects a container by its bytes and hands its members to the sink; `None` where it is none.
pub type OpenContainer = fn(&Probe<'_>, &mut dyn ReadSeek, &mut Budget, &mut dyn MemberSink) -> Option<Expanded>;

/// Decides by an object's digests alone.
pub type KnownGood = Box<dyn Fn(&Digests) -> bool + Send + Sync>;

/// What a run works with. Immutable while it runs.
pub struct Job {
    pub sources: Vec<Box<dyn Source>>,
    pub analyzers: Vec<Box<dyn Analyzer>>,
    /// Opens an object if it is a container.
    pub open: OpenContainer,
    /// Names the format of a container without opening it.
    pub detect: fn(&Probe<'_>) -> Option<&'static str>,
    pub limits: Limits,
    /// Tried on encrypted members.
    pub passwords: Passwords,
    /// Whether an object with these digests is a known-good file, which rules may pass over.
    pub known_good: Option<KnownGood>,
    /// Digests that indicators or rules ask for.
    pub want: Want,
    /// Objects up to this many bytes are held whole.
    pub max_body: u64,
    pub threads: usize,
    pub counters: Arc<Counters>,
    /// What an earlier process of this scan has done, and what it died on.
    pub recovery: Recovery,
    /// What an earlier case proved of files that are unchanged.
    pub baseline: Option<Baseline>,
    /// Where it is noted who is on what.
    pub in_flight: Option<InFlight>,
    /// What may be taken from the machine.
    pub care: Care,
    pub brake: Brake,
    /// Threads go behind everybody else's at the disk, where each has to say so itself.
    pub yields: bool,
    /// Set from outside to stop at the next chance.
    pub stop: Arc<AtomicBool>,
}

/// What a worker hands to the collector.
#[derive(Debug, BorshSerialize, BorshDeserialize)]
pub enum Record {
    Object(Box<Object>),
    Evidence(Evidence),
    Gap(Gap),
    Sighting(Sighting),
    Mark(NameMark),
    Clue(Clue),
}

/// Everything about one outermost object.
pub type Batch = Vec<Record>;

impl Job {
    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn begin_thread(&self) {
        if self.yields {
            crate::sys::yield_disk();
        }
    }

    /// Lets a worker take an object, noting that it is on it. What an earlier process may have died on is taken
    /// while no other worker is on anything, so that the next death names it.
    fn supervised(&self, k: usize, found: Found, alone: &RwLock<()>, worker: &mut Worker<'_>) -> Batch {
        let Some(table) = &self.in_flight else { return worker.take(found) };
        if self.recovery.suspects.is_empty() {
            table.enter(k, &found.entry.locator, false);
            return worker.take(found);
        }
        let suspect = self.recovery.suspects.contains(&key_of(&found.entry.locator));
        let (_one, _many) = match suspect {
            true => (Some(alone.write().unwrap_or_else(PoisonError::into_inner)), None),
            false => (None, Some(alone.read().unwrap_or_else(PoisonError::into_inner))),
        };
        table.enter(k, &found.entry.locator, suspect);
        let batch = worker.take(found);
        table.leave(k);
        batch
    }
}

/// The threads of a job, for what is left to do after it.
#[derive(Default)]
pub struct Workers(Option<rayon::ThreadPool>);

impl Workers {
    /// One thread alone, for who may take no more of the machine.
    pub fn one() -> Self {
        Self(rayon::ThreadPoolBuilder::new().num_threads(1).stack_size(STACK).build().ok())
    }

    /// Runs something on one of them, which may share it among all; where none can be had, right here.
    pub fn run<T: Send>(&self, what: impl FnOnce() -> T + Send) -> T {
        match &self.0 {
            Some(pool) => pool.install(what),
            None => what(),
        }
    }
}

/// Runs the job to its end, or to the point where it is stopped. `collector` runs on the calling thread; a
/// journal that can't be written stops the run, and what was found up to then still comes back.
///
/// # Errors
/// When no threads can be had.
pub fn run(job: &Job, correlators: &mut [Box<dyn Correlator>], mut collector: Collector) -> Result<Collected, CollectError> {
    let (entries_in, entries) = crossbeam_channel::bounded::<Vec<Found>>(AHEAD);
    let (batches_in, batches) = crossbeam_channel::bounded::<Vec<Batch>>(BATCHES);
    let gate = Gate::default();
    let large = Large::default();
    let alone = RwLock::new(());
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(job.threads)
        .stack_size(STACK)
        .thread_name(|i| format!("worker-{i}"))
        .build()
        .map_err(|e| CollectError::Threads(e.to_string()))?;
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let large = &large;
        scope.spawn(move || {
            job.begin_thread();
            let mut sink = ToWorkers::new(job, entries_in, large);
            for source in &job.sources {
                source.walk(&mut sink);
            }
            sink.end();
            job.counters.walked.store(true, Ordering::Relaxed);
        });
        let gate = &gate;
        let pool = &pool;
        let (correlators, collector) = (&mut *correlators, &mut collector);
        let alone = &alone;
        scope.spawn(move || {
            pool.scope(|s| {
                for k in 0..job.threads {
                    let (entries, out) = (entries.clone(), batches_in.clone());
                    s.spawn(move |_| {
                        job.begin_thread();
                        let mut worker = Worker::new(job, gate, k);
                        let (mut entries, mut done) = (Entries::new(job, entries, large), Done::new(out));
                        loop {
                            let go_on = match entries.next(&mut worker) {
                                Some(found) => done.before(&found) && done.add(job.supervised(k, found, alone, &mut worker)),
                                None => done.send() && entries.wait(),
                            };
                            if !go_on {
                                break;
                            }
                        }
                    });
                }
                drop((entries, batches_in));
            });
        });
        let over = &over;
        let pulse = scope.spawn(move || {
            let mut steward = Steward::new(&job.care, &job.brake);
            while !over.load(Ordering::Relaxed) {
                if let Some(table) = &job.in_flight {
                    table.beat(job.counters.pulse().into_iter());
                }
                // What somebody stopped ends for that.
                if let Some(why) = steward.look().filter(|_| !job.stopped()) {
                    job.counters.end_for(why);
                    job.stop.store(true, Ordering::Relaxed);
                }
                std::thread::park_timeout(LOOK);
            }
        });
        for batch in batches.into_iter().flatten() {
            if !collector.take(batch, correlators, &job.counters) {
                job.stop.store(true, Ordering::Relaxed);
            }
        }
        over.store(true, Ordering::Relaxed);
        pulse.thread().unpark();
        // What follows takes its time, and nobody is on anything.
        if let Some(table) = &job.in_flight {
            (0..job.threads).for_each(|k| table.leave(k));
        }
    });
    job.counters.enter(Phase::Correlating);
    // What follows asks no brake, so that where a share of the processors is kept it takes one at most.
    let workers = if job.care.cpu.is_some() { Workers::one() } else { Workers(Some(pool)) };
    let collected = workers.run(|| collector.finish(correlators));
    Ok(Collected { workers, ..collected })
}
