//! Patient data of several pieces as that of one set, with people counted once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::PeopleIndex;
use crate::model::{PhiFacts, Words};

/// The facts of several objects as those of one set. Their people are counted, and their tokens stay where they are.
/// Distinct values of identifiers are summed: what two pieces share counts twice.
pub fn summary<'a>(facts: impl IntoIterator<Item = &'a PhiFacts>) -> PhiFacts {
    let mut index = PeopleIndex::new();
    let mut out = PhiFacts::default();
    let (mut formats, mut largest, mut largest_low, mut total) = (BTreeSet::new(), 0, 0, 0_u64);
    let (mut synthetic, mut deidentified, mut keyless) = (0_u64, 0_u64, 0_u64);
    let (mut classes, mut notes, mut summed) = (BTreeSet::new(), BTreeSet::new(), BTreeMap::new());
    for f in facts {
        formats.insert(f.format.as_str());
        out.records = out.records.saturating_add(f.records);
        keyless = keyless.saturating_add(keyless_rows(f));
        if keyless_rows(f) == 0 {
            index.add(f);
        }
        let best = f.individuals.best;
        largest = largest.max(best);
        largest_low = largest_low.max(f.individuals.low);
        total = total.saturating_add(best);
        synthetic = synthetic.saturating_add(if f.synthetic { best } else { 0 });
        deidentified = deidentified.saturating_add(if f.deidentified { best } else { 0 });
        for (kind, n) in &f.identifiers {
            let sum = out.identifiers.entry(kind.clone()).or_insert(0);
            *sum = sum.saturating_add(*n);
        }
        for (state, n) in &f.states {
            let sum = summed.entry(state.clone()).or_insert(0_u64);
            *sum = sum.saturating_add(*n);
        }
        classes.extend(&f.classes);
        notes.extend(f.notes.iter().cloned());
        out.clinical |= f.clinical;
        out.part2 = out.part2.saturating_add(f.part2);
    }
    // Where not all people are kept, their registers must go on.
    out.census = index.estimated().then(|| Arc::new(index.census()));
    let (mut individuals, states) = index.totals();
    // An object that kept no tokens still has its own count.
    individuals.best = individuals.best.max(largest);
    individuals.low = individuals.low.max(largest_low).min(individuals.best);
    // Rows that name nobody may each be about one more.
    individuals.high = individuals.high.max(individuals.best).saturating_add(keyless);
    out.individuals = individuals;
    out.format = formats.into_iter().collect::<Vec<_>>().join("+");
    out.states = if states.is_empty() { summed } else { states };
    out.classes = classes.into_iter().collect();
    out.notes = notes.into_iter().collect();
    out.synthetic = synthetic > total / 2;
    out.deidentified = deidentified > total / 2;
    out
}

/// The same of one object alone, whose people are counted already and all kept.
pub fn of_one(facts: &PhiFacts) -> PhiFacts {
    let set = |all: &[String]| all.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect();
    let any = facts.individuals.best > 0;
    PhiFacts {
        format: facts.format.clone(),
        records: facts.records,
        people: Vec::new(),
        individuals: facts.individuals,
        identifiers: facts.identifiers.clone(),
        classes: facts.classes.iter().copied().collect::<BTreeSet<_>>().into_iter().collect(),
        states: facts.states.clone(),
        synthetic: facts.synthetic && any,
        deidentified: facts.deidentified && any,
        clinical: facts.clinical,
        part2: facts.part2,
        notes: set(&facts.notes),
        census: None,
        words: Words::default(),
    }
}

/// Rows about people whom nothing names, where an object has only those.
fn keyless_rows(facts: &PhiFacts) -> u64 {
    if facts.individuals.best == 0 && facts.people.is_empty() { facts.individuals.high } else { 0 }
}

