//! What a zip's headers say of one entry, from either of its two places (APPNOTE.TXT 6.3.10, §4.3 to §4.5).

use crate::container::times::dos_time;
use crate::container::walk::named;
use crate::model::{MemberFacts, Time};

/// General purpose bits, APPNOTE §4.4.4.
pub(super) const ENCRYPTED: u16 = 1;
pub(super) const DESCRIPTOR: u16 = 1 << 3;
pub(super) const STRONG: u16 = 1 << 6;
pub(super) const MASKED: u16 = 1 << 13;

/// Method number that stands for WinZip's AES; the true one is in extra field 0x9901.
const AES: u16 = 99;

/// Extra field 0x9901 (WinZip AE-1 and AE-2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Aes {
    version: u16,
    pub strength: u8,
    method: u16,
}

impl Aes {
    fn parse(data: &[u8]) -> Option<Self> {
        Some(Self { version: u16_at(data, 0)?, strength: *data.get(4)?, method: u16_at(data, 5)? })
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Entry {
    pub name: Vec<u8>,
    pub flags: u16,
    pub method: u16,
    pub crc: u32,
    pub packed: u64,
    pub size: u64,
    /// Offset of the local header as stored.
    pub header: u64,
    /// Number of the volume that holds the local header.
    pub disk: u32,
    mtime: Option<Time>,
    unix_mode: Option<u32>,
    dos_dir: bool,
    owner: Option<(u64, u64)>,
    pub aes: Option<Aes>,
    /// Time of day as stored: it stands in for the CRC-32 in the header of encrypted data.
    time: u16,
    /// The CRC-32 says nothing.
    unchecked: bool,
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at.checked_add(2)?)?.try_into().ok().map(u16::from_le_bytes)
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at.checked_add(4)?)?.try_into().ok().map(u32::from_le_bytes)
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at.checked_add(8)?)?.try_into().ok().map(u64::from_le_bytes)
}

impl Entry {
    /// Fixed part of a central header, bytes.
    pub(super) const CENTRAL: usize = 46;
    /// Fixed part of a local header, bytes.
    pub(super) const LOCAL: usize = 30;

    /// Length of the whole central header that starts these bytes.
    pub(super) fn central_length(fixed: &[u8]) -> Option<usize> {
        let variable = [28, 30, 32].iter().map(|at| u16_at(fixed, *at).map(usize::from)).sum::<Option<usize>>()?;
        (fixed.starts_with(b"PK\x01\x02") && fixed.len() >= Self::CENTRAL).then_some(Self::CENTRAL + variable)
    }

    /// Length of the whole local header that starts these bytes.
    pub(super) fn local_length(fixed: &[u8]) -> Option<usize> {
        let variable = usize::from(u16_at(fixed, 26)?) + usize::from(u16_at(fixed, 28)?);
        (fixed.starts_with(b"PK\x03\x04") && fixed.len() >= Self::LOCAL).then_some(Self::LOCAL + variable)
    }

    pub(super) fn central(bytes: &[u8]) -> Option<Self> {
        let name_end = Self::CENTRAL + usize::from(u16_at(bytes, 28)?);
        let extra_end = name_end + usize::from(u16_at(bytes, 30)?);
        let attributes = u32_at(bytes, 38)?;
        let made_by_unix = matches!(bytes.get(5)?, 3 | 19);
        let mut entry = Self {
            name: bytes.get(Self::CENTRAL..name_end)?.to_vec(),
            flags: u16_at(bytes, 8)?,
            method: u16_at(bytes, 10)?,
            mtime: dos_time(u16_at(bytes, 14)?, u16_at(bytes, 12)?),
            time: u16_at(bytes, 12)?,
            crc: u32_at(bytes, 16)?,
            packed: u64::from(u32_at(bytes, 20)?),
            size: u64::from(u32_at(bytes, 24)?),
            disk: u32::from(u16_at(bytes, 34)?),
            header: u64::from(u32_at(bytes, 42)?),
            unix_mode: (made_by_unix && attributes >> 16 != 0).then_some(attributes >> 16),
            dos_dir: attributes & 0x10 != 0,
            ..Self::default()
        };
        entry.extras(bytes.get(name_end..extra_end)?, true);
        Some(entry)
    }

