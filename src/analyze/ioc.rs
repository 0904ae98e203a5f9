//! Matching indicators: digests, names, addresses in content, keys of the registry, and likeness.
//!
//! A digest weighs what its list says (100 where it says nothing). A name or a registry key weighs its score. An
//! address in content is a mention, not a connection: reports and block lists mention addresses too, so it weighs
//! 60 at most and never makes an alert alone; 80 where the content is a record of connections (a browser's
//! history, a log) or a hosts file that leads there, 20 where a hosts file blocks it. A shared import hash is a
//! likeness and weighs 70 at most; a TLSH weighs less the farther it is. Negative scores reduce what else speaks
//! against the object; alone they say nothing.

mod registry;
mod venue;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use serde_json::json;

use self::registry::Found;
use self::venue::Venue;
use super::facts::ObjectFacts;
use super::place::place;
use super::{Analyzer, Examine, Findings, Head, Whole};
use crate::binary::Inspected;
use crate::ioc::{ContentHit, ContentScan, Facts, Indicator, IndicatorSet, Role, Seen, Truth, Verdict, subjects};
use crate::model::{Category, Evidence, Kind, Locator, Name, Object, Reason, Sighting, Time, text};

/// Most that an address in content weighs.
const MENTION: i32 = 60;
/// Most that an address in a record of connections weighs.
const CONTACT: i32 = 80;
/// Most that an address weighs which a hosts file blocks.
const BLOCKED: i32 = 20;
/// Most that an import table weighs which a known file has, too.
const IMPORTS: i32 = 70;
/// Most that an expression weighs that could not be decided, though a digest it lists was found.
const UNDECIDED: i32 = 30;
/// Reasons kept of one kind, strongest first.
const MAX_REASONS: usize = 20;
/// Descriptions and sources named for one digest.
const MAX_NAMED: usize = 3;
/// Characters of a description in a title.
const MAX_TITLE: usize = 120;

/// Compares every object with a set of indicators.
pub struct IocAnalyzer {
    set: Arc<IndicatorSet>,
}

impl IocAnalyzer {
    pub fn new(set: Arc<IndicatorSet>) -> Self {
        Self { set }
    }
}

impl Analyzer for IocAnalyzer {
    fn id(&self) -> &'static str {
        "ioc"
    }

    fn worker(&self) -> Box<dyn Examine + '_> {
        Box::new(IocExamine { set: &self.set, content: self.set.has_addresses().then(|| self.set.content_scan()) })
    }
}

struct IocExamine<'a> {
    set: &'a IndicatorSet,
    content: Option<ContentScan<'a>>,
}

impl Examine for IocExamine<'_> {
    fn begin(&mut self, head: &Head<'_>) {
        if let Some(scan) = &mut self.content {
            scan.begin(head.bytes);
        }
    }

    fn feed(&mut self, offset: u64, chunk: &[u8]) {
        if let Some(scan) = &mut self.content {
            scan.feed(offset, chunk);
        }
    }

    fn finish(&mut self, whole: &Whole<'_>, out: &mut Findings) {
        let head = &whole.head;
        let mut hits = Hits::default();
        for (kind, indicators) in self.set.by_digest(whole.digests, &mut hits.seen) {
            hits.digest(kind.id(), kind.words(), &indicators);
        }
        hits.names(self.set, head.locator, head.origin, head.other_names, head.kind == Kind::Dir);
        hits.likeness(self.set, whole);
        if let Some(scan) = &mut self.content {
            let found = scan.finish();
            if !found.is_empty() {
                let venue = Venue::of(&place(head.locator, head.origin), head.bytes);
                let leading = match (venue, whole.body) {
                    (Venue::Hosts, Some(body)) => {
                        scan.feed(0, &venue::leading(body));
                        scan.finish()
                    }
                    _ => BTreeMap::new(),
                };
                hits.mentions(self.set, found, venue, &leading);
            }
        }
        let (found, registry) = registry::search(self.set, whole, &mut out.gaps);
        hits.registry(self.set, found);
        if self.set.has_expressions() {
            let facts = ObjectFacts {
                meta: head.meta,
                whole: Some(whole),
                size: Some(whole.size),
                entropy_milli: Some(whole.entropy_milli),
                digests: whole.digests,
                searched: self.content.is_some(),
                registry,
                folds: hits.folds,
            };
            hits.expressions(self.set, head.locator, &facts, out);
        }
        out.evidence.extend(hits.evidence(head.locator));
    }

    fn abort(&mut self) {
        if let Some(scan) = &mut self.content {
            scan.begin(&[]);
        }
    }

    fn name_only(&mut self, object: &Object, out: &mut Findings) {
        self.remembered(object, &[], out);
    }

    fn remembered(&mut self, object: &Object, other_names: &[Locator], out: &mut Findings) {
        let mut hits = Hits::default();
        for (kind, indicators) in self.set.by_digest(&object.digests, &mut hits.seen) {
            hits.digest(kind.id(), kind.words(), &indicators);
        }
        hits.names(self.set, &object.locator, object.origin.as_ref(), other_names, object.kind == Kind::Dir);
        if self.set.has_expressions() {
            let facts = ObjectFacts {
                meta: &object.meta,
                whole: None,
                size: object.digests.sha256.map(|_| object.meta.size),
                entropy_milli: object.entropy_milli,
                digests: &object.digests,
                searched: false,
                registry: false,
                folds: hits.folds,
            };
            hits.expressions(self.set, &object.locator, &facts, out);
        }
        out.evidence.extend(hits.evidence(&object.locator));
    }
}

