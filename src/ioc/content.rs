//! Listed addresses in the content of files: one pass, in chunks, with bounded memory.
//!
//! `evil.com` is found in `www.evil.com`, not in `notevil.com` or `evil.com.example.org`; `1.2.3.4` not in
//! `1.2.3.45` or `v1.2.3.4`; `bad@evil.com` not in `xbad@evil.com`. UTF-16 is read too, as a whole or as the
//! strings of a program.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use memchr::{memchr, memmem};

use super::hosts::{AddressSet, Hash, MAX_NAME, What};
use super::url;
use super::wide::Wide;

/// Bytes that are looked at together.
const STEP: usize = 64 * 1024;
/// Longest spelling of an IPv6 address.
const MAX_IP6: usize = 46;

/// How often an indicator occurs in one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentHit {
    pub count: u64,
    /// Offset of the first occurrence in the object's bytes.
    pub first: u64,
}

/// What was found, by indicator.
type Hits = BTreeMap<u32, ContentHit>;

/// One object's pass. Reused for object after object.
pub struct ContentScan<'a> {
    set: &'a AddressSet,
    hits: Hits,
    plain: Lane,
    wide: Wide,
    wide_lane: Lane,
}

/// A text that arrives in pieces, and where its bytes come from.
#[derive(Default)]
pub(super) struct Lane {
    window: Vec<u8>,
    /// Position of the window's first byte in the lane.
    base: u64,
    /// What ends at or before this was judged.
    done: u64,
    marks: Vec<Mark>,
}

/// From `at` in the lane on, one byte is `scale` bytes of the object from `offset` on.
#[derive(Clone, Copy)]
struct Mark {
    at: u64,
    offset: u64,
    scale: u64,
}

impl<'a> ContentScan<'a> {
    pub fn new(set: &'a AddressSet) -> Self {
        Self { set, hits: Hits::new(), plain: Lane::default(), wide: Wide::default(), wide_lane: Lane::default() }
    }

    /// Starts an object. `head` decides whether all of it is UTF-16.
    pub fn begin(&mut self, head: &[u8]) {
        self.hits.clear();
        self.plain.clear();
        self.wide_lane.clear();
        self.wide = Wide::new(head);
    }

    /// The next bytes, at this offset of the object.
    pub fn feed(&mut self, offset: u64, chunk: &[u8]) {
        if self.set.is_empty() {
            return;
        }
        if self.plain.marks.is_empty() {
            self.plain.mark(offset, 1);
        }
        let mut at = offset;
        for piece in chunk.chunks(STEP) {
            self.plain.push(piece);
            self.plain.scan(self.set, false, &mut self.hits);
            self.wide.feed(at, piece, &mut self.wide_lane);
            self.wide_lane.scan(self.set, false, &mut self.hits);
            at = at.saturating_add(piece.len() as u64);
        }
    }

    /// Ends the object: what was found, by indicator.
    pub fn finish(&mut self) -> BTreeMap<u32, ContentHit> {
        if !self.set.is_empty() {
            self.plain.scan(self.set, true, &mut self.hits);
            self.wide.finish(&mut self.wide_lane);
            self.wide_lane.scan(self.set, true, &mut self.hits);
        }
        let hits = std::mem::take(&mut self.hits);
        self.begin(&[]);
        hits
    }
}

impl Lane {
    fn clear(&mut self) {
        self.window.clear();
        self.marks.clear();
        self.base = 0;
        self.done = 0;
    }

    /// What is pushed next comes from this offset of the object.
    pub(super) fn mark(&mut self, offset: u64, scale: u64) {
        let at = self.base.saturating_add(self.window.len() as u64);
        self.marks.push(Mark { at, offset, scale });
    }

    pub(super) fn push(&mut self, piece: &[u8]) {
        self.window.extend_from_slice(piece);
    }

    /// Offset in the object of a place in the window.
    fn offset(&self, place: usize) -> u64 {
        let at = self.base.saturating_add(place as u64);
        let n = self.marks.partition_point(|m| m.at <= at);
        let mark = n.checked_sub(1).and_then(|n| self.marks.get(n));
        mark.map_or(at, |m| m.offset.saturating_add(at.saturating_sub(m.at).saturating_mul(m.scale)))
    }

