//! Lists as text, line by line: plain lists, the output of checksum tools, tables and `NSRLFile.txt`.
//!
//! Works on bytes without copying them, as such files have tens of gigabytes. The grammar of a line is that of
//! the indicator formats `hash-list`, `hash-iocs` and `hash-csv`; names, scores and descriptions are passed over.
//!
//! NSRL RDS 2 text (NIST, Data Formats of the NSRL Reference Data Set): a header
//! `"SHA-1","MD5","CRC32","FileName",…` and a line for each file.

use super::digest::{Digest, Kind, Row};

/// Columns that a table may have before its last digest.
const MAX_COLUMNS: usize = 64;

/// Titles of columns that hold one digest of any kind.
const GENERIC: &[&str] = &["hash", "hashes", "filehash", "hashvalue", "indicator", "ioc", "value", "checksum", "digest"];

/// How the lines of a text are read; found out from its first line that isn't a comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layout {
    /// One digest a line.
    List,
    /// The columns that hold digests, with the kind where a title names one.
    Table { separator: u8, columns: Vec<(usize, Option<Kind>)>, titled: bool },
}

impl Layout {
    /// From the first line.
    pub fn of(line: &[u8]) -> Self {
        let table = [b',', b'\t', b';', b'|'].into_iter().find_map(|separator| {
            let found = cells(line, separator).map(Digest::of_hex);
            let untitled: Vec<_> = found.enumerate().filter_map(|(i, d)| Some((i, Some(d?.kind())))).collect();
            if !untitled.is_empty() {
                // A digest alone in the first column is a list, whatever stands behind it.
                let alone = untitled.len() == 1 && untitled.first().is_some_and(|(i, _)| *i == 0) && !line.starts_with(b"\"");
                return (!alone).then_some(Layout::Table { separator, columns: untitled, titled: false });
            }
            let titles = cells(line, separator).map(|c| String::from_utf8_lossy(c).into_owned());
            let titled: Vec<_> = titles.enumerate().filter_map(|(i, t)| column(&t).map(|k| (i, k))).collect();
            (!titled.is_empty()).then_some(Layout::Table { separator, columns: titled, titled: true })
        });
        table.unwrap_or(Layout::List)
    }

    /// Reads a line; `None` where it holds no digest.
    pub fn read(&self, line: &[u8]) -> Option<Row> {
        let Layout::Table { separator, columns, .. } = self else { return list_line(line).map(Row::from) };
        let mut row = Row::default();
        let mut wanted = columns.iter().peekable();
        for (i, cell) in cells(line, *separator).enumerate() {
            let Some((at, kind)) = wanted.peek() else { break };
            if i == *at {
                wanted.next();
                if let Some(digest) = Digest::of_hex(cell).filter(|d| kind.is_none_or(|k| k == d.kind())) {
                    row.add(digest);
                }
            }
        }
        (!row.is_empty()).then_some(row)
    }
}

/// Whether a title is that of a column of digests, and of which kind.
fn column(title: &str) -> Option<Option<Kind>> {
    let plain: String = title.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    Kind::named(title).map(Some).or_else(|| GENERIC.contains(&plain.as_str()).then_some(None))
}

/// Cells of a line, without outer quotes and blanks. A separator inside of quotes belongs to the cell.
fn cells(line: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let line = rest?;
        let blank = line.iter().take_while(|b| b.is_ascii_whitespace() && **b != separator).count();
        let quoted = line.get(blank) == Some(&b'"');
        // Behind the closing quote, or the whole line where none closes.
        let from = match quoted {
            true => closing(line, blank + 1).map_or(line.len(), |at| at + 1),
            false => 0,
        };
        let end = memchr::memchr(separator, line.get(from..)?).map(|n| from + n);
        let (cell, after) = match end {
            Some(end) => (line.get(..end)?, line.get(end + 1..)),
            None => (line, None),
        };
        rest = after;
        let cell = cell.trim_ascii();
        Some(cell.strip_prefix(b"\"").and_then(|c| c.strip_suffix(b"\"")).unwrap_or(cell).trim_ascii())
    })
    .take(MAX_COLUMNS)
}

/// The quote that ends a cell; doubled ones stand for themselves.
fn closing(line: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let quote = at + memchr::memchr(b'"', line.get(at..)?)?;
        if line.get(quote + 1) != Some(&b'"') {
            return Some(quote);
        }
        at = quote + 2;
    }
}

