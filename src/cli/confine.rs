//! Before the scan process looks at anything: the way to the targets is opened, then it gives up what it doesn't need.

use super::args::ScanArgs;
use crate::confine::{self, Measure};
use crate::plan::{self, Options, PlanError, PlannedTarget};
use crate::report::Confinement;

/// The targets, and what was given up. To be called while the process has one thread.
///
/// # Errors
/// When a target can't be reached any more, or the cache of rules has no lawful place.
pub fn enter(args: &ScanArgs, options: &Options) -> Result<(Vec<PlannedTarget>, Vec<Confinement>), PlanError> {
    let targets = plan::open_targets(options)?;
    plan::make_cache(options, &targets)?;
    let case = options.case.clone().unwrap_or_default();
    let taken = match args.unconfined {
        true => confine::left_out(),
        false => confine::enter(&plan::needs(options, &targets, &case)),
    };
    Ok((targets, taken.into_iter().map(row).collect()))
}

pub fn row(measure: Measure) -> Confinement {
    Confinement { measure: measure.name.to_owned(), degree: measure.degree.id().to_owned(), detail: measure.detail }
}
