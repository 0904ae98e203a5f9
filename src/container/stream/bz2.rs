//! bzip2, with any number of streams one behind the other (as `pbzip2` writes them).

use std::io;

use bzip2::{Decompress, Status};

use super::{Codec, Shared, Stream, nothing_stored};
use crate::container::meter::Fault;

/// Magic of a block and of the end of a stream (digits of π and its root), behind the four bytes of the header.
const BLOCK: [u8; 6] = [0x31, 0x41, 0x59, 0x26, 0x53, 0x59];
const END: [u8; 6] = [0x17, 0x72, 0x45, 0x38, 0x50, 0x90];

pub static BZ2: Stream = Stream {
    id: "bz2",
    endings: &[(".tbz2", ".tar"), (".tbz", ".tar"), (".tb2", ".tar"), (".bz2", ""), (".bz", "")],
    probe: is_bzip2,
    stored: nothing_stored,
    codec: |_, _| Box::new(Bunzip::default()),
};

fn is_bzip2(head: &[u8]) -> bool {
    head.starts_with(b"BZh")
        && head.get(3).is_some_and(|level| (b'1'..=b'9').contains(level))
        && head.get(4..10).is_none_or(|magic| magic == BLOCK || magic == END)
}

#[derive(Default)]
pub(in crate::container) struct Bunzip {
    inner: Option<Decompress>,
}

impl<'a> Codec<'a> for Bunzip {
    fn starts(&self, head: &[u8]) -> bool {
        is_bzip2(head)
    }

    fn begin(&mut self, _: &Shared<'a>) -> io::Result<()> {
        self.inner = Some(Decompress::new(false));
        Ok(())
    }

    fn read(&mut self, input: &Shared<'a>, out: &mut [u8]) -> io::Result<usize> {
        while let Some(inner) = &mut self.inner {
            let (used, made, status) = input.with(|held| {
                let (before_in, before_out) = (inner.total_in(), inner.total_out());
                let status = inner.decompress(held, out).map_err(|_| Fault::malformed("the bzip2 stream is damaged"))?;
                let used = inner.total_in().saturating_sub(before_in) as usize;
                let made = inner.total_out().saturating_sub(before_out) as usize;
                Ok((used, (used, made, status)))
            })?;
            if status == Status::StreamEnd {
                self.inner = None;
            } else if used == 0 && made == 0 {
                return Err(Fault::malformed("the bzip2 stream stands still"));
            }
            if made > 0 {
                return Ok(made);
            }
        }
        Ok(0)
    }
}
