//! Patterns that speak of several objects of one host: `[a file] AND [another]`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::json;

use super::Correlator;
use crate::ioc::{IndicatorSet, Truth};
use crate::model::{Category, Evidence, Locator, Reason, Sighting, text};

/// Objects kept for one statement of a pattern, the first in canonical order; more are counted.
const MAX_OBJECTS: usize = 20;

/// Objects that fit one statement.
#[derive(Default)]
struct Fitting {
    first: BTreeSet<Locator>,
    count: u64,
}

/// Collects which objects fit which statements.
pub struct Patterns {
    indicators: Arc<IndicatorSet>,
    seen: BTreeMap<u32, BTreeMap<u32, Fitting>>,
}

impl Patterns {
    pub fn new(indicators: Arc<IndicatorSet>) -> Self {
        Self { indicators, seen: BTreeMap::new() }
    }
}

impl Correlator for Patterns {
    fn id(&self) -> &'static str {
        "patterns"
    }

    fn sighting(&mut self, s: &Sighting) {
        let fitting = self.seen.entry(s.pattern).or_default().entry(s.part).or_default();
        fitting.count = fitting.count.saturating_add(1);
        fitting.first.insert(s.locator.clone());
        if fitting.first.len() > MAX_OBJECTS {
            fitting.first.pop_last();
        }
    }

    fn finish(&mut self) -> Vec<Evidence> {
        let mut out = Vec::new();
        for (number, parts) in std::mem::take(&mut self.seen) {
            let pattern = usize::try_from(number).ok().and_then(|n| self.indicators.patterns().get(n));
            let Some(pattern) = pattern else { continue };
            let held: BTreeSet<u32> = parts.keys().copied().collect();
            let Some(indicator) = self.indicators.get(pattern.indicator) else { continue };
            if pattern.value(&held) != Truth::True || indicator.score <= 0 {
                continue;
            }
            let total: u64 = parts.values().map(|f| f.count).fold(0, u64::saturating_add);
            for (part, fitting) in parts {
                for locator in fitting.first {
                    let words = format!(
                        "Fits statement {} of {} of a pattern that holds on this host ({} objects in all): {}",
                        part.saturating_add(1),
                        pattern.parts,
                        text::thousands(total),
                        indicator.words()
                    );
                    let detail =
                        json!({ "statement": part.saturating_add(1), "statements": pattern.parts, "indicator": indicator.marks });
                    let reason = Reason::new("indicator.pattern", "pattern", indicator.score, words, indicator.source());
                    out.push(Evidence {
                        locator,
                        category: Category::Ioc,
                        title: format!("Part of a known pattern: {}", text::shorten(&indicator.words(), 120)),
                        reasons: vec![reason.with(detail)],
                        phi: None,
                        techniques: indicator.techniques(),
                    });
                }
            }
        }
        out
    }
}
