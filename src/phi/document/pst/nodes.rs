//! Pages, blocks and nodes of a store (MS-PST 2.2.2): two trees, and the blocks that they lead to.

use std::collections::HashSet;

use super::super::le::{inflate, place, u16_at, u32_at, u64_at};
use super::cipher::Cipher;
use super::{GapReason, Unread};

/// Levels of a tree; more than any store has.
const MAX_LEVELS: u8 = 8;
/// Bytes of a node.
const MAX_NODE: usize = 256 << 20;
/// Bytes of a block (2.2.2.8), and of one in pages of 4 KiB.
const MAX_BLOCK: usize = 65_536;
/// Nodes under one node.
const MAX_SUBNODES: usize = 100_000;

/// A node: its number, and the blocks of its data and of the nodes under it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub number: u32,
    pub data: u64,
    pub subnodes: u64,
}

/// How a store is laid out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Ansi,
    Unicode,
    /// Unicode in pages of 4 KiB, blocks packed.
    Large,
}

/// See the module.
pub(super) struct Store<'a> {
    body: &'a [u8],
    form: Form,
    cipher: Cipher,
    /// The pages at the top of the trees.
    nodes: u64,
    blocks: u64,
    /// Bytes of blocks that may still be read: nodes may share them.
    left: usize,
    damaged: bool,
}

/// A page of a tree.
struct Page<'a> {
    level: u8,
    entries: std::slice::ChunksExact<'a, u8>,
}

impl<'a> Store<'a> {
    pub fn open(body: &'a [u8]) -> Result<Self, Unread> {
        let damaged = || Unread::malformed("its header is damaged");
        let form = match u16_at(body, 10).ok_or_else(damaged)? {
            14 | 15 => Form::Ansi,
            36.. => Form::Large,
            20..36 => Form::Unicode,
            _ => return Err(damaged()),
        };
        let wide = |at: usize| u64_at(body, at);
        let narrow = |at: usize| u32_at(body, at).map(u64::from);
        let (nodes, blocks, cipher) = match form {
            Form::Ansi => (narrow(188), narrow(196), body.get(461)),
            _ => (wide(224), wide(240), body.get(513)),
        };
        let cipher = Cipher::of(*cipher.ok_or_else(damaged)?)?;
        let (Some(nodes), Some(blocks)) = (nodes, blocks) else { return Err(damaged()) };
        let left = body.len().saturating_mul(if form == Form::Large { 32 } else { 8 });
        Ok(Self { body, form, cipher, nodes, blocks, left, damaged: false })
    }

    /// Told after all was read: whether a page of nodes was missing.
    pub fn check(&self) -> Result<(), Unread> {
        if self.damaged { Err(Unread::malformed("its tree of nodes is damaged")) } else { Ok(()) }
    }

    /// Numbers and places take 4 bytes, or 8.
    fn wide(&self) -> usize {
        if self.form == Form::Ansi { 4 } else { 8 }
    }

    fn number(&self, bytes: &[u8], index: usize) -> u64 {
        let at = index.saturating_mul(self.wide());
        if self.form == Form::Ansi { u32_at(bytes, at).map(u64::from) } else { u64_at(bytes, at) }.unwrap_or(0)
    }

