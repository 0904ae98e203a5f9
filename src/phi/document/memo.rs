//! Files of long texts beside tables of dBASE III and IV (`.dbt`) and FoxPro (`.fpt`): every text is read by itself.
//!
//! Source: "dBASE file structure: .DBT" (dBASE Inc.) and "Memo File Structure (.fpt)" (Visual FoxPro). Which record a text
//! belongs to stands in the table; texts that records no longer point to are still there.

use super::{Document, Parts, Unread};

/// Bytes of a block in dBASE III.
const THREE: usize = 512;
/// What a block of dBASE IV begins with.
const FOUR: &[u8] = b"\xff\xff\x08\0";

/// See the module.
pub(super) struct Memo;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Three,
    /// With the size of blocks.
    Four(usize),
    Fox(usize),
}

impl Document for Memo {
    fn id(&self) -> &'static str {
        "memo"
    }

    fn recognise(&self, head: &[u8]) -> bool {
        Kind::of(head).is_some()
    }

    fn read(&self, body: &[u8], parts: &mut Parts<'_>) -> Result<(), Unread> {
        match Kind::of(body).ok_or_else(|| Unread::malformed("its header is damaged"))? {
            Kind::Three => three(body, parts),
            Kind::Four(size) => counted(body, size, size, parts, |block| {
                let length = u32_at(block, 4, u32::from_le_bytes)?;
                block.starts_with(FOUR).then_some((true, length))
            }),
            Kind::Fox(size) => counted(body, size, THREE.next_multiple_of(size), parts, |block| {
                let length = u32_at(block, 4, u32::from_be_bytes)?.checked_add(8)?;
                match u32_at(block, 0, u32::from_be_bytes)? {
                    1 => Some((true, length)),
                    0 | 2 if length > 8 => Some((false, length)),
                    _ => None,
                }
            }),
        }
    }
}

impl Kind {
    /// By what a header must be, and what its first block is.
    fn of(head: &[u8]) -> Option<Self> {
        let header = head.get(..THREE)?;
        let next = u32_at(header, 0, u32::from_le_bytes)?;
        let zero = |from: usize, to: usize| header.get(from..to).is_some_and(|b| b.iter().all(|b| *b == 0));
        let size = usize::from(u16::from_le_bytes(header.get(20..22)?.try_into().ok()?));
        if (64..=32_768).contains(&size) && head.get(size..)?.starts_with(FOUR) {
            return Some(Kind::Four(size));
        }
        let size = usize::from(u16::from_be_bytes(header.get(6..8)?.try_into().ok()?));
        if zero(4, 6) && (1..=16_384).contains(&size) && zero(8, 512) {
            let first = THREE.next_multiple_of(size);
            let end = u32_at(header, 0, u32::from_be_bytes)?.checked_mul(size)?;
            let kind = u32_at(head, first, u32::from_be_bytes)?;
            let length = u32_at(head, first.saturating_add(4), u32::from_be_bytes)?;
            let fits = kind <= 2 && length > 0 && first.checked_add(8)?.checked_add(length)? <= end;
            return fits.then_some(Kind::Fox(size));
        }
        let text = |b: &u8| *b >= 0x20 && *b != 0x7f || matches!(b, b'\t' | b'\r' | b'\n');
        let begins = head.get(THREE..THREE + 8)?.iter().take_while(|b| **b != 0x1a);
        (header.get(16) == Some(&3) && next >= 2 && zero(4, 16) && begins.clone().count() > 0 && begins.clone().all(text))
            .then_some(Kind::Three)
    }
}

/// Texts end with 1A.
fn three(body: &[u8], parts: &mut Parts<'_>) -> Result<(), Unread> {
    let mut at = THREE;
    while let Some(rest) = body.get(at..).filter(|r| !r.is_empty()) {
        let end = memchr::memchr(0x1a, rest).unwrap_or(rest.len());
        text(rest.get(..end).unwrap_or_default(), parts)?;
        at = at.saturating_add(end).saturating_add(1).next_multiple_of(THREE);
    }
    Ok(())
}

/// Blocks say whether they are text and how long they are with the eight bytes in front; others are passed over.
fn counted(
    body: &[u8],
    size: usize,
    first: usize,
    parts: &mut Parts<'_>,
    of: impl Fn(&[u8]) -> Option<(bool, usize)>,
) -> Result<(), Unread> {
    let mut at = first;
    let mut cut = false;
    while let Some(block) = body.get(at..).filter(|b| b.len() >= 8) {
        let Some((is_text, length)) = of(block).filter(|(_, length)| *length >= 8) else {
            at = at.saturating_add(size);
            continue;
        };
        cut |= length > block.len();
        if is_text {
            text(block.get(8..length.min(block.len())).unwrap_or_default(), parts)?;
        }
        at = at.saturating_add(length.next_multiple_of(size));
    }
    if cut { Err(Unread::malformed("a text of a memo file breaks off")) } else { Ok(()) }
}

fn text(bytes: &[u8], parts: &mut Parts<'_>) -> Result<(), Unread> {
    let bytes = bytes.trim_ascii();
    if bytes.is_empty() { Ok(()) } else { parts.nested(bytes) }
}

fn u32_at(bytes: &[u8], at: usize, read: fn([u8; 4]) -> u32) -> Option<usize> {
    let four = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
    usize::try_from(read(four)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phi::document::read;
    use crate::phi::{CaseKey, Outcome};

    const FILES: [(&[u8], Kind); 3] = [
        (include_bytes!("../../../tests/fixtures/phi/memo-dbase3.dbt"), Kind::Three),
        (include_bytes!("../../../tests/fixtures/phi/memo-dbase4.dbt"), Kind::Four(512)),
        (include_bytes!("../../../tests/fixtures/phi/memo-foxpro.fpt"), Kind::Fox(64)),
    ];

    fn outcome(bytes: &[u8]) -> Outcome {
        read(&Memo, bytes, &CaseKey::new(&[7; 32]))
    }

    #[test]
    fn every_kind_gives_its_texts() {
        for (bytes, kind) in FILES {
            assert_eq!(Kind::of(bytes), Some(kind));
            let Outcome { facts, unread, .. } = outcome(bytes);
            let facts = facts.expect("people");
            assert_eq!((facts.individuals.best, facts.format.as_str(), unread), (2, "memo", None), "{kind:?}");
        }
    }

    #[test]
    fn other_bytes_are_none() {
        for bytes in [vec![0; 4096], vec![3; 4096], vec![0xff; 4096], b"Dear all,\n".repeat(200), b"\x02\0\0\0".repeat(400)] {
            assert_eq!(Kind::of(&bytes), None);
        }
    }

    #[test]
    fn mutations_do_not_panic() {
        for (bytes, _) in FILES {
            for at in (0..bytes.len()).step_by(3) {
                let mut other = bytes.to_vec();
                other[at] = other[at].wrapping_add(u8::try_from(at % 255).unwrap());
                assert_ne!(outcome(&other).unread.map(|u| u.reason), Some(crate::model::GapReason::ParserFailed));
                let _ = outcome(&bytes[..at]);
            }
        }
    }
}
