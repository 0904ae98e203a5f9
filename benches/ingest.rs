//! What reading costs by itself: every file of a folder read once, with its digests, on so many threads.
//!
//! `cargo bench --bench ingest -- FOLDER [THREADS]` — wall seconds, and GB a second of each thread. The same with other programs:
//! `hashdeep -j 2 -c md5,sha1,sha256 -r FOLDER`.

use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use rayon::prelude::*;
use wardround::reader::{Hasher, Scratch, Want, drain};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut given = std::env::args().skip(1).filter(|a| !a.starts_with("--"));
    let Some(folder) = given.next().map(PathBuf::from) else {
        println!("give the path of a folder, and how many threads");
        return Ok(());
    };
    let threads = given.next().map_or(Ok(2), |n| n.parse())?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    for (name, want) in [("SHA-256", Want::default()), ("MD5, SHA-1, SHA-256", Want::ALL)] {
        let (bytes, failed) = (AtomicU64::new(0), AtomicU64::new(0));
        let began = Instant::now();
        let entries = walkdir::WalkDir::new(&folder).into_iter().flatten().filter(|entry| entry.file_type().is_file());
        let mut files: Vec<(u64, PathBuf)> =
            entries.map(|entry| (entry.metadata().map_or(0, |meta| meta.len()), entry.into_path())).collect();
        // As a scan does: the largest first, so that none of them is left over for one thread.
        files.sort_unstable_by_key(|(size, _)| std::cmp::Reverse(*size));
        let read = |scratch: &mut Scratch, (_, path): &(u64, PathBuf)| {
            let mut hasher = Hasher::new(want);
            let whole = File::open(path).and_then(|mut file| drain(&mut file, &mut hasher, scratch, &mut |_| {}, &|| false));
            match whole {
                Ok(n) => bytes.fetch_add(n, Ordering::Relaxed),
                Err(_) => failed.fetch_add(1, Ordering::Relaxed),
            };
            std::hint::black_box(hasher.finish());
        };
        pool.install(|| files.par_iter().with_max_len(16).for_each_init(Scratch::default, read));
        let (seconds, bytes) = (began.elapsed().as_secs_f64(), bytes.into_inner());
        println!(
            "{name}, with CRC-32 and counts of bytes: {} files, {} MB, {} not read: {seconds:.2} s, {:.2} GB/s a thread",
            files.len(),
            bytes / 1_000_000,
            failed.into_inner(),
            bytes as f64 / 1e9 / seconds / threads as f64
        );
    }
    Ok(())
}
