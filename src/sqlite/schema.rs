//! Names of tables and columns from the stored `CREATE TABLE` statements (section 2.6). The text is read for
//! names, keys and what isn't stored; it is never executed.

use super::record::{Row, Value};

/// Columns of a table; SQLite itself allows no more.
const MAX_COLUMNS: usize = 32_767;
/// Columns of a key that are looked at.
const MAX_KEY: usize = 128;

/// An ordinary table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    pub name: String,
    /// Declared columns, in their order; generated ones that store nothing are among them.
    pub columns: Vec<String>,
    pub(super) root: u32,
    /// For each column its place in a record.
    pub(super) places: Vec<Option<usize>>,
    /// The column that is another name of the row's key (`INTEGER PRIMARY KEY`).
    pub(super) rowid_column: Option<usize>,
}

impl Table {
    /// The position of a column, in any case.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|c| c.eq_ignore_ascii_case(name))
    }

    /// The page that the table's rows begin at.
    pub fn root(&self) -> u32 {
        self.root
    }

    /// The rows on one page and below, of a table whose schema isn't known: see [`Row::value`].
    pub fn page(root: u32) -> Self {
        Self { name: String::new(), columns: Vec::new(), root, places: Vec::new(), rowid_column: None }
    }

    /// `sqlite_schema` itself: always at page 1, always these columns.
    pub(super) fn schema() -> Self {
        let columns: Vec<String> = ["type", "name", "tbl_name", "rootpage", "sql"].map(str::to_owned).into();
        let places = (0..columns.len()).map(Some).collect();
        Self { name: "sqlite_schema".to_owned(), columns, root: 1, places, rowid_column: None }
    }

    /// One row of `sqlite_schema`; `None` for indexes, views, triggers and virtual tables.
    pub(super) fn from_schema(row: &Row<'_>) -> Option<Self> {
        let text = |i| if let Value::Text(t) = row.get(i) { Some(t.into_owned()) } else { None };
        let Value::Integer(root) = row.get(3) else { return None };
        let root = u32::try_from(root).ok().filter(|r| *r > 0)?;
        if text(0)? != "table" {
            return None;
        }
        Some(Self { name: text(1)?, root, ..parse(&text(4).unwrap_or_default()) })
    }
}

/// A piece of SQL text.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// A bare word; compared without case.
    Word(String),
    /// In quotes of any kind: always a name.
    Quoted(String),
    Sign(char),
}

impl Token {
    fn is(&self, word: &str) -> bool {
        matches!(self, Token::Word(w) if w.eq_ignore_ascii_case(word))
    }

    fn name(&self) -> Option<&str> {
        match self {
            Token::Word(w) | Token::Quoted(w) => Some(w),
            Token::Sign(_) => None,
        }
    }
}

fn tokens(sql: &str) -> Vec<Token> {
    let mut out = Vec::new();
    let mut chars = sql.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '-' if chars.peek() == Some(&'-') => while chars.next().is_some_and(|c| c != '\n') {},
            '/' if chars.peek() == Some(&'*') => {
                chars.next();
                let mut star = false;
                for c in chars.by_ref() {
                    if star && c == '/' {
                        break;
                    }
                    star = c == '*';
                }
            }
            '"' | '`' | '\'' | '[' => {
                let close = if c == '[' { ']' } else { c };
                let mut word = String::new();
                while let Some(c) = chars.next() {
                    if c == close {
                        // A doubled quote stands for itself.
                        if close != ']' && chars.peek() == Some(&close) {
                            chars.next();
                        } else {
                            break;
                        }
                    }
                    word.push(c);
                }
                out.push(Token::Quoted(word));
            }
            c if c.is_whitespace() => {}
            c if c.is_alphanumeric() || c == '_' || c == '$' || !c.is_ascii() => {
                let mut word = String::from(c);
                while let Some(c) = chars.next_if(|c| c.is_alphanumeric() || *c == '_' || *c == '$' || !c.is_ascii()) {
                    word.push(c);
                }
                out.push(Token::Word(word));
            }
            c => out.push(Token::Sign(c)),
        }
    }
    out
}

