//! Keeping identifiers out of what we write: paths and finished text.
//!
//! A mask holds no character of what it hides: digits become `N`, capitals `A`, small letters `a`, and runs
//! become one, so that not even lengths remain.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::OnceLock;

use regex::Regex;

use super::dates;
use super::identifiers::{self, SsnClass};

/// Births in file names: a date after this year beside two words is more often a report's own date.
const LAST_BIRTH_YEAR: u32 = 2012;

fn regex(cell: &'static OnceLock<Option<Regex>>, pattern: &str) -> Option<&'static Regex> {
    cell.get_or_init(|| Regex::new(pattern).ok()).as_ref()
}

/// Replaces what identifies a patient in a path: dashed SSNs, Medicare numbers, family and given name with
/// a date of birth, and numbers behind `MRN`, `SSN` or `DOB`. Other paths come back as they are.
pub fn mask_path(path: &str) -> Cow<'_, str> {
    // Nothing of all this is without digits.
    if path.bytes().filter(u8::is_ascii_digit).count() < 4 {
        return Cow::Borrowed(path);
    }
    let mut ranges = ssns(path);
    // Nor Medicare numbers and names without a capital.
    if path.chars().any(char::is_uppercase) {
        ranges.extend(mbis(path));
        ranges.extend(named_births(path));
    }
    ranges.extend(labelled(path));
    if ranges.is_empty() { Cow::Borrowed(path) } else { Cow::Owned(replace(path, ranges).0) }
}

/// Digits in any of the identifiers below: a date as `1 May 1960`, a Medicare number of the fewest.
const FEWEST_DIGITS: usize = 5;

/// Where finished text shows an identifier: valid dashed SSNs, Medicare numbers, dates labelled as birth.
pub fn self_scan(text: &str) -> Vec<Range<usize>> {
    if text.bytes().filter(u8::is_ascii_digit).nth(FEWEST_DIGITS - 1).is_none() {
        return Vec::new();
    }
    let mut ranges = ssns(text);
    ranges.extend(mbis(text));
    ranges.extend(labelled_births(text));
    merge(ranges)
}

/// The text with everything [`self_scan`] finds masked, and how many places that were.
pub fn redact(text: &str) -> (String, usize) {
    replace(text, self_scan(text))
}

fn merge(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_by_key(|r| (r.start, r.end));
    let mut out: Vec<Range<usize>> = Vec::new();
    for r in ranges {
        match out.last_mut() {
            Some(last) if r.start < last.end => last.end = last.end.max(r.end),
            _ => out.push(r),
        }
    }
    out
}

/// The text with these parts replaced by their shapes.
pub fn hide(text: &str, ranges: Vec<Range<usize>>) -> String {
    replace(text, ranges).0
}

fn replace(text: &str, ranges: Vec<Range<usize>>) -> (String, usize) {
    let ranges = merge(ranges);
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for r in &ranges {
        out.push_str(text.get(at..r.start).unwrap_or_default());
        out.push_str(&shape(text.get(r.clone()).unwrap_or_default()));
        at = r.end;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    (out, ranges.len())
}

/// `Smith_John_19600101` as `Aa_Aa_N`.
pub fn shape(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        let masked = match c {
            c if c.is_numeric() => 'N',
            c if c.is_uppercase() => 'A',
            c if c.is_alphabetic() => 'a',
            c => c,
        };
        if !(masked.is_ascii_alphabetic() && out.ends_with(masked)) {
            out.push(masked);
        }
    }
    out
}

/// Neither a longer word or number, nor a piece of a dashed or dotted one.
fn stands_alone(text: &str, r: &Range<usize>) -> bool {
    let b = text.as_bytes();
    let before = r.start.checked_sub(1).and_then(|i| b.get(i)).copied();
    let before2 = r.start.checked_sub(2).and_then(|i| b.get(i)).copied();
    let (after, after2) = (b.get(r.end).copied(), r.end.checked_add(1).and_then(|i| b.get(i)).copied());
    let word = |c: Option<u8>| c.is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'=' | b'%'));
    let joined = |sep: Option<u8>, next: Option<u8>| {
        sep.is_some_and(|c| matches!(c, b'-' | b'.')) && next.is_some_and(|c| c.is_ascii_digit())
    };
    !word(before) && !word(after) && !joined(before, before2) && !joined(after, after2)
}