/// What speaks against (and for) one object.
#[derive(Default)]
struct Hits {
    digests: Vec<Reason>,
    names: Vec<Reason>,
    mentions: Vec<Reason>,
    /// Mentions beyond the bound.
    more_mentions: usize,
    registry: Vec<Reason>,
    likeness: Vec<Reason>,
    expressions: Vec<Reason>,
    /// Terms of expressions that were found.
    seen: Seen,
    /// The object's source doesn't tell upper from lower case.
    folds: bool,
    /// Of the strongest indicator of each kind, for the title.
    words: BTreeMap<&'static str, (i32, String)>,
    techniques: Vec<String>,
}

impl Hits {
    /// Several lines may list one digest: the strongest accusation and the strongest clearance count.
    fn digest(&mut self, kind: &str, shown: &str, indicators: &[&Indicator]) {
        for accusing in [true, false] {
            let mut side: Vec<&Indicator> = indicators.iter().copied().filter(|i| (i.score > 0) == accusing).collect();
            side.sort_by_key(|i| (-i.score.abs(), i.source()));
            let Some(first) = side.first() else { continue };
            let text = if accusing {
                format!("{shown} is on a list of known-bad files: {}", joined(&side, Indicator::words))
            } else {
                format!("{shown} is on a list of known files: {}", joined(&side, Indicator::words))
            };
            let reason = Reason::new(format!("hash.{kind}"), "hash", first.score, text, joined(&side, Indicator::source));
            self.digests.push(marked(reason, first));
            self.note("hash", first, &side);
        }
    }

    fn names(&mut self, set: &IndicatorSet, locator: &Locator, origin: Option<&Name>, others: &[Locator], dir: bool) {
        if !set.has_names() {
            return;
        }
        let total = others.len() + 1;
        let own = std::iter::once((locator, origin)).chain(others.iter().map(|l| (l, None)));
        let mut seen: Vec<(String, usize)> = Vec::new();
        for (n, (locator, origin)) in own.enumerate() {
            let subjects = subjects(locator, origin, dir);
            self.folds |= subjects.iter().any(|s| s.folds);
            for indicator in set.by_name(&subjects, &mut self.seen) {
                let source = indicator.source();
                if seen.iter().any(|(s, _)| *s == source) {
                    continue;
                }
                let place = if n == 0 { String::new() } else { format!(" (hard link, name {} of {total})", n + 1) };
                let says = if indicator.score > 0 { "Path matches a known pattern" } else { "Path matches a harmless pattern" };
                let text = format!("{says}{place}: {}", indicator.words());
                let mut reason = marked(Reason::new("filename", "filename", indicator.score, text, source.clone()), indicator);
                if n > 0 {
                    reason = reason.with(json!({ "name": n + 1, "names": total }));
                }
                self.names.push(reason);
                self.note("filename", indicator, &[indicator]);
                seen.push((source, n));
            }
        }
    }

