//! Listed addresses in the content of files: one pass, in chunks, with bounded memory.
//!
//! Domains and single IPv4 addresses are found by one Aho-Corasick automaton (ASCII letters in any case)
//! and then checked at their ends: `evil.com` is found in `www.evil.com`, not in `notevil.com` or
//! `evil.com.example.org`; `1.2.3.4` not in `1.2.3.45` or `v1.2.3.4`. Networks and IPv6 addresses, which
//! have many spellings, are compared with every address-like word, only where such indicators are loaded.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use aho_corasick::{AhoCorasick, MatchKind};

use super::address::Address;

/// Bytes that are looked at together.
const STEP: usize = 64 * 1024;
/// Bytes after a match that decide whether it ends there.
const LOOK_AHEAD: usize = 2;
/// Longest spelling of an address, with its surroundings.
const WORD: usize = 48;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Edge {
    Domain,
    Number,
}

/// What is searched for.
#[derive(Debug, Default)]
pub struct AddressSet {
    needles: BTreeMap<Vec<u8>, (Option<Edge>, Vec<u32>)>,
    automaton: Option<AhoCorasick>,
    flat: Vec<(Edge, Vec<u32>)>,
    longest: usize,
    nets4: Vec<(u32, u32, u32)>,
    nets6: Vec<(u128, u128, u32)>,
}

impl AddressSet {
    pub fn add(&mut self, address: &Address, indicator: u32) {
        let mut needle = |text: &str, edge| {
            let entry = self.needles.entry(text.as_bytes().to_vec()).or_default();
            entry.0 = Some(edge);
            entry.1.push(indicator);
        };
        match address {
            Address::Domain(name, other) => {
                needle(name, Edge::Domain);
                if let Some(other) = other {
                    needle(other, Edge::Domain);
                }
            }
            Address::Url(text) => needle(text, Edge::Domain),
            Address::Ip4(ip) => needle(&ip.to_string(), Edge::Number),
            Address::Net4(base, bits) => {
                let mask = u32::MAX.checked_shl(32u32.saturating_sub(u32::from(*bits))).unwrap_or(0);
                self.nets4.push((u32::from(*base), mask, indicator));
            }
            Address::Net6(base, bits) => {
                let mask = u128::MAX.checked_shl(128u32.saturating_sub(u32::from(*bits))).unwrap_or(0);
                self.nets6.push((u128::from(*base), mask, indicator));
            }
        }
    }

    /// Builds the automaton. The error is that of a set too large for it.
    pub fn build(&mut self) -> Result<(), String> {
        let needles = std::mem::take(&mut self.needles);
        self.longest = needles.keys().map(Vec::len).max().unwrap_or(0);
        if !needles.is_empty() {
            let automaton = AhoCorasick::builder()
                .ascii_case_insensitive(true)
                .match_kind(MatchKind::Standard)
                .build(needles.keys())
                .map_err(|e| e.to_string())?;
            self.automaton = Some(automaton);
        }
        self.flat = needles.into_values().map(|(edge, ids)| (edge.unwrap_or(Edge::Domain), ids)).collect();
        Ok(())
    }

    pub fn is_empty(&self) -> bool {
        self.automaton.is_none() && self.nets4.is_empty() && self.nets6.is_empty()
    }
}

/// How often an indicator occurs in one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentHit {
    pub count: u64,
    /// Offset of the first occurrence in the object's bytes.
    pub first: u64,
}

/// One object's pass. Reused for object after object.
pub struct ContentScan<'a> {
    set: &'a AddressSet,
    hits: BTreeMap<u32, ContentHit>,
    plain: Lane,
    /// Every second byte of a UTF-16 text, where the content looks like one.
    wide: Option<(Lane, bool)>,
    narrow: Vec<u8>,
}

#[derive(Default)]
struct Lane {
    window: Vec<u8>,
    /// Position of the window's first byte in the lane.
    base: u64,
    /// Matches that end at or before this were judged.
    done: u64,
}

