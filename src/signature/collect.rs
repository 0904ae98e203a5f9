//! Finding and reading rule files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};
use walkdir::WalkDir;

use crate::model::{Rejected, text};

use super::{SignatureError, pack};

/// Bytes of one rule file, and of one pack.
pub(super) const MAX_SOURCE: u64 = 256 << 20;
/// What a folder is searched for.
const EXTENSIONS: &[&str] = &["yar", "yara", "rule"];

/// Whether a file's name tells that rules are in it.
pub(super) fn is_rule_file(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, ext)| EXTENSIONS.iter().any(|e| ext.eq_ignore_ascii_case(e)))
}

/// One rule file, read.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// The namespace: name or path relative to the named folder, with `/`.
    pub name: String,
    pub sha256: [u8; 32],
    pub text: String,
    /// Why the file is not compiled.
    pub refused: Option<Rejected>,
    /// Set where bytes were read, even if they are refused.
    pub read: bool,
}

impl Source {
    pub(super) fn embedded(name: &str, text: &str) -> Self {
        Self::of(format!("embedded/{name}"), text.as_bytes().to_vec())
    }

    pub(super) fn of(name: String, bytes: Vec<u8>) -> Self {
        let sha256 = Sha256::digest(&bytes).into();
        match String::from_utf8(bytes) {
            // A byte order mark is no part of the rules.
            Ok(text) => {
                let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
                Self { name, sha256, text, refused: None, read: true }
            }
            Err(error) => {
                let good = error.utf8_error().valid_up_to();
                let line = error.as_bytes().iter().take(good).filter(|&&b| b == b'\n').count().saturating_add(1);
                let refused = Some(Rejected { place: format!("{name}:{line}"), why: "not UTF-8 text".to_owned() });
                Self { name, sha256, text: String::new(), refused, read: true }
            }
        }
    }

    pub(super) fn refused(name: String, why: impl Into<String>) -> Self {
        let refused = Some(Rejected { place: name.clone(), why: why.into() });
        Self { name, sha256: [0; 32], text: String::new(), refused, read: false }
    }
}

/// Reads what `path` names. Within a folder a file that can't be read is refused by name; a path that was
/// named itself must be readable.
pub(super) fn collect(path: &Path, sources: &mut Vec<Source>) -> Result<(), SignatureError> {
    let unreadable = |source| SignatureError::Unreadable { path: path.to_owned(), source };
    let meta = match std::fs::metadata(path) {
        Ok(meta) => meta,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Err(SignatureError::Missing(path.to_owned())),
        Err(e) => return Err(unreadable(e)),
    };
    if meta.is_dir() {
        return folder(path, sources);
    }
    if !meta.is_file() {
        return Err(SignatureError::NotAFile(path.to_owned()));
    }
    let name = path.file_name().unwrap_or(path.as_os_str());
    let name = text::escape(name.as_encoded_bytes());
    read(path, name, sources).map_err(unreadable)
}

fn folder(root: &Path, sources: &mut Vec<Source>) -> Result<(), SignatureError> {
    let before = sources.len();
    // The operator named this folder: links in it are meant. Loops are errors of the walker.
    for entry in WalkDir::new(root).follow_links(true).sort_by_file_name() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(e) if e.depth() == 0 => {
                let source = e.into_io_error().unwrap_or_else(|| std::io::Error::other("it can't be listed"));
                return Err(SignatureError::Unreadable { path: root.to_owned(), source });
            }
            Err(e) => {
                let name = e.path().map_or_else(|| relative(root, root), |p| relative(root, p));
                let why = e.io_error().map_or_else(|| "a link that leads back to its own folder".to_owned(), ToString::to_string);
                sources.push(Source::refused(name, text::escape(why.as_bytes())));
                continue;
            }
        };
        let base = entry.file_name().to_string_lossy();
        let is_pack = base.rsplit_once('.').is_some_and(|(_, ext)| ext.eq_ignore_ascii_case("zip"));
        if !entry.file_type().is_file() || !(is_pack || is_rule_file(&base)) {
            continue;
        }
        let name = relative(root, entry.path());
        if let Err(e) = read(entry.path(), name.clone(), sources) {
            sources.push(Source::refused(name, text::escape(e.to_string().as_bytes())));
        }
    }
    if sources.len() == before {
        let name = text::escape(root.as_os_str().as_encoded_bytes());
        sources.push(Source::refused(name, "no rule file (.yar, .yara, .rule, .zip) is in this folder"));
    }
    Ok(())
}

fn relative(root: &Path, path: &Path) -> String {
    let rest = path.strip_prefix(root).unwrap_or(path);
    let parts: Vec<String> = rest.components().map(|c| text::escape(c.as_os_str().as_encoded_bytes())).collect();
    parts.join("/")
}

fn read(path: &Path, name: String, sources: &mut Vec<Source>) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_SOURCE.saturating_add(1)).read_to_end(&mut bytes)?;
    content(name, bytes, sources);
    Ok(())
}

/// What was read: a rule file, or a zip pack of them.
pub(super) fn content(name: String, bytes: Vec<u8>, sources: &mut Vec<Source>) {
    if bytes.len() as u64 > MAX_SOURCE {
        sources.push(Source::refused(name, format!("larger than {} MiB", MAX_SOURCE >> 20)));
    } else if pack::is_zip(&bytes) {
        pack::unpack(&name, &bytes, sources);
    } else {
        sources.push(Source::of(name, bytes));
    }
}

/// Gives equal names a number, and refuses content that was loaded before: the same rules twice would count
/// as two observations.
pub(super) fn name_apart(sources: &mut [Source]) {
    let mut names: BTreeSet<String> = BTreeSet::new();
    let mut seen: BTreeMap<[u8; 32], String> = BTreeMap::new();
    for source in sources {
        let plain = source.name.clone();
        let mut n = 2u64;
        while !names.insert(source.name.clone()) {
            source.name = format!("{plain} ({n})");
            n = n.saturating_add(1);
        }
        if !source.read {
            continue;
        }
        if let Some(first) = seen.get(&source.sha256) {
            let why = format!("the same content as {first}, which is loaded");
            source.refused = Some(Rejected { place: source.name.clone(), why });
            source.text.clear();
        } else {
            seen.insert(source.sha256, source.name.clone());
        }
    }
}
