//! Properties of a message or an attachment: a tree in a heap in a node's data (MS-PST 2.3.1 to 2.3.3).

use std::collections::BTreeMap;

use encoding_rs::{Encoding, UTF_16LE};

use super::super::le::{u16_at, u32_at};
use super::super::ole::code_page;
use super::Unread;
use super::nodes::{Node, Store};

/// Properties of one object: their numbers have 16 bits.
const MAX_PROPERTIES: usize = 65_536;
/// Levels of the tree.
const MAX_LEVELS: u8 = 8;

/// See the module.
pub(super) struct Properties {
    heap: Heap,
    /// Kind and value by number.
    values: BTreeMap<u16, (u16, u32)>,
    subnodes: Vec<Node>,
    encoding: &'static Encoding,
}

struct Heap {
    blocks: Vec<Vec<u8>>,
    shift: u32,
}

impl Heap {
    /// An item by its number: the block, and which of it (2.3.1.1).
    fn get(&self, number: u32) -> Option<&[u8]> {
        let block = self.blocks.get((number >> self.shift) as usize)?;
        let index = ((number & !(u32::MAX << self.shift)) >> 5) as usize;
        // The list of places stands at the block's end (2.3.1.5).
        let list = block.get(usize::from(u16_at(block, 0)?)..)?;
        let at = |i: usize| u16_at(list, i.checked_mul(2)?.checked_add(4)?).map(usize::from);
        if index == 0 || index > usize::from(u16_at(list, 0)?) {
            return None;
        }
        block.get(at(index.checked_sub(1)?)?..at(index)?)
    }
}

impl Properties {
    pub fn read(store: &mut Store<'_>, data: u64, subnodes: &[Node]) -> Result<Self, Unread> {
        let heap = Heap { blocks: store.data(data)?, shift: store.heap_shift() };
        let values = tree(&heap).ok_or_else(|| Unread::malformed("the properties of a message are damaged"))?;
        // The code page of texts that are not Unicode.
        let encoding =
            values.get(&0x3ffd).map_or(encoding_rs::WINDOWS_1252, |(_, page)| code_page(u16::try_from(*page).unwrap_or(0)));
        Ok(Self { heap, values, subnodes: subnodes.to_vec(), encoding })
    }

    /// A property that is text: Unicode, or of the code page.
    pub fn text(&self, store: &mut Store<'_>, property: u16) -> Result<Option<String>, Unread> {
        let encoding = match self.values.get(&property) {
            Some((0x001f, _)) => UTF_16LE,
            Some((0x001e, _)) => self.encoding,
            _ => return Ok(None),
        };
        let bytes = self.value(store, property)?;
        Ok(Some(encoding.decode_without_bom_handling(&bytes).0.trim_end_matches('\0').to_owned()))
    }

    /// A property that is bytes.
    pub fn bytes(&self, store: &mut Store<'_>, property: u16) -> Result<Option<Vec<u8>>, Unread> {
        match self.values.get(&property) {
            Some((0x0102, _)) => self.value(store, property).map(Some),
            _ => Ok(None),
        }
    }

    /// A property that is an object: the number of its node (2.3.3.5).
    pub fn object(&self, property: u16) -> Option<u32> {
        match self.values.get(&property) {
            Some((0x000d, place)) => u32_at(self.heap.get(*place)?, 0),
            _ => None,
        }
    }

    /// In the heap, or in a node of its own (2.3.3.2).
    fn value(&self, store: &mut Store<'_>, property: u16) -> Result<Vec<u8>, Unread> {
        let damaged = || Unread::malformed("a value of a message is missing");
        let number = self.values.get(&property).map_or(0, |(_, number)| *number);
        if number == 0 {
            return Ok(Vec::new());
        }
        if number & 31 == 0 {
            return self.heap.get(number).map(<[u8]>::to_vec).ok_or_else(damaged);
        }
        let node = self.subnodes.iter().find(|n| n.number == number).ok_or_else(damaged)?;
        if node.data == 0 {
            return Ok(Vec::new());
        }
        Ok(store.data(node.data)?.concat())
    }
}

/// The tree of properties (2.3.2): two bytes of number, two of kind, four of value.
fn tree(heap: &Heap) -> Option<BTreeMap<u16, (u16, u32)>> {
    let first = heap.blocks.first()?;
    // A heap, of properties (2.3.1.2).
    if first.get(2..4)? != [0xec, 0xbc] {
        return None;
    }
    let header = heap.get(u32_at(first, 4)?)?;
    let (&[0xb5, 2, 6, levels], root) = (header.first_chunk::<4>()?, u32_at(header, 4)?) else { return None };
    let mut values = BTreeMap::new();
    let mut visits = 0_usize;
    let mut open = vec![(root, levels.min(MAX_LEVELS))];
    while let Some((number, level)) = open.pop() {
        if number == 0 {
            continue;
        }
        visits = visits.checked_add(1).filter(|n| *n <= MAX_PROPERTIES)?;
        let list = heap.get(number)?;
        if level > 0 {
            open.extend(list.chunks_exact(6).rev().filter_map(|e| Some((u32_at(e, 2)?, level.checked_sub(1)?))));
            if open.len() > MAX_PROPERTIES {
                return None;
            }
            continue;
        }
        for entry in list.chunks_exact(8) {
            values.insert(u16_at(entry, 0)?, (u16_at(entry, 2)?, u32_at(entry, 4)?));
        }
    }
    Some(values)
}
