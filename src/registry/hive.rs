//! The file format of hives, as M. Suhanov's "Windows registry file format specification" describes it:
//! <https://github.com/msuhanov/regf/blob/master/Windows%20registry%20file%20format%20specification.md>.
//! Cells that are free (deleted keys) are not looked at, and transaction logs are not applied.

use std::borrow::Cow;
use std::ops::ControlFlow;

use super::data::{Raw, Value, narrow, wide};
use super::{Key, Unreadable, Walk, root};
use crate::model::Time;

/// Bytes of the base block; offsets of cells count from here.
const BASE: usize = 4096;
/// Levels that keys are nested at most in Windows.
const MAX_DEPTH: usize = 512;
/// Bytes of a value in one cell; larger ones are cut into segments of that size.
const SEGMENT: usize = 16_344;
/// Values of one key that are shown.
const MAX_VALUES: usize = 1 << 16;

const NAME_IS_LATIN1: u16 = 0x20;
const VALUE_NAME_IS_LATIN1: u16 = 1;

struct Hive<'a> {
    cells: &'a [u8],
    /// Minor versions above 3 cut large values into segments.
    segments: bool,
    seen: Vec<u64>,
    /// Elements of lists that are still followed: a sound hive has at most one for every four bytes.
    steps: usize,
    walk: Walk,
}

struct Node {
    name: String,
    written: u64,
    subkeys: u32,
    subkey_list: u32,
    values: u32,
    value_list: u32,
}

/// One level of the walk.
struct Level {
    subkeys: Vec<u32>,
    next: usize,
    /// Length of the parent's path.
    path: usize,
}