impl<'a> ContentScan<'a> {
    pub fn new(set: &'a AddressSet) -> Self {
        Self { set, hits: BTreeMap::new(), plain: Lane::default(), wide: None, narrow: Vec::new() }
    }

    /// Starts an object. `head` decides whether UTF-16 is looked for too.
    pub fn begin(&mut self, head: &[u8]) {
        self.hits.clear();
        self.plain.clear();
        self.wide = utf16_order(head).map(|high_first| (Lane::default(), high_first));
    }

    /// The next bytes, at this offset of the object.
    pub fn feed(&mut self, offset: u64, chunk: &[u8]) {
        if self.set.is_empty() {
            return;
        }
        for piece in chunk.chunks(STEP) {
            self.plain.feed(piece, self.set, 1, &mut self.hits);
        }
        if let Some((lane, high_first)) = &mut self.wide {
            // Units start at even offsets of the object; a chunk may begin within one.
            self.narrow.clear();
            let low = u64::from(*high_first);
            for (i, byte) in chunk.iter().enumerate() {
                let at = offset.wrapping_add(i as u64) % 2;
                if at == low {
                    self.narrow.push(*byte);
                }
                if self.narrow.len() == STEP {
                    lane.feed(&self.narrow, self.set, 2, &mut self.hits);
                    self.narrow.clear();
                }
            }
            lane.feed(&self.narrow, self.set, 2, &mut self.hits);
        }
    }

    /// Ends the object: what was found, by indicator.
    pub fn finish(&mut self) -> BTreeMap<u32, ContentHit> {
        if !self.set.is_empty() {
            self.plain.scan(self.set, true, 1, &mut self.hits);
            if let Some((lane, _)) = &mut self.wide {
                lane.scan(self.set, true, 2, &mut self.hits);
            }
        }
        self.plain.clear();
        self.wide = None;
        std::mem::take(&mut self.hits)
    }
}

/// Whether the content is UTF-16, and if so whether the high byte comes first.
fn utf16_order(head: &[u8]) -> Option<bool> {
    match head {
        [0xff, 0xfe, 0, 0, ..] => return None,
        [0xff, 0xfe, ..] => return Some(false),
        [0xfe, 0xff, ..] => return Some(true),
        _ => {}
    }
    let sample = head.get(..head.len().min(4096))?;
    let text = |b: u8| matches!(b, b'\t' | b'\n' | b'\r' | 0x20..=0x7e);
    let count = |low: usize| {
        sample.chunks_exact(2).filter(|p| p.get(low).is_some_and(|b| text(*b)) && p.get(1 - low).is_some_and(|b| *b == 0)).count()
    };
    let pairs = sample.len() / 2;
    if pairs < 8 {
        return None;
    }
    [(0, false), (1, true)].into_iter().find(|(low, _)| count(*low) * 4 > pairs).map(|(_, order)| order)
}

impl Lane {
    fn clear(&mut self) {
        self.window.clear();
        self.base = 0;
        self.done = 0;
    }

    fn feed(&mut self, piece: &[u8], set: &AddressSet, scale: u64, hits: &mut BTreeMap<u32, ContentHit>) {
        self.window.extend_from_slice(piece);
        self.scan(set, false, scale, hits);
        let keep = set.longest.max(WORD).saturating_add(2 * LOOK_AHEAD + 2);
        let drop = self.window.len().saturating_sub(keep);
        self.window.drain(..drop);
        self.base = self.base.saturating_add(drop as u64);
    }

