//! The chain of the journal: each line holds its number and the SHA-256 of the line before it.

use std::io::{self, BufRead, BufReader, Read};

use sha2::{Digest, Sha256};

use crate::model::text::hex;

/// Lines from the start on of which each holds the hash of the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain {
    pub lines: u64,
    /// Of all of them.
    pub bytes: u64,
    /// SHA-256 of the last of them; zeros where there is none.
    pub head: [u8; 32],
    /// Why the next one is none.
    pub broken: Option<&'static str>,
}

/// Follows a journal to its end, or to the first line that doesn't belong.
///
/// # Errors
/// When it can't be read.
pub fn chain(journal: impl Read) -> io::Result<Chain> {
    let mut from = BufReader::with_capacity(256 << 10, journal);
    let mut chain = Chain { lines: 0, bytes: 0, head: [0; 32], broken: None };
    let mut line = Vec::new();
    loop {
        line.clear();
        if from.read_until(b'\n', &mut line)? == 0 {
            return Ok(chain);
        }
        let number = format!(r#"{{"seq":{},"#, chain.lines);
        chain.broken = if !line.ends_with(b"}\n") {
            Some("it is not whole")
        } else if !line.starts_with(number.as_bytes()) {
            Some("its number is not the next one")
        } else if !line.starts_with(format!(r#"{number}"prev":"{}","#, hex(&chain.head)).as_bytes()) {
            Some("it does not hold the hash of the line before it")
        } else {
            chain.head = Sha256::digest(&line).into();
            chain.bytes += line.len() as u64;
            chain.lines += 1;
            continue;
        };
        return Ok(chain);
    }
}
