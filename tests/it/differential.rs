//! Against bsdtar and 7-Zip: what both get out of an archive with the same content, the program must have read as well.
//!
//! Contents are compared by their digests, one archive at a time, because names are decoded in many ways. Empty files
//! are left out: links and folders look like them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use sha2::{Digest, Sha256};
use wardround::model::text::hex;

use crate::support::{Scene, corpus, has_tool};

/// How often each content came out.
type Contents = BTreeMap<String, usize>;

/// What another unpacker made of an archive.
#[derive(Default)]
struct Unpacked {
    contents: Contents,
    /// It found nothing to complain about.
    satisfied: bool,
}

/// Why we may give less than both others. The first that applies is the reason.
type Why = fn(&Rows, &[&Unpacked; 2], &Misses) -> bool;
const WHY: &[(&str, Why)] = &[
    ("a link to a file that was read: its content is told once", |rows, _, misses| {
        misses.iter().all(|(digest, _)| rows.read.contains_key(digest)) && rows.with("link_member") >= misses.values().sum()
    }),
    ("content whose check fails: named as malformed, without a digest", |rows, others, misses| {
        others.iter().any(|other| !other.satisfied) && rows.with("malformed") >= misses.values().sum()
    }),
    ("members behind damage: the archive is named as malformed", |rows, others, _| {
        others.iter().all(|other| !other.satisfied) && rows.malformed
    }),
];

type Misses = BTreeMap<String, usize>;

/// Rows of our inventory below one archive.
#[derive(Default)]
struct Rows {
    read: Contents,
    reasons: Vec<String>,
    /// The archive itself is told to be damaged.
    malformed: bool,
    format: Option<String>,
    opened: bool,
}

impl Rows {
    fn with(&self, reason: &str) -> usize {
        self.reasons.iter().filter(|r| *r == reason).count()
    }
}

fn sevenz() -> Option<&'static str> {
    ["7zz", "7z"].into_iter().find(|tool| has_tool(tool))
}

/// Runs an unpacker with bounds on time and on the size of a file, into a folder of its own.
fn unpack(command: &str, archive: &Path) -> Unpacked {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let bounded = format!("ulimit -f 65536; ulimit -v 4000000; cd \"$0\" && exec timeout 10 {command}");
    let status = Command::new("sh")
        .args(["-c", &bounded])
        .args([folder.path(), archive])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("a shell");
    let mut unpacked = Unpacked { satisfied: status.success(), ..Unpacked::default() };
    for entry in walkdir::WalkDir::new(folder.path()).into_iter().flatten().filter(|entry| entry.file_type().is_file()) {
        if let Ok(bytes) = std::fs::read(entry.path())
            && !bytes.is_empty()
        {
            *unpacked.contents.entry(hex(&Sha256::digest(&bytes))).or_default() += 1;
        }
    }
    // Names that nobody may enter or remove would stay behind.
    let _ = Command::new("chmod").args(["-R", "u+rwX"]).arg(folder.path()).stderr(Stdio::null()).status();
    unpacked
}

/// bsdtar for archives, bsdcat for what is only a compressed stream.
fn with_bsdtar(archive: &Path) -> Unpacked {
    let unpacked = unpack("bsdtar --passphrase none -xf \"$1\"", archive);
    if !unpacked.contents.is_empty() { unpacked } else { unpack("bsdcat \"$1\" > stream", archive) }
}

fn with_7z(tool: &str, archive: &Path) -> Unpacked {
    unpack(&format!("{tool} x -y -pnone -bd \"$1\""), archive)
}

/// One scan over all archives; rows by archive.
fn ours(scene: &Scene, archives: &[PathBuf]) -> Vec<Rows> {
    let case = scene.scan(&["--no-default-rules", "--no-default-iocs", "--quiet"]);
    case.assert_adds_up();
    let paths: BTreeMap<String, usize> = archives.iter().enumerate().map(|(i, p)| (p.display().to_string(), i)).collect();
    let mut rows: Vec<Rows> = archives.iter().map(|_| Rows::default()).collect();
    for row in case.inventory() {
        let path = row["path"].as_str().expect("a path");
        let outer = paths.range(..=path.to_owned()).next_back().filter(|(outer, _)| path.starts_with(outer.as_str()));
        let Some((outer, index)) = outer else { continue };
        let below = &mut rows[*index];
        if path.len() == outer.len() {
            below.format = row["container"]["format"].as_str().map(str::to_owned);
        } else if let Some(digest) = row["sha256"].as_str() {
            *below.read.entry(digest.to_owned()).or_default() += 1;
        }
        below.reasons.extend(row["reason"].as_str().map(str::to_owned));
    }
    let gaps = case.report["gaps"].as_array().expect("gaps");
    let of = |path: &str, reason: &str| gaps.iter().any(|gap| gap["path"] == path && gap["reason"] == reason);
    for (path, index) in &paths {
        let below = &mut rows[*index];
        below.malformed = of(path, "malformed") || of(path, "missing_volume");
        below.opened = below.format.is_some() && !of(path, "unsupported_container");
    }
    rows
}

/// What the two others make of each archive, by its index.
fn others(archives: &[PathBuf], tool: &str) -> BTreeMap<usize, [Unpacked; 2]> {
    let next = AtomicUsize::new(0);
    let others: Mutex<BTreeMap<usize, [Unpacked; 2]>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some((i, archive)) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|i| Some((i, archives.get(i)?)))
                {
                    let both = [with_bsdtar(archive), with_7z(tool, archive)];
                    others.lock().expect("the results").insert(i, both);
                }
            });
        }
    });
    others.into_inner().expect("the results")
}

