//! Weighing evidence: from reasons to scores, levels and findings.
//!
//! Within a group only the strongest reason counts, for and against. What remains combines by halving:
//! `100·(1 − Π(1 − sᵢ/(100·2ⁱ)))`, strongest first, so that many weak reasons stay weak. Reasons against are
//! subtracted after that; the floor is 0. Staging has its own arithmetic, in [`crate::correlate::axes`].
//! All findings on one object combine by halving again; the result decides the level of the strongest one.
//! Patient data at rest is no accusation: it is always of level info and adds nothing to its object.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;

use crate::correlate::axes::{Axes, round};
use crate::correlate::content::content;
use crate::correlate::distinct::merge;
use crate::model::priors::{SOURCE, Thresholds};
use crate::model::{Axis, Category, Evidence, Finding, Level, Locator, PhiFacts, Priors, Reason};

mod identity;
#[cfg(test)]
mod tests;

/// The scores from which levels apply.
pub fn thresholds(category: Category) -> Thresholds {
    let p = Priors::get();
    if category == Category::Staging { p.staging_thresholds } else { p.thresholds }
}

/// The level of a score; no alert without a reason that is strong by itself.
pub fn level_of(category: Category, score: u8, strong: bool) -> Level {
    let t = thresholds(category);
    match score {
        s if s >= t.alert && strong => Level::Alert,
        s if s >= t.warning => Level::Warning,
        s if s >= t.notice => Level::Notice,
        _ => Level::Info,
    }
}

/// Independent scores of 0 to 100 as one: `100·(1 − Π(1 − sᵢ/(100·2ⁱ)))`, strongest first.
pub fn combine(scores: impl IntoIterator<Item = u8>) -> u8 {
    round(halving(scores.into_iter().map(i32::from).collect()))
}

/// The arithmetic behind a score outside of staging: what counted for, what against, 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sum {
    pub gain: f64,
    pub loss: f64,
    pub score: u8,
}

/// Weighs reasons outside of staging.
pub fn sum(reasons: &[Reason]) -> Sum {
    let (mut gains, mut losses) = (BTreeMap::<&str, i32>::new(), BTreeMap::<&str, i32>::new());
    for r in reasons {
        let side = if r.weight > 0 { &mut gains } else { &mut losses };
        let best = side.entry(r.group.as_str()).or_insert(0);
        let weight = r.weight.clamp(-100, 100);
        *best = if weight > 0 { weight.max(*best) } else { weight.min(*best) };
    }
    let gain = halving(gains.into_values().collect());
    let loss = losses.into_values().map(|w| -f64::from(w)).sum();
    Sum { gain, loss, score: round((gain - loss).max(0.0)) }
}

fn halving(mut scores: Vec<i32>) -> f64 {
    scores.sort_unstable_by(|a, b| b.cmp(a));
    let mut share = 100.0;
    let mut rest = 1.0;
    for s in scores {
        rest *= 1.0 - f64::from(s.clamp(0, 100)) / share;
        share *= 2.0;
    }
    100.0 * (1.0 - rest)
}

/// Turns all evidence of a run into findings, in canonical order: by the locator's raw bytes, category, id.
/// The order of `evidence` doesn't matter; several pieces on one object and category become one finding.
pub fn weigh(evidence: Vec<Evidence>) -> Vec<Finding> {
    let mut merged: BTreeMap<(Locator, Category), Vec<Evidence>> = BTreeMap::new();
    for e in evidence {
        merged.entry((e.locator.clone(), e.category)).or_default().push(e);
    }
    let merged: Vec<((Locator, Category), Vec<Evidence>)> = merged.into_iter().collect();
    let weighed: Vec<(Locator, (Finding, bool))> = merged
        .into_par_iter()
        .map(|((locator, category), pieces)| (locator.clone(), finding(locator, category, pieces)))
        .collect();
    let mut by_object: BTreeMap<Locator, Vec<(Finding, bool)>> = BTreeMap::new();
    for (locator, finding) in weighed {
        by_object.entry(locator).or_default().push(finding);
    }
    let mut findings: Vec<Finding> = by_object.into_values().flat_map(level_object).collect();
    findings.sort_by_cached_key(|f| (f.locator.raw(), f.category, f.id.clone()));
    findings
}

