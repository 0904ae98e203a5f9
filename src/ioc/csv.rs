//! Tables of text (RFC 4180): quoted cells, also over several lines, and any separator.

use super::decode::{MAX_LINE, raw_lines};

/// Lines that one quoted field may span.
const MAX_SPAN: usize = 256;

/// One row, and the line that it begins on.
pub struct Row {
    pub line: u64,
    pub cells: Vec<String>,
}

impl Row {
    /// Without outer blanks; empty where the row is shorter.
    pub fn cell(&self, i: usize) -> &str {
        self.cells.get(i).map_or("", |c| c.trim())
    }
}

/// Rows with something in them; an error is a line that is none. `begins` says whether a first cell can only
/// be that of a new row: a quote that was left open before it then costs one line, not what follows.
pub fn rows<'a>(
    text: &'a str,
    separator: char,
    begins: impl Fn(&str) -> bool + 'a,
) -> impl Iterator<Item = Result<Row, (u64, String)>> + 'a {
    let mut lines = raw_lines(text).peekable();
    std::iter::from_fn(move || {
        loop {
            let (line, first) = lines.next()?;
            if first.trim().is_empty() || first.starts_with('#') {
                continue;
            }
            if first.len() > MAX_LINE {
                return Some(Err((line, format!("a line of more than {MAX_LINE} bytes"))));
            }
            if let Some(cells) = split(first, separator) {
                return Some(Ok(Row { line, cells }));
            }
            // The quote may close on a later line; if it doesn't, or a row begins before, only this line is lost.
            let mut joined = first.to_owned();
            let mut ahead = lines.clone();
            for _ in 0..MAX_SPAN {
                let Some((_, next)) = ahead.next() else { break };
                if next.split(separator).next().is_some_and(|c| begins(c.trim().trim_matches('"'))) {
                    break;
                }
                joined.push('\n');
                joined.push_str(next);
                if joined.len() > MAX_LINE {
                    break;
                }
                if let Some(cells) = split(&joined, separator) {
                    lines = ahead;
                    return Some(Ok(Row { line, cells }));
                }
            }
            return Some(Err((line, "a quote that is not closed".into())));
        }
    })
}

/// Cells of one row; `None` where a quoted one isn't closed.
fn split(line: &str, separator: char) -> Option<Vec<String>> {
    let mut cells = Vec::new();
    let mut cell = String::new();
    let mut quoted = false;
    let mut fresh = true;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if fresh => {
                quoted = true;
                fresh = false;
            }
            c if c == separator && !quoted => {
                cells.push(std::mem::take(&mut cell));
                fresh = true;
            }
            c => {
                fresh &= c.is_whitespace();
                cell.push(c);
            }
        }
    }
    cells.push(cell);
    (!quoted).then_some(cells)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_and_quotes() {
        assert_eq!(split("a, \"b,\"\"c\"\"\",d", ',').unwrap(), ["a", " b,\"c\"", "d"]);
        assert_eq!(split("a\t\tb", '\t').unwrap(), ["a", "", "b"]);
        assert_eq!(split("5\" disk,x", ',').unwrap(), ["5\" disk", "x"]);
        assert_eq!(split("a,\"b", ','), None);
        assert_eq!(split("", ',').unwrap(), [""]);
    }

    #[test]
    fn an_open_quote_costs_one_line() {
        let text = "\"a\nb,1\nc,2";
        let got: Vec<_> = rows(text, ',', |_| false).map(|r| r.map(|r| r.cells).map_err(|(n, _)| n)).collect();
        assert_eq!(got, [Err(1), Ok(vec!["b".to_owned(), "1".into()]), Ok(vec!["c".to_owned(), "2".into()])]);
    }

    #[test]
    fn a_cell_may_hold_lines() {
        let text = "1,\"two\r\nlines\",x\n2,y,\"\"\n";
        let got: Vec<_> = rows(text, ',', |_| false).flatten().map(|r| (r.line, r.cells)).collect();
        assert_eq!(got[0], (1, vec!["1".to_owned(), "two\nlines".into(), "x".into()]));
        assert_eq!(got[1].0, 3);
    }

    #[test]
    fn the_beginning_of_a_row_ends_an_open_quote() {
        let text = "a,\"open\nb,1\nc,\"2\"\n";
        let got: Vec<_> = rows(text, ',', |c| c == "b").map(|r| r.map(|r| r.line).map_err(|(n, _)| n)).collect();
        assert_eq!(got, [Err(1), Ok(2), Ok(3)]);
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text: String) {
            for separator in [',', '\t', ';', '|'] {
                let _ = rows(&text, separator, |_| false).count();
            }
        }
    }
}
