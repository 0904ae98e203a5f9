//! Signed rules and indicators: with a key, every file that is given has to be signed with it (minisign), not expired,
//! and where the versions of earlier runs are known, not older than those.
//!
//! The trusted comment of a signature may hold `version:N`, `expires:YYYY-MM-DD` and `name:PACK` between other words.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use minisign_verify::{PublicKey, Signature};
use sha2::{Digest, Sha256};

use super::{Options, PlanError};
use crate::model::text::{escape, hex, shorten};

/// Ends the name of a signature.
pub(super) const SIGNATURE: &str = ".minisig";
/// A pack, and a signature, are never larger, in bytes.
const MAX_PACK: u64 = 512 << 20;
const MAX_SIGNATURE: u64 = 64 << 10;

/// One file that is signed as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pack {
    /// Of the public key, with which versions are counted.
    pub key: String,
    pub name: String,
    pub sha256: [u8; 32],
    pub version: Option<u64>,
}

/// What a trusted comment says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    name: Option<String>,
    version: Option<u64>,
    expires: Option<Date>,
}

/// Checks every file of rules and indicators, where a key is given; none otherwise.
///
/// # Errors
/// In one sentence that names the file and the way out.
pub fn verify_packs(options: &Options) -> Result<Vec<Pack>, PlanError> {
    let Some(key_file) = &options.pack_key else { return Ok(Vec::new()) };
    let refuse = |why: String| PlanError::Usage(why);
    let text =
        read(key_file, MAX_SIGNATURE).map_err(|e| refuse(format!("--pack-key {}: it can't be read: {e}", shown(key_file))))?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let key = PublicKey::decode(text.trim()).or_else(|_| PublicKey::from_base64(text.trim()));
    let key = key.map_err(|_| {
        refuse(format!(
            "--pack-key {}: it is no public key of minisign; give the file that `minisign -G` wrote as minisign.pub",
            shown(key_file)
        ))
    })?;
    // The line with the key alone: comments may change.
    let id = hex(&Sha256::digest(text.trim().lines().last().unwrap_or_default().trim()));
    let today = jiff::tz::TimeZone::UTC.to_datetime(jiff::Timestamp::now()).date();
    let mut packs = Vec::new();
    for path in options.iocs.iter().chain(&options.rules) {
        for file in files(path).map_err(|e| refuse(format!("{}: {e}", shown(path))))? {
            packs.push(pack(&file, &key, &id, options.allow_expired, today).map_err(refuse)?);
        }
    }
    Ok(packs)
}

/// The files of a path, but for signatures.
fn files(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in walkdir::WalkDir::new(path).follow_links(true).sort_by_file_name() {
        let entry = entry
            .map_err(|e| e.into_io_error().unwrap_or_else(|| std::io::Error::other("a link leads back into its own folder")))?;
        if entry.file_type().is_file() && !is_signature(entry.path()) {
            files.push(entry.into_path());
        }
    }
    Ok(files)
}

fn is_signature(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().ends_with(SIGNATURE.as_bytes())
}

fn pack(file: &Path, key: &PublicKey, key_id: &str, allow_expired: bool, today: Date) -> Result<Pack, String> {
    let name = shown(file);
    let mut beside = file.as_os_str().to_owned();
    beside.push(SIGNATURE);
    let signature = read(Path::new(&beside), MAX_SIGNATURE).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => {
            format!(
                "{name} is not signed: --pack-key asks for {name}{SIGNATURE}; sign it with `minisign -S`, or leave out --pack-key"
            )
        }
        _ => format!("the signature {name}{SIGNATURE} can't be read: {e}"),
    })?;
    let signature = Signature::decode(&String::from_utf8_lossy(&signature))
        .map_err(|_| format!("{name}{SIGNATURE} is no signature of minisign: get the pack again"))?;
    let bytes = read(file, MAX_PACK).map_err(|e| format!("{name} can't be read: {e}"))?;
    key.verify(&bytes, &signature, true).map_err(|e| match e {
        minisign_verify::Error::UnexpectedKeyId => {
            format!("{name} is signed with another key than that of --pack-key: get it from its publisher again, or give the key it is signed with")
        }
        _ => format!("{name} is not what was signed: its signature doesn't verify; get the pack again and don't use this one"),
    })?;
    let said = said(signature.trusted_comment()).map_err(|why| format!("{name}{SIGNATURE}: {why}"))?;
    if let Some(expires) = said.expires.filter(|e| *e < today && !allow_expired) {
        return Err(format!(
            "{name} expired on {expires}: get a newer pack, or use it all the same with --allow-expired where there is none"
        ));
    }
    let base = file.file_name().map(|n| escape(n.as_encoded_bytes())).unwrap_or_default();
    Ok(Pack {
        key: key_id.to_owned(),
        name: said.name.unwrap_or(base),
        sha256: Sha256::digest(&bytes).into(),
        version: said.version,
    })
}

