//! What an author or a buyer of rules wants to know before a scan: what loads, what doesn't, what is slow.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::OnceLock;

use regex::Regex;
use serde::Serialize;
use yara_x::SourceCode;

use crate::model::{Input, Rejected};

use super::collect::Source;
use super::compile::{self, STACK, compiler, rejected};
use super::result::RuleMatch;
use super::{RuleSet, SignatureError, gather, scan, unbounded};

/// Warnings of the compiler that tell of lost time or of a rule that can't say what its author meant. The
/// others are about style.
const WORTH: [&str; 9] = [
    "slow_pattern",
    "potentially_slow_loop",
    "too_many_iterations",
    "unsatisfiable_expr",
    "invariant_expr",
    "ambiguous_expr",
    "global_rule_misuse",
    "unintended_pattern_in_set",
    "sign_conversion",
];
/// Warnings told of one file; more are counted.
const MAX_WARNINGS: usize = 200;
/// What a finding can show of a rule, beside its name.
const METADATA: [&str; 5] = ["author", "date", "description", "reference", "score"];

/// What became of one rule file.
#[derive(Clone, Debug, Serialize)]
pub struct FileCheck {
    #[serde(flatten)]
    pub input: Input,
    /// Rules in force that cost much or can't hold; `why` begins with the compiler's code of the warning.
    pub warnings: Vec<Rejected>,
    /// Public rules without the metadata that a finding shows.
    pub metadata: Vec<Rejected>,
}

/// One rule in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleInfo {
    pub file: String,
    pub rule: String,
    /// Private rules serve others and are never reported.
    pub private: bool,
    /// −100 to 100, as in findings.
    pub score: i32,
    /// ATT&CK identifiers, sorted.
    pub techniques: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Which of author, date, description, reference and score are absent.
    #[serde(skip)]
    missing: Vec<&'static str>,
}

impl RuleSet {
    /// Compiles rules as a scan would, and tells what the compiler warned of besides. Sources as in
    /// [`RuleSet::load`].
    ///
    /// # Errors
    ///
    /// As of [`RuleSet::load`].
    pub fn check(paths: &[PathBuf], embedded: bool) -> Result<(RuleSet, Vec<FileCheck>), SignatureError> {
        let sources = gather(paths, embedded, &[])?;
        let (set, inputs) = Self::assemble(compile::compile(&sources)?, false);
        let warnings = warnings(&sources)?;
        let infos = set.infos();
        let files = inputs.into_iter().zip(warnings).zip(&sources).map(|((input, warnings), source)| {
            let silent = |i: &&RuleInfo| i.file == input.name && !i.private && !i.missing.is_empty();
            let note = |i: &RuleInfo| {
                let line = compile::line_of_rule(&source.text, &i.rule);
                rejected(&input.name, line, &format!("no {}", i.missing.join(", ")))
            };
            let metadata = infos.iter().filter(silent).map(note).collect();
            FileCheck { input, warnings, metadata }
        });
        let files = files.collect();
        Ok((set, files))
    }

    /// Every rule in force, in the order of files and, within one, of the rules.
    pub fn infos(&self) -> Vec<RuleInfo> {
        let info = |rule: yara_x::Rule<'_, '_>| {
            let tags: Vec<String> = rule.tags().map(|t| t.identifier().to_owned()).collect();
            let about = RuleMatch::new(rule.namespace(), rule.identifier(), tags, scan::meta(&rule), Vec::new());
            RuleInfo {
                private: rule.is_private(),
                techniques: techniques(&about),
                description: about.meta_text("description"),
                missing: METADATA.into_iter().filter(|key| !about.meta.contains_key(*key)).collect(),
                score: about.score,
                file: about.namespace,
                rule: about.rule,
            }
        };
        compile::in_force(&self.rules).map(info).collect()
    }
}

/// Warnings worth acting on, for each source. Rules are compiled once more, since a set that is kept or
/// cached holds none.
fn warnings(sources: &[Source]) -> Result<Vec<Vec<Rejected>>, SignatureError> {
    let work = || {
        let mut c = compiler(sources);
        let mut out = Vec::with_capacity(sources.len());
        for source in sources {
            let before = c.warnings().len();
            if source.refused.is_none() {
                c.new_namespace(&source.name);
                let _ = c.add_source(SourceCode::from(source.text.as_str()).with_origin(source.name.as_str()));
            }
            let new = c.warnings().iter().skip(before).filter(|w| WORTH.contains(&w.code()));
            let mut told: Vec<(Option<usize>, Rejected)> = new.map(|w| warning(&source.name, w)).collect();
            if source.refused.is_none() {
                told.extend(unbounded::warnings(source));
            }
            told.sort_by(|a, b| (a.0, &a.1.why).cmp(&(b.0, &b.1.why)));
            let more = told.len().saturating_sub(MAX_WARNINGS);
            let mut told: Vec<Rejected> = told.into_iter().take(MAX_WARNINGS).map(|(_, r)| r).collect();
            if more > 0 {
                told.push(rejected(&source.name, None, &format!("and {more} more")));
            }
            out.push(told);
        }
        out
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("rules".to_owned()).stack_size(STACK).spawn_scoped(scope, work);
        let thread = thread.map_err(|e| SignatureError::Compiler(format!("no thread for it ({e})")))?;
        thread.join().map_err(|_| SignatureError::Compiler("it stopped unexpectedly".to_owned()))
    })
}

fn warning(file: &str, warning: &yara_x::warnings::Warning) -> (Option<usize>, Rejected) {
    let json = serde_json::to_value(warning).unwrap_or_default();
    let line = json.get("line").and_then(serde_json::Value::as_u64).and_then(|l| usize::try_from(l).ok());
    let label = json.pointer("/labels/0/text").and_then(serde_json::Value::as_str).unwrap_or_default();
    let title = warning.title();
    let why = if label.is_empty() || label == title { title.to_owned() } else { format!("{title}: {label}") };
    (line, rejected(file, line, &format!("{}: {why}", warning.code())))
}

fn techniques(about: &RuleMatch) -> Vec<String> {
    static ID: OnceLock<Option<Regex>> = OnceLock::new();
    let Some(id) = ID.get_or_init(|| Regex::new(r"\bT1\d{3}(?:[._]\d{3})?\b").ok()) else { return Vec::new() };
    let keyed = about.meta.iter().filter(|(key, _)| {
        let key = key.to_ascii_lowercase();
        ["mitre", "attack", "att_ck", "technique"].iter().any(|k| key.contains(k))
    });
    let texts = keyed.map(|(_, value)| value.to_string()).chain(about.tags.iter().cloned());
    let ids: BTreeSet<String> =
        texts.flat_map(|t| id.find_iter(&t).map(|m| m.as_str().replace('_', ".")).collect::<Vec<_>>()).collect();
    ids.into_iter().collect()
}
