//! The tree of a STIX pattern, by recursive descent (STIX 2.1 part 9).
//!
//! AND binds tighter than OR, and both tighter than FOLLOWEDBY; all are read from left to right.

use crate::model::text;

use super::lexer::{Lexer, Token};

/// Nesting of parentheses.
const MAX_DEPTH: usize = 64;
/// Words and marks of one pattern.
pub const MAX_TOKENS: usize = 1_000_000;
/// Characters of an object path in a message.
const MAX_SHOWN: usize = 80;

/// Statements about observations.
#[derive(Clone, Debug, PartialEq)]
pub enum Observed {
    One(Comparison),
    All(Vec<Observed>),
    Any(Vec<Observed>),
    Followed(Vec<Observed>),
    /// With the keyword of a qualifier.
    Qualified(Box<Observed>, &'static str),
}

/// Comparisons within one observation.
#[derive(Clone, Debug, PartialEq)]
pub enum Comparison {
    Test(Test),
    All(Vec<Comparison>),
    Any(Vec<Comparison>),
}

/// One property, compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Test {
    pub path: ObjectPath,
    /// `NOT` and `!=`.
    pub negated: bool,
    pub op: Op,
    /// One for all but `IN` (any number) and `EXISTS` (none).
    pub values: Vec<Literal>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    Like,
    Matches,
    Subset,
    Superset,
    Exists,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    Text(String),
    Number(f64),
    Bool(bool),
    /// Seconds since 1970.
    Time(f64),
    Bytes(Vec<u8>),
}

/// `file:hashes.'SHA-256'`
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectPath {
    pub object: String,
    pub steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    Property(String),
    Index(i64),
    /// `[*]`
    Every,
}

impl ObjectPath {
    /// For people: escaped and shortened, without quotes.
    pub fn words(&self) -> String {
        let mut out = format!("{}:", self.object);
        for (i, step) in self.steps.iter().enumerate() {
            match step {
                Step::Property(p) if i == 0 => out.push_str(p),
                Step::Property(p) => out.push_str(&format!(".{p}")),
                Step::Index(n) => out.push_str(&format!("[{n}]")),
                Step::Every => out.push_str("[*]"),
            }
        }
        text::shorten(&text::escape(out.as_bytes()), MAX_SHOWN)
    }
}

/// A pattern that could be read.
#[derive(Debug)]
pub struct Parsed {
    pub tree: Observed,
    /// It has a backslash that escapes nothing, which was taken as it stands.
    pub lone_backslash: bool,
}