fn said(comment: &str) -> Result<Said, String> {
    let mut said = Said::default();
    for word in comment.split_whitespace() {
        match word.split_once(':') {
            Some(("version", n)) => {
                let version = n.parse().map_err(|_| format!("\"{}\" is no version", escape(shorten(n, 40).as_bytes())))?;
                said.version = Some(version);
            }
            Some(("expires", day)) => {
                let day = day.parse().map_err(|_| format!("\"{}\" is no date", escape(shorten(day, 40).as_bytes())))?;
                said.expires = Some(day);
            }
            Some(("name", name)) => said.name = Some(escape(shorten(name, 200).as_bytes())),
            _ => {}
        }
    }
    Ok(said)
}

/// By key and pack, the highest version.
type Versions = BTreeMap<String, BTreeMap<String, u64>>;

/// The versions to remember after these packs.
///
/// # Errors
/// Where a pack is older than one that was seen.
pub fn newer(seen: Option<&[u8]>, packs: &[Pack]) -> Result<Vec<u8>, String> {
    let mut versions: Versions = match seen {
        Some(bytes) => serde_json::from_slice(bytes)
            .map_err(|_| "the record of versions seen is damaged: remove it if you know why, and check the packs".to_owned())?,
        None => Versions::new(),
    };
    for pack in packs {
        let known = versions.entry(pack.key.clone()).or_default();
        match (known.get(&pack.name).copied(), pack.version) {
            (Some(high), None) => {
                return Err(format!("{} has no version, and version {high} was seen before: get the newest pack", pack.name));
            }
            (Some(high), Some(version)) if version < high => {
                return Err(format!(
                    "{} is version {version}, and version {high} was seen before: get the newest pack",
                    pack.name
                ));
            }
            (_, Some(version)) => {
                known.insert(pack.name.clone(), version);
            }
            (None, None) => {}
        }
    }
    serde_json::to_vec_pretty(&versions).map_err(|e| e.to_string())
}

fn read(path: &Path, bound: u64) -> std::io::Result<Vec<u8>> {
    use std::io::Read;
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(bound.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bound { Err(std::io::Error::other("it is too large")) } else { Ok(bytes) }
}

fn shown(path: &Path) -> String {
    escape(path.as_os_str().as_encoded_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_trusted_comment() {
        let read = said("timestamp:1795000000\tfile:a.txt\thashed version:7 expires:2026-12-31 name:clinic-iocs").unwrap();
        assert_eq!((read.version, read.name.as_deref()), (Some(7), Some("clinic-iocs")));
        assert_eq!(read.expires, Some(jiff::civil::date(2026, 12, 31)));
        assert_eq!(said("signed for the clinic").unwrap(), Said::default());
        assert!(said("version:seven").unwrap_err().contains("no version"));
        assert!(said("expires:soon").unwrap_err().contains("no date"));
    }

    #[test]
    fn versions_only_rise() {
        let pack = |name: &str, version| Pack { key: "k".into(), name: name.into(), sha256: [0; 32], version };
        let seen = newer(None, &[pack("a", Some(3)), pack("b", None)]).unwrap();
        let seen = newer(Some(&seen), &[pack("a", Some(3)), pack("c", Some(1))]).unwrap();
        assert!(newer(Some(&seen), &[pack("a", Some(2))]).unwrap_err().contains("version 3 was seen"));
        assert!(newer(Some(&seen), &[pack("a", None)]).is_err());
        assert!(newer(Some(&seen), &[Pack { key: "other".into(), ..pack("a", Some(1)) }]).is_ok(), "a new key counts anew");
        assert!(newer(Some(b"{"), &[]).unwrap_err().contains("damaged"));
    }
}
