//! Which of many literals stand in some bytes, in one pass: maps of bits over hashed windows in lower case, and an exact
//! comparison where a bit is set. The longer a literal is, the fewer windows have to be looked at: of eight bytes every eighth
//! for one of fifteen, which holds one of them wherever it stands, of four every fourth for one of seven, and of three every
//! second for shorter ones. Looking one up takes about as long whatever its width, and a branch that can't be foretold as long
//! as several: hardly any block of bytes may have a bit set. Literals with gaps that have no such windows are looked for one by
//! one.

use super::literal::{HUGE, LONG, Literal, SHORT, Shape, cost, low_bytes};
use super::needle::Needle;

/// What a window costs more that another literal is found by, too.
const SHARED: u32 = 20;
/// Bits of a hash that don't tell where its places begin: few places share the others.
const LOWER: u32 = 6;
/// Bytes that are looked at together, and with those behind them that their windows reach into.
const BLOCK: usize = 64;
const READ: usize = BLOCK + HUGE.width;

/// Literals that can be looked for.
pub struct Index {
    literals: Vec<Literal>,
    /// 512 KiB.
    huge: Table<22, { 1 << 17 }, { HUGE.width }, { HUGE.stride }>,
    /// 256 KiB.
    long: Table<21, { 1 << 16 }, { LONG.width }, { LONG.stride }>,
    /// 16 KiB.
    short: Table<17, { 1 << 12 }, { SHORT.width }, { SHORT.stride }>,
    alone: Vec<(u32, Needle)>,
}

/// Windows of literals of one shape by their hash of so many bits.
struct Table<const BITS: u32, const WORDS: usize, const WIDTH: usize, const STRIDE: usize> {
    shape: Shape,
    /// A bit for each hash that is one of a window.
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
    /// Other four bytes of it, in lower case: most windows are found where the literal isn't, and this tells without going
    /// to its memory.
    beside: u32,
    /// The bits of those that tell.
    mask: u32,
    /// Where in it the window begins.
    within: u8,
    /// Where in it those begin.
    beside_at: u8,
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
        let mut index =
            Self { literals, huge: Table::new(HUGE), long: Table::new(LONG), short: Table::new(SHORT), alone: Vec::new() };
        for (n, literal) in (0..).zip(&index.literals) {
            match literal.shape() {
                Some(HUGE) => index.huge.add(n, literal),
                Some(LONG) => index.long.add(n, literal),
                Some(_) => index.short.add(n, literal),
                None => index.alone.extend(Needle::of(literal).map(|needle| (n, needle))),
            }
        }
        index.huge.finish();
        index.long.finish();
        index.short.finish();
        index
    }

    pub fn len(&self) -> usize {
        self.literals.len()
    }

    /// Tells of each literal that stands in `data`, once; `found` ends the search with `false`.
    pub fn search(&self, data: &[u8], seen: &mut Seen, mut found: impl FnMut(u32) -> bool) {
        seen.begin(self.literals.len());
        let mut from = 0;
        while let Some(block) = data.get(from..).and_then(|rest| rest.first_chunk::<READ>()) {
            let block = &in_lower_case(*block);
            let go_on = self.huge.in_block(block, |place, at| self.at(place, data, from + at, seen, &mut found))
                && self.long.in_block(block, |place, at| self.at(place, data, from + at, seen, &mut found))
                && self.short.in_block(block, |place, at| self.at(place, data, from + at, seen, &mut found));
            if !go_on {
                return;
            }
            from += BLOCK;
        }
        for at in from..data.len() {
            let rest = data.get(at..).unwrap_or_default();
            let go_on = self.huge.at_an_end(rest, at).all(|place| self.at(place, data, at, seen, &mut found))
                && self.long.at_an_end(rest, at).all(|place| self.at(place, data, at, seen, &mut found))
                && self.short.at_an_end(rest, at).all(|place| self.at(place, data, at, seen, &mut found));
            if !go_on {
                return;
            }
        }
        let stands = |n: u32, needle: &Needle| self.literals.get(n as usize).is_some_and(|literal| needle.is_in(literal, data));
        for (literal, _) in self.alone.iter().filter(|(n, needle)| stands(*n, needle)) {
            seen.set(*literal);
            if !found(*literal) {
                return;
            }
        }
    }

    /// Looks whether a literal stands around the window at `at`; false where that was enough.
    fn at(&self, place: &Place, data: &[u8], at: usize, seen: &mut Seen, found: &mut impl FnMut(u32) -> bool) -> bool {
        if seen.is(place.literal) || !self.stands(place, data, at) {
            return true;
        }
        seen.set(place.literal);
        found(place.literal)
    }

    /// Whether a literal stands where its window is at `at`.
    fn stands(&self, place: &Place, data: &[u8], at: usize) -> bool {
        let Some(here) = at.checked_sub(usize::from(place.within)).and_then(|from| data.get(from..)) else {
            return false;
        };
        // At the end of the object there may be fewer.
        let beside = here.get(usize::from(place.beside_at)..).and_then(|rest| rest.first_chunk::<4>());
        if beside.is_some_and(|bytes| lower(u64::from(u32::from_le_bytes(*bytes))) as u32 & place.mask != place.beside) {
            return false;
        }
        self.literals.get(place.literal as usize).is_some_and(|literal| literal.stands(here))
    }
}

