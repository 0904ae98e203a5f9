//! The content of a folder: blocks of up to 32 KiB, decoded one after another (MS-CAB 2.3 `CFDATA`, MS-MCI).

use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};

use flate2::{Decompress, FlushDecompress, Status};
use lzxd::{Lzxd, WindowSize};

use super::{u16_at, u32_at};
use crate::container::ReadSeek;
use crate::container::meter::Fault;
use crate::container::read::read_at;
use crate::model::GapReason;

/// Content of a block at most, bytes; also the window of MSZIP.
const BLOCK: usize = 32 << 10;

/// `CFFOLDER`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Folder {
    pub start: u64,
    pub blocks: u16,
    pub method: u16,
}

impl Folder {
    pub(super) fn name(&self) -> String {
        match self.method & 0xf {
            0 => "none",
            1 => "MSZIP",
            2 => "Quantum",
            3 => "LZX",
            _ => return format!("method {}", self.method & 0xf),
        }
        .to_owned()
    }
}

enum Method {
    Stored,
    /// The last 32 KiB of content.
    Mszip(Vec<u8>),
    Lzx(Box<Lzxd>),
}

impl Method {
    fn new(folder: &Folder) -> io::Result<Self> {
        Ok(match folder.method & 0xf {
            0 => Self::Stored,
            1 => Self::Mszip(Vec::new()),
            3 => Self::Lzx(Box::new(Lzxd::new(window(folder.method >> 8 & 0x1f)?))),
            2 => return Err(Fault::new(GapReason::UnsupportedMethod, "Quantum compression is not supported").into()),
            _ => return Err(Fault::new(GapReason::UnsupportedMethod, "the compression method is not supported").into()),
        })
    }

    /// The content of one block.
    fn decode(&mut self, packed: &[u8], size: usize) -> io::Result<Vec<u8>> {
        let damaged = || Fault::malformed("a block is damaged");
        match self {
            Self::Stored if packed.len() == size => Ok(packed.to_vec()),
            Self::Stored => Err(damaged()),
            Self::Mszip(window) => {
                let deflated = packed.strip_prefix(b"CK").ok_or_else(damaged)?;
                let mut inflate = Decompress::new(false);
                if !window.is_empty() {
                    inflate.set_dictionary(window).map_err(|_| damaged())?;
                }
                let mut out = vec![0; size];
                let status = inflate.decompress(deflated, &mut out, FlushDecompress::Finish).map_err(|_| damaged())?;
                if inflate.total_out() != size as u64 || status == Status::BufError && size > 0 {
                    return Err(damaged());
                }
                window.extend_from_slice(&out);
                window.drain(..window.len().saturating_sub(BLOCK));
                Ok(out)
            }
            Self::Lzx(lzx) => {
                // The crate checks what it computes with; on some damage it panics.
                let decoded = catch_unwind(AssertUnwindSafe(|| lzx.decompress_next(packed, size).map(<[u8]>::to_vec)));
                match decoded {
                    Ok(Ok(out)) if out.len() == size => Ok(out),
                    Ok(_) => Err(damaged()),
                    Err(_) => Err(Fault::new(GapReason::ParserFailed, "decoding a block of LZX").into()),
                }
            }
        }
    }
}

/// Base 2 logarithm of the window.
fn window(bits: u16) -> io::Result<WindowSize> {
    Ok(match bits {
        15 => WindowSize::KB32,
        16 => WindowSize::KB64,
        17 => WindowSize::KB128,
        18 => WindowSize::KB256,
        19 => WindowSize::KB512,
        20 => WindowSize::MB1,
        21 => WindowSize::MB2,
        _ => return Err(Fault::malformed("the window of LZX is none of the format")),
    })
}

/// Where the reading of a folder stands.
struct Open {
    folder: Folder,
    method: Method,
    /// Where the next block stands, and how many are left.
    next: u64,
    left: u16,
    /// Content before `block`.
    before: u64,
    block: Vec<u8>,
    failed: Option<Fault>,
}

/// The folders of a cabinet, read one after another.
pub(super) struct Folders<'a> {
    pub input: &'a mut dyn ReadSeek,
    reserve: u8,
    open: Option<Open>,
}

