//! Tokens of the STIX pattern language (STIX 2.1 part 9.2 to 9.4, and the grammar in its appendix).
//!
//! More is read than the standard allows, where files in use need it and the meaning is plain: operators in any
//! case, names of properties with hyphens or in double quotes, and a backslash that escapes nothing.

use super::parser::MAX_TOKENS;

/// One token.
#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    /// `[ ] ( ) , . : *` and the comparison operators, as they are spelled.
    Mark(&'static str),
    /// An identifier or keyword.
    Word(String),
    /// In single quotes.
    Text(String),
    /// In double quotes, which only names of properties may be.
    Quoted(String),
    Number(f64),
    /// Whether it is a whole number is asked of indexes and repetitions.
    Whole(i64),
    /// `t'…'`, seconds since 1970.
    Time(f64),
    /// `h'…'` and `b'…'`.
    Bytes(Vec<u8>),
    End,
}

impl Token {
    /// For messages: what kind of thing it is, never its content.
    pub fn words(&self) -> String {
        match self {
            Token::Mark(m) => format!("\"{m}\""),
            Token::Word(w) if w.len() <= 20 => format!("the word {w}"),
            Token::Word(_) => "a word".into(),
            Token::Text(_) => "a string".into(),
            Token::Quoted(_) => "a text in double quotes".into(),
            Token::Number(_) | Token::Whole(_) => "a number".into(),
            Token::Time(_) => "a time".into(),
            Token::Bytes(_) => "a binary value".into(),
            Token::End => "the end".into(),
        }
    }
}

const MARKS: &[&str] = &["==", "=", "!=", "<>", "<=", "<", ">=", ">", "[", "]", "(", ")", ",", ".", ":", "*"];

/// Reads tokens from left to right.
pub struct Lexer<'a> {
    text: &'a str,
    at: usize,
    tokens: usize,
    /// A backslash was taken as it stands.
    pub lone_backslash: bool,
}

impl<'a> Lexer<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0, tokens: 0, lone_backslash: false }
    }

    /// `at character N: WHY`, counted from 1.
    pub fn error(&self, at: usize, why: &str) -> String {
        let n = self.text.get(..at).map_or(0, |t| t.chars().count()).saturating_add(1);
        format!("at character {n}: {why}")
    }

    /// The next token and where it begins, in bytes.
    pub fn next(&mut self) -> Result<(Token, usize), String> {
        self.skip()?;
        let start = self.at;
        self.tokens = self.tokens.saturating_add(1);
        if self.tokens > MAX_TOKENS {
            return Err(self.error(start, &format!("more than {MAX_TOKENS} words and marks")));
        }
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return Ok((Token::End, start)) };
        let token = match first {
            '\'' => Token::Text(self.quoted('\'')?),
            '"' => Token::Quoted(self.quoted('"')?),
            't' | 'h' | 'b' if rest.get(1..2) == Some("'") => self.prefixed(first)?,
            '+' | '-' | '0'..='9' => self.number()?,
            '.' if rest.get(1..2).is_some_and(|c| c.bytes().all(|b| b.is_ascii_digit())) => self.number()?,
            c if c.is_ascii_alphabetic() || c == '_' => {
                let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-')).unwrap_or(rest.len());
                self.take(end);
                Token::Word(rest.get(..end).unwrap_or_default().to_owned())
            }
            _ => {
                let mark = MARKS.iter().find(|m| rest.starts_with(**m));
                let mark = mark.ok_or_else(|| self.error(start, "a character that no pattern has"))?;
                self.take(mark.len());
                Token::Mark(mark)
            }
        };
        Ok((token, start))
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn take(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes);
    }

    /// Blanks and comments.
    fn skip(&mut self) -> Result<(), String> {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            self.take(rest.len().saturating_sub(trimmed.len()));
            if let Some(comment) = trimmed.strip_prefix("//") {
                let end = comment.find(['\n', '\r']).unwrap_or(comment.len());
                self.take(end.saturating_add(2));
            } else if let Some(comment) = trimmed.strip_prefix("/*") {
                let end = comment.find("*/").ok_or_else(|| self.error(self.at, "a comment without end"))?;
                self.take(end.saturating_add(4));
            } else {
                return Ok(());
            }
        }
    }

    /// A text up to its closing quote. `\'` and `\\` are the only escapes.
    fn quoted(&mut self, quote: char) -> Result<String, String> {
        let start = self.at;
        let mut out = String::new();
        let mut chars = self.rest().char_indices().skip(1).peekable();
        while let Some((i, c)) = chars.next() {
            match c {
                c if c == quote => {
                    self.take(i.saturating_add(1));
                    return Ok(out);
                }
                '\\' => match chars.next_if(|(_, n)| *n == quote || *n == '\\') {
                    Some((_, escaped)) => out.push(escaped),
                    None => {
                        self.lone_backslash = true;
                        out.push('\\');
                    }
                },
                c => out.push(c),
            }
        }
        Err(self.error(start, "a string without its closing quote"))
    }

    /// `t'…'`, `h'…'`, `b'…'`
    fn prefixed(&mut self, kind: char) -> Result<Token, String> {
        let start = self.at;
        self.take(1);
        let text = self.quoted('\'')?;
        match kind {
            't' => time(&text).map(Token::Time).ok_or("no time; it is written t'2026-01-31T12:00:00Z'"),
            'h' => unhex(&text).map(Token::Bytes).ok_or("no pairs of hexadecimal digits"),
            _ => {
                use base64::Engine as _;
                base64::engine::general_purpose::STANDARD.decode(&text).map(Token::Bytes).map_err(|_| "no Base64")
            }
        }
        .map_err(|why| self.error(start, why))
    }

    fn number(&mut self) -> Result<Token, String> {
        let start = self.at;
        let rest = self.rest();
        let signed = usize::from(rest.starts_with(['+', '-']));
        let digits = |from: usize| rest.get(from..).unwrap_or_default().bytes().take_while(u8::is_ascii_digit).count();
        let whole = digits(signed);
        let mut end = signed.saturating_add(whole);
        let fraction = if rest.get(end..).is_some_and(|r| r.starts_with('.')) { digits(end.saturating_add(1)) } else { 0 };
        let leading_zero = whole > 1 && rest.get(signed..).is_some_and(|r| r.starts_with('0'));
        if leading_zero || (whole == 0 && fraction == 0) {
            return Err(self.error(start, "no number"));
        }
        if fraction > 0 {
            end = end.saturating_add(1).saturating_add(fraction);
        }
        self.take(end);
        let text = rest.get(..end).unwrap_or_default();
        let whole = if fraction == 0 { text.trim_start_matches('+').parse::<i64>().ok() } else { None };
        match (whole, text.parse::<f64>()) {
            (Some(n), _) => Ok(Token::Whole(n)),
            (None, Ok(n)) if n.is_finite() => Ok(Token::Number(n)),
            _ => Err(self.error(start, "a number that is too large")),
        }
    }
}

