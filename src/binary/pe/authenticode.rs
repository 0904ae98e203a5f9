//! Embedded signatures (Microsoft, "Windows Authenticode Portable Executable Signature Format", 2008; PKCS #7 is
//! RFC 2315): whether the file still has the digest that its signature states, and who is named as the signer.
//!
//! Neither the signature over that statement nor the chain of certificates is verified: there is no trust store
//! here. A good digest says that the file wasn't changed after the signature block was made, and no more.

use md5::Md5;
use serde::Serialize;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};
use x509_parser::asn1_rs::{Any, Class, FromBer, FromDer};
use x509_parser::certificate::X509Certificate;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

use crate::model::text;

use super::super::facts::shown;
use super::map::{u16_at, u32_at};

/// `WIN_CERT_TYPE_PKCS_SIGNED_DATA`.
const PKCS7: u16 = 2;
/// Entries of the certificate table that are looked at.
const MAX_ENTRIES: usize = 16;
/// Certificates of one signature.
const MAX_CERTIFICATES: usize = 64;
/// Length of `WIN_CERTIFICATE` without its content; entries are aligned to as many bytes.
const ENTRY_HEADER: usize = 8;

/// Contents of object identifiers, as DER encodes them.
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
const SPC_INDIRECT_DATA: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x01, 0x04];

/// What the signature says of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// No embedded signature. The file may still be signed through a catalogue, as most of Windows is.
    Absent,
    /// The file has the digest that the signature states.
    PresentDigestOk,
    /// The file was changed after it was signed, or carries the signature of another file.
    DigestMismatch,
    /// The certificate table or the signature can't be read, or states a digest of an unknown kind.
    Malformed,
}

/// An embedded signature: the first of the certificate table; nested ones are not read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Signature {
    pub state: State,
    /// `md5`, `sha1`, `sha256`, `sha384` or `sha512`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest_algorithm: Option<&'static str>,
    /// The digest in `SpcIndirectDataContent`, hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stated_digest: Option<String>,
    /// The file's Authenticode digest by the same algorithm, hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authentihash: Option<String>,
    /// The certificate that `SignerInfo` names, where it is in the signature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signer: Option<Signer>,
    /// Bytes behind the signature but inside the certificate table, without zero padding: no digest covers them.
    pub bytes_in_table: u64,
    /// Bytes of the file behind the certificate table: outside the digest as computed here.
    pub bytes_behind_table: u64,
}

/// From the signing certificate; claims of a certificate that wasn't verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Signer {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub common_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// Hexadecimal.
    pub serial: String,
    /// Of the certificate, hexadecimal: what Windows calls its thumbprint.
    pub sha1: String,
}

impl Signature {
    fn of(state: State) -> Self {
        Self {
            state,
            digest_algorithm: None,
            stated_digest: None,
            authentihash: None,
            signer: None,
            bytes_in_table: 0,
            bytes_behind_table: 0,
        }
    }
}

/// Where the parts lie that the digest leaves out, as file offsets.
pub(super) struct Layout {
    /// The header field `CheckSum`, four bytes.
    pub checksum: usize,
    /// The certificate table's entry of the data directories, eight bytes.
    pub entry: usize,
    pub table: usize,
    pub table_size: usize,
}

/// `layout` is `None` where the headers declare no certificate table.
pub(super) fn signature(bytes: &[u8], layout: Option<&Layout>) -> Signature {
    let Some(layout) = layout else { return Signature::of(State::Absent) };
    let mut found = Signature::of(State::Malformed);
    let end = layout.table.saturating_add(layout.table_size);
    let Some(table) = bytes.get(layout.table..end.min(bytes.len())).filter(|t| t.len() >= ENTRY_HEADER) else { return found };
    found.bytes_behind_table = bytes.len().saturating_sub(end) as u64;
    let Some(block) = first_block(table, &mut found.bytes_in_table) else { return found };
    let Some(said) = statement(block) else { return found };
    found.signer = said.signer;
    found.stated_digest = Some(text::hex(said.digest));
    let Some(algorithm) = Algorithm::of(said.algorithm) else { return found };
    found.digest_algorithm = Some(algorithm.id());
    let Some(computed) = authentihash(bytes, layout, algorithm) else { return found };
    found.state = if computed == said.digest { State::PresentDigestOk } else { State::DigestMismatch };
    found.authentihash = Some(text::hex(&computed));
    found
}

