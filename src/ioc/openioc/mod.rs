//! `openioc`: trees of conditions, OpenIOC 1.0 (Mandiant 2010) and 1.1.
//!
//! Every `IndicatorItem` of a file is accounted for: in force, unanswered (with its search term), or rejected.
//! Trees are evaluated as they stand: a hash that is AND-ed with a name is never reported as a bare hash.

mod dates;
mod document;
mod terms;
mod tree;

use std::sync::Arc;

use self::document::Document;
use super::loader::Fault;
use super::{About, IocFormat, Loader, Marks, Place};
use crate::model::text;

/// See the module.
pub struct OpenIoc;

impl IocFormat for OpenIoc {
    fn id(&self) -> &'static str {
        "openioc"
    }

    fn looks_like(&self) -> &'static str {
        "OpenIOC XML"
    }

    fn sniff(&self, _: &[u8], head: &[u8]) -> bool {
        is_openioc(std::str::from_utf8(head).unwrap_or_default())
    }

    fn parse(&self, text: &str, loader: &mut Loader<'_>) {
        let mut documents = 0u64;
        let end = document::read(text, &mut |document| {
            documents = documents.saturating_add(1);
            load(&document, loader);
        });
        if let Err((line, why)) = end {
            loader.adjust(&Place::Line(line), format!("{why}; what stands before is in force where its group was complete"));
        }
        if documents == 0 {
            loader.reject(1, "no OpenIOC document in it");
        }
    }
}

/// Whether a text is OpenIOC: an XML document whose root or namespace is.
pub fn is_openioc(text: &str) -> bool {
    let body = text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    body.starts_with('<')
        && ["schemas.mandiant.com/2010/ioc", "openioc.org/schemas", "<ioc ", "<OpenIOC"].iter().any(|w| body.contains(w))
}

fn load(document: &Document, loader: &mut Loader<'_>) {
    let marks = Arc::new(marks(document));
    let description = if document.name.is_empty() { &document.description } else { &document.name };
    let mut any = false;
    for tree in document.roots.iter().flat_map(tree::alternatives) {
        let Some(first) = tree::first_item(tree) else { continue };
        any = true;
        let place = Place::item(first.line, &first.id);
        let reading = tree::read(tree);
        let items = reading.items.into_iter().map(|(item, own)| (Place::item(item.line, &item.id), own)).collect();
        let about = About { place, score: None, description, marks: Some(marks.clone()) };
        match reading.pattern {
            Ok(pattern) => loader.items(about, pattern, items),
            Err(fault) => refuse(fault, items, loader),
        }
    }
    if !any {
        loader.reject(Place::from(document.id.as_str()), "a definition without items");
    }
}

/// Items of a tree that can't be in force: those that aren't at fault themselves share what is wrong with it.
fn refuse(fault: Fault, items: Vec<(Place, Result<(), Fault>)>, loader: &mut Loader<'_>) {
    for (place, own) in items {
        loader.fault(place, own.err().unwrap_or_else(|| fault.clone()));
    }
}

fn marks(document: &Document) -> Marks {
    let clean = |s: &str| text::shorten(&text::escape(s.trim().as_bytes()), 200);
    let some = |s: &str| (!s.trim().is_empty()).then(|| clean(s));
    let linked = |wanted: &[&str]| -> Vec<String> {
        let of = |(rel, value): &&(String, String)| wanted.iter().any(|w| rel.eq_ignore_ascii_case(w)) && !value.is_empty();
        document.links.iter().filter(of).map(|(_, value)| clean(value)).collect()
    };
    let references = document.links.iter().map(|(_, v)| v).filter(|v| v.starts_with("http")).map(|v| clean(v)).collect();
    let mut labels: Vec<String> = document.keywords.iter().map(|k| clean(k)).collect();
    labels.extend(linked(&["category", "threatcategory"]));
    Marks {
        id: some(&document.id),
        author: some(&document.author),
        // The editor's default, which says nothing.
        created: some(&document.date).filter(|d| !d.starts_with("0001-01-01")),
        indicates: linked(&["family", "threatgroup", "campaign", "actor"]),
        labels,
        references,
        ..Marks::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_and_namespaces() {
        for text in [
            "\u{feff}<?xml version='1.0'?><ioc xmlns=\"http://schemas.mandiant.com/2010/ioc\">",
            " <OpenIOC xmlns='http://openioc.org/schemas/OpenIOC_1.1'>",
            "<!-- x -->\n<ioc id='a'>",
        ] {
            assert!(is_openioc(text), "{text}");
        }
        assert!(!is_openioc("<html><body>openioc.org</body>") && !is_openioc("see <ioc "));
    }
}
