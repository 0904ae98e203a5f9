//! gzip, RFC 1952, with any number of members; and raw deflate (RFC 1951), which zip uses.

use std::io;

use flate2::{Decompress, FlushDecompress, Status};

use super::{Codec, Shared, Stored, Stream};
use crate::container::meter::Fault;
use crate::model::Time;

/// FLG bits, RFC 1952 §2.3.1.
const FHCRC: u8 = 1 << 1;
const FEXTRA: u8 = 1 << 2;
const FNAME: u8 = 1 << 3;
const FCOMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0xe0;

/// Longest stored name that is kept, bytes.
const NAME_MAX: usize = 4096;

pub static GZ: Stream = Stream {
    id: "gz",
    endings: &[(".tgz", ".tar"), (".taz", ".tar"), (".svgz", ".svg"), (".gz", "")],
    probe: is_gzip,
    stored,
    codec: |_, _| Box::new(Gzip { inflate: Inflate::default(), crc: crc32fast::Hasher::new(), size: 0 }),
};

/// Magic and the only method there is (deflate).
fn is_gzip(head: &[u8]) -> bool {
    head.starts_with(&[0x1f, 0x8b, 8])
}

/// FNAME and MTIME of the first member.
fn stored(head: &[u8]) -> Stored {
    let found = || -> Option<Stored> {
        let flags = *head.get(3)?;
        let seconds = u32::from_le_bytes(head.get(4..8)?.try_into().ok()?);
        let mtime = (seconds != 0).then(|| Time::from_seconds(i64::from(seconds)));
        let name = || -> Option<Vec<u8>> {
            if flags & FNAME == 0 {
                return None;
            }
            let mut at = 10_usize;
            if flags & FEXTRA != 0 {
                let len = u16::from_le_bytes(head.get(at..at + 2)?.try_into().ok()?);
                at = at.checked_add(2)?.checked_add(usize::from(len))?;
            }
            let rest = head.get(at..)?;
            let end = memchr::memchr(0, rest)?;
            let name = &rest[..end.min(NAME_MAX)];
            (!name.is_empty()).then(|| name.to_vec())
        };
        Some(Stored { name: name(), mtime, size: None })
    };
    found().unwrap_or_default()
}

/// Raw deflate.
pub(in crate::container) struct Inflate {
    inner: Decompress,
    ended: bool,
}

impl Default for Inflate {
    fn default() -> Self {
        Self { inner: Decompress::new(false), ended: false }
    }
}

impl<'a> Codec<'a> for Inflate {
    fn starts(&self, _: &[u8]) -> bool {
        false
    }

    fn begin(&mut self, _: &Shared<'a>) -> io::Result<()> {
        self.inner.reset(false);
        self.ended = false;
        Ok(())
    }

    fn read(&mut self, input: &Shared<'a>, out: &mut [u8]) -> io::Result<usize> {
        while !self.ended {
            let (used, made, status) = input.with(|held| {
                let (before_in, before_out) = (self.inner.total_in(), self.inner.total_out());
                let status = self
                    .inner
                    .decompress(held, out, FlushDecompress::None)
                    .map_err(|_| Fault::malformed("the deflate stream is damaged"))?;
                let used = self.inner.total_in().saturating_sub(before_in) as usize;
                let made = self.inner.total_out().saturating_sub(before_out) as usize;
                Ok((used, (used, made, status)))
            })?;
            self.ended = status == Status::StreamEnd;
            if made > 0 {
                return Ok(made);
            }
            if used == 0 && !self.ended {
                return Err(Fault::malformed("the deflate stream stands still"));
            }
        }
        Ok(0)
    }
}

struct Gzip {
    inflate: Inflate,
    crc: crc32fast::Hasher,
    size: u32,
}

impl<'a> Codec<'a> for Gzip {
    fn starts(&self, head: &[u8]) -> bool {
        is_gzip(head)
    }

    fn begin(&mut self, input: &Shared<'a>) -> io::Result<()> {
        let header = input.take::<10>()?;
        let flags = header[3];
        if !is_gzip(&header) || flags & RESERVED != 0 {
            return Err(Fault::malformed("the gzip header is damaged"));
        }
        if flags & FEXTRA != 0 {
            let len = u16::from_le_bytes(input.take()?);
            input.skip(u64::from(len))?;
        }
        for text in [FNAME, FCOMMENT] {
            if flags & text != 0 {
                input.skip_text()?;
            }
        }
        if flags & FHCRC != 0 {
            input.skip(2)?;
        }
        self.crc = crc32fast::Hasher::new();
        self.size = 0;
        self.inflate.begin(input)
    }

    fn read(&mut self, input: &Shared<'a>, out: &mut [u8]) -> io::Result<usize> {
        let n = self.inflate.read(input, out)?;
        if n > 0 {
            self.crc.update(out.get(..n).unwrap_or_default());
            self.size = self.size.wrapping_add(n as u32);
            return Ok(n);
        }
        let crc = u32::from_le_bytes(input.take()?);
        let size = u32::from_le_bytes(input.take()?);
        if crc != self.crc.clone().finalize() {
            return Err(Fault::malformed("CRC mismatch"));
        }
        if size != self.size {
            return Err(Fault::malformed("size mismatch"));
        }
        Ok(0)
    }
}
