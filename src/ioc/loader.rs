//! What a format hands its indicators to: it checks, counts and locates.

use std::sync::Arc;

use super::address::{self, Address};
use super::expr::{Compiled, Joined, MAX_DEPTH, Node, Pattern, Term, Truth};
use super::hash::HashValue;
use super::marks::Marks;
use super::pattern::MAX_PATTERN;
use super::set::{HostPattern, Indicator, IndicatorSet, Place, Role, TERM, Tree};
use super::trivial::trivial;
use crate::model::text;
use crate::model::{Input, Rejected};

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

/// Receives the indicators of one file.
pub struct Loader<'a> {
    set: &'a mut IndicatorSet,
    file: Arc<str>,
    report: &'a mut Input,
    /// The file lists what is known to be good.
    trusted: bool,
    description: Arc<str>,
    unlisted: u64,
    unlisted_unanswered: u64,
    unlisted_partly: u64,
}

impl<'a> Loader<'a> {
    pub(super) fn new(set: &'a mut IndicatorSet, report: &'a mut Input, trusted: bool) -> Self {
        let file: Arc<str> = report.name.as_str().into();
        Self { set, description: "".into(), file, report, trusted, unlisted: 0, unlisted_unanswered: 0, unlisted_partly: 0 }
    }

    /// A digest; `score` where the line has one.
    pub fn hash(&mut self, place: impl Into<Place>, value: HashValue, score: Option<i64>, description: &str) {
        self.term(About { place: place.into(), score, description, marks: None }, Term::Hash(value));
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
        let Some(id) = self.indicator(&about, DEFAULT_NAME_SCORE) else { return };
        match self.set.filenames.add(pattern, clearing, id) {
            Err(why) => self.withdraw(about.place, why),
            Ok(()) => self.report.loaded += 1,
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
        if pattern.depth() > MAX_DEPTH {
            return self.reject(about.place, format!("nested more than {MAX_DEPTH} levels deep"));
        }
        let unknowns: Vec<String> = pattern.unknowns().into_iter().map(str::to_owned).collect();
        if pattern.best() != Truth::True {
            let why = match unknowns.as_slice() {
                [] => return self.reject(about.place, "it can never hold"),
                list => format!("it can't be decided here, since it needs {}", listed(list)),
            };
            return self.unanswered(about.place, why);
        }
        if pattern.worst() == Truth::True {
            return self.reject(about.place, "it holds for every object");
        }
        let place = about.place.clone();
        let default = if names_only(&pattern) { DEFAULT_NAME_SCORE } else { DEFAULT_SCORE };
        let before = self.set.indicators.len();
        let Some(id) = self.indicator(&about, default) else { return };
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
            return self.reject(place, refused.join("; "));
        }
        self.report.loaded += 1;
        for why in refused {
            self.adjust(&place, format!("a part of it is left out: {why}"));
        }
        if !unknowns.is_empty() {
            let why = format!("in force, but without {}, which can't be answered here", listed(&unknowns));
            let place = self.place(&place);
            push(&mut self.report.partly, place, why, &mut self.unlisted_partly);
        }
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
                self.index(term, id)
            }
            // What nothing decides can't be taken apart from what it stands beside.
            Pattern::Object(node) if node.best() != Truth::True => Ok(()),
            Pattern::Object(node) => self.tree(node, Role::Whole(id)),
            joined if joined.best() != Truth::True => Ok(()),
            joined => {
                let pattern = u32::try_from(self.set.patterns.len()).map_err(|_| "too many patterns")?;
                let mut parts = 0;
                let joined = self.joined(joined, pattern, &mut parts)?;
                self.set.patterns.push(HostPattern { indicator: id, parts, joined });
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
        self.set.rules.push((name, text.to_owned()));
        self.report.loaded += 1;
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
    fn score(&mut self, place: &Place, score: Option<i64>, default: i32) -> Option<i32> {
        let Some(score) = score else { return Some(default) };
        let cut = i32::try_from(score.clamp(-100, 100)).unwrap_or(default);
        if cut == 0 {
            self.reject(place.clone(), "a score of 0 neither accuses nor clears");
            return None;
        }
        if i64::from(cut) != score {
            self.adjust(place, format!("the score {score} is beyond −100 to 100; {cut} is used"));
        }
        Some(cut)
    }

    /// Adds the indicator that what follows is indexed under.
    fn indicator(&mut self, about: &About<'_>, default: i32) -> Option<u32> {
        let default = if self.trusted { TRUSTED_SCORE } else { default };
        let mut score = self.score(&about.place, about.score, default)?;
        if self.trusted {
            score = -score.abs();
        }
        if about.marks.as_ref().is_some_and(|m| m.revoked) {
            score = score.clamp(-WITHDRAWN, WITHDRAWN);
        }
        let id = u32::try_from(self.set.indicators.len()).ok().filter(|id| *id < TERM);
        let Some(id) = id else {
            self.reject(about.place.clone(), "too many indicators");
            return None;
        };
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
            text: false,
            marks: about.marks.clone(),
        });
        Some(id)
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
