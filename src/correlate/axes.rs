//! The arithmetic of the staging score: what an object holds, times how it was prepared to leave.
//!
//! Reasons belong to groups. Within a group the strongest counts, across groups they combine as
//! `1 − Π(1 − w)`. With content C, staging S, harmless explanation B and not-real D:
//! `C' = C·(1 − 0.8·D)`, `S' = S·(1 − 0.8·B)`, score = `100·√(C'·S')`. Both axes are needed.

use std::collections::BTreeMap;

use crate::model::{Axis, Priors, Reason};

/// A rule that changed the result of the formula.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// An exfiltration tool's configuration names the path: harmless explanations don't count.
    ToolNamesPath,
    /// Unreadable content, but strong staging of several kinds: lifted to a floor.
    OpaqueFloor,
    /// Unreadable content and few kinds of staging signs: capped.
    OpaqueCap,
    /// Fewer than two kinds of staging signs: capped.
    SingleGroup,
}

impl Rule {
    pub fn id(self) -> &'static str {
        match self {
            Rule::ToolNamesPath => "rule.tool_names_path",
            Rule::OpaqueFloor => "rule.opaque_floor",
            Rule::OpaqueCap => "rule.opaque_cap",
            Rule::SingleGroup => "rule.single_group",
        }
    }

    /// For people.
    pub fn words(self) -> String {
        let rules = Priors::get().rules;
        match self {
            Rule::ToolNamesPath => {
                "an exfiltration tool's configuration names this path, so harmless explanations don't count".into()
            }
            Rule::OpaqueFloor => {
                format!(
                    "content could not be read, but staging signs of several kinds are strong: at least {}",
                    rules.opaque_floor
                )
            }
            Rule::OpaqueCap => format!(
                "content could not be read, and staging signs are of fewer than {} kinds: at most {}",
                rules.opaque_groups, rules.opaque_cap
            ),
            Rule::SingleGroup => format!("fewer than two kinds of staging signs: at most {}", rules.single_group_cap),
        }
    }
}

/// The axes of one object, each 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Axes {
    /// After the discount for test and de-identified data.
    pub content: f64,
    /// After the discount for harmless explanations.
    pub staging: f64,
    pub benign: f64,
    pub not_real: f64,
    /// Groups of staging signs.
    pub groups: usize,
    /// 0 to 100.
    pub score: u8,
    pub rules: Vec<Rule>,
}

impl Axes {
    /// Weighs the reasons that name an axis.
    pub fn of(reasons: &[Reason]) -> Self {
        let rules = Priors::get().rules;
        let discount = f64::from(rules.discount) / 100.0;
        let mut applied = Vec::new();

        let mut benign = combine(reasons, Axis::Benign);
        if benign > 0.0 && reasons.iter().any(|r| r.id == "staging.cfg_refs_path") {
            benign = 0.0;
            applied.push(Rule::ToolNamesPath);
        }
        let not_real = combine(reasons, Axis::NotReal);
        let content = combine(reasons, Axis::Content) * (1.0 - discount * not_real);
        let staging = combine(reasons, Axis::Staging) * (1.0 - discount * benign);
        let groups = strongest(reasons, Axis::Staging).len();
        let mut score = round(100.0 * (content * staging).sqrt());

        let held = strongest(reasons, Axis::Content);
        let only_opaque = !held.is_empty() && held.keys().all(|g| *g == "opaque");
        let axis_floor = f64::from(rules.opaque_axis) / 100.0;
        if only_opaque && staging + 1e-9 >= axis_floor && groups >= rules.opaque_groups && score < rules.opaque_floor {
            score = rules.opaque_floor;
            applied.push(Rule::OpaqueFloor);
        }
        if only_opaque && groups < rules.opaque_groups && score > rules.opaque_cap {
            score = rules.opaque_cap;
            applied.push(Rule::OpaqueCap);
        }
        if groups < 2 && score > rules.single_group_cap {
            score = rules.single_group_cap;
            applied.push(Rule::SingleGroup);
        }
        Self { content, staging, benign, not_real, groups, score, rules: applied }
    }

    /// 0 to 100 from content alone, for data at rest.
    pub fn content_score(&self) -> u8 {
        round(100.0 * self.content)
    }

    /// Strong by itself: a score that speaks for both axes, one of which is nearly certain.
    pub fn strong(&self) -> bool {
        let strong = Priors::get().staging_thresholds.strong;
        self.score >= strong && self.content.max(self.staging) + 1e-9 >= f64::from(strong) / 100.0
    }
}

/// The strongest weight of each group on an axis.
fn strongest(reasons: &[Reason], axis: Axis) -> BTreeMap<&str, i32> {
    let mut groups = BTreeMap::new();
    for r in reasons.iter().filter(|r| r.axis == Some(axis) && r.weight > 0) {
        let best = groups.entry(r.group.as_str()).or_insert(0);
        *best = r.weight.min(100).max(*best);
    }
    groups
}

/// Noisy-OR over groups. The order of multiplication is the order of group names, so that the last bit of
/// the result is the same everywhere.
fn combine(reasons: &[Reason], axis: Axis) -> f64 {
    1.0 - strongest(reasons, axis).values().map(|w| 1.0 - f64::from(*w) / 100.0).product::<f64>()
}

