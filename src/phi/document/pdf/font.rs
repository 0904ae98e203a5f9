//! From the bytes of a shown string to text (ISO 32000-1, 9.6 to 9.10): by the font's own map to Unicode, or by its encoding.

use std::collections::HashMap;

use encoding_rs::{Encoding, MACINTOSH, WINDOWS_1252};

use super::file::File;
use super::value::{Lexer, Value};

/// Mapped codes of one font.
const MAX_CODES: u32 = 70_000;

pub(super) struct Font {
    /// Bytes of a code.
    bytes: usize,
    map: HashMap<u32, String>,
    /// For codes that the map doesn't have; `None` where a code says nothing by itself.
    encoding: Option<&'static Encoding>,
    first: u32,
    widths: Vec<f64>,
}

impl Default for Font {
    fn default() -> Self {
        Self { bytes: 1, map: HashMap::new(), encoding: Some(WINDOWS_1252), first: 0, widths: Vec::new() }
    }
}

/// A decoded string.
#[derive(Default)]
pub(super) struct Shown {
    pub text: String,
    /// In units of the font's size.
    pub width: f64,
    pub codes: u32,
    /// Codes without a character.
    pub unknown: u32,
}

impl Font {
    pub fn read(file: &mut File<'_>, dict: &Value) -> Self {
        let mut out = Self::default();
        if dict.get(b"Subtype").is_name(b"Type0") {
            out.bytes = 2;
            out.encoding = None;
        }
        let encoding = file.resolve(dict.get(b"Encoding"));
        if encoding.is_name(b"MacRomanEncoding") || encoding.get(b"BaseEncoding").is_name(b"MacRomanEncoding") {
            out.encoding = Some(MACINTOSH);
        }
        let mut code = 0_u32;
        for entry in file.resolve(encoding.get(b"Differences")).elements() {
            match entry {
                Value::Number(_) => code = entry.index().and_then(|n| u32::try_from(n).ok()).unwrap_or(0),
                Value::Name(name) => {
                    out.map.insert(code & 0xff, glyph(name));
                    code = code.saturating_add(1);
                }
                _ => {}
            }
        }
        if let Value::Ref(number) = dict.get(b"ToUnicode") {
            let stream = file.stream(*number);
            out.read_map(&stream);
        }
        out.first = file.resolve(dict.get(b"FirstChar")).index().and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
        let widths = file.resolve(dict.get(b"Widths"));
        out.widths = widths.elements().iter().take(256).map(|w| file.resolve(w).number().unwrap_or(500.0)).collect();
        out
    }

    /// A character map (9.10.3).
    fn read_map(&mut self, stream: &[u8]) {
        let mut lexer = Lexer::new(stream, 0);
        let mut list: Vec<Value> = Vec::new();
        let mut left = MAX_CODES;
        while let Some(value) = lexer.value() {
            let Value::Word(word) = &value else {
                if list.len() < 1000 {
                    list.push(value);
                }
                continue;
            };
            match word.as_slice() {
                b"endcodespacerange" => {
                    if let Some(Value::Text(low)) = list.first() {
                        self.bytes = low.len().clamp(1, 4);
                    }
                }
                b"endbfchar" => {
                    for pair in list.chunks_exact(2) {
                        if let [Value::Text(code), Value::Text(text)] = pair
                            && left > 0
                        {
                            left -= 1;
                            self.map.insert(number(code), utf16(text));
                        }
                    }
                }
                b"endbfrange" => {
                    for triple in list.chunks_exact(3) {
                        if let [Value::Text(low), Value::Text(high), to] = triple {
                            self.range(number(low), number(high), to, &mut left);
                        }
                    }
                }
                _ => {}
            }
            list.clear();
        }
    }

    fn range(&mut self, low: u32, high: u32, to: &Value, left: &mut u32) {
        for (i, code) in (low..=high).enumerate().take(65_536) {
            if *left == 0 {
                return;
            }
            *left -= 1;
            let text = match to {
                Value::Array(list) => match list.get(i) {
                    Some(Value::Text(text)) => utf16(text),
                    _ => return,
                },
                Value::Text(text) => {
                    let mut text = text.clone();
                    let n = number(&text).wrapping_add(u32::try_from(i).unwrap_or(0)).to_be_bytes();
                    let length = text.len().min(4);
                    let from = text.len().saturating_sub(length);
                    text.truncate(from);
                    text.extend(n.iter().skip(4_usize.saturating_sub(length)));
                    utf16(&text)
                }
                _ => return,
            };
            self.map.insert(code, text);
        }
    }

