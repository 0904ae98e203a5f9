//! Passwords that the examiner knows. They live in memory only: nothing here prints, stores or compares them by
//! anything but what a format's own check says.

use std::fmt;
use std::sync::Arc;

use super::Budget;

/// The passwords of a run, in the order of the file. Cheap to clone.
#[derive(Clone, Default)]
pub struct Passwords(Arc<[String]>);

/// Only how many there are.
impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Passwords({})", self.0.len())
    }
}

impl Passwords {
    /// Passwords in one list.
    pub const MAX: usize = 1_000;
    /// Bytes of one password.
    pub const MAX_BYTES: usize = 1 << 10;

    /// One password a line, UTF-8; a byte-order mark and CR before LF are tolerated, empty lines and repetitions
    /// skipped.
    ///
    /// # Errors
    /// What is wrong, without the content of the list.
    pub fn parse(list: &[u8]) -> Result<Self, String> {
        let list = list.strip_prefix(b"\xef\xbb\xbf").unwrap_or(list);
        let mut found: Vec<String> = Vec::new();
        for (i, line) in list.split(|b| *b == b'\n').enumerate() {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let number = i.saturating_add(1);
            if line.len() > Self::MAX_BYTES {
                return Err(format!("line {number} is longer than {} bytes", Self::MAX_BYTES));
            }
            let Ok(text) = std::str::from_utf8(line) else { return Err(format!("line {number} is not UTF-8")) };
            if text.is_empty() || found.iter().any(|known| known == text) {
                continue;
            }
            if found.len() == Self::MAX {
                return Err(format!("it holds more than {} passwords", Self::MAX));
            }
            found.push(text.to_owned());
        }
        if found.is_empty() {
            return Err("it holds no password".to_owned());
        }
        Ok(Self(found.into()))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Members on which the whole list failed before it is not tried on others of the archive.
const GIVE_UP: u32 = 3;

/// The tries on one archive. What opened one member is tried first on the next.
#[derive(Default)]
pub(super) struct Keyring {
    worked: Option<usize>,
    failed: u32,
    cut: bool,
}

impl Keyring {
    /// The first password with which `attempt` gives something, and what it gives. Each try costs `rounds` of a
    /// hash or cipher, which the outermost object has a bound of.
    pub(super) fn unlock<T>(&mut self, budget: &Budget, rounds: u64, mut attempt: impl FnMut(&str) -> Option<T>) -> Option<T> {
        let list = budget.passwords();
        let all = 0..if self.failed < GIVE_UP { list.0.len() } else { 0 };
        let worked = self.worked;
        for i in worked.into_iter().chain(all.filter(|i| Some(*i) != worked)) {
            if !budget.rounds(rounds) {
                self.cut = true;
                return None;
            }
            if let Some(opened) = list.0.get(i).and_then(|password| attempt(password)) {
                self.worked = Some(i);
                return Some(opened);
            }
        }
        self.cut |= self.failed >= GIVE_UP && !list.is_empty();
        self.failed = self.failed.saturating_add(1);
        None
    }

    /// Whether some passwords were not tried on something.
    pub(super) fn cut(&self) -> bool {
        self.cut
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::Limits;

    fn list(text: &[u8]) -> Passwords {
        Passwords::parse(text).unwrap()
    }

    #[test]
    fn lists() {
        let given = list(b"\xef\xbb\xbfone\r\n two \n\n\xc3\xbc\none\n");
        assert_eq!(given.0.to_vec(), ["one", " two ", "\u{fc}"]);
        assert_eq!(format!("{given:?}"), "Passwords(3)");
        let long = vec![b'x'; Passwords::MAX_BYTES + 1];
        let many: Vec<u8> = (0..=Passwords::MAX).flat_map(|n| format!("secret{n}\n").into_bytes()).collect();
        for (bad, why) in
            [(&b"a\n\xff\n"[..], "line 2"), (&long, "line 1"), (&many, "more than"), (b"\n\r\n", "no password"), (b"", "no")]
        {
            let told = Passwords::parse(bad).unwrap_err();
            assert!(told.contains(why) && !told.contains("secret"), "{told}");
        }
    }

    #[test]
    fn what_worked_comes_first_and_tries_are_bounded() {
        let budget = Budget::new(Limits::default()).with_passwords(&list(b"a\nb\nc"));
        let mut ring = Keyring::default();
        let mut tried = Vec::new();
        let mut want = |ring: &mut Keyring, right: &str| {
            tried.clear();
            let found = ring.unlock(&budget, 1, |p| {
                tried.push(p.to_owned());
                (p == right).then(|| p.to_owned())
            });
            (found, tried.concat())
        };
        assert_eq!(want(&mut ring, "b"), (Some("b".into()), "ab".into()));
        assert_eq!(want(&mut ring, "b"), (Some("b".into()), "b".into()));
        assert_eq!(want(&mut ring, "c"), (Some("c".into()), "bac".into()));
        for _ in 0..3 {
            assert_eq!(want(&mut ring, "x"), (None, "cab".into()));
        }
        assert!(!ring.cut());
        assert_eq!(want(&mut ring, "x"), (None, "c".into()));
        assert!(ring.cut());
        let mut ring = Keyring::default();
        assert_eq!(ring.unlock(&budget, u64::MAX, |_| Some(())), None);
        assert!(ring.cut());
    }
}
