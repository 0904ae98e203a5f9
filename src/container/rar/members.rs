//! Hands the members over: stored, unpacked, decrypted, and checked against what their headers say.

use std::io::{self, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::crypt::{Cache, Keys, Plain};
use super::decode::{Decoder, Task, too_large};
use super::entry::{Entry, Lock, Method};
use super::pump;
use crate::container::ReadSeek;
use crate::container::meter::{Fault, Input, fault_of};
use crate::container::passwords::Keyring;
use crate::container::walk::Walk;
use crate::model::{GapReason, Name};

/// Content that a password may be tried on whatever it expands to, bytes.
const FREE: u64 = 64 << 20;

/// What members hand on to the ones behind them.
#[derive(Default)]
pub(super) struct Members {
    /// The archive is solid.
    pub solid: bool,
    /// A version that closes archives with a record wrote some of it.
    pub newer: bool,
    decoder: Option<Decoder>,
    /// Bytes unpacked since the window was new.
    window: u64,
    /// Why the window is not what the next member of a solid archive needs.
    broken: Option<GapReason>,
    decoded: bool,
    keys: Cache,
    last: Vec<u8>,
}

impl Members {
    /// Whether there was a member.
    pub(super) fn any(&self) -> bool {
        !self.last.is_empty()
    }

    /// A header was damaged: a member may be missing.
    pub(super) fn lost(&mut self) {
        self.broken = Some(GapReason::Malformed);
    }

    /// Data of the archive's own. Streams of NTFS are content; comments and recovery records are noted.
    pub(super) fn service(
        &mut self,
        mut entry: Entry,
        input: &mut dyn ReadSeek,
        keyring: &mut Keyring,
        walk: &mut Walk<'_>,
    ) -> io::Result<()> {
        match entry.facts.name.bytes() {
            b"CMT" => walk.note("comment"),
            b"RR" => walk.note("recovery_record"),
            b"STM" => {
                walk.note("ntfs_stream");
                let stream = entry.stream.take().unwrap_or_default();
                let colon: &[u8] = if stream.starts_with(b":") { b"" } else { b":" };
                entry.facts.name = Name::from([&self.last[..], colon, &stream].concat());
                // Services are packed for themselves.
                let keys = std::mem::take(&mut self.keys);
                let mut own = Self { keys, ..Self::default() };
                entry.solid = false;
                own.member(entry, input, keyring, walk)?;
                self.keys = own.keys;
            }
            _ => {}
        }
        Ok(())
    }

    pub(super) fn member(
        &mut self,
        entry: Entry,
        input: &mut dyn ReadSeek,
        keyring: &mut Keyring,
        walk: &mut Walk<'_>,
    ) -> io::Result<()> {
        self.last = entry.facts.name.bytes().to_vec();
        self.newer |= entry.newer;
        let mut facts = entry.facts.clone();
        if !walk.admit(&mut facts) {
            return Ok(());
        }
        if entry.linked {
            walk.unread(&facts, GapReason::LinkMember, "a link; its target is not followed");
            return Ok(());
        }
        if facts.is_dir && entry.packed == 0 {
            walk.empty(&facts);
            return Ok(());
        }
        let continues = self.continues(&entry);
        let limits = walk.budget().limits;
        let keys = match self.obstacle(&entry, continues, limits.decoder_memory, walk.spent()) {
            Some(fault) => Err(fault),
            None => self.unlock(&entry, continues, input, keyring, walk),
        };
        let keys = match keys {
            Ok(keys) => keys,
            Err(fault) => {
                self.skip(&entry, fault.reason);
                walk.unread(&facts, fault.reason, fault.detail);
                return Ok(());
            }
        };
        let mut stored = Pieces::new(input, &entry);
        let mut counted = Input::new(&mut stored);
        let fed = counted.fed();
        let mut plain;
        let packed: &mut dyn Read = match &keys {
            Some(keys) => {
                plain = Plain::new(&mut counted, keys);
                &mut plain
            }
            None => &mut counted,
        };
        if entry.method == Method::Stored {
            // Encrypted data are padded to whole blocks.
            let bound = if keys.is_some() { entry.size.unwrap_or(u64::MAX) } else { u64::MAX };
            let mut content = packed.take(bound);
            walk.deliver(&facts, &mut Checked::new(&mut content, &entry, keys.as_ref()), fed, None);
            return Ok(());
        }
        let task = Task { method: entry.method, size: entry.size.unwrap_or(0), solid: continues };
        let Some(decoder) = self.decoder_for(task) else {
            self.skip(&entry, GapReason::UnsupportedMethod);
            walk.unread(&facts, GapReason::UnsupportedMethod, "the compression method is not supported");
            return Ok(());
        };
        let mut ended = None;
        let back = pump::pull(decoder, task, entry.packed, packed, &mut |content| {
            ended = walk.delivered(&facts, &mut Checked::new(content, &entry, keys.as_ref()), fed.clone(), None);
        });
        match back {
            Some(decoder) => {
                self.window = if continues { self.window.saturating_add(task.size) } else { task.size };
                (self.decoder, self.decoded, self.broken) = (Some(decoder), true, None);
            }
            None => self.skip(&entry, ended.unwrap_or(GapReason::Malformed)),
        }
        Ok(())
    }

    /// Whether the member needs the window that the ones before have left. In archives of RAR 4 the first never
    /// does, whatever its flags say.
    fn continues(&self, entry: &Entry) -> bool {
        match entry.method {
            Method::Stored => false,
            Method::Rar50 { .. } => entry.solid,
            _ => entry.solid && self.solid && (self.decoded || self.broken.is_some()),
        }
    }

    /// A member was not unpacked.
    fn skip(&mut self, entry: &Entry, reason: GapReason) {
        if entry.method != Method::Stored {
            (self.broken, self.decoder) = (Some(reason), None);
        }
    }

    /// What makes it pointless to begin.
    fn obstacle(&self, entry: &Entry, continues: bool, memory: u64, spent: bool) -> Option<Fault> {
        let compressed = entry.method != Method::Stored;
        if let Some(reason) = self.broken.filter(|_| continues) {
            return Some(Fault::new(reason, "it goes on from a member of a solid archive that was not read"));
        }
        if spent && entry.packed > 0 {
            return Some(Fault::new(GapReason::LimitSize, "the limit of bytes out of one archive was reached"));
        }
        if entry.before && (compressed || entry.lock.is_some()) {
            return Some(Fault::new(GapReason::MissingVolume, "it begins in another volume"));
        }
        if compressed && (entry.size.is_none() || entry.method == Method::Unknown) && entry.lock.is_none() {
            return Some(Fault::new(GapReason::UnsupportedMethod, "the compression method is not supported"));
        }
        if let Method::Rar50 { dictionary, .. } = entry.method {
            let window = if continues { self.window } else { 0 };
            let need = dictionary.min(window.saturating_add(entry.size.unwrap_or(u64::MAX)));
            if need > memory {
                return Some(too_large());
            }
        }
        None
    }

    fn decoder_for(&mut self, task: Task) -> Option<Decoder> {
        let kept = self.decoder.take().filter(|decoder| decoder.fits(task.method));
        match kept {
            Some(decoder) if task.solid || decoder.resets() => Some(decoder),
            _ if task.solid => None,
            _ => Decoder::new(task.method),
        }
    }

    /// The keys of an encrypted member, none for a plain one.
    fn unlock(
        &mut self,
        entry: &Entry,
        continues: bool,
        input: &mut dyn ReadSeek,
        keyring: &mut Keyring,
        walk: &mut Walk<'_>,
    ) -> Result<Option<Keys>, Fault> {
        let Some(lock) = &entry.lock else { return Ok(None) };
        let budget = walk.budget().clone();
        let sure = matches!(lock, Lock::Rar50(lock) if lock.check.is_some_and(|check| check[..8] != [0; 8]));
        let mut right = |keys: &Keys| sure || self.comes_out_right(entry, continues, input, keys, budget.limits.ratio);
        if let Some(keys) = self.keys.get(lock)
            && right(&keys)
        {
            walk.opened_with_password();
            return Ok(Some(keys));
        }
        let found = keyring.unlock(&budget, lock.rounds(), |password| {
            let keys = Keys::derive(lock, password)?;
            right(&keys).then_some(keys)
        });
        match found {
            Some(keys) => {
                self.keys.put(lock, &keys);
                walk.opened_with_password();
                Ok(Some(keys))
            }
            None => Err(Fault::new(GapReason::Encrypted, "the member is encrypted")),
        }
    }

    /// Whether the content has the CRC-32 and the size that the header says.
    fn comes_out_right(&self, entry: &Entry, continues: bool, input: &mut dyn ReadSeek, keys: &Keys, ratio: u64) -> bool {
        let (Some(crc), Some(size), false) = (entry.crc, entry.size, entry.before || entry.after) else { return false };
        if size > FREE.max(entry.packed.saturating_mul(ratio)) {
            return false;
        }
        let mut stored = Pieces::new(input, entry);
        let mut plain = Plain::new(&mut stored, keys);
        let mut tally = Tally::default();
        let task = Task { method: entry.method, size, solid: continues };
        let done = match entry.method {
            Method::Stored => io::copy(&mut plain.take(size), &mut tally).is_ok(),
            method => {
                let kept = self.decoder.as_ref().filter(|decoder| continues && decoder.fits(method)).cloned();
                let decoder = if continues { kept } else { Decoder::new(method) };
                decoder.is_some_and(|mut decoder| {
                    let tried = catch_unwind(AssertUnwindSafe(|| decoder.decode(task, &mut plain, &mut tally)));
                    matches!(tried, Ok(Ok(())))
                })
            }
        };
        done && tally.size == size && keys.checksum(tally.crc.finalize()) == crc
    }
}

/// The packed bytes of a member, from all volumes that hold some.
struct Pieces<'a> {
    input: &'a mut dyn ReadSeek,
    /// The last first.
    pieces: Vec<(u64, u64)>,
}

