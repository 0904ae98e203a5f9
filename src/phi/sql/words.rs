//! The beginnings of statements, read for the names of a table and its columns.

/// Columns of a table that are kept.
const MAX_COLUMNS: usize = 1024;
/// Bytes of a name that are kept.
const MAX_NAME: usize = 128;

/// A piece of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Word {
    /// Compared without case.
    Bare(String),
    /// In quotes of any kind: always a name.
    Quoted(String),
    Sign(u8),
}

impl Word {
    fn is(&self, word: &str) -> bool {
        matches!(self, Word::Bare(w) if w.eq_ignore_ascii_case(word))
    }

    fn name(&self) -> Option<&str> {
        match self {
            Word::Bare(w) | Word::Quoted(w) => Some(w),
            Word::Sign(_) => None,
        }
    }
}

/// A table as a statement names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(in crate::phi) struct Named {
    /// In lower case, with its schema where that is given.
    pub table: String,
    pub columns: Option<Vec<String>>,
}

impl Named {
    /// Bytes that the names take.
    pub fn size(&self) -> usize {
        let columns = self.columns.iter().flatten();
        columns.fold(self.table.len(), |sum, c| sum.saturating_add(c.len()).saturating_add(24))
    }
}

/// `INSERT INTO t (a, b)`, `REPLACE …`, `INSERT [dbo].[t] (…)`; without the `VALUES` behind it.
pub(super) fn insert(head: &[u8]) -> Option<Named> {
    const BEFORE: [&str; 12] = [
        "insert",
        "all",
        "replace",
        "into",
        "or",
        "ignore",
        "abort",
        "fail",
        "rollback",
        "low_priority",
        "high_priority",
        "delayed",
    ];
    target(&words(head), &BEFORE)
}

/// `COPY t (a, b) FROM stdin`; `None` where the rows are elsewhere.
pub(super) fn copy(head: &[u8]) -> Option<Named> {
    let words = words(head);
    let from = words.iter().position(|w| w.is("from"))?;
    let (front, behind) = words.split_at_checked(from)?;
    // Rows in the form of CSV are none that a dump writes.
    let plain = behind.get(1)?.is("stdin") && !behind.iter().any(|w| w.is("csv") || w.is("binary"));
    if plain { target(front, &["copy"]) } else { None }
}

/// `CREATE TABLE t (a integer, b text, PRIMARY KEY (a))`.
pub(super) fn create(head: &[u8]) -> Option<Named> {
    const BEFORE: [&str; 11] =
        ["create", "table", "if", "not", "exists", "temporary", "temp", "global", "local", "unlogged", "foreign"];
    let words = words(head);
    if !words.iter().take(4).any(|w| w.is("table")) {
        return None;
    }
    let named = target(&words, &BEFORE)?;
    let open = words.iter().position(|w| *w == Word::Sign(b'('))?;
    let mut columns = Vec::new();
    let (mut depth, mut first) = (1_usize, true);
    for word in words.iter().skip(open + 1) {
        match word {
            Word::Sign(b'(') => depth += 1,
            Word::Sign(b')') => depth = depth.saturating_sub(1),
            Word::Sign(b',') if depth == 1 => first = true,
            word if first && depth == 1 => {
                first = false;
                columns.extend(word.name().filter(|_| !is_constraint(word)).map(str::to_owned));
            }
            _ => {}
        }
        if depth == 0 || columns.len() >= MAX_COLUMNS {
            break;
        }
    }
    Some(Named { columns: Some(columns), ..named })
}

fn is_constraint(word: &Word) -> bool {
    const CONSTRAINTS: [&str; 12] = [
        "constraint",
        "primary",
        "unique",
        "check",
        "foreign",
        "key",
        "index",
        "fulltext",
        "spatial",
        "exclude",
        "like",
        "period",
    ];
    CONSTRAINTS.iter().any(|c| word.is(c))
}

