//! Transfer encodings (RFC 2045 §6), undone as mail programs do it: what doesn't belong there is passed over.

/// How a part is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// 7bit, 8bit, binary, or nothing said.
    Plain,
    Base64,
    QuotedPrintable,
}

impl Encoding {
    /// By the value of `Content-Transfer-Encoding`.
    pub fn of(value: Option<&str>) -> Self {
        match value.map(str::trim) {
            Some(name) if name.eq_ignore_ascii_case("base64") => Self::Base64,
            Some(name) if name.eq_ignore_ascii_case("quoted-printable") => Self::QuotedPrintable,
            _ => Self::Plain,
        }
    }
}

/// The content, never longer than what is written; and whether all of it was written by the rules.
pub fn decode(encoding: Encoding, text: &[u8]) -> (Vec<u8>, bool) {
    match encoding {
        Encoding::Plain => (text.to_vec(), true),
        Encoding::Base64 => base64(text),
        Encoding::QuotedPrintable => quoted_printable(text),
    }
}

/// Characters outside the alphabet are passed over (§6.8); padding ends a group, and another one may follow.
fn base64(text: &[u8]) -> (Vec<u8>, bool) {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let mut sound = true;
    let (mut bits, mut held) = (0_u32, 0_u32);
    for byte in text {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => {
                (bits, held) = (0, 0);
                continue;
            }
            _ => {
                sound &= byte.is_ascii_whitespace();
                continue;
            }
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    // A group of one character is none.
    (out, sound && held < 6)
}

/// `=` and two digits, or `=` at the end of a line; blanks before the end of a line are not content (§6.7).
fn quoted_printable(text: &[u8]) -> (Vec<u8>, bool) {
    let mut out = Vec::with_capacity(text.len());
    let mut sound = true;
    for line in text.split_inclusive(|b| *b == b'\n') {
        let end = match line {
            [.., b'\r', b'\n'] => 2,
            [.., b'\n'] => 1,
            _ => 0,
        };
        let (line, end) = line.split_at(line.len().saturating_sub(end));
        let line = line.trim_ascii_end();
        let (line, soft) = line.strip_suffix(b"=").map_or((line, false), |line| (line, true));
        let mut rest = line;
        while let Some((byte, behind)) = rest.split_first() {
            let digits = behind.first_chunk::<2>().map(|[high, low]| (digit(*high), digit(*low)));
            rest = behind;
            match (byte, digits) {
                (b'=', Some((Some(high), Some(low)))) => {
                    out.push(high << 4 | low);
                    rest = behind.get(2..).unwrap_or_default();
                }
                (b'=', _) => {
                    sound = false;
                    out.push(b'=');
                }
                (byte, _) => out.push(*byte),
            }
        }
        if !soft {
            out.extend_from_slice(end);
        }
    }
    (out, sound)
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|n| u8::try_from(n).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_as_programs_read_it() {
        let of = |text: &str| decode(Encoding::Base64, text.as_bytes());
        for (text, content, sound) in [
            ("UGF0aWVudA==", &b"Patient"[..], true),
            ("UGF0\r\n aWVudA", b"Patient", true),
            ("UGF0*aWVudA==", b"Patient", false),
            ("UGE=UGE=", b"PaPa", true),
            ("UGF0U", b"Pat", false),
            ("", b"", true),
        ] {
            assert_eq!(of(text), (content.to_vec(), sound), "{text}");
        }
    }

    #[test]
    fn quoted_printable_as_programs_read_it() {
        let of = |text: &str| decode(Encoding::QuotedPrintable, text.as_bytes());
        for (text, content, sound) in [
            ("a=3Db=C3=bc\r\n", &b"a=b\xc3\xbc\r\n"[..], true),
            ("one =\r\nline  \nnext\t", b"one line\nnext", true),
            ("=ZZ and = alone", b"=ZZ and = alone", false),
            ("=4", b"=4", false),
            ("=\n=", b"", true),
        ] {
            assert_eq!(of(text), (content.to_vec(), sound), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_grows(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            for encoding in [Encoding::Plain, Encoding::Base64, Encoding::QuotedPrintable] {
                proptest::prop_assert!(decode(encoding, &bytes).0.len() <= bytes.len());
            }
        }
    }
}
