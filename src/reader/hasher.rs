//! Digests and byte statistics of one pass.

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::model::{Digests, Histogram};

/// Which digests are asked for beside SHA-256 and CRC-32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Want {
    pub sha1: bool,
    pub md5: bool,
}

impl Want {
    pub const ALL: Want = Want { sha1: true, md5: true };
}

/// Bytes of a block of each of the three (RFC 1321, FIPS 180-4).
const BLOCK: usize = 64;

/// Feeds every byte to all digests and to the histogram for the entropy.
pub struct Hasher {
    sha256: Sha256,
    sha1: Option<Sha1>,
    md5: Option<Md5>,
    crc32: crc32fast::Hasher,
    histogram: Histogram,
    len: u64,
}

impl Hasher {
    pub fn new(want: Want) -> Self {
        Self {
            sha256: Sha256::new(),
            sha1: want.sha1.then(Sha1::new),
            md5: want.md5.then(Md5::new),
            crc32: crc32fast::Hasher::new(),
            histogram: Histogram::default(),
            len: 0,
        }
    }

    pub fn update(&mut self, chunk: &[u8]) {
        // Block by block of all three: MD5 waits for itself most of the time, and the others fill in.
        for block in chunk.chunks(BLOCK) {
            self.sha256.update(block);
            if let Some(h) = &mut self.sha1 {
                h.update(block);
            }
            if let Some(h) = &mut self.md5 {
                h.update(block);
            }
        }
        self.crc32.update(chunk);
        self.histogram.add(chunk);
        self.len += chunk.len() as u64;
    }

    /// Bytes seen so far.
    pub fn len(&self) -> u64 {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Digests and entropy (thousandths of a bit a byte) of all bytes.
    pub fn finish(self) -> (Digests, u32) {
        let entropy = self.histogram.entropy_milli();
        let digests = Digests {
            sha256: Some(self.sha256.finalize().into()),
            sha1: self.sha1.map(|h| h.finalize().into()),
            md5: self.md5.map(|h| h.finalize().into()),
            crc32: Some(self.crc32.finalize()),
        };
        (digests, entropy)
    }

    /// How often each value came so far.
    pub fn counts(&self) -> [u64; 256] {
        self.histogram.counts()
    }

    /// All at once, for bytes that are held.
    pub fn of(bytes: &[u8], want: Want) -> (Digests, u32) {
        let mut hasher = Self::new(want);
        hasher.update(bytes);
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::text::hex;

    #[test]
    fn known_answers() {
        let (d, e) = Hasher::of(b"abc", Want::ALL);
        assert_eq!(hex(&d.sha256.unwrap()), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(hex(&d.sha1.unwrap()), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(hex(&d.md5.unwrap()), "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(d.crc32, Some(0x3524_41c2));
        assert_eq!(e, 1585);
    }

    #[test]
    fn pieces_count_as_the_whole() {
        let bytes: Vec<u8> = (0..=255).cycle().take(1_000).collect();
        for size in [1, 63, 64, 65, 200] {
            let mut hasher = Hasher::new(Want::ALL);
            bytes.chunks(size).for_each(|piece| hasher.update(piece));
            assert_eq!(hasher.finish(), Hasher::of(&bytes, Want::ALL), "{size}");
        }
    }
}