    fn mentions(
        &mut self,
        set: &IndicatorSet,
        found: BTreeMap<u32, ContentHit>,
        venue: Venue,
        leading: &BTreeMap<u32, ContentHit>,
    ) {
        let mut mentioned: Vec<(i32, u32, &Indicator, ContentHit)> = Vec::new();
        for (id, hit) in found {
            let Some(indicator) = set.resolve(id, &mut self.seen) else { continue };
            let most = match venue {
                _ if indicator.text => MENTION,
                Venue::Document => MENTION,
                Venue::Hosts if !leading.contains_key(&id) => BLOCKED,
                Venue::Hosts | Venue::Browser | Venue::Log(_) => CONTACT,
            };
            mentioned.push((indicator.score.min(most), id, indicator, hit));
        }
        // A list of addresses mentions thousands; only the strongest become reasons.
        mentioned.sort_by_key(|(weight, id, ..)| (-weight.abs(), *id));
        self.more_mentions = mentioned.len().saturating_sub(MAX_REASONS);
        mentioned.truncate(MAX_REASONS);
        for (weight, id, indicator, hit) in mentioned {
            let value = indicator.value.as_deref().unwrap_or_default();
            let times = if hit.count == 1 { "once".to_owned() } else { format!("{} times", text::thousands(hit.count)) };
            let (reason, group, says) = match venue {
                _ if indicator.text => ("content.text", "text", format!("Content holds a listed text {times}")),
                Venue::Document => ("c2.content", "c2", format!("Content mentions {value} {times}")),
                Venue::Hosts if weight > BLOCKED || leading.contains_key(&id) => {
                    ("c2.hosts", "contact", format!("Hosts file leads names to or from {value}"))
                }
                Venue::Hosts => ("c2.hosts", "c2", format!("Hosts file blocks {value}, or names it in a remark")),
                Venue::Browser => ("c2.browser", "contact", format!("Browser history holds {value} {times}")),
                Venue::Log(log) => ("c2.log", "contact", format!("{log} records {value} {times}")),
            };
            let counted = if indicator.text { "text" } else { "c2" };
            let reason = Reason::new(reason, counted, weight, format!("{says}: {}", indicator.words()), indicator.source());
            let mut detail = json!({ "indicator": value, "count": hit.count, "first_offset": hit.first });
            if let Some(marks) = &indicator.marks {
                detail["marks"] = json!(marks);
            }
            self.mentions.push(reason.with(detail));
            self.note(group, indicator, &[indicator]);
        }
    }

    fn registry(&mut self, set: &IndicatorSet, found: BTreeMap<u32, Found>) {
        for (id, found) in found {
            let Some(indicator) = set.resolve(id, &mut self.seen) else { continue };
            let value = indicator.value.as_deref().unwrap_or_default();
            let text = format!("Registry holds {value}: {}", indicator.words());
            let mut detail = json!({ "indicator": value, "count": found.count });
            if let Some(written) = found.written.and_then(Time::rfc3339) {
                detail["key_written"] = json!(written);
            }
            if let Some(marks) = &indicator.marks {
                detail["marks"] = json!(marks);
            }
            self.registry.push(Reason::new("registry", "registry", indicator.score, text, indicator.source()).with(detail));
            self.note("registry", indicator, &[indicator]);
        }
    }

    /// Import tables and TLSH: what resembles a listed file.
    fn likeness(&mut self, set: &IndicatorSet, whole: &Whole<'_>) {
        if set.has_imphashes()
            && let Inspected::Facts(facts) = whole.inspected()
            && let Some(imphash) = &facts.imphash
        {
            for indicator in set.by_imphash(imphash, &mut self.seen) {
                let text = format!("Import table equals that of a listed file: {}", indicator.words());
                let reason = Reason::new("hash.imphash", "hash", indicator.score.min(IMPORTS), text, indicator.source());
                self.likeness.push(marked(reason, indicator));
                self.note("likeness", indicator, &[indicator]);
            }
        }
        if let Some(body) = whole.body.filter(|_| set.has_tlsh()) {
            for (indicator, near) in set.by_tlsh(body, &mut self.seen) {
                let text = format!("Content resembles a listed file (TLSH distance {}): {}", near.distance, indicator.words());
                let weight = near.weigh(indicator.score);
                let mut detail = json!({ "distance": near.distance, "bound": near.bound });
                if let Some(marks) = &indicator.marks {
                    detail["marks"] = json!(marks);
                }
                let reason = Reason::new("hash.tlsh", "hash", weight, text, indicator.source());
                self.likeness.push(reason.with(detail));
                self.note("likeness", indicator, &[indicator]);
            }
        }
    }

