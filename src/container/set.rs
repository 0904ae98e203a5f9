//! The volumes of a set, read as one.

use std::io::{self, Read, Seek, SeekFrom};

use super::meter::Fault;
use super::parts::{numbered as named, part};
use super::{Probe, ReadSeek, Volumes};
use crate::model::GapReason;

/// Volumes of one set.
pub(super) const MAX_VOLUMES: usize = 10_000;
/// Volumes that stay open.
const OPEN: usize = 4;
/// What takes the place of a volume that is missing.
const HOLE: u64 = 1;

/// Where a part of the set comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The object itself.
    Own,
    /// The file of this name beside it.
    Beside(Vec<u8>),
    Missing,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub place: Place,
    pub size: u64,
}

impl Part {
    pub(super) fn own(size: u64) -> Self {
        Self { place: Place::Own, size }
    }

    pub(super) fn missing() -> Self {
        Self { place: Place::Missing, size: HOLE }
    }

    /// The first of these names that there is.
    pub(super) fn beside(volumes: &dyn Volumes, names: impl IntoIterator<Item = Vec<u8>>) -> Option<Self> {
        names.into_iter().find_map(|name| Some(Self { size: volumes.size(&name)?, place: Place::Beside(name) }))
    }
}

/// What was cut into `NAME.001`, `NAME.002` and so on.
pub(super) struct Numbered {
    /// The object itself and those that follow it without a gap.
    pub parts: Vec<Part>,
    /// Name of the first that isn't there.
    pub next: Vec<u8>,
}

/// The set whose first part an object of `size` bytes is by its name: none lies before it.
pub(super) fn numbered(probe: &Probe<'_>, size: u64) -> Option<Numbered> {
    let first = part(probe.name)?;
    let before = first.checked_sub(1).map(|before| named(probe.name, before));
    if before.is_some_and(|before| probe.volumes.is_some_and(|volumes| volumes.size(&before).is_some())) {
        return None;
    }
    let mut parts = vec![Part::own(size)];
    let mut next = named(probe.name, first.saturating_add(1));
    while let Some(volumes) = probe.volumes
        && parts.len() < MAX_VOLUMES
        && let Some(found) = Part::beside(volumes, [next.clone()])
    {
        parts.push(found);
        next = named(probe.name, first.saturating_add(u32::try_from(parts.len()).unwrap_or(u32::MAX)));
    }
    Some(Numbered { parts, next })
}

/// Parts one behind the other. What is missing is a byte that can't be read.
pub(super) struct Joined<'a> {
    own: &'a mut dyn ReadSeek,
    volumes: Option<&'a dyn Volumes>,
    /// Each with its first byte in the whole.
    parts: Vec<(u64, Part)>,
    size: u64,
    at: u64,
    /// By number of the part, the last used at the end.
    open: Vec<(usize, Box<dyn ReadSeek>)>,
}

impl<'a> Joined<'a> {
    pub(super) fn new(
        own: &'a mut dyn ReadSeek,
        volumes: Option<&'a dyn Volumes>,
        parts: impl IntoIterator<Item = Part>,
    ) -> Self {
        let mut joined = Self { own, volumes, parts: Vec::new(), size: 0, at: 0, open: Vec::new() };
        parts.into_iter().for_each(|part| joined.push(part));
        joined
    }

