//! Rock Ridge: what the system use area of a record adds (IEEE P1281 and P1282).

use std::io;

use super::record::Record;
use super::{SECTOR, time};
use crate::container::ReadSeek;
use crate::container::read::read_at;
use crate::model::Time;

/// Continuation areas of one record.
const CONTINUED: usize = 16;
/// Bytes of a name.
const NAME: usize = 4096;

#[derive(Default)]
pub(super) struct Extra {
    pub name: Option<Vec<u8>>,
    pub mode: Option<u32>,
    pub owner: Option<String>,
    pub mtime: Option<Time>,
    pub link: bool,
    pub special: bool,
    /// A folder that stands elsewhere, because it would be too deep here (`CL`).
    pub relocated: bool,
    /// Compressed by mkzftree (`ZF`).
    pub zisofs: bool,
}

/// Whether the tree has such areas, and how many bytes of each to skip: `SP` in the root's own record.
pub(super) fn skip(input: &mut dyn ReadSeek, root: &Record) -> io::Result<Option<usize>> {
    let bytes = read_at(input, root.extent.0, 255)?;
    let size = bytes.first().copied().map_or(0, usize::from);
    let Some(dot) = bytes.get(..size).and_then(Record::parse) else { return Ok(None) };
    Ok(match dot.system_use.as_slice() {
        [b'S', b'P', 7, 1, 0xbe, 0xef, skip, ..] => Some(usize::from(*skip)),
        _ => None,
    })
}

/// What a record's area says, and the areas in which it goes on.
pub(super) fn read(input: &mut dyn ReadSeek, record: &Record, skip: usize) -> io::Result<Extra> {
    let mut extra = Extra::default();
    let mut area = record.system_use.get(skip..).unwrap_or_default().to_vec();
    for _ in 0..CONTINUED {
        let mut next = None;
        let mut rest = area.as_slice();
        while let [a, b, length, _version, ..] = *rest {
            let Some(entry) = rest.get(..usize::from(length)).filter(|entry| entry.len() >= 4) else { break };
            rest = rest.get(usize::from(length)..).unwrap_or_default();
            let word = |at: usize| entry.get(at..).and_then(|b| b.first_chunk()).map_or(0, |b| u32::from_le_bytes(*b));
            match [a, b] {
                // Block, offset, length; each in both byte orders.
                [b'C', b'E'] => next = Some((u64::from(word(4)) * SECTOR + u64::from(word(12)), word(20).min(SECTOR as u32))),
                [b'N', b'M'] => {
                    let name = extra.name.get_or_insert_default();
                    name.extend(entry.get(5..).unwrap_or_default().iter().take(NAME.saturating_sub(name.len())));
                }
                [b'P', b'X'] => {
                    let mode = word(4);
                    extra.mode = Some(mode);
                    extra.owner = Some(format!("{}:{}", word(20), word(28)));
                    extra.link = mode & 0o170_000 == 0o120_000;
                    extra.special = matches!(mode & 0o170_000, 0o010_000 | 0o020_000 | 0o060_000 | 0o140_000);
                }
                [b'S', b'L'] => extra.link = true,
                [b'C', b'L'] => extra.relocated = true,
                [b'Z', b'F'] => extra.zisofs = true,
                [b'T', b'F'] => extra.mtime = modified(entry).or(extra.mtime),
                [b'S', b'T'] => break,
                _ => {}
            }
        }
        let Some((at, length)) = next else { break };
        area = read_at(input, at, length as usize)?;
    }
    extra.name = extra.name.filter(|name| !name.is_empty());
    Ok(extra)
}

/// The time of modification, the second of the times that the flags announce; the long form has 17 bytes.
fn modified(entry: &[u8]) -> Option<Time> {
    let flags = *entry.get(4)?;
    if flags & 0x82 != 2 {
        return None;
    }
    let created = usize::from(flags & 1 != 0) * 7;
    entry.get(5 + created..).and_then(time)
}
