//! Headers of RAR 5 to 7 ("RAR 5.0 archive format", the technote that WinRAR documents).
//!
//! Every header: CRC-32 over what follows, size, type and flags as numbers of 7 bits a byte; then fields, then extra
//! records. With `-hp` a header of type 4 comes first, and each later one is encrypted behind its own IV.

use std::io;

use rars::crypto::rar50::{Rar50Cipher, Rar50Keys};

use super::entry::{Block, Entry, Lock, Lock50, Main, Method};
use super::{Cursor, Hidden, names};
use crate::container::passwords::Keyring;
use crate::container::read::read_at;
use crate::container::walk::named;
use crate::container::{Budget, ReadSeek};
use crate::model::{MemberFacts, Time};

pub(super) const MARK: &[u8] = b"Rar!\x1a\x07\x01\0";

const MAIN: u64 = 1;
const FILE: u64 = 2;
const SERVICE: u64 = 3;
const CRYPT: u64 = 4;
const END: u64 = 5;
/// Bytes of a header that the format allows: its size is a number of at most three bytes.
const LARGEST: u64 = 2 << 20;
/// Two to the power of this many rounds are the most that key derivation may take; WinRAR writes 15.
const POWER: u8 = 24;

/// Whether a header that can be believed stands behind the mark.
pub(super) fn starts(bytes: &[u8]) -> bool {
    bytes.strip_prefix(MARK).and_then(header).is_some_and(|(_, body)| matches!(body.first(), Some(1 | 4)))
}

/// The bytes that a header takes, and its body behind the size, where its CRC-32 agrees.
fn header(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut fields = Cursor(bytes);
    let crc = fields.u32()?;
    let covered = fields.0;
    let size = fields.vint().filter(|size| (1..=LARGEST).contains(size))?;
    let prefix = covered.len() - fields.0.len();
    let end = prefix.checked_add(usize::try_from(size).ok()?).filter(|_| prefix <= 3)?;
    let covered = covered.get(..end)?;
    (crc32fast::hash(covered) == crc).then_some((end + 4, &covered[prefix..]))
}

/// The headers of one archive, in their order.
pub(super) struct Headers {
    at: u64,
    end: u64,
    keys: Keys,
    /// Name of the last file, to which streams belong.
    last: Vec<u8>,
}

enum Keys {
    Plain,
    Sealed(Lock50),
    Open(Box<Rar50Keys>),
}

impl Headers {
    pub(super) fn new(base: u64, end: u64) -> Self {
        Self { at: base.saturating_add(MARK.len() as u64), end, keys: Keys::Plain, last: Vec::new() }
    }

    pub(super) fn position(&self) -> u64 {
        self.at
    }

    pub(super) fn opened(&self) -> bool {
        matches!(self.keys, Keys::Open(_))
    }

    /// The next block; none at the end of the object.
    pub(super) fn next(
        &mut self,
        input: &mut dyn ReadSeek,
        keyring: &mut Keyring,
        budget: &Budget,
    ) -> io::Result<Option<Result<Block, Hidden>>> {
        if self.at >= self.end {
            return Ok(None);
        }
        if let Keys::Sealed(lock) = &self.keys {
            match open(lock, input, self.at, keyring, budget)? {
                Some(keys) => self.keys = Keys::Open(Box::new(keys)),
                None => return Ok(Some(Err(Hidden))),
            }
        }
        let read = match &self.keys {
            Keys::Open(keys) => decrypted(input, self.at, keys)?,
            _ => plain(input, self.at)?,
        };
        let Some((body, behind)) = read else {
            let from = self.at.saturating_add(1);
            self.at = self.end;
            if !self.opened() {
                let found = super::scan(input, from, self.end, &|bytes| {
                    // Type and size first, so that few positions cost a CRC.
                    let small = matches!(bytes.get(4)?, 1..=0x7f) && matches!(bytes.get(5)?, 2 | 3 | 5);
                    let wide = bytes.get(4)? & 0x80 != 0 && matches!(bytes.get(6)?, 2 | 3 | 5);
                    ((small || wide) && header(bytes).is_some()).then_some(())
                })?;
                self.at = found.unwrap_or(self.end);
            }
            return Ok(Some(Ok(Block::Damaged)));
        };
        let (block, data) = self.parse(&body, behind).unwrap_or((Block::Damaged, 0));
        self.at = behind.saturating_add(data);
        Ok(Some(Ok(block)))
    }

