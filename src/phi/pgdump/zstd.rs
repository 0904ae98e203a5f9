//! Zstandard frames in pieces (RFC 8878, 3.1.1), a block at a time, so that neither a frame nor what it unpacks to is held.

use ruzstd::decoding::errors::FrameDecoderError;
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use crate::model::GapReason;
use crate::phi::Unread;

/// Bytes that a frame may look back over: more than `pg_dump` asks of any level up to 19.
const MAX_WINDOW: u64 = 8 << 20;
/// Bytes of a packed block (`Block_Maximum_Size`).
const MAX_BLOCK: usize = 128 * 1024;

/// See the module.
#[derive(Default)]
pub(super) struct Zstd {
    /// Bytes of a header or block that isn't whole.
    pending: Vec<u8>,
    frame: Option<Frame>,
}

struct Frame {
    decoder: FrameDecoder,
    checksum: bool,
}

impl Zstd {
    pub fn feed(&mut self, bytes: &[u8], out: &mut dyn FnMut(&[u8])) -> Result<(), Unread> {
        self.pending.extend_from_slice(bytes);
        let mut at = 0;
        while let Some(taken) = self.step(at, out)? {
            at = at.saturating_add(taken);
        }
        self.pending.drain(..at.min(self.pending.len()));
        Ok(())
    }

    /// Reads a header or block at this place; nothing where it isn't whole.
    fn step(&mut self, at: usize, out: &mut dyn FnMut(&[u8])) -> Result<Option<usize>, Unread> {
        let rest = self.pending.get(at..).unwrap_or_default();
        let Some(frame) = &mut self.frame else {
            let Some(header) = header(rest)? else { return Ok(None) };
            let mut decoder = FrameDecoder::new();
            decoder.set_max_window_size(MAX_WINDOW);
            decoder.init(rest.get(..header).unwrap_or_default()).map_err(|e| why(&e))?;
            self.frame = Some(Frame { decoder, checksum: rest.get(4).is_some_and(|d| d & 4 != 0) });
            return Ok(Some(header));
        };
        let Some(&[a, b, c]) = rest.first_chunk::<3>() else { return Ok(None) };
        let block = u32::from_le_bytes([a, b, c, 0]);
        let (last, kind, size) = (block & 1 == 1, (block >> 1) & 3, (block >> 3) as usize);
        let size = if kind == 1 { 1 } else { size };
        if size > MAX_BLOCK || kind == 3 {
            return Err(damaged());
        }
        let whole = size.saturating_add(if last && frame.checksum { 7 } else { 3 });
        let Some(bytes) = rest.get(..whole) else { return Ok(None) };
        frame.decoder.decode_blocks(bytes, BlockDecodingStrategy::UptoBlocks(1)).map_err(|e| why(&e))?;
        if let Some(text) = frame.decoder.collect() {
            out(&text);
        }
        if last {
            self.frame = None;
        }
        Ok(Some(whole))
    }
}

/// The length of a frame's header, once it is there.
fn header(bytes: &[u8]) -> Result<Option<usize>, Unread> {
    let Some(&[a, b, c, d, descriptor]) = bytes.first_chunk::<5>() else { return Ok(None) };
    if [a, b, c, d] != [0x28, 0xb5, 0x2f, 0xfd] {
        return Err(damaged());
    }
    let single = descriptor & 0x20 != 0;
    let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let content = [usize::from(single), 2, 4, 8][usize::from(descriptor >> 6)];
    let length = 5 + usize::from(!single) + dictionary + content;
    Ok((bytes.len() >= length).then_some(length))
}

fn why(error: &FrameDecoderError) -> Unread {
    match error {
        FrameDecoderError::WindowSizeTooBig { .. } => {
            Unread::new(GapReason::LimitMemory, "its rows are compressed over a window of more than 8 MiB")
        }
        _ => damaged(),
    }
}

fn damaged() -> Unread {
    Unread::malformed("its compressed rows are damaged")
}
