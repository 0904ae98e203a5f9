//! Time stamps over the manifest (RFC 3161): the request is written here, sent from a machine that may talk to the
//! network, and the answer laid beside the manifest.

use sha2::{Digest, Sha256};

/// AlgorithmIdentifier of SHA-256 without parameters' content (RFC 5754 section 2.2).
const SHA256: [u8; 15] = [0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00];

/// TimeStampReq (RFC 3161 section 2.4.1) for these bytes, with a nonce, asking for the authority's certificate.
///
/// # Errors
/// When the system gives no random numbers.
pub fn query(message: &[u8]) -> Result<Vec<u8>, getrandom::Error> {
    let mut nonce = [0; 8];
    getrandom::fill(&mut nonce)?;
    // Positive, and as short as DER wants it.
    nonce[0] = nonce[0] & 0x3f | 0x40;
    let imprint = [&SHA256[..], &tlv(0x04, &Sha256::digest(message))].concat();
    let request = [&tlv(0x02, &[1])[..], &tlv(0x30, &imprint), &tlv(0x02, &nonce), &tlv(0x01, &[0xff])].concat();
    Ok(tlv(0x30, &request))
}

/// Tag, length, value of what is shorter than 128 bytes (X.690 section 8.1.3.4).
fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
    let mut out = vec![tag, value.len() as u8];
    out.extend_from_slice(value);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_is_as_the_standard_says() {
        let query = query(b"abc").unwrap();
        assert_eq!(query.len(), 2 + 3 + 2 + 15 + 34 + 10 + 3);
        assert_eq!(usize::from(query[1]), query.len() - 2);
        assert!(memchr::memmem::find(&query, &Sha256::digest(b"abc")).is_some());
        assert!(query.ends_with(&[0x01, 0x01, 0xff]));
    }
}
