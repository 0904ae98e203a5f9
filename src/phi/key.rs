//! The key under which identifiers become tokens.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::model::{Token, TokenKind};

/// A random 256-bit key. It lives in memory for one run; tokens mean nothing without it.
pub struct CaseKey(Hmac<Sha256>);

impl CaseKey {
    pub fn new(bytes: &[u8; 32]) -> Self {
        // HMAC takes keys of any length (RFC 2104), so this can't fail.
        Self(Hmac::<Sha256>::new_from_slice(bytes).unwrap_or_else(|_| unreachable!("HMAC takes any key")))
    }

    /// The token of a normalised identifier; parts are length-prefixed so that they can't run together.
    pub fn token(&self, kind: TokenKind, parts: &[&[u8]]) -> Token {
        let mut mac = self.0.clone();
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
