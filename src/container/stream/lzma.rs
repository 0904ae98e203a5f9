//! LZMA without the xz frame: `.lzma` ("LZMA alone", `LZMA_Alone` of the LZMA SDK) and lzip (draft-diaz-lzip).

use std::io::{self, Read};

use lzma_rust2::LzmaReader;

use super::xz::limit_kib;
use super::{Codec, Shared, Stored, Stream, nothing_stored};
use crate::container::Limits;
use crate::container::meter::Fault;
use crate::model::GapReason;

/// Declared size that stands for "until the end marker".
const UNKNOWN: u64 = u64::MAX;

/// Largest declared size that is believed to be one, bytes (the bound of xz's own detection).
const PLAUSIBLE: u64 = 1 << 38;

pub static LZMA: Stream = Stream {
    id: "lzma",
    endings: &[(".tlz", ".tar"), (".lzma", "")],
    probe: is_lzma_alone,
    stored: alone_stored,
    codec: |_, limits| Box::new(Alone { limits: *limits, inner: None }),
};

pub static LZIP: Stream = Stream {
    id: "lzip",
    endings: &[(".tlz", ".tar"), (".lz", "")],
    probe: is_lzip,
    stored: nothing_stored,
    codec: |_, limits| Box::new(Lzip { limits: *limits, inner: None, crc: crc32fast::Hasher::new(), size: 0 }),
};

/// The 13 bytes of the header: properties, dictionary, size.
fn alone_header(head: &[u8]) -> Option<(u8, u32, u64)> {
    let dictionary = u32::from_le_bytes(head.get(1..5)?.try_into().ok()?);
    let size = u64::from_le_bytes(head.get(5..13)?.try_into().ok()?);
    Some((*head.first()?, dictionary, size))
}

fn alone_stored(head: &[u8]) -> Stored {
    let size = alone_header(head).map(|(_, _, size)| size).filter(|size| *size != UNKNOWN);
    Stored { size, ..Stored::default() }
}

/// The format has no magic: the fields must be such as encoders write them, and the first bytes must decode.
fn is_lzma_alone(head: &[u8]) -> bool {
    let Some((properties, dictionary, size)) = alone_header(head) else { return false };
    // The largest stands for "as large as it gets" in old tools.
    let round =
        dictionary == u32::MAX || dictionary.is_power_of_two() || (dictionary % 3 == 0 && (dictionary / 3).is_power_of_two());
    let literal_bits = properties % 9 + properties / 9 % 5;
    if properties > 224
        || literal_bits > 4
        || !round
        || dictionary < 4096
        || (size != UNKNOWN && !(1..=PLAUSIBLE).contains(&size))
    {
        return false;
    }
    let Some(body) = head.get(13..) else { return false };
    // The range coder's first byte is always zero.
    if body.first() != Some(&0) {
        return false;
    }
    // Distances inside the first bytes can't reach further back than they are, so a small dictionary does.
    let tried = size.min(256);
    let Ok(mut reader) = LzmaReader::new_with_props(body, size, properties, 4096, None) else { return false };
    let mut out = [0; 256];
    let mut have = 0;
    while have < tried as usize {
        match reader.read(&mut out[have..tried as usize]) {
            Ok(0) => return size == UNKNOWN,
            Ok(n) => have += n,
            // A file that ends here is damaged LZMA only if something came out of it.
            Err(e) => return e.kind() == io::ErrorKind::UnexpectedEof && have > 0,
        }
    }
    true
}

fn is_lzip(head: &[u8]) -> bool {
    head.starts_with(b"LZIP\x01") && head.get(5).is_some_and(|b| (12..=29).contains(&(b & 0x1f)))
}

/// Ends a decoder and gives what it had read too far back to the input.
fn finish<'a>(inner: LzmaReader<Shared<'a>>, input: &Shared<'a>) {
    let (_, unused) = inner.into_parts();
    input.give_back(&unused);
}

struct Alone<'a> {
    limits: Limits,
    inner: Option<LzmaReader<Shared<'a>>>,
}

impl<'a> Codec<'a> for Alone<'a> {
    fn starts(&self, _: &[u8]) -> bool {
        false
    }

    fn begin(&mut self, input: &Shared<'a>) -> io::Result<()> {
        // The decoder calls a dictionary beyond its own bound damage.
        let declared = alone_header(&input.peek(13)?).map_or(0, |(_, dictionary, _)| u64::from(dictionary));
        if declared > self.limits.decoder_memory {
            return Err(Fault::new(GapReason::LimitMemory, "the dictionary is larger than a decoder may take").into());
        }
        self.inner = Some(LzmaReader::new_mem_limit(input.clone(), limit_kib(&self.limits), None)?);
        Ok(())
    }

    fn read(&mut self, input: &Shared<'a>, out: &mut [u8]) -> io::Result<usize> {
        let Some(inner) = &mut self.inner else { return Ok(0) };
        let n = inner.read(out)?;
        if n == 0
            && let Some(inner) = self.inner.take()
        {
            finish(inner, input);
        }
        Ok(n)
    }
}

/// Version 1: header of 6 bytes, raw LZMA (lc 3, lp 0, pb 2) with end marker, trailer of 20 bytes.
struct Lzip<'a> {
    limits: Limits,
    inner: Option<LzmaReader<Shared<'a>>>,
    crc: crc32fast::Hasher,
    size: u64,
}

impl<'a> Codec<'a> for Lzip<'a> {
    fn starts(&self, head: &[u8]) -> bool {
        is_lzip(head)
    }

    fn begin(&mut self, input: &Shared<'a>) -> io::Result<()> {
        let header = input.take::<6>()?;
        if !is_lzip(&header) {
            return Err(Fault::malformed("the lzip header is damaged"));
        }
        // Base 2 logarithm in bits 0 to 4; bits 5 to 7 count sixteenths to take off.
        let base = 1_u32 << (header[5] & 0x1f);
        let dictionary = base - (base / 16) * u32::from(header[5] >> 5);
        if u64::from(dictionary) > self.limits.decoder_memory {
            return Err(Fault::new(GapReason::LimitMemory, "the dictionary is larger than a decoder may take").into());
        }
        self.inner = Some(LzmaReader::new(input.clone(), UNKNOWN, 3, 0, 2, dictionary, None)?);
        self.crc = crc32fast::Hasher::new();
        self.size = 0;
        Ok(())
    }

    fn read(&mut self, input: &Shared<'a>, out: &mut [u8]) -> io::Result<usize> {
        let Some(inner) = &mut self.inner else { return Ok(0) };
        let n = inner.read(out)?;
        if n > 0 {
            self.crc.update(out.get(..n).unwrap_or_default());
            self.size = self.size.saturating_add(n as u64);
            return Ok(n);
        }
        if let Some(inner) = self.inner.take() {
            finish(inner, input);
        }
        let crc = u32::from_le_bytes(input.take()?);
        let size = u64::from_le_bytes(input.take()?);
        let _member_size = input.take::<8>()?;
        if crc != self.crc.clone().finalize() {
            return Err(Fault::malformed("CRC mismatch"));
        }
        if size != self.size {
            return Err(Fault::malformed("size mismatch"));
        }
        Ok(0)
    }
}
