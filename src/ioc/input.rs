//! Finding, reading and judging indicator files.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::decode::{decode, named};
use super::foreign::foreign;
use super::set::IndicatorSet;
use super::{IocFormat, Loader, REGISTRY};
use crate::model::{Input, Profile, Rejected, text};

/// Largest file that is read, in bytes; about four million SHA-256.
const MAX_FILE: u64 = 256 << 20;
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

/// Reads a file, or every file below a folder.
pub fn read_path(set: &mut IndicatorSet, path: &Path, reports: &mut Vec<Input>) -> Result<(), IocError> {
    let meta = std::fs::metadata(path).map_err(|e| IocError::at(path, e))?;
    if !meta.is_dir() {
        reports.push(read_file(set, path, &name_of(path))?);
        return Ok(());
    }
    let shown = |e: &walkdir::DirEntry| e.depth() == 0 || !e.file_name().as_encoded_bytes().starts_with(b".");
    for entry in walkdir::WalkDir::new(path).follow_links(true).sort_by_file_name().into_iter().filter_entry(shown) {
        let entry = entry.map_err(|e| {
            let at = e.path().unwrap_or(path).to_owned();
            let source = e.into_io_error().unwrap_or_else(|| io::Error::other("a link leads back into its own folder"));
            IocError::at(&at, source)
        })?;
        if entry.file_type().is_file() {
            let inner: PathBuf = entry.path().strip_prefix(path).unwrap_or(entry.path()).to_owned();
            let inner = text::escape(inner.as_os_str().as_encoded_bytes()).replace('\\', "/");
            reports.push(read_file(set, entry.path(), &format!("{}/{inner}", name_of(path)))?);
        }
    }
    Ok(())
}

/// The last part of a path: findings must not depend on where a list lies.
fn name_of(path: &Path) -> String {
    let name = path.file_name().map(|n| text::escape(n.as_encoded_bytes()));
    name.unwrap_or_else(|| text::escape(path.as_os_str().as_encoded_bytes()))
}

fn read_file(set: &mut IndicatorSet, path: &Path, name: &str) -> Result<Input, IocError> {
    let mut file = std::fs::File::open(path).map_err(|e| IocError::at(path, e))?;
    let mut bytes = Vec::new();
    file.by_ref().take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(|e| IocError::at(path, e))?;
    if bytes.len() as u64 <= MAX_FILE {
        return Ok(read(set, name, &bytes));
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
    let why = format!("larger than {} MiB; split it", MAX_FILE >> 20);
    report.rejected.push(Rejected { place: name.to_owned(), why });
    Ok(report)
}

fn blank(name: &str, sha256: &[u8]) -> Input {
    Input {
        name: name.to_owned(),
        sha256: Some(text::hex(sha256)),
        kind: None,
        loaded: 0,
        rejected: Vec::new(),
        adjusted: Vec::new(),
    }
}

/// Recognises the format of a list and loads it.
pub fn read(set: &mut IndicatorSet, name: &str, bytes: &[u8]) -> Input {
    let mut report = blank(name, &Sha256::digest(bytes));
    let refuse = |mut report: Input, why: String| {
        report.rejected.push(Rejected { place: report.name.clone(), why });
        report
    };
    let Some(decoded) = decode(bytes) else {
        return refuse(report, format!("no text; {}", accepted()));
    };
    if decoded.trim().is_empty() {
        return refuse(report, "it is empty".into());
    }
    if let Some((profile, rejected)) = Profile::read(name, &decoded) {
        (report.kind, report.loaded, report.rejected) = (Some("profile".into()), profile.len(), rejected);
        set.profiles.push(profile);
        return report;
    }
    if let Some(what) = foreign(name.as_bytes(), &decoded) {
        return refuse(report, format!("{what}; {}", accepted()));
    }
    match recognise(name.as_bytes(), &decoded) {
        None => refuse(report, format!("in no known format; {}", accepted())),
        Some(format) => {
            report.kind = Some(format.id().to_owned());
            let trusted = named(name.as_bytes(), &["hash"])
                && named(
                    name.as_bytes(),
                    &["trusted", "falsepositive", "false-positive", "known-good", "knowngood", "whitelist"],
                );
            let mut loader = Loader::new(set, &mut report, trusted);
            format.parse(&decoded, &mut loader);
            loader.finish();
            report
        }
    }
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
