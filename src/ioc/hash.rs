//! Digests as indicator files write them, and the sorted sets they are looked up in.

use sha1::Digest as _;

use crate::model::Digests;

/// The digests that a scan computes and can compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HashKind {
    Md5,
    Sha1,
    Sha256,
}

impl HashKind {
    /// As in reason ids: `md5`, `sha1`, `sha256`.
    pub fn id(self) -> &'static str {
        match self {
            HashKind::Md5 => "md5",
            HashKind::Sha1 => "sha1",
            HashKind::Sha256 => "sha256",
        }
    }

    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            HashKind::Md5 => "MD5",
            HashKind::Sha1 => "SHA-1",
            HashKind::Sha256 => "SHA-256",
        }
    }

    /// The kind that a column title or a line prefix names, such as `SHA2-256` or `FileHash-MD5`.
    pub fn named(title: &str) -> Option<Self> {
        let mut t: String = title.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
        for word in ["filehash", "hash", "file", "checksum", "digest", "sum"] {
            t = t.replace(word, "");
        }
        match t.as_str() {
            "md5" => Some(HashKind::Md5),
            "sha1" | "sha" => Some(HashKind::Sha1),
            "sha256" | "sha2256" | "sha2" => Some(HashKind::Sha256),
            _ => None,
        }
    }
}

/// One digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HashValue {
    Md5([u8; 16]),
    Sha1([u8; 20]),
    Sha256([u8; 32]),
}

impl HashValue {
    /// 32, 40 or 64 hexadecimal digits in any case.
    pub fn parse(hex: &str) -> Option<Self> {
        match hex.len() {
            32 => unhex(hex).map(HashValue::Md5),
            40 => unhex(hex).map(HashValue::Sha1),
            64 => unhex(hex).map(HashValue::Sha256),
            _ => None,
        }
    }

    pub fn kind(&self) -> HashKind {
        match self {
            HashValue::Md5(_) => HashKind::Md5,
            HashValue::Sha1(_) => HashKind::Sha1,
            HashValue::Sha256(_) => HashKind::Sha256,
        }
    }
}

fn unhex<const N: usize>(hex: &str) -> Option<[u8; N]> {
    let mut out = [0; N];
    let digits = hex.as_bytes();
    for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        let high = char::from(*high).to_digit(16)?;
        let low = char::from(*low).to_digit(16)?;
        *byte = u8::try_from(high * 16 + low).ok()?;
    }
    (digits.len() == N * 2).then_some(out)
}

/// Why a word that was meant to be a digest can't be one of ours.
pub fn why_not(word: &str) -> String {
    let hex = word.bytes().all(|b| b.is_ascii_hexdigit());
    match word.len() {
        56 if hex => "a SHA-224; this scan computes MD5, SHA-1 and SHA-256".into(),
        96 if hex => "a SHA-384; this scan computes MD5, SHA-1 and SHA-256".into(),
        128 if hex => "a SHA-512; this scan computes MD5, SHA-1 and SHA-256".into(),
        n if hex => format!("{n} hexadecimal digits; MD5 has 32, SHA-1 40, SHA-256 64"),
        _ if word.split(':').count() == 3 && word.split(':').next().is_some_and(|n| n.parse::<u64>().is_ok()) => {
            "a fuzzy hash (ssdeep), which is not compared".into()
        }
        _ => "no MD5, SHA-1 or SHA-256".into(),
    }
}

/// All three digests of a content.
pub fn digests_of(content: &[u8]) -> [HashValue; 3] {
    [
        HashValue::Md5(md5::Md5::digest(content).into()),
        HashValue::Sha1(sha1::Sha1::digest(content).into()),
        HashValue::Sha256(sha2::Sha256::digest(content).into()),
    ]
}

/// Digests of one kind, sorted; several indicators may list the same one.
#[derive(Debug)]
struct Sorted<const N: usize>(Vec<([u8; N], u32)>);

impl<const N: usize> Sorted<N> {
    fn find(&self, digest: &[u8; N]) -> &[([u8; N], u32)] {
        let from = self.0.partition_point(|(d, _)| d < digest);
        let rest = self.0.get(from..).unwrap_or_default();
        let n = rest.partition_point(|(d, _)| d == digest);
        rest.get(..n).unwrap_or_default()
    }
}