    pub(super) fn push(&mut self, part: Part) {
        let start = self.size;
        self.size = self.size.saturating_add(part.size);
        self.parts.push((start, part));
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// First byte of each part, and the first behind it.
    pub(super) fn ranges(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.parts.iter().map(|(start, part)| (*start, start.saturating_add(part.size)))
    }

    /// The same of what is missing.
    pub(super) fn holes(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let missing = self.parts.iter().filter(|(_, part)| part.place == Place::Missing);
        missing.map(|(start, part)| (*start, start.saturating_add(part.size)))
    }

    /// Reads from a part, at this place in it.
    fn read_part(&mut self, number: usize, at: u64, buf: &mut [u8]) -> io::Result<usize> {
        let gone = || Fault::new(GapReason::MissingVolume, "a part of it lies in another volume");
        let Some((_, part)) = self.parts.get(number) else { return Ok(0) };
        let input: &mut dyn ReadSeek = match &part.place {
            Place::Missing => return Err(gone().into()),
            Place::Own => &mut *self.own,
            Place::Beside(name) => {
                match self.open.iter().position(|(open, _)| *open == number) {
                    Some(place) => self.open[place..].rotate_left(1),
                    None => {
                        let opened = self.volumes.ok_or_else(gone)?.open(name)?;
                        if self.open.len() >= OPEN {
                            self.open.remove(0);
                        }
                        self.open.push((number, opened));
                    }
                }
                match self.open.last_mut() {
                    Some((_, open)) => open.as_mut(),
                    None => return Err(gone().into()),
                }
            }
        };
        input.seek(SeekFrom::Start(at))?;
        input.read(buf)
    }
}

impl Read for Joined<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() || self.at >= self.size {
            return Ok(0);
        }
        // Parts may be empty: the last that begins here or before.
        let number = self.parts.partition_point(|(start, _)| *start <= self.at).saturating_sub(1);
        let Some((start, part)) = self.parts.get(number) else { return Ok(0) };
        let at = self.at.saturating_sub(*start);
        let left = usize::try_from(part.size.saturating_sub(at)).unwrap_or(usize::MAX);
        let wanted = left.min(buf.len());
        let n = self.read_part(number, at, &mut buf[..wanted])?;
        if n == 0 {
            return Err(Fault::new(GapReason::Changed, "a volume of the set is shorter than it was").into());
        }
        self.at = self.at.saturating_add(n as u64);
        Ok(n)
    }
}

impl Seek for Joined<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::super::testing::Shelf;
    use super::*;
    use crate::container::gap_of;
    use crate::container::read::read_at;

    #[test]
    fn parts_read_as_one() {
        let shelf = Shelf::of([("b", &b"345"[..]), ("c", b""), ("d", b"67"), ("e", b"89"), ("f", b"ab"), ("g", b"cd")]);
        let mut own = Cursor::new(b"012".to_vec());
        let beside = |name: &str| Part::beside(&shelf, [b"none".to_vec(), name.into()]).unwrap();
        let mut parts = vec![Part::own(3)];
        parts.extend(["b", "c", "d", "e", "f", "g"].map(beside));
        assert_eq!(Part::beside(&shelf, [b"none".to_vec()]), None);
        let mut joined = Joined::new(&mut own, Some(&shelf), parts);
        assert_eq!(joined.size(), 14);
        let mut all = String::new();
        joined.read_to_string(&mut all).unwrap();
        assert_eq!(all, "0123456789abcd");
        for at in (0..15_usize).rev() {
            let got = read_at(&mut joined, at as u64, 4).unwrap();
            assert_eq!(got, &all.as_bytes()[at.min(14)..(at + 4).min(14)], "{at}");
        }
        assert_eq!(joined.open.len(), OPEN);
    }

    #[test]
    fn what_is_missing_or_shrank_is_told() {
        let shelf = Shelf::of([("c", &b"56"[..])]);
        let mut own = Cursor::new(b"012".to_vec());
        let short = Part { place: Place::Beside(b"c".to_vec()), size: 9 };
        let mut joined = Joined::new(&mut own, Some(&shelf), [Part::own(3), Part::missing(), short]);
        assert_eq!(joined.holes().collect::<Vec<_>>(), [(3, 4)]);
        let of = |joined: &mut Joined<'_>, at: u64, n: usize| read_at(joined, at, n).map_err(|e| gap_of(&e));
        assert_eq!(of(&mut joined, 0, 3), Ok(b"012".to_vec()));
        assert_eq!(of(&mut joined, 0, 4), Err(Some(GapReason::MissingVolume)));
        assert_eq!(of(&mut joined, 4, 2), Ok(b"56".to_vec()));
        assert_eq!(of(&mut joined, 4, 3), Err(Some(GapReason::Changed)));
    }
}