impl<const BITS: u32, const WORDS: usize, const WIDTH: usize, const STRIDE: usize> Table<BITS, WORDS, WIDTH, STRIDE> {
    fn new(shape: Shape) -> Self {
        Self { shape, map: Box::new([0; WORDS]), places: Vec::new(), starts: Vec::new() }
    }

    /// Adds a literal by the window that tells most at each remainder. What many share is compared with all of them wherever
    /// it stands.
    fn add(&mut self, n: u32, literal: &Literal) {
        for remainder in 0..STRIDE {
            let windows = literal.windows(self.shape).filter(|window| window.at % STRIDE == remainder);
            let costs =
                windows.map(|window| (window.cost + if self.bit(Self::hash(window.bytes)) == 0 { 0 } else { SHARED }, window));
            let Some((_, window)) = costs.min_by_key(|(cost, window)| (*cost, window.at)) else { continue };
            let Some((beside_at, beside, mask)) = beside(literal, window.at) else { continue };
            let (Ok(within), Ok(beside_at)) = (u8::try_from(window.at), u8::try_from(beside_at)) else { continue };
            let hash = Self::hash(window.bytes);
            self.map[(hash >> 5) as usize % WORDS] |= 1 << (hash & 31);
            self.places.push(Place { hash, literal: n, beside, mask, within, beside_at });
        }
    }

    fn finish(&mut self) {
        self.places.sort_unstable();
        self.places.dedup();
        let mut before = (0_u32..).zip(&self.places).peekable();
        let starts = (0..=1 << (BITS - LOWER)).map(|upper| {
            while before.next_if(|(_, place)| place.hash >> LOWER < upper).is_some() {}
            before.peek().map_or(u32::try_from(self.places.len()).unwrap_or(u32::MAX), |(n, _)| *n)
        });
        self.starts = starts.collect();
    }

    fn bit(&self, hash: u32) -> u32 {
        (self.map[(hash >> 5) as usize % WORDS] >> (hash & 31)) & 1
    }

    /// The bits of a window.
    const ALL: u64 = u64::MAX >> (64 - 8 * WIDTH);

    /// Of the window at the start of some bytes.
    fn hash(bytes: u64) -> u32 {
        hash::<BITS>(lower(bytes) & Self::ALL)
    }

    /// Tells of the literals that may stand around each window of a block, until one is enough, which gives false.
    fn in_block(&self, block: &[u8; READ], mut found: impl FnMut(&Place, usize) -> bool) -> bool {
        if self.places.is_empty() {
            return true;
        }
        let mut hits = 0_u32;
        for k in 0..BLOCK / STRIDE {
            hits |= self.bit(hash::<BITS>(eight_bytes(block, STRIDE * k) & Self::ALL)) << k;
        }
        while hits != 0 {
            let at = STRIDE * hits.trailing_zeros() as usize;
            hits &= hits - 1;
            if !self.of(hash::<BITS>(eight_bytes(block, at) & Self::ALL)).all(|place| found(place, at)) {
                return false;
            }
        }
        true
    }

    /// The literals that may stand around a window, by its hash.
    fn of(&self, hash: u32) -> impl Iterator<Item = &Place> {
        let upper = (hash >> LOWER) as usize;
        let start = |at: usize| self.starts.get(at).map(|n| *n as usize);
        let bit = self.bit(hash) != 0;
        let places = bit.then(|| start(upper).zip(start(upper + 1)).and_then(|(from, to)| self.places.get(from..to))).flatten();
        places.into_iter().flatten().filter(move |place| place.hash == hash)
    }

