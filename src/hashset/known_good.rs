//! The sets of published software that a scan was given.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::compile::{Compiler, Settings};
use super::digest::Kind;
use super::format::{MAGIC, Verdict};
use super::set::DigestSet;
use super::{HashSetError, read};
use crate::model::{Digests, Input, Rejected, text};

/// Largest list that is read into memory, in bytes.
const MAX_LIST: u64 = 256 << 20;

/// Every set given with `--known-good`.
#[derive(Debug, Default)]
pub struct KnownGood {
    sets: Vec<DigestSet>,
}

impl KnownGood {
    /// Opens compiled files and reads plain lists up to 256 MiB, with one report for each.
    ///
    /// # Errors
    /// The first file that can't be used: a scan that was told to pass over known files must not quietly look at
    /// all of them, or at fewer.
    pub fn load<P: AsRef<Path>>(paths: &[P]) -> Result<(Self, Vec<Input>), HashSetError> {
        let mut good = Self::default();
        let mut reports = Vec::new();
        for path in paths {
            let path = path.as_ref();
            let (set, report) = open(path)?;
            reports.push(report);
            good.sets.push(set);
        }
        Ok((good, reports))
    }

    pub fn is_empty(&self) -> bool {
        self.sets.is_empty()
    }

    /// Whether objects must be digested with SHA-1 to be found.
    pub fn needs_sha1(&self) -> bool {
        self.sets.iter().any(|s| s.info().count(Kind::Sha1) > 0)
    }

    /// Whether an object with these digests is known. MD5 is never asked: anybody can make a good and a bad
    /// file of one MD5.
    pub fn contains(&self, digests: &Digests) -> bool {
        let own = Digests { md5: None, ..digests.clone() };
        self.sets.iter().any(|s| s.strongest(&own).is_some())
    }
}

fn open(path: &Path) -> Result<(DigestSet, Input), HashSetError> {
    let shown = text::escape(path.as_os_str().as_encoded_bytes());
    let name = path.file_name().map_or_else(|| shown.clone(), |n| text::escape(n.as_encoded_bytes()));
    let unusable = |why: String| HashSetError::Unusable { path: shown.clone(), why };
    let mut report = Input { name, ..Input::default() };
    let set = if is_compiled(path).map_err(|source| HashSetError::Unreadable { path: shown.clone(), source })? {
        let set = DigestSet::open(path)?;
        if set.info().verdict != Verdict::KnownGood {
            return Err(unusable("was compiled as known-bad: give it with --ioc".into()));
        }
        report.kind = Some("compiled-hash-set".into());
        report.sha256 = Some(set.info().seal.clone());
        set
    } else {
        if std::fs::metadata(path).is_ok_and(|m| m.is_file() && m.len() > MAX_LIST) {
            let advice =
                format!("has more than {} MiB: make it a set once with wardround ioc compile --known-good", MAX_LIST >> 20);
            return Err(unusable(advice));
        }
        let never = AtomicBool::new(false);
        // Packed text can grow, but never beyond what a list of the largest size holds.
        let settings = Settings { name: shown.clone(), memory: MAX_LIST as usize, ..Settings::default() };
        let mut compiler = Compiler::new(settings, &never);
        let reading = read(path, &mut compiler)?;
        report.kind = Some("hash-list".into());
        report.sha256 = Some(reading.source.sha256);
        let place = |at: &str| if at.is_empty() { report.name.clone() } else { format!("{}:{at}", report.name) };
        report.rejected = reading.examples.iter().map(|(at, why)| Rejected { place: place(at), why: why.clone() }).collect();
        let more = reading.source.rejected.saturating_sub(reading.examples.len() as u64);
        if more > 0 {
            let why = format!("{} further lines were rejected", text::thousands(more));
            report.rejected.push(Rejected { place: place(""), why });
        }
        let left_out = compiler.sources().iter().map(|s| s.left_out).sum::<u64>();
        if left_out > 0 {
            let why = format!("{} MD5 are not used: MD5 alone clears nobody", text::thousands(left_out));
            report.rejected.push(Rejected { place: place(""), why });
        }
        DigestSet::from_bytes(compiler.into_bytes()?, &shown)?
    };
    let info = set.info();
    report.loaded = info.count(Kind::Sha256).saturating_add(info.count(Kind::Sha1));
    if report.loaded == 0 {
        return Err(unusable(Verdict::KnownGood.nothing_left().into()));
    }
    if info.count(Kind::Md5) > 0 {
        let why = format!("{} MD5 are not used: MD5 alone clears nobody", text::thousands(info.count(Kind::Md5)));
        report.rejected.push(Rejected { place: report.name.clone(), why });
    }
    Ok((set, report))
}

/// Whether a file begins as a compiled one.
pub(super) fn is_compiled(path: &Path) -> std::io::Result<bool> {
    use std::io::Read;
    if std::fs::metadata(path)?.is_dir() {
        return Ok(false);
    }
    let mut head = Vec::new();
    std::fs::File::open(path)?.take(MAGIC.len() as u64).read_to_end(&mut head)?;
    Ok(head == MAGIC)
}
