//! Counting people without holding one: tokens are keyed hashes under a key that lives for one run.

use borsh::{BorshDeserialize, BorshSerialize};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::Census;

/// What sort of identifier a token stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum TokenKind {
    /// Assigning authority and medical record number.
    Mrn,
    /// Plan or subscriber number together with what tells family members apart.
    Member,
    Ssn,
    Mbi,
    /// Normalised family name, first given name, date of birth.
    NameBirth,
    /// Normalised family and given name, where nothing better is there.
    Name,
    /// A key of the record's own system (`PATIENT` UUID, row id).
    Local,
}

/// A keyed hash of one normalised identifier: HMAC-SHA-256 under the case key, cut to 64 bits. Numbers of an
/// authority carry the hash of the authority in the upper 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct Token {
    pub kind: TokenKind,
    pub hash: u128,
}

/// One record's person: all tokens that its fields carry. Tokens of one person belong together.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Person {
    pub tokens: Vec<Token>,
    /// Two-letter code, where the record says one.
    pub state: Option<[u8; 2]>,
}

/// Distinct people: at least, most likely, at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, schemars::JsonSchema, BorshSerialize, BorshDeserialize)]
pub struct Individuals {
    pub low: u64,
    pub best: u64,
    pub high: u64,
}

/// What one object holds of patient data: shapes and counts, no value.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct PhiFacts {
    /// The registered detector's name for the format, as `x12-837`.
    pub format: String,
    /// Records that name a person (claims, messages, rows).
    pub records: u64,
    /// People of this object, distinct by any shared token; at most [`PhiFacts::MAX_PEOPLE`].
    pub people: Vec<Person>,
    pub individuals: Individuals,
    /// Distinct values of each kind of identifier.
    pub identifiers: BTreeMap<String, u64>,
    /// HIPAA Safe Harbor classes present, letters of 45 CFR 164.514(b)(2)(i).
    #[borsh(serialize_with = "classes_out", deserialize_with = "classes_in")]
    pub classes: Vec<char>,
    /// People by two-letter state.
    pub states: BTreeMap<String, u64>,
    /// Test or invented data, by its own marks.
    pub synthetic: bool,
    pub deidentified: bool,
    /// Health or payment context was seen beside the identifiers (codes, claim segments, clinical columns).
    pub clinical: bool,
    /// Codes F10 to F19 and words of substance use treatment: possible content under 42 CFR Part 2.
    pub part2: u64,
    /// Marks and reservations for the reader, without content.
    pub notes: Vec<String>,
    /// All of them, where they are more than are kept.
    pub census: Option<Arc<Census>>,
    /// Taken out as soon as the object's own path has been compared with them.
    pub words: Words,
}

/// Hashes, under a key of this process, of the names and numbers of an object's people; ascending, without repeats.
#[derive(Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Words(pub Vec<u64>);

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} words", self.0.len())
    }
}

/// Letters of 45 CFR 164.514(b)(2)(i) that a limited data set must not have (164.514(e)(2)): all but dates, places and
/// codes of the set's own.
const DIRECT: [char; 15] = ['A', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O', 'P', 'Q'];

fn classes_out<W: borsh::io::Write>(classes: &[char], out: &mut W) -> borsh::io::Result<()> {
    BorshSerialize::serialize(&String::from_iter(classes), out)
}

fn classes_in<R: borsh::io::Read>(from: &mut R) -> borsh::io::Result<Vec<char>> {
    Ok(<String as BorshDeserialize>::deserialize_reader(from)?.chars().collect())
}

impl PhiFacts {
    /// How the people were counted: one by one (`union_find`), or, beyond what is kept, by `hyperloglog`.
    pub fn method(&self) -> &'static str {
        if self.census.is_some() { "hyperloglog" } else { "union_find" }
    }

    /// `identified`, `limited_dataset_like` (dates, places and codes only: still protected) or `deid_like` (by its own
    /// marks). What it is in law, the report doesn't say.
    pub fn data_class(&self) -> &'static str {
        if self.deidentified {
            "deid_like"
        } else if self.classes.iter().any(|c| DIRECT.contains(c)) {
            "identified"
        } else {
            "limited_dataset_like"
        }
    }

    /// Bound on the people kept for one object (memory); beyond it they are estimated, and the method says so.
    pub const MAX_PEOPLE: usize = 2_000_000;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_identifies_directly_decides_the_class() {
        let of = |classes: &[char], deidentified| {
            PhiFacts { classes: classes.to_vec(), deidentified, ..PhiFacts::default() }.data_class()
        };
        assert_eq!(of(&['A', 'C'], false), "identified");
        assert_eq!(of(&['B', 'C', 'R'], false), "limited_dataset_like");
        assert_eq!(of(&['A'], true), "deid_like");
    }
}
