//! Paths of URLs in one spelling, as RFC 3986 section 6.2.2 compares them.
//!
//! Percent-encoded letters that need no encoding are decoded, the digits of the others are upper case, and
//! what a text around the URL did to it is undone: `\/` and `\u0026` of JSON, `&amp;` of HTML, and the second
//! encoding of a URL that is the parameter of another.

/// Bytes that one byte of a path takes at most in the spellings that are understood.
pub const MOST: usize = 6;

/// The path at the start of `raw`, with query, in its one spelling: at most `limit` bytes of it.
pub fn canonical(raw: &[u8], limit: usize) -> Vec<u8> {
    match raw {
        [b'%', b'2', b'F' | b'f', ..] | [b'%', b'3', b'F' | b'f', ..] => spell(&decoded(raw, limit.saturating_mul(3)), limit),
        _ => spell(raw, limit),
    }
}

/// Whether a path, or its spelling inside of JSON or another URL, starts here.
pub fn starts(raw: &[u8]) -> bool {
    matches!(raw, [b'/' | b'?' | b'#', ..] | [b'\\', b'/', ..] | [b'%', b'2' | b'3', b'F' | b'f', ..])
}

/// What is behind a port, where there is one.
pub fn behind_port(raw: &[u8]) -> &[u8] {
    let digits = match raw {
        [b':', rest @ ..] | [b'%', b'3', b'A' | b'a', rest @ ..] => rest,
        _ => return raw,
    };
    let n = digits.iter().take(5).take_while(|b| b.is_ascii_digit()).count();
    if n == 0 { raw } else { digits.get(n..).unwrap_or_default() }
}

fn spell(raw: &[u8], limit: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(limit.min(256));
    let mut rest = raw;
    while out.len() < limit {
        let (byte, used, escaped) = match rest {
            [b'%', high, low, ..] if let Some(byte) = pair(*high, *low) => (byte, 3, true),
            [b'\\', b'/', ..] => (b'/', 2, false),
            [b'\\', b'u' | b'U', b'0', b'0', high, low, ..] if let Some(byte) = pair(*high, *low) => (byte, 6, false),
            [b'&', b'a', b'm', b'p', b';', ..] => (b'&', 5, false),
            [0..=b' ' | 0x7f | b'"' | b'<' | b'>' | b'\\' | b'`', ..] | [] => break,
            [byte, ..] => (*byte, 1, false),
        };
        let plain = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        if byte >= 0x80 || (escaped && !plain) {
            const HEX: &[u8; 16] = b"0123456789ABCDEF";
            let digit = |n: u8| HEX.get(usize::from(n)).copied().unwrap_or(b'0');
            out.extend([b'%', digit(byte >> 4), digit(byte & 15)]);
        } else {
            out.push(byte);
        }
        rest = rest.get(used..).unwrap_or_default();
    }
    out
}

/// One level of percent-encoding taken back, up to what can't be part of it.
fn decoded(raw: &[u8], limit: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = raw;
    while out.len() < limit {
        match rest {
            [b'%', high, low, tail @ ..] if let Some(byte) = pair(*high, *low) => {
                out.push(byte);
                rest = tail;
            }
            [b'&' | 0..=b' ' | b'"' | b'<' | b'>' | b'\\', ..] | [] => break,
            [byte, tail @ ..] => {
                out.push(*byte);
                rest = tail;
            }
        }
    }
    out
}

/// The byte that two hexadecimal digits stand for.
pub fn pair(high: u8, low: u8) -> Option<u8> {
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    Some(digit(high)? << 4 | digit(low)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_path() {
        for raw in [
            "/a%20b/~x?q=1&r=%2F",
            "/%61%20b/%7ex?q=1&amp;r=%2f rest",
            r"\/a%20b\/~x?q=1\u0026r=%2F",
            "%2Fa%2520b%2F~x%3Fq%3D1%26r%3D%252F&next=1",
        ] {
            assert_eq!(String::from_utf8(canonical(raw.as_bytes(), 100)).unwrap(), "/a%20b/~x?q=1&r=%2F", "{raw}");
        }
        assert_eq!(canonical("/ä\"".as_bytes(), 100), b"/%C3%A4");
        assert_eq!(canonical(b"/Abc", 100), b"/Abc");
        assert_eq!(behind_port(b":8080/x"), b"/x");
        assert_eq!(behind_port(b":/x"), b":/x");
    }

    proptest::proptest! {
        #[test]
        fn any_bytes(raw: Vec<u8>, limit in 0usize..50) {
            proptest::prop_assert!(canonical(&raw, limit).len() <= limit + 2);
        }
    }
}
