//! Archives that contain themselves.
//!
//! Deflate can print what follows (a stored block, `L`) and repeat what it printed last (a match, `R`). That is enough for
//! a program that prints itself between any beginning and any end; the CRC-32 that stands in both is a fixed point,
//! found by linear algebra because a CRC is affine in the bytes it covers.

/// A stored block's header: the next `n` bytes are printed. `L(0)` does nothing.
fn l(n: usize) -> Vec<u8> {
    let n = n as u16;
    [&[0], &n.to_le_bytes()[..], &(!n).to_le_bytes()].concat()
}

#[derive(Default)]
struct Bits(Vec<bool>);

impl Bits {
    fn low_first(&mut self, value: u32, count: u32) {
        self.0.extend((0..count).map(|i| value >> i & 1 == 1));
    }

    /// Huffman codes stand with their highest bit first.
    fn code(&mut self, value: u32, count: u32) {
        self.0.extend((0..count).rev().map(|i| value >> i & 1 == 1));
    }

    /// `length` bytes from `distance` bytes before, in the codes of RFC 1951 §3.2.6.
    fn repeat(&mut self, length: u32, distance: u32) {
        let (symbol, extra, base) = match length {
            3..=10 => (254 + length, 0, length),
            _ => {
                let extra = (length - 3).ilog2() - 2;
                let step = (length - 3) >> extra;
                (257 + 4 * extra + step, extra, (step << extra) + 3)
            }
        };
        if symbol < 280 {
            self.code(symbol - 256, 7)
        } else {
            self.code(symbol - 280 + 0xc0, 8)
        }
        self.low_first(length - base, extra);
        let extra = ((distance - 1).ilog2()).saturating_sub(1);
        let step = (distance - 1) >> extra;
        self.code(2 * extra + step, 5);
        self.low_first((distance - 1) - (step << extra), extra);
    }

    fn bytes(&self) -> Vec<u8> {
        self.0.chunks(8).map(|bits| bits.iter().rev().fold(0, |byte, bit| byte << 1 | u8::from(*bit))).collect()
    }
}

/// The last bytes printed once more, in pieces of these lengths; an empty stored block brings it to whole bytes.
fn r(pieces: &[usize]) -> Vec<u8> {
    let distance: usize = pieces.iter().sum();
    let mut bits = Bits::default();
    bits.low_first(0b010, 3);
    pieces.iter().for_each(|piece| bits.repeat(*piece as u32, distance as u32));
    bits.code(0, 7);
    if bits.0.len().is_multiple_of(8) {
        return bits.bytes();
    }
    bits.low_first(0, 3);
    [&bits.bytes()[..], &[0, 0, 0xff, 0xff]].concat()
}

/// Deflate data that stand behind `prefix` and before `suffix` and print all three. The suffix must start with the block
/// that ends the data.
fn program(prefix: &[u8], suffix: &[u8]) -> Vec<u8> {
    let n = prefix.len() + 5;
    let a = r(&[n]);
    let x = a.len() + 15;
    let b = r(&[11, x - 11]);
    let y = b.len() + 10;
    let twenty = r(&[10, 10]);
    assert_eq!((y, twenty.len()), (20, 5), "these lengths must agree");
    // Its own length is part of what it repeats.
    let z = (6..40).map(|z| r(&[(z + suffix.len()) / 2, (z + suffix.len()).div_ceil(2)])).enumerate();
    let (_, z) = z.map(|(i, z)| (i + 6, z)).find(|(size, z)| *size == z.len()).expect("a length that agrees");
    let s = z.len() + suffix.len();
    [
        &l(n)[..],
        prefix,
        &l(n),
        &a,
        &l(a.len()),
        &a,
        &l(5),
        &l(a.len()),
        &l(x),
        &a,
        &l(5),
        &l(a.len()),
        &l(x),
        &b,
        &l(0),
        &l(y),
        &b,
        &l(0),
        &l(y),
        &twenty,
        &l(20),
        &twenty,
        &l(20),
        &twenty,
        &l(20),
        &twenty,
        &l(20),
        &twenty,
        &l(0),
        &l(0),
        &l(s),
        &twenty,
        &l(0),
        &l(0),
        &l(s),
        &z,
        suffix,
        &z,
    ]
    .concat()
}

/// The value that `file` gives as its own CRC-32.
fn fixed_point(file: &dyn Fn(u32) -> Vec<u8>) -> Vec<u8> {
    let crc = |value: u32| crc32fast::hash(&file(value)) ^ value;
    let zero = crc(0);
    // Rows of a linear system over bits: the effect of each bit, and which bit it was.
    let mut rows: Vec<(u32, u32)> = (0..32).map(|i| (crc(1 << i) ^ zero, 1 << i)).collect();
    let (mut target, mut solution) = (zero, 0);
    for bit in (0..32).rev() {
        let Some(at) = rows.iter().position(|(effect, _)| effect >> bit & 1 == 1) else { continue };
        let (effect, which) = rows.swap_remove(at);
        for row in rows.iter_mut().filter(|row| row.0 >> bit & 1 == 1) {
            *row = (row.0 ^ effect, row.1 ^ which);
        }
        if target >> bit & 1 == 1 {
            (target, solution) = (target ^ effect, solution ^ which);
        }
    }
    let bytes = file(solution);
    assert_eq!(crc32fast::hash(&bytes), solution, "this system has a solution");
    bytes
}

const LAST: [u8; 5] = [1, 0, 0, 0xff, 0xff];

pub fn gz() -> Vec<u8> {
    let file = |crc: u32, size: u32| {
        let prefix = b"\x1f\x8b\x08\x08\0\0\0\0\0\xffr.gz\0";
        let suffix = [&LAST[..], &crc.to_le_bytes(), &size.to_le_bytes()].concat();
        [prefix, &program(prefix, &suffix)[..], &suffix].concat()
    };
    let size = file(0, 0).len() as u32;
    fixed_point(&|crc| file(crc, size))
}

pub fn zip() -> Vec<u8> {
    let file = |crc: u32, packed: u32, size: u32, directory: u32| {
        let common = [
            &[20, 0, 0, 0, 8, 0, 0, 0, 0x21, 0x58][..],
            &crc.to_le_bytes(),
            &packed.to_le_bytes(),
            &size.to_le_bytes(),
            &[5, 0, 0, 0],
        ];
        let common = common.concat();
        let prefix = [b"PK\x03\x04", &common[..], b"r.zip"].concat();
        let central = [b"PK\x01\x02\x14\0", &common[..], &[0; 14], b"r.zip"].concat();
        let sizes = [(central.len() as u32).to_le_bytes(), directory.to_le_bytes()].concat();
        let suffix = [&LAST[..], &central, b"PK\x05\x06\0\0\0\0\x01\0\x01\0", &sizes, &[0, 0]].concat();
        let program = program(&prefix, &suffix);
        let packed = (program.len() + LAST.len()) as u32;
        let directory = (prefix.len() + program.len() + LAST.len()) as u32;
        ([&prefix[..], &program, &suffix].concat(), packed, directory)
    };
    let (bytes, packed, directory) = file(0, 0, 0, 0);
    let size = bytes.len() as u32;
    fixed_point(&|crc| file(crc, packed, size, directory).0)
}
