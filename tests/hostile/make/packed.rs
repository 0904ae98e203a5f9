//! Streams, 7z, RAR and cpio with headers that ask for too much.

use std::io::Write;

pub fn gz(content: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    writer.write_all(content).unwrap();
    writer.finish().unwrap()
}

pub fn bz2(content: &[u8]) -> Vec<u8> {
    let mut writer = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
    writer.write_all(content).unwrap();
    writer.finish().unwrap()
}

pub fn xz(content: &[u8]) -> Vec<u8> {
    let mut writer = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(0)).unwrap();
    writer.write_all(content).unwrap();
    writer.finish().unwrap()
}

/// An xz whose first block asks for this dictionary (the byte of the .xz format, §5.3.1).
pub fn xz_dictionary(content: &[u8], dictionary: u8) -> Vec<u8> {
    let mut bytes = xz(content);
    let size = 4 * (usize::from(bytes[12]) + 1);
    let header = &mut bytes[12..12 + size];
    let at = header.windows(2).position(|pair| pair == [0x21, 1]).expect("an LZMA2 filter") + 2;
    header[at] = dictionary;
    let sum = crc32fast::hash(&header[..size - 4]);
    header[size - 4..].copy_from_slice(&sum.to_le_bytes());
    bytes
}

/// LZMA alone with this dictionary in its header.
pub fn lzma(content: &[u8], dictionary: u32) -> Vec<u8> {
    let options = lzma_rust2::LzmaOptions::with_preset(0);
    let mut writer = lzma_rust2::LzmaWriter::new_use_header(Vec::new(), &options, None).unwrap();
    writer.write_all(content).unwrap();
    let mut bytes = writer.finish().unwrap();
    bytes[1..5].copy_from_slice(&dictionary.to_le_bytes());
    bytes
}

/// One lzip member with this dictionary code.
pub fn lzip(content: &[u8], dictionary: u8) -> Vec<u8> {
    let raw = &lzma(content, 1 << 16)[13..];
    let size = 26 + raw.len() as u64;
    let sum = crc32fast::hash(content).to_le_bytes();
    [b"LZIP\x01", &[dictionary][..], raw, &sum, &(content.len() as u64).to_le_bytes(), &size.to_le_bytes()].concat()
}

/// A zstd frame of `blocks` times 128 KiB of zeros with this window descriptor (RFC 8878 §3.1.1.1.2).
pub fn zst(window: u8, blocks: usize) -> Vec<u8> {
    let mut bytes = vec![0x28, 0xb5, 0x2f, 0xfd, 0, window];
    for n in 1..=blocks {
        let header = (128_u32 << 10) << 3 | 1 << 1 | u32::from(n == blocks);
        bytes.extend(&header.to_le_bytes()[..3]);
        bytes.push(0);
    }
    bytes
}

fn number(value: u64) -> Vec<u8> {
    if value < 0x80 { vec![value as u8] } else { [&[0xff][..], &value.to_le_bytes()].concat() }
}

/// A 7z of `files` files in one block of `coders` (as stored) chained one behind the other, which give `size` bytes.
pub fn sevenz(packed: &[u8], coders: &[&[u8]], size: u64, files: u64) -> Vec<u8> {
    let pairs = (1..coders.len() as u8).flat_map(|n| [n, n - 1]);
    let folder: Vec<u8> = [coders.len() as u8].into_iter().chain(coders.concat()).chain(pairs).collect();
    let list = [
        &[1, 4, 6, 0, 1, 9][..],
        &number(packed.len() as u64),
        &[0, 7, 11, 1, 0],
        &folder,
        &[12],
        &number(size).repeat(coders.len()),
        &[0, 8, 0, 0, 5],
        &number(files),
        &[0x11, 5, 0, b'a', 0, 0, 0, 0, 0],
    ]
    .concat();
    let place = [(packed.len() as u64).to_le_bytes(), (list.len() as u64).to_le_bytes()].concat();
    let place = [&place[..], &crc32fast::hash(&list).to_le_bytes()].concat();
    [b"7z\xbc\xaf\x27\x1c\0\x04", &crc32fast::hash(&place).to_le_bytes()[..], &place, packed, &list].concat()
}

fn vint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

fn rar5_block(body: &[u8]) -> Vec<u8> {
    let covered = [&vint(body.len() as u64)[..], body].concat();
    [&crc32fast::hash(&covered).to_le_bytes()[..], &covered].concat()
}

/// A RAR 5 of one file with these compression bits, declared size and bytes.
pub fn rar5(name: &[u8], compression: u64, size: u64, crc: u32, packed: &[u8], declared: u64) -> Vec<u8> {
    let file = [
        &[2, 2][..],
        &vint(declared),
        &[4],
        &vint(size),
        &[0],
        &crc.to_le_bytes(),
        &vint(compression),
        &[1],
        &vint(name.len() as u64),
        name,
    ]
    .concat();
    [b"Rar!\x1a\x07\x01\0", &rar5_block(&[1, 0, 0])[..], &rar5_block(&file), packed, &rar5_block(&[5, 0, 0])].concat()
}

fn rar4_block(kind: u8, flags: u16, fields: &[u8]) -> Vec<u8> {
    let size = (7 + fields.len()) as u16;
    let covered = [&[kind][..], &flags.to_le_bytes(), &size.to_le_bytes(), fields].concat();
    [&(crc32fast::hash(&covered) as u16).to_le_bytes()[..], &covered].concat()
}

/// A RAR 4 of one stored file that says it is of `size` bytes, packed and unpacked.
pub fn rar4(size: u64, content: &[u8]) -> Vec<u8> {
    let [low, high] = [(size as u32).to_le_bytes(), ((size >> 32) as u32).to_le_bytes()];
    let sum = crc32fast::hash(content).to_le_bytes();
    let fields = [&low[..], &low, &[3], &sum, &[0; 4], &[29, 0x30, 1, 0], &[0xa4, 0x81, 0, 0], &high, &high, b"a"].concat();
    let blocks = [rar4_block(0x73, 0, &[0; 6]), rar4_block(0x74, 0x8100, &fields), content.to_vec()].concat();
    [b"Rar!\x1a\x07\0", &blocks[..], &rar4_block(0x7b, 0x4000, &[])].concat()
}

/// A cpio (newc) of one file that says it is of 4 GiB.
pub fn cpio() -> Vec<u8> {
    let head = |mode: u32, size: u32, name: usize| {
        let fields = [1, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, name as u32, 0].map(|n| format!("{n:08x}"));
        format!("070701{}", fields.concat()).into_bytes()
    };
    let mut bytes = [head(0o100_644, u32::MAX, 2), b"a\0some bytes\0\0".to_vec()].concat();
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}
