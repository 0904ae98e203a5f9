//! Zstandard, RFC 8878: several frames, skippable frames, a cap on the window.

use std::io::{self, Read};

use ruzstd::decoding::errors::FrameDecoderError;
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::{Codec, Shared, Stream, nothing_stored};
use crate::container::Limits;
use crate::container::meter::Fault;
use crate::model::GapReason;

const FRAME: u32 = 0xfd2f_b528;

/// Decoded at a time, bytes; the decoder keeps it on top of the window.
const STEP: usize = 256 << 10;

pub static ZST: Stream = Stream {
    id: "zst",
    endings: &[(".tzst", ".tar"), (".zst", ""), (".zstd", "")],
    probe: is_zstd,
    stored: nothing_stored,
    codec: |_, limits| Box::new(Unzstd::new(limits)),
};

fn magic(head: &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(head.get(..4)?.try_into().ok()?))
}

/// Skippable frames (RFC 8878 §3.1.2) carry one of 16 magics, which LZ4 uses as well.
fn is_skippable(magic: u32) -> bool {
    magic & 0xffff_fff0 == 0x184d_2a50
}

/// A frame of content, alone or behind skippable frames.
fn is_zstd(head: &[u8]) -> bool {
    let mut rest = head;
    while let Some(magic) = magic(rest) {
        if magic == FRAME {
            return true;
        }
        if !is_skippable(magic) {
            return false;
        }
        let Some(size) = self::magic(rest.get(4..).unwrap_or_default()) else { return false };
        let Some(next) = (size as usize).checked_add(8).and_then(|skip| rest.get(skip..)) else { return false };
        rest = next;
    }
    false
}

pub(in crate::container) struct Unzstd {
    inner: FrameDecoder,
    skipped: bool,
}

impl Unzstd {
    pub(in crate::container) fn new(limits: &Limits) -> Self {
        let mut inner = FrameDecoder::new();
        inner.set_max_window_size(limits.decoder_memory);
        Self { inner, skipped: false }
    }
}

fn renamed(err: FrameDecoderError) -> io::Error {
    match err {
        FrameDecoderError::WindowSizeTooBig { .. } => {
            Fault::new(GapReason::LimitMemory, "the window is larger than a decoder may take").into()
        }
        FrameDecoderError::DictNotProvided { .. } => {
            Fault::new(GapReason::UnsupportedMethod, "it needs a dictionary that is not part of it").into()
        }
        _ => Fault::malformed("the zstd frame is damaged"),
    }
}

impl<'a> Codec<'a> for Unzstd {
    fn starts(&self, head: &[u8]) -> bool {
        magic(head).is_some_and(|magic| magic == FRAME || is_skippable(magic))
    }

    fn begin(&mut self, input: &Shared<'a>) -> io::Result<()> {
        let head = input.peek(8)?;
        self.skipped = magic(&head).is_some_and(is_skippable);
        if self.skipped {
            input.skip(4)?;
            let size = u32::from_le_bytes(input.take()?);
            return input.skip(u64::from(size));
        }
        self.inner.reset(&mut input.clone()).map_err(renamed)
    }

    fn read(&mut self, input: &Shared<'a>, out: &mut [u8]) -> io::Result<usize> {
        if self.skipped {
            return Ok(0);
        }
        while !self.inner.is_finished() && self.inner.can_collect() == 0 {
            self.inner.decode_blocks(&mut input.clone(), BlockDecodingStrategy::UptoBytes(STEP)).map_err(renamed)?;
        }
        let n = self.inner.read(out)?;
        if n == 0 && self.inner.get_checksum_from_data().is_some_and(|sum| Some(sum) != self.inner.get_calculated_checksum()) {
            return Err(Fault::malformed("checksum mismatch"));
        }
        Ok(n)
    }
}
