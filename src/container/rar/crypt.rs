//! Decrypting a member's data; the ciphers are those of the `rars` crate.

use std::io::{self, Read};

use rars::crypto::rar15::Rar15Cipher;
use rars::crypto::rar20::Rar20Cipher;
use rars::crypto::rar30::Rar30Cipher;
use rars::crypto::rar50::{Rar50Cipher, Rar50Keys};

use super::entry::Lock;
use crate::container::meter::Fault;

/// Bytes decrypted at a time, whole blocks of 16.
const CHUNK: usize = 32 << 10;

/// The keys that a password gives for one lock.
#[derive(Clone)]
pub(super) enum Keys {
    Rar15(String),
    Rar20(String),
    Rar30(Box<Rar30Cipher>),
    Rar50 { keys: Rar50Keys, iv: [u8; 16], tweaked: bool },
}

impl Keys {
    /// None where the password is wrong by the lock's own check, or the lock is unknown.
    pub(super) fn derive(lock: &Lock, password: &str) -> Option<Self> {
        match lock {
            Lock::Rar15 => Some(Self::Rar15(password.to_owned())),
            Lock::Rar20 => Some(Self::Rar20(password.to_owned())),
            Lock::Rar30 { salt } => Rar30Cipher::new(password.as_bytes(), *salt).ok().map(|cipher| Self::Rar30(Box::new(cipher))),
            Lock::Rar50(lock) => {
                let keys = Rar50Keys::derive(password.as_bytes(), lock.salt, lock.power).ok()?;
                if let Some(check) = &lock.check {
                    keys.check_password(check).ok()?;
                }
                Some(Self::Rar50 { keys, iv: lock.iv, tweaked: lock.tweaked })
            }
            Lock::Unknown => None,
        }
    }

    /// The CRC-32 as the header has it of content with this one.
    pub(super) fn checksum(&self, crc: u32) -> u32 {
        match self {
            Self::Rar50 { keys, tweaked: true, .. } => keys.mac_crc32(crc),
            _ => crc,
        }
    }

    fn cipher(&self) -> Cipher {
        match self {
            Self::Rar15(password) => Cipher::Rar15(Rar15Cipher::new(password.as_bytes())),
            Self::Rar20(password) => Cipher::Rar20(Box::new(Rar20Cipher::new(password.as_bytes()))),
            Self::Rar30(cipher) => Cipher::Rar30(cipher.clone()),
            Self::Rar50 { keys, iv, .. } => Cipher::Rar50(Box::new(Rar50Cipher::new(keys.key, *iv))),
        }
    }
}

enum Cipher {
    Rar15(Rar15Cipher),
    Rar20(Box<Rar20Cipher>),
    Rar30(Box<Rar30Cipher>),
    Rar50(Box<Rar50Cipher>),
}

/// The plain bytes behind encrypted ones.
pub(super) struct Plain<'a> {
    inner: &'a mut dyn Read,
    cipher: Cipher,
    chunk: Vec<u8>,
    at: usize,
}

impl<'a> Plain<'a> {
    pub(super) fn new(inner: &'a mut dyn Read, keys: &Keys) -> Self {
        Self { inner, cipher: keys.cipher(), chunk: Vec::new(), at: 0 }
    }
}

impl Read for Plain<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.chunk.len() {
            self.chunk.clear();
            self.at = 0;
            Read::by_ref(&mut self.inner).take(CHUNK as u64).read_to_end(&mut self.chunk)?;
            let damaged = || Fault::malformed("the encrypted data are cut off");
            match &mut self.cipher {
                Cipher::Rar15(cipher) => cipher.crypt_in_place(&mut self.chunk),
                Cipher::Rar20(cipher) => cipher.decrypt_in_place(&mut self.chunk).map_err(|_| damaged())?,
                Cipher::Rar30(cipher) => cipher.decrypt_in_place(&mut self.chunk).map_err(|_| damaged())?,
                Cipher::Rar50(cipher) => cipher.decrypt_in_place(&mut self.chunk).map_err(|_| damaged())?,
            }
        }
        let left = self.chunk.get(self.at..).unwrap_or_default();
        let n = left.len().min(buf.len());
        buf[..n].copy_from_slice(&left[..n]);
        self.at = self.at.saturating_add(n);
        Ok(n)
    }
}

/// The keys that opened the last member, by what they were derived from: most members of an archive share it.
#[derive(Default)]
pub(super) struct Cache(Option<(Lock, Keys)>);

impl Cache {
    /// The same password's keys for another member with the same salt.
    pub(super) fn get(&self, lock: &Lock) -> Option<Keys> {
        let (known, keys) = self.0.as_ref()?;
        match (known, lock, keys) {
            (Lock::Rar15, Lock::Rar15, _) | (Lock::Rar20, Lock::Rar20, _) => Some(keys.clone()),
            (Lock::Rar30 { salt: known }, Lock::Rar30 { salt }, _) if known == salt => Some(keys.clone()),
            (Lock::Rar50(known), Lock::Rar50(lock), Keys::Rar50 { keys, .. })
                if (known.power, known.salt, known.check) == (lock.power, lock.salt, lock.check) =>
            {
                Some(Keys::Rar50 { keys: keys.clone(), iv: lock.iv, tweaked: lock.tweaked })
            }
            _ => None,
        }
    }

    pub(super) fn put(&mut self, lock: &Lock, keys: &Keys) {
        self.0 = Some((lock.clone(), keys.clone()));
    }
}
