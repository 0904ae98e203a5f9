//! The beginning of a statement, gathered until its rows begin.

use super::words::is_letter;

/// Bytes of a statement's beginning that are held: `CREATE TABLE` with all its columns.
const MAX_HEAD: usize = 256 * 1024;

/// What a statement does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Insert,
    Copy,
    Create,
}

impl Kind {
    /// By a statement's first word.
    pub fn of(word: &[u8]) -> Option<Self> {
        let is = |w: &str| word.eq_ignore_ascii_case(w.as_bytes());
        match () {
            () if is("insert") || is("replace") || is("into") => Some(Kind::Insert),
            () if is("copy") => Some(Kind::Copy),
            () if is("create") => Some(Kind::Create),
            () => None,
        }
    }
}

/// What became of a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    More,
    /// The beginning is whole. The byte is the first behind it.
    Whole,
    /// No rows follow.
    Nothing,
    TooLong,
}

/// See the module.
pub(super) struct Head {
    pub kind: Kind,
    pub bytes: Vec<u8>,
    depth: usize,
    inside: Inside,
    /// The byte before was a backslash that escapes in a string.
    escaped: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Words,
    Quote(u8),
    Line,
    Comment,
}

impl Head {
    /// `word` is the statement's first.
    pub fn new(kind: Kind, word: &[u8]) -> Self {
        Self { kind, bytes: word.to_vec(), depth: 0, inside: Inside::Words, escaped: false }
    }

    pub fn take(&mut self, b: u8, backslash: bool) -> Step {
        if self.bytes.len() >= MAX_HEAD {
            return Step::TooLong;
        }
        match self.inside {
            Inside::Words => {
                if let Some(end) = self.word(b) {
                    return end;
                }
            }
            Inside::Quote(close) => match b {
                _ if self.escaped => self.escaped = false,
                b'\\' if backslash && close == b'\'' => self.escaped = true,
                b if b == close => self.inside = Inside::Words,
                _ => {}
            },
            Inside::Line if b == b'\n' => self.inside = Inside::Words,
            Inside::Comment if b == b'/' && self.bytes.last() == Some(&b'*') => self.inside = Inside::Words,
            Inside::Line | Inside::Comment => {}
        }
        self.bytes.push(b);
        Step::More
    }

    /// A byte outside of quotes and comments.
    fn word(&mut self, b: u8) -> Option<Step> {
        if self.depth == 0 && self.kind == Kind::Insert && !is_letter(b) {
            if self.ends_with("values") || self.ends_with("value") {
                return Some(Step::Whole);
            }
            if self.ends_with("select") {
                return Some(Step::Nothing);
            }
        }
        match b {
            b'\'' | b'"' | b'`' => self.inside = Inside::Quote(b),
            b'[' => self.inside = Inside::Quote(b']'),
            b'-' if self.bytes.last() == Some(&b'-') => self.inside = Inside::Line,
            b'*' if self.bytes.last() == Some(&b'/') => self.inside = Inside::Comment,
            b'(' => self.depth = self.depth.saturating_add(1),
            b')' => {
                self.depth = self.depth.saturating_sub(1);
                // All columns are known, whatever follows.
                return (self.depth == 0 && self.kind == Kind::Create).then_some(Step::Whole);
            }
            b';' if self.depth == 0 => {
                return Some(if self.kind == Kind::Copy { Step::Whole } else { Step::Nothing });
            }
            _ => {}
        }
        None
    }

    fn ends_with(&self, word: &str) -> bool {
        let Some(start) = self.bytes.len().checked_sub(word.len()) else { return false };
        let parted = start.checked_sub(1).and_then(|n| self.bytes.get(n)).is_none_or(|b| !is_letter(*b));
        parted && self.bytes.get(start..).is_some_and(|end| end.eq_ignore_ascii_case(word.as_bytes()))
    }
}