    pub fn decode(&self, string: &[u8]) -> Shown {
        let mut out = Shown::default();
        for code in string.chunks(self.bytes.max(1)) {
            let n = number(code);
            out.codes = out.codes.saturating_add(1);
            let known = out.text.len();
            match (self.map.get(&n), self.encoding) {
                (Some(text), _) => out.text.push_str(text),
                (None, Some(encoding)) => out.text.push_str(&encoding.decode_without_bom_handling(code).0),
                (None, None) => {}
            }
            out.unknown = out.unknown.saturating_add(u32::from(out.text.len() == known));
            let known = n.checked_sub(self.first).and_then(|i| self.widths.get(i as usize)).copied();
            let width = known.unwrap_or_else(|| usual_width(out.text.chars().next_back().unwrap_or('n')));
            out.width += width / 1000.0;
        }
        out
    }
}

/// About what a character takes in Helvetica, whose widths files needn't give.
fn usual_width(c: char) -> f64 {
    match c {
        'i' | 'l' | 'j' | '\'' | '|' => 220.0,
        't' | 'f' | 'r' | 'I' | ' ' | '.' | ',' | ':' | ';' | '!' | '(' | ')' | '[' | ']' | '-' | '/' => 290.0,
        'm' | 'w' | 'M' | 'W' | '@' => 830.0,
        c if c.is_uppercase() => 690.0,
        _ => 545.0,
    }
}

fn number(bytes: &[u8]) -> u32 {
    bytes.iter().rev().take(4).rev().fold(0, |n, b| n << 8 | u32::from(*b))
}

fn utf16(bytes: &[u8]) -> String {
    let units = bytes.chunks_exact(2).map(|c| c.iter().fold(0, |n, b| n << 8 | u16::from(*b)));
    char::decode_utf16(units).filter_map(Result::ok).filter(|c| *c != '\0').collect()
}

/// A string outside of pages (7.9.2): UTF-16 behind its mark, or bytes.
pub(super) fn text_string(bytes: &[u8]) -> String {
    match bytes {
        [0xfe, 0xff, rest @ ..] => utf16(rest),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned(),
    }
}

/// The character of a glyph's name (Adobe Glyph List); nothing where the name is the font's own.
fn glyph(name: &[u8]) -> String {
    const NAMES: [(&str, &str); 52] = [
        ("space", " "),
        ("zero", "0"),
        ("one", "1"),
        ("two", "2"),
        ("three", "3"),
        ("four", "4"),
        ("five", "5"),
        ("six", "6"),
        ("seven", "7"),
        ("eight", "8"),
        ("nine", "9"),
        ("comma", ","),
        ("period", "."),
        ("hyphen", "-"),
        ("minus", "-"),
        ("endash", "-"),
        ("emdash", "-"),
        ("colon", ":"),
        ("semicolon", ";"),
        ("slash", "/"),
        ("parenleft", "("),
        ("parenright", ")"),
        ("numbersign", "#"),
        ("quotesingle", "'"),
        ("quoteright", "'"),
        ("quoteleft", "'"),
        ("quotedbl", "\""),
        ("underscore", "_"),
        ("at", "@"),
        ("ampersand", "&"),
        ("percent", "%"),
        ("plus", "+"),
        ("equal", "="),
        ("asterisk", "*"),
        ("bar", "|"),
        ("fi", "fi"),
        ("fl", "fl"),
        ("ff", "ff"),
        ("bullet", "•"),
        ("eacute", "é"),
        ("aacute", "á"),
        ("iacute", "í"),
        ("oacute", "ó"),
        ("uacute", "ú"),
        ("ntilde", "ñ"),
        ("Eacute", "É"),
        ("Ntilde", "Ñ"),
        ("udieresis", "ü"),
        ("odieresis", "ö"),
        ("adieresis", "ä"),
        ("germandbls", "ß"),
        ("ccedilla", "ç"),
    ];
    let Ok(name) = std::str::from_utf8(name) else { return String::new() };
    let name = name.split('.').next().unwrap_or_default();
    if name.len() == 1 && name.is_ascii() {
        return name.to_owned();
    }
    if let Some(hex) = name.strip_prefix("uni").or_else(|| name.strip_prefix('u')).filter(|h| h.len() >= 4)
        && let Some(c) = u32::from_str_radix(hex, 16).ok().and_then(char::from_u32)
    {
        return c.to_string();
    }
    NAMES.iter().find(|(n, _)| *n == name).map_or_else(String::new, |(_, c)| (*c).to_owned())
}
