//! Which words of a path name a person that is in the object's own content: found by comparing hashes, so that no
//! name outlives its record.

use std::hash::BuildHasher;
use std::ops::Range;
use std::sync::OnceLock;

use hashbrown::DefaultHashBuilder;

use super::distinct::Distinct;
use super::{dates, names};
use crate::model::Words;

/// Words kept of one object.
const MAX_WORDS: usize = 8_000_000;
/// What stands in the place of a name and names nobody; most of them are words of many a path.
const PLACEHOLDERS: [&str; 16] = [
    "TEST",
    "TESTS",
    "TESTING",
    "PATIENT",
    "ANON",
    "ANONYMOUS",
    "ANONYMIZED",
    "SAMPLE",
    "DEMO",
    "EXAMPLE",
    "UNKNOWN",
    "NONE",
    "NAME",
    "NULL",
    "PHANTOM",
    "DUMMY",
];
/// Letters of the shortest name that is masked.
const MIN_NAME: usize = 2;
/// Letters of the shortest name of several words, written as one.
const MIN_WHOLE: usize = 4;
/// Digits of the shortest number that is masked.
const MIN_NUMBER: usize = 4;

fn hash(word: &str) -> u64 {
    static KEY: OnceLock<DefaultHashBuilder> = OnceLock::new();
    KEY.get_or_init(DefaultHashBuilder::default).hash_one(word)
}

/// Takes a person's names and numbers in.
pub(super) struct Gather<'w>(pub &'w mut Distinct);

impl Gather<'_> {
    fn insert(&mut self, word: &str) {
        if self.0.at_most() < MAX_WORDS {
            self.0.insert(hash(word));
        }
    }

    /// The words of a person's name, each by itself and all as one.
    pub fn name(&mut self, text: &str) {
        if let Some(word) = Short::upper(text)
            && text.bytes().all(|b| b.is_ascii_alphabetic())
        {
            self.word(word.as_str(), MIN_NAME);
            return;
        }
        let words: Vec<String> = text.split([' ', ',', '-']).map(names::fold).filter(|w| !w.is_empty()).collect();
        let whole = words.concat();
        // Initials together are any two letters.
        if words.len() > 1 && whole.chars().count() >= MIN_WHOLE {
            self.insert(&whole);
        }
        // Particles and initials are words of any path.
        let least = if words.len() > 1 { MIN_NAME + 1 } else { MIN_NAME };
        words.iter().for_each(|w| self.word(w, least));
    }

    /// Digits are in no name, and neither are titles and placeholders.
    fn word(&mut self, word: &str, least: usize) {
        let name = word.chars().count() >= least && word.chars().all(char::is_alphabetic);
        if name && !PLACEHOLDERS.contains(&word) && !names::is_suffix(word) {
            self.insert(word);
        }
    }

    /// A number of a person, with and without the zeros that lead it.
    pub fn number(&mut self, text: &str) {
        match Short::upper(text) {
            Some(word) => self.forms(word.as_str()),
            None => self.forms(&names::fold(text)),
        }
    }

    fn forms(&mut self, word: &str) {
        let bare = word.trim_start_matches('0');
        for form in [bare, word] {
            if form.len() >= MIN_NUMBER {
                self.insert(form);
            }
        }
    }

    /// `date` as `YYYYMMDD`.
    pub fn birth(&mut self, date: &str) {
        self.insert(date);
    }
}

/// A word of ASCII letters and digits in upper case, without an allocation: nearly all are that.
struct Short {
    bytes: [u8; Self::MAX],
    len: usize,
}

impl Short {
    const MAX: usize = 32;

    /// As [`names::fold`] has it; none where it is longer.
    fn upper(text: &str) -> Option<Self> {
        let mut short = Self { bytes: [0; Self::MAX], len: 0 };
        if !text.is_ascii() {
            return None;
        }
        for b in text.bytes().filter(u8::is_ascii_alphanumeric) {
            *short.bytes.get_mut(short.len)? = b.to_ascii_uppercase();
            short.len += 1;
        }
        Some(short)
    }

    fn as_str(&self) -> &str {
        self.bytes.get(..self.len).and_then(|b| std::str::from_utf8(b).ok()).unwrap_or_default()
    }
}

