//! Thrift's compact protocol, as far as the metadata of Parquet needs it: fields are read as they come, and what isn't
//! asked for is passed over. Nothing is allocated by a declared size.
//!
//! Source: "Thrift compact protocol" (Apache Thrift, `doc/specs/thrift-compact-protocol.md`).

/// Structures inside structures.
const MAX_DEPTH: u32 = 32;

const STRUCT: u8 = 12;

/// See the module.
pub(super) struct Thrift<'a> {
    data: &'a [u8],
    at: usize,
}

/// A field of a structure: its number and kind.
pub(super) type Field = (i16, u8);

impl<'a> Thrift<'a> {
    pub fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0 }
    }

    /// Bytes read so far.
    pub fn at(&self) -> usize {
        self.at
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.data.get(self.at)?;
        self.at = self.at.checked_add(1)?;
        Some(byte)
    }

    fn varint(&mut self) -> Option<u64> {
        varint(self.data, &mut self.at)
    }

    pub fn number(&mut self) -> Option<i64> {
        self.varint().map(zigzag)
    }

    /// A number that is a length or a place.
    pub fn size(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok()
    }

    pub fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.varint()?).ok()?;
        let end = self.at.checked_add(length)?;
        let bytes = self.data.get(self.at..end)?;
        self.at = end;
        Some(bytes)
    }

    pub fn text(&mut self) -> Option<String> {
        self.bytes().map(|b| String::from_utf8_lossy(b).into_owned())
    }

    /// How many elements a list has.
    pub fn list(&mut self) -> Option<u64> {
        self.elements().map(|(count, _)| count)
    }

    fn elements(&mut self) -> Option<(u64, u8)> {
        let head = self.byte()?;
        let count = if head >> 4 == 15 { self.varint()? } else { u64::from(head >> 4) };
        Some((count, head & 15))
    }

    /// Every field of a structure. `take` reads the field and tells so, or leaves it.
    pub fn fields(&mut self, mut take: impl FnMut(&mut Self, Field) -> Option<bool>) -> Option<()> {
        let mut number = 0_i16;
        loop {
            let head = self.byte()?;
            if head == 0 {
                return Some(());
            }
            number = match head >> 4 {
                0 => i16::try_from(self.number()?).ok()?,
                step => number.checked_add(i16::from(step))?,
            };
            let before = self.at;
            if !take(self, (number, head & 15))? {
                self.at = before;
                self.skip(head & 15, 0)?;
            }
        }
    }

    fn skip(&mut self, kind: u8, depth: u32) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        match kind {
            1 | 2 => {}
            3 => drop(self.byte()?),
            4..=6 => drop(self.varint()?),
            7 => self.at = self.at.checked_add(8)?,
            8 => drop(self.bytes()?),
            9 | 10 => {
                let (count, kind) = self.elements()?;
                // In a list, truths take a byte each.
                (0..count).try_for_each(|_| self.skip(if matches!(kind, 1 | 2) { 3 } else { kind }, depth.saturating_add(1)))?;
            }
            11 => {
                let count = self.varint()?;
                let kinds = if count == 0 { 0 } else { self.byte()? };
                for _ in 0..count {
                    self.skip(kinds >> 4, depth.saturating_add(1))?;
                    self.skip(kinds & 15, depth.saturating_add(1))?;
                }
            }
            STRUCT => loop {
                let head = self.byte()?;
                if head == 0 {
                    break;
                }
                if head >> 4 == 0 {
                    self.varint()?;
                }
                self.skip(head & 15, depth.saturating_add(1))?;
            },
            _ => return None,
        }
        Some(())
    }
}

/// Seven bits a byte, the lowest first.
pub(super) fn varint(data: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = *data.get(*at)?;
        *at = at.checked_add(1)?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

pub(super) fn zigzag(n: u64) -> i64 {
    (n >> 1).cast_signed() ^ (n & 1).cast_signed().wrapping_neg()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_or_passed_over() {
        // 1: 300; 2: "ab"; 4: a list of two structures; 5: true; 20: -1; end.
        let data = [0x15, 0xd8, 4, 0x18, 2, b'a', b'b', 0x29, 0x2c, 0x15, 2, 0, 0, 0x11, 0x05, 40, 1, 0];
        let mut thrift = Thrift::new(&data);
        let mut found = Vec::new();
        let end = thrift.fields(|thrift, (number, kind)| {
            if number == 1 || number == 20 {
                found.push(thrift.number()?);
            } else {
                found.push(i64::from(kind) * 100);
                return Some(false);
            }
            Some(true)
        });
        assert_eq!((end, found, thrift.at()), (Some(()), vec![300, 800, 900, 100, -1], data.len()));
        assert_eq!(Thrift::new(&data[..9]).fields(|_, _| Some(false)), None);
        assert_eq!(Thrift::new(&[0x1c; 100]).fields(|_, _| Some(false)), None);
    }
}
