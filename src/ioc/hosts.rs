//! Listed addresses, compiled for one pass over content.
//!
//! What is listed about hosts (their names and addresses, URLs and e-mail addresses at them) hangs on the host.
//! A host is found by reading each host-like word of the content once and looking its endings up in a table,
//! so the time a pass takes doesn't depend on how many are listed. A name needs about its length and 24 bytes.
//! Texts and names in other scripts, which have no such words, are literals of an Aho-Corasick automaton.

use std::collections::BTreeMap;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::address::Address;
use super::url;

/// Most bytes of a host name (RFC 1035 section 2.3.4).
pub const MAX_NAME: usize = 253;
/// Literals up to which a deterministic automaton is worth its memory.
const FEW: usize = 64;

/// A name that is listed, or a host that something is listed about.
#[derive(Clone, Copy, Debug)]
struct Entry {
    hash: u64,
    /// Of the name in `letters`.
    start: u32,
    len: u32,
    what: What,
}

/// What a host leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// The host itself is listed.
    Indicator(u32),
    /// Paths and mailboxes on it are.
    On(u32),
}

/// What is listed about one host beside itself.
#[derive(Debug, Default)]
pub struct On {
    /// Paths in their one spelling, sorted.
    paths: Vec<(Box<[u8]>, u32)>,
    /// Lengths that occur among them, sorted.
    lengths: Vec<usize>,
    /// What stands before the `@`, in lower case, sorted.
    mailboxes: Vec<(Box<[u8]>, u32)>,
}

/// Networks of one family by length of prefix, each sorted by first address.
#[derive(Debug)]
struct Nets<T>(BTreeMap<u8, Vec<(T, What)>>);

impl<T> Default for Nets<T> {
    fn default() -> Self {
        Nets(BTreeMap::new())
    }
}

/// What is searched for.
#[derive(Debug, Default)]
pub struct AddressSet {
    /// Sorted by hash once built.
    entries: Vec<Entry>,
    letters: Vec<u8>,
    /// One bit for the hashes of several names: most words end here.
    filter: Vec<u64>,
    nets4: Nets<u32>,
    nets6: Nets<u128>,
    on: Vec<On>,
    /// Number in `on` of a host, while lists are read.
    hosts: BTreeMap<Box<str>, u32>,
    exact: Literals,
    folded: Literals,
    longest_path: usize,
}

/// Literals, and for each the indicators.
#[derive(Debug, Default)]
pub struct Literals {
    pending: BTreeMap<Vec<u8>, Vec<u32>>,
    automaton: Option<AhoCorasick>,
    ids: Vec<Vec<u32>>,
    longest: usize,
}

impl AddressSet {
    pub fn add(&mut self, address: &Address, indicator: u32) {
        let what = What::Indicator(indicator);
        match address {
            Address::Domain(name, other) => {
                self.name(name, what);
                for spelling in other.iter().flat_map(|o| [o.to_lowercase(), o.to_uppercase()]) {
                    self.folded.add(spelling.as_bytes(), indicator);
                }
            }
            Address::Ip4(ip) => self.nets4.add(u32::from(*ip), 32, what),
            Address::Net4(base, bits) => self.nets4.add(u32::from(*base), *bits, what),
            Address::Net6(base, bits) => self.nets6.add(u128::from(*base), *bits, what),
            Address::Url(text) => {
                let (host, path) = text.split_at(text.find(['/', '?', '#']).unwrap_or(text.len()));
                let path = url::canonical(path.as_bytes(), url::MOST.saturating_mul(super::address::MAX_PATH));
                self.longest_path = self.longest_path.max(path.len());
                if let Some(on) = self.on(host) {
                    on.lengths.push(path.len());
                    on.paths.push((path.into(), indicator));
                }
            }
            Address::Email(text) => {
                if let Some((local, host)) = text.rsplit_once('@')
                    && let Some(on) = self.on(host)
                {
                    on.mailboxes.push((local.as_bytes().into(), indicator));
                }
            }
            Address::Text(text) => self.exact.add(text.as_bytes(), indicator),
        }
    }

