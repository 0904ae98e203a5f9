//! Encrypted members, with the passwords that the examiner gave.

use std::io::{self, Read, SeekFrom};

use super::Archive;
use super::crypt::{Aes, HEADER, Key, Layout, Plain, Traditional};
use super::decode;
use super::entry::Entry;
use crate::container::ReadSeek;
use crate::container::meter::Input;
use crate::container::read::read_at;
use crate::container::walk::Walk;

/// Content that a password may be tried on whatever it expands to, bytes.
const FREE: u64 = 64 << 20;

/// An encrypted member that a password opens.
pub(super) struct Opened {
    /// As it would be without encryption.
    pub entry: Entry,
    /// First byte of the encrypted data.
    pub data: u64,
    pub key: Key,
}

impl Archive<'_> {
    /// Tries the passwords on the member whose data start at `data`.
    pub(super) fn unlock(&mut self, entry: &Entry, data: u64, walk: &mut Walk<'_>) -> io::Result<Option<Opened>> {
        let budget = walk.budget().clone();
        if budget.passwords().is_empty() || entry.strong() {
            return Ok(None);
        }
        let layout = match (entry.is_aes(), Layout::of(entry)) {
            (true, None) => return Ok(None),
            (is, layout) => layout.filter(|_| is),
        };
        let (before, around) = layout.map_or((HEADER, HEADER), |l| (l.before() as u64, l.around()));
        let Some(packed) = entry.packed.checked_sub(around) else { return Ok(None) };
        let start = read_at(self.input, data, usize::try_from(before).unwrap_or(0))?;
        let mut plain = entry.decrypted();
        plain.packed = packed;
        let behind = data.saturating_add(before);
        let mut keyring = std::mem::take(&mut self.keyring);
        let mut failure = None;
        let rounds = layout.map_or(1, Layout::rounds);
        let key = keyring.unlock(&budget, rounds, |password| {
            let tried = match layout {
                Some(layout) => self.aes(layout, &start, behind, packed, password),
                None => self.traditional(&start, entry, &plain, behind, walk, password),
            };
            tried.unwrap_or_else(|e| {
                failure = Some(e);
                None
            })
        });
        self.keyring = keyring;
        match (key, failure) {
            (Some(key), _) => {
                walk.opened_with_password();
                Ok(Some(Opened { entry: plain, data: behind, key }))
            }
            (None, Some(e)) => Err(e),
            (None, None) => Ok(None),
        }
    }

    /// The check value of two bytes first, then the code over all data.
    fn aes(&mut self, layout: Layout, start: &[u8], data: u64, packed: u64, password: &str) -> io::Result<Option<Key>> {
        let Some(aes) = Aes::new(layout, start, password) else { return Ok(None) };
        self.input.seek(SeekFrom::Start(data))?;
        let input: &mut dyn ReadSeek = self.input;
        Ok(aes.verifies(input, packed)?.then(|| Key::Aes(Box::new(aes))))
    }

    /// One byte of the header tells 255 of 256 wrong passwords; the CRC-32 of the content tells the others.
    fn traditional(
        &mut self,
        start: &[u8],
        entry: &Entry,
        plain: &Entry,
        data: u64,
        walk: &Walk<'_>,
        password: &str,
    ) -> io::Result<Option<Key>> {
        let mut keys = Traditional::new(password);
        let mut header = start.to_vec();
        keys.decrypt(&mut header);
        let limits = walk.budget().limits;
        let expands = plain.size > FREE.max(plain.packed.saturating_mul(limits.ratio));
        if header.len() as u64 != HEADER || !header.last().is_some_and(|check| entry.checks(*check)) || expands {
            return Ok(None);
        }
        self.input.seek(SeekFrom::Start(data))?;
        let mut reader: &mut dyn ReadSeek = self.input;
        let mut stored = Read::by_ref(&mut reader).take(plain.packed);
        let key = Key::Traditional(keys);
        let mut decrypted = Plain::new(&mut stored, key.clone());
        let mut right = false;
        let outcome = decode::content(plain, Input::new(&mut decrypted), &limits, &mut |content| {
            let most = plain.size.saturating_add(1);
            right = io::copy(&mut content.take(most), &mut io::sink()).is_ok_and(|n| n == plain.size);
        });
        Ok((right && outcome.is_ok()).then_some(key))
    }
}