/// The content of the first PKCS #7 entry; `surplus` counts what the table holds besides.
fn first_block<'a>(table: &'a [u8], surplus: &mut u64) -> Option<&'a [u8]> {
    let mut at = 0usize;
    let mut found: Option<&[u8]> = None;
    for _ in 0..MAX_ENTRIES {
        let Some(length) = u32_at(table, at).and_then(|n| usize::try_from(n).ok()) else { break };
        let end = at.saturating_add(length);
        if length < ENTRY_HEADER || end > table.len() {
            break;
        }
        let content = table.get(at + ENTRY_HEADER..end)?;
        if found.is_none() && u16_at(table, at + 6) == Some(PKCS7) {
            let rest = Any::from_ber(content).ok()?.0;
            found = Some(&content[..content.len() - rest.len()]);
            *surplus = used(rest);
        }
        at = end.next_multiple_of(ENTRY_HEADER);
    }
    *surplus = surplus.saturating_add(used(table.get(at..).unwrap_or_default()));
    found
}

/// Length without zeros at the end.
fn used(bytes: &[u8]) -> u64 {
    bytes.iter().rposition(|&b| b != 0).map_or(0, |at| at as u64 + 1)
}

struct Statement<'a> {
    /// The object identifier's content.
    algorithm: &'a [u8],
    digest: &'a [u8],
    signer: Option<Signer>,
}

/// Reads `ContentInfo { signedData, [0] SignedData }` as far as this needs.
fn statement(block: &[u8]) -> Option<Statement<'_>> {
    let mut info = Items(Items(block).next()?.1.data);
    if info.oid()? != SIGNED_DATA {
        return None;
    }
    let mut signed = Items(Items(info.tagged(0)?).sequence()?);
    // Version and digest algorithms.
    signed.next()?;
    signed.next()?;
    let mut content = Items(signed.sequence()?);
    if content.oid()? != SPC_INDIRECT_DATA {
        return None;
    }
    let mut indirect = Items(Items(content.tagged(0)?).sequence()?);
    // What was signed, here always the image.
    indirect.sequence()?;
    let mut digest_info = Items(indirect.sequence()?);
    let algorithm = Items(digest_info.sequence()?).oid()?;
    let digest = digest_info.next()?.1.data;
    Some(Statement { algorithm, digest, signer: signer(signed) })
}

/// `rest` starts behind the content: certificates `[0]`, revocation lists `[1]`, signers.
fn signer(rest: Items<'_>) -> Option<Signer> {
    let mut certificates: &[u8] = &[];
    let mut signers: &[u8] = &[];
    for (_, item) in rest {
        match (item.header.class(), item.header.tag().0) {
            (Class::ContextSpecific, 0) => certificates = item.data,
            (Class::Universal, 17) => signers = item.data,
            _ => {}
        }
    }
    let mut info = Items(Items(signers).sequence()?);
    info.next()?;
    let mut name = Items(info.sequence()?);
    let (issuer, _) = name.next()?;
    let serial = name.next()?.1.data;
    let (raw, certificate) = Items(certificates).take(MAX_CERTIFICATES).find_map(|(raw, _)| {
        let certificate = X509Certificate::from_der(raw).ok()?.1;
        (certificate.issuer().as_raw() == issuer && certificate.raw_serial() == serial).then_some((raw, certificate))
    })?;
    let first = |name: &X509Name<'_>| {
        let named = name.iter_common_name().next().or_else(|| name.iter_organization().next());
        named.and_then(words)
    };
    Some(Signer {
        common_name: certificate.subject().iter_common_name().next().and_then(words),
        organization: certificate.subject().iter_organization().next().and_then(words),
        issuer: first(certificate.issuer()),
        serial: text::hex(serial.get(..64).unwrap_or(serial)),
        sha1: text::hex(&Sha1::digest(raw)),
    })
}

