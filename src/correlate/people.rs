//! What every object holds of patient data, kept together for the case-wide totals.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{Category, Evidence, Locator, PhiFacts};

/// Keeps the facts of every object that holds patient data.
#[derive(Debug, Default)]
pub struct People {
    facts: BTreeMap<Locator, Vec<Arc<PhiFacts>>>,
}

impl People {
    pub fn new() -> Self {
        Self::default()
    }

    /// In the order of locators; an object that several detectors recognised comes several times.
    pub fn facts(&self) -> impl Iterator<Item = (&Locator, &Arc<PhiFacts>)> {
        self.facts.iter().flat_map(|(locator, facts)| facts.iter().map(move |f| (locator, f)))
    }

    /// The facts of one object.
    pub fn of(&self, locator: &Locator) -> &[Arc<PhiFacts>] {
        self.facts.get(locator).map_or(&[], Vec::as_slice)
    }

    /// Takes note of a piece of evidence about patient data at rest.
    pub fn note(&mut self, evidence: &Evidence) {
        let (Category::PhiAtRest, Some(facts)) = (evidence.category, &evidence.phi) else { return };
        let all = self.facts.entry(evidence.locator.clone()).or_default();
        all.push(Arc::clone(facts));
        all.sort_by(|a, b| (&a.format, a.records, a.individuals.best).cmp(&(&b.format, b.records, b.individuals.best)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_patient_data_and_nothing_else() {
        let mut people = People::new();
        let mut evidence = Evidence {
            locator: Locator::os("/b"),
            category: Category::PhiAtRest,
            title: String::new(),
            reasons: Vec::new(),
            phi: Some(Arc::new(PhiFacts { format: "hl7".into(), ..PhiFacts::default() })),
            techniques: Vec::new(),
        };
        people.note(&evidence);
        evidence.locator = Locator::os("/a");
        people.note(&evidence);
        evidence.category = Category::Staging;
        people.note(&evidence);
        assert_eq!(people.facts().map(|(l, _)| l.shown()).collect::<Vec<_>>(), ["/a", "/b"]);
        assert!(people.of(&Locator::os("/c")).is_empty());
    }
}
