//! Where programs and pictures end, so that what is appended to them can be told.
//!
//! PE: the last section's data (PE/COFF specification, "Section Table"). ELF: the last of segments, sections and their
//! tables (gABI, chapters 4 and 5). Mach-O: the last segment, or the last architecture (`mach-o/loader.h`, `fat.h`).
//! PNG: the chunk IEND (W3C PNG, 5.3). JPEG: the marker EOI behind the last scan (ITU T.81, B.1). GIF: the trailer
//! (GIF89a, 27).

/// The offset behind the last byte that belongs to the file itself; none where it is no such file.
pub(super) fn end(body: &[u8]) -> Option<usize> {
    match body {
        [b'M', b'Z', ..] => pe(body),
        [0x7f, b'E', b'L', b'F', ..] => elf(body),
        [0x89, b'P', b'N', b'G', 13, 10, 0x1a, 10, ..] => png(body),
        [0xff, 0xd8, 0xff, ..] => jpeg(body),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => gif(body),
        [0xce | 0xcf, 0xfa, 0xed, 0xfe, ..] => macho(body),
        [0xca, 0xfe, 0xba, 0xbe, ..] => fat(body),
        _ => None,
    }
}

/// A number of `N` bytes, low byte first or not.
fn number<const N: usize>(bytes: &[u8], at: usize, big: bool) -> Option<usize> {
    let field: &[u8; N] = bytes.get(at..)?.first_chunk()?;
    let add = |n: u64, b: &u8| n << 8 | u64::from(*b);
    let value = if big { field.iter().fold(0, add) } else { field.iter().rev().fold(0, add) };
    usize::try_from(value).ok()
}

fn pe(body: &[u8]) -> Option<usize> {
    let header = number::<4>(body, 0x3c, false)?;
    if !body.get(header..)?.starts_with(b"PE\0\0") {
        return None;
    }
    let sections = number::<2>(body, header.checked_add(6)?, false)?;
    let table = header.checked_add(24)?.checked_add(number::<2>(body, header.checked_add(20)?, false)?)?;
    let mut end = 0;
    for i in 0..sections {
        let at = table.checked_add(i.checked_mul(40)?)?;
        let size = number::<4>(body, at.checked_add(16)?, false)?;
        end = end.max(number::<4>(body, at.checked_add(20)?, false)?.checked_add(size)?);
    }
    Some(end)
}

fn elf(body: &[u8]) -> Option<usize> {
    let big = *body.get(5)? == 2;
    let wide = *body.get(4)? == 2;
    let half = |at: usize| number::<2>(body, at, big);
    let word = |at: usize| if wide { number::<8>(body, at, big) } else { number::<4>(body, at, big) };
    // Offsets and sizes of the tables, and of offset and size in an entry, for 64 and 32 bits.
    let (segments_at, sections_at, counts) = if wide { (32, 40, 54) } else { (28, 32, 42) };
    let (segments, sections) = (word(segments_at)?, word(sections_at)?);
    let (segment_size, segment_count) = (half(counts)?, half(counts + 2)?);
    let (section_size, section_count) = (half(counts + 4)?, half(counts + 6)?);
    let mut end = sections.checked_add(section_size.checked_mul(section_count)?)?;
    for i in 0..segment_count {
        let at = segments.checked_add(i.checked_mul(segment_size)?)?;
        let (offset, size) = if wide { (8, 32) } else { (4, 16) };
        end = end.max(word(at.checked_add(offset)?)?.checked_add(word(at.checked_add(size)?)?)?);
    }
    for i in 0..section_count {
        let Some(at) = sections.checked_add(i.checked_mul(section_size)?) else { break };
        // Tables may lie beyond what is held; then nothing behind them is held either.
        let kind = number::<4>(body, at.checked_add(4)?, big)?;
        let (offset, size) = if wide { (24, 32) } else { (16, 20) };
        // SHT_NULL and SHT_NOBITS hold nothing.
        if kind != 0 && kind != 8 {
            end = end.max(word(at.checked_add(offset)?)?.checked_add(word(at.checked_add(size)?)?)?);
        }
    }
    Some(end)
}

fn macho(body: &[u8]) -> Option<usize> {
    let wide = *body.first()? == 0xcf;
    let count = number::<4>(body, 16, false)?;
    let mut at = if wide { 32_usize } else { 28 };
    let mut end = 0;
    for _ in 0..count {
        let command = number::<4>(body, at, false)?;
        let size = number::<4>(body, at.checked_add(4)?, false)?;
        // LC_SEGMENT and LC_SEGMENT_64: where in the file and how much of it.
        let (offset, length) = match command {
            1 => (number::<4>(body, at.checked_add(32)?, false)?, number::<4>(body, at.checked_add(36)?, false)?),
            0x19 => (number::<8>(body, at.checked_add(40)?, false)?, number::<8>(body, at.checked_add(48)?, false)?),
            _ => (0, 0),
        };
        end = end.max(offset.checked_add(length)?);
        at = at.checked_add(size).filter(|_| size >= 8)?;
    }
    Some(end)
}

fn fat(body: &[u8]) -> Option<usize> {
    // Class files of Java have the same magic; their version stands where the count does.
    let count = number::<4>(body, 4, true).filter(|count| (1..=30).contains(count))?;
    let mut end = 0;
    for i in 0..count {
        let at = 8 + i * 20;
        end = end.max(number::<4>(body, at + 8, true)?.checked_add(number::<4>(body, at + 12, true)?)?);
    }
    Some(end)
}

fn png(body: &[u8]) -> Option<usize> {
    let mut at = 8_usize;
    loop {
        let length = number::<4>(body, at, true)?;
        let last = body.get(at.checked_add(4)?..)?.starts_with(b"IEND");
        at = at.checked_add(12)?.checked_add(length)?;
        if last {
            return Some(at);
        }
    }
}

fn jpeg(body: &[u8]) -> Option<usize> {
    let mut at = 2_usize;
    loop {
        // Inside a scan everything up to a marker is data; FF 00 and restarts belong to it.
        at = at.checked_add(memchr::memchr(0xff, body.get(at..)?)?)?;
        let marker = *body.get(at.checked_add(1)?)?;
        at = match marker {
            0xd9 => return at.checked_add(2),
            0xff => at.checked_add(1)?,
            0 | 1 | 0xd0..=0xd8 => at.checked_add(2)?,
            _ => at.checked_add(2)?.checked_add(number::<2>(body, at.checked_add(2)?, true)?)?,
        };
    }
}

fn gif(body: &[u8]) -> Option<usize> {
    // A colour table of 3 * 2^(n+1) bytes, where the first bit says that there is one.
    let table = |flags: u8| if flags & 0x80 != 0 { 3 << ((flags & 7) + 1) } else { 0 };
    let blocks = |mut at: usize| loop {
        let length = usize::from(*body.get(at)?);
        at = at.checked_add(1)?.checked_add(length)?;
        if length == 0 {
            return Some(at);
        }
    };
    let mut at = 13_usize.checked_add(table(*body.get(10)?))?;
    loop {
        match *body.get(at)? {
            0x3b => return at.checked_add(1),
            0x21 => at = blocks(at.checked_add(2)?)?,
            // An image: its own table and the size of the first code stand in front of the blocks.
            0x2c => at = blocks(at.checked_add(11)?.checked_add(table(*body.get(at.checked_add(9)?)?))?)?,
            _ => return None,
        }
    }
}
