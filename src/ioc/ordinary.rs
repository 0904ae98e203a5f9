//! Ordinary paths: what an indicator for names must not fit.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::subjects::{Subject, subjects};
use crate::model::{Locator, Name, assets};

/// One ordinary path, with its spellings.
#[derive(Debug)]
pub struct Ordinary {
    pub path: &'static str,
    pub subjects: Vec<Subject>,
}

impl Ordinary {
    fn is_windows(&self) -> bool {
        self.path.contains('\\')
    }
}

/// All of them; Windows paths as on the volume they come from.
pub fn paths() -> &'static [Ordinary] {
    static ALL: OnceLock<Vec<Ordinary>> = OnceLock::new();
    ALL.get_or_init(|| {
        let lines =
            assets::file("iocs/ordinary-paths.txt").unwrap_or_default().lines().filter(|l| !l.is_empty() && !l.starts_with('#'));
        lines
            .map(|path| {
                let origin = path.contains('\\').then(|| Name::from(path));
                let place = path.replace('\\', "/");
                let place = place.get(2..).filter(|_| place.as_bytes().get(1) == Some(&b':')).unwrap_or(&place);
                Ordinary { path, subjects: subjects(&Locator::os(place), origin.as_ref(), false) }
            })
            .collect()
    })
}

/// How many ordinary paths an indicator for names fits.
#[derive(Clone, Copy, Debug)]
pub struct Breadth {
    first: &'static str,
    windows: usize,
    unix: usize,
}

impl Breadth {
    /// Counts for every indicator that fits any. `find` gives the indicators that fit one path.
    pub fn of_all(find: impl Fn(&[Subject]) -> Vec<u32>) -> BTreeMap<u32, Breadth> {
        let mut out: BTreeMap<u32, Breadth> = BTreeMap::new();
        for ordinary in paths() {
            for id in find(&ordinary.subjects) {
                let breadth = out.entry(id).or_insert(Breadth { first: ordinary.path, windows: 0, unix: 0 });
                let n = if ordinary.is_windows() { &mut breadth.windows } else { &mut breadth.unix };
                *n = n.saturating_add(1);
            }
        }
        out
    }

    /// Half of the paths of one kind of system, or more: it would accuse everybody.
    pub fn is_useless(&self) -> bool {
        let windows = paths().iter().filter(|o| o.is_windows()).count();
        let unix = paths().len().saturating_sub(windows);
        self.windows.saturating_mul(2) >= windows || self.unix.saturating_mul(2) >= unix
    }

    /// For people.
    pub fn words(&self) -> String {
        match self.windows.saturating_add(self.unix) {
            1 => format!("it fits an ordinary path: {}", self.first),
            n => format!("it fits {n} of {} ordinary paths, as {}", paths().len(), self.first),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_one_system_is_too_much() {
        assert!(paths().len() > 200);
        let words = ["no such name", "lsass.exe", r"C:\", "/usr/"];
        let fits = |s: &Subject, w: &str| s.text.contains(w);
        let of = Breadth::of_all(|subjects| (0..4).filter(|i| subjects.iter().any(|s| fits(s, words[*i as usize]))).collect());
        assert!(!of.contains_key(&0));
        assert_eq!(of[&1].words(), r"it fits an ordinary path: C:\Windows\System32\lsass.exe");
        assert!(!of[&1].is_useless() && of[&2].is_useless() && !of[&3].is_useless());
    }
}
