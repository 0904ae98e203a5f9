//! Containers: archives and compressed streams, opened under a budget and never written to disk.
//!
//! The next format is a file of its own, a line in [`REGISTRY`], a fixture and a row in the README.

use std::io::{Read, Seek};

use crate::model::{ContainerFacts, GapReason, MemberFacts};

pub mod ace;
pub mod ar;
pub mod arj;
mod budget;
pub mod cab;
mod cfb;
pub mod cpio;
mod ends;
mod forward;
pub mod iso;
pub mod lzh;
pub mod mail;
mod meter;
pub mod msi;
pub mod ole;
mod overlay;
mod parts;
mod passwords;
pub mod rar;
mod read;
pub mod recognised;
pub mod rpm;
mod set;
pub mod sevenz;
pub mod stream;
pub mod tar;
#[cfg(test)]
mod testing;
mod times;
mod walk;
pub mod xar;
pub mod zip;

pub use budget::{Budget, Limits};
pub use meter::{Fault, gap_of, shortfall_of};
pub use passwords::Passwords;

/// Every format, in the order in which they are asked: what is told by its first bytes comes before what is
/// told by its last, so that an archive behind a program is found without hiding another format.
pub static REGISTRY: &[&dyn Container] = &[
    &stream::gz::GZ,
    &stream::bz2::BZ2,
    &stream::xz::XZ,
    &stream::zst::ZST,
    &stream::lz4::LZ4,
    &stream::compress::COMPRESS,
    &stream::lzma::LZIP,
    &sevenz::SevenZip,
    &rar::Rar,
    &tar::Tar,
    &cpio::Cpio,
    &ar::DEB,
    &ar::AR,
    &rpm::Rpm,
    &cab::Cab,
    &xar::Xar,
    &lzh::Lzh,
    &arj::Arj,
    &ace::Ace,
    &iso::Iso,
    &msi::Msi,
    &ole::Ole,
    &mail::Mbox,
    &mail::Eml,
    &stream::lzma::LZMA,
    &zip::Zip,
];

/// Every format with an id: those that are opened, then those that are only recognised.
pub fn formats() -> impl Iterator<Item = &'static dyn Container> {
    REGISTRY.iter().copied().chain(recognised::REGISTRY.iter().map(|format| format as &dyn Container))
}

/// The format of an object, if it is a container. Formats that are only recognised come before a zip that is
/// merely appended.
pub fn detect(probe: &Probe<'_>) -> Option<&'static dyn Container> {
    by_marks(probe).or_else(|| overlay::detect(probe))
}

/// The same without what is appended to something else.
fn by_marks(probe: &Probe<'_>) -> Option<&'static dyn Container> {
    let mut appended = None;
    for format in formats().filter(|format| format.probe(probe)) {
        if !format.weak(probe) {
            return Some(format);
        }
        appended = appended.or(Some(format));
    }
    appended
}

/// Detects and opens one level: the call for the outermost object and for each member. The depth is charged
/// here; where the limit is reached, the container is named and not opened.
pub fn expand(probe: &Probe<'_>, input: &mut dyn ReadSeek, budget: &mut Budget, sink: &mut dyn MemberSink) -> Option<Expanded> {
    let (format, appended) = match by_marks(probe) {
        Some(format) => (format, false),
        None => (overlay::detect(probe)?, true),
    };
    // A copy, so that the depth is right again even when a decoder panics and the caller goes on.
    let mut inner = budget.clone();
    let mut expanded = match inner.descend() {
        Ok(()) => format.expand(probe, input, &mut inner, sink),
        Err(reason) => {
            let facts = ContainerFacts {
                format: format.id().to_owned(),
                limits: vec![reason.id().to_owned()],
                ..ContainerFacts::default()
            };
            let detail = "containers are nested deeper than the limit".to_owned();
            Expanded { facts, shortfalls: vec![Shortfall { reason, detail }] }
        }
    };
    if appended {
        expanded.facts.notes.push("appended".to_owned());
        expanded.facts.notes.sort();
    }
    Some(expanded)
}

/// Bytes that can be read and sought: a file of the target, or a member held in memory.
pub trait ReadSeek: Read + Seek {}
impl<T: Read + Seek> ReadSeek for T {}

/// What is known of an object when formats are asked whether it is theirs.
pub struct Probe<'a> {
    /// The first bytes, up to 64 KiB.
    pub head: &'a [u8],
    /// The last bytes, up to 64 KiB; empty where the object was larger than `--max-body`.
    pub tail: &'a [u8],
    /// As many of the first bytes as are held: all of them for most objects, at least `head`.
    pub body: &'a [u8],
    /// Bytes in all.
    pub size: u64,
    /// Base name, to name the one member of a plain compressed stream and to find the volumes of a set.
    pub name: &'a [u8],
    /// What lies beside it; none for what is inside something else.
    pub volumes: Option<&'a dyn Volumes>,
}

/// The files beside an object of the file system, among them further volumes of its set. Names come from formats, so
/// an answer is a regular file of the targets, found and opened as the walk would: no link, no pipe, nothing outside.
pub trait Volumes {
    /// Bytes of the file of this base name; none where there is none.
    fn size(&self, name: &[u8]) -> Option<u64>;

    /// Opens it.
    ///
    /// # Errors
    /// When it can't be opened; [`gap_of`] tells why.
    fn open(&self, name: &[u8]) -> std::io::Result<Box<dyn ReadSeek>>;
}

/// Why a member or a whole container was not fully examined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortfall {
    pub reason: GapReason,
    /// Without content of the evidence.
    pub detail: String,
}

