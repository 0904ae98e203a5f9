//! wardround with one more analyzer, which dies as the content of a file tells it: for tests of the supervisor.
//! A file that begins with `FAULT abort` (or stack, memory, segv, bus, loop) is one that a parser dies on;
//! `FAULT once abort PATH` does so only while PATH doesn't exist, and makes it first. With FAULT_ALWAYS in the
//! environment every process dies before it is on anything. Marks and environment need `--unconfined`.
#![forbid(unsafe_code)]

use wardround::analyze::{Analyzer, Examine, Findings, Head, Whole};

struct Faulty;

impl Analyzer for Faulty {
    fn id(&self) -> &'static str {
        "faulty"
    }

    fn worker(&self) -> Box<dyn Examine + '_> {
        if std::env::var_os("FAULT_ALWAYS").is_some() {
            die("abort");
        }
        Box::new(Worker)
    }
}

struct Worker;

impl Examine for Worker {
    fn begin(&mut self, head: &Head<'_>) {
        let Some(rest) = head.bytes.strip_prefix(b"FAULT ") else { return };
        let text = String::from_utf8_lossy(rest);
        let mut words = text.split_whitespace();
        match words.next() {
            Some("once") => {
                let how = words.next().unwrap_or_default().to_owned();
                if words.next().is_some_and(|mark| std::fs::File::create_new(mark).is_ok()) {
                    die(&how);
                }
            }
            Some(how) => die(how),
            None => {}
        }
    }

    fn finish(&mut self, _: &Whole<'_>, _: &mut Findings) {}
}

fn die(how: &str) {
    match how {
        "abort" => std::process::abort(),
        "stack" => {
            std::hint::black_box(deeper(1));
        }
        "memory" => std::alloc::handle_alloc_error(std::alloc::Layout::new::<[u8; 1 << 30]>()),
        "segv" => raise("SEGV"),
        "bus" => raise("BUS"),
        "loop" => loop {
            std::hint::spin_loop();
        },
        _ => {}
    }
}

#[allow(unconditional_recursion, reason = "it is to overflow the stack")]
fn deeper(n: u64) -> u64 {
    let room = std::hint::black_box([n; 64]);
    deeper(n + 1) + room[7]
}

/// A real signal, to this process. The first is taken by the handler that tells stack overflows, which then steps aside.
#[cfg(unix)]
fn raise(signal: &str) {
    use rustix::process::{Signal, getpid, kill_process};
    let signal = if signal == "BUS" { Signal::BUS } else { Signal::SEGV };
    for _ in 0..3 {
        let _ = kill_process(getpid(), signal);
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[cfg(not(unix))]
fn raise(_: &str) {
    std::process::abort();
}

fn main() -> wardround::cli::Exit {
    wardround::cli::run_with(|| vec![Box::new(Faulty)])
}
