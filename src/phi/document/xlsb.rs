//! Excel workbooks in binary records in a zip (MS-XLSB). Every sheet is read, whether shown or hidden.

use std::io::{BufRead, Read};

use super::cells::{Strings, Styles, rk};
use super::flow::Flow;
use super::members::Members;
use super::sheet::{Sheet, put};
use super::{Document, Parts, Unread, office};

/// Bytes of a record; the longest that Excel writes have 64 KiB.
const MAX_RECORD: u64 = 16 << 20;

/// `xl/workbook.bin` in a zip.
pub(super) struct Xlsb;

impl Document for Xlsb {
    fn id(&self) -> &'static str {
        "xlsb"
    }

    fn recognise(&self, head: &[u8]) -> bool {
        office::kind(head) == Some(office::Kind::Xlsb)
    }

    fn read(&self, body: &[u8], parts: &mut Parts<'_>) -> Result<(), Unread> {
        let mut members = Members::open(body)?;
        let mut styles = Styles::default();
        let mut strings = Strings::default();
        for name in members.between("xl/", ".bin") {
            let base = name.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
            match base.as_str() {
                "styles.bin" => records(&mut members, &name, &mut |kind, data| {
                    style(&mut styles, kind, data);
                    Ok(())
                })?,
                "workbook.bin" => records(&mut members, &name, &mut |kind, data| {
                    // BrtWbProp
                    if kind == 0x99 {
                        styles.since_1904 = data.first().is_some_and(|flags| flags & 1 != 0);
                    }
                    Ok(())
                })?,
                // BrtSSTItem
                "sharedstrings.bin" => records(&mut members, &name, &mut |kind, data| match kind {
                    0x13 => {
                        strings.text.push_str(&wide(data.get(1..).unwrap_or_default()));
                        strings.end()
                    }
                    _ => Ok(()),
                })?,
                _ => {}
            }
        }
        for name in members.between("xl/worksheets/", ".bin") {
            if !name.contains("binaryIndex") {
                parts.begin()?;
                let mut reader =
                    Reader { styles: &styles, strings: &strings, sheet: Sheet::default(), row: Vec::new(), column: 0 };
                let read = records(&mut members, &name, &mut |kind, data| reader.take(kind, data, parts));
                reader.sheet.row(std::mem::take(&mut reader.row), parts)?;
                reader.sheet.finish(parts)?;
                read?;
            }
        }
        let mut comments = Flow::default();
        for name in members.between("xl/comments", ".bin") {
            records(&mut members, &name, &mut |kind, data| {
                // BrtCommentText
                if kind == 0x27d {
                    comments.text(&wide(data.get(1..).unwrap_or_default()));
                    comments.line();
                }
                comments.pass(parts)
            })?;
        }
        comments.finish(parts)?;
        office::beside(&mut members, "xl/", parts)
    }
}

type Take<'t> = &'t mut dyn FnMut(u32, &[u8]) -> Result<(), Unread>;

/// Record after record (2.1.4): number and length in groups of seven bits.
fn records(members: &mut Members<'_>, name: &str, take: Take<'_>) -> Result<(), Unread> {
    let mut stream = members.stream(name)?;
    let mut data = Vec::new();
    loop {
        let kind = match groups(&mut stream, 2) {
            Ok(None) => return Ok(()),
            Ok(Some(kind)) => kind,
            Err(()) => break,
        };
        let Ok(Some(length)) = groups(&mut stream, 4) else { break };
        data.clear();
        if u64::from(length) > MAX_RECORD
            || Read::by_ref(&mut stream).take(u64::from(length)).read_to_end(&mut data).is_err()
            || data.len() < length as usize
        {
            break;
        }
        take(kind, &data)?;
    }
    drop(stream);
    Err(members.why())
}

/// A number in groups of seven bits, the eighth saying that more follow.
fn groups(stream: &mut impl BufRead, most: u32) -> Result<Option<u32>, ()> {
    let mut n = 0;
    for i in 0..most {
        let Some(byte) = stream.fill_buf().map_err(|_| ())?.first().copied() else {
            return if i == 0 { Ok(None) } else { Err(()) };
        };
        stream.consume(1);
        n |= u32::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            break;
        }
    }
    Ok(Some(n))
}

fn style(styles: &mut Styles, kind: u32, data: &[u8]) {
    match kind {
        // BrtFmt
        0x2c => styles.format(u32::from(u16_at(data, 0)), &wide(data.get(2..).unwrap_or_default())),
        // BrtXF; those of the named styles come before BrtBeginCellXFs.
        0x2f => styles.style(u32::from(u16_at(data, 2))),
        0x269 => styles.clear(),
        _ => {}
    }
}

struct Reader<'s> {
    styles: &'s Styles,
    strings: &'s Strings,
    sheet: Sheet,
    row: Vec<String>,
    /// Where the next cell stands that doesn't say it.
    column: usize,
}

impl Reader<'_> {
    fn take(&mut self, kind: u32, data: &[u8], parts: &mut Parts<'_>) -> Result<(), Unread> {
        match kind {
            // BrtRowHdr
            0 => {
                self.column = 0;
                return self.sheet.row(std::mem::take(&mut self.row), parts);
            }
            // Cells that say their column: 2.4.301 and following.
            1..=11 | 62 => {
                let column = u32_at(data, 0) as usize;
                let text = self.value(kind, data.get(4..).unwrap_or_default());
                put(&mut self.row, column, text);
                self.column = column.saturating_add(1);
            }
            // Cells right of the one before: 2.4.809 and following.
            12..=18 => {
                let text = self.value(kind.saturating_sub(11), data);
                put(&mut self.row, self.column, text);
                self.column = self.column.saturating_add(1);
            }
            _ => {}
        }
        Ok(())
    }

    /// Style and value.
    fn value(&self, kind: u32, data: &[u8]) -> String {
        let style = (u32_at(data, 0) & 0x00ff_ffff) as usize;
        let rest = data.get(4..).unwrap_or_default();
        match kind {
            2 => self.styles.number(rk(u32_at(rest, 0)), style),
            4 | 10 => rest.first().map(|b| (*b != 0).to_string()).unwrap_or_default(),
            5 | 9 => rest.first_chunk().map(|b| self.styles.number(f64::from_le_bytes(*b), style)).unwrap_or_default(),
            6 | 8 => wide(rest),
            7 => self.strings.get(u32_at(rest, 0) as usize).unwrap_or_default().to_owned(),
            62 => wide(rest.get(1..).unwrap_or_default()),
            _ => String::new(),
        }
    }
}

/// A count of characters, and UTF-16 (2.5.169).
fn wide(data: &[u8]) -> String {
    let count = u32_at(data, 0) as usize;
    let units = data.get(4..).unwrap_or_default().chunks_exact(2).take(count).map(|c| u16_at(c, 0));
    char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

fn u16_at(data: &[u8], at: usize) -> u16 {
    data.get(at..).and_then(|b| b.first_chunk()).map_or(0, |b| u16::from_le_bytes(*b))
}

fn u32_at(data: &[u8], at: usize) -> u32 {
    data.get(at..).and_then(|b| b.first_chunk()).map_or(0, |b| u32::from_le_bytes(*b))
}
