//! `filename-iocs`: the file-name patterns of signature-base, LOKI and THOR.
//!
//! `REGEX ";" SCORE [";" FP-REGEX]`. A line that begins with `#` describes all lines up to the next such line;
//! blank lines change nothing. There is no escape for `;` (write `\x3b`), and quotes are characters like
//! others. Exports of older receivers have a description where the score belongs.

use super::decode::{MAX_LINE, comment, convinces, entries, lines, named, speaks};
use super::hash_list::{integer, read as read_hash};
use super::{IocFormat, Loader};

/// See the module.
pub struct FilenameIocs;

impl IocFormat for FilenameIocs {
    fn id(&self) -> &'static str {
        "filename-iocs"
    }

    fn looks_like(&self) -> &'static str {
        "REGEX;SCORE or REGEX;SCORE;FALSE-POSITIVE-REGEX"
    }

    fn sniff(&self, name: &[u8], head: &[u8]) -> bool {
        let agrees = named(name, &["filename", "file-name", "file_name"]);
        let lines = entries(head);
        let good = lines.iter().filter(|l| typical(l, agrees)).count();
        convinces(good, lines.len(), agrees)
    }

    fn parse(&self, text: &str, loader: &mut Loader<'_>) {
        let mut description = "";
        for (n, line) in lines(text) {
            if line.len() > MAX_LINE {
                loader.reject(n, format!("a line of more than {MAX_LINE} bytes"));
            } else if let Some(text) = comment(line) {
                if speaks(text) {
                    description = text;
                }
            } else if !line.is_empty() {
                match read(line) {
                    Ok(entry) => {
                        let words = entry.description.unwrap_or(description);
                        loader.filename(n, entry.pattern, entry.score, entry.clearing, words);
                    }
                    Err(why) => loader.reject(n, why),
                }
            }
        }
    }
}

struct Entry<'a> {
    pattern: &'a str,
    score: Option<i64>,
    clearing: Option<&'a str>,
    description: Option<&'a str>,
}

fn read(line: &str) -> Result<Entry<'_>, String> {
    let Some((pattern, rest)) = line.split_once(';') else {
        return Err("no score; a line is REGEX;SCORE".into());
    };
    if pattern.is_empty() {
        return Err("no pattern before the first semicolon".into());
    }
    let (second, third) = rest.split_once(';').map_or((rest, None), |(s, t)| (s, Some(t.trim())));
    if let Some(score) = integer(second) {
        return Ok(Entry { pattern, score: Some(score), clearing: third.filter(|t| !t.is_empty()), description: None });
    }
    if third.is_some_and(|t| t.split(';').any(|f| integer(f).is_some())) {
        return Err("the second field is no score; a semicolon within a pattern is written \\x3b".into());
    }
    if second.trim().is_empty() {
        return Err("no score; a line is REGEX;SCORE".into());
    }
    Ok(Entry { pattern, score: None, clearing: None, description: Some(rest.trim()) })
}

/// Whether a line is like these lists and unlike lists of hashes and addresses.
fn typical(line: &str, name_agrees: bool) -> bool {
    let Ok(entry) = read(line) else { return false };
    let special = entry.pattern.contains(|c: char| "\\^$*+?()[]{}|%".contains(c));
    let windows = entry.pattern.contains('\\') || entry.pattern.contains('%');
    read_hash(entry.pattern).is_err() && (name_agrees || if entry.score.is_some() { special } else { windows })
}
