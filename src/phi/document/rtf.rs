//! Rich Text Format (Microsoft RTF Specification 1.9.1): text of every destination that is shown, and tables.

use encoding_rs::{Encoding, WINDOWS_1252};

use super::flow::Flow;
use super::ole::code_page;
use super::{Document, Parts, Unread};
use crate::model::GapReason;

/// Groups inside each other.
const MAX_DEPTH: usize = 10_000;

/// `{\rtf` at the beginning.
pub(super) struct Rtf;

impl Document for Rtf {
    fn id(&self) -> &'static str {
        "rtf"
    }

    fn recognise(&self, head: &[u8]) -> bool {
        head.trim_ascii_start().starts_with(b"{\\rtf")
    }

    fn read(&self, body: &[u8], parts: &mut Parts<'_>) -> Result<(), Unread> {
        let mut reader = Reader {
            flow: Flow::default(),
            groups: Vec::new(),
            now: Group { hidden: false, fallback: 1 },
            encoding: WINDOWS_1252,
            bytes: Vec::new(),
            skip: 0,
            high: None,
            table: Table::default(),
            objects: false,
        };
        let whole = reader.run(body, parts);
        reader.flush();
        if reader.objects {
            parts.unread(Unread::new(GapReason::PhiFormat, "rtf: embedded objects are not read"));
        }
        reader.flow.finish(parts)?;
        whole
    }
}

#[derive(Clone, Copy)]
struct Group {
    /// Not text of the document.
    hidden: bool,
    /// Characters behind a `\u` that stand in for it.
    fallback: usize,
}

/// Where in a table the text is.
#[derive(Default)]
struct Table {
    open: bool,
    /// The paragraph says that it belongs to a table.
    inside: bool,
    new_row: bool,
    new_cell: bool,
}

struct Reader {
    flow: Flow,
    groups: Vec<Group>,
    now: Group,
    encoding: &'static Encoding,
    /// Characters of the code page, not decoded yet.
    bytes: Vec<u8>,
    /// Characters still to leave out behind a `\u`.
    skip: usize,
    /// First half of a pair.
    high: Option<u16>,
    table: Table,
    objects: bool,
}

impl Reader {
    fn run(&mut self, mut rest: &[u8], parts: &mut Parts<'_>) -> Result<(), Unread> {
        while let Some((first, behind)) = rest.split_first() {
            rest = behind;
            match first {
                b'{' => {
                    self.flush();
                    if self.groups.len() >= MAX_DEPTH {
                        return Err(Unread::new(GapReason::LimitDepth, "its groups are nested deeper than the limit"));
                    }
                    self.groups.push(self.now);
                }
                b'}' => {
                    self.flush();
                    match self.groups.pop() {
                        Some(group) => self.now = group,
                        None => return Ok(()),
                    }
                    if self.groups.is_empty() {
                        return Ok(());
                    }
                }
                b'\\' => rest = self.control(rest),
                b'\r' | b'\n' => {}
                byte => self.byte(*byte),
            }
            self.flow.pass(parts)?;
        }
        if self.groups.is_empty() { Ok(()) } else { Err(Unread::malformed("the document breaks off")) }
    }

