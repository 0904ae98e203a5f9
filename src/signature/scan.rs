//! Scanning one object after another with one compiled set.

use std::collections::{BTreeMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use serde_json::{Map, Value};
use yara_x::{MetaValue, Rule, Rules, ScanError, ScanResults, Scanner, blocks};

use crate::model::{GapReason, text};

use super::RuleSet;
use super::gate::{Gate, Scratch};
use super::result::{Hit, Outcome, RuleMatch, ScanGap, for_files};

/// Matches kept for one pattern; a flood of them tells nothing more.
const MAX_MATCHES: usize = 1_000;
/// Scanners kept for sets of rules; each has memory of its own.
const MOST_SCANNERS: usize = 32;
/// Objects up to this size can't flood memory, so their matches are all kept.
const SMALL: usize = 16 << 10;
/// The last resort against a rule that doesn't end on an object seen in windows.
const TIMEOUT: Duration = Duration::from_secs(120);
/// The same for one that is held whole: half a minute up to 40 MiB, and a second for each 4 MiB more.
fn timeout(bytes: usize) -> Duration {
    Duration::from_secs(20 + (bytes as u64 >> 22))
}

/// Bytes of an object that is not held whole which rules see at once.
pub const WINDOW: usize = 16 << 20;
/// Bytes that neighbouring windows share: the longest match that is certain to be found.
pub const WINDOW_OVERLAP: usize = 1 << 20;

/// The external variables of one object, as THOR and Loki define them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScanVars {
    /// Base name.
    pub filename: String,
    /// The folder, without the name.
    pub filepath: String,
    /// With its dot, lower case: `.exe`; empty without one.
    pub extension: String,
    /// A word of THOR's and Loki's lists of signatures, from the content: `EXE`.
    pub filetype: String,
    pub owner: String,
    /// Empty on Windows.
    pub group: String,
    /// Type and permissions as in `st_mode` (inode(7)); 0 where unknown.
    pub filemode: i64,
    /// `-rwxr-xr-x`; empty where unknown.
    pub permissions: String,
    /// Type of the container that holds the object: `ZIP`; empty for a file.
    pub unpack_parent: String,
    /// Types of all containers around it, outermost first: `GZIP>TAR`.
    pub unpack_source: String,
    /// Lower-case hexadecimal, where it was computed.
    pub md5: String,
}

impl ScanVars {
    fn texts(&self) -> [(&'static str, &str); 10] {
        [
            ("filename", &self.filename),
            ("filepath", &self.filepath),
            ("extension", &self.extension),
            ("filetype", &self.filetype),
            ("owner", &self.owner),
            ("group", &self.group),
            ("permissions", &self.permissions),
            ("unpack_parent", &self.unpack_parent),
            ("unpack_source", &self.unpack_source),
            ("md5", &self.md5),
        ]
    }
}

/// One worker's scanner. It is made anew after a panic of the engine.
pub struct RuleScanner<'r> {
    set: &'r RuleSet,
    /// Of all rules.
    whole: Option<Runner<'r>>,
    /// Of the sets that the gate chooses from and of their screens, the last used first.
    sets: Vec<((u32, Step), Runner<'r>)>,
    scratch: Scratch,
    windows: Option<Windows<'r>>,
    by_sets: u64,
}

/// What the rules of a set are run for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Whether any of them matches.
    Screen,
    /// What matches, and where.
    Rules,
}

/// Rules that are run together.
struct Runner<'r> {
    scanner: Scanner<'r>,
    sensitive: Sensitive,
}

/// Addresses of the names of rules that a cut list of matches can change (names live in the set).
type Sensitive = HashSet<usize>;

fn sensitive(set: &RuleSet, rules: &Rules) -> Sensitive {
    let places = rules.iter().filter(|r| set.traits_of(r.namespace(), r.identifier()).places);
    places.map(|r| r.identifier().as_ptr().addr()).collect()
}

/// An object on its way through in windows.
struct Windows<'r> {
    /// Those that the scanner runs.
    rules: &'r Rules,
    scanner: blocks::Scanner<'r>,
    vars: ScanVars,
    buffer: Vec<u8>,
    /// Offset of the buffer's first byte.
    base: u64,
    /// Bytes of the buffer that a window has covered.
    covered: usize,
    first: Vec<RuleMatch>,
    gap: Option<ScanGap>,
}

impl<'r> Runner<'r> {
    fn new(set: &RuleSet, rules: &'r Rules) -> Self {
        Self { scanner: Scanner::new(rules), sensitive: sensitive(set, rules) }
    }

