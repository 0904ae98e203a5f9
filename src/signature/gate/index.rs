//! Which of many literals stand in some bytes, in one pass: a map of bits over hashed windows of four bytes in lower case,
//! and an exact comparison where a bit is set. Every fourth window is looked at: a literal of seven bytes holds one of them
//! wherever it stands.

use std::collections::HashMap;

use super::literal::{Literal, STRIDE, WINDOW, cost};

/// Bits of a map, as a power of two: 256 KiB.
const BITS: u32 = 21;
const WORDS: usize = 1 << (BITS - 5);
/// Bits of a hash that don't tell where its places begin: few places share the others.
const LOWER: u32 = 6;
/// Bytes that are looked at together.
const BLOCK: usize = 32;

/// Literals that can be looked for.
pub struct Index {
    literals: Vec<Literal>,
    /// A bit for the hash of each window by which a literal is found.
    map: Box<[u32; WORDS]>,
    places: Vec<Place>,
    /// Where in `places` the hashes begin that share their upper bits.
    starts: Vec<u32>,
}

/// A window of a literal; in the order of hashes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    hash: u32,
    literal: u32,
    /// Where in it the window begins.
    within: u32,
}

/// Which literals stood in the bytes; kept from one object to the next so that its memory is.
#[derive(Default)]
pub struct Seen {
    /// By literal: whether it was seen, as the number of the object.
    of: Vec<u32>,
    object: u32,
}

impl Index {
    /// Literals that are shorter than [`LEAST`](super::literal::LEAST) are never found.
    pub fn new(literals: Vec<Literal>) -> Self {
        let mut map = Box::new([0; WORDS]);
        let mut places = Vec::new();
        let mut uses: HashMap<u32, u32> = HashMap::new();
        for (literal, text) in (0..).zip(&literals) {
            let windows = text.bytes.windows(WINDOW).filter_map(|w| w.first_chunk());
            let windows: Vec<(u32, u32, u32)> = (0..).zip(windows).map(|(within, w)| (within, hash(*w), cost(w))).collect();
            for remainder in 0..STRIDE {
                // What many share is compared with all of them wherever it stands.
                let best = windows.iter().skip(remainder).step_by(STRIDE).min_by_key(|(_, hash, cost)| {
                    let shared = uses.get(hash).copied().unwrap_or(0);
                    cost.saturating_add(shared.saturating_mul(4))
                });
                let Some(&(within, hash, _)) = best else { continue };
                *uses.entry(hash).or_default() += 1;
                map[(hash >> 5) as usize % WORDS] |= 1 << (hash & 31);
                places.push(Place { hash, literal, within });
            }
        }
        places.sort_unstable();
        let starts = (0..=1 << (BITS - LOWER)).map(|upper| places.partition_point(|p| p.hash >> LOWER < upper));
        let starts = starts.map(|n| u32::try_from(n).unwrap_or(u32::MAX)).collect();
        Self { literals, map, places, starts }
    }

    pub fn len(&self) -> usize {
        self.literals.len()
    }

    /// Tells of each literal that stands in `data`, once; `found` ends the search with `false`.
    pub fn search(&self, data: &[u8], seen: &mut Seen, mut found: impl FnMut(u32) -> bool) {
        seen.begin(self.literals.len());
        let mut from = 0;
        // One branch for several windows: hardly any of them is one that is looked for.
        while let Some(block) = data.get(from..).and_then(|rest| rest.first_chunk::<BLOCK>()) {
            let mut hits = 0_u32;
            for k in 0..BLOCK / STRIDE {
                let at = STRIDE * k;
                let hash = hash([block[at], block[at + 1], block[at + 2], block[at + 3]]);
                hits |= ((self.map[(hash >> 5) as usize % WORDS] >> (hash & 31)) & 1) << k;
            }
            while hits != 0 {
                let at = from + STRIDE * hits.trailing_zeros() as usize;
                hits &= hits - 1;
                if !self.at(data, at, seen, &mut found) {
                    return;
                }
            }
            from += BLOCK;
        }
        let _ = (from..data.len()).step_by(STRIDE).all(|at| self.at(data, at, seen, &mut found));
    }

