//! Traces of the Rust compiler: paths of the standard library and of crates that panics name (rustc writes
//! `/rustc/COMMIT/library/…` for its own sources), and what cargo-auditable embeds.

use std::collections::BTreeSet;

use serde::Serialize;

use super::facts::{Listed, Section, shown};

/// Length of a commit.
const COMMIT: usize = 40;
/// Places of each mark that are looked at; programs with debug information hold many thousands.
const MAX_PLACES: usize = 20_000;
const MAX_CRATES: usize = 1024;
/// Longest `name-version`.
const MAX_CRATE: usize = 96;

/// What the compiler and its libraries left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rust {
    /// Commit of the compiler, 40 hexadecimal digits: tells its version.
    pub commit: String,
    /// Crates from a registry, each as `name-version`, sorted.
    pub crates: Listed,
    /// A section `.dep-v0` (cargo-auditable) lists the dependencies.
    pub auditable: bool,
}

/// Only programs that name the compiler's commit are taken for Rust's.
pub(super) fn rust(bytes: &[u8], sections: &[Section]) -> Option<Rust> {
    let commit = memchr::memmem::find_iter(bytes, b"/rustc/").take(MAX_PLACES).find_map(|at| commit(bytes, at + 7))?;
    let mut crates = BTreeSet::new();
    // Debug information holds every path many times over; the table of panics names each crate early.
    for at in memchr::memmem::find_iter(bytes, b"registry").take(MAX_PLACES) {
        if crates.len() >= MAX_CRATES {
            break;
        }
        crates.extend(crate_at(bytes, at + 8));
    }
    let mut listed = Listed::default();
    listed.extend(crates);
    let auditable = sections.iter().any(|s| s.name == ".dep-v0" || s.name.ends_with(",.dep-v0"));
    Some(Rust { commit, crates: listed, auditable })
}

fn commit(bytes: &[u8], at: usize) -> Option<String> {
    let found = bytes.get(at..at.checked_add(COMMIT)?)?;
    let fine =
        found.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) && matches!(bytes.get(at + COMMIT), Some(b'/' | b'\\'));
    fine.then(|| String::from_utf8_lossy(found).into_owned())
}

/// Behind `registry`: `/src/INDEX/NAME-VERSION/`, with either separator.
fn crate_at(bytes: &[u8], at: usize) -> Option<String> {
    let rest = bytes.get(at..at.saturating_add(256).min(bytes.len()))?;
    let mut parts = rest.split(|b| matches!(b, b'/' | b'\\'));
    let (before, src, _index, name) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    // A last part without a separator behind it was cut.
    parts.next()?;
    let plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'+');
    let versioned = name.windows(2).any(|w| w[0] == b'-' && w[1].is_ascii_digit());
    let fine = before.is_empty() && src == b"src" && versioned && name.len() <= MAX_CRATE && name.iter().all(plain);
    fine.then(|| shown(&String::from_utf8_lossy(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commit_and_crates() {
        let commit = "9fc6b43126469e3858e2fe86cafb4f0fd5068869";
        let text = format!(
            "x/rustc/{commit}/library/core/src/option.rs\0/home/ann/.cargo/registry/src/index.example-6f17d22bba15001f/regex-1.10.2/src/lib.rs\
             C:\\Users\\ann\\.cargo\\registry\\src\\index-1949cf8c6b5b557f\\serde_json-1.0.1\\src\\de.rs"
        );
        let found = rust(text.as_bytes(), &[]).unwrap();
        assert_eq!(found.commit, commit);
        assert_eq!(found.crates.names, ["regex-1.10.2", "serde_json-1.0.1"]);
        assert!(!serde_json::to_string(&found).unwrap().contains("ann"));
    }

    #[test]
    fn talk_about_it_is_not_it() {
        assert_eq!(rust(b"paths like /rustc/<hash>/library and registry/src/x/y-1/", &[]), None);
        let short = b"/rustc/9fc6b43126469e3858e2fe86cafb4f0fd506886";
        assert_eq!(rust(short, &[]), None);
        assert_eq!(crate_at(b"/src/index/name-1.0", 0), None);
        assert_eq!(crate_at(b"/src/index/two words-1.0/", 0), None);
    }
}
