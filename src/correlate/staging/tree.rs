//! Copies of folders: files of patient data below one folder that was put where intruders put things are one subject,
//! however deep they lie.

use super::super::place::{normal, place};
use crate::model::Name;

/// Folders below a place, itself counted, up to which a file belongs to what was put there.
const MAX_DEPTH: usize = 7;

/// The folder that stands for all below it: the first below a place that intruders use; elsewhere the folder itself.
pub fn top(folder: &[u8]) -> Vec<u8> {
    let ends: Vec<usize> = (1..=folder.len()).filter(|end| matches!(folder.get(*end), None | Some(b'/' | b'\\'))).collect();
    let is_place = |end: usize| {
        let mut file = folder.get(..end).unwrap_or_default().to_vec();
        file.extend_from_slice(b"/x");
        place(&normal(&Name::from(file))).is_some()
    };
    // The deepest place counts: evidence may be mounted below one, and what lies far below is another's.
    let places: Vec<bool> = ends.iter().map(|end| is_place(*end)).collect();
    let starts =
        |i: &usize| places.get(*i) == Some(&true) && i.checked_sub(1).and_then(|before| places.get(before)) != Some(&true);
    let base = (0..places.len()).rev().find(starts).filter(|base| ends.len().saturating_sub(*base) <= MAX_DEPTH);
    let Some(base) = base else { return folder.to_vec() };
    let end = ends.get(base.saturating_add(1)).or_else(|| ends.get(base)).copied().unwrap_or(folder.len());
    folder.get(..end).unwrap_or(folder).to_vec()
}

/// The deepest folder that all of these lie in, at least `least`.
pub fn shared(folders: impl Iterator<Item = Vec<u8>>, least: Vec<u8>) -> Vec<u8> {
    let mut all: Option<Vec<u8>> = None;
    for folder in folders {
        all = Some(match all {
            None => folder,
            Some(known) => common(&known, &folder).to_vec(),
        });
    }
    all.filter(|f| f.len() >= least.len()).unwrap_or(least)
}

/// What two folders have in common, by whole names.
fn common<'a>(a: &'a [u8], b: &[u8]) -> &'a [u8] {
    let same = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let ends = |f: &[u8]| matches!(f.get(same), None | Some(b'/' | b'\\'));
    if ends(a) && ends(b) {
        return a.get(..same).unwrap_or(a);
    }
    let end = a.get(..same).unwrap_or_default().iter().rposition(|b| matches!(b, b'/' | b'\\')).unwrap_or(0);
    a.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(folder: &str) -> String {
        String::from_utf8(top(folder.as_bytes())).unwrap()
    }

    #[test]
    fn a_tree_has_one_top() {
        assert_eq!(of("/mnt/c/ProgramData/upd/FS01/billing/2026/claims"), "/mnt/c/ProgramData/upd");
        assert_eq!(of("/mnt/c/PerfLogs"), "/mnt/c/PerfLogs");
        assert_eq!(of("/mnt/c/PerfLogs/1/a"), "/mnt/c/PerfLogs/1");
        assert_eq!(of("C:\\Users\\Public\\x\\y"), "C:\\Users\\Public\\x");
        assert_eq!(of("/srv/patients/2026"), "/srv/patients/2026");
        assert_eq!(of("/tmp/image/C/ProgramData/upd/FS01/billing"), "/tmp/image/C/ProgramData/upd");
        let deep = "/tmp/image/C/Users/ann/Documents/patients/2026";
        assert_eq!(of(deep), deep);
        assert_eq!(of(""), "");
    }

    #[test]
    fn folders_share_whole_names() {
        let shared = |list: &[&str], least: &str| {
            String::from_utf8(shared(list.iter().map(|f| f.as_bytes().to_vec()), least.as_bytes().to_vec())).unwrap()
        };
        assert_eq!(shared(&["/a/b/c", "/a/b/d"], "/a"), "/a/b");
        assert_eq!(shared(&["/a/b", "/a/bc"], "/a"), "/a");
        assert_eq!(shared(&["/a/b", "/a/b/c"], "/a"), "/a/b");
        assert_eq!(shared(&["/a/b"], "/a"), "/a/b");
    }
}
