//! `hash-csv`: tables of hashes, as incident reports and platforms export them.
//!
//! Columns are found by the titles of a header, otherwise by what they hold. Separators are comma, tab,
//! semicolon and bar; fields may be quoted (RFC 4180), also over several lines.

use super::csv::{self, Row};
use super::decode::named;
use super::hash::{HashKind, HashValue, why_not};
use super::hash_list::integer;
use super::{IocFormat, Loader};

/// See the module.
pub struct HashCsv;

impl IocFormat for HashCsv {
    fn id(&self) -> &'static str {
        "hash-csv"
    }

    fn looks_like(&self) -> &'static str {
        "CSV or TSV with a column of MD5, SHA-1 or SHA-256"
    }

    fn sniff(&self, name: &[u8], head: &[u8]) -> bool {
        let text = std::str::from_utf8(head).unwrap_or_default();
        let Some(layout) = Layout::of(text) else { return false };
        let data: Vec<_> = rows(text, layout.separator).flatten().skip(usize::from(layout.header)).take(400).collect();
        let good = data.iter().filter(|r| layout.hashes.iter().any(|(i, _)| r.hash(*i).is_some())).count();
        super::decode::convinces(good, data.len(), named(name, &["hash", ".csv", ".tsv"]))
    }

    fn parse(&self, text: &str, loader: &mut Loader<'_>) {
        let Some(layout) = Layout::of(text) else { return };
        let mut header = layout.header;
        for row in rows(text, layout.separator) {
            match row {
                Err((line, why)) => loader.reject(line, why),
                Ok(_) if std::mem::take(&mut header) => {}
                Ok(row) => layout.load(&row, loader),
            }
        }
    }
}

impl Row {
    fn hash(&self, i: usize) -> Option<HashValue> {
        HashValue::parse(self.cell(i))
    }
}

/// A hash in the first cell begins a row, whatever quote is still open.
/// Rows of a table in which a digest begins a row.
pub fn rows(text: &str, separator: char) -> impl Iterator<Item = Result<Row, (u64, String)>> {
    csv::rows(text, separator, |first| HashValue::parse(first).is_some())
}

/// Which column is what.
struct Layout {
    separator: char,
    header: bool,
    /// With the kind where the title names one.
    hashes: Vec<(usize, Option<HashKind>)>,
    score: Option<usize>,
    description: Vec<usize>,
}

/// Titles of columns that hold one hash, or one indicator of any kind.
const GENERIC: &[&str] = &[
    "hash",
    "hashes",
    "filehash",
    "hashvalue",
    "indicator",
    "indicatorvalue",
    "ioc",
    "iocvalue",
    "value",
    "checksum",
    "digest",
    "observable",
    "artifact",
];
/// Titles of columns that hold other things than digests of files.
const NO_DIGEST: &[&str] = &[
    "imphash",
    "pehash",
    "ssdeep",
    "tlsh",
    "vhash",
    "telfhash",
    "impfuzzy",
    "authentihash",
    "cdhash",
    "richhash",
    "certhash",
    "thumbprint",
    "fingerprint",
    "uuid",
    "guid",
    "id",
    "eventid",
    "parenthash",
];
const SCORES: &[&str] = &["score", "weight", "confidence", "threatscore", "riskscore"];
const DESCRIPTIONS: &[&str] = &[
    "description",
    "desc",
    "comment",
    "comments",
    "info",
    "threat",
    "malware",
    "malwarefamily",
    "family",
    "detection",
    "signature",
    "title",
    "label",
    "note",
    "notes",
    "name",
    "filename",
    "file",
    "path",
    "tags",
];

impl Layout {
    /// From the first rows of a text.
    fn of(text: &str) -> Option<Self> {
        [',', '\t', ';', '|'].into_iter().find_map(|separator| {
            let sample: Vec<Row> = rows(text, separator).flatten().take(400).collect();
            Self::titled(&sample, separator).or_else(|| Self::untitled(&sample, separator))
        })
    }