/// Valid dashed SSNs.
fn ssns(text: &str) -> Vec<Range<usize>> {
    let b = text.as_bytes();
    let mut out = Vec::new();
    for dash in memchr::memchr_iter(b'-', b) {
        let (Some(start), Some(end)) = (dash.checked_sub(3), dash.checked_add(8)) else { continue };
        let Some(piece) = text.get(start..end) else { continue };
        if identifiers::ssn_dashed(piece)
            && piece.len() == piece.trim().len()
            && identifiers::ssn(piece).is_some_and(|s| s.1 == SsnClass::Valid)
            && stands_alone(text, &(start..end))
        {
            out.push(start..end);
        }
    }
    out
}

fn mbis(text: &str) -> Vec<Range<usize>> {
    static CELL: OnceLock<Option<Regex>> = OnceLock::new();
    let pattern =
        r"[1-9][AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y][0-9]-?[AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y][0-9]-?[AC-HJKMNP-RT-Y]{2}[0-9]{2}";
    let Some(re) = regex(&CELL, pattern) else { return Vec::new() };
    re.find_iter(text)
        .filter(|m| identifiers::mbi(m.as_str()).is_some())
        .map(|m| m.range())
        .filter(|r| stands_alone(text, r))
        .collect()
}

const DATE: &str = r"(?:[0-9]{8}|[0-9]{4}[-_./][0-9]{1,2}[-_./][0-9]{1,2}|[0-9]{1,2}[-_./][0-9]{1,2}[-_./][0-9]{4}|[0-9]{1,2}[- ]?[A-Za-z]{3,9}[- ]?[0-9]{4})";

fn birth(text: &str) -> Option<u32> {
    let plain = text.replace('_', "-");
    // MMDDYYYY is written as often as YYYYMMDD where a name stands before it.
    dates::date(&plain).or_else(|| {
        let (month_day, year) = plain.split_at_checked(4)?;
        (plain.len() == 8).then(|| dates::date(&format!("{year}{month_day}"))).flatten()
    })
}

/// Two capitalised words beside a date that can be a birth.
fn named_births(path: &str) -> Vec<Range<usize>> {
    static AFTER: OnceLock<Option<Regex>> = OnceLock::new();
    static BEFORE: OnceLock<Option<Regex>> = OnceLock::new();
    let mut out = Vec::new();
    let word = r"\p{Lu}[\p{L}'’]+";
    let after =
        || format!(r"{word}[ _.,-]{{1,2}}{word}(?:[ _.,-]{{1,2}}\p{{Lu}}\.?)?[ _.,()-]{{1,3}}(?:(?i:dob)[ _.:-]?)?({DATE})");
    let before = || format!(r"({DATE})[ _.,()-]{{1,3}}{word}[ _.,-]{{1,2}}{word}");
    let both = [AFTER.get_or_init(|| Regex::new(&after()).ok()), BEFORE.get_or_init(|| Regex::new(&before()).ok())];
    for re in both.into_iter().flatten() {
        for found in re.captures_iter(path) {
            let (Some(all), Some(date)) = (found.get(0), found.get(1)) else { continue };
            let b = path.as_bytes();
            let digit_near = b.get(date.end()).is_some_and(u8::is_ascii_digit)
                || date.start().checked_sub(1).and_then(|i| b.get(i)).is_some_and(u8::is_ascii_digit);
            if !digit_near && birth(date.as_str()).is_some_and(|d| d / 10_000 <= LAST_BIRTH_YEAR) {
                out.push(all.range());
            }
        }
    }
    out
}

/// Numbers behind a label that says whose they are.
fn labelled(path: &str) -> Vec<Range<usize>> {
    static CELL: OnceLock<Option<Regex>> = OnceLock::new();
    let pattern = r"(?i)(?:^|[^a-z])(?:mrn|ssn|dob|chartno|patid|patientid|patient[ _-]id|medrec)[ _.:#=-]{0,2}([0-9][0-9-]{3,})";
    let Some(re) = regex(&CELL, pattern) else { return Vec::new() };
    re.captures_iter(path).filter_map(|c| c.get(1)).map(|m| m.range()).collect()
}

