//! How names of people are kept out of what is written: functions of the layer that knows patient data,
//! handed in, so that the report depends on none of its rules.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use crate::model::{Locator, NameMark, Step};

/// The functions that hide patient data in text.
#[derive(Clone, Debug)]
pub struct Masker {
    /// A path with every part that may name a person replaced by its shape. Works on one step of a locator,
    /// already escaped for display.
    pub mask_path: fn(&str) -> Cow<'_, str>,
    /// Byte ranges of patient data in a text.
    pub self_scan: fn(&str) -> Vec<Range<usize>>,
    /// The text without patient data, and how many passages were replaced.
    pub redact: fn(&str) -> (String, usize),
    /// The text with these parts replaced by their shapes.
    pub hide: fn(&str, Vec<Range<usize>>) -> String,
    /// Parts of names that name people of the objects' own contents.
    pub marks: BTreeMap<Locator, Vec<Range<usize>>>,
}

impl Masker {
    /// Hides nothing: for text that is known to hold no patient data.
    pub const OFF: Masker = Masker {
        mask_path: |s| Cow::Borrowed(s),
        self_scan: |_| Vec::new(),
        redact: |s| (s.to_owned(), 0),
        hide: |s, _| s.to_owned(),
        marks: BTreeMap::new(),
    };

    pub fn path<'s>(&self, shown: &'s str) -> Cow<'s, str> {
        (self.mask_path)(shown)
    }

    /// The name of an address's step at this depth, masked; `shown` is how it is shown.
    pub fn name<'s>(&self, locator: &Locator, depth: usize, shown: &'s str) -> Cow<'s, str> {
        // Most cases mark nothing, and then no address is copied.
        let ranges = if self.marks.is_empty() { None } else { self.marks.get(&locator.at(depth)) };
        match ranges {
            None => self.path(shown),
            Some(ranges) => {
                let hidden = (self.hide)(shown, ranges.clone());
                Cow::Owned(self.path(&hidden).into_owned())
            }
        }
    }

    /// A text that repeats a part of the object's name: what the name hides is hidden here, too.
    pub fn repeated(&self, locator: &Locator, text: &str) -> String {
        let shown = locator.last().shown();
        let words = self.marks.get(locator).into_iter().flatten().filter_map(|r| shown.get(r.clone()));
        let ranges = words.flat_map(|word| text.match_indices(word).map(|(at, w)| at..at + w.len())).collect();
        let hidden = (self.hide)(text, ranges);
        self.path(&hidden).into_owned()
    }

    /// Takes note of what names people, in the object's name and in those of the folders that its path goes through.
    pub fn mark(&mut self, mark: NameMark) {
        if let [Step::Os(name)] = mark.locator.steps() {
            let raw = name.bytes();
            let separator = |b: &u8| *b == b'/' || (*b == b'\\' && cfg!(windows));
            for end in raw.iter().enumerate().filter(|(_, b)| separator(b)).map(|(at, _)| at) {
                let folder = Locator::os(raw.get(..end).unwrap_or_default());
                let length = folder.last().shown().len();
                let ranges: Vec<_> = mark.ranges.iter().filter(|r| r.end <= length).cloned().collect();
                if !ranges.is_empty() {
                    self.marks.entry(folder).or_default().extend(ranges);
                }
            }
        }
        self.marks.entry(mark.locator).or_default().extend(mark.ranges);
    }
}