/// Reads a pattern. The error says at which character (counted from 1) something else was expected.
pub fn parse(pattern: &str) -> Result<Parsed, String> {
    let mut lexer = Lexer::new(pattern);
    let (token, at) = lexer.next()?;
    let mut parser = Parser { lexer, token, at, depth: 0 };
    let tree = parser.followed()?;
    if parser.token != Token::End {
        return Err(parser.expected("AND, OR, FOLLOWEDBY, a qualifier or the end"));
    }
    Ok(Parsed { tree, lone_backslash: parser.lexer.lone_backslash })
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    /// The token that is looked at, and where it begins.
    token: Token,
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn advance(&mut self) -> Result<Token, String> {
        let (token, at) = self.lexer.next()?;
        self.at = at;
        Ok(std::mem::replace(&mut self.token, token))
    }

    fn expected(&self, what: &str) -> String {
        self.lexer.error(self.at, &format!("expected {what}, found {}", self.token.words()))
    }

    fn is_mark(&self, mark: &str) -> bool {
        matches!(&self.token, Token::Mark(m) if *m == mark)
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(&self.token, Token::Word(w) if w.eq_ignore_ascii_case(word))
    }

    /// Takes a mark where it stands here.
    fn mark(&mut self, mark: &str) -> Result<bool, String> {
        let here = self.is_mark(mark);
        if here {
            self.advance()?;
        }
        Ok(here)
    }

    /// Takes a keyword where it stands here.
    fn word(&mut self, word: &str) -> Result<bool, String> {
        let here = self.is_word(word);
        if here {
            self.advance()?;
        }
        Ok(here)
    }

    fn need_mark(&mut self, mark: &str) -> Result<(), String> {
        if self.mark(mark)? { Ok(()) } else { Err(self.expected(&format!("\"{mark}\""))) }
    }

    fn need_word(&mut self, word: &str) -> Result<(), String> {
        if self.word(word)? { Ok(()) } else { Err(self.expected(word)) }
    }

    fn list<T>(&mut self, word: &str, part: fn(&mut Self) -> Result<T, String>) -> Result<Vec<T>, String> {
        let mut list = vec![part(self)?];
        while self.word(word)? {
            list.push(part(self)?);
        }
        Ok(list)
    }

    /// A part in parentheses or brackets.
    fn nested<T>(&mut self, close: &str, part: fn(&mut Self) -> Result<T, String>) -> Result<T, String> {
        if self.depth >= MAX_DEPTH {
            return Err(self.lexer.error(self.at, &format!("nested more than {MAX_DEPTH} levels deep")));
        }
        self.depth = self.depth.saturating_add(1);
        let out = part(self)?;
        self.need_mark(close)?;
        self.depth = self.depth.saturating_sub(1);
        Ok(out)
    }

    fn followed(&mut self) -> Result<Observed, String> {
        Ok(join(self.list("FOLLOWEDBY", Self::observed_or)?, Observed::Followed))
    }

    fn observed_or(&mut self) -> Result<Observed, String> {
        Ok(join(self.list("OR", Self::observed_and)?, Observed::Any))
    }

    fn observed_and(&mut self) -> Result<Observed, String> {
        Ok(join(self.list("AND", Self::observation)?, Observed::All))
    }

    fn observation(&mut self) -> Result<Observed, String> {
        let mut observed = if self.mark("[")? {
            Observed::One(self.nested("]", Self::comparison)?)
        } else if self.mark("(")? {
            self.nested(")", Self::followed)?
        } else {
            return Err(self.expected("\"[\" or \"(\""));
        };
        let mut seen = Vec::new();
        while let Some(keyword) = self.qualifier()? {
            if seen.contains(&keyword) {
                return Err(self.lexer.error(self.at, &format!("{keyword} stands before this for the second time")));
            }
            seen.push(keyword);
            observed = Observed::Qualified(Box::new(observed), keyword);
        }
        Ok(observed)
    }

    fn qualifier(&mut self) -> Result<Option<&'static str>, String> {
        if self.word("WITHIN")? {
            match self.token {
                Token::Whole(n) if n >= 0 => {}
                Token::Number(n) if n >= 0.0 => {}
                _ => return Err(self.expected("a number of seconds")),
            }
            self.advance()?;
            self.need_word("SECONDS")?;
            Ok(Some("WITHIN"))
        } else if self.word("REPEATS")? {
            if !matches!(self.token, Token::Whole(n) if n >= 0) {
                return Err(self.expected("a number of times"));
            }
            self.advance()?;
            self.need_word("TIMES")?;
            Ok(Some("REPEATS"))
        } else if self.word("START")? {
            let start = self.instant()?;
            self.need_word("STOP")?;
            let at = self.at;
            let stop = self.instant()?;
            if stop <= start {
                return Err(self.lexer.error(at, "the time after STOP is not later than the one after START"));
            }
            Ok(Some("START and STOP"))
        } else {
            Ok(None)
        }
    }

    /// A time; STIX 2.0 writes it as a string.
    fn instant(&mut self) -> Result<f64, String> {
        let time = match &self.token {
            Token::Time(t) => Some(*t),
            Token::Text(t) => super::lexer::time(t),
            _ => None,
        };
        let time = time.ok_or_else(|| self.expected("a time"))?;
        self.advance()?;
        Ok(time)
    }

    fn comparison(&mut self) -> Result<Comparison, String> {
        Ok(join(self.list("OR", Self::comparison_and)?, Comparison::Any))
    }

    fn comparison_and(&mut self) -> Result<Comparison, String> {
        Ok(join(self.list("AND", Self::test)?, Comparison::All))
    }

    fn test(&mut self) -> Result<Comparison, String> {
        if self.mark("(")? {
            return self.nested(")", Self::comparison);
        }
        let before = self.word("NOT")?;
        if self.word("EXISTS")? {
            let path = self.path()?;
            return Ok(Comparison::Test(Test { path, negated: before, op: Op::Exists, values: Vec::new() }));
        }
        if before {
            return Err(self.expected("EXISTS, as NOT otherwise stands behind the object path"));
        }
        let path = self.path()?;
        let mut negated = self.word("NOT")?;
        let op = match &self.token {
            Token::Mark("=" | "==") => Op::Equal,
            Token::Mark("!=" | "<>") => {
                negated = !negated;
                Op::Equal
            }
            Token::Mark("<") => Op::Less,
            Token::Mark("<=") => Op::LessOrEqual,
            Token::Mark(">") => Op::Greater,
            Token::Mark(">=") => Op::GreaterOrEqual,
            Token::Word(w) => match w.to_ascii_uppercase().as_str() {
                "IN" => Op::In,
                "LIKE" => Op::Like,
                "MATCHES" => Op::Matches,
                "ISSUBSET" => Op::Subset,
                "ISSUPERSET" => Op::Superset,
                _ => return Err(self.expected("a comparison operator")),
            },
            _ => return Err(self.expected("a comparison operator")),
        };
        self.advance()?;
        let values = match op {
            Op::In => self.set()?,
            Op::Like | Op::Matches | Op::Subset | Op::Superset if !matches!(self.token, Token::Text(_)) => {
                return Err(self.expected("a string"));
            }
            Op::Less | Op::LessOrEqual | Op::Greater | Op::GreaterOrEqual if matches!(self.token, Token::Word(_)) => {
                return Err(self.expected("a string, number or time"));
            }
            _ => vec![self.literal()?],
        };
        Ok(Comparison::Test(Test { path, negated, op, values }))
    }

    fn set(&mut self) -> Result<Vec<Literal>, String> {
        self.need_mark("(")?;
        let mut out = Vec::new();
        if self.mark(")")? {
            return Ok(out);
        }
        loop {
            out.push(self.literal()?);
            if self.mark(")")? {
                return Ok(out);
            }
            self.need_mark(",")?;
        }
    }

    fn literal(&mut self) -> Result<Literal, String> {
        let literal = match &mut self.token {
            Token::Text(t) => Literal::Text(std::mem::take(t)),
            Token::Whole(n) => Literal::Number(*n as f64),
            Token::Number(n) => Literal::Number(*n),
            Token::Time(t) => Literal::Time(*t),
            Token::Bytes(b) => Literal::Bytes(std::mem::take(b)),
            Token::Word(w) if w.eq_ignore_ascii_case("true") => Literal::Bool(true),
            Token::Word(w) if w.eq_ignore_ascii_case("false") => Literal::Bool(false),
            _ => return Err(self.expected("a value")),
        };
        self.advance()?;
        Ok(literal)
    }

    fn path(&mut self) -> Result<ObjectPath, String> {
        let Token::Word(object) = &mut self.token else { return Err(self.expected("an object path")) };
        let object = std::mem::take(object);
        self.advance()?;
        self.need_mark(":")?;
        let mut steps = vec![self.property()?];
        loop {
            if self.mark(".")? {
                steps.push(self.property()?);
            } else if self.mark("[")? {
                steps.push(match self.token {
                    Token::Mark("*") => Step::Every,
                    Token::Whole(n) => Step::Index(n),
                    _ => return Err(self.expected("an index or \"*\"")),
                });
                self.advance()?;
                self.need_mark("]")?;
            } else {
                return Ok(ObjectPath { object, steps });
            }
        }
    }

    fn property(&mut self) -> Result<Step, String> {
        let name = match &mut self.token {
            Token::Word(n) | Token::Text(n) | Token::Quoted(n) => std::mem::take(n),
            _ => return Err(self.expected("a property")),
        };
        self.advance()?;
        Ok(Step::Property(name))
    }
}

