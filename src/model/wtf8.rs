//! Names of Windows as bytes: WTF-8, which is UTF-8 that also holds unpaired surrogates (simonsapin.github.io/wtf-8).
//!
//! A name there is any sequence of 16-bit units but a few, so that UTF-8 alone can't hold every one.

/// 16-bit units as bytes; nothing is lost.
pub fn encode(units: &[u16]) -> Vec<u8> {
    let mut out = Vec::with_capacity(units.len());
    for unit in char::decode_utf16(units.iter().copied()) {
        match unit {
            Ok(c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            Err(lone) => {
                let [high, low] = lone.unpaired_surrogate().to_be_bytes();
                out.extend_from_slice(&[0xe0 | high >> 4, 0x80 | (high & 0x0f) << 2 | low >> 6, 0x80 | low & 0x3f]);
            }
        }
    }
    out
}

/// The units of WTF-8; none where the bytes are something else.
pub fn decode(bytes: &[u8]) -> Option<Vec<u16>> {
    let mut units = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    loop {
        let bad = match std::str::from_utf8(rest) {
            Ok(text) => {
                units.extend(text.encode_utf16());
                return Some(units);
            }
            Err(e) => {
                let (good, bad) = rest.split_at(e.valid_up_to());
                units.extend(std::str::from_utf8(good).ok()?.encode_utf16());
                bad
            }
        };
        let [0xed, middle @ 0xa0..=0xbf, last @ 0x80..=0xbf, tail @ ..] = bad else { return None };
        units.push(0xd000 | u16::from(middle & 0x3f) << 6 | u16::from(last & 0x3f));
        rest = tail;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pairs_are_utf8_and_lone_halves_survive() {
        assert_eq!(encode(&[0x61, 0xd83d, 0xde00]), "a😀".as_bytes());
        assert_eq!(encode(&[0xd800, 0x62]), b"\xed\xa0\x80b");
        assert_eq!(decode(b"\xed\xbf\xbfz"), Some(vec![0xdfff, 0x7a]));
        assert_eq!(decode(b"a\xff"), None);
        assert_eq!(decode(b"\xed\xa0"), None);
    }

    proptest! {
        #[test]
        fn every_name_comes_back(units in prop::collection::vec(any::<u16>(), 0..40)) {
            prop_assert_eq!(decode(&encode(&units)), Some(units));
        }
    }
}
