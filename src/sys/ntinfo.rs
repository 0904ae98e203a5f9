//! What Windows answers about files, as bytes: the structures of `GetFileInformationByHandleEx` (winbase.h, the same as
//! MS-FSCC section 2.4) and self-relative security descriptors (MS-DTYP section 2.4).
//!
//! Read with bounds checked, so that the only thing that is trusted is that the system filled a buffer.

/// Nothing but its own driver says what such a file's bytes are, and asking would fetch them.
pub const RECALLED: u32 = OFFLINE | RECALL_ON_OPEN | RECALL_ON_DATA_ACCESS;
pub const DIRECTORY: u32 = 0x10;
pub const DEVICE: u32 = 0x40;
pub const SPARSE: u32 = 0x200;
pub const REPARSE_POINT: u32 = 0x400;
const OFFLINE: u32 = 0x1000;
const RECALL_ON_OPEN: u32 = 0x4_0000;
const RECALL_ON_DATA_ACCESS: u32 = 0x40_0000;

/// `FILE_BASIC_INFO`. Times are 100 ns since 1601.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Basic {
    pub created: i64,
    pub accessed: i64,
    pub written: i64,
    pub changed: i64,
    pub attributes: u32,
}

impl Basic {
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        Some(Self {
            created: number(bytes, 0)?,
            accessed: number(bytes, 8)?,
            written: number(bytes, 16)?,
            changed: number(bytes, 24)?,
            attributes: u32_at(bytes, 32)?,
        })
    }
}

/// `FILE_STANDARD_INFO`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standard {
    /// Bytes on the disk.
    pub stored: u64,
    /// Bytes.
    pub size: u64,
    pub links: u32,
}

impl Standard {
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        Some(Self {
            stored: number(bytes, 0)?.cast_unsigned(),
            size: number(bytes, 8)?.cast_unsigned(),
            links: u32_at(bytes, 16)?,
        })
    }
}

/// Attributes and tag of a reparse point (`FILE_ATTRIBUTE_TAG_INFO`).
pub fn tag(bytes: &[u8]) -> Option<(u32, u32)> {
    Some((u32_at(bytes, 0)?, u32_at(bytes, 4)?))
}

/// Serial of the volume and the low half of the 128-bit file number (`FILE_ID_INFO`); the high half is of ReFS alone.
pub fn file_id(bytes: &[u8]) -> Option<(u64, u64)> {
    Some((number(bytes, 0)?.cast_unsigned(), number(bytes, 8)?.cast_unsigned()))
}

/// One name of a folder (`FILE_ID_BOTH_DIR_INFO`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub name: Vec<u16>,
    pub basic: Basic,
    pub size: u64,
    /// Of a reparse point, otherwise 0.
    pub tag: u32,
    pub id: u64,
}

/// The names in a buffer, without `.` and `..`; none where it is malformed.
pub fn listing(bytes: &[u8]) -> Option<Vec<Listed>> {
    let mut names = Vec::new();
    for entry in chain(bytes) {
        let entry = entry?;
        let length = usize::try_from(u32_at(entry, 60)?).ok()?;
        let name = units(entry.get(104..)?.get(..length)?);
        let dots = name.len() <= 2 && name.iter().all(|u| *u == u16::from(b'.'));
        if dots && !name.is_empty() {
            continue;
        }
        let attributes = u32_at(entry, 56)?;
        names.push(Listed {
            basic: Basic { attributes, ..Basic::parse(entry.get(8..)?)? },
            size: number(entry, 40)?.cast_unsigned(),
            // The field for extended attributes holds it (MS-FSCC 2.4.17).
            tag: if attributes & REPARSE_POINT != 0 { u32_at(entry, 64)? } else { 0 },
            id: number(entry, 96)?.cast_unsigned(),
            name,
        });
    }
    Some(names)
}

/// Names and sizes of the named streams in a buffer (`FILE_STREAM_INFO`), as `evil.exe`: without the colon and the type.
pub fn streams(bytes: &[u8]) -> Option<Vec<(Vec<u16>, u64)>> {
    let mut streams = Vec::new();
    for entry in chain(bytes) {
        let entry = entry?;
        let length = usize::try_from(u32_at(entry, 4)?).ok()?;
        let name = units(entry.get(24..)?.get(..length)?);
        let data: Vec<u16> = ":$DATA".encode_utf16().collect();
        let Some(name) = name.strip_prefix(&[u16::from(b':')]).and_then(|n| n.strip_suffix(data.as_slice())) else { continue };
        // The file itself is the stream without a name.
        if !name.is_empty() {
            streams.push((name.to_vec(), number(entry, 8)?.cast_unsigned()));
        }
    }
    Some(streams)
}