impl<const N: usize> Default for Sorted<N> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

/// All listed digests with the indicators that list them.
#[derive(Debug, Default)]
pub struct HashSets {
    md5: Sorted<16>,
    sha1: Sorted<20>,
    sha256: Sorted<32>,
}

impl HashSets {
    pub fn add(&mut self, value: HashValue, indicator: u32) {
        match value {
            HashValue::Md5(d) => self.md5.0.push((d, indicator)),
            HashValue::Sha1(d) => self.sha1.0.push((d, indicator)),
            HashValue::Sha256(d) => self.sha256.0.push((d, indicator)),
        }
    }

    /// To be called once after the last [`HashSets::add`], before the first lookup.
    pub fn sort(&mut self) {
        self.md5.0.sort_unstable();
        self.sha1.0.sort_unstable();
        self.sha256.0.sort_unstable();
    }

    pub fn has_md5(&self) -> bool {
        !self.md5.0.is_empty()
    }

    pub fn has_sha1(&self) -> bool {
        !self.sha1.0.is_empty()
    }

    /// Indicators by kind, strongest digest first; kinds without a hit are left out.
    pub fn find(&self, digests: &Digests) -> Vec<(HashKind, Vec<u32>)> {
        let mut out = Vec::new();
        let mut add = |kind, ids: Vec<u32>| {
            if !ids.is_empty() {
                out.push((kind, ids));
            }
        };
        if let Some(d) = &digests.sha256 {
            add(HashKind::Sha256, self.sha256.find(d).iter().map(|(_, i)| *i).collect());
        }
        if let Some(d) = &digests.sha1 {
            add(HashKind::Sha1, self.sha1.find(d).iter().map(|(_, i)| *i).collect());
        }
        if let Some(d) = &digests.md5 {
            add(HashKind::Md5, self.md5.find(d).iter().map(|(_, i)| *i).collect());
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_and_digits_decide() {
        assert_eq!(HashValue::parse(&"aB".repeat(16)), Some(HashValue::Md5([0xab; 16])));
        assert_eq!(HashValue::parse(&"0".repeat(40)).unwrap().kind(), HashKind::Sha1);
        assert_eq!(HashValue::parse(&"0".repeat(64)).unwrap().kind(), HashKind::Sha256);
        assert_eq!(HashValue::parse(&"g".repeat(32)), None);
        assert_eq!(HashValue::parse(&"é".repeat(16)), None);
        assert_eq!(HashValue::parse("abc"), None);
        assert!(why_not(&"0".repeat(128)).contains("SHA-512"));
        assert!(why_not("96:abc:def").contains("ssdeep"));
        assert!(why_not("0123").contains("4 hexadecimal digits"));
    }

    #[test]
    fn titles_name_kinds() {
        for (title, kind) in [
            ("SHA-256", Some(HashKind::Sha256)),
            ("FileHash-SHA1", Some(HashKind::Sha1)),
            ("md5sum", Some(HashKind::Md5)),
            ("sha256_hash", Some(HashKind::Sha256)),
            ("SHA2-256", Some(HashKind::Sha256)),
            ("sha512", None),
            ("imphash", None),
            ("hash", None),
        ] {
            assert_eq!(HashKind::named(title), kind, "{title}");
        }
    }

    #[test]
    fn every_indicator_of_a_digest_is_found() {
        let mut sets = HashSets::default();
        let [md5, _, sha256] = digests_of(b"content");
        for (value, id) in [(sha256, 7), (md5, 1), (sha256, 3), (digests_of(b"other")[2], 5)] {
            sets.add(value, id);
        }
        sets.sort();
        let HashValue::Sha256(d) = sha256 else { panic!() };
        let digests = Digests { sha256: Some(d), ..Digests::default() };
        assert_eq!(sets.find(&digests), [(HashKind::Sha256, vec![3, 7])]);
        assert!(sets.has_md5() && !sets.has_sha1());
        assert!(sets.find(&Digests { sha256: Some([0; 32]), ..Digests::default() }).is_empty());
    }
}