/// Where words of the object's people stand in a name or path, as it is shown.
pub fn named_in(words: &Words, path: &str) -> Vec<Range<usize>> {
    if words.0.is_empty() {
        return Vec::new();
    }
    let known = |word: &str| words.0.binary_search(&hash(word)).is_ok();
    let mut found = Vec::new();
    for run in runs(path) {
        let Some(text) = path.get(run.clone()) else { continue };
        let whole = names::fold(text);
        let number = whole.bytes().any(|b| b.is_ascii_digit());
        if (number && whole.len() >= MIN_NUMBER && (known(&whole) || known(whole.trim_start_matches('0'))))
            || date_forms(text).iter().any(|d| known(d))
        {
            found.push(run);
            continue;
        }
        found.extend(atoms_of(path, run, &known));
    }
    found
}

/// The same in a path of the file system. Its folders stay as they are, so that the file is found, but where one names
/// a person beyond doubt: by two names, a name and a number, or a number of nine digits. A folder with one word of a
/// name (`test`, of a patient called Test) or a short number may be called that for any reason.
pub fn named_in_path(words: &Words, path: &str) -> Vec<Range<usize>> {
    let found = named_in(words, path);
    let separator = |c: char| matches!(c, '/' | '\\');
    let base = path.rfind(separator).map_or(0, |at| at.saturating_add(1));
    let folder = |r: &Range<usize>| {
        let start = path.get(..r.start).and_then(|s| s.rfind(separator)).map_or(0, |at| at.saturating_add(1));
        let end = path.get(r.end..).and_then(|s| s.find(separator)).map_or(path.len(), |at| r.end.saturating_add(at));
        start..end
    };
    let text = |r: &Range<usize>| path.get(r.clone()).unwrap_or_default();
    let nine = |r: &Range<usize>| text(r).bytes().filter(u8::is_ascii_digit).count() == 9;
    let beyond_doubt = |r: &Range<usize>| {
        let folder = folder(r);
        let other = |o: &&Range<usize>| folder.start <= o.start && o.end <= folder.end && (o.end <= r.start || r.end <= o.start);
        nine(r) || found.iter().any(|o| other(&o))
    };
    found.iter().filter(|r| r.start >= base || beyond_doubt(r)).cloned().collect()
}

/// Runs of letters, digits and what joins them in names and numbers; never across separators of folders.
fn runs(path: &str) -> Vec<Range<usize>> {
    let joins = |c: char| c.is_alphanumeric() || matches!(c, '-' | '\'' | '’');
    pieces(path, 0, joins)
}

fn pieces(text: &str, offset: usize, inside: impl Fn(char) -> bool) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    let mut start = None;
    for (at, c) in text.char_indices().chain([(text.len(), '/')]) {
        match (start, at < text.len() && inside(c)) {
            (None, true) => start = Some(at),
            (Some(from), false) => {
                out.push(offset + from..offset + at);
                start = None;
            }
            _ => {}
        }
    }
    out
}

/// A date of birth in the forms that file names have, as `YYYYMMDD`.
fn date_forms(text: &str) -> Vec<String> {
    let mut forms: Vec<String> = dates::date(text).map(|d| d.to_string()).into_iter().collect();
    // MMDDYYYY and DDMMYYYY.
    if text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit()) {
        let (front, year) = text.split_at(4);
        let (a, b) = front.split_at(2);
        forms.extend([format!("{year}{a}{b}"), format!("{year}{b}{a}")]);
    }
    forms
}

/// Words inside one run, and names that several runs make together: `SmithJohn`, `De_La_Cruz`.
fn atoms_of(path: &str, run: Range<usize>, known: &impl Fn(&str) -> bool) -> Vec<Range<usize>> {
    let text = path.get(run.clone()).unwrap_or_default();
    let parts = pieces(text, run.start, |c| c.is_alphanumeric() || matches!(c, '\'' | '’'));
    let mut atoms: Vec<Range<usize>> = Vec::new();
    for part in parts {
        atoms.extend(camel(path, part));
    }
    let mut found = Vec::new();
    for (i, first) in atoms.iter().enumerate() {
        for last in atoms.iter().skip(i).take(4) {
            let Some(joined) = path.get(first.start..last.end) else { continue };
            let word = names::fold(joined);
            let number = word.bytes().all(|b| b.is_ascii_digit());
            let long = word.len() >= if number { MIN_NUMBER } else { MIN_NAME };
            let bare = word.trim_start_matches('0');
            if long
                && (known(&word)
                    || (number && bare.len() >= MIN_NUMBER && known(bare))
                    || date_forms(joined).iter().any(|d| known(d)))
            {
                found.push(first.start..last.end);
            }
        }
    }
    found
}

