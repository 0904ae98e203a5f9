//! The syntax of STIX patterns (STIX 2.1 part 9, which holds for 2.0 too): text to tree, without meaning.

/// Nesting of parentheses that is taken.
const MAX_NESTING: usize = 32;
/// Longest pattern that is read, in bytes.
const MAX_PATTERN: usize = 256 << 10;

/// What a pattern says of several observations.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    /// `[ … ]`
    Observation(Comparison),
    /// `AND`, `OR`, `FOLLOWEDBY` between observations.
    Join(Join, Vec<Expression>),
    /// `WITHIN`, `REPEATS` or `START … STOP` behind an expression.
    Qualified(Box<Expression>, &'static str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Join {
    And,
    Or,
    FollowedBy,
}

/// What an observation says of its objects.
#[derive(Clone, Debug, PartialEq)]
pub enum Comparison {
    And(Vec<Comparison>),
    Or(Vec<Comparison>),
    Test { path: ObjectPath, negated: bool, operator: Operator, values: Vec<Value> },
    Exists { path: ObjectPath, negated: bool },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    In,
    Like,
    Matches,
    IsSubset,
    IsSuperset,
}

/// `type:property.'quoted'[*].property`; indexes are dropped, since one fitting element of a list is enough.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectPath {
    pub object: String,
    pub steps: Vec<String>,
}

impl std::fmt::Display for ObjectPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.object, self.steps.join("."))
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Text(String),
    Number(f64),
    Bool(bool),
    /// Seconds since 1970.
    Time(f64),
    /// Hexadecimal or base64, decoded.
    Bytes(Vec<u8>),
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Number(f64),
    Time(f64),
    Bytes(Vec<u8>),
    /// `=` and the like.
    Compare(Operator),
    Mark(char),
}

/// Reads a pattern. The error says what is wrong and where, counted in characters from 1.
pub fn parse(pattern: &str) -> Result<Expression, String> {
    if pattern.len() > MAX_PATTERN {
        return Err(format!("a pattern of more than {} KiB", MAX_PATTERN >> 10));
    }
    let tokens = lex(pattern)?;
    let mut parser = Parser { tokens: &tokens, at: 0, depth: 0 };
    let expression = parser.expression()?;
    match parser.peek() {
        None => Ok(expression),
        Some(_) => Err(parser.wrong("the end")),
    }
}

/// Tokens with the place where each begins.
fn lex(text: &str) -> Result<Vec<(usize, Token)>, String> {
    let chars: Vec<char> = text.chars().collect();
    let mut out = Vec::new();
    let mut i = 0;
    let get = |i: usize| chars.get(i).copied();
    while let Some(c) = get(i) {
        let start = i;
        let token = match c {
            c if c.is_whitespace() => {
                i += 1;
                continue;
            }
            '/' if get(i + 1) == Some('/') => {
                while get(i).is_some_and(|c| c != '\n') {
                    i += 1;
                }
                continue;
            }
            '/' if get(i + 1) == Some('*') => {
                i += 2;
                while get(i).is_some() && !(get(i) == Some('*') && get(i + 1) == Some('/')) {
                    i += 1;
                }
                i += 2;
                continue;
            }
            't' | 'h' | 'b' if get(i + 1) == Some('\'') => {
                i += 1;
                let text =
                    quoted(&chars, &mut i).ok_or_else(|| format!("at character {}: a quote that is not closed", start + 1))?;
                literal(c, &text).ok_or_else(|| format!("at character {}: no value of the form {c}'…'", start + 1))?
            }
            '\'' | '"' => {
                let text =
                    quoted(&chars, &mut i).ok_or_else(|| format!("at character {}: a quote that is not closed", start + 1))?;
                Token::Text(text)
            }
            '!' | '<' | '>' | '=' => {
                let two = get(i + 1);
                let (operator, width) = match (c, two) {
                    ('=', Some('=')) => (Operator::Eq, 2),
                    ('=', _) => (Operator::Eq, 1),
                    ('!', Some('=')) | ('<', Some('>')) => (Operator::Ne, 2),
                    ('<', Some('=')) => (Operator::Le, 2),
                    ('<', _) => (Operator::Lt, 1),
                    ('>', Some('=')) => (Operator::Ge, 2),
                    ('>', _) => (Operator::Gt, 1),
                    _ => return Err(format!("at character {}: \"!\" without \"=\"", start + 1)),
                };
                i += width;
                Token::Compare(operator)
            }
            c if c.is_ascii_digit() || (matches!(c, '-' | '+') && get(i + 1).is_some_and(|c| c.is_ascii_digit() || c == '.')) => {
                i += 1;
                while get(i).is_some_and(|c| {
                    c.is_ascii_alphanumeric() || c == '.' || (matches!(c, '-' | '+') && matches!(get(i - 1), Some('e' | 'E')))
                }) {
                    i += 1;
                }
                let word: String = chars.get(start..i).unwrap_or_default().iter().collect();
                match word.parse() {
                    Ok(n) => Token::Number(n),
                    // The number of a section or drive may begin a name.
                    Err(_) => Token::Word(word),
                }
            }
            c if c.is_alphanumeric() || c == '_' => {
                while get(i).is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '-') {
                    i += 1;
                }
                Token::Word(chars.get(start..i).unwrap_or_default().iter().collect())
            }
            '[' | ']' | '(' | ')' | ':' | '.' | ',' | '*' => {
                i += 1;
                Token::Mark(c)
            }
            c => return Err(format!("at character {}: \"{}\" has no meaning here", start + 1, c.escape_default())),
        };
        out.push((start + 1, token));
    }
    Ok(out)
}

