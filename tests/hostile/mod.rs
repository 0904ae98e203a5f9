//! Inputs made to hurt, of every kind that evidence, intelligence and the machine can come in, scanned by the real program:
//! nothing is dropped without a word, memory stays bounded, and the program ends. Each family is one table of inputs with
//! what must be said of each; everything is made here, the same every time.

mod archives;
mod corpus;
mod documents;
mod executables;
mod faults;
mod filesystem;
mod inert;
mod make;
mod mutants;
mod names;
mod race;
mod rules;
mod stuck;

use std::path::Path;

/// One hostile object, and what the scan must say of it.
pub struct Input {
    /// What it tries.
    pub class: &'static str,
    /// Its file name, told apart from all others.
    pub name: Vec<u8>,
    pub make: Make,
    pub disposition: &'static str,
    /// All reasons for which it, or what is in it, wasn't examined, beside `members_not_examined`. A bar stands between
    /// reasons of which either will do.
    pub says: &'static [&'static str],
    /// Notes on the container, where it is one.
    pub notes: Option<&'static [&'static str]>,
    /// Objects inside, where they are counted.
    pub rows: Option<usize>,
    /// What the scan is asked besides.
    pub flags: &'static [&'static str],
}

pub enum Make {
    Bytes(Vec<u8>),
    /// Anything but a plain file.
    At(fn(&Path)),
}

/// Reasons that leave nothing unexamined (`GapReason::incomplete`).
const HARMLESS: [&str; 4] = ["link_member", "special_file", "pseudo_fs", "seen_elsewhere"];

impl Input {
    /// A file of these bytes: examined, or partial where something is said of it.
    pub fn new(name: impl AsRef<[u8]>, bytes: impl Into<Vec<u8>>, says: &'static [&'static str]) -> Self {
        let whole = says.iter().all(|reason| HARMLESS.contains(reason));
        let disposition = if whole { "examined" } else { "partial" };
        let (name, make) = (name.as_ref().to_vec(), Make::Bytes(bytes.into()));
        Self { class: "", name, make, disposition, says, notes: None, rows: None, flags: &[] }
    }

    /// What `make` puts there.
    pub fn at(name: &'static str, make: fn(&Path), disposition: &'static str, says: &'static [&'static str]) -> Self {
        Self { make: Make::At(make), disposition, ..Self::new(name, "", says) }
    }

    pub fn put(&self, path: &Path) {
        match &self.make {
            Make::Bytes(bytes) => std::fs::write(path, bytes).expect("a file"),
            Make::At(make) => make(path),
        }
    }
}

/// One list of several classes.
fn classes<const N: usize>(groups: [(&'static str, Vec<Input>); N]) -> Vec<Input> {
    let named = |(class, inputs): (&'static str, Vec<Input>)| inputs.into_iter().map(move |i| Input { class, ..i });
    groups.into_iter().flat_map(named).collect()
}

/// The figure of a long form, or the short one of the suite.
fn figure(variable: &str, short: usize) -> usize {
    std::env::var(variable).ok().and_then(|n| n.parse().ok()).unwrap_or(short)
}
