//! How near the counts of people come to the truth, on generated sets with repeated records, families, merged numbers
//! and two systems that number the same people.
//!
//! `cargo bench --bench counting -- [SETS PEOPLE KEEP]`: without arguments three sets of 1 to 3 million people, and a
//! hundred small ones of which, as in the large ones, up to a third is estimated. Prints one line a set and a verdict.

use std::fmt::Write;
use std::time::Instant;

use wardround::phi::{CaseKey, PhiScan};

/// A stream of numbers that is the same everywhere (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

const SYLLABLES: [&str; 24] = [
    "an", "be", "cor", "da", "el", "fin", "gar", "ho", "is", "jen", "ka", "lo", "mar", "ne", "or", "pe", "qui", "ros", "san",
    "ti", "ul", "ver", "wil", "zor",
];

fn word(mut n: u64, syllables: u32) -> String {
    (0..syllables)
        .map(|_| {
            let s = SYLLABLES[(n % 24) as usize];
            n /= 24;
            s
        })
        .collect()
}

/// A person of the set, from its number alone: families share a name and a plan number.
struct Person {
    family: String,
    given: String,
    birth: String,
    mrn: u64,
    chart: u64,
    plan: u64,
}

fn person(seed: u64, i: u64) -> Person {
    let family = i / 3;
    let mut own = Numbers(seed ^ i.wrapping_mul(0x517c_c1b7_2722_0a95));
    let mut shared = Numbers(seed ^ family.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0xfa);
    let (y, m, d) = (1920 + own.below(100), 1 + own.below(12), 1 + own.below(28));
    Person {
        family: word(shared.next(), 3),
        given: word(own.next(), 2),
        birth: format!("{y:04}{m:02}{d:02}"),
        mrn: 10_000_000 + i,
        chart: 500_000_000 + (i.wrapping_mul(2_654_435_761) % 400_000_000),
        plan: 70_000_000_000 + family,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// HL7 v2: repeats, one in fifty with an old number that was merged.
    Messages,
    /// HL7 v2 of two systems with their own numbers, one behind the other, for the same people.
    TwoSystems,
    /// A table with plan number, name and birth: families share the number.
    Plans,
    /// A table with record numbers and repeats.
    Rows,
}

const KINDS: [Kind; 4] = [Kind::Messages, Kind::TwoSystems, Kind::Plans, Kind::Rows];

/// Feeds a set to the detectors piece by piece; returns (low, best, high).
fn count(kind: Kind, seed: u64, people: u64, keep: usize) -> (u64, u64, u64) {
    let key = CaseKey::new(&[7; 32]).keeping(keep);
    let mut numbers = Numbers(seed);
    let mut text = String::new();
    let mut scan: Option<PhiScan<'_>> = None;
    if kind == Kind::Plans {
        text.push_str("member_id,last_name,first_name,date_of_birth,diagnosis\n");
    } else if kind == Kind::Rows {
        text.push_str("mrn,patient_name,dob,diagnosis\n");
    }
    let rounds: u64 = if kind == Kind::TwoSystems { 2 } else { 1 };
    for round in 0..rounds {
        for i in 0..people {
            let p = person(seed, i);
            let repeats = 1 + u64::from(numbers.below(4) == 0);
            for r in 0..repeats {
                let (family, given, birth) = (&p.family, &p.given, &p.birth);
                let _ = match kind {
                    Kind::Messages => {
                        let merged = r == 0 && i % 50 == 0;
                        let event = if merged { "A40" } else { "A08" };
                        let merge = if merged { format!("MRG|{}^^^CLINIC^MR\r", 900_000_000 + i) } else { String::new() };
                        write!(
                            text,
                            "MSH|^~\\&|A|B|C|D|20240102||ADT^{event}|{i}|P|2.5\rPID|1||{}^^^CLINIC^MR||{family}^{given}||{birth}|F\r{merge}",
                            p.mrn
                        )
                    }
                    Kind::TwoSystems => {
                        let (id, authority) = if round == 0 { (p.mrn, "EAST") } else { (p.chart, "WEST") };
                        write!(
                            text,
                            "MSH|^~\\&|A|B|C|D|20240102||ADT^A08|{i}|P|2.5\rPID|1||{id}^^^{authority}^MR||{family}^{given}||{birth}|F\r"
                        )
                    }
                    Kind::Plans => writeln!(text, "{},{family},{given},{birth},E11.9", p.plan),
                    Kind::Rows => writeln!(text, "{},\"{family}, {given}\",{birth},E11.9", p.mrn),
                };
            }
            if text.len() >= 128 * 1024 {
                let scan = scan.get_or_insert_with(|| PhiScan::start(&text.as_bytes()[..65_536], &key));
                scan.feed(text.as_bytes());
                text.clear();
            }
        }
    }
    let mut scan = scan.unwrap_or_else(|| PhiScan::start(&text.as_bytes()[..text.len().min(65_536)], &key));
    scan.feed(text.as_bytes());
    let facts = scan.finish().facts.expect("people");
    let i = facts.individuals;
    (i.low, i.best, i.high)
}

/// Whether the bounds hold and the best is near enough: 2 in 100 for structured data, 5 for tables.
fn judge(kind: Kind, seed: u64, people: u64, keep: usize) -> (bool, bool) {
    let started = Instant::now();
    let (low, best, high) = count(kind, seed, people, keep);
    let off = best.abs_diff(people) as f64 / people as f64 * 100.0;
    let allowed = if matches!(kind, Kind::Messages | Kind::TwoSystems) { 2.0 } else { 5.0 };
    let (held, near) = (low <= people && people <= high, off <= allowed);
    println!(
        "{kind:?} {people}: low {low} best {best} high {high}, off {off:.2} %, {:.1} s{}{}",
        started.elapsed().as_secs_f64(),
        if held { "" } else { "  BOUNDS" },
        if near { "" } else { "  BEST" }
    );
    (held, near)
}

fn main() {
    let arguments: Vec<u64> = std::env::args().skip(1).filter_map(|a| a.parse().ok()).collect();
    let runs: Vec<(u64, u64, usize)> = match arguments[..] {
        [sets, people, keep] => (0..sets).map(|s| (s, people, keep as usize)).collect(),
        _ => {
            let large = [1_000_000, 2_000_000, 3_000_000].into_iter().enumerate().map(|(s, n)| (s as u64, n, 2_000_000));
            large.chain((0..25).map(|s| (100 + s, 20_000 + 400 * s, 20_000))).collect()
        }
    };
    let (mut all, mut held, mut near) = (0, 0, 0);
    for (seed, people, keep) in runs {
        for kind in KINDS {
            let (h, n) = judge(kind, seed, people, keep);
            all += 1;
            held += usize::from(h);
            near += usize::from(n);
        }
    }
    println!("{all} sets: bounds held in {held}, best near enough in {near}");
    assert!(held * 100 >= all * 99 && near == all, "the counts are not good enough");
}