impl<'a> Pieces<'a> {
    fn new(input: &'a mut dyn ReadSeek, entry: &Entry) -> Self {
        let mut pieces = if entry.pieces.is_empty() { vec![(entry.data, entry.packed)] } else { entry.pieces.clone() };
        pieces.reverse();
        Self { input, pieces }
    }
}

impl Read for Pieces<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while let Some((at, left)) = self.pieces.last_mut() {
            let wanted = usize::try_from(*left).unwrap_or(usize::MAX).min(buf.len());
            self.input.seek(io::SeekFrom::Start(*at))?;
            let n = self.input.read(&mut buf[..wanted])?;
            (*at, *left) = (at.saturating_add(n as u64), left.saturating_sub(n as u64));
            if n > 0 || buf.is_empty() {
                return Ok(n);
            }
            self.pieces.pop();
        }
        Ok(0)
    }
}

#[derive(Default)]
struct Tally {
    crc: crc32fast::Hasher,
    size: u64,
}

impl Write for Tally {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.crc.update(buf);
        self.size = self.size.saturating_add(buf.len() as u64);
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// At the end of the content, compares CRC-32 and size with the header. Of a part of a member it says that the
/// rest is missing.
struct Checked<'a> {
    inner: &'a mut dyn Read,
    tally: Tally,
    want_crc: Option<u32>,
    want_size: Option<u64>,
    keys: Option<&'a Keys>,
    part: bool,
}

impl<'a> Checked<'a> {
    fn new(inner: &'a mut dyn Read, entry: &Entry, keys: Option<&'a Keys>) -> Self {
        let part = entry.before || entry.after;
        Self { inner, tally: Tally::default(), want_crc: entry.crc, want_size: entry.size, keys, part }
    }
}

impl Read for Checked<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let missing = || Fault::new(GapReason::MissingVolume, "a part of it lies in another volume");
        let n = match self.inner.read(buf) {
            Err(e) if self.part && fault_of(&e).reason == GapReason::Malformed => return Err(missing().into()),
            read => read?,
        };
        if n > 0 || buf.is_empty() {
            self.tally.write_all(buf.get(..n).unwrap_or_default())?;
            return Ok(n);
        }
        if self.part {
            return Err(missing().into());
        }
        if self.want_size.is_some_and(|size| size != self.tally.size) {
            return Err(Fault::malformed("size mismatch"));
        }
        let crc = self.tally.crc.clone().finalize();
        let crc = self.keys.map_or(crc, |keys| keys.checksum(crc));
        if self.want_crc.is_some_and(|want| want != crc) {
            return Err(Fault::malformed("CRC mismatch"));
        }
        Ok(0)
    }
}
