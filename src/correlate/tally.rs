//! What the members of one archive add up to, without keeping their names.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use super::names::marker;
use super::place::{normal, pattern};
use crate::clue::patient_name;
use crate::model::{GapReason, Object, Priors};

static USER: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?:^|/)(?:users|home|documents and settings)/([^/]+)/"));
static HOST: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(?:/+|unc/)([^/]+)/([^/]+)/"));
static DRIVE: LazyLock<Regex> = LazyLock::new(|| pattern(r"^[a-z]:/"));

/// Different origins from which one archive counts as gathered.
pub const MANY: usize = 3;

/// The smallest few of many names: enough to know whether there are several, whatever their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Few(BTreeSet<String>);

impl Few {
    pub fn insert(&mut self, name: &str) {
        if !self.0.contains(name) {
            self.0.insert(name.to_owned());
        }
        if self.0.len() > MANY {
            self.0.pop_last();
        }
    }

    pub fn many(&self) -> bool {
        self.0.len() >= MANY
    }
}

/// Counts over all members, at any depth.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Members whose content could not be read because of encryption or an unknown format.
    pub unread: u64,
    pub encrypted: bool,
    /// Unread members whose names surely, or perhaps, speak of patient data.
    pub named: u64,
    pub perhaps: u64,
    /// Top folders of unread members with such names.
    pub named_folders: Few,
    pub users: Few,
    pub hosts: Few,
    /// Some names are stored with a drive, a server or from the root.
    pub absolute: bool,
    /// Markers of zip-based types among direct members.
    pub markers: u32,
}

impl Tally {
    /// Adds a member; `direct` where this archive itself holds it.
    pub fn add(&mut self, object: &Object, direct: bool) {
        let name = normal(object.locator.last());
        if direct {
            self.markers |= marker(&name);
        }
        // What folders hold comes by itself.
        if name.ends_with('/') {
            return;
        }
        if let Some(user) = USER.captures(&name).and_then(|c| c.get(1)) {
            self.users.insert(user.as_str());
        }
        if object.locator.last().bytes().starts_with(b"\\\\") || name.starts_with("//") {
            self.absolute = true;
            if let Some(host) = HOST.find(&name) {
                self.hosts.insert(host.as_str());
            }
        }
        self.absolute |= DRIVE.is_match(&name) || (name.starts_with('/') && name.len() > 1);
        let unread = matches!(
            object.reason,
            Some(
                GapReason::Encrypted | GapReason::UnsupportedContainer | GapReason::UnsupportedMethod | GapReason::MissingVolume
            )
        );
        if unread {
            self.unread = self.unread.saturating_add(1);
            self.encrypted |= object.reason == Some(GapReason::Encrypted);
            let speaks = patient_name(&name);
            match speaks {
                2 => self.named = self.named.saturating_add(1),
                1 => self.perhaps = self.perhaps.saturating_add(1),
                _ => {}
            }
            if let (1.., Some((top, _))) = (speaks, name.split_once('/')) {
                self.named_folders.insert(top);
            }
        }
    }

    /// Whether the names of what could not be read speak of patient data.
    pub fn speaks_of_patients(&self) -> bool {
        self.named > 0 || self.perhaps >= Priors::get().rules.weak_names
    }

    /// Whether it was gathered from several users, servers or folders of patient data.
    pub fn gathered(&self) -> bool {
        self.users.many() || self.hosts.many() || self.named_folders.many()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_does_not_depend_on_order() {
        let names = ["d", "a", "c", "b", "a"];
        let (mut forth, mut back) = (Few::default(), Few::default());
        names.iter().for_each(|n| forth.insert(n));
        names.iter().rev().for_each(|n| back.insert(n));
        assert_eq!(forth, back);
        assert!(forth.many());
        assert_eq!(forth.0.len(), MANY);
    }
}
