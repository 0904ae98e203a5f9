//! Finding, reading and judging indicator files.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::compiled::{self, CompiledSets};
use super::decode::{decode, named};
use super::foreign::{foreign, is_yara};
use super::set::IndicatorSet;
use super::{IocFormat, Loader, REGISTRY};
use crate::model::{Input, Profile, Rejected, text};

/// Largest file that is read, in bytes; about four million SHA-256.
const MAX_FILE: u64 = 256 << 20;
/// First bytes, by which a compiled set is told from a list.
const HEAD: u64 = 8;
/// Part of the text that formats are asked about.
const SAMPLE: usize = 64 * 1024;

/// Why no indicators can be loaded.
#[derive(Debug, thiserror::Error)]
pub enum IocError {
    #[error("the indicator file or folder {path} does not exist; check the path given with --ioc")]
    NotFound { path: String },
    #[error("the indicators in {path} can't be read: {source}")]
    Unreadable { path: String, source: io::Error },
    #[error("the indicators are too many to be compiled together: {0}; give fewer lists with --ioc")]
    TooLarge(String),
}

impl IocError {
    fn at(path: &Path, source: io::Error) -> Self {
        let path = text::escape(path.as_os_str().as_encoded_bytes());
        if source.kind() == io::ErrorKind::NotFound { IocError::NotFound { path } } else { IocError::Unreadable { path, source } }
    }
}

/// Reads indicator files one after the other.
pub struct Reader<'a> {
    pub set: IndicatorSet,
    /// One for every file.
    pub reports: Vec<Input>,
    /// What was listed so far, where duplicates are asked for.
    pub known: Option<&'a mut BTreeMap<String, String>>,
}

