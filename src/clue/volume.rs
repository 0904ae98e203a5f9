//! The end of a 7-Zip archive that was cut into volumes: only the last one holds the archive's header
//! (7zFormat.txt, "EncodedHeader": property 17, then 06 for the packed streams; the coder's id names AES).

use std::sync::LazyLock;

use memchr::memmem;
use regex::Regex;

/// Names of volumes, lower case: RAR (`.part1.rar`, `.r00`), zip (`.z01`), 7-Zip and plain splitting (`.001`), rclone's
/// chunker; the stem, and the number in one of the groups `a` to `e`.
pub static VOLUME: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"^(?<stem>.+)\.(?:part(?<a>\d{1,5})\.(?:rar|exe)|r(?<b>\d{2,3})|z(?<c>\d{2,3})|rclone_chunk\.(?<d>\d{3,5})|(?<e>\d{3}))$",
    )
    .expect("a constant")
});

/// Whether a file is called like one volume of a set.
pub fn is_volume(name: &[u8]) -> bool {
    VOLUME.is_match(&String::from_utf8_lossy(name).to_lowercase())
}

/// Bytes of the longest encoded header that is looked at.
const LOOK: usize = 1024;
/// `kEncodedHeader`, `kPackInfo`.
const ENCODED: &[u8] = &[0x17, 0x06];
/// 7zAES in the list of methods.
const AES: &[u8] = &[0x06, 0xf1, 0x07, 0x01];

/// Whether the bytes end in an encoded header that AES encrypts: then names are hidden, too.
pub fn locked_end(bytes: &[u8]) -> bool {
    let end = bytes.get(bytes.len().saturating_sub(LOOK)..).unwrap_or_default();
    // An archive that is whole says it by its own header; properties end with zeros (`kEnd`).
    if bytes.starts_with(b"7z\xbc\xaf\x27\x1c") || !end.ends_with(&[0, 0]) {
        return false;
    }
    memmem::rfind_iter(end, ENCODED).take(8).any(|at| end.get(at..).is_some_and(|header| memmem::find(header, AES).is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_of_a_locked_set() {
        let mut last = vec![0x5a; 3000];
        last.extend([
            0x17, 0x06, 0x8f, 1, 9, 0x20, 0, 7, 0x0b, 1, 0, 1, 0x24, 0x06, 0xf1, 0x07, 0x01, 0x0a, 0x53, 7, 0x0c, 0x30, 0, 0,
        ]);
        assert!(locked_end(&last));
        assert!(!locked_end(&last[..last.len() - 1]) && !locked_end(&[&last[..], b"x"].concat()));
        let plain = [&last[..3000], &[0x17, 0x06, 0x8f, 1, 9, 0x20, 0, 7, 0x0b, 1, 0, 1, 0x23, 3, 1, 1, 5, 0, 0]].concat();
        assert!(!locked_end(&plain) && !locked_end(b"") && !locked_end(&[0; 64]));
    }
}
