//! Time stamps over the manifest (RFC 3161): the request is written here, sent from a machine that may talk to the
//! network, and the answer laid beside the manifest.

use p256::ecdsa::signature::hazmat::PrehashVerifier;
use p256::pkcs8::DecodePublicKey;
use rsa::{Pkcs1v15Sign, PublicKey};
use sha2::{Digest, Sha256, Sha384, Sha512};
use x509_parser::asn1_rs::{Any, Class, FromDer};
use x509_parser::certificate::X509Certificate;

use crate::model::text::escape;

/// Contents of object identifiers, as DER encodes them.
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
const TST_INFO: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x04];
const MESSAGE_DIGEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x04];
const SHA2: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02];
/// `id-kp-timeStamping` (RFC 3161 section 2.3).
const TIME_STAMPING: &str = "1.3.6.1.5.5.7.3.8";
/// Certificates that a token may bring.
const MAX_CERTIFICATES: usize = 32;

/// What a token says that holds.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Stamp {
    /// `genTime`, as the authority writes it: `20261129203000Z`.
    pub time: String,
    /// Subject of the certificate that signed it. Whether that is to be trusted is for `openssl ts -verify`, with the
    /// authority's root.
    pub authority: String,
}

/// Checks an answer (TimeStampResp) or a bare token against the bytes it is about: its imprint, the digest that its
/// signer signed, and the signature by a certificate for time stamping that it brings (RSA PKCS #1 v1.5, or ECDSA on P-256
/// or P-384).
///
/// # Errors
/// Says what doesn't hold.
pub fn check(reply: &[u8], message: &[u8]) -> Result<Stamp, &'static str> {
    let outer = sequence(reply).ok_or(NO_TOKEN)?;
    // TimeStampResp is a status and a token; a bare token begins with its type.
    let token = match outer.first().ok_or(NO_TOKEN)?.header.tag().0 {
        6 => outer,
        _ => parts(outer.get(1).ok_or("the authority refused the request")?.data),
    };
    let [kind, content, ..] = token.as_slice() else { return Err(NO_TOKEN) };
    let signed = (kind.data == SIGNED_DATA).then(|| parts(content.data)).ok_or(NO_TOKEN)?;
    let signed = parts(signed.first().ok_or(NO_TOKEN)?.data);
    let held = parts(signed.get(2).ok_or(NO_TOKEN)?.data);
    let [kind, info, ..] = held.as_slice() else { return Err(NO_TOKEN) };
    let info = (kind.data == TST_INFO).then(|| parts(info.data)).ok_or(NO_TOKEN)?;
    let info = info.first().ok_or(NO_TOKEN)?.data;
    let facts = sequence(info).ok_or(NO_TOKEN)?;
    let imprint = parts(facts.get(2).ok_or(NO_TOKEN)?.data);
    let [algorithm, digest, ..] = imprint.as_slice() else { return Err(NO_TOKEN) };
    let of_message = hash(algorithm.data, message).ok_or("its imprint is made with an algorithm that is not SHA-2")?;
    if of_message != digest.data {
        return Err("it is not about this manifest");
    }
    let time = facts.get(4).map(|t| escape(t.data)).ok_or(NO_TOKEN)?;
    let certificates = signed.iter().find(|p| p.header.class() == Class::ContextSpecific && p.header.tag().0 == 0);
    let signers = signed.last().filter(|p| p.header.tag().0 == 17).ok_or(NO_TOKEN)?;
    let signer = parts(parts(signers.data).first().ok_or(NO_TOKEN)?.data);
    let authority = signed_by(&signer, info, certificates.map_or(&[][..], |c| c.data))?;
    Ok(Stamp { time, authority })
}

const NO_TOKEN: &str = "it holds no time-stamp token";

