//! compress (`.Z`): LZW with codes of 9 to 16 bits, least significant bit first, as `compress(1)` of ncompress writes it.
//!
//! Codes come in groups of eight, which fill as many bytes as a code has bits; where the width changes or the table is
//! cleared, the rest of a group is padding.

use std::io;

use super::{Codec, Shared, Stream, nothing_stored};
use crate::container::meter::Fault;

const FIRST_BITS: u32 = 9;
const MAX_BITS: u32 = 16;
/// Code that clears the table, in block mode.
const CLEAR: usize = 256;
/// Bit 7 of the third byte.
const BLOCK_MODE: u8 = 0x80;

pub static COMPRESS: Stream = Stream {
    id: "compress",
    endings: &[(".taz", ".tar"), (".tz", ".tar"), (".z", "")],
    probe: is_compress,
    stored: nothing_stored,
    codec: |_, _| Box::new(Lzw::default()),
};

fn is_compress(head: &[u8]) -> bool {
    // Bits 5 and 6 are reserved and zero.
    let bits = |flags: &u8| flags & 0x60 == 0 && (FIRST_BITS..=MAX_BITS).contains(&u32::from(flags & 0x1f));
    head.starts_with(&[0x1f, 0x9d]) && head.get(2).is_some_and(bits)
}

#[derive(Default)]
struct Lzw {
    max_bits: u32,
    block_mode: bool,
    bits: u32,
    /// For each code the code before and the last byte.
    table: Vec<(u16, u8)>,
    /// Next free code.
    free: usize,
    last: Option<usize>,
    first_byte: u8,
    group: Vec<u8>,
    /// Bits of the group that are taken.
    taken: usize,
    /// Decoded bytes, last first.
    ready: Vec<u8>,
    /// The stream ended inside a code.
    cut: bool,
}

impl Lzw {
    fn clear(&mut self) {
        self.bits = FIRST_BITS;
        self.free = if self.block_mode { CLEAR + 1 } else { CLEAR };
        self.last = None;
        self.group.clear();
        self.taken = 0;
    }

    /// The next code; none at the end.
    fn code(&mut self, input: &Shared<'_>) -> io::Result<Option<usize>> {
        // A code more than fits: the width grows, and the rest of the group is padding.
        if self.free >= 1 << self.bits && self.bits < self.max_bits {
            self.bits += 1;
            self.group.clear();
            self.taken = 0;
        }
        let bits = self.bits as usize;
        if self.taken + bits > self.group.len() * 8 {
            self.group = input.peek(bits)?;
            self.taken = 0;
            input.skip(self.group.len() as u64)?;
            if self.group.len() * 8 < bits {
                self.cut |= self.group.iter().any(|b| *b != 0);
                return if self.cut { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(None) };
            }
        }
        let at = self.taken / 8;
        let window = (0..3).fold(0_usize, |n, i| n | usize::from(self.group.get(at + i).copied().unwrap_or(0)) << (8 * i));
        let code = window >> (self.taken % 8) & ((1 << bits) - 1);
        self.taken += bits;
        Ok(Some(code))
    }

    /// Unfolds a code into `ready`.
    fn unfold(&mut self, code: usize) -> io::Result<()> {
        let damaged = || Fault::malformed("the compress stream is damaged");
        let mut at = code;
        let Some(last) = self.last else {
            // The first code after the beginning stands for itself.
            let byte = u8::try_from(code).map_err(|_| damaged())?;
            (self.first_byte, self.last) = (byte, Some(code));
            self.ready.push(byte);
            return Ok(());
        };
        if code > self.free || code == self.free && self.full() {
            return Err(damaged());
        }
        if code == self.free {
            // The code that is about to be made: the last one and its own first byte.
            self.ready.push(self.first_byte);
            at = last;
        }
        while at > 255 {
            let (before, byte) = self.table.get(at).copied().ok_or_else(damaged)?;
            // Codes refer to earlier ones, so this ends.
            if usize::from(before) >= at {
                return Err(damaged());
            }
            self.ready.push(byte);
            at = usize::from(before);
        }
        self.first_byte = at as u8;
        self.ready.push(self.first_byte);
        if !self.full() {
            if let Some(entry) = self.table.get_mut(self.free) {
                *entry = (last as u16, self.first_byte);
            }
            self.free += 1;
        }
        self.last = Some(code);
        Ok(())
    }

    fn full(&self) -> bool {
        self.free >= 1 << self.max_bits
    }
}

impl<'a> Codec<'a> for Lzw {
    fn starts(&self, _: &[u8]) -> bool {
        false
    }

    fn begin(&mut self, input: &Shared<'a>) -> io::Result<()> {
        let header = input.take::<3>()?;
        if !is_compress(&header) {
            return Err(Fault::malformed("the compress header is damaged"));
        }
        self.max_bits = u32::from(header[2] & 0x1f);
        self.block_mode = header[2] & BLOCK_MODE != 0;
        self.table = vec![(0, 0); 1 << MAX_BITS];
        self.ready.clear();
        self.cut = false;
        self.clear();
        Ok(())
    }

    fn read(&mut self, input: &Shared<'a>, out: &mut [u8]) -> io::Result<usize> {
        let mut made = 0;
        while made < out.len() {
            if let Some(byte) = self.ready.pop() {
                out[made] = byte;
                made += 1;
                continue;
            }
            match self.code(input) {
                Ok(None) => break,
                Ok(Some(CLEAR)) if self.block_mode => self.clear(),
                Ok(Some(code)) => self.unfold(code)?,
                // What came before is told first; the error comes again.
                Err(e) if made > 0 && e.kind() == io::ErrorKind::UnexpectedEof => break,
                Err(e) => return Err(e),
            }
        }
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use crate::container::testing::{mutations, open};
    use crate::model::GapReason;

    /// Lines that fill the table of 16 bits more than once would be large; one of 10 bits is soon full.
    fn lines() -> Vec<u8> {
        (0..2000_u32).flat_map(|n| format!("{:x} nobody\n", n.wrapping_mul(2_654_435_761)).into_bytes()).collect()
    }

    #[test]
    fn what_compress_wrote() {
        let streams: [(&str, &[u8]); 2] = [
            ("10 bits", include_bytes!("../../../tests/fixtures/container/compress-10.Z")),
            ("16 bits", include_bytes!("../../../tests/fixtures/container/compress-16.Z")),
        ];
        for (what, bytes) in streams {
            let tree = open(bytes, "lines.txt.Z");
            assert_eq!((tree.names(), tree.gaps()), (vec!["lines.txt".to_owned()], vec![]), "{what}");
            assert!(tree.content("lines.txt") == Some(&lines()[..]), "{what}");
        }
        let small = open(include_bytes!("../../../tests/fixtures/container/compress.Z"), "list.txt.Z");
        assert_eq!(small.content("list.txt"), Some(&b"Nobody in this list is real.\n"[..]));
        assert_eq!(small.gaps(), []);
    }

    #[test]
    fn damage_ends_it() {
        let bytes = include_bytes!("../../../tests/fixtures/container/compress.Z");
        mutations(bytes, "x.Z");
        let large = include_bytes!("../../../tests/fixtures/container/compress-16.Z");
        mutations(&large[..400], "x.Z");
        let mut bad = bytes.to_vec();
        bad[4] = 0xff;
        bad[5] = 0xff;
        assert_eq!(open(&bad, "x.Z").gaps(), [GapReason::Malformed]);
    }
}
