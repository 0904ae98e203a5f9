//! Digests that similar files share: the import hash of a program, and TLSH with a distance.

use std::collections::HashMap;

use tlsh2::{TlshDefault, TlshDefaultBuilder};

/// Distance that counts where a list gives none: builds of one program are usually as near, other programs rarely.
pub const DEFAULT_DISTANCE: u32 = 30;
/// Largest distance that is taken from a list: beyond it most files are alike.
const MAX_DISTANCE: u32 = 150;
/// Distances up to here weigh fully.
const NEAR: u32 = 10;

/// All terms of a run for similar files.
#[derive(Debug, Default)]
pub struct Likeness {
    imphashes: HashMap<[u8; 16], Vec<u32>>,
    tlsh: Vec<Listed>,
}

struct Listed {
    digest: TlshDefault,
    /// Largest distance that counts.
    bound: u32,
    slot: u32,
}

impl std::fmt::Debug for Listed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TLSH within {} for {}", self.bound, self.slot)
    }
}

/// A TLSH that is near enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Near {
    pub id: u32,
    pub distance: u32,
    /// The largest one that counts.
    pub bound: u32,
}

impl Near {
    /// What of a weight is left at this distance: all of it up to 10, half of it at the bound.
    pub fn weigh(self, weight: i32) -> i32 {
        let beyond = self.distance.saturating_sub(NEAR);
        let span = self.bound.saturating_sub(NEAR).max(1);
        let loss = i64::from(weight) * i64::from(beyond.min(span)) / (2 * i64::from(span));
        weight.saturating_sub(i32::try_from(loss).unwrap_or(0))
    }
}

impl Likeness {
    pub fn add_imphash(&mut self, imphash: [u8; 16], slot: u32) {
        self.imphashes.entry(imphash).or_default().push(slot);
    }

    /// 70 or, with `T1` before them, 72 characters. The error says what is wrong.
    pub fn add_tlsh(&mut self, digest: &str, distance: u32, slot: u32) -> Result<(), String> {
        if distance > MAX_DISTANCE {
            return Err(format!("a TLSH distance of more than {MAX_DISTANCE}, at which most files are alike"));
        }
        let digest = parse(digest).ok_or("no TLSH: 70 hexadecimal digits, or T1 and 70")?;
        self.tlsh.push(Listed { digest, bound: distance, slot });
        Ok(())
    }

    pub fn has_imphashes(&self) -> bool {
        !self.imphashes.is_empty()
    }

    pub fn has_tlsh(&self) -> bool {
        !self.tlsh.is_empty()
    }

    /// Slots that list an import hash, given in hexadecimal.
    pub fn by_imphash(&self, hex: &str) -> &[u32] {
        let bytes: Option<Vec<u8>> = hex.as_bytes().chunks(2).map(|p| super::url::pair(*p.first()?, *p.get(1)?)).collect();
        let key = bytes.and_then(|b| <[u8; 16]>::try_from(b).ok());
        key.and_then(|k| self.imphashes.get(&k)).map_or(&[], Vec::as_slice)
    }

    /// Listed TLSH that content is near to, by slot. Empty where the content is too short or too uniform for one.
    pub fn by_content(&self, content: &[u8]) -> Vec<Near> {
        // The least that the algorithm takes.
        if self.tlsh.is_empty() || content.len() < 50 || u32::try_from(content.len()).is_err() {
            return Vec::new();
        }
        let Some(own) = TlshDefaultBuilder::build_from(content) else { return Vec::new() };
        let mut out: Vec<Near> = self
            .tlsh
            .iter()
            .filter_map(|listed| {
                let distance = u32::try_from(own.diff(&listed.digest, true)).ok()?;
                (distance <= listed.bound).then_some(Near { id: listed.slot, distance, bound: listed.bound })
            })
            .collect();
        out.sort_unstable();
        out
    }
}

/// The digest of a list, in any case.
fn parse(digest: &str) -> Option<TlshDefault> {
    let digest = digest.trim().to_ascii_uppercase();
    let digits = digest.strip_prefix("T1").filter(|d| d.len() == 70).unwrap_or(&digest);
    if digits.len() != 70 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    format!("T1{digits}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Digests and distance of the reference implementation (py-tlsh 5.0.0).
    #[test]
    fn as_the_reference_implementation() {
        let (one, other) = texts();
        let mut terms = Likeness::default();
        terms.add_tlsh(ONE, 150, 0).unwrap();
        terms.add_tlsh(&OTHER[2..].to_lowercase(), 150, 1).unwrap();
        let distances = |content: &[u8]| terms.by_content(content).iter().map(|n| (n.id, n.distance)).collect::<Vec<_>>();
        assert_eq!(distances(&one), [(0, 0), (1, DISTANCE)]);
        assert_eq!(distances(&other), [(0, DISTANCE), (1, 0)]);
        assert!(distances(b"short").is_empty() && distances(&[0; 500]).is_empty());
    }

    fn texts() -> (Vec<u8>, Vec<u8>) {
        let mut x = 1u32;
        let one: Vec<u8> = (0..4000)
            .map(|_| {
                x = x.wrapping_mul(1_103_515_245).wrapping_add(12_345);
                (x >> 16) as u8 & 63
            })
            .collect();
        let mut other = one.clone();
        other[1000..1200].fill(7);
        (one, other)
    }

    const ONE: &str = "T13B816D82CA197AD85951A4FC73C1C0CA2FA57F28C3C5E64EF0D9865D51056DAD3B9C38";
    const OTHER: &str = "T1D4816C82C7193AE81851A4FC73C6C0CA2EA57F28C3C1A689FDD88659810168AD3B9C38";
    const DISTANCE: u32 = 30;

    #[test]
    fn weight_falls_with_distance() {
        let near = |distance| Near { id: 0, distance, bound: 30 };
        assert_eq!([0, 10, 20, 30].map(|d| near(d).weigh(80)), [80, 80, 60, 40]);
        assert_eq!(Near { id: 0, distance: 5, bound: 5 }.weigh(80), 80);
    }

    #[test]
    fn what_is_no_digest_is_refused() {
        let mut terms = Likeness::default();
        assert!(terms.add_tlsh("T1abc", 30, 0).is_err());
        assert!(terms.add_tlsh(ONE, 1000, 0).is_err());
        terms.add_imphash([0xab; 16], 7);
        assert_eq!(terms.by_imphash(&"AB".repeat(16)), [7]);
        assert!(terms.by_imphash("zz").is_empty());
    }
}