/// The subject of the certificate that made the signature of a SignerInfo (RFC 5652 section 5.3) over this content.
fn signed_by(signer: &[Any<'_>], content: &[u8], certificates: &[u8]) -> Result<String, &'static str> {
    let (Some(algorithm), Some(attributes)) = (signer.get(2), signer.get(3)) else { return Err(NO_TOKEN) };
    let signature = signer.iter().skip(4).find(|p| p.header.tag().0 == 4).ok_or(NO_TOKEN)?;
    let stated = parts(attributes.data).into_iter().find_map(|attribute| {
        let attribute = parts(attribute.data);
        let [kind, values] = attribute.as_slice() else { return None };
        (kind.data == MESSAGE_DIGEST).then(|| parts(values.data).first().map(|v| v.data.to_vec()))?
    });
    if hash(algorithm.data, content).is_none_or(|digest| stated.as_deref() != Some(&digest)) {
        return Err("its content is not what was signed");
    }
    // The signature is over the attributes as a SET, not as the tagged field that they are (section 5.4).
    let mut set = vec![0x31];
    set.extend(length(attributes.data.len()));
    set.extend_from_slice(attributes.data);
    let digest = hash(algorithm.data, &set).ok_or(NO_TOKEN)?;
    let mut rest = certificates;
    for _ in 0..MAX_CERTIFICATES {
        let Ok((behind, certificate)) = X509Certificate::from_der(rest) else { break };
        rest = behind;
        let for_this = certificate.extended_key_usage().ok().flatten().is_some_and(|usage| {
            usage.value.time_stamping || usage.value.other.iter().any(|oid| oid.to_id_string() == TIME_STAMPING)
        });
        if for_this && made(certificate.tbs_certificate.subject_pki.raw, &digest, signature.data) {
            return Ok(escape(certificate.subject().to_string().as_bytes()));
        }
    }
    Err("no certificate for time stamping in it made its signature")
}

/// Whether a key (SubjectPublicKeyInfo) made a signature over a digest.
fn made(key: &[u8], digest: &[u8], signature: &[u8]) -> bool {
    if let Ok(key) = PublicKey::from_public_key_der(key) {
        let scheme = match digest.len() {
            32 => Pkcs1v15Sign::new::<Sha256>(),
            48 => Pkcs1v15Sign::new::<Sha384>(),
            _ => Pkcs1v15Sign::new::<Sha512>(),
        };
        return key.verify(scheme, digest, signature).is_ok();
    }
    if let Ok(key) = p256::ecdsa::VerifyingKey::from_public_key_der(key) {
        return p256::ecdsa::DerSignature::from_bytes(signature).is_ok_and(|s| key.verify_prehash(digest, &s).is_ok());
    }
    if let Ok(key) = p384::ecdsa::VerifyingKey::from_public_key_der(key) {
        return p384::ecdsa::DerSignature::from_bytes(signature).is_ok_and(|s| key.verify_prehash(digest, &s).is_ok());
    }
    false
}

/// The digest that an AlgorithmIdentifier asks for: SHA-256, SHA-384 or SHA-512 (RFC 5754 section 2).
fn hash(algorithm: &[u8], bytes: &[u8]) -> Option<Vec<u8>> {
    match parts(algorithm).first()?.data.strip_prefix(SHA2)? {
        [1] => Some(Sha256::digest(bytes).to_vec()),
        [2] => Some(Sha384::digest(bytes).to_vec()),
        [3] => Some(Sha512::digest(bytes).to_vec()),
        _ => None,
    }
}

/// The values that follow one another.
fn parts(mut bytes: &[u8]) -> Vec<Any<'_>> {
    let mut out = Vec::new();
    while let Ok((rest, value)) = Any::from_der(bytes) {
        out.push(value);
        bytes = rest;
    }
    out
}

/// What a SEQUENCE holds.
fn sequence(bytes: &[u8]) -> Option<Vec<Any<'_>>> {
    let (_, outer) = Any::from_der(bytes).ok()?;
    (outer.header.tag().0 == 16).then(|| parts(outer.data))
}

/// A length in DER (X.690 section 8.1.3).
fn length(n: usize) -> Vec<u8> {
    match u8::try_from(n) {
        Ok(short @ 0..=127) => vec![short],
        _ => {
            let bytes: Vec<u8> = n.to_be_bytes().into_iter().skip_while(|b| *b == 0).collect();
            [&[0x80 | bytes.len() as u8][..], &bytes].concat()
        }
    }
}

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
    fn what_is_no_token_is_said() {
        for reply in [&b""[..], b"x", &[0x30, 0x03, 0x02, 0x01, 0x02], &[0x30, 0x80], &query(b"abc").unwrap()] {
            assert!(check(reply, b"abc").is_err());
        }
        assert_eq!((length(127), length(128), length(300)), (vec![127], vec![0x81, 128], vec![0x82, 1, 44]));
    }

    #[test]
    fn the_request_is_as_the_standard_says() {
        let query = query(b"abc").unwrap();
        assert_eq!(query.len(), 2 + 3 + 2 + 15 + 34 + 10 + 3);
        assert_eq!(usize::from(query[1]), query.len() - 2);
        assert!(memchr::memmem::find(&query, &Sha256::digest(b"abc")).is_some());
        assert!(query.ends_with(&[0x01, 0x01, 0xff]));
    }
}
