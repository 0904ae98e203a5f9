//! Bytes that stand where a pattern matches, some of which may be any.

/// By which windows a literal is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Bytes of one.
    pub width: usize,
    /// Of the windows of an object every so manieth is looked at.
    pub stride: usize,
    /// Bits of one that may be unknown.
    unknown: u32,
    /// One that is taken to be more common than this is of no use.
    common: u32,
}

/// For literals of fifteen bytes and more.
pub const HUGE: Shape = Shape { width: 8, stride: 8, unknown: 0, common: 415 };
/// For those of seven and more.
pub const LONG: Shape = Shape { width: 4, stride: 4, unknown: 0, common: 208 };
/// For those of four to six, and for two or three beside others that are partly known.
pub const SHORT: Shape = Shape { width: 3, stride: 2, unknown: 8, common: 187 };

const SHAPES: [Shape; 3] = [HUGE, LONG, SHORT];

/// Bytes of a literal that follow one another.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// Where in the literal they begin, or one before it.
    pub at: i32,
    /// As a number whose lowest byte is the first.
    pub bytes: u64,
    /// Which bits of it are known.
    pub mask: u64,
    /// How common it is taken to be.
    pub cost: u32,
}

/// Most bytes of a literal that are compared.
const MOST: usize = 32;
/// What a literal costs more, roughly, that has to be looked for at every place.
const SHORTER: u32 = 20;
/// How common a byte is of which nothing is known.
const AVERAGE: u32 = 46;

/// What a window costs more of which not every bit is known.
const PARTLY: u32 = 62;
/// The same for one of the same byte throughout.
const ALIKE: u32 = 60;

/// A run of bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct Literal {
    /// In lower case where `nocase`, without the bits that the mask leaves out.
    pub bytes: Vec<u8>,
    /// By byte, the bits that tell; empty where all do.
    pub mask: Vec<u8>,
    pub nocase: bool,
    /// By which of [`SHAPES`] it is looked for.
    shape: u8,
}

impl Literal {
    /// None where it is too short to be looked for.
    pub fn new(bytes: &[u8], nocase: bool) -> Option<Self> {
        let bytes = if nocase { bytes.to_ascii_lowercase() } else { bytes.to_vec() };
        Self { bytes, mask: Vec::new(), nocase, shape: 0 }.around_the_rarest()
    }

    /// Of values, and by each the bits of it that tell.
    pub fn masked(bytes: &[(u8, u8)]) -> Option<Self> {
        let tells = |(_, mask): &(u8, u8)| *mask != 0;
        let (from, to) = (bytes.iter().position(tells)?, bytes.iter().rposition(tells)?);
        let (bytes, mask) = bytes.get(from..=to)?.iter().map(|(value, mask)| (value & mask, *mask)).unzip();
        Self { bytes, mask, nocase: false, shape: 0 }.around_the_rarest()
    }

    /// Cut to the most bytes that are compared.
    fn around_the_rarest(mut self) -> Option<Self> {
        let rarest = |shape| self.windows(shape).min_by_key(|window| (window.cost, window.at)).map(|window| window.at);
        let at = rarest(LONG).or_else(|| rarest(SHORT))?;
        let from = usize::try_from(at).unwrap_or(0).saturating_sub((MOST - LONG.width) / 2);
        let to = self.bytes.len().min(from + MOST);
        self.bytes = self.bytes.get(from..to)?.to_vec();
        self.mask = self.mask.get(from..to).map(<[u8]>::to_vec).unwrap_or_default();
        if self.mask.iter().all(|mask| *mask == 0xff) {
            self.mask.clear();
        }
        self.shape = u8::try_from(SHAPES.iter().position(|shape| self.is_found_by(*shape))?).ok()?;
        Some(self)
    }