    /// A page of a tree, by its kind: 0x80 of blocks, 0x81 of nodes (2.2.2.7.7.1).
    fn page(&self, at: u64, kind: u8) -> Option<Page<'a>> {
        let (size, counts, trailer) = match self.form {
            Form::Ansi => (512, 496, 500),
            Form::Unicode => (512, 488, 496),
            Form::Large => (4096, 4056, 4072),
        };
        let start = place(at);
        let page = self.body.get(start..start.checked_add(size)?)?;
        if page.get(trailer) != Some(&kind) {
            return None;
        }
        let behind = page.get(counts..)?;
        let (count, width, level) = if self.form == Form::Large {
            (usize::from(u16_at(behind, 0)?), *behind.get(4)?, *behind.get(5)?)
        } else {
            (usize::from(*behind.first()?), *behind.get(2)?, *behind.get(3)?)
        };
        let width = usize::from(width);
        // The smallest entry: a number and where it leads.
        if width < self.wide().saturating_mul(3) || level > MAX_LEVELS {
            return None;
        }
        let entries = page.get(..counts)?.get(..count.checked_mul(width)?)?.chunks_exact(width);
        Some(Page { level, entries })
    }

    /// Every node of a kind. A page that is missing or stands in the tree twice is passed over.
    pub fn nodes(&mut self, kind: u32) -> Vec<Node> {
        let mut found = Vec::new();
        let mut seen = HashSet::new();
        let mut open = vec![(self.nodes, MAX_LEVELS.saturating_add(1))];
        while let Some((at, above)) = open.pop() {
            let page = self.page(at, 0x81).filter(|p| p.level < above);
            let Some(page) = page.filter(|_| seen.insert(at)) else {
                self.damaged = true;
                continue;
            };
            if page.level > 0 {
                open.extend(page.entries.rev().map(|e| (self.number(e, 2), page.level)));
                continue;
            }
            for entry in page.entries {
                let number = u32_at(entry, 0).unwrap_or(0);
                if number & 31 == kind {
                    found.push(Node { number, data: self.number(entry, 1), subnodes: self.number(entry, 2) });
                }
            }
        }
        found
    }

    /// Where a block is, and its length.
    fn find(&self, block: u64) -> Option<(usize, usize)> {
        let mut at = self.blocks;
        let mut above = MAX_LEVELS.saturating_add(1);
        loop {
            let page = self.page(at, 0x80).filter(|p| p.level < above)?;
            above = page.level;
            let mut entries = page.entries;
            if above > 0 {
                // The last whose first number is not above it.
                at = entries.rfind(|e| self.number(e, 0) & !1 <= block).map(|e| self.number(e, 2))?;
                continue;
            }
            let entry = entries.find(|e| self.number(e, 0) & !1 == block)?;
            return Some((place(self.number(entry, 1)), usize::from(u16_at(entry, self.wide().saturating_mul(2))?)));
        }
    }

    /// A block's bytes, unpacked and decoded. The second bit of its number tells that it leads to others (2.2.2.2).
    fn block(&mut self, number: u64) -> Result<Vec<u8>, Unread> {
        let block = number & !1;
        let damaged = || Unread::malformed("a block of its data is missing");
        let (start, length) = self.find(block).ok_or_else(damaged)?;
        let stored = self.body.get(start..start.saturating_add(length)).ok_or_else(damaged)?;
        let mut bytes = self.unpack(stored, start).unwrap_or_else(|| stored.to_vec());
        self.left = self
            .left
            .checked_sub(bytes.len())
            .ok_or_else(|| Unread::new(GapReason::LimitSize, "its blocks are used over and over"))?;
        if block & 2 == 0 {
            self.cipher.decode(&mut bytes, block);
        }
        Ok(bytes)
    }

    /// In pages of 4 KiB a block may be packed: its trailer tells another length.
    fn unpack(&self, stored: &[u8], start: usize) -> Option<Vec<u8>> {
        if self.form != Form::Large {
            return None;
        }
        let whole = stored.len().checked_add(24)?.checked_next_multiple_of(512)?;
        let length = usize::from(u16_at(self.body, start.checked_add(whole)?.checked_sub(24)?.checked_add(18)?)?);
        (length != 0 && length != stored.len()).then(|| inflate(stored, length.min(MAX_BLOCK)))
    }

    /// The blocks of a node's data, in order (2.2.2.8.3.2).
    pub fn data(&mut self, number: u64) -> Result<Vec<Vec<u8>>, Unread> {
        let mut out = Vec::new();
        let mut size = 0_usize;
        let mut open = vec![(number, 0)];
        while let Some((number, depth)) = open.pop() {
            let bytes = self.block(number)?;
            if number & 2 == 0 {
                size = size.saturating_add(bytes.len());
                if size > MAX_NODE {
                    return Err(Unread::new(GapReason::LimitMemory, "a value is longer than 256 MiB"));
                }
                out.push(bytes);
                continue;
            }
            if bytes.first() != Some(&1) || depth > 1 {
                return Err(Unread::malformed("a list of blocks is damaged"));
            }
            let list = self.list(&bytes, 8, 1);
            open.extend(list.chunks_exact(self.wide()).rev().map(|e| (self.number(e, 0), depth + 1)));
        }
        Ok(out)
    }

    /// The nodes under a node (2.2.2.8.3.3); none where the number is zero.
    pub fn subnodes(&mut self, number: u64) -> Result<Vec<Node>, Unread> {
        let mut out = Vec::new();
        let mut open = vec![(number, 0)];
        while let Some((number, depth)) = open.pop() {
            if number == 0 {
                continue;
            }
            let bytes = self.block(number)?;
            if bytes.first() != Some(&2) || depth > 1 {
                return Err(Unread::malformed("a list of nodes is damaged"));
            }
            let leaf = bytes.get(1) == Some(&0);
            let start = if self.form == Form::Ansi { 4 } else { 8 };
            let list = self.list(&bytes, start, if leaf { 3 } else { 2 });
            for entry in list.chunks_exact(self.wide().saturating_mul(if leaf { 3 } else { 2 })) {
                if leaf {
                    let number = u32_at(entry, 0).unwrap_or(0);
                    out.push(Node { number, data: self.number(entry, 1), subnodes: self.number(entry, 2) });
                } else {
                    open.push((self.number(entry, 1), depth + 1));
                }
            }
            if out.len() > MAX_SUBNODES || open.len() > MAX_SUBNODES {
                return Err(Unread::new(GapReason::LimitCount, "a message has more than 100,000 nodes"));
            }
        }
        Ok(out)
    }

    /// Entries of a block that lists others, as many as it says and has.
    fn list<'b>(&self, bytes: &'b [u8], start: usize, numbers: usize) -> &'b [u8] {
        let size = usize::from(u16_at(bytes, 2).unwrap_or(0)).saturating_mul(numbers).saturating_mul(self.wide());
        let rest = bytes.get(start..).unwrap_or_default();
        rest.get(..size).unwrap_or(rest)
    }

    /// Bits of a place in a heap that tell the block: all of the upper half, or fewer where blocks are larger.
    pub fn heap_shift(&self) -> u32 {
        if self.form == Form::Large { 19 } else { 16 }
    }
}
