//! Compiled known-bad sets: tens of millions of hashes that are searched in their file.
//!
//! A whole set is one [`Indicator`]; a match names the set, not a line of the lists that it was made from.

use std::path::Path;

use super::hash::{HashKind, HashValue};
use super::set::{Indicator, IndicatorSet, Place};
use super::trivial::trivial;
use crate::hashset::{Digest, DigestSet, MAGIC, Verdict};
use crate::model::{Digests, Input, Rejected, text};

/// Characters kept of a set's name.
const MAX_NAME: usize = 300;

/// The sets of a run, each with the number of its indicator.
#[derive(Debug, Default)]
pub struct CompiledSets(Vec<(DigestSet, u32)>);

impl CompiledSets {
    /// Whether a file begins as a compiled set.
    pub fn is_one(head: &[u8]) -> bool {
        head.starts_with(MAGIC)
    }

    /// Whether any set lists digests of this kind.
    pub fn has(&self, kind: crate::hashset::Kind) -> bool {
        self.0.iter().any(|(set, _)| set.info().count(kind) > 0)
    }

    /// The strongest digest that each set lists. Trivial contents accuse nobody, whoever listed them.
    pub fn find(&self, digests: &Digests) -> Vec<(HashKind, u32)> {
        let listed = |(set, id): &(DigestSet, u32)| {
            let value = match set.strongest(digests)? {
                Digest::Md5(d) => HashValue::Md5(d),
                Digest::Sha1(d) => HashValue::Sha1(d),
                Digest::Sha256(d) => HashValue::Sha256(d),
            };
            trivial(&value).is_none().then(|| (value.kind(), *id))
        };
        self.0.iter().filter_map(listed).collect()
    }
}

/// Adds a compiled set to `all`.
pub fn load(all: &mut IndicatorSet, path: &Path, name: &str) -> Input {
    let mut report = Input { name: name.to_owned(), kind: Some("compiled-hash-set".to_owned()), ..Input::default() };
    let refuse = |mut report: Input, why: String| {
        report.rejected.push(Rejected { place: report.name.clone(), why });
        report
    };
    let set = match DigestSet::open(path) {
        Ok(set) => set,
        Err(e) => return refuse(report, e.to_string()),
    };
    let info = set.info();
    report.sha256 = Some(info.seal.clone());
    if info.verdict != Verdict::KnownBad {
        return refuse(report, "it was compiled as known-good: give it with --known-good".to_owned());
    }
    let Ok(id) = u32::try_from(all.indicators.len()) else { return refuse(report, "too many indicators".to_owned()) };
    report.loaded = info.len();
    let score = info.score.clamp(1, 100);
    // What stands in a file may have been written by anybody.
    let description = text::shorten(&text::escape(info.name.as_bytes()), MAX_NAME).into();
    all.indicators.push(Indicator {
        score,
        description,
        file: name.into(),
        place: Place::Whole,
        value: None,
        names_only: false,
        text: false,
        marks: None,
    });
    all.compiled.0.push((set, id));
    report
}
