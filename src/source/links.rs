//! Hard links: one content, many names. Names are gathered during the walk, so that the content is read
//! once and every name is kept, whatever order the folders come in.

use std::collections::BTreeMap;

use crate::model::Entry;

/// Names of hard-linked files met so far.
#[derive(Default)]
pub struct HardLinks {
    pending: BTreeMap<(u64, u64), (u64, Vec<Entry>)>,
}

impl HardLinks {
    /// Takes a file with more than one link. Gives the merged entry back as soon as all `links` names are
    /// known; the others come with [`HardLinks::rest`] after the walk.
    pub fn meet(&mut self, id: (u64, u64), links: u64, entry: Entry) -> Option<Entry> {
        let slot = self.pending.entry(id).or_insert_with(|| (links, Vec::new()));
        slot.1.push(entry);
        if slot.1.len() as u64 >= slot.0 {
            return self.pending.remove(&id).and_then(|(_, names)| merge(names));
        }
        None
    }

    /// Files whose other names lie outside the target.
    pub fn rest(&mut self) -> impl Iterator<Item = Entry> {
        std::mem::take(&mut self.pending).into_values().filter_map(|(_, names)| merge(names))
    }
}

/// The first name in canonical order stands for the file.
fn merge(mut names: Vec<Entry>) -> Option<Entry> {
    names.sort_by(|a, b| a.locator.cmp(&b.locator));
    let mut names = names.into_iter();
    let mut first = names.next()?;
    first.other_names = names.map(|e| e.locator).collect();
    Some(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Kind, Locator, Meta};

    fn entry(path: &str) -> Entry {
        Entry {
            locator: Locator::os(path),
            kind: Kind::File,
            meta: Meta::default(),
            other_names: vec![],
            origin: None,
            target: 0,
        }
    }

    #[test]
    fn names_merge_in_canonical_order() {
        let mut links = HardLinks::default();
        assert!(links.meet((1, 2), 3, entry("/c")).is_none());
        assert!(links.meet((1, 9), 5, entry("/z")).is_none());
        assert!(links.meet((1, 2), 3, entry("/a")).is_none());
        let whole = links.meet((1, 2), 3, entry("/b")).unwrap();
        assert_eq!(whole.locator.shown(), "/a");
        assert_eq!(whole.other_names.len(), 2);
        assert_eq!(links.rest().map(|e| e.locator.shown()).collect::<Vec<_>>(), ["/z"]);
    }
}