    pub(super) fn local(bytes: &[u8]) -> Option<Self> {
        let name_end = Self::LOCAL + usize::from(u16_at(bytes, 26)?);
        let extra_end = name_end + usize::from(u16_at(bytes, 28)?);
        let mut entry = Self {
            name: bytes.get(Self::LOCAL..name_end)?.to_vec(),
            flags: u16_at(bytes, 6)?,
            method: u16_at(bytes, 8)?,
            mtime: dos_time(u16_at(bytes, 12)?, u16_at(bytes, 10)?),
            time: u16_at(bytes, 10)?,
            crc: u32_at(bytes, 14)?,
            packed: u64::from(u32_at(bytes, 18)?),
            size: u64::from(u32_at(bytes, 22)?),
            ..Self::default()
        };
        entry.extras(bytes.get(name_end..extra_end)?, false);
        Some(entry)
    }

    /// Header ID, size, data; what doesn't fit is left.
    fn extras(&mut self, mut extra: &[u8], central: bool) {
        while let (Some(id), Some(size)) = (u16_at(extra, 0), u16_at(extra, 2)) {
            let Some(data) = extra.get(4..4 + usize::from(size)) else { return };
            extra = &extra[4 + usize::from(size)..];
            match id {
                0x0001 => self.zip64(data, central),
                // Extended timestamp: flags, then seconds UTC.
                0x5455 if data.first().is_some_and(|flags| flags & 1 != 0) => {
                    if let Some(seconds) = u32_at(data, 1) {
                        self.mtime = Some(Time::from_seconds(i64::from(seconds as i32)));
                    }
                }
                // NTFS: four bytes, tag 1 of 24 bytes: mtime, atime, ctime in 100 ns since 1601.
                0x000a if u16_at(data, 4) == Some(1) => {
                    self.mtime = u64_at(data, 8).and_then(Time::from_filetime).or(self.mtime);
                }
                0x7875 => self.owner = unix_ids(data).or(self.owner),
                0x9901 => self.aes = Aes::parse(data),
                _ => {}
            }
        }
    }

    /// The 64-bit fields stand in for those that are all ones, in this order (APPNOTE §4.5.3).
    fn zip64(&mut self, data: &[u8], central: bool) {
        let mut at = 0;
        let mut wide = |field: &mut u64| {
            if *field == u64::from(u32::MAX)
                && let Some(value) = u64_at(data, at)
            {
                *field = value;
                at += 8;
            }
        };
        wide(&mut self.size);
        wide(&mut self.packed);
        if central {
            wide(&mut self.header);
            if self.disk == u32::from(u16::MAX)
                && let Some(disk) = u32_at(data, at)
            {
                self.disk = disk;
            }
        }
    }

    pub(super) fn is_dir(&self) -> bool {
        self.name.ends_with(b"/") || self.name.ends_with(b"\\") || (self.dos_dir && self.size == 0 && self.packed == 0)
    }

    pub(super) fn is_link(&self) -> bool {
        self.unix_mode.is_some_and(|mode| mode & 0o170_000 == 0o120_000)
    }

    pub(super) fn encrypted(&self) -> bool {
        self.flags & ENCRYPTED != 0
    }

    /// PKWARE's own encryption with certificates or keys.
    pub(super) fn strong(&self) -> bool {
        self.flags & STRONG != 0
    }

    pub(super) fn is_aes(&self) -> bool {
        self.method == AES && self.aes.is_some()
    }

    /// Whether this last byte of the header of encrypted data may be right (APPNOTE §6.1.6; Info-ZIP takes the time
    /// where the CRC-32 comes behind the data).
    pub(super) fn checks(&self, byte: u8) -> bool {
        u32::from(byte) == self.crc >> 24 || u16::from(byte) == self.time >> 8
    }

    /// The same member without its encryption; the sizes stay.
    pub(super) fn decrypted(&self) -> Self {
        let aes = self.aes.filter(|_| self.method == AES);
        Self {
            flags: self.flags & !ENCRYPTED,
            method: aes.map_or(self.method, |aes| aes.method),
            unchecked: self.plain_crc().is_none(),
            ..self.clone()
        }
    }

