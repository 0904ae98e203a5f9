//! The seam between reading and detecting: every analyzer sees the bytes of every object once.

mod binary;
mod clues;
mod externals;
mod facts;
mod ioc;
mod phi;
mod place;
mod yara;

pub use binary::BinaryAnalyzer;
pub use clues::ClueAnalyzer;
pub use ioc::IocAnalyzer;
pub use phi::PhiAnalyzer;
pub use yara::YaraAnalyzer;

use std::cell::OnceCell;

use crate::binary::{Inspected, inspect};
use crate::model::{Clue, Digests, Evidence, Gap, Kind, Locator, Meta, Name, NameMark, Object, Sighting};

/// What is known before the first byte.
pub struct Head<'a> {
    pub locator: &'a Locator,
    pub kind: Kind,
    pub meta: &'a Meta,
    pub origin: Option<&'a Name>,
    pub other_names: &'a [Locator],
    /// First bytes of the content, up to 64 KiB.
    pub bytes: &'a [u8],
    /// The content's type, from its bytes.
    pub file_type: &'a str,
    /// Types of the containers around it, outermost first.
    pub containers: &'a [String],
    /// Whether [`Whole::body`] will be there; otherwise only [`Examine::feed`] sees the content.
    pub held: bool,
}

/// What is known after the last byte.
pub struct Whole<'a> {
    pub head: Head<'a>,
    /// Bytes read; equals the size of the object.
    pub size: u64,
    /// SHA-256 and CRC-32 always; the others where the plan asked for them.
    pub digests: &'a Digests,
    pub entropy_milli: u32,
    /// The whole content, up to `--max-body`.
    pub body: Option<&'a [u8]>,
    /// It is on a list of known-good files and on none of known-bad ones: rules may pass over it.
    pub known_good: bool,
    /// Nothing tells its bytes from random ones.
    pub looks_random: bool,
    inspected: OnceCell<Inspected>,
}

impl<'a> Whole<'a> {
    pub fn new(head: Head<'a>, size: u64, digests: &'a Digests, entropy_milli: u32, body: Option<&'a [u8]>) -> Self {
        Self { head, size, digests, entropy_milli, body, known_good: false, looks_random: false, inspected: OnceCell::new() }
    }

    /// Says whether it is a known-good file.
    pub fn known_good(self, known_good: bool) -> Self {
        Self { known_good, ..self }
    }

    /// Says whether its bytes look random.
    pub fn looks_random(self, looks_random: bool) -> Self {
        Self { looks_random, ..self }
    }

    /// What the headers of an executable say; found out once, whichever analyzer asks first. Headers need the
    /// whole content: of what isn't held whole nothing is known.
    pub fn inspected(&self) -> &Inspected {
        self.inspected.get_or_init(|| self.body.map_or(Inspected::Other, inspect))
    }
}

/// What an analyzer may say of an object.
#[derive(Default)]
pub struct Findings {
    pub evidence: Vec<Evidence>,
    pub gaps: Vec<Gap>,
    pub sightings: Vec<Sighting>,
    pub marks: Vec<NameMark>,
    pub clues: Vec<Clue>,
}

/// A family of checks. Shared by all workers; what a worker needs for itself is in its [`Examine`].
pub trait Analyzer: Send + Sync {
    /// Short name in documentation and logs.
    fn id(&self) -> &'static str;

    /// One for every worker thread.
    fn worker(&self) -> Box<dyn Examine + '_>;
}

/// One worker's side of an analyzer. For every object: `begin`, `feed` for each chunk in order, then
/// `finish`; or `abort` where reading ended early. Containers are expanded after their own `finish`, so
/// objects never nest here and one state is enough.
pub trait Examine {
    fn begin(&mut self, head: &Head<'_>);

    fn feed(&mut self, _offset: u64, _chunk: &[u8]) {}

    fn finish(&mut self, whole: &Whole<'_>, out: &mut Findings);

    /// The object could not be read to its end; forget it.
    fn abort(&mut self) {}

    /// For an object that an earlier case remembers: its names and digests, without its content.
    fn remembered(&mut self, _object: &Object, _other_names: &[Locator], _out: &mut Findings) {}

    /// For entries without content (folders, links, special files, unread members): names still match.
    fn name_only(&mut self, _object: &Object, _out: &mut Findings) {}
}