    /// Judges what can be judged, once enough has come together or nothing more comes.
    fn scan(&mut self, set: &AddressSet, last: bool, hits: &mut Hits) {
        let (ahead, behind) = (set.look_ahead(), set.look_behind());
        let fresh = usize::try_from(self.done.saturating_sub(self.base)).unwrap_or(usize::MAX);
        let limit = if last { self.window.len() } else { self.window.len().saturating_sub(ahead) };
        if limit <= fresh || (!last && limit.saturating_sub(fresh) < STEP / 2) {
            return;
        }
        let from = fresh.saturating_sub(behind);
        let pass = Pass { set, window: &self.window, from, fresh, limit };
        pass.run(|place, id| {
            let first = self.offset(place);
            let entry = hits.entry(id).or_insert(ContentHit { count: 0, first });
            entry.count = entry.count.saturating_add(1);
            entry.first = entry.first.min(first);
        });
        self.done = self.base.saturating_add(limit as u64);
        let drop = limit.saturating_sub(behind);
        self.window.drain(..drop);
        self.base = self.base.saturating_add(drop as u64);
        let old = self.marks.partition_point(|m| m.at <= self.base).saturating_sub(1);
        self.marks.drain(..old);
    }
}

/// One look at a window: what ends behind `fresh` and not behind `limit` is judged.
struct Pass<'a> {
    set: &'a AddressSet,
    window: &'a [u8],
    /// Nothing before this matters.
    from: usize,
    fresh: usize,
    limit: usize,
}