    /// ZipCrypto puts 12 bytes before the data, AES more: data of just the plain size can't be encrypted.
    pub(super) fn falsely_encrypted(&self) -> bool {
        self.encrypted() && self.method == 0 && self.aes.is_none() && self.packed == self.size && self.flags & STRONG == 0
    }

    /// The other header's view, where the two differ in what matters for reading.
    pub(super) fn differs(&self, local: &Entry) -> bool {
        let streamed = local.flags & DESCRIPTOR != 0;
        let sizes = (self.packed, self.size, self.crc) == (local.packed, local.size, local.crc);
        self.name != local.name || self.reads_otherwise(local) || !(sizes || streamed && (local.packed, local.crc) == (0, 0))
    }

    /// Whether reading by the local header would give other bytes.
    pub(super) fn reads_otherwise(&self, local: &Entry) -> bool {
        let streamed = local.flags & DESCRIPTOR != 0;
        self.method != local.method
            || self.encrypted() != local.encrypted()
            || (self.packed != local.packed && !(streamed && local.packed == 0))
    }

    /// CRC-32 of the plain bytes; AE-2 stores none.
    pub(super) fn plain_crc(&self) -> Option<u32> {
        match self.aes {
            _ if self.unchecked => None,
            Some(aes) if self.method == AES && aes.version != 1 => None,
            _ => Some(self.crc),
        }
    }

    fn method_name(&self) -> String {
        let cipher = match self.aes {
            Some(aes) if self.method == AES => match aes.strength {
                1 => "AES-128 ",
                2 => "AES-192 ",
                _ => "AES-256 ",
            },
            _ if self.flags & STRONG != 0 && self.encrypted() => "strong ",
            _ if self.encrypted() => "ZipCrypto ",
            _ => "",
        };
        let method = self.aes.filter(|_| self.method == AES).map_or(self.method, |aes| aes.method);
        let name = match method {
            0 => "stored",
            1 => "shrink",
            2..=5 => "reduce",
            6 => "implode",
            8 => "deflate",
            9 => "deflate64",
            10 => "dcl-implode",
            12 => "bzip2",
            14 => "lzma",
            20 | 93 => "zstd",
            94 => "mp3",
            95 => "xz",
            96 => "jpeg",
            97 => "wavpack",
            98 => "ppmd",
            99 => "aes",
            other => return format!("{cipher}{other}"),
        };
        format!("{cipher}{name}")
    }

    pub(super) fn facts(&self) -> MemberFacts {
        MemberFacts {
            is_dir: self.is_dir(),
            is_link: self.is_link(),
            size: Some(self.size),
            packed: Some(self.packed),
            mtime: self.mtime,
            crc32: self.plain_crc().filter(|_| !self.is_dir()),
            encrypted: self.encrypted(),
            method: Some(self.method_name()),
            owner: self.owner.map(|(uid, gid)| format!("{uid}:{gid}")),
            mode: self.unix_mode.map(|mode| format!("{:04o}", mode & 0o7777)),
            ..named(self.name.clone())
        }
    }
}

/// Info-ZIP's third Unix field: version 1, then uid and gid, each behind its length.
fn unix_ids(data: &[u8]) -> Option<(u64, u64)> {
    let number = |at: usize| -> Option<(u64, usize)> {
        let length = usize::from(*data.get(at)?);
        let bytes = data.get(at + 1..at + 1 + length).filter(|_| length <= 8)?;
        Some((bytes.iter().rev().fold(0, |n, b| n << 8 | u64::from(*b)), at + 1 + length))
    };
    let (uid, next) = number(1).filter(|_| data.first() == Some(&1))?;
    Some((uid, number(next)?.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners() {
        assert_eq!(unix_ids(&[1, 4, 0xe8, 3, 0, 0, 4, 0xe9, 3, 0, 0]), Some((1000, 1001)));
        assert_eq!(unix_ids(&[1, 200, 0]), None);
        assert_eq!(unix_ids(&[]), None);
    }
}