    /// The same where fewer than eight may be left.
    fn at_an_end(&self, rest: &[u8], at: usize) -> impl Iterator<Item = &Place> {
        let is_one = at.is_multiple_of(STRIDE) && rest.len() >= WIDTH;
        is_one.then(|| self.of(Self::hash(low_bytes(rest)))).into_iter().flatten()
    }
}

/// Where four other bytes of a literal begin than those of the window at `window`, what they are in lower case, and the bits of
/// them that tell: those that share the least with it, and of these the rarest.
fn beside(literal: &Literal, window: usize) -> Option<(usize, u32, u32)> {
    let low = |bytes: &[u8]| low_bytes(bytes) as u32;
    let of = |at: usize| {
        let bytes = literal.bytes.get(at..literal.bytes.len().min(at + 4))?;
        let known = low(&[0xff; 4][..bytes.len()]);
        let mask = literal.mask.get(at..at + bytes.len()).map_or(known, low);
        Some((at, lower(low_bytes(bytes)) as u32 & mask, mask, cost(bytes)))
    };
    let each = (0..literal.bytes.len().saturating_sub(3).max(1)).filter_map(of);
    let apart = |at: usize| at.abs_diff(window);
    let best = each.min_by_key(|(at, _, mask, cost)| (4_usize.saturating_sub(apart(*at)), mask.count_zeros(), *cost));
    best.map(|(at, bytes, mask, _)| (at, bytes, mask))
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

/// Eight bytes of a block, whose windows all begin that much before its end.
fn eight_bytes(block: &[u8; READ], at: usize) -> u64 {
    block.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// In lower case, and some other bytes alike: the bit that tells capitals from small letters is set where the bit is that
/// letters have.
fn lower(bytes: u64) -> u64 {
    bytes | (bytes & 0x4040_4040_4040_4040) >> 1
}

/// The same of all windows of a block.
fn in_lower_case(mut block: [u8; READ]) -> [u8; READ] {
    for byte in &mut block {
        *byte |= (*byte & 0x40) >> 1;
    }
    block
}

/// Of a window that is in lower case.
fn hash<const BITS: u32>(window: u64) -> u32 {
    (window.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - BITS)) as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn literal(bytes: &[u8], nocase: bool) -> Literal {
        Literal::new(bytes, nocase).unwrap()
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
            literal(b"\0\0\x01\x02\0\0\0", false),
            literal(b"miKaXXXX", false),
        ]);
        assert_eq!(found(&index, b"xxMimiKatzxx"), [0, 1]);
        assert_eq!(found(&index, b"MIMIKATZ"), [1]);
        assert_eq!(found(&index, b"miKatz"), [0; 0]);
        assert_eq!(found(&index, b"\0\0\x01\x02\0\0\0"), [2]);
        assert_eq!(found(&index, b"\0\x01\x02\0\0\0"), [0; 0]);
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

    /// A literal as it is made from texts, hex, and expressions.
    fn any_literal() -> impl Strategy<Value = Option<Literal>> {
        let byte = prop::sample::select(b"abAB\x01[{".to_vec());
        let text = (prop::collection::vec(byte.clone(), 2..40), any::<bool>());
        let known = prop_oneof![6 => Just(0xff_u8), 1 => Just(0), 1 => Just(0xf0)];
        let hex = prop::collection::vec((byte, known), 3..40);
        prop_oneof![text.prop_map(|(bytes, nocase)| Literal::new(&bytes, nocase)), hex.prop_map(|bytes| Literal::masked(&bytes)),]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn as_by_hand(
            literals in prop::collection::vec(any_literal(), 1..20),
            noise in prop::collection::vec(prop::sample::select(b"abAB\x01[{x".to_vec()), 0..120),
            places in prop::collection::vec((0..20_usize, 0..120_usize, any::<bool>()), 0..4),
        ) {
            let literals: Vec<Literal> = literals.into_iter().flatten().collect();
            let mut data = noise;
            for (n, at, capitals) in places {
                let Some(literal) = literals.get(n) else { continue };
                let bytes = if literal.nocase && capitals { literal.bytes.to_ascii_uppercase() } else { literal.bytes.clone() };
                let at = at.min(data.len());
                data.splice(at..at, bytes);
            }
            let by_hand = |literal: &Literal| (0..data.len()).any(|at| literal.stands(&data[at..]));
            let expected: Vec<u32> = (0..).zip(&literals).filter(|(_, literal)| by_hand(literal)).map(|(n, _)| n).collect();
            prop_assert_eq!(found(&Index::new(literals), &data), expected);
        }
    }
}
