//! HTML and XHTML: text without tags, scripts and styles; tables; values of form fields.
//!
//! Source: WHATWG HTML, 13.2.5 (tokenization), as far as it tells tags from text.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

use super::flow::Flow;
use super::{Document, Parts, Unread};

/// Bytes in which a page says its encoding.
const DECLARED: usize = 1024;

/// A text whose first element is one of HTML.
pub(super) struct Html;

impl Document for Html {
    fn id(&self) -> &'static str {
        "html"
    }

    fn recognise(&self, head: &[u8]) -> bool {
        let Some(root) = root(head) else { return false };
        const ROOTS: [&str; 18] = [
            "html",
            "head",
            "body",
            "title",
            "meta",
            "style",
            "table",
            "div",
            "p",
            "center",
            "font",
            "h1",
            "h2",
            "h3",
            "pre",
            "span",
            "b",
            "!doctype html",
        ];
        ROOTS.contains(&root.as_str())
    }

    fn read(&self, body: &[u8], parts: &mut Parts<'_>) -> Result<(), Unread> {
        text(&decode(body), parts)
    }
}

/// The name of the first element, or of the document type, in small letters.
fn root(head: &[u8]) -> Option<String> {
    let mut rest = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    loop {
        rest = rest.trim_ascii_start().strip_prefix(b"<")?;
        let end: &[u8] = match rest {
            [b'!', b'-', b'-', ..] => b"-->",
            [b'?', ..] => b"?>",
            _ => break,
        };
        let at = memchr::memmem::find(rest, end)?;
        rest = rest.get(at.saturating_add(end.len())..)?;
    }
    let declaration = rest.get(..13).unwrap_or_default().to_ascii_lowercase();
    if declaration == b"!doctype html" {
        return String::from_utf8(declaration).ok();
    }
    let name: Vec<u8> =
        rest.iter().take(16).take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b':' | b'-' | b'_')).copied().collect();
    String::from_utf8(name.to_ascii_lowercase()).ok().filter(|n| !n.is_empty())
}

/// By the byte-order mark, by what the page says, or as what it is.
pub(super) fn decode(body: &[u8]) -> Cow<'_, str> {
    let head = body.get(..DECLARED.min(body.len())).unwrap_or_default().to_ascii_lowercase();
    let declared = memchr::memmem::find(&head, b"charset=").and_then(|at| {
        let label = head.get(at.saturating_add(8)..)?.trim_ascii_start();
        let label = label.strip_prefix(b"\"").or_else(|| label.strip_prefix(b"'")).unwrap_or(label);
        let end =
            label.iter().position(|b| !b.is_ascii_alphanumeric() && !matches!(b, b'-' | b'_' | b':')).unwrap_or(label.len());
        Encoding::for_label(label.get(..end)?)
    });
    let encoding = match Encoding::for_bom(body) {
        Some((encoding, _)) => encoding,
        None if std::str::from_utf8(body).is_ok() => UTF_8,
        None => declared.unwrap_or(WINDOWS_1252),
    };
    encoding.decode(body).0
}