/// RFC 3339, as seconds since 1970.
pub fn time(text: &str) -> Option<f64> {
    let time: jiff::Timestamp = text.parse().ok()?;
    // Exact to about 200 ns in our century, which no file system's time needs better.
    Some(time.as_second() as f64 + f64::from(time.subsec_nanosecond()) / 1e9)
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) {
        return None;
    }
    let digit = |b: &u8| char::from(*b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    text.as_bytes()
        .chunks_exact(2)
        .map(|pair| match pair {
            [high, low] => Some((digit(high)? << 4) | digit(low)?),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Result<Vec<Token>, String> {
        let mut lexer = Lexer::new(text);
        let mut out = Vec::new();
        loop {
            match lexer.next()?.0 {
                Token::End => return Ok(out),
                token => out.push(token),
            }
        }
    }

    fn text(t: &str) -> Token {
        Token::Text(t.into())
    }

    fn word(w: &str) -> Token {
        Token::Word(w.into())
    }

    #[test]
    fn each_token() {
        assert_eq!(all(r"'it\'s' 'C:\\x'").unwrap(), [text("it's"), text(r"C:\x")]);
        assert_eq!(all("5 -7 +3 2.5 .5 -0.25").unwrap()[..3], [Token::Whole(5), Token::Whole(-7), Token::Whole(3)]);
        assert_eq!(all("2.5 .5 -.25").unwrap(), [Token::Number(2.5), Token::Number(0.5), Token::Number(-0.25)]);
        assert_eq!(all("t'1970-01-01T00:00:01.5Z'").unwrap(), [Token::Time(1.5)]);
        assert_eq!(all("h'ff0a' b'YQ==' h''").unwrap()[..2], [Token::Bytes(vec![255, 10]), Token::Bytes(vec![97])]);
        assert_eq!(all("a.b[*] <> x-y").unwrap().len(), 8);
        assert_eq!(all("AND // no more ']\n or /* ' */ x").unwrap(), [word("AND"), word("or"), word("x")]);
        assert_eq!(all("t th \"q\"").unwrap(), [word("t"), word("th"), Token::Quoted("q".into())]);
    }

    #[test]
    fn errors_say_where() {
        for (bad, at, word) in [
            ("'a\u{e9}' 'b", 6, "closing quote"),
            (r"'ends in \'", 1, "closing quote"),
            ("  ;", 3, "character"),
            ("05", 1, "number"),
            ("- 5", 1, "number"),
            ("t'yesterday'", 1, "time"),
            ("t'2020-02-31T00:00:00Z'", 1, "time"),
            ("h'abc'", 1, "hexadecimal"),
            ("b'YWJ'", 1, "Base64"),
            ("a /* b", 3, "comment"),
        ] {
            let why = all(bad).unwrap_err();
            assert!(why.starts_with(&format!("at character {at}: ")) && why.contains(word), "{bad}: {why}");
        }
    }

    #[test]
    fn a_lone_backslash_is_noted() {
        let mut lexer = Lexer::new(r"'C:\Temp\\x'");
        assert_eq!(lexer.next().unwrap().0, text(r"C:\Temp\x"));
        assert!(lexer.lone_backslash);
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text: String) {
            let _ = all(&text);
        }
        #[test]
        fn never_panics_near_tokens(text in r"[tbh]?'[0-9a-f\\'TZ:.-]{0,20}'?|[-+.0-9]{0,8}|[/*' ]{0,8}") {
            let _ = all(&text);
        }
    }
}
