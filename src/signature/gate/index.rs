//! Which of many literals stand in some bytes, in one pass: a map of bits over hashed windows of four bytes in lower case,
//! and an exact comparison where a bit is set.

use std::collections::HashMap;

use super::literal::{Literal, WINDOW, cost};

/// Bits of the map, as a power of two: 128 KiB.
const BITS: u32 = 20;
const WORDS: usize = 1 << (BITS - 6);

/// Literals that can be looked for.
pub struct Index {
    map: Box<[u64; WORDS]>,
    /// Sorted: the hash of a literal's window, which literal, and where in it the window begins.
    places: Vec<(u32, u32, u32)>,
    literals: Vec<Literal>,
}

/// Which literals stood in the bytes; kept from one object to the next so that its memory is.
#[derive(Default)]
pub struct Seen {
    /// By literal: whether it was seen, as the number of the object.
    of: Vec<u32>,
    object: u32,
}

impl Index {
    pub fn new(literals: Vec<Literal>) -> Self {
        let mut map = Box::new([0; WORDS]);
        let mut places = Vec::with_capacity(literals.len());
        let mut uses: HashMap<u32, u32> = HashMap::new();
        for (n, literal) in (0..).zip(&literals) {
            // What many share is compared with all of them wherever it stands.
            let hashes = literal.bytes.windows(WINDOW).map(|w| (hash(folded(w)), cost(w)));
            let best = (0..).zip(hashes).min_by_key(|(_, (hash, cost))| {
                let shared = uses.get(hash).copied().unwrap_or(0);
                cost.saturating_add(shared.saturating_mul(4))
            });
            let Some((at, (hash, _))) = best else { continue };
            *uses.entry(hash).or_default() += 1;
            map[(hash >> 6) as usize % WORDS] |= 1 << (hash & 63);
            places.push((hash, n, at));
        }
        places.sort_unstable();
        Self { map, places, literals }
    }

    pub fn len(&self) -> usize {
        self.literals.len()
    }

    /// Tells of each literal that stands in `data`, once; `found` ends the search with `false`.
    pub fn search(&self, data: &[u8], seen: &mut Seen, mut found: impl FnMut(u32) -> bool) {
        seen.begin(self.literals.len());
        let mut window = 0_u32;
        for (end, byte) in data.iter().enumerate() {
            window = window << 8 | u32::from(FOLD[usize::from(*byte)]);
            let hash = hash(window);
            if self.map[(hash >> 6) as usize % WORDS] >> (hash & 63) & 1 == 0 || end + 1 < WINDOW {
                continue;
            }
            let first = self.places.partition_point(|(h, ..)| *h < hash);
            for (_, n, at) in self.places.iter().skip(first).take_while(|(h, ..)| *h == hash) {
                if !seen.is(*n) && self.stands(*n, *at, data, end + 1 - WINDOW) {
                    seen.set(*n);
                    if !found(*n) {
                        return;
                    }
                }
            }
        }
    }

    /// Whether a literal stands where its window, which begins at `within`, is at `at`.
    fn stands(&self, n: u32, within: u32, data: &[u8], at: usize) -> bool {
        let Some(literal) = self.literals.get(n as usize) else { return false };
        let here = at.checked_sub(within as usize).and_then(|from| data.get(from..)?.get(..literal.bytes.len()));
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

fn folded(window: &[u8]) -> u32 {
    window.iter().fold(0, |w, b| w << 8 | u32::from(b.to_ascii_lowercase()))
}

fn hash(window: u32) -> u32 {
    window.wrapping_mul(0x9e37_79b1) >> (32 - BITS)
}

/// ASCII in lower case.
const FOLD: [u8; 256] = {
    let mut fold = [0; 256];
    let mut n = 0;
    while n < 256 {
        fold[n] = (n as u8).to_ascii_lowercase();
        n += 1;
    }
    fold
};

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
            literal(b"\0\0\0\x01", false),
            literal(b"miKaXXXX", false),
        ]);
        assert_eq!(found(&index, b"xxMimiKatzxx"), [0, 1]);
        assert_eq!(found(&index, b"MIMIKATZ"), [1]);
        assert_eq!(found(&index, b"miKatz"), [0; 0]);
        assert_eq!(found(&index, b"\0\0\0\x01"), [2]);
        assert_eq!(found(&index, b"\0\0\x01"), [0; 0], "the window before the first byte is none");
    }

    #[test]
    fn one_object_tells_nothing_of_the_next() {
        let index = Index::new(vec![literal(b"abcd", false)]);
        let mut seen = Seen::default();
        index.search(b"abcd", &mut seen, |_| true);
        assert!(seen.is(0));
        index.search(b"xxxx", &mut seen, |_| true);
        assert!(!seen.is(0));
    }

    proptest! {
        #[test]
        fn as_by_hand(data in prop::collection::vec(b'a'..b'd', 0..200), words in prop::collection::vec(prop::collection::vec(b'a'..b'd', 4..7), 1..20)) {
            let index = Index::new(words.iter().map(|w| literal(w, false)).collect());
            let by_hand: Vec<u32> = (0..).zip(&words).filter(|(_, w)| data.windows(w.len()).any(|x| x == w.as_slice())).map(|(n, _)| n).collect();
            prop_assert_eq!(found(&index, &data), by_hand);
        }
    }
}