/// The text between quotes; `\'` and `\\` are the only escapes.
fn quoted(chars: &[char], i: &mut usize) -> Option<String> {
    let quote = *chars.get(*i)?;
    *i += 1;
    let mut out = String::new();
    loop {
        match *chars.get(*i)? {
            '\\' => {
                out.push(*chars.get(*i + 1)?);
                *i += 2;
            }
            c if c == quote => {
                *i += 1;
                return Some(out);
            }
            c => {
                out.push(c);
                *i += 1;
            }
        }
    }
}

fn literal(kind: char, text: &str) -> Option<Token> {
    use base64::Engine as _;
    Some(match kind {
        't' => Token::Time(text.parse::<jiff::Timestamp>().ok()?.as_nanosecond() as f64 / 1e9),
        'h' => {
            let pairs = text.as_bytes().chunks(2);
            let byte =
                |p: &[u8]| std::str::from_utf8(p).ok().filter(|p| p.len() == 2).and_then(|p| u8::from_str_radix(p, 16).ok());
            Token::Bytes(pairs.map(byte).collect::<Option<_>>()?)
        }
        _ => Token::Bytes(base64::engine::general_purpose::STANDARD.decode(text).ok()?),
    })
}

struct Parser<'a> {
    tokens: &'a [(usize, Token)],
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(_, t)| t)
    }

    fn word(&self) -> Option<String> {
        match self.peek() {
            Some(Token::Word(w)) => Some(w.to_ascii_uppercase()),
            _ => None,
        }
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.word().is_some_and(|w| w == word);
        self.at += usize::from(found);
        found
    }

    fn take_mark(&mut self, mark: char) -> bool {
        let found = self.peek() == Some(&Token::Mark(mark));
        self.at += usize::from(found);
        found
    }

    fn need_mark(&mut self, mark: char) -> Result<(), String> {
        if self.take_mark(mark) { Ok(()) } else { Err(self.wrong(&format!("\"{mark}\""))) }
    }

    fn wrong(&self, wanted: &str) -> String {
        match self.tokens.get(self.at) {
            Some((place, _)) => format!("at character {place}: {wanted} was expected"),
            None => format!("at its end: {wanted} was expected"),
        }
    }

    fn deeper(&mut self) -> Result<(), String> {
        self.depth += 1;
        if self.depth > MAX_NESTING { Err(format!("nested more than {MAX_NESTING} levels deep")) } else { Ok(()) }
    }

    /// `FOLLOWEDBY` binds loosest, then `OR`, then `AND`.
    fn expression(&mut self) -> Result<Expression, String> {
        self.joined(&[("FOLLOWEDBY", Join::FollowedBy), ("OR", Join::Or), ("AND", Join::And)])
    }

    fn joined(&mut self, joins: &[(&str, Join)]) -> Result<Expression, String> {
        let Some(((word, join), tighter)) = joins.split_first() else { return self.qualified() };
        let mut list = vec![self.joined(tighter)?];
        while self.take_word(word) {
            list.push(self.joined(tighter)?);
        }
        Ok(if list.len() == 1 { list.remove(0) } else { Expression::Join(*join, list) })
    }

    fn qualified(&mut self) -> Result<Expression, String> {
        let mut inner = if self.take_mark('(') {
            self.deeper()?;
            let inner = self.expression()?;
            self.need_mark(')')?;
            self.depth -= 1;
            inner
        } else {
            self.need_mark('[')?;
            let inner = self.comparison()?;
            self.need_mark(']')?;
            Expression::Observation(inner)
        };
        loop {
            let word = if self.take_word("WITHIN") {
                self.number()?;
                if !self.take_word("SECONDS") {
                    return Err(self.wrong("SECONDS"));
                }
                "WITHIN"
            } else if self.take_word("REPEATS") {
                let n = self.number()?;
                if !self.take_word("TIMES") {
                    return Err(self.wrong("TIMES"));
                }
                if n == 1.0 {
                    continue;
                }
                "REPEATS"
            } else if self.take_word("START") {
                self.time()?;
                if !self.take_word("STOP") {
                    return Err(self.wrong("STOP"));
                }
                self.time()?;
                "START … STOP"
            } else {
                return Ok(inner);
            };
            inner = Expression::Qualified(Box::new(inner), word);
        }
    }

    fn number(&mut self) -> Result<f64, String> {
        match self.peek() {
            Some(Token::Number(n)) if *n > 0.0 => {
                let n = *n;
                self.at += 1;
                Ok(n)
            }
            _ => Err(self.wrong("a number above 0")),
        }
    }

    /// STIX 2.0 writes times as plain strings too.
    fn time(&mut self) -> Result<(), String> {
        match self.peek() {
            Some(Token::Time(_)) => {}
            Some(Token::Text(t)) if t.parse::<jiff::Timestamp>().is_ok() => {}
            _ => return Err(self.wrong("a time as t'…'")),
        }
        self.at += 1;
        Ok(())
    }

    /// `OR` of `AND` of comparisons.
    fn comparison(&mut self) -> Result<Comparison, String> {
        let mut any = vec![self.all()?];
        while self.take_word("OR") {
            any.push(self.all()?);
        }
        Ok(if any.len() == 1 { any.remove(0) } else { Comparison::Or(any) })
    }

    fn all(&mut self) -> Result<Comparison, String> {
        let mut all = vec![self.single()?];
        while self.take_word("AND") {
            all.push(self.single()?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Comparison::And(all) })
    }

    fn single(&mut self) -> Result<Comparison, String> {
        if self.take_mark('(') {
            self.deeper()?;
            let inner = self.comparison()?;
            self.need_mark(')')?;
            self.depth -= 1;
            return Ok(inner);
        }
        let before = self.at;
        let negated = self.take_word("NOT");
        if self.take_word("EXISTS") {
            let path = self.path()?;
            return Ok(Comparison::Exists { path, negated });
        }
        if negated {
            self.at = before;
            return Err(self.wrong("EXISTS behind NOT, or an object path"));
        }
        let path = self.path()?;
        let negated = self.take_word("NOT");
        let operator = match self.peek() {
            Some(Token::Compare(operator)) => *operator,
            _ => match self.word().as_deref() {
                Some("IN") => Operator::In,
                Some("LIKE") => Operator::Like,
                Some("MATCHES") => Operator::Matches,
                Some("ISSUBSET") => Operator::IsSubset,
                Some("ISSUPERSET") => Operator::IsSuperset,
                _ => return Err(self.wrong("a comparison operator")),
            },
        };
        self.at += 1;
        let values = if operator == Operator::In {
            self.need_mark('(')?;
            let mut values = vec![self.value()?];
            while self.take_mark(',') {
                values.push(self.value()?);
            }
            self.need_mark(')')?;
            values
        } else {
            vec![self.value()?]
        };
        let text = matches!(operator, Operator::Like | Operator::Matches | Operator::IsSubset | Operator::IsSuperset);
        if text && !matches!(values.first(), Some(Value::Text(_))) {
            self.at -= 1;
            return Err(self.wrong("a text in quotes"));
        }
        Ok(Comparison::Test { path, negated, operator, values })
    }

    fn path(&mut self) -> Result<ObjectPath, String> {
        let Some(Token::Word(object)) = self.peek().cloned() else { return Err(self.wrong("an object path")) };
        self.at += 1;
        self.need_mark(':')?;
        let mut steps = Vec::new();
        loop {
            match self.peek().cloned() {
                Some(Token::Word(w) | Token::Text(w)) => steps.push(w),
                Some(Token::Number(n)) => steps.push(n.to_string()),
                _ => return Err(self.wrong("a property")),
            }
            self.at += 1;
            while self.take_mark('[') {
                if !self.take_mark('*') {
                    match self.peek() {
                        Some(Token::Number(_)) => self.at += 1,
                        _ => return Err(self.wrong("an index or *")),
                    }
                }
                self.need_mark(']')?;
            }
            if !self.take_mark('.') {
                return Ok(ObjectPath { object: object.to_ascii_lowercase(), steps });
            }
        }
    }

    fn value(&mut self) -> Result<Value, String> {
        let value = match self.peek().cloned() {
            Some(Token::Text(t)) => Value::Text(t),
            Some(Token::Number(n)) => Value::Number(n),
            Some(Token::Time(t)) => Value::Time(t),
            Some(Token::Bytes(b)) => Value::Bytes(b),
            Some(Token::Word(w)) if w.eq_ignore_ascii_case("true") => Value::Bool(true),
            Some(Token::Word(w)) if w.eq_ignore_ascii_case("false") => Value::Bool(false),
            _ => return Err(self.wrong("a value")),
        };
        self.at += 1;
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precedence_and_parentheses() {
        let Expression::Join(Join::Or, list) = parse("[a:b = 1] OR [a:b = 2] AND [a:b = 3]").unwrap() else { panic!() };
        assert!(matches!(list[1], Expression::Join(Join::And, _)));
        let Expression::Join(Join::And, list) = parse("([a:b = 1] OR [a:b = 2]) AND [a:b = 3]").unwrap() else { panic!() };
        assert!(matches!(list[0], Expression::Join(Join::Or, _)));
        let Expression::Observation(Comparison::Or(list)) = parse("[a:b = 1 AND c:d = 2 OR e:f = 3]").unwrap() else { panic!() };
        assert!(matches!(list[0], Comparison::And(_)));
        assert!(matches!(parse("[a:b=1] FOLLOWEDBY [a:b=2] OR [a:b=3]").unwrap(), Expression::Join(Join::FollowedBy, _)));
    }

    #[test]
    fn paths_values_and_escapes() {
        let Expression::Observation(Comparison::Test { path, values, .. }) =
            parse(r"[file:hashes.'SHA-256' = 'it\'s \\ here']").unwrap()
        else {
            panic!()
        };
        assert_eq!(path.to_string(), "file:hashes.SHA-256");
        assert_eq!(values, [Value::Text(r"it's \ here".into())]);
        for good in [
            "[windows-registry-key:values[*].name = 'x']",
            "[file:size > -1.5e3]",
            "[x:a IN (1, 2, 3)]",
            "[x:a NOT IN ('a')]",
            "[EXISTS x:a.b[0].c]",
            "[NOT EXISTS x:a]",
            "[x:a = h'0aFF']",
            "[x:a = b'aGk=']",
            "[x:created > t'2020-01-01T00:00:00Z']",
            "[x:a = true] REPEATS 5 TIMES WITHIN 10 SECONDS",
            "[x:a = 1] START t'2020-01-01T00:00:00Z' STOP t'2021-01-01T00:00:00Z'",
            "[x:a = 1 /* why */] // end",
        ] {
            assert!(parse(good).is_ok(), "{good}: {:?}", parse(good));
        }
    }

    #[test]
    fn what_is_wrong_is_located() {
        for (bad, why) in [
            ("", "at its end"),
            ("[", "at its end"),
            ("[a:b = 'x]", "at character 8: a quote"),
            ("[a:b == ]", "at character 9: a value"),
            ("[a = 1]", "at character 4: \":\""),
            ("a:b = 1", "at character 1: \"[\""),
            ("[a:b = 1] AND", "at its end"),
            ("[a:b LIKE 5]", "at character 11: a text"),
            ("[a:b IN 5]", "at character 9: \"(\""),
            ("[a:b = 1] WITHIN 0 SECONDS", "a number above 0"),
            ("[a:b = 1]]", "at character 10: the end"),
            ("[a:b = h'0']", "no value of the form h"),
            ("[NOT a:b = 1]", "EXISTS behind NOT"),
            ("[a:b ! 1]", "without"),
            ("[a:b = $]", "no meaning"),
        ] {
            assert!(parse(bad).is_err_and(|e| e.contains(why)), "{bad}: {:?}", parse(bad));
        }
        assert!(parse(&format!("{}[a:b=1]{}", "(".repeat(100), ")".repeat(100))).unwrap_err().contains("levels"));
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "[\\[\\]()a-z:.'=<>!*,0-9 A-Z\\\\]{0,80}") {
            let _ = parse(&text);
        }
        #[test]
        fn any_text(text: String) {
            let _ = parse(&text);
        }
    }
}
