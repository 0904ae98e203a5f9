//! One record of a folder (ECMA-119 9.1).

use encoding_rs::UTF_16BE;

use super::{SECTOR, time};
use crate::model::Time;

pub(super) struct Record {
    /// First byte and length.
    pub extent: (u64, u64),
    pub folder: bool,
    /// The file goes on in the next record.
    pub more: bool,
    pub interleaved: bool,
    pub mtime: Option<Time>,
    name: Vec<u8>,
    pub system_use: Vec<u8>,
}

impl Record {
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let word = |at: usize| bytes.get(at..).and_then(|b| b.first_chunk()).map(|b| u64::from(u32::from_le_bytes(*b)));
        let flags = *bytes.get(25)?;
        let length = usize::from(*bytes.get(32)?);
        let name = bytes.get(33..33_usize.checked_add(length)?)?.to_vec();
        // A byte fills a name of even length up.
        let after = 33 + length + usize::from(length % 2 == 0);
        // The attributes stand in front of the data.
        let start = word(2)?.saturating_add(u64::from(*bytes.get(1)?)).saturating_mul(SECTOR);
        Some(Self {
            extent: (start, word(10)?),
            folder: flags & 2 != 0,
            more: flags & 0x80 != 0,
            interleaved: bytes.get(26..28)? != [0, 0],
            mtime: bytes.get(18..25).and_then(time),
            name,
            system_use: bytes.get(after..).unwrap_or_default().to_vec(),
        })
    }

    /// The folder itself and the one around it.
    pub(super) fn is_dot(&self) -> bool {
        matches!(self.name.as_slice(), [0 | 1])
    }

    /// Without version and empty ending.
    pub(super) fn plain(&self) -> Vec<u8> {
        let end = memchr::memchr(b';', &self.name).unwrap_or(self.name.len());
        let name = self.name.get(..end).unwrap_or_default();
        name.strip_suffix(b".").filter(|name| !name.is_empty()).unwrap_or(name).to_vec()
    }

    /// UCS-2, high byte first.
    pub(super) fn joliet(&self) -> Vec<u8> {
        let text = UTF_16BE.decode_without_bom_handling(&self.name).0;
        text.split(';').next().unwrap_or_default().as_bytes().to_vec()
    }
}
