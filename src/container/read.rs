//! Reading at a place.

use std::io::{self, Read, SeekFrom};

use super::ReadSeek;

/// Reads up to `length` bytes at `at`; fewer only where the file ends.
pub(super) fn read_at(input: &mut dyn ReadSeek, at: u64, length: usize) -> io::Result<Vec<u8>> {
    input.seek(SeekFrom::Start(at))?;
    let mut out = Vec::new();
    let mut reader: &mut dyn ReadSeek = input;
    Read::by_ref(&mut reader).take(length as u64).read_to_end(&mut out)?;
    Ok(out)
}