    fn scan(&mut self, set: &AddressSet, last: bool, scale: u64, hits: &mut BTreeMap<u32, ContentHit>) {
        let window = self.window.as_slice();
        let limit = if last { window.len() } else { window.len().saturating_sub(LOOK_AHEAD) };
        let fresh = usize::try_from(self.done.saturating_sub(self.base)).unwrap_or(usize::MAX);
        let mut hit = |start: usize, ids: &[u32]| {
            let offset = self.base.saturating_add(start as u64).saturating_mul(scale);
            for id in ids {
                let entry = hits.entry(*id).or_insert(ContentHit { count: 0, first: offset });
                entry.count = entry.count.saturating_add(1);
                entry.first = entry.first.min(offset);
            }
        };
        if let Some(automaton) = &set.automaton {
            for m in automaton.find_overlapping_iter(window) {
                if m.end() <= fresh || m.end() > limit {
                    continue;
                }
                if let Some((edge, ids)) = set.flat.get(m.pattern().as_usize())
                    && edge.holds(window, m.start(), m.end())
                {
                    hit(m.start(), ids);
                }
            }
        }
        if !set.nets4.is_empty() || !set.nets6.is_empty() {
            words(window, |start, end| {
                if end > fresh && end <= limit {
                    networks(set, window, start, end, &mut hit);
                }
            });
        }
        self.done = self.base.saturating_add(limit as u64).max(self.done);
    }
}

impl Edge {
    /// Whether a match is a whole name or number and not a part of a longer one.
    fn holds(self, window: &[u8], start: usize, end: usize) -> bool {
        let before = start.checked_sub(1).and_then(|i| window.get(i)).copied();
        let after = window.get(end).copied();
        let beyond = end.checked_add(1).and_then(|i| window.get(i)).copied();
        let label = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        let alnum = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric());
        match self {
            Edge::Domain => !(label(before) || label(after) || (after == Some(b'.') && alnum(beyond))),
            Edge::Number => {
                let digit = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_digit());
                !(alnum(before) || before == Some(b'.') || alnum(after) || (after == Some(b'.') && digit(beyond)))
            }
        }
    }
}

/// Runs of the characters that addresses are made of.
fn words(window: &[u8], mut each: impl FnMut(usize, usize)) {
    let mut start = None;
    for (i, b) in window.iter().enumerate() {
        let part = b.is_ascii_hexdigit() || *b == b':' || *b == b'.';
        match (part, start) {
            (true, None) => start = Some(i),
            (false, Some(s)) => {
                each(s, i);
                start = None;
            }
            _ => {}
        }
    }
    if let Some(s) = start {
        each(s, window.len());
    }
}

