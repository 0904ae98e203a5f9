//! A sparse member as the file it stands for: stored segments with zeros between them.

use std::io::{self, Read};

use super::pax::decimal;
use crate::container::meter::Fault;
use crate::model::GapReason;

/// Segments that are kept of one map.
pub(super) const SEGMENTS_MAX: usize = 1 << 17;

/// Offset and length of each stored segment, in order and without overlap, within `real_size`.
#[derive(Debug)]
pub(super) struct Map {
    segments: Vec<(u64, u64)>,
    real_size: u64,
}

impl Map {
    /// # Errors
    /// A fault where segments overlap, run backwards or leave the file.
    pub(super) fn new(segments: Vec<(u64, u64)>, real_size: Option<u64>) -> Result<Self, Fault> {
        let damaged = || Fault::new(GapReason::Malformed, "the sparse map is damaged");
        let mut end = 0_u64;
        for (offset, length) in &segments {
            if *offset < end {
                return Err(damaged());
            }
            end = offset.checked_add(*length).ok_or_else(damaged)?;
        }
        let real_size = real_size.unwrap_or(end);
        if end > real_size {
            return Err(damaged());
        }
        Ok(Self { segments, real_size })
    }

    pub(super) fn real_size(&self) -> u64 {
        self.real_size
    }

    /// Version 1.0: decimal numbers, one a line, in whole blocks before the data: count, then pairs.
    pub(super) fn read(data: &mut dyn Read, real_size: Option<u64>) -> io::Result<Self> {
        let mut lines = Lines { data, block: [0; 512], at: 512 };
        let count = usize::try_from(lines.number()?).unwrap_or(usize::MAX);
        if count > SEGMENTS_MAX {
            return Err(Fault::new(GapReason::LimitMemory, "the sparse map is larger than the limit").into());
        }
        let mut segments = Vec::new();
        for _ in 0..count {
            segments.push((lines.number()?, lines.number()?));
        }
        Ok(Self::new(segments, real_size)?)
    }
}

struct Lines<'a> {
    data: &'a mut dyn Read,
    block: [u8; 512],
    at: usize,
}

impl Lines<'_> {
    fn number(&mut self) -> io::Result<u64> {
        let mut digits = Vec::new();
        loop {
            if self.at == self.block.len() {
                self.data.read_exact(&mut self.block)?;
                self.at = 0;
            }
            let byte = self.block[self.at];
            self.at += 1;
            if byte == b'\n' {
                return decimal(&digits).ok_or_else(|| Fault::malformed("the sparse map is damaged"));
            }
            digits.push(byte);
            if digits.len() > 20 {
                return Err(Fault::malformed("the sparse map is damaged"));
            }
        }
    }
}

/// Reads the whole file.
pub(super) struct Sparse<'a> {
    data: &'a mut dyn Read,
    map: std::vec::IntoIter<(u64, u64)>,
    next: Option<(u64, u64)>,
    at: u64,
    real_size: u64,
}

impl<'a> Sparse<'a> {
    pub(super) fn new(data: &'a mut dyn Read, map: Map) -> Self {
        let mut segments = map.segments.into_iter();
        let next = segments.next();
        Self { data, map: segments, next, at: 0, real_size: map.real_size }
    }
}

impl Read for Sparse<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.next.is_some_and(|(offset, length)| offset.saturating_add(length) <= self.at) {
            self.next = self.map.next();
        }
        let (stored, end) = match self.next {
            Some((offset, length)) if offset <= self.at => (true, offset.saturating_add(length)),
            Some((offset, _)) => (false, offset),
            None => (false, self.real_size),
        };
        let wanted = usize::try_from(end.saturating_sub(self.at)).unwrap_or(usize::MAX).min(buf.len());
        let buf = &mut buf[..wanted];
        let n = if stored {
            self.data.read(buf)?
        } else {
            buf.fill(0);
            wanted
        };
        if n == 0 && wanted > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.at = self.at.saturating_add(n as u64);
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_zeros() {
        let map = Map::new(vec![(2, 3), (5, 0), (7, 1)], Some(10)).unwrap();
        let mut out = Vec::new();
        Sparse::new(&mut &b"abcd"[..], map).read_to_end(&mut out).unwrap();
        assert_eq!(out, b"\0\0abc\0\0d\0\0");
    }

    #[test]
    fn bad_maps_are_refused() {
        assert!(Map::new(vec![(5, 2), (6, 1)], None).is_err(), "overlap");
        assert!(Map::new(vec![(0, 9)], Some(8)).is_err(), "beyond the end");
        assert!(Map::new(vec![(u64::MAX, 2)], None).is_err(), "overflow");
        assert!(Map::read(&mut &b"99999999999\n"[..], None).is_err(), "short block");
        let mut many = [0; 512];
        many[..9].copy_from_slice(b"99999999\n");
        assert_eq!(crate::container::gap_of(&Map::read(&mut &many[..], None).unwrap_err()), Some(GapReason::LimitMemory));
    }

    #[test]
    fn stored_data_that_end_early_are_an_error() {
        let map = Map::new(vec![(0, 5)], None).unwrap();
        assert!(Sparse::new(&mut &b"abc"[..], map).read_to_end(&mut Vec::new()).is_err());
    }
}