/// `HASH`, `HASH;TEXT`, `HASH  NAME`, `HASH *NAME`, `KIND:HASH` and `KIND (NAME) = HASH`.
fn list_line(line: &[u8]) -> Option<Digest> {
    // coreutils marks lines whose file name it had to escape.
    let line = line.strip_prefix(b"\\").unwrap_or(line);
    if let Some(digest) = Digest::of_hex(word(line)) {
        return Some(digest);
    }
    let named = |label: &[u8]| std::str::from_utf8(label).ok().and_then(Kind::named);
    let (kind, digest) = if let Some(close) = memchr::memrchr(b')', line)
        && let Some(open) = memchr::memchr(b'(', line)
    {
        let value = line.get(close + 1..)?.trim_ascii().strip_prefix(b"=")?.trim_ascii();
        (named(line.get(..open)?)?, Digest::of_hex(value)?)
    } else {
        let at = memchr::memchr2(b':', b'=', line).filter(|at| *at <= 12)?;
        (named(line.get(..at)?)?, Digest::of_hex(word(line.get(at + 1..)?.trim_ascii_start()))?)
    };
    (digest.kind() == kind).then_some(digest)
}

/// Up to the first separator.
fn word(line: &[u8]) -> &[u8] {
    let end = line.iter().position(|b| matches!(b, b';' | b' ' | b'\t' | b',' | b'|')).unwrap_or(line.len());
    line.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MD5: &str = "392126e756571ebf112cb1c1cdedf926";
    const SHA1: &str = "0000000f8527dcccab6642252bbcfa1b8072d33e";
    const SHA256: &str = "ff00000000000000000000000000000000000000000000000000000000000001";

    fn all(text: &str) -> Vec<Option<Row>> {
        let mut lines = text.lines();
        let layout = Layout::of(text.lines().next().unwrap().as_bytes());
        if matches!(layout, Layout::Table { titled: true, .. }) {
            lines.next();
        }
        lines.map(|l| layout.read(l.as_bytes())).collect()
    }

    #[test]
    fn nsrl_text() {
        let text = format!(
            "\"SHA-1\",\"MD5\",\"CRC32\",\"FileName\",\"FileSize\",\"ProductCode\",\"OpSystemCode\",\"SpecialCode\"\n\
             \"{SHA1}\",\"{MD5}\",\"BFBD7FE8\",\"a, \"\"b\".txt\",1264,23216,\"358\",\"\"\n\"\",\"{MD5}\",\"\",\"x\"\n\"zz\",\"\",\"\"\n"
        );
        let rows = all(&text);
        assert!(rows[0].unwrap().sha1.is_some() && rows[0].unwrap().md5.is_some());
        assert!(rows[1].unwrap().sha1.is_none() && rows[1].unwrap().md5.is_some());
        assert_eq!(rows[2], None);
        // Without its header the columns are found by what they hold.
        assert_eq!(all(&text.lines().skip(1).collect::<Vec<_>>().join("\n"))[0], rows[0]);
    }

    #[test]
    fn a_name_that_looks_like_a_digest_is_none() {
        let rows = all(&format!("name,sha256\n{MD5},{SHA256}\n{SHA256},\n"));
        assert_eq!(rows[0].unwrap().md5, None);
        assert_eq!(rows[1], None);
        let rows = all(&format!("name;sha256\n\"a \"\"x; y\"\"\";{SHA256}\n\"open;{SHA256}\n"));
        assert!(rows[0].is_some() && rows[1].is_none());
        assert_eq!(all(&format!("{SHA256}  {MD5}"))[0].unwrap().md5, None);
    }

    #[test]
    fn lines_of_lists() {
        for line in [
            SHA1.to_owned(),
            SHA1.to_uppercase(),
            format!("{SHA1};100;text; more"),
            format!("{SHA1}  name"),
            format!("\\{SHA1} *na\\nme"),
            format!("sha1:{SHA1}"),
            format!("SHA1 (a (b) c) = {SHA1}"),
            format!("SHA1(a)= {SHA1}"),
            format!("{SHA1},name"),
        ] {
            assert!(all(&line)[0].unwrap_or_else(|| panic!("{line}")).sha1.is_some(), "{line}");
        }
        for line in [
            format!("md5:{SHA1}"),
            format!("x{SHA1}"),
            "text".into(),
            String::new(),
            "(=)".into(),
            format!("SHA512 (a) = {SHA1}"),
        ] {
            assert_eq!(list_line(line.as_bytes()), None, "{line}");
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics(first: Vec<u8>, line: Vec<u8>) {
            let _ = Layout::of(&first).read(&line);
            let _ = Layout::of(b"\"SHA-1\",\"MD5\"").read(&line);
        }
    }
}
