//! What the gate in front of the rules saves: every file of a folder through one scanner, with it and without it.
//!
//! `cargo bench --bench gate -- RULES FOLDER...` — processor seconds of one thread, and what came out must be the same.

use std::path::PathBuf;
use std::time::Instant;

use wardround::signature::{RuleScanner, RuleSet, ScanVars};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut paths = std::env::args().skip(1).filter(|a| !a.starts_with("--")).map(PathBuf::from);
    let Some(rules) = paths.next() else {
        println!("give the path of a folder of rules, and folders to scan");
        return Ok(());
    };
    let began = Instant::now();
    let (gated, _) = RuleSet::load(std::slice::from_ref(&rules), false, None)?;
    println!("{} rules, compiled in {:.2} s, gated: {}", gated.len(), began.elapsed().as_secs_f64(), gated.is_gated());
    let plain = RuleSet::load(std::slice::from_ref(&rules), false, None)?.0.without_gate();
    for folder in paths {
        let mut files: Vec<Vec<u8>> = Vec::new();
        for entry in walkdir::WalkDir::new(&folder).into_iter().flatten().filter(|e| e.file_type().is_file()) {
            files.extend(std::fs::read(entry.path()));
        }
        println!("{}: {} files, {} MiB", folder.display(), files.len(), files.iter().map(Vec::len).sum::<usize>() >> 20);
        for (below, above) in [(8 << 10, 0), (64 << 10, 8 << 10), (1 << 20, 64 << 10), (usize::MAX, 1 << 20)] {
            let of_size: Vec<&Vec<u8>> = files.iter().filter(|f| f.len() < below && f.len() >= above).collect();
            let mut verdicts = Vec::new();
            let mut times = Vec::new();
            for set in [&plain, &gated, &gated] {
                let mut scanner = RuleScanner::new(set);
                let began = Instant::now();
                let all: Vec<_> = of_size.iter().map(|data| scanner.scan_whole(&ScanVars::default(), data)).collect();
                times.push(began.elapsed().as_secs_f64());
                verdicts.push(all.into_iter().map(|v| v.map(|o| o.matches)).collect::<Vec<_>>());
            }
            let differ = verdicts[0].iter().zip(&verdicts[1]).filter(|(a, b)| a != b).count();
            println!(
                "  from {:>8} bytes: {:>6} files  without {:.2} s  with {:.2} s  again {:.2} s  ratio {:.2}  different {differ}",
                above,
                of_size.len(),
                times[0],
                times[1],
                times[2],
                times[2] / times[0]
            );
            assert_eq!(differ, 0);
        }
    }
    Ok(())
}
