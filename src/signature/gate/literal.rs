//! Bytes that stand where a pattern matches, some of which may be any.

use std::sync::LazyLock;

use memchr::memmem;

/// By which windows a literal is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Bytes of one.
    pub width: usize,
    /// Of the windows of an object every so manieth is looked at.
    pub stride: usize,
    /// One that is taken to be more common than this is of no use.
    common: u32,
}

/// For literals of fifteen bytes and more.
pub const HUGE: Shape = Shape { width: 8, stride: 8, common: 415 };
/// For those of seven and more.
pub const LONG: Shape = Shape { width: 4, stride: 4, common: 208 };
/// For those of four to six.
pub const SHORT: Shape = Shape { width: 3, stride: 2, common: 140 };

const SHAPES: [Shape; 3] = [HUGE, LONG, SHORT];
/// The number of none of them.
const NONE: u8 = SHAPES.len() as u8;
/// The same, and too short to be looked for in every object.
const SHORTEST: u8 = NONE + 1;

/// Bytes of a literal that is looked for by itself whose value is known, at least.
const LEAST_KNOWN: usize = 8;
/// The same where it is looked for last, in objects for which one rule would be run.
const LEAST_KNOWN_LATE: usize = 4;
/// How common the two or three bytes may be that it is looked for by.
const COMMON_NEEDLE: u32 = 130;
/// As how common it counts, however rare it is: an object is searched once more for each.
const ALONE: u32 = 195;

/// As how common it counts where it is part of a text that many files hold.
const COMMON_TEXT: u32 = 165;

/// Such texts, one a line: functions and libraries that three in a hundred programs of Wine import, and what anybody who looks
/// at programs, scripts and HTTP sees daily.
const TEXTS: &str = include_str!("common.txt");

/// Bytes of a literal that follow one another.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// Where in the literal they begin.
    pub at: usize,
    /// As a number whose lowest byte is the first.
    pub bytes: u64,
    /// How common it is taken to be.
    pub cost: u32,
}

/// Most bytes of a literal that are compared.
const MOST: usize = 32;
/// What a literal costs more, roughly, that has to be looked for at every place.
const SHORTER: u32 = 20;
/// How common a byte is of which nothing is known.
const AVERAGE: u32 = 46;

/// What a window costs more that is the same byte throughout.
const ALIKE: u32 = 90;

