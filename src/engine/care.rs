//! What a scan takes from the machine it runs on: rates are held, and it steps back or ends before others suffer.
//!
//! Workers ask between chunks whether they may go on; one thread looks at the clock and the machine and decides.
//! None of it changes what is found, only when, and whether the run is ended before it is done.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::load::{self, Load};
use crate::model::GapReason;

/// Between two looks.
pub const LOOK: Duration = Duration::from_millis(100);
/// How far a rate may be exceeded for a moment: this much of a second's worth.
const BURST: f64 = 0.25;
/// Share of the machine that others use from which on it counts as busy, and below which it doesn't any more.
const BUSY: [f64; 2] = [0.75, 0.5];
/// It steps back for at most this long in a row, and works for at least that long in between, so that a machine that
/// is always busy is scanned all the same.
const BACK_FOR: Duration = Duration::from_secs(300);
const WORK_FOR: Duration = Duration::from_secs(60);
/// Bytes left free on the case folder's disk, and at most a fiftieth of it.
const FREE_DISK: u64 = 32 << 20;
/// Bytes from the disk between two looks from which on content counts as not being in memory.
const COLD: u64 = 256 << 10;
/// Memory has to be short for this long before the scan is ended.
const SHORT_FOR: Duration = Duration::from_secs(30);

/// What may be taken.
#[derive(Clone, Debug, Default)]
pub struct Care {
    /// Time after which the scan ends with what it has.
    pub deadline: Option<Duration>,
    /// Share of all processors, 0 to 1.
    pub cpu: Option<f64>,
    /// Bytes a second read from files.
    pub io: Option<f64>,
    /// Bytes of memory that others can still have.
    pub free_memory: u64,
    /// Bytes free on the case folder's disk, and where that is; `None` is [`FREE_DISK`], or less on a small disk.
    pub free_disk: Option<u64>,
    pub case: PathBuf,
    /// Steps back while others use most of the machine.
    pub gentle: bool,
}

/// Shared between the workers and the thread that looks.
#[derive(Debug, Default)]
pub struct Brake {
    held: AtomicBool,
    read: AtomicU64,
    /// What is read comes from the disk.
    cold: AtomicBool,
}

impl Brake {
    /// Whether what is read comes from the disk, and not from the system's memory.
    pub fn is_cold(&self) -> bool {
        self.cold.load(Ordering::Relaxed)
    }

