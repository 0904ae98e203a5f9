//! Plain data that every other layer speaks: locators, entries, dispositions, gaps, evidence, findings.
//!
//! Nothing here reads a file, starts a thread or prints.

pub mod assets;
pub mod clue;
pub mod entry;
pub mod evidence;
pub mod finding;
pub mod gap;
pub mod histogram;
pub mod input;
pub mod locator;
pub mod object;
pub mod people;
pub mod priors;
pub mod profile;
pub mod sketch;
pub mod text;
pub mod wtf8;

pub use clue::{Clue, ClueKind};
pub use entry::{Entry, Kind, Meta, Time, Times};
pub use evidence::{Axis, Category, Evidence, Level, NameMark, Reason, Sighting};
pub use finding::Finding;
pub use gap::{Disposition, Gap, GapReason, Stage};
pub use histogram::Histogram;
pub use input::{Context, Input, Rejected};
pub use locator::{Locator, Name, Step};
pub use object::{ContainerFacts, Digests, Encrypted, MemberFacts, Object};
pub use people::{Individuals, Person, PhiFacts, Token, TokenKind, Words};
pub use priors::Priors;
pub use profile::Profile;
pub use sketch::{Census, Registers, Sketch};