/// A part of a name, whichever of the string types it has.
fn words(part: &AttributeTypeAndValue<'_>) -> Option<String> {
    const BMP_STRING: u32 = 30;
    let value = part.attr_value();
    let text = if value.tag().0 == BMP_STRING {
        let units: Vec<u16> = value.data.chunks_exact(2).map(|c| u16::from_be_bytes([c[0], c[1]])).collect();
        String::from_utf16_lossy(&units)
    } else {
        String::from_utf8_lossy(value.data).into_owned()
    };
    Some(shown(&text)).filter(|t| !t.is_empty())
}

/// Values of BER one after the other: each with its whole encoding. Ends at the first that can't be read.
struct Items<'a>(&'a [u8]);

impl<'a> Iterator for Items<'a> {
    type Item = (&'a [u8], Any<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let (rest, any) = Any::from_ber(self.0).ok()?;
        let raw = self.0.get(..self.0.len().checked_sub(rest.len())?)?;
        self.0 = rest;
        Some((raw, any))
    }
}

impl<'a> Items<'a> {
    /// The content of the next value, which must be a sequence.
    fn sequence(&mut self) -> Option<&'a [u8]> {
        let (_, any) = self.next()?;
        (any.header.class() == Class::Universal && any.header.tag().0 == 16).then_some(any.data)
    }

    fn oid(&mut self) -> Option<&'a [u8]> {
        let (_, any) = self.next()?;
        (any.header.class() == Class::Universal && any.header.tag().0 == 6).then_some(any.data)
    }

    /// The content of the next value, which must have the context-specific tag `number`.
    fn tagged(&mut self, number: u32) -> Option<&'a [u8]> {
        let (_, any) = self.next()?;
        (any.header.class() == Class::ContextSpecific && any.header.tag().0 == number).then_some(any.data)
    }
}

#[derive(Clone, Copy)]
enum Algorithm {
    Md5,
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Algorithm {
    /// From an object identifier's content.
    fn of(oid: &[u8]) -> Option<Self> {
        match oid {
            [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x05] => Some(Self::Md5),
            [0x2b, 0x0e, 0x03, 0x02, 0x1a] => Some(Self::Sha1),
            [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, n] => match n {
                1 => Some(Self::Sha256),
                2 => Some(Self::Sha384),
                3 => Some(Self::Sha512),
                _ => None,
            },
            _ => None,
        }
    }

    fn id(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    fn digest(self, parts: &[&[u8]]) -> Vec<u8> {
        match self {
            Self::Md5 => all::<Md5>(parts),
            Self::Sha1 => all::<Sha1>(parts),
            Self::Sha256 => all::<Sha256>(parts),
            Self::Sha384 => all::<Sha384>(parts),
            Self::Sha512 => all::<Sha512>(parts),
        }
    }
}

fn all<D: Digest>(parts: &[&[u8]]) -> Vec<u8> {
    let mut hash = D::new();
    parts.iter().for_each(|p| hash.update(p));
    hash.finalize().to_vec()
}

/// Everything up to the certificate table but the checksum and the table's directory entry. A file whose length
/// isn't a multiple of eight is filled with zeros before it is signed, so that the zeros are in the file.
fn authentihash(bytes: &[u8], layout: &Layout, algorithm: Algorithm) -> Option<Vec<u8>> {
    let parts = [
        bytes.get(..layout.checksum)?,
        bytes.get(layout.checksum.checked_add(4)?..layout.entry)?,
        bytes.get(layout.entry.checked_add(8)?..layout.table)?,
    ];
    Some(algorithm.digest(&parts))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A DER value with a short or two-byte length.
    fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let content = parts.concat();
        let mut out = vec![tag];
        match content.len() {
            n @ 0..=127 => out.push(n as u8),
            n => out.extend([0x82, (n >> 8) as u8, n as u8]),
        }
        out.extend(content);
        out
    }

    fn block(digest: &[u8]) -> Vec<u8> {
        let sha256 = der(0x30, &[&der(6, &[&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01]]), &[5, 0]]);
        let info = der(0x30, &[&sha256, &der(4, &[digest])]);
        let indirect = der(0x30, &[&der(0x30, &[]), &info]);
        let content = der(0x30, &[&der(6, &[SPC_INDIRECT_DATA]), &der(0xa0, &[&indirect])]);
        let signed = der(0x30, &[&der(2, &[&[1]]), &der(0x31, &[&sha256]), &content, &der(0x31, &[])]);
        der(0x30, &[&der(6, &[SIGNED_DATA]), &der(0xa0, &[&signed])])
    }