    /// Its windows of a shape.
    pub fn windows(&self, shape: Shape) -> impl Iterator<Item = Window> {
        // One that begins before a literal is there wherever that stands at an odd place, which the first of an object isn't.
        let first = if shape.unknown < 8 { 0 } else { -1 };
        let windows =
            (first..).take_while(move |at| usize::try_from(at + shape.width as i32).is_ok_and(|end| end <= self.bytes.len()));
        windows.map(move |at| self.window(at, shape.width)).filter(move |window| {
            let known = usize::try_from(window.mask.count_ones()).unwrap_or(0);
            8 * shape.width - known <= shape.unknown as usize && window.cost <= shape.common
        })
    }

    fn window(&self, at: i32, width: usize) -> Window {
        let (mut window, mut alike) = (Window { at, bytes: 0, mask: 0, cost: 0 }, true);
        let mut last = None;
        for n in 0..width {
            let place = usize::try_from(at).ok().map_or_else(|| n.checked_sub(1), |at| Some(at + n));
            let byte = place.and_then(|place| self.bytes.get(place).copied());
            let mask = place.filter(|_| byte.is_some()).map_or(0, |place| self.mask.get(place).copied().unwrap_or(0xff));
            window.bytes |= u64::from(byte.unwrap_or(0)) << (8 * n);
            window.mask |= u64::from(mask) << (8 * n);
            window.cost += if mask == 0xff { cost_of(byte.unwrap_or(0)) } else { AVERAGE };
            alike &= last.is_none_or(|last| last == (byte, mask));
            last = Some((byte, mask));
        }
        let whole = window.mask.count_ones() as usize == 8 * width;
        window.cost += if !whole {
            PARTLY
        } else if alike {
            ALIKE
        } else {
            0
        };
        window
    }

    /// The shape by which it is found wherever it stands.
    pub fn shape(&self) -> Shape {
        SHAPES.get(usize::from(self.shape)).copied().unwrap_or(SHORT)
    }

    /// Whether it holds a window at every remainder.
    fn is_found_by(&self, shape: Shape) -> bool {
        let seen = self.windows(shape).fold(0_u32, |seen, window| seen | 1 << window.at.rem_euclid(shape.stride as i32));
        seen == (1 << shape.stride) - 1
    }

    /// Whether it is found by windows alone of which not every bit is known: each stands for many.
    pub fn is_weak(&self) -> bool {
        self.shape() == SHORT && !self.is_found_by(Shape { unknown: 0, ..SHORT })
    }

    /// Whether it stands at the start of some bytes.
    pub fn stands(&self, data: &[u8]) -> bool {
        let Some(here) = data.get(..self.bytes.len()) else { return false };
        if self.nocase {
            here.eq_ignore_ascii_case(&self.bytes)
        } else if self.mask.is_empty() {
            here == self.bytes
        } else {
            here.iter().zip(&self.mask).map(|(byte, mask)| byte & mask).eq(self.bytes.iter().copied())
        }
    }

    /// How common it is taken to be: the higher, the more often it stands somewhere by chance.
    pub fn commonness(&self) -> u32 {
        let whole = if self.mask.is_empty() { self.bytes.len() } else { self.mask.iter().filter(|mask| **mask == 0xff).count() };
        let rarest = |shape| self.windows(shape).map(|window| window.cost).min();
        let (rarest, counted) = match rarest(LONG) {
            Some(cost) => (cost, LONG.width),
            None => (rarest(SHORT).unwrap_or(u32::MAX).saturating_add(AVERAGE), SHORT.width),
        };
        let more = u32::try_from(whole.saturating_sub(counted)).unwrap_or(0);
        rarest.saturating_add(if self.shape() == SHORT { SHORTER } else { 0 }).saturating_sub(more.saturating_mul(5))
    }
}

/// How common bytes are in what machines hold, roughly: ten times the sum of its bytes' share in powers of two.
pub fn cost(window: &[u8]) -> u32 {
    window.iter().copied().map(cost_of).sum()
}

fn cost_of(byte: u8) -> u32 {
    COMMON.get(usize::from(byte)).copied().unwrap_or(0)
}