    fn name(&mut self, name: &str, what: What) {
        let (Ok(start), Ok(len)) = (u32::try_from(self.letters.len()), u32::try_from(name.len())) else { return };
        let hash = name.bytes().rev().fold(Hash::default(), Hash::with).value();
        self.letters.extend(name.bytes().map(|b| b.to_ascii_lowercase()));
        self.entries.push(Entry { hash, start, len, what });
    }

    /// What is listed about a host; enters it on its first use.
    fn on(&mut self, host: &str) -> Option<&mut On> {
        let number = match self.hosts.get(host) {
            Some(number) => *number,
            None => {
                let number = u32::try_from(self.on.len()).ok()?;
                self.on.push(On::default());
                self.hosts.insert(host.into(), number);
                let what = What::On(number);
                let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
                match bare.parse() {
                    Ok(std::net::IpAddr::V4(ip)) => self.nets4.add(u32::from(ip), 32, what),
                    Ok(std::net::IpAddr::V6(ip)) => self.nets6.add(u128::from(ip), 128, what),
                    Err(_) => self.name(host, what),
                }
                number
            }
        };
        self.on.get_mut(usize::try_from(number).ok()?)
    }

    /// Sorts and compiles. The error is that of a set too large for an automaton.
    pub fn build(&mut self) -> Result<(), String> {
        self.hosts = BTreeMap::new();
        let letters = std::mem::take(&mut self.letters);
        self.entries.sort_unstable_by(|a, b| (a.hash, name_of(&letters, a), a.what).cmp(&(b.hash, name_of(&letters, b), b.what)));
        self.letters = letters;
        self.entries.shrink_to_fit();
        self.letters.shrink_to_fit();
        let words = self.entries.len().saturating_mul(16).div_ceil(64).next_power_of_two();
        self.filter = if self.entries.is_empty() { Vec::new() } else { vec![0; words] };
        for entry in &self.entries {
            let (word, bit) = place(entry.hash, words);
            if let Some(word) = self.filter.get_mut(word) {
                *word |= bit;
            }
        }
        self.nets4.0.values_mut().for_each(|n| n.sort_unstable());
        self.nets6.0.values_mut().for_each(|n| n.sort_unstable());
        for on in &mut self.on {
            on.paths.sort_unstable();
            on.mailboxes.sort_unstable();
            on.lengths.sort_unstable();
            on.lengths.dedup();
        }
        self.exact.build(false)?;
        self.folded.build(true)
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && !self.has_numbers() && self.exact.ids.is_empty() && self.folded.ids.is_empty()
    }

    /// Whether names are listed that end in a dot and a word.
    pub fn has_names(&self) -> bool {
        !self.entries.is_empty()
    }

    pub fn has_nets4(&self) -> bool {
        !self.nets4.0.is_empty()
    }

    pub fn has_nets6(&self) -> bool {
        !self.nets6.0.is_empty()
    }

    fn has_numbers(&self) -> bool {
        self.has_nets4() || self.has_nets6()
    }

    /// Literals that are compared letter for letter, and those in any case of ASCII letters.
    pub fn literals(&self) -> [&Literals; 2] {
        [&self.exact, &self.folded]
    }

    /// Most bytes behind a host that decide what it is.
    pub fn look_ahead(&self) -> usize {
        if self.longest_path == 0 { 2 } else { self.longest_path.saturating_add(2).saturating_mul(url::MOST) + 8 }
    }

    /// Most bytes before the end of a match that decide what it is.
    pub fn look_behind(&self) -> usize {
        self.exact.longest.max(self.folded.longest).max(MAX_NAME + 80).saturating_add(8)
    }

    /// What a name leads to; `hash` is that of the name in lower case.
    pub fn by_name(&self, hash: Hash, name: &[u8], mut each: impl FnMut(What)) {
        let hash = hash.value();
        let (word, bit) = place(hash, self.filter.len());
        if self.filter.get(word).is_none_or(|w| w & bit == 0) {
            return;
        }
        let from = self.entries.partition_point(|e| e.hash < hash);
        let equal = self.entries.iter().skip(from).take_while(|e| e.hash == hash);
        equal.filter(|e| name_of(&self.letters, e).eq_ignore_ascii_case(name)).for_each(|e| each(e.what));
    }

