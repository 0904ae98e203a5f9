//! What reading an object once has told: digests, type, and where it is a container, its listing.

use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::Serialize;

use super::entry::Time;
use super::{Disposition, GapReason, Kind, Locator, Meta, Name};

/// Digests of a whole object; never of a part of one.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Digests {
    pub sha256: Option<[u8; 32]>,
    pub sha1: Option<[u8; 20]>,
    pub md5: Option<[u8; 16]>,
    /// Of the plain bytes, as archives store it (ISO 3309 / ITU-T V.42).
    pub crc32: Option<u32>,
}

/// How much of a container is encrypted.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, schemars::JsonSchema, BorshSerialize, BorshDeserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Encrypted {
    #[default]
    No,
    Some,
    All,
    /// Names are hidden too.
    Headers,
}

/// What a container's own headers say of one member, without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberFacts {
    pub name: Name,
    /// Position in the archive's own order, from 0.
    pub index: u32,
    pub is_dir: bool,
    /// A link's target text is data; it is never followed.
    pub is_link: bool,
    /// Declared bytes after expansion; a claim, not a fact.
    pub size: Option<u64>,
    pub packed: Option<u64>,
    pub mtime: Option<Time>,
    /// Declared CRC-32 of the plain bytes, where the format stores it in clear.
    pub crc32: Option<u32>,
    pub encrypted: bool,
    /// Compression or encryption method, in the format's own word.
    pub method: Option<String>,
    pub owner: Option<String>,
    pub mode: Option<String>,
}

/// What a container is, as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, schemars::JsonSchema, BorshSerialize, BorshDeserialize)]
pub struct ContainerFacts {
    /// The registered format, as `zip`.
    pub format: String,
    /// Members that were listed.
    pub members: u64,
    pub encrypted: Encrypted,
    /// System and version of the program that made it, and whose habit that is; what the headers say is a claim.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub made_by: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing_volumes: Vec<String>,
    /// Gap reasons of limits that were hit.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<String>,
    /// Disagreements and oddities (`duplicate_name`, `prefix_data`, …).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// How many passwords the examiner gave, where one of them opened it (note `opened_with_password`).
    #[serde(skip_serializing_if = "is_zero")]
    pub passwords: u64,
}

impl ContainerFacts {
    /// A message, or a document with files packed into it: nobody gathered something in it, and it is judged as a file.
    pub fn is_document(&self) -> bool {
        matches!(self.format.as_str(), "eml" | "mbox" | "ole")
    }
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// Everything known about one object after it was read: the source of its inventory row and what the
/// correlators see.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub struct Object {
    pub locator: Locator,
    pub kind: Kind,
    pub meta: Meta,
    /// Path on the system the evidence came from, where `--map` says so.
    pub origin: Option<Name>,
    /// Set on further names of a hard-linked file.
    pub hard_link_to: Option<Locator>,
    pub digests: Digests,
    /// From the bytes, never from the name: `zip`, `exe`, `text`, `data`, `empty`, …
    pub file_type: Option<String>,
    /// Shannon entropy of all bytes, 0 to 8 bits a byte, in thousandths.
    pub entropy_milli: Option<u32>,
    /// Bytes of content that were read.
    pub read: u64,
    pub disposition: Disposition,
    /// The first gap's reason, where the object was not fully examined.
    pub reason: Option<GapReason>,
    pub container: Option<ContainerFacts>,
    /// It is on a list of known-good files, so that rules passed over it.
    pub known_good: bool,
    /// Nothing was found in it, and nothing of it speaks of others: a later scan may pass over it while it is unchanged.
    pub inert: bool,
    /// The run that read it, where it was passed over as unchanged since.
    pub proved_by: Option<Arc<str>>,
    /// Unchanged by all that the file system says, and drawn to be read again all the same.
    pub reread: bool,
}

impl Object {
    /// An object of which nothing but its name and metadata is known.
    pub fn new(locator: Locator, kind: Kind, meta: Meta) -> Self {
        Self {
            locator,
            kind,
            meta,
            origin: None,
            hard_link_to: None,
            digests: Digests::default(),
            file_type: None,
            entropy_milli: None,
            read: 0,
            disposition: Disposition::Examined,
            reason: None,
            container: None,
            known_good: false,
            inert: false,
            proved_by: None,
            reread: false,
        }
    }
}
