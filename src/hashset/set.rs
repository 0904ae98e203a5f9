//! Answers from a compiled file.

use std::fmt;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::HashSetError;
use super::digest::{Digest, Kind};
use super::format::{Info, Layout, Place};
use super::map::Bytes;
use crate::model::{Digests, text};

/// Digests up to so many bytes are checked when a set is opened.
const SMALL: usize = 64 << 20;

/// A compiled set, ready to be asked. Shared by all threads.
pub struct DigestSet {
    bytes: Bytes,
    layout: Layout,
    shown: String,
}

impl fmt::Debug for DigestSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DigestSet").field("path", &self.shown).field("info", &self.layout.info).finish_non_exhaustive()
    }
}

impl DigestSet {
    /// Opens a compiled file without loading it.
    ///
    /// # Errors
    /// [`HashSetError::Unreadable`] and [`HashSetError::Damaged`].
    pub fn open(path: &Path) -> Result<Self, HashSetError> {
        let shown = text::escape(path.as_os_str().as_encoded_bytes());
        let bytes = Bytes::open(path).map_err(|source| HashSetError::Unreadable { path: shown.clone(), source })?;
        Self::of(bytes, shown)
    }

    /// A compiled file that is already in memory.
    ///
    /// # Errors
    /// [`HashSetError::Damaged`]
    pub fn from_bytes(bytes: Vec<u8>, name: &str) -> Result<Self, HashSetError> {
        Self::of(Bytes::Read(bytes), text::escape(name.as_bytes()))
    }

    fn of(bytes: Bytes, shown: String) -> Result<Self, HashSetError> {
        let layout = Layout::of(&bytes).map_err(|why| HashSetError::Damaged { path: shown.clone(), why })?;
        let set = Self { bytes, layout, shown };
        if set.layout.content.len() <= SMALL {
            set.verify()?;
        }
        Ok(set)
    }

    pub fn info(&self) -> &Info {
        &self.layout.info
    }

    /// Reads every byte: the digests' own SHA-256, their order, and that the index leads to each.
    ///
    /// # Errors
    /// [`HashSetError::Damaged`]
    pub fn verify(&self) -> Result<(), HashSetError> {
        let damaged = |why: &str| HashSetError::Damaged { path: self.shown.clone(), why: why.to_owned() };
        let content = self.bytes.get(self.layout.content.clone()).unwrap_or_default();
        if <[u8; 32]>::from(Sha256::digest(content)) != self.layout.content_sha256 {
            return Err(damaged("its digests have changed"));
        }
        let sorted = self.is_sorted::<16>(Kind::Md5) && self.is_sorted::<20>(Kind::Sha1) && self.is_sorted::<32>(Kind::Sha256);
        if sorted { Ok(()) } else { Err(damaged("its digests are out of order")) }
    }

    /// Ascending, each once, each in the bucket where it will be looked for.
    fn is_sorted<const N: usize>(&self, kind: Kind) -> bool {
        let place = self.place(kind);
        let all = self.bytes.get(place.digests.clone()).unwrap_or_default().as_chunks::<N>().0;
        all.is_sorted_by(|a, b| a < b)
            && (0..1usize << place.bits).all(|i| {
                let within = self.bucket(place, i).and_then(|(from, to)| all.get(from..to)).unwrap_or_default();
                within.first().into_iter().chain(within.last()).all(|d| prefix(d, place.bits) == i)
            })
    }

    fn place(&self, kind: Kind) -> &Place {
        let [md5, sha1, sha256] = &self.layout.places;
        match kind {
            Kind::Md5 => md5,
            Kind::Sha1 => sha1,
            Kind::Sha256 => sha256,
        }
    }

    /// Numbers of the first digest of a bucket and of the first behind it.
    fn bucket(&self, place: &Place, i: usize) -> Option<(usize, usize)> {
        let at = place.index.start.checked_add(i.checked_mul(8)?)?;
        let (pair, _) = self.bytes.get(at..at.checked_add(16)?)?.as_chunks::<8>();
        let [from, to] = pair else { return None };
        Some((usize::try_from(u64::from_le_bytes(*from)).ok()?, usize::try_from(u64::from_le_bytes(*to)).ok()?))
    }

    fn find<const N: usize>(&self, kind: Kind, digest: &[u8; N]) -> bool {
        let place = self.place(kind);
        let all = self.bytes.get(place.digests.clone()).unwrap_or_default().as_chunks::<N>().0;
        let bucket = self.bucket(place, prefix(digest, place.bits)).and_then(|(from, to)| all.get(from..to));
        bucket.is_some_and(|b| search(b, digest, place.bits))
    }

    /// Whether the set holds a digest. Takes no memory; touches one page of the index and one or two of the
    /// digests.
    pub fn contains(&self, digest: &Digest) -> bool {
        match digest {
            Digest::Md5(d) => self.find(Kind::Md5, d),
            Digest::Sha1(d) => self.find(Kind::Sha1, d),
            Digest::Sha256(d) => self.find(Kind::Sha256, d),
        }
    }

    /// The strongest of an object's digests that the set holds.
    pub fn strongest(&self, digests: &Digests) -> Option<Digest> {
        let own = [digests.sha256.map(Digest::Sha256), digests.sha1.map(Digest::Sha1), digests.md5.map(Digest::Md5)];
        own.into_iter().flatten().find(|d| self.contains(d))
    }

    /// Every digest, in the order of the file.
    pub fn digests(&self) -> impl Iterator<Item = Digest> + '_ {
        Kind::ALL.into_iter().flat_map(|kind| {
            let all = self.bytes.get(self.place(kind).digests.clone()).unwrap_or_default();
            all.chunks_exact(kind.width()).filter_map(Digest::of_bytes)
        })
    }
}

/// Steps from the guessed place before the rest of a bucket is halved instead.
const STEPS: usize = 16;

/// Searches a bucket whose digests share their first `bits`. Digests are spread evenly, so that the next bits
/// tell about where one lies: that costs one or two lines of the processor's cache, halving costs five. A list
/// made to be uneven is halved.
fn search<const N: usize>(bucket: &[[u8; N]], digest: &[u8; N], bits: u32) -> bool {
    let first = digest.first_chunk::<8>().map_or(0, |c| u64::from_be_bytes(*c));
    let part = (first << bits) >> 32;
    let guess = usize::try_from((part * bucket.len() as u64) >> 32).unwrap_or(0);
    let (below, above) = bucket.split_at(guess.min(bucket.len()));
    if above.first().is_some_and(|d| d <= digest) {
        let near = above.get(..above.len().min(STEPS)).unwrap_or_default();
        match near.iter().find(|d| *d >= digest) {
            Some(found) => found == digest,
            None => above.get(near.len()..).unwrap_or_default().binary_search(digest).is_ok(),
        }
    } else {
        let (far, near) = below.split_at(below.len().saturating_sub(STEPS));
        match near.iter().rev().find(|d| *d <= digest) {
            Some(found) => found == digest,
            None => far.binary_search(digest).is_ok(),
        }
    }
}

/// The first bits of a digest.
pub(super) fn prefix(digest: &[u8], bits: u32) -> usize {
    let first = digest.first_chunk::<4>().map_or(0, |c| u32::from_be_bytes(*c));
    (u64::from(first) >> (32 - bits.min(32))) as usize
}