/// What receives the members, in the archive's own order. The engine implements it: it hashes, matches and
/// scans each member, and opens it again if it is a container itself.
pub trait MemberSink {
    /// A member with readable content. The sink reads `content` as far as it wants (to the end, usually);
    /// whatever error `content` gives is the sink's to record. Folders come here with an empty reader.
    /// The budget passed in is the one of this container, for the recursion into the member.
    fn member(&mut self, facts: &MemberFacts, content: &mut dyn Read, budget: &mut Budget);

    /// A member whose content can't be read (encrypted, unknown method, damaged, a link, over a limit).
    fn unread(&mut self, facts: &MemberFacts, why: Shortfall);

    /// Whether to stop at once (the run was interrupted).
    fn stopped(&self) -> bool {
        false
    }
}

/// What opening a container has told. `facts` is filled as far as it got; every shortfall that is not tied
/// to one member (damaged end, a limit that stopped the walk) is in `shortfalls`.
#[derive(Clone, Debug, Default)]
pub struct Expanded {
    pub facts: ContainerFacts,
    pub shortfalls: Vec<Shortfall>,
}

/// An archive format or compressed stream.
pub trait Container: Sync {
    /// Short name in reports and documentation, as `zip`.
    fn id(&self) -> &'static str;

    /// Whether the bytes are this format. Names decide nothing.
    fn probe(&self, probe: &Probe<'_>) -> bool;

    /// Whether the format is told by something weaker than its first bytes, so that any other goes first.
    fn weak(&self, _probe: &Probe<'_>) -> bool {
        false
    }

    /// Whether `expand` reads `input` once, forward from where it stands, and never seeks: then a member of
    /// this format need not be held in memory to be opened.
    fn forward_only(&self) -> bool {
        false
    }

    /// Lists and reads members into `sink`, charging `budget`. Never allocates from a declared size, never
    /// follows a link, never writes. Hostile input ends in a [`Shortfall`], not in an error or a panic.
    fn expand(&self, probe: &Probe<'_>, input: &mut dyn ReadSeek, budget: &mut Budget, sink: &mut dyn MemberSink) -> Expanded;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(head: &[u8]) -> Option<&'static str> {
        detect(&Probe { head, tail: head, body: head, size: head.len() as u64, name: b"x", volumes: None })
            .map(|format| format.id())
    }

    #[test]
    fn ids_are_unique() {
        let mut ids: Vec<_> = formats().map(|format| format.id()).collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all);
    }

    #[test]
    fn what_is_no_container() {
        let lists: [&[u8]; 8] = [
            b"",
            b"PK",
            b"MZ\x90\0 and a program behind it",
            b"ISA*00*          *00*          *ZZ*",
            b"BZh is how some words begin, too",
            b"\x60\xea\x1e\0 no checksum of an ARJ header follows",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 a document of the old Office is none either",
            b"070701 is a number, and this is text",
        ];
        for bytes in lists {
            assert_eq!(id(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn a_zip_appended_to_another_archive_does_not_hide_it() {
        let zip = b"PK\x05\x06\0\0\0\0\x01\0\x01\0\x2f\0\0\0\0\0\0\0\0\0";
        let entry = [&b"PK\x01\x02"[..], &[0; 43]].concat();
        let tail = [&entry[..], zip].concat();
        assert_eq!(id(&[b"MZ", &tail[..]].concat()), Some("zip"));
        assert_eq!(id(&[b"7z\xbc\xaf\x27\x1c", &tail[..]].concat()), Some("7z"));
    }
}
