//! Names as RAR stores them.

/// A name of RAR 1.5 to 4: with `encoded`, the plain name, NUL, and a UTF-16 name packed against it; UTF-8 where
/// there is no NUL. Folders are parted by `\`, which becomes `/`.
pub(super) fn rar4(field: &[u8], encoded: bool) -> Vec<u8> {
    let nul = field.iter().position(|b| *b == 0);
    let name = match nul {
        Some(end) if encoded => {
            let (plain, packed) = (&field[..end], &field[end + 1..]);
            utf16_units(unpacked(plain, packed).into_iter())
        }
        Some(end) => field[..end].to_vec(),
        None => field.to_vec(),
    };
    slashes(name)
}

pub(super) fn slashes(mut name: Vec<u8>) -> Vec<u8> {
    name.iter_mut().filter(|b| **b == b'\\').for_each(|b| *b = b'/');
    name
}

/// Little-endian UTF-16 as UTF-8; what is no character becomes U+FFFD.
pub(super) fn utf16(bytes: &[u8]) -> Vec<u8> {
    utf16_units(bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])))
}

fn utf16_units(units: impl Iterator<Item = u16>) -> Vec<u8> {
    let text: String = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    text.trim_end_matches('\0').as_bytes().to_vec()
}

/// RAR's packing of a wide name: two bits for each step say how its lower and upper bytes come about. Steps that
/// take from the plain name are at most 129 long, so the result is bounded by the field.
fn unpacked(plain: &[u8], packed: &[u8]) -> Vec<u16> {
    let mut out: Vec<u16> = Vec::new();
    let mut packed = packed.iter().copied();
    let Some(high) = packed.next() else { return out };
    let high = u16::from(high) << 8;
    let (mut flags, mut left) = (0_u8, 0_u32);
    // The name that is packed is as long as the plain one: what takes from behind its end is damaged.
    let same = |at: usize| plain.get(at).copied();
    loop {
        if left == 0 {
            let Some(next) = packed.next() else { return out };
            (flags, left) = (next, 8);
        }
        left -= 2;
        let step = flags >> left & 3;
        let Some(first) = packed.next() else { return out };
        match step {
            0 => out.push(u16::from(first)),
            1 => out.push(high | u16::from(first)),
            2 => {
                let Some(second) = packed.next() else { return out };
                out.push(u16::from(second) << 8 | u16::from(first));
            }
            _ => {
                let shift = match first & 0x80 {
                    0 => None,
                    _ => match packed.next() {
                        Some(shift) => Some(shift),
                        None => return out,
                    },
                };
                for _ in 0..usize::from(first & 0x7f).saturating_add(2) {
                    let Some(byte) = same(out.len()) else { break };
                    out.push(shift.map_or(u16::from(byte), |shift| high | u16::from(byte.wrapping_add(shift))));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_names() {
        // Step 1 four times with the upper byte 0x04, then two letters as they are, then three taken over.
        let packed = [0x04, 0b0101_0101, 0x43, 0x38, 0x38, 0x3e, 0b0000_1100, b'.', b't', 0x00];
        assert_eq!(rar4(&[&b"????.txt\0"[..], &packed].concat(), true), "уиио.txt".as_bytes());
        assert_eq!(rar4(b"a\\b.txt", true), b"a/b.txt");
        assert_eq!(rar4(b"a\\b\0more", false), b"a/b");
        for n in 0..packed.len() {
            let _ = unpacked(b"????.txt", &packed[..n]);
        }
        assert!(unpacked(b"", &[0, 0xff, 0xff, 0xff, 0xff, 0xff]).is_empty());
    }
}