/// The facts of the parts of one object, with their people. Codes of substance use treatment are those of all parts,
/// also of those that name nobody: diagnoses often stand on a sheet of their own.
pub(super) fn parts(mut facts: Vec<PhiFacts>, part2: u64) -> Option<PhiFacts> {
    let part2 = |f: PhiFacts| PhiFacts { part2, ..f };
    if facts.len() < 2 {
        return facts.pop().map(part2);
    }
    let mut out = summary(&facts);
    if out.individuals.best > 0 {
        // Details without a key beside people are most likely theirs.
        let keyless = facts.iter().fold(0_u64, |sum, f| sum.saturating_add(keyless_rows(f)));
        out.individuals.high = out.individuals.high.saturating_sub(keyless).max(out.individuals.best);
    }
    for part in facts {
        let room = PhiFacts::MAX_PEOPLE.saturating_sub(out.people.len());
        out.people.extend(part.people.into_iter().take(room));
        out.words.0.extend(part.words.0);
    }
    out.words.0.sort_unstable();
    out.words.0.dedup();
    Some(part2(out))
}

/// The facts of forms of one content, of which most say the same: people are those of all, records and identifiers those
/// of the form that has most.
pub(super) fn forms(facts: Vec<PhiFacts>) -> Option<PhiFacts> {
    let (mut records, mut high, mut identifiers) = (0, 0, BTreeMap::<String, u64>::new());
    for form in &facts {
        records = form.records.max(records);
        high = form.individuals.high.max(high);
        for (kind, n) in &form.identifiers {
            let most = identifiers.entry(kind.clone()).or_insert(0);
            *most = (*most).max(*n);
        }
    }
    parts(facts, 0).map(|mut all| {
        all.individuals.high = high.max(all.individuals.best);
        PhiFacts { records, identifiers, ..all }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Census, Person, TokenKind};
    use crate::phi::people::individuals;

    /// People with these numbers, of whom only the first `keep` are kept.
    fn facts(numbers: std::ops::Range<u64>, keep: usize) -> PhiFacts {
        let key = crate::phi::CaseKey::new(&[7; 32]);
        let person = |i: u64| Person { tokens: vec![key.token(TokenKind::Ssn, &[&i.to_le_bytes()])], state: None };
        let people: Vec<Person> = numbers.map(person).collect();
        let census = (people.len() > keep).then(|| Arc::new(Census::of(&people)));
        let individuals = individuals(&people, people.len() as u64);
        PhiFacts { individuals, people: people.into_iter().take(keep).collect(), census, ..PhiFacts::default() }
    }

    #[test]
    fn one_alone_is_as_it_was_counted() {
        let rows = PhiFacts { individuals: crate::model::Individuals { low: 0, best: 0, high: 900 }, ..PhiFacts::default() };
        let marked = PhiFacts { synthetic: true, notes: vec!["b".into(), "a".into(), "b".into()], ..facts(0..10, 100) };
        for one in [facts(0..10, 100), facts(0..3000, 3000), rows, marked, PhiFacts::default()] {
            let (alone, counted) = (of_one(&one), summary([&one]));
            assert_eq!(
                format!("{:?}", (&alone.individuals, &alone.notes, alone.synthetic)),
                format!("{:?}", (&counted.individuals, &counted.notes, counted.synthetic))
            );
            assert_eq!((alone.method(), alone.format, alone.states), (counted.method(), counted.format, counted.states));
        }
    }

    #[test]
    fn those_who_are_not_kept_go_on_in_the_registers() {
        let all = parts(vec![facts(0..3000, 1000), facts(2000..4000, 3000)], 7).expect("people");
        assert_eq!((all.method(), all.part2), ("hyperloglog", 7));
        let off = |n: u64| n.abs_diff(4000) * 100 / 4000;
        assert!(off(all.individuals.best) <= 3, "{:?}", all.individuals);
        // Put together once more, as a case does.
        let case = summary([&all, &facts(3500..5000, 3000)]);
        assert!(case.individuals.best.abs_diff(5000) <= 150, "{:?}", case.individuals);
        let rows = PhiFacts { individuals: crate::model::Individuals { low: 0, best: 0, high: 900 }, ..PhiFacts::default() };
        let high = |all: PhiFacts| (all.individuals.best, all.individuals.high);
        assert_eq!(high(summary([&rows, &rows])), (0, 1800));
        assert_eq!(high(summary([&facts(0..10, 100), &rows])), (10, 910));
        assert_eq!(high(parts(vec![facts(0..10, 100), rows], 0).expect("people")), (10, 10));
        assert_eq!(parts(vec![facts(0..10, 100), facts(5..20, 100)], 0).expect("people").method(), "union_find");
    }
}
