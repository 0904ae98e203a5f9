//! Archives that are read forward: the bytes of one member, and checks of what came out of it.

use std::io::{self, Read};

use super::meter::{Fault, Input};
use super::stream::Shared;
use super::walk::Walk;
use crate::model::{GapReason, MemberFacts};

/// The stored bytes of one member: exactly that many, or an error.
pub(super) struct Piece<'a> {
    tape: Shared<'a>,
    left: u64,
}

impl<'a> Piece<'a> {
    pub(super) fn new(tape: &Shared<'a>, size: u64) -> Self {
        Self { tape: tape.clone(), left: size }
    }

    /// Passes over what wasn't read.
    pub(super) fn finish(self) -> io::Result<()> {
        self.tape.skip(self.left)
    }
}

impl Read for Piece<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(buf.len());
        if wanted == 0 {
            return Ok(0);
        }
        let n = self.tape.read(&mut buf[..wanted])?;
        if n == 0 {
            return Err(Fault::malformed("the archive ends inside a member"));
        }
        self.left = self.left.saturating_sub(n as u64);
        Ok(n)
    }
}

/// A sum over the content, compared with the stored one at the end.
pub(super) trait Sum {
    fn add(&mut self, bytes: &[u8]);
    fn agrees(&self) -> bool;
}

/// CRC-32 as in zip.
pub(super) struct Crc32 {
    hasher: crc32fast::Hasher,
    want: u32,
}

impl Crc32 {
    pub(super) fn new(want: u32) -> Self {
        Self { hasher: crc32fast::Hasher::new(), want }
    }
}

impl Sum for Crc32 {
    fn add(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
    }

    fn agrees(&self) -> bool {
        self.hasher.clone().finalize() == self.want
    }
}

/// Content with its sum.
pub(super) struct Checked<R> {
    inner: R,
    sum: Option<Box<dyn Sum>>,
}

impl<R: Read> Checked<R> {
    pub(super) fn new(inner: R, sum: Option<Box<dyn Sum>>) -> Self {
        Self { inner, sum }
    }
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        let Some(sum) = &mut self.sum else { return Ok(n) };
        if n > 0 {
            sum.add(buf.get(..n).unwrap_or_default());
        } else if !buf.is_empty() && !sum.agrees() {
            return Err(Fault::malformed("checksum mismatch"));
        }
        Ok(n)
    }
}

/// Hands over an admitted member whose content is stored as it is, and passes over what the sink left.
pub(super) fn stored(
    walk: &mut Walk<'_>,
    facts: &MemberFacts,
    tape: &Shared<'_>,
    size: u64,
    sum: Option<Box<dyn Sum>>,
) -> io::Result<()> {
    let mut piece = Piece::new(tape, size);
    let mut input = Input::new(&mut piece);
    let fed = input.fed();
    let mut content = Checked::new(&mut input, sum);
    walk.deliver(facts, &mut content, fed, None);
    piece.finish()
}

/// Whether the walk has to end, which is told where no byte of output is left.
pub(super) fn over(walk: &mut Walk<'_>) -> bool {
    if !walk.ended() && walk.spent() {
        walk.shortfall(GapReason::LimitSize, "the limit of bytes out of one archive was reached; the rest is not listed");
        return true;
    }
    walk.ended()
}
