//! Programs, shortcuts and zips with a few bytes changed, through a whole scan with all rules: no crash, every one accounted
//! for. WARDROUND_MUTANTS=50000 for the full figure.

use std::time::Instant;

use super::executables::{linux_program, mac_program, shortcut, windows_program};
use super::make::zip::{deflated, stored, zip};
use super::{figure, filesystem};
use crate::support::Scene;

/// The same numbers every time (xorshift64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides.max(1) as u64) as usize
    }
}

/// Numbers at which counts and sizes break.
const EDGES: [u32; 10] = [0, 1, 2, 0x7f, 0xff, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, u32::MAX];

/// One to eight changes, most of them among the headers.
fn mutant(base: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = base.to_vec();
    for _ in 0..=dice.roll(7) {
        if bytes.len() < 8 {
            break;
        }
        let reach = if dice.roll(4) == 0 { bytes.len() } else { bytes.len().min(0x400) };
        let at = dice.roll(reach);
        let length = (1 + dice.roll(16)).min(bytes.len() - at);
        let edge = EDGES[dice.roll(EDGES.len())];
        match dice.roll(8) {
            0 => bytes[at] ^= 1 << dice.roll(8),
            1 => bytes[at] = dice.roll(256) as u8,
            2 => bytes[at..at + length].fill(0xff),
            3 => bytes[at..at + length].fill(0),
            4 => bytes[at..].iter_mut().zip(edge.to_le_bytes()).for_each(|(b, new)| *b = new),
            5 => bytes[at..].iter_mut().zip(edge.to_be_bytes()).for_each(|(b, new)| *b = new),
            6 => bytes.truncate(at + length),
            _ => {
                let copy = bytes[at..at + length].to_vec();
                let to = dice.roll(bytes.len());
                bytes.splice(to..to, copy);
            }
        }
    }
    bytes
}

#[test]
fn mutants_are_all_accounted_for() {
    let archive =
        zip(&[stored("a.txt", b"first"), deflated("b/c.txt", &b"second ".repeat(50)), stored("inner.exe", &windows_program())]);
    let bases = [windows_program(), linux_program(), mac_program(), shortcut(), archive];
    let scene = Scene::new();
    let mut dice = Dice(88_172_645_463_325_252);
    let mutants = figure("WARDROUND_MUTANTS", 2_000);
    let mut changed = 0;
    for n in 0..mutants {
        let base = &bases[n % bases.len()];
        let bytes = mutant(base, &mut dice);
        changed += usize::from(bytes != *base);
        scene.file(&format!("{}/{n}.bin", n / 1000), bytes);
    }
    assert!(changed * 10 > mutants * 9, "{changed} of {mutants} differ from what they were made of");
    let clock = Instant::now();
    let case = scene.scan(&["--object-deadline", "0.5"]);
    let took = clock.elapsed();
    case.assert_adds_up();
    assert!((0..=3).contains(&case.exit()), "{}", case.stderr());
    let files = case.inventory().iter().filter(|row| row["kind"] == "file").count();
    assert_eq!(files, mutants);
    let reasons = &case.report["coverage"]["by_reason"];
    println!("{mutants} mutants in {took:.1?}: {} {reasons}", case.report["coverage"]);
    for never in ["crashed", "hung", "parser_failed", "limit_time"] {
        assert!(reasons[never].is_null(), "{never}: {}", gaps_of(&case.report, never));
    }
    assert_eq!(case.report["run"]["deaths"].as_array().map_or(0, Vec::len), 0);
    filesystem::clear(&scene.target());
}

/// The first gaps for a reason, to find the inputs by.
fn gaps_of(report: &serde_json::Value, reason: &str) -> String {
    let gaps = report["gaps"].as_array().into_iter().flatten().filter(|gap| gap["reason"] == reason);
    gaps.take(5).map(|gap| format!("{} {}; ", gap["path"], gap["detail"])).collect()
}
