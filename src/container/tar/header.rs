//! One 512-byte tar header: POSIX.1-1988 ustar, GNU, and the v7 form before both.

use crate::model::Time;

pub(super) const BLOCK: usize = 512;

/// A header whose checksum agrees.
#[derive(Clone)]
pub(super) struct Header(Box<[u8; BLOCK]>);

impl Header {
    /// Nothing where the checksum field doesn't match the sum of the bytes (as unsigned or, in old archives,
    /// as signed numbers; the field itself counts as spaces).
    pub(super) fn parse(block: &[u8; BLOCK]) -> Option<Self> {
        let stored = octal(&block[148..156])?;
        let (mut unsigned, mut signed) = (0_i64, 0_i64);
        for (i, byte) in block.iter().enumerate() {
            let byte = if (148..156).contains(&i) { b' ' } else { *byte };
            unsigned += i64::from(byte);
            signed += i64::from(byte as i8);
        }
        let stored = i64::try_from(stored).ok()?;
        // A sum of spaces alone is a block of zeros with a checksum field of spaces and digits: no header.
        let blank = block[..148].iter().all(|b| *b == 0);
        ((stored == unsigned || stored == signed) && !blank).then(|| Self(Box::new(*block)))
    }

    pub(super) fn kind(&self) -> u8 {
        self.0[156]
    }

    /// Stored size of the data; none where the field holds no number.
    pub(super) fn size(&self) -> Option<u64> {
        number(&self.0[124..136])
    }

    /// Name with the ustar prefix, as stored.
    pub(super) fn name(&self) -> Vec<u8> {
        let name = text(&self.0[..100]);
        let prefix = if self.0[257..263] == *b"ustar\0" { text(&self.0[345..500]) } else { b"" };
        if prefix.is_empty() { name.to_vec() } else { [prefix, b"/", name].concat() }
    }

    pub(super) fn mode(&self) -> Option<u64> {
        number(&self.0[100..108])
    }

    pub(super) fn uid(&self) -> Option<u64> {
        number(&self.0[108..116])
    }

    pub(super) fn gid(&self) -> Option<u64> {
        number(&self.0[116..124])
    }

    pub(super) fn mtime(&self) -> Option<Time> {
        number(&self.0[136..148]).and_then(|s| i64::try_from(s).ok()).map(Time::from_seconds)
    }

    /// Old GNU sparse (type `S`): four segments, whether more follow, and the real size.
    pub(super) fn sparse(&self) -> (Vec<(u64, u64)>, bool, Option<u64>) {
        (segments(&self.0[386..482]), self.0[482] != 0, number(&self.0[483..495]))
    }
}

/// Offset and length pairs of a GNU sparse map, up to the first empty field.
pub(super) fn segments(fields: &[u8]) -> Vec<(u64, u64)> {
    let pairs = fields.chunks_exact(24);
    pairs.map_while(|pair| Some((filled(&pair[..12])?, filled(&pair[12..])?))).collect()
}

fn filled(field: &[u8]) -> Option<u64> {
    if field.first() == Some(&0) { None } else { number(field) }
}

/// Up to the first NUL.
fn text(field: &[u8]) -> &[u8] {
    &field[..memchr::memchr(0, field).unwrap_or(field.len())]
}

/// Octal digits between spaces and NULs; empty counts as 0.
fn octal(field: &[u8]) -> Option<u64> {
    let digits = field.trim_ascii_start();
    let end = digits.iter().position(|b| !b.is_ascii_digit()).unwrap_or(digits.len());
    if digits[end..].iter().any(|b| *b != 0 && *b != b' ') && digits.get(end).is_none_or(|b| *b != 0 && *b != b' ') {
        return None;
    }
    digits[..end].iter().try_fold(0_u64, |n, b| {
        let digit = b.checked_sub(b'0').filter(|d| *d < 8)?;
        n.checked_mul(8)?.checked_add(u64::from(digit))
    })
}

/// Octal, or GNU base-256 (first bit set); negative numbers are none.
fn number(field: &[u8]) -> Option<u64> {
    match field.first() {
        Some(first) if first & 0x80 != 0 => {
            if first & 0x40 != 0 {
                return None;
            }
            let start = u64::from(first & 0x3f);
            field[1..].iter().try_fold(start, |n, b| n.checked_mul(256)?.checked_add(u64::from(*b)))
        }
        _ => octal(field),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!(number(b"00000001750\0"), Some(1000));
        assert_eq!(number(b"   1750 \0   "), Some(1000));
        assert_eq!(number(b"\0\0\0\0"), Some(0));
        assert_eq!(number(b"12x4567\0"), None);
        assert_eq!(number(&[0x80, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]), Some(1 << 32));
        assert_eq!(number(&[0xff; 12]), None, "negative");
        assert_eq!(number(&[0x80, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), None, "too large");
    }

    #[test]
    fn zeros_and_noise_are_no_header() {
        assert!(Header::parse(&[0; BLOCK]).is_none());
        assert!(Header::parse(&[b'7'; BLOCK]).is_none());
    }
}
