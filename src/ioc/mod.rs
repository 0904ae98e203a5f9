//! Indicators of compromise: reading what responders own, and matching it.
//!
//! An [`IocFormat`] turns a text into hashes, file-name patterns and addresses through a [`Loader`]; an
//! [`IndicatorSet`] matches them. Formats are told apart by content; a file's name only decides where the
//! content leaves it open. A bad line costs one located [`Rejected`], never the file.
//!
//! The next format is a file of its own, a line in [`REGISTRY`], a fixture and a row in the README.

mod address;
mod broad;
mod c2_iocs;
mod compiled;
mod content;
mod csv;
mod decode;
mod defang;
mod expr;
mod filename_iocs;
mod filenames;
mod foreign;
mod hash;
mod hash_csv;
mod hash_iocs;
mod hash_list;
mod hosts;
mod indicator_csv;
mod indicator_list;
mod input;
mod likeness;
mod loader;
mod marks;
mod misp;
mod observables;
mod openioc;
mod ordinary;
mod paths;
mod pattern;
mod punycode;
mod registry_terms;
mod set;
mod stix;
mod subjects;
mod trivial;
mod url;
mod wide;

use std::sync::LazyLock;

use crate::model::assets;

pub use address::{Address, broad};
pub use content::{ContentHit, ContentScan};
pub use expr::{
    Answer, Case, Cmp, Domain, Facts, Field, Node, Part, Pattern, Question, Registry, Seen, Term, Test, Text, TextOp, Truth,
    Verdict,
};
pub use hash::{HashKind, HashValue};
pub use input::IocError;
pub use likeness::{DEFAULT_DISTANCE, Near};
pub use loader::{About, Fault, Loader};
pub use marks::Marks;
pub use registry_terms::RegistryValue;
pub use set::{HostPattern, Indicator, IndicatorSet, Place, Role};
pub use subjects::{Subject, subjects};
pub use trivial::trivial;

/// A file format of indicators.
pub trait IocFormat: Sync {
    /// The name in the report and in the documentation.
    fn id(&self) -> &'static str;

    /// One line for people: what such a file looks like.
    fn looks_like(&self) -> &'static str;

    /// Whether this is the format of a file. `head` is the first part of its text, already UTF-8 and cut at
    /// a line end. `name` is empty in a first round, where content alone must convince; in a second round,
    /// for files that no format claimed, it holds the file's name and one valid line is enough where the
    /// name speaks for the format too.
    fn sniff(&self, name: &[u8], head: &[u8]) -> bool;

    /// Hands every indicator of `text` to `loader`, and every line that isn't one as a rejection.
    fn parse(&self, text: &str, loader: &mut Loader<'_>);
}

/// Every format, in the order in which they are asked.
pub static REGISTRY: &[&dyn IocFormat] = &[
    &stix::Stix2,
    &openioc::OpenIoc,
    &misp::MispEvent,
    &misp::MispFeed,
    &misp::MispWarninglist,
    &misp::MispCsv,
    &indicator_csv::IndicatorCsv,
    &hash_csv::HashCsv,
    &hash_iocs::HashIocs,
    &hash_list::HashList,
    &filename_iocs::FilenameIocs,
    &c2_iocs::C2Iocs,
    &indicator_list::IndicatorList,
];

/// The indicators that are always there unless `--no-default-iocs` drops them: name and content.
pub static EMBEDDED: LazyLock<Vec<(&str, &str)>> =
    LazyLock::new(|| assets::below("iocs").filter(|(name, _)| name.ends_with("-iocs.txt")).collect());
