//! What an object is, from its bytes and never from its name.

use std::borrow::Cow;

use file_format::FileFormat;

/// Bytes at the start that decide the type.
pub const HEAD: usize = 64 << 10;

/// A short name of the type: `pe`, `mz`, `elf`, the usual extension of the format (`zip`, `pdf`, …), or `text`,
/// `data`, `empty`. `head` is the first [`HEAD`] bytes, or all of them.
pub fn file_type(head: &[u8]) -> Cow<'static, str> {
    if head.is_empty() {
        return "empty".into();
    }
    if head.starts_with(b"MZ") {
        return if is_pe(head) { "pe".into() } else { "mz".into() };
    }
    if head.starts_with(b"\x7fELF") {
        return "elf".into();
    }
    match FileFormat::from_bytes(head) {
        FileFormat::ArbitraryBinaryData | FileFormat::PlainText | FileFormat::Empty => {
            if is_text(head) {
                "text".into()
            } else {
                "data".into()
            }
        }
        known => known.extension().to_owned().into(),
    }
}

/// `PE\0\0` where the DOS header points (PE/COFF, section 2.1 "MS-DOS Stub").
fn is_pe(head: &[u8]) -> bool {
    let at = head.get(0x3c..0x40).and_then(|b| <[u8; 4]>::try_from(b).ok()).map(u32::from_le_bytes);
    at.and_then(|at| head.get(at as usize..)).is_some_and(|rest| rest.starts_with(b"PE\0\0"))
}

/// Text: UTF-8 (a cut last character is fine) or UTF-16 with a byte-order mark, or single-byte text, without
/// control characters that text doesn't hold.
fn is_text(head: &[u8]) -> bool {
    if head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]) {
        return true;
    }
    let sample = &head[..head.len().min(8192)];
    let odd = sample.iter().filter(|b| matches!(**b, 0..=8 | 14..=26 | 28..=31 | 127)).count();
    odd == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_decide() {
        assert_eq!(file_type(b""), "empty");
        assert_eq!(file_type(b"hello, world\n"), "text");
        assert_eq!(file_type(b"PK\x03\x04\x14\x00"), "zip");
        assert_eq!(file_type(b"7z\xbc\xaf\x27\x1c\0\x04"), "7z");
        assert_eq!(file_type(b"Rar!\x1a\x07\x01\x00"), "rar");
        assert_eq!(file_type(b"\x1f\x8b\x08\x00"), "gz");
        assert_eq!(file_type(b"%PDF-1.7\n"), "pdf");
        assert_eq!(file_type(b"\x7fELF\x02\x01\x01"), "elf");
        assert_eq!(file_type(b"\x00\x01\x02\x03\xff"), "data");
        assert_eq!(file_type(b"MZ"), "mz");
    }

    #[test]
    fn a_pe_is_told_from_a_dos_program() {
        let mut pe = vec![0; 0x100];
        pe[..2].copy_from_slice(b"MZ");
        pe[0x3c] = 0x80;
        pe[0x80..0x84].copy_from_slice(b"PE\0\0");
        assert_eq!(file_type(&pe), "pe");
        pe[0x3c..0x40].copy_from_slice(&[0xff; 4]);
        assert_eq!(file_type(&pe), "mz");
    }
}
