//! Whether a case folder is what it was when it was sealed, and if not, what differs where.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

use serde::Serialize;

use super::Report;
use super::canonical::findings_sha256;
use super::casefolder::{CaseError, CaseFolder};
use super::chain::chain;
use super::manifest::{MANIFEST, Manifest, ManifestFile, TIME_REPLY, digest, list};
use super::signature::{PUBLIC_KEY, PublicKey, SIGNATURE};
use super::timestamp::{self, Stamp};
use super::working::JOURNAL;
use crate::model::text::{escape, hex};

/// A manifest, signature or key above this is damage.
const MAX_SMALL: u64 = 64 << 20;

/// One thing that is not as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Name inside the case folder.
    pub file: String,
    pub what: String,
}

/// What verifying has come to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verified {
    pub differences: Vec<Difference>,
    /// Files whose digests agree.
    pub files: u64,
    /// Lines of the journal whose chain holds.
    pub journal_lines: u64,
    /// Of the public key in the folder, hexadecimal.
    pub key_sha256: Option<String>,
    /// There is a manifest.
    pub sealed: bool,
    /// A scan that has not ended was begun in it; its working files are in no manifest.
    pub unfinished: bool,
    /// RFC 3339, as the manifest says.
    pub created: Option<String>,
    /// Where a time-stamping authority's answer lies beside the manifest.
    pub stamp: Option<Stamp>,
}

impl Verified {
    pub fn is_intact(&self) -> bool {
        self.differences.is_empty()
    }

    fn differs(&mut self, file: &str, what: impl Into<String>) {
        self.differences.push(Difference { file: file.to_owned(), what: what.into() });
    }
}

/// Checks the signature, every file, the journal's chain, and that the digests in the report are those of what it
/// speaks of. `key` is the fingerprint that the signing key must have.
///
/// # Errors
/// When the folder is no case, or can't be read.
pub fn verify(root: &Path, key: Option<&str>) -> Result<Verified, CaseError> {
    let folder = CaseFolder::open(root)?;
    let mut out = Verified { unfinished: folder.is_begun(), ..Verified::default() };
    let Ok(bytes) = small(&root.join(MANIFEST)) else {
        if out.unfinished {
            return Ok(out);
        }
        out.differs(MANIFEST, "it is missing or can't be read: the case was never sealed, or its seal was removed");
        return Ok(out);
    };
    out.sealed = true;
    signature(root, &bytes, key, &mut out);
    if let Ok(reply) = small(&root.join(TIME_REPLY)) {
        match timestamp::check(&reply, &bytes) {
            Ok(stamp) => out.stamp = Some(stamp),
            Err(why) => out.differs(TIME_REPLY, why),
        }
    }
    let Ok(manifest) = serde_json::from_slice::<Manifest>(&bytes) else {
        out.differs(MANIFEST, "it is no manifest of wardround");
        return Ok(out);
    };
    out.created = manifest.created.clone();
    if manifest.key_sha256.is_some() && manifest.key_sha256 != out.key_sha256 {
        out.differs(PUBLIC_KEY, "it is not the key that the manifest names");
    }
    let found = readable(root, &mut out)?;
    files(&manifest, &found, &mut out);
    journal(root, &manifest, &mut out)?;
    report(root, &manifest, &found, &mut out);
    Ok(out)
}

fn signature(root: &Path, manifest: &[u8], wanted: Option<&str>, out: &mut Verified) {
    let public = small(&root.join(PUBLIC_KEY)).ok().and_then(|pem| PublicKey::from_pem(&String::from_utf8(pem).ok()?));
    let Some(public) = public else {
        return out.differs(PUBLIC_KEY, "it is missing or no public key");
    };
    let fingerprint = public.fingerprint();
    if let Some(wanted) = wanted
        && !wanted.eq_ignore_ascii_case(&fingerprint)
    {
        out.differs(PUBLIC_KEY, format!("its fingerprint is {fingerprint}, not the one that was asked for"));
    }
    out.key_sha256 = Some(fingerprint);
    match small(&root.join(SIGNATURE)) {
        Err(_) => out.differs(SIGNATURE, "it is missing or can't be read"),
        Ok(signature) if !public.made(&signature, manifest) => {
            out.differs(SIGNATURE, "it is not the signature of this manifest by this key: one of the three was changed");
        }
        Ok(_) => {}
    }
}

