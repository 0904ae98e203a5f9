//! Windows registry hives (`regf`) and exports (`.reg`): keys and values, read only.
//!
//! Both are walked key by key. Nothing that a file declares is believed: offsets are checked, every cell is
//! visited once, and what can't be read is counted, never fatal.

mod data;
mod export;
mod hive;
mod root;

use std::ops::ControlFlow;

use crate::model::Time;

pub use data::Value;

/// What holds keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The file behind a part of the registry.
    Hive,
    /// A text as `regedit` writes it.
    Export,
}

/// One key.
#[derive(Clone, Copy, Debug)]
pub struct Key<'a> {
    /// `HKEY_LOCAL_MACHINE\SOFTWARE\…`; without a root where a hive doesn't tell which one it is.
    pub path: &'a str,
    /// Last change of the key or one of its values; exports don't have it.
    pub written: Option<Time>,
    pub values: &'a [Value<'a>],
}

/// How far a walk came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Walk {
    pub keys: u64,
    pub values: u64,
    /// Keys, values and lines that could not be read.
    pub damaged: u64,
    /// Changes that are still in the hive's transaction logs are missing.
    pub unapplied: bool,
    /// A bound was reached, so that keys were left out.
    pub limited: bool,
}

impl Walk {
    /// Whether every key and value was seen as it last was.
    pub fn whole(&self) -> bool {
        self.damaged == 0 && !self.unapplied && !self.limited
    }
}

/// A file that can't be walked at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("it ends within the first block of the hive")]
    Short,
    #[error("its root key can't be read")]
    Root,
}

/// Whether content is a hive or an export, by its first bytes.
pub fn recognise(head: &[u8]) -> Option<Kind> {
    if head.starts_with(b"regf") {
        Some(Kind::Hive)
    } else if export::is_export(head) {
        Some(Kind::Export)
    } else {
        None
    }
}

/// Shows every key, parents first. `name` is the file's, which may tell which part of the registry a hive is.
///
/// # Errors
/// [`Unreadable`] where there is no key at all.
pub fn walk(
    kind: Kind,
    bytes: &[u8],
    name: &[u8],
    visit: &mut dyn FnMut(&Key<'_>) -> ControlFlow<()>,
) -> Result<Walk, Unreadable> {
    match kind {
        Kind::Hive => hive::walk(bytes, name, visit),
        Kind::Export => Ok(export::walk(bytes, visit)),
    }
}
