//! How often each value of a byte comes, and the entropy that follows from it.

/// Counts of the 256 values of a byte.
#[derive(Clone, Debug)]
pub struct Histogram {
    // Four tables, so that runs of one byte don't wait for each other's counter.
    counts: [[u64; 256]; 4],
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: [[0; 256]; 4] }
    }
}

impl Histogram {
    pub fn of(bytes: &[u8]) -> Self {
        let mut all = Self::default();
        all.add(bytes);
        all
    }

    pub fn add(&mut self, bytes: &[u8]) {
        // No object has as many bytes as would wrap, and a check of each addition takes a quarter more time.
        let count = |table: &mut [u64; 256], byte: u8| {
            let slot = &mut table[usize::from(byte)];
            *slot = slot.wrapping_add(1);
        };
        let [a, b, c, d] = &mut self.counts;
        let (quads, rest) = bytes.as_chunks::<4>();
        for quad in quads {
            count(a, quad[0]);
            count(b, quad[1]);
            count(c, quad[2]);
            count(d, quad[3]);
        }
        rest.iter().for_each(|byte| count(a, *byte));
    }

    /// How often each value came.
    pub fn counts(&self) -> [u64; 256] {
        std::array::from_fn(|value| self.counts.iter().map(|table| table[value]).sum())
    }

    /// Shannon entropy of the bytes, in thousandths of a bit a byte; 0 of none.
    pub fn entropy_milli(&self) -> u32 {
        let counts = self.counts();
        let total = counts.iter().sum::<u64>() as f64;
        let shares = counts.iter().filter(|n| **n > 0).map(|n| *n as f64 / total);
        let bits: f64 = shares.map(|p| -p * p.log2()).sum();
        // Clamped to 0..=8 bits, so the cast is exact.
        (bits.clamp(0.0, 8.0) * 1000.0).round() as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropy_of_known_content() {
        let of = |bytes: &[u8]| Histogram::of(bytes).entropy_milli();
        assert_eq!(of(&[]), 0);
        assert_eq!(of(&[7; 1001]), 0);
        assert_eq!(of(b"abc"), 1585);
        assert_eq!(of(&(0..=255).collect::<Vec<u8>>()), 8000);
    }

    #[test]
    fn parts_count_as_the_whole() {
        let bytes: Vec<u8> = (0..=255).cycle().take(1003).collect();
        let mut parts = Histogram::default();
        bytes.chunks(7).for_each(|part| parts.add(part));
        assert_eq!(parts.counts(), Histogram::of(&bytes).counts());
        assert_eq!(parts.counts().iter().sum::<u64>(), 1003);
    }
}
