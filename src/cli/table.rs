//! What became of the lines of a file, told in few: the same reason once, with the places it is about.

use crate::model::{Rejected, text};

/// Lines shown of one kind for one file; `--all` shows every one.
const SHOWN: usize = 10;

/// Reasons with the lines they are about, in the order of the first ones. The file is named above the list;
/// within it the line is enough.
pub fn grouped(file: &str, list: &[Rejected], all: bool) -> Vec<(String, String)> {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for r in list {
        // What is read is told once by the caller, not on every line.
        let why = r.why.split("; accepted are ").next().unwrap_or_default();
        let place = r.place.strip_prefix(file).unwrap_or(&r.place).trim_start_matches([':', '#']);
        match groups.iter_mut().find(|(w, _)| *w == why) {
            Some((_, places)) => places.push(place),
            None => groups.push((why, vec![place])),
        }
    }
    let count = groups.len();
    let bound = |n: usize| if all { n } else { n.min(SHOWN) };
    let mut out: Vec<(String, String)> = groups
        .into_iter()
        .take(bound(count))
        .map(|(why, places)| {
            let mut shown: Vec<String> = places.iter().take(bound(places.len())).map(|p| text::escape(p.as_bytes())).collect();
            if let Some(more @ 1..) = places.len().checked_sub(shown.len()) {
                shown.push(format!("… {} more", text::thousands(more as u64)));
            }
            let places = shown.join(", ");
            (why.to_owned(), if places.is_empty() { places } else { format!("{places}: ") })
        })
        .collect();
    if let Some(more @ 1..) = count.checked_sub(out.len()) {
        out.push((format!("and {} more kinds (--all shows them)", text::thousands(more as u64)), "… ".to_owned()));
    }
    out
}