    /// What a header says, and how many bytes of data follow it.
    fn parse(&mut self, body: &[u8], behind: u64) -> Option<(Block, u64)> {
        let mut fields = Cursor(body);
        let kind = fields.vint()?;
        let flags = fields.vint()?;
        let extra = if flags & 1 != 0 { fields.vint()? } else { 0 };
        let data = if flags & 2 != 0 { fields.vint()? } else { 0 };
        let cut = fields.0.len().checked_sub(usize::try_from(extra).ok()?)?;
        let (own, extra) = fields.0.split_at(cut);
        let mut fields = Cursor(own);
        let block = match kind {
            MAIN => {
                let flags = fields.vint()?;
                // The first volume has no number.
                let number = if flags & 2 != 0 { Some(fields.vint()?) } else { (flags & 1 != 0).then_some(0) };
                let (solid, volume, recovery) = (flags & 4 != 0, flags & 1 != 0, flags & 8 != 0);
                Block::Main(Main { solid, volume, recovery, comment: false, number })
            }
            FILE | SERVICE => {
                let mut entry = file(&mut fields, extra)?;
                (entry.data, entry.packed, entry.facts.packed) = (behind, data, Some(data));
                (entry.before, entry.after) = (flags & 8 != 0, flags & 16 != 0);
                if entry.after {
                    // Of a part the CRC-32 covers what is packed in this volume.
                    (entry.facts.crc32, entry.crc) = (None, None);
                }
                match kind {
                    FILE => {
                        self.last = entry.facts.name.bytes().to_vec();
                        Block::File(Box::new(entry))
                    }
                    _ => Block::Service(Box::new(entry)),
                }
            }
            CRYPT => {
                let version = fields.vint()?;
                let flags = fields.vint()?;
                let power = fields.byte()?;
                let salt = fields.take(16)?.try_into().ok()?;
                let check = if flags & 1 != 0 { Some(fields.take(12)?.try_into().ok()?) } else { None };
                // Unknown versions and costs are locks that nothing opens.
                let power = if version == 0 { power } else { u8::MAX };
                self.keys = Keys::Sealed(Lock50 { power, salt, iv: [0; 16], check, tweaked: false });
                Block::Other
            }
            END => Block::End { more: fields.vint()? & 1 != 0 },
            _ => Block::Other,
        };
        Some((block, data))
    }
}

fn plain(input: &mut dyn ReadSeek, at: u64) -> io::Result<Option<(Vec<u8>, u64)>> {
    let mut bytes = read_at(input, at, 512)?;
    let mut fields = Cursor(bytes.get(4..).unwrap_or_default());
    let size = fields.vint().filter(|size| *size <= LARGEST).and_then(|size| usize::try_from(size).ok());
    let needed = size.unwrap_or(0).saturating_add(7);
    if needed > bytes.len() && bytes.len() == 512 {
        bytes = read_at(input, at, needed)?;
    }
    Ok(header(&bytes).map(|(taken, body)| (body.to_vec(), at.saturating_add(taken as u64))))
}

/// A header behind its IV, padded to blocks of 16 bytes.
fn decrypted(input: &mut dyn ReadSeek, at: u64, keys: &Rar50Keys) -> io::Result<Option<(Vec<u8>, u64)>> {
    let start = read_at(input, at, 32)?;
    let (Some(iv), true) = (start.first_chunk::<16>(), start.len() == 32) else { return Ok(None) };
    let open = |mut sealed: Vec<u8>| {
        let whole = sealed.len().is_multiple_of(16);
        (whole && Rar50Cipher::new(keys.key, *iv).decrypt_in_place(&mut sealed).is_ok()).then_some(sealed)
    };
    let Some(first) = open(start[16..].to_vec()) else { return Ok(None) };
    let mut fields = Cursor(first.get(4..).unwrap_or_default());
    let before = fields.0.len();
    let Some(size) = fields.vint().filter(|size| *size <= LARGEST) else { return Ok(None) };
    let taken = (before - fields.0.len()) as u64 + 4 + size;
    let sealed = taken.next_multiple_of(16);
    let Some(bytes) = open(read_at(input, at.saturating_add(16), usize::try_from(sealed).unwrap_or(0))?) else { return Ok(None) };
    let behind = at.saturating_add(16).saturating_add(sealed);
    Ok(header(&bytes).map(|(_, body)| (body.to_vec(), behind)))
}

