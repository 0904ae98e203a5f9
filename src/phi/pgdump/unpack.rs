//! Rows as an archive compresses them, unpacked in pieces.

use flate2::{Decompress, FlushDecompress, Status};

use super::lz4::Lz4;
use super::toc::Compression;
use super::zstd::Zstd;
use crate::phi::Unread;

/// Bytes of rows that are passed on at a time.
const PIECE: usize = 64 * 1024;

/// The rows of one block.
pub(super) enum Unpack {
    Stored,
    Zlib(Decompress, Vec<u8>),
    Lz4(Lz4),
    Zstd(Box<Zstd>),
}

impl Unpack {
    pub fn new(compression: Compression) -> Self {
        match compression {
            Compression::Zlib => Unpack::Zlib(Decompress::new(true), vec![0; PIECE]),
            Compression::Lz4 => Unpack::Lz4(Lz4::default()),
            Compression::Zstd => Unpack::Zstd(Box::default()),
            Compression::Nothing | Compression::Other => Unpack::Stored,
        }
    }

    /// Hands what the next bytes unpack to out. After an error nothing more can be read.
    pub fn feed(&mut self, bytes: &[u8], out: &mut dyn FnMut(&[u8])) -> Result<(), Unread> {
        match self {
            Unpack::Stored => out(bytes),
            Unpack::Zlib(state, piece) => return inflate(state, piece, bytes, out),
            Unpack::Lz4(state) => return state.feed(bytes, out),
            Unpack::Zstd(state) => return state.feed(bytes, out),
        }
        Ok(())
    }
}

fn inflate(state: &mut Decompress, piece: &mut [u8], mut bytes: &[u8], out: &mut dyn FnMut(&[u8])) -> Result<(), Unread> {
    loop {
        let (read, written) = (state.total_in(), state.total_out());
        let status = state.decompress(bytes, piece, FlushDecompress::None);
        let status = status.map_err(|_| Unread::malformed("its compressed rows are damaged"))?;
        let read = usize::try_from(state.total_in().saturating_sub(read)).unwrap_or(usize::MAX);
        let written = usize::try_from(state.total_out().saturating_sub(written)).unwrap_or(usize::MAX);
        out(piece.get(..written).unwrap_or_default());
        bytes = bytes.get(read..).unwrap_or_default();
        if status == Status::StreamEnd || (written < piece.len() && bytes.is_empty()) || (read == 0 && written == 0) {
            return Ok(());
        }
    }
}