/// As many bytes as there are, up to eight, the first as the lowest.
pub fn low_bytes(window: &[u8]) -> u64 {
    window.iter().take(8).rev().fold(0, |all, byte| all << 8 | u64::from(*byte))
}

static COMMON: [u32; 256] = {
    let mut all = [0; 256];
    let mut byte = 0;
    while byte < all.len() {
        all[byte] = common(byte as u8);
        byte += 1;
    }
    all
};

const fn common(byte: u8) -> u32 {
    match byte.to_ascii_lowercase() {
        0 => 60,
        b' ' => 46,
        b'a' | b'e' | b'i' | b'n' | b'o' | b'r' | b's' | b't' => 42,
        b'a'..=b'z' => 36,
        0xff => 40,
        b'\n' | b'.' | b'/' | b'_' | b'-' | b':' | b'=' | b',' | b'"' | b'(' | b')' | b'0'..=b'9' => 32,
        1..=8 => 32,
        0x21..=0x7e => 26,
        _ => 22,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_is_cut_around_its_rarest_window() {
        let long = [&[b'e'; 40][..], b"\xf1\xf2\xf3\xf4", &[b'e'; 40]].concat();
        let literal = Literal::new(&long, false).unwrap();
        assert_eq!(literal.bytes.len(), MOST);
        assert!(literal.bytes.windows(4).any(|w| w == b"\xf1\xf2\xf3\xf4"));
        assert_eq!(Literal::new(b"ab", false), None);
    }

    #[test]
    fn bits_that_do_not_tell_are_any() {
        let all = |bytes: &[u8]| bytes.iter().map(|b| (*b, 0xff)).collect::<Vec<_>>();
        let literal =
            Literal::masked(&[all(b"\x01"), vec![(0x7f, 0), (0x4f, 0xf0)], all(b"abc"), vec![(9, 0)]].concat()).unwrap();
        assert_eq!((literal.bytes.as_slice(), literal.mask.len()), (&b"\x01\0\x40abc"[..], 6));
        assert!(literal.stands(b"\x01?\x4dabc...") && literal.stands(b"\x01!\x40abc"));
        assert!(!literal.stands(b"\x01?\x3dabc") && !literal.stands(b"\x01?\x4dabC") && !literal.stands(b"\x01?\x4dab"));
        assert_eq!(literal.shape(), SHORT);
        assert!(Literal::masked(&[(1, 0xff), (2, 0xff), (0, 0), (0x33, 0xff), (0x34, 0xff)]).unwrap().is_weak());
        assert_eq!(Literal::masked(&[(1, 0xff), (0, 0), (0, 0), (0x33, 0xff)]), None, "no window");
        assert_eq!(Literal::masked(&[(1, 0), (2, 0)]), None);
        assert!(Literal::masked(&all(b"abcdefg")).unwrap().mask.is_empty());
    }

    #[test]
    fn seven_bytes_in_a_row_are_long() {
        let of = |bytes: &[u8]| Literal::new(bytes, false).map(|one| one.shape());
        let shapes = [Some(HUGE), Some(LONG), Some(LONG), Some(SHORT), Some(SHORT), Some(SHORT), None];
        let texts: [&[u8]; 7] = [b"abcdefghijklmno", b"abcdefghijklmn", b"abcdefg", b"abcdef", b"abcd", b"abc", b"ab"];
        assert_eq!(texts.map(of), shapes);
        assert_eq!([b"\0\0\0\0\0\0\0\0".as_slice(), b"qzxj\0\0\0"].map(of), [None, Some(SHORT)], "zeros are everywhere");
        let gap = |n: usize| {
            let run = b"abcdef".map(|b| (b, 0xff));
            Literal::masked(&[&run[..], &vec![(0, 0); n], &run[..]].concat()).unwrap().shape() == LONG
        };
        // The second run holds a window at the remainder that the first one lacks.
        assert!(gap(1) && gap(3) && !gap(2));
    }
}