/// Every file that can be read; what can't is a difference.
fn readable(root: &Path, out: &mut Verified) -> Result<Vec<ManifestFile>, CaseError> {
    let mut found = Vec::new();
    list(root, "", &mut |path, at| {
        match digest(at) {
            Ok((size, sha256)) => found.push(ManifestFile { path, size, sha256 }),
            Err(e) => out.differs(&path, format!("it can't be read as a file: {e}")),
        }
        Ok(())
    })?;
    Ok(found)
}

fn files(manifest: &Manifest, found: &[ManifestFile], out: &mut Verified) {
    let mut here: BTreeMap<&str, &ManifestFile> = found.iter().map(|f| (f.path.as_str(), f)).collect();
    for file in &manifest.files {
        match here.remove(file.path.as_str()) {
            None => out.differs(&file.path, "it is missing"),
            Some(now) if now.size != file.size => {
                out.differs(&file.path, format!("it has {} bytes, not {}", now.size, file.size));
            }
            Some(now) if now.sha256 != file.sha256 => {
                out.differs(&file.path, format!("its SHA-256 is {}, not {}", now.sha256, file.sha256));
            }
            Some(_) => out.files += 1,
        }
    }
    for name in here.into_keys() {
        out.differs(name, "it was added");
    }
}

fn journal(root: &Path, manifest: &Manifest, out: &mut Verified) -> Result<(), CaseError> {
    let path = root.join(JOURNAL);
    let Ok(file) = File::open(&path) else { return Ok(()) };
    let chain = chain(file).map_err(|e| CaseError::new(&path, e))?;
    if let Some(why) = chain.broken {
        out.differs(JOURNAL, format!("line {}: {why}", chain.lines + 1));
    } else if hex(&chain.head) != manifest.journal_head {
        out.differs(JOURNAL, "its last line is not the one that the manifest names");
    }
    out.journal_lines = chain.lines;
    Ok(())
}

/// The report's own digests, so that a manifest that was made anew over changed files is still seen.
fn report(root: &Path, manifest: &Manifest, found: &[ManifestFile], out: &mut Verified) {
    const NAME: &str = "report.json";
    let parsed = File::open(root.join(NAME)).ok().map(|f| serde_json::from_reader::<_, Report>(BufReader::new(f)));
    let report = match parsed {
        None => return,
        Some(Err(e)) => return out.differs(NAME, format!("it is no report of wardround: {}", escape(e.to_string().as_bytes()))),
        Some(Ok(report)) => report,
    };
    let findings = findings_sha256(&report.findings);
    if findings != report.integrity.findings_sha256 || findings != manifest.findings_sha256 {
        out.differs(NAME, "its findings are not those that it and the manifest give the digest of");
    }
    if report.integrity.journal_head != manifest.journal_head {
        out.differs(NAME, "it names another end of the journal than the manifest");
    }
    let inventory = found.iter().find(|f| f.path == "inventory.jsonl.zst").map(|f| f.sha256.as_str());
    if inventory.is_some_and(|sha256| sha256 != report.integrity.inventory_sha256) {
        out.differs(NAME, "it names another inventory than the one that is here");
    }
}

fn small(path: &Path) -> io::Result<Vec<u8>> {
    use std::io::Read;
    let mut bytes = Vec::new();
    let mut options = File::options();
    options.read(true);
    super::casefolder::no_follow(&mut options);
    options.open(path)?.take(MAX_SMALL).read_to_end(&mut bytes)?;
    Ok(bytes)
}
