//! What a format hands its indicators to: it checks, counts and locates.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use super::address::{self, Address, broad};
use super::expr::{Compiled, Joined, MAX_DEPTH, Node, Pattern, Term, Truth};
use super::hash::HashValue;
use super::indicator_list::Tag;
use super::marks::Marks;
use super::misp::Warninglist;
use super::pattern::MAX_PATTERN;
use super::set::{HostPattern, Indicator, IndicatorSet, Place, Role, TERM, Tree};
use super::trivial::trivial;
use crate::model::text;
use crate::model::{Context, Input, Rejected};

/// Weight of a listed hash or address without a score of its own.
pub const DEFAULT_SCORE: i32 = 100;
/// Weight of a file-name pattern without a score (exports whose second field is a description).
pub const DEFAULT_NAME_SCORE: i32 = 75;
/// Weight of a hash from a list of trusted ones.
pub const TRUSTED_SCORE: i32 = -100;

/// Rejections kept for one file; further ones are counted.
const MAX_REJECTED: usize = 1000;
/// Characters kept of a description.
const MAX_DESCRIPTION: usize = 300;

/// Most that an indicator weighs that its author withdrew.
const WITHDRAWN: i32 = 15;
/// Terms named in one sentence.
const MAX_WORDS: usize = 5;

/// What a format knows of an indicator beside its terms.
#[derive(Clone, Debug)]
pub struct About<'a> {
    pub place: Place,
    pub score: Option<i64>,
    pub description: &'a str,
    pub marks: Option<Arc<Marks>>,
}

/// Why an indicator is not in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is wrong, in words.
    Wrong(String),
    /// Nothing here can answer it, in words.
    Unanswered(String),
}

/// Receives the indicators of one file.
pub struct Loader<'a> {
    set: &'a mut IndicatorSet,
    file: Arc<str>,
    report: &'a mut Input,
    /// The file lists what is known to be good.
    trusted: bool,
    /// What the file's name says of its words.
    tag: Option<Tag>,
    /// Whole indicators by what they compare, where duplicates are asked for.
    known: Option<&'a mut BTreeMap<String, String>>,
    description: Arc<str>,
    unlisted: u64,
    unlisted_unanswered: u64,
    unlisted_partly: u64,
}

impl<'a> Loader<'a> {
    pub(super) fn new(
        set: &'a mut IndicatorSet,
        report: &'a mut Input,
        trusted: bool,
        known: Option<&'a mut BTreeMap<String, String>>,
    ) -> Self {
        let file: Arc<str> = report.name.as_str().into();
        let tag = Tag::of(report.name.as_bytes());
        Self {
            tag,
            known,
            set,
            description: "".into(),
            file,
            report,
            trusted,
            unlisted: 0,
            unlisted_unanswered: 0,
            unlisted_partly: 0,
        }
    }

    /// What the file's name says of its words.
    pub fn tag(&self) -> Option<Tag> {
        self.tag
    }

    /// A digest; `score` where the line has one. The file's name may say that it isn't one of a file.
    pub fn hash(&mut self, place: impl Into<Place>, value: HashValue, score: Option<i64>, description: &str) {
        let about = About { place: place.into(), score, description, marks: None };
        match (self.tag, value) {
            (Some(Tag::Imphashes), HashValue::Md5(digest)) => self.term(about, Term::Imphash(digest)),
            (Some(Tag::Certificates), _) => self.unanswered(about.place, "the digest of a certificate, which is not compared"),
            _ => self.term(about, Term::Hash(value)),
        }
    }

