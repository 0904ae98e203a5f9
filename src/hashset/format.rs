//! The layout of a compiled file: what its parts are and whether they fit together. See the module above.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::digest::Kind;

/// The first bytes of a compiled file. A transfer that changes line ends breaks them.
pub const MAGIC: &[u8; 8] = b"\x89WRHS\r\n\x1a";
/// Of the layout.
const VERSION: u32 = 1;
/// Parts begin at a multiple of this, so that no digest of SHA-256 lies on two pages of memory.
pub(super) const PAGE: u64 = 4096;
/// Bytes at the end.
pub(super) const TRAILER: usize = 96;
/// Most bits that an index has: 32 MiB a kind.
pub(super) const MAX_BITS: u32 = 22;
/// Digests of one bucket of the index, on average.
const BUCKET: u64 = 64;
/// Largest directory, in bytes.
const MAX_DIRECTORY: u64 = 16 << 20;

/// What it means to be in the set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Published software: such objects need no rules.
    KnownGood,
    /// Material of intruders.
    KnownBad,
}

impl Verdict {
    pub fn words(self) -> &'static str {
        match self {
            Verdict::KnownGood => "known-good",
            Verdict::KnownBad => "known-bad",
        }
    }

    /// Words for a list of which nothing is left.
    pub fn nothing_left(self) -> &'static str {
        match self {
            Verdict::KnownGood => {
                "holds no hash that can clear a file: MD5 alone does not, since two files of one MD5 can be made at will"
            }
            Verdict::KnownBad => "holds no hash that can accuse a file, of the kinds that were asked for",
        }
    }
}

/// The digests of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    pub kind: Kind,
    pub count: u64,
    /// First bits of a digest that the index tells apart.
    pub bits: u32,
}

/// One file that a set was made from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The file's name, without its folder.
    pub name: String,
    /// Of its bytes, hexadecimal; of a compiled file its seal.
    pub sha256: String,
    /// How it was read, as `text`, `sqlite`.
    pub format: String,
    /// Lines or records with a digest.
    pub rows: u64,
    /// Lines or records without a usable one.
    pub rejected: u64,
    /// Rows whose digests were not asked for, or can't clear a file.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub left_out: u64,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// What a compiled file says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Info {
    /// What its maker calls it; may be empty.
    pub name: String,
    pub verdict: Verdict,
    /// Weight of a match with a known-bad set, 1 to 100.
    pub score: i32,
    /// One for each kind, in the order of the file.
    pub sections: [Section; 3],
    pub sources: Vec<Source>,
    /// The seal, hexadecimal: it stands for the whole file. Not stored in the directory.
    #[serde(skip)]
    pub seal: String,
    /// SHA-256 of header and digests, hexadecimal: equal for sets of the same digests.
    #[serde(skip)]
    pub content: String,
}

impl Info {
    /// Digests in all.
    pub fn len(&self) -> u64 {
        self.sections.iter().map(|s| s.count).fold(0, u64::saturating_add)
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Digests of a kind.
    pub fn count(&self, kind: Kind) -> u64 {
        self.sections.iter().find(|s| s.kind == kind).map_or(0, |s| s.count)
    }
}

/// Bits of the index for so many digests.
pub fn bits_for(count: u64) -> u32 {
    let buckets = count.div_ceil(BUCKET).max(1);
    (u64::BITS - (buckets - 1).leading_zeros()).min(MAX_BITS)
}

/// The header, padded.
pub fn header() -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.resize(PAGE as usize, 0);
    out
}

/// The end of the file.
pub struct Trailer {
    pub content: [u8; 32],
    pub seal: [u8; 32],
    /// Lengths of header and digests, of indexes, of the directory.
    pub lengths: [u64; 3],
}

impl Trailer {
    pub fn new(content: [u8; 32], indexes: &[u8], directory: &[u8], digests_end: u64) -> Self {
        let lengths = [digests_end, indexes.len() as u64, directory.len() as u64];
        Self { content, seal: seal(&content, indexes, directory, lengths), lengths }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut out = [self.content, self.seal].concat();
        self.lengths.iter().for_each(|l| out.extend_from_slice(&l.to_le_bytes()));
        out.extend_from_slice(MAGIC);
        out
    }
}

fn seal(content: &[u8; 32], indexes: &[u8], directory: &[u8], lengths: [u64; 3]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(content);
    hasher.update(indexes);
    hasher.update(directory);
    lengths.iter().for_each(|l| hasher.update(l.to_le_bytes()));
    hasher.finalize().into()
}

/// Where the parts of one kind lie in the file. All ranges are inside of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    pub digests: Range<usize>,
    pub index: Range<usize>,
    pub bits: u32,
}

