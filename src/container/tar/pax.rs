//! pax extended headers (POSIX.1-2001, `pax` utility, "pax Interchange Format"), with GNU's sparse keys.

use crate::model::Time;

/// What a following header's own fields are overridden with.
#[derive(Clone, Debug, Default)]
pub(super) struct Overrides {
    pub path: Option<Vec<u8>>,
    pub size: Option<u64>,
    pub mtime: Option<Time>,
    pub uid: Option<u64>,
    pub gid: Option<u64>,
    /// GNU.sparse.major of version 1.0: the map stands before the data.
    pub sparse_in_data: bool,
    /// GNU.sparse.size or realsize.
    pub real_size: Option<u64>,
    /// GNU.sparse.name of versions 0.1 and 1.0.
    pub real_name: Option<Vec<u8>>,
    /// Versions 0.0 and 0.1.
    pub map: Option<Vec<(u64, u64)>>,
    /// Segment of version 0.0 whose length has not come yet.
    pending: Option<u64>,
    /// A record that can't be read.
    pub damaged: bool,
}

impl Overrides {
    /// Adds the records `LENGTH KEY=VALUE\n` of one extended header.
    pub(super) fn add(&mut self, mut data: &[u8]) {
        while !data.is_empty() && data[0] != 0 {
            let Some((record, rest)) = split(data) else {
                self.damaged = true;
                return;
            };
            data = rest;
            let Some(equals) = memchr::memchr(b'=', record) else {
                self.damaged = true;
                continue;
            };
            self.record(&record[..equals], &record[equals + 1..]);
        }
    }

    fn record(&mut self, key: &[u8], value: &[u8]) {
        match key {
            b"path" => self.path = Some(value.to_vec()).filter(|v| !v.is_empty()),
            b"size" => self.size = self.number(value),
            b"uid" => self.uid = decimal(value),
            b"gid" => self.gid = decimal(value),
            b"mtime" => self.mtime = time(value),
            b"GNU.sparse.major" => self.sparse_in_data = value == b"1",
            b"GNU.sparse.size" | b"GNU.sparse.realsize" => self.real_size = self.number(value),
            b"GNU.sparse.name" => self.real_name = Some(value.to_vec()),
            b"GNU.sparse.offset" => self.pending = self.number(value),
            b"GNU.sparse.numbytes" => match (self.pending.take(), self.number(value)) {
                (Some(offset), Some(length)) => self.map.get_or_insert_default().push((offset, length)),
                _ => self.damaged = true,
            },
            b"GNU.sparse.map" => {
                let numbers: Option<Vec<u64>> = value.split(|b| *b == b',').map(decimal).collect();
                match numbers {
                    Some(numbers) if numbers.len() % 2 == 0 => {
                        self.map = Some(numbers.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect());
                    }
                    _ => self.damaged = true,
                }
            }
            _ => {}
        }
    }

    fn number(&mut self, value: &[u8]) -> Option<u64> {
        let number = decimal(value);
        self.damaged |= number.is_none();
        number
    }
}

/// The first record without its length and newline, and what follows it.
fn split(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = memchr::memchr(b' ', data.get(..data.len().min(20))?)?;
    let length = usize::try_from(decimal(&data[..space])?).ok()?;
    let record = data.get(space + 1..length)?;
    let body = record.strip_suffix(b"\n")?;
    Some((body, &data[length..]))
}

pub(super) fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |n, b| {
        let digit = b.checked_sub(b'0').filter(|d| *d < 10)?;
        n.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// Seconds with an optional fraction.
fn time(value: &[u8]) -> Option<Time> {
    let (negative, value) = match value.strip_prefix(b"-") {
        Some(rest) => (true, rest),
        None => (false, value),
    };
    let dot = memchr::memchr(b'.', value).unwrap_or(value.len());
    let seconds = i128::from(decimal(&value[..dot])?);
    let mut nanos = 0_i128;
    let mut unit = 100_000_000_i128;
    for digit in value.get(dot + 1..).unwrap_or_default().iter().take(9) {
        nanos += unit * i128::from(digit.checked_sub(b'0').filter(|d| *d < 10)?);
        unit /= 10;
    }
    let total = seconds * 1_000_000_000 + nanos;
    Some(Time(if negative { -total } else { total }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_override() {
        let mut pax = Overrides::default();
        pax.add(b"16 path=ab c=/d\n20 mtime=12.5000000\n11 size=77\n");
        assert_eq!(pax.path.as_deref(), Some(&b"ab c=/d"[..]));
        assert_eq!(pax.mtime, Some(Time(12_500_000_000)));
        assert_eq!(pax.size, Some(77));
        assert!(!pax.damaged);
    }

    #[test]
    fn damage_is_told_and_ends() {
        for bad in [&b"0 a=b\n"[..], b"99999999999999999999 a=b\n", b"5 a=b\n", b"x", b"6 size\n", b"9 size=x\n", b"3 a\n\n"] {
            let mut pax = Overrides::default();
            pax.add(bad);
            assert!(pax.damaged, "{bad:?}");
        }
    }

    #[test]
    fn sparse_maps() {
        let mut pax = Overrides::default();
        pax.add(b"23 GNU.sparse.offset=5\n25 GNU.sparse.numbytes=3\n");
        assert_eq!(pax.map, Some(vec![(5, 3)]));
        let mut pax = Overrides::default();
        pax.add(b"26 GNU.sparse.map=0,1,9,2\n");
        assert_eq!(pax.map, Some(vec![(0, 1), (9, 2)]));
    }
}
