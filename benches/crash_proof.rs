//! What it costs on the happy path that any death is survivable: the same scan with and without the private log and
//! the table of what is in flight, in processor time of this process.
//!
//! `cargo bench --bench crash_proof [FOLDER]`; without one, 20,000 small files and 200 larger ones are made.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use wardround::container::Limits;
use wardround::engine::{self, Collector, Frame, StateLog};
use wardround::plan::{Options, Plan};
use wardround::report::{CaseFolder, Masker, STATE};

const ROUNDS: usize = 7;

fn main() {
    let home = tempfile::tempdir().expect("a folder");
    let target = match std::env::args().skip(1).find(|a| !a.starts_with('-')) {
        Some(folder) => PathBuf::from(folder),
        None => tree(&home.path().join("tree")),
    };
    let mut costs = [Vec::new(), Vec::new()];
    for round in 0..ROUNDS {
        for (proof, costs) in costs.iter_mut().enumerate() {
            let case = home.path().join(format!("case-{round}-{proof}"));
            costs.push(scan(&target, &case, proof == 1));
            std::fs::remove_dir_all(&case).expect("a case folder");
        }
    }
    let [plain, proof] = costs.map(|mut c| {
        c.sort_by(f64::total_cmp);
        c[ROUNDS / 2]
    });
    println!(
        "without {plain:.3} s, with {proof:.3} s of processor time (medians of {ROUNDS}): {:+.2} %",
        (proof / plain - 1.0) * 100.0
    );
}

fn tree(root: &Path) -> PathBuf {
    for i in 0..20_200_u64 {
        let folder = root.join(format!("{}", i % 97));
        std::fs::create_dir_all(&folder).expect("a folder");
        let words = if i < 200 { 100_000 } else { 20 + i % 300 };
        let text: String = (0..words).map(|n| format!("{:x} ", (n + i).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40)).collect();
        std::fs::write(folder.join(format!("{i}.txt")), text).expect("a file");
    }
    root.to_owned()
}

/// Processor seconds of one scan.
fn scan(target: &Path, case: &Path, proof: bool) -> f64 {
    let options = Options {
        targets: vec![target.to_owned()],
        case: Some(case.to_owned()),
        max_body: 256 << 20,
        limits: Limits::default(),
        all_digests: true,
        ..Options::default()
    };
    let mut plan = Plan::new(&options, Arc::new(AtomicBool::new(false))).expect("a plan");
    let folder = CaseFolder::create(case).expect("a case folder");
    let before = used();
    let collector = if proof {
        StateLog::new(folder.open_file(STATE).expect("a log")).append(&Frame::Sealed).expect("a frame");
        let (collector, _) =
            Collector::resume(folder, Masker::OFF, ("", ""), None, None, &mut plan.correlators, &plan.job.counters).expect("it");
        plan.job.in_flight = Some(collector.in_flight(plan.job.threads).expect("a table"));
        collector
    } else {
        Collector::new(folder, Masker::OFF).expect("a journal")
    };
    let collected = engine::run(&plan.job, &mut plan.correlators, collector).expect("a run");
    assert!(collected.failed.is_none());
    used() - before
}

#[cfg(unix)]
fn used() -> f64 {
    let t = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    t.tv_sec as f64 + t.tv_nsec as f64 / 1e9
}

#[cfg(not(unix))]
fn used() -> f64 {
    0.0
}
