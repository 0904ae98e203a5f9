//! `misp-warninglist`: values that are no trace of an intruder, such as public resolvers and popular sites.
//!
//! `{"name", "type", "matching_attributes", "list"}`. Hashes clear the files that have them. Indicators for an
//! address on such a list are taken out of force and reported with the list's name, whichever was read first.
//! Lists of substrings and patterns are not applied: they would silence more than anybody sees.

use std::collections::{BTreeSet, HashSet};
use std::net::IpAddr;

use serde_json::Value;

use super::super::address::{self, Address};
use super::super::hash::HashValue;
use super::super::observables::shown;
use super::super::set::IndicatorSet;
use crate::ioc::{IocFormat, Loader, Place};
use crate::model::{Input, Rejected};

/// Weight of a hash on a list of harmless ones.
const HARMLESS: i64 = -100;
/// Indicators named that one file loses; more are counted.
const MAX_NAMED: usize = 100;

/// Addresses of one list.
#[derive(Debug, Default)]
pub struct Warninglist {
    name: String,
    /// Hosts below a listed one count, too.
    hosts: HashSet<String>,
    /// First address and prefix length.
    nets: Vec<(IpAddr, u8)>,
}

/// See the module.
pub struct MispWarninglist;

impl IocFormat for MispWarninglist {
    fn id(&self) -> &'static str {
        "misp-warninglist"
    }

    fn looks_like(&self) -> &'static str {
        "MISP warninglist JSON"
    }

    fn sniff(&self, _: &[u8], head: &[u8]) -> bool {
        is_warninglist(std::str::from_utf8(head).unwrap_or_default())
    }

    fn parse(&self, text: &str, loader: &mut Loader<'_>) {
        let document: Value = match serde_json::from_str(text.trim_start_matches('\u{feff}')) {
            Ok(document) => document,
            Err(e) => {
                let line = u64::try_from(e.line()).unwrap_or(u64::MAX);
                return loader.reject(line, format!("no JSON from here on: {}", shown(&e.to_string())));
            }
        };
        let word = |key: &str| document.get(key).and_then(Value::as_str).unwrap_or_default();
        let entries = document.get("list").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let kind = word("type");
        if !matches!(kind, "string" | "hostname" | "cidr") {
            let why = format!("a warninglist of type \"{}\", which is not applied: {} entries", shown(kind), entries.len());
            return loader.unanswered(1, why);
        }
        let mut list = Warninglist { name: shown(word("name")), ..Warninglist::default() };
        for (n, entry) in entries.iter().enumerate() {
            let place = Place::from(format!("entry {}", n.saturating_add(1)).as_str());
            let Some(value) = entry.as_str().map(str::trim).filter(|v| !v.is_empty()) else {
                loader.reject(place, "not a text");
                continue;
            };
            if let Some(hash) = HashValue::parse(value) {
                loader.hash(place, hash, Some(HARMLESS), &list.name);
            } else if list.add(value) {
                loader.harmless();
            } else {
                loader.unanswered(place, "neither a hash nor a host, address or network");
            }
        }
        loader.warninglist(list);
    }
}

/// Whether a text is a warninglist.
pub fn is_warninglist(text: &str) -> bool {
    let body = text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    let has = |word: &str| body.contains(word);
    body.starts_with('{')
        && has("\"list\"")
        && has("\"type\"")
        && (has("\"matching_attributes\"") || (has("\"description\"") && has("\"version\"")))
        && !has("\"Attribute\"")
}

impl Warninglist {
    /// Whether the value is one that indicators for addresses can be compared with.
    fn add(&mut self, value: &str) -> bool {
        let (base, bits) = value.split_once('/').map_or((value, None), |(b, n)| (b, Some(n)));
        if let Ok(ip) = base.parse::<IpAddr>() {
            let most = if ip.is_ipv4() { 32 } else { 128 };
            let bits = bits.map_or(Some(most), |n| n.parse::<u8>().ok()).filter(|n| *n <= most);
            self.nets.extend(bits.map(|bits| (ip, bits)));
            return bits.is_some();
        }
        let host = value.trim_start_matches('.').trim_end_matches('.').to_lowercase();
        match address::parse(&host) {
            Ok(Address::Domain(name, _)) => self.hosts.insert(name),
            _ => return false,
        };
        true
    }

    /// `value` as an indicator shows it.
    fn holds(&self, value: &str) -> bool {
        if let Ok(ip) = value.parse::<IpAddr>() {
            return self.nets.iter().any(|(base, bits)| within(ip, *base, *bits));
        }
        // A path below a listed host is another matter than the host.
        if value.contains('/') {
            return false;
        }
        let mut rest = Some(value);
        std::iter::from_fn(|| {
            let this = rest?;
            rest = this.split_once('.').map(|(_, parent)| parent);
            Some(this)
        })
        .any(|host| self.hosts.contains(host))
    }
}

fn within(ip: IpAddr, base: IpAddr, bits: u8) -> bool {
    match (ip, base) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            let mask = u32::MAX.checked_shl(32u32.saturating_sub(bits.into())).unwrap_or(0);
            u32::from(a) & mask == u32::from(b) & mask
        }
        (IpAddr::V6(a), IpAddr::V6(b)) => {
            let mask = u128::MAX.checked_shl(128u32.saturating_sub(bits.into())).unwrap_or(0);
            u128::from(a) & mask == u128::from(b) & mask
        }
        _ => false,
    }
}

/// Takes indicators for listed addresses out of force, after all files were read.
pub fn apply(set: &mut IndicatorSet, reports: &mut [Input]) {
    let lists = std::mem::take(&mut set.warninglists);
    let mut silenced = BTreeSet::new();
    for (id, indicator) in set.indicators.iter().enumerate() {
        let Some(value) = indicator.value.as_deref().filter(|_| indicator.score > 0) else { continue };
        let Some(list) = lists.iter().find(|l| l.holds(value)) else { continue };
        let Ok(id) = u32::try_from(id) else { continue };
        silenced.insert(id);
        if let Some(report) = reports.iter_mut().find(|r| r.name == *indicator.file) {
            report.loaded = report.loaded.saturating_sub(1);
            let why = format!("{value} is on the warninglist \"{}\"", list.name);
            if report.rejected.len() < MAX_NAMED {
                report.rejected.push(Rejected { place: indicator.source(), why });
            } else if let Some(last) = report.rejected.last_mut() {
                last.why = "more of them are on warninglists".into();
            }
        }
    }
    set.silenced = silenced;
    set.warninglists = lists;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_networks() {
        let mut list = Warninglist::default();
        assert!(list.add("Example.org") && list.add("8.8.8.0/24") && list.add("2001:db8::/32") && list.add("9.9.9.9"));
        assert!(!list.add("a b") && !list.add("1.2.3.4/33"));
        for value in ["example.org", "www.example.org", "8.8.8.8", "2001:db8::1", "9.9.9.9"] {
            assert!(list.holds(value), "{value}");
        }
        for value in ["notexample.org", "org", "8.8.9.8", "9.9.9.8", "example.org/evil"] {
            assert!(!list.holds(value), "{value}");
        }
    }
}
