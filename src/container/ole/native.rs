//! `Ole10Native`: a file that was dragged into a document. Size, then what Windows' packager writes: a mark (2), the
//! file's label, the path it came from, a type (3 for a file), the path of a copy behind its length, and the file behind
//! its own.

use std::io;

use crate::container::cfb::File;
use crate::container::walk::Walk;

/// Bytes in which labels and paths stand.
const HEADER: u64 = 8 << 10;

/// Label of the file, its first byte in the stream, and its size.
struct Packed {
    label: Vec<u8>,
    at: u64,
    size: u64,
}

pub(super) fn member(file: &mut File<'_>, stream: usize, before: &str, walk: &mut Walk<'_>) -> io::Result<()> {
    let size = file.entries.get(stream).map_or(0, |entry| entry.size);
    let head = file.head(stream, HEADER)?;
    let packed = parse(&head).filter(|packed| packed.at.checked_add(packed.size).is_some_and(|end| end <= size));
    match packed {
        Some(Packed { label, at, size }) => file.member(stream, [before.as_bytes(), &label].concat(), at, size, walk),
        // Something else than the packager wrote it: what it holds is read as it stands.
        None => file.member(stream, format!("{before}Ole10Native").into_bytes(), 0, size, walk),
    }
}

fn parse(head: &[u8]) -> Option<Packed> {
    let mut rest = head.get(4..)?;
    if number::<2>(&mut rest)? != 2 {
        return None;
    }
    let label = text(&mut rest)?.to_vec();
    text(&mut rest)?;
    if number::<4>(&mut rest)? != 0x3_0000 {
        return None;
    }
    let copy = usize::try_from(number::<4>(&mut rest)?).ok()?;
    rest = rest.get(copy..)?;
    let size = number::<4>(&mut rest)?;
    let at = head.len().checked_sub(rest.len())? as u64;
    Some(Packed { label: if label.is_empty() { b"Ole10Native".to_vec() } else { label }, at, size })
}

/// A number, low byte first.
fn number<const N: usize>(rest: &mut &[u8]) -> Option<u64> {
    let (field, behind) = rest.split_first_chunk::<N>()?;
    *rest = behind;
    Some(field.iter().rev().fold(0, |n, b| n << 8 | u64::from(*b)))
}

/// Text up to a NUL.
fn text<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let end = memchr::memchr(0, rest)?;
    let found = rest.get(..end)?;
    *rest = rest.get(end.saturating_add(1)..)?;
    Some(found)
}
