//! What a format hands its indicators to: it checks, counts and locates.

use std::sync::Arc;

use super::address;
use super::hash::HashValue;
use super::pattern::MAX_PATTERN;
use super::set::{Indicator, IndicatorSet};
use super::trivial::trivial;
use crate::model::text;
use crate::model::{Input, Rejected};

/// Weight of a listed hash or address without a score of its own.
pub const DEFAULT_SCORE: i32 = 100;
/// Weight of a file-name pattern without a score (exports whose second field is a description).
pub const DEFAULT_NAME_SCORE: i32 = 75;
/// Weight of a hash from a list of trusted ones.
pub const TRUSTED_SCORE: i32 = -100;

/// Rejections kept for one file; further ones are counted.
const MAX_REJECTED: usize = 1000;
/// Characters kept of a description.
const MAX_DESCRIPTION: usize = 300;

/// Receives the indicators of one file.
pub struct Loader<'a> {
    set: &'a mut IndicatorSet,
    file: Arc<str>,
    report: &'a mut Input,
    /// The file lists what is known to be good.
    trusted: bool,
    description: Arc<str>,
    unlisted: u64,
}

impl<'a> Loader<'a> {
    pub(super) fn new(set: &'a mut IndicatorSet, report: &'a mut Input, trusted: bool) -> Self {
        let file: Arc<str> = report.name.as_str().into();
        Self { set, description: "".into(), file, report, trusted, unlisted: 0 }
    }

    /// A digest; `score` where the line has one.
    pub fn hash(&mut self, line: u64, value: HashValue, score: Option<i64>, description: &str) {
        if let Some(what) = trivial(&value) {
            return self.reject(line, format!("the {} of {what}, which accuses nobody", value.kind().words()));
        }
        let default = if self.trusted { TRUSTED_SCORE } else { DEFAULT_SCORE };
        let Some(mut score) = self.score(line, score, default) else { return };
        if self.trusted {
            score = -score.abs();
        }
        if let Some(id) = self.indicator(line, score, description) {
            self.set.hashes.add(value, id);
            self.report.loaded += 1;
        }
    }

    /// A pattern for the whole path, and one for paths that clear it again.
    pub fn filename(&mut self, line: u64, pattern: &str, score: Option<i64>, clearing: Option<&str>, description: &str) {
        if pattern.len() > MAX_PATTERN || clearing.is_some_and(|c| c.len() > MAX_PATTERN) {
            return self.reject(line, format!("a pattern of more than {MAX_PATTERN} bytes"));
        }
        let Some(score) = self.score(line, score, DEFAULT_NAME_SCORE) else { return };
        let Ok(id) = u32::try_from(self.set.indicators.len()) else { return self.reject(line, "too many indicators") };
        match self.set.filenames.add(pattern, clearing, id) {
            Err(why) => self.reject(line, why),
            Ok(()) => {
                if self.indicator(line, score, description).is_some() {
                    self.report.loaded += 1;
                }
            }
        }
    }

    /// A domain, address, network or URL, as the list writes it.
    pub fn address(&mut self, line: u64, entry: &str, score: Option<i64>, description: &str) {
        let address = match address::parse(entry) {
            Ok(address) => address,
            Err(why) => return self.reject(line, format!("\"{}\": {why}", text::shorten(&text::escape(entry.as_bytes()), 80))),
        };
        let Some(score) = self.score(line, score, DEFAULT_SCORE) else { return };
        let shown = match &address {
            address::Address::Domain(name, _) | address::Address::Url(name) => name.clone(),
            address::Address::Ip4(ip) => ip.to_string(),
            address::Address::Net4(ip, bits) => format!("{ip}/{bits}"),
            address::Address::Net6(ip, 128) => ip.to_string(),
            address::Address::Net6(ip, bits) => format!("{ip}/{bits}"),
        };
        if let Some(id) = self.indicator(line, score, description) {
            if let Some(indicator) = self.set.indicators.last_mut() {
                indicator.value = Some(text::escape(shown.as_bytes()).into());
            }
            self.set.addresses.add(&address, id);
            self.report.loaded += 1;
        }
    }

    /// A line that isn't taken, with the reason in words.
    pub fn reject(&mut self, line: u64, why: impl Into<String>) {
        if self.report.rejected.len() < MAX_REJECTED {
            self.report.rejected.push(Rejected { place: format!("{}:{line}", self.file), why: why.into() });
        } else {
            self.unlisted = self.unlisted.saturating_add(1);
        }
    }

    /// Counts what [`MAX_REJECTED`] kept out.
    pub(super) fn finish(self) {
        if self.unlisted > 0 {
            let why = format!("{} further lines were rejected", text::thousands(self.unlisted));
            self.report.rejected.push(Rejected { place: self.file.to_string(), why });
        }
    }

    /// A score within −100 and 100, other than 0. What is beyond is cut and noted.
    fn score(&mut self, line: u64, score: Option<i64>, default: i32) -> Option<i32> {
        let Some(score) = score else { return Some(default) };
        let cut = i32::try_from(score.clamp(-100, 100)).unwrap_or(default);
        if cut == 0 {
            self.reject(line, "a score of 0 neither accuses nor clears");
            return None;
        }
        if i64::from(cut) != score && self.report.adjusted.len() < MAX_REJECTED {
            let why = format!("the score {score} is beyond −100 to 100; {cut} is used");
            self.report.adjusted.push(Rejected { place: format!("{}:{line}", self.file), why });
        }
        Some(cut)
    }

    fn indicator(&mut self, line: u64, score: i32, description: &str) -> Option<u32> {
        let Ok(id) = u32::try_from(self.set.indicators.len()) else {
            self.reject(line, "too many indicators");
            return None;
        };
        let shown: String = text::escape(description.trim().as_bytes()).chars().take(MAX_DESCRIPTION).collect();
        if *self.description != *shown {
            self.description = shown.into();
        }
        let description = self.description.clone();
        self.set.indicators.push(Indicator { score, description, file: self.file.clone(), line, value: None });
        Some(id)
    }
}
