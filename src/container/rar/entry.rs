//! What both header formats tell, in one shape.

use crate::model::MemberFacts;

/// One block of an archive.
pub(super) enum Block {
    Main(Main),
    File(Box<Entry>),
    Service(Box<Entry>),
    /// The end record: whether another volume follows.
    End {
        more: bool,
    },
    /// Something worth a note.
    Note(&'static str),
    Other,
    /// A header that can't be believed; reading goes on at the next one that can, where there is one.
    Damaged,
}

/// The header of the archive.
#[derive(Clone, Copy, Default)]
pub(super) struct Main {
    pub solid: bool,
    pub volume: bool,
    pub recovery: bool,
    pub comment: bool,
    /// Number of the volume, from 0, where the header tells it.
    pub number: Option<u64>,
}

/// A file or a service's data.
#[derive(Clone)]
pub(super) struct Entry {
    pub facts: MemberFacts,
    /// First byte of the data in the object.
    pub data: u64,
    pub packed: u64,
    /// Where the data lie, in all volumes: first byte and length.
    pub pieces: Vec<(u64, u64)>,
    /// Unpacked; none where it isn't known.
    pub size: Option<u64>,
    /// CRC-32 of the content: plain, or mixed with the key where `Lock::Rar50` says so.
    pub crc: Option<u32>,
    pub method: Method,
    /// Goes on with the window of the member before.
    pub solid: bool,
    pub lock: Option<Lock>,
    /// It begins in an earlier volume, or goes on in a later one.
    pub before: bool,
    pub after: bool,
    /// A link whose target stands in the header.
    pub linked: bool,
    /// Written by a version that closes archives with a record.
    pub newer: bool,
    /// Of a service: the name of the stream it holds.
    pub stream: Option<Vec<u8>>,
}

impl Entry {
    /// Whether another volume's entry can be the next piece of this one.
    pub(super) fn goes_on_as(&self, next: &Self) -> bool {
        self.facts.name == next.facts.name && self.method == next.method && self.lock.is_some() == next.lock.is_some()
    }

    /// Adds the piece of the next volume. Its header has the checksum of the whole, where it is the last.
    pub(super) fn extend(&mut self, next: &Self) {
        self.pieces.extend_from_slice(&next.pieces);
        self.packed = self.packed.saturating_add(next.packed);
        self.facts.packed = Some(self.packed);
        (self.after, self.crc, self.facts.crc32) = (next.after, next.crc, next.facts.crc32);
        self.newer |= next.newer;
    }
}

/// How content is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Stored,
    Rar15,
    Rar20,
    Rar29,
    Rar50 { version: u8, dictionary: u64 },
    Unknown,
}

/// How it is encrypted.
#[derive(Clone)]
pub(super) enum Lock {
    Rar15,
    Rar20,
    Rar30 { salt: Option<[u8; 8]> },
    Rar50(Box<Lock50>),
    Unknown,
}

#[derive(Clone)]
pub(super) struct Lock50 {
    /// Key derivation takes two to the power of this.
    pub power: u8,
    pub salt: [u8; 16],
    pub iv: [u8; 16],
    /// Check value of the password and its own checksum.
    pub check: Option<[u8; 12]>,
    /// Checksums are mixed with the key.
    pub tweaked: bool,
}

impl Lock {
    /// What one try costs.
    pub(super) fn rounds(&self) -> u64 {
        match self {
            Self::Rar15 | Self::Rar20 | Self::Unknown => 1,
            Self::Rar30 { .. } => 1 << 18,
            // Two hashes to a round.
            Self::Rar50(lock) => 2_u64 << lock.power.min(60),
        }
    }
}