/// One finding and whether it is strong by itself.
fn finding(locator: Locator, category: Category, pieces: Vec<Evidence>) -> (Finding, bool) {
    let phi = phi_of(&pieces);
    // Of several titles, the one with the most weight behind it.
    let weight = |e: &Evidence| e.reasons.iter().map(|r| i64::from(r.weight)).sum::<i64>();
    let best = pieces.iter().min_by_key(|e| (-weight(e), e.title.as_str()));
    let title = best.map(|e| e.title.clone()).unwrap_or_default();
    let mut techniques: Vec<_> = pieces.iter().flat_map(|e| e.techniques.iter().cloned()).collect();
    techniques.sort();
    techniques.dedup();
    let mut reasons: Vec<Reason> = pieces.into_iter().flat_map(|e| e.reasons).collect();
    if category == Category::PhiAtRest && !reasons.iter().any(|r| r.axis == Some(Axis::Content)) {
        reasons.extend(phi.iter().flat_map(|p| content(std::slice::from_ref(p)).reasons));
    }
    reasons.sort_by_cached_key(|r| {
        let detail = r.detail.as_ref().map(ToString::to_string);
        (r.axis, Reverse(r.weight), r.id.clone(), r.source.clone(), r.group.clone(), r.text.clone(), detail)
    });
    reasons.dedup();
    let id = identity::id(category, &locator, &reasons);

    let (score, strong) = match category {
        Category::Staging => {
            let axes = Axes::of(&reasons);
            reasons.extend(axes.rules.iter().map(|r| Reason::new(r.id(), "rule", 0, r.words(), SOURCE)));
            (axes.score, axes.strong())
        }
        Category::PhiAtRest => (Axes::of(&reasons).content_score(), false),
        _ => {
            let strong = i32::from(thresholds(category).strong);
            (sum(&reasons).score, reasons.iter().any(|r| r.weight >= strong))
        }
    };
    let finding = Finding { id, level: Level::Info, score, object_score: 0, category, title, locator, reasons, phi, techniques };
    (finding, strong)
}

/// Patient data of several pieces of evidence on one object.
fn phi_of(pieces: &[Evidence]) -> Option<Arc<PhiFacts>> {
    let mut all: Vec<&Arc<PhiFacts>> = pieces.iter().filter_map(|e| e.phi.as_ref()).collect();
    all.sort_by(|a, b| (&a.format, a.records).cmp(&(&b.format, b.records)));
    all.dedup_by(|a, b| Arc::ptr_eq(a, b) || a == b);
    match all.as_slice() {
        [] => None,
        [one] => Some(Arc::clone(one)),
        _ => Some(Arc::new(merge(&all.into_iter().cloned().collect::<Vec<_>>()))),
    }
}

/// Levels of all findings on one object.
fn level_object(findings: Vec<(Finding, bool)>) -> Vec<Finding> {
    let against = || findings.iter().filter(|(f, _)| f.category != Category::PhiAtRest);
    let object_score = combine(against().map(|(f, _)| f.score));
    let any_strong = against().any(|(_, strong)| *strong);
    let strongest = against().min_by_key(|(f, strong)| (-i32::from(f.score), !strong, f.category)).map(|(f, _)| f.id.clone());
    findings
        .into_iter()
        .map(|(mut f, strong)| {
            f.object_score = object_score;
            f.level = match f.category {
                Category::PhiAtRest => Level::Info,
                _ if Some(&f.id) == strongest.as_ref() => level_of(f.category, object_score, any_strong),
                _ => level_of(f.category, f.score, strong),
            };
            f
        })
        .collect()
}
