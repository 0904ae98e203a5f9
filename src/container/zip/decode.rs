//! From stored bytes to content, by compression method (APPNOTE §4.4.5).

use std::io::{self, Read};

use lzma_rust2::LzmaReader;

use super::entry::{DESCRIPTOR, ENCRYPTED, Entry};
use crate::container::Limits;
use crate::container::meter::{Fault, Input, fault_of};
use crate::container::stream::bz2::Bunzip;
use crate::container::stream::gz::Inflate;
use crate::container::stream::xz::Unxz;
use crate::container::stream::zst::Unzstd;
use crate::container::stream::{Codec, Frames, Remarks, Shared};
use crate::model::GapReason;

/// LZMA: an end marker closes the data (APPNOTE §4.4.4, bit 1).
const END_MARKER: u16 = 1 << 1;

/// Calls `with` on the content of `entry`, whose stored bytes `input` gives, checked against CRC and size.
///
/// # Errors
/// A fault where nothing can be read at all; `with` wasn't called then.
pub(super) fn content(
    entry: &Entry,
    input: Input<'_>,
    limits: &Limits,
    with: &mut dyn FnMut(&mut dyn Read),
) -> Result<(), Fault> {
    let mut checked = |inner: &mut dyn Read| with(&mut Checked::new(inner, entry));
    match entry.method {
        0 => {
            let mut input = input;
            checked(&mut input);
        }
        8 => checked(&mut framed(input, Inflate::default())),
        12 => checked(&mut framed(input, Bunzip::default())),
        20 | 93 => checked(&mut framed(input, Unzstd::new(limits))),
        95 => checked(&mut framed(input, Unxz::new(limits))),
        14 => checked(&mut lzma(entry, input, limits).map_err(|e| fault_of(&e))?),
        1..=6 | 9 | 98 => exotic(entry, input, limits, &mut checked)?,
        _ => return Err(Fault::new(GapReason::UnsupportedMethod, "the compression method is not supported")),
    }
    Ok(())
}

fn framed<'a>(input: Input<'a>, codec: impl Codec<'a> + 'a) -> Frames<'a> {
    Frames::new(Shared::new(input), Box::new(codec), Remarks::default())
}

/// Version (2 bytes), size of the properties (2), properties (5), raw LZMA (APPNOTE §5.8.8).
fn lzma<'a>(entry: &Entry, mut input: Input<'a>, limits: &Limits) -> io::Result<LzmaReader<Input<'a>>> {
    let mut header = [0; 9];
    input.read_exact(&mut header)?;
    let [_, _, 5, 0, properties, dictionary @ ..] = header else {
        return Err(Fault::malformed("the LZMA header is damaged"));
    };
    let dictionary = u32::from_le_bytes(dictionary);
    if u64::from(dictionary) > limits.decoder_memory {
        return Err(Fault::new(GapReason::LimitMemory, "the dictionary is larger than a decoder may take").into());
    }
    let marked = entry.flags & (END_MARKER | DESCRIPTOR) != 0;
    let size = if marked { u64::MAX } else { entry.size };
    LzmaReader::new_with_props(input, size, properties, dictionary, None)
}

/// Methods that the `zip` crate decodes: it is given a one-entry archive made of these bytes.
fn exotic(entry: &Entry, mut input: Input<'_>, limits: &Limits, checked: &mut dyn FnMut(&mut dyn Read)) -> Result<(), Fault> {
    let too_large = || Fault::new(GapReason::LimitMemory, "the decoder asks for more memory than it may take");
    let damaged = || Fault::new(GapReason::Malformed, "the data are damaged");
    let mut first = Vec::new();
    Read::by_ref(&mut input).take(2).read_to_end(&mut first).map_err(|e| fault_of(&e))?;
    let need = match entry.method {
        // PPMd: bits 4 to 11 of the first word are the MiB of its model less one (APPNOTE §5.10).
        98 => first.first_chunk::<2>().map_or(0, |word| u64::from(u16::from_le_bytes(*word) >> 4 & 0xff) + 1) << 20,
        // These decoders hold input and output whole.
        1..=6 => entry.size.saturating_add(entry.packed),
        _ => 0,
    };
    if need > limits.decoder_memory {
        return Err(too_large());
    }
    let mut header = b"PK\x03\x04".to_vec();
    header.extend(45_u16.to_le_bytes());
    header.extend((entry.flags & !(ENCRYPTED | DESCRIPTOR)).to_le_bytes());
    header.extend(entry.method.to_le_bytes());
    header.extend([0; 4]);
    header.extend(entry.crc.to_le_bytes());
    header.extend([0xff; 8]);
    header.extend(1_u16.to_le_bytes());
    header.extend(20_u16.to_le_bytes());
    header.push(b'x');
    header.extend(1_u16.to_le_bytes());
    header.extend(16_u16.to_le_bytes());
    header.extend(entry.size.to_le_bytes());
    header.extend(entry.packed.to_le_bytes());
    let mut archive = io::Cursor::new(header).chain(io::Cursor::new(first)).chain(input);
    let mut file = match ::zip::read::read_zipfile_from_stream(&mut archive) {
        Ok(Some(file)) => file,
        Err(::zip::result::ZipError::UnsupportedArchive(_)) => {
            return Err(Fault::new(GapReason::UnsupportedMethod, "the compression method is not supported"));
        }
        _ => return Err(damaged()),
    };
    checked(&mut file);
    Ok(())
}

/// At the end of the content, compares CRC-32 and size with the headers.
struct Checked<'a> {
    inner: &'a mut dyn Read,
    crc: crc32fast::Hasher,
    size: u64,
    want_crc: Option<u32>,
    want_size: u64,
}

impl<'a> Checked<'a> {
    fn new(inner: &'a mut dyn Read, entry: &Entry) -> Self {
        // A carved entry whose sizes are unknown has nothing to compare with.
        let unknown = entry.size == u64::MAX;
        let want_crc = entry.plain_crc().filter(|_| !unknown);
        Self { inner, crc: crc32fast::Hasher::new(), size: 0, want_crc, want_size: entry.size }
    }
}

impl Read for Checked<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        if n > 0 {
            self.crc.update(buf.get(..n).unwrap_or_default());
            self.size = self.size.saturating_add(n as u64);
            return Ok(n);
        }
        if buf.is_empty() {
            return Ok(0);
        }
        if self.want_crc.is_some_and(|crc| crc != self.crc.clone().finalize()) {
            return Err(Fault::malformed("CRC mismatch"));
        }
        if self.want_size != u64::MAX && self.want_size != self.size {
            return Err(Fault::malformed("size mismatch"));
        }
        Ok(0)
    }
}
