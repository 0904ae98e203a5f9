//! The header of one data element (PS3.5 section 7.1).

/// Group of the delimiters of sequences and items.
pub(super) const ITEM_GROUP: u16 = 0xfffe;
/// Bytes of the longest header.
pub(super) const MAX_HEADER: usize = 12;
/// A length that is found out by a delimiter.
const UNDEFINED: u32 = u32::MAX;

/// Group and element number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Tag(pub u16, pub u16);

/// How elements are written, as the bytes themselves say: what the file declares isn't always so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Syntax {
    pub implicit: bool,
    pub big: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Element {
    pub tag: Tag,
    /// Zeros where it isn't written.
    pub vr: [u8; 2],
    /// `None` where it is undefined.
    pub length: Option<u64>,
    /// Bytes of the header.
    pub size: usize,
    /// Whether the representation is one of the standard's, or there is none to be written.
    pub known: bool,
}

impl Syntax {
    /// From the first six bytes of a data set: its first groups are low numbers, and an explicit
    /// representation is two letters of a known pair.
    pub fn peek(bytes: &[u8]) -> Option<Self> {
        let (group, vr) = (pair(bytes, 0)?, pair(bytes, 4)?);
        let big = u16::from_be_bytes(group) < u16::from_le_bytes(group);
        let implicit = long_length(vr).is_none();
        // Big endian is always explicit.
        (!big || !implicit).then_some(Self { implicit, big })
    }

    fn u16(self, bytes: [u8; 2]) -> u16 {
        if self.big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) }
    }

    fn u32(self, bytes: [u8; 4]) -> u32 {
        if self.big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    }

    /// Reads a header; `None` while bytes are missing. Twelve always suffice.
    pub fn element(self, bytes: &[u8]) -> Option<Element> {
        let tag = Tag(self.u16(pair(bytes, 0)?), self.u16(pair(bytes, 2)?));
        let vr = pair(bytes, 4)?;
        let four = |at: usize| bytes.get(at..at + 4)?.try_into().ok().map(|b| self.u32(b));
        let wide = |length: u32| (length != UNDEFINED).then_some(u64::from(length));
        if self.implicit || tag.0 == ITEM_GROUP {
            return Some(Element { tag, vr: [0; 2], length: wide(four(4)?), size: 8, known: true });
        }
        match long_length(vr) {
            Some(true) => Some(Element { tag, vr, length: wide(four(8)?), size: 12, known: true }),
            Some(false) => Some(Element { tag, vr, length: Some(u64::from(self.u16(pair(bytes, 6)?))), size: 8, known: true }),
            // Some writers leave single elements implicit; letters that aren't known are a short form.
            None if vr.iter().any(|b| !(0x20..0x7f).contains(b)) => {
                Some(Element { tag, vr: [0; 2], length: wide(four(4)?), size: 8, known: false })
            }
            None => Some(Element { tag, vr, length: Some(u64::from(self.u16(pair(bytes, 6)?))), size: 8, known: false }),
        }
    }
}

fn pair(bytes: &[u8], at: usize) -> Option<[u8; 2]> {
    bytes.get(at..at.checked_add(2)?)?.try_into().ok()
}

/// Whether a value representation is followed by two reserved bytes and a length of 32 bits (PS3.5 table
/// 7.1-1) or by one of 16 bits (table 7.1-2); `None` where it is none.
fn long_length(vr: [u8; 2]) -> Option<bool> {
    match &vr {
        b"OB" | b"OD" | b"OF" | b"OL" | b"OV" | b"OW" | b"SQ" | b"SV" | b"UC" | b"UN" | b"UR" | b"UT" | b"UV" => Some(true),
        b"AE" | b"AS" | b"AT" | b"CS" | b"DA" | b"DS" | b"DT" | b"FD" | b"FL" | b"IS" | b"LO" | b"LT" | b"PN" | b"SH" | b"SL"
        | b"SS" | b"ST" | b"TM" | b"UI" | b"UL" | b"US" => Some(false),
        _ => None,
    }
}
