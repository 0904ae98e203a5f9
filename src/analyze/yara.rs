//! YARA rules, as evidence.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use regex::Regex;
use serde_json::json;

use crate::model::{Category, Evidence, Gap, GapReason, Reason, Stage, text};
use crate::signature::{Outcome, RuleMatch, RuleScanner, RuleSet, ScanGap, WINDOW, WINDOW_OVERLAP};

use super::externals::vars;
use super::{Analyzer, Examine, Findings, Head, Whole};

/// Rules named in a title; more are counted.
const TITLE_RULES: usize = 3;
/// Rules named in a gap; all of them stand in the report's list of inputs.
const WINDOW_RULES: usize = 20;
/// Characters of one such name.
const WINDOW_NAME: usize = 128;
/// Characters of an author's description.
const MAX_TEXT: usize = 300;

/// One compiled set of rules, for all workers.
pub struct YaraAnalyzer {
    rules: RuleSet,
}

impl YaraAnalyzer {
    pub fn new(rules: RuleSet) -> Self {
        Self { rules }
    }
}

struct Worker<'r> {
    scanner: RuleScanner<'r>,
    /// What is said of an object that was seen in windows.
    windows: String,
}

impl Analyzer for YaraAnalyzer {
    fn id(&self) -> &'static str {
        "yara"
    }

    fn worker(&self) -> Box<dyn Examine + '_> {
        Box::new(Worker { scanner: RuleScanner::new(&self.rules), windows: windows(&self.rules) })
    }
}

impl Examine for Worker<'_> {
    fn begin(&mut self, head: &Head<'_>) {
        self.scanner.abort_windows();
        if !head.held {
            self.scanner.begin_windows(vars(head, None));
        }
    }

    fn feed(&mut self, offset: u64, chunk: &[u8]) {
        // Without windows this does nothing: the body comes whole.
        self.scanner.window(offset, chunk);
    }

    fn finish(&mut self, whole: &Whole<'_>, out: &mut Findings) {
        if whole.known_good {
            return self.scanner.abort_windows();
        }
        let head = &whole.head;
        let md5 = whole.digests.md5.map(|m| text::hex(&m));
        let scanned = match whole.body {
            Some(body) => self.scanner.scan_whole(&vars(head, md5.as_deref()), body),
            None => self.scanner.finish_windows(md5.as_deref().unwrap_or_default()),
        };
        // What began in windows ends here, even if the body came whole after all.
        self.scanner.abort_windows();
        let gap = |gap: ScanGap| Gap::new(head.locator, Stage::Yara, gap.reason, gap.detail);
        match scanned {
            Ok(outcome) => {
                out.gaps.extend(outcome.gap.clone().map(gap));
                out.evidence.extend(evidence(head, &outcome));
            }
            Err(failed) => out.gaps.push(gap(failed).bytes(whole.size)),
        }
        if whole.body.is_none() {
            let detail = self.windows.clone();
            out.gaps.push(Gap::new(head.locator, Stage::Yara, GapReason::LimitBody, detail));
        }
    }

    fn abort(&mut self) {
        self.scanner.abort_windows();
    }
}

/// Which rules did not see all of what they ask for.
fn windows(rules: &RuleSet) -> String {
    let shared = format!("rules saw it in windows that share {} MiB", WINDOW_OVERLAP >> 20);
    let names = rules.not_in_windows();
    if names.is_empty() {
        return format!("{shared}; all of them apply there");
    }
    let mut shown = names.iter().take(WINDOW_RULES).map(|n| text::shorten(n, WINDOW_NAME)).collect::<Vec<_>>().join(", ");
    if names.len() > WINDOW_RULES {
        shown.push_str(", …");
    }
    format!("{shared}; {} need its size, its structure or bytes at an offset and saw the first at most: {shown}", names.len())
}

fn evidence(head: &Head<'_>, outcome: &Outcome) -> Option<Evidence> {
    if outcome.matches.is_empty() {
        return None;
    }
    Some(Evidence {
        locator: head.locator.clone(),
        category: Category::Yara,
        title: title(&outcome.matches),
        reasons: outcome.matches.iter().map(reason).collect(),
        phi: None,
        techniques: techniques(&outcome.matches),
    })
}

/// `YARA: strongest, next, third (+n)`.
fn title(matches: &[RuleMatch]) -> String {
    let mut by_score: Vec<&RuleMatch> = matches.iter().collect();
    by_score.sort_by(|a, b| b.score.cmp(&a.score).then_with(|| a.rule.cmp(&b.rule)));
    let mut names: Vec<&str> = Vec::new();
    for m in by_score {
        if !names.contains(&m.rule.as_str()) {
            names.push(&m.rule);
        }
    }
    let shown = names.iter().take(TITLE_RULES).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(TITLE_RULES) {
        0 => format!("YARA: {shown}"),
        more => format!("YARA: {shown} (+{more})"),
    }
}

/// Rules are independent of each other; the same rule in two files is one observation, hence the group.
fn reason(m: &RuleMatch) -> Reason {
    let words = ["description", "desc", "info"].iter().find_map(|k| m.meta_text(k)).filter(|d| !d.is_empty());
    let mut words = words.map_or_else(|| format!("matches the rule {}", m.rule), |d| text::shorten(&d, MAX_TEXT));
    if m.first_window {
        words.push_str(&format!(" (decided by its first {} MiB alone)", WINDOW >> 20));
    }
    let id = format!("yara.{}", m.rule);
    let detail = json!({ "tags": m.tags, "meta": m.meta, "patterns": m.hits, "pattern_matches": m.hit_count });
    Reason::new(id.clone(), id, m.score, words, format!("{}:{}", m.namespace, m.rule)).with(detail)
}

/// ATT&CK ids that authors put into tags and meta values, sorted.
fn techniques(matches: &[RuleMatch]) -> Vec<String> {
    static ID: OnceLock<Option<Regex>> = OnceLock::new();
    let Some(id) = ID.get_or_init(|| Regex::new(r"\bT1\d{3}(?:[._]\d{3})?\b").ok()) else { return Vec::new() };
    let mut out = BTreeSet::new();
    for m in matches.iter().filter(|m| m.score > 0) {
        let values = m.meta.iter().filter(|(key, _)| {
            let key = key.to_ascii_lowercase();
            ["mitre", "attack", "att_ck", "technique"].iter().any(|k| key.contains(k))
        });
        let texts = m.tags.iter().cloned().chain(values.map(|(_, v)| v.to_string()));
        for text in texts {
            out.extend(id.find_iter(&text).map(|t| t.as_str().replace('_', ".")));
        }
    }
    out.into_iter().collect()
}
