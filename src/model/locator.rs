//! Where a thing is: an address that is a value.
//!
//! A live file, a file of a mounted image and a member of an archive inside another archive are all
//! locators, so that every analyzer works on all of them. A locator is hashable, ordered by its raw bytes
//! and can be stored; a handle can't, and never crosses a thread.

use borsh::{BorshDeserialize, BorshSerialize};
use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use serde::{Serialize, Serializer};

use super::text;

/// A name exactly as the evidence holds it: any bytes (Unix), WTF-8 (Windows), or what an archive stored.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default, BorshSerialize, BorshDeserialize)]
pub struct Name(Vec<u8>);

impl Name {
    /// The raw bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Safe to show: control, bidi and invisible characters and bad UTF-8 are escaped.
    pub fn shown(&self) -> String {
        text::escape(&self.0)
    }

    /// The raw bytes as text where replaced characters don't matter (pattern matching).
    pub fn lossy(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }

    /// The operating system's path for this name.
    pub fn to_path(&self) -> PathBuf {
        #[cfg(unix)]
        {
            use std::os::unix::ffi::OsStrExt;
            PathBuf::from(OsStr::from_bytes(&self.0))
        }
        #[cfg(windows)]
        {
            use std::os::windows::ffi::OsStringExt;
            super::wtf8::decode(&self.0)
                .map_or_else(|| self.lossy().as_ref().into(), |units| std::ffi::OsString::from_wide(&units).into())
        }
        #[cfg(not(any(unix, windows)))]
        {
            PathBuf::from(self.lossy().as_ref())
        }
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.shown())
    }
}

impl From<&[u8]> for Name {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}
impl From<Vec<u8>> for Name {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}
impl From<&str> for Name {
    fn from(s: &str) -> Self {
        Self(s.as_bytes().to_vec())
    }
}
impl From<&OsStr> for Name {
    fn from(s: &OsStr) -> Self {
        Self(s.as_encoded_bytes().to_vec())
    }
}
impl From<&Path> for Name {
    fn from(p: &Path) -> Self {
        p.as_os_str().into()
    }
}

/// One hop of a locator. More kinds (image, partition, file system, stream) join as sources come.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum Step {
    /// A path as the scanning system sees it.
    Os(Name),
    /// Member `index` (in the order of the archive) of the container before it.
    Member { name: Name, index: u32 },
}

/// The address of an object: an operating-system path, then members inside members.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct Locator {
    steps: Vec<Step>,
}

impl Locator {
    /// A file, folder or link of the scanning system.
    pub fn os(path: impl Into<Name>) -> Self {
        Self { steps: vec![Step::Os(path.into())] }
    }

    /// A member of this container.
    pub fn member(&self, name: impl Into<Name>, index: u32) -> Self {
        let mut steps = self.steps.clone();
        steps.push(Step::Member { name: name.into(), index });
        Self { steps }
    }

    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// How many containers deep: 0 for a file of the file system.
    pub fn depth(&self) -> usize {
        self.steps.len() - 1
    }

    /// The container this object is a member of.
    pub fn container(&self) -> Option<Locator> {
        (self.steps.len() > 1).then(|| Self { steps: self.steps[..self.steps.len() - 1].to_vec() })
    }

    /// This object and every container around it, outermost first.
    pub fn lineage(&self) -> impl Iterator<Item = Locator> {
        (0..self.steps.len()).map(|n| self.at(n))
    }

    /// The container at this depth around the object; from its own depth on, the object.
    pub fn at(&self, depth: usize) -> Locator {
        let n = depth.saturating_add(1).min(self.steps.len());
        Self { steps: self.steps[..n].to_vec() }
    }

    /// The outermost object: the file of the file system.
    pub fn outer(&self) -> Locator {
        Self { steps: self.steps[..1].to_vec() }
    }

    /// The operating-system path of the outermost object.
    pub fn os_name(&self) -> &Name {
        match &self.steps[0] {
            Step::Os(name) | Step::Member { name, .. } => name,
        }
    }

    /// The name of the last step: a path for a file, the stored name for a member.
    pub fn last(&self) -> &Name {
        match &self.steps[self.steps.len() - 1] {
            Step::Os(name) | Step::Member { name, .. } => name,
        }
    }

    /// The base name of the last step (after the last `/` or `\`).
    pub fn base_name(&self) -> &[u8] {
        let bytes = self.last().bytes();
        let is_sep = |b: &u8| *b == b'/' || (*b == b'\\' && (cfg!(windows) || self.depth() > 0));
        let end = bytes.iter().rposition(|b| !is_sep(b)).map_or(0, |i| i + 1);
        let start = bytes[..end].iter().rposition(is_sep).map_or(0, |i| i + 1);
        &bytes[start..end]
    }

    /// `outer!inner!innermost`, safe to show.
    pub fn shown(&self) -> String {
        let names: Vec<_> = self.steps.iter().map(|s| s.name().shown()).collect();
        names.join("!")
    }

    /// The exact bytes joined by `!`, in base64, when [`Locator::shown`] doesn't carry them.
    pub fn raw_base64(&self) -> Option<String> {
        let raw = self.raw();
        (self.shown().as_bytes() != raw).then(|| base64::engine::general_purpose::STANDARD.encode(raw))
    }

    /// Sorts as the locator does, and is unique to it: names ended by NUL, members with their index.
    pub fn sort_key(&self) -> Vec<u8> {
        let mut key = Vec::new();
        for step in &self.steps {
            key.extend_from_slice(step.name().bytes());
            key.push(0);
            if let Step::Member { index, .. } = step {
                key.extend_from_slice(&index.to_be_bytes());
            }
        }
        key
    }

    /// The exact bytes joined by `!`.
    pub fn raw(&self) -> Vec<u8> {
        let parts: Vec<&[u8]> = self.steps.iter().map(|s| s.name().bytes()).collect();
        parts.join(&b'!')
    }
}

impl Step {
    pub fn name(&self) -> &Name {
        match self {
            Step::Os(name) | Step::Member { name, .. } => name,
        }
    }
}

impl Serialize for Step {
    /// `{"os": PATH}` or `{"member": NAME, "index": N}`; names as shown (see [`Name::shown`]).
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = s.serialize_map(None)?;
        match self {
            Step::Os(name) => map.serialize_entry("os", &name.shown())?,
            Step::Member { name, index } => {
                map.serialize_entry("member", &name.shown())?;
                map.serialize_entry("index", index)?;
            }
        }
        map.end()
    }
}

impl Serialize for Locator {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        Serialize::serialize(&self.steps, s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_nest_and_show() {
        let outer = Locator::os("/a/b.zip");
        let inner = outer.member("c/d.tar", 3).member("e\n.txt", 0);
        assert_eq!(inner.shown(), "/a/b.zip!c/d.tar!e\\n.txt");
        assert_eq!(inner.depth(), 2);
        assert_eq!(inner.outer(), outer);
        assert_eq!(inner.container().unwrap().base_name(), b"d.tar");
        assert!(inner.raw_base64().is_some());
        assert!(outer.raw_base64().is_none());
    }

    #[test]
    fn base_name_survives_trailing_separators() {
        assert_eq!(Locator::os("/a/b/").base_name(), b"b");
        assert_eq!(Locator::os("/").base_name(), b"");
        assert_eq!(Locator::os("/x").member("a\\b.txt", 0).base_name(), b"b.txt");
    }
}
