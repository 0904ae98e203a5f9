//! RAR 1.4, of 1994: its members are listed. The layout is that of the readers that still know it (unrar's
//! `arcread.cpp`, `ReadHeader14`).

use std::io;

use super::entry::Method;
use super::{Cursor, names};
use crate::container::ReadSeek;
use crate::container::read::read_at;
use crate::container::times::dos_time;
use crate::container::walk::{Walk, named};
use crate::model::{GapReason, MemberFacts};

pub(super) const MARK: &[u8] = b"RE\x7e\x5e";

/// Lists the members.
pub(super) fn list(input: &mut dyn ReadSeek, end: u64, walk: &mut Walk<'_>) -> io::Result<()> {
    let head = read_at(input, 0, 7)?;
    let size = head.get(4..6).and_then(|b| b.try_into().ok()).map_or(0, u16::from_le_bytes);
    let mut at = u64::from(size.max(7));
    while at < end && !walk.ended() {
        let header = read_at(input, at, 21 + 255)?;
        let Some((mut facts, size, packed)) = member(&header) else {
            walk.shortfall(GapReason::Malformed, "a header is damaged");
            return Ok(());
        };
        at = at.saturating_add(size).saturating_add(packed);
        if !walk.admit(&mut facts) {
            return Ok(());
        }
        if facts.is_dir {
            walk.empty(&facts);
        } else if facts.encrypted {
            walk.unread(&facts, GapReason::Encrypted, "the member is encrypted");
        } else {
            walk.unread(&facts, GapReason::UnsupportedMethod, "members of RAR 1.4 are listed, not unpacked");
        }
    }
    if at > end {
        walk.shortfall(GapReason::Malformed, "the archive is cut off");
    }
    Ok(())
}

/// Sizes, a checksum of 16 bits, the header's size, time, attributes, flags, version, length of the name, method.
fn member(header: &[u8]) -> Option<(MemberFacts, u64, u64)> {
    let mut fields = Cursor(header);
    let packed = u64::from(fields.u32()?);
    let size = u64::from(fields.u32()?);
    fields.u16()?;
    let header_size = u64::from(fields.u16()?).max(21);
    let time = fields.u32()?;
    let attributes = fields.byte()?;
    let flags = fields.byte()?;
    fields.byte()?;
    let name_size = usize::from(fields.byte()?);
    let level = fields.byte()?;
    let name = fields.take(name_size)?;
    let method = if level == 0 { Method::Stored } else { Method::Unknown };
    let facts = MemberFacts {
        is_dir: attributes & 0x10 != 0,
        size: Some(size),
        packed: Some(packed),
        mtime: dos_time((time >> 16) as u16, time as u16),
        encrypted: flags & 4 != 0,
        method: Some(if method == Method::Stored { "stored" } else { "rar1.4" }.to_owned()),
        ..named(names::rar4(name, false))
    };
    Some((facts, header_size, packed))
}