    fn scan(&mut self, vars: &ScanVars, data: &[u8]) -> Result<Outcome, ScanGap> {
        let Self { scanner, sensitive } = self;
        scanner.set_timeout(timeout(data.len()));
        let bound = if data.len() <= SMALL { SMALL } else { MAX_MATCHES };
        let scanned = catch_unwind(AssertUnwindSafe(|| {
            for (name, value) in vars.texts() {
                // Defined as text when the set was compiled, so this can't fail.
                let _ = scanner.set_global(name, value);
            }
            let _ = scanner.set_global("filemode", vars.filemode);
            // One more than the bound, to tell a full list from a cut one.
            scanner.max_matches_per_pattern(bound.saturating_add(1));
            match scanner.scan(data) {
                Ok(results) => Ok(gather(&results, bound, sensitive)),
                Err(error) => Err(gap_of(&error)),
            }
        }));
        scanned.unwrap_or_else(|_| Err(engine_failed()))
    }
}

impl<'r> RuleScanner<'r> {
    pub fn new(set: &'r RuleSet) -> Self {
        Self { set, whole: None, sets: Vec::new(), scratch: Scratch::default(), windows: None, by_sets: 0 }
    }

    /// Scans a whole object.
    ///
    /// # Errors
    ///
    /// Where the scan did not come to its end: nothing is known of the object then.
    pub fn scan_whole(&mut self, vars: &ScanVars, data: &[u8]) -> Result<Outcome, ScanGap> {
        let set = self.set;
        let mut scratch = std::mem::take(&mut self.scratch);
        let outcome = match set.gate.as_ref().and_then(|gate| Some((gate, gate.choose(data, &mut scratch)?))) {
            Some((gate, chosen)) => self.scan_sets(gate, chosen, vars, data),
            None => None,
        };
        self.scratch = scratch;
        if let Some(outcome) = outcome {
            self.by_sets = self.by_sets.saturating_add(1);
            return outcome;
        }
        let mut runner = self.whole.take().unwrap_or_else(|| Runner::new(set, &set.rules));
        let mut outcome = runner.scan(vars, data);
        if !matches!(&outcome, Err(gap) if gap.reason == GapReason::ParserFailed) {
            self.whole = Some(runner);
        }
        if let Ok(outcome) = &mut outcome {
            finish(&mut outcome.matches);
        }
        outcome
    }

    /// The outcome of the sets that the gate chose; none where one of them can't be had, so that all rules have to be run.
    fn scan_sets(&mut self, gate: &'r Gate, chosen: &[u32], vars: &ScanVars, data: &[u8]) -> Option<Result<Outcome, ScanGap>> {
        let mut outcomes = Vec::new();
        let mut waiting = chosen.to_vec();
        while let Some(set) = waiting.pop() {
            if !gate.can_match(set, data) {
                continue;
            }
            match gate.screen(set).map(|screen| self.run((set, Step::Screen), screen, vars, data)) {
                Some(Ok(found)) if found.matches.is_empty() && found.gap.is_none() => continue,
                // What doesn't end in time would take as long again.
                Some(Err(gap)) if gap.reason == GapReason::LimitTime => return Some(Err(gap)),
                _ => {}
            }
            let mut outcome = self.run((set, Step::Rules), gate.rules(set)?, vars, data);
            let Ok(found) = &mut outcome else {
                outcomes.push(outcome);
                break;
            };
            if gate.holds_stand_ins(set) {
                found.matches.retain(|m| {
                    let itself = gate.stands_for(&m.namespace, &m.rule);
                    waiting.extend(itself);
                    itself.is_none()
                });
            }
            outcomes.push(outcome);
        }
        Some(outcomes.into_iter().collect::<Result<Vec<_>, _>>().map(together))
    }

    fn run(&mut self, which: (u32, Step), rules: &'r Rules, vars: &ScanVars, data: &[u8]) -> Result<Outcome, ScanGap> {
        let known = self.sets.iter().position(|(known, _)| *known == which);
        let mut runner = match known {
            Some(at) => self.sets.remove(at).1,
            None => Runner::new(self.set, rules),
        };
        let outcome = runner.scan(vars, data);
        // After a panic of the engine it is made anew.
        if outcome.is_ok() {
            self.sets.insert(0, (which, runner));
            self.sets.truncate(MOST_SCANNERS);
        }
        outcome
    }

    /// Objects on which not all rules had to be run.
    pub fn by_sets(&self) -> u64 {
        self.by_sets
    }