/// Contents that both have.
fn common(first: &Unpacked, second: &Unpacked) -> Contents {
    let pairs = first.contents.iter();
    pairs.filter_map(|(digest, n)| Some((digest.clone(), *n.min(second.contents.get(digest)?)))).collect()
}

#[derive(Default)]
struct Figures {
    archives: usize,
    both: usize,
    missed: usize,
    explained: BTreeMap<&'static str, usize>,
    wrong: Vec<String>,
}

/// Compares every archive below the scene's target. `told` says what an archive was made from.
fn compare(scene: &Scene, archives: &[PathBuf], tool: &str, told: &[String]) -> Figures {
    let rows = ours(scene, archives);
    let mut figures = Figures::default();
    for (i, [first, second]) in others(archives, tool) {
        let rows = &rows[i];
        // What is named and not opened is told; what isn't recognised although both others open it is not.
        if rows.format.is_some() && !rows.opened {
            continue;
        }
        let both = common(&first, &second);
        let misses: Misses = both
            .iter()
            .map(|(digest, n)| (digest.clone(), n.saturating_sub(rows.read.get(digest).copied().unwrap_or(0))))
            .filter(|(_, n)| *n > 0)
            .collect();
        figures.archives += usize::from(!both.is_empty());
        figures.both += both.values().sum::<usize>();
        let missed: usize = misses.values().sum();
        if missed == 0 {
            continue;
        }
        figures.missed += missed;
        match WHY.iter().find(|(_, applies)| applies(rows, &[&first, &second], &misses)) {
            Some((why, _)) => *figures.explained.entry(why).or_default() += missed,
            None => figures.wrong.push(format!("{}: {missed} missed, {:?} {:?}", told[i], rows.format, rows.reasons)),
        }
    }
    println!(
        "{} archives from which both others read something, {} contents, {} of them missed: {:?}",
        figures.archives, figures.both, figures.missed, figures.explained
    );
    figures
}

/// Puts every archive into a folder of its own, so that no unpacker joins parts that lie beside each other.
fn placed(scene: &Scene, archives: &[(String, Vec<u8>)]) -> Vec<PathBuf> {
    archives.iter().enumerate().map(|(i, (name, bytes))| scene.file(&format!("{i:04}/{name}"), bytes)).collect()
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let all = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().flatten().filter(|entry| entry.file_type().is_file());
    all.map(|entry| (entry.file_name().to_string_lossy().into_owned(), std::fs::read(entry.path()).expect("a file"))).collect()
}

fn names(archives: &[(String, Vec<u8>)]) -> Vec<String> {
    archives.iter().map(|(name, _)| name.clone()).collect()
}

#[test]
fn the_corpus_agrees_with_two_unpackers() {
    let (Some(corpus), Some(tool), true) = (corpus(), sevenz(), has_tool("bsdtar")) else { return };
    let archives = files(&corpus.join("archives"));
    let scene = Scene::new();
    let figures = compare(&scene, &placed(&scene, &archives), tool, &names(&archives));
    assert!(figures.wrong.is_empty(), "{:#?}", figures.wrong);
    assert!(figures.archives >= 40 && figures.both >= 150, "too little was compared");
}

/// A generator that gives the same numbers everywhere (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n.max(1) as u64) as usize
    }
}

/// 500 archives with changed bytes, cut ends, foreign parts and repeated ones.
fn mutants(seeds: &[(String, Vec<u8>)]) -> Vec<(String, Vec<u8>)> {
    let mut numbers = Numbers(2_026);
    let mutant = |n: usize| {
        let (name, bytes) = &seeds[numbers.below(seeds.len())];
        let mut bytes = bytes.clone();
        match n % 5 {
            0 | 1 => {
                for _ in 0..=numbers.below(3) {
                    let at = numbers.below(bytes.len());
                    bytes[at] ^= 1 << numbers.below(8);
                }
            }
            2 => bytes.truncate(numbers.below(bytes.len()).max(1)),
            3 => {
                let other = &seeds[numbers.below(seeds.len())].1;
                bytes.truncate(numbers.below(bytes.len()).max(1));
                bytes.extend(&other[numbers.below(other.len())..]);
            }
            _ => {
                let (from, to) = (numbers.below(bytes.len()), numbers.below(bytes.len()));
                let part = bytes[from..(from + numbers.below(200)).min(bytes.len())].to_vec();
                bytes.splice(to..to, part);
            }
        }
        (name.clone(), bytes)
    };
    (0..500).map(mutant).collect()
}

#[test]
fn mutated_archives_agree_with_two_unpackers() {
    let (Some(tool), true) = (sevenz(), has_tool("bsdtar")) else { return };
    let mut seeds = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/container"));
    if let Some(corpus) = corpus() {
        seeds.extend(files(&corpus.join("archives")));
    }
    seeds.retain(|(_, bytes)| (1..=64 << 10).contains(&bytes.len()));
    // Only what both others open tells anything.
    let scene = Scene::new();
    let opened = others(&placed(&scene, &seeds), tool);
    let seeds = seeds.into_iter().enumerate().filter(|(i, _)| {
        let [first, second] = &opened[i];
        !common(first, second).is_empty()
    });
    let seeds: Vec<_> = seeds.map(|(_, seed)| seed).collect();
    let archives = mutants(&seeds);
    let told: Vec<String> = archives.iter().enumerate().map(|(n, (name, _))| format!("mutant {n} of {name}")).collect();
    let scene = Scene::new();
    let figures = compare(&scene, &placed(&scene, &archives), tool, &told);
    assert!(figures.wrong.is_empty(), "{:#?}", figures.wrong);
    assert!(figures.archives >= 60 && figures.both >= 60, "too little was compared");
}