/// A checked layout.
#[derive(Clone, Debug)]
pub struct Layout {
    pub info: Info,
    pub places: [Place; 3],
    /// Header and digests, over which `content` goes.
    pub content: Range<usize>,
    pub content_sha256: [u8; 32],
}

impl Layout {
    /// Checks everything but the digests themselves.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn of(file: &[u8]) -> Result<Self, String> {
        let version = file.get(..12).filter(|h| h.starts_with(MAGIC)).ok_or("it does not begin as one")?;
        let version = number::<4>(version, 8).map_or(0, u32::from_le_bytes);
        if version != VERSION {
            return Err(format!("its layout is of version {version}, this program knows {VERSION}"));
        }
        let end = file.len().checked_sub(TRAILER).ok_or("it is cut off")?;
        let trailer = file.get(end..).unwrap_or_default();
        if trailer.get(88..96) != Some(MAGIC) {
            return Err("its end is missing".into());
        }
        let length = |at| number::<8>(trailer, at).map(u64::from_le_bytes).and_then(|n| usize::try_from(n).ok());
        let (Some(first), Some(second), Some(third)) = (length(64), length(72), length(80)) else {
            return Err("its lengths are impossible".into());
        };
        let index_end = first.checked_add(second).ok_or("its lengths are impossible")?;
        if index_end.checked_add(third) != Some(end) || third as u64 > MAX_DIRECTORY {
            return Err("its lengths do not add up to its size".into());
        }
        let (indexes, directory) = (file.get(first..index_end), file.get(index_end..end));
        let (Some(indexes), Some(directory)) = (indexes, directory) else { return Err("it is cut off".into()) };
        let content_sha256: [u8; 32] = number(trailer, 0).ok_or("it is cut off")?;
        let stored: [u8; 32] = number(trailer, 32).ok_or("it is cut off")?;
        if seal(&content_sha256, indexes, directory, [first as u64, second as u64, third as u64]) != stored {
            return Err("its seal does not fit".into());
        }
        let mut info: Info = serde_json::from_slice(directory).map_err(|_| "its directory can't be understood")?;
        info.seal = crate::model::text::hex(&stored);
        info.content = crate::model::text::hex(&content_sha256);
        let places = places(&info, first, index_end)?;
        for (place, section) in places.iter().zip(&info.sections) {
            check_index(file.get(place.index.clone()).unwrap_or_default(), section)?;
        }
        Ok(Self { info, places, content: 0..first, content_sha256 })
    }
}

/// Follows from counts and bits alone; the sums must meet the stored lengths.
fn places(info: &Info, digests_end: usize, index_end: usize) -> Result<[Place; 3], String> {
    const IMPOSSIBLE: &str = "its counts are impossible";
    let mut places = <[Place; 3]>::default();
    let (mut at, mut index_at) = (PAGE as usize, digests_end);
    for ((place, section), kind) in places.iter_mut().zip(&info.sections).zip(Kind::ALL) {
        if section.kind != kind || section.bits > MAX_BITS {
            return Err(IMPOSSIBLE.into());
        }
        let bytes = usize::try_from(section.count).ok().and_then(|n| n.checked_mul(kind.width())).ok_or(IMPOSSIBLE)?;
        let end = at.checked_add(bytes).filter(|e| *e <= digests_end).ok_or(IMPOSSIBLE)?;
        let index = ((1usize << section.bits) + 1) * 8;
        *place = Place { digests: at..end, index: index_at..index_at + index, bits: section.bits };
        at = end.checked_next_multiple_of(PAGE as usize).ok_or(IMPOSSIBLE)?;
        index_at += index;
    }
    if at != digests_end || index_at != index_end {
        return Err("its counts do not add up to its size".into());
    }
    Ok(places)
}

/// Ascending from 0 to the count, so that every pair of neighbours is a range of digests.
fn check_index(index: &[u8], section: &Section) -> Result<(), String> {
    let mut last = 0;
    for (i, n) in index.as_chunks::<8>().0.iter().enumerate() {
        let n = u64::from_le_bytes(*n);
        if n < last || (i == 0 && n != 0) {
            return Err("its index is out of order".into());
        }
        last = n;
    }
    if last == section.count { Ok(()) } else { Err("its index does not end at the last digest".into()) }
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_hold_about_a_page_of_memory() {
        assert_eq!(bits_for(0), 0);
        assert_eq!(bits_for(64), 0);
        assert_eq!(bits_for(65), 1);
        assert_eq!(bits_for(1 << 16), 10);
        assert_eq!(bits_for(50_000_000), 20);
        assert_eq!(bits_for(u64::MAX), MAX_BITS);
    }
}