    fn titled(sample: &[Row], separator: char) -> Option<Self> {
        let (head, data) = sample.split_first()?;
        if head.cells.iter().any(|c| HashValue::parse(c.trim()).is_some()) {
            return None;
        }
        let titles: Vec<String> = head.cells.iter().map(|c| plain(c)).collect();
        let mut hashes: Vec<(usize, Option<HashKind>)> =
            titles.iter().enumerate().filter_map(|(i, t)| HashKind::named(t).map(|k| (i, Some(k)))).collect();
        let holds = |i: usize| data.iter().any(|r| r.hash(i).is_some());
        let generic = titles.iter().enumerate().filter(|(i, t)| GENERIC.contains(&t.as_str()) && holds(*i));
        hashes.extend(generic.map(|(i, _)| (i, None)));
        // A first row without any usual title is data, perhaps bad: it must not vanish as a header.
        if hashes.is_empty() && titles.iter().any(|t| is_title(t)) {
            let allowed = |t: &str| !NO_DIGEST.contains(&t);
            let columns = by_content(data, titles.len()).into_iter();
            hashes.extend(columns.filter(|i| titles.get(*i).is_some_and(|t| allowed(t))).map(|i| (i, None)));
        }
        if hashes.is_empty() || !hashes.iter().any(|(i, _)| holds(*i)) {
            return None;
        }
        let find = |words: &[&str]| words.iter().filter_map(|w| titles.iter().position(|t| t == w)).collect::<Vec<_>>();
        let mut description = find(DESCRIPTIONS);
        description.retain(|i| !hashes.iter().any(|(h, _)| h == i));
        Some(Self { separator, header: true, hashes, score: find(SCORES).first().copied(), description })
    }

    /// Without header; `HASH;TEXT` belongs to another format.
    fn untitled(sample: &[Row], separator: char) -> Option<Self> {
        let widest = sample.iter().map(|r| r.cells.len()).max()?;
        let columns = by_content(sample, widest);
        let filled = (0..widest.min(200)).filter(|i| sample.iter().any(|r| !r.cell(*i).is_empty())).count();
        if filled < 2 || columns.is_empty() || (separator == ';' && columns.first() == Some(&0)) {
            return None;
        }
        let words = |i: &usize| sample.iter().any(|r| r.cell(*i).chars().any(char::is_alphabetic));
        let description = (0..widest).filter(|i| !columns.contains(i)).filter(words).collect();
        let hashes = columns.into_iter().map(|i| (i, None)).collect();
        Some(Self { separator, header: false, hashes, score: None, description })
    }

    fn load(&self, row: &Row, loader: &mut Loader<'_>) {
        let score = self.score.and_then(|i| integer(row.cell(i)));
        let description = self.description.iter().map(|i| row.cell(*i)).find(|t| !t.is_empty()).unwrap_or_default();
        let mut found = false;
        let mut wrong = None;
        for (i, kind) in &self.hashes {
            let cell = row.cell(*i);
            if cell.is_empty() || ["-", "n/a", "na", "null", "none", "unknown"].iter().any(|n| cell.eq_ignore_ascii_case(n)) {
                continue;
            }
            match HashValue::parse(cell) {
                Some(value) if kind.is_none_or(|k| k == value.kind()) => {
                    loader.hash(row.line, value, score, description);
                    found = true;
                }
                Some(value) => wrong = wrong.or(Some(format!("a {} in another hash's column", value.kind().words()))),
                None => wrong = wrong.or(Some(why_not(cell))),
            }
        }
        match wrong {
            Some(why) => loader.reject(row.line, why),
            None if !found => loader.reject(row.line, "no MD5, SHA-1 or SHA-256 in this row"),
            None => {}
        }
    }
}

/// Whether a cell is something that tables of indicators use as a title.
fn is_title(plain: &str) -> bool {
    [GENERIC, NO_DIGEST, SCORES, DESCRIPTIONS].iter().any(|list| list.contains(&plain))
        || ["hash", "digest", "checksum", "date", "time", "type", "source", "category", "campaign", "size"]
            .iter()
            .any(|w| plain.contains(w))
}

/// Columns of which half the filled cells are hashes.
fn by_content(rows: &[Row], width: usize) -> Vec<usize> {
    let column = |i: &usize| {
        let filled = rows.iter().filter(|r| !r.cell(*i).is_empty()).count();
        let good = rows.iter().filter(|r| r.hash(*i).is_some()).count();
        good > 0 && good * 2 >= filled
    };
    (0..width.min(200)).filter(column).collect()
}

/// Letters and digits of a title, in lower case.
pub fn plain(title: &str) -> String {
    title.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn never_panics(text: String) {
            let _ = Layout::of(&text);
        }
    }
}
