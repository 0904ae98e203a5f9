use super::*;
use crate::model::{Individuals, Person, Token, TokenKind};

fn evidence(path: &str, category: Category, weights: &[i32]) -> Evidence {
    let reason = |(i, w): (usize, &i32)| Reason::new(format!("r{i}"), format!("g{i}"), *w, "", "test");
    Evidence {
        locator: Locator::os(path),
        category,
        title: format!("{weights:?}"),
        reasons: weights.iter().enumerate().map(reason).collect(),
        phi: None,
        techniques: vec!["T1".into()],
    }
}

fn staging(path: &str, ids: &[&str]) -> Evidence {
    let mut e = evidence(path, Category::Staging, &[]);
    e.reasons = ids.iter().map(|id| Priors::get().reason(id, "")).collect();
    e
}

fn one(weights: &[i32]) -> (u8, Level) {
    let f = weigh(vec![evidence("/a", Category::Yara, weights)]);
    (f[0].score, f[0].level)
}

/// The published table of the formula (THOR 10.7), to a tenth.
#[test]
fn the_halving_formula() {
    let table: &[(&[i32], f64)] = &[
        (&[75], 75.0),
        (&[40, 40], 52.0),
        (&[60, 60], 72.0),
        (&[70, 50], 77.5),
        (&[75, 50], 81.3),
        (&[70, 70, 70], 83.9),
        (&[80, 60, 40], 87.4),
        (&[70, 70, 50, 40, 40], 84.2),
        (&[45; 10], 66.2),
        (&[50; 20], 71.1),
        (&[100, 1], 100.0),
        (&[], 0.0),
    ];
    for (scores, want) in table {
        let got = halving(scores.to_vec());
        assert!((got - want).abs() <= 0.0501, "{scores:?}: {got}, should be {want}");
    }
    assert_eq!(combine([50, 70]), 78, "half goes up");
    assert_eq!(combine([60, 80, 40]), 87, "the order given doesn't matter");
    assert!(halving(vec![100; 10_000]) <= 100.0);
}

#[test]
fn an_alert_needs_a_strong_reason() {
    assert_eq!(one(&[70, 70, 70]), (84, Level::Warning));
    assert_eq!(one(&[75, 50]), (81, Level::Alert));
    assert_eq!(one(&[75]), (75, Level::Warning));
    assert_eq!(one(&[40]), (40, Level::Notice));
    assert_eq!(one(&[39]), (39, Level::Info));
    let of = |score, strong| level_of(Category::Ioc, score, strong);
    assert_eq!((of(100, false), of(80, true), of(79, true)), (Level::Warning, Level::Alert, Level::Warning));
}

#[test]
fn reasons_against_are_subtracted_afterwards() {
    assert_eq!(one(&[70, -30]).0, 40);
    assert_eq!(one(&[70, 50, -30]).0, 48);
    assert_eq!(one(&[40, -90]).0, 0);
    assert_eq!(one(&[-90]).0, 0);
    let mut e = evidence("/a", Category::Ioc, &[60, 60, -10, -20]);
    for (r, group) in e.reasons.iter_mut().zip(["for", "for", "against", "against"]) {
        r.group = group.into();
    }
    assert_eq!(weigh(vec![e])[0].score, 40, "one reason of each group");
}

#[test]
fn several_findings_decide_over_one_object() {
    let all =
        vec![evidence("/a", Category::Ioc, &[75]), evidence("/a", Category::Yara, &[60]), evidence("/b", Category::Yara, &[60])];
    let got: Vec<_> = weigh(all).into_iter().map(|f| (f.category, f.score, f.object_score, f.level)).collect();
    assert_eq!(
        got,
        [
            (Category::Ioc, 75, 83, Level::Alert),
            (Category::Yara, 60, 83, Level::Warning),
            (Category::Yara, 60, 60, Level::Warning),
        ]
    );
}

#[test]
fn staging_is_strong_where_content_and_score_are() {
    let good = ["content.std_multi", "content.rows_mrn_dob", "staging.location_strong", "staging.ext_mismatch"];
    let f = &weigh(vec![staging("/a", &good)])[0];
    assert_eq!((f.score, f.level), (83, Level::Alert));
    // Strong content at a low score doesn't turn another finding into an alert.
    let all = vec![
        staging("/a", &["content.std_multi", "staging.name_habit"]),
        evidence("/a", Category::Yara, &[70]),
        evidence("/a", Category::Ioc, &[70]),
    ];
    assert!(weigh(all).iter().all(|f| f.object_score >= 80 && f.level <= Level::Warning));
}

#[test]
fn applied_rules_are_told() {
    let f = &weigh(vec![staging("/a", &["content.table_strong", "staging.location_strong"])])[0];
    assert_eq!((f.score, f.level), (54, Level::Notice));
    let rule = f.reasons.last().unwrap();
    assert_eq!((rule.id.as_str(), rule.weight), ("rule.single_group", 0));
}

#[test]
fn patient_data_at_rest_accuses_nobody() {
    let tokens = |i| [TokenKind::Ssn, TokenKind::NameBirth].map(|kind| Token { kind, hash: i }).to_vec();
    let facts = PhiFacts {
        format: "x12-837".into(),
        people: (0..30).map(|i| Person { tokens: tokens(i), state: None }).collect(),
        individuals: Individuals { low: 30, best: 30, high: 30 },
        ..PhiFacts::default()
    };
    let mut at_rest = evidence("/a", Category::PhiAtRest, &[]);
    at_rest.phi = Some(Arc::new(facts));
    let f = &weigh(vec![at_rest.clone()])[0];
    assert_eq!((f.level, f.score, f.object_score), (Level::Info, 98, 0));
    assert!(f.phi.is_some() && f.reasons.iter().all(|r| r.axis == Some(Axis::Content)));
    let both = weigh(vec![at_rest, evidence("/a", Category::Yara, &[50])]);
    assert!(both.iter().all(|f| f.object_score == 50));
    assert_eq!(both.iter().map(|f| f.level).collect::<Vec<_>>(), [Level::Notice, Level::Info]);
}

#[test]
fn the_same_findings_in_any_order() {
    let mut all = vec![
        evidence("/b", Category::Yara, &[60, 20]),
        evidence("/b", Category::Yara, &[30]),
        evidence("/b", Category::Yara, &[30]),
        evidence("/a", Category::Ioc, &[100]),
        staging("/a", &["content.std_multi", "staging.split"]),
    ];
    let forth = format!("{:?}", weigh(all.clone()));
    all.reverse();
    let findings = weigh(all);
    assert_eq!(format!("{findings:?}"), forth);
    assert_eq!(findings.len(), 3);
    assert_eq!(findings[2].title, "[60, 20]");
    assert_eq!(findings[2].reasons.len(), 3);
    assert_eq!(findings[2].techniques, ["T1"]);
}

#[test]
fn hostile_weights_stay_in_range() {
    for weights in [&[i32::MAX, i32::MIN][..], &[i32::MIN], &[i32::MAX], &[0]] {
        let _ = one(weights);
    }
    assert_eq!(one(&[i32::MAX]).0, 100);
}
