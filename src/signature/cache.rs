//! Compiled rules on disk, as machine code: whoever can write the file can run code as the scanner. The key covers everything that decides what compiling gives; the file carries a
//! digest of its payload, which is checked before a byte of it is parsed. The digest guards against damage,
//! not against an attacker: the folder must be ours, and on Unix the file must be.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;

use sha2::{Digest, Sha256};
use yara_x::Rules;

use crate::model::text;

use super::collect::Source;
use super::compile::{Compiled, NUMBERS, OPTIONS_VERSION, TEXTS};
use super::traits::Terms;
use crate::model::Input;

const MAGIC: &[u8; 8] = b"WRRULES3";
const DIGEST: usize = 32;
/// Bytes of a cache file that are read at most.
const MAX_FILE: u64 = 1 << 30;

/// The compiler's version: compiled rules are not stable across versions. A test holds it to Cargo.lock.
pub(super) const YARA_X: &str = "1.22.1";

/// Name of the cache file for these sources.
pub(super) fn key(sources: &[Source]) -> String {
    let mut hash = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    part(YARA_X.as_bytes());
    // Machine code of another kind of processor would be thrown away at every start.
    part(std::env::consts::ARCH.as_bytes());
    part(std::env::consts::OS.as_bytes());
    // Reports and terms are our own, and what they say may change with us.
    part(env!("CARGO_PKG_VERSION").as_bytes());
    part(&OPTIONS_VERSION.to_le_bytes());
    TEXTS.iter().chain(&NUMBERS).for_each(|e| part(e.as_bytes()));
    // Which modules are built in decides which rules are left out.
    yara_x::mods::module_names().for_each(|m| part(m.as_bytes()));
    for source in sources {
        part(source.name.as_bytes());
        part(&source.sha256);
        part(source.refused.as_ref().map_or("", |r| r.why.as_str()).as_bytes());
    }
    text::hex(&hash.finalize())
}

fn file_name(key: &str) -> String {
    format!("rules-{key}.bin")
}

/// `None` where there is no usable file; what is damaged is as good as absent.
pub(super) fn read(dir: &Path, key: &str) -> Option<Compiled> {
    let path = dir.join(file_name(key));
    if !fs::symlink_metadata(&path).ok()?.is_file() {
        return None;
    }
    let file = File::open(path).ok()?;
    if !ours(&file) {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE).read_to_end(&mut bytes).ok()?;
    let rest = bytes.strip_prefix(MAGIC.as_slice())?;
    let (digest, payload) = rest.split_at_checked(DIGEST)?;
    if Sha256::digest(payload).as_slice() != digest {
        return None;
    }
    let mut parts = Parts(payload);
    let (reports, terms): (Vec<Input>, Terms) = serde_json::from_slice(parts.next()?).ok()?;
    let rules = rules(parts.next()?)?;
    let gate = match parts.next()? {
        [] => None,
        plan => Some((borsh::from_slice(plan).ok()?, parts.map(self::rules).collect::<Option<_>>()?)),
    };
    Some(Compiled { rules, reports, terms, gate })
}

fn rules(bytes: &[u8]) -> Option<Rules> {
    std::panic::catch_unwind(|| Rules::deserialize(bytes)).ok()?.ok()
}

/// Pieces, each behind its length.
struct Parts<'b>(&'b [u8]);

impl<'b> Iterator for Parts<'b> {
    type Item = &'b [u8];

    fn next(&mut self) -> Option<&'b [u8]> {
        let (length, rest) = self.0.split_first_chunk()?;
        let (part, rest) = rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
        self.0 = rest;
        Some(part)
    }
}

/// Whether nobody else could have written the file.
#[cfg(unix)]
fn ours(file: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    let me = rustix::process::geteuid().as_raw();
    file.metadata().is_ok_and(|m| m.uid() == me && m.mode() & 0o022 == 0)
}

/// Only this account, administrators and the system may change it.
#[cfg(windows)]
fn ours(file: &File) -> bool {
    let me = crate::sys::windows::account();
    let accounts: Vec<&str> = ["S-1-5-18", "S-1-5-32-544"].into_iter().chain(me.as_deref()).collect();
    crate::sys::windows::security(file).is_ok_and(|d| crate::sys::ntinfo::is_only_of(&d, &accounts))
}

#[cfg(not(any(unix, windows)))]
fn ours(_file: &File) -> bool {
    false
}

/// Writes beside and renames, so that a reader sees a whole file or none. A failure costs the next start its time only.
pub(super) fn write(dir: &Path, key: &str, compiled: &Compiled) {
    let _ = try_write(dir, key, compiled);
}

fn try_write(dir: &Path, key: &str, compiled: &Compiled) -> std::io::Result<()> {
    let reports = serde_json::to_vec(&(&compiled.reports, &compiled.terms))?;
    let (plan, large) = match &compiled.gate {
        Some((plan, large)) => (borsh::to_vec(plan)?, large.as_slice()),
        None => (Vec::new(), [].as_slice()),
    };
    let mut payload = Vec::new();
    let mut add = |part: &[u8]| {
        payload.extend_from_slice(&(part.len() as u64).to_le_bytes());
        payload.extend_from_slice(part);
    };
    add(&reports);
    add(&compiled.rules.serialize().map_err(std::io::Error::other)?);
    add(&plan);
    for rules in large {
        add(&rules.serialize().map_err(std::io::Error::other)?);
    }
    let digest = Sha256::digest(&payload);

    fs::create_dir_all(dir)?;
    let beside = dir.join(format!(".{}.{}", file_name(key), std::process::id()));
    let written = (|| {
        let mut file = create(&beside)?;
        file.write_all(MAGIC)?;
        file.write_all(&digest)?;
        file.write_all(&payload)?;
        file.sync_all()?;
        fs::rename(&beside, dir.join(file_name(key)))
    })();
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}

fn create(path: &Path) -> std::io::Result<File> {
    // A leftover of a process of the same number that died here.
    let _ = fs::remove_file(path);
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)
}

#[cfg(test)]
mod tests {
    #[test]
    fn version_is_the_locked_one() {
        let lock = include_str!("../../Cargo.lock");
        let at = lock.find("name = \"yara-x\"\n").unwrap();
        assert!(lock[at..].lines().nth(1).unwrap().contains(super::YARA_X), "raise YARA_X in src/signature/cache.rs");
    }
}