/// A list of one is that one.
fn join<T>(mut list: Vec<T>, many: fn(Vec<T>) -> T) -> T {
    match list.pop() {
        Some(one) if list.is_empty() => one,
        Some(last) => {
            list.push(last);
            many(list)
        }
        None => many(list),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tree with one letter for a comparison: `a`, `(a & b)`, `(a | b)`, `(a > b)`, `WITHIN(a)`.
    fn shape(pattern: &str) -> String {
        fn comparison(c: &Comparison) -> String {
            let list = |l: &[Comparison], mark: &str| format!("({})", l.iter().map(comparison).collect::<Vec<_>>().join(mark));
            match c {
                Comparison::Test(t) => format!("{}{}", if t.negated { "!" } else { "" }, t.path.object),
                Comparison::All(l) => list(l, "&"),
                Comparison::Any(l) => list(l, "|"),
            }
        }
        fn observed(o: &Observed) -> String {
            let list = |l: &[Observed], mark: &str| format!("({})", l.iter().map(observed).collect::<Vec<_>>().join(mark));
            match o {
                Observed::One(c) => format!("[{}]", comparison(c)),
                Observed::All(l) => list(l, "&"),
                Observed::Any(l) => list(l, "|"),
                Observed::Followed(l) => list(l, ">"),
                Observed::Qualified(o, word) => format!("{word}{}", observed(o)),
            }
        }
        observed(&parse(pattern).unwrap_or_else(|e| panic!("{pattern}: {e}")).tree)
    }

    #[test]
    fn operators_bind_as_the_grammar_says() {
        for (pattern, tree) in [
            ("[a:x=1 OR b:x=1 AND c:x=1]", "[(a|(b&c))]"),
            ("[a:x=1 AND b:x=1 OR c:x=1]", "[((a&b)|c)]"),
            ("[(a:x=1 OR b:x=1) AND c:x=1]", "[((a|b)&c)]"),
            ("[a:x=1] OR [b:x=1] AND [c:x=1]", "([a]|([b]&[c]))"),
            ("[a:x=1] FOLLOWEDBY [b:x=1] OR [c:x=1]", "([a]>([b]|[c]))"),
            ("([a:x=1] FOLLOWEDBY [b:x=1]) OR [c:x=1]", "(([a]>[b])|[c])"),
            ("[a:x=1] AND [b:x=1] WITHIN 5 SECONDS", "([a]&WITHIN[b])"),
            ("([a:x=1] AND [b:x=1]) WITHIN 5 SECONDS", "WITHIN([a]&[b])"),
            ("[a:x=1] REPEATS 2 TIMES WITHIN 1.5 SECONDS", "WITHINREPEATS[a]"),
            ("[a:x NOT = 1 and b:x != 1 And c:x NOT != 1]", "[(!a&!b&c)]"),
            ("[NOT EXISTS a:x OR EXISTS b:x]", "[(!a|b)]"),
            ("(((([((a:x=1))]))))", "[a]"),
        ] {
            assert_eq!(shape(pattern), tree, "{pattern}");
        }
    }

    #[test]
    fn paths_are_shown_without_quotes() {
        let parsed = parse("[file:hashes.'SHA-256'[*].\"x\"[3].y_ref.z IN ('a', 5, true)]").unwrap();
        let Observed::One(Comparison::Test(test)) = parsed.tree else { panic!() };
        assert_eq!(test.path.words(), "file:hashes.SHA-256[*].x[3].y_ref.z");
        assert_eq!(test.values, [Literal::Text("a".into()), Literal::Number(5.0), Literal::Bool(true)]);
    }

    #[test]
    fn errors_say_where_and_what() {
        for (pattern, why) in [
            ("[file:name ~ 'x']", "at character 12: a character that no pattern has"),
            ("[file:name 'x']", "at character 12: expected a comparison operator, found a string"),
            ("[file:name = 'x'", "at character 17: expected \"]\", found the end"),
            ("[file:name = x]", "at character 14: expected a value, found the word x"),
            ("[NOT file:name = 'x']", "at character 6: expected EXISTS, as NOT otherwise"),
            ("file:name = 'x'", "at character 1: expected \"[\" or \"(\", found the word file"),
            ("[file:name = 'x'] [a:b=1]", "at character 19: expected AND, OR, FOLLOWEDBY, a qualifier or the end"),
            ("", "at character 1: expected"),
        ] {
            let got = parse(pattern).unwrap_err();
            assert!(got.starts_with(why), "{pattern}: {got}");
        }
        let deep = format!("{}[a:b=1]{}", "(".repeat(5000), ")".repeat(5000));
        assert!(parse(&deep).unwrap_err().contains("levels deep"));
        assert!(parse(&format!("[{}a:b=1]", "(".repeat(5000))).unwrap_err().contains("levels deep"));
        assert!(parse(&format!("[a:b IN ({}1)]", "1,".repeat(MAX_TOKENS))).unwrap_err().contains("more than"));
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text: String) {
            let _ = parse(&text);
        }
        #[test]
        fn never_panics_near_the_grammar(words in proptest::collection::vec(proptest::sample::select(vec![
            "[", "]", "(", ")", "file:name", "a:b[*].c", "=", "!=", "NOT", "EXISTS", "IN", "'x'", "5", ",", "AND", "OR",
            "FOLLOWEDBY", "WITHIN", "SECONDS", "REPEATS", "TIMES", "START", "STOP", "t'2020-01-01T00:00:00Z'", "LIKE", "true",
        ]), 0..24)) {
            let _ = parse(&words.join(" "));
        }
    }
}
