//! How names of people are kept out of what is written: functions of the layer that knows patient data,
//! handed in, so that the report depends on none of its rules.

use std::borrow::Cow;
use std::ops::Range;

/// The functions that hide patient data in text.
#[derive(Clone, Copy, Debug)]
pub struct Masker {
    /// A path with every part that may name a person replaced by its shape. Works on one step of a locator,
    /// already escaped for display.
    pub mask_path: fn(&str) -> Cow<'_, str>,
    /// Byte ranges of patient data in a text.
    pub self_scan: fn(&str) -> Vec<Range<usize>>,
    /// The text without patient data, and how many passages were replaced.
    pub redact: fn(&str) -> (String, usize),
}

impl Masker {
    /// Hides nothing: for text that is known to hold no patient data.
    pub const OFF: Masker = Masker { mask_path: |s| Cow::Borrowed(s), self_scan: |_| Vec::new(), redact: |s| (s.to_owned(), 0) };

    pub fn path<'s>(&self, shown: &'s str) -> Cow<'s, str> {
        (self.mask_path)(shown)
    }
}
