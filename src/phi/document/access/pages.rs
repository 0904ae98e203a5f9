//! Pages of a database, deciphered, and which of them hold whose rows.

use super::super::le::{u16_at, u32_at};
use super::{GapReason, Unread};

/// See the module.
pub(super) struct Pages<'a> {
    body: &'a [u8],
    /// Jet 3, of Access 97 and before: smaller pages, text in a code page.
    pub old: bool,
    pub size: usize,
    pub code_page: u16,
    /// Of a database that was encoded: no password is needed to read it.
    key: u32,
    /// The table's number and the page's, in order.
    owners: Vec<(u32, u32)>,
    /// The page that was deciphered last.
    last: Option<u32>,
    plain: Vec<u8>,
}

impl<'a> Pages<'a> {
    pub fn open(body: &'a [u8]) -> Result<Self, Unread> {
        let old = body.get(20) == Some(&0);
        let size = if old { 2048 } else { 4096 };
        let Some(first) = body.get(..size) else { return Err(Unread::malformed("its first page is cut off")) };
        let mut head = first.to_vec();
        if let Some(locked) = head.get_mut(24..if old { 150 } else { 152 }) {
            rc4(&[0xc7, 0xda, 0x39, 0x6b], locked);
        }
        // What Office encrypts (MS-OFFCRYPTO 2.3) is described here, behind its length.
        if body.starts_with(b"\0\x01\0\0Standard ACE") && u16_at(first, 0x299).is_some_and(|n| n > 0) {
            return Err(Unread::new(GapReason::Encrypted, "the database is encrypted"));
        }
        let mut out = Self {
            body,
            old,
            size,
            code_page: u16_at(&head, 0x3c).unwrap_or(0),
            key: u32_at(&head, 0x3e).unwrap_or(0),
            owners: Vec::new(),
            last: None,
            plain: Vec::new(),
        };
        for number in 1..out.count() {
            if let Some(page) = out.get(number)
                && page.starts_with(&[1])
                && let Some(owner) = u32_at(page, 4)
            {
                out.owners.push((owner, number));
            }
        }
        out.owners.sort_unstable();
        Ok(out)
    }

    pub fn count(&self) -> u32 {
        u32::try_from(self.body.len() / self.size).unwrap_or(u32::MAX)
    }

    /// Whether the last page is not all there.
    pub fn cut(&self) -> bool {
        !self.body.len().is_multiple_of(self.size)
    }

    pub fn get(&mut self, number: u32) -> Option<&[u8]> {
        let start = (number as usize).checked_mul(self.size)?;
        let page = self.body.get(start..start.checked_add(self.size)?)?;
        if self.key == 0 || number == 0 {
            return Some(page);
        }
        if self.last != Some(number) {
            self.plain.clear();
            self.plain.extend_from_slice(page);
            rc4(&(self.key ^ number).to_le_bytes(), &mut self.plain);
            self.last = Some(number);
        }
        Some(&self.plain)
    }

    /// Pages with rows of a table.
    pub fn of(&self, table: u32) -> Vec<u32> {
        let start = self.owners.partition_point(|(owner, _)| *owner < table);
        self.owners.iter().skip(start).take_while(|(owner, _)| *owner == table).map(|(_, page)| *page).collect()
    }

    /// Whether pages are deciphered one by one.
    pub fn is_encoded(&self) -> bool {
        self.key != 0
    }
}

/// Rows on a page of data: how many places there are.
pub(super) fn places(page: &[u8], old: bool) -> u16 {
    u16_at(page, list(old)).unwrap_or(0)
}

/// Where a row lies, and the two bits of its place: it went to another page or was deleted; it came from there.
pub(super) fn place(page: &[u8], old: bool, row: u16) -> Option<(usize, usize, u16)> {
    let at = |row: u16| u16_at(page, list(old).saturating_add(2).saturating_add(usize::from(row).saturating_mul(2)));
    let place = at(row)?;
    // Rows fill the page from its end.
    let end = if row == 0 { page.len() } else { usize::from(at(row.checked_sub(1)?)? & 0x1fff) };
    Some((usize::from(place & 0x1fff), end, place & 0xc000))
}

fn list(old: bool) -> usize {
    if old { 8 } else { 12 }
}

fn rc4(key: &[u8; 4], data: &mut [u8]) {
    let mut state: [u8; 256] = std::array::from_fn(|i| u8::try_from(i).unwrap_or(0));
    let (mut i, mut j) = (0_u8, 0_u8);
    for n in 0..=255_u8 {
        let part = key.get(usize::from(n & 3)).copied().unwrap_or(0);
        j = j.wrapping_add(at(&state, n)).wrapping_add(part);
        state.swap(usize::from(n), usize::from(j));
    }
    j = 0;
    for byte in data {
        i = i.wrapping_add(1);
        j = j.wrapping_add(at(&state, i));
        state.swap(usize::from(i), usize::from(j));
        *byte ^= at(&state, at(&state, i).wrapping_add(at(&state, j)));
    }
}

/// There is one for every byte.
fn at(state: &[u8; 256], i: u8) -> u8 {
    state.get(usize::from(i)).copied().unwrap_or(0)
}