    /// Starts an object that is not held whole; its bytes come through [`RuleScanner::window`].
    ///
    /// Patterns are found in every byte, but `filesize`, bytes at an offset (`uint16(0)`) and modules are unknown
    /// in windows. A rule that holds without them holds; one that an unknown could make hold (`not (filesize <
    /// 1MB and …)`) stays silent. Rules that need them are also tried on the first window, and their matches say
    /// so; but not where they ask for `filesize`, since a part has another size than the whole.
    pub fn begin_windows(&mut self, vars: ScanVars) {
        let rules = self.set.gate.as_ref().and_then(Gate::in_parts).unwrap_or(&self.set.rules);
        let mut scanner = blocks::Scanner::new(rules);
        scanner.set_timeout(TIMEOUT).max_matches_per_pattern(MAX_MATCHES.saturating_add(1));
        let buffer = Vec::new();
        self.windows = Some(Windows { rules, scanner, vars, buffer, base: 0, covered: 0, first: Vec::new(), gap: None });
    }

    /// The next bytes, in order.
    pub fn window(&mut self, offset: u64, chunk: &[u8]) {
        let Some(mut w) = self.windows.take() else { return };
        if offset != w.base.saturating_add(w.buffer.len() as u64) {
            // Bytes are missing in between: what matches must not span the hole.
            self.flush(&mut w);
            w.buffer.clear();
            w.covered = 0;
            w.base = offset;
        }
        let mut rest = chunk;
        while !rest.is_empty() && w.gap.is_none() {
            let room = WINDOW.saturating_sub(w.buffer.len()).min(rest.len());
            let (now, later) = rest.split_at(room);
            w.buffer.extend_from_slice(now);
            rest = later;
            if w.buffer.len() >= WINDOW {
                self.flush(&mut w);
                let done = WINDOW.saturating_sub(WINDOW_OVERLAP);
                w.buffer.drain(..done);
                w.base = w.base.saturating_add(done as u64);
                w.covered = w.buffer.len();
            }
        }
        self.windows = Some(w);
    }

    /// The object is over; `md5` is known now.
    ///
    /// # Errors
    ///
    /// Where a window could not be scanned to its end.
    pub fn finish_windows(&mut self, md5: &str) -> Result<Outcome, ScanGap> {
        let Some(mut w) = self.windows.take() else { return Ok(Outcome::default()) };
        self.flush(&mut w);
        if let Some(gap) = w.gap {
            return Err(gap);
        }
        w.vars.md5 = md5.to_owned();
        if w.covered == 0 {
            // The block scanner can't finish without a block.
            return self.scan_whole(&w.vars, &[]);
        }
        let (vars, sensitive) = (&w.vars, sensitive(self.set, w.rules));
        let mut scanner = w.scanner;
        let finished = catch_unwind(AssertUnwindSafe(|| {
            for (name, value) in vars.texts() {
                let _ = scanner.set_global(name, value);
            }
            let _ = scanner.set_global("filemode", vars.filemode);
            match scanner.finish() {
                Ok(results) => Ok(gather(&results, MAX_MATCHES, &sensitive)),
                Err(error) => Err(gap_of(&error)),
            }
        }));
        let mut outcome = finished.unwrap_or_else(|_| Err(engine_failed()))?;
        outcome.matches.retain(|m| !self.set.traits_of(&m.namespace, &m.rule).doubtful);
        merge(&mut outcome.matches, w.first);
        finish(&mut outcome.matches);
        Ok(outcome)
    }

    /// Forgets an object that could not be read to its end.
    pub fn abort_windows(&mut self) {
        self.windows = None;
    }

    fn flush(&mut self, w: &mut Windows<'r>) {
        if w.gap.is_some() || w.buffer.len() <= w.covered {
            return;
        }
        if w.base == 0 {
            match self.scan_whole(&w.vars, &w.buffer) {
                Ok(outcome) => {
                    let set = self.set;
                    w.first = outcome.matches;
                    // The others are decided by all windows together: what a `not` asks for may come later.
                    w.first.retain(|m| {
                        let traits = set.traits_of(&m.namespace, &m.rule);
                        traits.whole && !traits.filesize
                    });
                    w.first.iter_mut().for_each(|m| m.first_window = true);
                }
                Err(gap) => w.gap = Some(gap),
            }
        }
        let Ok(base) = usize::try_from(w.base) else {
            w.gap = Some(ScanGap::new(GapReason::LimitSize, "larger than this machine's address space"));
            return;
        };
        let scanned = catch_unwind(AssertUnwindSafe(|| w.scanner.scan(base, &w.buffer).map(|_| ()).map_err(|e| gap_of(&e))));
        if let Err(gap) = scanned.unwrap_or_else(|_| Err(engine_failed())) {
            w.gap = Some(gap);
        }
        w.covered = w.buffer.len();
    }
}

