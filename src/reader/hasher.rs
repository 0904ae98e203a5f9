//! Digests and byte statistics of one pass.

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::model::Digests;

/// Which digests are asked for beside SHA-256 and CRC-32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Want {
    pub sha1: bool,
    pub md5: bool,
}

impl Want {
    pub const ALL: Want = Want { sha1: true, md5: true };
}

/// Feeds every byte to all digests and to the histogram for the entropy.
pub struct Hasher {
    sha256: Sha256,
    sha1: Option<Sha1>,
    md5: Option<Md5>,
    crc32: crc32fast::Hasher,
    // Four tables, so that runs of one byte don't wait for each other's counter.
    counts: [[u64; 256]; 4],
    len: u64,
}

impl Hasher {
    pub fn new(want: Want) -> Self {
        Self {
            sha256: Sha256::new(),
            sha1: want.sha1.then(Sha1::new),
            md5: want.md5.then(Md5::new),
            crc32: crc32fast::Hasher::new(),
            counts: [[0; 256]; 4],
            len: 0,
        }
    }

    pub fn update(&mut self, chunk: &[u8]) {
        self.sha256.update(chunk);
        if let Some(h) = &mut self.sha1 {
            h.update(chunk);
        }
        if let Some(h) = &mut self.md5 {
            h.update(chunk);
        }
        self.crc32.update(chunk);
        let mut quads = chunk.chunks_exact(4);
        for q in &mut quads {
            self.counts[0][usize::from(q[0])] += 1;
            self.counts[1][usize::from(q[1])] += 1;
            self.counts[2][usize::from(q[2])] += 1;
            self.counts[3][usize::from(q[3])] += 1;
        }
        for b in quads.remainder() {
            self.counts[0][usize::from(*b)] += 1;
        }
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
        let entropy = self.entropy_milli();
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
        std::array::from_fn(|i| self.counts.iter().map(|t| t[i]).sum())
    }

    /// All at once, for bytes that are held.
    pub fn of(bytes: &[u8], want: Want) -> (Digests, u32) {
        let mut hasher = Self::new(want);
        hasher.update(bytes);
        hasher.finish()
    }

    /// Shannon entropy of the byte distribution.
    fn entropy_milli(&self) -> u32 {
        if self.len == 0 {
            return 0;
        }
        let total = self.len as f64;
        let mut bits = 0.0;
        for n in self.counts() {
            if n > 0 {
                let p = n as f64 / total;
                bits -= p * p.log2();
            }
        }
        // Clamped to 0..=8 bits, so the cast is exact.
        (bits.clamp(0.0, 8.0) * 1000.0).round() as u32
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
    fn entropy_ends() {
        assert_eq!(Hasher::of(b"", Want::default()).1, 0);
        assert_eq!(Hasher::of(&[7; 1000], Want::default()).1, 0);
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(Hasher::of(&all, Want::default()).1, 8000);
    }
}
