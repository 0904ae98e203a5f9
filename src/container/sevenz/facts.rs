//! What the list says of one member.

use sevenz_rust2::{Archive, EncoderMethod};

use crate::container::walk::named;
use crate::model::{MemberFacts, Time};

/// Windows' attributes hold a Unix mode in their upper half where this bit is set (7-Zip's
/// `FILE_ATTRIBUTE_UNIX_EXTENSION`).
const UNIX: u32 = 0x8000;
/// `FILE_ATTRIBUTE_REPARSE_POINT`: links and junctions.
const REPARSE: u32 = 0x400;

/// The member of this index in the list. `block` is where its content lies.
pub(super) fn facts(archive: &Archive, index: usize, block: Option<usize>) -> Option<MemberFacts> {
    let entry = archive.files.get(index)?;
    let attributes = if entry.has_windows_attributes { entry.windows_attributes } else { 0 };
    let mode = (attributes & UNIX != 0).then_some(attributes >> 16);
    let link = mode.is_some_and(|mode| mode & 0o170_000 == 0o120_000) || attributes & REPARSE != 0;
    let block = block.filter(|_| entry.has_stream);
    Some(MemberFacts {
        is_dir: entry.is_directory,
        is_link: link,
        size: Some(entry.size),
        packed: block.filter(|_| entry.compressed_size > 0 && !archive.is_solid).map(|_| entry.compressed_size),
        mtime: Time::from_filetime(entry.last_modified_date.into()).filter(|_| entry.has_last_modified_date),
        crc32: entry.has_crc.then(|| u32::try_from(entry.crc).ok()).flatten(),
        encrypted: entry.has_stream && archive.is_file_encrypted(index),
        method: block.map(|block| method(archive, block)),
        mode: mode.map(|mode| format!("{:04o}", mode & 0o7777)),
        ..named(entry.name.as_str())
    })
}

/// The coders of a block: encryption first, then as they are listed.
fn method(archive: &Archive, block: usize) -> String {
    let coders = archive.blocks.get(block).map(|block| &block.coders[..]).unwrap_or_default();
    let mut names: Vec<String> = coders.iter().map(|coder| coder_name(coder.encoder_method_id())).collect();
    names.sort_by_key(|name| name != "AES");
    names.join("+")
}

fn coder_name(id: &[u8]) -> String {
    let name = match id {
        EncoderMethod::ID_COPY => "Copy",
        EncoderMethod::ID_DELTA => "Delta",
        EncoderMethod::ID_LZMA => "LZMA",
        EncoderMethod::ID_LZMA2 => "LZMA2",
        EncoderMethod::ID_PPMD => "PPMD",
        EncoderMethod::ID_BZIP2 => "BZip2",
        EncoderMethod::ID_ZSTD => "ZSTD",
        EncoderMethod::ID_BROTLI => "BROTLI",
        EncoderMethod::ID_LZ4 => "LZ4",
        EncoderMethod::ID_LZS => "LZ5",
        EncoderMethod::ID_LIZARD => "LIZARD",
        EncoderMethod::ID_DEFLATE => "Deflate",
        EncoderMethod::ID_DEFLATE64 => "Deflate64",
        EncoderMethod::ID_AES256_SHA256 => "AES",
        EncoderMethod::ID_BCJ_X86 => "BCJ",
        EncoderMethod::ID_BCJ2 => "BCJ2",
        EncoderMethod::ID_BCJ_PPC => "PPC",
        EncoderMethod::ID_BCJ_IA64 => "IA64",
        EncoderMethod::ID_BCJ_ARM => "ARM",
        EncoderMethod::ID_BCJ_ARM_THUMB => "ARMT",
        EncoderMethod::ID_BCJ_ARM64 => "ARM64",
        EncoderMethod::ID_BCJ_SPARC => "SPARC",
        EncoderMethod::ID_BCJ_RISCV => "RISCV",
        other => return other.iter().map(|b| format!("{b:02x}")).collect(),
    };
    name.to_owned()
}