    /// Looks which literals stand around the window at `at`; false where that was enough.
    fn at(&self, data: &[u8], at: usize, seen: &mut Seen, found: &mut impl FnMut(u32) -> bool) -> bool {
        let Some(window) = data.get(at..).and_then(|rest| rest.first_chunk()) else { return true };
        let hash = hash(*window);
        let upper = (hash >> LOWER) as usize;
        let start = |at: usize| self.starts.get(at).map(|n| *n as usize);
        let places = start(upper).zip(start(upper + 1)).and_then(|(from, to)| self.places.get(from..to));
        places.into_iter().flatten().filter(|place| place.hash == hash).all(|place| {
            if seen.is(place.literal) || !self.stands(place, data, at) {
                return true;
            }
            seen.set(place.literal);
            found(place.literal)
        })
    }

    /// Whether a literal stands where its window is at `at`.
    fn stands(&self, place: &Place, data: &[u8], at: usize) -> bool {
        let Some(literal) = self.literals.get(place.literal as usize) else { return false };
        let here = at.checked_sub(place.within as usize).and_then(|from| data.get(from..)?.get(..literal.bytes.len()));
        here.is_some_and(|here| if literal.nocase { here.eq_ignore_ascii_case(&literal.bytes) } else { here == literal.bytes })
    }
}

impl Seen {
    fn begin(&mut self, literals: usize) {
        self.object = self.object.wrapping_add(1);
        if self.object == 0 || self.of.len() != literals {
            self.of = vec![0; literals];
            self.object = 1;
        }
    }

    pub fn is(&self, n: u32) -> bool {
        self.of.get(n as usize) == Some(&self.object)
    }

    fn set(&mut self, n: u32) {
        if let Some(slot) = self.of.get_mut(n as usize) {
            *slot = self.object;
        }
    }
}

/// Of a window in lower case: the bit that tells capitals from small letters is set, which makes some other bytes alike too.
fn hash(window: [u8; WINDOW]) -> u32 {
    (u32::from_le_bytes(window) | 0x2020_2020).wrapping_mul(0x9e37_79b1) >> (32 - BITS)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn literal(bytes: &[u8], nocase: bool) -> Literal {
        Literal { bytes: bytes.to_vec(), nocase }
    }

    fn found(index: &Index, data: &[u8]) -> Vec<u32> {
        let mut all = Vec::new();
        index.search(data, &mut Seen::default(), |n| {
            all.push(n);
            true
        });
        all.sort_unstable();
        all
    }

    #[test]
    fn literals_are_found_exactly() {
        let index = Index::new(vec![
            literal(b"MimiKatz", false),
            literal(b"mimikatz", true),
            literal(b"\0\0\0\x01\0\0\0", false),
            literal(b"miKaXXXX", false),
        ]);
        assert_eq!(found(&index, b"xxMimiKatzxx"), [0, 1]);
        assert_eq!(found(&index, b"MIMIKATZ"), [1]);
        assert_eq!(found(&index, b"miKatz"), [0; 0]);
        assert_eq!(found(&index, b"\0\0\0\x01\0\0\0"), [2]);
        assert_eq!(found(&index, b"\0\0\x01\0\0\0"), [0; 0]);
        for before in 0..40 {
            let data = [vec![b'.'; before], b"MimiKatz, miKaXXXX".to_vec()].concat();
            assert_eq!(found(&index, &data), [0, 1, 3], "behind {before}");
            assert_eq!(found(&index, &[data, vec![b'.'; 40]].concat()), [0, 1, 3], "behind {before}");
        }
    }

    #[test]
    fn one_object_tells_nothing_of_the_next() {
        let index = Index::new(vec![literal(b"abcdefg", false)]);
        let mut seen = Seen::default();
        index.search(b"abcdefg", &mut seen, |_| true);
        assert!(seen.is(0));
        index.search(b"xxxx", &mut seen, |_| true);
        assert!(!seen.is(0));
    }

    proptest! {
        #[test]
        fn as_by_hand(data in prop::collection::vec(b'a'..b'c', 0..200), words in prop::collection::vec(prop::collection::vec(b'a'..b'c', 7..10), 1..20)) {
            let index = Index::new(words.iter().map(|w| literal(w, false)).collect());
            let by_hand: Vec<u32> = (0..).zip(&words).filter(|(_, w)| data.windows(w.len()).any(|x| x == w.as_slice())).map(|(n, _)| n).collect();
            prop_assert_eq!(found(&index, &data), by_hand);
        }
    }
}
