//! The scoring model's data: thresholds and weights of `signatures/scoring.json`, and profiles.
//!
//! It lies in the lowest layer so that detectors, correlators and the score speak of the same weights.
//! Weights are expert priors, not probabilities and not calibrated.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

use super::{Axis, Profile, Reason, assets};

/// Named in every reason whose weight comes from the file.
pub const SOURCE: &str = "signatures/scoring.json";

/// The file as it is embedded; part of what identifies the model.
pub const TEXT: &str = include_str!("../../signatures/scoring.json");

static PRIORS: OnceLock<Priors> = OnceLock::new();

/// Scores from which a level applies, 0 to 100.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    pub alert: u8,
    pub warning: u8,
    pub notice: u8,
    /// A reason of at least this weight is strong by itself; no alert without one.
    pub strong: u8,
}

/// Constants of the rules around the two axes, in hundredths.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// How much of an axis its full discount takes away.
    pub discount: u8,
    /// Highest score with fewer than two groups of staging signs.
    pub single_group_cap: u8,
    /// Lowest score of unreadable content with strong staging signs.
    pub opaque_floor: u8,
    /// Staging axis from which that floor applies.
    pub opaque_axis: u8,
    /// Groups of staging signs from which that floor applies.
    pub opaque_groups: usize,
    /// Highest score of unreadable content with fewer groups than that: any locked backup has two.
    pub opaque_cap: u8,
    /// Staging below this score is not reported.
    pub report_from: u8,
    /// People from which content counts as many.
    pub many_people: u64,
    /// Members with a name of the weak sort that together speak of patient data.
    pub weak_names: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weight {
    pub group: String,
    /// 0 to 100.
    pub weight: u8,
}

/// A member that a zip with one of these extensions must have to be what its name says.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Marker {
    pub extensions: Vec<String>,
    pub member: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Types {
    /// Archive format and the extensions it rightly has.
    pub archives: BTreeMap<String, Vec<String>>,
    pub markers: Vec<Marker>,
    /// Extensions of well-known types that are no archive.
    pub other: Vec<String>,
    /// Extensions that say little.
    pub generic: Vec<String>,
    /// Extensions of types that are not text.
    pub binary: Vec<String>,
    /// Beginnings of the names of detectors whose formats are text.
    pub text_formats: Vec<String>,
    /// Owners under which web servers and services run (Debian's and Red Hat's www-data and apache, nobody; Windows'
    /// well-known SIDs), as patterns on lower-case text.
    pub service_owners: Vec<String>,
    /// Beginnings of the names of detectors of standard health-care formats.
    pub standard_formats: Vec<String>,
}

/// The whole file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Priors {
    pub about: String,
    pub thresholds: Thresholds,
    /// The same for staging, whose score is the mean of two axes: they are reached less easily.
    pub staging_thresholds: Thresholds,
    pub rules: Rules,
    /// By reason id.
    pub weights: BTreeMap<String, Weight>,
    pub types: Types,
    /// What places and names mean: `iocs/profiles`, and what a clinic adds.
    #[serde(skip)]
    pub profile: Profile,
}

impl Priors {
    /// The model of this process: what was installed, or the embedded one.
    pub fn get() -> &'static Self {
        PRIORS.get_or_init(|| Self::with(&[]))
    }

    /// Adds profiles to the embedded ones, for this process and before anything asks for the model.
    ///
    /// # Errors
    /// In words, where the patterns are too many together, or a model with other profiles is in use already.
    pub fn install(profiles: &[Profile]) -> Result<(), String> {
        let new = Self::with(profiles);
        let compiled = if profiles.is_empty() { Ok(()) } else { new.profile.compiles() };
        compiled.map_err(|_| "the profiles have too many patterns; give fewer of them with --ioc".to_owned())?;
        let wanted = new.profile.clone();
        if PRIORS.get_or_init(|| new).profile == wanted { Ok(()) } else { Err("other profiles are in use already".to_owned()) }
    }

    fn with(profiles: &[Profile]) -> Self {
        let mut priors: Self = serde_json::from_str(TEXT).expect("embedded and tested");
        for (name, text) in assets::below("iocs/profiles") {
            priors.profile.merge(&Profile::read(name, text).expect("embedded and tested").0);
        }
        profiles.iter().for_each(|p| priors.profile.merge(p));
        priors
    }

    /// A reason with the weight, group and axis of its id. An id that the file doesn't know weighs nothing.
    pub fn reason(&self, id: &str, text: impl Into<String>) -> Reason {
        let (group, weight) = match self.weights.get(id) {
            Some(w) => (w.group.as_str(), i32::from(w.weight)),
            None => ("", 0),
        };
        let mut reason = Reason::new(id, group, weight, text, SOURCE);
        reason.axis = axis(id);
        reason
    }
}