/// Compares one address-like word with the networks.
fn networks(set: &AddressSet, window: &[u8], start: usize, end: usize, hit: &mut impl FnMut(usize, &[u32])) {
    if end.saturating_sub(start) > WORD - 2 || end.saturating_sub(start) < 3 {
        return;
    }
    let letter = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    if letter(start.checked_sub(1).and_then(|i| window.get(i))) || letter(window.get(end)) {
        return;
    }
    let Some(text) = window.get(start..end).and_then(|w| std::str::from_utf8(w).ok()) else { return };
    let text = text.strip_suffix('.').unwrap_or(text);
    if !set.nets6.is_empty() && text.contains(':') {
        let shorter = text.strip_suffix(':').filter(|t| !t.ends_with(':')).unwrap_or(text);
        if let Ok(ip) = shorter.parse::<Ipv6Addr>() {
            let ip = u128::from(ip);
            for (_, _, id) in set.nets6.iter().filter(|(base, mask, _)| ip & mask == *base) {
                hit(start, &[*id]);
            }
        }
    }
    for part in text.split(':') {
        if let Ok(ip) = part.parse::<Ipv4Addr>() {
            let ip = u32::from(ip);
            for (_, _, id) in set.nets4.iter().filter(|(base, mask, _)| ip & mask == *base) {
                hit(start, &[*id]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::address::parse;
    use super::*;

    fn set(entries: &[&str]) -> AddressSet {
        let mut set = AddressSet::default();
        for (i, e) in entries.iter().enumerate() {
            set.add(&parse(e).unwrap(), i as u32);
        }
        set.build().unwrap();
        set
    }

    /// Found indicators with count and first offset, whatever the chunks.
    fn scan(set: &AddressSet, content: &[u8]) -> Vec<(u32, u64, u64)> {
        let mut first = None;
        for size in [1, 2, 7, 61, 4096, 1 << 20] {
            let mut scan = ContentScan::new(set);
            scan.begin(content);
            let mut offset = 0;
            for chunk in content.chunks(size) {
                scan.feed(offset, chunk);
                offset += chunk.len() as u64;
            }
            let got: Vec<_> = scan.finish().into_iter().map(|(i, h)| (i, h.count, h.first)).collect();
            assert_eq!(first.get_or_insert_with(|| got.clone()), &got, "chunks of {size}");
        }
        first.unwrap()
    }

    #[test]
    fn names_end_at_label_boundaries() {
        let set = set(&["evil.com"]);
        for (text, n) in [
            ("evil.com", 1),
            ("http://www.EVIL.com/x", 1),
            ("a@evil.com, evil.com.", 2),
            ("notevil.com", 0),
            ("not-evil.com", 0),
            ("evil.comx", 0),
            ("evil.com.example.org", 0),
            ("evil.com-x.org", 0),
            ("evilxcom", 0),
        ] {
            let hits = scan(&set, text.as_bytes());
            assert_eq!(hits.first().map_or(0, |h| h.1), n, "{text}");
        }
    }

    #[test]
    fn numbers_end_at_number_boundaries() {
        let set = set(&["1.2.3.4", "1.2.3.45"]);
        assert_eq!(scan(&set, b"x 1.2.3.4 y"), [(0, 1, 2)]);
        assert_eq!(scan(&set, b"1.2.3.45:80"), [(1, 1, 0)]);
        for no in ["1.2.3.456", "11.2.3.4", "9.1.2.3.4", "1.2.3.4.5", "v1.2.3.4", "1.2.3.4a"] {
            assert_eq!(scan(&set, no.as_bytes()), [], "{no}");
        }
    }

    #[test]
    fn networks_and_ipv6_in_any_spelling() {
        let set = set(&["10.20.30.0/24", "2001:db8::1", "fd00:1::/32"]);
        assert_eq!(scan(&set, b"from 10.20.30.77:443 to 10.20.31.1"), [(0, 1, 5)]);
        assert_eq!(scan(&set, b"[2001:0DB8:0:0:0:0:0:1]:80 2001:db8::12"), [(1, 1, 1)]);
        assert_eq!(scan(&set, b"fd00:1:2::9."), [(2, 1, 0)]);
        assert_eq!(scan(&set, b"v10.20.30.77 10.20.30.777 1.10.20.30.7"), []);
        assert_eq!(scan(&set, &b"a:1.".repeat(100_000)), []);
    }

    #[test]
    fn overlapping_entries_are_all_found() {
        let set = set(&["a.com.c.org", "b.a.com", "evil.net", "www.evil.net", "evil.net/gate"]);
        assert_eq!(scan(&set, b"b.a.com.c.org"), [(0, 1, 2)]);
        assert_eq!(scan(&set, b"http://www.evil.net/gate?"), [(2, 1, 11), (3, 1, 7), (4, 1, 11)]);
    }

    #[test]
    fn utf16_text_is_seen_through() {
        let set = set(&["evil.com"]);
        let text = "a line of text, then https://evil.com/ and the end";
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let at = 2 * text.find("evil").unwrap() as u64;
        assert_eq!(scan(&set, &little), [(0, 1, at)]);
        assert_eq!(scan(&set, &big), [(0, 1, at)]);
    }

    #[test]
    fn many_hits_are_counted_not_kept() {
        let set = set(&["evil.com"]);
        assert_eq!(scan(&set, &b"evil.com ".repeat(30_000)), [(0, 30_000, 0)]);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes(bytes: Vec<u8>) {
            let set = set(&["evil.com", "1.2.3.0/24", "fd00::/32"]);
            scan(&set, &bytes);
        }
        #[test]
        fn address_like_bytes(text in "[0-9a-f:.]{0,200}") {
            let set = set(&["1.2.3.0/24", "fd00::/32", "1.1.1.1"]);
            scan(&set, text.as_bytes());
        }
    }
}
