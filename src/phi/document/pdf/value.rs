//! Values and tokens of PDF (ISO 32000-1, 7.2 and 7.3).

/// Arrays and dictionaries inside each other.
const MAX_DEPTH: u32 = 24;
/// Elements of one array or dictionary.
const MAX_ELEMENTS: usize = 200_000;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Number(f64),
    Name(Vec<u8>),
    Text(Vec<u8>),
    Array(Vec<Value>),
    Dict(Vec<(Vec<u8>, Value)>),
    Ref(u32),
    /// An operator or another word.
    Word(Vec<u8>),
}

impl Value {
    pub fn get(&self, key: &[u8]) -> &Value {
        match self {
            Value::Dict(pairs) => pairs.iter().find(|(k, _)| k == key).map_or(&Value::Null, |(_, v)| v),
            _ => &Value::Null,
        }
    }

    pub fn number(&self) -> Option<f64> {
        if let Value::Number(n) = self { Some(*n) } else { None }
    }

    /// A whole number that isn't negative.
    pub fn index(&self) -> Option<usize> {
        // Above 2^53 no number is whole, and none is meant.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        self.number().filter(|n| (0.0..9e15).contains(n)).map(|n| n as usize)
    }

    /// Pairs of a dictionary.
    pub fn len(&self) -> usize {
        if let Value::Dict(pairs) = self { pairs.len() } else { 0 }
    }

    pub fn is_name(&self, name: &[u8]) -> bool {
        matches!(self, Value::Name(n) if n == name)
    }

    pub fn elements(&self) -> &[Value] {
        if let Value::Array(list) = self { list } else { &[] }
    }
}

/// Reads values one after another.
pub(super) struct Lexer<'a> {
    pub bytes: &'a [u8],
    pub at: usize,
}

fn is_space(b: u8) -> bool {
    matches!(b, 0 | 9 | 10 | 12 | 13 | 32)
}