/// Entries that say how far it is to the next; the last says 0.
fn chain(bytes: &[u8]) -> impl Iterator<Item = Option<&[u8]>> {
    let mut rest = Some(bytes).filter(|b| !b.is_empty());
    std::iter::from_fn(move || {
        let entry = rest.take()?;
        let next = u32_at(entry, 0).and_then(|n| usize::try_from(n).ok());
        match next {
            Some(0) => Some(Some(entry)),
            Some(n) if n >= 8 && n < entry.len() => {
                rest = entry.get(n..);
                Some(entry.get(..n))
            }
            _ => Some(None),
        }
    })
}

/// The owner in a security descriptor, as `S-1-5-32-544`.
pub fn owner(descriptor: &[u8]) -> Option<String> {
    let at = usize::try_from(u32_at(descriptor, 4)?).ok()?;
    if at == 0 { None } else { sid(descriptor.get(at..)?) }
}

/// A SID as text (MS-DTYP section 2.4.2).
pub fn sid(bytes: &[u8]) -> Option<String> {
    let (&revision, &count) = (bytes.first()?, bytes.get(1)?);
    let authority = bytes.get(2..8)?.iter().fold(0_u64, |n, b| n << 8 | u64::from(*b));
    let mut text = format!("S-{revision}-{authority}");
    for part in 0..usize::from(count.min(15)) {
        text.push_str(&format!("-{}", u32_at(bytes, 8 + part * 4)?));
    }
    Some(text)
}

/// Whether anybody but these accounts may change what the descriptor protects: it is theirs, and every entry that allows a
/// change names one of them.
pub fn is_only_of(descriptor: &[u8], accounts: &[&str]) -> bool {
    let known = |sid: Option<String>| sid.is_some_and(|sid| accounts.contains(&sid.as_str()));
    known(owner(descriptor)) && writers(descriptor).is_some_and(|all| all.into_iter().all(known))
}

/// Write, append, attributes, delete, rights, owner, and the generic forms of them.
const CHANGES: u32 = 0x2 | 0x4 | 0x10 | 0x40 | 0x100 | 0x1_0000 | 0x4_0000 | 0x8_0000 | 0x1000_0000 | 0x4000_0000;
/// The entry is for what is made below.
const INHERIT_ONLY: u8 = 8;

/// Who may change it, by its access control list; none where it has no list, which allows everybody everything, or one
/// that is malformed. An entry of a kind that isn't known stands for somebody unknown.
fn writers(descriptor: &[u8]) -> Option<Vec<Option<String>>> {
    const PRESENT: u16 = 4;
    let control = u16_at(descriptor, 2)?;
    let at = usize::try_from(u32_at(descriptor, 16)?).ok()?;
    if control & PRESENT == 0 || at == 0 {
        return None;
    }
    let list = descriptor.get(at..)?;
    let mut entry = list.get(8..)?;
    let mut found = Vec::new();
    for _ in 0..u16_at(list, 4)? {
        let (&kind, &flags, size) = (entry.first()?, entry.get(1)?, usize::from(u16_at(entry, 2)?));
        let body = entry.get(4..size)?;
        let changes = u32_at(body, 0)? & CHANGES != 0 && flags & INHERIT_ONLY == 0;
        match kind {
            // Access allowed, also under a condition.
            0 | 9 if changes => found.push(sid(body.get(4..)?)),
            // Access denied, audits, labels.
            0 | 9 | 1 | 2 | 10 | 17 => {}
            _ => found.push(None),
        }
        entry = entry.get(size..)?;
    }
    Some(found)
}

fn units(bytes: &[u8]) -> Vec<u16> {
    bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..)?.first_chunk().copied()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..)?.first_chunk().copied()?))
}