    /// A pattern for the whole path, and one for paths that clear it again.
    pub fn filename(
        &mut self,
        place: impl Into<Place>,
        pattern: &str,
        score: Option<i64>,
        clearing: Option<&str>,
        description: &str,
    ) {
        let about = About { place: place.into(), score, description, marks: None };
        if pattern.len() > MAX_PATTERN || clearing.is_some_and(|c| c.len() > MAX_PATTERN) {
            return self.reject(about.place, format!("a pattern of more than {MAX_PATTERN} bytes"));
        }
        let id = match self.indicator(&about, DEFAULT_NAME_SCORE, true) {
            Ok(id) => id,
            Err(why) => return self.reject(about.place, why),
        };
        match self.set.filenames.add(pattern, clearing, id) {
            Err(why) => self.withdraw(about.place, why),
            Ok(()) => {
                self.duplicate(&about.place, format!("filename {pattern} {}", clearing.unwrap_or_default()));
                self.report.loaded += 1;
            }
        }
    }

    /// A domain, address, network, URL or e-mail address, as the list writes it.
    pub fn address(&mut self, place: impl Into<Place>, entry: &str, score: Option<i64>, description: &str) {
        let place = place.into();
        match address::parse(entry) {
            Ok(address) => self.term(About { place, score, description, marks: None }, Term::Mention(address)),
            Err(why) => self.reject(place, format!("\"{}\": {why}", text::shorten(&text::escape(entry.as_bytes()), 80))),
        }
    }

    /// One comparison that is a whole indicator.
    pub fn term(&mut self, about: About<'_>, term: Term) {
        self.pattern(about, Pattern::Object(Node::Term(term)));
    }

    /// An expression. It counts as one indicator, however many terms it has: loaded where it can hold here,
    /// otherwise listed as unanswered or rejected.
    pub fn pattern(&mut self, about: About<'_>, pattern: Pattern) {
        let place = about.place.clone();
        match self.take(about, pattern) {
            Ok(()) => self.report.loaded = self.report.loaded.saturating_add(1),
            Err(fault) => self.fault(place, fault),
        }
    }

    /// An expression whose terms count one by one, as items of their file: those that stand for themselves
    /// share what becomes of the expression.
    pub fn items(&mut self, about: About<'_>, pattern: Pattern, items: Vec<(Place, Result<(), Fault>)>) {
        let whole = self.take(about, pattern);
        for (place, own) in items {
            match own.and_then(|()| whole.clone()) {
                Ok(()) => self.report.loaded = self.report.loaded.saturating_add(1),
                Err(fault) => self.fault(place, fault),
            }
        }
    }

    /// Lists what is not in force.
    pub fn fault(&mut self, place: impl Into<Place>, fault: Fault) {
        match fault {
            Fault::Wrong(why) => self.reject(place, why),
            Fault::Unanswered(why) => self.unanswered(place, why),
        }
    }

    /// Puts an expression in force, without counting it.
    fn take(&mut self, about: About<'_>, pattern: Pattern) -> Result<(), Fault> {
        if pattern.depth() > MAX_DEPTH {
            return Err(Fault::Wrong(format!("nested more than {MAX_DEPTH} levels deep")));
        }
        let unknowns: Vec<String> = pattern.unknowns().into_iter().map(str::to_owned).collect();
        if pattern.best() != Truth::True {
            return Err(match unknowns.as_slice() {
                [] => Fault::Wrong("it can never hold".into()),
                list => Fault::Unanswered(format!("it can't be decided here, since it needs {}", listed(list))),
            });
        }
        if pattern.worst() == Truth::True {
            return Err(Fault::Wrong("it holds for every object".into()));
        }
        let place = about.place.clone();
        let names_only = names_only(&pattern);
        let default = if names_only { DEFAULT_NAME_SCORE } else { DEFAULT_SCORE };
        let before = self.set.indicators.len();
        let id = self.indicator(&about, default, names_only).map_err(Fault::Wrong)?;
        let (mut taken, mut refused) = (0u64, Vec::new());
        for alternative in pattern.alternatives() {
            match self.alternative(id, alternative) {
                Ok(()) => taken += 1,
                Err(why) => refused.push(why),
            }
        }
        refused.dedup();
        if taken == 0 {
            self.set.indicators.truncate(before);
            return Err(Fault::Wrong(refused.join("; ")));
        }
        for why in refused {
            self.adjust(&place, format!("a part of it is left out: {why}"));
        }
        if !unknowns.is_empty() {
            let why = format!("in force, but without {}, which can't be answered here", listed(&unknowns));
            let place = self.place(&place);
            push(&mut self.report.partly, place, why, &mut self.unlisted_partly);
        }
        Ok(())
    }