/// The keys of encrypted headers: the check value decides, or the first header's CRC-32.
fn open(
    lock: &Lock50,
    input: &mut dyn ReadSeek,
    at: u64,
    keyring: &mut Keyring,
    budget: &Budget,
) -> io::Result<Option<Rar50Keys>> {
    if lock.power > POWER {
        return Ok(None);
    }
    let mut failure = None;
    let found = keyring.unlock(budget, Lock::Rar50(Box::new(lock.clone())).rounds(), |password| {
        let keys = Rar50Keys::derive(password.as_bytes(), lock.salt, lock.power).ok()?;
        if let Some(check) = &lock.check {
            keys.check_password(check).ok()?;
        }
        match decrypted(input, at, &keys) {
            Ok(header) => header.map(|_| keys),
            Err(e) => {
                failure = Some(e);
                None
            }
        }
    });
    failure.map_or(Ok(found), Err)
}

fn file(fields: &mut Cursor<'_>, extra: &[u8]) -> Option<Entry> {
    let flags = fields.vint()?;
    let size = fields.vint()?;
    let attributes = fields.vint()?;
    let mut mtime = if flags & 2 != 0 { Some(Time::from_seconds(i64::from(fields.u32()?))) } else { None };
    let crc = if flags & 4 != 0 { Some(fields.u32()?) } else { None };
    let compression = fields.vint()?;
    let host = fields.vint()?;
    let name_size = usize::try_from(fields.vint()?).ok()?;
    let mut name = fields.take(name_size)?.to_vec();
    let size = (flags & 8 == 0).then_some(size);
    let is_dir = flags & 1 != 0;
    let unix = host == 1;
    let mut more = Extra::default();
    let mut records = Cursor(extra);
    while let Some(record) = records.vint().and_then(|size| records.take(usize::try_from(size).ok()?)) {
        more.record(record);
    }
    if let Some(version) = more.version.filter(|version| *version > 0) {
        name.extend(format!(";{version}").into_bytes());
    }
    let level = compression >> 7 & 7;
    let version = (compression & 0x3f) as u8;
    let dictionary = dictionary(compression);
    let method = match (level, version) {
        (0, _) => Method::Stored,
        // An archive of RAR 7 that keeps to the older algorithm.
        (1..=5, 1) if compression >> 20 & 1 != 0 => Method::Rar50 { version: 0, dictionary },
        (1..=5, 0 | 1) => Method::Rar50 { version, dictionary },
        _ => Method::Unknown,
    };
    let tweaked = matches!(&more.lock, Some(Lock::Rar50(lock)) if lock.tweaked);
    let facts = MemberFacts {
        is_dir,
        is_link: more.linked || unix && attributes & 0o170_000 == 0o120_000,
        size,
        packed: None,
        mtime: more.mtime.take().or_else(|| mtime.take()),
        crc32: crc.filter(|_| !tweaked && !is_dir && !more.linked),
        encrypted: more.lock.is_some(),
        method: Some(match level {
            0 => "stored".to_owned(),
            _ => format!("rar{} m{level}", if version == 0 { 5 } else { 7 }),
        }),
        owner: more.owner.take(),
        mode: unix.then(|| format!("{:04o}", attributes & 0o7777)),
        ..named(name)
    };
    Some(Entry {
        facts,
        data: 0,
        packed: 0,
        pieces: Vec::new(),
        size,
        crc,
        method,
        solid: compression & 0x40 != 0,
        lock: more.lock,
        before: false,
        after: false,
        linked: more.linked,
        newer: true,
        stream: more.stream,
    })
}

/// 128 KiB doubled so many times; version 1 adds so many 32nds.
fn dictionary(compression: u64) -> u64 {
    if compression & 0x3f == 0 {
        return 0x2_0000 << (compression >> 10 & 15);
    }
    let base = 0x2_0000_u64 << (compression >> 10 & 31);
    base.saturating_add((base / 32).saturating_mul(compression >> 15 & 31))
}