    pub fn by_ip4(&self, ip: u32, each: impl FnMut(What)) {
        self.nets4.find(|bits| u32::MAX.checked_shl(32u32.saturating_sub(u32::from(bits))).unwrap_or(0) & ip, each);
    }

    pub fn by_ip6(&self, ip: u128, each: impl FnMut(What)) {
        self.nets6.find(|bits| u128::MAX.checked_shl(128u32.saturating_sub(u32::from(bits))).unwrap_or(0) & ip, each);
    }

    /// What is listed about a host that a [`What::On`] names.
    pub fn about(&self, number: u32) -> Option<&On> {
        self.on.get(usize::try_from(number).ok()?)
    }
}

impl On {
    /// Paths that begin what stands behind the host, as content spells it.
    pub fn paths(&self, behind: &[u8], mut each: impl FnMut(u32)) {
        let behind = url::behind_port(behind);
        let Some(longest) = self.lengths.last().filter(|_| url::starts(behind)) else { return };
        let text = url::canonical(behind, longest.saturating_add(2));
        let label = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        let ends = |at: usize| {
            let (last, next) = (at.checked_sub(1).and_then(|i| text.get(i)), text.get(at));
            !label(last) || !(label(next) || (next == Some(&b'.') && label(text.get(at.saturating_add(1)))))
        };
        for length in self.lengths.iter().filter(|l| ends(**l)) {
            let Some(path) = text.get(..*length) else { break };
            equal(&self.paths, path).for_each(&mut each);
        }
    }

    /// Mailboxes whose name ends `before`, which ends where the `@` stands.
    pub fn mailboxes(&self, before: &[u8], mut each: impl FnMut(u32)) {
        if self.mailboxes.is_empty() {
            return;
        }
        let usual = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'+') || *b >= 0x80;
        let any = |b: &u8| usual(b) || b"!#$%&'*=?^`{|}~".contains(b);
        let run = |part: &dyn Fn(&u8) -> bool| {
            let n = before.iter().rev().take_while(|b| part(b)).count();
            before.split_at(before.len().saturating_sub(n))
        };
        let (front, mut name) = run(&usual);
        // A percent-encoded character before it is not a part of it.
        if front.last() == Some(&b'%') && name.len() > 2 {
            name = name.get(2..).unwrap_or_default();
        }
        let (_, odd) = run(&any);
        let names = [name.to_ascii_lowercase(), odd.to_ascii_lowercase()];
        let different = if names.first() == names.last() { 1 } else { 2 };
        names.iter().take(different).flat_map(|n| equal(&self.mailboxes, n)).for_each(&mut each);
    }
}

/// The indicators of one key of a sorted list.
fn equal<'a>(list: &'a [(Box<[u8]>, u32)], key: &'a [u8]) -> impl Iterator<Item = u32> + 'a {
    let from = list.partition_point(|(k, _)| **k < *key);
    list.iter().skip(from).take_while(move |(k, _)| **k == *key).map(|(_, id)| *id)
}

impl<T: Copy + Ord> Nets<T> {
    fn add(&mut self, base: T, bits: u8, what: What) {
        self.0.entry(bits).or_default().push((base, what));
    }

    fn find(&self, base: impl Fn(u8) -> T, mut each: impl FnMut(What)) {
        for (bits, nets) in &self.0 {
            let base = base(*bits);
            let from = nets.partition_point(|(b, _)| *b < base);
            nets.iter().skip(from).take_while(|(b, _)| *b == base).for_each(|(_, what)| each(*what));
        }
    }
}

impl Literals {
    fn add(&mut self, text: &[u8], indicator: u32) {
        let ids = self.pending.entry(text.to_vec()).or_default();
        if ids.last() != Some(&indicator) {
            ids.push(indicator);
        }
    }

