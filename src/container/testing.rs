//! A sink for tests: keeps what it was given, and opens members that are containers themselves.

use std::io::{Cursor, Read};

use super::*;
use crate::model::GapReason;

/// One member as it was delivered.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    pub facts: MemberFacts,
    /// Content as far as it came; none for unread members.
    pub content: Option<Vec<u8>>,
    pub gap: Option<GapReason>,
    pub depth: u32,
}

impl Seen {
    pub fn name(&self) -> String {
        self.facts.name.shown()
    }
}

#[derive(Default)]
pub struct Tree {
    pub seen: Vec<Seen>,
    pub opened: Vec<Expanded>,
    /// Open members that are containers.
    pub recurse: bool,
    /// Read at most this much of each member.
    pub keep: Option<u64>,
    pub stop_after: Option<usize>,
}

impl Tree {
    pub fn names(&self) -> Vec<String> {
        self.seen.iter().map(Seen::name).collect()
    }

    pub fn gaps(&self) -> Vec<GapReason> {
        let own = self.seen.iter().filter_map(|seen| seen.gap);
        own.chain(self.opened.iter().flat_map(|e| e.shortfalls.iter().map(|s| s.reason))).collect()
    }

    pub fn content(&self, name: &str) -> Option<&[u8]> {
        self.seen.iter().find(|seen| seen.name() == name)?.content.as_deref()
    }
}

impl MemberSink for Tree {
    fn member(&mut self, facts: &MemberFacts, content: &mut dyn Read, budget: &mut Budget) {
        let mut bytes = Vec::new();
        let result = content.take(self.keep.unwrap_or(u64::MAX)).read_to_end(&mut bytes);
        let gap = result.err().map(|e| gap_of(&e).unwrap_or(GapReason::IoError));
        self.seen.push(Seen { facts: facts.clone(), content: Some(bytes.clone()), gap, depth: budget.depth() });
        if self.recurse {
            let name = facts.name.bytes().to_vec();
            open_into(&bytes, &name, budget, self);
        }
    }

    fn unread(&mut self, facts: &MemberFacts, why: Shortfall) {
        self.seen.push(Seen { facts: facts.clone(), content: None, gap: Some(why.reason), depth: 0 });
    }

    fn stopped(&self) -> bool {
        self.stop_after.is_some_and(|n| self.seen.len() >= n)
    }
}

/// Files beside the one that is opened.
#[derive(Default)]
pub struct Shelf(pub std::collections::BTreeMap<Vec<u8>, Vec<u8>>);

impl Shelf {
    pub fn of<N: Into<Vec<u8>>, B: Into<Vec<u8>>>(files: impl IntoIterator<Item = (N, B)>) -> Self {
        Self(files.into_iter().map(|(name, bytes)| (name.into(), bytes.into())).collect())
    }

    /// Opens one of the files beside the others.
    pub fn open(&self, name: &str) -> Tree {
        self.open_known(name, &Passwords::default())
    }

    pub fn open_known(&self, name: &str, passwords: &Passwords) -> Tree {
        let mut tree = Tree::default();
        let mut budget = Budget::new(Limits::default()).with_passwords(passwords);
        open_beside(&self.0[name.as_bytes()], name.as_bytes(), Some(self), &mut budget, &mut tree);
        tree
    }
}

impl Volumes for Shelf {
    fn size(&self, name: &[u8]) -> Option<u64> {
        self.0.get(name).map(|bytes| bytes.len() as u64)
    }

    fn open(&self, name: &[u8]) -> std::io::Result<Box<dyn ReadSeek>> {
        let bytes = self.0.get(name).ok_or(std::io::ErrorKind::NotFound)?;
        Ok(Box::new(Cursor::new(bytes.clone())))
    }
}

fn open_into(bytes: &[u8], name: &[u8], budget: &mut Budget, tree: &mut Tree) {
    open_beside(bytes, name, None, budget, tree);
}

fn open_beside(bytes: &[u8], name: &[u8], volumes: Option<&dyn Volumes>, budget: &mut Budget, tree: &mut Tree) {
    let head = &bytes[..bytes.len().min(64 << 10)];
    let tail = &bytes[bytes.len().saturating_sub(64 << 10)..];
    let probe = Probe { head, tail, body: bytes, size: bytes.len() as u64, name, volumes };
    if let Some(expanded) = expand(&probe, &mut Cursor::new(bytes), budget, tree) {
        assert_eq!(expanded.facts.limits.windows(2).filter(|w| w[0] >= w[1]).count(), 0);
        tree.opened.push(expanded);
    }
}

/// Opens these bytes with these limits.
pub fn open_with(bytes: &[u8], name: &str, limits: Limits, mut tree: Tree) -> Tree {
    let mut budget = Budget::new(limits);
    open_into(bytes, name.as_bytes(), &mut budget, &mut tree);
    assert_eq!(budget.depth(), 0, "every level is left again");
    tree
}

/// Opens these bytes with the default limits, one level.
pub fn open(bytes: &[u8], name: &str) -> Tree {
    open_with(bytes, name, Limits::default(), Tree::default())
}

/// The one format that was opened.
pub fn opened(tree: &Tree) -> &Expanded {
    assert_eq!(tree.opened.len(), 1);
    &tree.opened[0]
}

/// Every beginning of `bytes` must either be told as damaged or give all that the whole gives.
pub fn truncations(bytes: &[u8], name: &str) {
    let whole = open(bytes, name);
    assert_eq!(whole.gaps(), [], "{name} is whole");
    for cut in 0..bytes.len() {
        let tree = open(&bytes[..cut], name);
        let told = tree.gaps().iter().any(|gap| matches!(gap, GapReason::Malformed | GapReason::MissingVolume));
        let complete = tree.seen.iter().map(|seen| &seen.content).eq(whole.seen.iter().map(|seen| &seen.content));
        assert!(told || complete || tree.opened.is_empty(), "{name} cut at {cut} of {}: {:?}", bytes.len(), tree.opened);
    }
}

/// Opens these bytes with these passwords.
pub fn open_known(bytes: &[u8], name: &str, passwords: &Passwords) -> Tree {
    let mut tree = Tree::default();
    open_into(bytes, name.as_bytes(), &mut Budget::new(Limits::default()).with_passwords(passwords), &mut tree);
    tree
}

/// Changed bytes must not make a format panic, or give members without end.
pub fn mutations(bytes: &[u8], name: &str) {
    let mut bad = bytes.to_vec();
    for at in 0..bytes.len() {
        for value in [0, 0xff, bytes[at] ^ 1, bytes[at] ^ 0x80] {
            bad[at] = value;
            let tree = open_with(&bad, name, Limits { total_bytes: 1 << 20, ..Limits::default() }, Tree::default());
            assert!(tree.seen.len() < 1000, "{name}: byte {at} as {value}");
        }
        bad[at] = bytes[at];
    }
}
