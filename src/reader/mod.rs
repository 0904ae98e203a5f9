//! One read of an object feeds everything: digests, type, entropy, body.

mod filetype;
mod hasher;

pub use filetype::{HEAD, file_type};
pub use hasher::{Hasher, Want};

use std::io::{self, Read};

/// Bytes a read asks for: stays in the second-level cache while every consumer looks at it.
pub const CHUNK: usize = 128 << 10;

/// Reads until `body` holds `limit` bytes or the source ends; true when it ended. Grows with what arrives,
/// never with what was declared.
pub fn fill(
    src: &mut dyn Read,
    body: &mut Vec<u8>,
    limit: usize,
    hasher: &mut Hasher,
    scratch: &mut Scratch,
    stop: &dyn Fn() -> bool,
) -> io::Result<bool> {
    let chunk = scratch.get();
    while body.len() < limit {
        if stop() {
            return Err(io::Error::from(io::ErrorKind::Interrupted));
        }
        let want = chunk.len().min(limit - body.len());
        let n = read_some(src, &mut chunk[..want])?;
        if n == 0 {
            return Ok(true);
        }
        hasher.update(&chunk[..n]);
        body.extend_from_slice(&chunk[..n]);
    }
    Ok(false)
}

/// Reads the rest in chunks that `tap` sees; gives the bytes read.
pub fn drain(
    src: &mut dyn Read,
    hasher: &mut Hasher,
    scratch: &mut Scratch,
    tap: &mut dyn FnMut(&[u8]),
    stop: &dyn Fn() -> bool,
) -> io::Result<u64> {
    let chunk = scratch.get();
    let mut total = 0u64;
    loop {
        if stop() {
            return Err(io::Error::from(io::ErrorKind::Interrupted));
        }
        let n = read_some(src, chunk)?;
        if n == 0 {
            return Ok(total);
        }
        hasher.update(&chunk[..n]);
        tap(&chunk[..n]);
        total += n as u64;
    }
}

/// A worker's read buffer, used again for every object.
#[derive(Default)]
pub struct Scratch(Vec<u8>);

impl Scratch {
    fn get(&mut self) -> &mut [u8] {
        self.0.resize(CHUNK, 0);
        &mut self.0
    }
}

/// `read`, tried again after a signal.
fn read_some(src: &mut dyn Read, buf: &mut [u8]) -> io::Result<usize> {
    loop {
        match src.read(buf) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn body_stops_at_its_limit_and_the_rest_is_drained() {
        let data: Vec<u8> = (0..300_000u32).map(|i| i as u8).collect();
        let mut src = data.as_slice();
        let mut hasher = Hasher::new(Want::ALL);
        let mut body = Vec::new();
        let mut scratch = Scratch::default();
        let ended = fill(&mut src, &mut body, 200_000, &mut hasher, &mut scratch, &|| false).unwrap();
        assert!(!ended);
        assert_eq!(body.len(), 200_000);
        let mut rest = 0;
        drain(&mut src, &mut hasher, &mut scratch, &mut |c| rest += c.len(), &|| false).unwrap();
        assert_eq!(rest, 100_000);
        let (digests, _) = hasher.finish();
        assert_eq!(digests, Hasher::of(&data, Want::ALL).0);
    }

    #[test]
    fn a_stop_is_an_error_and_no_digest() {
        let mut src = &[1u8, 2, 3][..];
        let mut hasher = Hasher::new(Want::default());
        assert!(fill(&mut src, &mut Vec::new(), 10, &mut hasher, &mut Scratch::default(), &|| true).is_err());
    }
}
