//! Exports as `regedit` writes them: `Windows Registry Editor Version 5.00` in UTF-16, `REGEDIT4` in the code
//! page of the system. Deletions (`[-KEY]`, `"value"=-`) say what is to go, so they show nothing.

use std::borrow::Cow;
use std::ops::ControlFlow;

use super::data::{Raw, Value};
use super::{Key, Walk};

const VERSION_5: &str = "Windows Registry Editor Version 5.00";
const VERSION_4: &str = "REGEDIT4";
/// Longest entry with its continued lines, in bytes of UTF-8.
const MAX_ENTRY: usize = 4 << 20;
/// Values of one key that are shown.
const MAX_VALUES: usize = 1 << 16;

pub(super) fn is_export(head: &[u8]) -> bool {
    let mut lines = Lines::new(head.get(..head.len().min(256)).unwrap_or_default());
    lines.next().is_some_and(|first| matches!(first.trim(), VERSION_5 | VERSION_4))
}

pub(super) fn walk(bytes: &[u8], visit: &mut dyn FnMut(&Key<'_>) -> ControlFlow<()>) -> Walk {
    let mut walk = Walk::default();
    let mut lines = Lines::new(bytes);
    let wide = lines.next().is_some_and(|first| first.trim() == VERSION_5);
    let mut path: Option<String> = None;
    let mut values: Vec<Value<'static>> = Vec::new();
    let mut deleted = false;
    while let Some(line) = lines.next() {
        let line = line.trim_start();
        if line.is_empty() || line.starts_with(';') {
            continue;
        }
        if let Some(key) = line.strip_prefix('[') {
            if show(&mut walk, path.take(), &mut values, visit).is_break() {
                return walk;
            }
            match key.trim_end().strip_suffix(']') {
                Some(key) if key.starts_with('-') => deleted = true,
                Some(key) => {
                    deleted = false;
                    path = Some(key.trim_matches('\\').to_owned());
                }
                None => {
                    deleted = false;
                    walk.damaged = walk.damaged.saturating_add(1);
                }
            }
            continue;
        }
        match entry(line, &mut lines, wide) {
            Some(Entry::Value(value)) if path.is_some() => {
                if values.len() < MAX_VALUES {
                    values.push(value);
                } else {
                    walk.limited = true;
                }
            }
            Some(Entry::Deletion) => {}
            Some(Entry::Value(_)) if deleted => {}
            _ => walk.damaged = walk.damaged.saturating_add(1),
        }
    }
    let _ = show(&mut walk, path, &mut values, visit);
    walk
}

fn show(
    walk: &mut Walk,
    path: Option<String>,
    values: &mut Vec<Value<'static>>,
    visit: &mut dyn FnMut(&Key<'_>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let values = std::mem::take(values);
    let Some(path) = path else { return ControlFlow::Continue(()) };
    walk.keys = walk.keys.saturating_add(1);
    walk.values = walk.values.saturating_add(values.len() as u64);
    visit(&Key { path: &path, written: None, values: &values })
}

enum Entry {
    Value(Value<'static>),
    Deletion,
}

/// `"name"=data` or `@=data`; further lines are taken where it goes on.
fn entry(line: &str, lines: &mut Lines<'_>, wide: bool) -> Option<Entry> {
    let mut text = line.to_owned();
    let (name, mut at) = match text.strip_prefix('@') {
        Some(_) => (String::new(), 1),
        None => quoted(&mut text, 0, lines)?,
    };
    at = at.checked_add(text.get(at..)?.find(|c: char| !c.is_whitespace())?)?;
    if !text.get(at..)?.starts_with('=') {
        return None;
    }
    at = at.checked_add(1)?;
    at = at.checked_add(text.get(at..)?.find(|c: char| !c.is_whitespace())?)?;
    let rest = text.get(at..)?;
    if rest.trim_end() == "-" {
        return Some(Entry::Deletion);
    }
    let (kind, raw) = if rest.starts_with('"') {
        let (data, _) = quoted(&mut text, at, lines)?;
        (1, data.encode_utf16().flat_map(u16::to_le_bytes).collect())
    } else if let Some(digits) = rest.strip_prefix("dword:") {
        (4, u32::from_str_radix(digits.trim(), 16).ok()?.to_le_bytes().to_vec())
    } else {
        let (kind, digits) = match rest.strip_prefix("hex(") {
            Some(rest) => {
                let (kind, digits) = rest.split_once("):")?;
                (u32::from_str_radix(kind, 16).ok()?, digits)
            }
            None => (3, rest.strip_prefix("hex:")?),
        };
        let mut digits = digits.trim().to_owned();
        while let Some(start) = digits.strip_suffix('\\') {
            digits.truncate(start.len());
            if digits.len() > MAX_ENTRY {
                return None;
            }
            digits.push_str(lines.next()?.trim());
        }
        let bytes: Option<Vec<u8>> =
            digits.split(',').map(str::trim).filter(|d| !d.is_empty()).map(|d| u8::from_str_radix(d, 16).ok()).collect();
        let bytes = bytes?;
        // The old version writes texts in the code page.
        let narrow = !wide && matches!(kind, 1 | 2 | 7);
        (kind, if narrow { super::data::narrow(&bytes).encode_utf16().flat_map(u16::to_le_bytes).collect() } else { bytes })
    };
    Some(Entry::Value(Value { name: name.into(), kind, raw: Raw::Bytes(Cow::Owned(raw)) }))
}

/// A text in quotation marks that begins at `at`, and where it ends. It may hold line ends.
fn quoted(text: &mut String, at: usize, lines: &mut Lines<'_>) -> Option<(String, usize)> {
    let mut out = String::new();
    let mut at = at.checked_add(1).filter(|_| text.get(at..).is_some_and(|t| t.starts_with('"')))?;
    loop {
        let rest = text.get(at..)?;
        let Some(c) = rest.chars().next() else {
            if text.len() > MAX_ENTRY {
                return None;
            }
            out.push('\n');
            text.push('\n');
            text.push_str(&lines.next()?);
            at = at.checked_add(1)?;
            continue;
        };
        at = at.checked_add(c.len_utf8())?;
        match c {
            '"' => return Some((out, at)),
            '\\' => {
                let escaped = text.get(at..)?.chars().next()?;
                at = at.checked_add(escaped.len_utf8())?;
                out.push(escaped);
            }
            c => out.push(c),
        }
    }
}

/// Lines of a text in UTF-16LE (with a byte order mark), UTF-8, or else Windows-1252, without their ends.
struct Lines<'a> {
    rest: &'a [u8],
    wide: bool,
}

impl<'a> Lines<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        match bytes {
            [0xff, 0xfe, rest @ ..] => Self { rest, wide: true },
            [0xef, 0xbb, 0xbf, rest @ ..] => Self { rest, wide: false },
            rest => Self { rest, wide: false },
        }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Cow<'a, str>;

    fn next(&mut self) -> Option<Cow<'a, str>> {
        if self.rest.is_empty() {
            return None;
        }
        let whole = self.rest;
        let (end, next) = if self.wide {
            let end = whole.chunks_exact(2).position(|u| u == b"\n\0").map(|n| n.saturating_mul(2));
            (end, 2)
        } else {
            (memchr::memchr(b'\n', whole), 1)
        };
        let end = end.unwrap_or(whole.len());
        let line = whole.get(..end).unwrap_or_default();
        self.rest = whole.get(end.saturating_add(next)..).unwrap_or_default();
        let text = if self.wide {
            Cow::Owned(super::data::wide(line))
        } else {
            match std::str::from_utf8(line) {
                Ok(text) => Cow::Borrowed(text),
                Err(_) => encoding_rs::WINDOWS_1252.decode_without_bom_handling(line).0,
            }
        };
        Some(match text {
            Cow::Borrowed(text) => Cow::Borrowed(text.strip_suffix('\r').unwrap_or(text)),
            Cow::Owned(mut text) => {
                if text.ends_with('\r') {
                    text.pop();
                }
                Cow::Owned(text)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Path of a key, and its values with their texts.
    type Shown = (String, Vec<(String, Vec<String>)>);

    fn keys(bytes: &[u8]) -> (Vec<Shown>, Walk) {
        let mut out = Vec::new();
        let walk = walk(bytes, &mut |key| {
            out.push((key.path.to_owned(), key.values.iter().map(|v| (v.name.to_string(), v.texts())).collect()));
            ControlFlow::Continue(())
        });
        (out, walk)
    }

    const TEXT: &str = "Windows Registry Editor Version 5.00\r\n\r\n\
        [HKEY_LOCAL_MACHINE\\SOFTWARE\\A]\r\n@=\"default\"\r\n\"path\"=\"C:\\\\x \\\"y\\\".exe\"\r\n\
        \"n\"=dword:0000000f\r\n\"e\"=hex(2):25,00,41,00,\\\r\n  25,00,00,00\r\n\"m\"=hex(7):61,00,00,00,62,00,00,00,00,00\r\n\
        \"two\"=\"one\r\ntwo\"\r\n; a remark\r\n\"gone\"=-\r\n\r\n[-HKEY_LOCAL_MACHINE\\SOFTWARE\\B]\r\n\"x\"=\"y\"\r\n\
        [HKEY_CURRENT_USER\\C]\r\n";

    #[test]
    fn every_kind_of_entry() {
        let wide: Vec<u8> = [0xff, 0xfe].into_iter().chain(TEXT.encode_utf16().flat_map(u16::to_le_bytes)).collect();
        for bytes in [TEXT.as_bytes(), &wide] {
            assert!(is_export(bytes));
            let (keys, walk) = keys(bytes);
            assert_eq!((walk.keys, walk.values, walk.damaged), (2, 6, 0));
            assert_eq!(keys[0].0, r"HKEY_LOCAL_MACHINE\SOFTWARE\A");
            let values: Vec<(&str, &str)> = keys[0].1.iter().map(|(n, d)| (n.as_str(), d[0].as_str())).collect();
            assert_eq!(
                values,
                [("", "default"), ("path", r#"C:\x "y".exe"#), ("n", "15"), ("e", "%A%"), ("m", "a"), ("two", "one\ntwo")]
            );
            assert_eq!(keys[1].0, r"HKEY_CURRENT_USER\C");
        }
    }

    #[test]
    fn the_old_version_is_not_utf16() {
        let (keys, walk) = keys(b"REGEDIT4\n[HKEY_USERS\\X]\n\"a\"=hex(2):25,41,00\n\"b\"=bad\n\"c\"=\"caf\xe9\"\n");
        assert_eq!(walk.damaged, 1);
        assert_eq!(keys[0].1, [("a".to_owned(), vec!["%A".to_owned()]), ("c".to_owned(), vec!["café".to_owned()])]);
        assert!(!is_export(b"REGEDIT5\n[X]") && !is_export(b"") && !is_export(b"\xff\xfe"));
    }

    proptest::proptest! {
        #[test]
        fn mutated(at in 0usize..400, byte: u8, cut in 0usize..400) {
            let mut bytes = TEXT.as_bytes().to_vec();
            if let Some(b) = bytes.get_mut(at) {
                *b = byte;
            }
            keys(bytes.get(cut..).unwrap_or_default());
            bytes.truncate(cut);
            keys(&bytes);
        }

        #[test]
        fn any_text(text in "(REGEDIT4|Windows Registry Editor Version 5.00)\n[\\[\\]\"=@a-h:(),\\\\\n-]{0,200}") {
            keys(text.as_bytes());
        }
    }
}
