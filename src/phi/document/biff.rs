//! Records of binary workbooks (MS-XLS 2.1.4) and the strings their cells share.

use super::Unread;
use super::cells::Strings;

/// Number and content of record after record.
pub(super) struct Records<'a> {
    rest: &'a [u8],
    cut: bool,
}

impl<'a> Records<'a> {
    pub fn new(stream: &'a [u8]) -> Self {
        Self { rest: stream, cut: false }
    }

    pub fn next(&mut self) -> Option<(u16, &'a [u8])> {
        let (kind, data, rest) = split(self.rest)?;
        self.cut |=
            data.len() < self.rest.get(2..).and_then(|b| b.first_chunk()).map_or(0, |n| usize::from(u16::from_le_bytes(*n)));
        self.rest = rest;
        Some((kind, data))
    }

    /// The data of a record, and of the `Continue` records that follow, which are taken.
    pub fn with_continuations(&mut self, data: &'a [u8]) -> Vec<&'a [u8]> {
        let mut pieces = vec![data];
        while let Some((0x003c, data, rest)) = split(self.rest) {
            pieces.push(data);
            self.rest = rest;
        }
        pieces
    }

    /// Whether the last record is not all there.
    pub fn is_cut(&self) -> bool {
        self.cut
    }
}

fn split(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let ([a, b, c, d], rest) = bytes.split_first_chunk()?;
    let (data, rest) = rest.split_at(usize::from(u16::from_le_bytes([*c, *d])).min(rest.len()));
    Some((u16::from_le_bytes([*a, *b]), data, rest))
}

/// So many characters behind a byte that says whether they have one byte or two (2.5.294).
pub(super) fn decode(data: &[u8], length: usize) -> String {
    let mut out = String::new();
    if let Some((flags, rest)) = data.split_first() {
        characters(rest, length, flags & 1 != 0, &mut out);
    }
    out
}

/// Adds up to so many characters; returns how many, and the bytes they took.
fn characters(data: &[u8], length: usize, wide: bool, out: &mut String) -> (usize, usize) {
    if wide {
        let n = length.min(data.len() / 2);
        let units = data.chunks_exact(2).take(n).map(|c| c.iter().rev().fold(0, |n, b| n << 8 | u16::from(*b)));
        out.extend(char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)));
        (n, n.saturating_mul(2))
    } else {
        let n = length.min(data.len());
        out.extend(data.iter().take(n).map(|b| char::from(*b)));
        (n, n)
    }
}

/// The shared strings (2.4.265) in the pieces of their record: characters may go on in the next piece, behind a byte
/// that says their width anew.
pub(super) fn strings(pieces: &[&[u8]]) -> Result<Strings, Unread> {
    let mut out = Strings::default();
    let mut from = Pieces { rest: pieces.first().copied().unwrap_or_default(), more: pieces.get(1..).unwrap_or_default() };
    from.skip(8);
    while let Some([a, b]) = from.take() {
        let Some([flags]) = from.take() else { break };
        let runs = if flags & 8 == 0 { 0 } else { from.take().map_or(0, |n| usize::from(u16::from_le_bytes(n)) * 4) };
        let extra = if flags & 4 == 0 { 0 } else { from.take().map_or(0, |n| u32::from_le_bytes(n) as usize) };
        let mut left = usize::from(u16::from_le_bytes([a, b]));
        let mut wide = flags & 1 != 0;
        loop {
            let (n, taken) = characters(from.rest, left, wide, &mut out.text);
            from.rest = from.rest.get(taken..).unwrap_or_default();
            left = left.saturating_sub(n);
            if left == 0 || !from.turn() {
                break;
            }
            let Some([flags]) = from.take() else { break };
            wide = flags & 1 != 0;
        }
        from.skip(runs.saturating_add(extra));
        out.end()?;
    }
    Ok(out)
}

struct Pieces<'a> {
    rest: &'a [u8],
    more: &'a [&'a [u8]],
}

impl Pieces<'_> {
    fn turn(&mut self) -> bool {
        let Some((next, more)) = self.more.split_first() else { return false };
        (self.rest, self.more) = (next, more);
        true
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let mut out = [0; N];
        for byte in &mut out {
            while self.rest.is_empty() {
                if !self.turn() {
                    return None;
                }
            }
            let (first, rest) = self.rest.split_first()?;
            (*byte, self.rest) = (*first, rest);
        }
        Some(out)
    }

    fn skip(&mut self, mut n: usize) {
        while n > self.rest.len() {
            n = n.saturating_sub(self.rest.len());
            if !self.turn() {
                self.rest = &[];
                return;
            }
        }
        self.rest = self.rest.get(n..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_go_on_in_continuations() {
        let first = [&[0; 8][..], b"\x02\0\0ab", b"\x04\0\0cd"].concat();
        let shared = strings(&[&first, b"\x01e\0f\0", b"\x01\0\x08\x01\0g1234", b"\x01\0\0h"]).unwrap();
        let all: Vec<&str> = (0..5).filter_map(|i| shared.get(i)).collect();
        assert_eq!(all, ["ab", "cdef", "g", "h"]);
    }
}