    fn build(&mut self, fold: bool) -> Result<(), String> {
        let pending = std::mem::take(&mut self.pending);
        self.longest = pending.keys().map(Vec::len).max().unwrap_or(0);
        if pending.is_empty() {
            return Ok(());
        }
        let kind = if pending.len() <= FEW { AhoCorasickKind::DFA } else { AhoCorasickKind::ContiguousNFA };
        let mut builder = AhoCorasick::builder();
        builder.ascii_case_insensitive(fold).match_kind(MatchKind::Standard).kind(Some(kind));
        self.automaton = Some(builder.build(pending.keys()).map_err(|e| e.to_string())?);
        self.ids = pending.into_values().collect();
        Ok(())
    }

    /// Every occurrence: start, end and the indicators.
    pub fn find(&self, window: &[u8], mut each: impl FnMut(usize, usize, &[u32])) {
        let Some(automaton) = &self.automaton else { return };
        for m in automaton.find_overlapping_iter(window) {
            if let Some(ids) = self.ids.get(m.pattern().as_usize()) {
                each(m.start(), m.end(), ids);
            }
        }
    }
}

/// FNV-1a over a name from its end to its beginning, so that the hash of every ending is known on the way.
#[derive(Clone, Copy, Debug)]
pub struct Hash(u64);

impl Default for Hash {
    fn default() -> Self {
        Hash(0xcbf2_9ce4_8422_2325)
    }
}

impl Hash {
    /// With the byte before.
    pub fn with(self, byte: u8) -> Self {
        Hash((self.0 ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0000_01b3))
    }

    fn value(self) -> u64 {
        self.0 ^ (self.0 >> 29)
    }
}

/// The word and bit of a hash in a filter of so many words, a power of two.
fn place(hash: u64, words: usize) -> (usize, u64) {
    let word = usize::try_from(hash >> 6).unwrap_or(usize::MAX) & words.saturating_sub(1);
    (word, 1 << (hash & 63))
}

fn name_of<'a>(letters: &'a [u8], entry: &Entry) -> &'a [u8] {
    let start = usize::try_from(entry.start).unwrap_or(usize::MAX);
    let end = start.saturating_add(usize::try_from(entry.len).unwrap_or(usize::MAX));
    letters.get(start..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::address::parse;
    use super::*;

    fn set(entries: &[&str]) -> AddressSet {
        let mut set = AddressSet::default();
        for (i, entry) in entries.iter().enumerate() {
            set.add(&parse(entry).unwrap(), i as u32);
        }
        set.build().unwrap();
        set
    }

    fn names(set: &AddressSet, name: &str) -> Vec<What> {
        let mut out = Vec::new();
        set.by_name(name.bytes().rev().fold(Hash::default(), Hash::with), name.as_bytes(), |w| out.push(w));
        out
    }

    #[test]
    fn names_are_found_in_any_case_and_only_whole() {
        let set = set(&["evil.com", "bad.org", "evil.com", "evil.com/x"]);
        assert_eq!(names(&set, "EVIL.com"), [What::Indicator(0), What::Indicator(2), What::On(0)]);
        assert!(names(&set, "www.evil.com").is_empty() && names(&set, "vil.com").is_empty());
    }

    #[test]
    fn a_network_and_an_address_in_it() {
        let set = set(&["10.20.0.0/16", "10.20.30.40", "10.20.30.40/31"]);
        let mut out = Vec::new();
        set.by_ip4(0x0a14_1e28, |w| out.push(w));
        assert_eq!(out, [What::Indicator(0), What::Indicator(2), What::Indicator(1)]);
    }

    #[test]
    fn mailboxes_are_whole() {
        let set = set(&["bad@evil.com", "o'brien@evil.com"]);
        let found = |before: &str| {
            let mut out = Vec::new();
            set.about(0).unwrap().mailboxes(before.as_bytes(), |id| out.push(id));
            out
        };
        for yes in ["bad", " BAD", "<bad", "mailto:bad", "to=bad", "%3Cbad", "'bad"] {
            assert_eq!(found(yes), [0], "{yes}");
        }
        for no in ["xbad", "x.bad", "x-bad", "bad.", "äbad", ""] {
            assert!(found(no).is_empty(), "{no}");
        }
        assert_eq!(found("o'brien"), [1]);
    }
}
