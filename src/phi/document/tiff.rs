//! TIFF 6.0: scans and faxes. Their pages are pictures of text, which is told; photographs are nothing.

use super::{Document, Parts, Unread};
use crate::model::GapReason;

/// Pages that are counted.
const MAX_PAGES: u64 = 100_000;

/// A first page in black and white.
pub(super) struct Tiff;

impl Document for Tiff {
    fn id(&self) -> &'static str {
        "tiff"
    }

    fn recognise(&self, head: &[u8]) -> bool {
        head.starts_with(b"II*\0") || head.starts_with(b"MM\0*")
    }

    fn read(&self, body: &[u8], _parts: &mut Parts<'_>) -> Result<(), Unread> {
        let pages = Pages { body, big: body.starts_with(b"MM") }.scanned();
        if pages == 0 {
            return Ok(());
        }
        Err(Unread::new(GapReason::PhiFormat, format!("tiff: {pages} pages are images without text")))
    }
}

struct Pages<'a> {
    body: &'a [u8],
    big: bool,
}

impl Pages<'_> {
    fn number(&self, at: usize, bytes: usize) -> Option<usize> {
        let bytes = self.body.get(at..at.checked_add(bytes)?)?;
        let add = |n: usize, b: &u8| n << 8 | usize::from(*b);
        Some(if self.big { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) })
    }

    /// Pages that are scans: bilevel, or packed as faxes are. Directories that come back end the walk.
    fn scanned(&self) -> u64 {
        let mut seen = std::collections::HashSet::new();
        let mut next = self.number(4, 4).unwrap_or(0);
        let mut pages = 0_u64;
        while next != 0 && pages < MAX_PAGES && seen.insert(next) {
            let Some(entries) = self.number(next, 2) else { break };
            let (mut bits, mut packed, mut bilevel) = (1, 1, false);
            for i in 0..entries {
                let at = next.saturating_add(2).saturating_add(i.saturating_mul(12));
                let Some(tag) = self.number(at, 2) else { break };
                // Short values stand at the entry's ninth byte.
                let value = self.number(at.saturating_add(8), 2).unwrap_or(0);
                match tag {
                    258 => bits = if self.number(at.saturating_add(4), 4) == Some(1) { value } else { 8 },
                    259 => packed = value,
                    262 => bilevel = value <= 1,
                    _ => {}
                }
            }
            pages = pages.saturating_add(u64::from((bits == 1 && bilevel) || matches!(packed, 2..=4)));
            next = self.number(next.saturating_add(2).saturating_add(entries.saturating_mul(12)), 4).unwrap_or(0);
        }
        pages
    }
}
