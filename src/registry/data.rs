//! Values and what they hold, as texts to compare.

use std::borrow::Cow;

const REG_SZ: u32 = 1;
const REG_EXPAND_SZ: u32 = 2;
const REG_DWORD: u32 = 4;
const REG_DWORD_BIG_ENDIAN: u32 = 5;
const REG_LINK: u32 = 6;
const REG_MULTI_SZ: u32 = 7;
const REG_QWORD: u32 = 11;

/// Bytes of a value that are compared.
pub(super) const MAX_DATA: usize = 1 << 20;

/// One value of a key.
#[derive(Clone, Debug)]
pub struct Value<'a> {
    /// Empty for the key's default value.
    pub name: Cow<'a, str>,
    /// As the registry numbers types (`winnt.h`): 1 for `REG_SZ`, 4 for `REG_DWORD`, ….
    pub kind: u32,
    pub(super) raw: Raw<'a>,
}

/// Where the bytes are.
#[derive(Clone, Debug)]
pub(super) enum Raw<'a> {
    Bytes(Cow<'a, [u8]>),
    /// Segments of a large value, and the bytes in all.
    Segments(Vec<&'a [u8]>, usize),
}

impl Raw<'_> {
    fn bytes(&self) -> Cow<'_, [u8]> {
        match self {
            Raw::Bytes(bytes) => Cow::Borrowed(bytes.get(..bytes.len().min(MAX_DATA)).unwrap_or_default()),
            Raw::Segments(segments, size) => {
                let mut out = Vec::new();
                let most = (*size).min(MAX_DATA);
                for segment in segments {
                    let room = most.saturating_sub(out.len());
                    out.extend_from_slice(segment.get(..segment.len().min(room)).unwrap_or_default());
                }
                Cow::Owned(out)
            }
        }
    }
}

impl Value<'_> {
    /// The spellings of what the value holds. Numbers as decimal and as `0x…`, also with eight or sixteen digits;
    /// lists as each of their texts; everything else as hexadecimal, plain and separated by blanks and commas.
    pub fn texts(&self) -> Vec<String> {
        let bytes = self.raw.bytes();
        let number = |n: Option<u64>, width: usize| {
            n.map(|n| vec![n.to_string(), format!("{n:#x}"), format!("0x{n:0width$x}"), format!("{n:0width$x}")])
        };
        let numbers = match self.kind {
            REG_SZ | REG_EXPAND_SZ | REG_LINK => return vec![until_nul(&wide(&bytes)).to_owned()],
            REG_MULTI_SZ => {
                let text = wide(&bytes);
                let texts = text.trim_end_matches('\0').split('\0');
                return texts.filter(|t| !t.is_empty()).map(str::to_owned).collect();
            }
            REG_DWORD => number(bytes.as_ref().try_into().ok().map(u32::from_le_bytes).map(u64::from), 8),
            REG_DWORD_BIG_ENDIAN => number(bytes.as_ref().try_into().ok().map(u32::from_be_bytes).map(u64::from), 8),
            REG_QWORD => number(bytes.as_ref().try_into().ok().map(u64::from_le_bytes), 16),
            _ => None,
        };
        numbers.unwrap_or_else(|| {
            let joined = |by: &str| bytes.iter().map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(by);
            vec![joined(""), joined(" "), joined(",")]
        })
    }
}

/// UTF-16LE as text; what is no UTF-16 is replaced.
pub(super) fn wide(bytes: &[u8]) -> String {
    let units = bytes.chunks_exact(2).filter_map(|p| p.try_into().ok()).map(u16::from_le_bytes);
    char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// Bytes as Latin-1, as hives store names that fit.
pub(super) fn narrow(bytes: &[u8]) -> String {
    bytes.iter().map(|b| char::from(*b)).collect()
}

fn until_nul(text: &str) -> &str {
    text.split('\0').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(kind: u32, bytes: &[u8]) -> Vec<String> {
        Value { name: "".into(), kind, raw: Raw::Bytes(bytes.into()) }.texts()
    }

    #[test]
    fn each_type() {
        assert_eq!(texts(REG_SZ, b"a\0b\0\0\0c\0"), ["ab"]);
        assert_eq!(texts(REG_MULTI_SZ, b"a\0\0\0b\0c\0\0\0\0\0"), ["a", "bc"]);
        assert_eq!(texts(REG_DWORD, &[16, 0, 0, 0]), ["16", "0x10", "0x00000010", "00000010"]);
        assert_eq!(texts(REG_QWORD, &[1, 0, 0, 0, 0, 0, 0, 0])[2], "0x0000000000000001");
        assert_eq!(texts(3, &[1, 0xab]), ["01ab", "01 ab", "01,ab"]);
        // A number of the wrong length is no number.
        assert_eq!(texts(REG_DWORD, &[16])[0], "10");
    }
}
