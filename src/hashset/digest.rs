//! Digests as these sets hold them.

use serde::{Deserialize, Serialize};

/// The digests that identify files. Fuzzy and structural hashes can't be looked up by equality of content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Md5,
    Sha1,
    Sha256,
}

impl Kind {
    /// In the order of the file; the strongest comes last.
    pub const ALL: [Kind; 3] = [Kind::Md5, Kind::Sha1, Kind::Sha256];

    /// Bytes of a digest.
    pub const fn width(self) -> usize {
        match self {
            Kind::Md5 => 16,
            Kind::Sha1 => 20,
            Kind::Sha256 => 32,
        }
    }

    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Kind::Md5 => "MD5",
            Kind::Sha1 => "SHA-1",
            Kind::Sha256 => "SHA-256",
        }
    }

    /// The kind that a column's title or a label names, such as `SHA-1`, `sha256_hash` or `FileHash-MD5`.
    pub fn named(title: &str) -> Option<Self> {
        let plain: String = title.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
        let bare = ["filehash", "hash", "file", "checksum", "digest", "sum"].iter().fold(plain, |t, w| t.replace(w, ""));
        match bare.as_str() {
            "md5" => Some(Kind::Md5),
            "sha1" | "sha" => Some(Kind::Sha1),
            "sha256" | "sha2256" | "sha2" => Some(Kind::Sha256),
            _ => None,
        }
    }
}

/// One digest; its length tells its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Digest {
    Md5([u8; 16]),
    Sha1([u8; 20]),
    Sha256([u8; 32]),
}

impl Digest {
    pub fn kind(&self) -> Kind {
        match self {
            Digest::Md5(_) => Kind::Md5,
            Digest::Sha1(_) => Kind::Sha1,
            Digest::Sha256(_) => Kind::Sha256,
        }
    }

    /// From 16, 20 or 32 bytes.
    pub fn of_bytes(bytes: &[u8]) -> Option<Self> {
        match bytes.len() {
            16 => bytes.try_into().ok().map(Digest::Md5),
            20 => bytes.try_into().ok().map(Digest::Sha1),
            32 => bytes.try_into().ok().map(Digest::Sha256),
            _ => None,
        }
    }

    /// From 32, 40 or 64 hexadecimal digits in any case.
    pub fn of_hex(hex: &[u8]) -> Option<Self> {
        match hex.len() {
            32 => unhex(hex).map(Digest::Md5),
            40 => unhex(hex).map(Digest::Sha1),
            64 => unhex(hex).map(Digest::Sha256),
            _ => None,
        }
    }
}

/// The value of each hexadecimal digit; 16 for all other bytes.
const NIBBLES: [u8; 256] = {
    let mut table = [16; 256];
    let mut i = 0u8;
    while i < 16 {
        if i < 10 {
            table[(b'0' + i) as usize] = i;
        } else {
            table[(b'a' - 10 + i) as usize] = i;
            table[(b'A' - 10 + i) as usize] = i;
        }
        i += 1;
    }
    table
};

fn unhex<const N: usize>(hex: &[u8]) -> Option<[u8; N]> {
    let mut out = [0; N];
    let mut bad = hex.len() != 2 * N;
    for (byte, pair) in out.iter_mut().zip(hex.as_chunks::<2>().0) {
        let [high, low] = pair.map(|digit| NIBBLES[usize::from(digit)]);
        bad |= (high | low) > 15;
        *byte = high << 4 | (low & 15);
    }
    (!bad).then_some(out)
}

/// What one line or record says of one file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Row {
    pub md5: Option<[u8; 16]>,
    pub sha1: Option<[u8; 20]>,
    pub sha256: Option<[u8; 32]>,
}

impl Row {
    pub fn add(&mut self, digest: Digest) {
        match digest {
            Digest::Md5(d) => self.md5 = Some(d),
            Digest::Sha1(d) => self.sha1 = Some(d),
            Digest::Sha256(d) => self.sha256 = Some(d),
        }
    }

    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl From<Digest> for Row {
    fn from(digest: Digest) -> Self {
        let mut row = Self::default();
        row.add(digest);
        row
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_and_digits_decide() {
        assert_eq!(Digest::of_hex("aB".repeat(16).as_bytes()), Some(Digest::Md5([0xab; 16])));
        assert_eq!(Digest::of_hex("09".repeat(20).as_bytes()), Some(Digest::Sha1([9; 20])));
        assert_eq!(Digest::of_hex("fF".repeat(32).as_bytes()), Some(Digest::Sha256([0xff; 32])));
        for bad in ["g".repeat(32), "/".repeat(40), "0".repeat(63), "@".repeat(64), "`".repeat(64), String::new()] {
            assert_eq!(Digest::of_hex(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn titles_name_kinds() {
        for (title, kind) in [
            ("SHA-1", Some(Kind::Sha1)),
            ("\"MD5\"", Some(Kind::Md5)),
            ("sha256_hash", Some(Kind::Sha256)),
            ("FileHash-SHA1", Some(Kind::Sha1)),
            ("key_hash", None),
            ("CRC32", None),
            ("sha512", None),
            ("hash", None),
        ] {
            assert_eq!(Kind::named(title), kind, "{title}");
        }
    }
}
