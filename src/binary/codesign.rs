//! The code signature of a Mach-O program (Apple, `cs_blobs.h`): what the program calls itself and whose team it is
//! from. All numbers are big-endian. Neither hashes nor certificates are verified.

use serde::Serialize;

use super::facts::shown;

const SUPER_BLOB: u32 = 0xfade_0cc0;
const CODE_DIRECTORY: u32 = 0xfade_0c02;
/// Slots of the super blob.
const DIRECTORY_SLOT: u32 = 0;
const CMS_SLOT: u32 = 0x1_0000;
/// Blobs that are looked at.
const MAX_BLOBS: usize = 64;
/// `CS_ADHOC`: signed by nobody.
const AD_HOC: u32 = 2;
/// The version of the code directory that has a team.
const WITH_TEAM: u32 = 0x2_0200;
const MAX_NAME: usize = 256;

/// From the first code directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CodeSignature {
    /// As `com.example.tool`; chosen by whoever signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identifier: Option<String>,
    /// Apple's ten characters for a developer's team.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team_id: Option<String>,
    /// Signed without a certificate.
    pub ad_hoc: bool,
    /// A signature with certificates is attached.
    pub certificates: bool,
}

/// Reads the data that `LC_CODE_SIGNATURE` points at.
pub(super) fn read(blob: &[u8]) -> Option<CodeSignature> {
    if word(blob, 0)? != SUPER_BLOB {
        return None;
    }
    let count = usize::try_from(word(blob, 8)?).unwrap_or(usize::MAX).min(MAX_BLOBS);
    let mut found = None;
    let mut certificates = false;
    for i in 0..count {
        let (Some(slot), Some(offset)) = (word(blob, 12 + i * 8), word(blob, 16 + i * 8)) else { break };
        let Some(part) = usize::try_from(offset).ok().and_then(|o| blob.get(o..)) else { continue };
        match slot {
            DIRECTORY_SLOT if found.is_none() => found = directory(part),
            // An ad hoc signature has an empty one: magic and length alone.
            CMS_SLOT => certificates |= word(part, 4).is_some_and(|length| length > 8),
            _ => {}
        }
    }
    Some(CodeSignature { certificates, ..found? })
}

fn directory(blob: &[u8]) -> Option<CodeSignature> {
    if word(blob, 0)? != CODE_DIRECTORY {
        return None;
    }
    let (version, flags, identifier) = (word(blob, 8)?, word(blob, 12)?, word(blob, 20)?);
    let team = (version >= WITH_TEAM).then(|| word(blob, 48)).flatten().filter(|&t| t != 0);
    Some(CodeSignature {
        identifier: name(blob, identifier),
        team_id: team.and_then(|t| name(blob, t)),
        ad_hoc: flags & AD_HOC != 0,
        certificates: false,
    })
}

fn name(blob: &[u8], at: u32) -> Option<String> {
    let rest = blob.get(usize::try_from(at).ok()?..)?;
    let rest = rest.get(..MAX_NAME).unwrap_or(rest);
    let text = &rest[..memchr::memchr(0, rest)?];
    (!text.is_empty()).then(|| shown(&String::from_utf8_lossy(text)))
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at.checked_add(4)?)?.try_into().ok().map(u32::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blob() -> Vec<u8> {
        let mut directory = vec![0u8; 52];
        let mut put = |at: usize, n: u32| directory[at..at + 4].copy_from_slice(&n.to_be_bytes());
        put(0, CODE_DIRECTORY);
        put(8, 0x2_0400);
        put(20, 52);
        put(48, 61);
        directory.extend_from_slice(b"org.tool\0ABCDE12345\0");
        let words = [SUPER_BLOB, 0, 2, 0, 28, CMS_SLOT, 28 + 72];
        let mut out: Vec<u8> = words.iter().flat_map(|w: &u32| w.to_be_bytes()).collect();
        out.extend(&directory);
        assert_eq!(out.len(), 100);
        out.extend([0xfa, 0xde, 0x0b, 0x01, 0, 0, 0, 9, 0x30]);
        out
    }

    #[test]
    fn identifier_and_team() {
        let bytes = blob();
        let found = read(&bytes).unwrap();
        assert_eq!((found.identifier.as_deref(), found.team_id.as_deref()), (Some("org.tool"), Some("ABCDE12345")));
        assert_eq!((found.ad_hoc, found.certificates), (false, true));
        assert_eq!(read(&bytes[4..]), None);
    }

    #[test]
    fn every_damage_is_harmless() {
        let bytes = blob();
        for at in 0..bytes.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut changed = bytes.clone();
                changed[at] = value;
                let _ = read(&changed);
            }
            let _ = read(&bytes[..at]);
        }
    }
}
