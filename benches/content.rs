//! MiB a second of the search for listed addresses, by size of the list and kind of content.
//! `cargo bench --bench content`

use std::time::Instant;

use wardround::ioc::IndicatorSet;

const SIZE: usize = 32 << 20;
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
}

fn text(numbers: &mut Numbers) -> Vec<u8> {
    let mut out = String::new();
    while out.len() < SIZE {
        match numbers.next() % 40 {
            0 => out.push_str(&format!("https://{}.{}.com/{}?q=1 ", numbers.word(), numbers.word(), numbers.word())),
            1 => out.push_str(&format!("10.{}.7.{}:443 ", numbers.next() % 256, numbers.next() % 256)),
            2 => out.push_str(".\n"),
            _ => {
                out.push_str(&numbers.word());
                out.push(' ');
            }
        }
    }
    out.into_bytes()
}

/// An access log: an address and a URL on every line.
fn log(numbers: &mut Numbers) -> Vec<u8> {
    let mut out = String::new();
    while out.len() < SIZE {
        out.push_str(&format!(
            "1286536309.586 921 10.0.{}.{} TCP_MISS/200 507 GET http://www.{}.com/{}.html - DIRECT/64.2.3.4 text/html\n",
            numbers.next() % 256,
            numbers.next() % 256,
            numbers.word(),
            numbers.word()
        ));
    }
    out.into_bytes()
}

fn random(numbers: &mut Numbers) -> Vec<u8> {
    std::iter::repeat_with(|| numbers.next().to_le_bytes()).take(SIZE / 8).flatten().collect()
}

/// As programs are: code, zeros and UTF-16 strings.
fn program(numbers: &mut Numbers) -> Vec<u8> {
    let mut out = Vec::new();
    while out.len() < SIZE {
        match numbers.next() % 4 {
            0 => out.extend(std::iter::repeat_n(0, 256)),
            1 => out.extend(numbers.word().encode_utf16().flat_map(u16::to_le_bytes)),
            _ => out.extend((0..64).flat_map(|_| (numbers.next() & numbers.next()).to_le_bytes())),
        }
    }
    out
}

fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("VmRSS")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0)
}

fn main() {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let contents = [
        ("text", text(&mut numbers)),
        ("log", log(&mut numbers)),
        ("random", random(&mut numbers)),
        ("program", program(&mut numbers)),
    ];
    println!(
        "{:>9} {:>9} {:>9} {:>9} {:>9} {:>9}  MiB/s",
        "addresses", "KiB", contents[0].0, contents[1].0, contents[2].0, contents[3].0
    );
    for n in [0, 100, 10_000, 100_000] {
        let list: String = (0..n)
            .map(|i| match i % 10 {
                0 => format!(
                    "{}.{}.{}.{}\n",
                    11 + numbers.next() % 200,
                    numbers.next() % 256,
                    numbers.next() % 256,
                    1 + numbers.next() % 250
                ),
                _ => format!("{}-{}.com\n", numbers.word(), numbers.word()),
            })
            .collect();
        let before = resident();
        let (set, _) = IndicatorSet::from_contents(&[("c2-iocs.txt", list.as_bytes())]).expect("a list");
        let memory = resident().saturating_sub(before);
        let mut scan = set.content_scan();
        let speeds: Vec<String> = contents
            .iter()
            .map(|(_, content)| {
                let start = Instant::now();
                scan.begin(content.get(..65536).unwrap_or_default());
                for (i, chunk) in content.chunks(CHUNK).enumerate() {
                    scan.feed((i * CHUNK) as u64, chunk);
                }
                std::hint::black_box(scan.finish());
                format!("{:>9.0}", SIZE as f64 / f64::from(1 << 20) / start.elapsed().as_secs_f64())
            })
            .collect();
        println!("{n:>9} {memory:>9} {}", speeds.join(" "));
    }
}
