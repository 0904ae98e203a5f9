//! LZ4 frames in pieces (LZ4 Frame Format 1.6), a block at a time; blocks may look back over the 64 KiB before them.

use crate::phi::Unread;

/// Bytes that a block may look back over.
const WINDOW: usize = 64 * 1024;

/// See the module.
#[derive(Default)]
pub(super) struct Lz4 {
    /// Bytes of a header or block that isn't whole.
    pending: Vec<u8>,
    frame: Option<Frame>,
    /// The last bytes that were unpacked.
    window: Vec<u8>,
    block: Vec<u8>,
}

#[derive(Clone, Copy)]
struct Frame {
    /// Blocks look back, carry a sum; the content does.
    linked: bool,
    block_sum: bool,
    content_sum: bool,
    /// Bytes of an unpacked block.
    max: usize,
}

impl Lz4 {
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
        let Some(frame) = self.frame else {
            let Some((frame, length)) = header(rest)? else { return Ok(None) };
            self.window.clear();
            self.frame = Some(frame);
            return Ok(Some(length));
        };
        let Some(&word) = rest.first_chunk::<4>() else { return Ok(None) };
        let word = u32::from_le_bytes(word);
        if word == 0 {
            let whole = if frame.content_sum { 8 } else { 4 };
            if rest.len() < whole {
                return Ok(None);
            }
            self.frame = None;
            return Ok(Some(whole));
        }
        let (stored, size) = (word >> 31 == 1, (word & 0x7fff_ffff) as usize);
        if size > frame.max {
            return Err(damaged());
        }
        let whole = size.saturating_add(if frame.block_sum { 8 } else { 4 });
        if rest.len() < whole {
            return Ok(None);
        }
        let packed = rest.get(4..size.saturating_add(4)).unwrap_or_default();
        let text = if stored {
            packed
        } else {
            self.block.resize(frame.max, 0);
            let back = if frame.linked { self.window.as_slice() } else { &[] };
            let n = lz4_flex::block::decompress_into_with_dict(packed, &mut self.block, back).map_err(|_| damaged())?;
            self.block.get(..n).unwrap_or_default()
        };
        out(text);
        if frame.linked {
            self.window.extend_from_slice(text.get(text.len().saturating_sub(WINDOW)..).unwrap_or_default());
            self.window.drain(..self.window.len().saturating_sub(WINDOW));
        }
        Ok(Some(whole))
    }
}

/// A frame's header, once it is there, and its length.
fn header(bytes: &[u8]) -> Result<Option<(Frame, usize)>, Unread> {
    let Some(&[a, b, c, d, flags, sizes]) = bytes.first_chunk::<6>() else { return Ok(None) };
    let max = match sizes >> 4 & 7 {
        4 => 64 << 10,
        5 => 256 << 10,
        6 => 1 << 20,
        7 => 4 << 20,
        _ => return Err(damaged()),
    };
    // A frame that needs a dictionary from elsewhere is none that a dump writes.
    if [a, b, c, d] != [0x04, 0x22, 0x4d, 0x18] || flags >> 6 != 1 || flags & 1 != 0 {
        return Err(damaged());
    }
    let length = 7 + if flags & 8 != 0 { 8 } else { 0 };
    let frame = Frame { linked: flags & 0x20 == 0, block_sum: flags & 0x10 != 0, content_sum: flags & 4 != 0, max };
    Ok((bytes.len() >= length).then_some((frame, length)))
}

fn damaged() -> Unread {
    Unread::malformed("its compressed rows are damaged")
}
