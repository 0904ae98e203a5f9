//! Names of the parts that a set was split into.

use crate::model::Name;

/// The base name without its last ending, safe to show.
pub(super) fn stem(name: &[u8]) -> String {
    let end = name.iter().rposition(|b| *b == b'.').unwrap_or(name.len());
    Name::from(&name[..end]).shown()
}

/// The number of a part named `NAME.001`.
pub(super) fn part(name: &[u8]) -> Option<u32> {
    let ending = name.rsplit(|b| *b == b'.').next().filter(|ending| ending.len() == 3)?;
    std::str::from_utf8(ending).ok()?.parse().ok()
}