pub(super) fn walk(bytes: &[u8], name: &[u8], visit: &mut dyn FnMut(&Key<'_>) -> ControlFlow<()>) -> Result<Walk, Unreadable> {
    let base = bytes.get(..512).ok_or(Unreadable::Short)?;
    let cells = bytes.get(BASE..).ok_or(Unreadable::Short)?;
    let mut hive = Hive {
        cells,
        segments: u32_at(base, 24).is_some_and(|minor| minor > 3),
        seen: vec![0; cells.len().div_ceil(8 * 64)],
        steps: cells.len() / 4,
        walk: Walk { unapplied: u32_at(base, 4) != u32_at(base, 8), ..Walk::default() },
    };
    if checksum(base) != u32_at(base, 508) {
        hive.walk.damaged = 1;
    }
    let first = u32_at(base, 36).and_then(|at| hive.node(at)).ok_or(Unreadable::Root)?;
    let top = hive.subkeys(&first);
    let names: Vec<String> = top.iter().filter_map(|at| Some(hive.parse(*at)?.name)).collect();
    let inner = wide(base.get(48..112).unwrap_or_default());
    let inner = inner.split('\0').next().unwrap_or_default();
    let mut path = root::mount(&names, inner, &String::from_utf8_lossy(name)).unwrap_or_default().to_owned();
    let mut levels = vec![Level { subkeys: top, next: 0, path: path.len() }];
    if hive.show(&first, &path, visit).is_break() {
        return Ok(hive.walk);
    }
    while let Some(level) = levels.last_mut() {
        path.truncate(level.path);
        let Some(at) = level.subkeys.get(level.next).copied() else {
            levels.pop();
            continue;
        };
        level.next = level.next.saturating_add(1);
        let Some(node) = hive.node(at) else {
            hive.walk.damaged = hive.walk.damaged.saturating_add(1);
            continue;
        };
        if !path.is_empty() {
            path.push('\\');
        }
        path.push_str(&node.name);
        if hive.show(&node, &path, visit).is_break() {
            break;
        }
        if node.subkeys == 0 {
            continue;
        }
        if levels.len() >= MAX_DEPTH {
            hive.walk.limited = true;
            continue;
        }
        let subkeys = hive.subkeys(&node);
        levels.push(Level { subkeys, next: 0, path: path.len() });
    }
    Ok(hive.walk)
}

impl<'a> Hive<'a> {
    /// The content of an allocated cell.
    fn cell(&self, at: u32) -> Option<&'a [u8]> {
        let at = usize::try_from(at).ok().filter(|at| at.is_multiple_of(8))?;
        let size = self.cells.get(at..at.checked_add(4)?)?;
        let size = i32::from_le_bytes(size.try_into().ok()?);
        // Negative sizes are those of allocated cells.
        let size = usize::try_from(size.checked_neg()?).ok()?;
        self.cells.get(at.checked_add(4)?..at.checked_add(size)?)
    }

    /// A key that wasn't there before: a hive in which one is its own ancestor is no tree.
    fn node(&mut self, at: u32) -> Option<Node> {
        let bit = usize::try_from(at).ok()? / 8;
        let word = self.seen.get_mut(bit / 64)?;
        let mask = 1u64 << (bit % 64);
        if *word & mask != 0 {
            return None;
        }
        *word |= mask;
        self.parse(at)
    }

    fn parse(&self, at: u32) -> Option<Node> {
        let cell = self.cell(at)?;
        if !cell.starts_with(b"nk") {
            return None;
        }
        let length = usize::from(u16_at(cell, 72)?);
        let name = cell.get(76..76usize.checked_add(length)?)?;
        let latin1 = u16_at(cell, 2)? & NAME_IS_LATIN1 != 0;
        Some(Node {
            name: if latin1 { narrow(name) } else { wide(name) },
            written: u64_at(cell, 4)?,
            subkeys: u32_at(cell, 20)?,
            subkey_list: u32_at(cell, 28)?,
            values: u32_at(cell, 36)?,
            value_list: u32_at(cell, 40)?,
        })
    }

    fn damage(&mut self) {
        self.walk.damaged = self.walk.damaged.saturating_add(1);
    }

    /// Offsets of the keys below a key.
    fn subkeys(&mut self, node: &Node) -> Vec<u32> {
        let mut out = Vec::new();
        if node.subkeys > 0 {
            self.list(node.subkey_list, true, &mut out);
            if out.len() != usize::try_from(node.subkeys).unwrap_or(usize::MAX) {
                self.damage();
            }
        }
        out
    }

    /// `li`, `lf` and `lh` list keys; `ri` lists such lists.
    fn list(&mut self, at: u32, indirect: bool, out: &mut Vec<u32>) {
        let Some(cell) = self.cell(at) else { return self.damage() };
        let width = match cell.get(..2) {
            Some(b"lf" | b"lh") => 8,
            Some(b"li") => 4,
            Some(b"ri") if indirect => 4,
            _ => return self.damage(),
        };
        let count = u16_at(cell, 2).map_or(0, usize::from);
        for element in cell.get(4..).unwrap_or_default().chunks_exact(width).take(count) {
            let Some(steps) = self.steps.checked_sub(1) else {
                self.walk.limited = true;
                return;
            };
            self.steps = steps;
            let Some(at) = u32_at(element, 0) else { continue };
            if cell.starts_with(b"ri") { self.list(at, false, out) } else { out.push(at) }
        }
    }

    fn show(&mut self, node: &Node, path: &str, visit: &mut dyn FnMut(&Key<'_>) -> ControlFlow<()>) -> ControlFlow<()> {
        let values = self.values(node);
        self.walk.keys = self.walk.keys.saturating_add(1);
        self.walk.values = self.walk.values.saturating_add(values.len() as u64);
        visit(&Key { path, written: Time::from_filetime(node.written), values: &values })
    }

    fn values(&mut self, node: &Node) -> Vec<Value<'a>> {
        let count = usize::try_from(node.values).unwrap_or(usize::MAX);
        if count == 0 {
            return Vec::new();
        }
        let Some(list) = self.cell(node.value_list) else {
            self.damage();
            return Vec::new();
        };
        let mut out = Vec::new();
        for element in list.chunks_exact(4).take(count.min(MAX_VALUES)) {
            let Some(steps) = self.steps.checked_sub(1) else {
                self.walk.limited = true;
                return out;
            };
            self.steps = steps;
            match u32_at(element, 0).and_then(|at| self.value(at)) {
                Some(value) => out.push(value),
                None => self.damage(),
            }
        }
        self.walk.limited |= count > MAX_VALUES;
        if list.len() / 4 < count {
            self.damage();
        }
        out
    }

    fn value(&self, at: u32) -> Option<Value<'a>> {
        let cell = self.cell(at)?;
        if !cell.starts_with(b"vk") {
            return None;
        }
        let name = cell.get(20..20usize.checked_add(usize::from(u16_at(cell, 2)?))?)?;
        let latin1 = u16_at(cell, 16)? & VALUE_NAME_IS_LATIN1 != 0;
        let name = if latin1 { narrow(name) } else { wide(name) };
        let size = u32_at(cell, 4)?;
        let length = usize::try_from(size & 0x7fff_ffff).ok()?;
        let raw = if size & 0x8000_0000 != 0 {
            // Up to four bytes lie in the place of their offset.
            Raw::Bytes(Cow::Borrowed(cell.get(8..8usize.checked_add(length.min(4))?)?))
        } else if length == 0 {
            Raw::Bytes(Cow::Borrowed(&[]))
        } else {
            self.data(u32_at(cell, 8)?, length)?
        };
        Some(Value { name: name.into(), kind: u32_at(cell, 12)?, raw })
    }

    fn data(&self, at: u32, length: usize) -> Option<Raw<'a>> {
        let cell = self.cell(at)?;
        if !self.segments || length <= SEGMENT || !cell.starts_with(b"db") {
            return cell.get(..length).map(|bytes| Raw::Bytes(Cow::Borrowed(bytes)));
        }
        let count = usize::from(u16_at(cell, 2)?);
        let list = self.cell(u32_at(cell, 4)?)?;
        let segments: Option<Vec<&[u8]>> = list
            .chunks_exact(4)
            .take(count.min(length.div_ceil(SEGMENT)))
            .map(|at| {
                let segment = self.cell(u32_at(at, 0)?)?;
                segment.get(..segment.len().min(SEGMENT))
            })
            .collect();
        Some(Raw::Segments(segments?, length))
    }
}

/// XOR of the base block's first 127 numbers; 0 and −1 are replaced.
fn checksum(base: &[u8]) -> Option<u32> {
    let sum = base.get(..508)?.chunks_exact(4).filter_map(|n| u32_at(n, 0)).fold(0, |sum, n| sum ^ n);
    Some(match sum {
        0 => 1,
        u32::MAX => u32::MAX - 1,
        sum => sum,
    })
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at.checked_add(2)?)?.try_into().ok().map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at.checked_add(4)?)?.try_into().ok().map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at.checked_add(8)?)?.try_into().ok().map(u64::from_le_bytes)
}

#[cfg(test)]
mod tests;