/// The axis that a reason id names before its dot.
fn axis(id: &str) -> Option<Axis> {
    match id.split_once('.')?.0 {
        "content" => Some(Axis::Content),
        "staging" => Some(Axis::Staging),
        "benign" => Some(Axis::Benign),
        "not_real" => Some(Axis::NotReal),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::profile;
    use super::*;

    #[test]
    fn the_file_is_complete_and_in_range() {
        let p = Priors::get();
        for t in [p.thresholds, p.staging_thresholds] {
            assert!(t.notice < t.warning && t.warning < t.alert && t.alert <= 100 && t.strong <= 100);
        }
        let staging = p.staging_thresholds;
        assert!(p.rules.discount <= 100 && p.rules.single_group_cap < staging.warning && p.rules.opaque_floor >= staging.warning);
        assert!(p.rules.opaque_cap < staging.notice);
        for (id, w) in &p.weights {
            assert!((1..=100).contains(&w.weight), "{id}");
            assert!(!w.group.is_empty(), "{id}");
            assert!(axis(id).is_some(), "{id}");
        }
        for list in [&p.types.other, &p.types.generic] {
            for (format, extensions) in p.types.archives.iter().filter(|(f, _)| *f != "cab") {
                assert!(!extensions.iter().any(|e| list.contains(e)), "{format}");
            }
        }
    }

    #[test]
    fn every_pattern_compiles() {
        let p = Priors::get();
        assert!(p.profile.compiles().is_ok());
        for marker in &p.types.markers {
            assert!(regex::Regex::new(&marker.member).is_ok(), "{}", marker.member);
            assert_eq!(marker.member, marker.member.to_lowercase(), "matched on lower case");
        }
    }

    #[test]
    fn embedded_profiles_load_whole() {
        let mut files = 0;
        for (name, text) in assets::below("iocs/profiles") {
            let (profile, rejected) = Profile::read(name, text).expect(name);
            assert!(rejected.is_empty() && !profile.is_empty(), "{name}: {rejected:?}");
            files += 1;
        }
        assert!(files >= 5);
        let profile = &Priors::get().profile;
        for list in profile::LOCATIONS {
            assert!(!profile.locations(list).is_empty(), "{list}");
        }
        for list in profile::PATTERNS {
            assert!(!profile.patterns(list).is_empty(), "{list}");
        }
    }

    #[test]
    fn a_second_model_is_refused_and_the_same_is_not() {
        let (other, _) = Profile::read("x", r#"{"format": "wardround/profile/1", "own_documents": ["^x$"]}"#).unwrap();
        Priors::get();
        assert!(Priors::install(&[]).is_ok());
        assert!(Priors::install(std::slice::from_ref(&other)).is_err());
        let joined = Priors::with(&[other]).profile;
        assert_eq!(joined.len(), Priors::get().profile.len() + 1);
        assert_eq!(joined.patterns("own_documents").last().map(String::as_str), Some("^x$"));
    }

    #[test]
    fn a_field_that_nobody_reads_is_refused() {
        let wrong = TEXT.replacen("\"about\"", "\"extra\": 1, \"about\"", 1);
        assert!(serde_json::from_str::<Priors>(&wrong).is_err());
    }

    #[test]
    fn reasons_carry_weight_group_and_axis() {
        let r = Priors::get().reason("staging.enc_hdr", "x");
        assert_eq!((r.weight, r.group.as_str(), r.axis), (40, "crypto", Some(Axis::Staging)));
        assert_eq!(Priors::get().reason("nonsense", "x").weight, 0);
    }
}
