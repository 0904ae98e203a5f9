//! Numbers, lowest byte first, at a place in bytes from outside.

pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|b| u16::from_le_bytes(*b))
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|b| u32::from_le_bytes(*b))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|b| u64::from_le_bytes(*b))
}

/// A place or a length; what doesn't fit is beyond every file.
pub(super) fn place(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// At most so many bytes of what zlib packed (RFC 1950); what is damaged ends there.
pub(super) fn inflate(packed: &[u8], most: usize) -> Vec<u8> {
    use std::io::Read;
    let mut out = Vec::new();
    // What came before the damage is there.
    let _ = flate2::read::ZlibDecoder::new(packed).take(most as u64).read_to_end(&mut out);
    out
}