    fn entry(content: &[u8]) -> Vec<u8> {
        let mut out = u32::try_from(content.len() + 8).unwrap().to_le_bytes().to_vec();
        out.extend([0, 2, 2, 0]);
        out.extend(content);
        out.resize(out.len().next_multiple_of(8), 0);
        out
    }

    const BODY: usize = 0x100;

    fn file(table: &[u8]) -> (Vec<u8>, Layout) {
        let mut bytes: Vec<u8> = (0..BODY).map(|i| i as u8).collect();
        bytes.extend(table);
        (bytes, Layout { checksum: 0x20, entry: 0x40, table: BODY, table_size: table.len() })
    }

    fn digest() -> Vec<u8> {
        let (bytes, layout) = file(&[]);
        authentihash(&bytes, &layout, Algorithm::Sha256).unwrap()
    }

    #[test]
    fn four_states() {
        let good = entry(&block(&digest()));
        let (mut bytes, layout) = file(&good);
        let found = signature(&bytes, Some(&layout));
        assert_eq!((found.state, found.digest_algorithm), (State::PresentDigestOk, Some("sha256")));
        assert_eq!((found.signer, found.bytes_in_table, found.bytes_behind_table), (None, 0, 0));
        // What the digest leaves out may change, nothing else.
        bytes[0x20] ^= 1;
        bytes[0x47] ^= 1;
        assert_eq!(signature(&bytes, Some(&layout)).state, State::PresentDigestOk);
        bytes[0x48] ^= 1;
        assert_eq!(signature(&bytes, Some(&layout)).state, State::DigestMismatch);
        assert_eq!(signature(&bytes, None).state, State::Absent);
        bytes[BODY + 12] ^= 0x55;
        assert_eq!(signature(&bytes, Some(&layout)).state, State::Malformed);
    }

    #[test]
    fn appended_bytes_are_counted() {
        let inside = entry(&[block(&digest()), b"payload".to_vec()].concat());
        let (mut bytes, layout) = file(&inside);
        bytes.extend_from_slice(b"more");
        let found = signature(&bytes, Some(&layout));
        assert_eq!((found.state, found.bytes_in_table, found.bytes_behind_table), (State::PresentDigestOk, 7, 4));
        let second = [entry(&block(&digest())), b"tail of the table".to_vec()].concat();
        let (bytes, layout) = file(&second);
        assert_eq!(signature(&bytes, Some(&layout)).bytes_in_table, 17);
    }

    #[test]
    fn damage_is_malformed_and_never_more() {
        let block = block(&digest());
        let good = entry(&block);
        for at in 0..good.len() {
            for value in [0, 1, 0x30, 0x7f, 0x80, 0x84, 0xff] {
                let mut table = good.clone();
                table[at] = value;
                let (bytes, layout) = file(&table);
                let _ = signature(&bytes, Some(&layout));
            }
        }
        for end in 0..ENTRY_HEADER + block.len() {
            let (bytes, layout) = file(&good[..end]);
            assert_eq!(signature(&bytes, Some(&layout)).state, State::Malformed, "{end}");
        }
    }
}
