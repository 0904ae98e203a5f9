//! From the bytes of an indicator file to lines of text.

use std::borrow::Cow;

/// Longest line that is read, in bytes of UTF-8. Longer ones are rejected by number.
pub const MAX_LINE: usize = 64 * 1024;

/// Text of a file in UTF-8 (with or without byte order mark), UTF-16 (with mark, or recognisable by its
/// zero bytes) or, where it isn't UTF-8, Windows-1252. `None` where it is no text.
pub fn decode(bytes: &[u8]) -> Option<Cow<'_, str>> {
    let text = if let Some((encoding, mark)) = encoding_rs::Encoding::for_bom(bytes) {
        encoding.decode_without_bom_handling(bytes.get(mark..).unwrap_or_default()).0
    } else if let Some(encoding) = bare_utf16(bytes) {
        encoding.decode_without_bom_handling(bytes).0
    } else {
        match std::str::from_utf8(bytes) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0,
        }
    };
    // A stray control character spoils its line, not the file; more of them, or a zero, are no text.
    let strange = |c: &char| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{c}' | '\u{1a}');
    let sample = || text.chars().take(64 * 1024);
    let few = sample().filter(strange).count().saturating_mul(100) <= sample().count();
    (few && !sample().any(|c| c == '\0')).then_some(text)
}

/// UTF-16 without a mark: nearly every second byte of an ASCII text is zero.
fn bare_utf16(bytes: &[u8]) -> Option<&'static encoding_rs::Encoding> {
    let sample = bytes.get(..bytes.len().min(4096))?;
    let pairs = sample.len() / 2;
    if pairs < 4 {
        return None;
    }
    let zeros = |odd: usize| sample.chunks_exact(2).filter(|p| p.get(odd) == Some(&0)).count();
    let most = pairs * 9 / 10;
    match (zeros(0), zeros(1)) {
        (0, odd) if odd > most => Some(encoding_rs::UTF_16LE),
        (even, 0) if even > most => Some(encoding_rs::UTF_16BE),
        _ => None,
    }
}

/// Lines with their number from 1, without line end (LF, CRLF or CR), byte order mark and outer blanks.
pub fn lines(text: &str) -> impl Iterator<Item = (u64, &str)> {
    raw_lines(text).map(|(n, line)| (n, line.trim()))
}

/// [`lines`] with their outer blanks: in a table separated by tabs these are cells.
pub fn raw_lines(text: &str) -> impl Iterator<Item = (u64, &str)> + Clone {
    text.strip_prefix('\u{feff}')
        .unwrap_or(text)
        .split('\n')
        .flat_map(|line| {
            let line = line.strip_suffix('\r').unwrap_or(line);
            line.split('\r')
        })
        .zip(1u64..)
        .map(|(line, n)| (n, line))
}

/// The lines of a sample that carry something: no blanks, no comments, none too long.
pub fn entries(head: &[u8]) -> Vec<&str> {
    let text = std::str::from_utf8(head).unwrap_or_default();
    lines(text).map(|(_, l)| l).filter(|l| !l.is_empty() && !l.starts_with('#') && l.len() <= MAX_LINE).take(400).collect()
}

/// Whether enough of a sample is what a format expects: half of it, or one line where the name agrees.
pub fn convinces(good: usize, all: usize, name_agrees: bool) -> bool {
    good > 0 && (good.saturating_mul(2) >= all || name_agrees)
}

/// Whether a file name holds one of these words, in any case.
pub fn named(name: &[u8], words: &[&str]) -> bool {
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    words.iter().any(|w| name.contains(w))
}

/// Description lines of the signature-base formats: `# text` holds until the next one.
pub fn comment(line: &str) -> Option<&str> {
    line.strip_prefix('#').map(|c| c.trim_matches(|c: char| c == '#' || c.is_whitespace()))
}

/// Whether a comment says something, so that it can describe what follows (rulers and empty ones don't).
pub fn speaks(comment: &str) -> bool {
    comment.chars().any(char::is_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, big: bool, mark: bool) -> Vec<u8> {
        let mark = mark.then_some(0xfeffu16);
        mark.into_iter().chain(text.encode_utf16()).flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() }).collect()
    }

    #[test]
    fn every_encoding_gives_the_same_lines() {
        let text = "# one\r\nevil.com;80\r\n";
        for bytes in [
            text.as_bytes().to_vec(),
            [b"\xef\xbb\xbf", text.as_bytes()].concat(),
            utf16(text, false, true),
            utf16(text, true, true),
            utf16(text, false, false),
            utf16(text, true, false),
        ] {
            let decoded = decode(&bytes).expect("text");
            let got: Vec<_> = lines(&decoded).collect();
            assert_eq!(got, [(1, "# one"), (2, "evil.com;80"), (3, "")]);
        }
        assert_eq!(lines("a\rb").collect::<Vec<_>>(), [(1, "a"), (2, "b")]);
    }

    #[test]
    fn other_bytes_are_windows_1252_or_no_text() {
        assert_eq!(decode(b"caf\xe9").unwrap(), "caf\u{e9}");
        assert!(decode(b"\x7fELF\x02\x01\x01\0\0\0\0").is_none());
        assert!(decode(b"PK\x03\x04rest").is_none());
    }

    proptest::proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>) {
            if let Some(text) = decode(&bytes) {
                let _ = lines(&text).count();
            }
        }
    }
}
