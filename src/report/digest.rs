//! SHA-256 of what is read, in bounded memory.

use std::io::{self, Read};

use sha2::{Digest, Sha256};

use crate::model::text;

/// SHA-256 of all that can be read, hexadecimal.
///
/// # Errors
/// As the reader.
pub fn sha256_of(from: &mut dyn Read) -> io::Result<String> {
    let mut hash = Sha256::new();
    hash_all(from, &mut hash)?;
    Ok(text::hex(&hash.finalize()))
}

/// Adds all that can be read to a digest; gives how many bytes that were.
///
/// # Errors
/// As the reader.
pub fn hash_all(from: &mut dyn Read, hash: &mut Sha256) -> io::Result<u64> {
    let (mut len, mut block) = (0_u64, vec![0; 128 << 10]);
    loop {
        match from.read(&mut block)? {
            0 => return Ok(len),
            n => {
                len += n as u64;
                hash.update(block.get(..n).unwrap_or_default());
            }
        }
    }
}
