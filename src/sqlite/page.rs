//! One b-tree page (section 1.6): its header and its cells.

/// What a page of a b-tree is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageKind {
    InteriorTable,
    LeafTable,
    InteriorIndex,
    LeafIndex,
}

impl PageKind {
    pub fn is_interior(self) -> bool {
        matches!(self, PageKind::InteriorTable | PageKind::InteriorIndex)
    }

    pub fn is_table(self) -> bool {
        matches!(self, PageKind::InteriorTable | PageKind::LeafTable)
    }
}

/// A page's header; the bytes stay with the caller.
#[derive(Clone, Copy, Debug)]
pub struct PageHeader {
    pub kind: PageKind,
    pub cells: u16,
    /// The last child of an interior page.
    pub right: u32,
    /// Where the array of cell pointers begins.
    pointers: usize,
}

/// The part of a cell that lies on its page.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cell {
    /// Page to the left, of interior pages.
    pub left: u32,
    /// Key of a table's row.
    pub rowid: i64,
    /// Declared bytes of the record.
    pub payload: u64,
    /// The record's bytes on this page.
    pub local: (usize, usize),
    /// First page of the rest; 0 where there is none.
    pub overflow: u32,
}

impl PageHeader {
    /// `first` says that this is page 1, whose first 100 bytes are the file's header.
    pub fn parse(bytes: &[u8], first: bool) -> Result<Self, &'static str> {
        let at = if first { 100 } else { 0 };
        let kind = match bytes.get(at) {
            Some(0x02) => PageKind::InteriorIndex,
            Some(0x05) => PageKind::InteriorTable,
            Some(0x0a) => PageKind::LeafIndex,
            Some(0x0d) => PageKind::LeafTable,
            _ => return Err("it is no page of a b-tree"),
        };
        let cells = u16_at(bytes, at + 3).ok_or("its header is cut off")?;
        let (right, pointers) = match kind.is_interior() {
            true => (u32_at(bytes, at + 8).ok_or("its header is cut off")?, at + 12),
            false => (0, at + 8),
        };
        if pointers + 2 * usize::from(cells) > bytes.len() {
            return Err("it declares more cells than fit");
        }
        Ok(Self { kind, cells, right, pointers })
    }

    /// Cell `i` of the page. `usable` is the page's size without its reserved end.
    pub fn cell(&self, bytes: &[u8], i: u16, usable: usize) -> Result<Cell, &'static str> {
        const CUT: &str = "a cell is cut off";
        let bytes = bytes.get(..usable).ok_or(CUT)?;
        let mut at = usize::from(u16_at(bytes, self.pointers + 2 * usize::from(i)).ok_or(CUT)?);
        let mut cell = Cell::default();
        if self.kind.is_interior() {
            cell.left = u32_at(bytes, at).ok_or(CUT)?;
            at += 4;
        }
        if self.kind == PageKind::InteriorTable {
            return Ok(cell);
        }
        let (payload, n) = varint(bytes.get(at..).unwrap_or_default()).ok_or(CUT)?;
        at += n;
        cell.payload = payload;
        if self.kind == PageKind::LeafTable {
            let (rowid, n) = varint(bytes.get(at..).unwrap_or_default()).ok_or(CUT)?;
            // A varint of nine bytes is a two's-complement number.
            cell.rowid = rowid.cast_signed();
            at += n;
        }
        let local = local_bytes(payload, usable, self.kind.is_table());
        cell.local = (at, at.checked_add(local).filter(|end| *end <= bytes.len()).ok_or(CUT)?);
        if (local as u64) < payload {
            cell.overflow = u32_at(bytes, at + local).ok_or(CUT)?;
        }
        Ok(cell)
    }
}

/// Bytes of a payload that are stored on the b-tree page (section 1.6, the list of P, U, X, M and K).
fn local_bytes(payload: u64, usable: usize, table: bool) -> usize {
    let max = if table { usable - 35 } else { (usable - 12) * 64 / 255 - 23 };
    if payload <= max as u64 {
        return usize::try_from(payload).unwrap_or(max);
    }
    let min = (usable - 12) * 32 / 255 - 23;
    let rest = payload.saturating_sub(min as u64) % (usable as u64 - 4);
    let k = min + usize::try_from(rest).unwrap_or(0);
    if k <= max { k } else { min }
}

/// A variable-length integer and its bytes: seven bits each, the ninth byte eight (section 1.6).
pub fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0u64;
    for (i, byte) in bytes.iter().take(9).enumerate() {
        if i == 8 {
            return Some((value << 8 | u64::from(*byte), 9));
        }
        value = value << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((value, i + 1));
        }
    }
    None
}

pub fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

pub fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}
