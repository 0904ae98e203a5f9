//! `manifest.json`, its signature, and the page that tells a third party how to check them without us.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::casefolder::{CaseError, CaseFolder, Written, no_follow};
use super::chain::chain;
use super::digest::hash_all;
use super::signature::{PUBLIC_KEY, SIGNATURE, SealKey};
use super::timestamp;
use super::working::{JOURNAL, WORKING};
use crate::model::{Name, text};

/// The value of [`Manifest::schema`].
pub const MANIFEST_SCHEMA: &str = "wardround/manifest/1";
/// The manifest's file in the case folder.
pub const MANIFEST: &str = "manifest.json";
/// How to check the case folder with ordinary tools.
pub const HOW_TO_VERIFY: &str = "VERIFY.txt";
/// The request for a time stamp, to be sent from elsewhere, and the answer.
pub const TIME_QUERY: &str = "manifest.tsq";
pub const TIME_REPLY: &str = "manifest.tsr";

const HOW_TO_VERIFY_TEXT: &str = include_str!("../../templates/VERIFY.txt");

/// What the manifest can't name: itself and what is made from it.
pub(super) const OUTSIDE: [&str; 4] = [MANIFEST, SIGNATURE, TIME_QUERY, TIME_REPLY];

/// `manifest.json`: the digest of every file of the case folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// `wardround/manifest/1`.
    pub schema: String,
    /// RFC 3339, UTC.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub created: Option<String>,
    /// Sorted by path.
    pub files: Vec<ManifestFile>,
    /// Last hash of the journal's chain, hexadecimal.
    pub journal_head: String,
    pub findings_sha256: String,
    /// SHA-256 of the public key that the signature is made with (its DER SubjectPublicKeyInfo), hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub key_sha256: Option<String>,
}

/// One file of the manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ManifestFile {
    /// Name inside the case folder, with `/`.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Hexadecimal.
    pub sha256: String,
}

impl CaseFolder {
    /// Writes `manifest.json` over every file that is there, signs it, and says how both are checked. Call it last;
    /// the reserve is given up.
    ///
    /// # Errors
    /// When a file can't be read or written.
    pub fn write_manifest(
        &self,
        created: Option<String>,
        journal_head: &str,
        findings_sha256: &str,
        key: &SealKey,
        timestamp_request: bool,
    ) -> Result<Written, CaseError> {
        self.release_reserve();
        self.write_file(PUBLIC_KEY, &|out| out.write_all(key.public_pem().as_bytes()))?;
        self.write_file(HOW_TO_VERIFY, &|out| out.write_all(HOW_TO_VERIFY_TEXT.as_bytes()))?;
        let files = self.files()?;
        if let Some(name) = self.lost(&files) {
            return Err(self.failed(&name, io::Error::other("it does not hold what was written to it")));
        }
        // Where all of it is known to be what was written, its chain is, too.
        if !self.expects(JOURNAL)
            && let Ok(journal) = File::open(self.path().join(JOURNAL))
        {
            let chain = chain(journal).map_err(|e| self.failed(JOURNAL, e))?;
            if chain.broken.is_some() || text::hex(&chain.head) != journal_head {
                return Err(self.failed(JOURNAL, io::Error::other("it does not hold what was written to it")));
            }
        }
        let manifest = Manifest {
            schema: MANIFEST_SCHEMA.to_owned(),
            created,
            files,
            journal_head: journal_head.to_owned(),
            findings_sha256: findings_sha256.to_owned(),
            key_sha256: Some(key.fingerprint()),
        };
        let mut bytes = serde_json::to_vec_pretty(&manifest).map_err(|e| self.failed(MANIFEST, e.into()))?;
        bytes.push(b'\n');
        let written = self.write_file(MANIFEST, &|out| out.write_all(&bytes))?;
        let signature = key.sign(&bytes);
        self.write_file(SIGNATURE, &|out| out.write_all(&signature))?;
        if timestamp_request {
            let query = timestamp::query(&bytes).map_err(|e| self.failed(TIME_QUERY, io::Error::other(e)))?;
            self.write_file(TIME_QUERY, &|out| out.write_all(&query))?;
        }
        Ok(written)
    }

    /// Every file but the working files and what is made from the manifest, sorted, with its digest.
    ///
    /// # Errors
    /// When one can't be read.
    pub fn files(&self) -> Result<Vec<ManifestFile>, CaseError> {
        let mut files = Vec::new();
        list(self.path(), "", &mut |name, path| {
            let (size, sha256) = digest(path)?;
            files.push(ManifestFile { path: name, size, sha256 });
            Ok(())
        })?;
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(files)
    }
}

/// Calls `each` with the name of every regular file below that a manifest can name.
pub(super) fn list(dir: &Path, prefix: &str, each: &mut dyn FnMut(String, &Path) -> io::Result<()>) -> Result<(), CaseError> {
    for entry in fs::read_dir(dir).map_err(|e| CaseError::new(dir, e))? {
        let entry = entry.map_err(|e| CaseError::new(dir, e))?;
        let path = entry.path();
        let name = format!("{prefix}{}", Name::from(entry.file_name().as_os_str()).shown());
        let kind = entry.file_type().map_err(|e| CaseError::new(&path, e))?;
        if kind.is_dir() {
            list(&path, &format!("{name}/"), each)?;
        } else if !WORKING.contains(&name.as_str()) && !OUTSIDE.contains(&name.as_str()) {
            each(name, &path).map_err(|e| CaseError::new(&path, e))?;
        }
    }
    Ok(())
}

/// Size and SHA-256 of a file; no link is followed.
pub(super) fn digest(path: &Path) -> io::Result<(u64, String)> {
    let mut options = OpenOptions::new();
    options.read(true);
    no_follow(&mut options);
    let mut file = options.open(path)?;
    let mut hash = Sha256::new();
    let len = hash_all(&mut file, &mut hash)?;
    Ok((len, text::hex(&hash.finalize())))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn the_manifest_names_every_file_but_itself() {
        let dir = tempfile::tempdir().unwrap();
        let case = CaseFolder::create(&dir.path().join("c")).unwrap();
        case.create_file("journal/0001.jsonl").unwrap().write_all(b"{}\n").unwrap();
        case.open_file(super::super::STATE).unwrap();
        case.write_file("report.json", &|out| out.write_all(b"abc")).unwrap();
        let key = SealKey::ephemeral().unwrap();
        case.write_manifest(None, "55", "66", &key, false).unwrap();
        case.write_manifest(None, "55", "66", &key, false).unwrap();
        let manifest: Manifest = serde_json::from_slice(&fs::read(case.path().join(MANIFEST)).unwrap()).unwrap();
        let paths: Vec<&str> = manifest.files.iter().map(|f| f.path.as_str()).collect();
        assert_eq!(paths, [HOW_TO_VERIFY, "journal/0001.jsonl", PUBLIC_KEY, "report.json"]);
        assert_eq!(manifest.files[3].size, 3);
        assert_eq!(manifest.key_sha256, Some(key.fingerprint()));
        assert!(!case.release_reserve());
    }
}