/// The definitions between the outer parentheses, and what follows them.
fn definitions(tokens: &[Token]) -> (Vec<&[Token]>, &[Token]) {
    let Some(open) = tokens.iter().position(|t| *t == Token::Sign('(')) else { return (Vec::new(), &[]) };
    let mut parts = Vec::new();
    let (mut depth, mut start) = (1usize, open + 1);
    for (i, token) in tokens.iter().enumerate().skip(open + 1) {
        match token {
            Token::Sign('(') => depth += 1,
            Token::Sign(')') => {
                depth -= 1;
                if depth == 0 {
                    parts.push(tokens.get(start..i).unwrap_or_default());
                    return (parts, tokens.get(i + 1..).unwrap_or_default());
                }
            }
            Token::Sign(',') if depth == 1 => {
                parts.push(tokens.get(start..i).unwrap_or_default());
                start = i + 1;
            }
            _ => {}
        }
    }
    parts.push(tokens.get(start..).unwrap_or_default());
    (parts, &[])
}

/// Words outside of any parentheses.
fn outer(part: &[Token]) -> Vec<&Token> {
    let mut depth = 0usize;
    let outside = |t: &&Token| {
        match t {
            Token::Sign('(') => depth += 1,
            Token::Sign(')') => depth = depth.saturating_sub(1),
            _ => return depth == 0,
        }
        false
    };
    part.iter().filter(outside).collect()
}

fn has(words: &[&Token], a: &str, b: &str) -> bool {
    words.windows(2).any(|w| matches!(w, [x, y] if x.is(a) && y.is(b)))
}

/// Columns and where they are stored.
fn parse(sql: &str) -> Table {
    let tokens = tokens(sql);
    let (parts, after) = definitions(&tokens);
    let without_rowid = has(&after.iter().collect::<Vec<_>>(), "without", "rowid");
    let mut columns: Vec<String> = Vec::new();
    let mut stored: Vec<bool> = Vec::new();
    let mut integer: Vec<bool> = Vec::new();
    let mut key: Vec<usize> = Vec::new();
    // `INTEGER PRIMARY KEY DESC` in a column is no other name of the key, for a reason of history.
    let mut descending = false;
    for part in parts {
        let words = outer(part);
        let Some(first) = words.first() else { continue };
        let constraint = ["constraint", "primary", "unique", "check", "foreign"].iter().any(|w| first.is(w));
        if constraint {
            if has(&words, "primary", "key") {
                let (listed, _) = definitions(part);
                let named = listed.iter().take(MAX_KEY).filter_map(|l| l.first()?.name());
                key = named.filter_map(|n| columns.iter().position(|c| c.eq_ignore_ascii_case(n))).collect();
            }
            continue;
        }
        let Some(name) = first.name() else { continue };
        if columns.len() >= MAX_COLUMNS {
            break;
        }
        let rest = words.get(1..).unwrap_or_default();
        if has(rest, "primary", "key") {
            key = vec![columns.len()];
            descending = has(rest, "key", "desc");
        }
        let generated = rest.iter().any(|t| t.is("as"));
        stored.push(!generated || rest.iter().any(|t| t.is("stored")));
        // The type is every word up to the first constraint; it must be this one alone.
        integer.push(rest.first().is_some_and(|t| t.is("integer")) && rest.get(1).is_none_or(|t| is_constraint(t)));
        columns.push(name.to_owned());
    }
    let rowid_column = match key.as_slice() {
        [one] if !without_rowid && !descending && integer.get(*one) == Some(&true) => Some(*one),
        _ => None,
    };
    let mut order: Vec<usize> = Vec::new();
    if without_rowid {
        for column in key {
            if !order.contains(&column) {
                order.push(column);
            }
        }
    }
    let rest: Vec<usize> = (0..columns.len()).filter(|c| !order.contains(c) && stored.get(*c) == Some(&true)).collect();
    order.extend(rest);
    let mut places = vec![None; columns.len()];
    for (place, column) in order.into_iter().enumerate() {
        if let Some(slot) = places.get_mut(column) {
            *slot = Some(place);
        }
    }
    Table { name: String::new(), columns, root: 0, places, rowid_column }
}

fn is_constraint(token: &Token) -> bool {
    ["constraint", "primary", "not", "null", "unique", "check", "default", "collate", "references", "generated", "as"]
        .iter()
        .any(|w| token.is(w))
}