fn labelled_births(text: &str) -> Vec<Range<usize>> {
    static CELL: OnceLock<Option<Regex>> = OnceLock::new();
    let label = r#"(?i)\b(?:dob|date[ _]of[ _]birth|birth[ _]?date|born)["']?[ :=#>\t-]{0,4}["']?"#;
    let pattern = format!(r"{label}({DATE})");
    let Some(re) = regex(&CELL, &pattern) else { return Vec::new() };
    re.captures_iter(text)
        .filter_map(|c| c.get(1))
        .filter(|m| birth(m.as_str()).is_some())
        .map(|m| m.range())
        .filter(|r| stands_alone(text, r))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_identify_are_masked() {
        for (path, want) in [
            ("/a/Smith_John_19600101.pdf", "/a/Aa_Aa_N.pdf"),
            ("/a/SMITH, JOHN 01-02-1960.pdf", "/a/A, A N-N-N.pdf"),
            ("/a/Smith_John_DOB_01021960.pdf", "/a/Aa_Aa_A_N.pdf"),
            ("/a/1960-01-02 John Smith.tif", "/a/N-N-N Aa Aa.tif"),
            ("C:\\x\\536-22-8841\\scan.tif", "C:\\x\\N-N-N\\scan.tif"),
            ("/x/patient_536-22-8841.pdf", "/x/patient_N-N-N.pdf"),
            ("/x/1EG4-TE5-MK73.txt", "/x/NAN-AN-AN.txt"),
            ("/x/MRN_0012345.zip", "/x/MRN_N.zip"),
        ] {
            assert_eq!(mask_path(path), want);
        }
    }

    #[test]
    fn ordinary_paths_stay() {
        for path in [
            "/usr/lib/x86_64-linux-gnu/libc.so.6",
            "/usr/share/doc/libfoo-1.2.3-20240102/Change_Log_20240102.txt",
            "/usr/share/man/man3/Tcl_CreateCommand.3tcl.gz",
            "/usr/lib/python3/dist-packages/pkg-2023.1.2.dist-info/RECORD",
            "/var/log/journal/0a1b2c3d4e5f60718293a4b5c6d7e8f9/system.journal",
            "/x/9d188916-8390-282b-3ec2-73fce6e08649.bin",
            "C:\\Windows\\WinSxS\\amd64_microsoft-windows-a..ence-mitigations-c1_31bf3856ad364e35_10.0.19041.1_none_0d66b54875835a49\\x.dll",
            "/data/backup_2024-01-02_033000.tar.gz",
            "/data/Screenshot 2024-01-02 at 10.11.12.png",
            "/data/Annual Report 2019-06-30.pdf",
            "/a/invoice-900-12-3456.pdf",
            "/a/KB5034441.msu",
            "/a/Meeting_Notes_20240102.docx",
        ] {
            assert_eq!(mask_path(path), path);
        }
    }

    #[test]
    fn finished_text() {
        let clean = r#"{"sha256":"0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9","id":"9d188916-8390-282b-3ec2-73fce6e08649",
            "at":"2024-01-02T03:04:05Z","version":"1.95.0-123","range":"1-2-3","dob":12,"crc":"1EG4TE5MK73A","v":"10.0.19041.1","n":"1-123-45-6789","x":"123-45-6789"}"#;
        assert_eq!(self_scan(clean), Vec::<Range<usize>>::new());
        let dirty = "ssn 536-22-8841, mbi 1EG4TE5MK73, DOB: 01/02/1960, \"birth_date\":\"1960-01-02\"";
        assert_eq!(self_scan(dirty).len(), 4);
        let (text, n) = redact(dirty);
        assert_eq!(n, 4);
        assert!(self_scan(&text).is_empty());
        for leak in ["8841", "TE5", "1960", "MK73"] {
            assert!(!text.contains(leak), "{text}");
        }
    }

    #[test]
    fn shapes_hide_lengths() {
        assert_eq!(shape("Smith_John_19600101"), "Aa_Aa_N");
        assert_eq!(shape("Müller-O'Neil 7"), "Aa-A'Aa N");
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in ".{0,120}") {
            let _ = mask_path(&text);
            let (clean, _) = redact(&text);
            proptest::prop_assert!(self_scan(&clean).is_empty());
        }
    }
}
