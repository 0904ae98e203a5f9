//! How long 10,000 rules take to load: compiled, and from the cache.
//!
//! `cargo bench --bench rules_cache`

use std::fmt::Write;
use std::time::Instant;

use wardround::signature::RuleSet;

const FILES: usize = 50;
const RULES: usize = 200;

/// Rules as packs have them: some words, some bytes, a bound on the size.
fn file(n: usize) -> String {
    let mut text = String::from("import \"pe\"\n");
    for i in 0..RULES {
        let id = n * RULES + i;
        let condition = match i % 4 {
            0 => "any of them",
            1 => "uint16(0) == 0x5a4d and filesize < 2MB and 2 of them",
            2 => "pe.is_pe and any of them",
            _ => "#a > 2 and filename != \"\" and any of ($b, $c)",
        };
        let _ = write!(
            text,
            "rule Synthetic_{id} : bench {{\n  meta:\n    description = \"synthetic rule {id}\"\n    score = 70\n  strings:\n    \
             $a = \"marker-{id:05}-{:08x}\" ascii wide\n    $b = {{ {:02x} {:02x} ?? 8b ec 83 {:02x} 10 }}\n    \
             $c = /path\\/{id}\\/[a-z]{{4,8}}\\.dll/ nocase\n  condition:\n    {condition}\n}}\n",
            id.wrapping_mul(0x9e37_79b1) & 0xffff_ffff,
            id & 0xff,
            (id >> 8) & 0xff,
            id.wrapping_mul(7) & 0xff,
        );
    }
    text
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let rules = dir.path().join("rules");
    std::fs::create_dir(&rules)?;
    for n in 0..FILES {
        std::fs::write(rules.join(format!("pack-{n:02}.yar")), file(n))?;
    }
    let cache = dir.path().join("cache");
    for what in ["compiled", "from cache", "from cache"] {
        let started = Instant::now();
        let (set, reports) = RuleSet::load(std::slice::from_ref(&rules), false, Some(&cache))?;
        let took = started.elapsed();
        let rejected: usize = reports.iter().map(|r| r.rejected.len()).sum();
        println!("{what}: {} rules in {} files, {rejected} rejected, {} ms", set.len(), reports.len(), took.as_millis());
        assert_eq!((set.len(), set.from_cache()), (FILES * RULES, what == "from cache"));
    }
    Ok(())
}
