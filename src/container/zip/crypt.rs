//! The two encryptions that zip archives have in practice: the traditional one (APPNOTE §6.1) and WinZip's AES
//! ("AES Encryption Information: Encryption Specification AE-1 and AE-2").

use std::io::{self, Read};

use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes::{Aes128, Aes192, Aes256, Block};
use hmac::{Hmac, Mac};
use sha1::Sha1;

use super::entry::Entry;

/// Bytes before the data of the traditional encryption.
pub(super) const HEADER: u64 = 12;
/// Behind AES data: the beginning of an HMAC-SHA1 over them.
const CODE: usize = 10;
/// Rounds of AES key derivation.
const ROUNDS: u32 = 1_000;

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut n = 0;
    while n < 256 {
        let mut crc = n as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
            bit += 1;
        }
        table[n] = crc;
        n += 1;
    }
    table
};

/// The keys of the traditional encryption, which every byte changes.
#[derive(Clone)]
pub(super) struct Traditional(u32, u32, u32);

impl Traditional {
    pub(super) fn new(password: &str) -> Self {
        let mut keys = Self(0x1234_5678, 0x2345_6789, 0x3456_7890);
        password.bytes().for_each(|b| keys.update(b));
        keys
    }

    fn update(&mut self, byte: u8) {
        let crc = |crc: u32, byte: u8| TABLE[usize::from(crc as u8 ^ byte)] ^ crc >> 8;
        self.0 = crc(self.0, byte);
        self.1 = self.1.wrapping_add(self.0 & 0xff).wrapping_mul(134_775_813).wrapping_add(1);
        self.2 = crc(self.2, (self.1 >> 24) as u8);
    }

    pub(super) fn decrypt(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            let mask = self.2 | 2;
            *byte ^= ((mask & 0xffff).wrapping_mul(mask & 0xffff ^ 1) >> 8) as u8;
            self.update(*byte);
        }
    }
}

/// How the data of an AES member are laid out.
#[derive(Clone, Copy)]
pub(super) struct Layout {
    key: usize,
    salt: usize,
}

impl Layout {
    /// None for an unknown strength or too few bytes.
    pub(super) fn of(entry: &Entry) -> Option<Self> {
        let key = match entry.aes?.strength {
            1 => 16,
            2 => 24,
            3 => 32,
            _ => return None,
        };
        let layout = Self { key, salt: key / 2 };
        (entry.packed >= layout.around()).then_some(layout)
    }

    /// Salt and check value before the data.
    pub(super) fn before(self) -> usize {
        self.salt + 2
    }

    /// All bytes that are no data.
    pub(super) fn around(self) -> u64 {
        (self.before() + CODE) as u64
    }

    /// What deriving a key costs: two hashes a round, for each 20 bytes.
    pub(super) fn rounds(self) -> u64 {
        2 * u64::from(ROUNDS) * (2 * self.key + 2).div_ceil(20) as u64
    }
}

/// AES in counter mode and the key of the code behind the data.
#[derive(Clone)]
pub(super) struct Aes {
    cipher: Cipher,
    code: Hmac<Sha1>,
    counter: u128,
    mask: Block,
    used: usize,
}

#[derive(Clone)]
enum Cipher {
    Aes128(Box<Aes128>),
    Aes192(Box<Aes192>),
    Aes256(Box<Aes256>),
}

impl Aes {
    /// None where the check value behind the salt says that the password is wrong.
    pub(super) fn new(layout: Layout, start: &[u8], password: &str) -> Option<Self> {
        let (salt, check) = start.split_at_checked(layout.salt)?;
        let derived = derive(password.as_bytes(), salt, 2 * layout.key + 2)?;
        let (keys, expected) = derived.split_at_checked(2 * layout.key)?;
        if check != expected {
            return None;
        }
        let (key, code) = keys.split_at_checked(layout.key)?;
        let cipher = match layout.key {
            16 => Cipher::Aes128(Box::new(Aes128::new_from_slice(key).ok()?)),
            24 => Cipher::Aes192(Box::new(Aes192::new_from_slice(key).ok()?)),
            _ => Cipher::Aes256(Box::new(Aes256::new_from_slice(key).ok()?)),
        };
        let code = <Hmac<Sha1> as KeyInit>::new_from_slice(code).ok()?;
        Some(Self { cipher, code, counter: 0, mask: Block::default(), used: 16 })
    }

    /// Whether the code behind `data` agrees.
    pub(super) fn verifies(&self, mut data: impl Read, length: u64) -> io::Result<bool> {
        let mut code = self.code.clone();
        let mut left = length;
        let mut chunk = vec![0; 64 << 10];
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(usize::MAX).min(chunk.len());
            let n = data.read(&mut chunk[..most])?;
            if n == 0 {
                return Ok(false);
            }
            code.update(&chunk[..n]);
            left = left.saturating_sub(n as u64);
        }
        let mut stored = Vec::new();
        data.take(CODE as u64).read_to_end(&mut stored)?;
        Ok(stored.len() == CODE && code.verify_truncated_left(&stored).is_ok())
    }

    fn decrypt(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            if self.used == 16 {
                self.counter = self.counter.wrapping_add(1);
                self.mask = self.counter.to_le_bytes().into();
                match &self.cipher {
                    Cipher::Aes128(cipher) => cipher.encrypt_block(&mut self.mask),
                    Cipher::Aes192(cipher) => cipher.encrypt_block(&mut self.mask),
                    Cipher::Aes256(cipher) => cipher.encrypt_block(&mut self.mask),
                }
                self.used = 0;
            }
            *byte ^= self.mask[self.used];
            self.used += 1;
        }
    }
}

/// PBKDF2 with HMAC-SHA1 (RFC 8018, §5.2).
fn derive(password: &[u8], salt: &[u8], length: usize) -> Option<Vec<u8>> {
    let keyed = <Hmac<Sha1> as KeyInit>::new_from_slice(password).ok()?;
    let hash = |parts: &[&[u8]]| {
        let mut mac = keyed.clone();
        parts.iter().for_each(|part| mac.update(part));
        mac.finalize().into_bytes()
    };
    let mut derived = Vec::new();
    for i in 1_u32.. {
        let mut last = hash(&[salt, &i.to_be_bytes()]);
        let mut block = last;
        for _ in 1..ROUNDS {
            last = hash(&[&last]);
            block.iter_mut().zip(last).for_each(|(b, l)| *b ^= l);
        }
        derived.extend_from_slice(&block);
        if derived.len() >= length {
            break;
        }
    }
    derived.truncate(length);
    Some(derived)
}

/// What opens a member.
#[derive(Clone)]
pub(super) enum Key {
    Traditional(Traditional),
    Aes(Box<Aes>),
}

/// The plain bytes behind encrypted ones.
pub(super) struct Plain<'a> {
    inner: &'a mut dyn Read,
    key: Key,
}

impl<'a> Plain<'a> {
    /// `inner` stands behind header or check value.
    pub(super) fn new(inner: &'a mut dyn Read, key: Key) -> Self {
        Self { inner, key }
    }
}

impl Read for Plain<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        let bytes = buf.get_mut(..n).unwrap_or_default();
        match &mut self.key {
            Key::Traditional(keys) => keys.decrypt(bytes),
            Key::Aes(aes) => aes.decrypt(bytes),
        }
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derivation_agrees_with_rfc_6070() {
        // The RFC has no vector of 1,000 rounds; this one is Python's hashlib.pbkdf2_hmac.
        let key = derive(b"password", b"salt", 20).unwrap();
        assert_eq!(crate::model::text::hex(&key), "6e88be8bad7eae9d9e10aa061224034fed48d03f");
    }
}
