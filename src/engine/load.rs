//! What the machine is doing: processor time of this process and of all, free memory, free disk. `None` where the
//! system doesn't tell.

#[cfg(not(windows))]
use std::path::Path;

#[cfg(windows)]
pub use crate::sys::windows::{disk, free_memory};
#[cfg(windows)]
use crate::sys::windows::{machine_time as machine, own_time as own};

/// Processor time up to a moment, seconds over all processors.
#[derive(Clone, Copy, Debug, Default)]
pub struct Load {
    own: Option<f64>,
    busy: Option<f64>,
    all: Option<f64>,
}

impl Load {
    /// `others` asks for the whole machine, too.
    pub fn now(others: bool) -> Self {
        let (busy, all) = others.then(machine).flatten().unzip();
        Self { own: own(), busy, all }
    }

    /// Seconds that this process used since then.
    pub fn own_since(&self, before: &Self) -> Option<f64> {
        Some((self.own? - before.own?).max(0.0))
    }

    /// Share of the machine that other processes used since then, 0 to 1.
    pub fn others_since(&self, before: &Self) -> Option<f64> {
        let (busy, all) = (self.busy? - before.busy?, self.all? - before.all?);
        (all > 0.0).then_some(((busy - self.own_since(before)?) / all).clamp(0.0, 1.0))
    }
}

/// Number of processors.
pub fn processors() -> f64 {
    std::thread::available_parallelism().map_or(1.0, |n| n.get() as f64)
}

#[cfg(unix)]
fn own() -> Option<f64> {
    let t = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Some(t.tv_sec as f64 + t.tv_nsec as f64 / 1e9)
}

#[cfg(not(any(unix, windows)))]
fn own() -> Option<f64> {
    None
}

/// Busy and all time of all processors, from the first line of /proc/stat (proc(5)), in ticks of 10 ms.
#[cfg(not(windows))]
fn machine() -> Option<(f64, f64)> {
    let stat = std::fs::read_to_string("/proc/stat").ok()?;
    let ticks: Vec<f64> = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace().filter_map(|n| n.parse().ok()).collect();
    let all: f64 = ticks.iter().take(8).sum();
    let idle: f64 = ticks.iter().skip(3).take(2).sum();
    Some(((all - idle) / 100.0, all / 100.0))
}

/// Bytes that this process had the system read from disks (`read_bytes` of /proc/self/io, proc(5)).
#[cfg(target_os = "linux")]
pub fn from_disk() -> Option<u64> {
    let io = std::fs::read_to_string("/proc/self/io").ok()?;
    io.lines().find_map(|line| line.strip_prefix("read_bytes: "))?.parse().ok()
}

/// Elsewhere the system reads ahead as it likes.
#[cfg(not(target_os = "linux"))]
pub fn from_disk() -> Option<u64> {
    None
}

/// Bytes that a new program could have without swapping (`MemAvailable` of proc(5)).
#[cfg(not(windows))]
pub fn free_memory() -> Option<u64> {
    let info = std::fs::read_to_string("/proc/meminfo").ok()?;
    let kib: u64 = info.lines().find_map(|l| l.strip_prefix("MemAvailable:"))?.trim().trim_end_matches(" kB").parse().ok()?;
    kib.checked_mul(1024)
}

/// Bytes that this account may still write on the disk of a folder, and all that it has.
#[cfg(unix)]
pub fn disk(at: &Path) -> Option<(u64, u64)> {
    let fs = rustix::fs::statvfs(at).ok()?;
    Some((fs.f_bavail.checked_mul(fs.f_frsize)?, fs.f_blocks.checked_mul(fs.f_frsize)?))
}

#[cfg(not(any(unix, windows)))]
pub fn disk(_: &Path) -> Option<(u64, u64)> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn linux_tells_everything() {
        let before = Load::now(true);
        let begun = std::time::Instant::now();
        let mut n = 0_u64;
        while begun.elapsed().as_millis() < 150 {
            n = std::hint::black_box(n + 1);
        }
        let now = Load::now(true);
        assert!(now.own_since(&before).is_some_and(|s| s > 0.01), "{now:?} {before:?}");
        assert!(now.others_since(&before).is_some_and(|s| (0.0..=1.0).contains(&s)));
        assert!(free_memory().is_some_and(|n| n > 1 << 20));
        assert!(disk(Path::new("/")).is_some());
    }
}