    /// One of the ways in which an indicator can hold.
    fn alternative(&mut self, id: u32, pattern: Pattern) -> Result<(), String> {
        match pattern {
            Pattern::Object(Node::Term(term)) if !matches!(term, Term::Ask(_)) => {
                if let Some(value) = shown(&term)
                    && let Some(indicator) = self.set.indicators.last_mut()
                    && indicator.value.is_none()
                {
                    indicator.value = Some(text::escape(value.as_bytes()).into());
                    indicator.text = matches!(term, Term::Mention(Address::Text(_)));
                }
                if let Term::Mention(address) = &term
                    && let Some(why) = broad(address)
                    && let Some(place) = self.set.indicators.last().map(|i| i.place.clone())
                    && self.report.broad.len() < MAX_REJECTED
                {
                    let place = self.place(&place);
                    self.report.broad.push(Rejected { place, why: format!("{address} is {why}") });
                }
                if self.known.is_some()
                    && let Some(place) = self.set.indicators.last().map(|i| i.place.clone())
                {
                    self.duplicate(&place, format!("{term:?}"));
                }
                self.index(term, id)
            }
            // What nothing decides can't be taken apart from what it stands beside.
            Pattern::Object(node) if node.best() != Truth::True => Ok(()),
            Pattern::Object(node) if node.holds_for_nothing() => {
                Err("it only says what an object is not, so it fits nearly all of them".into())
            }
            Pattern::Object(node) => self.tree(node, Role::Whole(id)),
            joined if joined.best() != Truth::True => Ok(()),
            joined => {
                let pattern = u32::try_from(self.set.patterns.len()).map_err(|_| "too many patterns")?;
                let (trees, standing) = (self.set.trees.len(), self.set.standing.len());
                let mut parts = 0;
                match self.joined(joined, pattern, &mut parts) {
                    Ok(joined) => self.set.patterns.push(HostPattern { indicator: id, parts, joined }),
                    Err(why) => {
                        // Statements that were taken before the wrong one must not count for the next pattern.
                        self.set.trees.truncate(trees);
                        self.set.standing.truncate(standing);
                        return Err(why);
                    }
                }
                Ok(())
            }
        }
    }

    fn joined(&mut self, pattern: Pattern, number: u32, parts: &mut u32) -> Result<Joined, String> {
        let mut list = |list: Vec<Pattern>| list.into_iter().map(|p| self.joined(p, number, parts)).collect::<Result<_, _>>();
        Ok(match pattern {
            Pattern::All(patterns) => Joined::All(list(patterns)?),
            Pattern::Any(patterns) => Joined::Any(list(patterns)?),
            Pattern::Not(p) => Joined::Not(Box::new(self.joined(*p, number, parts)?)),
            Pattern::Unknown(_) => Joined::Unknown,
            Pattern::Object(node) => {
                let part = *parts;
                *parts = part.saturating_add(1);
                self.tree(node, Role::Part { pattern: number, part })?;
                Joined::Part(part)
            }
        })
    }

    fn tree(&mut self, node: Node, role: Role) -> Result<(), String> {
        // The digest of a trivial content beside others never counts; the others do.
        let node = node.without(&|t| matches!(t, Term::Hash(value) if trivial(value).is_some()));
        if node.best() != Truth::True {
            return Err("it only lists digests of trivial contents, which accuse nobody".into());
        }
        let number = u32::try_from(self.set.trees.len()).map_err(|_| "too many expressions")?;
        let node = Compiled::new(node, &mut |term| {
            let slot = u32::try_from(self.set.terms.len()).ok().and_then(|n| n.checked_add(TERM)).ok_or("too many terms")?;
            // The number is given out even where the term turns out to be bad: the tree is dropped then.
            self.set.terms.push(number);
            self.index(term, slot)?;
            Ok(slot)
        })?;
        if node.stands_alone() {
            self.set.standing.push(number);
        }
        self.set.trees.push(Tree { node, role });
        Ok(())
    }

