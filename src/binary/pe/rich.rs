//! The Rich header: what Microsoft's linker notes about the tools that built a program, between the DOS stub and
//! the PE header, masked with a checksum (undocumented; described by D. Pistelli, "Microsoft's Rich Signature").

use md5::{Digest, Md5};
use serde::Serialize;

use crate::model::text;

use super::map::u32_at;

/// `DanS`, little-endian, which starts the header once it is unmasked.
const DANS: u32 = 0x536e_6144;
/// `DanS` and three words of padding.
const START: usize = 16;
/// Real headers hold a few dozen tools; the search for the start ends here.
const MAX_ENTRIES: usize = 512;

/// The Rich header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rich {
    /// MD5, hexadecimal, of the unmasked bytes from `DanS` to just before `Rich`: what pefile's
    /// `get_rich_header_hash()`, YARA's `hash.md5(pe.rich_signature.clear_data)` and VirusTotal's "Rich PE header hash" give.
    pub md5: String,
    /// Tools listed, each with its build and how often it was used.
    pub tools: u32,
    /// The mask is the checksum of the DOS header and the tools. It isn't where the header was copied from another
    /// program or the DOS stub was changed afterwards.
    pub checksum_valid: bool,
}

/// Looks between the DOS header and `pe_offset`.
pub(super) fn rich(bytes: &[u8], pe_offset: usize) -> Option<Rich> {
    let head = bytes.get(..pe_offset)?;
    let end = memchr::memmem::rfind(head, b"Rich")?;
    let key = u32_at(head, end.checked_add(4)?)?;
    let lowest = end.saturating_sub(START + MAX_ENTRIES * 8);
    let start = lowest + memchr::memmem::rfind(head.get(lowest..end)?, &(DANS ^ key).to_le_bytes())?;
    let mask = key.to_le_bytes();
    let clear: Vec<u8> = head.get(start..end)?.iter().zip(mask.iter().cycle()).map(|(b, m)| b ^ m).collect();
    let entries = clear.get(START..)?;
    let tools = || entries.chunks_exact(8).map(|e| (u32_at(e, 0).unwrap_or(0), u32_at(e, 4).unwrap_or(0)));

    // The sum begins with the offset of the header; e_lfanew wasn't known yet when it was made.
    let mut sum = u32::try_from(start).ok()?;
    for (i, &b) in head.iter().enumerate().take(start).filter(|(i, _)| !(0x3c..0x40).contains(i)) {
        sum = sum.wrapping_add(u32::from(b).rotate_left((i % 32) as u32));
    }
    for (tool, count) in tools() {
        sum = sum.wrapping_add(tool.rotate_left(count % 32));
    }
    Some(Rich {
        md5: text::hex(&Md5::digest(&clear)),
        tools: u32::try_from(tools().count()).unwrap_or(u32::MAX),
        checksum_valid: sum == key,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A DOS header and a Rich header of two tools under its right checksum.
    fn built() -> Vec<u8> {
        let mut b = vec![0u8; 0x80];
        b[..2].copy_from_slice(b"MZ");
        b[0x3c] = 0xb8;
        let tools = [(0x0104_7809u32, 3u32), (0x0102_7809, 33)];
        let mut sum = 0x80u32 + u32::from(b'M') + u32::from(b'Z').rotate_left(1);
        for (t, n) in tools {
            sum = sum.wrapping_add(t.rotate_left(n % 32));
        }
        let words = [DANS, 0, 0, 0].into_iter().chain(tools.into_iter().flat_map(|(t, n)| [t, n]));
        b.extend(words.flat_map(|w| (w ^ sum).to_le_bytes()));
        b.extend_from_slice(b"Rich");
        b.extend(sum.to_le_bytes());
        b
    }

    #[test]
    fn hash_and_checksum() {
        let mut b = built();
        let found = rich(&b, b.len()).unwrap();
        assert_eq!((found.tools, found.checksum_valid), (2, true));
        let clear = [b"DanS".as_slice(), &[0; 12], &[9, 0x78, 4, 1, 3, 0, 0, 0, 9, 0x78, 2, 1, 33, 0, 0, 0]].concat();
        assert_eq!(found.md5, text::hex(&Md5::digest(clear)));
        b[0x50] = 1;
        let changed = rich(&b, b.len()).unwrap();
        assert_eq!((changed.md5, changed.checksum_valid), (found.md5, false));
    }

    #[test]
    fn none_or_half() {
        let b = built();
        for n in 0..b.len() {
            assert_eq!(rich(&b[..n], n), None, "{n}");
        }
        assert_eq!(rich(b"MZ Rich", 7), None);
        assert_eq!(rich(&b, b.len() + 1), None);
    }
}