    /// A worker is about to read so many bytes of a file. Waits while it has to; `waiting` is called meanwhile and
    /// says whether the wait is to end.
    pub fn pass(&self, bytes: u64, waiting: &dyn Fn() -> bool) {
        self.read.fetch_add(bytes, Ordering::Relaxed);
        while self.held.load(Ordering::Relaxed) && !waiting() {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// The thread's own memory.
pub struct Steward<'a> {
    care: &'a Care,
    brake: &'a Brake,
    begun: Instant,
    last: Instant,
    load: Load,
    /// Seconds of processor time and bytes taken beyond what the rates allow.
    cpu_debt: f64,
    io_debt: f64,
    read: u64,
    /// Bytes that came from the disk.
    stored: Option<u64>,
    /// Since when memory is short, and since when it steps back or works again.
    short: Option<Instant>,
    back: Option<Instant>,
    worked: Instant,
}

impl<'a> Steward<'a> {
    pub fn new(care: &'a Care, brake: &'a Brake) -> Self {
        let now = Instant::now();
        Self {
            care,
            brake,
            begun: now,
            last: now,
            load: Load::default(),
            cpu_debt: 0.0,
            io_debt: 0.0,
            read: 0,
            stored: None,
            short: None,
            back: None,
            worked: now,
        }
    }

    /// Looks once; gives why the scan has to end, where it has.
    pub fn look(&mut self) -> Option<GapReason> {
        let now = Instant::now();
        let dt = now.duration_since(self.last).as_secs_f64();
        self.last = now;
        let load = Load::now(self.care.gentle);
        let over = self.rates(dt, &load) | self.short(now) | self.busy(now, &load);
        self.load = load;
        self.brake.held.store(over, Ordering::Relaxed);
        let stored = load::from_disk();
        let fresh = stored.zip(self.stored).map_or(0, |(now, before)| now.saturating_sub(before));
        // What has to be held is not read ahead.
        self.brake.cold.store(fresh >= COLD && self.care.io.is_none(), Ordering::Relaxed);
        self.stored = stored;
        if self.care.deadline.is_some_and(|d| now.duration_since(self.begun) >= d) {
            return Some(GapReason::Deadline);
        }
        if self.short.is_some_and(|since| now.duration_since(since) >= SHORT_FOR) {
            return Some(GapReason::LowMemory);
        }
        let (free, all) = load::disk(&self.care.case)?;
        let floor = self.care.free_disk.unwrap_or(FREE_DISK.min(all / 50));
        (free < floor).then_some(GapReason::LowDisk)
    }

    fn rates(&mut self, dt: f64, load: &Load) -> bool {
        let read = self.brake.read.load(Ordering::Relaxed);
        if let Some(rate) = self.care.io {
            self.io_debt = owed(self.io_debt, (read - self.read) as f64, rate, dt);
        }
        self.read = read;
        if let (Some(share), Some(used)) = (self.care.cpu, load.own_since(&self.load)) {
            self.cpu_debt = owed(self.cpu_debt, used, share * load::processors(), dt);
        }
        self.io_debt > 0.0 || self.cpu_debt > 0.0
    }

    fn short(&mut self, now: Instant) -> bool {
        let short = load::free_memory().is_some_and(|free| free < self.care.free_memory);
        self.short = short.then(|| self.short.unwrap_or(now));
        short
    }

    fn busy(&mut self, now: Instant, load: &Load) -> bool {
        let Some(others) = self.care.gentle.then(|| load.others_since(&self.load)).flatten() else { return false };
        match self.back {
            Some(since) if others < BUSY[1] || now.duration_since(since) >= BACK_FOR => {
                (self.back, self.worked) = (None, now);
            }
            None if others >= BUSY[0] && now.duration_since(self.worked) >= WORK_FOR => self.back = Some(now),
            _ => {}
        }
        self.back.is_some()
    }
}

/// What is owed after `dt` seconds in which `taken` was taken where `rate` a second is allowed.
fn owed(before: f64, taken: f64, rate: f64, dt: f64) -> f64 {
    (before + taken - rate * dt).max(-rate * BURST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_held_on_average() {
        // A worker that takes 50 whenever it may, looked at every tenth of a second, with 100 a second allowed.
        let (mut debt, mut taken) = (0.0, 0.0);
        for _ in 0..1000 {
            let now = if debt > 0.0 { 0.0 } else { 50.0 };
            taken += now;
            debt = owed(debt, now, 100.0, 0.1);
        }
        assert!((9_900.0..10_200.0).contains(&taken), "{taken}");
    }

    #[test]
    fn the_deadline_ends_it_and_floors_do() {
        let brake = Brake::default();
        let mut care = Care { deadline: Some(Duration::ZERO), case: std::env::temp_dir(), ..Care::default() };
        assert_eq!(Steward::new(&care, &brake).look(), Some(GapReason::Deadline));
        care.deadline = None;
        assert_eq!(Steward::new(&care, &brake).look(), None);
        care.free_disk = Some(u64::MAX);
        let low = Steward::new(&care, &brake).look();
        assert!(low == Some(GapReason::LowDisk) || load::disk(&care.case).is_none());
        (care.free_disk, care.free_memory) = (None, u64::MAX);
        let mut steward = Steward::new(&care, &brake);
        assert_eq!(steward.look(), None, "it waits first");
        assert!(brake.held.load(Ordering::Relaxed) || load::free_memory().is_none());
    }
}
