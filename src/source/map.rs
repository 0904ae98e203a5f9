//! Where a mounted volume really lived: `--map /mnt/evidence=C:`.

use crate::model::Name;

/// Mount prefixes and the drives they stand for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathMap {
    /// (prefix without trailing `/`, drive as `C:`), longest prefix first.
    pairs: Vec<(Vec<u8>, Vec<u8>)>,
}

impl PathMap {
    /// Adds one pair. `drive` is what replaces the prefix: `C:`, or any root such as `\\SERVER\Share`.
    pub fn insert(&mut self, prefix: &[u8], drive: &[u8]) {
        let trim = |b: &[u8]| {
            let end = b.iter().rposition(|c| *c != b'/' && *c != b'\\').map_or(0, |i| i + 1);
            b[..end].to_vec()
        };
        self.pairs.push((trim(prefix), trim(drive)));
        self.pairs.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.cmp(b)));
    }

    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// The path on the system the volume came from, with backslashes.
    pub fn origin(&self, path: &[u8]) -> Option<Name> {
        let (drive, rest) = self.pairs.iter().find_map(|(prefix, drive)| {
            let rest = path.strip_prefix(prefix.as_slice())?;
            let border = rest.first().is_none_or(|b| *b == b'/' || (cfg!(windows) && *b == b'\\'));
            border.then_some((drive, rest))
        })?;
        let mut out = drive.clone();
        if rest.is_empty() {
            out.push(b'\\');
        }
        out.extend(rest.iter().map(|b| if *b == b'/' { b'\\' } else { *b }));
        Some(out.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_wins_and_borders_hold() {
        let mut map = PathMap::default();
        map.insert(b"/mnt/e/", b"C:\\");
        map.insert(b"/mnt/e/data", b"D:");
        let origin = |p: &str| map.origin(p.as_bytes()).map(|n| n.shown());
        assert_eq!(origin("/mnt/e/Users/x.txt").as_deref(), Some("C:\\Users\\x.txt"));
        assert_eq!(origin("/mnt/e/data/y").as_deref(), Some("D:\\y"));
        assert_eq!(origin("/mnt/e").as_deref(), Some("C:\\"));
        assert_eq!(origin("/mnt/evil/x"), None);
    }

    #[test]
    fn the_root_can_be_mapped() {
        let mut map = PathMap::default();
        map.insert(b"/", b"C:");
        assert_eq!(map.origin(b"/a").map(|n| n.shown()).as_deref(), Some("C:\\a"));
    }
}