fn is_delimiter(b: u8) -> bool {
    matches!(b, b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%')
}

impl<'a> Lexer<'a> {
    pub fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip(&mut self) {
        while let Some(b) = self.peek() {
            if b == b'%' {
                let rest = self.bytes.get(self.at..).unwrap_or_default();
                self.at = self.at.saturating_add(memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len()));
            } else if is_space(b) {
                self.at = self.at.saturating_add(1);
            } else {
                break;
            }
        }
    }

    /// The next value; `None` at the end.
    pub fn value(&mut self) -> Option<Value> {
        self.nested(0)
    }

    fn nested(&mut self, depth: u32) -> Option<Value> {
        self.skip();
        let b = self.peek()?;
        let two = self.bytes.get(self.at..self.at.saturating_add(2)).unwrap_or_default();
        match b {
            b'/' => {
                self.at = self.at.saturating_add(1);
                Some(Value::Name(name(self.run())))
            }
            b'(' => Some(Value::Text(self.text())),
            b'<' if two == b"<<" => {
                self.at = self.at.saturating_add(2);
                let list = self.list(b'>', depth)?;
                let mut pairs = Vec::new();
                let mut list = list.into_iter();
                while let Some(key) = list.next() {
                    if let (Value::Name(key), Some(value)) = (key, list.next()) {
                        pairs.push((key, value));
                    }
                }
                Some(Value::Dict(pairs))
            }
            b'<' => {
                let rest = self.bytes.get(self.at.saturating_add(1)..).unwrap_or_default();
                let end = memchr::memchr(b'>', rest).unwrap_or(rest.len());
                self.at = self.at.saturating_add(end).saturating_add(2);
                Some(Value::Text(hex(rest.get(..end).unwrap_or_default())))
            }
            b'[' => {
                self.at = self.at.saturating_add(1);
                self.list(b']', depth).map(Value::Array)
            }
            b if is_delimiter(b) => {
                self.at = self.at.saturating_add(1);
                Some(Value::Word(vec![b]))
            }
            _ => Some(self.word()),
        }
    }

    /// Up to the closing bracket, or `>>`.
    fn list(&mut self, close: u8, depth: u32) -> Option<Vec<Value>> {
        if depth >= MAX_DEPTH {
            return None;
        }
        let mut out: Vec<Value> = Vec::new();
        while out.len() < MAX_ELEMENTS {
            self.skip();
            if self.peek()? == close {
                self.at = self.at.saturating_add(if close == b'>' { 2 } else { 1 });
                break;
            }
            match self.nested(depth.saturating_add(1))? {
                // `12 0 R`
                Value::Word(w) if w == b"R" => {
                    out.pop();
                    let number = out.pop().and_then(|v| v.index()).and_then(|n| u32::try_from(n).ok());
                    out.push(number.map_or(Value::Null, Value::Ref));
                }
                Value::Word(w) if w == b"endobj" || w == b"stream" => return None,
                value => out.push(value),
            }
        }
        Some(out)
    }

    fn run(&mut self) -> &'a [u8] {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let end = rest.iter().position(|b| is_space(*b) || is_delimiter(*b)).unwrap_or(rest.len());
        self.at = self.at.saturating_add(end);
        rest.get(..end).unwrap_or_default()
    }

    fn word(&mut self) -> Value {
        let word = self.run();
        let number = word.first().is_some_and(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.'));
        let parsed = if number && word.len() < 40 { std::str::from_utf8(word).ok().and_then(|w| w.parse().ok()) } else { None };
        match (parsed, word) {
            (Some(n), _) => Value::Number(n),
            (None, b"null") => Value::Null,
            (None, word) => Value::Word(word.to_vec()),
        }
    }

    /// A string in parentheses, which may hold pairs of them (7.3.4.2).
    fn text(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut open = 0_u32;
        while let Some(b) = self.peek() {
            self.at = self.at.saturating_add(1);
            match b {
                b'(' => {
                    open = open.saturating_add(1);
                    if open > 1 {
                        out.push(b);
                    }
                }
                b')' => {
                    open = open.saturating_sub(1);
                    if open == 0 {
                        break;
                    }
                    out.push(b);
                }
                b'\\' => self.escape(&mut out),
                b => out.push(b),
            }
        }
        out
    }

    fn escape(&mut self, out: &mut Vec<u8>) {
        let Some(b) = self.peek() else { return };
        self.at = self.at.saturating_add(1);
        match b {
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'b' | b'f' | b'\n' => {}
            b'\r' => {
                if self.peek() == Some(b'\n') {
                    self.at = self.at.saturating_add(1);
                }
            }
            b'0'..=b'7' => {
                let mut n = u32::from(b.saturating_sub(b'0'));
                for _ in 0..2 {
                    match self.peek() {
                        Some(d @ b'0'..=b'7') => {
                            n = n * 8 + u32::from(d.saturating_sub(b'0'));
                            self.at = self.at.saturating_add(1);
                        }
                        _ => break,
                    }
                }
                out.push((n & 0xff) as u8);
            }
            b => out.push(b),
        }
    }
}

/// A name with its `#xx` resolved.
fn name(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((b, behind)) = rest.split_first() {
        rest = behind;
        let code = (*b == b'#')
            .then(|| behind.get(..2))
            .flatten()
            .and_then(|h| std::str::from_utf8(h).ok())
            .and_then(|h| u8::from_str_radix(h, 16).ok());
        if let Some(code) = code {
            out.push(code);
            rest = behind.get(2..).unwrap_or_default();
        } else {
            out.push(*b);
        }
    }
    out
}

fn hex(digits: &[u8]) -> Vec<u8> {
    let digits: Vec<u8> = digits.iter().filter_map(|b| char::from(*b).to_digit(16)).map(|d| (d & 15) as u8).collect();
    digits.chunks(2).map(|c| c.first().copied().unwrap_or(0) << 4 | c.get(1).copied().unwrap_or(0)).collect()
}
