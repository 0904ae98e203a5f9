//! Header and table of contents of an archive (`ReadHead` and `ReadToc` of PostgreSQL's `pg_backup_archiver.c`).

use std::collections::HashMap;

/// Versions of the format that are known: PostgreSQL 8.0 to 18.
const VERSIONS: std::ops::RangeInclusive<u8> = 10..=16;
/// Entries of a table of contents.
const MAX_ENTRIES: i64 = 4_000_000;

/// How rows are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    Nothing,
    Zlib,
    Lz4,
    Zstd,
    /// One that didn't exist when this was written.
    Other,
}

/// What stands in front of the rows.
#[derive(Debug)]
pub(super) struct Toc {
    /// The rows follow in the same file.
    pub custom: bool,
    pub compression: Compression,
    pub int_size: usize,
    /// `CREATE TABLE` of every table.
    pub tables: String,
    /// The statement that rows belong to, by the number of their block. It is empty where they are statements themselves.
    pub copies: HashMap<i64, String>,
}

/// Why there is no table of contents.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// It doesn't end with these bytes.
    More,
    Version,
}

impl Toc {
    /// Reads it from the first bytes of an archive, and says how many it takes.
    pub fn read(bytes: &[u8]) -> Result<(Self, usize), Missing> {
        let &[b'P', b'G', b'D', b'M', b'P', 1, version, _, int_size, off_size, format, ..] = bytes else {
            return Err(Missing::More);
        };
        let sizes = [int_size, off_size];
        if !VERSIONS.contains(&version) || !sizes.iter().all(|n| (1..=8).contains(n)) {
            return Err(Missing::Version);
        }
        let mut input = Input { bytes, at: 11, int_size: usize::from(int_size) };
        input.toc(version, format, usize::from(off_size)).map(|toc| (toc, input.at)).ok_or(Missing::More)
    }
}

struct Input<'b> {
    bytes: &'b [u8],
    at: usize,
    int_size: usize,
}

impl<'b> Input<'b> {
    fn take(&mut self, n: usize) -> Option<&'b [u8]> {
        let end = self.at.checked_add(n)?;
        let taken = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn int(&mut self) -> Option<i64> {
        let bytes = self.take(self.int_size.checked_add(1)?)?;
        int(bytes)
    }

    /// A negative length is no string at all.
    fn string(&mut self) -> Option<&'b [u8]> {
        let length = self.int()?;
        if length < 0 { Some(&[]) } else { self.take(usize::try_from(length).ok()?) }
    }

    fn toc(&mut self, version: u8, format: u8, off_size: usize) -> Option<Toc> {
        let compression = match version {
            15.. => match self.byte()? {
                0 => Compression::Nothing,
                1 => Compression::Zlib,
                2 => Compression::Lz4,
                3 => Compression::Zstd,
                _ => Compression::Other,
            },
            _ => match self.int()? {
                0 => Compression::Nothing,
                _ => Compression::Zlib,
            },
        };
        for _ in 0..7 {
            self.int()?;
        }
        for _ in 0..3 {
            self.string()?;
        }
        let custom = format == 1;
        let entries = self.int().filter(|n| (0..=MAX_ENTRIES).contains(n))?;
        let mut toc = Toc { custom, compression, int_size: self.int_size, tables: String::new(), copies: HashMap::new() };
        for _ in 0..entries {
            self.entry(version, off_size, &mut toc)?;
        }
        Some(toc)
    }

    fn entry(&mut self, version: u8, off_size: usize, toc: &mut Toc) -> Option<()> {
        let id = self.int()?;
        let rows = self.int()? != 0;
        self.string()?;
        self.string()?;
        let _name = self.string()?;
        let kind = self.string()?;
        if version >= 11 {
            self.int()?;
        }
        let definition = self.string()?;
        let _drop = self.string()?;
        let copy = self.string()?;
        let _schema = self.string()?;
        let _tablespace = self.string()?;
        if version >= 14 {
            let _method = self.string()?;
        }
        if version >= 16 {
            let _relation = self.int()?;
        }
        let _owner = self.string()?;
        let _with_oids = self.string()?;
        // Dependencies, up to a string that is none.
        loop {
            let length = self.int()?;
            if length < 0 {
                break;
            }
            self.take(usize::try_from(length).ok()?)?;
        }
        if toc.custom {
            self.take(off_size.checked_add(1)?)?;
        } else {
            self.string()?;
        }
        if kind == b"TABLE" {
            toc.tables.push_str(&String::from_utf8_lossy(definition));
        }
        if rows && kind == b"TABLE DATA" {
            toc.copies.insert(id, String::from_utf8_lossy(copy).into_owned());
        }
        Some(())
    }
}

/// A sign, then the number, lowest byte first.
pub(super) fn int(bytes: &[u8]) -> Option<i64> {
    let (sign, digits) = bytes.split_first()?;
    let n = digits.iter().rev().try_fold(0_i64, |n, b| n.checked_mul(256)?.checked_add(i64::from(*b)))?;
    Some(if *sign == 0 { n } else { -n })
}
