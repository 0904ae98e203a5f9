//! What only the whole can tell: staging, people across files. Correlators run on the collector's thread and
//! see every object and every piece of evidence once, in any order; their result must not depend on it.

use std::sync::Arc;

use crate::ioc::IndicatorSet;
use crate::model::{Clue, Evidence, Gap, Object, Sighting};

pub mod axes;
pub mod content;
pub mod distinct;
mod names;
pub mod patterns;
pub mod people;
mod place;
pub mod staging;
mod tally;

/// The correlators of a scan with these indicators, the time of the suspected intrusion, and files of other cases.
pub fn all(indicators: &Arc<IndicatorSet>, window: Option<staging::Window>, others: staging::Others) -> Vec<Box<dyn Correlator>> {
    vec![Box::new(staging::Staging::with(window, others)), Box::new(patterns::Patterns::new(indicators.clone()))]
}

/// Joins facts of many objects.
pub trait Correlator: Send {
    /// Short name in documentation and logs.
    fn id(&self) -> &'static str;

    fn object(&mut self, _object: &Object) {}

    fn evidence(&mut self, _evidence: &Evidence) {}

    fn sighting(&mut self, _sighting: &Sighting) {}

    fn clue(&mut self, _clue: &Clue) {}

    /// Evidence about objects seen before, in any order (the caller sorts).
    fn finish(&mut self) -> Vec<Evidence>;

    /// What it had no room for: asked once, after the end.
    fn gaps(&self) -> Vec<Gap> {
        Vec::new()
    }
}
