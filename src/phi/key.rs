//! The key under which identifiers become tokens.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use sha2::block_api::compress256;

use crate::model::{PhiFacts, Token, TokenKind};

/// Bytes of one block of SHA-256.
const BLOCK: usize = 64;
/// Bytes of the longest message that fits one block with its padding (FIPS 180-4 section 5.1.1).
const SHORT: usize = 55;

/// A random 256-bit key. It lives in memory for one run; tokens mean nothing without it.
pub struct CaseKey {
    hmac: Hmac<Sha256>,
    /// SHA-256 after the key's inner and outer block (RFC 2104 section 4).
    inner: [u32; 8],
    outer: [u32; 8],
    keep: usize,
}

impl CaseKey {
    pub fn new(bytes: &[u8; 32]) -> Self {
        // HMAC takes keys of any length (RFC 2104), so this can't fail.
        let hmac = Hmac::<Sha256>::new_from_slice(bytes).unwrap_or_else(|_| unreachable!("HMAC takes any key"));
        let keyed = |pad: u8| {
            let mut block = [pad; BLOCK];
            block.iter_mut().zip(bytes).for_each(|(b, k)| *b ^= k);
            let mut state = INITIAL;
            compress256(&mut state, &[block]);
            state
        };
        Self { hmac, inner: keyed(0x36), outer: keyed(0x5c), keep: PhiFacts::MAX_PEOPLE }
    }

    /// Tells whether two keys are the same, and nothing else of them.
    pub fn id(&self) -> String {
        let mut mac = self.hmac.clone();
        mac.update(b"\xffwardround case key id");
        crate::model::text::hex(&mac.finalize().into_bytes()[..8])
    }

    /// Counts up to `keep` people of one object one by one, and estimates from there on.
    pub fn keeping(self, keep: usize) -> Self {
        Self { keep, ..self }
    }

    pub(super) fn keep(&self) -> usize {
        self.keep
    }

    /// The token of a normalised identifier; parts are length-prefixed so that they can't run together.
    pub fn token(&self, kind: TokenKind, parts: &[&[u8]]) -> Token {
        let eight = self.short(kind, parts).unwrap_or_else(|| self.long(kind, parts));
        Token { kind, hash: u64::from_le_bytes(eight).into() }
    }

    /// The first bytes of HMAC-SHA-256.
    fn long(&self, kind: TokenKind, parts: &[&[u8]]) -> [u8; 8] {
        let mut mac = self.hmac.clone();
        mac.update(&[kind as u8]);
        for part in parts {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part);
        }
        let digest = mac.finalize().into_bytes();
        let mut eight = [0; 8];
        eight.copy_from_slice(&digest[..8]);
        eight
    }

    /// The same for a message that fits one block, as nearly all do, without the general case's buffers.
    fn short(&self, kind: TokenKind, parts: &[&[u8]]) -> Option<[u8; 8]> {
        let mut block = [0; BLOCK];
        block[0] = kind as u8;
        let mut at = 1;
        for part in parts {
            for bytes in [&(part.len() as u64).to_le_bytes(), *part] {
                let end = at + bytes.len();
                block.get_mut(at..end).filter(|_| end <= SHORT)?.copy_from_slice(bytes);
                at = end;
            }
        }
        let mut state = self.inner;
        compress256(&mut state, &[padded(block, at)]);
        let mut block = [0; BLOCK];
        block.chunks_exact_mut(4).zip(state).for_each(|(bytes, word)| bytes.copy_from_slice(&word.to_be_bytes()));
        let mut state = self.outer;
        compress256(&mut state, &[padded(block, 32)]);
        Some(((u64::from(state[0]) << 32) | u64::from(state[1])).to_be_bytes())
    }
}

/// A last block of `length` bytes, behind the one of the key.
fn padded(mut block: [u8; BLOCK], length: usize) -> [u8; BLOCK] {
    block[length] = 0x80;
    let bits = ((BLOCK + length) as u64) * 8;
    block[BLOCK - 8..].copy_from_slice(&bits.to_be_bytes());
    block
}

/// SHA-256 before any message (FIPS 180-4 section 5.3.3).
const INITIAL: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn the_short_way_is_hmac(
            key: [u8; 32],
            scope in proptest::collection::vec(proptest::num::u8::ANY, 0..40),
            id in proptest::collection::vec(proptest::num::u8::ANY, 0..60),
        ) {
            let key = CaseKey::new(&key);
            let parts: [&[u8]; 2] = [&scope, &id];
            let long = key.long(TokenKind::Ssn, &parts);
            match key.short(TokenKind::Ssn, &parts) {
                Some(short) => proptest::prop_assert_eq!(short, long),
                None => proptest::prop_assert!(17 + scope.len() + id.len() > SHORT),
            }
        }
    }
}