impl<'a> Folders<'a> {
    pub(super) fn new(input: &'a mut dyn ReadSeek, reserve: u8) -> Self {
        Self { input, reserve, open: None }
    }

    /// Reads `folder` from `offset` of its content on. Files are asked for in order; what lies further back than the
    /// present block overlaps another file and is refused.
    pub(super) fn at(&mut self, folder: &Folder, offset: u64) -> io::Result<Content<'_, 'a>> {
        if self.open.as_ref().is_none_or(|open| open.folder != *folder) {
            let method = Method::new(folder)?;
            self.open = Some(Open {
                folder: *folder,
                method,
                next: folder.start,
                left: folder.blocks,
                before: 0,
                block: Vec::new(),
                failed: None,
            });
        }
        let Some(open) = &mut self.open else { return Err(Fault::malformed("its folder is missing")) };
        while open.before.saturating_add(open.block.len() as u64) <= offset && open.left > 0 && open.failed.is_none() {
            open.advance(self.input, self.reserve)?;
        }
        if let Some(fault) = &open.failed {
            return Err(fault.clone().into());
        }
        if offset < open.before {
            return Err(Fault::malformed("it overlaps another file"));
        }
        let skip = usize::try_from(offset - open.before).unwrap_or(usize::MAX);
        Ok(Content { folders: self, skip })
    }
}

impl Open {
    fn advance(&mut self, input: &mut dyn ReadSeek, reserve: u8) -> io::Result<()> {
        let outcome = self.block(input, reserve);
        if let Err(e) = &outcome {
            self.failed = Some(crate::container::meter::fault_of(e));
        }
        outcome
    }

    fn block(&mut self, input: &mut dyn ReadSeek, reserve: u8) -> io::Result<()> {
        self.before = self.before.saturating_add(self.block.len() as u64);
        self.block.clear();
        let header = read_at(input, self.next, 8 + usize::from(reserve))?;
        let (sum, packed, size) = (u32_at(&header, 0)?, usize::from(u16_at(&header, 4)?), usize::from(u16_at(&header, 6)?));
        self.next = self.next.saturating_add(header.len() as u64);
        let data = read_at(input, self.next, packed)?;
        if data.len() < packed {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.next = self.next.saturating_add(packed as u64);
        self.left = self.left.saturating_sub(1);
        // Sizes and whatever is reserved belong to the sum.
        if sum != 0 && sum != checksum(header.get(4..).unwrap_or_default(), checksum(&data, 0)) {
            return Err(Fault::malformed("checksum mismatch"));
        }
        if size == 0 {
            return Err(Fault::new(GapReason::MissingVolume, "it goes on in the next cabinet").into());
        }
        if size > BLOCK {
            return Err(Fault::malformed("a block is larger than the format has them"));
        }
        self.block = self.method.decode(&data, size)?;
        Ok(())
    }
}

/// Exclusive or of little-endian words; a rest of less than four bytes is taken the other way round (MS-CAB 3.1).
fn checksum(bytes: &[u8], seed: u32) -> u32 {
    let words = bytes.chunks_exact(4);
    let rest = words.remainder().iter().fold(0, |n, b| n << 8 | u32::from(*b));
    words.fold(seed, |sum, word| sum ^ word.iter().rev().fold(0, |n, b| n << 8 | u32::from(*b))) ^ rest
}

/// The content of a folder from some place on.
pub(super) struct Content<'f, 'a> {
    folders: &'f mut Folders<'a>,
    /// Bytes of the present block that are behind us.
    skip: usize,
}

impl Read for Content<'_, '_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let Folders { input, reserve, open: Some(open) } = &mut *self.folders else { return Ok(0) };
        loop {
            let held = open.block.get(self.skip..).unwrap_or_default();
            if !held.is_empty() {
                let n = held.len().min(buf.len());
                buf[..n].copy_from_slice(&held[..n]);
                self.skip += n;
                return Ok(n);
            }
            if let Some(fault) = &open.failed {
                return Err(fault.clone().into());
            }
            if open.left == 0 {
                return Ok(0);
            }
            self.skip = self.skip.saturating_sub(open.block.len());
            open.advance(&mut **input, *reserve)?;
        }
    }
}
