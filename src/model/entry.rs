//! What a source announces: an object that exists, with what the file system says of it.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::Serialize;

use super::{Locator, Name};

/// What sort of object an entry is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, schemars::JsonSchema, BorshSerialize, BorshDeserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    File,
    Dir,
    Symlink,
    /// Device, pipe or socket: recorded, never opened.
    Special,
    /// Inside a container.
    Member,
    /// A named stream of a file or folder (NTFS), as `C:\\a.txt:name`.
    Stream,
    Process,
}

impl Kind {
    /// Whether a file system stores bytes of its own for it.
    pub fn is_stored(self) -> bool {
        matches!(self, Self::File | Self::Stream)
    }
}

/// A point in time as nanoseconds since 1970-01-01 UTC; shown as RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct Time(pub i128);

impl Time {
    pub fn from_seconds(s: i64) -> Self {
        Self(i128::from(s) * 1_000_000_000)
    }

    /// A FILETIME of Windows: 100 ns since 1601 (MS-DTYP section 2.3.3); 0 stands for no time.
    pub fn from_filetime(ticks: u64) -> Option<Self> {
        const TICKS_TO_1970: i128 = 116_444_736_000_000_000;
        (ticks > 0).then(|| Self((i128::from(ticks) - TICKS_TO_1970) * 100))
    }

    pub fn rfc3339(self) -> Option<String> {
        jiff::Timestamp::from_nanosecond(self.0).ok().map(|t| t.to_string())
    }
}

impl Serialize for Time {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self.rfc3339() {
            Some(text) => s.serialize_str(&text),
            None => s.serialize_none(),
        }
    }
}

impl schemars::JsonSchema for Time {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Time".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": ["string", "null"], "description": "RFC 3339, UTC; null where the stored value is out of range"})
    }
}

/// The four times of an object, each where its source has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, schemars::JsonSchema, BorshSerialize, BorshDeserialize)]
pub struct Times {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mtime: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub atime: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ctime: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub btime: Option<Time>,
}

/// What the file system says of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Meta {
    /// Bytes.
    pub size: u64,
    pub times: Times,
    /// `uid:gid` on Unix, a SID on Windows.
    pub owner: Option<String>,
    /// Octal permission bits, as `0644`; on Windows the attributes in hexadecimal, as `0x20`.
    pub mode: Option<String>,
    /// Device and inode, on Windows serial of the volume and number of the file: the identity of a hard-linked file.
    pub id: Option<(u64, u64)>,
}

/// An object that a source found. It has been counted as discovered and must end with a disposition.
#[derive(Clone, Debug)]
pub struct Entry {
    pub locator: Locator,
    pub kind: Kind,
    pub meta: Meta,
    /// Further names of the same hard-linked file, sorted; `locator` is the first of all.
    pub other_names: Vec<Locator>,
    /// Path on the system the evidence came from (`C:\Users\…`), where `--map` says so.
    pub origin: Option<Name>,
    /// Which target of the plan this belongs to.
    pub target: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_times_of_windows() {
        assert_eq!(Time::from_filetime(116_444_736_000_000_001), Some(Time(100)));
        assert_eq!(Time::from_filetime(1), Some(Time(-11_644_473_599_999_999_900)));
        assert_eq!(Time::from_filetime(0), None);
    }
}