/// `SmithJohn19600102` as its three parts.
fn camel(path: &str, part: Range<usize>) -> Vec<Range<usize>> {
    let text = path.get(part.clone()).unwrap_or_default();
    let mut cuts = vec![part.start];
    let mut before: Option<char> = None;
    for (at, c) in text.char_indices() {
        let turns = before.is_some_and(|b| (b.is_lowercase() && c.is_uppercase()) || (b.is_numeric() != c.is_numeric()));
        if turns {
            cuts.push(part.start + at);
        }
        before = Some(c);
    }
    cuts.push(part.end);
    cuts.windows(2).map(|w| w[0]..w[1]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phi::mask;

    fn masked(path: &str) -> String {
        let mut words = Distinct::default();
        let mut gather = Gather(&mut words);
        ["García", "De La Cruz", "Ana M"].into_iter().for_each(|n| gather.name(n));
        ["00123456", "A-9981", "536228841"].into_iter().for_each(|n| gather.number(n));
        gather.birth("19600102");
        let words = Words(words.into_sorted());
        mask::hide(path, named_in(&words, path))
    }

    #[test]
    fn only_the_words_of_the_people_are_masked() {
        for (path, want) in [
            ("/srv/Garcia, Ana.csv", "/srv/Aa, Aa.csv"),
            ("/srv/GARCIA_ANA_scan.pdf", "/srv/A_A_scan.pdf"),
            ("/srv/GarciaAna-report.pdf", "/srv/AaAa-report.pdf"),
            ("/srv/de la cruz/letter.doc", "/srv/de la a/letter.doc"),
            ("/srv/delacruz/letter.doc", "/srv/a/letter.doc"),
            ("/srv/De-La-Cruz.doc", "/srv/Aa-Aa-Aa.doc"),
            ("/srv/chart 123456/x", "/srv/chart N/x"),
            ("/srv/00123456.pdf", "/srv/N.pdf"),
            ("/srv/A9981_lab.txt", "/srv/AN_lab.txt"),
            ("/srv/536-22-8841.txt", "/srv/N-N-N.txt"),
            ("/srv/01021960.txt", "/srv/N.txt"),
            ("/srv/1960-01-02.txt", "/srv/N-N-N.txt"),
            ("/srv/Anatomy/Garcias/1234567/report 2024-01-02.pdf", "/srv/Anatomy/Garcias/1234567/report 2024-01-02.pdf"),
        ] {
            assert_eq!(masked(path), want, "{path}");
        }
    }

    #[test]
    fn folders_stay_unless_they_name_a_person_beyond_doubt() {
        let mut words = Distinct::default();
        let mut gather = Gather(&mut words);
        ["Tess", "Test", "MR1", "S R", "Ana", "García"].into_iter().for_each(|n| gather.name(n));
        ["77654033", "536228841"].into_iter().for_each(|n| gather.number(n));
        let words = Words(words.into_sorted());
        for (path, want) in [
            ("/srv/tess_files/77654033/6154", "/srv/tess_files/77654033/6154"),
            ("/srv/x/tess-MR1-test-SR.dcm", "/srv/x/a-MR1-test-SR.dcm"),
            ("/srv/test_files/77654033/77654033-a.dcm", "/srv/test_files/77654033/N-a.dcm"),
            ("/srv/Garcia, Ana/x.pdf", "/srv/Aa, Aa/x.pdf"),
            ("/srv/Garcia_77654033/x.pdf", "/srv/Aa_N/x.pdf"),
            ("/srv/536-22-8841/x.pdf", "/srv/N-N-N/x.pdf"),
            ("C:\\Garcia\\Ana.pdf", "C:\\Garcia\\Aa.pdf"),
        ] {
            assert_eq!(mask::hide(path, named_in_path(&words, path)), want, "{path}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_path_panics(path in ".{0,80}") {
            let _ = masked(&path);
            let _ = named_in_path(&Words(vec![hash(&path)]), &path);
        }
    }
}