/// Outcomes of several sets as one.
fn together(outcomes: Vec<Outcome>) -> Outcome {
    let mut all = Outcome::default();
    for outcome in outcomes {
        all.matches.extend(outcome.matches);
        all.gap = all.gap.into_iter().chain(outcome.gap).min_by(|a, b| a.detail.cmp(&b.detail));
    }
    finish(&mut all.matches);
    // A rule that others name is in their sets, too.
    all.matches.dedup_by(|a, b| (&a.namespace, &a.rule) == (&b.namespace, &b.rule));
    all
}

fn engine_failed() -> ScanGap {
    ScanGap::new(GapReason::ParserFailed, "the rule engine failed on it")
}

fn gap_of(error: &ScanError) -> ScanGap {
    match error {
        ScanError::Timeout => ScanGap::new(GapReason::LimitTime, "the rules did not end on it in time"),
        _ => engine_failed(),
    }
}

/// The matching rules with all their places, and whether a bound was in the way.
fn gather(results: &ScanResults<'_, '_>, bound: usize, sensitive: &Sensitive) -> Outcome {
    let mut outcome = Outcome::default();
    let mut cut: Vec<String> = Vec::new();
    for rule in results.matching_rules() {
        let meta = meta(&rule);
        if !for_files(&meta) {
            continue;
        }
        let mut hits = Vec::new();
        for pattern in rule.patterns() {
            for (n, m) in pattern.matches().enumerate() {
                if n >= bound {
                    cut.push(rule.identifier().to_owned());
                    break;
                }
                let range = m.range();
                let length = range.end.saturating_sub(range.start) as u64;
                hits.push(Hit { offset: range.start as u64, id: pattern.identifier().to_owned(), length });
            }
        }
        let tags = rule.tags().map(|t| t.identifier().to_owned()).collect();
        outcome.matches.push(RuleMatch::new(rule.namespace(), rule.identifier(), tags, meta, hits));
    }
    // A rule that did not match could have, had all places been kept. Lists of small objects are whole.
    if bound == MAX_MATCHES && !sensitive.is_empty() {
        let silent = results.non_matching_rules().include_private(true);
        let silent = silent.filter(|r| sensitive.contains(&r.identifier().as_ptr().addr()));
        let full = silent.filter(|r| r.patterns().include_private(true).any(|p| p.matches().nth(bound).is_some()));
        cut.extend(full.map(|r| r.identifier().to_owned()));
    }
    // The first by name, in whatever order and sets the rules were run.
    outcome.gap = cut.into_iter().min().map(|rule| {
        ScanGap::new(
            GapReason::LimitMatches,
            format!("a pattern of rule {rule} was found more than {bound} times; the others were not kept"),
        )
    });
    outcome
}

pub(super) fn meta(rule: &Rule<'_, '_>) -> Map<String, Value> {
    let mut out = Map::new();
    for (key, value) in rule.metadata() {
        let value = match value {
            MetaValue::Integer(i) => Value::from(i),
            MetaValue::Float(f) => Value::from(f),
            MetaValue::Bool(b) => Value::from(b),
            MetaValue::String(s) => Value::from(text::escape(s.as_bytes())),
            MetaValue::Bytes(b) => Value::from(text::escape(b)),
        };
        match out.get_mut(key) {
            None => {
                out.insert(key.to_owned(), value);
            }
            Some(Value::Array(list)) => list.push(value),
            Some(one) => *one = Value::Array(vec![one.take(), value]),
        }
    }
    out
}

/// Adds what the first window said to what all windows said.
fn merge(all: &mut Vec<RuleMatch>, first: Vec<RuleMatch>) {
    let mut known: BTreeMap<(String, String), RuleMatch> = BTreeMap::new();
    for m in all.drain(..).chain(first) {
        match known.entry((m.namespace.clone(), m.rule.clone())) {
            std::collections::btree_map::Entry::Vacant(e) => {
                e.insert(m);
            }
            std::collections::btree_map::Entry::Occupied(mut e) => e.get_mut().hits.extend(m.hits),
        }
    }
    all.extend(known.into_values());
}

fn finish(matches: &mut [RuleMatch]) {
    matches.iter_mut().for_each(RuleMatch::settle);
    matches.sort_by(|a, b| (&a.namespace, &a.rule).cmp(&(&b.namespace, &b.rule)));
}
