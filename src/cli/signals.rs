//! What reaches a process from outside while it runs, in the process that scans and in the one that watches it.

use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::exit::Exit;
use super::progress;
use crate::engine::Counters;

/// Signals within this time are one press of Ctrl-C.
const ONE_PRESS: Duration = Duration::from_millis(400);

/// The first Ctrl-C (or SIGTERM) ends the scan with a valid report, the second at once. Where a progress
/// display is drawn, the display says so.
pub fn stop_on_signal(stop: &Arc<AtomicBool>, quiet: bool) {
    let stop = stop.clone();
    #[cfg(windows)]
    let at_close = stop.clone();
    let first = OnceLock::new();
    let set = ctrlc::set_handler(move || {
        // The terminal tells every process of the group, and the supervisor passes on what it is told: the same signal.
        let again = first.get_or_init(Instant::now).elapsed() > ONE_PRESS;
        if stop.swap(true, Ordering::Relaxed) {
            if again {
                process::exit(Exit::Killed as i32);
            }
            return;
        }
        if !progress::is_drawn(quiet) {
            eprintln!("{}", progress::STOPPING);
        }
    });
    #[cfg(windows)]
    crate::sys::windows::stop_when_closed(at_close);
    if set.is_err() {
        eprintln!("wardround: Ctrl-C can't be caught here; it will end the scan without a report");
    }
}

/// SIGUSR1, or Ctrl-\ in a terminal, is answered with what each worker is on.
#[cfg(unix)]
pub fn tell_on_signal(counters: &Arc<Counters>) {
    use signal_hook::consts::{SIGQUIT, SIGUSR1};
    let Ok(mut signals) = signal_hook::iterator::Signals::new([SIGUSR1, SIGQUIT]) else { return };
    let counters = counters.clone();
    std::thread::spawn(move || {
        for _ in &mut signals {
            eprintln!("wardround: {}", progress::now(&counters));
        }
    });
}

/// Ctrl-Break is answered with what each worker is on.
#[cfg(windows)]
pub fn tell_on_signal(counters: &Arc<Counters>) {
    const LOOK: Duration = Duration::from_millis(250);
    let counters = counters.clone();
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(LOOK);
            if crate::sys::windows::was_asked() {
                eprintln!("wardround: {}", progress::now(&counters));
            }
        }
    });
}

#[cfg(not(any(unix, windows)))]
pub fn tell_on_signal(_: &Arc<Counters>) {}

/// Set when this process is asked to end. The scan process ends the scan; the supervisor only passes on what reached it
/// alone.
pub fn asked_to_stop() -> Arc<AtomicBool> {
    static STOP: OnceLock<Arc<AtomicBool>> = OnceLock::new();
    let stop = STOP.get_or_init(|| {
        let stop = Arc::new(AtomicBool::new(false));
        let asked = stop.clone();
        let _ = ctrlc::set_handler(move || asked.store(true, Ordering::Relaxed));
        #[cfg(windows)]
        crate::sys::windows::stop_when_closed(stop.clone());
        stop
    });
    stop.clone()
}

/// Ctrl-\ reaches the scan process by itself and must not end this one; SIGUSR1 is for it, whoever of us it was sent to.
#[cfg(unix)]
pub fn pass_on_questions() -> Arc<AtomicBool> {
    let asked = Arc::new(AtomicBool::new(false));
    let ignored = Arc::new(AtomicBool::new(false));
    let _ = signal_hook::flag::register(signal_hook::consts::SIGQUIT, ignored);
    let _ = signal_hook::flag::register(signal_hook::consts::SIGUSR1, asked.clone());
    asked
}

#[cfg(not(unix))]
pub fn pass_on_questions() -> Arc<AtomicBool> {
    Arc::new(AtomicBool::new(false))
}