    /// Expressions: those that hold are reasons, parts of patterns about several objects are sightings. One that
    /// can't be decided is told only where it lists this object's digest, and weighs little.
    fn expressions(&mut self, set: &IndicatorSet, locator: &Locator, facts: &dyn Facts, out: &mut Findings) {
        let mut best: BTreeMap<u32, Verdict> = BTreeMap::new();
        for (role, verdict) in set.judge(&self.seen, facts) {
            match role {
                Role::Part { pattern, part } if verdict.truth == Truth::True => {
                    out.sightings.push(Sighting { locator: locator.clone(), pattern, part });
                }
                Role::Part { .. } => {}
                // An indicator may hold in several ways; the most certain one is told.
                Role::Whole(id) => match best.entry(id) {
                    Entry::Vacant(e) => {
                        e.insert(verdict);
                    }
                    Entry::Occupied(mut e) if verdict.truth > e.get().truth => {
                        e.insert(verdict);
                    }
                    Entry::Occupied(_) => {}
                },
            }
        }
        for (id, verdict) in best {
            let Some(indicator) = set.get(id) else { continue };
            let (id, weight, text) = match verdict.truth {
                Truth::True => {
                    let bound = if verdict.beyond_mentions { 100 } else { MENTION };
                    ("indicator.expression", indicator.score.min(bound), format!("Fits a known indicator: {}", indicator.words()))
                }
                Truth::Unknown if verdict.by_digest && indicator.score > 0 => {
                    let open = verdict.undecided.join(", ");
                    let text =
                        format!("Its digest is listed in an indicator that could not be decided ({open}): {}", indicator.words());
                    ("indicator.undecided", indicator.score.min(UNDECIDED), text)
                }
                _ => continue,
            };
            let source = indicator.source();
            self.expressions.push(marked(Reason::new(id, format!("expression.{source}"), weight, text, source), indicator));
            self.note("expression", indicator, &[indicator]);
        }
    }

    /// Remembers words and techniques.
    fn note(&mut self, group: &'static str, strongest: &Indicator, all: &[&Indicator]) {
        if strongest.score <= 0 {
            return;
        }
        let words = text::shorten(&strongest.words(), MAX_TITLE);
        let entry = self.words.entry(group).or_insert_with(|| (strongest.score, words.clone()));
        if strongest.score > entry.0 {
            *entry = (strongest.score, words);
        }
        self.techniques.extend(all.iter().flat_map(|i| i.techniques()));
    }

    /// One evidence for the object; none where nothing accuses it.
    fn evidence(mut self, locator: &Locator) -> Option<Evidence> {
        let starts = [
            ("hash", "Known-bad file: "),
            ("expression", "Fits a known indicator: "),
            ("registry", "Registry holds a known indicator: "),
            ("likeness", "Resembles a known-bad file: "),
            ("filename", "Suspicious path: "),
            ("contact", "Record of contact with a known-bad address: "),
            ("c2", "Mentions a known-bad address: "),
            ("text", "Holds a listed text: "),
        ];
        let title =
            starts.into_iter().find_map(|(group, start)| self.words.get(group).map(|(_, words)| format!("{start}{words}")))?;
        let mut reasons = self.digests;
        let groups =
            [(self.likeness, 0), (self.expressions, 0), (self.registry, 0), (self.names, 0), (self.mentions, self.more_mentions)];
        for (mut group, beyond) in groups {
            group.sort_by(|a, b| (-a.weight.abs(), &a.source, &a.id).cmp(&(-b.weight.abs(), &b.source, &b.id)));
            let more = group.len().saturating_sub(MAX_REASONS).saturating_add(beyond);
            group.truncate(MAX_REASONS);
            if let Some(last) = group.last_mut().filter(|_| more > 0) {
                last.text.push_str(&format!(" (and {more} weaker ones)"));
            }
            reasons.append(&mut group);
        }
        self.techniques.sort();
        self.techniques.dedup();
        let techniques = self.techniques;
        Some(Evidence { locator: locator.clone(), category: Category::Ioc, title, reasons, phi: None, techniques })
    }
}

/// Adds what the indicator's author says about it.
fn marked(reason: Reason, indicator: &Indicator) -> Reason {
    match &indicator.marks {
        Some(marks) => reason.with(json!({ "marks": marks })),
        None => reason,
    }
}

