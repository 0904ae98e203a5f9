//! xz (The .xz File Format 1.2.1): several streams, stream padding, a cap on the dictionary.

use std::io::{self, Read};

use lzma_rust2::XzReader;

use super::{Codec, Shared, Stream, nothing_stored};
use crate::container::Limits;

pub static XZ: Stream = Stream {
    id: "xz",
    endings: &[(".txz", ".tar"), (".xz", "")],
    probe: is_xz,
    stored: nothing_stored,
    codec: |_, limits| Box::new(Unxz::new(limits)),
};

fn is_xz(head: &[u8]) -> bool {
    head.starts_with(&[0xfd, b'7', b'z', b'X', b'Z', 0])
}

/// `decoder_memory` in the KiB that the decoder takes.
pub(super) fn limit_kib(limits: &Limits) -> u32 {
    u32::try_from(limits.decoder_memory >> 10).unwrap_or(u32::MAX)
}

pub(in crate::container) struct Unxz<'a> {
    limit_kib: u32,
    inner: Option<Box<XzReader<Shared<'a>>>>,
}

impl Unxz<'_> {
    pub(in crate::container) fn new(limits: &Limits) -> Self {
        Self { limit_kib: limit_kib(limits), inner: None }
    }
}

impl<'a> Codec<'a> for Unxz<'a> {
    fn starts(&self, head: &[u8]) -> bool {
        is_xz(head)
    }

    fn begin(&mut self, input: &Shared<'a>) -> io::Result<()> {
        self.inner = Some(Box::new(XzReader::new_mem_limit(input.clone(), false, self.limit_kib)));
        Ok(())
    }

    fn read(&mut self, _: &Shared<'a>, out: &mut [u8]) -> io::Result<usize> {
        match &mut self.inner {
            Some(inner) => inner.read(out),
            None => Ok(0),
        }
    }
}
