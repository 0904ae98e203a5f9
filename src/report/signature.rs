//! The signature over the manifest: Ed25519 (RFC 8032), as OpenSSL and OpenSSH check it.
//!
//! A key that lies on a compromised host proves nothing afterwards. So either the examiner brings one, or a run draws
//! its own, signs with it and forgets it; then the fingerprint, written down when the scan ends, is what binds the
//! case folder to that moment.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, DecodePublicKey, EncodePublicKey};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

use crate::model::text::{escape, hex};

/// 64 bytes: R and S of RFC 8032 section 5.1.6.
pub const SIGNATURE: &str = "manifest.json.sig";
/// SubjectPublicKeyInfo in PEM (RFC 8410).
pub const PUBLIC_KEY: &str = "manifest.pub";
/// A key file is far shorter.
const MAX_KEY_FILE: u64 = 64 << 10;

/// Why there is no key to sign with.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("--sign-key {0}: it can't be read: {1}")]
    Unreadable(String, std::io::Error),
    #[error("--sign-key {0}: it is no unencrypted Ed25519 private key in PEM: make one with openssl genpkey -algorithm ed25519")]
    NoKey(String),
    #[error("the system gives no random numbers for a key to sign with: {0}")]
    NoRandom(String),
}

/// What a case is signed with.
pub struct SealKey {
    key: SigningKey,
    /// Whether it is the examiner's, rather than one that only this run has.
    pub lasting: bool,
}

impl SealKey {
    /// A key that nobody keeps.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn ephemeral() -> Result<Self, KeyError> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|e| KeyError::NoRandom(e.to_string()))?;
        Ok(Self { key: SigningKey::from_bytes(&seed), lasting: false })
    }

    /// The examiner's, from a PKCS#8 file in PEM.
    ///
    /// # Errors
    /// When it can't be read or is no such key. Nothing of the file is repeated.
    pub fn from_file(path: &Path) -> Result<Self, KeyError> {
        let shown = || escape(path.as_os_str().as_encoded_bytes());
        let mut pem = String::new();
        let read = File::open(path).and_then(|f| f.take(MAX_KEY_FILE).read_to_string(&mut pem));
        match read {
            Err(e) if e.kind() != std::io::ErrorKind::InvalidData => return Err(KeyError::Unreadable(shown(), e)),
            _ => {}
        }
        let key = SigningKey::from_pkcs8_pem(&pem).map_err(|_| KeyError::NoKey(shown()))?;
        Ok(Self { key, lasting: true })
    }

    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }

    /// SubjectPublicKeyInfo in PEM.
    pub fn public_pem(&self) -> String {
        // A key of fixed form always encodes.
        self.key.verifying_key().to_public_key_pem(LineEnding::LF).unwrap_or_default()
    }

    /// SHA-256 of the public key's DER, hexadecimal.
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.key.verifying_key())
    }
}

/// A public key in PEM.
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    pub fn from_pem(pem: &str) -> Option<Self> {
        VerifyingKey::from_public_key_pem(pem).ok().map(Self)
    }

    /// Whether it made this signature over these bytes, by the strict rules (no small-order keys).
    pub fn made(&self, signature: &[u8], message: &[u8]) -> bool {
        Signature::from_slice(signature).is_ok_and(|s| self.0.verify_strict(message, &s).is_ok())
    }

    /// SHA-256 of its DER, hexadecimal.
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.0)
    }
}

fn fingerprint(key: &VerifyingKey) -> String {
    key.to_public_key_der().map_or_else(|_| String::new(), |der| hex(&Sha256::digest(der.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_signed_is_recognised_and_nothing_else() {
        let key = SealKey::ephemeral().unwrap();
        let public = PublicKey::from_pem(&key.public_pem()).unwrap();
        assert_eq!(public.fingerprint(), key.fingerprint());
        let mut signature = key.sign(b"manifest");
        assert!(public.made(&signature, b"manifest"));
        assert!(!public.made(&signature, b"manifesT"));
        assert!(!public.made(&signature[..63], b"manifest"));
        signature[3] ^= 1;
        assert!(!public.made(&signature, b"manifest"));
        assert!(!PublicKey::from_pem(&SealKey::ephemeral().unwrap().public_pem()).unwrap().made(&key.sign(b"x"), b"x"));
    }

    #[test]
    fn the_examiners_key() {
        // RFC 8410 section 10.3.
        let pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key.pem");
        std::fs::write(&path, pem).unwrap();
        let key = SealKey::from_file(&path).unwrap();
        assert!(key.lasting);
        // RFC 8410 section 10.1.
        assert!(key.public_pem().contains("MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE="));
        std::fs::write(&path, b"\xffno key").unwrap();
        assert!(matches!(SealKey::from_file(&path), Err(KeyError::NoKey(_))));
        assert!(matches!(SealKey::from_file(&dir.path().join("none")), Err(KeyError::Unreadable(..))));
    }
}
