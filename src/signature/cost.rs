//! What each rule costs, measured: every rule is compiled by itself, with the rules it refers to, and scans
//! samples. The engine's own profile needs a slower build of it and leaves out the search for patterns.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde::Serialize;
use yara_x::{Rules, Scanner, SourceCode};
use yara_x_parser::ast::{AST, WithSpan};

use super::collect::Source;
use super::compile::{compiler, on_a_deep_stack};
use super::cut::{refers, texts};
use super::{SignatureError, gather};

/// Bytes of a sample that stand for a small file.
const SMALL: usize = 4 << 10;
/// Times a small file is scanned; the quickest counts, since everything else only adds to the time.
const SMALL_RUNS: usize = 15;
/// Times a sample is scanned.
const RUNS: usize = 3;
/// What a search costs whatever is searched for, which rules share: a pattern that is in no sample.
const WITH_SEARCH: &str = "rule base { strings: $a = { 9d e7 13 f0 5c 8b a6 d2 41 ee 97 3a c8 05 b1 6f } condition: $a }";
const WITHOUT_SEARCH: &str = "rule base { condition: false }";

/// Bytes that rules are measured on.
pub struct Sample {
    pub name: String,
    pub bytes: Vec<u8>,
}

/// One rule's share of a scan, beyond what scanning costs with no rule.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cost {
    pub namespace: String,
    pub rule: String,
    /// Microseconds for each MiB of the samples.
    pub us_per_mib: f64,
    /// Microseconds for a file of 4 KiB.
    pub us_per_small_file: f64,
}

/// Measures the rules that load, dearest first. Global rules, which would keep others from running, count for
/// themselves alone.
///
/// # Errors
///
/// As [`super::RuleSet::load`].
pub fn costs(paths: &[PathBuf], embedded: bool, samples: &[Sample]) -> Result<Vec<Cost>, SignatureError> {
    let sources = gather(paths, embedded, &[])?;
    let mut out = on_a_deep_stack(|| {
        let bases =
            [WITHOUT_SEARCH, WITH_SEARCH].map(|text| build("base", text).map(|rules| time(&rules, samples)).unwrap_or_default());
        let readable = sources.iter().filter(|s| s.refused.is_none());
        readable.flat_map(|source| of_source(source, samples, &bases)).collect::<Vec<Cost>>()
    })?;
    out.sort_by(|a, b| {
        let dear = |c: &Cost| c.us_per_mib + c.us_per_small_file;
        dear(b).total_cmp(&dear(a)).then_with(|| (&a.namespace, &a.rule).cmp(&(&b.namespace, &b.rule)))
    });
    Ok(out)
}

/// Of a large sample, and of its small beginning.
#[derive(Clone, Copy, Default)]
struct Times {
    large: Duration,
    small: Duration,
}

fn of_source(source: &Source, samples: &[Sample], bases: &[Times; 2]) -> Vec<Cost> {
    let ast = AST::from(source.text.as_str());
    let texts = texts(&source.text);
    let imports: String = ast.imports().map(|i| format!("import \"{}\"\n", i.module_name)).collect();
    // Texts of a rule and of those it refers to, which come before it.
    let mut known: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    let mib = samples.iter().map(|s| s.bytes.len()).sum::<usize>() as f64 / f64::from(1 << 20);
    let mut out = Vec::new();
    for rule in ast.rules() {
        let Some((&own, _)) = texts.range(..=rule.identifier.span().start()).next_back() else { continue };
        let mut parts: BTreeSet<usize> = refers(rule).filter_map(|name| known.get(name)).flatten().copied().collect();
        parts.insert(own);
        let text: String = parts.iter().filter_map(|at| texts.get(at).copied()).collect::<Vec<_>>().join("\n");
        known.insert(rule.identifier.name, parts);
        let Some(rules) = build(&source.name, &format!("{imports}{text}")) else { continue };
        let times = time(&rules, samples);
        let base = bases[usize::from(rule.patterns.is_some())];
        let micros = |all: Duration, base: Duration| all.saturating_sub(base).as_secs_f64() * 1e6;
        out.push(Cost {
            namespace: source.name.clone(),
            rule: rule.identifier.name.to_owned(),
            us_per_mib: micros(times.large, base.large) / mib.max(f64::MIN_POSITIVE),
            us_per_small_file: micros(times.small, base.small) / samples.len().max(1) as f64,
        });
    }
    out
}

/// `None` for a rule that doesn't compile.
fn build(name: &str, text: &str) -> Option<Rules> {
    let source = Source::of(name.to_owned(), text.as_bytes().to_vec());
    let mut compiler = compiler(std::slice::from_ref(&source));
    compiler.add_source(SourceCode::from(text)).ok()?;
    let rules = compiler.build();
    (rules.iter().len() > 0).then_some(rules)
}

fn time(rules: &Rules, samples: &[Sample]) -> Times {
    let mut scanner = Scanner::new(rules);
    let mut quickest = |bytes: &[u8], runs: usize| {
        let run = |_| {
            let start = Instant::now();
            // What the scan says is of no interest here, nor whether it came to its end.
            let _ = scanner.scan(bytes);
            start.elapsed()
        };
        (0..runs).map(run).min().unwrap_or_default()
    };
    let mut times = Times::default();
    for sample in samples {
        let small = sample.bytes.get(..SMALL).unwrap_or(&sample.bytes);
        times.small = times.small.saturating_add(quickest(small, SMALL_RUNS));
        times.large = times.large.saturating_add(quickest(&sample.bytes, RUNS));
    }
    times
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_that_loads_is_measured_with_what_it_refers_to() {
        let text = "import \"math\"\nprivate rule a { condition: filesize > 0 }\n// c\nrule b { strings: $x = \"x\" condition: a and $x }
            rule broken { condition: $no }\nrule c { condition: b or math.max(1, 2) == 2 }";
        let source = Source::of("t.yar".to_owned(), text.as_bytes().to_vec());
        let samples = [Sample { name: "s".to_owned(), bytes: vec![b'x'; 10_000] }];
        let costs = of_source(&source, &samples, &Default::default());
        let names: Vec<_> = costs.iter().map(|c| c.rule.as_str()).collect();
        assert_eq!(names, ["a", "b", "c"]);
        assert!(costs.iter().all(|c| c.us_per_mib.is_finite() && c.us_per_small_file >= 0.0));
    }
}