/// Half up, to 0..=100. Sums of decimals sit a hair beside their true value in binary, so what is within
/// a billionth of a half counts as the half.
pub fn round(value: f64) -> u8 {
    (value + 0.5 + 1e-9).floor().clamp(0.0, 100.0) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axes(ids: &[&str]) -> Axes {
        let reasons: Vec<_> = ids
            .iter()
            .map(|id| {
                let id = if id.contains('.') { (*id).to_owned() } else { format!("staging.{id}") };
                let r = Priors::get().reason(&id, "");
                assert!(r.weight > 0, "{id}");
                r
            })
            .collect();
        Axes::of(&reasons)
    }

    /// Published worked examples of the model: name, reasons, C', S', score.
    #[rustfmt::skip]
    const EXAMPLES: &[(&str, &[&str], i32, i32, i32)] = &[
        ("T1 split set in PerfLogs", &["content.opaque", "content.manifest_phi", "location_strong", "enc_hdr", "split", "tool_window", "burst", "manifest"], 66, 94, 79),
        ("T2 claims by checksum", &["content.crc_match", "location_strong", "enc_visible", "archiver", "aggregate", "burst"], 95, 88, 91),
        ("T3 dump in shared memory", &["content.dump_schema", "location_strong", "ext_mismatch", "owner"], 80, 79, 80),
        ("T4 mailboxes under wwwroot", &["content.std_multi", "content.rows_mrn_dob", "location_webroot", "aggregate", "name_habit"], 96, 79, 87),
        ("T5 volumes in the recycle bin", &["content.std_multi", "location_recycle", "split", "burst"], 90, 71, 80),
        ("T6 copied tree", &["content.table_strong", "content.eob_docs", "location_medium", "tool_window", "aggregate", "burst"], 93, 85, 89),
        ("B1 nightly backup", &["content.opaque", "content.names_phi", "enc_hdr", "split", "benign.scheduled_series", "benign.backup_catalog", "benign.expected_place"], 62, 15, 30),
        ("B2 research export", &["content.table_headers", "content.codes_only", "aggregate", "benign.expected_place", "not_real.deidentified"], 22, 29, 25),
        ("B3 phone numbers in Temp", &["content.phone_only", "location_medium"], 5, 25, 11),
        ("B4 vendor installer", &["content.opaque", "location_medium", "enc_visible", "benign.signed_vendor"], 15, 16, 15),
        ("B5 test data", &["content.table_strong", "content.rows_ssn_dob", "location_medium", "name_habit", "not_real.synthetic"], 31, 36, 33),
        ("B6 own spreadsheet", &["content.table_strong", "content.rows_mrn_dob", "name_habit", "benign.own_documents"], 94, 10, 30),
        ("E1 nothing known of the content", &["content.opaque", "location_strong", "enc_hdr", "split", "tool_window"], 15, 88, 60),
        ("E2 mimics a backup", &["content.opaque", "content.manifest_phi", "cfg_refs_path", "enc_hdr", "split", "benign.scheduled_series"], 66, 92, 78),
        ("E3 vendor export", &["content.std_multi", "location_medium", "owner", "benign.ehi_readme"], 90, 26, 48),
        ("E4 the same by an unusual owner", &["content.std_multi", "location_strong", "owner", "aggregate", "benign.ehi_readme"], 90, 46, 65),
        ("E5 single table", &["content.table_strong", "location_strong"], 85, 45, 54),
        ("E6 admin's zip", &["content.opaque", "location_medium", "enc_visible"], 15, 44, 26),
    ];

    #[test]
    fn worked_examples() {
        for (name, ids, content, staging, score) in EXAMPLES {
            let got = axes(ids);
            for (what, is, want) in [
                ("C'", i32::from(round(100.0 * got.content)), *content),
                ("S'", i32::from(round(100.0 * got.staging)), *staging),
                ("score", i32::from(got.score), *score),
            ] {
                assert!((is - want).abs() <= 1, "{name}: {what} is {is}, should be {want}");
            }
        }
    }

    #[test]
    fn rules_say_when_they_applied() {
        assert_eq!(axes(EXAMPLES[12].1).rules, [Rule::OpaqueFloor]);
        assert_eq!(axes(EXAMPLES[13].1).rules, [Rule::ToolNamesPath]);
        assert_eq!(axes(EXAMPLES[16].1).rules, [Rule::SingleGroup]);
        assert!(axes(EXAMPLES[0].1).rules.is_empty());
        assert_eq!(axes(&["content.opaque", "cfg_refs_path", "enc_hdr"]).rules, [Rule::OpaqueCap]);
    }

    #[test]
    fn within_a_group_only_the_strongest_counts() {
        assert_eq!(
            axes(&["content.std_multi", "location_strong"]),
            axes(&["content.std_multi", "location_strong", "location_medium"])
        );
    }

    #[test]
    fn one_axis_alone_is_nothing() {
        assert_eq!(axes(&["content.std_multi"]).score, 0);
        assert_eq!(axes(&["location_strong", "split", "enc_hdr"]).score, 0);
        assert_eq!(axes(&["content.std_multi"]).content_score(), 90);
        assert_eq!(Axes::of(&[]).score, 0);
    }

    #[test]
    fn a_full_discount_leaves_a_fifth() {
        let got = axes(&["content.std_multi", "location_strong", "benign.hash_allow", "benign.signed_vendor", "benign.rotation"]);
        assert!(got.staging > 0.2 * 0.45 - 1e-9 && got.content == 0.9);
    }

    #[test]
    fn halves_round_up() {
        assert_eq!(
            [round(77.499_999_999_9), round(77.5), round(77.49), round(-1.0), round(1e9), round(f64::NAN)],
            [78, 78, 77, 0, 100, 0]
        );
    }
}
