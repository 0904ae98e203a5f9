//! Synthetic hash lists, and the questions to a set compiled from them. `tests/tools/hashset.sh` runs it.
//!
//! ```text
//! cargo bench --bench hashset -- generate N FILE     N lines of SHA-256, those of the numbers 0 to N - 1, in no order
//! cargo bench --bench hashset -- ask N FILE          opens the compiled set of these; figures on standard output
//! ```
//!
//! `ask` compares a million answers with a `HashSet` of the same million digests, half of them of numbers that
//! are not in the list, and times hits and misses.

use std::collections::HashSet;
use std::hint::black_box;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use sha2::{Digest as _, Sha256};
use wardround::hashset::{Digest, DigestSet};

const PROBES: u64 = 1_000_000;

fn digest(n: u64) -> [u8; 32] {
    Sha256::digest(n.to_le_bytes()).into()
}

/// A fixed sequence that visits numbers below `n` in no order.
fn scattered(i: u64, n: u64) -> u64 {
    i.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31).wrapping_mul(0xbf58_476d_1ce4_e5b9) % n
}

fn generate(n: u64, path: &Path) -> std::io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, std::fs::File::create(path)?);
    let mut line = [b'\n'; 65];
    for i in 0..n {
        for (pair, byte) in line.as_chunks_mut::<2>().0.iter_mut().zip(digest(i)) {
            *pair = [byte >> 4, byte & 15].map(|d| b"0123456789abcdef"[usize::from(d)]);
        }
        out.write_all(&line)?;
    }
    out.flush()
}

fn ask(n: u64, path: &Path) {
    let start = Instant::now();
    let set = DigestSet::open(path).expect("a compiled set");
    println!("open: {:.1} ms", start.elapsed().as_secs_f64() * 1e3);

    let probes: Vec<[u8; 32]> =
        (0..PROBES).map(|i| if i % 2 == 0 { digest(scattered(i, n)) } else { digest(n + scattered(i, u64::MAX - n)) }).collect();
    // Naive: every digest of the list that is among the probes, found by going through all of them.
    let asked: HashSet<[u8; 32]> = probes.iter().copied().collect();
    let listed: HashSet<[u8; 32]> = (0..n).map(digest).filter(|d| asked.contains(d)).collect();
    let wrong = probes.iter().filter(|d| set.contains(&Digest::Sha256(**d)) != listed.contains(*d)).count();
    let hits = probes.iter().filter(|d| listed.contains(*d)).count();
    println!("answers: {PROBES} probes, {hits} hits, {wrong} differ from a naive set");

    for (what, first) in [("hits", 0), ("misses", 1)] {
        let probes: Vec<Digest> = probes.iter().skip(first).step_by(2).copied().map(Digest::Sha256).collect();
        let start = Instant::now();
        let found = probes.iter().filter(|d| set.contains(black_box(d))).count();
        let each = start.elapsed().as_secs_f64() / probes.len() as f64;
        println!("{what}: {:.0} lookups a second, {:.0} ns each ({found} found)", 1.0 / each, each * 1e9);
    }
    let block = vec![7u8; 4096];
    let start = Instant::now();
    (0..100_000).for_each(|_| _ = black_box(Sha256::digest(black_box(&block))));
    println!("SHA-256 of 4 KiB: {:.0} ns", start.elapsed().as_secs_f64() / 1e5 * 1e9);
    let start = Instant::now();
    set.verify().expect("a sound set");
    println!("verify: {:.1} s", start.elapsed().as_secs_f64());
    assert_eq!(wrong, 0);
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let [what, n, path] = args.as_slice() else {
        return eprintln!("usage: cargo bench --bench hashset -- generate|ask N FILE; tests/tools/hashset.sh runs all of it");
    };
    let n: u64 = n.parse().expect("a number");
    match what.as_str() {
        "generate" => generate(n, Path::new(path)).expect("the list is written"),
        "ask" => ask(n, Path::new(path)),
        other => panic!("unknown: {other}"),
    }
}