impl Reader<'_> {
    /// Reads a file, or every file below a folder.
    pub fn path(&mut self, path: &Path) -> Result<(), IocError> {
        let meta = std::fs::metadata(path).map_err(|e| IocError::at(path, e))?;
        if !meta.is_dir() {
            return self.file(path, &name_of(path));
        }
        // Hidden files, and signatures of those beside them.
        let hidden = |name: &[u8]| name.starts_with(b".") || name.ends_with(b".minisig");
        let shown = |e: &walkdir::DirEntry| e.depth() == 0 || !hidden(e.file_name().as_encoded_bytes());
        for entry in walkdir::WalkDir::new(path).follow_links(true).sort_by_file_name().into_iter().filter_entry(shown) {
            let entry = entry.map_err(|e| {
                let at = e.path().unwrap_or(path).to_owned();
                let source = e.into_io_error().unwrap_or_else(|| io::Error::other("a link leads back into its own folder"));
                IocError::at(&at, source)
            })?;
            if entry.file_type().is_file() {
                let inner: PathBuf = entry.path().strip_prefix(path).unwrap_or(entry.path()).to_owned();
                let inner = text::escape(inner.as_os_str().as_encoded_bytes()).replace('\\', "/");
                self.file(entry.path(), &format!("{}/{inner}", name_of(path)))?;
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, name: &str) -> Result<(), IocError> {
        let mut file = std::fs::File::open(path).map_err(|e| IocError::at(path, e))?;
        let mut bytes = Vec::new();
        file.by_ref().take(HEAD).read_to_end(&mut bytes).map_err(|e| IocError::at(path, e))?;
        if CompiledSets::is_one(&bytes) {
            let report = compiled::load(&mut self.set, path, name);
            self.reports.push(report);
            return Ok(());
        }
        file.by_ref().take(MAX_FILE + 1 - bytes.len() as u64).read_to_end(&mut bytes).map_err(|e| IocError::at(path, e))?;
        if bytes.len() as u64 <= MAX_FILE {
            self.content(name, &bytes);
            return Ok(());
        }
        let mut hasher = Sha256::new();
        hasher.update(&bytes);
        let mut chunk = vec![0; 1 << 16];
        loop {
            match file.read(&mut chunk).map_err(|e| IocError::at(path, e))? {
                0 => break,
                n => hasher.update(chunk.get(..n).unwrap_or_default()),
            }
        }
        let mut report = blank(name, &hasher.finalize());
        let why =
            format!("larger than {} MiB; split it, or make a compiled set of it with `wardround ioc compile`", MAX_FILE >> 20);
        report.rejected.push(Rejected { place: name.to_owned(), why });
        self.reports.push(report);
        Ok(())
    }

    /// Recognises the format of a list and loads it.
    pub fn content(&mut self, name: &str, bytes: &[u8]) {
        let mut report = blank(name, &Sha256::digest(bytes));
        if let Err(why) = self.load(name, bytes, &mut report) {
            report.rejected.push(Rejected { place: report.name.clone(), why });
        }
        self.reports.push(report);
    }

    /// The error is why nothing of the file is loaded.
    fn load(&mut self, name: &str, bytes: &[u8], report: &mut Input) -> Result<(), String> {
        // Rules among indicators are compiled with the other rules; what became of them is told there.
        if bytes.starts_with(b"PK\x03\x04") {
            return self.rules(name, bytes, report);
        }
        let decoded = decode(bytes).ok_or_else(|| format!("no text; {}", accepted()))?;
        if decoded.trim().is_empty() {
            return Err("it is empty".into());
        }
        if let Some((profile, rejected)) = Profile::read(name, &decoded) {
            (report.kind, report.loaded, report.rejected) = (Some("profile".into()), profile.len(), rejected);
            self.set.profiles.push(profile);
            return Ok(());
        }
        if is_yara(&decoded) {
            return self.rules(name, bytes, report);
        }
        if let Some(what) = foreign(name.as_bytes(), &decoded) {
            return Err(format!("{what}; {}", accepted()));
        }
        let format = recognise(name.as_bytes(), &decoded).ok_or_else(|| format!("in no known format; {}", accepted()))?;
        report.kind = Some(format.id().to_owned());
        let good = ["trusted", "falsepositive", "false-positive", "known-good", "knowngood", "whitelist", "allowlist"];
        let trusted = named(name.as_bytes(), &["hash"]) && named(name.as_bytes(), &good);
        let mut loader = Loader::new(&mut self.set, report, trusted, self.known.as_deref_mut());
        format.parse(&decoded, &mut loader);
        loader.finish();
        Ok(())
    }

    fn rules(&mut self, name: &str, bytes: &[u8], report: &mut Input) -> Result<(), String> {
        report.kind = Some("yara".to_owned());
        self.set.rules.push((name.to_owned(), bytes.to_vec()));
        Ok(())
    }
}

/// The last part of a path: findings must not depend on where a list lies.
fn name_of(path: &Path) -> String {
    let name = path.file_name().map(|n| text::escape(n.as_encoded_bytes()));
    name.unwrap_or_else(|| text::escape(path.as_os_str().as_encoded_bytes()))
}

fn blank(name: &str, sha256: &[u8]) -> Input {
    Input { name: name.to_owned(), sha256: Some(text::hex(sha256)), ..Input::default() }
}

/// By content; and only where that is not enough by name.
fn recognise(name: &[u8], text: &str) -> Option<&'static dyn IocFormat> {
    let head = sample(text).as_bytes();
    let asked = |name: &[u8]| REGISTRY.iter().copied().find(|f| f.sniff(name, head));
    asked(b"").or_else(|| asked(name))
}

/// The first part of a text, to the end of a line where there is one.
fn sample(text: &str) -> &str {
    if text.len() <= SAMPLE {
        return text;
    }
    let end = (0..=SAMPLE).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
    let head = text.get(..end).unwrap_or_default();
    head.rfind('\n').and_then(|i| head.get(..i)).unwrap_or(head)
}

fn accepted() -> String {
    let list: Vec<String> = REGISTRY.iter().map(|f| format!("{} ({})", f.id(), f.looks_like())).collect();
    format!("accepted are {}", list.join(", "))
}