/// The name behind these words, and the list in parentheses behind it.
fn target(words: &[Word], before: &[&str]) -> Option<Named> {
    let start = words.iter().position(|w| !before.iter().any(|b| w.is(b)))?;
    let mut table = String::new();
    let mut rest = words.get(start..)?.iter();
    let mut next = rest.next();
    while let Some(name) = next.and_then(Word::name) {
        table.push_str(&name.to_lowercase());
        next = rest.next();
        if next != Some(&Word::Sign(b'.')) {
            break;
        }
        table.push('.');
        next = rest.next();
    }
    if table.is_empty() {
        return None;
    }
    let listed = || rest.take_while(|w| **w != Word::Sign(b')')).filter_map(Word::name);
    let columns = (next == Some(&Word::Sign(b'('))).then(|| listed().take(MAX_COLUMNS).map(str::to_owned).collect());
    Some(Named { table, columns })
}

/// Cuts a statement into words. Comments are left out; what isn't closed ends with the text.
fn words(text: &[u8]) -> Vec<Word> {
    let mut out = Vec::new();
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        rest = match first {
            b'-' if tail.starts_with(b"-") => after(tail, b"\n"),
            b'/' if tail.starts_with(b"*") => after(tail, b"*/"),
            b'\'' | b'"' | b'`' => quoted(tail, *first, &mut out),
            b'[' => quoted(tail, b']', &mut out),
            b if b.is_ascii_whitespace() => tail,
            b if is_letter(*b) => {
                let len = rest.iter().take_while(|b| is_letter(**b)).count();
                let (word, tail) = rest.split_at_checked(len).unwrap_or((rest, &[]));
                out.push(Word::Bare(shown(word)));
                tail
            }
            b => {
                out.push(Word::Sign(*b));
                tail
            }
        };
    }
    out
}

fn after<'t>(text: &'t [u8], end: &[u8]) -> &'t [u8] {
    let at = memchr::memmem::find(text, end).map(|at| at.saturating_add(end.len()));
    at.and_then(|at| text.get(at..)).unwrap_or_default()
}

/// A doubled quote stands for itself.
fn quoted<'t>(mut text: &'t [u8], close: u8, out: &mut Vec<Word>) -> &'t [u8] {
    let mut word = Vec::new();
    while let Some(at) = memchr::memchr(close, text) {
        word.extend_from_slice(text.get(..at).unwrap_or_default());
        text = text.get(at.saturating_add(1)..).unwrap_or_default();
        if text.first() != Some(&close) {
            out.push(Word::Quoted(shown(&word)));
            return text;
        }
        word.push(close);
        text = text.get(1..).unwrap_or_default();
    }
    &[]
}

pub(super) fn is_letter(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$' | b'#' | b'@') || !b.is_ascii()
}

fn shown(word: &[u8]) -> String {
    String::from_utf8_lossy(word.get(..MAX_NAME).unwrap_or(word)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(table: &str, columns: &[&str]) -> Option<Named> {
        let columns = (!columns.is_empty()).then(|| columns.iter().map(|c| (*c).to_owned()).collect());
        Some(Named { table: table.to_owned(), columns })
    }

    #[test]
    fn statements_of_every_product() {
        assert_eq!(insert(b"INSERT INTO `patients` "), named("patients", &[]));
        assert_eq!(insert(b"INSERT [dbo].[Patients] ([Id], [Last Name]) "), named("dbo.patients", &["Id", "Last Name"]));
        assert_eq!(insert(b"Insert into HR.\"T\" (A,B) "), named("hr.t", &["A", "B"]));
        assert_eq!(insert(b"INSERT OR REPLACE INTO t(a)"), named("t", &["a"]));
        assert_eq!(copy(b"COPY public.p (id, \"dob\") FROM stdin"), named("public.p", &["id", "dob"]));
        assert_eq!(copy(b"COPY p FROM '/tmp/x'"), None);
        let table = b"CREATE TABLE IF NOT EXISTS `a`.`p` (\n `id` int(11) NOT NULL, -- the key, it's one\n `name` varchar(10) \
            DEFAULT 'x,y', `key` decimal(10,2),\n PRIMARY KEY (`id`,`name`), KEY `k` (`name`)) ENGINE=InnoDB";
        assert_eq!(create(table), named("a.p", &["id", "name", "key"]));
        assert_eq!(create(b"CREATE INDEX i ON t (a)"), None);
        assert_eq!(insert(b"INSERT"), None);
    }
}
