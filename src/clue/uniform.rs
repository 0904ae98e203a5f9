//! Whether bytes can be told from random ones: the chi-square test over the 256 values (Knuth, The Art of Computer
//! Programming, volume 2, section 3.3.1). Ciphertext passes, deflate and bzip2 don't; LZMA passes too, so that what
//! passes is "looks encrypted", never "is".

use crate::model::Histogram;

/// Bytes from which the test tells deflate from random bytes.
const LEAST: u64 = 64 << 10;
/// Of 255 degrees of freedom; random bytes are above it about once in a thousand times.
const LIMIT: f64 = 330.0;

/// How often each value came.
pub type Counts = [u64; 256];

/// Whether this many bytes look random.
pub fn passes(counts: &Counts) -> bool {
    let n: u64 = counts.iter().sum();
    n >= LEAST && chi_square(counts, n) < LIMIT
}

/// Whether no header stands in front: the first 512 bytes look random by themselves.
pub fn starts_uniform(head: &[u8]) -> bool {
    head.get(..512).is_some_and(|first| chi_square(&Histogram::of(first).counts(), 512) < LIMIT)
}

fn chi_square(counts: &Counts, n: u64) -> f64 {
    let expected = n as f64 / 256.0;
    counts.iter().map(|c| (*c as f64 - expected).powi(2) / expected).sum()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn counts(bytes: &[u8]) -> Counts {
        Histogram::of(bytes).counts()
    }

    /// A stream of bytes of a counter through SHA-256: as good as ciphertext.
    fn random(n: usize) -> Vec<u8> {
        use sha2::Digest;
        (0_u64..).flat_map(|i| sha2::Sha256::digest(i.to_le_bytes())).take(n).collect()
    }

    #[test]
    fn ciphertext_passes_and_compressed_text_does_not() {
        let bytes = random(1 << 20);
        assert!(passes(&counts(&bytes)) && starts_uniform(&bytes));
        assert!(!passes(&counts(&bytes[..1000])), "too short to tell");
        let text: Vec<u8> =
            random(64 << 10).chunks(4).flat_map(|b| format!("{},row {}\n", b[0], u32::from(b[1]) * 997).into_bytes()).collect();
        let mut packed = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        packed.write_all(&text).unwrap();
        let packed = packed.finish().unwrap();
        assert!(
            packed.len() as u64 > LEAST / 2
                && chi_square(&counts(&packed), packed.len() as u64) > LIMIT
                && !passes(&counts(&packed))
        );
        assert!(!starts_uniform(b"PK\x03\x04") && !starts_uniform(&[0; 512]));
    }
}
