//! The progress display on standard error; silent when that is no terminal.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::engine::{Counters, Phase};
use crate::model::text::{shorten, thousands};
use crate::phi::mask_path;

const REDRAW: Duration = Duration::from_millis(100);

/// What the first Ctrl-C is answered with.
pub const STOPPING: &str =
    "wardround: stopping; the report will say what was not examined (Ctrl-C again ends at once, without a report)";

/// Whether a display is drawn.
pub fn is_drawn(quiet: bool) -> bool {
    !quiet && std::io::stderr().is_terminal()
}

/// A running display; ends when dropped.
pub struct Progress {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    /// Starts drawing, unless nobody is looking. `interrupted` is set by the first Ctrl-C.
    pub fn start(counters: Arc<Counters>, interrupted: Arc<AtomicBool>, quiet: bool) -> Option<Self> {
        if !is_drawn(quiet) {
            return None;
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
        let style =
            ProgressStyle::with_template("{spinner} {prefix}\n  {wide_msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
        bar.set_style(style);
        let stop = Arc::new(AtomicBool::new(false));
        let ended = stop.clone();
        let thread = std::thread::spawn(move || {
            let started = Instant::now();
            let mut told = false;
            while !ended.load(Ordering::Relaxed) {
                bar.set_prefix(figures(&counters, started.elapsed()));
                let current = counters.current();
                bar.set_message(current.first().map_or_else(String::new, |l| shorten(&mask_path(&l.shown()), 100)));
                if interrupted.load(Ordering::Relaxed) && !std::mem::replace(&mut told, true) {
                    bar.println(STOPPING);
                }
                bar.tick();
                std::thread::sleep(REDRAW);
            }
            bar.finish_and_clear();
        });
        Some(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Figures, and what each worker is on; names of patients are masked.
pub fn now(counters: &Counters) -> String {
    let mut text = figures(counters, counters.elapsed());
    for locator in counters.current() {
        text.push_str(&format!("\n  {}", shorten(&mask_path(&locator.shown()), 200)));
    }
    text
}

/// Phase, objects, bytes, rate, findings, elapsed, and once the walk is done an estimate.
fn figures(c: &Counters, elapsed: Duration) -> String {
    let get = |n: &std::sync::atomic::AtomicU64| n.load(Ordering::Relaxed);
    let (done, all, bytes, all_bytes) = (get(&c.done), get(&c.discovered), get(&c.bytes_done), get(&c.bytes_discovered));
    let phase = match c.phase() {
        Phase::Scanning => "scanning",
        Phase::Correlating => "joining facts",
        Phase::Writing => "writing the report",
    };
    let rate = (bytes as f64 / elapsed.as_secs_f64().max(0.001)) as u64;
    let mut line = format!(
        "{phase} · {} of {}{} objects · {} · {}/s · {} with evidence · {}",
        thousands(done),
        thousands(all),
        if c.walked.load(Ordering::Relaxed) { "" } else { "+" },
        HumanBytes(bytes),
        HumanBytes(rate),
        thousands(get(&c.findings)),
        HumanDuration(elapsed),
    );
    if c.walked.load(Ordering::Relaxed) && rate > 0 && all_bytes > bytes {
        let left = Duration::from_secs((all_bytes - bytes) / rate);
        line.push_str(&format!(" · about {} left", HumanDuration(left)));
    }
    line
}