fn number(bytes: &[u8], at: usize) -> Option<i64> {
    Some(i64::from_le_bytes(bytes.get(at..)?.first_chunk().copied()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn utf16(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    fn entry(name: &str, attributes: u32, tag: u32, last: bool) -> Vec<u8> {
        let name = utf16(name);
        let mut bytes = vec![0; 104];
        bytes[8..16].copy_from_slice(&7_i64.to_le_bytes());
        bytes[32..40].copy_from_slice(&9_i64.to_le_bytes());
        bytes[40..48].copy_from_slice(&1234_i64.to_le_bytes());
        bytes[56..60].copy_from_slice(&attributes.to_le_bytes());
        bytes[60..64].copy_from_slice(&(name.len() as u32).to_le_bytes());
        bytes[64..68].copy_from_slice(&tag.to_le_bytes());
        bytes[96..104].copy_from_slice(&42_i64.to_le_bytes());
        bytes.extend(name);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        let next = if last { 0 } else { bytes.len() as u32 };
        bytes[0..4].copy_from_slice(&next.to_le_bytes());
        bytes
    }

    #[test]
    fn a_folder_is_listed() {
        let dots = [entry(".", DIRECTORY, 0, false), entry("..", DIRECTORY, 0, false)].concat();
        let bytes = [dots, entry("a.txt", 0x20, 5, false), entry("link", REPARSE_POINT, 0xa000_000c, true)].concat();
        let names = listing(&bytes).unwrap();
        assert_eq!(names.len(), 2);
        assert_eq!((names[0].tag, names[0].size, names[0].id), (0, 1234, 42));
        assert_eq!((names[0].basic.created, names[0].basic.changed, names[0].basic.attributes), (7, 9, 0x20));
        assert_eq!(String::from_utf16(&names[1].name).unwrap(), "link");
        assert_eq!(names[1].tag, 0xa000_000c);
        assert_eq!(listing(&bytes[..bytes.len() - 20]), None);
    }

    #[test]
    fn named_streams_are_listed() {
        let one = |name: &str, size: i64, last: bool| {
            let name = utf16(name);
            let mut bytes = vec![0; 24];
            bytes[4..8].copy_from_slice(&(name.len() as u32).to_le_bytes());
            bytes[8..16].copy_from_slice(&size.to_le_bytes());
            bytes.extend(name);
            bytes.resize(bytes.len().next_multiple_of(8), 0);
            let next = if last { 0 } else { bytes.len() as u32 };
            bytes[0..4].copy_from_slice(&next.to_le_bytes());
            bytes
        };
        let bytes = [one("::$DATA", 10, false), one(":evil.exe:$DATA", 77, true)].concat();
        assert_eq!(streams(&bytes), Some(vec![("evil.exe".encode_utf16().collect(), 77)]));
        assert_eq!(streams(&[]), Some(vec![]));
    }

    const SYSTEM: [u8; 12] = [1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0];
    const EVERYONE: [u8; 12] = [1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0];

    fn descriptor(aces: &[(u8, u8, u32, [u8; 12])]) -> Vec<u8> {
        let mut bytes = vec![1, 0, 4, 0x80, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0, 0];
        bytes.extend(SYSTEM);
        bytes.extend([2, 0, (8 + aces.len() * 20) as u8, 0, aces.len() as u8, 0, 0, 0]);
        for (kind, flags, mask, sid) in aces {
            bytes.extend([*kind, *flags, 20, 0]);
            bytes.extend(mask.to_le_bytes());
            bytes.extend(sid);
        }
        bytes
    }

    #[test]
    fn owners_and_writers_are_told() {
        assert_eq!(sid(&EVERYONE).as_deref(), Some("S-1-1-0"));
        let ours = descriptor(&[(0, 0, 0x1f_01ff, SYSTEM), (0, 0, 0x12_0089, EVERYONE), (0, INHERIT_ONLY, 0x1f_01ff, EVERYONE)]);
        assert_eq!(owner(&ours).as_deref(), Some("S-1-5-18"));
        assert!(is_only_of(&ours, &["S-1-5-18"]));
        assert!(!is_only_of(&ours, &["S-1-5-32-544"]), "somebody else's");
        assert!(!is_only_of(&descriptor(&[(0, 0, 0x2, EVERYONE)]), &["S-1-5-18"]), "everybody may write");
        assert!(!is_only_of(&descriptor(&[(5, 0, 0x2, SYSTEM)]), &["S-1-5-18"]), "an entry of an unknown kind");
        let mut open = ours.clone();
        open[2] = 0;
        assert!(!is_only_of(&open, &["S-1-5-18"]), "no list at all");
        assert!(!is_only_of(&ours[..40], &["S-1-5-18"]), "cut");
    }

    proptest! {
        #[test]
        fn any_bytes_end_well(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = (listing(&bytes), streams(&bytes), owner(&bytes), is_only_of(&bytes, &[]), Basic::parse(&bytes));
        }
    }
}
