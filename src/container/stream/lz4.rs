//! LZ4 frames: today's, whose blocks `lz4_flex` checks and decodes, legacy ones, and skippable ones
//! (lz4's `doc/lz4_Frame_format.md`).

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use lz4_flex::frame::FrameDecoder;

use super::{Codec, Shared, Stream, nothing_stored};
use crate::container::meter::Fault;
use crate::model::GapReason;

const FRAME: u32 = 0x184d_2204;
const LEGACY: u32 = 0x184c_2102;
/// Content of a legacy block, and what it can take when it doesn't get smaller (`LZ4_COMPRESSBOUND`).
const BLOCK: usize = 8 << 20;
const PACKED: usize = BLOCK + BLOCK / 255 + 16;

pub static LZ4: Stream = Stream {
    id: "lz4",
    endings: &[(".tlz4", ".tar"), (".lz4", "")],
    probe: |head| matches!(magic(head), Some(FRAME | LEGACY)),
    stored: nothing_stored,
    codec: |_, _| Box::new(Unlz4::Ended),
};

fn magic(head: &[u8]) -> Option<u32> {
    head.first_chunk().map(|b| u32::from_le_bytes(*b))
}

fn is_skippable(magic: u32) -> bool {
    magic & 0xffff_fff0 == 0x184d_2a50
}

enum Unlz4<'a> {
    Frame(Box<FrameDecoder<Watched<'a>>>, Rc<Cell<bool>>),
    Legacy { block: Vec<u8>, at: usize },
    Ended,
}

/// The decoder takes an input that ends for the end of the frame.
struct Watched<'a> {
    input: Shared<'a>,
    ended: Rc<Cell<bool>>,
}

impl Read for Watched<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.input.read(buf)?;
        self.ended.set(self.ended.get() || (n == 0 && !buf.is_empty()));
        Ok(n)
    }
}

impl<'a> Codec<'a> for Unlz4<'a> {
    fn starts(&self, head: &[u8]) -> bool {
        magic(head).is_some_and(|magic| matches!(magic, FRAME | LEGACY) || is_skippable(magic))
    }

    fn begin(&mut self, input: &Shared<'a>) -> io::Result<()> {
        let head = input.peek(4)?;
        *self = match magic(&head) {
            Some(FRAME) => {
                let ended = Rc::new(Cell::new(false));
                let watched = Watched { input: input.clone(), ended: ended.clone() };
                Self::Frame(Box::new(FrameDecoder::new(watched)), ended)
            }
            Some(LEGACY) => {
                input.skip(4)?;
                Self::Legacy { block: Vec::new(), at: 0 }
            }
            Some(other) if is_skippable(other) => {
                input.skip(4)?;
                let size = u32::from_le_bytes(input.take()?);
                input.skip(u64::from(size))?;
                Self::Ended
            }
            _ => return Err(Fault::malformed("the LZ4 frame is damaged")),
        };
        Ok(())
    }

    fn read(&mut self, input: &Shared<'a>, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Ended => Ok(0),
            Self::Frame(decoder, ended) => {
                let n = decoder.read(out).map_err(|e| renamed(&e))?;
                if n == 0 && ended.get() {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                Ok(n)
            }
            Self::Legacy { block, at } => {
                if *at >= block.len() {
                    *at = 0;
                    if !legacy(input, block)? {
                        return Ok(0);
                    }
                }
                let held = block.get(*at..).unwrap_or_default();
                let n = held.len().min(out.len());
                out[..n].copy_from_slice(&held[..n]);
                *at += n;
                Ok(n)
            }
        }
    }
}

/// The next block of a legacy frame, which ends where the input does or another frame begins.
fn legacy(input: &Shared<'_>, block: &mut Vec<u8>) -> io::Result<bool> {
    let head = input.peek(4)?;
    // Padding ends it as well.
    if head.iter().all(|b| *b == 0) || magic(&head).is_some_and(|m| matches!(m, FRAME | LEGACY) || is_skippable(m)) {
        return Ok(false);
    }
    let size = u32::from_le_bytes(input.take()?) as usize;
    if size > PACKED {
        return Err(Fault::malformed("the LZ4 frame is damaged"));
    }
    let mut packed = Vec::new();
    input.clone().take(size as u64).read_to_end(&mut packed)?;
    if packed.len() < size {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    block.resize(BLOCK, 0);
    let made = lz4_flex::block::decompress_into(&packed, block).map_err(|_| Fault::malformed("the LZ4 frame is damaged"))?;
    block.truncate(made);
    if made == 0 { Err(Fault::malformed("the LZ4 frame is damaged")) } else { Ok(true) }
}

fn renamed(err: &io::Error) -> io::Error {
    use lz4_flex::frame::Error;
    if err.kind() == io::ErrorKind::UnexpectedEof {
        return io::ErrorKind::UnexpectedEof.into();
    }
    match err.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(Error::DictionaryNotSupported) => {
            Fault::new(GapReason::UnsupportedMethod, "it needs a dictionary that is not part of it").into()
        }
        _ => Fault::malformed("the LZ4 frame is damaged"),
    }
}

#[cfg(test)]
mod tests {
    use crate::container::testing::{mutations, open, truncations};
    use crate::model::GapReason;

    const LIST: &[u8] = b"Nobody in this list is real. Nobody in this list is real.\n";

    #[test]
    fn frames_of_the_lz4_program() {
        let frames: [(&str, &[u8]); 3] = [
            ("today's", include_bytes!("../../../tests/fixtures/container/lz4.lz4")),
            ("linked blocks with sums", include_bytes!("../../../tests/fixtures/container/lz4-linked.lz4")),
            ("legacy", include_bytes!("../../../tests/fixtures/container/lz4-legacy.lz4")),
        ];
        for (what, bytes) in frames {
            let tree = open(bytes, "list.txt.lz4");
            assert_eq!((tree.names(), tree.gaps()), (vec!["list.txt".to_owned()], vec![]), "{what}");
            assert_eq!(tree.content("list.txt"), Some(LIST), "{what}");
            let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3], bytes].concat();
            assert_eq!(open(&[bytes, &skippable].concat(), "x.lz4").content("x"), Some(&[LIST, LIST].concat()[..]), "{what}");
            mutations(bytes, "x.lz4");
            if what != "legacy" {
                truncations(bytes, "x.lz4");
            }
        }
    }

    #[test]
    fn a_legacy_frame_is_cut_inside_a_block() {
        let bytes = include_bytes!("../../../tests/fixtures/container/lz4-legacy.lz4");
        for cut in 5..bytes.len() {
            assert_eq!(open(&bytes[..cut], "x").gaps(), [GapReason::Malformed], "cut at {cut}");
        }
    }
}
