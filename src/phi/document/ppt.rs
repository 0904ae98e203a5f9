//! PowerPoint 97 to 2003 (MS-PPT): the records of the `PowerPoint Document` stream, in order.
//!
//! Outlines, text boxes, notes, masters and comments stand in atoms of a few kinds, wherever they are; so slides that a
//! later save replaced are read as well. Cells of a table are shapes of a group, told by where they are.

use encoding_rs::{UTF_16LE, WINDOWS_1252};

use super::flow::Flow;
use super::le::{inflate, u16_at, u32_at};
use super::ole::{self, Kind, ROOT, Streams};
use super::{Document, Parts, Unread};
use crate::model::GapReason;

/// Records around a record.
const MAX_DEPTH: usize = 64;
/// Bytes of an embedded object, and of all.
const MAX_OBJECT: usize = 64 << 20;
const MAX_OBJECTS: usize = 256 << 20;

/// A `PowerPoint Document` in a compound file.
pub(super) struct Ppt;

impl Document for Ppt {
    fn id(&self) -> &'static str {
        "ppt"
    }

    fn recognise(&self, head: &[u8]) -> bool {
        ole::kind(head) == Some(Kind::Ppt)
    }

    fn read(&self, body: &[u8], parts: &mut Parts<'_>) -> Result<(), Unread> {
        let mut streams = Streams::open(body)?;
        // The token of the current user tells (2.3.2), and so does the stream that takes the place of the summaries.
        let user = streams.root("Current User")?;
        if streams.find(ROOT, "EncryptedSummary").is_some() || u32_at(&user, 12) == Some(0xf3d1_c4df) {
            return Err(encrypted());
        }
        let stream = streams.root("PowerPoint Document")?;
        let mut reader = Reader { left: MAX_OBJECTS, ..Reader::default() };
        let read = reader.stream(&stream, parts);
        reader.close(0);
        reader.flow.finish(parts)?;
        read?;
        // Objects are parts of their own, and come behind the text.
        for object in reader.objects {
            parts.nested(&object)?;
        }
        streams.check()
    }
}

fn encrypted() -> Unread {
    Unread::new(GapReason::Encrypted, "the presentation is encrypted")
}

#[derive(Default)]
struct Reader {
    flow: Flow,
    /// Ends of the records around, outermost first, and the groups among them.
    around: Vec<usize>,
    groups: Vec<Group>,
    /// Where the shape that is open stands: top and left.
    anchor: Option<(i32, i32)>,
    objects: Vec<Vec<u8>>,
    /// Bytes of objects that may still come.
    left: usize,
}

/// Shapes that belong together.
struct Group {
    depth: usize,
    cells: Vec<((i32, i32), String)>,
}

impl Reader {
    /// Numbers of records: MS-PPT 2.13.24, MS-ODRAW 2.2.
    fn stream(&mut self, stream: &[u8], parts: &mut Parts<'_>) -> Result<(), Unread> {
        let mut at = 0_usize;
        while at < stream.len() {
            while self.around.last().is_some_and(|end| at >= *end) {
                self.around.pop();
                self.close(self.around.len());
                self.flow.pass(parts)?;
            }
            let (Some(kind), Some(length)) = (u16_at(stream, at.saturating_add(2)), u32_at(stream, at.saturating_add(4))) else {
                return Err(damaged());
            };
            let start = at.saturating_add(8);
            let end = start.saturating_add(length as usize);
            let instance = u16_at(stream, at).unwrap_or(0);
            let container = instance & 15 == 15;
            if kind == 0x2f14 {
                return Err(encrypted());
            }
            if container {
                if self.around.len() >= MAX_DEPTH {
                    return Err(Unread::new(GapReason::LimitDepth, "records are nested deeper than the limit"));
                }
                match kind {
                    0xf003 => self.groups.push(Group { depth: self.around.len(), cells: Vec::new() }),
                    0xf004 => self.anchor = None,
                    _ => {}
                }
                // A record that claims more than the one around it ends with that.
                self.around.push(end.min(self.around.last().copied().unwrap_or(usize::MAX)));
                at = start;
                continue;
            }
            let Some(data) = stream.get(start..end) else { return Err(damaged()) };
            self.atom(kind, instance >> 4, data, parts)?;
            at = end;
        }
        if self.around.last().is_some_and(|end| *end > stream.len()) { Err(damaged()) } else { Ok(()) }
    }

    fn atom(&mut self, kind: u16, instance: u16, data: &[u8], parts: &mut Parts<'_>) -> Result<(), Unread> {
        match kind {
            // Text, and short texts: names, comments, headers and footers.
            0x0fa0 | 0x0fba => self.text(&UTF_16LE.decode_without_bom_handling(data).0),
            // The lower bytes of UTF-16; programs write their code page.
            0x0fa8 => self.text(&WINDOWS_1252.decode_without_bom_handling(data).0),
            // In a group: left, top, right, bottom.
            0xf00f => self.anchor = u32_at(data, 4).zip(u32_at(data, 0)).map(|(y, x)| (y.cast_signed(), x.cast_signed())),
            // An embedded object, packed behind its length or as it is (2.10.34).
            0x1011 => {
                let object =
                    if instance & 1 == 0 { data.to_vec() } else { inflate(data.get(4..).unwrap_or_default(), MAX_OBJECT) };
                if object.len() >= MAX_OBJECT || object.len() > self.left {
                    parts.unread(Unread::new(
                        GapReason::LimitMemory,
                        "an embedded object is longer than 64 MiB, or all than 256 MiB",
                    ));
                } else {
                    self.left = self.left.saturating_sub(object.len());
                    self.objects.push(object);
                }
            }
            _ => {}
        }
        self.flow.pass(parts)
    }