    /// Notes what was listed before, where that is asked for.
    fn duplicate(&mut self, place: &Place, compares: String) {
        let here = self.place(place);
        let Some(known) = &mut self.known else { return };
        match known.entry(compares) {
            Entry::Vacant(e) => {
                e.insert(here);
            }
            Entry::Occupied(e) => {
                self.report.duplicates.push(Rejected { place: here, why: format!("listed before, at {}", e.get()) })
            }
        }
    }

    /// Puts a term into its index under a number.
    fn index(&mut self, term: Term, slot: u32) -> Result<(), String> {
        match term {
            Term::Hash(value) => match trivial(&value) {
                Some(what) => return Err(format!("the {} of {what}, which accuses nobody", value.kind().words())),
                None => self.set.hashes.add(value, slot),
            },
            Term::Mention(address) => self.set.addresses.add(&address, slot),
            Term::Path { part, test } => self.set.paths.add(part, test, slot)?,
            Term::Imphash(imphash) => self.set.likeness.add_imphash(imphash, slot),
            Term::Tlsh { digest, distance } => self.set.likeness.add_tlsh(&digest, distance, slot)?,
            Term::Registry(registry) => self.set.registry.add(registry, slot)?,
            Term::Ask(_) => return Err("a term that has no index".into()),
        }
        Ok(())
    }

    /// A YARA rule that an indicator file carries; it is compiled with the other rules.
    pub fn yara(&mut self, place: impl Into<Place>, text: &str) {
        let name = self.place(&place.into());
        self.set.rules.push((name, text.as_bytes().to_vec()));
        self.report.loaded += 1;
    }

    /// Addresses that are no trace of an intruder.
    pub(super) fn warninglist(&mut self, list: Warninglist) {
        self.set.warninglists.push(list);
    }

    /// Counts one entry of a warninglist.
    pub(super) fn harmless(&mut self) {
        self.report.loaded = self.report.loaded.saturating_add(1);
    }

    /// A line that isn't taken, with the reason in words.
    pub fn reject(&mut self, place: impl Into<Place>, why: impl Into<String>) {
        let place = self.place(&place.into());
        push(&mut self.report.rejected, place, why.into(), &mut self.unlisted);
    }

    /// What nothing here can answer, counted apart from what is wrong.
    pub fn unanswered(&mut self, place: impl Into<Place>, why: impl Into<String>) {
        let place = self.place(&place.into());
        push(&mut self.report.unanswered, place, why.into(), &mut self.unlisted_unanswered);
    }

    /// Entries of the file that are no indicators by their author's word; the same words are counted together.
    pub fn context(&mut self, count: u64, why: &str) {
        if count == 0 {
            return;
        }
        match self.report.context.iter_mut().find(|c| c.why == why) {
            Some(known) => known.count = known.count.saturating_add(count),
            None => self.report.context.push(Context { count, why: why.to_owned() }),
        }
    }

    /// A line that is in force, but not as it stands.
    pub fn adjust(&mut self, place: &Place, why: impl Into<String>) {
        if self.report.adjusted.len() < MAX_REJECTED {
            let place = self.place(place);
            self.report.adjusted.push(Rejected { place, why: why.into() });
        }
    }