fn joined(indicators: &[&Indicator], part: impl Fn(&Indicator) -> String) -> String {
    let mut parts: Vec<String> = Vec::new();
    for indicator in indicators {
        let part = part(indicator);
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    let more = parts.len().saturating_sub(MAX_NAMED);
    parts.truncate(MAX_NAMED);
    if more > 0 {
        parts.push(format!("{more} more"));
    }
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Digests, Meta};
    use sha2::Digest as _;

    fn analyze(lists: &[(&str, &str)], locator: &Locator, others: &[Locator], content: &[u8]) -> Vec<Evidence> {
        let lists: Vec<(&str, &[u8])> = lists.iter().map(|(n, c)| (*n, c.as_bytes())).collect();
        let (set, _) = IndicatorSet::from_contents(&lists).unwrap();
        let analyzer = IocAnalyzer::new(Arc::new(set));
        let mut worker = analyzer.worker();
        let meta = Meta::default();
        let head = || Head {
            locator,
            kind: Kind::File,
            meta: &meta,
            origin: None,
            other_names: others,
            bytes: content,
            file_type: "text",
            containers: &[],
            held: true,
        };
        let digests = Digests { sha256: Some(sha2::Sha256::digest(content).into()), ..Digests::default() };
        let mut out = Findings::default();
        worker.begin(&head());
        for (i, chunk) in content.chunks(3).enumerate() {
            worker.feed(3 * i as u64, chunk);
        }
        let whole = Whole::new(head(), content.len() as u64, &digests, 0, Some(content));
        worker.finish(&whole, &mut out);
        out.evidence
    }

    const CONTENT: &[u8] = b"call www.evil.com and evil.com";

    fn hash_list(lines: &[&str]) -> String {
        let hash = text::hex(&sha2::Sha256::digest(CONTENT));
        lines.iter().map(|l| format!("{hash};{l}\n")).collect()
    }

    #[test]
    fn a_hash_hit_names_description_and_line() {
        let list = hash_list(&["60;weak words", "Bad tool T1567.002", "weak words"]);
        let found = analyze(&[("hash-iocs.txt", &list)], &Locator::os("/x"), &[], CONTENT);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].title, "Known-bad file: Bad tool T1567.002");
        assert_eq!(found[0].techniques, ["T1567.002"]);
        let [reason] = &found[0].reasons[..] else { panic!("{:?}", found[0].reasons) };
        assert_eq!((reason.id.as_str(), reason.group.as_str(), reason.weight), ("hash.sha256", "hash", 100));
        assert_eq!(reason.source, "hash-iocs.txt:2; hash-iocs.txt:3; hash-iocs.txt:1");
        assert!(reason.text.contains("Bad tool") && reason.text.contains("weak words"));
        assert!(analyze(&[("hash-iocs.txt", &list)], &Locator::os("/x"), &[], b"other content").is_empty());
    }

    #[test]
    fn a_mention_is_not_a_connection() {
        let found = analyze(&[("c2-iocs.txt", "# Group X\nevil.com;95\n")], &Locator::os("/x"), &[], CONTENT);
        assert_eq!(found[0].title, "Mentions a known-bad address: Group X");
        let reason = &found[0].reasons[0];
        assert_eq!((reason.id.as_str(), reason.weight), ("c2.content", 60));
        assert_eq!(reason.detail, Some(json!({ "indicator": "evil.com", "count": 2, "first_offset": 9 })));
    }

    #[test]
    fn names_match_on_every_hard_link() {
        let list = "# Odd tool\n\\\\odd\\.exe$;70\n";
        let first = Locator::os("/a/harmless");
        let others = [Locator::os("/b/odd.exe")];
        let found = analyze(&[("filename-iocs.txt", list)], &first, &others, b"x");
        assert_eq!(found[0].title, "Suspicious path: Odd tool");
        assert!(found[0].reasons[0].text.contains("name 2 of 2"));
        assert!(!found[0].reasons[0].text.contains("odd.exe"));
        assert!(analyze(&[("filename-iocs.txt", list)], &first, &[], b"x").is_empty());
    }

    #[test]
    fn negative_scores_reduce_and_never_accuse() {
        let names = "# Odd tool\nodd\\.exe$;70\n# Vendor\n\\\\Vendor\\\\;-30\n";
        let found = analyze(&[("filename-iocs.txt", names)], &Locator::os("/Vendor/odd.exe"), &[], b"x");
        assert_eq!(found[0].reasons.iter().map(|r| r.weight).collect::<Vec<_>>(), [70, -30]);
        assert!(analyze(&[("filename-iocs.txt", names)], &Locator::os("/Vendor/good.exe"), &[], b"x").is_empty());
        let trusted = hash_list(&["vendor file"]);
        assert!(analyze(&[("trusted-hashes.txt", &trusted)], &Locator::os("/x"), &[], CONTENT).is_empty());
    }

    #[test]
    fn folders_and_unread_members_match_by_name() {
        let (set, _) = IndicatorSet::from_contents(&[("filename-iocs.txt", b"# Loot\n\\\\loot\\\\;70\nx\\.exe$;60\n")]).unwrap();
        let analyzer = IocAnalyzer::new(Arc::new(set));
        let object = |locator: Locator, kind| Object::new(locator, kind, Meta::default());
        let mut out = Findings::default();
        let mut worker = analyzer.worker();
        worker.name_only(&object(Locator::os("/a/loot"), Kind::Dir), &mut out);
        worker.name_only(&object(Locator::os("/a/b.zip").member("x.exe", 0), Kind::Member), &mut out);
        worker.name_only(&object(Locator::os("/a/loot"), Kind::File), &mut out);
        assert_eq!(out.evidence.len(), 2);
    }
}
