//! Names of the volumes of a set, as bytes: they are looked for beside each other.

use crate::model::Name;

/// The base name without its last ending.
pub(super) fn stem(name: &[u8]) -> &[u8] {
    let end = name.iter().rposition(|b| *b == b'.').unwrap_or(name.len());
    &name[..end]
}

/// The last ending, without its dot.
pub(super) fn ending(name: &[u8]) -> &[u8] {
    name.iter().rposition(|b| *b == b'.').map_or(&[][..], |dot| &name[dot.saturating_add(1)..])
}

/// The number that these digits are.
pub(super) fn number(digits: &[u8]) -> Option<u32> {
    let all = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits).ok().filter(|_| all)?.parse().ok()
}

/// The number of a part named `NAME.001`.
pub(super) fn part(name: &[u8]) -> Option<u32> {
    number(Some(ending(name)).filter(|ending| matches!(ending.len(), 3 | 4))?)
}

/// The part of this number of the same set.
pub(super) fn numbered(name: &[u8], number: u32) -> Vec<u8> {
    with_ending(stem(name), &format!("{number:03}"))
}

/// The same stem with another ending.
pub(super) fn with_ending(stem: &[u8], ending: &str) -> Vec<u8> {
    [stem, b".", ending.as_bytes()].concat()
}

/// `ending` in the case of the letters of `own` first, then in the other: not every system tells them apart.
pub(super) fn cased(stem: &[u8], own: &[u8], ending: &str) -> Vec<Vec<u8>> {
    let mut both = [ending.to_ascii_lowercase(), ending.to_ascii_uppercase()];
    if own.iter().any(u8::is_ascii_uppercase) {
        both.reverse();
    }
    both.iter().map(|ending| with_ending(stem, ending)).collect()
}

/// Safe to show.
pub(super) fn shown(name: &[u8]) -> String {
    Name::from(name).shown()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_parts() {
        assert_eq!((part(b"x.7z.001"), part(b"x.7z.1000"), part(b"x.zip.099")), (Some(1), Some(1000), Some(99)));
        for none in [&b"x.7z"[..], b"x.+12", b"x.01", b"001", b"x.", b"", b"x.0a1"] {
            assert_eq!(part(none), None, "{none:?}");
        }
        assert_eq!(numbered(b"x.7z.001", 2), b"x.7z.002");
        assert_eq!(numbered(b"x.7z.999", 1000), b"x.7z.1000");
        assert_eq!(cased(b"X", b"ZIP", "z01"), [b"X.Z01", b"X.z01"]);
    }
}
