//! Whether text is a table, and with which delimiter.

use super::reader::{Reader, Record};

/// Delimiters of exports, most usual first.
const DELIMITERS: [u8; 6] = [b',', b'\t', b'|', b';', b'^', b'~'];
/// Bytes looked at to choose the delimiter.
const SAMPLE: usize = 16 * 1024;
/// Title lines before the header.
const MAX_TITLE_LINES: usize = 8;

/// A table's shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub delimiter: u8,
    pub columns: usize,
    /// Records before the first of the table's width.
    pub skip: usize,
}

/// Plain text without control characters, markup or a program's first line.
pub(super) fn is_text(head: &[u8]) -> bool {
    let first = head.iter().find(|b| !b.is_ascii_whitespace()).copied();
    if matches!(first, None | Some(b'<' | b'{' | b'[' | b'%' | b'/' | b'(' | b'}')) || head.starts_with(b"#!") {
        return false;
    }
    let sample = head.get(..SAMPLE.min(head.len())).unwrap_or_default();
    !sample.iter().any(|b| *b == 0x7f || (*b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r' | 0x0c | 0x1a)))
}

/// The delimiter that cuts the records into the same number of fields.
pub(super) fn shape(head: &[u8]) -> Option<Shape> {
    let mut sample = head.get(..SAMPLE.min(head.len())).unwrap_or_default();
    if sample.len() < head.len() || head.len() >= 65_536 {
        // The last line is cut.
        let end = memchr::memrchr2(b'\r', b'\n', sample)?;
        sample = sample.get(..end)?;
    }
    let line_end = |from: usize| memchr::memchr2(b'\r', b'\n', sample.get(from..)?).map(|n| from + n);
    // The first lines must hold the delimiter at all: what most text fails on.
    let mut early = 0;
    for _ in 0..=MAX_TITLE_LINES {
        early = line_end(early).map_or(sample.len(), |n| n + 1).min(sample.len());
    }
    let early = sample.get(..early).unwrap_or_default();
    DELIMITERS
        .iter()
        .filter(|d| memchr::memchr(**d, early).is_some())
        .filter(|d| promising(sample, **d))
        .filter_map(|d| consistent(sample, *d))
        .max_by_key(|s| (s.columns, std::cmp::Reverse(DELIMITERS.iter().position(|d| *d == s.delimiter))))
}

/// A cheap look at the first lines: whether more than half of them hold the delimiter equally often. Lines
/// inside quotes may differ, so any quote passes.
fn promising(sample: &[u8], delimiter: u8) -> bool {
    let lines = sample.split(|b| matches!(b, b'\r' | b'\n')).filter(|l| !l.is_empty()).take(24);
    let mut counts = Vec::with_capacity(24);
    for line in lines {
        if memchr::memchr(b'"', line).is_some() {
            return true;
        }
        counts.push(memchr::memchr_iter(delimiter, line).count());
    }
    counts.sort_unstable();
    let most = counts.chunk_by(|a, b| a == b).filter(|run| run[0] > 0).map(<[usize]>::len).max().unwrap_or(0);
    counts.len() < 12 || most * 2 > counts.len()
}

fn consistent(sample: &[u8], delimiter: u8) -> Option<Shape> {
    let mut widths: Vec<usize> = Vec::new();
    let mut reader = Reader::new(delimiter);
    let mut take = |r: &Record| widths.push(r.len());
    reader.feed(sample, &mut take);
    reader.finish(&mut take);
    let mut sorted = widths.clone();
    sorted.sort_unstable();
    let columns = sorted.chunk_by(|a, b| a == b).max_by_key(|run| (run.len(), run[0])).map(|run| run[0])?;
    let skip = widths.iter().position(|w| *w == columns)?;
    let body = widths.get(skip..)?;
    let same = body.iter().filter(|w| **w == columns).count();
    let ok = columns >= 2 && skip <= MAX_TITLE_LINES && body.len() >= 2 && same * 10 >= body.len() * 9;
    ok.then_some(Shape { delimiter, columns, skip })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_and_their_delimiters() {
        for (delimiter, d) in [(b',', ","), (b'\t', "\t"), (b'|', "|"), (b';', ";"), (b'^', "^"), (b'~', "~")] {
            let text = format!("id{d}name{d}dob\n1{d}A{d}x\n2{d}B{d}y\n");
            assert_eq!(shape(text.as_bytes()), Some(Shape { delimiter, columns: 3, skip: 0 }), "{text}");
        }
        let titled = "Patient report\nMonday\n\nmrn,name\n1,A\n2,B\n";
        assert_eq!(shape(titled.as_bytes()).map(|s| s.skip), Some(2));
        assert_eq!(shape(b"a,\"x, y\"\nb,\"z\"\n").map(|s| s.columns), Some(2));
    }

    #[test]
    fn other_text() {
        for text in [
            "Once, upon a time, there was\na scanner. It read, wrote,\nand slept.\nThe end, of it, all, here\n",
            "int main(void)\n{\n  return f(a, b);\n}\n",
            "one line only, with a comma",
            "",
            "key=value\nother=thing\n",
        ] {
            assert_eq!(shape(text.as_bytes()), None, "{text}");
        }
        assert!(!is_text(b"\x7fELF\x02\x01\x01\0") && !is_text(b"<html>") && !is_text(b"#!/bin/sh\n") && !is_text(b"\0\0"));
        assert!(is_text(b"a,b\n"));
    }
}