/// A run of bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct Literal {
    /// In lower case where `nocase`, without the bits that the mask leaves out.
    pub bytes: Vec<u8>,
    /// By byte, the bits that tell; empty where all do.
    pub mask: Vec<u8>,
    pub nocase: bool,
    /// By which of [`SHAPES`] it is looked for, if by any.
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
    fn around_the_rarest(self) -> Option<Self> {
        let rarest = |shape| self.windows(shape).min_by_key(|window| (window.cost, window.at)).map(|window| window.at);
        let in_windows = rarest(LONG).or_else(|| rarest(SHORT)).map(|at| self.around(at));
        let found = in_windows.and_then(|one| Some((SHAPES.iter().position(|shape| one.is_found_by(*shape))?, one)));
        if let Some((shape, one)) = found {
            return Some(Self { shape: u8::try_from(shape).ok()?, ..one });
        }
        let one = self.around(self.needle().filter(|_| !self.nocase)?.0);
        one.needle()?;
        let shape = match one.known() {
            LEAST_KNOWN.. => NONE,
            LEAST_KNOWN_LATE.. => SHORTEST,
            _ => return None,
        };
        Some(Self { shape, ..one })
    }

    /// The most bytes that are compared, with those at a place in their middle.
    fn around(&self, at: usize) -> Self {
        let from = at.saturating_sub((MOST - LONG.width) / 2);
        let to = self.bytes.len().min(from + MOST);
        let bytes = self.bytes.get(from..to).map(<[u8]>::to_vec).unwrap_or_default();
        let mut mask = self.mask.get(from..to).map(<[u8]>::to_vec).unwrap_or_default();
        if mask.iter().all(|mask| *mask == 0xff) {
            mask.clear();
        }
        Self { bytes, mask, nocase: self.nocase, shape: self.shape }
    }

    /// Two or three bytes that are all known and rare, and where they begin.
    pub fn needle(&self) -> Option<(usize, &[u8])> {
        let all = [3, 2].into_iter().flat_map(|width| self.bytes.windows(width).enumerate());
        let known = all.filter(|(at, bytes)| self.is_known(*at, bytes.len()));
        let costs = known.map(|(at, bytes)| (cost(bytes) + if bytes.len() == 2 { AVERAGE } else { 0 }, at, bytes));
        costs.filter(|(cost, ..)| *cost <= COMMON_NEEDLE).min().map(|(_, at, bytes)| (at, bytes))
    }

    fn is_known(&self, at: usize, width: usize) -> bool {
        self.mask.get(at..at + width).is_none_or(|mask| mask.iter().all(|bits| *bits == 0xff))
    }

    /// How many bytes are known whole.
    fn known(&self) -> usize {
        if self.mask.is_empty() { self.bytes.len() } else { self.mask.iter().filter(|mask| **mask == 0xff).count() }
    }

    /// Its windows of a shape, of which every bit tells.
    pub fn windows(&self, shape: Shape) -> impl Iterator<Item = Window> {
        let all = self.bytes.windows(shape.width).enumerate();
        let known = all.filter(move |(at, _)| self.is_known(*at, shape.width)).map(|(at, bytes)| {
            let alike = bytes.iter().all(|byte| Some(byte) == bytes.first());
            Window { at, bytes: low_bytes(bytes), cost: cost(bytes) + if alike { ALIKE } else { 0 } }
        });
        known.filter(move |window| window.cost <= shape.common)
    }

    /// The shape by which it is found wherever it stands; without one it is looked for by its needle.
    pub fn shape(&self) -> Option<Shape> {
        SHAPES.get(usize::from(self.shape)).copied()
    }

    /// Whether it is looked for by its needle in every object, and whether only last of all.
    pub fn is_alone(&self) -> bool {
        self.shape == NONE
    }

    pub fn is_shortest(&self) -> bool {
        self.shape == SHORTEST
    }

    /// Whether it holds a window at every remainder.
    fn is_found_by(&self, shape: Shape) -> bool {
        let seen = self.windows(shape).fold(0_u32, |seen, window| seen | 1 << (window.at % shape.stride));
        seen == (1 << shape.stride) - 1
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

    /// How common it is taken to be: the higher, the more often it stands somewhere.
    pub fn commonness(&self) -> u32 {
        let by_bytes = self.commonness_by_bytes();
        if self.shape().is_some() && self.is_part_of_a_common_text() { by_bytes.max(COMMON_TEXT) } else { by_bytes }
    }

    /// As it is or in UTF-16.
    fn is_part_of_a_common_text(&self) -> bool {
        static IN_LOWER_CASE: LazyLock<String> = LazyLock::new(|| TEXTS.to_ascii_lowercase());
        let every_second = |from| self.bytes.iter().skip(from).step_by(2).copied();
        let zeros = [0, 1].into_iter().find(|from| every_second(*from).all(|byte| byte == 0));
        let text = zeros.map_or_else(|| self.bytes.clone(), |zeros| every_second(1 - zeros).collect());
        let texts = if self.nocase { IN_LOWER_CASE.as_str() } else { TEXTS };
        self.mask.is_empty() && memmem::find(texts.as_bytes(), &text).is_some()
    }

    fn commonness_by_bytes(&self) -> u32 {
        let known = self.known();
        match self.shape {
            NONE => return ALONE,
            SHORTEST => return u32::MAX,
            _ => {}
        }
        let rarest = |shape| self.windows(shape).map(|window| window.cost).min();
        let (rarest, counted) = match rarest(LONG) {
            Some(cost) => (cost, LONG.width),
            None => (rarest(SHORT).unwrap_or(u32::MAX).saturating_add(AVERAGE), SHORT.width),
        };
        let more = u32::try_from(known.saturating_sub(counted)).unwrap_or(0);
        rarest.saturating_add(if self.shape() == Some(SHORT) { SHORTER } else { 0 }).saturating_sub(more.saturating_mul(5))
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
    fn parts_of_common_texts_are_common() {
        let of = |bytes: &[u8]| Literal::new(bytes, false).unwrap().commonness();
        let wide = |text: &str| text.bytes().flat_map(|byte| [byte, 0]).collect::<Vec<u8>>();
        assert_eq!(of(b"OriginalFilename"), COMMON_TEXT);
        assert_eq!(of(&wide("OriginalFilename")), COMMON_TEXT);
        assert_eq!(of(&wide("OriginalFilename")[1..]), COMMON_TEXT);
        assert!(of(b"QriginalFilename") < COMMON_TEXT && of(&wide("QriginalFilename")) < COMMON_TEXT);
    }

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
            Literal::masked(&[all(b"\x01"), vec![(0x7f, 0), (0x4f, 0xf0)], all(b"abcd"), vec![(9, 0)]].concat()).unwrap();
        assert_eq!((literal.bytes.as_slice(), literal.mask.len()), (&b"\x01\0\x40abcd"[..], 7));
        assert!(literal.stands(b"\x01?\x4dabcd...") && literal.stands(b"\x01!\x40abcd"));
        assert!(!literal.stands(b"\x01?\x3dabcd") && !literal.stands(b"\x01?\x4dabcD") && !literal.stands(b"\x01?\x4dabc"));
        assert_eq!(literal.shape(), Some(SHORT));
        assert_eq!(Literal::masked(&[(1, 0xff), (0, 0), (0, 0), (0x33, 0xff)]), None, "no window");
        assert_eq!(Literal::masked(&[(1, 0), (2, 0)]), None);
        assert!(Literal::masked(&all(b"abcdefg")).unwrap().mask.is_empty());
    }

    #[test]
    fn seven_bytes_in_a_row_are_long() {
        let of = |bytes: &[u8]| Literal::new(bytes, false).and_then(|one| one.shape());
        let shapes = [Some(HUGE), Some(LONG), Some(LONG), Some(SHORT), Some(SHORT), None, None];
        let texts: [&[u8]; 7] = [b"abcdefghijklmno", b"abcdefghijklmn", b"abcdefg", b"abcdef", b"abcd", b"abc", b"ab"];
        assert_eq!(texts.map(of), shapes);
        assert_eq!([b"\0\0\0\0\0\0\0\0".as_slice(), b"qzxj\0\0\0"].map(of), [None, Some(SHORT)], "zeros are everywhere");
        let gap = |n: usize| {
            let run = b"abcdef".map(|b| (b, 0xff));
            Literal::masked(&[&run[..], &vec![(0, 0); n], &run[..]].concat()).unwrap().shape() == Some(LONG)
        };
        // The second run holds a window at the remainder that the first one lacks.
        assert!(gap(1) && gap(3) && !gap(2));
    }

    #[test]
    fn what_has_no_such_run_is_found_by_its_rarest_bytes() {
        let pairs = |known: u8| (0..known).flat_map(|n| [(0x81 + 2 * n, 0xff), (0x82 + 2 * n, 0xff), (0, 0)]).collect::<Vec<_>>();
        let literal = Literal::masked(&pairs(4)).unwrap();
        assert_eq!((literal.shape(), literal.needle()), (None, Some((0, &b"\x81\x82"[..]))));
        let six = Literal::masked(&pairs(3)).unwrap();
        assert!(literal.is_alone() && six.is_shortest() && !six.is_alone(), "six bytes are too few for every object");
        assert_eq!(Literal::masked(&pairs(1)), None, "two are too few");
        let zeros = [(0, 0xff), (0, 0xff), (0, 0)].repeat(5);
        assert_eq!(Literal::masked(&zeros), None, "zeros are everywhere");
        let three = [(0x81, 0xff), (0x82, 0xff), (0x83, 0xff), (0, 0)];
        assert_eq!(Literal::masked(&[pairs(3), three.to_vec()].concat()).unwrap().needle(), Some((9, &b"\x81\x82\x83"[..])));
    }
}