    fn control<'a>(&mut self, rest: &'a [u8]) -> &'a [u8] {
        let Some((first, behind)) = rest.split_first() else { return rest };
        match first {
            b'\'' => {
                let hex = behind.get(..2).and_then(|h| std::str::from_utf8(h).ok()).and_then(|h| u8::from_str_radix(h, 16).ok());
                if let Some(byte) = hex {
                    self.byte(byte);
                }
                behind.get(2..).unwrap_or_default()
            }
            b'*' => {
                self.now.hidden = true;
                behind
            }
            b'~' => {
                self.byte(b' ');
                behind
            }
            b'_' => {
                self.byte(b'-');
                behind
            }
            b'\r' | b'\n' => {
                self.line();
                behind
            }
            b'\\' | b'{' | b'}' => {
                self.byte(*first);
                behind
            }
            b if b.is_ascii_alphabetic() => self.word(rest),
            _ => behind,
        }
    }

    fn word<'a>(&mut self, rest: &'a [u8]) -> &'a [u8] {
        let letters = rest.iter().take(32).take_while(|b| b.is_ascii_alphabetic()).count();
        let (name, rest) = rest.split_at(letters);
        let digits = rest.iter().enumerate().take(12).take_while(|(i, b)| b.is_ascii_digit() || (*i == 0 && **b == b'-')).count();
        let (number, rest) = rest.split_at(digits);
        let number: Option<i64> = std::str::from_utf8(number).ok().and_then(|n| n.parse().ok());
        let rest = rest.strip_prefix(b" ").unwrap_or(rest);
        if name == b"bin" {
            let n = number.and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
            return rest.get(n.min(rest.len())..).unwrap_or_default();
        }
        if name == b"u" {
            self.unicode(number.unwrap_or(0));
            return rest;
        }
        self.flush();
        self.skip = 0;
        match name {
            b"ansicpg" => self.encoding = code_page(number.and_then(|n| u16::try_from(n).ok()).unwrap_or(1252)),
            b"mac" => self.encoding = code_page(10000),
            b"uc" => self.now.fallback = number.and_then(|n| usize::try_from(n).ok()).unwrap_or(1).min(16),
            // Comments are marked as what old readers may ignore; they are text.
            b"annotation" | b"shptxt" | b"footnote" => self.now.hidden = false,
            b"fonttbl"
            | b"colortbl"
            | b"stylesheet"
            | b"info"
            | b"pict"
            | b"fldinst"
            | b"themedata"
            | b"colorschememapping"
            | b"datastore"
            | b"latentstyles"
            | b"listtable" => self.now.hidden = true,
            b"objdata" => {
                self.now.hidden = true;
                self.objects = true;
            }
            b"par" | b"line" | b"sect" | b"page" | b"column" => self.line(),
            b"tab" => self.add("\t"),
            b"lquote" | b"rquote" => self.add("'"),
            b"ldblquote" | b"rdblquote" => self.add("\""),
            b"endash" | b"emdash" => self.add("-"),
            b"pard" => self.table.inside = false,
            b"intbl" => self.table.inside = true,
            b"trowd" => self.begin_table(),
            b"cell" | b"nestcell" if !self.now.hidden => {
                self.begin_table();
                self.add("");
                self.table.new_cell = true;
            }
            b"row" | b"nestrow" => self.table.new_row = true,
            _ => {}
        }
        rest
    }

    fn unicode(&mut self, number: i64) {
        self.flush();
        self.skip = self.now.fallback;
        // Written as a signed number of sixteen bits; characters beyond are pairs.
        let unit = u16::try_from(number).or_else(|_| i16::try_from(number).map(i16::cast_unsigned)).unwrap_or(0xfffd);
        match (self.high.take(), unit) {
            (_, 0xd800..=0xdbff) => self.high = Some(unit),
            (Some(high), 0xdc00..=0xdfff) => {
                let text: String = char::decode_utf16([high, unit]).filter_map(Result::ok).collect();
                self.add(&text);
            }
            _ => self.add(char::from_u32(u32::from(unit)).unwrap_or(char::REPLACEMENT_CHARACTER).encode_utf8(&mut [0; 4])),
        }
    }

    fn byte(&mut self, byte: u8) {
        if self.skip > 0 {
            self.skip -= 1;
        } else if !self.now.hidden {
            self.bytes.push(byte);
            if self.bytes.len() > 64 * 1024 {
                self.flush();
            }
        }
    }

    fn flush(&mut self) {
        if !self.bytes.is_empty() {
            let bytes = std::mem::take(&mut self.bytes);
            let text = self.encoding.decode_without_bom_handling(&bytes).0;
            self.add(&text);
        }
    }

    fn line(&mut self) {
        if !self.now.hidden {
            self.add("");
            self.flow.line();
        }
    }

    fn begin_table(&mut self) {
        self.table.inside = true;
        if !self.table.open {
            self.flow.open_table();
            self.table = Table { open: true, inside: true, new_row: true, new_cell: true };
        }
    }

    /// Adds text where it belongs.
    fn add(&mut self, text: &str) {
        if self.now.hidden {
            return;
        }
        if self.table.open {
            if self.table.new_row && !self.table.inside {
                self.flow.close_table();
                self.table = Table::default();
            } else if std::mem::take(&mut self.table.new_row) {
                self.flow.open_row();
                self.flow.open_cell();
                self.table.new_cell = false;
            } else if std::mem::take(&mut self.table.new_cell) {
                self.flow.open_cell();
            }
        }
        self.flow.text(text);
    }
}