impl Pass<'_> {
    fn run(&self, mut hit: impl FnMut(usize, u32)) {
        if self.set.has_names() || self.set.has_nets4() {
            self.words(&mut hit);
        }
        let mapped = || self.set.has_nets4() && self.mentions_mapped();
        if self.set.has_nets6() || mapped() {
            self.colons(&mut hit);
        }
        let [exact, folded] = self.set.literals();
        let window = self.window.get(self.from..).unwrap_or_default();
        exact.find(window, |start, end, ids| self.literal(start, end, ids, false, &mut hit));
        folded.find(window, |start, end, ids| self.literal(start, end, ids, true, &mut hit));
    }

    fn judged(&self, end: usize) -> bool {
        end > self.fresh && end <= self.limit
    }

    fn at(&self, place: usize) -> Option<u8> {
        self.window.get(place).copied()
    }

    fn before(&self, place: usize) -> Option<u8> {
        place.checked_sub(1).and_then(|p| self.at(p))
    }

    fn literal(&self, start: usize, end: usize, ids: &[u32], name: bool, hit: &mut impl FnMut(usize, u32)) {
        let (start, end) = (start.saturating_add(self.from), end.saturating_add(self.from));
        let label = |b: Option<u8>| b.is_some_and(is_label);
        let longer =
            || label(self.before(start)) || label(self.at(end)) || (self.at(end) == Some(b'.') && label(self.at(end + 1)));
        if self.judged(end) && !(name && longer()) {
            ids.iter().for_each(|id| hit(start, *id));
        }
    }

    /// Words with a dot in them.
    fn words(&self, hit: &mut impl FnMut(usize, u32)) {
        let mut from = self.from;
        while let Some(dot) = self.window.get(from..).and_then(|w| memchr(b'.', w)).map(|i| from.saturating_add(i)) {
            let before = self.window.get(from..dot).unwrap_or_default();
            let start = before.iter().rposition(|b| !is_label(*b)).map_or(from, |i| from.saturating_add(i + 1));
            let rest = self.window.get(dot..).unwrap_or_default();
            let mut end = dot.saturating_add(rest.iter().position(|b| !is_label(*b) && *b != b'.').unwrap_or(rest.len()));
            // Two dots in a row end a name.
            if let Some(two) = self.window.get(dot..end).and_then(|w| memmem::find(w, b"..")) {
                end = dot.saturating_add(two);
            }
            from = end.max(dot.saturating_add(1));
            // What the search began within was longer than any name.
            if self.judged(end) {
                self.word(self.unescaped(start), end, hit);
            }
            if end > self.limit {
                return;
            }
        }
    }

    /// Where a word begins whose first letters are the end of an escape: `%2F`, `\u002f`.
    fn unescaped(&self, start: usize) -> usize {
        let word = self.window.get(start..).unwrap_or_default();
        let (used, byte) = match (self.before(start), word) {
            (Some(b'%'), [high, low, ..]) => (2, url::pair(*high, *low)),
            (Some(b'\\'), [b'u', b'0', b'0', high, low, ..]) => (5, url::pair(*high, *low)),
            _ => return start,
        };
        if byte.is_some_and(|b| !is_label(b) && b != b'.') { start.saturating_add(used) } else { start }
    }

    fn word(&self, start: usize, end: usize, hit: &mut impl FnMut(usize, u32)) {
        let Some(word) = self.window.get(start..end) else { return };
        let dots = word.iter().rev().take_while(|b| **b == b'.').count();
        let word = word.get(..word.len().saturating_sub(dots)).unwrap_or_default();
        let end = start.saturating_add(word.len());
        let mut hash = Hash::default();
        let mut labels = 1;
        for (i, byte) in word.iter().enumerate().rev().take(MAX_NAME) {
            hash = hash.with(*byte);
            labels += u32::from(*byte == b'.');
            let whole = i == 0 || word.get(i - 1) == Some(&b'.');
            if whole && labels > 1 && *byte != b'.' {
                let place = start.saturating_add(i);
                let name = word.get(i..).unwrap_or_default();
                self.set.by_name(hash, name, |what| self.found(what, place, end, hit));
            }
        }
        if self.set.has_nets4() {
            self.numbers(word, start, hit);
        }
    }

    /// IPv4 addresses in a word.
    fn numbers(&self, word: &[u8], start: usize, hit: &mut impl FnMut(usize, u32)) {
        let mut at = 0;
        while let Some(first) = word.get(at..).and_then(|w| w.iter().position(u8::is_ascii_digit)).map(|i| at.saturating_add(i)) {
            let rest = word.get(first..).unwrap_or_default();
            let length = rest.iter().position(|b| !b.is_ascii_digit() && *b != b'.').unwrap_or(rest.len());
            at = first.saturating_add(length);
            let digits = rest.get(..length).unwrap_or_default();
            let after = rest.get(length);
            let digits = match digits {
                [.., b'.'] if after.is_some_and(u8::is_ascii_alphanumeric) => continue,
                [digits @ .., b'.'] => digits,
                digits => digits,
            };
            let joined = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'.');
            if joined(first.checked_sub(1).and_then(|i| word.get(i))) || after.is_some_and(u8::is_ascii_alphanumeric) {
                continue;
            }
            let ip = std::str::from_utf8(digits).ok().and_then(|t| t.parse::<Ipv4Addr>().ok());
            if let Some(ip) = ip {
                let place = start.saturating_add(first);
                self.set.by_ip4(u32::from(ip), |what| self.found(what, place, place.saturating_add(digits.len()), hit));
            }
        }
    }

    fn mentions_mapped(&self) -> bool {
        let window = self.window.get(self.from..).unwrap_or_default();
        memmem::find(window, b"ffff:").is_some() || memmem::find(window, b"FFFF:").is_some()
    }

    /// IPv6 addresses: words with colons in them.
    fn colons(&self, hit: &mut impl FnMut(usize, u32)) {
        let mut from = self.from;
        let part = |b: &u8| b.is_ascii_hexdigit() || matches!(b, b':' | b'.');
        while let Some(colon) = self.window.get(from..).and_then(|w| memchr(b':', w)).map(|i| from.saturating_add(i)) {
            let before = self.window.get(from..colon).unwrap_or_default();
            let start = before.iter().rposition(|b| !part(b)).map_or(from, |i| from.saturating_add(i + 1));
            let rest = self.window.get(colon..).unwrap_or_default();
            let end = colon.saturating_add(rest.iter().position(|b| !part(b)).unwrap_or(rest.len()));
            from = end;
            if self.judged(end) {
                self.ip6(start, end, hit);
            }
            if end > self.limit {
                return;
            }
        }
    }

    fn ip6(&self, start: usize, end: usize, hit: &mut impl FnMut(usize, u32)) {
        let start = if self.unescaped(start) < end { self.unescaped(start) } else { start };
        let letter = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_');
        if end.saturating_sub(start) > MAX_IP6
            || (letter(self.before(start)) && self.unescaped(start) == start)
            || letter(self.at(end))
        {
            return;
        }
        let Some(text) = self.window.get(start..end).and_then(|w| std::str::from_utf8(w).ok()) else { return };
        let text = text.strip_suffix('.').unwrap_or(text);
        let text = text.strip_suffix(':').filter(|t| !t.ends_with(':')).unwrap_or(text);
        let Ok(ip) = text.parse::<Ipv6Addr>() else { return };
        let end = start.saturating_add(text.len());
        let end = if self.at(end) == Some(b']') { end.saturating_add(1) } else { end };
        self.set.by_ip6(u128::from(ip), |what| self.found(what, start, end, hit));
        // The spelling with dots is found as what it is.
        if let Some(ip) = ip.to_ipv4_mapped().filter(|_| !text.contains('.')) {
            self.set.by_ip4(u32::from(ip), |what| self.found(what, start, end, hit));
        }
    }

    /// A host that is listed, or about which something is.
    fn found(&self, what: What, start: usize, end: usize, hit: &mut impl FnMut(usize, u32)) {
        let number = match what {
            What::Indicator(id) => return hit(start, id),
            What::On(number) => number,
        };
        let Some(on) = self.set.about(number) else { return };
        on.paths(self.window.get(end..).unwrap_or_default(), |id| hit(start, id));
        let before = self.window.get(..start).unwrap_or_default();
        if let Some(before) = before.strip_suffix(b"@").or_else(|| before.strip_suffix(b"%40")) {
            on.mailboxes(before.get(before.len().saturating_sub(80)..).unwrap_or_default(), |id| hit(start, id));
        }
    }
}

/// A byte of a label of a host name.
fn is_label(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'-' || b == b'_'
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
