//! What documents and messages of old Office carry: files attached to messages (MS-OXMSG 2.2.2), files that were packed
//! into a document (MS-OLEDS 2.3.6, `Ole10Native`), and documents embedded whole (`Package`, `CONTENTS`).
//!
//! Streams of the document itself are no members: they are part of the file's own bytes, and its readers read them.

use std::io;

use memchr::memmem;

use super::cfb::{self, File, Kind, MAGIC, ROOT};
use super::walk::Walk;
use super::{Budget, Container, Expanded, MemberSink, Probe, ReadSeek};
use crate::model::GapReason;

mod native;
#[cfg(test)]
mod tests;

const DEPTH: usize = 16;
/// An attachment of a message is a storage of this name and a number.
const ATTACHMENT: &str = "__attach_version1.0_";
/// Its bytes; or a storage, which is a message or an object.
const DATA: &str = "__substg1.0_37010102";
const OBJECT: &str = "__substg1.0_3701000D";
/// Its long name, its short one, what it is shown as; in UTF-16 or in the code page of its writer.
const NAMES: [&str; 6] = [
    "__substg1.0_3707001F",
    "__substg1.0_3707001E",
    "__substg1.0_3704001F",
    "__substg1.0_3704001E",
    "__substg1.0_3001001F",
    "__substg1.0_3001001E",
];
/// Streams that are a file of their own.
const NATIVE: &str = "\u{1}Ole10Native";
const FILES: [&str; 2] = ["Package", "CONTENTS"];
/// Bytes of a name.
const NAME: u64 = 4096;

pub struct Ole;

impl Container for Ole {
    fn id(&self) -> &'static str {
        "ole"
    }

    fn probe(&self, probe: &Probe<'_>) -> bool {
        let entries = [ATTACHMENT, NATIVE].into_iter().chain(FILES);
        probe.head.starts_with(MAGIC) && entries.into_iter().any(|name| is_listed(probe.body, name))
    }

    fn expand(&self, probe: &Probe<'_>, input: &mut dyn ReadSeek, budget: &mut Budget, sink: &mut dyn MemberSink) -> Expanded {
        cfb::expand(self.id(), probe, input, budget, sink, members)
    }
}

/// Whether an entry of a directory begins so: each takes 128 bytes, in sectors that are multiples of that.
fn is_listed(body: &[u8], name: &str) -> bool {
    let units: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    memmem::find_iter(body, &units).any(|at| at.is_multiple_of(128))
}

/// A storage that is to be looked into.
struct Open {
    storage: usize,
    /// Before the names of what it holds.
    before: String,
    depth: usize,
}

fn members(file: &mut File<'_>, walk: &mut Walk<'_>) -> io::Result<()> {
    let mut seen = vec![false; file.entries.len()];
    let mut open = vec![Open { storage: ROOT, before: String::new(), depth: 0 }];
    while let Some(Open { storage, before, depth }) = open.pop() {
        if seen.get_mut(storage).is_none_or(|seen| std::mem::replace(seen, true)) {
            continue;
        }
        if depth > DEPTH {
            walk.shortfall(GapReason::LimitDepth, "storages are nested deeper than the limit");
            continue;
        }
        let mut inner = Vec::new();
        for child in file.children(storage) {
            if walk.ended() {
                return Ok(());
            }
            let Some((kind, size)) = file.entries.get(child).map(|entry| (entry.kind, entry.size)) else { continue };
            let name = name_of(file, child);
            match kind {
                Kind::Storage if name.starts_with(ATTACHMENT) => {
                    if let Some(object) = attachment(file, child, &before, walk)? {
                        inner.push(Open { depth: depth.saturating_add(1), ..object });
                    }
                }
                Kind::Storage => {
                    let before = format!("{before}{name}/");
                    inner.push(Open { storage: child, before, depth: depth.saturating_add(1) });
                }
                Kind::Stream if name == NATIVE => native::member(file, child, &before, walk)?,
                Kind::Stream if FILES.contains(&name.as_str()) => {
                    file.member(child, format!("{before}{name}").into_bytes(), 0, size, walk)?;
                }
                _ => {}
            }
        }
        open.extend(inner.into_iter().rev());
    }
    Ok(())
}

/// An attachment's file; or the storage that it is.
fn attachment(file: &mut File<'_>, storage: usize, before: &str, walk: &mut Walk<'_>) -> io::Result<Option<Open>> {
    let children: Vec<(usize, String)> = file.children(storage).into_iter().map(|child| (child, name_of(file, child))).collect();
    let find = |wanted: &str| children.iter().find(|(_, name)| name == wanted).map(|(child, _)| *child);
    let mut shown = None;
    for property in NAMES {
        let Some(stream) = find(property) else { continue };
        let bytes = file.head(stream, NAME)?;
        let text = if property.ends_with('F') { utf16(&bytes) } else { String::from_utf8_lossy(&bytes).into_owned() };
        let text = text.trim_end_matches('\0').to_owned();
        if !text.is_empty() {
            shown = Some(text);
            break;
        }
    }
    let number = name_of(file, storage).trim_start_matches(ATTACHMENT).to_owned();
    let name = format!("{before}{}", shown.unwrap_or_else(|| format!("attachment{number}")));
    if let Some(data) = find(DATA) {
        let size = file.entries.get(data).map_or(0, |entry| entry.size);
        file.member(data, name.into_bytes(), 0, size, walk)?;
        return Ok(None);
    }
    Ok(find(OBJECT).map(|storage| Open { storage, before: format!("{name}/"), depth: 0 }))
}

fn name_of(file: &File<'_>, entry: usize) -> String {
    file.entries.get(entry).map(|entry| String::from_utf16_lossy(&entry.name)).unwrap_or_default()
}

fn utf16(bytes: &[u8]) -> String {
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    String::from_utf16_lossy(&units)
}
