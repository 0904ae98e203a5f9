//! Zips written by hand, so that each field can lie.

use std::io::Write;

/// One entry; what the two headers say of it can differ.
#[derive(Clone)]
pub struct Part {
    pub name: Vec<u8>,
    pub local_name: Option<Vec<u8>>,
    pub method: u16,
    pub local_method: Option<u16>,
    pub flags: u16,
    pub local_flags: Option<u16>,
    pub crc: u32,
    pub stored: Vec<u8>,
    pub size: u64,
    pub local_size: Option<u32>,
    pub extra: Vec<u8>,
    /// Unix mode.
    pub mode: u32,
}

pub fn stored(name: impl AsRef<[u8]>, content: &[u8]) -> Part {
    Part {
        name: name.as_ref().to_vec(),
        local_name: None,
        method: 0,
        local_method: None,
        flags: 0,
        local_flags: None,
        crc: crc32fast::hash(content),
        stored: content.to_vec(),
        size: content.len() as u64,
        local_size: None,
        extra: Vec::new(),
        mode: 0o100_644,
    }
}

pub fn deflated(name: impl AsRef<[u8]>, content: &[u8]) -> Part {
    Part { method: 8, stored: deflate(content), ..stored(name, content) }
}

pub fn deflate(content: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    writer.write_all(content).unwrap();
    writer.finish().unwrap()
}

fn low(value: u64) -> [u8; 4] {
    (value.min(u64::from(u32::MAX)) as u32).to_le_bytes()
}

/// Entry of more than 32 bits: the sizes stand in the extra field.
pub fn wide(part: Part, size: u64) -> Part {
    Part { size, extra: [&[1, 0, 8, 0][..], &size.to_le_bytes()].concat(), ..part }
}

pub fn local(part: &Part) -> Vec<u8> {
    let name = part.local_name.as_ref().unwrap_or(&part.name);
    [
        b"PK\x03\x04\x14\0",
        &part.local_flags.unwrap_or(part.flags).to_le_bytes()[..],
        &part.local_method.unwrap_or(part.method).to_le_bytes(),
        &[0, 0x60, 0x21, 0x58],
        &part.crc.to_le_bytes(),
        &low(part.stored.len() as u64),
        &part.local_size.map_or(low(part.size), u32::to_le_bytes)[..],
        &(name.len() as u16).to_le_bytes(),
        &(part.extra.len() as u16).to_le_bytes(),
        name,
        &part.extra,
        &part.stored,
    ]
    .concat()
}

pub fn central(part: &Part, offset: usize) -> Vec<u8> {
    [
        b"PK\x01\x02\x14\x03\x14\0",
        &part.flags.to_le_bytes()[..],
        &part.method.to_le_bytes(),
        &[0, 0x60, 0x21, 0x58],
        &part.crc.to_le_bytes(),
        &low(part.stored.len() as u64),
        &low(part.size),
        &(part.name.len() as u16).to_le_bytes(),
        &(part.extra.len() as u16).to_le_bytes(),
        &[0; 6],
        &(part.mode << 16).to_le_bytes(),
        &(offset as u32).to_le_bytes(),
        &part.name,
        &part.extra,
    ]
    .concat()
}

pub fn end(entries: usize, length: usize, offset: usize, comment: &[u8]) -> Vec<u8> {
    let entries = (entries as u16).to_le_bytes();
    let comment_length = (comment.len() as u16).to_le_bytes();
    [b"PK\x05\x06\0\0\0\0", &entries[..], &entries, &low(length as u64), &low(offset as u64), &comment_length, comment].concat()
}

/// Local headers with their data, and the directory that lists them.
pub fn halves(parts: &[Part]) -> (Vec<u8>, Vec<u8>) {
    let (mut body, mut directory) = (Vec::new(), Vec::new());
    for part in parts {
        directory.extend(central(part, body.len()));
        body.extend(local(part));
    }
    (body, directory)
}

pub fn zip(parts: &[Part]) -> Vec<u8> {
    let (body, directory) = halves(parts);
    let end = end(parts.len(), directory.len(), body.len(), b"");
    [body, directory, end].concat()
}

/// A zip64 end that says `entries`.
pub fn zip64(parts: &[Part], entries: u64) -> Vec<u8> {
    let (body, directory) = halves(parts);
    let record = [
        b"PK\x06\x06",
        &44_u64.to_le_bytes()[..],
        &[45, 3, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        &entries.to_le_bytes(),
        &entries.to_le_bytes(),
        &(directory.len() as u64).to_le_bytes(),
        &(body.len() as u64).to_le_bytes(),
    ]
    .concat();
    let locator = [b"PK\x06\x07", &[0; 4][..], &((body.len() + directory.len()) as u64).to_le_bytes(), &[1, 0, 0, 0]].concat();
    let end = end(0xffff, u32::MAX as usize, u32::MAX as usize, b"");
    [body, directory, record, locator, end].concat()
}

/// Many names for one entry (Fifield, the simple form).
pub fn many_names(names: usize, kernel: &Part) -> Vec<u8> {
    let body = local(kernel);
    let directory: Vec<u8> =
        (0..names).flat_map(|n| central(&Part { name: format!("{n:05}").into(), ..kernel.clone() }, 0)).collect();
    let end = end(names, directory.len(), body.len(), b"");
    [body, directory, end].concat()
}

/// Each entry quotes the next one's header in a stored block and goes on into its data (Fifield, the full form).
pub fn quoting(names: usize, kernel: &Part) -> Vec<u8> {
    let mut parts = vec![Part { name: b"kernel".to_vec(), ..kernel.clone() }];
    let mut sum = crc32fast::Hasher::new_with_initial_len(kernel.crc, kernel.size);
    // From the last to the first: an entry covers all behind it.
    for n in (0..names).rev() {
        let next = parts.last().expect("the kernel");
        let header = local(&Part { stored: Vec::new(), ..next.clone() });
        let header = [&header[..18], &low(next.stored.len() as u64), &header[22..]].concat();
        let length = header.len() as u16;
        let block = [&[0][..], &length.to_le_bytes(), &(!length).to_le_bytes(), &header, &next.stored].concat();
        let mut crc = crc32fast::Hasher::new();
        crc.update(&header);
        crc.combine(&sum);
        let size = next.size + u64::from(length);
        parts.push(Part { crc: crc.clone().finalize(), size, stored: block, ..stored(format!("{n:05}"), b"") });
        parts.last_mut().expect("it").method = 8;
        sum = crc;
    }
    parts.reverse();
    let body = local(&parts[0]);
    let mut offset = 0;
    let mut directory = Vec::new();
    for part in &parts {
        directory.extend(central(part, offset));
        offset += 30 + part.name.len() + 5;
    }
    let end = end(parts.len(), directory.len(), body.len(), b"");
    [body, directory, end].concat()
}

/// `copies` of an archive in an archive, `levels` times; the innermost holds `leaf`.
pub fn nested(levels: usize, copies: usize, leaf: &[u8]) -> Vec<u8> {
    let mut bytes = zip(&[deflated("0", leaf)]);
    for level in 1..levels {
        let part = deflated("", &bytes);
        let parts: Vec<Part> = (0..copies).map(|n| Part { name: format!("{level}-{n}.zip").into(), ..part.clone() }).collect();
        bytes = zip(&parts);
    }
    bytes
}
