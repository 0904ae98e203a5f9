//! One literal looked for by itself: by two or three bytes of it that are rare.

use memchr::memmem::Finder;

use super::literal::Literal;

/// Bytes by which a literal is looked for.
pub struct Needle {
    finder: Finder<'static>,
    /// Where in the literal they begin.
    within: usize,
}

impl Needle {
    pub fn of(literal: &Literal) -> Option<Self> {
        literal.needle().map(|(within, bytes)| Self { finder: Finder::new(bytes).into_owned(), within })
    }

    /// Whether the literal that it is of stands anywhere in the bytes.
    pub fn is_in(&self, literal: &Literal, data: &[u8]) -> bool {
        let mut from = 0;
        while let Some(found) = data.get(from..).and_then(|rest| self.finder.find(rest)) {
            let at = from + found;
            if at.checked_sub(self.within).and_then(|start| data.get(start..)).is_some_and(|here| literal.stands(here)) {
                return true;
            }
            from = at + 1;
        }
        false
    }
}
