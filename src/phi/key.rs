//! The key under which identifiers become tokens.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::model::{PhiFacts, Token, TokenKind};

/// A random 256-bit key. It lives in memory for one run; tokens mean nothing without it.
pub struct CaseKey {
    hmac: Hmac<Sha256>,
    keep: usize,
}

impl CaseKey {
    pub fn new(bytes: &[u8; 32]) -> Self {
        // HMAC takes keys of any length (RFC 2104), so this can't fail.
        let hmac = Hmac::<Sha256>::new_from_slice(bytes).unwrap_or_else(|_| unreachable!("HMAC takes any key"));
        Self { hmac, keep: PhiFacts::MAX_PEOPLE }
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
        let mut mac = self.hmac.clone();
        mac.update(&[kind as u8]);
        for part in parts {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part);
        }
        let digest = mac.finalize().into_bytes();
        let mut eight = [0; 8];
        eight.copy_from_slice(&digest[..8]);
        Token { kind, hash: u64::from_le_bytes(eight).into() }
    }
}
