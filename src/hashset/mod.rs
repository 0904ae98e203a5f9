//! Sets of tens of millions of digests in one sorted file that is searched where it lies.
//!
//! [`Compiler`] makes such a file from lists, NSRL text and SQLite sets and other compiled files with little
//! memory, [`DigestSet`] answers from it without loading it, and [`KnownGood`] joins several sets whose objects
//! need no rules.
//!
//! # The file
//!
//! All numbers are little-endian and unsigned.
//!
//! ```text
//! header     4,096 bytes: magic 89 "WRHS" 0D 0A 1A, version u32 = 1, zeros
//! digests    for MD5, SHA-1 and SHA-256, in this order: `count` digests of 16, 20 or 32 bytes, ascending and
//!            each once, then zeros up to a multiple of 4,096
//! indexes    for the same kinds: 2^bits + 1 numbers u64; number i is how many digests have first bits below i,
//!            so that those with first bits i lie between numbers i and i + 1; the last is `count`
//! directory  JSON: name, verdict, score, for each kind count and bits, the sources
//! trailer    96 bytes: SHA-256 of header and digests; seal: SHA-256 of that digest, indexes, directory and
//!            the three lengths; lengths of header and digests, of indexes, of directory as u64; the magic
//! ```
//!
//! `bits` is the smallest with at most 64 digests a bucket on average, at most 22. Nothing in the file is an
//! offset: all of them follow from counts, which must add up to the file's size exactly. Opening checks header,
//! trailer, lengths, seal and index; the digests themselves are checked by [`DigestSet::verify`], and on opening
//! where they are small. The same digests give the same first part whatever order and lists they came in.

mod compile;
mod digest;
mod format;
mod input;
mod known_good;
mod map;
mod set;
mod sort;
mod text;

pub use compile::{Compiled, Compiler, Settings};
pub use digest::{Digest, Kind, Row};
pub use format::{Info, MAGIC, Section, Source, Verdict};
pub use input::{Reading, read};
pub use known_good::KnownGood;
pub use set::DigestSet;

use std::io;

/// Why a set can't be made or used. Each is one sentence for the user.
#[derive(Debug, thiserror::Error)]
pub enum HashSetError {
    #[error("{path} can't be read: {source}")]
    Unreadable { path: String, source: io::Error },
    /// The input is there but can't be used; says what to do.
    #[error("{path} {why}")]
    Unusable { path: String, why: String },
    #[error("the compiled set {path} is damaged or incomplete: {why}; compile it again")]
    Damaged { path: String, why: String },
    #[error("{path} can't be written: {source}; make room or name a place elsewhere")]
    Output { path: String, source: io::Error },
    #[error("interrupted; nothing was written")]
    Interrupted,
}

#[cfg(test)]
mod tests;