    /// Counts what [`MAX_REJECTED`] kept out.
    pub(super) fn finish(self) {
        let Input { rejected, unanswered, partly, .. } = self.report;
        let lists = [
            (rejected, self.unlisted, "were rejected"),
            (unanswered, self.unlisted_unanswered, "can't be answered here"),
            (partly, self.unlisted_partly, "can be answered in part"),
        ];
        for (list, n, words) in lists.into_iter().filter(|(_, n, _)| *n > 0) {
            let why = format!("{} further ones {words}", text::thousands(n));
            list.push(Rejected { place: self.file.to_string(), why });
        }
    }

    fn place(&self, place: &Place) -> String {
        format!("{}{place}", self.file)
    }

    /// A score within −100 and 100, other than 0. What is beyond is cut and noted.
    fn score(&mut self, place: &Place, score: Option<i64>, default: i32) -> Result<i32, String> {
        let Some(score) = score else { return Ok(default) };
        let cut = i32::try_from(score.clamp(-100, 100)).unwrap_or(default);
        if cut == 0 {
            return Err("a score of 0 neither accuses nor clears".into());
        }
        if i64::from(cut) != score {
            self.adjust(place, format!("the score {score} is beyond −100 to 100; {cut} is used"));
        }
        Ok(cut)
    }

    /// Adds the indicator that what follows is indexed under.
    fn indicator(&mut self, about: &About<'_>, default: i32, names_only: bool) -> Result<u32, String> {
        let default = if self.trusted { TRUSTED_SCORE } else { default };
        let mut score = self.score(&about.place, about.score, default)?;
        if self.trusted {
            score = -score.abs();
        }
        if about.marks.as_ref().is_some_and(|m| m.revoked) {
            score = score.clamp(-WITHDRAWN, WITHDRAWN);
        }
        let id = u32::try_from(self.set.indicators.len()).ok().filter(|id| *id < TERM).ok_or("too many indicators")?;
        let shown: String = text::escape(about.description.trim().as_bytes()).chars().take(MAX_DESCRIPTION).collect();
        if *self.description != *shown {
            self.description = shown.into();
        }
        self.set.indicators.push(Indicator {
            score,
            description: self.description.clone(),
            file: self.file.clone(),
            place: about.place.clone(),
            value: None,
            names_only,
            text: false,
            marks: about.marks.clone(),
        });
        Ok(id)
    }

    /// Takes the last indicator back: what was to be indexed under it is wrong.
    fn withdraw(&mut self, place: Place, why: String) {
        self.set.indicators.pop();
        self.reject(place, why);
    }
}

/// What a term looks for, where that may be shown.
fn shown(term: &Term) -> Option<String> {
    match term {
        Term::Mention(address) => Some(address.to_string()),
        Term::Registry(term) => {
            let parts = [&term.key, &term.value_name, &term.data];
            Some(parts.iter().filter_map(|t| Some(t.as_ref()?.value())).collect::<Vec<_>>().join(" | "))
        }
        _ => None,
    }
}

fn push(list: &mut Vec<Rejected>, place: String, why: String, more: &mut u64) {
    if list.len() < MAX_REJECTED {
        list.push(Rejected { place, why });
    } else {
        *more = more.saturating_add(1);
    }
}

/// Whether a pattern asks for nothing but names and paths.
fn names_only(pattern: &Pattern) -> bool {
    fn node(n: &Node) -> bool {
        match n {
            Node::Term(Term::Path { .. }) | Node::Unknown(_) => true,
            Node::Term(_) => false,
            Node::Not(n) => node(n),
            Node::All(list) | Node::Any(list) => list.iter().all(node),
        }
    }
    match pattern {
        Pattern::Object(n) => node(n),
        Pattern::Unknown(_) => true,
        Pattern::Not(p) => names_only(p),
        Pattern::All(list) | Pattern::Any(list) => list.iter().all(names_only),
    }
}

/// `a, b, c and 4 more`
fn listed(words: &[String]) -> String {
    let shown: Vec<&str> = words.iter().take(MAX_WORDS).map(String::as_str).collect();
    match words.len().saturating_sub(MAX_WORDS) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