/// The records behind a file header.
#[derive(Default)]
struct Extra {
    lock: Option<Lock>,
    mtime: Option<Time>,
    version: Option<u64>,
    linked: bool,
    owner: Option<String>,
    stream: Option<Vec<u8>>,
}

impl Extra {
    fn record(&mut self, record: &[u8]) {
        let mut fields = Cursor(record);
        match fields.vint() {
            Some(1) => self.lock = Some(lock(&mut fields).unwrap_or(Lock::Unknown)),
            Some(3) => self.mtime = times(&mut fields).or(self.mtime),
            Some(4) => self.version = fields.vint().and_then(|_| fields.vint()),
            Some(5) => self.linked = true,
            Some(6) => self.owner = owner(&mut fields),
            Some(7) => self.stream = Some(names::slashes(fields.0.to_vec())),
            _ => {}
        }
    }
}

fn lock(fields: &mut Cursor<'_>) -> Option<Lock> {
    let version = fields.vint()?;
    let flags = fields.vint()?;
    let power = fields.byte()?;
    let salt = fields.take(16)?.try_into().ok()?;
    let iv = fields.take(16)?.try_into().ok()?;
    let check = if flags & 1 != 0 { Some(fields.take(12)?.try_into().ok()?) } else { None };
    let known = version == 0 && power <= POWER;
    Some(if known { Lock::Rar50(Box::new(Lock50 { power, salt, iv, check, tweaked: flags & 2 != 0 })) } else { Lock::Unknown })
}

/// The time of the last change: seconds since 1970 or 100 ns since 1601; nanoseconds behind all times.
fn times(fields: &mut Cursor<'_>) -> Option<Time> {
    let flags = fields.vint()?;
    if flags & 2 == 0 {
        return None;
    }
    if flags & 1 == 0 {
        return fields.u64().and_then(Time::from_filetime);
    }
    let seconds = Time::from_seconds(i64::from(fields.u32()?));
    let others = [4, 8].iter().filter(|bit| flags & **bit != 0).count();
    let fraction = if flags & 16 != 0 { fields.take(4 * others).and_then(|_| fields.u32()) } else { None };
    Some(Time(seconds.0 + i128::from(fraction.unwrap_or(0) & 0x3fff_ffff)))
}

/// `uid:gid`, or names where only those are stored.
fn owner(fields: &mut Cursor<'_>) -> Option<String> {
    let flags = fields.vint()?;
    let mut name = |bit: u64| -> Option<String> {
        let size = if flags & bit != 0 { usize::try_from(fields.vint()?).ok()? } else { return None };
        Some(crate::model::Name::from(fields.take(size)?).shown())
    };
    let (user, group) = (name(1), name(2));
    let mut number = |bit: u64| if flags & bit != 0 { fields.vint().map(|n| n.to_string()) } else { None };
    let (uid, gid) = (number(4), number(8));
    let (user, group) = (uid.or(user)?, gid.or(group).unwrap_or_default());
    Some(format!("{user}:{group}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dictionaries() {
        assert_eq!(dictionary(0), 128 << 10);
        assert_eq!(dictionary(15 << 10), 4 << 30);
        assert_eq!(dictionary(1 | 16 << 10), 8 << 30);
        assert_eq!(dictionary(1 | 10 << 10 | 16 << 15), (128 << 20) * 3 / 2);
    }

    #[test]
    fn change_times() {
        let of = |bytes: &[u8]| times(&mut Cursor(bytes)).map(|time| time.0);
        assert_eq!(of(&[3, 1, 0, 0, 0]), Some(1_000_000_000));
        // Seconds of change and access, then the fractions of both.
        assert_eq!(of(&[0x1b, 1, 0, 0, 0, 9, 0, 0, 0, 7, 0, 0, 0, 8, 0, 0, 0]), Some(1_000_000_007));
        assert_eq!(of(&[2, 0, 0x80, 0x3e, 0xd5, 0xde, 0xb1, 0x9d, 1]), Some(0));
        assert_eq!(of(&[9, 1, 0, 0, 0]), None);
        assert_eq!(of(&[3, 1]), None);
    }
}