/// Hands out the text of a page.
pub(super) fn text(page: &str, parts: &mut Parts<'_>) -> Result<(), Unread> {
    let mut flow = Flow::default();
    let mut rest = page;
    // Where lines are kept as they are written.
    let mut as_is = 0_u32;
    loop {
        let at = memchr::memchr(b'<', rest.as_bytes());
        let (before, from) = rest.split_at(at.unwrap_or(rest.len()));
        add(before, as_is > 0, &mut flow);
        flow.pass(parts)?;
        if from.is_empty() {
            break;
        }
        let (tag, behind) = split_tag(from);
        rest = behind;
        let closing = tag.starts_with("</");
        let inner = tag.trim_start_matches(['<', '/']);
        let name: String =
            inner.chars().take(12).take_while(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
        match name.as_str() {
            "" if tag == "<" => flow.text("<"),
            "script" | "style" if !closing => rest = behind_end(rest, &name),
            "pre" | "textarea" => {
                flow.line();
                as_is = if closing { as_is.saturating_sub(1) } else { as_is.saturating_add(1) };
            }
            "table" if closing => flow.close_table(),
            "table" => flow.open_table(),
            "tr" if !closing => flow.open_row(),
            "td" | "th" if !closing => flow.open_cell(),
            "input" => {
                if let Some(value) = attribute(inner, "value") {
                    flow.text(&format!(" {} ", entities(value)));
                }
            }
            // A label and what it is for.
            "dt" | "label" if closing => flow.text("\t"),
            name if is_block(name) => flow.line(),
            _ => {}
        }
    }
    flow.finish(parts)
}

fn is_block(name: &str) -> bool {
    const BLOCKS: [&str; 30] = [
        "p",
        "div",
        "br",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "li",
        "ul",
        "ol",
        "dl",
        "dt",
        "hr",
        "section",
        "article",
        "header",
        "footer",
        "form",
        "fieldset",
        "legend",
        "title",
        "option",
        "blockquote",
        "center",
        "caption",
        "body",
        "main",
        "address",
    ];
    BLOCKS.contains(&name)
}

/// A tag, comment or declaration, and what follows. A `<` that begins none stands for itself.
fn split_tag(from: &str) -> (&str, &str) {
    let bytes = from.as_bytes();
    let end = match bytes.get(1) {
        Some(b'!') if from.starts_with("<!--") => memchr::memmem::find(bytes, b"-->").map(|n| n.saturating_add(3)),
        Some(b) if b.is_ascii_alphabetic() || matches!(b, b'/' | b'!' | b'?') => end_of_tag(bytes),
        _ => return from.split_at(1),
    };
    from.split_at(end.unwrap_or(from.len()))
}

/// Behind the `>` that isn't in quotes. A quote that nothing closes is none.
fn end_of_tag(bytes: &[u8]) -> Option<usize> {
    let mut quote = None;
    for (i, b) in bytes.iter().enumerate().take(64 * 1024) {
        match (quote, b) {
            (None, b'>') => return Some(i.saturating_add(1)),
            (None, b'"' | b'\'') if bytes.get(i.wrapping_sub(1)).is_some_and(|b| matches!(b, b'=' | b' ')) => quote = Some(*b),
            (Some(q), b) if q == *b => quote = None,
            _ => {}
        }
    }
    memchr::memchr(b'>', bytes).map(|n| n.saturating_add(1))
}

/// What follows behind the end tag of a script or style.
fn behind_end<'a>(rest: &'a str, name: &str) -> &'a str {
    let ends = memchr::memmem::find_iter(rest.as_bytes(), b"</");
    let mut found = ends
        .filter_map(|at| rest.get(at..))
        .filter(|end| end.get(2..name.len().saturating_add(2)).is_some_and(|n| n.eq_ignore_ascii_case(name)));
    found.next().unwrap_or_default()
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let lower = tag.to_ascii_lowercase();
    let at = lower.find(&format!(" {name}="))?.saturating_add(name.len()).saturating_add(2);
    let value = tag.get(at..)?;
    match value.chars().next()? {
        q @ ('"' | '\'') => value.get(1..)?.split(q).next(),
        _ => value.split([' ', '>', '/']).next(),
    }
}

/// Adds text with its entities resolved, blanks and line ends being one blank.
fn add(text: &str, as_is: bool, flow: &mut Flow) {
    if text.is_empty() {
        return;
    }
    let text = entities(text);
    if as_is {
        flow.text(&text);
        return;
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let blank = matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{a0}' | '\u{c}');
        if !blank {
            out.push(c);
        } else if !out.ends_with(' ') {
            out.push(' ');
        }
    }
    flow.text(&out);
}

/// Character references resolved; unknown names stay as they are.
fn entities(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let name: &str = from.get(1..).unwrap_or_default();
        let end = name.bytes().take(10).position(|b| !b.is_ascii_alphanumeric() && b != b'#').unwrap_or(name.len().min(10));
        let name = name.get(..end).unwrap_or_default();
        match entity(name) {
            Some(c) => {
                out.push(c);
                rest = from.get(name.len().saturating_add(1)..).unwrap_or_default();
                rest = rest.strip_prefix(';').unwrap_or(rest);
            }
            None => {
                out.push('&');
                rest = from.get(1..).unwrap_or_default();
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

fn entity(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => number.parse(),
        };
        return code.ok().and_then(char::from_u32).filter(|c| *c != '\0');
    }
    const NAMES: [(&str, char); 38] = [
        ("amp", '&'),
        ("lt", '<'),
        ("gt", '>'),
        ("quot", '"'),
        ("apos", '\''),
        ("nbsp", ' '),
        ("ndash", '-'),
        ("mdash", '-'),
        ("rsquo", '\''),
        ("lsquo", '\''),
        ("ldquo", '"'),
        ("rdquo", '"'),
        ("emsp", ' '),
        ("ensp", ' '),
        ("bull", '•'),
        ("middot", '·'),
        ("aacute", 'á'),
        ("eacute", 'é'),
        ("iacute", 'í'),
        ("oacute", 'ó'),
        ("uacute", 'ú'),
        ("ntilde", 'ñ'),
        ("Ntilde", 'Ñ'),
        ("Aacute", 'Á'),
        ("Eacute", 'É'),
        ("Iacute", 'Í'),
        ("Oacute", 'Ó'),
        ("Uacute", 'Ú'),
        ("agrave", 'à'),
        ("egrave", 'è'),
        ("auml", 'ä'),
        ("ouml", 'ö'),
        ("uuml", 'ü'),
        ("Auml", 'Ä'),
        ("Ouml", 'Ö'),
        ("Uuml", 'Ü'),
        ("szlig", 'ß'),
        ("ccedil", 'ç'),
    ];
    NAMES.iter().find(|(n, _)| *n == name).map(|(_, c)| *c)
}
