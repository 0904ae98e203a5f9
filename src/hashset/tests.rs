use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;

use proptest::prelude::*;

use super::*;
use crate::model::Digests;

fn build(digests: &[Digest], spill: Option<(&std::path::Path, usize)>) -> Vec<u8> {
    let never = AtomicBool::new(false);
    let settings = Settings {
        verdict: Verdict::KnownBad,
        name: "set".into(),
        kinds: Some(Kind::ALL.to_vec()),
        spill: spill.map(|s| s.0.to_owned()),
        memory: spill.map_or(usize::MAX, |s| s.1),
        ..Settings::default()
    };
    let mut compiler = Compiler::new(settings, &never);
    digests.iter().for_each(|d| compiler.row(&Row::from(*d)).unwrap());
    compiler.source(Source { name: "list".into(), rows: digests.len() as u64, ..Source::default() });
    compiler.into_bytes().unwrap()
}

/// Digests that crowd into few buckets or spread over many.
fn digest() -> impl Strategy<Value = Digest> {
    let bytes = prop_oneof![
        any::<[u8; 32]>(),
        any::<u8>().prop_map(|n| {
            let mut d = [0; 32];
            d[15] = n;
            d
        })
    ];
    (bytes, 0..3).prop_map(|(b, kind)| Digest::of_bytes(&b[..[16, 20, 32][kind as usize]]).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn answers_are_those_of_a_naive_set(listed in prop::collection::vec(digest(), 0..600), asked in prop::collection::vec(digest(), 0..200), memory in 64usize..20_000) {
        let dir = tempfile::tempdir().unwrap();
        let bytes = build(&listed, None);
        prop_assert_eq!(&bytes, &build(&listed, Some((dir.path(), memory))));
        let set = DigestSet::from_bytes(bytes, "set").unwrap();
        let naive: BTreeSet<Digest> = listed.iter().copied().collect();
        prop_assert_eq!(set.info().len(), naive.len() as u64);
        for d in listed.iter().chain(&asked) {
            prop_assert_eq!(set.contains(d), naive.contains(d));
        }
        prop_assert!(set.digests().eq(naive));
    }

    /// Whatever is changed is noticed, and nothing is read out of bounds.
    #[test]
    fn no_change_goes_unnoticed(n in 0u8..200, edits in prop::collection::vec((any::<prop::sample::Index>(), 1u8..), 1..4), cut in prop::option::of(any::<prop::sample::Index>())) {
        let listed: Vec<Digest> = (0..n).map(|n| Digest::Sha1([n; 20])).collect();
        let sound = build(&listed, None);
        let mut bytes = sound.clone();
        for (at, change) in &edits {
            bytes[at.index(sound.len())] ^= change;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(sound.len()));
        }
        if bytes != sound {
            // Zeros between the parts carry nothing but are part of what is checked.
            prop_assert!(DigestSet::from_bytes(bytes, "set").is_err());
        }
    }

    #[test]
    fn any_bytes_are_refused_without_a_panic(mut bytes: Vec<u8>, magic: bool) {
        if magic {
            bytes.splice(0..0, format::header());
            bytes.extend_from_slice(&[0; 96]);
            let at = bytes.len() - 8;
            bytes[at..at + 8].copy_from_slice(MAGIC);
        }
        prop_assert!(DigestSet::from_bytes(bytes, "any").is_err());
    }
}

#[test]
fn a_forged_directory_with_a_fitting_seal_is_refused() {
    let forge = |change: &dyn Fn(&mut Info), index: &[u64]| {
        let mut info = DigestSet::from_bytes(build(&[], None), "set").unwrap().info().clone();
        change(&mut info);
        let directory = serde_json::to_vec(&info).unwrap();
        let indexes: Vec<u8> = index.iter().flat_map(|n| n.to_le_bytes()).collect();
        let content = format::header();
        use sha2::Digest as _;
        let trailer = format::Trailer::new(sha2::Sha256::digest(&content).into(), &indexes, &directory, content.len() as u64);
        DigestSet::from_bytes([content, indexes, directory, trailer.bytes()].concat(), "set").map(drop).map_err(|e| e.to_string())
    };
    let six = [0; 6];
    assert_eq!(forge(&|_| {}, &six), Ok(()));
    let with = |change: &dyn Fn(&mut Info)| forge(change, &six).unwrap_err();
    assert!(with(&|i| i.sections[2].count = u64::MAX).contains("counts are impossible"));
    assert!(with(&|i| i.sections[0].count = 1).contains("counts are impossible"));
    assert!(with(&|i| i.sections[1].bits = 63).contains("counts are impossible"));
    assert!(with(&|i| i.sections[1].bits = 1).contains("do not add up"));
    assert!(with(&|i| i.sections.swap(0, 1)).contains("counts are impossible"));
    assert!(forge(&|_| {}, &[0, 0, 1, 0, 0, 0]).unwrap_err().contains("index"));
    assert!(forge(&|_| {}, &[0, 0, 0, 0, 0, 9]).unwrap_err().contains("index"));
}

#[test]
fn each_row_is_kept_by_its_strongest_digest() {
    let row = Row { md5: Some([1; 16]), sha1: Some([2; 20]), sha256: Some([3; 32]) };
    let counts = |settings: Settings, rows: &[Row]| {
        let never = AtomicBool::new(false);
        let mut compiler = Compiler::new(settings, &never);
        rows.iter().for_each(|r| compiler.row(r).unwrap());
        compiler.source(Source::default());
        let set = DigestSet::from_bytes(compiler.into_bytes().unwrap(), "set").unwrap();
        (set.info().sections.map(|s| s.count), set.info().sources[0].left_out)
    };
    let rows = [row, Row { sha256: None, ..row }, Row { md5: Some([1; 16]), ..Row::default() }];
    let bad = Settings { verdict: Verdict::KnownBad, ..Settings::default() };
    assert_eq!(counts(Settings::default(), &rows), ([0, 1, 1], 1));
    assert_eq!(counts(bad.clone(), &rows), ([1, 1, 1], 0));
    assert_eq!(counts(Settings { kinds: Some(vec![Kind::Sha1]), ..bad.clone() }, &rows), ([0, 1, 0], 1));
    // A refused SHA-256 is not let in by its MD5.
    assert_eq!(counts(Settings { refuse: |d| d.kind() == Kind::Sha256, ..bad }, &rows[..1]), ([0, 0, 0], 1));
}

#[test]
fn an_interrupted_compilation_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let stop = AtomicBool::new(false);
    let mut compiler = Compiler::new(Settings::default(), &stop);
    (0..10_000u32).for_each(|n| {
        let mut d = [0; 32];
        d[..4].copy_from_slice(&n.to_le_bytes());
        compiler.row(&Row::from(Digest::Sha256(d))).unwrap();
    });
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(matches!(compiler.write(&dir.path().join("set")), Err(HashSetError::Interrupted)));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn the_strongest_digest_is_named() {
    let set = DigestSet::from_bytes(build(&[Digest::Md5([1; 16]), Digest::Sha256([3; 32])], None), "set").unwrap();
    let digests = Digests { md5: Some([1; 16]), sha1: Some([2; 20]), sha256: Some([3; 32]), crc32: None };
    assert_eq!(set.strongest(&digests), Some(Digest::Sha256([3; 32])));
    assert_eq!(set.strongest(&Digests { sha256: None, ..digests.clone() }), Some(Digest::Md5([1; 16])));
    assert_eq!(set.strongest(&Digests { sha256: None, md5: None, ..digests }), None);
}
