//! `misp-feed`: what a feed's folder holds beside its events.
//!
//! `manifest.json` describes the events, each of which is a file of its own. `hashes.csv` lists the MD5 of every
//! attribute's *value*, so that a MISP server can correlate with the feed: digests of words and addresses, not of
//! files. Taken for file hashes they would accuse whatever file holds just that value.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;

use super::super::decode::lines;
use super::super::observables::shown;
use super::is_uuid;
use crate::ioc::{IocFormat, Loader};

const VALUES: &str = "MD5 of attributes' values, by which servers correlate feeds: they are digests of no files";
const EVENTS: &str = "events that a feed's manifest lists; their indicators are in files of their own";

/// See the module.
pub struct MispFeed;

impl IocFormat for MispFeed {
    fn id(&self) -> &'static str {
        "misp-feed"
    }

    fn looks_like(&self) -> &'static str {
        "manifest.json and hashes.csv of a MISP feed"
    }

    fn sniff(&self, _: &[u8], head: &[u8]) -> bool {
        let text = std::str::from_utf8(head).unwrap_or_default();
        if is_manifest(text) {
            return true;
        }
        let (good, all) =
            lines(text).filter(|(_, l)| !l.is_empty()).take(400).fold((0usize, 0usize), |(good, all), (_, line)| {
                (good.saturating_add(usize::from(is_value_hash(line))), all.saturating_add(1))
            });
        good > 0 && good.saturating_mul(2) >= all
    }

    fn parse(&self, text: &str, loader: &mut Loader<'_>) {
        if is_manifest(text) {
            match serde_json::from_str::<BTreeMap<String, IgnoredAny>>(text.trim_start_matches('\u{feff}')) {
                Ok(events) => loader.context(events.len() as u64, EVENTS),
                Err(e) => loader.reject(
                    u64::try_from(e.line()).unwrap_or(u64::MAX),
                    format!("no JSON from here on: {}", shown(&e.to_string())),
                ),
            }
            return;
        }
        for (n, line) in lines(text).filter(|(_, l)| !l.is_empty()) {
            if is_value_hash(line) {
                loader.context(1, VALUES);
            } else {
                loader.reject(n, "not the MD5 of a value and the UUID of its event");
            }
        }
    }
}

/// `{"UUID": {…}, …}`
pub fn is_manifest(text: &str) -> bool {
    let body = text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    let key = body.strip_prefix('{').and_then(|b| b.trim_start().strip_prefix('"'));
    let Some((uuid, rest)) = key.and_then(|k| k.split_once('"')) else { return false };
    let rest = rest.trim_start().strip_prefix(':').map(str::trim_start);
    is_uuid(uuid)
        && rest.is_some_and(|r| r.starts_with('{'))
        && ["\"info\"", "\"Orgc\"", "\"threat_level_id\""].iter().any(|w| body.contains(w))
}

/// `MD5,UUID` of `hashes.csv`.
fn is_value_hash(line: &str) -> bool {
    let Some((md5, uuid)) = line.split_once(',') else { return false };
    let md5 = md5.trim().trim_matches('"');
    md5.len() == 32 && md5.bytes().all(|b| b.is_ascii_hexdigit()) && is_uuid(uuid.trim().trim_matches('"'))
}
