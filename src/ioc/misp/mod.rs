//! MISP: events as JSON, feeds, warninglists and CSV exports.
//!
//! Only attributes that their author marks for detection (`to_ids`), and that were not deleted, are
//! indicators; all others are counted as context.

mod attribute;
mod csv;
mod event;
mod feed;
mod warninglist;

use std::sync::Arc;

use super::{About, Loader, Marks, Place};
use crate::model::text;
use attribute::{Meaning, meaning};

pub use csv::MispCsv;
pub use event::MispEvent;
pub use feed::MispFeed;
pub use warninglist::MispWarninglist;

pub(super) use warninglist::{Warninglist, apply};

/// Most that a file name weighs whose object also names a hash of the file.
const NAME_BESIDE_HASH: i64 = 40;
/// Tags kept of one attribute.
const MAX_TAGS: usize = 40;

const NO_TO_IDS: &str = "attributes without to_ids: context by their author's word, not indicators";
const DELETED: &str = "attributes that were deleted";
const PROPOSALS: &str = "proposals that the event's owner has not accepted";

/// What is known of an attribute beside its type and value.
#[derive(Clone, Debug, Default)]
struct Details<'a> {
    uuid: &'a str,
    comment: &'a str,
    /// Of the event.
    info: &'a str,
    author: &'a str,
    tags: Vec<&'a str>,
    /// Its object is one file and names a hash of it, too.
    beside_hash: bool,
}

/// Whether a text is MISP as JSON, in any wrapper.
pub fn is_json(text: &str) -> bool {
    event::is_event(text) || feed::is_manifest(text) || warninglist::is_warninglist(text)
}

/// `true` and `1` in any writing.
fn truthy(value: &str) -> bool {
    value == "1" || value.eq_ignore_ascii_case("true")
}

/// Loads one attribute that is in force.
fn load(loader: &mut Loader<'_>, place: Place, kind: &str, value: &str, details: &Details<'_>) {
    let (pattern, most) = match meaning(kind, value) {
        Meaning::Yara(rule) => return loader.yara(place, rule),
        Meaning::No(fault) => return loader.fault(place, fault),
        Meaning::Pattern(pattern, most) => (pattern, most),
    };
    let (marks, certainty) = marks(details);
    let most = if details.beside_hash && kind == "filename" { Some(NAME_BESIDE_HASH) } else { most };
    let score = match (most, certainty) {
        (Some(most), Some(certainty)) => Some(most.min(certainty)),
        (most, certainty) => most.or(certainty),
    };
    let description = match (details.info, details.comment) {
        ("", comment) => comment.to_owned(),
        (info, "") => info.to_owned(),
        (info, comment) => format!("{info}: {comment}"),
    };
    let about = About { place, score, description: &description, marks: Some(Arc::new(marks)) };
    loader.pattern(about, pattern);
}

/// Marks, and how certain the author is, 1 to 100, where a tag says so in numbers.
fn marks(details: &Details<'_>) -> (Marks, Option<i64>) {
    let clean = |s: &str| text::shorten(&text::escape(s.trim().as_bytes()), 200);
    let some = |s: &str| (!s.trim().is_empty()).then(|| clean(s));
    let mut out = Marks { id: some(details.uuid), author: some(details.author), ..Marks::default() };
    out.indicates.extend(some(details.info));
    let mut certainty = None;
    for tag in details.tags.iter().take(MAX_TAGS) {
        let (space, value) = split_tag(tag);
        let lower = tag.to_ascii_lowercase();
        if let Some(tlp) = lower.strip_prefix("tlp:") {
            let tlp = tlp.trim_matches('"').replace("white", "clear");
            // The strictest of several holds.
            if rank(&tlp) >= out.tlp.as_deref().map_or(0, rank) {
                out.tlp = Some(clean(&tlp));
            }
        } else if space == "osint:certainty" {
            certainty = value.parse::<i64>().ok().map(|n| n.clamp(1, 100)).or(certainty);
        } else if space.starts_with("misp-galaxy:") && !space.ends_with("-pattern") {
            out.indicates.push(clean(value));
        } else {
            out.labels.push(clean(tag));
        }
    }
    out.confidence = certainty.and_then(|n| u8::try_from(n).ok());
    out.indicates.dedup();
    (out, certainty)
}

/// `namespace:predicate="value"`
fn split_tag(tag: &str) -> (&str, &str) {
    tag.split_once('=').map_or((tag, ""), |(space, value)| (space.trim(), value.trim().trim_matches('"')))
}

fn rank(tlp: &str) -> u8 {
    match tlp {
        "clear" => 1,
        "green" => 2,
        "amber" => 3,
        "amber+strict" => 4,
        "red" => 5,
        _ => 0,
    }
}

/// 8-4-4-4-12 hexadecimal digits.
fn is_uuid(word: &str) -> bool {
    let lengths = [8, 4, 4, 4, 12];
    let mut parts = word.split('-');
    lengths.iter().all(|n| parts.next().is_some_and(|p| p.len() == *n && p.bytes().all(|b| b.is_ascii_hexdigit())))
        && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_become_marks() {
        let tags = vec![
            "tlp:white",
            "tlp:amber",
            "osint:certainty=\"93\"",
            "misp-galaxy:threat-actor=\"Sofacy\"",
            "misp-galaxy:mitre-attack-pattern=\"Exfiltration - T1567\"",
            "x",
        ];
        let (marks, certainty) = marks(&Details { tags, info: "Event", ..Details::default() });
        assert_eq!((marks.tlp.as_deref(), marks.confidence, certainty), (Some("amber"), Some(93), Some(93)));
        assert_eq!(marks.indicates, ["Event", "Sofacy"]);
        assert_eq!(marks.labels.len(), 2);
    }

    #[test]
    fn uuids() {
        assert!(is_uuid("5a3c3045-ab0c-4d38-8efe-459002de0b81"));
        assert!(!is_uuid("5a3c3045-ab0c-4d38-8efe-459002de0b8") && !is_uuid("a-b") && !is_uuid(""));
    }
}