    fn text(&mut self, text: &str) {
        let lines = text.split(['\r', '\u{b}', '\n']).map(|line| line.replace(|c: char| c < ' ' && c != '\t', ""));
        match (self.groups.last_mut(), self.anchor) {
            (Some(group), Some(anchor)) => {
                let text = lines.collect::<Vec<_>>().join("\n");
                match group.cells.last_mut() {
                    Some((at, cell)) if *at == anchor => {
                        cell.push('\n');
                        cell.push_str(&text);
                    }
                    _ => group.cells.push((anchor, text)),
                }
            }
            _ => {
                for line in lines {
                    self.flow.text(&line);
                    self.flow.line();
                }
            }
        }
    }

    /// Ends the groups at this depth and below: a grid is a table, anything else is prose.
    fn close(&mut self, depth: usize) {
        while let Some(group) = self.groups.pop_if(|g| g.depth >= depth) {
            let mut cells = group.cells;
            cells.sort_by_key(|(at, _)| *at);
            let rows: Vec<Vec<String>> =
                cells.chunk_by(|a, b| a.0.0 == b.0.0).map(|row| row.iter().map(|(_, text)| text.clone()).collect()).collect();
            if rows.len() > 1 && rows.iter().any(|r| r.len() > 1) {
                self.flow.table(rows);
            } else {
                for line in rows.iter().flatten() {
                    self.flow.text(line);
                    self.flow.line();
                }
            }
            self.anchor = None;
        }
    }
}

fn damaged() -> Unread {
    Unread::malformed("records of the presentation are damaged")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phi::document::{detect, read};
    use crate::phi::{CaseKey, Outcome};

    const BOARD: &[u8] = include_bytes!("../../../tests/fixtures/phi/ppt-board.ppt");

    fn outcome(bytes: &[u8]) -> Outcome {
        read(detect(bytes).expect("a document"), bytes, &CaseKey::new(&[7; 32]))
    }

    /// A place in the file where these bytes stand.
    fn find(needle: &[u8]) -> usize {
        memchr::memmem::find(BOARD, needle).expect("it is there")
    }

    #[test]
    fn slides_are_read() {
        let Outcome { facts, unread, .. } = outcome(BOARD);
        let facts = facts.expect("people");
        assert_eq!((facts.individuals.best, facts.format.as_str(), unread), (2, "ppt", None));
    }

    #[test]
    fn what_is_encrypted_is_named() {
        let mut locked = BOARD.to_vec();
        let token = find(b"\x5f\xc0\x91\xe3");
        locked[token..token + 4].copy_from_slice(b"\xdf\xc4\xd1\xf3");
        assert_eq!(outcome(&locked).unread, Some(encrypted()));
    }

    #[test]
    fn damage_is_told() {
        // The length of the document container, which comes first.
        let mut broken = BOARD.to_vec();
        let at = find(b"\x0f\0\xe8\x03");
        broken[at + 4..at + 8].fill(0xff);
        let Outcome { facts, unread, .. } = outcome(&broken);
        assert_eq!((facts.map(|f| f.individuals.best), unread.map(|u| u.reason)), (Some(2), Some(GapReason::Malformed)));
        // Containers in containers.
        let mut reader = Reader::default();
        let deep = b"\x0f\0\xe8\x03\xff\xff\xff\x7f".repeat(1000);
        let key = CaseKey::new(&[7; 32]);
        let why = reader.stream(&deep, &mut Parts::new(&key)).unwrap_err();
        assert_eq!(why.reason, GapReason::LimitDepth);
    }

    #[test]
    fn tables_are_told_by_where_their_cells_are() {
        let atom = |kind: u16, data: &[u8]| {
            [&0_u16.to_le_bytes()[..], &kind.to_le_bytes(), &(data.len() as u32).to_le_bytes(), data].concat()
        };
        let container = |kind: u16, data: &[u8]| {
            let mut bytes = atom(kind, data);
            bytes[0] = 15;
            bytes
        };
        let mut cells = Vec::new();
        let rows = [["MRN", "Last Name", "DOB"], ["A1001", "Testpatient", "1960-01-02"], ["A1002", "Samplecase", "1971-05-06"]];
        for (y, row) in rows.iter().enumerate() {
            for (x, text) in row.iter().enumerate() {
                let anchor: Vec<u8> = [x as u32 * 10, y as u32 * 5, 0, 0].iter().flat_map(|n| n.to_le_bytes()).collect();
                let text = container(0xf00d, &atom(0x0fa8, text.as_bytes()));
                cells.extend(container(0xf004, &[atom(0xf00f, &anchor), text].concat()));
            }
        }
        let stream = container(0xf003, &cells);
        let key = CaseKey::new(&[7; 32]);
        let mut parts = Parts::new(&key);
        let mut reader = Reader::default();
        reader.stream(&stream, &mut parts).unwrap();
        reader.close(0);
        reader.flow.finish(&mut parts).unwrap();
        let facts = parts.finish().facts.expect("a table");
        assert_eq!((facts.individuals.best, facts.records), (2, 2));
    }

    #[test]
    fn mutations_do_not_panic() {
        for at in (0..BOARD.len()).step_by(3) {
            let mut other = BOARD.to_vec();
            other[at] = other[at].wrapping_add(u8::try_from(at % 255).unwrap());
            if detect(&other).is_some() {
                assert_ne!(outcome(&other).unread.map(|u| u.reason), Some(GapReason::ParserFailed), "{at}");
            }
        }
    }
}
