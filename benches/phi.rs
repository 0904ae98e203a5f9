//! MiB a second of the detectors of patient data on one core, the content already in memory, beside hashing the same
//! bytes with SHA-256. Time is what the processor spent, where the system tells it, so that other work beside matters less.
//!
//! `cargo bench --bench phi -- [CONTENT]`

use std::fmt::Write;
use std::time::Instant;

use sha2::{Digest, Sha256};
use wardround::phi::{CaseKey, PhiScan};

const SIZE: usize = 64 << 20;
const CHUNK: usize = 1 << 20;

/// A stream of numbers that is the same everywhere (xorshift64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn word(&mut self) -> String {
        let n = 3 + self.next() % 9;
        (0..n).map(|_| char::from(b'a' + (self.next() % 26) as u8)).collect()
    }

    fn name(&mut self) -> String {
        let word = self.word();
        word[..1].to_uppercase() + &word[1..]
    }

    fn date(&mut self) -> String {
        format!("{}-{:02}-{:02}", 1930 + self.next() % 90, 1 + self.next() % 12, 1 + self.next() % 28)
    }
}

fn until_full(mut line: impl FnMut(&mut String, &mut Numbers)) -> Vec<u8> {
    let (mut out, mut numbers) = (String::with_capacity(SIZE + 4096), Numbers(88_172_645_463_325_252));
    while out.len() < SIZE {
        line(&mut out, &mut numbers);
    }
    out.into_bytes()
}

fn prose() -> Vec<u8> {
    until_full(|out, n| {
        for _ in 0..12 {
            out.push_str(&n.word());
            out.push(' ');
        }
        out.push_str("the patient member of a social club was born medically.\n");
    })
}

fn log() -> Vec<u8> {
    until_full(|out, n| {
        let _ = writeln!(
            out,
            "2026-11-29T10:11:12Z host{} sshd[{}]: {} for {} port {}",
            n.next() % 99,
            n.next() % 30_000,
            n.word(),
            n.word(),
            n.next() % 65_536
        );
    })
}

fn orders() -> Vec<u8> {
    until_full(|out, n| {
        if out.is_empty() {
            out.push_str("order_id,sku,quantity,price,warehouse,shipped\n");
        }
        let _ = writeln!(
            out,
            "{},{}-{},{},{}.{:02},{},{}",
            n.next() % 10_000_000,
            n.word(),
            n.next() % 1000,
            n.next() % 50,
            n.next() % 900,
            n.next() % 100,
            n.word(),
            n.date()
        );
    })
}

fn patients() -> Vec<u8> {
    until_full(|out, n| {
        if out.is_empty() {
            out.push_str("mrn,last_name,first_name,date_of_birth,ssn,phone,address,city,state,zip,primary_diagnosis,insurance_plan,last_visit\n");
        }
        let _ = writeln!(
            out,
            "{:08},{},{},{},{:03}-{:02}-{:04},617-{:03}-{:04},{} {} Street,{},MA,{:05},E11.9,{} Health Plan,{}",
            n.next() % 100_000_000,
            n.name(),
            n.name(),
            n.date(),
            100 + n.next() % 500,
            10 + n.next() % 80,
            1000 + n.next() % 8999,
            200 + n.next() % 700,
            n.next() % 10_000,
            n.next() % 900,
            n.name(),
            n.name(),
            1000 + n.next() % 90_000,
            n.name(),
            n.date()
        );
    })
}

fn messages() -> Vec<u8> {
    until_full(|out, n| {
        let _ = write!(
            out,
            "MSH|^~\\&|ADT|CLINIC|LAB|HOSP|20240102030405||ADT^A08|{}|P|2.5\rEVN|A08|20240102030405\rPID|1||{:08}^^^CLINIC^MR||{}^{}||{}|F|||{} Main^^Boston^MA^02139||617-495-1000\rPV1|1|O|CLINIC^1^1\rDG1|1||E11.9^Diabetes^I10\r",
            n.next() % 1_000_000,
            n.next() % 100_000_000,
            n.name(),
            n.name(),
            n.date().replace('-', ""),
            n.next() % 999
        );
    })
}

fn letters() -> Vec<u8> {
    until_full(|out, n| {
        let _ =
            write!(out, "Patient Name: {}, {}   DOB: {}   MRN: {:08}\n\n", n.name(), n.name(), n.date(), n.next() % 100_000_000);
        for _ in 0..8 {
            for _ in 0..12 {
                out.push_str(&n.word());
                out.push(' ');
            }
            out.push('\n');
        }
    })
}

type Make = fn() -> Vec<u8>;

/// Seconds of processor time that `work` takes: Linux tells it in nanoseconds; elsewhere it is the clock's.
fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let spent = || std::fs::read_to_string("/proc/self/schedstat").ok()?.split(' ').next()?.parse::<u64>().ok();
    let (clock, before) = (Instant::now(), spent());
    let out = work();
    let seconds = match (before, spent()) {
        (Some(before), Some(after)) => after.saturating_sub(before) as f64 / 1e9,
        _ => clock.elapsed().as_secs_f64(),
    };
    (out, seconds)
}

fn main() {
    let key = CaseKey::new(&[7; 32]);
    println!("{:<10} {:>10} {:>10} {:>9} {:>10}", "content", "phi MiB/s", "sha MiB/s", "phi/sha", "people");
    let kinds: [(&str, Make); 6] = [
        ("prose", prose),
        ("log", log),
        ("orders", orders),
        ("patients", patients),
        ("messages", messages),
        ("letters", letters),
    ];
    let only = std::env::args().nth(1).filter(|a| !a.starts_with('-'));
    for (name, make) in kinds {
        if only.as_ref().is_some_and(|only| only != name) {
            continue;
        }
        let content = make();
        let mib = content.len() as f64 / f64::from(1 << 20);
        let (people, seconds) = timed(|| {
            let mut scan = PhiScan::start(&content[..65_536], &key);
            content.chunks(CHUNK).for_each(|c| scan.feed(c));
            scan.finish().facts.map_or(0, |f| f.individuals.best)
        });
        let phi = mib / seconds;
        let (_, seconds) = timed(|| std::hint::black_box(Sha256::digest(&content)));
        let sha = mib / seconds;
        println!("{name:<10} {phi:>10.0} {sha:>10.0} {:>9.2} {people:>10}", phi / sha);
    }
}
